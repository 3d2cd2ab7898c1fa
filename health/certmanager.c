/*
 * cert-manager: Certificate, Issuer and ClusterIssuer, CertificateRequest.
 * Conditions as in https://cert-manager.io/docs/reference/api-docs/.
 */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

/* Ready as it is, unless it was written for an older generation. */
static struct health ready_or(const json_t *o, const char *waiting)
{
	int64_t generation = doc_get_int(o, 0, "metadata", "generation", NULL);
	const json_t *ready = cond_find(o, "Ready");
	bool old = doc_get_int(ready, generation, "observedGeneration", NULL) <
		   generation;

	if (!old && cond_is(ready, "False"))
		return health_text(HEALTH_DEGRADED, cond_str(ready, "message"));
	if (!old && cond_is(ready, "True"))
		return health_text(HEALTH_HEALTHY, cond_str(ready, "message"));
	return health_text(HEALTH_PROGRESSING, waiting);
}

struct health health_certificate(const json_t *o)
{
	const json_t *issuing = cond_find(o, "Issuing");

	/* Before Ready: a renewal keeps Ready as it was. */
	if (cond_is(issuing, "True"))
		return health_text(HEALTH_PROGRESSING,
				   cond_str(issuing, "message"));
	return ready_or(o, "Waiting for certificate");
}

struct health health_issuer(const json_t *o)
{
	return ready_or(o, !strcmp(object_kind(o), "ClusterIssuer") ?
			   "Initializing ClusterIssuer" : "Initializing issuer");
}

/* Ready False with the reason Pending is its first state; any other has failed. */
struct health health_certificate_request(const json_t *o)
{
	static const struct cond_rule rules[] = {
		{ "InvalidRequest", "True", HEALTH_DEGRADED, NULL },
		{ "Denied", "True", HEALTH_DEGRADED, NULL },
		{ "Ready", "True", HEALTH_HEALTHY, NULL },
	};
	const json_t *ready = cond_current(o, "Ready");
	struct health h = health_by(o, rules, ARRAY_LEN(rules),
				    "Waiting for certificate request");

	if (h.status != HEALTH_PROGRESSING || !ready)
		return h;
	return cond_say(!strcmp(cond_str(ready, "reason"), "Pending") ?
			HEALTH_PROGRESSING : HEALTH_DEGRADED, ready);
}
