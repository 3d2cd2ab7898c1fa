/* crd.h: its four cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/crd.h"

#define V1 "\"versions\":[{\"name\":\"v1\",\"served\":true}]"
#define V2 "\"versions\":[{\"name\":\"v1\",\"served\":true},{\"name\":\"v2\"}]"
#define NONE "\"conversion\":{\"strategy\":\"None\"}"
#define HOOK "\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"a\":1}}"
#define OTHER "\"conversion\":{\"webhook\":{\"a\":2},\"strategy\":\"Webhook\"}"
#define MOVED "\"conversion\":{\"webhook\":{\"a\":1},\"strategy\":\"Webhook\"}"

static void ways(void **state)
{
	static const struct { const char *live, *back; int nr; } rows[] = {
		{ V1 "," NONE, V1 "," NONE, 1 },
		{ V1, V1, 1 },
		{ V1 "," HOOK, V1 "," MOVED, 1 },
		{ V1 "," HOOK, V1 "," NONE, 2 },
		{ V1 "," NONE, V1 "," HOOK, 2 },
		{ V1 "," HOOK, V1 "," OTHER, 2 },
		{ V1 "," HOOK, V1, 2 },
		{ V1, V1 "," HOOK, 2 },
		{ V2 "," HOOK, V1 "," NONE, 3 },
		{ V2 "," NONE, V1 "," NONE, 3 },
		{ "\"versions\":[]," NONE, V1 "," NONE, 3 },
		{ NONE, V1 "," HOOK, 4 },
		{ V1 "," NONE, "\"versions\":{}," HOOK, 4 },
		{ NONE, HOOK, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *was = xasprintf("{\"spec\":{%s}}", rows[i].live);
		_cleanup_free_ char *is = xasprintf("{\"spec\":{%s}}", rows[i].back);
		_cleanup_json_ json_t *live = doc_parse(was, strlen(was), NULL);
		_cleanup_json_ json_t *back = doc_parse(is, strlen(is), NULL);
		enum crd_way way;
		int nr;

		assert_non_null(live);
		assert_non_null(back);
		way = crd_way_back(live, back, &nr);
		if (nr != rows[i].nr || way != (nr == 2 ? CRD_RESTORE : CRD_LEAVE))
			fail_msg("%s -> %s: case %d", was, is, nr);
	}
	assert_int_equal(crd_way_back(NULL, NULL, NULL), CRD_LEAVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
