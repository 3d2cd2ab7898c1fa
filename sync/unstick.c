#include "unstick.h"

#include <stdlib.h>
#include <string.h>

#include "core/doc.h"

static bool is(const char *s, const char *want)
{
	return s && !strcmp(s, want);
}

static bool is_ordered(const json_t *set)
{
	const char *policy = doc_get_str(set, "spec", "podManagementPolicy", NULL);
	const char *strategy = doc_get_str(set, "spec", "updateStrategy", "type",
					   NULL);

	return (!policy || !strcmp(policy, "OrderedReady")) &&
	       (!strategy || !strcmp(strategy, "RollingUpdate"));
}

static bool is_observed(const json_t *set)
{
	int64_t seen = doc_get_int(set, 0, "status", "observedGeneration", NULL);

	return seen && seen >= doc_get_int(set, 0, "metadata", "generation", NULL);
}

bool unstick_set(const json_t *set, struct stuck_set *ret)
{
	int64_t start = doc_get_int(set, 0, "spec", "ordinals", "start", NULL);
	int64_t partition = doc_get_int(set, 0, "spec", "updateStrategy",
					"rollingUpdate", "partition", NULL);

	*ret = (struct stuck_set){
		.name = doc_get_str(set, "metadata", "name", NULL),
		.uid = doc_get_str(set, "metadata", "uid", NULL),
		.revision = doc_get_str(set, "status", "updateRevision", NULL),
	};
	if (__builtin_add_overflow(start, partition, &ret->first))
		return false;
	return ret->name && ret->uid && *ret->uid && ret->revision &&
	       *ret->revision && is_ordered(set) && is_observed(set);
}

static bool is_controlled(const struct stuck_set *s, const json_t *pod)
{
	const json_t *refs = doc_get(pod, "metadata", "ownerReferences", NULL);
	const json_t *ref;
	size_t i;

	json_array_foreach(refs, i, ref)
		if (doc_get_bool(ref, false, "controller", NULL))
			return is(doc_get_str(ref, "uid", NULL), s->uid) &&
			       is(doc_get_str(ref, "kind", NULL), "StatefulSet");
	return false;
}

/* "web-12" of "web" is 12; -1 when it is not its name. */
static int64_t ordinal(const struct stuck_set *s, const json_t *pod)
{
	const char *name = doc_get_str(pod, "metadata", "name", NULL);
	size_t n = strlen(s->name), digits;

	if (!name || strncmp(name, s->name, n) || name[n] != '-')
		return -1;
	name += n + 1;
	digits = strspn(name, "0123456789");
	return digits && digits <= 10 && !name[digits] ? atoll(name) : -1;
}

/* Not knowing is no reason: only a pod that says it is not ready. */
static bool is_unready(const json_t *pod)
{
	const json_t *list = doc_get(pod, "status", "conditions", NULL);
	const json_t *c;
	size_t i;

	json_array_foreach(list, i, c)
		if (is(doc_get_str(c, "type", NULL), "Ready"))
			return is(doc_get_str(c, "status", NULL), "False");
	return is(doc_get_str(pod, "status", "phase", NULL), "Pending");
}

bool unstick_pod(const struct stuck_set *s, const json_t *pod)
{
	const char *hash = doc_get_str(pod, "metadata", "labels",
				       "controller-revision-hash", NULL);
	int64_t n = ordinal(s, pod);

	return hash && *hash && strcmp(hash, s->revision) && n >= 0 &&
	       n >= s->first && is_controlled(s, pod) && is_unready(pod) &&
	       !doc_get_str(pod, "metadata", "deletionTimestamp", NULL);
}
