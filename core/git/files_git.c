/*
 * The tree of a commit as a tree of files, read from Git's objects: nothing is
 * checked out, so there is no path to escape from and no link to follow out.
 *
 * A tree comes from whoever can push. Its entries are judged before they are
 * shown: names that no file may have (".", "..", ".git", "/", control bytes, not
 * UTF-8, twice the same) refuse the whole folder, by name. Sizes are looked up
 * before an object is read. An object that is missing or does not fit its hash
 * is ERR_IO: the mirror is damaged and the next fetch rebuilds it.
 */
#include "core/files.h"

#include "core/buf.h"
#include "core/utf8.h"
#include "repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define MAX_TREE ((size_t)16 << 20)	/* bytes of one tree object */
#define MAX_ENTRIES 100000
#define MAX_LINK 4096

struct seen {
	char *path;
	char oid[GIT_OID_HEXSZ + 1];
};

struct files_git {
	struct files files;
	int use;		/* shared lock: the generation stays while we read */
	git_repository *repo;
	git_odb *odb;
	git_oid root;
	struct buf read_set;
	VEC(struct seen) seen;	/* sorted by path, for deduplication */
};

static struct files_git *self(struct files *f)
{
	return container_of(f, struct files_git, files);
}

static const char *shown(const char *path)
{
	return *path ? path : "the repository's root";
}

/* Index of path in f->seen, or of the place where it belongs. */
static size_t find_seen(const struct files_git *f, const char *path, bool *found)
{
	size_t lo = 0, hi = f->seen.len;

	*found = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(f->seen.data[mid].path, path);

		if (!c) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* oid NULL: nothing is at path, which a render depends on just as well. */
static void note_read(struct files_git *f, const char *path, const git_oid *oid)
{
	struct seen s = { 0 };
	bool found;
	size_t at = find_seen(f, path, &found);

	if (found)
		return;
	s.path = xstrdup(path);
	if (oid)
		git_oid_tostr(s.oid, sizeof(s.oid), oid);
	else
		memcpy(s.oid, "-", 2);
	buf_addf(&f->read_set, "%s %s\n", path, s.oid);
	vec_push(&f->seen, s);
	memmove(f->seen.data + at + 1, f->seen.data + at,
		(f->seen.len - 1 - at) * sizeof(s));
	f->seen.data[at] = s;
}

static int clean_path(const char *path, struct err *err)
{
	_cleanup_free_ char *normal = NULL;

	if (files_join("", path, &normal, err))
		return -1;
	if (strcmp(normal, path) != 0)
		return err_set(err, ERR_INVALID, "path \"%s\" is not normal", path);
	return 0;
}

static int kind_of(git_filemode_t mode, enum file_kind *kind)
{
	switch (mode) {
	case GIT_FILEMODE_TREE:
		*kind = FILE_FOLDER;
		return 0;
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		*kind = FILE_REGULAR;
		return 0;
	case GIT_FILEMODE_LINK:
		*kind = FILE_SYMLINK;
		return 0;
	case GIT_FILEMODE_COMMIT:
		*kind = FILE_SUBMODULE;
		return 0;
	case GIT_FILEMODE_UNREADABLE:
		break;
	}
	return -1;
}

/* The object's size and type, without reading it. */
static int look_up(struct files_git *f, const git_oid *oid, const char *path,
		   git_object_t want, size_t max, size_t *size, struct err *err)
{
	git_object_t type;
	int rc = git_odb_read_header(size, &type, f->odb, oid);

	if (rc == GIT_ENOTFOUND)
		return err_set(err, ERR_IO,
			       "%s: its object is missing from the mirror", path);
	if (rc < 0)
		return repo_fail(rc, err, "%s", path);
	if (type != want)
		return err_set(err, ERR_INVALID,
			       "%s: the tree names an object of another type", path);
	if (*size > max)
		return err_set(err, ERR_LIMIT, "%s: %zu bytes, more than the limit of %zu",
			       path, *size, max);
	return 0;
}

static int read_tree(struct files_git *f, const git_oid *oid, const char *path,
		     git_tree **ret, struct err *err)
{
	size_t size;
	int rc;

	if (look_up(f, oid, shown(path), GIT_OBJECT_TREE, MAX_TREE, &size, err))
		return -1;
	rc = git_tree_lookup(ret, f->repo, oid);
	return rc < 0 ? repo_fail(rc, err, "%s", shown(path)) : 0;
}

struct found {
	git_oid oid;
	git_filemode_t mode;
	const char *name;	/* last segment, in the path searched */
};

/* One step down: the entry called by path's bytes from..from+n. */
static int step_down(struct files_git *f, const char *path, size_t from, size_t n,
		     struct found *at, struct err *err)
{
	_cleanup_free_ char *upper = xstrndup(path, from ? from - 1 : 0);
	_cleanup_free_ char *name = xstrndup(path + from, n);
	_cleanup_git_(git_tree) *tree = NULL;
	const git_tree_entry *e;

	if (read_tree(f, &at->oid, upper, &tree, err))
		return -1;
	e = git_tree_entry_byname(tree, name);
	if (!e)
		return err_set(err, ERR_NOTFOUND, "%s: not found", path);
	at->oid = *git_tree_entry_id(e);
	at->mode = git_tree_entry_filemode(e);
	at->name = path + from;
	return 0;
}

/* Walks down from the root. Only what is asked for counts as read. */
static int find(struct files_git *f, const char *path, struct found *ret,
		struct err *err)
{
	struct found at = { f->root, GIT_FILEMODE_TREE, path };
	size_t from = 0;

	if (clean_path(path, err))
		return -1;
	while (path[from]) {
		size_t n = strcspn(path + from, "/");

		if (at.mode != GIT_FILEMODE_TREE)
			return err_set(err, ERR_NOTFOUND,
				       "%s: not found: \"%.*s\" is no folder", path,
				       (int)from - 1, path);
		if (step_down(f, path, from, n, &at, err))
			return -1;
		from += n + (path[from + n] == '/');
	}
	*ret = at;
	return 0;
}

/* find() for the operations: what it found, or that it found nothing, is noted. */
static int find_noted(struct files_git *f, const char *path, struct found *ret,
		      enum file_kind *kind, struct err *err)
{
	struct err why = ERR_INIT;

	if (find(f, path, ret, &why)) {
		if (why.code == ERR_NOTFOUND)
			note_read(f, path, NULL);
		if (err)
			*err = why;
		return -1;
	}
	note_read(f, path, &ret->oid);
	if (kind_of(ret->mode, kind))
		return err_set(err, ERR_INVALID, "%s: unknown file mode %06o",
			       shown(path), (unsigned)ret->mode);
	return 0;
}

static int op_stat(struct files *files, const char *path, struct file_entry *ret,
		    struct err *err)
{
	struct found at = { 0 };
	struct file_entry e = { 0 };

	if (find_noted(self(files), path, &at, &e.kind, err))
		return -1;
	e.name = xstrdup(at.name);
	git_oid_tostr(e.id, sizeof(e.id), &at.oid);
	*ret = e;
	return 0;
}

/* NULL: a name that a file may have. */
static const char *name_fault(const char *name)
{
	if (!*name)
		return "an empty name";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "a name of dots";
	if (strchr(name, '/'))
		return "a name with a slash";
	if (!strcasecmp(name, ".git"))
		return "an entry called .git";
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "a name with control characters";
	return utf8_valid(name, strlen(name)) ? NULL : "a name that is not UTF-8";
}

static int take_entry(const git_tree_entry *from, struct file_list *l,
		      const char *path, struct err *err)
{
	const char *name = git_tree_entry_name(from);
	const char *fault = name_fault(name);
	struct file_entry e = { 0 };

	if (fault)
		return err_set(err, ERR_INVALID, "%s: holds %s: rename it",
			       shown(path), fault);
	if (kind_of(git_tree_entry_filemode(from), &e.kind))
		return err_set(err, ERR_INVALID, "%s/%s: unknown file mode", path,
			       name);
	git_oid_tostr(e.id, sizeof(e.id), git_tree_entry_id(from));
	e.name = xstrdup(name);
	vec_push(l, e);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_entry *)a)->name,
		      ((const struct file_entry *)b)->name);
}

static int take_entries(const git_tree *tree, struct file_list *l,
			const char *path, struct err *err)
{
	size_t n = git_tree_entrycount(tree);

	if (n > MAX_ENTRIES)
		return err_set(err, ERR_LIMIT, "%s: more than %d entries",
			       shown(path), MAX_ENTRIES);
	for (size_t i = 0; i < n; i++)
		if (take_entry(git_tree_entry_byindex(tree, i), l, path, err))
			return -1;
	if (n)
		qsort(l->data, n, sizeof(l->data[0]), by_name);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(l->data[i - 1].name, l->data[i].name))
			return err_set(err, ERR_INVALID, "%s: holds \"%s\" twice",
				       shown(path), l->data[i].name);
	return 0;
}

static int op_list(struct files *files, const char *path, struct file_list *ret,
		    struct err *err)
{
	struct files_git *f = self(files);
	_cleanup_git_(git_tree) *tree = NULL;
	struct file_list l = { 0 };
	enum file_kind kind = FILE_REGULAR;
	struct found at = { 0 };

	if (find_noted(f, path, &at, &kind, err))
		return -1;
	if (kind != FILE_FOLDER)
		return err_set(err, ERR_INVALID, "%s: not a folder", path);
	if (read_tree(f, &at.oid, path, &tree, err))
		return -1;
	if (take_entries(tree, &l, path, err)) {
		file_list_deinit(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

static int check_readable(enum file_kind kind, const char *path, struct err *err)
{
	switch (kind) {
	case FILE_REGULAR:
		return 0;
	case FILE_SYMLINK:
		return err_set(err, ERR_INVALID,
			       "%s: a symbolic link is not followed: put the file itself there",
			       path);
	case FILE_SUBMODULE:
		return err_set(err, ERR_INVALID,
			       "%s: a submodule is not followed", path);
	case FILE_FOLDER:
		break;
	}
	return err_set(err, ERR_INVALID, "%s: a folder, not a file", shown(path));
}

static int read_object(struct files_git *f, const git_oid *oid, git_object_t type,
		       const char *path, size_t max, char **ret, size_t *ret_len,
		       struct err *err)
{
	_cleanup_git_(git_odb_object) *object = NULL;
	size_t size;
	int rc;

	if (look_up(f, oid, path, type, max, &size, err))
		return -1;
	rc = git_odb_read(&object, f->odb, oid);
	if (rc < 0)
		return repo_fail(rc, err, "%s", path);
	size = git_odb_object_size(object);
	*ret = xmalloc(size + 1);
	memcpy(*ret, git_odb_object_data(object), size);
	(*ret)[size] = '\0';
	if (ret_len)
		*ret_len = size;
	return 0;
}

static int op_read(struct files *files, const char *path, size_t max, char **ret,
		    size_t *ret_len, struct err *err)
{
	enum file_kind kind = FILE_REGULAR;
	struct found at = { 0 };

	if (find_noted(self(files), path, &at, &kind, err) ||
	    check_readable(kind, path, err))
		return -1;
	return read_object(self(files), &at.oid, GIT_OBJECT_BLOB, path, max, ret, ret_len,
			   err);
}

/* A link is a blob that holds its target. */
static int op_link(struct files *files, const char *path, char **ret, struct err *err)
{
	enum file_kind kind = FILE_REGULAR;
	struct found at = { 0 };
	size_t len = 0;

	if (find_noted(self(files), path, &at, &kind, err))
		return -1;
	if (kind != FILE_SYMLINK)
		return err_set(err, ERR_INVALID, "%s: not a symbolic link", path);
	if (read_object(self(files), &at.oid, GIT_OBJECT_BLOB, path, MAX_LINK, ret, &len,
			err))
		return -1;
	if (strlen(*ret) == len)
		return 0;
	free(steal(ret));
	return err_set(err, ERR_INVALID, "%s: an odd symbolic link", path);
}

static void op_close(struct files *files)
{
	struct files_git *f = self(files);

	for (size_t i = 0; i < f->seen.len; i++)
		free(f->seen.data[i].path);
	vec_deinit(&f->seen);
	buf_deinit(&f->read_set);
	git_odb_free(f->odb);
	git_repository_free(f->repo);
	if (f->use >= 0)
		close(f->use);
	free(f);
}

static const struct files_ops ops = { op_stat, op_list, op_read, op_close,
				      op_link };

const char *files_git_read_set(struct files *files)
{
	return buf_str(&self(files)->read_set);
}

static int fetch_again(struct err *err, const char *what, const char *name)
{
	err_set(err, ERR_NOTFOUND, "%s %s is gone: fetch it again", what, name);
	if (err)
		err->retry = true;
	return -1;
}

/* The lock that keeps the mirror's generation while it is read. */
static int hold(struct files_git *f, const char *mirror, struct err *err)
{
	f->use = open(mirror, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->use >= 0 && !flock(f->use, LOCK_SH | LOCK_NB))
		return 0;
	if (errno == ENOENT || errno == EWOULDBLOCK)
		return fetch_again(err, "mirror", mirror);
	return err_set(err, ERR_IO, "mirror %s: %s", mirror, strerror(errno));
}

/* Only the objects are opened: no configuration, no refs, no hooks. */
static int open_objects(struct files_git *f, const char *mirror, struct err *err)
{
	_cleanup_free_ char *objects = xasprintf("%s/objects", mirror);
	int rc = git_odb_open(&f->odb, objects);

	if (rc >= 0)
		rc = git_repository_wrap_odb(&f->repo, f->odb);
	return rc < 0 ? repo_fail(rc, err, "mirror %s", mirror) : 0;
}

/* A full id of an object that is there. */
static int take_id(struct files_git *f, const char *id, const char *what, git_oid *oid,
		   struct err *err)
{
	if (strlen(id) != GIT_OID_HEXSZ || git_oid_fromstr(oid, id) < 0)
		return err_set(err, ERR_INVALID, "\"%.70s\" is no %s id", id, what);
	if (!git_odb_exists(f->odb, oid))
		return fetch_again(err, !strcmp(what, "tag") ? "in the mirror, tag" :
				   "in the mirror, commit", id);
	return 0;
}

int files_git_object(struct files *files, const char *id, bool is_tag, size_t max,
		     char **ret, size_t *len, struct err *err)
{
	struct files_git *f = self(files);
	git_oid oid;

	if (take_id(f, id, is_tag ? "tag" : "commit", &oid, err))
		return -1;
	return read_object(f, &oid, is_tag ? GIT_OBJECT_TAG : GIT_OBJECT_COMMIT, id, max,
			   ret, len, err);
}

static int find_root(struct files_git *f, const char *commit, struct err *err)
{
	_cleanup_git_(git_commit) *c = NULL;
	git_oid oid;
	size_t size;
	int rc;

	if (take_id(f, commit, "commit", &oid, err))
		return -1;
	if (look_up(f, &oid, commit, GIT_OBJECT_COMMIT, MAX_TREE, &size, err))
		return -1;
	rc = git_commit_lookup(&c, f->repo, &oid);
	if (rc < 0)
		return repo_fail(rc, err, "commit %s", commit);
	f->root = *git_commit_tree_id(c);
	return 0;
}

struct files *files_git_open(const char *mirror, const char *commit,
			     struct err *err)
{
	struct files_git *f;

	if (repo_setup(err))
		return NULL;
	f = xcalloc(1, sizeof(*f));
	*f = (struct files_git){ .files = { &ops }, .use = -1,
				 .read_set = { .max = (size_t)64 << 20 } };
	if (hold(f, mirror, err) || open_objects(f, mirror, err) ||
	    find_root(f, commit, err)) {
		op_close(&f->files);
		return NULL;
	}
	return &f->files;
}
