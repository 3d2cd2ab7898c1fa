/*
 * The engine's orderly end: no more writes, the answers to what is under way, the
 * lease handed over. Whatever does not happen in time is left to those who come next.
 */
#include "engine_priv.h"

#define STOP_MS 5000
#define DRAIN_MS 1500		/* of that for answers to writes */
#define DRAIN_LOOK_MS 20

static void stopped(struct engine *e)
{
	void (*fn)(void *arg) = e->on_stopped;

	e->on_stopped = NULL;
	world_timer_stop(e->w, &e->retry);
	if (fn)
		fn(e->stop_arg);
}

static void on_released(void *arg)
{
	stopped(arg);
}

static void on_stop_timer(struct world_timer *t)
{
	stopped(container_of(t, struct engine, retry));
}

static void hand_over(struct engine *e)
{
	e->retry.fn = on_stop_timer;
	world_timer_start(e->w, &e->retry, STOP_MS - DRAIN_MS);
	lease_release(e->lease, on_released, e);
}

/*
 * Who comes next may begin as soon as the lease is free: before that all our writes
 * are answered. One that is not may land at any time; then the lease stays as it is.
 */
static void on_drain(struct world_timer *t)
{
	struct engine *e = container_of(t, struct engine, retry);
	const char *open = kube_write_open(e->kube);

	if (!open) {
		hand_over(e);
	} else if (world_now(e->w) < e->drain_until) {
		world_timer_start(e->w, &e->retry, DRAIN_LOOK_MS);
	} else {
		engine_log(e, LOG_WARN, NULL, "a write is not answered, the lease is not "
			   "handed over, it expires: %s", open);
		e->lease = lease_free(e->lease);	/* nor renewed */
		stopped(e);
	}
}

void engine_stop(struct engine *e, void (*on_stopped)(void *arg), void *arg)
{
	e->on_stopped = on_stopped;
	e->stop_arg = arg;
	e->stopping = true;
	e->leading = false;
	world_timer_stop(e->w, &e->retry);
	e->draining = e->lease;
	e->drain_until = world_now(e->w) + DRAIN_MS;
	e->retry.fn = e->lease ? on_drain : on_stop_timer;
	world_timer_start(e->w, &e->retry, 0);
}
