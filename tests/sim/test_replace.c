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
static void put_image(struct engsim *x, const char *app, const char *tag)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\",\"annotations\":{" ALLOW "}},"
		"\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"main\",\"image\":\"registry.example/web:%s\"}]}}}}",
		app, app, tag);

	engsim_commit(x, "web.yaml", text);
}

static void put_web(struct engsim *x, const char *app)
{
	put_image(x, app, "v1");
}

static void start_web(struct engsim *x, uint64_t seed)
{
	engsim_init(x, seed);
	x->soak_ms = 5000;
	x->poll_ms = 10000;
	put_web(x, "one");
	engsim_application(x, "shop", "");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
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

		start_web(&x, 200 + n);
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

/* How many it has is not Git's to say. */
static void put_free(struct engsim *x, const char *app)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\",\"annotations\":{" ALLOW "}},"
		"\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},\"template\":{"
		"\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{\"name\":"
		"\"main\",\"image\":\"registry.example/web:v1\"}]}}}}", app, app);

	engsim_commit(x, "web.yaml", text);
}

/* Whatever its controller writes while the number is handed over. */
static void a_number_of_others_outlives_the_replacement(void **state)
{
	(void)state;
	for (uint64_t seed = 330; seed < 338; seed++) {
		struct engsim x;
		const json_t *web;

		engsim_init(&x, seed);
		x.soak_ms = 5000;
		x.poll_ms = 10000;
		put_free(&x, "one");
		engsim_application(&x, "shop", "");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		apisim_edit(x.api, "kubectl-scale", "deployments.apps", "shop", "web",
			    "{\"spec\":{\"replicas\":3}}");
		sim_run_for(x.s, 10000);
		put_free(&x, "two");
		scene_until(&x, is_good_again, 5 * LONG, "good");
		web = apisim_get(x.api, "deployments.apps", "shop", "web");
		if (doc_get_int(web, 0, "spec", "replicas", NULL) != 3)
			fail_msg("seed %llu: %lld replicas", (unsigned long long)seed,
				 (long long)doc_get_int(web, 0, "spec", "replicas", NULL));
		engsim_deinit(&x);
	}
}

static size_t pods_of(struct engsim *x, const char *app)
{
	const json_t *pod;
	size_t n = 0;

	for (size_t i = 0; (pod = apisim_nth(x->api, "pods", "shop", "", i)); i++)
		n += !strcmp(doc_get_str(pod, "metadata", "labels", "app", NULL), app);
	return n;
}

/* Good, with a selector that does not fit the old pods; they serve meanwhile. */
static void start_late(struct engsim *x, uint64_t seed)
{
	start_web(x, seed);
	put_image(x, "two", "noready-2");
	engsim_until_phase(x, "shop", "Settling", LONG);
	sim_run_for(x->s, 15000);
	assert_int_equal(pods_of(x, "one"), 2);
}

/* The operation that replaced it is no more: the next one removes what it left. */
static void the_next_operation_removes_what_is_left(void **state)
{
	static const struct { bool fails, crashes; } rows[] = {
		{ false, false }, { false, true }, { true, false }, { true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;

		start_late(&x, 300 + i);
		if (rows[i].fails) {
			scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"syncd.dev/"
				       "auto-revert\":\"false\"}}}");
			engsim_until_phase(&x, "shop", "Failed", 10 * LONG);
			assert_int_equal(pods_of(&x, "one"), 2);
		}
		if (rows[i].crashes)
			engsim_crash(&x);
		put_image(&x, "two", "v3");
		if (rows[i].crashes)
			engsim_start(&x);
		scene_until(&x, is_good_again, 5 * LONG, "good at last");
		sim_run_for(x.s, 5000);
		assert_int_equal(pods_of(&x, "one"), 0);
		assert_int_equal(pods_of(&x, "two"), 2);
		engsim_deinit(&x);
	}
}

static void it_goes_with_the_application(void **state)
{
	struct engsim x;

	(void)state;
	start_late(&x, 310);
	scene_edit_app(&x, "{\"metadata\":{\"finalizers\":[\"resources-finalizer.argocd."
		       "argoproj.io\"]}}");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, 5 * LONG, "the end");
	sim_run_for(x.s, 5000);
	assert_int_equal(apisim_count(x.api, "pods", "shop"), 0);
	assert_int_equal(apisim_count(x.api, "replicasets.apps", "shop"), 0);
	engsim_deinit(&x);
}

static size_t ready_pods(struct engsim *x, const char *app)
{
	const json_t *pod, *c;
	size_t n = 0;

	for (size_t i = 0; (pod = apisim_nth(x->api, "pods", "shop", "", i)); i++) {
		c = json_array_get(doc_get(pod, "status", "containerStatuses", NULL), 0);
		n += !strcmp(doc_get_str(pod, "metadata", "labels", "app", NULL), app) &&
		     doc_get_bool(c, false, "ready", NULL);
	}
	return n;
}

static bool no_pods_of_three(void *arg)
{
	return !pods_of(arg, "three");
}

/* A heal does not wait for health: what it replaces serves until another one finds it due. */
static void a_heal_takes_nothing_that_serves(void **state)
{
	_cleanup_free_ char *text = engsim_deployment("web", "v1", 2);
	_cleanup_json_ json_t *o = doc_parse(text, strlen(text), NULL);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct engsim x;

	(void)state;
	start_web(&x, 320);
	json_object_set_new(json_object_get(o, "metadata"), "namespace", json_string("shop"));
	json_object_set_new(doc_get(o, "spec", "selector", "matchLabels", NULL), "app",
			    json_string("three"));
	json_object_set_new(doc_get(o, "spec", "template", "metadata", "labels", NULL), "app",
			    json_string("three"));
	doc_write(o, &out);
	engsim_crash(&x);
	apisim_delete(x.api, "deployments.apps", "shop", "web");
	sim_run_for(x.s, 5000);
	apisim_apply(x.api, buf_str(&out));
	sim_run_for(x.s, 5000);
	assert_int_equal(ready_pods(&x, "three"), 2);
	engsim_start(&x);
	for (int i = 0; i < 300; i++) {
		sim_run_for(x.s, 100);
		assert_true(ready_pods(&x, "three") || ready_pods(&x, "one"));
	}
	scene_until(&x, no_pods_of_three, LONG, "the end of the others");
	assert_int_equal(pods_of(&x, "one"), 2);
	engsim_deinit(&x);
}

/* What somebody else has adopted meanwhile is his. */
static void what_found_a_new_owner_stays(void **state)
{
	_cleanup_free_ char *name = NULL, *patch = NULL;
	const json_t *keeper, *set;
	struct engsim x;

	(void)state;
	start_web(&x, 301);
	name = xstrdup(doc_get_str(apisim_nth(x.api, "replicasets.apps", "shop", "web-", 0),
				   "metadata", "name", NULL));
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
		     "\"name\":\"keeper\",\"namespace\":\"shop\"}}");
	keeper = apisim_get(x.api, "configmaps", "shop", "keeper");
	patch = xasprintf("{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":"
			  "\"ConfigMap\",\"name\":\"keeper\",\"uid\":\"%s\",\"controller\":true}]}}",
			  doc_get_str(keeper, "metadata", "uid", NULL));
	apisim_set_options(x.api, &(struct apisim_options){ .pod_start_ms = 20000 });
	put_web(&x, "two");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	sim_run_for(x.s, 5000);
	set = apisim_get(x.api, "replicasets.apps", "shop", name);
	assert_int_equal(json_array_size(doc_get(set, "metadata", "ownerReferences", NULL)), 0);
	apisim_edit(x.api, "kube-controller-manager", "replicasets.apps", "shop", name, patch);
	scene_until(&x, is_good_again, 5 * LONG, "good");
	sim_run_for(x.s, 5000);
	assert_non_null(apisim_get(x.api, "replicasets.apps", "shop", name));
	assert_int_equal(pods_of(&x, "one"), 2);
	engsim_deinit(&x);
}

/*
 * Noted, and not replaced after all: died before, and a person took the Deployment for
 * himself. Its ReplicaSet is his too, whatever the end of the application takes.
 */
static void what_was_not_replaced_keeps_its_set(void **state)
{
	unsigned kept = 0;

	(void)state;
	for (uint64_t n = 1; n < 40; n++) {
		_cleanup_free_ char *web = NULL, *set = NULL;
		const json_t *now;
		struct engsim x;

		start_web(&x, 400 + n);
		web = xstrdup(doc_get_str(apisim_get(x.api, "deployments.apps", "shop", "web"),
					  "metadata", "uid", NULL));
		set = xstrdup(doc_get_str(apisim_nth(x.api, "replicasets.apps", "shop", "", 0),
					  "metadata", "uid", NULL));
		put_web(&x, "two");
		sim_crash_at(x.s, n);
		for (int i = 0; i < 600 && !sim_crashed(x.s); i++)
			sim_run_for(x.s, 100);
		now = apisim_get(x.api, "deployments.apps", "shop", "web");
		if (!sim_crashed(x.s) || !now ||
		    strcmp(doc_get_str(now, "metadata", "uid", NULL), web) ||
		    doc_get(now, "metadata", "deletionTimestamp", NULL)) {
			engsim_deinit(&x);
			continue;
		}
		apisim_edit(x.api, "ada", "deployments.apps", "shop", "web",
			    "{\"metadata\":{\"labels\":{\"syncd.dev/install\":null}}}");
		scene_edit_app(&x, "{\"metadata\":{\"finalizers\":[\"resources-finalizer."
			       "argocd.argoproj.io\"]}}");
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		scene_until(&x, scene_gone, 5 * LONG, "the end");
		sim_run_for(x.s, 5000);
		now = apisim_nth(x.api, "replicasets.apps", "shop", "", 0);
		if (!now || strcmp(doc_get_str(now, "metadata", "uid", NULL), set))
			fail_msg("step %llu: its ReplicaSet went", (unsigned long long)n);
		kept++;
		engsim_deinit(&x);
	}
	assert_in_range(kept, 3, 40);
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
		cmocka_unit_test(the_next_operation_removes_what_is_left),
		cmocka_unit_test(a_number_of_others_outlives_the_replacement),
		cmocka_unit_test(it_goes_with_the_application),
		cmocka_unit_test(a_heal_takes_nothing_that_serves),
		cmocka_unit_test(what_found_a_new_owner_stays),
		cmocka_unit_test(what_was_not_replaced_keeps_its_set),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
