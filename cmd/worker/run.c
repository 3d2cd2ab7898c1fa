/*
 * One external program, from start to end, its output in memory.
 *
 * Two pipes, one poll loop, one deadline. The program keeps our process group, so
 * that the daemon's SIGKILL reaches it too; it dies with us, and cannot signal
 * anybody. A descendant that keeps stdout open is not waited for: once the program
 * has ended, what is in the pipes is read and that is all.
 */
#include "worker.h"

#include "core/mem.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAID_MAX ((size_t)16384)
#define TICK_MS 50

struct run {
	pid_t pid;
	int out, err;		/* -1: ended */
	struct buf *output;
	struct buf said;
	bool too_long;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void child(const char *program, char *const argv[], char *const env[],
		  const char *dir, int out, int err)
{
	/* Less than we may: not the mirrors, and no other build's folder. */
	const struct path_rule rules[] = {
		{ dir, PATH_WRITE }, { program, PATH_READ_EXECUTE },
	};
	int null = open("/dev/null", O_RDONLY);
	struct err why = ERR_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0 || chdir(dir) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	if (sandboxed && (sandbox_files(rules, ARRAY_LEN(rules), &why) < 0 ||
			  sandbox_calls_of_program(&why))) {
		dprintf(2, "%s\n", why.msg);
		_exit(126);
	}
	execve(program, argv, env);
	dprintf(2, "cannot start %s: %s\n", program, strerror(errno));
	_exit(127);
}

static int start(struct run *r, const char *program, char *const argv[],
		 char *const env[], const char *dir, struct err *err)
{
	int out[2], said[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(err, ERR_IO, "no pipe: %s", strerror(errno));
	if (pipe2(said, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return err_set(err, ERR_IO, "no pipe: %s", strerror(errno));
	}
	r->pid = fork();
	if (!r->pid)
		child(program, argv, env, dir, out[1], said[1]);
	close(out[1]);
	close(said[1]);
	r->out = out[0];
	r->err = said[0];
	fcntl(r->out, F_SETFL, O_NONBLOCK);
	fcntl(r->err, F_SETFL, O_NONBLOCK);
	if (r->pid < 0) {
		close_fd(&r->out);
		close_fd(&r->err);
		return err_set(err, ERR_IO, "fork: %s", strerror(errno));
	}
	return 0;
}

/* What is there now; -1 becomes *fd at its end. */
static void drain(struct run *r, int *fd, struct buf *to)
{
	char chunk[16384];

	while (*fd >= 0) {
		ssize_t n = read(*fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(fd);
			return;
		}
		buf_add(to, chunk, (size_t)n);
		if (to == r->output && buf_overflowed(to)) {
			r->too_long = true;
			return;
		}
		if (to == &r->said && to->len > SAID_MAX)
			buf_consume(to, to->len - SAID_MAX);
	}
}

/* Until it ended (its status), or the deadline or the cap is reached (-1). */
static int follow(struct run *r, uint64_t deadline)
{
	int status;

	while (now_ms() < deadline && !r->too_long) {
		struct pollfd fds[] = {
			{ .fd = r->out, .events = POLLIN },
			{ .fd = r->err, .events = POLLIN },
		};

		poll(fds, 2, TICK_MS);
		drain(r, &r->out, r->output);
		drain(r, &r->err, &r->said);
		if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
			drain(r, &r->out, r->output);
			drain(r, &r->err, &r->said);
			return status;
		}
		/* Both ends closed: poll would return at once, for ever. */
		if (r->out < 0 && r->err < 0)
			usleep(1000);
	}
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &status, 0);
	return -1;
}

static int judge(const struct run *r, int status, unsigned deadline_ms,
		 size_t max, struct err *err)
{
	const char *said = buf_str(&r->said);
	size_t n = r->said.len;

	while (n && strchr("\r\n ", said[n - 1]))
		n--;
	if (r->too_long)
		return err_set(err, ERR_LIMIT, "output larger than %zu bytes",
			       max);
	if (status < 0)
		return err_set(err, ERR_TIMEOUT, "not done after %u s",
			       deadline_ms / 1000);
	if (WIFSIGNALED(status))
		return err_set(err, ERR_INTERNAL, "killed by signal %d",
			       WTERMSIG(status));
	if (WEXITSTATUS(status) >= 126)
		return err_set(err, ERR_INTERNAL, "%.*s", (int)n, said);
	if (WEXITSTATUS(status))
		return n ? err_set(err, ERR_INVALID, "%.*s", (int)n, said) :
			   err_set(err, ERR_INVALID, "failed without a word "
				   "(status %d)", WEXITSTATUS(status));
	return 0;
}

int run_program(const char *program, char *const argv[], char *const env[],
		const char *dir, unsigned deadline_ms, size_t max,
		struct buf *out, struct err *err)
{
	struct run r = { .out = -1, .err = -1, .output = out };
	int status, rc;

	out->max = max;
	if (start(&r, program, argv, env, dir, err))
		return -1;
	status = follow(&r, now_ms() + deadline_ms);
	close_fd(&r.out);
	close_fd(&r.err);
	rc = judge(&r, status, deadline_ms, max, err);
	buf_deinit(&r.said);
	return rc;
}
