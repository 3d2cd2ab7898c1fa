/*
 * An object against its schema. A null is a field that is not set: the renderer drops
 * it, or the API server does. Every difference is told with the field it is in.
 */
#include "schema.h"

#define DEPTH_MAX 200

struct checking {
	const struct schema *s;
	struct check *c;
};

static void check_node(struct checking *k, const struct schema_node *n,
		       const struct field *at, int depth);

static const char *type_text(enum schema_type type)
{
	static const char *const texts[] = {
		[SCHEMA_ANY] = "anything", [SCHEMA_OBJECT] = "a map", [SCHEMA_LIST] = "a list",
		[SCHEMA_STRING] = "a text", [SCHEMA_INTEGER] = "a whole number",
		[SCHEMA_NUMBER] = "a number", [SCHEMA_BOOLEAN] = "true or false",
		[SCHEMA_INT_OR_STRING] = "a whole number or a text",
		[SCHEMA_QUANTITY] = "a quantity",
	};

	return texts[type];
}

static const char *value_text(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: return "a map";
	case JSON_ARRAY: return "a list";
	case JSON_STRING: return "a text";
	case JSON_INTEGER: return "a whole number";
	case JSON_REAL: return "a number";
	case JSON_TRUE: return "true";
	case JSON_FALSE: return "false";
	case JSON_NULL: break;
	}
	return "null";
}

/* Beyond 64 bits a whole number is read as a real. */
static bool is_whole(const json_t *v)
{
	double d = json_is_real(v) ? json_real_value(v) : 0.5;

	return json_is_integer(v) || (d >= 9.2e18 || d <= -9.2e18);
}

static bool fits(enum schema_type type, const json_t *v)
{
	switch (type) {
	case SCHEMA_ANY:
		return true;
	case SCHEMA_OBJECT:
		return json_is_object(v);
	case SCHEMA_LIST:
		return json_is_array(v);
	case SCHEMA_STRING:
		return json_is_string(v);
	case SCHEMA_INTEGER:
		return is_whole(v);
	case SCHEMA_NUMBER:
		return json_is_number(v);
	case SCHEMA_BOOLEAN:
		return json_is_boolean(v);
	case SCHEMA_INT_OR_STRING:
		return is_whole(v) || json_is_string(v);
	case SCHEMA_QUANTITY:
		return json_is_number(v) || json_is_string(v);
	}
	return true;
}

/* ---- enums ---- */

static void check_values(struct checking *k, const struct schema_node *n,
			 const struct field *at)
{
	_cleanup_buf_ struct buf value = BUF_INIT, list = BUF_INIT;

	if (!n->n_values)
		return;
	doc_canonical(at->value, &value);
	for (size_t i = 0; i < n->n_values; i++) {
		if (!strcmp(n->values[i], buf_str(&value)))
			return;
		if (i < 12)
			buf_addf(&list, "%s%s", i ? ", " : "", n->values[i]);
	}
	check_tell(k->c, RULE_SCHEMA_ENUM, at, "%.100s is none of %s%s", buf_str(&value),
		   buf_str(&list), n->n_values > 12 ? ", ..." : "");
}

/* ---- maps ---- */

static int find_name(const void *key, const void *prop)
{
	return strcmp(key, ((const struct schema_prop *)prop)->name);
}

static const struct schema_prop *prop_of(const struct schema_node *n, const char *name)
{
	return n->n_props ? bsearch(name, n->props, n->n_props, sizeof(n->props[0]),
				    find_name) : NULL;
}

#define OBJECT_META "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

/* What each object of the API has, whatever a CRD's schema says. */
static bool check_of_all(struct checking *k, const struct schema_node *n,
			 const struct field *at, int depth)
{
	static const struct schema_node meta = { .ref = OBJECT_META };
	static const struct schema_node text = { .type = SCHEMA_STRING };
	bool is_meta = !strcmp(at->key, "metadata");

	if (!n->object || (!is_meta && strcmp(at->key, "apiVersion") &&
			   strcmp(at->key, "kind")))
		return false;
	check_node(k, is_meta ? &meta : &text, at, depth);
	return true;
}

/* A field whose name differs in nothing but its capitals. */
static const char *similar(const struct schema_node *n, const char *name)
{
	for (size_t i = 0; i < n->n_props; i++)
		if (!strcasecmp(n->props[i].name, name))
			return n->props[i].name;
	return NULL;
}

static void tell_unknown(struct checking *k, const struct schema_node *n,
			 const struct field *at)
{
	const char *meant = similar(n, at->key);

	if (meant)
		check_tell(k->c, RULE_SCHEMA_UNKNOWN, at, "there is no such field: write '%s'",
			   meant);
	else
		check_tell(k->c, RULE_SCHEMA_UNKNOWN, at, "there is no such field");
}

static void check_map(struct checking *k, const struct schema_node *n,
		      const struct field *at, int depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)at->value, key, value) {
		const struct schema_prop *p = prop_of(n, key);
		const struct field below = { .up = at, .key = key, .value = value };

		if (check_of_all(k, n, &below, depth + 1))
			continue;
		if (p)
			check_node(k, p->node, &below, depth + 1);
		else if (n->others)
			check_node(k, n->others, &below, depth + 1);
		else if (!n->open)
			tell_unknown(k, n, &below);
	}
	for (size_t i = 0; i < n->n_required; i++) {
		const struct field missing = { .up = at, .key = n->required[i] };
		const json_t *there = json_object_get(at->value, n->required[i]);

		if (!there || json_is_null(there))
			check_tell(k->c, RULE_SCHEMA_REQUIRED, &missing, "it must be set");
	}
}

static void check_list(struct checking *k, const struct schema_node *n,
		       const struct field *at, int depth)
{
	const json_t *value;
	size_t i;

	json_array_foreach((json_t *)at->value, i, value) {
		const struct field below = { .up = at, .index = i, .value = value,
			.name = doc_get_str(value, "name", NULL) };

		check_node(k, n->items, &below, depth + 1);
	}
}

static void check_node(struct checking *k, const struct schema_node *n,
		       const struct field *at, int depth)
{
	n = schema_resolve(k->s, n);
	if (!n || json_is_null(at->value) || depth > DEPTH_MAX)
		return;
	if (!fits(n->type, at->value)) {
		check_tell(k->c, RULE_SCHEMA_TYPE, at, "it is %s and must be %s",
			   value_text(at->value), type_text(n->type));
		return;
	}
	check_values(k, n, at);
	if (n->type == SCHEMA_OBJECT)
		check_map(k, n, at, depth);
	else if (n->type == SCHEMA_LIST && n->items)
		check_list(k, n, at, depth);
}

void schema_check(const struct schema *s, struct check *c)
{
	struct checking k = { s, c };
	const struct field top = { .value = c->object };
	const char *api = doc_get_str(c->object, "apiVersion", NULL);
	const char *kind = doc_get_str(c->object, "kind", NULL);
	const char *slash = api ? strchr(api, '/') : NULL;
	_cleanup_free_ char *group = slash ? xstrndup(api, (size_t)(slash - api)) :
					     xstrdup("");
	const struct schema_node *n = api && kind ?
		schema_find(s, group, slash ? slash + 1 : api, kind) : NULL;

	if (n)
		check_node(&k, n, &top, 0);
	else
		check_tell(c, RULE_SCHEMA_KIND, &top, "nothing is known of kind %s of %s: put its "
			   "CRD into the repository, or save the schema of a cluster that has "
			   "it", kind ? kind : "?", api ? api : "?");
}
