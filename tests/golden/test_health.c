/*
 * The cases of tests/golden/health/<kind>: an object, and what its health is.
 *
 * <case>.json is one case, cases.json a table of them: an object, and per case what
 * of it is different (a JSON merge patch). UPDATE_GOLDEN=1 writes what we answer
 * now to the single ones: read the difference. A table is written by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "health/health.h"

#define CASES SOURCE_DIR "/tests/golden/health"
#define MIN_KINDS 60
#define MIN_CASES 8

static int cases, failures, kinds, cases_in_kind;

static void complain(const char *path, const char *what, const char *want,
		     const char *got)
{
	failures++;
	print_error("%s: %s\n  want: %s\n  got:  %s\n", path + strlen(CASES) + 1,
		    what, want, got);
}

static json_t *load(const char *path)
{
	json_error_t why;
	json_t *c = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (!c)
		fail_msg("%s:%d: %s", path, why.line, why.text);
	return c;
}

static void check(const char *path, const json_t *c, const struct health *h)
{
	const char *status = doc_get_str(c, "status", NULL);
	const char *message = doc_get_str(c, "message", NULL);
	int64_t progress = (int64_t)health_progress(doc_get(c, "object", NULL));
	int64_t want = doc_get_int(c, progress, "progress", NULL);
	char a[32], b[32];

	if (!doc_get_str(c, "why", NULL) || !status || !message)
		fail_msg("%s: needs why, object, status and message", path);
	if (strcmp(status, health_str(h->status)))
		complain(path, "status", status, health_str(h->status));
	if (strcmp(message, h->message))
		complain(path, "message", message, h->message);
	snprintf(a, sizeof(a), "%lld", (long long)want);
	snprintf(b, sizeof(b), "%lld", (long long)progress);
	if (want != progress)
		complain(path, "progress", a, b);
}

static void rewrite(const char *path, json_t *c, const struct health *h)
{
	const json_t *object = doc_get(c, "object", NULL);

	json_object_set_new(c, "status", json_string(health_str(h->status)));
	json_object_set_new(c, "message", json_string(h->message));
	if (doc_get(c, "progress", NULL))
		json_object_set_new(c, "progress",
			json_integer((json_int_t)health_progress(object)));
	assert_int_equal(json_dump_file(c, path, JSON_INDENT(2)), 0);
}

/* RFC 7396: null takes away, an object is merged, anything else replaces. */
static void merge(json_t *into, const json_t *patch)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)patch, key, value) {
		json_t *there = json_object_get(into, key);

		if (json_is_null(value)) {
			json_object_del(into, key);
		} else if (json_is_object(value) && json_is_object(there)) {
			merge(there, value);
		} else {
			json_object_set_new(into, key, json_deep_copy(value));
		}
	}
}

/* What a field may hold instead of what it should. */
static json_t *odd(size_t i)
{
	switch (i) {
	case 0: return json_null();
	case 1: return json_true();
	case 2: return json_integer(-7);
	case 3: return json_real(1e300);
	case 4: return json_string("odd");
	case 5: return json_array();
	case 6: return json_object();
	default: return NULL;
	}
}

static void must_answer(const json_t *object)
{
	struct health h = health_assess(object);

	assert_true(h.status < HEALTH_N);
	health_progress(object);
	health_pod(object);
}

static void survives_odd_values(const json_t *object, json_t *at);

static void survives_in_object(const json_t *object, json_t *at)
{
	for (void *i = json_object_iter(at); i; i = json_object_iter_next(at, i)) {
		json_t *was = json_incref(json_object_iter_value(i)), *other;

		for (size_t n = 0; (other = odd(n)); n++) {
			json_object_iter_set_new(at, i, other);
			must_answer(object);
		}
		json_object_iter_set_new(at, i, was);
		survives_odd_values(object, was);
	}
}

static void survives_in_array(const json_t *object, json_t *at)
{
	for (size_t i = 0; i < json_array_size(at); i++) {
		json_t *was = json_incref(json_array_get(at, i)), *other;

		for (size_t n = 0; (other = odd(n)); n++) {
			json_array_set_new(at, i, other);
			must_answer(object);
		}
		json_array_set_new(at, i, was);
		survives_odd_values(object, was);
	}
}

/* Each value below `at` becomes one of another type: any answer will do. */
static void survives_odd_values(const json_t *object, json_t *at)
{
	if (json_is_object(at))
		survives_in_object(object, at);
	if (json_is_array(at))
		survives_in_array(object, at);
}

static void check_table(const char *path, const json_t *table)
{
	const json_t *list = doc_get(table, "cases", NULL), *c;
	size_t i;

	json_array_foreach((json_t *)list, i, c) {
		_cleanup_json_ json_t *one = json_copy((json_t *)c);
		_cleanup_json_ json_t *o = json_deep_copy(doc_get(table, "object",
								  NULL));
		const char *why = doc_get_str(c, "why", NULL);
		_cleanup_free_ char *where = xasprintf("%s: %s", path,
						       why ? why : "?");
		struct health h;

		if (!doc_get(c, "change", NULL))
			fail_msg("%s: needs a change", where);
		merge(o, doc_get(c, "change", NULL));
		json_object_set(one, "object", o);
		h = health_assess(o);
		check(where, one, &h);
		survives_odd_values(o, o);
		cases++;
		cases_in_kind++;
	}
}

static void check_one(const char *path, json_t *c)
{
	json_t *object = doc_get(c, "object", NULL);
	struct health h = health_assess(object);

	cases++;
	cases_in_kind++;
	if (getenv("UPDATE_GOLDEN"))
		rewrite(path, c, &h);
	else
		check(path, c, &h);
	survives_odd_values(object, object);
}

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *where)
{
	size_t n = strlen(path);
	_cleanup_json_ json_t *c = NULL;

	(void)st;
	if (type == FTW_DP && where->level == 1) {
		if (cases_in_kind < MIN_CASES)
			complain(path, "cases", "at least 8", "fewer");
		cases_in_kind = 0;
		kinds++;
	}
	if (type != FTW_F || n < 5 || strcmp(path + n - 5, ".json"))
		return 0;
	c = load(path);
	if (doc_get(c, "cases", NULL))
		check_table(path, c);
	else
		check_one(path, c);
	return 0;
}

static void every_case_answers_as_recorded(void **state)
{
	(void)state;
	assert_int_equal(nftw(CASES, visit, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_true(kinds >= MIN_KINDS);
	assert_true(cases >= kinds * MIN_CASES);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_answers_as_recorded),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
