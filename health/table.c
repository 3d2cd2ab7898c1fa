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
	{ "batch", "CronJob", health_cronjob, false },
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
	{ "argoproj.io", "Rollout", health_rollout, false },
	{ "argoproj.io", "Workflow", health_workflow, false },
	{ "argoproj.io", "AnalysisRun", health_analysis_run, false },
	{ "kustomize.toolkit.fluxcd.io", "Kustomization",
	  health_flux_kustomization, false },
	{ "helm.toolkit.fluxcd.io", "HelmRelease", health_flux_release, false },
	{ "source.toolkit.fluxcd.io", "GitRepository", health_flux_source, false },
	{ "source.toolkit.fluxcd.io", "OCIRepository", health_flux_source, false },
	{ "source.toolkit.fluxcd.io", "HelmRepository", health_flux_source, false },
	{ "source.toolkit.fluxcd.io", "HelmChart", health_flux_source, false },
	{ "source.toolkit.fluxcd.io", "Bucket", health_flux_source, false },
	{ "external-secrets.io", "ExternalSecret", health_external_secret, false },
	{ "external-secrets.io", "PushSecret", health_external_secret, false },
	{ "external-secrets.io", "SecretStore", health_external_secret, false },
	{ "external-secrets.io", "ClusterSecretStore", health_external_secret,
	  false },
	{ "external-secrets.io", "ClusterExternalSecret",
	  health_cluster_external_secret, false },
	{ "bitnami.com", "SealedSecret", health_sealed_secret, false },
	{ "gateway.networking.k8s.io", "Gateway", health_gateway, false },
	{ "gateway.networking.k8s.io", "ListenerSet", health_gateway, false },
	{ "gateway.networking.k8s.io", "GatewayClass", health_gateway_class,
	  false },
	{ "gateway.networking.k8s.io", "HTTPRoute", health_route, false },
	{ "gateway.networking.k8s.io", "GRPCRoute", health_route, false },
	{ "gateway.networking.k8s.io", "TLSRoute", health_route, false },
	{ "gateway.networking.k8s.io", "TCPRoute", health_route, false },
	{ "gateway.networking.k8s.io", "UDPRoute", health_route, false },
	{ "networking.istio.io", "*", health_istio, false },
	{ "security.istio.io", "*", health_istio, false },
	{ "telemetry.istio.io", "*", health_istio, false },
	{ "serving.knative.dev", "Service", health_knative, false },
	{ "keda.sh", "ScaledObject", health_scaled_object, false },
	{ "keda.sh", "ScaledJob", health_scaled_job, false },
	{ "monitoring.coreos.com", "Prometheus", health_prometheus, false },
	{ "monitoring.coreos.com", "PrometheusAgent", health_prometheus, false },
	{ "monitoring.coreos.com", "Alertmanager", health_prometheus, false },
	{ "monitoring.coreos.com", "ThanosRuler", health_prometheus, false },
	/* It has node ids in its status, and its Kafka says the rest. */
	{ "kafka.strimzi.io", "KafkaNodePool", NULL, false },
	{ "kafka.strimzi.io", "KafkaRebalance", NULL, false },
	{ "kafka.strimzi.io", "*", health_strimzi, false },
	{ "acid.zalan.do", "postgresql", health_postgresql, false },
	{ "elasticsearch.k8s.elastic.co", "Elasticsearch", health_elasticsearch,
	  false },
	{ "kibana.k8s.elastic.co", "Kibana", health_elastic, false },
	{ "beat.k8s.elastic.co", "Beat", health_elastic, false },
	{ "apm.k8s.elastic.co", "ApmServer", health_elastic, false },
	{ "agent.k8s.elastic.co", "Agent", health_elastic, false },
	{ "logstash.k8s.elastic.co", "Logstash", health_elastic, false },
	{ "enterprisesearch.k8s.elastic.co", "EnterpriseSearch", health_elastic,
	  false },
	{ "maps.k8s.elastic.co", "ElasticMapsServer", health_elastic, false },
	{ "cluster.x-k8s.io", "Cluster", health_capi_cluster, false },
	{ "cluster.x-k8s.io", "Machine", health_capi_machine, false },
	{ "cluster.x-k8s.io", "MachineDeployment", health_capi_deployment, false },
	{ "cluster.x-k8s.io", "MachinePool", health_capi_pool, false },
	{ "cluster.x-k8s.io", "MachineHealthCheck", health_capi_check, false },
	{ "pkg.crossplane.io", "Provider", health_crossplane_package, false },
	{ "pkg.crossplane.io", "Configuration", health_crossplane_package, false },
	{ "pkg.crossplane.io", "Function", health_crossplane_package, false },
	{ "pkg.crossplane.io", "ProviderRevision", health_crossplane_revision,
	  false },
	{ "pkg.crossplane.io", "ConfigurationRevision",
	  health_crossplane_revision, false },
	{ "pkg.crossplane.io", "FunctionRevision", health_crossplane_revision,
	  false },
	{ "*.crossplane.io", "*", health_crossplane, false },
	{ "*.upbound.io", "*", health_crossplane, false },
	/* A parent must neither wait for its children nor be reverted by them. */
	{ "argoproj.io", "Application", NULL, false },
	{ "argoproj.io", "AppProject", NULL, false },
};

static bool means_group(const char *pattern, const char *group)
{
	size_t n = strlen(group), m = strlen(pattern) - 1;

	if (*pattern != '*')
		return !strcmp(pattern, group);
	return n > m && !strcmp(group + n - m, pattern + 1);
}

static bool means_kind(const char *pattern, const char *kind)
{
	return !strcmp(pattern, "*") || !strcmp(pattern, kind);
}

const struct health_row *health_row(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (means_kind(rows[i].kind, kind) &&
		    means_group(rows[i].group, group))
			return &rows[i];
	}
	return NULL;
}
