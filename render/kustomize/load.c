/*
 * load.c - folders and files of a build (internal/loader, target.LoadKustFile).
 *
 * A path is what was written, cleaned as text, then with symbolic links followed
 * inside the tree. A file must then lie in or below its kustomization's folder; a
 * base may lie anywhere in the tree but not where it would hold a folder that is
 * being built. What is read is counted in texts.c.
 */
#include "kust_priv.h"
#include "overrides.h"
#include "render/remote.h"
#include "spec.h"

#define DEPTH_MAX 64
#define FOLDERS_MAX 1000

/* --- where a written path leads ---------------------------------------------------- */

/* Something in a tree: of this repository, or a remote one's. */
struct place {
	struct files *files;
	char *path;	/* without links; owned */
	enum file_kind kind;
};

static void place_deinit(struct place *p)
{
	free(p->path);
}
#define _cleanup_place_ _cleanup_(place_deinit)

/* raw: a file of its own, instead of a place in a repository. */
static int find_remote(struct kust *k, const char *url, bool raw, struct place *ret,
		       struct err *err)
{
	_cleanup_free_ char *shown = kremote_shown(url);
	_cleanup_free_ char *asked = xasprintf("%s%s", raw ? KREMOTE_RAW : "", url);
	_cleanup_free_ char *path = NULL;

	if (!k->o->remote)
		return err_set(err, ERR_INVALID, "'%s' is remote, and only what the commit "
			       "holds is rendered; commit a copy and name its path", shown);
	if (k->o->remote(k->o->remote_arg, asked, &ret->files, &path, err) < 0)
		return -1;
	if (files_resolve(ret->files, path, &ret->path, &ret->kind, err) < 0)
		return err_wrap(err, "%s", shown);
	return 0;
}

static int find_local(const struct kfolder *folder, const char *written,
		      struct place *ret, struct err *err)
{
	_cleanup_free_ char *joined = NULL;

	ret->files = folder->files;
	if (files_join(folder->path, written, &joined, err) < 0)
		return -1;
	return files_resolve(folder->files, joined, &ret->path, &ret->kind, err);
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !n || (strncmp(path, folder, n) == 0 && (!path[n] || path[n] == '/'));
}

static int check_file(const struct place *at, const struct kfolder *folder,
		      const char *written, struct err *err)
{
	if (at->kind == FILE_FOLDER)
		return err_set(err, ERR_INVALID, "'%s' is a folder; a file is expected",
			       *written ? written : ".");
	if (at->kind != FILE_REGULAR)
		return err_set(err, ERR_INVALID, "'%s' is not a file", written);
	if (is_below(at->path, folder->path))
		return 0;
	return err_set(err, ERR_INVALID, "'%s' is not in or below '%s', where the "
		       "kustomization that names it lies; move it there, or make its "
		       "folder a kustomization and name that", at->path,
		       *folder->path ? folder->path : ".");
}

/* What kload_look() could not tell is told now. */
static int check_trouble(struct kust *k, struct err *err)
{
	if (!k->trouble.code)
		return 0;
	if (err)
		*err = k->trouble;
	return -1;
}

int kload_file(struct kust *k, const struct kfolder *folder, const char *written,
	       const char **ret, size_t *ret_len, const char **ret_path,
	       struct err *err)
{
	_cleanup_place_ struct place at = { 0 };
	_cleanup_free_ char *shown = NULL;
	bool remote = kremote_is_file(written);

	if (check_trouble(k, err) < 0)
		return -1;
	if (remote ? find_remote(k, written, true, &at, err) < 0 :
		     find_local(folder, written, &at, err) < 0 ||
		     check_file(&at, folder, written, err) < 0)
		return -1;
	if (ktexts_read(k, at.files, at.path, ret, ret_len, err) < 0)
		return -1;
	shown = remote ? kremote_shown(written) : NULL;
	*ret_path = arena_strdup(&k->arena, remote ? shown : at.path);
	return 0;
}

/* --- folders -------------------------------------------------------------------------- */

static struct kfolder *make_folder(struct kust *k, struct kfolder *parent,
				   const struct place *at, const char *url,
				   struct err *err)
{
	struct kfolder *f = arena_alloc(&k->arena, sizeof(*f));

	if (++k->folders > FOLDERS_MAX) {
		err_set(err, ERR_LIMIT, "folders name folders more than %d times",
			FOLDERS_MAX);
		return NULL;
	}
	f->files = at->files;
	f->parent = parent;
	f->path = arena_strdup(&k->arena, at->path);
	f->file = *f->path ? f->path : ".";	/* until its kustomization is found */
	f->url = url;
	return f;
}

struct kfolder *kload_root(struct kust *k, const char *path, struct err *err)
{
	const struct kfolder top = { .files = k->files, .path = "" };
	_cleanup_place_ struct place at = { 0 };

	if (find_local(&top, path, &at, err) < 0)
		return NULL;
	if (at.kind != FILE_FOLDER) {
		err_set(err, ERR_INVALID, "'%s' is a file; give the folder of a "
			"kustomization", path);
		return NULL;
	}
	return make_folder(k, NULL, &at, NULL, err);
}

/* errIfArgEqualOrHigher, errIfRepoCycle */
static int check_cycle(const struct kfolder *from, const struct place *at,
		       const char *url, struct err *err)
{
	for (const struct kfolder *f = from; f; f = f->parent) {
		if (url && f->url && strncmp(f->url, url, strlen(url)) == 0)
			return err_set(err, ERR_INVALID, "a cycle: '%s' is being built", url);
		if (f->files == at->files && is_below(f->path, at->path))
			return err_set(err, ERR_INVALID, "a cycle: '%s' holds '%s', which is "
				       "being built", *at->path ? at->path : ".",
				       *f->path ? f->path : ".");
	}
	return 0;
}

static int check_folder(const struct kfolder *from,
			const struct place *at, const char *written, const char *url,
			struct err *err)
{
	int depth = 0;

	for (const struct kfolder *f = from; f; f = f->parent)
		depth++;
	if (depth >= DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "'%s': kustomizations nested deeper than %d",
			       written, DEPTH_MAX);
	if (at->kind != FILE_FOLDER)
		return err_set(err, ERR_INVALID, "'%s' is a file; a folder with a "
			       "kustomization is expected", written);
	return check_cycle(from, at, url, err);
}

struct kfolder *kload_folder(struct kust *k, struct kfolder *folder,
			     const char *written, struct err *err)
{
	_cleanup_place_ struct place at = { 0 };
	const char *url = kremote_is_repo(written) || kremote_is_file(written) ?
			  written : NULL;

	if (!*written) {
		err_set(err, ERR_INVALID, "an empty path; remove it");
		return NULL;
	}
	if (check_trouble(k, err) < 0)
		return NULL;
	if (url ? find_remote(k, written, false, &at, err) < 0 :
		  find_local(folder, written, &at, err) < 0)
		return NULL;
	if (check_folder(folder, &at, written, url, err) < 0)
		return NULL;
	return make_folder(k, folder, &at, url, err);
}

static enum kload_kind repo_or_nothing(const char *written)
{
	return kremote_is_repo(written) ? KLOAD_FOLDER : KLOAD_NOTHING;
}

static enum kload_kind kind_of(const struct place *at, const char *written)
{
	switch (at->kind) {
	case FILE_FOLDER:
		return KLOAD_FOLDER;
	case FILE_REGULAR:
		return KLOAD_FILE;
	case FILE_SYMLINK:
	case FILE_SUBMODULE:
		break;
	}
	return repo_or_nothing(written);
}

/*
 * As the reference tries a path: a file first, where it is none a repository. Which of
 * the two a URL is, it learns by asking for the file; we go by its looks.
 */
enum kload_kind kload_look(struct kust *k, const struct kfolder *folder, const char *written)
{
	_cleanup_place_ struct place at = { 0 };
	struct err why = ERR_INIT;

	if (kremote_is_file(written))
		return kremote_is_raw(written) ? KLOAD_FILE : KLOAD_FOLDER;
	if (find_local(folder, written, &at, &why) == 0)
		return kind_of(&at, written);
	if (why.retry || (why.code != ERR_NOTFOUND && why.code != ERR_INVALID))
		k->trouble = why;
	return repo_or_nothing(written);
}

/* --- the kustomization of a folder ------------------------------------------------------- */

/* 1: there, and a file that may be read; 0: not; -1: cannot be told. */
static int look_for(const struct kfolder *folder, const char *name, struct place *at,
		    struct err *err)
{
	struct err why = ERR_INIT;

	if (find_local(folder, name, at, &why) == 0)
		return at->kind == FILE_REGULAR && is_below(at->path, folder->path);
	if (why.code == ERR_NOTFOUND && !why.retry)
		return 0;
	if (why.code == ERR_INVALID)
		return 0;
	if (err)
		*err = why;
	return -1;
}

static int find_spec(const struct kfolder *folder, struct place *ret, struct err *err)
{
	static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
					     "Kustomization" };
	int found = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_place_ struct place at = { 0 };
		int there = look_for(folder, names[i], &at, err);

		if (there < 0)
			return -1;
		if (there && found++ == 0) {
			*ret = at;
			at.path = NULL;
		}
	}
	if (found == 1)
		return 0;
	return err_set(err, found ? ERR_INVALID : ERR_NOTFOUND, found ?
		       "'%s' has more than one of kustomization.yaml, kustomization.yml "
		       "and Kustomization; remove all but one" :
		       "'%s' has no kustomization.yaml, kustomization.yml or Kustomization",
		       *folder->path ? folder->path : ".");
}

int kload_spec(struct kust *k, struct kfolder *folder, struct kspec *ret,
	       struct err *err)
{
	_cleanup_place_ struct place at = { 0 };
	const json_t *ask = folder->parent ? NULL : k->o->overrides;
	const char *text;
	struct node *n;
	size_t len;

	if (find_spec(folder, &at, err) < 0)
		return -1;
	folder->file = arena_strdup(&k->arena, at.path);
	if (ktexts_read(k, at.files, at.path, &text, &len, err) < 0)
		return err_wrap(err, "%s", folder->file);
	if (kspec_read(k, folder->file, text, len, &n, err) < 0)
		return -1;
	if (kust_overrides_edit(&k->arena, ask, folder->files, folder->path, n, err) < 0)
		return err_wrap(err, "%s", folder->file);
	return kspec_decode_node(k, folder->file, n, ret, err);
}
