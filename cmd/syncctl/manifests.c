/* The built-in manifests as a tree of files, for the renderer to read. */
#include "manifests.h"

#include "core/files.h"

#include <stdlib.h>

static const struct manifest_file *find(const char *path)
{
	for (size_t i = 0; i < manifest_files_len; i++)
		if (!strcmp(manifest_files[i].path, path))
			return &manifest_files[i];
	return NULL;
}

/* What is after "folder/" in the path, or NULL. */
static const char *below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	if (!len)
		return path;
	return !strncmp(path, folder, len) && path[len] == '/' ? path + len + 1 : NULL;
}

static bool is_folder(const char *path)
{
	for (size_t i = 0; i < manifest_files_len; i++)
		if (below(manifest_files[i].path, path))
			return true;
	return false;
}

static int not_found(const char *path, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "%s: not found", path);
}

static int manifests_stat(struct files *f, const char *path, struct file_entry *ret,
			  struct err *err)
{
	const char *slash = strrchr(path, '/');
	bool folder = is_folder(path);

	(void)f;
	if (!folder && !find(path))
		return not_found(path, err);
	*ret = (struct file_entry){ .name = xstrdup(slash ? slash + 1 : path),
				    .kind = folder ? FILE_FOLDER : FILE_REGULAR };
	return 0;
}

/* Sorted paths have what lies in one folder side by side. */
static int manifests_list(struct files *f, const char *path, struct file_list *ret,
			  struct err *err)
{
	(void)f;
	if (!is_folder(path))
		return find(path) ? err_set(err, ERR_INVALID, "%s: not a folder", path) :
				    not_found(path, err);
	for (size_t i = 0; i < manifest_files_len; i++) {
		const char *rest = below(manifest_files[i].path, path);
		size_t len = rest ? strcspn(rest, "/") : 0;
		struct file_entry *last = ret->len ? &ret->data[ret->len - 1] : NULL;

		if (!rest || (last && strlen(last->name) == len &&
			      !strncmp(last->name, rest, len)))
			continue;
		vec_push(ret, ((struct file_entry){ .name = xstrndup(rest, len),
			.kind = rest[len] ? FILE_FOLDER : FILE_REGULAR }));
	}
	return 0;
}

static int manifests_read(struct files *f, const char *path, size_t max, char **ret,
			  size_t *ret_len, struct err *err)
{
	const struct manifest_file *m = find(path);

	(void)f;
	if (!m)
		return is_folder(path) ?
		       err_set(err, ERR_INVALID, "%s: not a file", path) :
		       not_found(path, err);
	if (m->len > max)
		return err_set(err, ERR_LIMIT, "%s: more than %zu bytes", path, max);
	*ret = xstrndup((const char *)m->data, m->len);
	*ret_len = m->len;
	return 0;
}

static void manifests_close(struct files *f)
{
	free(f);
}

struct files *manifests_open(void)
{
	static const struct files_ops ops = {
		.stat = manifests_stat, .list = manifests_list,
		.read = manifests_read, .close = manifests_close,
	};
	struct files *f = xmalloc(sizeof(*f));

	f->ops = &ops;
	return f;
}
