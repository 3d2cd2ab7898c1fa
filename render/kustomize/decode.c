/*
 * decode.c - a node into a struct by a table of its fields, as Go's encoding/json
 * does with what sigs.k8s.io/yaml makes of the text.
 *
 * Keys match whatever their case; null leaves a field as it is; a number is not a
 * text. Where Go keeps the last of two keys that differ in case only, here it is an
 * error: nobody means that. What fails is named by file, line and the path down to
 * it ("images[2].newTag").
 */
#include <ctype.h>
#include <math.h>
#include <strings.h>

#include "spec.h"

#define WORD_MAX 40u
#define PAIRS_MAX 1000u	/* labels, annotations: each goes onto every object */

struct decoder {
	struct kust *k;
	bool strict;
	struct buf path;
	const struct node *at;	/* what failed; NULL: not known */
};

static int decode_struct(struct decoder *d, const struct ktype *t, const struct node *n,
			 void *ret, struct err *err);

static const char *what_is(const struct node *n)
{
	struct scalar s;

	if (n->kind != NODE_SCALAR)
		return n->kind == NODE_MAP ? "a map" : "a list";
	if (node_scalar(n, &s, NULL) < 0)
		return "an odd scalar";
	switch (s.type) {
	case SCALAR_NULL:
		return "null";
	case SCALAR_BOOL:
		return "a boolean";
	case SCALAR_INT:
	case SCALAR_FLOAT:
		return "a number";
	case SCALAR_STRING:
		break;
	}
	return "a text";
}

static int wants(struct decoder *d, const struct node *n, const char *wanted,
		 struct err *err)
{
	const char *hint = "";

	if (!d->at)
		d->at = n;
	if (strcmp(wanted, "a text") == 0 && n->kind == NODE_SCALAR)
		hint = ": quote it";
	return err_set(err, ERR_INVALID, "wants %s, not %s%s", wanted, what_is(n), hint);
}

static int to_text(struct decoder *d, const struct node *n, const char **ret,
		   struct err *err)
{
	if (!node_is_string(n))
		return wants(d, n, "a text", err);
	*ret = n->text;
	return 0;
}

static int to_bool(struct decoder *d, const struct node *n, bool *ret, struct err *err)
{
	struct scalar s;

	if (n->kind != NODE_SCALAR || node_scalar(n, &s, NULL) < 0 ||
	    s.type != SCALAR_BOOL)
		return wants(d, n, "true or false", err);
	*ret = s.truth;
	return 0;
}

/* JSON knows one kind of number: 3.0 is an integer as well as 3. */
static int to_int(struct decoder *d, const struct node *n, int64_t *ret,
		  struct err *err)
{
	struct scalar s;

	if (n->kind != NODE_SCALAR || node_scalar(n, &s, NULL) < 0 ||
	    (s.type != SCALAR_INT && s.type != SCALAR_FLOAT))
		return wants(d, n, "an integer", err);
	if (s.type == SCALAR_FLOAT) {
		if (!isfinite(s.real) || s.real != floor(s.real) ||
		    fabs(s.real) >= 9.2e18)
			return wants(d, n, "an integer", err);
		*ret = (int64_t)s.real;
		return 0;
	}
	if (s.magnitude > (uint64_t)INT64_MAX + (s.negative ? 1 : 0))
		return wants(d, n, "an integer of 64 bits", err);
	*ret = s.negative ? (int64_t)(0 - s.magnitude) : (int64_t)s.magnitude;
	return 0;
}

static int to_texts(struct decoder *d, const struct node *n, struct kstrings *ret,
		    struct err *err)
{
	if (n->kind != NODE_LIST)
		return wants(d, n, "a list of texts", err);
	ret->data = arena_alloc(&d->k->arena, (n->len + 1) * sizeof(*ret->data));
	ret->cap = 0;
	for (uint32_t i = 0; i < n->len; i++) {
		const char *text = "";

		if (!node_is_null(n->kids[i]) &&
		    to_text(d, n->kids[i], &text, err) < 0) {
			buf_addf(&d->path, "[%u]", i);
			return -1;
		}
		ret->data[i] = text;
	}
	ret->len = n->len;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct kpair *)a)->key, ((const struct kpair *)b)->key);
}

static int to_pair(struct decoder *d, const struct node *key, const struct node *value,
		   struct kpair *ret, struct err *err)
{
	char tmp[32];
	const char *text = node_key_text(key, tmp, err);

	if (!text) {
		d->at = key;
		return -1;
	}
	ret->key = text == tmp ? arena_strdup(&d->k->arena, text) : text;
	ret->value = "";
	if (node_is_null(value) || to_text(d, value, &ret->value, err) == 0)
		return 0;
	buf_addf(&d->path, "[%.80s]", ret->key);
	return -1;
}

static int to_pairs(struct decoder *d, const struct node *n, struct kpairs *ret,
		    struct err *err)
{
	size_t len = n->len / 2;

	if (n->kind != NODE_MAP)
		return wants(d, n, "a map of texts", err);
	if (len > PAIRS_MAX && !d->at)
		d->at = n;
	if (len > PAIRS_MAX)
		return err_set(err, ERR_LIMIT, "has %zu entries; the most are %u", len,
			       PAIRS_MAX);
	ret->data = arena_alloc(&d->k->arena, (len + 1) * sizeof(*ret->data));
	for (size_t i = 0; i < len; i++) {
		if (to_pair(d, n->kids[2 * i], n->kids[2 * i + 1], &ret->data[i], err) < 0)
			return -1;
	}
	ret->len = len;
	ret->cap = 0;
	if (len)
		qsort(ret->data, len, sizeof(*ret->data), by_key);
	return 0;
}

/* What every KLIST and every pair of a pointer and its number begin with. */
struct list { void *data; size_t len; };

static int to_list(struct decoder *d, const struct ktype *t, const struct node *n,
		   struct list *ret, struct err *err)
{
	if (n->kind != NODE_LIST)
		return wants(d, n, "a list", err);
	ret->data = arena_alloc(&d->k->arena, (n->len + 1) * t->size);
	for (uint32_t i = 0; i < n->len; i++) {
		size_t path = d->path.len;

		buf_addf(&d->path, "[%u]", i);
		if (decode_struct(d, t, n->kids[i], (char *)ret->data + i * t->size,
				  err) < 0)
			return -1;
		d->path.len = path;
		d->path.data[path] = '\0';
	}
	ret->len = n->len;
	return 0;
}

static int decode_custom(struct decoder *d, const struct kfield *f,
			 const struct node *n, void *at, struct err *err)
{
	if (f->custom(d->k, n, at, err) == 0)
		return 0;
	if (!d->at)
		d->at = n;
	return -1;
}

static int decode_pointer(struct decoder *d, const struct ktype *t,
			  const struct node *n, void **ret, struct err *err)
{
	*ret = arena_alloc(&d->k->arena, t->size);
	return decode_struct(d, t, n, *ret, err);
}

static int decode_value(struct decoder *d, const struct kfield *f, const struct node *n,
			void *at, struct err *err)
{
	if (node_is_null(n))
		return 0;
	switch (f->type) {
	case KF_TEXT:
	case KF_TEXT_OR_NULL:
		return to_text(d, n, at, err);
	case KF_BOOL:
		return to_bool(d, n, at, err);
	case KF_INT:
		return to_int(d, n, at, err);
	case KF_TEXTS:
		return to_texts(d, n, at, err);
	case KF_PAIRS:
		return to_pairs(d, n, at, err);
	case KF_STRUCT_PTR:
		return decode_pointer(d, f->of, n, at, err);
	case KF_STRUCT:
		return decode_struct(d, f->of, n, at, err);
	case KF_LIST:
		return to_list(d, f->of, n, at, err);
	case KF_CUSTOM:
		return decode_custom(d, f, n, at, err);
	case KF_IGNORED:
		break;
	}
	return 0;
}

static const struct kfield *find_field(const struct ktype *t, const char *key)
{
	for (const struct kfield *f = t->fields; f->name; f++) {
		if (strcasecmp(f->name, key) == 0)
			return f;
	}
	return NULL;
}

/* Letters to change, add or take away to make one of the other; WORD_MAX of them at most. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t swap = corner + (tolower(a[i - 1]) != tolower(b[j - 1]));
			size_t more = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			corner = row[j];
			row[j] = swap < more ? swap : more;
		}
	}
	return row[nb];
}

/* The field that a misspelt one is meant to be, or NULL. */
static const char *nearest(const struct ktype *t, const char *key)
{
	const char *best = NULL;
	size_t least = 3;

	for (const struct kfield *f = t->fields; f->name; f++) {
		size_t n = distance(f->name, key);

		if (n < least && n < strlen(key)) {
			least = n;
			best = f->name;
		}
	}
	return best;
}

static int unknown(struct decoder *d, const struct ktype *t, const struct node *key,
		   struct err *err)
{
	_cleanup_buf_ struct buf known = BUF_INIT_MAX(200);
	const char *meant = nearest(t, ktext(key));

	for (const struct kfield *f = t->fields; f->name; f++)
		buf_addf(&known, "%s%s", known.len ? ", " : "", f->name);
	d->at = key;
	if (meant)
		return err_set(err, ERR_INVALID, "%s has no such field; write '%s'", t->name,
			       meant);
	return err_set(err, ERR_INVALID, "%s has no such field; it has %s%s", t->name,
		       buf_str(&known), buf_overflowed(&known) ? "..." : "");
}

static int decode_entry(struct decoder *d, const struct ktype *t, const struct node *n,
			uint32_t i, void *ret, struct err *err)
{
	size_t path = d->path.len;
	char tmp[32];
	const char *key = node_key_text(n->kids[i], tmp, err);
	const struct kfield *f = key ? find_field(t, key) : NULL;

	if (!key) {
		d->at = n->kids[i];
		return -1;
	}
	if (!f && !d->strict)
		return 0;
	buf_addf(&d->path, "%s%.80s", path ? "." : "", f ? f->name : key);
	if (!f)
		return unknown(d, t, n->kids[i], err);
	for (uint32_t j = 0; j < i; j += 2) {
		const char *other = node_key_text(n->kids[j], tmp, NULL);

		if (other && strcasecmp(other, f->name) == 0) {
			d->at = n->kids[i];
			return err_set(err, ERR_INVALID, "is there twice, first in line "
				       "%u: remove one", n->kids[j]->line);
		}
	}
	if (decode_value(d, f, n->kids[i + 1], (char *)ret + f->offset, err) < 0)
		return -1;
	d->path.len = path;
	if (d->path.data)
		d->path.data[path] = '\0';
	return 0;
}

/* Absent texts are "": see spec.h. */
static void set_absent(const struct ktype *t, void *ret)
{
	for (const struct kfield *f = t->fields; f->name; f++) {
		if (f->type == KF_TEXT)
			*(const char **)((char *)ret + f->offset) = "";
		else if (f->type == KF_STRUCT)
			set_absent(f->of, (char *)ret + f->offset);
	}
}

static int decode_struct(struct decoder *d, const struct ktype *t, const struct node *n,
			 void *ret, struct err *err)
{
	memset(ret, 0, t->size);
	set_absent(t, ret);
	if (t->line_offset)
		*(uint32_t *)(void *)((char *)ret + t->line_offset) = n->line;
	if (node_is_null(n))
		return 0;
	if (n->kind != NODE_MAP)
		return wants(d, n, "a map", err);
	for (uint32_t i = 0; i < n->len; i += 2) {
		if (decode_entry(d, t, n, i, ret, err) < 0)
			return -1;
	}
	return 0;
}

int kdecode(struct kust *k, const struct ktype *t, const char *file,
	    const struct node *n, bool strict, void *ret, struct err *err)
{
	struct decoder d = { .k = k, .strict = strict,
			     .path = BUF_INIT_MAX(400) };
	int rc = decode_struct(&d, t, n, ret, err);

	if (rc < 0 && d.path.len)
		err_wrap(err, "%s", buf_str(&d.path));
	if (rc < 0 && file)
		err_wrap(err, "%s:%u", file, d.at && d.at->line ? d.at->line : n->line);
	buf_deinit(&d.path);
	return rc;
}

const struct node *kdecode_get(const struct node *map, const char *field)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->len; i += 2) {
		if (map->kids[i]->kind == NODE_SCALAR &&
		    strcasecmp(map->kids[i]->text, field) == 0)
			return map->kids[i + 1];
	}
	return NULL;
}

uint32_t kdecode_line(const struct node *map, const char *field)
{
	for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->len; i += 2) {
		if (strcasecmp(ktext(map->kids[i]), field) == 0)
			return map->kids[i]->line;
	}
	return 0;
}
