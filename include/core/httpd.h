/*
 * httpd.h - the daemon's HTTP endpoints: health, readiness, metrics, webhooks.
 *
 * libmicrohttpd in external-epoll mode on the loop; 64 connections, 10 s idle (120 s
 * with TLS). A handler fills a buf from memory: it never blocks. A body is at most
 * 1 MiB where its route says nothing else (413), all that are being read 8 MiB (503).
 */
#ifndef CORE_HTTPD_H
#define CORE_HTTPD_H

#include "core/buf.h"
#include "core/err.h"

struct uv_loop_s;
struct httpd;

struct httpd_post {	/* borrowed for the call */
	const char *(*header)(const struct httpd_post *p, const char *name);
	const char *body;	/* NUL-terminated; may hold NULs */
	size_t len;
};

/* Either fn, for GET and HEAD, or post, or post_later. */
struct httpd_route {
	const char *path;	/* exact: "/metrics"; the last of an array has NULL */
	/* Fills body, may change *content_type (static string); returns the status. */
	int (*fn)(void *arg, struct buf *body, const char **content_type);
	int (*post)(void *arg, const struct httpd_post *p, struct buf *body,
		    const char **content_type);
	/*
	 * httpd_answer() is owed exactly once, not from within the call; p is there until
	 * then, or until httpd_close().
	 */
	void (*post_later)(void *arg, struct httpd_post *p);
	bool (*open)(void *arg);	/* posts: 404 while false; NULL: always open */
	size_t max_post;		/* bytes; 0 = 1 MiB */
};

/* addr "host:port", ":port" (all addresses) or "127.0.0.1:0" (any free port). */
struct httpd *httpd_new(struct uv_loop_s *loop, const char *addr,
			const struct httpd_route *routes, void *arg,
			struct err *err);
/*
 * The same over TLS 1.2 and 1.3. Until there is a certificate every handshake fails; it
 * may be changed at any time, for the handshakes after that.
 */
struct httpd *httpd_new_tls(struct uv_loop_s *loop, const char *addr,
			    const struct httpd_route *routes, void *arg,
			    struct err *err);
/* ERR_INVALID: the PEM cannot be read, or the key is another's; then nothing changes. */
int httpd_set_certificate(struct httpd *h, const char *cert_pem, const char *key_pem,
			  struct err *err) __attribute__((warn_unused_result));
/* The bytes of body pass to the server; content_type is a static string. */
void httpd_answer(struct httpd_post *p, int status, struct buf *body,
		  const char *content_type);
/* From now on each answer ends its connection. NULL-safe. */
void httpd_drain(struct httpd *h);
unsigned httpd_port(const struct httpd *h);
/* Closes; on_closed runs from the loop when all handles are gone. NULL-safe. */
void httpd_close(struct httpd *h);

#endif
