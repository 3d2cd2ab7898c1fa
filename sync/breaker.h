/*
 * breaker.h - is the trouble the cluster's rather than a release's? Pure.
 *
 * Only what no candidate can have done counts (auto-revert rule 10): nodes that were
 * lost, requests without an answer, applications that turned bad although nobody
 * touched them. Open, it lets one revert go at a time; the first that succeeds closes
 * it, and what was there before that counts no more. What is older than half an hour
 * does not either: by then its pods are elsewhere.
 *
 *  #  evidence                                                           verdict
 *  1  none of the following                                              closed
 *  2  a quarter of the nodes is not ready                                open
 *  3  of at least 20 requests that failed in the last minutes, a fifth   open
 *     of all: no answer, 502, 503 or 504 (a webhook's failure is a 500)
 *  4  three quiet applications turned bad, and a tenth of the quiet      open
 *     ones, or ten: those whose release one commit brought count once
 */
#ifndef SYNC_BREAKER_H
#define SYNC_BREAKER_H

#include "core/doc.h"
#include "health/health.h"

#define BREAKER_RECENT_MS (30 * 60 * 1000)
#define BREAKER_QUIET_MS (30 * 60 * 1000)	/* without an operation */
#define BREAKER_YOUNG_MS (5 * 60 * 1000)	/* a node that joins is not ready either */
#define BREAKER_MOVING_MS (60 * 1000)		/* Progressing so long counts as bad */

struct breaker_node {
	int64_t made_ms;
	int64_t lost_ms;	/* not ready since then; 0: ready */
};
/* Of a Node as the API server gives it. */
struct breaker_node breaker_read_node(const json_t *node);

struct breaker_app {
	enum health_status health;
	int64_t since_ms;	/* of that health */
	int64_t operated_ms;	/* the end of its last operation; now: one is under way */
	const char *commit;	/* that brought its release; "": it counts for itself */
};

struct breaker_in {
	const struct breaker_node *nodes;
	size_t n_nodes;
	const struct breaker_app *apps;
	size_t n_apps;
	uint64_t requests, failed;	/* to the API server, in the last minutes */
	int64_t now_ms;		/* as all times here: wall clock */
	int64_t passed_ms;	/* a revert succeeded: what is older counts no more; 0 */
};
struct breaker_verdict {
	bool open;
	int casenr;
	char why[200];		/* "3 of 10 nodes are not ready"; "" when closed */
};
void breaker_judge(const struct breaker_in *in, struct breaker_verdict *ret);

#endif
