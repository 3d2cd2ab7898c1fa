/*
 * source.h - where an application's files come from: repositories, the credentials
 * for them, push webhooks, and what a render needs of other repositories.
 */
#ifndef SYNC_SOURCE_H
#define SYNC_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/world.h"

struct app;
struct engine;
struct repo;

/* ---- source.c: repositories, their polls and fetches ---- */

/*
 * One targetRevision of one repository, in use by `users` applications; only when
 * `readers` of them want its files is it fetched.
 */
struct repo_rev {
	struct repo *repo;
	char *name;		/* targetRevision as written */
	unsigned users, readers;
	char wanted[65];	/* what the remote says now; "" unknown */
	char commit[65];	/* fetched and readable in mirror; "" none yet */
	char wanted_tag[65], tag[65];	/* likewise: the annotated tag that led there; "" */
	char *wanted_tag_ref, *tag_ref;	/* likewise: the ref at which that tag stands; "" */
	char *author, *subject;
	int64_t commit_ms;
	struct err err;		/* why wanted or commit is not known; code NONE = fine */
	bool fetching, asked;
	bool moved;		/* by the poll that just ended */
	uint64_t fetch_again;	/* mono: not before */
	bool rebuild;		/* the mirror is damaged: a new one */
	unsigned broken;	/* times in a row that the mirror could not be read */
	struct repo_rev *next;
};

/*
 * Joins the poll of (url, revision); the application is poked on every change. Without
 * read only rev->wanted is kept up to date. Left with the same word.
 */
struct repo_rev *source_join(struct engine *e, const char *url,
			     const char *revision, bool read);
void source_leave(struct repo_rev *rev, bool read);
/* The folder to render from, "" before the first fetch. Borrowed. */
const char *source_mirror(const struct repo_rev *rev);
const char *source_key(const struct repo_rev *rev);
/* The mirror cannot be read (lost, damaged): fetches anew, then makes a new one. */
void source_refetch(struct repo_rev *rev);
/* Asks the remote now (refresh annotation, operation). */
void source_poll_now(struct repo_rev *rev);
/* When was it last asked with an answer? mono ms; 0 = never. */
uint64_t source_polled_at(const struct repo_rev *rev);
/* A Git host says that something was pushed; how many repositories it is about. */
struct webhook_push;
unsigned source_nudge(struct engine *e, const struct webhook_push *push);
/* Credentials changed: what could not be reached is asked again. */
void source_retry(struct engine *e);
void source_start(struct engine *e);
void source_free(struct engine *e);
/* Of the repositories in use, for metrics. */
struct source_stat {
	const char *url;	/* borrowed for the call; without credentials */
	uint64_t polls, fetches;
	unsigned failures;	/* polls in a row */
	uint64_t age_ms;	/* since it was asked with an answer, or came into use */
};
void source_stats(struct engine *e,
		  void (*fn)(const struct source_stat *s, void *arg), void *arg);
/* Adds the folder names of the mirrors in use, spaced. */
void source_keys(struct engine *e, struct buf *out);

/* app_sources.c: is it one of the application's? */
bool sources_use(const struct app *a, const struct repo_rev *rev);
/* May a poll that brings nothing new change what it does? */
bool app_awaits_poll(const struct app *a);

/* How a repository is reached: owned strings, NULL where there is none. */
struct repo_access {
	struct http_endpoint http;	/* username: of SSH as well */
	char *ssh_key, *known_hosts;
};

/* creds.c: Secrets labelled as Argo CD's, CA bundles by host, known hosts. */
struct creds;
struct creds *creds_new(struct engine *e);
struct creds *creds_free(struct creds *c);
bool creds_synced(const struct creds *c);
/*
 * Fills (owned copies) what the credentials for this URL say; the rest stays.
 * 1: what they say is being asked for; the caller comes back soon. -1: ERR_INVALID:
 * they ask for what we cannot or may not do; else they were not given.
 */
int creds_fill(struct creds *c, const char *url, struct repo_access *a,
	       struct err *err) __attribute__((warn_unused_result));
/* The CA bundle of the URL's host; NULL: the system's. Borrowed. */
const char *creds_ca(const struct creds *c, const char *url);

/* nudge.c: push webhooks and their secrets. */
struct nudges;
struct nudges *nudges_new(struct engine *e);
struct nudges *nudges_free(struct nudges *all);	/* NULL-safe */

/* ---- remotes.c: other repositories that a render needs ---- */

struct remote_use {
	char *url, *ref;	/* as the renderer asked for them */
	struct repo_rev *rev;
};
bool remotes_use(const struct app *a, const struct repo_rev *rev);

#endif
