/*
 * SSH URLs: ssh://user@host:port/path and git's short form user@host:path. The path
 * becomes an argument of a program on the server, so what that could take for an
 * option, and what a shell there must never see, is refused. Pure.
 */
#include "core/fetch.h"

#include "core/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SSH_PORT 22

bool repo_url_is_scp(const char *url)
{
	const char *at = strchr(url, '@'), *colon, *slash;

	if (strstr(url, "://") || !at)
		return false;
	/* In "user@[::1]:path" the colons of the address do not count. */
	colon = at[1] == '[' ? strstr(at, "]:") : strchr(at, ':');
	slash = strchr(url, '/');
	return colon && (!slash || colon < slash);
}

bool repo_url_is_ssh(const char *url)
{
	return !strncasecmp(url, "ssh://", 6) || repo_url_is_scp(url);
}

static int refuse(const char *url, const char *why, struct err *err)
{
	_cleanup_free_ char *shown = repo_url_shown(url);

	return err_set(err, ERR_INVALID, "repository URL %s: %s", shown, why);
}

static int hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

bool repo_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		char c = *s;

		if (c == '%') {
			int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);

			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			s += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return false;
		*to++ = c;
	}
	*to = '\0';
	return true;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static int parse_host(struct ssh_place *p, const char *s, size_t len,
		      const char *url, struct err *err)
{
	const char *end = s + len, *colon;
	unsigned long port = SSH_PORT;
	char *rest = NULL;

	if (len && *s == '[') {
		const char *close = memchr(s, ']', len);

		if (!close || (close + 1 < end && close[1] != ':'))
			return refuse(url, "a \"[\" without its \"]\"", err);
		p->host = xstrndup(s + 1, (size_t)(close - s) - 1);
		colon = close + 1 < end ? close + 1 : NULL;
	} else {
		colon = memchr(s, ':', len);
		p->host = xstrndup(s, (size_t)((colon ? colon : end) - s));
	}
	if (!*p->host || *p->host == '-')
		return refuse(url, "it has no host", err);
	if (colon && colon + 1 < end)
		port = isdigit((unsigned char)colon[1]) ?
		       strtoul(colon + 1, &rest, 10) : 0;
	if (!port || port > 65535 || (rest && rest != end))
		return refuse(url, "the port must be a number from 1 to 65535", err);
	p->port = (unsigned)port;
	return 0;
}

static int parse_path(struct ssh_place *p, const char *path, bool escaped,
		      const char *url, struct err *err)
{
	/* As git does: /~x is a home folder. */
	p->path = xstrdup(path[0] == '/' && path[1] == '~' ? path + 1 : path);
	if (escaped && !repo_unescape(p->path))
		return refuse(url, "the path is not escaped well", err);
	if (!*p->path || !strcmp(p->path, "/"))
		return refuse(url, "it names no repository", err);
	if (*p->path == '-')
		return refuse(url, "the path begins with '-'", err);
	return 0;
}

int ssh_place_parse(struct ssh_place *p, const char *url, struct err *err)
{
	bool scp = repo_url_is_scp(url);
	const char *host = scp ? url : url + 6, *end, *at;
	int rc;

	*p = (struct ssh_place){ 0 };
	if (!repo_url_is_ssh(url))
		return refuse(url, "it is no SSH URL", err);
	end = scp ? url + strlen(url) : host + strcspn(host, "/");
	at = scp ? strchr(host, '@') : memrchr(host, '@', (size_t)(end - host));
	p->user = at && at > host ? xstrndup(host, (size_t)(at - host)) :
				    xstrdup("git");
	host = at ? at + 1 : host;
	if (scp)
		end = *host == '[' ? strstr(host, "]:") + 1 : strchr(host, ':');
	rc = *p->user == '-' || strpbrk(p->user, ":") ?
	     refuse(url, "the user's name must be a name alone: keys go into a Secret", err) :
	     parse_host(p, host, (size_t)(end - host), url, err);
	if (!rc)
		rc = parse_path(p, scp ? end + 1 : end, !scp, url, err);
	if (rc)
		ssh_place_deinit(p);
	return rc;
}

void ssh_place_deinit(struct ssh_place *p)
{
	free(p->user);
	free(p->host);
	free(p->path);
	*p = (struct ssh_place){ 0 };
}
