/*
 * cert-manager: Certificate, Issuer and ClusterIssuer, CertificateRequest.
 * Conditions as in https://cert-manager.io/docs/reference/api-docs/.
 */
#include <string.h>

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
	return ready_or(o, "Initializing issuer");
}

/* Ready False is its first state: only its reason says whether it failed. */
struct health health_certificate_request(const json_t *o)
{
	const json_t *ready = cond_find(o, "Ready");
	const json_t *denied = cond_find(o, "Denied");
	const json_t *invalid = cond_find(o, "InvalidRequest");
	const char *reason = cond_str(ready, "reason");

	if (cond_is(invalid, "True"))
		return health_text(HEALTH_DEGRADED, cond_str(invalid, "message"));
	if (cond_is(denied, "True"))
		return health_text(HEALTH_DEGRADED, cond_str(denied, "message"));
	if (cond_is(ready, "True"))
		return health_text(HEALTH_HEALTHY, cond_str(ready, "message"));
	if (cond_is(ready, "False") &&
	    (!strcmp(reason, "Failed") || !strcmp(reason, "Denied")))
		return health_text(HEALTH_DEGRADED, cond_str(ready, "message"));
	if (*cond_str(ready, "message"))
		return health_text(HEALTH_PROGRESSING, cond_str(ready, "message"));
	return health_text(HEALTH_PROGRESSING,
			   "Waiting for certificate request");
}
