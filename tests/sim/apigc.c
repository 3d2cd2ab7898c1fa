/*
 * What the controller-manager does with things on their way out: namespaces are
 * emptied, dependents follow their owners, finalizers of propagation are served.
 * Each object is looked at again some time after it changed.
 */
#include "apiint.h"

/* ---- looks ---- */

static void look_now(void *arg)
{
	struct api_job *j = arg;
	struct apisim *a = j->api;
	struct api_object *o;

	for (size_t i = 0; i < a->jobs.len; i++) {
		if (a->jobs.data[i] != j)
			continue;
		a->jobs.data[i] = a->jobs.data[--a->jobs.len];
		break;
	}
	o = api_find_key(a, j->key);
	if (o)
		api_collect(a, o);
	o = api_find_key(a, j->key);
	if (o && !a->options.no_controllers)
		api_control(a, o);
	free(j->key);
	free(j);
}

void api_look(struct apisim *a, const char *key, uint64_t ms)
{
	struct api_job *j;

	for (size_t i = 0; i < a->jobs.len; i++)
		if (!strcmp(a->jobs.data[i]->key, key) &&
		    a->jobs.data[i]->event->at <= sim_now(a->sim) + ms)
			return;
	j = xcalloc(1, sizeof(*j));
	j->api = a;
	j->key = xstrdup(key);
	j->event = sim_at(a->sim, NULL, ms, "look", look_now, j);
	vec_push(&a->jobs, j);
}

void api_looks_deinit(struct apisim *a)
{
	for (size_t i = 0; i < a->jobs.len; i++) {
		sim_unschedule(a->sim, a->jobs.data[i]->event);
		free(a->jobs.data[i]->key);
		free(a->jobs.data[i]);
	}
	vec_deinit(&a->jobs);
}

/* ---- owners ---- */

static const char *uid_of(const json_t *o)
{
	const char *uid = doc_get_str(o, "metadata", "uid", NULL);

	return uid ? uid : "";
}

static bool uid_lives(const struct apisim *a, const char *uid)
{
	for (size_t i = 0; i < a->objects.len; i++)
		if (!strcmp(uid_of(a->objects.data[i]->json), uid))
			return true;
	return false;
}

static const json_t *owner_ref(const json_t *o, const char *uid)
{
	const json_t *refs = doc_get(o, "metadata", "ownerReferences", NULL);

	for (size_t i = 0; i < json_array_size(refs); i++) {
		const json_t *r = json_array_get(refs, i);
		const char *s = doc_get_str(r, "uid", NULL);

		if (s && !strcmp(s, uid))
			return r;
	}
	return NULL;
}

void api_orphaned(struct apisim *a, const json_t *gone)
{
	for (size_t i = 0; i < a->objects.len; i++)
		if (owner_ref(a->objects.data[i]->json, uid_of(gone)))
			api_look(a, a->objects.data[i]->key,
				 sim_between(a->sim, 5, 200));
}

static bool ownerless(const struct apisim *a, const json_t *o)
{
	const json_t *refs = doc_get(o, "metadata", "ownerReferences", NULL);

	for (size_t i = 0; i < json_array_size(refs); i++) {
		const char *uid = doc_get_str(json_array_get(refs, i), "uid", NULL);

		if (uid && uid_lives(a, uid))
			return false;
	}
	return json_array_size(refs) > 0;
}

static void delete_as_controller(struct apisim *a, const struct api_object *o,
				 const char *policy)
{
	_cleanup_status_ struct api_status st = { 0 };
	_cleanup_json_ json_t *old = json_incref(o->json), *out = NULL;
	_cleanup_json_ json_t *options = json_object();

	if (policy)
		json_object_set_new(options, "propagationPolicy", json_string(policy));
	(void)!api_delete(a, o->type, doc_get_str(old, "metadata", "namespace", NULL),
			  doc_get_str(old, "metadata", "name", NULL), options, false,
			  &out, &st);
}

static bool has_finalizer(const json_t *o, const char *name)
{
	const json_t *list = doc_get(o, "metadata", "finalizers", NULL);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(json_string_value(json_array_get(list, i)), name))
			return true;
	return false;
}

/* A webhook may refuse it for a while: then once more later. */
static void take_off(struct apisim *a, const char *key, const char *finalizer)
{
	struct api_object *o = api_find_key(a, key);

	if (o)
		api_remove_finalizer(a, o, finalizer);
	o = api_find_key(a, key);
	if (o && has_finalizer(o->json, finalizer))
		api_look(a, key, 500);
}

/* Deletes the dependents; true when none that blocks is left. */
static bool dependents_gone(struct apisim *a, const char *uid)
{
	bool gone = true;

	for (size_t i = 0; i < a->objects.len; i++) {
		struct api_object *o = a->objects.data[i];
		const json_t *ref = owner_ref(o->json, uid);

		if (!ref)
			continue;
		if (doc_get_bool(ref, false, "blockOwnerDeletion", NULL))
			gone = false;
		if (!doc_get(o->json, "metadata", "deletionTimestamp", NULL)) {
			size_t n = a->objects.len;

			delete_as_controller(a, o, "Foreground");
			i -= a->objects.len < n;
		}
	}
	return gone;
}

static void release_dependents(struct apisim *a, const char *uid)
{
	for (size_t i = 0; i < a->objects.len; i++) {
		struct api_object *o = a->objects.data[i];
		_cleanup_json_ json_t *old = json_incref(o->json);
		json_t *left, *v;
		size_t k;

		if (!owner_ref(old, uid))
			continue;
		left = json_array();
		json_array_foreach(doc_get(old, "metadata", "ownerReferences", NULL),
				   k, v)
			if (v != owner_ref(old, uid))
				json_array_append(left, v);
		api_patch_as(a, "kube-controller-manager", o->type,
			     doc_get_str(old, "metadata", "namespace", NULL),
			     doc_get_str(old, "metadata", "name", NULL), NULL,
			     json_pack("{s:{s:o}}", "metadata", "ownerReferences",
				       left));
	}
}

/* ---- namespaces ---- */

static bool contents_gone(struct apisim *a, const char *ns)
{
	bool gone = true;

	for (size_t i = 0; i < a->objects.len; i++) {
		struct api_object *o = a->objects.data[i];
		const char *in = doc_get_str(o->json, "metadata", "namespace", NULL);
		size_t n = a->objects.len;

		if (!in || strcmp(in, ns))
			continue;
		if (!doc_get(o->json, "metadata", "deletionTimestamp", NULL))
			delete_as_controller(a, o, "Background");
		if (a->objects.len < n)
			i--;
		else
			gone = false;
	}
	return gone;
}

static void collect_namespace(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *old = json_incref(o->json);
	const char *name = doc_get_str(old, "metadata", "name", NULL);
	_cleanup_free_ char *key = xstrdup(o->key);

	if (!contents_gone(a, name) ||
	    json_array_size(doc_get(old, "metadata", "finalizers", NULL)))
		api_look(a, key, 500);
	else
		api_commit(a, o->type, NULL, name, NULL);
}

/* ---- CRDs ---- */

#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

static void collect_crd(struct apisim *a, struct api_object *o)
{
	const char *group = doc_get_str(o->json, "spec", "group", NULL);
	const char *plural = doc_get_str(o->json, "spec", "names", "plural", NULL);
	_cleanup_free_ char *prefix = xasprintf("%s/%s/", group, plural);
	_cleanup_free_ char *key = xstrdup(o->key);
	bool left = false;

	for (size_t i = api_lower_bound(a, prefix); i < a->objects.len; i++) {
		struct api_object *c = a->objects.data[i];
		size_t n = a->objects.len;

		if (strncmp(c->key, prefix, strlen(prefix)))
			break;
		if (!doc_get(c->json, "metadata", "deletionTimestamp", NULL))
			delete_as_controller(a, c, NULL);
		if (a->objects.len < n)
			i--;
		else
			left = true;
	}
	if (left)
		api_look(a, key, 500);
	else
		take_off(a, key, CRD_FINALIZER);
}

/* ---- one object ---- */

static void collect_dying(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *old = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key);

	if (!strcmp(o->type->kind, "Namespace") && !o->type->custom) {
		collect_namespace(a, o);
	} else if (has_finalizer(old, "orphan")) {
		release_dependents(a, uid_of(old));
		take_off(a, key, "orphan");
	} else if (has_finalizer(old, "foregroundDeletion")) {
		if (dependents_gone(a, uid_of(old)))
			take_off(a, key, "foregroundDeletion");
		else if (api_find_key(a, key))
			api_look(a, key, 200);
	} else if (has_finalizer(old, CRD_FINALIZER)) {
		collect_crd(a, o);
	} else if (!strcmp(o->type->kind, "Pod") &&
		   !json_array_size(doc_get(old, "metadata", "finalizers", NULL))) {
		api_commit(a, o->type, doc_get_str(old, "metadata", "namespace", NULL),
			   doc_get_str(old, "metadata", "name", NULL), NULL);
	}
}

void api_collect(struct apisim *a, struct api_object *o)
{
	if (doc_get(o->json, "metadata", "deletionTimestamp", NULL))
		collect_dying(a, o);
	else if (ownerless(a, o->json))
		delete_as_controller(a, o, "Background");
}
