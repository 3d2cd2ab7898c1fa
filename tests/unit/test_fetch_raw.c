/*
 * Fetching one file over HTTP as a commit of its own, from a real server, straight and
 * through a proxy that hangs, cuts or redirects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/files.h"
#include "core/git/fetch_git.h"
#include "core/mem.h"
#include "gitrepo.h"

static struct gitrepo g;
static struct fetch_request req;
static struct fetch_limits limits;
static char *base;		/* the server's URL */
static unsigned port;

static void prepare(const char *flags)
{
	gitrepo_init(&g);
	free(gitrepo_sh(&g, "mkdir %s/raw", g.repos));
	base = gitrepo_sh(&g, "%s/tests/tools/githttp start $ROOT/state %s %s",
			  SOURCE_DIR, g.repos, flags);
	port = (unsigned)strtoul(strrchr(base, ':') + 1, NULL, 10);
	limits = fetch_limits_default;
	limits.grace_s = 0;
	limits.disk_reserve = 1 << 20;
	req = (struct fetch_request){ .mirrors = g.mirrors, .key = (char *)"r",
				      .revision = (char *)"" };
	req.url = xasprintf(REPO_RAW "%s/raw/f.yaml?token=S3CRET", base);
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
	free(gitrepo_sh(&g, "%s/tests/tools/githttp stop $ROOT/state", SOURCE_DIR));
	free(base);
	free(req.url);
	gitrepo_deinit(&g);
	return 0;
}

static void put(const char *text)
{
	free(gitrepo_sh(&g, "printf '%%s' '%s' >%s/raw/f.yaml", text, g.repos));
}

static void ask_for(const char *path)
{
	free(req.url);
	req.url = xasprintf(REPO_RAW "%s%s", base, path);
}

static struct fetch_answer fetch(void)
{
	struct fetch_answer a;
	struct err err = ERR_INIT;

	if (fetch_run_within(&req, &limits, &a, &err))
		fail_msg("%s", err.msg);
	return a;
}

/* The commit; owned by the caller. */
static char *expect_file(const char *want)
{
	struct fetch_answer a = fetch();
	struct err err = ERR_INIT;
	struct file_list list = { 0 };
	struct files *f = files_git_open(a.mirror, a.oid, &err);
	char *text = NULL, *oid = xstrdup(a.oid);

	if (!f || f->ops->list(f, "", &list, &err) ||
	    f->ops->read(f, REPO_RAW_FILE, 1 << 20, &text, NULL, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(list.len, 1);
	assert_string_equal(text, want);
	assert_null(strstr(a.subject, "S3CRET"));
	free(text);
	file_list_deinit(&list);
	files_close(f);
	fetch_answer_deinit(&a);
	return oid;
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
	free(gitrepo_sh(&g, "for m in %s/r/g*; do git -C $m fsck --full --no-dangling 2>&1; done",
			g.mirrors));
}

static void a_file_is_a_commit(void **state)
{
	_cleanup_free_ char *one = NULL, *again = NULL, *two = NULL, *count = NULL;
	struct fetch_answer a;

	(void)state;
	put("kind: One");
	one = expect_file("kind: One");
	/* a poll: what it is now, nothing is written */
	put("kind: Two");
	req.list = (char *)"HEAD";
	a = fetch();
	assert_null(a.mirror);
	assert_int_equal(strlen(a.refs), 46);
	assert_string_equal(a.refs + 40, " HEAD\n");
	assert_int_not_equal(strncmp(a.refs, one, 40), 0);
	fetch_answer_deinit(&a);
	req.list = NULL;
	two = expect_file("kind: Two");
	assert_string_not_equal(one, two);
	/* what it was before does not pile up */
	count = gitrepo_sh(&g, "ls -d %s/r/g* | wc -l", g.mirrors);
	assert_string_equal(count, "1");
	fsck();
	/* the commit follows from URL and content, whoever fetches it */
	free(gitrepo_sh(&g, "rm -rf %s", g.mirrors));
	put("kind: One");
	again = expect_file("kind: One");
	assert_string_equal(again, one);
	req.rebuild = true;
	free(expect_file("kind: One"));
}

static void empty_and_binary_files(void **state)
{
	_cleanup_free_ char *size = NULL, *oid = NULL;
	struct fetch_answer a;

	(void)state;
	put("");
	free(expect_file(""));
	free(gitrepo_sh(&g, "head -c 3000000 /dev/urandom >%s/raw/f.yaml", g.repos));
	a = fetch();
	oid = xstrdup(a.oid);
	size = gitrepo_sh(&g, "git -C %s cat-file blob %s:file | cmp - %s/raw/f.yaml && echo same",
			  a.mirror, oid, g.repos);
	assert_string_equal(size, "same");
	fetch_answer_deinit(&a);
}

static void what_is_no_file(void **state)
{
	(void)state;
	expect_error(ERR_NOTFOUND, "/raw/f.yaml: the server answered HTTP 404");
	free(gitrepo_sh(&g, "echo '<html>' >%s/raw/f.html", g.repos));
	ask_for("/raw/f.html");
	expect_error(ERR_INVALID, "a web page answers");
	free(req.url);
	req.url = xstrdup(REPO_RAW "http://127.0.0.1:1/f.yaml");
	expect_error(ERR_NET, "http://127.0.0.1:1/f.yaml");
}

static void odd_urls_are_not_asked(void **state)
{
	static const char *const urls[] = {
		REPO_RAW "file:///etc/passwd", REPO_RAW "ftp://host/x", REPO_RAW "https:///x",
		REPO_RAW "https://me:S3CRET@host/x", REPO_RAW "https://host/a b",
		REPO_RAW "https://host/x?a b", REPO_RAW "https://host/x?a#b", REPO_RAW,
		REPO_RAW REPO_RAW "https://host/x",
	};
	char *url = req.url;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		req.url = (char *)(uintptr_t)urls[i];
		expect_error(ERR_INVALID, "");
	}
	req.url = url;
}

static void a_file_has_a_size(void **state)
{
	(void)state;
	free(gitrepo_sh(&g, "truncate -s 17M %s/raw/f.yaml", g.repos));
	expect_error(ERR_LIMIT, "larger than the limit of 16 MiB");
	req.max_bytes = 1000;
	expect_error(ERR_LIMIT, "limit of 1000 bytes");
}

static void no_credentials_are_sent(void **state)
{
	(void)state;
	put("x");
	req.username = (char *)"me";
	req.password = (char *)"S3CRET";
	expect_error(ERR_AUTH, "a file is fetched without credentials");
}

static void certificates(void **state)
{
	_cleanup_free_ char *ca = gitrepo_sh(&g, "cat $ROOT/state/ca.crt");

	(void)state;
	put("x");
	expect_error(ERR_NET, "certificate is not trusted");
	req.ca_pem = ca;
	free(expect_file("x"));
}

static void use_proxy(struct gitproxy *p, const char *path)
{
	p->server = port;
	gitproxy_start(p);
	free(req.url);
	req.url = xasprintf(REPO_RAW "http://127.0.0.1:%u%s", p->port, path);
}

static void redirects(void **state)
{
	_cleanup_free_ char *log = xasprintf("%s/other.log", g.root);
	_cleanup_free_ char *away = xasprintf("http://localhost:%u/raw/f.yaml", port);
	_cleanup_free_ char *said = xasprintf("/away: redirects to %s/info/refs, which is "
					      "not followed: name the file by its final URL", away);
	struct gitproxy p = { .away = away, .log = log };
	struct fetch_answer a;

	(void)state;
	put("x");
	use_proxy(&p, "/away");
	expect_error(ERR_INVALID, said);
	gitproxy_stop(&p);
	p = (struct gitproxy){ 0 };
	use_proxy(&p, "/loop");
	expect_error(ERR_INVALID, "redirects too often");
	gitproxy_stop(&p);
	p = (struct gitproxy){ 0 };
	use_proxy(&p, "/old");	/* on the same server: what Git answers there */
	a = fetch();
	fetch_answer_deinit(&a);
	gitproxy_stop(&p);
}

static void faults_end(void **state)
{
	static const size_t points[] = { 0, 20, 500 };
	uint64_t start = transfer_now();
	struct gitproxy p;

	(void)state;
	free(gitrepo_sh(&g, "head -c 100000 /dev/zero >%s/raw/f.yaml", g.repos));
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		limits.idle_ms = 300;
		p = (struct gitproxy){ .fault = PROXY_HANG, .after = points[i] };
		use_proxy(&p, "/raw/f.yaml");
		expect_error(ERR_TIMEOUT, "sent nothing for");
		gitproxy_stop(&p);
		limits.idle_ms = 20000;
		p = (struct gitproxy){ .fault = PROXY_CUT, .after = points[i] };
		use_proxy(&p, "/raw/f.yaml");
		expect_error(ERR_NET, "http://127.0.0.1");
		gitproxy_stop(&p);
	}
	limits.idle_ms = 30000;
	limits.total_ms = 300;
	p = (struct gitproxy){ .fault = PROXY_HANG };
	use_proxy(&p, "/raw/f.yaml");
	expect_error(ERR_TIMEOUT, "took longer");
	gitproxy_stop(&p);
	assert_true(transfer_now() - start < 15000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_a_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_and_binary_files, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_urls_are_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_has_a_size, setup, teardown),
		cmocka_unit_test_setup_teardown(no_credentials_are_sent, setup_auth, teardown),
		cmocka_unit_test_setup_teardown(certificates, setup_tls, teardown),
		cmocka_unit_test_setup_teardown(redirects, setup, teardown),
		cmocka_unit_test_setup_teardown(faults_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
