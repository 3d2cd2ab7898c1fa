/* The kinds that have rules of their own. Small enough to be searched in order. */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

static const struct health_row rows[] = {
	{ "apps", "Deployment", health_deployment, true },
	{ "apps", "StatefulSet", health_statefulset, true },
	{ "apps", "DaemonSet", health_daemonset, true },
	{ "apps", "ReplicaSet", health_replicaset, true },
	{ "", "Pod", health_pod_object, true },
	{ "batch", "Job", health_job, true },
	{ "", "PersistentVolumeClaim", health_pvc, false },
	{ "", "Service", health_service, false },
	{ "networking.k8s.io", "Ingress", health_ingress, false },
	{ "extensions", "Ingress", health_ingress, false },
	{ "autoscaling", "HorizontalPodAutoscaler", health_hpa, false },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", health_crd, true },
	{ "apiregistration.k8s.io", "APIService", health_apiservice, false },
	{ "policy", "PodDisruptionBudget", health_pdb, false },
	{ "cert-manager.io", "Certificate", health_certificate, false },
	{ "cert-manager.io", "Issuer", health_issuer, false },
	{ "cert-manager.io", "ClusterIssuer", health_issuer, false },
	{ "cert-manager.io", "CertificateRequest", health_certificate_request,
	  false },
	/* A parent must neither wait for its children nor be reverted by them. */
	{ "argoproj.io", "Application", NULL, false },
	{ "argoproj.io", "AppProject", NULL, false },
};

const struct health_row *health_row(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].kind, kind) && !strcmp(rows[i].group, group))
			return &rows[i];
	}
	return NULL;
}
