/*
 * killat TEXT... -- PROGRAM ARG...: runs a program and ends it with SIGKILL right
 * after the first line to stdout or stderr that holds every TEXT, exactly there: it
 * is stopped at each system call of its main thread. For tests of crashes at named
 * steps.
 *
 * Exits 0 when it killed the program, else as the program does (128 + a signal).
 * SIGTERM and SIGINT are handed on; the program dies with us.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

static pid_t child;

static void on_signal(int sig)
{
	kill(child, sig);
}

static void die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	if (child > 0)
		kill(child, SIGKILL);
	exit(125);
}

static bool holds_all(const char *line, char **texts)
{
	for (; strcmp(*texts, "--"); texts++)
		if (!strstr(line, *texts))
			return false;
	return true;
}

/* Is the child about to write such a line? */
static bool is_the_line(char **texts)
{
	static char text[65536];
	struct __ptrace_syscall_info info = { 0 };
	struct iovec local = { text, sizeof(text) - 1 }, remote;
	ssize_t n;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_write ||
	    info.entry.args[0] < 1 || info.entry.args[0] > 2)
		return false;
	remote.iov_base = (void *)(uintptr_t)info.entry.args[1];
	remote.iov_len = info.entry.args[2];
	n = process_vm_readv(child, &local, 1, &remote, 1, 0);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return holds_all(text, texts);
}

static int end_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int trace(char **texts)
{
	bool found = false;
	int status, sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, (void *)(intptr_t)sig) &&
		    errno != ESRCH)
			die("PTRACE_SYSCALL");
		if (waitpid(child, &status, 0) < 0) {
			if (errno == EINTR)
				continue;
			die("waitpid");
		}
		if (!WIFSTOPPED(status))
			return end_of(status);
		sig = WSTOPSIG(status);
		if (sig != (SIGTRAP | 0x80)) {
			sig = sig == SIGTRAP ? 0 : sig;
			continue;
		}
		sig = 0;
		if (found) {	/* the line is written: not one step more */
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return 0;
		}
		found = is_the_line(texts);
	}
}

int main(int argc, char **argv)
{
	char **program = argv + 1;
	int status;

	while (program < argv + argc && strcmp(*program, "--"))
		program++;
	if (program + 1 >= argv + argc || program == argv + 1) {
		fprintf(stderr, "usage: killat TEXT... -- PROGRAM ARG...\n");
		return 125;
	}
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(program[1], program + 1);
		fprintf(stderr, "killat: %s: %s\n", program[1], strerror(errno));
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
		die("starting");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD |
							      PTRACE_O_EXITKILL)))
		die("PTRACE_SETOPTIONS");
	return trace(argv + 1);
}
