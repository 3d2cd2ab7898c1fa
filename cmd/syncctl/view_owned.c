/*
 * What an application's objects made, by ownerReferences. These say what whoever wrote them
 * liked: objects that own each other are looked at once each.
 */
#include "views.h"

#include "core/mem.h"

#define ROUNDS 8		/* as deep as it goes */

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

struct owned {
	const json_t *app, *children;
	bool *is;		/* of each child */
};

/* Is it one of the application's objects, or of what was found to be made? */
static bool is_ours(const struct owned *w, const char *kind, const char *ns, const char *name)
{
	const json_t *r;
	size_t i;

	json_array_foreach(doc_get(w->app, "status", "resources", NULL), i, r)
		if (!strcmp(text(r, "kind"), kind) && !strcmp(text(r, "name"), name) &&
		    !strcmp(text(r, "namespace"), ns))
			return true;
	json_array_foreach((json_t *)w->children, i, r)
		if (w->is[i] && strcmp(kind, "Pod") && !strcmp(text(r, "kind"), kind) &&
		    !strcmp(text(doc_get(r, "metadata", NULL), "name"), name) &&
		    !strcmp(text(doc_get(r, "metadata", NULL), "namespace"), ns))
			return true;
	return false;
}

static bool has_owner(const struct owned *w, const json_t *o)
{
	const json_t *meta = doc_get(o, "metadata", NULL), *owner;
	size_t i;

	json_array_foreach(doc_get(meta, "ownerReferences", NULL), i, owner)
		if (*text(owner, "kind") && *text(owner, "name") &&
		    is_ours(w, text(owner, "kind"), text(meta, "namespace"), text(owner, "name")))
			return true;
	return false;
}

json_t *view_owned(const json_t *children, const json_t *app)
{
	_cleanup_free_ bool *is = xcalloc(json_array_size(children) + 1, sizeof(*is));
	struct owned w = { app, children, is };
	json_t *list = json_array(), *o;
	bool more = true;
	size_t i;

	for (int round = 0; more && round < ROUNDS; round++) {
		more = false;
		json_array_foreach((json_t *)children, i, o) {
			if (is[i] || !has_owner(&w, o))
				continue;
			is[i] = more = true;
		}
	}
	json_array_foreach((json_t *)children, i, o)
		if (is[i])
			json_array_append(list, o);
	return list;
}
