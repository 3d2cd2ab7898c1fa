/*
 * health: names, aggregation, evidence, progress over whole rollouts, and what
 * is wrong with a pod. The rules of each kind are tests/golden/health.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "health/health.h"

static json_t *parse(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* Single quotes in fmt become double ones: JSON that can be read in C. */
static json_t *parse(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	json_t *j;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = doc_parse(text, strlen(text), &err);
	if (!j)
		fail_msg("%s in %s", err.msg, text);
	return j;
}

static void names_go_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < HEALTH_N; i++)
		assert_int_equal(health_from_str(health_str(i)), i);
	assert_int_equal(health_from_str(NULL), HEALTH_NONE);
	assert_int_equal(health_from_str("healthy"), HEALTH_NONE);
	assert_string_equal(health_str((enum health_status)99), "");
	assert_string_equal(health_str(HEALTH_NONE), "");
}

static void the_worse_one_counts(void **state)
{
	static const char *const order[] = { "Healthy", "Suspended",
		"Progressing", "Missing", "Degraded", "Unknown" };

	(void)state;
	for (size_t a = 0; a < ARRAY_LEN(order); a++) {
		enum health_status sa = health_from_str(order[a]);

		assert_int_equal(health_worse(sa, HEALTH_NONE), sa);
		assert_int_equal(health_worse(HEALTH_NONE, sa), sa);
		for (size_t b = 0; b < ARRAY_LEN(order); b++)
			assert_string_equal(
				health_str(health_worse(sa,
					health_from_str(order[b]))),
				order[a > b ? a : b]);
	}
}

static void only_what_a_release_controls_is_evidence(void **state)
{
	(void)state;
	assert_true(health_is_evidence("apps", "Deployment"));
	assert_true(health_is_evidence("apps", "StatefulSet"));
	assert_true(health_is_evidence("apps", "DaemonSet"));
	assert_true(health_is_evidence("apps", "ReplicaSet"));
	assert_true(health_is_evidence("", "Pod"));
	assert_true(health_is_evidence(NULL, "Pod"));
	assert_true(health_is_evidence("batch", "Job"));
	assert_true(health_is_evidence("apiextensions.k8s.io",
				       "CustomResourceDefinition"));
	assert_false(health_is_evidence("", "Service"));
	assert_false(health_is_evidence("", "PersistentVolumeClaim"));
	assert_false(health_is_evidence("autoscaling",
					"HorizontalPodAutoscaler"));
	assert_false(health_is_evidence("networking.k8s.io", "Ingress"));
	assert_false(health_is_evidence("example.com", "Deployment"));
	assert_false(health_is_evidence("argoproj.io", "Application"));
	assert_false(health_is_evidence("", NULL));
}

/* A workload's counts at one moment of a rollout. */
struct moment {
	int total, updated, ready, available;
};

static uint64_t progress_at(const char *kind, const struct moment *m)
{
	bool ds = !strcmp(kind, "DaemonSet");
	_cleanup_json_ json_t *o = parse(
		"{'apiVersion':'apps/v1','kind':'%s','metadata':{'generation':2},"
		"'status':{'observedGeneration':2,'%s':%d,'%s':%d,'%s':%d,'%s':%d}}",
		kind, ds ? "currentNumberScheduled" : "replicas", m->total,
		ds ? "updatedNumberScheduled" : "updatedReplicas", m->updated,
		ds ? "numberReady" : "readyReplicas", m->ready,
		ds ? "numberAvailable" : "availableReplicas", m->available);

	return health_progress(o);
}

static void never_falls(const char *kind, const struct moment *m, size_t n)
{
	uint64_t last = progress_at(kind, &m[0]);

	for (size_t i = 1; i < n; i++) {
		uint64_t now = progress_at(kind, &m[i]);

		if (now < last)
			fail_msg("%s: step %zu falls from %llu to %llu", kind, i,
				 (unsigned long long)last,
				 (unsigned long long)now);
		last = now;
	}
	assert_int_equal(last, (uint64_t)m[n - 1].updated * 3);
}

/* Old pods leave while new ones come: plain sums would go up and down. */
static void progress_only_rises_over_a_rollout(void **state)
{
	static const struct moment surge[] = {
		{ 3, 0, 3, 3 }, { 4, 1, 3, 3 }, { 4, 1, 4, 3 }, { 4, 1, 4, 4 },
		{ 3, 1, 3, 3 }, { 4, 2, 3, 3 }, { 4, 2, 4, 4 }, { 3, 2, 3, 3 },
		{ 4, 3, 3, 3 }, { 4, 3, 4, 4 }, { 3, 3, 3, 3 },
	};
	static const struct moment in_place[] = {
		{ 3, 0, 3, 3 }, { 2, 0, 2, 2 }, { 3, 1, 2, 2 }, { 3, 1, 3, 3 },
		{ 2, 1, 2, 2 }, { 3, 2, 2, 2 }, { 3, 2, 3, 2 }, { 3, 2, 3, 3 },
		{ 2, 2, 2, 2 }, { 3, 3, 2, 2 }, { 3, 3, 3, 3 },
	};
	static const struct moment fresh[] = {
		{ 0, 0, 0, 0 }, { 3, 3, 0, 0 }, { 3, 3, 1, 0 }, { 3, 3, 2, 2 },
		{ 3, 3, 3, 3 },
	};

	(void)state;
	never_falls("Deployment", surge, ARRAY_LEN(surge));
	never_falls("Deployment", in_place, ARRAY_LEN(in_place));
	never_falls("Deployment", fresh, ARRAY_LEN(fresh));
	never_falls("StatefulSet", in_place, ARRAY_LEN(in_place));
	never_falls("DaemonSet", in_place, ARRAY_LEN(in_place));
	never_falls("DaemonSet", fresh, ARRAY_LEN(fresh));
}

/* A rollout by a seeded scheduler: any order of create, ready, kill, lose. */
static void progress_only_rises_in_any_order(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		int wanted = 1 + (int)(seed % 7), old = wanted;
		int fresh = 0, ready = 0, available = 0;
		unsigned r = seed;
		uint64_t last = 0;

		for (int i = 0; i < 500; i++) {
			struct moment m;
			uint64_t now;

			r = r * 1664525 + 1013904223;
			switch ((r >> 16) % 4) {
			case 0: fresh += fresh < wanted; break;
			case 1: ready += ready < fresh; break;
			case 2: available += available < ready; break;
			default: old -= old > wanted - available; break;
			}
			m = (struct moment){ old + fresh, fresh, old + ready,
					     old + available };
			now = progress_at("Deployment", &m);
			if (now < last)
				fail_msg("seed %u, step %d", seed, i);
			last = now;
		}
		assert_int_equal(last, (uint64_t)wanted * 3);
	}
}

static void progress_of_an_unseen_spec_is_none(void **state)
{
	_cleanup_json_ json_t *o = parse(
		"{'apiVersion':'apps/v1','kind':'Deployment',"
		"'metadata':{'generation':3},'status':{'observedGeneration':2,"
		"'replicas':3,'updatedReplicas':3,'readyReplicas':3}}");
	_cleanup_json_ json_t *other = parse(
		"{'apiVersion':'example.com/v1','kind':'Job',"
		"'status':{'succeeded':3}}");
	_cleanup_json_ json_t *negative = parse(
		"{'apiVersion':'batch/v1','kind':'Job',"
		"'status':{'succeeded':-9223372036854775807}}");

	(void)state;
	assert_int_equal(health_progress(o), 0);
	assert_int_equal(health_progress(other), 0);
	assert_int_equal(health_progress(negative), 0);
	assert_int_equal(health_progress(NULL), 0);
}

static void job_progress_counts_ends(void **state)
{
	static const struct { int ready, succeeded; } steps[] = {
		{ 0, 0 }, { 1, 0 }, { 2, 0 }, { 1, 1 }, { 0, 2 }, { 1, 2 },
		{ 0, 3 },
	};
	uint64_t last = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		_cleanup_json_ json_t *o = parse(
			"{'apiVersion':'batch/v1','kind':'Job',"
			"'status':{'ready':%d,'succeeded':%d}}",
			steps[i].ready, steps[i].succeeded);

		assert_true(health_progress(o) >= last);
		last = health_progress(o);
	}
	assert_int_equal(last, 6);
}

static struct pod_report report(const char *status)
{
	_cleanup_json_ json_t *pod = parse(
		"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},"
		"'status':%s}", status);

	return health_pod(pod);
}

/* One container whose status is given without its name. */
static struct pod_report container(const char *status)
{
	_cleanup_free_ char *text = xasprintf(
		"{'containerStatuses':[{'name':'app',%s}]}", status);

	return report(text);
}

static void expect(const struct pod_report *r, enum pod_trouble trouble,
		   const char *reason, const char *message)
{
	assert_int_equal(r->trouble, trouble);
	assert_string_equal(r->reason, reason);
	assert_string_equal(r->message, message);
}

static void pod_waits_for_its_image(void **state)
{
	static const struct {
		const char *reason;
		enum pod_trouble trouble;
	} cases[] = {
		{ "InvalidImageName", POD_IMAGE_NAME },
		{ "ErrImagePull", POD_PULL },
		{ "ImagePullBackOff", POD_PULL },
		{ "ErrImageNeverPull", POD_PULL },
		{ "CreateContainerConfigError", POD_CONFIG },
		{ "CreateContainerError", POD_CONFIG },
		{ "RunContainerError", POD_CONFIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *text = xasprintf(
			"'ready':false,'restartCount':0,'state':{'waiting':"
			"{'reason':'%s','message':'the words'}}",
			cases[i].reason);
		struct pod_report r = container(text);

		expect(&r, cases[i].trouble, cases[i].reason,
		       "container \"app\": the words");
		assert_false(r.ready);
		assert_int_equal(r.failed_exits, 0);
	}
}

static void pod_without_words_gives_the_reason(void **state)
{
	struct pod_report r = container(
		"'state':{'waiting':{'reason':'ErrImagePull'}}");

	(void)state;
	expect(&r, POD_PULL, "ErrImagePull", "container \"app\": ErrImagePull");
}

#define CRASHED(restarts, state)                                              \
	"'ready':false,'restartCount':" #restarts ",'state':{" state "},"     \
	"'lastState':{'terminated':{'exitCode':137,'reason':'OOMKilled'}}"
#define BACKOFF "'waiting':{'reason':'CrashLoopBackOff','message':'back-off'}"

static void crash_loop_needs_three_restarts(void **state)
{
	struct pod_report two = container(CRASHED(2, BACKOFF));
	struct pod_report three = container(CRASHED(3, BACKOFF));

	(void)state;
	/* Until then it says what it says. */
	expect(&two, POD_FINE, "CrashLoopBackOff",
	       "container \"app\": back-off; last exit code 137 (OOMKilled)");
	assert_int_equal(two.failed_exits, 2);
	expect(&three, POD_CRASH, "CrashLoopBackOff",
	       "container \"app\": back-off; last exit code 137 (OOMKilled)");
	assert_int_equal(three.restarts, 3);
	assert_int_equal(three.failed_exits, 3);
}

/* The same pod a moment later, started again and about to fail again. */
static void crash_loop_does_not_flap(void **state)
{
	struct pod_report running = container(
		CRASHED(4, "'running':{'startedAt':'x'}"));
	struct pod_report ended = container(
		CRASHED(4, "'terminated':{'exitCode':1,'reason':'Error'}"));

	(void)state;
	expect(&running, POD_CRASH, "OOMKilled", "container \"app\": "
	       "keeps failing; last exit code 137 (OOMKilled)");
	expect(&ended, POD_CRASH, "Error", "container \"app\": "
	       "keeps failing; last exit code 1 (Error)");
	assert_int_equal(ended.failed_exits, 5);
}

static void a_recovered_container_is_fine(void **state)
{
	struct pod_report r = report("{'conditions':[{'type':'Ready',"
		"'status':'True'}],'containerStatuses':[{'name':'app',"
		"'ready':true,'restartCount':5,'state':{'running':{}},"
		"'lastState':{'terminated':{'exitCode':1}}}]}");

	(void)state;
	expect(&r, POD_FINE, "", "");
	assert_true(r.ready);
	assert_int_equal(r.restarts, 5);
	assert_int_equal(r.failed_exits, 5);
}

static void exits_with_zero_are_no_failures(void **state)
{
	struct pod_report r = container("'ready':false,'restartCount':4,"
		"'state':{" BACKOFF "},'lastState':{'terminated':"
		"{'exitCode':0,'reason':'Completed'}}");

	(void)state;
	assert_int_equal(r.trouble, POD_CRASH);	/* it still does not stay up */
	assert_int_equal(r.failed_exits, 0);
}

static void oom_with_exit_code_zero_is_a_failure(void **state)
{
	struct pod_report r = container("'ready':false,'state':{'terminated':"
		"{'exitCode':0,'reason':'OOMKilled'}}");

	(void)state;
	assert_int_equal(r.trouble, POD_FINE);
	assert_int_equal(r.failed_exits, 1);
}

static void init_containers_count_too(void **state)
{
	struct pod_report r = report("{'initContainerStatuses':[{'name':'prep',"
		"'restartCount':3,'state':{" BACKOFF "},'lastState':{"
		"'terminated':{'exitCode':2,'reason':'Error'}}}],"
		"'containerStatuses':[{'name':'app','state':{'waiting':"
		"{'reason':'PodInitializing'}}}]}");

	(void)state;
	expect(&r, POD_CRASH, "CrashLoopBackOff",
	       "container \"prep\": back-off; last exit code 2 (Error)");
}

static void the_surest_trouble_wins(void **state)
{
	struct pod_report r = report("{'containerStatuses':["
		"{'name':'a','restartCount':9,'state':{" BACKOFF "}},"
		"{'name':'b','state':{'waiting':{'reason':'ErrImagePull'}}},"
		"{'name':'c','state':{'waiting':{'reason':'InvalidImageName'}}},"
		"{'name':'d','state':{'waiting':{'reason':'ErrImagePull'}}}]}");

	(void)state;
	assert_int_equal(r.trouble, POD_IMAGE_NAME);
	assert_string_equal(r.message, "container \"c\": InvalidImageName");
	assert_int_equal(r.restarts, 9);
}

/* What is sure is told rather than what may pass, whichever comes first. */
static void trouble_speaks_before_a_first_crash(void **state)
{
	struct pod_report before = report("{'containerStatuses':["
		"{'name':'a','restartCount':1,'state':{" BACKOFF "}},"
		"{'name':'b','state':{'waiting':{'reason':'ErrImagePull'}}}]}");
	struct pod_report after = report("{'containerStatuses':["
		"{'name':'b','state':{'waiting':{'reason':'ErrImagePull'}}},"
		"{'name':'a','restartCount':1,'state':{" BACKOFF "}}]}");
	struct pod_report both = report("{'containerStatuses':["
		"{'name':'a','restartCount':1,'state':{" BACKOFF "}},"
		"{'name':'c','restartCount':2,'state':{" BACKOFF "}}]}");

	(void)state;
	expect(&before, POD_PULL, "ErrImagePull", "container \"b\": ErrImagePull");
	expect(&after, POD_PULL, "ErrImagePull", "container \"b\": ErrImagePull");
	expect(&both, POD_FINE, "CrashLoopBackOff", "container \"a\": back-off");
}

static void the_first_of_equals_is_told(void **state)
{
	struct pod_report r = report("{'containerStatuses':["
		"{'name':'a','state':{'waiting':{'reason':'ErrImagePull'}}},"
		"{'name':'b','state':{'waiting':{'reason':'ErrImagePull'}}}]}");

	(void)state;
	expect(&r, POD_PULL, "ErrImagePull", "container \"a\": ErrImagePull");
}

static void unschedulable_is_said(void **state)
{
	struct pod_report r = report("{'phase':'Pending','conditions':[{"
		"'type':'PodScheduled','status':'False',"
		"'reason':'Unschedulable','message':'0/2 nodes'}]}");
	struct pod_report gated = report("{'phase':'Pending','conditions':[{"
		"'type':'PodScheduled','status':'False',"
		"'reason':'SchedulingGated','message':'x'}]}");

	(void)state;
	expect(&r, POD_UNSCHEDULABLE, "Unschedulable", "0/2 nodes");
	assert_int_equal(gated.trouble, POD_FINE);
}

/* Scaling, eviction, preemption and lost nodes are not the release's fault. */
static void a_disrupted_pod_complains_of_nothing(void **state)
{
	static const char *const statuses[] = {
		"'reason':'Evicted','phase':'Failed'",
		"'reason':'Preempting','phase':'Failed'",
		"'reason':'NodeLost'",
		"'reason':'OutOfcpu','phase':'Failed'",
		"'conditions':[{'type':'DisruptionTarget','status':'True'}]",
	};
	_cleanup_json_ json_t *deleted = parse(
		"{'metadata':{'deletionTimestamp':'2026-01-02T03:04:05Z'},"
		"'status':{'containerStatuses':[{'name':'app',%s}]}}",
		CRASHED(3, BACKOFF));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		_cleanup_free_ char *text = xasprintf("{%s,'containerStatuses':"
			"[{'name':'app',%s}]}", statuses[i],
			CRASHED(3, BACKOFF));
		struct pod_report r = report(text);

		expect(&r, POD_FINE, "", "");
		assert_int_equal(r.failed_exits, 0);
	}
	assert_int_equal(health_pod(deleted).trouble, POD_FINE);
	assert_int_equal(health_pod(deleted).failed_exits, 0);
}

static void nonsense_is_fine(void **state)
{
	static const char *const statuses[] = {
		"null", "[]", "7", "{'containerStatuses':{}}",
		"{'containerStatuses':[null,1,'x',[],{}]}",
		"{'containerStatuses':[{'state':{'waiting':{'reason':1}}}]}",
		"{'containerStatuses':[{'restartCount':-5,'state':[]}]}",
		"{'containerStatuses':[{'restartCount':'3','lastState':1}]}",
		"{'conditions':'Ready'}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct pod_report r = report(statuses[i]);

		expect(&r, POD_FINE, "", "");
		assert_int_equal(r.restarts, 0);
		assert_int_equal(r.failed_exits, 0);
		assert_false(r.ready);
	}
	assert_int_equal(health_pod(NULL).trouble, POD_FINE);
	assert_int_equal(health_assess(NULL).status, HEALTH_NONE);
}

static void huge_counts_are_capped(void **state)
{
	struct pod_report r = report("{'containerStatuses':["
		"{'name':'a','restartCount':9223372036854775807},"
		"{'name':'b','restartCount':9223372036854775807}]}");

	(void)state;
	assert_int_equal(r.restarts, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(the_worse_one_counts),
		cmocka_unit_test(only_what_a_release_controls_is_evidence),
		cmocka_unit_test(progress_only_rises_over_a_rollout),
		cmocka_unit_test(progress_only_rises_in_any_order),
		cmocka_unit_test(progress_of_an_unseen_spec_is_none),
		cmocka_unit_test(job_progress_counts_ends),
		cmocka_unit_test(pod_waits_for_its_image),
		cmocka_unit_test(pod_without_words_gives_the_reason),
		cmocka_unit_test(crash_loop_needs_three_restarts),
		cmocka_unit_test(crash_loop_does_not_flap),
		cmocka_unit_test(a_recovered_container_is_fine),
		cmocka_unit_test(exits_with_zero_are_no_failures),
		cmocka_unit_test(oom_with_exit_code_zero_is_a_failure),
		cmocka_unit_test(init_containers_count_too),
		cmocka_unit_test(the_surest_trouble_wins),
		cmocka_unit_test(trouble_speaks_before_a_first_crash),
		cmocka_unit_test(the_first_of_equals_is_told),
		cmocka_unit_test(unschedulable_is_said),
		cmocka_unit_test(a_disrupted_pod_complains_of_nothing),
		cmocka_unit_test(nonsense_is_fine),
		cmocka_unit_test(huge_counts_are_capped),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
