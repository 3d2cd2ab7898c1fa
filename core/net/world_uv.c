/*
 * The real world: makes the parts, hands out their functions, ends them.
 *
 * The parts are files of their own: timers and tasks (world_timer.c), log lines
 * (world_log.c), the cache (world_cache.c), HTTP (http_*.c), workers
 * (worker_*.c). Clocks, randomness and the loop's lag are here. Only starting
 * libcurl can fail; a folder that cannot be made means no cache, no more.
 */
#include "world_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		abort();
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t now_mono(struct world *w)
{
	(void)w;
	return clock_ms(CLOCK_MONOTONIC);
}

static uint64_t now_boot(struct world *w)
{
	(void)w;
	return clock_ms(CLOCK_BOOTTIME);
}

static int64_t now_wall(struct world *w)
{
	(void)w;
	return (int64_t)clock_ms(CLOCK_REALTIME);
}

/* getrandom of at most 256 bytes is never short once the pool is ready. */
static uint64_t random_uv(struct world *base)
{
	struct world_uv *w = world_uv_of(base);
	uint64_t r;

	if (w->random_left < sizeof(r)) {
		ssize_t n;

		do
			n = getrandom(w->random, sizeof(w->random), 0);
		while (n < 0 && errno == EINTR);
		if (n != (ssize_t)sizeof(w->random))
			abort();
		w->random_left = sizeof(w->random);
	}
	w->random_left -= sizeof(r);
	memcpy(&r, w->random + w->random_left, sizeof(r));
	return r;
}

static const struct world_ops ops = {
	.now_mono = now_mono,
	.now_boot = now_boot,
	.now_wall = now_wall,
	.random = random_uv,
	.timer_start = timer_uv_start,
	.timer_stop = timer_uv_stop,
	.defer = task_uv_defer,
	.undefer = task_uv_undefer,
	.http_start = http_uv_start,
	.http_cancel = http_uv_cancel,
	.http_abandon = http_uv_abandon,
	.endpoint_forget = http_uv_forget,
	.worker_start = worker_uv_start,
	.worker_cancel = worker_uv_cancel,
	.worker_abandon = worker_uv_abandon,
	.cache_get = cache_uv_get,
	.cache_put = cache_uv_put,
	.log = log_uv,
};

const uint64_t world_uv_round_ms[WORLD_UV_ROUNDS - 1] = {
	1, 2, 5, 10, 20, 50, 100, 500,
};

static void count_round(struct world_uv *w, uint64_t busy_ns)
{
	unsigned i = 0;

	if (busy_ns > w->lag_ns)
		w->lag_ns = busy_ns;
	while (i < WORLD_UV_ROUNDS - 1 && busy_ns > world_uv_round_ms[i] * 1000000)
		i++;
	w->rounds[i]++;
	w->rounds_ns += busy_ns;
}

/*
 * Once per loop iteration, just before it may sleep. What passed since the last
 * time, less what was slept, is how long callbacks kept the loop busy. Callbacks
 * of descriptors run inside the poll itself, so a check handle would miss them.
 */
static void on_round(uv_prepare_t *h)
{
	struct world_uv *w = h->data;
	uint64_t now = uv_hrtime();
	uint64_t idle = uv_metrics_idle_time(w->loop);
	uint64_t passed = now - w->round_ns, slept = idle - w->idle_ns;

	if (w->round_ns)
		count_round(w, passed > slept ? passed - slept : 0);
	w->round_ns = now;
	w->idle_ns = idle;
}

uint64_t world_uv_take_lag(struct world *base)
{
	struct world_uv *w = world_uv_of(base);
	uint64_t ms = w->lag_ns / 1000000;

	w->lag_ns = 0;
	return ms;
}

static void lag_init(struct world_uv *w)
{
	/* Without it uv_metrics_idle_time() stays 0: then sleep counts as lag. */
	if (uv_loop_configure(w->loop, UV_METRICS_IDLE_TIME) < 0)
		return;
	w->round = xcalloc(1, sizeof(*w->round));
	uv_prepare_init(w->loop, w->round);
	w->round->data = w;
	uv_prepare_start(w->round, on_round);
	uv_unref((uv_handle_t *)w->round);
}

static void config_copy(struct world_uv_config *to,
			const struct world_uv_config *from)
{
	*to = *from;
	to->worker_path = xstrdup(from->worker_path);
	to->kustomize_path = xstrdup(from->kustomize_path);
	to->data_dir = xstrdup(from->data_dir);
	if (!to->max_workers)
		to->max_workers = 2;
}

static void config_deinit(struct world_uv_config *c)
{
	free((char *)c->worker_path);
	free((char *)c->kustomize_path);
	free((char *)c->data_dir);
}

struct world *world_uv_new(struct uv_loop_s *loop,
			   const struct world_uv_config *c, struct err *err)
{
	struct world_uv *w = xcalloc(1, sizeof(*w));

	/* A peer that hangs up is an error of one call, not the process's end. */
	signal(SIGPIPE, SIG_IGN);
	w->base.ops = &ops;
	w->loop = loop;
	config_copy(&w->config, c);
	if (world_http_init(w, err)) {
		config_deinit(&w->config);
		free(w);
		return NULL;
	}
	world_timer_init(w);
	lag_init(w);
	world_cache_init(w);
	world_worker_init(w);
	return &w->base;
}

static void on_closed_free(uv_handle_t *h)
{
	free(h);
}

void uv_close_free(uv_handle_t *h)
{
	uv_close(h, on_closed_free);
}

void world_uv_close(struct world *base)
{
	struct world_uv *w = world_uv_of(base);

	if (w->closing)
		return;
	w->closing = true;
	world_worker_close(w);
	world_http_close(w);
	world_timer_close(w);
	if (w->round)
		uv_close_free((uv_handle_t *)w->round);
	w->round = NULL;
}

struct world *world_uv_free(struct world *base)
{
	struct world_uv *w;

	if (!base)
		return NULL;
	w = world_uv_of(base);
	if (!w->closing) {
		fputs("bug: world_uv_free before world_uv_close\n", stderr);
		abort();
	}
	world_worker_free(w);
	world_http_free(w);
	free(w->cache_dir);
	config_deinit(&w->config);
	free(w);
	return NULL;
}

void world_uv_stats(struct world *base, struct world_uv_stats *out)
{
	const struct world_uv *w = world_uv_of(base);

	*out = (struct world_uv_stats){ 0 };
	out->http_in_flight = world_http_in_flight(w);
	memcpy(out->rounds, w->rounds, sizeof(out->rounds));
	out->rounds_s = (double)w->rounds_ns / 1e9;
	world_worker_stats(w, out);
}
