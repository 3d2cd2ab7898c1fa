/*
 * Fetching over SSH from a real server (OpenSSH's sshd), straight and through a
 * proxy that hangs or cuts; keys, hosts' keys, and what a terminal is never asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
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
static char *base;		/* ssh://user@127.0.0.1:port */
static unsigned port;
static bool have_sshd;

#define SSHD SOURCE_DIR "/tests/tools/gitssh"

static char *state_file(const char *name)
{
	return gitrepo_sh(&g, "cat $ROOT/ssh/%s", name);
}

static void use_key(const char *name)
{
	free(req.ssh_key);
	req.ssh_key = state_file(name);
}

static void start_server(const char *flags)
{
	base = gitrepo_sh(&g, SSHD " start $ROOT/ssh %s", flags);
	port = (unsigned)strtoul(strrchr(base, ':') + 1, NULL, 10);
	req.url = xasprintf("%s%s/r.git", base, g.repos);
	req.known_hosts = state_file("known_hosts");
	use_key("id_ed25519");
}

static void prepare(const char *flags)
{
	gitrepo_init(&g);
	req = (struct fetch_request){ .mirrors = g.mirrors, .key = (char *)"r",
				      .revision = (char *)"main" };
	limits = fetch_limits_default;
	limits.grace_s = 0;
	limits.disk_reserve = 1 << 20;
	base = NULL;
	have_sshd = !system("PATH=$PATH:/usr/sbin command -v sshd >/dev/null");
	if (have_sshd)
		start_server(flags);
}

static int setup(void **state)
{
	(void)state;
	prepare("");
	return 0;
}

static int setup_v2(void **state)
{
	(void)state;
	prepare("--accept-env");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (have_sshd)
		free(gitrepo_sh(&g, SSHD " stop $ROOT/ssh"));
	free(base);
	free(req.url);
	free(req.known_hosts);
	free(req.ssh_key);
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
	assert_null(strstr(err.msg, "PRIVATE"));
}

static void expect_list(const char *list, const char *want)
{
	struct fetch_answer a;
	struct err err = ERR_INIT;

	req.list = (char *)(uintptr_t)list;
	if (fetch_run_within(&req, &limits, &a, &err))
		fail_msg("%s", err.msg);
	req.list = NULL;
	assert_string_equal(a.refs, want);
	fetch_answer_deinit(&a);
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A fetch, one more, and lists, in both versions of the protocol. */
static void fetches_and_lists(void **state)
{
	_cleanup_free_ char *one = NULL, *two = NULL, *tag = NULL, *want = NULL;
	size_t before;

	(void)state;
	if (!have_sshd)
		skip();
	one = gitrepo_commit(&g, "main", "f", "one");
	tag = gitrepo_sh(&g, "git tag -a -m x v1; git push -q origin v1; git rev-parse v1");
	expect_fetch(one);
	two = gitrepo_commit(&g, "main", "f", "two");
	before = open_files();
	expect_fetch(two);
	want = xasprintf("%s HEAD\n%s refs/heads/main\n%s refs/tags/v1 %s\n", two, two, one,
			 tag);
	expect_list("HEAD refs/heads/main refs/tags/", want);
	expect_list("refs/heads/none", "");
	assert_int_equal(open_files(), before);
	req.revision = (char *)"v1";
	expect_fetch(one);
	req.revision = (char *)"none";
	expect_error(ERR_NOTFOUND, "no branch or tag \"none\"");
}

static void keys_of_each_kind_open(void **state)
{
	static const char *const keys[] = { "id_ed25519", "id_ecdsa", "id_rsa", "pem" };
	_cleanup_free_ char *one = NULL;

	(void)state;
	if (!have_sshd)
		skip();
	one = gitrepo_commit(&g, "main", "f", "one");
	free(gitrepo_sh(&g, "cp $ROOT/ssh/id_rsa $ROOT/ssh/pem;"
			" ssh-keygen -q -p -m PEM -N '' -f $ROOT/ssh/pem"));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		use_key(keys[i]);
		req.rebuild = i > 0;
		expect_fetch(one);
	}
}

/* None is asked for on the terminal either: it would block here for ever. */
static void keys_that_do_not_open(void **state)
{
	(void)state;
	if (!have_sshd)
		skip();
	free(gitrepo_sh(&g, "cd $ROOT/ssh; ssh-keygen -q -t ed25519 -N '' -f stranger;"
			" cp id_ed25519 locked; ssh-keygen -q -p -N secret -f locked;"
			" cp id_rsa locked-pem; ssh-keygen -q -p -m PEM -N secret -f locked-pem;"
			" echo x >garbage"));
	use_key("stranger");
	expect_error(ERR_AUTH, "is not let in with the key SHA256:");
	use_key("locked");
	expect_error(ERR_INVALID, "without a passphrase");
	use_key("locked-pem");
	expect_error(ERR_INVALID, "without a passphrase");
	use_key("garbage");
	expect_error(ERR_INVALID, "without a passphrase");
	use_key("id_ed25519.pub");
	expect_error(ERR_INVALID, "without a passphrase");
	free(req.ssh_key);
	req.ssh_key = NULL;
	expect_error(ERR_AUTH, "no Secret labelled");
}

static void expect_host_error(const char *known, const char *says)
{
	_cleanup_free_ char *print = NULL;

	free(req.known_hosts);
	req.known_hosts = xstrdup(known);
	expect_error(ERR_AUTH, says);
	print = gitrepo_sh(&g, "ssh-keygen -lf $ROOT/ssh/host_ed25519.pub | cut -d' ' -f2");
	expect_error(ERR_AUTH, print);
	print = (free(print), xasprintf("127.0.0.1 port %u", port));
	expect_error(ERR_AUTH, print);
}

static void hosts_that_are_not_the_known_ones(void **state)
{
	_cleanup_free_ char *one = NULL, *known = NULL, *other = NULL, *revoked = NULL;

	(void)state;
	if (!have_sshd)
		skip();
	one = gitrepo_commit(&g, "main", "f", "one");
	known = state_file("known_hosts");
	other = gitrepo_sh(&g, "ssh-keygen -q -t ed25519 -N '' -f $ROOT/ssh/other;"
			   " sed 's/^/[127.0.0.1]:%u /' $ROOT/ssh/other.pub", port);
	revoked = gitrepo_sh(&g, "cat $ROOT/ssh/known_hosts; sed 's/^/@revoked * /'"
			     " $ROOT/ssh/host_ed25519.pub");
	expect_host_error(NULL, "the host's key is not known");
	expect_host_error("elsewhere ssh-ed25519 AAAA", "the host's key is not known");
	expect_host_error(other, "the host's key is NOT the known one");
	expect_host_error(revoked, "revoked");
	/* Only its ECDSA key is known: that is the one it is asked for. */
	free(req.known_hosts);
	req.known_hosts = gitrepo_sh(&g, "grep ecdsa $ROOT/ssh/known_hosts");
	expect_fetch(one);
	free(gitrepo_sh(&g, SSHD " stop $ROOT/ssh; " SSHD " new-host-key $ROOT/ssh"));
	free(base);
	base = gitrepo_sh(&g, SSHD " start $ROOT/ssh");
	req.rebuild = true;
	expect_host_error(known, "the host's key is NOT the known one");
}

static void places_that_are_none(void **state)
{
	_cleanup_free_ char *none = NULL, *quoted = NULL, *nobody = NULL;
	char *url = req.url;

	(void)state;
	if (!have_sshd)
		skip();
	none = xasprintf("%s/nowhere.git", base);
	quoted = xasprintf("%s/a%%27;touch%%20%s/hacked;%%27", base, g.root);
	nobody = xasprintf("ssh://nobody-here@127.0.0.1:%u/r", port);
	req.url = none;
	expect_error(ERR_NOTFOUND, "'/nowhere.git' does not appear to be a git repository");
	req.list = (char *)"HEAD";
	expect_error(ERR_NOTFOUND, "'/nowhere.git' does not appear to be a git repository");
	req.list = NULL;
	req.url = quoted;
	expect_error(ERR_INVALID, "0x3b");
	quoted[strlen(base) + 5] = '\0';	/* the quote alone */
	expect_error(ERR_NOTFOUND, "does not appear to be a git repository");
	free(gitrepo_sh(&g, "test ! -e $ROOT/hacked"));
	req.url = nobody;
	expect_error(ERR_AUTH, "nobody-here is not let in");
	req.username = (char *)"somebody";
	expect_error(ERR_AUTH, "somebody is not let in");
	req.username = NULL;
	req.url = (char *)"ssh://git@localhost.invalid/r";
	expect_error(ERR_NET, "has no address");
	req.url = (char *)"ssh://git@127.0.0.1:1/r";
	expect_error(ERR_NET, "Connection refused");
	req.url = url;
}

/* A commit of 1 MB without parents, so that the history never grows. */
static char *big_commit(void)
{
	return gitrepo_sh(&g, "head -c 1000000 /dev/urandom | split -b 50000 - b; date +%%N >f;"
			  " git add -A; c=$(git commit-tree -m big $(git write-tree));"
			  " git push -q -f origin $c:refs/heads/main; echo $c");
}

/* In the greeting, the key exchange, the login, the list, the pack: it ends in time. */
static void a_fault_at_each_point(enum gitproxy_fault fault, enum err_code code)
{
	static const size_t points[] = { 0, 20, 600, 2000, 3500, 5000, 100000, 500000 };
	_cleanup_free_ char *one = big_commit(), *url = req.url;
	_cleanup_free_ char *known = xstrdup(req.known_hosts);

	/* A cut is noticed at once, however busy the machine is. */
	limits.idle_ms = limits.connect_ms = fault == PROXY_CUT ? 20000 : 800;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct gitproxy p = { .server = port, .fault = fault,
				      .after = points[i], .greets = true };
		uint64_t start = transfer_now();

		gitproxy_start(&p);
		req.url = gitrepo_sh(&g, "echo '%s' | sed 's/:%u/:%u/'", url, port, p.port);
		free(req.known_hosts);
		req.known_hosts = gitrepo_sh(&g, "sed 's/:%u/:%u/' $ROOT/ssh/known_hosts",
					     port, p.port);
		expect_error(code, "127.0.0.1");
		assert_true(transfer_now() - start < 15000);
		gitproxy_stop(&p);
		free(req.url);
	}
	limits.idle_ms = limits.connect_ms = 30000;
	free(req.known_hosts);
	req.known_hosts = steal(&known);
	req.url = steal(&url);
	expect_fetch(one);
	free(gitrepo_sh(&g, "for m in %s/r/g*; do git -C $m fsck --full --no-dangling 2>&1; done", g.mirrors));
}

static void hanging_at_each_point(void **state)
{
	(void)state;
	if (!have_sshd)
		skip();
	a_fault_at_each_point(PROXY_HANG, ERR_TIMEOUT);
}

static void cut_at_each_point(void **state)
{
	(void)state;
	if (!have_sshd)
		skip();
	a_fault_at_each_point(PROXY_CUT, ERR_NET);
}

static void a_list_has_its_own_deadline(void **state)
{
	uint64_t start = transfer_now();

	(void)state;
	if (!have_sshd)
		skip();
	free(gitrepo_sh(&g, SSHD " pause $ROOT/ssh"));
	limits.list_ms = 300;
	req.list = (char *)"HEAD";
	expect_error(ERR_TIMEOUT, "the SSH handshake: no answer in time");
	req.list = NULL;
	assert_true(transfer_now() - start < 5000);
	free(gitrepo_sh(&g, SSHD " resume $ROOT/ssh"));
}

static void caps_hold(void **state)
{
	_cleanup_free_ char *one = NULL;

	(void)state;
	if (!have_sshd)
		skip();
	one = big_commit();
	req.max_bytes = 300000;
	expect_error(ERR_LIMIT, "larger than the limit of 300000 bytes");
	req.max_bytes = 0;
	expect_fetch(one);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fetches_and_lists),
		{ "fetches_and_lists_in_version_2", fetches_and_lists, setup_v2,
		  teardown, NULL },
		TEST(keys_of_each_kind_open),
		TEST(keys_that_do_not_open),
		TEST(hosts_that_are_not_the_known_ones),
		TEST(places_that_are_none),
		TEST(hanging_at_each_point),
		TEST(cut_at_each_point),
		TEST(a_list_has_its_own_deadline),
		TEST(caps_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
