/*
 * world.h - the seam: time, randomness and I/O as one table of functions.
 *
 * Everything above it (the Kubernetes client, the poll of Git refs, the engine)
 * reaches the outside only through a `struct world`. Two exist: the real one
 * (core/world_uv.c: libuv, libcurl, child processes) and the simulated one
 * (tests/sim), in which a seed replays a run exactly.
 *
 * The contract of every x_start here:
 *  - the struct is caller-owned (usually embedded) and must stay put until its
 *    on_done; strings and bodies it points to are borrowed until then;
 *  - on_done fires exactly once, never before start returned, even when the
 *    failure is immediate; it is the last touch of the struct by the world;
 *  - cancel only asks: on_done still comes, with ERR_CANCELLED unless the end
 *    was already on its way; no on_head/on_data after cancel returned;
 *    cancelling what is not running is a no-op.
 * There is one thread. World functions may be called from any callback.
 */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct world;

/* A one-shot timer. Zero-initialise; fn may restart it. */
struct world_timer {
	void (*fn)(struct world_timer *t);
	bool active;		/* read-only for the owner */
	void *priv[4];		/* the world's */
};

/* Runs fn once, soon, from the loop, not from the caller's stack. */
struct world_task {
	void (*fn)(struct world_task *t);
	bool active;
	struct world_task *next;	/* the world's */
};

/*
 * Where requests go: plain data, owned by whoever made it, alive while a
 * request uses it. `generation` changes when credentials do: the real world
 * then drops cached connections. NULL means absent.
 */
struct http_endpoint {
	char *url;		/* scheme://host[:port][/base]; no trailing slash */
	char *ca_pem;		/* trusted roots; NULL: the system's */
	char *cert_pem, *key_pem;	/* TLS client certificate */
	char *tls_server_name;
	char *proxy_url;
	char *bearer;		/* Authorization: Bearer */
	char *username, *password;	/* Basic */
	char *user_agent;
	char *as_user;		/* Impersonate-User */
	char **as_groups;	/* Impersonate-Group, NULL-terminated */
	bool insecure_skip_verify;
	bool follow_redirects;	/* Git info/refs: <= 3, same scheme, host, port */
	unsigned generation;
	void *world_priv;	/* the world's cache; see world_endpoint_forget */
};

/* Two lanes with connections of their own, so watches never starve requests. */
enum http_lane { HTTP_REQUEST, HTTP_WATCH };

struct http_call {
	/* set by the caller */
	const struct http_endpoint *endpoint;
	enum http_lane lane;
	const char *method;	/* "GET" ... */
	const char *path;	/* after endpoint->url, with query, escaped */
	const char *accept, *content_type;	/* NULL: none */
	const char *const *headers;	/* extra "Name: value", NULL-terminated, or NULL */
	const char *as_user;	/* instead of the endpoint's as_user and as_groups; NULL */
	const void *body;
	size_t body_len;
	unsigned timeout_ms;	/* whole call; 0 = none (watches) */
	unsigned idle_ms;	/* no byte for so long = ERR_TIMEOUT; 0 = none */
	size_t max_body;	/* bytes of answer; 0 = 64 MiB; beyond = ERR_LIMIT */
	/*
	 * A header that the server answers with as it got it, or NULL ("Audit-ID", of
	 * the API server). The world puts an id of its own into it; an answer with
	 * another's belongs to another request: ERR_NET, and the connection is closed.
	 */
	const char *echoed;
	/*
	 * Asked when a connection stands and the first byte is about to leave on it,
	 * which may be long after the start: false ends the call with ERR_CANCELLED
	 * instead. It may use the world's clocks and nothing else. NULL: always true.
	 */
	bool (*may_send)(struct http_call *c);
	/* Bytes that nobody acknowledges for so long end the connection; 0 = 30 s. */
	unsigned unacked_ms;
	/*
	 * status: the final HTTP status. retry_after_ms: from Retry-After (seconds
	 * or date), 0 if none. content_type is "" if none; etag likewise.
	 */
	void (*on_head)(struct http_call *c, int status, unsigned retry_after_ms,
			const char *content_type, const char *etag);
	void (*on_data)(struct http_call *c, const char *data, size_t len);
	/* err->code is ERR_NONE when the answer came whole, whatever its status. */
	void (*on_done)(struct http_call *c, const struct err *err);

	void *priv[4];		/* the world's */
};

enum worker_kind {
	WORKER_FETCH,
	WORKER_RENDER,
	WORKER_EXEC,
	WORKER_HEALTH,	/* scripts on objects: health/script.h */
	WORKER_KIND_N
};

/*
 * One request to a child process. `affinity` (a repository's key) decides which
 * render or health worker serves it: a worker never sees repositories that were not
 * asked for together. The answer is one frame; its format is the kind's (core/fetch.h,
 * render/answer.h, health/script.h).
 */
struct worker_call {
	enum worker_kind kind;
	const char *affinity;
	const void *request;
	size_t request_len;
	unsigned deadline_ms;	/* then the process group is killed: ERR_TIMEOUT */
	size_t max_answer;	/* bytes */
	/* data is borrowed for the callback's duration; NULL on error. */
	void (*on_done)(struct worker_call *c, const struct err *err,
			const char *data, size_t len);

	void *priv[4];		/* the world's */
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* One key=value of a log line; the last of an array has key NULL. */
struct log_field {
	const char *key;
	const char *value;
};

struct world_ops {
	uint64_t (*now_mono)(struct world *w);	/* ms, stops in suspend */
	uint64_t (*now_boot)(struct world *w);	/* ms, counts suspend: leases */
	int64_t (*now_wall)(struct world *w);	/* ms since 1970 */
	uint64_t (*random)(struct world *w);

	void (*timer_start)(struct world *w, struct world_timer *t, uint64_t ms);
	void (*timer_stop)(struct world *w, struct world_timer *t);
	void (*defer)(struct world *w, struct world_task *t);
	void (*undefer)(struct world *w, struct world_task *t);

	void (*http_start)(struct world *w, struct http_call *c);
	void (*http_cancel)(struct world *w, struct http_call *c);
	/*
	 * Forgets a running call: no callback comes any more, and when this
	 * returns the world holds no pointer to *c nor to what it borrows. For
	 * owners that are freed; allowed inside the call's own callbacks.
	 */
	void (*http_abandon)(struct world *w, struct http_call *c);
	/* Drops what the world cached for it; no call may be using it. */
	void (*endpoint_forget)(struct world *w, struct http_endpoint *e);

	void (*worker_start)(struct world *w, struct worker_call *c);
	void (*worker_cancel)(struct world *w, struct worker_call *c);
	/* As http_abandon: forgets a running call; its process is killed. */
	void (*worker_abandon)(struct world *w, struct worker_call *c);

	/*
	 * A cache that may lose anything at any time (files under --data-dir).
	 * get: 0 and *out filled (buf_deinit by the caller), or -1: not there.
	 */
	int (*cache_get)(struct world *w, const char *key, struct buf *out);
	void (*cache_put)(struct world *w, const char *key, const void *data,
			  size_t len);

	void (*log)(struct world *w, enum log_level level, const char *msg,
		    const struct log_field *fields);
};

/* Embedded first in each world's own struct. */
struct world {
	const struct world_ops *ops;
};

static inline uint64_t world_now(struct world *w)
{
	return w->ops->now_mono(w);
}
static inline int64_t world_wall(struct world *w)
{
	return w->ops->now_wall(w);
}
static inline void world_timer_start(struct world *w, struct world_timer *t,
				     uint64_t ms)
{
	w->ops->timer_start(w, t, ms);
}
static inline void world_timer_stop(struct world *w, struct world_timer *t)
{
	w->ops->timer_stop(w, t);
}
static inline void world_defer(struct world *w, struct world_task *t)
{
	w->ops->defer(w, t);
}
static inline void world_undefer(struct world *w, struct world_task *t)
{
	w->ops->undefer(w, t);
}

/* ms, spread by +-pct percent with the world's randomness. */
uint64_t world_jitter(struct world *w, uint64_t ms, unsigned pct);

/*
 * log_at(w, LOG_INFO, "applied", "application", name, "revision", sha, NULL):
 * pairs of strings, ended by a NULL key; a NULL value drops its pair.
 */
void log_at(struct world *w, enum log_level level, const char *msg, ...)
	__attribute__((sentinel));

#endif
