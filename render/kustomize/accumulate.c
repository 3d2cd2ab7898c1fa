/*
 * accumulate.c - a kustomization with all below it (KustTarget.AccumulateTarget):
 * resources, configuration, generators, components, transformers in their fixed
 * order, validators, vars. A component does the same on its parent's map.
 *
 * Hashes, name references and vars are not resolved here: that is done once, at the
 * root (build.c).
 */
#include "schema.h"
#include "transform.h"

/* One folder under way. */
struct target {
	struct kust *k;
	struct kfolder *folder;
	const struct kspec *spec;
	struct kaccumulator *acc;
	struct korigin origin;	/* of the folder; used with k->origins */
};

static int accumulate(struct target *t, struct err *err);
static int accumulate_paths(struct target *t, const struct kstrings *paths,
			    const char *field, struct err *err);

static const struct node *entry_of(const struct node *list, const char *written)
{
	for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->len; i++)
		if (!strcmp(ktext(list->kids[i]), written))
			return list->kids[i];
	return NULL;
}

/* A message behind the "FILE:LINE: " that it may begin with; such a line is taken. */
static const char *behind_place(const char *msg, const char *file, unsigned *line)
{
	size_t n = strlen(file);
	const char *at = msg + n;
	char *end;

	if (strncmp(msg, file, n) || *at++ != ':')
		return msg;
	if (*at == ' ')
		return at + 1;
	n = strtoul(at, &end, 10);
	if (end == at || end[0] != ':' || end[1] != ' ')
		return msg;
	*line = (unsigned)n;
	return end + 2;
}

/*
 * "FILE:LINE: FIELD: " before it, but nothing twice: a place of the same file that the
 * message begins with is the better one. What is innermost says what is wrong: the outer
 * of many folders are left out where they would push that off a message's end.
 */
static int wrap_place(const char *file, unsigned line, const char *field,
		      struct err *err)
{
	size_t room = sizeof(err->msg) - sizeof(":1234567890: : ");
	const char *rest = behind_place(err->msg, file, &line);
	size_t n = strlen(field);

	if (strncmp(rest, field, n) == 0 && strncmp(rest + n, ": ", 2) == 0)
		rest += n + 2;
	if (strlen(file) + n + strlen(rest) > room)
		return -1;
	memmove(err->msg, rest, strlen(rest) + 1);
	return line ? err_wrap(err, "%s:%u: %s", file, line, field) :
		      err_wrap(err, "%s: %s", file, field);
}

/* With the line of the field. */
static int blame(const struct target *t, const char *field, struct err *err)
{
	return wrap_place(t->spec->file, kdecode_line(t->spec->node, field), field, err);
}

/* With the line of an entry, and the field that it stands in. */
static int blame_entry(const struct target *t, const char *field, const char *written,
		       struct err *err)
{
	const struct node *n = entry_of(kdecode_get(t->spec->node, field), written);

	if (!n && !strcmp(field, "resources")) {
		n = entry_of(kdecode_get(t->spec->node, "bases"), written);
		field = n ? "bases" : field;
	}
	if (!n || !n->line)
		return blame(t, field, err);
	return wrap_place(t->spec->file, n->line, field, err);
}

/* --- resources ----------------------------------------------------------------- */

static int accumulate_file(struct target *t, const char *written, struct err *err)
{
	struct kmap *loaded = kmap_new(t->k);
	struct korigin origin;
	const char *text, *path;
	size_t len;

	if (kload_file(t->k, t->folder, written, &text, &len, &path, err) < 0 ||
	    kload_resources(t->k, path, text, len, loaded, err) < 0)
		return -1;
	if (t->k->origins) {
		origin = korigin_below(t->k, &t->origin, written);
		if (korigin_set(t->k, loaded, &origin, err) < 0)
			return -1;
	}
	return kmap_append_all(t->acc->map, loaded, err);
}

static int use_openapi(struct kust *k, const struct kfolder *folder,
		       const struct kspec *spec, bool root, struct err *err)
{
	const char *version = NULL, *written = NULL, *text = NULL, *path;
	size_t len = 0;

	for (size_t i = 0; i < spec->openapi.len; i++) {
		const struct kpair *p = &spec->openapi.data[i];

		if (!strcmp(p->key, "version"))
			version = p->value;
		else if (!strcmp(p->key, "path"))
			written = p->value;
	}
	if (written && kload_file(k, folder, written, &text, &len, &path, err) < 0)
		return wrap_place(spec->file, kdecode_line(spec->node, "openapi"),
				  "openapi.path", err);
	if (kschema_set(k, version, text, len, root, err) < 0)
		return wrap_place(spec->file, kdecode_line(spec->node, "openapi"),
				  "openapi", err);
	return 0;
}

static int check_kind(const struct kspec *spec, bool component, struct err *err)
{
	bool is = !strcmp(spec->kind, "Component");

	if (is == component)
		return 0;
	return err_set(err, ERR_INVALID, is ?
		       "%s: kind: a Component is named in `components`, not in `resources`" :
		       "%s: kind: `components` wants kind Component, this is a %s",
		       spec->file, spec->kind);
}

static int merge_child(struct target *t, struct kaccumulator *child, struct err *err)
{
	if (kmap_append_all(t->acc->map, child->map, err) < 0 ||
	    kconfig_merge(t->k, &t->acc->config, &child->config, err) < 0)
		return -1;
	return kust_vars_absorb(t->k, &t->acc->vars, &child->vars, err);
}

/* Ids that a component made equal are an error, as when its map were merged anew. */
static int renew_map(struct target *t, struct err *err)
{
	struct kmap *old = t->acc->map;

	t->acc->map = kmap_new(t->k);
	return kmap_append_all(t->acc->map, old, err);
}

static int enter_folder(struct target *t, struct target *sub, struct kspec *spec,
			const char *written, bool component, struct err *err)
{
	sub->folder = kload_folder(t->k, t->folder, written, err);
	if (!sub->folder || kload_spec(t->k, sub->folder, spec, err) < 0 ||
	    use_openapi(t->k, sub->folder, spec, false, err) < 0 ||
	    check_kind(spec, component, err) < 0)
		return -1;
	if (t->k->origins)
		sub->origin = korigin_below(t->k, &t->origin, written);
	return accumulate(sub, err);
}

static int accumulate_folder(struct target *t, const char *written, bool component,
			     struct err *err)
{
	struct kaccumulator own = { .map = component ? NULL : kmap_new(t->k) };
	struct kspec spec = { 0 };
	struct target sub = { .k = t->k, .spec = &spec, .acc = component ? t->acc : &own };

	if (enter_folder(t, &sub, &spec, written, component, err) < 0)
		return -1;
	return component ? renew_map(t, err) : merge_child(t, &own, err);
}

static int accumulate_paths(struct target *t, const struct kstrings *paths,
			    const char *field, struct err *err)
{
	for (size_t i = 0; i < paths->len; i++) {
		const char *written = paths->data[i];
		bool folder = kload_look(t->k, t->folder, written) == KLOAD_FOLDER;

		if ((folder ? accumulate_folder(t, written, false, err) :
			      accumulate_file(t, written, err)) < 0)
			return blame_entry(t, field, written, err);
	}
	return 0;
}

static int accumulate_components(struct target *t, struct err *err)
{
	for (size_t i = 0; i < t->spec->components.len; i++) {
		const char *written = t->spec->components.data[i];

		if (accumulate_folder(t, written, true, err) < 0)
			return blame_entry(t, "components", written, err);
	}
	return 0;
}

/* --- configuration ---------------------------------------------------------------- */

static int configure(struct target *t, struct err *err)
{
	struct kconfig config = { 0 }, crds = { 0 };

	if (kconfig_load(t->k, t->folder, &t->spec->configurations, &config, err) < 0 ||
	    kconfig_merge(t->k, &t->acc->config, &config, err) < 0)
		return blame(t, "configurations", err);
	if (kconfig_from_crds(t->k, t->folder, &t->spec->crds, &crds, err) < 0 ||
	    kconfig_merge(t->k, &t->acc->config, &crds, err) < 0)
		return blame(t, "crds", err);
	return 0;
}

/* --- plugins given as files --------------------------------------------------------- */

/* A text that is YAML with resources is that; any other is a path. */
static bool is_inline(struct target *t, const char *text, struct kmap **ret)
{
	*ret = kmap_new(t->k);
	return kload_resources(t->k, t->spec->file, text, strlen(text), *ret, NULL) == 0;
}

/* The plugins' configurations: those in place first, then those of paths. */
static int load_plugins(struct target *t, const struct kstrings *list,
			const char *field, struct kmap **ret, struct err *err)
{
	struct kaccumulator acc = { .map = kmap_new(t->k) };
	struct target sub = *t;
	struct kstrings paths = { 0 };
	struct korigin origin = korigin_below(t->k, &t->origin, t->spec->file ?
		strrchr(t->spec->file, '/') ? strrchr(t->spec->file, '/') + 1 :
		t->spec->file : "");
	int r = 0;

	sub.acc = &acc;
	for (size_t i = 0; i < list->len && r == 0; i++) {
		struct kmap *m;

		if (!is_inline(t, list->data[i], &m)) {
			vec_push(&paths, list->data[i]);
			continue;
		}
		if (t->k->origins)
			r = korigin_set(t->k, m, &origin, err);
		if (r == 0)
			r = kmap_append_all(acc.map, m, err);
	}
	if (r == 0)
		r = accumulate_paths(&sub, &paths, field, err);
	vec_deinit(&paths);
	*ret = acc.map;
	return r;
}

/* --- generators -------------------------------------------------------------------- */

static struct korigin builtin_origin(const struct target *t, const char *kind)
{
	const char *slash = strrchr(t->spec->file, '/');
	struct korigin o = korigin_below(t->k, &t->origin,
					 slash ? slash + 1 : t->spec->file);

	o.configured_in = o.path;
	o.path = NULL;
	o.api_version = "builtin";
	o.kind = kind;
	return o;
}

static int absorb(struct target *t, struct kmap *made, const struct korigin *o,
		  struct err *err)
{
	if (t->k->origins && o && korigin_add(t->k, made, o, err) < 0)
		return -1;
	return kmap_absorb_all(t->acc->map, made, err);
}

typedef int (*generate_fn)(struct kust *k, const struct kfolder *folder,
			   const struct kgenerator *g, struct kres **ret,
			   struct err *err);

static int generate_one(struct target *t, const struct kgenerator *from,
			generate_fn fn, const char *kind, struct err *err)
{
	struct korigin origin = builtin_origin(t, kind);
	struct kgenerator g = *from;
	struct kmap *made = kmap_new(t->k);
	struct kres *r;

	g.options = kgen_options_merge(t->k, g.options, t->spec->generator_options);
	if (fn(t->k, t->folder, &g, &r, err) < 0)
		return -1;
	r->file = t->spec->file;
	r->line = from->line;
	if (kmap_append(made, r, err) < 0)
		return -1;
	return absorb(t, made, &origin, err);
}

static int generate_list(struct target *t, const struct kgenerator *list, size_t n,
			 generate_fn fn, const char *kind, const char *field,
			 struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (generate_one(t, &list[i], fn, kind, err) < 0)
			return wrap_place(t->spec->file, list[i].line, field, err);
	}
	return 0;
}

static int generate_plugins(struct target *t, struct err *err)
{
	struct kmap *plugins;

	if (!t->spec->generators.len)
		return 0;
	if (load_plugins(t, &t->spec->generators, "generators", &plugins, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(plugins); i++) {
		const struct kres *plugin = kmap_at(plugins, i);
		struct kmap *made = kmap_new(t->k);
		struct korigin o;
		bool known = korigin_of_plugin(t->k, plugin, &o);

		if (kust_plugin_generate(t->k, t->folder, plugin, made, err) < 0 ||
		    absorb(t, made, known ? &o : NULL, err) < 0)
			return blame(t, "generators", err);
	}
	return 0;
}

static int generate(struct target *t, struct err *err)
{
	const struct kspec *s = t->spec;

	if (generate_list(t, s->config_maps.data, s->config_maps.len, kust_config_map,
			  "ConfigMapGenerator", "configMapGenerator", err) < 0 ||
	    generate_list(t, s->secrets.data, s->secrets.len, kust_secret,
			  "SecretGenerator", "secretGenerator", err) < 0)
		return -1;
	return generate_plugins(t, err);
}

/* --- transformers, in the reference's order ------------------------------------------ */

/* What follows each transformer: its mark where asked for, and empty ones dropped. */
static int done(struct target *t, const char *kind, struct err *err)
{
	if (t->k->origins) {
		struct korigin o = builtin_origin(t, kind);

		if (korigin_add_transformer(t->k, t->acc->map, &o, err) < 0)
			return -1;
	}
	kmap_drop_empties(t->acc->map);
	return 0;
}

/* patchesStrategicMerge, patches */
static int patches(struct target *t, struct err *err)
{
	const struct kspec *s = t->spec;

	if (s->patches_strategic_merge.len &&
	    (kust_patches_strategic_merge(t->k, t->folder, t->acc->map,
					  &s->patches_strategic_merge, err) < 0 ||
	     done(t, "PatchStrategicMergeTransformer", err) < 0))
		return blame(t, "patchesStrategicMerge", err);
	for (size_t i = 0; i < s->patches.len; i++) {
		if (kust_patch(t->k, t->folder, t->acc->map, &s->patches.data[i],
			       err) < 0 || done(t, "PatchTransformer", err) < 0)
			return wrap_place(s->file, s->patches.data[i].line, "patches",
					  err);
	}
	return 0;
}

/* namespace, namePrefix, nameSuffix */
static int names(struct target *t, struct err *err)
{
	const struct kspec *s = t->spec;
	const struct kconfig *c = &t->acc->config;
	struct knamespace_args ns = { .ns = s->ns, .specs = &c->namespace };

	if (*s->ns && (kust_namespace(t->k, t->acc->map, &ns, err) < 0 ||
		       done(t, "NamespaceTransformer", err) < 0))
		return blame(t, "namespace", err);
	if (*s->name_prefix && (kust_prefix(t->k, t->acc->map, s->name_prefix,
					    &c->name_prefix, err) < 0 ||
				done(t, "PrefixTransformer", err) < 0))
		return blame(t, "namePrefix", err);
	if (*s->name_suffix && (kust_suffix(t->k, t->acc->map, s->name_suffix,
					    &c->name_suffix, err) < 0 ||
				done(t, "SuffixTransformer", err) < 0))
		return blame(t, "nameSuffix", err);
	return 0;
}

/* labels, commonLabels, commonAnnotations */
static int labels(struct target *t, struct err *err)
{
	const struct kspec *s = t->spec;
	const struct kconfig *c = &t->acc->config;

	for (size_t i = 0; i < s->labels.len; i++) {
		if (kust_label_entry(t->k, t->acc->map, &s->labels.data[i], c, err) < 0 ||
		    done(t, "LabelTransformer", err) < 0)
			return blame(t, "labels", err);
	}
	if ((s->labels.len || s->common_labels.len) &&
	    (kust_labels(t->k, t->acc->map, &s->common_labels, &c->common_labels,
			 err) < 0 || done(t, "LabelTransformer", err) < 0))
		return blame(t, "commonLabels", err);
	if (s->common_annotations.len &&
	    (kust_annotations(t->k, t->acc->map, &s->common_annotations,
			      &c->common_annotations, err) < 0 ||
	     done(t, "AnnotationsTransformer", err) < 0))
		return blame(t, "commonAnnotations", err);
	return 0;
}

/* patchesJson6902 (not with the other patches), replicas, images, replacements */
static int values(struct target *t, struct err *err)
{
	const struct kspec *s = t->spec;
	const struct kconfig *c = &t->acc->config;

	for (size_t i = 0; i < s->patches_json6902.len; i++) {
		if (kust_patch_json6902(t->k, t->folder, t->acc->map,
					&s->patches_json6902.data[i], err) < 0 ||
		    done(t, "PatchJson6902Transformer", err) < 0)
			return wrap_place(s->file, s->patches_json6902.data[i].line,
					  "patchesJson6902", err);
	}
	for (size_t i = 0; i < s->replicas.len; i++) {
		if (kust_replicas(t->k, t->acc->map, &s->replicas.data[i], &c->replicas,
				  err) < 0 || done(t, "ReplicaCountTransformer", err) < 0)
			return blame(t, "replicas", err);
	}
	for (size_t i = 0; i < s->images.len; i++) {
		if (kust_image(t->k, t->acc->map, &s->images.data[i], &c->images,
			       err) < 0 || done(t, "ImageTagTransformer", err) < 0)
			return blame(t, "images", err);
	}
	if (s->replacements.len &&
	    (kust_replacements(t->k, t->folder, t->acc->map, s->replacements.data,
			       s->replacements.len, err) < 0 ||
	     done(t, "ReplacementTransformer", err) < 0))
		return blame(t, "replacements", err);
	return 0;
}

static int transform_plugins(struct target *t, struct err *err)
{
	struct kmap *plugins;

	if (!t->spec->transformers.len)
		return 0;
	if (load_plugins(t, &t->spec->transformers, "transformers", &plugins, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(plugins); i++) {
		const struct kres *plugin = kmap_at(plugins, i);
		struct korigin o;

		if (kust_plugin_transform(t->k, t->folder, plugin, t->acc->map,
					  err) < 0 ||
		    (korigin_of_plugin(t->k, plugin, &o) &&
		     korigin_add_transformer(t->k, t->acc->map, &o, err) < 0))
			return blame(t, "transformers", err);
		kmap_drop_empties(t->acc->map);
	}
	return 0;
}

/* --- validators ------------------------------------------------------------------------ */

#define VALIDATED_BY "validated-by"

static bool same_tree(const struct node *a, const struct node *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->len != b->len)
		return false;
	if (a->kind == NODE_SCALAR)
		return memcmp(a->text, b->text, a->len) == 0;
	for (uint32_t i = 0; i < a->len; i++)
		if (!same_tree(a->kids[i], b->kids[i]))
			return false;
	return true;
}

/* But for the label that a validator may leave. */
static bool is_unchanged(struct kust *k, const struct kres *before, const struct kres *r)
{
	struct node *now = node_copy(&k->arena, r->root);
	struct node *meta = kget(now, "metadata");

	if (kremove(kget(meta, "labels"), VALIDATED_BY) && !kget(meta, "labels")->len)
		kremove(meta, "labels");
	return same_tree(before->root, now);
}

static int validate_with(struct target *t, const struct kres *plugin, struct err *err)
{
	struct kmap *m = t->acc->map;
	size_t n = kmap_len(m);
	struct kres **before = arena_alloc(&t->k->arena, (n + 1) * sizeof(struct kres *));

	for (size_t i = 0; i < n; i++)
		before[i] = kres_copy(t->k, kmap_at(m, i));
	if (kust_plugin_transform(t->k, t->folder, plugin, m, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (kmap_len(m) == n && is_unchanged(t->k, before[i], kmap_at(m, i)))
			continue;
		err_set(err, ERR_INVALID, "a validator may not change anything, but %s %s "
			"did", plugin->id.gvk.kind, plugin->id.name);
		return kres_blame(before[i], err);
	}
	return 0;
}

static int validate(struct target *t, struct err *err)
{
	struct kmap *plugins;

	if (!t->spec->validators.len)
		return 0;
	if (load_plugins(t, &t->spec->validators, "validators", &plugins, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(plugins); i++) {
		if (validate_with(t, kmap_at(plugins, i), err) < 0)
			return blame(t, "validators", err);
	}
	return 0;
}

/* --- all of it ---------------------------------------------------------------------------- */

static int accumulate(struct target *t, struct err *err)
{
	if (accumulate_paths(t, &t->spec->resources, "resources", err) < 0 ||
	    configure(t, err) < 0 || generate(t, err) < 0 ||
	    accumulate_components(t, err) < 0 || patches(t, err) < 0 ||
	    names(t, err) < 0 || labels(t, err) < 0 || values(t, err) < 0 ||
	    transform_plugins(t, err) < 0 || validate(t, err) < 0)
		return -1;
	if (kust_vars_merge(t->k, t->acc->map, &t->acc->vars, t->spec->vars.data,
			    t->spec->vars.len, err) < 0)
		return blame(t, "vars", err);
	return 0;
}

int kust_accumulate(struct kust *k, struct kfolder *folder, const struct kspec *spec,
		    struct kaccumulator *ret, struct err *err)
{
	struct target t = { .k = k, .folder = folder, .spec = spec, .acc = ret };

	*ret = (struct kaccumulator){ .map = kmap_new(k) };
	k->origins = spec->build_metadata.len > 0;
	if (use_openapi(k, folder, spec, true, err) < 0)
		return -1;
	return accumulate(&t, err);
}
