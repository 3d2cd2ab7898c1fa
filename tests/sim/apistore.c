/*
 * The objects, their history, and the one function through which every change
 * goes: api_commit(). Objects are frozen once stored; a change replaces them.
 */
#include <stdio.h>

#include "apiint.h"

char *api_key(const struct api_type *t, const char *ns, const char *name)
{
	return xasprintf("%s/%s/%s/%s", t->storage->group, t->storage->plural, ns ? ns : "",
			 name ? name : "");
}

size_t api_lower_bound(const struct apisim *a, const char *key)
{
	size_t lo = 0, hi = a->objects.len;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(a->objects.data[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct api_object *api_find_key(const struct apisim *a, const char *key)
{
	size_t i = api_lower_bound(a, key);

	return i < a->objects.len && !strcmp(a->objects.data[i]->key, key) ?
	       a->objects.data[i] : NULL;
}

struct api_object *api_find(const struct apisim *a, const struct api_type *t,
			    const char *ns, const char *name)
{
	_cleanup_free_ char *key = api_key(t, ns, name);

	return api_find_key(a, key);
}

void api_uid(struct apisim *a, char out[40])
{
	uint64_t x = sim_random(a->sim), y = sim_random(a->sim);

	snprintf(out, 40, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(x >> 32),
		 (unsigned)(x >> 16) & 0xffff, (unsigned)x & 0xfff,
		 (unsigned)(y >> 48) & 0xfff,
		 (unsigned long long)(y & UINT64_C(0xffffffffffff)));
}

void api_now(const struct apisim *a, char out[32])
{
	time_rfc3339(SIM_EPOCH + (int64_t)sim_now(a->sim), out);
}

json_t *api_in_version(const struct api_type *t, json_t *object)
{
	_cleanup_free_ char *version = api_version_of(t);
	const char *is = doc_get_str(object, "apiVersion", NULL);
	json_t *j;

	if (is && !strcmp(is, version))
		return json_incref(object);
	j = json_copy(object);
	json_object_set_new(j, "apiVersion", json_string(version));
	return j;
}

/* ---- selection ---- */

static bool term_fits(const json_t *labels, char *term)
{
	char *op = strstr(term, "!=") ? strstr(term, "!=") : strchr(term, '=');
	bool negative = op && *op == '!';
	const char *have, *want;

	term += strspn(term, " ");
	if (!op && *term == '!')
		return !json_object_get(labels, term + 1);
	if (!op)
		return json_object_get(labels, term) != NULL;
	*op++ = '\0';
	want = op + strspn(op, "=");
	have = doc_get_str(labels, term, NULL);
	return (have && !strcmp(have, want)) != negative;
}

bool api_selected(const json_t *object, const char *selector)
{
	const json_t *labels = doc_get(object, "metadata", "labels", NULL);
	_cleanup_free_ char *copy = xstrdup(selector);
	char *save = NULL;

	if (!object)
		return false;
	if (!selector || !*selector)
		return true;
	for (char *t = strtok_r(copy, ",", &save); t; t = strtok_r(NULL, ",", &save))
		if (!term_fits(labels, t))
			return false;
	return true;
}

json_t *api_list_items(const struct apisim *a, const struct api_type *t,
		       const char *ns, const char *name, const char *selector)
{
	json_t *items = json_array();
	_cleanup_free_ char *start = ns ? xasprintf("%s/%s/%s/", t->group,
						    t->plural, ns) :
				     xasprintf("%s/%s/", t->group, t->plural);
	size_t n = strlen(start);

	for (size_t i = api_lower_bound(a, start); i < a->objects.len; i++) {
		struct api_object *o = a->objects.data[i];

		if (strncmp(o->key, start, n))
			break;
		if (!api_selected(o->json, selector))
			continue;
		if (name && strcmp(doc_get_str(o->json, "metadata", "name", NULL),
				   name))
			continue;
		json_array_append_new(items, api_in_version(t, o->json));
	}
	return items;
}

/* ---- changing ---- */

static void history_trim(struct apisim *a, size_t keep)
{
	size_t drop = a->history.len > keep ? a->history.len - keep : 0;

	for (size_t i = 0; i < drop; i++) {
		struct api_change *c = &a->history.data[i];

		a->compacted = c->rv;
		json_decref(c->cur);
		json_decref(c->prev);
	}
	memmove(a->history.data, a->history.data + drop,
		(a->history.len - drop) * sizeof(a->history.data[0]));
	a->history.len -= drop;
}

void apisim_compact(struct apisim *a)
{
	history_trim(a, 0);
	a->compacted = a->rv;
	for (size_t i = 0; i < a->snapshots.len; i++)
		json_decref(a->snapshots.data[i].items);
	a->snapshots.len = 0;
}

static void insert(struct apisim *a, char *key, struct api_type *t, json_t *json)
{
	struct api_object *o = xcalloc(1, sizeof(*o));
	size_t i = api_lower_bound(a, key);

	*o = (struct api_object){ .key = key, .type = t->storage, .json = json };
	vec_push(&a->objects, o);
	memmove(a->objects.data + i + 1, a->objects.data + i,
		(a->objects.len - i - 1) * sizeof(o));
	a->objects.data[i] = o;
}

static void erase(struct apisim *a, struct api_object *o)
{
	size_t i = api_lower_bound(a, o->key);

	memmove(a->objects.data + i, a->objects.data + i + 1,
		(a->objects.len - i - 1) * sizeof(o));
	a->objects.len--;
	free(o->key);
	free(o);
}

static void stamp(struct apisim *a, json_t *json)
{
	char rv[24];

	snprintf(rv, sizeof(rv), "%llu", (unsigned long long)a->rv);
	json_object_set_new(json_object_get(json, "metadata"), "resourceVersion",
			    json_string(rv));
}

static bool is_kind(const struct api_type *t, const char *plural)
{
	return !strcmp(t->plural, plural) && !t->custom;
}

static void after(struct apisim *a, const struct api_change *c, const char *key)
{
	uint64_t keep = a->options.history ? a->options.history : 4096;

	history_trim(a, keep);
	api_watch_change(a, c);
	if (c->cur)
		api_look(a, key, 1);
	else
		api_orphaned(a, c->prev);
	if (!c->cur && is_kind(c->type, "customresourcedefinitions"))
		api_types_drop_crd(a, c->prev);
}

void api_commit(struct apisim *a, struct api_type *t, const char *ns,
		const char *name, json_t *json)
{
	_cleanup_free_ char *key = api_key(t, t->namespaced ? ns : NULL, name);
	struct api_object *o = api_find_key(a, key);
	struct api_change c = { .rv = ++a->rv, .type = t->storage };

	sim_trace(a->sim, key, a->rv);
	if (json) {
		_cleanup_free_ char *version = api_version_of(t->storage);

		json_object_set_new(json, "apiVersion", json_string(version));
		stamp(a, json);
	}
	c.cur = json_incref(json);
	c.prev = o ? o->json : NULL;
	if (!json) {
		json_t *last = json_copy(c.prev);
		json_t *meta = json_copy(json_object_get(last, "metadata"));

		/* A watch shows the last state at the version of the deletion. */
		json_object_set_new(last, "metadata", meta);
		stamp(a, last);
		json_decref(c.prev);
		c.prev = last;
		erase(a, o);
	} else if (o) {
		o->json = json;
	} else {
		insert(a, xstrdup(key), t, json);
	}
	vec_push(&a->history, c);
	after(a, &c, key);
}
