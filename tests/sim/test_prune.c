/*
 * What leaves Git: it goes when it may, waits for a person when it is much or
 * precious, and never goes when it has moved somewhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"
#include "sync/engine_priv.h"

#define PVC "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\"," \
	"\"metadata\":{\"name\":\"data\"},\"spec\":{\"accessModes\":[" \
	"\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"

#define HOOK "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{" \
	"\"name\":\"before\",\"annotations\":{\"argocd.argoproj.io/hook\":" \
	"\"PreSync\",\"syncd.dev/reversible\":\"true\"}},\"spec\":{\"template\":{" \
	"\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"main\"," \
	"\"image\":\"tools:1\"}]}}}}"

/* ConfigMap `name` into folder/, with these annotations ("" or ",\"a\":\"b\""). */
static void put_map(struct engsim *x, const char *folder, const char *name,
		    const char *notes)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.json", folder, name);
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"annotations\":{"
		"\"x\":\"y\"%s}},\"data\":{\"key\":\"v\"}}", name, notes);

	sim_git_commit(x->s, REPO, "main", path, text);
}

static void take_out(struct engsim *x, const char *folder, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.json", folder, name);

	sim_git_commit(x->s, REPO, "main", path, NULL);
}

static void for_maps(struct engsim *x, size_t n, bool there)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = xasprintf("cm-%zu", i);

		if (there)
			put_map(x, "app", name, "");
		else
			take_out(x, "app", name);
	}
}

static size_t maps(struct engsim *x)
{
	return apisim_count(x->api, "configmaps", "shop");
}

static bool map_is_there(struct engsim *x, const char *name)
{
	return apisim_get(x->api, "configmaps", "shop", name);
}

static size_t deletes(struct engsim *x)
{
	return sim_count(x->s, 0, "DELETE", "/namespaces/shop/");
}

static const json_t *asked(struct engsim *x)
{
	return doc_get(engsim_status(x, "shop"), "syncd", "prune", NULL);
}

static void approve(struct engsim *x, const char *digest)
{
	_cleanup_free_ char *patch = xasprintf("{\"metadata\":{\"annotations\":{"
		"\"syncd.dev/prune-approved\":\"%s\"}}}", digest);

	scene_edit_app(x, patch);
}

static bool asks(void *arg)
{
	return asked(arg);
}

static bool asks_no_more(void *arg)
{
	return !asked(arg);
}

/* 30 ConfigMaps in Git, then none of them. */
static void too_many(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	for_maps(x, 30, true);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	for_maps(x, 30, false);
	scene_put(x, "v2");
	scene_until(x, asks, LONG, "the question");
}

static void too_many_wait_and_hold_up_nothing_else(void **state)
{
	_cleanup_free_ char *since = NULL, *now = NULL;
	struct engsim x;

	(void)state;
	too_many(&x, 1);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v2");
	assert_int_equal(deletes(&x), 0);
	assert_int_equal(doc_get_int(asked(&x), 0, "count", NULL), 30);
	assert_int_equal(json_array_size(doc_get(asked(&x), "objects", NULL)), 30);
	scene_assert_condition(&x, "shop", "PruneHeldWarning", "30 objects that left");
	scene_assert_condition(&x, "shop", "PruneHeldWarning", "syncctl confirm shop");
	assert_null(scene_condition(&x, "shop", "SyncError"));
	since = scene_condition_since(&x, "shop", "PruneHeldWarning");
	scene_drift(&x, "x");
	scene_until_tag(&x, "v2", LONG);	/* healed all the same */
	sim_run_for(x.s, 5000);
	now = scene_condition_since(&x, "shop", "PruneHeldWarning");
	assert_string_equal(now, since);	/* not said anew */
	for_maps(&x, 30, true);	/* a mistake: they come back */
	scene_until(&x, asks_no_more, LONG, "the end of the question");
	sim_run_for(x.s, 20000);
	assert_null(scene_condition(&x, "shop", "PruneHeldWarning"));
	scene_end(&x, true);
}

static void exactly_the_approved_list_goes(void **state)
{
	_cleanup_free_ char *digest = NULL;
	struct engsim x;

	(void)state;
	too_many(&x, 2);
	approve(&x, "yes");
	sim_run_for(x.s, 20000);
	assert_int_equal(deletes(&x), 0);
	digest = xstrdup(doc_get_str(asked(&x), "digest", NULL));
	put_map(&x, "app", "cm-7", "");		/* now it is another list */
	sim_run_for(x.s, 20000);
	approve(&x, digest);
	sim_run_for(x.s, 20000);
	assert_int_equal(deletes(&x), 0);
	assert_int_equal(doc_get_int(asked(&x), 0, "count", NULL), 29);
	free(digest);
	digest = xstrdup(doc_get_str(asked(&x), "digest", NULL));
	approve(&x, digest);
	scene_until(&x, asks_no_more, LONG, "the prune");
	sim_run_for(x.s, 20000);
	assert_int_equal(maps(&x), 1);
	assert_true(map_is_there(&x, "cm-7"));
	assert_null(scene_condition(&x, "shop", "PruneHeldWarning"));
	assert_int_equal(deletes(&x), 29);
	scene_end(&x, false);
}

static bool some_are_gone(void *arg)
{
	return maps(arg) <= 20;
}

/* The rest of an approved list goes after a crash in its middle, and no more. */
static void approval_survives_a_crash(void **state)
{
	struct engsim x;

	(void)state;
	too_many(&x, 3);
	approve(&x, doc_get_str(asked(&x), "digest", NULL));
	scene_until(&x, some_are_gone, LONG, "a part of the prune");
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_int_equal(maps(&x), 0);
	assert_null(asked(&x));
	scene_end(&x, false);
}

/* What is data waits; what is not goes meanwhile. */
static void data_waits_alone(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 4);
	engsim_commit(&x, "data.json", PVC);
	put_map(&x, "app", "old", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_commit(&x, "data.json", NULL);
	take_out(&x, "app", "old");
	scene_until(&x, asks, LONG, "the question");
	sim_run_for(x.s, 30000);
	assert_false(map_is_there(&x, "old"));
	assert_non_null(apisim_get(x.api, "persistentvolumeclaims", "shop", "data"));
	scene_assert_condition(&x, "shop", "PruneHeldWarning",
			       "PersistentVolumeClaim/shop/data");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
					NULL), "OutOfSync");
	approve(&x, doc_get_str(asked(&x), "digest", NULL));
	scene_until(&x, asks_no_more, LONG, "the prune");
	sim_run_for(x.s, 20000);
	assert_null(apisim_get(x.api, "persistentvolumeclaims", "shop", "data"));
	scene_end(&x, false);
}

/* As in Argo CD: a time at or after the deployment, and only for what asks so. */
static void confirmation_is_a_time(void **state)
{
	static const struct { const char *when; bool goes; } cases[] = {
		{ "2025-12-31T23:59:59Z", false }, { "tomorrow", false },
		{ "2026-01-01T01:00:00Z", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *patch = xasprintf("{\"metadata\":{\"annotations\":"
			"{\"argocd.argoproj.io/deletion-approved\":\"%s\"}}}",
			cases[i].when);
		struct engsim x;

		scene_init(&x, 10 + i);
		engsim_commit(&x, "data.json", PVC);
		put_map(&x, "app", "asks", ",\"argocd.argoproj.io/sync-options\":"
			"\"Prune=confirm\"");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		take_out(&x, "app", "asks");
		engsim_commit(&x, "data.json", NULL);
		scene_until(&x, asks, LONG, "the question");
		assert_int_equal(doc_get_int(asked(&x), 0, "count", NULL), 2);
		scene_edit_app(&x, patch);
		sim_run_for(x.s, 30000);
		assert_int_equal(map_is_there(&x, "asks"), !cases[i].goes);
		assert_int_equal(doc_get_int(asked(&x), 0, "count", NULL),
				 cases[i].goes ? 1 : 2);
		assert_non_null(apisim_get(x.api, "persistentvolumeclaims", "shop",
					   "data"));
		scene_end(&x, !cases[i].goes);
	}
}

/* ---- what moves ---- */

static void second_app(struct engsim *x, const char *name)
{
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"source\":{\"path\":"
		"\"%s\"}}}", name);

	engsim_application(x, name, "");
	apisim_edit(x->api, "kubectl", "applications.argoproj.io", "argocd", name,
		    patch);
}

static char *uid_of(struct engsim *x, const char *map)
{
	return xstrdup(doc_get_str(apisim_get(x->api, "configmaps", "shop", map),
				   "metadata", "uid", NULL));
}

static const char *tracked_by(struct engsim *x, const char *map)
{
	const char *id = doc_get_str(apisim_get(x->api, "configmaps", "shop", map),
		"metadata", "annotations", "argocd.argoproj.io/tracking-id", NULL);

	return id ? id : "";
}

static bool is_handed_over(void *arg)
{
	return !strncmp(tracked_by(arg, "moves"), "other:", 6);
}

/* From one application to another in one push: alive, whoever comes first. */
static void moved_object_is_handed_over_alive(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		_cleanup_free_ char *uid = NULL;
		struct engsim x;

		scene_init(&x, 20 + i);
		put_map(&x, "app", "moves", "");
		put_map(&x, "other", "stays", "");
		second_app(&x, "other");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		engsim_until_phase(&x, "other", "Good", LONG);
		uid = uid_of(&x, "moves");
		put_map(&x, "other", "moves", "");
		take_out(&x, "app", "moves");
		if (i % 2) {	/* nobody was there to see it */
			engsim_crash(&x);
			engsim_start(&x);
		}
		scene_until(&x, is_handed_over, LONG, "the handing over");
		sim_run_for(x.s, 60000);
		assert_int_equal(deletes(&x), 0);
		assert_string_equal(doc_get_str(apisim_get(x.api, "configmaps", "shop",
			"moves"), "metadata", "uid", NULL), uid);
		assert_true(engsim_in_phase(&x, "shop", "Good"));
		assert_true(engsim_in_phase(&x, "other", "Good"));
		assert_null(scene_condition(&x, "other", "SharedResourceWarning"));
		take_out(&x, "other", "moves");	/* and it goes with the new one */
		sim_run_for(x.s, 60000);
		assert_false(map_is_there(&x, "moves"));
		scene_end(&x, false);
	}
}

/* Both want it: the second is refused and says so, the first keeps it. */
static void shared_object_is_said_and_left(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 30);
	put_map(&x, "app", "both", "");
	put_map(&x, "other", "stays", "");
	second_app(&x, "other");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_until_phase(&x, "other", "Good", LONG);
	put_map(&x, "other", "both", "");
	sim_run_for(x.s, 60000);
	scene_assert_condition(&x, "other", "SharedResourceWarning",
			       "ConfigMap/shop/both is part of applications other and shop");
	assert_true(!strncmp(tracked_by(&x, "both"), "shop:", 5));
	/* Allowed on purpose: applied once, and no tug of war. */
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "other",
		    "{\"spec\":{\"syncPolicy\":{\"syncOptions\":["
		    "\"FailOnSharedResource=false\"]}}}");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    "{\"spec\":{\"syncPolicy\":{\"syncOptions\":["
		    "\"FailOnSharedResource=false\"]}}}");
	sim_run_for(x.s, 60000);
	assert_true(engsim_in_phase(&x, "other", "Good"));
	{
		size_t from = sim_request_count(x.s);

		sim_run_for(x.s, 120000);
		assert_int_equal(sim_count(x.s, from, "PATCH", "/configmaps/both"), 0);
	}
	/* It leaves one of them: the other still has it. */
	take_out(&x, "app", "both");
	sim_run_for(x.s, 60000);
	assert_true(map_is_there(&x, "both"));
	assert_int_equal(deletes(&x), 0);
	scene_end(&x, true);
}

/* The Application goes with its objects; one of them has moved. */
static void moved_object_outlives_its_application(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 31);
	scene_edit_app(&x, "{\"metadata\":{\"finalizers\":["
		       "\"resources-finalizer.argocd.argoproj.io\"]}}");
	put_map(&x, "app", "moves", "");
	put_map(&x, "other", "stays", "");
	second_app(&x, "other");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_until_phase(&x, "other", "Good", LONG);
	put_map(&x, "other", "moves", "");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, is_handed_over, LONG, "the handing over");
	sim_run_for(x.s, 60000);
	assert_null(apisim_get(x.api, "applications.argoproj.io", "argocd", "shop"));
	assert_string_equal(scene_tag(&x), "");
	assert_true(map_is_there(&x, "moves"));
	assert_false(sim_delete_sent(x.s, "/api/v1/namespaces/shop/configmaps/moves"));
	scene_end(&x, false);
}

/* It lies in the folder that it deploys, and goes all the same. */
static void an_application_that_has_itself_goes(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 35);
	engsim_commit(&x, "shop.yaml", "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		"\"Application\",\"metadata\":{\"name\":\"shop\",\"namespace\":\"argocd\","
		"\"annotations\":{\"argocd.argoproj.io/sync-wave\":\"5\"},\"finalizers\":"
		"[\"resources-finalizer.argocd.argoproj.io\"]},\"spec\":{\"project\":\"default\","
		"\"source\":{\"repoURL\":\"" REPO "\",\"path\":\"app\",\"targetRevision\":"
		"\"main\"},\"destination\":{\"server\":\"https://kubernetes.default.svc\","
		"\"namespace\":\"shop\"},\"syncPolicy\":{\"automated\":{\"prune\":true,"
		"\"selfHeal\":true}}}}");
	put_map(&x, "app", "first", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 60000);
	assert_null(apisim_get(x.api, "applications.argoproj.io", "argocd", "shop"));
	assert_string_equal(scene_tag(&x), "");
	assert_false(map_is_there(&x, "first"));
	scene_end(&x, false);
}

/* ---- what a person did to the live object ---- */

/* text with `word` in the place of its "%s", if it has one. */
static char *with(const char *text, const char *word)
{
	const char *at = strstr(text, "%s");
	struct buf b = BUF_INIT;

	buf_add(&b, text, at ? (size_t)(at - text) : strlen(text));
	buf_adds(&b, at ? word : "");
	buf_adds(&b, at ? at + 2 : "");
	return buf_steal(&b, NULL);
}

static void hands_on_the_live_object_are_respected(void **state)
{
	static const struct { const char *patch; const char *words; } cases[] = {
		{ "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/sync-options\":"
		  "\"Validate=false, Prune=false\"}}}", NULL },
		{ "{\"metadata\":{\"annotations\":{\"helm.sh/resource-policy\":"
		  "\"keep\"}}}", NULL },
		{ "{\"metadata\":{\"annotations\":{\"helm.sh/resource-policy\":"
		  "\"delete, keep \"}}}", NULL },
		{ "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":"
		  "\"ConfigMap\",\"name\":\"stays\",\"uid\":\"%s\"}]}}", NULL },
		{ "{\"metadata\":{\"labels\":{\"syncd.dev/install\":null},"
		  "\"annotations\":{\"argocd.argoproj.io/tracking-id\":null}}}",
		  "is not deleted" },
		{ "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		  "\"else:/ConfigMap:shop/left\"}}}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *uid = NULL, *patch = NULL;
		struct engsim x;

		scene_init(&x, 40 + i);
		put_map(&x, "app", "left", "");
		put_map(&x, "app", "stays", "");
		apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd",
			    "shop", "{\"spec\":{\"syncPolicy\":{\"automated\":{"
			    "\"selfHeal\":false}}}}");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		uid = uid_of(&x, "stays");
		patch = with(cases[i].patch, uid);
		apisim_edit(x.api, "kubectl-edit", "configmaps", "shop", "left", patch);
		take_out(&x, "app", "left");
		sim_run_for(x.s, 90000);
		if (!map_is_there(&x, "left"))
			fail_msg("case %zu: it is gone", i);
		assert_true(engsim_in_phase(&x, "shop", "Good"));
		assert_int_equal(deletes(&x), 0);
		if (cases[i].words)
			assert_true(sim_log_contains(x.s, cases[i].words));
		scene_end(&x, true);
	}
}

/* ---- when ---- */

static bool second_is_there(void *arg)
{
	return map_is_there(arg, "second");
}

/* The port must be free before the new object takes it. */
static void prune_before_comes_before_the_apply(void **state)
{
	struct engsim x;
	size_t from, deleted = 0, applied = 0;

	(void)state;
	scene_init(&x, 50);
	put_map(&x, "app", "first", ",\"syncd.dev/prune\":\"before\"");
	put_map(&x, "app", "late", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	from = sim_request_count(x.s);
	take_out(&x, "app", "first");
	take_out(&x, "app", "late");
	put_map(&x, "app", "second", "");
	scene_until(&x, second_is_there, LONG, "the new object");
	for (size_t i = from; i < sim_request_count(x.s); i++) {
		const struct sim_request *r = sim_request(x.s, i);

		if (!strcmp(r->method, "DELETE") && strstr(r->path, "/configmaps/first"))
			deleted = i;
		if (!strcmp(r->method, "PATCH") && !r->dry_run &&
		    strstr(r->path, "/configmaps/second"))
			applied = i;
	}
	assert_true(deleted && applied && deleted < applied);
	assert_false(map_is_there(&x, "first"));
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 60000);
	assert_false(map_is_there(&x, "late"));
	/* A bad release that pruned so: its revert makes the object again. */
	put_map(&x, "app", "third", ",\"syncd.dev/prune\":\"before\"");
	engsim_until_phase(&x, "shop", "Soaking", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	take_out(&x, "app", "third");
	engsim_commit(&x, "hook.json", HOOK);	/* it goes after the hooks */
	scene_put(&x, "bad");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_true(map_is_there(&x, "third"));
	scene_end(&x, false);
}

static void on_refreshed(void *arg, const struct err *err)
{
	(void)arg;
	assert_int_equal(err->code, ERR_NONE);
}

static void new_kind(struct engsim *x, unsigned i)
{
	_cleanup_free_ char *crd = xasprintf(
		"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
		"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"k%us.example.com\"},"
		"\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\",\"names\":{"
		"\"kind\":\"K%u\",\"plural\":\"k%us\"},\"versions\":[{\"name\":\"v1\","
		"\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
		"\"type\":\"object\"}}}]}}", i, i, i);

	apisim_apply(x->api, crd);
	discovery_refresh(x->engine->discovery, on_refreshed, NULL);
}

static bool extra_is_there(struct engsim *x)
{
	return apisim_get(x->api, "deployments.apps", "shop", "extra");
}

static void prune_among_new_kinds(uint64_t seed)
{
	_cleanup_free_ char *extra = engsim_deployment("extra", "v1", 1);
	struct engsim x;
	size_t from;

	scene_init(&x, seed);
	x.soak_ms = 1500;	/* so long a new kind is on its way */
	engsim_commit(&x, "extra.json", extra);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	take_out(&x, "app", "extra");
	scene_put(&x, "v2");
	from = sim_request_count(x.s);
	for (unsigned i = 0; i < 60000 && extra_is_there(&x); i++) {
		if (i % 5 == 0 && sim_count(x.s, from, "PATCH", "/deployments/"))
			new_kind(&x, i);
		sim_run_for(x.s, 1);
	}
	assert_false(extra_is_there(&x));
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, false);
}

/* What an operation knows of a kind outlives what discovery said of it. */
static void kinds_are_read_anew_all_the_while(void **state)
{
	(void)state;
	for (uint64_t seed = 60; seed < 64; seed++)
		prune_among_new_kinds(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_wait_and_hold_up_nothing_else),
		cmocka_unit_test(exactly_the_approved_list_goes),
		cmocka_unit_test(approval_survives_a_crash),
		cmocka_unit_test(data_waits_alone),
		cmocka_unit_test(confirmation_is_a_time),
		cmocka_unit_test(moved_object_is_handed_over_alive),
		cmocka_unit_test(shared_object_is_said_and_left),
		cmocka_unit_test(moved_object_outlives_its_application),
		cmocka_unit_test(an_application_that_has_itself_goes),
		cmocka_unit_test(hands_on_the_live_object_are_respected),
		cmocka_unit_test(prune_before_comes_before_the_apply),
		cmocka_unit_test(kinds_are_read_anew_all_the_while),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
