/*
 * Random lives (life.h): each seed is a story of commits, edits, crashes and storms
 * in which the rules hold at every step and which ends with the cluster as Git says.
 *
 * SIM_SEEDS=N runs N of them (2,000, with sanitizers 100), from SIM_FROM on, in SIM_JOBS
 * processes (one per processor); SIM_SEED=S just that one, and tells what happens.
 * ./dev sim does it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/doc.h"
#include "life.h"
#include "smcover.h"

#define JOBS_MAX 64
#define FAILURES_MAX 20
#define SEED_SECONDS 60	/* of the processor: a life that does not end */
#ifdef __SANITIZE_ADDRESS__	/* each costs thrice as much; ./dev sim lives the rest */
#define LIVES 100
#else
#define LIVES 2000
#endif
#define TWICE_EVERY 25		/* one of so many lives is lived twice */

struct outcome {
	uint64_t seed;
	char why[sizeof(((struct life *)0)->failure)];
};

/* Shared by the processes that live. */
struct tally {
	_Atomic uint64_t next, lived;
	uint64_t end;
	_Atomic uint64_t running[JOBS_MAX];
	_Atomic unsigned n_failures;
	struct outcome failures[FAILURES_MAX];
	_Atomic uint64_t sums[sizeof(struct life_counts) / sizeof(uint64_t)];
};

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

static void note_failure(struct tally *t, uint64_t seed, const char *why)
{
	unsigned i = atomic_fetch_add(&t->n_failures, 1);

	if (i >= FAILURES_MAX)
		return;
	t->failures[i].seed = seed;
	snprintf(t->failures[i].why, sizeof(t->failures[i].why), "%s", why);
}

static uint64_t live_once(struct life *x, uint64_t seed)
{
	life_init(x, seed);
	life_live(x);
	life_deinit(x);
	return x->digest;
}

static void live(struct tally *t, uint64_t seed)
{
	struct life x = { 0 }, again = { 0 };
	const uint64_t *counts = (const uint64_t *)&x.counts;

	live_once(&x, seed);
	if (*x.failure)
		note_failure(t, seed, x.failure);
	else if (seed % TWICE_EVERY == 0 && live_once(&again, seed) != x.digest)
		note_failure(t, seed, "the same seed gives another life");
	for (size_t i = 0; i < ARRAY_LEN(t->sums); i++)
		atomic_fetch_add(&t->sums[i], counts[i]);
	atomic_fetch_add(&t->lived, 1);
}

/* Not the clock: a busy machine, or one that slept, is no bug. */
static void limit_processor(time_t seconds)
{
	struct itimerval t = { .it_value = { .tv_sec = seconds } };

	setitimer(ITIMER_PROF, &t, NULL);	/* SIGPROF ends the process */
}

static void live_many(struct tally *t, unsigned job)
{
	uint64_t seed;

	while ((seed = atomic_fetch_add(&t->next, 1)) < t->end) {
		atomic_store(&t->running[job], seed);
		limit_processor(SEED_SECONDS);
		live(t, seed);
		limit_processor(0);
		atomic_store(&t->running[job], 0);
	}
}

static struct tally *tally_new(uint64_t from, uint64_t n)
{
	struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(t != MAP_FAILED);
	t->next = from;
	t->end = from + n;
	return t;
}

/* A process that died takes one life with it; another one goes on. */
static void reap(struct tally *t, pid_t *pids, unsigned jobs)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0) {
		for (unsigned i = 0; i < jobs; i++) {
			char why[80];

			if (pids[i] != pid || !status)
				continue;
			snprintf(why, sizeof(why), "the process ended: %s %d",
				 WIFSIGNALED(status) ? "signal" : "exit",
				 WIFSIGNALED(status) ? WTERMSIG(status) :
				 WEXITSTATUS(status));
			note_failure(t, t->running[i], why);
			if (t->n_failures >= FAILURES_MAX)
				continue;
			pids[i] = fork();
			if (!pids[i]) {
				live_many(t, i);
				exit(0);
			}
		}
	}
}

static void live_in_processes(struct tally *t)
{
	unsigned jobs = (unsigned)number("SIM_JOBS",
					 (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	pid_t pids[JOBS_MAX];

	jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
	fflush(NULL);
	for (unsigned i = 0; i < jobs; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i]) {
			live_many(t, i);
			exit(0);
		}
	}
	reap(t, pids, jobs);
}

static void tell(const struct tally *t)
{
	print_message("%llu lives: %llu crashes, %llu lost leads, %llu rejections, "
		      "%llu reverts, %llu prunes, %llu hooks, %llu heals, %llu steps\n",
		      (unsigned long long)t->lived, (unsigned long long)t->sums[0],
		      (unsigned long long)t->sums[1], (unsigned long long)t->sums[2],
		      (unsigned long long)t->sums[3], (unsigned long long)t->sums[4],
		      (unsigned long long)t->sums[5], (unsigned long long)t->sums[6],
		      (unsigned long long)t->sums[7]);
	for (unsigned i = 0; i < t->n_failures && i < FAILURES_MAX; i++)
		print_message("seed %llu: %s\n",
			      (unsigned long long)t->failures[i].seed,
			      t->failures[i].why);
}

static void every_life_ends_well(void **state)
{
	uint64_t n = number("SIM_SEEDS", LIVES), one = number("SIM_SEED", 0);
	struct tally *t = tally_new(number("SIM_FROM", 1), n);
	uint64_t lived;

	(void)state;
	if (one)
		skip();
	live_in_processes(t);
	tell(t);
	lived = t->lived;
	if (t->n_failures)
		fail_msg("%u of %llu lives end badly; ./dev sim SEED tells one",
			 t->n_failures, (unsigned long long)n);
	assert_int_equal(lived, n);
	/* Lives in which nothing happens prove nothing. */
	for (size_t i = 0; i < ARRAY_LEN(t->sums); i++)
		assert_true(n < 500 || t->sums[i] > n / 20);
	munmap(t, sizeof(*t));
}

static int live_loudly(uint64_t seed)
{
	struct life x = { .loud = true };

	live_once(&x, seed);
	fprintf(stderr, "seed %llu: %s; digest %016llx\n", (unsigned long long)seed,
		*x.failure ? x.failure : "ended well", (unsigned long long)x.digest);
	return *x.failure != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_life_ends_well),
	};

	doc_init();
	smcover_start();
	if (number("SIM_SEED", 0))
		return live_loudly(number("SIM_SEED", 0));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
