/*
 * op_hook_priv.h - the hooks of one operation, shared by op_hook.c (groups),
 * op_hook_step.c (one hook), op_hook_call.c (its requests), op_close.c (the end).
 */
#ifndef SYNC_OP_HOOK_PRIV_H
#define SYNC_OP_HOOK_PRIV_H

#include "hook.h"
#include "op_priv.h"

/* One hook's object and the request for it that is under way. */
struct hook_call {
	struct op *op;
	struct hook_task task;
	const char *version;	/* to ask at; borrowed */
	struct hook_seen got;	/* by a request; the live index knows better */
	struct kube_request req;
	struct kube_ref ref;
	char *ref_names;	/* what ref points into */
	char *body;
	enum hook_verb doing;	/* LOOK, CREATE, RELEASE or DELETE while busy */
	bool busy, patching;	/* patching: the second half of RELEASE */
	bool made;		/* CREATE was answered */
	bool deleted;		/* DELETE was answered */
	struct err err;		/* how the last request failed */
	bool terminal;		/* and it will not pass */
	bool left;		/* its finalizer cannot be taken off: told, and left */
	unsigned tries;
	uint64_t active_ms;	/* its own activeDeadlineSeconds */
	uint64_t deadline;	/* mono; 0 = not set */
	uint64_t again_at;	/* mono: not before */
};

enum hooks_step {
	HOOKS_NONE,
	HOOKS_WRITING,	/* the rows, ahead */
	HOOKS_DRIVING,
	HOOKS_NOTING,	/* the results, before a finalizer is taken off */
	HOOKS_RELEASING,
	HOOKS_OVER,
};

struct op_hooks {
	struct hook_list list;
	struct hook_call *calls;	/* one per task of the list */
	size_t n_calls;
	size_t from, to;	/* the group: one phase and wave */
	enum hook_phase phase;
	bool all_waves;		/* the group is followed by the phase's next one */
	bool await;		/* until they end; else until they are made */
	int max_rank;		/* kinds from this rank on are left for later */
	enum hooks_step step;
	bool failed;		/* no more are made */
	bool dirty;		/* results that are not written yet */
	unsigned writes;	/* of the record that failed, one after another */
	uint64_t write_at;	/* mono: the next; 0 */
	enum op_outcome outcome;	/* what the first failure means */
	struct err err;
	int sync_wave;		/* which wave sync_done is about */
	enum { SYNC_NOTHING, SYNC_EARLY, SYNC_MADE, SYNC_ENDED } sync_done;
	enum { CLOSE_NONE, CLOSE_AWAIT, CLOSE_FAIL, CLOSE_CLEAN } closing;
	struct arena arena;	/* of the calls while closing */
	int after;		/* the operation's state when the group is over */
};

/* op_hook.c */
struct op_hooks *op_hooks_of(struct op *op);	/* made at the first call */
void op_hooks_forget(struct op_hooks *h);	/* the list and its calls */
/* The release whose hooks of that phase run; NULL: it is not known. */
const struct render_answer *op_hooks_source(const struct op *op, enum hook_phase phase);
bool hook_of_revert(enum hook_phase phase);
/* What the operation does is done with hooks, or would be if it were not a dry run. */
bool op_hooks_asked(const struct op *op);
/* A call for each hook of the phase's release, of all phases; none has begun. */
void op_hooks_build(struct op *op, enum hook_phase phase);

/* op_hook_step.c */
struct hook_run *hook_call_row(const struct hook_call *c);
/* Tells what an earlier life of this operation did already. */
void hook_call_recall(struct hook_call *c, const struct hook_run *row);
/*
 * Does what is next for it. True: nothing is left to do at this step of the group.
 * gate: kinds after this one are not made yet.
 */
bool hook_call_step(struct hook_call *c, int gate);
/* Notes that it runs, if its object was made and that is not noted yet. */
void hook_call_settle(struct hook_call *c);

/* The operation looks again then, at the latest. */
void hook_look_at(struct op *op, uint64_t at);
/* Pauses after a failed request; false: it was tried often enough. */
bool hook_call_retries(struct hook_call *c);

/* op_hook_call.c: one request at a time; op_poke when it is answered. */
void hook_call_start(struct hook_call *c, enum hook_verb what);
void hook_call_deinit(struct hook_call *c);
/* Where its object is to be made, and that was not sent yet, it is not made. */
void hook_call_withdraw(struct hook_call *c);
/* What is known of the object: of the live index, else what a request said. */
struct hook_seen hook_call_seen(const struct hook_call *c);

#endif
