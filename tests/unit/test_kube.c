/* Requests: queue, retry, cancel, guard, counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/mem.h"
#include "kubejob.h"

/* ---- queue ---- */

static void test_queue_bound_and_order(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 2,
						     .max_queued = 3 });
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	struct job jobs[ARRAY_LEN(names)];
	struct fake_call *first, *c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		jobs[i] = get_job(names[i]);
		job_start(&l, &jobs[i]);
	}
	assert_int_equal(fake_open(l.f), 2);
	fake_run(l.f, 0);
	assert_int_equal(jobs[5].err.code, ERR_LIMIT);	/* 2 fly, 3 wait */
	assert_true(jobs[5].err.retry);
	first = fake_take(l.f, "GET", "/a");
	fake_answer(fake_take(l.f, "GET", "/b"), 200, "{}");
	c = fake_take(l.f, "GET", "/c");
	assert_int_equal(fake_open(l.f), 2);
	fake_answer(c, 200, "{}");
	fake_answer(fake_take(l.f, "GET", "/d"), 200, "{}");
	fake_answer(fake_take(l.f, "GET", "/e"), 200, "{}");
	fake_answer(first, 200, "{}");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(jobs[i].done, 1);
		job_deinit(&jobs[i]);
	}
	lab_free(&l);
}

/* A lease is renewed while the queue is full and every place is taken. */
static void test_urgent_passes_all(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1,
						     .max_queued = 1 });
	struct job a = get_job("a"), b = get_job("b"), lease = get_job("lease");
	struct fake_call *first;

	(void)state;
	job_start(&l, &a);
	job_start(&l, &b);
	lease.r.urgent = true;
	job_start(&l, &lease);
	assert_int_equal(fake_open(l.f), 2);
	first = fake_take(l.f, "GET", "/a");
	fake_answer(fake_take(l.f, "GET", "/lease"), 200, "{}");
	assert_int_equal(lease.done, 1);
	assert_int_equal(lease.err.code, ERR_NONE);
	assert_int_equal(fake_open(l.f), 1);	/* b waits for a's place */
	fake_answer(first, 200, "{}");
	fake_answer(fake_take(l.f, "GET", "/b"), 200, "{}");
	assert_int_equal(a.done + b.done, 2);
	job_deinit(&a);
	job_deinit(&b);
	job_deinit(&lease);
	lab_free(&l);
}

/* A status is next, but needs a place as others do. */
static void test_first_passes_the_queue(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job a = get_job("a"), b = get_job("b"), status = get_job("status");
	struct fake_call *first;

	(void)state;
	job_start(&l, &a);
	job_start(&l, &b);
	status.r.first = true;
	job_start(&l, &status);
	assert_int_equal(fake_open(l.f), 1);
	first = fake_take(l.f, "GET", "/a");
	fake_answer(first, 200, "{}");
	assert_int_equal(fake_open(l.f), 1);
	fake_answer(fake_take(l.f, "GET", "/status"), 200, "{}");
	fake_answer(fake_take(l.f, "GET", "/b"), 200, "{}");
	assert_int_equal(a.done + b.done + status.done, 3);
	job_deinit(&a);
	job_deinit(&b);
	job_deinit(&status);
	lab_free(&l);
}

/* ---- retry ---- */

static void test_retry_after(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job j = create_job(), other = get_job("b");
	struct fake_call *c;

	(void)state;
	job_start(&l, &j);
	job_start(&l, &other);
	c = fake_take(l.f, "POST", "/configmaps");
	assert_string_equal(c->body, "{}");
	fake_head(c, 429, 3000, NULL);
	fake_data(c, "{\"reason\":\"TooManyRequests\"}");
	fake_end(c);
	assert_int_equal(j.done, 0);
	/* Its place is free while it waits. */
	c = fake_take(l.f, "GET", "/b");
	fake_run(l.f, 2999);
	assert_int_equal(fake_untaken(l.f), 0);
	fake_run(l.f, 1);
	fake_answer(c, 200, "{}");
	fake_answer(fake_take(l.f, "POST", "/configmaps"), 201, "{}");
	assert_int_equal(j.err.code, ERR_NONE);
	assert_int_equal(j.status, 201);
	assert_string_equal(j.answer, "{}");
	job_deinit(&j);
	job_deinit(&other);
	lab_free(&l);
}

/* Jitter never makes us come before the server asked for. */
static void test_retry_after_jitter(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = create_job();
	struct fake_call *c;

	(void)state;
	fake_set_random(l.f, 500);
	job_start(&l, &j);
	c = fake_take(l.f, "POST", "/configmaps");
	fake_head(c, 429, 2000, NULL);
	fake_end(c);
	assert_int_equal(fake_next_timer(l.f), 2500);
	kube_cancel(l.k, &j.r);
	fake_run(l.f, 0);
	job_deinit(&j);
	lab_free(&l);
}

static void test_retry_after_too_long(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");
	struct fake_call *c;

	(void)state;
	job_start(&l, &j);
	c = fake_take(l.f, "GET", "/a");
	fake_head(c, 429, 3600 * 1000, NULL);
	fake_end(c);
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_NET);
	job_deinit(&j);
	lab_free(&l);
}

static void test_retries_end(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = apply_job();
	uint64_t last = 0;

	(void)state;
	fake_set_random(l.f, 0);	/* the shortest delay: half */
	job_start(&l, &j);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(j.done, 0);
		fake_break(fake_take(l.f, "PATCH", "/a"), ERR_NET, "reset");
		if (i == 5)
			break;
		assert_int_equal(fake_next_timer(l.f), 125u << i);
		assert_true(fake_next_timer(l.f) > last);
		last = fake_next_timer(l.f);
		fake_run(l.f, last);
	}
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_NET);
	assert_int_equal(fake_started(l.f), 6);
	job_deinit(&j);
	lab_free(&l);
}

static struct job delete_job(void)
{
	struct job j = { 0 };

	kube_delete_init(&j.r, &CM, "u", "Background");
	return j;
}

static struct job replace_job(void)
{
	struct job j = { 0 };

	kube_replace_init(&j.r, &CM, "syncd", "{}", 2);
	return j;
}

static struct job get_a(void)
{
	return get_job("a");
}

/* What is repeated after what: the whole table. */
static void test_what_is_retried(void **state)
{
	enum fate { RESET, TIMEOUT, S429, S503, S503_AFTER, S500, S504, S409, FATES };
	static const struct {
		struct job (*make)(void);
		bool again[FATES];
	} rows[] = {
		/*		RESET	TIMEOUT	429	503	503+RA */
		{ get_a,      { true,	false,	true,	true,	true } },
		{ apply_job,  { true,	false,	true,	true,	true } },
		{ delete_job, { true,	false,	true,	true,	true } },
		{ create_job, { false,	false,	true,	false,	true } },
		{ replace_job,{ false,	false,	true,	false,	true } },
	};
	static const int codes[FATES] = { 0, 0, 429, 503, 503, 500, 504, 409 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * FATES; i++) {
		struct lab l = lab_new((struct kube_limits){ 0 });
		struct job j = rows[i / FATES].make();
		enum fate fate = i % FATES;
		struct fake_call *c;

		job_start(&l, &j);
		c = fake_take(l.f, j.r.method, "/configmaps");
		if (codes[fate]) {
			fake_head(c, codes[fate], fate == S503_AFTER ? 1000 : 0, NULL);
			fake_end(c);
		} else {
			fake_break(c, fate == RESET ? ERR_NET : ERR_TIMEOUT, "x");
		}
		fake_run(l.f, 2000);
		if ((fake_started(l.f) == 2) != rows[i / FATES].again[fate])
			fail_msg("%s after %d", j.r.verb, (int)fate);
		assert_int_equal(j.done, fake_started(l.f) == 1);
		kube_cancel(l.k, &j.r);
		fake_run(l.f, 0);
		assert_int_equal(j.done, 1);
		job_deinit(&j);
		lab_free(&l);
	}
}

static void test_max_tries(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	j.r.max_tries = 1;
	job_start(&l, &j);
	fake_answer(fake_take(l.f, "GET", "/a"), 429, "");
	assert_int_equal(j.done, 1);
	job_deinit(&j);
	lab_free(&l);
}

/* What nobody answers is given up sooner than what is answered with "later". */
static void test_max_unanswered(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	j.r.max_unanswered = 3;
	job_start(&l, &j);
	for (unsigned i = 0; i < 2; i++) {
		fake_break(fake_take(l.f, "GET", "/a"), ERR_NET, "refused");
		fake_run(l.f, fake_next_timer(l.f));
	}
	assert_int_equal(j.done, 0);
	fake_break(fake_take(l.f, "GET", "/a"), ERR_NET, "refused");
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_NET);
	job_deinit(&j);
	j = get_job("a");
	j.r.max_unanswered = 3;
	job_start(&l, &j);
	for (unsigned i = 0; i < 5; i++) {
		fake_answer(fake_take(l.f, "GET", "/a"), 429, "");
		fake_run(l.f, fake_next_timer(l.f));
	}
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_NONE);
	job_deinit(&j);
	lab_free(&l);
}

static void test_timeout(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	j.r.timeout_ms = 5000;
	job_start(&l, &j);
	fake_run(l.f, 4999);
	assert_int_equal(j.done, 0);
	fake_run(l.f, 1);
	assert_int_equal(j.err.code, ERR_TIMEOUT);
	job_deinit(&j);
	lab_free(&l);
}

/* ---- cancel ---- */

static void test_cancel_queued(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job a = get_job("a"), b = get_job("b");

	(void)state;
	job_start(&l, &a);
	job_start(&l, &b);
	kube_cancel(l.k, &b.r);
	kube_cancel(l.k, &b.r);
	assert_int_equal(b.done, 0);
	fake_run(l.f, 0);
	assert_int_equal(b.done, 1);
	assert_int_equal(b.err.code, ERR_CANCELLED);
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	assert_int_equal(fake_started(l.f), 1);
	kube_cancel(l.k, &b.r);		/* not running: nothing */
	job_deinit(&a);
	job_deinit(&b);
	lab_free(&l);
}

static void test_cancel_in_flight(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job a = get_job("a"), b = get_job("b");

	(void)state;
	job_start(&l, &a);
	job_start(&l, &b);
	kube_cancel(l.k, &a.r);
	assert_int_equal(a.done, 0);
	fake_run(l.f, 0);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.err.code, ERR_CANCELLED);
	fake_take(l.f, "GET", "/a");
	fake_answer(fake_take(l.f, "GET", "/b"), 200, "{}");
	assert_int_equal(b.err.code, ERR_NONE);
	job_deinit(&a);
	job_deinit(&b);
	lab_free(&l);
}

/* The connection broke on its own after cancel: that is the end, not a retry. */
static void test_cancel_then_reset(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	job_start(&l, &j);
	kube_cancel(l.k, &j.r);
	fake_break(fake_take(l.f, "GET", "/a"), ERR_NET, "reset");
	assert_int_equal(j.done, 1);
	fake_run(l.f, 10000);
	assert_int_equal(fake_started(l.f), 1);
	job_deinit(&j);
	lab_free(&l);
}

static void test_cancel_in_backoff(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	job_start(&l, &j);
	fake_answer(fake_take(l.f, "GET", "/a"), 429, "busy");
	kube_cancel(l.k, &j.r);
	fake_run(l.f, 0);
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_CANCELLED);
	assert_int_equal(j.status, 0);
	assert_string_equal(j.answer, "");
	fake_run(l.f, 60000);
	assert_int_equal(fake_started(l.f), 1);
	job_deinit(&j);
	lab_free(&l);
}

/* In its own callback a request has ended: cancel is nothing, start is a new one. */
static void cancel_and_restart(struct job *j)
{
	kube_cancel(j->lab->k, &j->r);
	if (j->done == 1) {
		j->r = get_job("a").r;	/* its path went with its end */
		job_start(j->lab, j);
	}
}

static void test_restart_in_callback(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	j.then = cancel_and_restart;
	job_start(&l, &j);
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "1");
	assert_int_equal(j.done, 1);
	assert_string_equal(j.answer, "1");
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "2");
	assert_int_equal(j.done, 2);
	assert_string_equal(j.answer, "2");
	job_deinit(&j);
	lab_free(&l);
}

static struct job *victim;

static void cancel_victim(struct job *j)
{
	kube_cancel(j->lab->k, &victim->r);
}

static void test_cancel_another_in_callback(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job a = get_job("a"), b = get_job("b");

	(void)state;
	victim = &b;
	a.then = cancel_victim;
	job_start(&l, &a);
	job_start(&l, &b);
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	fake_run(l.f, 0);
	assert_int_equal(b.done, 1);
	assert_int_equal(b.err.code, ERR_CANCELLED);
	job_deinit(&a);
	job_deinit(&b);
	lab_free(&l);
}

static void free_client(struct job *j)
{
	j->lab->k = kube_free(j->lab->k);
}

static void test_free_in_callback(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 2 });
	struct job a = get_job("a"), b = get_job("b"), c = get_job("c"),
		   d = create_job();

	(void)state;
	a.then = free_client;
	job_start(&l, &d);
	fake_answer(fake_take(l.f, "POST", "/"), 429, "");	/* d waits */
	job_start(&l, &a);
	job_start(&l, &b);
	job_start(&l, &c);					/* c is queued */
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	assert_null(l.k);
	assert_int_equal(b.done + c.done + d.done, 0);
	assert_false(kube_running(&b.r));
	job_deinit(&a);
	job_deinit(&b);
	job_deinit(&c);
	job_deinit(&d);
	lab_free(&l);
}

static void test_abandon(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job a = get_job("a"), b = get_job("b"), c = get_job("c");

	(void)state;
	job_start(&l, &a);
	job_start(&l, &b);
	job_start(&l, &c);
	kube_abandon(l.k, &b.r);	/* queued */
	kube_abandon(l.k, &a.r);	/* in flight: the next one goes */
	fake_take(l.f, "GET", "/a");
	fake_answer(fake_take(l.f, "GET", "/c"), 200, "{}");
	assert_int_equal(a.done + b.done, 0);
	assert_int_equal(c.done, 1);
	kube_abandon(l.k, &c.r);	/* ended: nothing */
	job_deinit(&a);
	job_deinit(&b);
	job_deinit(&c);
	lab_free(&l);
}

/* ---- counters ---- */

static void add_stat(const struct kube_stat *s, void *arg)
{
	buf_addf(arg, "%s %d %u\n", s->verb, s->status, (unsigned)s->count);
}

static void test_stats(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct job j = get_job("a");

	(void)state;
	j.then = cancel_and_restart;
	job_start(&l, &j);
	fake_break(fake_take(l.f, "GET", "/a"), ERR_NET, "reset");
	fake_run(l.f, 1000);
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	kube_stat_add(l.k, "watch", 410);
	kube_stats(l.k, add_stat, &b);
	assert_string_equal(buf_str(&b), "get 0 1\nget 200 2\nwatch 410 1\n");
	job_deinit(&j);
	lab_free(&l);
}

/* The last five minutes; a minute that began before `since` is left out. */
static void test_recent(void **state)
{
	static const int answers[] = { 200, 500, 502, 503, 504, 505, 0, 404 };
	struct lab l = lab_new((struct kube_limits){ 0 });
	uint64_t all, failed, began;

	(void)state;
	fake_run(l.f, 60000 - fake_now(l.f) % 60000);
	began = fake_now(l.f);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		kube_stat_add(l.k, "get", answers[i]);
	kube_recent(l.k, 0, &all, &failed);
	assert_int_equal(all, 8);
	assert_int_equal(failed, 4);
	fake_run(l.f, 4 * 60000);
	kube_stat_add(l.k, "get", 200);
	kube_recent(l.k, began, &all, &failed);
	assert_int_equal(all, 9);
	kube_recent(l.k, began + 1, &all, &failed);
	assert_int_equal(all, 1);
	assert_int_equal(failed, 0);
	fake_run(l.f, 60000);
	kube_stat_add(l.k, "get", 0);	/* takes the place of the first minute */
	kube_recent(l.k, 0, &all, &failed);
	assert_int_equal(all, 2);
	assert_int_equal(failed, 1);
	lab_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_bound_and_order),
		cmocka_unit_test(test_urgent_passes_all),
		cmocka_unit_test(test_first_passes_the_queue),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_retry_after_jitter),
		cmocka_unit_test(test_retry_after_too_long),
		cmocka_unit_test(test_retries_end),
		cmocka_unit_test(test_what_is_retried),
		cmocka_unit_test(test_max_tries),
		cmocka_unit_test(test_max_unanswered),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_cancel_queued),
		cmocka_unit_test(test_cancel_in_flight),
		cmocka_unit_test(test_cancel_then_reset),
		cmocka_unit_test(test_cancel_in_backoff),
		cmocka_unit_test(test_restart_in_callback),
		cmocka_unit_test(test_cancel_another_in_callback),
		cmocka_unit_test(test_free_in_callback),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_recent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
