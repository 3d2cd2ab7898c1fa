/*
 * Hooks on good days: their order, what stays in the cluster, what runs none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

/* ---- order and success ---- */

static void before_and_after_a_release(void **state)
{
	struct engsim x;
	const json_t *s;
	size_t quiet;

	(void)state;
	scene_init(&x, 1);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_put(&x, "smoke", "PostSync", "1", "");
	hooks_put(&x, "alarm", "SyncFail", "1", "");
	hooks_put(&x, "later", "Whatever", "1", "");
	hooks_start(&x);
	/* It had ended when the release was applied; the test came after the pods. */
	hooks_assert_before(&x, "/jobs/migrate", true, "/deployments/web");
	hooks_assert_before(&x, "/deployments/web", true, "/jobs/smoke");
	assert_null(hooks_job(&x, "alarm"));
	assert_null(hooks_job(&x, "later"));
	hooks_assert_result(&x, "migrate", "PreSync", "Synced", "Succeeded");
	hooks_assert_result(&x, "smoke", "PostSync", "Synced", "Succeeded");
	scene_assert_condition(&x, "shop", "ExcludedResourceWarning", "later (Whatever)");
	s = engsim_status(&x, "shop");
	assert_string_equal(doc_get_str(s, "sync", "status", NULL), "Synced");
	assert_string_equal(doc_get_str(s, "health", "status", NULL), "Healthy");
	assert_string_equal(doc_get_str(s, "operationState", "phase", NULL), "Succeeded");
	/* Quiet, also when somebody takes the hooks away. */
	apisim_delete(x.api, "jobs.batch", "shop", "migrate");
	sim_run_for(x.s, 5000);
	quiet = sim_request_count(x.s);
	sim_run_for(x.s, 60000);
	assert_int_equal(sim_writes(x.s, quiet) -
			 sim_count(x.s, quiet, "PUT", "/leases/"), 0);
	assert_null(hooks_job(&x, "migrate"));
	hooks_end(&x);
}

static void waves_and_kinds_of_a_phase(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 2);
	hooks_put(&x, "second", "PreSync", "1", ",\"argocd.argoproj.io/sync-wave\":\"1\"");
	hooks_put(&x, "first", "PreSync", "1", ",\"argocd.argoproj.io/sync-wave\":\"-1\"");
	hooks_put(&x, "weighed", "pre", "1", ",\"helm.sh/hook\":\"pre-upgrade\","
		"\"helm.sh/hook-weight\":\"5\"");
	engsim_commit(&x, "conf.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"conf\",\"annotations\":{\"argocd.argoproj."
		      "io/hook\":\"PreSync\",\"argocd.argoproj.io/sync-wave\":\"1\"}}}");
	hooks_start(&x);
	hooks_assert_before(&x, "/jobs/first", true, "/configmaps/conf");
	hooks_assert_before(&x, "/configmaps/conf", false, "/jobs/second");
	hooks_assert_before(&x, "/jobs/second", true, "/jobs/weighed");
	hooks_assert_before(&x, "/jobs/weighed", true, "/deployments/web");
	assert_false(hooks_held(apisim_get(x.api, "configmaps", "shop", "conf")));
	hooks_end(&x);
}

/* In the wave of their own: configuration before its objects, Jobs after them. */
static void sync_hooks_are_part_of_their_wave(void **state)
{
	_cleanup_free_ char *late = engsim_configmap("late", "x", 9);
	_cleanup_free_ char *mid = engsim_configmap("mid", "x", 3);
	struct engsim x;

	(void)state;
	scene_init(&x, 3);
	hooks_put(&x, "index", "Sync", "1", ",\"argocd.argoproj.io/sync-wave\":\"2\"");
	hooks_put(&x, "alone", "Sync", "1", ",\"argocd.argoproj.io/sync-wave\":\"5\"");
	hooks_put(&x, "last", "Sync", "1", ",\"argocd.argoproj.io/sync-wave\":\"11\"");
	engsim_commit(&x, "conf.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"conf\",\"annotations\":{\"argocd.argoproj."
		      "io/hook\":\"Sync\",\"argocd.argoproj.io/sync-wave\":\"2\"}}}");
	engsim_commit(&x, "mid.yaml", mid);
	engsim_commit(&x, "late.yaml", late);
	hooks_start(&x);
	hooks_assert_before(&x, "/configmaps/conf", false, "/deployments/web");
	hooks_assert_before(&x, "/deployments/web", true, "/jobs/index");
	hooks_assert_before(&x, "/jobs/index", true, "/configmaps/mid");
	hooks_assert_before(&x, "/configmaps/mid", true, "/jobs/alone");
	hooks_assert_before(&x, "/jobs/alone", true, "/configmaps/late");
	hooks_assert_before(&x, "/configmaps/late", true, "/jobs/last");
	hooks_assert_result(&x, "last", "Sync", "Synced", "Succeeded");
	hooks_end(&x);
}

/* An application of nothing but hooks. */
static void only_hooks(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 4);
	hooks_put(&x, "one", "Sync", "1", "");
	hooks_put(&x, "two", "PostSync", "1", "");
	engsim_application(&x, "shop", "");
	hooks_start(&x);
	hooks_assert_before(&x, "/jobs/one", true, "/jobs/two");
	hooks_end(&x);
}

/* ---- what hooks need, in the same release ---- */

#define HOOK_IN(ns, name, phase, wave)                                                  \
	"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"" name      \
	"\",\"namespace\":\"" ns "\",\"annotations\":{\"argocd.argoproj.io/hook\":\"" phase   \
	"\",\"argocd.argoproj.io/sync-wave\":\"" wave "\"}},\"spec\":{\"backoffLimit\":0,"  \
	"\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":"   \
	"\"x\",\"image\":\"tools:1\"}]}}}}"
#define NAMESPACE(name, wave)                                                           \
	"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"" name        \
	"\",\"annotations\":{\"argocd.argoproj.io/sync-wave\":\"" wave "\"}}}"

/* The first deploy: its Namespace is in the release, and a PreSync hook lies in it. */
static void their_namespace_is_made_first(void **state)
{
	_cleanup_free_ char *first = engsim_configmap("first", "x", -3);
	struct engsim x;

	(void)state;
	scene_init(&x, 31);
	engsim_commit(&x, "ns.yaml", NAMESPACE("fresh", "2"));
	engsim_commit(&x, "migrate.yaml", HOOK_IN("fresh", "migrate", "PreSync", "0"));
	engsim_commit(&x, "first.yaml", first);
	hooks_start(&x);
	hooks_assert_before(&x, "/namespaces/fresh", false, "/jobs/migrate");
	hooks_assert_before(&x, "/jobs/migrate", true, "/configmaps/first");
	hooks_assert_before(&x, "/configmaps/first", true, "/deployments/web");
	hooks_assert_result(&x, "migrate", "PreSync", "Synced", "Succeeded");
	hooks_end(&x);
}

/* A Sync hook in a wave before that of its Namespace; one after it changes nothing. */
static void a_namespace_comes_with_the_wave_of_its_hook(void **state)
{
	_cleanup_free_ char *low = engsim_configmap("low", "x", -5);
	struct engsim x;

	(void)state;
	scene_init(&x, 32);
	engsim_commit(&x, "ns.yaml", NAMESPACE("fresh", "2"));
	engsim_commit(&x, "other.yaml", NAMESPACE("other", "5"));
	engsim_commit(&x, "index.yaml", HOOK_IN("fresh", "index", "Sync", "-2"));
	engsim_commit(&x, "after.yaml", HOOK_IN("other", "after", "PostSync", "-2"));
	engsim_commit(&x, "low.yaml", low);
	hooks_start(&x);
	hooks_assert_before(&x, "/configmaps/low", true, "/namespaces/fresh");
	hooks_assert_before(&x, "/namespaces/fresh", false, "/jobs/index");
	hooks_assert_before(&x, "/jobs/index", true, "/deployments/web");
	hooks_assert_before(&x, "/deployments/web", true, "/namespaces/other");
	hooks_assert_before(&x, "/namespaces/other", false, "/jobs/after");
	hooks_end(&x);
}

/* A release of nothing but that: the wave before the hooks is the last one. */
static void only_a_namespace_and_its_hook(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 33);
	engsim_commit(&x, "ns.yaml", NAMESPACE("fresh", "0"));
	engsim_commit(&x, "migrate.yaml", HOOK_IN("fresh", "migrate", "PreSync", "0"));
	engsim_commit(&x, "smoke.yaml", HOOK_IN("fresh", "smoke", "PostSync", "0"));
	engsim_application(&x, "shop", "");
	hooks_start(&x);
	hooks_assert_before(&x, "/namespaces/fresh", false, "/jobs/migrate");
	hooks_assert_before(&x, "/jobs/migrate", true, "/jobs/smoke");
	hooks_end(&x);
}

/* A PreSync hook of a kind that the release brings: it is learnt before the hook. */
static void their_kind_is_made_first(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 34);
	engsim_commit(&x, "crd.yaml", "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
		"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"backups.example.com\"},"
		"\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\",\"names\":{\"kind\":"
		"\"Backup\",\"plural\":\"backups\"},\"versions\":[{\"name\":\"v1\",\"served\":"
		"true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
		"\"x-kubernetes-preserve-unknown-fields\":true}}}]}}");
	engsim_commit(&x, "backup.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		"\"Backup\",\"metadata\":{\"name\":\"before\",\"annotations\":{\"argocd."
		"argoproj.io/hook\":\"PreSync\"}},\"spec\":{\"of\":\"all\"}}");
	hooks_start(&x);
	hooks_assert_before(&x, "/backups.example.com", false, "/backups/before");
	hooks_assert_before(&x, "/backups/before", true, "/deployments/web");
	hooks_end(&x);
}

/* Hooks of a wave are made among its objects, each where its kind has its place. */
static void kinds_have_one_order(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 35);
	engsim_commit(&x, "fresh.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
		      "\"metadata\":{\"name\":\"fresh\"}}");
	engsim_commit(&x, "acct.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\","
		      "\"metadata\":{\"name\":\"acct\"}}");
	engsim_commit(&x, "note.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"note\",\"namespace\":\"fresh\",\"annotations\":"
		      "{\"argocd.argoproj.io/hook\":\"Sync\"}}}");
	engsim_commit(&x, "svc.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":"
		      "{\"name\":\"svc\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
	engsim_commit(&x, "late.yaml", "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":"
		      "\"IngressClass\",\"metadata\":{\"name\":\"late\"},\"spec\":{\"controller\":"
		      "\"example.com/x\"}}");
	hooks_put(&x, "index", "Sync", "1", "");
	hooks_start(&x);
	hooks_assert_before(&x, "/namespaces/fresh", false, "/serviceaccounts/acct");
	hooks_assert_before(&x, "/serviceaccounts/acct", false, "/configmaps/note");
	hooks_assert_before(&x, "/configmaps/note", false, "/services/svc");
	hooks_assert_before(&x, "/services/svc", false, "/jobs/index");
	hooks_assert_before(&x, "/jobs/index", false, "/ingressclasses/late");
	hooks_end(&x);
}

/* ---- what is left in the cluster ---- */

static void policies_say_what_stays(void **state)
{
	static const char key[] = ",\"argocd.argoproj.io/hook-delete-policy\":";
	_cleanup_free_ char *succeeded = xasprintf("%s\"HookSucceeded\"", key);
	_cleanup_free_ char *failed = xasprintf("%s\"HookFailed\"", key);
	_cleanup_free_ char *never = xasprintf("%s\"Never\"", key);
	_cleanup_free_ char *before = NULL, *kept = NULL, *again = NULL;
	struct engsim x;

	(void)state;
	scene_init(&x, 5);
	hooks_put(&x, "default", "PreSync", "1", "");
	hooks_put(&x, "succeeded", "PreSync", "1", succeeded);
	hooks_put(&x, "failed", "PreSync", "1", failed);
	hooks_put(&x, "never", "PreSync", "1", never);
	hooks_put(&x, "gen-", "PostSync", "1", "");
	hooks_start(&x);
	assert_null(hooks_job(&x, "succeeded"));
	assert_non_null(hooks_job(&x, "failed"));
	before = xstrdup(hooks_uid(&x, "default"));
	kept = xstrdup(hooks_uid(&x, "never"));
	again = xstrdup(hooks_uid(&x, "failed"));
	assert_non_null(apisim_nth(x.api, "jobs.batch", "shop", "gen-", 0));
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 3000);
	assert_non_null(hooks_job(&x, "default"));
	assert_string_not_equal(hooks_uid(&x, "default"), before);
	/* A policy that nobody knows is none, as in Argo CD: the default counts. */
	assert_string_not_equal(hooks_uid(&x, "never"), kept);
	assert_string_equal(hooks_uid(&x, "failed"), again);
	assert_null(hooks_job(&x, "succeeded"));
	/* Made names are new ones each time; the older stay, as in Argo CD. */
	assert_non_null(apisim_nth(x.api, "jobs.batch", "shop", "gen-", 1));
	assert_null(apisim_nth(x.api, "jobs.batch", "shop", "gen-", 2));
	hooks_end(&x);
}

static void one_object_in_two_phases(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 6);
	hooks_put(&x, "both", "PreSync,PostSync", "1", "");
	hooks_start(&x);
	hooks_assert_result(&x, "both", "PreSync", "Synced", "Succeeded");
	hooks_assert_result(&x, "both", "PostSync", "Synced", "Succeeded");
	assert_int_equal(sim_count(x.s, 0, "DELETE", "/jobs/both"), 1);
	hooks_end(&x);
}

static void a_made_name_is_argo_cds(void **state)
{
	const char *name, *tracking;
	struct engsim x;

	(void)state;
	scene_init(&x, 7);
	hooks_put(&x, "gen-", "PreSync", "1", "");
	hooks_start(&x);
	name = doc_get_str(apisim_nth(x.api, "jobs.batch", "shop", "gen-", 0),
			   "metadata", "name", NULL);
	assert_non_null(strstr(name, "-presync-17"));
	tracking = doc_get_str(hooks_job(&x, name), "metadata", "annotations",
			       "argocd.argoproj.io/tracking-id", NULL);
	assert_non_null(strstr(tracking, name));
	hooks_end(&x);
}

/* Nobody's object is not deleted for a hook; another application's is not touched. */
static void others_objects_are_safe(void **state)
{
	static const char mine[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"conf\",\"annotations\":{\"argocd.argoproj.io/"
		"hook\":\"PreSync\"}},\"data\":{\"a\":\"hook\"}}";
	_cleanup_free_ char *uid = NULL;
	struct engsim x;

	(void)state;
	scene_init(&x, 8);
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
		     "{\"name\":\"conf\",\"namespace\":\"shop\"},\"data\":{\"b\":\"theirs\"}}");
	uid = xstrdup(doc_get_str(apisim_get(x.api, "configmaps", "shop", "conf"),
				  "metadata", "uid", NULL));
	engsim_commit(&x, "conf.yaml", mine);
	hooks_start(&x);
	assert_string_equal(doc_get_str(apisim_get(x.api, "configmaps", "shop", "conf"),
					"metadata", "uid", NULL), uid);
	assert_string_equal(doc_get_str(apisim_get(x.api, "configmaps", "shop", "conf"),
					"data", "a", NULL), "hook");
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
		     "{\"name\":\"fence\",\"namespace\":\"shop\",\"annotations\":{\"argocd."
		     "argoproj.io/tracking-id\":\"other:/ConfigMap:shop/fence\"}}}");
	engsim_commit(&x, "fence.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"fence\",\"annotations\":{\"argocd.argoproj."
		      "io/hook\":\"PreSync\"}}}");
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "another application");
	assert_string_equal(scene_tag(&x), "v1");
	hooks_end(&x);
}

/* ---- what runs no hooks, and what ends them ---- */

static void heals_run_no_hooks(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 20);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_put(&x, "smoke", "PostSync", "1", "");
	hooks_start(&x);
	from = sim_request_count(x.s);
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", 30000);
	sim_run_for(x.s, 10000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/jobs/"), 0);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/jobs/"), 0);
	hooks_end(&x);
}

static void chosen_resources_run_no_hooks(void **state)
{
	static const struct { const char *sync; bool hooks; } rows[] = {
		{ "{}", true },
		{ "{\"syncStrategy\":{\"hook\":{}}}", true },
		{ "{\"syncStrategy\":{\"apply\":{}}}", false },
		{ "{\"resources\":[{\"kind\":\"Deployment\",\"group\":\"apps\","
		  "\"name\":\"web\"}]}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *ask = xasprintf("{\"operation\":{\"sync\":%s}}",
						     rows[i].sync);
		struct engsim x;
		size_t from;

		scene_init(&x, 21 + i);
		hooks_put(&x, "migrate", "PreSync", "1", "");
		hooks_start(&x);
		from = sim_request_count(x.s);
		scene_edit_app(&x, ask);
		sim_run_for(x.s, 30000);
		if ((sim_count(x.s, from, "PATCH", "/jobs/") > 0) != rows[i].hooks) {
			sim_dump(x.s);
			fail_msg("%s", rows[i].sync);
		}
		hooks_end(&x);
	}
}

static bool smoke_runs(void *arg)
{
	struct engsim *x = arg;

	return hooks_job(x, "smoke") && hooks_held(hooks_job(x, "smoke"));
}

/* A running hook is let end; then the newer commit goes on. */
static void superseded_while_a_hook_runs(void **state)
{
	struct apisim_options slow = { .pod_start_ms = 15000 };
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 30);
	hooks_start(&x);
	apisim_set_options(x.api, &slow);
	hooks_put(&x, "smoke", "PreSync", "1", "");
	scene_until(&x, smoke_runs, 40000, "the hook runs");
	from = sim_request_count(x.s);
	apisim_set_options(x.api, &(struct apisim_options){ 0 });
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	/* deleted once: for the next one, when it had ended */
	assert_int_equal(scene_answers(&x, from, "DELETE", "/jobs/smoke", 200), 1);
	hooks_end(&x);
}

static bool migration_is_held(void *arg)
{
	return hooks_held(hooks_job(arg, "migrate"));
}

/* A release made it an object like others before the operation that ran it was over. */
static void one_that_became_an_object_stays(void **state)
{
	_cleanup_free_ char *uid = NULL;
	struct engsim x;

	(void)state;
	scene_init(&x, 60);
	hooks_put_project(&x, "");
	scene_edit_app(&x, "{\"spec\":{\"project\":\"team\",\"syncPolicy\":{\"retry\":{"
		       "\"limit\":9}}}}");
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "noready", "");
	scene_until(&x, migration_is_held, LONG, "it runs");
	sim_run_for(x.s, 3000);
	uid = xstrdup(hooks_uid(&x, "migrate"));
	engsim_crash(&x);
	scene_narrow(&x);
	engsim_start(&x);
	scene_until(&x, scene_in_trouble, LONG, "in trouble");
	engsim_commit(&x, "migrate.yaml", "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\","
		"\"metadata\":{\"name\":\"migrate\"},\"spec\":{\"backoffLimit\":0,\"template\":{"
		"\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"x\","
		"\"image\":\"tools:noready\"}]}}}}");
	sim_run_for(x.s, 60000);
	scene_widen(&x);
	sim_run_for(x.s, 120000);
	assert_false(migration_is_held(&x));
	assert_string_equal(hooks_uid(&x, "migrate"), uid);
	hooks_end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_and_after_a_release),
		cmocka_unit_test(waves_and_kinds_of_a_phase),
		cmocka_unit_test(sync_hooks_are_part_of_their_wave),
		cmocka_unit_test(only_hooks),
		cmocka_unit_test(their_namespace_is_made_first),
		cmocka_unit_test(a_namespace_comes_with_the_wave_of_its_hook),
		cmocka_unit_test(only_a_namespace_and_its_hook),
		cmocka_unit_test(their_kind_is_made_first),
		cmocka_unit_test(kinds_have_one_order),
		cmocka_unit_test(policies_say_what_stays),
		cmocka_unit_test(one_object_in_two_phases),
		cmocka_unit_test(a_made_name_is_argo_cds),
		cmocka_unit_test(others_objects_are_safe),
		cmocka_unit_test(heals_run_no_hooks),
		cmocka_unit_test(chosen_resources_run_no_hooks),
		cmocka_unit_test(superseded_while_a_hook_runs),
		cmocka_unit_test(one_that_became_an_object_stays),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
