/*
 * Knative Service: https://knative.dev/docs/serving/reference/serving-api/. Its
 * three conditions must be True; any condition that is False has failed.
 */
#include <string.h>

#include "rules.h"

static bool is_needed(const char *type)
{
	return !strcmp(type, "ConfigurationsReady") ||
	       !strcmp(type, "RoutesReady") || !strcmp(type, "Ready");
}

/* "RoutesReady is False, since NotFound. no such revision" */
static void describe(const json_t *cond, struct buf *out)
{
	const char *reason = cond_str(cond, "reason");
	const char *message = cond_str(cond, "message");

	buf_addf(out, "%s%s is %s", out->len ? "\n" : "", cond_str(cond, "type"),
		 cond_str(cond, "status"));
	if (*reason)
		buf_addf(out, ", since %s.", reason);
	if (*message)
		buf_addf(out, " %s", message);
}

struct health health_knative(const json_t *o)
{
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	_cleanup_buf_ struct buf words = BUF_INIT_MAX(4096);
	size_t i, fine = 0, failed = 0;
	const json_t *cond;

	if (status_is_old(o))
		return health_unobserved();
	if (!json_array_size(conds))
		return health_text(HEALTH_PROGRESSING, "Waiting for status update.");
	json_array_foreach(conds, i, cond) {
		if (cond_is(cond, "True") && is_needed(cond_str(cond, "type")))
			fine++;
		if (!cond_is(cond, "False") && !cond_is(cond, "Unknown"))
			continue;
		failed += cond_is(cond, "False");
		describe(cond, &words);
	}
	if (failed)
		return health_text(HEALTH_DEGRADED, buf_str(&words));
	if (fine == 3 && !words.len)
		return health_text(HEALTH_HEALTHY, "Knative Service is healthy.");
	return health_text(HEALTH_PROGRESSING, buf_str(&words));
}
