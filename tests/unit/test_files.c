/*
 * Trees of files: joining paths, a Git commit, a folder. The hostile trees are
 * written object by object; each has its way out of the root, where a canary
 * lies that no answer and no message may hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <git2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/files.h"
#include "core/utf8.h"

#define CANARY "CANARY-3b1f"

static char root[] = "/tmp/syncd-files-XXXXXX";
static char *canary, *mirror;
static git_repository *repo;
static git_odb *odb;

static void joins(void **state)
{
	static const char *const good[][3] = {
		{ "", "", "" }, { "a", "", "a" }, { "", "a", "a" },
		{ "a/b", "../c", "a/c" }, { "a/b", "../..", "" },
		{ "a", "./b/./c/", "a/b/c" }, { "a//b/", "c", "a/b/c" },
		{ "a", "b//c", "a/b/c" }, { "a", "...", "a/..." },
		{ "a", "..b", "a/..b" }, { "a/b", "../../x", "x" },
		{ "\xc3\xa9", "x y", "\xc3\xa9/x y" }, { "a", ".", "a" },
		{ "", "x/..", "" }, { "", "x/../y", "y" },
	};
	static const char *const bad[][2] = {
		{ "", ".." }, { "a", "../.." }, { "a/b", "../../../x" },
		{ "a", "/etc/passwd" }, { "/a", "b" }, { "a", "b\nc" },
		{ "a", "b\x7f" }, { "a", "\x01" }, { "a", "\xff" },
		{ "", "a/../.." }, { "", "./.." }, { "\xc0\xaf", "x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		_cleanup_free_ char *got = NULL;

		assert_int_equal(files_join(good[i][0], good[i][1], &got, NULL), 0);
		assert_string_equal(got, good[i][2]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		char *got = NULL;

		assert_int_equal(files_join(bad[i][0], bad[i][1], &got, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_true(utf8_valid(err.msg, strlen(err.msg)));
		assert_null(got);
	}
}

static void joins_no_endless_path(void **state)
{
	_cleanup_free_ char *path = xcalloc(1, 5000);
	struct err err = ERR_INIT;
	char *got = NULL;

	(void)state;
	memset(path, 'a', 4999);
	assert_int_equal(files_join("", path, &got, &err), -1);
	assert_non_null(strstr(err.msg, "longer than 4096"));
}

/* A tree object as it is written, entry by entry, without any check. */
static void add_entry(struct buf *tree, const char *mode, const char *name,
		      const git_oid *oid)
{
	buf_addf(tree, "%s %s", mode, name);
	buf_addc(tree, '\0');
	buf_add(tree, oid->id, GIT_OID_RAWSZ);
}

static git_oid write_object(const void *data, size_t len, git_object_t type)
{
	git_oid oid;

	assert_int_equal(git_odb_write(&oid, odb, data, len, type), 0);
	return oid;
}

static git_oid write_blob(const char *text)
{
	return write_object(text, strlen(text), GIT_OBJECT_BLOB);
}

static git_oid write_tree(struct buf *b)
{
	git_oid oid = write_object(buf_str(b), b->len, GIT_OBJECT_TREE);

	buf_clear(b);
	return oid;
}

static void write_commit(const git_oid *tree, char hex[65])
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char id[41];
	git_oid oid;

	git_oid_tostr(id, sizeof(id), tree);
	buf_addf(&b, "tree %s\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n", id);
	oid = write_object(b.data, b.len, GIT_OBJECT_COMMIT);
	git_oid_tostr(hex, 65, &oid);
}

static struct files *open_tree(struct buf *b)
{
	git_oid tree = write_tree(b);
	struct err err = ERR_INIT;
	struct files *f;
	char hex[65];

	write_commit(&tree, hex);
	f = files_git_open(mirror, hex, &err);
	if (!f)
		fail_msg("%s", err.msg);
	return f;
}

static int setup(void **state)
{
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(root));
	canary = xasprintf("%s/canary", root);
	mirror = xasprintf("%s/mirror", root);
	file = fopen(canary, "w");
	fputs(CANARY, file);
	fclose(file);
	git_libgit2_init();
	/* We write what Git itself would refuse to. */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
	assert_int_equal(git_repository_init(&repo, mirror, true), 0);
	assert_int_equal(git_repository_odb(&odb, repo), 0);
	return 0;
}

static int teardown(void **state)
{
	_cleanup_free_ char *rm = xasprintf("rm -rf %s", root);

	(void)state;
	git_odb_free(odb);
	git_repository_free(repo);
	git_libgit2_shutdown();
	free(canary);
	free(mirror);
	return system(rm);
}

static void git_tree_is_read(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	git_oid x = write_blob("hello"), sub;
	struct file_entry e;
	struct file_list l;
	struct files *f;
	size_t len;
	char *text;

	(void)state;
	add_entry(&b, "100755", "run", &x);
	sub = write_tree(&b);
	/* Git sorts "a.b" before the folder "a" (as "a/"); we sort by name. */
	add_entry(&b, "100644", "a.b", &x);
	add_entry(&b, "40000", "a", &sub);
	add_entry(&b, "120000", "link", &x);
	add_entry(&b, "160000", "module", &x);
	f = open_tree(&b);

	assert_int_equal(f->ops->list(f, "", &l, NULL), 0);
	assert_int_equal(l.len, 4);
	assert_string_equal(l.data[0].name, "a");
	assert_int_equal(l.data[0].kind, FILE_FOLDER);
	assert_string_equal(l.data[1].name, "a.b");
	assert_int_equal(l.data[1].kind, FILE_REGULAR);
	assert_int_equal(l.data[2].kind, FILE_SYMLINK);
	assert_int_equal(l.data[3].kind, FILE_SUBMODULE);
	file_list_deinit(&l);

	assert_int_equal(f->ops->read(f, "a/run", 5, &text, &len, NULL), 0);
	assert_int_equal(len, 5);
	assert_string_equal(text, "hello");
	free(text);
	assert_int_equal(f->ops->stat(f, "a/run", &e, NULL), 0);
	assert_string_equal(e.name, "run");
	assert_int_equal(e.kind, FILE_REGULAR);
	assert_string_equal(e.id, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
	free(e.name);
	files_close(f);
}

static void expect_error(struct files *f, const char *path, size_t max,
			 enum err_code code, const char *says)
{
	struct err err = ERR_INIT;
	char *text = NULL;

	assert_int_equal(f->ops->read(f, path, max, &text, NULL, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, says))
		fail_msg("%s: %s", path, err.msg);
}

static void git_errors_say_what(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	git_oid x = write_blob("hello"), sub, gone;
	struct file_list l;
	struct err err = ERR_INIT;
	struct files *f;

	(void)state;
	git_oid_fromstr(&gone, "1111111111111111111111111111111111111111");
	add_entry(&b, "100644", "f", &x);
	sub = write_tree(&b);
	add_entry(&b, "40000", "d", &sub);
	add_entry(&b, "100644", "file", &x);
	add_entry(&b, "100644", "gone", &gone);
	add_entry(&b, "120000", "link", &x);
	add_entry(&b, "160000", "mod", &x);
	add_entry(&b, "100644", "tree", &sub);
	add_entry(&b, "40000", "type", &x);
	f = open_tree(&b);
	expect_error(f, "nope", 9, ERR_NOTFOUND, "nope: not found");
	expect_error(f, "d/nope", 9, ERR_NOTFOUND, "d/nope: not found");
	expect_error(f, "file/x", 9, ERR_NOTFOUND, "\"file\" is no folder");
	expect_error(f, "link/x", 9, ERR_NOTFOUND, "\"link\" is no folder");
	expect_error(f, "mod/x", 9, ERR_NOTFOUND, "\"mod\" is no folder");
	expect_error(f, "d", 9, ERR_INVALID, "a folder, not a file");
	expect_error(f, "", 9, ERR_INVALID, "a folder, not a file");
	expect_error(f, "link", 9, ERR_INVALID, "symbolic link is not followed");
	expect_error(f, "mod", 9, ERR_INVALID, "submodule is not followed");
	expect_error(f, "file", 4, ERR_LIMIT, "5 bytes, more than the limit of 4");
	expect_error(f, "gone", 9, ERR_IO, "missing from the mirror");
	expect_error(f, "tree", 9, ERR_INVALID, "another type");
	expect_error(f, "type/x", 9, ERR_INVALID, "another type");
	assert_int_equal(f->ops->list(f, "file", &l, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(f->ops->list(f, "nope", &l, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	files_close(f);
}

static void git_read_set_names_what_was_used(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	git_oid x = write_blob("hello"), sub;
	struct file_list l;
	struct files *f;
	char *text;
	char want[200], id[41];

	(void)state;
	add_entry(&b, "100644", "f", &x);
	sub = write_tree(&b);
	add_entry(&b, "40000", "d", &sub);
	f = open_tree(&b);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f->ops->read(f, "d/f", 9, &text, NULL, NULL), 0);
		free(text);
		assert_int_equal(f->ops->list(f, "d", &l, NULL), 0);
		file_list_deinit(&l);
		assert_int_equal(f->ops->list(f, "no", &l, NULL), -1);
		assert_int_equal(f->ops->list(f, "../no", &l, NULL), -1);
	}
	git_oid_tostr(id, sizeof(id), &sub);
	snprintf(want, sizeof(want),
		 "d/f b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0\nd %s\nno -\n", id);
	assert_string_equal(files_git_read_set(f), want);
	files_close(f);
}

static void git_open_errors(void **state)
{
	static const char *const ids[] = { "", "main", "../../x", "123" };
	_cleanup_free_ char *none = xasprintf("%s/none", root);
	git_oid blob = write_blob("hello");
	struct err err = ERR_INIT;
	char id[41];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_null(files_git_open(mirror, ids[i], &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
	git_oid_tostr(id, sizeof(id), &blob);
	assert_null(files_git_open(mirror, id, &err));
	assert_int_equal(err.code, ERR_INVALID);
	id[0] = '0';
	assert_null(files_git_open(mirror, id, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_true(err.retry);
	assert_null(files_git_open(none, id, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_true(err.retry);
}

/*
 * Where a hostile entry's name leads and what it is. REFUSED: list says so.
 * KIND: list shows it as what it is and read does not follow it.
 */
enum hostile_end { REFUSED, LINK, MODULE };
static const struct hostile {
	const char *mode, *name, *target;
	enum hostile_end end;
} hostile[] = {
	{ "100644", "..", "x", REFUSED },
	{ "40000", "..", NULL, REFUSED },
	{ "120000", "..", "/", REFUSED },
	{ "160000", "..", "x", REFUSED },
	{ "100644", ".", "x", REFUSED },
	{ "40000", ".", NULL, REFUSED },
	{ "100644", "", "x", REFUSED },
	{ "100644", ".git", "x", REFUSED },
	{ "40000", ".git", NULL, REFUSED },
	{ "100644", ".GIT", "x", REFUSED },
	{ "40000", ".Git", NULL, REFUSED },
	{ "120000", ".git", "%s", REFUSED },
	{ "160000", ".git", "x", REFUSED },
	{ "100644", "../canary", "x", REFUSED },
	{ "100644", "../../canary", "x", REFUSED },
	{ "120000", "../canary", "%s", REFUSED },
	{ "100644", "a/../../canary", "x", REFUSED },
	{ "100644", "/etc/passwd", "x", REFUSED },
	{ "100644", "a/b", "x", REFUSED },
	{ "40000", "a/", NULL, REFUSED },
	{ "100644", "/", "x", REFUSED },
	{ "100644", "a\nb", "x", REFUSED },
	{ "100644", "a\rb", "x", REFUSED },
	{ "100644", "\x1b[2J", "x", REFUSED },
	{ "100644", "a\x7f", "x", REFUSED },
	{ "100644", "\xff\xfe", "x", REFUSED },
	{ "100644", "\xc0\xae\xc0\xae", "x", REFUSED },
	{ "100644", "\xed\xa0\x80", "x", REFUSED },
	{ "100644", "twice", "x", REFUSED },	/* beside the one that is there */
	{ "120000", "twice", "%s", REFUSED },
	{ "120000", "evil", "%s", LINK },
	{ "120000", "evil", "../canary", LINK },
	{ "120000", "evil", "../../../../../../../../etc/passwd", LINK },
	{ "120000", "evil", "/proc/self/environ", LINK },
	{ "120000", "evil", "evil", LINK },
	{ "120000", "evil", ".", LINK },
	{ "120000", "evil", "..", LINK },
	{ "120000", "evil", "", LINK },
	{ "120000", "evil", "twice", LINK },	/* even to a file inside */
	{ "160000", "evil", "x", MODULE },
	{ "160000", "evil", "%s", MODULE },
};

static void no_canary(const char *text)
{
	if (text)
		assert_null(strstr(text, CANARY));
}

/* Asks for path in every way; nothing of it may come from outside. */
static void probe(struct files *f, const char *path)
{
	struct file_list l = { 0 };
	struct file_entry e = { 0 };
	struct err err = ERR_INIT;
	char *text = NULL;

	if (!f->ops->read(f, path, 1 << 20, &text, NULL, &err))
		no_canary(text);
	no_canary(err.msg);
	free(text);
	if (!f->ops->stat(f, path, &e, &err))
		free(e.name);
	if (!f->ops->list(f, path, &l, &err))
		for (size_t i = 0; i < l.len; i++)
			assert_string_not_equal(l.data[i].name, "canary");
	file_list_deinit(&l);
	no_canary(err.msg);
	assert_true(utf8_valid(err.msg, strlen(err.msg)));
}

static const char *const ways_out[] = {
	"../canary", "..", ".", "/", "evil/canary", "evil/../canary",
	"evil/../../canary", "a/../../canary", "./../canary", "evil/",
	".git/config", "../mirror/config", "//etc/passwd", "evil/.git",
};

static void probe_all(struct files *f, const char *name)
{
	probe(f, canary);
	probe(f, name);
	for (size_t i = 0; i < ARRAY_LEN(ways_out); i++) {
		_cleanup_free_ char *below = xasprintf("%s/%s", name, ways_out[i]);

		probe(f, ways_out[i]);
		probe(f, below);
	}
}

static git_oid hostile_target(const struct hostile *h)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *percent = h->target ? strstr(h->target, "%s") : NULL;
	git_oid x = write_blob("inside");

	if (!h->target) {
		add_entry(&b, "100644", "inside", &x);
		return write_tree(&b);
	}
	buf_adds(&b, percent ? canary : h->target);
	return write_blob(buf_str(&b));
}

static void expect_listing(struct files *f, const struct hostile *h)
{
	struct err err = ERR_INIT;
	struct file_list l = { 0 };
	int rc = f->ops->list(f, "", &l, &err);

	if (h->end == REFUSED) {
		if (rc != -1 || err.code != ERR_INVALID)
			fail_msg("%s %s was not refused", h->mode, h->name);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(l.len, 2);
	assert_string_equal(l.data[0].name, "evil");
	assert_int_equal(l.data[0].kind,
			 h->end == LINK ? FILE_SYMLINK : FILE_SUBMODULE);
	file_list_deinit(&l);
}

static void hostile_trees_stay_inside(void **state)
{
	git_oid inside = write_blob("inside");

	(void)state;
	assert_true(ARRAY_LEN(hostile) >= 40);
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		const struct hostile *h = &hostile[i];
		_cleanup_buf_ struct buf b = BUF_INIT;
		git_oid target = hostile_target(h);
		struct files *f;

		add_entry(&b, h->mode, h->name, &target);
		add_entry(&b, "100644", "twice", &inside);
		f = open_tree(&b);
		expect_listing(f, h);
		probe_all(f, h->name);
		files_close(f);
	}
}

/* A tree object that is no tree at all. */
static void broken_tree_objects(void **state)
{
	static const char *const bad[] = {
		"100644", "100644 x", "100644 x\0short", "zz x\0aaaaaaaaaaaaaaaaaaaa",
		"777777 x\0aaaaaaaaaaaaaaaaaaaa",
	};
	static const size_t len[] = { 6, 8, 14, 25, 29 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct file_list l = { 0 };
		struct err err = ERR_INIT;
		struct files *f;

		buf_add(&b, bad[i], len[i]);
		f = open_tree(&b);
		if (!f->ops->list(f, "", &l, &err))
			fail_msg("tree %zu was read", i);
		assert_int_equal(err.code, ERR_INVALID);
		files_close(f);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_folder(const char *dir)
{
	_cleanup_free_ char *a = xasprintf("%s/a", dir), *git = xasprintf("%s/.git", dir);
	_cleanup_free_ char *out = xasprintf("%s/out", dir);
	_cleanup_free_ char *up = xasprintf("%s/up", dir);
	_cleanup_free_ char *fifo = xasprintf("%s/fifo", dir);

	assert_int_equal(mkdir(dir, 0755) | mkdir(a, 0755) | mkdir(git, 0755), 0);
	write_file(a, "f", "hello");
	assert_int_equal(symlink(canary, out) | symlink("..", up), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
}

static void folder_is_read(void **state)
{
	_cleanup_free_ char *dir = xasprintf("%s/folder", root);
	_cleanup_free_ char *missing = xasprintf("%s/none", root);
	struct err err = ERR_INIT;
	struct file_list l;
	struct files *f;
	char *text;
	size_t len;

	(void)state;
	make_folder(dir);
	f = files_dir_open(dir, &err);
	assert_non_null(f);
	assert_int_equal(f->ops->list(f, "", &l, &err), 0);
	assert_int_equal(l.len, 3);	/* neither .git nor the pipe */
	assert_string_equal(l.data[0].name, "a");
	assert_int_equal(l.data[0].kind, FILE_FOLDER);
	assert_string_equal(l.data[1].name, "out");
	assert_int_equal(l.data[1].kind, FILE_SYMLINK);
	file_list_deinit(&l);
	assert_int_equal(f->ops->read(f, "a/f", 5, &text, &len, &err), 0);
	assert_string_equal(text, "hello");
	free(text);
	expect_error(f, "a/f", 4, ERR_LIMIT, "larger than 4");
	expect_error(f, "a", 9, ERR_INVALID, "not a regular file");
	expect_error(f, "", 9, ERR_INVALID, "not a regular file");
	expect_error(f, "nope", 9, ERR_NOTFOUND, "not found");
	expect_error(f, "a/f/x", 9, ERR_NOTFOUND, "not found");
	expect_error(f, "out", 99, ERR_INVALID, "symbolic link is not followed");
	expect_error(f, "fifo", 99, ERR_INVALID, "not a regular file");
	assert_int_equal(f->ops->list(f, "a/f", &l, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	probe_all(f, "out");
	probe_all(f, "up");
	files_close(f);
	assert_null(files_dir_open(missing, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_null(files_dir_open(canary, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(files_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(joins_no_endless_path),
		cmocka_unit_test(git_tree_is_read),
		cmocka_unit_test(git_errors_say_what),
		cmocka_unit_test(git_read_set_names_what_was_used),
		cmocka_unit_test(git_open_errors),
		cmocka_unit_test(hostile_trees_stay_inside),
		cmocka_unit_test(broken_tree_objects),
		cmocka_unit_test(folder_is_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
