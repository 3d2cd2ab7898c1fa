/* stamp.h: the uid and operation go where a parser would put them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/stamp.h"

static json_t *parse(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, len, &err);

	if (!j)
		fail_msg("%.*s: %s", (int)len, text, err.msg);
	return j;
}

/* The same change made on a tree. */
static json_t *stamped_tree(const char *body, const char *uid, const char *op)
{
	json_t *j = parse(body, strlen(body));
	json_t *meta = json_object_get(j, "metadata");

	if (uid)
		json_object_set_new(meta, "uid", json_string(uid));
	if (op && !json_object_get(meta, "annotations"))
		json_object_set_new(meta, "annotations", json_object());
	if (op)
		json_object_set_new(json_object_get(meta, "annotations"),
				    "syncd.dev/operation", json_string(op));
	return j;
}

static void check(const char *body, const char *uid, const char *op)
{
	_cleanup_json_ json_t *want = stamped_tree(body, uid, op), *got = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	if (body_stamp(body, strlen(body), uid, op, &out, &err))
		fail_msg("%s: %s", body, err.msg);
	got = parse(out.data, out.len);
	if (!doc_equal(want, got))
		fail_msg("%s became %s", body, out.data);
}

static const char *const bodies[] = {
	"{\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{\"a\":\"b\"},\"name\":\"x\"}}",
	"{\"metadata\":{}}",
	"{\"metadata\":{\"annotations\":{}}}",
	"{\"metadata\":{\"name\":\"x\"},\"spec\":{}}",
	"{\"metadata\":{\"name\":\"x\",\"uid\":\"old\"}}",
	"{\"metadata\":{\"annotations\":{\"syncd.dev/operation\":\"old\"},\"uid\":\"old\"}}",
	"{\"metadata\":{\"annotations\":{\"a\":\"1\",\"syncd.dev/operation\":\"old\",\"z\":\"\"}}}",
	/* look-alikes: in strings, nested, and as keys of other maps */
	"{\"data\":{\"a\":\"\\\"metadata\\\":{\",\"metadata\":\"{\"},\"metadata\":{\"name\":\"x\"}}",
	"{\"data\":{\"a\":\"{\\\"metadata\\\":{\\\"annotations\\\":{\"},"
	"\"metadata\":{\"annotations\":{\"k\":\"\\\"uid\\\":\\\"\"},\"name\":\"x\"}}",
	"{\"items\":[{\"metadata\":{\"uid\":\"in\"}}],\"metadata\":{\"name\":\"x\"}}",
	"{\"metadata\":{\"labels\":{\"annotations\":\"l\",\"uid\":\"l\"},\"name\":\"x\"},"
	"\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"a\":\"b\"}}}}}",
	"{\"data\":{\"end\":\"\\\\\"},\"metadata\":{\"name\":\"\\\\\\\"\"}}",
	"{\"data\":{\"u\":\"\\u0022metadata\\u0022:{\"},\"metadata\":{\"name\":\"\xc3\xa9}\"}}",
	"{\"a\":null,\"b\":true,\"c\":-1.5e3,\"d\":[],\"e\":[[{}],\"]\"],\"metadata\":{\"n\":0}}",
};

static void same_as_on_a_tree(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		check(bodies[i], "6c1d-uid", "op-1");
		check(bodies[i], "6c1d-uid", NULL);
		check(bodies[i], NULL, "op-1");
		check(bodies[i], NULL, NULL);
		check(bodies[i], "quote\"\\", "line\n\"");
	}
}

static void nothing_asked_is_a_copy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(body_stamp(bodies[i], strlen(bodies[i]), "", "",
					    &out, &err), 0);
		assert_string_equal(buf_str(&out), bodies[i]);
	}
}

static void other_bodies_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "{", "{}", "[]", "null", "{\"kind\":\"X\"}",
		"{\"metadata\":null}", "{\"metadata\":\"x\"}", "{\"metadata\":[]}",
		"{\"metadata\":{\"annotations\":null}}",
		"{\"metadata\":{}} ", "{\"metadata\":{}}x", "{\"metadata\":{}",
		"{\"metadata\":{},\"metadata\":{}}",
		"{\"metadata\":{\"uid\":\"a\",\"uid\":\"b\"}}",
		"{ \"metadata\":{}}", "{\"metadata\": {}}", "{\"metadata\":{},}",
		"{\"metadata\":{\"name\":\"x}}", "{\"metadata\":{\"name\":\"x\\",
		"{\"spec\":{\"metadata\":{}}}", "{\"metadata\":{\"a\":}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		if (!body_stamp(bad[i], strlen(bad[i]), "u", "o", &out, &err))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.code, ERR_INTERNAL);
		assert_int_equal(out.len, 0);
	}
}

/* Every cut of a good body is refused, without reading past its end. */
static void cut_bodies_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		for (size_t n = 0; n < strlen(bodies[i]); n++) {
			_cleanup_free_ char *cut = xmalloc(n ? n : 1);
			_cleanup_buf_ struct buf out = BUF_INIT;
			struct err err = ERR_INIT;

			memcpy(cut, bodies[i], n);
			assert_int_equal(body_stamp(cut, n, "u", "o", &out, &err), -1);
		}
}

/* A hook named by generateName: its name, and the tracking id's last part. */
static void a_hook_gets_its_name(void **state)
{
	static const struct { const char *body, *name, *want; } rows[] = {
		{ "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		  "\"a:batch/Job:ns/gen-\"},\"generateName\":\"gen-\"}}", "gen-1",
		  "{\"metadata\":{\"name\":\"gen-1\",\"annotations\":{"
		  "\"syncd.dev/operation\":\"op\",\"argocd.argoproj.io/tracking-id\":"
		  "\"a:batch/Job:ns/gen-1\"},\"generateName\":\"gen-\"}}" },
		{ "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		  "\"none\"},\"name\":\"x\"}}", "gen-1",
		  "{\"metadata\":{\"annotations\":{\"syncd.dev/operation\":\"op\","
		  "\"argocd.argoproj.io/tracking-id\":\"none\"},\"name\":\"gen-1\"}}" },
		{ "{\"metadata\":{\"name\":\"x\"}}", "",
		  "{\"metadata\":{\"annotations\":{\"syncd.dev/operation\":\"op\"},"
		  "\"name\":\"x\"}}" },
		{ "{\"metadata\":{}}", "n", "{\"metadata\":{\"annotations\":{"
		  "\"syncd.dev/operation\":\"op\"},\"name\":\"n\"}}" },
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *want = NULL, *got = NULL;
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_int_equal(body_stamp_hook(rows[i].body, strlen(rows[i].body),
						 rows[i].name, "op", &out, &err), 0);
		want = parse(rows[i].want, strlen(rows[i].want));
		got = parse(out.data, out.len);
		if (!doc_equal(want, got))
			fail_msg("%s became %s", rows[i].body, out.data);
	}
	assert_int_equal(body_stamp_hook("{}", 2, "n", "op", &(struct buf)BUF_INIT,
					 &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_on_a_tree),
		cmocka_unit_test(a_hook_gets_its_name),
		cmocka_unit_test(nothing_asked_is_a_copy),
		cmocka_unit_test(other_bodies_are_refused),
		cmocka_unit_test(cut_bodies_are_refused),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
