/* Kustomize's dialect: types of scalars, caps; bytes are compared in tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/node.h"

static struct node *read3(struct arena *a, const char *text)
{
	struct node_reader *r = node_reader_new3(text, strlen(text));
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (node_read(r, a, &n, &err) != 1)
		fail_msg("%s: %s", text, err.msg);
	node_reader_free(r);
	return n;
}

static void types(void **state)
{
	static const struct {
		const char *text;
		enum node_type type;
	} cases[] = {
		{ "~", NODE_NULL }, { "null", NODE_NULL }, { "!!null x", NODE_NULL },
		{ "true", NODE_BOOL }, { "False", NODE_BOOL }, { "yes", NODE_STR },
		{ "On", NODE_STR }, { "n", NODE_STR }, { "tRUE", NODE_STR },
		{ "1", NODE_INT }, { "0o17", NODE_INT }, { "0o-17", NODE_INT },
		{ "0o+7", NODE_INT }, { "0o--7", NODE_STR }, { "0o8", NODE_STR },
		{ "0o", NODE_STR }, { "0o-7777777777777777777777", NODE_STR },
		{ "017", NODE_INT }, { "0b-1", NODE_INT }, { "1_000", NODE_INT },
		{ "! 5", NODE_INT }, { "!!int x", NODE_INT }, { "'5'", NODE_STR },
		{ "! '5'", NODE_STR }, { "!!str 5", NODE_STR }, { "!x 5", NODE_STR },
		{ "1.5", NODE_FLOAT }, { ".inf", NODE_FLOAT }, { "!!float 1", NODE_FLOAT },
		{ "2020-01-01", NODE_TIME }, { "'2020-01-01'", NODE_STR },
		{ "2020-01-02T03:04:05Z", NODE_TIME }, { "2020-13-01", NODE_STR },
		{ "!!timestamp x", NODE_TIME }, { "!!binary x", NODE_BINARY },
		{ "<<", NODE_MERGE }, { "'<<'", NODE_STR }, { "!!set x", NODE_STR },
		{ "[]", NODE_STR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(arena_deinit) struct arena a = { 0 };

		if (node_type3(read3(&a, cases[i].text)) != cases[i].type)
			fail_msg("%s", cases[i].text);
	}
	assert_int_equal(node_type3(NULL), NODE_NULL);
}

static void a_made_merge_is_a_text(void **state)
{
	struct node n = { .kind = NODE_SCALAR, .implicit = true, .text = "<<", .len = 2 };

	(void)state;
	assert_int_equal(node_type3(&n), NODE_STR);
}

static const char *yaml_of(struct arena *a, const char *text, struct buf *out)
{
	struct err err = ERR_INIT;
	struct node *n;

	if (node_canonical(a, read3(a, text), &n, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	if (node_to_yaml(n, out, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return buf_str(out);
}

/* Roots that are no maps: nothing that Kustomize prints, but they must be right. */
static void roots(void **state)
{
	static const struct { const char *text, *yaml; } cases[] = {
		{ "a", "a\n" }, { "'5'", "\"5\"\n" }, { "[]", "[]\n" }, { "{}", "{}\n" },
		{ "[a, [b]]", "- a\n- - b\n" }, { "\"a\\nb\\n\\n\"", "|+\n  a\n  b\n\n" },
		{ "''", "\"\"\n" }, { "' a'", "' a'\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_string_equal(yaml_of(&a, cases[i].text, &out), cases[i].yaml);
	}
}

/* The text under "a", or the reason why there is none. */
static void quotes_may_be_escaped(void **state)
{
	static const struct { const char *text, *a; bool bad; } cases[] = {
		{ "a: \"it\\'s\"", "it's", false },
		{ "a: \"\\'\\\\\\'\"", "'\\'", false },
		{ "a: it\\'s\nb: \"\\'\"", "it\\'s", false },
		{ "b: \"\\'\"\na: |-\n  it\\'s\n  so", "it\\'s\nso", false },
		{ "b: \"\\'\"\na: >-\n  it\\'s\n  so", "it\\'s so", false },
		{ "# it\\'s\na: 'x\\'", "x\\", false },
		{ "? \"b\\'\"\n: x\na: \"\\u0750\\u0751\"", "\u0750\u0751", false },
		{ "b: \"\\'\"\na: \u0750", "\u0750", false },
		{ "b: 'x\\'\na: \"\\'\"", "line 2: found unknown escape character while "
		  "parsing a quoted scalar", true },
		{ "a: \"\\'\"\nb: 'x\\'\nc: 'y\\'\n", "line 1: found unknown escape character "
		  "while parsing a quoted scalar", true },
		{ "a: \"\\'\"\nb: '\\'' # '", "line 1: found unknown escape character while "
		  "parsing a quoted scalar", true },
		{ "a: \"\\'\\q\"", "line 1: found unknown escape character while parsing a "
		  "quoted scalar", true },
		{ "a: \"\\q\"", "line 1: found unknown escape character while parsing a quoted "
		  "scalar", true },
		{ "a: \"x\\\"", "line 1: found unexpected end of stream while scanning a quoted "
		  "scalar", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		struct node_reader *r = node_reader_new3(cases[i].text, strlen(cases[i].text));
		struct err err = ERR_INIT;
		struct node *n = NULL;
		int got = node_read(r, &a, &n, &err);

		node_reader_free(r);
		if (got != (cases[i].bad ? -1 : 1) || (err.code == ERR_NONE) == cases[i].bad)
			fail_msg("%s: %d %s", cases[i].text, got, err.msg);
		assert_string_equal(got < 0 ? err.msg : node_get(n, "a")->text, cases[i].a);
	}
}

/* All of them in use: what libyaml says of the text as it is written stays. */
static void no_character_is_left(void **state)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct node_reader *r;
	struct err err = ERR_INIT;
	struct node *n;

	(void)state;
	buf_adds(&text, "a: \"\\'\" #");
	for (int c = 0x90; c <= 0xbf; c++)
		buf_addf(&text, "\xdd%c", c);
	r = node_reader_new3(buf_str(&text), text.len);
	assert_int_equal(node_read(r, &a, &n, &err), -1);
	assert_non_null(strstr(err.msg, "unknown escape"));
	assert_int_equal(node_read(r, &a, &n, &err), 0);
	node_reader_free(r);
}

static void both_dialects_read_it_alike(void **state)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct err err = ERR_INIT;
	struct node *n;

	(void)state;
	assert_int_equal(node_canonical(&a, read3(&a, "{a: yes, b: 0o17, c: 2020-01-01, "
					"d: 1e3, e: 1.5e-7, f: null, g: on}"), &n, &err), 0);
	assert_int_equal(node_to_json(n, &json, &err), 0);
	assert_string_equal(buf_str(&json), "{\"a\":\"yes\",\"b\":15,\"c\":"
			    "\"2020-01-01T00:00:00Z\",\"d\":1000,\"e\":1.5e-7,\"f\":null,"
			    "\"g\":\"on\"}");
}

static void bytes_that_are_no_text(void **state)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct node *n;

	(void)state;
	assert_string_equal(yaml_of(&a, "a: !!binary YWL/Yg==", &out), "a: ab\xef\xbf\xbd"
			    "b\n");
	assert_int_equal(node_canonical(&a, read3(&a, "!!binary AA=="), &n, &err), -1);
	assert_non_null(strstr(err.msg, "line 1: !!binary holds a NUL byte"));
}

static void too_deep(void **state)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node *n = node_new_list(&a), *ret;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 4 * NODE_DEPTH_MAX; i++) {
		struct node *outer = node_new_list(&a);

		assert_int_equal(node_canonical(&a, n, &ret, &err), 0);
		node_append(&a, outer, n);
		n = outer;
	}
	assert_int_equal(node_canonical(&a, n, &ret, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void too_long(void **state)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(20);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(node_to_yaml(read3(&a, "[\"some\", \"more\", \"text\"]"), &out,
				      &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* An order that contradicts itself (10a < 1a < 2a < 10a) must not cost more. */
static void order_without_order(void **state)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct node *map = node_new_map(&a);
	struct err err = ERR_INIT;
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 3000; i++)
		node_set(&a, map, arena_printf(&a, "%d%c", (i * 7919) % 3000,
					       "ab0_"[i % 4]), node_new_list(&a));
	assert_int_equal(node_to_yaml(map, &out, &err), 0);
	for (const char *s = buf_str(&out); *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, map->len / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(a_made_merge_is_a_text),
		cmocka_unit_test(roots),
		cmocka_unit_test(quotes_may_be_escaped),
		cmocka_unit_test(no_character_is_left),
		cmocka_unit_test(both_dialects_read_it_alike),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(too_long),
		cmocka_unit_test(order_without_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
