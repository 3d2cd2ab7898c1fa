/* discovery_priv.h - the table behind discovery.h. */
#ifndef DISCOVERY_PRIV_H
#define DISCOVERY_PRIV_H

#include "core/discovery.h"
#include "core/mem.h"

#define DISCOVERY_MAX 100000u	/* kinds in one answer */

/* Kinds of one answer (/api or /apis), sorted by group, kind, preference. */
struct discovery_table {
	struct arena arena;	/* the strings */
	VEC(struct table_row) rows;
	VEC(struct table_stale) stale;	/* versions the server could not ask about */
};
struct table_row {
	struct api_resource r;
	unsigned rank;		/* 0 = the group's preferred version, 1 ... */
};
struct table_stale {
	const char *group, *version;
	unsigned rank;
};

void discovery_table_deinit(struct discovery_table *t);
/* Puts in, for each stale version, what old knew of it; sorts again. */
void discovery_table_keep(struct discovery_table *t,
			  const struct discovery_table *old);
bool discovery_table_equal(const struct discovery_table *a,
			   const struct discovery_table *b);
const struct api_resource *discovery_table_find(const struct discovery_table *t,
		const char *group, const char *version, const char *kind);

#endif
