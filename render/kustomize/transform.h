/*
 * transform.h - every transformer and generator, one function each, one file each.
 *
 * All work on a map in place, refresh the ids they change (kres_refresh,
 * kmap_reindex), answer 0 or -1, and name object, field and reason in err.
 */
#ifndef KUST_TRANSFORM_H
#define KUST_TRANSFORM_H

#include "spec.h"

/* namespace.c (filters/namespace) */
enum ksubjects { KSUBJECTS_DEFAULT_ONLY, KSUBJECTS_ALL_SERVICE_ACCOUNTS, KSUBJECTS_NONE };
struct knamespace_args {
	const char *ns;
	const struct kfieldspecs *specs;
	bool unset_only;
	enum ksubjects subjects;
};
int kust_namespace(struct kust *k, struct kmap *m, const struct knamespace_args *args,
		   struct err *err) __attribute__((warn_unused_result));

/* affix.c (filters/prefix, filters/suffix) */
int kust_prefix(struct kust *k, struct kmap *m, const char *prefix,
		const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));
int kust_suffix(struct kust *k, struct kmap *m, const char *suffix,
		const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));

/* labels.c: labels, and annotations, which differ in the field specs only */
int kust_labels(struct kust *k, struct kmap *m, const struct kpairs *pairs,
		const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));
int kust_annotations(struct kust *k, struct kmap *m, const struct kpairs *pairs,
		     const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));
/* One entry of `labels`: its specs as configureBuiltinTransformers merges them. */
int kust_label_entry(struct kust *k, struct kmap *m, const struct klabel *l,
		     const struct kconfig *c, struct err *err)
	__attribute__((warn_unused_result));

/* images.c (filters/imagetag) */
int kust_image(struct kust *k, struct kmap *m, const struct kimage *image,
	       const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));

/* replicas.c (filters/replicacount) */
int kust_replicas(struct kust *k, struct kmap *m, const struct kreplica *r,
		  const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));

/* patch.c: PatchTransformer, PatchStrategicMergeTransformer, PatchJson6902Transformer */
int kust_patch(struct kust *k, const struct kfolder *folder, struct kmap *m,
	       const struct kpatch *p, struct err *err)
	__attribute__((warn_unused_result));
int kust_patches_strategic_merge(struct kust *k, const struct kfolder *folder,
				 struct kmap *m, const struct kstrings *paths,
				 struct err *err) __attribute__((warn_unused_result));
int kust_patch_json6902(struct kust *k, const struct kfolder *folder, struct kmap *m,
			const struct kpatch *p, struct err *err)
	__attribute__((warn_unused_result));

/* generate.c (internal/generators): one resource, with behavior and needs_hash set */
int kust_config_map(struct kust *k, const struct kfolder *folder,
		    const struct kgenerator *g, struct kres **ret, struct err *err)
	__attribute__((warn_unused_result));
int kust_secret(struct kust *k, const struct kfolder *folder,
		const struct kgenerator *g, struct kres **ret, struct err *err)
	__attribute__((warn_unused_result));
/* MergeGlobalOptionsIntoLocal; either may be NULL. In the arena, or NULL. */
struct kgen_options *kgen_options_merge(struct kust *k, const struct kgen_options *local,
					const struct kgen_options *global);

/* hash.c (api/hasher): names of what needs_hash; at the root only */
int kust_hash_names(struct kust *k, struct kmap *m, struct err *err)
	__attribute__((warn_unused_result));
int kust_hash(struct kust *k, const struct kres *r, char out[11], struct err *err)
	__attribute__((warn_unused_result));

/* nameref.c (filters/nameref, internal/accumulator): at the root only */
int kust_name_references(struct kust *k, struct kmap *m, const struct knamerefs *refs,
			 struct err *err) __attribute__((warn_unused_result));

/* replacement.c (filters/replacement) */
int kust_replacements(struct kust *k, const struct kfolder *folder, struct kmap *m,
		      const struct kreplacement *data, size_t len, struct err *err)
	__attribute__((warn_unused_result));

/* vars.c: MergeVars, MergeSet at each folder; ResolveVars at the root */
struct kvars { struct kvar *data; size_t len, cap; };	/* in the arena */
int kust_vars_merge(struct kust *k, struct kmap *m, struct kvars *into,
		    const struct kvar *from, size_t len, struct err *err)
	__attribute__((warn_unused_result));
int kust_vars_absorb(struct kust *k, struct kvars *into, const struct kvars *child,
		     struct err *err) __attribute__((warn_unused_result));
int kust_vars_resolve(struct kust *k, struct kmap *m, const struct kvars *vars,
		      const struct kfieldspecs *specs, struct err *err)
	__attribute__((warn_unused_result));

/*
 * config_load.c: *ret is the built-in config with that of `configurations` files added
 * (MakeTransformerConfig). crds.c: that of `crds` files alone.
 */
int kconfig_load(struct kust *k, const struct kfolder *folder,
		 const struct kstrings *paths, struct kconfig *ret, struct err *err)
	__attribute__((warn_unused_result));
int kconfig_from_crds(struct kust *k, const struct kfolder *folder,
		      const struct kstrings *paths, struct kconfig *ret,
		      struct err *err) __attribute__((warn_unused_result));

/*
 * plugin.c: a plugin's configuration object (a resource of `transformers:`,
 * `generators:`, `validators:`). What is not builtin is refused: scan.c has found
 * those that are written down, and only a build can make others.
 */
int kust_plugin_transform(struct kust *k, const struct kfolder *folder,
			  const struct kres *config, struct kmap *m, struct err *err)
	__attribute__((warn_unused_result));
int kust_plugin_generate(struct kust *k, const struct kfolder *folder,
			 const struct kres *config, struct kmap *ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * order.c (SortOrderTransformer): legacy order, or as loaded. sort NULL: what the
 * options say. ERR_INVALID: no such order, or options of the other one.
 */
int kust_order(struct kust *k, struct kmap *m, const struct ksort *sort,
	       struct err *err) __attribute__((warn_unused_result));

/* accumulate.c: a folder with all below it, into a map (KustTarget) */
struct kaccumulator {
	struct kmap *map;
	struct kconfig config;
	struct kvars vars;
};
int kust_accumulate(struct kust *k, struct kfolder *folder, const struct kspec *spec,
		    struct kaccumulator *ret, struct err *err)
	__attribute__((warn_unused_result));

/* origin.c (buildMetadata): where a resource came from, what changed it */
struct korigin {
	const char *path, *repo, *ref, *configured_in;	/* NULL or "": absent */
	const char *api_version, *kind, *name, *ns;	/* configuredBy */
};
#define KORIGIN_ANNOTATION "config.kubernetes.io/origin"
#define KTRANSFORMATIONS_ANNOTATION "alpha.config.kubernetes.io/transformations"
/* The origin of what `written` names in a folder of that origin. */
struct korigin korigin_below(struct kust *k, const struct korigin *o,
			     const char *written);
/* On all of them, whatever they had. */
int korigin_set(struct kust *k, struct kmap *m, const struct korigin *o,
		struct err *err) __attribute__((warn_unused_result));
/* On those that have none yet. */
int korigin_add(struct kust *k, struct kmap *m, const struct korigin *o,
		struct err *err) __attribute__((warn_unused_result));
/* A transformation; or the origin, where a transformer made the resource. */
int korigin_add_transformer(struct kust *k, struct kmap *m, const struct korigin *o,
			    struct err *err) __attribute__((warn_unused_result));
/* OriginFromCustomPlugin: false when the plugin's configuration has none. */
bool korigin_of_plugin(struct kust *k, const struct kres *config, struct korigin *ret);
/* metadata.annotations anew: sorted, every value a text; gone when empty. */
void kannotations_rewrite(struct kust *k, struct kres *r);
void kannotations_set(struct kust *k, struct kres *r, const char *key,
		      const char *value /* NULL: takes it away */);

/* smp.c (kyaml/yaml/merge2): *dest becomes NULL when the patch deletes it */
int kust_smp(struct kust *k, struct node **dest, const struct node *patch,
	     struct err *err) __attribute__((warn_unused_result));

/* jsonpatch.c (evanphx/json-patch v4): a parsed patch, applied to a tree */
struct kjson_patch;
/* Text that starts with '[' must be JSON, else YAML (its first document). In the arena. */
struct kjson_patch *kjson_patch_parse(struct kust *k, const char *text, size_t len,
				      struct err *err);
/* The number of operations; none for "null" and an empty text, too: see *null. */
size_t kjson_patch_len(const struct kjson_patch *p, bool *null);
/*
 * *root is untouched when it fails. ERR_INVALID names the operation; ERR_LIMIT: values
 * within each other, values copied, work.
 */
int kjson_patch_apply(struct kust *k, const struct kjson_patch *p, struct node **root,
		      struct err *err) __attribute__((warn_unused_result));

#endif
