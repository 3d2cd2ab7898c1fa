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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_told_from_repositories),
		cmocka_unit_test(repositories_are_told_from_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
