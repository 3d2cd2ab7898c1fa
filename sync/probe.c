#include "probe.h"

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

static bool is(const json_t *o, const char *key, const char *want)
{
	return !strcmp(str(o, key), want);
}

static bool is_crd(const json_t *object)
{
	return is(object, "kind", "CustomResourceDefinition");
}

static bool is_configuration(const json_t *object)
{
	return !strncmp(str(object, "apiVersion"), "admissionregistration.k8s.io/", 29) &&
	       (is(object, "kind", "ValidatingWebhookConfiguration") ||
		is(object, "kind", "MutatingWebhookConfiguration"));
}

/* What a dry run does not reach says nothing, and without Fail nobody waits for it. */
static bool is_felt(const json_t *webhook)
{
	const char *effects = str(webhook, "sideEffects");

	return !is(webhook, "failurePolicy", "Ignore") &&
	       (!strcmp(effects, "None") || !strcmp(effects, "NoneOnDryRun"));
}

static bool converts(const json_t *object)
{
	return is_crd(object) && is(doc_get(object, "spec", "conversion", NULL), "strategy",
				    "Webhook");
}

bool probe_wants(const json_t *object)
{
	const json_t *list = json_object_get(object, "webhooks"), *w;
	size_t i;

	if (converts(object))
		return true;
	json_array_foreach((json_t *)(is_configuration(object) ? list : NULL), i, w)
		if (is_felt(w))
			return true;
	return false;
}

static struct probe_question question(const char *name, const json_t *client,
				      const json_t *rules, const char *version)
{
	const json_t *service = doc_get(client, "service", NULL);

	return (struct probe_question){
		.name = name, .rules = rules, .version = version,
		.service = service ? str(service, "name") : NULL,
		.service_ns = service ? str(service, "namespace") : NULL,
		.bare = service && !*str(client, "caBundle"),
	};
}

/* Each version that is not how objects are stored has to be converted to. */
static size_t conversions(const json_t *crd, struct probe_question ret[PROBE_MAX])
{
	const json_t *spec = json_object_get(crd, "spec"), *v;
	const json_t *client = doc_get(spec, "conversion", "webhook", "clientConfig", NULL);
	size_t i, n = 0;

	json_array_foreach((json_t *)json_object_get(spec, "versions"), i, v)
		if (n < PROBE_MAX && doc_get_bool(v, false, "served", NULL) &&
		    !doc_get_bool(v, false, "storage", NULL))
			ret[n++] = question("the conversion webhook", client, NULL,
					    str(v, "name"));
	return n;
}

size_t probe_questions(const json_t *object, struct probe_question ret[PROBE_MAX])
{
	const json_t *list = json_object_get(object, "webhooks"), *w;
	size_t i, n = 0;

	if (converts(object))
		return conversions(object, ret);
	json_array_foreach((json_t *)(is_configuration(object) ? list : NULL), i, w)
		if (n < PROBE_MAX && is_felt(w))
			ret[n++] = question(str(w, "name"), json_object_get(w, "clientConfig"),
					    json_object_get(w, "rules"), "");
	return n;
}

static bool has(const json_t *list, const char *want)
{
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v) {
		const char *s = json_string_value(v);

		if (s && (!strcmp(s, want) || !strcmp(s, "*") || !strcmp(s, "*/*")))
			return true;
	}
	return false;
}

/* matchPolicy is Equivalent where nothing else is said: versions do not count. */
bool probe_sees(const struct probe_question *q, const char *group, const char *resource,
		const char *operation)
{
	const json_t *r;
	size_t i;

	json_array_foreach((json_t *)q->rules, i, r)
		if (has(json_object_get(r, "apiGroups"), group) &&
		    has(json_object_get(r, "resources"), resource) &&
		    has(json_object_get(r, "operations"), operation))
			return true;
	return false;
}

/* "*" is no name to ask for: any will do, and a ConfigMap is everywhere. */
static const char *name_of(const json_t *v, const char *any)
{
	const char *s = json_string_value(v);

	return s && *s == '*' ? any : s;
}

static bool resource_of(const json_t *rule,
			bool (*known)(void *arg, const char *group, const char *resource),
			void *arg, const char **ret_group, const char **ret_resource)
{
	const json_t *groups = json_object_get(rule, "apiGroups"), *g, *r;
	size_t i, k;

	json_array_foreach((json_t *)groups, i, g)
		json_array_foreach(json_object_get(rule, "resources"), k, r) {
			*ret_group = name_of(g, "");
			*ret_resource = name_of(r, "configmaps");
			if (*ret_group && *ret_resource && !strchr(*ret_resource, '/') &&
			    known(arg, *ret_group, *ret_resource))
				return true;
		}
	return false;
}

bool probe_resource(const struct probe_question *q,
		    bool (*known)(void *arg, const char *group, const char *resource),
		    void *arg, const char **ret_group, const char **ret_resource)
{
	const json_t *rule;
	size_t i;

	json_array_foreach((json_t *)q->rules, i, rule)
		if (has(json_object_get(rule, "operations"), "CREATE") &&
		    resource_of(rule, known, arg, ret_group, ret_resource))
			return true;
	return false;
}

/*
 * The words are the API server's: k8s.io/apiserver's webhook errors and
 * apiextensions-apiserver's conversion. A webhook that says no has answered.
 */
bool probe_is_silent(const struct probe_question *q, const struct err *err)
{
	_cleanup_free_ char *called = xasprintf("failed calling webhook \"%s\"", q->name);

	if (!err->code)
		return false;
	return strstr(err->msg, q->rules ? called : "conversion webhook for");
}

bool probe_has_endpoint(const json_t *slices)
{
	const json_t *slice, *e;
	size_t i, k;

	json_array_foreach((json_t *)slices, i, slice)
		json_array_foreach(json_object_get(slice, "endpoints"), k, e)
			if (doc_get_bool(e, true, "conditions", "ready", NULL) &&
			    json_array_size(json_object_get(e, "addresses")))
				return true;
	return false;
}
