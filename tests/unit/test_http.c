/* HTTP of the real world against a real server that misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <sys/resource.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/net/http_priv.h"
#include "loopworld.h"
#include "netserver.h"

struct fixture {
	struct loopworld l;
	struct netserver *server;
	struct http_endpoint e;
};

static void setup_with(struct fixture *f, const struct netserver_options *o,
		       const char *host)
{
	memset(f, 0, sizeof(*f));
	f->server = netserver_start(o);
	f->e.url = xasprintf("%s://%s:%u", o && o->cert_pem ? "https" : "http",
			     host, netserver_port(f->server));
	loopworld_init(&f->l, NULL);
}

static void setup(struct fixture *f)
{
	setup_with(f, NULL, "127.0.0.1");
}

static void teardown(struct fixture *f)
{
	loopworld_deinit(&f->l);
	netserver_stop(f->server);
	free(f->e.url);
}

/* One GET to its end; the caller reads h and calls heard_deinit. */
static void get(struct fixture *f, struct heard *h, const char *path)
{
	heard_init(h, &f->l, &f->e, path);
	heard_run(h);
}

static void answer_comes_whole(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	get(&f, &h, "/ok");
	assert_int_equal(h.err.code, ERR_NONE);
	assert_int_equal(h.heads, 1);
	assert_int_equal(h.status, 200);
	assert_string_equal(h.etag, "\"v1\"");
	assert_string_equal(h.content_type, "text/plain");
	assert_string_equal(buf_str(&h.body), "hello");
	heard_deinit(&h);
	get(&f, &h, "/continue");
	assert_int_equal(h.heads, 1);
	assert_string_equal(h.etag, "");
	assert_string_equal(buf_str(&h.body), "after");
	heard_deinit(&h);
	assert_int_equal(netserver_connections(f.server), 1);
	teardown(&f);
}

static void get_by_id(struct fixture *f, struct heard *h, const char *path)
{
	heard_init(h, &f->l, &f->e, path);
	h->call.echoed = "Audit-ID";
	heard_run(h);
}

/* Who answers twice would be a request behind for ever. */
static void anothers_answer_is_refused(void **state)
{
	static const struct {
		const char *path;
		enum err_code code;
	} t[] = {
		{ "/id", ERR_NONE }, { "/ok", ERR_NONE }, { "/id?also", ERR_NONE },
		{ "/id?wrong", ERR_NET }, { "/id", ERR_NONE }, { "/id-twice", ERR_NONE },
		{ "/id-2", ERR_NET }, { "/id-2", ERR_NONE },
	};
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		get_by_id(&f, &h, t[i].path);
		assert_int_equal(h.err.code, t[i].code);
		if (t[i].code) {
			assert_non_null(strstr(h.err.msg, "belongs to another request"));
			assert_int_equal(h.heads, 0);
			assert_string_equal(buf_str(&h.body), "");
		} else if (!strncmp(t[i].path, "/id", 3)) {
			assert_memory_equal(buf_str(&h.body), t[i].path,
					    strcspn(t[i].path, "?"));
		}
		heard_deinit(&h);
		if (!strcmp(t[i].path, "/id-twice"))
			usleep(50000);	/* the second answer waits in the socket */
	}
	assert_int_equal(netserver_connections(f.server), 3);
	teardown(&f);
}

static void request_says_what_was_asked(void **state)
{
	static const char *const extra[] = { "X-One: 1", NULL };
	char *groups[] = { (char *)"dev", (char *)"ops", NULL };
	struct fixture f;
	struct heard h;
	const char *b;

	(void)state;
	setup(&f);
	f.e.bearer = (char *)"t0ken";
	f.e.as_user = (char *)"jane";
	f.e.as_groups = groups;
	heard_init(&h, &f.l, &f.e, "/echo?a=%2F");
	h.call.method = "PATCH";
	h.call.body = "{\"a\":1}";
	h.call.body_len = 7;
	h.call.content_type = "application/apply-patch+yaml";
	h.call.accept = "application/json";
	h.call.headers = extra;
	heard_run(&h);
	b = buf_str(&h.body);
	assert_ptr_equal(strstr(b, "PATCH /echo?a=%2F HTTP/1.1\r\n"), b);
	assert_non_null(strstr(b, "\r\nAuthorization: Bearer t0ken\r\n"));
	assert_non_null(strstr(b, "\r\nImpersonate-User: jane\r\n"));
	assert_non_null(strstr(b, "\r\nImpersonate-Group: dev\r\n"));
	assert_non_null(strstr(b, "\r\nImpersonate-Group: ops\r\n"));
	assert_non_null(strstr(b, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(b, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(b, "application/apply-patch+yaml\r\n"));
	assert_non_null(strstr(b, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(b, "Expect:"));
	heard_deinit(&h);
	teardown(&f);
}

static void basic_credentials_are_a_header(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	f.e.username = (char *)"git";
	f.e.password = (char *)"pa:ss";
	get(&f, &h, "/echo");
	assert_non_null(strstr(buf_str(&h.body),
			       "\r\nAuthorization: Basic Z2l0OnBhOnNz\r\n"));
	heard_deinit(&h);
	teardown(&f);
}

static void retry_after_is_read(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	get(&f, &h, "/status?429");
	assert_int_equal(h.err.code, ERR_NONE);
	assert_int_equal(h.status, 429);
	assert_int_equal(h.retry_after_ms, 7000);
	heard_deinit(&h);
	teardown(&f);
}

static unsigned after(const char *value)
{
	/* now: Fri, 06 Nov 2026 10:00:00 GMT */
	return http_retry_after(value, strlen(value), INT64_C(1793959200000));
}

static void retry_after_has_two_forms(void **state)
{
	(void)state;
	assert_int_equal(after("0"), 0);
	assert_int_equal(after("120"), 120000);
	assert_int_equal(after("99999999999999999999"), 3600000);
	assert_int_equal(after("Fri, 06 Nov 2026 10:00:30 GMT"), 30000);
	assert_int_equal(after("Fri, 06 Nov 2026 09:00:00 GMT"), 0);
	assert_int_equal(after("Fri, 06 Nov 2037 10:00:00 GMT"), 3600000);
	assert_int_equal(after("soon"), 0);
	assert_int_equal(after("-1"), 0);
	assert_int_equal(after(""), 0);
}

static void expect_error(struct fixture *f, const char *path,
			 enum err_code code, const char *text)
{
	struct heard h;

	get(f, &h, path);
	if (h.err.code != code || !strstr(h.err.msg, text))
		fail_msg("%s: got %s \"%s\"", path, err_code_str(h.err.code),
			 h.err.msg);
	heard_deinit(&h);
}

static void broken_answers_are_errors(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	expect_error(&f, "/cut", ERR_NET, "127.0.0.1");
	expect_error(&f, "/drop", ERR_NET, "Empty reply");
	expect_error(&f, "/garbage", ERR_NET, "HTTP/0.9");
	teardown(&f);
}

static void refused_connection_says_what_to_check(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	free(f.e.url);
	f.e.url = xstrdup("http://127.0.0.1:1");
	expect_error(&f, "/ok", ERR_NET, "check host and port");
	teardown(&f);
}

static void input_that_cannot_be_sent_is_refused(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	expect_error(&f, "/a b", ERR_INVALID, "not escaped");
	expect_error(&f, "ok", ERR_INVALID, "does not begin with /");
	f.e.bearer = (char *)"s3cret\nX-Evil: 1";
	get(&f, &h, "/ok");
	assert_int_equal(h.err.code, ERR_INVALID);
	assert_null(strstr(h.err.msg, "s3cret"));
	heard_deinit(&h);
	f.e.bearer = NULL;
	free(f.e.url);
	f.e.url = xstrdup("https://joe:s3cret@127.0.0.1");
	get(&f, &h, "/ok");
	assert_int_equal(h.err.code, ERR_INVALID);
	assert_null(strstr(h.err.msg, "s3cret"));
	heard_deinit(&h);
	free(f.e.url);
	f.e.url = xstrdup("file:///etc/passwd");
	expect_error(&f, NULL, ERR_INVALID, "URL");
	assert_int_equal(netserver_requests(f.server), 0);
	teardown(&f);
}

static void answer_over_the_cap_is_a_limit(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	heard_init(&h, &f.l, &f.e, "/huge?1000000");
	h.call.max_body = 1000;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_LIMIT);
	assert_true(h.body.len <= 1000);
	heard_deinit(&h);
	heard_init(&h, &f.l, &f.e, "/huge?1000000");
	h.call.max_body = 1000000;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_NONE);
	assert_int_equal(h.body.len, 1000000);
	heard_deinit(&h);
	teardown(&f);
}

static void deadlines_end_a_call(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	heard_init(&h, &f.l, &f.e, "/hang");
	h.call.timeout_ms = 100;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(h.err.msg, "no answer within 100 ms"));
	heard_deinit(&h);
	/* On a connection that is there already: that is no question of names. */
	heard_init(&h, &f.l, &f.e, "/ok");
	heard_run(&h);
	heard_deinit(&h);
	heard_init(&h, &f.l, &f.e, "/hang");
	h.call.timeout_ms = 100;
	heard_run(&h);
	assert_non_null(strstr(h.err.msg, "no answer within 100 ms"));
	heard_deinit(&h);
	heard_init(&h, &f.l, &f.e, "/stall");
	h.call.timeout_ms = 0;
	h.call.idle_ms = 100;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_TIMEOUT);
	assert_string_equal(buf_str(&h.body), "01234");
	heard_deinit(&h);
	/* Bytes that keep coming keep an idle limit away, not a deadline. */
	heard_init(&h, &f.l, &f.e, "/drip");
	h.call.timeout_ms = 700;
	h.call.idle_ms = 400;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(h.err.msg, "not complete within 700 ms"));
	assert_true(h.datas > 5);
	heard_deinit(&h);
	teardown(&f);
}

static void cancel_ends_once_wherever_it_is(void **state)
{
	struct fixture f;
	struct heard h, other;

	(void)state;
	setup(&f);
	/* before the pump ran */
	heard_init(&h, &f.l, &f.e, "/ok");
	f.l.w->ops->http_start(f.l.w, &h.call);
	heard_cancel(&h);
	heard_cancel(&h);
	assert_int_equal(h.done, 0);
	loopworld_run(&f.l, &h.done);
	assert_int_equal(h.err.code, ERR_CANCELLED);
	heard_cancel(&h);	/* what is over stays over */
	loopworld_sleep(&f.l, 20);
	heard_deinit(&h);
	/* inside on_head and on_data */
	heard_init(&h, &f.l, &f.e, "/drip");
	h.cancel_in_head = 1;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_CANCELLED);
	assert_int_equal(h.datas, 0);
	heard_deinit(&h);
	heard_init(&h, &f.l, &f.e, "/drip");
	h.cancel_in_data = 3;
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_CANCELLED);
	assert_int_equal(h.datas, 3);
	heard_deinit(&h);
	/* another call, inside on_data */
	heard_init(&other, &f.l, &f.e, "/hang");
	f.l.w->ops->http_start(f.l.w, &other.call);
	heard_init(&h, &f.l, &f.e, "/huge?100000");
	h.cancel_in_data = 1;
	h.victim = &other.call;
	heard_run(&h);
	loopworld_run(&f.l, &other.done);
	assert_int_equal(h.err.code, ERR_NONE);
	assert_int_equal(other.err.code, ERR_CANCELLED);
	heard_deinit(&h);
	heard_deinit(&other);
	teardown(&f);
}

/* A callback chain: each end starts the next from inside on_done. */
struct chain {
	struct heard h;
	int left, over;
};

static void on_link_done(struct http_call *c, const struct err *err)
{
	struct heard *h = container_of(c, struct heard, call);
	struct chain *chain = container_of(h, struct chain, h);

	assert_int_equal(err->code, ERR_NONE);
	h->heads = 0;
	if (--chain->left)
		h->l->w->ops->http_start(h->l->w, c);
	else
		chain->over = 1;
}

static void done_may_start_again(void **state)
{
	struct chain chain = { .left = 50 };
	struct fixture f;

	(void)state;
	setup(&f);
	heard_init(&chain.h, &f.l, &f.e, "/ok");
	chain.h.call.on_done = on_link_done;
	f.l.w->ops->http_start(f.l.w, &chain.h.call);
	loopworld_run(&f.l, &chain.over);
	buf_deinit(&chain.h.body);
	assert_int_equal(netserver_requests(f.server), 50);
	assert_int_equal(netserver_connections(f.server), 1);
	teardown(&f);
}

static void failures_leave_no_descriptor(void **state)
{
	static const char *const paths[] = {
		"/drop", "/cut", "/garbage", "/stall", "/status?500",
	};
	struct fixture f;
	unsigned before = 0;

	(void)state;
	setup(&f);
	for (int i = 0; i < 1000; i++) {
		struct heard h;

		heard_init(&h, &f.l, &f.e, paths[i % 5]);
		h.cancel_in_data = i % 5 == 3;
		heard_run(&h);
		heard_deinit(&h);
		if (i == 20)
			before = open_fds();
	}
	loopworld_sleep(&f.l, 50);
	assert_in_range(open_fds(), before - 4, before + 4);
	teardown(&f);
}

static void watches_do_not_starve_requests(void **state)
{
	struct heard watch[80], h;
	struct fixture f;

	(void)state;
	setup(&f);
	for (int i = 0; i < 80; i++) {
		heard_init(&watch[i], &f.l, &f.e, "/drip");
		watch[i].call.lane = HTTP_WATCH;
		watch[i].call.timeout_ms = 0;
		f.l.w->ops->http_start(f.l.w, &watch[i].call);
	}
	get(&f, &h, "/ok");
	assert_int_equal(h.err.code, ERR_NONE);
	heard_deinit(&h);
	for (int i = 0; i < 80; i++) {
		heard_cancel(&watch[i]);
		loopworld_run(&f.l, &watch[i].done);
		heard_deinit(&watch[i]);
	}
	teardown(&f);
}

static void close_ends_calls_without_callbacks(void **state)
{
	struct heard h[3];
	struct fixture f;

	(void)state;
	setup(&f);
	for (int i = 0; i < 3; i++) {
		heard_init(&h[i], &f.l, &f.e, i ? "/hang" : "/drip");
		f.l.w->ops->http_start(f.l.w, &h[i].call);
		if (i == 1)
			loopworld_sleep(&f.l, 100);
	}
	teardown(&f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(h[i].done, 0);
		buf_deinit(&h[i].body);
	}
}

static void redirects_stay_at_home(void **state)
{
	struct fixture f, thief;
	struct heard h;
	char path[128];

	(void)state;
	setup(&f);
	setup(&thief);
	f.e.bearer = (char *)"t0ken";
	f.e.follow_redirects = true;
	get(&f, &h, "/to?/ok");
	assert_int_equal(h.err.code, ERR_NONE);
	assert_int_equal(h.heads, 1);
	assert_string_equal(buf_str(&h.body), "hello");
	heard_deinit(&h);
	snprintf(path, sizeof(path), "/to?%s/ok", thief.e.url);
	expect_error(&f, path, ERR_INVALID, "credentials are not sent");
	expect_error(&f, "/to?https://127.0.0.1/", ERR_INVALID, "not sent");
	expect_error(&f, "/to?//localhost/", ERR_INVALID, "not sent");
	expect_error(&f, "/loop", ERR_INVALID, "more than 3 redirects");
	assert_int_equal(netserver_connections(thief.server), 0);
	/* not GET, or not asked for: the answer is the redirect itself */
	heard_init(&h, &f.l, &f.e, "/to?/ok");
	h.call.method = "POST";
	heard_run(&h);
	assert_int_equal(h.status, 302);
	heard_deinit(&h);
	f.e.follow_redirects = false;
	get(&f, &h, "/to?/ok");
	assert_int_equal(h.status, 302);
	assert_string_equal(buf_str(&h.body), "elsewhere");
	heard_deinit(&h);
	teardown(&thief);
	teardown(&f);
}

static void connections_are_of_one_identity(void **state)
{
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	for (int i = 0; i < 4; i++) {
		f.e.bearer = (char *)(i < 2 ? "a" : "b");
		f.e.generation = i == 3;
		get(&f, &h, "/ok");
		heard_deinit(&h);
	}
	/* a, a again; b; b of another generation */
	assert_int_equal(netserver_connections(f.server), 3);
	f.l.w->ops->endpoint_forget(f.l.w, &f.e);
	get(&f, &h, "/ok");
	heard_deinit(&h);
	assert_int_equal(netserver_connections(f.server), 4);
	teardown(&f);
}

static void too_many_open_files_is_said(void **state)
{
	struct rlimit old, low;
	struct fixture f;
	struct heard h;
	int last;

	(void)state;
	setup(&f);
	get(&f, &h, "/drop");	/* the pool's own descriptors exist now */
	heard_deinit(&h);
	loopworld_sleep(&f.l, 20);
	getrlimit(RLIMIT_NOFILE, &old);
	last = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(last);
	low = old;
	low.rlim_cur = (rlim_t)last;
	setrlimit(RLIMIT_NOFILE, &low);
	heard_init(&h, &f.l, &f.e, "/ok");
	heard_run(&h);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(h.err.code, ERR_IO);
	assert_non_null(strstr(h.err.msg, "raise the limit"));
	heard_deinit(&h);
	get(&f, &h, "/ok");
	assert_int_equal(h.err.code, ERR_NONE);
	heard_deinit(&h);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_comes_whole),
		cmocka_unit_test(anothers_answer_is_refused),
		cmocka_unit_test(request_says_what_was_asked),
		cmocka_unit_test(basic_credentials_are_a_header),
		cmocka_unit_test(retry_after_is_read),
		cmocka_unit_test(retry_after_has_two_forms),
		cmocka_unit_test(broken_answers_are_errors),
		cmocka_unit_test(refused_connection_says_what_to_check),
		cmocka_unit_test(input_that_cannot_be_sent_is_refused),
		cmocka_unit_test(answer_over_the_cap_is_a_limit),
		cmocka_unit_test(deadlines_end_a_call),
		cmocka_unit_test(cancel_ends_once_wherever_it_is),
		cmocka_unit_test(done_may_start_again),
		cmocka_unit_test(failures_leave_no_descriptor),
		cmocka_unit_test(watches_do_not_starve_requests),
		cmocka_unit_test(close_ends_calls_without_callbacks),
		cmocka_unit_test(redirects_stay_at_home),
		cmocka_unit_test(connections_are_of_one_identity),
		cmocka_unit_test(too_many_open_files_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
