/* HTTPS: certificates that change under running connections, answers that come later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>
#include <time.h>

#include "core/cert.h"
#include "core/httpd.h"
#include "core/mem.h"
#include "loopworld.h"

static struct httpd_post *held;	/* by the route /later */

static int healthz(void *arg, struct buf *body, const char **type)
{
	(void)arg;
	(void)type;
	buf_adds(body, "ok");
	return 200;
}

static void later(void *arg, struct httpd_post *p)
{
	(void)arg;
	held = p;
}

static const struct httpd_route routes[] = {
	{ .path = "/healthz", .fn = healthz },
	{ .path = "/later", .post_later = later, .max_post = (size_t)2 << 20 },
	{ .path = NULL },
};

struct fixture {
	struct loopworld l;
	struct httpd *h;
	struct http_endpoint e;
	struct cert_pair pair;
};

static const char *const names[] = { "127.0.0.1", NULL };

static void make(struct cert_pair *p)
{
	int64_t now = time(NULL);
	struct err err = ERR_INIT;

	if (cert_make(p, names, now - 60, now + 3600, &err))
		fail_msg("%s", err.msg);
}

static void serve(struct fixture *f, const struct cert_pair *p)
{
	struct err err = ERR_INIT;

	if (httpd_set_certificate(f->h, p->cert_pem, p->key_pem, &err))
		fail_msg("%s", err.msg);
}

static void setup(struct fixture *f)
{
	struct err err = ERR_INIT;

	*f = (struct fixture){ 0 };
	held = NULL;
	loopworld_init(&f->l, NULL);
	f->h = httpd_new_tls(&f->l.loop, "127.0.0.1:0", routes, NULL, &err);
	if (!f->h)
		fail_msg("%s", err.msg);
	make(&f->pair);
	f->e.url = xasprintf("https://127.0.0.1:%u", httpd_port(f->h));
	f->e.ca_pem = xstrdup(f->pair.ca_pem);
}

static void teardown(struct fixture *f)
{
	httpd_close(f->h);
	f->l.w->ops->endpoint_forget(f->l.w, &f->e);
	loopworld_deinit(&f->l);
	cert_pair_deinit(&f->pair);
	free(f->e.url);
	free(f->e.ca_pem);
}

/* 0: no answer came. */
static int status_of(struct fixture *f, struct http_endpoint *e)
{
	struct heard h;
	int status;

	heard_init(&h, &f->l, e, "/healthz");
	heard_run(&h);
	status = h.err.code ? 0 : h.status;
	heard_deinit(&h);
	return status;
}

static void no_certificate_no_handshake(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(status_of(&f, &f.e), 0);
	serve(&f, &f.pair);
	assert_int_equal(status_of(&f, &f.e), 200);
	teardown(&f);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct cert_pair other;
	struct fixture f;

	(void)state;
	setup(&f);
	make(&other);
	serve(&f, &f.pair);
	for (int i = 0; i < 3; i++) {
		const char *cert = i == 0 ? "x" : other.cert_pem;
		const char *key = i == 1 ? "x" : i == 2 ? f.pair.key_pem : other.key_pem;
		struct err err = ERR_INIT;

		assert_int_equal(-1, httpd_set_certificate(f.h, cert, key, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(status_of(&f, &f.e), 200);
	}
	cert_pair_deinit(&other);
	teardown(&f);
}

/* Who is connected goes on; who comes anew sees the new one. */
static void a_new_certificate_closes_nothing(void **state)
{
	struct cert_pair other;
	struct http_endpoint e2 = { 0 };
	struct fixture f;

	(void)state;
	setup(&f);
	serve(&f, &f.pair);
	assert_int_equal(status_of(&f, &f.e), 200);	/* its connection stays open */
	for (int i = 0; i < 50; i++) {
		make(&other);
		serve(&f, &other);
		if (i < 49)
			cert_pair_deinit(&other);
	}
	assert_int_equal(status_of(&f, &f.e), 200);
	e2.url = f.e.url;
	e2.ca_pem = other.ca_pem;
	assert_int_equal(status_of(&f, &e2), 200);
	f.l.w->ops->endpoint_forget(f.l.w, &f.e);	/* a new connection */
	assert_int_equal(status_of(&f, &f.e), 0);
	f.l.w->ops->endpoint_forget(f.l.w, &e2);
	cert_pair_deinit(&other);
	teardown(&f);
}

static void start_post(struct fixture *f, struct heard *h, size_t len, char *body)
{
	heard_init(h, &f->l, &f->e, "/later");
	h->call.method = "POST";
	h->call.body = body;
	h->call.body_len = len;
	f->l.w->ops->http_start(f->l.w, &h->call);
	for (int i = 0; i < 5000 && !held && !h->done; i++)
		loopworld_sleep(&f->l, 1);
}

static void an_answer_may_come_later(void **state)
{
	enum { LEN = 2 << 20 };
	_cleanup_free_ char *body = xcalloc(1, LEN + 1);
	struct buf answer = BUF_INIT;
	struct fixture f;
	struct heard h;

	(void)state;
	memset(body, 'x', LEN);
	setup(&f);
	serve(&f, &f.pair);
	start_post(&f, &h, LEN, body);
	assert_non_null(held);
	assert_int_equal(held->len, LEN);
	loopworld_sleep(&f.l, 50);
	assert_int_equal(h.done, 0);
	assert_int_equal(status_of(&f, &f.e), 200);	/* others are not held up */
	buf_adds(&answer, "now");
	httpd_answer(held, 201, &answer, "text/plain");
	loopworld_run(&f.l, &h.done);
	assert_string_equal(h.err.msg, "");
	assert_int_equal(h.status, 201);
	assert_string_equal(buf_str(&h.body), "now");
	heard_deinit(&h);
	held = NULL;
	start_post(&f, &h, LEN + 1, body);
	loopworld_run(&f.l, &h.done);
	assert_null(held);
	assert_int_equal(h.status, 413);
	heard_deinit(&h);
	teardown(&f);
}

static void closing_while_one_waits(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	serve(&f, &f.pair);
	start_post(&f, &h, 1, (char *)"x");
	assert_non_null(held);
	httpd_close(f.h);
	f.h = NULL;
	loopworld_run(&f.l, &h.done);
	assert_int_not_equal(h.err.code, ERR_NONE);
	heard_deinit(&h);
	teardown(&f);
}

/* Each answer is the connection's last: the next request needs a new one. */
static void draining_ends_connections(void **state)
{
	struct fixture f;
	unsigned before;

	(void)state;
	setup(&f);
	serve(&f, &f.pair);
	assert_int_equal(status_of(&f, &f.e), 200);
	before = open_fds();
	httpd_drain(f.h);
	assert_int_equal(status_of(&f, &f.e), 200);
	loopworld_sleep(&f.l, 50);
	assert_int_equal(open_fds(), before - 2);	/* both ends */
	teardown(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_certificate_no_handshake),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(a_new_certificate_closes_nothing),
		cmocka_unit_test(an_answer_may_come_later),
		cmocka_unit_test(closing_while_one_waits),
		cmocka_unit_test(draining_ends_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
