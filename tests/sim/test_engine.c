/* The engine's main stories in the simulated world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "core/doc.h"
#include "engsim.h"

#define LONG 120000

static void setup_with(struct engsim *x, uint64_t seed, const char *tag,
		       uint64_t soak_ms, uint64_t poll_ms)
{
	_cleanup_free_ char *web = engsim_deployment("web", tag, 3);
	_cleanup_free_ char *cm = engsim_configmap("settings", "one", 1);

	engsim_init(x, seed);
	x->soak_ms = soak_ms;
	x->poll_ms = poll_ms;
	engsim_commit(x, "web.yaml", web);
	engsim_commit(x, "settings.yaml", cm);
	engsim_application(x, "shop", "");
	engsim_start(x);
}

static void setup(struct engsim *x, uint64_t seed, const char *tag)
{
	setup_with(x, seed, tag, 5000, 10000);
}

static void commit_tag(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *web = engsim_deployment("web", tag, 3);

	engsim_commit(x, "web.yaml", web);
}

static const char *image(struct engsim *x)
{
	const json_t *d = apisim_get(x->api, "deployments.apps", "shop", "web");
	const json_t *c = doc_get(d, "spec", "template", "spec", "containers", NULL);

	return doc_get_str(json_array_get(c, 0), "image", NULL);
}

static void assert_status(struct engsim *x, const char *sync, const char *health)
{
	const json_t *s = engsim_status(x, "shop");

	assert_string_equal(doc_get_str(s, "sync", "status", NULL), sync);
	assert_string_equal(doc_get_str(s, "health", "status", NULL), health);
}

static void first_release_becomes_good(void **state)
{
	struct engsim x;
	size_t quiet;

	(void)state;
	setup(&x, 1, "v1");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 3000);
	assert_status(&x, "Synced", "Healthy");
	assert_string_equal(image(&x), "registry.example/web:v1");
	for (size_t i = 0; getenv("SIM_SHOW") && i < sim_request_count(x.s); i++) {
		const struct sim_request *q = sim_request(x.s, i);

		print_message("%6llu %-6s %s?%s -> %d\n", (unsigned long long)q->at,
			      q->method, q->path, q->query, q->status);
	}
	/* Steady state costs nothing. */
	quiet = sim_request_count(x.s);
	sim_run_for(x.s, 60000);
	assert_int_equal(sim_writes(x.s, quiet) -
			 sim_count(x.s, quiet, "PUT", "/leases/"), 0);
	engsim_deinit(&x);
}

static bool healed(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(image(x), "registry.example/web:v1") &&
	       engsim_in_phase(x, "shop", "Good");
}

static void drift_is_healed(void **state)
{
	struct engsim x;

	(void)state;
	setup(&x, 2, "v1");
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_edit(x.api, "kubectl-edit", "deployments.apps", "shop", "web",
		    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":"
		    "\"main\",\"image\":\"evil:v9\"}]}}}}");
	assert_string_equal(image(&x), "evil:v9");
	assert_true(engsim_run(&x, healed, 30000));
	apisim_delete(x.api, "configmaps", "shop", "settings");
	sim_run_for(x.s, 10000);
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "settings"));
	engsim_deinit(&x);
}

static void what_leaves_git_is_pruned_late(void **state)
{
	struct engsim x;

	(void)state;
	setup(&x, 3, "v1");
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_commit(&x, "settings.yaml", NULL);
	sim_run_for(x.s, 60000);
	assert_null(apisim_get(x.api, "configmaps", "shop", "settings"));
	assert_non_null(image(&x));
	assert_status(&x, "Synced", "Healthy");
	engsim_deinit(&x);
}

static void bad_image_is_reverted_and_pinned(void **state)
{
	struct engsim x;
	const json_t *s;
	size_t from;

	(void)state;
	setup(&x, 4, "v1");
	engsim_until_phase(&x, "shop", "Good", LONG);
	commit_tag(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(image(&x), "registry.example/web:v1");
	sim_run_for(x.s, 5000);
	assert_status(&x, "OutOfSync", "Healthy");
	s = engsim_status(&x, "shop");
	assert_non_null(strstr(doc_get_str(s, "syncd", "pin", "why", NULL),
			       "ImagePullBackOff"));
	/* Pinned: no loop, whatever time passes and whatever is polled. */
	from = sim_request_count(x.s);
	sim_run_for(x.s, 300000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/"), 0);
	/* Healed to the pin while Git wants the bad one, and while Git is down. */
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	apisim_edit(x.api, "kubectl-edit", "deployments.apps", "shop", "web",
		    "{\"spec\":{\"replicas\":1}}");
	sim_run_for(x.s, 20000);
	assert_int_equal(doc_get_int(apisim_get(x.api, "deployments.apps", "shop",
				     "web"), 0, "spec", "replicas", NULL), 3);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_FINE);
	commit_tag(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(image(&x), "registry.example/web:v3");
	sim_run_for(x.s, 3000);
	assert_status(&x, "Synced", "Healthy");
	engsim_deinit(&x);
}

static void first_bad_release_stays_to_be_looked_at(void **state)
{
	struct engsim x;

	(void)state;
	setup(&x, 5, "bad1");
	engsim_until_phase(&x, "shop", "Failed", LONG);
	assert_string_equal(image(&x), "registry.example/web:bad1");
	commit_tag(&x, "v2");
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_deinit(&x);
}

static bool good_v1(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Good") && image(x) &&
	       !strcmp(image(x), "registry.example/web:v1");
}

/* The process dies at every step of the first sync; the next one continues. */
static void crash_at_every_step_of_the_first_sync(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 200; n++) {
		struct engsim x;
		uint64_t steps;

		setup(&x, 1000 + n, "v1");
		sim_crash_at(x.s, n);
		if (!engsim_run(&x, good_v1, 300000)) {
			sim_dump(x.s);
			fail_msg("crash at step %llu: not good", (unsigned long long)n);
		}
		steps = sim_steps(x.s);
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/namespaces/shop/"), 0);
		engsim_deinit(&x);
		if (x.lives == 1 && n > steps)
			break;	/* it was good before the crash came */
	}
}

static bool pinned_v1(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") &&
	       !strcmp(image(x), "registry.example/web:v1");
}

static void crash_at_every_step_of_the_revert(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 200; n += 3) {
		struct engsim x;
		unsigned lives;

		setup(&x, 2000 + n, "v1");
		engsim_until_phase(&x, "shop", "Good", LONG);
		commit_tag(&x, "bad2");
		lives = x.lives;
		sim_crash_at(x.s, n);
		if (!engsim_run(&x, pinned_v1, 300000)) {
			sim_dump(x.s);
			fail_msg("crash at step %llu: not reverted", (unsigned long long)n);
		}
		engsim_deinit(&x);
		if (x.lives == lives)
			break;
	}
}

static void faults_delay_but_do_not_confuse(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim_faults f = sim_faults_mixed(1 + seed % 3);
		struct engsim x;

		setup(&x, 3000 + seed, "v1");
		sim_set_faults(x.s, &f, 90000);
		if (!engsim_run(&x, good_v1, 600000)) {
			sim_dump(x.s);
			fail_msg("seed %llu: not good", (unsigned long long)seed);
		}
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/namespaces/shop/"), 0);
		engsim_deinit(&x);
	}
}

/* What changes while a status is being written is told too, not at the next poll. */
static void last_word_of_the_status_is_told(void **state)
{
	_cleanup_free_ char *two = engsim_configmap("settings", "two", 1);
	struct sim_faults slow = { .slow = 250 };

	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct engsim x;

		setup_with(&x, 5000 + seed, "v1", 0, 600000);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_run_for(x.s, 5000);
		engsim_commit(&x, "settings.yaml", two);
		sim_set_faults(x.s, &slow, sim_now(x.s) + 2000);
		apisim_edit(x.api, "kubectl-annotate", "applications.argoproj.io",
			    "argocd", "shop", "{\"metadata\":{\"annotations\":{"
			    "\"argocd.argoproj.io/refresh\":\"normal\"}}}");
		sim_run_for(x.s, 45000);
		assert_status(&x, "Synced", "Healthy");
		engsim_deinit(&x);
	}
}

/* Nobody could have read that it ran: the end follows within a second. */
static void short_operations_are_told_once(void **state)
{
	_cleanup_free_ char *two = engsim_configmap("settings", "two", 1);
	struct engsim x;
	size_t from;

	(void)state;
	setup_with(&x, 7, "v1", 0, 600000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	from = sim_request_count(x.s);
	engsim_commit(&x, "settings.yaml", two);
	apisim_edit(x.api, "kubectl-annotate", "applications.argoproj.io",
		    "argocd", "shop", "{\"metadata\":{\"annotations\":{"
		    "\"argocd.argoproj.io/refresh\":\"normal\"}}}");
	sim_run_for(x.s, 20000);
	assert_status(&x, "Synced", "Healthy");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/applications/shop"), 1);
	engsim_deinit(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_release_becomes_good),
		cmocka_unit_test(drift_is_healed),
		cmocka_unit_test(what_leaves_git_is_pruned_late),
		cmocka_unit_test(bad_image_is_reverted_and_pinned),
		cmocka_unit_test(first_bad_release_stays_to_be_looked_at),
		cmocka_unit_test(crash_at_every_step_of_the_first_sync),
		cmocka_unit_test(crash_at_every_step_of_the_revert),
		cmocka_unit_test(faults_delay_but_do_not_confuse),
		cmocka_unit_test(last_word_of_the_status_is_told),
		cmocka_unit_test(short_operations_are_told_once),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
