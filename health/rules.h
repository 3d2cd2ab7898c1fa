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
	const char *group;	/* "*.example.com": every group that ends so */
	const char *kind;	/* "*": every kind of the group */
	struct health (*assess)(const json_t *object);
				/* NULL: the kind is known to have no health */
	bool evidence;		/* a failure of it may revert a release */
};

/* The first row that means a kind, or NULL: then the conditions decide. */
const struct health_row *health_row(const char *group, const char *kind);

/* workloads.c */
struct health health_deployment(const json_t *o);
struct health health_statefulset(const json_t *o);
struct health health_daemonset(const json_t *o);
struct health health_replicaset(const json_t *o);
/* pod.c, job.c, storage.c */
struct health health_pod_object(const json_t *o);
struct health health_job(const json_t *o);
struct health health_cronjob(const json_t *o);
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
/* argo.c */
struct health health_rollout(const json_t *o);
struct health health_workflow(const json_t *o);
struct health health_analysis_run(const json_t *o);
/* flux.c */
struct health health_flux_kustomization(const json_t *o);
struct health health_flux_release(const json_t *o);
struct health health_flux_source(const json_t *o);
/* secrets.c: external-secrets, sealed-secrets */
struct health health_external_secret(const json_t *o);
struct health health_cluster_external_secret(const json_t *o);
struct health health_sealed_secret(const json_t *o);
/* gateway.c */
struct health health_gateway(const json_t *o);
struct health health_gateway_class(const json_t *o);
struct health health_route(const json_t *o);
/* istio.c, knative.c, keda.c, prometheus.c, strimzi.c, elastic.c, zalando.c */
struct health health_istio(const json_t *o);
struct health health_knative(const json_t *o);
struct health health_scaled_object(const json_t *o);
struct health health_scaled_job(const json_t *o);
struct health health_prometheus(const json_t *o);
struct health health_strimzi(const json_t *o);
struct health health_elasticsearch(const json_t *o);
struct health health_elastic(const json_t *o);
struct health health_postgresql(const json_t *o);
/* clusterapi.c, crossplane.c */
struct health health_capi_cluster(const json_t *o);
struct health health_capi_machine(const json_t *o);
struct health health_capi_deployment(const json_t *o);
struct health health_capi_pool(const json_t *o);
struct health health_capi_check(const json_t *o);
struct health health_crossplane(const json_t *o);
struct health health_crossplane_package(const json_t *o);
struct health health_crossplane_revision(const json_t *o);
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

/* The same, unless it says that it was written for an older generation: NULL. */
const json_t *cond_current(const json_t *object, const char *type);
/* A status with the condition's words: its message, else its reason, else itself. */
struct health cond_say(enum health_status status, const json_t *cond);

/* What one condition means where it has that status. */
struct cond_rule {
	const char *type, *status;
	enum health_status means;
	const char *words;	/* NULL: the condition's own */
};
/*
 * The first rule whose condition is current and has its status; Progressing with
 * the waiting words when there is none, or when status is of an older generation.
 */
struct health health_by(const json_t *object, const struct cond_rule *rules,
			size_t n, const char *waiting);

/* metadata.generation is newer than what status was written for. */
bool generation_behind(const json_t *object);
/* The same, and status says for which it was written: not every controller does. */
bool status_is_old(const json_t *object);
/* The answer for an object whose status is old. */
struct health health_unobserved(void);
int64_t spec_int(const json_t *object, const char *field, int64_t fallback);
int64_t status_int(const json_t *object, const char *field);
/* A string of status, "" when absent. Borrowed. */
const char *status_str(const json_t *object, const char *field);
/* "" when absent. Borrowed. */
const char *object_name(const json_t *object);
const char *object_kind(const json_t *object);

#endif
