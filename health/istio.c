/*
 * Istio: its objects have a status only where it is turned on, see
 * https://istio.io/latest/docs/reference/config/config-status/. Without one there
 * is no rule: nothing would ever come to wait for.
 */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

/* The first validation message that is an error, or NULL. */
static const json_t *first_error(const json_t *o)
{
	const json_t *list = doc_get(o, "status", "validationMessages", NULL);
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (!strcasecmp(cond_str(item, "level"), "error"))
			return item;
	}
	return NULL;
}

/* The message has words of its own, or only a code and where that is explained. */
static struct health say_error(const json_t *error)
{
	const char *message = cond_str(error, "message");
	const char *code = doc_get_str(error, "type", "code", NULL);
	const char *name = doc_get_str(error, "type", "name", NULL);

	if (*message)
		return health_text(HEALTH_DEGRADED, message);
	return health_say(HEALTH_DEGRADED, "%s %s (%s)",
			  code ? code : "validation error", name ? name : "",
			  cond_str(error, "documentationUrl"));
}

struct health health_istio(const json_t *o)
{
	static const struct cond_rule rules[] = {
		{ "Reconciled", "False", HEALTH_PROGRESSING, NULL },
		{ "Reconciled", "Unknown", HEALTH_PROGRESSING, NULL },
		{ "Reconciled", "True", HEALTH_HEALTHY, NULL },
		{ "PassedAnalysis", "True", HEALTH_HEALTHY, NULL },
		{ "PassedValidation", "True", HEALTH_HEALTHY, NULL },
	};
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	const json_t *error = first_error(o);

	if (!json_array_size(conds) && !error)
		return health_text(HEALTH_NONE, NULL);
	if (error && !status_is_old(o))
		return say_error(error);
	return health_by(o, rules, ARRAY_LEN(rules), "Waiting for Istio's status");
}
