/*
 * sync/settle.h as a table: graces, troubles of pods, what is no evidence, the
 * deadline, and when to look again. Time is in milliseconds, now is 100,000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/settle.h"

#define NOW 100000
#define AGO(ms) (NOW - (ms))
#define LATER (NOW + 50000)	/* the deadline, far away */

static const struct settle_limits limits = {
	.degraded_grace_ms = 10000, .pull_grace_ms = 120000,
	.crash_grace_ms = 60000,
};

/* What an item is; an item of all zeros ends a row. */
struct item {
	enum { END, EVIDENCE, HOLDS, IGNORED, CRD } role;
	enum health_status health;
	uint64_t degraded_since;
	enum pod_trouble pod;
	uint64_t pod_since;
	bool ready;
};

struct row {
	const char *what;
	struct item items[3];
	uint64_t deadline;
	enum settle_verdict verdict;
	size_t culprit, waiting;
	uint64_t again_at;
	bool may_pass;
};

#define NOBODY SIZE_MAX
#define WEB HEALTH_PROGRESSING

static const struct row rows[] = {
	/* nothing to wait for */
	{ "no items", { { 0 } }, LATER, SETTLE_DONE, NOBODY, 0, 0, false },
	{ "healthy", { { .role = EVIDENCE, .health = HEALTH_HEALTHY } },
	  LATER, SETTLE_DONE, NOBODY, 0, 0, false },
	{ "suspended", { { .role = EVIDENCE, .health = HEALTH_SUSPENDED } },
	  LATER, SETTLE_DONE, NOBODY, 0, 0, false },
	{ "no health rule", { { .role = HOLDS, .health = HEALTH_NONE } },
	  LATER, SETTLE_DONE, NOBODY, 0, 0, false },
	{ "ignore-healthcheck", { { .role = IGNORED, .health = HEALTH_DEGRADED,
				    .degraded_since = AGO(60000) } },
	  LATER, SETTLE_DONE, NOBODY, 0, 0, false },

	/* still coming */
	{ "progressing", { { .role = EVIDENCE, .health = HEALTH_PROGRESSING } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "missing", { { .role = EVIDENCE, .health = HEALTH_MISSING } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "unknown", { { .role = EVIDENCE, .health = HEALTH_UNKNOWN } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "no deadline: on news only",
	  { { .role = EVIDENCE, .health = HEALTH_PROGRESSING } },
	  0, SETTLE_WAIT, 0, 1, 0, false },
	{ "a CRD without conditions holds", { { .role = CRD,
						.health = HEALTH_NONE } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "an established CRD does not", { { .role = CRD,
					     .health = HEALTH_HEALTHY } },
	  LATER, SETTLE_DONE, NOBODY, 0, 0, false },
	{ "the first waiting one is named",
	  { { .role = HOLDS, .health = HEALTH_HEALTHY },
	    { .role = HOLDS, .health = HEALTH_PROGRESSING },
	    { .role = EVIDENCE, .health = HEALTH_PROGRESSING } },
	  LATER, SETTLE_WAIT, 1, 2, LATER, false },

	/* degraded must last */
	{ "just degraded", { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
			       .degraded_since = NOW } },
	  LATER, SETTLE_WAIT, 0, 1, NOW + 10000, false },
	{ "degraded for less than the grace",
	  { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(9999) } },
	  LATER, SETTLE_WAIT, 0, 1, NOW + 1, false },
	{ "degraded for the grace",
	  { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(10000) } },
	  LATER, SETTLE_BAD, 0, 0, 0, false },
	{ "the sooner of two graces",
	  { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(1000) },
	    { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(4000) } },
	  LATER, SETTLE_WAIT, 0, 2, NOW + 6000, false },
	{ "the second one is bad",
	  { { .role = EVIDENCE, .health = HEALTH_PROGRESSING },
	    { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(20000) } },
	  LATER, SETTLE_BAD, 1, 1, 0, false },
	{ "degraded in the baseline, or not changed: no evidence",
	  { { .role = HOLDS, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(40000) } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "a grace that ends after the deadline",
	  { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(1000) } },
	  NOW + 2000, SETTLE_WAIT, 0, 1, NOW + 2000, false },

	/* pods of the new revision */
	{ "a wrong image name, at once",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_IMAGE_NAME,
	      .pod_since = NOW } },
	  LATER, SETTLE_BAD, 0, 0, 0, false },
	{ "an image that is not there yet",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_PULL,
	      .pod_since = AGO(30000) } },
	  0, SETTLE_WAIT, 0, 1, NOW + 90000, false },
	{ "an image that does not come: it may pass",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_PULL,
	      .pod_since = NOW - 100000 } },
	  LATER, SETTLE_WAIT, 0, 1, NOW + 20000, false },
	{ "a config error within 30 s",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_CONFIG,
	      .pod_since = AGO(29999) } },
	  LATER, SETTLE_WAIT, 0, 1, NOW + 1, false },
	{ "a config error for 30 s",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_CONFIG,
	      .pod_since = AGO(30000) } },
	  LATER, SETTLE_BAD, 0, 0, 0, false },
	{ "a crash loop within its grace",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_CRASH,
	      .pod_since = AGO(59000) } },
	  LATER, SETTLE_WAIT, 0, 1, NOW + 1000, false },
	{ "a crash loop",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_CRASH,
	      .pod_since = AGO(60000) } },
	  LATER, SETTLE_BAD, 0, 0, 0, false },
	{ "a crash loop beside a pod that was ready",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_CRASH,
	      .pod_since = AGO(90000), .ready = true } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "... does not hide that the workload is degraded",
	  { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(10000), .pod = POD_CRASH,
	      .pod_since = AGO(90000), .ready = true } },
	  LATER, SETTLE_BAD, 0, 0, 0, false },
	{ "no node has room: it holds",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_UNSCHEDULABLE,
	      .pod_since = AGO(90000) } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },
	{ "a pod's own grace goes before its parent's",
	  { { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(60000), .pod = POD_PULL,
	      .pod_since = AGO(60000) } },
	  0, SETTLE_WAIT, 0, 1, NOW + 60000, false },
	{ "pods of what is no evidence",
	  { { .role = HOLDS, .health = WEB, .pod = POD_IMAGE_NAME,
	      .pod_since = AGO(90000) } },
	  LATER, SETTLE_WAIT, 0, 1, LATER, false },

	/* the deadline */
	{ "evidence without progress",
	  { { .role = EVIDENCE, .health = HEALTH_PROGRESSING } },
	  NOW, SETTLE_LATE, 0, 1, 0, true },
	{ "missing at the deadline",
	  { { .role = EVIDENCE, .health = HEALTH_MISSING } },
	  NOW, SETTLE_LATE, 0, 1, 0, true },
	{ "unschedulable at the deadline: it may pass",
	  { { .role = EVIDENCE, .health = WEB, .pod = POD_UNSCHEDULABLE,
	      .pod_since = AGO(90000) } },
	  NOW, SETTLE_LATE, 0, 1, 0, true },
	{ "no evidence at the deadline: go on",
	  { { .role = HOLDS, .health = HEALTH_PROGRESSING } },
	  NOW, SETTLE_DONE, 0, 1, 0, false },
	{ "degraded, but no evidence, at the deadline: go on",
	  { { .role = HOLDS, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(60000) } },
	  AGO(1), SETTLE_DONE, 0, 1, 0, false },
	{ "unknown health is never a failure",
	  { { .role = EVIDENCE, .health = HEALTH_UNKNOWN } },
	  NOW, SETTLE_DONE, 0, 1, 0, false },
	{ "the evidence is named, not the first that waits",
	  { { .role = HOLDS, .health = HEALTH_PROGRESSING },
	    { .role = EVIDENCE, .health = HEALTH_HEALTHY },
	    { .role = EVIDENCE, .health = HEALTH_PROGRESSING } },
	  NOW, SETTLE_LATE, 2, 2, 0, true },
	{ "all healthy at the deadline",
	  { { .role = EVIDENCE, .health = HEALTH_HEALTHY } },
	  NOW, SETTLE_DONE, NOBODY, 0, 0, false },
	{ "bad goes before late",
	  { { .role = EVIDENCE, .health = HEALTH_PROGRESSING },
	    { .role = EVIDENCE, .health = HEALTH_DEGRADED,
	      .degraded_since = AGO(10000) } },
	  NOW, SETTLE_BAD, 1, 1, 0, false },
};

static void fill(const struct item *from, struct settle_item *it)
{
	*it = (struct settle_item){
		.key = { "apps", "Deployment", "prod", "web" },
		.health = { from->health, "words" },
		.counts = from->role == EVIDENCE, .waits = from->role != IGNORED,
		.crd = from->role == CRD, .degraded_since = from->degraded_since,
		.pod = from->pod, .pod_since = from->pod_since,
		.pod_ready = from->ready,
		.pod_message = from->pod ? "pod web-1: trouble" : NULL,
	};
}

static struct settle_result judge(const struct item *from, uint64_t now,
				  uint64_t deadline)
{
	struct settle_item items[3];
	struct settle_result r;
	size_t n = 0;

	for (; n < 3 && from[n].role != END; n++)
		fill(&from[n], &items[n]);
	settle_judge(items, n, &limits, now, deadline, &r);
	return r;
}

static void verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *w = &rows[i];
		struct settle_result r = judge(w->items, NOW, w->deadline);

		if (r.verdict != w->verdict || r.culprit != w->culprit ||
		    r.may_pass != w->may_pass ||
		    (w->verdict != SETTLE_BAD && r.waiting != w->waiting) ||
		    (w->verdict == SETTLE_WAIT && r.again_at != w->again_at))
			fail_msg("%s: verdict %d culprit %zd waiting %zu again "
				 "%llu may_pass %d", w->what, r.verdict,
				 (ssize_t)r.culprit, r.waiting,
				 (unsigned long long)r.again_at, r.may_pass);
	}
}

/* Whatever says "look again at" decides otherwise at that very moment. */
static void again_at_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *w = &rows[i];
		struct settle_result r = judge(w->items, NOW, w->deadline), then;

		if (r.verdict != SETTLE_WAIT || !r.again_at)
			continue;
		assert_true(r.again_at > NOW);
		then = judge(w->items, r.again_at - 1, w->deadline);
		assert_int_equal(then.verdict, SETTLE_WAIT);
		then = judge(w->items, r.again_at, w->deadline);
		if (then.verdict == SETTLE_WAIT)
			fail_msg("%s: still waits at again_at", w->what);
	}
}

static void pull_may_pass(void **state)
{
	const struct item pull[3] = { { .role = EVIDENCE, .health = WEB,
					.pod = POD_PULL, .pod_since = 1 } };
	const struct item config[3] = { { .role = EVIDENCE, .health = WEB,
					  .pod = POD_CONFIG, .pod_since = 1 } };
	struct settle_result r = judge(pull, 120001, 0);

	(void)state;
	assert_int_equal(r.verdict, SETTLE_BAD);
	assert_true(r.may_pass);
	assert_string_equal(r.message,
			    "apps/Deployment/prod/web: pod web-1: trouble");
	r = judge(config, 120001, 0);
	assert_int_equal(r.verdict, SETTLE_BAD);
	assert_false(r.may_pass);
}

static void words(void **state)
{
	const struct item late[3] = { { .role = EVIDENCE,
					.health = HEALTH_PROGRESSING } };
	struct settle_item bare = {
		.key = { "", "Service", "prod", "web" }, .waits = true,
		.health = { .status = HEALTH_MISSING },
	};
	struct settle_result r = judge(late, NOW, NOW);

	(void)state;
	assert_string_equal(r.message, "apps/Deployment/prod/web: words "
			    "(no progress within the deadline)");
	settle_judge(&bare, 1, &limits, NOW, 0, &r);
	assert_string_equal(r.message, "Service/prod/web: Missing");
}

/* While a grace runs: what is missing, and what a pod says of it. */
static void pods_speak_while_it_waits(void **state)
{
	const struct item quiet = { .role = EVIDENCE, .health = WEB };
	const struct item pull = { .role = EVIDENCE, .health = WEB, .pod = POD_PULL,
				   .pod_since = AGO(1000) };
	struct settle_item items[2];
	struct settle_result r;

	(void)state;
	fill(&quiet, &items[0]);
	fill(&pull, &items[1]);
	items[1].key.name = "api";
	settle_judge(items, 2, &limits, NOW, LATER, &r);
	assert_int_equal(r.verdict, SETTLE_WAIT);
	assert_int_equal(r.culprit, 1);	/* not the first, which says nothing */
	assert_string_equal(r.message, "apps/Deployment/prod/api: words; pod web-1: trouble");
	/* Fine so far, but it has ended once. */
	items[0].pod_message = "pod web-0: CrashLoopBackOff: back-off";
	settle_judge(items, 2, &limits, NOW, LATER, &r);
	assert_int_equal(r.culprit, 0);
	assert_string_equal(r.message, "apps/Deployment/prod/web: words; "
			    "pod web-0: CrashLoopBackOff: back-off");
	*items[0].health.message = '\0';
	settle_judge(items, 1, &limits, NOW, LATER, &r);
	assert_string_equal(r.message, "apps/Deployment/prod/web: "
			    "pod web-0: CrashLoopBackOff: back-off");
	items[0].pod_message = "";
	settle_judge(items, 1, &limits, NOW, LATER, &r);
	assert_string_equal(r.message, "apps/Deployment/prod/web: Progressing");
}

/* Git may give a rollout more time than the flag; what is up needs none. */
static void deadlines(void **state)
{
	static const struct {
		const char *what;
		struct { bool waits; enum health_status health; uint64_t own; } items[3];
		size_t n;
		uint64_t want;
	} cases[] = {
		{ "no items", { { 0 } }, 0, NOW + 5000 },
		{ "none of its own", { { true, HEALTH_PROGRESSING, 0 } }, 1, NOW + 5000 },
		{ "a longer one", { { true, HEALTH_PROGRESSING, 9000 } }, 1, NOW + 9000 },
		{ "a shorter one", { { true, HEALTH_PROGRESSING, 100 } }, 1, NOW + 5000 },
		{ "the longest", { { true, HEALTH_MISSING, 7000 },
		  { true, HEALTH_DEGRADED, 8000 }, { true, HEALTH_UNKNOWN, 6000 } }, 3,
		  NOW + 8000 },
		{ "of one that is up", { { true, HEALTH_HEALTHY, 9000 },
		  { true, HEALTH_PROGRESSING, 0 } }, 2, NOW + 5000 },
		{ "of one that is not waited for", { { false, HEALTH_PROGRESSING, 9000 } },
		  1, NOW + 5000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct settle_item items[3] = { 0 };

		for (size_t k = 0; k < cases[i].n; k++) {
			items[k].waits = cases[i].items[k].waits;
			items[k].health.status = cases[i].items[k].health;
			items[k].own_deadline_ms = cases[i].items[k].own;
		}
		if (settle_deadline(items, cases[i].n, NOW, 5000) != cases[i].want)
			fail_msg("%s", cases[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(again_at_is_exact),
		cmocka_unit_test(pull_may_pass),
		cmocka_unit_test(words),
		cmocka_unit_test(pods_speak_while_it_waits),
		cmocka_unit_test(deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
