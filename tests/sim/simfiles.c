/* A commit of gitsim as a `struct files`: folders are prefixes of paths. */
#include <stdio.h>

#include "core/doc.h"
#include "gitsim.h"
#include "simworkers.h"

struct files_sim {
	struct files base;
	struct gitsim *git;
	char oid[65];
};

static struct files_sim *of(struct files *f)
{
	return container_of(f, struct files_sim, base);
}

static const char *text_of(struct files_sim *f, const char *path)
{
	const char *text, *p;

	for (size_t i = 0; (p = gitsim_file(f->git, f->oid, i, &text)); i++)
		if (!strcmp(p, path))
			return text;
	return NULL;
}

/* What follows folder/ in a path below it, or NULL. */
static const char *below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (!n)
		return path;
	return !strncmp(path, folder, n) && path[n] == '/' ? path + n + 1 : NULL;
}

static bool is_folder(struct files_sim *f, const char *path)
{
	const char *text, *p;

	if (!*path)
		return true;
	for (size_t i = 0; (p = gitsim_file(f->git, f->oid, i, &text)); i++)
		if (below(p, path))
			return true;
	return false;
}

static void add_bytes(struct buf *b, struct files_sim *f, const char *folder)
{
	const char *text, *p;

	for (size_t i = 0; (p = gitsim_file(f->git, f->oid, i, &text)); i++)
		if (below(p, folder))
			buf_addf(b, "%s\n%s\n", below(p, folder), text);
}

/* An id made of the content, as Git's are. */
static void fill(struct files_sim *f, const char *path, struct file_entry *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *text = text_of(f, path);
	const char *slash = strrchr(path, '/');
	char hex[65];

	e->name = xstrdup(slash ? slash + 1 : path);
	e->kind = text ? FILE_REGULAR : FILE_FOLDER;
	if (text)
		buf_adds(&b, text);
	else
		add_bytes(&b, f, path);
	sha256_hex(buf_str(&b), b.len, hex);
	snprintf(e->id, sizeof(e->id), "%.40s", hex);
}

static int op_stat(struct files *base, const char *path, struct file_entry *ret,
		   struct err *err)
{
	struct files_sim *f = of(base);

	if (!text_of(f, path) && !is_folder(f, path))
		return err_set(err, ERR_NOTFOUND, "%s: no such file or folder", path);
	fill(f, path, ret);
	return 0;
}

static bool listed(const struct file_list *l, const char *name, size_t n)
{
	for (size_t i = 0; i < l->len; i++)
		if (strlen(l->data[i].name) == n &&
		    !strncmp(l->data[i].name, name, n))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_entry *)a)->name,
		      ((const struct file_entry *)b)->name);
}

static int op_list(struct files *base, const char *path, struct file_list *ret,
		   struct err *err)
{
	struct files_sim *f = of(base);
	const char *text, *p;

	if (text_of(f, path))
		return err_set(err, ERR_INVALID, "%s: not a folder", path);
	if (!is_folder(f, path))
		return err_set(err, ERR_NOTFOUND, "%s: no such folder", path);
	for (size_t i = 0; (p = gitsim_file(f->git, f->oid, i, &text)); i++) {
		const char *rest = below(p, path);
		size_t n = rest ? strcspn(rest, "/") : 0;
		_cleanup_free_ char *full = NULL;
		struct file_entry e = { 0 };

		if (!n || listed(ret, rest, n))
			continue;
		full = xstrndup(p, (size_t)(rest - p) + n);
		fill(f, full, &e);
		vec_push(ret, e);
	}
	if (ret->len)
		qsort(ret->data, ret->len, sizeof(ret->data[0]), by_name);
	return 0;
}

static int op_read(struct files *base, const char *path, size_t max, char **ret,
		   size_t *ret_len, struct err *err)
{
	const char *text = text_of(of(base), path);

	if (!text && is_folder(of(base), path))
		return err_set(err, ERR_INVALID, "%s: not a regular file", path);
	if (!text)
		return err_set(err, ERR_NOTFOUND, "%s: no such file", path);
	if (strlen(text) > max)
		return err_set(err, ERR_LIMIT, "%s: more than %zu bytes", path, max);
	*ret = xstrdup(text);
	*ret_len = strlen(text);
	return 0;
}

static void op_close(struct files *base)
{
	free(of(base));
}

static const struct files_ops ops = {
	.stat = op_stat, .list = op_list, .read = op_read, .close = op_close,
};

struct files *sim_files_open(struct sim *s, const char *oid, struct err *err)
{
	struct files_sim *f;

	if (!gitsim_has_commit(sim_git(s), oid)) {
		err_set(err, ERR_NOTFOUND, "no commit %s in any mirror", oid);
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	f->base.ops = &ops;
	f->git = sim_git(s);
	snprintf(f->oid, sizeof(f->oid), "%s", oid);
	return &f->base;
}
