/* What an object's annotations say of who has it and what may become of it. */
#include "sync/live.h"

/* Up to the separator, which must be there; *s moves behind it. */
static char *take(const char **s, char separator)
{
	const char *end = strchr(*s, separator);
	char *part;

	if (!end)
		return NULL;
	part = xstrndup(*s, (size_t)(end - *s));
	*s = end + 1;
	return part;
}

/* Split at the first separators only. */
int tracking_parse(const char *id, char **ret_app, char **ret_group,
		   char **ret_kind, char **ret_ns, char **ret_name)
{
	_cleanup_free_ char *app = take(&id, ':');
	_cleanup_free_ char *group = app ? take(&id, '/') : NULL;
	_cleanup_free_ char *kind = group ? take(&id, ':') : NULL;
	_cleanup_free_ char *ns = kind ? take(&id, '/') : NULL;

	/* A name may hold ':' (RBAC); nothing before it may. */
	if (!ns || !app[0] || !kind[0] || !id[0] || strchr(group, ':') ||
	    strchr(kind, '/') || strchr(ns, ':'))
		return -1;
	*ret_app = steal(&app);
	*ret_group = steal(&group);
	*ret_kind = steal(&kind);
	*ret_ns = steal(&ns);
	*ret_name = xstrdup(id);
	return 0;
}

/* One of a list with commas and spaces, in full. */
static bool has_option(const char *list, const char *option)
{
	size_t n = strlen(option);

	for (const char *s = list; s; s = strchr(s, ',')) {
		s += strspn(s, ", ");
		if (!strncmp(s, option, n) && !s[n + strspn(s + n, " ")])
			return true;
		if (!strncmp(s, option, n) && s[n + strspn(s + n, " ")] == ',')
			return true;
	}
	return false;
}

bool tracking_keeps(const json_t *object, const char *option)
{
	const json_t *notes = doc_get(object, "metadata", "annotations", NULL);
	const char *options = doc_get_str(notes, "argocd.argoproj.io/sync-options", NULL);
	const char *helm = doc_get_str(notes, "helm.sh/resource-policy", NULL);

	return has_option(options, option) || has_option(helm, "keep");
}
