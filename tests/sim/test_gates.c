/*
 * deploy-control: what a file beside the manifests holds back, and what it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define FILE_PATH "infra/deploy-control.yaml"
#define ENV(prod) "global: {auto_deploy: true}\nenvironments:\n  dev: {}\n  prod: {" prod "}\n"

static void control(struct engsim *x, const char *text)
{
	sim_git_commit(x->s, REPO, "main", FILE_PATH, text);
}

/* Application "shop" of environment prod, web:v1 out and good. */
static void gated_scene(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	control(x, ENV(""));
	ask_annotate(x, "syncd.dev/deploy-control", "\"" FILE_PATH "\"");
	ask_annotate(x, "syncd.dev/environment", "\"prod\"");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static const json_t *gate(struct engsim *x, size_t i)
{
	return json_array_get(doc_get(engsim_status(x, "shop"), "syncd", "gates", "shut",
				      NULL), i);
}

static const char *gate_text(struct engsim *x, const char *key)
{
	const char *s = doc_get_str(gate(x, 0), key, NULL);

	return s ? s : "";
}

static bool gate_is_shut(void *x)
{
	return gate(x, 0);
}

static bool no_gate_is_shut(void *x)
{
	return !gate(x, 0);
}

/* Committed, read, and in the status. */
static void shut_it(struct engsim *x, const char *text)
{
	control(x, text);
	scene_until(x, gate_is_shut, LONG, "a shut gate");
}

struct closed {
	const char *file, *gate, *words;
	bool by_hand;		/* a person's sync passes */
};

static void shut_gates_hold_what_is_new_and_say_so(void **state)
{
	static const struct closed cases[] = {
		{ "global: {auto_deploy: false}\nenvironments: {prod: {}}\n", "global",
		  "global.auto_deploy is false in " FILE_PATH, false },
		{ ENV("enabled: false"), "enabled", "environment prod is not enabled", false },
		{ ENV("auto_deploy: false"), "auto", "syncctl sync shop", true },
		{ ENV("require_manual_approval: true"), "approval", "syncctl approve shop",
		  false },
		{ ENV("deployment_windows: {allowed_hours: \"03:00-04:00\"}"), "window",
		  "which opens at 2026-01-01T03:00:00Z", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct closed *c = &cases[i];
		struct engsim x;

		gated_scene(&x, 900 + i);
		shut_it(&x, c->file);
		assert_null(scene_condition(&x, "shop", "GateClosedWarning"));
		scene_put(&x, "v2");
		sim_run_for(x.s, 3 * MINUTES);
		assert_string_equal(scene_tag(&x), "v1");
		assert_string_equal(gate_text(&x, "gate"), c->gate);
		assert_non_null(strstr(gate_text(&x, "why"), c->words));
		scene_assert_condition(&x, "shop", "GateClosedWarning", c->words);
		assert_non_null(strstr(ask_syncd(&x, "message"), c->words));
		scene_drift(&x, "v9");		/* what runs is kept as it is */
		scene_until_tag(&x, "v1", LONG);
		ask_sync(&x, "");
		ask_until_ended(&x, c->by_hand ? "Succeeded" : "Failed");
		if (!c->by_hand)
			assert_non_null(strstr(ask_op(&x, "message"), c->words));
		control(&x, ENV(""));
		scene_until_tag(&x, "v2", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_until(&x, no_gate_is_shut, LONG, "open gates");
		assert_null(scene_condition(&x, "shop", "GateClosedWarning"));
		scene_end(&x, true);
	}
}

static void a_window_opens_by_itself(void **state)
{
	struct engsim x;

	(void)state;
	gated_scene(&x, 910);
	shut_it(&x, ENV("deployment_windows: {allowed_hours: \"01:00-02:00\"}"));
	assert_string_equal(gate_text(&x, "until"), "2026-01-01T01:00:00Z");
	scene_put(&x, "v2");
	sim_run_for(x.s, 20 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	engsim_crash(&x);
	engsim_start(&x);
	scene_until_tag(&x, "v2", 70 * MINUTES);
	assert_true(sim_now(x.s) >= 60 * MINUTES);
	scene_end(&x, true);
}

/* The first release waits as well: nothing of it is there yet. */
static void a_first_release_waits_too(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 911);
	control(&x, ENV("enabled: false"));
	ask_annotate(&x, "syncd.dev/deploy-control", "\"" FILE_PATH "\"");
	ask_annotate(&x, "syncd.dev/environment", "\"prod\"");
	engsim_start(&x);
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(scene_tag(&x), "");
	scene_assert_condition(&x, "shop", "GateClosedWarning", "is not enabled");
	control(&x, ENV(""));
	scene_until_tag(&x, "v1", LONG);
	scene_end(&x, true);
}

static void what_cannot_be_read_changes_nothing(void **state)
{
	struct engsim x;

	(void)state;
	gated_scene(&x, 912);
	shut_it(&x, ENV("auto_deploy: false"));
	control(&x, ENV("auto_deploi: true"));
	scene_put(&x, "v2");
	sim_run_for(x.s, 2 * MINUTES);
	scene_assert_condition(&x, "shop", "DeployControlError",
			       "environments.prod.auto_deploi is not known");
	scene_assert_condition(&x, "shop", "DeployControlError", "stays in force");
	assert_string_equal(scene_tag(&x), "v1");
	engsim_crash(&x);		/* the record has the last good one */
	engsim_start(&x);
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(gate_text(&x, "gate"), "auto");
	control(&x, NULL);
	sim_run_for(x.s, 2 * MINUTES);
	scene_assert_condition(&x, "shop", "DeployControlError", "there is no such file");
	assert_string_equal(scene_tag(&x), "v1");
	control(&x, ENV(""));
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 5000);
	assert_null(scene_condition(&x, "shop", "DeployControlError"));
	scene_end(&x, true);
}

static void a_file_that_was_never_readable_opens_nothing(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 913);
	ask_annotate(&x, "syncd.dev/deploy-control", "\"" FILE_PATH "\"");
	engsim_start(&x);
	sim_run_for(x.s, 2 * MINUTES);
	scene_assert_condition(&x, "shop", "DeployControlError", "syncd.dev/environment");
	assert_string_equal(scene_tag(&x), "");
	ask_annotate(&x, "syncd.dev/environment", "\"stage\"");
	control(&x, ENV(""));
	sim_run_for(x.s, 2 * MINUTES);
	scene_assert_condition(&x, "shop", "DeployControlError",
			       "environments.stage is not there; there are: dev, prod");
	assert_string_equal(scene_tag(&x), "");
	control(&x, "environments: {stage: {deployment_windows: {timezone: Mars/Olympus, "
		"allowed_days: [Mon]}}}\n");
	sim_run_for(x.s, 2 * MINUTES);
	scene_assert_condition(&x, "shop", "DeployControlError", "timezone");
	ask_annotate(&x, "syncd.dev/environment", "\"prod\"");
	control(&x, ENV(""));
	scene_until_tag(&x, "v1", LONG);
	ask_annotate(&x, "syncd.dev/deploy-control", "null");
	sim_run_for(x.s, 5000);
	assert_null(doc_get(engsim_status(&x, "shop"), "syncd", "gates", NULL));
	scene_end(&x, true);
}

#define PROJECT "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"AppProject\"," \
	"\"metadata\":{\"name\":\"default\",\"namespace\":\"argocd\",\"annotations\":{" \
	"\"syncd.dev/deploy-control\":\"" FILE_PATH "\",\"syncd.dev/environment\":\"prod\"}}," \
	"\"spec\":{\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\"," \
	"\"namespace\":\"*\"}],\"clusterResourceWhitelist\":[{\"group\":\"*\"," \
	"\"kind\":\"*\"}]}}"

static void a_project_names_the_file_for_all(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 914);
	apisim_apply(x.api, PROJECT);
	control(&x, ENV("enabled: false"));
	scene_until(&x, gate_is_shut, LONG, "a shut gate");
	ask_annotate(&x, "syncd.dev/environment", "\"dev\"");	/* moves no fence */
	scene_put(&x, "v2");
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	control(&x, ENV(""));
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

static void a_revert_passes(void **state)
{
	struct engsim x;

	(void)state;
	gated_scene(&x, 915);
	scene_put(&x, "crash-2");
	scene_until_tag(&x, "crash-2", 4 * MINUTES);
	control(&x, ENV("enabled: false"));
	engsim_until_phase(&x, "shop", "Pinned", 15 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* ---- the end of a window, under way ---- */

static bool has_second(void *arg)
{
	struct engsim *x = arg;

	return apisim_get(x->api, "configmaps", "shop", "second");
}

static void put_waves(struct engsim *x, const char *first_tag)
{
	_cleanup_free_ char *second = engsim_configmap("second", "1", 3);

	engsim_commit(x, "second.yaml", second);
	scene_put(x, first_tag);
}

static bool web_is_ready(void *arg)
{
	struct engsim *x = arg;
	const json_t *d = apisim_get(x->api, "deployments.apps", "shop", "web");

	return !strcmp(scene_tag(x), "v2") &&
	       doc_get_int(d, 0, "status", "updatedReplicas", NULL) == 3 &&
	       doc_get_int(d, 0, "status", "readyReplicas", NULL) == 3;
}

/* The wave that stands is let become healthy; the next one is not begun. */
static void a_windows_end_stops_at_the_end_of_a_wave(void **state)
{
	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		struct engsim x;

		gated_scene(&x, 920 + (uint64_t)crash);
		apisim_set_options(x.api, &(struct apisim_options){
			.pod_start_ms = 50000 });
		put_waves(&x, "v2");
		scene_until(&x, ask_is_settling, LONG, "settling");
		shut_it(&x, ENV("deployment_windows: {allowed_hours: \"05:00-06:00\"}"));
		assert_false(web_is_ready(&x));
		scene_until(&x, web_is_ready, 5 * MINUTES, "all of web:v2 ready");
		sim_run_for(x.s, 3 * MINUTES);
		if (crash) {
			engsim_crash(&x);
			engsim_start(&x);
		}
		sim_run_for(x.s, 20 * MINUTES);
		assert_false(has_second(&x));
		assert_non_null(strstr(ask_syncd(&x, "message"), "deployment window"));
		control(&x, ENV(""));
		scene_until(&x, has_second, LONG, "the second wave");
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

/* ---- under way before the first wave ---- */

#define MAP(name, notes)                                                                    \
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name "\","  \
	"\"annotations\":{" notes "}},\"data\":{\"v\":\"1\"}}"

static bool has_old(void *x)
{
	return apisim_get(((struct engsim *)x)->api, "configmaps", "shop", "old");
}

static bool migrates(void *x)
{
	return hooks_job(x, "migrate");
}

/* Nothing goes, and nothing new comes, whatever is to happen before the first wave. */
static void a_gate_shut_while_a_hook_runs_is_heeded(void **state)
{
	static const struct {
		const char *old_notes, *file, *text;
	} cases[] = {
		{ "", NULL, NULL },
		{ "\"syncd.dev/prune\":\"before\"", NULL, NULL },
		{ "\"syncd.dev/prune\":\"before\"", "ns.yaml",	/* made for the hook */
		  "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		  "\"shop\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *old = xasprintf(MAP("old", "%s"), cases[i].old_notes);
		struct engsim x;

		gated_scene(&x, 930 + i);
		engsim_commit(&x, "old.yaml", old);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_until(&x, has_old, LONG, "the old one");
		apisim_set_options(x.api, &(struct apisim_options){
			.pod_start_ms = 40000 });
		hooks_put(&x, "migrate", "PreSync", "v1", "");
		if (cases[i].file)
			engsim_commit(&x, cases[i].file, cases[i].text);
		engsim_commit(&x, "old.yaml", NULL);
		scene_put(&x, "v2");
		scene_until(&x, migrates, LONG, "the hook");
		shut_it(&x, ENV("enabled: false"));
		sim_run_for(x.s, 10 * MINUTES);
		assert_string_equal(scene_tag(&x), "v1");
		assert_true(has_old(&x));
		assert_non_null(strstr(ask_syncd(&x, "message"), "is not enabled"));
		control(&x, ENV(""));
		scene_until_tag(&x, "v2", 10 * MINUTES);
		engsim_until_phase(&x, "shop", "Good", 10 * MINUTES);
		assert_false(has_old(&x));
		scene_end(&x, false);
	}
}

/*
 * What is said of a wait outlives the words of the gate that it was about: looks that
 * decide nothing say it again.
 */
static void a_wait_is_told_also_when_nothing_is_decided(void **state)
{
	struct engsim x;

	(void)state;
	gated_scene(&x, 940);
	shut_it(&x, ENV("enabled: false"));
	scene_put(&x, "v2");
	sim_run_for(x.s, 2 * MINUTES);
	assert_non_null(strstr(ask_syncd(&x, "message"), "is not enabled"));
	ask_annotate(&x, "argocd.argoproj.io/skip-reconcile", "\"true\"");
	control(&x, ENV(""));
	sim_run_for(x.s, 2 * MINUTES);
	ask_annotate(&x, "argocd.argoproj.io/skip-reconcile", "null");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shut_gates_hold_what_is_new_and_say_so),
		cmocka_unit_test(a_window_opens_by_itself),
		cmocka_unit_test(a_first_release_waits_too),
		cmocka_unit_test(what_cannot_be_read_changes_nothing),
		cmocka_unit_test(a_file_that_was_never_readable_opens_nothing),
		cmocka_unit_test(a_project_names_the_file_for_all),
		cmocka_unit_test(a_revert_passes),
		cmocka_unit_test(a_windows_end_stops_at_the_end_of_a_wave),
		cmocka_unit_test(a_gate_shut_while_a_hook_runs_is_heeded),
		cmocka_unit_test(a_wait_is_told_also_when_nothing_is_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
