/*
 * An operation: make the cluster equal to a release.
 *
 * Happy path: watch the kinds in use -> record release and inventory -> make the
 * namespace -> preflight what changed -> PreSync hooks -> per step: apply, learn new
 * kinds, settle -> PostSync hooks -> close. A revert first restores or removes what may stand in its way, runs
 * PreRevert hooks, applies without awaiting health, awaits all of it, deletes what the bad one made, and runs
 * PostRevert hooks. The plan is built anew at each step from the record and the live
 * index, so that going on after a crash is the same as going on: what is applied
 * already is kept, what is not is applied.
 * It fails by a refusal, by evidence, by trouble that may pass, or because it was
 * superseded; the application decides what follows.
 */
#include "op_priv.h"

#include <limits.h>
#include <stdio.h>

static const struct sm_state states[] = {
	[OP_IDLE] = { "Starting", TO(OP_WATCHING) | TO(OP_DONE) },
	[OP_WATCHING] = { "Watching", TO(OP_RECORDING) | TO(OP_PREFLIGHTING) |
			  TO(OP_LEARNING) | TO(OP_HOOKING) | TO(OP_DONE) },
	[OP_NAMESPACING] = { "CreatingNamespace", TO(OP_PREFLIGHTING) | TO(OP_DONE) },
	[OP_RECORDING] = { "Recording", TO(OP_NAMESPACING) | TO(OP_PREFLIGHTING) |
			   TO(OP_UNBLOCKING) | TO(OP_APPLYING) | TO(OP_PRUNING_) | TO(OP_DONE) },
	[OP_UNBLOCKING] = { "Unblocking", TO(OP_NAMESPACING) |
			    TO(OP_PREFLIGHTING) | TO(OP_DONE) },
	[OP_PREFLIGHTING] = { "Preflight", TO(OP_HOOKING) | TO(OP_APPLYING) |
			      TO(OP_PRUNING_) | TO(OP_DONE) },
	[OP_CLAIMING] = { "Claiming", TO(OP_APPLYING) | TO(OP_CLOSING) | TO(OP_DONE) },
	[OP_APPLYING] = { "Applying", TO(OP_CLAIMING) | TO(OP_HOOKING) |
			  TO(OP_SETTLING_) | TO(OP_LEARNING) | TO(OP_CLOSING) | TO(OP_DONE) },
	[OP_HOOKING] = { "RunningHooks", TO(OP_CLAIMING) | TO(OP_APPLYING) |
			 TO(OP_SETTLING_) | TO(OP_PRUNING_) | TO(OP_CLOSING) | TO(OP_DONE) },
	[OP_LEARNING] = { "Learning", TO(OP_CLAIMING) | TO(OP_WATCHING) |
			  TO(OP_CLOSING) | TO(OP_DONE) },
	[OP_SETTLING_] = { "Settling", TO(OP_CLAIMING) | TO(OP_APPLYING) |
			   TO(OP_HOOKING) | TO(OP_PRUNING_) | TO(OP_CLOSING) |
			   TO(OP_DONE) },
	[OP_PRUNING_] = { "Pruning", TO(OP_APPLYING) | TO(OP_HOOKING) | TO(OP_CLOSING) |
			  TO(OP_DONE) },
	[OP_CLOSING] = { "Closing", TO(OP_DONE) },
	[OP_DONE] = { "Done", 0 },
};

#define suspend return
#define TENURE_MS 500

static void op_tick(struct op *op);

static void on_task(struct world_task *t)
{
	op_tick(container_of(t, struct op, task));
}

static void on_timer(struct world_timer *t)
{
	op_poke(container_of(t, struct op, timer));
}

void op_poke(struct op *op)
{
	if (!op->task.active)
		world_defer(op->e->w, &op->task);
}

void op_on_live(struct op *op)
{
	op_poke(op);
}

/* Ends the operation at its next tick; the first failure stays. */
void op_fail(struct op *op, enum op_outcome outcome, const struct err *err)
{
	if (op->outcome != OP_RUNNING)
		return;
	op->outcome = outcome;
	op->err = *err;
	op_poke(op);
}

/* ---- discovery ---- */

static void on_learned(void *arg, const struct err *err)
{
	struct op *op = arg;

	if (err->code) {
		op->unanswered = true;
		op_fail(op, OP_TROUBLE, err);
	}
	op->learned = true;
	op_poke(op);
}

/* ---- the table's arms ---- */

static void op_finish(struct op *op)
{
	if (op->c.kind == OP_HEAL && op->without.code)
		op_fail(op, OP_TROUBLE, &op->without);
	if (op->outcome == OP_RUNNING)
		op->outcome = OP_SUCCEEDED;
	world_timer_stop(op->e->w, &op->timer);
	op->c.on_done(op->app, op);
}

static void log_step(struct op *op)
{
	engine_log(op->e, LOG_DEBUG, op->app, op->started ?
		   "%s of #%u: %s, wave %d" : "%s of #%u: %s",
		   op_kind_str(op->c.kind), op->c.release, sm_name(&op->sm),
		   op->wave);
}

static void enter(struct op *op, int state)
{
	sm_move(&op->sm, state);
	log_step(op);
	if ((op->c.kind == OP_SYNC || op->c.kind == OP_ROLLBACK) &&
	    !op->c.dry_run && !op_is_partial(op) && state != OP_DONE &&
	    op->c.deletion != DELETION_HOOKS) {	/* what runs stays what it is */
		app_set_phase(op->app, op_phase(op));
		app_poke(op->app);	/* people see where it is */
	}
	switch (state) {
	case OP_NAMESPACING:
		op_namespace_start(op);
		break;
	case OP_RECORDING:
		op_record_start(op);
		break;
	case OP_PREFLIGHTING:
		op_preflight_start(op);
		break;
	case OP_CLAIMING:
		/* Kinds learned since may have moved objects to a namespace. */
		op_record_inventory(op);
		op->app->rec.op.wave = op->wave;
		op_record_write(op, false);
		break;
	case OP_LEARNING:
		op->learned = false;
		discovery_refresh(op->e->discovery, on_learned, op);
		break;
	case OP_SETTLING_:
		op_settle_begin(op);
		break;
	case OP_PRUNING_:
		op->deadline = 0;
		break;
	default:
		break;
	}
}

/*
 * Waits for what is not in our hands, with an end: false to suspend, true when
 * the operation failed over it.
 */
static bool wait_for(struct op *op, const char *what)
{
	uint64_t now = world_now(op->e->w);
	struct err late = ERR_INIT;

	if (!op->wait_until)
		op->wait_until = now + op->app->spec.wave_deadline_ms;
	snprintf(op->message, sizeof(op->message), "waiting for %s", what);
	if (now < op->wait_until) {
		world_timer_start(op->e->w, &op->timer, op->wait_until - now);
		return false;
	}
	op->wait_until = 0;
	err_set(&late, ERR_TIMEOUT, "waited too long for %s", what);
	op_fail(op, OP_TROUBLE, &late);
	return true;
}

/* No event of ours tells when it is given up. */
static bool wait_for_owner(struct op *op)
{
	bool over = wait_for(op, "another application to give up an object that moved "
			     "here");

	if (!over)
		world_timer_start(op->e->w, &op->timer, TENURE_MS);
	return over;
}

static bool tick_waiting(struct op *op)
{
	const struct task *t;

	op_plan(op);
	if (op->c.kind != OP_REVERT && op_refuse(op))
		return true;	/* its owner keeps it */
	op_seek_step(op);
	t = op_step_waits(op);
	if (!t) {
		op->wait_until = 0;
		return true;
	}
	return t->casenr == 20 ? wait_for_owner(op) :
	       wait_for(op, "an object to be deleted: if it stays, look at its "
			"finalizers");
}

/* New kinds are served a moment after their CRD was taken. */
static bool tick_crds(struct op *op)
{
	const struct task *t = op_crd_pending(op);

	if (t)
		return wait_for(op, "a CRD to be established");
	op->wait_until = 0;
	enter(op, OP_LEARNING);
	return true;
}

static bool tick_applying(struct op *op)
{
	if (op->n_left)
		return false;
	if (op->outcome != OP_RUNNING)
		return true;
	if (op->crds_applied)
		return tick_crds(op);
	if (!op->started) {
		op_plan(op);
		if (op_holds_after(op, INT_MIN))
			return true;
		if (!op_next_step(op)) {
			enter(op, OP_SETTLING_);
			return true;
		}
	}
	if (op_hooks_in_wave(op, HOOKS_EARLY, OP_APPLYING)) {
		enter(op, OP_HOOKING);
		return true;
	}
	if (!op_step_is_recorded(op)) {
		enter(op, OP_CLAIMING);
		return true;
	}
	if (op_apply_next(op))
		return op->outcome != OP_RUNNING;
	if (op->crds_applied)	/* a kind was not known: learn, then go on */
		return tick_crds(op);
	if (op_step_waits(op))
		return tick_waiting(op);
	enter(op, op_hooks_in_wave(op, HOOKS_MADE, OP_SETTLING_) ? OP_HOOKING :
								   OP_SETTLING_);
	return true;
}

static bool tick_hooking(struct op *op)
{
	if (!op_hooks_tick(op))
		return false;
	if (op->outcome == OP_RUNNING)
		enter(op, op_hooks_after(op));
	return true;
}

static bool tick_settling(struct op *op)
{
	enum settle_verdict v;
	bool waits = op->c.settle || op->settled_all;
	int next, wave = op->wave;

	if (op->n_left)
		return false;
	if (waits) {
		if (op->c.kind == OP_REVERT)
			op_unstick(op);
		v = op_settle(op, op->settled_all);
		if (v == SETTLE_WAIT)
			return false;
		if (op->outcome != OP_RUNNING)
			return true;
	}
	*op->message = '\0';
	if (op_leftovers_start(op))
		return false;
	if (op_hooks_in_wave(op, HOOKS_ENDED, OP_SETTLING_)) {
		enter(op, OP_HOOKING);
		return true;
	}
	next = op_after_step(op);
	if (next == OP_CLAIMING && op->wave != wave && op_holds_after(op, wave))
		return true;
	if (next == OP_SETTLING_) {
		op_settle_begin(op);
		return true;
	}
	enter(op, next == OP_CLAIMING && !op->cas_needed ? OP_APPLYING : next);
	return true;
}

/* Nothing is begun that cannot be finished. */
static bool tick_watching(struct op *op)
{
	const struct task *t;

	if (!op_kinds_ready(op))
		return wait_for(op, op->lacks);
	if (!op->c.dry_run)
		op_hooks_recall(op);
	if (op->c.deletion == DELETION_HOOKS) {
		op->wait_until = 0;
		enter(op, op_hooks_or(op, op->c.delete_phase, OP_CLOSING));
		return true;
	}
	op_plan(op);
	if (op->c.kind != OP_REVERT && op_owner_decides(op))
		return wait_for_owner(op);
	op->wait_until = 0;
	op_take_baseline(op);
	if (op->c.kind != OP_REVERT &&
	    (op_refuse(op) || op_hooks_refuse(op) || op_lacks_choice(op)))
		return true;
	t = op_unserved(op);
	if (t && op->looked_again && op->c.kind != OP_REVERT) {
		op_fail_unserved(op, t);
	} else if (t && !op->looked_again) {	/* what we know of kinds may be old */
		op->looked_again = true;
		enter(op, OP_LEARNING);
	} else {
		enter(op, op->c.dry_run ? OP_PREFLIGHTING : OP_RECORDING);
	}
	return true;
}

/*
 * A CRD is established, and its new version served, a moment before discovery tells of
 * it. True: it is asked again, for a while.
 */
static bool learns_on(struct op *op)
{
	uint64_t now = world_now(op->e->w);

	if (!op->crds_ever || !op_step_is_untold(op)) {
		op->learn_until = 0;
		return false;
	}
	if (!op->learn_until)
		op->learn_until = now + AFTER_CRD_MS;
	if (now >= op->learn_until)
		return false;	/* what is missing is said by who misses it */
	snprintf(op->message, sizeof(op->message), "waiting for the API server to tell of "
		 "the new version of a kind");
	op->learn_at = now + AFTER_CRD_STEP_MS;
	world_timer_start(op->e->w, &op->timer, AFTER_CRD_STEP_MS);
	return true;
}

static bool learns_again(struct op *op)
{
	uint64_t now = world_now(op->e->w);

	if (!op->learn_at)
		return false;
	if (now < op->learn_at) {
		world_timer_start(op->e->w, &op->timer, op->learn_at - now);
		return true;
	}
	op->learn_at = 0;
	op->learned = false;
	discovery_refresh(op->e->discovery, on_learned, op);
	return true;
}

static bool tick_learning(struct op *op)
{
	if (!op->learned || learns_again(op))
		return false;
	if (!op->started) {
		enter(op, OP_WATCHING);
		return true;
	}
	if (!op_kinds_ready(op))
		return wait_for(op, op->lacks);
	op->wait_until = 0;
	op_plan(op);
	if (op->c.kind != OP_REVERT && op_refuse(op))
		return true;	/* where the new kinds live, and whose they are */
	op_seek_step(op);	/* the rest of the step, then its health */
	if (learns_on(op))
		return false;
	op->crds_applied = false;
	enter(op, OP_CLAIMING);
	return true;
}

/* True: go on; false: suspend until somebody pokes. */
static bool op_arm(struct op *op)
{
	switch (op->sm.state) {
	case OP_IDLE:
		enter(op, OP_WATCHING);
		return true;
	case OP_WATCHING:
		return tick_watching(op);
	case OP_RECORDING:
		if (!op->recorded)
			return false;
		enter(op, op_after_recording(op));
		return true;
	case OP_UNBLOCKING:
		if (!op_unblock_tick(op))
			return false;
		enter(op, op_after_recording(op));
		return true;
	case OP_NAMESPACING:
		if (!op->namespace_ready)
			return false;
		enter(op, OP_PREFLIGHTING);
		return true;
	case OP_PREFLIGHTING:
		if (op->n_left)
			return false;
		enter(op, op_after_preflight(op));
		return true;
	case OP_HOOKING:
		return tick_hooking(op);
	case OP_CLAIMING:
		if (!op->recorded)
			return false;
		enter(op, OP_APPLYING);
		return true;
	case OP_APPLYING:
		return tick_applying(op);
	case OP_LEARNING:
		return tick_learning(op);
	case OP_SETTLING_:
		return tick_settling(op);
	case OP_PRUNING_:
		if (!op_prune_tick(op) || (op->c.prune_only && op_leftovers_start(op)))
			return false;
		enter(op, op_after_pruning(op));
		return true;
	default:
		return false;
	}
}

/* Requests under way end before the operation does. */
static bool quiet(const struct op *op)
{
	return !op->n_left && !op->ns_busy && !op->app->store.running &&
	       !op_hooks_busy(op) && op->sm.state != OP_LEARNING;
}

static bool is_waiting(const struct op *op)
{
	return op->sm.state == OP_SETTLING_ || op->sm.state == OP_WATCHING ||
	       op->sm.state == OP_CLAIMING || op->sm.state == OP_PRUNING_ ||
	       op->learn_at || (op->wait_until && !op->n_left && op->learned);
}

bool op_cancel_if_superseded(struct op *op)
{
	struct err why = ERR_INIT;

	if (!op->superseded)
		return false;
	err_set(&why, ERR_CANCELLED, "%s", op->superseded);
	op_fail(op, OP_CANCELLED, &why);
	return true;
}

/* A hook that runs is let end, but when the whole operation is to end now. */
static bool is_hooking(const struct op *op)
{
	return op->sm.state == OP_HOOKING && !op_hooks_busy(op) && !op->app->store.running;
}

/* Called off, and nothing is half done: what comes next is not begun. */
static bool is_between(const struct op *op)
{
	return (op->called_off || op->cut) && quiet(op) &&
	       (op->sm.state != OP_HOOKING || op_hooks_rest(op));
}

/* An arm, noting when it led anywhere. */
static bool advance(struct op *op)
{
	int state = op->sm.state;
	int wave = op->wave;
	bool more = op_arm(op);

	if (op->sm.state != state || op->wave != wave)
		op->moved = world_now(op->e->w);
	return more;
}

static void op_tick(struct op *op)
{
	for (;;) {
		if (op->sm.state == OP_DONE) {
			op_finish(op);	/* frees op: the last touch */
			return;
		}
		if (op->sm.state == OP_CLOSING) {
			if (!op_close_tick(op))
				suspend;
			sm_move(&op->sm, OP_DONE);
			continue;
		}
		if (op->called_off)
			op_recall(op);
		if (is_waiting(op) || is_between(op) || (op->terminated && is_hooking(op)))
			op_cancel_if_superseded(op);
		if (op->outcome != OP_RUNNING) {
			if (!quiet(op) &&
			    !(op->sm.state == OP_LEARNING && op->learned))
				suspend;
			if (op_gathers(op))
				suspend;
			sm_move(&op->sm, sm_may_move(&op->sm, OP_CLOSING) ?
					 op_end(op) : OP_DONE);
			continue;
		}
		if (!advance(op))
			suspend;
	}
}

/* ---- for app.c ---- */

struct op *op_start(const struct op_config *c)
{
	struct op *op = xcalloc(1, sizeof(*op));

	op->c = *c;
	op->app = c->app;
	op->e = c->app->engine;
	op->task.fn = on_task;
	op->timer.fn = on_timer;
	op->dest_ns = xstrdup(c->app->spec.dest_ns);
	op->learned = true;
	op->started_mono = op->moved = world_now(op->e->w);
	sm_init(&op->sm, states, OP_IDLE);
	op_poke(op);
	return op;
}
