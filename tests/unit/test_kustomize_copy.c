/*
 * The copy of a kustomization where something goes wrong on the way: the tree that
 * is read, the folder that is written, and the caps. What is copied, and what
 * source.kustomize makes of it, are the cases of tests/golden/kustomize.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"
#include "tree_files.h"

/* Every kind of step: folders, files, plugins with hints, optional components. */
static const struct tree_file tree[] = {
	{ "app/kustomization.yaml",
	  "resources: [../base, a.yaml]\n"
	  "patches: [{path: p.yaml, target: {kind: ConfigMap}}]\n"
	  "configMapGenerator: [{name: g, files: [k=a.txt], envs: [e.env]}]\n"
	  "transformers: [t.yaml, plugins]\n" },
	{ "app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" },
	{ "app/p.yaml", "- {op: add, path: /data, value: {a: b}}\n" },
	{ "app/a.txt", "a\n" }, { "app/e.env", "A=1\n" },
	{ "app/t.yaml",
	  "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\n"
	  "path: hint.yaml\ntarget: {kind: ConfigMap}\npaths: [none.yaml]\nenv: e.env\n" },
	{ "app/hint.yaml", "- {op: add, path: /data, value: {c: d}}\n" },
	{ "app/env.yaml",
	  "source: {kind: ConfigMap, name: a}\n"
	  "targets: [{select: {name: b}, fieldPaths: [data.c]}]\n" },
	{ "app/plugins/kustomization.yaml", "resources: [x.yaml]\n" },
	{ "app/plugins/x.yaml",
	  "apiVersion: builtin\nkind: ReplacementTransformer\nmetadata: {name: x}\n"
	  "replacements: [{path: env.yaml}]\n" },
	{ "base/kustomization.yaml", "resources: [b.yaml]\n" },
	{ "base/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n" },
	{ "comp/kustomization.yaml",
	  "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
	  "namePrefix: p-\n" },
	{ NULL, NULL },
};

/* A tree of which one call fails, as of a mirror that goes bad meanwhile. */
struct bad_files {
	struct files files;
	struct tree_files inner;
	int n_calls, fail_at;
};

static struct bad_files *self(struct files *f)
{
	return container_of(f, struct bad_files, files);
}

static int step(struct bad_files *b, struct err *err)
{
	if (++b->n_calls != b->fail_at)
		return 0;
	return err_set(err, ERR_IO, "the mirror is damaged");
}

static int bad_stat(struct files *f, const char *path, struct file_entry *ret,
		    struct err *err)
{
	struct files *inner = &self(f)->inner.files;

	return step(self(f), err) ? -1 : inner->ops->stat(inner, path, ret, err);
}

static int bad_list(struct files *f, const char *path, struct file_list *ret,
		    struct err *err)
{
	struct files *inner = &self(f)->inner.files;

	return step(self(f), err) ? -1 : inner->ops->list(inner, path, ret, err);
}

static int bad_read(struct files *f, const char *path, size_t max, char **ret,
		    size_t *len, struct err *err)
{
	struct files *inner = &self(f)->inner.files;

	return step(self(f), err) ? -1 : inner->ops->read(inner, path, max, ret, len, err);
}

static void bad_close(struct files *f)
{
	(void)f;
}

static void bad_files_init(struct bad_files *b, int fail_at)
{
	static const struct files_ops ops = { bad_stat, bad_list, bad_read, bad_close,
					      NULL };

	*b = (struct bad_files){ .files = { &ops }, .fail_at = fail_at };
	tree_files_init(&b->inner, tree);
}

static char *temp_folder(void)
{
	char *path = xstrdup("/tmp/syncd-copy-XXXXXX");

	assert_non_null(mkdtemp(path));
	return path;
}

static void remove_folder(char *path)
{
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", path);

	assert_int_equal(system(command), 0);
	free(path);
}

static bool exists(const char *folder, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", folder, path);

	return access(full, F_OK) == 0;
}

static json_t *options(void)
{
	return json_pack("{s:{s:[s,s], s:b}}", "kustomize", "components", "../comp",
			 "../none", "ignoreMissingComponents", 1);
}

/* Copies app/ with the n-th call failing; the number of calls. */
static int copy_failing_at(int n, bool judge, int *rc, struct err *err)
{
	_cleanup_json_ json_t *source = options();
	struct render_request r = { .path = (char *)"app", .source = source };
	struct render_answer a = { 0 };
	char *to = temp_folder();
	struct bad_files b;

	bad_files_init(&b, n);
	if (judge)
		*rc = render_run(&b.files, &r, &a, err);
	else
		*rc = render_materialise(&b.files, &r, to, err);
	if (!n && !judge) {
		assert_true(exists(to, "app/hint.yaml"));
		assert_true(exists(to, "app/env.yaml"));
		assert_true(exists(to, "comp/kustomization.yaml"));
	}
	render_answer_deinit(&a);
	remove_folder(to);
	return b.n_calls;
}

/*
 * Not one failure may be taken for "there is no such file": the copy would lack it,
 * and the next copy would not.
 */
static void each_failure_to_read_is_told(void **state)
{
	(void)state;
	for (int judge = 0; judge < 2; judge++) {
		struct err err = ERR_INIT;
		int rc, n = copy_failing_at(0, judge, &rc, &err);

		if (rc)
			fail_msg("%s", err.msg);
		assert_true(n > 20 && n < 200);
		for (int i = 1; i <= n; i++) {
			err = ERR_INIT;
			copy_failing_at(i, judge, &rc, &err);
			if (rc != -1)
				fail_msg("call %d failed, and nobody knows", i);
			assert_int_equal(err.code, ERR_IO);
			assert_true(err.retry);
			assert_non_null(strstr(err.msg, "the mirror is damaged"));
		}
	}
}

/* Refused with this code and these words; what app/ of files would need. */
static void refused(const struct tree_file *files, const struct render_caps *caps,
		    enum err_code code, const char *words)
{
	struct render_request r = { .path = (char *)"app", .caps = *caps };
	struct err err = ERR_INIT;
	struct tree_files t;
	char *to = temp_folder();

	tree_files_init(&t, files);
	assert_int_equal(render_materialise(&t.files, &r, to, &err), -1);
	if (err.code != code || !strstr(err.msg, words))
		fail_msg("%s: %s", words, err.msg);
	remove_folder(to);
}

static void accepted(const struct tree_file *files, const struct render_caps *caps)
{
	struct render_request r = { .path = (char *)"app", .caps = *caps };
	struct err err = ERR_INIT;
	struct tree_files t;
	char *to = temp_folder();

	tree_files_init(&t, files);
	if (render_materialise(&t.files, &r, to, &err))
		fail_msg("%s", err.msg);
	remove_folder(to);
}

static void bytes_are_capped(void **state)
{
	/* 30, 10 and 10 bytes. */
	static const struct tree_file files[] = {
		{ "app/kustomization.yaml", "resources: [a.yaml, b.yaml ]\n\n" },
		{ "app/a.yaml", "kind: Aaa\n" }, { "app/b.yaml", "kind: Bbb\n" },
		{ NULL, NULL } };

	(void)state;
	accepted(files, &(struct render_caps){ .file_bytes = 30, .source_bytes = 50 });
	refused(files, &(struct render_caps){ .file_bytes = 29 }, ERR_LIMIT,
		"app/kustomization.yaml: too large");
	refused(files, &(struct render_caps){ .source_bytes = 49 }, ERR_LIMIT,
		"app/kustomization.yaml:1: resources: app/b.yaml: too large");
}

static void nesting_is_capped(void **state)
{
	struct tree_file files[68] = { { NULL, NULL } };
	char path[66][400], text[66][16];
	size_t len = (size_t)sprintf(path[0], "app");

	(void)state;
	for (int i = 0; i < 66; i++) {
		char folder[400];

		memcpy(folder, path[i], len + 1);
		sprintf(text[i], "resources: [d]\n");
		sprintf(path[i] + len, "/kustomization.yaml");
		files[i] = (struct tree_file){ path[i], text[i] };
		if (i < 65)
			len = (size_t)sprintf(path[i + 1], "%s/d", folder);
	}
	/* The root and 64 below it. */
	files[65] = (struct tree_file){ NULL, NULL };
	strcpy(text[64], "namespace: n\n");
	accepted(files, &(struct render_caps){ 0 });
	strcpy(text[64], "resources: [d]\n");
	files[65] = (struct tree_file){ path[65], "namespace: n\n" };
	refused(files, &(struct render_caps){ 0 }, ERR_LIMIT, "app/kustomization.yaml:1");
}

/* A tree where every name is a file but app/, which names n of them. */
struct many_files {
	struct files files;
	struct buf root;
};

static int many_stat(struct files *f, const char *path, struct file_entry *ret,
		     struct err *err)
{
	(void)f;
	if (strstr(path, ".yml") || strcmp(path, "Kustomization") == 0)
		return err_set(err, ERR_NOTFOUND, "%s: not found", path);
	*ret = (struct file_entry){ .name = xstrdup("x"), .kind = FILE_REGULAR };
	return 0;
}

static int many_list(struct files *f, const char *path, struct file_list *ret,
		     struct err *err)
{
	struct file_entry e = { .name = xstrdup("kustomization.yaml") };

	(void)f, (void)path, (void)err;
	*ret = (struct file_list){ 0 };
	vec_push(ret, e);
	return 0;
}

static int many_read(struct files *f, const char *path, size_t max, char **ret,
		     size_t *len, struct err *err)
{
	struct many_files *m = container_of(f, struct many_files, files);

	(void)max, (void)err;
	*ret = xstrdup(strstr(path, "kustomization") ? buf_str(&m->root) : "");
	*len = strlen(*ret);
	return 0;
}

static int judge_many(int n, struct err *err)
{
	static const struct files_ops ops = { many_stat, many_list, many_read, bad_close,
					      NULL };
	struct many_files m = { .files = { &ops } };
	_cleanup_json_ json_t *source = json_pack("{s:{s:s}}", "kustomize", "version", "");
	struct render_request r = { .path = (char *)"", .source = source };
	struct render_answer a = { 0 };
	int rc;

	buf_adds(&m.root, "resources:\n");
	for (int i = 0; i < n; i++)
		buf_addf(&m.root, "- f%d\n", i);
	rc = render_run(&m.files, &r, &a, err);
	render_answer_deinit(&a);
	buf_deinit(&m.root);
	return rc;
}

static void number_of_files_is_capped(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	/* The kustomization is one of them. */
	if (judge_many(19999, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(judge_many(20000, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.msg, "more than 20000 files"));
}

/* Copies base/ into `to`; the error's message. */
static void not_written(const char *to, const char *words)
{
	struct render_request r = { .path = (char *)"base" };
	struct err err = ERR_INIT;
	struct tree_files t;

	tree_files_init(&t, tree);
	assert_int_equal(render_materialise(&t.files, &r, to, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	if (!strstr(err.msg, words))
		fail_msg("%s: %s", words, err.msg);
}

static void target_must_be_a_folder(void **state)
{
	_cleanup_free_ char *none = xstrdup("/tmp/syncd-copy-is-not-there/x");

	(void)state;
	not_written(none, "write /tmp/syncd-copy-is-not-there/x: No such file");
	not_written("/dev/null", "write /dev/null: Not a directory");
}

static void put(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_is_there_is_not_overwritten(void **state)
{
	_cleanup_free_ char *base = NULL, *link = NULL, *aim = NULL;
	char *to = temp_folder(), *other = temp_folder();
	struct stat st;

	(void)state;
	put(to, "base", "a file where a folder belongs");
	not_written(to, "write base/kustomization.yaml: Not a directory");

	base = xasprintf("%s/base", to);
	assert_int_equal(unlink(base), 0);
	assert_int_equal(symlink(other, base), 0);
	not_written(to, "write base/kustomization.yaml: Not a directory");
	assert_false(exists(other, "kustomization.yaml"));

	assert_int_equal(unlink(base), 0);
	assert_int_equal(mkdir(base, 0700), 0);
	put(base, "b.yaml", "mine");
	not_written(to, "base/kustomization.yaml:1: resources: write base/b.yaml: File exists");
	aim = xasprintf("%s/b.yaml", base);
	assert_int_equal(stat(aim, &st), 0);
	assert_int_equal(st.st_size, 4);

	link = xasprintf("%s/kustomization.yaml", base);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("../../caught", link), 0);
	not_written(to, "write base/kustomization.yaml: File exists");
	remove_folder(other);
	remove_folder(to);
}

/* A file that fits in part only, as on a disk that fills up. */
static void short_writes_are_told(void **state)
{
	struct rlimit old, low;
	char *to = temp_folder();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = 5;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	not_written(to, "write base/kustomization.yaml: File too large");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	remove_folder(to);
}

static void paths_are_judged_first(void **state)
{
	struct render_request outside = { .path = (char *)"../x" };
	struct render_request none = { .path = (char *)"none" };
	struct err err = ERR_INIT;
	struct tree_files t;
	char *to = temp_folder();

	(void)state;
	tree_files_init(&t, tree);
	assert_int_equal(render_materialise(&t.files, &outside, to, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, "source.path: path \"../x\" leaves the repository");
	assert_int_equal(render_materialise(&t.files, &none, to, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(rmdir(to), 0);
	free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_to_read_is_told),
		cmocka_unit_test(bytes_are_capped),
		cmocka_unit_test(nesting_is_capped),
		cmocka_unit_test(number_of_files_is_capped),
		cmocka_unit_test(target_must_be_a_folder),
		cmocka_unit_test(what_is_there_is_not_overwritten),
		cmocka_unit_test(short_writes_are_told),
		cmocka_unit_test(paths_are_judged_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
