/*
 * Services of a deploy-control file: one is held as it runs while the others go out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "apiint.h"
#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define FILE_PATH "infra/deploy-control.yaml"
#define DB(keys) "environments: {prod: {services: {db: {" keys "}}}}\n"

static void control(struct engsim *x, const char *text)
{
	sim_git_commit(x->s, REPO, "main", FILE_PATH, text);
}

static void put_at(struct engsim *x, const char *path, const char *name,
		   const char *service, const char *value)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},\"data\":{\"v\":"
		"\"%s\"}}", name, service, value);

	sim_git_commit(x->s, REPO, "main", path, text);
}

static void put(struct engsim *x, const char *name, const char *service, const char *value)
{
	_cleanup_free_ char *path = xasprintf("app/%s.yaml", name);

	put_at(x, path, name, service, value);
}

static const char *value(struct engsim *x, const char *name)
{
	const char *v = doc_get_str(apisim_get(x->api, "configmaps", "shop", name), "data",
				    "v", NULL);

	return v ? v : "";
}

static bool front_is_2(void *x)
{
	return !strcmp(value(x, "front"), "2");
}

static bool db_is_2(void *x)
{
	return !strcmp(value(x, "db"), "2");
}

static bool db_is_1(void *x)
{
	return !strcmp(value(x, "db"), "1");
}

static const char *sync_status(struct engsim *x)
{
	return doc_get_str(engsim_status(x, "shop"), "sync", "status", NULL);
}

/* web:v1, "front" of service front, "db" and "old" of service db: out and good. */
static void services_scene(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	put(x, "front", "front", "1");
	put(x, "db", "db", "1");
	put(x, "old", "db", "1");
	control(x, DB(""));
	ask_annotate(x, "syncd.dev/deploy-control", "\"" FILE_PATH "\"");
	ask_annotate(x, "syncd.dev/environment", "\"prod\"");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	assert_string_equal(value(x, "db"), "1");
}

/* All of it changes in Git; service db is held by these keys. */
static void change_all(struct engsim *x, const char *text)
{
	control(x, text);
	put(x, "front", "front", "2");
	put(x, "db", "db", "2");
	put(x, "new", "db", "2");
	engsim_commit(x, "old.yaml", NULL);
	scene_until(x, front_is_2, LONG, "front 2");
	engsim_until_phase(x, "shop", "Good", LONG);
	sim_run_for(x->s, 3 * MINUTES);
}

static void assert_held(struct engsim *x, const char *why)
{
	const json_t *held = json_array_get(doc_get(engsim_status(x, "shop"), "syncd",
						    "gates", "held", NULL), 0);

	assert_string_equal(value(x, "db"), "1");
	assert_string_equal(value(x, "old"), "1");	/* not pruned */
	assert_string_equal(value(x, "new"), "");
	assert_string_equal(doc_get_str(held, "service", NULL), "db");
	assert_int_equal(doc_get_int(held, 0, "objects", NULL), 3);
	assert_string_equal(sync_status(x), "OutOfSync");
	scene_assert_condition(x, "shop", "ServiceHeldWarning", why);
}

static void a_held_service_stays_and_the_others_go(void **state)
{
	static const struct {
		const char *file, *why;
	} cases[] = {
		{ DB("enabled: false"), "service db is not enabled" },
		{ DB("auto_deploy: false"), "syncctl sync shop" },
		{ DB("require_approval: true"), "service db waits for approval" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		services_scene(&x, 970 + i);
		change_all(&x, cases[i].file);
		assert_held(&x, cases[i].why);
		engsim_crash(&x);
		engsim_start(&x);
		sim_run_for(x.s, 3 * MINUTES);
		assert_held(&x, cases[i].why);
		control(&x, DB(""));
		scene_until(&x, db_is_2, LONG, "db 2");
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_run_for(x.s, MINUTES);
		assert_string_equal(value(&x, "old"), "");
		assert_string_equal(value(&x, "new"), "2");
		assert_string_equal(sync_status(&x), "Synced");
		assert_null(scene_condition(&x, "shop", "ServiceHeldWarning"));
		scene_end(&x, false);
	}
}

/* Rendered anew, to the same objects: they are composed again. */
static void a_commit_of_nothing_lets_nothing_out(void **state)
{
	struct engsim x;

	(void)state;
	services_scene(&x, 974);
	change_all(&x, DB("enabled: false"));
	sim_git_commit(x.s, REPO, "main", "README.md", "words");
	engsim_commit(&x, "front.yaml", NULL);
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(value(&x, "front"), "");
	assert_held(&x, "service db is not enabled");
	scene_end(&x, false);
}

static void drift_of_a_held_service_is_put_back(void **state)
{
	struct engsim x;

	(void)state;
	services_scene(&x, 975);
	change_all(&x, DB("require_approval: true"));
	apisim_edit(x.api, "kubectl-edit", "configmaps", "shop", "db",
		    "{\"data\":{\"v\":\"7\"}}");
	scene_until(&x, db_is_1, LONG, "db 1 again");
	scene_end(&x, true);
}

static void asking_lets_out_what_only_waits_for_that(void **state)
{
	struct engsim x;

	(void)state;
	services_scene(&x, 976);
	change_all(&x, DB("auto_deploy: false"));
	ask_sync(&x, "");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(value(&x, "db"), "2");
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(value(&x, "db"), "2");
	assert_string_equal(sync_status(&x), "Synced");
	scene_end(&x, false);
}

/*
 * Before the poll that it waits for is over, nothing goes in its name: neither what Git
 * said a while ago, nor another revision than was asked for.
 */
static void what_is_asked_for_goes_and_nothing_else(void **state)
{
	_cleanup_free_ char *fields = NULL;
	const char *first;
	struct engsim x;

	(void)state;
	services_scene(&x, 986);
	first = gitsim_ref(sim_git(x.s), REPO, "main");
	fields = xasprintf("\"revision\":\"%s\"", first);
	change_all(&x, DB("auto_deploy: false"));
	ask_sync(&x, fields);
	ask_until_ended(&x, "Succeeded");
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(value(&x, "db"), "1");
	assert_string_equal(value(&x, "front"), "2");
	put(&x, "db", "db", "3");
	ask_sync(&x, "");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(value(&x, "db"), "3");
	scene_end(&x, false);
}

static void deploy(struct engsim *x, const char *name, const char *service,
		   const char *image)
{
	_cleanup_free_ char *plain = engsim_deployment(name, image, 1);
	_cleanup_free_ char *file = xasprintf("%s.yaml", name), *text = NULL;
	json_t *o = doc_parse(plain, strlen(plain), NULL);

	json_object_set_new(json_object_get(o, "metadata"), "labels",
			    json_pack("{ss}", "app", service));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	engsim_commit(x, file, text);
}

/* The release without the service is good: that is where a bad service goes back to. */
static void a_bad_service_goes_back_alone(void **state)
{
	struct engsim x;

	(void)state;
	services_scene(&x, 977);
	deploy(&x, "store", "db", "crash-1");
	change_all(&x, DB("enabled: false"));
	assert_null(apisim_get(x.api, "deployments.apps", "shop", "store"));
	control(&x, DB(""));
	engsim_until_phase(&x, "shop", "Pinned", 20 * MINUTES);
	assert_string_equal(value(&x, "front"), "2");
	assert_string_equal(value(&x, "db"), "1");
	scene_end(&x, false);
}

/* Its objects are wanted though they cannot come: who had them before keeps them alive. */
static void what_moves_into_a_held_service_stays_alive(void **state)
{
	_cleanup_free_ char *uid = NULL;
	struct engsim x;

	(void)state;
	services_scene(&x, 978);
	engsim_application(&x, "other", "");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "other",
		    "{\"spec\":{\"source\":{\"path\":\"second\"}}}");
	put_at(&x, "second/moves.yaml", "moves", "db", "1");
	put_at(&x, "second/rests.yaml", "rests", "web", "1");
	engsim_until_phase(&x, "other", "Good", LONG);
	uid = xstrdup(doc_get_str(apisim_get(x.api, "configmaps", "shop", "moves"),
				  "metadata", "uid", NULL));
	control(&x, DB("enabled: false"));
	put_at(&x, "app/moves.yaml", "moves", "db", "2");
	put(&x, "front", "front", "2");
	sim_git_commit(x.s, REPO, "main", "second/moves.yaml", NULL);
	scene_until(&x, front_is_2, LONG, "front 2");
	sim_run_for(x.s, 15 * MINUTES);
	assert_string_equal(value(&x, "moves"), "1");
	control(&x, DB(""));
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(value(&x, "moves"), "2");
	assert_string_equal(doc_get_str(apisim_get(x.api, "configmaps", "shop", "moves"),
					"metadata", "uid", NULL), uid);
	scene_end(&x, true);
}

static size_t jobs_made(struct engsim *x)
{
	return scene_answers(x, 0, "PATCH", "/jobs/", 200) +
	       scene_answers(x, 0, "PATCH", "/jobs/", 201);
}

static bool two_jobs(void *x)
{
	return jobs_made(x) >= 2;
}

/* The gate of one service is no news for the hooks of the others. */
static void a_gate_alone_runs_no_hooks(void **state)
{
	struct engsim x;
	size_t made;

	(void)state;
	services_scene(&x, 979);
	hooks_put(&x, "migrate", "PreSync", "v1", "");
	hooks_put(&x, "load", "PreSync", "v1", ",\"syncd.dev/service\":\"db\"");
	scene_until(&x, two_jobs, LONG, "both hooks");
	sim_run_for(x.s, 5 * MINUTES);
	assert_true(engsim_in_phase(&x, "shop", "Good"));
	made = jobs_made(&x);
	for (int i = 0; i < 2; i++) {
		control(&x, DB("enabled: false"));
		sim_run_for(x.s, 5 * MINUTES);
		control(&x, DB(""));
		sim_run_for(x.s, 5 * MINUTES);
	}
	assert_int_equal(jobs_made(&x), made);
	assert_string_equal(sync_status(&x), "Synced");
	scene_end(&x, false);
}

#define SPARED DB("rollback_on_failure: false")

static void bring_crash(struct engsim *x)
{
	deploy(x, "store", "db", "crash-1");
}

static void bring_two_crashes(struct engsim *x)
{
	deploy(x, "store", "db", "crash-1");
	deploy(x, "shelf", "front", "crash-1");
}

static void bring_crash_of_another(struct engsim *x)
{
	deploy(x, "shelf", "front", "crash-1");
}

static void bring_failing_hook(struct engsim *x)
{
	hooks_put(x, "check", "PostSync", "crash", ",\"syncd.dev/service\":\"db\","
		  "\"syncd.dev/reversible\":\"true\"");
}

/* A failure of that service alone takes nothing back; with another's it does. */
static void what_a_service_breaks_may_only_be_reported(void **state)
{
	static const struct {
		void (*bring)(struct engsim *x);
		const char *file, *phase;
	} cases[] = {
		{ bring_crash, SPARED, "Failed" },
		{ bring_failing_hook, SPARED, "Failed" },
		{ bring_two_crashes, SPARED, "Pinned" },
		{ bring_crash_of_another, SPARED, "Pinned" },
		{ bring_crash, DB("rollback_on_failure: true"), "Pinned" },
		{ bring_crash, DB(""), "Pinned" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool stays = !strcmp(cases[i].phase, "Failed");
		const char *why = "deploy-control " FILE_PATH " says rollback_on_failure: "
				  "false of service db";
		struct engsim x;

		services_scene(&x, 980 + i);
		control(&x, cases[i].file);
		put(&x, "db", "db", "2");
		cases[i].bring(&x);
		engsim_until_phase(&x, "shop", cases[i].phase, 20 * MINUTES);
		assert_string_equal(value(&x, "db"), stays ? "2" : "1");
		if (stays)
			scene_assert_condition(&x, "shop", "SyncError", why);
		sim_run_for(x.s, 3 * MINUTES);
		assert_string_equal(value(&x, "db"), stays ? "2" : "1");
		scene_end(&x, false);
	}
}

/* The container of its first pod has ended in failure twice, and runs again. */
static void fail_twice(struct engsim *x, const char *prefix)
{
	const json_t *pod = apisim_nth(x->api, "pods", "shop", prefix, 0);

	assert_non_null(pod);
	api_patch_as(x->api, "kubelet", api_type_named(x->api, "pods"), "shop",
		     doc_get_str(pod, "metadata", "name", NULL), "status",
		     json_pack("{s:{s:[{s:s, s:b, s:i, s:{s:{}}, s:{s:{s:i, s:s}}}]}}", "status",
			       "containerStatuses", "name", "main", "ready", 1,
			       "restartCount", 2, "state", "running", "lastState",
			       "terminated", "exitCode", 1, "reason", "Error"));
}

/* While it soaks, too: of all that fails, one that is not spared takes it back. */
static void a_soak_looks_at_all_that_fail(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		bool both = i > 0;
		struct engsim x;

		services_scene(&x, 990 + (uint64_t)i);
		deploy(&x, "attic", "db", "v1");
		deploy(&x, "shelf", "front", "v1");
		control(&x, SPARED);
		ask_annotate(&x, "syncd.dev/soak", "\"60s\"");
		sim_run_for(x.s, 5 * MINUTES);
		assert_true(engsim_in_phase(&x, "shop", "Good"));
		deploy(&x, "attic", "db", "v2");
		deploy(&x, "shelf", "front", "v2");
		engsim_until_phase(&x, "shop", "Soaking", LONG);
		sim_run_for(x.s, 4000);
		assert_true(engsim_in_phase(&x, "shop", "Soaking"));
		fail_twice(&x, "attic-");
		sim_run_for(x.s, 5 * (uint64_t)i);
		if (both)
			fail_twice(&x, "shelf-");
		engsim_until_phase(&x, "shop", both ? "Pinned" : "Failed", LONG);
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_service_stays_and_the_others_go),
		cmocka_unit_test(a_commit_of_nothing_lets_nothing_out),
		cmocka_unit_test(drift_of_a_held_service_is_put_back),
		cmocka_unit_test(asking_lets_out_what_only_waits_for_that),
		cmocka_unit_test(what_is_asked_for_goes_and_nothing_else),
		cmocka_unit_test(a_bad_service_goes_back_alone),
		cmocka_unit_test(what_moves_into_a_held_service_stays_alive),
		cmocka_unit_test(a_gate_alone_runs_no_hooks),
		cmocka_unit_test(what_a_service_breaks_may_only_be_reported),
		cmocka_unit_test(a_soak_looks_at_all_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
