/*
 * Connections by identity, and curl's sockets and timers on the loop.
 *
 * curl reuses a connection when host and TLS options agree; who is allowed to
 * use it, it cannot know. So each identity has a pool: two multi handles
 * (requests and watches, neither starves the other) and a share that keeps its
 * TLS sessions. A pool without calls for a minute goes, with its connections;
 * changed credentials make another key and so another pool.
 *
 * curl tells which sockets to watch (on_socket) and when to be called at the
 * latest (on_curl_timer). Both only note it: calling curl from there is not
 * allowed. Each watched socket has a heap block that lives until its uv close
 * callback, because curl closes the descriptor right after on_socket(REMOVE).
 */
#include "http_priv.h"

#include <assert.h>
#include <openssl/evp.h>

#define POOL_IDLE_MS 60000
#define SWEEP_MS 15000
#define MAX_CONNECTIONS 64L

struct http_sock {
	uv_poll_t poll;
	struct link link;
	struct http_multi *m;
	curl_socket_t fd;
	int events;
};

static void on_sock_closed(uv_handle_t *h)
{
	free(container_of((uv_poll_t *)h, struct http_sock, poll));
}

static void sock_close(struct http_sock *k)
{
	link_remove(&k->link);
	k->m = NULL;
	uv_close((uv_handle_t *)&k->poll, on_sock_closed);
}

static void multi_action(struct http_multi *m, curl_socket_t fd, int flags)
{
	struct http_state *s = m->pool->w->http;
	int running;

	s->in_curl++;
	curl_multi_socket_action(m->curl, fd, flags, &running);
	s->in_curl--;
	http_harvest(m);
}

void http_multi_kick(struct http_multi *m)
{
	multi_action(m, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct http_sock *k = container_of(h, struct http_sock, poll);
	struct http_multi *m = k->m;
	curl_socket_t fd = k->fd;
	int flags = 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	if (status < 0) {
		/*
		 * libuv has stopped this poll. With flags 0 curl looks for
		 * itself, and reads what came before the error.
		 */
		flags = 0;
		uv_poll_start(&k->poll, k->events, on_poll);
	}
	multi_action(m, fd, flags);
}

static struct http_sock *sock_new(struct http_multi *m, curl_socket_t fd)
{
	struct http_sock *k = xcalloc(1, sizeof(*k));

	if (uv_poll_init_socket(m->pool->w->loop, &k->poll, fd) < 0) {
		free(k);
		return NULL;
	}
	k->m = m;
	k->fd = fd;
	link_init(&k->link);
	link_append(&m->socks, &k->link);
	curl_multi_assign(m->curl, fd, k);
	return k;
}

static void sock_unwatchable(CURL *easy)
{
	struct http_req *r = NULL;
	struct err err = ERR_INIT;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	if (!r)
		return;
	err_set(&err, ERR_IO, "%s: the loop cannot watch the socket", r->where);
	http_req_end(r, &err);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *sockp)
{
	struct http_multi *m = arg;
	struct http_sock *k = sockp;

	if (what == CURL_POLL_REMOVE) {
		if (k) {
			curl_multi_assign(m->curl, fd, NULL);
			sock_close(k);
		}
		return 0;
	}
	if (!k)
		k = sock_new(m, fd);
	if (!k) {
		sock_unwatchable(easy);
		return 0;
	}
	k->events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
		    (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	uv_poll_start(&k->poll, k->events, on_poll);
	return 0;
}

static void on_timer(uv_timer_t *t)
{
	http_multi_kick(container_of(t, struct http_multi, timer));
}

static int on_curl_timer(CURLM *curl, long ms, void *arg)
{
	struct http_multi *m = arg;
	struct world_uv *w = m->pool->w;

	(void)curl;
	if (w->closing)
		return 0;
	uv_timer_stop(&m->timer);
	link_remove(&m->kicked);
	if (ms == 0) {
		link_append(&w->http->kicked, &m->kicked);
		http_pump_soon(w);
	} else if (ms > 0) {
		uv_update_time(w->loop);
		uv_timer_start(&m->timer, on_timer, (uint64_t)ms, 0);
	}
	return 0;
}

static struct http_multi *multi_new(struct http_pool *p)
{
	struct http_multi *m = xcalloc(1, sizeof(*m));

	m->pool = p;
	link_init(&m->socks);
	link_init(&m->kicked);
	uv_timer_init(p->w->loop, &m->timer);
	m->curl = curl_multi_init();
	if (!m->curl)
		abort();
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
	curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return m;
}

static void on_multi_closed(uv_handle_t *h)
{
	free(container_of((uv_timer_t *)h, struct http_multi, timer));
}

static void multi_close(struct http_multi *m)
{
	if (!m)
		return;
	/* Closing connections calls on_socket and on_curl_timer once more. */
	curl_multi_cleanup(m->curl);
	m->curl = NULL;
	while (!link_empty(&m->socks))
		sock_close(container_of(m->socks.next, struct http_sock, link));
	link_remove(&m->kicked);
	uv_timer_stop(&m->timer);
	m->pool = NULL;
	uv_close((uv_handle_t *)&m->timer, on_multi_closed);
}

struct http_multi *http_pool_lane(struct http_pool *p, enum http_lane lane)
{
	unsigned i = lane == HTTP_WATCH;

	if (!p->lanes[i])
		p->lanes[i] = multi_new(p);
	return p->lanes[i];
}

static void hash_part(EVP_MD_CTX *md, const char *s)
{
	uint64_t len = s ? strlen(s) : UINT64_MAX;

	EVP_DigestUpdate(md, &len, sizeof(len));
	if (s)
		EVP_DigestUpdate(md, s, len);
}

/* The host and whatever tells one client from another there; not the path. */
static void pool_key(const struct http_endpoint *e, unsigned char key[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	const char *host = strstr(e->url ? e->url : "", "://");
	_cleanup_free_ char *origin = NULL;
	unsigned char flags = e->insecure_skip_verify;

	origin = host ? xstrndup(e->url, (size_t)(host - e->url) + 3 +
				 strcspn(host + 3, "/?#")) : xstrdup(e->url);
	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	hash_part(md, origin);
	hash_part(md, e->ca_pem);
	hash_part(md, e->cert_pem);
	hash_part(md, e->key_pem);
	hash_part(md, e->tls_server_name);
	hash_part(md, e->proxy_url);
	hash_part(md, e->bearer);
	hash_part(md, e->username);
	hash_part(md, e->password);
	hash_part(md, e->as_user);
	for (char **g = e->as_groups; g && *g; g++)
		hash_part(md, *g);
	EVP_DigestUpdate(md, &flags, sizeof(flags));
	EVP_DigestUpdate(md, &e->generation, sizeof(e->generation));
	EVP_DigestFinal_ex(md, key, NULL);
	EVP_MD_CTX_free(md);
}

static struct http_pool *pool_find(struct world_uv *w,
				   const unsigned char key[32])
{
	struct link *list = &w->http->pools;

	for (struct link *l = list->next; l != list; l = l->next) {
		struct http_pool *p = container_of(l, struct http_pool, link);

		if (!p->forgotten && !memcmp(p->key, key, sizeof(p->key)))
			return p;
	}
	return NULL;
}

static struct http_pool *pool_new(struct world_uv *w,
				  const unsigned char key[32])
{
	struct http_pool *p = xcalloc(1, sizeof(*p));

	p->w = w;
	memcpy(p->key, key, sizeof(p->key));
	p->share = curl_share_init();
	if (!p->share)
		abort();
	curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	link_init(&p->link);
	link_append(&w->http->pools, &p->link);
	return p;
}

static void pool_free(struct http_pool *p)
{
	assert(!p->calls);
	link_remove(&p->link);
	multi_close(p->lanes[0]);
	multi_close(p->lanes[1]);
	curl_share_cleanup(p->share);
	free(p);
}

struct http_pool *http_pool_get(struct world_uv *w,
				const struct http_endpoint *e)
{
	unsigned char key[32];
	struct http_pool *p;

	pool_key(e, key);
	p = pool_find(w, key);
	if (!p)
		p = pool_new(w, key);
	p->calls++;
	return p;
}

/*
 * The pool stays a while for its connections. The sweep is a timer of the world,
 * which must not keep an otherwise empty loop alive for long: it ends with the
 * last pool.
 */
void http_pool_put(struct http_pool *p)
{
	struct world_uv *w = p->w;

	assert(p->calls);
	if (--p->calls)
		return;
	p->idle_since = world_now(&w->base);
	if (w->closing)
		return;
	if (p->forgotten)
		pool_free(p);
	else if (!w->http->sweep.active)
		world_timer_start(&w->base, &w->http->sweep, SWEEP_MS);
}

void http_pool_forget(struct world_uv *w, const struct http_endpoint *e)
{
	unsigned char key[32];
	struct http_pool *p;

	pool_key(e, key);
	p = pool_find(w, key);
	if (!p)
		return;
	if (p->calls)
		p->forgotten = true;	/* freed with its last call */
	else
		pool_free(p);
}

void http_pool_sweep(struct world_uv *w, bool all)
{
	struct link *list = &w->http->pools, *l, *next;
	uint64_t now = world_now(&w->base);

	for (l = list->next; l != list; l = next) {
		struct http_pool *p = container_of(l, struct http_pool, link);

		next = l->next;
		if (all || (!p->calls && now >= p->idle_since + POOL_IDLE_MS))
			pool_free(p);
	}
	if (!all && !link_empty(list))
		world_timer_start(&w->base, &w->http->sweep, SWEEP_MS);
}
