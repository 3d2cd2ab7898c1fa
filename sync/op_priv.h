/*
 * op_priv.h - one operation, shared by its files: op.c (the state table), op_next.c (what
 * follows what), op_plan.c (what is left to do), op_kinds.c (what is served), op_record.c
 * (the write-ahead), op_preflight.c (asking dry), op_hook*.c and op_close.c (hooks),
 * op_batch.c and op_apply.c (the requests), op_settle.c (waiting for health), op_prune.c and
 * op_double.c (what goes), op_namespace.c, op_unstick.c (pods that keep a StatefulSet from
 * going back).
 */
#ifndef SYNC_OP_PRIV_H
#define SYNC_OP_PRIV_H

#include "engine_priv.h"
#include "hook.h"
#include "replace.h"
#include "settle.h"
#include "unblock.h"

enum {
	OP_IDLE,
	OP_WATCHING,	/* until the kinds in use have their first list */
	OP_NAMESPACING,	/* CreateNamespace */
	OP_RECORDING,	/* release and inventory, before the first mutation */
	OP_UNBLOCKING,	/* a revert: what may stand in its way goes first */
	OP_PREFLIGHTING,
	OP_CLAIMING,	/* compare-and-swap of the record before a wave */
	OP_HOOKING,	/* hooks are made, or awaited */
	OP_APPLYING,
	OP_LEARNING,	/* discovery, after CRDs were established */
	OP_SETTLING_,
	OP_PRUNING_,
	OP_CLOSING,	/* SyncFail hooks; all hooks are released or removed */
	OP_DONE,
};

/* What a CRD brings is not there at once: for how long it is tried, and how often. */
#define AFTER_CRD_MS 10000
#define AFTER_CRD_STEP_MS 500

/* What an apply asks before it is sent (op_keep.c). */
enum keep_step { KEEP_READING, KEEP_AUTOSCALERS, KEEP_SCALED_OBJECTS, KEEP_HANDING, KEEP_DONE };

/* Where the replacement of an object that cannot be changed is (op_replace.c). */
enum replacing { REPLACE_NOT, REPLACE_READ, REPLACE_PROVE, REPLACE_LIST,
		 REPLACE_NOTE, REPLACE_DELETE, REPLACE_WAIT, REPLACE_OVER };

/* How a CRD converts its versions, on the way back (op_crd.c). */
enum crd_step { CRD_NOT, CRD_READ, CRD_ASK, CRD_OVER };

/* One object's request, or a chain of them: look, keep, apply, replace. */
struct apply {
	struct op *op;
	struct task task;
	struct kube_request req;
	struct kube_ref ref;
	char *ref_names;	/* what ref points into: its tries outlive a discovery */
	struct world_timer again;	/* 404 soon after a CRD */
	uint64_t first_try;
	uint64_t over;		/* the version that was known when it was sent; 0 */
	char *body;
	struct err broken;
	bool dry_run, looking, deleting, gone, unblocking;
	bool last_look;		/* of a dry run, which is over then */
	const struct hook_task *hook;	/* a hook's object, asked dry; NULL */
	bool had_run;		/* an earlier run of it was there when it was asked */
	bool anew;		/* and as if that were gone */
	bool leftover;		/* deleting one of the record's leftovers */

	enum crd_step crd;
	enum keep_step keeping;
	json_t *live;		/* as it was read; owned; NULL: not read, or not there */
	json_t *keep;		/* ignore.h: what stays as it is in the cluster; owned */
	bool verifying;		/* asked dry: does what counts differ at all? */

	enum replacing replacing;
	enum replace_way way;
	struct err refused;	/* what the replacement began with */
	char old_uid[40];
	uint64_t replace_by;	/* mono: when the old object has to be gone */
	int64_t replicas;	/* that somebody else set, for the new one; 0 */
	bool handing;		/* the new one has them, and they are not handed over yet */
	char *page;		/* the next one of the list of its ReplicaSets; owned, NULL */
	unsigned pages;		/* asked for so far */
	bool beyond;		/* there are more than find a place in the record */
	bool noted;		/* its ReplicaSets are in the record, or on their way */
	bool checked;		/* to be deleted: read, and it is ours */
	bool left;		/* to be deleted, and nothing was asked */
	bool doubled;		/* read in another group: is it the same object? (op_double.c) */
	size_t double_at;	/* the release's next object to ask that of */
	/* Other tools' fields, after the first apply (op_takeover.c). */
	enum fields { FIELDS_UNKNOWN, FIELDS_READING, FIELDS_WRITING,
		      FIELDS_TAKEN } fields;
	bool adopts, more;	/* it was there before us; then apply once more */
	unsigned tries;
};

/* What is known of an object beside the plan, which is rebuilt at each step. */
struct fact {
	char *key;
	bool absent;		/* looked: it did not exist */
	bool changed;		/* this operation changed it, or an earlier try of it */
	bool applied;		/* this one did */
	char adopt_uid[40];
	bool without;		/* left: op_goes_without() */
	bool sick;		/* degraded in the baseline: no evidence */
	uint64_t degraded_since;
	uint64_t progressing_since;
	struct podwatch *pods;
	struct probe *probe;	/* NULL: what calls out from here was not asked */
	char pod_message[640];
	UT_hash_handle hh;
};

struct op {
	struct op_config c;
	struct app *app;
	struct engine *e;
	struct sm sm;
	enum op_outcome outcome;
	struct err err;
	bool mutated, may_pass, cas_needed, settled_all, recorded, learned;
	bool unwritten;		/* recorded, but for an error: the write has failed */
	bool unanswered;	/* what failed had no answer from the API server */
	char message[800];
	char lacks[480];	/* what op_kinds_ready() found missing */
	struct err without;	/* the first task left, as it is not served; code NONE */
	char *superseded;	/* why it is to end; owned; NULL: it is not */
	bool hold;		/* no further wave is begun */
	bool called_off;	/* nothing more is sent */
	bool cut;		/* ... of which something would have been */
	bool terminated;	/* what runs ends now, too */
	bool gathered;		/* what failing pods say was asked for */
	bool began;		/* past the preflight: a failure runs SyncFail hooks */
	struct op_hooks *hooks;	/* NULL until there is one */
	uint64_t hooks_look_at;	/* mono: when the timer looks for them; 0 */

	struct scope *scopes, *force_scopes;	/* the latter of c.in_force; NULL: not asked */
	struct plan plan;
	int wave, step;		/* the step under way */
	bool started;		/* wave and step are set */
	size_t next_task;
	struct apply *batch;
	size_t n_batch, n_left;
	bool crds_applied;	/* not learned yet */
	bool crds_ever, relearned;
	uint64_t learn_at;	/* mono: discovery is asked once more; 0 */
	uint64_t learn_until;	/* mono: that goes on for this step; 0 */
	bool looked_again;	/* discovery, for a kind that was not known */
	bool namespace_ready;
	struct kube_request ns_req;
	char *ns_body;
	char *dest_ns;		/* the spec may be edited under way */
	bool ns_busy;
	struct task lost_hook;	/* of a kind that is not served */
	bool pre_sync_due;	/* PreSync hooks run when what they use is there */
	bool pruning_early;	/* before anything is applied */
	uint64_t prune_again;	/* mono: not before */

	enum blocker unblock_stage;	/* the one under way */
	uint64_t unblocked_at;	/* mono: a blocker was restored or removed; 0 */
	struct unstick *unstick;

	struct fact *facts;
	uint64_t deadline;	/* mono: of the prunes */
	uint64_t progress, progress_now, progress_at, look_at;
	char *doubted;			/* "group/kind" listed again, or NULL */
	uint64_t doubt_until;		/* mono: then it is judged all the same */
	uint64_t wait_until;	/* mono: kinds or a deletion are waited for; 0 */
	struct world_task task;
	struct world_timer timer;
	uint64_t started_mono, moved;	/* mono; moved: to another step */
};

/* op.c */
void op_poke(struct op *op);
void op_fail(struct op *op, enum op_outcome outcome, const struct err *err);
void op_result(struct op *op, const struct objkey *k, const char *version,
	       const char *status, const char *message);
/* A hook's row of the results, of the phase "PreSync"...; changed in place. */
void op_hook_result(struct op *op, const struct objkey *k, const char *version,
		    const char *type, const char *status, const char *phase,
		    const char *message);
struct fact *op_fact(struct op *op, const struct objkey *k, bool make);
/* Ends it as cancelled, if that was asked for; true: it was. */
bool op_cancel_if_superseded(struct op *op);
/*
 * op_next.c: the state that follows, when that of the name is done: what is to be
 * recorded, the preflight, prunes, a step of the plan.
 */
int op_after_recording(struct op *op);
int op_after_preflight(struct op *op);
int op_after_pruning(struct op *op);
int op_after_step(struct op *op);
/* The hooks of phase, where it has any, before `after`. */
int op_hooks_or(struct op *op, enum hook_phase phase, int after);
/* When nothing is left to do. */
int op_end(const struct op *op);
/* True: it ends here, for a gate that was shut; op_settle.c. */
bool op_holds_after(struct op *op, int wave);

/* op_view.c: of the request that it serves, else the application's. */
uint32_t op_options(const struct op *op);
const char *op_propagation(const struct op *op);	/* "Foreground" if not said */
/* Chosen objects alone: the application's target and phase stay as they are. */
bool op_is_partial(const struct op *op);

/* op_record.c */
void op_record_write(struct op *op, bool with_release);
void op_record_inventory(struct op *op);
/* Release and inventory, before anything is changed. */
void op_record_start(struct op *op);

/*
 * op_hook.c: the hooks of a phase, or of a wave of objects. begin, then tick until
 * true (all over, or the operation failed); then go to the state `after`.
 */
enum hooks_when { HOOKS_EARLY, HOOKS_MADE, HOOKS_ENDED };
bool op_hooks_any(const struct op *op, enum hook_phase phase);
/* Fails the operation over a hook that the project does not allow; true: it did. */
bool op_hooks_refuse(struct op *op);
void op_hooks_begin(struct op *op, enum hook_phase phase, int after);
/* Sync hooks of the wave under way: false when that is done, or there are none. */
bool op_hooks_in_wave(struct op *op, enum hooks_when when, int after);
/* The first wave after the one under way that has Sync hooks; false: none. */
bool op_hooks_next_wave(const struct op *op, int *wave);
bool op_hooks_tick(struct op *op);
int op_hooks_after(struct op *op);
bool op_hooks_busy(const struct op *op);	/* a request is under way */
/* None of the group under way was made, but for what has ended well. */
bool op_hooks_rest(const struct op *op);
/* What waits to be made is not made. */
void op_hooks_withdraw(struct op *op);
void op_hooks_free(struct op *op);

/*
 * op_close.c: ticked until true, whatever the outcome. recall: hooks that operations
 * before this one made and did not get to know of; needs the live index complete.
 */
void op_hooks_recall(struct op *op);
bool op_needs_close(const struct op *op);
bool op_close_tick(struct op *op);

/* op_plan.c */
void op_plan(struct op *op);
/* Every kind in use that is served has had its first list; else op->lacks says why. */
bool op_kinds_ready(struct op *op);
void op_take_baseline(struct op *op);
/* Moves wave, step and next_task to the step after the finished one; false: none. */
bool op_next_step(struct op *op);
/* To the start of the step under way, in a new plan. */
void op_seek_step(struct op *op);
/* An apply of a version that discovery does not tell of; of the step under way. */
bool op_is_untold(const struct op *op, const struct task *t);
bool op_step_is_untold(const struct op *op);
/* A CRD is about to be applied: what is known of kinds will be old. */
static inline void op_crds_change(struct op *op)
{
	op->crds_applied = op->crds_ever = true;
	op->relearned = false;
}
/* A CRD of this step that is not established yet; NULL. */
const struct task *op_crd_pending(const struct op *op);
/* Fails the operation over what the plan refuses to touch; true: it did. */
bool op_refuse(struct op *op);
/* What the API server thinks of other objects may change with it. */
bool op_shapes_admission(const struct objkey *k);
/* A task whose kind neither the cluster serves nor the release brings; NULL. */
const struct task *op_unserved(struct op *op);
/* A revert needs a version of a kind that is served in others only. */
bool op_lost_version(const struct op *op, const struct task *t);
void op_fail_unserved(struct op *op, const struct task *t);
/*
 * The kind is not served, nor will be: what puts back what was does so with the rest; a heal
 * also where the kind is served in other versions only. True: that is noted, and the task
 * is over. A heal fails of it at its end.
 */
bool op_goes_without(struct op *op, const struct task *t);
/* An earlier task may change what the API server thinks of this object. */
bool op_earlier_may_help(const struct op *op, const struct objkey *k);
/* Fails it over an object that was chosen and is in no plan; true: it did. */
bool op_lacks_choice(struct op *op);
/* A row for each object that would be applied or pruned. */
void op_report_dry_run(struct op *op);
/* An object that another application has. key "": the caller names it. */
void op_say_shared(struct op *op, const char *key, const char *owner,
		   struct err *err);
/* Whether another application gives an object up is about to be known. */
bool op_owner_decides(const struct op *op);
/* An object of this step that is applied when it is gone, or given up; NULL. */
const struct task *op_step_waits(const struct op *op);

/*
 * The outcome of lacking what others may bring (a CRD, a namespace, a permission).
 * While a good release runs, that one is kept; with nothing to keep, it is tried
 * again soon.
 */
enum op_outcome op_lacking(struct op *op);

/*
 * op_preflight.c: what would be applied, objects and hooks, asked dry; a batch. hook:
 * fills the request for one's object. unserved: a hook of a kind that neither the
 * cluster serves nor the release brings; NULL.
 */
void op_preflight_start(struct op *op);
void op_on_dry_run(struct apply *a, const struct err *err);
int op_preflight_hook(struct apply *a) __attribute__((warn_unused_result));
const struct task *op_hooks_unserved(struct op *op);

/* op_batch.c: each starts a batch of requests; op_poke when the last is done. */
int op_next_rank(struct op *op);	/* of the kind it would begin; INT_MAX: none */
/*
 * Is what the step would apply in the record? Where an object lives may have become
 * known since that was written: its kind is served now.
 */
bool op_step_is_recorded(const struct op *op);
bool op_apply_next(struct op *op);	/* false: nothing left in this step */
/* Room for n requests, zeroed; filled by apply_resolve(), then started all together. */
struct apply *op_batch_make(struct op *op, size_t n);
void op_batch_start(struct op *op, size_t n);
void op_batch_free(struct op *op);
/* False: the kind is not served (yet). */
bool apply_resolve(struct op *op, const struct task *t, struct apply *a);
bool op_is_terminal(const struct err *err);
/*
 * op_send.c: to the API server; what writes, or asks dry, as whom the project says. Where
 * it says nobody it ends in that error, unsent.
 */
void op_send(struct op *op, struct kube_request *r);
/* The operation was called off, and this object can stay as it is: it is left so. */
bool op_leaves(const struct apply *a);
/* Takes back what it waits to send; what was sent, or has begun, goes on to its end. */
void op_recall(struct op *op);
/* What to do about it, where a person can do something. */
void op_hint(struct err *err);
/* Nobody has granted what it needs (yet): RBAC, not an admission's refusal. */
bool op_lacks_rights(const struct kube_request *r, const struct err *err);
/* op_view.c: the error as people may read it: a Secret's may quote the value. */
void op_safe_error(const struct objkey *k, const struct kube_request *r,
		   const struct err *err, struct err *ret);

/* What the renderer made of the object, as bytes; owned by the caller. */
int op_body(const struct apply *a, char **ret, size_t *ret_len, struct err *err)
	__attribute__((warn_unused_result));
/* Sends the next request of its chain, or (again) the one that its state says. */
void op_apply_send(struct apply *a);
/*
 * True: asked again in a moment. The API server heeds a removed webhook or a raised
 * quota a moment later; whoever grants rights may be a moment behind.
 */
bool op_apply_after_unblock(struct apply *a, const struct err *err);
bool op_apply_when_allowed(struct apply *a, const struct err *err);
/* Ends a chain in failure. */
void op_apply_fail(struct apply *a, enum op_outcome outcome, const struct err *err);
void op_apply_done(struct apply *a);
/* The same, of what was not done: the operation was called off. */
void op_apply_leave(struct apply *a);

/*
 * op_crd.c: wants_look: a CRD that a revert leaves alone, and that a failed release
 * changed: its apply begins as CRD_READ. answer: until CRD_OVER; then it is restored.
 */
bool op_crd_wants_look(struct op *op, const struct task *t);
void op_crd_answer(struct apply *a, const struct err *err);

/*
 * op_keep.c: what stays as it is in the cluster although we apply the object, and
 * drift that is none. wants_look: the live object has to be read first; take: that
 * is it (NULL: there is none). send: true when it filled a->req with something to be
 * asked before the apply; answer: true when the chain goes on.
 */
bool op_keep_wants_look(struct apply *a);
void op_keep_take(struct apply *a, const json_t *live);
bool op_keep_send(struct apply *a);
bool op_keep_answer(struct apply *a, const struct err *err);
/* The dry run answered: is the live object as it would be? Then that is noted. */
bool op_keep_verified(struct apply *a);
void op_keep_free(struct apply *a);

/*
 * op_replace.c: an object that was refused for an immutable field. begin: true when
 * the chain goes on with its replacement; false: *told holds what people shall read.
 * send and answer are called while a->replacing says so.
 */
bool op_replace_begin(struct apply *a, const struct err *err, struct err *told);
int op_replace_send(struct apply *a, struct err *err)
	__attribute__((warn_unused_result));
void op_replace_answer(struct apply *a, const struct err *err);
/* The replicas of the old object into the new one's body, where they are not ours. */
void op_replace_carry(const struct apply *a, struct buf *body);
/* It was made with them: they are handed over. True: the chain goes on. */
bool op_replace_hands_over(struct apply *a);
/* "applied", or what else became of it: static. */
const char *op_replace_words(const struct apply *a);
/* Ends it before anything was deleted, in that failure. */
void op_replace_fail(struct apply *a, const struct err *err, const char *doing);

/*
 * op_leftover.c: list fills the request for the old Deployment's ReplicaSets, listed takes
 * the answer; the chain goes on with the deletion when they are in the record. start:
 * deletes them, up to the step under way; false: there is none (more). is_free: as it
 * was read, it may be deleted.
 */
void op_leftovers_list(struct apply *a);
void op_leftovers_listed(struct apply *a, const struct err *err);
bool op_leftovers_start(struct op *op);
bool op_leftover_is_free(const struct apply *a, const json_t *object);
/* It was not asked to go after all: later. */
void op_leftover_left(struct apply *a);
static inline bool op_replace_runs(const struct apply *a)
{
	return a->replacing != REPLACE_NOT && a->replacing != REPLACE_OVER;
}

/* op_prune.c */
bool op_may_prune(const struct op *op);
/* What a dry run refuses may fit when that is gone. */
bool op_prunes_early(const struct op *op);
/* Is there something to delete before the first apply? Then op_prune_tick does it. */
bool op_prune_early(struct op *op);
/* One wave of prunes at a time; true when nothing is left to delete. */
bool op_prune_tick(struct op *op);
/* What blocks requests, then the other blockers; true when all was tried. */
bool op_unblock_tick(struct op *op);
/*
 * op_double.c: what is to be deleted may be, in another group, an object that the release
 * has and argocd-cm excludes. wanted: true when that is to be read, by init. answer: true
 * when it is another object, or none; else the chain is over.
 */
bool op_double_wanted(struct apply *a);
void op_double_init(struct apply *a);
bool op_double_answer(struct apply *a, const struct err *err);
void op_delete_init(struct apply *a);
void op_on_delete(struct apply *a, const struct err *err);

void op_on_answer(struct kube_request *r, const struct err *err);

/* op_takeover.c: fields of other tools on an object that was there before us */
bool op_takeover_wanted(struct apply *a);	/* asked before the answer counts */
/* object: as the apply answered it. False: nothing to do. */
bool op_takeover(struct apply *a, const json_t *object);
void op_on_takeover(struct apply *a, const struct err *err);

/* op_namespace.c: op_poke when it is there */
bool op_needs_namespace(const struct op *op);
void op_namespace_start(struct op *op);

/*
 * op_unstick.c: deletes pods of the failed revision that keep StatefulSets which
 * are not healthy yet from rolling back (unstick.h says which); looks again every
 * few seconds as long as it is called. NULL-safe free, without callbacks.
 */
void op_unstick(struct op *op);
struct unstick *unstick_free(struct unstick *u);

/*
 * op_evidence.c: what failing pods say, asked for when a sync failed over them:
 * those of the steps' objects, or of its failed hooks. op_gathers: true while that
 * is under way; hooks and objects stay until then, and the reason gets what was said
 * of the pods. Not called any more once it answered false.
 */
void op_gather(struct op *op, const struct settle_item *items, size_t n, size_t culprit);
bool op_gathers(struct op *op);

/*
 * op_probe.c: what the API server calls out to (webhooks, conversions), asked for what
 * this operation changed. due: this task's object is such, and nothing is applied
 * after it. op_probe: NULL: it answered; else why not yet (borrowed), and when it is
 * asked again (mono; 0: it is being asked, and pokes).
 */
bool op_probe_due(struct op *op, const struct task *t);
const char *op_probe(struct op *op, const struct task *t, uint64_t *ret_again_at);
struct probe *op_probe_free(struct probe *p);	/* NULL-safe */

/* op_settle.c */
enum settle_verdict op_settle(struct op *op, bool all);
void op_settle_begin(struct op *op);
void op_facts_free(struct op *op);

#endif
