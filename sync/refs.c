#include "refs.h"

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
		if (is_changed(&(struct objkey){ "", ref, ns, slash + 1 }, arg))
			return true;
	}
	return false;
}
