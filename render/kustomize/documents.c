/*
 * documents.c - a text's documents as resources (resource.Factory, kio.ByteReader).
 *
 * Documents are cut apart at lines of `---` before anything reads them, as the
 * reference does: of each cut only the first document counts. Lists give their
 * items: a lone List's items as they are written, any other list's behind the rest of
 * the file, and through JSON, which makes 0777 a 511.
 */
#include "kust_priv.h"

#define RESOURCES_MAX 20000
#define RESOURCES_FACTOR 2	/* read, to those given out: overlays take things away */

struct queue {
	struct node **data;
	size_t len, cap, next;
};

struct reading {
	struct kust *k;
	const char *file;
	const char *text;
	size_t len;
	struct queue queue;
	const char *counted;	/* up to there lines_above newlines were counted */
	uint32_t lines_above;
};

static int at_line(const struct reading *r, const struct node *n, struct err *err)
{
	return err_wrap(err, "%s:%u", r->file, n->line);
}

static void shift_lines(struct node *n, uint32_t by)
{
	if (n->line)
		n->line += by;
	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++)
		shift_lines(n->kids[i], by);
}

/* --- cutting ---------------------------------------------------------------------- */

/* The next line of `---` from at on: where its line break begins, and what follows. */
static const char *find_cut(const char *at, const char *end, const char **after)
{
	const char *cut;

	while ((cut = memmem(at, (size_t)(end - at), "\n---", 4))) {
		const char *line_end = memchr(cut + 1, '\n', (size_t)(end - cut - 1));

		if (!line_end)
			return NULL;
		*after = line_end + 1;
		return cut;
	}
	return NULL;
}

static uint32_t count_lines(const char *from, const char *to)
{
	uint32_t n = 0;

	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

/* Newlines before at; places are asked for from the front to the back. */
static uint32_t lines_before(struct reading *r, const char *at)
{
	const char *from = r->counted && r->counted <= at ? r->counted : r->text;

	r->lines_above = count_lines(from, at) + (from == r->text ? 0 : r->lines_above);
	r->counted = at;
	return r->lines_above;
}

static int check_cut(const struct reading *r, const char *cut, const char *after,
		     struct err *err)
{
	const char *s = cut + 4;

	while (s < after && strchr(" \t\r\n\v\f", *s) && *s)
		s++;
	if (s >= after || *s == '#')
		return 0;
	return err_set(err, ERR_INVALID, "%s:%u: nothing but a comment may follow '---'",
		       r->file, count_lines(r->text, cut) + 2);
}

static char *without_crlf(struct arena *a, const char *text, size_t *len)
{
	char *copy = arena_strndup(a, text, *len), *to = copy;

	for (size_t i = 0; i < *len; i++) {
		if (copy[i] == '\r' && i + 1 < *len && copy[i + 1] == '\n')
			continue;
		*to++ = copy[i];
	}
	*to = '\0';
	*len = (size_t)(to - copy);
	return copy;
}

/* --- reading ------------------------------------------------------------------------ */

static int read_one(struct reading *r, const char *text, size_t len, struct node **ret,
		    struct err *err)
{
	struct node_reader *reader = node_reader_new3(text, len);
	int got = node_read(reader, &r->k->arena, ret, err);

	node_reader_free(reader);
	if (got > 0 && text > r->text)
		shift_lines(*ret, lines_before(r, text));
	if (got >= 0)
		return got;
	if (text > r->text)
		return err_wrap(err, "%s: the document that begins in line %u", r->file,
				lines_before(r, text) + 1);
	return err_wrap(err, "%s", r->file);
}

static bool ends_with_list(const char *kind)
{
	size_t n = strlen(kind);

	return n >= 4 && strcmp(kind + n - 4, "List") == 0;
}

static const char *kind_of(const struct node *n)
{
	const struct node *kind = kget(n, "kind");

	return node_is_null(kind) ? "" : ktext(kind);
}

static bool is_wrapper(const struct node *n)
{
	const char *kind = kind_of(n);

	return (strcmp(kind, "List") == 0 || strcmp(kind, "ResourceList") == 0) &&
	       (kget(n, "items") || kget(n, "functionConfig"));
}

static int unwrap(struct reading *r, const struct node *n, struct err *err)
{
	const struct node *items = kget(n, "items");

	if (!items || node_is_null(items))
		return 0;
	if (items->kind != NODE_LIST) {
		err_set(err, ERR_INVALID, "items is not a list");
		return at_line(r, n, err);
	}
	for (uint32_t i = 0; i < items->len; i++)
		vec_push(&r->queue, items->kids[i]);
	return 0;
}

static int take(struct reading *r, struct node *n, bool alone, struct err *err)
{
	if (n->kind == NODE_SCALAR && node_is_null(n))
		return 0;
	if (alone && is_wrapper(n))
		return unwrap(r, n, err);
	vec_push(&r->queue, n);
	return 0;
}

static int read_all(struct reading *r, struct err *err)
{
	const char *end = r->text + r->len, *at = r->text, *after = NULL;
	bool alone = !find_cut(at, end, &after);

	for (;;) {
		const char *cut = find_cut(at, end, &after);
		const char *stop = cut ? cut + 1 : end;
		struct node *n;
		int got;

		if (cut && check_cut(r, cut, after, err) < 0)
			return -1;
		got = read_one(r, at, (size_t)(stop - at), &n, err);
		if (got < 0 || (got > 0 && take(r, n, alone, err) < 0))
			return -1;
		if (!cut)
			return 0;
		at = after;
	}
}

/* --- judging ---------------------------------------------------------------------------- */

static bool is_empty(const struct node *n)
{
	return n->kind == NODE_SCALAR ? node_is_null(n) : !n->len;
}

/* GetValidatedMetadata */
static int check_meta(const struct reading *r, const struct node *n, struct err *err)
{
	const char *kind = kind_of(n);
	const struct node *name = kfind(n, "metadata", "name", NULL);
	int bad = 0;

	if (n->kind != NODE_MAP)
		bad = err_set(err, ERR_INVALID, "not an object: a map with apiVersion, kind "
			      "and metadata is expected");
	else if (!*kind)
		bad = err_set(err, ERR_INVALID, "kind is missing");
	else if (!ends_with_list(kind) && (node_is_null(name) || !*ktext(name)))
		bad = err_set(err, ERR_INVALID, "%.80s: metadata.name is missing", kind);
	return bad ? at_line(r, n, err) : 0;
}

/* An item of a list, through JSON and read again: a lone List in it is unwrapped. */
static int requeue_item(struct reading *r, const struct node *item, struct err *err)
{
	struct node *plain;

	if (node_through_json(&r->k->arena, item, &plain, err) < 0)
		return at_line(r, item, err);
	if (plain->kind == NODE_SCALAR && node_is_null(plain))
		return 0;
	return take(r, plain, true, err);
}

/* 1: it was a list, and its items are in the queue; 0: not a list. */
static int expand(struct reading *r, const struct node *n, struct err *err)
{
	const struct node *items = kget(n, "items");

	if (!ends_with_list(kind_of(n)))
		return 0;
	if (node_check_doubles(n, err) < 0)	/* it is read into values whole */
		return at_line(r, n, err);
	if (!items)
		return 0;
	if (node_is_null(items))
		return 1;
	if (items->kind != NODE_LIST) {
		err_set(err, ERR_INVALID, "%.80s: items is not a list", kind_of(n));
		return at_line(r, n, err);
	}
	for (uint32_t i = 0; i < items->len; i++) {
		if (requeue_item(r, items->kids[i], err) < 0)
			return -1;
	}
	return 1;
}

static int make(struct reading *r, struct node *n, struct kres_list *ret,
		struct err *err)
{
	size_t max = (r->k->o->objects ? r->k->o->objects : RESOURCES_MAX) *
		     RESOURCES_FACTOR;

	if (++r->k->resources > max) {
		err_set(err, ERR_LIMIT, "more than %zu objects are read", max);
		return at_line(r, n, err);
	}
	vec_push(ret, kres_new(r->k, n, r->file));
	return 0;
}

static int judge_all(struct reading *r, struct kres_list *ret, struct err *err)
{
	while (r->queue.next < r->queue.len) {
		struct node *n = r->queue.data[r->queue.next++];
		int expanded;

		if (is_empty(n))
			continue;
		if (check_meta(r, n, err) < 0)
			return -1;
		expanded = expand(r, n, err);
		if (expanded < 0 || (!expanded && make(r, n, ret, err) < 0))
			return -1;
	}
	return 0;
}

int kload_patches(struct kust *k, const char *file, const char *text, size_t len,
		  struct kres_list *ret, struct err *err)
{
	struct reading r = { .k = k, .file = file, .len = len };
	int rc;

	r.text = memmem(text, len, "\r\n", 2) ? without_crlf(&k->arena, text, &r.len) :
						text;
	rc = read_all(&r, err);
	if (rc == 0)
		rc = judge_all(&r, ret, err);
	vec_deinit(&r.queue);
	return rc;
}

int kload_resources(struct kust *k, const char *file, const char *text, size_t len,
		    struct kmap *ret, struct err *err)
{
	_cleanup_kres_list_ struct kres_list all = { 0 };

	if (kload_patches(k, file, text, len, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.len; i++) {
		if (kmap_append(ret, all.data[i], err) < 0)
			return -1;
	}
	return 0;
}
