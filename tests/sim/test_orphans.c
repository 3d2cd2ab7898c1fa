/*
 * Objects that are nobody's, in the namespaces of applications whose project asks for
 * them: they are counted and told, cheaply, and never touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define WARNS "{\"warn\":true}"
#define TYPE "OrphanedResourceWarning"
#define MINUTES 60000

static void put_project(struct engsim *x, const char *orphaned)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
		"\"kind\":\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":"
		"\"argocd\"},\"spec\":{\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":"
		"\"*\",\"namespace\":\"*\"}],\"orphanedResources\":%s}}", orphaned);

	apisim_apply(x->api, text);
}

/* By hand; more: further members of its metadata. */
static void put_map(struct engsim *x, const char *name, const char *more)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\"%s},\"data\":{}}", name,
		more);

	apisim_apply(x->api, text);
}

static void refresh(struct engsim *x)
{
	scene_edit_app(x, "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/refresh\":"
		       "\"normal\"}}}");
}

/* "shop" of project team is good, and its namespace holds `n` stray ConfigMaps. */
static void begin(struct engsim *x, uint64_t seed, const char *orphaned, size_t n)
{
	scene_init(x, seed);
	put_project(x, orphaned);
	scene_edit_app(x, "{\"spec\":{\"project\":\"team\"}}");
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = xasprintf("stray-%03zu", i);

		put_map(x, name, "");
	}
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static int64_t count(struct engsim *x)
{
	return doc_get_int(engsim_status(x, "shop"), -1, "syncd", "orphaned", "count", NULL);
}

static const json_t *names(struct engsim *x)
{
	return doc_get(engsim_status(x, "shop"), "syncd", "orphanedObjects", NULL);
}

static void assert_count(struct engsim *x, int64_t n)
{
	if (count(x) != n)
		fail_msg("%lld orphaned, not %lld: %s", (long long)count(x), (long long)n,
			 scene_condition(x, "shop", TYPE) ? scene_condition(x, "shop", TYPE) : "");
}

/* Lists that go on at once, of the namespace. */
static size_t lists(struct engsim *x, size_t from)
{
	return sim_count(x->s, from, "GET", "/namespaces/shop/");
}

static void they_are_counted_and_told(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 1, WARNS, 1);
	sim_run_for(x.s, 30000);
	assert_count(&x, 1);
	scene_assert_condition(&x, "shop", TYPE, "Application has 1 orphaned resources");
	assert_string_equal(doc_get_str(json_array_get(names(&x), 0), "name", NULL),
			    "stray-000");
	assert_string_equal(doc_get_str(json_array_get(names(&x), 0), "kind", NULL),
			    "ConfigMap");
	assert_string_equal(doc_get_str(json_array_get(names(&x), 0), "namespace", NULL),
			    "shop");
	put_map(&x, "another", "");
	put_map(&x, "kube-root-ca.crt", "");
	refresh(&x);		/* at once; else within five minutes */
	sim_run_for(x.s, 30000);
	assert_count(&x, 2);
	apisim_delete(x.api, "configmaps", "shop", "another");
	apisim_delete(x.api, "configmaps", "shop", "stray-000");
	sim_run_for(x.s, 6 * MINUTES);
	assert_count(&x, 0);
	assert_null(scene_condition(&x, "shop", TYPE));
	/* A stray object is nobody's to touch. */
	assert_int_equal(sim_count(x.s, 0, "DELETE", ""), 0);
	scene_end(&x, true);
}

/* What an application has or is to have, whether it bears a mark of that or not. */
static void what_somebody_has_is_none(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 2);
	put_project(&x, WARNS);
	scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
	sim_git_commit(x.s, REPO, "main", "hand/map.json", "{\"apiVersion\":\"v1\",\"kind\":"
		       "\"ConfigMap\",\"metadata\":{\"name\":\"by-hand\"},\"data\":{}}");
	engsim_application(&x, "hand", "");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "hand",
		    "{\"spec\":{\"source\":{\"path\":\"hand\"},\"syncPolicy\":null}}");
	put_map(&x, "by-hand", "");	/* never synced: it is in Git alone */
	put_map(&x, "tracked", ",\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		"\"hand:/ConfigMap:shop/tracked\"}");
	put_map(&x, "of-another-install", ",\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		"\"far_away:/ConfigMap:shop/of-another-install\"}");
	put_map(&x, "copy", ",\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		"\"hand:/ConfigMap:shop/tracked\"}");
	put_map(&x, "left", ",\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		"\"gone:/ConfigMap:shop/left\"}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 60000);
	assert_count(&x, 2);
	assert_string_equal(doc_get_str(json_array_get(names(&x), 0), "name", NULL), "copy");
	assert_string_equal(doc_get_str(json_array_get(names(&x), 1), "name", NULL), "left");
	/* "hand" is of project default, which does not ask. */
	assert_null(doc_get(engsim_status(&x, "hand"), "syncd", "orphaned", NULL));
	scene_end(&x, true);
}

/* As in Argo CD: without warn they are known, and no condition says so. */
static void the_project_says_what_is_told(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 3, "{}", 2);
	sim_run_for(x.s, 30000);
	assert_count(&x, 2);
	assert_null(scene_condition(&x, "shop", TYPE));
	put_project(&x, "{\"warn\":true,\"ignore\":[{\"kind\":\"ConfigMap\",\"name\":"
		    "\"*-001\"}]}");
	sim_run_for(x.s, 6 * MINUTES);
	assert_count(&x, 1);
	scene_assert_condition(&x, "shop", TYPE, "has 1 orphaned");
	/* It asks no more: nothing is said, and nothing is asked of the API server. */
	put_project(&x, "null");
	sim_run_for(x.s, 6 * MINUTES);
	assert_count(&x, -1);
	assert_null(scene_condition(&x, "shop", TYPE));
	{
		size_t from = sim_request_count(x.s);

		sim_run_for(x.s, 20 * MINUTES);
		assert_int_equal(lists(&x, from), 0);
	}
	scene_end(&x, true);
}

/* More than one page, and more than are named. */
static void many_are_counted_and_some_named(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 4, WARNS, 520);
	sim_run_for(x.s, 60000);
	assert_count(&x, 520);
	assert_int_equal(json_array_size(names(&x)), 50);
	scene_assert_condition(&x, "shop", TYPE, "Application has 520 orphaned resources");
	scene_end(&x, true);
}

/* What argocd-cm keeps applications out of is nobody's either. */
static void what_is_excluded_is_not_counted(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 11, WARNS, 3);
	sim_run_for(x.s, 30000);
	assert_count(&x, 3);
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
		     "\"name\":\"argocd-cm\",\"namespace\":\"argocd\"},\"data\":{"
		     "\"resource.exclusions\":\"[{kinds: [ConfigMap]}]\"}}");
	sim_run_for(x.s, 6 * MINUTES);
	assert_count(&x, 0);
	assert_null(scene_condition(&x, "shop", TYPE));
	scene_end(&x, true);
}

/* Half a list is no count: what is known stays, and it is counted once more. */
static void a_list_that_expires(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	begin(&x, 10, WARNS, 520);
	sim_run_for(x.s, 60000);
	assert_count(&x, 520);
	put_map(&x, "another", "");
	refresh(&x);
	from = sim_request_count(x.s);
	for (unsigned i = 0; i < 3000 && !scene_answers(&x, from, "GET", "/shop/configmaps", 200); i++)
		sim_run_for(x.s, 10);
	apisim_compact(x.api);
	sim_run_for(x.s, 20000);
	assert_int_equal(scene_answers(&x, from, "GET", "/shop/configmaps", 410), 1);
	assert_count(&x, 520);
	sim_run_for(x.s, 2 * MINUTES);
	assert_count(&x, 521);
	scene_end(&x, true);
}

/* The applications of a namespace are looked at together: ten cost what one costs. */
static void a_look_is_shared(void **state)
{
	size_t one = 0;

	(void)state;
	for (size_t n = 1; n <= 10; n += 9) {
		struct engsim x;
		size_t from;

		begin(&x, 5, WARNS, 1);
		for (size_t i = 1; i < n; i++) {
			_cleanup_free_ char *name = xasprintf("app-%zu", i);

			engsim_application(&x, name, "");
			apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", name,
				    "{\"spec\":{\"project\":\"team\",\"source\":{\"path\":\"none\"},"
				    "\"syncPolicy\":null}}");
		}
		sim_run_for(x.s, 2 * MINUTES);
		from = sim_request_count(x.s);
		sim_run_for(x.s, 10 * MINUTES);
		if (n == 1)
			one = lists(&x, from);
		else
			assert_int_equal(lists(&x, from), one);
		assert_in_range(one, 10, 80);	/* two looks */
		scene_end(&x, true);
	}
}

/* Releases every few seconds, and refreshes: a look costs requests for each kind. */
static void a_busy_namespace_is_not_looked_at_all_the_time(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	begin(&x, 9, WARNS, 1);
	sim_run_for(x.s, 2 * MINUTES);
	from = sim_request_count(x.s);
	for (unsigned i = 0; i < 12; i++) {
		_cleanup_free_ char *tag = xasprintf("v%u", i + 2);

		scene_put(&x, tag);
		sim_run_for(x.s, 10000);
	}
	assert_in_range(sim_count(x.s, from, "GET", "/namespaces/shop/serviceaccounts"), 1, 3);
	from = sim_request_count(x.s);
	for (unsigned i = 0; i < 30; i++) {
		refresh(&x);
		sim_run_for(x.s, 1000);
	}
	assert_in_range(sim_count(x.s, from, "GET", "/namespaces/shop/serviceaccounts"), 2, 4);
	scene_end(&x, true);
}

/* What is known stays, over a restart and over trouble; nothing is written for it. */
static void it_stays_known(void **state)
{
	struct sim_faults down = { .http_503 = 1000 };
	struct engsim x;
	size_t from;

	(void)state;
	begin(&x, 6, WARNS, 3);
	sim_run_for(x.s, 2 * MINUTES);
	assert_count(&x, 3);
	engsim_crash(&x);
	from = sim_request_count(x.s);
	engsim_start(&x);
	sim_run_for(x.s, 2 * MINUTES);
	assert_count(&x, 3);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/applications/shop"), 0);
	put_map(&x, "one-more", "");
	sim_set_faults(x.s, &down, 0);
	sim_aim_faults(x.s, "GET", "/namespaces/shop/");
	sim_run_for(x.s, 7 * MINUTES);
	assert_count(&x, 3);
	assert_true(sim_log_contains(x.s, "it is tried again in a minute"));
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	sim_run_for(x.s, 2 * MINUTES);
	assert_count(&x, 4);
	scene_end(&x, true);
}

static bool no_maps(void *arg, const char *user, const char *verb, const char *resource,
		    const char *ns)
{
	(void)arg;
	(void)user;
	return !strcmp(verb, "list") && !strcmp(resource, "configmaps") && ns &&
	       !strcmp(ns, "shop");
}

/* A narrowed role: what may not be listed is left out, and said. */
static void what_may_not_be_listed_is_said(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 7);
	apisim_set_authz(x.api, no_maps, NULL);
	put_project(&x, WARNS);
	scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
	put_map(&x, "unseen", "");
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{"
		     "\"name\":\"stray\",\"namespace\":\"shop\"}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 60000);
	assert_count(&x, 1);
	assert_int_equal(doc_get_int(engsim_status(&x, "shop"), 0, "syncd", "orphaned",
				     "unread", NULL), 1);
	scene_end(&x, true);
}

/* The same under Argo CD's name, where a project asks. */
static void it_is_a_metric(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct engsim x;

	(void)state;
	scene_init(&x, 8);
	x.argocd_metrics = true;
	put_project(&x, WARNS);
	scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
	put_map(&x, "stray", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 60000);
	engine_metrics(x.engine, &text);
	if (!strstr(buf_str(&text), "argocd_app_orphaned_resources_count{namespace=\"argocd\","
				    "name=\"shop\",project=\"team\"} 1\n"))
		fail_msg("%s", buf_str(&text));
	scene_end(&x, true);
}

/* Of an Application that is gone the record alone is there: it has no destination. */
static void one_that_is_gone_is_none_of_them(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 19, WARNS, 1);
	engsim_application(&x, "gone", "");
	sim_run_for(x.s, 30000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "gone");
	sim_run_for(x.s, 10000);
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 6 * MINUTES);
	assert_count(&x, 1);
	scene_end(&x, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_counted_and_told),
		cmocka_unit_test(what_somebody_has_is_none),
		cmocka_unit_test(the_project_says_what_is_told),
		cmocka_unit_test(many_are_counted_and_some_named),
		cmocka_unit_test(what_is_excluded_is_not_counted),
		cmocka_unit_test(a_list_that_expires),
		cmocka_unit_test(a_look_is_shared),
		cmocka_unit_test(a_busy_namespace_is_not_looked_at_all_the_time),
		cmocka_unit_test(it_stays_known),
		cmocka_unit_test(what_may_not_be_listed_is_said),
		cmocka_unit_test(it_is_a_metric),
		cmocka_unit_test(one_that_is_gone_is_none_of_them),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
