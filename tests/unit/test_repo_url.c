/* Repository URLs: allowed or not, one spelling, folder names, HTTP statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/fetch.h"
#include "core/mem.h"
#include "core/utf8.h"

static void allowed_urls(void **state)
{
	static const char *const good[] = {
		"https://github.com/org/repo",
		"https://github.com/org/repo.git",
		"http://127.0.0.1:8080/r.git",
		"https://user@dev.azure.com/org/p/_git/r%20x",
		"https://host/r/", "https://host/r//", "https://host/a..b/...x/.y", "https://host/r%2",
		"git@host:/srv/r", "git@host:~me/r", "https://[::1]/r",
		"https://[::1]:8443/r",
		"HTTPS://Host/r",
		"file:///srv/git/repo.git",
		"ssh://git@github.com/org/repo.git",
		"SSH://host:2222/r",
		"git@github.com:org/repo.git",
		"me@[::1]:r",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = ERR_INIT;

		if (repo_url_check(good[i], &err))
			fail_msg("%s: %s", good[i], err.msg);
	}
}

/* A file instead of a repository: only where a kustomization names it. */
static void files_by_http(void **state)
{
	static const struct { const char *url; bool raw, allowed; } all[] = {
		{ "raw+https://host/x.yaml", true, true },
		{ "RAW+HTTP://host:8080/a/b?c=d&e=(f);g", true, true },
		{ "raw+https://host/x?a b", true, false },
		{ "raw+https://host/x#y", true, false },
		{ "raw+https://host/x?y#z", true, false },
		{ "raw+https://user@host/x", true, false },
		{ "raw+https:///x", true, false },
		{ "raw+file:///etc/passwd", false, false },
		{ "https://host/r", false, true },
		{ "https://host/r?x", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(repo_is_raw(all[i].url), all[i].raw);
		if (!repo_remote_check(all[i].url, &err) != all[i].allowed)
			fail_msg("%s: %s", all[i].url, err.msg);
		if (all[i].raw)
			assert_int_equal(repo_url_check(all[i].url, &err), -1);
	}
	_cleanup_free_ char *normal = repo_url_normal("RAW+HTTPS://Host:443/A.git?B/");
	_cleanup_free_ char *shown = repo_url_shown("raw+https://host/x?token=S3CRET");

	assert_string_equal(normal, "raw+https://host:443/A.git?B/");
	assert_string_equal(shown, "raw+https://host/x");
}

/* Or a fence that goes by how a URL begins could be gone past. */
static void a_place_has_one_spelling(void **state)
{
	static const struct { const char *url, *says; } bad[] = {
		{ "https://host/team/../secret/r", "\"..\" is no part" },
		{ "https://host/team/./r", "\".\" is no part" },
		{ "https://host/..", "\"..\" is no part" },
		{ "https://host/team//r", "\"//\" is no part" },
		{ "https://host//team/r", "\"//\" is no part" },
		{ "https://host/team/%2e%2E/secret/r", "write %2e as" },
		{ "https://host/team/.%2e/secret/r", "write %2e as" },
		{ "https://host/team%2Fr", "write %2F as" },
		{ "https://host/team%5cr", "write %5c as" },
		{ "https://host/%73ecret/r", "write %73 as" },
		{ "https://host./r", "ends in a dot" },
		{ "https://host.:8443/r", "ends in a dot" },
		{ "https://ho%73t/r", "holds an escape" },
		{ "https://host:/r", "is no port" },
		{ "https://host:0443/r", "is no port" },
		{ "ssh://host:022/r", "is no port" },
		{ "ssh://git@host/team/../r", "\"..\" is no part" },
		{ "ssh://git@host/team/%2e%2e/r", "write %2e as" },
		{ "git@host:team/../secret/r", "\"..\" is no part" },
		{ "git@host:../r", "\"..\" is no part" },
		{ "git@host:/srv//r", "\"//\" is no part" },
		{ "git@host.:r", "ends in a dot" },
		{ "git@[::1]:../r", "\"..\" is no part" },
		{ "file:///srv/git/../r", "\"..\" is no part" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		if (!repo_url_check(bad[i].url, &err) || !strstr(err.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].url, err.msg);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void refused_urls(void **state)
{
	static const struct { const char *url, *says; } bad[] = {
		{ "", "is empty" },
		{ "-uhttps://x/y", "begins with '-'" },
		{ "--upload-pack=touch", "begins with '-'" },
		{ "ssh://git:S3CRET@host/r", "keys go into a Secret" },
		{ "ssh://-oProxyCommand=x/r", "no host" },
		{ "ssh://-l@host/r", "user's name" },
		{ "ssh:///r", "no host" },
		{ "ssh://host", "names no repository" },
		{ "ssh://host/", "names no repository" },
		{ "ssh://host:0/r", "port" },
		{ "ssh://host:65536/r", "port" },
		{ "ssh://host:22x/r", "port" },
		{ "ssh://host:-1/r", "port" },
		{ "ssh://[::1/r", "without its" },
		{ "ssh://host/a%0ab", "not escaped well" },
		{ "ssh://host/a%zz", "not escaped well" },
		{ "ssh://host/a%2", "not escaped well" },
		{ "git@host:", "names no repository" },
		{ "git@host:-x", "begins with '-'" },
		{ "git@host:$(x)", "0x24" },
		{ "host:org/r", "only https" },
		{ "me/you@host:r", "only https" },
		{ "git://host/r", "only https" },
		{ "ext::sh -c x", "0x20" },
		{ "https://host/a b", "0x20" },
		{ "https://host/a\nb", "0x0A" },
		{ "https://host/a\x7f", "0x7F" },
		{ "https://host/\xc3\xa9", "0xc3" },
		{ "https://host/a;b", "0x3b" },
		{ "https://host/$(x)", "0x24" },
		{ "https://host/a?b=c", "0x3f" },
		{ "https://host/a#b", "0x23" },
		{ "https:///r", "no host" },
		{ "https://:8080/r", "no host" },
		{ "https://", "no host" },
		{ "file://host/r", "absolute" },
		{ "file://../r", "absolute" },
		{ "https://u:S3CRET@host/r", "Secret labelled" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(repo_url_check(bad[i].url, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strcasestr(err.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].url, err.msg);
		assert_null(strstr(err.msg, "S3CRET"));
		assert_true(utf8_valid(err.msg, strlen(err.msg)));
	}
}

static void too_long_a_url_is_refused(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&b, "https://host/");
	while (b.len <= 2048)
		buf_addc(&b, 'x');
	assert_int_equal(repo_url_check(buf_str(&b), &err), -1);
	assert_non_null(strstr(err.msg, "longer than 2048"));
}

static void one_spelling(void **state)
{
	static const char *const pairs[][2] = {
		{ "https://GitHub.com/Org/Repo.git", "https://github.com/Org/Repo" },
		{ "HTTPS://github.com/Org/Repo/", "https://github.com/Org/Repo" },
		{ "https://github.com:443/r//", "https://github.com/r" },
		{ "http://h:80/r.git/", "http://h/r" },
		{ "http://h:443/r", "http://h:443/r" },
		{ "https://me@h/r", "https://h/r" },
		{ "file:///srv/a.git/", "file:///srv/a.git" },
		{ "https://h/.git", "https://h/.git" },
		{ "https://h", "https://h" },
		{ "git@GitHub.com:Org/Repo.git", "ssh://git@github.com/Org/Repo" },
		{ "git@github.com:/Org/Repo/", "ssh://git@github.com/Org/Repo" },
		{ "ssh://git@github.com:22/Org/Repo.git", "ssh://git@github.com/Org/Repo" },
		{ "ssh://GitHub.com/Org/Repo", "ssh://git@github.com/Org/Repo" },
		{ "ssh://me@h:2222/r", "ssh://me@h:2222/r" },
		{ "me@[::1]:r", "ssh://me@[::1]/r" },
		{ "git@github.com", "ssh://git@github.com" },
		{ "git@github.com:org", "ssh://git@github.com/org" },
		{ "ssh://git@github.com/", "ssh://git@github.com" },
		{ "me@[::1", "me@[::1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		_cleanup_free_ char *got = repo_url_normal(pairs[i][0]);

		assert_string_equal(got, pairs[i][1]);
	}
}

static void where_ssh_urls_lead(void **state)
{
	static const struct {
		const char *url, *user, *host;
		unsigned port;
		const char *path;
	} cases[] = {
		{ "git@h:org/r.git", "git", "h", 22, "org/r.git" },
		{ "git@h:/srv/r", "git", "h", 22, "/srv/r" },
		{ "git@h:~me/r", "git", "h", 22, "~me/r" },
		{ "git@h:a%20b", "git", "h", 22, "a%20b" },
		{ "me@[::1]:r", "me", "::1", 22, "r" },
		{ "git@h:a@b:c", "git", "h", 22, "a@b:c" },
		{ "ssh://h/r", "git", "h", 22, "/r" },
		{ "ssh://me@h:2222/srv/r.git", "me", "h", 2222, "/srv/r.git" },
		{ "ssh://me@h:/r", "me", "h", 22, "/r" },
		{ "ssh://h/~/r", "git", "h", 22, "~/r" },
		{ "ssh://h/~me/r", "git", "h", 22, "~me/r" },
		{ "ssh://h/a%20b%2Fc", "git", "h", 22, "/a b/c" },
		{ "ssh://[::1]/r", "git", "::1", 22, "/r" },
		{ "ssh://[fe80::1]:2222/r", "git", "fe80::1", 2222, "/r" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct ssh_place p;

		if (ssh_place_parse(&p, cases[i].url, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(p.user, cases[i].user);
		assert_string_equal(p.host, cases[i].host);
		assert_int_equal(p.port, cases[i].port);
		assert_string_equal(p.path, cases[i].path);
		ssh_place_deinit(&p);
	}
	assert_int_equal(ssh_place_parse(&(struct ssh_place){ 0 }, "https://h/r", NULL), -1);
}

static void keys_are_folder_names(void **state)
{
	static const char *const urls[] = {
		"https://github.com/org/repo", "file:///", "https://../..",
		"", "///", "https://h/%2e%2e/%2e%2e/",
		"https://very.long.example.org/with/a/path/that/goes/on/and/on/repo",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		_cleanup_free_ char *key = repo_key(urls[i]);

		assert_true(strlen(key) >= 16 && strlen(key) <= 60);
		assert_int_equal(strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-_"),
				 strlen(key));
		assert_true(key[0] != '-');
	}
}

static void keys_are_equal_only_for_one_repository(void **state)
{
	_cleanup_free_ char *a = repo_key("https://GitHub.com/org/repo.git");
	_cleanup_free_ char *b = repo_key("https://github.com/org/repo");
	_cleanup_free_ char *c = repo_key("https://github.com/org-repo");

	(void)state;
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strncmp(a, "github-com-org-repo-", 20), 0);
}

static void shown_without_secrets(void **state)
{
	_cleanup_free_ char *a = repo_url_shown("https://u:p@h:1/r");
	_cleanup_free_ char *b = repo_url_shown("https://h/a@b");
	_cleanup_free_ char *c = repo_url_shown("https://u:p@x@h/r\x01\xff");

	(void)state;
	assert_string_equal(a, "https://h:1/r");
	assert_string_equal(b, "https://h/a@b");
	assert_string_equal(c, "https://h/r \xef\xbf\xbd");
}

static void statuses(void **state)
{
	static const struct {
		int status;
		bool credentials, retry;
		enum err_code code;
		const char *says;
	} cases[] = {
		{ 401, false, false, ERR_AUTH, "no Secret labelled argocd.argoproj.io/secret-type" },
		{ 401, true, false, ERR_AUTH, "refused the credentials" },
		{ 403, true, false, ERR_AUTH, "argocd.argoproj.io/secret-type" },
		{ 404, false, false, ERR_NOTFOUND, "spec.source.repoURL" },
		{ 429, false, true, ERR_NET, "429" },
		{ 500, false, true, ERR_NET, "500" },
		{ 503, false, true, ERR_NET, "503" },
		{ 302, false, false, ERR_INVALID, "redirects" },
		{ 400, false, false, ERR_INVALID, "400" },
		{ 204, false, false, ERR_INVALID, "204" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		repo_http_error(cases[i].status, "https://u:p@h/r",
				cases[i].credentials, &err);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(err.retry, cases[i].retry);
		assert_non_null(strstr(err.msg, cases[i].says));
		assert_non_null(strstr(err.msg, "https://h/r"));
	}
}

static void text_is_cleaned(void **state)
{
	_cleanup_free_ char *a = utf8_clean("a\tb\xff" "c\xc3\xa9", 100);
	_cleanup_free_ char *b = utf8_clean("\xc3\xa9\xc3\xa9", 3);
	_cleanup_free_ char *c = utf8_clean(NULL, 3);

	(void)state;
	assert_string_equal(a, "a b\xef\xbf\xbd" "c\xc3\xa9");
	assert_string_equal(b, "\xc3\xa9");
	assert_string_equal(c, "");
	assert_false(utf8_valid("\xc0\x80", 2));
	assert_false(utf8_valid("\xed\xa0\x80", 3));
	assert_false(utf8_valid("\xf4\x90\x80\x80", 4));
	assert_true(utf8_valid("\xf4\x8f\xbf\xbf", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_urls),
		cmocka_unit_test(a_place_has_one_spelling),
		cmocka_unit_test(refused_urls),
		cmocka_unit_test(files_by_http),
		cmocka_unit_test(too_long_a_url_is_refused),
		cmocka_unit_test(one_spelling),
		cmocka_unit_test(where_ssh_urls_lead),
		cmocka_unit_test(keys_are_folder_names),
		cmocka_unit_test(keys_are_equal_only_for_one_repository),
		cmocka_unit_test(shown_without_secrets),
		cmocka_unit_test(statuses),
		cmocka_unit_test(text_is_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
