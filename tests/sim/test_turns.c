/* Many applications at once: they begin in turn, so that each is done soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define CROWD 40
#define OBJECTS 4
#define MINUTE 60000

static void add_application(struct engsim *x, int n)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
		"\"metadata\":{\"name\":\"app-%02d\",\"namespace\":\"argocd\"},"
		"\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":\"" REPO "\","
		"\"path\":\"app\",\"targetRevision\":\"main\"},\"destination\":{"
		"\"server\":\"https://kubernetes.default.svc\",\"namespace\":"
		"\"shop-%02d\"},\"syncPolicy\":{\"automated\":{},\"syncOptions\":["
		"\"CreateNamespace=true\"]}}}", n, n);

	apisim_apply(x->api, text);
}

static unsigned good(struct engsim *x)
{
	char name[24];
	unsigned n = 0;

	for (int i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "app-%02d", i);
		n += engsim_in_phase(x, name, "Good");
	}
	return n;
}

static bool all_are_good(void *x)
{
	return good(x) == CROWD;
}

/* Every object of one of them is there. */
static bool one_is_applied(void *arg)
{
	struct engsim *x = arg;
	char ns[24];

	for (int i = 0; i < CROWD; i++) {
		int n = 0;

		snprintf(ns, sizeof(ns), "shop-%02d", i);
		for (int j = 0; j < OBJECTS; j++) {
			_cleanup_free_ char *name = xasprintf("cm-%d", j);

			n += apisim_get(x->api, "configmaps", ns, name) != NULL;
		}
		if (n == OBJECTS)
			return true;
	}
	return false;
}

/* How many of them have sent something for their objects. */
static int begun(struct engsim *x)
{
	char path[48];
	int n = 0;

	for (int i = 0; i < CROWD; i++) {
		snprintf(path, sizeof(path), "/namespaces/shop-%02d/", i);
		n += sim_count(x->s, 0, "PATCH", path) > 0;
	}
	return n;
}

static void start_crowd(struct engsim *x, uint64_t seed, unsigned max_requests)
{
	engsim_init(x, seed);
	x->max_requests = max_requests;
	for (int i = 0; i < OBJECTS; i++) {
		_cleanup_free_ char *name = xasprintf("cm-%d", i);
		_cleanup_free_ char *file = xasprintf("%s.yaml", name);
		_cleanup_free_ char *text = engsim_configmap(name, "a", 0);

		engsim_commit(x, file, text);
	}
	for (int i = 0; i < CROWD; i++)
		add_application(x, i);
	engsim_start(x);
}

static void a_crowd_begins_in_turn(void **state)
{
	struct engsim x;

	(void)state;
	start_crowd(&x, 4711, 2);
	scene_until(&x, one_is_applied, LONG, "the first");
	assert_in_range(begun(&x), 1, CROWD / 4);
	scene_until(&x, all_are_good, LONG, "all of them");
	assert_int_equal(begun(&x), CROWD);
	engsim_deinit(&x);
}

/* Whoever waits with its status for a calm is not looked at over and over. */
static void a_crowd_waits_without_looks(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct engsim x;

	(void)state;
	start_crowd(&x, 4712, 12);
	sim_aim_faults(x.s, "PATCH", "/configmaps/");
	sim_set_faults(x.s, &slow, sim_now(x.s) + MINUTE);
	sim_run_for(x.s, MINUTE);
	assert_in_range(good(&x), 0, CROWD / 2);
	assert_in_range(scene_looks(&x), CROWD, 40 * CROWD);
	scene_until(&x, all_are_good, LONG, "all of them");
	engsim_deinit(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crowd_begins_in_turn),
		cmocka_unit_test(a_crowd_waits_without_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
