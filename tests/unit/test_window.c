/*
 * Sync windows: schedules as the reference's cron library reads them, time zones
 * against the C library's, and what an application may do at which time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/window.h"
#include "sync/zone.h"

static int64_t at(const char *when)
{
	int64_t ms = time_parse_rfc3339(when);

	assert_true(ms >= 0);
	return ms;
}

/* ---- schedules ---- */

static void next_starts(void **state)
{
	static const struct { const char *cron, *from, *next; } rows[] = {
		{ "* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z" },
		{ "* * * * *", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z" },
		{ "0 9 * * *", "2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z" },
		{ "0 9 * * *", "2026-01-01T08:59:59Z", "2026-01-01T09:00:00Z" },
		{ "*/15 * * * *", "2026-01-01T00:46:00Z", "2026-01-01T01:00:00Z" },
		{ "5/15 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z" },
		{ "5/15 * * * *", "2026-01-01T00:50:00Z", "2026-01-01T01:05:00Z" },
		{ "10-20/5 2 * * *", "2026-01-01T02:15:00Z", "2026-01-01T02:20:00Z" },
		{ "0,30 8-17 * * mon-fri", "2026-01-02T17:30:00Z", "2026-01-05T08:00:00Z" },
		{ "0 0 1 JAN ?", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z" },
		/* both days restricted: either; with a star: both */
		{ "0 0 13 * 5", "2026-02-01T00:00:00Z", "2026-02-06T00:00:00Z" },
		{ "0 0 13 * *", "2026-02-01T00:00:00Z", "2026-02-13T00:00:00Z" },
		{ "0 0 */2 * 5", "2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z" },
		{ "0 0 * * sun", "2026-02-01T00:00:00Z", "2026-02-08T00:00:00Z" },
		{ "  0  0\t* * 0 ", "2026-02-02T00:00:00Z", "2026-02-08T00:00:00Z" },
		{ "59 23 31 12 *", "1969-12-31T23:58:00Z", "1969-12-31T23:59:00Z" },
		{ "0 0 30 2 *", "2026-01-01T00:00:00Z", NULL },
		{ ", 0 * * *", "2026-01-01T00:00:00Z", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool old = !strncmp(rows[i].from, "1969", 4);
		int64_t from = old ? -120 : at(rows[i].from) / 1000, next;
		int64_t want = old ? -60 : rows[i].next ? at(rows[i].next) / 1000 : -1;
		struct err err = ERR_INIT;
		struct cron c;

		if (cron_parse(&c, rows[i].cron, &err))
			fail_msg("%s: %s", rows[i].cron, err.msg);
		next = cron_next(&c, from);
		if (next != want)
			fail_msg("%s after %s: %lld, not %lld", rows[i].cron, rows[i].from,
				 (long long)next, (long long)want);
	}
}

static void bad_schedules(void **state)
{
	static const struct { const char *cron, *words; } rows[] = {
		{ "", "found 0" },
		{ "* * * *", "found 4" },
		{ "* * * * * *", "found 6" },
		{ "@daily", "minute" },
		{ "60 * * * *", "minute" },
		{ "* 24 * * *", "hour: \"24\"" },
		{ "* * 0 * *", "day of month" },
		{ "* * * 13 *", "month" },
		{ "* * * * 7", "day of week" },
		{ "5-1 * * * *", "minute" },
		{ "*/0 * * * *", "minute" },
		{ "1-2-3 * * * *", "minute" },
		{ "1/2/3 * * * *", "minute" },
		{ "-1 * * * *", "minute" },
		{ "a * * * *", "minute" },
		{ "99999999999 * * * *", "minute" },
		{ "*/ * * * *", "minute" },
		{ "* * * foo *", "month" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct cron c;

		if (!cron_parse(&c, rows[i].cron, &err) ||
		    !strstr(err.msg, rows[i].words))
			fail_msg("\"%s\": %s", rows[i].cron, err.msg);
	}
}

/* ---- time zones ---- */

static void zones_are_those_of_the_system(void **state)
{
	static const char *const names[] = {
		"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata",
		"Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran", "Etc/GMT+5",
		"Pacific/Apia", "Europe/Dublin", "America/Nuuk", "UTC",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = ERR_INIT;
		struct zone z;

		if (zone_load(&z, names[i], &err))
			fail_msg("%s", err.msg);
		setenv("TZ", names[i], 1);
		tzset();
		/* Some 39 hours apart: every hour of the day, from 1970 to 2090. */
		for (int64_t t = 0; t < INT64_C(3786912000); t += 139999) {
			time_t now = (time_t)t;
			struct tm tm;

			localtime_r(&now, &tm);
			if (zone_offset(&z, t) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, not %ld", names[i],
					 (long long)t, zone_offset(&z, t), tm.tm_gmtoff);
		}
		zone_deinit(&z);
	}
	unsetenv("TZ");
	tzset();
}

static void bad_zones(void **state)
{
	static const char *const names[] = {
		"Nowhere/City", "../../../etc/passwd", "/etc/localtime", "zone.tab", "a b",
		"posixrules/../../../../etc/hostname",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = ERR_INIT;
		struct zone z;

		if (!zone_load(&z, names[i], &err) || !*err.msg)
			fail_msg("%s is taken", names[i]);
	}
}

/* The file of a zone, cut at every length, and with every byte changed. */
static void broken_zone_files(void **state)
{
	unsigned char data[4096], copy[4096];
	FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "re");
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t i = 0; i < n; i++) {
		struct zone z;

		if (!zone_parse(&z, data, i, NULL))
			zone_deinit(&z);
		memcpy(copy, data, n);
		copy[i] ^= 0xff;
		if (!zone_parse(&z, copy, n, NULL)) {
			zone_offset(&z, INT64_C(4000000000));
			zone_deinit(&z);
		}
	}
}

/* ---- windows ---- */

#define ALL "'applications':['*']"
#define DENY(when, more) "{'kind':'deny','schedule':'" when "'," ALL more "}"
#define ALLOW(when, more) "{'kind':'allow','schedule':'" when "'," ALL more "}"
#define HOURS(n) ",'duration':'" #n "h'"

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = doc_parse(copy, strlen(copy), NULL);
	if (!j)
		fail_msg("%s", copy);
	return j;
}

static const struct {
	const char *windows, *now;
	bool automatic, manual;
	const char *change;	/* NULL: none */
	const char *why;
} cases[] = {
	{ "[]", "2026-01-05T12:00:00Z", true, true, NULL, "" },
	{ "[{'kind':'deny','schedule':'bad','applications':['other']}]",
	  "2026-01-05T12:00:00Z", true, true, NULL, "" },
	/* a deny, before, in and after it */
	{ "[" DENY("0 9 * * *", HOURS(2)) "]", "2026-01-05T08:59:59Z", true, true,
	  "2026-01-05T09:00:01Z", "" },
	{ "[" DENY("0 9 * * *", HOURS(2)) "]", "2026-01-05T09:00:01Z", false, false,
	  "2026-01-05T11:00:00Z", "denies it (deny \"0 9 * * *\" for 2h)" },
	{ "[" DENY("0 9 * * *", HOURS(2)) "]", "2026-01-05T10:59:59Z", false, false,
	  "2026-01-05T11:00:00Z", "it opens at 2026-01-05T11:00:00Z" },
	{ "[" DENY("0 9 * * *", HOURS(2)) "]", "2026-01-05T11:00:00Z", true, true,
	  "2026-01-06T09:00:01Z", "" },
	{ "[" DENY("0 9 * * *", HOURS(2) ",'manualSync':true,'description':'lunch'") "]",
	  "2026-01-05T10:00:00Z", false, true, "2026-01-05T11:00:00Z", ": lunch" },
	/* two denies: a person passes when both say so */
	{ "[" DENY("0 9 * * *", HOURS(2) ",'manualSync':true") ","
	  DENY("0 10 * * *", HOURS(2)) "]", "2026-01-05T10:30:00Z", false, false,
	  "2026-01-05T12:00:00Z", "denies" },
	{ "[" DENY("0 9 * * *", HOURS(2) ",'manualSync':true") ","
	  DENY("0 10 * * *", HOURS(2) ",'manualSync':true") "]",
	  "2026-01-05T10:30:00Z", false, true, "2026-01-05T12:00:00Z", "denies" },
	/* an allow: in it, and outside of it */
	{ "[" ALLOW("0 9 * * *", HOURS(2)) "]", "2026-01-05T10:00:00Z", true, true,
	  "2026-01-05T11:00:00Z", "" },
	{ "[" ALLOW("0 9 * * *", HOURS(2)) "]", "2026-01-05T12:00:00Z", false, false,
	  "2026-01-06T09:00:01Z", "does not yet allow" },
	{ "[" ALLOW("0 9 * * *", HOURS(2) ",'manualSync':true") "]",
	  "2026-01-05T12:00:00Z", false, true, "2026-01-06T09:00:01Z",
	  "does not yet allow" },
	/* a deny inside of an allow */
	{ "[" ALLOW("0 8 * * *", HOURS(8)) "," DENY("0 12 * * *", HOURS(1)) "]",
	  "2026-01-05T12:30:00Z", false, false, "2026-01-05T13:00:00Z", "denies" },
	{ "[" ALLOW("0 8 * * *", HOURS(8)) "," DENY("0 12 * * *", HOURS(1)) "]",
	  "2026-01-05T11:30:00Z", true, true, "2026-01-05T12:00:01Z", "" },
	/* one that never ends: each minute for an hour */
	{ "[" DENY("* * * * *", HOURS(1)) "]", "2026-01-05T12:00:30Z", false, false,
	  NULL, "denies" },
	/* zones: 9:00 in Berlin is 8:00 UTC in winter, 7:00 in summer */
	{ "[" DENY("0 9 * * *", HOURS(1) ",'timeZone':'Europe/Berlin'") "]",
	  "2026-01-05T08:30:00Z", false, false, "2026-01-05T09:00:00Z", "denies" },
	{ "[" DENY("0 9 * * *", HOURS(1) ",'timeZone':'Europe/Berlin'") "]",
	  "2026-07-06T08:30:00Z", true, true, "2026-07-07T07:00:01Z", "" },
	{ "[" DENY("0 9 * * *", HOURS(1) ",'timeZone':'Europe/Berlin'") "]",
	  "2026-07-06T07:30:00Z", false, false, "2026-07-06T08:00:00Z", "denies" },
	/* over the night of the change, 29 March 2026 at 01:00 UTC */
	{ "[" DENY("0 2 * * *", HOURS(2) ",'timeZone':'Europe/Berlin'") "]",
	  "2026-03-29T01:30:00Z", false, false, "2026-03-29T02:00:00Z", "denies" },
	/* what cannot be read stops all */
	{ "[" DENY("0 25 * * *", HOURS(1)) "]", "2026-01-05T12:00:00Z", false, false,
	  NULL, "syncWindows[0]: schedule \"0 25 * * *\": hour" },
	{ "[" DENY("0 9 * * *", ",'duration':'soon'") "]", "2026-01-05T12:00:00Z",
	  false, false, NULL, "duration" },
	{ "[" DENY("0 9 * * *", ",'duration':'0s'") "]", "2026-01-05T12:00:00Z",
	  false, false, NULL, "at least 1s" },
	{ "[" DENY("0 9 * * *", HOURS(1) ",'timeZone':'Mars/Base'") "]",
	  "2026-01-05T12:00:00Z", false, false, NULL, "no time zone \"Mars/Base\"" },
	{ "[{'kind':'maybe','schedule':'* * * * *'," ALL HOURS(1) "}]",
	  "2026-01-05T12:00:00Z", false, false, NULL, "must be allow or deny" },
};

static void verdicts(void **state)
{
	static const struct window_app app = { "shop", "prod" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *list = parse(cases[i].windows);
		int64_t change = cases[i].change ? at(cases[i].change) : 0;
		struct window_verdict v;

		windows_judge(list, &app, at(cases[i].now), &v);
		if (v.automatic != cases[i].automatic || v.manual != cases[i].manual ||
		    v.change_ms != change || !strstr(v.why, cases[i].why) ||
		    !*v.why != !*cases[i].why)
			fail_msg("%s at %s: %d %d %lld: %s", cases[i].windows, cases[i].now,
				 v.automatic, v.manual,
				 (long long)(v.change_ms - at(cases[i].now)) / 1000, v.why);
	}
}

static void which_windows_match(void **state)
{
	static const struct { const char *selectors; bool matches; } rows[] = {
		{ "'applications':['sh*']", true },
		{ "'applications':['x','shop']", true },
		{ "'applications':['x']", false },
		{ "'namespaces':['prod']", true },
		{ "'namespaces':['p?od']", true },
		{ "'clusters':['in-cluster']", true },
		{ "'clusters':['https://kubernetes.default.svc']", true },
		{ "'clusters':['https://other']", false },
		{ "'applications':['x'],'namespaces':['prod']", true },
		{ "'andOperator':true,'applications':['x'],'namespaces':['prod']", false },
		{ "'andOperator':true,'applications':['shop'],'namespaces':['prod']", true },
		{ "'andOperator':true,'applications':['shop'],'clusters':['x']", false },
		{ "'andOperator':true,'namespaces':['prod']", true },
		{ "'andOperator':true", false },
		{ "'applications':[7]", false },
	};
	static const struct window_app app = { "shop", "prod" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("{'kind':'deny','duration':'1h',"
			"'schedule':'0 9 * * *',%s}", rows[i].selectors);
		_cleanup_json_ json_t *w = parse(text);
		struct err err = ERR_INIT;
		struct window_state s;

		assert_int_equal(window_look(w, &app, at("2026-01-05T09:30:00Z"), &s, &err),
				 0);
		if (s.matches != rows[i].matches)
			fail_msg("%s", rows[i].selectors);
		assert_true(s.active);
		assert_int_equal(s.opens_ms, at("2026-01-06T09:00:00Z"));
		assert_int_equal(s.closes_ms, at("2026-01-05T10:00:00Z"));
	}
}

static void too_many_windows(void **state)
{
	static const struct window_app app = { "shop", "prod" };
	_cleanup_json_ json_t *list = json_array(), *w = parse(DENY("0 9 * * *", HOURS(1)));
	struct window_verdict v;

	(void)state;
	for (int i = 0; i < 101; i++)
		json_array_append(list, w);
	windows_judge(list, &app, at("2026-01-05T12:00:00Z"), &v);
	assert_false(v.automatic || v.manual);
	assert_non_null(strstr(v.why, "more than 100"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_starts),
		cmocka_unit_test(bad_schedules),
		cmocka_unit_test(zones_are_those_of_the_system),
		cmocka_unit_test(bad_zones),
		cmocka_unit_test(broken_zone_files),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(which_windows_match),
		cmocka_unit_test(too_many_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
