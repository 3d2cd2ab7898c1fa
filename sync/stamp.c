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
#include "scan.h"

#define OPERATION "syncd.dev/operation"
#define TRACKING "argocd.argoproj.io/tracking-id"

struct span {
	size_t from, to;	/* from == 0: not there */
};

struct found {	/* where the values are */
	struct span metadata, uid, name, annotations, operation, tracking;
};

struct want {
	const char *key;
	struct span *value;
	struct want *inside;	/* looked for inside that value, an object */
};

/* Walks an object, noting the values of the wanted keys (ended by NULL). */
static int walk_object(struct scan *c, struct want *want)
{
	const char *key;
	size_t len;
	int r;

	if (scan_peek(c) != '{')
		return -1;
	c->i++;
	for (bool first = true; (r = scan_member(c, first, &key, &len)) == 1;
	     first = false) {
		struct want *w = want;
		size_t from = c->i;

		while (w->key && (strlen(w->key) != len || memcmp(w->key, key, len)))
			w++;
		if (w->key && w->value->from)
			return -1;	/* twice: not canonical */
		if (w->key && w->inside ? walk_object(c, w->inside) :
					  scan_value(c))
			return -1;
		if (w->key)
			*w->value = (struct span){ from, c->i };
	}
	return r;
}

static int find_places(const char *body, size_t len, struct found *f)
{
	struct scan c = { body, len, 0 };
	struct want in_annotations[] = {
		{ OPERATION, &f->operation, NULL },
		{ TRACKING, &f->tracking, NULL }, { NULL, NULL, NULL } };
	struct want in_metadata[] = {
		{ "uid", &f->uid, NULL },
		{ "name", &f->name, NULL },
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

/* "app:group/Kind:ns/gen-" becomes "app:group/Kind:ns/<name>". */
static void set_tracking(struct edit *e, const char *body, struct span old,
			 const char *name)
{
	const char *slash = memrchr(body + old.from, '/', old.to - old.from);
	struct buf literal = BUF_INIT;

	e->at = old;
	doc_write_str(&literal, name);
	if (slash) {
		buf_add(&e->text, body + old.from,
			(size_t)(slash + 1 - body) - old.from);
		buf_adds(&e->text, buf_str(&literal) + 1);
	} else {
		buf_add(&e->text, body + old.from, old.to - old.from);
	}
	buf_deinit(&literal);
}

static int by_place(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	return x->at.from < y->at.from ? -1 : x->at.from > y->at.from;
}

static void write_edited(const char *body, size_t len, struct edit *edits, size_t n,
			 struct buf *out)
{
	size_t from = 0;

	qsort(edits, n, sizeof(*edits), by_place);
	for (size_t i = 0; i < n; i++) {
		struct edit *e = &edits[i];

		buf_add(out, body + from, e->at.from - from);
		buf_add(out, e->text.data, e->text.len);
		/* Two insertions into one empty object need a comma. */
		if (i + 1 < n && edits[i + 1].at.from == e->at.from &&
		    body[e->at.to] == '}')
			buf_addc(out, ',');
		from = e->at.to;
		buf_deinit(&e->text);
	}
	buf_add(out, body + from, len - from);
}

static int find(const char *body, size_t len, struct found *f, struct err *err)
{
	if (find_places(body, len, f))
		return err_set(err, ERR_INTERNAL, "a rendered body is not canonical JSON "
			       "with one metadata: render again");
	return 0;
}

int body_stamp(const char *body, size_t len, const char *uid, const char *op,
	       struct buf *out, struct err *err)
{
	struct edit edits[2] = { 0 };
	struct found f = { 0 };
	size_t n = 0;

	if (find(body, len, &f, err))
		return -1;
	if (op && op[0])
		set_operation(&edits[n++], body, &f, op);
	if (uid && uid[0])
		set_member(&edits[n++], body, f.metadata, f.uid, "uid", uid);
	write_edited(body, len, edits, n, out);
	return 0;
}

int body_stamp_hook(const char *body, size_t len, const char *name, const char *op,
		    struct buf *out, struct err *err)
{
	struct edit edits[3] = { 0 };
	struct found f = { 0 };
	size_t n = 0;

	if (find(body, len, &f, err))
		return -1;
	if (op && op[0])
		set_operation(&edits[n++], body, &f, op);
	if (name && name[0])
		set_member(&edits[n++], body, f.metadata, f.name, "name", name);
	if (name && name[0] && f.tracking.from)
		set_tracking(&edits[n++], body, f.tracking, name);
	write_edited(body, len, edits, n, out);
	return 0;
}
