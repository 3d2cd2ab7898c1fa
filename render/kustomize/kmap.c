/*
 * kmap.c - resources in load order, found by any name they have or had (api/resmap).
 *
 * The index takes names in and never out: what it finds is checked against the
 * resources themselves. So a rename costs one entry, and a look-up the resources
 * that share a name.
 */
#include <uthash.h>

#include "kust_priv.h"

#define ORIGIN "config.kubernetes.io/origin"

struct named {
	UT_hash_handle hh;
	VEC(struct kres *) list;
	char name[];
};

struct kmap {
	struct kust *k;
	VEC(struct kres *) list;
	struct named *index;
	uint32_t seq;
};

struct kmap *kmap_new(struct kust *k)
{
	struct kmap *m = xcalloc(1, sizeof(*m));

	m->k = k;
	vec_push(&k->all_maps, m);
	return m;
}

static void forget_all(struct kmap *m)
{
	struct named *n, *next;

	HASH_ITER(hh, m->index, n, next) {
		HASH_DEL(m->index, n);
		vec_deinit(&n->list);
		free(n);
	}
	vec_deinit(&m->list);
}

void kmap_free(struct kmap *m)
{
	forget_all(m);
	free(m);
}

size_t kmap_len(const struct kmap *m)
{
	return m->list.len;
}

struct kres *kmap_at(const struct kmap *m, size_t i)
{
	return m->list.data[i];
}

/* --- the index ------------------------------------------------------------------ */

static void index_add(struct kmap *m, const char *name, struct kres *r)
{
	size_t len = strlen(name);
	struct named *n;

	HASH_FIND(hh, m->index, name, len, n);
	if (!n) {
		n = xcalloc(1, sizeof(*n) + len + 1);
		memcpy(n->name, name, len);
		HASH_ADD_KEYPTR(hh, m->index, n->name, len, n);
	}
	if (!n->list.len || n->list.data[n->list.len - 1] != r)
		vec_push(&n->list, r);
}

static void index_all(struct kmap *m, struct kres *r)
{
	for (size_t i = 0; i < r->prev.len; i++)
		index_add(m, r->prev.data[i].name, r);
	index_add(m, r->id.name, r);
	r->indexed = r->id.name;
}

void kmap_reindex(struct kmap *m, struct kres *r)
{
	if (r->map != m || (r->indexed && strcmp(r->indexed, r->id.name) == 0))
		return;
	index_add(m, r->id.name, r);
	r->indexed = r->id.name;
}

void kmap_refresh(struct kmap *m)
{
	for (size_t i = 0; i < m->list.len; i++) {
		kres_refresh(m->k, m->list.data[i]);
		kmap_reindex(m, m->list.data[i]);
	}
}

static bool has_name(const struct kres *r, const char *name)
{
	if (strcmp(r->id.name, name) == 0)
		return true;
	for (size_t i = 0; i < r->prev.len; i++) {
		if (strcmp(r->prev.data[i].name, name) == 0)
			return true;
	}
	return false;
}

static int by_seq(const void *a, const void *b)
{
	const struct kres *x = *(struct kres *const *)a, *y = *(struct kres *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* In map order, each once: the index may know a resource twice. */
static void tidy(struct kres_list *l, size_t from)
{
	size_t kept = from;

	for (size_t i = from + 1; i < l->len; i++) {
		if (l->data[i - 1]->seq >= l->data[i]->seq) {
			qsort(l->data + from, l->len - from, sizeof(*l->data), by_seq);
			break;
		}
	}
	for (size_t i = from; i < l->len; i++) {
		if (kept == from || l->data[kept - 1] != l->data[i])
			l->data[kept++] = l->data[i];
	}
	l->len = kept;
}

typedef bool (*keep_fn)(const struct kres *r, const void *arg);

static void collect(const struct kmap *m, const char *name, keep_fn keep,
		    const void *arg, struct kres_list *ret)
{
	size_t from = ret->len;
	struct named *n;

	HASH_FIND(hh, m->index, name, strlen(name), n);
	for (size_t i = 0; n && i < n->list.len; i++) {
		struct kres *r = n->list.data[i];

		if (r->map == m && keep(r, arg))
			vec_push(ret, r);
	}
	tidy(ret, from);
}

static bool keep_name(const struct kres *r, const void *name)
{
	return has_name(r, name);
}

static bool keep_id(const struct kres *r, const void *id)
{
	return kid_equal(&r->id, id);
}

static bool keep_any_id(const struct kres *r, const void *id)
{
	return !kres_is_empty(r) && kres_has_id(r, id);
}

void kmap_by_any_name(const struct kmap *m, const char *name, struct kres_list *ret)
{
	collect(m, name, keep_name, name, ret);
}

void kmap_by_id(const struct kmap *m, const struct kid *id, struct kres_list *ret)
{
	collect(m, id->name, keep_id, id, ret);
}

void kmap_by_any_id(const struct kmap *m, const struct kid *id, struct kres_list *ret)
{
	collect(m, id->name, keep_any_id, id, ret);
}

void kres_list_deinit(struct kres_list *l)
{
	vec_deinit(l);
}

/* What was meant, where nothing matches: of the same kind, or else the same name. */
static const struct kres *nearest(const struct kmap *m, const struct kid *id)
{
	const struct kres *best = NULL;

	for (size_t i = 0; i < m->list.len; i++) {
		const struct kres *r = m->list.data[i];

		if (strcmp(r->id.gvk.kind, id->gvk.kind) == 0)
			return r;
		if (!best && strcmp(r->id.name, id->name) == 0)
			best = r;
	}
	return best;
}

struct kres *kmap_one(const struct kmap *m, const struct kid *id, struct err *err)
{
	_cleanup_kres_list_ struct kres_list l = { 0 };
	const struct kres *other;

	kmap_by_any_id(m, id, &l);
	if (l.len == 1)
		return l.data[0];
	other = l.len ? NULL : nearest(m, id);
	err_set(err, ERR_INVALID, "%s for %s%s%s",
		l.len ? "several resources match" : "no resource matches",
		kid_text(&m->k->arena, id), other ? "; there is " : "",
		other ? kid_text(&m->k->arena, &other->id) : "");
	return NULL;
}

/* --- changing -------------------------------------------------------------------- */

static void put(struct kmap *m, struct kres *r)
{
	r->map = m;
	r->seq = m->seq++;
	vec_push(&m->list, r);
	index_all(m, r);
}

int kmap_append(struct kmap *m, struct kres *r, struct err *err)
{
	_cleanup_kres_list_ struct kres_list same = { 0 };

	kmap_by_id(m, &r->id, &same);
	if (!same.len) {
		put(m, r);
		return 0;
	}
	err_set(err, ERR_INVALID, "%s is there already, from %s:%u",
		kid_text(&m->k->arena, &r->id),
		same.data[0]->file ? same.data[0]->file : "a generator",
		same.data[0]->line);
	return kres_blame(r, err);
}

int kmap_append_all(struct kmap *m, struct kmap *other, struct err *err)
{
	for (size_t i = 0; i < other->list.len; i++) {
		if (kmap_append(m, other->list.data[i], err) < 0)
			return -1;
	}
	forget_all(other);	/* maps live as long as the build */
	return 0;
}

void kmap_drop_empties(struct kmap *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->list.len; i++) {
		struct kres *r = m->list.data[i];

		if (kres_is_empty(r))
			r->map = NULL;
		else
			m->list.data[kept++] = r;
	}
	m->list.len = kept;
}

void kmap_remove(struct kmap *m, struct kres *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->list.len; i++) {
		if (m->list.data[i] != r)
			m->list.data[kept++] = m->list.data[i];
	}
	m->list.len = kept;
	r->map = NULL;
}

void kmap_reorder(struct kmap *m, struct kres *const *order)
{
	if (m->list.len)
		memcpy(m->list.data, order, m->list.len * sizeof(*order));
	for (size_t i = 0; i < m->list.len; i++)
		m->list.data[i]->seq = m->seq++;
}

/* --- absorbing what generators made (appendReplaceOrMerge) ------------------------- */

static void swap(struct kmap *m, struct kres *old, struct kres *r)
{
	for (size_t i = 0; i < m->list.len; i++) {
		if (m->list.data[i] == old)
			m->list.data[i] = r;
	}
	r->map = m;
	r->seq = old->seq;
	old->map = NULL;
	index_all(m, r);
}

static void merge_field(struct kust *k, struct node *into, const struct node *old,
			const char *field)
{
	struct node *merged = ktexts_of(k, kget(old, field), kget(into, field), KD_FIRST);

	kremove(into, field);
	if (merged)
		kset(k, into, field, merged);
}

static void merge_meta(struct kust *k, struct node *into, const struct node *old,
		       const char *field)
{
	struct node *merged = kmeta_texts(k, kget(old, field), kget(into, field));

	kremove(into, field);
	if (merged)
		kset(k, into, field, merged);
}

/* CopyMergeMetaDataFieldsFrom */
static void take_meta(struct kust *k, struct kres *r, const struct kres *old)
{
	struct node *meta = kget_or_make(k, r->root, "metadata", NODE_MAP);
	const struct node *old_meta = kget(old->root, "metadata");

	merge_meta(k, meta, old_meta, "labels");
	merge_meta(k, meta, old_meta, "annotations");
	r->needs_hash = r->needs_hash && old->needs_hash;
	kres_take_history(r, old);
	kres_set_name(k, r, old->id.name);
	kres_set_ns(k, r, old->id.ns);
}

static int merge_into(struct kmap *m, struct kres *old, struct kres *r, struct err *err)
{
	enum kbehavior behavior = r->behavior;
	const struct node *origin;

	if (behavior != KB_MERGE && behavior != KB_REPLACE) {
		err_set(err, ERR_INVALID, "%s exists; its behavior must be merge or replace",
			kid_text(&m->k->arena, &r->id));
		return kres_blame(old, err);
	}
	origin = kfind(old->root, "metadata", "annotations", ORIGIN, NULL);
	take_meta(m->k, r, old);
	if (behavior == KB_MERGE) {
		if (origin)	/* what merges into it does not make it */
			kset(m->k, kfind(r->root, "metadata", "annotations", NULL), ORIGIN,
			     kstring(m->k, ktext(origin)));
		merge_field(m->k, r->root, old->root, "data");
		merge_field(m->k, r->root, old->root, "binaryData");
		if (old->file) {
			r->file = old->file;
			r->line = old->line;
		}
	}
	swap(m, old, r);
	return 0;
}

static int absorb(struct kmap *m, struct kres *r, struct err *err)
{
	_cleanup_kres_list_ struct kres_list same = { 0 };

	kmap_by_any_id(m, &r->id, &same);
	if (same.len == 1)
		return merge_into(m, same.data[0], r, err);
	if (same.len)
		return err_set(err, ERR_INVALID, "several objects could take %s: %s:%u and "
			       "%s:%u", kid_text(&m->k->arena, &r->id), same.data[0]->file,
			       same.data[0]->line, same.data[1]->file, same.data[1]->line);
	if (r->behavior == KB_MERGE || r->behavior == KB_REPLACE)
		return err_set(err, ERR_INVALID, "%s does not exist; behavior %s needs it",
			       kid_text(&m->k->arena, &r->id),
			       r->behavior == KB_MERGE ? "merge" : "replace");
	return kmap_append(m, r, err);
}

int kmap_absorb_all(struct kmap *m, const struct kmap *other, struct err *err)
{
	for (size_t i = 0; i < other->list.len; i++) {
		if (absorb(m, other->list.data[i], err) < 0)
			return -1;
	}
	return 0;
}
