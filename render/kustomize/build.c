/*
 * build.c - kustomize_build(): the whole, from a folder to finished objects.
 *
 * Only the root does what comes last: hashes into names, names into references,
 * vars, objects for local use only dropped, order, marks asked for by buildMetadata.
 * What is not ours (Helm, plugins) is found before anything is built (scan.c).
 */
#include <stdio.h>

#include "scan.h"
#include "transform.h"

#define LOCAL_CONFIG "config.kubernetes.io/local-config"
#define MANAGED_BY "app.kubernetes.io/managed-by"
#define REFERENCE_VERSION "v5.8.1"

static bool asks_for(const struct kspec *spec, const char *option)
{
	for (size_t i = 0; i < spec->build_metadata.len; i++)
		if (!strcmp(spec->build_metadata.data[i], option))
			return true;
	return false;
}

/* DropLocalNodes: by now patches may have taken away what a resource must have. */
static int check_meta(const struct kres *r, struct err *err)
{
	const char *kind = r->id.gvk.kind;
	size_t n = strlen(kind);

	if (!*kind)
		err_set(err, ERR_INVALID, "kind is missing in the outcome");
	else if (!*r->id.name && (n < 4 || strcmp(kind + n - 4, "List")))
		err_set(err, ERR_INVALID, "metadata.name is missing in the outcome");
	else
		return 0;
	return kres_blame(r, err);
}

static int check_alone(const struct kmap *m, const struct kres *r, struct err *err)
{
	_cleanup_kres_list_ struct kres_list same = { 0 };

	kmap_by_id(m, &r->id, &same);
	if (same.len < 2)
		return 0;
	err_set(err, ERR_INVALID, "has the identity of another object in the outcome, "
		"from %s:%u", same.data[0]->file ? same.data[0]->file : "a generator",
		same.data[0]->line);
	return kres_blame(r, err);
}

static int drop_local(struct kmap *m, struct err *err)
{
	for (size_t i = kmap_len(m); i-- > 0;) {
		struct kres *r = kmap_at(m, i);
		const struct node *local = kfind(r->root, "metadata", "annotations",
						 LOCAL_CONFIG, NULL);

		if (kres_is_empty(r))
			continue;
		if (check_meta(r, err) < 0)
			return -1;
		if (local && strcmp(ktext(local), "false"))
			kmap_remove(m, r);
	}
	for (size_t i = 0; i < kmap_len(m); i++) {
		if (check_alone(m, kmap_at(m, i), err) < 0)
			return -1;
	}
	return 0;
}

static int mark_managed(struct kust *k, struct kmap *m, struct err *err)
{
	static struct kpair pair = { MANAGED_BY, "kustomize-" REFERENCE_VERSION };
	static struct kfieldspec spec = { { "", "", "" }, "metadata/labels", true };
	struct kpairs pairs = { &pair, 1, 0 };
	struct kfieldspecs specs = { &spec, 1, 0 };

	return kust_labels(k, m, &pairs, &specs, err);
}

/* resource.BuildAnnotations: also those that people wrote are the reference's own. */
static void drop_internal(struct node *list)
{
	static const char *const suffixes[] = {
		"previousKinds", "previousNames", "previousNamespaces", "prefixes",
		"suffixes", "allowNameChange", "allowKindChange", "refBy",
		"generatorBehavior", "needsHashSuffix", "path", "index", "seqindent", "id",
		"annotations-migration-resource-id", "helm-generated",
	};
	static const char *const legacy[] = {
		"config.kubernetes.io/path", "config.kubernetes.io/index",
		"config.k8s.io/id",
	};
	char name[80];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		snprintf(name, sizeof(name), "internal.config.kubernetes.io/%s",
			 suffixes[i]);
		kremove(list, name);
	}
	for (size_t i = 0; i < ARRAY_LEN(legacy); i++)
		kremove(list, legacy[i]);
}

static int finish_annotations(struct kust *k, const struct kspec *spec, struct kmap *m,
			      struct err *err)
{
	bool origins = asks_for(spec, "originAnnotations");
	bool changes = asks_for(spec, "transformerAnnotations");

	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);
		struct node *list = kfind(r->root, "metadata", "annotations", NULL);

		if (list && list->kind == NODE_LIST && list->len) {
			err_set(err, ERR_INVALID, "metadata.annotations is a list; write a "
				"map of texts");
			return kres_blame(r, err);
		}
		if (!origins || !changes)	/* taking them away makes metadata */
			kget_or_make(k, r->root, "metadata", NODE_MAP);
		if (!origins)
			kremove(list, KORIGIN_ANNOTATION);
		if (!changes)
			kremove(list, KTRANSFORMATIONS_ANNOTATION);
		drop_internal(list);
		kannotations_rewrite(k, r);
		if (kget(kfind(r->root, "metadata", "annotations", NULL), "")) {
			err_set(err, ERR_INVALID, "metadata.annotations has an empty key; "
				"name it, or take it away");
			return kres_blame(r, err);
		}
	}
	return 0;
}

static int finish(struct kust *k, const struct kspec *spec, struct kaccumulator *acc,
		  struct err *err)
{
	if (kust_hash_names(k, acc->map, err) < 0 ||
	    kust_name_references(k, acc->map, &acc->config.name_reference, err) < 0 ||
	    kust_vars_resolve(k, acc->map, &acc->vars, &acc->config.var_reference,
			      err) < 0)
		return -1;
	if (drop_local(acc->map, err) < 0)
		return err_wrap(err, "%s", spec->file);
	if (kust_order(k, acc->map, spec->sort, err) < 0)
		return err_wrap(err, "%s", spec->file);
	if (asks_for(spec, "managedByLabel") && mark_managed(k, acc->map, err) < 0)
		return -1;
	return finish_annotations(k, spec, acc->map, err);
}

static void give(struct kust *k, const struct kmap *m, struct kust_result *ret)
{
	ret->n_objects = kmap_len(m);
	ret->objects = arena_alloc(&k->arena, (ret->n_objects + 1) * sizeof(*ret->objects));
	for (size_t i = 0; i < ret->n_objects; i++) {
		const struct kres *r = kmap_at(m, i);

		ret->objects[i] = (struct kust_object){
			.root = r->root, .kind = r->id.gvk.kind, .name = r->id.name,
			.file = r->file ? r->file : "", .line = r->line,
		};
	}
}

static int build(struct kust *k, const char *path, struct kust_result *ret,
		 struct err *err)
{
	struct kfolder *root = kload_root(k, path, err);
	struct kaccumulator acc = { 0 };
	struct kspec spec = { 0 };

	if (!root || kload_spec(k, root, &spec, err) < 0 ||
	    kust_accumulate(k, root, &spec, &acc, err) < 0 ||
	    finish(k, &spec, &acc, err) < 0)
		return -1;
	if (k->lost) {
		err_set(err, ERR_INVALID, "its name is changed after it was empty or with a "
			"',' in it, and cannot be found again: give it a name that Kubernetes "
			"takes before namePrefix, nameSuffix and namespace");
		return kres_blame(k->lost, err);
	}
	give(k, acc.map, ret);
	return 0;
}

static int build_ours(struct files *files, const char *path,
		      const struct kust_options *o, struct kust_result *ret,
		      struct err *err)
{
	struct kust k;
	int r;

	kust_init(&k, files, o);
	r = build(&k, path, ret, err);
	ret->arena = k.arena;	/* the objects lie in it */
	k.arena = (struct arena){ 0 };
	kust_deinit(&k);
	if (r < 0)
		kust_result_deinit(ret);
	return r;
}

int kustomize_build(struct files *files, const char *path,
		    const struct kust_options *o, struct kust_result *ret,
		    struct err *err)
{
	*ret = (struct kust_result){ 0 };
	if (o->overrides && kust_overrides_check(o->overrides, err) < 0)
		return -1;
	if (kust_scan(files, path, o, &ret->why, err) < 0)
		return -1;
	ret->needs_exec = ret->why != NULL;
	return ret->needs_exec ? 0 : build_ours(files, path, o, ret, err);
}

void kust_result_deinit(struct kust_result *r)
{
	arena_deinit(&r->arena);
	free(r->why);
	*r = (struct kust_result){ 0 };
}
