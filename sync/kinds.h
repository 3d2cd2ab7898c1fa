/*
 * kinds.h - one watch per kind in use (private to sync/).
 */
#ifndef SYNC_KINDS_H
#define SYNC_KINDS_H

#include <uthash.h>

#include "core/watch.h"
#include "sync/live.h"

struct engine;

struct kindwatch {
	char *key;		/* "group/Kind" */
	char *group, *kind, *version;
	struct engine *engine;
	struct watch *watch;
	unsigned list_no;	/* the live entries' `seen` of the current list */
	char *trouble;		/* why there is no list or no news; NULL = fine */
	bool synced;
	bool lost;		/* its version is not served: is another one? */
	struct world_timer look;	/* into discovery, for that */
	unsigned looks;
	UT_hash_handle hh;
};
/*
 * Makes sure the kind is watched. True when its first list is in; false: not yet
 * (apps are poked when it is) or the kind is not served.
 */
bool kinds_need(struct engine *e, const char *group, const char *kind,
		const char *version);
/*
 * Why a kind that was needed has not been listed, in the API server's words.
 * Borrowed until the loop runs on; NULL: it has been, or is on its way.
 */
const char *kinds_trouble(struct engine *e, const char *group, const char *kind);
/*
 * Takes into the index what a write answered with (borrowed), unless the watch is
 * past that already and does not know the object: then it was deleted since.
 */
void kinds_answer(struct engine *e, const struct objkey *key, const json_t *object);
/*
 * The rules about these kinds changed: their objects are read again, since the index
 * keeps fingerprints only. Either may be NULL.
 */
void kinds_reread(struct engine *e, const json_t *rules, const json_t *other);
/* The same for the kinds that fn picks. */
typedef bool kinds_pick_fn(void *arg, const char *group, const char *kind);
void kinds_reread_if(struct engine *e, kinds_pick_fn *fn, void *arg);
/* Ends their watches and forgets their objects, without a word to applications. */
void kinds_drop_if(struct engine *e, kinds_pick_fn *fn, void *arg);
/* Lists the kind anew, for a watch may be silent. False: there is nothing to list. */
bool kinds_refresh(struct engine *e, const char *group, const char *kind);
/* True until its list is complete. */
bool kinds_listing(struct engine *e, const char *group, const char *kind);
unsigned kinds_count(const struct engine *e);
void kinds_free(struct engine *e);

#endif
