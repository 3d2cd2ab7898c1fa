/*
 * remote.c - what is a repository's URL to Kustomize, and its parts.
 *
 * The rules are those of NewRepoSpecFromURL: a scheme, or user@host:, or github.com;
 * the repository ends at `_git/NAME`, at `//`, at `.git`, or after two segments.
 */
#include "render/remote.h"

#include <ctype.h>
#include <strings.h>

#include "core/buf.h"

static bool begins(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

bool kremote_is_ssh(const char *url)
{
	const char *at = strchr(url, '@'), *host = at ? at + 1 : "";

	if (begins(url, "ssh://"))
		return true;
	host += *host == '[' ? strcspn(host, "]") : 0;
	return at && !strstr(url, "://") && host[strcspn(host, ":/")] == ':';
}

bool kremote_is_file(const char *written)
{
	return begins(written, "http://") || begins(written, "https://");
}

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* url.QueryUnescape; NULL: malformed. */
static const char *unescape(struct arena *a, const char *s, size_t len)
{
	char *out = arena_strndup(a, s, len), *to = out;

	for (const char *p = out; *p; p++) {
		if (*p == '%') {
			int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);

			if (low < 0)
				return NULL;
			*to++ = (char)(high << 4 | low);
			p += 2;
		} else {
			*to++ = *p == '+' ? ' ' : *p;
		}
	}
	*to = '\0';
	return out;
}

/*
 * parseQuery: the first value of `ref`, else of `version`. A query that is malformed
 * anywhere, or has a ';', counts as none at all. (`timeout` is ours, and of submodules
 * nothing is read.)
 */
static const char *ref_of(struct arena *a, const char *query)
{
	const char *ref = NULL, *version = NULL;

	while (*query) {
		size_t len = strcspn(query, "&"), n = strcspn(query, "=&");
		const char *key = unescape(a, query, n), *value;

		value = unescape(a, query + n + (n < len), len - n - (n < len));
		if (!key || !value || memchr(query, ';', len))
			return "";
		if (!ref && len && strcmp(key, "ref") == 0)
			ref = value;
		if (!version && len && strcmp(key, "version") == 0)
			version = value;
		query += len + (query[len] == '&');
	}
	return ref && *ref ? ref : version ? version : "";
}

/* "user@" at the start: its length, or 0. */
static size_t user_length(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789-");

	return n && s[n] == '@' && strchr("-0123456789", *s) == NULL ? n + 1 : 0;
}

static const char *scheme_of(const char *s)
{
	static const char *const all[] = { "ssh://", "https://", "http://", "file://" };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (begins(s, all[i]))
			return all[i];
	}
	return "";
}

/*
 * Splits n into a host, with scheme and user, and the rest. NULL: not a repository's.
 */
static const char *split_host(struct arena *a, const char *n, const char **rest)
{
	const char *scheme, *user, *sep, *colon;
	bool github, scp;
	size_t users;

	if (begins(n, "git::"))
		n += 5;
	scheme = scheme_of(n);
	n += strlen(scheme);
	users = user_length(n);
	user = arena_strndup(a, n, users);
	n += users;
	github = begins(n, "github.com/") || begins(n, "github.com:");
	scp = !*scheme && (*user || github);
	if (!*scheme && !scp)
		return NULL;
	if (strcmp(scheme, "file://") == 0) {
		*rest = arena_printf(a, "%s%s", user, n);
		return scheme;
	}
	sep = strchr(n, '/');
	colon = scp ? strchr(n, ':') : NULL;
	if (scp && (!sep || (colon && colon > n && colon < sep)))
		sep = colon;
	*rest = sep ? sep + 1 : "";
	if (github)
		return strcmp(scheme, "ssh://") == 0 || *user ?
		       arena_printf(a, "%sgithub.com:", user) : "https://github.com/";
	if (!*n)
		return NULL;
	return arena_printf(a, "%s%s%.*s", scheme, user,
			    sep ? (int)(sep - n) + 1 : (int)strlen(n), n);
}

/* Where the repository's part of n ends; what follows is *path. 0: none. */
static size_t repo_length(const char *n, bool all, const char **path)
{
	const char *at, *slash;

	if ((at = strstr(n, "_git/"))) {
		at += 5 + strcspn(at + 5, "/");
		*path = *at ? at + 1 : at;
	} else if ((at = strstr(n, "//"))) {
		*path = at + 2;
	} else if ((at = strstr(n, ".git"))) {
		at += 4;
		*path = at;
	} else if (all) {
		at = *path = n + strlen(n);
	} else {
		slash = strchr(n, '/');
		if (!slash)
			return 0;
		at = slash + 1 + strcspn(slash + 1, "/");
		*path = *at ? at + 1 : at;
	}
	return (size_t)(at - n);
}

/* Does a path climb out of where it starts? */
static bool climbs(const char *path)
{
	int depth = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0)
			depth--;
		else if (n && !(n == 1 && *path == '.'))
			depth++;
		if (depth < 0)
			return true;
		path += n + (path[n] == '/');
	}
	return false;
}

bool kremote_parse(struct arena *a, const char *written, struct kremote *ret)
{
	size_t before = strcspn(written, "?");
	const char *query = written[before] ? written + before + 1 : "";
	const char *rest, *path, *host;
	size_t len;

	if (*written == '/')
		return false;
	host = split_host(a, arena_strndup(a, written, before), &rest);
	len = host ? repo_length(rest, strncmp(host, "file://", 7) == 0, &path) : 0;
	if (!len || climbs(path))
		return false;
	if (ret) {
		ret->repo = arena_printf(a, "%s%.*s", host, (int)len, rest);
		ret->path = *path == '/' ? path + 1 : path;
		ret->ref = ref_of(a, query);
	}
	return true;
}

bool kremote_is_repo(const char *written)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };

	return strlen(written) <= 4096 && kremote_parse(&a, written, NULL);
}

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncasecmp(s + len - n, end, n) == 0;
}

bool kremote_is_raw(const char *written)
{
	_cleanup_free_ char *path = NULL;
	size_t len;

	if (!kremote_is_file(written))
		return false;
	if (!kremote_is_repo(written))
		return true;
	written = strstr(written, "://") + 3;
	len = strcspn(written, "?#");
	path = xstrndup(written, len);
	return (ends_with(path, len, ".yaml") || ends_with(path, len, ".yml") ||
		ends_with(path, len, ".json")) && !strstr(path, "//") &&
	       !strstr(path, ".git/") && !strstr(path, "_git/");
}

bool kremote_is_remote(const char *written)
{
	return strstr(written, "://") || kremote_is_file(written) || kremote_is_repo(written);
}

char *kremote_shown(const char *path)
{
	const char *scheme = strstr(path, "://");
	const char *rest = scheme && strcspn(path, "?#") > (size_t)(scheme - path) ?
			   scheme + 3 : path;
	size_t host = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', host);
	const char *from = at ? at + 1 : rest;
	int len = (int)strcspn(from, "?#");

	return xasprintf("%.*s%.*s", (int)(rest - path), path,
			 len < 120 ? len : 120, from);
}
