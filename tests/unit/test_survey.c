/* survey.h: what a tree deploys, what was read for it, and what a change touches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checks.h"
#include "tree_files.h"

#define URL "https://git.example.com/shop/infra"
#define APP(name, path) "apiVersion: argoproj.io/v1alpha1\nkind: Application\n" \
	"metadata: {name: " name ", namespace: argocd}\n" \
	"spec: {project: default, source: {repoURL: '" URL "', targetRevision: main, path: " \
	path "}, destination: {name: in-cluster, namespace: x}}\n"
#define MAP "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n"

static bool is_ours(void *arg, const char *url)
{
	(void)arg;
	return survey_same_repo(url, URL);
}

static bool is_fixed(void *arg, const char *revision)
{
	(void)arg;
	return !strcmp(revision, "v1");
}

static int run(struct survey *s, struct tree_files *t, const struct tree_file *tree,
	       const char *root, struct err *err)
{
	const struct survey_options o = { .files = &t->files, .root = root, .is_ours = is_ours,
					  .is_fixed = is_fixed };

	tree_files_init(t, tree);
	return survey_run(s, &o, err);
}

/* "kustomization a ok; application argocd/b failed;" and so on. */
static char *tell(const struct survey *s)
{
	static const char *const states[] = { "ok", "failed", "skipped" };
	static const char *const kinds[] = { "kustomization", "component", "app", "project" };
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < s->units.len; i++) {
		const struct unit *u = &s->units.data[i];
		_cleanup_free_ char *title = unit_title(u);

		buf_addf(&out, "%s%s %s %s%s", i ? "; " : "", kinds[u->kind], title,
			 states[u->state], u->included ? " included" : "");
	}
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

static const struct { const char *want; struct tree_file tree[8]; } trees[] = {
	{ "", { { "README.md", "x" }, { NULL, NULL } } },
	{ "kustomization base ok included; kustomization dev ok",
	  { { "base/kustomization.yaml", "resources: [m.yaml]\n" }, { "base/m.yaml", MAP },
	    { "dev/kustomization.yml", "resources: [../base]\n" }, { NULL, NULL } } },
	{ "kustomization . failed; component c ok",
	  { { "Kustomization", "resources: [none.yaml]\n" },
	    { "c/kustomization.yaml", "kind: Component\n"
	      "apiVersion: kustomize.config.k8s.io/v1alpha1\n" }, { NULL, NULL } } },
	/* a file that nobody reads, and one that a folder of manifests gives */
	{ "app argocd/a ok; app argocd/b ok",
	  { { "clusters/a.yaml", APP("a", "clusters") }, { "clusters/b.yml", APP("b", "w") },
	    { "w/m.yaml", MAP }, { NULL, NULL } } },
	/* an overlay's patch of an Application is none by itself */
	{ "kustomization base ok included; kustomization dev ok; app argocd/a ok",
	  { { "base/kustomization.yaml", "resources: [a.yaml]\n" },
	    { "base/a.yaml", APP("a", "nowhere") },
	    { "dev/kustomization.yaml", "resources: [../base]\npatches: [{path: p.yaml}]\n" },
	    { "dev/p.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
	      "metadata: {name: a, namespace: argocd}\nspec: {source: {path: w}}\n" },
	    { "w/m.yaml", MAP }, { NULL, NULL } } },
	/* it gives itself, and each other */
	{ "app argocd/a ok; app argocd/b ok",
	  { { "p/a.yaml", APP("a", "q") }, { "q/b.yaml", APP("b", "p") },
	    { NULL, NULL } } },
	{ "app argocd/a skipped; app argocd/b skipped; app argocd/c failed",
	  { { "a.json", "{\"apiVersion\": \"argoproj.io/v1alpha1\", \"kind\": \"Application\", "
	      "\"metadata\": {\"name\": \"a\", \"namespace\": \"argocd\"}, \"spec\": "
	      "{\"source\": {\"repoURL\": \"https://x.example.com/y\", \"path\": \"a\"}, "
	      "\"destination\": {\"name\": \"in-cluster\"}}}" },
	    { "b.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
	      "metadata: {name: b, namespace: argocd}\nspec: {source: {repoURL: 'git@git."
	      "example.com:shop/infra.git', targetRevision: v1, path: a}, destination: "
	      "{name: in-cluster}}\n---\n" APP("c", "nowhere") }, { NULL, NULL } } },
	/* of a link that leads out, and of a template, nothing is said; of what is broken it is */
	{ "app ? failed",
	  { { "out.yaml", "->../../etc/passwd" }, { "kustomization.yaml.bak", "x" },
	    { "t.yaml", "# argoproj.io/v1alpha1\nkind: Application\n{{ x }}\n" },
	    { "broken.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n a: [\n" },
	    { "set.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\n" },
	    { NULL, NULL } } },
	{ "app argocd/a failed",	/* what its source names is a link */
	  { { "a.yaml", APP("a", "l") }, { "l", "->w" }, { "w/m.yaml", MAP },
	    { NULL, NULL } } },
	{ "kustomization r skipped; app argocd/a skipped; app argocd/b ok",
	  { { "r/kustomization.yaml", "resources: ['https://github.com/o/r//x?ref=v1']\n" },
	    { "all.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: argoproj.io/v1alpha1, "
	      "kind: Application, metadata: {name: a, namespace: argocd}, spec: {source: {repoURL: '"
	      URL "', path: r}, destination: {name: in-cluster}}}\n- {kind: List, items: [5]}\n---\n"
	      APP("b", "w") }, { "w/m.yaml", MAP }, { NULL, NULL } } },
	/* one that was refused builds nothing: the kustomization goes out by itself */
	{ "kustomization . ok; app argocd/a failed; project AppProject argocd/p ok",
	  { { "kustomization.yaml", "resources: [m.yaml]\n" }, { "m.yaml", MAP },
	    { "c/a.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
	      "metadata: {name: a, namespace: argocd}\nspec: 5\n" },
	    { "c/p.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n"
	      "metadata: {name: p, namespace: argocd}\nspec: {}\n" }, { NULL, NULL } } },
	{ "kustomization h skipped",
	  { { "h/kustomization.yaml", "helmCharts: [{name: x}]\n" }, { NULL, NULL } } },
};

static void units_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		_cleanup_free_ char *got = NULL;
		struct err err = ERR_INIT;
		struct tree_files t;
		struct survey s;

		if (run(&s, &t, trees[i].tree, "", &err))
			fail_msg("case %zu: %s", i, err.msg);
		got = tell(&s);
		if (strcmp(got, trees[i].want))
			fail_msg("case %zu: \"%s\", not \"%s\"", i, got, trees[i].want);
		for (size_t k = 0; k < s.units.len; k++)
			assert_int_equal(s.units.data[k].whys.len > 0,
					 s.units.data[k].state != UNIT_OK);
		survey_deinit(&s);
	}
}

#define PROJECT(name, spec) "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n" \
	"metadata: {name: " name ", namespace: argocd}\nspec: {" spec "}\n"
#define FENCED(project, more) "apiVersion: argoproj.io/v1alpha1\nkind: Application\n" \
	"metadata:\n  name: a\n  namespace: argocd\n" more \
	"spec:\n  project: " project "\n  destination: {name: in-cluster, namespace: x}\n" \
	"  source:\n    repoURL: '" URL "'\n    path: w\n"

/* What admission and the render say, as "file:line rule object", the message's beginning. */
static const struct { const char *want[4]; struct tree_file tree[4]; } said[] = {
	{ { NULL }, { { "a.yaml", FENCED("p", "") }, { "w/m.yaml", MAP }, { NULL, NULL } } },
	{ { "a.yaml:12: error: application: Application/a: spec.source.targetRevison is not a field",
	    "a.yaml:13: warning: application-warning: Application/a: spec.ignoreDifferences[0]",
	    "a.yaml:16: error: application: Application/a: spec.syncPolicy.syncOptions[1]" },
	  { { "a.yaml", FENCED("p", "") "    targetRevison: main\n  ignoreDifferences: [{kind: Pod}]\n"
	      "  syncPolicy:\n    syncOptions: [Prune=false,\n      Prune=true]\n" },
	    { "w/m.yaml", MAP }, { NULL, NULL } } },
	{ { "a.yaml:7: error: application: Application/a: annotation syncd.dev/soak: \"bananas\"",
	    "a.yaml:8: warning: application-warning: Application/a: annotation syncd.dev/soaks" },
	  { { "a.yaml", FENCED("p", "  annotations:\n    syncd.dev/soak: bananas\n"
	      "    syncd.dev/soaks: 1m\n    syncd.dev/deploy-control: c.yaml\n"
	      "    syncd.dev/lint-ignore: build\n") }, { "w/m.yaml", MAP }, { NULL, NULL } } },
	/* the project, where there is one of that name */
	{ { "a.yaml:8: error: application: Application/a: spec.destination.namespace: AppProject p",
	    "p.yaml:4: error: project: AppProject/p: spec.syncWindows[0].schedule",
	    "p.yaml:4: warning: project-warning: AppProject/p: spec.roles has no effect" },
	  { { "a.yaml", FENCED("p", "") }, { "w/m.yaml", MAP },
	    { "p.yaml", PROJECT("p", "roles: [{name: r}], sourceRepos: ['*'], destinations: "
	      "[{namespace: other, server: '*'}], syncWindows: [{kind: allow, schedule: x, "
	      "duration: 1h, applications: ['*']}]") }, { NULL, NULL } } },
	{ { NULL },
	  { { "a.yaml", FENCED("p", "") }, { "w/m.yaml", MAP },
	    { "p.yaml", PROJECT("p", "sourceRepos: []") "---\n"
	      PROJECT("p", "destinations: []") }, { NULL, NULL } } },
	/* of a kustomization: what the overlay adds is its own */
	{ { "k/kustomization.yaml:1: error: application: Application/a: spec.sourc is not a field" },
	  { { "k/kustomization.yaml", "resources: [a.yaml]\npatches:\n- target: {kind: "
	      "Application}\n  patch: |-\n    - {op: add, path: /spec/sourc, value: {}}\n" },
	    { "k/a.yaml", FENCED("p", "") }, { "w/m.yaml", MAP }, { NULL, NULL } } },
	/* what no render takes is said once; what does not render is said of its file */
	{ { "a.yaml:12: error: application: Application/a: spec.source.kustomize.namePrefix" },
	  { { "a.yaml", FENCED("p", "") "    kustomize: {namePrefix: [x]}\n" },
	    { "w/kustomization.yaml", "resources: []\n" }, { NULL, NULL } } },
	{ { "w/m.yaml:2: error: build: " }, { { "a.yaml", FENCED("p", "") },
	    { "w/m.yaml", "kind: ConfigMap\nx: \xff\n" }, { NULL, NULL } } },
	{ { "w/b.yaml:1: warning: render: ConfigMap/m of w/b.yaml:1 is not used: w/m.yaml:1 has it too" },
	  { { "a.yaml", FENCED("p", "") }, { "w/b.yaml", MAP }, { "w/m.yaml", MAP },
	    { NULL, NULL } } },
	{ { "b.yaml:3: error: build: " },
	  { { "b.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nx: \xff\n" },
	    { NULL, NULL } } },
};

static void manifests_are_judged(void **state)
{
	const struct view_env env = { 0 };
	const struct report_counts n = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct findings f = { 0 };
		struct err err = ERR_INIT;
		struct tree_files t;
		struct survey s;
		char *line, *rest;

		if (run(&s, &t, said[i].tree, "", &err))
			fail_msg("case %zu: %s", i, err.msg);
		findings_of_units(&f, &s);
		findings_of_apps(&f, &s);
		findings_close(&f);
		findings_text(&f, &n, &env, &out);
		rest = out.data;
		for (size_t k = 0; k < 4 && said[i].want[k]; k++) {
			line = strsep(&rest, "\n");
			if (strncmp(line, said[i].want[k], strlen(said[i].want[k])))
				fail_msg("case %zu: \"%s\", not \"%s\"", i, line, said[i].want[k]);
		}
		if (strncmp(rest, "0 applications", 14))
			fail_msg("case %zu: more: %s", i, rest);
		findings_deinit(&f);
		survey_deinit(&s);
	}
}

static void no_password_is_told(void **state)
{
	static const struct tree_file tree[] = {
		{ "a.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
		  "metadata: {name: a}\nspec: {source: {repoURL: 'https://u:canary@h/x?ref=y', "
		  "path: a}, destination: {name: in-cluster}}\n---\n"
		  "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
		  "metadata: {name: b}\nspec: {source: {repoURL: '" URL "', path: r}, "
		  "destination: {name: in-cluster}}\n" },
		{ "r/kustomization.yaml", "resources: ['https://u:canary@h/o/r.git//x']\n" },
		{ NULL, NULL },
	};
	struct err err = ERR_INIT;
	struct tree_files t;
	struct survey s;
	size_t n = 0;

	(void)state;
	assert_int_equal(run(&s, &t, tree, "", &err), 0);
	for (size_t i = 0; i < s.units.len; i++)
		for (size_t k = 0; k < s.units.data[i].whys.len; k++, n++)
			assert_null(strstr(s.units.data[i].whys.data[k], "canary"));
	assert_int_equal(n, 3);
	survey_deinit(&s);
}

static void a_root_limits_what_is_looked_for(void **state)
{
	static const struct tree_file tree[] = {
		{ "base/kustomization.yaml", "resources: [m.yaml]\n" }, { "base/m.yaml", MAP },
		{ "x/dev/kustomization.yaml", "resources: [../../base]\n" }, { NULL, NULL },
	};
	_cleanup_free_ char *got = NULL;
	struct err err = ERR_INIT;
	struct tree_files t;
	struct survey s;

	(void)state;
	assert_int_equal(run(&s, &t, tree, "x", &err), 0);
	got = tell(&s);
	assert_string_equal(got, "kustomization x/dev ok");
	survey_deinit(&s);
	assert_int_equal(run(&s, &t, tree, "none", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	survey_deinit(&s);
}

static void folders_have_a_depth(void **state)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct tree_file tree[2] = { { NULL, MAP }, { NULL, NULL } };
	struct err err = ERR_INIT;
	struct tree_files t;
	struct survey s;

	(void)state;
	for (int i = 0; i < 70; i++)
		buf_adds(&path, "d/");
	buf_adds(&path, "m.yaml");
	tree[0].path = buf_str(&path);
	assert_int_equal(run(&s, &t, tree, "", &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	survey_deinit(&s);
}

/* A tree without end: as many folders and files in each folder as are said. */
struct wide {
	struct files files;
	size_t folders, n_files;
};

static int wide_list(struct files *f, const char *path, struct file_list *ret,
		     struct err *err)
{
	const struct wide *w = container_of(f, struct wide, files);
	size_t folders = strchr(path, '/') ? 0 : w->folders;

	(void)err;
	for (size_t i = 0; i < folders + w->n_files; i++)
		vec_push(ret, ((struct file_entry){ .name = xasprintf("%zu.yaml", i),
			.kind = i < folders ? FILE_FOLDER : FILE_REGULAR }));
	return 0;
}

static int wide_read(struct files *f, const char *path, size_t max, char **ret,
		     size_t *ret_len, struct err *err)
{
	(void)f;
	(void)path;
	(void)err;
	assert_true(max <= (size_t)1 << 20);
	*ret = xstrdup("x: y\n");
	*ret_len = 5;
	return 0;
}

static void trees_are_bounded(void **state)
{
	static const struct files_ops ops = { .list = wide_list, .read = wide_read };
	static const struct { size_t folders, files; const char *want; } cases[] = {
		{ 150, 0, "more than 20000 folders" }, { 4, 20000, "more than 200000 files" },
		{ 2, 10, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wide w = { { &ops }, cases[i].folders, cases[i].files };
		const struct survey_options o = { .files = &w.files, .root = "",
						  .is_ours = is_ours, .is_fixed = is_fixed };
		struct err err = ERR_INIT;
		struct survey s;

		assert_int_equal(survey_run(&s, &o, &err), cases[i].want ? -1 : 0);
		if (cases[i].want) {
			assert_int_equal(err.code, ERR_LIMIT);
			assert_non_null(strstr(err.msg, cases[i].want));
		}
		survey_deinit(&s);
	}
}

static void applications_have_a_cap(void **state)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct tree_file tree[2] = { { "a.yaml", NULL }, { NULL, NULL } };
	struct err err = ERR_INIT;
	struct tree_files t;
	struct survey s;

	(void)state;
	for (int i = 0; i < 5001; i++)
		buf_addf(&all, "---\n{apiVersion: argoproj.io/v1alpha1, kind: Application, "
			 "metadata: {name: a%d}}\n", i);
	tree[0].text = buf_str(&all);
	assert_int_equal(run(&s, &t, tree, "", &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	survey_deinit(&s);
}

static void repositories_have_many_urls(void **state)
{
	static const struct { const char *a, *b; bool same; } cases[] = {
		{ "https://h/o/r", "https://h/o/r.git", true },
		{ "https://user@h/o/r", "git@h:o/r.git", true },
		{ "ssh://git@h:22/o/r", "https://H/o/r/", true },
		{ "https://h/o/r", "https://h/o/r2", false },
		{ "https://h/o/r", "https://g/o/r", false },
		{ "https://h:8443/o/r", "https://h/o/r", false },
		{ "https://h/o@x/r", "https://h/x/r", false },
		{ "", "https://h/o/r", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (survey_same_repo(cases[i].a, cases[i].b) != cases[i].same)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
}

/* ---- two trees: ids are the text itself, cut ---- */

static int (*plain_stat)(struct files *f, const char *path, struct file_entry *ret,
			 struct err *err);

/* tree_files has no ids; here the first bytes of the text are one. */
static int stat_with_id(struct files *f, const char *path, struct file_entry *ret,
			struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct err none = ERR_INIT;
	size_t len;

	if (plain_stat(f, path, ret, err))
		return -1;
	if (ret->kind == FILE_REGULAR && !f->ops->read(f, path, 1 << 20, &text, &len, &none))
		sha256_hex(text, len, ret->id);
	return 0;
}

static struct files_ops with_ids(const struct files *f)
{
	struct files_ops ops = *f->ops;

	plain_stat = ops.stat;
	ops.stat = stat_with_id;
	return ops;
}

/* "app argocd/a source w/m.yaml; ..." */
static char *touched(struct survey *a, struct survey *b, struct files *fa, struct files *fb)
{
	static const char *const hows[] = { "not", "new", "removed", "spec", "source" };
	struct buf out = BUF_INIT;
	struct unit_pairs pairs;

	survey_pair(a, b, &pairs);
	for (size_t i = 0; i < pairs.len; i++) {
		const struct unit_pair *p = &pairs.data[i];
		_cleanup_free_ char *title = unit_title(p->after ? p->after : p->before);
		struct touched t;

		unit_pair_touched(p, fa, fb, &t);
		buf_addf(&out, "%s%s %s", i ? "; " : "", title, hows[t.how]);
		for (size_t k = 0; k < t.paths.len; k++)
			buf_addf(&out, " %s", *t.paths.data[k] ? t.paths.data[k] : ".");
		vec_deinit(&t.paths);
	}
	vec_deinit(&pairs);
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

#define BEFORE { "c/a.yaml", APP("a", "w") }, { "w/m.yaml", MAP }, \
	{ "v/kustomization.yaml", "resources: [n.yaml]\n" }, { "v/n.yaml", MAP }

static void changes_touch(void **state)
{
	static const struct tree_file before[] = { BEFORE, { NULL, NULL } };
	static const struct { const char *want; struct tree_file tree[8]; } cases[] = {
		{ "argocd/a not; v not", { BEFORE, { NULL, NULL } } },
		{ "argocd/a not; v not",	/* nobody reads these */
		  { BEFORE, { "w/README.md", "x" }, { "v/other.txt", "x" }, { "z.sh", "x" },
		    { NULL, NULL } } },
		{ "argocd/a source w w/n.yaml; v not",	/* the folder's manifests are its input */
		  { BEFORE, { "w/n.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n}\n" },
		    { NULL, NULL } } },
		{ "argocd/a source w/m.yaml; v source v/n.yaml",
		  { { "c/a.yaml", APP("a", "w") }, { "w/m.yaml", MAP "data: {a: b}\n" },
		    { "v/kustomization.yaml", "resources: [n.yaml]\n" },
		    { "v/n.yaml", MAP "data: {a: b}\n" }, { NULL, NULL } } },
		{ "argocd/a spec u u/m.yaml; v removed",
		  { { "c/a.yaml", APP("a", "u") }, { "w/m.yaml", MAP }, { "u/m.yaml", MAP },
		    { NULL, NULL } } },
		{ "argocd/a not; argocd/b new; v not",
		  { BEFORE, { "c/b.yaml", APP("b", "w") }, { NULL, NULL } } },
		{ "argocd/a removed; v not",
		  { { "w/m.yaml", MAP }, { "v/kustomization.yaml", "resources: [n.yaml]\n" },
		    { "v/n.yaml", MAP }, { NULL, NULL } } },
		{ "argocd/a not; v not",	/* the Application's file moved */
		  { { "d/a.yml", APP("a", "w") }, { "w/m.yaml", MAP },
		    { "v/kustomization.yaml", "resources: [n.yaml]\n" }, { "v/n.yaml", MAP },
		    { NULL, NULL } } },
		{ "argocd/a source w w/m.yaml; v not",	/* it does not render any more */
		  { { "c/a.yaml", APP("a", "w") }, { "v/kustomization.yaml", "resources: [n.yaml]\n" },
		    { "v/n.yaml", MAP }, { NULL, NULL } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *got = NULL;
		struct err err = ERR_INIT;
		struct files_ops ops;
		struct tree_files x, y;
		struct survey a, b;

		if (run(&a, &x, before, "", &err) || run(&b, &y, cases[i].tree, "", &err))
			fail_msg("case %zu: %s", i, err.msg);
		ops = with_ids(&x.files);
		x.files.ops = y.files.ops = &ops;
		got = touched(&a, &b, &x.files, &y.files);
		if (strcmp(got, cases[i].want))
			fail_msg("case %zu: \"%s\", not \"%s\"", i, got, cases[i].want);
		survey_deinit(&a);
		survey_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_found),
		cmocka_unit_test(manifests_are_judged),
		cmocka_unit_test(no_password_is_told),
		cmocka_unit_test(a_root_limits_what_is_looked_for),
		cmocka_unit_test(folders_have_a_depth),
		cmocka_unit_test(trees_are_bounded),
		cmocka_unit_test(applications_have_a_cap),
		cmocka_unit_test(repositories_have_many_urls),
		cmocka_unit_test(changes_touch),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
