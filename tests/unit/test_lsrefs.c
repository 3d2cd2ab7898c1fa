/*
 * Asking for refs, against scripted answers: a tiny world with one request at a
 * time, whose answers are cut at every byte and cancelled at every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/pktline.h"
#include "core/lsrefs.h"
#include "core/mem.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ADVERT "application/x-git-upload-pack-advertisement"
#define RESULT "application/x-git-upload-pack-result"

struct answer {
	int status;
	const char *type;
	struct buf body;
	enum err_code broken;	/* the transfer's own end */
};

struct script_world {
	struct world world;
	uint64_t now;
	struct world_task *task;
	struct http_call *call;
	bool cancel_asked;
	struct answer answers[3];
	int n_asked;
	size_t step;		/* bytes per on_data */
	struct buf asked;	/* "GET path v2;" */
	unsigned last_timeout;
	/* the outcome */
	struct lsrefs ls;
	int n_done;
	struct err err;
	struct buf refs;
};

static struct script_world *self(struct world *w)
{
	return container_of(w, struct script_world, world);
}

static uint64_t now_mono(struct world *w)
{
	return self(w)->now;
}

static void defer(struct world *w, struct world_task *t)
{
	self(w)->task = t;
}

static void http_start(struct world *w, struct http_call *c)
{
	struct script_world *s = self(w);

	assert_null(s->call);
	s->call = c;
	s->cancel_asked = false;
	s->last_timeout = c->timeout_ms;
	buf_addf(&s->asked, "%s %s%s;", c->method, c->path,
		 c->headers ? " v2" : "");
}

static void http_cancel(struct world *w, struct http_call *c)
{
	assert_ptr_equal(self(w)->call, c);
	self(w)->cancel_asked = true;
}

static const struct world_ops ops = {
	.now_mono = now_mono, .defer = defer,
	.http_start = http_start, .http_cancel = http_cancel,
};

static void on_done(struct lsrefs *l, const struct err *err,
		    const struct ref_list *refs)
{
	struct script_world *s = container_of(l, struct script_world, ls);

	s->n_done++;
	s->err = *err;
	assert_null(l->priv);
	assert_int_equal(!refs, err->code != ERR_NONE);
	for (size_t i = 0; refs && i < refs->len; i++)
		buf_addf(&s->refs, "%s=%.2s ", refs->data[i].name,
			 refs->data[i].oid);
}

static void serve(struct script_world *s)
{
	struct http_call *c = s->call;
	struct answer *a;
	struct err err = ERR_INIT;

	assert_true((size_t)s->n_asked < ARRAY_LEN(s->answers));
	a = &s->answers[s->n_asked++];
	if (a->status && !s->cancel_asked)
		c->on_head(c, a->status, 0, a->type ? a->type : "", "");
	for (size_t i = 0; i < a->body.len && !s->cancel_asked; i += s->step)
		c->on_data(c, a->body.data + i, a->body.len - i < s->step ?
			   a->body.len - i : s->step);
	if (s->cancel_asked)
		err_set(&err, ERR_CANCELLED, "cancelled");
	else if (a->broken)
		err_set(&err, a->broken, "connection reset");
	s->call = NULL;
	c->on_done(c, &err);
}

static void run(struct script_world *s)
{
	for (int i = 0; i < 10 && (s->task || s->call); i++) {
		struct world_task *t = steal(&s->task);

		if (t)
			t->fn(t);
		else
			serve(s);
	}
	assert_null(s->task);
	assert_null(s->call);
	assert_int_equal(s->n_done, 1);
}

static struct http_endpoint endpoint = {
	.url = (char *)"https://me:S3CRET@git.example/r",
};
static const char *const prefixes[] = { "HEAD", "refs/heads/main", NULL };

static void start(struct script_world *s)
{
	s->world.ops = &ops;
	s->now = 1000;
	if (!s->step)
		s->step = 16;
	s->ls = (struct lsrefs){ .endpoint = &endpoint, .prefixes = prefixes,
				 .on_done = on_done };
	lsrefs_start(&s->world, &s->ls);
	assert_int_equal(s->n_done, 0);
	assert_null(s->call);	/* nothing happens before start returned */
}

static void clear(struct script_world *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->answers); i++)
		buf_deinit(&s->answers[i].body);
	buf_deinit(&s->asked);
	buf_deinit(&s->refs);
}
#define _cleanup_world_ _cleanup_(clear)

static void add_data(struct buf *b, const void *data, size_t len)
{
	buf_addf(b, "%04zx", len + 4);
	buf_add(b, data, len);
}

static void advert_v2(struct answer *a)
{
	a->status = 200;
	a->type = ADVERT;
	pkt_write(&a->body, "# service=git-upload-pack\n");
	buf_adds(&a->body, "0000");
	pkt_write(&a->body, "version 2\n");
	pkt_write(&a->body, "ls-refs=unborn\n");
	buf_adds(&a->body, "0000");
}

static void list(struct answer *a)
{
	a->status = 200;
	a->type = RESULT;
	pkt_write(&a->body, A " HEAD symref-target:refs/heads/main\n");
	pkt_write(&a->body, A " refs/heads/main\n");
	pkt_write(&a->body, B " refs/heads/other\n");
	buf_adds(&a->body, "0000");
}

static void advert_v0(struct answer *a)
{
	static const char first[] = A " HEAD\0 symref=HEAD:refs/heads/main\n";

	a->status = 200;
	a->type = ADVERT "; charset=utf-8";
	pkt_write(&a->body, "# service=git-upload-pack\n");
	buf_adds(&a->body, "0000");
	add_data(&a->body, first, sizeof(first) - 1);
	pkt_write(&a->body, A " refs/heads/main\n");
	pkt_write(&a->body, B " refs/heads/other\n");
	buf_adds(&a->body, "0000");
}

#define GET "GET /info/refs?service=git-upload-pack"

static void version_2_asks_twice(void **state)
{
	_cleanup_world_ struct script_world s = { 0 };

	(void)state;
	advert_v2(&s.answers[0]);
	list(&s.answers[1]);
	start(&s);
	run(&s);
	assert_int_equal(s.err.code, ERR_NONE);
	assert_string_equal(buf_str(&s.refs), "HEAD=aa refs/heads/main=aa ");
	assert_string_equal(buf_str(&s.asked),
			    GET " v2;POST /git-upload-pack v2;");
}

static void version_0_asks_once(void **state)
{
	_cleanup_world_ struct script_world s = { 0 };

	(void)state;
	advert_v0(&s.answers[0]);
	start(&s);
	run(&s);
	assert_int_equal(s.err.code, ERR_NONE);
	assert_string_equal(buf_str(&s.refs), "HEAD=aa refs/heads/main=aa ");
	assert_string_equal(buf_str(&s.asked), GET " v2;");
}

static void a_post_that_goes_astray_asks_for_version_0(void **state)
{
	static const int statuses[] = { 301, 302, 307, 308, 404, 405, 501 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		_cleanup_world_ struct script_world s = { 0 };

		advert_v2(&s.answers[0]);
		s.answers[1].status = statuses[i];
		advert_v0(&s.answers[2]);
		start(&s);
		run(&s);
		assert_int_equal(s.err.code, ERR_NONE);
		assert_string_equal(buf_str(&s.asked),
				    GET " v2;POST /git-upload-pack v2;" GET ";");
		assert_string_equal(buf_str(&s.refs),
				    "HEAD=aa refs/heads/main=aa ");
	}
}

/* Cut anywhere, an answer never counts as a shorter list of refs. */
static void cut_at_every_byte(void **state)
{
	size_t len;

	(void)state;
	for (int which = 0; which < 2; which++) {
		_cleanup_world_ struct script_world whole = { 0 };

		advert_v2(&whole.answers[0]);
		list(&whole.answers[1]);
		len = whole.answers[which].body.len;
		for (size_t cut = 0; cut < len; cut++) {
			_cleanup_world_ struct script_world s = { .step = 5 };

			advert_v2(&s.answers[0]);
			list(&s.answers[1]);
			s.answers[which].body.len = cut;
			start(&s);
			run(&s);
			assert_int_equal(s.err.code, ERR_NET);
			assert_true(s.err.retry);
			assert_non_null(strstr(s.err.msg, "broke off"));
			assert_int_equal(s.refs.len, 0);
		}
	}
}

static void statuses_and_types(void **state)
{
	static const struct {
		int status;
		const char *type;
		enum err_code code;
		const char *says;
	} cases[] = {
		{ 401, "", ERR_AUTH, "argocd.argoproj.io/secret-type" },
		{ 403, "", ERR_AUTH, "argocd.argoproj.io/secret-type" },
		{ 404, "", ERR_NOTFOUND, "spec.source.repoURL" },
		{ 500, "", ERR_NET, "500" },
		{ 302, "", ERR_INVALID, "redirects" },
		{ 200, "text/html", ERR_INVALID, "no Git repository" },
		{ 200, "", ERR_INVALID, "no Git repository" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_world_ struct script_world s = { 0 };

		s.answers[0].status = cases[i].status;
		s.answers[0].type = cases[i].type;
		buf_adds(&s.answers[0].body, "<html>whatever</html>");
		start(&s);
		run(&s);
		assert_int_equal(s.err.code, cases[i].code);
		assert_non_null(strstr(s.err.msg, cases[i].says));
		assert_non_null(strstr(s.err.msg, "https://git.example/r"));
		assert_null(strstr(s.err.msg, "S3CRET"));
	}
}

static void transport_errors_pass_through(void **state)
{
	static const enum err_code codes[] = { ERR_NET, ERR_TIMEOUT, ERR_LIMIT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		_cleanup_world_ struct script_world s = { 0 };

		advert_v2(&s.answers[0]);
		s.answers[1].broken = codes[i];
		start(&s);
		run(&s);
		assert_int_equal(s.err.code, codes[i]);
		assert_string_equal(s.err.msg,
				    "https://git.example/r: connection reset");
	}
}

static void garbage_ends_the_request_early(void **state)
{
	_cleanup_world_ struct script_world s = { .step = 4 };

	(void)state;
	s.answers[0].status = 200;
	s.answers[0].type = ADVERT;
	buf_adds(&s.answers[0].body, "0003 and much more that nobody reads");
	start(&s);
	run(&s);
	assert_int_equal(s.err.code, ERR_INVALID);
	assert_non_null(strstr(s.err.msg, "not a Git answer"));
}

static void one_deadline_for_all_requests(void **state)
{
	_cleanup_world_ struct script_world s = { 0 };

	(void)state;
	advert_v2(&s.answers[0]);
	list(&s.answers[1]);
	start(&s);
	s.task->fn(steal(&s.task));
	assert_int_equal(s.last_timeout, 15000);
	s.now += 14000;
	serve(&s);
	assert_int_equal(s.last_timeout, 1000);
	s.answers[1].status = 404;
	s.now += 2000;
	serve(&s);
	run(&s);
	assert_int_equal(s.err.code, ERR_TIMEOUT);
}

/* step n: cancel after n of task, GET and POST have ended. */
static void cancelled_at_every_step(void **state)
{
	(void)state;
	for (int steps = 0; steps < 3; steps++) {
		_cleanup_world_ struct script_world s = { 0 };

		advert_v2(&s.answers[0]);
		list(&s.answers[1]);
		start(&s);
		if (steps > 0)
			s.task->fn(steal(&s.task));
		if (steps > 1)
			serve(&s);
		lsrefs_cancel(&s.world, &s.ls);
		lsrefs_cancel(&s.world, &s.ls);
		assert_int_equal(s.n_done, 0);
		run(&s);
		assert_int_equal(s.err.code, ERR_CANCELLED);
		lsrefs_cancel(&s.world, &s.ls);
		assert_int_equal(s.n_done, 1);
	}
}

/* The end was on its way when cancel was called: no second request follows. */
static void cancel_that_comes_late(void **state)
{
	_cleanup_world_ struct script_world s = { 0 };

	(void)state;
	advert_v2(&s.answers[0]);
	start(&s);
	s.task->fn(steal(&s.task));
	lsrefs_cancel(&s.world, &s.ls);
	s.cancel_asked = false;
	run(&s);
	assert_int_equal(s.err.code, ERR_CANCELLED);
	assert_int_equal(s.n_asked, 1);
}

static void a_prefix_with_a_line_break_is_never_sent(void **state)
{
	static const char *const bad[] = { "refs/heads/x\n0000", NULL };
	_cleanup_world_ struct script_world s = { 0 };

	(void)state;
	s.world.ops = &ops;
	s.ls = (struct lsrefs){ .endpoint = &endpoint, .prefixes = bad,
				.on_done = on_done };
	lsrefs_start(&s.world, &s.ls);
	assert_int_equal(s.n_done, 0);
	run(&s);
	assert_int_equal(s.err.code, ERR_INVALID);
	assert_int_equal(s.asked.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2_asks_twice),
		cmocka_unit_test(version_0_asks_once),
		cmocka_unit_test(a_post_that_goes_astray_asks_for_version_0),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(statuses_and_types),
		cmocka_unit_test(transport_errors_pass_through),
		cmocka_unit_test(garbage_ends_the_request_early),
		cmocka_unit_test(one_deadline_for_all_requests),
		cmocka_unit_test(cancelled_at_every_step),
		cmocka_unit_test(cancel_that_comes_late),
		cmocka_unit_test(a_prefix_with_a_line_break_is_never_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
