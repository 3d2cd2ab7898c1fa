/*
 * What of a kustomization is left to the program: found over all that it reaches, before
 * anything is built, and named by file, line and field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/buf.h"
#include "render/kustomize/scan.h"
#include "tree_files.h"

#define CM "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
#define OWN "apiVersion: my.io/v1\nkind: Own\nmetadata: {name: p}\n"
#define FUNCTION(how) "apiVersion: my.io/v1\nkind: Own\nmetadata:\n  name: p\n" \
	"  annotations:\n    config.kubernetes.io/function: |\n      " how "\n"
#define BUILTIN(kind) "apiVersion: builtin\nkind: " kind "\nmetadata: {name: b}\n"
#define IS_PROGRAM "Own/p (my.io/v1) is a plugin that is a program of its own"
#define TOO_DEEP "regular expression: more than 200 groups within each other"

/* "@" in a text: an expression that nests deeper than our engine takes. */
static const struct {
	struct tree_file files[5];	/* "app/kustomization.yaml" is the root's */
	const char *why;		/* its beginning; NULL: ours, or fails anyhow */
} cases[] = {
	{ { { "app/kustomization.yaml", "resources: [a.yaml]\n" } }, NULL },
	/* charts */
	{ { { "app/kustomization.yaml", "resources: [a.yaml]\nhelmCharts:\n- name: x\n" } },
	  "app/kustomization.yaml:3: helmCharts: Helm charts are left to the kustomize "
	  "program; commit the output of `helm template`" },
	{ { { "app/kustomization.yaml", "helmChartInflationGenerator: [{chartName: x}]\n" } },
	  "app/kustomization.yaml:1: helmChartInflationGenerator: Helm" },
	{ { { "app/kustomization.yaml", "resources: [a.yaml]\nhelmCharts: []\n"
	      "helmGlobals: {chartHome: x}\n" } }, NULL },
	{ { { "app/kustomization.yaml", "resources: [a.yaml, ../b]\n"
	      "patches: [{patch: wrong}]\n" },
	    { "b/kustomization.yaml", "components: [../c]\n" },
	    { "c/kustomization.yaml", "kind: Component\n\nHelmCharts: [{name: x}]\n" } },
	  "c/kustomization.yaml:3: helmCharts: " },
	{ { { "app/kustomization.yaml", "bases: [../b]\n" },
	    { "b/kustomization.yaml", "helmCharts: [{name: x}]\n" } },
	  "b/kustomization.yaml:1: helmCharts: " },
	/* plugins */
	{ { { "app/kustomization.yaml", "generators:\n- p.yaml\n" }, { "app/p.yaml", OWN } },
	  "app/kustomization.yaml:2: generators: app/p.yaml:1: " IS_PROGRAM },
	{ { { "app/kustomization.yaml", "transformers:\n- p.yaml\n" },
	    { "app/p.yaml", BUILTIN("HashTransformer") "---\n" OWN } },
	  "app/kustomization.yaml:2: transformers: app/p.yaml:5: " IS_PROGRAM },
	{ { { "app/kustomization.yaml", "validators:\n- |\n  apiVersion: my.io/v1\n"
	      "  kind: Own\n  metadata: {name: p}\n" } },
	  "app/kustomization.yaml:2: validators: app/kustomization.yaml:1: " IS_PROGRAM },
	{ { { "app/kustomization.yaml", "resources: [a.yaml]\ntransformers: [t]\n" },
	    { "app/t/kustomization.yaml", "resources: [p.yaml]\n" },
	    { "app/t/p.yaml", OWN } },
	  "app/t/kustomization.yaml:1: resources: app/t/p.yaml:1: " IS_PROGRAM },
	{ { { "app/kustomization.yaml", "transformers: [p.yaml]\n" },
	    { "app/p.yaml", FUNCTION("container: {image: x}") } },
	  "app/kustomization.yaml:1: transformers: app/p.yaml:1: Own/p (my.io/v1) is a KRM "
	  "function" },
	{ { { "app/kustomization.yaml", "generators: [p.yaml]\n" },
	    { "app/p.yaml", FUNCTION("exec: {path: ./x}") } },
	  "app/kustomization.yaml:1: generators: app/p.yaml:1: Own/p (my.io/v1) is a KRM" },
	{ { { "app/kustomization.yaml", "generators: [p.yaml]\n" },
	    { "app/p.yaml", BUILTIN("HelmChartInflationGenerator") } },
	  "app/kustomization.yaml:1: generators: app/p.yaml:1: HelmChartInflationGenerator/b "
	  "(builtin) is a Helm chart" },
	{ { { "app/kustomization.yaml", "transformers: [p.yaml]\n" },
	    { "app/p.yaml", BUILTIN("PrefixTransformer") } }, NULL },
	/* a resource is no plugin, whatever its kind */
	{ { { "app/kustomization.yaml", "resources: [p.yaml]\n" }, { "app/p.yaml", OWN } },
	  NULL },
	/* regular expressions */
	{ { { "app/kustomization.yaml", "resources: [a.yaml]\npatches:\n"
	      "- {target: {kind: A}, path: x}\n- target: {name: '@'}\n  path: x\n" } },
	  "app/kustomization.yaml:4: patches: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "patchesJson6902:\n- {target: {group: '@'}}\n" } },
	  "app/kustomization.yaml:2: patchesJson6902: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "images:\n- {name: x}\n- {name: '@'}\n" } },
	  "app/kustomization.yaml:3: images: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "replacements:\n- targets: [{select: {kind: '@'}}]\n" } },
	  "app/kustomization.yaml:2: replacements: " TOO_DEEP },
	{ { { "app/kustomization.yaml",
	      "replacements:\n- targets: [{reject: [{namespace: '@'}]}]\n" } },
	  "app/kustomization.yaml:2: replacements: " TOO_DEEP },
	{ { { "app/kustomization.yaml",
	      "replacements:\n- targets: [{fieldPaths: ['a.[b=@].c']}]\n" } },
	  "app/kustomization.yaml:2: replacements: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "replacements: [{path: r.yaml}]\n" },
	    { "app/r.yaml", "\ntargets: [{select: {version: '@'}}]\n" } },
	  "app/r.yaml:2: replacements: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "transformers: [p.yaml]\n" },
	    { "app/p.yaml", BUILTIN("PatchTransformer") "target: {name: '@'}\n" } },
	  "app/kustomization.yaml:1: transformers: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "transformers: [p.yaml]\n" },
	    { "app/p.yaml", BUILTIN("ReplacementTransformer")
	      "replacements: [{targets: [{select: {name: '@'}}]}]\n" } },
	  "app/kustomization.yaml:1: transformers: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "transformers: [p.yaml]\n" },
	    { "app/p.yaml", BUILTIN("ImageTagTransformer") "imageTag: {name: '@'}\n" } },
	  "app/kustomization.yaml:1: transformers: " TOO_DEEP },
	{ { { "app/kustomization.yaml", "transformers: [p.yaml]\n" },
	    { "app/p.yaml", BUILTIN("ValueAddTransformer")
	      "targets: [{selector: {name: '@'}}]\n" } },
	  "app/kustomization.yaml:1: transformers: " TOO_DEEP },
	/* what the reference refuses as well */
	{ { { "app/kustomization.yaml", "patches: [{target: {name: 'a**'}}]\n" } }, NULL },
	/* where the build fails, it says so */
	{ { { "app/kustomization.yaml", "resources: [gone]\nhelmCharts: []\n" } }, NULL },
	{ { { "app/kustomization.yaml", "resources: [../gone, ../b]\n" },
	    { "b/kustomization.yaml", "helmCharts: [{name: x}]\n" } }, NULL },
	{ { { "app/kustomization.yaml", "resources: [.]\n" } }, NULL },
	{ { { "app/kustomization.yaml", "helmCharts: [{name: x}]\nunknown: y\n" } }, NULL },
	{ { { "app/kustomization.yaml", "transformers: [gone.yaml]\n" } }, NULL },
	{ { { "other/kustomization.yaml", "helmCharts: [{name: x}]\n" } }, NULL },
};

static char *fill_in(const char *text)
{
	struct buf b = BUF_INIT;

	for (; *text; text++) {
		for (int i = 0; i < 201 && *text == '@'; i++)
			buf_addc(&b, '(');
		buf_addc(&b, *text == '@' ? 'a' : *text);
		for (int i = 0; i < 201 && *text == '@'; i++)
			buf_addc(&b, ')');
	}
	return buf_steal(&b, NULL);
}

static char *scan(const struct tree_file *files)
{
	static const struct kust_options none;
	struct tree_file all[8] = { { "app/a.yaml", CM } };
	struct tree_files tree;
	struct err err = ERR_INIT;
	size_t n = 1;
	char *why;

	for (; files->path && n < 6; files++, n++)
		all[n] = (struct tree_file){ files->path, fill_in(files->text) };
	tree_files_init(&tree, all);
	if (kust_scan(&tree.files, "app", &none, &why, &err) < 0)
		fail_msg("%s", err.msg);
	while (n-- > 1)
		free((char *)(uintptr_t)all[n].text);
	return why;
}

static void all_that_is_reached_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *why = scan(cases[i].files);

		if (!why != !cases[i].why ||
		    (why && strncmp(why, cases[i].why, strlen(cases[i].why))))
			fail_msg("case %zu: %s\nwant %s\ngot  %s", i, cases[i].files[0].text,
				 cases[i].why ? cases[i].why : "(ours)", why ? why : "(ours)");
	}
}

/* Two ways to each folder, and each is read once: 2^30 ways would not end. */
static void each_folder_is_visited_once(void **state)
{
	enum { LEVELS = 30 };
	static char paths[LEVELS][64], texts[LEVELS][64];
	struct tree_file all[LEVELS + 3] = {
		{ "app/kustomization.yaml", "resources: [../l0, ../last]\n" },
		{ "last/kustomization.yaml", "helmCharts: [{name: x}]\n" },
	};
	static const struct kust_options none;
	_cleanup_free_ char *why = NULL;
	struct err err = ERR_INIT;
	struct tree_files tree;

	(void)state;
	for (int i = 0; i < LEVELS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "l%d/kustomization.yaml", i);
		snprintf(texts[i], sizeof(texts[i]), "resources: [../l%d, ../l%d/.]\n", i + 1,
			 i + 1);
		all[i + 2] = (struct tree_file){ paths[i], texts[i] };
	}
	snprintf(texts[LEVELS - 1], sizeof(texts[0]), "namePrefix: x\n");
	tree_files_init(&tree, all);
	assert_int_equal(kust_scan(&tree.files, "app", &none, &why, &err), 0);
	assert_non_null(why);
	assert_non_null(strstr(why, "last/kustomization.yaml:1: helmCharts"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_reached_is_judged),
		cmocka_unit_test(each_folder_is_visited_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
