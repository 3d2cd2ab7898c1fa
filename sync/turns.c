/*
 * Whose turn it is to begin a sync of its own. A thousand applications that all begin
 * at once would stand in one line of requests: each is minutes under way, holds its
 * objects in memory and tells of its progress again and again, and the first is done
 * as late as the last. So they begin in the order in which they asked, while few
 * requests wait: what is begun is done soon. What people ask for, heals, reverts and
 * what goes on after a restart wait for nobody; and where requests are slow (a hung
 * webhook), those in line begin all the same, one after the other.
 */
#include "app_priv.h"
#include "turns.h"

#include <string.h>

#define LOOK_EVERY_MS 20
#define LATE_EVERY_MS 100	/* the pace of those that waited for too long */
#define LATE_MS 10000
#define AT_ONCE 2		/* what one begins is seen in the line only later */
#define LINES 2			/* requests that may be there, in max_requests */
#define MAX_REQUESTS 32

bool turns_due(const struct turns_view *v)
{
	if (v->requests < LINES * v->max_requests)
		return v->begun < AT_ONCE;
	return v->waited_ms >= LATE_MS && v->calm_ms >= LATE_EVERY_MS;
}

/* The first in line may begin; with nobody in line: whoever asks. */
static bool due(struct engine *e)
{
	struct turns *t = &e->turns;
	uint64_t now = world_now(e->w);
	struct turns_view v = {
		.requests = kube_pending(e->kube),
		.max_requests = e->cfg.max_requests ? e->cfg.max_requests : MAX_REQUESTS,
		.begun = now < t->last + LOOK_EVERY_MS ? t->begun : 0,
		.waited_ms = t->line.len ? now - t->line.data[0]->turn_asked : 0,
		.calm_ms = now - t->last,
	};

	if (!turns_due(&v))
		return false;
	t->begun = v.begun + 1;
	t->last = now;
	return true;
}

static void on_timer(struct world_timer *timer)
{
	struct engine *e = container_of(timer, struct engine, turns.timer);
	struct turns *t = &e->turns;

	while (t->line.len && due(e)) {
		struct app *a = t->line.data[0];

		turns_leave(a);
		a->turn = TURN_HAS;
		app_poke(a);
	}
	if (t->line.len)
		world_timer_start(e->w, timer, LOOK_EVERY_MS);
}

bool turns_take(struct app *a)
{
	struct engine *e = a->engine;
	struct turns *t = &e->turns;

	if (a->turn == TURN_WAITS)
		return false;
	if (a->turn == TURN_HAS || (!t->line.len && due(e))) {
		a->turn = TURN_NONE;
		return true;
	}
	a->turn = TURN_WAITS;
	a->turn_asked = world_now(e->w);
	vec_push(&t->line, a);
	if (!t->timer.active) {
		t->timer.fn = on_timer;
		world_timer_start(e->w, &t->timer, LOOK_EVERY_MS);
	}
	return false;
}

void turns_leave(struct app *a)
{
	struct turns *t = &a->engine->turns;
	size_t i = 0;

	if (a->turn == TURN_WAITS) {
		while (t->line.data[i] != a)
			i++;
		t->line.len--;
		memmove(t->line.data + i, t->line.data + i + 1,
			(t->line.len - i) * sizeof(*t->line.data));
	}
	a->turn = TURN_NONE;
}

void turns_free(struct engine *e)
{
	world_timer_stop(e->w, &e->turns.timer);
	vec_deinit(&e->turns.line);
}
