/*
 * orphan.h - what lies in the namespaces of applications and is nobody's. Pure.
 *
 * An AppProject asks for it with spec.orphanedResources; the rules are Argo CD's
 * (docs/user-guide/orphaned-resources.md, the exclusions of its ConfigMap argocd-cm
 * as it ships). It is only told; nothing is ever deleted by it. The first case that
 * fits counts:
 *
 *   1  the kind is one that others make by the hundreds (Event, Lease, EndpointSlice ...)
 *   2  the project does not allow the kind, or the namespace
 *   3  it has an owner; or was made by one that does not say so: a token Secret, the
 *      claim of a StatefulSet
 *   4  Kubernetes makes it: ServiceAccount default, ConfigMap kube-root-ca.crt, Service
 *      kubernetes of namespace default
 *   5  an application has it
 *   6  it is syncd's own
 *   7  spec.orphanedResources.ignore names it
 *   8  it is orphaned
 */
#ifndef SYNC_ORPHAN_H
#define SYNC_ORPHAN_H

#include "core/mem.h"
#include "sync/live.h"
#include "sync/project.h"

#define ORPHANS_NAMED 50	/* objects; of more there is only the number */

/* As of the last complete look. */
struct orphans_found {
	bool known;
	size_t n;
	size_t unread;		/* kinds that the API server does not let us list */
	VEC(char *) names;	/* objkey_format(): the first ORPHANS_NAMED */
};

enum orphan_case {
	ORPHAN_KIND = 1, ORPHAN_PROJECT, ORPHAN_OWNED, ORPHAN_SYSTEM, ORPHAN_MANAGED,
	ORPHAN_OURS, ORPHAN_IGNORED, ORPHAN_IS,
};

struct orphan_object {
	struct objkey key;
	const json_t *metadata;	/* borrowed */
	bool managed;		/* an application has it */
	bool at_home;		/* it lies in syncd's own namespace */
	char *const *sets;	/* names of the StatefulSets there, n_sets of them */
	size_t n_sets;
};

/* Does the project ask for it at all, and for a condition? Argo CD: only by warn: true. */
bool orphan_wanted(const struct project *p);
bool orphan_warns(const struct project *p);
/* Cases 1 and 2: need objects of this kind there be asked for? */
bool orphan_kind_counts(const struct project *p, const char *group, const char *kind,
			const char *ns);
/* Of a kind that counts. */
enum orphan_case orphan_judge(const struct project *p, const struct orphan_object *o);

#endif
