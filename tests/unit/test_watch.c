/* Watches: lists, resuming, expiry, pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/kube/watch_priv.h"
#include "core/mem.h"
#include "watchjob.h"

/* ---- the happy path ---- */

static void test_streaming_list(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = seen_take(s, "/api/v1/configmaps?watch=1");

	(void)state;
	assert_int_equal(c->lane, HTTP_WATCH);
	assert_non_null(strstr(c->path, "allowWatchBookmarks=true"));
	assert_non_null(strstr(c->path, "labelSelector=a%3Db"));
	assert_non_null(strstr(c->path, "resourceVersionMatch=NotOlderThan"));
	assert_non_null(strstr(c->path, "timeoutSeconds=300"));
	assert_null(strstr(c->path, "resourceVersion="));
	fake_head(c, 200, 0, NULL);
	fake_data(c, EVENT("ADDED", "a", "3"));
	assert_string_equal(watch_version(s->w), "");
	assert_false(watch_synced(s->w));
	fake_data(c, EVENT("ADDED", "b", "7") LIST_END("10"));
	check_log(s, "reset +a +b synced");
	assert_true(watch_synced(s->w));
	assert_string_equal(watch_version(s->w), "10");
	fake_data(c, EVENT("MODIFIED", "a", "11") EVENT("DELETED", "b", "12"));
	check_log(s, "+a -b");
	assert_string_equal(watch_version(s->w), "12");
	fake_data(c, BOOKMARK("40"));
	assert_string_equal(watch_version(s->w), "40");
	check_log(s, "");
	seen_free(s);
}

static void test_line_over_chunks(void **state)
{
	static const char text[] = EVENT("ADDED", "a", "3") "\n"
		LIST_END("10") EVENT("MODIFIED", "c", "11");

	(void)state;
	for (size_t n = 1; n < 40; n++) {
		struct seen *s = seen_new();
		struct fake_call *c = seen_take(s, "sendInitialEvents");

		fake_head(c, 200, 0, NULL);
		fake_bytes(c, text, sizeof(text) - 1, n);
		check_log(s, "reset +a synced +c");
		seen_free(s);
	}
}

/* Cut at any byte, the watch ends in the same state after resuming. */
static void test_cut_at_every_byte(void **state)
{
	static const char text[] = EVENT("MODIFIED", "c", "11")
		EVENT("DELETED", "d", "12");
	size_t first = strlen(EVENT("MODIFIED", "c", "11"));

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct seen *s = seen_new();
		struct fake_call *c = listed(s);
		const char *resume = n == sizeof(text) - 1 ? "resourceVersion=12&" :
			n >= first ? "resourceVersion=11&" : "resourceVersion=10&";

		fake_bytes(c, text, n, SIZE_MAX);
		fake_break(c, ERR_NET, "connection reset");
		fake_run(s->lab.f, 1600);
		seen_take(s, resume);
		seen_free(s);
	}
}

static void test_clean_eof_resumes(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	fake_run(s->lab.f, 300000 - 200000);
	fake_data(c, EVENT("MODIFIED", "a", "11"));
	fake_end(c);
	c = seen_take(s, "resourceVersion=11&");
	assert_null(strstr(c->path, "sendInitialEvents"));
	fake_head(c, 200, 0, NULL);
	fake_data(c, EVENT("MODIFIED", "a", "13"));
	check_log(s, "+a +a");
	assert_int_equal(s->troubles, 0);
	seen_free(s);
}

static void test_bookmark_is_where_it_resumes(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	fake_data(c, BOOKMARK("99"));
	fake_run(s->lab.f, 2000);
	fake_end(c);
	seen_take(s, "resourceVersion=99&");
	seen_free(s);
}

/* An end after no time is not followed by a loop without pause. */
static void test_eof_at_once_waits(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	fake_end(c);			/* it gave lines: no trouble */
	assert_int_equal(fake_untaken(s->lab.f), 0);
	fake_run(s->lab.f, 1000);
	c = seen_take(s, "resourceVersion=10&");
	fake_head(c, 200, 0, NULL);
	fake_end(c);			/* it gave nothing: trouble */
	assert_int_equal(fake_untaken(s->lab.f), 0);
	check_log(s, "trouble");
	seen_free(s);
}

/* ---- expiry ---- */

static void test_error_event_410_lists_again(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	fake_run(s->lab.f, 10000);
	/* What comes after the error in the same chunk is not read. */
	fake_data(c, ERROR_410 EVENT("MODIFIED", "x", "77"));
	assert_null(c->call);
	c = seen_take(s, "sendInitialEvents=true");
	fake_head(c, 200, 0, NULL);
	fake_data(c, EVENT("ADDED", "b", "7") LIST_END("50"));
	check_log(s, "reset +b synced");
	assert_int_equal(s->troubles, 0);
	assert_string_equal(watch_version(s->w), "50");
	seen_free(s);
}

static void test_http_410_lists_again(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	fake_run(s->lab.f, 10000);
	fake_end(c);
	fake_answer(seen_take(s, "resourceVersion=10&"), 410,
		    "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}");
	seen_take(s, "sendInitialEvents=true");
	seen_free(s);
}

/* Again and again: then it waits, and says so once. */
static void test_410_for_ever(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = seen_take(s, "sendInitialEvents");

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		fake_head(c, 200, 0, NULL);
		fake_data(c, ERROR_410);
		assert_int_equal(fake_untaken(s->lab.f), i == 0);
		fake_run(s->lab.f, 40000);
		c = seen_take(s, "sendInitialEvents");
	}
	assert_int_equal(s->troubles, 1);
	assert_int_equal(s->trouble.code, ERR_GONE);
	seen_free(s);
}

/* ---- pages ---- */

static void test_falls_back_to_pages(void **state)
{
	static const int refusals[] = { 400, 422 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct seen *s = seen_new();
		struct fake_call *c = seen_take(s, "sendInitialEvents");

		if (i < 2) {
			fake_answer(c, refusals[i], "{\"kind\":\"Status\"}");
		} else {
			fake_head(c, 200, 0, NULL);
			fake_data(c, i == 2 ?
				  "{\"type\":\"ERROR\",\"object\":{\"code\":400}}\n" :
				  "{\"type\":\"ERROR\",\"object\":{\"code\":422}}\n");
		}
		fake_run(s->lab.f, 0);
		c = seen_take(s, "/api/v1/configmaps?labelSelector=a%3Db&limit=50");
		assert_int_equal(c->lane, HTTP_REQUEST);
		buf_clear(&s->log);
		fake_answer(c, 200, PAGE("20", "t1", ITEM("a") "," ITEM("b")));
		check_log(s, "reset +a +b");
		fake_answer(seen_take(s, "limit=50&continue=t1"), 200,
			    PAGE("20", "", ITEM("c")));
		check_log(s, "+c synced");
		seen_take(s, "&resourceVersion=20&");
		assert_int_equal(s->troubles, 0);
		seen_free(s);
	}
}

static void test_continue_expired(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = first_page(s);

	(void)state;
	fake_answer(c, 200, PAGE("20", "t1", ITEM("a")));
	fake_answer(seen_take(s, "continue=t1"), 410, "{\"reason\":\"Expired\"}");
	fake_run(s->lab.f, 0);
	c = seen_take(s, "limit=50");
	assert_null(strstr(c->path, "continue"));
	fake_answer(c, 200, PAGE("30", "", ITEM("b")));
	check_log(s, "reset +a reset +b synced");
	seen_take(s, "&resourceVersion=30&");
	seen_free(s);
}

/* Items of a page look like objects of events. */
static void check_kind(void *arg, enum watch_event e, const json_t *object)
{
	assert_int_equal(e, WATCH_UPSERT);
	assert_string_equal(doc_get_str(object, "kind", NULL), "ConfigMap");
	assert_string_equal(doc_get_str(object, "apiVersion", NULL), "v1");
	note(arg, "+", "");
}

static void test_items_have_kind(void **state)
{
	struct watch_handler h = handler;
	struct seen *s = seen_new();

	(void)state;
	s->w = watch_free(s->w);
	fake_take(s->lab.f, "GET", "/");
	h.on_event = check_kind;
	s->w = watch_new(s->lab.k, &CMS, NULL, "metadata.name=a", &h, s);
	fake_answer(first_page(s), 200, PAGE("1", "", ITEM("a")));
	check_log(s, "reset + synced");
	assert_non_null(strstr(seen_take(s, "watch=1")->path,
			       "fieldSelector=metadata.name%3Da"));
	seen_free(s);
}

/* Two watches page one after the other, never at once. */
static void test_one_paged_list_at_a_time(void **state)
{
	struct seen *s = seen_new(), *t = xcalloc(1, sizeof(*t));
	struct fake_call *a, *b;

	(void)state;
	t->w = watch_new(s->lab.k, &CMS, "c=d", NULL, &handler, t);
	fake_answer(seen_take(s, "a%3Db"), 422, "{}");
	fake_answer(seen_take(s, "c%3Dd"), 422, "{}");
	fake_run(s->lab.f, 0);
	a = seen_take(s, "labelSelector=a%3Db&limit=50");
	assert_int_equal(fake_untaken(s->lab.f), 0);
	fake_answer(a, 200, PAGE("1", "t", ""));
	a = seen_take(s, "continue=t");
	fake_run(s->lab.f, 0);
	assert_int_equal(fake_untaken(s->lab.f), 0);
	fake_answer(a, 200, PAGE("1", "", ""));
	seen_take(s, "watch=1");
	fake_run(s->lab.f, 0);
	b = seen_take(s, "labelSelector=c%3Dd&limit=50");
	fake_answer(b, 200, PAGE("1", "", ""));
	assert_true(watch_synced(s->w) && watch_synced(t->w));
	watch_free(t->w);
	buf_deinit(&t->log);
	free(t);
	seen_free(s);
}

/* Freed while it pages, the turn goes to the next one. */
static void test_free_gives_turn_back(void **state)
{
	struct seen *s = seen_new();
	struct watch *other;

	(void)state;
	first_page(s);
	other = watch_new(s->lab.k, &CMS, "c=d", NULL, &handler, s);
	fake_answer(seen_take(s, "c%3Dd"), 422, "{}");
	fake_run(s->lab.f, 0);
	assert_int_equal(fake_untaken(s->lab.f), 0);
	s->w = watch_free(s->w);
	fake_run(s->lab.f, 0);
	seen_take(s, "c%3Dd&limit=50");
	watch_free(other);
	seen_free(s);
}

static void test_page_fails(void **state)
{
	struct seen *s = seen_new();

	(void)state;
	fake_answer(first_page(s), 403, "{\"reason\":\"Forbidden\"}");
	check_log(s, "trouble");
	assert_int_equal(s->trouble.code, ERR_AUTH);
	fake_run(s->lab.f, 1600);
	fake_answer(seen_take(s, "limit=50"), 200, PAGE("1", "", ""));
	check_log(s, "reset synced well");
	seen_free(s);
}

static void test_page_without_version(void **state)
{
	struct seen *s = seen_new();

	(void)state;
	fake_answer(first_page(s), 200, "{\"items\":[]}");
	check_log(s, "trouble");
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streaming_list),
		cmocka_unit_test(test_line_over_chunks),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_clean_eof_resumes),
		cmocka_unit_test(test_bookmark_is_where_it_resumes),
		cmocka_unit_test(test_eof_at_once_waits),
		cmocka_unit_test(test_error_event_410_lists_again),
		cmocka_unit_test(test_http_410_lists_again),
		cmocka_unit_test(test_410_for_ever),
		cmocka_unit_test(test_falls_back_to_pages),
		cmocka_unit_test(test_continue_expired),
		cmocka_unit_test(test_items_have_kind),
		cmocka_unit_test(test_one_paged_list_at_a_time),
		cmocka_unit_test(test_free_gives_turn_back),
		cmocka_unit_test(test_page_fails),
		cmocka_unit_test(test_page_without_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
