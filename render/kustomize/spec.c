/*
 * spec.c - the fields of a kustomization, and of all that it holds, as tables.
 *
 * The names are those of api/types of the reference; what a field is deprecated
 * for is folded here, so that nobody else knows of it.
 */
#include <strings.h>

#include "table.h"

static const struct kfield fieldspec_fields[] = {
	TEXT(kfieldspec, "group", gvk.group),
	TEXT(kfieldspec, "version", gvk.version),
	TEXT(kfieldspec, "kind", gvk.kind),
	TEXT(kfieldspec, "path", path),
	BOOL(kfieldspec, "create", create),
	END,
};
const struct ktype kfieldspec_type = { "a field spec", sizeof(struct kfieldspec),
				       fieldspec_fields, 0 };

static const struct kfield label_fields[] = {
	PAIRS(klabel, "pairs", pairs),
	BOOL(klabel, "includeSelectors", include_selectors),
	BOOL(klabel, "includeTemplates", include_templates),
	LIST(klabel, "fields", fields, &kfieldspec_type),
	END,
};
const struct ktype klabel_type = { "an entry of labels", sizeof(struct klabel),
				   label_fields, 0 };

static const struct kfield image_fields[] = {
	TEXT(kimage, "name", name),
	TEXT(kimage, "newName", new_name),
	TEXT(kimage, "tagSuffix", tag_suffix),
	TEXT(kimage, "newTag", new_tag),
	TEXT(kimage, "digest", digest),
	END,
};
const struct ktype kimage_type = { "an image", sizeof(struct kimage), image_fields, 0 };

static const struct kfield replica_fields[] = {
	TEXT(kreplica, "name", name),
	INT(kreplica, "count", count),
	END,
};
const struct ktype kreplica_type = { "an entry of replicas", sizeof(struct kreplica),
				     replica_fields, 0 };

static const struct kfield selector_fields[] = {
	TEXT_OR_NULL(kselector, "group", group),
	TEXT_OR_NULL(kselector, "version", version),
	TEXT_OR_NULL(kselector, "kind", kind),
	TEXT_OR_NULL(kselector, "name", name),
	TEXT_OR_NULL(kselector, "namespace", ns),
	TEXT_OR_NULL(kselector, "labelSelector", labels),
	TEXT_OR_NULL(kselector, "annotationSelector", annotations),
	END,
};
const struct ktype kselector_type = { "a target", sizeof(struct kselector),
				      selector_fields, 0 };

static const struct kfield patch_options_fields[] = {
	BOOL(kpatch_options, "allowNameChange", allow_name_change),
	BOOL(kpatch_options, "allowKindChange", allow_kind_change),
	END,
};
static const struct ktype patch_options_type = {
	"a patch's options", sizeof(struct kpatch_options), patch_options_fields, 0
};

static const struct kfield patch_fields[] = {
	TEXT(kpatch, "path", path),
	TEXT(kpatch, "patch", patch),
	POINTER(kpatch, "target", target, &kselector_type),
	STRUCT(kpatch, "options", options, &patch_options_type),
	END,
};
const struct ktype kpatch_type = { "a patch", sizeof(struct kpatch), patch_fields,
				   AT(kpatch, line) };

static const struct kfield gen_options_fields[] = {
	PAIRS(kgen_options, "labels", labels),
	PAIRS(kgen_options, "annotations", annotations),
	BOOL(kgen_options, "disableNameSuffixHash", disable_hash),
	BOOL(kgen_options, "immutable", immutable),
	END,
};
const struct ktype kgen_options_type = {
	"the options of a generator", sizeof(struct kgen_options), gen_options_fields, 0
};

static int check_env(struct kust *k, const struct node *v, void *at, struct err *err)
{
	(void)k;
	(void)at;	/* fold_env() reads it again, when the list is complete */
	return node_is_string(v) ? 0 : err_set(err, ERR_INVALID, "wants a text");
}

#define GENERATOR_FIELDS                                                      \
	TEXT(kgenerator, "namespace", ns),                                    \
	TEXT(kgenerator, "name", name),                                       \
	TEXT(kgenerator, "behavior", behavior),                               \
	TEXTS(kgenerator, "literals", literals),                              \
	TEXTS(kgenerator, "files", files),                                    \
	TEXTS(kgenerator, "envs", envs),                                      \
	CUSTOM("env", check_env),                                             \
	POINTER(kgenerator, "options", options, &kgen_options_type)

static const struct kfield config_map_fields[] = { GENERATOR_FIELDS, END };
static const struct kfield secret_fields[] = {
	GENERATOR_FIELDS,
	TEXT(kgenerator, "type", type),
	END,
};
const struct ktype kconfig_map_type = {
	"a ConfigMap's generator", sizeof(struct kgenerator), config_map_fields,
	AT(kgenerator, line)
};
const struct ktype kgenerator_type = {
	"a Secret's generator", sizeof(struct kgenerator), secret_fields,
	AT(kgenerator, line)
};

/* --- replacements ------------------------------------------------------------------ */

static const struct kfield field_options_fields[] = {
	TEXT(kfield_options, "delimiter", delimiter),
	TEXT(kfield_options, "encoding", encoding),
	INT(kfield_options, "index", index),
	BOOL(kfield_options, "create", create),
	END,
};
static const struct ktype field_options_type = {
	"the options of a field", sizeof(struct kfield_options), field_options_fields, 0
};

/* types.SourceSelector: an id with two fields more, which kreplacement holds. */
struct source {
	struct kid id;
	const char *path;
	struct kfield_options *options;
};
static const struct kfield source_fields[] = {
	TEXT(source, "group", id.gvk.group),
	TEXT(source, "version", id.gvk.version),
	TEXT(source, "kind", id.gvk.kind),
	TEXT(source, "name", id.name),
	TEXT(source, "namespace", id.ns),
	TEXT(source, "fieldPath", path),
	POINTER(source, "options", options, &field_options_type),
	END,
};
static const struct ktype source_type = { "a replacement's source",
					  sizeof(struct source), source_fields, 0 };

static int decode_source(struct kust *k, const struct node *v, void *at, struct err *err)
{
	struct source *s = arena_alloc(&k->arena, sizeof(*s));
	struct kreplacement *r = at;

	if (kdecode(k, &source_type, NULL, v, true, s, err) < 0)
		return -1;
	r->source = &s->id;
	r->source_path = s->path;
	r->source_options = s->options;
	return 0;
}

/* A null where a selector is wanted crashes the reference: here it is an error. */
static int decode_rejects(struct kust *k, const struct node *v, void *at,
			  struct err *err)
{
	struct kreplacement_target *t = at;

	if (v->kind != NODE_LIST)
		return err_set(err, ERR_INVALID, "wants a list");
	t->reject = arena_alloc(&k->arena, (v->len + 1) * sizeof(*t->reject));
	for (t->n_reject = 0; t->n_reject < v->len; t->n_reject++) {
		const struct node *item = v->kids[t->n_reject];

		if (node_is_null(item))
			return err_set(err, ERR_INVALID, "entry %zu is null; remove it",
				       t->n_reject);
		if (kdecode(k, &kselector_type, NULL, item, true,
			    &t->reject[t->n_reject], err) < 0)
			return err_wrap(err, "entry %zu", t->n_reject);
	}
	return 0;
}

static const struct kfield target_fields[] = {
	POINTER(kreplacement_target, "select", select, &kselector_type),
	CUSTOM("reject", decode_rejects),
	TEXTS(kreplacement_target, "fieldPaths", paths),
	POINTER(kreplacement_target, "options", options, &field_options_type),
	END,
};
static const struct ktype target_type = {
	"a replacement's target", sizeof(struct kreplacement_target), target_fields, 0
};

static const struct kfield replacement_fields[] = {
	TEXT(kreplacement, "path", path),
	CUSTOM("source", decode_source),
	TEXT_OR_NULL(kreplacement, "sourceValue", source_value),
	LIST(kreplacement, "targets", targets, &target_type),
	END,
};
const struct ktype kreplacement_type = {
	"a replacement", sizeof(struct kreplacement), replacement_fields,
	AT(kreplacement, line)
};

/* --- vars, sortOptions --------------------------------------------------------------- */

struct objref {
	const char *api_version;
	struct kid id;
};
static const struct kfield objref_fields[] = {
	TEXT(objref, "apiVersion", api_version),
	TEXT(objref, "group", id.gvk.group),
	TEXT(objref, "version", id.gvk.version),
	TEXT(objref, "kind", id.gvk.kind),
	TEXT(objref, "name", id.name),
	TEXT(objref, "namespace", id.ns),
	END,
};
static const struct ktype objref_type = { "a var's objref", sizeof(struct objref),
					  objref_fields, 0 };

/* Target.GVK: apiVersion wins; one with several slashes counts for nothing. */
static int decode_objref(struct kust *k, const struct node *v, void *at, struct err *err)
{
	struct kvar *var = at;
	struct objref o;
	const char *slash;

	if (kdecode(k, &objref_type, NULL, v, true, &o, err) < 0)
		return -1;
	var->object = o.id;
	slash = strchr(o.api_version, '/');
	if (!*o.api_version || (slash && strchr(slash + 1, '/')))
		return 0;
	if (slash)
		kgvk_parse(&k->arena, o.api_version, &var->object.gvk);
	else
		var->object.gvk.version = o.api_version;
	var->object.gvk.kind = o.id.gvk.kind;
	return 0;
}

struct fieldref { const char *path; };
static const struct kfield fieldref_fields[] = {
	TEXT(fieldref, "fieldPath", path),
	END,
};
static const struct ktype fieldref_type = { "a var's fieldref", sizeof(struct fieldref),
					    fieldref_fields, 0 };

static int decode_fieldref(struct kust *k, const struct node *v, void *at,
			   struct err *err)
{
	struct kvar *var = at;
	struct fieldref f;

	if (kdecode(k, &fieldref_type, NULL, v, true, &f, err) < 0)
		return -1;
	var->field_path = f.path;
	return 0;
}

static const struct kfield var_fields[] = {
	TEXT(kvar, "name", name),
	CUSTOM("objref", decode_objref),
	CUSTOM("fieldref", decode_fieldref),
	END,
};
const struct ktype kvar_type = { "a var", sizeof(struct kvar), var_fields,
				 offsetof(struct kvar, line) };

static const struct kfield legacy_fields[] = {
	TEXTS(ksort, "orderFirst", first),
	TEXTS(ksort, "orderLast", last),
	END,
};
static const struct ktype legacy_type = { "legacySortOptions", sizeof(struct ksort),
					  legacy_fields, 0 };

static int decode_legacy(struct kust *k, const struct node *v, void *at, struct err *err)
{
	struct ksort *s = at, lists;

	if (kdecode(k, &legacy_type, NULL, v, true, &lists, err) < 0)
		return -1;
	s->custom = true;
	s->first = lists.first;
	s->last = lists.last;
	return 0;
}

static int decode_order(struct kust *k, const struct node *v, void *at, struct err *err)
{
	struct ksort *s = at;

	(void)k;
	if (!node_is_string(v))
		return err_set(err, ERR_INVALID, "wants 'legacy' or 'fifo'");
	s->order = v->text;
	s->legacy = strcmp(v->text, "legacy") == 0;
	return 0;
}

static const struct kfield sort_fields[] = {
	CUSTOM("order", decode_order),
	CUSTOM("legacySortOptions", decode_legacy),
	END,
};
const struct ktype ksort_type = { "sortOptions", sizeof(struct ksort), sort_fields, 0 };

/* --- the kustomization --------------------------------------------------------------- */

struct meta {
	const char *name, *ns;
	struct kpairs labels, annotations;
};
static const struct kfield meta_fields[] = {
	TEXT(meta, "name", name),
	TEXT(meta, "namespace", ns),
	PAIRS(meta, "labels", labels),
	PAIRS(meta, "annotations", annotations),
	END,
};
static const struct ktype meta_type = { "metadata", sizeof(struct meta), meta_fields, 0 };

/* With what is folded away. */
struct written {
	struct kspec s;
	struct meta *meta;
	struct kstrings bases;
	KLIST(struct kimage) image_tags;
};

static const struct kfield kustomization_fields[] = {
	TEXT(written, "apiVersion", s.api_version),
	TEXT(written, "kind", s.kind),
	POINTER(written, "metadata", meta, &meta_type),
	PAIRS(written, "openapi", s.openapi),
	TEXT(written, "namePrefix", s.name_prefix),
	TEXT(written, "nameSuffix", s.name_suffix),
	TEXT(written, "namespace", s.ns),
	PAIRS(written, "commonLabels", s.common_labels),
	LIST(written, "labels", s.labels, &klabel_type),
	PAIRS(written, "commonAnnotations", s.common_annotations),
	TEXTS(written, "patchesStrategicMerge", s.patches_strategic_merge),
	LIST(written, "patchesJson6902", s.patches_json6902, &kpatch_type),
	LIST(written, "patches", s.patches, &kpatch_type),
	LIST(written, "images", s.images, &kimage_type),
	LIST(written, "imageTags", image_tags, &kimage_type),
	LIST(written, "replacements", s.replacements, &kreplacement_type),
	LIST(written, "replicas", s.replicas, &kreplica_type),
	LIST(written, "vars", s.vars, &kvar_type),
	POINTER(written, "sortOptions", s.sort, &ksort_type),
	TEXTS(written, "resources", s.resources),
	TEXTS(written, "components", s.components),
	TEXTS(written, "crds", s.crds),
	TEXTS(written, "bases", bases),
	LIST(written, "configMapGenerator", s.config_maps, &kconfig_map_type),
	LIST(written, "secretGenerator", s.secrets, &kgenerator_type),
	IGNORED("helmGlobals"),
	IGNORED("helmCharts"),
	IGNORED("helmChartInflationGenerator"),
	POINTER(written, "generatorOptions", s.generator_options, &kgen_options_type),
	TEXTS(written, "configurations", s.configurations),
	TEXTS(written, "generators", s.generators),
	TEXTS(written, "transformers", s.transformers),
	TEXTS(written, "validators", s.validators),
	TEXTS(written, "buildMetadata", s.build_metadata),
	END,
};
static const struct ktype kustomization_type = {
	"a kustomization", sizeof(struct written), kustomization_fields, 0
};

static const struct { const char *old, *use; } deprecated[] = {
	{ "bases", "resources" }, { "commonLabels", "labels" },
	{ "imageTags", "images" }, { "patchesJson6902", "patches" },
	{ "patchesStrategicMerge", "patches" }, { "vars", "replacements" },
};

static void warn_deprecated(struct kust *k, const char *file, const struct node *n)
{
	for (size_t i = 0; i < ARRAY_LEN(deprecated); i++) {
		const struct node *v = kdecode_get(n, deprecated[i].old);

		if (!node_is_null(v))
			kust_warn(k, "%s:%u: '%s' is deprecated; use '%s'", file, v->line,
				  deprecated[i].old, deprecated[i].use);
	}
}

static void append_texts(struct kust *k, struct kstrings *to, const char *const *more,
			 size_t n)
{
	const char **all = arena_alloc(&k->arena, (to->len + n + 1) * sizeof(*all));

	if (!n)
		return;
	if (to->len)
		memcpy(all, to->data, to->len * sizeof(*all));
	memcpy(all + to->len, more, n * sizeof(*all));
	*to = (struct kstrings){ all, to->len + n, 0 };
}

static void fold_images(struct kust *k, struct written *w)
{
	size_t n = w->s.images.len, more = w->image_tags.len;
	struct kimage *all = arena_alloc(&k->arena, (n + more + 1) * sizeof(*all));

	if (!more)
		return;
	if (n)
		memcpy(all, w->s.images.data, n * sizeof(*all));
	memcpy(all + n, w->image_tags.data, more * sizeof(*all));
	w->s.images.data = all;
	w->s.images.len = n + more;
}

/* `env: x` is one more entry of `envs`. */
static void fold_env(struct kust *k, struct kgenerator *g, size_t n,
		     const struct node *list)
{
	for (size_t i = 0; i < n; i++) {
		const char *env = ktext(kdecode_get(list->kids[i], "env"));

		if (*env && !node_is_null(kdecode_get(list->kids[i], "env")))
			append_texts(k, &g[i].envs, &env, 1);
	}
}

/* What no table sets: absent texts of a var without objref or fieldref. */
static void fill_var(struct kvar *v)
{
	if (!v->object.name)
		v->object = (struct kid){ { "", "", "" }, "", "", false };
	if (!v->field_path || !*v->field_path)
		v->field_path = "metadata.name";
}

static void fold(struct kust *k, struct written *w, const struct node *n)
{
	for (size_t i = 0; i < w->s.vars.len; i++)
		fill_var(&w->s.vars.data[i]);
	if (w->s.sort && !w->s.sort->order)
		w->s.sort->order = "";
	append_texts(k, &w->s.resources, w->bases.data, w->bases.len);
	fold_images(k, w);
	fold_env(k, w->s.config_maps.data, w->s.config_maps.len,
		 kdecode_get(n, "configMapGenerator"));
	fold_env(k, w->s.secrets.data, w->s.secrets.len,
		 kdecode_get(n, "secretGenerator"));
}

static bool has_items(const struct node *n)
{
	return n && n->kind != NODE_SCALAR && n->len;
}

/* CheckEmpty: an empty list is something, but where it is folded into another. */
static bool is_given(const char *field, const struct node *v)
{
	static const char *const folded[] = { "bases", "imageTags",
					      "helmChartInflationGenerator" };

	if (strcasecmp(field, "apiVersion") == 0 || strcasecmp(field, "kind") == 0 ||
	    node_is_null(v))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(folded); i++) {
		if (strcasecmp(field, folded[i]) == 0)
			return has_items(v);
	}
	return v->kind != NODE_SCALAR || v->len;
}

static bool is_empty(const struct node *n)
{
	for (uint32_t i = 0; n->kind == NODE_MAP && i < n->len; i += 2) {
		if (is_given(ktext(n->kids[i]), n->kids[i + 1]))
			return false;
	}
	return true;
}

static int check_type(struct kspec *s, struct err *err)
{
	bool component = strcmp(s->kind, "Component") == 0;
	const char *version = component ? "kustomize.config.k8s.io/v1alpha1" :
					  "kustomize.config.k8s.io/v1beta1";

	if (!*s->kind)
		s->kind = "Kustomization";
	if (!component && strcmp(s->kind, "Kustomization") != 0)
		return err_set(err, ERR_INVALID, "%s:%u: kind is '%.80s'; write "
			       "Kustomization or Component", s->file,
			       kdecode_line(s->node, "kind"), s->kind);
	if (!*s->api_version)
		s->api_version = version;
	if (strcmp(s->api_version, version) != 0)
		return err_set(err, ERR_INVALID, "%s:%u: apiVersion is '%.80s'; of a %s it "
			       "is %s", s->file, kdecode_line(s->node, "apiVersion"),
			       s->api_version, s->kind, version);
	return 0;
}

int kspec_read(struct kust *k, const char *file, const char *text, size_t len,
	       struct node **ret, struct err *err)
{
	if (kread_first(k, file, text, len, false, ret, err) < 0)
		return -1;
	if (node_is_null(*ret))
		return err_set(err, ERR_INVALID, "%s is empty; write `resources:` into it",
			       file);
	return 0;
}

int kspec_decode_node(struct kust *k, const char *file, struct node *n,
		      struct kspec *ret, struct err *err)
{
	struct written w;

	if (kdecode(k, &kustomization_type, file, n, true, &w, err) < 0)
		return -1;
	if (is_empty(n))
		return err_set(err, ERR_INVALID, "%s is empty; write `resources:` into it",
			       file);
	warn_deprecated(k, file, n);
	fold(k, &w, n);
	for (size_t i = 0; i < w.s.vars.len; i++)
		w.s.vars.data[i].file = file;
	w.s.file = file;
	w.s.node = n;
	w.s.helm = has_items(kdecode_get(n, "helmCharts")) ||
		   has_items(kdecode_get(n, "helmChartInflationGenerator"));
	*ret = w.s;
	return check_type(ret, err);
}

int kspec_decode(struct kust *k, const char *file, const char *text, size_t len,
		 struct kspec *ret, struct err *err)
{
	struct node *n;

	if (kspec_read(k, file, text, len, &n, err) < 0)
		return -1;
	return kspec_decode_node(k, file, n, ret, err);
}
