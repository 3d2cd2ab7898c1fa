/* The simulated API server's life, and what a test does behind everybody's back. */
#include "apisim.h"

#include <stdio.h>

#include "apiint.h"
#include "core/node.h"

struct apisim *apisim_new(struct sim *s)
{
	struct apisim *a = xcalloc(1, sizeof(*a));

	a->sim = s;
	a->rv = 100;
	a->compacted = 100;
	api_types_init(a);
	apisim_namespace(a, "default");
	apisim_namespace(a, "kube-system");
	return a;
}

struct apisim *apisim_free(struct apisim *a)
{
	if (!a)
		return NULL;
	while (a->watches.len)
		api_watch_close(a->watches.data[a->watches.len - 1]);
	vec_deinit(&a->watches);
	api_looks_deinit(a);
	apisim_compact(a);
	vec_deinit(&a->history);
	vec_deinit(&a->snapshots);
	for (size_t i = 0; i < a->objects.len; i++) {
		json_decref(a->objects.data[i]->json);
		free(a->objects.data[i]->key);
		free(a->objects.data[i]);
	}
	vec_deinit(&a->objects);
	api_types_deinit(a);
	free(a);
	return NULL;
}

void apisim_set_logs(struct apisim *a, apisim_log_fn *fn, void *arg)
{
	a->logs = fn;
	a->logs_arg = arg;
}

/* A test that cannot set itself up has no business going on. */
static _Noreturn void refused(const char *what, const struct api_status *st)
{
	fprintf(stderr, "simulated API server: %s: %d %s\n", what, st->code,
		buf_str(&st->msg));
	abort();
}

void apisim_namespace(struct apisim *a, const char *name)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", name);

	apisim_apply(a, text);
}

static void apply_one(struct apisim *a, const json_t *o)
{
	const char *version = doc_get_str(o, "apiVersion", NULL);
	const char *kind = doc_get_str(o, "kind", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);
	_cleanup_status_ struct api_status st = { 0 };
	struct api_op op = {
		.how = WRITE_APPLY, .name = name, .ns = ns ? ns : "default",
		.manager = "test", .force = true, .body = o,
	};

	if (!version || !kind || !name) {
		api_fail(&st, 400, NULL, "no apiVersion, kind or name");
		refused("apply", &st);
	}
	op.type = api_type_of_kind(a, version, kind);
	if (!op.type) {
		api_fail(&st, 404, NULL, "%s %s is not served", version, kind);
		refused(name, &st);
	}
	if (api_write(a, &op, &st))
		refused(name, &st);
	json_decref(op.out);
}

static void apply_document(struct apisim *a, const char *text, size_t len)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	struct err err = ERR_INIT;
	struct api_status st = { 0 };

	if (node_text_to_json(text, len, &json, &err) == 0)
		j = doc_parse(buf_str(&json), json.len, &err);
	if (!j) {
		api_fail(&st, 400, NULL, "%s", err.msg);
		refused("YAML", &st);
	}
	if (json_is_object(j))
		apply_one(a, j);
}

void apisim_apply(struct apisim *a, const char *text)
{
	while (text) {
		const char *next = strstr(text, "\n---\n");

		apply_document(a, text, next ? (size_t)(next - text) : strlen(text));
		text = next ? next + 5 : NULL;
	}
}

static void establish_now(struct apisim *a, const char *name)
{
	struct api_object *o = api_find(a, api_type_named(a,
		"customresourcedefinitions.apiextensions.k8s.io"), NULL, name);
	unsigned was = a->options.crd_establish_ms;

	a->options.crd_establish_ms = 1;
	api_types_from_crd(a, o->json);
	a->options.crd_establish_ms = was;
	api_patch_as(a, "kube-apiserver", o->type, NULL, name, "status", json_pack(
		"{s:{s:[{s:s, s:s}]}}", "status", "conditions", "type", "Established",
		"status", "True"));
}

static void install_crd(struct apisim *a, const char *kind, const char *plural)
{
	_cleanup_free_ char *name = xasprintf("%s.argoproj.io", plural);
	_cleanup_free_ char *text = xasprintf(
		"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
		"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"%s\"},"
		"\"spec\":{\"group\":\"argoproj.io\",\"scope\":\"Namespaced\","
		"\"names\":{\"kind\":\"%s\",\"plural\":\"%s\"},\"versions\":[{"
		"\"name\":\"v1alpha1\",\"served\":true,\"storage\":true,\"schema\":{"
		"\"openAPIV3Schema\":{\"type\":\"object\","
		"\"x-kubernetes-preserve-unknown-fields\":true}}}]}}",
		name, kind, plural);

	apisim_apply(a, text);
	establish_now(a, name);
}

void apisim_install_crds(struct apisim *a)
{
	install_crd(a, "Application", "applications");
	install_crd(a, "AppProject", "appprojects");
}

const json_t *apisim_get(const struct apisim *a, const char *resource,
			 const char *ns, const char *name)
{
	struct api_type *t = api_type_named(a, resource);
	struct api_object *o = t ? api_find(a, t, ns, name) : NULL;

	return o ? o->json : NULL;
}

size_t apisim_count(const struct apisim *a, const char *resource, const char *ns)
{
	struct api_type *t = api_type_named(a, resource);
	_cleanup_json_ json_t *items = t ? api_list_items(a, t, ns, NULL, NULL) : NULL;

	return json_array_size(items);
}

const json_t *apisim_nth(const struct apisim *a, const char *resource,
			 const char *ns, const char *prefix, size_t n)
{
	struct api_type *t = api_type_named(a, resource);
	_cleanup_json_ json_t *items = t ? api_list_items(a, t, ns, NULL, NULL) : NULL;
	size_t i;
	json_t *o;

	json_array_foreach(items, i, o) {
		const char *name = doc_get_str(o, "metadata", "name", NULL);

		if (!strncmp(name, prefix, strlen(prefix)) && !n--)
			return apisim_get(a, resource, ns, name);
	}
	return NULL;
}

void apisim_edit(struct apisim *a, const char *manager, const char *resource,
		 const char *ns, const char *name, const char *merge_patch)
{
	_cleanup_status_ struct api_status st = { 0 };
	_cleanup_json_ json_t *patch = doc_parse(merge_patch, strlen(merge_patch), NULL);
	struct api_op op = {
		.how = WRITE_MERGE, .type = api_type_named(a, resource), .ns = ns,
		.name = name, .manager = manager, .body = patch,
	};

	if (!patch)
		api_fail(&st, 400, NULL, "the patch is not JSON");
	if (!patch || api_write(a, &op, &st))
		refused(name, &st);
	json_decref(op.out);
}

void apisim_delete(struct apisim *a, const char *resource, const char *ns,
		   const char *name)
{
	_cleanup_status_ struct api_status st = { 0 };
	_cleanup_json_ json_t *out = NULL;

	if (api_delete(a, api_type_named(a, resource), ns, name, NULL, false, &out, &st))
		refused(name, &st);
}

uint64_t apisim_version(const struct apisim *a)
{
	return a->rv;
}

void apisim_set_admission(struct apisim *a, apisim_admit_fn *fn, void *arg)
{
	a->admit = fn;
	a->admit_arg = arg;
}

void apisim_set_authz(struct apisim *a, apisim_deny_fn *fn, void *arg)
{
	a->deny = fn;
	a->deny_arg = arg;
}

void apisim_set_options(struct apisim *a, const struct apisim_options *o)
{
	a->options = *o;
	if (o->old_ingresses)
		api_types_add_old(a);
}
