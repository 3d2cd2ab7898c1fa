/*
 * One curl handle: its options, and the callbacks that hand on head and data.
 *
 * Credentials go as headers of our own making, so that curl can neither keep them
 * with a connection nor send them after a redirect (we follow those ourselves).
 * TLS material is copied: the owner may rotate it while we run. No option is read
 * from the environment.
 */
#include "http_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#define USER_TIMEOUT_MS 30000
#define HEADER_MAX ((size_t)4096)

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
				    struct curl_sockaddr *a)
{
	struct http_req *r = arg;
	int on = 1, idle_s = 30, between_s = 10, fd;
	unsigned unacked_ms = r->call->unacked_ms ? r->call->unacked_ms :
			      USER_TIMEOUT_MS;

	(void)purpose;
	r->opened = true;
	http_dns_done(r, false);
	fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    a->protocol);
	if (fd < 0) {
		r->open_errno = errno;
		return CURL_SOCKET_BAD;
	}
	/* A peer that vanished is noticed in 30 s, not in 15 min. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s,
		   sizeof(between_s));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms,
		   sizeof(unacked_ms));
	return fd;
}

/* The connection stands, and maybe has for long: may the request still go? */
static int on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct http_req *r = arg;
	struct err err = ERR_INIT;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	if (!http_req_ended(r) &&
	    (!r->call->may_send || r->call->may_send(r->call)))
		return CURL_PREREQFUNC_OK;
	err_set(&err, ERR_CANCELLED, "%s: not sent, it may not be any more", r->where);
	http_req_end(r, &err);
	return CURL_PREREQFUNC_ABORT;
}

static int on_resolve(void *resolver, void *reserved, void *arg)
{
	struct http_req *r = arg;

	(void)resolver;
	(void)reserved;
	if (http_dns_take(r))
		return 0;
	r->dns_refused = true;
	return 1;
}

static bool header_is(const char *line, size_t len, const char *name,
		      const char **value, size_t *value_len)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n))
		return false;
	line += n + 1;
	len -= n + 1;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && strchr("\r\n \t", line[len - 1]))
		len--;
	*value = line;
	*value_len = len;
	return true;
}

static void keep(char **to, const char *value, size_t len)
{
	free(*to);
	*to = len <= HEADER_MAX ? xstrndup(value, len) : NULL;
}

static void head_forget(struct http_req *r)
{
	free(steal(&r->etag));
	free(steal(&r->location));
	free(steal(&r->content_type));
	r->retry_after_ms = 0;
	r->id_missed = r->id_met = false;
}

static bool is_followed(const struct http_req *r)
{
	return r->call->endpoint->follow_redirects && r->location &&
	       !strcmp(r->call->method, "GET") &&
	       (r->status == 301 || r->status == 302 || r->status == 303 ||
		r->status == 307 || r->status == 308);
}

/*
 * A server, or what stands in front of it, may answer twice: then each later answer
 * on the connection is the one before.
 */
static bool is_anothers(struct http_req *r)
{
	struct err err = ERR_INIT;

	if (!r->id_missed || r->id_met)
		return false;
	err_set(&err, ERR_NET, "%s: the answer belongs to another request (%s)", r->where,
		r->call->echoed);
	http_req_end(r, &err);
	return true;
}

/* All headers are there. 1xx only announces; a followed redirect is not told. */
static void head_whole(struct http_req *r)
{
	struct http_call *c = r->call;
	long status = 0;

	if (is_anothers(r))
		return;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	if (status < 200) {
		head_forget(r);
		return;
	}
	r->head_seen = true;
	if (is_followed(r))
		return;
	free(steal(&r->location));
	r->head_told = true;
	if (c->on_head)
		c->on_head(c, r->status, r->retry_after_ms,
			   r->content_type ? r->content_type : "",
			   r->etag ? r->etag : "");
}

static void note_id(struct http_req *r, const char *value, size_t len)
{
	if (len == strlen(r->id) && !memcmp(value, r->id, len))
		r->id_met = true;	/* an aggregated server adds its own */
	else
		r->id_missed = true;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;
	const char *value;
	size_t len;

	n *= size;
	if (http_req_ended(r))
		return 0;
	r->last_byte = world_now(&r->w->base);
	if (r->head_seen)
		return n;	/* trailers */
	if (n >= 5 && !memcmp(line, "HTTP/", 5))
		head_forget(r);
	else if (n <= 2 && (line[0] == '\r' || line[0] == '\n'))
		head_whole(r);
	else if (header_is(line, n, "Content-Type", &value, &len))
		keep(&r->content_type, value, len);
	else if (header_is(line, n, "ETag", &value, &len))
		keep(&r->etag, value, len);
	else if (header_is(line, n, "Location", &value, &len))
		keep(&r->location, value, len);
	else if (header_is(line, n, "Retry-After", &value, &len))
		r->retry_after_ms = http_retry_after(value, len,
				r->w->base.ops->now_wall(&r->w->base));
	else if (r->call->echoed && header_is(line, n, r->call->echoed, &value, &len))
		note_id(r, value, len);
	return http_req_ended(r) ? 0 : n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;
	struct http_call *c = r->call;
	size_t max = c->max_body ? c->max_body : DEFAULT_MAX_BODY;

	n *= size;
	if (http_req_ended(r))
		return 0;
	r->last_byte = world_now(&r->w->base);
	if (n > max - r->body) {
		r->over_limit = true;
		return 0;
	}
	r->body += n;
	if (r->head_told && c->on_data)
		c->on_data(c, data, n);
	return http_req_ended(r) ? 0 : n;
}

bool http_value_ok(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static int add_header(struct http_req *r, const char *name, const char *value,
		      struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!http_value_ok(value))
		return err_set(err, ERR_INVALID,
			       "%s: the value for header %s holds a control "
			       "byte (a newline at its end?)", r->where, name);
	buf_addf(&b, "%s: %s", name, value);
	r->headers = curl_slist_append(r->headers, buf_str(&b));
	OPENSSL_cleanse(b.data, b.len);
	return 0;
}

static int add_basic(struct http_req *r, const char *user, const char *password,
		     struct err *err)
{
	_cleanup_free_ char *plain = xasprintf("%s:%s", user, password);
	size_t len = strlen(plain), cap = 4 * (len / 3 + 1) + 1;
	_cleanup_free_ char *value = xmalloc(cap + 6);
	int rc;

	memcpy(value, "Basic ", 6);
	EVP_EncodeBlock((unsigned char *)value + 6, (unsigned char *)plain,
			(int)len);
	rc = add_header(r, "Authorization", value, err);
	OPENSSL_cleanse(plain, len);
	OPENSSL_cleanse(value, cap + 6);
	return rc;
}

static bool is_set(const char *s)
{
	return s && *s;
}

static int add_identity(struct http_req *r, struct err *err)
{
	const struct http_endpoint *e = r->call->endpoint;
	const char *as = r->call->as_user;

	if (is_set(e->bearer)) {
		_cleanup_free_ char *value = xasprintf("Bearer %s", e->bearer);
		int rc = add_header(r, "Authorization", value, err);

		OPENSSL_cleanse(value, strlen(value));
		if (rc)
			return rc;
	} else if (is_set(e->username) || is_set(e->password)) {
		if (add_basic(r, e->username ? e->username : "",
			      e->password ? e->password : "", err))
			return -1;
	}
	if (is_set(as))
		return add_header(r, "Impersonate-User", as, err);
	if (is_set(e->as_user) &&
	    add_header(r, "Impersonate-User", e->as_user, err))
		return -1;
	for (char **g = e->as_groups; g && *g; g++)
		if (add_header(r, "Impersonate-Group", *g, err))
			return -1;
	return 0;
}

/* A random UUID, as the API server makes them for its audit log. */
static void make_id(struct world *w, char id[37])
{
	uint64_t r[2] = { w->ops->random(w), w->ops->random(w) };
	unsigned char b[16];

	memcpy(b, r, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(id, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
		 b[11], b[12], b[13], b[14], b[15]);
}

static int add_headers(struct http_req *r, struct err *err)
{
	const struct http_call *c = r->call;

	if (add_identity(r, err))
		return -1;
	if (c->echoed) {
		make_id(&r->w->base, r->id);
		if (add_header(r, c->echoed, r->id, err))
			return -1;
	}
	if (c->accept && add_header(r, "Accept", c->accept, err))
		return -1;
	if (c->content_type &&
	    add_header(r, "Content-Type", c->content_type, err))
		return -1;
	for (const char *const *h = c->headers; h && *h; h++) {
		if (!http_value_ok(*h) || !strchr(*h, ':'))
			return err_set(err, ERR_INVALID,
				       "%s: not a header line", r->where);
		r->headers = curl_slist_append(r->headers, *h);
	}
	/* Without these curl adds its own ideas to requests with a body. */
	if (!c->content_type)
		r->headers = curl_slist_append(r->headers, "Content-Type:");
	if (!c->accept)
		r->headers = curl_slist_append(r->headers, "Accept:");
	r->headers = curl_slist_append(r->headers, "Expect:");
	return 0;
}

static void set_method(struct http_req *r)
{
	const struct http_call *c = r->call;
	bool sends = c->body_len || !strcmp(c->method, "POST") ||
		     !strcmp(c->method, "PUT") || !strcmp(c->method, "PATCH");

	if (!strcmp(c->method, "HEAD")) {
		curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
	} else if (sends) {
		curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)c->body_len);
		/* A copy: a call abandoned inside curl loses its body at once. */
		curl_easy_setopt(r->easy, CURLOPT_COPYPOSTFIELDS,
				 c->body_len ? c->body : "");
		curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, c->method);
	} else {
		curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, c->method);
	}
}

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = {
		.data = (char *)pem,
		.len = strlen(pem),
		.flags = CURL_BLOB_COPY,
	};

	if (curl_easy_setopt(easy, option, &blob) != CURLE_OK)
		abort();	/* only out of memory */
}

static void set_tls(struct http_req *r)
{
	const struct http_endpoint *e = r->call->endpoint;
	long verify = !e->insecure_skip_verify;

	curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, verify);
	curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(r->easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	/* A default folder of CAs would switch curl's cache of them off. */
	curl_easy_setopt(r->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(r->easy, CURLOPT_PROXY_CAPATH, NULL);
	if (is_set(e->ca_pem))
		set_blob(r->easy, CURLOPT_CAINFO_BLOB, e->ca_pem);
	if (is_set(e->cert_pem)) {
		curl_easy_setopt(r->easy, CURLOPT_SSLCERTTYPE, "PEM");
		set_blob(r->easy, CURLOPT_SSLCERT_BLOB, e->cert_pem);
	}
	if (is_set(e->key_pem)) {
		curl_easy_setopt(r->easy, CURLOPT_SSLKEYTYPE, "PEM");
		set_blob(r->easy, CURLOPT_SSLKEY_BLOB, e->key_pem);
	}
}

static void set_callbacks(struct http_req *r)
{
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(r->easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(r->easy, CURLOPT_PREREQDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->errbuf);
	curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
	curl_easy_setopt(r->easy, CURLOPT_RESOLVER_START_DATA, r);
}

static void set_manner(struct http_req *r)
{
	const struct http_endpoint *e = r->call->endpoint;

	curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(r->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
	/* Else the end of a hung look-up is waited for, on the loop. */
	curl_easy_setopt(r->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(r->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(r->easy, CURLOPT_PROXY,
			 is_set(e->proxy_url) ? e->proxy_url : "");
	curl_easy_setopt(r->easy, CURLOPT_USERAGENT,
			 is_set(e->user_agent) ? e->user_agent :
						 "syncd/" SYNCD_VERSION);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	if (r->connect_to)
		curl_easy_setopt(r->easy, CURLOPT_CONNECT_TO, r->connect_to);
	curl_easy_setopt(r->easy, CURLOPT_SHARE, r->pool->share);
	curl_easy_setopt(r->easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
}

int http_easy_init(struct http_req *r, struct err *err)
{
	if (http_url_prepare(r, err) || add_headers(r, err))
		return -1;
	if (is_set(r->call->endpoint->key_pem) &&
	    !is_set(r->call->endpoint->cert_pem))
		return err_set(err, ERR_INVALID, "%s: a client key without a "
			       "client certificate", r->where);
	r->pool = http_pool_get(r->w, r->call->endpoint);
	r->easy = curl_easy_init();
	if (!r->easy)
		abort();
	set_callbacks(r);
	set_manner(r);
	set_method(r);
	set_tls(r);
	return 0;
}

static void easy_remove(struct http_req *r)
{
	if (r->added)
		curl_multi_remove_handle(http_pool_lane(r->pool,
					 r->call->lane)->curl, r->easy);
	r->added = false;
}

void http_easy_rewind(struct http_req *r)
{
	easy_remove(r);
	http_dns_done(r, false);
	curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
	r->dns_refused = r->head_seen = r->opened = r->lookup_over = false;
	r->open_errno = 0;
	r->body = 0;
	r->errbuf[0] = '\0';
	head_forget(r);
}

static void slist_free(struct curl_slist *l)
{
	for (struct curl_slist *i = l; i; i = i->next)
		OPENSSL_cleanse(i->data, strlen(i->data));
	curl_slist_free_all(l);
}

void http_easy_deinit(struct http_req *r)
{
	if (r->easy) {
		easy_remove(r);
		curl_easy_cleanup(r->easy);
		r->easy = NULL;
	}
	slist_free(steal(&r->headers));
	slist_free(steal(&r->connect_to));
}
