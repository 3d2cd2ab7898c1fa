/*
 * gitrepo.h - a real Git repository in a temporary folder, made with git, and a
 * TCP proxy before a real Git server that hangs, cuts or redirects.
 */
#ifndef TESTS_GITREPO_H
#define TESTS_GITREPO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct gitrepo {
	char *root;	/* temporary folder, removed by gitrepo_deinit */
	char *repos;	/* root/repos: the bare repository is r.git in it */
	char *work;	/* a clone to commit in */
	char *mirrors;	/* root/mirrors */
	char *url;	/* file:// of the bare repository */
};

void gitrepo_init(struct gitrepo *g);
void gitrepo_deinit(struct gitrepo *g);
/*
 * Runs a shell line with $REPO (bare), $WORK and $ROOT set; gives its standard
 * output without the last line break, owned by the caller. Fails the test when
 * it fails.
 */
char *gitrepo_sh(struct gitrepo *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes text to file, commits and pushes it to branch; the commit's id, owned. */
char *gitrepo_commit(struct gitrepo *g, const char *branch, const char *file,
		     const char *text);

/* HANG and CUT end everything at byte `after`; FLIP changes that byte. */
enum gitproxy_fault { PROXY_PASS, PROXY_HANG, PROXY_CUT, PROXY_FLIP };

/*
 * GETs below /old are redirected to /r.git of the proxy itself, below /loop to
 * themselves, below /away to the given URL; all else goes to the server.
 */
struct gitproxy {
	unsigned server;	/* port */
	enum gitproxy_fault fault;
	size_t after;		/* bytes from the server, in all */
	const char *away;
	bool greets;		/* the server speaks first (SSH) */
	const char *log;	/* file that gets what clients send; NULL: none */
	unsigned port;		/* result */
	pid_t pid;		/* private */
};
void gitproxy_start(struct gitproxy *p);
void gitproxy_stop(struct gitproxy *p);

#endif
