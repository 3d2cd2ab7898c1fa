/* PersistentVolumeClaim: the phase says it all. */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

struct health health_pvc(const json_t *o)
{
	static const struct {
		const char *phase;
		enum health_status status;
	} phases[] = {
		{ "Bound", HEALTH_HEALTHY },
		{ "Pending", HEALTH_PROGRESSING },
		{ "Lost", HEALTH_DEGRADED },
	};
	const char *phase = doc_get_str(o, "status", "phase", NULL);

	for (size_t i = 0; phase && i < ARRAY_LEN(phases); i++) {
		if (!strcmp(phase, phases[i].phase))
			return health_text(phases[i].status, NULL);
	}
	return health_text(HEALTH_UNKNOWN, NULL);
}
