/*
 * webhook.h - a Git host's message that something was pushed. Pure.
 *
 * GitHub, GitLab, Gogs (Gitea and Forgejo send its headers too) and Bitbucket, Cloud
 * and Server. A message counts only when it proves that its sender knows the host's
 * secret; that is judged on the bytes that came, before anything reads them. It names
 * repositories, and those are asked sooner: nothing that it says is believed.
 */
#ifndef SYNC_WEBHOOK_H
#define SYNC_WEBHOOK_H

#include "core/err.h"
#include "core/mem.h"

enum webhook_host {
	WEBHOOK_GITHUB,
	WEBHOOK_GITLAB,
	WEBHOOK_GOGS,
	WEBHOOK_BITBUCKET,
	WEBHOOK_BITBUCKET_SERVER,
	WEBHOOK_HOST_N
};

/* The key in Argo CD's Secret argocd-secret: "webhook.github.secret"... */
const char *webhook_secret_key(enum webhook_host h);

struct webhook_request {	/* borrowed; a header is NULL when it was not sent */
	const char *(*header)(const struct webhook_request *r, const char *name);
	const void *arg;
	const char *body;
	size_t len;
};

/* Whose message it is by its headers, or -1. */
int webhook_host(const struct webhook_request *r);
/*
 * Does it prove to know the secret? The time this takes tells nothing of the secret
 * but its length.
 */
bool webhook_is_proven(enum webhook_host host, const struct webhook_request *r,
		       const char *secret);

#define WEBHOOK_URLS 16

struct webhook_push {
	VEC(char *) urls;	/* how the host spells its repository; at most so many */
};

/* 0; no URLs: not about a push. ERR_INVALID: the body cannot be read. */
int webhook_read(enum webhook_host host, const struct webhook_request *r,
		 struct webhook_push *p, struct err *err)
	__attribute__((warn_unused_result));
void webhook_push_deinit(struct webhook_push *p);
/*
 * Is one of the URLs that repository? Scheme, user, port and case do not count: what
 * is polled over SSH may be named by its page.
 */
bool webhook_names(const struct webhook_push *p, const char *repo_url);
/* "host/path", without scheme, user, port and ".git"; "" when there is no host. Owned. */
char *webhook_place(const char *url);

#endif
