/* Frames: whole, in pieces, broken, and errors across the pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/frame.h"

static void frames_come_back(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	const char *data;
	size_t len, used;
	char type;

	(void)state;
	frame_write(&b, FRAME_REQUEST, "a\0c", 3);
	frame_write(&b, FRAME_ANSWER, "", 0);
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(frame_read(b.data, n, 10, &type, &data, &len,
					    &used, &err), 0);
	assert_int_equal(frame_read(b.data, b.len, 3, &type, &data, &len,
				    &used, &err), 1);
	assert_int_equal(type, 'Q');
	assert_int_equal(len, 3);
	assert_int_equal(used, 8);
	assert_memory_equal(data, "a\0c", 3);
	buf_consume(&b, used);
	assert_int_equal(frame_read(b.data, b.len, 0, &type, &data, &len,
				    &used, &err), 1);
	assert_int_equal(type, 'A');
	assert_int_equal(len, 0);
	assert_int_equal(used, b.len);
}

static void broken_frames_are_refused(void **state)
{
	struct err err = ERR_INIT;
	const char *data;
	size_t len, used;
	char type;

	(void)state;
	assert_int_equal(frame_read("\0\0\0\1X", 5, 10, &type, &data, &len,
				    &used, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	/* the cap is known before the bytes are waited for */
	assert_int_equal(frame_read("\xff\xff\xff\xff", 4, 10, &type, &data,
				    &len, &used, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(frame_read("\0\0\0\x0b", 4, 10, &type, &data, &len,
				    &used, &err), -1);
	assert_int_equal(frame_read("\0\0\0\x0a", 4, 10, &type, &data, &len,
				    &used, &err), 0);
}

static void errors_cross_the_pipe(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err in = ERR_INIT, out = ERR_INIT;

	(void)state;
	for (int i = ERR_NONE + 1; i < ERR_CODE_N; i++) {
		buf_clear(&b);
		err_set(&in, (enum err_code)i, "%s", "file \"a\":\n\t3 \xff");
		in.retry = i % 2;
		frame_error_encode(&in, &b);
		frame_error_decode(b.data, b.len, &out);
		assert_int_equal(out.code, i);
		assert_int_equal(out.retry, in.retry);
		assert_string_equal(out.msg, "file \"a\":\n\t3 \xef\xbf\xbd");
	}
}

static void odd_errors_are_internal(void **state)
{
	static const char *const odd[] = {
		"", "[]", "{}", "{\"message\":3}", "{\"code\":\"net\"",
		"{\"code\":\"none\",\"message\":\"m\"}",
		"{\"code\":\"nonsense\",\"message\":\"m\",\"retry\":\"x\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct err e = ERR_INIT;

		frame_error_decode(odd[i], strlen(odd[i]), &e);
		assert_int_equal(e.code, ERR_INTERNAL);
		assert_false(e.retry);
		assert_true(e.msg[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back),
		cmocka_unit_test(broken_frames_are_refused),
		cmocka_unit_test(errors_cross_the_pipe),
		cmocka_unit_test(odd_errors_are_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
