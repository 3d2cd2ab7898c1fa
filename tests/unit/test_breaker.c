/* breaker.h: each row of its table, at its limits. The clock stands at 10 hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/mem.h"
#include "sync/breaker.h"

#define MINUTE 60000
#define NOW ((int64_t)600 * MINUTE)
#define OLD 300			/* minutes ago */

/* n nodes that are ready, and some that are not, since so many minutes. */
struct node_row {
	const char *what;
	unsigned ready, lost, since, age;
	int casenr;
	const char *why;
};
static const struct node_row node_rows[] = {
	{ "no nodes", 0, 0, 0, OLD, 1, "" },
	{ "all are ready", 4, 0, 0, OLD, 1, "" },
	{ "one of four", 3, 1, 1, OLD, 2, "1 of 4 nodes are not ready" },
	{ "one of five", 4, 1, 1, OLD, 1, "" },
	{ "two of eight", 6, 2, 1, OLD, 2, "2 of 8 nodes are not ready" },
	{ "the only one", 0, 1, 1, OLD, 2, "1 of 1 node is not ready" },
	{ "just within half an hour", 1, 1, 29, OLD, 2, "1 of 2 nodes are not ready" },
	{ "for longer: its pods are elsewhere", 1, 1, 30, OLD, 1, "" },
	{ "all of them are new", 0, 3, 1, 4, 1, "" },
	{ "old enough", 0, 3, 1, 5, 2, "3 of 3 nodes are not ready" },
};

static void lost_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(node_rows); i++) {
		const struct node_row *r = &node_rows[i];
		struct breaker_node nodes[8] = { 0 };
		struct breaker_in in = { .nodes = nodes, .now_ms = NOW,
					 .n_nodes = r->ready + r->lost };
		struct breaker_verdict v;

		for (unsigned k = 0; k < in.n_nodes; k++)
			nodes[k] = (struct breaker_node){ NOW - r->age * MINUTE,
				k < r->lost ? NOW - r->since * MINUTE : 0 };
		breaker_judge(&in, &v);
		if (v.casenr != r->casenr || strcmp(v.why, r->why) ||
		    v.open != (v.casenr > 1))
			fail_msg("%s: %d, %s", r->what, v.casenr, v.why);
		/* What was there when a revert succeeded is no evidence any more. */
		in.passed_ms = NOW - 1;
		breaker_judge(&in, &v);
		assert_false(v.open);
	}
}

static void requests_that_fail(void **state)
{
	static const struct { uint64_t all, failed; int casenr; } rows[] = {
		{ 0, 0, 1 }, { 19, 19, 1 }, { 20, 20, 3 }, { 100, 20, 3 },
		{ 101, 20, 1 }, { 10000, 1999, 1 }, { 10000, 2000, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct breaker_in in = { .requests = rows[i].all, .now_ms = NOW,
					 .failed = rows[i].failed };
		struct breaker_verdict v;

		breaker_judge(&in, &v);
		assert_int_equal(v.casenr, rows[i].casenr);
	}
}

/* `bad` of `all` applications turned so, `since` minutes ago, each operated before. */
struct app_row {
	const char *what;
	unsigned all, bad;
	enum health_status health;
	unsigned since, operated;
	const char *commit;
	int casenr;
};
static const struct app_row app_rows[] = {
	{ "none", 0, 0, HEALTH_DEGRADED, 5, OLD, "", 1 },
	{ "four of ten", 10, 4, HEALTH_DEGRADED, 5, OLD, "", 4 },
	{ "three of ten", 10, 3, HEALTH_DEGRADED, 5, OLD, "", 4 },
	{ "two of ten", 10, 2, HEALTH_DEGRADED, 5, OLD, "", 1 },
	{ "a tenth", 30, 3, HEALTH_DEGRADED, 5, OLD, "", 4 },
	{ "less", 31, 3, HEALTH_DEGRADED, 5, OLD, "", 1 },
	{ "ten of very many", 200, 10, HEALTH_DEGRADED, 5, OLD, "", 4 },
	{ "nine of them", 200, 9, HEALTH_DEGRADED, 5, OLD, "", 1 },
	{ "missing", 10, 4, HEALTH_MISSING, 5, OLD, "", 4 },
	{ "moving for a minute", 10, 4, HEALTH_PROGRESSING, 1, OLD, "", 4 },
	{ "moving just now", 10, 4, HEALTH_PROGRESSING, 0, OLD, "", 1 },
	{ "unknown is no evidence", 10, 4, HEALTH_UNKNOWN, 5, OLD, "", 1 },
	{ "suspended", 10, 4, HEALTH_SUSPENDED, 5, OLD, "", 1 },
	{ "healthy again", 10, 4, HEALTH_HEALTHY, 5, OLD, "", 1 },
	{ "one commit brought all four", 10, 4, HEALTH_DEGRADED, 5, OLD, "c0ffee", 1 },
	{ "half an hour after its operation", 10, 4, HEALTH_DEGRADED, 5, 35, "", 4 },
	{ "sooner: a candidate's own", 10, 4, HEALTH_DEGRADED, 5, 34, "", 1 },
	{ "an operation since", 10, 4, HEALTH_DEGRADED, 5, 1, "", 1 },
	{ "long ago", 10, 4, HEALTH_DEGRADED, 30, OLD, "", 1 },
	{ "just within half an hour", 10, 4, HEALTH_DEGRADED, 29, OLD, "", 4 },
};

static void quiet_applications(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(app_rows); i++) {
		const struct app_row *r = &app_rows[i];
		struct breaker_app apps[200];
		struct breaker_in in = { .apps = apps, .n_apps = r->all, .now_ms = NOW };
		struct breaker_verdict v;

		for (unsigned k = 0; k < r->all; k++)
			apps[k] = k < r->bad ? (struct breaker_app){ r->health,
				NOW - r->since * MINUTE, NOW - r->operated * MINUTE,
				r->commit } : (struct breaker_app){ HEALTH_HEALTHY,
				NOW - OLD * MINUTE, NOW - OLD * MINUTE, "" };
		breaker_judge(&in, &v);
		if (v.casenr != r->casenr)
			fail_msg("%s: %d, %s", r->what, v.casenr, v.why);
		in.passed_ms = NOW - r->since * MINUTE;
		breaker_judge(&in, &v);
		assert_false(v.open);
	}
}

/* Two commits and one that counts for itself are three. */
static void one_commit_counts_once(void **state)
{
	static const char *const commits[] = { "a", "b", "a", "", "b", "a" };
	struct breaker_app apps[ARRAY_LEN(commits)];
	struct breaker_in in = { .apps = apps, .n_apps = ARRAY_LEN(apps), .now_ms = NOW };
	struct breaker_verdict v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		apps[i] = (struct breaker_app){ HEALTH_DEGRADED, NOW - MINUTE,
						NOW - OLD * MINUTE, commits[i] };
	breaker_judge(&in, &v);
	assert_int_equal(v.casenr, 4);
	assert_string_equal(v.why, "6 of 6 applications that nobody has touched for half "
			    "an hour turned unhealthy");
	in.n_apps = 3;
	breaker_judge(&in, &v);
	assert_false(v.open);
}

static void nodes_are_read(void **state)
{
	static const struct { const char *conditions; int64_t lost; } rows[] = {
		{ "[]", 0 },
		{ "[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":"
		  "\"2026-01-01T00:00:01Z\"}]", 0 },
		{ "[{\"type\":\"Ready\",\"status\":\"Unknown\",\"lastTransitionTime\":"
		  "\"2026-01-01T00:00:01Z\"}]", 1767225601000 },
		{ "[{\"type\":\"DiskPressure\",\"status\":\"True\"},{\"type\":\"Ready\","
		  "\"status\":\"False\",\"lastTransitionTime\":\"2026-01-01T00:00:02Z\"}]",
		  1767225602000 },
		{ "[{\"type\":\"Ready\",\"status\":\"False\"}]", 0 },
		{ "[7,{\"type\":7},{\"type\":\"Ready\"}]", 0 },
		{ "\"none\"", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("{\"metadata\":{\"name\":\"n\","
			"\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"status\":{"
			"\"conditions\":%s}}", rows[i].conditions);
		_cleanup_json_ json_t *node = doc_parse(text, strlen(text), NULL);
		struct breaker_node n = breaker_read_node(node);

		assert_int_equal(n.made_ms, 1767225600000);
		assert_int_equal(n.lost_ms, rows[i].lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_nodes),
		cmocka_unit_test(requests_that_fail),
		cmocka_unit_test(quiet_applications),
		cmocka_unit_test(one_commit_counts_once),
		cmocka_unit_test(nodes_are_read),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
