/* status_mirror(): status.syncd in an annotation's room, whatever it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/statusdoc.h"

static char *filled(const char *piece, size_t bytes)
{
	struct buf b = BUF_INIT;

	while (b.len < bytes)
		buf_adds(&b, piece);
	return buf_steal(&b, NULL);
}

static json_t *release(int id, const char *text)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "id", id, "state",
			 "rejected", "revision",
			 "0123456789012345678901234567890123456789", "subject", text,
			 "author", text, "reason", text);
}

/* With n releases and waves, and this text wherever people write. */
static json_t *state_of(int n, const char *text)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:{s:s}}",
		"phase", "Pinned", "phaseSince", "2026-03-01T12:00:00Z", "message",
		text, "target", release(1, text), "lastGood", release(1, text),
		"candidate", release(3, text), "rejected", release(2, text), "pin",
		"why", text);
	json_t *releases = json_array(), *waves = json_array();

	for (int i = 0; i < n; i++) {
		json_array_append_new(releases, release(n - i, text));
		json_array_append_new(waves, json_pack("{s:i, s:i}", "wave", i,
						       "objects", 5));
	}
	json_object_set_new(o, "releases", releases);
	json_object_set_new(o, "waves", waves);
	return o;
}

static json_t *mirrored(const json_t *state)
{
	_cleanup_free_ char *text = status_mirror(state);
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", err.msg, text);
	assert_in_range(strlen(text), 1, STATUS_MIRROR_MAX);
	return j;
}

static void what_fits_is_whole(void **state)
{
	_cleanup_json_ json_t *s = state_of(3, "cache: raise ttl"), *m = mirrored(s);

	(void)state;
	assert_true(doc_equal(s, m));
}

/* However long: phase, pin and the numbers of the releases are there. */
static void what_does_not_fit_is_shortened(void **state)
{
	static const struct {
		const char *piece;
		size_t bytes;
		int n;
		bool texts;	/* room is left for words */
	} cases[] = {
		{ "x", 100, 10, true }, { "x", 400, 3, true }, { "x", 900, 10, true },
		{ "x", 100000, 10, true }, { "\xc3\xa4", 100001, 10, true },
		{ "\xf0\x9f\x90\x9f", 5000, 10, true }, { "\"", 4000, 10, true },
		{ "\\", 90, 60, true }, { "a", 3, 5000, true },
		{ "\x01", 1000, 10, false }, { "\x1f", 30, 10, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *text = filled(cases[i].piece, cases[i].bytes);
		_cleanup_json_ json_t *s = state_of(cases[i].n, text);
		_cleanup_json_ json_t *m = mirrored(s);
		const char *why = doc_get_str(m, "pin", "why", NULL);

		assert_string_equal(doc_get_str(m, "phase", NULL), "Pinned");
		assert_int_equal(doc_get_int(m, 0, "target", "id", NULL), 1);
		assert_int_equal(doc_get_int(m, 0, "lastGood", "id", NULL), 1);
		if (!cases[i].texts)
			continue;
		assert_int_equal(doc_get_int(m, 0, "rejected", "id", NULL), 2);
		assert_non_null(why);
		assert_memory_equal(why, cases[i].piece, strlen(cases[i].piece));
		if (strlen(why) < cases[i].bytes)
			assert_string_equal(why + strlen(why) - 3, "...");
	}
}

/* The newest releases and the first waves are those that stay. */
static void lists_lose_their_ends(void **state)
{
	_cleanup_json_ json_t *s = state_of(40, "fix: the thing that broke yesterday");
	_cleanup_json_ json_t *m = mirrored(s);
	const json_t *releases = doc_get(m, "releases", NULL);

	(void)state;
	assert_in_range(json_array_size(releases), 1, 10);
	assert_int_equal(doc_get_int(json_array_get(releases, 0), 0, "id", NULL), 40);
	assert_int_equal(doc_get_int(json_array_get(doc_get(m, "waves", NULL), 0), -1,
				     "wave", NULL), 0);
}

static void nothing_is_something(void **state)
{
	_cleanup_json_ json_t *empty = json_object(), *m = mirrored(empty);
	_cleanup_json_ json_t *none = mirrored(NULL);

	(void)state;
	assert_int_equal(json_object_size(m), 0);
	assert_int_equal(json_object_size(none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_whole),
		cmocka_unit_test(what_does_not_fit_is_shortened),
		cmocka_unit_test(lists_lose_their_ends),
		cmocka_unit_test(nothing_is_something),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
