/* sync/retry.h as tables: how long to wait, and when the limit is spent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>

#include "core/doc.h"
#include "sync/retry.h"

static void pauses_grow_up_to_the_most(void **state)
{
	static const struct {
		uint64_t base;
		unsigned factor, failed;
		uint64_t max, want;
	} rows[] = {
		{ 5000, 2, 1, 180000, 5000 },
		{ 5000, 2, 2, 180000, 10000 },
		{ 5000, 2, 6, 180000, 160000 },
		{ 5000, 2, 7, 180000, 180000 },
		{ 5000, 2, UINT_MAX, 180000, 180000 },
		{ 7000, 1, UINT_MAX, 180000, 7000 },
		{ 7000, 0, 3, 180000, 7000 },
		{ 300000, 2, 1, 180000, 180000 },
		{ 5000, 1000, 3, UINT64_MAX, 5000000000 },
		{ 5000, 1000, 9, UINT64_MAX, UINT64_MAX },
		{ 0, 2, 9, 180000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(retry_wait(rows[i].base, rows[i].factor,
					    rows[i].failed, rows[i].max),
				 rows[i].want);
}

#define BY_DEFAULT { .limit = 5, .base_ms = 5000, .max_ms = 180000, .factor = 2 }
#define WRITTEN(n) { .set = true, .limit = (n), .base_ms = 1000, .max_ms = 9000, \
		     .factor = 3 }

static void limits_are_heeded(void **state)
{
	static const struct {
		const char *what;
		struct app_retry policy;
		enum failure failure;
		unsigned failed;
		bool first, want;
		uint64_t wait;
	} rows[] = {
		{ "refused, nothing written down", BY_DEFAULT, FAILURE_REFUSED, 1,
		  false, false, 5000 },
		{ "... with nothing to go back to", BY_DEFAULT, FAILURE_REFUSED, 5, true,
		  true, 80000 },
		{ "... five times and once more", BY_DEFAULT, FAILURE_REFUSED, 6, true,
		  false, 160000 },
		{ "refused, written down", WRITTEN(2), FAILURE_REFUSED, 1, false,
		  true, 1000 },
		{ "... the second", WRITTEN(2), FAILURE_REFUSED, 2, false, true,
		  3000 },
		{ "... spent", WRITTEN(2), FAILURE_REFUSED, 3, false, false, 9000 },
		{ "no retries wanted", WRITTEN(0), FAILURE_ANSWERED, 1, false, false,
		  1000 },
		{ "without end", WRITTEN(UINT_MAX), FAILURE_REFUSED, UINT_MAX, false,
		  true, 9000 },
		{ "no pause is a short one", { .set = true, .limit = UINT_MAX,
		  .factor = 2 }, FAILURE_ANSWERED, 7, false, true, 1000 },
		{ "trouble", BY_DEFAULT, FAILURE_ANSWERED, 5, false, true, 80000 },
		{ "... five times and once more", BY_DEFAULT, FAILURE_ANSWERED, 6,
		  false, false, 160000 },
		{ "... with nothing to go back to", BY_DEFAULT, FAILURE_ANSWERED,
		  600, true, true, 180000 },
		{ "... unless written down", WRITTEN(1), FAILURE_ANSWERED, 2, true,
		  false, 3000 },
		{ "no answer does not count", BY_DEFAULT, FAILURE_OUTSIDE, 600,
		  false, true, 180000 },
		{ "... unless written down", WRITTEN(3), FAILURE_OUTSIDE, 4, false,
		  false, 9000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct retry_in in = {
			.policy = &rows[i].policy, .failure = rows[i].failure,
			.failed = rows[i].failed, .first = rows[i].first,
		};
		uint64_t wait;

		if (retry_again(&in, &wait) != rows[i].want ||
		    wait != rows[i].wait)
			fail_msg("%s: after %llu", rows[i].what,
				 (unsigned long long)wait);
	}
}

/* As in Argo CD: a longest pause of 0 is none. */
static void without_a_longest_pause(void **state)
{
	static const char *const texts[] = {
		"{\"spec\":{\"syncPolicy\":{\"retry\":{\"backoff\":{\"maxDuration\":\"0\"}}}},"
		"\"operation\":{\"sync\":{},\"retry\":{\"limit\":9,\"backoff\":{"
		"\"maxDuration\":\"0s\"}}}}",
		"{\"spec\":{\"syncPolicy\":{\"retry\":{\"backoff\":{\"maxDuration\":\"0ms\","
		"\"factor\":2}}}},\"operation\":{\"sync\":{},\"retry\":{\"backoff\":{"
		"\"maxDuration\":\"0\",\"duration\":\"5\"}}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		_cleanup_json_ json_t *app = doc_parse(texts[i], strlen(texts[i]), NULL);
		struct app_defaults none = { 0 };
		struct app_spec s;

		app_spec_decode(&s, app, &none);
		assert_int_equal(s.retry.max_ms, RETRY_NO_MAX_MS);
		assert_int_equal(retry_wait(s.retry.base_ms, s.retry.factor, 9,
					    s.retry.max_ms), 5000 << 8);
		assert_int_equal(s.operation.retry.max_ms, RETRY_NO_MAX_MS);
		app_spec_deinit(&s);
	}
}

static void who_waits_for_a_refusal_is_told_at_once(void **state)
{
	struct app_retry none = BY_DEFAULT, written = WRITTEN(2);
	struct retry_in in = { .policy = &none, .failure = FAILURE_REFUSED, .failed = 1,
			       .first = true, .asked = true };
	uint64_t wait;

	(void)state;
	assert_false(retry_again(&in, &wait));
	in.failure = FAILURE_ANSWERED;
	assert_true(retry_again(&in, &wait));
	in.failure = FAILURE_REFUSED;
	in.policy = &written;
	assert_true(retry_again(&in, &wait));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_up_to_the_most),
		cmocka_unit_test(limits_are_heeded),
		cmocka_unit_test(without_a_longest_pause),
		cmocka_unit_test(who_waits_for_a_refusal_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
