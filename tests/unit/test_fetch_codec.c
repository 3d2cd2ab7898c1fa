/* The fetch worker's request and answer survive the wire; bad ones are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/fetch.h"
#include "core/mem.h"

#define OID "0123456789abcdef0123456789abcdef01234567"

static void request_round_trip(void **state)
{
	struct fetch_request in = {
		.mirrors = (char *)"/data/mirrors", .key = (char *)"host-r-1",
		.url = (char *)"https://h/r", .username = (char *)"u",
		.password = (char *)"p\"\\\n\xc3\xa9", .bearer = (char *)"t",
		.ca_pem = (char *)"-----BEGIN\n", .cert_pem = (char *)"c",
		.key_pem = (char *)"k", .insecure_skip_verify = true,
		.revision = (char *)"main", .oid = (char *)OID,
		.ssh_key = (char *)"s", .known_hosts = (char *)"h x y\n",
		.list = (char *)"HEAD refs/tags/", .rebuild = true, .max_bytes = 5,
	}, out;
	_cleanup_buf_ struct buf b = BUF_INIT, again = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	fetch_request_encode(&in, &b);
	assert_int_equal(fetch_request_decode(&out, b.data, b.len, &err), 0);
	assert_string_equal(out.password, in.password);
	assert_string_equal(out.list, in.list);
	assert_string_equal(out.ssh_key, "s");
	assert_true(out.insecure_skip_verify && out.rebuild);
	assert_int_equal(out.max_bytes, 5);
	fetch_request_encode(&out, &again);
	assert_string_equal(buf_str(&b), buf_str(&again));
	fetch_request_deinit(&out);
	assert_null(out.password);
	assert_null(out.ssh_key);
}

static void absent_stays_absent(void **state)
{
	struct fetch_request in = {
		.mirrors = (char *)"/d", .key = (char *)"k", .url = (char *)"u",
		.max_bytes = UINT64_MAX,
	}, out;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	fetch_request_encode(&in, &b);
	assert_int_equal(fetch_request_decode(&out, b.data, b.len, NULL), 0);
	assert_null(out.password);
	assert_null(out.oid);
	assert_false(out.rebuild);
	assert_true(out.max_bytes == INT64_MAX);
	fetch_request_deinit(&out);
}

static void answer_round_trip(void **state)
{
	struct fetch_answer in = {
		.mirror = (char *)"/d/k/g1", .oid = OID,
		.author = (char *)"A <a@b>", .subject = (char *)"Fix \xe2\x82\xac",
		.time_ms = 1700000000123,
	}, out;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	fetch_answer_encode(&in, &b);
	assert_int_equal(fetch_answer_decode(&out, b.data, b.len, NULL), 0);
	assert_string_equal(out.mirror, in.mirror);
	assert_string_equal(out.oid, OID);
	assert_string_equal(out.subject, in.subject);
	assert_true(out.time_ms == in.time_ms);
	assert_null(out.refs);
	fetch_answer_deinit(&out);
}

static void a_list_needs_no_commit(void **state)
{
	struct fetch_answer in = { .refs = (char *)OID " HEAD\n" }, out;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	fetch_answer_encode(&in, &b);
	assert_int_equal(fetch_answer_decode(&out, b.data, b.len, NULL), 0);
	assert_string_equal(out.refs, in.refs);
	assert_string_equal(out.oid, "");
	fetch_answer_deinit(&out);
}

static void bad_ones_are_refused(void **state)
{
	static const char *const requests[] = {
		"", "[]", "{}", "{\"mirrors\":1}", "{\"mirrors\":\"/d\",\"key\":\"k\"}",
		"{\"mirrors\":\"/d\",\"key\":\"\",\"url\":\"u\"}",
		"{\"mirrors\":\"/d\",\"mirrors\":\"/e\"}",
		"{\"mirrors\":\"a\\u0000b\"}",
	};
	static const char *const answers[] = {
		"", "{}", "{\"oid\":\"\"}", "{\"oid\":\"" OID "\"}",
		"{\"oid\":\"" OID "0\",\"mirror\":\"/m\"}",
		"{\"oid\":\"../../../../../../../../../../../../../x\",\"mirror\":\"/m\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct fetch_request r;
		struct err err = ERR_INIT;

		assert_int_equal(fetch_request_decode(&r, requests[i],
				strlen(requests[i]), &err), -1);
		assert_non_null(strstr(err.msg, "fetch request: "));
	}
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct fetch_answer a;
		struct err err = ERR_INIT;

		assert_int_equal(fetch_answer_decode(&a, answers[i],
				strlen(answers[i]), &err), -1);
		assert_non_null(strstr(err.msg, "fetch answer: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_round_trip),
		cmocka_unit_test(absent_stays_absent),
		cmocka_unit_test(answer_round_trip),
		cmocka_unit_test(a_list_needs_no_commit),
		cmocka_unit_test(bad_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
