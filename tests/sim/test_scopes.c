/* Kinds of which it is known only once their CRD is there whether they live in namespaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define GEARS "gears.example.com"
#define ANYWHERE "\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\"," \
	"\"namespace\":\"*\"}]"
#define GEAR(ns, size) "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Gear\",\"metadata\":{" \
	"\"name\":\"one\"" ns "},\"spec\":{\"size\":\"" size "\"}}\n"
#define IN(ns) ",\"namespace\":\"" ns "\""

/* The CRD of kind Gear, which is the whole cluster's. */
static void put_crd(struct engsim *x)
{
	engsim_commit(x, "crd.yaml", "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
		"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"" GEARS "\"},"
		"\"spec\":{\"group\":\"example.com\",\"names\":{\"kind\":\"Gear\","
		"\"plural\":\"gears\",\"singular\":\"gear\",\"listKind\":\"GearList\"},"
		"\"scope\":\"Cluster\",\"versions\":[{\"name\":\"v1\",\"served\":true,"
		"\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
		"\"x-kubernetes-preserve-unknown-fields\":true}}}],\"conversion\":{"
		"\"strategy\":\"None\"}}}");
}

static const char *size_of(struct engsim *x)
{
	const char *s = doc_get_str(apisim_get(x->api, GEARS, "", "one"), "spec", "size",
				    NULL);

	return s ? s : "";
}

static const char *sync_of(struct engsim *x)
{
	const char *s = doc_get_str(apisim_get(x->api, "applications.argoproj.io", "argocd",
					       "shop"), "status", "sync", "status", NULL);

	return s ? s : "";
}

static bool is_there(void *arg)
{
	return *size_of(arg);
}

static bool is_said(void *arg)
{
	return scene_condition(arg, "shop", "SyncError");
}

/* Written with a namespace it passed for one of a namespace, which the project allows. */
static void the_fence_is_asked_again_when_the_scope_is_known(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 970);
	apisim_apply(x.api, "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"AppProject\","
		     "\"metadata\":{\"name\":\"team\",\"namespace\":\"argocd\"},\"spec\":{"
		     ANYWHERE ",\"clusterResourceWhitelist\":[{\"group\":"
		     "\"apiextensions.k8s.io\",\"kind\":\"CustomResourceDefinition\"}]}}");
	scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
	put_crd(&x);
	engsim_commit(&x, "gear.yaml", GEAR(IN("shop"), "1"));
	engsim_start(&x);
	scene_until(&x, is_said, LONG, "the refusal");
	scene_assert_condition(&x, "shop", "SyncError", "example.com/Gear/one: AppProject team");
	assert_string_equal(size_of(&x), "");
	scene_end(&x, true);
}

/* In Git thrice, in the cluster once: as in Argo CD it is the last, and that is told. */
static void what_turns_out_to_be_one_object_is_the_last(void **state)
{
	static const struct { bool known; const char *text, *size, *words; } cases[] = {
		{ false, GEAR("", "1") "---\n" GEAR(IN("b"), "2") "---\n" GEAR(IN("a"), "3"),
		  "3", "Gear/one of app.yaml:6 is not used: app.yaml:8 has it too" },
		{ true, GEAR(IN("b"), "2") "---\n" GEAR("", "1"), "1",
		  "Gear/one of app.yaml:4 is not used: app.yaml:6 has it too" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		scene_init(&x, 971 + i);
		put_crd(&x);
		if (!cases[i].known)
			engsim_commit(&x, "gear.yaml", cases[i].text);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", 20000);
		if (cases[i].known) {
			engsim_commit(&x, "gear.yaml", cases[i].text);
			scene_until(&x, is_there, LONG, "the gear");
			sim_run_for(x.s, 10000);
		}
		assert_string_equal(size_of(&x), cases[i].size);
		scene_assert_condition(&x, "shop", "RepeatedResourceWarning", cases[i].words);
		assert_null(scene_condition(&x, "shop", "SyncError"));
		assert_string_equal(sync_of(&x), "Synced");
		scene_end(&x, true);
	}
}

/* With its CRD alone nothing would come of it. */
static void of_an_applicationset_it_is_said_who_serves_it(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 976);
	engsim_commit(&x, "set.yaml", "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		      "\"ApplicationSet\",\"metadata\":{\"name\":\"all\"}}");
	engsim_start(&x);
	scene_until(&x, is_said, LONG, "the refusal");
	scene_assert_condition(&x, "shop", "SyncError", "does not serve kind ApplicationSet");
	scene_assert_condition(&x, "shop", "SyncError", "run Argo CD's controller for them");
	scene_end(&x, true);
}

/* Going out for the first time, and nothing of it is there: that is not Healthy. */
static void what_cannot_go_out_is_missing(void **state)
{
	struct engsim x;
	const json_t *app;

	(void)state;
	engsim_init(&x, 975);
	engsim_commit(&x, "gizmo.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		      "\"Gizmo\",\"metadata\":{\"name\":\"x\"}}");
	engsim_application(&x, "shop", "");
	engsim_start(&x);
	scene_until(&x, is_said, LONG, "the refusal");
	app = apisim_get(x.api, "applications.argoproj.io", "argocd", "shop");
	assert_string_equal(doc_get_str(app, "status", "health", "status", NULL), "Missing");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fence_is_asked_again_when_the_scope_is_known),
		cmocka_unit_test(what_turns_out_to_be_one_object_is_the_last),
		cmocka_unit_test(of_an_applicationset_it_is_said_who_serves_it),
		cmocka_unit_test(what_cannot_go_out_is_missing),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
