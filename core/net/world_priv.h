/*
 * world_priv.h - what the files of the real world share.
 *
 * One struct for the world, one sub-struct per file that keeps state. Every
 * libuv handle lives in memory of its own and is freed in its close callback.
 */
#ifndef NET_WORLD_PRIV_H
#define NET_WORLD_PRIV_H

#include <uv.h>

#include "core/mem.h"
#include "core/world.h"
#include "core/world_uv.h"

struct http_state;
struct worker_state;

/* A doubly linked list with a head of its own, for things that come and go. */
struct link {
	struct link *next, *prev;
};
static inline void link_init(struct link *l)
{
	l->next = l->prev = l;
}
static inline bool link_empty(const struct link *l)
{
	return l->next == l;
}
static inline void link_append(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}
/* Leaves l linked to itself, so that removing twice is harmless. */
static inline void link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

struct task_list {
	struct world_task *head, *tail;
};

struct world_uv {
	struct world base;
	uv_loop_t *loop;
	bool closing;
	struct world_uv_config config;	/* strings are ours */

	struct link timers;		/* struct timer_uv, in use */
	uv_idle_t *soon;		/* runs while tasks wait */
	struct task_list tasks, running;

	uv_prepare_t *round;		/* loop lag */
	uint64_t round_ns, idle_ns, lag_ns, rounds_ns;
	uint64_t rounds[WORLD_UV_ROUNDS];

	unsigned char random[256];
	size_t random_left;

	char *cache_dir;		/* NULL: no cache */
	uint64_t cache_bytes;

	struct http_state *http;
	struct worker_state *workers;
};

static inline struct world_uv *world_uv_of(struct world *w)
{
	return container_of(w, struct world_uv, base);
}

/* uv_close for a handle that is a heap block by itself. */
void uv_close_free(uv_handle_t *h);

/* Timers and tasks (world_timer.c). */
void timer_uv_start(struct world *w, struct world_timer *t, uint64_t ms);
void timer_uv_stop(struct world *w, struct world_timer *t);
void task_uv_defer(struct world *w, struct world_task *t);
void task_uv_undefer(struct world *w, struct world_task *t);
void world_timer_init(struct world_uv *w);
void world_timer_close(struct world_uv *w);

/* Log lines (world_log.c). */
void log_uv(struct world *w, enum log_level level, const char *msg,
	    const struct log_field *fields);

/* The cache (world_cache.c). */
int cache_uv_get(struct world *w, const char *key, struct buf *out);
void cache_uv_put(struct world *w, const char *key, const void *data,
		  size_t len);
void world_cache_init(struct world_uv *w);

/* HTTP (http_curl.c). */
int world_http_init(struct world_uv *w, struct err *err);
void world_http_close(struct world_uv *w);
void world_http_free(struct world_uv *w);
unsigned world_http_in_flight(const struct world_uv *w);
void http_uv_start(struct world *w, struct http_call *c);
void http_uv_cancel(struct world *w, struct http_call *c);
void http_uv_abandon(struct world *w, struct http_call *c);
void http_uv_forget(struct world *w, struct http_endpoint *e);

/* Workers (worker_uv.c). */
void world_worker_init(struct world_uv *w);
void world_worker_close(struct world_uv *w);
void world_worker_free(struct world_uv *w);
void world_worker_stats(const struct world_uv *w, struct world_uv_stats *out);
void worker_uv_start(struct world *w, struct worker_call *c);
void worker_uv_cancel(struct world *w, struct worker_call *c);
void worker_uv_abandon(struct world *w, struct worker_call *c);

#endif
