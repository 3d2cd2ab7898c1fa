/* garbage.h - which of our Secrets are needed by a record. Pure. */
#ifndef SYNC_GARBAGE_H
#define SYNC_GARBAGE_H

#include <jansson.h>

#include "sync/record.h"

/* One Secret of ours, from its metadata; strings are borrowed. */
struct kept {
	const char *name, *uid;
	const char *id;		/* "ns/name" of the application */
	bool state;		/* the record itself; else a release or a chunk */
	bool chunk;
	int64_t created_ms;
};
/* False when it is none of ours, or its name is not the one we would give it. */
bool kept_read(const json_t *secret, struct kept *ret);
/* Is it the record's own, or of a release in it? */
bool kept_needed(const struct kept *k, const struct record *rec);

/*
 * May the record of an application that is gone go as well? After keep_ms, or once
 * nothing of it is left in the cluster (the cascade is done) after a shorter pause.
 */
bool record_is_garbage(const struct record *rec, uint64_t now_mono, uint64_t keep_ms);

#endif
