/* Reading files and the output of a program, with a cap and a deadline. */
#include "files.h"

#include "child.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_close_ _cleanup_(closep)

/* 1: bytes were read, 0: end, -1: error. */
static int read_some(int fd, struct buf *out)
{
	char chunk[65536];
	ssize_t n;

	do
		n = read(fd, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(out, chunk, (size_t)n);
	return n > 0 ? 1 : (int)n;
}

int file_read(const char *path, struct buf *out, struct err *err)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_close_ int own = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (!is_stdin && own < 0)
		return err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s",
			       path, strerror(errno));
	while ((r = read_some(is_stdin ? 0 : own, out)) > 0)
		if (buf_overflowed(out))
			return err_set(err, ERR_LIMIT, "%s is larger than 64 MiB", path);
	if (r)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int spawn(const char *const *argv, bool errors_too, int *ret_fd, pid_t *pid,
		 struct err *err)
{
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
	rc = child_start(argv, (const int[3]){ -1, fds[1], errors_too ? fds[1] : -1 }, pid, err);
	close(fds[1]);
	if (rc)
		close(fds[0]);
	*ret_fd = fds[0];
	return rc;
}

static int read_until(int fd, int64_t deadline, struct buf *out, struct err *err)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		int r;

		if (left <= 0)
			return err_set(err, ERR_TIMEOUT, "took too long");
		if (poll(&p, 1, left > 60000 ? 60000 : (int)left) <= 0)
			continue;
		r = read_some(fd, out);
		if (r < 0)
			return err_set(err, ERR_IO, "%s", strerror(errno));
		if (buf_overflowed(out))
			return err_set(err, ERR_LIMIT, "printed more than 64 MiB");
		if (!r)
			return 0;
	}
}

static int run(const char *const *argv, bool errors_too, unsigned deadline_ms,
	       struct buf *out, int *ret_status, struct err *err)
{
	int fd = -1, status, r;
	pid_t pid = 0;

	if (spawn(argv, errors_too, &fd, &pid, err))
		return -1;
	r = read_until(fd, now_ms() + deadline_ms, out, err);
	close(fd);
	if (r)
		child_end(pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r)
		return err_wrap(err, "%s", argv[0]);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	return 0;
}

int program_status(const char *const *argv, unsigned deadline_ms, struct buf *out,
		   int *ret_status, struct err *err)
{
	return run(argv, false, deadline_ms, out, ret_status, err);
}

int program_words(const char *const *argv, unsigned deadline_ms, struct buf *out,
		  int *ret_status, struct err *err)
{
	return run(argv, true, deadline_ms, out, ret_status, err);
}

int program_read(const char *const *argv, unsigned deadline_ms, struct buf *out,
		 struct err *err)
{
	int status;

	if (program_status(argv, deadline_ms, out, &status, err))
		return -1;
	return !status ? 0 : err_set(err, ERR_INVALID, "%s failed: see its message above",
				     argv[0]);
}
