/*
 * crds.c - `crds`: OpenAPI definitions of custom types, whose x-kubernetes-* hints
 * become field specs (accumulator/loadconfigfromcrds.go).
 *
 * A file is a map of type names to definitions. Those that look like a kind of
 * resource are walked property by property, through $ref into the other types; types
 * that refer to themselves would never end, hence the caps.
 */
#include <jansson.h>

#include "config.h"

#define CRD_DEPTH_MAX 32
#define CRD_VISITS_MAX 20000	/* of properties, in one kustomization's files */

struct crds {
	struct kust *k;
	const struct node *types;	/* of the file */
	const char *file;
	struct kgvk gvk;	/* of the kind that is walked */
	struct kconfig *into;
	size_t visits;
};

/* Of the names only "Schema" may be written in any case. */
static const struct node *properties_of(const struct node *type)
{
	return kget(kdecode_get(type, "Schema"), "properties");
}

/* The text of a hint, or NULL. */
static const char *hint(const struct node *property, const char *name)
{
	const struct node *n = kget(property, name);

	return node_is_string(n) ? n->text : NULL;
}

static int add_reference(struct crds *c, const struct node *property, const char *path,
			 struct err *err)
{
	const char *version = hint(property, "x-kubernetes-object-ref-api-version");
	const char *kind = hint(property, "x-kubernetes-object-ref-kind");
	const char *key = hint(property, "x-kubernetes-object-ref-name-key");
	struct kfieldspec spec = { c->gvk, NULL, false };
	struct knameref ref = { { "", version, kind }, { &spec, 1, 0 } };

	if (!version || !kind)
		return 0;
	spec.path = arena_printf(&c->k->arena, "%s/%s", path, key ? key : "name");
	ref.referrers.data = arena_alloc(&c->k->arena, sizeof(spec));
	*ref.referrers.data = spec;
	return knamerefs_merge_one(c->k, &c->into->name_reference, &ref, err);
}

static int add_hints(struct crds *c, const struct node *property, const char *path,
		     struct err *err)
{
	const struct {
		const char *name;
		struct kfieldspecs *list;
	} hints[] = {
		{ "x-kubernetes-annotation", &c->into->common_annotations },
		{ "x-kubernetes-label-selector", &c->into->common_labels },
		{ "x-kubernetes-identity", &c->into->name_prefix },
	};
	const struct kfieldspec spec = { c->gvk, path, false };

	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		if (hint(property, hints[i].name) &&
		    kfieldspecs_merge_one(c->k, hints[i].list, &spec, err) < 0)
			return -1;
	}
	return add_reference(c, property, path, err);
}

static int walk(struct crds *c, const char *type, const char *path, int depth,
		struct err *err)
{
	const struct node *props = properties_of(kget(c->types, type));

	if (depth > CRD_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "type '%.80s' refers to itself, or over %d "
			       "others", type, CRD_DEPTH_MAX);
	for (uint32_t i = 0; props && props->kind == NODE_MAP && i < props->len; i += 2) {
		const struct node *property = props->kids[i + 1];
		const char *at = arena_printf(&c->k->arena, "%s%s%s", path, *path ? "/" : "",
					      ktext(props->kids[i]));
		const char *ref = ktext(kget(property, "$ref"));

		if (++c->visits > CRD_VISITS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d properties",
				       CRD_VISITS_MAX);
		if (add_hints(c, property, at, err) < 0 ||
		    (*ref && walk(c, ref, at, depth + 1, err) < 0))
			return -1;
	}
	return 0;
}

/* looksLikeAk8sType */
static bool is_kind(const struct node *type)
{
	const struct node *props = properties_of(type);

	return kget(props, "kind") && kget(props, "apiVersion") && kget(props, "metadata");
}

static int check_property(const struct node *property, struct err *err)
{
	const struct node *type = kget(property, "type");

	if (kexpect_kind(property, NODE_MAP, err) < 0)
		return -1;
	if (!type || type->kind == NODE_LIST || node_is_null(type) || node_is_string(type))
		return 0;
	return err_set(err, ERR_INVALID, "line %u: type must be a text or a list",
		       type->line);
}

static int check_type(const struct node *type, struct err *err)
{
	const struct node *props = properties_of(type);

	if (kexpect_kind(type, NODE_MAP, err) < 0 ||
	    kexpect_kind(kdecode_get(type, "Schema"), NODE_MAP, err) < 0 ||
	    kexpect_kind(props, NODE_MAP, err) < 0)
		return -1;
	for (uint32_t i = 0; props && props->kind == NODE_MAP && i < props->len; i += 2) {
		if (check_property(props->kids[i + 1], err) < 0)
			return -1;
	}
	return 0;
}

static int load_types(struct crds *c, struct err *err)
{
	if (kexpect_kind(c->types, NODE_MAP, err) < 0)
		return -1;
	for (uint32_t i = 0; c->types->kind == NODE_MAP && i < c->types->len; i += 2) {
		const char *name = ktext(c->types->kids[i]), *dot = strrchr(name, '.');

		if (check_type(c->types->kids[i + 1], err) < 0)
			return err_wrap(err, "type '%.80s'", name);
		if (!is_kind(c->types->kids[i + 1]))
			continue;
		c->gvk = (struct kgvk){ "", "", dot ? dot + 1 : name };
		if (walk(c, name, "", 0, err) < 0)
			return -1;
	}
	return 0;
}

/* A text that begins with '{' is JSON and nothing else. */
static int check_json(const char *file, const char *text, size_t len, struct err *err)
{
	json_error_t e;
	json_auto_t *json = json_loadb(text, len, JSON_DECODE_INT_AS_REAL, &e);

	return json ? 0 : err_set(err, ERR_INVALID, "%s:%d: %s", file, e.line, e.text);
}

static int load_file(struct crds *c, const struct kfolder *folder, const char *path,
		     struct err *err)
{
	struct node *types;
	const char *text;
	size_t len;

	if (kload_file(c->k, folder, path, &text, &len, &c->file, err) < 0)
		return -1;
	if (!len)
		return err_set(err, ERR_INVALID, "%s: is empty", c->file);
	if ((*text == '{' && check_json(c->file, text, len, err) < 0) ||
	    kread_first(c->k, c->file, text, len, *text == '{', &types, err) < 0)
		return -1;
	c->types = types;
	if (load_types(c, err) < 0)
		return err_wrap(err, "%s", c->file);
	return 0;
}

int kconfig_from_crds(struct kust *k, const struct kfolder *folder,
		      const struct kstrings *paths, struct kconfig *ret,
		      struct err *err)
{
	struct kconfig all = { 0 };
	struct crds c = { .k = k, .into = &all };

	for (size_t i = 0; i < paths->len; i++) {
		if (load_file(&c, folder, paths->data[i], err) < 0)
			return err_wrap(err, "%s: crds", folder->file);
	}
	kconfig_sort(&all);
	*ret = all;
	return 0;
}
