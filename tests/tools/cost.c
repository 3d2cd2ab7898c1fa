/*
 * cost REPORT SECONDS PROGRAM [ARG...]: runs it, and writes what it took to REPORT as
 * "CPU_MS PEAK_KIB", processor time and the most resident memory. It is killed after
 * SECONDS; the exit status is the program's, or 124.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;

static void on_alarm(int number)
{
	(void)number;
	kill(child, SIGKILL);
}

static long ms(const struct timeval *t)
{
	return t->tv_sec * 1000 + t->tv_usec / 1000;
}

static int report(const char *path, const struct rusage *u)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f, "%ld %ld\n", ms(&u->ru_utime) + ms(&u->ru_stime), u->ru_maxrss);
	return fclose(f);
}

int main(int argc, char **argv)
{
	struct rusage u;
	int status;

	if (argc < 4) {
		fprintf(stderr, "usage: cost REPORT SECONDS PROGRAM [ARG...]\n");
		return 2;
	}
	child = fork();
	if (child == 0) {
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	signal(SIGALRM, on_alarm);
	alarm((unsigned)atoi(argv[2]));
	if (child < 0 || wait4(child, &status, 0, &u) != child || report(argv[1], &u)) {
		perror("cost");
		return 2;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       WTERMSIG(status) == SIGKILL ? 124 : 128 + WTERMSIG(status);
}
