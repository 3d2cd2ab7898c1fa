/*
 * record.h - what syncd remembers of one application, and must not lose.
 *
 * One small mutable document per application, kept in a Secret of syncd's own
 * namespace: releases and their states, target, last good, pin, the operation
 * under way, and the inventory. It is written *before* the first mutation of an
 * operation, so that whatever step the process dies at, the next one continues
 * from it and the cluster. This page is the data and its codec: pure.
 */
#ifndef SYNC_RECORD_H
#define SYNC_RECORD_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "sync/hook_record.h"
#include "sync/notice.h"

/* An object's identity; versions do not count. Strings are borrowed. */
struct objkey {
	const char *group, *kind, *ns, *name;	/* "" for none, never NULL */
};
int objkey_cmp(const struct objkey *a, const struct objkey *b);
/* "apps/Deployment/prod/web", "ServiceAccount/prod/web", "Namespace/prod". */
void objkey_format(const struct objkey *k, struct buf *out);

/* One object that any release in force ever put into the cluster. */
struct inv_entry {
	char *group, *kind, *ns, *name;
	char *version;		/* of the last apply */
	int wave;
	uint32_t flags;		/* enum object_flags of its last release */
	char uid[40];		/* "" = pending: nothing of it may be deleted */
	char op[24];		/* operation that wrote it ahead; stamped on the object */
	char digest[65];	/* body last applied; "" = not yet */
	char fingerprint[65];	/* of our fields, as that apply answered */
	char shape[65];		/* live.h: of what has that fingerprint; "" not known, or none */
	bool adopted;		/* it was there before us */
	bool changed;		/* by the operation under way */
	bool blamed;		/* by a candidate since the last good: it is to blame */
	bool sick;		/* degraded before the first candidate since the last good */
	bool approved;		/* a person agreed to its removal */
};
struct objkey inv_key(const struct inv_entry *e);

enum release_state {
	RELEASE_CANDIDATE,
	RELEASE_GOOD,
	RELEASE_REJECTED,
	RELEASE_SUPERSEDED,
	RELEASE_STATE_N
};
const char *release_state_str(enum release_state s);	/* "candidate"... */

struct release {
	uint32_t id;		/* 1, 2, ...: people say #42 */
	enum release_state state;
	char digest[65];
	char input_key[65];
	char options_digest[65];
	char revision[65];	/* the commit that asked for it last; of several the first */
	char *revisions;	/* of spec.sources: all of them, spaced; NULL */
	char *sources;		/* as written then: app_sources_text(); NULL: not kept */
	char *project;		/* whose rules it went out by last; NULL: not kept */
	char *author, *subject;
	char *initiated_by;	/* "automated" or a user name */
	char *reason;		/* why rejected: words for people; NULL */
	char *approved_by, *approved_why;	/* a person did; NULL */
	char *overridden;	/* "window: why": gates that a person passed; NULL */
	char *chunks;		/* of a large one: parts of their digests, spaced; NULL */
	bool may_pass;		/* the cause may pass (pull, quota, deadline): one retry */
	bool retried;
	bool proven;		/* it was good once, whatever it is now */
	bool prune;		/* a person asked to prune with it; until it is done */
	char *propagation;	/* with this policy; NULL: the spec's */
	uint32_t reported;	/* auto-revert would have gone back to this one; 0 */
	bool evidence;		/* what its pods said is kept beside the record */
	uint32_t n_objects;
	int64_t bytes;		/* store_bytes(); 0: not known */
	int64_t created_ms;	/* wall clock */
	int64_t deployed_ms;	/* operation succeeded; 0 = not */
	int64_t decided_ms;	/* promoted, rejected or superseded; 0 = not */
	int64_t rejected_mono;	/* not stored: see record_clock() */
};

/* Where an application is: the states of auto-revert. */
enum phase {
	PHASE_NONE,		/* nothing deployed by us yet */
	PHASE_PREFLIGHT,
	PHASE_APPLYING,
	PHASE_SETTLING,
	PHASE_SOAKING,
	PHASE_PRUNING,
	PHASE_GOOD,
	PHASE_REVERTING,
	PHASE_PINNED,
	PHASE_FAILED,		/* failed without a last good release */
	PHASE_REVERT_BLOCKED,
	PHASE_REVERT_STALLED,
	PHASE_UNPROVEN,
	PHASE_N
};
const char *phase_str(enum phase p);	/* "Good", "Reverting"... */
enum phase phase_from_str(const char *s);	/* PHASE_NONE if unknown */

enum op_kind { OP_NONE, OP_SYNC, OP_HEAL, OP_REVERT, OP_ROLLBACK, OP_KIND_N };
const char *op_kind_str(enum op_kind k);

/* One object that a person chose; ns "" = in any namespace. */
struct op_choice {
	char *group, *kind, *ns, *name;
};

/*
 * A ReplicaSet of a Deployment that was replaced by one that does not adopt it: it goes
 * when that one, of another uid than owner, is healthy. It may outlive its operation.
 */
struct op_leftover {
	char *ns, *name, *of;	/* of: the Deployment's name */
	char uid[40], owner[40];
	int wave;		/* that it was in */
	bool asked;		/* not stored: its deletion was asked for */
};

/* The operation under way; id "" = none. */
struct op_record {
	char id[24];
	enum op_kind kind;
	uint32_t release;
	int64_t started_ms;
	int64_t deadline_ms;	/* of the current wave, wall clock; 0 = none */
	int wave;
	char *initiated_by;
	bool applied;		/* every wave healthy: soak and prune remain */
	unsigned tries;		/* how often it was taken up again */
	unsigned failed;	/* tries that failed: syncPolicy.retry counts them */
	/* What a person asked for; a crash must not turn it into something else. */
	bool no_hooks;
	bool prune;
	bool own_options;	/* options and propagation instead of the spec's */
	uint32_t options;	/* enum app_options */
	char *propagation;
	char asked[65];		/* digest of the request that it serves; "" */
	VEC(struct op_choice) only;	/* these alone; none: all of the release */
	VEC(struct op_leftover) leftovers;
};
/* As new, but for what is written into *o after it. */
void op_record_reset(struct op_record *o);
/* The same, for the next operation: what others left behind stays. */
void op_record_begin(struct op_record *o);

struct record {
	uint64_t epoch;		/* the leader that wrote it */
	uint32_t last_id;	/* releases numbered so far */
	uint32_t target, last_good;	/* release ids; 0 = none */
	enum phase phase;
	int64_t phase_since_ms;
	char *pin_why;		/* NULL = not pinned */
	char *pin_by;		/* "auto-revert" or a person */
	int64_t pin_since_ms;
	int64_t pin_until_ms;	/* wall: it ends by itself then; 0 = it does not */
	uint32_t pin_rejected;	/* the release that was rejected; 0 */
	bool pin_prepared;	/* its PreRevert hooks have run */
	struct op_record op;
	int64_t adopted_ms;	/* its workloads ran before it came, until then; 0 */
	unsigned reverts_in_row;
	int64_t last_revert_ms;
	int64_t last_revert_mono;	/* not stored: see record_clock() */
	bool cascading;		/* with its Application its objects go, or began to */
	bool chunks_noted;	/* all its large releases say which chunks they need */
	int64_t vanished_ms;	/* its Application is gone since then; 0 = it is there */
	int64_t vanished_mono;	/* not stored */
	/* The deploy-control file in force: control.h's frame, path, commit; or NULL. */
	char *control, *control_file, *control_revision;
	/* Approvals: one that anybody could have written; one of the right commit; "" */
	char distrusted[65], proven[65];
	char draw_key[65];	/* of the digests of what it draws (draw.h); "" */
	VEC(struct release) releases;		/* oldest first */
	VEC(struct inv_entry) inventory;	/* sorted by objkey_cmp */
	VEC(struct hook_run) hooks;	/* oldest first */
	VEC(struct notice) notices;	/* not told yet; oldest first */
	uint32_t last_notice;	/* events numbered so far */
	char told_commits[65];	/* that cannot be put out, and that was told; "" */
	char told_pin[65];	/* the pin by annotation that was told; "" */
};

void record_deinit(struct record *r);
/*
 * What lies in the past by the wall clock, on this process' monotonic one: pauses
 * are measured on that, so that a wall clock that jumps later neither shortens nor
 * lengthens them. To be called when a record was read, with both clocks' now in
 * ms. What the wall clock places in the future happened just now.
 */
void record_clock(struct record *r, int64_t wall_ms, uint64_t mono_ms);
/* Canonical JSON. */
void record_encode(const struct record *r, struct buf *out);
/* ERR_INVALID names the field; unknown fields are ignored (a newer syncd's). */
int record_decode(struct record *r, const char *json, size_t len,
		  struct err *err) __attribute__((warn_unused_result));

struct release *record_release(struct record *r, uint32_t id);	/* NULL */
/* The newest release with that digest, or NULL. */
struct release *record_by_digest(struct record *r, const char *digest);
/* A new candidate with the next id; strings are the caller's to fill. */
struct release *record_add_release(struct record *r);
/* Takes back the newest release while nothing but a dry run was done with it. */
void record_take_back(struct record *r, uint32_t id);
/*
 * Forgets the oldest releases beyond keep, never target, last good, the pinned
 * rejection, the operation's, nor any rejected within the newest `keep`. Calls
 * gone for each id dropped.
 */
void record_trim(struct record *r, unsigned keep,
		 void (*gone)(uint32_t id, void *arg), void *arg);

struct inv_entry *record_inv(struct record *r, const struct objkey *k);
/* Finds or inserts (pending, stamped with op) in sorted place. */
struct inv_entry *record_inv_add(struct record *r, const struct objkey *k,
				 const char *op);
void record_inv_drop(struct record *r, const struct objkey *k);
/* Did a candidate since the last good release change anything that is not put back? */
bool record_blames(const struct record *r);
/* A rollback pinned it, no auto-revert; false where it is not pinned. */
bool record_pin_is_by_person(const struct record *r);
/*
 * Commits come faster than a release can prove itself: since the last good one five
 * candidates were superseded, or the first of them an hour ago.
 */
bool record_storm(const struct record *r, int64_t wall_ms);
/* What candidates changed is proved, or put back. */
void record_blame_nobody(struct record *r);

/*
 * Does a rejection in the record forbid this release? (auto-revert: it holds
 * while the options digest and either the rendered digest or the input key
 * match.) The rejected release, or NULL.
 */
const struct release *record_rejects(const struct record *r, const char *digest,
				     const char *input_key,
				     const char *options_digest);

#endif
