/*
 * doubts.c - annotations that were meant and are not: a sync option that nobody knows,
 * a key that is one of Argo CD's but for a hyphen or an "s". Argo CD says nothing of
 * them, so that an object with Prune=flase goes.
 */
#include <ctype.h>

#include "render_priv.h"

#define ARGO "argocd.argoproj.io/"
#define OPTIONS ARGO "sync-options"

static void doubt_options(struct collect *c, const struct rendered *o, const char *list,
			  const char *where)
{
	while (list && *list) {
		size_t n = strcspn(list, ","), from = 0, len = n;

		while (from < len && isspace((unsigned char)list[from]))
			from++;
		while (len > from && isspace((unsigned char)list[len - 1]))
			len--;
		if (len > from && !sync_option_of(list + from, len - from))
			collect_warn(c, "%s: %s/%.100s: " OPTIONS ": \"%.*s\" is not known and "
				     "has no effect", where, o->kind, o->name,
				     (int)(len - from > 60 ? 60 : len - from), list + from);
		list += n + (list[n] == ',');
	}
}

/* Alike but for case, hyphens and a last "s". */
static bool is_alike(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == '-')
			a++;
		while (*b == '-')
			b++;
		if (!*a || !*b)
			return (!*a || !strcmp(a, "s")) && (!*b || !strcmp(b, "s"));
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
	}
}

static void doubt_key(struct collect *c, const struct rendered *o, const char *key,
		      const char *where)
{
	static const char *const keys[] = { "sync-options", "sync-wave", "hook",
		"hook-delete-policy", "compare-options", "ignore-healthcheck" };
	const char *name = key + strlen(ARGO);

	if (strncmp(key, ARGO, strlen(ARGO)) != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!strcmp(name, keys[i]))
			return;
		if (is_alike(name, keys[i]))
			collect_warn(c, "%s: %s/%.100s: annotation %.80s has no effect: did you "
				     "mean " ARGO "%s?", where, o->kind, o->name, key, keys[i]);
	}
}

void annotations_doubt(struct collect *c, const struct rendered *o,
		       const struct node *object, const char *path)
{
	const struct node *notes = node_find(object, "metadata", "annotations", NULL);
	_cleanup_free_ char *where = NULL;

	if (!notes || notes->kind != NODE_MAP)
		return;
	where = xasprintf("%s:%u", path, object->line);
	doubt_options(c, o, node_get_str(notes, OPTIONS), where);
	for (uint32_t i = 0; i + 1 < notes->len; i += 2)
		if (notes->kids[i]->kind == NODE_SCALAR)
			doubt_key(c, o, notes->kids[i]->text, where);
}
