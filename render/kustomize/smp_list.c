/*
 * smp_list.c - lists that merge (kyaml/yaml/walk/associative_sequence.go).
 *
 * The values of the merge keys are gathered from the patch's elements, then the
 * target's, each combination once. The elements that have a combination are merged
 * and put on a new list; then the target's elements are put there one by one, each
 * in the place of those with its keys, else at the end. What the reference does to
 * elements that lack a key (it drops or doubles others) follows from its setter's
 * rules for missing values, which are kept: see smp_set_element().
 */
#include <assert.h>
#include <uthash.h>

#include "smp_priv.h"

/* Values of the merge keys, one combination: "" where the element has none. */
struct combination {
	UT_hash_handle hh;
	const char *values[SMP_KEYS_MAX];
	size_t len;		/* of the hash's key */
	char *key;
};

struct merged_list {
	const char *keys[SMP_KEYS_MAX + 1];	/* those that occur, ended with NULL */
	bool used[SMP_KEYS_MAX];
	const char *const *all_keys;
	size_t n_all, n;
	VEC(struct combination *) values;
};

static const char *const scalars[] = { "", NULL };

/* --- elements ---------------------------------------------------------------------- */

static int spend(struct smp *w, size_t steps)
{
	w->steps += steps;
	if (w->steps <= SMP_STEPS_MAX)
		return 0;
	return err_set(w->err, ERR_LIMIT, "lists too long to be merged element by element; "
		       "make them shorter");
}

static bool is_void(const struct node *n)
{
	return smp_missing(n) || (n->kind == NODE_MAP && n->len == 0);
}

static const char *text_of(const struct node *n)
{
	return smp_missing(n) ? "" : ktext(n);
}

/* FieldMatcher: 1, 0, -1. An empty value matches any; no key: the element itself. */
static int field_matches(struct smp *w, const struct node *n, const char *key,
			 const char *value)
{
	const struct node *field;

	if (!*key)
		return n->kind == NODE_SCALAR ? strcmp(text_of(n), value) == 0 :
						smp_wrong_kind(w, NODE_SCALAR, n);
	if (n->kind != NODE_MAP)
		return smp_wrong_kind(w, NODE_MAP, n);
	field = kget(n, key);
	return field && (!*value || strcmp(ktext(field), value) == 0);
}

/* All keys match. Without a value for a key what the one before it gave is taken. */
static int element_matches(struct smp *w, const struct node *n, const char *const *keys,
			   const char *const *values, size_t n_values)
{
	int found = 0;

	for (size_t i = 0; keys[i]; i++) {
		if (i < n_values)
			found = field_matches(w, n, keys[i], values[i]);
		if (found <= 0)
			return found;
	}
	return found;
}

/*
 * ElementSetter: element (NULL: nothing) takes the place of each one that matches, or
 * the end. Void elements go; with no values at all every other element goes, too.
 */
static int smp_set_element(struct smp *w, struct node *list, struct node *element,
			   const char *const *keys, const char *const *values,
			   size_t n_values)
{
	bool of_maps = *keys[0] && n_values && *values[0], found = false;
	uint32_t kept = 0;

	if (spend(w, list->len) < 0)
		return -1;
	for (uint32_t i = 0; i < list->len; i++) {
		struct node *n = list->kids[i];
		int matches = 0;

		if (is_void(n))
			continue;
		if (n->kind == NODE_MAP || !of_maps) {
			matches = element_matches(w, n, keys, values, n_values);
			if (matches < 0)
				return -1;
			found |= matches;
			n = matches ? element : n_values ? n : NULL;
		}
		if (n)
			list->kids[kept++] = n;
	}
	list->len = kept;
	if (element && !found && !smp_missing(element))
		node_append(&w->k->arena, list, element);
	return 0;
}

int smp_drop_elements(struct smp *w, struct node *list, const char *const *keys,
		      const char *const *values, size_t n_values)
{
	return smp_set_element(w, list, NULL, keys, values, n_values);
}

/* ElementList: the first element whose keys have exactly these values; or NULL. */
static struct node *find_element(struct smp *w, const struct node *list,
				 const char *const *keys, const char *const *values)
{
	if (!list || list->kind != NODE_LIST)
		return NULL;
	w->steps += list->len;
	for (uint32_t i = 0; i < list->len; i++) {
		struct node *n = list->kids[i];
		size_t j = 0;

		if (!*keys[0]) {
			if (strcmp(ktext(n), values[0]) == 0)
				return n;
			continue;
		}
		for (; n->kind == NODE_MAP && keys[j]; j++) {
			const struct node *field = kget(n, keys[j]);

			if (!field || strcmp(ktext(field), values[j]) != 0)
				break;
		}
		if (n->kind == NODE_MAP && !keys[j])
			return n;
	}
	return NULL;
}

/* --- the combinations ---------------------------------------------------------------- */

static char *combination_key(struct smp *w, const char *const *values, size_t n,
			     size_t *ret_len)
{
	size_t len = 0;
	char *key, *at;

	for (size_t i = 0; i < n; i++)
		len += strlen(values[i]) + 1;
	key = at = arena_alloc(&w->k->arena, len);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, values[i]) + 1;
	*ret_len = len;
	return key;
}

static void add_combination(struct smp *w, struct merged_list *l,
			    struct combination **seen, const char *const *values)
{
	struct combination *c;
	size_t len;
	char *key = combination_key(w, values, l->n_all, &len);

	HASH_FIND(hh, *seen, key, len, c);
	if (c)
		return;
	c = arena_alloc(&w->k->arena, sizeof(*c));
	memcpy(c->values, values, l->n_all * sizeof(*values));
	c->key = key;
	c->len = len;
	HASH_ADD_KEYPTR(hh, *seen, c->key, c->len, c);
	vec_push(&l->values, c);
}

/* What an element has under a key; a null, an empty map or list is nothing. */
static const char *key_value(const struct node *element, const char *key)
{
	const struct node *field = *key ? kget(element, key) : element;

	return *key ? text_of(field) : ktext(field);
}

/* elementValues, elementPrimitiveValues */
static void gather(struct smp *w, struct merged_list *l, const struct node *list,
		   struct combination **seen)
{
	for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->len; i++) {
		const char *values[SMP_KEYS_MAX];

		for (size_t j = 0; j < l->n_all; j++)
			values[j] = key_value(list->kids[i], l->all_keys[j]);
		add_combination(w, l, seen, values);
	}
}

/*
 * match: two combinations that agree somewhere and nowhere contradict each other are
 * one, with the values of both.
 */
static bool unite(const struct combination *a, const struct combination *b, size_t n,
		  struct combination *ret)
{
	bool common = false;

	for (size_t i = 0; i < n; i++) {
		const char *x = a->values[i], *y = b->values[i];
		bool same = strcmp(x, y) == 0;

		if (!same && *x && *y)
			return false;
		common |= same;
		ret->values[i] = *x ? x : y;
	}
	return common;
}

/* mergeValues */
static int unite_all(struct smp *w, struct merged_list *l)
{
	struct combination both;
	size_t len = l->values.len;

	if (len > SMP_STEPS_MAX / len || spend(w, len * len) < 0)
		return spend(w, SMP_STEPS_MAX);
	for (size_t i = 0; i < len; i++) {
		struct combination *a = l->values.data[i], before = *a;

		for (size_t j = 0; j < len; j++) {
			struct combination *b = l->values.data[j];

			if (!unite(&before, b, l->n_all, &both))
				continue;
			memcpy(a->values, both.values, sizeof(a->values));
			memcpy(b->values, both.values, sizeof(b->values));
		}
	}
	return 0;
}

/* validateKeys: the keys that any element has; all of them when none has any. */
static void choose_keys(struct merged_list *l)
{
	bool any = false;

	for (size_t i = 0; i < l->values.len; i++) {
		for (size_t j = 0; j < l->n_all; j++)
			l->used[j] |= *l->values.data[i]->values[j] != '\0';
	}
	for (size_t j = 0; j < l->n_all; j++)
		any |= l->used[j];
	for (size_t j = 0; j < l->n_all; j++) {
		l->used[j] |= !any;
		if (l->used[j])
			l->keys[l->n++] = l->all_keys[j];
	}
}

/* --- merging ------------------------------------------------------------------------- */

/* elementValueList: by the keys that this combination has values for, or by all. */
static struct smp_pair find_pair(struct smp *w, const struct smp_pair *p,
				 const struct merged_list *l, const char *const *values)
{
	const char *keys[SMP_KEYS_MAX + 1] = { NULL }, *some[SMP_KEYS_MAX] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (!*values[i])
			continue;
		keys[n] = l->keys[i];
		some[n++] = values[i];
	}
	if (!n)
		return (struct smp_pair){ find_element(w, p->dest, l->keys, values),
					  find_element(w, p->origin, l->keys, values) };
	return (struct smp_pair){ find_element(w, p->dest, keys, some),
				  find_element(w, p->origin, keys, some) };
}

/* Sees to it that what was merged has its keys. */
static int set_keys(struct smp *w, struct node *merged, const struct merged_list *l,
		    const char *const *values)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!*l->keys[i] || kget(merged, l->keys[i]) || !*values[i])
			continue;
		if (merged->kind != NODE_MAP)
			return smp_wrong_kind(w, NODE_MAP, merged);
		kset_text(w->k, merged, l->keys[i], values[i]);
	}
	return 0;
}

static int merge_one(struct smp *w, const struct smp_pair *p, const struct merged_list *l,
		     const struct combination *c, const struct kschema_node *items,
		     struct node *out)
{
	const char *values[SMP_KEYS_MAX] = { NULL };
	struct node *merged;
	size_t n = 0;

	for (size_t j = 0; j < l->n_all; j++) {
		if (l->used[j])
			values[n++] = c->values[j];
	}
	assert(n && n == l->n);
	if (smp_walk(w, find_pair(w, p, l, values), items, &merged) < 0)
		return err_wrap(w->err, "[%.60s]", values[0]);
	if (is_void(merged))
		return smp_drop_elements(w, p->dest, l->keys, values, n);
	if (set_keys(w, merged, l, values) < 0)
		return -1;
	return smp_set_element(w, out, merged, l->keys, values, n);
}

/*
 * One element of the target onto the list. Where it lacks a key it is appended at once
 * and again below, with fewer values than keys.
 */
static int append_element(struct smp *w, struct node *out, struct node *element,
			  const struct merged_list *l)
{
	const char *values[SMP_KEYS_MAX];
	size_t n = 0;

	if (!*l->keys[0]) {
		values[0] = ktext(element);
		return smp_set_element(w, out, element, l->keys, values, 1);
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct node *field = kget(element, l->keys[i]);

		if (!smp_missing(element) && element->kind != NODE_MAP)
			return smp_wrong_kind(w, NODE_MAP, element);
		if (field)
			values[n++] = ktext(field);
		else
			node_append(&w->k->arena, out, element);
	}
	if (l->n > 1 && smp_drop_elements(w, out, l->keys, values, n) < 0)
		return -1;
	return smp_set_element(w, out, element, l->keys, values, n);
}

/* setAssociativeSequenceElements */
static int merge_elements(struct smp *w, const struct smp_pair *p, struct merged_list *l,
			  const struct kschema_node *items, struct node **ret)
{
	struct node *out = node_new_list(&w->k->arena);

	*ret = p->dest;
	if (!l->values.len)
		return 0;
	if (l->n_all > 1 && unite_all(w, l) < 0)
		return -1;
	choose_keys(l);
	for (size_t i = 0; i < l->values.len; i++) {
		if (merge_one(w, p, l, l->values.data[i], items, out) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < p->dest->len; i++) {
		if (append_element(w, out, p->dest->kids[i], l) < 0)
			return -1;
	}
	*ret = out;
	return 0;
}

int smp_merge_list(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
		   const char *const *keys, struct node **ret)
{
	struct merged_list l = { .all_keys = *keys ? keys : scalars };
	struct combination *seen = NULL;
	int r;

	while (l.all_keys[l.n_all])
		l.n_all++;
	gather(w, &l, p.origin, &seen);
	gather(w, &l, p.dest, &seen);
	HASH_CLEAR(hh, seen);
	r = merge_elements(w, &p, &l, kschema_items(w->k, schema), ret);
	vec_deinit(&l.values);
	return r;
}
