/* A folder on disk: which folder of it a path is read from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"

static void write_file(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_nothing(struct files *f, const char *path, const char *why)
{
	struct err err = ERR_INIT;
	size_t len;
	char *text;

	assert_int_equal(f->ops->read(f, path, 9, &text, &len, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	if (!strstr(err.msg, why))
		fail_msg("%s: %s", path, err.msg);
}

static void expect_text(struct files *f, const char *path, const char *want)
{
	struct err err = ERR_INIT;
	size_t len;
	char *text;

	if (f->ops->read(f, path, 99, &text, &len, &err))
		fail_msg("%s: %s", path, err.msg);
	assert_string_equal(text, want);
	free(text);
}

/* The folder of the path before is kept open: what is like it is not it. */
static void folders_are_told_apart(void **state)
{
	static const char *const paths[] = { "g", "a/g", "ab/g", "a/b/g", "b/g" };
	_cleanup_free_ char *dir = xstrdup("/tmp/syncd-files-XXXXXX");
	_cleanup_free_ char *moved = NULL, *a = NULL, *remove = NULL;
	struct err err = ERR_INIT;
	struct files *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	moved = xasprintf("%s/moved", dir);
	a = xasprintf("%s/a", dir);
	remove = xasprintf("rm -rf %s", dir);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		_cleanup_free_ char *folder = xasprintf("%s/%s", dir, paths[i]);

		folder[strlen(folder) - 2] = '\0';
		(void)!mkdir(folder, 0755);
		write_file(folder, "g", paths[i]);
	}
	f = files_dir_open(dir, &err);
	for (size_t i = 0; i < ARRAY_LEN(paths) * ARRAY_LEN(paths); i++) {
		expect_text(f, paths[i / ARRAY_LEN(paths)], paths[i / ARRAY_LEN(paths)]);
		expect_text(f, paths[i % ARRAY_LEN(paths)], paths[i % ARRAY_LEN(paths)]);
		expect_nothing(f, "a/none/g", "not found");
	}
	/* Another folder's turn, then a link where the folder was. */
	expect_text(f, "a/g", "a/g");
	expect_text(f, "b/g", "b/g");
	assert_int_equal(rename(a, moved) | symlink("moved", a), 0);
	expect_nothing(f, "a/g", "its parent is no folder");
	expect_text(f, "moved/g", "a/g");
	files_close(f);
	assert_int_equal(system(remove), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
