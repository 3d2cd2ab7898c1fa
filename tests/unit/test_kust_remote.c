/* Which texts name a repository, and where its URL ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/fetch.h"
#include "render/remote.h"

static const struct {
	const char *text, *clone, *path, *ref;	/* clone NULL: a path */
} cases[] = {
	{ "github.com/org/repo", "https://github.com/org/repo", "", "" },
	{ "github.com/org/repo//deploy/base?ref=v1",
	  "https://github.com/org/repo", "deploy/base", "v1" },
	{ "github.com/org/repo/deploy/base?version=v2",
	  "https://github.com/org/repo", "deploy/base", "v2" },
	{ "https://github.com/org/repo?ref=a&version=b",
	  "https://github.com/org/repo", "", "a" },
	{ "https://github.com/org/repo.git/deploy?ref=feature%2Fx",
	  "https://github.com/org/repo.git", "deploy", "feature/x" },
	{ "HTTPS://GITHUB.COM/org/repo", "https://github.com/org/repo", "", "" },
	{ "http://github.com/org/repo", "https://github.com/org/repo", "", "" },
	{ "git@github.com:org/repo.git", "git@github.com:org/repo.git", "", "" },
	{ "git@github.com/org/repo", "git@github.com:org/repo", "", "" },
	{ "ssh://git@github.com/org/repo//x", "git@github.com:org/repo", "x", "" },
	{ "github.com:org/repo", "https://github.com/org/repo", "", "" },
	{ "git::https://gitlab.example.com/team/app//base",
	  "https://gitlab.example.com/team/app", "base", "" },
	{ "https://gitlab.example.com/group/sub/app//base?ref=main",
	  "https://gitlab.example.com/group/sub/app", "base", "main" },
	{ "https://gitlab.example.com/group/app/base",
	  "https://gitlab.example.com/group/app", "base", "" },
	{ "https://user@dev.azure.com/org/project/_git/repo/path/to",
	  "https://user@dev.azure.com/org/project/_git/repo", "path/to", "" },
	{ "https://git.example.com:8443/r.git?submodules=false",
	  "https://git.example.com:8443/r.git", "", "" },
	{ "user@host.xz:path/to/repo.git/base", "user@host.xz:path/to/repo.git",
	  "base", "" },
	{ "ssh://host.xz:22/path/to/repo.git", "ssh://host.xz:22/path/to/repo.git",
	  "", "" },
	{ "file:///srv/git/repo.git//base?ref=v1", "file:///srv/git/repo.git",
	  "base", "v1" },
	{ "file:///srv/git/repo", "file:///srv/git/repo", "", "" },
	{ "https://example.com/org/repo?ref=%zz", "https://example.com/org/repo",
	  "", "" },
	{ "GitHub.com:o/r.git/a", "https://github.com/o/r.git", "a", "" },
	{ "git@github.com:o/r.git//a?ref=x&timeout=3", "git@github.com:o/r.git", "a", "x" },
	{ "git::https://h/o/r.git?ref=a%2Fb", "https://h/o/r.git", "", "a/b" },
	{ "ssh://git@h:22/o/r.git/a", "ssh://git@h:22/o/r.git", "a", "" },
	{ "https://h/o/r/a?ref=x&ref=y", "https://h/o/r", "a", "x" },
	/* By SSH, and `git::`, which is dropped. */
	{ "ssh://git@host.example/org/repo//path?ref=v1",
	  "ssh://git@host.example/org/repo", "path", "v1" },
	{ "ssh://git@host.example:2222/org/repo.git//path?ref=v1",
	  "ssh://git@host.example:2222/org/repo.git", "path", "v1" },
	{ "ssh://git@host.example:2222/org/repo/path",
	  "ssh://git@host.example:2222/org/repo", "path", "" },
	{ "ssh://host.example/org/repo//path", "ssh://host.example/org/repo", "path", "" },
	{ "SSH://Git@Host.example/org/repo", "ssh://Git@Host.example/org/repo", "", "" },
	{ "ssh://git@[::1]:22/org/repo//path", "ssh://git@[::1]:22/org/repo", "path", "" },
	{ "ssh://user:pw@host/org/repo//path", "ssh://user:pw@host/org/repo", "path", "" },
	{ "ssh://git@host/~me/repo//path", "ssh://git@host/~me/repo", "path", "" },
	{ "ssh://git@host:org/repo//path", "ssh://git@host:org/repo", "path", "" },
	{ "ssh://git@host//org/repo", "ssh://git@host//org", "repo", "" },
	{ "ssh://git@host/repo.git", "ssh://git@host/repo.git", "", "" },
	{ "git@host.example:org/repo//path?ref=v1",
	  "git@host.example:org/repo", "path", "v1" },
	{ "git@host.example:org/repo.git/path?version=v2&ref=",
	  "git@host.example:org/repo.git", "path", "v2" },
	{ "git@host.example:repo.git", "git@host.example:repo.git", "", "" },
	{ "git@host.example:/srv/git/repo.git//path",
	  "git@host.example:/srv/git/repo.git", "path", "" },
	{ "git@host.example:22/org/repo//path",
	  "git@host.example:22/org/repo", "path", "" },
	{ "git@host.example:group/sub/repo//path",
	  "git@host.example:group/sub/repo", "path", "" },
	{ "git@host.example:group/sub/repo/path",
	  "git@host.example:group/sub", "repo/path", "" },
	{ "git@host.example/org/repo//path", "git@host.example/org/repo", "path", "" },
	{ "git@[::1]:org/repo//path", "git@[::1]:org/repo", "path", "" },
	{ "org-123@github.com:org/repo//path", "org-123@github.com:org/repo", "path", "" },
	{ "git@GitHub.com:org/repo//path", "git@github.com:org/repo", "path", "" },
	{ "git::ssh://git@host/org/repo//path?ref=v1",
	  "ssh://git@host/org/repo", "path", "v1" },
	{ "GIT::git@host:org/repo//path?ref=v1", "git@host:org/repo", "path", "v1" },
	{ "git::github.com/org/repo//path", "https://github.com/org/repo", "path", "" },
	{ "git::github.com:org/repo", "https://github.com/org/repo", "", "" },
	{ "git::file:///srv/repo.git//path", "file:///srv/repo.git", "path", "" },
	{ "git@ssh.dev.azure.com:v3/org/project/repo//path",
	  "git@ssh.dev.azure.com:v3/org/project/repo", "path", "" },
	{ "ssh://git@ssh.dev.azure.com/v3/org/project/repo//path",
	  "ssh://git@ssh.dev.azure.com/v3/org/project/repo", "path", "" },
	{ "git@vs-ssh.visualstudio.com:v3/o/p/_git/r/path",
	  "git@vs-ssh.visualstudio.com:v3/o/p/_git/r", "path", "" },
	{ "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/r//path",
	  "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/r", "path", "" },
	{ "git@gitlab.com:a/b/c.git//x/../y?ref=feature/x&timeout=120&submodules=0",
	  "git@gitlab.com:a/b/c.git", "x/../y", "feature/x" },
	{ "git@host:org/repo//x/..", "git@host:org/repo", "x/..", "" },
	{ "git@/org/repo", "git@/org/repo", "", "" },
	{ "https://github.com/org/repo?ref=v1&x=%zz",
	  "https://github.com/org/repo", "", "" },
	{ "https://github.com/org/repo?ref=v1;x", "https://github.com/org/repo", "", "" },
	{ "https://github.com/org/repo?r%65f=v1", "https://github.com/org/repo", "", "v1" },
	{ "https://github.com/org/repo?ref=&ref=x", "https://github.com/org/repo", "", "" },
	{ "https://github.com/org/repo?ref&ref=x", "https://github.com/org/repo", "", "" },
	{ "https://github.com/org/repo?&&ref=x+y",
	  "https://github.com/org/repo", "", "x y" },
	{ "https://github.com/org/repo?version=a&ref=%",
	  "https://github.com/org/repo", "", "" },
	{ "https://github.com/org/repo?=x&ref=a=b",
	  "https://github.com/org/repo", "", "a=b" },
	{ "https://github.com/org/repo?Ref=a", "https://github.com/org/repo", "", "" },
	{ "https://github.com/org/repo#frag?ref=a",
	  "https://github.com/org/repo#frag", "", "a" },
	{ "github.com/org/repo.git?ref=a?b", "https://github.com/org/repo.git", "", "a?b" },
	/* Paths and what names nothing. */
	{ "../base", NULL, NULL, NULL },
	{ "base", NULL, NULL, NULL },
	{ "deploy/github.com/org/repo", NULL, NULL, NULL },
	{ "/abs/repo.git", NULL, NULL, NULL },
	{ "https://example.com", NULL, NULL, NULL },
	{ "https://example.com/one", NULL, NULL, NULL },
	{ "github.com/org", NULL, NULL, NULL },
	{ "https://github.com/org/repo//../..", NULL, NULL, NULL },
	{ "https://github.com/org/repo//a/../../b", NULL, NULL, NULL },
	{ "ftp://example.com/org/repo", NULL, NULL, NULL },
	{ "a/b.git", NULL, NULL, NULL },
	{ "a?ref=b", NULL, NULL, NULL },
	{ "https://", NULL, NULL, NULL },
	{ "s3::https", NULL, NULL, NULL },
	{ "raw+https://example.com/org/repo", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
	{ "ssh://git@", NULL, NULL, NULL },
	{ "ssh://git@host", NULL, NULL, NULL },
	{ "ssh://git@host/repo", NULL, NULL, NULL },
	{ "git@host.example:repo", NULL, NULL, NULL },
	{ "a.b@host:org/repo", NULL, NULL, NULL },
	{ "git::git::ssh://git@host/org/repo", NULL, NULL, NULL },
	{ "git::../base", NULL, NULL, NULL },
	{ "git@host:org/repo//../x", NULL, NULL, NULL },
	{ "git@host:", NULL, NULL, NULL },
	{ "git@:org/repo", NULL, NULL, NULL },
	{ "@host:org/repo", NULL, NULL, NULL },
	{ "1git@host:org/repo", NULL, NULL, NULL },
	{ "git@host:org/repo////..", NULL, NULL, NULL },	/* the reference, later */
};

static void repositories_are_told_from_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = { 0 };
		struct kremote s;
		bool found = kremote_parse(&a, cases[i].text, &s);

		if (found != (cases[i].clone != NULL))
			fail_msg("%s: %d", cases[i].text, found);
		assert_int_equal(kremote_is_repo(cases[i].text), found);
		if (cases[i].clone) {
			assert_string_equal(s.repo, cases[i].clone);
			assert_string_equal(s.path, cases[i].path);
			assert_string_equal(s.ref, cases[i].ref);
		}
		arena_deinit(&a);
	}
}

/* What the reference finds out by asking for it. */
static const struct {
	const char *text;
	bool remote, raw;
	const char *shown;
} looks[] = {
	{ "https://host/x.yaml", true, true, "https://host/x.yaml" },
	{ "https://host/org/repo/main/x.yaml", true, true,
	  "https://host/org/repo/main/x.yaml" },
	{ "HTTP://host/a/b/x.YML?token=secret", true, true, "HTTP://host/a/b/x.YML" },
	{ "https://user:secret@host/a/b/x.json#y", true, true, "https://host/a/b/x.json" },
	{ "https://host/one", true, true, "https://host/one" },
	{ "https://host/org/repo", true, false, "https://host/org/repo" },
	{ "https://host/org/repo/dir", true, false, "https://host/org/repo/dir" },
	{ "https://host/org/repo?x=y.yaml", true, false, "https://host/org/repo" },
	{ "https://host/org/repo//x.yaml", true, false, "https://host/org/repo//x.yaml" },
	{ "https://host/repo.git/x.yaml", true, false, "https://host/repo.git/x.yaml" },
	{ "https://host/o/_git/r/x.yaml", true, false, "https://host/o/_git/r/x.yaml" },
	{ "git@host:org/repo", true, false, "host:org/repo" },
	{ "file:///etc/x.yaml", true, false, "file:///etc/x.yaml" },
	{ "ftp://host/x.yaml", true, false, "ftp://host/x.yaml" },
	{ "x?token=secret://y", true, false, "x" },
	{ "a.yaml", false, false, "a.yaml" },
	{ "../base", false, false, "../base" },
	{ "a@b.yaml", false, false, "b.yaml" },
};

static void files_are_told_from_repositories(void **state)
{
	(void)state;
	assert_string_equal(KREMOTE_RAW, REPO_RAW);
	assert_string_equal(KREMOTE_RAW_FILE, REPO_RAW_FILE);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		_cleanup_free_ char *shown = kremote_shown(looks[i].text);

		if (kremote_is_remote(looks[i].text) != looks[i].remote ||
		    kremote_is_raw(looks[i].text) != looks[i].raw)
			fail_msg("%s", looks[i].text);
		assert_string_equal(shown, looks[i].shown);
	}
}

/* What is fetched by SSH: what core/base takes for it, too. */
static void ssh_is_told_from_the_rest(void **state)
{
	static const struct { const char *repo; bool ssh; } rows[] = {
		{ "ssh://git@host/org/repo", true }, { "ssh://host:2222/r.git", true },
		{ "git@host:org/repo", true }, { "git@[::1]:org/repo", true },
		{ "git@host:/srv/r.git", true }, { "git@host/org/repo", false },
		{ "git@host/org:repo", false }, { "git@[::1]/org:repo", false },
		{ "https://github.com/org/repo", false }, { "https://u@h:1/o/r", false },
		{ "file:///srv/git@host:r", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (kremote_is_ssh(rows[i].repo) != rows[i].ssh ||
		    repo_url_is_ssh(rows[i].repo) != rows[i].ssh)
			fail_msg("%s", rows[i].repo);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssh_is_told_from_the_rest),
		cmocka_unit_test(files_are_told_from_repositories),
		cmocka_unit_test(repositories_are_told_from_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
