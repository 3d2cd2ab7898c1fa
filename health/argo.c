/*
 * Argo: Rollout, Workflow, AnalysisRun.
 *
 * A controller since 1.0 puts a phase and a message into a Rollout's status, and
 * that is the answer. Before that the same is read from conditions and counts.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules.h"

#define UNSEEN "Waiting for rollout spec update to be observed"

struct phase {
	const char *name;
	enum health_status means;
	const char *words;	/* where status has no message; NULL: none */
};

/* The phase in status, or NULL for one that is not in the table. */
static const struct phase *phase_of(const json_t *o, const struct phase *phases,
				    size_t n)
{
	const char *name = status_str(o, "phase");

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(name, phases[i].name))
			return &phases[i];
	}
	return NULL;
}

static struct health say_phase(const json_t *o, const struct phase *p)
{
	const char *message = status_str(o, "message");

	if (!p)
		return health_text(HEALTH_UNKNOWN, message);
	return health_text(p->means, *message ? message : p->words);
}

/* A Rollout that takes its pods from a Deployment counts that one's generations. */
static bool workload_seen(const json_t *o)
{
	const char *want = doc_get_str(o, "metadata", "annotations",
				       "rollout.argoproj.io/workload-generation", NULL);
	const char *seen = status_str(o, "workloadObservedGeneration");

	if (!doc_get(o, "spec", "workloadRef", NULL) || !want)
		return true;
	return *seen && strtoll(want, NULL, 10) == strtoll(seen, NULL, 10);
}

/* Controllers before 0.10 wrote a hash there, which says nothing about order. */
static bool rollout_seen(const json_t *o)
{
	const char *s = doc_get_str(o, "status", "observedGeneration", NULL);
	const char *end = s ? s + strspn(s, "0123456789") : NULL;

	if (!json_is_object(doc_get(o, "status", NULL)))
		return false;
	if (s && (*end || end == s))
		return true;
	return !status_is_old(o) && workload_seen(o);
}

static struct health rollout_cutover(const json_t *o)
{
	const char *hash = status_str(o, "currentPodHash");
	const char *stable = status_str(o, "stableRS");
	const char *active = doc_get_str(o, "status", "blueGreen",
					 "activeSelector", NULL);

	if (doc_get(o, "spec", "strategy", "blueGreen", NULL)) {
		if (!active || strcmp(active, hash))
			return health_text(HEALTH_PROGRESSING,
					   "active service cutover pending");
		if (*stable && strcmp(stable, hash))
			return health_text(HEALTH_PROGRESSING,
					   "waiting for analysis to complete");
	} else if (doc_get(o, "spec", "strategy", "canary", NULL)) {
		if (status_int(o, "replicas") > status_int(o, "updatedReplicas"))
			return health_text(HEALTH_PROGRESSING,
				"Waiting for roll out to finish: old replicas are pending termination");
		if (strcmp(stable, hash))
			return health_text(HEALTH_PROGRESSING,
				"Waiting for rollout to finish steps");
	}
	return health_text(HEALTH_HEALTHY, NULL);
}

static struct health rollout_before_phases(const json_t *o)
{
	const json_t *invalid = cond_find(o, "InvalidSpec");
	const json_t *progressing = cond_find(o, "Progressing");
	const char *reason = cond_str(progressing, "reason");
	int64_t updated = status_int(o, "updatedReplicas");

	if (invalid)
		return cond_say(HEALTH_DEGRADED, invalid);
	if (!strcmp(reason, "RolloutAborted") ||
	    !strcmp(reason, "ProgressDeadlineExceeded"))
		return cond_say(HEALTH_DEGRADED, progressing);
	if (json_array_size(doc_get(o, "status", "pauseConditions", NULL)) ||
	    doc_get_bool(o, false, "spec", "paused", NULL))
		return health_text(HEALTH_SUSPENDED, "Rollout is paused");
	if (!*status_str(o, "currentPodHash"))
		return health_text(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: status has not been reconciled.");
	if (updated < spec_int(o, "replicas", 1))
		return health_text(HEALTH_PROGRESSING,
			"Waiting for roll out to finish: More replicas need to be updated");
	if (status_int(o, "availableReplicas") < updated)
		return health_text(HEALTH_PROGRESSING,
			"Waiting for roll out to finish: updated replicas are still becoming available");
	return rollout_cutover(o);
}

struct health health_rollout(const json_t *o)
{
	static const struct phase phases[] = {
		{ "Healthy", HEALTH_HEALTHY, NULL },
		{ "Progressing", HEALTH_PROGRESSING, NULL },
		{ "Paused", HEALTH_SUSPENDED, "Rollout is paused" },
		{ "Degraded", HEALTH_DEGRADED, NULL },
	};

	if (!rollout_seen(o))
		return health_text(HEALTH_PROGRESSING, UNSEEN);
	if (!*status_str(o, "phase"))
		return rollout_before_phases(o);
	return say_phase(o, phase_of(o, phases, ARRAY_LEN(phases)));
}

struct health health_workflow(const json_t *o)
{
	static const struct phase phases[] = {
		{ "", HEALTH_PROGRESSING, NULL },
		{ "Pending", HEALTH_PROGRESSING, NULL },
		{ "Running", HEALTH_PROGRESSING, NULL },
		{ "Succeeded", HEALTH_HEALTHY, NULL },
		{ "Failed", HEALTH_DEGRADED, NULL },
		{ "Error", HEALTH_DEGRADED, NULL },
	};

	return say_phase(o, phase_of(o, phases, ARRAY_LEN(phases)));
}

struct health health_analysis_run(const json_t *o)
{
	static const struct phase phases[] = {
		{ "", HEALTH_PROGRESSING,
		  "Waiting for analysis run to finish: status has not been reconciled." },
		{ "Pending", HEALTH_PROGRESSING, "Analysis run is running" },
		{ "Running", HEALTH_PROGRESSING, "Analysis run is running" },
		{ "Successful", HEALTH_HEALTHY,
		  "Analysis run completed successfully" },
		{ "Failed", HEALTH_DEGRADED, "Analysis run failed" },
		{ "Error", HEALTH_DEGRADED, "Analysis run had an error" },
		{ "Inconclusive", HEALTH_UNKNOWN, "Analysis run was inconclusive" },
	};

	return say_phase(o, phase_of(o, phases, ARRAY_LEN(phases)));
}
