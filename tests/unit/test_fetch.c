/*
 * Fetching from real repositories on disk, and what becomes of the mirror: stale
 * files, damage, generations, locks, caps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/git/fetch_git.h"
#include "core/mem.h"
#include "core/utf8.h"
#include "gitrepo.h"

static struct gitrepo g;
static struct fetch_request req;
static struct fetch_limits limits;

static int setup(void **state)
{
	(void)state;
	gitrepo_init(&g);
	req = (struct fetch_request){ .mirrors = g.mirrors, .key = (char *)"r",
				      .url = g.url, .revision = (char *)"main" };
	limits = fetch_limits_default;
	limits.grace_s = 0;
	limits.disk_reserve = 1 << 20;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gitrepo_deinit(&g);
	return 0;
}

static void fetch_fine(struct fetch_answer *a)
{
	struct err err = ERR_INIT;

	if (fetch_run_within(&req, &limits, a, &err))
		fail_msg("%s", err.msg);
}

/* Fetches, expects oid and generation, and reads file from the mirror. */
static void expect_fetch(const char *oid, const char *generation,
			 const char *file, const char *content)
{
	struct fetch_answer a;
	struct err err = ERR_INIT;
	struct files *f;
	char *text = NULL;

	fetch_fine(&a);
	assert_string_equal(a.oid, oid);
	assert_string_equal(strrchr(a.mirror, '/') + 1, generation);
	f = files_git_open(a.mirror, a.oid, &err);
	if (!f || f->ops->read(f, file, 1 << 20, &text, NULL, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(text, content);
	free(text);
	files_close(f);
	fetch_answer_deinit(&a);
}

static void expect_error(enum err_code code, const char *says)
{
	struct fetch_answer a;
	struct err err = ERR_INIT;

	assert_int_equal(fetch_run_within(&req, &limits, &a, &err), -1);
	if (err.code != code || !strstr(err.msg, says))
		fail_msg("%s: %s", err_code_str(err.code), err.msg);
	assert_null(a.mirror);
}

/* A commit "one" on main, with an annotated tag. */
static char *commit_tagged(const char *tag)
{
	char *oid = gitrepo_commit(&g, "main", "f", "one");

	free(gitrepo_sh(&g, "git tag -a -m x %s; git push -q origin %s", tag, tag));
	return oid;
}

static void branch_tag_sha_and_head(void **state)
{
	_cleanup_free_ char *one = commit_tagged("v1");
	_cleanup_free_ char *two = gitrepo_commit(&g, "side", "d/f", "two");
	_cleanup_free_ char *three = gitrepo_commit(&g, "main", "f", "three");

	(void)state;
	expect_fetch(three, "g000001", "f", "three");
	req.revision = (char *)"v1";	/* annotated: the commit, not the tag */
	expect_fetch(one, "g000001", "f", "one");
	req.revision = (char *)"refs/tags/v1";
	expect_fetch(one, "g000001", "f", "one");
	req.revision = (char *)"side";
	expect_fetch(two, "g000001", "d/f", "two");
	req.revision = two;
	expect_fetch(two, "g000001", "d/f", "two");
	req.revision = (char *)"";
	expect_fetch(three, "g000001", "f", "three");
	req.revision = NULL;
	expect_fetch(three, "g000001", "f", "three");
}

static void a_sha_alone_is_fetched_anew(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "side", "f", "one");

	(void)state;
	free(gitrepo_commit(&g, "side", "f", "two"));
	req.revision = one;
	expect_fetch(one, "g000001", "f", "one");
	req.revision = (char *)"1111111111111111111111111111111111111111";
	expect_error(ERR_NOTFOUND, "none of its branches and tags");
	req.revision = gitrepo_sh(&g, "git rev-parse HEAD^{tree}");
	expect_error(ERR_INVALID, "is no commit");
	free(req.revision);
}

/* Also where the commit is there already, and where another tag names the same. */
static void the_tag_comes_with_its_commit(void **state)
{
	_cleanup_free_ char *one = commit_tagged("v1");
	_cleanup_free_ char *tag = gitrepo_sh(&g, "git rev-parse v1"), *other = NULL;
	struct fetch_answer a;

	(void)state;
	expect_fetch(one, "g000001", "f", "one");
	req.revision = (char *)"v1";
	req.oid = one;
	fetch_fine(&a);
	assert_string_equal(a.tag, "");
	fetch_answer_deinit(&a);
	req.tag = tag;
	fetch_fine(&a);
	assert_string_equal(a.oid, one);
	assert_string_equal(a.tag, tag);
	fetch_answer_deinit(&a);
	other = gitrepo_sh(&g, "git tag -a -m y v1.0; git push -q origin v1.0; "
			   "git rev-parse v1.0");
	req.revision = (char *)">=1.0.0 <2";
	req.tag = other;
	fetch_fine(&a);
	assert_string_equal(a.tag, other);
	fetch_answer_deinit(&a);
	req.tag = (char *)"1111111111111111111111111111111111111111";
	fetch_fine(&a);		/* it can do without */
	assert_string_equal(a.oid, one);
	assert_string_equal(a.tag, "");
	fetch_answer_deinit(&a);
	req.tag = one;		/* no tag at all */
	fetch_fine(&a);
	assert_string_equal(a.tag, "");
	fetch_answer_deinit(&a);
	req.tag = req.oid = NULL;
}

/* What the daemon's poll asks: refs by prefix, tags peeled, nothing fetched. */
static void a_list_fetches_nothing(void **state)
{
	_cleanup_free_ char *one = commit_tagged("v1"), *want = NULL;
	_cleanup_free_ char *tag = gitrepo_sh(&g, "git rev-parse v1");
	struct fetch_answer a;

	(void)state;
	free(gitrepo_commit(&g, "side", "f", "two"));
	req.revision = NULL;
	req.list = (char *)"HEAD refs/heads/main refs/tags/";
	fetch_fine(&a);
	want = xasprintf("%s HEAD\n%s refs/heads/main\n%s refs/tags/v1 %s\n", one, one, one,
			 tag);
	assert_string_equal(a.refs, want);
	assert_null(a.mirror);
	assert_int_equal(access(g.mirrors, F_OK), -1);
	fetch_answer_deinit(&a);
	req.list = (char *)"refs/heads/none";
	fetch_fine(&a);
	assert_string_equal(a.refs, "");
	fetch_answer_deinit(&a);
	req.list = NULL;
}

static void history_is_rewritten(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");
	_cleanup_free_ char *two = gitrepo_commit(&g, "main", "f", "two");
	_cleanup_free_ char *three = NULL;

	(void)state;
	expect_fetch(two, "g000001", "f", "two");
	free(gitrepo_sh(&g, "git reset -q --hard %s", one));
	three = gitrepo_commit(&g, "main", "f", "three");
	expect_fetch(three, "g000001", "f", "three");
	/* What ls-refs named is gone: asked again, not answered with another. */
	req.oid = (char *)"2222222222222222222222222222222222222222";
	expect_error(ERR_NOTFOUND, "moved away");
	req.oid = NULL;
}

static void names_never_collide(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "a", "f", "one");
	_cleanup_free_ char *two = NULL;

	(void)state;
	req.revision = (char *)"a";
	expect_fetch(one, "g000001", "f", "one");
	free(gitrepo_sh(&g, "git checkout -q -b main; git branch -D -q a; git push -q origin :a"));
	two = gitrepo_commit(&g, "a/b", "f", "two");
	req.revision = (char *)"a/b";
	expect_fetch(two, "g000001", "f", "two");
	req.revision = (char *)"a";
	expect_error(ERR_NOTFOUND, "no branch or tag \"a\": check spec.source.targetRevision");
}

static void what_is_no_repository(void **state)
{
	_cleanup_free_ char *none = xasprintf("file://%s/none", g.root);
	_cleanup_free_ char *folder = xasprintf("file://%s", g.mirrors);

	(void)state;
	mkdir(g.mirrors, 0755);
	req.url = none;
	expect_error(ERR_NOTFOUND, "spec.source.repoURL");
	req.url = folder;
	expect_error(ERR_NOTFOUND, "spec.source.repoURL");
	req.url = (char *)"git://h/r";
	expect_error(ERR_INVALID, "only https, http, ssh and file");
	req.url = g.url;		/* empty: no commit yet */
	expect_error(ERR_NOTFOUND, "no branch or tag \"main\"");
	req.revision = (char *)"";
	expect_error(ERR_NOTFOUND, "HEAD names no commit");
	req.key = (char *)"../x";
	expect_error(ERR_INTERNAL, "no mirror's name");
	req.key = (char *)"r";
	req.mirrors = (char *)"mirrors";
	expect_error(ERR_INTERNAL, "not absolute");
}

static void author_and_subject_are_cut_and_clean(void **state)
{
	_cleanup_free_ char *oid = gitrepo_sh(&g,
		"echo x >f; git add f; a=$(printf 'AQQ%%0300d\\303\\251' 0);"
		" s=$(printf 'SubRRject\\342\\202\\254%%0300d' 0);"
		" GIT_AUTHOR_NAME=$a GIT_COMMITTER_DATE='1700000000 +0100'"
		" git commit -q -m \"$s\"; git cat-file commit HEAD |"
		" LC_ALL=C sed 's/QQ/\\xff/; s/RR/\\x01/' |"
		" git hash-object -t commit -w --stdin >id; git push -q origin $(cat id):refs/heads/main; cat id");
	struct fetch_answer a;

	(void)state;
	fetch_fine(&a);
	assert_string_equal(a.oid, oid);
	assert_true(strlen(a.author) <= 200 && strlen(a.author) > 190);
	assert_true(strlen(a.subject) <= 200 && strlen(a.subject) > 190);
	assert_true(utf8_valid(a.author, strlen(a.author)));
	assert_int_equal(strncmp(a.author, "A\xef\xbf\xbd" "000", 7), 0);
	assert_int_equal(strncmp(a.subject, "Sub ject\xe2\x82\xac" "000", 14), 0);
	assert_true(a.time_ms == 1700000000000);
	fetch_answer_deinit(&a);
}

static void caps_hold(void **state)
{
	_cleanup_free_ char *one = gitrepo_sh(&g,
		"head -c 3000000 /dev/urandom >big; git add big; git commit -q -m big;"
		" git push -q origin main; git rev-parse HEAD");
	_cleanup_free_ char *left = NULL;
	struct fetch_answer a;

	(void)state;
	req.max_bytes = 1000000;
	expect_error(ERR_LIMIT, "larger than the limit of 1000000 bytes");
	req.max_bytes = 0;
	limits.disk_reserve = (uint64_t)1 << 60;
	expect_error(ERR_IO, "disk of");
	limits.disk_reserve = 0;
	left = gitrepo_sh(&g, "find %s/r -name '*_git2_*' -o -name next", g.mirrors);
	assert_string_equal(left, "");
	fetch_fine(&a);
	assert_string_equal(a.oid, one);
	fetch_answer_deinit(&a);
}

/* It may lie in the repository, unread; whoever asks for it is told its size. */
static void a_huge_file_harms_only_its_reader(void **state)
{
	_cleanup_free_ char *one = NULL;
	struct fetch_answer a;
	struct err err = ERR_INIT;
	struct files *f;
	char *text = NULL;

	(void)state;
	free(gitrepo_sh(&g, "head -c 70000000 /dev/zero >big"));
	one = gitrepo_commit(&g, "main", "f", "one");
	expect_fetch(one, "g000001", "f", "one");
	fetch_fine(&a);
	f = files_git_open(a.mirror, a.oid, &err);
	assert_int_equal(f->ops->read(f, "big", 16 << 20, &text, NULL, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.msg, "70000000 bytes"));
	files_close(f);
	fetch_answer_deinit(&a);
}

static void fsck(void)
{
	free(gitrepo_sh(&g, "for m in %s/r/g*; do git -C $m fsck --full --no-dangling 2>&1; done", g.mirrors));
}

static void what_the_killed_left_is_removed(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");
	_cleanup_free_ char *two = NULL, *left = NULL;

	(void)state;
	expect_fetch(one, "g000001", "f", "one");
	free(gitrepo_sh(&g, "cd %s/r/g000001; touch HEAD.lock config.lock packed-refs.lock"
			" objects/pack/pack_git2_abc123 objects/pack/pack-1.idx"
			" objects/pack/pack-2.pack objects/pack/pack-3.idx.lock;"
			" for r in refs/syncd/*; do touch $r.lock; done;"
			" mkdir -p ../next/objects; touch ../next/objects/x", g.mirrors));
	two = gitrepo_commit(&g, "main", "f", "two");
	expect_fetch(two, "g000001", "f", "two");
	left = gitrepo_sh(&g, "find %s/r -name '*.lock' -o -name '*_git2_*'"
			  " -o -name 'pack-[123].*' -o -name next", g.mirrors);
	assert_string_equal(left, "");
	fsck();
}

/* Ways to break a mirror: each is cured by one new generation. */
static void damage_is_cured(void **state)
{
	static const char *const breaks[] = {
		"chmod u+w objects/pack/*; for p in objects/pack/*.pack; do truncate -s 40 $p; done",
		"rm -f objects/pack/*.pack",
		"rm -rf objects",
		"rm -f HEAD",
		"chmod u+w objects/pack/*; for p in objects/pack/*.idx; do truncate -s 0 $p; done",
		"rm -rf refs; touch refs",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		char generation[16], text[16];
		_cleanup_free_ char *one = NULL, *two = NULL, *n = NULL;

		free(gitrepo_sh(&g, "rm -rf %s", g.mirrors));
		snprintf(text, sizeof(text), "one %zu", i);
		one = gitrepo_commit(&g, "main", "f", text);
		expect_fetch(one, "g000001", "f", text);
		free(gitrepo_sh(&g, "cd %s/r/g000001; %s", g.mirrors, breaks[i]));
		snprintf(text, sizeof(text), "two %zu", i);
		two = gitrepo_commit(&g, "main", "f", text);
		snprintf(generation, sizeof(generation), "g%06d", 2);
		expect_fetch(two, generation, "f", text);
		n = gitrepo_sh(&g, "ls %s/r | tr '\\n' ' '", g.mirrors);
		assert_string_equal(n, "g000002 lock ");
		fsck();
	}
}

/* Only a reader sees that a blob is missing: it asks for a rebuild. */
static void rebuild_makes_a_new_generation(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");

	(void)state;
	expect_fetch(one, "g000001", "f", "one");
	req.rebuild = true;
	expect_fetch(one, "g000002", "f", "one");
	req.rebuild = false;
	expect_fetch(one, "g000002", "f", "one");
}

static void a_worn_mirror_is_replaced(void **state)
{
	_cleanup_free_ char *last = NULL, *count = NULL;
	char text[16];

	(void)state;
	for (int i = 0; i <= 51; i++) {
		free(last);
		snprintf(text, sizeof(text), "%d", i);
		last = gitrepo_commit(&g, "main", "f", text);
		expect_fetch(last, i <= 50 ? "g000001" : "g000002", "f", text);
	}
	count = gitrepo_sh(&g, "ls %s/r/*/objects/pack/*.pack | wc -l", g.mirrors);
	assert_string_equal(count, "1");
	fsck();
}

static void old_generations_wait_for_readers_and_grace(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");
	_cleanup_free_ char *old = xasprintf("%s/r/g000001", g.mirrors);
	struct err err = ERR_INIT;
	struct files *f;
	char *text;

	(void)state;
	expect_fetch(one, "g000001", "f", "one");
	f = files_git_open(old, one, &err);
	assert_non_null(f);
	req.rebuild = true;
	expect_fetch(one, "g000002", "f", "one");
	assert_int_equal(f->ops->read(f, "f", 9, &text, NULL, &err), 0);
	free(text);
	files_close(f);
	limits.grace_s = 3600;
	expect_fetch(one, "g000003", "f", "one");
	assert_int_equal(access(old, F_OK), 0);
	limits.grace_s = 0;
	expect_fetch(one, "g000004", "f", "one");
	assert_int_equal(access(old, F_OK), -1);
}

static void one_fetch_at_a_time(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");
	_cleanup_free_ char *path = xasprintf("%s/r/lock", g.mirrors);
	_cleanup_free_ char *two = NULL;
	int fd;

	(void)state;
	expect_fetch(one, "g000001", "f", "one");
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	expect_fetch(one, "g000001", "f", "one");	/* known: no lock needed */
	two = gitrepo_commit(&g, "main", "f", "two");
	limits.lock_ms = 100;
	expect_error(ERR_TIMEOUT, "another fetch");
	close(fd);
	expect_fetch(two, "g000001", "f", "two");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(branch_tag_sha_and_head),
		TEST(a_sha_alone_is_fetched_anew),
		TEST(the_tag_comes_with_its_commit),
		TEST(a_list_fetches_nothing),
		TEST(history_is_rewritten),
		TEST(names_never_collide),
		TEST(what_is_no_repository),
		TEST(author_and_subject_are_cut_and_clean),
		TEST(caps_hold),
		TEST(a_huge_file_harms_only_its_reader),
		TEST(what_the_killed_left_is_removed),
		TEST(damage_is_cured),
		TEST(rebuild_makes_a_new_generation),
		TEST(a_worn_mirror_is_replaced),
		TEST(old_generations_wait_for_readers_and_grace),
		TEST(one_fetch_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
