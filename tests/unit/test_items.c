/*
 * Items that are looked for by what they are like: long lists, which are hashed, give what
 * short ones give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/items.h"

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!j)
		fail_msg("no JSON: %s", text);
	return j;
}

/* The list, and behind it so many that nothing names. */
static json_t *list_of(const char *text, size_t more)
{
	json_t *list = parse(text);

	for (size_t i = 0; i < more; i++)
		json_array_append_new(list, json_pack("{sI}", "other", (json_int_t)i));
	return list;
}

static void long_lists_give_what_short_ones_give(void **state)
{
	static const char items[] =
		"[{\"p\":80,\"t\":\"UDP\"},{\"p\":80,\"t\":\"TCP\"},7,{\"p\":80,\"t\":\"TCP\",\"x\":1},"
		"\"a\",{\"p\":81.0},{\"p\":null},{\"n\":{\"b\":1,\"a\":2}}]";
	static const struct {
		char kind;
		const char *match;
		size_t index;
	} cases[] = {
		{ 'k', "{\"t\":\"TCP\",\"p\":80}", 1 },
		{ 'k', "{\"p\":80}", 0 },
		{ 'k', "{\"p\":80.0,\"t\":\"UDP\"}", 0 },
		{ 'k', "{\"p\":81}", 5 },
		{ 'k', "{\"p\":\"80\"}", SIZE_MAX },
		{ 'k', "{\"p\":null}", 6 },
		{ 'k', "{\"q\":null}", SIZE_MAX },
		{ 'k', "{\"n\":{\"a\":2,\"b\":1}}", 7 },
		{ 'k', "{\"p\":80,\"t\":\"TCP\",\"x\":1}", 3 },
		{ 'k', "{}", 0 },
		{ 'v', "7", 2 },
		{ 'v', "7.0", 2 },
		{ 'v', "\"7\"", SIZE_MAX },
		{ 'v', "\"a\"", 4 },
		{ 'v', "{\"p\":81}", 5 },
		{ 'v', "\"{}\"", SIZE_MAX },
	};
	static const size_t more[] = { 0, 8, 9, 500 };

	(void)state;
	for (size_t m = 0; m < ARRAY_LEN(more); m++) {
		_cleanup_json_ json_t *list = list_of(items, more[m]);
		_cleanup_(items_deinit) struct items x = { 0 };

		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			_cleanup_json_ json_t *match = parse(cases[i].match);
			size_t got = items_find(&x, list, cases[i].kind, match);

			if (got != cases[i].index)
				fail_msg("%zu more: %s is at %zu", more[m],
					 cases[i].match, got);
		}
		assert_int_equal(items_find(&x, NULL, 'v', list), SIZE_MAX);
	}
}

/* As nobody writes them: each with other names. */
static void sets_of_names_are_bounded(void **state)
{
	_cleanup_json_ json_t *list = list_of("[]", ITEMS_SETS_MAX + 10);
	_cleanup_(items_deinit) struct items x = { 0 }, y = { 0 };

	(void)state;
	for (size_t i = 0; i < ITEMS_SETS_MAX + 10; i++) {
		_cleanup_free_ char *name = xasprintf("n%zu", i);
		_cleanup_json_ json_t *match = json_pack("{si}", name, 1);

		json_object_set_new(json_array_get(list, i), name, json_integer(1));
		assert_int_equal(items_find(&x, list, 'k', match),
				 i < ITEMS_SETS_MAX ? i : SIZE_MAX);
		assert_int_equal(items_slot(&y, 'k', match) != NULL, i < ITEMS_SETS_MAX);
	}
	assert_int_equal(x.sets.len, ITEMS_SETS_MAX);
}

static void keep(struct items *x, char kind, const char *match, const char *what)
{
	_cleanup_json_ json_t *m = parse(match);
	json_t **slot = items_slot(x, kind, m);

	assert_non_null(slot);
	assert_null(*slot);
	*slot = json_string(what);
}

/* What is kept of such an item, all of it in a row. */
static void assert_kept(const struct items *x, const char *item, const char *want)
{
	_cleanup_json_ json_t *i = parse(item);
	_cleanup_buf_ struct buf got = BUF_INIT;
	json_t *kept;

	for (size_t n = 0; items_kept(x, n, i, &kept); n++)
		if (kept)
			buf_adds(&got, json_string_value(kept));
	assert_string_equal(buf_str(&got), want);
}

static void all_that_is_kept_of_an_item_is_found(void **state)
{
	_cleanup_(items_deinit) struct items x = { 0 };

	(void)state;
	assert_kept(&x, "{}", "");
	keep(&x, 'k', "{\"name\":\"a\"}", "A");
	keep(&x, 'k', "{\"name\":\"b\"}", "B");
	keep(&x, 'k', "{\"port\":80,\"name\":\"a\"}", "C");
	keep(&x, 'k', "{\"class\":null}", "D");
	keep(&x, 'v', "\"a\"", "E");
	assert_int_equal(x.sets.len, 3);
	assert_kept(&x, "{\"name\":\"a\",\"port\":80}", "ACD");
	assert_kept(&x, "{\"port\":80.0,\"class\":1,\"name\":\"a\"}", "AC");
	assert_kept(&x, "{\"name\":\"b\",\"class\":null}", "BD");
	assert_kept(&x, "{}", "D");
	assert_kept(&x, "\"a\"", "E");
	assert_kept(&x, "[\"a\"]", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_lists_give_what_short_ones_give),
		cmocka_unit_test(sets_of_names_are_bounded),
		cmocka_unit_test(all_that_is_kept_of_an_item_is_found),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
