/*
 * Process 1: reaps everybody's orphans, passes on signals, ends with its child.
 *
 * All signals are blocked before the fork and then taken one by one, so that none
 * is lost between them and no handler runs. When process 1 ends, the kernel ends
 * the whole container: nothing has to be cleaned up.
 */
#include "core/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reaps whoever ended; exits when the child is among them. */
static void reap(pid_t child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
					    WEXITSTATUS(status));
	}
}

static _Noreturn void init_main(pid_t child, const sigset_t *all)
{
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(all, &info);

		if (sig == SIGCHLD)
			reap(child);
		else if (sig > 0)
			kill(child, sig);
	}
}

void syncd_init_if_pid1(void)
{
	sigset_t all, old;
	pid_t child;

	if (getpid() != 1)
		return;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	child = fork();
	if (child < 0) {
		fprintf(stderr, "cannot fork as process 1: %s\n",
			strerror(errno));
		_exit(1);
	}
	if (child)
		init_main(child, &all);
	sigprocmask(SIG_SETMASK, &old, NULL);
}
