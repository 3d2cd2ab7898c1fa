/*
 * Each program has a guard: a process of ours that adopts what the program leaves behind,
 * and that the kernel tells of our end, be it by SIGKILL. What left us by setsid() (a
 * credential cache, a collection of garbage) is meant to stay, and does.
 *
 * The guard is a fork without an exec, of a process that may have threads: it calls only
 * what a signal handler may.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANNOT 255
#define ROUNDS 200		/* of killing, 10 ms apart */
#define FILES_MAX 65536
#define LIST_BYTES 4096		/* of children; more come in the next round */

/* ---- in the guard ---- */

/* What is our child by now, and did not leave by setsid(). */
static void kill_children(void)
{
	char list[LIST_BYTES];
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, list, sizeof(list));
	pid_t pid = 0;

	for (ssize_t i = 0; i < n; i++) {
		if (list[i] >= '0' && list[i] <= '9') {
			pid = pid * 10 + (list[i] - '0');
			continue;
		}
		if (pid > 1 && getsid(pid) == getsid(0))
			kill(pid, SIGKILL);
		pid = 0;
	}
	if (fd >= 0)
		close(fd);
}

/* A child's children are ours as soon as it is gone. */
static void kill_all(pid_t program)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	kill(program, SIGKILL);
	for (int i = 0; i < ROUNDS; i++) {
		pid_t gone;

		kill_children();
		do
			gone = waitpid(-1, NULL, WNOHANG);
		while (gone > 0);
		if (gone < 0)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Until the program is over; its exit status. */
static int watch_over(pid_t program, const sigset_t *awaited)
{
	for (;;) {
		int status, sig = sigwaitinfo(awaited, NULL);
		pid_t gone;

		if (sig == SIGTERM) {
			kill_all(program);
			return CANNOT;
		}
		while ((gone = waitpid(-1, &status, WNOHANG)) > 0)
			if (gone == program)
				return WIFEXITED(status) ? WEXITSTATUS(status) : CANNOT;
	}
}

static void ignore(int how)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], how ? SIG_IGN : SIG_DFL);
}

static void be_program(const char *const *argv, const int fds[3], int told)
{
	int err;

	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0 && (fds[i] == i ? fcntl(i, F_SETFD, 0) : dup2(fds[i], i)) < 0)
			_exit(CANNOT);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	err = errno;
	if (write(told, &err, sizeof(err)) < 0)
		_exit(CANNOT - 1);
	_exit(CANNOT);
}

/* Whoever reads what we hold would wait for us; old kernels and seccomp lack the call. */
static void close_all(void)
{
	struct rlimit files = { .rlim_cur = FILES_MAX };

	if (!close_range(0, ~0U, 0))
		return;
	(void)!getrlimit(RLIMIT_NOFILE, &files);
	for (rlim_t i = 0; i < files.rlim_cur && i < FILES_MAX; i++)
		close((int)i);
}

static void be_guard(const char *const *argv, const int fds[3], int told, pid_t parent,
		     const sigset_t *before)
{
	sigset_t awaited;
	pid_t program;

	signal(SIGCHLD, SIG_DFL);	/* ignored, it would never tell of the end */
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(CANNOT);
	program = fork();
	if (!program) {
		signal(SIGPIPE, SIG_DFL);
		sigprocmask(SIG_SETMASK, before, NULL);
		be_program(argv, fds, told);
	}
	if (program < 0)
		_exit(CANNOT);
	ignore(true);		/* what ends all of the group ends us by our parent */
	close_all();
	_exit(watch_over(program, &awaited));
}

/* ---- outside ---- */

/* 0: it runs; else the errno of what failed. */
static int hear(int fd)
{
	int what = 0;
	ssize_t n;

	do
		n = read(fd, &what, sizeof(what));
	while (n < 0 && errno == EINTR);
	return n == sizeof(what) ? what : 0;
}

int child_start(const char *const *argv, const int fds[3], pid_t *ret, struct err *err)
{
	int told[2], failed;
	sigset_t before;
	pid_t parent = getpid(), pid;

	if (pipe2(told, O_CLOEXEC))
		return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
	sigprocmask(SIG_SETMASK, NULL, &before);
	pid = fork();
	if (!pid)
		be_guard(argv, fds, told[1], parent, &before);
	close(told[1]);
	failed = pid < 0 ? errno : hear(told[0]);
	close(told[0]);
	if (!failed) {
		*ret = pid;
		return 0;
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return err_set(err, failed == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s", argv[0],
		       strerror(failed));
}

void child_end(pid_t pid)
{
	kill(pid, SIGTERM);
}
