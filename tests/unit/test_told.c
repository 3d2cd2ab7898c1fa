/* sync/told.h: an Application's status comes back whole, and its words beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/doc.h"
#include "sync/told.h"

static json_t *tree(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	assert_non_null(j);
	return j;
}

static void comes_back(void **state)
{
	static const struct {
		const char *status, *sync, *health;
		int64_t finished_ms, since_ms;
	} rows[] = {
		{ "{}", "", "", 0, 0 },
		{ "{\"sync\": {\"status\": \"Synced\"}, \"health\": {\"status\": \"Healthy\", "
		  "\"lastTransitionTime\": \"1970-01-01T00:00:02Z\"}, \"operationState\": "
		  "{\"finishedAt\": \"1970-01-01T00:00:01Z\"}}", "Synced", "Healthy", 1000,
		  2000 },
		{ "{\"sync\": {\"status\": 7}, \"health\": {\"lastTransitionTime\": \"soon\"}}",
		  "", "", 0, 0 },
		{ "{\"sync\": {\"status\": \"longer than any word of ours\"}}",
		  "longer than any", "", 0, 0 },
		{ "{\"text\": \"\\u00fc \\\"quoted\\\"\\n\", \"n\": [1, -1.5, true, null]}",
		  "", "", 0, 0 },
	};
	struct told t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		_cleanup_json_ json_t *status = tree(rows[i].status), *back = NULL;

		told_set(&t, status);	/* in the place of the one before */
		back = told_tree(&t);
		assert_non_null(back);
		assert_true(json_equal(back, status));
		assert_string_equal(t.sync, rows[i].sync);
		assert_string_equal(t.health, rows[i].health);
		assert_int_equal(t.finished_ms, rows[i].finished_ms);
		assert_int_equal(t.health_since_ms, rows[i].since_ms);
	}
	told_forget(&t);
	assert_null(told_tree(&t));
}

static void nothing_is_known(void **state)
{
	_cleanup_json_ json_t *status = tree("{\"sync\": {\"status\": \"Synced\"}}");
	struct told t = { 0 };

	(void)state;
	assert_null(told_tree(&t));
	told_set(&t, status);
	told_set(&t, NULL);
	assert_null(t.packed);
	assert_string_equal(t.sync, "");
	assert_null(told_tree(&t));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(nothing_is_known),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
