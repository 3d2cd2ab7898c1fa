/*
 * The operation field: chosen objects, dry runs, options of their own, a request
 * that takes the place of what goes on by itself, terminating.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"

static void put_map(struct engsim *x, const char *name, const char *value)
{
	_cleanup_free_ char *text = engsim_configmap(name, value, 0);
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);

	engsim_commit(x, file, text);
}

/* "" when it is not there. */
static const char *map_value(struct engsim *x, const char *name)
{
	const char *s = doc_get_str(apisim_get(x->api, "configmaps", "shop", name),
				    "data", "key", NULL);

	return s ? s : "";
}

/* Release #1 is good; automation is off from then on. */
static void by_hand(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	put_map(x, "a", "1");
	put_map(x, "b", "1");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	scene_edit_app(x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
}

#define ELSEWHERE "http://git.sim/elsewhere"

/* What the old source could not be rendered for is no answer about the new one. */
static void source_was_mended_a_moment_ago(void **state)
{
	_cleanup_free_ char *web = engsim_deployment("web", "v7", 3);
	struct engsim x;

	(void)state;
	by_hand(&x, 690);
	sim_git_commit(x.s, ELSEWHERE, "main", "app/web.yaml", web);
	engsim_commit(&x, "a.yaml", "{ not yaml");
	sim_run_for(x.s, 2 * MINUTES);
	scene_assert_condition(&x, "shop", "ComparisonError", "line 3");
	scene_edit_app(&x, "{\"spec\":{\"source\":{\"repoURL\":\"" ELSEWHERE "\"}},"
		       "\"operation\":{\"sync\":{}}}");
	sim_run_for(x.s, 100);
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(scene_tag(&x), "v7");
	scene_end(&x, true);
}

/* ---- the operation field ---- */

static size_t rows_of_result(struct engsim *x)
{
	return json_array_size(doc_get(engsim_status(x, "shop"), "operationState",
				       "syncResult", "resources", NULL));
}

#define CHOOSE(name) "\"resources\":[{\"kind\":\"ConfigMap\",\"name\":\"" name "\"}]"

static void only_chosen_objects_are_applied(void **state)
{
	struct engsim x;

	(void)state;
	by_hand(&x, 700);
	put_map(&x, "a", "2");
	put_map(&x, "b", "2");
	ask_sync(&x, CHOOSE("a"));
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(map_value(&x, "a"), "2");
	assert_string_equal(map_value(&x, "b"), "1");
	assert_int_equal(rows_of_result(&x), 1);
	/* The release in force is the old one, and the rest is still out of sync. */
	assert_int_equal(doc_get_int(engsim_status(&x, "shop"), 0, "syncd", "target",
				     "id", NULL), 1);
	assert_string_equal(ask_syncd(&x, "phase"), "Good");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status",
					NULL), "OutOfSync");
	ask_sync(&x, "");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(map_value(&x, "b"), "2");
	scene_end(&x, true);
}

static void chosen_object_that_is_not_there_is_named(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	by_hand(&x, 701);
	from = sim_request_count(x.s);
	ask_sync(&x, CHOOSE("nosuch"));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "has no ConfigMap nosuch"));
	ask_sync(&x, "\"resources\":[{\"kind\":\"ConfigMap\"}]");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "kind and name are needed"));
	assert_int_equal(sim_count(x.s, from, "PATCH", "/configmaps/"), 0);
	scene_end(&x, true);
}

static void drop_map(struct engsim *x, const char *name)
{
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);

	engsim_commit(x, file, "");
}

static void chosen_object_is_pruned_when_asked(void **state)
{
	struct engsim x;

	(void)state;
	by_hand(&x, 702);
	drop_map(&x, "a");
	drop_map(&x, "b");
	ask_sync(&x, CHOOSE("a"));
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(map_value(&x, "a"), "1");
	ask_sync(&x, CHOOSE("a") ",\"prune\":true");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(map_value(&x, "a"), "");
	assert_string_equal(map_value(&x, "b"), "1");
	scene_end(&x, false);
}

static bool is_over(void *arg)
{
	return *ask_op(arg, "finishedAt") && *map_value(arg, "a") == '2';
}

static void chosen_objects_survive_a_crash(void **state)
{
	struct engsim x;

	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		by_hand(&x, 710 + at);
		put_map(&x, "a", "2");
		put_map(&x, "b", "2");
		sim_crash_at(x.s, at * 4);
		ask_sync(&x, CHOOSE("a"));
		scene_until(&x, is_over, LONG, "the operation's end");
		sim_run_for(x.s, 5000);
		assert_string_equal(map_value(&x, "a"), "2");
		assert_string_equal(map_value(&x, "b"), "1");
		scene_end(&x, true);
	}
}

static void dry_run_reports_and_changes_nothing(void **state)
{
	struct engsim x;
	const json_t *rows, *r;
	size_t i;

	(void)state;
	by_hand(&x, 703);
	put_map(&x, "a", "2");
	put_map(&x, "c", "1");
	drop_map(&x, "b");
	ask_sync(&x, "\"dryRun\":true,\"prune\":true");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(ask_op(&x, "message"), "successfully synced (dry run)");
	assert_string_equal(map_value(&x, "a"), "1");
	assert_string_equal(map_value(&x, "b"), "1");
	assert_string_equal(map_value(&x, "c"), "");
	rows = doc_get(engsim_status(&x, "shop"), "operationState", "syncResult",
		       "resources", NULL);
	assert_int_equal(json_array_size(rows), 3);
	json_array_foreach(rows, i, r) {
		const char *name = doc_get_str(r, "name", NULL);
		const char *want = *name == 'a' ? "configured (dry run)" :
				   *name == 'b' ? "pruned (dry run)" :
						  "created (dry run)";

		assert_string_equal(doc_get_str(r, "message", NULL), want);
	}
	assert_int_equal(doc_get_int(engsim_status(&x, "shop"), 0, "syncd", "target",
				     "id", NULL), 1);
	scene_end(&x, true);
}

/* Deployments that were applied in earnest since then. */
static size_t written(struct engsim *x, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);

		n += !r->dry_run && !strcmp(r->method, "PATCH") &&
		     strstr(r->path, "/deployments/");
	}
	return n;
}

/*
 * What a dry run or a few objects of another revision were rendered for is nothing that
 * goes out by itself: not before the request, and not when it is over.
 */
static void another_revision_never_goes_by_itself(void **state)
{
	static const char *const more[] = { "\"dryRun\":true", CHOOSE("a") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		_cleanup_free_ char *fields = NULL;
		struct engsim x;
		size_t from;

		scene_init(&x, 740 + i);
		put_map(&x, "a", "1");
		fields = xasprintf("\"revision\":\"%s\",%s",
				   gitsim_ref(sim_git(x.s), REPO, "main"), more[i]);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_put(&x, "v2");
		scene_until_tag(&x, "v2", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		from = sim_request_count(x.s);
		for (int k = 0; k < 3; k++) {	/* the commit is known the next time */
			ask_sync(&x, fields);
			ask_until_ended(&x, "Succeeded");
			sim_run_for(x.s, 2 * MINUTES);
		}
		assert_int_equal(written(&x, from), 0);
		assert_string_equal(scene_tag(&x), "v2");
		scene_end(&x, true);
	}
}

static void own_options_replace_the_specs(void **state)
{
	struct engsim x;

	(void)state;
	by_hand(&x, 704);
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":\"fresh\"}}}");
	put_map(&x, "a", "2");
	ask_sync(&x, "\"resources\":[{\"kind\":\"ConfigMap\",\"name\":\"a\"}]");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "no namespace \"fresh\""));
	ask_sync(&x, CHOOSE("a") ",\"syncOptions\":[\"CreateNamespace=true\"]");
	ask_until_ended(&x, "Succeeded");
	assert_non_null(apisim_get(x.api, "configmaps", "fresh", "a"));
	scene_end(&x, true);
}

/* ---- superseding and terminating ---- */

static bool waits_for_a_try(void *arg)
{
	return strstr(ask_op(arg, "message"), "Retrying attempt");
}

/* v2 is refused and waits for another try, in ten minutes. */
static void stuck(struct engsim *x, uint64_t seed)
{
	scene_good(x, seed);
	scene_edit_app(x, "{\"spec\":{\"syncPolicy\":{\"retry\":{\"limit\":5,\"backoff\":{"
		       "\"duration\":\"10m\",\"maxDuration\":\"1h\"}}}}}");
	apisim_set_admission(x->api, ask_refuse_v2, NULL);
	scene_put(x, "v2");
	scene_until(x, waits_for_a_try, LONG, "the wait for another try");
	apisim_set_admission(x->api, NULL, NULL);
}

static bool is_v2(void *arg)
{
	return !strcmp(scene_tag(arg), "v2");
}

static void person_does_not_wait_behind_a_retry(void **state)
{
	struct engsim x;

	(void)state;
	stuck(&x, 720);
	ask_sync(&x, "");
	scene_until(&x, is_v2, 20000, "v2 by hand");
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void person_does_not_wait_behind_a_sync_that_settles(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 721);
	scene_put(&x, "noready-2");
	scene_until(&x, ask_is_settling, LONG, "settling");
	scene_put(&x, "v3");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	ask_sync(&x, "");
	scene_until_tag(&x, "v3", 30000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(ask_op(&x, "phase"), "Succeeded");
	scene_end(&x, true);
}

static void dry_run_disturbs_nobody(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 722);
	scene_put(&x, "noready-2");
	scene_until(&x, ask_is_settling, LONG, "settling");
	ask_sync(&x, "\"dryRun\":true");
	sim_run_for(x.s, 20000);
	assert_true(ask_is_settling(&x));
	scene_end(&x, true);
}

/* What can only be refused ends nothing: it waits, and is told then. */
static void what_is_refused_disturbs_nobody(void **state)
{
	static const struct {
		const char *request, *told;
	} t[] = {
		{ "\"syncOptions\":[\"syncd.dev/release=77\"]", "no release #77" },
		{ "\"syncOptions\":[\"syncd.dev/release=x\"]", "syncd.dev/release=x" },
		{ "\"revision\":\"nowhere\"",
		  "no branch or tag \"nowhere\": check the revision that ada asked for" },
	};
	struct engsim x;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		scene_good(&x, 727 + i);
		scene_put(&x, "noready-2");
		scene_until(&x, ask_is_settling, LONG, "settling");
		ask_sync(&x, t[i].request);
		sim_run_for(x.s, 20000);
		assert_true(ask_is_settling(&x));
		assert_string_equal(scene_tag(&x), "noready-2");
		sim_run_for(x.s, 10 * MINUTES);
		assert_string_equal(scene_tag(&x), "v1");
		if (!scene_has_event(&x, "RequestRefused", t[i].told)) {
			sim_dump(x.s);
			fail_msg("nothing says that %s is refused", t[i].request);
		}
		scene_end(&x, true);
	}
}

static bool is_second_good(void *arg)
{
	return doc_get_int(engsim_status(arg, "shop"), 0, "syncd", "lastGood", "id",
			   NULL) == 2;
}

/* Deleted and made anew at once, under its sync: the sync goes on. */
static void application_comes_back_under_its_sync(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 726);
	scene_put(&x, "v2");
	scene_until(&x, is_v2, LONG, "v2");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	engsim_application(&x, "shop", "");
	scene_until(&x, is_second_good, 10 * MINUTES, "v2 to be good");
	scene_end(&x, true);
}

static bool is_terminated(void *arg)
{
	return strstr(ask_op(arg, "message"), "Operation terminated") &&
	       !strcmp(ask_op(arg, "phase"), "Failed");
}

static void terminate(struct engsim *x)
{
	scene_edit_app(x, "{\"status\":{\"operationState\":{\"phase\":\"Terminating\"}}}");
}

static void wait_for_another_try_is_terminated(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		stuck(&x, 723 + (uint64_t)crash);
		if (crash) {
			engsim_crash(&x);
			engsim_start(&x);
			sim_run_for(x.s, 3000);
		}
		from = sim_request_count(x.s);
		terminate(&x);
		scene_until(&x, is_terminated, 20000, "the end");
		sim_run_for(x.s, 20 * MINUTES);
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
		assert_string_equal(scene_tag(&x), "v1");
		scene_end(&x, true);
	}
}

static void sync_that_settles_is_terminated(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 725);
	scene_put(&x, "noready-2");
	scene_until(&x, ask_is_settling, LONG, "settling");
	terminate(&x);
	scene_until(&x, is_terminated, 20000, "the end");
	sim_run_for(x.s, 10 * MINUTES);
	assert_string_equal(ask_syncd(&x, "phase"), "Unproven");
	scene_put(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(scene_tag(&x), "v3");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source_was_mended_a_moment_ago),
		cmocka_unit_test(only_chosen_objects_are_applied),
		cmocka_unit_test(chosen_object_that_is_not_there_is_named),
		cmocka_unit_test(chosen_object_is_pruned_when_asked),
		cmocka_unit_test(chosen_objects_survive_a_crash),
		cmocka_unit_test(dry_run_reports_and_changes_nothing),
		cmocka_unit_test(another_revision_never_goes_by_itself),
		cmocka_unit_test(own_options_replace_the_specs),
		cmocka_unit_test(person_does_not_wait_behind_a_retry),
		cmocka_unit_test(person_does_not_wait_behind_a_sync_that_settles),
		cmocka_unit_test(dry_run_disturbs_nobody),
		cmocka_unit_test(what_is_refused_disturbs_nobody),
		cmocka_unit_test(application_comes_back_under_its_sync),
		cmocka_unit_test(wait_for_another_try_is_terminated),
		cmocka_unit_test(sync_that_settles_is_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
