/*
 * Prometheus Operator: Prometheus, PrometheusAgent, Alertmanager, ThanosRuler.
 * https://prometheus-operator.dev/docs/api-reference/api/
 */
#include <string.h>

#include "rules.h"

struct health health_prometheus(const json_t *o)
{
	const json_t *available = cond_current(o, "Available");

	if (!available)
		return health_text(HEALTH_PROGRESSING, "Waiting for initialization");
	if (cond_is(available, "True"))
		return health_text(HEALTH_HEALTHY, "All instances are available");
	return cond_say(!strcmp(cond_str(available, "reason"), "SomePodsNotReady") ?
			HEALTH_PROGRESSING : HEALTH_DEGRADED, available);
}
