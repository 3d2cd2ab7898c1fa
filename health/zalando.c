/*
 * Zalando's postgresql: one word, see pkg/apis/acid.zalan.do/v1/const.go of
 * https://github.com/zalando/postgres-operator.
 */
#include <string.h>

#include "rules.h"

struct health health_postgresql(const json_t *o)
{
	const char *status = status_str(o, "PostgresClusterStatus");

	if (!*status)
		return health_text(HEALTH_PROGRESSING,
				   "Waiting for postgres cluster status...");
	if (status_is_old(o))
		return health_unobserved();
	if (!strcmp(status, "Running"))
		return health_text(HEALTH_HEALTHY, status);
	if (!strcmp(status, "Creating") || !strcmp(status, "Updating"))
		return health_text(HEALTH_PROGRESSING, status);
	return health_text(HEALTH_DEGRADED, status);
}
