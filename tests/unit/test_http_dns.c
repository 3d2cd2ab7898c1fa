/*
 * Name look-ups that hang. This program has a getaddrinfo of its own, which the
 * dynamic linker prefers to libc's: names under .hang take 4 s and fail, names
 * under .slow take 200 ms and are 127.0.0.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "core/mem.h"
#include "loopworld.h"
#include "netserver.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int looking, most, started;

static void count(int n)
{
	pthread_mutex_lock(&lock);
	looking += n;
	started += n > 0;
	if (looking > most)
		most = looking;
	pthread_mutex_unlock(&lock);
}

static int counted(const int *n)
{
	int r;

	pthread_mutex_lock(&lock);
	r = *n;
	pthread_mutex_unlock(&lock);
	return r;
}

int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
	const char *end = name ? strrchr(name, '.') : NULL;
	int rc = EAI_FAIL;

	if (!end || (strcmp(end, ".hang") && strcmp(end, ".slow")))
		return real(name, service, hints, res);
	count(1);
	usleep(!strcmp(end, ".hang") ? 4000000 : 200000);
	if (!strcmp(end, ".slow"))
		rc = real("127.0.0.1", service, hints, res);
	count(-1);
	return rc;
}

struct fixture {
	struct loopworld l;
	struct netserver *server;
	struct http_endpoint e;
};

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->server = netserver_start(NULL);
	f->e.url = xasprintf("http://127.0.0.1:%u", netserver_port(f->server));
	loopworld_init(&f->l, NULL);
	most = started = 0;
}

static void teardown(struct fixture *f)
{
	loopworld_deinit(&f->l);
	netserver_stop(f->server);
	free(f->e.url);
}

static void names_are_found(void **state)
{
	struct http_endpoint e = { 0 };
	struct fixture f;
	struct heard h;

	(void)state;
	setup(&f);
	e.url = xasprintf("http://one.slow:%u", netserver_port(f.server));
	heard_init(&h, &f.l, &e, "/ok");
	heard_run(&h);
	assert_string_equal(h.err.msg, "");
	heard_deinit(&h);
	free(e.url);
	e.url = xstrdup("http://no-such-host.invalid:80");
	heard_init(&h, &f.l, &e, "/ok");
	heard_run(&h);
	assert_int_equal(h.err.code, ERR_NET);
	assert_non_null(strstr(h.err.msg, "no such host: check the name"));
	heard_deinit(&h);
	free(e.url);
	teardown(&f);
}

/* More names than slots at once: all are served, eight at a time. */
static void look_ups_wait_for_each_other(void **state)
{
	struct http_endpoint e[24] = { 0 };
	struct heard h[24];
	struct fixture f;

	(void)state;
	setup(&f);
	for (int i = 0; i < 24; i++) {
		e[i].url = xasprintf("http://n%d.slow:%u", i,
				     netserver_port(f.server));
		heard_init(&h[i], &f.l, &e[i], "/ok");
		f.l.w->ops->http_start(f.l.w, &h[i].call);
	}
	for (int i = 0; i < 24; i++) {
		loopworld_run(&f.l, &h[i].done);
		assert_string_equal(h[i].err.msg, "");
		heard_deinit(&h[i]);
		free(e[i].url);
	}
	assert_in_range(most, 2, 8);
	teardown(&f);
}

static void hung_look_ups_do_not_stop_the_loop(void **state)
{
	struct http_endpoint e[30] = { 0 };
	struct heard h[30], ok;
	struct fixture f;

	(void)state;
	setup(&f);
	for (int i = 0; i < 30; i++) {
		e[i].url = xasprintf("http://n%d.hang", i);
		heard_init(&h[i], &f.l, &e[i], "/");
		h[i].call.timeout_ms = 300;
		f.l.w->ops->http_start(f.l.w, &h[i].call);
	}
	world_uv_take_lag(f.l.w);
	for (int i = 0; i < 30; i++) {
		loopworld_run(&f.l, &h[i].done);
		assert_int_equal(h[i].err.code, ERR_TIMEOUT);
		assert_non_null(strstr(h[i].err.msg, "name not found"));
		heard_deinit(&h[i]);
	}
	/* abandoned look-ups count: no thread more until they must be over */
	heard_init(&ok, &f.l, &e[0], "/");
	ok.call.timeout_ms = 300;
	heard_run(&ok);
	assert_int_equal(ok.err.code, ERR_TIMEOUT);
	heard_deinit(&ok);
	assert_int_equal(counted(&started), 8);
	/* who needs no look-up is served meanwhile */
	heard_init(&ok, &f.l, &f.e, "/ok");
	heard_run(&ok);
	assert_int_equal(ok.err.code, ERR_NONE);
	heard_deinit(&ok);
	assert_in_range(world_uv_take_lag(f.l.w), 0, 100);
	for (int i = 0; i < 30; i++)
		free(e[i].url);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(look_ups_wait_for_each_other),
		cmocka_unit_test(hung_look_ups_do_not_stop_the_loop),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	/* Threads that curl left behind would look like leaks until they end. */
	for (int i = 0; i < 100 && counted(&looking); i++)
		usleep(100000);
	usleep(200000);
	return rc;
}
