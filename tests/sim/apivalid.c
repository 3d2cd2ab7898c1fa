/* Validation: names, required and immutable fields, types of custom kinds. */
#include "apiint.h"

static const char subdomain[] =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
	"characters, '-' or '.', and must start and end with an alphanumeric character "
	"(e.g. 'example.com', regex used for validation is "
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
static const char label[] =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
	"or '-', and must start and end with an alphanumeric character (e.g. 'my-name', "
	" or '123-abc', regex used for validation is "
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool good_name(const char *s, bool dots)
{
	size_t n = strlen(s);

	if (!n || n > 253 || !alnum(s[0]) || !alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (alnum(s[i]) || s[i] == '-')
			continue;
		if (s[i] != '.' || !dots || !alnum(s[i - 1]) || !alnum(s[i + 1]))
			return false;
	}
	return true;
}

static void check_name(const struct api_type *t, const char *name,
		       struct api_status *st)
{
	bool is_label = !strcmp(t->kind, "Namespace") || !strcmp(t->kind, "Service");

	if (!strncmp(t->group, "rbac.", 5) || good_name(name, !is_label))
		return;
	api_cause(st, "FieldValueInvalid", "metadata.name", "Invalid value: \"%s\": %s",
		  name, is_label ? label : subdomain);
}

static void immutable(struct api_status *st, const json_t *o, const json_t *old,
		      const char *field, const char *a, const char *b)
{
	const json_t *is = b ? doc_get(o, a, b, NULL) : doc_get(o, a, NULL);
	const json_t *was = b ? doc_get(old, a, b, NULL) : doc_get(old, a, NULL);
	_cleanup_buf_ struct buf v = BUF_INIT;

	if (!old || (is && was ? doc_equal(is, was) : is == was))
		return;
	if (is)
		doc_write(is, &v);
	api_cause(st, "FieldValueInvalid", field,
		  "Invalid value: %s: field is immutable", buf_str(&v));
}

/* ---- workloads ---- */

static bool labels_match(const json_t *spec)
{
	const json_t *want = doc_get(spec, "selector", "matchLabels", NULL);
	const json_t *have = doc_get(spec, "template", "metadata", "labels", NULL);
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)want, key, v) {
		const json_t *got = json_object_get(have, key);

		if (!got || !doc_equal(got, v))
			return false;
	}
	return json_object_size(want) > 0;
}

static void containers(const json_t *pod, const char *path, struct api_status *st)
{
	const json_t *list = doc_get(pod, "containers", NULL);

	if (!json_array_size(list)) {
		_cleanup_free_ char *f = xasprintf("%s.containers", path);

		api_cause(st, "FieldValueRequired", f, "Required value");
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		const char *image = doc_get_str(c, "image", NULL);
		_cleanup_free_ char *f = xasprintf("%s.containers[%zu].image", path, i);

		if (!image || !*image)
			api_cause(st, "FieldValueRequired", f, "Required value");
	}
}

static void workload(const json_t *o, struct api_status *st)
{
	const json_t *spec = json_object_get(o, "spec");
	const json_t *have = doc_get(spec, "template", "metadata", "labels", NULL);
	_cleanup_buf_ struct buf v = BUF_INIT;

	if (!doc_get(spec, "selector", NULL))
		api_cause(st, "FieldValueRequired", "spec.selector", "Required value");
	if (!labels_match(spec)) {
		if (have)
			doc_write(have, &v);
		api_cause(st, "FieldValueInvalid", "spec.template.metadata.labels",
			  "Invalid value: %s: `selector` does not match template "
			  "`labels`", have ? buf_str(&v) : "null");
	}
	containers(doc_get(spec, "template", "spec", NULL), "spec.template.spec", st);
}

static const char sts_fields[] =
	"Forbidden: updates to statefulset spec for fields other than 'replicas', "
	"'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
	"'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

static void stateful_set(const json_t *o, const json_t *old, struct api_status *st)
{
	static const char *const fixed[] = { "selector", "serviceName",
		"volumeClaimTemplates", "podManagementPolicy" };

	for (size_t i = 0; old && i < ARRAY_LEN(fixed); i++) {
		const json_t *a = doc_get(o, "spec", fixed[i], NULL);
		const json_t *b = doc_get(old, "spec", fixed[i], NULL);

		if (a && b ? !doc_equal(a, b) : a != b) {
			api_cause(st, "FieldValueForbidden", "spec", "%s", sts_fields);
			return;
		}
	}
}

static void service(const json_t *o, const json_t *old, struct api_status *st)
{
	const char *type = doc_get_str(o, "spec", "type", NULL);
	const char *ip = doc_get_str(o, "spec", "clusterIP", NULL);

	if (!json_array_size(doc_get(o, "spec", "ports", NULL)) && type &&
	    strcmp(type, "ExternalName") && ip && strcmp(ip, "None"))
		api_cause(st, "FieldValueRequired", "spec.ports", "Required value");
	if (old && doc_get(o, "spec", "clusterIP", NULL))
		immutable(st, o, old, "spec.clusterIP", "spec", "clusterIP");
}

static void map_of_strings(const json_t *o, const char *key, struct api_status *st)
{
	const char *k;
	json_t *v;

	json_object_foreach(json_object_get(o, key), k, v)
		if (!json_is_string(v))
			api_cause(st, "FieldValueInvalid", key,
				  "Invalid value: \"%s\": must be a string", k);
}

static void builtin(const struct api_type *t, const json_t *o, const json_t *old,
		    struct api_status *st)
{
	if (!strcmp(t->group, "apps") && strcmp(t->kind, "ControllerRevision")) {
		workload(o, st);
		if (strcmp(t->kind, "StatefulSet"))
			immutable(st, o, old, "spec.selector", "spec", "selector");
		else
			stateful_set(o, old, st);
	} else if (!strcmp(t->kind, "Job")) {
		containers(doc_get(o, "spec", "template", "spec", NULL),
			   "spec.template.spec", st);
		immutable(st, o, old, "spec.template", "spec", "template");
	} else if (!strcmp(t->kind, "Pod")) {
		containers(doc_get(o, "spec", NULL), "spec", st);
	} else if (!strcmp(t->kind, "Service")) {
		service(o, old, st);
	} else if (!strcmp(t->kind, "Secret")) {
		immutable(st, o, old, "type", "type", NULL);
	} else if (!strcmp(t->kind, "RoleBinding") ||
		   !strcmp(t->kind, "ClusterRoleBinding")) {
		const json_t *a = doc_get(o, "roleRef", NULL);
		const json_t *b = doc_get(old, "roleRef", NULL);

		if (old && !doc_equal(a, b))
			api_cause(st, "FieldValueInvalid", "roleRef",
				  "Invalid value: {}: cannot change roleRef");
	}
	map_of_strings(o, "data", st);
	if (doc_get_bool(old, false, "immutable", NULL))
		immutable(st, o, old, "data", "data", NULL);
}

/* ---- custom kinds ---- */

static const char *type_name(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "object", [JSON_ARRAY] = "array",
		[JSON_STRING] = "string", [JSON_INTEGER] = "integer",
		[JSON_REAL] = "number", [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean", [JSON_NULL] = "null",
	};

	return names[json_typeof(v)];
}

static bool type_fits(const json_t *schema, const json_t *v)
{
	const char *want = doc_get_str(schema, "type", NULL);

	if (!want || doc_get_bool(schema, false, "x-kubernetes-int-or-string", NULL))
		return true;
	if (!strcmp(want, "number"))
		return json_is_number(v);
	if (json_is_null(v))
		return doc_get_bool(schema, false, "nullable", NULL);
	return !strcmp(want, type_name(v));
}

static void by_schema(const json_t *schema, const json_t *v, const char *path,
		      struct api_status *st);

static void enum_fits(const json_t *schema, const json_t *v, const char *path,
		      struct api_status *st)
{
	const json_t *list = doc_get(schema, "enum", NULL);
	_cleanup_buf_ struct buf all = BUF_INIT, is = BUF_INIT;

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (doc_equal(json_array_get(list, i), v))
			return;
		buf_adds(&all, i ? ", " : "");
		doc_write(json_array_get(list, i), &all);
	}
	if (!list)
		return;
	doc_write(v, &is);
	api_cause(st, "FieldValueNotSupported", path,
		  "Unsupported value: %s: supported values: %s", buf_str(&is),
		  buf_str(&all));
}

static void object_by_schema(const json_t *schema, const json_t *v, const char *path,
			     struct api_status *st)
{
	const json_t *required = doc_get(schema, "required", NULL);
	const json_t *more = doc_get(schema, "additionalProperties", NULL);
	const char *key;
	json_t *x;

	for (size_t i = 0; i < json_array_size(required); i++) {
		const char *name = json_string_value(json_array_get(required, i));
		_cleanup_free_ char *p = xasprintf("%s%s%s", path, *path ? "." : "",
						   name);

		if (!json_object_get(v, name))
			api_cause(st, "FieldValueRequired", p, "Required value");
	}
	json_object_foreach((json_t *)v, key, x) {
		const json_t *s = doc_get(schema, "properties", key, NULL);
		_cleanup_free_ char *p = xasprintf("%s%s%s", path, *path ? "." : "",
						   key);

		if (s || json_is_object(more))
			by_schema(s ? s : more, x, p, st);
	}
}

static void by_schema(const json_t *schema, const json_t *v, const char *path,
		      struct api_status *st)
{
	const json_t *items = doc_get(schema, "items", NULL);

	if (!type_fits(schema, v)) {
		api_cause(st, "FieldValueTypeInvalid", path, "Invalid value: \"%s\": %s "
			  "in body must be of type %s: \"%s\"", type_name(v), path,
			  doc_get_str(schema, "type", NULL), type_name(v));
		return;
	}
	enum_fits(schema, v, path, st);
	if (json_is_object(v))
		object_by_schema(schema, v, path, st);
	for (size_t i = 0; items && i < json_array_size(v); i++) {
		_cleanup_free_ char *p = xasprintf("%s[%zu]", path, i);

		by_schema(items, json_array_get(v, i), p, st);
	}
}

int api_validate(const struct apisim *a, const struct api_type *t, const json_t *o,
		 const json_t *old, struct api_status *st)
{
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	(void)a;
	if (!old)
		check_name(t, name, st);
	if (t->custom && t->schema)
		by_schema(t->schema, o, "", st);
	else if (!t->custom)
		builtin(t, o, old, st);
	return api_invalid(st, t, name);
}
