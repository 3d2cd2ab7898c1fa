/*
 * A text as what a kustomization names, and as a repository's URL. What of it is shown
 * holds no password and no query; the path in a repository never climbs out of it; a
 * URL that may be fetched has one normal spelling.
 */
#include <stdint.h>

#include "core/fetch.h"
#include "render/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
	int depth = 0;

	for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/') {
		size_t n = strcspn(p, "/");

		depth += n == 2 && !strncmp(p, "..", 2) ? -1 :
			 n && !(n == 1 && *p == '.') ? 1 : 0;
		if (depth < 0)
			abort();
	}
}

/* Behind a scheme nothing is before an '@' in the host, and nothing behind a '?'. */
static void check_shown(char *shown)
{
	char *host = strstr(shown, "://");

	if (host && memchr(host + 3, '@', strcspn(host + 3, "/?#")))
		abort();
	if (strpbrk(host ? host : shown, "?#"))
		abort();
	free(shown);
}

static void parse(const char *text)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct kremote s;
	bool is = kremote_parse(&a, text, &s);

	if (is && !*s.repo)
		abort();
	if (is)
		check_path(s.path);
	if ((kremote_is_repo(text) || kremote_is_file(text)) && !kremote_is_remote(text))
		abort();
	if (strlen(text) <= 4096 && kremote_is_repo(text) != is)
		abort();
	check_shown(kremote_shown(text));
}

static void normalise(const char *text)
{
	_cleanup_free_ char *normal = NULL, *again = NULL, *key = NULL, *key_again = NULL;
	struct err err = ERR_INIT;

	free(repo_url_shown(text));
	if (repo_url_check(text, &err) < 0) {
		if (err.code != ERR_INVALID || !*err.msg)
			abort();
		return;
	}
	normal = repo_url_normal(text);
	again = repo_url_normal(normal);
	key = repo_key(normal);
	key_again = repo_key(again);
	if (strcmp(normal, again) || strcmp(key, key_again) || !*key || strchr(key, '/') ||
	    *key == '.')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	parse(text);
	normalise(text);
	return 0;
}
