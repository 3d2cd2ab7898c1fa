/*
 * notice.h - what is still to be told of an application, as its record keeps it.
 *
 * A row per event and receiver, written together with the change that it tells of,
 * and taken out when the receiver has it: a process that dies in between tells it
 * again, under the same number, and one that dies later does not.
 */
#ifndef SYNC_NOTICE_H
#define SYNC_NOTICE_H

#include <stdint.h>

#include "core/mem.h"

#define NOTICES_MAX 16		/* rows of one application: the oldest go */
#define NOTICE_WORDS 400	/* bytes */

struct notice {
	uint32_t seq;		/* of the event: 1, 2, ... in this application */
	char event[24];		/* "release.rejected"; what is not known is dropped */
	int64_t at_ms;		/* wall clock */
	uint32_t release;	/* that it is about; 0 */
	uint32_t other;		/* that runs, or will run, instead; 0 */
	char *sink;		/* the receiver's Secret */
	char *repo, *sha;	/* of a commit status; NULL */
	char *words;		/* why; NULL */
};
void notice_deinit(struct notice *n);

#endif
