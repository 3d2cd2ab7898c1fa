/*
 * Requests of the simulated world. A request travels to its server, is answered
 * there at once, and the answer comes back in pieces; each leg takes a random
 * time. Misfortune strikes on the way there (refused: the server never acted), on
 * the way back (lost, reset: it did), or instead (429, 500, hang).
 */
#include <stdio.h>

#include "apisim.h"
#include "core/doc.h"
#include "gitsim.h"
#include "simhttp.h"

static void step(void *arg);

static void quiet(struct sim_http *q)
{
	struct sim *s = q->sim;

	sim_unschedule(s, steal(&q->deliver));
	sim_unschedule(s, steal(&q->timeout));
	sim_unschedule(s, steal(&q->idle));
	sim_stream_drop(q);
	if (q->watch)
		api_watch_close(steal(&q->watch));
}

static void http_free(struct sim_http *q)
{
	quiet(q);
	sim_unschedule(q->sim, q->travel);
	free(q->url);
	free(q->method);
	free(q->path);
	free(q->query);
	free(q->user);
	free(q->agent);
	free(q->accept);
	free(q->content_type);
	free(q->protocol);
	free(q->etag);
	free(q->headers);
	free(q->login);
	free(q->ca);
	vec_deinit(&q->lines);
	buf_deinit(&q->body);
	buf_deinit(&q->answer);
	free(q);
}

static void forget(struct sim_http *q)
{
	struct sim_host *h = q->host;

	for (size_t i = 0; i < h->calls.len; i++) {
		if (h->calls.data[i] == q) {
			memmove(h->calls.data + i, h->calls.data + i + 1,
				(h->calls.len - i - 1) * sizeof(q));
			h->calls.len--;
			break;
		}
	}
}

/* The end as the caller sees it; frees q unless it is still travelling. */
static void finish(void *arg)
{
	struct sim_http *q = arg;
	struct http_call *c = q->call;
	struct err err = q->err;

	q->deliver = NULL;
	quiet(q);
	if (sim_dead_at_step(q->host))
		return;		/* abandon frees it */
	forget(q);
	c->priv[0] = NULL;
	q->call = NULL;
	q->host = NULL;
	sim_trace(q->sim, "done", (uint64_t)q->status * 100 + err.code);
	if (!q->travel)
		http_free(q);
	c->on_done(c, &err);
}

void sim_http_end_in(struct sim_http *q, uint64_t ms, enum err_code code,
		   const char *msg)
{
	if (q->ending)
		return;
	q->ending = true;
	if (code)
		err_set(&q->err, code, "%s %s: %s", q->method, q->path, msg);
	sim_unschedule(q->sim, steal(&q->deliver));
	q->deliver = sim_at(q->sim, q->host, ms, "http-end", finish, q);
}

static void on_timeout(void *arg)
{
	struct sim_http *q = arg;

	q->timeout = NULL;
	sim_http_end_in(q, 0, ERR_TIMEOUT, "no answer in time");
}

static void on_idle(void *arg)
{
	struct sim_http *q = arg;

	q->idle = NULL;
	sim_http_end_in(q, 0, ERR_TIMEOUT, "silence");
}

static void arm_idle(struct sim_http *q)
{
	sim_unschedule(q->sim, steal(&q->idle));
	if (q->call && q->call->idle_ms)
		q->idle = sim_at(q->sim, q->host, q->call->idle_ms, "http-idle",
				 on_idle, q);
}

/* Callbacks may abandon the call: each that gives something ends with this. */
void sim_http_back(struct sim_http *q)
{
	q->busy = false;
	if (q->dropped)
		http_free(q);
}

void sim_http_give_head(struct sim_http *q)
{
	q->head_given = true;
	arm_idle(q);
	sim_trace(q->sim, "head", (uint64_t)q->status);
	if (q->call->on_head)
		q->call->on_head(q->call, q->status, q->retry_after_ms,
				 q->answer_type ? q->answer_type : "",
				 q->answer_etag);
}

/* false: the cap is passed, the call is ending. */
bool sim_http_give_data(struct sim_http *q, const char *data, size_t len)
{
	size_t max = q->call->max_body ? q->call->max_body : (size_t)64 << 20;

	if (q->given + len > max) {
		sim_http_end_in(q, 0, ERR_LIMIT, "the answer is too long");
		return false;
	}
	q->given += len;
	arm_idle(q);
	if (q->call->on_data)
		q->call->on_data(q->call, data, len);
	return true;
}

static void next_step(struct sim_http *q)
{
	if (q->answer.len)
		q->deliver = sim_at(q->sim, q->host, sim_between(q->sim, 0, 2),
				    "http-data", step, q);
	else if (q->err.code)
		sim_http_end_in(q, 1, q->err.code, "the connection broke");
	else
		sim_http_end_in(q, 0, ERR_NONE, NULL);
}

/* One piece of an ordinary answer, then the next, then the end. */
static void step(void *arg)
{
	struct sim_http *q = arg;
	struct sim *s = q->sim;
	size_t n = q->answer.len;
	_cleanup_buf_ struct buf piece = BUF_INIT;

	q->deliver = NULL;
	q->busy = true;
	if (!q->head_given) {
		sim_http_give_head(q);
	} else if (n) {
		n = n > 1 && sim_random(s) % 3 == 0 ? sim_between(s, 1, n) : n;
		buf_add(&piece, q->answer.data, n);
		buf_consume(&q->answer, n);
		sim_http_give_data(q, buf_str(&piece), n);
	}
	if (!q->ending && !q->cancelled)
		next_step(q);
	sim_http_back(q);
}
/* ---- at the server ---- */

/* As others see it; the strings are q's. */
static struct sim_request view(const struct sim_http *q, int status)
{
	bool write = strcmp(q->method, "GET") != 0;

	return (struct sim_request){
		.at = q->sim->now, .sent = q->sent, .host = q->host_name,
		.user = q->user,
		.method = q->method, .path = q->path, .query = q->query,
		.body = write ? buf_str((struct buf *)&q->body) : "",
		.status = status, .write = write,
		.dry_run = strstr(q->query, "dryRun=All") != NULL,
		.watch = strstr(q->query, "watch=") != NULL,
	};
}

static void note(struct sim_http *q, int status)
{
	struct sim *s = q->sim;
	struct sim_request *r, now = view(q, status);

	if (s->spy.served)
		s->spy.served(s->spy.arg, &now);
	sim_trace(s, q->method, (uint64_t)status);
	sim_trace(s, q->path, q->body.len);
	if (s->spy.forget)
		return;
	r = xcalloc(1, sizeof(*r));
	*r = now;
	r->host = q->host ? q->host_name : "dead";
	r->user = xstrdup(now.user);
	r->method = xstrdup(now.method);
	r->path = xstrdup(now.path);
	r->query = xstrdup(now.query);
	r->body = xstrdup(now.body);
	vec_push(&s->requests, r);
}

static void ask_api(struct sim_http *q)
{
	struct api_request ar = {
		.method = q->method, .path = q->path, .query = q->query,
		.accept = q->accept, .content_type = q->content_type,
		.if_none_match = q->etag, .user = q->user, .agent = q->agent,
		.body = buf_str(&q->body), .body_len = q->body.len,
	};
	struct api_answer a = { 0 };

	apisim_serve(q->sim->api, &ar, &a);
	q->status = a.status;
	q->answer_type = a.content_type;
	memcpy(q->answer_etag, a.etag, sizeof(a.etag));
	buf_deinit(&q->answer);
	q->answer = a.body;
	q->watch = a.watch;
	note(q, a.status);
}

static void ask_git(struct sim_http *q)
{
	_cleanup_free_ char *url = xasprintf("%s%s", q->url, q->path);
	struct git_request gr = {
		.method = q->method, .url = url, .protocol = q->protocol,
		.login = q->login, .ca = q->ca,
		.body = buf_str(&q->body), .body_len = q->body.len,
	};
	struct git_answer a = { 0 };

	gitsim_serve(q->sim->git, &gr, &a);
	sim_trace(q->sim, url, (uint64_t)a.mood);
	q->status = a.status;
	q->answer_type = a.content_type;
	q->answer = a.body;
	if (a.mood == GIT_REFUSE)
		sim_http_end_in(q, 1, ERR_NET, "connection refused");
	else if (a.mood == GIT_HANG)
		q->ended = true;	/* until a timeout */
}

void sim_set_receiver(struct sim *s, sim_receiver_fn *fn, void *arg)
{
	s->receiver = fn;
	s->receiver_arg = arg;
}

static void ask_receiver(struct sim_http *q)
{
	struct sim *s = q->sim;
	struct sim_post p = {
		.at = s->now, .url = q->url, .path = q->path, .type = q->content_type,
		.login = q->login, .headers = q->headers, .body = buf_str(&q->body),
		.len = q->body.len,
	};

	q->status = s->receiver ? s->receiver(s->receiver_arg, &p) : 200;
	sim_trace(s, q->url, (uint64_t)q->status);
	if (!q->status)
		sim_http_end_in(q, 1, ERR_NET, "connection refused");
}

/* Misfortune may be bound to requests of one method and path. */
static bool strikes(struct sim_http *q, const unsigned *chance)
{
	const struct sim *s = q->sim;

	if ((*s->fault_method && strcmp(q->method, s->fault_method)) ||
	    !strstr(q->path, s->fault_path))
		return false;
	return sim_roll(q->sim, chance);
}

/* An answer of somebody in front of the server; true when there was one. */
static bool fault_instead(struct sim_http *q)
{
	struct sim *s = q->sim;

	if (strikes(q, &s->faults.http_429)) {
		q->status = 429;
		q->retry_after_ms = 1000 * (unsigned)sim_between(s, 1, 3);
	} else if (strikes(q, &s->faults.http_500)) {
		q->status = 500;
	} else if (strikes(q, &s->faults.http_503)) {
		q->status = 503;
	} else if (strikes(q, &s->faults.stray_404)) {
		q->status = 404;
		q->answer_type = "text/html";
		buf_adds(&q->answer, "<html><h1>404 Not Found</h1></html>");
		return true;
	} else {
		return false;
	}
	q->answer_type = "application/json";
	buf_addf(&q->answer, "{\"kind\":\"Status\",\"apiVersion\":\"v1\","
		 "\"metadata\":{},\"status\":\"Failure\",\"message\":\"simulated "
		 "trouble\",\"reason\":\"%s\",\"code\":%d}",
		 q->status == 429 ? "TooManyRequests" : q->status == 500 ?
		 "InternalError" : "ServiceUnavailable", q->status);
	return true;
}

static void deliver_answer(struct sim_http *q)
{
	struct sim *s = q->sim;
	uint64_t ms = sim_between(s, 1, 8);

	if (!q->host || q->ending || q->ended)
		return;
	if (strikes(q, &s->faults.hang))
		return;
	if (strikes(q, &s->faults.slow))
		ms += sim_between(s, 1000, 20000);
	if (strikes(q, &s->faults.lost)) {
		if (q->watch)
			api_watch_close(steal(&q->watch));
		sim_http_end_in(q, ms, ERR_NET, "the connection broke before an answer");
		return;
	}
	if (q->watch) {
		q->last_line_at = s->now + ms;
		sim_stream_open(q);
		return;
	}
	if (strikes(q, &s->faults.reset) && q->answer.len) {
		q->answer.len = sim_random(s) % q->answer.len;
		err_set(&q->err, ERR_NET, "reset");
	}
	q->deliver = sim_at(s, q->host, ms, "http-head", step, q);
}

static bool served_by_api(const struct sim_http *q)
{
	return !strcmp(q->url, SIM_API_URL);
}

/* Somebody between the two sends a write again. */
static void ask_api_once_or_twice(struct sim_http *q)
{
	struct buf first = BUF_INIT;
	int status;

	ask_api(q);
	if (!strcmp(q->method, "GET") || !strikes(q, &q->sim->faults.twice))
		return;
	first = q->answer;
	status = q->status;
	q->answer = (struct buf)BUF_INIT;
	ask_api(q);
	if (sim_random(q->sim) % 2) {	/* the second answer is the one that comes */
		buf_deinit(&first);
		return;
	}
	buf_deinit(&q->answer);
	q->answer = first;
	q->status = status;
}

static void arrive(void *arg)
{
	struct sim_http *q = arg;
	struct sim *s = q->sim;

	q->travel = NULL;
	if (q->host && (q->host->partitioned ||
			strikes(q, &s->faults.refuse))) {
		sim_http_end_in(q, 1, ERR_NET, "connection refused");
		return;
	}
	if (!fault_instead(q)) {
		if (served_by_api(q))
			ask_api_once_or_twice(q);
		else if (strstr(q->url, "hooks.sim"))
			ask_receiver(q);
		else
			ask_git(q);
	}
	deliver_answer(q);
	if (!q->host)
		http_free(q);	/* nobody is waiting any more */
}

/* The simulation ends while a request of a dead process is on its way. */
static void lost_at_sea(void *arg)
{
	struct sim_http *q = arg;

	q->travel = NULL;
	http_free(q);
}

/* ---- the caller's side ---- */

static const char *header(const struct http_call *c, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *h = c->headers; h && *h; h++)
		if (!strncasecmp(*h, name, n) && (*h)[n] == ':')
			return *h + n + 1 + strspn(*h + n + 1, " ");
	return "";
}

static char *header_lines(const struct http_call *c)
{
	struct buf out = BUF_INIT;

	for (const char *const *h = c->headers; h && *h; h++)
		buf_addf(&out, "%s\n", *h);
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

static char *or_empty(const char *s)
{
	return xstrdup(s ? s : "");
}

static char *login_of(const struct http_endpoint *e)
{
	if (e->bearer)
		return xasprintf("bearer:%s", e->bearer);
	return e->username || e->password ?
	       xasprintf("%s:%s", e->username ? e->username : "",
			 e->password ? e->password : "") : xstrdup("");
}

static uint64_t travel_time(struct sim_http *q)
{
	uint64_t ms = sim_between(q->sim, 1, 8);

	if (strikes(q, &q->sim->faults.late))
		ms += sim_between(q->sim, 500, 60000);
	return ms;
}

void sim_http_start(struct world *w, struct http_call *c)
{
	struct sim_host *h = container_of(w, struct sim_host, world);
	struct sim_http *q;
	const char *mark = strchr(c->path, '?');

	if (sim_dead_at_step(h))
		return;
	q = xcalloc(1, sizeof(*q));
	q->host = h;
	q->host_name = h->name;
	q->sim = h->sim;
	q->sent = h->sim->now;
	q->call = c;
	q->url = xstrdup(c->endpoint->url);
	q->method = xstrdup(c->method);
	q->path = mark ? xstrndup(c->path, (size_t)(mark - c->path)) :
			 xstrdup(c->path);
	q->query = xstrdup(mark ? mark + 1 : "");
	q->user = or_empty(c->as_user ? c->as_user : c->endpoint->as_user);
	q->agent = or_empty(c->endpoint->user_agent);
	q->accept = or_empty(c->accept);
	q->content_type = or_empty(c->content_type);
	q->protocol = xstrdup(header(c, "Git-Protocol"));
	q->etag = xstrdup(header(c, "If-None-Match"));
	q->headers = header_lines(c);
	q->login = login_of(c->endpoint);
	q->ca = or_empty(c->endpoint->ca_pem);
	buf_add(&q->body, c->body_len ? c->body : "", c->body_len);
	vec_push(&h->calls, q);
	c->priv[0] = q;
	if (c->may_send && !c->may_send(c)) {
		sim_http_end_in(q, 0, ERR_CANCELLED, "not sent, it may not be any more");
		return;
	}
	q->travel = sim_at(q->sim, NULL, travel_time(q), "http-travel", arrive, q);
	q->travel->drop = lost_at_sea;
	if (c->timeout_ms)
		q->timeout = sim_at(q->sim, h, c->timeout_ms, "http-timeout",
				    on_timeout, q);
	arm_idle(q);
	if (q->sim->spy.sent && served_by_api(q)) {
		struct sim_request r = view(q, 0);

		q->sim->spy.sent(q->sim->spy.arg, &r);
	}
}

void sim_http_cancel(struct world *w, struct http_call *c)
{
	struct sim_http *q = c->priv[0];

	(void)w;
	if (!q || q->cancelled)
		return;
	quiet(q);
	q->cancelled = true;
	q->ending = false;
	q->err = ERR_INIT;
	sim_http_end_in(q, 0, ERR_CANCELLED, "cancelled");
	/* Not yet at the server: it may get there, or not. */
	if (q->travel && sim_random(q->sim) % 2)
		sim_unschedule(q->sim, steal(&q->travel));
}

/* What has not arrived yet may still land; arrive() frees it then. */
static void let_go(struct sim_http *q)
{
	quiet(q);
	q->host = NULL;
	q->call = NULL;
	q->cancelled = true;
	if (q->travel && sim_random(q->sim) % 2)
		return;
	if (q->busy)
		q->dropped = true;
	else
		http_free(q);
}

void sim_http_drop(struct world *w, struct http_call *c)
{
	struct sim_http *q = c->priv[0];

	(void)w;
	if (!q)
		return;
	c->priv[0] = NULL;
	forget(q);
	let_go(q);
}

void sim_http_abandon(struct sim_host *h)
{
	while (h->calls.len)
		let_go(h->calls.data[--h->calls.len]);
}
