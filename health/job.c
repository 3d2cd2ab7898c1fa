/*
 * Job: its conditions say how it ended; none of them = it still runs. (Argo CD takes one
 * that was suspended and goes on for finished.) CronJob: how its last run ended.
 */
#include <string.h>

#include "rules.h"

struct health health_job(const json_t *o)
{
	const json_t *failed = cond_find(o, "Failed");
	const json_t *suspended = cond_find(o, "Suspended");
	const json_t *complete = cond_find(o, "Complete");

	/* FailureTarget and SuccessCriteriaMet come first, while pods still end. */
	if (failed)
		return health_text(HEALTH_DEGRADED, cond_str(failed, "message"));
	if (cond_is(suspended, "True"))
		return health_text(HEALTH_SUSPENDED,
				   cond_str(suspended, "message"));
	if (complete)
		return health_text(HEALTH_HEALTHY, cond_str(complete, "message"));
	return health_text(HEALTH_PROGRESSING, cond_str(suspended, "message"));
}

struct health health_cronjob(const json_t *o)
{
	const json_t *status = doc_get(o, "status", NULL);
	const char *begun = doc_get_str(status, "lastScheduleTime", NULL);
	const char *good = doc_get_str(status, "lastSuccessfulTime", NULL);

	if (doc_get_bool(o, false, "spec", "suspend", NULL))
		return health_text(HEALTH_HEALTHY, "CronJob is Suspended");
	if (!json_is_object(status))
		return health_text(HEALTH_PROGRESSING, "Waiting for CronJob");
	if (!begun)
		return health_text(HEALTH_HEALTHY, "CronJob has not been scheduled yet");
	if (!good)
		return health_text(HEALTH_HEALTHY, "The CronJob never completed successfully. "
				   "It may not be healthy");
	if (json_array_size(doc_get(status, "active", NULL)))
		return health_text(HEALTH_HEALTHY, "The job is running. Its last execution may "
				   "not have been successful");
	/* RFC 3339 in UTC: the order of the texts is that of the times. */
	if (strcmp(good, begun) < 0)
		return health_text(HEALTH_DEGRADED, "CronJob has not completed its last "
				   "execution successfully");
	return health_text(HEALTH_HEALTHY, "CronJob has completed its last execution "
			   "successfully");
}
