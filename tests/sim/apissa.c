/*
 * Ownership of fields: what structured-merge-diff's Updater (merge/update.go) and
 * the API server's field manager do with an apply and with a plain write.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
#include "apiint.h"

/* One entry of managedFields, with its set apart. */
struct owner {
	json_t *entry;		/* without fieldsV1 */
	json_t *set;
	bool me;
};
struct owners {
	VEC(struct owner) v;
	struct owner *me;
};

static void owners_deinit(struct owners *o)
{
	for (size_t i = 0; i < o->v.len; i++) {
		json_decref(o->v.data[i].entry);
		json_decref(o->v.data[i].set);
	}
	vec_deinit(&o->v);
}
#define _cleanup_owners_ __attribute__((cleanup(owners_deinit)))

static bool str_is(const json_t *e, const char *key, const char *want)
{
	const char *s = doc_get_str(e, key, NULL);

	return !strcmp(s ? s : "", want ? want : "");
}

/* An apply's identity does not include the version. */
static bool is_me(const struct api_owner *o, const json_t *e, const char *version)
{
	return str_is(e, "manager", o->manager) && str_is(e, "subresource", o->sub) &&
	       str_is(e, "operation", o->apply ? "Apply" : "Update") &&
	       (o->apply || str_is(e, "apiVersion", version));
}

static void owners_load(struct owners *v, const struct api_owner *o,
			const json_t *live)
{
	const json_t *list = doc_get(live, "metadata", "managedFields", NULL);
	_cleanup_free_ char *version = api_version_of(o->type);
	bool found = false;

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *e = json_copy(json_array_get(list, i));
		json_t *set = json_object_get(e, "fieldsV1");
		struct owner w = { .entry = e };

		w.set = json_object_size(set) ? json_deep_copy(set) : NULL;
		json_object_del(e, "fieldsV1");
		w.me = is_me(o, e, version);
		found |= w.me;
		vec_push(&v->v, w);
	}
	if (!found) {
		json_t *e = json_pack("{s:s, s:s, s:s, s:s}", "manager", o->manager,
			"operation", o->apply ? "Apply" : "Update",
			"apiVersion", version, "fieldsType", "FieldsV1");

		if (o->sub && *o->sub)
			json_object_set_new(e, "subresource", json_string(o->sub));
		vec_push(&v->v, ((struct owner){ .entry = e, .me = true }));
	}
	for (size_t i = 0; i < v->v.len; i++)
		if (v->v.data[i].me)
			v->me = &v->v.data[i];
	if (o->apply)
		json_object_set_new(v->me->entry, "apiVersion", json_string(version));
}

static int by_op_time_name(const void *a, const void *b)
{
	static const char *const keys[] = {
		"operation", "time", "manager", "apiVersion", "subresource"
	};
	const struct owner *x = a, *y = b;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *s = doc_get_str(x->entry, keys[i], NULL);
		const char *t = doc_get_str(y->entry, keys[i], NULL);
		int c = strcmp(s ? s : "", t ? t : "");

		if (c)
			return c;
	}
	return 0;
}

static void owners_store(struct owners *v, json_t *object)
{
	json_t *list = json_array();
	json_t *meta = json_object_get(object, "metadata");

	qsort(v->v.data, v->v.len, sizeof(v->v.data[0]), by_op_time_name);
	for (size_t i = 0; i < v->v.len; i++) {
		json_t *e;

		if (fields_empty(v->v.data[i].set))
			continue;
		e = json_copy(v->v.data[i].entry);
		json_object_set(e, "fieldsV1", v->v.data[i].set);
		json_array_append_new(list, e);
	}
	json_object_del(meta, "managedFields");
	if (json_array_size(list))
		json_object_set(meta, "managedFields", list);
	json_decref(list);
}

/* ---- what counts ---- */

static const char *const unowned_meta[] = {
	"name", "namespace", "uid", "resourceVersion", "generation", "selfLink",
	"creationTimestamp", "managedFields", "deletionTimestamp",
	"deletionGracePeriodSeconds",
};

/* A shallow copy without what nobody owns. */
static json_t *stripped(const struct api_owner *o, const json_t *object)
{
	json_t *j = json_copy((json_t *)object);
	json_t *meta;
	bool status = o->sub && !strcmp(o->sub, "status");

	if (!j)
		return json_object();
	json_object_del(j, "apiVersion");
	json_object_del(j, "kind");
	if (o->type->has_status && !status)
		json_object_del(j, "status");
	meta = json_copy(json_object_get(j, "metadata"));
	for (size_t i = 0; meta && i < ARRAY_LEN(unowned_meta); i++)
		json_object_del(meta, unowned_meta[i]);
	json_object_del(j, "metadata");
	if (json_object_size(meta))
		json_object_set(j, "metadata", meta);
	json_decref(meta);
	if (status && o->apply) {
		json_t *only = json_object();

		json_object_set(only, "status", json_object_get(j, "status"));
		json_decref(j);
		j = only;
	}
	return j;
}

/* Puts the parts that nobody owns back from the object they came from. */
static void restore(json_t *merged, const json_t *from, const json_t *stripped_from)
{
	const char *key;
	json_t *v, *meta = json_object_get(merged, "metadata");

	if (!meta) {
		json_object_set_new(merged, "metadata", json_object());
		meta = json_object_get(merged, "metadata");
	}
	json_object_foreach(json_object_get(from, "metadata"), key, v)
		if (!doc_get(stripped_from, "metadata", key, NULL))
			json_object_set(meta, key, v);
	json_object_foreach((json_t *)from, key, v)
		if (!json_object_get(stripped_from, key) && strcmp(key, "metadata"))
			json_object_set(merged, key, v);
}

static void drop_nulls(json_t *v)
{
	const char *key;
	json_t *child;
	void *tmp;

	if (json_is_array(v))
		for (size_t i = 0; i < json_array_size(v); i++)
			drop_nulls(json_array_get(v, i));
	if (!json_is_object(v))
		return;
	json_object_foreach_safe(v, tmp, key, child) {
		if (json_is_null(child))
			json_object_del(v, key);
		else
			drop_nulls(child);
	}
}

/* ---- the rules ---- */

static void take(struct owner *w, const json_t *set)
{
	json_t *left = fields_minus(w->set, set);

	json_decref(w->set);
	w->set = left;
}

struct conflicts {
	json_t *causes;
	struct buf list;	/* as a message with several shows them */
	const char *manager;
};

static void one_conflict(void *arg, const char *path)
{
	struct conflicts *c = arg;
	_cleanup_free_ char *msg = xasprintf("conflict with %s", c->manager);

	json_array_append_new(c->causes, json_pack("{s:s, s:s, s:s}", "reason",
		"FieldManagerConflict", "message", msg, "field", path));
	buf_addf(&c->list, "\n- %s", path);
}

static char *who(const json_t *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *sub = doc_get_str(e, "subresource", NULL);

	buf_addf(&b, "\"%s\"", doc_get_str(e, "manager", NULL));
	if (sub)
		buf_addf(&b, " with subresource \"%s\"", sub);
	if (str_is(e, "operation", "Update")) {
		buf_addf(&b, " using %s", doc_get_str(e, "apiVersion", NULL));
		if (doc_get_str(e, "time", NULL))
			buf_addf(&b, " at %s", doc_get_str(e, "time", NULL));
	}
	return buf_steal(&b, NULL);
}

static int refuse_conflicts(const struct owners *v, const json_t *touched,
			    struct api_status *st)
{
	struct conflicts c = { .causes = json_array() };
	size_t n;

	for (size_t i = 0; i < v->v.len; i++) {
		_cleanup_json_ json_t *hit = fields_and(v->v.data[i].set, touched);
		_cleanup_free_ char *name = who(v->v.data[i].entry);

		if (v->v.data[i].me || fields_empty(hit))
			continue;
		c.manager = name;
		buf_addf(&c.list, "%sconflicts with %s:", c.list.len ? "\n" : "",
			 name);
		fields_each(hit, one_conflict, &c);
	}
	n = json_array_size(c.causes);
	if (n == 1)
		api_fail(st, 409, "Conflict",
			 "Apply failed with 1 conflict: %s: %s",
			 doc_get_str(json_array_get(c.causes, 0), "message", NULL),
			 doc_get_str(json_array_get(c.causes, 0), "field", NULL));
	else if (n)
		api_fail(st, 409, "Conflict", "Apply failed with %zu conflicts: %s",
			 n, buf_str(&c.list));
	if (n) {
		json_decref(st->details);
		st->details = json_pack("{s:O}", "causes", c.causes);
	}
	buf_deinit(&c.list);
	json_decref(c.causes);
	return n ? -1 : 0;
}

/* What changed between live and merged leaves the sets of all others. */
static int settle(struct owners *v, const struct api_owner *o, const json_t *live,
		  const json_t *merged, bool force, struct api_status *st)
{
	struct api_pos root = api_pos_root(o->type);
	_cleanup_json_ json_t *added = NULL, *modified = NULL, *removed = NULL;
	_cleanup_json_ json_t *touched = NULL, *all = NULL;

	fields_compare(&root, live, merged, &added, &modified, &removed);
	touched = fields_union(added, modified);
	if (!force && refuse_conflicts(v, touched, st))
		return -1;
	all = fields_union(touched, removed);
	for (size_t i = 0; i < v->v.len; i++)
		if (!v->v.data[i].me)
			take(&v->v.data[i], all);
	if (!o->apply) {
		_cleanup_json_ json_t *left = fields_minus(v->me->set, removed);

		json_decref(v->me->set);
		v->me->set = fields_union(left, touched);
	}
	return 0;
}

/* Removes what only we owned before and do not apply any more. */
static json_t *give_up(const struct api_owner *o, const struct owners *v,
		       const json_t *merged, const json_t *last)
{
	struct api_pos p = api_pos_root(o->type);
	_cleanup_json_ json_t *owned = NULL, *last_named = NULL, *gone = NULL;
	_cleanup_json_ json_t *named = NULL;

	if (fields_empty(last))
		return json_incref((json_t *)merged);
	for (size_t i = 0; i < v->v.len; i++) {
		json_t *more = fields_union(owned, v->v.data[i].set);

		json_decref(owned);
		owned = more;
	}
	named = fields_named(&p, owned);
	last_named = fields_named(&p, last);
	gone = fields_minus(last_named, named);
	return fields_remove(&p, merged, gone);
}

int api_ssa(const struct api_owner *o, const json_t *live, const json_t *config,
	    bool force, json_t **out, struct api_status *st)
{
	struct api_pos root = api_pos_root(o->type);
	_cleanup_owners_ struct owners v = { 0 };
	_cleanup_json_ json_t *l = stripped(o, live), *c = stripped(o, config);
	_cleanup_json_ json_t *merged = NULL, *last = NULL, *left = NULL;

	owners_load(&v, o, live);
	merged = fields_merge(&root, l, c);
	last = steal(&v.me->set);
	v.me->set = fields_of(&root, c);
	left = give_up(o, &v, merged, last);
	if (settle(&v, o, l, left, force, st))
		return -1;
	*out = json_deep_copy(left);
	drop_nulls(*out);
	if (!live || !doc_equal(l, *out))
		json_object_set_new(v.me->entry, "time", json_string(o->now));
	restore(*out, live ? live : config, live ? l : c);
	owners_store(&v, *out);
	return 0;
}

void api_own_update(const struct api_owner *o, const json_t *live, json_t *updated)
{
	_cleanup_owners_ struct owners v = { 0 };
	_cleanup_json_ json_t *l = stripped(o, live), *u = stripped(o, updated);
	_cleanup_json_ json_t *before = NULL;

	owners_load(&v, o, live);
	before = v.me->set ? json_deep_copy(v.me->set) : NULL;
	settle(&v, o, l, u, true, NULL);
	if (!doc_equal(l, u) && !(fields_empty(before) && fields_empty(v.me->set)))
		json_object_set_new(v.me->entry, "time", json_string(o->now));
	owners_store(&v, updated);
}
