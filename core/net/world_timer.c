/*
 * Timers and tasks on the loop.
 *
 * A world_timer belongs to its owner, who may free it as soon as it is stopped
 * or has fired; libuv's handle must outlive that until its close callback. So
 * each running timer has a heap block of its own, given back when it fires or
 * stops. Tasks run from an idle handle, which is active only while some wait; a
 * task deferred by a task runs in the next iteration, so that none can starve
 * the loop.
 */
#include "world_priv.h"

struct timer_uv {
	uv_timer_t handle;
	struct link link;
	struct world_uv *w;
	struct world_timer *t;
};

static void on_timer_closed(uv_handle_t *h)
{
	free(container_of((uv_timer_t *)h, struct timer_uv, handle));
}

/* Parts the owner's struct from ours: neither knows the other afterwards. */
static void timer_part(struct timer_uv *u)
{
	u->t->active = false;
	u->t->priv[0] = NULL;
	link_remove(&u->link);
	uv_close((uv_handle_t *)&u->handle, on_timer_closed);
}

static void on_timer(uv_timer_t *h)
{
	struct timer_uv *u = container_of(h, struct timer_uv, handle);
	struct world_timer *t = u->t;

	timer_part(u);
	t->fn(t);
}

void timer_uv_start(struct world *base, struct world_timer *t, uint64_t ms)
{
	struct world_uv *w = world_uv_of(base);
	struct timer_uv *u = t->priv[0];

	if (w->closing)
		return;
	if (!u) {
		u = xcalloc(1, sizeof(*u));
		u->w = w;
		u->t = t;
		uv_timer_init(w->loop, &u->handle);
		link_append(&w->timers, &u->link);
		t->priv[0] = u;
	}
	t->active = true;
	/*
	 * The loop's idea of now is as old as the iteration: without the update
	 * a timer would fire early. At 0 ms a timer that restarts itself would
	 * keep libuv 1.44 inside one pass over its timers for ever.
	 */
	uv_update_time(w->loop);
	uv_timer_start(&u->handle, on_timer, ms ? ms : 1, 0);
}

void timer_uv_stop(struct world *base, struct world_timer *t)
{
	(void)base;
	if (t->priv[0])
		timer_part(t->priv[0]);
	t->active = false;
}

static void list_append(struct task_list *l, struct world_task *t)
{
	t->next = NULL;
	if (l->tail)
		l->tail->next = t;
	else
		l->head = t;
	l->tail = t;
}

static struct world_task *list_pop(struct task_list *l)
{
	struct world_task *t = l->head;

	if (!t)
		return NULL;
	l->head = t->next;
	if (!l->head)
		l->tail = NULL;
	t->next = NULL;
	t->active = false;
	return t;
}

static bool list_remove(struct task_list *l, struct world_task *t)
{
	struct world_task *prev = NULL;

	for (struct world_task *i = l->head; i; prev = i, i = i->next) {
		if (i != t)
			continue;
		if (prev)
			prev->next = t->next;
		else
			l->head = t->next;
		if (l->tail == t)
			l->tail = prev;
		t->next = NULL;
		t->active = false;
		return true;
	}
	return false;
}

static void on_soon(uv_idle_t *h)
{
	struct world_uv *w = h->data;
	struct world_task *t;

	w->running = w->tasks;
	w->tasks = (struct task_list){ 0 };
	while ((t = list_pop(&w->running)))
		t->fn(t);
	if (!w->closing && !w->tasks.head)
		uv_idle_stop(h);
}

void task_uv_defer(struct world *base, struct world_task *t)
{
	struct world_uv *w = world_uv_of(base);

	if (t->active || w->closing)
		return;
	t->active = true;
	list_append(&w->tasks, t);
	uv_idle_start(w->soon, on_soon);
}

void task_uv_undefer(struct world *base, struct world_task *t)
{
	struct world_uv *w = world_uv_of(base);

	if (t->active && !list_remove(&w->running, t))
		list_remove(&w->tasks, t);
	t->active = false;
}

void world_timer_init(struct world_uv *w)
{
	link_init(&w->timers);
	w->soon = xcalloc(1, sizeof(*w->soon));
	uv_idle_init(w->loop, w->soon);
	w->soon->data = w;
}

void world_timer_close(struct world_uv *w)
{
	while (!link_empty(&w->timers))
		timer_part(container_of(w->timers.next, struct timer_uv, link));
	while (list_pop(&w->running))
		;
	while (list_pop(&w->tasks))
		;
	uv_close_free((uv_handle_t *)w->soon);
	w->soon = NULL;
}
