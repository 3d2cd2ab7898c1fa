/* Service and Ingress: does what was asked for have an address yet? */
#include <string.h>

#include "rules.h"

static enum health_status has_address(const json_t *o)
{
	const json_t *list = doc_get(o, "status", "loadBalancer", "ingress", NULL);

	return json_array_size(list) ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

struct health health_service(const json_t *o)
{
	const char *type = doc_get_str(o, "spec", "type", NULL);

	if (!type || strcmp(type, "LoadBalancer"))
		return health_text(HEALTH_HEALTHY, NULL);
	return health_text(has_address(o), NULL);
}

struct health health_ingress(const json_t *o)
{
	return health_text(has_address(o), NULL);
}
