/*
 * remote.c - paths that Kustomize would fetch from elsewhere.
 *
 * A release must be what the commit holds; what a URL gives tomorrow is another
 * thing. Kustomize takes some paths for repositories even where a folder of that
 * name exists, so they are known by their look.
 */
#include <strings.h>

#include "render_priv.h"

static bool begins(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

bool is_remote(const char *path)
{
	static const char *const prefixes[] = { "git::", "git@", "gh:", "github.com/",
						"github.com:", "www.github.com/" };

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (begins(path, prefixes[i]))
			return true;
	}
	if (strstr(path, "://") || strchr(path, '?'))
		return true;
	return strchr(path, '@') && strchr(path, ':');
}

char *remote_shown(const char *path)
{
	const char *scheme = strstr(path, "://");
	const char *rest = scheme ? scheme + 3 : path;
	size_t host = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', host);
	const char *from = at ? at + 1 : rest;
	int len = (int)strcspn(from, "?#");

	return xasprintf("%.*s%.*s", scheme ? (int)(rest - path) : 0, path,
			 len < 120 ? len : 120, from);
}
