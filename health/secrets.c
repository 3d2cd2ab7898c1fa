/*
 * Secrets that come from elsewhere: external-secrets, sealed-secrets.
 * Conditions as in https://external-secrets.io/latest/api/spec/ and
 * https://github.com/bitnami-labs/sealed-secrets.
 */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

/* ExternalSecret, PushSecret, SecretStore, ClusterSecretStore. */
struct health health_external_secret(const json_t *o)
{
	static const struct cond_rule rules[] = {
		{ "Ready", "False", HEALTH_DEGRADED, NULL },
		{ "Ready", "True", HEALTH_HEALTHY, NULL },
	};
	_cleanup_free_ char *waiting = xasprintf("Waiting for %s", object_kind(o));

	return health_by(o, rules, ARRAY_LEN(rules), waiting);
}

/* Its controller appends what is new: only the last condition counts. */
struct health health_cluster_external_secret(const json_t *o)
{
	const json_t *list = doc_get(o, "status", "conditions", NULL);
	size_t n = json_array_size(list);
	const json_t *last = n ? json_array_get(list, n - 1) : NULL;
	const char *type = cond_str(last, "type");

	if (cond_is(last, "True") && !strcmp(type, "Ready"))
		return health_text(HEALTH_HEALTHY, cond_str(last, "message"));
	if (cond_is(last, "True") && (!strcmp(type, "PartiallyReady") ||
				      !strcmp(type, "NotReady")))
		return cond_say(HEALTH_DEGRADED, last);
	return health_text(HEALTH_PROGRESSING, "Waiting for ClusterExternalSecret");
}

struct health health_sealed_secret(const json_t *o)
{
	static const struct cond_rule rules[] = {
		{ "Synced", "False", HEALTH_DEGRADED, NULL },
		{ "Synced", "True", HEALTH_HEALTHY, NULL },
	};

	return health_by(o, rules, ARRAY_LEN(rules),
			 "Waiting for Sealed Secret to be decrypted");
}
