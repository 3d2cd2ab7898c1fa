/* err, buf, arena, sm: the things that everything else stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/sm.h"

static void err_wrap_puts_context_first(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, ERR_NET, "reset by %s", "peer"), -1);
	assert_true(err.retry);
	err_wrap(&err, "apply %s", "x/y");
	assert_string_equal(err.msg, "apply x/y: reset by peer");
	assert_int_equal(err.code, ERR_NET);
}

static void err_too_long_says_so(void **state)
{
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, 'x');
	err_set(&err, ERR_INVALID, "%s", buf_str(&b));
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_string_equal(err.msg + sizeof(err.msg) - 4, "...");
	err_wrap(&err, "more");
	assert_string_equal(err.msg + sizeof(err.msg) - 4, "...");
}

static void buf_stops_at_its_cap(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT_MAX(4);

	(void)state;
	buf_adds(&b, "1234");
	assert_false(buf_overflowed(&b));
	buf_addc(&b, '5');
	assert_true(buf_overflowed(&b));
	assert_string_equal(buf_str(&b), "1234");
	buf_clear(&b);
	buf_addf(&b, "%d", 77);
	assert_string_equal(buf_str(&b), "77");
}

static void buf_escapes_path_segments(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	buf_add_escaped(&b, "a/b c:\xc3\xa9~");
	assert_string_equal(buf_str(&b), "a%2Fb%20c%3A%C3%A9~");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "2Fb%20c%3A%C3%A9~");
}

static void arena_hands_out_zeroed_memory(void **state)
{
	struct arena a = { 0 };
	char *big, *small;

	(void)state;
	small = arena_strdup(&a, "small");
	big = arena_alloc(&a, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(big[i], 0);
	assert_string_equal(arena_printf(&a, "%s-%d", small, 1), "small-1");
	assert_true(a.used >= 100000);
	arena_deinit(&a);
	assert_null(a.blocks);
}

static void sm_moves_as_its_table_says(void **state)
{
	static const struct sm_state states[] = {
		{ "Idle", TO(1) },
		{ "Busy", TO(0) | TO(2) },
		{ "Done", 0 },
	};
	struct sm sm;

	(void)state;
	sm_init(&sm, states, 0);
	assert_false(sm_may_move(&sm, 2));
	sm_move(&sm, 1);
	sm_move(&sm, 2);
	assert_string_equal(sm_name(&sm), "Done");
}

/* Past some MiB it takes its memory otherwise: zeroed all the same, and all of it its own. */
static void test_large_arena(void **state)
{
	struct arena a = { 0 };
	struct cell { struct cell *before; size_t i; char pad[400]; } *last = NULL;
	size_t n = 20000;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct cell *c = arena_alloc(&a, sizeof(*c) + i % 3);

		assert_null(c->before);
		assert_int_equal(c->i, 0);
		assert_int_equal(c->pad[399], 0);
		memset(c->pad, 'x', sizeof(c->pad));
		*c = (struct cell){ .before = last, .i = i };
		last = c;
		if (i == n / 2)	/* larger than any block */
			memset(arena_alloc(&a, 3 << 20), 1, 3 << 20);
	}
	for (size_t i = n; i-- > 0; last = last->before)
		assert_int_equal(last->i, i);
	assert_null(last);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_wrap_puts_context_first),
		cmocka_unit_test(err_too_long_says_so),
		cmocka_unit_test(buf_stops_at_its_cap),
		cmocka_unit_test(buf_escapes_path_segments),
		cmocka_unit_test(arena_hands_out_zeroed_memory),
		cmocka_unit_test(sm_moves_as_its_table_says),
		cmocka_unit_test(test_large_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
