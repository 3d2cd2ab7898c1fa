/*
 * sync/unstick.h: which pods a revert deletes so that a StatefulSet rolls back. Each
 * row is the ordinary stuck case with one thing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/unstick.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static json_t *edited(const char *base, const char *merge)
{
	json_t *j = parse(base);
	_cleanup_json_ json_t *more = parse(merge);

	json_object_update_recursive(j, more);
	return j;
}

#define SET "{\"metadata\":{\"name\":\"db\",\"uid\":\"u-db\",\"generation\":3}," \
	"\"spec\":{\"replicas\":3},\"status\":{\"observedGeneration\":3," \
	"\"currentRevision\":\"good\",\"updateRevision\":\"good\"}}"

static void sets(void **state)
{
	static const struct { const char *what, *more; bool want; int64_t first; } rows[] = {
		{ "defaults", "{}", true, 0 },
		{ "ordered", "{\"spec\":{\"podManagementPolicy\":\"OrderedReady\"}}",
		  true, 0 },
		{ "parallel helps itself",
		  "{\"spec\":{\"podManagementPolicy\":\"Parallel\"}}", false, 0 },
		{ "a person rolls it",
		  "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\"}}}", false, 0 },
		{ "a partition", "{\"spec\":{\"updateStrategy\":{\"type\":"
		  "\"RollingUpdate\",\"rollingUpdate\":{\"partition\":2}}}}", true, 2 },
		{ "ordinals", "{\"spec\":{\"ordinals\":{\"start\":5},\"updateStrategy\":{"
		  "\"rollingUpdate\":{\"partition\":2}}}}", true, 7 },
		{ "not observed yet", "{\"metadata\":{\"generation\":4}}", false, 0 },
		{ "never observed", "{\"metadata\":{\"generation\":0},\"status\":{"
		  "\"observedGeneration\":0}}", false, 0 },
		{ "no revision", "{\"status\":{\"updateRevision\":\"\"}}", false, 0 },
		{ "revision is a number", "{\"status\":{\"updateRevision\":7}}", false,
		  0 },
		{ "no uid", "{\"metadata\":{\"uid\":\"\"}}", false, 0 },
		{ "numbers beyond reason", "{\"spec\":{\"ordinals\":{\"start\":"
		  "9223372036854775807},\"updateStrategy\":{\"rollingUpdate\":{"
		  "\"partition\":1}}}}", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *set = edited(SET, rows[i].more);
		struct stuck_set s;

		if (unstick_set(set, &s) != rows[i].want ||
		    (rows[i].want && s.first != rows[i].first))
			fail_msg("%s", rows[i].what);
	}
}

#define POD "{\"metadata\":{\"name\":\"db-2\",\"labels\":{" \
	"\"controller-revision-hash\":\"bad\"},\"ownerReferences\":[{\"kind\":" \
	"\"StatefulSet\",\"name\":\"db\",\"uid\":\"u-db\",\"controller\":true}]}," \
	"\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\"," \
	"\"status\":\"False\"}]}}"
#define OWNER(o) "{\"metadata\":{\"ownerReferences\":[" o "]}}"
#define READY(s) "{\"status\":{\"conditions\":[{\"type\":\"Ready\"," \
	"\"status\":\"" s "\"}]}}"

static void pods(void **state)
{
	static const struct { const char *what, *more; bool want; } rows[] = {
		{ "stuck", "{}", true },
		{ "cannot be pulled, no condition yet",
		  "{\"status\":{\"phase\":\"Pending\",\"conditions\":[]}}", true },
		{ "ready", READY("True"), false },
		{ "not known", READY("Unknown"), false },
		{ "no conditions, running", "{\"status\":{\"conditions\":[]}}", false },
		{ "of the restored revision",
		  "{\"metadata\":{\"labels\":{\"controller-revision-hash\":\"good\"}}}",
		  false },
		{ "no revision",
		  "{\"metadata\":{\"labels\":{\"controller-revision-hash\":\"\"}}}",
		  false },
		{ "going already", "{\"metadata\":{\"deletionTimestamp\":"
		  "\"2026-01-01T00:00:00Z\"}}", false },
		{ "no owner", OWNER(""), false },
		{ "another's", OWNER("{\"kind\":\"StatefulSet\",\"name\":\"db\","
		  "\"uid\":\"u-old\",\"controller\":true}"), false },
		{ "another kind's", OWNER("{\"kind\":\"Thing\",\"name\":\"db\","
		  "\"uid\":\"u-db\",\"controller\":true}"), false },
		{ "owned, not controlled", OWNER("{\"kind\":\"StatefulSet\",\"name\":"
		  "\"db\",\"uid\":\"u-db\"}"), false },
		{ "below the partition", "{\"metadata\":{\"name\":\"db-0\"}}", false },
		{ "first of the partition", "{\"metadata\":{\"name\":\"db-1\"}}", true },
		{ "no ordinal", "{\"metadata\":{\"name\":\"db-x\"}}", false },
		{ "another's name", "{\"metadata\":{\"name\":\"web-2\"}}", false },
		{ "longer name", "{\"metadata\":{\"name\":\"db-2-x\"}}", false },
		{ "too many digits", "{\"metadata\":{\"name\":\"db-99999999999\"}}",
		  false },
	};
	_cleanup_json_ json_t *set = edited(SET, "{\"spec\":{\"updateStrategy\":{"
					    "\"rollingUpdate\":{\"partition\":1}}}}");
	struct stuck_set s;

	(void)state;
	assert_true(unstick_set(set, &s));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *pod = edited(POD, rows[i].more);

		if (unstick_pod(&s, pod) != rows[i].want)
			fail_msg("%s", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(pods),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
