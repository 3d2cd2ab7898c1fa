/* Mirrors that nobody uses: which folders go, and that nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/fetch.h"
#include "core/git/fetch_git.h"
#include "core/git/mirror.h"
#include "core/mem.h"

#define HASH "0123456789abcdef"

static char root[] = "/tmp/syncd-sweep-XXXXXX";

static char *path_of(const char *rest)
{
	return xasprintf("%s/%s", root, rest);
}

static void put(const char *rest, const char *text)
{
	_cleanup_free_ char *path = path_of(rest), *dir = xstrdup(path);
	FILE *f;

	for (char *s = dir + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		mkdir(dir, 0755);
		*s = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool is_there(const char *rest)
{
	_cleanup_free_ char *path = path_of(rest);
	struct stat st;

	return !lstat(path, &st);
}

static int open_in(const char *rest, int flags)
{
	_cleanup_free_ char *path = path_of(rest);
	int fd = open(path, flags);

	assert_true(fd >= 0);
	return fd;
}

/* A mirror with a generation that was published long ago. */
static void put_mirror(const char *key)
{
	static const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	_cleanup_free_ char *lock = xasprintf("%s/lock", key);
	_cleanup_free_ char *object = xasprintf("%s/g000007/objects/aa/bb", key);
	_cleanup_free_ char *marker = xasprintf("%s/g000007/published", key);
	_cleanup_free_ char *path = path_of(marker);

	put(lock, "");
	put(object, "bytes");
	put(marker, "");
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void only_unused_mirrors_go(void **state)
{
	_cleanup_free_ char *link = path_of("link-" HASH), *notes = path_of("notes");
	int locked, read;

	(void)state;
	put_mirror("kept-" HASH);
	put_mirror("also-kept-" HASH);
	put_mirror("gone-" HASH);
	put_mirror("gone-too-fedcba9876543210");
	put_mirror("fetched-" HASH);
	put_mirror("read-" HASH);
	put_mirror("young-" HASH);
	put("young-" HASH "/g000008/published", "");
	put_mirror("no-hash-at-the-end");
	put_mirror(".hidden-" HASH);
	put("no-lock-" HASH "/g000001/objects/aa", "x");
	put("file-" HASH, "x");
	put("notes/lock", "");
	put("notes/mine", "x");
	assert_int_equal(symlink(notes, link), 0);
	locked = open_in("fetched-" HASH "/lock", O_RDWR);
	assert_int_equal(flock(locked, LOCK_EX), 0);
	read = open_in("read-" HASH "/g000007", O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(read, LOCK_SH), 0);

	assert_int_equal(mirror_sweep(root, "kept-" HASH " also-kept-" HASH, 600), 2);
	assert_false(is_there("gone-" HASH));
	assert_false(is_there("gone-too-fedcba9876543210"));
	assert_true(is_there("kept-" HASH "/g000007/objects/aa/bb"));
	assert_true(is_there("also-kept-" HASH "/g000007/objects/aa/bb"));
	assert_true(is_there("fetched-" HASH "/g000007/objects/aa/bb"));
	assert_true(is_there("read-" HASH "/g000007/objects/aa/bb"));
	assert_true(is_there("young-" HASH "/g000007/objects/aa/bb"));
	assert_true(is_there("no-hash-at-the-end/g000007/objects/aa/bb"));
	assert_true(is_there(".hidden-" HASH "/g000007/objects/aa/bb"));
	assert_true(is_there("no-lock-" HASH "/g000001/objects/aa"));
	assert_true(is_there("file-" HASH));
	assert_true(is_there("link-" HASH));
	assert_true(is_there("notes/mine"));

	/* A name that is part of a kept one is not kept by it. */
	close(locked);
	close(read);
	assert_int_equal(mirror_sweep(root, "also-kept-" HASH " un-read-" HASH, 600),
			 3);	/* kept, fetched, read */
	assert_true(is_there("also-kept-" HASH));
	assert_true(is_there("young-" HASH));
	assert_int_equal(mirror_sweep(root, "", 0), 2);
	assert_true(is_there("notes/mine"));
	assert_int_equal(mirror_sweep("/nowhere/at/all", "", 0), 0);
}

/* As the daemon asks for it: by a fetch request, without a repository. */
static void worker_sweeps(void **state)
{
	struct fetch_request q = { .mirrors = root, .keep = (char[]){ "" } }, got;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct fetch_answer a;
	struct err err = ERR_INIT;

	(void)state;
	put_mirror("gone-" HASH);
	fetch_request_encode(&q, &bytes);
	assert_int_equal(fetch_request_decode(&got, bytes.data, bytes.len, &err), 0);
	assert_string_equal(got.keep, "");
	assert_int_equal(fetch_run(&got, &a, &err), 0);
	assert_false(is_there("gone-" HASH));
	fetch_answer_deinit(&a);
	fetch_request_deinit(&got);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", root);

	(void)state;
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_unused_mirrors_go),
		cmocka_unit_test(worker_sweeps),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
