/* What was asked of a tree of files, for later: who depends on what. */
#include "survey.h"

static struct reads *self(struct files *f)
{
	return container_of(f, struct reads, files);
}

static void note(struct files *f, enum read_op op, const char *path)
{
	struct reads *r = self(f);

	vec_push(&r->rows, ((struct read_row){ op, xstrdup(path) }));
}

static int reads_stat(struct files *f, const char *path, struct file_entry *ret,
		      struct err *err)
{
	note(f, READ_KIND, path);
	return self(f)->inner->ops->stat(self(f)->inner, path, ret, err);
}

static int reads_list(struct files *f, const char *path, struct file_list *ret,
		      struct err *err)
{
	note(f, READ_FOLDER, path);
	return self(f)->inner->ops->list(self(f)->inner, path, ret, err);
}

static int reads_read(struct files *f, const char *path, size_t max, char **ret,
		      size_t *ret_len, struct err *err)
{
	note(f, READ_FILE, path);
	return self(f)->inner->ops->read(self(f)->inner, path, max, ret, ret_len, err);
}

static int reads_link(struct files *f, const char *path, char **ret, struct err *err)
{
	struct files *inner = self(f)->inner;

	note(f, READ_LINK, path);
	if (inner->ops->link)
		return inner->ops->link(inner, path, ret, err);
	return err_set(err, ERR_INVALID, "%s: a symbolic link is not followed", path);
}

static void reads_end(struct files *f)
{
	(void)f;	/* the inner one is borrowed */
}

void reads_init(struct reads *r, struct files *inner)
{
	static const struct files_ops ops = { reads_stat, reads_list, reads_read,
					      reads_end, reads_link };

	*r = (struct reads){ .files = { &ops }, .inner = inner };
}

static int by_path(const void *a, const void *b)
{
	const struct read_row *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	return c ? c : (int)x->op - (int)y->op;
}

void reads_close(struct reads *r)
{
	size_t kept = 0;

	if (r->rows.len)
		qsort(r->rows.data, r->rows.len, sizeof(r->rows.data[0]), by_path);
	for (size_t i = 0; i < r->rows.len; i++) {
		if (kept && !by_path(&r->rows.data[kept - 1], &r->rows.data[i]))
			free(r->rows.data[i].path);
		else
			r->rows.data[kept++] = r->rows.data[i];
	}
	r->rows.len = kept;
	r->inner = NULL;
}

void reads_deinit(struct reads *r)
{
	for (size_t i = 0; i < r->rows.len; i++)
		free(r->rows.data[i].path);
	vec_deinit(&r->rows);
}

/* ---- comparing two trees ---- */

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

static bool may_be_input(const struct file_entry *e)
{
	return e->kind != FILE_REGULAR || ends(e->name, ".yaml") || ends(e->name, ".yml") ||
	       ends(e->name, ".json") || !strcmp(e->name, "Kustomization");
}

static void drop_others(struct file_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (may_be_input(&l->data[i]))
			l->data[kept++] = l->data[i];
		else
			free(l->data[i].name);
	}
	l->len = kept;
}

static bool same_lists(const char *path, struct files *a, struct files *b)
{
	_cleanup_(file_list_deinit) struct file_list x = { 0 }, y = { 0 };
	struct err err = ERR_INIT;
	bool no_x = a->ops->list(a, path, &x, &err), no_y = b->ops->list(b, path, &y, &err);

	if (no_x || no_y)
		return no_x && no_y;
	drop_others(&x);
	drop_others(&y);
	if (x.len != y.len)
		return false;
	for (size_t i = 0; i < x.len; i++)
		if (x.data[i].kind != y.data[i].kind || strcmp(x.data[i].name, y.data[i].name))
			return false;
	return true;
}

bool reads_same(const struct read_row *row, struct files *a, struct files *b)
{
	_cleanup_free_ char *x_name = NULL, *y_name = NULL;
	struct file_entry x = { 0 }, y = { 0 };
	struct err err = ERR_INIT;
	bool no_x, no_y;

	if (row->op == READ_FOLDER)
		return same_lists(row->path, a, b);
	no_x = a->ops->stat(a, row->path, &x, &err);
	no_y = b->ops->stat(b, row->path, &y, &err);
	x_name = x.name;
	y_name = y.name;
	if (no_x || no_y)
		return no_x && no_y;
	return x.kind == y.kind && (row->op == READ_KIND || !strcmp(x.id, y.id));
}
