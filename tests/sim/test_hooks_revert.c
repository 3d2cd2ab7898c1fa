/*
 * Hooks around a revert: PreRevert of the release that failed, PostRevert of the one
 * that comes back. Neither may keep that one away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"
#include "sync/engine_priv.h"

/* The last write of that object that was not a dry run; from the number `from` on. */
static size_t last_write(struct engsim *x, const char *path, size_t from)
{
	size_t found = SIZE_MAX, n = strlen(path);

	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);
		size_t len = strlen(q->path);

		if (!q->dry_run && !strcmp(q->method, "PATCH") && q->status < 300 &&
		    len >= n && !strcmp(q->path + len - n, path))
			found = i;
	}
	return found;
}

static size_t made_at(struct engsim *x, const char *path, size_t from)
{
	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);

		if (!q->dry_run && !strcmp(q->method, "PATCH") && q->status == 201 &&
		    strstr(q->path, path))
			return i;
	}
	return SIZE_MAX;
}

/* The status is told at most once a second: too late to see the beginning. */
static bool goes_back(void *arg)
{
	struct engsim *x = arg;
	struct app *a, *next;

	if (!x->engine)
		return false;
	HASH_ITER(hh, x->engine->apps, a, next)
		if (a->rec.phase == PHASE_REVERTING)
			return true;
	return false;
}

static const char *image_of(struct engsim *x, const char *job)
{
	const json_t *list = doc_get(hooks_job(x, job), "spec", "template", "spec",
				     "containers", NULL);
	const char *s = doc_get_str(json_array_get(list, 0), "image", NULL);

	return s ? s : "";
}

/* Release #1 is good and has both; #2 is bad and has them otherwise. */
static void begin(struct engsim *x, uint64_t seed, const char *undo)
{
	scene_init(x, seed);
	hooks_put(x, "undo", "PreRevert", "1", "");
	hooks_put(x, "check", "PostRevert", "1", "");
	hooks_start(x);
	assert_int_equal(apisim_count(x->api, "jobs.batch", "shop"), 0);
	hooks_put(x, "undo", "PreRevert", undo, "");
	hooks_put(x, "check", "PostRevert", "2", "");
	scene_put(x, "crash2");
	scene_until_tag(x, "crash2", LONG);
}

static void each_of_its_own_release(void **state)
{
	struct engsim x;
	size_t from, back;

	(void)state;
	begin(&x, 7000, "2");
	from = sim_request_count(x.s);
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	back = last_write(&x, "/deployments/web", from);
	assert_true(made_at(&x, "/jobs/undo", from) < back);
	assert_true(made_at(&x, "/jobs/check", from) > back);
	assert_string_equal(image_of(&x, "undo"), "tools:2");
	assert_string_equal(image_of(&x, "check"), "tools:1");
	assert_string_equal(scene_tag(&x), "v1");
	hooks_assert_result(&x, "undo", "PreRevert", "Synced", "Succeeded");
	hooks_assert_result(&x, "check", "PostRevert", "Synced", "Succeeded");
	hooks_end(&x);
}

/* What fails, does not end, or is refused is said, and the good release comes back. */
static void none_of_them_keeps_the_good_one_away(void **state)
{
	static const struct { const char *undo, *words; uint64_t least; } rows[] = {
		{ "crash", "PreRevert hook batch/Job/shop/undo: Job has reached", 0 },
		{ "noready", "it did not end within 60 s", 60000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		uint64_t at;

		begin(&x, 7010 + i, rows[i].undo);
		scene_until(&x, goes_back, 300000, "a revert");
		at = sim_now(x.s);
		engsim_until_phase(&x, "shop", "Pinned", 300000);
		assert_true(sim_now(x.s) - at >= rows[i].least);
		assert_true(sim_now(x.s) - at < rows[i].least + 40000);
		assert_string_equal(scene_tag(&x), "v1");
		assert_true(scene_has_event(&x, "RevertHookFailed", rows[i].words));
		assert_non_null(hooks_job(&x, "check"));
		if (rows[i].least)	/* it does not work on beside the good one */
			assert_null(hooks_job(&x, "undo"));
		hooks_end(&x);
	}
}

/* Nor does a webhook of others that lets no Job through, nor an API server in trouble. */
static void trouble_with_one_keeps_nothing_away(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 7020, "2");
	sim_aim_faults(x.s, "PATCH", "/jobs/undo");
	sim_set_faults(x.s, &(struct sim_faults){ .http_503 = 1000 }, 0);
	scene_until(&x, goes_back, 300000, "a revert");
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_true(scene_has_event(&x, "RevertHookFailed", "PreRevert hook batch/Job/shop/undo"));
	hooks_end(&x);
}

static bool is_back(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") && !strcmp(scene_tag(x), "v1");
}

/* The process dies at every third step, and Git with it: each runs once all the same. */
static void crash_on_the_way(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 300; n += 3) {
		struct engsim x;
		unsigned lives;
		size_t from;

		begin(&x, 7100 + n, "2");
		lives = x.lives;
		from = sim_request_count(x.s);
		scene_until(&x, goes_back, 300000, "a revert");
		if (n % 2)
			gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
		sim_crash_at(x.s, n);
		scene_until(&x, is_back, 600000, "the way back");
		sim_run_for(x.s, 3000);
		assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/undo", 201), 1);
		assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/check", 201), 1);
		assert_string_equal(image_of(&x, "undo"), "tools:2");
		n += x.lives == lives ? 300 : 0;
		hooks_end(&x);
	}
}

static bool undo_has_run(void *arg)
{
	return doc_get_int(hooks_job(arg, "undo"), 0, "status", "succeeded", NULL) > 0;
}

static bool has_failed(void *arg)
{
	return scene_has_event(arg, "RevertFailed", "is not done");
}

/* The revert is tried again: what has run for it before does not run again. */
static void once_for_all_tries_of_a_revert(void **state)
{
	struct apisim_options o = { .no_controllers = true };
	struct engsim x;
	size_t from;

	(void)state;
	begin(&x, 7020, "2");
	from = sim_request_count(x.s);
	scene_until(&x, undo_has_run, 300000, "the end of the hook");
	apisim_set_options(x.api, &o);
	scene_until(&x, has_failed, 300000, "a try that fails");
	apisim_set_options(x.api, &(struct apisim_options){ .history = 0 });
	engsim_until_phase(&x, "shop", "Pinned", 2400000);
	assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/undo", 201), 1);
	assert_int_equal(scene_answers(&x, from, "PATCH", "/jobs/check", 201), 1);
	hooks_end(&x);
}

static bool settles(void *arg)
{
	return engsim_in_phase(arg, "shop", "Settling");
}

/*
 * Life 323172: a release fails while no Secret can be written. Its SyncFail hook is not
 * made before the record says so; where that lasts it is left out, and the way back is
 * not lost over it.
 */
static void none_is_made_that_is_not_recorded(void **state)
{
	static const struct sim_faults down = { .http_503 = 1000 }, up = { 0 };

	(void)state;
	for (int lasts = 0; lasts < 2; lasts++) {
		struct engsim x;

		scene_init(&x, 60 + (unsigned)lasts);
		hooks_put(&x, "alarm", "SyncFail", "1", "");
		hooks_start(&x);
		scene_put(&x, "crash2");
		scene_until(&x, settles, LONG, "settling");
		sim_aim_faults(x.s, "PATCH", "/secrets/");
		sim_set_faults(x.s, &down, 0);
		sim_run_for(x.s, lasts ? 300000 : 32000);
		assert_null(hooks_job(&x, "alarm"));

		assert_true(sim_log_contains(x.s, "writing the state record: "));
		assert_int_equal(sim_log_contains(x.s, "hooks are left out"), lasts);
		sim_set_faults(x.s, &up, 0);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v1");
		assert_int_equal(!hooks_job(&x, "alarm"), lasts);
		hooks_end(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_its_own_release),
		cmocka_unit_test(none_of_them_keeps_the_good_one_away),
		cmocka_unit_test(trouble_with_one_keeps_nothing_away),
		cmocka_unit_test(crash_on_the_way),
		cmocka_unit_test(once_for_all_tries_of_a_revert),
		cmocka_unit_test(none_is_made_that_is_not_recorded),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
