/*
 * Projects that name service accounts: whatever changes an object of an application, or
 * asks what a change would do, goes out as the account; nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define ACCOUNT "system:serviceaccount:shop:deployer"
#define ALL "\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\",\"namespace\":\"*\"}]," \
	"\"clusterResourceWhitelist\":[{\"group\":\"\",\"kind\":\"Namespace\"}]"
#define AS(ns, name) ALL ",\"destinationServiceAccounts\":[{\"server\":\"*\"," \
	"\"namespace\":\"" ns "\",\"defaultServiceAccount\":\"" name "\"}]"

static void put_project(struct engsim *x, const char *spec)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
		"\"kind\":\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":"
		"\"argocd\"},\"spec\":{%s}}", spec);

	apisim_apply(x->api, text);
}

static void init_in(struct engsim *x, uint64_t seed, const char *spec)
{
	scene_init(x, seed);
	put_project(x, spec);
	scene_edit_app(x, "{\"spec\":{\"project\":\"team\"}}");
}

static bool is_of_shop(const struct sim_request *r)
{
	return strstr(r->path, "/namespaces/shop/");
}

/* Every request since number `from`: as whom did it go out? Returns how many as user. */
static size_t check_users(struct engsim *x, size_t from, const char *user)
{
	size_t n = 0;

	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);
		bool changes = strcmp(r->method, "GET") != 0;
		const char *want = changes && is_of_shop(r) ? user : "";

		if (strcmp(r->user, want))
			fail_msg("%s %s as \"%s\", want \"%s\"", r->method, r->path,
				 r->user, want);
		n += *want != '\0';
	}
	return n;
}

static bool is_reverted(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(scene_tag(x), "v1") && scene_condition(x, "shop", "SyncError");
}

/* A whole life: sync with a hook, heal, prune, a bad release and its revert, the end. */
static void a_life_as_the_account(void **state)
{
	_cleanup_free_ char *cm = engsim_configmap("settings", "one", 0);
	struct engsim x;

	(void)state;
	init_in(&x, 1600, AS("shop", "deployer"));
	engsim_commit(&x, "settings.yaml", cm);
	hooks_put(&x, "migrate", "PreSync", "1", ",\"syncd.dev/reversible\":\"true\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(check_users(&x, 0, ACCOUNT) > 4);
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", LONG);
	engsim_commit(&x, "settings.yaml", "");
	sim_run_for(x.s, 60000);
	assert_null(apisim_get(x.api, "configmaps", "shop", "settings"));
	scene_put(&x, "v2-bad");
	scene_until_tag(&x, "v2-bad", LONG);
	scene_until(&x, is_reverted, 300000, "the revert");
	assert_true(sim_count(x.s, 0, "DELETE", "/namespaces/shop/") > 0);
	scene_edit_app(&x, "{\"metadata\":{\"finalizers\":["
		       "\"resources-finalizer.argocd.argoproj.io\"]}}");
	sim_run_for(x.s, 5000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 120000);
	assert_null(apisim_get(x.api, "deployments.apps", "shop", "web"));
	assert_null(apisim_get(x.api, "applications.argoproj.io", "argocd", "shop"));
	assert_true(check_users(&x, 0, ACCOUNT) > 10);
	scene_end(&x, false);
}

static void the_namespace_is_made_as_the_account(void **state)
{
	struct engsim x;
	size_t made = 0;

	(void)state;
	init_in(&x, 1601, AS("new", "ops:deployer"));
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":\"new\"},"
		       "\"syncPolicy\":{\"syncOptions\":[\"CreateNamespace=true\"]}}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	for (size_t i = 0; i < sim_request_count(x.s); i++) {
		const struct sim_request *r = sim_request(x.s, i);

		if (strcmp(r->method, "POST") || strcmp(r->path, "/api/v1/namespaces") ||
		    !strstr(r->body, "\"new\""))
			continue;	/* syncd's own namespace is made as syncd */
		assert_string_equal(r->user, "system:serviceaccount:ops:deployer");
		made++;
	}
	assert_int_equal(made, 1);
	scene_end(&x, true);
}

/* A project that knows no Namespaces: not made in passing, not relabelled either. */
static void a_namespace_that_the_project_forbids(void **state)
{
	static const char only_namespaced[] = "\"sourceRepos\":[\"*\"],\"destinations\":"
		"[{\"server\":\"*\",\"namespace\":\"*\"}]";
	static const char *const edits[] = {
		"{\"spec\":{\"destination\":{\"namespace\":\"new\"},\"syncPolicy\":{"
		"\"syncOptions\":[\"CreateNamespace=true\"]}}}",
		"{\"spec\":{\"syncPolicy\":{\"syncOptions\":[\"CreateNamespace=true\"],"
		"\"managedNamespaceMetadata\":{\"labels\":{\"pod-security.kubernetes.io/"
		"enforce\":\"privileged\"}}}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		struct engsim x;
		const char *words;

		init_in(&x, 1607 + i, only_namespaced);
		scene_edit_app(&x, edits[i]);
		engsim_start(&x);
		sim_run_for(x.s, 30000);
		words = doc_get_str(engsim_status(&x, "shop"), "operationState", "message",
				    NULL);
		assert_non_null(words);
		assert_non_null(strstr(words, "CreateNamespace=true: Namespace/"));
		assert_non_null(strstr(words, "does not allow this kind: add it to spec.clusterResourceWhitelist"));
		assert_null(apisim_get(x.api, "namespaces", "", "new"));
		assert_null(doc_get_str(apisim_get(x.api, "namespaces", "", "shop"),
					"metadata", "labels",
					"pod-security.kubernetes.io/enforce", NULL));
		scene_end(&x, false);
	}
}

static void nobody_named_nothing_written(void **state)
{
	static const struct {
		const char *spec, *words;
	} cases[] = {
		{ AS("other", "deployer"), "AppProject team does not say as which service "
		  "account namespace \"shop\"" },
		{ AS("shop", "not/one"), "\"not/one\" is no service account" },
		{ AS("!other", "deployer"), "a leading \"!\" is not taken here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		init_in(&x, 1610 + i, cases[i].spec);
		engsim_start(&x);
		sim_run_for(x.s, 30000);
		scene_assert_condition(&x, "shop", "InvalidSpecError", cases[i].words);
		assert_int_equal(check_users(&x, 0, "nobody"), 0);
		put_project(&x, AS("shop", "deployer"));
		engsim_until_phase(&x, "shop", "Good", LONG);
		check_users(&x, 0, ACCOUNT);
		scene_end(&x, true);
	}
}

static bool deny_deployer(void *arg, const char *user, const char *verb,
			  const char *resource, const char *ns)
{
	(void)ns;
	(void)verb;
	return !strcmp(user, arg) && !strcmp(resource, "deployments.apps");
}

/* What the account may not do is said in the server's words; its rights come later. */
static void an_account_without_rights(void **state)
{
	struct engsim x;

	(void)state;
	init_in(&x, 1620, AS("*", "deployer"));
	apisim_set_authz(x.api, deny_deployer, (char[]){ ACCOUNT });
	engsim_start(&x);
	sim_run_for(x.s, 40000);
	scene_assert_condition(&x, "shop", "SyncError", "User \"" ACCOUNT "\" cannot");
	assert_string_equal(scene_tag(&x), "");
	apisim_set_authz(x.api, NULL, NULL);
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/retry=true\"]");
	engsim_until_phase(&x, "shop", "Good", 600000);
	assert_string_equal(scene_tag(&x), "v1");
	check_users(&x, 0, ACCOUNT);
	scene_end(&x, true);
}

/* The project is asked at each request: another account counts from then on. */
static void another_account_from_now_on(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	init_in(&x, 1621, AS("shop", "deployer"));
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_project(&x, AS("shop", "other"));
	sim_run_for(x.s, 2000);
	from = sim_request_count(x.s);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	assert_true(check_users(&x, from, "system:serviceaccount:shop:other") > 0);
	/* And none, when the list is gone. */
	apisim_edit(x.api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    "{\"spec\":{\"destinationServiceAccounts\":null}}");
	sim_run_for(x.s, 10000);
	from = sim_request_count(x.s);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	check_users(&x, from, "");
	scene_end(&x, true);
}

/* What an application made goes with it, although nobody can be asked any more. */
static void the_end_does_not_hang_on_the_project(void **state)
{
	struct engsim x;

	(void)state;
	init_in(&x, 1622, AS("shop", "deployer"));
	scene_edit_app(&x, "{\"metadata\":{\"finalizers\":["
		       "\"resources-finalizer.argocd.argoproj.io\"]}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "appprojects.argoproj.io", "argocd", "team");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 120000);
	assert_null(apisim_get(x.api, "deployments.apps", "shop", "web"));
	assert_null(apisim_get(x.api, "applications.argoproj.io", "argocd", "shop"));
	scene_end(&x, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_as_the_account),
		cmocka_unit_test(the_namespace_is_made_as_the_account),
		cmocka_unit_test(a_namespace_that_the_project_forbids),
		cmocka_unit_test(nobody_named_nothing_written),
		cmocka_unit_test(an_account_without_rights),
		cmocka_unit_test(another_account_from_now_on),
		cmocka_unit_test(the_end_does_not_hang_on_the_project),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
