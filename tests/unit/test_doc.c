/* doc.h: reading, comparing and writing JSON; times, durations, base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(j);
	return j;
}

static void getters_forgive(void **state)
{
	_cleanup_json_ json_t *j = parse(
		"{\"a\":{\"b\":\"x\",\"n\":7,\"r\":2.9,\"t\":true,\"big\":18446744073709551615}}");

	(void)state;
	assert_string_equal(doc_get_str(j, "a", "b", NULL), "x");
	assert_null(doc_get_str(j, "a", "n", NULL));
	assert_null(doc_get(j, "a", "b", "c", NULL));
	assert_null(doc_get(NULL, "a", NULL));
	assert_int_equal(doc_get_int(j, -1, "a", "n", NULL), 7);
	assert_int_equal(doc_get_int(j, -1, "a", "r", NULL), 2);
	assert_int_equal(doc_get_int(j, -1, "a", "b", NULL), -1);
	assert_int_equal(doc_get_int(j, -1, "a", "big", NULL), -1);
	assert_true(doc_get_bool(j, false, "a", "t", NULL));
	assert_true(doc_get_bool(j, true, "a", "b", NULL));
}

static void parse_refuses(void **state)
{
	static const char *const bad[] = { "{\"a\":1,\"a\":2}", "{} x", "{", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_null(doc_parse(bad[i], strlen(bad[i]), &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void canonical_is_stable(void **state)
{
	_cleanup_json_ json_t *a = parse("{\"b\":[1,2.50,0.1],\"a\":{\"y\":null,\"x\":\"\\u0001\\n\\u00e9\"}}");
	_cleanup_json_ json_t *b = parse("{\"a\":{\"x\":\"\\u0001\\né\",\"y\":null},\"b\":[1.0,2.5,0.1]}");
	_cleanup_json_ json_t *c = parse("{\"a\":{\"x\":\"\",\"y\":null},\"b\":[1.0,2.5,0.1]}");
	_cleanup_buf_ struct buf sa = BUF_INIT, sb = BUF_INIT;

	(void)state;
	doc_canonical(a, &sa);
	doc_canonical(b, &sb);
	assert_string_equal(buf_str(&sa), buf_str(&sb));
	assert_string_equal(buf_str(&sa),
		"{\"a\":{\"x\":\"\\u0001\\n\xc3\xa9\",\"y\":null},\"b\":[1,2.5,0.1]}");
	assert_true(doc_equal(a, b));
	assert_false(doc_equal(a, c));
}

static void strings_become_valid_utf8(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	doc_write_str(&b, "a\xff\xc0\x80\"\xed\xa0\x80");
	assert_string_equal(buf_str(&b),
		"\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void times_round_trip(void **state)
{
	char text[40];

	(void)state;
	time_rfc3339(1767323045678, text);
	assert_string_equal(text, "2026-01-02T03:04:05Z");
	assert_int_equal(time_parse_rfc3339(text), 1767323045000);
	time_rfc3339_micro(1767323045678, text);
	assert_string_equal(text, "2026-01-02T03:04:05.678000Z");
	assert_int_equal(time_parse_rfc3339(text), 1767323045678);
	assert_int_equal(time_parse_rfc3339("2026-01-02T05:04:05+02:00"), 1767323045000);
	assert_int_equal(time_parse_rfc3339("2026-13-02T05:04:05Z"), -1);
	assert_int_equal(time_parse_rfc3339("2026-01-02"), -1);
	assert_int_equal(time_parse_rfc3339(NULL), -1);
}

static void durations_are_go_s(void **state)
{
	static const struct { const char *text; uint64_t ms; const char *shown; } good[] = {
		{ "0", 0, "0ms" }, { "90s", 90000, "1m30s" }, { "1h30m", 5400000, "1h30m" },
		{ "250ms", 250, "250ms" }, { "1.5s", 1500, "1s" }, { "5m", 300000, "5m" },
		{ "26h", 93600000, "1d2h" }, { "48h", 172800000, "2d" },
	};
	static const char *const bad[] = { "", "5", "s", "5x", "-5s", "1e3s", "5 s", "0x5s" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = ERR_INIT;
		uint64_t ms = 1;
		char shown[32];

		assert_int_equal(duration_parse(good[i].text, &ms, &err), 0);
		assert_int_equal(ms, good[i].ms);
		duration_format(ms, shown);
		assert_string_equal(shown, good[i].shown);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		uint64_t ms;

		assert_int_equal(duration_parse(bad[i], &ms, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void base64_and_sha256(void **state)
{
	char hex[65];

	(void)state;
	for (size_t n = 0; n < 40; n++) {
		_cleanup_buf_ struct buf text = BUF_INIT, back = BUF_INIT;
		char data[40];

		for (size_t i = 0; i < n; i++)
			data[i] = (char)(i * 37 + n);
		b64_encode(data, n, &text);
		assert_int_equal(b64_decode(buf_str(&text), text.len, &back), 0);
		assert_int_equal(back.len, n);
		if (n)
			assert_memory_equal(back.data, data, n);
	}
	for (const char *const *p = (const char *const[]){ "a", "a===", "a=bc", "ab!d", NULL };
	     *p; p++) {
		_cleanup_buf_ struct buf back = BUF_INIT;

		assert_int_equal(b64_decode(*p, strlen(*p), &back), -1);
	}
	sha256_hex("abc", 3, hex);
	assert_string_equal(hex,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(getters_forgive),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(canonical_is_stable),
		cmocka_unit_test(strings_become_valid_utf8),
		cmocka_unit_test(times_round_trip),
		cmocka_unit_test(durations_are_go_s),
		cmocka_unit_test(base64_and_sha256),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
