/*
 * Elastic's operator: Elasticsearch has a phase, a colour and a number of nodes;
 * Kibana, Beat, ApmServer and the others a colour and a number.
 * https://www.elastic.co/docs/reference/cloud-on-k8s/api-docs
 */
#include <inttypes.h>
#include <string.h>

#include "rules.h"

static int64_t nodes_wanted(const json_t *o)
{
	const json_t *sets = doc_get(o, "spec", "nodeSets", NULL);
	const json_t *set;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(sets, i, set) {
		int64_t n = doc_get_int(set, 0, "count", NULL);

		sum += n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : n;
	}
	return sum;
}

static struct health of_colour(const char *colour)
{
	if (!strcmp(colour, "green"))
		return health_text(HEALTH_HEALTHY,
				   "Elasticsearch Cluster status is Green");
	if (!strcmp(colour, "yellow"))
		return health_text(HEALTH_DEGRADED,
			"Elasticsearch Cluster status is Yellow. Check the status of indices, replicas and shards");
	if (!strcmp(colour, "red"))
		return health_text(HEALTH_DEGRADED,
			"Elasticsearch Cluster status is Red. Check the status of indices, replicas and shards");
	return health_text(HEALTH_UNKNOWN, "Elasticsearch Cluster status is unknown");
}

struct health health_elasticsearch(const json_t *o)
{
	int64_t wanted = nodes_wanted(o);
	int64_t available = status_int(o, "availableNodes");
	const char *phase = status_str(o, "phase");

	if (!doc_get(o, "status", "availableNodes", NULL))
		return of_colour("");
	if (status_is_old(o))
		return health_unobserved();
	if (available != wanted)
		return health_say(HEALTH_PROGRESSING,
			"The desired amount of nodes is %" PRId64
			" but the amount of availableNodes is %" PRId64, wanted,
			available);
	if (!strcmp(phase, "Ready"))
		return of_colour(status_str(o, "health"));
	if (!strcmp(phase, "ApplyingChanges") || !strcmp(phase, "MigratingData"))
		return health_say(HEALTH_PROGRESSING, "Elasticsearch phase is %s",
				  phase);
	if (!strcmp(phase, "Invalid"))
		return health_text(HEALTH_DEGRADED, "Elasticsearch phase is Invalid");
	return of_colour("");
}

struct health health_elastic(const json_t *o)
{
	const char *colour = status_str(o, "health");
	const char *kind = object_kind(o);
	bool counted = doc_get(o, "status", "availableNodes", NULL) &&
		       doc_get(o, "status", "expectedNodes", NULL);

	if (status_is_old(o))
		return health_unobserved();
	if (!strcmp(colour, "green"))
		return health_say(HEALTH_HEALTHY, "Elastic %s status is Green", kind);
	if (!strcmp(colour, "red"))
		return health_say(HEALTH_DEGRADED, "Elastic %s status is Red", kind);
	if (!strcmp(colour, "yellow") && counted)
		return health_say(HEALTH_PROGRESSING,
			"Elastic %s status is deploying, there is %" PRId64
			" instance(s) on %" PRId64 " expected", kind,
			status_int(o, "availableNodes"),
			status_int(o, "expectedNodes"));
	if (!strcmp(colour, "yellow") ||
	    (!*colour && doc_get(o, "status", "expectedNodes", NULL)))
		return health_say(HEALTH_PROGRESSING,
				  "Elastic %s phase is progressing", kind);
	return health_say(HEALTH_UNKNOWN, "Elastic %s status is unknown", kind);
}
