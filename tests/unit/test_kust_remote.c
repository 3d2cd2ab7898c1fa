/* Which texts name a repository, and where its URL ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "render/kustomize/remote.h"

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
		if (cases[i].clone) {
			assert_string_equal(s.repo, cases[i].clone);
			assert_string_equal(s.path, cases[i].path);
			assert_string_equal(s.ref, cases[i].ref);
		}
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repositories_are_told_from_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
