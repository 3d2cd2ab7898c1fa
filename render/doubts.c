/*
 * doubts.c - annotations that were meant and are not: a sync option that nobody knows,
 * a key that is one of Argo CD's but for a hyphen or an "s". Argo CD says nothing of
 * them, so that an object with Prune=flase goes. Of our own (docs/annotations.md) each
 * that is not known is named; an Application's are judged where it is read
 * (sync/app_options.c).
 */
#include <ctype.h>

#include "render_priv.h"

#define ARGO "argocd.argoproj.io/"
#define OPTIONS ARGO "sync-options"
#define OURS "syncd.dev/"

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

enum whose { OF_ALL, OF_APPLICATIONS, OF_PROJECTS };

/* What syncd writes itself is among them: an export carries it along. */
static const struct {
	const char *name;
	enum whose whose;
} ours[] = {
	{ "health-after", OF_ALL }, { "revert-on", OF_ALL }, { "prune", OF_ALL },
	{ "reversible", OF_ALL }, { "recreate-on-immutable", OF_ALL }, { "service", OF_ALL },
	{ "secret-from", OF_ALL }, { "secret-placeholder", OF_ALL }, { "secret-to", OF_ALL },
	{ "restart-on-secrets", OF_ALL }, { "secrets-digest", OF_ALL },
	{ "lint-ignore", OF_ALL }, { "operation", OF_ALL }, { "application", OF_ALL },
	{ "push", OF_ALL }, { "push-at", OF_ALL }, { "since", OF_ALL },
	{ "auto-revert", OF_PROJECTS }, { "soak", OF_PROJECTS },
	{ "wave-deadline", OF_PROJECTS }, { "hook-deadline", OF_PROJECTS },
	{ "degraded-grace", OF_PROJECTS }, { "pull-grace", OF_PROJECTS },
	{ "crash-grace", OF_PROJECTS }, { "deploy-control", OF_PROJECTS },
	{ "environment", OF_PROJECTS },
	{ "depends-on", OF_APPLICATIONS }, { "pin", OF_APPLICATIONS },
	{ "suspend", OF_APPLICATIONS }, { "state", OF_APPLICATIONS },
	{ "prune-approved", OF_APPLICATIONS }, { "approved", OF_APPLICATIONS },
	{ "approved-by", OF_APPLICATIONS }, { "approved-at", OF_APPLICATIONS },
	{ "approved-until", OF_APPLICATIONS }, { "approved-revision", OF_APPLICATIONS },
	{ "approved-reason", OF_APPLICATIONS },
};

static void doubt_ours(struct collect *c, const struct rendered *o, const char *key,
		       const char *where)
{
	bool project = !strcmp(o->kind, "AppProject") && !strcmp(o->group, "argoproj.io");
	const char *name = key + strlen(OURS), *meant = NULL;

	if (strncmp(key, OURS, strlen(OURS)) != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (is_alike(name, ours[i].name))
			meant = ours[i].name;
		if (strcmp(name, ours[i].name) != 0)
			continue;
		if (ours[i].whose == OF_APPLICATIONS || (ours[i].whose && !project))
			collect_warn(c, "%s: %s/%.100s: annotation %.80s has no effect here: it "
				     "is for an Application%s", where, o->kind, o->name, key,
				     ours[i].whose == OF_PROJECTS ? " or AppProject" : "");
		return;
	}
	if (meant)
		collect_warn(c, "%s: %s/%.100s: annotation %.80s has no effect: did you mean " OURS
			     "%s?", where, o->kind, o->name, key, meant);
	else
		collect_warn(c, "%s: %s/%.100s: annotation %.80s is not known and has no effect",
			     where, o->kind, o->name, key);
}

static bool is_application(const struct rendered *o)
{
	return !strcmp(o->kind, "Application") && !strcmp(o->group, "argoproj.io");
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
	for (uint32_t i = 0; i + 1 < notes->len; i += 2) {
		if (notes->kids[i]->kind != NODE_SCALAR)
			continue;
		doubt_key(c, o, notes->kids[i]->text, where);
		if (!is_application(o))
			doubt_ours(c, o, notes->kids[i]->text, where);
	}
}
