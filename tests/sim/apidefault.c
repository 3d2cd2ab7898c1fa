/*
 * Defaults and normal forms, as far as a sync controller meets them: an apply is
 * answered with fields that nobody sent and values that are spelled differently.
 */
#include <stdio.h>

#include "apiint.h"

static void set_default(json_t *o, const char *key, json_t *v)
{
	if (json_is_object(o) && !json_object_get(o, key))
		json_object_set_new(o, key, v);
	else
		json_decref(v);
}

static json_t *child(json_t *o, const char *key)
{
	json_t *c = json_object_get(o, key);

	if (!c && json_is_object(o)) {
		json_object_set_new(o, key, json_object());
		c = json_object_get(o, key);
	}
	return c;
}

/* "1000m" -> "1", "1024Mi" -> "1Gi", 1 -> "1": the common cases of a quantity. */
static json_t *normal_quantity(const json_t *v)
{
	char text[64], *unit;
	unsigned long long n;

	if (json_is_integer(v)) {
		snprintf(text, sizeof(text), "%lld", json_integer_value(v));
		return json_string(text);
	}
	if (!json_is_string(v))
		return json_deep_copy(v);
	n = strtoull(json_string_value(v), &unit, 10);
	if (!strcmp(unit, "m") && n % 1000 == 0)
		snprintf(text, sizeof(text), "%llu", n / 1000);
	else if (!strcmp(unit, "Mi") && n && n % 1024 == 0)
		snprintf(text, sizeof(text), "%lluGi", n / 1024);
	else if (!strcmp(unit, "Ki") && n && n % 1024 == 0)
		snprintf(text, sizeof(text), "%lluMi", n / 1024);
	else
		return json_deep_copy(v);
	return json_string(text);
}

static void quantities(json_t *map)
{
	const char *key;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(map, tmp, key, v)
		json_object_set_new(map, key, normal_quantity(v));
}

static bool latest(const char *image)
{
	const char *slash = image ? strrchr(image, '/') : NULL;
	const char *name = slash ? slash : image ? image : "";
	const char *colon = strchr(name, ':');

	return !strchr(name, '@') && (!colon || !strcmp(colon, ":latest"));
}

static void container(json_t *c)
{
	json_t *resources = child(c, "resources"), *p;
	size_t i;

	quantities(json_object_get(resources, "requests"));
	quantities(json_object_get(resources, "limits"));
	set_default(c, "terminationMessagePath", json_string("/dev/termination-log"));
	set_default(c, "terminationMessagePolicy", json_string("File"));
	set_default(c, "imagePullPolicy", json_string(
		latest(doc_get_str(c, "image", NULL)) ? "Always" : "IfNotPresent"));
	json_array_foreach(json_object_get(c, "ports"), i, p)
		set_default(p, "protocol", json_string("TCP"));
}

static void pod_spec(json_t *s, const char *restart)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(s, "containers"), i, c)
		container(c);
	json_array_foreach(json_object_get(s, "initContainers"), i, c)
		container(c);
	set_default(s, "restartPolicy", json_string(restart));
	set_default(s, "terminationGracePeriodSeconds", json_integer(30));
	set_default(s, "dnsPolicy", json_string("ClusterFirst"));
	set_default(s, "securityContext", json_object());
	set_default(s, "schedulerName", json_string("default-scheduler"));
}

static void template_spec(json_t *spec, const char *restart)
{
	json_t *t = json_object_get(spec, "template");

	if (json_is_object(t))
		pod_spec(child(t, "spec"), restart);
}

static void deployment(json_t *o)
{
	json_t *spec = child(o, "spec"), *strategy;
	const char *type;

	template_spec(spec, "Always");
	set_default(spec, "replicas", json_integer(1));
	strategy = child(spec, "strategy");
	set_default(strategy, "type", json_string("RollingUpdate"));
	type = doc_get_str(strategy, "type", NULL);
	if (type && !strcmp(type, "RollingUpdate")) {
		json_t *r = child(strategy, "rollingUpdate");

		set_default(r, "maxUnavailable", json_string("25%"));
		set_default(r, "maxSurge", json_string("25%"));
	}
	set_default(spec, "revisionHistoryLimit", json_integer(10));
	set_default(spec, "progressDeadlineSeconds", json_integer(600));
}

static void stateful_set(json_t *o)
{
	json_t *spec = child(o, "spec"), *strategy;

	template_spec(spec, "Always");
	set_default(spec, "replicas", json_integer(1));
	set_default(spec, "podManagementPolicy", json_string("OrderedReady"));
	set_default(spec, "revisionHistoryLimit", json_integer(10));
	strategy = child(spec, "updateStrategy");
	set_default(strategy, "type", json_string("RollingUpdate"));
	set_default(strategy, "rollingUpdate",
		    json_pack("{s:i}", "partition", 0));
}

static void daemon_set(json_t *o)
{
	json_t *spec = child(o, "spec"), *strategy;

	template_spec(spec, "Always");
	set_default(spec, "revisionHistoryLimit", json_integer(10));
	strategy = child(spec, "updateStrategy");
	set_default(strategy, "type", json_string("RollingUpdate"));
	set_default(strategy, "rollingUpdate", json_pack("{s:i, s:i}",
		    "maxUnavailable", 1, "maxSurge", 0));
}

static void job(struct apisim *a, json_t *o, const json_t *old)
{
	json_t *spec = child(o, "spec"), *labels;
	const char *uid = doc_get_str(o, "metadata", "uid", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	(void)a;
	template_spec(spec, "Always");
	set_default(spec, "parallelism", json_integer(1));
	set_default(spec, "completions", json_integer(1));
	set_default(spec, "backoffLimit", json_integer(6));
	set_default(spec, "completionMode", json_string("NonIndexed"));
	set_default(spec, "suspend", json_false());
	set_default(spec, "manualSelector", json_false());
	set_default(spec, "podReplacementPolicy",
		    json_string("TerminatingOrFailed"));
	if (old || !json_object_get(spec, "template"))
		return;
	json_object_set_new(spec, "selector", json_pack("{s:{s:s}}", "matchLabels",
			    "batch.kubernetes.io/controller-uid", uid));
	labels = child(child(json_object_get(spec, "template"), "metadata"), "labels");
	json_object_set_new(labels, "batch.kubernetes.io/controller-uid",
			    json_string(uid));
	json_object_set_new(labels, "batch.kubernetes.io/job-name",
			    json_string(name));
	json_object_set_new(labels, "controller-uid", json_string(uid));
	json_object_set_new(labels, "job-name", json_string(name));
}

static void cluster_ip(struct apisim *a, json_t *spec, const json_t *old)
{
	char ip[32];
	const char *was = doc_get_str(old, "spec", "clusterIP", NULL);

	if (!was)
		a->ips++;
	snprintf(ip, sizeof(ip), "10.96.%u.%u", (unsigned)(a->ips / 250) % 250,
		 (unsigned)(a->ips % 250) + 2);
	set_default(spec, "clusterIP", json_string(was ? was : ip));
	set_default(spec, "clusterIPs", json_pack("[s]",
		    doc_get_str(spec, "clusterIP", NULL)));
}

static void service(struct apisim *a, json_t *o, const json_t *old)
{
	json_t *spec = child(o, "spec"), *p;
	const char *type;
	size_t i;

	set_default(spec, "type", json_string("ClusterIP"));
	set_default(spec, "sessionAffinity", json_string("None"));
	set_default(spec, "internalTrafficPolicy", json_string("Cluster"));
	set_default(spec, "ipFamilies", json_pack("[s]", "IPv4"));
	set_default(spec, "ipFamilyPolicy", json_string("SingleStack"));
	type = doc_get_str(spec, "type", NULL);
	if (strcmp(type, "ExternalName"))
		cluster_ip(a, spec, old);
	json_array_foreach(json_object_get(spec, "ports"), i, p) {
		set_default(p, "protocol", json_string("TCP"));
		if (json_object_get(p, "port"))
			set_default(p, "targetPort",
				    json_copy(json_object_get(p, "port")));
	}
	set_default(child(o, "status"), "loadBalancer", json_object());
}

/* stringData is written into data, and kept out of what is stored. */
static void secret(json_t *o)
{
	json_t *plain = json_object_get(o, "stringData"), *v;
	const char *key;

	json_object_foreach(plain, key, v) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		const char *s = json_string_value(v);

		b64_encode(s ? s : "", s ? strlen(s) : 0, &b);
		json_object_set_new(child(o, "data"), key, json_string(buf_str(&b)));
	}
	json_object_del(o, "stringData");
	set_default(o, "type", json_string("Opaque"));
}

static void namespace(json_t *o, const json_t *old)
{
	json_t *labels = child(json_object_get(o, "metadata"), "labels");

	json_object_set_new(labels, "kubernetes.io/metadata.name",
		json_string(doc_get_str(o, "metadata", "name", NULL)));
	if (old && json_object_get(old, "spec"))
		json_object_set(o, "spec", json_object_get(old, "spec"));
	set_default(child(o, "spec"), "finalizers", json_pack("[s]", "kubernetes"));
	set_default(child(o, "status"), "phase", json_string("Active"));
}

static void crd(json_t *o)
{
	json_t *spec = child(o, "spec"), *names = child(spec, "names");
	const char *kind = doc_get_str(names, "kind", NULL);
	_cleanup_free_ char *lower = xstrdup(kind ? kind : "");
	_cleanup_free_ char *list = xasprintf("%sList", kind ? kind : "");

	for (char *p = lower; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	set_default(names, "singular", json_string(lower));
	set_default(names, "listKind", json_string(list));
	set_default(spec, "conversion", json_pack("{s:s}", "strategy", "None"));
}

/* ---- custom kinds: defaults of the schema, unknown fields dropped ---- */

static void by_schema(const json_t *schema, json_t *v);

static void object_by_schema(const json_t *schema, json_t *v)
{
	json_t *props = doc_get(schema, "properties", NULL), *s, *x;
	json_t *more = doc_get(schema, "additionalProperties", NULL);
	bool open = !props || more ||
		    doc_get_bool(schema, false, "x-kubernetes-preserve-unknown-fields",
				 NULL);
	const char *key;
	void *tmp;

	json_object_foreach(props, key, s)
		if (json_object_get(s, "default"))
			set_default(v, key,
				    json_deep_copy(json_object_get(s, "default")));
	json_object_foreach_safe(v, tmp, key, x) {
		s = json_object_get(props, key);
		if (s || json_is_object(more))
			by_schema(s ? s : more, x);
		else if (!open)
			json_object_del(v, key);
	}
}

static void by_schema(const json_t *schema, json_t *v)
{
	const json_t *items = doc_get(schema, "items", NULL);

	if (json_is_object(v))
		object_by_schema(schema, v);
	for (size_t i = 0; items && i < json_array_size(v); i++)
		by_schema(items, json_array_get(v, i));
}

static void custom(const struct api_type *t, json_t *o)
{
	_cleanup_json_ json_t *body = NULL;
	static const char *const outer[] = { "apiVersion", "kind", "metadata" };

	if (!t->schema)
		return;
	body = json_copy(o);
	for (size_t i = 0; i < ARRAY_LEN(outer); i++)
		json_object_del(body, outer[i]);
	object_by_schema(t->schema, body);
	for (size_t i = 0; i < ARRAY_LEN(outer); i++)
		if (json_object_get(o, outer[i]))
			json_object_set(body, outer[i], json_object_get(o, outer[i]));
	json_object_clear(o);
	json_object_update(o, body);
}

/* Typed kinds do not keep empty maps and lists of these. */
static void drop_empty(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if ((json_is_object(v) && !json_object_size(v)) ||
	    (json_is_array(v) && !json_array_size(v)) || json_is_null(v))
		json_object_del(o, key);
}

static void builtin(struct apisim *a, const struct api_type *t, json_t *o,
		    const json_t *old)
{
	static const char *const optional[] = { "data", "binaryData", "imagePullSecrets",
						"secrets" };

	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		drop_empty(o, optional[i]);
	if (!strcmp(t->kind, "Deployment"))
		deployment(o);
	else if (!strcmp(t->kind, "StatefulSet"))
		stateful_set(o);
	else if (!strcmp(t->kind, "DaemonSet"))
		daemon_set(o);
	else if (!strcmp(t->kind, "ReplicaSet"))
		template_spec(child(o, "spec"), "Always");
	else if (!strcmp(t->kind, "Job"))
		job(a, o, old);
	else if (!strcmp(t->kind, "Service"))
		service(a, o, old);
	else if (!strcmp(t->kind, "Secret"))
		secret(o);
	else if (!strcmp(t->kind, "Namespace"))
		namespace(o, old);
	else if (!strcmp(t->kind, "Pod"))
		pod_spec(child(o, "spec"), "Always");
	else if (!strcmp(t->kind, "CustomResourceDefinition"))
		crd(o);
	if (t->has_status && strcmp(t->kind, "CustomResourceDefinition"))
		child(o, "status");
}

void api_default(struct apisim *a, const struct api_type *t, json_t *o,
		 const json_t *old)
{
	json_t *meta = json_object_get(o, "metadata");

	drop_empty(meta, "labels");
	drop_empty(meta, "annotations");
	drop_empty(meta, "finalizers");
	drop_empty(meta, "ownerReferences");
	if (t->custom)
		custom(t, o);
	else
		builtin(a, t, o, old);
}
