/*
 * links.h - the addresses under which people reach what an object serves. Pure.
 *
 * They go to status.summary.externalURLs, by Argo CD 3.5's rules
 * (controller/cache/info.go, ApplicationTree.GetSummary):
 *
 *   1 annotations link.argocd.argoproj.io/NAME on any object and on the
 *     Application: the value, "URL" or "title|URL", as it is; http and https alone
 *   2 Ingress (networking.k8s.io, extensions): scheme://host and path, one per
 *     path of a rule. A rule without host has the first address of status.
 *     loadBalancer, or none. https where any tls entry names a secret (hosts alone
 *     do not make it https). One "*" at the path's end is cut off.
 *   3 Gateway (gateway.networking.k8s.io): per listener its hostname, or where that
 *     is absent or "*" each address of status; https for the protocols HTTPS and
 *     TLS; the port where it is not the scheme's own
 *   4 argocd.argoproj.io/ignore-default-links: true on an object turns 2 and 3 off
 *
 * Services, routes and Istio's kinds have none but by rule 1. What differs: the
 * objects of the target count, not what controllers made of them; an empty URL is
 * left out; and the Application's own links pass the same check as those of objects.
 */
#ifndef SYNC_LINKS_H
#define SYNC_LINKS_H

#include <jansson.h>
#include <string.h>

#define LINKS_MAX_BYTES 8192	/* of one object; what comes after is left out */

/*
 * A list is one string after the other, each with its NUL, then an empty one: an
 * object has none or a few, and most have none. Owned by the caller; NULL = none.
 */
char *links_of_object(const json_t *object);
/* Rule 1 alone; annotations may be NULL. */
char *links_of_annotations(const json_t *annotations);

#define links_foreach(s, list) \
	for (const char *s = (list); s && *s; s += strlen(s) + 1)

#endif
