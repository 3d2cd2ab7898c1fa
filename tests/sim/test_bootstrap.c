/* --bootstrap-repo: the Application that keeps all others, made, kept and left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define HOME "syncd-system"
#define ROOT "syncd-bootstrap"
#define APPS "applications.argoproj.io"

static const json_t *app(struct engsim *x, const char *name)
{
	return apisim_get(x->api, APPS, HOME, name);
}

static const char *phase(struct engsim *x, const char *name)
{
	const char *s = doc_get_str(app(x, name), "status", "syncd", "phase", NULL);

	return s ? s : "";
}

static bool both_good(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(phase(x, ROOT), "Good") && !strcmp(phase(x, "shop"), "Good");
}

/* Commits clusters/a/<name>.yaml: an Application of this folder, without a namespace. */
static void put_app(struct engsim *x, const char *name, const char *folder)
{
	_cleanup_free_ char *path = xasprintf("clusters/a/%s.yaml", name);
	_cleanup_free_ char *text = xasprintf(
		"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
		"\"metadata\":{\"name\":\"%s\"},\"spec\":{\"project\":\"default\","
		"\"source\":{\"repoURL\":\"" REPO "\",\"path\":\"%s\",\"targetRevision\":"
		"\"main\"},\"destination\":{\"server\":\"https://kubernetes.default.svc\","
		"\"namespace\":\"shop\"},\"syncPolicy\":{\"automated\":{\"prune\":true,"
		"\"selfHeal\":true}}}}", name, folder);

	sim_git_commit(x->s, REPO, "main", path, text);
}

/* An empty cluster, a repository, the flags; not started. */
static void init(struct engsim *x, uint64_t seed)
{
	engsim_init(x, seed);
	scene_put(x, "v1");
	put_app(x, "shop", "app");
	x->bootstrap = (struct engine_bootstrap){ REPO, "clusters/a", "main" };
}

static void start(struct engsim *x, uint64_t seed)
{
	init(x, seed);
	engsim_start(x);
	scene_until(x, both_good, LONG, "both good");
}

static void an_empty_cluster_gets_its_applications(void **state)
{
	const json_t *spec;
	struct engsim x;

	(void)state;
	start(&x, 700);
	assert_string_equal(scene_tag(&x), "v1");
	spec = doc_get(app(&x, ROOT), "spec", NULL);
	assert_string_equal(doc_get_str(spec, "source", "repoURL", NULL), REPO);
	assert_string_equal(doc_get_str(spec, "source", "path", NULL), "clusters/a");
	assert_string_equal(doc_get_str(spec, "source", "targetRevision", NULL), "main");
	assert_string_equal(doc_get_str(spec, "destination", "namespace", NULL), HOME);
	assert_string_equal(doc_get_str(spec, "project", NULL), "default");
	assert_int_equal(sim_count(x.s, 0, "PUT", "/applications/" ROOT), 0);
	/* A restart finds it as it has to be. */
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_int_equal(sim_count(x.s, 0, "POST", "/namespaces/" HOME "/applications"), 1);
	assert_int_equal(sim_count(x.s, 0, "PUT", "/applications/" ROOT), 0);
	scene_end(&x, true);
}

static bool cart_is_good(void *arg)
{
	return !strcmp(phase(arg, "cart"), "Good");
}

static void a_commit_brings_one_more_and_takes_none_away(void **state)
{
	_cleanup_free_ char *cart = NULL;
	struct engsim x;

	(void)state;
	start(&x, 701);
	cart = engsim_configmap("cart", "one", 0);
	sim_git_commit(x.s, REPO, "main", "cart/all.yaml", cart);
	put_app(&x, "cart", "cart");
	scene_until(&x, cart_is_good, LONG, "cart is good");
	/* What leaves Git is an Application: a person has to say that it goes. */
	sim_git_commit(x.s, REPO, "main", "clusters/a/shop.yaml", "# nothing");
	sim_run_for(x.s, 120000);
	assert_non_null(app(&x, "shop"));
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

static bool is_as_asked(void *arg)
{
	const json_t *spec = doc_get(app(arg, ROOT), "spec", NULL);
	const char *path = doc_get_str(spec, "source", "path", NULL);

	return path && !strcmp(path, "clusters/a") && !doc_get(spec, "info", NULL) &&
	       doc_get_bool(spec, false, "syncPolicy", "automated", "selfHeal", NULL);
}

/* Every field of the spec, those that we did not write as well; no metadata. */
static void what_somebody_changes_is_put_back(void **state)
{
	static const char *const patches[] = {
		"{\"spec\":{\"source\":{\"path\":\"elsewhere\"}}}",
		"{\"spec\":{\"syncPolicy\":null}}",
		"{\"spec\":{\"info\":[{\"name\":\"a\",\"value\":\"b\"}]}}",
		"{\"spec\":null}",
	};
	struct engsim x;

	(void)state;
	start(&x, 702);
	apisim_edit(x.api, "kubectl", APPS, HOME, ROOT,
		    "{\"metadata\":{\"annotations\":{\"syncd.dev/soak\":\"7s\"}}}");
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		sim_run_for(x.s, 200000);
		apisim_edit(x.api, "kubectl-edit", APPS, HOME, ROOT, patches[i]);
		assert_false(is_as_asked(&x));
		scene_until(&x, is_as_asked, 2000, patches[i]);
	}
	scene_until(&x, both_good, LONG, "both good again");
	assert_string_equal(doc_get_str(app(&x, ROOT), "metadata", "annotations",
					"syncd.dev/soak", NULL), "7s");
	scene_end(&x, true);
}

static void one_that_is_deleted_comes_back(void **state)
{
	struct engsim x;

	(void)state;
	start(&x, 703);
	apisim_delete(x.api, APPS, HOME, ROOT);
	sim_run_for(x.s, 5000);
	scene_until(&x, both_good, LONG, "both good again");
	/* Also when nobody was watching. */
	sim_set_partition(x.s, NULL, true);
	sim_run_for(x.s, 3000);
	apisim_delete(x.api, APPS, HOME, ROOT);
	apisim_compact(x.api);
	sim_run_for(x.s, 1000);
	sim_set_partition(x.s, NULL, false);
	sim_run_for(x.s, 90000);
	scene_until(&x, both_good, LONG, "both good a third time");
	scene_end(&x, true);
}

static void without_the_flags_it_is_the_peoples(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	start(&x, 704);
	engsim_crash(&x);
	x.bootstrap = (struct engine_bootstrap){ 0 };
	engsim_start(&x);
	sim_run_for(x.s, 30000);
	apisim_edit(x.api, "kubectl-edit", APPS, HOME, ROOT,
		    "{\"spec\":{\"source\":{\"path\":\"elsewhere\"}}}");
	from = sim_request_count(x.s);
	sim_run_for(x.s, 120000);
	assert_false(is_as_asked(&x));
	assert_int_equal(sim_count(x.s, from, "PUT", "/applications/" ROOT), 0);
	assert_non_null(app(&x, "shop"));
	/* And with others it is what those say. */
	engsim_crash(&x);
	x.bootstrap = (struct engine_bootstrap){ REPO, "clusters/a", NULL };
	engsim_start(&x);
	scene_until(&x, is_as_asked, 60000, "as the flags say");
	assert_string_equal(doc_get_str(app(&x, ROOT), "spec", "source",
					"targetRevision", NULL), "HEAD");
	scene_end(&x, true);
}

static bool deny_create(void *arg, const char *user, const char *verb,
			const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	(void)ns;
	return !strcmp(verb, "create") && !strncmp(resource, "applications", 12);
}

static void refusals_and_fights_are_met_with_growing_pauses(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 705);
	apisim_set_authz(x.api, deny_create, NULL);
	engsim_start(&x);
	sim_run_for(x.s, 300000);
	assert_in_range(scene_answers(&x, 0, "POST", "/applications", 403), 5, 15);
	assert_true(sim_log_contains(x.s, "--bootstrap-repo asks for"));
	apisim_set_authz(x.api, NULL, NULL);
	scene_until(&x, both_good, LONG, "both good");
	sim_run_for(x.s, 200000);
	from = sim_request_count(x.s);
	for (int i = 0; i < 600; i++) {
		if (is_as_asked(&x))
			apisim_edit(x.api, "rival", APPS, HOME, ROOT,
				    "{\"spec\":{\"syncPolicy\":null}}");
		sim_run_for(x.s, 500);
	}
	assert_in_range(sim_count(x.s, from, "PUT", "/applications/" ROOT), 5, 15);
	scene_until(&x, is_as_asked, 80000, "put back in the end");
	scene_end(&x, true);
}

static void a_standby_writes_none(void **state)
{
	struct sim_host *host;
	struct engine *second;
	struct engsim x;
	size_t from;

	(void)state;
	start(&x, 706);
	host = sim_host_new(x.s, "second");
	x.bootstrap.path = "clusters/b";
	second = engsim_engine(&x, sim_host_world(host), "second", true);
	engine_start(second);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 60000);
	assert_true(is_as_asked(&x));
	assert_int_equal(sim_count(x.s, from, "PUT", "/applications/" ROOT), 0);
	engine_abandon(second);
	sim_host_abandon(x.s, host);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_cluster_gets_its_applications),
		cmocka_unit_test(a_commit_brings_one_more_and_takes_none_away),
		cmocka_unit_test(what_somebody_changes_is_put_back),
		cmocka_unit_test(one_that_is_deleted_comes_back),
		cmocka_unit_test(without_the_flags_it_is_the_peoples),
		cmocka_unit_test(refusals_and_fights_are_met_with_growing_pauses),
		cmocka_unit_test(a_standby_writes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
