/* AppProjects: nothing outside the fence is written or deleted, whenever it moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

#define ANYWHERE "\"destinations\":[{\"server\":\"*\",\"namespace\":\"*\"}]"
#define ANYTHING "\"sourceRepos\":[\"*\"]," ANYWHERE
#define IN_TEAM "{\"spec\":{\"project\":\"team\"}}"

static void put_project(struct engsim *x, const char *ns, const char *name,
			const char *spec)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":"
		"\"argoproj.io/v1alpha1\",\"kind\":\"AppProject\",\"metadata\":{"
		"\"name\":\"%s\",\"namespace\":\"%s\"},\"spec\":{%s}}", name, ns, spec);

	apisim_apply(x->api, text);
}

static size_t writes_to_shop(struct engsim *x, size_t from)
{
	return sim_count(x->s, from, "PATCH", "/namespaces/shop/") +
	       sim_count(x->s, from, "DELETE", "/namespaces/shop/");
}

static bool is_good(void *arg)
{
	return engsim_in_phase(arg, "shop", "Good");
}

/* What a project must say before a first release goes out. */
static void the_fence_is_asked_first(void **state)
{
	static const struct {
		const char *spec;	/* NULL: no such project */
		const char *type, *words;	/* NULL: it goes out */
	} cases[] = {
		{ ANYTHING, NULL, NULL },
		{ NULL, "InvalidSpecError", "there is no AppProject team in argocd" },
		{ "\"sourceRepos\":[\"http://git.sim/other\"]," ANYWHERE,
		  "InvalidSpecError", "spec.sourceRepos" },
		{ "\"sourceRepos\":[\"http://git.sim/*\",\"!http://git.sim/repo\"],"
		  ANYWHERE, "InvalidSpecError", "spec.sourceRepos" },
		{ "\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\","
		  "\"namespace\":\"shop-*\"}]", "InvalidSpecError",
		  "namespace \"shop\"" },
		{ ANYTHING ",\"namespaceResourceBlacklist\":[{\"group\":\"apps\","
		  "\"kind\":\"Deployment\"}]", "SyncError",
		  ": apps/Deployment/web: AppProject team" },
		{ ANYTHING ",\"namespaceResourceWhitelist\":[{\"group\":\"\","
		  "\"kind\":\"ConfigMap\"}]", "SyncError",
		  "spec.namespaceResourceWhitelist" },
		{ "\"sourceRepos\":\"*\"", "InvalidSpecError",
		  "spec.sourceRepos must be a list" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		scene_init(&x, 900 + i);
		if (cases[i].spec)
			put_project(&x, "argocd", "team", cases[i].spec);
		scene_edit_app(&x, IN_TEAM);
		engsim_start(&x);
		scene_until(&x, cases[i].type ? scene_in_trouble : is_good, LONG, "a verdict");
		if (cases[i].type) {
			sim_run_for(x.s, 30000);
			scene_assert_condition(&x, "shop", cases[i].type,
					       cases[i].words);
			assert_int_equal(writes_to_shop(&x, 0), 0);
			/* It is put right, and the release goes out. */
			put_project(&x, "argocd", "team", ANYTHING);
			apisim_edit(x.api, "kubectl", "appprojects.argoproj.io",
				    "argocd", "team", "{\"spec\":{"
				    "\"sourceRepos\":[\"*\"],"
				    "\"namespaceResourceBlacklist\":null,"
				    "\"namespaceResourceWhitelist\":null}}");
			scene_until(&x, is_good, LONG, "the release");
		}
		assert_string_equal(scene_tag(&x), "v1");
		scene_end(&x, true);
	}
}

static void start_in_team(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	put_project(x, "argocd", "team", ANYTHING);
	scene_edit_app(x, IN_TEAM);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

/* Not healed, not pruned while it lies outside; both when it is inside again. */
static void a_fence_that_moves_is_heeded(void **state)
{
	_cleanup_free_ char *settings = engsim_configmap("settings", "one", 0);
	struct engsim x;
	size_t from;

	(void)state;
	start_in_team(&x, 920);
	scene_narrow(&x);
	sim_run_for(x.s, 2000);
	from = sim_request_count(x.s);
	scene_drift(&x, "v9");
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v9");
	engsim_commit(&x, "settings.yaml", settings);
	engsim_commit(&x, "web.yaml", "");
	sim_run_for(x.s, 60000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/"), 0);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/deployments/"), 0);
	scene_widen(&x);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, false);
}

/* The fence moves while a bad release is up: the way back waits for it. */
static void a_revert_asks_too(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	start_in_team(&x, 930);
	scene_put(&x, "bad2");
	scene_until_tag(&x, "bad2", LONG);
	scene_narrow(&x);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 90000);
	assert_string_equal(scene_tag(&x), "bad2");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/"), 0);
	scene_widen(&x);
	scene_until_tag(&x, "v1", 2 * LONG);
	scene_end(&x, true);
}

/* Deletion ends without its project; what a project forbids stays behind. */
static void deletion_never_hangs_on_a_project(void **state)
{
	(void)state;
	for (int with = 0; with < 2; with++) {
		struct engsim x;

		start_in_team(&x, 940 + (uint64_t)with);
		scene_edit_app(&x, "{\"metadata\":{\"finalizers\":["
			       "\"resources-finalizer.argocd.argoproj.io\"]}}");
		if (with)
			scene_narrow(&x);
		else
			apisim_delete(x.api, "appprojects.argoproj.io", "argocd",
				      "team");
		sim_run_for(x.s, 2000);
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		scene_until(&x, scene_gone, LONG, "the Application's end");
		sim_run_for(x.s, 5000);
		assert_string_equal(scene_tag(&x), with ? "v1" : "");
		scene_end(&x, false);
	}
}

#define NO_JOBS ANYTHING ",\"namespaceResourceBlacklist\":[{\"group\":\"batch\",\"kind\":\"Job\"}]"
#define NOWHERE "{\"metadata\":{\"finalizers\":[\"resources-finalizer.argocd.argoproj.io\"]}," \
	"\"spec\":{\"project\":\"nowhere\"}}"

/* What an Application's end makes is fenced: no project is no way out of one. */
static void nothing_is_made_without_a_project(void **state)
{
	static const char *const phases[] = { "PreDelete", "PostDelete" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		struct engsim x;

		scene_init(&x, 960 + i);
		put_project(&x, "argocd", "team", NO_JOBS);
		scene_edit_app(&x, IN_TEAM);
		hooks_put(&x, "takeover", phases[i], "1", "");
		engsim_start(&x);
		sim_run_for(x.s, 20000);
		scene_edit_app(&x, NOWHERE);
		sim_run_for(x.s, 5000);
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		sim_run_for(x.s, 120000);
		assert_null(hooks_job(&x, "takeover"));
		assert_int_equal(sim_count(x.s, 0, "PATCH", "/jobs/"), 0);
		scene_assert_condition(&x, "shop", "DeletionError",
				       "no AppProject nowhere");
		/* As the words say: with the project it ends, or without the finalizers. */
		put_project(&x, "argocd", "nowhere", ANYTHING);
		scene_until(&x, scene_gone, LONG, "the Application's end");
		assert_true(sim_count(x.s, 0, "PATCH", "/jobs/takeover") > 0);
		scene_end(&x, false);
	}
}

/* Nor is one that does not take the Application. */
static void nothing_is_made_in_anothers_project(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 965);
	put_project(&x, "argocd", "team", NO_JOBS);
	put_project(&x, "argocd", "nowhere", "\"sourceRepos\":[\"http://git.sim/another\"],"
		    ANYWHERE);
	scene_edit_app(&x, IN_TEAM);
	hooks_put(&x, "takeover", "PreDelete", "1", "");
	engsim_start(&x);
	sim_run_for(x.s, 20000);
	scene_edit_app(&x, NOWHERE);
	sim_run_for(x.s, 5000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 120000);
	assert_int_equal(sim_count(x.s, 0, "PATCH", "/jobs/"), 0);
	scene_assert_condition(&x, "shop", "DeletionError", "AppProject nowhere does "
			       "not allow the repository");
	scene_end(&x, false);
}

#define TO_PROD "\"project\":\"prod\",\"source\":{\"repoURL\":\"http://git.sim/other\"}"
#define BY_ITSELF "\"syncPolicy\":{\"automated\":{\"prune\":true,\"selfHeal\":true}}"

static void two_projects(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	put_project(x, "argocd", "team", ANYTHING);
	put_project(x, "argocd", "prod", "\"sourceRepos\":[\"http://git.sim/other\"],"
		    ANYWHERE);
	scene_edit_app(x, IN_TEAM);
}

/* What one repository said goes out under no project that does not take that one. */
static void what_was_rendered_stays_outside(void **state)
{
	static const char *const moves[] = {
		"{\"spec\":{" TO_PROD "," BY_ITSELF "}}",
		"{\"spec\":{" TO_PROD "},\"operation\":{\"sync\":{}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
		struct engsim x;

		two_projects(&x, 980 + i);
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":null}}");
		engsim_start(&x);
		sim_run_for(x.s, 20000);
		scene_edit_app(&x, moves[i]);
		sim_run_for(x.s, 60000);
		assert_int_equal(writes_to_shop(&x, 0), 0);
		assert_null(apisim_get(x.api, "deployments.apps", "shop", "web"));
		if (i)
			assert_string_equal(doc_get_str(engsim_status(&x, "shop"),
				"operationState", "phase", NULL), "Failed");
		scene_end(&x, true);
	}
}

/* Nor is what an earlier project took put back, gone on with, or gone back to. */
static void what_ran_stays_in_its_project(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct engsim x;
		size_t from;

		two_projects(&x, 990 + i);
		engsim_start(&x);
		if (!i)		/* it is tried again and again */
			scene_narrow(&x);
		else
			engsim_until_phase(&x, "shop", "Good", LONG);
		sim_run_for(x.s, 20000);
		scene_edit_app(&x, "{\"spec\":{" TO_PROD "}}");
		sim_run_for(x.s, 2000);
		from = sim_request_count(x.s);
		if (i)
			scene_drift(&x, "v9");
		if (i == 2)
			scene_edit_app(&x, "{\"operation\":{\"sync\":{\"syncOptions\":["
				       "\"syncd.dev/release=1\"]}}}");
		sim_run_for(x.s, 120000);
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/"), 0);
		assert_non_null(strstr(doc_get_str(engsim_status(&x, "shop"), "syncd",
						   "message", NULL), "of project team"));
		/* Back in the project that took it, it goes on. */
		scene_edit_app(&x, "{\"spec\":{\"project\":\"team\",\"source\":{\"repoURL\":"
			       "\"" REPO "\"}}}");
		scene_widen(&x);
		scene_until_tag(&x, "v1", 2 * LONG);
		scene_end(&x, true);
	}
}

static bool root_gone(void *arg)
{
	struct engsim *x = arg;

	return !apisim_get(x->api, "applications.argoproj.io", "argocd", "root");
}

/* A folder of the project and what lives in it: the fence stands until that has ended. */
static void a_project_goes_after_its_applications(void **state)
{
	static const char parent[] = "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		"\"Application\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"argocd\","
		"\"finalizers\":[\"resources-finalizer.argocd.argoproj.io\"]},\"spec\":{"
		"\"project\":\"%s\",\"source\":{\"repoURL\":\"" REPO "\",\"path\":\"%s\","
		"\"targetRevision\":\"main\"},\"destination\":{\"server\":"
		"\"https://kubernetes.default.svc\",\"namespace\":\"%s\"},\"syncPolicy\":{"
		"\"automated\":{\"prune\":true,\"selfHeal\":true}}}}";
	_cleanup_free_ char *root = xasprintf(parent, "root", "default", "apps", "argocd");
	_cleanup_free_ char *shop = xasprintf(parent, "shop", "team", "app", "shop");
	struct engsim x;

	(void)state;
	engsim_init(&x, 970);
	scene_put(&x, "v1");
	hooks_put(&x, "farewell", "PostDelete", "1", "");
	sim_git_commit(x.s, REPO, "main", "apps/shop.json", shop);
	sim_git_commit(x.s, REPO, "main", "apps/team.json", "{\"apiVersion\":"
		"\"argoproj.io/v1alpha1\",\"kind\":\"AppProject\",\"metadata\":{"
		"\"name\":\"team\",\"namespace\":\"argocd\"},\"spec\":{" ANYTHING "}}");
	apisim_apply(x.api, root);
	engsim_start(&x);
	engsim_until_phase(&x, "root", "Good", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "root");
	scene_until(&x, root_gone, LONG, "the end of all");
	assert_true(scene_gone(&x));
	assert_non_null(hooks_job(&x, "farewell"));
	assert_null(apisim_get(x.api, "appprojects.argoproj.io", "argocd", "team"));
	assert_string_equal(scene_tag(&x), "");
	scene_end(&x, false);
}

/* Whoever writes Applications in a namespace of a tenant cannot bring a project. */
static void a_tenants_project_counts_for_nothing(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 950);
	put_project(&x, "shop", "team", ANYTHING);
	scene_edit_app(&x, IN_TEAM);
	engsim_start(&x);
	sim_run_for(x.s, 30000);
	scene_assert_condition(&x, "shop", "InvalidSpecError", "no AppProject team");
	put_project(&x, "syncd-system", "team", ANYTHING);
	sim_run_for(x.s, 30000);
	assert_int_equal(writes_to_shop(&x, 0), 0);
	scene_end(&x, true);
}

static void default_is_made_once(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 960);
	assert_non_null(apisim_get(x.api, "appprojects.argoproj.io", "argocd",
				   "default"));
	apisim_delete(x.api, "appprojects.argoproj.io", "argocd", "default");
	sim_run_for(x.s, 30000);
	assert_null(apisim_get(x.api, "appprojects.argoproj.io", "argocd", "default"));
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fence_is_asked_first),
		cmocka_unit_test(a_fence_that_moves_is_heeded),
		cmocka_unit_test(a_revert_asks_too),
		cmocka_unit_test(deletion_never_hangs_on_a_project),
		cmocka_unit_test(nothing_is_made_without_a_project),
		cmocka_unit_test(nothing_is_made_in_anothers_project),
		cmocka_unit_test(what_was_rendered_stays_outside),
		cmocka_unit_test(what_ran_stays_in_its_project),
		cmocka_unit_test(a_project_goes_after_its_applications),
		cmocka_unit_test(a_tenants_project_counts_for_nothing),
		cmocka_unit_test(default_is_made_once),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
