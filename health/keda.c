/* KEDA: https://keda.sh/docs/latest/reference/scaledobject-spec/ */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

struct health health_scaled_object(const json_t *o)
{
	const json_t *ready = cond_find(o, "Ready");
	const json_t *fallback = cond_find(o, "Fallback");
	const json_t *paused = cond_find(o, "Paused");

	if (cond_is(fallback, "True"))
		return cond_say(HEALTH_DEGRADED, fallback);
	/* The autoscaler it made cannot read its metrics yet. */
	if (cond_is(ready, "False") &&
	    !strcmp(cond_str(ready, "reason"), "HPAMetricsUnavailable"))
		return cond_say(HEALTH_PROGRESSING, ready);
	if (cond_is(ready, "False"))
		return cond_say(HEALTH_DEGRADED, ready);
	if (cond_is(ready, "True") && cond_is(paused, "True"))
		return cond_say(HEALTH_SUSPENDED, paused);
	if (cond_is(ready, "True"))
		return health_text(HEALTH_HEALTHY, cond_str(ready, "message"));
	return health_text(HEALTH_PROGRESSING,
			   "Creating HorizontalPodAutoscaler Object");
}

struct health health_scaled_job(const json_t *o)
{
	const json_t *ready = cond_find(o, "Ready");
	const json_t *paused = cond_find(o, "Paused");

	if (cond_is(ready, "False") || cond_is(ready, "Unknown"))
		return cond_say(HEALTH_DEGRADED, ready);
	if (cond_is(ready, "True") && cond_is(paused, "True"))
		return cond_say(HEALTH_SUSPENDED, paused);
	if (cond_is(ready, "True"))
		return health_text(HEALTH_HEALTHY, cond_str(ready, "message"));
	return health_text(HEALTH_PROGRESSING, "Waiting for ScaledJob");
}
