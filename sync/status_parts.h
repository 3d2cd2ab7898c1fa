/*
 * status_parts.h - the parts of an Application's status; private to sync/.
 */
#ifndef SYNC_STATUS_PARTS_H
#define SYNC_STATUS_PARTS_H

#include "sync/statusdoc.h"

#define STATUS_MAX_RESOURCES 1000

/* Left out when s is NULL or ""; bytes that are no UTF-8 are replaced. */
void put_str(json_t *o, const char *key, const char *s);
/* A JSON string of any bytes, repaired where they are no UTF-8. Owned. */
json_t *any_string(const char *s);
/* Left out when ms is 0. */
void put_time(json_t *o, const char *key, int64_t ms);
/* Left out when it is 0. */
void put_int(json_t *o, const char *key, int64_t n);

/*
 * revision; or revisions, where `all` is not NULL: the commits of spec.sources,
 * spaced. revision may be NULL.
 */
void put_revisions(json_t *o, const char *revision, const char *all);
/* source, or sources. */
void put_sources(json_t *o, const struct app_sources *s);
/* Those of a release or an operation; where they were not kept, the spec's. */
void put_sources_text(json_t *o, const char *text, const struct app_sources *spec);

/* Soak and the late prune follow a finished sync: not a reason for OutOfSync. */
bool status_prune_is_late(const struct status_view *v);

/* Where one object of the target stands. */
struct target_row {
	struct objkey key;
	int wave;
	uint32_t flags;
	const struct live *live;	/* NULL: not in the cluster */
	bool in_place;			/* applied, and as it was applied */
	enum health_status health;	/* MISSING when live is NULL */
};

/*
 * The objects of the target: the inventory without what goes with the next
 * prune, or what Git wants while nothing was ever deployed. Hooks are left out.
 * Sorted as the inventory is; none without a record.
 */
struct target_rows {
	struct target_row *data;
	size_t len, cap;
};
void target_rows(const struct status_view *v, struct target_rows *ret);

/* status.resources; *ret_total counts all, listed or not. */
json_t *status_resources(const struct status_view *v, size_t *ret_total);
json_t *status_history(const struct status_view *v);
/* NULL: there was none. */
json_t *status_operation(const struct status_view *v, const json_t *previous);
json_t *status_summary(const struct status_view *v, const struct target_rows *rows);
/* Sorts the rows by wave. */
json_t *status_syncd(const struct status_view *v, struct target_rows *rows,
		     size_t resources);

#endif
