/*
 * Requests to child processes: the queue and who is served next.
 *
 * A call waits in the queue of its kind. The pump, a task, takes the kind with
 * the fewest requests in work (of equals the longest waiting), so that a flood
 * of one kind cannot starve another, and serves its oldest call: a render call by
 * an idle worker of the same repository if there is one (a health call likewise), else by a new process,
 * if there are fewer than max_workers; else an idle worker of another repository
 * is sent home first. Deadlines count from then on (worker_proc.c); waiting is
 * bounded by the deadlines of those before.
 *
 * A request that kills its worker has failed, and only that one: the next one
 * gets a new process.
 */
#include "worker_priv.h"

#include <assert.h>

void worker_pump_soon(struct world_uv *w)
{
	world_defer(&w->base, &w->workers->pump);
}

void worker_req_done(struct worker_req *r, const struct err *err,
		     const char *data, size_t len)
{
	struct worker_call *c = r->call;
	struct err copy = *err;

	link_remove(&r->link);
	c->priv[0] = NULL;
	free(r);
	c->on_done(c, &copy, copy.code ? NULL : data, copy.code ? 0 : len);
}

/* The end comes from the pump: nobody's stack is below it. */
static void end_soon(struct worker_req *r, const struct err *err)
{
	r->end = *err;
	r->proc = NULL;
	link_remove(&r->link);
	link_append(&r->w->workers->ending, &r->link);
	worker_pump_soon(r->w);
}

static void refuse(struct worker_req *r, const char *why)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_INTERNAL, "%s", why);
	end_soon(r, &err);
}

void worker_uv_start(struct world *base, struct worker_call *c)
{
	struct world_uv *w = world_uv_of(base);
	struct worker_state *s = w->workers;
	struct worker_req *r;

	assert(!c->priv[0]);
	assert((unsigned)c->kind < WORKER_KIND_N);
	if (w->closing)
		return;
	r = xcalloc(1, sizeof(*r));
	r->w = w;
	r->call = c;
	r->seq = s->seq++;
	c->priv[0] = r;
	link_init(&r->link);
	link_append(&s->queue[c->kind], &r->link);
	if (!w->config.worker_path)
		refuse(r, "no workers here: syncd-worker was not found");
	else if (c->kind == WORKER_EXEC && !w->config.kustomize_path)
		refuse(r, "no kustomize program is configured: "
			  "set --kustomize to its path");
	else
		worker_pump_soon(w);
}

void worker_uv_cancel(struct world *base, struct worker_call *c)
{
	struct worker_req *r = c->priv[0];
	struct err err = ERR_INIT;

	(void)base;
	if (!r || r->end.code)
		return;
	if (r->proc)
		worker_proc_kill(r->proc);
	err_set(&err, ERR_CANCELLED, "cancelled");
	end_soon(r, &err);
}

void worker_uv_abandon(struct world *base, struct worker_call *c)
{
	struct worker_req *r = c->priv[0];

	(void)base;
	if (!r)
		return;
	if (r->proc)
		worker_proc_kill(r->proc);
	link_remove(&r->link);
	c->priv[0] = NULL;
	free(r);
}

static unsigned in_work(const struct worker_state *s, enum worker_kind kind)
{
	unsigned n = 0;

	for (struct link *l = s->procs.next; l != &s->procs; l = l->next) {
		struct worker_proc *p = container_of(l, struct worker_proc,
						     link);

		n += p->req && p->kind == kind;
	}
	return n;
}

static struct worker_req *queue_head(struct worker_state *s, int kind)
{
	if (link_empty(&s->queue[kind]))
		return NULL;
	return container_of(s->queue[kind].next, struct worker_req, link);
}

static struct worker_req *next_req(struct worker_state *s)
{
	struct worker_req *best = NULL;
	unsigned best_n = 0;

	for (int kind = 0; kind < WORKER_KIND_N; kind++) {
		struct worker_req *r = queue_head(s, kind);
		unsigned n = in_work(s, (enum worker_kind)kind);

		if (r && (!best || n < best_n ||
			  (n == best_n && r->seq < best->seq))) {
			best = r;
			best_n = n;
		}
	}
	return best;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* An idle worker that fits the call, or, with NULL, the one idle longest. */
static struct worker_proc *find_idle(struct worker_state *s,
				     const struct worker_call *c)
{
	struct worker_proc *found = NULL;

	for (struct link *l = s->procs.next; l != &s->procs; l = l->next) {
		struct worker_proc *p = container_of(l, struct worker_proc,
						     link);

		if (p->req || p->dying || (c && (p->kind != c->kind ||
					   !same(p->affinity, c->affinity))))
			continue;
		if (!found || p->idle_since < found->idle_since)
			found = p;
	}
	return found;
}

static bool one_is_leaving(const struct worker_state *s)
{
	for (struct link *l = s->procs.next; l != &s->procs; l = l->next)
		if (container_of(l, struct worker_proc, link)->dying)
			return true;
	return false;
}

/* false: no place for it now. */
static bool place(struct worker_state *s, struct worker_req *r)
{
	const struct worker_call *c = r->call;
	struct worker_proc *p = NULL;
	struct err err = ERR_INIT;

	if (worker_serves_many(c->kind))
		p = find_idle(s, c);
	if (!p && s->n_procs >= s->w->config.max_workers) {
		struct worker_proc *idle = find_idle(s, NULL);

		if (idle && !one_is_leaving(s))
			worker_proc_retire(idle);
		return false;
	}
	link_remove(&r->link);
	if (!p)
		p = worker_proc_new(s->w, c->kind, c->affinity, &err);
	if (p)
		worker_proc_serve(p, r);
	else
		end_soon(r, &err);
	return true;
}

static void on_pump(struct world_task *t)
{
	struct worker_state *s = container_of(t, struct worker_state, pump);
	struct world_uv *w = s->w;
	struct worker_req *r;

	while (!w->closing && (r = next_req(s)) && place(s, r))
		;
	while (!w->closing && !link_empty(&s->ending)) {
		struct err end;

		r = container_of(s->ending.next, struct worker_req, link);
		end = r->end;
		worker_req_done(r, &end, NULL, 0);
	}
}

void world_worker_init(struct world_uv *w)
{
	struct worker_state *s = xcalloc(1, sizeof(*s));

	s->w = w;
	s->pump.fn = on_pump;
	link_init(&s->ending);
	link_init(&s->procs);
	for (int i = 0; i < WORKER_KIND_N; i++)
		link_init(&s->queue[i]);
	w->workers = s;
}

static void forget_all(struct link *list)
{
	while (!link_empty(list)) {
		struct worker_req *r = container_of(list->next,
						    struct worker_req, link);

		link_remove(&r->link);
		r->call->priv[0] = NULL;
		free(r);
	}
}

void world_worker_close(struct world_uv *w)
{
	struct worker_state *s = w->workers;

	for (int i = 0; i < WORKER_KIND_N; i++)
		forget_all(&s->queue[i]);
	forget_all(&s->ending);
	while (!link_empty(&s->procs)) {
		struct worker_proc *p = container_of(s->procs.next,
						struct worker_proc, link);

		if (p->req) {
			p->req->call->priv[0] = NULL;
			free(steal(&p->req));
		}
		worker_proc_abandon(p);
	}
}

void world_worker_free(struct world_uv *w)
{
	free(w->workers);
	w->workers = NULL;
}

void world_worker_stats(const struct world_uv *w, struct world_uv_stats *out)
{
	out->workers_running = w->workers->n_procs;
	out->workers_started = w->workers->started;
	out->workers_killed = w->workers->killed;
	out->workers_failed = w->workers->failed;
}
