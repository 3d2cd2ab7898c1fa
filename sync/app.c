/*
 * The registry of applications and the tick of one.
 *
 * An application is looked at when something changed: its CR, its revision in
 * Git, one of its objects, a timer. A look (app_look) never blocks: it starts what
 * is due (a render, a load, an operation, a record write) and returns; the end
 * of that pokes again.
 */
#include "app_priv.h"
#include "turns.h"
#include "ignore.h"
#include "others.h"
#include "orphans.h"

#include <stdio.h>

#define TELL_LIVE_MS 250	/* what an operation's objects do, people may hear later */

struct rel *rel_new(void)
{
	struct rel *r = xcalloc(1, sizeof(*r));

	r->refs = 1;
	return r;
}

struct rel *rel_ref(struct rel *r)
{
	if (r)
		r->refs++;
	return r;
}

struct rel *rel_unref(struct rel *r)
{
	if (r && --r->refs == 0) {
		render_answer_deinit(&r->a);
		free(r->said);
		free(r);
	}
	return NULL;
}

void op_result_deinit(struct op_result *r)
{
	free(r->group);
	free(r->version);
	free(r->kind);
	free(r->ns);
	free(r->name);
	free(r->message);
}

void op_view_reset(struct op_view *v)
{
	for (size_t i = 0; i < v->results.len; i++)
		op_result_deinit(&v->results.data[i]);
	vec_deinit(&v->results);
	free(v->message);
	free(v->initiated_by);
	json_decref(v->asked);
	free(v->revisions);
	free(v->sources);
	*v = (struct op_view){ 0 };
}

/* ---- the registry ---- */

static void on_task(struct world_task *t)
{
	app_look(container_of(t, struct app, task));
}

static void on_timer(struct world_timer *t)
{
	app_poke(container_of(t, struct app, timer));
}

struct app *app_get(struct engine *e, const char *ns, const char *name)
{
	_cleanup_free_ char *id = xasprintf("%s/%s", ns, name);
	struct app *a;

	HASH_FIND_STR(e->apps, id, a);
	if (a)
		return a;
	a = xcalloc(1, sizeof(*a));
	a->id = steal(&id);
	/* Argo CD's rule: outside the control namespace the id carries it. */
	a->app_id = strcmp(ns, CONTROL_NAMESPACE) ?
		    xasprintf("%s_%s", ns, name) : xstrdup(name);
	a->engine = e;
	a->born = world_now(e->w);
	a->task.fn = on_task;
	a->timer.fn = on_timer;
	a->rendered = xstrdup("");
	a->rendering = xstrdup("");
	a->rendered_named = xstrdup("");
	a->rendering_named = xstrdup("");
	a->remotes_for = xstrdup("");
	a->load.app = a;
	a->store.app = a;
	HASH_ADD_KEYPTR(hh, e->apps, a->id, strlen(a->id), a);
	return a;
}

struct app *app_find_by_app_id(struct engine *e, const char *app_id)
{
	const char *bar = strchr(app_id, '_');
	_cleanup_free_ char *id = bar ?
		xasprintf("%.*s/%s", (int)(bar - app_id), app_id, bar + 1) :
		xasprintf("%s/%s", CONTROL_NAMESPACE, app_id);
	struct app *a;

	if (!*app_id)
		return NULL;
	HASH_FIND_STR(e->apps, id, a);
	return a;
}

void app_poke(struct app *a)
{
	if (a->task.active)
		return;
	a->poked_at = world_now(a->engine->w);
	world_defer(a->engine->w, &a->task);
}

void app_poke_at(struct app *a, uint64_t mono_ms)
{
	uint64_t now = world_now(a->engine->w);

	if (a->timer.active && a->due <= mono_ms)
		return;
	a->due = mono_ms;
	world_timer_stop(a->engine->w, &a->timer);
	world_timer_start(a->engine->w, &a->timer,
			  mono_ms > now ? mono_ms - now : 1);
}

void app_poke_all(struct engine *e)
{
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next) {
		if (a->op)	/* it may wait for the first list of a kind */
			op_on_live(a->op);
		app_poke(a);
	}
}

void app_op_rels_drop(struct app *a)
{
	a->op_rel = rel_unref(a->op_rel);
	a->op_in_force = rel_unref(a->op_in_force);
	a->op_failed = rel_unref(a->op_failed);
}

static void releases_free(struct app *a)
{
	rel_unref(a->raw);
	rel_unref(a->git);
	rel_unref(a->head);
	rel_unref(a->target);
	rel_unref(a->failed);
	app_op_rels_drop(a);
	rel_unref(a->loading);
}

static void status_free(struct app *a)
{
	told_forget(&a->told);
	json_decref(a->status_seen);
	free(a->status_body);
	free(a->mirror);
	free(a->mirror_sent);
	for (size_t i = 0; i < a->conditions.len; i++)
		free(a->conditions.data[i].message);
	vec_deinit(&a->conditions);
}

void app_free(struct app *a)
{
	struct world *w = a->engine->w;

	world_undefer(w, &a->task);
	world_undefer(w, &a->store.task);
	world_undefer(w, &a->load.task);
	world_timer_stop(w, &a->timer);
	world_timer_stop(w, &a->calm);
	turns_leave(a);
	remotes_free(a);
	vec_deinit(&a->revs);
	w->ops->worker_abandon(w, &a->render);
	op_free(a->op);
	app_gather_free(a);
	app_fault_nobody(a);
	app_sights_drop(a);
	app_soak_end(a);
	free(a->waits_for);
	op_view_reset(&a->op_view);
	app_plans_reset(a);
	app_spec_deinit(&a->spec);
	record_deinit(&a->rec);
	app_draw_free(a);
	releases_free(a);
	news_mark_deinit(&a->news_mark);
	app_control_free(a);
	app_guards_free(a);
	kube_request_deinit(&a->store.req);
	kube_request_deinit(&a->load.req);
	kube_request_deinit(&a->status_req);
	kube_request_deinit(&a->going.req);
	kube_request_deinit(&a->delete_req);
	free(a->delete_body);
	json_decref(a->finalizers);
	free(a->store.body);
	status_free(a);
	free(a->unlisted);
	free(a->render_request);
	free(a->render_affinity);
	free(a->rendered);
	free(a->rendering);
	free(a->rendered_named);
	free(a->rendering_named);
	free(a->remotes_for);
	free(a->exec_why);
	free(a->rec_broken);
	app_gates_clear(a);
	free(a->soak_why);
	vec_deinit(&a->dropped);
	fights_clear(&a->fights);
	store_forget_unsure(a);
	app_request_drop(a);
	free(a->rec_version);
	free(a->shared);
	free(a->app_id);
	free(a->id);
	free(a);
}

/* ---- what comes in ---- */

void app_adopt_record(struct engine *e, const char *ns, const char *name,
		      struct record *rec, const char *version)
{
	struct app *a = app_get(e, ns, name);

	app_plans_reset(a);	/* they borrow from it */
	record_deinit(&a->rec);
	a->rec = *rec;
	record_clock(&a->rec, world_wall(e->w), world_now(e->w));
	free(a->rec_version);
	a->rec_version = xstrdup(version);
	news_mark_take(&a->news_mark, &a->rec);
	a->notices_stored = a->rec.last_notice;
	app_poke(a);
}

void app_forget_record(struct app *a)
{
	app_plans_reset(a);
	record_deinit(&a->rec);
	news_mark_take(&a->news_mark, &a->rec);
	free(a->rec_version);
	a->rec_version = NULL;
	a->target = rel_unref(a->target);
	a->target_id = 0;
	store_forget_unsure(a);
}

json_t *app_ignored(void *engine, const char *app_id, const struct objkey *k,
		    const json_t *object)
{
	struct app *a = app_find_by_app_id(engine, app_id);

	return a ? ignore_tree(a->spec.ignore_differences, k, object) : NULL;
}

static void decode(struct app *a, const json_t *application)
{
	struct engine *e = a->engine;
	json_t *was = json_incref(a->spec.ignore_differences);

	app_spec_deinit(&a->spec);
	app_spec_decode(&a->spec, application, &e->cfg.defaults);
	if (!json_equal(was, a->spec.ignore_differences) &&
	    (was || a->spec.ignore_differences))
		kinds_reread(e, was, a->spec.ignore_differences);
	json_decref(was);
}

void app_on_object(struct engine *e, const json_t *application)
{
	const char *ns = doc_get_str(application, "metadata", "namespace", NULL);
	const char *name = doc_get_str(application, "metadata", "name", NULL);
	json_t *status = doc_get(application, "status", NULL);
	bool asked;
	struct app *a;

	if (!ns || !name)
		return;
	a = app_get(e, ns, name);
	decode(a, application);
	a->present = true;
	if (!a->spec.deleting)
		a->going.seen = 0;
	if (a->rec.vanished_ms) {	/* back: it takes up its record */
		a->rec.vanished_ms = 0;
		a->rec_dirty = true;
	}
	app_keep_finalizers(a, application);
	app_status_seen(a, application);
	asked = app_claim_operation(a);
	app_look_for_termination(a, status);
	app_follow_source(a);
	if (asked)
		sources_poll_now(a);
	if (a->spec.refresh == REFRESH_NONE) {
		a->refresh_mark = MARK_NONE;
	} else if (a->refresh_mark == MARK_NONE) {
		a->refresh_mark = MARK_SEEN;
		a->refresh_at = world_now(e->w);
		app_sights_again(a);
		if (a->spec.refresh == REFRESH_HARD)
			*a->rendered = '\0';
		sources_poll_now(a);
		orphans_again(a, true);
	}
	app_poke(a);
}

void app_goes_on(struct app *a)
{
	a->aside = false;
	a->operation_mark = MARK_NONE;
	if (app_claim_operation(a))
		sources_poll_now(a);
	app_follow_source(a);
}

void app_on_gone(struct engine *e, const char *ns, const char *name)
{
	struct app *a = app_get(e, ns, name);

	a->present = false;
	a->going.seen = 0;
	app_follow_source(a);
	told_forget(&a->told);
	app_soak_end(a);
	if (a->op) {
		a->stopped_op = true;
		op_terminate(a->op, "the Application was deleted");
	}
	engine_log(e, LOG_INFO, a, "the Application was deleted%s", a->cascaded ?
		   ", and its objects with it" : a->rec.cascading ?
		   " before all of its objects were; the rest stays" : "; its objects stay");
	a->cascaded = false;
	app_poke(a);
}

void app_on_live(struct app *a, const struct live *l,
		 const struct live_before *before)
{
	(void)l;
	(void)before;
	a->plan_valid = false;
	if (!a->op) {
		app_poke(a);
		return;
	}
	/*
	 * The operation judges it. A look only tells of it, which costs as much as the
	 * application is large, and of thousands of objects each answer would ask for one.
	 */
	op_on_live(a->op);
	app_poke_at(a, world_now(a->engine->w) + TELL_LIVE_MS);
}

/* ---- plans: where the cluster differs ---- */

void app_plans_reset(struct app *a)
{
	plan_deinit(&a->plan);
	plan_deinit(&a->target_plan);
	free(a->scopes);
	free(a->target_scopes);
	a->scopes = a->target_scopes = NULL;
	a->plan_valid = false;
}

bool app_may_prune(struct app *a)
{
	const struct release *target = record_release(&a->rec, a->rec.target);

	return a->spec.prune || (target && target->prune);
}

static void build_plan(struct app *a, struct rel *rel, struct scope **scopes,
		       struct plan *plan, bool pinned)
{
	struct plan_input in = {
		.release = &rel->a, .destination_ns = a->spec.dest_ns,
		.app_id = a->app_id, .record = &a->rec,
		.live = &a->engine->live, .prune_allowed = app_may_prune(a),
		.crds_untouched = pinned,
		.in_place = app_sight_same, .in_place_arg = app_sights_arg(a, rel),
	};
	struct plan_rules rules;

	app_plan_rules(a, &rules, &in);
	in.project = projects_of(a, NULL);
	*scopes = scopes_resolve(a->engine->discovery, &rel->a);
	in.scopes = *scopes;
	plan_build(&in, plan);
}

static bool needs(struct app *a, const char *group, const char *kind,
		  const char *version)
{
	struct engine *e = a->engine;
	const char *trouble;

	if (!discovery_find(e->discovery, group, NULL, kind))
		return true;	/* not served: nothing of it can be there */
	if (kinds_need(e, group, kind, version))
		return true;
	trouble = kinds_trouble(e, group, kind);
	if (trouble && !a->unlisted)
		a->unlisted = xasprintf("nothing is compared: the objects of %s%s%s "
			"cannot be listed: %s", group, *group ? "/" : "", kind,
			trouble);
	return false;
}

static bool kinds_in(struct app *a, const struct rel *rel)
{
	bool ready = true;

	for (size_t i = 0; i < rel->a.n_objects; i++) {
		const struct rendered *r = &rel->a.objects[i];

		if (!(r->flags & OBJ_EXCLUDED))
			ready &= needs(a, r->group, r->kind, r->version);
	}
	for (size_t i = 0; i < a->rec.inventory.len; i++) {
		const struct inv_entry *v = &a->rec.inventory.data[i];

		if (!(v->flags & OBJ_SKIP))
			ready &= needs(a, v->group, v->kind, v->version);
	}
	return ready;
}

/*
 * Something to put back? What is changed back each time does not count, and what is of a
 * kind or a version that is not served is tried again now and then.
 */
static bool drifts(struct app *a, const struct plan *p)
{
	uint64_t now = world_now(a->engine->w);
	bool any = false, lacks = false;

	for (size_t i = 0; i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];

		if (t->verb == TASK_KEEP)
			fights_peace(&a->fights, &t->key, now);
		else if (t->verb != TASK_APPLY || fights_lost(&a->fights, &t->key))
			continue;
		else if (discovery_find(a->engine->discovery, t->key.group, t->version,
					t->key.kind))
			any = true;
		else
			lacks = true;
	}
	if (lacks && now < a->lacks_at)
		app_poke_at(a, a->lacks_at);
	return any || (lacks && now >= a->lacks_at);
}

/*
 * Only to what Git says now: on the way back, or while a newer release may have changed
 * them, a CRD would be downgraded (auto-revert rule 9).
 */
bool app_heals_crds(const struct app *a)
{
	return a->head && a->target && !a->rec.pin_why &&
	       !strcmp(a->head->a.digest, a->target->a.digest);
}

/*
 * Compares head and target with the live index. False while kinds in use have
 * not been listed yet: then nothing may be concluded from what is not there.
 */
bool app_compare(struct app *a)
{
	struct rel *rel = a->head ? a->head : a->target;

	app_plans_reset(a);
	a->drifted = false;
	free(a->unlisted);
	a->unlisted = NULL;
	if (!rel)
		return true;
	if (!kinds_in(a, rel) || (a->target && !kinds_in(a, a->target)))
		return false;
	build_plan(a, rel, &a->scopes, &a->plan, false);
	a->plan_valid = true;
	if (app_heals_crds(a)) {
		a->drifted = drifts(a, &a->plan);
	} else if (a->target) {
		build_plan(a, a->target, &a->target_scopes, &a->target_plan, true);
		a->drifted = drifts(a, &a->target_plan);
	}
	a->drifted = a->drifted || (a->target && op_leftovers_wait(a));
	return true;
}
