/*
 * unblock.h - what a revert does first: which objects may stand in its way. Pure.
 *
 * A bad release may bring the very thing that refuses the way back: a webhook whose
 * service never came up, a policy, a quota of nothing. Those go back, or go, before
 * anything else is asked (auto-revert rule 7).
 */
#ifndef SYNC_UNBLOCK_H
#define SYNC_UNBLOCK_H

#include "sync/plan.h"

enum blocker {
	BLOCKS_NOTHING,
	BLOCKS_REQUESTS,	/* admission, policies, API services: they go first */
	BLOCKS_OBJECTS,		/* quotas, ranges, network: once requests pass */
	BLOCKER_N
};
enum blocker blocker_kind(const char *group, const char *kind);

/*
 * The next blocker of this stage that the plan restores (APPLY) or removes (PRUNE),
 * from *pos on, which begins as 0 and is moved; NULL when there is none left. The
 * plan's prunes must be restricted to what the revert may delete already.
 */
const struct task *unblock_next(const struct plan *p, enum blocker stage,
				size_t *pos);

#endif
