/*
 * gather.h - asks the API server what failing pods said, before they are gone.
 */
#ifndef SYNC_GATHER_H
#define SYNC_GATHER_H

#include "engine_priv.h"
#include "evidence.h"

#define GATHER_MS 3000	/* a revert waits for it no longer, whatever does not answer */

struct gather;
/*
 * Asks about up to EVIDENCE_SUBJECTS objects (workloads, Jobs, pods); keys are
 * copied. The values of the Secrets of the application's inventory, and of those
 * that the pods read, are asked for as well, to be hidden. on_done fires once, not
 * before this returned, GATHER_MS later at most; then gather_take() and
 * gather_free(), which may also come before.
 */
struct gather *gather_start(struct app *a, const struct objkey *subjects, size_t n,
			    void (*on_done)(void *arg), void *arg);
/* The document (evidence.h), owned; once, after on_done. NULL: nothing was found. */
json_t *gather_take(struct gather *g);
/* evidence_words() of that document about the first of the subjects; owned. */
char *gather_words(const struct gather *g, const json_t *doc, bool spoken);
struct gather *gather_free(struct gather *g);	/* NULL-safe; without callback */

#endif
