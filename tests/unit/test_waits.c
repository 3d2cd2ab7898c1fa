/* How long syncs wait: what wins over what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/mem.h"
#include "sync/app_spec.h"

#define SAID(wait, value) { .said = 1u << (wait), .ms = { [wait] = (value) } }

static void a_wave_of_production_has_longer(void **state)
{
	static const struct {
		const char *environment;
		struct waits app, project;
		uint64_t flag, want;
	} t[] = {
		/*  1 */ { NULL, { 0 }, { 0 }, 300000, 300000 },
		/*  2 */ { "dev", { 0 }, { 0 }, 300000, 300000 },
		/*  3 */ { "prod", { 0 }, { 0 }, 300000, 600000 },
		/*  4 */ { "Production", { 0 }, { 0 }, 300000, 600000 },
		/*  5 */ { "prod-like", { 0 }, { 0 }, 300000, 300000 },
		/*  6 */ { "", { 0 }, { 0 }, 300000, 300000 },
		/*  7: a flag that gives more is heeded */
		{ "prod", { 0 }, { 0 }, 900000, 900000 },
		/*  8: as are people, who may want less */
		{ "prod", SAID(WAIT_WAVE_DEADLINE, 20000), { 0 }, 300000, 20000 },
		/*  9 */ { "prod", { 0 }, SAID(WAIT_WAVE_DEADLINE, 40000), 300000, 40000 },
		/* 10 */ { "prod", SAID(WAIT_WAVE_DEADLINE, 20000),
			   SAID(WAIT_WAVE_DEADLINE, 40000), 300000, 20000 },
		/* 11: what is said of something else says nothing of this */
		{ "prod", SAID(WAIT_SOAK, 0), SAID(WAIT_HOOK_DEADLINE, 1), 300000, 600000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct app_defaults d = { .wave_deadline_ms = t[i].flag, .soak_ms = 7,
					  .hook_deadline_ms = 8 };
		struct app_spec s = { .waits = t[i].app };

		waits_settle(&s, &t[i].project, t[i].environment, &d);
		if (s.wave_deadline_ms != t[i].want)
			fail_msg("%zu: %ju ms", i + 1, (uintmax_t)s.wave_deadline_ms);
		assert_int_equal(s.soak_ms, t[i].app.said & 1u << WAIT_SOAK ? 0 : 7);
		assert_int_equal(s.hook_deadline_ms,
				 t[i].project.said & 1u << WAIT_HOOK_DEADLINE ? 1 : 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wave_of_production_has_longer),
	};

	return cmocka_run_group_tests_name("waits", tests, NULL, NULL);
}
