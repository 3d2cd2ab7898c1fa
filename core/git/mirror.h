/*
 * mirror.h - the folder that holds one repository's objects on disk.
 *
 *   MIRRORS/KEY/lock      held (flock) by the one fetch that may write here
 *   MIRRORS/KEY/g000007   a bare repository; the highest number is the current one
 *   MIRRORS/KEY/next      a generation that is being made
 *
 * A generation appears by rename after its first complete fetch, so what can be
 * seen is whole. It is cache: losing it costs a fetch.
 */
#ifndef CORE_GIT_MIRROR_H
#define CORE_GIT_MIRROR_H

#include <stdbool.h>

#include "core/err.h"
#include "core/mem.h"

struct mirror {
	char *folder;		/* MIRRORS/KEY */
	char *current;		/* its newest generation, NULL: none */
	char *next;		/* set between mirror_begin and _publish or _abandon */
	unsigned generation;
	int lock;
};
#define MIRROR_INIT { .lock = -1 }

/* Makes the folder and finds the current generation. Takes no lock. */
int mirror_open(struct mirror *m, const char *mirrors, const char *key,
		struct err *err);
/*
 * Waits for the lock, at most wait_ms (TIMEOUT), then removes what a killed
 * predecessor left and looks for the current generation again.
 */
int mirror_lock(struct mirror *m, unsigned wait_ms, struct err *err);

/* Locked: an empty bare repository as m->next. */
int mirror_begin(struct mirror *m, struct err *err);
/* Makes m->next the current generation. No handle into it may be open. */
int mirror_publish(struct mirror *m, struct err *err);
void mirror_abandon(struct mirror *m);

/* So many packs that a fresh clone is better: libgit2 cannot repack. */
bool mirror_is_worn(const struct mirror *m);
/*
 * Locked: removes old generations that nobody reads, once the current one is
 * older than grace_s: until then someone may be about to open what he was told.
 */
void mirror_retire(struct mirror *m, unsigned grace_s);
void mirror_close(struct mirror *m);
/*
 * Removes the mirrors whose keys are not in keep (names, spaced). One that a fetch
 * locks, that is read, or whose last generation is younger than grace_s stays, and
 * so does whatever is no mirror. Returns how many went.
 */
unsigned mirror_sweep(const char *mirrors, const char *keep, unsigned grace_s);

#define _cleanup_mirror_ _cleanup_(mirror_close)

#endif
