/*
 * An APIGroupDiscoveryList (apidiscovery.k8s.io v2 and v2beta1 look the same) as a
 * sorted table. Versions come in the group's order of preference; the first that
 * has a kind is the preferred one of that kind. A Stale version is one whose
 * aggregated API server did not answer: its kinds are kept from before.
 */
#include "discovery_priv.h"

#include <string.h>

#include "core/doc.h"

static int compare(const void *a, const void *b)
{
	const struct table_row *x = a, *y = b;
	int c = strcmp(x->r.group, y->r.group);

	if (!c)
		c = strcmp(x->r.kind, y->r.kind);
	if (!c)
		c = x->rank < y->rank ? -1 : x->rank > y->rank;
	if (!c)
		c = strcmp(x->r.version, y->r.version);
	return c ? c : strcmp(x->r.plural, y->r.plural);
}

static void finish(struct discovery_table *t)
{
	if (t->rows.len)
		qsort(t->rows.data, t->rows.len, sizeof(*t->rows.data), compare);
	for (size_t i = 0; i < t->rows.len; i++) {
		struct api_resource *r = &t->rows.data[i].r;
		const struct api_resource *before = i ? &t->rows.data[i - 1].r : NULL;

		r->preferred = !before || strcmp(before->group, r->group) != 0 ||
			       strcmp(before->kind, r->kind) != 0;
	}
}

static bool has_verb(const json_t *resource, const char *verb)
{
	const json_t *verbs = doc_get(resource, "verbs", NULL);

	for (size_t i = 0; i < json_array_size(verbs); i++) {
		const char *v = json_string_value(json_array_get(verbs, i));

		if (v && !strcmp(v, verb))
			return true;
	}
	return false;
}

/* A resource without kind or name is skipped: nobody could ask for it. */
static void add_resource(struct discovery_table *t, const char *group,
			 const char *version, unsigned rank, const json_t *j)
{
	const char *kind = doc_get_str(j, "responseKind", "kind", NULL);
	const char *plural = doc_get_str(j, "resource", NULL);
	const char *scope = doc_get_str(j, "scope", NULL);
	struct table_row row = { .rank = rank };

	if (!kind || !kind[0] || !plural || !plural[0])
		return;
	row.r = (struct api_resource){
		.group = group,
		.version = version,
		.kind = arena_strdup(&t->arena, kind),
		.plural = arena_strdup(&t->arena, plural),
		.namespaced = scope && !strcmp(scope, "Namespaced"),
		.patchable = has_verb(j, "patch"),
		.listable = has_verb(j, "list"),
		.watchable = has_verb(j, "watch"),
		.deletable = has_verb(j, "delete"),
	};
	vec_push(&t->rows, row);
}

static int add_version(struct discovery_table *t, const char *group,
		       unsigned rank, const json_t *j, struct err *err)
{
	const char *version = doc_get_str(j, "version", NULL);
	const char *freshness = doc_get_str(j, "freshness", NULL);
	const json_t *resources = doc_get(j, "resources", NULL);

	if (!version || !version[0])
		return err_set(err, ERR_INVALID,
			       "discovery: a version of group \"%s\" has no name",
			       group);
	if (t->rows.len + json_array_size(resources) > DISCOVERY_MAX)
		return err_set(err, ERR_LIMIT, "discovery: more than %u kinds",
			       DISCOVERY_MAX);
	version = arena_strdup(&t->arena, version);
	if (freshness && !strcmp(freshness, "Stale")) {
		struct table_stale s = { group, version, rank };

		vec_push(&t->stale, s);
	}
	for (size_t i = 0; i < json_array_size(resources); i++)
		add_resource(t, group, version, rank,
			     json_array_get(resources, i));
	return 0;
}

static int add_group(struct discovery_table *t, const json_t *j, struct err *err)
{
	const json_t *versions = doc_get(j, "versions", NULL);
	const char *name = doc_get_str(j, "metadata", "name", NULL);

	/* The core group has no name. */
	name = arena_strdup(&t->arena, name ? name : "");
	for (size_t i = 0; i < json_array_size(versions); i++)
		if (add_version(t, name, (unsigned)i,
				json_array_get(versions, i), err))
			return -1;
	return 0;
}

int discovery_parse(struct discovery_table *t, const json_t *list,
		    struct err *err)
{
	const char *kind = doc_get_str(list, "kind", NULL);
	const json_t *items = doc_get(list, "items", NULL);

	if (!kind || strcmp(kind, "APIGroupDiscoveryList") != 0)
		return err_set(err, ERR_INVALID,
			       "discovery: the server answered %.60s instead of "
			       "APIGroupDiscoveryList; Kubernetes 1.27 or newer is "
			       "needed", kind ? kind : "no kind");
	for (size_t i = 0; i < json_array_size(items); i++)
		if (add_group(t, json_array_get(items, i), err))
			return -1;
	finish(t);
	return 0;
}

void discovery_table_deinit(struct discovery_table *t)
{
	vec_deinit(&t->rows);
	vec_deinit(&t->stale);
	arena_deinit(&t->arena);
}

/* ---- stale versions ---- */

static bool of_version(const struct api_resource *r, const struct table_stale *s)
{
	return !strcmp(r->group, s->group) && !strcmp(r->version, s->version);
}

static const struct api_resource *
find_plural(const struct discovery_table *t, size_t n, const struct table_stale *s,
	    const char *plural)
{
	for (size_t i = 0; i < n; i++) {
		const struct api_resource *r = &t->rows.data[i].r;

		if (of_version(r, s) && !strcmp(r->plural, plural))
			return r;
	}
	return NULL;
}

void discovery_table_keep(struct discovery_table *t,
			  const struct discovery_table *old)
{
	size_t fresh = t->rows.len;

	for (size_t i = 0; i < t->stale.len * old->rows.len; i++) {
		const struct table_stale *s = &t->stale.data[i / old->rows.len];
		const struct api_resource *r =
			&old->rows.data[i % old->rows.len].r;
		struct table_row row = { .r = *r, .rank = s->rank };

		if (!of_version(r, s) || find_plural(t, fresh, s, r->plural))
			continue;
		row.r.group = s->group;
		row.r.version = s->version;
		row.r.kind = arena_strdup(&t->arena, r->kind);
		row.r.plural = arena_strdup(&t->arena, r->plural);
		vec_push(&t->rows, row);
	}
	finish(t);
}

/* ---- looking ---- */

static bool same(const struct api_resource *a, const struct api_resource *b)
{
	return !strcmp(a->group, b->group) && !strcmp(a->version, b->version) &&
	       !strcmp(a->kind, b->kind) && !strcmp(a->plural, b->plural) &&
	       a->namespaced == b->namespaced && a->patchable == b->patchable &&
	       a->listable == b->listable && a->watchable == b->watchable &&
	       a->deletable == b->deletable && a->preferred == b->preferred;
}

bool discovery_table_equal(const struct discovery_table *a,
			   const struct discovery_table *b)
{
	if (a->rows.len != b->rows.len)
		return false;
	for (size_t i = 0; i < a->rows.len; i++)
		if (!same(&a->rows.data[i].r, &b->rows.data[i].r))
			return false;
	return true;
}

/* The first row of (group, kind): the preferred version. */
static size_t lower_bound(const struct discovery_table *t, const char *group,
			  const char *kind)
{
	size_t lo = 0, hi = t->rows.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct api_resource *r = &t->rows.data[mid].r;
		int c = strcmp(r->group, group);

		if (!c)
			c = strcmp(r->kind, kind);
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct api_resource *discovery_table_find(const struct discovery_table *t,
		const char *group, const char *version, const char *kind)
{
	for (size_t i = lower_bound(t, group, kind); i < t->rows.len; i++) {
		const struct api_resource *r = &t->rows.data[i].r;

		if (strcmp(r->group, group) != 0 || strcmp(r->kind, kind) != 0)
			return NULL;
		if (!version || !version[0] || !strcmp(r->version, version))
			return r;
	}
	return NULL;
}
