/*
 * settle.h - is this step healthy, still coming, or bad? Pure.
 *
 * The rules are auto-revert's: evidence comes from workloads that the operation
 * changed; degraded must last a grace; pods of the new revision have graces of
 * their own; everything else only holds the step until its deadline.
 */
#ifndef SYNC_SETTLE_H
#define SYNC_SETTLE_H

#include "health/health.h"
#include "sync/record.h"

struct settle_item {
	struct objkey key;	/* borrowed */
	struct health health;	/* MISSING while the live index has none */
	bool counts;		/* its failure is evidence */
	bool waits;		/* the step waits for it at all */
	uint64_t own_deadline_ms;	/* that Git gives its rollout; 0 = none */
	uint64_t lenient_until;	/* mono ms: it may be unwell till then; 0 = not */
	bool crd;		/* holds the step even without a health rule */
	uint64_t degraded_since;	/* mono ms; 0 = not degraded */
	/* its pods of the new revision: */
	enum pod_trouble pod;
	uint64_t pod_since;	/* mono ms */
	bool pod_ready;		/* one of them was ready: no crash verdict */
	const char *pod_message;	/* borrowed; NULL or "": nothing to say */
};

struct settle_limits {
	uint64_t degraded_grace_ms, pull_grace_ms, crash_grace_ms;
};

enum settle_verdict {
	SETTLE_WAIT,
	SETTLE_DONE,
	SETTLE_BAD,	/* evidence of failure, confirmed */
	SETTLE_LATE,	/* evidence objects made no progress until the deadline */
};

struct settle_result {
	enum settle_verdict verdict;
	size_t culprit;		/* item that decided, or is told of; SIZE_MAX if none */
	bool may_pass;		/* image pull, scheduling, deadline */
	size_t waiting;		/* items not healthy yet */
	uint64_t again_at;	/* mono ms when a grace ends; 0 = on news only */
	char message[800];	/* "Deployment/x/web: 1 of 3 updated ...; pod web-1: ..." */
};

/*
 * When the step's patience ends: base_ms after its last progress, or later where an
 * item that is waited for has been given more time in Git. Mono ms.
 */
uint64_t settle_deadline(const struct settle_item *items, size_t n,
			 uint64_t progress_at, uint64_t base_ms);

/* deadline: mono ms, moved by the caller when there is progress; 0 = none. */
void settle_judge(const struct settle_item *items, size_t n,
		  const struct settle_limits *limits, uint64_t now,
		  uint64_t deadline, struct settle_result *ret);

#endif
