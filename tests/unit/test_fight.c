/* fight.h: when a heal waits, when it is the last, and when that is forgiven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sync/fight.h"

static const struct objkey web = { "apps", "Deployment", "prod", "web" };
static const struct objkey api = { "apps", "Deployment", "prod", "api" };

static void five_heals_in_ten_minutes_are_the_last(void **state)
{
	static const uint64_t waits[] = { 0, 5000, 10000, 20000, 40000 };
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct fights f = { 0 };
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i < FIGHT_HEALS; i++) {
		assert_false(fights_lost(&f, &web));
		assert_int_equal(fights_note(&f, &web, now), i == FIGHT_HEALS - 1);
		assert_int_equal(fights_wait(&f, &web, now), waits[i]);
		now += waits[i] + 100;
	}
	assert_true(fights_lost(&f, &web));
	assert_false(fights_note(&f, &web, now));	/* told once */
	assert_false(fights_lost(&f, &api));
	assert_int_equal(fights_wait(&f, &api, now), 0);
	fights_describe(&f, &words);
	assert_string_equal(buf_str(&words), "apps/Deployment/prod/web");
	fights_clear(&f);
	assert_false(fights_lost(&f, &web));
}

static void heals_far_apart_are_no_fight(void **state)
{
	struct fights f = { 0 };

	(void)state;
	for (uint64_t i = 1; i < 50; i++) {
		assert_false(fights_note(&f, &web, i * (FIGHT_MS / 4 + 1)));
		assert_true(fights_wait(&f, &web, i * (FIGHT_MS / 4 + 1)) <= 20000);
	}
	fights_clear(&f);
}

static void peace_takes_ten_minutes(void **state)
{
	struct fights f = { 0 };

	(void)state;
	for (unsigned i = 0; i < FIGHT_HEALS; i++)
		fights_note(&f, &web, 1000);
	fights_peace(&f, &web, 1000);
	fights_peace(&f, &web, 1000 + FIGHT_MS - 1);
	fights_peace(&f, &api, 1000 + FIGHT_MS);
	assert_true(fights_lost(&f, &web));
	fights_peace(&f, &web, 1000 + FIGHT_MS);
	assert_false(fights_lost(&f, &web));
	assert_int_equal(f.len, 0);
	fights_clear(&f);
}

static void what_is_remembered_is_bounded(void **state)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct fights f = { 0 };
	char name[16];

	(void)state;
	for (unsigned i = 0; i < FIGHTS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		for (unsigned j = 0; j < FIGHT_HEALS; j++)
			fights_note(&f, &(struct objkey){ "", "ConfigMap", "a", name }, 5);
	}
	assert_int_equal(f.len, FIGHTS_MAX);
	fights_describe(&f, &words);
	assert_string_equal(buf_str(&words), "ConfigMap/a/o10, ConfigMap/a/o11, "
			    "ConfigMap/a/o12 and 997 more");
	fights_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_heals_in_ten_minutes_are_the_last),
		cmocka_unit_test(heals_far_apart_are_no_fight),
		cmocka_unit_test(peace_takes_ten_minutes),
		cmocka_unit_test(what_is_remembered_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
