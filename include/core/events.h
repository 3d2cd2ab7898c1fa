/*
 * events.h - Kubernetes Events (events.k8s.io/v1), fire and forget.
 *
 * Limited per object as client-go does (burst 25, then 1 per 300 s); equal
 * events within 10 min become one series. Never retried more than twice: an
 * event is worth less than what it tells about.
 */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include "core/kube.h"

struct events;

struct event_object {
	const char *api_version, *kind, *ns, *name, *uid, *resource_version;
};

/* controller: reportingController; instance: reportingInstance. Copied. */
struct events *events_new(struct kube *k, const char *controller,
			  const char *instance);
struct events *events_free(struct events *e);
/* type "Normal" or "Warning"; reason and action CamelCase; note is cut at 1,024. */
void events_emit(struct events *e, const struct event_object *about,
		 const char *type, const char *reason, const char *action,
		 const char *note);

#endif
