/*
 * rules.h - what the families of rules share (private to health/).
 *
 * A rule reads an object and never trusts its shape: a field of another type
 * counts as absent, as if the API server had left it out.
 */
#ifndef HEALTH_RULES_H
#define HEALTH_RULES_H

#include <stddef.h>

#include "core/doc.h"
#include "health/health.h"

struct health_row {
	const char *group, *kind;
	struct health (*assess)(const json_t *object);
				/* NULL: the kind is known to have no health */
	bool evidence;		/* a failure of it may revert a release */
};

/* The row of a kind, or NULL: then the conditions decide. */
const struct health_row *health_row(const char *group, const char *kind);

/* workloads.c */
struct health health_deployment(const json_t *o);
struct health health_statefulset(const json_t *o);
struct health health_daemonset(const json_t *o);
struct health health_replicaset(const json_t *o);
/* pod.c, job.c, storage.c */
struct health health_pod_object(const json_t *o);
struct health health_job(const json_t *o);
struct health health_pvc(const json_t *o);
/* network.c, autoscaling.c */
struct health health_service(const json_t *o);
struct health health_ingress(const json_t *o);
struct health health_hpa(const json_t *o);
/* api.c */
struct health health_crd(const json_t *o);
struct health health_apiservice(const json_t *o);
struct health health_pdb(const json_t *o);
/* certmanager.c */
struct health health_certificate(const json_t *o);
struct health health_issuer(const json_t *o);
struct health health_certificate_request(const json_t *o);
/* conditions.c: for every other kind */
struct health health_conditions(const json_t *o);

/* A status with words; too long a message is cut between two characters. */
struct health health_say(enum health_status status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with words as they are; NULL = none. */
struct health health_text(enum health_status status, const char *text);
/* Copies text into out[size], cut between two characters, "..." if cut. */
void text_copy(char *out, size_t size, const char *text);

/* The condition of that type in status.conditions, or NULL. Borrowed. */
const json_t *cond_find(const json_t *object, const char *type);
/* Its status is exactly "True", "False"...; false for NULL. */
bool cond_is(const json_t *cond, const char *status);
/* A string field of it, "" when absent. Borrowed. */
const char *cond_str(const json_t *cond, const char *field);

/* metadata.generation is newer than what status was written for. */
bool generation_behind(const json_t *object);
int64_t spec_int(const json_t *object, const char *field, int64_t fallback);
int64_t status_int(const json_t *object, const char *field);
/* "" when absent. Borrowed. */
const char *object_name(const json_t *object);

#endif
