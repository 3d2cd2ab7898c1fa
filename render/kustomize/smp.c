/*
 * smp.c - Kustomize's strategic merge (kyaml/yaml/merge2 and walk, with its Merger).
 *
 * Not the API server's: this one walks target and patch side by side and edits the
 * target in place. Its results, the odd ones too, are what people's repositories rely
 * on, so the rules are kept one by one:
 *  - a null in the patch takes a key away; nulls within something new vanish; a null
 *    that the target spelled out stays, one that it left empty goes;
 *  - a number, boolean or null put where a quoted text was becomes a quoted text: the
 *    reference keeps the quotes of what it overwrites;
 *  - "$patch: replace" of the whole object, and of an element of a keyed list, does
 *    nothing but lose its directive;
 *  - lists whose schema merges are rebuilt even when the patch does not name them,
 *    which takes duplicates out (smp_list.c).
 * Where a node is replaced the reference copies the node's content into the old one,
 * and where a map or list is new it becomes the patch's own node: target and patch may
 * thus be one node below that point, and every step works on both.
 */
#include <assert.h>

#include "smp_priv.h"
#include "transform.h"

bool smp_missing(const struct node *n)
{
	return knull(n);
}

int smp_wrong_kind(struct smp *w, enum node_kind want, const struct node *have)
{
	static const char *const names[] = { [NODE_SCALAR] = "a scalar",
					     [NODE_MAP] = "a map", [NODE_LIST] = "a list" };

	return err_set(w->err, ERR_INVALID, "line %u: here is %s where the other side has "
		       "%s", have->line, names[have->kind], names[want]);
}

void smp_assign(struct smp *w, struct node *at, const struct node *value)
{
	bool flow = at->kind != NODE_SCALAR && at->style == NODE_FLOW;

	if (at == value)
		return;
	if (value->kind == NODE_SCALAR) {
		kassign(at, value);
		return;
	}
	*at = *value;
	at->style = flow ? NODE_FLOW : NODE_PLAIN;
	at->kids = arena_alloc(&w->k->arena, value->len * sizeof(*at->kids));
	at->cap = value->len;
	if (value->len)
		memcpy(at->kids, value->kids, value->len * sizeof(*at->kids));
}

/* --- directives -------------------------------------------------------------------- */

static int directive(struct smp *w, const struct node *value, enum smp_directive *ret)
{
	const char *text = ktext(value);

	if (strcmp(text, "delete") == 0)
		*ret = SMP_DELETE;
	else if (strcmp(text, "replace") == 0)
		*ret = SMP_REPLACE;
	else if (strcmp(text, "merge") == 0)
		*ret = SMP_MERGE;
	else
		return err_set(w->err, ERR_INVALID, "line %u: $patch: '%.60s' is none of "
			       "delete, replace, merge", value->line, text);
	return 0;
}

static int directive_of_map(struct smp *w, struct node *map, enum smp_directive *ret)
{
	const struct node *value = kget(map, "$patch");

	if (!value)
		return 0;
	if (directive(w, value, ret) < 0)
		return -1;
	kremove(map, "$patch");
	return 0;
}

/* An element that holds nothing but the directive speaks for the list. */
static int directive_of_list(struct smp *w, struct node *list, enum smp_directive *ret)
{
	static const char *const key[] = { "$patch", NULL };

	for (uint32_t i = 0; i < list->len; i++) {
		const struct node *value = kget(list->kids[i], "$patch");
		const char *text = ktext(value);

		if (!value)
			continue;
		if (list->kids[i]->len > 2)
			return 0;
		if (directive(w, value, ret) < 0)
			return -1;
		return smp_drop_elements(w, list, key, &text, 1);
	}
	return 0;
}

int smp_directive_of(struct smp *w, struct node *patch, enum smp_directive *ret)
{
	*ret = SMP_MERGE;
	if (!patch)
		return 0;
	if (patch->kind == NODE_LIST)
		return directive_of_list(w, patch, ret);
	if (patch->kind == NODE_MAP)
		return directive_of_map(w, patch, ret);
	return err_set(w->err, ERR_INVALID, "line %u: '%.60s' cannot be merged into a map "
		       "or a list", patch->line, patch->text);
}

/* --- maps -------------------------------------------------------------------------- */

struct field {
	const char *name;
	struct node *value;
	uint32_t at;		/* of the key in the map's kids */
	bool quoted;		/* the key is */
};

static int by_name(const void *a, const void *b)
{
	const struct field *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->at < y->at ? -1 : 1;
}

/* The fields of a map by name; of doubles the first counts. Owned by the caller. */
static struct field *fields_of(const struct node *map, size_t *ret_n)
{
	size_t n = map && map->kind == NODE_MAP ? map->len / 2 : 0, kept = 0;
	struct field *f = n ? xmalloc(n * sizeof(*f)) : NULL;

	for (size_t i = 0; i < n; i++)
		f[i] = (struct field){ ktext(map->kids[2 * i]), map->kids[2 * i + 1],
				       (uint32_t)(2 * i),
				       map->kids[2 * i]->style != NODE_PLAIN };
	if (n)
		qsort(f, n, sizeof(*f), by_name);
	for (size_t i = 0; i < n; i++) {
		if (!kept || strcmp(f[kept - 1].name, f[i].name) != 0)
			f[kept++] = f[i];
	}
	*ret_n = kept;
	return f;
}

/* A null that the target spelled out; the one kind of null that a field keeps. */
static bool is_spelled_null(const struct smp_pair *p)
{
	return !p->origin && p->dest && p->dest->len > 0 && smp_missing(p->dest);
}

/* Merger.VisitMap: which of the two is the result; NULL: neither. */
static int visit_map(struct smp *w, const struct smp_pair *p, struct node **ret)
{
	enum smp_directive d;
	struct err ignored;
	struct smp quiet = *w;

	if (smp_missing(p->dest)) {
		quiet.err = &ignored;
		if (smp_directive_of(&quiet, p->origin, &d) < 0)
			d = SMP_MERGE;
		*ret = d == SMP_DELETE ? NULL : is_spelled_null(p) ? p->dest : p->origin;
		return 0;
	}
	*ret = NULL;
	if (p->origin && smp_missing(p->origin))
		return 0;
	if (smp_directive_of(w, p->origin, &d) < 0)
		return -1;
	*ret = d == SMP_DELETE ? NULL : d == SMP_REPLACE ? p->origin : p->dest;
	return 0;
}

/*
 * FieldSetter: value becomes the field of dest that was at f (NULL: it has none).
 * Fields that go are only marked, by a NULL key: the others keep their places.
 */
static void set_field(struct smp *w, struct node *dest, struct node *key,
		      const struct field *f, struct node *value, bool keep)
{
	if (!value || (knull(value) && !keep)) {
		if (f)
			dest->kids[f->at] = NULL;
	} else if (f) {
		smp_assign(w, f->value, value);
	} else {
		node_append(&w->k->arena, dest, key);
		node_append(&w->k->arena, dest, value);
	}
}

static void sweep_fields(struct node *map)
{
	uint32_t kept = 0;

	if (!map || map->kind != NODE_MAP)
		return;
	for (uint32_t i = 0; i + 1 < map->len; i += 2) {
		if (!map->kids[i])
			continue;
		map->kids[kept] = map->kids[i];
		map->kids[kept + 1] = map->kids[i + 1];
		kept += 2;
	}
	map->len = kept;
}

/* A new key has the patch's quotes and no tag. */
static struct node *new_key(struct smp *w, const struct field *o)
{
	return o->quoted ? kstring(w->k, o->name) : kplain(w->k, o->name);
}

static int merge_field(struct smp *w, struct node *dest, const struct field *d,
		       const struct field *o, const struct kschema_node *schema)
{
	struct smp_pair p = { d ? d->value : NULL, o ? o->value : NULL };
	const char *name;
	struct node *value;

	assert(d || o);
	name = d ? d->name : o->name;
	if (!*name)
		return err_set(w->err, ERR_INVALID, "line %u: a map with an empty key "
			       "cannot be merged", dest->line);
	if (smp_walk(w, p, kschema_field(w->k, schema, name), &value) < 0)
		return err_wrap(w->err, "%.60s", name);
	if (value)
		kquote11(value);	/* FieldSetter, also of what stays */
	set_field(w, dest, d ? NULL : new_key(w, o), d, value,
		  value && value == p.dest && is_spelled_null(&p));
	return 0;
}

/* All fields of both in the order of their names. */
static int merge_fields(struct smp *w, struct smp_pair p,
			const struct kschema_node *schema)
{
	size_t n_d, n_o, i = 0, j = 0;
	_cleanup_free_ struct field *d = fields_of(p.dest, &n_d);
	_cleanup_free_ struct field *o = fields_of(p.origin, &n_o);

	while (i < n_d || j < n_o) {
		int order = i == n_d ? 1 : j == n_o ? -1 : strcmp(d[i].name, o[j].name);
		const struct field *of_d = order <= 0 ? &d[i++] : NULL;
		const struct field *of_o = order >= 0 ? &o[j++] : NULL;

		if (merge_field(w, p.dest, of_d, of_o, schema) < 0)
			return -1;
	}
	sweep_fields(p.dest);
	return 0;
}

static int walk_map(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
		    struct node **ret)
{
	if (visit_map(w, &p, ret) < 0)
		return -1;
	p.dest = *ret;
	return p.dest ? merge_fields(w, p, schema) : 0;
}

/* --- everything -------------------------------------------------------------------- */

/* Merger.VisitList of a list that merges, then its elements. */
static int walk_list(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
		     struct node **ret)
{
	const char *const *keys;
	enum smp_directive d = SMP_MERGE;

	if (!kschema_merges(w->k, schema, &keys)) {
		*ret = p.origin ? p.origin : p.dest;
		return 0;
	}
	*ret = NULL;
	if (smp_missing(p.dest)) {
		p.dest = p.origin;
		return smp_merge_list(w, p, schema, keys, ret);
	}
	if (p.origin && smp_missing(p.origin))
		return 0;
	if (smp_directive_of(w, p.origin, &d) < 0)
		return -1;
	if (d == SMP_DELETE)
		return 0;
	if (d == SMP_REPLACE)
		p.dest = p.origin;
	return smp_merge_list(w, p, schema, keys, ret);
}

/* GetSchema: an object within an unknown one may be of a known kind. */
static const struct kschema_node *schema_of(struct smp *w, const struct node *n)
{
	const struct node *api = kget(n, "apiVersion"), *kind = kget(n, "kind");

	if (smp_missing(api) || smp_missing(kind) || !*ktext(api) || !*ktext(kind))
		return NULL;
	return kschema_root(w->k, ktext(api), ktext(kind));
}

/* Merger.SetStyle: what is put into an empty map or list is written as in the patch. */
static void take_style(struct node *dest, const struct node *origin)
{
	if (dest->kind != NODE_SCALAR && !dest->len)
		dest->style = origin->kind == NODE_SCALAR ? NODE_PLAIN : origin->style;
}

static int walk(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
		struct node **ret)
{
	bool has_dest = p.dest && !smp_missing(p.dest);
	bool has_origin = p.origin && !smp_missing(p.origin);
	const struct node *first = has_dest ? p.dest : has_origin ? p.origin : NULL;

	if (!schema && has_dest)
		schema = schema_of(w, p.dest);
	if (!schema && has_origin)
		schema = schema_of(w, p.origin);
	if (has_dest && has_origin && p.dest->kind != p.origin->kind)
		return smp_wrong_kind(w, p.dest->kind, p.origin);
	if (has_dest && p.origin)
		take_style(p.dest, p.origin);
	if (first && first->kind == NODE_LIST)
		return walk_list(w, p, schema, ret);
	if (!first || first->kind == NODE_MAP)
		return walk_map(w, p, schema, ret);
	*ret = p.origin ? p.origin : p.dest;
	return 0;
}

int smp_walk(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
	     struct node **ret)
{
	int r;

	if (w->depth == SMP_DEPTH_MAX)
		return err_set(w->err, ERR_LIMIT, "more than %d values within each other",
			       SMP_DEPTH_MAX);
	w->depth++;
	r = walk(w, p, schema, ret);
	w->depth--;
	return r;
}

int kust_smp(struct kust *k, struct node **dest, const struct node *patch,
	     struct err *err)
{
	struct smp w = { .k = k, .err = err };
	struct smp_pair p = { *dest, node_copy(&k->arena, patch) };
	struct node *result;

	if (smp_walk(&w, p, NULL, &result) < 0)
		return -1;
	/* A root that the patch replaces is computed and then not used. */
	if (!result)
		*dest = NULL;
	return 0;
}
