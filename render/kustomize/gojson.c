/* gojson.c - JSON as Go's encoding/json writes it: compact, HTML-safe, keys sorted. */
#include "core/utf8.h"

#include "gojson.h"

static void put_escape(struct buf *out, unsigned char c)
{
	static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *at = c ? strchr(named, c) : NULL;

	if (at)
		buf_addf(out, "\\%c", letters[at - named]);
	else
		buf_addf(out, "\\u%04x", c);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && !strchr("\"\\<>&", c);
}

void kgojson_put_text(struct buf *out, const char *s, size_t n)
{
	buf_addc(out, '"');
	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];

		len = utf8_len(s + i, n - i);
		if (len == 1 && is_plain(c))
			buf_addc(out, (char)c);
		else if (len == 1)
			put_escape(out, c);
		else if (len == 3 && memcmp(s + i, "\xe2\x80\xa8", 3) == 0)
			buf_adds(out, "\\u2028");
		else if (len == 3 && memcmp(s + i, "\xe2\x80\xa9", 3) == 0)
			buf_adds(out, "\\u2029");
		else if (len)
			buf_add(out, s + i, len);
		else
			buf_adds(out, "\\ufffd");
		len += !len;
	}
	buf_addc(out, '"');
}

struct put {
	struct arena *a;
	struct buf *out;
	unsigned how;
};

static void new_line(const struct put *p, int depth)
{
	if (!(p->how & KGOJSON_INDENT))
		return;
	buf_addc(p->out, '\n');
	for (int i = 0; i < depth; i++)
		buf_adds(p->out, "  ");
}

static int put_scalar(const struct put *p, const struct node *n, struct err *err)
{
	enum node_type type = node_type3(n);
	struct node *plain;
	char number[32];

	if (type == NODE_STR) {
		kgojson_put_text(p->out, n->text, n->len);
		return 0;
	}
	if (node_canonical(p->a, n, &plain, err) < 0)
		return -1;
	if (type == NODE_TIME || type == NODE_BINARY || type == NODE_MERGE) {
		kgojson_put_text(p->out, plain->text, plain->len);
	} else if ((p->how & KGOJSON_FLOATS) && (type == NODE_INT || type == NODE_FLOAT)) {
		node_float_text(strtod(plain->text, NULL), number);
		buf_adds(p->out, number);
	} else {
		buf_adds(p->out, plain->text);
	}
	return 0;
}

static int put(const struct put *p, const struct node *n, int depth, struct err *err);

static int put_list(const struct put *p, const struct node *n, int depth, struct err *err)
{
	buf_addc(p->out, '[');
	for (uint32_t i = 0; i < n->len; i++) {
		if (i)
			buf_addc(p->out, ',');
		new_line(p, depth + 1);
		if (put(p, n->kids[i], depth + 1, err) < 0)
			return -1;
	}
	if (n->len)
		new_line(p, depth);
	buf_addc(p->out, ']');
	return 0;
}

static const char *key_text(const struct node *key)
{
	return key->kind == NODE_SCALAR ? key->text : "";
}

static int by_key(const void *a, const void *b)
{
	return strcmp(key_text(*(struct node *const *)a), key_text(*(struct node *const *)b));
}

static int put_map(const struct put *p, const struct node *n, int depth, struct err *err)
{
	struct node **kids = arena_alloc(p->a, (n->len + 1) * sizeof(*kids));

	if (n->len) {
		memcpy(kids, n->kids, n->len * sizeof(*kids));
		qsort(kids, n->len / 2, 2 * sizeof(*kids), by_key);
	}
	buf_addc(p->out, '{');
	for (uint32_t i = 0; i < n->len; i += 2) {
		if (i && by_key(kids + i - 2, kids + i) == 0)
			return err_set(err, ERR_INVALID, "line %u: key '%.80s' is there twice; "
				       "remove one of them", kids[i]->line, key_text(kids[i]));
		if (i)
			buf_addc(p->out, ',');
		new_line(p, depth + 1);
		kgojson_put_text(p->out, key_text(kids[i]), strlen(key_text(kids[i])));
		buf_adds(p->out, p->how & KGOJSON_INDENT ? ": " : ":");
		if (put(p, kids[i + 1], depth + 1, err) < 0)
			return -1;
	}
	if (n->len)
		new_line(p, depth);
	buf_addc(p->out, '}');
	return 0;
}

static int put(const struct put *p, const struct node *n, int depth, struct err *err)
{
	if (n->kind == NODE_SCALAR)
		return put_scalar(p, n, err);
	return n->kind == NODE_MAP ? put_map(p, n, depth, err) : put_list(p, n, depth, err);
}

int kgojson_put(struct arena *a, struct buf *out, const struct node *n, unsigned how,
	      struct err *err)
{
	struct put p = { a, out, how };

	return put(&p, n, 0, err);
}
