/*
 * Applications that have each other among their objects, in a cascading deletion: each
 * would wait for the next. The ring opens at one place, and nothing else changes: all
 * objects go, and whoever is outside is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define FINALIZER "resources-finalizer.argocd.argoproj.io"

static const char *const names[] = { "a", "b", "c" };

static char *application(const char *name, const char *finalizers)
{
	return xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"argocd\",\"finalizers\":[%s],"
		"\"annotations\":{\"argocd.argoproj.io/sync-wave\":\"5\"}},\"spec\":{"
		"\"project\":\"default\",\"source\":{\"repoURL\":\"" REPO "\",\"path\":\"%s\","
		"\"targetRevision\":\"main\"},\"destination\":{\"server\":"
		"\"https://kubernetes.default.svc\",\"namespace\":\"shop\"},\"syncPolicy\":{"
		"\"automated\":{\"prune\":true,\"selfHeal\":true}}}}", name, finalizers, name);
}

/* The folder of application `of` holds a ConfigMap of its name and this Application. */
static void put(struct engsim *x, const char *of, const char *child,
		const char *finalizers)
{
	_cleanup_free_ char *map_path = xasprintf("%s/map.json", of);
	_cleanup_free_ char *map = engsim_configmap(of, "v", 0);
	_cleanup_free_ char *path = xasprintf("%s/%s.json", of, child ? child : "");
	_cleanup_free_ char *text = child ? application(child, finalizers) : NULL;

	sim_git_commit(x->s, REPO, "main", map_path, map);
	if (child)
		sim_git_commit(x->s, REPO, "main", path, text);
}

static bool is_there(struct engsim *x, const char *name)
{
	return apisim_get(x->api, "applications.argoproj.io", "argocd", name) ||
	       apisim_get(x->api, "configmaps", "shop", name);
}

/* Application "a" by hand, and everything that it brings. */
static void begin(struct engsim *x, uint64_t seed)
{
	_cleanup_free_ char *first = application("a", "\"" FINALIZER "\"");

	engsim_init(x, seed);
	apisim_apply(x->api, first);
}

static void start(struct engsim *x, size_t n)
{
	engsim_start(x);
	for (size_t i = 0; i < n; i++)
		engsim_until_phase(x, names[i], "Good", LONG);
	sim_run_for(x->s, 5000);
}

static void ring(struct engsim *x, size_t n)
{
	begin(x, 10 + n);
	for (size_t i = 0; i < n; i++)
		put(x, names[i], names[(i + 1) % n], "\"" FINALIZER "\"");
	start(x, n);
}

static void must_be_gone(struct engsim *x, size_t n, const char *what, uint64_t at)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_there(x, names[i]))
			continue;
		sim_dump(x->s);
		fail_msg("a ring of %zu, %s after %llu ms: %s is there", n, what,
			 (unsigned long long)at, names[i]);
	}
}

/* Whichever is deleted first, and whenever syncd is killed. */
static void a_ring_goes(void **state)
{
	static const uint64_t kills[] = { 0, 20, 60, 200, 700, 2000 };

	(void)state;
	for (size_t n = 1; n <= ARRAY_LEN(names); n++)
		for (size_t k = 0; k < ARRAY_LEN(kills); k++) {
			struct engsim x;

			ring(&x, n);
			apisim_delete(x.api, "applications.argoproj.io", "argocd",
				      names[k % n]);
			if (kills[k]) {
				sim_run_for(x.s, kills[k]);
				engsim_crash(&x);
				engsim_start(&x);
			}
			sim_run_for(x.s, 40000);
			must_be_gone(&x, n, "killed", kills[k]);
			assert_int_equal(sim_log_contains(x.s, "without waiting for Application"),
					 n > 1);
			if (n > 1 && !kills[k])
				assert_true(scene_has_event(&x, "DeletionRing",
							    "each other among their objects"));
			engsim_deinit(&x);
		}
}

/* All at once, as `kubectl delete applications --all` does. */
static void a_ring_that_is_deleted_at_once(void **state)
{
	struct engsim x;

	(void)state;
	ring(&x, 3);
	for (size_t i = 0; i < 3; i++)
		apisim_delete(x.api, "applications.argoproj.io", "argocd", names[2 - i]);
	sim_run_for(x.s, 40000);
	must_be_gone(&x, 3, "deleted at once", 0);
	engsim_deinit(&x);
}

/* a and b have each other; b has c, too, which somebody else holds. */
static void what_is_outside_of_a_ring_is_waited_for(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 20);
	put(&x, "a", "b", "\"" FINALIZER "\"");
	put(&x, "b", "a", "\"" FINALIZER "\"");
	put(&x, "b", "c", "\"" FINALIZER "\",\"example.com/hold\"");
	put(&x, "c", NULL, NULL);
	start(&x, 3);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "a");
	sim_run_for(x.s, 100000);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(apisim_get(x.api, "applications.argoproj.io", "argocd",
					   names[i]));
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "a"));	/* wave 0: after b */
	apisim_edit(x.api, "holder", "applications.argoproj.io", "argocd", "c",
		    "{\"metadata\":{\"finalizers\":null}}");
	sim_run_for(x.s, 60000);
	must_be_gone(&x, 3, "let go", 0);
	engsim_deinit(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_goes),
		cmocka_unit_test(a_ring_that_is_deleted_at_once),
		cmocka_unit_test(what_is_outside_of_a_ring_is_waited_for),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
