/*
 * A folder on disk as a tree of files, for rendering locally.
 *
 * Every path is walked one segment at a time below an open descriptor with
 * O_NOFOLLOW, so a symbolic link is met, never followed, even when it is swapped
 * in meanwhile. What a Git commit cannot hold (sockets, devices) and ".git" are
 * not shown, so that a local render sees what a commit of the folder would give.
 */
#include "core/files.h"

#include "core/buf.h"
#include "core/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_ENTRIES 100000
#define CHUNK 65536

struct files_dir {
	struct files files;
	int root;
	/* The folder of the path before: a tree is read folder by folder. */
	char *folder;		/* NULL: none */
	int folder_fd;
};

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_close_ _cleanup_(closep)

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int fail_errno(const char *path, struct err *err)
{
	const char *shown = *path ? path : "the folder";

	if (errno == ENOENT)
		return err_set(err, ERR_NOTFOUND, "%s: not found", shown);
	if (errno == ELOOP)
		return err_set(err, ERR_INVALID,
			       "%s: a symbolic link is not followed", shown);
	if (errno == ENOTDIR)
		return err_set(err, ERR_NOTFOUND, "%s: not found: its parent is no folder",
			       shown);
	return err_set(err, ERR_IO, "%s: %s", shown, strerror(errno));
}

/* A descriptor of the folder of len bytes, which the caller closes; -1 with errno. */
static int open_folder(int root, const char *path, size_t len)
{
	const char *end = path + len;
	int fd = root;

	while (fd >= 0 && path < end) {
		_cleanup_free_ char *part = xstrndup(path, strcspn(path, "/"));
		int next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW |
				  O_CLOEXEC);
		int saved = errno;

		if (fd != root)
			close(fd);
		errno = saved;
		fd = next;
		path += strlen(part) + 1;
	}
	return fd;
}

static void forget_folder(struct files_dir *d)
{
	if (d->folder)
		close(d->folder_fd);
	free(d->folder);
	d->folder = NULL;
}

/*
 * The folder that holds path's last segment, which *name points to; -1 with errno.
 * The descriptor is d's, until the next path.
 */
static int open_parent(struct files_dir *d, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	int fd;

	*name = slash ? slash + 1 : *path ? path : ".";
	if (!len)
		return d->root;
	if (d->folder && !strncmp(d->folder, path, len) && !d->folder[len])
		return d->folder_fd;
	fd = open_folder(d->root, path, len);
	if (fd < 0)
		return -1;
	forget_folder(d);
	d->folder = xstrndup(path, len);
	d->folder_fd = fd;
	return fd;
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

static int kind_of(mode_t mode, enum file_kind *kind)
{
	if (S_ISREG(mode))
		*kind = FILE_REGULAR;
	else if (S_ISDIR(mode))
		*kind = FILE_FOLDER;
	else if (S_ISLNK(mode))
		*kind = FILE_SYMLINK;
	else
		return -1;
	return 0;
}

static int dir_stat(struct files *f, const char *path, struct file_entry *ret,
		    struct err *err)
{
	struct files_dir *d = container_of(f, struct files_dir, files);
	struct stat st;
	enum file_kind kind = FILE_REGULAR;
	const char *name;
	int parent;

	if (clean_path(path, err))
		return -1;
	parent = open_parent(d, path, &name);
	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
		return fail_errno(path, err);
	if (kind_of(st.st_mode, &kind))
		return err_set(err, ERR_INVALID, "%s: neither file nor folder", path);
	*ret = (struct file_entry){ .name = xstrdup(*path ? name : ""),
				    .kind = kind };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_entry *)a)->name,
		      ((const struct file_entry *)b)->name);
}

/* 0 also for an entry that is not shown. */
static int add_entry(int fd, const char *name, struct file_list *l,
		     const char *path, struct err *err)
{
	struct file_entry e = { 0 };
	struct stat st;

	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, ".git"))
		return 0;
	if (l->len >= MAX_ENTRIES)
		return err_set(err, ERR_LIMIT, "%s: more than %d entries", path,
			       MAX_ENTRIES);
	if (!utf8_valid(name, strlen(name)))
		return err_set(err, ERR_INVALID,
			       "%s: holds a file whose name is not UTF-8: rename it",
			       path);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    kind_of(st.st_mode, &e.kind))
		return 0;
	e.name = xstrdup(name);
	vec_push(l, e);
	return 0;
}

static int open_file(struct files_dir *d, const char *path, int flags,
		     struct err *err)
{
	const char *name;
	int fd, parent;

	if (clean_path(path, err))
		return -1;
	parent = open_parent(d, path, &name);
	fd = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_NOFOLLOW |
				      O_CLOEXEC | O_NONBLOCK | flags);
	if (fd >= 0)
		return fd;
	if (parent >= 0 && errno == ENOTDIR)
		return err_set(err, ERR_INVALID, "%s: not a folder", path);
	return fail_errno(path, err);
}

static int read_entries(DIR *dir, struct file_list *l, const char *path,
			struct err *err)
{
	struct dirent *e;

	for (errno = 0; (e = readdir(dir)); errno = 0)
		if (add_entry(dirfd(dir), e->d_name, l, path, err))
			return -1;
	return errno ? fail_errno(path, err) : 0;
}

static int dir_list(struct files *f, const char *path, struct file_list *ret,
		    struct err *err)
{
	struct files_dir *d = container_of(f, struct files_dir, files);
	struct file_list l = { 0 };
	_cleanup_(closedirp) DIR *dir = NULL;
	int fd = open_file(d, path, O_DIRECTORY, err);

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return fail_errno(path, err);
	}
	if (read_entries(dir, &l, path, err)) {
		file_list_deinit(&l);
		return -1;
	}
	if (l.len)
		qsort(l.data, l.len, sizeof(l.data[0]), by_name);
	*ret = l;
	return 0;
}

static int read_fd(int fd, size_t max, struct buf *b)
{
	_cleanup_free_ char *chunk = xmalloc(CHUNK);	/* on the stack it would be zeroed */
	ssize_t n;

	while ((n = read(fd, chunk, CHUNK)) > 0) {
		buf_add(b, chunk, (size_t)n);
		if (b->len > max)
			return 0;
	}
	return n < 0 ? -1 : 0;
}

static int dir_read(struct files *f, const char *path, size_t max, char **ret,
		    size_t *ret_len, struct err *err)
{
	struct files_dir *d = container_of(f, struct files_dir, files);
	_cleanup_buf_ struct buf b = BUF_INIT_MAX(SIZE_MAX / 2);
	_cleanup_close_ int fd = open_file(d, path, 0, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st))
		return fail_errno(path, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s: not a regular file",
			       *path ? path : "the folder");
	if ((uint64_t)st.st_size <= max && read_fd(fd, max, &b))
		return fail_errno(path, err);
	if ((uint64_t)st.st_size > max || b.len > max)
		return err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", path, max);
	*ret = buf_steal(&b, ret_len);
	return 0;
}

static int dir_link(struct files *f, const char *path, char **ret, struct err *err)
{
	struct files_dir *d = container_of(f, struct files_dir, files);
	char target[4096];
	const char *name;
	int parent;
	ssize_t n;

	if (clean_path(path, err))
		return -1;
	parent = open_parent(d, path, &name);
	n = parent < 0 ? -1 : readlinkat(parent, name, target, sizeof(target));
	if (n < 0 && errno == EINVAL)
		return err_set(err, ERR_INVALID, "%s: not a symbolic link", path);
	if (n < 0)
		return fail_errno(path, err);
	if ((size_t)n == sizeof(target) || memchr(target, '\0', (size_t)n))
		return err_set(err, ERR_INVALID, "%s: an odd symbolic link", path);
	*ret = xstrndup(target, (size_t)n);
	return 0;
}

static void dir_close(struct files *f)
{
	struct files_dir *d = container_of(f, struct files_dir, files);

	forget_folder(d);
	close(d->root);
	free(d);
}

static const struct files_ops ops = { dir_stat, dir_list, dir_read, dir_close,
				      dir_link };

struct files *files_dir_open(const char *folder, struct err *err)
{
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct files_dir *d;

	if (fd < 0 && errno == ENOTDIR) {
		err_set(err, ERR_INVALID, "%s: not a folder", folder);
		return NULL;
	}
	if (fd < 0) {
		fail_errno(folder, err);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	*d = (struct files_dir){ .files = { &ops }, .root = fd };
	return &d->files;
}
