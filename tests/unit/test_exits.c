/* sync/exits.h: bad ends of a pod's containers, told from its reports one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "sync/exits.h"

#define END { ~0u, 0 }

static void reports(void **state)
{
	static const struct {
		const char *what;
		bool newborn;
		struct { unsigned restarts, failed; } seen[6];
		unsigned total;
	} rows[] = {
		{ "nothing happens", false, { { 0, 0 }, { 0, 0 }, END }, 0 },
		{ "before we looked", false, { { 4, 4 }, { 4, 4 }, END }, 0 },
		{ "it ended and runs again", false, { { 0, 0 }, { 1, 1 }, END }, 1 },
		{ "... seen in between, counted once", false,
		  { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 1, 1 }, END }, 1 },
		{ "ended, not running again yet", false, { { 0, 0 }, { 0, 1 }, END },
		  0 },
		{ "twice", false, { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 1, 2 },
				    { 2, 2 }, END }, 2 },
		{ "three between two looks", false, { { 1, 1 }, { 4, 4 }, END }, 3 },
		{ "well ended", false, { { 0, 0 }, { 1, 0 }, { 5, 0 }, END }, 0 },
		{ "badly after ending well: all its restarts read as bad", false,
		  { { 3, 0 }, { 4, 4 }, END }, 1 },
		{ "another container restarts well", false,
		  { { 2, 2 }, { 3, 2 }, END }, 0 },
		{ "born while we look", true, { { 2, 2 }, END }, 2 },
		{ "born well", true, { { 0, 0 }, { 1, 1 }, END }, 1 },
		{ "counts start anew", false, { { 5, 5 }, { 0, 0 }, { 1, 1 }, END },
		  1 },
		{ "taken away", false, { { 1, 1 }, { 2, 0 }, END }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exits x = { 0 };

		for (size_t k = 0; rows[i].seen[k].restarts != ~0u; k++) {
			struct pod_report r = {
				.restarts = rows[i].seen[k].restarts,
				.failed_exits = rows[i].seen[k].failed,
			};

			exits_note(&x, &r, rows[i].newborn);
		}
		if (x.total != rows[i].total)
			fail_msg("%s: %u", rows[i].what, x.total);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
