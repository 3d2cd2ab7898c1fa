/*
 * Conditions: how to read them, and the rule for kinds without one of their own.
 *
 * The rule is kstatus' (https://github.com/kubernetes-sigs/cli-utils,
 * pkg/kstatus): a controller that has not seen the newest generation is still
 * working; Reconciling and Stalled say it outright; else a condition that means
 * ready decides. One addition of ours: not ready for a reason that names a
 * failure is Degraded, since most controllers never set Stalled.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules.h"

const json_t *cond_find(const json_t *object, const char *type)
{
	const json_t *list = doc_get(object, "status", "conditions", NULL);
	const json_t *cond;
	size_t i;

	json_array_foreach(list, i, cond) {
		const char *t = doc_get_str(cond, "type", NULL);

		if (t && !strcmp(t, type))
			return cond;
	}
	return NULL;
}

const char *cond_str(const json_t *cond, const char *field)
{
	const char *s = cond ? doc_get_str(cond, field, NULL) : NULL;

	return s ? s : "";
}

bool cond_is(const json_t *cond, const char *status)
{
	return !strcmp(cond_str(cond, "status"), status);
}

/* A number; Argo Rollouts and Istio write it as a string. */
static int64_t observed_generation(const json_t *object)
{
	const char *s = doc_get_str(object, "status", "observedGeneration", NULL);

	return s ? strtoll(s, NULL, 10) :
		   doc_get_int(object, 0, "status", "observedGeneration", NULL);
}

bool generation_behind(const json_t *object)
{
	return doc_get_int(object, 0, "metadata", "generation", NULL) >
	       observed_generation(object);
}

bool status_is_old(const json_t *object)
{
	return doc_get(object, "status", "observedGeneration", NULL) &&
	       generation_behind(object);
}

struct health health_unobserved(void)
{
	return health_text(HEALTH_PROGRESSING,
			   "Waiting for the newest generation to be observed");
}

/* Counts are int32 in the API; then sums and differences cannot overflow. */
static int64_t as_int32(int64_t n)
{
	return n < INT32_MIN ? INT32_MIN : n > INT32_MAX ? INT32_MAX : n;
}

int64_t spec_int(const json_t *object, const char *field, int64_t fallback)
{
	return as_int32(doc_get_int(object, fallback, "spec", field, NULL));
}

int64_t status_int(const json_t *object, const char *field)
{
	return as_int32(doc_get_int(object, 0, "status", field, NULL));
}

const char *status_str(const json_t *object, const char *field)
{
	const char *s = doc_get_str(object, "status", field, NULL);

	return s ? s : "";
}

const char *object_kind(const json_t *object)
{
	const char *kind = doc_get_str(object, "kind", NULL);

	return kind ? kind : "";
}

const char *object_name(const json_t *object)
{
	const char *name = doc_get_str(object, "metadata", "name", NULL);

	return name ? name : "";
}

struct health cond_say(enum health_status status, const json_t *cond)
{
	const char *message = cond_str(cond, "message");
	const char *reason = cond_str(cond, "reason");

	if (*message)
		return health_text(status, message);
	if (*reason)
		return health_text(status, reason);
	return health_say(status, "%s is %s", cond_str(cond, "type"),
			  *cond_str(cond, "status") ? cond_str(cond, "status") :
						      "Unknown");
}

static bool reason_is_terminal(const char *reason)
{
	static const char *const words[] = {
		"Fail", "Error", "Invalid", "Denied", "Rejected", "Exceeded",
		"Misconfigured", "NotSupported", "Unsupported",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strstr(reason, words[i]))
			return true;
	}
	return false;
}

/* The condition itself may say which generation it was written for. */
static bool cond_is_old(const json_t *object, const json_t *cond)
{
	int64_t generation = doc_get_int(object, 0, "metadata", "generation", NULL);

	return doc_get_int(cond, generation, "observedGeneration", NULL) <
	       generation;
}

const json_t *cond_current(const json_t *object, const char *type)
{
	const json_t *cond = cond_find(object, type);

	return cond && !cond_is_old(object, cond) ? cond : NULL;
}

struct health health_by(const json_t *object, const struct cond_rule *rules,
			size_t n, const char *waiting)
{
	if (status_is_old(object))
		return health_unobserved();
	for (size_t i = 0; i < n; i++) {
		const json_t *cond = cond_current(object, rules[i].type);

		if (!cond_is(cond, rules[i].status))
			continue;
		if (rules[i].words)
			return health_text(rules[i].means, rules[i].words);
		/* What is well need not explain itself. */
		return rules[i].means == HEALTH_HEALTHY ?
		       health_text(HEALTH_HEALTHY, cond_str(cond, "message")) :
		       cond_say(rules[i].means, cond);
	}
	return health_text(HEALTH_PROGRESSING, waiting);
}

static struct health judge_ready(const json_t *object, const json_t *cond)
{
	if (cond_is_old(object, cond))
		return health_say(HEALTH_PROGRESSING,
				  "Waiting for the %s condition of the newest generation",
				  cond_str(cond, "type"));
	if (cond_is(cond, "True"))
		return health_text(HEALTH_HEALTHY, cond_str(cond, "message"));
	if (cond_is(cond, "False") && reason_is_terminal(cond_str(cond, "reason")))
		return cond_say(HEALTH_DEGRADED, cond);
	return cond_say(HEALTH_PROGRESSING, cond);
}

struct health health_conditions(const json_t *object)
{
	static const char *const ready[] = {
		"Ready", "Available", "Established", "Synced",
	};
	const json_t *cond;

	if (status_is_old(object))
		return health_unobserved();
	cond = cond_find(object, "Reconciling");
	if (cond_is(cond, "True"))
		return cond_say(HEALTH_PROGRESSING, cond);
	cond = cond_find(object, "Stalled");
	if (cond_is(cond, "True"))
		return cond_say(HEALTH_DEGRADED, cond);
	/* Crossplane's claims stay Ready while a change of theirs is refused. */
	cond = cond_current(object, "Synced");
	if (cond_is(cond, "False") && reason_is_terminal(cond_str(cond, "reason")))
		return cond_say(HEALTH_DEGRADED, cond);
	for (size_t i = 0; i < ARRAY_LEN(ready); i++) {
		cond = cond_find(object, ready[i]);
		if (cond)
			return judge_ready(object, cond);
	}
	return health_text(HEALTH_NONE, NULL);
}
