/*
 * An operation that is called off between two of its steps, when no request of it waits:
 * the next step is not begun. Hooks that are not made stay so, what runs is let end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define SUSPEND "{\"metadata\":{\"annotations\":{\"syncd.dev/suspend\":\"a demo\"}}}"
#define RESUME "{\"metadata\":{\"annotations\":{\"syncd.dev/suspend\":null}}}"

/* Suspended as soon as a request of this method and path has left. */
struct trap {
	struct engsim *x;
	const char *method, *path;
	bool dry_run, sprung;
};

static void on_sent(void *arg, const struct sim_request *r)
{
	struct trap *t = arg;

	if (t->sprung || r->dry_run != t->dry_run || strcmp(r->method, t->method) ||
	    !strstr(r->path, t->path))
		return;
	t->sprung = true;
	scene_edit_app(t->x, SUSPEND);
}

static void set_trap(struct engsim *x, struct trap *t)
{
	t->x = x;
	sim_set_spy(x->s, &(struct sim_spy){ .sent = on_sent, .arg = t });
}

static bool is_second_good(void *arg)
{
	return doc_get_int(engsim_status(arg, "shop"), 0, "syncd", "lastGood", "id",
			   NULL) == 2;
}

/* While it asks dry (and nothing more waits), or writes the record: no hook is made. */
static void before_its_hooks(void **state)
{
	static const struct { const char *method, *path; bool dry_run; } rows[] = {
		{ "PATCH", "/deployments/web", true },
		{ "PATCH", "/secrets/syncd-state-", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sim_faults slow = { .slow = 1000 };
		struct trap t = { NULL, rows[i].method, rows[i].path, rows[i].dry_run,
				  false };
		struct engsim x;

		scene_good(&x, 4200 + i);
		sim_run_for(x.s, MINUTES);
		hooks_put(&x, "migrate", "PreSync", "v1", "");
		scene_put(&x, "v2");
		sim_set_faults(x.s, &slow, 0);
		sim_aim_faults(x.s, rows[i].method, rows[i].path);
		set_trap(&x, &t);
		sim_run_for(x.s, 10 * MINUTES);
		assert_true(t.sprung);
		assert_int_equal(scene_made(&x, 0, "/jobs/migrate"), 0);
		assert_string_equal(scene_tag(&x), "v1");
		sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
		scene_edit_app(&x, RESUME);
		scene_until(&x, is_second_good, 5 * MINUTES, "good");
		assert_int_equal(scene_made(&x, 0, "/jobs/migrate"), 1);
		sim_set_spy(x.s, &(struct sim_spy){ 0 });
		hooks_end(&x);
	}
}

/* While it asks whether its namespace is there: that is not made. */
static void before_its_namespace(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct trap t = { NULL, "GET", "/namespaces/elsewhere", false, false };
	struct engsim x;

	(void)state;
	scene_init(&x, 4210);
	sim_set_faults(x.s, &slow, 0);
	sim_aim_faults(x.s, "GET", "/namespaces/elsewhere");
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":\"elsewhere\"},"
		       "\"syncPolicy\":{\"syncOptions\":[\"CreateNamespace=true\"]}}}");
	set_trap(&x, &t);
	engsim_start(&x);
	sim_run_for(x.s, 10 * MINUTES);
	assert_true(t.sprung);
	assert_null(apisim_get(x.api, "namespaces", NULL, "elsewhere"));
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	scene_edit_app(&x, RESUME);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_non_null(apisim_get(x.api, "deployments.apps", "elsewhere", "web"));
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	scene_end(&x, true);
}

static void put_cron(struct engsim *x)
{
	engsim_commit(x, "second.yaml", "{\"apiVersion\":\"batch/v1\",\"kind\":"
		"\"CronJob\",\"metadata\":{\"name\":\"second\",\"annotations\":{\"argocd."
		"argoproj.io/hook\":\"PreSync\"}},\"spec\":{\"schedule\":\"0 0 1 1 *\","
		"\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":"
		"\"Never\",\"containers\":[{\"name\":\"x\",\"image\":\"tools:1\"}]}}}}}}");
}

/* A hook is being made: it is let end, and one of a later kind is not made after it. */
static void while_a_hook_runs(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct trap t = { NULL, "PATCH", "/jobs/first", false, false };
	struct engsim x;

	(void)state;
	scene_good(&x, 4220);
	hooks_put(&x, "first", "PreSync", "1", "");
	put_cron(&x);
	scene_put(&x, "v2");
	sim_set_faults(x.s, &slow, 0);
	sim_aim_faults(x.s, "PATCH", "/jobs/first");
	set_trap(&x, &t);
	sim_run_for(x.s, 10 * MINUTES);
	assert_true(t.sprung);
	assert_int_equal(scene_made(&x, 0, "/jobs/first"), 1);
	assert_int_equal(scene_made(&x, 0, "/cronjobs/second"), 0);
	assert_string_equal(scene_tag(&x), "v1");
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	scene_edit_app(&x, RESUME);
	scene_until(&x, is_second_good, 5 * MINUTES, "good");
	assert_int_equal(scene_made(&x, 0, "/jobs/first"), 1);
	assert_int_equal(scene_made(&x, 0, "/cronjobs/second"), 1);
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	hooks_end(&x);
}

/* The same before a revert; those that were not made are, when it goes on. */
static void while_a_hook_before_a_revert_runs(void **state)
{
	struct trap t = { NULL, "PATCH", "/jobs/first", false, false };
	struct apisim_options o = { .pod_start_ms = 20000 };
	struct engsim x;

	(void)state;
	scene_good(&x, 4230);
	apisim_set_options(x.api, &o);
	hooks_put(&x, "first", "PreRevert", "1", "");
	hooks_put(&x, "second", "PreRevert", "1",
		  ",\"argocd.argoproj.io/sync-wave\":\"1\"");
	scene_put(&x, "crash");
	set_trap(&x, &t);
	sim_run_for(x.s, 10 * MINUTES);
	assert_true(t.sprung);
	assert_int_equal(scene_made(&x, 0, "/jobs/second"), 0);
	assert_string_equal(scene_tag(&x), "crash");
	scene_edit_app(&x, RESUME);
	engsim_until_phase(&x, "shop", "Pinned", 10 * MINUTES);
	assert_int_equal(scene_made(&x, 0, "/jobs/second"), 1);
	assert_string_equal(scene_tag(&x), "v1");
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	hooks_end(&x);
}

/* ---- reverts ---- */

static bool goes_back(void *arg)
{
	return engsim_in_phase(arg, "shop", "Reverting");
}

/* A bad release is being put back, and what that asks of the Deployment goes so. */
static void begin_to_revert(struct engsim *x, uint64_t seed, const struct sim_faults *f)
{
	scene_init(x, seed);
	hooks_put_project(x, "");
	scene_edit_app(x, "{\"spec\":{\"project\":\"team\"}}");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	scene_put(x, "crash");
	scene_until_tag(x, "crash", LONG);
	sim_aim_faults(x->s, "PATCH", "/deployments/web");
	sim_set_faults(x->s, f, 0);
	scene_until(x, goes_back, 5 * MINUTES, "the revert");
}

/* Its project takes the application no more, and does again: the revert is not late. */
static void until_its_project_allows_it(void **state)
{
	static const struct sim_faults slow = { .slow = 1000 };
	struct engsim x;

	(void)state;
	begin_to_revert(&x, 4240, &slow);
	apisim_edit(x.api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    "{\"spec\":{\"sourceRepos\":[\"http://git.sim/none\"]}}");
	sim_run_for(x.s, 2 * MINUTES);
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	assert_string_equal(scene_tag(&x), "crash");
	apisim_edit(x.api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    "{\"spec\":{\"sourceRepos\":[\"*\"]}}");
	scene_until_tag(&x, "v1", MINUTES);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_end(&x, true);
}

#define TERMINATE "{\"status\":{\"operationState\":{\"phase\":\"Terminating\"}}}"

static bool is_terminated(void *arg)
{
	return !strcmp(ask_op(arg, "phase"), "Failed") &&
	       strstr(ask_op(arg, "message"), "Operation terminated");
}

/*
 * A person ends a revert whose requests fail: nothing is sent for a while, people read why
 * and that it comes again, and then it does.
 */
static void by_a_person_in_trouble(void **state)
{
	static const struct sim_faults broken = { .slow = 1000, .http_500 = 1000 };

	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		struct engsim x;
		size_t from;

		begin_to_revert(&x, 4250 + (uint64_t)crash, &broken);
		scene_edit_app(&x, TERMINATE);
		scene_until(&x, is_terminated, MINUTES, "the end");
		sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
		from = sim_request_count(x.s);
		sim_run_for(x.s, 10 * MINUTES);
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
		assert_true(is_terminated(&x));
		scene_assert_condition(&x, "shop", "SyncError", "the revert to release #1 is "
				       "not done: it was terminated, and begins again at "
				       "2026-01-01T00:15:");
		if (crash) {
			engsim_crash(&x);
			engsim_start(&x);
		}
		scene_until_tag(&x, "v1", 10 * MINUTES);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_its_hooks),
		cmocka_unit_test(before_its_namespace),
		cmocka_unit_test(while_a_hook_runs),
		cmocka_unit_test(while_a_hook_before_a_revert_runs),
		cmocka_unit_test(until_its_project_allows_it),
		cmocka_unit_test(by_a_person_in_trouble),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
