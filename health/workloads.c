/*
 * Deployment, StatefulSet, DaemonSet, ReplicaSet: is the rollout done?
 *
 * The questions are kubectl's rollout status (polymorphichelpers/rollout_status.go
 * in k8s.io/kubectl), in the order and with the words that Argo CD uses. Only a
 * Deployment and a ReplicaSet can say of themselves that they failed.
 */
#include <inttypes.h>
#include <string.h>

#include "rules.h"

static struct health healthy(void)
{
	return health_text(HEALTH_HEALTHY, NULL);
}

static struct health rollout(const json_t *o)
{
	int64_t updated = status_int(o, "updatedReplicas");
	int64_t available = status_int(o, "availableReplicas");
	int64_t total = status_int(o, "replicas");
	int64_t wanted = spec_int(o, "replicas", 0);

	if (updated < wanted)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: %" PRId64 " out of %" PRId64
			" new replicas have been updated...", updated, wanted);
	if (total > updated)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: %" PRId64
			" old replicas are pending termination...",
			total - updated);
	if (available < updated)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: %" PRId64 " of %" PRId64
			" updated replicas are available...", available, updated);
	return healthy();
}

/* Why no pod can be made (a quota, an admission webhook): its ReplicaSet's words. */
static struct health with_failure(const json_t *o, struct health h)
{
	const json_t *failure = cond_find(o, "ReplicaFailure");

	if (!cond_is(failure, "True") || !*cond_str(failure, "message"))
		return h;
	return health_say(h.status, "%s (%s)", h.message,
			  cond_str(failure, "message"));
}

struct health health_deployment(const json_t *o)
{
	struct health h;

	if (doc_get_bool(o, false, "spec", "paused", NULL))
		return health_text(HEALTH_SUSPENDED, "Deployment is paused");
	if (generation_behind(o))
		return health_text(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: observed deployment generation less than desired generation");
	if (!strcmp(cond_str(cond_find(o, "Progressing"), "reason"),
		    "ProgressDeadlineExceeded"))
		return with_failure(o, health_say(HEALTH_DEGRADED,
			"Deployment \"%s\" exceeded its progress deadline",
			object_name(o)));
	h = rollout(o);
	return h.status == HEALTH_HEALTHY ? h : with_failure(o, h);
}

static bool strategy_is(const json_t *o, const char *type)
{
	const char *s = doc_get_str(o, "spec", "updateStrategy", "type", NULL);

	return s && !strcmp(s, type);
}

/* spec.updateStrategy.rollingUpdate is there: Argo CD calls it partitioned. */
static struct health statefulset_partitioned(const json_t *o)
{
	int64_t updated = status_int(o, "updatedReplicas");
	const json_t *rolling = doc_get(o, "spec", "updateStrategy",
					"rollingUpdate", NULL);
	int64_t partition = doc_get_int(rolling, 0, "partition", NULL);
	int64_t replicas = spec_int(o, "replicas", 0);
	int64_t wanted = replicas - (partition < 0 ? 0 :
				     partition > replicas ? replicas : partition);

	if (doc_get(rolling, "partition", NULL) && updated < wanted)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for partitioned roll out to finish: %" PRId64
			" out of %" PRId64 " new pods have been updated...",
			updated, wanted);
	return health_say(HEALTH_HEALTHY,
		"partitioned roll out complete: %" PRId64
		" new pods have been updated...", updated);
}

static const char *revision(const json_t *o, const char *field)
{
	const char *s = doc_get_str(o, "status", field, NULL);

	return s ? s : "";
}

struct health health_statefulset(const json_t *o)
{
	int64_t ready = status_int(o, "readyReplicas");
	int64_t wanted = spec_int(o, "replicas", 0);

	if (status_int(o, "observedGeneration") == 0 || generation_behind(o))
		return health_text(HEALTH_PROGRESSING,
			"Waiting for statefulset spec update to be observed...");
	if (ready < wanted)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for %" PRId64 " pods to be ready...",
			wanted - ready);
	if (strategy_is(o, "RollingUpdate") &&
	    json_is_object(doc_get(o, "spec", "updateStrategy", "rollingUpdate",
				   NULL)))
		return statefulset_partitioned(o);
	if (strategy_is(o, "OnDelete"))
		return health_say(HEALTH_HEALTHY,
			"statefulset has %" PRId64 " ready pods", ready);
	if (strcmp(revision(o, "updateRevision"), revision(o, "currentRevision")))
		return health_say(HEALTH_PROGRESSING,
			"waiting for statefulset rolling update to complete %" PRId64
			" pods at revision %s...",
			status_int(o, "updatedReplicas"),
			revision(o, "updateRevision"));
	return health_say(HEALTH_HEALTHY,
		"statefulset rolling update complete %" PRId64
		" pods at revision %s...", status_int(o, "currentReplicas"),
		revision(o, "currentRevision"));
}

struct health health_daemonset(const json_t *o)
{
	int64_t updated = status_int(o, "updatedNumberScheduled");
	int64_t wanted = status_int(o, "desiredNumberScheduled");
	int64_t available = status_int(o, "numberAvailable");

	if (generation_behind(o))
		return health_text(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: observed daemon set generation less than desired generation");
	if (strategy_is(o, "OnDelete"))
		return health_say(HEALTH_HEALTHY,
			"daemon set %" PRId64 " out of %" PRId64
			" new pods have been updated", updated, wanted);
	if (updated < wanted)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for daemon set \"%s\" rollout to finish: %" PRId64
			" out of %" PRId64 " new pods have been updated...",
			object_name(o), updated, wanted);
	if (available < wanted)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for daemon set \"%s\" rollout to finish: %" PRId64
			" of %" PRId64 " updated pods are available...",
			object_name(o), available, wanted);
	return healthy();
}

struct health health_replicaset(const json_t *o)
{
	const json_t *failure = cond_find(o, "ReplicaFailure");
	int64_t available = status_int(o, "availableReplicas");
	int64_t wanted = spec_int(o, "replicas", 0);

	if (generation_behind(o))
		return health_text(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: observed replica set generation less than desired generation");
	if (cond_is(failure, "True"))
		return health_text(HEALTH_DEGRADED, cond_str(failure, "message"));
	if (available < wanted)
		return health_say(HEALTH_PROGRESSING,
			"Waiting for rollout to finish: %" PRId64 " out of %" PRId64
			" new replicas are available...", available, wanted);
	return healthy();
}
