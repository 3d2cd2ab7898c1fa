/* Patience that Git asks for, and containers that end badly while a release soaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "core/doc.h"
#include "scenes.h"

#define SOAK_MS 60000

static void put_deployment(struct engsim *x, const char *name, const char *tag,
			   const char *more)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"%s\"},\"spec\":{\"replicas\":"
		"2,%s\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},\"template\":{"
		"\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":"
		"[{\"name\":\"main\",\"image\":\"registry.example/%s:%s\"}]}}}}",
		name, more, name, name, name, tag);
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);

	engsim_commit(x, file, text);
}

/* The flag says 60 s; the simulated controller gives up when Git's time is over. */
static void time_that_git_gives_is_heeded(void **state)
{
	static const struct { const char *more; uint64_t least, most; } rows[] = {
		{ "", 60000, 90000 },
		{ "\"progressDeadlineSeconds\":30,", 30000, 70000 },
		{ "\"progressDeadlineSeconds\":150,", 150000, 190000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		uint64_t from;

		scene_init(&x, 950 + i);
		put_deployment(&x, "web", "v1", rows[i].more);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		put_deployment(&x, "web", "noready2", rows[i].more);
		scene_until_tag(&x, "noready2", LONG);
		from = sim_now(x.s);
		engsim_until_phase(&x, "shop", "Pinned", 300000);
		assert_string_equal(scene_tag(&x), "v1");
		assert_true(sim_now(x.s) - from >= rows[i].least);
		assert_true(sim_now(x.s) - from < rows[i].most);
		scene_end(&x, true);
	}
}

static void put_lenient(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *plain = engsim_deployment("web", tag, 2), *text = NULL;
	json_t *o = doc_parse(plain, strlen(plain), NULL);

	json_object_set_new(doc_get(o, "metadata", "annotations", NULL),
			    "syncd.dev/health-after", json_string("4m"));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	engsim_commit(x, "web.yaml", text);
}

/* syncd.dev/health-after: neither its pods nor a deadline condemn it before. */
static void what_may_be_unwell_for_a_while_is_let_be(void **state)
{
	static const char *const rows[] = { "noready2", "crash2", "bad2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		uint64_t from;

		scene_init(&x, 970 + i);
		put_lenient(&x, "v1");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		put_lenient(&x, rows[i]);
		scene_until_tag(&x, rows[i], LONG);
		from = sim_now(x.s);
		sim_run_for(x.s, 230000);
		assert_string_equal(scene_tag(&x), rows[i]);
		engsim_until_phase(&x, "shop", "Pinned", 600000);
		assert_true(sim_now(x.s) - from < 400000);
		scene_end(&x, true);
	}
}

/* Deployment "web" v2 soaks, of which "old" is no part. */
static void start_soaking(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	x->soak_ms = SOAK_MS;
	put_deployment(x, "web", "v1", "");
	put_deployment(x, "old", "v1", "");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	put_deployment(x, "web", "v2", "");
	engsim_until_phase(x, "shop", "Soaking", LONG);
	sim_run_for(x->s, 5000);
}

static const char *pod_named(struct engsim *x, const char *prefix, size_t n)
{
	return doc_get_str(apisim_nth(x->api, "pods", "shop", prefix, n), "metadata",
			   "name", NULL);
}

/* Its container has ended like this, and runs again. */
static void restart(struct engsim *x, const char *pod, int restarts, int exit_code,
		    const char *reason)
{
	json_t *patch = json_pack("{s:{s:[{s:s, s:b, s:i, s:{s:{}}, s:{s:{s:i, s:s}}}]}}",
		"status", "containerStatuses", "name", "main", "ready", 1,
		"restartCount", restarts, "state", "running", "lastState",
		"terminated", "exitCode", exit_code, "reason", reason);

	assert_non_null(pod);
	api_patch_as(x->api, "kubelet", api_type_named(x->api, "pods"), "shop", pod,
		     "status", patch);
	sim_run_for(x->s, 2000);
}

static void bad_ends_break_the_soak(void **state)
{
	static const struct { int code; const char *reason; bool two_pods; } rows[] = {
		{ 137, "OOMKilled", false },
		{ 1, "Error", false },
		{ 1, "Error", true },
		{ 0, "OOMKilled", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;

		start_soaking(&x, 960 + i);
		restart(&x, pod_named(&x, "web-", 0), 1, rows[i].code, rows[i].reason);
		assert_true(engsim_in_phase(&x, "shop", "Soaking"));
		if (rows[i].two_pods)
			restart(&x, pod_named(&x, "web-", 1), 1, rows[i].code,
				rows[i].reason);
		else
			restart(&x, pod_named(&x, "web-", 0), 2, rows[i].code,
				rows[i].reason);
		engsim_until_phase(&x, "shop", "Pinned", 20000);
		assert_string_equal(scene_tag(&x), "v1");
		scene_assert_condition(&x, "shop", "SyncError",
				       "2 containers ended in failure (while soaking)");
		scene_end(&x, true);
	}
}

static void one_bad_end_prolongs_the_soak(void **state)
{
	struct engsim x;
	uint64_t from;

	(void)state;
	start_soaking(&x, 970);
	sim_run_for(x.s, 30000);
	from = sim_now(x.s);
	restart(&x, pod_named(&x, "web-", 0), 1, 1, "Error");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(sim_now(x.s) - from >= SOAK_MS);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

/* Ends that are nobody's fault, and those of what this release did not touch. */
static void other_ends_do_not_count(void **state)
{
	struct engsim x;
	uint64_t from;

	(void)state;
	start_soaking(&x, 971);
	from = sim_now(x.s);
	for (int i = 1; i < 5; i++) {
		restart(&x, pod_named(&x, "web-", 0), i, 0, "Completed");
		restart(&x, pod_named(&x, "old-", 0), i, 1, "Error");
	}
	apisim_delete(x.api, "pods", "shop", pod_named(&x, "web-", 0));
	sim_run_for(x.s, 10000);
	assert_true(engsim_in_phase(&x, "shop", "Soaking"));
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(sim_now(x.s) - from < SOAK_MS + 20000);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

/* A ConfigMap that a workload reads is the release's doing as well. */
static void pods_that_read_what_changed_are_watched(void **state)
{
	static const char with[] = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
		"\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":2,\"selector\":{"
		"\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{"
		"\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":"
		"\"main\",\"image\":\"registry.example/web:v1\",\"envFrom\":[{"
		"\"configMapRef\":{\"name\":\"settings\"}}]}]}}}}";
	_cleanup_free_ char *one = engsim_configmap("settings", "one", 0);
	_cleanup_free_ char *two = engsim_configmap("settings", "two", 0);
	struct engsim x;

	(void)state;
	scene_init(&x, 972);
	x.soak_ms = SOAK_MS;
	engsim_commit(&x, "web.yaml", with);
	engsim_commit(&x, "settings.yaml", one);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_commit(&x, "settings.yaml", two);
	engsim_until_phase(&x, "shop", "Soaking", LONG);
	sim_run_for(x.s, 5000);
	restart(&x, pod_named(&x, "web-", 0), 2, 1, "Error");
	engsim_until_phase(&x, "shop", "Pinned", 20000);
	assert_string_equal(doc_get_str(apisim_get(x.api, "configmaps", "shop",
		"settings"), "data", "key", NULL), "one");
	scene_end(&x, true);
}

/* The watches of pods end with the soak: nothing is asked while all is well. */
static void watches_end_with_the_soak(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	start_soaking(&x, 973);
	assert_true(sim_count(x.s, 0, "GET", "/namespaces/shop/pods") > 0);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	from = sim_request_count(x.s);
	restart(&x, pod_named(&x, "web-", 0), 3, 1, "Error");
	sim_run_for(x.s, 600000);
	assert_int_equal(sim_count(x.s, from, NULL, "/pods"), 0);
	assert_true(engsim_in_phase(&x, "shop", "Good"));
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_that_git_gives_is_heeded),
		cmocka_unit_test(what_may_be_unwell_for_a_while_is_let_be),
		cmocka_unit_test(bad_ends_break_the_soak),
		cmocka_unit_test(one_bad_end_prolongs_the_soak),
		cmocka_unit_test(other_ends_do_not_count),
		cmocka_unit_test(pods_that_read_what_changed_are_watched),
		cmocka_unit_test(watches_end_with_the_soak),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
