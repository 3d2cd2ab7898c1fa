/*
 * Requests: queue, flight, retry, end.
 *
 * Happy path: kube_start puts an op into the queue, pump() hands it to the world
 * while fewer than max_in_flight are out, the answer is collected, decoded and
 * given to on_done. An urgent one passes the queue and needs no free place: a lease
 * must not wait behind the work of 500 applications; a first one only passes the queue.
 * Ways to fail: the queue is full; the write guard says no when the bytes would leave
 * (first try or later one); the world reports an error; the server answers an error; the
 * caller cancels, in any of these states. An op that may be retried waits without holding
 * its place in flight and comes back at the head of the queue.
 */
#include "kube_priv.h"

#include <utlist.h>

#include "core/doc.h"
#include "core/mem.h"

#define WRITE_LIVES_MS 35000	/* the API server gives up one after 34 s */

enum { QUEUED, FLYING, WAITING, ENDING, DONE };

static const struct sm_state states[] = {
	[QUEUED] = { "Queued", TO(FLYING) | TO(ENDING) },
	[FLYING] = { "Flying", TO(WAITING) | TO(DONE) },
	[WAITING] = { "Waiting", TO(QUEUED) | TO(ENDING) },
	[ENDING] = { "Ending", TO(DONE) },
	[DONE] = { "Done", 0 },
};

#define RECENT_MINUTES 5
#define MINUTE_MS 60000

struct minute {
	uint64_t nr, all, failed;
};

struct kube {
	struct world *w;
	const struct http_endpoint *endpoint;
	struct kube_limits limits;
	bool (*may_write)(void *arg);
	void *may_write_arg;
	struct kube_op *queue;	/* QUEUED, first in first out */
	struct kube_op *others;	/* FLYING, WAITING, ENDING */
	unsigned queued, in_flight;
	struct kube_turn *turns;
	uint64_t unanswered_at;	/* mono: a write ended without an answer; 0 = none */
	char *unanswered;	/* which, and how */
	VEC(struct kube_stat) stats;
	struct minute recent[RECENT_MINUTES];	/* by nr, over and over */
};

static void pump(struct kube *k);

/* ---- the end of an op ---- */

static void op_free(struct kube_op *op)
{
	buf_deinit(&op->answer);
	free(op->etag);
	free(op->if_none_match);
	free(op->as_user);
	json_decref(op->json);
	free(op);
}

/* The callback is the last touch: the request, or the client, may be freed in it. */
static void finish(struct kube_op *op)
{
	struct kube_request *r = op->r;
	/* on_done may init the same request anew: what it owned goes here. */
	struct buf path = r->path, own_body = r->own_body;

	r->path = r->own_body = (struct buf){ 0 };
	DL_DELETE(op->k->others, op);
	r->priv[0] = NULL;
	r->status = op->status;
	r->answer = buf_str(&op->answer);
	r->answer_len = op->answer.len;
	r->json = op->json;
	r->reason = op->reason;
	r->etag = op->etag ? op->etag : "";
	r->on_done(r, &op->err);
	op_free(op);
	buf_deinit(&path);
	buf_deinit(&own_body);
}

static void on_end(struct world_task *t)
{
	struct kube_op *op = container_of(t, struct kube_op, end);

	sm_move(&op->sm, DONE);
	finish(op);
}

/* op is in k->others and not with the world. */
static void end_soon(struct kube_op *op)
{
	sm_move(&op->sm, ENDING);
	op->end.fn = on_end;
	world_defer(op->k->w, &op->end);
}

/* ---- with the world ---- */

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct kube_op *op = container_of(c, struct kube_op, call);

	(void)content_type;
	op->status = status;
	op->retry_after_ms = retry_after_ms;
	free(op->etag);
	op->etag = etag[0] ? xstrdup(etag) : NULL;
}

static void on_data(struct http_call *c, const char *data, size_t len)
{
	buf_add(&container_of(c, struct kube_op, call)->answer, data, len);
}

static void requeue(struct world_timer *t)
{
	struct kube_op *op = container_of(t, struct kube_op, backoff);
	struct kube *k = op->k;

	sm_move(&op->sm, QUEUED);
	DL_DELETE(k->others, op);
	DL_PREPEND(k->queue, op);
	k->queued++;
	pump(k);
}

/* Nobody will tell how it ended; the server may be at it still. */
static void note_unanswered(struct kube_op *op, const char *how)
{
	struct kube *k = op->k;

	if (!op->r->is_write || !op->sent || op->status)
		return;
	k->unanswered_at = world_now(k->w);
	free(k->unanswered);
	k->unanswered = xasprintf("%s %s: %s", op->r->verb, buf_str(&op->r->path), how);
}

static void on_done(struct http_call *c, const struct err *err)
{
	struct kube_op *op = container_of(c, struct kube_op, call);
	struct kube *k = op->k;
	int64_t delay;

	k->in_flight--;
	op->err = *err;
	if (err->code && (err->code != ERR_CANCELLED || op->cancelled))
		note_unanswered(op, err->msg);
	kube_stat_add(k, op->r->verb, err->code ? 0 : op->status);
	delay = op->cancelled ? -1 : kube_retry_delay(k->w, op);
	if (delay >= 0) {
		op->doubtful |= err->code ? op->sent : op->status != 429;
		sm_move(&op->sm, WAITING);
		op->backoff.fn = requeue;
		world_timer_start(k->w, &op->backoff, (uint64_t)delay);
		pump(k);
		return;
	}
	sm_move(&op->sm, DONE);
	kube_judge(op);
	pump(k);
	finish(op);
}

/* Between the guard's first word and the first byte, a process may have slept. */
static bool may_send(struct http_call *c)
{
	struct kube_op *op = container_of(c, struct kube_op, call);
	const struct kube *k = op->k;

	op->sent = !k->may_write || k->may_write(k->may_write_arg);
	return op->sent;
}

static void fly(struct kube_op *op)
{
	struct kube_request *r = op->r;
	struct http_call *c = &op->call;
	struct kube *k = op->k;

	*c = (struct http_call){
		.endpoint = k->endpoint,
		.lane = HTTP_REQUEST,
		.method = r->method,
		.path = buf_str(&r->path),
		.accept = r->accept ? r->accept : "application/json",
		.content_type = r->content_type,
		.body = r->body ? r->body : r->own_body.data,
		.body_len = r->body ? r->body_len : r->own_body.len,
		.timeout_ms = r->timeout_ms ? r->timeout_ms : 60000,
		.max_body = k->limits.max_answer,
		.echoed = KUBE_ECHOED,
		.may_send = r->is_write ? may_send : NULL,
		.unacked_ms = k->limits.unacked_ms,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
		.as_user = op->as_user,
	};
	if (op->if_none_match) {
		op->headers[0] = op->if_none_match;
		c->headers = op->headers;
	}
	buf_clear(&op->answer);
	op->sent = false;
	op->status = 0;
	op->retry_after_ms = 0;
	op->tries++;
	k->in_flight++;
	sm_move(&op->sm, FLYING);
	k->w->ops->http_start(k->w, c);
}

/* The guard is asked here, and once more when bytes leave: may_send(). */
static void pump(struct kube *k)
{
	while (k->queue && (k->queue->r->urgent ||
			    k->in_flight < k->limits.max_in_flight)) {
		struct kube_op *op = k->queue;

		DL_DELETE(k->queue, op);
		k->queued--;
		DL_APPEND(k->others, op);
		if (op->r->is_write && k->may_write &&
		    !k->may_write(k->may_write_arg)) {
			err_set(&op->err, ERR_CANCELLED, "not the leader: %s not sent",
				op->r->verb);
			end_soon(op);
			continue;
		}
		fly(op);
	}
}

/* ---- the caller's side ---- */

static int refuse(struct kube *k, const struct kube_request *r, struct err *err)
{
	if (r->refused) {
		*err = *r->refused;
		return -1;
	}
	if (!r->path.len)
		return err_set(err, ERR_INVALID,
			       "%s: an object's name or uid is missing or not valid",
			       r->verb);
	if (buf_overflowed(&r->path) || buf_overflowed(&r->own_body))
		return err_set(err, ERR_LIMIT, "%s: the request is too long",
			       r->verb);
	if (k->queued >= k->limits.max_queued && !r->urgent) {
		err_set(err, ERR_LIMIT,
			"%s: %u requests are waiting for the API server already",
			r->verb, k->queued);
		err->retry = true;
		return -1;
	}
	return 0;
}

void kube_start(struct kube *k, struct kube_request *r)
{
	struct kube_op *op = xcalloc(1, sizeof(*op));

	r->status = 0;
	r->answer = r->reason = r->etag = "";
	r->answer_len = 0;
	r->json = NULL;
	r->priv[0] = op;
	op->k = k;
	op->r = r;
	op->answer.max = k->limits.max_answer;
	op->as_user = r->as_user ? xstrdup(r->as_user) : NULL;
	sm_init(&op->sm, states, QUEUED);
	if (r->if_none_match && r->if_none_match[0])
		op->if_none_match = xasprintf("If-None-Match: %s",
					      r->if_none_match);
	if (refuse(k, r, &op->err)) {
		DL_APPEND(k->others, op);
		end_soon(op);
		return;
	}
	if (r->urgent || r->first)
		DL_PREPEND(k->queue, op);
	else
		DL_APPEND(k->queue, op);
	k->queued++;
	pump(k);
}

static void unqueue(struct kube_op *op)
{
	DL_DELETE(op->k->queue, op);
	op->k->queued--;
	DL_APPEND(op->k->others, op);
}

void kube_cancel(struct kube *k, struct kube_request *r)
{
	struct kube_op *op = r->priv[0];

	if (!op || op->cancelled || op->sm.state == ENDING)
		return;
	op->cancelled = true;
	if (op->sm.state == FLYING) {
		k->w->ops->http_cancel(k->w, &op->call);
		return;
	}
	if (op->sm.state == QUEUED)
		unqueue(op);
	world_timer_stop(k->w, &op->backoff);
	op->status = 0;
	buf_clear(&op->answer);
	err_set(&op->err, ERR_CANCELLED, "%s: cancelled", r->verb);
	end_soon(op);
}

/* Silently: stops whatever op waits for and frees it. */
static void drop(struct kube_op *op)
{
	struct kube *k = op->k;

	if (op->sm.state == QUEUED)
		unqueue(op);
	if (op->sm.state == FLYING) {
		note_unanswered(op, "given up before its answer");
		k->w->ops->http_abandon(k->w, &op->call);
		k->in_flight--;
	}
	world_timer_stop(k->w, &op->backoff);
	world_undefer(k->w, &op->end);
	DL_DELETE(k->others, op);
	op->r->priv[0] = NULL;
	op_free(op);
}

void kube_abandon(struct kube *k, struct kube_request *r)
{
	if (!r->priv[0])
		return;
	drop(r->priv[0]);
	pump(k);
}

bool kube_withdraw(struct kube *k, struct kube_request *r)
{
	const struct kube_op *op = r->priv[0];

	if (!op || (op->sm.state != QUEUED && op->sm.state != WAITING) ||
	    (r->is_write && op->doubtful))
		return false;
	kube_abandon(k, r);
	return true;
}

bool kube_running(const struct kube_request *r)
{
	return r->priv[0] != NULL;
}

void kube_request_deinit(struct kube_request *r)
{
	buf_deinit(&r->path);
	buf_deinit(&r->own_body);
}

/* ---- the client ---- */

struct kube *kube_new(struct world *w, const struct http_endpoint *endpoint,
		      struct kube_limits limits)
{
	struct kube *k = xcalloc(1, sizeof(*k));

	doc_init();
	k->w = w;
	k->endpoint = endpoint;
	k->limits = limits;
	if (!limits.max_in_flight)
		k->limits.max_in_flight = 32;
	if (!limits.max_queued)
		k->limits.max_queued = 65536;
	if (!limits.max_answer)
		k->limits.max_answer = (size_t)64 << 20;
	return k;
}

struct kube *kube_free(struct kube *k)
{
	if (!k)
		return NULL;
	while (k->queue)
		drop(k->queue);
	while (k->others)
		drop(k->others);
	while (k->turns)
		kube_turn_drop(k->turns);
	vec_deinit(&k->stats);
	free(k->unanswered);
	free(k);
	return NULL;
}

const char *kube_write_open(const struct kube *k)
{
	const struct kube_op *op;

	DL_FOREACH(k->others, op)
		if (op->sm.state == FLYING && op->r->is_write)
			return buf_str(&op->r->path);
	return k->unanswered_at &&
	       world_now(k->w) < k->unanswered_at + WRITE_LIVES_MS ?
	       k->unanswered : NULL;
}

unsigned kube_pending(const struct kube *k)
{
	return k->queued + k->in_flight;
}

struct world *kube_world(const struct kube *k)
{
	return k->w;
}

const struct http_endpoint *kube_endpoint(const struct kube *k)
{
	return k->endpoint;
}

void kube_set_write_guard(struct kube *k, bool (*may_write)(void *arg), void *arg)
{
	k->may_write = may_write;
	k->may_write_arg = arg;
}

struct kube_turn **kube_turns(struct kube *k)
{
	return &k->turns;
}

/* ---- counters ---- */

static void note_recent(struct kube *k, int status)
{
	uint64_t nr = world_now(k->w) / MINUTE_MS;
	struct minute *m = &k->recent[nr % RECENT_MINUTES];

	if (m->nr != nr)
		*m = (struct minute){ .nr = nr };
	m->all++;
	m->failed += !status || (status >= 502 && status <= 504);
}

void kube_recent(const struct kube *k, uint64_t since, uint64_t *ret_all,
		 uint64_t *ret_failed)
{
	uint64_t nr = world_now(k->w) / MINUTE_MS;

	*ret_all = *ret_failed = 0;
	for (size_t i = 0; i < RECENT_MINUTES; i++) {
		const struct minute *m = &k->recent[i];

		if (m->nr + RECENT_MINUTES <= nr || m->nr * MINUTE_MS < since)
			continue;
		*ret_all += m->all;
		*ret_failed += m->failed;
	}
}

void kube_stat_add(struct kube *k, const char *verb, int status)
{
	note_recent(k, status);
	for (size_t i = 0; i < k->stats.len; i++) {
		struct kube_stat *s = &k->stats.data[i];

		if (s->status == status && !strcmp(s->verb, verb)) {
			s->count++;
			return;
		}
	}
	vec_push(&k->stats, ((struct kube_stat){ verb, status, 1 }));
}

void kube_stats(const struct kube *k,
		void (*fn)(const struct kube_stat *s, void *arg), void *arg)
{
	for (size_t i = 0; i < k->stats.len; i++)
		fn(&k->stats.data[i], arg);
}
