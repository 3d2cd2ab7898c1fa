/*
 * probe.h - what to ask to see whether the API server is answered. Pure.
 *
 * An admission webhook, or one that converts a CRD's versions, that does not answer
 * stops what others write, and says so to nobody but them. So it is asked as they
 * would: with a dry run that it has to see, or a read that has to be converted. Only
 * those count whose silence is felt: failurePolicy Fail, strategy Webhook.
 */
#ifndef SYNC_PROBE_H
#define SYNC_PROBE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"

#define PROBE_MAX 8	/* questions about one object; what is beyond is not asked */

/* Strings are borrowed from the object; none is NULL but as said. */
struct probe_question {
	const char *name;	/* of the webhook */
	const json_t *rules;	/* of an admission webhook; NULL: a conversion */
	const char *service_ns, *service;	/* NULL: it is called by a URL */
	bool bare;		/* by a Service, whose CA is not known (yet) */
	const char *version;	/* of a conversion: to be read at; else "" */
};

/* Does the API server call out for this object, and would feel it? */
bool probe_wants(const json_t *object);
size_t probe_questions(const json_t *object, struct probe_question ret[PROBE_MAX]);
/* Is the webhook asked when an object of that resource is written? */
bool probe_sees(const struct probe_question *q, const char *group,
		const char *resource, const char *operation);
/*
 * The first resource that a new object of would be seen, for which known() is true;
 * *ret_* are borrowed. False: none.
 */
bool probe_resource(const struct probe_question *q,
		    bool (*known)(void *arg, const char *group, const char *resource),
		    void *arg, const char **ret_group, const char **ret_resource);
/* Did the API server get no answer (whatever else it says of the request)? */
bool probe_is_silent(const struct probe_question *q, const struct err *err);
/* Has a Service an endpoint that is ready? The items of its EndpointSlices. */
bool probe_has_endpoint(const json_t *slices);

#endif
