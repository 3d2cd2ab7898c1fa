/*
 * The table lies in memory that forked children share, so that what they saw counts
 * as well; only the process that made it writes it down.
 */
#include "smcover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sm.h"

#define MACHINES 16

struct machine {
	const struct sm_state *states;
	uint64_t seen[64];	/* per state: successors that it moved to */
};

struct table {
	pid_t owner;
	struct machine machines[MACHINES];
};

static struct table *table;

static struct machine *machine_of(const struct sm_state *states)
{
	for (size_t i = 0; table && i < MACHINES; i++) {
		struct machine *m = &table->machines[i];

		if (!m->states)
			m->states = states;
		if (m->states == states)
			return m;
	}
	return NULL;
}

void sm_observe(const struct sm_state *states, int from, int to)
{
	struct machine *m = machine_of(states);

	if (m)
		m->seen[from] |= TO(to);
}

static void write_machine(FILE *f, const struct machine *m)
{
	uint64_t known = 1, done = 0;

	for (int from; (known & ~done) && (from = __builtin_ctzll(known & ~done)) < 64;) {
		uint64_t next = m->states[from].next;

		done |= TO(from);
		known |= next;
		for (; next; next &= next - 1) {
			int to = __builtin_ctzll(next);

			fprintf(f, "%s,%s %s %s %d\n", m->states[0].name,
				m->states[1].name, m->states[from].name,
				m->states[to].name, (m->seen[from] & TO(to)) != 0);
		}
	}
}

static void write_all(void)
{
	const char *build = getenv("SYNCD_BUILD_DIR");
	char path[4096];
	FILE *f;

	if (!build || table->owner != getpid())
		return;
	snprintf(path, sizeof(path), "%s/sim-transitions", build);
	if (mkdir(path, 0777) && errno != EEXIST)
		return;
	snprintf(path, sizeof(path), "%s/sim-transitions/%s", build,
		 program_invocation_short_name);
	f = fopen(path, "w");
	if (!f)
		return;
	for (size_t i = 0; i < MACHINES && table->machines[i].states; i++)
		write_machine(f, &table->machines[i]);
	fclose(f);
}

void smcover_start(void)
{
	void *shared;

	if (table)
		return;
	shared = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return;
	table = shared;
	table->owner = getpid();
	atexit(write_all);
}
