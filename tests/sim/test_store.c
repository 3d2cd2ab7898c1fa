/* Records and releases in their Secrets: large ones, lost ones, damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

enum size { SMALL, APART, CHUNKED };

/* Text that does not compress much; the same for the same n. */
static void add_noise(struct buf *out, size_t len, uint64_t n)
{
	uint64_t v = n * 2654435761U + 1;

	for (size_t i = 0; i < len; i++) {
		v = v * 6364136223846793005U + 1442695040888963407U;
		buf_addc(out, (char)('0' + (v >> 33) % 75));
	}
	for (size_t i = out->len - len; i < out->len; i++)
		if (strchr("\\<>", out->data[i]))
			out->data[i] = '_';
}

static void put_bulk(struct engsim *x, enum size size)
{
	static const size_t many[] = { 0, 1, 8 }, bytes[] = { 0, 90000, 160000 };

	for (size_t i = 0; i < many[size]; i++) {
		_cleanup_buf_ struct buf noise = BUF_INIT;
		_cleanup_free_ char *name = xasprintf("bulk-%zu", i);
		_cleanup_free_ char *cm = NULL;

		add_noise(&noise, bytes[size], i);
		cm = engsim_configmap(name, buf_str(&noise), 1);
		engsim_commit(x, name, cm);
	}
}

static void start_good(struct engsim *x, uint64_t seed, enum size size)
{
	scene_init(x, seed);
	put_bulk(x, size);
	scene_put_secret(x, "one");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static uint32_t last_good(struct engsim *x)
{
	return (uint32_t)doc_get_int(engsim_status(x, "shop"), 0, "syncd", "lastGood", "id",
				     NULL);
}

static bool is_next_good(void *arg)
{
	struct engsim *x = arg;

	return last_good(x) > x->want_release && engsim_in_phase(x, "shop", "Good");
}

/* The phase alone is not enough: until it is told, it is that of the one before. */
static void put_good(struct engsim *x, const char *tag)
{
	x->want_release = last_good(x);
	scene_put(x, tag);
	scene_until(x, is_next_good, LONG, "the next good release");
	assert_string_equal(scene_tag(x), tag);
	sim_run_for(x->s, 3000);
}

/* The next life has neither Git nor a cache: Secrets are all there is. */
static void restart_bare(struct engsim *x)
{
	struct sim_faults f = { .cache_loss = 1000 };

	gitsim_set_mood(sim_git(x->s), REPO, GIT_REFUSE);
	sim_set_faults(x->s, &f, 0);
	engsim_crash(x);
	engsim_start(x);
}

static void life_is_back(struct engsim *x)
{
	struct sim_faults none = { 0 };

	gitsim_set_mood(sim_git(x->s), REPO, GIT_FINE);
	sim_set_faults(x->s, &none, 0);
}

static const json_t *record(struct engsim *x)
{
	return apisim_nth(x->api, "secrets", "syncd-system", "syncd-state-", 0);
}

static const char *data_of(struct engsim *x, const char *map)
{
	return doc_get_str(apisim_get(x->api, "configmaps", "shop", map), "data",
			   "key", NULL);
}

static void releases_of_any_size_are_read_back(void **state)
{
	static const size_t releases[] = { 0, 1, 1 };

	(void)state;
	for (enum size size = SMALL; size <= CHUNKED; size++) {
		_cleanup_free_ char *bulk = NULL;
		struct engsim x;

		start_good(&x, 200 + size, size);
		assert_int_equal(scene_secrets(&x, "syncd-release-"), releases[size]);
		assert_true(size == CHUNKED ? scene_secrets(&x, "syncd-chunk-") > 1 :
			    !scene_secrets(&x, "syncd-chunk-"));
		bulk = xstrdup(data_of(&x, "bulk-0"));
		restart_bare(&x);
		sim_run_for(x.s, 20000);
		scene_drift(&x, "v9");
		if (bulk)
			apisim_delete(x.api, "configmaps", "shop", "bulk-0");
		scene_until_tag(&x, "v1", 60000);
		sim_run_for(x.s, 10000);
		assert_true(!bulk || !strcmp(data_of(&x, "bulk-0"), bulk));
		life_is_back(&x);
		put_good(&x, "v2");
		scene_end(&x, true);
	}
}

static void revert_needs_no_git(void **state)
{
	(void)state;
	for (enum size size = SMALL; size <= CHUNKED; size++) {
		struct engsim x;

		start_good(&x, 210 + size, size);
		scene_put(&x, "bad2");
		engsim_until_phase(&x, "shop", "Settling", LONG);
		restart_bare(&x);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v1");
		scene_end(&x, true);
	}
}

/* Chunks that two releases have in common are stored once. */
static void chunks_are_shared(void **state)
{
	struct engsim x;
	size_t before;

	(void)state;
	start_good(&x, 220, CHUNKED);
	before = scene_secrets(&x, "syncd-chunk-");
	put_good(&x, "v2");
	assert_int_equal(scene_secrets(&x, "syncd-release-"), 2);
	assert_true(scene_secrets(&x, "syncd-chunk-") <= before + 2);
	scene_end(&x, true);
}

static void old_releases_go_with_their_secrets(void **state)
{
	(void)state;
	for (enum size size = SMALL; size <= CHUNKED; size++) {
		struct engsim x;

		start_good(&x, 230 + size, size);
		scene_edit_app(&x, "{\"spec\":{\"revisionHistoryLimit\":2}}");
		put_good(&x, "v2");
		put_good(&x, "v3");
		put_good(&x, "v4");
		put_good(&x, "v5");
		sim_run_for(x.s, 10000);
		assert_true(scene_secrets(&x, "syncd-release-") <= 2);
		assert_null(doc_get(record(&x), "data", "release-1", NULL));
		assert_true(size != SMALL ||
			    doc_get(record(&x), "data", "release-5", NULL));
		/* What is kept is whole. */
		scene_put(&x, "bad6");
		engsim_until_phase(&x, "shop", "Settling", LONG);
		restart_bare(&x);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v5");
		scene_end(&x, true);
	}
}

/* The server acted, the answer never came: it is read back, nobody gives up. */
static void lost_answers_are_read_back(void **state)
{
	static const struct { const char *method, *path; } cases[] = {
		{ "PATCH", "/secrets/syncd-state" },
		{ "POST", "/syncd-system/secrets" },
		{ "GET", "/secrets/syncd-state" },
	};

	(void)state;
	for (unsigned i = 0; i < 3 * ARRAY_LEN(cases); i++) {
		struct sim_faults lost = { .lost = i % 2 ? 500 : 1000 };
		struct engsim x;

		scene_init(&x, 240 + i);
		put_bulk(&x, i % 3);
		sim_aim_faults(x.s, cases[i / 3].method, cases[i / 3].path);
		sim_set_faults(x.s, &lost, 9000);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_set_faults(x.s, &lost, sim_now(x.s) + 9000);
		put_good(&x, "v2");
		sim_set_faults(x.s, &lost, sim_now(x.s) + 9000);
		scene_put(&x, "bad3");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v2");
		assert_int_equal(x.lives, 1);
		scene_end(&x, true);
	}
}

static void record_of_another_hand_ends_this_life(void **state)
{
	_cleanup_free_ char *name = NULL;
	struct engsim x;

	(void)state;
	start_good(&x, 260, SMALL);
	name = xstrdup(scene_secret(&x, "syncd-state-", 0));
	apisim_edit(x.api, "somebody", "secrets", "syncd-system", name,
		    "{\"metadata\":{\"labels\":{\"touched\":\"yes\"}}}");
	put_good(&x, "v2");
	assert_int_equal(x.lives, 2);
	assert_true(sim_log_contains(x.s, "was changed by another syncd"));
	scene_end(&x, true);
}

static void deleted_record_is_made_anew(void **state)
{
	_cleanup_free_ char *name = NULL;
	struct engsim x;

	(void)state;
	start_good(&x, 261, SMALL);
	name = xstrdup(scene_secret(&x, "syncd-state-", 0));
	apisim_delete(x.api, "secrets", "syncd-system", name);
	scene_drift(&x, "v8");
	scene_until_tag(&x, "v1", 60000);
	assert_int_equal(x.lives, 1);
	sim_run_for(x.s, 10000);
	assert_non_null(record(&x));
	/* And holds what runs. */
	restart_bare(&x);
	sim_run_for(x.s, 20000);
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", 60000);
	scene_end(&x, true);
}

/* Without its record an application is left alone; the others are not. */
static void unreadable_record_means_hands_off(void **state)
{
	static const char *const damage[] = {
		"{\"data\":{\"state\":\"bm90IGRlZmxhdGVk\"}}",
		"{\"data\":{\"state\":\"\"}}", "{\"data\":{\"state\":null}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
		_cleanup_free_ char *name = NULL;
		struct engsim x;
		size_t from;

		start_good(&x, 270 + i, SMALL);
		sim_run_for(x.s, 2000);	/* what is in flight would arrive later */
		engsim_crash(&x);
		name = xstrdup(scene_secret(&x, "syncd-state-", 0));
		apisim_edit(x.api, "somebody", "secrets", "syncd-system", name,
			    damage[i]);
		engsim_start(&x);
		from = sim_request_count(x.s);
		scene_put(&x, "v2");
		scene_drift(&x, "v9");
		sim_run_for(x.s, 60000);
		assert_string_equal(scene_tag(&x), "v9");
		assert_int_equal(sim_count(x.s, from, "PATCH", "/namespaces/shop/"), 0);
		assert_int_equal(sim_count(x.s, from, "PATCH", "syncd-state"), 0);
		scene_assert_condition(&x, "shop", "UnknownError",
				       "cannot be read, nothing is done");
		assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync",
						"status", NULL), "Unknown");
		scene_end(&x, true);
	}
}

/* A copy of a record under another name is nobody's record. */
static void copied_record_is_ignored(void **state)
{
	_cleanup_json_ json_t *copy = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct engsim x;
	json_t *meta;

	(void)state;
	start_good(&x, 275, SMALL);
	put_good(&x, "v2");
	engsim_crash(&x);
	copy = json_deep_copy(record(&x));
	meta = json_object_get(copy, "metadata");
	json_object_set_new(meta, "name", json_string("zz-copy"));
	json_object_del(meta, "uid");
	json_object_del(meta, "resourceVersion");
	json_object_del(meta, "managedFields");
	json_object_set_new(json_object_get(copy, "data"), "state", json_string(""));
	doc_write(copy, &text);
	apisim_apply(x.api, buf_str(&text));
	engsim_start(&x);
	put_good(&x, "v3");
	assert_null(scene_condition(&x, "shop", "UnknownError"));
	scene_end(&x, true);
}

/* What should be running is lost: it is said, kept, and something new goes out. */
static void lost_release_is_said(void **state)
{
	static const struct { enum size size; const char *prefix; } cases[] = {
		{ APART, "syncd-release-" }, { CHUNKED, "syncd-release-" },
		{ CHUNKED, "syncd-chunk-" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *name = NULL;
		struct engsim x;
		size_t from;

		start_good(&x, 280 + i, cases[i].size);
		name = xstrdup(scene_secret(&x, cases[i].prefix, 0));
		apisim_delete(x.api, "secrets", "syncd-system", name);
		from = sim_request_count(x.s);
		restart_bare(&x);
		sim_run_for(x.s, 60000);
		scene_assert_condition(&x, "shop", "UnknownError",
				       "the release that should be running cannot "
				       "be read");
		assert_int_equal(sim_count(x.s, from, "PATCH", "/namespaces/shop/"), 0);
		life_is_back(&x);
		put_good(&x, "v2");
		assert_null(scene_condition(&x, "shop", "UnknownError"));
		scene_end(&x, true);
	}
}

static void damaged_release_is_said(void **state)
{
	static const struct { enum size size; const char *prefix, *patch; } cases[] = {
		{ SMALL, "syncd-state-",
		  "{\"data\":{\"release-1\":\"bm90IGRlZmxhdGVk\"}}" },
		{ SMALL, "syncd-state-", "{\"data\":{\"release-1\":\"\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *name = NULL;
		struct engsim x;

		start_good(&x, 290 + i, cases[i].size);
		name = xstrdup(scene_secret(&x, cases[i].prefix, 0));
		apisim_edit(x.api, "somebody", "secrets", "syncd-system", name,
			    cases[i].patch);
		restart_bare(&x);
		sim_run_for(x.s, 60000);
		scene_assert_condition(&x, "shop", "UnknownError", "release #1");
		life_is_back(&x);
		put_good(&x, "v2");
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_of_any_size_are_read_back),
		cmocka_unit_test(revert_needs_no_git),
		cmocka_unit_test(chunks_are_shared),
		cmocka_unit_test(old_releases_go_with_their_secrets),
		cmocka_unit_test(lost_answers_are_read_back),
		cmocka_unit_test(record_of_another_hand_ends_this_life),
		cmocka_unit_test(deleted_record_is_made_anew),
		cmocka_unit_test(unreadable_record_means_hands_off),
		cmocka_unit_test(copied_record_is_ignored),
		cmocka_unit_test(lost_release_is_said),
		cmocka_unit_test(damaged_release_is_said),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
