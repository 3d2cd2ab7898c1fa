/* Connections and HTTP/1.1 messages: enough of both for an API server's answers. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faultproxy.h"

#define BODY_MAX ((size_t)64 << 20)
#define AT_ONCE_MS 300

/* ---- connections ---- */

int conn_open(struct conn *c, SSL_CTX *ctx, int fd, bool server)
{
	c->fd = fd;
	c->at = c->len = 0;
	c->ssl = SSL_new(ctx);
	if (!c->ssl || !SSL_set_fd(c->ssl, fd))
		return -1;
	return (server ? SSL_accept(c->ssl) : SSL_connect(c->ssl)) == 1 ? 0 : -1;
}

void conn_close(struct conn *c)
{
	if (c->ssl)
		SSL_free(c->ssl);
	if (c->fd >= 0)
		close(c->fd);
	c->ssl = NULL;
	c->fd = -1;
}

void conn_reset(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (c->fd >= 0)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_close(c);
}

int conn_write(struct conn *c, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		int n = SSL_write(c->ssl, p, len > 1 << 20 ? 1 << 20 : (int)len);

		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill(struct conn *c)
{
	int n;

	if (c->at < c->len)
		return 0;
	n = SSL_read(c->ssl, c->buf, sizeof(c->buf));
	if (n <= 0)
		return -1;
	c->at = 0;
	c->len = (size_t)n;
	return 0;
}

int conn_some(struct conn *c, char *out, size_t size, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	size_t n;

	if (c->at == c->len && !SSL_pending(c->ssl) && poll(&p, 1, ms) <= 0)
		return 0;
	if (fill(c))
		return -1;
	n = c->len - c->at < size ? c->len - c->at : size;
	memcpy(out, c->buf + c->at, n);
	c->at += n;
	return (int)n;
}

/* ---- messages ---- */

/* Up to and with '\n'; -1 at the end, or when it does not fit. */
static int read_line(struct conn *c, char *out, size_t size)
{
	size_t n = 0;

	for (;;) {
		if (fill(c) || n + 1 >= size)
			return -1;
		out[n++] = c->buf[c->at++];
		if (out[n - 1] == '\n')
			break;
	}
	out[n] = '\0';
	return (int)n;
}

int message_read_head(struct conn *c, struct message *m)
{
	m->head_len = 0;
	for (;;) {
		int n = read_line(c, m->head + m->head_len,
				  sizeof(m->head) - m->head_len);

		if (n < 0)
			return MESSAGE_END;
		m->head_len += (size_t)n;
		if (n <= 2 && m->head_len > 2)
			return MESSAGE_OK;
	}
}

bool message_header(const struct message *m, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	for (const char *l = strchr(m->head, '\n'); l && l[1]; l = strchr(l, '\n')) {
		l++;
		if (strncasecmp(l, name, n) || l[n] != ':')
			continue;
		l += n + 1 + strspn(l + n + 1, " ");
		snprintf(out, size, "%.*s", (int)strcspn(l, "\r\n"), l);
		return true;
	}
	return false;
}

static bool is_chunked(const struct message *m)
{
	char value[64];

	return message_header(m, "Transfer-Encoding", value, sizeof(value)) &&
	       !strcasecmp(value, "chunked");
}

static size_t length_of(const struct message *m)
{
	char value[32];

	return message_header(m, "Content-Length", value, sizeof(value)) ?
	       strtoul(value, NULL, 10) : 0;
}

/* Where the bytes of a body go: memory, or another connection. */
struct sink {
	struct message *m;
	struct conn *to;
};

static int put(const struct sink *s, const char *data, size_t len, bool framing)
{
	if (s->to)
		return conn_write(s->to, data, len);
	if (framing || s->m->body_len + len > BODY_MAX)
		return framing ? 0 : -1;
	s->m->body = realloc(s->m->body, s->m->body_len + len + 1);
	if (!s->m->body)
		abort();
	memcpy(s->m->body + s->m->body_len, data, len);
	s->m->body_len += len;
	s->m->body[s->m->body_len] = '\0';
	return 0;
}

static int copy(struct conn *from, const struct sink *s, size_t len)
{
	while (len) {
		size_t n;

		if (fill(from))
			return -1;
		n = from->len - from->at < len ? from->len - from->at : len;
		if (put(s, from->buf + from->at, n, false))
			return -1;
		from->at += n;
		len -= n;
	}
	return 0;
}

static int copy_chunks(struct conn *from, const struct sink *s)
{
	char line[128];
	size_t size;

	do {
		int n = read_line(from, line, sizeof(line));

		if (n < 0 || put(s, line, (size_t)n, true))
			return -1;
		size = strtoul(line, NULL, 16);
		if (size && copy(from, s, size))
			return -1;
		n = read_line(from, line, sizeof(line));	/* the empty line */
		if (n < 0 || put(s, line, (size_t)n, true))
			return -1;
	} while (size);
	return 0;
}

/* What comes at once of an answer that does not end: with its framing. */
static int read_some(struct conn *c, struct message *m)
{
	struct sink s = { .m = m };
	char part[16384];
	int n;

	m->endless = true;
	while ((n = conn_some(c, part, sizeof(part), AT_ONCE_MS)) > 0)
		if (put(&s, part, (size_t)n, false))
			return -1;
	return n;
}

int message_read_body(struct conn *c, struct message *m, bool endless)
{
	struct sink s = { .m = m };

	m->body_len = 0;
	if (endless)
		return read_some(c, m);
	return is_chunked(m) ? copy_chunks(c, &s) : copy(c, &s, length_of(m));
}

int message_relay_body(struct conn *from, struct conn *to, const struct message *m)
{
	struct sink s = { .to = to };

	return is_chunked(m) ? copy_chunks(from, &s) : copy(from, &s, length_of(m));
}

void message_deinit(struct message *m)
{
	free(m->body);
	m->body = NULL;
	m->body_len = 0;
}
