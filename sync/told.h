/*
 * told.h - the status of an Application as it was last read or written.
 *
 * It is kept packed: as a tree of JSON it is twenty times as large, and a thousand of
 * them more than all else. What is asked often is kept beside it.
 */
#ifndef SYNC_TOLD_H
#define SYNC_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* All zero: nothing is known. */
struct told {
	char *packed;		/* the whole status (zip.h); NULL: not known */
	size_t len;
	char sync[16];		/* sync.status, "" if absent */
	char health[16];	/* health.status */
	int64_t finished_ms;	/* operationState.finishedAt, wall; 0 = none */
	int64_t health_since_ms;	/* health.lastTransitionTime */
};

/* status: borrowed; NULL: nothing is known. */
void told_set(struct told *t, const json_t *status);
void told_forget(struct told *t);
/* The tree, owned by the caller; NULL: not known. */
json_t *told_tree(const struct told *t);

#endif
