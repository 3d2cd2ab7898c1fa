/*
 * Fetching over HTTP from a real Git server (lighttpd with git http-backend),
 * straight and through a proxy that hangs, cuts or redirects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/files.h"
#include "core/frame.h"
#include "core/git/fetch_git.h"
#include "core/mem.h"
#include "gitrepo.h"

static struct gitrepo g;
static struct fetch_request req;
static struct fetch_limits limits;
static char *base;		/* the server's URL */
static unsigned port;

static void start_server(const char *flags)
{
	base = gitrepo_sh(&g, "%s/tests/tools/githttp start $ROOT/state %s %s",
			  SOURCE_DIR, g.repos, flags);
	port = (unsigned)strtoul(strrchr(base, ':') + 1, NULL, 10);
	req.url = xasprintf("%s/r.git", base);
}

static void stop_server(void)
{
	free(gitrepo_sh(&g, "%s/tests/tools/githttp stop $ROOT/state", SOURCE_DIR));
	free(base);
	free(req.url);
}

static void prepare(const char *flags)
{
	gitrepo_init(&g);
	req = (struct fetch_request){ .mirrors = g.mirrors, .key = (char *)"r",
				      .revision = (char *)"main" };
	limits = fetch_limits_default;
	limits.grace_s = 0;
	limits.disk_reserve = 1 << 20;
	start_server(flags);
}

static int setup(void **state)
{
	(void)state;
	prepare("");
	return 0;
}

static int setup_auth(void **state)
{
	(void)state;
	prepare("--auth me:S3CRET");
	return 0;
}

static int setup_tls(void **state)
{
	(void)state;
	prepare("--tls");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stop_server();
	gitrepo_deinit(&g);
	return 0;
}

static void expect_fetch(const char *oid)
{
	struct fetch_answer a;
	struct err err = ERR_INIT;
	struct files *f;
	char *text = NULL;

	if (fetch_run_within(&req, &limits, &a, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(a.oid, oid);
	f = files_git_open(a.mirror, a.oid, &err);
	if (!f || f->ops->read(f, "f", 1 << 20, &text, NULL, &err))
		fail_msg("%s", err.msg);
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
	assert_null(strstr(err.msg, "S3CRET"));
}

static void fsck(void)
{
	free(gitrepo_sh(&g, "for m in %s/r/g*; do git -C $m fsck --full --no-dangling 2>&1; done", g.mirrors));
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
	_cleanup_free_ char *two = gitrepo_commit(&g, "side", "f", "two");
	_cleanup_free_ char *three = gitrepo_commit(&g, "main", "f", "three");

	(void)state;
	req.oid = three;
	expect_fetch(three);
	req.oid = NULL;
	req.revision = (char *)"v1";
	expect_fetch(one);
	req.revision = (char *)"side";
	req.oid = two;
	expect_fetch(two);
	req.oid = NULL;
	req.revision = NULL;
	expect_fetch(three);
	req.revision = (char *)"nope";
	expect_error(ERR_NOTFOUND, "no branch or tag \"nope\"");
	fsck();
}

static void only_the_ref_in_use_is_fetched(void **state)
{
	_cleanup_free_ char *one = commit_tagged("v1");
	_cleanup_free_ char *two = gitrepo_commit(&g, "side", "f", "two");
	_cleanup_free_ char *mirror = xasprintf("%s/r/g000001", g.mirrors);
	struct err err = ERR_INIT;

	(void)state;
	expect_fetch(one);
	assert_null(files_git_open(mirror, two, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
}

/* This server lets nobody ask for a commit by id, then for one that it shows. */
static void a_sha_alone(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "side", "f", "one");
	_cleanup_free_ char *two = gitrepo_commit(&g, "side", "f", "two");

	(void)state;
	req.revision = one;
	expect_fetch(one);
	req.revision = (char *)"1111111111111111111111111111111111111111";
	expect_error(ERR_NOTFOUND, "none of its branches and tags");
	free(gitrepo_sh(&g, "git -C $REPO config uploadpack.allowAnySHA1InWant true; rm -rf %s", g.mirrors));
	req.revision = one;
	expect_fetch(one);
	req.revision = two;
	expect_fetch(two);
	req.revision = (char *)"1111111111111111111111111111111111111111";
	expect_error(ERR_NOTFOUND, "none of its branches and tags");
	fsck();
}

static void long_histories_are_negotiated(void **state)
{
	_cleanup_free_ char *one = gitrepo_sh(&g,
		"for i in $(seq 100); do echo $i >f; git add f; git commit -q -m $i; done;"
		" git push -q origin main; git rev-parse HEAD");
	_cleanup_free_ char *two = NULL, *size = NULL;

	(void)state;
	expect_fetch(one);
	/* Rewritten behind the last ten: a common start must be found. */
	two = gitrepo_sh(&g, "git reset -q --hard HEAD~10; for i in $(seq 20); do"
			 " echo x$i >f; git add f; git commit -q -m x$i; done;"
			 " git push -q -f origin main; git rev-parse HEAD");
	expect_fetch(two);
	size = gitrepo_sh(&g, "git -C %s/r/g000001 count-objects -v | sed -n 's/in-pack: //p'", g.mirrors);
	/* 100 and then only 20 commits, each with its tree and blob. */
	assert_string_equal(size, "360");
	fsck();
}

static void credentials(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");

	(void)state;
	expect_error(ERR_AUTH, "argocd.argoproj.io/secret-type");
	req.username = (char *)"me";
	req.password = (char *)"S3CRET-wrong";
	expect_error(ERR_AUTH, "refused the credentials");
	req.password = (char *)"S3CRET";
	expect_fetch(one);
}

static void certificates(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");
	_cleanup_free_ char *ca = gitrepo_sh(&g, "cat $ROOT/state/ca.crt");
	_cleanup_free_ char *by_name = xasprintf("https://127.0.0.2:%u/r.git", port);
	char *url = req.url;

	(void)state;
	expect_error(ERR_NET, "certificate is not trusted");
	req.ca_pem = (char *)"nonsense";
	expect_error(ERR_INVALID, "certificate cannot be used");
	req.ca_pem = ca;
	expect_fetch(one);
	free(gitrepo_sh(&g, "rm -rf %s", g.mirrors));
	req.ca_pem = NULL;
	req.insecure_skip_verify = true;
	expect_fetch(one);
	req.insecure_skip_verify = false;
	req.ca_pem = ca;
	req.url = by_name;	/* right CA, wrong host; nothing listens there */
	expect_error(ERR_NET, "127.0.0.2");
	req.url = url;
}

static void what_is_no_git_server(void **state)
{
	_cleanup_free_ char *none = xasprintf("%s/none.git", base);
	_cleanup_free_ char *dead = xstrdup("http://127.0.0.1:1/r.git");
	char *url = req.url;

	(void)state;
	req.url = none;
	expect_error(ERR_NOTFOUND, "no such repository");
	req.url = dead;
	expect_error(ERR_NET, "http://127.0.0.1:1/r.git");
	req.url = url;
}

static void use_proxy(struct gitproxy *p, const char *path)
{
	p->server = port;
	gitproxy_start(p);
	free(req.url);
	req.url = xasprintf("http://127.0.0.1:%u%s", p->port, path);
}

static void redirects_on_the_same_server_are_followed(void **state)
{
	_cleanup_free_ char *one = gitrepo_commit(&g, "main", "f", "one");
	struct gitproxy p = { 0 };

	(void)state;
	use_proxy(&p, "/old/name");
	expect_fetch(one);
	gitproxy_stop(&p);
}

static void endless_redirects_end(void **state)
{
	struct gitproxy p = { 0 };

	(void)state;
	use_proxy(&p, "/loop");
	expect_error(ERR_INVALID, "redirects more than 3 times");
	gitproxy_stop(&p);
}

/* Another port, scheme or host: not followed, and no credential goes there. */
static void redirects_elsewhere_are_refused(void **state)
{
	_cleanup_free_ char *log = xasprintf("%s/other.log", g.root);
	struct gitproxy other = { .server = port, .log = log };
	char away[4][80];

	(void)state;
	gitproxy_start(&other);
	snprintf(away[0], 80, "http://127.0.0.1:%u/r.git", other.port);
	snprintf(away[1], 80, "http://localhost:%u/r.git", other.port);
	snprintf(away[2], 80, "https://127.0.0.1:%u/r.git", other.port);
	snprintf(away[3], 80, "file://%s/r.git", g.repos);
	req.username = (char *)"me";
	req.password = (char *)"S3CRET";
	for (int i = 0; i < 4; i++) {
		struct gitproxy p = { .away = away[i] };

		use_proxy(&p, "/away");
		expect_error(ERR_INVALID, "redirects to");
		gitproxy_stop(&p);
	}
	assert_int_equal(access(log, F_OK), -1);	/* nobody came */
	gitproxy_stop(&other);
}

/* Bytes that the server sends for a first fetch, and of its first answer. */
static void measure(const char *oid, size_t *advert, size_t *all)
{
	_cleanup_free_ char *text = NULL;

	text = gitrepo_sh(&g, "curl -s -i '%s/info/refs?service=git-upload-pack' | wc -c", req.url);
	*advert = strtoul(text, NULL, 10);
	free(steal(&text));
	free(gitrepo_sh(&g, "rm -rf %s", g.mirrors));
	expect_fetch(oid);
	text = gitrepo_sh(&g, "du -cb %s/r/g000001/objects/pack/*.pack | tail -1 | cut -f1", g.mirrors);
	*all = *advert + strtoul(text, NULL, 10);
	free(gitrepo_sh(&g, "rm -rf %s", g.mirrors));
}

/* A commit of 1 MB without parents, so that the history never grows. */
static char *big_commit(void)
{
	return gitrepo_sh(&g, "head -c 1000000 /dev/urandom | split -b 50000 - b; date +%%N >f;"
			  " git add -A; c=$(git commit-tree -m big $(git write-tree));"
			  " git push -q -f origin $c:refs/heads/main; echo $c");
}

/*
 * No byte; within the head; after the head; within the refs; after them (the
 * POST gets no answer); within the pack. The deadline ends it, and the next
 * fetch is fine.
 */
static void a_fault_at_each_point(enum gitproxy_fault fault, enum err_code code)
{
	_cleanup_free_ char *one = big_commit();
	size_t advert, all;

	measure(one, &advert, &all);
	/* A cut is told by itself, however long a busy machine takes. */
	limits.idle_ms = limits.connect_ms = fault == PROXY_HANG ? 300 : 20000;
	for (int i = 0; i < 6; i++) {
		const size_t points[] = { 0, 20, 150, advert - 10, advert,
					  all / 2 };
		struct gitproxy p = { .fault = fault, .after = points[i] };
		char *url = req.url;
		uint64_t start = transfer_now();

		req.url = NULL;
		use_proxy(&p, "/r.git");
		expect_error(code, "http://127.0.0.1");
		assert_true(transfer_now() - start < 5000);
		gitproxy_stop(&p);
		free(req.url);
		req.url = url;
	}
	limits.idle_ms = 30000;
	expect_fetch(one);
	fsck();
}

static void hanging_at_six_points(void **state)
{
	(void)state;
	a_fault_at_each_point(PROXY_HANG, ERR_TIMEOUT);
}

static void cut_at_six_points(void **state)
{
	(void)state;
	a_fault_at_each_point(PROXY_CUT, ERR_NET);
}

/* One bit is wrong: what arrives is never taken for the repository. */
static void bits_flipped_in_the_pack(void **state)
{
	_cleanup_free_ char *one = big_commit();
	size_t advert, all;

	(void)state;
	measure(one, &advert, &all);
	for (size_t i = 1; i <= 8; i++) {
		struct gitproxy p = { .fault = PROXY_FLIP };
		char *url = req.url;

		p.after = advert + (all - advert) / 9 * i;
		req.url = NULL;
		use_proxy(&p, "/r.git");
		expect_error(ERR_IO, "http://127.0.0.1");
		gitproxy_stop(&p);
		free(req.url);
		req.url = url;
	}
	expect_fetch(one);
	fsck();
}

static void the_whole_has_a_deadline(void **state)
{
	struct gitproxy p = { .fault = PROXY_HANG };
	uint64_t start = transfer_now();

	(void)state;
	limits.total_ms = 200;
	use_proxy(&p, "/r.git");
	expect_error(ERR_TIMEOUT, "took longer");
	assert_true(transfer_now() - start < 5000);
	gitproxy_stop(&p);
}

static void a_fetch_has_a_size(void **state)
{
	_cleanup_free_ char *one = big_commit();
	_cleanup_free_ char *left = NULL;

	(void)state;
	req.max_bytes = 500000;
	expect_error(ERR_LIMIT, "limit of 500000 bytes");
	left = gitrepo_sh(&g, "ls %s/r", g.mirrors);
	assert_string_equal(left, "lock");
	req.max_bytes = 0;
	limits.disk_reserve = (uint64_t)1 << 60;
	expect_error(ERR_IO, "is full");
	limits.disk_reserve = 0;
	expect_fetch(one);
}

static void worker(const char *request)
{
	if (!freopen(request, "r", stdin) || !freopen("/dev/null", "w", stdout))
		_exit(1);
	execl(BUILD_DIR "/syncd-worker", "syncd-worker", "fetch", (char *)NULL);
	_exit(1);
}

static char *write_request(void)
{
	_cleanup_buf_ struct buf payload = BUF_INIT, frame = BUF_INIT;
	char *path = xasprintf("%s/request", g.root);
	FILE *f = fopen(path, "w");

	fetch_request_encode(&req, &payload);
	frame_write(&frame, FRAME_REQUEST, payload.data, payload.len);
	assert_non_null(f);
	assert_int_equal(fwrite(frame.data, 1, frame.len, f), frame.len);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* By syncd-worker, killed after `us` (-1: never); how many ms it ran. */
static uint64_t fetch_and_kill(long us)
{
	_cleanup_free_ char *request = write_request();
	uint64_t start = transfer_now();
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		worker(request);
	if (us >= 0) {
		usleep((useconds_t)us);
		kill(pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	if (us < 0)
		assert_int_equal(status, 0);
	return transfer_now() - start;
}

static bool left_something(void)
{
	_cleanup_free_ char *found = gitrepo_sh(&g,
		"mkdir -p %s; find %s -name '*.lock' -o -name '*_git2_*' "
		"-o -name next", g.mirrors, g.mirrors);

	return *found != '\0';
}

/* Even rounds kill a first fetch, odd ones a later one. */
static void killed_at_fifty_points(void **state)
{
	_cleanup_free_ char *one = big_commit();
	unsigned seed = (unsigned)getpid(), messy = 0;
	long whole;

	(void)state;
	whole = (long)fetch_and_kill(-1) * 1000;
	expect_fetch(one);
	print_message("seed %u, a fetch takes %ld ms\n", seed, whole / 1000);
	for (int i = 0; i < 50; i++) {
		if (i % 2) {
			free(steal(&one));
			one = big_commit();
		} else {
			free(gitrepo_sh(&g, "rm -rf %s/r", g.mirrors));
		}
		fetch_and_kill(rand_r(&seed) % whole);
		messy += left_something();
		expect_fetch(one);
		if (i % 5 == 4)
			fsck();
	}
	fsck();
	print_message("%u kills left something behind\n", messy);
	assert_true(messy > 0);		/* else nothing was tested */
	assert_false(left_something());
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(branch_tag_sha_and_head),
		TEST(only_the_ref_in_use_is_fetched),
		TEST(a_sha_alone),
		TEST(long_histories_are_negotiated),
		cmocka_unit_test_setup_teardown(credentials, setup_auth, teardown),
		cmocka_unit_test_setup_teardown(certificates, setup_tls, teardown),
		TEST(what_is_no_git_server),
		TEST(redirects_on_the_same_server_are_followed),
		TEST(endless_redirects_end),
		TEST(redirects_elsewhere_are_refused),
		TEST(hanging_at_six_points),
		TEST(cut_at_six_points),
		TEST(bits_flipped_in_the_pack),
		TEST(the_whole_has_a_deadline),
		TEST(a_fetch_has_a_size),
		TEST(killed_at_fifty_points),
	};

	unsetenv("http_proxy");
	unsetenv("https_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
