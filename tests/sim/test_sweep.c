/* Garbage: what goes, after how long, and above all what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/fetch.h"
#include "scenes.h"
#include "sync/store_codec.h"

#define MINUTES ((uint64_t)60000)
#define HOURS (60 * MINUTES)

/* A sweep each quarter of an hour; a vanished application is kept for an hour. */
static void begin(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	x->sweep_ms = 15 * MINUTES;
	x->keep_ms = HOURS;
	x->poll_ms = 5 * MINUTES;
}

/* 6 ConfigMaps that do not compress, one of them new with each n. */
static void put_bulk(struct engsim *x, uint64_t n)
{
	for (uint64_t i = 0; i < 6; i++) {
		uint64_t v = i ? i : 1000 + n;
		_cleanup_free_ char *name = xasprintf("bulk-%llu", (unsigned long long)i);
		_cleanup_buf_ struct buf noise = BUF_INIT;
		_cleanup_free_ char *cm = NULL;

		for (size_t k = 0; k < 160000; k++) {
			v = v * 6364136223846793005U + 1442695040888963407U;
			buf_addc(&noise, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
				 "KLMNOPQRSTUVWXYZ-_"[(v >> 33) % 64]);
		}
		cm = engsim_configmap(name, buf_str(&noise), 1);
		engsim_commit(x, name, cm);
	}
}

static void put_good(struct engsim *x, uint64_t n)
{
	_cleanup_free_ char *tag = xasprintf("v%llu", (unsigned long long)n);

	put_bulk(x, n);
	scene_put(x, tag);
	scene_until_tag(x, tag, 10 * MINUTES);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static bool is_there(struct engsim *x, const char *name)
{
	return apisim_get(x->api, "secrets", "syncd-system", name);
}

/* Every release that lies apart has every chunk that its index names. */
static size_t assert_whole(struct engsim *x)
{
	const json_t *s;
	size_t n = 0;

	for (size_t i = 0; (s = apisim_nth(x->api, "secrets", "syncd-system",
					   "syncd-release-", i)); i++, n++) {
		struct render_answer a = { 0 };
		struct err err = ERR_INIT;

		if (store_release_parse(s, &a, &err))
			fail_msg("%s", err.msg);
		assert_true(a.n_chunks > 0);
		for (size_t c = 0; c < a.n_chunks; c++) {
			char name[STORE_NAME];

			store_chunk_name("argocd/shop", a.chunks[c].digest, name);
			if (!is_there(x, name))
				fail_msg("release %zu lacks chunk %zu", i, c);
		}
		render_answer_deinit(&a);
	}
	return n;
}

static void start_large(struct engsim *x, uint64_t seed)
{
	begin(x, seed);
	put_bulk(x, 1);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	scene_edit_app(x, "{\"spec\":{\"revisionHistoryLimit\":2}}");
}

static void chunks_of_forgotten_releases_go(void **state)
{
	struct engsim x;
	size_t most;

	(void)state;
	start_large(&x, 700);
	for (uint64_t n = 2; n < 6; n++)
		put_good(&x, n);
	most = scene_secrets(&x, "syncd-chunk-");
	sim_run_for(x.s, HOURS);
	assert_int_equal(assert_whole(&x), 2);
	assert_true(scene_secrets(&x, "syncd-chunk-") < most);
	/* Swept once, there is nothing left to sweep. */
	most = scene_secrets(&x, "syncd-chunk-");
	sim_run_for(x.s, HOURS);
	assert_int_equal(scene_secrets(&x, "syncd-chunk-"), most);
	/* With neither Git nor a cache it goes back to what is kept. */
	scene_put(&x, "bad9");
	engsim_until_phase(&x, "shop", "Settling", 10 * MINUTES);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	sim_set_faults(x.s, &(struct sim_faults){ .cache_loss = 1000 }, 0);
	engsim_crash(&x);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v5");
	scene_end(&x, true);
}

/* Dies at each step of the sweep while new releases go out: all stays whole. */
static void sweep_never_takes_what_is_needed(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 12; n += 4) {
		struct engsim x;

		start_large(&x, 710 + n);
		put_good(&x, 2);
		put_good(&x, 3);
		/* One that is back: its chunks were garbage a moment ago. */
		sim_run_for(x.s, 12 * MINUTES - sim_now(x.s) % (15 * MINUTES));
		put_bulk(&x, n % 3 + 1);
		scene_put(&x, "v4");
		sim_run_for(x.s, n * 400);
		sim_crash_at(x.s, n);
		scene_until_tag(&x, "v4", 20 * MINUTES);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_run_for(x.s, 35 * MINUTES);
		assert_int_equal(assert_whole(&x), 2);
		scene_end(&x, true);
	}
}

static void add_secret(struct engsim *x, const char *name, const char *kind,
		       const char *id)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"syncd-system\",\"labels\":{"
		"\"app.kubernetes.io/managed-by\":\"syncd\",\"syncd.dev/record\":\"%s\"},"
		"\"annotations\":{\"syncd.dev/application\":\"%s\"}}}", name, kind, id);

	apisim_apply(x->api, text);
}

static void only_what_is_ours_goes(void **state)
{
	char chunk[STORE_NAME], theirs[STORE_NAME], release[STORE_NAME];
	struct engsim x;

	(void)state;
	begin(&x, 730);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	store_chunk_name("argocd/shop", "0123456789abcdef01234567", chunk);
	store_chunk_name("argocd/other", "0123456789abcdef01234567", theirs);
	store_release_name("argocd/nobody", 7, "0123456789ab", release);
	add_secret(&x, chunk, "chunk", "argocd/shop");
	add_secret(&x, release, "release", "argocd/nobody");
	add_secret(&x, theirs, "chunk", "argocd/shop");	/* not by this name */
	add_secret(&x, "syncd-chunk-of-mine", "chunk", "argocd/shop");
	add_secret(&x, "notes", "diary", "argocd/shop");
	apisim_apply(x.api, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{"
		     "\"name\":\"plain\",\"namespace\":\"syncd-system\"}}");
	sim_run_for(x.s, 9 * MINUTES);
	assert_true(is_there(&x, chunk));	/* too young to judge */
	sim_run_for(x.s, HOURS);
	assert_false(is_there(&x, chunk));
	assert_false(is_there(&x, release));
	assert_true(is_there(&x, theirs));
	assert_true(is_there(&x, "syncd-chunk-of-mine"));
	assert_true(is_there(&x, "notes"));
	assert_true(is_there(&x, "plain"));
	assert_true(scene_secrets(&x, "syncd-state-") == 1);
	scene_end(&x, true);
}

/* Deleted without the finalizer: its objects stay, its record for a while. */
static void record_goes_some_time_after_its_application(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 740);
	put_bulk(&x, 1);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 55 * MINUTES);
	engsim_crash(&x);	/* the time that it was gone is not forgotten */
	engsim_start(&x);
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 1);
	assert_int_equal(assert_whole(&x), 1);
	sim_run_for(x.s, 40 * MINUTES);
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 0);
	assert_int_equal(scene_secrets(&x, "syncd-release-"), 0);
	assert_int_equal(scene_secrets(&x, "syncd-chunk-"), 0);
	assert_string_equal(scene_tag(&x), "v1");
	/* Made again it begins anew, with the objects that are there. */
	engsim_application(&x, "shop", "");
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Good", 20 * MINUTES);
	scene_until_tag(&x, "v2", 20 * MINUTES);
	scene_end(&x, true);
}

static void application_that_comes_back_keeps_its_record(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 741);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	for (int i = 0; i < 2; i++) {
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		sim_run_for(x.s, 50 * MINUTES);
		engsim_application(&x, "shop", "");
		engsim_until_phase(&x, "shop", "Good", 20 * MINUTES);
		sim_run_for(x.s, 50 * MINUTES);
	}
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 1);
	assert_int_equal(doc_get_int(json_array_get(doc_get(engsim_status(&x, "shop"),
		"history", NULL), 0), 0, "id", NULL), 1);
	scene_end(&x, true);
}

/* The cascade is done: nothing is left that the record could be needed for. */
static void record_goes_soon_after_the_cascade(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 742);
	x.keep_ms = 24 * HOURS;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_edit_app(&x, "{\"metadata\":{\"finalizers\":["
		       "\"resources-finalizer.argocd.argoproj.io\"]}}");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 30 * MINUTES);
	assert_string_equal(scene_tag(&x), "");
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 1);
	sim_run_for(x.s, 90 * MINUTES);
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 0);
	scene_end(&x, false);
}

/* All Applications seem gone, but it is their kind that is. */
static void kind_that_is_gone_proves_nothing(void **state)
{
	struct engsim x;

	(void)state;
	begin(&x, 743);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "customresourcedefinitions.apiextensions.k8s.io", NULL,
		      "applications.argoproj.io");
	sim_run_for(x.s, 2 * HOURS);
	assert_null(engsim_status(&x, "shop"));
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 1);
	scene_end(&x, true);
}

static void unreadable_record_is_left_alone(void **state)
{
	_cleanup_free_ char *name = NULL;
	struct engsim x;
	size_t chunks;

	(void)state;
	begin(&x, 744);
	put_bulk(&x, 1);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	chunks = scene_secrets(&x, "syncd-chunk-");
	name = xstrdup(scene_secret(&x, "syncd-state-", 0));
	engsim_crash(&x);
	apisim_edit(x.api, "somebody", "secrets", "syncd-system", name,
		    "{\"data\":{\"state\":\"bm90IGEgcmVjb3Jk\"}}");
	engsim_start(&x);
	sim_run_for(x.s, 20 * MINUTES);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 2 * HOURS);
	assert_int_equal(scene_secrets(&x, "syncd-state-"), 1);
	assert_int_equal(scene_secrets(&x, "syncd-release-"), 1);
	assert_int_equal(scene_secrets(&x, "syncd-chunk-"), chunks);
	scene_end(&x, true);
}

static void mirrors_in_use_are_kept(void **state)
{
	_cleanup_free_ char *key = repo_key(REPO);
	struct engsim x;

	(void)state;
	begin(&x, 745);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_null(x.swept);
	sim_run_for(x.s, 20 * MINUTES);
	assert_string_equal(x.swept, key);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 20 * MINUTES);
	assert_string_equal(x.swept, "");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_of_forgotten_releases_go),
		cmocka_unit_test(sweep_never_takes_what_is_needed),
		cmocka_unit_test(only_what_is_ours_goes),
		cmocka_unit_test(record_goes_some_time_after_its_application),
		cmocka_unit_test(application_that_comes_back_keeps_its_record),
		cmocka_unit_test(record_goes_soon_after_the_cascade),
		cmocka_unit_test(kind_that_is_gone_proves_nothing),
		cmocka_unit_test(unreadable_record_is_left_alone),
		cmocka_unit_test(mirrors_in_use_are_kept),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
