/*
 * spec.h - what a kustomization says (types.Kustomization), decoded, and what each
 * transformer and generator takes as its arguments.
 *
 * Strings lie in the build's arena; NULL means absent where "" would mean something
 * else, else "" is absent. Builtin plugins given as files (`transformers:`) decode
 * into the same structs, so that a rule is written once.
 */
#ifndef KUST_SPEC_H
#define KUST_SPEC_H

#include "kust.h"

struct kstrings { const char **data; size_t len, cap; };
struct kpair { const char *key, *value; };
struct kpairs { struct kpair *data; size_t len, cap; };	/* sorted by key */

struct klabel {			/* types.Label */
	struct kpairs pairs;
	bool include_selectors, include_templates;
	struct kfieldspecs fields;
};
struct kimage {			/* types.Image */
	const char *name, *new_name, *tag_suffix, *new_tag, *digest;
};
struct kreplica { const char *name; int64_t count; };

struct kpatch_options { bool allow_name_change, allow_kind_change; };
struct kpatch {			/* types.Patch */
	const char *path, *patch;
	struct kselector *target;	/* NULL: none */
	struct kpatch_options options;
	uint32_t line;		/* in the kustomization */
};

struct kgen_options {		/* types.GeneratorOptions */
	struct kpairs labels, annotations;
	bool disable_hash, immutable;
};
struct kgenerator {		/* types.ConfigMapArgs, types.SecretArgs */
	const char *ns, *name, *behavior, *type;	/* type: of a Secret */
	struct kstrings literals, files, envs;
	struct kgen_options *options;	/* NULL: none */
	uint32_t line;
};

struct kfield_options {		/* types.FieldOptions */
	const char *delimiter, *encoding;
	int64_t index;
	bool create;
};
struct kreplacement_target {
	struct kselector *select;	/* NULL: missing, an error */
	struct kselector *reject;	/* n_reject of them */
	size_t n_reject;
	struct kstrings paths;
	struct kfield_options *options;
};
struct kreplacement {		/* types.ReplacementField */
	const char *path;	/* a file of replacements; then nothing else */
	struct kid *source;	/* NULL: none */
	const char *source_path;
	struct kfield_options *source_options;
	const char *source_value;	/* NULL: none */
	struct kreplacement_target *targets;
	size_t n_targets;
	uint32_t line;
};
struct kvar {			/* types.Var */
	const char *name;
	struct kid object;	/* objref: apiVersion as group and version */
	const char *field_path;	/* default "metadata.name" */
	const char *file;	/* the kustomization that has it */
	uint32_t line;
};
struct ksort {			/* types.SortOptions */
	const char *order;	/* as written: "legacy", "fifo", or wrong */
	bool legacy;		/* order: legacy; else fifo */
	struct kstrings first, last;	/* legacySortOptions; n = 0 for defaults */
	bool custom;		/* legacySortOptions given */
};

#define KLIST(type) struct { type *data; size_t len, cap; }

struct kspec {
	const char *file;	/* "…/kustomization.yaml" */
	const char *api_version, *kind;
	struct node *node;	/* as written, for lines */
	struct kpairs openapi;
	const char *name_prefix, *name_suffix, *ns;
	struct kpairs common_labels, common_annotations;
	KLIST(struct klabel) labels;
	struct kstrings patches_strategic_merge;
	KLIST(struct kpatch) patches_json6902, patches;
	KLIST(struct kimage) images;
	KLIST(struct kreplacement) replacements;
	KLIST(struct kreplica) replicas;
	KLIST(struct kvar) vars;
	struct ksort *sort;	/* NULL: none */
	struct kstrings resources, components, crds, configurations, generators,
		transformers, validators, build_metadata;
	KLIST(struct kgenerator) config_maps, secrets;
	struct kgen_options *generator_options;
	bool helm;		/* helmCharts and kin are there: not ours */
};

/*
 * spec.c: the text of a kustomization, strictly: unknown fields and wrong types
 * are ERR_INVALID with file, line and field; keys match whatever their case.
 * Deprecated fields are folded into their successors, with a warning.
 */
int kspec_decode(struct kust *k, const char *file, const char *text, size_t len,
		 struct kspec *ret, struct err *err)
	__attribute__((warn_unused_result));
/* load.c: finds the one kustomization file in folder (folder->file), decodes it. */
int kload_spec(struct kust *k, struct kfolder *folder, struct kspec *ret,
	       struct err *err) __attribute__((warn_unused_result));
/* Its two steps: the text's first document, never empty; and that one decoded. */
int kspec_read(struct kust *k, const char *file, const char *text, size_t len,
	       struct node **ret, struct err *err) __attribute__((warn_unused_result));
int kspec_decode_node(struct kust *k, const char *file, struct node *n,
		      struct kspec *ret, struct err *err)
	__attribute__((warn_unused_result));
/*
 * decode.c: any of the structs above from a node: tables of fields, by which
 * plugins and files (replacements, configurations) are decoded too. Texts that are
 * absent become "" (KF_TEXT). A NULL file: the caller names file and line.
 */
enum kfield_type { KF_TEXT, KF_BOOL, KF_INT, KF_TEXTS, KF_PAIRS, KF_STRUCT_PTR,
		   KF_STRUCT, KF_LIST, KF_CUSTOM, KF_IGNORED,
		   KF_TEXT_OR_NULL /* absent: NULL, not "" */ };
struct kfield {
	const char *name;	/* as the reference spells it */
	enum kfield_type type;
	size_t offset;		/* in the struct */
	const struct ktype *of;	/* of a struct, a pointer to one, a list's items */
	int (*custom)(struct kust *k, const struct node *v, void *at, struct err *err);
};
struct ktype {
	const char *name;	/* for messages */
	size_t size;
	const struct kfield *fields;	/* ends with a NULL name */
	size_t line_offset;	/* of a uint32_t line, or 0 */
};
int kdecode(struct kust *k, const struct ktype *t, const char *file,
	    const struct node *n, bool strict, void *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The value of a map's field, whatever the case of its key; or NULL. */
const struct node *kdecode_get(const struct node *map, const char *field);
/* The line of that field's key; 0: it is not there. */
uint32_t kdecode_line(const struct node *map, const char *field);
/* kgenerator_type is a Secret's; a ConfigMap's has no `type`. */
extern const struct ktype kconfig_map_type, klabel_type, kimage_type, kreplica_type, kpatch_type,
	kgen_options_type, kgenerator_type, kreplacement_type, kselector_type,
	kvar_type, kfieldspec_type, ksort_type;

#endif
