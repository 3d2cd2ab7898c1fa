/*
 * directory.c - source.directory: plain manifests in a folder.
 *
 * The happy path: the folder's .yaml, .yml and .json files in order of their names
 * (with `recurse` those of all folders below, dot folders too, as Argo CD does),
 * filtered by exclude, then include, against the path below the folder. A symbolic
 * link that would be a manifest is an error: Git trees have nothing to follow it
 * in, and leaving it out would look like a removal. So is a .jsonnet file, which
 * Argo CD evaluates wherever it finds one.
 */
#include "core/doc.h"
#include "render_priv.h"

#define SKIP_MARKER "+argocd:skip-file-rendering"
#define FOLDERS_MAX 20000
#define NESTING_MAX 64

struct walk {
	struct collect *c;
	struct files *files;
	const char *root;
	bool recurse;
	struct path_glob *include, *exclude;	/* NULL: none */
	size_t folders;
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n >= m && strcmp(name + n - m, suffix) == 0;
}

static bool is_manifest(const char *name)
{
	return has_suffix(name, ".yaml") || has_suffix(name, ".yml") ||
	       has_suffix(name, ".json");
}

static int match(const struct path_glob *g, const char *field, const char *path,
		 struct err *err)
{
	int r = path_glob_match(g, path);

	if (r < 0)
		return err_set(err, ERR_LIMIT, "source.directory.%s takes too long to match "
			       "'%s'; use fewer stars", field, path);
	return r;
}

/* 1: wanted, 0: not, -1: error. */
static int is_wanted(const struct walk *w, const char *path, struct err *err)
{
	const char *below = path + strlen(w->root) + (*w->root != '\0');
	int r;

	if (w->exclude) {
		r = match(w->exclude, "exclude", below, err);
		if (r)
			return r < 0 ? -1 : 0;
	}
	return w->include ? match(w->include, "include", below, err) : 1;
}

static int read_file(struct walk *w, const char *path, struct err *err)
{
	struct collect *c = w->c;
	_cleanup_free_ char *text = NULL;
	size_t len, left = c->caps.source_bytes - c->source_bytes;
	size_t max = left < c->caps.file_bytes ? left : c->caps.file_bytes;

	if (++c->source_files > SOURCE_FILES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files; narrow source.path or "
			       "source.directory", SOURCE_FILES_MAX);
	if (w->files->ops->read(w->files, path, max, &text, &len, err))
		return err && err->code == ERR_LIMIT && max < c->caps.file_bytes ?
			err_set(err, ERR_LIMIT, "%s: all files together are larger than %zu "
				"bytes", path, c->caps.source_bytes) : -1;
	c->source_bytes += len;
	if (memmem(text, len, SKIP_MARKER, strlen(SKIP_MARKER)))
		return 0;
	return collect_text(c, path, text, len, true, err);
}

static int walk_folder(struct walk *w, const char *path, int depth, struct err *err);

static int walk_entry(struct walk *w, const char *path, const struct file_entry *e,
		      int depth, struct err *err)
{
	int wanted;

	if (e->kind == FILE_FOLDER)
		return w->recurse ? walk_folder(w, path, depth + 1, err) : 0;
	if (!is_manifest(e->name) && !has_suffix(e->name, ".jsonnet"))
		return 0;
	wanted = is_wanted(w, path, err);
	if (wanted <= 0)
		return wanted;
	if (!is_manifest(e->name))
		return err_set(err, ERR_INVALID, "%s: Jsonnet is not supported, and its objects "
			       "would be missing: commit the JSON it gives, or name the file in "
			       "source.directory.exclude", path);
	if (e->kind != FILE_REGULAR)
		return err_set(err, ERR_INVALID, "%s: a symbolic link is not followed; put the "
			       "file itself there, or name it in source.directory.exclude",
			       path);
	return read_file(w, path, err);
}

static int walk_folder(struct walk *w, const char *path, int depth, struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };

	if (depth > NESTING_MAX || ++w->folders > FOLDERS_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d folders, or nested deeper than "
			       "%d", path, FOLDERS_MAX, NESTING_MAX);
	if (w->files->ops->list(w->files, path, &list, err))
		return -1;
	for (size_t i = 0; i < list.len; i++) {
		_cleanup_free_ char *child = xasprintf("%s%s%s", path, *path ? "/" : "",
						       list.data[i].name);

		if (walk_entry(w, child, &list.data[i], depth, err) < 0)
			return -1;
	}
	return 0;
}

/* A glob of source.directory; *ret stays NULL where there is none. */
static int read_glob(const json_t *directory, const char *field, struct path_glob **ret,
		     struct err *err)
{
	const json_t *v = doc_get(directory, field, NULL);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return err_set(err, ERR_INVALID, "source.directory.%s is not a text", field);
	if (!*json_string_value(v))
		return 0;
	*ret = path_glob_new(json_string_value(v), err);
	return *ret ? 0 : err_wrap(err, "source.directory.%s", field);
}

int directory_run(struct collect *c, struct files *files, const char *path,
		  struct err *err)
{
	const json_t *directory = doc_get(c->r->source, "directory", NULL);
	struct walk w = { .c = c, .files = files, .root = path,
			  .recurse = doc_get_bool(directory, false, "recurse", NULL) };
	int r = 0;

	if (read_glob(directory, "include", &w.include, err) < 0 ||
	    read_glob(directory, "exclude", &w.exclude, err) < 0)
		r = -1;
	if (r == 0)
		r = walk_folder(&w, path, 0, err);
	path_glob_free(w.include);
	path_glob_free(w.exclude);
	if (r == 0 && !c->objects.len)
		collect_warn(c, "%s: no manifests here (.yaml, .yml, .json%s)",
			     *path ? path : ".", w.recurse ? "" : "; folders below are read "
			     "only with source.directory.recurse");
	return r;
}
