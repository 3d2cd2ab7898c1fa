/*
 * excluded.h - the kinds that argocd-cm keeps an application out of, as syncd reads them
 * (sync/exclude.h): for syncctl diff, which shows no change that no sync makes.
 */
#ifndef SYNCCTL_EXCLUDED_H
#define SYNCCTL_EXCLUDED_H

#include "survey.h"
#include "sync/exclude.h"
#include "syncctl.h"

#define EXCLUDED_MAPS_MAX 8	/* syncd reads three */

struct excluded {
	struct exclude maps[EXCLUDED_MAPS_MAX];
	size_t n;		/* of maps */
	size_t count;		/* objects that were asked about and are excluded */
};
/*
 * Reads the ConfigMaps that the application's status names. One that cannot be read is
 * told on stderr and excludes nothing; excluded_deinit() in any case.
 */
void excluded_init(struct excluded *x, struct cluster *c, const json_t *app);
/*
 * The same without a cluster: reads the argocd-cm that the tree itself deploys, before and
 * after a change. Several that do not say the same (of several clusters, or as the change
 * changes it: it is not to hide itself), or one that has a slip, are told on stderr and
 * exclude nothing.
 */
void excluded_of_trees(struct excluded *x, const struct survey *before,
		       const struct survey *after);
/* Counts what it answers true for. */
bool excluded_is(struct excluded *x, const char *group, const char *kind);
/* "2 objects are excluded in the settings...", on stderr, where there are any. */
void excluded_tell(const struct excluded *x);
void excluded_deinit(struct excluded *x);

#endif
