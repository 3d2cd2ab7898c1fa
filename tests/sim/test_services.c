/*
 * Services of a deploy-control file: one is held as it runs while the others go out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define FILE_PATH "infra/deploy-control.yaml"
#define DB(keys) "environments: {prod: {services: {db: {" keys "}}}}\n"

static void control(struct engsim *x, const char *text)
{
	sim_git_commit(x->s, REPO, "main", FILE_PATH, text);
}

static void put(struct engsim *x, const char *name, const char *service, const char *value)
{
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},\"data\":{\"v\":"
		"\"%s\"}}", name, service, value);

	engsim_commit(x, file, text);
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

/* The release without the service is good: that is where a bad service goes back to. */
static void a_bad_service_goes_back_alone(void **state)
{
	_cleanup_free_ char *bad = NULL, *labelled = NULL;
	struct engsim x;
	json_t *o;

	(void)state;
	services_scene(&x, 977);
	bad = engsim_deployment("store", "crash-1", 1);
	o = doc_parse(bad, strlen(bad), NULL);
	json_object_set_new(json_object_get(o, "metadata"), "labels",
			    json_pack("{ss}", "app", "db"));
	labelled = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	engsim_commit(&x, "store.yaml", labelled);
	change_all(&x, DB("enabled: false"));
	assert_null(apisim_get(x.api, "deployments.apps", "shop", "store"));
	control(&x, DB(""));
	engsim_until_phase(&x, "shop", "Pinned", 20 * MINUTES);
	assert_string_equal(value(&x, "front"), "2");
	assert_string_equal(value(&x, "db"), "1");
	scene_end(&x, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_service_stays_and_the_others_go),
		cmocka_unit_test(a_commit_of_nothing_lets_nothing_out),
		cmocka_unit_test(drift_of_a_held_service_is_put_back),
		cmocka_unit_test(asking_lets_out_what_only_waits_for_that),
		cmocka_unit_test(a_bad_service_goes_back_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
