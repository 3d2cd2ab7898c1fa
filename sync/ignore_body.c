/*
 * Bodies without what is ignored of them, and fields of bodies: a walk over the
 * bytes, since a rendered object never becomes a tree (its numbers would change).
 * The depth is bounded by that of the tree.
 */
#include "ignore.h"

#include <stdarg.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "scan.h"

static int cut(struct scan *c, const json_t *node, unsigned depth, struct buf *out);

/* The name of a member as text; NULL: nothing that could be looked for. */
static char *name_of(const char *key, size_t len)
{
	_cleanup_json_ json_t *j = NULL;

	if (!memchr(key, '\\', len))
		return xstrndup(key, len);
	j = doc_parse(key - 1, len + 2, NULL);
	return json_is_string(j) ? xstrdup(json_string_value(j)) : NULL;
}

static void shorten(struct buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

/*
 * What lies at the cursor goes to out, behind a comma and `before`, unless it is
 * ignored or has become empty by what is.
 */
static int cut_one(struct scan *c, const json_t *below, unsigned depth,
		   const char *before, size_t n, struct buf *out)
{
	size_t was = out->len, from;

	if (ignore_is_all(below))
		return scan_value(c);
	if (out->data[was - 1] != '{' && out->data[was - 1] != '[')
		buf_addc(out, ',');
	buf_add(out, before, n);
	from = c->i;
	if (!below) {
		if (scan_value(c))
			return -1;
		buf_add(out, c->s + from, c->i - from);
		return 0;
	}
	n = out->len;
	if (cut(c, below, depth + 1, out))
		return -1;
	if (out->len == n + 2 && c->i - from > 2 && strchr("{[", out->data[n]))
		shorten(out, was);
	return 0;
}

static int cut_object(struct scan *c, const json_t *node, unsigned depth,
		      struct buf *out)
{
	const char *key;
	size_t len;
	int r;

	c->i++;
	buf_addc(out, '{');
	for (bool first = true; (r = scan_member(c, first, &key, &len)) == 1;
	     first = false) {
		_cleanup_free_ char *name = name_of(key, len);
		_cleanup_json_ json_t *below = name ? ignore_field(node, name) : NULL;

		if (cut_one(c, below, depth, key - 1, len + 3, out))
			return -1;
	}
	buf_addc(out, '}');
	return r;
}

/* The keys of a list's item, as a small tree of its scalars; {} is all else. Owned; NULL. */
static json_t *item_keys(struct scan at)
{
	json_t *keys;
	const char *key;
	size_t len;

	if (scan_peek(&at) != '{') {
		size_t from = at.i;

		return scan_value(&at) ? NULL :
		       doc_parse(at.s + from, at.i - from, NULL);
	}
	keys = json_object();
	at.i++;
	for (bool first = true; scan_member(&at, first, &key, &len) == 1;
	     first = false) {
		_cleanup_free_ char *name = name_of(key, len);
		int ch = scan_peek(&at);
		size_t from = at.i;

		if (scan_value(&at))
			break;
		if (name)
			json_object_set_new(keys, name, ch == '{' || ch == '[' ? json_object() :
					    doc_parse(at.s + from, at.i - from, NULL));
	}
	return keys;
}

static int cut_list(struct scan *c, const json_t *node, unsigned depth,
		    struct buf *out)
{
	_cleanup_(ignore_list_deinit) struct ignore_list l = { .node = node };
	size_t index = 0;
	int r;

	c->i++;
	buf_addc(out, '[');
	while ((r = scan_item(c, !index)) == 1) {
		_cleanup_json_ json_t *keys = item_keys(*c);
		_cleanup_json_ json_t *below = ignore_item(&l, index, keys);

		if (cut_one(c, below, depth, "", 0, out))
			return -1;
		index++;
	}
	buf_addc(out, ']');
	return r;
}

static int cut(struct scan *c, const json_t *node, unsigned depth, struct buf *out)
{
	size_t from = c->i;

	if (depth > IGNORE_MAX_DEPTH + 1)
		return -1;
	if (scan_peek(c) == '{')
		return cut_object(c, node, depth, out);
	if (scan_peek(c) == '[')
		return cut_list(c, node, depth, out);
	if (scan_value(c))
		return -1;
	buf_add(out, c->s + from, c->i - from);
	return 0;
}

int ignore_cut_body(const char *body, size_t len, const json_t *tree,
		    struct buf *out, struct err *err)
{
	struct scan c = { body, len, 0 };

	if (scan_peek(&c) != '{' || cut(&c, tree, 0, out) || c.i != len)
		return err_set(err, ERR_INTERNAL, "a rendered body is not canonical "
			       "JSON: render again");
	return 0;
}

const char *body_field(const char *body, size_t len, size_t *ret_len, ...)
{
	struct scan c = { body, len, 0 };
	const char *name;
	va_list ap;
	int r = 1;

	va_start(ap, ret_len);
	while (r == 1 && (name = va_arg(ap, const char *))) {
		const char *key;
		size_t n;

		r = scan_peek(&c) == '{' ? 1 : -1;
		c.i++;
		for (bool first = true;
		     r == 1 && (r = scan_member(&c, first, &key, &n)) == 1 &&
		     (n != strlen(name) || memcmp(key, name, n)); first = false)
			r = scan_value(&c) ? -1 : 1;
	}
	va_end(ap);
	if (r != 1)
		return NULL;
	body = c.s + c.i;
	len = c.i;
	if (scan_value(&c))
		return NULL;
	*ret_len = c.i - len;
	return body;
}
