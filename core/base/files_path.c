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

/* --- links ------------------------------------------------------------------------ */

#define LINKS_MAX 40

struct resolver {
	struct files *files;
	const char *asked;
	struct buf done;	/* without links */
	char *rest;		/* what is still to be walked */
	int links;
	enum file_kind kind;	/* of done */
};

static int at_least_folder(const struct resolver *r, struct err *err)
{
	if (r->kind == FILE_FOLDER)
		return 0;
	if (r->kind == FILE_SUBMODULE)
		return err_set(err, ERR_INVALID, "%s: '%s' is a submodule, which is not "
			       "followed; commit its files", r->asked, buf_str(&r->done));
	return err_set(err, ERR_NOTFOUND, "%s: not found: '%s' is no folder", r->asked,
		       buf_str(&r->done));
}

static int follow(struct resolver *r, const char *link, const char *rest,
		  struct err *err)
{
	_cleanup_free_ char *target = NULL;
	char *next;

	if (!r->files->ops->link)
		return err_set(err, ERR_INVALID, "'%s' is a symbolic link, which is not "
			       "followed; commit the files themselves", link);
	if (r->files->ops->link(r->files, link, &target, err))
		return -1;
	if (++r->links > LINKS_MAX)
		return err_set(err, ERR_INVALID, "%s: more than %d symbolic links on the way",
			       r->asked, LINKS_MAX);
	if (*target == '/' || has_control(target) ||
	    !utf8_valid(target, strlen(target)) ||
	    strlen(target) + strlen(rest) > PATH_LIMIT)
		return err_set(err, ERR_INVALID, "'%s' is a symbolic link out of the "
			       "repository; commit the files themselves", link);
	next = xasprintf("%s/%s", target, rest);
	free(r->rest);
	r->rest = next;
	r->kind = FILE_FOLDER;
	return 0;
}

/* One name further; a link is put in front of what is left to walk. */
static int step(struct resolver *r, const char *name, const char *rest,
		struct err *err)
{
	_cleanup_free_ char *next = xasprintf("%s%s%s", buf_str(&r->done),
					      r->done.len ? "/" : "", name);
	struct file_entry e = { 0 };

	if (r->files->ops->stat(r->files, next, &e, err))
		return -1;
	free(e.name);
	if (e.kind == FILE_SYMLINK)
		return follow(r, next, rest, err);
	r->kind = e.kind;
	buf_clear(&r->done);
	buf_adds(&r->done, next);
	return 0;
}

static int walk_links(struct resolver *r, struct err *err)
{
	while (*r->rest) {
		size_t n = strcspn(r->rest, "/");
		_cleanup_free_ char *name = xstrndup(r->rest, n);
		_cleanup_free_ char *rest = xstrdup(r->rest + n + (r->rest[n] == '/'));
		char *before = r->rest;

		if (n && at_least_folder(r, err))
			return -1;
		if (!strcmp(name, "..")) {
			if (climb(&r->done))
				return err_set(err, ERR_INVALID, "'%s' leads out of the "
					       "repository by a symbolic link", r->asked);
		} else if (n && strcmp(name, ".") && step(r, name, rest, err)) {
			return -1;
		}
		if (r->rest != before)
			continue;	/* a link's text came before the rest */
		free(r->rest);
		r->rest = steal(&rest);
	}
	return 0;
}

static int resolve_slowly(struct files *f, const char *path, char **ret,
			  enum file_kind *kind, struct err *err)
{
	struct resolver r = { .files = f, .asked = path, .rest = xstrdup(path),
			      .kind = FILE_FOLDER };
	int rc = walk_links(&r, err);

	if (!rc) {
		*kind = r.kind;
		*ret = r.done.len ? buf_steal(&r.done, NULL) : xstrdup("");
	}
	buf_deinit(&r.done);
	free(r.rest);
	return rc;
}

int files_resolve(struct files *f, const char *path, char **ret, enum file_kind *kind,
		  struct err *err)
{
	struct file_entry e = { 0 };
	struct err why = ERR_INIT;

	if (!*path || !f->ops->stat(f, path, &e, &why)) {
		*kind = *path ? e.kind : FILE_FOLDER;
		free(e.name);
		if (*kind != FILE_SYMLINK) {
			*ret = xstrdup(path);
			return 0;
		}
	} else if (why.code != ERR_NOTFOUND && why.code != ERR_INVALID) {
		if (err)
			*err = why;
		return -1;
	}
	return resolve_slowly(f, path, ret, kind, err);
}
