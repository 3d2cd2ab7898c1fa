/* core/yaml: scalars row by row, structure, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/node.h"

struct row {
	const char *yaml, *json;	/* json NULL: refused */
};

static void check(const char *yaml, size_t len, const char *json)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	int r = node_text_to_json(yaml, len, &out, &err);

	if (json && r < 0)
		fail_msg("%s: %s", yaml, err.msg);
	if (!json && r == 0)
		fail_msg("%s: wanted an error, got %s", yaml, buf_str(&out));
	if (json)
		assert_string_equal(buf_str(&out), json);
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(rows[i].yaml, strlen(rows[i].yaml), rows[i].json);
}

static void words_are_bools_and_nulls(void **state)
{
	static const char *const yes[] = { "y", "Y", "yes", "Yes", "YES", "true", "True",
					   "TRUE", "on", "On", "ON" };
	static const char *const no[] = { "n", "N", "no", "No", "NO", "false", "False",
					  "FALSE", "off", "Off", "OFF" };
	static const char *const null[] = { "", "~", "null", "Null", "NULL" };
	static const char *const not[] = { "yES", "tRUE", "oN", "nO", "fALSE", "oFF",
					   "nULL", "truee", "none", "yess" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		check(yes[i], strlen(yes[i]), "true");
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		check(no[i], strlen(no[i]), "false");
	for (size_t i = 0; i < ARRAY_LEN(null); i++)
		check(null[i], strlen(null[i]), "null");
	for (size_t i = 0; i < ARRAY_LEN(not); i++) {
		_cleanup_free_ char *json = xasprintf("\"%s\"", not[i]);

		check(not[i], strlen(not[i]), json);
	}
}

static void numbers_read_as_go_reads_them(void **state)
{
	static const struct row rows[] = {
		{ "0777", "511" }, { "0o17", "15" }, { "0O17", "15" }, { "0x1F", "31" },
		{ "0X1f", "31" }, { "0b11", "3" }, { "0B11", "3" }, { "+1", "1" },
		{ "1_000", "1000" }, { "-1", "-1" }, { "0", "0" }, { "-0", "0" },
		{ "00", "0" }, { "-0x10", "-16" }, { "0b-11", "-3" }, { "0b+11", "3" },
		{ "-0b-11", "\"-0b-11\"" }, { "0x", "\"0x\"" }, { "0xG", "\"0xG\"" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "9223372036854775808", "9223372036854775808" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "18446744073709551616", "18446744073709552000" },
		{ "+9223372036854775808", "9223372036854776000" },
		{ "-9223372036854775809", "-9223372036854776000" },
		{ "0x1FFFFFFFFFFFFFFFF", "\"0x1FFFFFFFFFFFFFFFF\"" },
		{ "0888", "888" }, { "08.5", "8.5" }, { "1e3", "1000" }, { "1E3", "1000" },
		{ "1e+3", "1000" }, { "1e-3", "0.001" }, { "1.0", "1" }, { "1.", "1" },
		{ ".5", "0.5" }, { "+.5", "0.5" }, { "-.5", "-0.5" }, { "-0.0", "0" },
		{ "0.1", "0.1" }, { "3.14159265358979", "3.14159265358979" },
		{ "1e20", "100000000000000000000" }, { "1e21", "1e+21" },
		{ "1.5e300", "1.5e+300" }, { "1e-6", "0.000001" }, { "1e-7", "1e-7" },
		{ "1.25e-9", "1.25e-9" }, { "1e-10", "1e-10" }, { "5e-324", "5e-324" },
		{ "1e400", "\"1e400\"" }, { "-1e400", "\"-1e400\"" }, { "1e-400", "0" },
		{ "123456789.125", "123456789.125" }, { "1_0.5", "10.5" },
		{ "._5", "\"._5\"" }, { ".5_0", "0.5" }, { ".5_", "\".5_\"" }, { ".5_e1", "\".5_e1\"" }, { ".", "\".\"" },
		{ "1.2.3", "\"1.2.3\"" }, { "1e", "\"1e\"" }, { "e3", "\"e3\"" },
		{ "--1", "\"--1\"" }, { "1-2", "\"1-2\"" }, { "+", "\"+\"" },
		{ "12:30:45", "\"12:30:45\"" }, { "1:2", "\"1:2\"" },
		{ "2001-01-01", "\"2001-01-01\"" }, { "2001-1-1", "\"2001-1-1\"" },
		{ "2001-12-14T21:59:43.10-05:00", "\"2001-12-14T21:59:43.10-05:00\"" },
		{ "2001-12-14 21:59:43", "\"2001-12-14 21:59:43\"" },
		{ "2001-13-01", "\"2001-13-01\"" }, { "2001-", "\"2001-\"" },
		{ "10Gi", "\"10Gi\"" }, { "100m", "\"100m\"" }, { "1.5.0", "\"1.5.0\"" },
		{ "_1", "\"_1\"" }, { "1__0", "10" }, { "1_", "1" },
		{ ".inf", NULL }, { "-.Inf", NULL }, { "+.INF", NULL }, { ".nan", NULL },
		{ ".NaN", NULL }, { ".infinity", "\".infinity\"" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void quotes_and_tags_decide_types(void **state)
{
	static const struct row rows[] = {
		{ "'yes'", "\"yes\"" }, { "\"1\"", "\"1\"" }, { "''", "\"\"" },
		{ "|\n  1\n", "\"1\\n\"" }, { ">-\n  a\n  b\n", "\"a b\"" },
		{ "!!str 1", "\"1\"" }, { "!!str", "\"\"" }, { "!!int '5'", "5" },
		{ "!!int 5.5", NULL }, { "!!int x", NULL }, { "!!float 5", "5" },
		{ "!!float 1.5", "1.5" }, { "!!float x", NULL }, { "!!bool yes", "true" },
		{ "!!bool 1", NULL }, { "!!null ''", "null" }, { "!!null x", NULL },
		{ "!!timestamp 2001-01-01", "\"2001-01-01\"" }, { "!!timestamp x", NULL },
		{ "!!binary aGk=", NULL }, { "! 5", "\"5\"" }, { "! '5'", "\"5\"" }, { "!mine 5", "\"5\"" },
		{ "!!map {a: 1}", "{\"a\":1}" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void keys_become_strings(void **state)
{
	static const struct row rows[] = {
		{ "on: 1", "{\"true\":1}" }, { "n: 1", "{\"false\":1}" },
		{ "1: a", "{\"1\":\"a\"}" }, { "0x10: a", "{\"16\":\"a\"}" },
		{ "-5: a", "{\"-5\":\"a\"}" }, { "1.5: a", "{\"1.5\":\"a\"}" },
		{ "1e3: a", "{\"1000\":\"a\"}" }, { "1000000.0: a", "{\"1e+06\":\"a\"}" },
		{ "123456.0: a", "{\"123456\":\"a\"}" }, { "0.0001: a", "{\"0.0001\":\"a\"}" },
		{ "0.00001: a", "{\"1e-05\":\"a\"}" }, { "0.1: a", "{\"0.1\":\"a\"}" },
		{ ".inf: a", "{\".inf\":\"a\"}" }, { "-.inf: a", "{\"-.inf\":\"a\"}" },
		{ "2001-01-01: a", "{\"2001-01-01\":\"a\"}" },
		{ "~: a", NULL }, { "? : a", NULL }, { "null: a", NULL }, { "[a]: b", NULL },
		{ "{a: b}: c", NULL }, { "18446744073709551615: a", NULL },
		{ "b: 1\na: 2\n'10': 3\n", "{\"10\":3,\"a\":2,\"b\":1}" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void duplicates_are_refused_with_lines(void **state)
{
	static const char text[] = "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n";
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(node_text_to_json(text, strlen(text), &out, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, "line 5: key 'c' is there already, on line 3; "
			    "remove one of them");
	check("on: 1\ntrue: 2", 13, NULL);
	check("1: a\n'1': b", 11, NULL);
	check("{\"a\":1,\"a\":2}", 13, NULL);
}

/* Kustomization files: the last one counts, and the reader tells of the first. */
static void a_lenient_reader_takes_the_last(void **state)
{
	static const struct { const char *text, *json, *dropped; } rows[] = {
		{ "a: 1\nb: 2\na: 3\n", "{\"a\":3,\"b\":2}",
		  "line 3: key 'a' is there already, on line 1" },
		{ "a: {x: 1, x: 2}\nb: {z: 1, z: 2}\n", "{\"a\":{\"x\":2},\"b\":{\"z\":2}}",
		  "line 1: key 'x' is there already, on line 1" },
		{ "a: 1\na: 2\na:\n", "{\"a\":null}", "line 2: key 'a' is" },
		{ "{\"a\":1,\n\"a\":[2]}", "{\"a\":[2]}", "line 2: key 'a' is there already" },
		{ "on: 1\ntrue: 2\n", "{\"true\":2}", "line 2: key 'true'" },
		{ "a: {x: 1}\nb: {x: 1}\n", "{\"a\":{\"x\":1},\"b\":{\"x\":1}}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct node_reader *r = node_reader_new_lenient(rows[i].text,
								strlen(rows[i].text));
		struct err err = ERR_INIT;
		struct node *n;

		assert_int_equal(node_read(r, &a, &n, &err), 1);
		assert_int_equal(node_to_json(n, &out, &err), 0);
		assert_string_equal(buf_str(&out), rows[i].json);
		if (!rows[i].dropped)
			assert_null(node_reader_dropped(r));
		else if (!strstr(node_reader_dropped(r), rows[i].dropped))
			fail_msg("%s", node_reader_dropped(r));
		node_reader_free(r);
	}
}

/* Resources: both stay, the first is found, and who makes values of them refuses. */
static void kustomize_keeps_doubles_until_it_prints(void **state)
{
	static const char *const texts[] = {
		"a: first\nb: {x: 1}\na: second\n", "{\"a\": \"first\",\n\n\"a\": 2}",
	};
	_cleanup_buf_ struct buf many = BUF_INIT;

	(void)state;
	for (size_t i = 0; i <= ARRAY_LEN(texts); i++) {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		const char *text = i < ARRAY_LEN(texts) ? texts[i] : buf_str(&many);
		struct node_reader *r = node_reader_new3(text, strlen(text));
		struct err err = ERR_INIT;
		struct node *n, *printed;

		assert_int_equal(node_read(r, &a, &n, &err), 1);
		assert_string_equal(node_get_str(n, "a"), "first");
		assert_int_equal(node_canonical(&a, n, &printed, &err), -1);
		assert_non_null(strstr(err.msg, "line 3: key 'a' is there already, on line 1; "
				       "remove one of them"));
		assert_int_equal(node_through_json(&a, n, &printed, &err), -1);
		assert_int_equal(node_check_doubles(n, &err), -1);
		assert_true(node_remove(n, "a"));
		assert_int_equal(node_canonical(&a, n, &printed, &err), 0);
		assert_int_equal(node_check_doubles(n, &err), 0);
		node_reader_free(r);
		buf_clear(&many);	/* the last one: a map that is not small */
		buf_adds(&many, "a: first\n\na: second\n");
		for (int k = 0; k < 40; k++)
			buf_addf(&many, "k%d: {a: 1}\n", k);
	}
	check("? [a]\n: 1", 9, NULL);
}

static void merges_keep_explicit_keys(void **state)
{
	static const struct row rows[] = {
		{ "x: &x {a: 1, b: 2}\nw:\n  <<: *x\n  b: 3\n",
		  "{\"w\":{\"a\":1,\"b\":3},\"x\":{\"a\":1,\"b\":2}}" },
		{ "x: &x {a: 1}\nz: &z {a: 2, c: 4}\nw:\n  <<: [*x, *z]\n  d: 5\n",
		  "{\"w\":{\"a\":1,\"c\":4,\"d\":5},\"x\":{\"a\":1},\"z\":{\"a\":2,\"c\":4}}" },
		{ "x: &x {a: 1}\nw:\n  a: 3\n  <<: *x\n", NULL },
		{ "x: &x [1]\nw:\n  <<: *x\n", NULL },
		{ "w:\n  <<: 1\n", NULL },
		{ "w:\n  <<: {a: 1}\n  <<: {b: 1}\n", NULL },
		{ "w:\n  '<<': {a: 1}\n", "{\"w\":{\"<<\":{\"a\":1}}}" },
		{ "x: &x {<<: {a: 1}, b: 2}\nw: {<<: *x}\n",
		  "{\"w\":{\"a\":1,\"b\":2},\"x\":{\"a\":1,\"b\":2}}" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void anchors_and_documents(void **state)
{
	static const struct row rows[] = {
		{ "a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}" },
		{ "&k a: 1\nb: *k\n", "{\"a\":1,\"b\":\"a\"}" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}" },
		{ "a: *nope\n", NULL }, { "&a [*a]", NULL }, { "&a {b: *a}", NULL },
		{ "", "null" }, { "# only a comment\n", "null" }, { "---\n", "null" },
		{ "--- 1\n--- 2\n", "1" }, { "\xef\xbb\xbf" "a: 1", "{\"a\":1}" },
		{ "a: b: c", NULL }, { "\ta: 1", NULL }, { "a: \"\\0\"", NULL },
		{ "a: \x01", NULL }, { "a: \xff", NULL }, { "[1, 2", NULL },
		{ "{a: 1, 'b': [x]} # c", "{\"a\":1,\"b\":[\"x\"]}" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
	check("a: 1\0b", 6, NULL);
}

static void json_is_read_as_json(void **state)
{
	static const struct row rows[] = {
		{ "{\"a\":\"\\ud83d\\ude00\\u00e9\\/\"}", "{\"a\":\"\xf0\x9f\x98\x80\xc3\xa9/\"}" },
		{ "{\"a\":\"\\ud83d x\"}", "{\"a\":\"\xef\xbf\xbd x\"}" },
		{ "{\"a\":\"\\b\\f\\n\\r\\t\\\"\\\\\"}",
		  "{\"a\":\"\\u0008\\u000c\\n\\u000d\\t\\\"\\\\\"}" },
		{ " {\"b\":[1,-2.50,1e3,true,null],\"a\":{}}\n",
		  "{\"a\":{},\"b\":[1,-2.5,1000,true,null]}" },
		{ "{\"a\":\"yes\"}", "{\"a\":\"yes\"}" }, { "{\"a\":\"\\u0000\"}", NULL },
		{ "{\"a\":1}\n{\"b\":2}", "{\"a\":1}" }, { "{\"a\":1,}", "{\"a\":1}" },
		{ "{\"a\" 1}", NULL }, { "{\"a\":\"x", NULL }, { "{{ a }}", NULL },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void reader_gives_every_document(void **state)
{
	static const char text[] = "a: 1\n---\n# nothing\n---\n'x'\n...\n---\nb: [1]\n";
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node_reader *r = node_reader_new(text, strlen(text));
	struct err err = ERR_INIT;
	struct node *n;

	(void)state;
	assert_int_equal(node_read(r, &a, &n, &err), 1);
	assert_int_equal(n->kind, NODE_MAP);
	assert_int_equal(n->line, 1);
	assert_int_equal(node_read(r, &a, &n, &err), 1);
	assert_true(node_is_null(n));
	assert_int_equal(node_read(r, &a, &n, &err), 1);
	assert_true(node_is_string(n));
	assert_int_equal(n->style, NODE_SINGLE);
	assert_int_equal(node_read(r, &a, &n, &err), 1);
	assert_int_equal(node_get_key(n, "b")->line, 8);
	assert_int_equal(node_read(r, &a, &n, &err), 0);
	assert_int_equal(node_read(r, &a, &n, &err), 0);
	node_reader_free(r);
}

/* What libyaml stumbles over in a later document leaves the earlier ones read once. */
static void reader_goes_on_behind_an_escaped_quote(void **state)
{
	static const char text[] = "a: it\\'s\n---\nb: 1\n---\nc: \"it\\'s\"\n---\nd: \"\\'\"\n";
	static const char *const json[] = { "{\"a\":\"it\\\\'s\"}", "{\"b\":1}", "{\"c\":\"it's\"}",
					    "{\"d\":\"'\"}" };
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node_reader *r = node_reader_new(text, strlen(text));
	struct err err = ERR_INIT;
	struct node *n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_int_equal(node_read(r, &a, &n, &err), 1);
		assert_int_equal(node_to_json(n, &out, &err), 0);
		assert_string_equal(buf_str(&out), json[i]);
	}
	assert_int_equal(node_read(r, &a, &n, &err), 0);
	node_reader_free(r);
}

static void trees_can_be_edited(void **state)
{
	static const char text[] = "a: &x {b: [1]}\nc: *x\n";
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct node_reader *r = node_reader_new(text, strlen(text));
	struct err err = ERR_INIT;
	struct node *n, *copy;

	(void)state;
	assert_int_equal(node_read(r, &a, &n, &err), 1);
	copy = node_copy(&a, n);
	/* The alias was copied out: changing one leaves the other. */
	node_append(&a, node_find(n, "a", "b", NULL), node_new_str(&a, "2"));
	node_set(&a, node_get(n, "c"), "d", node_new_map(&a));
	node_set(&a, n, "a2", node_new_list(&a));
	assert_true(node_remove(node_get(n, "c"), "b"));
	assert_false(node_remove(node_get(n, "c"), "b"));
	assert_int_equal(node_to_json(n, &out, &err), 0);
	assert_string_equal(buf_str(&out),
			    "{\"a\":{\"b\":[1,\"2\"]},\"a2\":[],\"c\":{\"d\":{}}}");
	buf_clear(&out);
	assert_int_equal(node_to_json(copy, &out, &err), 0);
	assert_string_equal(buf_str(&out), "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]}}");
	assert_null(node_find(n, "a", "b", "c", NULL));
	node_reader_free(r);
}

static void errors_name_the_line(void **state)
{
	static const char text[] = "a: 1\nb: [1\nc: 2\n";
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(node_text_to_json(text, strlen(text), &out, &err), -1);
	assert_non_null(strstr(err.msg, "line 3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_bools_and_nulls),
		cmocka_unit_test(numbers_read_as_go_reads_them),
		cmocka_unit_test(quotes_and_tags_decide_types),
		cmocka_unit_test(keys_become_strings),
		cmocka_unit_test(duplicates_are_refused_with_lines),
		cmocka_unit_test(a_lenient_reader_takes_the_last),
		cmocka_unit_test(kustomize_keeps_doubles_until_it_prints),
		cmocka_unit_test(merges_keep_explicit_keys),
		cmocka_unit_test(anchors_and_documents),
		cmocka_unit_test(json_is_read_as_json),
		cmocka_unit_test(reader_gives_every_document),
		cmocka_unit_test(reader_goes_on_behind_an_escaped_quote),
		cmocka_unit_test(trees_can_be_edited),
		cmocka_unit_test(errors_name_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
