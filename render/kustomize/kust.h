/*
 * kust.h - Kustomize's model: a build, its resources, its maps of resources.
 *
 * One build is one `struct kust`: everything it makes lies in its arena and dies
 * with it. The pipeline is load -> accumulate -> generate -> transform -> (at the
 * root) hash, reference, vars, order -> emit; each step is a file of this folder
 * named after it, and each transformer is a function over a `struct kmap`.
 *
 * What kustomize keeps in internal annotations of a resource (earlier names,
 * prefixes, behaviour) are fields of `struct kres` here, so that ids are compared
 * as cached strings and never read from YAML again. Names in comments are those of
 * the reference: api/ and kyaml/ of sigs.k8s.io/kustomize at v5.8.1.
 */
#ifndef KUST_H
#define KUST_H

#include "core/files.h"
#include "core/mem.h"
#include "core/node.h"
#include "render/kustomize.h"

struct kust;

/* --- ids (resid.ResId, resid.Gvk) ------------------------------------------ */

struct kgvk {
	const char *group, *version, *kind;	/* never NULL; "" = none, or any */
};

struct kid {
	struct kgvk gvk;
	const char *name, *ns;	/* never NULL; ns as written, "" = none */
	bool cluster;		/* certainly cluster-scoped by the schema in use */
};

/* "apps/v1" into a group and a version, in the arena. */
void kgvk_parse(struct arena *a, const char *api_version, struct kgvk *ret);
bool kgvk_equal(const struct kgvk *a, const struct kgvk *b);
/* Gvk.IsSelected: empty fields of the selector match anything. */
bool kgvk_selected(const struct kgvk *x, const struct kgvk *selector);
/* EffectiveNamespace: "_non_namespaceable_", "default", or ns. */
const char *kid_ns(const struct kid *id);
bool kid_equal(const struct kid *a, const struct kid *b);	/* ResId.Equals */
bool kid_gvkn_equal(const struct kid *a, const struct kid *b);	/* GvknEquals */
/* IsSelectedBy: empty name, namespace and gvk fields of the selector match all. */
bool kid_selected(const struct kid *id, const struct kid *selector);
/* "Deployment.v1.apps/name.ns", as the reference prints it; in the arena. */
const char *kid_text(struct arena *a, const struct kid *id);

/* --- resources (resource.Resource) ------------------------------------------ */

enum kbehavior { KB_UNSPECIFIED, KB_CREATE, KB_REPLACE, KB_MERGE };

struct kres {
	struct node *root;	/* a map; NULL or without keys: to be dropped */
	struct kid id;		/* CurId; follows root only by kres_refresh() */
	VEC(struct kid) prev;	/* PrevIds, oldest first: ns is the effective one,
				   cluster false; kres_refresh() keeps group and
				   version the current ones, as the reference does */
	size_t n_names, n_spaces, n_kinds;	/* as the reference counts them in prev */
	VEC(const char *) prefixes, suffixes;	/* oldest first */
	VEC(struct kid) ref_by;	/* who was found to name it (GetRefBy) */
	VEC(const char *) var_names;	/* refVarNames */
	enum kbehavior behavior;
	bool needs_hash;
	bool allow_name_change, allow_kind_change;	/* of a patch */
	const char *file;	/* where it was read, relative to the tree's root */
	uint32_t line;
	/* private to kmap.c */
	struct kmap *map;	/* a resource lies in one map at a time */
	uint32_t seq;		/* its place there grows with it */
	const char *indexed;	/* the current name that the map's index has */
};

/*
 * A resource around a tree (of k's arena), with its id read from it: nothing is
 * checked. file is borrowed from the arena.
 */
struct kres *kres_new(struct kust *k, struct node *root, const char *file);
/* DeepCopy; also of the history. */
struct kres *kres_copy(struct kust *k, const struct kres *r);
/* Reads id again, after anything may have changed apiVersion, kind, name, namespace. */
void kres_refresh(struct kust *k, struct kres *r);
/*
 * StorePreviousId: remembers the current id before a change of name or namespace. One
 * that the reference could not read back is k->lost from then on.
 */
void kres_store_previous(struct kust *k, struct kres *r);
/* OrgId: the first id that it had. */
struct kid kres_org_id(const struct kres *r);
/* True when any earlier id or the current one equals id. */
bool kres_has_id(const struct kres *r, const struct kid *id);
bool kres_is_empty(const struct kres *r);	/* IsNilOrEmpty */
/*
 * Sets metadata.name, metadata.namespace ("": removes it) or kind, made if absent,
 * and the id. Values are plain scalars, as the reference makes them.
 */
void kres_set_name(struct kust *k, struct kres *r, const char *name);
void kres_set_ns(struct kust *k, struct kres *r, const char *ns);
void kres_set_kind(struct kust *k, struct kres *r, const char *kind);
/* "file:line: Kind/name: <message>" before err's message; -1. */
int kres_blame(const struct kres *r, struct err *err);

/* --- maps of resources (resmap.ResMap) --------------------------------------- */

/*
 * Resources in load order. Found by name without a walk over all: every name that a
 * resource of the map has or had is in an index. Whoever changes a resource's id
 * tells the map (kmap_reindex()); kres_* functions above do not know of maps.
 */
struct kmap;
struct kmap *kmap_new(struct kust *k);		/* lives as long as k */
size_t kmap_len(const struct kmap *m);
struct kres *kmap_at(const struct kmap *m, size_t i);
/* ERR_INVALID naming both places when the current id is there already. */
int kmap_append(struct kmap *m, struct kres *r, struct err *err)
	__attribute__((warn_unused_result));
int kmap_append_all(struct kmap *m, struct kmap *other, struct err *err)
	__attribute__((warn_unused_result));
/* AbsorbAll: appends, replaces or merges by each one's behavior. */
int kmap_absorb_all(struct kmap *m, const struct kmap *other, struct err *err)
	__attribute__((warn_unused_result));
void kmap_drop_empties(struct kmap *m);		/* DropEmpties */
void kmap_remove(struct kmap *m, struct kres *r);
/* Puts the same resources into another order: order[i] is a permutation of all. */
void kmap_reorder(struct kmap *m, struct kres *const *order);
/* Takes note of new names after changes; cheap when nothing changed. */
void kmap_reindex(struct kmap *m, struct kres *r);
/* kres_refresh() and kmap_reindex() of all. */
void kmap_refresh(struct kmap *m);

/* A list of resources in map order, with storage of its own. */
struct kres_list {
	struct kres **data;
	size_t len, cap;
};
void kres_list_deinit(struct kres_list *l);
#define _cleanup_kres_list_ __attribute__((cleanup(kres_list_deinit)))
/* Those with that name, now or before. Appended to ret. */
void kmap_by_any_name(const struct kmap *m, const char *name, struct kres_list *ret);
/* Those whose current id equals id (GetMatchingResourcesByCurrentId). */
void kmap_by_id(const struct kmap *m, const struct kid *id, struct kres_list *ret);
/* Those whose current or any earlier id equals id (GetMatchingResourcesByAnyId). */
void kmap_by_any_id(const struct kmap *m, const struct kid *id,
		    struct kres_list *ret);
/* GetById: the one with that id, now or before; ERR_INVALID when none or several. */
struct kres *kmap_one(const struct kmap *m, const struct kid *id, struct err *err);

/* --- selecting (types.Selector) ----------------------------------------------- */

/*
 * NULL fields are absent. The id fields are anchored regular expressions for
 * patches (kmap_select), exact for replacements' sources.
 */
struct kselector {
	const char *group, *version, *kind, *name, *ns;
	const char *labels, *annotations;	/* Kubernetes selector strings */
};
/* resWrangler.Select. ERR_INVALID: not a regex or not a selector; LIMIT: it backtracks. */
int kmap_select(struct kust *k, const struct kmap *m, const struct kselector *s,
		struct kres_list *ret, struct err *err)
	__attribute__((warn_unused_result));
/*
 * Does text match the whole of this (Go) regular expression ("": any text)? 1, 0, -1:
 * ERR_INVALID, not an expression; ERR_LIMIT, it backtracks too much.
 */
int kregex_match(struct kust *k, const char *regex, const char *text, struct err *err);
/* Regexp.MatchString: does any part of text match? */
int kregex_search(struct kust *k, const char *regex, const char *text, struct err *err);
/* labels.Parse + Matches over a map of strings. map may be NULL. 1, 0, -1. */
int klabels_match(struct kust *k, const char *selector, const struct node *map,
		  struct err *err);

/* --- field specs (types.FieldSpec, filters/fieldspec) --------------------------- */

struct kfieldspec {
	struct kgvk gvk;	/* "" fields: any */
	const char *path;	/* "spec/template/metadata/labels", "a\/b" escapes, "x[]" */
	bool create;
};
struct kfieldspecs {
	struct kfieldspec *data;	/* static, or in the arena */
	size_t len, cap;		/* cap 0: borrowed, copy before growing */
};
/* types.NameBackReferences: who may name a resource of this kind, and where. */
struct knameref {
	struct kgvk gvk;
	struct kfieldspecs referrers;
};
struct knamerefs {
	struct knameref *data;
	size_t len, cap;
};
/* builtinconfig.TransformerConfig */
struct kconfig {
	struct kfieldspecs name_prefix, name_suffix, namespace, common_labels, labels,
		template_labels, common_annotations, var_reference, images, replicas;
	struct knamerefs name_reference;
};
/* MakeDefaultConfig: tables of config_data.c. */
void kconfig_default(struct kconfig *ret);
/* Merge: adds from's specs; a spec that differs only in `create` is an error. */
int kconfig_merge(struct kust *k, struct kconfig *into, const struct kconfig *from,
		  struct err *err) __attribute__((warn_unused_result));
int kfieldspecs_merge_one(struct kust *k, struct kfieldspecs *into,
			  const struct kfieldspec *spec, struct err *err)
	__attribute__((warn_unused_result));

/*
 * What is done at a field: may change *n in place (its text, its kids). Created
 * nodes have the kind asked for and are empty.
 */
typedef int (*kfield_fn)(struct kust *k, struct kres *r, struct node *n, void *arg,
			 struct err *err);
/*
 * Filter: calls fn at every place of r that spec matches, through lists. Missing
 * fields are made only with spec->create and create_kind (an enum node_kind, or -1:
 * never). Nothing is called when r's gvk does not fit.
 */
int kfieldspec_apply(struct kust *k, struct kres *r, const struct kfieldspec *spec,
		     int create_kind, kfield_fn fn, void *arg, struct err *err)
	__attribute__((warn_unused_result));
/* fsslice: for each spec in order. */
int kfieldspecs_apply(struct kust *k, struct kres *r, const struct kfieldspecs *specs,
		      int create_kind, kfield_fn fn, void *arg, struct err *err)
	__attribute__((warn_unused_result));
/* May one of them change what a resource's id is read from? */
bool kfieldspecs_touch_id(const struct kfieldspecs *specs);
/* PathSplitter: "a/b\/c/d" -> a, b/c, d; in the arena, ends with NULL. */
const char **kpath_split(struct kust *k, const char *path, char separator);

/* --- nodes as kustomize sees them ----------------------------------------------- */

/* The value under a key, compared by its text alone. NULL-safe. */
struct node *kget(const struct node *map, const char *key);
/* The same where a Go map was made of it first: of doubles it has the last. */
struct node *kget_last(const struct node *map, const char *key);
struct node *kfind(const struct node *n, ...) __attribute__((sentinel));
/* The text of a scalar there ("" when it is none): GetString without its errors. */
const char *ktext(const struct node *n);
/* The value under key, made as an empty node of that kind where absent or null. */
struct node *kget_or_make(struct kust *k, struct node *map, const char *key,
			  enum node_kind kind);
/* Sets a key, at the end where it is new; takes it away. NULL-safe, maps only. */
void kset(struct kust *k, struct node *map, const char *key, struct node *value);
bool kremove(struct node *map, const char *key);
/*
 * The texts of two maps (NULL: none), sorted by key; over's count over base's. A key
 * may be twice in a map: GetLabels and GetAnnotations take the last, GetDataMap the
 * first. NULL when there is nothing at all.
 */
enum kdoubles { KD_FIRST, KD_LAST };
struct node *ktexts_of(struct kust *k, const struct node *base, const struct node *over,
		       enum kdoubles doubles);
/*
 * SetLabels, SetAnnotations: the same, but the keys lose their quotes, whoever wrote
 * them: one that is then a number or a bool is printed by neither.
 */
struct node *kmeta_texts(struct kust *k, const struct node *base, const struct node *over);
/*
 * Scalars have a tag in the reference, which a new text does not change, and a style.
 * What was read has the tag of its text (`implicit`, no `tag` here) or, with quotes,
 * that of a text; where the text has changed, `tag` keeps it beside `implicit`. A tag
 * that was written has no `implicit`. What is made may have none (`bare`): a plain one
 * is then what its text looks like.
 */
/* IsMissingOrNull: by the tag, whatever the text is by now. A bare one is no null. */
bool knull(const struct node *n);
/* A plain bare scalar (NewScalarRNode). */
struct node *kplain(struct kust *k, const char *text);
struct node *kstring(struct kust *k, const char *text);	/* NewStringRNode: !!str */
/*
 * FieldSetter: into what is there, in place. A node may stand in several places: a
 * common label is one node everywhere in a resource, and a replacement or patch of
 * one of them changes all (seen in the reference). So where the reference sets a
 * scalar (SetYNode), do not put another node there.
 */
enum kset_type { KSET_GUESSED /* no tag: its text and quotes decide */, KSET_STR, KSET_INT };
/*
 * SetYNode: n becomes the scalar `value` but for its style, which it keeps: in quotes
 * a number is read as a text, though it keeps its tag.
 */
void kassign(struct node *n, const struct node *value);
/*
 * A new text, borrowed from the arena, under the tag that n has: a text stays a text.
 * False: the new text cannot be of that type; it is set all the same, and the whole
 * cannot be written any more.
 */
bool kretext(struct node *n, const char *text);
/* Quotes a plain text that YAML 1.1 takes for something else. */
void kquote11(struct node *n);
/* A scalar or null becomes that text; text is borrowed from the arena. */
int kset_scalar(struct node *n, const char *text, enum kset_type type, struct err *err)
	__attribute__((warn_unused_result));
/*
 * Under key: over what is there, whose style it takes, else key and value themselves
 * are put at the end (a key is never changed, so one may stand in many maps). map: a
 * map, or a null, which stays one.
 */
int kset_entry(struct kust *k, struct node *map, struct node *key, struct node *value,
	       struct err *err) __attribute__((warn_unused_result));
/*
 * SetField with an untagged text: keeps the quotes of what is there; a new one is quoted
 * where YAML 1.1 would take it for something else than a text.
 */
void kset_text(struct kust *k, struct node *map, const char *key, const char *text);
bool kis_text11(const char *text);	/* !IsYaml1_1NonString */
/* ErrorIfInvalid: nulls (and no node) pass. */
int kexpect_kind(const struct node *n, enum node_kind kind, struct err *err)
	__attribute__((warn_unused_result));

/* --- one build -------------------------------------------------------------------- */

/* A folder with a kustomization that is being built (ifc.Loader). */
struct kfolder {
	struct files *files;		/* the tree it lies in; borrowed */
	struct kfolder *parent;		/* who named it; NULL for the root */
	const char *path;		/* relative to files' root; "" = that */
	const char *file;		/* "…/kustomization.yaml", for messages */
	const char *url;		/* as written, where it is a remote one; else NULL */
};

struct kschema;	/* schema.h */

struct kust {
	struct arena arena;
	struct files *files;		/* borrowed */
	const struct kust_options *o;	/* borrowed */
	struct kschema *schema;		/* the one in use: see schema.h; NULL: built in */
	size_t source_bytes, source_files, resources;	/* against the caps */
	const struct kres *lost;	/* the first that the reference cannot find again */
	size_t used_bytes, folders;	/* the same, each use counted */
	size_t name_bytes;		/* the same: names made */
	size_t entries_made, entry_work;	/* labels and annotations: see labels.c */
	struct kseen *seen;		/* private: texts.c's texts */
	struct err trouble;	/* private: of load.c */
	bool origins;		/* buildMetadata asks for where things come from */
	VEC(struct kres *) all_res;	/* private: what kust_deinit() frees */
	VEC(struct kmap *) all_maps;
	struct kregex *regexes;		/* private: regex.c's compiled ones */
	void (*warn)(void *arg, const char *text);	/* NULL: nobody listens */
	void *warn_arg;
};
void kust_init(struct kust *k, struct files *files, const struct kust_options *o);
void kust_deinit(struct kust *k);
void kust_warn(struct kust *k, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* load.c: the folder to build. ERR_NOTFOUND, ERR_INVALID (a file). */
struct kfolder *kload_root(struct kust *k, const char *path, struct err *err);
/*
 * The folder that `written` in folder's kustomization names: cycles, ancestors,
 * depth, remote ones (kust_options.remote). ERR_NOTFOUND when there is none.
 */
struct kfolder *kload_folder(struct kust *k, struct kfolder *folder,
			     const char *written, struct err *err);
/* What `written` names: a repository's URL is a folder, whether it is there or not. */
enum kload_kind { KLOAD_NOTHING, KLOAD_FILE, KLOAD_FOLDER };
enum kload_kind kload_look(struct kust *k, const struct kfolder *folder,
			   const char *written);
/*
 * load.c: a file below (or at) folder by a path written in it, under the load
 * restrictor's rules. *ret is in the arena, NUL-terminated; *ret_path is the file's
 * path in the tree. NOTFOUND, INVALID (outside, a link out, not a file), LIMIT.
 */
int kload_file(struct kust *k, const struct kfolder *folder, const char *written,
	       const char **ret, size_t *ret_len, const char **ret_path,
	       struct err *err) __attribute__((warn_unused_result));
/*
 * texts.c: the first document of a text that is read into values; a null where it has
 * none. Of a key that is twice in a map the last one counts, with a warning; strict
 * (UnmarshalStrict): it is refused. ERR_INVALID names file and line.
 */
int kread_first(struct kust *k, const char *file, const char *text, size_t len,
		bool strict, struct node **ret, struct err *err)
	__attribute__((warn_unused_result));
/*
 * resource.Factory.SliceFromBytes: the documents of a text as resources: lists
 * expanded, empty documents left out. ERR_INVALID names file and line.
 */
int kload_resources(struct kust *k, const char *file, const char *text, size_t len,
		    struct kmap *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The same for patches: documents that need no unique id. Appended to ret. */
int kload_patches(struct kust *k, const char *file, const char *text, size_t len,
		  struct kres_list *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
