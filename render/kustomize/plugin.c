/*
 * plugin.c - transformers and generators given as objects (`transformers`,
 * `generators`, `validators`): api/internal/plugins/loader, api/internal/builtins.
 *
 * A builtin one is decoded into the arguments that the kustomization's own fields
 * decode into, and runs the same code. Unlike there, unknown fields are let be, and no
 * field spec is there by default. Anything else would be a program to run: see scan.c.
 */
#include <ctype.h>

#include "config.h"
#include "plugin.h"
#include "table.h"
#include "valueadd.h"

struct plugin {
	struct kust *k;
	const struct kfolder *folder;
	const struct kres *config;
	struct node *n;		/* config's tree, canonical */
	struct kmap *m;		/* to transform, or to generate into */
};

struct meta { const char *name, *ns; };
static const struct kfield meta_fields[] = {
	TEXT(meta, "name", name),
	TEXT(meta, "namespace", ns),
	END,
};
static const struct ktype meta_type = { "metadata", sizeof(struct meta), meta_fields, 0 };

static int decode(const struct plugin *p, const struct ktype *t, void *ret,
		  struct err *err)
{
	return kdecode(p->k, t, p->config->file, p->n, false, ret, err);
}

#define SPECS(type) LIST(type, "fieldSpecs", specs, &kfieldspec_type)

/* --- transformers ------------------------------------------------------------------- */

struct entries {
	struct kpairs pairs;
	struct kfieldspecs specs;
};
static const struct kfield annotation_fields[] = {
	PAIRS(entries, "annotations", pairs), SPECS(entries), END,
};
static const struct ktype annotation_type = { "an AnnotationsTransformer",
					      sizeof(struct entries), annotation_fields, 0 };
static const struct kfield label_fields[] = {
	PAIRS(entries, "labels", pairs), SPECS(entries), END,
};
static const struct ktype label_type = { "a LabelTransformer", sizeof(struct entries),
					 label_fields, 0 };

static int run_annotations(const struct plugin *p, struct err *err)
{
	struct entries e;

	if (decode(p, &annotation_type, &e, err) < 0)
		return -1;
	return kust_annotations(p->k, p->m, &e.pairs, &e.specs, err);
}

static int run_labels(const struct plugin *p, struct err *err)
{
	struct entries e;

	if (decode(p, &label_type, &e, err) < 0)
		return -1;
	return kust_labels(p->k, p->m, &e.pairs, &e.specs, err);
}

static int run_hash(const struct plugin *p, struct err *err)
{
	return kust_hash_names(p->k, p->m, err);
}

struct image_tag {
	struct kimage image;
	struct kfieldspecs specs;
};
static const struct kfield image_tag_fields[] = {
	STRUCT(image_tag, "imageTag", image, &kimage_type), SPECS(image_tag), END,
};
static const struct ktype image_tag_type = { "an ImageTagTransformer",
					     sizeof(struct image_tag), image_tag_fields, 0 };

static int run_image(const struct plugin *p, struct err *err)
{
	struct image_tag t;

	if (decode(p, &image_tag_type, &t, err) < 0)
		return -1;
	return kust_image(p->k, p->m, &t.image, &t.specs, err);
}

struct namespace {
	struct meta meta;
	struct kfieldspecs specs;
	bool unset_only;
	const char *subjects;
};
static const struct kfield namespace_fields[] = {
	STRUCT(namespace, "metadata", meta, &meta_type),
	SPECS(namespace),
	BOOL(namespace, "unsetOnly", unset_only),
	TEXT(namespace, "setRoleBindingSubjects", subjects),
	END,
};
static const struct ktype namespace_type = { "a NamespaceTransformer",
					     sizeof(struct namespace), namespace_fields, 0 };

static int parse_subjects(const char *text, enum ksubjects *ret, struct err *err)
{
	static const char *const names[] = {
		[KSUBJECTS_DEFAULT_ONLY] = "defaultOnly",
		[KSUBJECTS_ALL_SERVICE_ACCOUNTS] = "allServiceAccounts",
		[KSUBJECTS_NONE] = "none",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum ksubjects)i;
			return 0;
		}
	}
	*ret = KSUBJECTS_DEFAULT_ONLY;
	return !*text ? 0 : err_set(err, ERR_INVALID, "setRoleBindingSubjects is '%.80s'; "
				    "write defaultOnly, allServiceAccounts or none", text);
}

static int run_namespace(const struct plugin *p, struct err *err)
{
	struct knamespace_args args;
	struct namespace ns;

	if (decode(p, &namespace_type, &ns, err) < 0)
		return -1;
	args = (struct knamespace_args){ .ns = ns.meta.ns, .specs = &ns.specs,
					 .unset_only = ns.unset_only };
	if (parse_subjects(ns.subjects, &args.subjects, err) < 0)
		return kres_blame(p->config, err);
	return kust_namespace(p->k, p->m, &args, err);
}

static int run_patch(const struct plugin *p, struct err *err)
{
	struct kpatch patch;

	if (decode(p, &kpatch_type, &patch, err) < 0)
		return -1;
	return kust_patch(p->k, p->folder, p->m, &patch, err);
}

static const struct kfield json_patch_fields[] = {
	POINTER(kpatch, "target", target, &kselector_type),
	TEXT(kpatch, "path", path),
	TEXT(kpatch, "jsonOp", patch),
	END,
};
static const struct ktype json_patch_type = { "a PatchJson6902Transformer",
					      sizeof(struct kpatch), json_patch_fields,
					      AT(kpatch, line) };

static int run_json_patch(const struct plugin *p, struct err *err)
{
	struct kpatch patch;

	if (decode(p, &json_patch_type, &patch, err) < 0)
		return -1;
	return kust_patch_json6902(p->k, p->folder, p->m, &patch, err);
}

struct merge_patches {
	struct kstrings paths;
	const char *patches;
};
static const struct kfield merge_patches_fields[] = {
	TEXTS(merge_patches, "paths", paths),
	TEXT(merge_patches, "patches", patches),
	END,
};
static const struct ktype merge_patches_type = { "a PatchStrategicMergeTransformer",
						 sizeof(struct merge_patches),
						 merge_patches_fields, 0 };

/* `patches` is a text of patches, never a path, so it must read as one. */
static int check_patches(const struct plugin *p, const struct merge_patches *s,
			 struct err *err)
{
	_cleanup_kres_list_ struct kres_list list = { 0 };

	if (!s->paths.len && !*s->patches)
		return err_set(err, ERR_INVALID, "give 'paths' or 'patches'");
	return kload_patches(p->k, "patches", s->patches, strlen(s->patches), &list, err);
}

static int run_merge_patches(const struct plugin *p, struct err *err)
{
	struct merge_patches s;
	const char **all;

	if (decode(p, &merge_patches_type, &s, err) < 0)
		return -1;
	if (check_patches(p, &s, err) < 0)
		return kres_blame(p->config, err);
	all = arena_alloc(&p->k->arena, (s.paths.len + 1) * sizeof(*all));
	if (s.paths.len)
		memcpy(all, s.paths.data, s.paths.len * sizeof(*all));
	all[s.paths.len] = s.patches;
	s.paths.data = all;
	s.paths.len += *s.patches != '\0';
	return kust_patches_strategic_merge(p->k, p->folder, p->m, &s.paths, err);
}

struct affixes {
	const char *prefix, *suffix;
	struct kfieldspecs specs;
};
static const struct kfield affix_fields[] = {
	TEXT(affixes, "prefix", prefix), TEXT(affixes, "suffix", suffix), SPECS(affixes), END,
};
static const struct ktype affix_type = { "a PrefixTransformer or SuffixTransformer",
					 sizeof(struct affixes), affix_fields, 0 };

static int decode_affixes(const struct plugin *p, struct affixes *ret, struct err *err)
{
	if (decode(p, &affix_type, ret, err) < 0)
		return -1;
	if (ret->specs.data)	/* an empty list is one */
		return 0;
	err_set(err, ERR_INVALID, "give 'fieldSpecs', for example [{path: metadata/name}]");
	return kres_blame(p->config, err);
}

static int run_prefix(const struct plugin *p, struct err *err)
{
	struct affixes a;

	if (decode_affixes(p, &a, err) < 0)
		return -1;
	return kust_prefix(p->k, p->m, a.prefix, &a.specs, err);
}

static int run_suffix(const struct plugin *p, struct err *err)
{
	struct affixes a;

	if (decode_affixes(p, &a, err) < 0)
		return -1;
	return kust_suffix(p->k, p->m, a.suffix, &a.specs, err);
}

static int run_affixes(const struct plugin *p, struct err *err)
{
	return run_prefix(p, err) < 0 ? -1 : run_suffix(p, err);
}

struct replicas {
	struct kreplica replica;
	struct kfieldspecs specs;
};
static const struct kfield replica_fields[] = {
	STRUCT(replicas, "replica", replica, &kreplica_type), SPECS(replicas), END,
};
static const struct ktype replica_type = { "a ReplicaCountTransformer",
					   sizeof(struct replicas), replica_fields, 0 };

static int run_replicas(const struct plugin *p, struct err *err)
{
	struct replicas r;

	if (decode(p, &replica_type, &r, err) < 0)
		return -1;
	return kust_replicas(p->k, p->m, &r.replica, &r.specs, err);
}

struct replacements { KLIST(struct kreplacement) list; };
static const struct kfield replacement_fields[] = {
	LIST(replacements, "replacements", list, &kreplacement_type), END,
};
static const struct ktype replacement_type = { "a ReplacementTransformer",
					       sizeof(struct replacements),
					       replacement_fields, 0 };

static int run_replacements(const struct plugin *p, struct err *err)
{
	struct replacements r;

	if (decode(p, &replacement_type, &r, err) < 0)
		return -1;
	return kust_replacements(p->k, p->folder, p->m, r.list.data, r.list.len, err);
}

/* --- ValueAddTransformer --------------------------------------------------------------- */

struct value_add {
	const char *value, *file;
	KLIST(struct kvalue_target) targets;
};
static const struct kfield value_target_fields[] = {
	POINTER(kvalue_target, "selector", selector, &kselector_type),
	TEXT(kvalue_target, "fieldPath", path),
	INT(kvalue_target, "filePathPosition", position),
	END,
};
static const struct ktype value_target_type = { "a target", sizeof(struct kvalue_target),
						value_target_fields, 0 };
static const struct kfield value_add_fields[] = {
	TEXT(value_add, "value", value),
	LIST(value_add, "targets", targets, &value_target_type),
	TEXT(value_add, "targetFilePath", file),
	END,
};
static const struct ktype value_add_type = { "a ValueAddTransformer",
					     sizeof(struct value_add), value_add_fields, 0 };

/* The value without spaces around it; by default the folder's name. */
static const char *value_of(const struct plugin *p, const struct value_add *v)
{
	const char *s = v->value + strspn(v->value, " \t\n\v\f\r");
	const char *slash = strrchr(p->folder->path, '/');
	size_t len = strlen(s);

	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	if (len)
		return arena_strndup(&p->k->arena, s, len);
	return slash ? slash + 1 : p->folder->path;
}

static int run_targets(const struct plugin *p, const struct value_add *v,
		       const char *value, struct err *err)
{
	for (size_t i = 0; i < v->targets.len; i++) {
		const struct kvalue_target *t = v->targets.data + i;

		if (!*t->path)
			return err_set(err, ERR_INVALID, "targets[%zu]: give 'fieldPath'", i);
		if (t->position < 0)
			return err_set(err, ERR_INVALID, "targets[%zu]: filePathPosition is "
				       "negative", i);
	}
	for (size_t i = 0; i < v->targets.len; i++) {
		if (kvalue_add(p->k, p->m, value, v->targets.data + i, err) < 0)
			return -1;
	}
	return 0;
}

/* A file of more targets: {targets: [...]}. */
static int load_targets(const struct plugin *p, const char *path, struct value_add *ret,
			struct err *err)
{
	const char *text, *file;
	struct node *n;
	size_t len;

	if (kload_file(p->k, p->folder, path, &text, &len, &file, err) < 0 ||
	    kread_first(p->k, file, text, len, false, &n, err) < 0)
		return -1;
	return kdecode(p->k, &value_add_type, file, n, false, ret, err);
}

static int run_value_add(const struct plugin *p, struct err *err)
{
	struct value_add v, more = { .targets = { 0 } };
	const char *value;

	if (decode(p, &value_add_type, &v, err) < 0)
		return -1;
	if (*v.file && load_targets(p, v.file, &more, err) < 0)
		return kres_blame(p->config, err);
	value = value_of(p, &v);
	if (!*value)
		err_set(err, ERR_INVALID, "give 'value': this folder has no name");
	else if (!v.targets.len && !more.targets.len)
		err_set(err, ERR_INVALID, "give at least one of 'targets'");
	else if (run_targets(p, &v, value, err) == 0 &&
		 run_targets(p, &more, value, err) == 0)
		return 0;
	return kres_blame(p->config, err);
}

/* --- generators ---------------------------------------------------------------------- */

/* The name and namespace of the object count where its fields say none. */
static int make_config(const struct plugin *p, const struct ktype *t,
		       int (*make)(struct kust *k, const struct kfolder *folder,
				   const struct kgenerator *g, struct kres **ret,
				   struct err *err),
		       struct err *err)
{
	struct kgenerator g;
	struct meta meta = { "", "" };
	const struct node *n = kdecode_get(p->n, "metadata");
	struct kres *r;

	if (decode(p, t, &g, err) < 0 ||
	    (n && kdecode(p->k, &meta_type, p->config->file, n, false, &meta, err) < 0))
		return -1;
	g.name = *g.name ? g.name : meta.name;
	g.ns = *g.ns ? g.ns : meta.ns;
	if (make(p->k, p->folder, &g, &r, err) < 0)
		return -1;
	return kmap_append(p->m, r, err);
}

static int make_config_map(const struct plugin *p, struct err *err)
{
	return make_config(p, &kconfig_map_type, kust_config_map, err);
}

static int make_secret(const struct plugin *p, struct err *err)
{
	return make_config(p, &kgenerator_type, kust_secret, err);
}

struct iam_account { const char *name, *ns, *project; };
struct iam {
	const char *cloud;
	struct iam_account kubernetes, cloud_account;
};
static const struct kfield iam_account_fields[] = {
	TEXT(iam_account, "name", name),
	TEXT(iam_account, "namespace", ns),
	TEXT(iam_account, "projectId", project),
	END,
};
static const struct ktype iam_account_type = { "an account", sizeof(struct iam_account),
					       iam_account_fields, 0 };
static const struct kfield iam_fields[] = {
	TEXT(iam, "cloud", cloud),
	STRUCT(iam, "kubernetesService", kubernetes, &iam_account_type),
	STRUCT(iam, "serviceAccount", cloud_account, &iam_account_type),
	END,
};
static const struct ktype iam_type = { "an IAMPolicyGenerator", sizeof(struct iam),
				       iam_fields, 0 };

/* A ServiceAccount for Google's cloud, written as text and read: as in the reference. */
static int make_iam_policy(const struct plugin *p, struct err *err)
{
	struct node *n;
	struct iam i;
	char *text;

	if (decode(p, &iam_type, &i, err) < 0)
		return -1;
	if (strcmp(i.cloud, "gke") != 0) {
		err_set(err, ERR_INVALID, "cloud '%.80s' is not known; only gke is", i.cloud);
		return kres_blame(p->config, err);
	}
	text = arena_printf(&p->k->arena,
			    "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n"
			    "  annotations:\n    iam.gke.io/gcp-service-account: "
			    "%s@%s.iam.gserviceaccount.com\n  name: %s\n%s%s",
			    i.cloud_account.name, i.cloud_account.project,
			    i.kubernetes.name, *i.kubernetes.ns ? "  namespace: " : "",
			    i.kubernetes.ns);
	if (kread_first(p->k, "the ServiceAccount", text, strlen(text), true, &n, err) < 0)
		return kres_blame(p->config, err);
	return kmap_append(p->m, kres_new(p->k, n, NULL), err);
}

/* --- which is which --------------------------------------------------------------------- */

static const struct {
	const char *kind;
	int (*transform)(const struct plugin *p, struct err *err);
	int (*generate)(const struct plugin *p, struct err *err);
} builtins[] = {
	{ "AnnotationsTransformer", run_annotations, NULL },
	{ "ConfigMapGenerator", NULL, make_config_map },
	{ "HashTransformer", run_hash, NULL },
	{ "IAMPolicyGenerator", NULL, make_iam_policy },
	{ "ImageTagTransformer", run_image, NULL },
	{ "LabelTransformer", run_labels, NULL },
	{ "NamespaceTransformer", run_namespace, NULL },
	{ "PatchJson6902Transformer", run_json_patch, NULL },
	{ "PatchStrategicMergeTransformer", run_merge_patches, NULL },
	{ "PatchTransformer", run_patch, NULL },
	{ "PrefixSuffixTransformer", run_affixes, NULL },
	{ "PrefixTransformer", run_prefix, NULL },
	{ "ReplacementTransformer", run_replacements, NULL },
	{ "ReplicaCountTransformer", run_replicas, NULL },
	{ "SecretGenerator", NULL, make_secret },
	{ "SuffixTransformer", run_suffix, NULL },
	{ "ValueAddTransformer", run_value_add, NULL },
};

static int refuse(const struct kres *config, const char *what, struct err *err)
{
	err_set(err, ERR_INVALID, "is %s", what);
	return kres_blame(config, err);
}

static int run(struct plugin *p, bool generate, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++) {
		if (strcmp(p->config->id.gvk.kind, builtins[i].kind) != 0)
			continue;
		if (generate && builtins[i].generate)
			return builtins[i].generate(p, err);
		if (!generate && builtins[i].transform)
			return builtins[i].transform(p, err);
		return refuse(p->config, generate ? "no generator; list it in 'transformers'" :
			      "no transformer; list it in 'generators'", err);
	}
	return refuse(p->config, "no builtin plugin; see its kind", err);
}

/* Helm's would run a program, too. */
bool kplugin_is_builtin(const struct kgvk *gvk)
{
	return !*gvk->group && strcmp(gvk->version, "builtin") == 0 &&
	       strcmp(gvk->kind, "HelmChartInflationGenerator") != 0;
}

static int open_plugin(struct plugin *p, bool generate, struct err *err)
{
	if (!kplugin_is_builtin(&p->config->id.gvk))
		return refuse(p->config, "a plugin that is a program of its own; list it as "
			      "it is, for the kustomize program", err);
	if (node_canonical(&p->k->arena, p->config->root, &p->n, err) < 0)
		return kres_blame(p->config, err);
	return run(p, generate, err);
}

int kust_plugin_transform(struct kust *k, const struct kfolder *folder,
			  const struct kres *config, struct kmap *m, struct err *err)
{
	struct plugin p = { k, folder, config, NULL, m };

	return open_plugin(&p, false, err);
}

int kust_plugin_generate(struct kust *k, const struct kfolder *folder,
			 const struct kres *config, struct kmap *ret, struct err *err)
{
	struct plugin p = { k, folder, config, NULL, ret };

	return open_plugin(&p, true, err);
}
