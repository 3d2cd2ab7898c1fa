/*
 * faultproxy - an HTTP/1.1 proxy before the API server that misbehaves on request.
 *
 * It ends TLS on both sides, reads whole requests, and passes them on with the
 * administrator's certificate, so that what stands behind it is the real server. A
 * rule says which requests a fault strikes; what no rule asks for is passed on as it
 * is. One thread per connection; the rules are shared under a lock.
 */
#ifndef FAULTPROXY_H
#define FAULTPROXY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

enum fault {
	FAULT_NONE,
	FAULT_RESET_BEFORE,	/* the server never saw it */
	FAULT_RESET_AFTER,	/* the server acted; no byte of its answer comes */
	FAULT_CUT,		/* the answer ends at some byte, by a reset */
	FAULT_CHUNK,		/* a chunk says it is longer than what comes */
	FAULT_SLOW,		/* the answer comes in drops */
	FAULT_GARBAGE,		/* 200, and bytes that are no JSON */
	FAULT_HALF_OPEN,	/* silence; the server never saw it */
	FAULT_TLS,		/* bytes that are no TLS, and no handshake for a while */
	FAULT_429,		/* three times, with Retry-After */
	FAULT_500,		/* twice, as a Status */
	FAULT_503,		/* twice, as a load balancer says it: HTML */
	FAULT_LENGTH,		/* a wrong Content-Length: too long, too short */
	FAULT_TWICE,		/* the answer comes twice */
	FAULT_STALL,		/* half of the answer, then silence */
	FAULT_N
};
enum fault fault_named(const char *name);	/* FAULT_N: none of that name */

/* Which request it is; a request is in one phase at most. */
enum phase {
	PHASE_OTHER,
	PHASE_LIST,		/* also a streaming list */
	PHASE_WATCH,
	PHASE_DISCOVERY,
	PHASE_DRY_RUN,
	PHASE_APPLY,
	PHASE_RECORD,
	PHASE_STATUS,
	PHASE_DELETE,
	PHASE_N
};
extern const char *const phase_names[PHASE_N];

struct rule {
	enum fault fault;
	enum phase phase;
	char match[160];	/* what the path holds; "-" = any */
	unsigned skip;		/* matching requests to let pass first */
	unsigned times;		/* left to strike */
	unsigned seed, fired, met;
};

/* ---- rules.c ---- */

/* Lines "FAULT PHASE SEED MATCH SKIP"; -1 and words in why. */
int rules_add(char *text, char *why, size_t size);
void rules_clear(void);
/* The rule that strikes this request, counted as fired; fault NONE if none does. */
struct rule rules_strike(enum phase phase, const char *path);
/* One line per rule: the same words and how often it fired. */
char *rules_report(void);	/* owned by the caller */

/* ---- message.c ---- */

/* A TLS connection with what was read ahead. */
struct conn {
	int fd;
	SSL *ssl;
	char buf[65536];
	size_t at, len;
};

struct message {
	char head[65536];	/* up to and with the empty line */
	size_t head_len;
	char *body;
	size_t body_len;
	bool endless;		/* a watch: body is what came at once */
	bool ends;		/* the connection ends with it */
};

enum { MESSAGE_END = -1, MESSAGE_OK };

int conn_open(struct conn *c, SSL_CTX *ctx, int fd, bool server);
void conn_close(struct conn *c);
void conn_reset(struct conn *c);	/* RST instead of an orderly end */
int conn_write(struct conn *c, const void *data, size_t len);
/* Bytes within ms: > 0, 0 = nothing came, -1 = it ended. */
int conn_some(struct conn *c, char *out, size_t size, int ms);

int message_read_head(struct conn *c, struct message *m);
/* The value of a header, up to `size`; false when there is none. */
bool message_header(const struct message *m, const char *name, char *out, size_t size);
int message_read_body(struct conn *c, struct message *m, bool endless);
/* Passes a body on as it comes, framing and all. */
int message_relay_body(struct conn *from, struct conn *to, const struct message *m);
void message_deinit(struct message *m);

/* ---- faults.c ---- */

struct exchange {
	struct conn *client, *server;
	struct message request;
	struct rule rule;
	bool watch;		/* the answer does not end */
};
/* Whole exchange under a fault; the connections are not used afterwards: -1. */
int exchange_spoil(struct exchange *x);

/* How long the longest silence lasts, unless the other side ends it. */
void silence_at_most(unsigned seconds);
/* Milliseconds without handshakes, from now on. */
void handshakes_off(unsigned ms);

#endif
