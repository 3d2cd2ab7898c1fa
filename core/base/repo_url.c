/*
 * Repository URLs: which are allowed, one spelling for comparing, a folder name,
 * and what an HTTP status of a Git server means. Pure.
 */
#include "core/fetch.h"

#include "core/doc.h"
#include "core/mem.h"
#include "core/utf8.h"

#include <ctype.h>
#include <stdio.h>

#define URL_MAX 2048

static bool has_scheme(const char *url, const char *scheme)
{
	return !strncasecmp(url, scheme, strlen(scheme));
}

/* The "user:password@" before the host: where it starts and ends; NULL: none. */
static const char *find_user(const char *url, const char **end)
{
	const char *start = strstr(url, "://"), *at = NULL;

	if (!start)
		return NULL;
	start += 3;
	for (const char *p = start; *p && *p != '/' && *p != '?' && *p != '#'; p++)
		if (*p == '@')
			at = p;
	if (at)
		*end = at + 1;
	return at ? start : NULL;
}

char *repo_url_shown(const char *url)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *end = NULL, *user = find_user(url, &end);

	if (user) {
		buf_add(&b, url, (size_t)(user - url));
		url = end;
	}
	buf_add(&b, url, strcspn(url, "?"));	/* a query may hold a token */
	return utf8_clean(buf_str(&b), 200);
}

static int check_bytes(const char *url, struct err *err)
{
	static const char allowed[] = "-._~/:@%+,=!*[]";

	for (const char *p = url; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(allowed, *p)) {
			_cleanup_free_ char *shown = repo_url_shown(url);

			return err_set(err, ERR_INVALID,
				       "repository URL %s: character 0x%02x is not allowed; escape it as %%%02X",
				       shown, (unsigned char)*p, (unsigned char)*p);
		}
	return 0;
}

static int check_host(const char *url, struct err *err)
{
	_cleanup_free_ char *shown = repo_url_shown(url);
	const char *end = NULL, *user = find_user(url, &end);
	const char *host = user ? end : strstr(url, "://") + 3;

	if (user && memchr(user, ':', (size_t)(end - user)))
		return err_set(err, ERR_INVALID,
			       "repository URL %s holds a password: put it into a Secret labelled argocd.argoproj.io/secret-type: repository",
			       shown);
	if (!*host || *host == '/' || *host == ':')
		return err_set(err, ERR_INVALID, "repository URL %s has no host",
			       shown);
	return 0;
}

/* ---- one way to write it ---- */

/* Does what stands there mean what a plain character or a separator does? */
static bool is_disguised(const char *escape)
{
	char hex[3] = { escape[1], escape[1] ? escape[2] : '\0', '\0' };
	char *end;
	int c = (int)strtol(hex, &end, 16);

	return end == hex + 2 && c && (isalnum(c) || strchr("-._~/\\", c));
}

static int check_segments(const char *path, const char *shown, struct err *err)
{
	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/");
		bool empty = !n && s[strspn(s, "/")];	/* not at the end */

		if (empty || (n == 1 && *s == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return err_set(err, ERR_INVALID, "repository URL %s: \"%.*s\" is no part "
				       "of a repository's path: write where it leads", shown,
				       empty ? 2 : (int)n, empty ? "//" : s);
		for (const char *p = s; p < s + n; p++)
			if (*p == '%' && is_disguised(p))
				return err_set(err, ERR_INVALID, "repository URL %s: write %.3s "
					       "as the character that it is", shown, p);
		s += n + (s[n] == '/');
	}
	return 0;
}

/* host[:port]: no other spelling of the same one. */
static int check_authority(const char *host, size_t n, const char *shown, struct err *err)
{
	const char *port = memrchr(host, ':', n);

	if (port && memchr(port, ']', n - (size_t)(port - host)))
		port = NULL;	/* of an IPv6 address without one */
	if (memchr(host, '%', n))
		return err_set(err, ERR_INVALID, "repository URL %s: the host holds an escape: "
			       "write it as it is", shown);
	if ((port ? port : host + n) > host && (port ? port : host + n)[-1] == '.')
		return err_set(err, ERR_INVALID, "repository URL %s: the host ends in a dot: "
			       "leave it out", shown);
	if (port && (port + 1 == host + n || port[1] == '0'))
		return err_set(err, ERR_INVALID, "repository URL %s: \"%.*s\" is no port",
			       shown, (int)(host + n - port), port);
	return 0;
}

int repo_url_check_plain(const char *url, struct err *err)
{
	_cleanup_free_ char *shown = repo_url_shown(url);
	_cleanup_free_ char *plain = xstrndup(url, strcspn(url, "?#"));
	const char *end = NULL, *sep = strstr(plain, "://"), *user = find_user(plain, &end);
	const char *host = user ? end : sep ? sep + 3 : plain, *path;
	size_t n;

	if (sep) {
		n = strcspn(host, "/");
		path = host + n + (host[n] == '/');
	} else {	/* user@host:path */
		path = strchr(plain, '@');
		host = path ? path + 1 : plain;
		n = *host == '[' ? strcspn(host, "]") : strcspn(host, ":");
		n += host[n] == ']';
		path = host + n + (host[n] == ':');
		path += *path == '/';
	}
	return check_authority(host, n, shown, err) || check_segments(path, shown, err) ? -1 : 0;
}

static int check_ssh(const char *url, struct err *err)
{
	struct ssh_place place;

	if (ssh_place_parse(&place, url, err))
		return -1;
	ssh_place_deinit(&place);
	return 0;
}

static int check_scheme(const char *url, const char *shown, struct err *err)
{
	if (has_scheme(url, "file://"))
		return url[7] == '/' ? 0 :
			err_set(err, ERR_INVALID,
				"repository URL %s must be file:///an/absolute/path",
				shown);
	if (has_scheme(url, "https://") || has_scheme(url, "http://"))
		return check_host(url, err);
	if (repo_url_is_ssh(url))
		return check_ssh(url, err);
	return err_set(err, ERR_INVALID,
		       "repository URL %s: only https, http, ssh and file are supported",
		       shown);
}

int repo_url_check(const char *url, struct err *err)
{
	_cleanup_free_ char *shown = NULL;

	if (!url || !*url)
		return err_set(err, ERR_INVALID, "the repository URL is empty");
	if (strlen(url) > URL_MAX)
		return err_set(err, ERR_INVALID,
			       "the repository URL is longer than %d bytes", URL_MAX);
	shown = repo_url_shown(url);
	if (*url == '-')
		return err_set(err, ERR_INVALID,
			       "repository URL %s begins with '-'", shown);
	if (check_bytes(url, err) || check_scheme(url, shown, err))
		return -1;
	return repo_url_check_plain(url, err);
}

bool repo_is_raw(const char *url)
{
	return has_scheme(url, REPO_RAW "https://") || has_scheme(url, REPO_RAW "http://");
}

int repo_remote_check(const char *url, struct err *err)
{
	_cleanup_free_ char *shown = NULL, *path = NULL;
	const char *end;

	if (!url || !repo_is_raw(url))
		return repo_url_check(url, err);
	url += strlen(REPO_RAW);
	path = xstrndup(url, strcspn(url, "?"));
	shown = repo_url_shown(url);
	if (strlen(url) > URL_MAX)
		return err_set(err, ERR_INVALID, "the URL %s is longer than %d bytes", shown,
			       URL_MAX);
	if (find_user(url, &end))
		return err_set(err, ERR_INVALID, "the URL %s holds a user: a file is fetched "
			       "without credentials", shown);
	for (const char *p = url + strlen(path); *p; p++)
		if (!isgraph((unsigned char)*p) || *p == '#')
			return err_set(err, ERR_INVALID, "the URL %s: character 0x%02x is not "
				       "allowed; escape it", shown, (unsigned char)*p);
	return repo_url_check(path, err);
}

static size_t trimmed_len(const char *s, size_t len, bool folder)
{
	while (len && s[len - 1] == '/')
		len--;
	/* On a server x and x.git are one; folders may be two. */
	if (!folder && len > 4 && !strncasecmp(s + len - 4, ".git", 4) &&
	    s[len - 5] != '/')
		len -= 4;
	return len;
}

/* Host and port in lower case, without the scheme's own port. */
static void add_host(struct buf *b, const char *scheme, const char *host, size_t len)
{
	const char *port = !strcmp(scheme, "https") ? ":443" :
			   !strcmp(scheme, "http") ? ":80" :
			   !strcmp(scheme, "ssh") ? ":22" : "";
	size_t n = strlen(port);

	if (n && len > n && !memcmp(host + len - n, port, n))
		len -= n;
	for (size_t i = 0; i < len; i++)
		buf_addc(b, (char)tolower((unsigned char)host[i]));
}

/* "git@host:org/r" -> "ssh://git@host/org/r"; "git@host" -> "ssh://git@host". */
static char *scp_as_ssh(const char *url)
{
	const char *host = strchr(url, '@') + 1;
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *path = host + n + (host[n] == ':');

	if (!host[n])
		return xasprintf("ssh://%s", url);
	return xasprintf("ssh://%.*s/%s", (int)(host + n - url), url,
			 *path == '/' ? path + 1 : path);
}

static bool is_short_ssh(const char *url)
{
	return !strstr(url, "://") && strchr(url, '@') &&
	       (repo_url_is_scp(url) || !strpbrk(url, ":/"));
}

char *repo_url_normal(const char *url)
{
	_cleanup_free_ char *ssh = is_short_ssh(url) ? scp_as_ssh(url) : NULL;
	const char *sep, *end = NULL, *host, *user, *path;
	struct buf b = BUF_INIT;
	char scheme[16] = "";

	url = ssh ? ssh : url;
	sep = strstr(url, "://");
	if (!sep || (size_t)(sep - url) >= sizeof(scheme))
		return xstrndup(url, trimmed_len(url, strlen(url), false));
	for (size_t i = 0; url + i < sep; i++)
		scheme[i] = (char)tolower((unsigned char)url[i]);
	user = find_user(url, &end);
	host = user ? end : sep + 3;
	path = host + strcspn(host, "/");
	buf_addf(&b, "%s://", scheme);
	if (!strcmp(scheme, "ssh"))	/* another user may see another folder */
		buf_addf(&b, "%.*s@", user ? (int)(end - 1 - user) : 3,
			 user ? user : "git");
	add_host(&b, scheme, host, (size_t)(path - host));
	buf_add(&b, path, repo_is_raw(url) ? strlen(path) :
		trimmed_len(path, strlen(path), !strcmp(scheme, "file")));
	return buf_steal(&b, NULL);
}

#define KEY_READABLE 40

char *repo_key(const char *url)
{
	_cleanup_free_ char *normal = repo_url_normal(url);
	const char *sep = strstr(normal, "://");
	const char *s = sep ? sep + 3 : normal;
	struct buf b = BUF_INIT;
	char hash[65];

	/* The tail of a long URL says more than its head. */
	if (strlen(s) > KEY_READABLE)
		s += strlen(s) - KEY_READABLE;
	for (; *s; s++) {
		bool plain = isalnum((unsigned char)*s) || *s == '_';

		if (plain)
			buf_addc(&b, (char)tolower((unsigned char)*s));
		else if (b.len && b.data[b.len - 1] != '-')
			buf_addc(&b, '-');
	}
	sha256_hex(normal, strlen(normal), hash);
	if (b.len && b.data[b.len - 1] != '-')
		buf_addc(&b, '-');
	buf_add(&b, hash, 16);
	return buf_steal(&b, NULL);
}

static int auth_error(int status, const char *url, bool has_credentials,
		      struct err *err)
{
	if (has_credentials)
		return err_set(err, ERR_AUTH,
			       "%s refused the credentials (HTTP %d): check the Secret labelled argocd.argoproj.io/secret-type whose url matches",
			       url, status);
	return err_set(err, ERR_AUTH,
		       "%s asks for credentials (HTTP %d): no Secret labelled argocd.argoproj.io/secret-type: repository or repo-creds matches this url",
		       url, status);
}

int repo_http_error(int status, const char *url, bool has_credentials,
		    struct err *err)
{
	_cleanup_free_ char *shown = repo_url_shown(url);

	if (status == 401 || status == 403)
		return auth_error(status, shown, has_credentials, err);
	if (status == 404 || status == 410)
		return err_set(err, ERR_NOTFOUND,
			       "%s: no such repository (HTTP %d): check spec.source.repoURL; a private repository may answer so without credentials",
			       shown, status);
	if (status == 429 || status >= 500)
		return err_set(err, ERR_NET, "%s: the server answered HTTP %d",
			       shown, status);
	if (status >= 300 && status < 400)
		return err_set(err, ERR_INVALID,
			       "%s redirects (HTTP %d) where it may not: write the final URL into spec.source.repoURL",
			       shown, status);
	return err_set(err, ERR_INVALID,
		       "%s: the server answered HTTP %d: check that spec.source.repoURL is a Git repository",
		       shown, status);
}
