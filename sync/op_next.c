/*
 * Where an operation goes from what it has done: the state that follows. What a state
 * does is in op.c and the file of that state.
 */
#include "op_priv.h"

#include <limits.h>

int op_after_recording(struct op *op)
{
	if (op->c.prune_only)
		return OP_PRUNING_;
	if (op->c.kind == OP_REVERT && op->sm.state == OP_RECORDING)
		return OP_UNBLOCKING;
	if (op_needs_namespace(op) && !op->namespace_ready)
		return OP_NAMESPACING;
	return op->c.kind == OP_HEAL ? OP_APPLYING : OP_PREFLIGHTING;
}

/* All is done; what it leaves behind is put in order first. */
int op_end(const struct op *op)
{
	return op_needs_close(op) ? OP_CLOSING : OP_DONE;
}

/* From what needs no hooks to what does: its hooks first, where it has any. */
int op_hooks_or(struct op *op, enum hook_phase phase, int after)
{
	if (!op_hooks_any(op, phase))
		return after;
	op_hooks_begin(op, phase, after);
	return OP_HOOKING;
}

/* What only a rollback, or chosen objects with a prune, delete before the end. */
static int after_hooks(const struct op *op)
{
	return op->c.kind == OP_ROLLBACK || (op_is_partial(op) &&
	       op->app->rec.op.prune) ? OP_PRUNING_ : OP_CLOSING;
}

static int after_steps(struct op *op)
{
	int after = after_hooks(op);

	if (!op_hooks_any(op, HOOK_POST_SYNC))
		return after == OP_CLOSING ? op_end(op) : after;
	op_hooks_begin(op, HOOK_POST_SYNC, after);
	return OP_HOOKING;
}

/* All that comes before the first ordinary wave. */
static int before_waves(struct op *op)
{
	int next;

	op->pre_sync_due = false;
	if (op_holds_after(op, INT_MIN))
		return OP_SETTLING_;
	next = op_prune_early(op) ? OP_PRUNING_ :
	       op->started && op->cas_needed ? OP_CLAIMING : OP_APPLYING;
	if (op->started)	/* that planned anew */
		op_seek_step(op);
	return op_hooks_or(op, HOOK_PRE_SYNC, next);
}

int op_after_preflight(struct op *op)
{
	if (op->c.dry_run) {
		op_report_dry_run(op);
		return OP_DONE;
	}
	op->began = true;
	if (op->c.kind == OP_REVERT)
		return op->app->rec.pin_prepared ? OP_APPLYING :
		       op_hooks_or(op, HOOK_PRE_REVERT, OP_APPLYING);
	op->pre_sync_due = op_hooks_any(op, HOOK_PRE_SYNC);
	if (op->pre_sync_due && op->plan.early)
		return OP_APPLYING;	/* what they use, first */
	return before_waves(op);
}

int op_after_pruning(struct op *op)
{
	if (op->outcome != OP_RUNNING)
		return OP_DONE;
	if (!op->pruning_early)
		return op_hooks_any(op, HOOK_POST_REVERT) ?
		       op_hooks_or(op, HOOK_POST_REVERT, OP_CLOSING) : op_end(op);
	op->pruning_early = false;
	if (op->started)
		op_seek_step(op);
	return OP_APPLYING;
}

/* Where to go from a finished step; OP_DONE when it was the last. */
int op_after_step(struct op *op)
{
	bool more;

	op_plan(op);
	more = op_next_step(op);
	if (op->pre_sync_due && (!more || op->wave != op->plan.early_wave))
		return op_holds_after(op, op->plan.early_wave) ? OP_SETTLING_ :
							      before_waves(op);
	if (!more) {
		if (op->c.kind != OP_REVERT || op->settled_all)
			return op->c.kind == OP_REVERT ? OP_PRUNING_ :
							 after_steps(op);
		op->settled_all = true;	/* a revert awaits everything at the end */
		return OP_SETTLING_;
	}
	return OP_CLAIMING;
}
