/*
 * The happy path: walk the members of the top level to "metadata", walk its
 * members noting where uid and annotations are, walk on to the end to know that
 * the body is whole, then copy it with one or two insertions. It fails only on
 * bytes that our own renderer would never write.
 */
#include "sync/stamp.h"

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define OPERATION "syncd.dev/operation"

struct span {
	size_t from, to;	/* from == 0: not there */
};

struct cursor {
	const char *s;
	size_t n, i;
};

struct found {
	struct span metadata, uid, annotations, operation;	/* of the values */
};

static int peek(const struct cursor *c)
{
	return c->i < c->n ? (unsigned char)c->s[c->i] : -1;
}

static int skip_string(struct cursor *c)
{
	if (peek(c) != '"')
		return -1;
	for (c->i++; c->i < c->n; c->i++) {
		if (c->s[c->i] == '\\')
			c->i++;
		else if (c->s[c->i] == '"') {
			c->i++;
			return 0;
		}
	}
	return -1;
}

static int skip_literal(struct cursor *c)
{
	size_t start = c->i;

	while (c->i < c->n && !memchr(",]}[{\": \n\r\t", c->s[c->i], 11))
		c->i++;
	return c->i > start ? 0 : -1;
}

/* Only nesting is counted: the API server judges the rest of the grammar. */
static int skip_nested(struct cursor *c)
{
	size_t depth = 0;

	do {
		int ch = peek(c);

		if (ch == '"') {
			if (skip_string(c))
				return -1;
			continue;
		}
		if (ch == '{' || ch == '[')
			depth++;
		else if (ch == '}' || ch == ']')
			depth--;
		else if (ch < 0)
			return -1;
		c->i++;
	} while (depth);
	return 0;
}

static int skip_value(struct cursor *c)
{
	int ch = peek(c);

	if (ch == '{' || ch == '[')
		return skip_nested(c);
	return ch == '"' ? skip_string(c) : skip_literal(c);
}

/*
 * The next member of an object whose "{" was eaten: 1 with its key, the cursor
 * at its value; 0 after the "}"; -1 when neither is there.
 */
static int next_member(struct cursor *c, bool first, const char **key,
		       size_t *len)
{
	size_t start;

	if (peek(c) == '}') {
		c->i++;
		return 0;
	}
	if (!first) {
		if (peek(c) != ',')
			return -1;
		c->i++;
	}
	start = c->i;
	if (skip_string(c) || peek(c) != ':')
		return -1;
	*key = c->s + start + 1;
	*len = c->i - start - 2;
	c->i++;
	return 1;
}

struct want {
	const char *key;
	struct span *value;
	struct want *inside;	/* looked for inside that value, an object */
};

/* Walks an object, noting the values of the wanted keys (ended by NULL). */
static int walk_object(struct cursor *c, struct want *want)
{
	const char *key;
	size_t len;
	int r;

	if (peek(c) != '{')
		return -1;
	c->i++;
	for (bool first = true; (r = next_member(c, first, &key, &len)) == 1;
	     first = false) {
		struct want *w = want;
		size_t from = c->i;

		while (w->key && (strlen(w->key) != len || memcmp(w->key, key, len)))
			w++;
		if (w->key && w->value->from)
			return -1;	/* twice: not canonical */
		if (w->key && w->inside ? walk_object(c, w->inside) :
					  skip_value(c))
			return -1;
		if (w->key)
			*w->value = (struct span){ from, c->i };
	}
	return r;
}

static int find_places(const char *body, size_t len, struct found *f)
{
	struct cursor c = { body, len, 0 };
	struct want in_annotations[] = {
		{ OPERATION, &f->operation, NULL }, { NULL, NULL, NULL } };
	struct want in_metadata[] = {
		{ "uid", &f->uid, NULL },
		{ "annotations", &f->annotations, in_annotations },
		{ NULL, NULL, NULL } };
	struct want top[] = {
		{ "metadata", &f->metadata, in_metadata },
		{ NULL, NULL, NULL } };

	return walk_object(&c, top) || c.i != len || !f->metadata.from ? -1 : 0;
}

struct edit {
	struct span at;		/* replaced; empty = inserted */
	struct buf text;
};

/* "key":"value" into the object at `object`, or over the value it has. */
static void set_member(struct edit *e, const char *body, struct span object,
		       struct span old, const char *key, const char *value)
{
	if (old.from) {
		e->at = old;
		doc_write_str(&e->text, value);
		return;
	}
	e->at = (struct span){ object.from + 1, object.from + 1 };
	buf_addf(&e->text, "\"%s\":", key);
	doc_write_str(&e->text, value);
	if (body[object.from + 1] != '}')
		buf_addc(&e->text, ',');
}

static void set_operation(struct edit *e, const char *body,
			  const struct found *f, const char *op)
{
	struct buf *t = &e->text;

	if (f->annotations.from) {
		set_member(e, body, f->annotations, f->operation, OPERATION, op);
		return;
	}
	e->at = (struct span){ f->metadata.from + 1, f->metadata.from + 1 };
	buf_adds(t, "\"annotations\":{\"" OPERATION "\":");
	doc_write_str(t, op);
	buf_addc(t, '}');
	if (body[f->metadata.from + 1] != '}')
		buf_addc(t, ',');
}

int body_stamp(const char *body, size_t len, const char *uid, const char *op,
	       struct buf *out, struct err *err)
{
	struct edit edits[2] = { 0 };
	struct found f = { 0 };
	size_t n = 0, from = 0;

	if (find_places(body, len, &f))
		return err_set(err, ERR_INTERNAL, "a rendered body is not canonical JSON "
			       "with one metadata: render again");
	if (op && op[0])
		set_operation(&edits[n++], body, &f, op);
	if (uid && uid[0])
		set_member(&edits[n++], body, f.metadata, f.uid, "uid", uid);
	if (n == 2 && edits[1].at.from < edits[0].at.from) {
		struct edit swap = edits[0];

		edits[0] = edits[1];
		edits[1] = swap;
	}
	/* Two insertions at one place into an empty metadata need a comma. */
	if (n == 2 && edits[0].at.from == edits[1].at.from &&
	    body[edits[0].at.to] == '}')
		buf_addc(&edits[0].text, ',');
	for (size_t i = 0; i < n; i++) {
		buf_add(out, body + from, edits[i].at.from - from);
		buf_add(out, edits[i].text.data, edits[i].text.len);
		from = edits[i].at.to;
		buf_deinit(&edits[i].text);
	}
	buf_add(out, body + from, len - from);
	return 0;
}
