/*
 * discovery.h - which kinds the server serves (aggregated discovery v2).
 *
 * GET /api and /apis with the APIGroupDiscoveryList accept type, ETag-guarded;
 * a server without it (< 1.27) gives ERR_INVALID. Stale groups keep what was
 * known. The table is replaced as a whole: api_resource pointers stay valid
 * only until the next refresh finishes, so copy what must last.
 */
#ifndef CORE_DISCOVERY_H
#define CORE_DISCOVERY_H

#include "core/kube.h"

struct discovery;

struct api_resource {
	const char *group, *version, *kind;
	const char *plural;
	bool namespaced;
	bool patchable, listable, watchable, deletable;
	bool preferred;		/* the group's preferred version of this kind */
};

struct discovery *discovery_new(struct kube *k);
struct discovery *discovery_free(struct discovery *d);

/*
 * Starts a refresh; while one is under way, another follows it (its answers may
 * have been made before whatever the caller wants to see). on_done fires once
 * per call, never before return, unless discovery_forget is called with its arg.
 */
void discovery_refresh(struct discovery *d,
		       void (*on_done)(void *arg, const struct err *err),
		       void *arg);
/* Whoever asked with this arg is not told any more. */
void discovery_forget(struct discovery *d, const void *arg);
bool discovery_ready(const struct discovery *d);	/* one refresh succeeded */
/* Counts completed refreshes that changed the table. */
unsigned discovery_generation(const struct discovery *d);

/* Exact match; NULL if not served. version NULL = the preferred one. */
const struct api_resource *discovery_find(const struct discovery *d,
		const char *group, const char *version, const char *kind);
void discovery_each(const struct discovery *d,
		    void (*fn)(const struct api_resource *r, void *arg), void *arg);

/*
 * Pure: parses one APIGroupDiscoveryList into an empty table (core/kube's
 * discovery_priv.h); for tests and fuzzing.
 */
struct discovery_table;
int discovery_parse(struct discovery_table *t, const json_t *list,
		    struct err *err) __attribute__((warn_unused_result));

#endif
