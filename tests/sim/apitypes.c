/* Which kinds are served: a table of built-in ones, and what CRDs add. */
#include "apiint.h"

enum { NS = 1, STATUS = 2, GEN = 4 };

static const struct {
	const char *group, *version, *kind, *plural;
	int flags;
} builtin[] = {
	{ "", "v1", "Namespace", "namespaces", STATUS },
	{ "", "v1", "Node", "nodes", STATUS },
	{ "", "v1", "PersistentVolume", "persistentvolumes", STATUS },
	{ "", "v1", "ConfigMap", "configmaps", NS },
	{ "", "v1", "Secret", "secrets", NS },
	{ "", "v1", "Service", "services", NS | STATUS },
	{ "", "v1", "ServiceAccount", "serviceaccounts", NS },
	{ "", "v1", "Pod", "pods", NS | STATUS | GEN },
	{ "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", NS | STATUS },
	{ "", "v1", "Endpoints", "endpoints", NS },
	{ "", "v1", "Event", "events", NS },
	{ "", "v1", "LimitRange", "limitranges", NS },
	{ "", "v1", "ResourceQuota", "resourcequotas", NS | STATUS },
	{ "", "v1", "ReplicationController", "replicationcontrollers",
	  NS | STATUS | GEN },
	{ "", "v1", "PodTemplate", "podtemplates", NS | GEN },
	{ "apps", "v1", "Deployment", "deployments", NS | STATUS | GEN },
	{ "apps", "v1", "ReplicaSet", "replicasets", NS | STATUS | GEN },
	{ "apps", "v1", "StatefulSet", "statefulsets", NS | STATUS | GEN },
	{ "apps", "v1", "DaemonSet", "daemonsets", NS | STATUS | GEN },
	{ "apps", "v1", "ControllerRevision", "controllerrevisions", NS },
	{ "batch", "v1", "Job", "jobs", NS | STATUS | GEN },
	{ "batch", "v1", "CronJob", "cronjobs", NS | STATUS | GEN },
	{ "autoscaling", "v2", "HorizontalPodAutoscaler",
	  "horizontalpodautoscalers", NS | STATUS },
	{ "autoscaling", "v1", "HorizontalPodAutoscaler",
	  "horizontalpodautoscalers", NS | STATUS },
	{ "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets",
	  NS | STATUS | GEN },
	{ "networking.k8s.io", "v1", "Ingress", "ingresses", NS | STATUS | GEN },
	{ "networking.k8s.io", "v1", "IngressClass", "ingressclasses", GEN },
	{ "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", NS | GEN },
	{ "rbac.authorization.k8s.io", "v1", "Role", "roles", NS },
	{ "rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", NS },
	{ "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", 0 },
	{ "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding",
	  "clusterrolebindings", 0 },
	{ "storage.k8s.io", "v1", "StorageClass", "storageclasses", 0 },
	{ "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", GEN },
	{ "coordination.k8s.io", "v1", "Lease", "leases", NS },
	{ "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", NS | GEN },
	{ "events.k8s.io", "v1", "Event", "events", NS },
	{ "apiextensions.k8s.io", "v1", "CustomResourceDefinition",
	  "customresourcedefinitions", STATUS | GEN },
	{ "apiregistration.k8s.io", "v1", "APIService", "apiservices", STATUS },
	{ "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration",
	  "validatingwebhookconfigurations", GEN },
	{ "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration",
	  "mutatingwebhookconfigurations", GEN },
	{ "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy",
	  "validatingadmissionpolicies", STATUS | GEN },
	{ "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding",
	  "validatingadmissionpolicybindings", GEN },
};

static struct api_type *add(struct apisim *a, const char *group,
			    const char *version, const char *kind,
			    const char *plural, int flags)
{
	struct api_type *t = xcalloc(1, sizeof(*t));

	t->group = xstrdup(group);
	t->version = xstrdup(version);
	t->kind = xstrdup(kind);
	t->plural = xstrdup(plural);
	t->namespaced = flags & NS;
	t->has_status = flags & STATUS;
	t->has_generation = flags & GEN;
	t->served = true;
	t->preferred = true;
	t->storage = t;
	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *o = a->types.data[i];

		if (strcmp(o->group, group) || strcmp(o->plural, plural))
			continue;
		t->storage = o->storage;
		t->preferred = false;
		break;
	}
	vec_push(&a->types, t);
	return t;
}

void api_types_init(struct apisim *a)
{
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
		add(a, builtin[i].group, builtin[i].version, builtin[i].kind,
		    builtin[i].plural, builtin[i].flags);
}

void api_types_add_old(struct apisim *a)
{
	struct api_type *now = api_type_find(a, "networking.k8s.io", "v1", "ingresses");

	if (api_type_find(a, "extensions", "v1beta1", "ingresses"))
		return;
	add(a, "extensions", "v1beta1", now->kind, now->plural,
	    NS | STATUS | GEN)->storage = now->storage;
}

void api_types_deinit(struct apisim *a)
{
	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];

		free(t->group);
		free(t->version);
		free(t->kind);
		free(t->plural);
		json_decref(t->schema);
		free(t);
	}
	vec_deinit(&a->types);
	json_decref(a->groups_told);
}

struct api_type *api_type_find(const struct apisim *a, const char *group,
			       const char *version, const char *plural)
{
	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];

		if (t->served && !strcmp(t->group, group) &&
		    !strcmp(t->version, version) && !strcmp(t->plural, plural))
			return t;
	}
	return NULL;
}

char *api_version_of(const struct api_type *t)
{
	return *t->group ? xasprintf("%s/%s", t->group, t->version) :
			   xstrdup(t->version);
}

struct api_type *api_type_of_kind(const struct apisim *a, const char *api_version,
				  const char *kind)
{
	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];
		_cleanup_free_ char *v = api_version_of(t);

		if (t->served && !strcmp(v, api_version) && !strcmp(t->kind, kind))
			return t;
	}
	return NULL;
}

struct api_type *api_type_named(const struct apisim *a, const char *resource)
{
	size_t n = strcspn(resource, ".");
	const char *group = resource[n] ? resource + n + 1 : "";

	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];

		if (!strcmp(t->group, group) && strlen(t->plural) == n &&
		    !strncmp(t->plural, resource, n))
			return t->storage;
	}
	return NULL;
}

bool api_group_served(const struct apisim *a, const char *group,
		      const char *version)
{
	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];

		if (t->served && !strcmp(t->group, group) &&
		    !strcmp(t->version, version))
			return true;
	}
	return false;
}

/* ---- custom kinds ---- */

static struct api_type *find_any(const struct apisim *a, const char *group,
				 const char *version, const char *plural)
{
	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];

		if (!strcmp(t->group, group) && !strcmp(t->version, version) &&
		    !strcmp(t->plural, plural))
			return t;
	}
	return NULL;
}

static json_t *discovery_json(const struct apisim *a, bool core);

/* Before what is served changes. */
static void hold_discovery(struct apisim *a)
{
	if (!a->options.discovery_lag_ms || sim_now(a->sim) < a->lag_until)
		return;
	json_decref(a->groups_told);
	a->groups_told = discovery_json(a, false);
	a->lag_until = sim_now(a->sim) + a->options.discovery_lag_ms;
}

static void set_served(struct apisim *a, struct api_type *t, bool served)
{
	if (t->served && !served)
		api_watches_end(a, t);
	t->served = served;
}

static void serve_version(struct apisim *a, const json_t *crd, const json_t *v)
{
	const char *group = doc_get_str(crd, "spec", "group", NULL);
	const char *plural = doc_get_str(crd, "spec", "names", "plural", NULL);
	const char *scope = doc_get_str(crd, "spec", "scope", NULL);
	const char *name = doc_get_str(v, "name", NULL);
	struct api_type *t = find_any(a, group, name, plural);

	if (!t)
		t = add(a, group, name, doc_get_str(crd, "spec", "names", "kind",
						    NULL), plural, GEN);
	t->custom = true;
	t->namespaced = scope && !strcmp(scope, "Namespaced");
	t->has_status = doc_get(v, "subresources", "status", NULL) != NULL;
	set_served(a, t, doc_get_bool(v, false, "served", NULL));
	json_decref(t->schema);
	t->schema = json_incref(doc_get(v, "schema", "openAPIV3Schema", NULL));
	if (doc_get_bool(t->schema, false, "x-kubernetes-preserve-unknown-fields",
			 NULL) && !doc_get(t->schema, "properties", NULL)) {
		json_decref(t->schema);
		t->schema = NULL;	/* anything goes: deduced */
	}
}

static bool lists_version(const json_t *versions, const char *name)
{
	for (size_t i = 0; i < json_array_size(versions); i++)
		if (!strcmp(doc_get_str(json_array_get(versions, i), "name", NULL), name))
			return true;
	return false;
}

/* versions: those that stay; NULL: none. */
static void drop_versions(struct apisim *a, const json_t *crd, const json_t *versions)
{
	const char *group = doc_get_str(crd, "spec", "group", NULL);
	const char *plural = doc_get_str(crd, "spec", "names", "plural", NULL);

	for (size_t i = 0; i < a->types.len; i++) {
		struct api_type *t = a->types.data[i];

		if (t->custom && !strcmp(t->group, group) &&
		    !strcmp(t->plural, plural) && !lists_version(versions, t->version))
			set_served(a, t, false);
	}
}

void api_types_from_crd(struct apisim *a, const json_t *crd)
{
	const json_t *versions = doc_get(crd, "spec", "versions", NULL);

	hold_discovery(a);
	drop_versions(a, crd, versions);
	for (size_t i = 0; i < json_array_size(versions); i++)
		serve_version(a, crd, json_array_get(versions, i));
}

void api_types_drop_crd(struct apisim *a, const json_t *crd)
{
	hold_discovery(a);
	drop_versions(a, crd, NULL);
}

/* ---- discovery ---- */

static json_t *resource_json(const struct api_type *t)
{
	json_t *j = json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:s, "
		"s:[s,s,s,s,s,s,s,s]}",
		"resource", t->plural, "responseKind", "group", t->group,
		"version", t->version, "kind", t->kind,
		"scope", t->namespaced ? "Namespaced" : "Cluster",
		"singularResource", "", "verbs", "create", "delete",
		"deletecollection", "get", "list", "patch", "update", "watch");

	if (t->has_status)
		json_object_set_new(j, "subresources", json_pack(
			"[{s:s, s:{s:s, s:s, s:s}, s:[s,s,s]}]",
			"subresource", "status", "responseKind", "group", t->group,
			"version", t->version, "kind", t->kind,
			"verbs", "get", "patch", "update"));
	return j;
}

static json_t *version_json(const struct apisim *a, const struct api_type *first)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->types.len; i++) {
		const struct api_type *t = a->types.data[i];

		if (t->served && !strcmp(t->group, first->group) &&
		    !strcmp(t->version, first->version))
			json_array_append_new(list, resource_json(t));
	}
	return json_pack("{s:s, s:o, s:s}", "version", first->version,
			 "resources", list, "freshness", "Current");
}

static bool seen_before(const struct apisim *a, size_t i, bool version)
{
	const struct api_type *t = a->types.data[i];

	for (size_t k = 0; k < i; k++) {
		const struct api_type *o = a->types.data[k];

		if (o->served && !strcmp(o->group, t->group) &&
		    (!version || !strcmp(o->version, t->version)))
			return true;
	}
	return false;
}

static json_t *group_json(const struct apisim *a, const char *group)
{
	json_t *versions = json_array();
	json_t *meta = json_pack("{s:n}", "creationTimestamp");

	for (size_t i = 0; i < a->types.len; i++) {
		const struct api_type *t = a->types.data[i];

		if (t->served && !strcmp(t->group, group) &&
		    !seen_before(a, i, true))
			json_array_append_new(versions, version_json(a, t));
	}
	if (*group)
		json_object_set_new(meta, "name", json_string(group));
	return json_pack("{s:o, s:o}", "metadata", meta, "versions", versions);
}

static json_t *discovery_json(const struct apisim *a, bool core)
{
	json_t *items = json_array();

	for (size_t i = 0; i < a->types.len; i++) {
		const struct api_type *t = a->types.data[i];

		if (t->served && !*t->group == core && !seen_before(a, i, false))
			json_array_append_new(items, group_json(a, t->group));
	}
	return json_pack("{s:s, s:s, s:{}, s:o}", "kind", "APIGroupDiscoveryList",
			 "apiVersion", "apidiscovery.k8s.io/v2", "metadata",
			 "items", items);
}

/* What a client gets that does not ask for the aggregated form. */
static json_t *legacy_json(bool core)
{
	return core ? json_pack("{s:s, s:[s], s:[]}", "kind", "APIVersions",
				"versions", "v1", "serverAddressByClientCIDRs") :
		      json_pack("{s:s, s:s, s:[]}", "kind", "APIGroupList",
				"apiVersion", "v1", "groups");
}

void api_discovery(struct apisim *a, const struct api_request *q,
		   struct api_answer *r)
{
	bool core = !strcmp(q->path, "/api");
	bool v2 = strstr(q->accept, "as=APIGroupDiscoveryList") &&
		  strstr(q->accept, "v=v2") && !a->options.no_aggregated_discovery;
	bool late = v2 && !core && sim_now(a->sim) < a->lag_until;
	_cleanup_json_ json_t *j = late ? json_incref(a->groups_told) :
				   v2 ? discovery_json(a, core) : legacy_json(core);
	char hex[65];

	api_answer_json(r, 200, j);
	if (!v2)
		return;
	sha256_hex(buf_str(&r->body), r->body.len, hex);
	snprintf(r->etag, sizeof(r->etag), "\"%s\"", hex);
	r->content_type = "application/json;g=apidiscovery.k8s.io;v=v2;"
			  "as=APIGroupDiscoveryList";
	if (!strcmp(q->if_none_match, r->etag)) {
		r->status = 304;
		buf_clear(&r->body);
	}
}
