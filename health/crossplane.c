/*
 * Crossplane: packages say Installed and Healthy; compositions, claims' schemas and
 * everything that a provider manages say Synced and Ready, see
 * https://docs.crossplane.io/latest/guides/crossplane-with-argo-cd/.
 *
 * Claims and composites are of groups that users name: their Synced and Ready are
 * judged by conditions.c.
 */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

/* Kinds that nobody writes a status for. */
static bool has_no_status(const char *kind)
{
	static const char *const kinds[] = {
		"Composition", "CompositionRevision", "DeploymentRuntimeConfig",
		"ClusterProviderConfig", "ProviderConfig",
		"ProviderConfigUsage", "ControllerConfig",
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

struct health health_crossplane(const json_t *o)
{
#define FINE(type) { type, "True", HEALTH_HEALTHY, "Resource is up-to-date." }
	static const struct cond_rule rules[] = {
		{ "LastAsyncOperation", "False", HEALTH_DEGRADED, NULL },
		{ "Synced", "False", HEALTH_DEGRADED, NULL },
		FINE("Ready"), FINE("Healthy"), FINE("Offered"),
		FINE("Established"), FINE("ValidPipeline"), FINE("RevisionHealthy"),
	};
#undef FINE
	const json_t *status = doc_get(o, "status", NULL);

	if (has_no_status(object_kind(o)) && !json_object_size(status))
		return health_text(HEALTH_HEALTHY, "Resource is up-to-date.");
	if (has_no_status(object_kind(o)) && doc_get(status, "users", NULL) &&
	    !doc_get(status, "conditions", NULL))
		return health_text(HEALTH_HEALTHY, "Resource is in use.");
	return health_by(o, rules, ARRAY_LEN(rules), "Provisioning ...");
}

static struct health waiting(const json_t *o)
{
	return health_say(HEALTH_PROGRESSING, "Waiting for %s to be installed",
			  object_kind(o));
}

/* A failure says why: "UnpackedPackage UnhealthyPackageRevision: cannot ..." */
struct health health_crossplane_package(const json_t *o)
{
	const json_t *installed = cond_current(o, "Installed");
	const json_t *healthy = cond_current(o, "Healthy");
	bool fine = cond_is(installed, "True") && cond_is(healthy, "True");
	const char *why = fine ? "" : cond_is(installed, "True") ?
			  cond_str(healthy, "message") :
			  cond_str(installed, "message");

	if (!installed && !healthy)
		return waiting(o);
	return health_say(fine ? HEALTH_HEALTHY : HEALTH_DEGRADED, "%s%s%s%s%s",
			  cond_str(installed, "reason"),
			  installed && healthy ? " " : "",
			  cond_str(healthy, "reason"), *why ? ": " : "", why);
}

struct health health_crossplane_revision(const json_t *o)
{
	static const char *const types[] = { "Healthy", "RevisionHealthy" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const json_t *healthy = cond_current(o, types[i]);

		if (cond_is(healthy, "True"))
			return health_text(HEALTH_HEALTHY,
					   cond_str(healthy, "reason"));
		if (healthy)
			return cond_say(HEALTH_DEGRADED, healthy);
	}
	return waiting(o);
}
