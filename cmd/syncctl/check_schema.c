/*
 * OpenAPI documents and CRDs as a tree of what a checker asks. Facts: the specification
 * of OpenAPI 2.0 and 3.0, and Kubernetes' extensions x-kubernetes-group-version-kind,
 * -int-or-string, -preserve-unknown-fields and -embedded-resource.
 */
#include "schema.h"

#define NODES_MAX 2000000
#define DEPTH_MAX 200

/* What is read now: a CRD is strict where Kubernetes' own document is not. */
struct reading {
	struct schema *s;
	bool crd;
	struct err *err;
};

static struct schema_node *read_node(struct reading *r, const json_t *j, int depth);

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct schema_prop *)a)->name,
		      ((const struct schema_prop *)b)->name);
}

static int read_props(struct reading *r, struct schema_node *n, const json_t *props,
		      int depth)
{
	const char *key;
	json_t *value;

	n->props = arena_alloc(&r->s->arena, (json_object_size(props) + 1) *
			       sizeof(n->props[0]));
	json_object_foreach((json_t *)props, key, value) {
		struct schema_prop *p = &n->props[n->n_props];

		p->name = arena_strdup(&r->s->arena, key);
		p->node = read_node(r, value, depth + 1);
		if (!p->node)
			return -1;
		n->n_props++;
	}
	if (n->n_props)
		qsort(n->props, n->n_props, sizeof(n->props[0]), by_name);
	return 0;
}

/* What the API server fills in by itself is not missed. */
static bool has_default(const struct reading *r, const json_t *j, const char *field)
{
	return r->crd && doc_get(j, "properties", field, "default", NULL);
}

static void read_required(struct reading *r, struct schema_node *n, const json_t *j)
{
	const json_t *list = doc_get(j, "required", NULL), *one;
	size_t i;

	n->required = arena_alloc(&r->s->arena, (json_array_size(list) + 1) *
				  sizeof(n->required[0]));
	json_array_foreach((json_t *)list, i, one)
		if (json_is_string(one) && !has_default(r, j, json_string_value(one)))
			n->required[n->n_required++] =
				arena_strdup(&r->s->arena, json_string_value(one));
}

static void read_values(struct reading *r, struct schema_node *n, const json_t *j)
{
	const json_t *list = doc_get(j, "enum", NULL), *one;
	size_t i;

	n->values = arena_alloc(&r->s->arena, (json_array_size(list) + 1) *
				sizeof(n->values[0]));
	json_array_foreach((json_t *)list, i, one) {
		_cleanup_buf_ struct buf value = BUF_INIT;

		doc_canonical(one, &value);
		n->values[n->n_values++] = arena_strdup(&r->s->arena, buf_str(&value));
	}
}

static enum schema_type type_of(const json_t *j)
{
	static const struct { const char *name; enum schema_type type; } types[] = {
		{ "object", SCHEMA_OBJECT }, { "array", SCHEMA_LIST },
		{ "string", SCHEMA_STRING }, { "integer", SCHEMA_INTEGER },
		{ "number", SCHEMA_NUMBER }, { "boolean", SCHEMA_BOOLEAN },
	};
	const char *type = text(j, "type");

	if (doc_get_bool(j, false, "x-kubernetes-int-or-string", NULL) ||
	    !strcmp(text(j, "format"), "int-or-string"))
		return SCHEMA_INT_OR_STRING;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].name, type))
			return types[i].type;
	return doc_get(j, "properties", NULL) ? SCHEMA_OBJECT : SCHEMA_ANY;
}

/* "$ref", also as the one part of an allOf (OpenAPI v3 puts a default beside it). */
static const char *ref_of(const json_t *j)
{
	const json_t *all = doc_get(j, "allOf", NULL);
	const char *ref = doc_get_str(j, "$ref", NULL);
	const char *slash;

	if (!ref && json_array_size(all) == 1)
		ref = doc_get_str(json_array_get(all, 0), "$ref", NULL);
	slash = ref ? strrchr(ref, '/') : NULL;
	return slash ? slash + 1 : ref;
}

/*
 * An object of Kubernetes' own without properties takes anything (a RawExtension); in a
 * CRD it takes nothing, and what is there is dropped.
 */
static int read_object(struct reading *r, struct schema_node *n, const json_t *j, int depth)
{
	const json_t *props = doc_get(j, "properties", NULL);
	const json_t *others = doc_get(j, "additionalProperties", NULL);

	n->object = doc_get_bool(j, false, "x-kubernetes-embedded-resource", NULL);
	n->open = others ? !json_is_false(others) : !r->crd && !json_object_size(props);
	n->open = n->open ||
		  doc_get_bool(j, false, "x-kubernetes-preserve-unknown-fields", NULL);
	if (json_is_object(others)) {
		n->others = read_node(r, others, depth + 1);
		if (!n->others)
			return -1;
	}
	read_required(r, n, j);
	return read_props(r, n, props, depth);
}

static struct schema_node *read_node(struct reading *r, const json_t *j, int depth)
{
	struct schema_node *n = arena_alloc(&r->s->arena, sizeof(*n));
	const char *ref = ref_of(j);
	const json_t *items;

	if (depth > DEPTH_MAX || ++r->s->n_nodes > NODES_MAX) {
		err_set(r->err, ERR_LIMIT, "the schema is nested deeper than %d, or larger than "
			"%d fields", DEPTH_MAX, NODES_MAX);
		return NULL;
	}
	if (ref) {
		n->ref = arena_strdup(&r->s->arena, ref);
		return n;
	}
	n->type = type_of(j);
	read_values(r, n, j);
	if (n->type == SCHEMA_OBJECT && read_object(r, n, j, depth))
		return NULL;
	items = n->type == SCHEMA_LIST ? doc_get(j, "items", NULL) : NULL;
	if (items) {
		n->items = read_node(r, items, depth + 1);
		if (!n->items)
			return NULL;
	}
	return n;
}

/* ---- what names a kind ---- */

static void add_kind(struct schema *s, const char *group, const char *version,
		     const char *kind, const struct schema_node *node)
{
	vec_push(&s->kinds, ((struct schema_kind){ arena_strdup(&s->arena, group),
		arena_strdup(&s->arena, version), arena_strdup(&s->arena, kind), node }));
}

int schema_add(struct schema *s, const json_t *openapi, struct err *err)
{
	struct reading r = { .s = s, .err = err };
	const json_t *all = doc_get(openapi, "definitions", NULL);
	const char *name;
	json_t *j;

	if (!all)
		all = doc_get(openapi, "components", "schemas", NULL);
	if (!json_is_object(all))
		return err_set(err, ERR_INVALID, "it holds no definitions: save it by "
			       "'kubectl get --raw /openapi/v2'");
	json_object_foreach((json_t *)all, name, j) {
		const json_t *gvks = doc_get(j, "x-kubernetes-group-version-kind", NULL), *gvk;
		struct schema_node *n = read_node(&r, j, 0);
		size_t i;

		if (!n)
			return -1;
		if (ends(name, ".api.resource.Quantity"))
			n->type = SCHEMA_QUANTITY;
		vec_push(&s->definitions, ((struct schema_prop){
			arena_strdup(&s->arena, name), n }));
		json_array_foreach((json_t *)gvks, i, gvk)
			add_kind(s, text(gvk, "group"), text(gvk, "version"), text(gvk, "kind"),
				 n);
	}
	return 0;
}

static int add_version(struct reading *r, const json_t *crd, const char *version,
		       const json_t *schema)
{
	struct schema_node *n;

	if (!schema || !*version)
		return 0;
	n = read_node(r, schema, 0);
	if (!n)
		return -1;
	n->object = true;
	n->open = n->open || doc_get_bool(crd, false, "spec", "preserveUnknownFields", NULL);
	add_kind(r->s, text(doc_get(crd, "spec", NULL), "group"), version,
		 text(doc_get(crd, "spec", "names", NULL), "kind"), n);
	return 0;
}

int schema_add_crd(struct schema *s, const json_t *crd, struct err *err)
{
	struct reading r = { .s = s, .crd = true, .err = err };
	const json_t *versions = doc_get(crd, "spec", "versions", NULL), *v;
	size_t i;

	json_array_foreach((json_t *)versions, i, v)
		if (add_version(&r, crd, text(v, "name"), doc_get(v, "schema",
				"openAPIV3Schema", NULL)))
			return -1;
	return 0;
}

/* ---- finding ---- */

static int compare_kinds(const struct schema_kind *a, const struct schema_kind *b)
{
	int c = strcmp(a->group, b->group);

	c = c ? c : strcmp(a->kind, b->kind);
	return c ? c : strcmp(a->version, b->version);
}

static int by_kind(const void *a, const void *b)
{
	return compare_kinds(a, b);
}

/* qsort() keeps no order among equals, so that is settled before. */
static void drop_older(struct schema *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->kinds.len; i++) {
		if (kept && !compare_kinds(&s->kinds.data[kept - 1], &s->kinds.data[i])) {
			/* a CRD of the tree is newer than what the cluster has */
			if (s->kinds.data[i].node->object)
				s->kinds.data[kept - 1] = s->kinds.data[i];
		} else {
			s->kinds.data[kept++] = s->kinds.data[i];
		}
	}
	s->kinds.len = kept;
}

void schema_close(struct schema *s)
{
	if (s->definitions.len)
		qsort(s->definitions.data, s->definitions.len, sizeof(s->definitions.data[0]),
		      by_name);
	if (s->kinds.len)
		qsort(s->kinds.data, s->kinds.len, sizeof(s->kinds.data[0]), by_kind);
	drop_older(s);
}

void schema_deinit(struct schema *s)
{
	vec_deinit(&s->definitions);
	vec_deinit(&s->kinds);
	arena_deinit(&s->arena);
}

const struct schema_node *schema_find(const struct schema *s, const char *group,
				      const char *version, const char *kind)
{
	const struct schema_kind key = { group, version, kind, NULL };
	const struct schema_kind *found = s->kinds.len ?
		bsearch(&key, s->kinds.data, s->kinds.len, sizeof(key), by_kind) : NULL;

	return found ? found->node : NULL;
}

const struct schema_node *schema_resolve(const struct schema *s,
					 const struct schema_node *n)
{
	for (int hops = 0; n && n->ref && hops < 16; hops++) {
		const struct schema_prop key = { n->ref, NULL };
		const struct schema_prop *found = s->definitions.len ?
			bsearch(&key, s->definitions.data, s->definitions.len, sizeof(key),
				by_name) : NULL;

		n = found ? found->node : NULL;
	}
	return n && n->ref ? NULL : n;
}
