/*
 * watch.h - one collection kept in step: list, then watch, for ever.
 *
 * Initial state by streaming list (sendInitialEvents), falling back to pages of
 * 50 where the server refuses, and for a list without selectors where its cache is
 * not there yet; one object is parsed at a time and lives only for its callback. Resumes from the last resourceVersion after EOF or an
 * error (backoff 0.8 s to 30 s, jittered), relists on 410. Bookmarks feed a
 * watchdog. A line over 8 MiB is ERR_LIMIT and relists.
 */
#ifndef CORE_WATCH_H
#define CORE_WATCH_H

#include "core/kube.h"

enum watch_event {
	WATCH_UPSERT,	/* in the initial list, ADDED or MODIFIED */
	WATCH_DELETED,	/* object = last state; may mean "label removed" */
};

struct watch;

struct watch_handler {
	/* A (re)list begins: what is not upserted until on_synced is gone. */
	void (*on_reset)(void *arg);
	/* object is borrowed for the call. */
	void (*on_event)(void *arg, enum watch_event e, const json_t *object);
	/* The list is complete: state is as of now, watching goes on. */
	void (*on_synced)(void *arg);
	/*
	 * Something failed and is being retried; told once per streak of failures
	 * and again with ERR_NONE when it works again. UNSERVED: the kind is not
	 * served in this version (still retried slowly); told also when that comes
	 * after another trouble. May be NULL.
	 */
	void (*on_trouble)(void *arg, const struct err *err);
};

/*
 * ref: a collection (name NULL; ns NULL = all). All strings are copied.
 * Never calls back before it returned. label_selector and field_selector may be
 * NULL.
 */
struct watch *watch_new(struct kube *k, const struct kube_ref *ref,
			const char *label_selector, const char *field_selector,
			const struct watch_handler *h, void *arg);
/* Stops without callbacks, frees. NULL-safe. */
struct watch *watch_free(struct watch *w);
bool watch_synced(const struct watch *w);
/* The resourceVersion seen last, "" before the first list. Borrowed. */
const char *watch_version(const struct watch *w);

#endif
