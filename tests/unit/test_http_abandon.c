/*
 * A call that its owner forgets: no callback comes, and neither the call nor what
 * it borrowed is touched again (each is freed at once: the sanitizer watches).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/mem.h"
#include "loopworld.h"
#include "netserver.h"

#define BODY_LEN ((size_t)3 << 20)

struct lab {
	struct loopworld l;
	struct netserver *server;
	struct http_endpoint e;
	int abandoned;
};

/* A call that owns everything it lends, and goes with it. */
struct loose {
	struct http_call call;
	struct lab *lab;
	char *path, *body;
	int in_head, in_data, in_done;	/* where it abandons victim */
	struct loose *victim;
};

static void setup(struct lab *lab)
{
	memset(lab, 0, sizeof(*lab));
	lab->server = netserver_start(NULL);
	lab->e.url = xasprintf("http://127.0.0.1:%u", netserver_port(lab->server));
	loopworld_init(&lab->l, NULL);
}

static void teardown(struct lab *lab)
{
	struct world_uv_stats stats;

	loopworld_sleep(&lab->l, 30);
	world_uv_stats(lab->l.w, &stats);
	assert_int_equal(stats.http_in_flight, 0);
	loopworld_deinit(&lab->l);
	netserver_stop(lab->server);
	free(lab->e.url);
}

static void loose_free(struct loose *o)
{
	if (o->body)
		memset(o->body, 'x', BODY_LEN);
	free(o->body);
	free(o->path);
	free(o);
}

static void abandon(struct loose *o)
{
	struct lab *lab = o->lab;

	lab->l.w->ops->http_abandon(lab->l.w, &o->call);
	lab->abandoned++;
	loose_free(o);
}

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct loose *o = container_of(c, struct loose, call);

	(void)status;
	(void)retry_after_ms;
	(void)content_type;
	(void)etag;
	if (o->in_head-- == 1)
		abandon(o->victim);
}

static void on_data(struct http_call *c, const char *data, size_t len)
{
	struct loose *o = container_of(c, struct loose, call);

	(void)data;
	(void)len;
	if (o->in_data-- == 1)
		abandon(o->victim);
}

static void on_done(struct http_call *c, const struct err *err)
{
	struct loose *o = container_of(c, struct loose, call);

	(void)err;
	if (!o->in_done)
		fail_msg("on_done of an abandoned call");
	if (o->in_done-- == 1 && o->victim)
		abandon(o->victim);
	loose_free(o);
}

static struct loose *start(struct lab *lab, const char *path, bool body,
			   enum http_lane lane)
{
	struct loose *o = xcalloc(1, sizeof(*o));

	o->lab = lab;
	o->path = xstrdup(path);
	o->victim = o;
	o->call = (struct http_call){
		.endpoint = &lab->e,
		.lane = lane,
		.method = body ? "PATCH" : "GET",
		.path = o->path,
		.timeout_ms = 10000,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
	};
	if (body) {
		o->body = xmalloc(BODY_LEN);
		memset(o->body, 'b', BODY_LEN);
		o->call.body = o->body;
		o->call.body_len = BODY_LEN;
	}
	lab->l.w->ops->http_start(lab->l.w, &o->call);
	return o;
}

/* Outside of every callback: before the pump, while it waits, while it streams. */
static void test_from_outside(void **state)
{
	static const unsigned waits[] = { 0, 5, 60 };
	static const char *const paths[] = { "/hang", "/drip", "/ok", "/echo" };
	struct lab lab;

	(void)state;
	setup(&lab);
	for (size_t i = 0; i < ARRAY_LEN(waits) * ARRAY_LEN(paths); i++) {
		unsigned ms = waits[i / ARRAY_LEN(paths)];
		const char *path = paths[i % ARRAY_LEN(paths)];
		struct loose *o;

		if (ms && i % ARRAY_LEN(paths) >= 2)
			continue;	/* these end by themselves */
		o = start(&lab, path, i % 2, HTTP_REQUEST);
		if (ms)
			loopworld_sleep(&lab.l, ms);
		abandon(o);
	}
	assert_int_equal(lab.abandoned, 8);
	teardown(&lab);
}

/* Itself, inside its own callbacks: curl is on the stack. */
static void test_in_own_callbacks(void **state)
{
	struct lab lab;
	struct loose *o;

	(void)state;
	setup(&lab);
	o = start(&lab, "/drip", false, HTTP_WATCH);
	o->in_head = 1;
	loopworld_run(&lab.l, &lab.abandoned);
	lab.abandoned = 0;
	o = start(&lab, "/drip", true, HTTP_REQUEST);
	o->in_data = 3;
	loopworld_run(&lab.l, &lab.abandoned);
	teardown(&lab);
}

/* Another one, of either lane, that is still sending its body or waiting. */
static void test_another(void **state)
{
	struct lab lab;

	(void)state;
	setup(&lab);
	for (int i = 0; i < 8; i++) {
		struct loose *victim = start(&lab, "/hang", i & 1, HTTP_REQUEST);
		struct loose *o = start(&lab, "/huge?300000", false,
					i & 2 ? HTTP_WATCH : HTTP_REQUEST);

		lab.abandoned = 0;
		o->victim = victim;
		o->in_done = 2;
		if (i & 4)
			o->in_head = 1;
		else
			o->in_data = 2;
		loopworld_run(&lab.l, &lab.abandoned);
		loopworld_sleep(&lab.l, 50);
	}
	teardown(&lab);
}

/* Inside another one's on_done, which runs outside of curl. */
static void test_in_anothers_done(void **state)
{
	struct lab lab;
	struct loose *o;

	(void)state;
	setup(&lab);
	o = start(&lab, "/ok", false, HTTP_REQUEST);
	o->in_done = 1;
	o->victim = start(&lab, "/hang", true, HTTP_REQUEST);
	loopworld_run(&lab.l, &lab.abandoned);
	teardown(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_outside),
		cmocka_unit_test(test_in_own_callbacks),
		cmocka_unit_test(test_another),
		cmocka_unit_test(test_in_anothers_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
