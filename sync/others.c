/*
 * What a plan of one application asks about the others: an object that moves from
 * one to another is handed over alive. The one that lost it never deletes what
 * another's release has; the one that has it now waits until the first has let go.
 * An application whose wish is not known yet is taken to want what it has. And what a
 * deletion asks: Applications that have each other among their objects would wait for
 * each other for ever.
 */
#include "app_priv.h"
#include "others.h"
#include "settings.h"

#include <stdlib.h>

#define OTHERS_MS 30000
#define OTHERS_STEP_MS 250

static int compare_rendered(const void *key, const void *object)
{
	const struct objkey *k = key;
	const struct rendered *r = object;
	struct objkey there = { r->group, r->kind, r->ns, r->name };

	return objkey_cmp(k, &there);
}

static bool has_exactly(const struct rel *rel, struct objkey k, const char *ns)
{
	const struct rendered *r;

	k.ns = ns;
	r = bsearch(&k, rel->a.objects, rel->a.n_objects, sizeof(*rel->a.objects),
		    compare_rendered);
	return r && !(r->flags & (OBJ_HOOK | OBJ_SKIP));
}

/* A manifest may leave its namespace out, or give one to a kind that has none. */
static bool has(const struct app *a, const struct rel *rel, const struct objkey *k)
{
	if (!rel || !rel->a.n_objects)
		return false;
	if (has_exactly(rel, *k, k->ns))
		return true;
	if (!k->ns[0])
		return has_exactly(rel, *k, a->spec.dest_ns);
	return !strcmp(k->ns, a->spec.dest_ns) && has_exactly(rel, *k, "");
}

/* What it wants is on its way: fetched, or rendered, or to be. */
static bool is_unsettled(const struct app *a)
{
	struct err why;

	if (!a->revs.len || sources_error(a, &why) || app_is_refused(a))
		return false;
	return *a->rendering || sources_fetching(a) || !sources_at(a, a->rendered) ||
	       strcmp(a->rendered_source, sources_wanted(a)->digest);
}

static const struct rel *wish_of(const struct app *a)
{
	return a->head && !a->head_err.code ? a->head : a->target;
}

/*
 * What it wants, also what it has to wait with: a service that is held, a Secret whose
 * source is being read.
 */
static bool wants(const struct app *a, const struct objkey *k)
{
	return has(a, wish_of(a), k) || (!a->head_err.code && has(a, a->raw, k));
}

static const char *wanted_by(void *arg, const struct objkey *k)
{
	const struct app *self = arg;
	struct app *a, *next;

	HASH_ITER(hh, self->engine->apps, a, next)
		if (a != self && a->present && !a->spec.deleting && wants(a, k))
			return a->app_id;
	return NULL;
}

bool engine_reads_elsewhere(const struct engine *e, char *const *ns)
{
	bool all = !strcmp(*ns, "*");

	for (char **other = e->app_namespaces; *other; other++)
		if ((!all && !strcmp(*other, "*")) ||
		    ((char *const *)other < ns && !strcmp(*other, *ns)))
			return true;
	return false;
}

/* Do we read the Applications of the namespace that the id names? */
static bool is_served(const struct engine *e, const char *app_id)
{
	const char *bar = strchr(app_id, '_');
	size_t n = bar ? (size_t)(bar - app_id) : strlen(CONTROL_NAMESPACE);
	const char *ns = bar ? app_id : CONTROL_NAMESPACE;

	for (char **s = e->app_namespaces; *s; s++)
		if (!strcmp(*s, "*") || (strlen(*s) == n && !strncmp(*s, ns, n)))
			return true;
	return false;
}

bool app_id_is_gone(struct engine *e, const char *app_id)
{
	const struct app *a = app_find_by_app_id(e, app_id);

	return !(a && a->present) && is_served(e, app_id);
}

bool app_wanted_there(struct engine *e, const struct objkey *k)
{
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next)
		if (a->present && (!a->rec.target || !strcmp(a->spec.dest_ns, k->ns)) &&
		    wants(a, k))
			return true;
	return false;
}

static enum tenure tenure(void *arg, const char *app_id, const struct objkey *k)
{
	struct app *self = arg, *a = app_find_by_app_id(self->engine, app_id);

	if (!a || !a->present)
		return is_served(self->engine, app_id) ? TENURE_FREE : TENURE_HELD;
	if (a->spec.deleting)
		return TENURE_LEAVING;
	if (is_unsettled(a))
		return TENURE_LEAVING;
	if (wants(a, k) || !wish_of(a) || app_is_refused(a) ||
	    a->rec_broken || (a->rec.target && a->target_id != a->rec.target))
		return TENURE_HELD;
	if (!has(a, a->target, k))
		return TENURE_FREE;
	return a->rec.pin_why ? TENURE_HELD : TENURE_LEAVING;
}

static bool kind_is_served(void *arg, const char *group, const char *kind)
{
	const struct app *a = arg;

	return discovery_find(a->engine->discovery, group, NULL, kind);
}

/* ---- Applications that have each other among their objects ---- */

/* The Application of the entry, where its own deletion waits for its objects. */
static struct app *waiting(struct engine *e, const char *ns, const char *name,
			   const char *uid)
{
	_cleanup_free_ char *id = xasprintf("%s/%s", ns, name);
	struct app *a;

	HASH_FIND_STR(e->apps, id, a);
	return a && a->present && a->spec.deleting && a->spec.cascade != CASCADE_NONE &&
	       !strcmp(a->spec.uid, uid) ? a : NULL;
}

/* Of a ring one link at least leads back in time, or in the alphabet: that one is cut. */
static bool began_before(const struct app *a, const struct app *b)
{
	return a->spec.deleting_ms != b->spec.deleting_ms ?
	       a->spec.deleting_ms < b->spec.deleting_ms : strcmp(a->id, b->id) < 0;
}

/* Each application is looked into once. */
static bool reaches(struct app *from, const struct app *to)
{
	VEC(struct app *) todo = { 0 };
	unsigned walk = ++from->engine->walks;
	bool found = false;

	from->walked = walk;
	vec_push(&todo, from);
	while (todo.len && !found) {
		const struct app *a = todo.data[--todo.len];

		for (size_t i = 0; i < a->rec.inventory.len && !found; i++) {
			const struct inv_entry *e = &a->rec.inventory.data[i];
			struct app *next = !strcmp(e->kind, "Application") &&
					   !strcmp(e->group, "argoproj.io") ?
				waiting(a->engine, e->ns, e->name, e->uid) : NULL;

			found = next == to;
			if (!next || next->walked == walk)
				continue;
			next->walked = walk;
			vec_push(&todo, next);
		}
	}
	vec_deinit(&todo);
	return found;
}

static bool awaits_us(void *arg, const struct objkey *k, const char *uid)
{
	struct app *self = arg, *a = waiting(self->engine, k->ns, k->name, uid);

	return a && a != self && began_before(a, self) && reaches(a, self);
}

void app_tell_ring(struct app *a, const struct task *t)
{
	engine_log(a->engine, LOG_INFO, a, "the Application is deleted without waiting for "
		   "Application %s/%s: that one is being deleted since before, and waits for "
		   "this one, which is among its objects", t->key.ns, t->key.name);
	engine_event(a->engine, a, "Normal", "DeletionRing", "its deletion does not wait for "
		     "Application %s/%s, whose own deletion waits for this one: they have each "
		     "other among their objects", t->key.ns, t->key.name);
}

void app_plan_rules(struct app *a, struct plan_rules *r, struct plan_input *in)
{
	const struct release *target = record_release(&a->rec, a->rec.target);
	const struct app_spec *s = &a->spec;
	int64_t asked = s->deleting ? s->deleting_ms :
			target ? target->deployed_ms : 0;

	r->others = (struct plan_others){
		.wanted_by = wanted_by, .tenure = tenure,
		.is_served = kind_is_served, .awaits_us = awaits_us, .arg = a,
	};
	r->policy = (struct prune_policy){
		.going = s->deleting, .unlimited = s->deleting,
		.keep = s->options & (s->deleting ? OPT_DELETE_FALSE :
						    OPT_PRUNE_FALSE),
		.confirm = s->options & (s->deleting ? OPT_DELETE_CONFIRM :
						       OPT_PRUNE_CONFIRM),
		/* Argo CD writes whole seconds. */
		.confirmed = asked && s->deletion_approved_ms / 1000 >= asked / 1000,
		.allow_empty = s->allow_empty, .self_uid = s->uid,
	};
	in->shared_allowed = s->options & OPT_SHARED_ALLOWED;
	in->exclude = settings_exclude(a->engine);
	in->prune_unsure = app_exclude_unsure(a);
	in->policy = &r->policy;
	in->others = &r->others;
}

enum tenure app_tenure(struct app *a, const char *app_id, const struct objkey *k)
{
	return tenure(a, app_id, k);
}

/* Its repository is ours, too, and was not asked since: one push may concern both. */
static bool is_unasked(const struct app *a, const struct app *other, uint64_t since)
{
	for (size_t i = 0; i < other->revs.len; i++) {
		const struct repo_rev *rev = other->revs.data[i].rev;

		for (size_t k = 0; k < a->revs.len; k++)
			if (a->revs.data[k].rev->repo == rev->repo &&
			    !rev->err.code && source_polled_at(rev) < since)
				return true;
	}
	return false;
}

static bool all_settled(const struct app *a, uint64_t since)
{
	struct app *other, *next;

	HASH_ITER(hh, a->engine->apps, other, next)
		if (other != a && other->present &&
		    (is_unsettled(other) || is_unasked(a, other, since)))
			return false;
	return true;
}

bool app_waits_for_others(struct app *a)
{
	uint64_t now = world_now(a->engine->w);

	if (!a->others_since) {
		a->others_since = now;
		if (HASH_COUNT(a->engine->apps) > 1)
			sources_poll_now(a);
	}
	if (all_settled(a, a->others_since) || now >= a->others_since + OTHERS_MS) {
		a->others_since = 0;
		return false;
	}
	app_poke_at(a, now + OTHERS_STEP_MS);
	return true;
}
