/* Job: its conditions say how it ended; none of them = it still runs. */
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
