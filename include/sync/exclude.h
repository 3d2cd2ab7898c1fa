/*
 * exclude.h - the kinds that Argo CD's ConfigMap argocd-cm keeps applications out of:
 * its keys `resource.exclusions` and `resource.inclusions`. Pure.
 *
 * Each is YAML, a list of { apiGroups: [glob], kinds: [Kind or "*"], clusters: [glob] };
 * a list that is not there fits everything. As in Argo CD (util/settings,
 * resources_filter.go and filtered_resource.go), the first case that fits counts:
 *
 *   1  a kind of which no application is made: Event, Lease, all of events.k8s.io and
 *      metrics.k8s.io                            excluded, without any ConfigMap
 *   2  an exclusion fits it                      excluded
 *   3  an inclusion fits it                      not excluded
 *   4  there are inclusions for this cluster     excluded
 *   5  none of these                             not excluded
 *
 * Otherwise than there, what Argo CD would take for "everything" by mistake is an error:
 * an entry with none of the three lists, a glob that is not closed.
 */
#ifndef SYNC_EXCLUDE_H
#define SYNC_EXCLUDE_H

#include "core/doc.h"
#include "core/err.h"
#include "core/mem.h"

#define EXCLUDE_CLUSTER "https://kubernetes.default.svc"
#define EXCLUDE_MAX 2000	/* entries of all lists of one ConfigMap */

struct exclude_rule {
	char **groups, **kinds;	/* NULL-terminated; NULL: any */
};

struct exclude {
	VEC(struct exclude_rule) excluded, included;	/* those for this cluster */
	const struct exclude *next;	/* what it excludes is excluded, too; or NULL */
};

/*
 * Reads a ConfigMap's data, borrowed; NULL: there is none. *x is empty before, and after
 * an error: ERR_INVALID, in words for people that begin with the key.
 */
int exclude_read(struct exclude *x, const json_t *data, struct err *err)
	__attribute__((warn_unused_result));
void exclude_deinit(struct exclude *x);
/* x may be NULL: no ConfigMap says anything. */
bool exclude_kind(const struct exclude *x, const char *group, const char *kind);

#endif
