/*
 * Every move that a state table allows is made somewhere in the simulation, or is in
 * the list below with the reason why it cannot be. Runs after all other programs of
 * tests/sim, which leave what they saw (smcover.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"

struct move {
	char machine[64], from[32], to[32];
	int seen;
};

struct moves {
	VEC(struct move) list;
};

static const char *const machines[] = {
	"Idle,Asking",		/* core/base/lsrefs.c */
	"Waiting,Listing",	/* core/kube/watch.c */
	"Queued,Flying",	/* core/kube/kube.c */
	"Waiting,Reading",	/* core/kube/lease.c */
	"Idle,Discovery",	/* sync/engine_boot.c */
	"Starting,Watching",	/* sync/op.c */
};

/* Allowed, and yet not to be seen: why. */
static const struct {
	const char *machine, *from, *to, *why;
} exceptions[] = {
	{ "Starting,Watching", "Starting", "Done",
	  "nobody can end an operation before its first tick" },
};

static void add(struct moves *m, const struct move *one)
{
	for (size_t i = 0; i < m->list.len; i++) {
		struct move *has = &m->list.data[i];

		if (strcmp(has->machine, one->machine) || strcmp(has->from, one->from) ||
		    strcmp(has->to, one->to))
			continue;
		has->seen |= one->seen;
		return;
	}
	vec_push(&m->list, *one);
}

static void read_file(struct moves *m, const char *folder, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "r");
	struct move one;

	assert_non_null(f);
	while (fscanf(f, "%63s %31s %31s %d", one.machine, one.from, one.to,
		      &one.seen) == 4)
		add(m, &one);
	fclose(f);
}

static void read_all(struct moves *m)
{
	const char *build = getenv("SYNCD_BUILD_DIR");
	_cleanup_free_ char *folder = xasprintf("%s/sim-transitions",
						build ? build : BUILD_DIR);
	DIR *d = opendir(folder);
	struct dirent *e;

	if (!d)
		fail_msg("there is no %s: run all of ctest -L sim", folder);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			read_file(m, folder, e->d_name);
	closedir(d);
}

static const char *excuse(const struct move *m)
{
	for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
		if (!strcmp(exceptions[i].machine, m->machine) &&
		    !strcmp(exceptions[i].from, m->from) &&
		    !strcmp(exceptions[i].to, m->to))
			return exceptions[i].why;
	return NULL;
}

static void every_move_is_made(void **state)
{
	struct moves m = { 0 };
	size_t unseen = 0, wrong = 0;

	(void)state;
	read_all(&m);
	for (size_t i = 0; i < m.list.len; i++) {
		const struct move *one = &m.list.data[i];

		if (one->seen && excuse(one)) {
			print_message("%s: %s -> %s is excused (%s) but made\n",
				      one->machine, one->from, one->to, excuse(one));
			wrong++;
		}
		if (one->seen || excuse(one))
			continue;
		print_message("%s: %s -> %s is never made\n", one->machine, one->from,
			      one->to);
		unseen++;
	}
	print_message("%zu moves, %zu never made\n", m.list.len, unseen);
	vec_deinit(&m.list);
	assert_int_equal(unseen + wrong, 0);
}

/* A machine that nobody ran, or that this test does not know of, proves nothing. */
static void every_machine_is_known(void **state)
{
	struct moves m = { 0 };

	(void)state;
	read_all(&m);
	for (size_t k = 0; k < ARRAY_LEN(machines); k++) {
		size_t n = 0;

		for (size_t i = 0; i < m.list.len; i++)
			n += !strcmp(m.list.data[i].machine, machines[k]);
		if (!n)
			fail_msg("no program of tests/sim ran machine %s", machines[k]);
	}
	for (size_t i = 0; i < m.list.len; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(machines) &&
		       strcmp(machines[k], m.list.data[i].machine))
			k++;
		if (k == ARRAY_LEN(machines))
			fail_msg("machine %s is not in this test's list",
				 m.list.data[i].machine);
	}
	vec_deinit(&m.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_machine_is_known),
		cmocka_unit_test(every_move_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
