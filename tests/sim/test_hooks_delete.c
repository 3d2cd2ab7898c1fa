/*
 * The end of an application and its hooks; operations that are terminated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

#define CASCADE "{\"metadata\":{\"finalizers\":[" \
	"\"resources-finalizer.argocd.argoproj.io\"]}}"
#define ARGO_CD "{\"metadata\":{\"finalizers\":[" \
	"\"pre-delete-finalizer.argocd.argoproj.io\"," \
	"\"post-delete-finalizer.argocd.argoproj.io/cleanup\"]}}"

static void put_all(struct engsim *x)
{
	hooks_put(x, "migrate", "PreSync", "1", "");
	hooks_put(x, "backup", "PreDelete", "1", "");
	hooks_put(x, "farewell", "PostDelete", "1", "");
	hooks_put(x, "sweep", "PostDelete", "1", ",\"argocd.argoproj.io/"
		  "hook-delete-policy\":\"HookSucceeded\"");
}

static void begin(struct engsim *x, uint64_t seed, const char *finalizers)
{
	scene_init(x, seed);
	put_all(x);
	hooks_start(x);
	assert_null(hooks_job(x, "backup"));
	assert_null(hooks_job(x, "farewell"));
	scene_edit_app(x, finalizers);
	sim_run_for(x->s, 2000);
}

static size_t first(struct engsim *x, const char *method, const char *path)
{
	for (size_t i = 0; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);

		if (!strcmp(q->method, method) && strstr(q->path, path) &&
		    !q->dry_run && q->status < 300)
			return i;
	}
	return SIZE_MAX;
}

static void before_and_after_the_objects(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 1, CASCADE);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone");
	assert_true(first(&x, "PATCH", "/jobs/backup") <
		    first(&x, "DELETE", "/deployments/web"));
	assert_true(first(&x, "DELETE", "/deployments/web") <
		    first(&x, "PATCH", "/jobs/farewell"));
	assert_string_equal(scene_tag(&x), "");
	/* Of hooks only those that come last may stay, as their policy says. */
	sim_run_for(x.s, 5000);
	assert_null(hooks_job(&x, "migrate"));
	assert_null(hooks_job(&x, "backup"));
	assert_null(hooks_job(&x, "sweep"));
	assert_non_null(hooks_job(&x, "farewell"));
	hooks_end(&x);
}

/* Git may be down by then: the stored release says which hooks there are. */
static void without_git(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 2, CASCADE);
	engsim_crash(&x);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	engsim_start(&x);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone");
	assert_true(first(&x, "PATCH", "/jobs/backup") != SIZE_MAX);
	assert_non_null(hooks_job(&x, "farewell"));
	hooks_end(&x);
}

/* Finalizers that Argo CD wrote: the hooks run, and the objects stay. */
static void hooks_without_a_cascade(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 3, ARGO_CD);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone");
	assert_non_null(hooks_job(&x, "backup"));
	assert_non_null(hooks_job(&x, "farewell"));
	assert_string_equal(scene_tag(&x), "v1");
	hooks_end(&x);
}

static bool has_deletion_error(void *arg)
{
	struct engsim *x = arg;
	const char *m = scene_condition(x, "shop", "DeletionError");

	return m && strstr(m, "PreDelete hook batch/Job/shop/backup");
}

/* A backup that fails keeps what it could not save, until it is mended. */
static void a_failing_one_keeps_the_objects(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 4, CASCADE);
	hooks_put(&x, "backup", "PreDelete", "crash", "");
	sim_run_for(x.s, 30000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, has_deletion_error, LONG, "the error");
	sim_run_for(x.s, 120000);
	assert_string_equal(scene_tag(&x), "v1");
	hooks_put(&x, "backup", "PreDelete", "2", "");
	scene_until(&x, scene_gone, LONG, "gone");
	assert_string_equal(scene_tag(&x), "");
	hooks_end(&x);
}

/* What it saved is saved: only the one that failed is tried again. */
static void a_failing_one_is_tried_alone(void **state)
{
	static const struct { const char *saves, *fails; } rows[] = {
		{ "export", "backup" }, { "export-", "backup-" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;

		begin(&x, 8 + i, CASCADE);
		hooks_put(&x, "backup", "PreDelete", "1", "");
		hooks_put(&x, rows[i].saves, "PreDelete", "1", "");
		hooks_put(&x, rows[i].fails, "PreDelete", "crash", "");
		sim_run_for(x.s, 30000);
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		scene_until(&x, has_deletion_error, LONG, "the error");
		sim_run_for(x.s, 240000);
		assert_in_range(scene_made(&x, 0, "/jobs/backup"), 3, 10);
		assert_int_equal(scene_made(&x, 0, "/jobs/export"), 1);
		assert_string_equal(scene_tag(&x), "v1");
		hooks_put(&x, rows[i].fails, "PreDelete", "2", "");
		scene_until(&x, scene_gone, LONG, "gone");
		sim_run_for(x.s, 5000);
		assert_int_equal(scene_made(&x, 0, "/jobs/export"), 1);
		assert_int_equal(scene_made(&x, 0, "/jobs/sweep"), 1);
		assert_int_equal(apisim_count(x.api, "jobs.batch", "shop"), 1);	/* farewell */
		hooks_end(&x);
	}
}

static void crashes_on_the_way(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 300; n += 4) {
		struct engsim x;
		unsigned lives;

		begin(&x, 100 + n, CASCADE);
		lives = x.lives;
		sim_crash_at(x.s, n);
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		scene_until(&x, scene_gone, 120000, "gone");
		sim_run_for(x.s, 5000);
		assert_string_equal(scene_tag(&x), "");
		assert_int_equal(scene_answers(&x, 0, "PATCH", "/jobs/backup", 201), 1);
		assert_int_equal(scene_answers(&x, 0, "PATCH", "/jobs/farewell", 201), 1);
		assert_null(hooks_job(&x, "migrate"));
		assert_null(hooks_job(&x, "backup"));
		n += x.lives == lives ? 300 : 0;
		hooks_end(&x);
	}
}

/* Made anew it is put out as a release, with its hooks: a heal has none. */
static void it_comes_back(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 5, CASCADE);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone");
	sim_run_for(x.s, 5000);
	assert_int_equal(scene_made(&x, 0, "/jobs/migrate"), 1);
	engsim_application(&x, "shop", "");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(scene_made(&x, 0, "/jobs/migrate"), 2);
	assert_string_equal(scene_tag(&x), "v1");
	hooks_end(&x);
}

/* Each of its ends has its hooks: what a backup of an earlier life saved is old. */
static void it_is_deleted_again(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 7, CASCADE);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone");
	sim_run_for(x.s, 5000);
	engsim_application(&x, "shop", "");
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_edit_app(&x, CASCADE);
	sim_run_for(x.s, 2000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "gone again");
	sim_run_for(x.s, 5000);
	assert_int_equal(scene_made(&x, 0, "/jobs/backup"), 2);
	assert_int_equal(scene_made(&x, 0, "/jobs/sweep"), 2);
	assert_string_equal(scene_tag(&x), "");
	hooks_end(&x);
}

/* What it was to run is not in the cluster: its project refused it every time. */
static void it_comes_back_from_a_refusal(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 6);
	hooks_put_project(&x, "");
	scene_edit_app(&x, "{\"metadata\":{\"finalizers\":[\"resources-finalizer.argocd."
		       "argoproj.io\"]},\"spec\":{\"project\":\"team\",\"syncPolicy\":{"
		       "\"retry\":{\"limit\":9}}}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_narrow(&x);
	sim_run_for(x.s, 5000);
	scene_put(&x, "v2");
	sim_run_for(x.s, 30000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_widen(&x);
	scene_until(&x, scene_gone, LONG, "gone");
	assert_string_equal(scene_tag(&x), "");
	engsim_application(&x, "shop", "");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(scene_tag(&x), "v2");
	/* It is stored now: what drifts is put back without Git. */
	engsim_crash(&x);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	engsim_start(&x);
	scene_drift(&x, "hand");
	scene_until_tag(&x, "v2", LONG);
	hooks_end(&x);
}

/* ---- terminated ---- */

static bool migration_runs(void *arg)
{
	return hooks_held(hooks_job(arg, "migrate"));
}

static bool is_over(void *arg)
{
	const char *phase = doc_get_str(engsim_status(arg, "shop"), "operationState",
					"phase", NULL);

	return phase && !strcmp(phase, "Failed");
}

static void terminated_by_a_tool(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 10);
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "noready", "");
	hooks_put(&x, "alarm", "SyncFail", "1", "");
	scene_put(&x, "v2");
	scene_until(&x, migration_runs, 30000, "it runs");
	sim_run_for(x.s, 5000);
	scene_edit_app(&x, "{\"status\":{\"operationState\":{\"phase\":"
		       "\"Terminating\"}}}");
	scene_until(&x, is_over, 10000, "it is over");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "operationState",
					"message", NULL), "Operation terminated");
	sim_run_for(x.s, 60000);	/* and is not begun again by itself */
	assert_null(hooks_job(&x, "migrate"));
	assert_null(hooks_job(&x, "alarm"));
	assert_string_equal(scene_tag(&x), "v1");
	/* When nothing runs, the word is taken back. */
	scene_edit_app(&x, "{\"status\":{\"operationState\":{\"phase\":"
		       "\"Terminating\"}}}");
	scene_until(&x, is_over, 10000, "it says so again");
	hooks_put(&x, "migrate", "PreSync", "1", "");
	scene_until_tag(&x, "v2", LONG);
	hooks_end(&x);
}

static void application_gone_while_a_hook_runs(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 11);
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "noready", "");
	scene_until(&x, migration_runs, 30000, "it runs");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 10000);
	assert_null(hooks_job(&x, "migrate"));
	assert_string_equal(scene_tag(&x), "v1");
	hooks_end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_and_after_the_objects),
		cmocka_unit_test(without_git),
		cmocka_unit_test(hooks_without_a_cascade),
		cmocka_unit_test(a_failing_one_keeps_the_objects),
		cmocka_unit_test(a_failing_one_is_tried_alone),
		cmocka_unit_test(crashes_on_the_way),
		cmocka_unit_test(it_comes_back),
		cmocka_unit_test(it_is_deleted_again),
		cmocka_unit_test(it_comes_back_from_a_refusal),
		cmocka_unit_test(terminated_by_a_tool),
		cmocka_unit_test(application_gone_while_a_hook_runs),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
