/* Watches: broken streams, silence, nonsense; freeing in every callback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/kube/watch_priv.h"
#include "core/mem.h"
#include "watchjob.h"

/* ---- misfortune ---- */

static void test_trouble_once_per_streak(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);
	uint64_t delays[9];

	(void)state;
	fake_break(c, ERR_NET, "connection reset");
	for (unsigned i = 0; i < ARRAY_LEN(delays); i++) {
		delays[i] = fake_next_timer(s->lab.f);
		fake_run(s->lab.f, delays[i]);
		fake_break(seen_take(s, "resourceVersion=10&"), ERR_NET, "refused");
	}
	check_log(s, "trouble");
	assert_int_equal(s->trouble.code, ERR_NET);
	assert_int_equal(delays[0], 600);	/* 800 - 25 %: jitter at its least */
	assert_int_equal(delays[1], 1200);
	assert_int_equal(delays[8], 22500);	/* 30 s - 25 % */
	fake_run(s->lab.f, 40000);
	c = seen_take(s, "resourceVersion=10&");
	fake_head(c, 200, 0, NULL);
	check_log(s, "well");
	/* Long after, the next streak begins anew. */
	fake_run(s->lab.f, 130000);
	fake_data(c, BOOKMARK("11"));
	fake_break(c, ERR_NET, "connection reset");
	check_log(s, "trouble");
	assert_int_equal(fake_next_timer(s->lab.f), 600);
	seen_free(s);
}

static void test_not_served(void **state)
{
	struct seen *s = seen_new();

	(void)state;
	fake_answer(seen_take(s, "watch=1"), 404, "404 page not found\n");
	assert_int_equal(s->trouble.code, ERR_UNSERVED);
	check_log(s, "trouble");
	fake_run(s->lab.f, 1600);
	seen_take(s, "sendInitialEvents");
	seen_free(s);
}

#define NOT_READY "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"code\":429," \
	"\"message\":\"storage is (re)initializing\"}"

/* A watch of everything, whose server has no cache of it yet. */
static struct seen *unselective(const char *refusal)
{
	struct seen *s = seen_new();

	s->w = watch_free(s->w);
	seen_take(s, "watch=1");
	s->w = watch_new(s->lab.k, &CMS, NULL, NULL, &handler, s);
	fake_answer(seen_take(s, "sendInitialEvents"), 429, refusal);
	return s;
}

/* Pages are answered from the storage meanwhile: nobody waits for a cache. */
static void test_storage_not_ready(void **state)
{
	struct seen *s = unselective(NOT_READY);
	struct fake_call *c;

	(void)state;
	fake_run(s->lab.f, 0);
	fake_answer(seen_take(s, "/api/v1/configmaps?limit=50"), 200,
		    PAGE("20", "", ITEM("a")));
	check_log(s, "reset +a synced");
	fake_answer(seen_take(s, "&resourceVersion=20&"), 429, NOT_READY);
	check_log(s, "trouble");
	fake_run(s->lab.f, 1600);
	c = seen_take(s, "&resourceVersion=20&");	/* nothing is listed again */
	fake_head(c, 200, 0, NULL);
	check_log(s, "well");
	fake_data(c, EVENT("ADDED", "b", "21"));
	fake_data(c, ERROR_410);
	check_log(s, "+b trouble");
	fake_run(s->lab.f, 2000);
	seen_take(s, "sendInitialEvents");	/* the next list is a stream again */
	seen_free(s);
}

static void test_storage_not_ready_nor_pages(void **state)
{
	struct seen *s = unselective(NOT_READY);

	(void)state;
	fake_run(s->lab.f, 0);
	fake_answer(seen_take(s, "limit=50"), 403, "{}");
	check_log(s, "trouble");
	fake_run(s->lab.f, 0);
	assert_int_equal(fake_untaken(s->lab.f), 0);
	fake_run(s->lab.f, 1600);
	seen_take(s, "sendInitialEvents");
	seen_free(s);
}

/* A list with a selector has to wait as well, and so has what is too much for it. */
static void test_too_many_requests(void **state)
{
	struct seen *selective = seen_new();
	struct seen *s = unselective("{\"message\":\"too many requests\"}");

	(void)state;
	fake_answer(seen_take(selective, "sendInitialEvents"), 429, NOT_READY);
	check_log(selective, "trouble");
	fake_run(selective->lab.f, 0);
	assert_int_equal(fake_untaken(selective->lab.f), 0);
	seen_free(selective);
	check_log(s, "trouble");
	fake_run(s->lab.f, 0);
	assert_int_equal(fake_untaken(s->lab.f), 0);
	fake_run(s->lab.f, 1600);
	seen_take(s, "sendInitialEvents");
	seen_free(s);
}

static void test_well_after_list(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c;

	(void)state;
	fake_break(seen_take(s, "watch=1"), ERR_NET, "refused");
	fake_run(s->lab.f, 1600);
	c = seen_take(s, "sendInitialEvents");
	fake_head(c, 200, 0, NULL);
	check_log(s, "trouble reset");
	fake_data(c, LIST_END("1"));
	check_log(s, "synced well");
	seen_free(s);
}

/* Silence of a quiet stream: a new connection, no alarm; then an alarm. */
static void test_watchdog(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	fake_run(s->lab.f, 100000);
	fake_data(c, BOOKMARK("11"));
	fake_run(s->lab.f, 149000);
	assert_int_equal(fake_untaken(s->lab.f), 0);
	fake_run(s->lab.f, 1000);
	assert_null(c->call);
	check_log(s, "");
	seen_take(s, "resourceVersion=11&");
	fake_run(s->lab.f, 150000);	/* not even a head */
	check_log(s, "trouble");
	assert_int_equal(s->trouble.code, ERR_TIMEOUT);
	seen_free(s);
}

/* The list's end never comes (a server whose cache lags): pages do. */
static void test_list_stalls(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = seen_take(s, "sendInitialEvents");

	(void)state;
	fake_head(c, 200, 0, NULL);
	fake_data(c, EVENT("ADDED", "a", "3"));
	fake_run(s->lab.f, 59000);
	fake_data(c, EVENT("ADDED", "b", "3"));
	fake_run(s->lab.f, 59000);
	assert_non_null(c->call);
	fake_run(s->lab.f, 2000);
	assert_null(c->call);
	check_log(s, "reset +a +b trouble");
	seen_take(s, "limit=50");
	seen_free(s);
}

static void test_list_ends_early(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c = seen_take(s, "sendInitialEvents");

	(void)state;
	fake_head(c, 200, 0, NULL);
	fake_data(c, EVENT("ADDED", "a", "3"));
	fake_end(c);
	check_log(s, "reset +a trouble");
	fake_run(s->lab.f, 1600);
	c = seen_take(s, "sendInitialEvents");	/* not from version 3 */
	fake_head(c, 200, 0, NULL);
	fake_data(c, LIST_END("10"));
	check_log(s, "reset synced well");
	seen_free(s);
}

static void test_line_too_long(void **state)
{
	size_t n = WATCH_LINE_MAX + 1;
	_cleanup_free_ char *big = xmalloc(n);
	struct seen *s = seen_new();
	struct fake_call *c = listed(s);

	(void)state;
	memset(big, 'x', n);
	fake_bytes(c, big, n - 1, 1 << 20);
	assert_non_null(c->call);	/* just at the cap */
	fake_bytes(c, big, 1, 1);
	assert_null(c->call);
	check_log(s, "trouble");
	assert_int_equal(s->trouble.code, ERR_LIMIT);
	fake_run(s->lab.f, 1600);
	seen_take(s, "sendInitialEvents");
	seen_free(s);
}

static void test_no_event(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"ADDED\",\"object\":{\"data\":\"hunter2\"\n",
		"null\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"type\":\"WHAT\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n",
		"{\"type\":\"BOOKMARK\",\"object\":{}}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct seen *s = seen_new();

		fake_data(listed(s), lines[i]);
		check_log(s, "trouble");
		assert_int_equal(s->trouble.code, ERR_NET);
		assert_null(strstr(s->trouble.msg, "hunter2"));
		fake_run(s->lab.f, 1600);
		seen_take(s, "sendInitialEvents");
		seen_free(s);
	}
}

static void test_error_event_500(void **state)
{
	struct seen *s = seen_new();

	(void)state;
	fake_data(listed(s), "{\"type\":\"ERROR\",\"object\":{\"code\":500,"
		  "\"message\":\"etcd is away\"}}\n");
	check_log(s, "trouble");
	assert_string_equal(s->trouble.msg, "watch of configmaps: etcd is away");
	fake_run(s->lab.f, 1600);
	seen_take(s, "resourceVersion=10&");		/* nothing was lost */
	seen_free(s);
}

/* ---- freeing ---- */

static void test_free_in_every_callback(void **state)
{
	static const char *const words[] = { "reset", "+a", "synced", "-a",
					     "trouble" };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(words); i++) {
		struct seen *s = seen_new();
		struct fake_call *c;

		s->free_on = words[i / 2];
		if (i % 2 && i / 2 < 3) {	/* in pages */
			fake_answer(first_page(s), 200,
				    PAGE("1", "", ITEM("a") "," ITEM("b")));
		} else {
			c = seen_take(s, "watch=1");
			fake_head(c, 200, 0, NULL);
			fake_data(c, EVENT("ADDED", "a", "1") LIST_END("2")
				  EVENT("DELETED", "a", "3"));
			if (c->call)
				fake_break(c, ERR_NET, "reset");
		}
		assert_null(s->w);
		seen_free(s);
	}
}

static void test_free_in_well(void **state)
{
	struct seen *s = seen_new();
	struct fake_call *c;

	(void)state;
	s->free_on = "well";
	fake_break(seen_take(s, "watch=1"), ERR_NET, "refused");
	fake_run(s->lab.f, 1600);
	c = seen_take(s, "sendInitialEvents");
	fake_head(c, 200, 0, NULL);
	fake_data(c, LIST_END("1") EVENT("ADDED", "a", "2"));
	check_log(s, "trouble reset synced well");
	assert_null(s->w);
	seen_free(s);
}

static void add_stat(const struct kube_stat *t, void *arg)
{
	buf_addf(arg, "%s %d %u\n", t->verb, t->status, (unsigned)t->count);
}

static void test_counted(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct seen *s = seen_new();

	(void)state;
	fake_break(seen_take(s, "watch=1"), ERR_NET, "refused");
	fake_run(s->lab.f, 1600);
	fake_head(seen_take(s, "watch=1"), 200, 0, NULL);
	kube_stats(s->lab.k, add_stat, &b);
	assert_string_equal(buf_str(&b), "watch 0 1\nwatch 200 1\n");
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trouble_once_per_streak),
		cmocka_unit_test(test_not_served),
		cmocka_unit_test(test_storage_not_ready),
		cmocka_unit_test(test_storage_not_ready_nor_pages),
		cmocka_unit_test(test_too_many_requests),
		cmocka_unit_test(test_well_after_list),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_list_stalls),
		cmocka_unit_test(test_list_ends_early),
		cmocka_unit_test(test_line_too_long),
		cmocka_unit_test(test_no_event),
		cmocka_unit_test(test_error_event_500),
		cmocka_unit_test(test_free_in_every_callback),
		cmocka_unit_test(test_free_in_well),
		cmocka_unit_test(test_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
