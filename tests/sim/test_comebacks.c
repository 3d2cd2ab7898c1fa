/*
 * An Application that was deleted and is made again within the grace of its record: what
 * its end left behind, whole or half done, is put in order, and said as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

#define APPS "applications.argoproj.io"
#define CASCADE "{\"metadata\":{\"annotations\":{\"syncd.dev/wave-deadline\":\"1h\"}," \
	"\"finalizers\":[\"resources-finalizer.argocd.argoproj.io\"]}}"
#define HOOKS_ONLY "{\"metadata\":{\"finalizers\":[" \
	"\"pre-delete-finalizer.argocd.argoproj.io\"]}}"
#define LET_GO "{\"metadata\":{\"finalizers\":null}}"
#define NO_HEAL "{\"spec\":{\"syncPolicy\":{\"automated\":{\"selfHeal\":false," \
	"\"allowEmpty\":true}}}}"

static bool web_is_gone(void *arg)
{
	return !*scene_tag(arg);
}

static void end_it(struct engsim *x)
{
	scene_edit_app(x, CASCADE);
	sim_run_for(x->s, 2000);
	apisim_delete(x->api, APPS, "argocd", "shop");
}

/* It is pinned still, runs what it is pinned to, and says so. */
static void pinned(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 1);
	scene_put(&x, "crash");
	engsim_until_phase(&x, "shop", "Pinned", 600000);
	end_it(&x);
	scene_until(&x, scene_gone, LONG, "gone");
	assert_string_equal(scene_tag(&x), "");
	sim_run_for(x.s, 5000);
	engsim_application(&x, "shop", "");
	scene_until_tag(&x, "v1", LONG);
	sim_run_for(x.s, 60000);
	assert_true(engsim_in_phase(&x, "shop", "Pinned"));
	assert_string_equal(scene_tag(&x), "v1");
	scene_put(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(scene_tag(&x), "v3");
	scene_end(&x, false);
}

/* Stuck half way, and let go by hand: what is gone is no drift. */
static void half_gone(struct engsim *x, uint64_t seed, const char *base)
{
	_cleanup_free_ char *map = engsim_configmap("conf", "one", 0);

	scene_init(x, seed);
	engsim_commit(x, "conf.yaml", map);
	if (base)
		engsim_commit(x, "base.yaml", base);
	hooks_put(x, "migrate", "PreSync", "1", "");
	scene_edit_app(x, NO_HEAL);
	hooks_start(x);
	apisim_edit(x->api, "holder", "configmaps", "shop", "conf",
		    "{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}");
	end_it(x);
	scene_until(x, web_is_gone, LONG, "half gone");
	sim_run_for(x->s, 5000);
	assert_false(scene_gone(x));
}

/* Let go by hand, and made anew, without self-heal. */
static void comes_back(struct engsim *x)
{
	scene_edit_app(x, LET_GO);
	assert_true(scene_gone(x));
	sim_run_for(x->s, 10000);
	apisim_edit(x->api, "holder", "configmaps", "shop", "conf", LET_GO);
	engsim_application(x, "shop", "");
	scene_edit_app(x, NO_HEAL);
}

static void is_put_out(struct engsim *x)
{
	scene_until_tag(x, "v1", LONG);
	engsim_until_phase(x, "shop", "Good", LONG);
	sim_run_for(x->s, 5000);
	assert_non_null(apisim_get(x->api, "configmaps", "shop", "conf"));
	assert_int_equal(scene_made(x, 0, "/jobs/migrate"), 2);
	hooks_end(x);
}

static void after_half_a_cascade(void **state)
{
	struct engsim x;

	(void)state;
	half_gone(&x, 2, NULL);
	comes_back(&x);
	sim_run_for(x.s, 1000);
	assert_true(sim_log_contains(x.s, "was deleted before all of its objects were"));
	is_put_out(&x);
}

/* Nobody saw that it went. */
static void after_half_a_cascade_and_a_crash(void **state)
{
	struct engsim x;

	(void)state;
	half_gone(&x, 3, NULL);
	engsim_crash(&x);
	comes_back(&x);
	engsim_start(&x);
	is_put_out(&x);
}

/* Let go and made anew while the watch was cut: its end ends, and takes nothing more. */
static void unseen(void **state)
{
	_cleanup_free_ char *base = engsim_configmap("base", "one", -1);
	struct engsim x;
	size_t from;

	(void)state;
	half_gone(&x, 5, base);
	sim_set_partition(x.s, NULL, true);
	sim_run_for(x.s, 3000);
	scene_edit_app(&x, LET_GO);
	engsim_application(&x, "shop", "");
	scene_edit_app(&x, NO_HEAL);
	apisim_compact(x.api);
	sim_run_for(x.s, 1000);
	sim_set_partition(x.s, NULL, false);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 200000);
	assert_true(sim_log_contains(x.s, "the Application was made anew"));
	apisim_edit(x.api, "holder", "configmaps", "shop", "conf", LET_GO);
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/configmaps/base"), 0);
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "base"));
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "conf"));
	hooks_end(&x);
}

/* Is it asked for once more, since request number `from`? */
static size_t looks(struct engsim *x, size_t from)
{
	return sim_count(x->s, from, "GET", "/applications/shop");
}

/*
 * A moment after the last look at it, which is new enough for the next wave: the list
 * that a watch too old begins with ends what is under way, and nobody asks.
 */
static void seen_by_the_list(void **state)
{
	_cleanup_free_ char *base = engsim_configmap("base", "one", -1);
	struct sim_faults too_old = { .watch_410 = 1000 }, calm = { 0 };
	struct engsim x;
	size_t from;

	(void)state;
	half_gone(&x, 11, base);
	from = sim_request_count(x.s);
	for (int i = 0; i < 100 && !looks(&x, from); i++)
		sim_run_for(x.s, 100);
	assert_int_equal(looks(&x, from), 1);
	sim_run_for(x.s, 100);
	from = sim_request_count(x.s);
	sim_set_faults(x.s, &too_old, 0);
	scene_edit_app(&x, LET_GO);
	engsim_application(&x, "shop", "");
	scene_edit_app(&x, NO_HEAL);
	sim_run_for(x.s, 200);
	sim_set_faults(x.s, &calm, 0);
	for (int i = 0; i < 40 && !scene_made(&x, from, "/jobs/migrate"); i++)
		sim_run_for(x.s, 100);
	assert_int_equal(scene_made(&x, from, "/jobs/migrate"), 1);	/* of the new sync */
	assert_int_equal(looks(&x, from), 0);
	apisim_edit(x.api, "holder", "configmaps", "shop", "conf", LET_GO);
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/configmaps/base"), 0);
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "base"));
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "conf"));
	hooks_end(&x);
}

/* The same while the watch is silent: what is said to be going is asked first. */
static void unheard(void **state)
{
	_cleanup_free_ char *base = engsim_configmap("base", "one", -1);
	struct sim_faults silence = { .watch_stale = 1000 }, calm = { 0 };
	struct engsim x;
	size_t from;

	(void)state;
	half_gone(&x, 7, base);
	from = sim_request_count(x.s);
	sim_set_faults(x.s, &silence, 0);
	scene_edit_app(&x, LET_GO);
	engsim_application(&x, "shop", "");
	scene_edit_app(&x, NO_HEAL);
	sim_run_for(x.s, 500);
	sim_set_faults(x.s, &calm, 0);
	apisim_edit(x.api, "holder", "configmaps", "shop", "conf", LET_GO);
	sim_run_for(x.s, 40000);
	assert_false(sim_log_contains(x.s, "the Application was deleted before"));
	assert_int_equal(sim_count(x.s, from, "DELETE", "/configmaps/base"), 0);
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(sim_count(x.s, from, "DELETE", "/configmaps/base"), 0);
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "base"));
	is_put_out(&x);
}

/* It was read, to be deleted, when its Application went: the answer deletes nothing. */
static void read_when_it_was_let_go(void **state)
{
	_cleanup_free_ char *map = engsim_configmap("conf", "one", 5);
	struct sim_faults late = { .late = 1000 }, calm = { 0 };

	(void)state;
	for (uint64_t seed = 20; seed < 26; seed++) {
		struct engsim x;

		scene_init(&x, seed);
		engsim_commit(&x, "conf.yaml", map);
		scene_edit_app(&x, NO_HEAL);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_set_faults(x.s, &late, 0);
		sim_aim_faults(x.s, "GET", "/configmaps/conf");
		end_it(&x);
		sim_run_for(x.s, 400);
		assert_true(sim_log_contains(x.s, "its objects go first"));
		scene_edit_app(&x, LET_GO);
		engsim_application(&x, "shop", "");
		scene_edit_app(&x, NO_HEAL);
		sim_run_for(x.s, 400);
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/configmaps/conf"), 0);
		sim_run_for(x.s, 90000);
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/configmaps/conf"), 0);
		sim_set_faults(x.s, &calm, 0);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_non_null(apisim_get(x.api, "configmaps", "shop", "conf"));
		scene_end(&x, false);
	}
}

static bool says_that_it_cannot_ask(void *arg)
{
	const char *m = scene_condition(arg, "shop", "DeletionError");

	return m && strstr(m, "whether the Application is being deleted still cannot be read");
}

/* Nothing goes before that is known, and people are told what it waits for. */
static void it_may_not_ask(void **state)
{
	struct sim_faults down = { .http_500 = 1000 }, calm = { 0 };
	struct engsim x;

	(void)state;
	scene_good(&x, 9);
	sim_set_faults(x.s, &down, 0);
	sim_aim_faults(x.s, "GET", "/applications/shop");
	end_it(&x);
	scene_until(&x, says_that_it_cannot_ask, LONG, "the condition");
	sim_run_for(x.s, 30000);
	assert_string_equal(scene_tag(&x), "v1");
	sim_set_faults(x.s, &calm, 0);
	scene_until(&x, scene_gone, LONG, "gone");
	assert_string_equal(scene_tag(&x), "");
	scene_end(&x, false);
}

/* Its hooks ran at its end, its objects stayed: the soak is not over by that. */
static void in_its_soak(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 4);
	x.soak_ms = 300000;
	hooks_put(&x, "backup", "PreDelete", "1", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Soaking", LONG);
	scene_edit_app(&x, HOOKS_ONLY);
	sim_run_for(x.s, 2000);
	apisim_delete(x.api, APPS, "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone");
	assert_string_equal(scene_tag(&x), "v1");
	sim_run_for(x.s, 5000);
	engsim_application(&x, "shop", "");
	sim_run_for(x.s, 60000);
	assert_true(engsim_in_phase(&x, "shop", "Soaking"));
	engsim_until_phase(&x, "shop", "Good", 600000);
	assert_int_equal(doc_get_int(engsim_status(&x, "shop"), 0, "syncd", "lastGood", "id",
				     NULL), 1);
	hooks_end(&x);
}

/* Not one of its objects goes while it is suspended; nor is it tried over and over. */
static void suspended(void **state)
{
	const char *says;
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 6);
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"syncd.dev/suspend\":\"a demo\"}}}");
	sim_run_for(x.s, 5000);
	end_it(&x);
	sim_run_for(x.s, 5000);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/secrets/"), 0);
	says = doc_get_str(engsim_status(&x, "shop"), "syncd", "message", NULL);
	assert_non_null(says);
	assert_non_null(strstr(says, "suspended: a demo"));
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"syncd.dev/suspend\":null}}}");
	scene_until(&x, scene_gone, LONG, "gone");
	assert_string_equal(scene_tag(&x), "");
	scene_end(&x, false);
}

/* What a policy kept is not all of it: nobody has asked for the rest yet. */
static void kept_rows(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 8);
	engsim_commit(&x, "conf.json", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"conf\",\"annotations\":{"
		      "\"argocd.argoproj.io/sync-options\":\"Delete=false\"}}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	end_it(&x);
	scene_until(&x, scene_gone, LONG, "gone");
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "conf"));
	engsim_application(&x, "shop", "");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":null}}");
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status", NULL),
			    "OutOfSync");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "health", "status", NULL),
			    "Healthy");	/* of what is there, as in Argo CD */
	scene_end(&x, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pinned),
		cmocka_unit_test(after_half_a_cascade),
		cmocka_unit_test(after_half_a_cascade_and_a_crash),
		cmocka_unit_test(unseen),
		cmocka_unit_test(seen_by_the_list),
		cmocka_unit_test(unheard),
		cmocka_unit_test(read_when_it_was_let_go),
		cmocka_unit_test(it_may_not_ask),
		cmocka_unit_test(in_its_soak),
		cmocka_unit_test(suspended),
		cmocka_unit_test(kept_rows),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
