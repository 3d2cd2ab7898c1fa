/*
 * What a decision sets in motion, and what follows from an operation's end.
 *
 * Every change of the record that matters is written before the next thing is
 * done (app_save); an operation writes it itself before its first mutation.
 */
#include "app_priv.h"

#include <stdio.h>

#define PRUNE_AGAIN_MS 30000
#define HEAL_BASE_MS 5000
#define HEAL_MAX_MS 300000
#define STALLED_TRIES 5
#define STALLED_MS (15 * 60 * 1000)
#define HEAL_CALM_MS 600000
#define HEALS_AT_ONCE 5

void app_set_phase(struct app *a, enum phase p)
{
	if (a->rec.phase == p)
		return;
	a->rec.phase = p;
	a->rec.phase_since_ms = world_wall(a->engine->w);
}

static uint64_t backoff(uint64_t base, unsigned factor, unsigned tries,
			uint64_t max)
{
	uint64_t ms = base;

	for (unsigned i = 1; i < tries && ms < max; i++)
		ms *= factor ? factor : 2;
	return ms < max ? ms : max;
}

/* ---- the record ---- */

static void on_saved(struct store_call *c, const struct err *err)
{
	struct app *a = c->app;

	if (err->code == ERR_CONFLICT) {
		/* Another wrote it: we are not the leader we think we are. */
		engine_fatal(a->engine, err);
		return;
	}
	if (err->code) {
		a->rec_dirty = true;
		a->retry_at = world_now(a->engine->w) + HEAL_BASE_MS;
		app_poke_at(a, a->retry_at);
		return;
	}
	app_poke(a);
}

void app_save(struct app *a)
{
	if (a->store.running) {	/* one write at a time: again after this one */
		a->rec_dirty = true;
		return;
	}
	a->rec_dirty = false;
	a->store.app = a;
	a->store.answer = NULL;
	a->store.on_done = on_saved;
	store_put_record(&a->store);
}

static void on_trimmed(uint32_t id, void *arg)
{
	struct app *a = arg;

	store_drop_release(a->engine, a, id);
}

/* ---- starting ---- */

static struct release *note_candidate(struct app *a)
{
	const struct render_answer *h = &a->head->a;
	struct release *r = record_by_digest(&a->rec, h->digest);

	/* The same objects under the same options are the same release. */
	if (r && !strcmp(r->options_digest, a->spec.options_digest))
		return r;
	r = record_add_release(&a->rec);
	memcpy(r->digest, h->digest, sizeof(r->digest));
	memcpy(r->input_key, h->input_key, sizeof(r->input_key));
	memcpy(r->options_digest, a->spec.options_digest,
	       sizeof(r->options_digest));
	memcpy(r->revision, a->rendered, sizeof(r->revision));
	r->author = xstrdup(a->rev && a->rev->author ? a->rev->author : "");
	r->subject = xstrdup(a->rev && a->rev->subject ? a->rev->subject : "");
	r->n_objects = (uint32_t)h->n_objects;
	r->created_ms = world_wall(a->engine->w);
	return r;
}

static void view_started(struct app *a, const struct release *r, const char *by,
			 bool automated)
{
	op_view_reset(&a->op_view);
	a->op_view = (struct op_view){
		.present = true, .phase = "Running", .automated = automated,
		.message = xstrdup("waiting"),
		.started_ms = a->rec.op.started_ms,
		.initiated_by = xstrdup(by),
	};
	if (r)
		memcpy(a->op_view.revision, r->revision,
		       sizeof(a->op_view.revision));
}

static void op_ended(struct app *a, struct op *op);

void app_start_op(struct app *a, enum op_kind kind, uint32_t release,
		  struct rel *rel, bool prune_only, const char *by)
{
	struct world *w = a->engine->w;
	struct op_record *o = &a->rec.op;
	bool resumed = o->id[0] && o->release == release && o->kind == kind;
	struct op_config c = {
		.app = a, .kind = kind, .release = release, .answer = &rel->a,
		.settle = kind == OP_SYNC || kind == OP_ROLLBACK,
		.prune_only = prune_only, .on_done = op_ended,
		.dry_run = kind == OP_SYNC && !prune_only && !resumed &&
			   a->request.present && a->request.dry_run,
	};

	if (resumed) {
		o->tries++;
	} else {
		char *old = o->initiated_by;	/* by may be it */

		for (size_t i = 0; i < a->rec.inventory.len; i++)
			a->rec.inventory.data[i].changed = false;
		a->op_serves = false;
		*o = (struct op_record){
			.kind = kind, .release = release,
			.started_ms = world_wall(w),
			.initiated_by = xstrdup(by),
		};
		snprintf(o->id, sizeof(o->id), "r%u-%08x", release,
			 (unsigned)(w->ops->random(w) & 0xffffffffu));
		by = o->initiated_by;
		free(old);
	}
	view_started(a, record_release(&a->rec, release), by,
		     !strcmp(by, "automated"));
	a->op_rel = rel_ref(rel);
	a->op_prunes = prune_only;
	a->op = op_start(&c);
}

static void start_sync(struct app *a)
{
	struct release *r = note_candidate(a);
	const char *by = a->request.present ? a->request.by : "automated";
	bool rejected = r->state == RELEASE_REJECTED;

	a->sync_err = ERR_INIT;
	if (a->request.present && a->request.dry_run) {
		app_start_op(a, OP_SYNC, r->id, a->head, false, by);
		a->op_serves = true;
		return;
	}
	if (rejected)
		r->retried = r->retried || !a->request.present;
	if (r->state != RELEASE_GOOD)
		r->state = RELEASE_CANDIDATE;
	free(r->initiated_by);
	r->initiated_by = xstrdup(by);
	if (a->rec.phase == PHASE_SOAKING && a->rec.target != r->id) {
		struct release *old = record_release(&a->rec, a->rec.target);

		if (old && old->state == RELEASE_CANDIDATE)
			old->state = RELEASE_SUPERSEDED;
	}
	a->prior_target = a->rec.target;
	a->rec.target = r->id;
	rel_unref(a->target);
	a->target = rel_ref(a->head);
	a->target_id = r->id;
	a->soak_began = 0;
	engine_log(a->engine, LOG_INFO, a, "release #%u (%.7s, %s): %zu of %u "
		   "objects change, %zu go later", r->id, r->revision, by,
		   a->plan.n_apply, r->n_objects, a->plan.n_prune);
	app_start_op(a, OP_SYNC, r->id, a->head, false, by);
	a->op_serves = a->request.present;
}

/* The plan of what should be running: the head's only when that is the same. */
static const struct plan *target_plan(const struct app *a)
{
	bool apart = a->head && a->target &&
		     strcmp(a->head->a.digest, a->target->a.digest);

	return apart ? &a->target_plan : &a->plan;
}

static void start_revert(struct app *a)
{
	app_start_op(a, OP_REVERT, a->rec.last_good, a->target, false,
		     "auto-revert");
}

static void start_prune(struct app *a)
{
	struct err guard = ERR_INIT;
	const struct plan *p = target_plan(a);

	if (!a->plan_valid || !p->n_prune) {
		app_set_phase(a, PHASE_GOOD);
		app_save(a);
		return;
	}
	if (plan_prune_guard(p, a->rec.inventory.len, a->spec.allow_empty,
			     &guard)) {
		a->sync_err = guard;
		a->retry_at = world_now(a->engine->w) + STALLED_MS;
		if (a->rec.phase == PHASE_PRUNING) {
			app_set_phase(a, PHASE_GOOD);
			app_save(a);
		}
		return;
	}
	app_start_op(a, OP_SYNC, a->rec.target, a->target, true, "automated");
}

static void adopt_head(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.target);

	memcpy(r->revision, a->rendered, sizeof(r->revision));
	free(a->rec.pin_why);
	free(a->rec.pin_by);
	a->rec.pin_why = a->rec.pin_by = NULL;
	a->rec.pin_rejected = 0;
	a->rec.reverts_in_row = 0;
	a->sync_err = ERR_INIT;
	app_set_phase(a, PHASE_GOOD);
	engine_log(a->engine, LOG_INFO, a, "Git says again what is running (#%u): "
		   "no longer pinned", r->id);
	engine_event(a->engine, a, "Normal", "Unpinned", "Git's head %.7s equals "
		     "release #%u", a->rendered, r->id);
	app_save(a);
}

static void resume_op(struct app *a)
{
	const struct op_record *o = &a->rec.op;
	bool revert = o->kind == OP_REVERT;

	if (o->release != a->target_id) {
		/* Its target moved on: nothing of it is left to do. */
		a->rec.op.id[0] = '\0';
		app_save(a);
		return;
	}
	if (!revert && a->rec.phase == PHASE_PRUNING) {
		/* Policy and guard are asked again: either may have changed. */
		a->rec.op.id[0] = '\0';
		start_prune(a);
		return;
	}
	engine_log(a->engine, LOG_INFO, a, "going on with operation %s (%s of #%u)",
		   o->id, op_kind_str(o->kind), o->release);
	app_start_op(a, o->kind, o->release, a->target, false,
		     o->initiated_by ? o->initiated_by : "automated");
}

void app_act(struct app *a, const struct decision *d)
{
	switch (d->next) {
	case NEXT_SYNC:
		/* Also when the retry is a release of its own (other bytes). */
		if (d->rejected && !a->request.present)
			record_release(&a->rec, d->rejected->id)->retried = true;
		start_sync(a);
		break;
	case NEXT_HEAL:
		app_start_op(a, OP_HEAL, a->target_id, a->target, false,
			     "automated");
		break;
	case NEXT_RESUME:
		resume_op(a);
		break;
	case NEXT_PROMOTE:
		app_promote(a);
		break;
	case NEXT_REVERT:
		if (a->rec.phase == PHASE_SOAKING)
			app_reject(a, record_release(&a->rec, a->rec.target),
				   a->soak_why, false, true);
		else
			start_revert(a);
		break;
	case NEXT_PRUNE:
		start_prune(a);
		break;
	case NEXT_ADOPT:
		adopt_head(a);
		break;
	case NEXT_WAIT:
	case NEXT_SOAK:
	case NEXT_N:
		if (a->rec_dirty)
			app_save(a);
		break;
	}
}

/* ---- verdicts ---- */

void app_promote(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.target);
	bool prunes = a->plan_valid && target_plan(a)->n_prune && a->spec.prune;

	if (r->state != RELEASE_GOOD) {
		r->decided_ms = world_wall(a->engine->w);
		engine_log(a->engine, LOG_INFO, a, "release #%u (%.7s) is good",
			   r->id, r->revision);
		engine_event(a->engine, a, "Normal", "Promoted",
			     "release #%u (%.7s) is good", r->id, r->revision);
	}
	r->state = RELEASE_GOOD;
	a->rec.last_good = r->id;
	a->rec.reverts_in_row = 0;
	free(a->rec.pin_why);
	free(a->rec.pin_by);
	a->rec.pin_why = a->rec.pin_by = NULL;
	a->rec.pin_rejected = 0;
	a->soak_began = 0;
	a->sync_err = ERR_INIT;
	record_trim(&a->rec, a->spec.history_limit, on_trimmed, a);
	app_set_phase(a, prunes ? PHASE_PRUNING : PHASE_GOOD);
	app_save(a);
}


/*
 * A candidate turned bad. With a last good release the target goes back to it,
 * now; without one everything stays for people to look at.
 */
void app_reject(struct app *a, struct release *rel, const char *reason,
		bool may_pass, bool mutated)
{
	int64_t wall = world_wall(a->engine->w);
	bool back;

	free(rel->reason);
	rel->reason = xstrdup(reason);
	rel->state = RELEASE_REJECTED;
	rel->may_pass = may_pass;
	rel->decided_ms = wall;
	back = rel->id != a->rec.last_good && a->rec.last_good &&
	       a->spec.automated && a->spec.auto_revert == REVERT_ON;
	err_set(&a->sync_err, ERR_INVALID, "release #%u (%.7s) was rejected: %s",
		rel->id, rel->revision, reason);
	engine_log(a->engine, LOG_WARN, a, "release #%u (%.7s) rejected: %s%s",
		   rel->id, rel->revision, reason,
		   back ? mutated ? "; reverting" : "" :
		   a->spec.auto_revert == REVERT_REPORT && a->rec.last_good ?
		   "; would revert, but syncd.dev/auto-revert says report" :
		   "; nothing to revert to");
	engine_event(a->engine, a, "Warning", "Rejected",
		     "release #%u (%.7s): %s", rel->id, rel->revision, reason);
	a->soak_began = 0;
	a->rec.op.id[0] = '\0';
	if (!back) {
		if (!mutated && (a->prior_target || a->rec.last_good))
			a->rec.target = a->prior_target ? a->prior_target :
					a->rec.last_good;
		app_set_phase(a, PHASE_FAILED);
		app_save(a);
		return;
	}
	free(a->rec.pin_why);
	free(a->rec.pin_by);
	a->rec.pin_why = xasprintf("release #%u (%.7s) was rejected: %s", rel->id,
				   rel->revision, reason);
	a->rec.pin_by = xstrdup("auto-revert");
	a->rec.pin_since_ms = wall;
	a->rec.pin_rejected = rel->id;
	a->rec.target = a->rec.last_good;
	if (mutated) {	/* a refusal before anything was changed reverts nothing */
		a->rec.reverts_in_row++;
		a->rec.last_revert_ms = wall;
	}
	app_set_phase(a, mutated ? PHASE_REVERTING : PHASE_PINNED);
	app_save(a);
}

/* ---- the end of an operation ---- */

static void view_ended(struct app *a, const struct op *op)
{
	static const char *const phases[] = {
		[OP_RUNNING] = "Running", [OP_SUCCEEDED] = "Succeeded",
		[OP_REFUSED] = "Failed", [OP_BAD] = "Failed",
		[OP_TROUBLE] = "Error", [OP_CANCELLED] = "Failed",
	};
	enum op_outcome o = op_outcome(op);

	a->op_view.phase = phases[o];
	a->op_view.finished_ms = world_wall(a->engine->w);
	a->op_view.retries = a->rec.op.tries;
	free(a->op_view.message);
	a->op_view.message = xstrdup(o == OP_SUCCEEDED ?
				     "successfully synced (all tasks run)" :
				     op_error(op)->msg);
}

static void sync_succeeded(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.op.release);

	a->engine->counts.syncs++;
	r->deployed_ms = world_wall(a->engine->w);
	a->rec.op.id[0] = '\0';
	a->plan_valid = app_compare(a) && a->plan_valid;
	if (!a->spec.soak_ms || r->state == RELEASE_GOOD) {
		app_promote(a);
		return;
	}
	a->soak_began = 0;
	app_set_phase(a, PHASE_SOAKING);
	app_save(a);
}

static void revert_succeeded(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.last_good);

	a->engine->counts.reverts++;
	a->rec.op.id[0] = '\0';
	a->sync_err = ERR_INIT;	/* the pin says it */
	app_set_phase(a, PHASE_PINNED);
	engine_log(a->engine, LOG_WARN, a, "reverted to release #%u (%.7s): %s",
		   r->id, r->revision, a->rec.pin_why ? a->rec.pin_why : "");
	engine_event(a->engine, a, "Warning", "Reverted", "back at release #%u "
		     "(%.7s): %s", r->id, r->revision,
		     a->rec.pin_why ? a->rec.pin_why : "");
	app_save(a);
}

static void revert_failed(struct app *a, const struct op *op)
{
	bool refused = op_outcome(op) == OP_REFUSED;
	unsigned tries = ++a->revert_tries;
	uint64_t wait = tries < STALLED_TRIES && !refused ?
			backoff(HEAL_BASE_MS, 2, tries, HEAL_MAX_MS) : STALLED_MS;

	a->sync_err = *op_error(op);
	err_wrap(&a->sync_err, "the revert to release #%u is not done",
		 a->rec.last_good);
	if (refused)
		app_set_phase(a, PHASE_REVERT_BLOCKED);
	else if (tries >= STALLED_TRIES)
		app_set_phase(a, PHASE_REVERT_STALLED);
	engine_log(a->engine, LOG_ERROR, a, "%s", a->sync_err.msg);
	engine_event(a->engine, a, "Warning", "RevertFailed", "%s",
		     a->sync_err.msg);
	a->rec.op.id[0] = '\0';
	a->retry_at = world_now(a->engine->w) + wait;
	app_save(a);
}

static void heal_ended(struct app *a, const struct op *op)
{
	uint64_t now = world_now(a->engine->w);

	a->rec.op.id[0] = '\0';
	a->engine->counts.heals++;
	if (now > a->heal_at + HEAL_CALM_MS)
		a->heal_tries = 0;
	a->heal_tries++;
	/* The first heals are immediate; a fight slows down. */
	a->heal_at = now + (a->heal_tries <= HEALS_AT_ONCE ? 0 :
		backoff(HEAL_BASE_MS, 2, a->heal_tries - HEALS_AT_ONCE,
			HEAL_MAX_MS));
	if (op_outcome(op) == OP_SUCCEEDED) {
		a->sync_err = ERR_INIT;
		engine_log(a->engine, LOG_INFO, a, "healed: the cluster had drifted "
			   "from release #%u", a->target_id);
	} else {
		a->sync_err = *op_error(op);
		a->heal_at = now + backoff(HEAL_BASE_MS, 2, a->heal_tries,
					   HEAL_MAX_MS);
		engine_log(a->engine, LOG_WARN, a, "healing: %s",
			   op_error(op)->msg);
	}
	app_save(a);
}

static void prune_ended(struct app *a, const struct op *op)
{
	a->rec.op.id[0] = '\0';
	if (op_outcome(op) == OP_SUCCEEDED) {
		engine_log(a->engine, LOG_INFO, a, "pruned what left Git");
		app_set_phase(a, PHASE_GOOD);
	} else if (op_outcome(op) != OP_CANCELLED) {
		a->sync_err = *op_error(op);
		a->retry_at = world_now(a->engine->w) + PRUNE_AGAIN_MS;
		engine_log(a->engine, LOG_WARN, a, "pruning: %s",
			   op_error(op)->msg);
	}
	app_save(a);
}

/* Trouble: the same operation again after a backoff, a limited number of times. */
static void sync_troubled(struct app *a, const struct op *op)
{
	struct op_record *o = &a->rec.op;
	uint64_t wait = backoff(a->spec.retry_base_ms, a->spec.retry_factor,
				o->tries + 1, a->spec.retry_max_ms);

	a->sync_err = *op_error(op);
	a->retry_at = world_now(a->engine->w) + wait;
	engine_log(a->engine, LOG_WARN, a, "release #%u, try %u: %s", o->release,
		   o->tries + 1, op_error(op)->msg);
	app_save(a);
}

static void sync_cancelled(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.op.release);

	if (r->state == RELEASE_CANDIDATE)
		r->state = RELEASE_SUPERSEDED;
	engine_log(a->engine, LOG_INFO, a, "release #%u: %s", r->id,
		   op_error(a->op)->msg);
	a->rec.op.id[0] = '\0';
	app_set_phase(a, a->rec.last_good ? PHASE_UNPROVEN : PHASE_FAILED);
	app_save(a);
}

static void sync_ended(struct app *a, const struct op *op)
{
	struct release *r = record_release(&a->rec, a->rec.op.release);

	switch (op_outcome(op)) {
	case OP_SUCCEEDED:
		sync_succeeded(a);
		break;
	case OP_TROUBLE:
		sync_troubled(a, op);
		break;
	case OP_CANCELLED:
		sync_cancelled(a);
		break;
	case OP_REFUSED:
	case OP_BAD:
		if (r->id == a->rec.last_good) {
			/* It was good: what fails now is not the release's fault. */
			app_set_phase(a, a->rec.pin_why ? PHASE_PINNED :
							  PHASE_GOOD);
			heal_ended(a, op);
			break;
		}
		/* An earlier try may have changed what this one did not see. */
		app_reject(a, r, op_error(op)->msg, op_may_pass(op),
			   op_mutated(op) || a->rec.op.tries);
		break;
	case OP_RUNNING:
		break;
	}
}

void app_request_done(struct app *a)
{
	free(a->request.revision);
	free(a->request.by);
	a->request = (struct op_request){ 0 };
	app_follow_source(a);	/* back from the revision that was asked for */
}

void app_request_failed(struct app *a, const struct err *why)
{
	view_started(a, NULL, a->request.by, false);
	a->op_view.started_ms = a->op_view.finished_ms =
		world_wall(a->engine->w);
	a->op_view.phase = "Failed";
	free(a->op_view.message);
	a->op_view.message = xstrdup(why->msg);
	app_request_done(a);
}

static void op_ended(struct app *a, struct op *op)
{
	bool dry = a->op_serves && a->request.dry_run;

	view_ended(a, op);
	if (op_outcome(op) == OP_SUCCEEDED && a->rec.op.kind == OP_REVERT)
		a->revert_tries = 0;
	a->plan_valid = false;
	if (dry)
		a->rec.op.id[0] = '\0';
	else if (a->rec.op.kind == OP_REVERT && op_outcome(op) == OP_SUCCEEDED)
		revert_succeeded(a);
	else if (a->rec.op.kind == OP_REVERT)
		revert_failed(a, op);
	else if (a->rec.op.kind == OP_HEAL)
		heal_ended(a, op);
	else if (a->op_prunes)
		prune_ended(a, op);
	else
		sync_ended(a, op);
	if (a->op_serves && (dry || op_outcome(op) != OP_TROUBLE)) {
		a->op_serves = false;
		app_request_done(a);
	}
	a->op_rel = rel_unref(a->op_rel);
	a->op = op_free(op);
	app_poke(a);
}
