/*
 * faultproxy --listen PORT --control PORT --upstream PORT --pki DIR --own NAMESPACE
 *	--patience SECONDS
 *
 * DIR holds server.crt, server.key (what clients see) and ca.crt, admin.crt,
 * admin.key (the real server's). The control port speaks plain HTTP on loopback:
 *
 *	POST /rules	lines "FAULT PHASE SEED MATCH SKIP" are added
 *	GET /report	the rules and how often each fired
 *	POST /clear	no rules any more
 *	POST /drop	every watch is cut, without an end
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "faultproxy.h"

#define WATCHES_MAX 512

static SSL_CTX *server_ctx, *client_ctx;
static int upstream_port;
static char own_secrets[256];	/* "/namespaces/OWN/secrets" */
static _Atomic long long deaf_until;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int watches[WATCHES_MAX];	/* sockets of clients that watch */
static size_t n_watches;

static void die(const char *what)
{
	fprintf(stderr, "faultproxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void handshakes_off(unsigned ms)
{
	deaf_until = now_ms() + ms;
}

/* ---- watches ---- */

static void watch_begins(int fd)
{
	pthread_mutex_lock(&lock);
	if (n_watches < WATCHES_MAX)
		watches[n_watches++] = fd;
	pthread_mutex_unlock(&lock);
}

static void watch_ends(int fd)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_watches; i++)
		if (watches[i] == fd)
			watches[i--] = watches[--n_watches];
	pthread_mutex_unlock(&lock);
}

static void watches_drop(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_watches; i++)
		shutdown(watches[i], SHUT_RDWR);
	pthread_mutex_unlock(&lock);
}

/* ---- a request ---- */

struct job {
	struct conn client, server;
	struct message request, answer;
	char method[16], target[8192];
};

static bool is_discovery(const char *target)
{
	unsigned parts = 0;

	for (const char *p = target; *p && *p != '?'; p++)
		parts += *p == '/';
	return (!strncmp(target, "/api", 4) && parts == 1) ||
	       (!strncmp(target, "/api/", 5) && parts == 2) ||
	       (!strncmp(target, "/apis/", 6) && parts <= 3);
}

static enum phase phase_of(const char *method, const char *target)
{
	bool get = !strcmp(method, "GET"), patch = !strcmp(method, "PATCH");

	if (get && strstr(target, "sendInitialEvents=true"))
		return PHASE_LIST;
	if (get && strstr(target, "watch="))
		return PHASE_WATCH;
	if (get && strstr(target, "limit="))
		return PHASE_LIST;
	if (get)
		return is_discovery(target) ? PHASE_DISCOVERY : PHASE_OTHER;
	if (strstr(target, own_secrets))
		return !strcmp(method, "DELETE") ? PHASE_OTHER : PHASE_RECORD;
	if (patch && strstr(target, "/applications/"))
		return PHASE_STATUS;
	if (patch && strstr(target, "dryRun=All"))
		return PHASE_DRY_RUN;
	if (patch && strstr(target, "force=true"))
		return PHASE_APPLY;
	return !strcmp(method, "DELETE") ? PHASE_DELETE : PHASE_OTHER;
}

static int upstream_open(struct job *j)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)upstream_port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, one = 1;

	if (j->server.ssl)
		return 0;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	if (!conn_open(&j->server, client_ctx, fd, false))
		return 0;
	conn_close(&j->server);
	return -1;
}

static int send_on(struct job *j)
{
	return upstream_open(j) ||
	       conn_write(&j->server, j->request.head, j->request.head_len) ||
	       conn_write(&j->server, j->request.body, j->request.body_len) ||
	       message_read_head(&j->server, &j->answer);
}

/* The server may have closed an idle connection meanwhile: once more, then. */
static int pass_on(struct job *j, bool watch)
{
	bool fresh = !j->server.ssl;
	int rc;

	if (send_on(j)) {
		conn_close(&j->server);
		if (fresh || send_on(j))
			return -1;
	}
	if (conn_write(&j->client, j->answer.head, j->answer.head_len))
		return -1;
	if (watch)
		watch_begins(j->client.fd);
	rc = message_relay_body(&j->server, &j->client, &j->answer);
	if (watch)
		watch_ends(j->client.fd);
	return rc;
}

static int spoil(struct job *j, const struct rule *r, bool watch)
{
	struct exchange x = { .client = &j->client, .server = &j->server,
			      .rule = *r, .watch = watch };
	int rc;

	if (upstream_open(j))
		return -1;
	x.request = j->request;
	rc = exchange_spoil(&x);
	conn_close(&j->server);	/* half of an answer may be in it */
	return rc;
}

/* 0: the next one may come on the same connection. */
static int serve_one(struct job *j, enum fault *ret)
{
	enum phase phase;
	struct rule r;
	bool watch;

	*ret = FAULT_NONE;
	if (message_read_head(&j->client, &j->request) ||
	    message_read_body(&j->client, &j->request, false) ||
	    sscanf(j->request.head, "%15s %8191s", j->method, j->target) != 2)
		return -1;
	phase = phase_of(j->method, j->target);
	watch = strstr(j->target, "watch=") != NULL;
	r = rules_strike(phase, j->target);
	if (!r.fault)
		return pass_on(j, watch);
	printf("%s %s %u: %s %.200s\n", phase_names[phase], r.match, r.seed, j->method,
	       j->target);
	fflush(stdout);
	*ret = r.fault;
	return spoil(j, &r, watch);
}

static bool ends_orderly(enum fault f)
{
	return f == FAULT_CHUNK || f == FAULT_LENGTH || f == FAULT_SLOW ||
	       f == FAULT_TWICE;
}

static void *serve(void *arg)
{
	struct job *j = arg;
	enum fault fault = FAULT_NONE;

	if (!conn_open(&j->client, server_ctx, j->client.fd, true))
		while (!serve_one(j, &fault))
			;
	if (fault && !ends_orderly(fault))
		conn_reset(&j->client);
	else
		conn_close(&j->client);
	conn_close(&j->server);
	message_deinit(&j->request);
	message_deinit(&j->answer);
	free(j);
	return NULL;
}

static void serve_in_thread(int fd)
{
	struct job *j;
	pthread_attr_t attr;
	pthread_t thread;
	int one = 1;

	if (now_ms() < deaf_until) {
		close(fd);
		return;
	}
	j = calloc(1, sizeof(*j));
	if (!j)
		abort();
	j->client.fd = fd;
	j->server.fd = -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, serve, j)) {
		close(fd);
		free(j);
	}
	pthread_attr_destroy(&attr);
}

/* ---- control ---- */

static void answer(int fd, int status, const char *text)
{
	dprintf(fd, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		status, status == 200 ? "OK" : "Bad Request", strlen(text), text);
}

/* The whole request, head and body; NUL-terminated. */
static void read_control(int fd, char *text, size_t size)
{
	size_t n = 0, want = 0;

	while (n + 1 < size) {
		ssize_t got = read(fd, text + n, size - 1 - n);
		char *end, *length;

		if (got <= 0)
			break;
		n += (size_t)got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "content-length:");
		if (end)
			want = (size_t)(end + 4 - text) +
			       (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
		if (end && n >= want)
			break;
	}
	text[n] = '\0';
}

static void control(int fd)
{
	static char text[65536];
	char why[160] = "";
	char *body, *report;
	struct timeval t = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	read_control(fd, text, sizeof(text));
	body = strstr(text, "\r\n\r\n");
	if (!strncmp(text, "GET /report ", 12)) {
		report = rules_report();
		answer(fd, 200, report);
		free(report);
	} else if (!strncmp(text, "POST /rules ", 12) && body &&
		   !rules_add(body + 4, why, sizeof(why))) {
		answer(fd, 200, "");
	} else if (!strncmp(text, "POST /clear ", 12)) {
		rules_clear();
		answer(fd, 200, "");
	} else if (!strncmp(text, "POST /drop ", 11)) {
		watches_drop();
		answer(fd, 200, "");
	} else {
		answer(fd, 400, why);
	}
	close(fd);
}

/* ---- start ---- */

static int listener(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 128))
		die("listening");
	return fd;
}

static SSL_CTX *context(const char *dir, const char *name, bool server)
{
	SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	char crt[4096], key[4096], ca[4096];

	snprintf(crt, sizeof(crt), "%s/%s.crt", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	snprintf(ca, sizeof(ca), "%s/ca.crt", dir);
	if (!c || SSL_CTX_use_certificate_file(c, crt, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
		die(crt);
	if (server)
		return c;
	if (SSL_CTX_load_verify_locations(c, ca, NULL) != 1)
		die(ca);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return c;
}

static const char *option(char **argv, const char *name)
{
	for (; argv[0] && argv[1]; argv++)
		if (!strcmp(argv[0], name))
			return argv[1];
	fprintf(stderr, "faultproxy: %s is missing\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	const char *pki = option(argv, "--pki");
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

	(void)argc;
	signal(SIGPIPE, SIG_IGN);
	server_ctx = context(pki, "server", true);
	client_ctx = context(pki, "admin", false);
	silence_at_most((unsigned)atoi(option(argv, "--patience")));
	upstream_port = atoi(option(argv, "--upstream"));
	snprintf(own_secrets, sizeof(own_secrets), "/namespaces/%s/secrets",
		 option(argv, "--own"));
	p[0].fd = listener(atoi(option(argv, "--listen")));
	p[1].fd = listener(atoi(option(argv, "--control")));
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < 2; i++) {
			int fd = p[i].revents & POLLIN ?
				 accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

			if (fd >= 0)
				(i ? control : serve_in_thread)(fd);
		}
	}
}
