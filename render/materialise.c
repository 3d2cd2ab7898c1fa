/*
 * materialise.c - a kustomization's closure as files on disk, for the program.
 *
 * Only what closure.c found is written, at its path in the tree, into a folder that
 * the caller made for this one build. Every step is taken below an open descriptor
 * and follows no link; an existing file is never overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/kustomize.h"
#include "render_priv.h"

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_close_ _cleanup_(closep)

static int fail(const char *path, struct err *err)
{
	return err_set(err, ERR_IO, "write %s: %s", path, strerror(errno));
}

/* Opens (and makes) the folder of path below root; *name is its last segment. */
static int open_folder(int root, const char *path, const char **name)
{
	int fd = dup(root);

	while (fd >= 0 && strchr(path, '/')) {
		_cleanup_free_ char *part = xstrndup(path, strcspn(path, "/"));
		int next = -1, saved;

		if (!mkdirat(fd, part, 0700) || errno == EEXIST)
			next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		saved = errno;
		close(fd);
		errno = saved;
		fd = next;
		path += strlen(part) + 1;
	}
	*name = path;
	return fd;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_file(void *arg, const char *path, const char *text, size_t len,
		      struct err *err)
{
	const char *name;
	_cleanup_close_ int folder = open_folder(*(int *)arg, path, &name);
	_cleanup_close_ int fd = -1;

	if (folder >= 0)
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
			    O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, text, len))
		return fail(path, err);
	return 0;
}

int render_check_source(const json_t *source, struct err *err)
{
	return kust_overrides_check(source ? json_object_get(source, "kustomize") : NULL,
				    err);
}

int render_materialise(struct files *files, const struct render_request *r,
		       const char *to, struct err *err)
{
	_cleanup_close_ int root = open(to, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *path = NULL;
	struct closure k = { .r = r, .files = files, .file = write_file, .arg = &root };

	if (root < 0)
		return fail(to, err);
	if (files_join("", r->path ? r->path : "", &path, err) < 0)
		return err_wrap(err, "source.path");
	if (render_check_source(r->source, err) < 0)
		return -1;
	return closure_walk(&k, path, err);
}
