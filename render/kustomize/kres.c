/*
 * kres.c - a resource: a tree with its id and its history (api/resource).
 *
 * The id is read from the tree once and kept; whoever changes the tree where an id
 * comes from calls kres_refresh(). Nothing here fails.
 */
#include "kust_priv.h"
#include "schema.h"

struct node *kget(const struct node *map, const char *key)
{
	size_t len = strlen(key);

	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->len; i += 2) {
		const struct node *k = map->kids[i];

		if (k->kind == NODE_SCALAR && k->len == len &&
		    memcmp(k->text, key, len) == 0)
			return map->kids[i + 1];
	}
	return NULL;
}

struct node *kget_last(const struct node *map, const char *key)
{
	struct node *last = NULL;

	for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->len; i += 2)
		if (strcmp(ktext(map->kids[i]), key) == 0)
			last = map->kids[i + 1];
	return last;
}

struct node *kfind(const struct node *n, ...)
{
	struct node *at = (struct node *)n;
	const char *key;
	va_list ap;

	va_start(ap, n);
	while (at && (key = va_arg(ap, const char *)))
		at = kget(at, key);
	va_end(ap);
	return at;
}

const char *ktext(const struct node *n)
{
	return n && n->kind == NODE_SCALAR ? n->text : "";
}

struct node *kplain(struct kust *k, const char *text)
{
	struct node *n = node_new_str(&k->arena, text);

	n->style = NODE_PLAIN;
	n->implicit = true;
	n->bare = true;
	return n;
}

struct node *kstring(struct kust *k, const char *text)
{
	return node_new_str(&k->arena, text);
}

void kset(struct kust *k, struct node *map, const char *key, struct node *value)
{
	if (!map || map->kind != NODE_MAP)
		return;
	for (uint32_t i = 0; i < map->len; i += 2) {
		if (strcmp(ktext(map->kids[i]), key) == 0) {
			map->kids[i + 1] = value;
			return;
		}
	}
	node_append(&k->arena, map, kplain(k, key));
	node_append(&k->arena, map, value);
}

bool kremove(struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return false;
	for (uint32_t i = 0; i < map->len; i += 2) {
		if (strcmp(ktext(map->kids[i]), key) != 0)
			continue;
		memmove(map->kids + i, map->kids + i + 2,
			(map->len - i - 2) * sizeof(*map->kids));
		map->len -= 2;
		return true;
	}
	return false;
}

/* One pair of the maps that are joined; the highest rank of a key counts. */
struct text_pair {
	const struct node *key, *value;
	size_t rank;
};

static int by_key_and_rank(const void *a, const void *b)
{
	const struct text_pair *x = a, *y = b;
	int c = strcmp(ktext(x->key), ktext(y->key));

	return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

static uint32_t count_keys(const struct node *n)
{
	return n && n->kind == NODE_MAP ? n->len / 2 : 0;
}

static size_t take_pairs(const struct node *map, enum kdoubles doubles,
			 struct text_pair *to, size_t n)
{
	uint32_t len = count_keys(map);

	for (uint32_t i = 0; i < len; i++)
		to[n + i] = (struct text_pair){ map->kids[2 * i], map->kids[2 * i + 1],
			doubles == KD_LAST ? n + i : n + len - i };
	return n + len;
}

struct node *ktexts_of(struct kust *k, const struct node *base, const struct node *over,
		       enum kdoubles doubles)
{
	size_t n = (size_t)count_keys(base) + count_keys(over);
	_cleanup_free_ struct text_pair *pairs = xcalloc(n + 1, sizeof(*pairs));
	struct node *out = node_new_map(&k->arena);

	n = take_pairs(over, doubles, pairs, take_pairs(base, doubles, pairs, 0));
	qsort(pairs, n, sizeof(*pairs), by_key_and_rank);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && !strcmp(ktext(pairs[i].key), ktext(pairs[i + 1].key)))
			continue;
		node_append(&k->arena, out, kstring(k, ktext(pairs[i].key)));
		node_append(&k->arena, out, kstring(k, ktext(pairs[i].value)));
	}
	return out->len ? out : NULL;
}

struct node *kmeta_texts(struct kust *k, const struct node *base, const struct node *over)
{
	struct node *out = ktexts_of(k, base, over, KD_LAST);

	for (uint32_t i = 0; out && i < out->len; i += 2)
		out->kids[i] = kplain(k, out->kids[i]->text);
	return out;
}

struct node *kget_or_make(struct kust *k, struct node *map, const char *key,
			  enum node_kind kind)
{
	struct node *n = kget(map, key);

	if (n && !knull(n))
		return n;
	n = kind == NODE_MAP ? node_new_map(&k->arena) :
	    kind == NODE_LIST ? node_new_list(&k->arena) : kplain(k, "");
	kset(k, map, key, n);
	return n;
}

/* getMetaStringField: a null or a collection there is no text. */
static const char *meta_text(const struct node *root, const char *key)
{
	const struct node *n = kget(kget(root, "metadata"), key);

	return knull(n) ? "" : ktext(n);
}

static void read_id(struct kust *k, struct kres *r)
{
	kgvk_parse(&k->arena, ktext(kget(r->root, "apiVersion")), &r->id.gvk);
	r->id.gvk.kind = ktext(kget(r->root, "kind"));
	r->id.name = meta_text(r->root, "name");
	r->id.ns = meta_text(r->root, "namespace");
	r->id.cluster = kschema_is_cluster(k, &r->id.gvk);
}

void kres_refresh(struct kust *k, struct kres *r)
{
	if (kres_is_empty(r))
		return;
	read_id(k, r);
	for (size_t i = 0; i < r->prev.len; i++) {
		r->prev.data[i].gvk.group = r->id.gvk.group;
		r->prev.data[i].gvk.version = r->id.gvk.version;
	}
}

struct kres *kres_new(struct kust *k, struct node *root, const char *file)
{
	struct kres *r = xcalloc(1, sizeof(*r));

	vec_push(&k->all_res, r);
	r->root = root;
	r->file = file;
	r->line = root ? root->line : 0;
	r->id = (struct kid){ { "", "", "" }, "", "", false };
	kres_refresh(k, r);
	return r;
}

#define COPY_VEC(to, from)                                                    \
	do {                                                                  \
		for (size_t i_ = 0; i_ < (from)->len; i_++)                   \
			vec_push(to, (from)->data[i_]);                       \
	} while (0)

void kres_take_history(struct kres *r, const struct kres *from)
{
	r->prev.len = r->prefixes.len = r->suffixes.len = r->ref_by.len = 0;
	r->var_names.len = 0;
	COPY_VEC(&r->prev, &from->prev);
	r->n_names = from->n_names;
	r->n_spaces = from->n_spaces;
	r->n_kinds = from->n_kinds;
	COPY_VEC(&r->prefixes, &from->prefixes);
	COPY_VEC(&r->suffixes, &from->suffixes);
	COPY_VEC(&r->ref_by, &from->ref_by);
	COPY_VEC(&r->var_names, &from->var_names);
	r->behavior = from->behavior;
	r->allow_name_change = from->allow_name_change;
	r->allow_kind_change = from->allow_kind_change;
}

struct kres *kres_copy(struct kust *k, const struct kres *from)
{
	struct kres *r = kres_new(k, from->root ? node_copy(&k->arena, from->root) : NULL,
				  from->file);

	r->line = from->line;
	r->needs_hash = from->needs_hash;
	kres_take_history(r, from);
	return r;
}

void kres_free(struct kres *r)
{
	vec_deinit(&r->prev);
	vec_deinit(&r->prefixes);
	vec_deinit(&r->suffixes);
	vec_deinit(&r->ref_by);
	vec_deinit(&r->var_names);
	free(r);
}

/* Of a list that is joined with commas, where what is empty is left out. */
static size_t parts(const char *text)
{
	size_t n = *text != '\0';

	while ((text = strchr(text, ',')))
		n++, text++;
	return n;
}

/*
 * The reference keeps three such lists, and ends with a panic where they are of
 * different lengths; without a name in them there are none.
 */
void kres_store_previous(struct kust *k, struct kres *r)
{
	struct kid was = r->id;

	was.ns = kid_ns(&r->id);
	was.cluster = false;
	r->n_names += parts(was.name);
	r->n_spaces += parts(was.ns);
	r->n_kinds += parts(was.gvk.kind);
	if (!r->n_names)
		return;
	vec_push(&r->prev, was);
	if (!k->lost && (r->n_names != r->n_spaces || r->n_names != r->n_kinds))
		k->lost = r;
}

struct kid kres_org_id(const struct kres *r)
{
	return r->prev.len ? r->prev.data[0] : r->id;
}

bool kres_has_id(const struct kres *r, const struct kid *id)
{
	for (size_t i = 0; i < r->prev.len; i++) {
		if (kid_equal(&r->prev.data[i], id))
			return true;
	}
	return kid_equal(&r->id, id);
}

bool kres_is_empty(const struct kres *r)
{
	const struct node *n = r->root;

	return !n || (n->kind == NODE_SCALAR ? !n->len || knull(n) : !n->len);
}

void kres_set_name(struct kust *k, struct kres *r, const char *name)
{
	kset_text(k, kget_or_make(k, r->root, "metadata", NODE_MAP), "name", name);
	kres_refresh(k, r);
}

void kres_set_ns(struct kust *k, struct kres *r, const char *ns)
{
	if (*ns)
		kset_text(k, kget_or_make(k, r->root, "metadata", NODE_MAP), "namespace", ns);
	else
		kremove(kget(r->root, "metadata"), "namespace");
	kres_refresh(k, r);
}

void kres_set_kind(struct kust *k, struct kres *r, const char *kind)
{
	kset_text(k, r->root, "kind", kind);
	kres_refresh(k, r);
}

int kres_blame(const struct kres *r, struct err *err)
{
	if (r->file && *r->file)
		return err_wrap(err, "%s:%u: %s/%s", r->file, r->line, r->id.gvk.kind,
				r->id.name);
	return err_wrap(err, "%s/%s", r->id.gvk.kind, r->id.name);
}
