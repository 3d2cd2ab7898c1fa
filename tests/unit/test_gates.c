/* Which gates are shut, for whom, and until when: windows in zones with their seasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/gates.h"

/* ---- windows ---- */

enum { SUN = 1, MON = 2, TUE = 4, WED = 8, THU = 16, FRI = 32, SAT = 64, ALL = 127 };

struct look {
	const char *what, *zone;
	unsigned days;
	struct control_hours hours[2];
	const char *now;
	bool open;
	const char *change;	/* NULL: none in sight */
};

#define OFFICE { { 540, 960 } }
#define NIGHT { { 1320, 120 } }
#define WHOLE { { 0, 1440 } }
#define WORK (MON | TUE | WED | THU)

static const struct look looks[] = {
	/* 21 November 2026 is a Saturday */
	{ "before", "UTC", ALL, OFFICE, "2026-11-23T08:59:59Z", false, "2026-11-23T09:00:00Z" },
	{ "its first second", "UTC", ALL, OFFICE, "2026-11-23T09:00:00Z", true,
	  "2026-11-23T16:00:00Z" },
	{ "its last second", "UTC", ALL, OFFICE, "2026-11-23T15:59:59Z", true,
	  "2026-11-23T16:00:00Z" },
	{ "its end", "UTC", ALL, OFFICE, "2026-11-23T16:00:00Z", false,
	  "2026-11-24T09:00:00Z" },
	{ "over the weekend", "UTC", WORK, OFFICE, "2026-11-26T16:00:00Z", false,
	  "2026-11-30T09:00:00Z" },
	{ "in Berlin's winter", "Europe/Berlin", WORK, OFFICE, "2026-11-23T07:59:00Z", false,
	  "2026-11-23T08:00:00Z" },
	{ "in Berlin's summer", "Europe/Berlin", WORK, OFFICE, "2026-07-20T06:59:00Z", false,
	  "2026-07-20T07:00:00Z" },
	{ "Monday there, Sunday here", "Pacific/Auckland", MON, WHOLE, "2026-11-22T11:00:00Z",
	  true, "2026-11-23T11:00:00Z" },
	{ "over midnight, the evening", "UTC", FRI, NIGHT, "2026-11-20T22:00:00Z", true,
	  "2026-11-21T02:00:00Z" },
	{ "... the morning after belongs to it", "UTC", FRI, NIGHT, "2026-11-21T01:59:00Z",
	  true, "2026-11-21T02:00:00Z" },
	{ "... the morning before does not", "UTC", FRI, NIGHT, "2026-11-20T01:00:00Z",
	  false, "2026-11-20T22:00:00Z" },
	{ "always", "UTC", ALL, WHOLE, "2026-11-20T01:00:00Z", true, NULL },
	{ "two spans", "UTC", ALL, { { 60, 120 }, { 180, 240 } }, "2026-11-20T02:30:00Z", false,
	  "2026-11-20T03:00:00Z" },
	/* clocks go from 02:00 to 03:00 on Sunday, 28 March 2027 */
	{ "an hour that does not come", "Europe/Berlin", SUN, { { 120, 180 } },
	  "2027-03-27T12:00:00Z", false, "2027-04-04T00:00:00Z" },
	{ "a span that loses an hour", "Europe/Berlin", SUN, { { 60, 240 } },
	  "2027-03-28T00:30:00Z", true, "2027-03-28T02:00:00Z" },
	/* and from 03:00 to 02:00 on Sunday, 31 October 2027 */
	{ "an hour that comes twice", "Europe/Berlin", SUN, { { 120, 180 } },
	  "2027-10-31T00:00:00Z", true, "2027-10-31T02:00:00Z" },
	{ "half of one opens twice", "Europe/Berlin", SUN, { { 120, 150 } },
	  "2027-10-31T00:30:00Z", false, "2027-10-31T01:00:00Z" },
	/* Samoa had no 30 December 2011, a Friday */
	{ "a day that does not come", "Pacific/Apia", FRI, WHOLE, "2011-12-30T10:30:00Z",
	  false, "2012-01-05T10:00:00Z" },
};

static void windows_follow_the_clocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		const struct look *l = &looks[i];
		struct control_window w = { .enabled = true, .days = (uint8_t)l->days };
		struct err err = ERR_INIT;
		struct span_verdict v;
		char change[32] = "";
		struct zone z = { 0 };

		if (zone_load(&z, l->zone, &err))
			fail_msg("%s: %s", l->what, err.msg);
		memcpy(w.hours, l->hours, sizeof(l->hours));
		w.n_hours = l->hours[1].to ? 2 : 1;
		v = control_window_judge(&w, &z, time_parse_rfc3339(l->now));
		if (v.change_ms)
			time_rfc3339(v.change_ms, change);
		if (v.open != l->open || strcmp(change, l->change ? l->change : ""))
			fail_msg("%s: %s, changes %s", l->what, v.open ? "open" : "shut",
				 change);
		zone_deinit(&z);
	}
}

static void windows_have_words(void **state)
{
	static const struct {
		unsigned days;
		const char *words;
	} cases[] = {
		{ ALL, "09:00-16:00 UTC" }, { WORK, "Mon-Thu 09:00-16:00 UTC" },
		{ MON | TUE, "Mon, Tue 09:00-16:00 UTC" },
		{ SAT | SUN | MON, "Mon, Sat, Sun 09:00-16:00 UTC" },
		{ FRI | SAT | SUN | TUE, "Tue, Fri-Sun 09:00-16:00 UTC" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_window w = { .zone = "UTC", .n_hours = 1, .hours = OFFICE,
					    .days = (uint8_t)cases[i].days };
		_cleanup_buf_ struct buf b = BUF_INIT;

		control_window_words(&w, &b);
		assert_string_equal(buf_str(&b), cases[i].words);
	}
}

/* ---- gates ---- */

enum {	/* what a row changes */
	NONE = 1, KILLED = 2, DISABLED = 4, ASKED_FOR = 8, WINDOWED = 16, IN_WINDOW = 32,
	APPROVE = 64, APPROVED = 128, S_DISABLED = 256, S_ASKED = 512, S_APPROVE = 1024,
	KNOWN = 2048,	/* when the window opens */
};

struct gate_row {
	const char *what;
	unsigned facts;
	uint32_t passed;
	const char *itself, *person, *stops;	/* kinds; of the environment */
	const char *service, *service_person;
	int64_t until;
};

static const struct gate_row gate_rows[] = {
	{ "all open", 0, 0, "", "", "", "", "", 0 },
	{ "1: never readable", NONE, 0, "file", "file", "", "", "", 0 },
	{ "2: the kill switch", KILLED, 0, "global", "global", "global", "", "", 0 },
	{ "3: not enabled", DISABLED, 0, "enabled", "enabled", "enabled", "", "", 0 },
	{ "4: only when asked", ASKED_FOR, 0, "auto", "", "", "", "", 0 },
	{ "5: outside", WINDOWED, 0, "window", "window", "window", "", "", 0 },
	{ "5: outside, and it is known until when", WINDOWED | KNOWN, 0, "window", "window",
	  "window", "", "", 5000 },
	{ "5: inside", WINDOWED | IN_WINDOW | KNOWN, 0, "", "", "", "", "", 0 },
	{ "6: not approved", APPROVE, 0, "approval", "approval", "", "", "", 0 },
	{ "6: approved", APPROVE | APPROVED, 0, "", "", "", "", "", 0 },
	{ "4 and 6", ASKED_FOR | APPROVE, 0, "auto", "approval", "", "", "", 0 },
	{ "4 and 6, approved: it still has to be asked for", ASKED_FOR | APPROVE | APPROVED,
	  0, "auto", "", "", "", "", 0 },
	{ "5 and 6: when both open is not known", WINDOWED | KNOWN | APPROVE, 0, "window",
	  "window", "window", "", "", 0 },
	{ "an override passes the one it names", WINDOWED | APPROVE, GATE_BIT(GATE_WINDOW),
	  "approval", "approval", "", "", "", 0 },
	{ "... all that it names", WINDOWED | APPROVE | KILLED | DISABLED,
	  GATE_BIT(GATE_WINDOW) | GATE_BIT(GATE_APPROVAL) | GATE_BIT(GATE_GLOBAL) |
	  GATE_BIT(GATE_ENABLED), "", "", "", "", "", 0 },
	{ "3 of a service", S_DISABLED, 0, "", "", "", "enabled", "enabled", 0 },
	{ "4 of a service", S_ASKED, 0, "", "", "", "auto", "", 0 },
	{ "6 of a service", S_APPROVE, 0, "", "", "", "approval", "approval", 0 },
	{ "6 of a service: the release is approved, and it with it", S_APPROVE | APPROVED, 0,
	  "", "", "", "", "", 0 },
	{ "both", DISABLED | S_DISABLED, 0, "enabled", "enabled", "enabled", "enabled",
	  "enabled", 0 },
};

static const char *kind_of(const struct gate *g)
{
	return g ? gate_kind_str(g->kind) : "";
}

static const char *first_interrupting(const struct gates_shut *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (!s->data[i].service &&
		    GATE_BIT(s->data[i].kind) & GATES_INTERRUPTING)
			return gate_kind_str(s->data[i].kind);
	return "";
}

static void assert_gates(const struct gate_row *r, const struct gates_shut *s)
{
	const char *is[] = {
		kind_of(gates_first(s, true)), kind_of(gates_first(s, false)),
		first_interrupting(s), kind_of(gates_of_service(s, "db", true)),
		kind_of(gates_of_service(s, "db", false)),
	};
	const char *should[] = { r->itself, r->person, r->stops, r->service,
				 r->service_person };

	for (size_t i = 0; i < ARRAY_LEN(is); i++)
		if (strcmp(is[i], should[i]))
			fail_msg("%s: answer %zu is %s", r->what, i, is[i]);
	if (gates_until(s, true) != r->until)
		fail_msg("%s: until %lld", r->what, (long long)gates_until(s, true));
	assert_null(gates_of_service(s, "web", true));
}

static void gates_are_judged_by_their_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gate_rows); i++) {
		const struct gate_row *r = &gate_rows[i];
		unsigned f = r->facts;
		struct control c = {
			.environment = "prod", .global_auto = !(f & KILLED),
			.enabled = !(f & DISABLED), .auto_deploy = !(f & ASKED_FOR),
			.approval = f & APPROVE, .window = { .enabled = f & WINDOWED },
			.services = { { .name = "db", .enabled = !(f & S_DISABLED),
					.auto_deploy = !(f & S_ASKED),
					.approval = f & S_APPROVE } },
			.n_services = 1,
		};
		struct gates_in in = {
			.control = f & NONE ? NULL : &c, .approved = f & APPROVED,
			.window = { f & IN_WINDOW, f & KNOWN ? 5000 : 0 },
			.passed = r->passed,
		};
		struct gates_shut s;

		gates_judge(&in, &s);
		assert_gates(r, &s);
	}
}

static void gates_have_words(void **state)
{
	static const struct {
		enum gate_kind kind;
		const char *service, *words;
	} cases[] = {
		{ GATE_FILE, NULL, "infra/c.yaml has not been readable so far" },
		{ GATE_GLOBAL, NULL, "global.auto_deploy is false in infra/c.yaml" },
		{ GATE_ENABLED, NULL, "environment prod is not enabled in infra/c.yaml" },
		{ GATE_ENABLED, "db", "service db is not enabled in infra/c.yaml" },
		{ GATE_AUTO, NULL, "syncctl sync shop" },
		{ GATE_WINDOW, NULL, "outside of its deployment window (Mon-Thu 09:00-16:00 "
		  "UTC), which opens at 2026-11-23T09:00:00Z" },
		{ GATE_APPROVAL, NULL, "waits for approval: syncctl approve shop e07a1d4c0ffee,f00d" },
	};
	struct control c = { .environment = "prod", .window = { .enabled = true,
		.zone = "UTC", .days = WORK, .hours = OFFICE, .n_hours = 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gate g = { cases[i].kind, cases[i].service,
				  time_parse_rfc3339("2026-11-23T09:00:00Z") };
		_cleanup_buf_ struct buf b = BUF_INIT;

		gate_words(&g, &c, "infra/c.yaml", "shop",
			   "e07a1d4c0ffee f00d e07a1d4c0ffee", &b);
		if (!strstr(buf_str(&b), cases[i].words))
			fail_msg("%s", buf_str(&b));
	}
}

static void names_of_gates_are_read(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(gate_bits("window", &err), GATE_BIT(GATE_WINDOW));
	assert_int_equal(gate_bits("window,approval", &err),
			 GATE_BIT(GATE_WINDOW) | GATE_BIT(GATE_APPROVAL));
	assert_int_equal(gate_bits("", &err), 0);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(gate_bits("window,x", &err), 0);
	assert_non_null(strstr(err.msg, "\"x\" is no gate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_follow_the_clocks),
		cmocka_unit_test(windows_have_words),
		cmocka_unit_test(gates_are_judged_by_their_cases),
		cmocka_unit_test(gates_have_words),
		cmocka_unit_test(names_of_gates_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
