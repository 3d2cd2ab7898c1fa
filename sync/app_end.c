/*
 * The end of an operation, and what follows from it: a soak, a promotion, a
 * rejection and its revert, another try after a pause.
 */
#include "app_priv.h"
#include "orphans.h"
#include "retry.h"

#include <stdio.h>

#define PRUNE_AGAIN_MS 30000
#define HEAL_BASE_MS 5000
#define HEAL_MAX_MS 300000
#define HEAL_CALM_MS 600000
#define HEALS_AT_ONCE 5
#define STALLED_TRIES 5
#define STALLED_MS (15 * 60 * 1000)

static const char *phase_of(const struct op *op)
{
	static const char *const phases[] = {
		[OP_RUNNING] = "Running", [OP_SUCCEEDED] = "Succeeded",
		[OP_REFUSED] = "Failed", [OP_BAD] = "Failed",
		[OP_TROUBLE] = "Error", [OP_CANCELLED] = "Failed",
	};

	return phases[op_outcome(op)];
}

static void view_ended(struct app *a, const struct op *op)
{
	enum op_outcome o = op_outcome(op);

	a->op_view.phase = phase_of(op);
	a->op_view.finished_ms = world_wall(a->engine->w);
	a->op_view.retries = a->rec.op.failed;
	free(a->op_view.message);
	if (o == OP_SUCCEEDED && a->rec.op.kind == OP_REVERT)
		a->op_view.message = xasprintf("reverted to release #%u",
					       a->rec.op.release);
	else
		a->op_view.message = xstrdup(o != OP_SUCCEEDED ?
			op_error(op)->msg : "successfully synced (all tasks run)");
}

static enum count_kind kind_of(const struct app *a)
{
	if (a->op_serves && a->request.dry_run)
		return COUNT_DRY_RUN;
	if (a->op_prunes)
		return COUNT_PRUNE;
	switch (a->rec.op.kind) {
	case OP_HEAL: return COUNT_HEAL;
	case OP_REVERT: return COUNT_REVERT;
	case OP_ROLLBACK: return COUNT_ROLLBACK;
	case OP_NONE:
	case OP_SYNC:
	case OP_KIND_N: break;
	}
	return COUNT_SYNC;
}

static void sync_succeeded(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.op.release);

	a->engine->counts.syncs++;
	r->deployed_ms = world_wall(a->engine->w);
	app_note_adoption(a);
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

static void revert_succeeded(struct app *a, const struct op *op)
{
	struct release *r = record_release(&a->rec, a->rec.last_good);

	a->engine->counts.reverts++;
	a->rec.op.id[0] = '\0';
	a->sync_err = ERR_INIT;	/* the pin says it */
	record_blame_nobody(&a->rec);
	app_set_phase(a, PHASE_PINNED);
	app_decided(a, LOG_WARN, "revert", r, op_took_ms(op),
		    "reverted to release #%u (%.7s): %s", r->id, r->revision,
		    a->rec.pin_why ? a->rec.pin_why : "");
	engine_event(a->engine, a, "Warning", "Reverted", "back at release #%u "
		     "(%.7s): %s", r->id, r->revision,
		     a->rec.pin_why ? a->rec.pin_why : "");
	app_save(a);
}

/* By a person, and not because the Application goes. */
static bool is_terminated(const struct app *a, const struct op *op)
{
	return op_was_terminated(op) && a->present && !a->spec.deleting;
}

/* What called it off keeps it from beginning anew by itself, and says when it may. */
static bool is_held(const struct app *a)
{
	return a->stopped_op || app_is_refused(a) || a->gates.foreign;
}

/* A person ended the operation, and something of it had failed by then. */
static void view_terminated(struct app *a, const struct op *op)
{
	a->op_view.phase = "Failed";
	free(a->op_view.message);
	a->op_view.message = xasprintf("Operation terminated; until then: %s",
				       op_error(op)->msg);
}

/* Nothing goes on although its phase says so: people have to know until when. */
static void say_terminated(struct app *a, const struct op *op)
{
	bool failed = op_outcome(op) != OP_CANCELLED;
	char when[32];

	if (failed)
		view_terminated(a, op);
	time_rfc3339(world_wall(a->engine->w) + STALLED_MS, when);
	err_set(&a->sync_err, ERR_CANCELLED, "the revert to release #%u is not done: it was "
		"terminated, and begins again at %s%s%s", a->rec.last_good, when,
		failed ? "; until then: " : "", failed ? op_error(op)->msg : "");
	app_decided(a, LOG_WARN, "revert-terminated",
		    record_release(&a->rec, a->rec.last_good), op_took_ms(op), "%s",
		    a->sync_err.msg);
}

/* Called off: not at once again. */
static void revert_cancelled(struct app *a, const struct op *op)
{
	if (is_terminated(a, op))
		say_terminated(a, op);
	a->rec.op.id[0] = '\0';
	a->retry_at = is_held(a) ? 0 : world_now(a->engine->w) + STALLED_MS;
	app_save(a);
}

static void revert_failed(struct app *a, const struct op *op)
{
	bool refused = op_outcome(op) == OP_REFUSED;
	unsigned tries;
	uint64_t wait;

	if (op_outcome(op) == OP_CANCELLED || is_terminated(a, op)) {
		revert_cancelled(a, op);
		return;
	}
	tries = ++a->revert_tries;
	wait = tries < STALLED_TRIES && !refused ?
			retry_wait(HEAL_BASE_MS, 2, tries, HEAL_MAX_MS) : STALLED_MS;

	a->sync_err = *op_error(op);
	err_wrap(&a->sync_err, "the revert to release #%u is not done",
		 a->rec.last_good);
	if (refused)
		app_set_phase(a, PHASE_REVERT_BLOCKED);
	else if (tries >= STALLED_TRIES)
		app_set_phase(a, PHASE_REVERT_STALLED);
	app_decided(a, LOG_ERROR, "revert-failed",
		    record_release(&a->rec, a->rec.last_good), op_took_ms(op), "%s",
		    a->sync_err.msg);
	engine_event(a->engine, a, "Warning", "RevertFailed", "%s",
		     a->sync_err.msg);
	a->rec.op.id[0] = '\0';
	a->retry_at = world_now(a->engine->w) + wait;
	app_save(a);
}

/* Notes what was healed; the pause that the most contended object asks for. */
static uint64_t note_heals(struct app *a, uint64_t now)
{
	uint64_t wait = 0;

	for (size_t i = 0; i < a->rec.inventory.len; i++) {
		const struct inv_entry *v = &a->rec.inventory.data[i];
		struct objkey k = inv_key(v);
		_cleanup_buf_ struct buf key = BUF_INIT;
		uint64_t own;

		if (!v->changed)
			continue;
		objkey_format(&k, &key);
		if (fights_note(&a->fights, &k, now)) {
			engine_log(a->engine, LOG_WARN, a, "%s is not healed any more: "
				   "somebody changes it back each time", buf_str(&key));
			engine_event(a->engine, a, "Warning", "HealStopped", "%s is not "
				     "healed any more: changed back %d times within 10 "
				     "minutes", buf_str(&key), FIGHT_HEALS);
		}
		own = fights_wait(&a->fights, &k, now);
		wait = own > wait ? own : wait;
	}
	return wait;
}

static void heal_ended(struct app *a, const struct op *op)
{
	uint64_t now = world_now(a->engine->w);
	uint64_t fought = a->rec.op.kind == OP_HEAL ? note_heals(a, now) : 0;
	bool lacks = op_went_without(op);

	a->rec.op.id[0] = '\0';
	a->engine->counts.heals++;
	if (now > a->heal_at + HEAL_CALM_MS)
		a->heal_tries = 0;
	if (!lacks || op_mutated(op))
		a->heal_tries++;
	a->lacks_tries = lacks ? a->lacks_tries + 1 : 0;
	a->lacks_at = lacks ? now + retry_wait(HEAL_BASE_MS, 2, a->lacks_tries,
					       HEAL_MAX_MS) : 0;
	/* The first heals are immediate; a fight slows down. */
	a->heal_at = now + (a->heal_tries <= HEALS_AT_ONCE ? 0 :
		retry_wait(HEAL_BASE_MS, 2, a->heal_tries - HEALS_AT_ONCE,
			HEAL_MAX_MS));
	if (a->heal_at < now + fought)
		a->heal_at = now + fought;
	if (op_outcome(op) == OP_SUCCEEDED) {
		a->sync_err = ERR_INIT;
		app_decided(a, LOG_INFO, "heal", record_release(&a->rec, a->target_id),
			    op_took_ms(op), "healed: the cluster had drifted from "
			    "release #%u", a->target_id);
	} else {
		a->sync_err = *op_error(op);
		if (!lacks)
			a->heal_at = now + retry_wait(HEAL_BASE_MS, 2, a->heal_tries,
						      HEAL_MAX_MS);
		engine_log(a->engine, LOG_WARN, a, "healing: %s",
			   op_error(op)->msg);
	}
	app_save(a);
}

static void prune_ended(struct app *a, const struct op *op)
{
	struct release *r = record_release(&a->rec, a->rec.op.release);

	/* A deletion's hooks go on after a pause: those that ran do not run again. */
	if (!a->spec.deleting || op_outcome(op) != OP_TROUBLE)
		a->rec.op.id[0] = '\0';
	if (op_outcome(op) == OP_SUCCEEDED && a->spec.deleting) {
		a->delete_err = ERR_INIT;
	} else if (op_outcome(op) == OP_SUCCEEDED) {
		if (r)
			r->prune = false;
		app_decided(a, LOG_INFO, "prune", r, op_took_ms(op),
			    "pruned what left Git");
		app_set_phase(a, PHASE_GOOD);
	} else if (op_outcome(op) != OP_CANCELLED) {
		*(a->spec.deleting ? &a->delete_err : &a->sync_err) = *op_error(op);
		a->retry_at = world_now(a->engine->w) + PRUNE_AGAIN_MS;
		engine_log(a->engine, LOG_WARN, a, "pruning: %s",
			   op_error(op)->msg);
	}
	app_save(a);
}

static const struct app_retry *retry_policy(const struct app *a)
{
	return a->op_serves && a->request.retry.set ? &a->request.retry :
						      &a->spec.retry;
}

/* As Argo CD says it: running, with the time of the next try. */
static void view_again(struct app *a, const struct op *op, uint64_t wait_ms)
{
	char when[32];

	time_rfc3339(world_wall(a->engine->w) + (int64_t)wait_ms, when);
	a->op_view.phase = "Running";
	a->op_view.finished_ms = 0;
	a->op_view.retries = a->rec.op.failed;
	free(a->op_view.message);
	a->op_view.message = xasprintf("%s. Retrying attempt #%u at %s",
				       op_error(op)->msg, a->rec.op.failed, when);
}

static bool is_tried_again(const struct app *a, const struct op *op, uint64_t *ret_wait)
{
	struct retry_in in = {
		.policy = retry_policy(a), .failed = a->rec.op.failed + 1,
		.failure = op_outcome(op) == OP_REFUSED ? FAILURE_REFUSED :
			   op_unanswered(op) ? FAILURE_OUTSIDE : FAILURE_ANSWERED,
		.first = !a->rec.last_good, .asked = a->op_serves,
	};

	return retry_again(&in, ret_wait);
}

/*
 * Refused, or trouble: the same operation again after a growing pause, until it
 * passes, something new comes, or the limit is spent (false).
 */
bool app_sync_again(struct app *a, const struct op *op)
{
	struct op_record *o = &a->rec.op;
	uint64_t wait;

	if (!is_tried_again(a, op, &wait))
		return false;
	o->failed++;
	record_hooks_again(&a->rec, o->id);
	a->sync_err = *op_error(op);
	a->retry_at = world_now(a->engine->w) + wait;
	app_decided(a, LOG_WARN, "retry", record_release(&a->rec, o->release),
		    op_took_ms(op), "release #%u, try %u: %s; again in %llu s",
		    o->release, o->failed, op_error(op)->msg,
		    (unsigned long long)(wait / 1000));
	view_again(a, op, wait);
	app_save(a);
	return true;
}

static void sync_failed(struct app *a, const struct op *op)
{
	struct release *r = record_release(&a->rec, a->rec.op.release);
	const struct op_record *o = &a->rec.op;
	unsigned again = o->failed;
	_cleanup_free_ char *why = again && op_outcome(op) != OP_BAD ?
		xasprintf("%s (retried %u time%s)", op_error(op)->msg, again,
			  again == 1 ? "" : "s") : xstrdup(op_error(op)->msg);

	free(a->op_view.message);
	a->op_view.message = xstrdup(why);
	if (r->id == a->rec.last_good) {
		/* It was good: what fails now is not the release's fault. */
		app_set_phase(a, a->rec.pin_why ? PHASE_PINNED : PHASE_GOOD);
		heal_ended(a, op);
		return;
	}
	/* A life that ended in the middle may have changed what it did not record. */
	app_reject(a, r, why, op_may_pass(op) || op_outcome(op) == OP_TROUBLE,
		   op_mutated(op) || o->tries > o->failed);
}

void app_give_up(struct app *a, const char *why)
{
	struct op_record *o = &a->rec.op;
	struct release *r = record_release(&a->rec, o->release);

	app_decided(a, LOG_INFO, "give-up", r, app_op_age_ms(a), "release #%u: %s",
		    o->release, why);
	o->id[0] = '\0';
	if (o->only.len) {
		record_take_back(&a->rec, o->release);
	} else if (o->kind == OP_ROLLBACK) {
		app_set_phase(a, PHASE_PINNED);
	} else {
		if (r && r->state == RELEASE_CANDIDATE)
			r->state = RELEASE_SUPERSEDED;
		app_set_phase(a, a->rec.last_good ? PHASE_UNPROVEN : PHASE_FAILED);
	}
	app_save(a);
	if (a->op)
		return;		/* its end shows it */
	a->op_view.phase = "Failed";
	count_operation(a, kind_of(a), "Failed", 0);
	a->op_view.finished_ms = world_wall(a->engine->w);
	free(a->op_view.message);
	a->op_view.message = xstrdup(why);
	if (a->op_serves)
		app_request_done(a);
	a->op_serves = false;
}

/* Chosen objects: a person's own act, which neither proves nor rejects a release. */
static bool partial_ended(struct app *a, const struct op *op)
{
	enum op_outcome o = op_outcome(op);

	if ((o == OP_TROUBLE || o == OP_REFUSED) && app_sync_again(a, op))
		return true;
	a->sync_err = ERR_INIT;	/* the operation's state says it */
	a->rec.op.id[0] = '\0';
	record_take_back(&a->rec, a->rec.op.release);
	app_save(a);
	return false;
}

/* True: it is not over, but tried again. */
static bool sync_ended(struct app *a, const struct op *op)
{
	switch (op_outcome(op)) {
	case OP_SUCCEEDED:
		sync_succeeded(a);
		break;
	case OP_CANCELLED:
		app_give_up(a, op_error(op)->msg);
		break;
	case OP_TROUBLE:
	case OP_REFUSED:
		if (app_sync_again(a, op))
			return true;
		sync_failed(a, op);
		break;
	case OP_BAD:
		sync_failed(a, op);
		break;
	case OP_RUNNING:
		break;
	}
	return false;
}

/*
 * A person ended it, and something of it had failed by then: that is no reason to try
 * it again. What would not have been tried again is judged as ever.
 */
static bool ends_by_wish(const struct app *a, const struct op *op)
{
	enum op_outcome o = op_outcome(op);
	bool syncs = a->rec.op.kind == OP_SYNC || a->rec.op.kind == OP_ROLLBACK;
	uint64_t wait;

	return syncs && !a->op_prunes && is_terminated(a, op) &&
	       (o == OP_TROUBLE || o == OP_REFUSED) && is_tried_again(a, op, &wait);
}

static void terminated(struct app *a, const struct op *op)
{
	view_terminated(a, op);
	a->sync_err = ERR_INIT;	/* the operation's state says it */
	app_give_up(a, "Operation terminated");
}

static void dry_run_ended(struct app *a, const struct op *op)
{
	if (op_outcome(op) == OP_SUCCEEDED) {
		free(a->op_view.message);
		a->op_view.message = xstrdup("successfully synced (dry run)");
	}
	a->rec.op.id[0] = '\0';
	record_take_back(&a->rec, a->rec.op.release);
}

/*
 * Paused or suspended under way, or the Application went and may come back with what
 * it had. A sync or a rollback goes on where it stopped when
 * that is over; a heal and a prune are decided anew. True: it is not over.
 */
static bool stopped(struct app *a, const char *why)
{
	struct op_record *o = &a->rec.op;
	bool goes_on = !a->op_prunes && (o->kind == OP_SYNC || o->kind == OP_ROLLBACK);

	app_decided(a, LOG_INFO, "stop", record_release(&a->rec, o->release),
		    app_op_age_ms(a), "stopped at a safe point: %s", why);
	if (goes_on) {
		a->op_view.phase = "Running";
		a->op_view.finished_ms = 0;
		free(a->op_view.message);
		a->op_view.message = xstrdup(why);
	} else {
		o->id[0] = '\0';
	}
	app_save(a);
	return goes_on;
}

/* For the next process, which sees the objects, and no apply's answer. */
static void note_shapes(struct app *a)
{
	for (size_t i = 0; i < a->rec.inventory.len; i++) {
		struct inv_entry *v = &a->rec.inventory.data[i];
		struct objkey k = inv_key(v);
		const struct live *l = live_find(&a->engine->live, &k);

		if (l && *l->shape && *v->uid && !strcmp(l->uid, v->uid) &&
		    !strcmp(l->fingerprint, v->fingerprint))
			memcpy(v->shape, l->shape, sizeof(v->shape));
	}
}

void app_op_ended(struct app *a, struct op *op)
{
	bool dry = a->op_serves && a->request.dry_run, again = false;
	enum count_kind kind = kind_of(a);

	view_ended(a, op);
	note_shapes(a);
	if (op_mutated(op))
		orphans_again(a, false);
	if (a->rec.op.kind == OP_REVERT)
		breaker_reverted(a, op_outcome(op) == OP_SUCCEEDED);
	if (op_outcome(op) == OP_SUCCEEDED && a->rec.op.kind == OP_REVERT)
		a->revert_tries = 0;
	a->plan_valid = false;
	if (dry)
		dry_run_ended(a, op);
	else if (a->rec.op.kind == OP_REVERT && op_outcome(op) == OP_SUCCEEDED)
		revert_succeeded(a, op);
	else if (a->rec.op.kind == OP_REVERT)
		revert_failed(a, op);
	else if (a->stopped_op && op_outcome(op) == OP_CANCELLED)
		again = stopped(a, a->gates.stopped ? a->gates.stopped :
				   a->gates.gate_stop ? a->gates.gate_stop :
							 op_error(op)->msg);
	else if (a->rec.op.kind == OP_HEAL)
		heal_ended(a, op);
	else if (ends_by_wish(a, op))
		terminated(a, op);
	else if (a->rec.op.kind == OP_ROLLBACK)
		again = app_rollback_ended(a, op);
	else if (a->rec.op.only.len)
		again = partial_ended(a, op);
	else if (a->op_prunes)
		prune_ended(a, op);
	else
		again = sync_ended(a, op);
	if (!again)
		count_operation(a, kind, phase_of(op), op_took_ms(op));
	if (a->op_serves && !again) {
		a->op_serves = false;
		app_request_done(a);
		a->untold = world_now(a->engine->w);
	}
	a->stopped_op = false;
	a->op = op_free(op);
	app_op_rels_drop(a);
	app_poke(a);
}
