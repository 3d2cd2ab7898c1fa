/* The daemon's HTTP endpoints, asked by our own HTTP client and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/httpd.h"
#include "core/mem.h"
#include "loopworld.h"

static int ready_status = 200;

static int healthz(void *arg, struct buf *body, const char **type)
{
	(void)type;
	buf_addf(body, "ok %s", (const char *)arg);
	return 200;
}

static int readyz(void *arg, struct buf *body, const char **type)
{
	(void)arg;
	*type = "application/json";
	buf_adds(body, "{}");
	return ready_status;
}

static int endless(void *arg, struct buf *body, const char **type)
{
	(void)arg;
	(void)type;
	for (int i = 0; i < 20000; i++)
		buf_addf(body, "%01023d\n", i);
	return 200;
}

static int post(void *arg, const struct httpd_post *p, struct buf *body,
		const char **type)
{
	const char *from = p->header(p, "x-from");

	(void)arg;
	(void)type;
	assert_null(p->header(p, "X-Absent"));
	buf_addf(body, "%zu bytes from %s", p->len, from ? from : "nobody");
	return 202;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static const struct httpd_route routes[] = {
	{ .path = "/healthz", .fn = healthz },
	{ .path = "/readyz", .fn = readyz },
	{ .path = "/endless", .fn = endless },
	{ .path = "/post", .post = post },
	{ .path = "/closed", .post = post, .open = never },
	{ .path = NULL },
};

struct fixture {
	struct loopworld l;
	struct httpd *h;
	struct http_endpoint e;
};

static void setup(struct fixture *f, const char *addr)
{
	struct err err = ERR_INIT;

	memset(f, 0, sizeof(*f));
	loopworld_init(&f->l, NULL);
	f->h = httpd_new(&f->l.loop, addr, routes, (char *)"then", &err);
	if (!f->h)
		fail_msg("%s", err.msg);
	f->e.url = xasprintf("http://127.0.0.1:%u", httpd_port(f->h));
}

static void teardown(struct fixture *f)
{
	httpd_close(f->h);
	loopworld_deinit(&f->l);
	free(f->e.url);
}

static void expect(struct fixture *f, const char *method, const char *path,
		   int status, const char *body)
{
	struct heard h;

	heard_init(&h, &f->l, &f->e, path);
	h.call.method = method;
	heard_run(&h);
	assert_string_equal(h.err.msg, "");
	assert_int_equal(h.status, status);
	assert_string_equal(buf_str(&h.body), body);
	if (!strcmp(path, "/readyz"))
		assert_string_equal(h.content_type, "application/json");
	heard_deinit(&h);
}

static void routes_answer(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "127.0.0.1:0");
	expect(&f, "GET", "/healthz", 200, "ok then");
	expect(&f, "GET", "/healthz?verbose", 200, "ok then");
	ready_status = 503;
	expect(&f, "GET", "/readyz", 503, "{}");
	ready_status = 200;
	expect(&f, "GET", "/readyz", 200, "{}");
	expect(&f, "HEAD", "/healthz", 200, "");
	expect(&f, "GET", "/healthz/", 404, "not here\n");
	expect(&f, "POST", "/healthz", 405, "only GET and HEAD\n");
	expect(&f, "DELETE", "/nowhere", 405, "only GET and HEAD\n");
	expect(&f, "GET", "/endless", 500, "the answer is too large\n");
	teardown(&f);
}

static void all_addresses_and_busy_ports(void **state)
{
	struct err err = ERR_INIT;
	_cleanup_free_ char *again = NULL;
	struct fixture f;

	(void)state;
	setup(&f, ":0");
	expect(&f, "GET", "/healthz", 200, "ok then");
	again = xasprintf(":%u", httpd_port(f.h));
	assert_null(httpd_new(&f.l.loop, again, routes, NULL, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, again));
	teardown(&f);
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "8080", "host:", ":http", ":65536", "example.org:80", "::",
	};
	struct loopworld l;

	(void)state;
	loopworld_init(&l, NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_null(httpd_new(&l.loop, bad[i], routes, NULL, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
	httpd_close(NULL);
	loopworld_deinit(&l);
}

static int dial(const struct fixture *f)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)httpd_port(f->h)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void silent_and_wild_clients_do_no_harm(void **state)
{
	static const char wild[] = "\x16\x03\x01\r\n\r\n";
	_cleanup_free_ char *head = xcalloc(1, 100001);
	struct fixture f;
	int fds[20];

	(void)state;
	setup(&f, "127.0.0.1:0");
	memset(head, 'x', 100000);
	for (int i = 0; i < 20; i++) {
		fds[i] = dial(&f);
		if (i % 3 == 0)
			assert_true(send(fds[i], wild, 7, MSG_NOSIGNAL) > 0);
		if (i % 3 == 1)
			send(fds[i], head, 100000, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	loopworld_sleep(&f.l, 50);
	expect(&f, "GET", "/healthz", 200, "ok then");
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	loopworld_sleep(&f.l, 20);
	expect(&f, "GET", "/healthz", 200, "ok then");
	teardown(&f);
}

static void expect_post(struct fixture *f, const char *path, size_t len, int status,
			const char *body)
{
	static const char *const headers[] = { "X-From: a host", NULL };
	_cleanup_free_ char *sent = xcalloc(1, len + 1);
	struct heard h;

	memset(sent, 'x', len);
	heard_init(&h, &f->l, &f->e, path);
	h.call.method = "POST";
	h.call.headers = headers;
	h.call.body = sent;
	h.call.body_len = len;
	heard_run(&h);
	assert_int_equal(h.status, status);
	assert_string_equal(buf_str(&h.body), body);
	heard_deinit(&h);
}

static void posts_are_read_up_to_a_cap(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "127.0.0.1:0");
	expect_post(&f, "/post", 0, 202, "0 bytes from a host");
	expect_post(&f, "/post", 5, 202, "5 bytes from a host");
	expect_post(&f, "/post", 1 << 20, 202, "1048576 bytes from a host");
	expect_post(&f, "/post", (1 << 20) + 1, 413, "the body is too large\n");
	expect_post(&f, "/closed", 5, 404, "not here\n");
	expect_post(&f, "/nowhere", 5, 405, "only GET and HEAD\n");
	expect(&f, "GET", "/post", 405, "only POST\n");
	teardown(&f);
}

/* Each of ten clients sends all of its body but the end, then the end. */
static void bodies_under_way_have_a_cap_together(void **state)
{
	enum { N = 10, LEN = 1 << 20, REST = 10 };
	_cleanup_free_ char *body = xcalloc(1, LEN);
	unsigned taken = 0, refused = 0;
	struct fixture f;
	int fds[N];

	(void)state;
	setup(&f, "127.0.0.1:0");
	for (int i = 0; i < N; i++) {
		size_t sent = 0;

		fds[i] = dial(&f);
		dprintf(fds[i], "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", LEN);
		while (sent < LEN - REST) {
			ssize_t n = send(fds[i], body, LEN - REST - sent,
					 MSG_NOSIGNAL | MSG_DONTWAIT);

			sent += n > 0 ? (size_t)n : 0;
			loopworld_sleep(&f.l, 1);
		}
	}
	loopworld_sleep(&f.l, 100);
	for (int i = 0; i < N; i++) {
		char text[13] = "";

		assert_int_equal(send(fds[i], body, REST, MSG_NOSIGNAL), REST);
		for (int ms = 0; ms < 5000 &&
		     recv(fds[i], text, 12, MSG_DONTWAIT | MSG_PEEK) < 12; ms++)
			loopworld_sleep(&f.l, 1);
		assert_int_equal(recv(fds[i], text, 12, MSG_DONTWAIT), 12);
		taken += !strcmp(text, "HTTP/1.1 202");
		refused += !strcmp(text, "HTTP/1.1 503");
	}
	assert_int_equal(taken + refused, N);
	assert_in_range(refused, 2, 3);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	loopworld_sleep(&f.l, 20);
	expect_post(&f, "/post", LEN, 202, "1048576 bytes from a host");
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_answer),
		cmocka_unit_test(all_addresses_and_busy_ports),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(silent_and_wild_clients_do_no_harm),
		cmocka_unit_test(posts_are_read_up_to_a_cap),
		cmocka_unit_test(bodies_under_way_have_a_cap_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
