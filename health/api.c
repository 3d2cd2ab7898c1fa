/* What extends or limits the API: CRD, APIService, PodDisruptionBudget. */
#include <string.h>

#include "rules.h"

/*
 * The API server accepts a CRD's names first and serves it moments later: until
 * then it is on its way. (Argo CD calls that moment Degraded; ours is a reason to
 * revert, so it must not be.)
 */
struct health health_crd(const json_t *o)
{
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	const json_t *terminating = cond_find(o, "Terminating");
	const json_t *names = cond_find(o, "NamesAccepted");
	const json_t *established = cond_find(o, "Established");
	const json_t *violations = cond_find(o, "NonStructuralSchema");

	if (!json_array_size(conds))
		return health_text(HEALTH_PROGRESSING,
				   "Status conditions not found");
	if (cond_is(terminating, "True"))
		return health_say(HEALTH_PROGRESSING, "CRD is terminating: %s",
				  cond_str(terminating, "message"));
	if (cond_is(names, "False"))
		return health_say(HEALTH_DEGRADED,
				  "CRD names have not been accepted: %s",
				  cond_str(names, "message"));
	if (cond_is(established, "False") &&
	    !strcmp(cond_str(established, "reason"), "InvalidCABundle"))
		return health_say(HEALTH_DEGRADED, "CRD is not established: %s",
				  cond_str(established, "message"));
	if (!cond_is(established, "True") || !cond_is(names, "True"))
		return health_text(HEALTH_PROGRESSING, "CRD is not established");
	if (cond_is(violations, "True"))
		return health_say(HEALTH_DEGRADED, "Schema violations found: %s",
				  cond_str(violations, "message"));
	return health_text(HEALTH_HEALTHY, "CRD is healthy");
}

struct health health_apiservice(const json_t *o)
{
	const json_t *cond = cond_find(o, "Available");

	if (!cond)
		return health_text(HEALTH_PROGRESSING, "Waiting to be processed");
	return health_say(cond_is(cond, "True") ? HEALTH_HEALTHY :
						  HEALTH_PROGRESSING,
			  "%s: %s", cond_str(cond, "reason"),
			  cond_str(cond, "message"));
}

/* InsufficientPods is False too, and an ordinary state of a small workload. */
struct health health_pdb(const json_t *o)
{
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	const char *last = NULL;
	const json_t *cond;
	size_t i;

	json_array_foreach(conds, i, cond) {
		last = cond_str(cond, "reason");
		if (cond_is(cond, "False") && strcmp(last, "InsufficientPods"))
			return health_say(HEALTH_DEGRADED,
					  "PodDisruptionBudget has %s", last);
	}
	if (generation_behind(o) || (!last && !status_int(o, "observedGeneration")))
		return health_text(HEALTH_PROGRESSING, "Waiting for status");
	if (!last)
		return health_text(HEALTH_HEALTHY, NULL);
	return health_say(HEALTH_HEALTHY, "PodDisruptionBudget has %s", last);
}
