/*
 * httpd.h - the daemon's HTTP endpoints: health, readiness, metrics.
 *
 * libmicrohttpd in external-epoll mode on the loop; GET and HEAD only, 64
 * connections, 10 s idle. A handler fills a buf from memory: it never blocks.
 */
#ifndef CORE_HTTPD_H
#define CORE_HTTPD_H

#include "core/buf.h"
#include "core/err.h"

struct uv_loop_s;
struct httpd;

struct httpd_route {
	const char *path;	/* exact: "/metrics"; the last of an array has NULL */
	/* Fills body, may change *content_type (static string); returns the status. */
	int (*fn)(void *arg, struct buf *body, const char **content_type);
};

/* addr "host:port", ":port" (all addresses) or "127.0.0.1:0" (any free port). */
struct httpd *httpd_new(struct uv_loop_s *loop, const char *addr,
			const struct httpd_route *routes, void *arg,
			struct err *err);
unsigned httpd_port(const struct httpd *h);
/* Closes; on_closed runs from the loop when all handles are gone. NULL-safe. */
void httpd_close(struct httpd *h);

#endif
