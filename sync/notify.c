/*
 * Telling: the receivers' Secrets, and what is sent to each of them.
 *
 * A receiver gets one message at a time, the oldest first, over all applications;
 * while it does not answer, the pause between two tries grows. What it refuses for
 * good, and what is a day old, is dropped and counted. Nothing waits for any of
 * this: a message is read from the record when its turn has come, and taken out of
 * it when it has arrived.
 */
#include "app_priv.h"
#include "notify.h"
#include "retry.h"

#define TIMEOUT_MS 10000
#define MAX_ANSWER 65536
#define BASE_MS 1000
#define MAX_MS 300000
#define OLD_MS ((int64_t)24 * 3600 * 1000)
#define SAVE_MS 2000	/* one write of the record for what is told within */

struct sink {
	struct sink_rule rule;
	struct notify *owner;
	unsigned seen;
	struct http_call call;
	struct message message;
	bool running, troubled;
	struct app *app;	/* of the message under way */
	struct notice notice;	/* a copy of it */
	int status;
	unsigned retry_after_ms, fails;
	uint64_t again_at;	/* mono: not before */
	struct world_timer timer;
};

struct notify {
	struct engine *engine;
	struct watch *watch;
	VEC(struct sink *) sinks;
	unsigned list_no;
	bool synced;
	struct world_task task;
	uint64_t told, errors, dropped;
};

bool notify_known(const struct engine *e)
{
	return e->notify && e->notify->synced;
}

const struct sink_rule *notify_rule(const struct engine *e, size_t i)
{
	return i < e->notify->sinks.len ? &e->notify->sinks.data[i]->rule : NULL;
}

void notify_pump(struct engine *e)
{
	if (e->notify && e->notify->sinks.len)
		world_defer(e->w, &e->notify->task);
}

void notify_dropped(struct engine *e)
{
	e->notify->dropped++;
}

/* ---- rows of records ---- */

static bool has_sink(const struct notify *n, const char *name)
{
	for (size_t i = 0; i < n->sinks.len; i++)
		if (!strcmp(n->sinks.data[i]->rule.name, name))
			return true;
	return false;
}

static void remove_row(struct app *a, size_t i)
{
	struct notice *row = &a->rec.notices.data[i];

	notice_deinit(row);
	memmove(row, row + 1, (--a->rec.notices.len - i) * sizeof(*row));
	a->rec_dirty = true;
	app_poke_at(a, world_now(a->engine->w) + SAVE_MS);
}

/* The receiver's oldest of that application that is stored; -1. */
static long oldest_row(const struct app *a, const char *sink)
{
	for (size_t i = 0; i < a->rec.notices.len; i++) {
		const struct notice *n = &a->rec.notices.data[i];

		if (n->seq <= a->notices_stored && !strcmp(n->sink, sink))
			return (long)i;
	}
	return -1;
}

/* What no receiver waits for any more. */
static void sweep_rows(struct notify *n)
{
	struct app *a, *next;

	HASH_ITER(hh, n->engine->apps, a, next)
		for (size_t i = a->rec.notices.len; i-- > 0;)
			if (!has_sink(n, a->rec.notices.data[i].sink))
				remove_row(a, i);
}

static struct app *oldest(const struct sink *s, size_t *ret_row)
{
	struct app *a, *next, *found = NULL;
	int64_t best = 0;

	HASH_ITER(hh, s->owner->engine->apps, a, next) {
		long i = oldest_row(a, s->rule.name);

		if (i < 0 || (found && a->rec.notices.data[i].at_ms >= best))
			continue;
		found = a;
		best = a->rec.notices.data[i].at_ms;
		*ret_row = (size_t)i;
	}
	return found;
}

static bool same_row(const struct notice *a, const struct notice *b)
{
	return a->seq == b->seq && !strcmp(a->sink, b->sink) && !a->sha == !b->sha &&
	       (!a->sha || (!strcmp(a->sha, b->sha) && !strcmp(a->repo, b->repo)));
}

static void take_out(struct app *a, const struct notice *n)
{
	for (size_t i = 0; i < a->rec.notices.len; i++)
		if (same_row(&a->rec.notices.data[i], n)) {
			remove_row(a, i);
			return;
		}
}

/* ---- sending ---- */

static void forget_message(struct sink *s)
{
	message_deinit(&s->message);
	notice_deinit(&s->notice);
	s->notice = (struct notice){ 0 };
	s->app = NULL;
	s->running = false;
}

static void pause_sink(struct sink *s, const struct err *err)
{
	struct world *w = s->owner->engine->w;
	uint64_t ms = retry_wait(BASE_MS, 2, ++s->fails, MAX_MS);

	s->owner->errors++;
	ms = world_jitter(w, ms > s->retry_after_ms ? ms : s->retry_after_ms, 20);
	s->again_at = world_now(w) + ms;
	world_timer_start(w, &s->timer, ms);
	if (s->troubled)
		return;
	s->troubled = true;
	engine_log(s->owner->engine, LOG_WARN, s->app, "Secret %s: the receiver of "
		   "notifications does not take them, trying on: %s", s->rule.name,
		   err->msg);
}

static const char *hint(int status)
{
	return status == 401 || status == 403 ? "is its token right, and may it write "
						"commit statuses?" :
	       status >= 300 && status < 400 ? "redirects are not followed: give the URL "
					       "that it leads to" :
	       status == 404 || status == 422 ? "is the url right, and does the commit "
						"exist there?" : "look into its log";
}

static void refused(struct sink *s, const struct err *err)
{
	s->owner->dropped++;
	engine_log(s->owner->engine, LOG_WARN, s->app, "Secret %s: the receiver of "
		   "notifications refuses %s of release #%u: %s", s->rule.name,
		   s->notice.event, s->notice.release, err->msg);
}

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct sink *s = container_of(c, struct sink, call);

	(void)content_type;
	(void)etag;
	s->status = status;
	s->retry_after_ms = retry_after_ms < MAX_MS ? retry_after_ms : MAX_MS;
}

/* The status counts, also when the rest of the answer is lost. */
static void on_done(struct http_call *c, const struct err *err)
{
	struct sink *s = container_of(c, struct sink, call);
	struct notify *n = s->owner;
	struct err why = *err;
	enum delivery d = delivery_judge(&s->rule, &s->notice, err, s->status,
					 s->retry_after_ms);

	if (s->status && d != DELIVERED)
		err_set(&why, ERR_NET, "%s answers with status %d (%s)", s->rule.to.url,
			s->status, hint(s->status));
	if (d == DELIVERY_AGAIN) {
		pause_sink(s, &why);
	} else {
		if (d == DELIVERED && s->troubled)
			engine_log(n->engine, LOG_INFO, NULL, "Secret %s: the receiver of "
				   "notifications takes them again", s->rule.name);
		if (d == DELIVERED)
			n->told++;
		else
			refused(s, &why);
		s->fails = 0;
		s->troubled = s->troubled && d != DELIVERED;
		take_out(s->app, &s->notice);
	}
	forget_message(s);
	notify_pump(n->engine);
}

static void copy_notice(struct notice *to, const struct notice *from)
{
	*to = *from;
	to->sink = xstrdup(from->sink);
	to->repo = xstrdup(from->repo);
	to->sha = xstrdup(from->sha);
	to->words = xstrdup(from->words);
}

static void set_ca(struct sink *s)
{
	const char *ca = creds_ca(s->owner->engine->creds, s->rule.to.url);
	struct http_endpoint *to = &s->rule.to;

	if (to->ca_pem == ca || (to->ca_pem && ca && !strcmp(to->ca_pem, ca)))
		return;
	free(to->ca_pem);
	to->ca_pem = xstrdup(ca);
	to->generation++;
}

static int build(struct sink *s, struct app *a, const struct notice *n)
{
	struct engine *e = s->owner->engine;
	const char *slash = strchr(a->id, '/');
	_cleanup_free_ char *ns = xstrndup(a->id, (size_t)(slash - a->id));
	struct message_from from = {
		.cluster = e->cluster, .install = e->install_id, .ns = ns,
		.name = slash + 1, .project = a->spec.project, .app_id = a->app_id,
		.record = &a->rec,
	};

	return message_build(&s->rule, n, &from, &s->message);
}

static void send(struct sink *s, struct app *a, const struct notice *n)
{
	struct world *w = s->owner->engine->w;

	set_ca(s);
	copy_notice(&s->notice, n);
	s->app = a;
	s->running = true;
	s->status = 0;
	s->retry_after_ms = 0;
	s->call = (struct http_call){
		.endpoint = &s->rule.to, .lane = HTTP_REQUEST, .method = "POST",
		.path = s->message.path, .accept = s->message.accept,
		.content_type = s->message.content_type,
		.headers = (const char *const *)s->message.headers,
		.body = s->message.body, .body_len = s->message.len,
		.timeout_ms = TIMEOUT_MS, .max_body = MAX_ANSWER,
		.on_head = on_head, .on_done = on_done,
	};
	w->ops->http_start(w, &s->call);
}

static void next_message(struct sink *s)
{
	struct engine *e = s->owner->engine;
	struct app *a;
	size_t i;

	while (!s->running && world_now(e->w) >= s->again_at && (a = oldest(s, &i))) {
		const struct notice *n = &a->rec.notices.data[i];

		if (n->at_ms + OLD_MS < world_wall(e->w) || build(s, a, n)) {
			s->owner->dropped++;
			remove_row(a, i);
			continue;
		}
		send(s, a, n);
	}
}

static void on_task(struct world_task *t)
{
	struct notify *n = container_of(t, struct notify, task);
	struct engine *e = n->engine;

	if (!n->synced || !e->leading || e->stopping || !engine_may_write(e))
		return;
	for (size_t i = 0; i < n->sinks.len; i++)
		next_message(n->sinks.data[i]);
}

static void on_timer(struct world_timer *t)
{
	notify_pump(container_of(t, struct sink, timer)->owner->engine);
}

/* ---- the Secrets ---- */

static void sink_free(struct sink *s)
{
	struct world *w = s->owner->engine->w;

	if (s->running)
		w->ops->http_abandon(w, &s->call);
	world_timer_stop(w, &s->timer);
	forget_message(s);
	w->ops->endpoint_forget(w, &s->rule.to);
	sink_deinit(&s->rule);
	free(s);
}

static void drop(struct notify *n, size_t i)
{
	sink_free(n->sinks.data[i]);
	n->sinks.data[i] = n->sinks.data[--n->sinks.len];
}

static void on_reset(void *arg)
{
	((struct notify *)arg)->list_no++;
}

static void on_secret(void *arg, enum watch_event ev, const json_t *o)
{
	struct notify *n = arg;
	struct engine *e = n->engine;
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	const char *type = doc_get_str(o, "metadata", "labels", SINK_LABEL, NULL);
	bool is_one = ev != WATCH_DELETED && type && !strcmp(type, SINK_TYPE);
	struct err err = ERR_INIT;
	struct sink *s;

	for (size_t i = 0; name && i < n->sinks.len; i++)
		if (!strcmp(n->sinks.data[i]->rule.name, name)) {
			drop(n, i);
			break;
		}
	s = xcalloc(1, sizeof(*s));
	s->owner = n;
	s->timer.fn = on_timer;
	s->seen = n->list_no;
	if (is_one && !sink_read(&s->rule, o, e->cfg.insecure_repositories, &err)) {
		vec_push(&n->sinks, s);
		notify_pump(e);
		return;
	}
	free(s);
	if (err.code)
		engine_log(e, LOG_WARN, NULL, "nobody is told by it: %s", err.msg);
	if (n->synced)
		sweep_rows(n);
}

/* What happened before the receivers were known is told now. */
static void on_synced(void *arg)
{
	struct notify *n = arg;
	struct app *a, *next;

	for (size_t i = n->sinks.len; i-- > 0;)
		if (n->sinks.data[i]->seen != n->list_no)
			drop(n, i);
	n->synced = true;
	sweep_rows(n);
	HASH_ITER(hh, n->engine->apps, a, next) {
		uint32_t before = a->rec.last_notice;

		app_tell(a);
		if (a->rec.last_notice != before) {
			a->rec_dirty = true;
			app_poke(a);
		}
	}
	notify_pump(n->engine);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct notify *n = arg;

	if (err->code)
		engine_log(n->engine, LOG_WARN, NULL, "watch of Secrets labelled "
			   SINK_LABEL ": %s", err->msg);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_secret, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

struct notify *notify_new(struct engine *e)
{
	struct kube_ref ref = { .version = "v1", .resource = "secrets", .ns = e->ns };
	struct notify *n = xcalloc(1, sizeof(*n));

	n->engine = e;
	n->task.fn = on_task;
	n->watch = watch_new(e->kube, &ref, SINK_LABEL "=" SINK_TYPE, NULL, &handler, n);
	return n;
}

struct notify *notify_free(struct notify *n)
{
	if (!n)
		return NULL;
	watch_free(n->watch);
	world_undefer(n->engine->w, &n->task);
	while (n->sinks.len)
		drop(n, 0);
	vec_deinit(&n->sinks);
	free(n);
	return NULL;
}

void notify_counts(const struct engine *e, struct notify_counts *ret)
{
	struct app *a, *next;

	*ret = (struct notify_counts){ 0 };
	if (!e->notify)
		return;
	ret->told = e->notify->told;
	ret->errors = e->notify->errors;
	ret->dropped = e->notify->dropped;
	HASH_ITER(hh, e->apps, a, next)
		ret->waiting += a->rec.notices.len;
}
