/*
 * Names that no API server takes, and namespaces that cannot be. What each kind is called by
 * is written in its validation (k8s.io/kubernetes, pkg/apis/GROUP/validation); a custom
 * resource's name is a DNS subdomain (apiextensions-apiserver, pkg/registry/customresource).
 * Where a kind says nothing (PodDisruptionBudgets, RBAC), any segment of a path will do, and
 * the renderer refuses others. CRDs and APIServices are called by what they serve.
 *
 * No stricter than any server: a Service's name may begin with a digit (KEP-5311), and a
 * StatefulSet of before 1.27 have dots in it. Kinds of groups that an aggregated API server
 * may serve by rules of its own are left alone. The namespace of what has none is dropped by
 * the API server, so that a wrong one does no harm.
 */
#include "checks.h"

#include "core/utf8.h"

#include <ctype.h>

#define SUBDOMAIN_MAX 253
#define LABEL_MAX 63
#define CRONJOB_MAX 52		/* its Jobs' names are 11 longer */

struct naming {
	size_t max;
	bool dots;
};

static const struct naming subdomain = { SUBDOMAIN_MAX, true };
static const struct naming label = { LABEL_MAX, false };
static const struct naming cronjob = { CRONJOB_MAX, true };

enum scope { IN_NAMESPACE, OF_CLUSTER };

static const struct kind {
	const char *group, *kind;
	const struct naming *as;	/* NULL: any */
	enum scope scope;
} builtin[] = {
	{ "", "Namespace", &label, OF_CLUSTER }, { "", "Service", &label, 0 },
	{ "batch", "CronJob", &cronjob, 0 }, { "batch", "Job", &subdomain, 0 },
	{ "", "ConfigMap", &subdomain, 0 }, { "", "Secret", &subdomain, 0 },
	{ "", "ServiceAccount", &subdomain, 0 }, { "", "Pod", &subdomain, 0 },
	{ "", "PodTemplate", &subdomain, 0 }, { "", "ReplicationController", &subdomain, 0 },
	{ "", "LimitRange", &subdomain, 0 }, { "", "ResourceQuota", &subdomain, 0 },
	{ "", "Endpoints", &subdomain, 0 }, { "", "PersistentVolume", &subdomain, OF_CLUSTER },
	{ "", "PersistentVolumeClaim", &subdomain, 0 },
	{ "apps", "Deployment", &subdomain, 0 }, { "apps", "DaemonSet", &subdomain, 0 },
	{ "apps", "StatefulSet", &subdomain, 0 }, { "apps", "ReplicaSet", &subdomain, 0 },
	{ "apps", "ControllerRevision", &subdomain, 0 },
	{ "autoscaling", "HorizontalPodAutoscaler", &subdomain, 0 },
	{ "coordination.k8s.io", "Lease", &subdomain, 0 },
	{ "networking.k8s.io", "Ingress", &subdomain, 0 },
	{ "networking.k8s.io", "IngressClass", &subdomain, OF_CLUSTER },
	{ "networking.k8s.io", "NetworkPolicy", &subdomain, 0 },
	{ "discovery.k8s.io", "EndpointSlice", &subdomain, 0 },
	{ "policy", "PodDisruptionBudget", NULL, 0 },
	{ "rbac.authorization.k8s.io", "Role", NULL, 0 },
	{ "rbac.authorization.k8s.io", "RoleBinding", NULL, 0 },
	{ "resource.k8s.io", "ResourceClaim", &subdomain, 0 },
	{ "resource.k8s.io", "ResourceClaimTemplate", &subdomain, 0 },
	{ "resource.k8s.io", "DeviceClass", &subdomain, OF_CLUSTER },
	{ "scheduling.k8s.io", "PriorityClass", &subdomain, OF_CLUSTER },
	{ "storage.k8s.io", "StorageClass", &subdomain, OF_CLUSTER },
	{ "storage.k8s.io", "VolumeAttributesClass", &subdomain, OF_CLUSTER },
	{ "node.k8s.io", "RuntimeClass", &subdomain, OF_CLUSTER },
	{ "flowcontrol.apiserver.k8s.io", "FlowSchema", &subdomain, OF_CLUSTER },
	{ "flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", &subdomain, OF_CLUSTER },
	{ "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", &subdomain, OF_CLUSTER },
	{ "admissionregistration.k8s.io", "MutatingWebhookConfiguration", &subdomain, OF_CLUSTER },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicy", &subdomain, OF_CLUSTER },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", &subdomain, OF_CLUSTER },
	{ "admissionregistration.k8s.io", "MutatingAdmissionPolicy", &subdomain, OF_CLUSTER },
	{ "admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", &subdomain, OF_CLUSTER },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", &subdomain, OF_CLUSTER },
	{ "apiregistration.k8s.io", "APIService", &subdomain, OF_CLUSTER },
};

/* Whether one has namespaces is in its CRD: most do. */
static const struct kind custom = { "", "", &subdomain, IN_NAMESPACE };

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end) && (n == m || s[n - m - 1] == '.');
}

/* A group with a dot is somebody's: custom resources, but for these. */
static bool is_custom(const char *group)
{
	static const char *const others[] = { "k8s.io", "openshift.io", "projectcalico.org",
		"packages.operators.coreos.com", "packaging.carvel.dev" };

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (ends_in(group, others[i]))
			return false;
	return strchr(group, '.');
}

static const struct kind *kind_of(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
		if (!strcmp(builtin[i].group, group) && !strcmp(builtin[i].kind, kind))
			return &builtin[i];
	return is_custom(group) ? &custom : NULL;
}

static bool is_inner(char c, const struct naming *as)
{
	return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-' ||
	       (as->dots && c == '.');
}

/* A part between dots begins or ends otherwise than with a letter or digit. */
static bool has_bad_edge(const char *name)
{
	for (const char *s = name;; s++) {
		size_t n = strcspn(s, ".");

		if (!n || *s == '-' || s[n - 1] == '-')
			return true;
		s += n;
		if (!*s)
			return false;
	}
}

/* What is wrong with it, in words; false: nothing. */
static bool is_wrong(const char *name, const struct naming *as, struct buf *why)
{
	const char *all = as->dots ? "lower-case letters, digits, '-' and '.'" :
				     "lower-case letters, digits and '-'";
	const char *bad = name;

	while (*bad && is_inner(*bad, as))
		bad++;
	if (*bad && isgraph((unsigned char)*bad))
		buf_addf(why, "it holds '%c', and only %s are taken", *bad, all);
	else if (*bad)
		buf_addf(why, "only %s are taken", all);
	else if (has_bad_edge(name))
		buf_addf(why, "it must begin and end with a letter or digit%s", as->dots ?
			 ", and so must its parts between dots" : "");
	else if (strlen(name) > as->max)
		buf_addf(why, "it is %zu characters long, and at most %zu are taken", strlen(name),
			 as->max);
	return why->len;
}

/* "things.example.com" of a CRD, "v1.example.com" of an APIService. Owned; NULL: any name. */
static char *served_as(const json_t *object, const char *kind)
{
	const json_t *spec = doc_get(object, "spec", NULL);
	const char *first = NULL, *group = doc_get_str(spec, "group", NULL);

	if (!strcmp(kind, "CustomResourceDefinition"))
		first = doc_get_str(spec, "names", "plural", NULL);
	else if (!strcmp(kind, "APIService"))
		first = doc_get_str(spec, "version", NULL);
	return first && group ? xasprintf("%s.%s", first, group) : NULL;
}

static void check_own_name(struct check *c, const struct kind *k, const char *kind,
			   const struct field *at)
{
	const char *name = json_string_value(at->value);
	_cleanup_free_ char *must = NULL, *clean = NULL;
	_cleanup_buf_ struct buf why = BUF_INIT;

	if (!name)
		return;
	if (k->as && is_wrong(name, k->as, &why)) {
		check_tell(c, RULE_NAME, at, "the API server takes no %s of that name: %s", kind,
			   buf_str(&why));
		return;
	}
	must = k->scope == OF_CLUSTER ? served_as(c->object, kind) : NULL;
	if (!must || !strcmp(must, name))
		return;
	clean = utf8_clean(must, 300);
	check_tell(c, RULE_NAME, at, "the API server takes no %s of that name: it must be %s, of "
		   "what its spec says", kind, clean);
}

void check_name(struct check *c)
{
	const json_t *meta = doc_get(c->object, "metadata", NULL);
	const char *api = doc_get_str(c->object, "apiVersion", NULL);
	const char *kind = doc_get_str(c->object, "kind", NULL);
	const char *slash = api ? strchr(api, '/') : NULL;
	_cleanup_free_ char *group = slash ? xstrndup(api, (size_t)(slash - api)) : xstrdup("");
	const struct kind *k = kind ? kind_of(group, kind) : NULL;
	const struct field top = { .value = c->object };
	const struct field above = { .up = &top, .key = "metadata", .value = meta };
	const struct field name = { .up = &above, .key = "name",
				    .value = doc_get(meta, "name", NULL) };
	const struct field in = { .up = &above, .key = "namespace",
				  .value = doc_get(meta, "namespace", NULL) };
	const char *ns = json_string_value(in.value);
	_cleanup_buf_ struct buf why = BUF_INIT;

	if (!k)
		return;
	check_own_name(c, k, kind, &name);
	if (ns && *ns && k->scope == IN_NAMESPACE && is_wrong(ns, &label, &why))
		check_tell(c, RULE_NAME, &in, "there can be no namespace of that name: %s",
			   buf_str(&why));
}
