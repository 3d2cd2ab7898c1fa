/*
 * Flux: Kustomization, HelmRelease, and what they take their files from.
 * Conditions as in https://fluxcd.io/flux/components/.
 *
 * Ready says it; a HelmRelease must be released as well, and a source must have
 * its artifact in storage. Ready Unknown while Reconciling is on its way; every
 * other state is a failure that Flux will try again.
 */
#include <string.h>

#include "rules.h"

/* "BuildFailed: no such file": the reason is what tools look for. */
static struct health say_ready(enum health_status status, const json_t *ready)
{
	const char *reason = cond_str(ready, "reason");
	const char *message = cond_str(ready, "message");

	return health_say(status, "%s%s%s", reason,
			  *reason && *message ? ": " : "", message);
}

/* Is it suspended, unseen or without conditions? Then *ret is the answer. */
static bool no_conditions_yet(const json_t *o, struct health *ret)
{
	if (doc_get_bool(o, false, "spec", "suspend", NULL))
		*ret = health_say(HEALTH_SUSPENDED, "%s is suspended",
				  object_kind(o));
	else if (status_is_old(o))
		*ret = health_unobserved();
	else if (!json_array_size(doc_get(o, "status", "conditions", NULL)))
		*ret = health_text(HEALTH_PROGRESSING, "Status unknown");
	else
		return false;
	return true;
}

static struct health judge(const json_t *o, bool more)
{
	const json_t *ready = cond_current(o, "Ready");
	const json_t *working = cond_current(o, "Reconciling");

	if (cond_is(ready, "Unknown") && cond_is(working, "True"))
		return say_ready(HEALTH_PROGRESSING, ready);
	if (cond_is(ready, "True") && more)
		return say_ready(HEALTH_HEALTHY, ready);
	if (!ready)
		return health_text(HEALTH_PROGRESSING, "Status unknown");
	return say_ready(HEALTH_DEGRADED, ready);
}

struct health health_flux_kustomization(const json_t *o)
{
	struct health h;

	return no_conditions_yet(o, &h) ? h : judge(o, true);
}

struct health health_flux_release(const json_t *o)
{
	bool released = cond_is(cond_current(o, "Released"), "True") ||
			cond_is(cond_current(o, "TestSuccess"), "True");
	struct health h;

	return no_conditions_yet(o, &h) ? h : judge(o, released);
}

struct health health_flux_source(const json_t *o)
{
	const char *type = doc_get_str(o, "spec", "type", NULL);
	bool stored = cond_is(cond_current(o, "ArtifactInStorage"), "True");
	struct health h;

	if (type && !strcmp(type, "oci") &&
	    !strcmp(object_kind(o), "HelmRepository") &&
	    !doc_get_bool(o, false, "spec", "suspend", NULL))
		return health_text(HEALTH_HEALTHY,
			"Helm repositories of type 'oci' do not contain any information in the status.");
	return no_conditions_yet(o, &h) ? h : judge(o, stored);
}
