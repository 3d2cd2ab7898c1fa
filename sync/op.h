/*
 * op.h - an operation, as the application that runs it sees it: one attempt to make the
 * cluster equal to a release. It is started, may be held, superseded, called off or
 * terminated under way, and calls back once, from the loop, when it is over; whoever
 * started it frees it then. Inside: op_priv.h.
 */
#ifndef SYNC_OP_H
#define SYNC_OP_H

#include "core/err.h"
#include "render/answer.h"
#include "sync/record.h"

enum op_outcome {
	OP_RUNNING,
	OP_SUCCEEDED,	/* every task done, every wave healthy */
	OP_REFUSED,	/* the API server refuses an object for good; nothing mutated yet
			   when op->mutated is false */
	OP_BAD,		/* evidence of failure, or no progress in time */
	OP_TROUBLE,	/* may pass: network, conflicts, a busy server */
	OP_CANCELLED,	/* superseded or asked for */
};

/* Its objects and what its hooks left; or, before and after, hooks of one phase. */
enum op_deletion { DELETION_NONE, DELETION_OBJECTS, DELETION_HOOKS };

struct app;
struct op;
struct op_config {
	struct app *app;
	enum op_kind kind;
	uint32_t release;	/* record id */
	struct render_answer *answer;	/* with chunks; borrowed until done */
	struct render_answer *failed;	/* what a revert puts away; borrowed, NULL: not known */
	struct render_answer *in_force;	/* of an Application that goes; as failed */
	bool settle;		/* wait for health wave by wave */
	bool prune_only;
	bool dry_run;		/* the preflight alone */
	bool calm;		/* nothing was tried since the last good: a new baseline */
	bool crds_untouched;	/* no CRD that is there is applied */
	enum op_deletion deletion;	/* with prune_only: the Application goes */
	enum hook_phase delete_phase;
	void (*on_done)(struct app *app, struct op *op);
};
struct op *op_start(const struct op_config *c);
/* A live object of its application changed, or discovery did. */
void op_on_live(struct op *op);
/* Ends at the next safe point: waiting at once, applying at the wave's end. */
void op_supersede(struct op *op, const char *why);
/*
 * The same, and what it has not sent yet stays unsent: what was is awaited, and an object
 * whose replacement has begun still gets its new one.
 */
void op_call_off(struct op *op, const char *why);
const char *op_destination(const struct op *op);	/* since it began; borrowed */
/* Something is to be deleted that an operation which is over left behind. */
bool op_leftovers_wait(struct app *a);
/* Ends where the next wave would begin, unless that is taken back before. */
void op_hold(struct op *op, bool hold);
/* Called off, and a hook that runs is not let end but removed. */
void op_terminate(struct op *op, const char *why);
bool op_was_terminated(const struct op *op);
struct op *op_free(struct op *op);	/* without callback; NULL-safe */
enum op_outcome op_outcome(const struct op *op);
const struct err *op_error(const struct op *op);
bool op_mutated(const struct op *op);
/* A heal that failed for nothing but a kind, or a version of it, that is not served. */
bool op_went_without(const struct op *op);
bool op_unanswered(const struct op *op);	/* trouble between us and the server */
bool op_may_pass(const struct op *op);	/* the cause may pass by itself */
const char *op_message(const struct op *op);	/* what it waits for, for people */
/*
 * Mono: when a status should tell where it stands. Not while it moves on: most
 * operations end before anybody could have read that they run.
 */
uint64_t op_tell_at(const struct op *op);
enum phase op_phase(const struct op *op);
int op_wave(const struct op *op);
uint64_t op_took_ms(const struct op *op);	/* since it was started */
/* The number in an operation id "r42-1a2b3c4d"; 0 if it is none. */
uint32_t op_id_release(const char *id);

#endif
