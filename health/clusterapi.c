/*
 * Cluster API: phases, as in https://cluster-api.sigs.k8s.io/reference/api/, with
 * the words of the condition that says more.
 */
#include <string.h>

#include "rules.h"

static bool phase_is(const json_t *o, const char *phase)
{
	return !strcmp(status_str(o, "phase"), phase);
}

static bool is_paused(const json_t *o)
{
	return doc_get_bool(o, false, "spec", "paused", NULL);
}

struct health health_capi_cluster(const json_t *o)
{
	const json_t *ready = cond_current(o, "Ready");

	if (is_paused(o))
		return health_text(HEALTH_SUSPENDED, "Cluster is paused");
	if (status_is_old(o))
		return health_unobserved();
	if (cond_is(ready, "False"))
		return cond_say(HEALTH_DEGRADED, ready);
	if (phase_is(o, "Failed"))
		return health_text(HEALTH_DEGRADED, status_str(o, "failureMessage"));
	if (phase_is(o, "Provisioned"))
		return health_text(HEALTH_HEALTHY, "Cluster is running");
	return health_text(HEALTH_PROGRESSING, "Waiting for clusters");
}

struct health health_capi_machine(const json_t *o)
{
	const json_t *ready = cond_current(o, "Ready");
	enum health_status status = phase_is(o, "Failed") ? HEALTH_DEGRADED :
							    HEALTH_PROGRESSING;

	if (status_is_old(o))
		return health_unobserved();
	if (phase_is(o, "Running"))
		return health_text(HEALTH_HEALTHY, "Machine is running");
	if (cond_is(ready, "False"))
		return cond_say(status, ready);
	if (*status_str(o, "failureMessage"))
		return health_text(status, status_str(o, "failureMessage"));
	return health_text(status, "Condition is unknown");
}

/* v1beta2 calls the updated ones up to date. */
static int64_t updated(const json_t *o)
{
	return doc_get(o, "status", "upToDateReplicas", NULL) ?
	       status_int(o, "upToDateReplicas") : status_int(o, "updatedReplicas");
}

struct health health_capi_deployment(const json_t *o)
{
	int64_t replicas = status_int(o, "replicas");

	if (is_paused(o))
		return health_text(HEALTH_SUSPENDED, "MachineDeployment is paused");
	if (status_is_old(o))
		return health_unobserved();
	if (phase_is(o, "Running") && replicas == updated(o) &&
	    replicas == status_int(o, "readyReplicas"))
		return health_text(HEALTH_HEALTHY,
				   "Machines are running under this deployment");
	if (phase_is(o, "ScalingUp"))
		return health_text(HEALTH_PROGRESSING,
				   "Cluster is spawning machines");
	if (phase_is(o, "ScalingDown"))
		return health_text(HEALTH_PROGRESSING,
				   "Cluster is stopping machines");
	if (phase_is(o, "Failed"))
		return health_text(HEALTH_DEGRADED, "MachineDeployment is failed");
	return health_text(HEALTH_PROGRESSING, "Waiting for machines");
}

/* "MachinePool is Provisioning: Not InfrastructureReady (WaitingFor...), ..." */
struct health health_capi_pool(const json_t *o)
{
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	_cleanup_buf_ struct buf words = BUF_INIT_MAX(4096);
	const char *phase = status_str(o, "phase");
	const json_t *cond;
	bool any = false;
	size_t i;

	if (status_is_old(o))
		return health_unobserved();
	if (*phase)
		buf_addf(&words, "MachinePool is %s", phase);
	json_array_foreach(conds, i, cond) {
		const char *reason = cond_str(cond, "reason");

		if (!cond_is(cond, "False"))
			continue;
		buf_addf(&words, "%sNot %s%s%s%s", any ? ", " : ": ",
			 cond_str(cond, "type"), *reason ? " (" : "", reason,
			 *reason ? ")" : "");
		any = true;
	}
	if (phase_is(o, "Running"))
		return health_text(HEALTH_HEALTHY, buf_str(&words));
	if (phase_is(o, "Failed") || phase_is(o, "Unknown"))
		return health_text(HEALTH_DEGRADED, buf_str(&words));
	return health_text(HEALTH_PROGRESSING, buf_str(&words));
}

struct health health_capi_check(const json_t *o)
{
	if (!doc_get(o, "status", "currentHealthy", NULL) || status_is_old(o))
		return health_text(HEALTH_PROGRESSING, NULL);
	return health_text(status_int(o, "expectedMachines") ==
			   status_int(o, "currentHealthy") ? HEALTH_HEALTHY :
							     HEALTH_DEGRADED, NULL);
}
