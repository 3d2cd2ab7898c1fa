/*
 * runstat.c - runs commands in turn and measures each as a whole process.
 *
 *   runstat RUNS COMMAND... [--- COMMAND...]...
 *
 * Each round runs every command once, so that a machine that slows down slows all of
 * them. Prints a line per command: median milliseconds, least milliseconds, median
 * CPU milliseconds, peak RSS in KiB. Output of the commands goes to /dev/null; a
 * command that fails ends it all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define RUNS_MAX 1000

struct run {
	double wall, cpu;
};

struct subject {
	char **argv;
	struct run runs[RUNS_MAX];
	long rss;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double milliseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void child(char **argv)
{
	int null = open("/dev/null", O_WRONLY);

	if (null < 0 || dup2(null, 1) < 0)
		_exit(126);
	execvp(argv[0], argv);
	fprintf(stderr, "runstat: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* posix_spawn() would do, but the child's peak then begins with ours. */
static int run_once(struct subject *s, struct run *r)
{
	double start = now();
	struct rusage usage;
	int status;
	pid_t pid = vfork();

	if (pid == 0)
		child(s->argv);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return -1;
	r->wall = now() - start;
	r->cpu = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
	if (usage.ru_maxrss > s->rss)
		s->rss = usage.ru_maxrss;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "runstat: %s failed\n", s->argv[0]);
	return -1;
}

static int by_wall(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->wall > y->wall) - (x->wall < y->wall);
}

static int by_cpu(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static void report(struct subject *s, size_t n)
{
	double wall, least;

	qsort(s->runs, n, sizeof(s->runs[0]), by_wall);
	wall = s->runs[n / 2].wall;
	least = s->runs[0].wall;
	qsort(s->runs, n, sizeof(s->runs[0]), by_cpu);
	printf("%.2f %.2f %.2f %ld\n", wall, least, s->runs[n / 2].cpu, s->rss);
}

/* Cuts argv at its "---"s; the number of commands, 0 when there are too many. */
static size_t split(char **argv, struct subject *subjects)
{
	size_t n = 0;

	while (*argv) {
		if (n == COMMANDS_MAX)
			return 0;
		subjects[n++].argv = argv;
		while (*argv && strcmp(*argv, "---") != 0)
			argv++;
		if (*argv)
			*argv++ = NULL;
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct subject subjects[COMMANDS_MAX];
	long runs = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	size_t n;

	if (runs < 1 || runs > RUNS_MAX || !(n = split(argv + 2, subjects))) {
		fprintf(stderr, "usage: runstat RUNS COMMAND... [--- COMMAND...]\n");
		return 2;
	}
	for (long i = 0; i < runs; i++) {
		for (size_t k = 0; k < n; k++) {
			if (run_once(&subjects[k], &subjects[k].runs[i]) < 0)
				return 1;
		}
	}
	for (size_t k = 0; k < n; k++)
		report(&subjects[k], (size_t)runs);
	return 0;
}
