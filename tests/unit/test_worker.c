/* Workers of the real world: answers, deadlines, deaths, queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/mem.h"
#include "loopworld.h"

#define FAKE BUILD_DIR "/tests/fakeworker"

struct asked {
	struct worker_call call;
	struct loopworld *l;
	int done;
	struct err err;
	char *answer;
	size_t len;
	unsigned order;
};
static unsigned order;

static void on_done(struct worker_call *c, const struct err *err,
		    const char *data, size_t len)
{
	struct asked *a = container_of(c, struct asked, call);

	a->done++;
	a->order = ++order;
	a->err = *err;
	assert_true(!err->code == !!data);
	a->answer = data ? xstrndup(data, len) : NULL;
	a->len = len;
}

static void start(struct asked *a, struct loopworld *l, enum worker_kind kind,
		  const char *affinity, const char *request)
{
	*a = (struct asked){
		.l = l,
		.call = {
			.kind = kind,
			.affinity = affinity,
			.request = request,
			.request_len = strlen(request),
			.deadline_ms = 10000,
			.max_answer = 1000000,
			.on_done = on_done,
		},
	};
	l->w->ops->worker_start(l->w, &a->call);
	assert_int_equal(a->done, 0);
}

static void wait_for(struct asked *a)
{
	loopworld_run(a->l, &a->done);
	assert_int_equal(a->done, 1);
}

static void ask(struct asked *a, struct loopworld *l, enum worker_kind kind,
		const char *request)
{
	start(a, l, kind, "repo", request);
	wait_for(a);
}

static void expect(struct loopworld *l, enum worker_kind kind,
		   const char *request, const char *want)
{
	struct asked a;

	ask(&a, l, kind, request);
	if (a.err.code)
		fail_msg("%s: %s", request, a.err.msg);
	assert_string_equal(a.answer, want);
	free(a.answer);
}

static void expect_err(struct loopworld *l, enum worker_kind kind,
		       const char *request, enum err_code code,
		       const char *text)
{
	struct asked a;

	ask(&a, l, kind, request);
	if (a.err.code != code || !strstr(a.err.msg, text))
		fail_msg("%s: got %s \"%s\"", request, err_code_str(a.err.code),
			 a.err.msg);
	assert_null(a.answer);
}

static void setup(struct loopworld *l, unsigned max)
{
	struct world_uv_config c = {
		.worker_path = FAKE,
		.kustomize_path = "/opt/kustomize",
		.data_dir = "/tmp/syncd-test-data",
		.max_workers = max,
		.log_fd = 2,
		.log_level = LOG_ERROR,
	};

	setenv("SECRET_OF_OURS", "x", 1);
	loopworld_init(l, &c);
}

static void workers_answer(void **state)
{
	struct loopworld l;

	(void)state;
	setup(&l, 2);
	for (int k = 0; k < WORKER_KIND_N; k++)
		expect(&l, (enum worker_kind)k, "echo hi", "hi");
	expect(&l, WORKER_FETCH, "echo ", "");
	loopworld_deinit(&l);
}

static void environment_is_ours_alone(void **state)
{
	struct loopworld l;
	struct asked a;

	(void)state;
	/* what our own parent left open is not the question here */
	for (int fd = 3; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	setup(&l, 2);
	ask(&a, &l, WORKER_EXEC, "env");
	assert_null(strstr(a.answer, "SECRET_OF_OURS"));
	assert_null(strstr(a.answer, "fd "));
	assert_non_null(strstr(a.answer, "PATH=/usr/bin:/bin\n"));
	assert_non_null(strstr(a.answer, "SYNCD_KUSTOMIZE=/opt/kustomize\n"));
	assert_non_null(strstr(a.answer,
			       "SYNCD_MIRRORS=/tmp/syncd-test-data/mirrors\n"));
	assert_non_null(strstr(a.answer, "group 1\n"));
	free(a.answer);
	ask(&a, &l, WORKER_FETCH, "env");
	assert_null(strstr(a.answer, "SYNCD_KUSTOMIZE"));
	free(a.answer);
	loopworld_deinit(&l);
}

static void deaths_are_told(void **state)
{
	struct loopworld l;

	(void)state;
	setup(&l, 2);
	for (int k = 0; k < WORKER_KIND_N; k++) {
		enum worker_kind kind = (enum worker_kind)k;

		expect_err(&l, kind, "half", ERR_INTERNAL, "signal 9");
		expect_err(&l, kind, "garbage", ERR_INTERNAL, "");
		expect_err(&l, kind, "mute", ERR_INTERNAL, "whole answer");
		expect_err(&l, kind, "orphan-silent", ERR_INTERNAL,
			   "without a whole answer");
		expect(&l, kind, "echo still there", "still there");
	}
	expect_err(&l, WORKER_FETCH, "status 3", ERR_INTERNAL,
		   "status 3: it ?[1mbroke");
	expect_err(&l, WORKER_FETCH, "twice", ERR_INTERNAL, "out of turn");
	loopworld_deinit(&l);
}

static void polite_errors_come_through(void **state)
{
	struct loopworld l;

	(void)state;
	setup(&l, 2);
	for (int k = 0; k < WORKER_KIND_N; k++)
		expect_err(&l, (enum worker_kind)k, "polite", ERR_NOTFOUND,
			   "no path \"x\"");
	loopworld_deinit(&l);
}

static void answers_have_a_cap(void **state)
{
	struct loopworld l;
	struct asked a;

	(void)state;
	setup(&l, 2);
	ask(&a, &l, WORKER_RENDER, "fill 1000000");
	assert_int_equal(a.len, 1000000);
	free(a.answer);
	expect_err(&l, WORKER_RENDER, "fill 1000001", ERR_LIMIT, "its cap");
	expect_err(&l, WORKER_FETCH, "fill 5000000", ERR_LIMIT, "its cap");
	loopworld_deinit(&l);
}

static void deadline_kills_the_group(void **state)
{
	struct world_uv_stats stats;
	struct loopworld l;
	struct asked a;
	uint64_t begin;

	(void)state;
	setup(&l, 1);
	for (int k = 0; k < WORKER_KIND_N; k++) {
		begin = world_now(l.w);
		start(&a, &l, (enum worker_kind)k, "repo", "sleep 20000");
		a.call.deadline_ms = 150;
		wait_for(&a);
		assert_int_equal(a.err.code, ERR_TIMEOUT);
		assert_in_range(world_now(l.w) - begin, 150, 5000);
	}
	/* the one slot is free again */
	expect(&l, WORKER_FETCH, "echo hi", "hi");
	world_uv_stats(l.w, &stats);
	assert_int_equal(stats.workers_killed, WORKER_KIND_N);
	loopworld_deinit(&l);
}

static void grandchildren_do_not_hold_us(void **state)
{
	struct loopworld l;
	uint64_t begin;

	(void)state;
	setup(&l, 1);
	begin = world_now(l.w);
	expect(&l, WORKER_FETCH, "orphan-stays", "orphan");
	expect(&l, WORKER_FETCH, "orphan-leaves", "orphan");
	expect(&l, WORKER_RENDER, "orphan-leaves", "orphan");
	expect(&l, WORKER_EXEC, "linger", "lingering");
	expect(&l, WORKER_FETCH, "echo next", "next");
	assert_in_range(world_now(l.w) - begin, 0, 8000);
	loopworld_deinit(&l);
}

static int pid_of(struct loopworld *l, const char *affinity)
{
	struct asked a;
	int pid;

	start(&a, l, WORKER_RENDER, affinity, "pid");
	wait_for(&a);
	assert_int_equal(a.err.code, ERR_NONE);
	pid = atoi(a.answer);
	free(a.answer);
	return pid;
}

static void render_workers_serve_one_repository(void **state)
{
	struct loopworld l;
	int first, other;

	(void)state;
	setup(&l, 2);
	first = pid_of(&l, "a");
	for (int i = 0; i < 20; i++)
		assert_int_equal(pid_of(&l, "a"), first);
	other = pid_of(&l, "b");
	assert_int_not_equal(other, first);
	assert_int_equal(pid_of(&l, "a"), first);
	/* a third one: the worker idle longest (b's) makes room */
	assert_int_not_equal(pid_of(&l, "c"), first);
	assert_int_equal(pid_of(&l, "a"), first);
	assert_int_not_equal(pid_of(&l, "b"), other);
	loopworld_deinit(&l);
}

static void render_workers_are_recycled(void **state)
{
	struct loopworld l;
	int first;

	(void)state;
	setup(&l, 1);
	first = pid_of(&l, "a");
	for (int i = 1; i < 64; i++)
		assert_int_equal(pid_of(&l, "a"), first);
	assert_int_not_equal(pid_of(&l, "a"), first);
	first = pid_of(&l, "a");
	expect_err(&l, WORKER_RENDER, "polite", ERR_NOTFOUND, "");
	assert_int_not_equal(pid_of(&l, "a"), first);
	loopworld_deinit(&l);
}

static void queue_is_bounded_and_fair(void **state)
{
	struct world_uv_stats stats;
	struct asked render[12], fetch;
	struct loopworld l;

	(void)state;
	setup(&l, 2);
	for (int i = 0; i < 12; i++)
		start(&render[i], &l, WORKER_RENDER, "a", "sleep 50");
	start(&fetch, &l, WORKER_FETCH, NULL, "echo hi");
	loopworld_sleep(&l, 30);
	world_uv_stats(l.w, &stats);
	assert_int_equal(stats.workers_running, 2);
	wait_for(&fetch);
	for (int i = 0; i < 12; i++) {
		wait_for(&render[i]);
		assert_int_equal(render[i].err.code, ERR_NONE);
		free(render[i].answer);
	}
	/* it came last and was among the first */
	assert_in_range(fetch.order, 1, render[0].order + 4);
	assert_true(fetch.order < render[8].order);
	assert_true(render[0].order < render[11].order);
	free(fetch.answer);
	loopworld_deinit(&l);
}

static void cancel_kills_what_runs(void **state)
{
	struct asked running, waiting;
	struct loopworld l;

	(void)state;
	setup(&l, 1);
	start(&running, &l, WORKER_FETCH, NULL, "sleep 20000");
	start(&waiting, &l, WORKER_FETCH, NULL, "echo x");
	loopworld_sleep(&l, 50);
	l.w->ops->worker_cancel(l.w, &waiting.call);
	l.w->ops->worker_cancel(l.w, &running.call);
	l.w->ops->worker_cancel(l.w, &running.call);
	assert_int_equal(running.done + waiting.done, 0);
	wait_for(&waiting);
	wait_for(&running);
	assert_int_equal(waiting.err.code, ERR_CANCELLED);
	assert_int_equal(running.err.code, ERR_CANCELLED);
	l.w->ops->worker_cancel(l.w, &running.call);
	expect(&l, WORKER_FETCH, "echo free", "free");
	assert_int_equal(running.done, 1);
	loopworld_deinit(&l);
}

static void close_kills_workers(void **state)
{
	struct asked idle, busy, waiting;
	struct loopworld l;
	int pid;

	(void)state;
	setup(&l, 2);
	pid = pid_of(&l, "a");
	start(&idle, &l, WORKER_FETCH, NULL, "sleep 20000");
	start(&busy, &l, WORKER_RENDER, "a", "sleep 20000");
	start(&waiting, &l, WORKER_FETCH, NULL, "echo x");
	loopworld_sleep(&l, 50);
	loopworld_deinit(&l);
	assert_int_equal(idle.done + busy.done + waiting.done, 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void missing_programs_are_said(void **state)
{
	struct world_uv_config c = { .log_fd = 2, .log_level = LOG_ERROR };
	struct loopworld l;

	(void)state;
	loopworld_init(&l, &c);
	expect_err(&l, WORKER_FETCH, "echo", ERR_INTERNAL, "not found");
	loopworld_deinit(&l);
	c.worker_path = "/nonexistent/syncd-worker";
	loopworld_init(&l, &c);
	expect_err(&l, WORKER_FETCH, "echo", ERR_IO, "no such file");
	expect_err(&l, WORKER_EXEC, "echo", ERR_INTERNAL, "--kustomize");
	loopworld_deinit(&l);
}

static void failures_leave_nothing_behind(void **state)
{
	static const char *const how[] = { "half", "garbage", "mute",
					   "polite" };
	struct loopworld l;
	unsigned before = 0;

	(void)state;
	setup(&l, 2);
	for (int i = 0; i < 60; i++) {
		struct asked a;

		start(&a, &l, (enum worker_kind)(i % WORKER_KIND_N), "a",
		      how[i % 4]);
		a.call.deadline_ms = 300;
		wait_for(&a);
		assert_true(a.err.code);
		if (i == 20) {
			loopworld_sleep(&l, 300);
			before = open_fds();
		}
	}
	loopworld_sleep(&l, 300);
	assert_int_equal(open_fds(), before);
	loopworld_deinit(&l);
}

static void too_many_open_files_fail_one_request(void **state)
{
	struct rlimit old, low;
	struct loopworld l;
	int last;

	(void)state;
	setup(&l, 2);
	expect(&l, WORKER_FETCH, "echo a", "a");
	getrlimit(RLIMIT_NOFILE, &old);
	last = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(last);
	low = old;
	low.rlim_cur = (rlim_t)last + 2;
	setrlimit(RLIMIT_NOFILE, &low);
	expect_err(&l, WORKER_FETCH, "echo b", ERR_IO, "too many open files");
	setrlimit(RLIMIT_NOFILE, &old);
	expect(&l, WORKER_FETCH, "echo c", "c");
	loopworld_deinit(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_answer),
		cmocka_unit_test(environment_is_ours_alone),
		cmocka_unit_test(deaths_are_told),
		cmocka_unit_test(polite_errors_come_through),
		cmocka_unit_test(answers_have_a_cap),
		cmocka_unit_test(deadline_kills_the_group),
		cmocka_unit_test(grandchildren_do_not_hold_us),
		cmocka_unit_test(render_workers_serve_one_repository),
		cmocka_unit_test(render_workers_are_recycled),
		cmocka_unit_test(queue_is_bounded_and_fair),
		cmocka_unit_test(cancel_kills_what_runs),
		cmocka_unit_test(close_kills_workers),
		cmocka_unit_test(missing_programs_are_said),
		cmocka_unit_test(failures_leave_nothing_behind),
		cmocka_unit_test(too_many_open_files_fail_one_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
