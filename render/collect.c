/*
 * collect.c - the documents of one file after the other.
 *
 * In a directory there may be YAML that is no manifest (values files, pipelines).
 * A file without any sign of apiVersion and kind is left out with a warning; a file
 * that has a sign of it must be right as a whole: leaving out a broken manifest
 * would look like its removal and prune what it describes.
 */
#include <stdarg.h>

#include "render_priv.h"

#define WARNINGS_MAX 20

static size_t or_default(size_t v, size_t fallback)
{
	return v ? v : fallback;
}

void collect_init(struct collect *c, const struct render_request *r,
		  struct render_answer *a)
{
	*c = (struct collect){ .r = r, .a = a, .from = "" };
	*a = (struct render_answer){ 0 };
	c->caps.source_bytes = or_default(r->caps.source_bytes, (size_t)32 << 20);
	c->caps.file_bytes = or_default(r->caps.file_bytes, (size_t)16 << 20);
	c->caps.object_bytes = or_default(r->caps.object_bytes, (size_t)3 << 20);
	c->caps.objects = or_default(r->caps.objects, 20000);
}

void collect_warn(struct collect *c, const char *fmt, ...)
{
	struct render_answer *a = c->a;
	struct err text;
	va_list ap;

	if (a->n_warnings >= WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	err_vset(&text, ERR_INVALID, fmt, ap);	/* for its bounded text */
	va_end(ap);
	a->warnings = xrealloc(a->warnings, (a->n_warnings + 1) * sizeof(*a->warnings));
	a->warnings[a->n_warnings++] = *c->from ? xasprintf("%s: %s", c->from, text.msg) :
						  xstrdup(text.msg);
}

static bool has_sign(const char *text, size_t len)
{
	return memmem(text, len, "apiVersion", 10) || memmem(text, len, "kind", 4);
}

/* Argo CD's own sign that a file was meant as a manifest. */
static bool looks_like_objects(const char *text, size_t len)
{
	return memmem(text, len, "apiVersion:", 11) && memmem(text, len, "kind:", 5) &&
	       memmem(text, len, "metadata:", 9);
}

/* Neither apiVersion nor kind: not meant as an object. */
static bool is_other(const struct node *n)
{
	return n->kind != NODE_MAP ||
	       (!node_get(n, "apiVersion") && !node_get(n, "kind"));
}

static void reader_freep(struct node_reader **r)
{
	node_reader_free(*r);
}

/* The next document into the answer. 1: went on; 0: end; -1: error. */
static int collect_next(struct collect *c, struct node_reader *r, const char *path,
			unsigned *other_line, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node *n;
	int got = node_read(r, &a, &n, err);

	if (got < 0)
		return err_wrap(err, "%s", path);
	if (got == 0 || node_is_null(n))
		return got;
	if (is_other(n)) {
		if (!*other_line)
			*other_line = n->line ? n->line : 1;
		return 1;
	}
	return object_add(c, &a, n, path, err) < 0 ? -1 : 1;
}

int collect_text(struct collect *c, const char *path, const char *text, size_t len,
		 bool guess, struct err *err)
{
	_cleanup_(reader_freep) struct node_reader *r = node_reader_new(text, len);
	struct err bad = ERR_INIT;
	size_t before = c->objects.len;
	unsigned other_line = 0;
	int got;

	do {
		got = collect_next(c, r, path, &other_line, &bad);
	} while (got > 0);
	if (got < 0 && guess && bad.code == ERR_INVALID && !has_sign(text, len)) {
		collect_warn(c, "left out, it is no manifest: %s", bad.msg);
		return 0;
	}
	if (got < 0) {
		if (err)
			*err = bad;
		return -1;
	}
	if (!other_line)
		return 0;
	if (!guess || c->objects.len > before)
		return err_set(err, ERR_INVALID, "%s:%u: a document without apiVersion and "
			       "kind", path, other_line);
	if (looks_like_objects(text, len))
		return err_set(err, ERR_INVALID, "%s:%u: objects below the top of a "
			       "document: put each into a document of its own (---) or "
			       "under items of a kind: List", path, other_line);
	collect_warn(c, "%s:%u: left out, it has neither apiVersion nor kind", path,
		     other_line);
	return 0;
}
