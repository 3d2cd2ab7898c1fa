/*
 * config_data.c - the built-in field specs: which fields each transformer touches
 * (internal/konfig/builtinpluginconsts, one table here per file there).
 *
 * Rows stand in the order in which they are applied (kgvk_compare()), which a test
 * checks, as it checks all of them against the reference's.
 */
#include "config.h"

/* A field that is made where it is missing, and one that is not. "" is any. */
#define MAKE(group, version, kind, path) { { group, version, kind }, path, true }
#define FIND(group, version, kind, path) { { group, version, kind }, path, false }
#define LIST(rows) { (struct kfieldspec *)(rows), ARRAY_LEN(rows), 0 }

/* --- nameprefix.go, namesuffix.go ----------------------------------------------- */

static const struct kfieldspec affixes[] = {
	FIND("", "", "", "metadata/name"),
};

/* --- namespace.go: metadata.namespace and role subjects are namespace.c's ----------- */

static const struct kfieldspec namespaces[] = {
	MAKE("", "", "Namespace", "metadata/name"),
	FIND("apiextensions.k8s.io", "", "CustomResourceDefinition",
	     "spec/conversion/webhook/clientConfig/service/namespace"),
	MAKE("apiregistration.k8s.io", "", "APIService", "spec/service/namespace"),
};

/* --- commonannotations.go ----------------------------------------------------------- */

static const struct kfieldspec annotations[] = {
	MAKE("", "", "Deployment", "spec/template/metadata/annotations"),
	MAKE("", "", "StatefulSet", "spec/template/metadata/annotations"),
	MAKE("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations"),
	MAKE("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations"),
	MAKE("batch", "", "Job", "spec/template/metadata/annotations"),
	MAKE("", "v1", "ReplicationController", "spec/template/metadata/annotations"),
	MAKE("", "", "DaemonSet", "spec/template/metadata/annotations"),
	MAKE("", "", "ReplicaSet", "spec/template/metadata/annotations"),
	MAKE("", "", "", "metadata/annotations"),
};

/* --- commonlabels.go (with metadatalabels.go), templatelabels.go ------------------- */

#define SPREADING(group, kind, affinity)                                             \
	FIND(group, "", kind, "spec/template/spec/affinity/" affinity                \
	     "/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm"      \
	     "/labelSelector/matchLabels"),                                          \
	FIND(group, "", kind, "spec/template/spec/affinity/" affinity                \
	     "/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels")

static const struct kfieldspec common_labels[] = {
	MAKE("", "v1", "Service", "spec/selector"),
	SPREADING("apps", "Deployment", "podAffinity"),
	SPREADING("apps", "Deployment", "podAntiAffinity"),
	FIND("apps", "", "Deployment",
	     "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"),
	MAKE("", "", "Deployment", "spec/selector/matchLabels"),
	MAKE("", "", "Deployment", "spec/template/metadata/labels"),
	MAKE("apps", "", "StatefulSet", "spec/selector/matchLabels"),
	SPREADING("apps", "StatefulSet", "podAffinity"),
	SPREADING("apps", "StatefulSet", "podAntiAffinity"),
	FIND("apps", "", "StatefulSet",
	     "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"),
	MAKE("apps", "", "StatefulSet", "spec/template/metadata/labels"),
	MAKE("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels"),
	FIND("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
	MAKE("batch", "", "CronJob", "spec/jobTemplate/metadata/labels"),
	MAKE("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
	FIND("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels"),
	FIND("batch", "", "Job", "spec/selector/matchLabels"),
	MAKE("batch", "", "Job", "spec/template/metadata/labels"),
	FIND("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels"),
	FIND("networking.k8s.io", "", "NetworkPolicy",
	     "spec/ingress/from/podSelector/matchLabels"),
	FIND("networking.k8s.io", "", "NetworkPolicy",
	     "spec/egress/to/podSelector/matchLabels"),
	MAKE("", "v1", "ReplicationController", "spec/selector"),
	MAKE("", "v1", "ReplicationController", "spec/template/metadata/labels"),
	MAKE("", "", "DaemonSet", "spec/selector/matchLabels"),
	MAKE("", "", "DaemonSet", "spec/template/metadata/labels"),
	MAKE("", "", "ReplicaSet", "spec/selector/matchLabels"),
	MAKE("", "", "ReplicaSet", "spec/template/metadata/labels"),
	MAKE("", "", "", "metadata/labels"),
};

static const struct kfieldspec template_labels[] = {
	MAKE("", "", "Deployment", "spec/template/metadata/labels"),
	MAKE("apps", "", "StatefulSet", "spec/template/metadata/labels"),
	MAKE("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels"),
	MAKE("batch", "", "CronJob", "spec/jobTemplate/metadata/labels"),
	MAKE("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
	MAKE("batch", "", "Job", "spec/template/metadata/labels"),
	MAKE("", "v1", "ReplicationController", "spec/template/metadata/labels"),
	MAKE("", "", "DaemonSet", "spec/template/metadata/labels"),
	MAKE("", "", "ReplicaSet", "spec/template/metadata/labels"),
	MAKE("", "", "", "metadata/labels"),
};

/* --- images.go: what is in no list called (init)containers ------------------------ */

static const struct kfieldspec images[] = {
	MAKE("", "", "", "spec/containers[]/image"),
	MAKE("", "", "", "spec/initContainers[]/image"),
	MAKE("", "", "", "spec/volumes[]/image/reference"),
	MAKE("", "", "", "spec/template/spec/containers[]/image"),
	MAKE("", "", "", "spec/template/spec/initContainers[]/image"),
	MAKE("", "", "", "spec/template/spec/volumes[]/image/reference"),
};

/* --- replicas.go ------------------------------------------------------------------- */

static const struct kfieldspec replicas[] = {
	MAKE("", "", "Deployment", "spec/replicas"),
	MAKE("", "", "StatefulSet", "spec/replicas"),
	MAKE("", "", "ReplicaSet", "spec/replicas"),
	MAKE("", "", "ReplicationController", "spec/replicas"),
};

/* --- varreference.go ---------------------------------------------------------------- */

#define VARS_OF_CONTAINERS(kind, at)                                                 \
	FIND("", "", kind, at "/containers/args"),                                   \
	FIND("", "", kind, at "/containers/command"),                                \
	FIND("", "", kind, at "/containers/env/value"),                              \
	FIND("", "", kind, at "/containers/volumeMounts/mountPath"),                 \
	FIND("", "", kind, at "/initContainers/args"),                               \
	FIND("", "", kind, at "/initContainers/command"),                            \
	FIND("", "", kind, at "/initContainers/env/value"),                          \
	FIND("", "", kind, at "/initContainers/volumeMounts/mountPath")

static const struct kfieldspec var_references[] = {
	FIND("", "", "Service", "spec/ports/port"),
	FIND("", "", "Service", "spec/ports/targetPort"),
	FIND("", "", "PersistentVolume", "spec/nfs/server"),
	VARS_OF_CONTAINERS("Deployment", "spec/template/spec"),
	FIND("", "", "Deployment", "spec/template/spec/volumes/nfs/server"),
	FIND("", "", "Deployment", "spec/template/metadata/annotations"),
	VARS_OF_CONTAINERS("StatefulSet", "spec/template/spec"),
	FIND("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
	VARS_OF_CONTAINERS("CronJob", "spec/jobTemplate/spec/template/spec"),
	FIND("", "", "CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
	VARS_OF_CONTAINERS("DaemonSet", "spec/template/spec"),
	FIND("", "", "DaemonSet", "spec/template/spec/volumes/nfs/server"),
	FIND("", "", "Ingress", "spec/rules/host"),
	FIND("", "", "Ingress", "spec/tls/hosts"),
	FIND("", "", "Ingress", "spec/tls/secretName"),
	VARS_OF_CONTAINERS("Job", "spec/template/spec"),
	FIND("", "", "Job", "spec/template/spec/volumes/nfs/server"),
	VARS_OF_CONTAINERS("Pod", "spec"),
	FIND("", "", "Pod", "spec/volumes/nfs/server"),
	VARS_OF_CONTAINERS("ReplicaSet", "spec/template/spec"),
	FIND("", "", "ReplicaSet", "spec/template/spec/volumes/nfs/server"),
	FIND("", "", "", "metadata/labels"),
	FIND("", "", "", "metadata/annotations"),
};

/* --- namereference.go: who names a resource of a kind, and where ------------------- */

#define CONFIG_MAPS_OF_POD(version, kind, at)                                        \
	FIND("", version, kind, at "/volumes/configMap/name"),                       \
	FIND("", version, kind, at "/containers/env/valueFrom/configMapKeyRef/name"), \
	FIND("", version, kind,                                                      \
	     at "/initContainers/env/valueFrom/configMapKeyRef/name"),               \
	FIND("", version, kind, at "/containers/envFrom/configMapRef/name"),         \
	FIND("", version, kind, at "/initContainers/envFrom/configMapRef/name"),     \
	FIND("", version, kind, at "/volumes/projected/sources/configMap/name")

static const struct kfieldspec names_config_map[] = {
	CONFIG_MAPS_OF_POD("v1", "Pod", "spec"),
	CONFIG_MAPS_OF_POD("", "PodTemplate", "template/spec"),
	CONFIG_MAPS_OF_POD("", "Deployment", "spec/template/spec"),
	CONFIG_MAPS_OF_POD("", "ReplicaSet", "spec/template/spec"),
	CONFIG_MAPS_OF_POD("", "DaemonSet", "spec/template/spec"),
	CONFIG_MAPS_OF_POD("", "StatefulSet", "spec/template/spec"),
	CONFIG_MAPS_OF_POD("", "Job", "spec/template/spec"),
	CONFIG_MAPS_OF_POD("", "CronJob", "spec/jobTemplate/spec/template/spec"),
	FIND("", "", "Node", "spec/configSource/configMap"),
	FIND("", "", "Role", "rules/resourceNames"),
	FIND("", "", "ClusterRole", "rules/resourceNames"),
	FIND("", "", "Ingress", "metadata/annotations/"
	     "nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"),
};

#define SECRETS_OF_POD(version, kind, at)                                            \
	FIND("", version, kind, at "/volumes/secret/secretName"),                    \
	FIND("", version, kind, at "/containers/env/valueFrom/secretKeyRef/name"),   \
	FIND("", version, kind, at "/initContainers/env/valueFrom/secretKeyRef/name"), \
	FIND("", version, kind, at "/containers/envFrom/secretRef/name"),            \
	FIND("", version, kind, at "/initContainers/envFrom/secretRef/name"),        \
	FIND("", version, kind, at "/imagePullSecrets/name"),                        \
	FIND("", version, kind, at "/volumes/projected/sources/secret/name")

static const struct kfieldspec names_secret[] = {
	SECRETS_OF_POD("v1", "Pod", "spec"),
	SECRETS_OF_POD("", "PodTemplate", "template/spec"),
	SECRETS_OF_POD("", "Deployment", "spec/template/spec"),
	SECRETS_OF_POD("", "ReplicaSet", "spec/template/spec"),
	SECRETS_OF_POD("", "DaemonSet", "spec/template/spec"),
	SECRETS_OF_POD("", "StatefulSet", "spec/template/spec"),
	SECRETS_OF_POD("", "Job", "spec/template/spec"),
	SECRETS_OF_POD("", "CronJob", "spec/jobTemplate/spec/template/spec"),
	FIND("", "", "Ingress", "spec/tls/secretName"),
	FIND("", "", "Ingress", "metadata/annotations/"
	     "ingress.kubernetes.io\\/auth-secret"),
	FIND("", "", "Ingress", "metadata/annotations/"
	     "nginx.ingress.kubernetes.io\\/auth-secret"),
	FIND("", "", "Ingress", "metadata/annotations/"
	     "nginx.ingress.kubernetes.io\\/auth-tls-secret"),
	FIND("", "", "Ingress", "spec/tls/secretName"),	/* twice there, too */
	FIND("", "", "ServiceAccount", "imagePullSecrets/name"),
	FIND("", "", "StorageClass", "parameters/secretName"),
	FIND("", "", "StorageClass", "parameters/adminSecretName"),
	FIND("", "", "StorageClass", "parameters/userSecretName"),
	FIND("", "", "StorageClass", "parameters/secretRef"),
	FIND("", "", "Role", "rules/resourceNames"),
	FIND("", "", "ClusterRole", "rules/resourceNames"),
	FIND("serving.knative.dev", "v1", "Service",
	     "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
	FIND("", "", "PersistentVolume", "spec/azureFile/secretName"),
};

static const struct kfieldspec names_service[] = {
	FIND("apps", "", "StatefulSet", "spec/serviceName"),
	FIND("", "", "Ingress", "spec/rules/http/paths/backend/serviceName"),
	FIND("", "", "Ingress", "spec/backend/serviceName"),
	FIND("", "", "Ingress", "spec/rules/http/paths/backend/service/name"),
	FIND("", "", "Ingress", "spec/defaultBackend/service/name"),
	FIND("apiregistration.k8s.io", "", "APIService", "spec/service/name"),
	FIND("admissionregistration.k8s.io", "", "ValidatingWebhookConfiguration",
	     "webhooks/clientConfig/service"),
	FIND("admissionregistration.k8s.io", "", "MutatingWebhookConfiguration",
	     "webhooks/clientConfig/service"),
};

#define RBAC "rbac.authorization.k8s.io"
static const struct kfieldspec names_role[] = {
	FIND(RBAC, "", "RoleBinding", "roleRef/name"),
};
static const struct kfieldspec names_cluster_role[] = {
	FIND(RBAC, "", "RoleBinding", "roleRef/name"),
	FIND(RBAC, "", "ClusterRoleBinding", "roleRef/name"),
};

/* The fields of a PodSpec that are in every kind of workload. */
#define WORKLOADS(field)                                                             \
	FIND("", "", "Pod", "spec/" field),                                          \
	FIND("", "", "StatefulSet", "spec/template/spec/" field),                    \
	FIND("", "", "Deployment", "spec/template/spec/" field),                     \
	FIND("", "", "ReplicationController", "spec/template/spec/" field),          \
	FIND("", "", "CronJob", "spec/jobTemplate/spec/template/spec/" field),       \
	FIND("", "", "Job", "spec/template/spec/" field),                            \
	FIND("", "", "DaemonSet", "spec/template/spec/" field)

static const struct kfieldspec names_service_account[] = {
	FIND(RBAC, "", "RoleBinding", "subjects"),
	FIND(RBAC, "", "ClusterRoleBinding", "subjects"),
	WORKLOADS("serviceAccountName"),
};
static const struct kfieldspec names_volume_claim[] = {
	WORKLOADS("volumes/persistentVolumeClaim/claimName"),
};
static const struct kfieldspec names_volume[] = {
	FIND("", "", "PersistentVolumeClaim", "spec/volumeName"),
	FIND("", "", "ClusterRole", "rules/resourceNames"),
};
static const struct kfieldspec names_storage_class[] = {
	FIND("", "", "PersistentVolume", "spec/storageClassName"),
	FIND("", "", "PersistentVolumeClaim", "spec/storageClassName"),
	FIND("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
};
static const struct kfieldspec names_priority_class[] = {
	WORKLOADS("priorityClassName"),
};
static const struct kfieldspec names_ingress_class[] = {
	FIND("", "", "Ingress", "spec/ingressClassName"),
};
static const struct kfieldspec names_admission_policy[] = {
	FIND("admissionregistration.k8s.io", "", "ValidatingAdmissionPolicyBinding",
	     "spec/policyName"),
};
static const struct kfieldspec names_scaled[] = {
	FIND("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
};

static const struct knameref name_references[] = {
	{ { "storage.k8s.io", "v1", "StorageClass" }, LIST(names_storage_class) },
	{ { "", "v1", "ServiceAccount" }, LIST(names_service_account) },
	{ { RBAC, "", "Role" }, LIST(names_role) },
	{ { RBAC, "", "ClusterRole" }, LIST(names_cluster_role) },
	{ { "", "v1", "ConfigMap" }, LIST(names_config_map) },
	{ { "", "v1", "Secret" }, LIST(names_secret) },
	{ { "", "v1", "Service" }, LIST(names_service) },
	{ { "scheduling.k8s.io", "v1", "PriorityClass" }, LIST(names_priority_class) },
	{ { "", "v1", "PersistentVolume" }, LIST(names_volume) },
	{ { "", "v1", "PersistentVolumeClaim" }, LIST(names_volume_claim) },
	{ { "", "", "Deployment" }, LIST(names_scaled) },
	{ { "", "", "StatefulSet" }, LIST(names_scaled) },
	{ { "admissionregistration.k8s.io", "", "ValidatingAdmissionPolicy" },
	  LIST(names_admission_policy) },
	/* No group is called that, so it never fires: as in the reference. */
	{ { "networking.k8s.io/v1", "v1", "IngressClass" }, LIST(names_ingress_class) },
	{ { "", "", "ReplicaSet" }, LIST(names_scaled) },
	{ { "", "", "ReplicationController" }, LIST(names_scaled) },
};

void kconfig_default(struct kconfig *ret)
{
	*ret = (struct kconfig){
		.name_prefix = LIST(affixes),
		.name_suffix = LIST(affixes),
		.namespace = LIST(namespaces),
		.common_annotations = LIST(annotations),
		.common_labels = LIST(common_labels),
		.template_labels = LIST(template_labels),
		.var_reference = LIST(var_references),
		.images = LIST(images),
		.replicas = LIST(replicas),
		.name_reference = { (struct knameref *)name_references,
				    ARRAY_LEN(name_references), 0 },
	};
}
