/*
 * http_priv.h - what the files of the HTTP half share.
 *
 *   http_curl.c  a call's life: start, cancel, deadlines, the one ending
 *   http_easy.c  one curl handle: its options and its callbacks
 *   http_pool.c  connections by identity; curl's sockets and timers on the loop
 *   http_dns.c   at most eight look-ups outstanding
 *   http_text.c  addresses, redirects, Retry-After, curl's errors as ours
 */
#ifndef NET_HTTP_PRIV_H
#define NET_HTTP_PRIV_H

#include <curl/curl.h>

#include "world_priv.h"

#define DNS_SLOTS 8
#define CONNECT_TIMEOUT_MS 10000
#define DEFAULT_MAX_BODY ((size_t)64 << 20)
#define MAX_REDIRECTS 3

/* One curl multi handle with the loop's handles that it drives. */
struct http_multi {
	CURLM *curl;
	struct http_pool *pool;
	uv_timer_t timer;
	struct link socks;	/* struct http_sock */
	struct link kicked;	/* in http_state.kicked: curl wants a call soon */
};

/*
 * Connections that may serve each other's requests: those of one identity (host,
 * trust, credentials, generation). Never shared beyond, nor are TLS sessions.
 */
struct http_pool {
	struct link link;	/* in http_state.pools */
	struct world_uv *w;
	unsigned char key[32];
	struct http_multi *lanes[2];	/* made when first used */
	CURLSH *share;
	unsigned calls;
	uint64_t idle_since;
	bool forgotten;
};

enum req_state {
	REQ_QUEUED,	/* waits for the pump */
	REQ_DNS_WAIT,	/* waits for a look-up slot */
	REQ_RUNNING,	/* curl has it */
	REQ_ENDING,	/* its end is known; on_done is due */
};

/* The world's half of a struct http_call. */
struct http_req {
	struct link link;	/* in the list of its state */
	enum req_state state;
	struct world_uv *w;
	struct http_call *call;
	struct http_call orphan;	/* in its place once abandoned inside curl */
	bool abandoned;
	struct http_pool *pool;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char *url;		/* as sent: its host may be tls_server_name */
	char *real_url;		/* as asked: redirects are relative to it */
	char *where;		/* scheme://host:port, for messages */
	bool literal;		/* the host needs no look-up */

	uv_timer_t *timer;	/* deadline and idle; NULL: none */
	uint64_t deadline, last_byte;

	bool lookup_over;	/* curl itself ended it: no thread is left behind */
	bool added;		/* the pool's multi has the handle */
	bool opened;		/* the name was found: a socket was made */
	bool dns_refused;
	bool head_seen, head_told;
	bool over_limit;
	int open_errno;
	unsigned redirects;
	size_t body;
	int status;
	unsigned retry_after_ms;
	char *etag, *location, *content_type;
	char id[37];		/* sent as c->echoed */
	bool id_missed;		/* another's came back, */
	bool id_met;		/* ours did */
	char errbuf[CURL_ERROR_SIZE];
	struct err end;
};

struct dns_slot {
	struct http_req *req;	/* looking up, or NULL */
	struct http_pool *pool;	/* compared only, never followed */
	uint64_t taken_until;	/* an abandoned look-up still runs */
};

struct http_state {
	struct world_uv *w;
	struct link queued, dns_wait, running, ending, pools, kicked;
	unsigned in_flight;
	unsigned in_curl;	/* inside a curl function: none may be called */
	struct world_task pump;
	struct world_timer sweep, dns_retry;
	struct dns_slot dns[DNS_SLOTS];
};

/* http_curl.c */
/* The first end counts. on_done comes from the pump, never from here. */
void http_req_end(struct http_req *r, const struct err *err);
void http_pump_soon(struct world_uv *w);
/* Takes what curl finished in m and tells it; call outside of curl only. */
void http_harvest(struct http_multi *m);
bool http_req_ended(const struct http_req *r);

/* http_easy.c */
/* Fills r->easy and what it needs; -1: the call cannot even be asked. */
int http_easy_init(struct http_req *r, struct err *err);
/* Ready for another try at r->url (redirect, look-up refused). */
void http_easy_rewind(struct http_req *r);
void http_easy_deinit(struct http_req *r);

/* http_pool.c */
struct http_pool *http_pool_get(struct world_uv *w,
				const struct http_endpoint *e);
struct http_multi *http_pool_lane(struct http_pool *p, enum http_lane lane);
void http_pool_put(struct http_pool *p);	/* one call less */
void http_pool_forget(struct world_uv *w, const struct http_endpoint *e);
void http_pool_sweep(struct world_uv *w, bool all);
/* Lets curl act on its timeouts. */
void http_multi_kick(struct http_multi *m);

/* http_dns.c */
bool http_dns_take(struct http_req *r);
/* The name was found, or r ended; abandoned: the look-up goes on without us. */
void http_dns_done(struct http_req *r, bool abandoned);
bool http_dns_free(struct world_uv *w, const struct http_pool *p);

/* http_text.c */
/*
 * Splits endpoint->url into r->where, r->literal, and with path into r->url and
 * r->real_url, r->connect_to. ERR_INVALID names the URL without its user info.
 */
int http_url_prepare(struct http_req *r, struct err *err);
/* Follows r->location if the rule allows: new r->url. Else ERR_INVALID. */
int http_url_redirect(struct http_req *r, struct err *err);
unsigned http_retry_after(const char *value, size_t len, int64_t now_ms);
void http_curl_err(const struct http_req *r, CURLcode code, struct err *err);
bool http_value_ok(const char *s);	/* no control bytes */

#endif
