/*
 * One hash for both ways: its key is the text of an item's values at a set of names. Short
 * lists are looked through instead.
 */
#include "items.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "core/buf.h"
#include "core/doc.h"

#define SHORT_LIST 16

struct item_entry {
	UT_hash_handle hh;
	size_t index;
	json_t *kept;
	char text[];
};

void items_deinit(struct items *x)
{
	struct item_entry *e, *next;

	HASH_ITER(hh, x->entries, e, next) {
		HASH_DEL(x->entries, e);
		json_decref(e->kept);
		free(e);
	}
	for (size_t i = 0; i < x->sets.len; i++) {
		struct item_names *s = &x->sets.data[i];

		for (size_t k = 0; k < s->len; k++)
			free(s->data[k]);
		vec_deinit(s);
	}
	vec_deinit(&x->sets);
}

/* ---- texts ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_set(const struct item_names *s, const json_t *keys)
{
	if (s->len != json_object_size(keys))
		return false;
	for (size_t i = 0; i < s->len; i++)
		if (!json_object_get(keys, s->data[i]))
			return false;
	return true;
}

/* NULL: too many. */
static const struct item_names *set_of(struct items *x, const json_t *keys, bool *ret_new)
{
	struct item_names s = { 0 };
	const char *key;
	json_t *v;

	*ret_new = false;
	for (size_t i = 0; i < x->sets.len; i++)
		if (is_set(&x->sets.data[i], keys))
			return &x->sets.data[i];
	if (x->sets.len == ITEMS_SETS_MAX)
		return NULL;
	json_object_foreach((json_t *)keys, key, v)
		vec_push(&s, xstrdup(key));
	if (s.len)
		qsort(s.data, s.len, sizeof(*s.data), by_name);
	vec_push(&x->sets, s);
	*ret_new = true;
	return &x->sets.data[x->sets.len - 1];
}

/* False: it is no map, or lacks one of the names. */
static bool write_keys(const struct item_names *s, const json_t *item, bool null_for_none,
		       struct buf *out)
{
	if (!json_is_object(item))
		return false;
	buf_addc(out, 'k');
	for (size_t i = 0; i < s->len; i++) {
		const json_t *v = json_object_get(item, s->data[i]);

		if (!v && !null_for_none)
			return false;
		doc_write_str(out, s->data[i]);
		if (v)
			doc_canonical(v, out);
		else
			buf_adds(out, "null");
	}
	return true;
}

static void write_value(const json_t *item, struct buf *out)
{
	buf_addc(out, 'v');
	doc_canonical(item, out);
}

/* ---- entries ---- */

static struct item_entry *find(const struct items *x, const struct buf *text)
{
	struct item_entry *e;

	HASH_FIND(hh, x->entries, buf_str(text), text->len, e);
	return e;
}

static struct item_entry *put(struct items *x, const struct buf *text, size_t index)
{
	struct item_entry *e = find(x, text);

	if (e)
		return e;
	e = xcalloc(1, sizeof(*e) + text->len + 1);
	memcpy(e->text, buf_str(text), text->len);
	e->index = index;
	HASH_ADD_KEYPTR(hh, x->entries, e->text, text->len, e);
	return e;
}

/* ---- which item? ---- */

static bool has_keys(const json_t *item, const json_t *keys)
{
	const char *key;
	json_t *want;

	json_object_foreach((json_t *)keys, key, want) {
		const json_t *got = json_object_get(item, key);

		if (!got || !doc_equal(got, want))
			return false;
	}
	return json_is_object(item);
}

static size_t look_through(const json_t *list, char kind, const json_t *match)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (kind == 'k' ? has_keys(item, match) : doc_equal(item, match))
			return i;
	return SIZE_MAX;
}

static void put_all(struct items *x, const json_t *list, const struct item_names *s)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		buf_clear(&text);
		if (!s)
			write_value(item, &text);
		else if (!write_keys(s, item, false, &text))
			continue;
		(void)put(x, &text, i);
	}
}

size_t items_find(struct items *x, const json_t *list, char kind, const json_t *match)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct item_names *s = NULL;
	const struct item_entry *e;
	bool fresh;

	if (json_array_size(list) <= SHORT_LIST)
		return look_through(list, kind, match);
	if (kind == 'k') {
		s = set_of(x, match, &fresh);
		if (!s || !write_keys(s, match, false, &text))
			return SIZE_MAX;
	} else {
		fresh = !x->has_values;
		x->has_values = true;
		write_value(match, &text);
	}
	if (fresh)
		put_all(x, list, s);
	e = find(x, &text);
	return e ? e->index : SIZE_MAX;
}

/* ---- what is kept of such an item? ---- */

json_t **items_slot(struct items *x, char kind, const json_t *match)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool fresh;

	if (kind == 'k') {
		const struct item_names *s = set_of(x, match, &fresh);

		if (!s || !write_keys(s, match, false, &text))
			return NULL;
	} else {
		x->has_values = true;
		write_value(match, &text);
	}
	return &put(x, &text, 0)->kept;
}

bool items_kept(const struct items *x, size_t n, const json_t *item, json_t **ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct item_entry *e = NULL;

	*ret = NULL;
	if (n > x->sets.len || (n == x->sets.len && !x->has_values))
		return false;
	if (n == x->sets.len)
		write_value(item, &text);
	else if (!write_keys(&x->sets.data[n], item, true, &text))
		return true;
	e = find(x, &text);
	*ret = e ? e->kept : NULL;
	return true;
}
