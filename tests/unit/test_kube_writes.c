/* The guard of writes, and which writes may still change something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "kubejob.h"

static bool guard(void *arg)
{
	return *(bool *)arg;
}

static void test_write_guard(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
	struct job a = get_job("a"), w = apply_job(), r = get_job("b");
	bool leader = true;

	(void)state;
	kube_set_write_guard(l.k, guard, &leader);
	job_start(&l, &a);
	job_start(&l, &w);		/* queued while we lead */
	leader = false;
	job_start(&l, &r);
	fake_answer(fake_take(l.f, "GET", "/a"), 200, "{}");
	fake_run(l.f, 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.err.code, ERR_CANCELLED);
	assert_non_null(strstr(w.err.msg, "not the leader"));
	fake_answer(fake_take(l.f, "GET", "/b"), 200, "{}");	/* reads go on */
	job_deinit(&a);
	job_deinit(&w);
	job_deinit(&r);
	lab_free(&l);
}

static void test_write_guard_on_retry(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job w = apply_job();
	bool leader = true;

	(void)state;
	kube_set_write_guard(l.k, guard, &leader);
	job_start(&l, &w);
	fake_break(fake_take(l.f, "PATCH", "/a"), ERR_NET, "reset");
	leader = false;
	fake_run(l.f, 10000);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.err.code, ERR_CANCELLED);
	assert_int_equal(fake_started(l.f), 1);
	job_deinit(&w);
	lab_free(&l);
}

/* A process may sleep between a request's turn and its first byte. */
static void test_write_guard_when_bytes_leave(void **state)
{
	struct lab l = lab_new((struct kube_limits){ .unacked_ms = 5000 });
	struct job w = apply_job(), r = get_job("b");
	struct fake_call *c;
	bool leader = true;

	(void)state;
	kube_set_write_guard(l.k, guard, &leader);
	job_start(&l, &w);
	job_start(&l, &r);
	c = fake_take(l.f, "PATCH", "/a");
	assert_int_equal(c->call->unacked_ms, 5000);
	assert_true(c->call->may_send(c->call));
	leader = false;
	assert_false(c->call->may_send(c->call));
	fake_break(c, ERR_CANCELLED, "not sent");	/* as the world does then */
	assert_int_equal(w.done, 1);
	assert_int_equal(w.err.code, ERR_CANCELLED);
	assert_null(kube_write_open(l.k));
	c = fake_take(l.f, "GET", "/b");
	assert_null(c->call->may_send);
	fake_answer(c, 200, "{}");
	job_deinit(&w);
	job_deinit(&r);
	lab_free(&l);
}

/* Whether a write of ours may still change something. */
static void test_open_writes(void **state)
{
	static const struct {
		const char *how;
		bool after;	/* is it open when its request has ended? */
	} t[] = {
		{ "answered", false }, { "refused", false }, { "reset", true },
		{ "timeout", true }, { "cancelled", true }, { "abandoned", true },
		{ "never sent", false }, { "read", false },
		{ "no connection", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
		bool is_read = !strcmp(t[i].how, "read");
		bool waits = !strcmp(t[i].how, "never sent");
		struct job first = get_job("first");
		struct job j = is_read ? get_job("a") : apply_job();
		struct fake_call *c;

		if (waits)
			job_start(&l, &first);
		j.r.max_tries = 1;
		fake_set_reachable(l.f, strcmp(t[i].how, "no connection"));
		job_start(&l, &j);
		c = fake_take(l.f, is_read || waits ? "GET" : "PATCH", "/");
		assert_int_equal(!!kube_write_open(l.k), !is_read && !waits);
		if (waits || !strcmp(t[i].how, "abandoned"))
			kube_abandon(l.k, &j.r);
		else if (!strcmp(t[i].how, "cancelled"))
			kube_cancel(l.k, &j.r);
		else if (!strcmp(t[i].how, "answered"))
			fake_answer(c, 200, "{}");
		else if (!strcmp(t[i].how, "refused"))
			fake_answer(c, 422, "{}");
		else
			fake_break(c, !strcmp(t[i].how, "timeout") ? ERR_TIMEOUT :
				   ERR_NET, t[i].how);
		fake_run(l.f, 0);
		if (waits)
			fake_answer(c, 200, "{}");
		if (!!kube_write_open(l.k) != t[i].after)
			fail_msg("%s: open is %d", t[i].how, !t[i].after);
		if (t[i].after)
			assert_non_null(strstr(kube_write_open(l.k), " /a"));
		fake_run(l.f, 34999);
		assert_int_equal(!!kube_write_open(l.k), t[i].after);
		fake_run(l.f, 1);
		assert_null(kube_write_open(l.k));
		job_deinit(&first);
		job_deinit(&j);
		lab_free(&l);
	}
}

/* What the server cannot have acted on is taken back, and nothing else is. */
static void test_withdraw(void **state)
{
	static const struct {
		const char *how;
		bool goes;
	} t[] = {
		{ "queued", true }, { "flying", false }, { "429", true }, { "503", false },
		{ "reset", false }, { "reset, 429", false }, { "no connection", true },
		{ "a read, reset", true }, { "answered", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct lab l = lab_new((struct kube_limits){ .max_in_flight = 1 });
		bool waits = !strcmp(t[i].how, "queued"), is_read = strstr(t[i].how, "read");
		struct job first = get_job("first"), j = is_read ? get_job("a") : apply_job();
		struct fake_call *c;
		size_t started;

		if (waits)
			job_start(&l, &first);
		fake_set_reachable(l.f, strcmp(t[i].how, "no connection"));
		job_start(&l, &j);
		c = fake_take(l.f, is_read || waits ? "GET" : "PATCH", "/");
		if (strstr(t[i].how, "reset") || strstr(t[i].how, "connection"))
			fake_break(c, ERR_NET, t[i].how);
		if (!strcmp(t[i].how, "reset, 429")) {
			fake_run(l.f, 1000);
			c = fake_take(l.f, "PATCH", "/");
		}
		if (strstr(t[i].how, "429") || !strcmp(t[i].how, "503"))
			fake_answer(c, strstr(t[i].how, "429") ? 429 : 503, "{}");
		if (!strcmp(t[i].how, "answered"))
			fake_answer(c, 200, "{}");
		started = fake_started(l.f);
		if (kube_withdraw(l.k, &j.r) != t[i].goes)
			fail_msg("%s: taken back: %d", t[i].how, !t[i].goes);
		assert_int_equal(kube_running(&j.r), !t[i].goes && !j.done);
		if (waits)
			fake_answer(c, 200, "{}");
		if (t[i].goes) {
			fake_run(l.f, 10000);
			assert_int_equal(fake_started(l.f), started);
			assert_int_equal(j.done, 0);
		}
		kube_abandon(l.k, &j.r);
		job_deinit(&first);
		job_deinit(&j);
		lab_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_guard),
		cmocka_unit_test(test_write_guard_on_retry),
		cmocka_unit_test(test_write_guard_when_bytes_leave),
		cmocka_unit_test(test_open_writes),
		cmocka_unit_test(test_withdraw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
