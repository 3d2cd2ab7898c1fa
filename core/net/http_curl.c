/*
 * HTTP calls on the loop: a call's life.
 *
 * A call is queued by http_uv_start and given to curl by the pump, a task that
 * runs outside of everybody's stack; curl's callbacks hand on its head and data;
 * when curl has finished, or the deadline or a cancel came first, the call gets
 * its one end (http_req_end), and the pump takes the curl handle apart and calls
 * on_done as the last act. So on_done can never run inside start, cancel or a
 * curl callback, and curl is never called from its own callbacks.
 *
 * What fails: addresses and credentials that cannot be sent (ERR_INVALID), names,
 * connections and TLS (ERR_NET), deadlines (ERR_TIMEOUT), answers too large
 * (ERR_LIMIT), redirects to elsewhere (ERR_INVALID). An HTTP status is no error.
 */
#include "http_priv.h"

#include <assert.h>
#include <stdio.h>

#define SWEEP_MS 15000

bool http_req_ended(const struct http_req *r)
{
	return r->state == REQ_ENDING;
}

static void move_to(struct http_req *r, enum req_state state,
		    struct link *list)
{
	link_remove(&r->link);
	r->state = state;
	link_append(list, &r->link);
}

void http_pump_soon(struct world_uv *w)
{
	world_defer(&w->base, &w->http->pump);
}

void http_req_end(struct http_req *r, const struct err *err)
{
	if (r->state == REQ_ENDING)
		return;
	r->end = *err;
	move_to(r, REQ_ENDING, &r->w->http->ending);
	http_pump_soon(r->w);
}

static void end_set(struct http_req *r, enum err_code code, const char *text)
{
	struct err err = ERR_INIT;

	err_set(&err, code, "%s: %s", r->where ? r->where : "request", text);
	http_req_end(r, &err);
}

/* Deadline and idle limit: one timer for both, set to the nearer one. */
static void timer_arm(struct http_req *r);

/* Also on a connection that was there already, where nothing is opened. */
static bool is_sent(const struct http_req *r)
{
	curl_off_t us = 0;

	return r->easy && !curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T,
					     &us) && us > 0;
}

static void on_req_timer(uv_timer_t *h)
{
	struct http_req *r = h->data;
	uint64_t now = world_now(&r->w->base);
	char text[128];

	if (r->deadline && now >= r->deadline) {
		const char *phase = r->head_told ? "answer not complete" :
			r->opened || r->head_seen || is_sent(r) ? "no answer" :
			r->literal ? "no connection" : "name not found";

		snprintf(text, sizeof(text), "%s within %u ms", phase,
			 r->call->timeout_ms);
		end_set(r, ERR_TIMEOUT, text);
	} else if (r->call->idle_ms &&
		   now >= r->last_byte + r->call->idle_ms) {
		snprintf(text, sizeof(text), "no byte for %u ms",
			 r->call->idle_ms);
		end_set(r, ERR_TIMEOUT, text);
	} else {
		timer_arm(r);
	}
}

static void timer_arm(struct http_req *r)
{
	uint64_t now = world_now(&r->w->base), at = UINT64_MAX;

	if (r->deadline)
		at = r->deadline;
	if (r->call->idle_ms && r->last_byte + r->call->idle_ms < at)
		at = r->last_byte + r->call->idle_ms;
	if (at == UINT64_MAX)
		return;
	if (!r->timer) {
		r->timer = xcalloc(1, sizeof(*r->timer));
		uv_timer_init(r->w->loop, r->timer);
		r->timer->data = r;
	}
	uv_update_time(r->w->loop);
	uv_timer_start(r->timer, on_req_timer, at > now ? at - now : 1, 0);
}

void http_uv_start(struct world *base, struct http_call *c)
{
	struct world_uv *w = world_uv_of(base);
	struct http_req *r;

	assert(!c->priv[0]);
	if (w->closing)
		return;
	r = xcalloc(1, sizeof(*r));
	r->w = w;
	r->call = c;
	c->priv[0] = r;
	link_init(&r->link);
	r->last_byte = world_now(base);
	if (c->timeout_ms)
		r->deadline = r->last_byte + c->timeout_ms;
	move_to(r, REQ_QUEUED, &w->http->queued);
	w->http->in_flight++;
	timer_arm(r);
	http_pump_soon(w);
}

void http_uv_cancel(struct world *base, struct http_call *c)
{
	struct http_req *r = c->priv[0];

	(void)base;
	if (r)
		end_set(r, ERR_CANCELLED, "cancelled");
}

/* Everything of r but the call: after it, curl and the loop know nothing of r. */
static void req_free(struct http_req *r)
{
	link_remove(&r->link);
	http_easy_deinit(r);
	http_dns_done(r, !r->lookup_over);
	if (r->timer)
		uv_close_free((uv_handle_t *)r->timer);
	if (r->pool)
		http_pool_put(r->pool);
	r->w->http->in_flight--;
	r->call->priv[0] = NULL;
	free(r->url);
	free(r->real_url);
	free(r->where);
	free(r->etag);
	free(r->location);
	free(r->content_type);
	free(r);
}

static void req_finish(struct http_req *r)
{
	struct http_call *c = r->abandoned ? NULL : r->call;
	struct err end = r->end;

	req_free(r);
	if (c)
		c->on_done(c, &end);
}

/*
 * Inside curl the handle cannot be taken apart yet: the pump does it, and until
 * then r goes on with a call of its own (curl has a copy of the body).
 */
void http_uv_abandon(struct world *base, struct http_call *c)
{
	struct http_req *r = c->priv[0];

	(void)base;
	if (!r)
		return;
	if (!r->w->http->in_curl) {
		req_free(r);
		return;
	}
	r->abandoned = true;
	r->orphan = (struct http_call){ .lane = c->lane };
	r->call = &r->orphan;
	c->priv[0] = NULL;
	end_set(r, ERR_CANCELLED, "abandoned");
}

/* Queued -> running: the first time, makes the curl handle. */
static void req_launch(struct http_req *r)
{
	struct err err = ERR_INIT;
	struct http_multi *m;

	if (!r->easy && http_easy_init(r, &err)) {
		http_req_end(r, &err);
		return;
	}
	m = http_pool_lane(r->pool, r->call->lane);
	move_to(r, REQ_RUNNING, &r->w->http->running);
	if (curl_multi_add_handle(m->curl, r->easy) != CURLM_OK)
		end_set(r, ERR_INTERNAL, "curl refuses the request");
	else
		r->added = true;
}

static void again(struct http_req *r, enum req_state state, struct link *list)
{
	http_easy_rewind(r);
	move_to(r, state, list);
	http_pump_soon(r->w);
}

/* curl says that it is done with r: an end, or another try. */
static void req_curl_done(struct http_req *r, CURLcode code)
{
	struct http_state *s = r->w->http;
	struct err err = ERR_INIT;

	if (http_req_ended(r))
		return;
	r->lookup_over = code != CURLE_OPERATION_TIMEDOUT;
	if (r->dns_refused) {
		again(r, REQ_DNS_WAIT, &s->dns_wait);
		world_timer_start(&r->w->base, &s->dns_retry, 250);
		return;
	}
	if (!code && r->location) {
		if (!http_url_redirect(r, &err)) {
			again(r, REQ_QUEUED, &s->queued);
			return;
		}
	} else if (code) {
		http_curl_err(r, code, &err);
	}
	http_req_end(r, &err);
}

void http_harvest(struct http_multi *m)
{
	struct world_uv *w = m->pool->w;
	CURLMsg *msg;
	int left;

	assert(!w->http->in_curl);
	while (!w->closing && (msg = curl_multi_info_read(m->curl, &left))) {
		struct http_req *r = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r);
		req_curl_done(r, code);
	}
}

static void queue_dns_waiters(struct world_uv *w)
{
	struct http_state *s = w->http;
	struct link *l, *next;

	for (l = s->dns_wait.next; l != &s->dns_wait; l = next) {
		struct http_req *r = container_of(l, struct http_req, link);

		next = l->next;
		if (http_dns_free(w, r->pool))
			move_to(r, REQ_QUEUED, &s->queued);
	}
}

/* A multi that asks again meanwhile is served in the next round. */
static void pump_kicked(struct world_uv *w)
{
	struct http_state *s = w->http;
	struct link last;

	link_append(&s->kicked, &last);
	while (!w->closing && s->kicked.next != &last) {
		struct http_multi *m = container_of(s->kicked.next,
						struct http_multi, kicked);

		link_remove(&m->kicked);
		http_multi_kick(m);
	}
	link_remove(&last);
}

static void on_pump(struct world_task *t)
{
	struct http_state *s = container_of(t, struct http_state, pump);
	struct world_uv *w = s->w;

	pump_kicked(w);
	while (!w->closing && !link_empty(&s->ending))
		req_finish(container_of(s->ending.next, struct http_req, link));
	queue_dns_waiters(w);
	while (!w->closing && !link_empty(&s->queued))
		req_launch(container_of(s->queued.next, struct http_req, link));
}

static void on_sweep(struct world_timer *t)
{
	struct http_state *s = container_of(t, struct http_state, sweep);

	http_pool_sweep(s->w, false);
}

static void on_dns_retry(struct world_timer *t)
{
	struct http_state *s = container_of(t, struct http_state, dns_retry);

	http_pump_soon(s->w);
	if (!link_empty(&s->dns_wait))
		world_timer_start(&s->w->base, t, 250);
}

int world_http_init(struct world_uv *w, struct err *err)
{
	struct http_state *s;

	if (curl_global_init(CURL_GLOBAL_ALL))
		return err_set(err, ERR_INTERNAL, "libcurl does not start");
	s = xcalloc(1, sizeof(*s));
	s->w = w;
	link_init(&s->queued);
	link_init(&s->dns_wait);
	link_init(&s->running);
	link_init(&s->ending);
	link_init(&s->pools);
	link_init(&s->kicked);
	s->pump.fn = on_pump;
	s->sweep.fn = on_sweep;
	s->dns_retry.fn = on_dns_retry;
	w->http = s;
	return 0;
}

static void abandon_all(struct link *list)
{
	while (!link_empty(list))
		req_free(container_of(list->next, struct http_req, link));
}

void world_http_close(struct world_uv *w)
{
	struct http_state *s = w->http;

	assert(!s->in_curl);
	abandon_all(&s->queued);
	abandon_all(&s->dns_wait);
	abandon_all(&s->running);
	abandon_all(&s->ending);
	http_pool_sweep(w, true);
}

void world_http_free(struct world_uv *w)
{
	free(w->http);
	w->http = NULL;
	curl_global_cleanup();
}

unsigned world_http_in_flight(const struct world_uv *w)
{
	return w->http->in_flight;
}

void http_uv_forget(struct world *base, struct http_endpoint *e)
{
	struct world_uv *w = world_uv_of(base);

	if (!w->closing)
		http_pool_forget(w, e);
	e->world_priv = NULL;
}
