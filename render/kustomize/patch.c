/*
 * patch.c - patches of resources: PatchTransformer, PatchStrategicMergeTransformer and
 * PatchJson6902Transformer.
 *
 * An entry of `patches` is read as strategic merges and as a JSON patch; one of the two
 * must succeed. Strategic merges go to the resource whose id they have, or to those
 * that a target selects; JSON patches need a target. A patch cannot change name,
 * namespace and kind, unless it is allowed to change the name or the kind.
 *
 * The reference keeps a resource's history in annotations while it builds. A merge
 * that takes all annotations away takes the history too: with it go fixed references
 * and hash suffixes. A mark among the annotations finds that out.
 */
#include <ctype.h>

#include "kjson.h"
#include "transform.h"

#define INLINE "the patch"	/* as a file's name: its lines are counted by themselves */

/* One of the annotations that hold history; a patch that sets it is nobody's. */
static const char mark[] = "internal.config.kubernetes.io/previousNames";

/* --- annotations ----------------------------------------------------------------------- */

/* SetLabels(GetLabels()): all values become texts, nulls too; nothing if there is none. */
static void make_texts(struct kust *k, struct node *root, const char *field)
{
	struct node *meta = kget(root, "metadata");
	const struct node *old = kget(meta, field);
	struct node *map;

	if (!old)
		return;
	map = kmeta_texts(k, NULL, old);
	kremove(meta, field);
	if (map)
		kset(k, meta, field, map);
}

static bool has_history(const struct kres *r)
{
	return r->prev.len || r->prefixes.len || r->suffixes.len || r->ref_by.len ||
	       r->behavior != KB_UNSPECIFIED || r->needs_hash || r->allow_name_change ||
	       r->allow_kind_change;
}

static void forget_history(struct kres *r)
{
	r->prev.len = r->prefixes.len = r->suffixes.len = r->ref_by.len = 0;
	r->n_names = r->n_spaces = r->n_kinds = 0;
	r->behavior = KB_UNSPECIFIED;
	r->needs_hash = r->allow_name_change = r->allow_kind_change = false;
}

static void put_mark(struct kust *k, struct kres *r)
{
	struct node *meta = kget_or_make(k, r->root, "metadata", NODE_MAP);

	if (meta->kind == NODE_MAP)
		kset(k, kget_or_make(k, meta, "annotations", NODE_MAP), mark, kstring(k, ""));
}

/* Was it there still? What was made to hold it goes, too. */
static bool take_mark(struct kres *r)
{
	struct node *meta = kget(r->root, "metadata");
	struct node *annotations = kget(meta, "annotations");
	bool found = kremove(annotations, mark);

	if (found && !annotations->len)
		kremove(meta, "annotations");
	return found;
}

/* --- strategic merges -------------------------------------------------------------------- */

static const char *api_version(struct kust *k, const struct kgvk *gvk)
{
	return *gvk->group ? arena_printf(&k->arena, "%s/%s", gvk->group, gvk->version) :
			     gvk->version;
}

/* Resource.ApplySmPatch; patch is only read. */
static int apply(struct kust *k, struct kres *r, const struct node *patch,
		 const struct kpatch_options *may, struct err *err)
{
	const char *name = r->id.name, *ns = r->id.ns, *kind = r->id.gvk.kind;
	bool history;

	if (may->allow_name_change || may->allow_kind_change)
		kres_store_previous(k, r);
	history = has_history(r);
	if (history)
		put_mark(k, r);
	if (kust_smp(k, &r->root, patch, err) < 0)
		return -1;
	if (kres_is_empty(r))
		return 0;
	if (history && !take_mark(r))
		forget_history(r);
	r->allow_name_change |= may->allow_name_change;
	r->allow_kind_change |= may->allow_kind_change;
	if (!may->allow_kind_change && strcmp(ktext(kget(r->root, "kind")), kind) != 0)
		kres_set_kind(k, r, kind);
	if (!may->allow_name_change)
		kres_set_name(k, r, name);
	kres_set_ns(k, r, ns);
	return 0;
}

static int merge_one(struct kust *k, struct kmap *m, struct kres *r,
		     const struct node *patch, const struct kpatch_options *may,
		     struct err *err)
{
	if (apply(k, r, patch, may, err) < 0)
		return kres_blame(r, err);
	if (!kres_is_empty(r))
		kmap_reindex(m, r);
	return 0;
}

/*
 * What resWrangler.ApplySmPatch makes of a patch before it is merged: labels and
 * annotations are texts (a null there is the text "null"), and it is of the target's
 * group and version.
 */
static struct node *fit_patch(struct kust *k, const struct node *patch,
			      const struct kres *r)
{
	struct node *copy = node_copy(&k->arena, patch);

	make_texts(k, copy, "labels");
	make_texts(k, copy, "annotations");
	if (!*ktext(kget(kget(copy, "metadata"), "namespace")))
		kremove(kget(copy, "metadata"), "namespace");
	kset_text(k, copy, "apiVersion", api_version(k, &r->id.gvk));
	return copy;
}

/* Each of targets; what is deleted leaves the map, and ids must stay different. */
static int merge_selected(struct kust *k, struct kmap *m, const struct kres_list *targets,
			  const struct node *patch, const struct kpatch_options *may,
			  struct err *err)
{
	for (size_t i = 0; i < targets->len; i++) {
		struct kres *r = targets->data[i];

		if (merge_one(k, m, r, fit_patch(k, patch, r), may, err) < 0)
			return -1;
	}
	kmap_drop_empties(m);
	for (size_t i = 0; i < targets->len; i++) {
		_cleanup_kres_list_ struct kres_list same = { 0 };
		struct kres *r = targets->data[i];

		if (r->map != m)
			continue;
		kmap_by_id(m, &r->id, &same);
		if (same.len > 1) {
			err_set(err, ERR_INVALID, "after the patch there are two of %s",
				kid_text(&k->arena, &r->id));
			return kres_blame(r, err);
		}
	}
	return 0;
}

/* GetById of a patch's own id. */
static struct kres *target_of(const struct kmap *m, const struct kres *patch,
			      struct err *err)
{
	struct kid id = kres_org_id(patch);
	struct kres *r = kmap_one(m, &id, err);

	if (!r)
		kres_blame(patch, err);
	return r;
}

/* --- `patches` ----------------------------------------------------------------------------- */

/* A patch's text and where it is from. */
struct text {
	const char *data, *file;
	size_t len;
};

static const char *trimmed(struct kust *k, const char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	for (len = strlen(s); len && isspace((unsigned char)s[len - 1]);)
		len--;
	return arena_strndup(&k->arena, s, len);
}

static int load_text(struct kust *k, const struct kfolder *folder, const struct kpatch *p,
		     struct text *ret, struct err *err)
{
	bool has_path = p->path && *p->path;

	ret->data = p->patch ? trimmed(k, p->patch) : "";
	ret->len = strlen(ret->data);
	ret->file = INLINE;
	if (!*ret->data && !has_path)
		return err_set(err, ERR_INVALID, "a patch needs 'path' or 'patch'");
	if (*ret->data && has_path)
		return err_set(err, ERR_INVALID, "a patch has 'path' or 'patch', not both");
	return has_path ? kload_file(k, folder, p->path, &ret->data, &ret->len, &ret->file,
				     err) : 0;
}

/* The two things that a text may be; what it cannot be is in the err of that. */
struct readings {
	struct kres_list merges;
	struct kjson_patch *json;
	struct err not_merges, not_json;
};

static void read_both(struct kust *k, const struct text *t, struct readings *ret)
{
	if (kload_patches(k, t->file, t->data, t->len, &ret->merges, &ret->not_merges) < 0)
		ret->merges.len = 0;
	if (t->len)
		ret->json = kjson_patch_parse(k, t->data, t->len, &ret->not_json);
	else
		err_set(&ret->not_json, ERR_INVALID, "the patch is empty");
}

/* What was meant by it: a list of operations has no kind. */
static const struct err *likely(const struct readings *r, const struct text *t)
{
	const char *at = t->data + strspn(t->data, " \t\r\n");

	return *at == '[' || (at[0] == '-' && at[1] == ' ') ? &r->not_json :
							      &r->not_merges;
}

static int choose_reading(const struct readings *r, const struct text *t, struct err *err)
{
	bool null;

	if (r->not_merges.code && r->not_json.code) {
		*err = *likely(r, t);
		return err_wrap(err, "%s: neither a strategic merge nor a JSON patch",
				t->file);
	}
	if (r->merges.len && r->json && kjson_patch_len(r->json, &null))
		return err_set(err, ERR_INVALID, "%s: both a strategic merge and a JSON "
			       "patch", t->file);
	return 0;
}

static int merge_all(struct kust *k, struct kmap *m, const struct kpatch *p,
		     const struct kres_list *merges, struct err *err)
{
	_cleanup_kres_list_ struct kres_list targets = { 0 };

	if (p->target && merges->len > 1)
		return err_set(err, ERR_INVALID, "several strategic merges in one patch "
			       "cannot have a target");
	for (size_t i = 0; i < merges->len; i++) {
		struct kres *patch = merges->data[i], *r;

		if (p->options.allow_name_change || p->options.allow_kind_change)
			make_texts(k, patch->root, "annotations");
		if (p->target)
			return kmap_select(k, m, p->target, &targets, err) < 0 ? -1 :
			       merge_selected(k, m, &targets, patch->root, &p->options, err);
		r = target_of(m, patch, err);
		if (!r || merge_one(k, m, r, patch->root, &p->options, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * To each resource that target selects. stores: their ids are remembered first, which
 * makes an annotation: so that there are annotations to which one can be added.
 */
static int patch_json(struct kust *k, struct kmap *m, const struct kselector *target,
		      const struct kjson_patch *json, bool stores, struct err *err)
{
	_cleanup_kres_list_ struct kres_list targets = { 0 };

	if (kmap_select(k, m, target, &targets, err) < 0)
		return -1;
	for (size_t i = 0; i < targets.len; i++) {
		struct kres *r = targets.data[i];

		if (stores)
			kres_store_previous(k, r);
		if (has_history(r)) {
			put_mark(k, r);
			kremove(kfind(r->root, "metadata", "annotations", NULL), mark);
		}
		if (kjson_patch_apply(k, json, &r->root, err) < 0)
			return kres_blame(r, err);
		kget_or_make(k, r->root, "metadata", NODE_MAP);
		make_texts(k, r->root, "annotations");
		kres_refresh(k, r);
		kmap_reindex(m, r);
	}
	return 0;
}

static int apply_reading(struct kust *k, struct kmap *m, const struct kpatch *p,
			 const struct readings *r, const struct text *t, struct err *err)
{
	bool null = true;

	if (!r->not_merges.code)
		return merge_all(k, m, p, &r->merges, err);
	if (r->json)
		kjson_patch_len(r->json, &null);
	if (null)
		return 0;
	if (!p->target)
		return err_set(err, ERR_INVALID, "%s: a JSON patch needs a target", t->file);
	return patch_json(k, m, p->target, r->json, true, err);
}

int kust_patch(struct kust *k, const struct kfolder *folder, struct kmap *m,
	       const struct kpatch *p, struct err *err)
{
	struct readings r = { .not_merges = ERR_INIT, .not_json = ERR_INIT };
	struct text t = { 0 };
	int ret;

	if (load_text(k, folder, p, &t, err) < 0)
		return -1;
	read_both(k, &t, &r);
	ret = choose_reading(&r, &t, err);
	if (ret == 0)
		ret = apply_reading(k, m, p, &r, &t, err);
	kres_list_deinit(&r.merges);
	return ret;
}

/* --- the deprecated fields ------------------------------------------------------------------ */

/* A path may be the patch itself; what cannot be read as one is a file's name. */
static int load_merges(struct kust *k, const struct kfolder *folder, const char *path,
		       struct kres_list *ret, struct err *err)
{
	struct text t = { .data = path, .file = INLINE };
	struct err ignored = ERR_INIT;
	size_t before = ret->len;

	if (kload_patches(k, t.file, path, strlen(path), ret, &ignored) == 0)
		return 0;
	ret->len = before;
	if (kload_file(k, folder, path, &t.data, &t.len, &t.file, err) < 0)
		return -1;
	return kload_patches(k, t.file, t.data, t.len, ret, err);
}

static int apply_merges(struct kust *k, struct kmap *m, const struct kres_list *merges,
			struct err *err)
{
	static const struct kpatch_options nothing;

	for (size_t i = 0; i < merges->len; i++) {
		struct kres *r = target_of(m, merges->data[i], err);
		const struct kres_list one = { .data = &r, .len = 1 };

		if (!r || merge_selected(k, m, &one, merges->data[i]->root, &nothing,
					 err) < 0)
			return -1;
	}
	return 0;
}

int kust_patches_strategic_merge(struct kust *k, const struct kfolder *folder,
				 struct kmap *m, const struct kstrings *paths,
				 struct err *err)
{
	_cleanup_kres_list_ struct kres_list merges = { 0 };

	for (size_t i = 0; i < paths->len; i++) {
		if (load_merges(k, folder, paths->data[i], &merges, err) < 0)
			return -1;
	}
	if (!merges.len)
		return err_set(err, ERR_INVALID, "%s: patchesStrategicMerge has no patch in "
			       "it", folder->file);
	return apply_merges(k, m, &merges, err);
}

static int load_json(struct kust *k, const struct kfolder *folder, const struct kpatch *p,
		     struct text *ret, struct err *err)
{
	bool has_path = p->path && *p->path, has_text = p->patch && *p->patch;

	if (!has_path && !has_text)
		return err_set(err, ERR_INVALID, "a JSON patch needs 'path' or 'patch'");
	if (has_path && has_text)
		return err_set(err, ERR_INVALID, "a JSON patch has 'path' or 'patch', not "
			       "both");
	*ret = (struct text){ .data = p->patch, .file = INLINE,
			      .len = has_text ? strlen(p->patch) : 0 };
	if (has_path && kload_file(k, folder, p->path, &ret->data, &ret->len, &ret->file,
				   err) < 0)
		return -1;
	return ret->len ? 0 : err_set(err, ERR_INVALID, "%s: the JSON patch is empty",
				      ret->file);
}

int kust_patch_json6902(struct kust *k, const struct kfolder *folder, struct kmap *m,
			const struct kpatch *p, struct err *err)
{
	struct kjson_patch *json;
	struct text t = { 0 };
	bool null;

	if (!p->target || !p->target->name || !*p->target->name)
		return err_set(err, ERR_INVALID, "a JSON patch needs a target with a name");
	if (load_json(k, folder, p, &t, err) < 0)
		return -1;
	json = kjson_patch_parse(k, t.data, t.len, err);
	if (!json)
		return err_wrap(err, "%s", t.file);
	if (!kjson_patch_len(json, &null))
		return err_set(err, ERR_INVALID, "%s: the JSON patch has no operations",
			       t.file);
	return patch_json(k, m, p->target, json, false, err);
}
