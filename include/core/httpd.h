/*
 * httpd.h - the daemon's HTTP endpoints: health, readiness, metrics, push webhooks.
 *
 * libmicrohttpd in external-epoll mode on the loop; 64 connections, 10 s idle. A
 * handler fills a buf from memory: it never blocks. A body is at most 1 MiB (413), all
 * that are being read 8 MiB (503).
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

/* Either fn, for GET and HEAD, or post. */
struct httpd_route {
	const char *path;	/* exact: "/metrics"; the last of an array has NULL */
	/* Fills body, may change *content_type (static string); returns the status. */
	int (*fn)(void *arg, struct buf *body, const char **content_type);
	int (*post)(void *arg, const struct httpd_post *p, struct buf *body,
		    const char **content_type);
	bool (*open)(void *arg);	/* post: 404 while false; NULL: always open */
};

/* addr "host:port", ":port" (all addresses) or "127.0.0.1:0" (any free port). */
struct httpd *httpd_new(struct uv_loop_s *loop, const char *addr,
			const struct httpd_route *routes, void *arg,
			struct err *err);
unsigned httpd_port(const struct httpd *h);
/* Closes; on_closed runs from the loop when all handles are gone. NULL-safe. */
void httpd_close(struct httpd *h);

#endif
