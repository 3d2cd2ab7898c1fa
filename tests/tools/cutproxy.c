/*
 * cutproxy PORT UPSTREAM: hands on TCP connections from one loopback port to another
 * until it is told to stop, and what it swallows then is never handed on later: a network
 * that is cut, not one that is slow.
 *
 *   SIGUSR1   cut: nothing passes, new connections get no answer
 *   SIGUSR2   whole again: connections from before end within WAKE_MS
 *
 * A thread per direction; all of it ends with the process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENT_MAX 1024
#define WAKE_MS 200

struct way {
	int from, to;
	struct conn *conn;
};

/* Both directions; the descriptors are closed by the one that ends last. */
struct conn {
	struct way ways[2];
	unsigned era;	/* it was taken in */
	atomic_int running;
};

static atomic_uint era;	/* odd: cut */
static int silent[SILENT_MAX];	/* taken while cut */
static size_t n_silent;

static void on_signal(int sig)
{
	unsigned now = atomic_load(&era);

	if ((now & 1) == (sig == SIGUSR2))
		atomic_store(&era, now + 1);
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* Of a connection from before a cut, or in one, nothing passes. */
static int pass(const struct way *w, const char *data, ssize_t n)
{
	while (n > 0) {
		ssize_t sent;

		if (atomic_load(&era) != w->conn->era)
			return 0;
		sent = send(w->to, data, (size_t)n, MSG_NOSIGNAL);
		if (sent < 0)
			return -1;
		data += sent;
		n -= sent;
	}
	return 0;
}

/* The other end is not told of an end that came in a cut. */
static void *run_way(void *arg)
{
	struct way *w = arg;
	struct conn *c = w->conn;
	char data[65536];
	ssize_t n;

	do {
		n = recv(w->from, data, sizeof(data), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0 || pass(w, data, n))
			break;
	} while (atomic_load(&era) <= c->era + 1);
	shutdown(w->from, SHUT_RDWR);
	if (atomic_load(&era) != c->era + 1)
		shutdown(w->to, SHUT_RDWR);
	if (atomic_fetch_sub(&c->running, 1) == 1) {
		close(w->from);
		close(w->to);
		free(c);
	}
	return NULL;
}

static void begin(int client, int up, unsigned now)
{
	struct timeval wake = { .tv_usec = WAKE_MS * 1000 };
	struct conn *c = calloc(1, sizeof(*c));
	sigset_t ours, before;
	pthread_t thread;

	if (!c)
		abort();
	c->ways[0] = (struct way){ client, up, c };
	c->ways[1] = (struct way){ up, client, c };
	c->era = now;
	atomic_init(&c->running, 2);
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof(wake));
	setsockopt(up, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof(wake));
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &ours, &before);	/* they are main's */
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&thread, NULL, run_way, &c->ways[i]))
			abort();
		pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int dial(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void serve(int listener, const struct sockaddr_in *to)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	unsigned now = atomic_load(&era);
	int up;

	while (!(now & 1) && n_silent)
		close(silent[--n_silent]);
	if (client < 0)
		return;		/* a signal */
	if (now & 1 && n_silent < SILENT_MAX) {
		silent[n_silent++] = client;
		return;
	}
	up = now & 1 ? -1 : dial(to);
	if (up < 0)
		close(client);
	else
		begin(client, up, now);
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in at, to;

	if (argc != 3) {
		fprintf(stderr, "usage: cutproxy PORT UPSTREAM\n");
		return 2;
	}
	at = loopback(argv[1]);
	to = loopback(argv[2]);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 64)) {
		fprintf(stderr, "cutproxy: port %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (;;)
		serve(listener, &to);
}
