/* Syncs that fail and are tried again: syncPolicy.retry, operation.retry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define MINUTES 60000

/* Refuses writes of the Deployment that ask for v2. */
static bool refuse_v2(void *arg, const char *op, const json_t *object,
		      char message[256])
{
	const json_t *c = doc_get(object, "spec", "template", "spec", "containers",
				  NULL);
	const char *image = doc_get_str(json_array_get(c, 0), "image", NULL);

	(void)arg;
	(void)op;
	strcpy(message, "admission webhook \"gate\" denied the request: closed");
	return image && strstr(image, ":v2") &&
	       !strcmp(doc_get_str(object, "kind", NULL), "Deployment");
}

/* The server has no time for applies of the Deployment, or never answers them. */
static void set_faults(struct engsim *x, unsigned busy, unsigned refuse)
{
	struct sim_faults f = { .http_503 = busy, .refuse = refuse };

	sim_aim_faults(x->s, "PATCH", "/deployments/web");
	sim_set_faults(x->s, &f, 0);
}

static void set_retry(struct engsim *x, const char *retry)
{
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"syncPolicy\":{\"retry\":"
					       "%s}}}", retry);

	scene_edit_app(x, patch);
}

#define RETRY(limit, pause) "{\"limit\":" limit ",\"backoff\":{\"duration\":\"" \
	pause "\",\"factor\":2,\"maxDuration\":\"3m\"}}"

static const char *op_text(struct engsim *x, const char *field)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "operationState", field,
				    NULL);

	return s ? s : "";
}

static int64_t op_retries(struct engsim *x)
{
	return doc_get_int(engsim_status(x, "shop"), 0, "operationState",
			   "retryCount", NULL);
}

static bool retried_once(void *arg)
{
	return op_retries(arg) == 1 && strstr(op_text(arg, "message"), "Retrying");
}

static void refusal_is_tried_again_where_it_is_written_down(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 900);
	set_retry(&x, RETRY("5", "10s"));
	apisim_set_admission(x.api, refuse_v2, NULL);
	scene_put(&x, "v2");
	scene_until(&x, retried_once, LONG, "a first retry is announced");
	assert_string_equal(op_text(&x, "phase"), "Running");
	assert_string_equal(op_text(&x, "finishedAt"), "");
	assert_non_null(strstr(op_text(&x, "message"), "closed"));
	assert_non_null(strstr(op_text(&x, "message"), "Retrying attempt #1 at 2026-"));
	sim_run_for(x.s, 15000);
	apisim_set_admission(x.api, NULL, NULL);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(scene_tag(&x), "v2");
	sim_run_for(x.s, 3000);
	assert_string_equal(op_text(&x, "phase"), "Succeeded");
	assert_true(op_retries(&x) >= 1);
	assert_int_equal(sim_log_contains(x.s, "rejected"), 0);
	scene_end(&x, true);
}

/* 1 try and `limit` more, each one dry run; then it is rejected and pinned. */
static void limit_ends_it(void **state)
{
	static const struct {
		const char *retry;
		size_t asked;
		const char *words;
	} rows[] = {
		{ "null", 1, "closed" },
		{ "{\"limit\":0}", 1, "closed" },
		{ "{\"backoff\":{\"duration\":\"5s\"}}", 1, "closed" },
		{ RETRY("1", "10s"), 2, "closed (retried 1 time)" },
		{ RETRY("3", "10s"), 4, "closed (retried 3 times)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		size_t from;

		scene_good(&x, 910 + i);
		set_retry(&x, rows[i].retry);
		apisim_set_admission(x.api, refuse_v2, NULL);
		from = sim_request_count(x.s);
		scene_put(&x, "v2");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		sim_run_for(x.s, 20 * MINUTES);
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"),
				 rows[i].asked);
		scene_assert_condition(&x, "shop", "SyncError", rows[i].words);
		assert_string_equal(op_text(&x, "phase"), "Failed");
		assert_non_null(strstr(op_text(&x, "message"), rows[i].words));
		scene_end(&x, true);
	}
}

static bool rejected(void *arg)
{
	return sim_log_contains(((struct engsim *)arg)->s, "rejected");
}

/* By default five more tries, 5 s and twice as long each; later one more by itself. */
static void busy_server_spends_the_limit_too(void **state)
{
	struct engsim x;
	uint64_t from;

	(void)state;
	scene_good(&x, 920);
	set_faults(&x, 1000, 0);
	from = sim_now(x.s);
	scene_put(&x, "v2");
	scene_until(&x, rejected, 20 * MINUTES, "rejected");
	assert_true(sim_now(x.s) - from > 155000);
	assert_true(sim_log_contains(x.s, "(retried 5 times)"));
	engsim_until_phase(&x, "shop", "Pinned", 5000);
	set_faults(&x, 0, 0);
	sim_run_for(x.s, 9 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	engsim_until_phase(&x, "shop", "Good", 3 * MINUTES);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

/* What never reached the server says nothing about the release. */
static void trouble_on_the_way_does_not_count(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 921);
	set_faults(&x, 0, 1000);
	scene_put(&x, "v2");
	sim_run_for(x.s, 30 * MINUTES);
	assert_false(rejected(&x));
	set_faults(&x, 0, 0);
	engsim_until_phase(&x, "shop", "Good", 10 * MINUTES);
	assert_string_equal(scene_tag(&x), "v2");
	assert_false(rejected(&x));
	scene_end(&x, true);
}

/* With nothing to go back to it is tried for as long as it takes. */
static void first_release_is_not_given_up(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 922);
	set_faults(&x, 1000, 0);
	engsim_start(&x);
	sim_run_for(x.s, 40 * MINUTES);
	assert_false(rejected(&x));
	set_faults(&x, 0, 0);
	engsim_until_phase(&x, "shop", "Good", 10 * MINUTES);
	scene_end(&x, true);
}

/* What it is refused for may be another application's that comes up beside it. */
static void first_release_outlives_a_refusal(void **state)
{
	static const struct {
		unsigned seconds;	/* until it is let pass */
		bool good;
	} cases[] = { { 60, true }, { 600, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		engsim_init(&x, 924 + i);
		scene_put(&x, "v2");
		engsim_application(&x, "shop", "");
		apisim_set_admission(x.api, refuse_v2, NULL);
		engsim_start(&x);
		scene_until(&x, retried_once, LONG, "a first retry is announced");
		sim_run_for(x.s, cases[i].seconds * 1000);
		apisim_set_admission(x.api, NULL, NULL);
		sim_run_for(x.s, 10 * MINUTES);
		assert_int_equal(rejected(&x), !cases[i].good);
		assert_string_equal(scene_tag(&x), cases[i].good ? "v2" : "");
		assert_int_equal(op_retries(&x), cases[i].good ? 4 : 5);
		scene_end(&x, true);
	}
}

static void newer_commit_does_not_wait_for_the_next_try(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 930);
	set_retry(&x, RETRY("5", "3m"));
	apisim_set_admission(x.api, refuse_v2, NULL);
	scene_put(&x, "v2");
	scene_until(&x, retried_once, LONG, "a first retry is announced");
	from = sim_request_count(x.s);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", 40000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 2);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_false(rejected(&x));
	scene_end(&x, true);
}

static void evidence_is_not_retried(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 931);
	set_retry(&x, RETRY("5", "10s"));
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", 40000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_int_equal(op_retries(&x), 0);
	scene_end(&x, true);
}

/* The count survives a crash: a process that dies often does not retry for ever. */
static void crash_does_not_forget_the_count(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 932);
	set_retry(&x, RETRY("1", "1m"));
	apisim_set_admission(x.api, refuse_v2, NULL);
	scene_put(&x, "v2");
	scene_until(&x, retried_once, LONG, "a first retry is announced");
	engsim_crash(&x);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "(retried 1 time)");
	scene_end(&x, true);
}

static void operation_brings_its_own_retry(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 933);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	apisim_set_admission(x.api, refuse_v2, NULL);
	scene_put(&x, "v2");
	scene_edit_app(&x, "{\"operation\":{\"initiatedBy\":{\"username\":\"ada\"},"
		       "\"retry\":" RETRY("2", "5s") ",\"sync\":{}}}");
	scene_until(&x, rejected, LONG, "rejected");
	sim_run_for(x.s, 3000);
	assert_string_equal(op_text(&x, "phase"), "Failed");
	assert_non_null(strstr(op_text(&x, "message"), "(retried 2 times)"));
	assert_int_equal(op_retries(&x), 2);
	scene_end(&x, true);
}

/*
 * Git comes back to what was rejected while a later release is good: it stays out, and
 * who looks, or is called, is told why and what to do. (e2e/lives: nothing said so but
 * one word of the status.)
 */
static void rejected_release_that_comes_back_is_named(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 985);
	apisim_set_admission(x.api, refuse_v2, NULL);
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	apisim_set_admission(x.api, NULL, NULL);
	scene_put(&x, "v2");
	sim_run_for(x.s, 20 * MINUTES);
	assert_string_equal(scene_tag(&x), "v3");
	scene_assert_condition(&x, "shop", "SyncError", "Git says again what release #2 was, "
			       "which was rejected: ");
	scene_assert_condition(&x, "shop", "SyncError", "(syncctl retry shop tries it)");
	assert_true(scene_has_event(&x, "SyncError", "what release #2 was"));
	scene_put(&x, "v4");
	scene_until_tag(&x, "v4", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusal_is_tried_again_where_it_is_written_down),
		cmocka_unit_test(limit_ends_it),
		cmocka_unit_test(busy_server_spends_the_limit_too),
		cmocka_unit_test(trouble_on_the_way_does_not_count),
		cmocka_unit_test(first_release_is_not_given_up),
		cmocka_unit_test(first_release_outlives_a_refusal),
		cmocka_unit_test(newer_commit_does_not_wait_for_the_next_try),
		cmocka_unit_test(evidence_is_not_retried),
		cmocka_unit_test(crash_does_not_forget_the_count),
		cmocka_unit_test(operation_brings_its_own_retry),
		cmocka_unit_test(rejected_release_that_comes_back_is_named),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
