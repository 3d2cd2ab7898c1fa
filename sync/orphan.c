/* What is nobody's: the cases of orphan.h, in their order. */
#include "orphan.h"

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "glob.h"

#define MANAGED_BY "app.kubernetes.io/managed-by"

static const json_t *rules(const struct project *p)
{
	return doc_get(p->spec, "orphanedResources", NULL);
}

bool orphan_wanted(const struct project *p)
{
	return json_is_object(rules(p));
}

bool orphan_warns(const struct project *p)
{
	return doc_get_bool(rules(p), false, "warn", NULL);
}

/* Kind NULL: all of the group. */
static bool is_noise(const char *group, const char *kind)
{
	static const char *const noise[][2] = {
		{ "", "Event" }, { "events.k8s.io", NULL }, { "metrics.k8s.io", NULL },
		{ "coordination.k8s.io", "Lease" }, { "", "Endpoints" },
		{ "discovery.k8s.io", "EndpointSlice" },
		{ "cert-manager.io", "CertificateRequest" },
		{ "cilium.io", "CiliumIdentity" }, { "cilium.io", "CiliumEndpoint" },
		{ "cilium.io", "CiliumEndpointSlice" },
		{ "kyverno.io", "AdmissionReport" },
		{ "kyverno.io", "BackgroundScanReport" }, { "kyverno.io", "UpdateRequest" },
		{ "reports.kyverno.io", NULL }, { "wgpolicyk8s.io", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(noise); i++)
		if (!strcmp(noise[i][0], group) &&
		    (!noise[i][1] || !strcmp(noise[i][1], kind)))
			return true;
	return false;
}

bool orphan_kind_counts(const struct project *p, const char *group, const char *kind,
			const char *ns)
{
	return !is_noise(group, kind) &&
	       !project_check_object(p, group, kind, ns, "", NULL);
}

/* "data-web-0" is of StatefulSet web, whose claim template is called data. */
static bool is_claim_of(const char *name, const char *set)
{
	size_t len = strlen(name), digits = 0, n = strlen(set);

	while (digits < len && name[len - digits - 1] >= '0' && name[len - digits - 1] <= '9')
		digits++;
	len -= digits;		/* now of "data-web-" */
	return digits && len > n + 2 && name[len - 1] == '-' && name[len - n - 2] == '-' &&
	       !memcmp(name + len - n - 1, set, n);
}

static bool has_owner(const struct orphan_object *o)
{
	const struct objkey *k = &o->key;

	if (json_array_size(doc_get(o->metadata, "ownerReferences", NULL)))
		return true;
	if (*k->group)
		return false;
	if (!strcmp(k->kind, "Secret"))
		return doc_get_str(o->metadata, "annotations",
				   "kubernetes.io/service-account.name", NULL);
	if (strcmp(k->kind, "PersistentVolumeClaim"))
		return false;
	for (size_t i = 0; i < o->n_sets; i++)
		if (is_claim_of(k->name, o->sets[i]))
			return true;
	return false;
}

static bool is_system(const struct objkey *k)
{
	if (*k->group)
		return false;
	return (!strcmp(k->kind, "ServiceAccount") && !strcmp(k->name, "default")) ||
	       (!strcmp(k->kind, "ConfigMap") && !strcmp(k->name, "kube-root-ca.crt")) ||
	       (!strcmp(k->kind, "Service") && !strcmp(k->name, "kubernetes") &&
		!strcmp(k->ns, "default"));
}

static bool is_ours(const struct orphan_object *o)
{
	const char *by = doc_get_str(o->metadata, "labels", MANAGED_BY, NULL);

	return o->at_home && ((by && !strcmp(by, "syncd")) ||
			      !strcmp(o->key.name, "syncd-install"));
}

static const char *text(const json_t *rule, const char *key)
{
	const char *s = doc_get_str(rule, key, NULL);

	return s ? s : "";
}

/* As Argo CD: no kind, no name: any; no group: the core group. */
static bool fits(const json_t *rule, const struct objkey *k)
{
	const char *kind = text(rule, "kind"), *name = text(rule, "name");

	return (!*kind || glob_match(kind, k->kind, 0) == 1) &&
	       glob_match(text(rule, "group"), k->group, 0) == 1 &&
	       (!*name || glob_match(name, k->name, 0) == 1);
}

static bool is_ignored(const struct project *p, const struct objkey *k)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(doc_get(rules(p), "ignore", NULL), i, rule)
		if (fits(rule, k))
			return true;
	return false;
}

enum orphan_case orphan_judge(const struct project *p, const struct orphan_object *o)
{
	if (has_owner(o))
		return ORPHAN_OWNED;
	if (is_system(&o->key))
		return ORPHAN_SYSTEM;
	if (o->managed)
		return ORPHAN_MANAGED;
	if (is_ours(o))
		return ORPHAN_OURS;
	return is_ignored(p, &o->key) ? ORPHAN_IGNORED : ORPHAN_IS;
}
