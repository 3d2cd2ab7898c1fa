/* A kind whose versions change: what discovery tells late, and what is watched then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

#define CRDS "customresourcedefinitions.apiextensions.k8s.io"
#define PUMPS "pumps.example.com"

static bool is_size_2(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(scene_pump_size(x), "2") && engsim_in_phase(x, "shop", "Good");
}

static bool is_size_1(void *arg)
{
	return !strcmp(scene_pump_size(arg), "1");
}

static bool is_gone(void *arg)
{
	struct engsim *x = arg;

	return !apisim_get(x->api, PUMPS, "shop", "one");
}

static bool is_size_3(void *arg)
{
	return !strcmp(scene_pump_size(arg), "3");
}

static void with_pumps(struct engsim *x, uint64_t seed, unsigned lag_ms,
		       const char *versions)
{
	struct apisim_options o = { .discovery_lag_ms = lag_ms };

	scene_init(x, seed);
	apisim_set_options(x->api, &o);
	scene_put_pumps(x, versions, "None");
	scene_put_pump(x, "v1", "1");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	assert_string_equal(scene_pump_size(x), "1");
}

/* Both versions, or the new one alone: asked for where it is, once it is told. */
static void a_version_told_late_is_waited_for(void **state)
{
	static const struct {
		const char *then;
		unsigned lag_ms;
	} rows[] = {
		{ "v1- v2", 0 }, { "v1 v2", 0 }, { "v2", 0 },
		{ "v1- v2", 3000 }, { "v1 v2", 3000 }, { "v2", 3000 },
		/* Longer than one try waits. */
		{ "v1- v2", 25000 }, { "v1 v2", 25000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		size_t from;

		with_pumps(&x, 900 + i, rows[i].lag_ms, "v1");
		from = sim_request_count(x.s);
		scene_put_pumps(&x, rows[i].then, "None");
		scene_put_pump(&x, "v2", "2");
		scene_until(&x, is_size_2, LONG, rows[i].then);
		/* Never under the address of another version, where it cannot be. */
		assert_int_equal(scene_answers(&x, from, "PATCH", "/v1/namespaces/shop/pumps/one",
					       400) +
				 scene_answers(&x, from, "PATCH", "/v1/namespaces/shop/pumps/one",
					       404), 0);
		scene_end(&x, true);
	}
}

/* One that discovery tells of late at the first sync. */
static void a_kind_told_late_is_waited_for(void **state)
{
	static const unsigned lags[] = { 3000, 25000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
		struct engsim x;

		with_pumps(&x, 910 + i, lags[i], "v1");
		scene_end(&x, true);
	}
}

/* The watch was of the version that is gone: drift and deletion are seen all the same. */
static void the_watch_follows_its_kind(void **state)
{
	static const unsigned lags[] = { 0, 5000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
		struct engsim x;

		with_pumps(&x, 920 + i, lags[i], "v1");
		scene_put_pumps(&x, "v1- v2", "None");
		scene_put_pump(&x, "v2", "2");
		scene_until(&x, is_size_2, LONG, "the new version");
		sim_run_for(x.s, 120000);
		apisim_edit(x.api, "kubectl-edit", PUMPS, "shop", "one",
			    "{\"spec\":{\"size\":\"9\"}}");
		sim_run_for(x.s, 1000);
		scene_until(&x, is_size_2, 30000, "the edit to be healed");
		apisim_delete(x.api, PUMPS, "shop", "one");
		sim_run_for(x.s, 1000);
		scene_until(&x, is_size_2, 30000, "the object to be made again");
		scene_end(&x, true);
	}
}

static void serve_v2_alone(struct engsim *x)
{
	apisim_edit(x->api, "kubectl-edit", CRDS, NULL, PUMPS,
		    "{\"spec\":{\"versions\":[{\"name\":\"v2\",\"served\":true,"
		    "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
		    "\"x-kubernetes-preserve-unknown-fields\":true}}}]}}");
}

static size_t versions(struct engsim *x)
{
	return json_array_size(doc_get(apisim_get(x->api, CRDS, NULL, PUMPS), "spec",
				       "versions", NULL));
}

static bool has_two(void *arg)
{
	return versions(arg) == 2;
}

/* Somebody takes the version away that Git writes in, and Git has the CRD: it is healed. */
static void a_version_taken_away_by_hand(void **state)
{
	struct engsim x;

	(void)state;
	with_pumps(&x, 930, 0, "v1 v2");
	serve_v2_alone(&x);
	scene_until(&x, has_two, 30000, "the CRD to be healed");
	sim_run_for(x.s, 60000);
	assert_null(scene_condition(&x, "shop", "SyncError"));
	assert_string_equal(scene_pump_size(&x), "1");
	scene_put_pump(&x, "v1", "3");
	scene_until(&x, is_size_3, LONG, "the pump");
	scene_end(&x, true);
}

static bool is_refused(void *arg)
{
	const char *said = scene_condition(arg, "shop", "SyncError");

	return said && strstr(said, "does not serve kind Pump of example.com/v1, but of "
				    "example.com/v2: write it in that version");
}

static bool is_later_1(void *arg)
{
	struct engsim *x = arg;
	const char *v = doc_get_str(apisim_get(x->api, "configmaps", "shop", "later"), "data",
				    "key", NULL);

	return v && !strcmp(v, "1");
}

static void edit_later(struct engsim *x)
{
	apisim_edit(x->api, "kubectl-edit", "configmaps", "shop", "later",
		    "{\"data\":{\"key\":\"9\"}}");
	assert_false(is_later_1(x));
}

/*
 * The CRD is another's: an upgrade of its operator drops the version that Git writes in.
 * What lives in no namespace of its own in Git lives where it lived, and is not pruned.
 */
static void a_version_dropped_by_another(void **state)
{
	static const bool restarts[] = { false, true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(restarts); i++) {
		_cleanup_free_ char *later = engsim_configmap("later", "1", 2);
		struct engsim x;

		scene_init(&x, 940 + i);
		scene_put_pumps(&x, "v1 v2", "None");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		apisim_edit(x.api, "kubectl-edit", CRDS, NULL, PUMPS, "{\"metadata\":{"
			    "\"annotations\":{\"argocd.argoproj.io/sync-options\":"
			    "\"Prune=false\"}}}");
		engsim_commit(&x, "crd.yaml", "");	/* it is the operator's from now on */
		engsim_commit(&x, "later.yaml", later);
		scene_put_pump(&x, "v1", "1");
		scene_until(&x, is_size_1, LONG, "the pump");
		scene_until(&x, is_later_1, LONG, "the last wave");
		engsim_until_phase(&x, "shop", "Good", LONG);
		serve_v2_alone(&x);
		sim_run_for(x.s, 1000);
		if (restarts[i]) {
			engsim_crash(&x);
			engsim_start(&x);
		}
		sim_run_for(x.s, 200000);
		assert_string_equal(scene_pump_size(&x), "1");
		/* It cannot be healed, which holds up nothing else. */
		apisim_edit(x.api, "kubectl-edit", PUMPS, "shop", "one",
			    "{\"spec\":{\"size\":\"9\"}}");
		sim_run_for(x.s, 60000);
		edit_later(&x);
		scene_until(&x, is_later_1, 3000, "the last wave to be healed");
		scene_until(&x, is_refused, 60000, "what is not");
		/* A commit that changes it cannot be put in place, and says so. */
		scene_put_pump(&x, "v1", "2");
		scene_until(&x, is_refused, LONG, "the refusal");
		assert_string_equal(scene_pump_size(&x), "9");
		scene_put_pump(&x, "v2", "2");
		scene_until(&x, is_size_2, 400000, "the new version");
		scene_end(&x, true);
	}
}

/* Two API servers that do not agree: whatever version is asked for is the other one's. */
static bool is_pinned_at_v1(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") && !strcmp(scene_tag(x), "v1");
}

static bool pump_is_named(void *arg)
{
	const char *said = scene_condition(arg, "shop", "SyncError");

	return said && strstr(said, "does not serve kind Pump");
}

/*
 * Somebody removes the CRD, another's, and with it the pump, while a release turns bad: all
 * else goes back to the good one, in later waves too, is healed, and the pump comes again
 * with its kind.
 */
static void a_kind_that_is_gone_holds_up_nothing_else(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct engsim x;
	json_t *crd;
	size_t from;

	(void)state;
	with_pumps(&x, 970, 0, "v1");
	apisim_edit(x.api, "kubectl-edit", CRDS, NULL, PUMPS, "{\"metadata\":{\"annotations\":"
		    "{\"argocd.argoproj.io/sync-options\":\"Prune=false\"}}}");
	engsim_commit(&x, "crd.yaml", "");
	sim_run_for(x.s, 60000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put(&x, "crash2");	/* a pull would be tried once more */
	scene_until_tag(&x, "crash2", LONG);
	crd = json_deep_copy(apisim_get(x.api, CRDS, NULL, PUMPS));
	apisim_delete(x.api, CRDS, NULL, PUMPS);
	scene_until_tag(&x, "v1", LONG);
	scene_until(&x, is_pinned_at_v1, 5000, "the end of the revert");
	scene_until(&x, pump_is_named, 60000, "what it lacks");
	scene_drift(&x, "x");
	scene_until_tag(&x, "v1", 60000);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 3600000);
	assert_in_range(sim_count(x.s, from, "PATCH", "/namespaces/shop/"), 0, 40);
	scene_drift(&x, "y");	/* and does not wait for the next try of the pump */
	scene_until_tag(&x, "v1", 3000);
	json_object_set_new(crd, "metadata", json_pack("{ss}", "name", PUMPS));
	json_object_del(crd, "status");
	doc_write(crd, &text);
	json_decref(crd);
	apisim_apply(x.api, buf_str(&text));
	scene_until(&x, is_size_1, 400000, "the pump");
	sim_run_for(x.s, 10000);
	assert_false(pump_is_named(&x));
	scene_end(&x, false);
}

static void on_sent(void *arg, const struct sim_request *r)
{
	struct engsim *x = arg;
	bool v1 = strstr(r->path, "/v1/pumps"), v2 = strstr(r->path, "/v2/pumps");
	_cleanup_free_ char *patch = NULL;

	if (!r->watch || (!v1 && !v2))
		return;
	patch = xasprintf("{\"spec\":{\"versions\":[{\"name\":\"%s\",\"served\":true,"
			  "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
			  "\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}",
			  v1 ? "v2" : "v1");
	apisim_edit(x->api, "kubectl-edit", CRDS, NULL, PUMPS, patch);
}

static void a_version_that_never_is_where_it_is_told(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	with_pumps(&x, 935, 0, "v1 v2");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	sim_run_for(x.s, 5000);
	sim_set_spy(x.s, &(struct sim_spy){ .sent = on_sent, .arg = &x });
	serve_v2_alone(&x);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 300000);
	assert_in_range(sim_count(x.s, from, "GET", "/pumps"), 3, 100);
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	sim_run_for(x.s, 120000);
	apisim_edit(x.api, "kubectl-edit", PUMPS, "shop", "one", "{\"spec\":{\"size\":\"9\"}}");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":{\"selfHeal\":true}}}}");
	scene_until(&x, is_size_1, LONG, "the edit to be healed");
	scene_end(&x, true);
}

/* A controller that writes what Git writes, too, the moment that we did. */
static void on_served(void *arg, const struct sim_request *r)
{
	struct engsim *x = arg;

	if (r->dry_run || strcmp(r->method, "PATCH") || !strstr(r->path, "/" PUMPS))
		return;
	apisim_edit(x->api, "injector", CRDS, NULL, PUMPS,
		    "{\"spec\":{\"names\":{\"singular\":\"injected\"}}}");
}

static void a_crd_that_is_fought_over_is_applied_once(void **state)
{
	struct engsim x;
	size_t from, crds;

	(void)state;
	with_pumps(&x, 980, 0, "v1");
	sim_set_spy(x.s, &(struct sim_spy){ .served = on_served, .arg = &x });
	from = sim_request_count(x.s);
	scene_put_pumps(&x, "v1 v2", "None");
	scene_put_pump(&x, "v2", "2");
	scene_until(&x, is_size_2, LONG, "the new version");
	crds = scene_answers(&x, from, "PATCH", "/" PUMPS, 200);
	assert_in_range(crds, 2, 3);	/* one of them dry, and a heal's at most */
	sim_run_for(x.s, 1800000);
	crds = scene_answers(&x, from, "PATCH", "/" PUMPS, 200);
	assert_in_range(crds, 2, 20);
	assert_true(scene_has_event(&x, "HealStopped", PUMPS));
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	scene_end(&x, true);
}

/* The write before the pump's own, or NULL. */
static const char *written_before(struct engsim *x)
{
	const char *before = NULL;

	for (size_t i = 0; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);

		if (strstr(q->path, "/pumps/one") && q->write && !q->dry_run)
			return before;
		if (q->write && !q->dry_run && !strstr(q->path, "/leases/") &&
		    !strstr(q->path, "/applications/"))
			before = q->path;
	}
	return NULL;
}

/*
 * Where a pump lives is not known when the release is recorded, and is when its hook is
 * over: another application looked. The record is written anew before the apply.
 */
static void what_was_recorded_lives_elsewhere(void **state)
{
	struct apisim_options o = { .discovery_lag_ms = 20000, .pod_start_ms = 30000 };
	struct engsim x;

	(void)state;
	scene_init(&x, 950);
	apisim_set_options(x.api, &o);
	scene_put_pumps(&x, "v1", "None");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_commit(&x, "pump.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		      "\"Pump\",\"metadata\":{\"name\":\"one\"},\"spec\":{\"size\":\"1\"}}");
	hooks_put(&x, "slow", "PreSync", "1", "");
	sim_run_for(x.s, 10000);
	assert_non_null(hooks_job(&x, "slow"));
	sim_git_commit(x.s, "http://git.sim/repo", "main", "other/tap.yaml",
		       "{\"apiVersion\":\"example.com/v9\",\"kind\":\"Tap\",\"metadata\":{"
		       "\"name\":\"tap\"}}");
	apisim_apply(x.api, "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		     "\"Application\",\"metadata\":{\"name\":\"other\",\"namespace\":\"argocd\"},"
		     "\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":"
		     "\"http://git.sim/repo\",\"path\":\"other\",\"targetRevision\":\"main\"},"
		     "\"destination\":{\"server\":\"https://kubernetes.default.svc\","
		     "\"namespace\":\"shop\"},\"syncPolicy\":{\"automated\":{}}}}");
	scene_until(&x, is_size_1, LONG, "the pump");
	assert_non_null(written_before(&x));
	assert_non_null(strstr(written_before(&x), "/secrets/syncd-state-"));
	engsim_until_phase(&x, "shop", "Good", LONG);
	hooks_end(&x);
}

/* A proxy that has lost its way for a while tells of no object whether it is there. */
static void a_page_of_a_proxy_is_no_word_of_objects(void **state)
{
	static const struct sim_faults lost = { .stray_404 = 1000 };
	struct engsim x;

	(void)state;
	with_pumps(&x, 960, 0, "v1");
	sim_aim_faults(x.s, "GET", "/pumps/one");
	sim_set_faults(x.s, &lost, 0);
	engsim_commit(&x, "pump.yaml", "");
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_pump_size(&x), "1");
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	scene_until(&x, is_gone, LONG, "the prune");
	scene_end(&x, false);
}

/*
 * Somebody else's field of an object that is watched in another version reads as drift:
 * what follows changes nothing, and is no fight.
 */
static void what_others_change_is_no_fight(void **state)
{
	static const char two[] = "{\"apiVersion\":\"example.com/v2\",\"kind\":\"Pump\","
		"\"metadata\":{\"name\":\"two\",\"annotations\":{"
		"\"argocd.argoproj.io/sync-wave\":\"1\"}},\"spec\":{\"size\":\"1\"}}";
	struct engsim x;
	const char *size;

	(void)state;
	with_pumps(&x, 990, 0, "v1 v2");
	engsim_commit(&x, "two.yaml", two);
	sim_run_for(x.s, 60000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	for (int i = 0; i < 8; i++) {
		_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"level\":%d}}", i);

		apisim_edit(x.api, "scaler", PUMPS, "shop", "two", patch);
		sim_run_for(x.s, 40000);
	}
	assert_false(scene_has_event(&x, "HealStopped", ""));
	apisim_edit(x.api, "kubectl-edit", PUMPS, "shop", "two", "{\"spec\":{\"size\":\"9\"}}");
	sim_run_for(x.s, 60000);
	size = doc_get_str(apisim_get(x.api, PUMPS, "shop", "two"), "spec", "size", NULL);
	assert_string_equal(size, "1");
	scene_end(&x, true);
}

/* An API server of several that does not serve the new kind yet: no reason to go back. */
static void the_look_at_a_new_kind_is_tried_again(void **state)
{
	static const struct sim_faults lost = { .stray_404 = 1000 };
	struct engsim x;

	(void)state;
	scene_good(&x, 965);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"retry\":{\"limit\":0}}}}");
	sim_aim_faults(x.s, "GET", "/pumps/one");
	sim_set_faults(x.s, &lost, 0);
	scene_put_pumps(&x, "v1", "None");
	scene_put_pump(&x, "v1", "1");
	for (int i = 0; i < 600 && !sim_faults_happened(x.s).stray_404; i++)
		sim_run_for(x.s, 100);
	assert_int_not_equal(sim_faults_happened(x.s).stray_404, 0);
	sim_run_for(x.s, 4000);
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	scene_until(&x, is_size_1, 10000, "the pump");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_false(sim_log_contains(x.s, "decision=reject"));
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_told_late_is_waited_for),
		cmocka_unit_test(a_kind_told_late_is_waited_for),
		cmocka_unit_test(the_watch_follows_its_kind),
		cmocka_unit_test(a_version_taken_away_by_hand),
		cmocka_unit_test(a_version_dropped_by_another),
		cmocka_unit_test(a_kind_that_is_gone_holds_up_nothing_else),
		cmocka_unit_test(a_version_that_never_is_where_it_is_told),
		cmocka_unit_test(a_crd_that_is_fought_over_is_applied_once),
		cmocka_unit_test(what_was_recorded_lives_elsewhere),
		cmocka_unit_test(a_page_of_a_proxy_is_no_word_of_objects),
		cmocka_unit_test(what_others_change_is_no_fight),
		cmocka_unit_test(the_look_at_a_new_kind_is_tried_again),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
