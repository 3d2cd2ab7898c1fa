/* decide.h - what an application does next (decide.c): facts in, one verb out. Pure. */
#ifndef SYNC_DECIDE_H
#define SYNC_DECIDE_H

#include "sync/app_spec.h"
#include "sync/record.h"

enum next {
	NEXT_WAIT,	/* nothing to do until something changes */
	NEXT_SYNC,	/* put the head release out */
	NEXT_HEAL,	/* put the target back: the cluster drifted */
	NEXT_RESUME,	/* an operation was under way when the process died */
	NEXT_GIVE_UP,	/* a newer commit: no further try of the one that failed */
	NEXT_SOAK,	/* keep watching the applied candidate */
	NEXT_PROMOTE,	/* the soak is over: good */
	NEXT_REVERT,	/* the candidate turned bad */
	NEXT_PRUNE,	/* the promoted release's late prune */
	NEXT_ROLLBACK,	/* to the release that a person named */
	NEXT_UNPIN,	/* the pin's time is over, or a person asks for it */
	NEXT_REFUSE,	/* a person's request cannot be done now: why says it */
	NEXT_ADOPT,	/* head equals the running release: note the revision */
	NEXT_N
};
struct decide_in {
	const struct record *rec;
	const struct app_spec *spec;
	bool head_known;
	const char *head_digest, *head_input_key;
	bool requested;		/* a person asked for a sync */
	bool takes_over;	/* ... and it goes before what waits for another try */
	bool rollback, unpin;	/* ... that is this */
	bool dry_run;		/* ... or only a look */
	bool partial_head;	/* the chosen objects under way are Git's head's */
	const char *stopped;	/* why nothing at all may be written; NULL */
	const char *pinned;	/* by hand: why the target stays; NULL */
	const char *waits;	/* why nothing new goes out by itself; NULL */
	const char *shut, *shut_manual;	/* a sync window: by itself, by hand; NULL */
	uint64_t shut_until;	/* mono; 0 = not known */
	const char *held;	/* the breaker: why a revert does not begin; NULL */
	/* Gates that hold back what is new: by itself, by hand, what is under way; NULL. */
	const char *gate, *gate_manual, *gate_stop;
	const char *rollback_shut;	/* what it goes back to never was good, and a gate is shut */
	uint64_t gate_until;	/* mono; 0 = not known */
	const char *unsigned_now;	/* why what is under way is not tried again; NULL */
	bool pin_over;		/* the record's pin has outlived its time */
	bool drifted;		/* target's plan has something to apply */
	bool prunes;		/* the good release's plan has something to prune */
	bool soak_over, soak_bad;
	bool storm;		/* record_storm(): one soak is let end */
	bool loaded;		/* the target's release is in memory, and may go out */
	const char *foreign;	/* why it may not; NULL */
	uint64_t now, retry_at, heal_at;	/* mono ms */
};
struct decision {
	enum next next;
	const char *why;	/* words for people, of the input or static; NULL = none */
	const struct release *rejected;	/* the rejection that holds the head back */
	uint64_t again_at;	/* mono ms to look again; 0 = no need */
};
struct decision app_decide(const struct decide_in *in);

#endif
