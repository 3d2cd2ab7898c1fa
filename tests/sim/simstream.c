/*
 * Watches on their way to the caller: each line of the server takes its own time,
 * in order, and may be cut, followed by 410, doubled or held up.
 */
#include "apisim.h"
#include "simhttp.h"

static void line_free(struct sim_line *l)
{
	free(l->data);
	free(l);
}

void sim_stream_drop(struct sim_http *q)
{
	for (size_t i = 0; i < q->lines.len; i++) {
		sim_unschedule(q->sim, q->lines.data[i]->event);
		line_free(q->lines.data[i]);
	}
	q->lines.len = 0;
}

static void line_arrives(void *arg)
{
	struct sim_line *l = arg;
	struct sim_http *q = l->http;
	size_t at = 0;

	for (size_t i = 0; i < q->lines.len; i++) {
		if (q->lines.data[i] == l) {
			memmove(q->lines.data + i, q->lines.data + i + 1,
				(q->lines.len - i - 1) * sizeof(l));
			q->lines.len--;
			break;
		}
	}
	q->busy = true;
	if (!q->head_given)
		sim_http_give_head(q);
	/* The end may be on its way already: what came before it still counts. */
	while (at < l->len && !q->cancelled && !sim_is_dead(q->host)) {
		size_t n = sim_random(q->sim) % 4 ? l->len - at :
			   sim_between(q->sim, 1, l->len - at);

		if (!sim_http_give_data(q, l->data + at, n))
			break;
		at += n;
	}
	line_free(l);
	sim_http_back(q);
}

static void queue_line(struct sim_http *q, const char *data, size_t len,
		       uint64_t extra)
{
	struct sim *s = q->sim;
	uint64_t at = s->now + sim_between(s, 0, 5) + extra;
	struct sim_line *l = xcalloc(1, sizeof(*l));

	if (at < q->last_line_at)
		at = q->last_line_at;
	q->last_line_at = at;
	l->http = q;
	l->data = xmalloc(len + 1);
	memcpy(l->data, data, len);
	l->data[len] = '\0';
	l->len = len;
	l->event = sim_at(s, q->host, at - s->now, "watch-line", line_arrives, l);
	vec_push(&q->lines, l);
}

static void stream_over(struct sim_http *q, enum err_code code)
{
	uint64_t at;

	if (q->ended)
		return;
	q->ended = true;
	if (!q->head_given && !code)
		queue_line(q, "", 0, 0);	/* a clean end has had a head */
	at = q->last_line_at > q->sim->now ? q->last_line_at : q->sim->now;
	sim_http_end_in(q, at - q->sim->now + 1, code, "the watch broke");
}

static const char gone[] =
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
	"\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old resource "
	"version: 1 (2)\",\"reason\":\"Expired\",\"code\":410}}\n";

static void on_line(void *arg, const char *data, size_t len)
{
	struct sim_http *q = arg;
	struct sim *s = q->sim;
	uint64_t extra = 0;

	if (q->ended || !q->host)
		return;
	if (q->host->partitioned) {
		q->ended = true;	/* half open: silence from here on */
		return;
	}
	if (sim_roll(s, &s->faults.watch_stale)) {
		q->ended = true;
		return;
	}
	if (sim_roll(s, &s->faults.watch_cut)) {
		stream_over(q, sim_random(s) % 2 ? ERR_NET : ERR_NONE);
		return;
	}
	if (sim_roll(s, &s->faults.watch_410)) {
		queue_line(q, gone, strlen(gone), 0);
		stream_over(q, ERR_NONE);
		return;
	}
	if (sim_roll(s, &s->faults.watch_delay))
		extra = sim_between(s, 100, 5000);
	queue_line(q, data, len, extra);
	if (sim_roll(s, &s->faults.watch_dup))
		queue_line(q, data, len, 0);
}

static void on_stream_end(void *arg)
{
	stream_over(arg, ERR_NONE);
}

static void stream_head(void *arg)
{
	struct sim_http *q = arg;

	q->deliver = NULL;
	q->busy = true;
	if (!q->head_given)
		sim_http_give_head(q);
	sim_http_back(q);
}


void sim_stream_open(struct sim_http *q)
{
	api_watch_attach(q->watch, on_line, on_stream_end, q);
	if (!q->ending && !q->head_given && !q->deliver)
		q->deliver = sim_at(q->sim, q->host, 1, "http-head", stream_head, q);
}
