/*
 * hook_record.h - what the state record remembers of hooks.
 *
 * One row per hook and phase, written before the hook's object is made: a process
 * that dies finds its hooks again, runs none twice and leaves none behind. A row
 * stays when its operation is over: it names what the deletion of the application
 * has to remove, and what ran for the last good release.
 */
#ifndef SYNC_HOOK_RECORD_H
#define SYNC_HOOK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

struct objkey;
struct record;

/* In the order of an operation; the last two belong to the application's end. */
enum hook_phase {
	HOOK_PRE_SYNC,
	HOOK_SYNC,
	HOOK_POST_SYNC,
	HOOK_SYNC_FAIL,
	HOOK_PRE_REVERT,	/* of the release that failed */
	HOOK_POST_REVERT,	/* of the one that it goes back to */
	HOOK_PRE_DELETE,
	HOOK_POST_DELETE,
	HOOK_PHASE_N
};
const char *hook_phase_str(enum hook_phase p);	/* "PreSync"... */

enum hook_state {
	HOOK_PLANNED,	/* written ahead; its object may be there */
	HOOK_RUNNING,
	HOOK_SUCCEEDED,
	HOOK_FAILED,
	HOOK_LATE,	/* failed, but its object may still run */
	HOOK_STATE_N
};
const char *hook_state_str(enum hook_state s);	/* "planned"... */

struct hook_run {
	char *group, *kind, *ns, *name, *version;
	char *base;		/* the generateName that name was made of, "" if none */
	enum hook_phase phase;
	enum hook_state state;
	uint32_t flags;		/* enum object_flags: delete policies */
	char op[24];		/* the operation that ran it */
	char uid[40];		/* "" = not made yet, or gone */
	char digest[65];	/* of its body, once it succeeded */
	char good_digest[65];	/* of the body that ran for a good release */
	int64_t deadline_ms;	/* wall clock; 0 = not running yet */
	char *message;		/* why it failed; NULL */
};

/* Rows of operations that are over are forgotten beyond this, oldest first. */
#define RECORD_HOOKS_MAX 200

struct objkey hook_run_key(const struct hook_run *h);	/* borrowed */
void hook_run_deinit(struct hook_run *h);
/* The row of that object in that phase, or NULL. */
struct hook_run *record_hook(struct record *r, const struct objkey *k,
			     enum hook_phase phase);
/*
 * The row, planned for the operation op: made, or reset where it was another
 * operation's. base may be "". What ran for a good release is kept, also from the
 * row of an earlier name with the same base.
 */
struct hook_run *record_hook_plan(struct record *r, const struct objkey *k,
				  enum hook_phase phase, const char *base,
				  const char *op);
/* The operation is tried again: what was refused is planned anew. */
void record_hooks_again(struct record *r, const char *op);
/* An end's hooks are tried again by a new operation: what succeeded counts there too. */
void record_hooks_carry(struct record *r, enum hook_phase phase, const char *op);
/*
 * The application lives: the hooks of an end that it had before, or that never came, are
 * not those of the next one. True: there were such.
 */
bool record_hooks_alive(struct record *r);
/* A release turned good: what succeeded until now belongs to it. */
void record_hooks_proven(struct record *r);
/*
 * A hook that did something since the last good release which putting that back
 * does not undo (a migration): it succeeded with another body than the one of the
 * good release and is not annotated as reversible. NULL: none.
 */
const struct hook_run *record_hook_holds(const struct record *r);

#endif
