/*
 * Health, readiness, metrics and webhooks over HTTP, or over HTTPS (httpd_tls.c), by
 * libmicrohttpd on our loop.
 *
 * The library keeps its sockets in an epoll descriptor of its own, which the loop
 * watches; when it is readable, or the library's timeout passed, MHD_run() does
 * what is due and calls on_request, which answers from memory at once, or
 * suspends the connection until httpd_answer(). Nothing here waits: a client that is
 * slow or silent is cut after 10 s, more than 64 at once are not accepted. Only starting
 * can fail (address, port in use).
 */
#include "core/httpd.h"

#include "core/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "httpd_priv.h"

#define MAX_CONNECTIONS 64
#define IDLE_S 10
/*
 * The API server keeps idle connections for 90 s: whoever closes first must be it. A
 * request that crosses our end of a connection would fail, and an admission with it.
 */
#define IDLE_TLS_S 120
#define MEMORY_PER_CONNECTION 16384
#define MAX_BODY ((size_t)16 << 20)
#define MAX_POST ((size_t)1 << 20)
#define MAX_POSTS ((size_t)8 << 20)	/* of all connections together */

struct httpd {
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;
	bool in_run, closing, draining;
	unsigned port;
	size_t posted;		/* bytes of bodies under way */
	const struct httpd_route *routes;
	void *arg;
	struct post *waiting;	/* suspended; utlist */
	struct httpd_tls *tls;	/* NULL: plain */
};

static const struct httpd_route *route_find(const struct httpd *h,
					    const char *path)
{
	for (const struct httpd_route *r = h->routes; r->path; r++)
		if (!strcmp(r->path, path))
			return r;
	return NULL;
}

/* A request with a body, from its headers to its answer. */
struct post {
	struct httpd_post parent;	/* must be first */
	struct MHD_Connection *c;
	struct httpd *h;
	struct buf body;
	size_t max;
	int refused;		/* the status, 0: not yet */
	bool asked;		/* of a route that answers later */
	int status;		/* that answer; 0: not yet */
	struct buf answer;
	const char *type;
	struct post *prev, *next;	/* in httpd.waiting */
};

/* body's bytes pass to the library. allow: the methods, NULL: any will do. */
static enum MHD_Result reply(const struct httpd *h, struct MHD_Connection *c, int status,
			     const char *type, struct buf *body, const char *allow)
{
	struct MHD_Response *r;
	enum MHD_Result rc;
	size_t len;
	char *data = buf_steal(body, &len);

	r = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(data);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (allow)
		MHD_add_response_header(r, "Allow", allow);
	if (h->draining)
		MHD_add_response_header(r, "Connection", "close");
	rc = MHD_queue_response(c, (unsigned)status, r);
	MHD_destroy_response(r);
	return rc;
}

static const char *header(const struct httpd_post *p, const char *name)
{
	const struct post *post = (const struct post *)p;

	return MHD_lookup_connection_value(post->c, MHD_HEADER_KIND, name);
}

static struct post *post_new(struct httpd *h, const struct httpd_route *r,
			     struct MHD_Connection *c)
{
	struct post *p = xcalloc(1, sizeof(*p));
	size_t max = r->max_post ? r->max_post : MAX_POST;
	const char *length;

	*p = (struct post){ .parent.header = header, .c = c, .h = h, .max = max,
			    .body = BUF_INIT_MAX(max + 1) };
	length = header(&p->parent, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (r->open && !r->open(h->arg))
		p->refused = MHD_HTTP_NOT_FOUND;
	else if (length && strtoull(length, NULL, 10) > max)
		p->refused = MHD_HTTP_CONTENT_TOO_LARGE;
	return p;
}

static void post_drop(struct httpd *h, struct post *p)
{
	h->posted -= p->body.len;
	buf_deinit(&p->body);
	p->body = (struct buf)BUF_INIT;
}

static void post_take(struct httpd *h, struct post *p, const char *data, size_t len)
{
	if (p->refused)
		return;
	if (p->body.len + len > p->max)
		p->refused = MHD_HTTP_CONTENT_TOO_LARGE;
	else if (h->posted + len > MAX_POSTS)
		p->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
	if (p->refused) {
		post_drop(h, p);	/* makes room for the others */
		return;
	}
	h->posted += len;
	buf_add(&p->body, data, len);
}

static void on_completed(void *arg, struct MHD_Connection *c, void **priv,
			 enum MHD_RequestTerminationCode why)
{
	struct httpd *h = arg;
	struct post *p = *priv;

	(void)c;
	(void)why;
	*priv = NULL;
	if (!p || (void *)p == (void *)h)
		return;
	post_drop(h, p);
	buf_deinit(&p->answer);
	free(p);
}

static void on_timer(uv_timer_t *t);

void httpd_answer(struct httpd_post *parent, int status, struct buf *body,
		  const char *content_type)
{
	struct post *p = (struct post *)parent;

	DL_DELETE(p->h->waiting, p);
	p->status = status;
	p->type = content_type;
	p->answer = *body;
	*body = (struct buf)BUF_INIT;
	MHD_resume_connection(p->c);
	uv_timer_start(&p->h->timer, on_timer, 0, 0);	/* the library does not wake us */
}

/* The connection sleeps until httpd_answer(); the library then calls once more. */
static enum MHD_Result post_ask(struct httpd *h, const struct httpd_route *r,
				struct post *p)
{
	p->asked = true;
	p->parent.body = buf_str(&p->body);
	p->parent.len = p->body.len;
	DL_APPEND(h->waiting, p);
	MHD_suspend_connection(p->c);
	r->post_later(h->arg, &p->parent);
	return MHD_YES;
}

static enum MHD_Result post_answer(struct httpd *h, const struct httpd_route *r,
				   struct post *p)
{
	struct buf body = BUF_INIT_MAX(MAX_BODY);
	const char *type = "text/plain; charset=utf-8";
	int status = p->refused;

	if (p->status)
		return reply(h, p->c, p->status, p->type, &p->answer, NULL);
	if (!status && r->post_later)
		return p->asked ? MHD_YES : post_ask(h, r, p);
	if (!status) {
		p->parent.body = buf_str(&p->body);
		p->parent.len = p->body.len;
		status = r->post(h->arg, &p->parent, &body, &type);
	} else {
		buf_adds(&body, status == MHD_HTTP_NOT_FOUND ? "not here\n" :
			 status == MHD_HTTP_CONTENT_TOO_LARGE ?
			 "the body is too large\n" : "too much at once\n");
	}
	return reply(h, p->c, status, type, &body, NULL);
}

/* The library calls for the headers, for each part of the body, and at its end. */
static enum MHD_Result on_post(struct httpd *h, const struct httpd_route *r,
			       struct MHD_Connection *c, const char *data,
			       size_t *len, void **priv)
{
	if (!*priv) {
		*priv = post_new(h, r, c);
		return MHD_YES;
	}
	if (!*len)
		return post_answer(h, r, *priv);
	post_take(h, *priv, data, *len);
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *path, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_size, void **priv)
{
	struct httpd *h = arg;
	const struct httpd_route *r = route_find(h, path);
	struct buf body = BUF_INIT_MAX(MAX_BODY);
	const char *type = "text/plain; charset=utf-8";
	int status;

	(void)version;
	if (r && !r->fn && !strcmp(method, "POST"))
		return on_post(h, r, c, upload, upload_size, priv);
	if (!*priv) {
		*priv = h;	/* the first of two calls: headers only */
		return MHD_YES;
	}
	if (*upload_size) {	/* a body is read and dropped */
		*upload_size = 0;
		return MHD_YES;
	}
	if (r && !r->fn) {
		buf_adds(&body, "only POST\n");
		return reply(h, c, MHD_HTTP_METHOD_NOT_ALLOWED, type, &body, "POST");
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
		buf_adds(&body, "only GET and HEAD\n");
		return reply(h, c, MHD_HTTP_METHOD_NOT_ALLOWED, type, &body, "GET, HEAD");
	}
	if (!r) {
		buf_adds(&body, "not here\n");
		return reply(h, c, MHD_HTTP_NOT_FOUND, type, &body, NULL);
	}
	status = r->fn(h->arg, &body, &type);
	if (buf_overflowed(&body)) {
		buf_clear(&body);
		buf_adds(&body, "the answer is too large\n");
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	return reply(h, c, status, type, &body, NULL);
}

static void run(struct httpd *h);

static void on_timer(uv_timer_t *t)
{
	run(t->data);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	run(p->data);
}

static void on_closed(uv_handle_t *handle)
{
	struct httpd *h = handle->data;

	if (!--h->handles) {
		httpd_tls_free(h->tls);
		free(h);
	}
}

static void stop(struct httpd *h)
{
	struct post *p, *next;

	/* The epoll descriptor is the library's: first we let go of it. */
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	DL_FOREACH_SAFE(h->waiting, p, next)	/* it must not sleep when it is ended */
		MHD_resume_connection(p->c);
	h->waiting = NULL;
	MHD_stop_daemon(h->mhd);
	h->mhd = NULL;
}

/* After every run the library may want to be called at another time. */
static void run(struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	h->in_run = true;
	MHD_run(h->mhd);
	h->in_run = false;
	if (h->closing) {
		stop(h);
		return;
	}
	if (MHD_get_timeout(h->mhd, &ms) != MHD_YES)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timer, ms ? ms : 1, 0);
}

void httpd_close(struct httpd *h)
{
	if (!h || h->closing)
		return;
	h->closing = true;
	if (!h->in_run)
		stop(h);
}

void httpd_drain(struct httpd *h)
{
	if (h)
		h->draining = true;
}

static int split_addr(const char *addr, char **host, char **port,
		      struct err *err)
{
	const char *colon = strrchr(addr, ':');
	size_t n;

	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") !=
				   strlen(colon + 1) ||
	    strtoul(colon + 1, NULL, 10) > 65535)
		return err_set(err, ERR_INVALID, "address \"%s\": expected "
			       "host:port or :port", addr);
	n = (size_t)(colon - addr);
	if (n >= 2 && addr[0] == '[' && colon[-1] == ']')
		*host = xstrndup(addr + 1, n - 2);
	else
		*host = xstrndup(addr, n);
	*port = xstrdup(colon + 1);
	return 0;
}

static int listen_at(const struct addrinfo *a)
{
	int on = 1, off = 0;
	int fd = socket(a->ai_family,
			a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 128) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* ":port" is all addresses: IPv6 with IPv4 in it, or IPv4 where there is no 6. */
static int listen_on(const char *addr, struct err *err)
{
	static const char *const all[] = { "::", "0.0.0.0", NULL };
	_cleanup_free_ char *host = NULL, *port = NULL;
	const char *one[] = { NULL, NULL };
	const char *const *h = all;
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	}, *list;
	int fd = -1;

	if (split_addr(addr, &host, &port, err))
		return -1;
	if (host && *host) {
		one[0] = !strcmp(host, "localhost") ? "127.0.0.1" : host;
		h = one;
	}
	errno = EADDRNOTAVAIL;
	for (; *h && fd < 0; h++) {
		if (getaddrinfo(*h, port, &hints, &list))
			return err_set(err, ERR_INVALID, "address \"%s\": \"%s\""
				       " is not an IP address", addr, *h);
		fd = listen_at(list);
		freeaddrinfo(list);
	}
	if (fd < 0)
		return err_set(err, ERR_IO, "cannot listen at %s: %s", addr,
			       strerror(errno));
	return fd;
}

/* The port lies at the same place in both families' addresses. */
static unsigned port_of(int fd)
{
	struct sockaddr_in6 a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.sin6_port);
}

static struct MHD_Daemon *mhd_start(struct httpd *h, int fd)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem none = { MHD_OPTION_END, 0, NULL }, tls[HTTPD_TLS_OPTIONS];

	if (h->tls)
		flags |= MHD_USE_TLS;
	httpd_tls_options(h->tls, tls);
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT,
				(unsigned)MAX_CONNECTIONS,
				MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)(h->tls ? IDLE_TLS_S : IDLE_S),
				MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)MEMORY_PER_CONNECTION,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				MHD_OPTION_ARRAY, h->tls ? tls : &none,
				MHD_OPTION_END);
}

static struct httpd *start(struct uv_loop_s *loop, const char *addr,
			   const struct httpd_route *routes, void *arg,
			   struct httpd_tls *tls, struct err *err)
{
	const union MHD_DaemonInfo *info;
	struct httpd *h;
	int fd = listen_on(addr, err);

	if (fd < 0)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->routes = routes;
	h->arg = arg;
	h->tls = tls;
	h->port = port_of(fd);
	h->mhd = mhd_start(h, fd);
	if (!h->mhd) {
		close(fd);
		free(h);
		err_set(err, ERR_INTERNAL, "libmicrohttpd does not start");
		return NULL;
	}
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || uv_poll_init(loop, &h->poll, info->epoll_fd) < 0) {
		MHD_stop_daemon(h->mhd);
		free(h);
		err_set(err, ERR_IO, "the loop cannot watch the HTTP server");
		return NULL;
	}
	uv_timer_init(loop, &h->timer);
	h->poll.data = h->timer.data = h;
	h->handles = 2;
	uv_poll_start(&h->poll, UV_READABLE, on_poll);
	return h;
}

struct httpd *httpd_new(struct uv_loop_s *loop, const char *addr,
			const struct httpd_route *routes, void *arg,
			struct err *err)
{
	return start(loop, addr, routes, arg, NULL, err);
}

struct httpd *httpd_new_tls(struct uv_loop_s *loop, const char *addr,
			    const struct httpd_route *routes, void *arg,
			    struct err *err)
{
	struct httpd_tls *tls = httpd_tls_new();
	struct httpd *h = start(loop, addr, routes, arg, tls, err);

	if (!h)
		httpd_tls_free(tls);
	return h;
}

int httpd_set_certificate(struct httpd *h, const char *cert_pem, const char *key_pem,
			  struct err *err)
{
	return httpd_tls_set(h->tls, cert_pem, key_pem, err);
}

unsigned httpd_port(const struct httpd *h)
{
	return h->port;
}
