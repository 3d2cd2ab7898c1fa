/*
 * Names that no API server takes. What each kind is called by is written in its validation
 * (k8s.io/kubernetes, pkg/apis/GROUP/validation); a custom resource's name is a DNS
 * subdomain (apiextensions-apiserver, pkg/registry/customresource). Where a kind says
 * nothing (PodDisruptionBudgets, RBAC), any segment of a path will do, and the renderer
 * refuses others.
 *
 * No stricter than any server: a Service's name may begin with a digit (KEP-5311), and a
 * StatefulSet of before 1.27 have dots in it. Kinds of groups that an aggregated API server
 * may serve by rules of its own are left alone.
 */
#include "checks.h"

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

static const struct {
	const char *group, *kind;
	const struct naming *as;
} builtin[] = {
	{ "", "Namespace", &label }, { "", "Service", &label },
	{ "batch", "CronJob", &cronjob }, { "batch", "Job", &subdomain },
	{ "", "ConfigMap", &subdomain }, { "", "Secret", &subdomain },
	{ "", "ServiceAccount", &subdomain }, { "", "Pod", &subdomain },
	{ "", "PodTemplate", &subdomain }, { "", "ReplicationController", &subdomain },
	{ "", "LimitRange", &subdomain }, { "", "ResourceQuota", &subdomain },
	{ "", "Endpoints", &subdomain }, { "", "PersistentVolume", &subdomain },
	{ "", "PersistentVolumeClaim", &subdomain },
	{ "apps", "Deployment", &subdomain }, { "apps", "DaemonSet", &subdomain },
	{ "apps", "StatefulSet", &subdomain }, { "apps", "ReplicaSet", &subdomain },
	{ "autoscaling", "HorizontalPodAutoscaler", &subdomain },
	{ "networking.k8s.io", "Ingress", &subdomain },
	{ "networking.k8s.io", "IngressClass", &subdomain },
	{ "networking.k8s.io", "NetworkPolicy", &subdomain },
	{ "discovery.k8s.io", "EndpointSlice", &subdomain },
	{ "scheduling.k8s.io", "PriorityClass", &subdomain },
	{ "storage.k8s.io", "StorageClass", &subdomain },
	{ "node.k8s.io", "RuntimeClass", &subdomain },
	{ "flowcontrol.apiserver.k8s.io", "FlowSchema", &subdomain },
	{ "flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", &subdomain },
	{ "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", &subdomain },
	{ "admissionregistration.k8s.io", "MutatingWebhookConfiguration", &subdomain },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicy", &subdomain },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", &subdomain },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", &subdomain },
};

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end) && (n == m || s[n - m - 1] == '.');
}

/* A group with a dot is somebody's: custom resources, but for these. */
static bool is_custom(const char *group)
{
	static const char *const others[] = { "k8s.io", "openshift.io", "projectcalico.org",
		"packages.operators.coreos.com" };

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (ends_in(group, others[i]))
			return false;
	return strchr(group, '.');
}

static const struct naming *naming_of(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
		if (!strcmp(builtin[i].group, group) && !strcmp(builtin[i].kind, kind))
			return builtin[i].as;
	return is_custom(group) ? &subdomain : NULL;
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

void check_name(struct check *c)
{
	const json_t *meta = doc_get(c->object, "metadata", NULL);
	const char *api = doc_get_str(c->object, "apiVersion", NULL);
	const char *kind = doc_get_str(c->object, "kind", NULL);
	const char *name = doc_get_str(meta, "name", NULL);
	const char *slash = api ? strchr(api, '/') : NULL;
	_cleanup_free_ char *group = slash ? xstrndup(api, (size_t)(slash - api)) : xstrdup("");
	const struct naming *as = kind ? naming_of(group, kind) : NULL;
	const struct field top = { .value = c->object };
	const struct field above = { .up = &top, .key = "metadata", .value = meta };
	const struct field at = { .up = &above, .key = "name",
				  .value = doc_get(meta, "name", NULL) };
	_cleanup_buf_ struct buf why = BUF_INIT;

	if (name && as && is_wrong(name, as, &why))
		check_tell(c, RULE_NAME, &at, "the API server takes no %s of that name: %s", kind,
			   buf_str(&why));
}
