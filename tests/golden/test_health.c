/*
 * The cases of tests/golden/health/<kind>/<case>.json: an object, and what its
 * health is. UPDATE_GOLDEN=1 writes what we answer now: read the difference.
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
#define MIN_KINDS 16
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

/* The answer must not depend on the object's own keys being there at all. */
static void survives_less(const json_t *object)
{
	_cleanup_json_ json_t *copy = json_deep_copy(object);
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(copy, next, key, value) {
		struct health h;

		json_object_del(copy, key);
		h = health_assess(copy);
		assert_true(h.status < HEALTH_N);
	}
}

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *where)
{
	size_t n = strlen(path);
	_cleanup_json_ json_t *c = NULL;
	struct health h;

	(void)st;
	if (type == FTW_DP && where->level == 1) {
		if (cases_in_kind < MIN_CASES)
			complain(path, "cases", "at least 8", "fewer");
		cases_in_kind = 0;
		kinds++;
	}
	if (type != FTW_F || n < 5 || strcmp(path + n - 5, ".json"))
		return 0;
	cases++;
	cases_in_kind++;
	c = load(path);
	h = health_assess(doc_get(c, "object", NULL));
	if (getenv("UPDATE_GOLDEN"))
		rewrite(path, c, &h);
	else
		check(path, c, &h);
	survives_less(doc_get(c, "object", NULL));
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
