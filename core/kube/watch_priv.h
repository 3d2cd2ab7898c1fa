/* watch_priv.h - what watch.c, watch_list.c and watch_line.c share. */
#ifndef WATCH_PRIV_H
#define WATCH_PRIV_H

#include "core/watch.h"
#include "kube_priv.h"

#define WATCH_LINE_MAX ((size_t)8 << 20)
#define WATCH_PAGE 50u

/* ---- watch_line.c: bytes to lines to events; pure ---- */

/* Zero-initialise; buf_deinit(&pending) at the end. */
struct lines {
	struct buf pending;	/* an unfinished line */
};

/*
 * Calls fn for each whole line (without its newline; empty ones are skipped).
 * When fn returns false nothing is touched any more: *l may be gone. -1: a line
 * longer than WATCH_LINE_MAX.
 */
int lines_feed(struct lines *l, const char *data, size_t len,
	       bool (*fn)(void *arg, const char *line, size_t len), void *arg);

enum line_type { LINE_UPSERT, LINE_DELETED, LINE_BOOKMARK, LINE_ERROR };

struct watch_line {
	enum line_type type;
	json_t *json;		/* owned */
	const json_t *object;	/* within json */
	const char *version;	/* "" only for LINE_ERROR */
	bool list_end;		/* the bookmark that ends the initial events */
};

/* ERR_NET: not a line of a watch. watch_line_deinit after success only. */
int watch_line_parse(const char *text, size_t len, struct watch_line *ret,
		     struct err *err) __attribute__((warn_unused_result));
void watch_line_deinit(struct watch_line *l);

/* ---- the watch itself ---- */

struct watch {
	struct kube *k;
	struct world *w;
	struct kube_ref ref;	/* strings owned */
	char *labels, *fields;	/* selectors or NULL */
	struct watch_handler h;
	void *arg;

	struct sm sm;
	struct world_timer timer;
	struct http_call call;
	bool streaming;		/* call is with the world */
	bool counted;		/* in the client's statistics */
	bool progress;		/* this stream gave a line */
	enum err_code told;	/* the trouble that was told of; ERR_NONE */
	bool listed;		/* a list is complete: version is where to go on */
	bool synced;
	bool paged;		/* the server has no streaming lists */
	bool paged_once;	/* its cache is not there yet: this list in pages */
	bool *gone;		/* set by watch_free inside a callback */
	int status;
	uint64_t stream_started, failed_at;
	unsigned failures;
	char *version;
	struct buf path;
	struct lines lines;
	struct buf refusal;	/* the body of an answer that is not 200 */

	/* watch_list.c */
	struct kube_turn turn;
	struct kube_request page;
	bool first_page;
};

/* Handlers, called so that watch_free may be called inside: false = w is gone. */
bool watch_tell_reset(struct watch *w);
bool watch_tell_event(struct watch *w, enum watch_event e, const json_t *object);
/* The list is complete at version: watching goes on. false = w is gone. */
bool watch_listed(struct watch *w, const char *version);
/* A list or stream failed. Last touch. */
void watch_failed(struct watch *w, const struct err *err);

void watch_pages_start(struct watch *w);
void watch_pages_stop(struct watch *w);

#endif
