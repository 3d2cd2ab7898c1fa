/*
 * HorizontalPodAutoscaler: can it read its metrics and scale its target?
 *
 * autoscaling/v1 has no conditions in its status; there they are JSON in an
 * annotation. A failure anywhere wins over the conditions that are fine.
 */
#include <string.h>

#include "rules.h"

#define CONDITIONS_ANNOTATION "autoscaling.alpha.kubernetes.io/conditions"
#define WAITING "Waiting to Autoscale"

/* Argo CD's: FailedGetContainerResourceMetric is not among them. */
static const char *const unscalable[] = {
	"FailedGetResourceMetric", "FailedGetObjectMetric", "FailedGetPodsMetric",
	"FailedGetExternalMetric", "FailedComputeMetricsReplicas", "InvalidSelector", NULL
};

static bool in_list(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool cond_failed(const json_t *cond)
{
	const char *type = cond_str(cond, "type");
	const char *reason = cond_str(cond, "reason");

	if (!strcmp(type, "AbleToScale"))
		return !strcmp(reason, "FailedGetScale") ||
		       !strcmp(reason, "FailedUpdateScale");
	if (!strcmp(type, "ScalingActive"))
		return in_list(reason, unscalable);
	return false;
}

static bool cond_fine(const json_t *cond)
{
	const char *type = cond_str(cond, "type");

	return cond_is(cond, "True") && (!strcmp(type, "AbleToScale") ||
					 !strcmp(type, "ScalingLimited"));
}

static struct health judge(const json_t *conds)
{
	_cleanup_buf_ struct buf words = BUF_INIT_MAX(4096);
	const json_t *cond;
	bool fine = false;
	size_t i;

	json_array_foreach(conds, i, cond) {
		if (cond_failed(cond))
			return health_text(HEALTH_DEGRADED,
					   cond_str(cond, "message"));
		if (!cond_fine(cond))
			continue;
		buf_addf(&words, "%s%s", fine ? ", " : "",
			 cond_str(cond, "message"));
		fine = true;
	}
	if (fine)
		return health_text(HEALTH_HEALTHY, buf_str(&words));
	return health_text(HEALTH_PROGRESSING, WAITING);
}

struct health health_hpa(const json_t *o)
{
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	const char *text = doc_get_str(o, "metadata", "annotations",
				       CONDITIONS_ANNOTATION, NULL);
	_cleanup_json_ json_t *parsed = NULL;
	struct err err = ERR_INIT;

	if (conds || !text)
		return judge(conds);
	parsed = doc_parse(text, strlen(text), &err);
	if (!parsed)
		return health_say(HEALTH_UNKNOWN,
			"failed to convert conditions annotation to typed: %s",
			err.msg);
	return judge(parsed);
}
