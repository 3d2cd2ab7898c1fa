/* What operators meet: supersession, refusals, bad input, neighbours, adoption. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "engsim.h"

#define LONG 120000
#define WIDGET_CRD "{\"apiVersion\":\"apiextensions.k8s.io/v1\"," \
	"\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":" \
	"\"widgets.example.com\"},\"spec\":{\"group\":\"example.com\",\"names\":{" \
	"\"kind\":\"Widget\",\"plural\":\"widgets\",\"singular\":\"widget\"," \
	"\"listKind\":\"WidgetList\"},\"scope\":\"Namespaced\",\"versions\":[{" \
	"\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{" \
	"\"openAPIV3Schema\":{\"type\":\"object\"," \
	"\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"

static void put(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *web = engsim_deployment("web", tag, 3);

	engsim_commit(x, "web.yaml", web);
}

static void start_good(struct engsim *x, uint64_t seed)
{
	engsim_init(x, seed);
	put(x, "v1");
	engsim_application(x, "shop", "");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static const char *image(struct engsim *x)
{
	const json_t *d = apisim_get(x->api, "deployments.apps", "shop", "web");
	const json_t *c = doc_get(d, "spec", "template", "spec", "containers", NULL);
	const char *s = doc_get_str(json_array_get(c, 0), "image", NULL);

	return s ? strrchr(s, ':') + 1 : "";
}

static const char *condition(struct engsim *x, const char *app, const char *type)
{
	const json_t *list = doc_get(engsim_status(x, app), "conditions", NULL);
	size_t i;
	json_t *c;

	json_array_foreach(list, i, c)
		if (!strcmp(doc_get_str(c, "type", NULL), type))
			return doc_get_str(c, "message", NULL);
	return NULL;
}

static void assert_condition(struct engsim *x, const char *app, const char *type,
			     const char *words)
{
	const char *message = condition(x, app, type);

	if (!message || !strstr(message, words)) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		sim_dump(x->s);
		if (engsim_status(x, app))
			doc_write(engsim_status(x, app), &text);
		fail_msg("%s: no %s with \"%s\" but \"%s\" in %s", app, type, words,
			 message ? message : "(none)", buf_str(&text));
	}
}

static void newer_commit_supersedes_a_waiting_one(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 11);
	put(&x, "noready2");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	put(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", 40000);	/* the deadline is 60 s */
	assert_string_equal(image(&x), "v3");
	engsim_deinit(&x);
}

static void no_progress_within_the_deadline_reverts(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 12);
	put(&x, "noready2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(image(&x), "v1");
	assert_condition(&x, "shop", "SyncError", "no progress");
	engsim_deinit(&x);
}

static void crash_loop_reverts(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 13);
	put(&x, "crash2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(image(&x), "v1");
	engsim_deinit(&x);
}

static bool refuse_red(void *arg, const char *op, const json_t *object,
		       char message[256])
{
	const char *colour = doc_get_str(object, "data", "key", NULL);

	(void)arg;
	(void)op;
	if (!colour || strcmp(colour, "red"))
		return false;
	strcpy(message, "admission webhook \"colours\" denied the request: no red");
	return true;
}

static void refusal_in_preflight_changes_nothing(void **state)
{
	_cleanup_free_ char *red = engsim_configmap("settings", "red", 0);
	_cleanup_free_ char *blue = engsim_configmap("settings", "blue", 0);
	struct engsim x;
	size_t from;

	(void)state;
	start_good(&x, 14);
	apisim_set_admission(x.api, refuse_red, NULL);
	from = sim_request_count(x.s);
	engsim_commit(&x, "settings.yaml", red);
	put(&x, "v2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(image(&x), "v1");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"),
			 1);	/* the dry run alone */
	assert_condition(&x, "shop", "SyncError", "no red");
	engsim_commit(&x, "settings.yaml", blue);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(image(&x), "v2");
	engsim_deinit(&x);
}

/* Whatever is broken in Git: a condition, and not one delete. */
static void broken_source_changes_nothing(void **state)
{
	static const struct { const char *file, *text, *words; } cases[] = {
		{ "web.yaml", "{\"apiVersion\":\"apps/v1\",", "" },
		{ "web.yaml", NULL, "'app'" },
		{ "extra.yaml", "just words", "" },
		{ "extra.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		  "\"metadata\":{}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;
		size_t from;

		start_good(&x, 20 + i);
		from = sim_request_count(x.s);
		engsim_commit(&x, cases[i].file, cases[i].text);
		sim_run_for(x.s, 60000);
		assert_condition(&x, "shop", "ComparisonError", cases[i].words);
		assert_string_equal(image(&x), "v1");
		assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync",
						"status", NULL), "Unknown");
		assert_int_equal(sim_count(x.s, from, "DELETE", ""), 0);
		put(&x, "v2");
		engsim_commit(&x, "extra.yaml", NULL);
		sim_run_for(x.s, 30000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_string_equal(image(&x), "v2");
		sim_run_for(x.s, 3000);
		assert_null(condition(&x, "shop", "ComparisonError"));
		engsim_deinit(&x);
	}
}

static void unreachable_git_is_said_and_survived(void **state)
{
	static const enum git_mood moods[] = { GIT_REFUSE, GIT_HANG, GIT_401, GIT_404,
					       GIT_500, GIT_GARBAGE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
		struct engsim x;

		start_good(&x, 30 + i);
		gitsim_set_mood(sim_git(x.s), REPO, moods[i]);
		sim_run_for(x.s, 60000);
		assert_condition(&x, "shop", "ComparisonError", "");
		assert_string_equal(image(&x), "v1");
		gitsim_set_mood(sim_git(x.s), REPO, GIT_FINE);
		put(&x, "v2");
		sim_run_for(x.s, 30000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_string_equal(image(&x), "v2");
		engsim_deinit(&x);
	}
}

static void git_revert_clears_the_pin(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 40);
	put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	put(&x, "v1");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 3000);
	assert_null(doc_get_str(engsim_status(&x, "shop"), "syncd", "pin", "why",
				NULL));
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
					NULL), "Synced");
	/* The rejected one comes back: it stays rejected. */
	put(&x, "bad2");
	sim_run_for(x.s, 60000);
	assert_string_equal(image(&x), "v1");
	engsim_deinit(&x);
}

static void another_applications_object_is_refused(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 50);
	engsim_application(&x, "second", "");
	sim_run_for(x.s, 40000);
	assert_condition(&x, "second", "SyncError", "managed by application shop");
	assert_string_equal(image(&x), "v1");
	assert_string_equal(doc_get_str(apisim_get(x.api, "deployments.apps", "shop",
		"web"), "metadata", "annotations", "argocd.argoproj.io/tracking-id",
		NULL), "shop:apps/Deployment:shop/web");
	engsim_deinit(&x);
}

static void untracked_object_is_adopted_as_it_is(void **state)
{
	_cleanup_free_ char *cm = engsim_configmap("settings", "git", 0);
	_cleanup_free_ char *uid = NULL;
	struct engsim x;
	const json_t *o;

	(void)state;
	start_good(&x, 51);
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
		     "{\"name\":\"settings\",\"namespace\":\"shop\"},\"data\":{"
		     "\"key\":\"hand\",\"other\":\"kept\"}}");
	o = apisim_get(x.api, "configmaps", "shop", "settings");
	uid = xstrdup(doc_get_str(o, "metadata", "uid", NULL));
	engsim_commit(&x, "settings.yaml", cm);
	sim_run_for(x.s, 40000);
	o = apisim_get(x.api, "configmaps", "shop", "settings");
	assert_string_equal(doc_get_str(o, "metadata", "uid", NULL), uid);
	assert_string_equal(doc_get_str(o, "data", "key", NULL), "git");
	assert_string_equal(doc_get_str(o, "data", "other", NULL), "kept");
	engsim_deinit(&x);
}

static void namespace_is_made_when_asked(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 52);
	put(&x, "v1");
	apisim_delete(x.api, "namespaces", NULL, "shop");
	sim_run_for(x.s, 5000);
	engsim_application(&x, "shop", ",\"syncOptions\":[\"CreateNamespace=true\"]");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(image(&x), "v1");
	engsim_deinit(&x);
}

static void missing_namespace_is_said(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 53);
	put(&x, "v1");
	apisim_delete(x.api, "namespaces", NULL, "shop");
	sim_run_for(x.s, 5000);
	engsim_application(&x, "shop", "");
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_condition(&x, "shop", "SyncError", "shop");
	apisim_namespace(x.api, "shop");
	engsim_until_phase(&x, "shop", "Good", 400000);
	engsim_deinit(&x);
}

/* With a good release running: not one object is touched, and it is pinned. */
static void what_is_lacking_is_found_before_anything_changes(void **state)
{
	static const struct { const char *text, *words; } cases[] = {
		{ "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
		  "\"name\":\"x\",\"namespace\":\"nowhere\",\"annotations\":{"
		  "\"argocd.argoproj.io/sync-wave\":\"1\"}}}",
		  "there is no namespace \"nowhere\"" },
		{ "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Gizmo\",\"metadata\":{"
		  "\"name\":\"x\",\"annotations\":{"
		  "\"argocd.argoproj.io/sync-wave\":\"1\"}}}",
		  "): the cluster does not serve kind Gizmo" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;
		size_t from;

		start_good(&x, 60 + i);
		from = sim_request_count(x.s);
		engsim_commit(&x, "x.yaml", cases[i].text);
		put(&x, "v2");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		sim_run_for(x.s, 30000);
		assert_string_equal(image(&x), "v1");
		assert_true(sim_count(x.s, from, "PATCH", "/deployments/web") <= 1);
		assert_condition(&x, "shop", "SyncError", cases[i].words);
		assert_condition(&x, "shop", "SyncError", "running release #1");
		engsim_commit(&x, "x.yaml", NULL);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_string_equal(image(&x), "v2");
		engsim_deinit(&x);
	}
}

/* Nothing runs yet: it is tried again soon, for as long as it takes. */
static void what_is_lacking_at_first_is_waited_for(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 64);
	engsim_commit(&x, "widget.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		"\"Widget\",\"metadata\":{\"name\":\"w\"}}");
	put(&x, "v1");
	engsim_application(&x, "shop", "");
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_condition(&x, "shop", "SyncError", "does not serve kind Widget");
	assert_string_equal(image(&x), "");
	apisim_apply(x.api, WIDGET_CRD);
	engsim_until_phase(&x, "shop", "Good", 40000);
	assert_non_null(apisim_get(x.api, "widgets.example.com", "shop", "w"));
	engsim_deinit(&x);
}

static void crd_and_its_object_in_one_release(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 54);
	engsim_commit(&x, "crd.yaml", WIDGET_CRD);
	engsim_commit(&x, "widget.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		"\"Widget\",\"metadata\":{\"name\":\"w\"},\"spec\":{\"size\":1}}");
	engsim_application(&x, "shop", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_non_null(apisim_get(x.api, "widgets.example.com", "shop", "w"));
	engsim_deinit(&x);
}

static void operation_syncs_when_automation_is_off(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 55);
	put(&x, "v1");
	engsim_application(&x, "shop", "");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	engsim_start(&x);
	sim_run_for(x.s, 30000);
	assert_string_equal(image(&x), "");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
					NULL), "OutOfSync");
	apisim_edit(x.api, "syncctl", "applications.argoproj.io", "argocd", "shop",
		    "{\"operation\":{\"initiatedBy\":{\"username\":\"ada\"},"
		    "\"sync\":{}}}");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 3000);
	assert_string_equal(image(&x), "v1");
	assert_null(doc_get(apisim_get(x.api, "applications.argoproj.io", "argocd",
				       "shop"), "operation", NULL));
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "operationState",
					"phase", NULL), "Succeeded");
	engsim_deinit(&x);
}

static void bad_spec_is_said_and_others_go_on(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 56);
	engsim_application(&x, "broken", "");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "broken",
		    "{\"spec\":{\"source\":{\"helm\":{\"values\":\"x\"}}}}");
	put(&x, "v2");
	sim_run_for(x.s, 40000);
	assert_condition(&x, "broken", "InvalidSpecError", "helm");
	assert_string_equal(image(&x), "v2");
	engsim_deinit(&x);
}

static void status_that_was_replaced_away_comes_back(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 58);
	sim_run_for(x.s, 20000);
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    "{\"status\":null}");
	assert_null(engsim_status(&x, "shop"));
	sim_run_for(x.s, 10000);
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
					NULL), "Synced");
	engsim_deinit(&x);
}

/* The finalizer asks for the cascade; Git and project are not needed for it. */
static void deletion_takes_its_objects_along(void **state)
{
	_cleanup_free_ char *cm = engsim_configmap("settings", "x", 0);
	_cleanup_free_ char *kept = engsim_configmap("kept", "x", 0);
	struct engsim x;

	(void)state;
	engsim_init(&x, 58);
	put(&x, "v1");
	engsim_commit(&x, "settings.yaml", cm);
	engsim_application(&x, "shop", "");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    "{\"metadata\":{\"finalizers\":[\"else.example/other\","
		    "\"resources-finalizer.argocd.argoproj.io\"]}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_apply(x.api, kept);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 60000);
	assert_null(apisim_get(x.api, "deployments.apps", "shop", "web"));
	assert_null(apisim_get(x.api, "configmaps", "shop", "settings"));
	assert_int_equal(json_array_size(doc_get(apisim_get(x.api,
		"applications.argoproj.io", "argocd", "shop"), "metadata",
		"finalizers", NULL)), 1);	/* the other's is the other's */
	engsim_deinit(&x);
}

static void deletion_without_finalizer_deletes_nothing(void **state)
{
	struct engsim x;

	(void)state;
	start_good(&x, 59);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 60000);
	assert_string_equal(image(&x), "v1");
	assert_int_equal(sim_count(x.s, 0, "DELETE", "/namespaces/shop/"), 0);
	/* Made again, it takes up where it was. */
	engsim_application(&x, "shop", "");
	put(&x, "v2");
	sim_run_for(x.s, 20000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(image(&x), "v2");
	engsim_deinit(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_commit_supersedes_a_waiting_one),
		cmocka_unit_test(no_progress_within_the_deadline_reverts),
		cmocka_unit_test(crash_loop_reverts),
		cmocka_unit_test(refusal_in_preflight_changes_nothing),
		cmocka_unit_test(broken_source_changes_nothing),
		cmocka_unit_test(unreachable_git_is_said_and_survived),
		cmocka_unit_test(git_revert_clears_the_pin),
		cmocka_unit_test(another_applications_object_is_refused),
		cmocka_unit_test(untracked_object_is_adopted_as_it_is),
		cmocka_unit_test(namespace_is_made_when_asked),
		cmocka_unit_test(missing_namespace_is_said),
		cmocka_unit_test(what_is_lacking_is_found_before_anything_changes),
		cmocka_unit_test(what_is_lacking_at_first_is_waited_for),
		cmocka_unit_test(crd_and_its_object_in_one_release),
		cmocka_unit_test(operation_syncs_when_automation_is_off),
		cmocka_unit_test(bad_spec_is_said_and_others_go_on),
		cmocka_unit_test(status_that_was_replaced_away_comes_back),
		cmocka_unit_test(deletion_takes_its_objects_along),
		cmocka_unit_test(deletion_without_finalizer_deletes_nothing),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
