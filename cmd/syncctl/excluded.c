/* What argocd-cm keeps applications out of, read as syncd reads it: from the cluster, or the tree. */
#include "excluded.h"

#include "core/mem.h"
#include "diffing.h"
#include "sync/customize.h"

/* ---- of a cluster ---- */

static void read_map(struct excluded *x, struct cluster *c, const char *ns)
{
	struct kube_ref ref = { .version = "v1", .resource = "configmaps", .ns = ns,
				.name = CUSTOMIZE_NAME };
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *map = cluster_object(c, &ref, &err);
	int rc = map ? exclude_read(&x->maps[x->n], doc_get(map, "data", NULL), &err) : -1;

	if (!rc)
		x->n++;
	else if (err.code != ERR_NOTFOUND)
		output_note("ConfigMap %s/" CUSTOMIZE_NAME " cannot be read: what it excludes is "
			    "shown as if it were not excluded: %s", ns, err.msg);
}

void excluded_init(struct excluded *x, struct cluster *c, const json_t *app)
{
	_cleanup_json_ json_t *state = view_state(app);
	const char *s = doc_get_str(state, "excluding", NULL);

	*x = (struct excluded){ 0 };
	for (s = s ? s : ""; *s && x->n < EXCLUDED_MAPS_MAX; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");
		_cleanup_free_ char *ns = xstrndup(s, len);

		read_map(x, c, ns);
		s += len;
	}
	for (size_t i = 0; i + 1 < x->n; i++)
		x->maps[i].next = &x->maps[i + 1];
}

/* ---- of a tree ---- */

static bool is_map(const struct rendered *o)
{
	return !*o->group && !strcmp(o->kind, "ConfigMap") && !strcmp(o->name, CUSTOMIZE_NAME);
}

/* The data of the first that differs from *first, which is the first of all; both owned. */
static json_t *take_maps(const struct unit *u, json_t **first)
{
	for (size_t i = 0; i < u->answer.n_objects; i++) {
		_cleanup_json_ json_t *map = NULL;
		json_t *data;
		struct err err = ERR_INIT;

		if (!is_map(&u->answer.objects[i]))
			continue;
		map = diffing_body(&u->answer, i, &err);
		data = doc_get(map, "data", NULL);
		if (!data)
			continue;
		if (!*first)
			*first = json_incref(data);
		else if (!doc_equal(*first, data))
			return json_incref(data);
	}
	return NULL;
}

/* One that differs from *data, which is the first of all; both owned. */
static json_t *maps_of(const struct survey *s, json_t **data)
{
	json_t *other = NULL;

	for (size_t i = 0; i < s->units.len && !other; i++)
		if (survey_counts(s, &s->units.data[i]))
			other = take_maps(&s->units.data[i], data);
	return other;
}

void excluded_of_trees(struct excluded *x, const struct survey *before,
		       const struct survey *after)
{
	_cleanup_json_ json_t *was = NULL, *is = NULL, *odd = maps_of(before, &was), *other = NULL;
	struct err err = ERR_INIT;

	*x = (struct excluded){ 0 };
	other = maps_of(after, &is);
	if (!was && !is)
		return;
	if (odd || other)
		output_note("the tree has several ConfigMaps " CUSTOMIZE_NAME " that differ: what "
			    "they exclude is compared, too");
	else if (!was || !is || !doc_equal(was, is))
		output_note("ConfigMap " CUSTOMIZE_NAME " is part of the change: what it excludes is "
			    "compared, too");
	else if (exclude_read(&x->maps[0], is, &err))
		output_note("ConfigMap " CUSTOMIZE_NAME " of the tree: %s: nothing is excluded", err.msg);
	else
		x->n = 1;
}

/* ---- either ---- */

bool excluded_is(struct excluded *x, const char *group, const char *kind)
{
	bool is = exclude_kind(x->n ? x->maps : NULL, group, kind);

	x->count += is;
	return is;
}

void excluded_tell(const struct excluded *x)
{
	if (x->count)
		output_note("%zu object%s excluded in the settings (" CUSTOMIZE_NAME ") and not "
			    "compared", x->count, x->count > 1 ? "s are" : " is");
}

void excluded_deinit(struct excluded *x)
{
	for (size_t i = 0; i < x->n; i++)
		exclude_deinit(&x->maps[i]);
	*x = (struct excluded){ 0 };
}
