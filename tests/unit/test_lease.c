/* Leader election: acquire, renew, lose, release; clocks and conflicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/lease.h"
#include "core/mem.h"
#include "leasejob.h"

/* ---- acquire ---- */

static void test_create(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	assert_false(lease_held(l->l, 0));
	assert_string_equal(lease_holder(l->l), "");
	fake_answer(llab_take(l, "GET"), 404, NOT_FOUND);
	c = llab_take(l, "POST");
	llab_check(c, "\"holderIdentity\":\"me\"");
	llab_check(c, "\"leaseDurationSeconds\":15");
	llab_check(c, "\"leaseTransitions\":0");
	llab_check(c, "\"acquireTime\":\"2026-01-01T00:00:01.000000Z\"");
	llab_check(c, "\"renewTime\":\"2026-01-01T00:00:01.000000Z\"");
	assert_int_equal(l->acquired, 0);
	llab_accept(c);
	assert_int_equal(l->acquired, 1);
	assert_int_equal(l->epoch, 0);
	assert_true(lease_held(l->l, 14999));
	assert_false(lease_held(l->l, 15000));
	assert_string_equal(lease_holder(l->l), "me");
	llab_free(l);
}

static void test_free_lease(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	fake_answer(llab_take(l, "GET"), 200, llab_text("", 4, "x"));
	c = llab_take(l, "PUT");
	llab_check(c, "\"resourceVersion\":\"104\"");
	llab_check(c, "\"keep\":\"me\"");
	llab_check(c, "\"leaseTransitions\":5");
	assert_null(strstr(c->body, "managedFields"));
	llab_accept(c);
	assert_int_equal(l->acquired, 1);
	assert_int_equal(l->epoch, 5);
	llab_free(l);
}

static void test_lease_without_spec(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	fake_answer(llab_take(l, "GET"), 200, "{\"kind\":\"Lease\",\"metadata\":{\"name\":"
		    "\"lead\",\"namespace\":\"sys\",\"resourceVersion\":\"9\"}}");
	c = llab_take(l, "PUT");
	llab_check(c, "\"resourceVersion\":\"9\"");
	llab_check(c, "\"holderIdentity\":\"me\"");
	llab_accept(c);
	assert_int_equal(l->acquired, 1);
	llab_free(l);
}

/* Only our own clock counts: the renewTime of 1999 does not make it expired. */
static void test_expiry_by_local_clock(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "1999-01-01T00:00:00Z"));
	assert_string_equal(lease_holder(l->l), "you");
	for (unsigned ms = 2000; ms < 15000; ms += 2000) {
		llab_run(l, 2000);
		fake_answer(llab_take(l, "GET"), 200,
			    llab_text("you", 4, "1999-01-01T00:00:00Z"));
		assert_int_equal(fake_untaken(l->lab.f), 0);
	}
	llab_run(l, 2000);
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "1999-01-01T00:00:00Z"));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->acquired, 1);
	assert_int_equal(l->epoch, 5);
	llab_free(l);
}

/* Each renewal that we see starts its time anew, also one dated 2099. */
static void test_renewed_by_another(void **state)
{
	struct llab *l = llab_new();
	char when[16];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(when, sizeof(when), "%u", i);
		fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, when));
		llab_run(l, 2000);
	}
	for (unsigned i = 0; i < 7; i++) {
		fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, when));
		assert_int_equal(fake_untaken(l->lab.f), 0);
		llab_run(l, 2000);
	}
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, when));
	llab_take(l, "PUT");
	llab_free(l);
}

/* The time asleep counts. */
static void test_expiry_after_suspend(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "x"));
	fake_suspend(l->lab.f, 15000);
	llab_run(l, 2000);
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "x"));
	llab_take(l, "PUT");
	llab_free(l);
}

static void test_jitter_of_candidates(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	fake_set_random(l->lab.f, 2400);
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 4, "x"));
	assert_int_equal(fake_next_timer(l->lab.f), 4400);
	llab_free(l);
}

static void test_lost_race(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	fake_answer(llab_take(l, "GET"), 404, NOT_FOUND);
	fake_answer(llab_take(l, "POST"), 409, "{\"reason\":\"AlreadyExists\"}");
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 0, "x"));
	assert_int_equal(fake_untaken(l->lab.f), 0);
	assert_int_equal(l->acquired, 0);
	assert_string_equal(lease_holder(l->l), "you");
	llab_free(l);
}

/* A write that always conflicts is not a loop without pause. */
static void test_conflicts_pause(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		fake_answer(llab_take(l, "GET"), 200, llab_text("", 4, "x"));
		fake_answer(llab_take(l, "PUT"), 409, "{\"reason\":\"Conflict\"}");
		fake_answer(llab_take(l, "GET"), 200, llab_text("", 4, "x"));
		fake_answer(llab_take(l, "PUT"), 409, "{\"reason\":\"Conflict\"}");
		assert_int_equal(fake_untaken(l->lab.f), 0);
		llab_run(l, 2000);
	}
	llab_free(l);
}

/* The answer of our create got lost: our own name stands there. */
static void test_create_answer_lost(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	fake_answer(llab_take(l, "GET"), 404, NOT_FOUND);
	fake_break(llab_take(l, "POST"), ERR_NET, "reset");
	llab_run(l, 2000);
	fake_answer(llab_take(l, "GET"), 200, llab_text("me", 0, "x"));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->acquired, 1);
	assert_int_equal(l->epoch, 1);
	llab_free(l);
}

/* ---- renew and lose ---- */

static void test_renew(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	llab_lead(l);
	for (unsigned i = 0; i < 20; i++) {
		llab_run(l, 2000);
		c = llab_take(l, "PUT");	/* without reading first */
		llab_check(c, "\"leaseTransitions\":0");
		llab_check(c, "\"acquireTime\":\"2026-01-01T00:00:01.000000Z\"");
		llab_accept(c);
		assert_true(lease_held(l->l, 10000));
	}
	assert_int_equal(l->acquired, 1);
	assert_int_equal(l->lost, 0);
	llab_free(l);
}

/* The guard of writes asks the lease: the lease's own writes must pass it. */
static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void test_not_guarded(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	kube_set_write_guard(l->lab.k, never, NULL);
	llab_lead(l);
	llab_free(l);
}

static void test_lost_after_deadline(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	llab_lead(l);
	for (unsigned i = 0; i < 4; i++) {
		llab_run(l, 2000);
		fake_break(llab_take(l, "PUT"), ERR_NET, "connection refused");
	}
	assert_int_equal(l->lost, 0);
	assert_true(lease_held(l->l, 0));
	llab_run(l, 1999);
	assert_int_equal(l->lost, 0);
	llab_run(l, 1);
	assert_int_equal(l->lost, 1);
	assert_int_equal(l->why.code, ERR_TIMEOUT);
	assert_non_null(strstr(l->why.msg, "connection refused"));
	assert_false(lease_held(l->l, 0));
	llab_free(l);
}

/* A renewal that hangs: its success after the deadline comes too late. */
static void test_lost_while_writing(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	llab_lead(l);
	llab_run(l, 2000);
	c = llab_take(l, "PUT");
	llab_run(l, 5000);
	assert_null(c->call);		/* timed out after half the deadline */
	llab_run(l, 2000);
	c = llab_take(l, "PUT");
	llab_run(l, 1000);
	assert_int_equal(l->lost, 1);
	assert_null(c->call);
	/* A candidate again; the next term has another epoch. */
	llab_run(l, 2000);
	fake_answer(llab_take(l, "GET"), 200, llab_text("me", 0, "x"));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->acquired, 2);
	assert_int_equal(l->epoch, 1);
	llab_free(l);
}

/* Renewal counts from when it was sent, not from when its answer came. */
static void test_age_from_sending(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	llab_lead(l);
	llab_run(l, 2000);
	c = llab_take(l, "PUT");
	llab_run(l, 4000);
	llab_accept(c);
	assert_true(lease_held(l->l, 10999));
	assert_false(lease_held(l->l, 11000));
	llab_free(l);
}

static void test_suspended_leader(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	llab_lead(l);
	fake_suspend(l->lab.f, 60000);
	assert_false(lease_held(l->l, 0));	/* before anything ran */
	llab_run(l, 2000);
	assert_int_equal(l->lost, 1);
	llab_free(l);
}

static void test_taken(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	llab_lead(l);
	llab_run(l, 2000);
	fake_answer(llab_take(l, "PUT"), 409, "{\"reason\":\"Conflict\"}");
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 1, "x"));
	assert_int_equal(l->lost, 1);
	assert_int_equal(l->why.code, ERR_CONFLICT);
	assert_non_null(strstr(l->why.msg, "taken by you"));
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_free(l);
}

/* Our renewal landed but its answer did not: conflict, read, it is ours. */
static void test_renewal_answer_lost(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	llab_lead(l);
	llab_run(l, 2000);
	fake_break(llab_take(l, "PUT"), ERR_NET, "reset");
	llab_run(l, 2000);
	fake_answer(llab_take(l, "PUT"), 409, "{\"reason\":\"Conflict\"}");
	fake_answer(llab_take(l, "GET"), 200, llab_text("me", 0, "y"));
	llab_accept(llab_take(l, "PUT"));
	assert_int_equal(l->lost, 0);
	assert_true(lease_held(l->l, 14000));
	llab_free(l);
}

/* Somebody deleted it: made again, with the same epoch. */
static void test_deleted(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	fake_answer(llab_take(l, "GET"), 200, llab_text("", 4, "x"));
	llab_accept(llab_take(l, "PUT"));
	llab_run(l, 2000);
	fake_answer(llab_take(l, "PUT"), 404, NOT_FOUND);
	fake_answer(llab_take(l, "GET"), 404, NOT_FOUND);
	c = llab_take(l, "POST");
	llab_check(c, "\"leaseTransitions\":5");
	llab_accept(c);
	assert_int_equal(l->lost, 0);
	assert_int_equal(l->acquired, 1);
	llab_free(l);
}

/* ---- release and free ---- */

static void test_release(void **state)
{
	struct llab *l = llab_new();
	struct fake_call *c;

	(void)state;
	llab_lead(l);
	llab_run(l, 1000);
	lease_release(l->l, llab_released, l);
	assert_false(lease_held(l->l, 0));
	fake_answer(llab_take(l, "GET"), 200, llab_text("me", 3, "x"));
	c = llab_take(l, "PUT");
	llab_check(c, "\"holderIdentity\":\"\"");
	llab_check(c, "\"leaseDurationSeconds\":1,");
	llab_check(c, "\"leaseTransitions\":3");
	llab_accept(c);
	assert_int_equal(l->released, 0);
	llab_run(l, 0);
	assert_int_equal(l->released, 1);
	assert_int_equal(l->lost, 0);
	llab_run(l, 60000);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_free(l);
}

/* While a renewal is on its way, and when the server is away. */
static void test_release_in_flight(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	llab_lead(l);
	llab_run(l, 2000);
	llab_take(l, "PUT");
	lease_release(l->l, llab_released, l);
	fake_break(llab_take(l, "GET"), ERR_NET, "refused");
	llab_run(l, 0);
	assert_int_equal(l->released, 1);
	llab_free(l);
}

static void test_release_as_candidate(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 3, "x"));
	lease_release(l->l, llab_released, l);
	assert_int_equal(l->released, 0);
	llab_run(l, 0);
	assert_int_equal(l->released, 1);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_free(l);
}

/* Another one's lease is not emptied. */
static void test_release_of_anothers(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	llab_lead(l);
	lease_release(l->l, llab_released, l);
	fake_answer(llab_take(l, "GET"), 200, llab_text("you", 3, "x"));
	llab_run(l, 0);
	assert_int_equal(l->released, 1);
	assert_int_equal(fake_untaken(l->lab.f), 0);
	llab_free(l);
}

static void test_free_in_callbacks(void **state)
{
	struct llab *l = llab_new();

	(void)state;
	l->free_it = true;
	llab_lead(l);
	assert_null(l->l);
	llab_free(l);
	l = llab_new();
	llab_lead(l);
	l->free_it = true;
	fake_suspend(l->lab.f, 60000);
	llab_run(l, 2000);
	assert_null(l->l);
	llab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_free_lease),
		cmocka_unit_test(test_lease_without_spec),
		cmocka_unit_test(test_expiry_by_local_clock),
		cmocka_unit_test(test_renewed_by_another),
		cmocka_unit_test(test_expiry_after_suspend),
		cmocka_unit_test(test_jitter_of_candidates),
		cmocka_unit_test(test_lost_race),
		cmocka_unit_test(test_conflicts_pause),
		cmocka_unit_test(test_create_answer_lost),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_not_guarded),
		cmocka_unit_test(test_lost_after_deadline),
		cmocka_unit_test(test_lost_while_writing),
		cmocka_unit_test(test_age_from_sending),
		cmocka_unit_test(test_suspended_leader),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_renewal_answer_lost),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_in_flight),
		cmocka_unit_test(test_release_as_candidate),
		cmocka_unit_test(test_release_of_anothers),
		cmocka_unit_test(test_free_in_callbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
