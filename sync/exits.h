/*
 * exits.h - how often the containers of a pod ended badly while somebody looked. Pure.
 *
 * A pod's status has a count of restarts and how the last run ended, no more. Each
 * restart after a bad end counts once, when the container runs again; what happened
 * before the first look does not.
 */
#ifndef SYNC_EXITS_H
#define SYNC_EXITS_H

#include "health/health.h"

struct exits {
	unsigned restarts, failed;	/* of the report that was counted last */
	unsigned total;
	bool seen;
};
/* newborn: the pod came while we were looking, so that all it did counts. */
void exits_note(struct exits *x, const struct pod_report *r, bool newborn);

#endif
