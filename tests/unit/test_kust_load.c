/*
 * render/kustomize/{load,texts,documents,remote}.c: where paths lead, what is refused,
 * and what documents become. Outcomes are those of the reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "render/remote.h"
#include "render/kustomize/spec.h"
#include "tree_files.h"

#define KUSTOMIZATION "resources: [x.yaml]\n"

static const struct tree_file tree[] = {
	{ "app/kustomization.yaml", KUSTOMIZATION },
	{ "app/x.yaml", "x" },
	{ "app/sub/y.yaml", "y" },
	{ "app/sub/kustomization.yml", KUSTOMIZATION },
	{ "app/in.yaml", "->sub/y.yaml" },
	{ "app/up.yaml", "->../base/z.yaml" },
	{ "app/roundabout.yaml", "->../app/./sub/../x.yaml" },
	{ "app/through", "->sub" },
	{ "app/out", "->../../etc" },
	{ "app/absolute", "->/etc/passwd" },
	{ "app/loop", "->loop" },
	{ "app/nowhere", "->gone" },
	{ "app/other", "->../base" },
	{ "application/z.yaml", "z" },
	{ "base/z.yaml", "z" },
	{ "base/Kustomization", KUSTOMIZATION },
	{ "linked/kustomization.yaml", "->../app/kustomization.yaml" },
	{ "linked2/kustomization.yaml", "->real.yaml" },
	{ "linked2/real.yaml", KUSTOMIZATION },
	{ "two/kustomization.yaml", KUSTOMIZATION },
	{ "two/kustomization.yml", KUSTOMIZATION },
	{ "none/x.yaml", "x" },
	{ NULL, NULL },
};

struct fixture {
	struct kust k;
	struct tree_files files;
	struct kust_options o;
	struct err err;
};

static void start(struct fixture *f)
{
	tree_files_init(&f->files, tree);
	kust_init(&f->k, &f->files.files, &f->o);
}

static void expect(const char *what, const struct err *err, enum err_code code,
		   const char *said)
{
	if (err->code != code || !strstr(err->msg, said))
		fail_msg("%s: want %s \"%s\", got %s \"%s\"", what, err_code_str(code), said,
			 err_code_str(err->code), err->msg);
}

static const struct {
	const char *written, *path, *said;
	enum err_code code;
} paths[] = {
	{ "x.yaml", "app/x.yaml", NULL, 0 },
	{ "./sub/../x.yaml", "app/x.yaml", NULL, 0 },
	{ "../app/x.yaml", "app/x.yaml", NULL, 0 },
	{ "in.yaml", "app/sub/y.yaml", NULL, 0 },
	{ "roundabout.yaml", "app/x.yaml", NULL, 0 },
	{ "through/y.yaml", "app/sub/y.yaml", NULL, 0 },
	{ "through/../x.yaml", "app/x.yaml", NULL, 0 },	/* cleaned before links count */
	{ "up.yaml", NULL, "'base/z.yaml' is not in or below 'app'", ERR_INVALID },
	{ "../base/z.yaml", NULL, "is not in or below 'app'", ERR_INVALID },
	{ "../application/z.yaml", NULL, "is not in or below 'app'", ERR_INVALID },
	{ "other/z.yaml", NULL, "is not in or below 'app'", ERR_INVALID },
	{ "gone.yaml", NULL, "not found", ERR_NOTFOUND },
	{ "nowhere", NULL, "app/gone: not found", ERR_NOTFOUND },
	{ "x.yaml/y", NULL, "not found", ERR_NOTFOUND },
	{ "sub", NULL, "'sub' is a folder", ERR_INVALID },
	{ "through", NULL, "'through' is a folder", ERR_INVALID },
	{ "", NULL, "'.' is a folder", ERR_INVALID },
	{ "/app/x.yaml", NULL, "is absolute", ERR_INVALID },
	{ "../../x", NULL, "leaves the repository", ERR_INVALID },
	{ "out", NULL, "leads out of the repository", ERR_INVALID },
	{ "out/passwd", NULL, "leads out of the repository", ERR_INVALID },
	{ "absolute", NULL, "'app/absolute' is a symbolic link out", ERR_INVALID },
	{ "loop", NULL, "more than 40 symbolic links", ERR_INVALID },
	{ "https://u:secret@h/x.yaml?token=y", NULL, "'https://h/x.yaml' is remote",
	  ERR_INVALID },
};

static void test_files(void **state)
{
	struct fixture f = { 0 };
	struct kfolder *root;

	(void)state;
	start(&f);
	root = kload_root(&f.k, "app", &f.err);
	assert_non_null(root);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const char *text, *path;
		size_t len;

		f.err = ERR_INIT;
		if (kload_file(&f.k, root, paths[i].written, &text, &len, &path, &f.err)) {
			if (paths[i].path)
				fail_msg("%s: %s", paths[i].written, f.err.msg);
			expect(paths[i].written, &f.err, paths[i].code, paths[i].said);
			continue;
		}
		if (!paths[i].path)
			fail_msg("%s was read as %s", paths[i].written, path);
		assert_string_equal(path, paths[i].path);
		assert_int_equal(len, strlen(text));
	}
	kust_deinit(&f.k);
}

static const struct {
	const char *root, *written, *path, *said;
} folders[] = {
	{ "app", "../base", "base", NULL },
	{ "app", "sub", "app/sub", NULL },
	{ "app", "through", "app/sub", NULL },
	{ "app", "other", "base", NULL },
	{ "app", ".", NULL, "a cycle: 'app' holds 'app'" },
	{ "app", "..", NULL, "a cycle: '.' holds 'app'" },
	{ "app/sub", "..", NULL, "a cycle: 'app' holds 'app/sub'" },
	{ "app", "../application", "application", NULL },
	{ "app", "gone", NULL, "not found" },
	{ "app", "x.yaml", NULL, "'x.yaml' is a file" },
	{ "app", "", NULL, "an empty path" },
	{ "app", "../..", NULL, "leaves the repository" },
	{ "app", "github.com/o/r//base?ref=v1", NULL, "'github.com/o/r//base' is remote" },
	{ "", "app", "app", NULL },
};

static void test_folders(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		struct fixture f = { 0 };
		struct kfolder *root, *got;

		start(&f);
		root = kload_root(&f.k, folders[i].root, &f.err);
		assert_non_null(root);
		got = kload_folder(&f.k, root, folders[i].written, &f.err);
		if (got && !folders[i].path)
			fail_msg("%s gave %s", folders[i].written, got->path);
		if (got)
			assert_string_equal(got->path, folders[i].path);
		else if (folders[i].path || !strstr(f.err.msg, folders[i].said))
			fail_msg("%s: %s", folders[i].written, f.err.msg);
		kust_deinit(&f.k);
	}
}

static void test_ancestors(void **state)
{
	struct fixture f = { 0 };
	struct kfolder *at;

	(void)state;
	start(&f);
	at = kload_root(&f.k, "app", &f.err);
	at = kload_folder(&f.k, at, "../base", &f.err);
	assert_non_null(at);
	assert_null(kload_folder(&f.k, at, "../app", &f.err));
	expect("back", &f.err, ERR_INVALID, "a cycle: 'app' holds 'app', which is being");
	assert_non_null(kload_folder(&f.k, at, "../app/sub", &f.err));
	kust_deinit(&f.k);
}

static void test_kinds(void **state)
{
	static const struct { const char *written; enum kload_kind kind; } kinds[] = {
		{ "x.yaml", KLOAD_FILE }, { "sub", KLOAD_FOLDER },
		{ "through", KLOAD_FOLDER }, { "gone", KLOAD_NOTHING },
		{ "../base", KLOAD_FOLDER }, { "https://h/x", KLOAD_FILE },
		{ "https://h/o/r", KLOAD_FOLDER }, { "https://h/o/r/x.yaml?a=b", KLOAD_FILE },
		{ "https://h/o/r//x.yaml", KLOAD_FOLDER }, { "ftp://h/x", KLOAD_NOTHING },
		{ "git@h:o/r", KLOAD_FOLDER },
		{ "", KLOAD_FOLDER },
	};
	struct fixture f = { 0 };
	struct kfolder *root;

	(void)state;
	start(&f);
	root = kload_root(&f.k, "app", &f.err);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kload_look(&f.k, root, kinds[i].written) != kinds[i].kind)
			fail_msg("%s", kinds[i].written);
	}
	kust_deinit(&f.k);
}

static void test_roots(void **state)
{
	static const struct { const char *path, *file, *said; } roots[] = {
		{ "app", "app/kustomization.yaml", NULL },
		{ "app/sub", "app/sub/kustomization.yml", NULL },
		{ "app/through", "app/sub/kustomization.yml", NULL },
		{ "base", "base/Kustomization", NULL },
		{ "linked2", "linked2/real.yaml", NULL },
		{ "linked", NULL, "'linked' has no kustomization.yaml" },
		{ "two", NULL, "'two' has more than one of" },
		{ "none", NULL, "'none' has no kustomization.yaml" },
		{ "", NULL, "'.' has no kustomization.yaml" },
		{ "gone", NULL, "gone: not found" },
		{ "app/x.yaml", NULL, "'app/x.yaml' is a file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		struct fixture f = { 0 };
		struct kfolder *root;
		struct kspec spec;

		start(&f);
		root = kload_root(&f.k, roots[i].path, &f.err);
		if (root && kload_spec(&f.k, root, &spec, &f.err) == 0) {
			assert_non_null(roots[i].file);
			assert_string_equal(spec.file, roots[i].file);
			assert_string_equal(root->file, roots[i].file);
		} else if (roots[i].file || !strstr(f.err.msg, roots[i].said)) {
			fail_msg("%s: %s", roots[i].path, f.err.msg);
		}
		kust_deinit(&f.k);
	}
}

/* --- caps ---------------------------------------------------------------------------- */

static void test_caps(void **state)
{
	struct fixture f = { .o = { .file_bytes = 20, .source_bytes = 30 } };
	const char *text, *path;
	struct kfolder *root;
	size_t len;
	int n = 0;

	(void)state;
	start(&f);
	root = kload_root(&f.k, "app", &f.err);
	assert_int_equal(kload_file(&f.k, root, "kustomization.yaml", &text, &len, &path,
				    &f.err), 0);
	assert_int_equal(kload_file(&f.k, root, "sub/kustomization.yml", &text, &len, &path,
				    &f.err), -1);
	expect("second", &f.err, ERR_LIMIT, "too large");
	while (kload_file(&f.k, root, "kustomization.yaml", &text, &len, &path, &f.err) == 0)
		n++;
	expect("again", &f.err, ERR_LIMIT, "files are named so often");
	assert_in_range(n, 15, 30);
	kust_deinit(&f.k);
}

static void test_depth(void **state)
{
	struct fixture f = { 0 };
	struct kfolder *at, links[80] = { 0 };
	int i = 0;

	(void)state;
	start(&f);
	links[0] = (struct kfolder){ .files = NULL, .path = "elsewhere" };
	for (i = 1; i < 80; i++)
		links[i] = (struct kfolder){ .parent = &links[i - 1], .path = "elsewhere" };
	at = &links[70];
	at->files = &f.files.files;
	at->path = "app";
	assert_null(kload_folder(&f.k, at, "../base", &f.err));
	expect("deep", &f.err, ERR_LIMIT, "nested deeper than 64");
	f.k.folders = 20000;
	assert_null(kload_root(&f.k, "app", &f.err));
	expect("wide", &f.err, ERR_LIMIT, "more than 1000 times");
	kust_deinit(&f.k);
}

/* --- documents ----------------------------------------------------------------------- */

#define CM(name) "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " name "\n"

static const struct { const char *text, *names; } documents[] = {
	{ "", "" }, { "# c\n", "" }, { "---\n---\n", "" }, { "{}\n", "" }, { "[]\n", "" },
	{ CM("a"), "a:1" },
	{ "---\n" CM("a") "---\n" CM("b"), "a:2 b:7" },
	{ CM("a") "--- # c\n# d\n---\n" CM("b"), "a:1 b:8" },
	{ CM("a") "---\nnull\n---\n" CM("b"), "a:1 b:8" },
	{ CM("a") "---", "a:1" },
	{ CM("a") "...\nrest: [of\n", "a:1" },	/* only a cut's first document counts */
	{ "apiVersion: v1\r\nkind: A\r\nmetadata: {name: a}\r\n---\r\nkind: B\r\n"
	  "metadata: {name: b}\r\n", "a:1 b:5" },
	{ "kind: List\nitems:\n- {kind: A, metadata: {name: a}}\n- null\n"
	  "- {kind: B, metadata: {name: b}}\n", "a:3 b:5" },
	{ "kind: List\nitems:\n", "" },
	{ "kind: ResourceList\nfunctionConfig: {a: b}\n", "" },
	{ "kind: FooList\nitems: []\n", "" }, { "kind: FooList\nitems:\n", "" },
	{ "kind: FooList\nmetadata: {name: l}\n", "l:1" },
	{ "kind: FooList\nitems: [{kind: A, metadata: {name: a}}]\n---\n" CM("z"), "z:4 a:2" },
	{ "kind: List\nitems:\n- kind: BList\n  items: [{kind: B, metadata: {name: b}}]\n"
	  "- {kind: C, metadata: {name: c}}\n", "c:5 b:4" },
	{ "{\"kind\": \"A\", \"metadata\": {\"name\": \"a\"}}", "a:1" },
	{ "a: &x {kind: A}\n<<: *x\nmetadata: {name: a}\n", "a:1" },
};

static void join_names(const struct kmap *m, struct buf *out)
{
	for (size_t i = 0; i < kmap_len(m); i++)
		buf_addf(out, "%s%s:%u", i ? " " : "", kmap_at(m, i)->id.name,
			 kmap_at(m, i)->line);
}

static void test_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		_cleanup_buf_ struct buf names = BUF_INIT;
		struct fixture f = { 0 };
		struct kmap *m;

		start(&f);
		m = kmap_new(&f.k);
		if (kload_resources(&f.k, "f", documents[i].text, strlen(documents[i].text),
				    m, &f.err) < 0)
			fail_msg("%s\n%s", documents[i].text, f.err.msg);
		join_names(m, &names);
		if (strcmp(buf_str(&names), documents[i].names) != 0)
			fail_msg("%s\n  want: %s\n  got:  %s", documents[i].text,
				 documents[i].names, buf_str(&names));
		kust_deinit(&f.k);
	}
}

static const struct { const char *text, *said; } bad[] = {
	{ "foo\n", "f:1: not an object" },
	{ "- a\n", "f:1: not an object" },
	{ "\nmetadata: {name: a}\n", "f:2: kind is missing" },
	{ "kind:\nmetadata: {name: a}\n", "kind is missing" },
	{ "kind: A\n", "f:1: A: metadata.name is missing" },
	{ "kind: A\nmetadata: {name: }\n", "A: metadata.name is missing" },
	{ "kind: A\nmetadata: {name: ''}\n", "A: metadata.name is missing" },
	{ CM("a") "--- foo: bar\n" CM("b"), "f:5: nothing but a comment may follow '---'" },
	{ CM("a") "---\na: b: c\n", "f: the document that begins in line 6" },
	{ "a: b: c\n", "f: " },
	{ "kind: List\nitems: {a: b}\n", "f:1: items is not a list" },
	{ "kind: FooList\nitems: {a: b}\n", "f:1: FooList: items is not a list" },
	{ "kind: FooList\nitems: [{a: .inf, kind: A, metadata: {name: a}}]\n", "f:2" },
	{ "kind: FooList\nitems: [{kind: A}]\n", "f:2: A: metadata.name is missing" },
	{ CM("a") "---\n" CM("a"), "is there already, from f:1" },
};

static void test_bad_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture f = { 0 };
		struct kmap *m;

		start(&f);
		m = kmap_new(&f.k);
		if (kload_resources(&f.k, "f", bad[i].text, strlen(bad[i].text), m,
				    &f.err) == 0)
			fail_msg("accepted: %s", bad[i].text);
		expect(bad[i].text, &f.err, ERR_INVALID, bad[i].said);
		kust_deinit(&f.k);
	}
}

static void test_patches(void **state)
{
	_cleanup_kres_list_ struct kres_list l = { 0 };
	struct fixture f = { .o = { .objects = 1 } };
	const char *text = CM("a") "---\n" CM("a");
	int n = 2;

	(void)state;
	start(&f);
	assert_int_equal(kload_patches(&f.k, "f", text, strlen(text), &l, &f.err), 0);
	assert_int_equal(l.len, 2);
	while (kload_patches(&f.k, "f", text, strlen(text), &l, &f.err) == 0)
		n += 2;
	expect("many", &f.err, ERR_LIMIT, "more than 2 objects are read");
	assert_int_equal(n, 2);
	kust_deinit(&f.k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files), cmocka_unit_test(test_folders),
		cmocka_unit_test(test_ancestors), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_roots), cmocka_unit_test(test_caps),
		cmocka_unit_test(test_depth), cmocka_unit_test(test_documents),
		cmocka_unit_test(test_bad_documents), cmocka_unit_test(test_patches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
