/*
 * Every write, in the order of the real server: build the new state, keep what a
 * client may not change, default, own, admit, validate, and store only when
 * something other than a timestamp changed.
 */
#include <stdio.h>

#include "apiint.h"

static json_t *meta_of(json_t *o)
{
	json_t *m = json_object_get(o, "metadata");

	if (!json_is_object(m)) {
		json_object_set_new(o, "metadata", json_object());
		m = json_object_get(o, "metadata");
	}
	return m;
}

static const char *meta_str(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, "metadata", key, NULL);

	return s ? s : "";
}

static bool is_namespace(const struct api_type *t)
{
	return !strcmp(t->kind, "Namespace") && !*t->group;
}

/* ---- building ---- */

static json_t *merge_patch(const json_t *target, const json_t *patch)
{
	json_t *out, *v;
	const char *key;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	out = json_is_object(target) ? json_deep_copy(target) : json_object();
	json_object_foreach((json_t *)patch, key, v) {
		if (json_is_null(v))
			json_object_del(out, key);
		else
			json_object_set_new(out, key,
				merge_patch(json_object_get(out, key), v));
	}
	return out;
}

static int check_namespace(struct apisim *a, const struct api_op *op,
			   struct api_status *st)
{
	struct api_type *t = api_type_find(a, "", "v1", "namespaces");
	struct api_object *o;

	if (!op->type->namespaced)
		return 0;
	o = api_find(a, t, NULL, op->ns);
	if (!o)
		return api_not_found(st, t, op->ns);
	if (!*meta_str(o->json, "deletionTimestamp"))
		return 0;
	api_fail(st, 403, "Forbidden", "%s \"%s\" is forbidden: unable to create new "
		 "content in namespace %s because it is being terminated",
		 op->type->plural, op->name, op->ns);
	api_details(st, op->name, op->type->group, op->type->plural);
	return -1;
}

static int check_applied(const struct api_op *op, const json_t *old,
			 struct api_status *st)
{
	const char *version = doc_get_str(op->body, "apiVersion", NULL);
	const char *kind = doc_get_str(op->body, "kind", NULL);
	const char *name = meta_str(op->body, "name");
	const char *uid = meta_str(op->body, "uid");
	_cleanup_free_ char *want = api_version_of(op->type);
	_cleanup_buf_ struct buf why = BUF_INIT;

	if (!version || !kind || strcmp(kind, op->type->kind) ||
	    strcmp(version, want))
		return api_fail(st, 400, "BadRequest", "invalid object type: %s%s, "
				"Kind=%s", version && strchr(version, '/') ? "" : "/",
				version ? version : "", kind ? kind : "");
	if (*name && strcmp(name, op->name))
		return api_fail(st, 400, "BadRequest", "the name of the object (%s) "
			"does not match the name on the URL (%s)", name, op->name);
	if (doc_get(op->body, "metadata", "managedFields", NULL))
		return api_fail(st, 400, "BadRequest",
				"metadata.managedFields must be nil");
	if (*uid && !old) {
		_cleanup_free_ char *msg = xasprintf("uid mismatch: the provided "
			"object specified uid %s, and no existing object was found",
			uid);

		return api_conflict(st, op->type, op->name, msg);
	}
	if (!api_schema_check(op->type, op->body, &why))
		return 0;
	return api_fail(st, 500, NULL, "failed to create typed patch object (%s/%s; "
		"%s, Kind=%s): %s", meta_str(op->body, "namespace"), name, want,
		op->type->kind, buf_str(&why));
}

static const char modified[] = "the object has been modified; please apply your "
			       "changes to the latest version and try again";

static int check_version(const struct api_op *op, const json_t *old,
			 const json_t *new, struct api_status *st)
{
	const char *rv = meta_str(new, "resourceVersion");
	const char *uid = meta_str(new, "uid");

	if (*rv && strcmp(rv, meta_str(old, "resourceVersion")))
		return api_conflict(st, op->type, op->name, modified);
	if (!*uid || !strcmp(uid, meta_str(old, "uid")))
		return 0;
	if (op->how == WRITE_REPLACE) {
		_cleanup_free_ char *msg = xasprintf("Precondition failed: UID in "
			"precondition: %s, UID in object meta: %s", uid,
			meta_str(old, "uid"));

		return api_conflict(st, op->type, op->name, msg);
	}
	for (int i = 0; i < 2; i++)	/* the server says it twice as well */
		api_cause(st, "FieldValueInvalid", "metadata.uid",
			  "Invalid value: \"%s\": field is immutable", uid);
	return api_invalid(st, op->type, op->name);
}

static int build(struct apisim *a, struct api_op *op, json_t *old, json_t **new,
		 struct api_status *st)
{
	char now[32];
	struct api_owner me = {
		.manager = op->manager, .sub = op->sub, .apply = true,
		.type = op->type, .now = now,
	};

	api_now(a, now);
	if (!old && op->how != WRITE_CREATE && op->how != WRITE_APPLY)
		return api_not_found(st, op->type, op->name);
	if (old && op->how == WRITE_CREATE) {
		api_not_found(st, op->type, op->name);	/* for details and name */
		st->msg.len -= strlen(" not found");
		buf_adds(&st->msg, " already exists");
		st->code = 409;
		st->reason = "AlreadyExists";
		return -1;
	}
	if (op->how == WRITE_APPLY) {
		if (check_applied(op, old, st) ||
		    (!old && check_namespace(a, op, st)) ||
		    (old && check_version(op, old, op->body, st)))
			return -1;
		return api_ssa(&me, old, op->body, op->force, new, st);
	}
	if (!old && check_namespace(a, op, st))
		return -1;
	*new = op->how == WRITE_MERGE ? merge_patch(old, op->body) :
	       json_deep_copy(op->body);
	return old ? check_version(op, old, *new, st) : 0;
}

/* ---- what a client may not change ---- */

static void keep(json_t *to, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);

	if (v)
		json_object_set(to, key, v);
	else
		json_object_del(to, key);
}

static json_t *only_status(const json_t *old, const json_t *new,
			   const struct api_type *t)
{
	json_t *j = json_copy((json_t *)old);
	json_t *meta = json_copy(json_object_get(old, "metadata"));

	keep(j, new, "status");
	if (!t->custom) {
		keep(meta, json_object_get(new, "metadata"), "labels");
		keep(meta, json_object_get(new, "metadata"), "annotations");
		keep(meta, json_object_get(new, "metadata"), "finalizers");
	}
	keep(meta, json_object_get(new, "metadata"), "managedFields");
	json_object_set_new(j, "metadata", meta);
	return j;
}

static void fix_meta(struct apisim *a, struct api_op *op, const json_t *old,
		     json_t *new)
{
	static const char *const fixed[] = {
		"uid", "creationTimestamp", "generation", "deletionTimestamp",
		"deletionGracePeriodSeconds", "resourceVersion",
	};
	json_t *meta = meta_of(new);
	char uid[40], now[32];

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		keep(meta, json_object_get(old, "metadata"), fixed[i]);
	json_object_del(meta, "selfLink");
	json_object_set_new(meta, "name", json_string(op->name));
	json_object_del(meta, "namespace");
	if (op->type->namespaced)
		json_object_set_new(meta, "namespace", json_string(op->ns));
	json_object_set_new(new, "kind", json_string(op->type->kind));
	if (old)
		return;
	api_uid(a, uid);
	api_now(a, now);
	json_object_set_new(meta, "uid", json_string(uid));
	json_object_set_new(meta, "creationTimestamp", json_string(now));
	if (op->type->has_generation)
		json_object_set_new(meta, "generation", json_integer(1));
	if (op->type->has_status)
		json_object_del(new, "status");
}

static json_t *spec_part(const struct api_type *t, const json_t *o)
{
	json_t *j = json_copy((json_t *)o);

	json_object_del(j, "metadata");
	json_object_del(j, "apiVersion");
	if (t->has_status)
		json_object_del(j, "status");
	return j;
}

static void bump_generation(const struct api_type *t, const json_t *old, json_t *new)
{
	_cleanup_json_ json_t *was = spec_part(t, old), *is = spec_part(t, new);

	if (!t->has_generation || doc_equal(was, is))
		return;
	json_object_set_new(meta_of(new), "generation", json_integer(
		doc_get_int(old, 0, "metadata", "generation", NULL) + 1));
}

/* ---- is it a change? ---- */

static json_t *timeless(const json_t *o)
{
	json_t *j = json_copy((json_t *)o);
	json_t *meta = json_copy(json_object_get(o, "metadata"));
	json_t *list = json_deep_copy(json_object_get(meta, "managedFields"));

	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_del(json_array_get(list, i), "time");
	if (list)
		json_object_set_new(meta, "managedFields", list);
	json_object_set_new(j, "metadata", meta);
	json_object_del(j, "apiVersion");
	return j;
}

static bool same(const json_t *old, const json_t *new)
{
	_cleanup_json_ json_t *a = timeless(old), *b = timeless(new);

	return doc_equal(a, b);
}

static int admit(struct apisim *a, const struct api_type *t, const char *op,
		 const json_t *o, struct api_status *st)
{
	char msg[256] = "";

	if (!a->admit || !a->admit(a->admit_arg, op, o, msg))
		return 0;
	if (!strncmp(msg, "failed calling webhook", 22)) {
		api_fail(st, 500, "InternalError", "Internal error occurred: %s", msg);
		return -1;
	}
	if (!strncmp(msg, "ValidatingAdmissionPolicy ", 26))
		api_fail(st, 422, "Invalid", "%s.%s \"%s\" is forbidden: %s", t->plural,
			 t->group, doc_get_str(o, "metadata", "name", NULL), msg);
	else
		api_fail(st, 403, "Forbidden", "admission webhook \"sim.syncd.dev\" denied "
			 "the request: %s", msg);
	return -1;
}

static void owned(struct apisim *a, const struct api_op *op, const json_t *old,
		  json_t *new)
{
	char now[32];
	struct api_owner me = {
		.manager = op->manager, .sub = op->sub, .type = op->type,
		.now = now,
	};

	const json_t *asked = doc_get(op->body, "metadata", "managedFields", NULL);

	if (op->how == WRITE_APPLY || (op->by_controller && a->options.plain_controllers))
		return;
	api_now(a, now);
	/* A client cannot write the list itself, but [{}] or [] empties it. */
	if (asked && !json_object_size(json_array_get(asked, 0))) {
		json_t *j = json_deep_copy(old);

		json_object_del(meta_of(j), "managedFields");
		json_object_del(meta_of(new), "managedFields");
		api_own_update(&me, j, new);
		json_decref(j);
		return;
	}
	keep(meta_of(new), json_object_get(old, "metadata"), "managedFields");
	api_own_update(&me, old, new);
}

static bool finalized(const struct api_type *t, const json_t *o)
{
	return *meta_str(o, "deletionTimestamp") &&
	       !json_array_size(doc_get(o, "metadata", "finalizers", NULL)) &&
	       (!is_namespace(t) ||
		!json_array_size(doc_get(o, "spec", "finalizers", NULL))) &&
	       doc_get_int(o, 0, "metadata", "deletionGracePeriodSeconds",
			   NULL) == 0;
}

static void store(struct apisim *a, struct api_op *op, const json_t *old, json_t *new)
{
	op->status = old ? 200 : 201;
	if (old && same(old, new)) {
		op->out = json_incref((json_t *)old);
		return;
	}
	op->out = json_incref(new);
	if (op->dry_run)
		return;
	if (old && finalized(op->type, new))
		api_commit(a, op->type, op->ns, op->name, NULL);
	else
		api_commit(a, op->type, op->ns, op->name, json_incref(new));
}

static int finish(struct apisim *a, struct api_op *op, json_t *old, json_t *new,
		  struct api_status *st)
{
	_cleanup_json_ json_t *shown = NULL;

	api_default(a, op->type, new, old);
	owned(a, op, old, new);
	if (old)
		bump_generation(op->type, old, new);
	if (admit(a, op->type, old ? "UPDATE" : "CREATE", new, st) ||
	    api_validate(a, op->type, new, old, st))
		return -1;
	store(a, op, old, new);
	shown = steal(&op->out);
	op->out = api_in_version(op->type, shown);
	return 0;
}

int api_write(struct apisim *a, struct api_op *op, struct api_status *st)
{
	struct api_object *o = api_find(a, op->type, op->type->namespaced ? op->ns :
					NULL, op->name);
	_cleanup_json_ json_t *old = o ? json_incref(o->json) : NULL;
	_cleanup_json_ json_t *new = NULL;

	if (build(a, op, old, &new, st))
		return -1;
	if (op->sub && *op->sub) {
		json_t *j;

		if (!old)
			return api_not_found(st, op->type, op->name);
		j = only_status(old, new, op->type);
		json_decref(new);
		new = j;
	} else if (old && op->type->has_status) {
		keep(new, old, "status");
	}
	/* Nothing of a stored tree may be edited below. */
	if (old) {
		json_t *j = json_deep_copy(new);

		json_decref(new);
		new = j;
	}
	fix_meta(a, op, old, new);
	return finish(a, op, old, new, st);
}

/* ---- delete ---- */

static int preconditions(const struct api_type *t, const json_t *o,
			 const json_t *options, struct api_status *st)
{
	const char *uid = doc_get_str(options, "preconditions", "uid", NULL);
	const char *rv = doc_get_str(options, "preconditions", "resourceVersion",
				     NULL);
	const char *name = meta_str(o, "name");
	struct api_type as_kind = *t;
	_cleanup_free_ char *msg = NULL;

	as_kind.plural = as_kind.kind;	/* here the server says the kind */
	if (uid && strcmp(uid, meta_str(o, "uid"))) {
		msg = xasprintf("the UID in the precondition (%s) does not match the "
			"UID in record (%s). The object might have been deleted and "
			"then recreated", uid, meta_str(o, "uid"));
		return api_conflict(st, &as_kind, name, msg);
	}
	if (!rv || !strcmp(rv, meta_str(o, "resourceVersion")))
		return 0;
	msg = xasprintf("the ResourceVersion in the precondition (%s) does not match "
		"the ResourceVersion in record (%s). The object might have been "
		"modified", rv, meta_str(o, "resourceVersion"));
	return api_conflict(st, &as_kind, name, msg);
}

static void add_finalizer(json_t *meta, const char *name)
{
	json_t *list = json_object_get(meta, "finalizers");

	if (!list) {
		json_object_set_new(meta, "finalizers", json_array());
		list = json_object_get(meta, "finalizers");
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(json_string_value(json_array_get(list, i)), name))
			return;
	json_array_append_new(list, json_string(name));
}

/* The object on its way out; NULL when it may go at once. */
static json_t *dying(struct apisim *a, const struct api_type *t, const json_t *o,
		     const char *policy)
{
	json_t *j = json_deep_copy(o), *meta = json_object_get(j, "metadata");
	bool pod = !strcmp(t->kind, "Pod") && doc_get_str(o, "spec", "nodeName", NULL);
	int64_t grace = doc_get_int(o, 30, "spec", "terminationGracePeriodSeconds",
				    NULL);
	char when[32];

	if (policy && !strcmp(policy, "Foreground"))
		add_finalizer(meta, "foregroundDeletion");
	if (policy && !strcmp(policy, "Orphan"))
		add_finalizer(meta, "orphan");
	if (!strcmp(t->kind, "CustomResourceDefinition"))
		add_finalizer(meta, "customresourcecleanup.apiextensions.k8s.io");
	if (!json_array_size(json_object_get(meta, "finalizers")) && !pod &&
	    !is_namespace(t)) {
		json_decref(j);
		return NULL;
	}
	if (*meta_str(o, "deletionTimestamp"))
		return j;
	time_rfc3339(SIM_EPOCH + (int64_t)sim_now(a->sim) +
		     (pod ? grace * 1000 : 0), when);
	json_object_set_new(meta, "deletionTimestamp", json_string(when));
	if (!is_namespace(t))
		json_object_set_new(meta, "deletionGracePeriodSeconds",
				    json_integer(pod ? grace : 0));
	else
		json_object_set_new(json_object_get(j, "status"), "phase",
				    json_string("Terminating"));
	if (json_object_get(meta, "generation"))
		json_object_set_new(meta, "generation", json_integer(
			doc_get_int(o, 0, "metadata", "generation", NULL) + 1));
	return j;
}

/* These answer with the object that went; all others with a Status. */
static bool answers_object(const struct api_type *t)
{
	return !*t->group && (!strcmp(t->kind, "Service") ||
			      !strcmp(t->kind, "Pod") ||
			      !strcmp(t->kind, "ServiceAccount") ||
			      !strcmp(t->kind, "PersistentVolumeClaim"));
}

static json_t *gone_json(const struct api_type *t, const json_t *o)
{
	json_t *j = json_pack("{s:s, s:s, s:{}, s:s, s:{s:s, s:s, s:s}}", "kind",
		"Status", "apiVersion", "v1", "metadata", "status", "Success",
		"details", "name", meta_str(o, "name"), "kind", t->plural,
		"uid", meta_str(o, "uid"));

	if (*t->group)
		json_object_set_new(json_object_get(j, "details"), "group",
				    json_string(t->group));
	return j;
}

int api_delete(struct apisim *a, struct api_type *t, const char *ns,
	       const char *name, const json_t *options, bool dry_run,
	       json_t **out, struct api_status *st)
{
	struct api_object *o = api_find(a, t, t->namespaced ? ns : NULL, name);
	const char *policy = doc_get_str(options, "propagationPolicy", NULL);
	_cleanup_json_ json_t *old = NULL, *left = NULL;

	if (!o)
		return api_not_found(st, t, name);
	old = json_incref(o->json);
	if (preconditions(t, old, options, st) || admit(a, t, "DELETE", old, st))
		return -1;
	left = dying(a, t, old, policy);
	if (left) {
		bool change = !dry_run && !same(old, left);

		if (change)
			api_commit(a, t, ns, name, json_incref(left));
		*out = api_in_version(t, change ? left : old);
		return 0;
	}
	*out = answers_object(t) ? api_in_version(t, old) : gone_json(t, old);
	if (!dry_run)
		api_commit(a, t, ns, name, NULL);
	return 0;
}

/* ---- the controllers' ways in ---- */

void api_patch_as(struct apisim *a, const char *manager, struct api_type *t,
		  const char *ns, const char *name, const char *sub, json_t *patch)
{
	_cleanup_status_ struct api_status st = { 0 };
	struct api_op op = {
		.how = WRITE_MERGE, .type = t, .ns = ns, .name = name, .sub = sub,
		.manager = manager, .body = patch, .by_controller = true,
	};

	(void)!api_write(a, &op, &st);
	json_decref(op.out);
	json_decref(patch);
}

void api_remove_finalizer(struct apisim *a, const struct api_object *o,
			  const char *finalizer)
{
	_cleanup_json_ json_t *old = json_incref(o->json);
	json_t *list = json_array(), *v;
	size_t i;

	json_array_foreach(doc_get(old, "metadata", "finalizers", NULL), i, v)
		if (strcmp(json_string_value(v), finalizer))
			json_array_append(list, v);
	api_patch_as(a, "kube-controller-manager", o->type,
		     doc_get_str(old, "metadata", "namespace", NULL),
		     doc_get_str(old, "metadata", "name", NULL), NULL,
		     json_pack("{s:{s:o}}", "metadata", "finalizers", list));
}
