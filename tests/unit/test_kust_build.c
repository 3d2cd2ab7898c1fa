/*
 * kustomize_build(): whole trees in, YAML out; what is left to the program, and caps.
 * The YAML wanted is what the reference prints. Thousands of cases more are compared
 * with the reference itself by tests/diff/kustomize.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/doc.h"
#include "render/kustomize.h"
#include "render/render.h"
#include "tree_files.h"

#define CM(name) "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " name "\n"
#define LOCAL "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: l\n  annotations: " \
	"{config.kubernetes.io/local-config: 'true'}\n"

static const struct {
	const char *kustomization, *overrides, *want, *error, *why;
} cases[] = {
	{ .kustomization = "resources: [a.yaml]\n", .want = CM("a") },
	{ .kustomization = "resources: [a.yaml]\nnamePrefix: x-\n", .want = CM("x-a"),
	  .overrides = "{}" },
	{ .kustomization = "resources: [a.yaml]\nnamePrefix: x-\n",
	  .overrides = "{\"namePrefix\": \"y-\", \"nameSuffix\": \"-z\"}",
	  .want = CM("y-a-z") },
	{ .kustomization = "resources: [a.yaml]\n",
	  .overrides = "{\"commonAnnotations\": {\"b\": \"1\"}}",
	  .want = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  annotations:\n    b: \"1\"\n"
		  "  name: a\n" },
	{ .kustomization = "resources: [a.yaml]\ncommonAnnotations: {b: '2'}\n",
	  .overrides = "{\"commonAnnotations\": {\"b\": \"1\"}}",
	  .error = "app/kustomization.yaml: source.kustomize.commonAnnotations: 'b' is in" },
	{ .kustomization = "resources: [a.yaml]\n", .overrides = "{\"helm\": true}",
	  .error = "source.kustomize.helm is not supported" },
	{ .kustomization = "resources: [a.yaml, local.yaml]\n", .want = CM("a") },
	{ .kustomization = "resources: [local.yaml]\n", .want = "" },
	{ .kustomization = "resources: [a.yaml]\nbuildMetadata: [originAnnotations]\n",
	  .want = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  annotations:\n"
		  "    config.kubernetes.io/origin: |\n      path: a.yaml\n  name: a\n" },
	{ .kustomization = "resources: [a.yaml]\nbuildMetadata: [managedByLabel]\n",
	  .want = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels:\n"
		  "    app.kubernetes.io/managed-by: kustomize-v5.8.1\n  name: a\n" },
	{ .kustomization = "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n"
			   "  patch: '[{\"op\": \"remove\", \"path\": \"/kind\"}]'\n",
	  .error = "kind is missing in the outcome" },
	{ .kustomization = "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n"
			   "  patch: '[{\"op\": \"remove\", \"path\": \"/metadata/name\"}]'\n",
	  .error = "metadata.name is missing in the outcome" },
	/* vars of two layers */
	{ .kustomization = "resources: [a.yaml, vars]\nvars:\n- name: V\n"
			   "  objref: {apiVersion: v1, kind: ConfigMap, name: a}\n",
	  .want = CM("a") "---\n" CM("v") },
	{ .kustomization = "resources: [a.yaml, gone.yaml]\n",
	  .error = "app/kustomization.yaml:1: resources: app/gone.yaml: not found" },
	{ .kustomization = "resources:\n- a.yaml\nbases:\n- gone\n",
	  .error = "app/kustomization.yaml:4: bases: app/gone: not found" },
	{ .kustomization = "resources: [a.yaml]\ncomponents: [../none]\n",
	  .error = "app/kustomization.yaml:2: components: none: not found" },
	{ .kustomization = "resources: [a.yaml, a.yaml]\n",
	  .error = "is there already, from app/a.yaml:1" },
	{ .kustomization = "helmCharts: [{name: x}]\n",
	  .why = "app/kustomization.yaml:1: helmCharts: Helm charts are left" },
	{ .kustomization = "resources: [a.yaml]\ngenerators: [plugin.yaml]\n",
	  .why = "app/kustomization.yaml:2: generators: app/plugin.yaml:1: Own/p (my.io/v1)" },
	{ .kustomization = "resources: [a.yaml]\ntransformers: [plugin.yaml]\n",
	  .why = "app/kustomization.yaml:2: transformers: app/plugin.yaml:1: Own/p" },
	{ .kustomization = "resources: [a.yaml]\nvalidators: [plugin.yaml]\n",
	  .why = "app/kustomization.yaml:2: validators: app/plugin.yaml:1: Own/p" },
};

static int build(const char *kustomization, struct kust_options *o,
		 const char *overrides, struct kust_result *r, struct err *err)
{
	const struct tree_file files[] = {
		{ "app/kustomization.yaml", kustomization }, { "app/a.yaml", CM("a") },
		{ "app/b.yaml", CM("b") }, { "app/local.yaml", LOCAL },
		{ "app/vars/kustomization.yaml", "resources: [v.yaml]\nvars: [{name: W, "
		  "objref: {apiVersion: v1, kind: ConfigMap, name: v}}]\n" },
		{ "app/vars/v.yaml", CM("v") },
		{ "app/plugin.yaml", "apiVersion: my.io/v1\nkind: Own\nmetadata: {name: p}\n" },
		{ NULL, NULL },
	};
	_cleanup_json_ json_t *ask = overrides ? doc_parse(overrides, strlen(overrides),
							   err) : NULL;
	struct tree_files tree;

	tree_files_init(&tree, files);
	o->overrides = ask;
	return kustomize_build(&tree.files, "app", o, r, err);
}

static void check(size_t i, const struct kust_result *r)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(r->needs_exec, cases[i].why != NULL);
	if (cases[i].why && !strstr(r->why, cases[i].why))
		fail_msg("want %s\ngot %s", cases[i].why, r->why);
	if (cases[i].why)
		return;
	assert_int_equal(kust_result_yaml(r, &out, &err), 0);
	assert_string_equal(buf_str(&out), cases[i].want);
}

static void test_builds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct kust_options o = { 0 };
		struct err err = ERR_INIT;
		struct kust_result r;

		if (build(cases[i].kustomization, &o, cases[i].overrides, &r, &err) == 0) {
			if (cases[i].error)
				fail_msg("built: %s", cases[i].kustomization);
			check(i, &r);
			kust_result_deinit(&r);
		} else if (!cases[i].error || !strstr(err.msg, cases[i].error)) {
			fail_msg("%s\nwant %s\ngot %s", cases[i].kustomization,
				 cases[i].error ? cases[i].error : "success", err.msg);
		}
	}
}

static void test_caps(void **state)
{
	static const struct { struct kust_options o; const char *said; } caps[] = {
		{ { .source_bytes = 60 }, "too large" },
		{ { .file_bytes = 20 }, "too large" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
		struct kust_options o = caps[i].o;
		struct err err = ERR_INIT;
		struct kust_result r;

		assert_int_equal(build("resources: [a.yaml, b.yaml]\n", &o, NULL, &r, &err),
				 -1);
		assert_int_equal(err.code, ERR_LIMIT);
		assert_non_null(strstr(err.msg, caps[i].said));
	}
}

/* What would go onto every object. */
static void test_amplified(void **state)
{
	_cleanup_buf_ struct buf labels = BUF_INIT, prefix = BUF_INIT;
	struct kust_options o = { 0 };
	struct err err = ERR_INIT;
	struct kust_result r;

	(void)state;
	buf_adds(&labels, "resources: [a.yaml]\ncommonLabels:\n");
	for (int i = 0; i <= 1000; i++)
		buf_addf(&labels, "  k%d: v\n", i);
	assert_int_equal(build(buf_str(&labels), &o, NULL, &r, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.msg, "app/kustomization.yaml:3: commonLabels: has 1001 "
			       "entries; the most are 1000"));
	buf_adds(&prefix, "resources: [a.yaml]\nnameSuffix: ");
	for (int i = 0; i <= 1000; i++)
		buf_addc(&prefix, 'x');
	assert_int_equal(build(buf_str(&prefix), &o, NULL, &r, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.msg, "nameSuffix: has 1001 bytes; the most are 1000"));
}

/* The caller learns where objects come from, generated ones too. */
static void test_places(void **state)
{
	struct kust_options o = { 0 };
	struct err err = ERR_INIT;
	struct kust_result r;

	(void)state;
	if (build("resources:\n- a.yaml\nconfigMapGenerator:\n- name: g\n", &o, NULL, &r,
		  &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(r.n_objects, 2);
	assert_string_equal(r.objects[0].file, "app/a.yaml");
	assert_int_equal(r.objects[0].line, 1);
	assert_string_equal(r.objects[1].file, "app/kustomization.yaml");
	assert_int_equal(r.objects[1].line, 4);
	kust_result_deinit(&r);
}

/* --- bases in other repositories -------------------------------------------------- */

static const struct tree_file other[] = {
	{ "base/kustomization.yaml", "resources: [o.yaml]\n" },
	{ "base/o.yaml", CM("other") }, { NULL, NULL },
};
static struct tree_files other_tree;

static const struct tree_file raw[] = {
	{ "file", CM("raw") }, { NULL, NULL },
};

static struct files *open_other(const char *mirror, const char *commit, struct err *err)
{
	(void)err;
	assert_true(!strcmp(mirror, "/mirrors/o") || !strcmp(mirror, "/mirrors/raw"));
	assert_string_equal(commit, "c0ffee");
	tree_files_init(&other_tree, strcmp(mirror, "/mirrors/raw") ? other : raw);
	return &other_tree.files;
}

static void render_with(const char *resource, struct render_remote *remotes, size_t n,
			struct render_answer *a)
{
	_cleanup_free_ char *text = xasprintf("resources:\n- %s\n", resource);
	const struct tree_file files[] = {
		{ "app/kustomization.yaml", text }, { NULL, NULL },
	};
	struct render_request r = { .path = (char *)"app", .open_tree = open_other,
				    .remotes = remotes, .n_remotes = n };
	struct err err = ERR_INIT;
	struct tree_files tree;

	tree_files_init(&tree, files);
	if (render_run(&tree.files, &r, a, &err))
		fail_msg("%s", err.msg);
}

static void test_other_repositories(void **state)
{
	struct render_remote have = { .url = (char *)"https://git.example.com/org/repo",
				      .ref = (char *)"v1", .mirror = (char *)"/mirrors/o",
				      .commit = (char *)"c0ffee" };
	static const char url[] = "https://git.example.com/org/repo//base?ref=v1";
	struct render_answer a = { 0 };

	(void)state;
	render_with(url, NULL, 0, &a);
	assert_string_equal(a.want_url, "https://git.example.com/org/repo");
	assert_string_equal(a.want_ref, "v1");
	assert_string_equal(a.want_by, "app/kustomization.yaml:2: resources");
	assert_int_equal(a.n_objects, 0);
	render_answer_deinit(&a);
	render_with(url, &have, 1, &a);
	assert_null(a.want_url);
	assert_int_equal(a.n_objects, 1);
	assert_string_equal(a.objects[0].name, "other");
	render_answer_deinit(&a);
}

/* What its URL holds that is secret is shown nowhere. */
static void test_other_files(void **state)
{
	struct render_remote have = {
		.url = (char *)"raw+https://raw.example.com/org/repo/x.yaml?token=t",
		.ref = (char *)"", .mirror = (char *)"/mirrors/raw", .commit = (char *)"c0ffee",
	};
	const char *url = have.url + strlen("raw+");
	struct render_answer a = { 0 };

	(void)state;
	render_with(url, NULL, 0, &a);
	assert_string_equal(a.want_url, have.url);
	assert_string_equal(a.want_ref, "");
	assert_string_equal(a.want_by, "app/kustomization.yaml:2: resources");
	render_answer_deinit(&a);
	render_with(url, &have, 1, &a);
	assert_null(a.want_url);
	assert_int_equal(a.n_objects, 1);
	assert_string_equal(a.objects[0].name, "raw");
	assert_string_equal(a.objects[0].source, "https://raw.example.com/org/repo/x.yaml:1");
	render_answer_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builds), cmocka_unit_test(test_caps),
		cmocka_unit_test(test_amplified),
		cmocka_unit_test(test_places), cmocka_unit_test(test_other_repositories),
		cmocka_unit_test(test_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
