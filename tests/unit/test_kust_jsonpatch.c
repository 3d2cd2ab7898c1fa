/* jsonpatch.c, kjson.c: JSON patches, held against the reference's outcomes; caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kustcases.h"
#include "render/kustomize/kjson.h"
#include "render/kustomize/transform.h"

static void begin(struct kust *k)
{
	static const struct kust_options none;

	kust_init(k, NULL, &none);
}

static int patch(struct kust *k, struct node **root, const char *text, struct err *err)
{
	struct kjson_patch *p = kjson_patch_parse(k, text, strlen(text), err);

	return p ? kjson_patch_apply(k, p, root, err) : -1;
}

/* As an entry of `patches`: then annotations are there, and become texts. */
static bool as_reference(const struct kustcase *c)
{
	static const struct kfolder folder = { .path = "", .file = "kustomization.yaml" };
	struct kselector all = { .kind = ".*" };
	const struct kpatch entry = { .patch = c->patch, .target = &all };
	struct err err = ERR_INIT;
	struct kres *res;
	struct kmap *m;
	struct kust k;
	bool ok;
	int r;

	begin(&k);
	m = kmap_new(&k);
	res = kres_new(&k, kustcases_tree(&k, c->title, c->base), "base.yaml");
	r = kmap_append(m, res, &err);
	if (r == 0)
		r = kust_patch(&k, &folder, m, &entry, &err);
	ok = kustcases_check(c, &k, r, res->root, &err);
	kust_deinit(&k);
	return ok;
}

static void outcomes_of_the_reference(void **state)
{
	size_t n, bad = 0;
	struct kustcase *cases = kustcases_read("jsonpatch", &n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		bad += !as_reference(&cases[i]);
	kustcases_free(cases, n);
	assert_int_equal(bad, 0);
}

/* --- texts of numbers, which later steps see --------------------------------------- */

static const struct {
	const char *json, *text;
} numbers[] = {
	{ "0", "0" }, { "-0", "-0" }, { "1", "1" }, { "5.5", "5.5" }, { "123456", "123456" },
	{ "1234567", "1.234567e+06" }, { "1000000", "1e+06" }, { "1e20", "1e+20" },
	{ "123456789012345680000", "1.2345678901234568e+20" }, { "0.0001", "0.0001" },
	{ "0.00001", "1e-05" }, { "0.000012345", "1.2345e-05" }, { "1.5e300", "1.5e+300" },
	{ "9007199254740993", "9.007199254740992e+15" }, { "-2.5e-7", "-2.5e-07" },
	{ "1234567.5", "1.2345675e+06" }, { "123456.75", "123456.75" }, { "1e2", "100" },
	{ "0.1", "0.1" }, { "100", "100" }, { "1e-400", "0" },
};

static void numbers_are_spelled_as_go_does(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const char *text = arena_printf(&k.arena, "[{\"op\": \"add\", \"path\": \"/n\", "
						"\"value\": %s}]", numbers[i].json);
		struct node *root = node_new_map(&k.arena);
		struct err err = ERR_INIT;

		if (patch(&k, &root, text, &err) < 0)
			fail_msg("%s: %s", numbers[i].json, err.msg);
		assert_string_equal(ktext(kget(root, "n")), numbers[i].text);
	}
	kust_deinit(&k);
}

/* --- caps ------------------------------------------------------------------------------ */

static void fails_with(const char *base, const char *text, enum err_code code,
		       const char *why)
{
	struct err err = ERR_INIT;
	struct node *root, *before;
	struct kust k;

	begin(&k);
	root = before = kustcases_tree(&k, base, base);
	assert_int_equal(patch(&k, &root, text, &err), -1);
	if (err.code != code || !strstr(err.msg, why))
		fail_msg("%s", err.msg);
	assert_ptr_equal(root, before);
	kust_deinit(&k);
}

/* copy, copy of the copy...: twice as much each time. */
static void copies_are_capped(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < 40; i++)
		buf_addf(&text, "- {op: copy, from: /a, path: /b}\n"
			 "- {op: add, path: /a/k%d, value: 1}\n- {op: copy, from: /b, "
			 "path: /a/x%d}\n", i, i);
	fails_with("{a: {b: 1}}", buf_str(&text), ERR_LIMIT, "values");
}

static void depth_is_capped(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT, deep = BUF_INIT;

	(void)state;
	for (int i = 0; i < 99; i++)
		buf_adds(&text, i ? ",{\"op\": \"copy\", \"from\": \"/a\", \"path\": \"/a/a\"}" :
			 "[{\"op\": \"copy\", \"from\": \"/a\", \"path\": \"/a/a\"}");
	buf_adds(&text, "]");
	fails_with("{a: {b: 1}}", buf_str(&text), ERR_LIMIT, "within each other");
	for (int i = 0; i < 101; i++)
		buf_adds(&deep, "[");
	fails_with("{a: 1}", buf_str(&deep), ERR_LIMIT, "within each other");
}

static void work_is_capped(void **state)
{
	_cleanup_buf_ struct buf base = BUF_INIT, text = BUF_INIT;

	(void)state;
	buf_adds(&base, "{");
	for (int i = 0; i < 20000; i++)
		buf_addf(&base, "k%d: 1, ", i);
	buf_adds(&base, "l: {}}");
	buf_adds(&text, "[{\"op\": \"test\", \"path\": \"/l/x\"}");
	for (int i = 0; i < 2000; i++)
		buf_adds(&text, ",{\"op\": \"test\", \"path\": \"/l/x\"}");
	buf_adds(&text, "]");
	fails_with(buf_str(&base), buf_str(&text), ERR_LIMIT, "too many operations");
}

static void what_fails_says_where(void **state)
{
	(void)state;
	fails_with("{a: 1}", "- {op: add, path: /b, value: 1}\n- {op: remove, path: /c/d}",
		   ERR_INVALID, "JSON patch, operation 2: remove: the path is missing: '/c/d'");
	fails_with("{a: 1}", "[{\"op\": \"add\",\n \"path\": \"/b\"\n \"value\": 1}]",
		   ERR_INVALID, "JSON, line 3: ',' or '}' is expected here");
	fails_with("{a: 1}", "[\"\\u0000\"]", ERR_INVALID, "not an escape");
	fails_with("{a: 1}", "[\"a\nb\"]", ERR_INVALID, "control character");
	fails_with("{a: 1}", "[\"a", ERR_INVALID, "without its end");
	fails_with("{a: 1}", "a: [", ERR_INVALID, "line");
	fails_with("{a: 1}", "a: b", ERR_INVALID, "a JSON patch is a list");
}

/* --- spelling ----------------------------------------------------------------------------- */

static void texts_are_spelled_as_encoding_json_does(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	assert_string_equal(kjson_spelling(&k, kstring(&k, "a<b>&\"\\/\x01\n\xe2\x80\xa8"
						       "\xe2\x80\xaa\xc3\xa9")),
			    "\"a\\u003cb\\u003e\\u0026\\\"\\\\/\\u0001\\n\\u2028"
			    "\xe2\x80\xaa\xc3\xa9\"");
	assert_string_equal(kjson_spelling(&k, kplain(&k, "1.50")), "1.50");
	kust_deinit(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_of_the_reference),
		cmocka_unit_test(numbers_are_spelled_as_go_does),
		cmocka_unit_test(copies_are_capped),
		cmocka_unit_test(depth_is_capped),
		cmocka_unit_test(work_is_capped),
		cmocka_unit_test(what_fails_says_where),
		cmocka_unit_test(texts_are_spelled_as_encoding_json_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
