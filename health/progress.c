/*
 * Progress: a number that only rises while a rollout goes forward.
 *
 * Status counts ready pods of all revisions together, so a plain sum would fall
 * and rise as old pods are replaced by new ones. What counts here is the part of
 * them that must be new: of `ready` pods at most `total - updated` are old.
 */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

/* Names of the counts in the status of each kind. */
struct counts {
	const char *group, *kind;
	const char *total, *updated, *ready, *available;
};

static const struct counts kinds[] = {
	{ "apps", "Deployment", "replicas", "updatedReplicas",
	  "readyReplicas", "availableReplicas" },
	{ "apps", "StatefulSet", "replicas", "updatedReplicas",
	  "readyReplicas", "availableReplicas" },
	{ "apps", "DaemonSet", "currentNumberScheduled",
	  "updatedNumberScheduled", "numberReady", "numberAvailable" },
	{ "argoproj.io", "Rollout", "replicas", "updatedReplicas",
	  "readyReplicas", "availableReplicas" },
	{ "apps", "ReplicaSet", "replicas", "replicas",
	  "readyReplicas", "availableReplicas" },
};

static uint64_t count(const json_t *o, const char *field)
{
	int64_t n = status_int(o, field);

	return n < 0 ? 0 : (uint64_t)n;
}

static uint64_t surplus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t rollout_progress(const json_t *o, const struct counts *c)
{
	uint64_t updated = count(o, c->updated);
	uint64_t old = surplus(count(o, c->total), updated);

	/* Until the controller has seen the new spec its counts mean the old one. */
	if (generation_behind(o))
		return 0;
	return updated + surplus(count(o, c->ready), old) +
	       surplus(count(o, c->available), old);
}

/* A pod that became ready and then succeeded must not count as a step back. */
static uint64_t job_progress(const json_t *o)
{
	return 2 * count(o, "succeeded") + count(o, "ready");
}

uint64_t health_progress(const json_t *object)
{
	const char *version = doc_get_str(object, "apiVersion", NULL);
	const char *kind = doc_get_str(object, "kind", NULL);

	if (!version || !kind)
		return 0;
	if (!strcmp(kind, "Job") && !strncmp(version, "batch/", 6))
		return job_progress(object);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t n = strlen(kinds[i].group);

		if (!strcmp(kind, kinds[i].kind) &&
		    !strncmp(version, kinds[i].group, n) && version[n] == '/')
			return rollout_progress(object, &kinds[i]);
	}
	return 0;
}
