#include "loopworld.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/mem.h"

static void on_watchdog(uv_timer_t *t)
{
	(void)t;
	fputs("the test hangs: 30 s without an end\n", stderr);
	abort();
}

void loopworld_init(struct loopworld *l, const struct world_uv_config *c)
{
	static const struct world_uv_config none = {
		.log_fd = 2,
		.log_level = LOG_WARN,
	};
	struct err err = ERR_INIT;

	assert_int_equal(uv_loop_init(&l->loop), 0);
	uv_timer_init(&l->loop, &l->watchdog);
	l->w = world_uv_new(&l->loop, c ? c : &none, &err);
	assert_non_null(l->w);
}

void loopworld_deinit(struct loopworld *l)
{
	world_uv_close(l->w);
	uv_timer_start(&l->watchdog, on_watchdog, 30000, 0);
	uv_unref((uv_handle_t *)&l->watchdog);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&l->watchdog, NULL);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	l->w = world_uv_free(l->w);
	assert_null(l->w);
	assert_int_equal(uv_loop_close(&l->loop), 0);
}

void loopworld_run(struct loopworld *l, const int *flag)
{
	uv_update_time(&l->loop);
	uv_timer_start(&l->watchdog, on_watchdog, 30000, 0);
	while (!*flag)
		uv_run(&l->loop, UV_RUN_ONCE);
	uv_timer_stop(&l->watchdog);
}

struct nap {
	struct world_timer t;
	int over;
};

static void on_nap(struct world_timer *t)
{
	container_of(t, struct nap, t)->over = 1;
}

void loopworld_sleep(struct loopworld *l, unsigned ms)
{
	struct nap nap = { .t.fn = on_nap };

	world_timer_start(l->w, &nap.t, ms);
	loopworld_run(l, &nap.over);
}

unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void note_late(struct heard *h)
{
	h->late += h->cancelled || h->done;
}

void heard_cancel(struct heard *h)
{
	struct http_call *c = h->victim ? h->victim : &h->call;

	h->l->w->ops->http_cancel(h->l->w, c);
	container_of(c, struct heard, call)->cancelled = true;
}

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct heard *h = container_of(c, struct heard, call);

	note_late(h);
	h->heads++;
	h->status = status;
	h->retry_after_ms = retry_after_ms;
	snprintf(h->content_type, sizeof(h->content_type), "%s", content_type);
	snprintf(h->etag, sizeof(h->etag), "%s", etag);
	if (h->heads == h->cancel_in_head)
		heard_cancel(h);
}

static void on_data(struct http_call *c, const char *data, size_t len)
{
	struct heard *h = container_of(c, struct heard, call);

	note_late(h);
	assert_int_equal(h->heads, 1);
	h->datas++;
	buf_add(&h->body, data, len);
	if (h->datas == h->cancel_in_data)
		heard_cancel(h);
}

static void on_done(struct http_call *c, const struct err *err)
{
	struct heard *h = container_of(c, struct heard, call);

	h->done++;
	h->err = *err;
}

void heard_init(struct heard *h, struct loopworld *l,
		const struct http_endpoint *e, const char *path)
{
	*h = (struct heard){
		.l = l,
		.call = {
			.endpoint = e,
			.method = "GET",
			.path = path,
			.timeout_ms = 10000,
			.on_head = on_head,
			.on_data = on_data,
			.on_done = on_done,
		},
	};
}

void heard_run(struct heard *h)
{
	h->l->w->ops->http_start(h->l->w, &h->call);
	assert_int_equal(h->done, 0);
	loopworld_run(h->l, &h->done);
	assert_int_equal(h->done, 1);
	assert_int_equal(h->late, 0);
}

void heard_deinit(struct heard *h)
{
	assert_int_equal(h->done, 1);
	buf_deinit(&h->body);
}
