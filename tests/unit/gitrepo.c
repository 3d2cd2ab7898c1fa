#include "gitrepo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"

static const char prologue[] =
	"export GIT_CONFIG_NOSYSTEM=1 HOME=$ROOT GIT_AUTHOR_NAME=Ada"
	" GIT_AUTHOR_EMAIL=ada@example.org GIT_COMMITTER_NAME=Ada"
	" GIT_COMMITTER_EMAIL=ada@example.org"
	" GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*';"
	" set -e; cd $WORK 2>/dev/null || cd $ROOT; ";

char *gitrepo_sh(struct gitrepo *g, const char *fmt, ...)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct buf out = BUF_INIT;
	char chunk[4096];
	va_list ap;
	FILE *f;
	size_t n;

	buf_addf(&line, "ROOT=%s REPO=%s/r.git WORK=%s; %s", g->root, g->repos,
		 g->work, prologue);
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	f = popen(buf_str(&line), "r");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)))
		buf_add(&out, chunk, n);
	if (pclose(f))
		fail_msg("failed: %s", buf_str(&line));
	while (out.len && out.data[out.len - 1] == '\n')
		out.data[--out.len] = '\0';
	return buf_steal(&out, NULL);
}

void gitrepo_init(struct gitrepo *g)
{
	char root[] = "/tmp/syncd-git-XXXXXX";

	assert_non_null(mkdtemp(root));
	*g = (struct gitrepo){
		.root = xstrdup(root),
		.repos = xasprintf("%s/repos", root),
		.work = xasprintf("%s/work", root),
		.mirrors = xasprintf("%s/mirrors", root),
		.url = xasprintf("file://%s/repos/r.git", root),
	};
	free(gitrepo_sh(g, "git init -q --bare -b main $REPO;"
			   " git clone -q $REPO $WORK 2>/dev/null;"
			   " cd $WORK; git checkout -q -b main"));
}

void gitrepo_deinit(struct gitrepo *g)
{
	free(gitrepo_sh(g, "cd /; rm -rf $ROOT"));
	free(g->root);
	free(g->repos);
	free(g->work);
	free(g->mirrors);
	free(g->url);
}

char *gitrepo_commit(struct gitrepo *g, const char *branch, const char *file,
		     const char *text)
{
	return gitrepo_sh(g, "git checkout -q -B %s; mkdir -p $(dirname %s);"
			  " printf '%%s' '%s' >%s; git add -A;"
			  " git commit -q -m 'Change %s';"
			  " git push -q -f origin %s; git rev-parse HEAD",
			  branch, file, text, file, file, branch);
}

#define MAX_PAIRS 16

struct pair {
	int client, server;
	bool used;
};

static struct pair pairs[MAX_PAIRS];

static void put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void close_pair(struct pair *p)
{
	close(p->client);
	if (p->server >= 0)
		close(p->server);
	p->used = false;
}

static int dial(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		_exit(1);
	return fd;
}

static bool redirect(const struct gitproxy *p, int fd, const char *head)
{
	static const char tail[] = "/info/refs?service=git-upload-pack";
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_adds(&b, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ");
	if (!strncmp(head, "GET /old", 8))
		buf_addf(&b, "http://127.0.0.1:%u/r.git%s", p->port, tail);
	else if (!strncmp(head, "GET /loop", 9))
		buf_addf(&b, "/loop/%ld%s", random(), tail);
	else if (!strncmp(head, "GET /away", 9))
		buf_addf(&b, "%s%s", p->away, tail);
	else
		return false;
	buf_adds(&b, "\r\n\r\n");
	put(fd, b.data, b.len);
	return true;
}

static void note(const struct gitproxy *p, const char *data, size_t n)
{
	int fd = p->log ? open(p->log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	if (fd >= 0 && write(fd, data, n) != (ssize_t)n)
		_exit(1);
	if (fd >= 0)
		close(fd);
}

static void from_client(const struct gitproxy *p, struct pair *pair)
{
	char data[65536];
	ssize_t n = read(pair->client, data, sizeof(data) - 1);

	if (n <= 0) {
		close_pair(pair);
		return;
	}
	data[n] = '\0';
	note(p, data, (size_t)n);
	if (redirect(p, pair->client, data)) {
		close_pair(pair);
		return;
	}
	if (pair->server < 0)
		pair->server = dial(p->server);
	put(pair->server, data, (size_t)n);
}

static void from_server(const struct gitproxy *p, struct pair *pair, size_t *total)
{
	char data[8192];
	bool ends = p->fault == PROXY_HANG || p->fault == PROXY_CUT;
	size_t room = ends ? p->after - *total : sizeof(data);
	ssize_t n = read(pair->server, data, room < sizeof(data) ? room : sizeof(data));

	if (n <= 0) {
		close_pair(pair);
		return;
	}
	if (p->fault == PROXY_FLIP && p->after - *total < (size_t)n)
		data[p->after - *total] ^= 0x10;
	*total += (size_t)n;
	put(pair->client, data, (size_t)n);
}

static bool faulty(const struct gitproxy *p, size_t total)
{
	return (p->fault == PROXY_HANG || p->fault == PROXY_CUT) &&
	       total >= p->after;
}

static void take_client(const struct gitproxy *p, int listener)
{
	int fd = accept(listener, NULL, NULL);

	for (size_t i = 0; fd >= 0 && i < MAX_PAIRS; i++)
		if (!pairs[i].used) {
			pairs[i] = (struct pair){
				fd, p->greets ? dial(p->server) : -1, true };
			return;
		}
	_exit(1);
}

static void serve_pair(const struct gitproxy *p, struct pair *pair, short client,
		       short server, size_t *total)
{
	if (client)
		from_client(p, pair);
	if (pair->used && server)
		from_server(p, pair, total);
}

/* Once the fault's byte has passed, clients are still read, but never answered. */
static void proxy(const struct gitproxy *p, int listener)
{
	size_t total = 0;

	for (;;) {
		struct pollfd fds[1 + 2 * MAX_PAIRS] = { { listener, POLLIN, 0 } };
		bool mute = faulty(p, total);

		for (size_t i = 0; i < MAX_PAIRS; i++) {
			struct pair *pair = &pairs[i];

			if (pair->used && mute && p->fault == PROXY_CUT)
				close_pair(pair);
			fds[1 + 2 * i] = (struct pollfd){
				pair->used ? pair->client : -1, POLLIN, 0 };
			fds[2 + 2 * i] = (struct pollfd){
				pair->used && !mute ? pair->server : -1, POLLIN, 0 };
		}
		if (poll(fds, 1 + 2 * MAX_PAIRS, 60000) <= 0)
			_exit(0);
		if (fds[0].revents)
			take_client(p, listener);
		for (size_t i = 0; i < MAX_PAIRS; i++)
			if (pairs[i].used)
				serve_pair(p, &pairs[i], fds[1 + 2 * i].revents,
					   faulty(p, total) ? 0 : fds[2 + 2 * i].revents,
					   &total);
	}
}

void gitproxy_start(struct gitproxy *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		proxy(p, fd);
	}
	close(fd);
}

void gitproxy_stop(struct gitproxy *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}
