/* The simulator itself: it replays, misfortune does strike, a crash leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "apisim.h"
#include "core/doc.h"
#include "core/mem.h"
#include "gitsim.h"
#include "simclient.h"
#include "simworld.h"

static struct http_endpoint api = { .url = SIM_API_URL, .user_agent = "test/1" };
static struct http_endpoint git = { .url = "http://git.sim/repo" };

static bool is_done(void *arg)
{
	return ((struct client_call *)arg)->done;
}

static struct client_call ask(struct sim *s, const char *method, const char *path,
			      const char *type, const char *body)
{
	struct client_call c;

	client_start(sim_world(s), &c, &api, method, path, type, body);
	if (!sim_run_until(s, is_done, &c, 120000)) {
		sim_dump(s);
		fail_msg("%s %s was not answered", method, path);
	}
	return c;
}

#define CM "/api/v1/namespaces/default/configmaps/c"
#define APPLY "application/apply-patch+yaml"

static struct client_call apply_cm(struct sim *s, const char *manager, const char *data,
				   const char *more)
{
	_cleanup_free_ char *path = xasprintf(CM "?fieldManager=%s%s", manager, more);
	_cleanup_free_ char *body = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":%s}", data);

	return ask(s, "PATCH", path, APPLY, body);
}

/* A busy run: many applies under faults, a watch, a deployment rolling out. */
static uint64_t busy(uint64_t seed, unsigned level, struct sim_faults *happened)
{
	struct sim *s = sim_new(seed);
	struct sim_faults f = sim_faults_mixed(level);
	struct client_call calls[40], watch;
	_cleanup_free_ char *body = NULL;
	uint64_t hash;

	sim_set_faults(s, &f, 0);
	client_start(sim_world(s), &watch, &api, "GET", "/api/v1/configmaps?watch=1",
		     NULL, NULL);
	body = xstrdup("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
		       "{\"name\":\"c\"},\"data\":{\"k\":\"v\"}}");
	for (int i = 0; i < 40; i++) {
		client_start(sim_world(s), &calls[i], &api, "PATCH",
			     i % 2 ? CM "?fieldManager=a" : CM "?fieldManager=b",
			     APPLY, body);
		sim_run_for(s, sim_random(s) % 5);
	}
	sim_run_for(s, 120000);
	hash = sim_trace_hash(s);
	if (happened)
		*happened = sim_faults_happened(s);
	sim_abandon(s);
	assert_int_equal(sim_host_pending(s, NULL), 0);
	sim_free(s);
	for (int i = 0; i < 40; i++)
		client_deinit(&calls[i]);
	client_deinit(&watch);
	return hash;
}

static void a_seed_replays_its_run(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		assert_true(busy(seed, 3, NULL) == busy(seed, 3, NULL));
	assert_true(busy(1, 3, NULL) != busy(2, 3, NULL));
}

static void misfortune_strikes(void **state)
{
	struct sim_faults sum = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct sim_faults f;

		busy(seed, 3, &f);
		for (size_t i = 0; i < sizeof(f) / sizeof(unsigned); i++)
			((unsigned *)&sum)[i] += ((unsigned *)&f)[i];
	}
	assert_true(sum.refuse && sum.reset && sum.lost && sum.hang && sum.slow);
	assert_true(sum.http_429 && sum.http_500 && sum.http_503);
	assert_true(sum.watch_cut && sum.watch_410 && sum.watch_dup);
}

static void lost_means_that_it_happened(void **state)
{
	struct sim *s = sim_new(7);
	struct sim_faults f = { .lost = 1000 };
	struct client_call c;

	(void)state;
	sim_set_faults(s, &f, 0);
	c = apply_cm(s, "m", "{\"k\":\"v\"}", "");
	assert_int_equal(c.err.code, ERR_NET);
	assert_false(c.head);
	assert_non_null(apisim_get(sim_api(s), "configmaps", "default", "c"));
	client_deinit(&c);
	f = (struct sim_faults){ .refuse = 1000 };
	sim_set_faults(s, &f, 0);
	c = ask(s, "DELETE", CM, NULL, NULL);
	assert_int_equal(c.err.code, ERR_NET);
	assert_non_null(apisim_get(sim_api(s), "configmaps", "default", "c"));
	assert_false(sim_delete_sent(s, CM));	/* it never got there */
	client_deinit(&c);
	sim_free(s);
}

static void faults_end_when_they_should(void **state)
{
	struct sim *s = sim_new(8);
	struct sim_faults f = { .refuse = 1000 };
	struct client_call c;

	(void)state;
	sim_set_faults(s, &f, 5000);
	c = ask(s, "GET", "/readyz", NULL, NULL);
	assert_int_equal(c.err.code, ERR_NET);
	client_deinit(&c);
	sim_run_for(s, 5000);
	c = ask(s, "GET", "/readyz", NULL, NULL);
	assert_int_equal(c.err.code, ERR_NONE);
	assert_int_equal(c.status, 200);
	client_deinit(&c);
	sim_free(s);
}

/* ---- crashes ---- */

struct life {
	struct world *w;
	struct world_timer timer;
	struct world_task task;
	struct client_call call, watch;
	int fired;
};

static void on_timer(struct world_timer *t)
{
	struct life *l = container_of(t, struct life, timer);

	l->fired++;
	world_timer_start(l->w, t, 10);
}

static void on_task(struct world_task *t)
{
	container_of(t, struct life, task)->fired++;
}

static void live(struct sim *s, struct life *l)
{
	*l = (struct life){ .w = sim_world(s), .timer.fn = on_timer,
			    .task.fn = on_task };
	world_timer_start(l->w, &l->timer, 10);
	world_defer(l->w, &l->task);
	client_start(l->w, &l->watch, &api, "GET", "/api/v1/namespaces?watch=1", NULL,
		     NULL);
	client_start(l->w, &l->call, &api, "POST", "/api/v1/namespaces",
		     "application/json", "{\"metadata\":{\"name\":\"born\"}}");
}

static void abandoning_leaves_nothing(void **state)
{
	size_t landed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct sim *s = sim_new(seed);
		struct life *l = xcalloc(1, sizeof(*l));

		live(s, l);
		assert_true(sim_host_pending(s, NULL) >= 4);
		sim_run_for(s, seed % 10);
		sim_abandon(s);
		assert_int_equal(sim_host_pending(s, NULL), 0);
		client_deinit(&l->call);
		client_deinit(&l->watch);
		free(l);	/* a callback into it now would be seen */
		sim_run_for(s, 60000);
		landed += apisim_get(sim_api(s), "namespaces", NULL, "born") != NULL;
		sim_free(s);
	}
	assert_true(landed > 10 && landed < 100);
}

static void crash_at_step_stops_the_process(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 4; n++) {
		struct sim *s = sim_new(3);
		struct life *l = xcalloc(1, sizeof(*l));
		struct client_call c;

		sim_crash_at(s, n);
		live(s, l);
		sim_run_for(s, 1000);
		assert_int_equal(sim_crashed(s), n <= 3);
		if (n <= 3)
			assert_int_equal(sim_steps(s), n);
		sim_abandon(s);
		client_deinit(&l->call);
		client_deinit(&l->watch);
		free(l);
		c = ask(s, "GET", "/readyz", NULL, NULL);	/* the next life */
		assert_int_equal(c.status, 200);
		client_deinit(&c);
		sim_free(s);
	}
}

static void a_paused_process_catches_up(void **state)
{
	struct sim *s = sim_new(4);
	struct sim_host *h = sim_host_new(s, "other");
	struct life l = { .w = sim_host_world(h), .timer.fn = on_timer };

	(void)state;
	world_timer_start(l.w, &l.timer, 10);
	sim_run_for(s, 100);
	assert_int_equal(l.fired, 10);
	sim_host_pause(s, h, true);
	sim_run_for(s, 100);
	assert_int_equal(l.fired, 10);
	sim_host_pause(s, h, false);
	sim_run_for(s, 0);
	assert_int_equal(l.fired, 11);
	world_timer_stop(l.w, &l.timer);
	assert_int_equal(sim_host_pending(s, h), 0);
	sim_free(s);
}

static void a_cancelled_call_ends_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct sim *s = sim_new(seed);
		struct client_call c;

		client_start(sim_world(s), &c, &api, "GET", "/api/v1/namespaces", NULL,
			     NULL);
		sim_run_for(s, seed % 12);
		if (!c.done) {
			struct world *w = sim_world(s);

			w->ops->http_cancel(w, &c.http);
			w->ops->http_cancel(w, &c.http);
			assert_false(c.done);
			sim_run_for(s, 0);
			assert_int_equal(c.err.code, ERR_CANCELLED);
		}
		assert_true(c.done);
		c.done = false;
		sim_run_for(s, 1000);
		assert_false(c.done);
		client_deinit(&c);
		sim_free(s);
	}
}

static void an_abandoned_call_never_ends(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct sim *s = sim_new(seed);
		struct client_call *c = xcalloc(1, sizeof(*c));
		struct world *w = sim_world(s);

		client_start(w, c, &api, "GET", "/api/v1/namespaces?watch=1", NULL, NULL);
		sim_run_for(s, seed % 20);
		w->ops->http_abandon(w, &c->http);
		client_deinit(c);
		free(c);
		assert_int_equal(sim_host_pending(s, NULL), 0);
		apisim_namespace(sim_api(s), "later");
		sim_run_for(s, 1000);
		sim_free(s);
	}
}

static void a_hung_server_meets_the_timeout(void **state)
{
	struct sim *s = sim_new(5);
	struct sim_faults f = { .hang = 1000 };
	struct client_call c;

	(void)state;
	sim_set_faults(s, &f, 0);
	client_start(sim_world(s), &c, &api, "GET", "/readyz", NULL, NULL);
	sim_run_for(s, CLIENT_TIMEOUT_MS - 1);
	assert_false(c.done);
	sim_run_for(s, 1);
	assert_true(c.done);
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	client_deinit(&c);
	sim_free(s);
}

/* ---- workers, cache, Git ---- */

static int upper(struct sim *s, void *arg, const void *request, size_t len,
		 struct buf *answer, struct err *err)
{
	(void)s;
	(void)arg;
	if (!len)
		return err_set(err, ERR_INVALID, "nothing to do");
	for (size_t i = 0; i < len; i++)
		buf_addc(answer, (char)(((const char *)request)[i] - 32));
	return 0;
}

struct work_seen {
	struct worker_call call;
	struct err err;
	char text[16];
	int n;
};

static void on_work(struct worker_call *c, const struct err *err, const char *data,
		    size_t len)
{
	struct work_seen *k = container_of(c, struct work_seen, call);

	k->n++;
	k->err = *err;
	snprintf(k->text, sizeof(k->text), "%.*s", (int)len, data ? data : "");
}

static void workers_answer_fail_and_hang(void **state)
{
	struct sim *s = sim_new(6);
	struct world *w = sim_world(s);
	struct sim_faults f = { .worker_hang = 1000 };
	struct work_seen k = { .call = { .kind = WORKER_RENDER, .request = "abc",
			.request_len = 3, .deadline_ms = 5000, .on_done = on_work } };

	(void)state;
	sim_set_worker(s, WORKER_RENDER, upper, NULL);
	w->ops->worker_start(w, &k.call);
	assert_int_equal(k.n, 0);
	sim_run_for(s, 100);
	assert_string_equal(k.text, "ABC");
	k.call.request_len = 0;
	w->ops->worker_start(w, &k.call);
	sim_run_for(s, 100);
	assert_int_equal(k.err.code, ERR_INVALID);
	sim_set_faults(s, &f, 0);
	w->ops->worker_start(w, &k.call);
	sim_run_for(s, 4999);
	assert_int_equal(k.n, 2);
	sim_run_for(s, 1);
	assert_int_equal(k.err.code, ERR_TIMEOUT);
	w->ops->worker_start(w, &k.call);
	w->ops->worker_cancel(w, &k.call);
	sim_run_for(s, 0);
	assert_int_equal(k.err.code, ERR_CANCELLED);
	assert_int_equal(k.n, 4);
	sim_free(s);
}

static void the_cache_may_lose_anything(void **state)
{
	struct sim *s = sim_new(9);
	struct world *w = sim_world(s);
	struct sim_faults f = { .cache_loss = 1000 };
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(w->ops->cache_get(w, "k", &b), -1);
	w->ops->cache_put(w, "k", "v", 1);
	assert_int_equal(w->ops->cache_get(w, "k", &b), 0);
	assert_string_equal(buf_str(&b), "v");
	sim_set_faults(s, &f, 0);
	assert_int_equal(w->ops->cache_get(w, "k", &b), -1);
	sim_free(s);
}

static void git_lists_its_refs(void **state)
{
	struct sim *s = sim_new(10);
	struct client_call c;
	const char *oid = sim_git_commit(s, git.url, "main", "a.yaml", "a: 1\n");
	static const char *const v2[] = { "Git-Protocol: version=2", NULL };
	const char *text;

	(void)state;
	client_start(sim_world(s), &c, &git, "POST", "/git-upload-pack",
		"application/x-git-upload-pack-request", "0014command=ls-refs\n"
		"0001001eref-prefix refs/heads/main0000");
	assert_true(sim_run_until(s, is_done, &c, 1000));
	assert_int_equal(c.status, 200);
	assert_non_null(strstr(buf_str(&c.body), oid));
	assert_null(strstr(buf_str(&c.body), "HEAD"));
	client_deinit(&c);
	client_start(sim_world(s), &c, &git, "GET",
		     "/info/refs?service=git-upload-pack", NULL, NULL);
	c.http.headers = v2;
	gitsim_set_mood(sim_git(s), git.url, GIT_401);
	assert_true(sim_run_until(s, is_done, &c, 1000));
	assert_int_equal(c.status, 401);
	client_deinit(&c);
	assert_string_equal(gitsim_file(sim_git(s), oid, 0, &text), "a.yaml");
	assert_string_equal(text, "a: 1\n");
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_replays_its_run),
		cmocka_unit_test(misfortune_strikes),
		cmocka_unit_test(lost_means_that_it_happened),
		cmocka_unit_test(faults_end_when_they_should),
		cmocka_unit_test(abandoning_leaves_nothing),
		cmocka_unit_test(crash_at_step_stops_the_process),
		cmocka_unit_test(a_paused_process_catches_up),
		cmocka_unit_test(a_cancelled_call_ends_once),
		cmocka_unit_test(an_abandoned_call_never_ends),
		cmocka_unit_test(a_hung_server_meets_the_timeout),
		cmocka_unit_test(workers_answer_fail_and_hang),
		cmocka_unit_test(the_cache_may_lose_anything),
		cmocka_unit_test(git_lists_its_refs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
