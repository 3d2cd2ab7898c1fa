/*
 * One look at an application: what changed in Git is rendered, what is missing in
 * memory is loaded, then the cluster is compared and the next thing decided.
 */
#include "app_priv.h"
#include "approval.h"
#include "hook.h"
#include "orphans.h"
#include "settings.h"

#define TROUBLE_AGAIN_MS 30000
#define TELL_WITHIN_MS 2000
#define UNCOMPARED_MS 10000
#define UNCOMPARED_STEP_MS 250

/* ---- the target's release ---- */

/* Takes rel. Plans borrow from the one before. */
static void set_target(struct app *a, struct rel *rel, uint32_t id)
{
	if (rel != a->target)
		app_plans_reset(a);
	rel_unref(a->target);
	a->target = rel;
	a->target_id = id;
}

static void on_loaded(struct store_call *c, const struct err *err)
{
	struct app *a = c->app;

	if (err->code) {
		a->loading = rel_unref(a->loading);
		a->load_again_at = world_now(a->engine->w) + TROUBLE_AGAIN_MS;
		app_set_condition(a, "UnknownError", "the release that should be "
				  "running cannot be read: %s", err->msg);
		app_poke_at(a, a->load_again_at);
		return;
	}
	set_target(a, steal(&a->loading), c->release);
	app_poke(a);
}

/* True when rec.target is in memory, there is none, or it cannot be read now. */
static bool target_ready(struct app *a)
{
	const struct release *t = record_release(&a->rec, a->rec.target);

	if (!t) {
		set_target(a, NULL, 0);
		return true;
	}
	if (a->target && a->target_id == a->rec.target)
		return true;
	if (a->load.running)
		return false;
	if (a->head && !strcmp(a->head->a.digest, t->digest)) {
		set_target(a, rel_ref(a->head), t->id);
		return true;
	}
	if (a->load_again_at > world_now(a->engine->w)) {
		set_target(a, NULL, 0);
		return true;	/* something new in Git may still go out */
	}
	rel_unref(a->loading);
	a->loading = rel_new();
	a->load.app = a;
	a->load.release = t->id;
	a->load.answer = &a->loading->a;
	a->load.on_done = on_loaded;
	store_get_release(&a->load);
	return false;
}

/* ---- the release that a revert puts away: hooks of it may come first ---- */

static void on_failed_loaded(struct store_call *c, const struct err *err)
{
	struct app *a = c->app;

	if (err->code) {
		a->loading = rel_unref(a->loading);
		engine_log(a->engine, LOG_WARN, a, "release #%u cannot be read, and its "
			   "PreRevert hooks are left out: %s", c->release, err->msg);
	}
	rel_unref(a->failed);
	a->failed = a->loading;
	a->loading = NULL;
	a->failed_id = c->release;
	app_poke(a);
}

static bool is_going_back(const struct app *a)
{
	return a->rec.phase == PHASE_REVERTING || a->rec.phase == PHASE_REVERT_BLOCKED ||
	       a->rec.phase == PHASE_REVERT_STALLED;
}

/* NULL: it has no say, also where the project that it failed in is another. */
static const struct release *failed_release(struct app *a)
{
	const struct release *r = is_going_back(a) && !a->rec.pin_prepared ?
				  record_release(&a->rec, a->rec.pin_rejected) : NULL;
	struct err err = ERR_INIT;

	return r && !projects_check_release(a, r, &err) ? r : NULL;
}

/* True when it is in memory, of no use, or cannot be had. */
static bool failed_ready(struct app *a)
{
	const struct release *r = failed_release(a);

	if (r && a->failed_id == r->id)
		return true;
	a->failed = rel_unref(a->failed);
	a->failed_id = 0;
	if (!r)
		return true;
	if (a->head && !strcmp(a->head->a.digest, r->digest)) {
		a->failed = rel_ref(a->head);
		a->failed_id = r->id;
		return true;
	}
	rel_unref(a->loading);
	a->loading = rel_new();
	a->load.app = a;
	a->load.release = r->id;
	a->load.answer = &a->loading->a;
	a->load.on_done = on_failed_loaded;
	store_get_release(&a->load);
	return false;
}

/* ---- the look ---- */

static void supersede(struct app *a)
{
	const struct release *r = record_release(&a->rec, a->rec.op.release);
	const struct release *held;

	if (a->spec.deleting)
		return;		/* nothing new goes out any more */
	if (a->rec.op.kind == OP_SYNC && strcmp(op_destination(a->op), a->spec.dest_ns)) {
		op_call_off(a->op, "its destination was changed");
		return;
	}
	if (app_request_is_new(a) && app_request_supersedes(a)) {
		op_call_off(a->op, "a person asked for another sync");
		return;
	}
	if (a->gates.pinned || a->gates.waits || a->gates.shut || a->gates.gate ||
	    app_draw_waits(a))
		return;		/* what is newer would have to wait */
	if (record_storm(&a->rec, world_wall(a->engine->w)))
		return;		/* one of them has to come to its end */
	if (a->rec.op.kind != OP_SYNC || !a->head || !app_head_is_wish(a) || !r ||
	    !a->spec.automated ||
	    !strcmp(r->digest, a->head->a.digest))
		return;
	held = record_rejects(&a->rec, a->head->a.digest, a->head->a.input_key,
			      a->spec.options_digest);
	if (held)
		return;
	/* Without a good one nothing bounds how many follow each other: each gets somewhere. */
	(a->rec.last_good ? op_call_off : op_supersede)(a->op, "a newer commit supersedes it");
}

static bool has_prunes(struct app *a)
{
	return a->plan_valid && app_may_prune(a) && a->plan.n_prune > 0;
}

static bool pin_is_over(const struct app *a)
{
	return a->rec.pin_why && a->rec.pin_until_ms &&
	       world_wall(a->engine->w) >= a->rec.pin_until_ms;
}

/* Are the chosen objects under way those of what Git says? */
static bool is_of_head(struct app *a)
{
	const struct release *r = record_release(&a->rec, a->rec.op.release);

	return a->head && r && !strcmp(r->digest, a->head->a.digest);
}

static bool is_to_revert(const struct app *a)
{
	return !a->rec.op.id[0] && is_going_back(a);
}

static struct decision decide(struct app *a)
{
	const struct app_gates *g = &a->gates;
	const char *lacks = app_draw_waits(a);	/* nothing new goes without its values */
	struct decide_in in = {
		.rec = &a->rec, .spec = &a->spec,
		.head_known = a->head && !a->head_err.code && app_head_is_wish(a),
		.head_digest = a->head ? a->head->a.digest : "",
		.head_input_key = a->head ? a->head->a.input_key : "",
		.requested = app_request_is_new(a),
		.takes_over = app_request_supersedes(a),
		.rollback = a->request.rollback, .unpin = a->request.unpin,
		.rollback_shut = g->rollback,
		.dry_run = a->request.dry_run, .partial_head = is_of_head(a),
		.stopped = g->stopped, .pinned = g->pinned,
		.waits = g->waits, .shut = g->shut,
		.shut_manual = g->shut_manual, .shut_until = g->shut_until,
		.gate = lacks ? lacks : g->gate,
		.gate_manual = lacks ? lacks : g->gate_manual,
		.gate_stop = g->gate_stop, .gate_until = lacks ? 0 : g->gate_until,
		.pin_over = pin_is_over(a),
		.loaded = a->target && a->target_id == a->rec.target && !g->foreign,
		.foreign = g->foreign,
		.drifted = a->drifted, .prunes = has_prunes(a),
		.now = world_now(a->engine->w), .retry_at = a->retry_at,
		.heal_at = a->heal_at,
	};

	if (app_signed_asked(a) && a->rec.op.id[0] && !(in.head_known && is_of_head(a)))
		in.unsigned_now = "another try waits: whether the keys of now let its "
				  "commit out is not known";
	in.storm = record_storm(&a->rec, world_wall(a->engine->w));
	if (is_to_revert(a))
		in.held = breaker_holds(a);
	else
		a->gates.held_back = false;
	if (a->rec.phase == PHASE_SOAKING) {
		in.soak_over = app_soak_over(a);
		in.soak_bad = a->soak_bad;
	}
	return app_decide(&in);
}

/* What was asked for can be answered without comparing anything. */
static void refuse_request(struct app *a)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!a->request.present || a->op_serves)
		return;
	app_say_list(a->spec.errors, a->spec.n_errors, &text);
	if (a->spec.n_errors)
		app_request_refused(a, buf_str(&text));
	else if (a->project_err.code && !a->project_err.retry)
		app_request_refused(a, a->project_err.msg);
	else if (a->request.bad)
		app_request_refused(a, a->request.bad);
	else if (app_rollback_unknown(a))
		app_rollback(a);	/* says which there are */
}

static void disturb(struct app *a)
{
	if (a->spec.deleting && !a->op_prunes) {
		op_terminate(a->op, "the Application is being deleted");
	} else if (!a->spec.deleting && app_op_is_of_an_end(a)) {
		op_terminate(a->op, "the Application was made anew");
	} else if (a->gates.foreign && !a->spec.deleting &&
		   a->rec.op.release == a->rec.target) {
		op_call_off(a->op, a->gates.foreign);
	} else if (a->gates.stopped) {
		a->stopped_op = true;
		op_call_off(a->op, "stopped");
	} else {
		supersede(a);
		op_hold(a->op, app_control_halts(a));
	}
}

/* A person's answer, where there was a question. False: lists are not in. */
static bool compare(struct app *a)
{
	if (!app_compare(a))
		return false;
	if (!a->plan_valid || !a->target ||
	    !approval_take(&a->rec, app_target_plan(a), a->spec.prune_approved))
		return true;
	a->rec_dirty = true;
	return app_compare(a);
}

/* Kinds that are listed anew will be listed in a moment. */
static bool is_worth_waiting(struct app *a)
{
	uint64_t now = world_now(a->engine->w);

	if (!a->uncompared_since)
		a->uncompared_since = now;
	if (now >= a->uncompared_since + UNCOMPARED_MS)
		return false;
	app_poke_at(a, now + UNCOMPARED_STEP_MS);
	return true;
}

bool app_compare_between(struct app *a, bool must)
{
	if (a->plan_valid || !a->head || a->spec.deleting || a->rec_broken || app_compare(a))
		a->uncompared_since = 0;
	else
		return must || !a->op || !is_worth_waiting(a);
	return true;
}

void app_compared_between(struct app *a)
{
	if (a->op)
		app_plans_reset(a);
}

/*
 * A person waits for the end of what they asked for: it is told before another
 * operation (a revert) takes its place. Not for long: false while it is being told.
 */
static bool end_is_told(struct app *a)
{
	uint64_t until = a->untold + TELL_WITHIN_MS;

	if (!a->untold)
		return true;
	if (world_now(a->engine->w) >= until) {
		a->untold = 0;
		return true;
	}
	app_look_conditions(a);
	app_status_tick(a);
	if (a->untold)
		app_poke_at(a, until);
	return !a->untold;
}

/* What it points to may be gone at the next look. */
static void keep_decision(struct app *a, const struct decision *d)
{
	free(a->waits_for);
	a->waits_for = (d->next == NEXT_WAIT || d->next == NEXT_SOAK) && d->why ?
		       xstrdup(d->why) : NULL;
	a->held_back = d->next == NEXT_WAIT && d->rejected ? d->rejected->id : 0;
}

/* Not while people want nothing done to it, which is said. */
static void end_it(struct app *a)
{
	const char *why = a->gates.stopped ? a->gates.stopped :
					     settings_trouble(a->engine);

	free(a->waits_for);
	a->waits_for = xstrdup(why);
	app_exclude(a);
	if (!why)
		app_delete(a);
}

static void run(struct app *a)
{
	struct decision d;

	if (!app_draw(a) || !app_look_gates(a))
		return;		/* it is not known yet what Git says, or whether all is paused */
	app_exclude(a);
	app_compose(a);
	if (!a->op && !a->spec.deleting && !a->store.running)
		app_lives(a);
	if (a->op)
		disturb(a);
	else if (a->spec.deleting && !a->store.running && !a->load.running &&
		 !a->sweeping && target_ready(a))
		end_it(a);
	if (a->op || a->spec.deleting)
		return;
	if (a->store.running || a->load.running || a->sweeping ||
	    !target_ready(a) || !failed_ready(a))
		return;
	app_exclude(a);
	refuse_request(a);
	if (!compare(a))
		return;	/* poked when the lists are in */
	if (!a->present || app_is_refused(a) || a->spec.skip_reconcile)
		return;
	if (!end_is_told(a))
		return;
	if (app_request_lost(a)) {
		struct err why;

		app_request_failed(a, sources_error(a, &why) ? &why : &a->head_err);
	}
	d = decide(a);
	keep_decision(a, &d);
	if (d.again_at)
		app_poke_at(a, d.again_at);
	app_act(a, &d);
	app_look_sights(a);
}

/* Its project may change at any time, and with it what may be read and done. */
static void look_project(struct app *a)
{
	bool was = app_is_refused(a);
	struct err err = ERR_INIT;

	if (!a->spec.n_errors)
		(void)!projects_check(a, &err);
	a->project_err = err;
	if (was != app_is_refused(a) || a->request.own_sources || sources_read_otherwise(a))
		app_follow_source(a);
	if (a->op && err.code && !a->spec.deleting)
		op_call_off(a->op, "its project does not allow the application");
}

static void look_waits(struct app *a)
{
	const struct project *project = projects_of(a, NULL);

	waits_settle(&a->spec, project ? &project->waits : NULL,
		     app_control_environment(a), &a->engine->cfg.defaults);
}

void app_look(struct app *a)
{
	struct engine *e = a->engine;

	if (!e->leading || e->stopping || !e->loaded || !a->present)
		return;	/* a record without its Application waits for it */
	e->counts.reconciles++;
	if (app_stands_aside(a))
		return;
	look_project(a);
	app_control_follow(a);
	look_waits(a);
	app_look_render(a);
	if (!a->rec_broken)
		run(a);
	app_look_conditions(a);
	orphans_follow(a);
	app_tell_looks(a);
	app_status_tick(a);
	count_look(a, world_now(e->w) - a->poked_at);
}
