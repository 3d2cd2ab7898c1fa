/*
 * The objects of an application: `syncctl resources`, and the tree of what they made.
 */
#include "views.h"

#include <ctype.h>

#include "core/mem.h"
#include "health/health.h"

#define MAX_DEPTH 8

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

static enum view_colour sync_colour(const char *status)
{
	return !strcmp(status, "Synced") ? VIEW_GREEN :
	       !strcmp(status, "OutOfSync") ? VIEW_YELLOW : VIEW_FAINT;
}

static void add_health(struct view_table *t, const char *status)
{
	enum view_colour colour = VIEW_FAINT;

	if (*status)
		view_health_sign(status, &colour);
	view_table_add(t, colour, status);
}

static void add_resource(struct view_table *t, const json_t *r)
{
	const char *message = doc_get_str(r, "health", "message", NULL);
	const char *health = doc_get_str(r, "health", "status", NULL);
	bool prune = doc_get_bool(r, false, "requiresPruning", NULL);
	_cleanup_free_ char *wave = xasprintf("%lld",
		(long long)doc_get_int(r, 0, "syncWave", NULL));

	view_table_add(t, VIEW_PLAIN, text(r, "group"));
	view_table_add(t, VIEW_PLAIN, text(r, "kind"));
	view_table_add(t, VIEW_PLAIN, text(r, "namespace"));
	view_table_add(t, VIEW_PLAIN, text(r, "name"));
	view_table_add(t, VIEW_PLAIN, wave);
	view_table_add(t, sync_colour(text(r, "status")),
		       doc_get_bool(r, false, "hook", NULL) ? "Hook" : text(r, "status"));
	add_health(t, health ? health : "");
	view_table_add(t, VIEW_PLAIN, message ? message : prune ? "not in Git any more" : "");
}

void view_resources(const json_t *app, const struct view_env *env, struct buf *out)
{
	const json_t *list = doc_get(app, "status", "resources", NULL), *r;
	int64_t total = doc_get_int(app, 0, "status", "syncd", "resourceCount", NULL);
	size_t n = json_array_size(list), i;
	struct view_table t;

	if (!n) {
		buf_adds(out, "no objects\n");
		return;
	}
	view_table_init(&t, "GROUP", "KIND", "NAMESPACE", "NAME", "WAVE", "SYNC", "HEALTH",
			"MESSAGE", NULL);
	json_array_foreach((json_t *)list, i, r)
		add_resource(&t, r);
	view_table_print(&t, env, out);
	view_table_deinit(&t);
	if (total > (int64_t)n)
		buf_addf(out, "%zu of %lld: those that are unwell or out of sync\n", n,
			 (long long)total);
}

void view_object_names(const json_t *rows, struct buf *out)
{
	const json_t *r;
	size_t i;

	json_array_foreach((json_t *)rows, i, r) {
		_cleanup_free_ char *kind = xstrdup(text(r, "kind"));

		for (char *s = kind; *s; s++)
			*s = (char)tolower((unsigned char)*s);
		view_clean(out, kind);
		if (*text(r, "group"))
			buf_addc(out, '.');
		view_clean(out, text(r, "group"));
		buf_addc(out, '/');
		view_clean(out, text(r, "name"));
		buf_addc(out, '\n');
	}
}

void view_orphans(const json_t *app, const struct view_env *env, struct buf *out)
{
	const json_t *syncd = doc_get(app, "status", "syncd", NULL), *r;
	const json_t *list = doc_get(syncd, "orphanedObjects", NULL);
	int64_t n = doc_get_int(syncd, 0, "orphaned", "count", NULL);
	int64_t unread = doc_get_int(syncd, 0, "orphaned", "unread", NULL);
	struct view_table t;
	size_t i;

	if (!doc_get(syncd, "orphaned", NULL)) {
		buf_adds(out, "nothing is known: its AppProject has no spec.orphanedResources, or "
			      "it was not looked for yet\n");
		return;
	}
	view_table_init(&t, "GROUP", "KIND", "NAMESPACE", "NAME", NULL);
	json_array_foreach((json_t *)list, i, r) {
		view_table_add(&t, VIEW_PLAIN, text(r, "group"));
		view_table_add(&t, VIEW_PLAIN, text(r, "kind"));
		view_table_add(&t, VIEW_PLAIN, text(r, "namespace"));
		view_table_add(&t, VIEW_PLAIN, text(r, "name"));
	}
	if (n)
		view_table_print(&t, env, out);
	else
		buf_adds(out, "no orphaned objects\n");
	view_table_deinit(&t);
	if (n > (int64_t)json_array_size(list))
		buf_addf(out, "%zu of %lld\n", json_array_size(list), (long long)n);
	if (unread)
		buf_addf(out, "%lld kind%s not counted: syncd may not list %s there\n",
			 (long long)unread, unread > 1 ? "s are" : " is",
			 unread > 1 ? "them" : "it");
}

/* ---- the tree ---- */

struct tree {
	const json_t *children;
	bool *seen;		/* of each child: what it made was looked at */
	const struct view_env *env;
	struct view_table t;
};

static const char *name_of(const json_t *o)
{
	const char *s = doc_get_str(o, "metadata", "name", NULL);

	return s ? s : "";
}

static bool is_owned_by(const json_t *o, const char *kind, const char *ns,
			const char *name)
{
	const char *its = doc_get_str(o, "metadata", "namespace", NULL);
	const json_t *owners = doc_get(o, "metadata", "ownerReferences", NULL), *r;
	size_t i;

	if (!its || strcmp(its, ns))
		return false;
	json_array_foreach((json_t *)owners, i, r)
		if (!strcmp(text(r, "kind"), kind) && !strcmp(text(r, "name"), name))
			return true;
	return false;
}

/* An old ReplicaSet without pods says nothing. */
static bool is_shown(const json_t *o)
{
	return strcmp(text(o, "kind"), "ReplicaSet") ||
	       doc_get_int(o, 0, "spec", "replicas", NULL) > 0;
}

static size_t count_children(const struct tree *tr, const char *kind, const char *ns,
			     const char *name)
{
	size_t i, n = 0;
	json_t *o;

	json_array_foreach((json_t *)tr->children, i, o)
		n += is_shown(o) && is_owned_by(o, kind, ns, name);
	return n;
}

static void add_row(struct tree *tr, const char *prefix, const char *branch,
		    const char *kind, const char *name, const char *sync,
		    const char *health, const char *message, const char *since)
{
	_cleanup_free_ char *first = xasprintf("%s%s%s/%s", prefix, branch, kind, name);
	_cleanup_buf_ struct buf age = BUF_INIT;

	view_age(&age, tr->env, since);
	view_table_add(&tr->t, VIEW_PLAIN, first);
	view_table_add(&tr->t, sync_colour(sync), sync);
	add_health(&tr->t, health);
	view_table_add(&tr->t, VIEW_PLAIN, buf_str(&age));
	view_table_add(&tr->t, VIEW_PLAIN, message);
}

static void add_children(struct tree *tr, const char *prefix, const char *kind,
			 const char *ns, const char *name, int depth)
{
	size_t left = depth < MAX_DEPTH ? count_children(tr, kind, ns, name) : 0, i;
	json_t *o;

	json_array_foreach((json_t *)tr->children, i, o) {
		_cleanup_free_ char *below = NULL;
		_cleanup_json_ json_t *judged = NULL, *one = NULL;
		const json_t *j;

		if (!left || !is_shown(o) || !is_owned_by(o, kind, ns, name))
			continue;
		left--;
		one = json_pack("[O]", o);
		judged = view_health_judge(one);
		j = json_array_get(judged, 0);
		add_row(tr, prefix, left ? "├─ " : "└─ ", text(o, "kind"), name_of(o), "",
			text(j, "status"), text(j, "message"),
			doc_get_str(o, "metadata", "creationTimestamp", NULL));
		below = xasprintf("%s%s", prefix, left ? "│  " : "   ");
		if (tr->seen[i])	/* owners may go round in a circle */
			continue;
		tr->seen[i] = true;
		add_children(tr, below, text(o, "kind"), ns, name_of(o), depth + 1);
	}
}

void view_tree(const json_t *app, const json_t *children, const struct view_env *env,
	       struct buf *out)
{
	const json_t *list = doc_get(app, "status", "resources", NULL), *r;
	_cleanup_free_ bool *seen = xcalloc(json_array_size(children) + 1, sizeof(*seen));
	struct tree tr = { .children = children, .env = env, .seen = seen };
	size_t i;

	view_table_init(&tr.t, "OBJECT", "SYNC", "HEALTH", "AGE", "MESSAGE", NULL);
	json_array_foreach((json_t *)list, i, r) {
		const char *health = doc_get_str(r, "health", "status", NULL);
		const char *message = doc_get_str(r, "health", "message", NULL);

		add_row(&tr, "", "", text(r, "kind"), text(r, "name"), text(r, "status"),
			health ? health : "", message ? message : "", NULL);
		add_children(&tr, "", text(r, "kind"), text(r, "namespace"),
			     text(r, "name"), 0);
	}
	view_table_print(&tr.t, env, out);
	view_table_deinit(&tr.t);
}

/* ---- why an object is unwell ---- */

#define MAX_LEAVES 10

struct leaves {
	struct tree *tr;
	size_t shown, left;
};

static bool is_unwell(const char *status)
{
	return *status && strcmp(status, "Healthy") && strcmp(status, "Suspended");
}

static void add_leaf(struct leaves *l, const json_t *o, const struct health *h)
{
	_cleanup_free_ char *name = xasprintf("  %s %s/%s", text(o, "kind"),
		doc_get_str(o, "metadata", "namespace", NULL), name_of(o));

	if (l->shown == MAX_LEAVES) {
		l->left++;
		return;
	}
	l->shown++;
	view_table_add(&l->tr->t, VIEW_PLAIN, name);
	add_health(&l->tr->t, health_str(h->status));
	view_table_add(&l->tr->t, VIEW_PLAIN, h->message);
}

/* The unwell that an object made, without those that only say it of their own. */
static size_t find_leaves(struct leaves *l, const char *kind, const char *ns,
			  const char *name, int depth)
{
	size_t i, n = 0;
	json_t *o;

	json_array_foreach((json_t *)l->tr->children, i, o) {
		struct health h;

		if (depth >= MAX_DEPTH || !is_shown(o) ||
		    !is_owned_by(o, kind, ns, name))
			continue;
		h = health_assess(o);
		if (!is_unwell(health_str(h.status)))
			continue;
		n++;
		if (l->tr->seen[i])
			continue;
		l->tr->seen[i] = true;
		if (!find_leaves(l, text(o, "kind"), ns, name_of(o), depth + 1))
			add_leaf(l, o, &h);
	}
	return n;
}

bool view_is_unwell(const json_t *app)
{
	const json_t *list = doc_get(app, "status", "resources", NULL), *r;
	size_t i;

	json_array_foreach((json_t *)list, i, r) {
		const char *status = doc_get_str(r, "health", "status", NULL);

		if (status && is_unwell(status))
			return true;
	}
	return false;
}

void view_leaves(const json_t *app, const json_t *children, const struct view_env *env,
		 struct buf *out)
{
	const json_t *list = doc_get(app, "status", "resources", NULL), *r;
	_cleanup_free_ bool *seen = xcalloc(json_array_size(children) + 1, sizeof(*seen));
	struct tree tr = { .children = children, .env = env, .seen = seen,
			   .t = { .columns = 3 } };
	struct leaves l = { .tr = &tr };
	size_t i;

	json_array_foreach((json_t *)list, i, r) {
		const char *status = doc_get_str(r, "health", "status", NULL);

		if (status && is_unwell(status))
			find_leaves(&l, text(r, "kind"), text(r, "namespace"),
				    text(r, "name"), 0);
	}
	if (l.shown)
		buf_adds(out, "\nBecause\n");
	view_table_print(&tr.t, env, out);
	view_table_deinit(&tr.t);
	if (l.left)
		buf_addf(out, "  and %zu more: syncctl tree\n", l.left);
}
