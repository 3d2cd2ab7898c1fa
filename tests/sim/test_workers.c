/* Fetch and render as the simulated world answers them, with the real renderer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/fetch.h"
#include "core/mem.h"
#include "gitsim.h"
#include "render/render.h"
#include "simworkers.h"

static char url[] = "http://git.sim/repo.git";

struct answer {
	struct worker_call call;
	struct err err;
	struct buf data;
	bool done;
};

static void on_done(struct worker_call *c, const struct err *err, const char *data,
		    size_t len)
{
	struct answer *a = container_of(c, struct answer, call);

	a->done = true;
	a->err = *err;
	buf_add(&a->data, data ? data : "", len);
}

static bool is_done(void *arg)
{
	return ((struct answer *)arg)->done;
}

static void run(struct sim *s, struct answer *a, enum worker_kind kind,
		const struct buf *request)
{
	*a = (struct answer){ .call = {
		.kind = kind, .affinity = "repo", .request = buf_str(request),
		.request_len = request->len, .deadline_ms = 10000,
		.on_done = on_done } };
	sim_world(s)->ops->worker_start(sim_world(s), &a->call);
	assert_true(sim_run_until(s, is_done, a, 20000));
}

static void fetch(struct sim *s, struct answer *a, char *revision)
{
	struct fetch_request q = { .mirrors = (char *)"/sim", .key = (char *)"repo",
				   .url = url, .revision = revision };
	_cleanup_buf_ struct buf b = BUF_INIT;

	fetch_request_encode(&q, &b);
	run(s, a, WORKER_FETCH, &b);
}

static void render(struct sim *s, struct answer *a, char *commit, char *path)
{
	struct render_request q = { .mirror = (char *)"/sim/repo", .commit = commit,
				    .path = path };
	_cleanup_buf_ struct buf b = BUF_INIT;

	render_requests_encode(&(struct render_requests){ { q }, 1 }, &b);
	run(s, a, WORKER_RENDER, &b);
}

static void a_fetch_finds_the_commit(void **state)
{
	struct sim *s = sim_new(1);
	const char *oid = sim_git_commit(s, url, "main", "a", "b");
	struct fetch_answer f = { 0 };
	struct err err = ERR_INIT;
	struct answer a;

	(void)state;
	sim_use_workers(s);
	fetch(s, &a, (char *)"main");
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(fetch_answer_decode(&f, buf_str(&a.data), a.data.len, &err), 0);
	assert_string_equal(f.oid, oid);
	assert_string_equal(f.mirror, "/sim/repo");
	fetch_answer_deinit(&f);
	buf_deinit(&a.data);
	fetch(s, &a, (char *)"none");
	assert_int_equal(a.err.code, ERR_NOTFOUND);
	buf_deinit(&a.data);
	gitsim_set_mood(sim_git(s), url, GIT_REFUSE);
	fetch(s, &a, (char *)"main");
	assert_int_equal(a.err.code, ERR_NET);
	buf_deinit(&a.data);
	sim_free(s);
}

static void a_render_reads_the_commit(void **state)
{
	struct sim *s = sim_new(2);
	struct render_answer r = { 0 };
	struct err err = ERR_INIT;
	struct answer a;
	char first[65];

	(void)state;
	sim_use_workers(s);
	sim_git_commit(s, url, "main", "app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\n"
		       "metadata: {name: c}\ndata: {k: v}\n");
	snprintf(first, sizeof(first), "%s", sim_git_commit(s, url, "main",
		 "app/s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"));
	sim_git_commit(s, url, "main", "app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\n"
		       "metadata: [\n");
	render(s, &a, first, (char *)"app");
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(render_answer_decode(&r, buf_str(&a.data), a.data.len, &err), 0);
	assert_int_equal(r.n_objects, 2);
	assert_string_equal(r.objects[0].kind, "ConfigMap");
	render_answer_deinit(&r);
	buf_deinit(&a.data);
	render(s, &a, (char *)gitsim_ref(sim_git(s), url, "main"), (char *)"app");
	assert_int_equal(a.err.code, ERR_INVALID);
	assert_non_null(strstr(a.err.msg, "cm.yaml"));
	buf_deinit(&a.data);
	render(s, &a, first, (char *)"absent");
	assert_int_equal(a.err.code, ERR_NOTFOUND);
	buf_deinit(&a.data);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fetch_finds_the_commit),
		cmocka_unit_test(a_render_reads_the_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
