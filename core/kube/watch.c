/*
 * A watch: list, then watch, for ever.
 *
 * Happy path: one stream with sendInitialEvents gives every object, a bookmark
 * that ends the list, then what changes; the server ends it after 5 to 10
 * minutes, and the next stream resumes from the last version seen. Ways to fail:
 * the server has no streaming lists, or no cache yet (watch_list.c asks for pages);
 * the connection breaks or goes silent (resume); the version is too old, as HTTP
 * status or as an ERROR event inside a 200 (list again); a line is too long or is no
 * event (list again); it refuses us (retry, ever more slowly). All waiting is one timer.
 *
 * During a list only the final bookmark gives a version: objects come in no
 * order, so an object's own version says nothing about the others.
 */
#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "watch_priv.h"

#define BACKOFF_MS 800u
#define BACKOFF_MAX_MS 30000u
#define BACKOFF_RESET_MS 120000u
#define LIST_IDLE_MS 60000u
#define WATCH_IDLE_MS 150000u	/* two bookmarks and a half */
#define SHORT_STREAM_MS 1000u
#define REFUSAL_MAX 65536u

enum { WAITING, LISTING, PAGING, WATCHING };

static const struct sm_state states[] = {
	[WAITING] = { "Waiting", TO(LISTING) | TO(PAGING) | TO(WATCHING) },
	[LISTING] = { "Listing", TO(WATCHING) | TO(WAITING) },
	[PAGING] = { "Paging", TO(WATCHING) | TO(WAITING) },
	[WATCHING] = { "Watching", TO(WAITING) },
};

static void stream_start(struct watch *w);

/* ---- telling ---- */

bool watch_tell_reset(struct watch *w)
{
	bool gone = false;

	w->synced = false;
	w->gone = &gone;
	w->h.on_reset(w->arg);
	if (!gone)
		w->gone = NULL;
	return !gone;
}

bool watch_tell_event(struct watch *w, enum watch_event e, const json_t *object)
{
	bool gone = false;

	w->gone = &gone;
	w->h.on_event(w->arg, e, object);
	if (!gone)
		w->gone = NULL;
	return !gone;
}

static bool tell_synced(struct watch *w)
{
	bool gone = false;

	w->synced = true;
	w->gone = &gone;
	w->h.on_synced(w->arg);
	if (!gone)
		w->gone = NULL;
	return !gone;
}

/* That there is nothing to watch is another trouble than any other. */
static bool is_told(const struct watch *w, enum err_code code)
{
	return !w->told == !code && (w->told == ERR_UNSERVED) == (code == ERR_UNSERVED);
}

static bool tell_trouble(struct watch *w, const struct err *err)
{
	bool gone = false;

	if (is_told(w, err->code))
		return true;
	w->told = err->code;
	if (!w->h.on_trouble)
		return true;
	w->gone = &gone;
	w->h.on_trouble(w->arg, err);
	if (!gone)
		w->gone = NULL;
	return !gone;
}

static bool tell_well(struct watch *w)
{
	return tell_trouble(w, &ERR_INIT);
}

/* ---- going on and waiting ---- */

static void set_version(struct watch *w, const char *version)
{
	char *copy = xstrdup(version);

	free(w->version);
	w->version = copy;
}

/* WAITING: what comes next follows from what is known. */
static void go_on(struct watch *w)
{
	if (!w->listed && (w->paged || w->paged_once)) {
		w->paged_once = false;
		sm_move(&w->sm, PAGING);
		watch_pages_start(w);
		return;
	}
	sm_move(&w->sm, w->listed ? WATCHING : LISTING);
	stream_start(w);
}

/* While waiting: on with it. While listing: no byte for too long. */
static void on_timer(struct world_timer *t)
{
	struct watch *w = container_of(t, struct watch, timer);
	struct err err = ERR_INIT;

	if (w->sm.state == WAITING) {
		go_on(w);
		return;
	}
	if (w->status == 200)
		w->paged = true;	/* the end of the list may never come */
	err_set(&err, ERR_TIMEOUT, "list of %s: nothing came for %u s",
		w->ref.resource, LIST_IDLE_MS / 1000);
	watch_failed(w, &err);
}

static void stop(struct watch *w)
{
	if (w->streaming)
		w->w->ops->http_abandon(w->w, &w->call);
	w->streaming = false;
	buf_clear(&w->lines.pending);
	watch_pages_stop(w);
	world_timer_stop(w->w, &w->timer);
	if (w->sm.state != WAITING)
		sm_move(&w->sm, WAITING);
}

/* Is this the first failure for a while? Counts it. */
static bool first_failure(struct watch *w)
{
	uint64_t now = world_now(w->w);

	if (!w->failures || now - w->failed_at > BACKOFF_RESET_MS)
		w->failures = 0;
	w->failed_at = now;
	return w->failures++ == 0;
}

static void wait_a_while(struct watch *w)
{
	unsigned n = w->failures ? w->failures - 1 : 0;
	uint64_t ms = n > 6 ? BACKOFF_MAX_MS : (uint64_t)BACKOFF_MS << n;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	world_timer_start(w->w, &w->timer, world_jitter(w->w, ms, 25));
}

static bool wants_list(enum err_code code)
{
	return code == ERR_GONE || code == ERR_LIMIT;
}

/*
 * A version that became too old is ordinary (the server compacts its history):
 * the first time it is neither told nor waited for.
 */
void watch_failed(struct watch *w, const struct err *err)
{
	bool first = first_failure(w);

	stop(w);
	if (wants_list(err->code))
		w->listed = false;
	if (err->code == ERR_GONE && first) {
		go_on(w);
		return;
	}
	wait_a_while(w);
	tell_trouble(w, err);
}

/* The server refuses streaming lists: pages, from now on. */
static void fall_back(struct watch *w)
{
	stop(w);
	w->paged = true;
	go_on(w);
}

static bool refuses_streaming(const struct watch *w, int status)
{
	return w->sm.state == LISTING && (status == 400 || status == 422);
}

/* ---- the stream ---- */

bool watch_listed(struct watch *w, const char *version)
{
	bool paged = w->sm.state == PAGING;

	set_version(w, version);
	w->listed = true;
	world_timer_stop(w->w, &w->timer);
	sm_move(&w->sm, WATCHING);
	if (paged)
		stream_start(w);
	return tell_synced(w) && tell_well(w);
}

static void on_error_event(struct watch *w, const json_t *status)
{
	int code = (int)doc_get_int(status, 0, "code", NULL);
	struct err err = ERR_INIT;
	char reason[64];

	if (refuses_streaming(w, code)) {
		fall_back(w);
		return;
	}
	kube_status_err(code, status, reason, &err);
	err_wrap(&err, "watch of %s", w->ref.resource);
	watch_failed(w, &err);
}

/* false: nothing more of this stream (or of this watch) is to be read. */
static bool on_parsed(struct watch *w, const struct watch_line *l)
{
	w->progress = true;
	switch (l->type) {
	case LINE_ERROR:
		on_error_event(w, l->object);
		return false;
	case LINE_BOOKMARK:
		if (w->sm.state == WATCHING) {
			set_version(w, l->version);
		} else if (l->list_end) {
			return watch_listed(w, l->version);
		}
		return true;
	case LINE_UPSERT:
	case LINE_DELETED:
	default:
		if (w->sm.state == WATCHING)
			set_version(w, l->version);
		return watch_tell_event(w, l->type == LINE_DELETED ?
					WATCH_DELETED : WATCH_UPSERT, l->object);
	}
}

static bool on_line(void *arg, const char *line, size_t len)
{
	struct err err = ERR_INIT;
	struct watch *w = arg;
	struct watch_line l;
	bool more;

	if (watch_line_parse(line, len, &l, &err)) {
		/* What was lost is not known: only a list tells. */
		w->listed = false;
		err_wrap(&err, "%s", w->ref.resource);
		watch_failed(w, &err);
		return false;
	}
	more = on_parsed(w, &l);
	watch_line_deinit(&l);
	return more;
}

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct watch *w = container_of(c, struct watch, call);

	(void)retry_after_ms;
	(void)content_type;
	(void)etag;
	w->status = status;
	w->counted = true;
	kube_stat_add(w->k, "watch", status);
	if (status != 200)
		return;
	if (w->sm.state == LISTING)
		watch_tell_reset(w);
	else
		tell_well(w);
}

static void on_data(struct http_call *c, const char *data, size_t len)
{
	struct watch *w = container_of(c, struct watch, call);
	struct err err = ERR_INIT;

	if (w->sm.state == LISTING)
		world_timer_start(w->w, &w->timer, LIST_IDLE_MS);
	if (w->status != 200) {
		buf_add(&w->refusal, data, len);
		return;
	}
	if (!lines_feed(&w->lines, data, len, on_line, w))
		return;
	err_set(&err, ERR_LIMIT, "watch of %s: an event is longer than %zu MiB",
		w->ref.resource, WATCH_LINE_MAX >> 20);
	watch_failed(w, &err);
}

/*
 * Its cache is not there yet (the first request after a CRD, or after the server's own
 * start): streams have to wait, and so do lists with a selector. One in pages without
 * any is answered from the storage meanwhile. https://kep.k8s.io/4568
 */
static bool answers_in_pages(const struct watch *w, const struct err *err)
{
	return w->sm.state == LISTING && w->status == 429 && !w->labels && !w->fields &&
	       strstr(err->msg, "storage is (re)initializing");
}

static void on_refused(struct watch *w)
{
	_cleanup_json_ json_t *status = NULL;
	struct err err = ERR_INIT;
	char reason[64];

	if (refuses_streaming(w, w->status)) {
		fall_back(w);
		return;
	}
	if (w->refusal.len)
		status = doc_parse(w->refusal.data, w->refusal.len, NULL);
	kube_status_err(w->status, status, reason, &err);
	if (answers_in_pages(w, &err)) {
		stop(w);
		w->paged_once = true;
		go_on(w);
		return;
	}
	err_wrap(&err, "watch of %s", w->ref.resource);
	watch_failed(w, &err);
}

/* The server ended the stream in good order, or it went silent. */
static void on_ended(struct watch *w)
{
	uint64_t lived = world_now(w->w) - w->stream_started;
	struct err err = ERR_INIT;

	if (w->sm.state == LISTING) {
		err_set(&err, ERR_NET, "list of %s: the stream ended too early",
			w->ref.resource);
		watch_failed(w, &err);
	} else if (lived >= SHORT_STREAM_MS) {
		stop(w);
		go_on(w);
	} else if (w->progress) {
		first_failure(w);
		stop(w);
		wait_a_while(w);
	} else {
		err_set(&err, ERR_NET, "watch of %s: the server ends it at once",
			w->ref.resource);
		watch_failed(w, &err);
	}
}

static void on_done(struct http_call *c, const struct err *err)
{
	struct watch *w = container_of(c, struct watch, call);
	struct err why = *err;

	w->streaming = false;
	if (!w->counted)
		kube_stat_add(w->k, "watch", 0);
	if (err->code == ERR_TIMEOUT && w->status == 200 &&
	    w->sm.state == WATCHING) {
		on_ended(w);
	} else if (err->code) {
		err_wrap(&why, "watch of %s", w->ref.resource);
		watch_failed(w, &why);
	} else if (w->status != 200) {
		on_refused(w);
	} else {
		on_ended(w);
	}
}

static void stream_path(struct watch *w)
{
	struct buf *b = &w->path;

	buf_clear(b);
	kube_path(&w->ref, b);
	buf_adds(b, "?watch=1&allowWatchBookmarks=true");
	if (w->labels) {
		buf_adds(b, "&labelSelector=");
		buf_add_escaped(b, w->labels);
	}
	if (w->fields) {
		buf_adds(b, "&fieldSelector=");
		buf_add_escaped(b, w->fields);
	}
	if (w->sm.state == LISTING) {
		buf_adds(b, "&sendInitialEvents=true"
			 "&resourceVersionMatch=NotOlderThan");
	} else if (w->version[0]) {
		buf_adds(b, "&resourceVersion=");
		buf_add_escaped(b, w->version);
	}
	buf_addf(b, "&timeoutSeconds=%u",
		 300 + (unsigned)(w->w->ops->random(w->w) % 300));
}

static void stream_start(struct watch *w)
{
	stream_path(w);
	buf_clear(&w->lines.pending);
	buf_clear(&w->refusal);
	w->status = 0;
	w->counted = w->progress = false;
	w->streaming = true;
	w->stream_started = world_now(w->w);
	w->call = (struct http_call){
		.endpoint = kube_endpoint(w->k),
		.lane = HTTP_WATCH,
		.method = "GET",
		.path = buf_str(&w->path),
		.accept = "application/json",
		.idle_ms = WATCH_IDLE_MS,
		.max_body = SIZE_MAX,
		.echoed = KUBE_ECHOED,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
	};
	w->w->ops->http_start(w->w, &w->call);
	if (w->sm.state == LISTING)
		world_timer_start(w->w, &w->timer, LIST_IDLE_MS);
}

/* ---- the caller's side ---- */

struct watch *watch_new(struct kube *k, const struct kube_ref *ref,
			const char *label_selector, const char *field_selector,
			const struct watch_handler *h, void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->k = k;
	w->w = kube_world(k);
	w->ref.group = xstrdup(ref->group);
	w->ref.version = xstrdup(ref->version);
	w->ref.resource = xstrdup(ref->resource);
	w->ref.ns = xstrdup(ref->ns);
	if (label_selector && label_selector[0])
		w->labels = xstrdup(label_selector);
	if (field_selector && field_selector[0])
		w->fields = xstrdup(field_selector);
	w->h = *h;
	w->arg = arg;
	w->version = xstrdup("");
	w->refusal.max = REFUSAL_MAX;
	w->timer.fn = on_timer;
	sm_init(&w->sm, states, WAITING);
	go_on(w);
	return w;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	if (w->gone)
		*w->gone = true;
	stop(w);
	kube_request_deinit(&w->page);
	free((char *)w->ref.group);
	free((char *)w->ref.version);
	free((char *)w->ref.resource);
	free((char *)w->ref.ns);
	free(w->labels);
	free(w->fields);
	free(w->version);
	buf_deinit(&w->path);
	buf_deinit(&w->lines.pending);
	buf_deinit(&w->refusal);
	free(w);
	return NULL;
}

bool watch_synced(const struct watch *w)
{
	return w->synced;
}

const char *watch_version(const struct watch *w)
{
	return w->version;
}
