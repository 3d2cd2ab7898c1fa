/*
 * A worker that misbehaves as its request says: for the tests of the daemon's
 * side. The request is one word, perhaps a space and an argument.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/frame.h"
#include "core/mem.h"

extern char **environ;

static void put(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(1, p, len);

		if (n <= 0)
			_exit(9);
		p += n;
		len -= (size_t)n;
	}
}

static void answer(char type, const char *text, size_t len)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	frame_write(&b, type, text, len);
	put(b.data, b.len);
}

static void say(const char *text)
{
	answer(FRAME_ANSWER, text, strlen(text));
}

/* A grandchild that holds our stdout and stderr for 20 s. */
static void leave_orphan(bool other_session)
{
	if (fork())
		return;
	if (other_session)
		setsid();
	sleep(20);
	_exit(0);
}

static void say_environment(void)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (char **e = environ; *e; e++)
		buf_addf(&b, "%s\n", *e);
	for (int fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			buf_addf(&b, "fd %d\n", fd);
	buf_addf(&b, "group %d\n", getpgrp() == getpid());
	say(buf_str(&b));
}

static void fill(const char *n)
{
	size_t len = strtoul(n, NULL, 10);
	_cleanup_free_ char *x = xcalloc(1, len + 1);

	memset(x, 'x', len);
	answer(FRAME_ANSWER, x, len);
}

static void fail_politely(void)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	err_set(&err, ERR_NOTFOUND, "no path \"x\"");
	frame_error_encode(&err, &b);
	answer(FRAME_ERROR, b.data, b.len);
}

static void odd_ends(const char *word)
{
	if (!strcmp(word, "half")) {
		put("\0\0\0\x64" "Aten bytes", 14);
		raise(SIGKILL);
	} else if (!strcmp(word, "garbage")) {
		put("hello, world\n", 13);
		sleep(20);
	} else if (!strcmp(word, "twice")) {
		say("one");
		say("two");
	} else if (!strcmp(word, "linger")) {
		say("lingering");
		close(1);
		close(2);
		sleep(20);
	} else if (!strcmp(word, "mute")) {
		close(1);
		sleep(20);
	} else if (!strcmp(word, "orphan-stays")) {
		leave_orphan(false);
		say("orphan");
	} else if (!strcmp(word, "orphan-leaves")) {
		leave_orphan(true);
		say("orphan");
	} else if (!strcmp(word, "orphan-silent")) {
		leave_orphan(true);
		_exit(0);
	}
}

static void serve(char *word)
{
	char *arg = strchr(word, ' ');

	if (arg)
		*arg++ = '\0';
	else
		arg = word + strlen(word);
	if (!strcmp(word, "echo")) {
		say(arg);
	} else if (!strcmp(word, "pid")) {
		_cleanup_free_ char *s = xasprintf("%d", getpid());

		say(s);
	} else if (!strcmp(word, "sleep")) {
		usleep((useconds_t)atoi(arg) * 1000);
		say("slept");
	} else if (!strcmp(word, "fill")) {
		fill(arg);
	} else if (!strcmp(word, "env")) {
		say_environment();
	} else if (!strcmp(word, "polite")) {
		fail_politely();
	} else if (!strcmp(word, "status")) {
		fprintf(stderr, "first line\nit \x1b[1mbroke\n");
		say("never believed");
		_exit(atoi(arg));
	} else {
		odd_ends(word);
	}
}

int main(void)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char chunk[4096];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((n = read(0, chunk, sizeof(chunk))) > 0) {
		const char *data;
		size_t len, used;
		struct err err;
		char type;

		buf_add(&b, chunk, (size_t)n);
		while (frame_read(b.data, b.len, 65536, &type, &data, &len,
				  &used, &err) == 1) {
			_cleanup_free_ char *word = xstrndup(data, len);

			serve(word);
			buf_consume(&b, used);
		}
	}
	return 0;
}
