/* Whose turn it is to begin a sync: turns_due(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/turns.h"
#include "core/mem.h"

static const struct {
	const char *what;
	struct turns_view v;
	bool due;
} cases[] = {
	{ "nothing is under way", { 0, 32, 0, 0, 5000 }, true },
	{ "one began just now", { 0, 32, 1, 0, 0 }, true },
	{ "two did: what they ask is still to come", { 0, 32, 2, 0, 0 }, false },
	{ "one more request fits into two lines", { 63, 32, 0, 0, 50 }, true },
	{ "two lines wait", { 64, 32, 0, 0, 50 }, false },
	{ "a small --max-requests has a short line", { 4, 2, 0, 0, 50 }, false },
	{ "it waits, but not for long", { 500, 32, 0, 9999, 5000 }, false },
	{ "it waited for long: whatever the line", { 500, 32, 0, 10000, 5000 }, true },
	{ "... one after the other", { 500, 32, 0, 10000, 99 }, false },
	{ "... ten in a second", { 500, 32, 1, 10000, 100 }, true },
};

static void begins_while_few_requests_wait(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (turns_due(&cases[i].v) != cases[i].due)
			fail_msg("%s: %d", cases[i].what, !cases[i].due);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_while_few_requests_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
