#include "netserver.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"

#define MAX_CONNS 256

struct conn {
	struct netserver *s;
	pthread_t thread;
	int fd;
	bool used;
	SSL *ssl;
};

struct netserver {
	pthread_t thread;
	pthread_mutex_t lock;
	int fd;
	unsigned port;
	bool stopping;
	SSL_CTX *tls;
	unsigned connections, resumed, requests;
	struct conn conns[MAX_CONNS];
};

static bool stopping(struct netserver *s)
{
	bool r;

	pthread_mutex_lock(&s->lock);
	r = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return r;
}

static bool put(struct conn *c, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = c->ssl ? SSL_write(c->ssl, p, (int)len) :
				     send(c->fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool puts_all(struct conn *c, const char *s)
{
	return put(c, s, strlen(s));
}

static ssize_t get(struct conn *c, char *data, size_t len)
{
	return c->ssl ? SSL_read(c->ssl, data, (int)len) :
			recv(c->fd, data, len, 0);
}

/* One request into b; *head_len: up to the empty line. */
static bool read_request(struct conn *c, struct buf *b, size_t *head_len)
{
	size_t want = 0;
	char chunk[4096];
	char *end;

	*head_len = 0;
	for (;;) {
		ssize_t n;

		end = b->data ? strstr(b->data, "\r\n\r\n") : NULL;
		if (end && !*head_len) {
			char *l = strcasestr(b->data, "\r\ncontent-length:");

			*head_len = (size_t)(end - b->data) + 4;
			if (l && l < end)
				want = strtoul(l + 17, NULL, 10);
		}
		if (*head_len && b->len >= *head_len + want)
			return true;
		n = get(c, chunk, sizeof(chunk));
		if (n <= 0)
			return false;
		buf_add(b, chunk, (size_t)n);
		if (!c->ssl && b->data[0] == 0x16) {
			/* A TLS hello on a plain port: as real servers do. */
			puts_all(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
			return false;
		}
	}
}

static bool answer(struct conn *c, const char *status, const char *headers,
		   const void *body, size_t len)
{
	_cleanup_free_ char *head = xasprintf(
		"HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, len,
		headers);

	return puts_all(c, head) && put(c, body, len);
}

/* Until the client goes away or the server stops. */
static void be_silent(struct conn *c)
{
	char x[64];

	while (!stopping(c->s) && get(c, x, sizeof(x)) > 0)
		;
}

static bool huge(struct conn *c, size_t n)
{
	_cleanup_free_ char *block = xcalloc(1, 65536);
	_cleanup_free_ char *head = xasprintf(
		"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);

	memset(block, 'x', 65536);
	if (!puts_all(c, head))
		return false;
	for (; n; n -= n < 65536 ? n : 65536)
		if (!put(c, block, n < 65536 ? n : 65536))
			return false;
	return true;
}

static void drip(struct conn *c)
{
	if (!puts_all(c, "HTTP/1.1 200 OK\r\n"
			 "Transfer-Encoding: chunked\r\n\r\n"))
		return;
	while (!stopping(c->s) && puts_all(c, "1\r\nx\r\n"))
		usleep(20000);
}

static bool redirect(struct conn *c, const char *to)
{
	_cleanup_free_ char *h = xasprintf("Location: %s\r\n", to);

	return answer(c, "302 Found", h, "elsewhere", 9);
}

static bool status(struct conn *c, const char *n)
{
	_cleanup_free_ char *s = xasprintf("%s Word", n);

	return answer(c, s, "Retry-After: 7\r\n", "{}", 2);
}

static bool answer_id(struct conn *c, const char *path, const char *query,
		      const struct buf *request)
{
	const char *id = strcasestr(request->data, "\r\naudit-id: ");
	size_t len = id ? strcspn(id + 12, "\r") : 0;
	_cleanup_free_ char *h = *query ?
		xasprintf("Audit-Id: %s\r\nAudit-Id: %.*s\r\n", query,
			  strcmp(query, "wrong") ? (int)len : 0, id ? id + 12 : "") :
		xasprintf("Audit-Id: %.*s\r\n", (int)len, id ? id + 12 : "");

	if (!answer(c, "200 OK", h, path, strlen(path)))
		return false;
	if (strcmp(path, "/id-twice"))
		return true;
	usleep(20000);
	return answer(c, "200 OK", h, path, strlen(path));
}

/* false: the connection ends. */
static bool serve(struct conn *c, const char *path, const char *query,
		  const struct buf *request)
{
	if (!strcmp(path, "/ok"))
		return answer(c, "200 OK", "ETag: \"v1\"\r\n"
			      "Content-Type: text/plain\r\n", "hello", 5);
	if (!strncmp(path, "/id", 3))
		return answer_id(c, path, query, request);
	if (!strcmp(path, "/echo"))
		return answer(c, "200 OK", "", request->data, request->len);
	if (!strcmp(path, "/hang"))
		be_silent(c);
	if (!strcmp(path, "/cut"))
		puts_all(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
			    "0123456789");
	if (!strcmp(path, "/status"))
		return status(c, query);
	if (!strcmp(path, "/huge"))
		return huge(c, strtoul(query, NULL, 10));
	if (!strcmp(path, "/drip"))
		drip(c);
	if (!strcmp(path, "/stall")) {
		puts_all(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
			    "01234");
		be_silent(c);
	}
	if (!strcmp(path, "/continue")) {
		puts_all(c, "HTTP/1.1 100 Continue\r\nETag: wrong\r\n\r\n");
		return answer(c, "200 OK", "", "after", 5);
	}
	if (!strcmp(path, "/to"))
		return redirect(c, query);
	if (!strcmp(path, "/loop"))
		return redirect(c, "/loop");
	if (!strcmp(path, "/garbage"))
		puts_all(c, "SSH-2.0-nonsense\r\n");
	return false;
}

static bool serve_one(struct conn *c)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char method[16], path[512];
	size_t head;
	char *query;

	if (!read_request(c, &b, &head) ||
	    sscanf(b.data, "%15s %511s", method, path) != 2)
		return false;
	pthread_mutex_lock(&c->s->lock);
	c->s->requests++;
	pthread_mutex_unlock(&c->s->lock);
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	return serve(c, path, query ? query : "", &b);
}

static bool tls_accept(struct conn *c)
{
	if (!c->s->tls)
		return true;
	c->ssl = SSL_new(c->s->tls);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_accept(c->ssl) != 1)
		return false;
	pthread_mutex_lock(&c->s->lock);
	c->s->resumed += SSL_session_reused(c->ssl) == 1;
	pthread_mutex_unlock(&c->s->lock);
	return true;
}

static void *conn_main(void *arg)
{
	struct conn *c = arg;
	char x[1024];

	if (tls_accept(c))
		while (!stopping(c->s) && serve_one(c))
			;
	SSL_free(c->ssl);
	c->ssl = NULL;
	/* What the client still sends must not turn our end into a reset. */
	shutdown(c->fd, SHUT_WR);
	while (recv(c->fd, x, sizeof(x), MSG_DONTWAIT) > 0)
		;
	pthread_mutex_lock(&c->s->lock);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->s->lock);
	return NULL;
}

static void conn_start(struct netserver *s, int fd)
{
	for (int i = 0; i < MAX_CONNS; i++) {
		struct conn *c = &s->conns[i];

		if (c->used && c->fd < 0) {
			pthread_join(c->thread, NULL);
			c->used = false;
		}
		if (c->used)
			continue;
		*c = (struct conn){ .s = s, .fd = fd, .used = true };
		s->connections++;
		if (pthread_create(&c->thread, NULL, conn_main, c))
			abort();
		return;
	}
	close(fd);
}

static void *server_main(void *arg)
{
	struct netserver *s = arg;

	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		bool end;

		if (fd < 0 && !stopping(s)) {
			usleep(1000);
			continue;
		}
		pthread_mutex_lock(&s->lock);
		end = s->stopping;
		if (!end)
			conn_start(s, fd);
		pthread_mutex_unlock(&s->lock);
		if (end) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
	}
}

static X509 *read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	if (!x)
		abort();
	return x;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	if (!k)
		abort();
	return k;
}

static SSL_CTX *tls_ctx(const struct netserver_options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509 *x = read_cert(o->cert_pem);
	EVP_PKEY *k = read_key(o->key_pem);

	SSL_CTX_use_certificate(ctx, x);
	SSL_CTX_use_PrivateKey(ctx, k);
	X509_free(x);
	EVP_PKEY_free(k);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	if (o->client_ca_pem) {
		X509 *ca = read_cert(o->client_ca_pem);

		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
		X509_free(ca);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
				   SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return ctx;
}

struct netserver *netserver_start(const struct netserver_options *o)
{
	struct netserver *s = xcalloc(1, sizeof(*s));
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);

	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&s->lock, NULL);
	if (o && o->cert_pem)
		s->tls = tls_ctx(o);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, len) < 0 ||
	    listen(s->fd, 512) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	s->port = ntohs(a.sin_port);
	if (pthread_create(&s->thread, NULL, server_main, s))
		abort();
	return s;
}

void netserver_stop(struct netserver *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	shutdown(s->fd, SHUT_RDWR);
	for (int i = 0; i < MAX_CONNS; i++)
		if (s->conns[i].used && s->conns[i].fd >= 0)
			shutdown(s->conns[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < MAX_CONNS; i++)
		if (s->conns[i].used)
			pthread_join(s->conns[i].thread, NULL);
	close(s->fd);
	SSL_CTX_free(s->tls);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

unsigned netserver_port(const struct netserver *s)
{
	return s->port;
}

static unsigned counter(struct netserver *s, const unsigned *n)
{
	unsigned r;

	pthread_mutex_lock(&s->lock);
	r = *n;
	pthread_mutex_unlock(&s->lock);
	return r;
}

unsigned netserver_connections(struct netserver *s)
{
	return counter(s, &s->connections);
}

unsigned netserver_resumed(struct netserver *s)
{
	return counter(s, &s->resumed);
}

unsigned netserver_requests(struct netserver *s)
{
	return counter(s, &s->requests);
}

static char *bio_text(BIO *bio)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	char *text = xstrndup(data, (size_t)n);

	BIO_free(bio);
	return text;
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!e)
		abort();
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

void netserver_make_cert(const char *name, const char *issuer_cert,
			 const char *issuer_key, char **cert, char **key)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	EVP_PKEY *ik = issuer_key ? read_key(issuer_key) : k;
	X509 *x = X509_new();
	X509 *ix = issuer_cert ? read_cert(issuer_cert) : x;
	bool ip = name[0] >= '0' && name[0] <= '9';
	_cleanup_free_ char *san = xasprintf("%s:%s", ip ? "IP" : "DNS", name);
	static long serial = 1;
	BIO *out;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 24 * 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(ix));
	X509_set_pubkey(x, k);
	add_extension(x, ix, NID_subject_alt_name, san);
	add_extension(x, ix, NID_basic_constraints, "CA:TRUE");
	if (!X509_sign(x, ik, EVP_sha256()))
		abort();
	out = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(out, x);
	*cert = bio_text(out);
	out = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(out, k, NULL, NULL, 0, NULL, NULL);
	*key = bio_text(out);
	if (ix != x)
		X509_free(ix);
	if (ik != k)
		EVP_PKEY_free(ik);
	X509_free(x);
	EVP_PKEY_free(k);
}
