/* Heals, prunes, reverts and soaks that do not go well; clocks that jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "scenes.h"
#include "sync/fight.h"

#define HOUR_MS ((int64_t)3600 * 1000)

/* Refuses writes of the Deployment that ask for this tag ("" = any). */
static bool refuse_tag(void *arg, const char *op, const json_t *object,
		       char message[256])
{
	const json_t *c = doc_get(object, "spec", "template", "spec", "containers",
				  NULL);
	const char *image = doc_get_str(json_array_get(c, 0), "image", NULL);

	(void)op;
	if (!image || strncmp(image, "registry.example", 16) ||
	    strcmp(doc_get_str(object, "kind", NULL), "Deployment") ||
	    !strstr(image, arg))
		return false;
	strcpy(message, "admission webhook \"gate\" denied the request: closed");
	return true;
}

static bool refuse_deletes(void *arg, const char *op, const json_t *object,
			   char message[256])
{
	(void)arg;
	(void)object;
	strcpy(message, "admission webhook \"keep\" denied the request: kept");
	return !strcmp(op, "DELETE") &&
	       !strcmp(doc_get_str(object, "kind", NULL), "ConfigMap");
}

/* The server has no time for applies of the Deployment. */
static void set_busy(struct engsim *x, bool busy)
{
	struct sim_faults f = { .http_503 = busy ? 1000 : 0 };

	sim_aim_faults(x->s, "PATCH", "/deployments/web");
	sim_set_faults(x->s, &f, 0);
}

/* As its controller would; controllers are off from here on. */
static void set_status(struct engsim *x, const char *resource, const char *name,
		       const char *status)
{
	struct apisim_options o = { .no_controllers = true };

	apisim_set_options(x->api, &o);
	api_patch_as(x->api, "controller", api_type_named(x->api, resource), "shop",
		     name, "status", doc_parse(status, strlen(status), NULL));
}

static void controllers_back(struct engsim *x)
{
	apisim_set_options(x->api, &(struct apisim_options){ 0 });
}

#define DEGRADED "{\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"status\":" \
	"\"False\",\"reason\":\"ProgressDeadlineExceeded\",\"message\":\"stuck\"}]}}"
#define UNREADY "{\"status\":{\"availableReplicas\":1,\"readyReplicas\":1," \
	"\"unavailableReplicas\":2}}"

static void start_soaking(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	x->soak_ms = 30000;
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	scene_put(x, "v2");
	engsim_until_phase(x, "shop", "Soaking", LONG);
	assert_string_equal(scene_tag(x), "v2");
}

static void degraded_workload_breaks_the_soak(void **state)
{
	struct engsim x;

	(void)state;
	start_soaking(&x, 400);
	set_status(&x, "deployments.apps", "web", DEGRADED);
	sim_run_for(x.s, 10000);
	controllers_back(&x);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	scene_assert_condition(&x, "shop", "SyncError", "while soaking");
	scene_end(&x, true);
}

/* A dip shorter than the grace (2 s) only starts the clock anew. */
static void short_dip_prolongs_the_soak(void **state)
{
	struct engsim x;
	uint64_t from;

	(void)state;
	start_soaking(&x, 401);
	sim_run_for(x.s, 20000);
	set_status(&x, "deployments.apps", "web", DEGRADED);
	sim_run_for(x.s, 1000);
	controllers_back(&x);
	set_status(&x, "deployments.apps", "web", "{\"status\":{\"conditions\":[{"
		   "\"type\":\"Progressing\",\"status\":\"True\",\"reason\":"
		   "\"NewReplicaSetAvailable\"}]}}");
	controllers_back(&x);
	from = sim_now(x.s);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(sim_now(x.s) - from > 28000);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

static void soak_without_an_end_is_unproven(void **state)
{
	struct engsim x;

	(void)state;
	start_soaking(&x, 402);
	set_status(&x, "deployments.apps", "web", UNREADY);
	sim_run_for(x.s, 590000);
	assert_true(engsim_in_phase(&x, "shop", "Soaking"));
	engsim_until_phase(&x, "shop", "Unproven", 30000);
	assert_string_equal(scene_tag(&x), "v2");
	controllers_back(&x);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void heal_that_fails_is_tried_with_growing_pauses(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 410);
	apisim_set_admission(x.api, refuse_tag, (char[]){ "" });
	from = sim_request_count(x.s);
	scene_drift(&x, "v9");
	sim_run_for(x.s, 600000);
	assert_string_equal(scene_tag(&x), "v9");
	assert_true(sim_count(x.s, from, "PATCH", "/deployments/web") > 3);
	assert_true(sim_count(x.s, from, "PATCH", "/deployments/web") < 40);
	scene_assert_condition(&x, "shop", "SyncError", "closed");
	assert_true(engsim_in_phase(&x, "shop", "Good"));
	apisim_set_admission(x.api, NULL, NULL);
	scene_until_tag(&x, "v1", 400000);
	sim_run_for(x.s, 5000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_end(&x, true);
}

/* Somebody undoes every heal at once: it slows down, stops and says so. */
static void fight_over_an_object_is_given_up(void **state)
{
	unsigned seen = 0;
	struct engsim x;

	(void)state;
	scene_good(&x, 411);
	for (int i = 0; i < 12000; i++) {
		if (!strcmp(scene_tag(&x), "v1")) {
			seen++;
			scene_drift(&x, i % 2 ? "v8" : "v9");
		}
		sim_run_for(x.s, 100);
	}
	assert_int_equal(seen, 1 + FIGHT_HEALS);
	scene_assert_condition(&x, "shop", "SyncError", "no longer healed");
	scene_assert_condition(&x, "shop", "SyncError", "Deployment/shop/web");
	scene_put(&x, "v2");	/* something new is put out all the same */
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 5000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_end(&x, true);
}

/* The server has put it back, its answer is on the way, and somebody edits again. */
static void drift_faster_than_the_answer_is_healed(void **state)
{
	(void)state;
	for (uint64_t seed = 480; seed < 500; seed++) {
		struct engsim x;

		scene_good(&x, seed);
		scene_drift(&x, "v8");
		while (strcmp(scene_tag(&x), "v1"))
			assert_true(sim_step(x.s));
		scene_drift(&x, "v9");
		sim_run_for(x.s, 60000);
		assert_string_equal(scene_tag(&x), "v1");
		scene_end(&x, true);
	}
}

static void put_settings(struct engsim *x, bool there)
{
	_cleanup_free_ char *cm = engsim_configmap("settings", "one", 1);

	engsim_commit(x, "settings.yaml", there ? cm : NULL);
}

static void start_with_settings(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	put_settings(x, true);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static bool settings_gone(void *arg)
{
	struct engsim *x = arg;

	return !apisim_get(x->api, "configmaps", "shop", "settings") &&
	       engsim_in_phase(x, "shop", "Good");
}

static void prune_waits_for_a_finalizer(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	start_with_settings(&x, 420);
	apisim_edit(x.api, "kubectl", "configmaps", "shop", "settings",
		    "{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}");
	from = sim_request_count(x.s);
	put_settings(&x, false);
	sim_run_for(x.s, 200000);
	scene_assert_condition(&x, "shop", "SyncError", "finalizers are not done");
	assert_int_equal(sim_count(x.s, from, "DELETE", "/configmaps/settings"), 1);
	/* What is new goes out all the same. */
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	apisim_edit(x.api, "kubectl", "configmaps", "shop", "settings",
		    "{\"metadata\":{\"finalizers\":null}}");
	scene_until(&x, settings_gone, LONG, "pruned");
	sim_run_for(x.s, 5000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_end(&x, false);
}

static void prune_that_is_refused_is_tried_again(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	start_with_settings(&x, 421);
	apisim_set_admission(x.api, refuse_deletes, NULL);
	from = sim_request_count(x.s);
	put_settings(&x, false);
	sim_run_for(x.s, 300000);
	scene_assert_condition(&x, "shop", "SyncError", "kept");
	assert_true(sim_count(x.s, from, "DELETE", "/configmaps/settings") > 1);
	assert_true(sim_count(x.s, from, "DELETE", "/configmaps/settings") < 20);
	apisim_set_admission(x.api, NULL, NULL);
	scene_until(&x, settings_gone, LONG, "pruned");
	scene_end(&x, false);
}

static void object_deleted_by_hand_needs_no_prune(void **state)
{
	struct engsim x;

	(void)state;
	start_with_settings(&x, 422);
	put_settings(&x, false);
	apisim_delete(x.api, "configmaps", "shop", "settings");
	scene_until(&x, settings_gone, LONG, "gone");
	sim_run_for(x.s, 60000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_end(&x, false);
}

static void revert_that_cannot_finish_is_stalled(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 430);
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	set_busy(&x, true);
	engsim_until_phase(&x, "shop", "RevertStalled", 900000);
	scene_assert_condition(&x, "shop", "SyncError",
			       "the revert to release #1 is not done");
	assert_string_equal(scene_tag(&x), "bad2");
	from = sim_request_count(x.s);
	sim_run_for(x.s, 800000);
	assert_true(sim_count(x.s, from, "PATCH", "/deployments/web") < 20);
	set_busy(&x, false);
	engsim_until_phase(&x, "shop", "Pinned", 1000000);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

static void revert_that_is_refused_is_blocked(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 431);
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	apisim_set_admission(x.api, refuse_tag, (char[]){ ":v1" });
	engsim_until_phase(&x, "shop", "RevertBlocked", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "closed");
	sim_run_for(x.s, 300000);
	assert_string_equal(scene_tag(&x), "bad2");
	/* Something new is not held back by it. */
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void busy_server_is_asked_again(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 440);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"retry\":{\"limit\":5,"
		       "\"backoff\":{\"duration\":\"10s\",\"factor\":2,"
		       "\"maxDuration\":\"1m\"}}}}}");
	set_busy(&x, true);
	scene_put_secret(&x, "two");
	scene_put(&x, "v2");
	sim_run_for(x.s, 90000);
	scene_assert_condition(&x, "shop", "SyncError", "");
	assert_string_equal(scene_tag(&x), "v1");
	set_busy(&x, false);
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 3000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	scene_end(&x, true);
}

/* What is refused may quote the value: neither status nor log may. */
static bool quote_secret(void *arg, const char *op, const json_t *object,
			 char message[256])
{
	const char *kind = doc_get_str(object, "kind", NULL);

	(void)arg;
	(void)op;
	strcpy(message, "the value " CANARY "-one is too weak");
	return kind && !strcmp(kind, "Secret") &&
	       !strcmp(doc_get_str(object, "metadata", "name", NULL), "coffer");
}

static void refused_secret_is_not_quoted(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 441);
	apisim_set_admission(x.api, quote_secret, NULL);
	scene_put_secret(&x, "one");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "withheld");
	scene_end(&x, true);
}

static void workload(struct engsim *x, const char *kind, const char *tag)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"%s\",\"metadata\":{\"name\":\"db\"},\"spec\":{%s"
		"\"selector\":{\"matchLabels\":{\"app\":\"db\"}},\"template\":{"
		"\"metadata\":{\"labels\":{\"app\":\"db\"}},\"spec\":{\"containers\":"
		"[{\"name\":\"main\",\"image\":\"registry.example/db:%s\"}]}}}}", kind,
		strcmp(kind, "DaemonSet") ? "\"replicas\":2,\"serviceName\":\"db\","
		: "", tag);

	engsim_commit(x, "db.yaml", text);
}

static void pods_of_other_workloads_are_looked_at(void **state)
{
	static const char *const kinds[] = { "StatefulSet", "DaemonSet" };
	static const struct { const char *tag, *why; } tags[] = {
		{ "bad2", "ImagePullBackOff" }, { "crash2", "CrashLoopBackOff" },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct engsim x;

		scene_init(&x, 450 + i);
		workload(&x, kinds[i / 2], "v1");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		workload(&x, kinds[i / 2], tags[i % 2].tag);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		scene_assert_condition(&x, "shop", "SyncError", tags[i % 2].why);
		assert_true(sim_now(x.s) < LONG);
		/* Nothing goes but the pod that a StatefulSet waits for. */
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/namespaces/shop"),
				 sim_count(x.s, 0, "DELETE", "/pods/db-1"));
		scene_end(&x, i / 2 != 0);
	}
}

static void wall_clock_may_jump(void **state)
{
	static const int64_t jumps[] = { HOUR_MS, -HOUR_MS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct engsim x;
		uint64_t from;
		size_t at;

		start_soaking(&x, 460 + i);
		sim_host_wall_jump(x.s, NULL, jumps[i]);
		from = sim_now(x.s);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_true(sim_now(x.s) - from > 25000);
		assert_true(sim_now(x.s) - from < 35000);
		sim_host_wall_jump(x.s, NULL, -jumps[i]);
		scene_put(&x, "bad3");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		sim_host_wall_jump(x.s, NULL, jumps[i]);
		/* The one retry comes after ten minutes, not an hour off. */
		at = sim_request_count(x.s);
		sim_run_for(x.s, 580000);
		assert_true(engsim_in_phase(&x, "shop", "Pinned"));
		assert_string_equal(scene_tag(&x), "v2");
		assert_int_equal(sim_count(x.s, at, "PATCH", "/deployments/web"), 0);
		scene_until_tag(&x, "bad3", 25000);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_int_equal(x.lives, 1);
		scene_put(&x, "v4");
		scene_until_tag(&x, "v4", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

static void dry_run_changes_nothing(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 470);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	sim_run_for(x.s, 3000);
	scene_put(&x, "v2");
	scene_put_secret(&x, "two");
	sim_run_for(x.s, 20000);
	from = sim_request_count(x.s);
	scene_edit_app(&x, "{\"operation\":{\"initiatedBy\":{\"username\":\"ada\"},"
		       "\"sync\":{\"dryRun\":true}}}");
	sim_run_for(x.s, 30000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_true(sim_count(x.s, from, "PATCH", "/deployments/web") > 0);
	for (size_t i = from; i < sim_request_count(x.s); i++)
		assert_true(!sim_request(x.s, i)->write ||
			    sim_request(x.s, i)->dry_run ||
			    !strstr(sim_request(x.s, i)->path, "/namespaces/shop"));
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "operationState",
					"phase", NULL), "Succeeded");
	assert_null(doc_get(apisim_get(x.api, "applications.argoproj.io", "argocd",
				       "shop"), "operation", NULL));
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(degraded_workload_breaks_the_soak),
		cmocka_unit_test(short_dip_prolongs_the_soak),
		cmocka_unit_test(soak_without_an_end_is_unproven),
		cmocka_unit_test(heal_that_fails_is_tried_with_growing_pauses),
		cmocka_unit_test(fight_over_an_object_is_given_up),
		cmocka_unit_test(drift_faster_than_the_answer_is_healed),
		cmocka_unit_test(prune_waits_for_a_finalizer),
		cmocka_unit_test(prune_that_is_refused_is_tried_again),
		cmocka_unit_test(object_deleted_by_hand_needs_no_prune),
		cmocka_unit_test(revert_that_cannot_finish_is_stalled),
		cmocka_unit_test(revert_that_is_refused_is_blocked),
		cmocka_unit_test(busy_server_is_asked_again),
		cmocka_unit_test(refused_secret_is_not_quoted),
		cmocka_unit_test(pods_of_other_workloads_are_looked_at),
		cmocka_unit_test(wall_clock_may_jump),
		cmocka_unit_test(dry_run_changes_nothing),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
