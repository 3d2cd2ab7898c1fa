/* source_priv.h - a repository, for source.c (polls, joining), source_fetch.c and source_stat.c. */
#ifndef SYNC_SOURCE_PRIV_H
#define SYNC_SOURCE_PRIV_H

#include "engine_priv.h"

#include "core/fetch.h"

struct repo {
	char *url;		/* normal spelling: the key */
	char *wire;		/* as it is asked: some servers insist on ".git" */
	char *key;		/* folder name of the mirror */
	char *mirror;		/* from the last fetch; "" none */
	struct engine *engine;
	struct repo_rev *revs;
	struct repo_access access;
	bool by_worker;		/* ssh, file://, one file by HTTP */

	struct lsrefs poll;
	struct worker_call list;
	char *list_request;
	unsigned failures;	/* polls in a row */
	unsigned stumbles;	/* polls and fetches in a row that may go better the next time */
	unsigned quiet;		/* polls in a row that brought nothing new */
	bool polling, poll_again, nudged;
	char **prefixes;	/* of the poll under way */
	size_t n_prefixes;
	uint64_t poll_started, polled_at;
	uint64_t used_at;	/* mono: since then somebody uses it */
	uint64_t polls, fetches;	/* begun so far */
	uint64_t due;		/* of the timer */
	struct world_timer timer;

	struct worker_call fetch;
	struct repo_rev *fetching;
	char *fetching_tag_ref;	/* its wanted_tag_ref when that began, and the others */
	char fetching_oid[65], fetching_tag[65];
	char *fetch_request;
	UT_hash_handle hh;
};

/* Somebody follows one of its revisions. */
bool source_in_use(const struct repo *r);

/* A fetch failed that may go better: the next poll, and with it a fetch, comes sooner. */
void source_poll_again(struct repo *r);

/* source_fetch.c: begins what is to be fetched next, unless a fetch is under way. */
void source_fetch_next(struct repo *r);
void source_poke_users(struct repo_rev *rev);
/* Tells the users of the revision, unless they know. */
void source_rev_fail(struct repo_rev *rev, const struct err *err);
/* What every request to the worker says of the repository; borrowed from it. */
struct fetch_request source_request(struct repo *r);
/* *request: its bytes, until c is over; they may hold a password or key. */
void source_ask_worker(struct repo *r, const struct fetch_request *q,
		       struct worker_call *c, char **request);
void source_drop_request(char **request, size_t len);

/* ---- source_rev.c: one revision; it lives as long as the repository ---- */

struct fetch_answer;
struct git_ref;
/* Put among r's; name is copied. */
struct repo_rev *source_rev_new(struct repo *r, const char *name);
void source_rev_free(struct repo_rev *rev);
/* Is what the remote says now not all here? */
bool source_rev_behind(const struct repo_rev *rev);
/* What the remote says now. Is it something else? ref NULL: it was asked for by its id. */
bool source_rev_want(struct repo_rev *rev, const char *oid, const struct git_ref *ref);
/* What is wanted now is being fetched; and it was. */
void source_rev_fetching(struct repo_rev *rev);
void source_rev_fetched(struct repo_rev *rev, const struct fetch_answer *a);

#endif
