/*
 * Paths inside a tree of files, and what all implementations of files.h share.
 * files_join() is the only way a path written by a user becomes one that is
 * looked up. Pure.
 */
#include "core/files.h"

#include "core/buf.h"
#include "core/utf8.h"

#define PATH_LIMIT 4096

void file_list_deinit(struct file_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->data[i].name);
	free(l->data);
	*l = (struct file_list){ 0 };
}

struct files *files_close(struct files *f)
{
	if (f)
		f->ops->close(f);
	return NULL;
}

/* Drops the last segment; -1 when there is none. */
static int climb(struct buf *b)
{
	const char *slash;

	if (!b->len)
		return -1;
	slash = strrchr(buf_str(b), '/');
	b->len = slash ? (size_t)(slash - b->data) : 0;
	b->data[b->len] = '\0';
	return 0;
}

static int walk(struct buf *b, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !memcmp(path, "..", 2)) {
			if (climb(b))
				return -1;
		} else if (n && !(n == 1 && *path == '.')) {
			if (b->len)
				buf_addc(b, '/');
			buf_add(b, path, n);
		}
		path += n + (path[n] == '/');
	}
	return 0;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

int files_join(const char *base, const char *rel, char **ret, struct err *err)
{
	_cleanup_free_ char *shown = utf8_clean(rel, 200);
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (strlen(base) + strlen(rel) > PATH_LIMIT)
		return err_set(err, ERR_INVALID, "path %s is longer than %d bytes",
			       shown, PATH_LIMIT);
	if (has_control(base) || has_control(rel))
		return err_set(err, ERR_INVALID,
			       "path \"%s\" holds a control character", shown);
	if (!utf8_valid(rel, strlen(rel)) || !utf8_valid(base, strlen(base)))
		return err_set(err, ERR_INVALID, "path \"%s\" is not UTF-8", shown);
	if (*rel == '/' || *base == '/')
		return err_set(err, ERR_INVALID,
			       "path \"%s\" is absolute: write it relative to %s",
			       shown, *base ? base : "the repository's root");
	if (walk(&b, base) || walk(&b, rel))
		return err_set(err, ERR_INVALID,
			       "path \"%s\" leaves the repository", shown);
	*ret = buf_steal(&b, NULL);
	return 0;
}
