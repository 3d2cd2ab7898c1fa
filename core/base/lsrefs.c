/*
 * Asking a Git server what its refs point to, from the loop.
 *
 * Happy path: GET info/refs saying that we speak version 2; the server lists its
 * capabilities; POST ls-refs with our prefixes; the server lists just those refs.
 * A server of version 0 lists all refs at once. Where the POST goes astray (a
 * server that redirects GET but not POST), a second GET asks for version 0. One
 * deadline covers all of it. Every answer is read as it arrives, so a long one
 * costs no memory; an error met while reading cancels the request.
 */
#include "core/lsrefs.h"

#include "core/fetch.h"
#include "core/mem.h"
#include "core/sm.h"
#include "core/pktline.h"

#include <stdio.h>

#define DEFAULT_TIMEOUT_MS 15000
#define MAX_BODY ((size_t)64 << 20)

enum { IDLE, ASKING, LISTING, PLAIN, DONE };

static const struct sm_state states[] = {
	[IDLE] = { "Idle", TO(ASKING) | TO(DONE) },
	[ASKING] = { "Asking", TO(LISTING) | TO(DONE) },
	[LISTING] = { "Listing", TO(PLAIN) | TO(DONE) },
	[PLAIN] = { "Plain", TO(DONE) },
	[DONE] = { "Done", 0 },
};

struct lsrefs_state {
	struct sm sm;
	struct world *w;
	struct lsrefs *owner;
	struct world_task task;
	struct http_call call;
	struct ref_reader reader;
	struct buf body;
	struct err err;
	uint64_t deadline;
	int status;
	bool cancelled, astray;
};

static void tick(struct lsrefs_state *st);

static bool has_credentials(const struct http_endpoint *e)
{
	return e->username || e->password || e->bearer || e->cert_pem;
}

static void fail(struct lsrefs_state *st, enum err_code code, const char *what)
{
	if (!st->err.code)
		err_set(&st->err, code, "%s", what);
}

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct lsrefs_state *st = container_of(c, struct lsrefs_state, call);
	const char *want = st->sm.state == LISTING ?
		"application/x-git-upload-pack-result" :
		"application/x-git-upload-pack-advertisement";

	(void)retry_after_ms;
	(void)etag;
	st->status = status;
	if (status != 200 || !strncasecmp(content_type, want, strlen(want)))
		return;
	err_set(&st->err, ERR_INVALID,
		"no Git repository answers here (content type \"%.60s\"): check spec.source.repoURL",
		content_type);
	st->w->ops->http_cancel(st->w, c);
}

static void on_data(struct http_call *c, const char *data, size_t len)
{
	struct lsrefs_state *st = container_of(c, struct lsrefs_state, call);

	if (st->status != 200 || st->err.code)
		return;
	if (ref_reader_feed(&st->reader, data, len, &st->err))
		st->w->ops->http_cancel(st->w, c);
}

/* Servers that send the GET elsewhere answer the POST at the old place so. */
static bool went_astray(const struct lsrefs_state *st)
{
	return st->sm.state == LISTING &&
	       ((st->status >= 300 && st->status < 400) || st->status == 404 ||
		st->status == 405 || st->status == 501);
}

static void judge(struct lsrefs_state *st, const struct err *err)
{
	if (st->err.code)
		return;		/* our own reason to cancel says more */
	if (st->cancelled)
		fail(st, ERR_CANCELLED, "cancelled");
	else if (err->code)
		st->err = *err;
	else if (went_astray(st))
		st->astray = true;
	else if (st->status != 200)
		repo_http_error(st->status, st->owner->endpoint->url,
				has_credentials(st->owner->endpoint), &st->err);
	else if (ref_reader_end(&st->reader, &st->err))
		return;
}

static void on_done(struct http_call *c, const struct err *err)
{
	struct lsrefs_state *st = container_of(c, struct lsrefs_state, call);

	judge(st, err);
	tick(st);
}

/* Begins a request for the state just entered; -1: the deadline is over. */
static int ask(struct lsrefs_state *st, const char *method, const char *path,
	       const char *const *headers)
{
	uint64_t now = world_now(st->w);

	if (now >= st->deadline) {
		fail(st, ERR_TIMEOUT, "the deadline is over");
		return -1;
	}
	st->status = 0;
	st->call = (struct http_call){
		.endpoint = st->owner->endpoint,
		.lane = HTTP_REQUEST,
		.method = method,
		.path = path,
		.headers = headers,
		.timeout_ms = (unsigned)(st->deadline - now),
		.max_body = MAX_BODY,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
	};
	if (st->sm.state == LISTING) {
		st->call.content_type = "application/x-git-upload-pack-request";
		st->call.accept = "application/x-git-upload-pack-result";
		st->call.body = buf_str(&st->body);
		st->call.body_len = st->body.len;
	}
	st->w->ops->http_start(st->w, &st->call);
	return 0;
}

static const char *const version_2[] = { "Git-Protocol: version=2", NULL };
static const char get_path[] = "/info/refs?service=git-upload-pack";

static int start_listing(struct lsrefs_state *st)
{
	ref_reader_request(&st->reader, &st->body);
	st->reader.stage = REFS_LIST;
	return ask(st, "POST", "/git-upload-pack", version_2);
}

static int start_plain(struct lsrefs_state *st)
{
	const char *const *prefixes = st->reader.prefixes;

	ref_reader_deinit(&st->reader);
	st->reader = (struct ref_reader){ .prefixes = prefixes };
	st->astray = false;
	return ask(st, "GET", get_path, NULL);
}

/* The last touch: the owner may free itself in on_done. */
static void finish(struct lsrefs_state *st)
{
	_cleanup_free_ char *shown = repo_url_shown(st->owner->endpoint->url);
	struct lsrefs *l = st->owner;
	struct ref_list refs = st->reader.refs;
	struct err err = st->err;

	st->reader.refs = (struct ref_list){ 0 };
	ref_reader_deinit(&st->reader);
	buf_deinit(&st->body);
	free(st);
	l->priv = NULL;
	if (err.code && !strstr(err.msg, shown))
		err_wrap(&err, "%s", shown);
	l->on_done(l, &err, err.code ? NULL : &refs);
	ref_list_deinit(&refs);
}

/* An arm runs once what its state names has finished. */
static void tick(struct lsrefs_state *st)
{
	for (;;) {
		if (st->err.code && st->sm.state != DONE)
			sm_move(&st->sm, DONE);
		switch (st->sm.state) {
		case IDLE:
			sm_move(&st->sm, ASKING);
			if (ask(st, "GET", get_path, version_2))
				continue;
			return;
		case ASKING:
			if (!st->reader.v2)
				break;
			sm_move(&st->sm, LISTING);
			if (start_listing(st))
				continue;
			return;
		case LISTING:
			if (!st->astray)
				break;
			sm_move(&st->sm, PLAIN);
			if (start_plain(st))
				continue;
			return;
		case DONE:
			finish(st);
			return;
		}
		sm_move(&st->sm, DONE);
	}
}

static void on_task(struct world_task *t)
{
	tick(container_of(t, struct lsrefs_state, task));
}

/* A line break in a prefix would be a line of the protocol. */
static void check_prefixes(struct lsrefs_state *st)
{
	for (size_t i = 0; st->reader.prefixes[i]; i++)
		for (const char *p = st->reader.prefixes[i]; *p; p++)
			if ((unsigned char)*p <= 0x20 || *p == 0x7f)
				fail(st, ERR_INVALID,
				     "a ref's name holds a space or control character");
}

void lsrefs_start(struct world *w, struct lsrefs *l)
{
	static const char *const head_only[] = { "HEAD", NULL };
	bool none = !l->prefixes || !l->prefixes[0];
	struct lsrefs_state *st = xcalloc(1, sizeof(*st));

	*st = (struct lsrefs_state){
		.w = w,
		.owner = l,
		.task = { .fn = on_task },
		.reader = { .prefixes = none ? head_only : l->prefixes },
		.deadline = world_now(w) +
			(l->timeout_ms ? l->timeout_ms : DEFAULT_TIMEOUT_MS),
	};
	sm_init(&st->sm, states, IDLE);
	l->priv = st;
	check_prefixes(st);
	/* From the loop, so that on_done never fires before we return. */
	world_defer(w, &st->task);
}

void lsrefs_cancel(struct world *w, struct lsrefs *l)
{
	struct lsrefs_state *st = l->priv;

	if (!st || st->cancelled)
		return;
	st->cancelled = true;
	if (st->sm.state == IDLE)
		fail(st, ERR_CANCELLED, "cancelled");	/* the task ends it */
	else
		w->ops->http_cancel(w, &st->call);
}

void lsrefs_abandon(struct world *w, struct lsrefs *l)
{
	struct lsrefs_state *st = l->priv;

	if (!st)
		return;
	w->ops->undefer(w, &st->task);
	if (st->sm.state != IDLE)
		w->ops->http_abandon(w, &st->call);
	ref_reader_deinit(&st->reader);
	buf_deinit(&st->body);
	free(st);
	l->priv = NULL;
}
