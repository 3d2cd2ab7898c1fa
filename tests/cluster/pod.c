/* What runs in the pods of the real node: one static program, so that an image is
 * one file. It is process 1 there, hence it answers SIGTERM itself.
 *
 *   pod pause                        holds a pod's namespaces
 *   pod serve PORT [READY-SECONDS]   HTTP: 200 and the host's name for every path, but
 *                                    503 for /readyz until so long after the start;
 *                                    never, when it is negative
 *   pod crash TEXT                   says TEXT and fails
 *   pod hog                          takes memory until it is killed for it
 *
 * Every failure ends the process with what failed on stderr: `kubectl logs` shows it.
 */
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void on_term(int sig)
{
	(void)sig;
	_exit(0);
}

static noreturn void pod_pause(void)
{
	for (;;) {
		pause();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void answer(int fd, bool ready)
{
	struct timeval limit = { .tv_sec = 2 };
	char request[2048], host[256] = "", reply[512];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	n = read(fd, request, sizeof(request) - 1);
	if (n <= 0)
		return;
	request[n] = 0;
	if (strncmp(request, "GET /readyz ", 12))
		ready = true;
	gethostname(host, sizeof(host) - 1);
	n = snprintf(reply, sizeof(reply), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n"
		     "Connection: close\r\n\r\n%s\n", ready ? "200 OK" :
		     "503 Service Unavailable", strlen(host) + 1, host);
	n = write(fd, reply, (size_t)n);
	if (n > 0)
		shutdown(fd, SHUT_WR);
}

static noreturn void pod_serve(const char *port, const char *ready_after)
{
	long after = strtol(ready_after, NULL, 10);
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};
	time_t began = now();
	int one = 1, fd, s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0)
		err(1, "socket");
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&at, sizeof(at)) || listen(s, 64))
		err(1, "port %s", port);
	for (;;) {
		fd = accept(s, NULL, NULL);
		if (fd < 0)
			continue;
		answer(fd, after >= 0 && now() - began >= after);
		close(fd);
	}
}

/* Written to, or the pages would not be there; slowly enough to be seen running. */
static noreturn void pod_hog(void)
{
	const size_t step = 4 << 20;
	char *p;

	for (;;) {
		p = malloc(step);
		if (!p)
			errx(1, "no memory");
		for (size_t i = 0; i < step; i += 512)
			p[i] = (char)i;
		usleep(50000);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "pause";

	signal(SIGTERM, on_term);
	signal(SIGINT, on_term);
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(what, "serve") && argc > 2)
		pod_serve(argv[2], argc > 3 ? argv[3] : "0");
	if (!strcmp(what, "hog"))
		pod_hog();
	if (!strcmp(what, "crash"))
		errx(1, "%s", argc > 2 ? argv[2] : "as asked");
	if (strcmp(what, "pause"))
		errx(2, "%s: pause, serve PORT [READY-SECONDS], crash TEXT or hog", what);
	pod_pause();
}
