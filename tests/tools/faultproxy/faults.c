/*
 * What each fault does to one exchange. Those that come before the server acts need
 * no answer of it; the others read the answer whole (of a watch: what comes at once)
 * and give the client something else than that.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "faultproxy.h"

#define DROPS 8
#define DROP_MS 200
#define DEAF_MS 700

static void sleep_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* Until the other side gives up, or so many seconds: what middleboxes forget. */
static void hold(struct conn *c, unsigned seconds)
{
	char byte;

	for (unsigned i = 0; i < seconds * 10; i++) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLRDHUP };

		if (poll(&p, 1, 100) > 0 &&
		    (p.revents & (POLLRDHUP | POLLHUP | POLLERR) ||
		     recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0))
			return;
	}
}

static unsigned patience = 12;

void silence_at_most(unsigned seconds)
{
	patience = seconds;
}

/* Most are cut after a while, as middleboxes do; the last seed's lasts longest. */
static unsigned hold_seconds(const struct rule *r)
{
	return r->seed < 5 ? 2 * r->seed : patience;
}

static int ask(struct exchange *x, struct message *answer)
{
	if (conn_write(x->server, x->request.head, x->request.head_len) ||
	    conn_write(x->server, x->request.body, x->request.body_len) ||
	    message_read_head(x->server, answer))
		return -1;
	return message_read_body(x->server, answer, x->watch);
}

static int say(struct conn *c, const char *text)
{
	return conn_write(c, text, strlen(text));
}

static int say_head(struct conn *c, const char *status, const char *more,
		    const char *type, size_t length)
{
	char head[512];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Type: %s\r\n"
		 "Content-Length: %zu\r\n\r\n", status, more, type, length);
	return say(c, head);
}

#define REFUSAL(reason, code) \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
	"\"message\":\"the proxy says so\",\"reason\":\"" reason "\",\"code\":" code "}"

static int refuse(struct exchange *x)
{
	static const char busy[] = REFUSAL("TooManyRequests", "429");
	static const char broken[] = REFUSAL("InternalError", "500");
	static const char html[] = "<html><body>503 Service Unavailable</body></html>";

	if (x->rule.fault == FAULT_503)
		return say_head(x->client, "503 Service Unavailable", "", "text/html",
				strlen(html)) || say(x->client, html);
	if (x->rule.fault == FAULT_429)
		return say_head(x->client, "429 Too Many Requests", "Retry-After: 1\r\n",
				"application/json", strlen(busy)) || say(x->client, busy);
	return say_head(x->client, "500 Internal Server Error", "", "application/json",
			strlen(broken)) || say(x->client, broken);
}

/* The answer as it would have come: framed by its length, or as it was. */
static char *whole(const struct message *a, size_t *ret_len)
{
	char status[64] = "200 OK", type[128] = "application/json", id[64] = "";
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);

	if (!f)
		abort();
	sscanf(a->head, "HTTP/1.1 %63[^\r\n]", status);
	message_header(a, "Content-Type", type, sizeof(type));
	message_header(a, "Audit-Id", id, sizeof(id));
	if (a->endless)
		fwrite(a->head, 1, a->head_len, f);
	else
		fprintf(f, "HTTP/1.1 %s\r\nContent-Type: %s\r\n%s%s%sContent-Length: %zu\r\n\r\n",
			status, type, *id ? "Audit-Id: " : "", id, *id ? "\r\n" : "",
			a->body_len);
	fwrite(a->body ? a->body : "", 1, a->body_len, f);
	fclose(f);
	return text;
}

static int cut(struct exchange *x, const char *text, size_t len)
{
	size_t n = 1 + (x->rule.seed * 7919u) % len;

	(void)!conn_write(x->client, text, n);
	sleep_ms(30);	/* so that the bytes are read before the reset */
	return -1;
}

static int drip(struct exchange *x, const char *text, size_t len)
{
	for (size_t i = 0; i < DROPS; i++) {
		size_t from = len * i / DROPS, to = len * (i + 1) / DROPS;

		if (conn_write(x->client, text + from, to - from))
			return -1;
		sleep_ms(DROP_MS + 50 * x->rule.seed);
	}
	return -1;	/* then a new connection */
}

static int babble(struct exchange *x)
{
	static const char *const words[] = {
		"{\"kind\":\"Status\",", "null", "[1,2,{]", "\x7f" "ELF\x02\x01\x01 \x03>",
		"{\"items\":{\"metadata\":[]},\"kind\":7}",
	};
	const char *w = words[x->rule.seed % 5];

	say_head(x->client, "200 OK", "", "application/json", strlen(w));
	return say(x->client, w);
}

static int short_chunk(struct exchange *x, const struct message *a)
{
	size_t n = a->body_len < 40 ? a->body_len : 40;

	(void)!(say(x->client, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n1000\r\n") ||
		conn_write(x->client, a->endless ? "{\"type\":" : a->body,
			   a->endless ? 8 : n));
	sleep_ms(30);
	return -1;
}

static int wrong_length(struct exchange *x, const struct message *a)
{
	bool longer = x->rule.seed % 2;

	(void)!(say_head(x->client, "200 OK", "", "application/json",
			 longer ? a->body_len + 100 : a->body_len / 2) ||
		conn_write(x->client, a->body ? a->body : "", a->body_len));
	sleep_ms(30);
	return -1;
}

/* Bytes below TLS that are none, and nobody gets a new session for a while. */
static int break_tls(struct exchange *x)
{
	static const char noise[] = "\x17\x03\x03\x00\x20 no record of this session ...";

	handshakes_off(DEAF_MS);
	(void)!write(x->client->fd, noise, sizeof(noise) - 1);
	sleep_ms(30);
	return -1;
}

static int spoil_answer(struct exchange *x, const struct message *a)
{
	size_t len;
	char *text = whole(a, &len);
	int rc = -1;

	switch (x->rule.fault) {
	case FAULT_CUT:
		rc = cut(x, text, len);
		break;
	case FAULT_CHUNK:
		rc = short_chunk(x, a);
		break;
	case FAULT_SLOW:
		rc = drip(x, text, len);
		break;
	case FAULT_GARBAGE:
		rc = babble(x);
		break;
	case FAULT_TLS:
		rc = break_tls(x);
		break;
	case FAULT_LENGTH:
		rc = wrong_length(x, a);
		break;
	case FAULT_TWICE:
		rc = conn_write(x->client, text, len) || conn_write(x->client, text, len);
		sleep_ms(30);
		break;
	case FAULT_STALL:
		(void)!conn_write(x->client, text, len / 2 + 1);
		hold(x->client, hold_seconds(&x->rule));
		break;
	case FAULT_NONE: case FAULT_RESET_BEFORE: case FAULT_RESET_AFTER:
	case FAULT_HALF_OPEN: case FAULT_429: case FAULT_500: case FAULT_503:
	case FAULT_N:
		break;
	}
	free(text);
	return rc;
}

int exchange_spoil(struct exchange *x)
{
	struct message *answer;
	int rc = -1;

	switch (x->rule.fault) {
	case FAULT_RESET_BEFORE:
		return -1;
	case FAULT_HALF_OPEN:
		hold(x->client, hold_seconds(&x->rule));
		return -1;
	case FAULT_429: case FAULT_500: case FAULT_503:
		return refuse(x);
	case FAULT_NONE: case FAULT_RESET_AFTER: case FAULT_CUT: case FAULT_CHUNK:
	case FAULT_SLOW: case FAULT_GARBAGE: case FAULT_TLS: case FAULT_LENGTH:
	case FAULT_TWICE: case FAULT_STALL: case FAULT_N:
		break;
	}
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		abort();
	if (!ask(x, answer) && x->rule.fault != FAULT_RESET_AFTER)
		rc = spoil_answer(x, answer);
	message_deinit(answer);
	free(answer);
	return x->watch ? -1 : rc;
}
