/*
 * What holds an application where it is: rollbacks, pins, suspending and pausing,
 * sync windows, what it depends on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

/* ---- rollbacks ---- */

static void two_good_releases(struct engsim *x, uint64_t seed)
{
	scene_good(x, seed);
	scene_put(x, "v2");
	scene_until_tag(x, "v2", LONG);
	engsim_until_phase(x, "shop", "Good", LONG);
}

#define ROLLBACK "\"syncOptions\":[\"syncd.dev/release=1\"]"

static int64_t good_id(struct engsim *x)
{
	return doc_get_int(engsim_status(x, "shop"), 0, "syncd", "lastGood", "id", NULL);
}

static void rollback_stays_until_something_new(void **state)
{
	struct engsim x;

	(void)state;
	two_good_releases(&x, 730);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	engsim_crash(&x);
	engsim_start(&x);
	ask_sync(&x, ROLLBACK);
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_int_equal(good_id(&x), 1);
	assert_string_equal(ask_op(&x, "phase"), "Succeeded");
	gitsim_set_mood(sim_git(x.s), REPO, GIT_FINE);
	sim_run_for(x.s, 12 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	/* A person wants it so: that is no error, and alerts nobody. */
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_assert_condition(&x, "shop", "PinnedInfo", "rolled back to release #1");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "syncd", "pin", "by",
					NULL), "ada");
	scene_drift(&x, "v9");		/* healed to where it is pinned */
	scene_until_tag(&x, "v1", LONG);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_null(doc_get(engsim_status(&x, "shop"), "syncd", "pin", NULL));
	assert_null(scene_condition(&x, "shop", "PinnedInfo"));
	scene_end(&x, true);
}

/* What goes back is a whole release, in earnest: whoever asks for less gets nothing. */
static void what_only_looks_rolls_nothing_back(void **state)
{
	static const struct { const char *fields, *says; } rows[] = {
		{ "\"dryRun\":true," ROLLBACK, "dryRun" },
		{ "\"dryRun\":true,\"syncOptions\":[\"syncd.dev/unpin=true\"]", "dryRun" },
		{ "\"resources\":[{\"kind\":\"ConfigMap\",\"name\":\"x\"}]," ROLLBACK,
		  "resources" },
	};
	struct engsim x;

	(void)state;
	two_good_releases(&x, 690);
	sim_run_for(x.s, MINUTES);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ask_sync(&x, rows[i].fields);
		ask_until_ended(&x, "Failed");
		if (!strstr(ask_op(&x, "message"), rows[i].says))
			fail_msg("%s: %s", rows[i].fields, ask_op(&x, "message"));
		assert_string_equal(scene_tag(&x), "v2");
		assert_true(engsim_in_phase(&x, "shop", "Good"));
	}
	scene_end(&x, true);
}

static void rollback_of_nothing_is_refused(void **state)
{
	struct engsim x;

	(void)state;
	two_good_releases(&x, 731);
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=77\"]");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "no release #77"));
	assert_non_null(strstr(ask_op(&x, "message"), "#1, #2"));
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=x\"]");
	ask_until_ended(&x, "Failed");
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

static void rollback_ends_by_itself_or_by_hand(void **state)
{
	struct engsim x;

	(void)state;
	two_good_releases(&x, 732);
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=1\",\"syncd.dev/ttl=10m\"]");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	sim_run_for(x.s, 8 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	sim_run_for(x.s, 3 * MINUTES);
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	ask_sync(&x, ROLLBACK);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/unpin=true\"]");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

/* Its PostSync hook runs again, and then what the other one added goes. */
static void rollback_runs_hooks_and_prunes(void **state)
{
	_cleanup_free_ char *map = engsim_configmap("extra", "1", 0);
	_cleanup_free_ char *uid = NULL;
	struct engsim x;

	(void)state;
	engsim_init(&x, 733);
	engsim_application(&x, "shop", "");
	scene_put(&x, "v1");
	hooks_put(&x, "report", "PostSync", "1", "");
	hooks_start(&x);
	uid = xstrdup(hooks_uid(&x, "report"));
	engsim_commit(&x, "extra.yaml", map);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "extra"));
	ask_sync(&x, ROLLBACK);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	assert_null(apisim_get(x.api, "configmaps", "shop", "extra"));
	assert_string_not_equal(hooks_uid(&x, "report"), uid);
	assert_string_not_equal(hooks_uid(&x, "report"), "");
	hooks_end(&x);
}

static void rollback_survives_a_crash(void **state)
{
	struct engsim x;

	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		two_good_releases(&x, 740 + at);
		sim_crash_at(x.s, at * 4);
		ask_sync(&x, ROLLBACK);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v1");
		sim_run_for(x.s, 5 * MINUTES);
		assert_string_equal(scene_tag(&x), "v1");
		assert_int_equal(good_id(&x), 1);
		scene_end(&x, true);
	}
}

static void retry_lifts_a_rejection(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 733);
	apisim_set_admission(x.api, ask_refuse_v2, NULL);
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	apisim_set_admission(x.api, NULL, NULL);
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/retry=true\"]");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void pin_by_hand_holds_the_target(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 734);
	ask_annotate(&x, "syncd.dev/pin", "\"a demo\"");
	scene_put(&x, "v2");
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	assert_non_null(strstr(ask_syncd(&x, "message"), "pinned: a demo"));
	assert_true(doc_get_bool(engsim_status(&x, "shop"), false, "syncd", "pin",
				 "byHand", NULL));
	ask_sync(&x, "");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "syncctl unpin shop"));
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", LONG);
	ask_annotate(&x, "syncd.dev/pin", "null");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

/* ---- suspended, paused ---- */

static void suspended_application_is_left_alone(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 735);
	ask_annotate(&x, "syncd.dev/suspend",
		 "\"{\\\"by\\\":\\\"ada\\\",\\\"reason\\\":\\\"surgery\\\"}\"");
	sim_run_for(x.s, 3000);
	from = sim_request_count(x.s);
	scene_put(&x, "v2");
	scene_drift(&x, "v9");
	sim_run_for(x.s, 5 * MINUTES);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	assert_non_null(strstr(ask_syncd(&x, "message"), "suspended by ada: surgery"));
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
					NULL), "OutOfSync");
	ask_sync(&x, "");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "surgery"));
	ask_annotate(&x, "syncd.dev/suspend", "null");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

#define PAUSE "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":" \
	"\"syncd-pause\",\"namespace\":\"syncd-system\"},\"data\":{\"by\":\"ada\"," \
	"\"reason\":\"fire\"}}"

static void pause_stops_all_writes_and_what_runs_goes_on_later(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		scene_good(&x, 736 + (uint64_t)crash);
		scene_put(&x, "noready-2");
		scene_until(&x, ask_is_settling, LONG, "settling");
		apisim_apply(x.api, PAUSE);
		sim_run_for(x.s, 5000);
		if (crash) {
			engsim_crash(&x);
			engsim_start(&x);
		}
		from = sim_request_count(x.s);
		sim_run_for(x.s, 6 * MINUTES);	/* no deadline runs meanwhile */
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
		assert_non_null(strstr(ask_syncd(&x, "message"),
				       "everything is paused by ada: fire"));
		scene_put(&x, "v3");
		sim_run_for(x.s, 2 * MINUTES);
		assert_string_equal(scene_tag(&x), "noready-2");
		apisim_delete(x.api, "configmaps", "syncd-system", "syncd-pause");
		scene_until_tag(&x, "v3", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

/* ---- sync windows ---- */

#define PROJECT(windows) "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"AppProject\"," \
	"\"metadata\":{\"name\":\"default\",\"namespace\":\"argocd\"},\"spec\":{" \
	"\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\",\"namespace\":\"*\"}]," \
	"\"clusterResourceWhitelist\":[{\"group\":\"*\",\"kind\":\"*\"}]," \
	"\"syncWindows\":[" windows "]}}"
/* The simulated clock begins at midnight. */
#define DENY_FIRST_HOUR(more) "{\"kind\":\"deny\",\"schedule\":\"5 0 * * *\",\"duration\":" \
	"\"55m\",\"applications\":[\"*\"]" more "}"
#define DENY_HOUR "{\"kind\":\"deny\",\"schedule\":\"0 0 * * *\",\"duration\":\"1h\"," \
	"\"applications\":[\"*\"]}"

static void windows_stop_what_goes_by_itself(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 750);
	apisim_apply(x.api, PROJECT(DENY_FIRST_HOUR("")));
	sim_run_for(x.s, 6 * MINUTES);
	scene_put(&x, "v2");
	scene_drift(&x, "v9");
	sim_run_for(x.s, 50 * MINUTES);
	assert_string_equal(scene_tag(&x), "v9");
	assert_non_null(strstr(ask_syncd(&x, "window"), "opens at 2026-01-01T01:00:00Z"));
	assert_non_null(strstr(ask_syncd(&x, "message"), "a sync window denies it"));
	ask_sync(&x, "");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "a sync window denies it"));
	apisim_apply(x.api, PROJECT(DENY_FIRST_HOUR(",\"manualSync\":true")));
	sim_run_for(x.s, 1000);
	ask_sync(&x, "");
	scene_until_tag(&x, "v2", 30000);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", 5 * MINUTES);		/* when it opens */
	assert_true(sim_now(x.s) >= 60 * MINUTES);
	scene_end(&x, true);
}

static void revert_passes_a_window(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 751);
	scene_put(&x, "crash-2");
	scene_until_tag(&x, "crash-2", 4 * MINUTES);
	apisim_apply(x.api, PROJECT(DENY_HOUR));
	engsim_until_phase(&x, "shop", "Pinned", 15 * MINUTES);
	assert_true(sim_now(x.s) < 60 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	scene_put(&x, "v3");
	sim_run_for(x.s, 10 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* ---- what depends on what ---- */

static void application_waits_for_what_it_depends_on(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 752);
	ask_annotate(&x, "syncd.dev/depends-on", "\"db\"");
	engsim_start(&x);
	sim_run_for(x.s, MINUTES);
	assert_string_equal(scene_tag(&x), "");
	assert_non_null(strstr(ask_syncd(&x, "message"),
			       "waits for application argocd/db: it is not there"));
	sim_git_commit(x.s, REPO, "main", "db/map.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"db\"}}");
	apisim_apply(x.api, "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		     "\"Application\",\"metadata\":{\"name\":\"db\",\"namespace\":"
		     "\"argocd\"},\"spec\":{\"project\":\"default\",\"source\":{"
		     "\"repoURL\":\"" REPO "\",\"path\":\"db\",\"targetRevision\":"
		     "\"main\"},\"destination\":{\"server\":"
		     "\"https://kubernetes.default.svc\",\"namespace\":\"shop\"},"
		     "\"syncPolicy\":{\"automated\":{\"prune\":true,\"selfHeal\":true}}}}");
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void circle_of_dependencies_is_named(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 753);
	engsim_application(&x, "db", "");
	ask_annotate(&x, "syncd.dev/depends-on", "\"db\"");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "db",
		    "{\"metadata\":{\"annotations\":{\"syncd.dev/depends-on\":\"shop\"}},"
		    "\"spec\":{\"source\":{\"path\":\"app/none\"}}}");
	engsim_start(&x);
	sim_run_for(x.s, MINUTES);
	assert_string_equal(scene_tag(&x), "");
	assert_non_null(strstr(ask_syncd(&x, "message"), "circle"));
	assert_non_null(strstr(ask_syncd(&x, "message"),
			       "argocd/shop -> argocd/db -> argocd/shop"));
	ask_sync(&x, "");		/* a person may break it */
	scene_until_tag(&x, "v1", LONG);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rollback_stays_until_something_new),
		cmocka_unit_test(what_only_looks_rolls_nothing_back),
		cmocka_unit_test(rollback_of_nothing_is_refused),
		cmocka_unit_test(rollback_ends_by_itself_or_by_hand),
		cmocka_unit_test(rollback_runs_hooks_and_prunes),
		cmocka_unit_test(rollback_survives_a_crash),
		cmocka_unit_test(retry_lifts_a_rejection),
		cmocka_unit_test(pin_by_hand_holds_the_target),
		cmocka_unit_test(suspended_application_is_left_alone),
		cmocka_unit_test(pause_stops_all_writes_and_what_runs_goes_on_later),
		cmocka_unit_test(windows_stop_what_goes_by_itself),
		cmocka_unit_test(revert_passes_a_window),
		cmocka_unit_test(application_waits_for_what_it_depends_on),
		cmocka_unit_test(circle_of_dependencies_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
