/* kube_priv.h - what the files of the Kubernetes client share. */
#ifndef KUBE_PRIV_H
#define KUBE_PRIV_H

#include "core/kube.h"
#include "core/sm.h"

#define KUBE_RETRY_AFTER_MAX 60000u	/* a longer wait is the caller's to make */
#define KUBE_ECHOED "Audit-ID"	/* k8s.io/apiserver, pkg/endpoints/filters: WithAuditInit */

/*
 * One running request. It lives on the heap because the request's owner may
 * free the request in its callback.
 */
struct kube_op {
	struct kube *k;
	struct kube_request *r;
	struct sm sm;
	struct http_call call;
	struct world_timer backoff;
	struct world_task end;	/* an end that must not run on its caller's stack */
	struct kube_op *prev, *next;	/* in k->queue or k->others */
	const char *headers[2];
	char *if_none_match, *as_user;

	/* what came back from the last try */
	struct buf answer;
	char *etag;
	int status;
	unsigned retry_after_ms;
	unsigned tries;
	bool cancelled;
	bool sent;		/* a write: its bytes may have left, in this try */
	bool doubtful;		/* an earlier try of a write may have been acted on */
	struct err err;
	json_t *json;
	char reason[64];
};

/* The delay before the next try, or -1: this was the last. kube_retry.c */
int64_t kube_retry_delay(struct world *w, const struct kube_op *op);
/* Decodes what came back into op->err, op->json and op->reason. kube_status.c */
void kube_judge(struct kube_op *op);

/*
 * A turn at paged lists: they are made one at a time, because each page is
 * parsed as a whole. fn runs from the loop when it is one's turn.
 */
struct kube_turn {
	void (*fn)(struct kube_turn *t);
	struct kube_turn *prev, *next;	/* private */
	bool waiting, running;		/* private */
	struct world_task task;		/* private */
	struct kube *k;			/* private */
};
void kube_turn_take(struct kube *k, struct kube_turn *t);
/* Gives it back, or stops waiting for it; a no-op otherwise. */
void kube_turn_drop(struct kube_turn *t);
struct kube_turn **kube_turns(struct kube *k);

#endif
