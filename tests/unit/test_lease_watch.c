/* A candidate that watches the Lease: releases, expiries, and a watch in vain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/mem.h"
#include "leasejob.h"

static void tell(struct fake_call *c, const char *type, const char *lease)
{
	_cleanup_free_ char *text = xasprintf("{\"type\":\"%s\",\"object\":%s}\n",
					      type, lease);

	fake_data(c, text);
}

/* Somebody else's at 5, and a watch that has listed it. */
static struct llab *watching(struct fake_call **watch)
{
	struct llab *l = llab_start(true);

	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "0"));
	*watch = fake_take(l->lab.f, "GET", "fieldSelector=metadata.name%3Dlead");
	assert_int_equal((*watch)->lane, HTTP_WATCH);
	fake_head(*watch, 200, 0, NULL);
	tell(*watch, "ADDED", llab_text("you", 4, "0"));
	fake_data(*watch, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Lease\","
		  "\"metadata\":{\"resourceVersion\":\"104\",\"annotations\":{"
		  "\"k8s.io/initial-events-end\":\"true\"}}}}\n");
	return l;
}

static void test_watched_release(void **state)
{
	struct fake_call *w;
	struct llab *l = watching(&w);

	(void)state;
	fake_set_random(l->lab.f, 200);		/* the most */
	llab_run(l, 3000);
	tell(w, "MODIFIED", llab_text("", 5, "1"));
	llab_run(l, 199);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_run(l, 1);
	fake_answer(llab_take(l, "GET"), 200, llab_text("", 5, "1"));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->acquired, 1);
	assert_int_equal(l->epoch, 6);
	assert_null(w->call);		/* a leader needs no watch */
	llab_free(l);
}

/* Renewals that are told spare every read; the last one's end is met. */
static void test_watched_expiry(void **state)
{
	struct fake_call *w;
	struct llab *l = watching(&w);
	char when[16];

	(void)state;
	fake_set_random(l->lab.f, 0);
	for (unsigned i = 1; i < 30; i++) {
		llab_run(l, 2000);
		snprintf(when, sizeof(when), "%u", i);
		tell(w, "MODIFIED", llab_text("you", 4, when));
	}
	llab_run(l, 14999);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_run(l, 1);
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, when));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->acquired, 1);
	llab_free(l);
}

/* It lets go while we read, and what is read is from before: it is read again at once. */
static void test_release_while_reading(void **state)
{
	struct fake_call *w, *c;
	struct llab *l = watching(&w);

	(void)state;
	fake_set_random(l->lab.f, 0);
	llab_run(l, 15000);
	c = llab_take(l, "GET");
	tell(w, "MODIFIED", llab_text("", 5, "1"));
	fake_answer(c, 200, llab_text("you", 4, "1"));
	llab_run(l, 200);
	fake_answer(llab_take(l, "GET"), 200, llab_text("", 5, "1"));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->acquired, 1);
	llab_free(l);
}

/* A watch that went silent, or ended: what is read at the end of the lease counts. */
static void test_watched_in_vain(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		struct fake_call *w;
		struct llab *l = watching(&w);

		fake_set_random(l->lab.f, 0);
		llab_run(l, 1000);
		if (ended)
			fake_break(w, ERR_NET, "reset");
		llab_run(l, 13900);
		while (fake_untaken(l->lab.f))	/* the watch comes back, and is ignored */
			fake_take(l->lab.f, "GET", "watch=1");
		llab_run(l, 1200);
		fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "1"));
		assert_int_equal(l->acquired, 0);
		llab_free(l);
	}
}

/* Its own name, its deletion, news while it reads: none of them is a claim. */
static void test_watched_oddities(void **state)
{
	struct fake_call *w;
	struct llab *l = watching(&w);

	(void)state;
	fake_set_random(l->lab.f, 0);
	tell(w, "DELETED", llab_text("you", 4, "0"));
	llab_run(l, 1000);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_run(l, 14000);
	tell(w, "ADDED", llab_text("", 5, "1"));	/* while it reads */
	fake_answer(llab_take(l, "GET"), 200, llab_text("they", 6, "2"));
	assert_int_equal(l->acquired, 0);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	assert_string_equal(lease_holder(l->l), "they");
	/* Released as a candidate: the watch ends with it. */
	lease_release(l->l, llab_released, l);
	assert_null(w->call);
	llab_run(l, 0);
	assert_int_equal(l->released, 1);
	llab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watched_release),
		cmocka_unit_test(test_watched_expiry),
		cmocka_unit_test(test_release_while_reading),
		cmocka_unit_test(test_watched_in_vain),
		cmocka_unit_test(test_watched_oddities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
