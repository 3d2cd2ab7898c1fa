/*
 * The crank of the simulated world: a heap of events ordered by virtual time and
 * sequence, the clocks, timers and tasks of each process. Nothing here
 * reads a real clock or real randomness, so a seed replays a run exactly.
 */
#include "simworld.h"

#include <assert.h>
#include <stdio.h>

#include "apisim.h"
#include "core/doc.h"
#include "gitsim.h"
#include "simint.h"
#include "smcover.h"

#define HELD SIZE_MAX

/* ---- the heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void heap_put(struct sim *s, size_t i, struct sim_event *e)
{
	s->heap.data[i] = e;
	e->index = i;
}

static void heap_up(struct sim *s, size_t i)
{
	struct sim_event *e = s->heap.data[i];

	while (i && before(e, s->heap.data[(i - 1) / 2])) {
		heap_put(s, i, s->heap.data[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(s, i, e);
}

static void heap_down(struct sim *s, size_t i)
{
	struct sim_event *e = s->heap.data[i];
	size_t n = s->heap.len, c;

	while ((c = 2 * i + 1) < n) {
		if (c + 1 < n && before(s->heap.data[c + 1], s->heap.data[c]))
			c++;
		if (!before(s->heap.data[c], e))
			break;
		heap_put(s, i, s->heap.data[c]);
		i = c;
	}
	heap_put(s, i, e);
}

static void heap_remove(struct sim *s, size_t i)
{
	struct sim_event *last = s->heap.data[--s->heap.len];

	if (i == s->heap.len)
		return;
	heap_put(s, i, last);
	heap_up(s, i);
	heap_down(s, last->index);
}

static void push(struct sim *s, struct sim_event *e)
{
	vec_push(&s->heap, e);
	heap_up(s, s->heap.len - 1);
}

struct sim_event *sim_at(struct sim *s, struct sim_host *h, uint64_t ms,
			 const char *what, void (*fn)(void *arg), void *arg)
{
	struct sim_event *e = xcalloc(1, sizeof(*e));

	e->at = s->now + ms;
	e->seq = s->seq++;
	e->host = h;
	e->what = what;
	e->fn = fn;
	e->arg = arg;
	push(s, e);
	return e;
}

static void unhold(struct sim_event *e)
{
	struct sim_host *h = e->host;

	for (size_t i = 0; i < h->held.len; i++) {
		if (h->held.data[i] != e)
			continue;
		memmove(h->held.data + i, h->held.data + i + 1,
			(h->held.len - i - 1) * sizeof(e));
		h->held.len--;
		return;
	}
}

void sim_unschedule(struct sim *s, struct sim_event *e)
{
	if (!e)
		return;
	if (e->index == HELD)
		unhold(e);
	else
		heap_remove(s, e->index);
	free(e);
}

void sim_trace(struct sim *s, const char *what, uint64_t value)
{
	uint64_t h = s->trace;

	for (; *what; what++)
		h = (h ^ (unsigned char)*what) * UINT64_C(0x100000001b3);
	for (int i = 0; i < 8; i++)
		h = (h ^ ((value >> (8 * i)) & 255)) * UINT64_C(0x100000001b3);
	s->trace = h;
}

/* ---- the crank ---- */

bool sim_step(struct sim *s)
{
	struct sim_event *e;

	if (s->n_crashed || !s->heap.len)
		return false;
	e = s->heap.data[0];
	heap_remove(s, 0);
	s->now = e->at > s->now ? e->at : s->now;
	if (e->host && e->host->paused) {
		e->index = HELD;
		vec_push(&e->host->held, e);
		return true;
	}
	s->events++;
	sim_trace(s, e->what, s->now);
	e->fn(e->arg);
	free(e);
	return true;
}

static bool due(const struct sim *s, uint64_t end)
{
	return !s->n_crashed && s->heap.len && s->heap.data[0]->at <= end;
}

bool sim_run_until(struct sim *s, bool (*pred)(void *arg), void *arg,
		   uint64_t within_ms)
{
	uint64_t end = s->now + within_ms;

	while (!pred(arg)) {
		if (!due(s, end)) {
			if (!s->n_crashed && s->now < end)
				s->now = end;
			return !s->n_crashed && pred(arg);
		}
		sim_step(s);
	}
	return !s->n_crashed;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void sim_run_for(struct sim *s, uint64_t ms)
{
	sim_run_until(s, never, NULL, ms);
}

/* ---- steps and crashes ---- */

bool sim_is_dead(const struct sim_host *h)
{
	return h->crashed;
}

bool sim_dead_at_step(struct sim_host *h)
{
	struct sim *s = h->sim;

	if (h->crashed)
		return true;
	s->steps += h == s->hosts.data[0];
	if (h->crash_at && --h->crash_at == 0) {
		h->crashed = true;
		s->n_crashed++;
	}
	return h->crashed;
}

static struct sim_host *host_or_first(struct sim *s, struct sim_host *h)
{
	return h ? h : s->hosts.data[0];
}

void sim_host_crash_at(struct sim *s, struct sim_host *h, uint64_t n)
{
	host_or_first(s, h)->crash_at = n;
}

bool sim_host_crashed(struct sim *s, struct sim_host *h)
{
	return host_or_first(s, h)->crashed;
}

bool sim_crashed(const struct sim *s)
{
	return s->n_crashed > 0;
}

uint64_t sim_steps(const struct sim *s)
{
	return s->steps;
}

/* ---- a process' clocks, timers and tasks ---- */

static struct sim_host *host_of(struct world *w)
{
	return container_of(w, struct sim_host, world);
}

static uint64_t op_now(struct world *w)
{
	return host_of(w)->sim->now;
}

static int64_t op_wall(struct world *w)
{
	struct sim_host *h = host_of(w);

	return SIM_EPOCH + (int64_t)h->sim->now + h->wall_shift;
}

static uint64_t op_random(struct world *w)
{
	return sim_random(host_of(w)->sim);
}

static void timer_fire(void *arg)
{
	struct world_timer *t = arg;

	t->active = false;
	t->priv[0] = NULL;
	t->fn(t);
}

static void op_timer_stop(struct world *w, struct world_timer *t)
{
	if (!t->active)
		return;
	sim_unschedule(host_of(w)->sim, t->priv[0]);
	t->active = false;
	t->priv[0] = NULL;
}

static void op_timer_start(struct world *w, struct world_timer *t, uint64_t ms)
{
	struct sim_host *h = host_of(w);

	op_timer_stop(w, t);
	if (sim_is_dead(h))
		return;
	t->active = true;
	t->priv[0] = sim_at(h->sim, h, ms, "timer", timer_fire, t);
}

/* A task keeps its event in ->next, which is the world's to use. */
static void task_run(void *arg)
{
	struct world_task *t = arg;

	t->active = false;
	t->next = NULL;
	t->fn(t);
}

static void op_defer(struct world *w, struct world_task *t)
{
	struct sim_host *h = host_of(w);

	if (t->active || sim_is_dead(h))
		return;
	t->active = true;
	t->next = (void *)sim_at(h->sim, h, 0, "task", task_run, t);
}

static void op_undefer(struct world *w, struct world_task *t)
{
	if (!t->active)
		return;
	sim_unschedule(host_of(w)->sim, (void *)t->next);
	t->active = false;
	t->next = NULL;
}

static void op_forget(struct world *w, struct http_endpoint *e)
{
	(void)w;
	e->world_priv = NULL;
}

/* ---- cache and log ---- */

static struct cache_entry *cache_find(struct sim *s, const char *key)
{
	for (size_t i = 0; i < s->cache.len; i++)
		if (!strcmp(s->cache.data[i].key, key))
			return &s->cache.data[i];
	return NULL;
}

static int op_cache_get(struct world *w, const char *key, struct buf *out)
{
	struct sim *s = host_of(w)->sim;
	struct cache_entry *e = cache_find(s, key);

	if (e && sim_roll(s, &s->faults.cache_loss)) {
		free(e->key);
		free(e->data);
		*e = s->cache.data[--s->cache.len];
		return -1;
	}
	if (!e)
		return -1;
	buf_add(out, e->data, e->len);
	return 0;
}

static void op_cache_put(struct world *w, const char *key, const void *data,
			 size_t len)
{
	struct sim *s = host_of(w)->sim;
	struct cache_entry *e = cache_find(s, key);

	if (sim_is_dead(host_of(w)))
		return;
	if (!e) {
		vec_push(&s->cache, ((struct cache_entry){ xstrdup(key), NULL, 0 }));
		e = &s->cache.data[s->cache.len - 1];
	}
	free(e->data);
	e->data = xstrndup("", 0);
	e->data = xrealloc(e->data, len + 1);
	if (len)
		memcpy(e->data, data, len);
	e->len = len;
}

#define LOG_LINES 2000

static void op_log(struct world *w, enum log_level level, const char *msg,
		   const struct log_field *fields)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	struct sim_host *h = host_of(w);
	struct sim *s = h->sim;
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (sim_is_dead(h))
		return;
	buf_addf(&b, "%9.3f %s %-5s %s", (double)s->now / 1000, h->name,
		 names[level], msg);
	for (; fields->key; fields++)
		buf_addf(&b, " %s=%s", fields->key, fields->value);
	sim_trace(s, buf_str(&b), b.len);
	if (s->spy.logged)
		s->spy.logged(s->spy.arg, buf_str(&b));
	if (s->log.len == LOG_LINES) {
		free(s->log.data[0]);
		memmove(s->log.data, s->log.data + 1,
			(LOG_LINES - 1) * sizeof(char *));
		s->log.len--;
	}
	vec_push(&s->log, buf_steal(&b, NULL));
}

bool sim_log_contains(const struct sim *s, const char *text)
{
	for (size_t i = 0; i < s->log.len; i++)
		if (strstr(s->log.data[i], text))
			return true;
	return false;
}

/* ---- processes ---- */

static const struct world_ops ops = {
	.now_mono = op_now,
	.now_boot = op_now,
	.now_wall = op_wall,
	.random = op_random,
	.timer_start = op_timer_start,
	.timer_stop = op_timer_stop,
	.defer = op_defer,
	.undefer = op_undefer,
	.http_start = sim_http_start,
	.http_cancel = sim_http_cancel,
	.http_abandon = sim_http_drop,
	.endpoint_forget = op_forget,
	.worker_start = sim_worker_start,
	.worker_cancel = sim_worker_cancel,
	.worker_abandon = sim_worker_abandon,
	.cache_get = op_cache_get,
	.cache_put = op_cache_put,
	.log = op_log,
};

struct sim_host *sim_host_new(struct sim *s, const char *name)
{
	struct sim_host *h = xcalloc(1, sizeof(*h));

	h->world.ops = &ops;
	h->sim = s;
	h->name = xstrdup(name);
	vec_push(&s->hosts, h);
	return h;
}

struct world *sim_host_world(struct sim_host *h)
{
	return &h->world;
}

const char *sim_host_name(const struct sim_host *h)
{
	return h->name;
}

struct sim_host *sim_host_first(struct sim *s)
{
	return s->hosts.data[0];
}

struct world *sim_world(struct sim *s)
{
	return &s->hosts.data[0]->world;
}

static void drop_event(struct sim_event *e)
{
	if (e->drop)
		e->drop(e->arg);
	free(e);
}

void sim_host_abandon(struct sim *s, struct sim_host *h)
{
	h = host_or_first(s, h);
	sim_http_abandon(h);
	for (size_t i = 0; i < s->heap.len;) {
		struct sim_event *e = s->heap.data[i];

		if (e->host != h) {
			i++;
			continue;
		}
		heap_remove(s, i);
		drop_event(e);
		i = 0;	/* the heap was reordered */
	}
	while (h->held.len)
		drop_event(h->held.data[--h->held.len]);
	h->paused = false;
	s->n_crashed -= h->crashed;
	h->crashed = false;
	h->crash_at = 0;
}

void sim_host_pause(struct sim *s, struct sim_host *h, bool paused)
{
	h = host_or_first(s, h);
	h->paused = paused;
	if (paused)
		return;
	for (size_t i = 0; i < h->held.len; i++)
		push(s, h->held.data[i]);	/* due in the past: at once, in order */
	h->held.len = 0;
}

void sim_host_wall_jump(struct sim *s, struct sim_host *h, int64_t ms)
{
	host_or_first(s, h)->wall_shift += ms;
}

void sim_set_partition(struct sim *s, struct sim_host *h, bool cut)
{
	host_or_first(s, h)->partitioned = cut;
}

size_t sim_host_pending(struct sim *s, struct sim_host *h)
{
	size_t n;

	h = host_or_first(s, h);
	n = h->held.len + h->calls.len;
	for (size_t i = 0; i < s->heap.len; i++)
		n += s->heap.data[i]->host == h;
	return n;
}

/* ---- life ---- */

struct sim *sim_new(uint64_t seed)
{
	struct sim *s = xcalloc(1, sizeof(*s));

	doc_init();
	smcover_start();
	s->seed = seed;
	s->trace = UINT64_C(0xcbf29ce484222325);
	sim_seed_dice(s, seed);
	sim_host_new(s, "first");
	s->api = apisim_new(s);
	s->git = gitsim_new();
	return s;
}

static void free_seen(struct sim *s)
{
	for (size_t i = 0; i < s->requests.len; i++) {
		struct sim_request *r = s->requests.data[i];

		free((char *)r->user);
		free((char *)r->method);
		free((char *)r->path);
		free((char *)r->query);
		free((char *)r->body);
		free(r);
	}
	vec_deinit(&s->requests);
	for (size_t i = 0; i < s->log.len; i++)
		free(s->log.data[i]);
	vec_deinit(&s->log);
	for (size_t i = 0; i < s->cache.len; i++) {
		free(s->cache.data[i].key);
		free(s->cache.data[i].data);
	}
	vec_deinit(&s->cache);
}

struct sim *sim_free(struct sim *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->hosts.len; i++)
		sim_host_abandon(s, s->hosts.data[i]);
	s->api = apisim_free(s->api);
	s->git = gitsim_free(s->git);
	while (s->heap.len)
		drop_event(s->heap.data[--s->heap.len]);
	vec_deinit(&s->heap);
	for (size_t i = 0; i < s->hosts.len; i++) {
		vec_deinit(&s->hosts.data[i]->held);
		vec_deinit(&s->hosts.data[i]->calls);
		free(s->hosts.data[i]->name);
		free(s->hosts.data[i]);
	}
	vec_deinit(&s->hosts);
	free_seen(s);
	free(s);
	return NULL;
}
