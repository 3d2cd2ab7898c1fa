/*
 * Hooks that fail, what follows from it, and crashes on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

/* ---- failures ---- */

static void a_failed_migration_changes_nothing(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 10);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_put(&x, "alarm", "SyncFail", "1", "");
	hooks_start(&x);
	scene_put(&x, "v2");
	hooks_put(&x, "migrate", "PreSync", "crash", "");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	sim_run_for(x.s, 5000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_int_equal(scene_answers(&x, 0, "PATCH", "/deployments/web", 200) +
			 scene_answers(&x, 0, "PATCH", "/deployments/web", 201), 3);
	assert_non_null(hooks_job(&x, "alarm"));
	hooks_assert_result(&x, "migrate", "PreSync", "Synced", "Failed");
	hooks_assert_result(&x, "alarm", "SyncFail", "Synced", "Succeeded");
	scene_assert_condition(&x, "shop", "SyncError", "PreSync hook batch/Job/shop/"
			       "migrate: Job has reached the specified backoff limit");
	/* Pinned: nothing runs again by itself. */
	sim_run_for(x.s, 120000);
	assert_int_equal(apisim_count(x.api, "jobs.batch", "shop"), 2);
	hooks_put(&x, "migrate", "PreSync", "3", "");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(scene_tag(&x), "v2");
	hooks_end(&x);
}

static void a_failed_test_reverts(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 11);
	hooks_put(&x, "smoke", "PostSync", "1", "");
	hooks_start(&x);
	scene_put(&x, "v2");
	hooks_put(&x, "smoke", "PostSync", "crash", "");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	scene_assert_condition(&x, "shop", "SyncError", "PostSync hook batch/Job/shop/smoke");
	/* A revert runs no hooks. */
	assert_int_equal(apisim_count(x.api, "jobs.batch", "shop"), 1);
	hooks_end(&x);
}

/* What a migration did is not undone: hold, but where it is said to be reversible. */
static void a_migration_holds_the_revert(void **state)
{
	static const char *const more[] = { "", ",\"syncd.dev/reversible\":\"true\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		struct engsim x;

		scene_init(&x, 12 + i);
		hooks_put(&x, "migrate", "PreSync", "1", "");
		hooks_start(&x);
		hooks_put(&x, "migrate", "PreSync", "2", more[i]);
		scene_put(&x, "bad2");
		engsim_until_phase(&x, "shop", i ? "Pinned" : "Failed", LONG);
		sim_run_for(x.s, 3000);
		assert_string_equal(scene_tag(&x), i ? "v1" : "bad2");
		if (!i)
			scene_assert_condition(&x, "shop", "SyncError", "held, not reverted: "
					       "hook batch/Job/shop/migrate");
		scene_put(&x, "v3");
		scene_until_tag(&x, "v3", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		/* It belongs to a good release now: the next revert is free. */
		scene_put(&x, "bad4");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v3");
		hooks_end(&x);
	}
}

static void the_same_migration_does_not_hold(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 14);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_put(&x, "gen-", "PreSync", "1", "");
	hooks_start(&x);
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	hooks_end(&x);
}

static void one_without_end_is_ended(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 15);
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "noready", "");
	engsim_until_phase(&x, "shop", "Pinned", LONG);	/* 90 s in this world */
	sim_run_for(x.s, 3000);
	scene_assert_condition(&x, "shop", "SyncError", "did not end within 90 s");
	assert_null(hooks_job(&x, "migrate"));
	hooks_end(&x);
}

static void its_own_deadline_may_be_longer(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 16);
	hooks_start(&x);
	engsim_commit(&x, "migrate.yaml", "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\","
		      "\"metadata\":{\"name\":\"migrate\",\"annotations\":{\"argocd."
		      "argoproj.io/hook\":\"PreSync\"}},\"spec\":{\"activeDeadlineSeconds\":"
		      "200,\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":"
		      "[{\"name\":\"x\",\"image\":\"tools:noready\"}]}}}}");
	sim_run_for(x.s, 180000);
	assert_non_null(hooks_job(&x, "migrate"));
	assert_true(hooks_held(hooks_job(&x, "migrate")));
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "did not end within 202 s");
	sim_run_for(x.s, 3000);
	hooks_end(&x);
}

static bool running(void *arg)
{
	struct engsim *x = arg;

	return hooks_job(x, "migrate") != NULL;
}

static void one_taken_away_fails(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 17);
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "noready", "");
	scene_until(&x, running, 30000, "the migration runs");
	sim_run_for(x.s, 2000);
	apisim_delete(x.api, "jobs.batch", "shop", "migrate");
	apisim_edit(x.api, "kubectl", "jobs.batch", "shop", "migrate",
		    "{\"metadata\":{\"finalizers\":null}}");
	engsim_until_phase(&x, "shop", "Pinned", 30000);
	scene_assert_condition(&x, "shop", "SyncError", "was deleted while it ran");
	hooks_end(&x);
}

/*
 * As a TTL does it: ended and asked to go while nobody looks; our finalizer holds it.
 * It is read, let go, and not taken for one that is still there.
 */
static void one_going_while_held_is_read(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct engsim x;

		scene_init(&x, 300 + seed);
		hooks_put(&x, "migrate", "PreSync", "1", "");
		engsim_start(&x);
		scene_until(&x, running, 30000, "the migration runs");
		engsim_crash(&x);
		sim_run_for(x.s, 10000);
		apisim_delete(x.api, "jobs.batch", "shop", "migrate");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_null(hooks_job(&x, "migrate"));
		scene_put(&x, "v2");
		scene_until_tag(&x, "v2", 40000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_non_null(hooks_job(&x, "migrate"));
		hooks_end(&x);
	}
}

static bool refuse_jobs(void *arg, const char *op, const json_t *object,
			char message[256])
{
	const char *kind = doc_get_str(object, "kind", NULL);

	(void)arg;
	if (strcmp(op, "CREATE") || !kind || strcmp(kind, "Job"))
		return false;
	strcpy(message, "admission webhook \"jobs\" denied the request: no jobs");
	return true;
}

/* Whatever its phase: refused in the preflight, before anything is changed. */
static void one_refused_changes_nothing(void **state)
{
	static const char *const phases[] = { "PreSync", "Sync", "PostSync", "SyncFail" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		_cleanup_free_ char *words = xasprintf("%s hook batch/Job/shop/migrate "
						       "(", phases[i]);
		struct engsim x;
		size_t from;

		scene_init(&x, 18 + i);
		hooks_put(&x, "before", "PreSync", "1", "");
		hooks_start(&x);
		from = sim_request_count(x.s);
		apisim_set_admission(x.api, refuse_jobs, NULL);
		hooks_put(&x, "migrate", phases[i], "1", "");
		scene_put(&x, "v2");
		engsim_until_phase(&x, "shop", "Pinned", 30000);
		sim_run_for(x.s, 3000);
		scene_assert_condition(&x, "shop", "SyncError", words);
		scene_assert_condition(&x, "shop", "SyncError", "no jobs");
		hooks_assert_result(&x, "migrate", phases[i], "SyncFailed", "Failed");
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 1);
		assert_int_equal(sim_count(x.s, from, "DELETE", "/jobs/before"), 0);
		hooks_end(&x);
	}
}

static bool was_asked(void *arg)
{
	struct engsim *x = arg;

	return sim_count(x->s, 0, "PATCH", "/jobs/migrate") > 0;
}

static void one_refused_in_its_turn_fails(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 24);
	hooks_start(&x);
	hooks_put(&x, "migrate", "PostSync", "1", "");
	hooks_put(&x, "alarm", "SyncFail", "1", "");
	scene_until(&x, was_asked, LONG, "the preflight");
	apisim_set_admission(x.api, refuse_jobs, NULL);
	engsim_until_phase(&x, "shop", "Pinned", 30000);
	sim_run_for(x.s, 3000);
	scene_assert_condition(&x, "shop", "SyncError", "no jobs");
	hooks_assert_result(&x, "migrate", "PostSync", "SyncFailed", "Failed");
	hooks_assert_result(&x, "alarm", "SyncFail", "SyncFailed", "Failed");
	hooks_end(&x);
}

/* Asked under its name it cannot be changed; without the earlier run it can be made. */
static void an_earlier_run_is_in_nobodys_way(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 25);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_start(&x);
	from = sim_request_count(x.s);
	hooks_put(&x, "migrate", "PreSync", "2", "");
	sim_run_for(x.s, 60000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/migrate", 422), 1);
	assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/migrate-p", 201), 1);
	assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/migrate", 201), 2);
	from = sim_request_count(x.s);
	apisim_set_admission(x.api, refuse_jobs, NULL);
	hooks_put(&x, "migrate", "PreSync", "3", "");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "no jobs");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/jobs/migrate-p"), 1);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/jobs/migrate"), 0);
	hooks_end(&x);
}

/* The earlier run went after it was in the way, and is not known any more by then. */
static void an_earlier_run_that_goes_meanwhile(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct engsim x;
		size_t from;

		scene_init(&x, 2500 + seed);
		hooks_put(&x, "migrate", "PreSync", "1", "");
		hooks_start(&x);
		from = sim_request_count(x.s);
		hooks_put(&x, "migrate", "PreSync", "2", "");
		while (!scene_answers(&x, from, "PATCH", "/jobs/migrate", 422))
			assert_true(sim_step(x.s));
		apisim_delete(x.api, "jobs.batch", "shop", "migrate");
		sim_run_for(x.s, 20000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/migrate-p", 201), 1);
		hooks_end(&x);
	}
}

/* Whose kind is neither served nor brought: the same, but where an option excepts it. */
static void one_of_no_kind_changes_nothing(void **state)
{
	static const char *const options[] = { "", ",\"argocd.argoproj.io/sync-options\":"
		"\"SkipDryRunOnMissingResource=true\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		_cleanup_free_ char *hook = xasprintf("{\"apiVersion\":\"example.com/v1\","
			"\"kind\":\"Backup\",\"metadata\":{\"name\":\"after\",\"annotations\":"
			"{\"argocd.argoproj.io/hook\":\"PostSync\"%s}}}", options[i]);
		struct engsim x;
		size_t from;

		scene_init(&x, 26 + i);
		hooks_start(&x);
		from = sim_request_count(x.s);
		engsim_commit(&x, "after.yaml", hook);
		scene_put(&x, "v2");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		scene_assert_condition(&x, "shop", "SyncError", "does not serve kind Backup");
		assert_true(i == (sim_count(x.s, from, "PATCH", "/deployments/web") > 0));
		hooks_end(&x);
	}
}

/* What makes its namespace, or what may let it pass, comes before it. */
static void one_that_the_release_helps_is_let_pass(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 28);
	hooks_start(&x);
	engsim_commit(&x, "ns.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
		      "\"metadata\":{\"name\":\"later\"}}");
	engsim_commit(&x, "note.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"note\",\"namespace\":\"later\",\"annotations\":"
		      "{\"argocd.argoproj.io/hook\":\"PostSync\"}}}");
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Soaking", LONG);
	assert_string_equal(scene_tag(&x), "v2");
	assert_non_null(apisim_get(x.api, "configmaps", "later", "note"));
	hooks_end(&x);
}

/* ---- crashes and faults ---- */

/* By a status written after the second release. */
static bool good_v2(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Good") && !strcmp(scene_tag(x), "v2") &&
	       json_array_size(doc_get(engsim_status(x, "shop"), "history", NULL)) == 2;
}

/*
 * Dead at every third step of a release with hooks: it gets there, each hook of it runs
 * once, and none is left with our finalizer.
 */
static void crash_on_the_way(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 400; n += 3) {
		struct engsim x;
		unsigned lives;
		size_t from;

		scene_init(&x, 4000 + n);
		hooks_put(&x, "migrate", "PreSync", "1", "");
		hooks_put(&x, "gen-", "Sync", "1", ",\"argocd.argoproj.io/sync-wave\":\"2\","
			"\"argocd.argoproj.io/hook-delete-policy\":\"HookSucceeded\"");
		hooks_put(&x, "smoke", "PostSync", "1", "");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_put(&x, "v2");
		lives = x.lives;
		from = sim_request_count(x.s);
		sim_crash_at(x.s, n);
		scene_until(&x, good_v2, 300000, "good v2");
		sim_run_for(x.s, 3000);
		assert_int_equal(scene_answers(&x, from, "DELETE", "/jobs/migrate", 200), 1);
		assert_int_equal(scene_answers(&x, from, "DELETE", "/jobs/smoke", 200), 1);
		assert_int_equal(scene_made(&x, from, "/jobs/migrate"), 1);
		assert_int_equal(scene_made(&x, from, "/jobs/smoke"), 1);
		assert_int_equal(scene_made(&x, from, "/jobs/gen-"), 1);
		assert_null(apisim_nth(x.api, "jobs.batch", "shop", "gen-", 0));
		n += x.lives == lives ? 400 : 0;	/* it was good before the crash */
		hooks_end(&x);
	}
}

static bool pinned_v1(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") && !strcmp(scene_tag(x), "v1");
}

static void crash_on_the_way_of_a_failure(void **state)
{
	(void)state;
	for (uint64_t n = 2; n < 400; n += 4) {
		struct engsim x;
		unsigned lives;

		scene_init(&x, 5000 + n);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		hooks_put(&x, "smoke", "PostSync", "crash", ",\"argocd.argoproj.io/"
			"hook-delete-policy\":\"HookFailed\"");
		hooks_put(&x, "alarm", "SyncFail", "1", "");
		scene_put(&x, "v2");
		lives = x.lives;
		sim_crash_at(x.s, n);
		scene_until(&x, pinned_v1, 300000, "pinned to v1");
		sim_run_for(x.s, 5000);
		if (hooks_job(&x, "smoke") || !hooks_job(&x, "alarm")) {
			sim_dump(x.s);
			fail_msg("step %llu: smoke %p, alarm %p", (unsigned long long)n,
				 (const void *)hooks_job(&x, "smoke"),
				 (const void *)hooks_job(&x, "alarm"));
		}
		n += x.lives == lives ? 400 : 0;
		hooks_end(&x);
	}
}

static bool is_held(const json_t *job)
{
	return json_array_size(doc_get(job, "metadata", "finalizers", NULL));
}

/*
 * It ran for a failure that the next life does not come to: a newer commit is there. Its
 * Job must not be left with our finalizer, which nobody would take off.
 */
static void crash_on_the_way_of_one_that_is_superseded(void **state)
{
	bool seen = false;

	(void)state;
	for (uint64_t n = 50; n < 76; n++) {
		struct engsim x;

		scene_init(&x, 5600 + n);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		hooks_put(&x, "alarm", "SyncFail", "1", "");
		scene_put(&x, "bad2");
		sim_crash_at(x.s, n);
		sim_run_for(x.s, 120000);	/* to its death */
		seen = seen || is_held(hooks_job(&x, "alarm"));
		scene_put(&x, "v3");
		scene_until_tag(&x, "v3", 300000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_run_for(x.s, 5000);
		if (is_held(hooks_job(&x, "alarm"))) {
			sim_dump(x.s);
			fail_msg("step %llu: alarm is held", (unsigned long long)n);
		}
		hooks_end(&x);
	}
	assert_true(seen);
}

/*
 * The same, and the next life may not go on with it (its project allows the Deployment
 * no more) until a newer commit is there: another operation finds the Job.
 */
static void crash_on_the_way_of_one_that_another_follows(void **state)
{
	bool seen = false;

	(void)state;
	for (uint64_t n = 58; n < 66; n++) {
		struct engsim x;

		scene_init(&x, 5700 + n);
		hooks_put_project(&x, "");
		scene_edit_app(&x, "{\"spec\":{\"project\":\"team\",\"syncPolicy\":{\"retry\":{"
			       "\"limit\":9}}}}");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		hooks_put(&x, "alarm", "SyncFail", "1", "");
		scene_put(&x, "bad2");
		sim_crash_at(x.s, n);
		sim_run_for(x.s, LONG);
		assert_true(sim_crashed(x.s));
		scene_narrow(&x);
		scene_until(&x, scene_in_trouble, LONG, "in trouble");
		seen = seen || is_held(hooks_job(&x, "alarm"));
		scene_put(&x, "v3");
		sim_run_for(x.s, 60000);
		scene_widen(&x);
		scene_until_tag(&x, "v3", 300000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_run_for(x.s, 5000);
		if (is_held(hooks_job(&x, "alarm"))) {
			sim_dump(x.s);
			fail_msg("step %llu: alarm is held", (unsigned long long)n);
		}
		hooks_end(&x);
	}
	assert_true(seen);
}

static void faults_delay_hooks_only(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_faults f = sim_faults_mixed(1 + seed % 3);
		struct engsim x;

		scene_init(&x, 6000 + seed);
		hooks_put(&x, "migrate", "PreSync", "1", "");
		hooks_put(&x, "index", "Sync", "1", "");
		hooks_put(&x, "smoke", "PostSync", "1", "");
		sim_set_faults(x.s, &f, 90000);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", 600000);
		sim_run_for(x.s, 60000);
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/jobs/"), 0);
		hooks_end(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_migration_changes_nothing),
		cmocka_unit_test(a_failed_test_reverts),
		cmocka_unit_test(a_migration_holds_the_revert),
		cmocka_unit_test(the_same_migration_does_not_hold),
		cmocka_unit_test(one_without_end_is_ended),
		cmocka_unit_test(its_own_deadline_may_be_longer),
		cmocka_unit_test(one_taken_away_fails),
		cmocka_unit_test(one_going_while_held_is_read),
		cmocka_unit_test(one_refused_changes_nothing),
		cmocka_unit_test(one_refused_in_its_turn_fails),
		cmocka_unit_test(an_earlier_run_is_in_nobodys_way),
		cmocka_unit_test(an_earlier_run_that_goes_meanwhile),
		cmocka_unit_test(one_of_no_kind_changes_nothing),
		cmocka_unit_test(one_that_the_release_helps_is_let_pass),
		cmocka_unit_test(crash_on_the_way),
		cmocka_unit_test(crash_on_the_way_of_a_failure),
		cmocka_unit_test(crash_on_the_way_of_one_that_is_superseded),
		cmocka_unit_test(crash_on_the_way_of_one_that_another_follows),
		cmocka_unit_test(faults_delay_hooks_only),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
