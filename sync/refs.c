#include "refs.h"

static const char *group_of(const char *kind)
{
	return strcmp(kind, "NetworkPolicy") ? "" : "networking.k8s.io";
}

bool refs_changed(const char *refs, const char *ns,
		  bool (*is_changed)(const struct objkey *k, void *arg), void *arg)
{
	_cleanup_free_ char *copy = xstrdup(refs ? refs : "");
	char *rest = copy, *ref;

	while ((ref = strsep(&rest, " "))) {
		char *slash = strchr(ref, '/');

		if (!slash)
			continue;
		*slash = '\0';
		if (is_changed(&(struct objkey){ group_of(ref), ref, ns, slash + 1 }, arg))
			return true;
	}
	return false;
}
