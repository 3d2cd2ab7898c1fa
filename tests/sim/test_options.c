/*
 * What an Application and its objects may ask for, in the spelling of Argo CD: each
 * option with it, without it, and what it changes in the requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"

#define CRD(plural, kind, group) "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":" \
	"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"" plural "." group "\"}," \
	"\"spec\":{\"group\":\"" group "\",\"scope\":\"Namespaced\",\"names\":{\"kind\":" \
	"\"" kind "\",\"plural\":\"" plural "\"},\"versions\":[{\"name\":\"v1alpha1\"," \
	"\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":" \
	"\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"

static void set_options(struct engsim *x, const char *options)
{
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"syncPolicy\":{\"syncOptions\":"
					       "[%s]}}}", options);

	scene_edit_app(x, patch);
}

static void put_map(struct engsim *x, const char *name, const char *value,
		    const char *notes)
{
	_cleanup_free_ char *file = xasprintf("%s.json", name);
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"annotations\":{\"x\":\"y\"%s}},"
		"\"data\":{\"key\":\"%s\"}}", name, notes, value);

	engsim_commit(x, file, text);
}

static const json_t *map_of(struct engsim *x, const char *name)
{
	return apisim_get(x->api, "configmaps", "shop", name);
}

/* ---- SkipDryRunOnMissingResource ---- */

#define GIZMO "{\"apiVersion\":\"example.com/v1alpha1\",\"kind\":\"Gizmo\",\"metadata\":{" \
	"\"name\":\"g\",\"annotations\":{\"argocd.argoproj.io/sync-wave\":\"3\"%s}}}"

static bool is_v2(void *arg)
{
	return !strcmp(scene_tag(arg), "v2");
}

static bool gizmo_is_there(void *arg)
{
	return apisim_get(((struct engsim *)arg)->api, "gizmos.example.com", "shop", "g");
}

/* Its CRD is brought by what an earlier wave starts, as an operator does. */
static void a_kind_that_comes_with_an_earlier_wave(void **state)
{
	static const struct { const char *of_app, *of_object; } cases[] = {
		{ "", "" },
		{ "\"SkipDryRunOnMissingResource=true\"", "" },
		{ "", ",\"argocd.argoproj.io/sync-options\":"
		  "\"SkipDryRunOnMissingResource=true\"" },
		{ "\"SkipDryRunOnMissingResource=false\"", "" },
		{ "\"skipDryRunOnMissingResource=true\"", "" },	/* not the exact spelling */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *gizmo = xasprintf(GIZMO, cases[i].of_object);
		struct apisim_options o = { .pod_start_ms = 6000 };
		struct engsim x;

		scene_good(&x, 3000 + i);
		apisim_set_options(x.api, &o);
		set_options(&x, cases[i].of_app);
		engsim_commit(&x, "gizmo.json", gizmo);
		scene_put(&x, "v2");
		if (i == 1 || i == 2) {
			scene_until(&x, is_v2, LONG, "the Deployment's wave");
			assert_int_equal(sim_count(x.s, 0, "PATCH", "/gizmos"), 0);
			apisim_apply(x.api, CRD("gizmos", "Gizmo", "example.com"));
			scene_until(&x, gizmo_is_there, LONG, "wave 3");
			engsim_until_phase(&x, "shop", "Good", LONG);
			assert_string_equal(scene_tag(&x), "v2");
		} else {
			engsim_until_phase(&x, "shop", "Pinned", LONG);
			assert_string_equal(scene_tag(&x), "v1");
			scene_assert_condition(&x, "shop", "SyncError",
					       "does not serve kind Gizmo");
		}
		scene_end(&x, true);
	}
}

/* ---- PrunePropagationPolicy ---- */

/* How the DELETE of that ConfigMap asked for what it owns to be treated; owned. */
static char *policy_asked(struct engsim *x, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/namespaces/shop/configmaps/%s", name);

	for (size_t i = 0; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);
		_cleanup_json_ json_t *options = NULL;
		struct err err = ERR_INIT;

		if (strcmp(r->method, "DELETE") || !strstr(r->path, path))
			continue;
		options = doc_parse(r->body, strlen(r->body), &err);
		assert_non_null(options);
		assert_non_null(doc_get_str(options, "preconditions", "uid", NULL));
		return xstrdup(doc_get_str(options, "propagationPolicy", NULL));
	}
	return xstrdup("no DELETE");
}

/* Something of somebody's, owned by that ConfigMap. */
static void give_child(struct engsim *x, const char *owner)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"child\",\"namespace\":\"shop\",\"ownerReferences\":"
		"[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"%s\",\"uid\":\"%s\","
		"\"blockOwnerDeletion\":true}]}}", owner,
		doc_get_str(map_of(x, owner), "metadata", "uid", NULL));

	apisim_apply(x->api, text);
}

static bool has_gone(void *arg)
{
	return !map_of(arg, "owner");
}

static void what_a_pruned_object_owns(void **state)
{
	static const struct { const char *option, *want; bool stays; } cases[] = {
		{ "", "Foreground", false },
		{ "\"PrunePropagationPolicy=foreground\"", "Foreground", false },
		{ "\"PrunePropagationPolicy=background\"", "Background", false },
		{ "\"PrunePropagationPolicy=orphan\"", "Orphan", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *asked = NULL;
		struct engsim x;

		scene_init(&x, 3010 + i);
		put_map(&x, "owner", "v1", "");
		set_options(&x, cases[i].option);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		give_child(&x, "owner");
		engsim_commit(&x, "owner.json", NULL);
		scene_until(&x, has_gone, LONG, "the prune");
		sim_run_for(x.s, 10000);
		asked = policy_asked(&x, "owner");
		assert_string_equal(asked, cases[i].want);
		assert_int_equal(!!map_of(&x, "child"), cases[i].stays);
		if (cases[i].stays)
			assert_int_equal(json_array_size(doc_get(map_of(&x, "child"),
				"metadata", "ownerReferences", NULL)), 0);
		scene_end(&x, false);
	}
}

/* The operation's own options come before the spec's. */
static void a_persons_sync_may_say_otherwise(void **state)
{
	_cleanup_free_ char *asked = NULL;
	struct engsim x;

	(void)state;
	scene_init(&x, 3020);
	put_map(&x, "owner", "v1", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null,\"syncOptions\":["
		       "\"PrunePropagationPolicy=background\"]}}}");
	engsim_commit(&x, "owner.json", NULL);
	ask_sync(&x, "\"prune\":true,\"syncOptions\":[\"PrunePropagationPolicy=orphan\"]");
	scene_until(&x, has_gone, LONG, "the prune");
	asked = policy_asked(&x, "owner");
	assert_string_equal(asked, "Orphan");
	scene_end(&x, false);
}

/* ---- PruneLast ---- */

static size_t first_request(struct engsim *x, size_t from, const char *method,
			    const char *path)
{
	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);

		if (!strcmp(r->method, method) && strstr(r->path, path) && !r->dry_run)
			return i;
	}
	return SIZE_MAX;
}

static bool is_pruned(void *arg)
{
	return !map_of(arg, "old");
}

/* true is how it is here anyway: after the soak. false: before the first apply. */
static void first_or_last(void **state)
{
	static const struct { const char *of_app, *of_object; bool early; } cases[] = {
		{ "", "", false },
		{ "\"PruneLast=true\"", "", false },
		{ "\"PruneLast=false\"", "", true },
		{ "", ",\"argocd.argoproj.io/sync-options\":\"PruneLast=true\"", false },
		{ "", ",\"argocd.argoproj.io/sync-options\":\"PruneLast=false\"", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t from, deleted, applied;
		struct engsim x;

		scene_init(&x, 3030 + i);
		x.soak_ms = 30000;
		put_map(&x, "old", "v1", cases[i].of_object);
		set_options(&x, cases[i].of_app);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		from = sim_request_count(x.s);
		engsim_commit(&x, "old.json", NULL);
		scene_put(&x, "v2");
		engsim_until_phase(&x, "shop", "Soaking", LONG);
		assert_int_equal(!map_of(&x, "old"), cases[i].early);
		scene_until(&x, is_pruned, LONG, "the prune");
		engsim_until_phase(&x, "shop", "Good", LONG);
		deleted = first_request(&x, from, "DELETE", "/configmaps/old");
		applied = first_request(&x, from, "PATCH", "/deployments/web");
		assert_true(deleted != SIZE_MAX && applied != SIZE_MAX);
		assert_int_equal(deleted < applied, cases[i].early);
		scene_end(&x, false);
	}
}

/* ---- an autoscaler's replicas ---- */

#define KEDA CRD("scaledobjects", "ScaledObject", "keda.sh")

/* Deployment "web" of that image; replicas as JSON, "" for none. */
static void put_web(struct engsim *x, const char *tag, const char *replicas)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{%s\"selector\":{"
		"\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{"
		"\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
		"\"registry.example/web:%s\"}]}}}}", replicas, tag);

	engsim_commit(x, "web.yaml", text);
}

static int64_t replicas(struct engsim *x)
{
	return doc_get_int(apisim_get(x->api, "deployments.apps", "shop", "web"), -1,
			   "spec", "replicas", NULL);
}

static bool is_scaled_v2(void *arg)
{
	const json_t *c = json_array_get(doc_get(apisim_get(((struct engsim *)arg)->api,
		"deployments.apps", "shop", "web"), "spec", "template", "spec",
		"containers", NULL), 0);
	const char *image = doc_get_str(c, "image", NULL);

	return image && strstr(image, ":v2");
}

/* A ScaledObject that names no kind means a Deployment, as in KEDA. */
static void a_scaled_objects_replicas_are_left_alone(void **state)
{
	static const char *const targets[] = {
		"\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"web\"",
		"\"name\":\"web\"",
		"\"name\":\"another\"",
		NULL,	/* no KEDA at all */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		_cleanup_free_ char *scaler = !targets[i] ? NULL : xasprintf("{\"apiVersion\":"
			"\"keda.sh/v1alpha1\",\"kind\":\"ScaledObject\",\"metadata\":{"
			"\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{"
			"\"scaleTargetRef\":{%s},\"maxReplicaCount\":9}}", targets[i]);
		struct engsim x;

		scene_init(&x, 3040 + i);
		if (i == 1)
			apisim_apply(x.api, KEDA);
		put_web(&x, "v1", "\"replicas\":3,");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		/* But for one case KEDA comes after us. */
		if (scaler && i != 1)
			apisim_apply(x.api, KEDA);
		sim_run_for(x.s, 10000);
		if (scaler)
			apisim_apply(x.api, scaler);
		put_web(&x, "v2", "");	/* from now on they are KEDA's */
		scene_until(&x, is_scaled_v2, LONG, "v2");
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_int_equal(replicas(&x), i < 2 ? 3 : 1);
		apisim_edit(x.api, "keda", "deployments.apps", "shop", "web",
			    "{\"spec\":{\"replicas\":7}}");	/* or anybody */
		sim_run_for(x.s, 10 * MINUTES);
		assert_int_equal(replicas(&x), 7);
		assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
						NULL), "Synced");
		scene_end(&x, true);
	}
}

/* ---- the Application's own ---- */

static void a_skipped_application_is_left_alone(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 3050);
	ask_annotate(&x, "argocd.argoproj.io/skip-reconcile", "\"true\"");
	sim_run_for(x.s, 5000);
	from = sim_request_count(x.s);
	scene_put(&x, "v2");
	scene_drift(&x, "v9");
	sim_run_for(x.s, 10 * MINUTES);
	assert_string_equal(scene_tag(&x), "v9");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	ask_annotate(&x, "argocd.argoproj.io/skip-reconcile", "null");
	scene_until(&x, is_v2, LONG, "v2");
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

#define SHUT "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"AppProject\"," \
	"\"metadata\":{\"name\":\"default\",\"namespace\":\"argocd\"},\"spec\":{" \
	"\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\",\"namespace\":\"*\"}]," \
	"\"clusterResourceWhitelist\":[{\"group\":\"*\",\"kind\":\"*\"}],\"syncWindows\":[{" \
	"\"kind\":\"deny\",\"schedule\":\"0 0 * * *\",\"duration\":\"1h\",\"applications\":" \
	"[\"*\"]}]}}"

static bool is_terminated(void *arg)
{
	return strstr(ask_op(arg, "message"), "Operation terminated") &&
	       !strcmp(ask_op(arg, "phase"), "Failed");
}

/* Who ends something needs no open window. */
static void a_shut_window_keeps_nobody_from_terminating(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 3060);
	scene_put(&x, "noready-2");
	scene_until(&x, ask_is_settling, LONG, "settling");
	apisim_apply(x.api, SHUT);
	sim_run_for(x.s, 5000);
	from = sim_request_count(x.s);
	scene_edit_app(&x, "{\"status\":{\"operationState\":{\"phase\":\"Terminating\"}}}");
	scene_until(&x, is_terminated, 20000, "the end");
	assert_non_null(strstr(ask_syncd(&x, "window"), "opens at"));
	sim_run_for(x.s, 10 * MINUTES);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	assert_string_equal(ask_op(&x, "phase"), "Failed");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_that_comes_with_an_earlier_wave),
		cmocka_unit_test(what_a_pruned_object_owns),
		cmocka_unit_test(a_persons_sync_may_say_otherwise),
		cmocka_unit_test(first_or_last),
		cmocka_unit_test(a_scaled_objects_replicas_are_left_alone),
		cmocka_unit_test(a_skipped_application_is_left_alone),
		cmocka_unit_test(a_shut_window_keeps_nobody_from_terminating),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
