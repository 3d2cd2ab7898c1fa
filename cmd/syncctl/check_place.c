/*
 * Where in its file a field stands. The renderer says in which file and line an object
 * begins; the file is read once more and followed as far as the field's path goes. What
 * an overlay changed or added is not there, or is there with another value.
 */
#include "checks.h"

#define FILE_MAX ((size_t)16 << 20)
#define STEPS_MAX 256

void places_init(struct places *p, struct files *files)
{
	*p = (struct places){ .files = files };
}

static void forget(struct places *p)
{
	free(p->path);
	p->path = NULL;
	vec_deinit(&p->rows);
	arena_deinit(&p->arena);
}

void places_deinit(struct places *p)
{
	forget(p);
}

static void add(struct places *p, const struct node *n)
{
	vec_push(&p->rows, ((struct place_row){ n, p->rows.len }));
}

static int by_line(const void *a, const void *b)
{
	const struct place_row *x = a, *y = b;
	int c = (x->object->line > y->object->line) - (x->object->line < y->object->line);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* As far as it can be read: what comes behind a mistake is not found. */
static void load(struct places *p, const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	struct node_reader *r;
	struct node *n = NULL;
	size_t len;

	if (p->path && !strcmp(p->path, path))
		return;
	forget(p);
	p->path = xstrdup(path);
	if (p->files->ops->read(p->files, path, FILE_MAX, &text, &len, &err))
		return;
	r = node_reader_new3(text, len);
	while (node_read(r, &p->arena, &n, &err) == 1) {
		const struct node *items = node_get(n, "items");

		add(p, n);
		for (uint32_t k = 0; items && items->kind == NODE_LIST && k < items->len; k++)
			add(p, items->kids[k]);
	}
	node_reader_free(r);
	if (p->rows.len)
		qsort(p->rows.data, p->rows.len, sizeof(p->rows.data[0]), by_line);
}

/* The first object that begins at that line: a document, or an item of a List. */
static const struct node *object_at(const struct places *p, unsigned line)
{
	size_t from = 0, to = p->rows.len;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (p->rows.data[middle].object->line < line)
			from = middle + 1;
		else
			to = middle;
	}
	return from < p->rows.len && p->rows.data[from].object->line == line ?
	       p->rows.data[from].object : NULL;
}

static const struct node *item_called(const struct node *list, const char *name)
{
	for (uint32_t i = 0; i < list->len; i++) {
		const char *its = node_get_str(list->kids[i], "name");

		if (its && !strcmp(its, name))
			return list->kids[i];
	}
	return NULL;
}

/* One step down; *line is that of the key, where it has one. */
static const struct node *step(const struct node *n, const struct field *f, unsigned *line)
{
	const struct node *key = f->key ? node_get_key(n, f->key) : NULL;
	const char *name = f->key;

	/* the renderer folds it */
	if (name && !key && !strcmp(name, "data") && node_get(n, "stringData"))
		key = node_get_key(n, name = "stringData");
	if (name && key && key->line)
		*line = key->line;
	if (name)
		return node_get(n, name);
	if (!n || n->kind != NODE_LIST)
		return NULL;
	n = f->name ? item_called(n, f->name) :
	    f->index < n->len ? n->kids[f->index] : NULL;
	if (n && n->line)
		*line = n->line;
	return n;
}

/* Does the file say what the object has? Only texts can tell. */
static bool agrees(const struct node *n, const json_t *value)
{
	return !json_is_string(value) || n->kind != NODE_SCALAR || !node_is_string(n) ||
	       !strcmp(n->text, json_string_value(value));
}

bool places_find(struct places *p, const char *path, unsigned object_line,
		 const struct field *at, unsigned *ret_line)
{
	const struct field *steps[STEPS_MAX];
	const struct node *n;
	size_t len = 0;

	*ret_line = object_line ? object_line : 1;
	load(p, path);
	n = object_at(p, object_line);
	if (!n)
		return true;
	for (const struct field *f = at; f && f->up && len < STEPS_MAX; f = f->up)
		steps[len++] = f;
	while (len--) {
		n = step(n, steps[len], ret_line);
		if (!n)
			return !at->value;
	}
	return !at || agrees(n, at->value);
}
