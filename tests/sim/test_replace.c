/* What cannot be changed in place: refused, replaced, reverted, and every crash in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define ALLOW "\"syncd.dev/recreate-on-immutable\":\"true\""

/* A StatefulSet whose claims have that size. */
static void put_set(struct engsim *x, const char *size, const char *annotations,
		    const char *tag)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"StatefulSet\",\"metadata\":{\"name\":\"db\",\"annotations\":{%s}},"
		"\"spec\":{\"serviceName\":\"db\",\"replicas\":2,\"selector\":{"
		"\"matchLabels\":{\"app\":\"db\"}},\"template\":{\"metadata\":{\"labels\":"
		"{\"app\":\"db\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
		"\"registry.example/db:%s\"}]}},\"volumeClaimTemplates\":[{\"metadata\":{"
		"\"name\":\"data\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
		"\"resources\":{\"requests\":{\"storage\":\"%s\"}}}}]}}", annotations, tag,
		size);

	engsim_commit(x, "db.yaml", text);
}

static void init(struct engsim *x, uint64_t seed, const char *annotations)
{
	engsim_init(x, seed);
	x->soak_ms = 5000;
	x->poll_ms = 10000;
	put_set(x, "10Gi", annotations, "v1");
	engsim_application(x, "shop", "");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static const json_t *set_of(struct engsim *x)
{
	return apisim_get(x->api, "statefulsets.apps", "shop", "db");
}

static const char *size_of(struct engsim *x)
{
	const json_t *list = doc_get(set_of(x), "spec", "volumeClaimTemplates", NULL);
	const char *s = doc_get_str(json_array_get(list, 0), "spec", "resources",
				    "requests", "storage", NULL);

	return s ? s : "";
}

static char *pod_uids(struct engsim *x)
{
	struct buf out = BUF_INIT;
	const json_t *pod;

	for (size_t i = 0; (pod = apisim_nth(x->api, "pods", "shop", "db-", i)); i++)
		buf_addf(&out, "%s ", doc_get_str(pod, "metadata", "uid", NULL));
	return buf_steal(&out, NULL);
}

static bool is_refused(void *arg)
{
	struct engsim *x = arg;
	const char *why = scene_condition(x, "shop", "SyncError");

	return why && strstr(why, "spec cannot be changed in place") &&
	       strstr(why, "StatefulSet/shop/db") &&
	       strstr(why, "syncd.dev/recreate-on-immutable");
}

static void without_permission_nothing_changes(void **state)
{
	_cleanup_free_ char *before = NULL;
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 1, "");
	before = xstrdup(doc_get_str(set_of(&x), "metadata", "uid", NULL));
	from = sim_request_count(x.s);
	put_set(&x, "20Gi", "", "v1");
	scene_until(&x, is_refused, LONG, "the refusal");
	assert_string_equal(before, doc_get_str(set_of(&x), "metadata", "uid", NULL));
	assert_int_equal(sim_count(x.s, from, "DELETE", "/statefulsets/"), 0);
	engsim_deinit(&x);
}

static bool has_grown(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(size_of(x), "20Gi") && engsim_in_phase(x, "shop", "Good");
}

static void put_map(struct engsim *x, const char *name, const char *option)
{
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);
	_cleanup_free_ char *text = option ? xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"annotations\":{\"argocd.argoproj."
		"io/sync-options\":\"%s\"}}}", name, option) : NULL;

	engsim_commit(x, file, text);
}

/* The last one that was no dry run; SIZE_MAX. */
static size_t sent(struct engsim *x, const char *method, const char *path)
{
	for (size_t i = sim_request_count(x->s); i-- > 0;) {
		const struct sim_request *r = sim_request(x->s, i);

		if (!r->dry_run && !strcmp(r->method, method) && strstr(r->path, path))
			return i;
	}
	return SIZE_MAX;
}

/* The Application prunes before the apply; the object says for itself: last. */
static void its_own_prune_last_beats_the_applications(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 7);
	x.soak_ms = 5000;
	x.poll_ms = 10000;
	put_map(&x, "first", "Prune=true");
	put_map(&x, "late", "PruneLast=true");
	engsim_application(&x, "shop", "");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"syncOptions\":[\"PruneLast=false\"]}}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_map(&x, "first", NULL);
	put_map(&x, "late", NULL);
	put_map(&x, "second", "Prune=true");
	sim_run_for(x.s, LONG);
	assert_null(apisim_get(x.api, "configmaps", "shop", "late"));
	assert_true(sent(&x, "DELETE", "/configmaps/first") <
		    sent(&x, "PATCH", "/configmaps/second"));
	assert_true(sent(&x, "PATCH", "/configmaps/second") <
		    sent(&x, "DELETE", "/configmaps/late"));
	engsim_deinit(&x);
}

/* Replace=true of the Application is undone by the object itself. */
static void its_own_no_beats_the_applications_yes(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 8, "");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"syncOptions\":[\"Replace=true\"]}}}");
	from = sim_request_count(x.s);
	put_set(&x, "20Gi", "\"argocd.argoproj.io/sync-options\":\"Replace=false\"", "v1");
	scene_until(&x, is_refused, LONG, "the refusal");
	assert_int_equal(sim_count(x.s, from, "DELETE", "/statefulsets/"), 0);
	put_set(&x, "20Gi", "", "v1");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	assert_string_equal(size_of(&x), "20Gi");
	engsim_deinit(&x);
}

static void a_set_grows_and_keeps_its_pods(void **state)
{
	_cleanup_free_ char *pods = NULL, *after = NULL;
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 2, ALLOW);
	pods = pod_uids(&x);
	assert_true(strlen(pods) > 60);
	from = sim_request_count(x.s);
	put_set(&x, "20Gi", ALLOW, "v1");
	scene_until(&x, has_grown, LONG, "20Gi");
	after = pod_uids(&x);
	assert_string_equal(pods, after);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/statefulsets/"), 1);
	assert_true(scene_has_event(&x, "Replacing", "its pods live on"));
	engsim_deinit(&x);
}

static bool is_back(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(size_of(x), "10Gi") && engsim_in_phase(x, "shop", "Pinned");
}

/* A selector that does not fit the old pods: that they go is said before they do. */
static void pods_that_are_lost_are_announced(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct engsim x;
	size_t at;

	(void)state;
	init(&x, 9, ALLOW);
	before = pod_uids(&x);
	at = sim_request_count(x.s);
	engsim_commit(&x, "db.yaml", "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\","
		"\"metadata\":{\"name\":\"db\",\"annotations\":{" ALLOW "}},\"spec\":{"
		"\"serviceName\":\"db\",\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":"
		"\"other\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"other\"}},\"spec\":"
		"{\"containers\":[{\"name\":\"main\",\"image\":\"registry.example/db:v1\"}]}}}}");
	engsim_until_phase(&x, "shop", "Soaking", LONG);
	after = pod_uids(&x);
	assert_string_not_equal(before, after);
	assert_int_equal(sim_count(x.s, at, "DELETE", "/statefulsets/db"), 1);
	assert_true(scene_has_event(&x, "Replacing", "StatefulSet/shop/db; its pods go with it"));
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_false(scene_has_event(&x, "Replacing", "pods live on"));
	engsim_deinit(&x);
}

/* The good release never said that it may be replaced; the bad one did. */
static void a_revert_takes_the_same_door(void **state)
{
	struct engsim x;

	(void)state;
	init(&x, 3, "");
	put_set(&x, "20Gi", ALLOW, "bad1");
	scene_until(&x, is_back, 10 * LONG, "the way back");
	engsim_deinit(&x);
}

/* The process dies at the n-th request after the commit, whichever that is. */
static void every_crash_ends_with_the_new_set(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 40; n++) {
		_cleanup_free_ char *pods = NULL, *after = NULL;
		struct engsim x;

		init(&x, 100 + n, ALLOW);
		pods = pod_uids(&x);
		put_set(&x, "20Gi", ALLOW, "v1");
		sim_crash_at(x.s, n);
		scene_until(&x, has_grown, 5 * LONG, "20Gi after a crash");
		after = pod_uids(&x);
		assert_string_equal(pods, after);
		engsim_deinit(&x);
	}
}

/* A Deployment of this selector. */
static void put_web(struct engsim *x, const char *app)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\",\"annotations\":{" ALLOW "}},"
		"\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"main\",\"image\":\"registry.example/web:v1\"}]}}}}",
		app, app);

	engsim_commit(x, "web.yaml", text);
}

static bool is_good_again(void *arg)
{
	struct engsim *x = arg;
	const json_t *history = doc_get(engsim_status(x, "shop"), "history", NULL);

	return json_array_size(history) == 2 && engsim_in_phase(x, "shop", "Good");
}

/* Dead at every step: the pods that nobody adopts serve until the new ones do, then go. */
static void every_crash_leaves_no_old_set(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 46; n += 2) {
		struct engsim x;

		engsim_init(&x, 200 + n);
		x.soak_ms = 5000;
		x.poll_ms = 10000;
		put_web(&x, "one");
		engsim_application(&x, "shop", "");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		put_web(&x, "two");
		sim_crash_at(x.s, n);
		scene_until(&x, is_good_again, 5 * LONG, "good after a crash");
		sim_run_for(x.s, 5000);
		if (apisim_count(x.api, "replicasets.apps", "shop") != 1 ||
		    apisim_count(x.api, "pods", "shop") != 2)
			fail_msg("step %llu: %zu ReplicaSets, %zu pods", (unsigned long long)n,
				 apisim_count(x.api, "replicasets.apps", "shop"),
				 apisim_count(x.api, "pods", "shop"));
		engsim_deinit(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_permission_nothing_changes),
		cmocka_unit_test(its_own_prune_last_beats_the_applications),
		cmocka_unit_test(its_own_no_beats_the_applications_yes),
		cmocka_unit_test(a_set_grows_and_keeps_its_pods),
		cmocka_unit_test(pods_that_are_lost_are_announced),
		cmocka_unit_test(a_revert_takes_the_same_door),
		cmocka_unit_test(every_crash_ends_with_the_new_set),
		cmocka_unit_test(every_crash_leaves_no_old_set),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
