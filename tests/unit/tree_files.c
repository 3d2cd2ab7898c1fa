#include "tree_files.h"

#include "core/mem.h"

static const struct tree_files *self(struct files *f)
{
	return container_of(f, struct tree_files, files);
}

static enum file_kind kind_of(const struct tree_file *f)
{
	return strncmp(f->text, "->", 2) == 0 ? FILE_SYMLINK : FILE_REGULAR;
}

/* What follows path in f's path: "" is f itself, "x/y" lies below; NULL neither. */
static const char *below(const struct tree_file *f, const char *path)
{
	size_t n = strlen(path);

	if (!n)
		return f->path;
	if (strncmp(f->path, path, n) != 0)
		return NULL;
	return f->path[n] == '/' ? f->path + n + 1 : f->path[n] ? NULL : f->path + n;
}

static int tree_stat(struct files *files, const char *path, struct file_entry *ret,
		     struct err *err)
{
	for (const struct tree_file *f = self(files)->all; f->path; f++) {
		const char *rest = below(f, path);

		if (!rest)
			continue;
		*ret = (struct file_entry){ .name = xstrdup(path),
					    .kind = *rest ? FILE_FOLDER : kind_of(f) };
		return 0;
	}
	return err_set(err, ERR_NOTFOUND, "%s: not found", path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_entry *)a)->name,
		      ((const struct file_entry *)b)->name);
}

static int tree_list(struct files *files, const char *path, struct file_list *ret,
		     struct err *err)
{
	struct file_list l = { 0 };

	for (const struct tree_file *f = self(files)->all; f->path; f++) {
		const char *rest = below(f, path);
		size_t n = rest ? strcspn(rest, "/") : 0;
		bool known = !n;

		for (size_t i = 0; i < l.len; i++)
			known = known || (strncmp(l.data[i].name, rest, n) == 0 &&
					  !l.data[i].name[n]);
		if (!known)
			vec_push(&l, ((struct file_entry){ .name = xstrndup(rest, n),
				 .kind = rest[n] ? FILE_FOLDER : kind_of(f) }));
	}
	if (!l.len)
		return err_set(err, ERR_NOTFOUND, "%s: not found", path);
	qsort(l.data, l.len, sizeof(*l.data), by_name);
	*ret = l;
	return 0;
}

static int tree_read(struct files *files, const char *path, size_t max, char **ret,
		     size_t *ret_len, struct err *err)
{
	for (const struct tree_file *f = self(files)->all; f->path; f++) {
		if (strcmp(f->path, path) != 0)
			continue;
		if (strlen(f->text) > max)
			return err_set(err, ERR_LIMIT, "%s: too large", path);
		*ret = xstrdup(f->text);
		*ret_len = strlen(f->text);
		return 0;
	}
	return err_set(err, ERR_NOTFOUND, "%s: not found", path);
}

static int tree_link(struct files *files, const char *path, char **ret, struct err *err)
{
	for (const struct tree_file *f = self(files)->all; f->path; f++) {
		if (strcmp(f->path, path) == 0 && kind_of(f) == FILE_SYMLINK) {
			*ret = xstrdup(f->text + 2);
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "%s: not a link", path);
}

static void tree_close(struct files *files)
{
	(void)files;
}

void tree_files_init(struct tree_files *t, const struct tree_file *all)
{
	static const struct files_ops ops = { tree_stat, tree_list, tree_read,
					      tree_close, tree_link };

	*t = (struct tree_files){ .files = { &ops }, .all = all };
}
