/*
 * kube.h - requests to a Kubernetes API server, on the loop.
 *
 * A `struct kube` is one server with one identity: it bounds requests in
 * flight (a FIFO queue behind), retries what may be retried (429 and 503 with
 * Retry-After; connection errors of idempotent verbs; at most 5 times, jittered
 * backoff) and turns Status answers into errors. Watches: core/watch.h.
 * Facts: Kubernetes API conventions; https://kubernetes.io/docs/reference/using-api/
 */
#ifndef CORE_KUBE_H
#define CORE_KUBE_H

#include <jansson.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/world.h"

struct kube;

struct kube_limits {
	unsigned max_in_flight;	/* 0 = 32 */
	unsigned max_queued;	/* 0 = 65,536; beyond: ERR_LIMIT */
	size_t max_answer;	/* 0 = 64 MiB */
	unsigned unacked_ms;	/* as http_call's */
};

/* endpoint is borrowed and must outlive the client; it may change in place. */
struct kube *kube_new(struct world *w, const struct http_endpoint *endpoint,
		      struct kube_limits limits);
/* Cancels everything silently (no callbacks), frees. NULL-safe. */
struct kube *kube_free(struct kube *k);
struct world *kube_world(const struct kube *k);
const struct http_endpoint *kube_endpoint(const struct kube *k);

/*
 * A write of ours that may still change something: one that is under way, or that
 * ended without an answer less than 35 s ago, while the API server may be at it.
 * As "/api/v1/..." or "patch /api/v1/...: how it ended"; NULL = none. Borrowed until
 * the next call of this client.
 */
const char *kube_write_open(const struct kube *k);
/* Requests waiting or under way now: a caller with time may wait for a calm. */
unsigned kube_pending(const struct kube *k);

/* Requests sent so far by verb ("get", "list", "watch", "patch", "dryrun"...). */
struct kube_stat {
	const char *verb;
	int status;		/* HTTP status; 0 = no answer */
	uint64_t count;
};
/* Calls fn for each pair seen; the rows are borrowed for the call. */
void kube_stats(const struct kube *k,
		void (*fn)(const struct kube_stat *s, void *arg), void *arg);
/*
 * Those that ended within the last five minutes, by the minute, in minutes that began
 * at `since` (mono ms) or later; failed: no answer, 502, 503 or 504.
 */
void kube_recent(const struct kube *k, uint64_t since, uint64_t *ret_all,
		 uint64_t *ret_failed);
/* Counts one on behalf of watch.c. */
void kube_stat_add(struct kube *k, const char *verb, int status);
/*
 * Asked when a write's turn comes and again when its first byte leaves: false =
 * ERR_CANCELLED "not the leader". It may use clocks only. NULL = always.
 */
void kube_set_write_guard(struct kube *k, bool (*may_write)(void *arg), void *arg);

/* Where an object or a collection lives. NULL or "" = none. */
struct kube_ref {
	const char *group, *version;	/* group "" = core */
	const char *resource;		/* plural: "deployments" */
	const char *ns;			/* NULL: cluster-scoped, or all namespaces */
	const char *name;		/* NULL: the collection */
	const char *subresource;
};

/* "/apis/apps/v1/namespaces/x/deployments/y", each segment escaped. */
void kube_path(const struct kube_ref *ref, struct buf *out);

struct kube_request {
	/* set by the caller, or by a kube_*_init below */
	const char *verb;	/* the API verb, for metrics; static string */
	const char *method;
	struct buf path;	/* owned by the request, query included; freed at its end */
	const char *content_type;	/* static string or NULL */
	const char *accept;		/* NULL: application/json */
	struct buf own_body;	/* used when body is NULL and len > 0 */
	const void *body;	/* borrowed until on_done */
	size_t body_len;
	const char *if_none_match;	/* borrowed; an ETag: 304 then is no error */
	/* Both borrowed until kube_start() returns. */
	const char *as_user;	/* Impersonate-User; NULL: as whoever the client is */
	const struct err *refused;	/* it ends in this and is never sent; NULL */
	unsigned timeout_ms;	/* of one try; 0 = 60 s */
	unsigned max_tries;	/* 0 = 6; 1 = never again */
	unsigned max_unanswered;	/* tries that may end without any answer; 0 = max_tries */
	bool is_write;		/* subject to the write guard */
	bool parse;		/* parse the answer into ->json */
	bool urgent;		/* passes the queue, beyond max_in_flight: leases, reviews */
	bool first;		/* passes the queue: what people look at */

	/*
	 * err->code is ERR_NONE for 2xx. Otherwise: NOTFOUND 404, CONFLICT 409,
	 * GONE 410, AUTH 401 and 403, INVALID 400, 422 and terminal 500s ("failed
	 * to create typed patch object"), LIMIT 413, NET everything that may pass
	 * (429, 5xx, connection), TIMEOUT, CANCELLED. The message is the Status'.
	 */
	void (*on_done)(struct kube_request *r, const struct err *err);

	/* the answer, valid in on_done, freed after it */
	int status;
	const char *answer;
	size_t answer_len;
	json_t *json;		/* when parse; also the Status of an error */
	const char *reason;	/* Status.reason ("AlreadyExists"), "" if none */
	const char *etag;	/* "" if none */

	void *priv[8];		/* private */
};

void kube_start(struct kube *k, struct kube_request *r);
/* on_done still comes, with ERR_CANCELLED unless the end was on its way. */
void kube_cancel(struct kube *k, struct kube_request *r);
/* Forgets a running request: no callback comes; r is the caller's again. */
void kube_abandon(struct kube *k, struct kube_request *r);
/*
 * Takes back a request that the server cannot have acted on: it waits for a free place,
 * or for another try after an answer that says so (429), or it only reads. True: as
 * kube_abandon(). False: it is on its way, or may have been done; on_done comes.
 */
bool kube_withdraw(struct kube *k, struct kube_request *r);
bool kube_running(const struct kube_request *r);
/* Frees path and own_body; for a request that is not running. */
void kube_request_deinit(struct kube_request *r);

/*
 * The inits below zero *r and fill it; on_done is then set by the caller, and
 * parse where wanted. A request for one object whose name is missing (its path
 * would be the whole collection) or is "." or "..", and a delete without uid,
 * are never sent: they end in ERR_INVALID.
 */
void kube_get_init(struct kube_request *r, const struct kube_ref *ref);
/* For accept: a list of which only the metadata is needed; older servers send it all. */
#define KUBE_METADATA_LIST "application/json;as=PartialObjectMetadataList;" \
			   "g=meta.k8s.io;v=v1,application/json"
/* One page; next is the continue token or NULL; selector may be NULL. */
void kube_list_init(struct kube_request *r, const struct kube_ref *ref,
		    const char *label_selector, unsigned limit,
		    const char *next);

enum kube_apply_flags {
	APPLY_FORCE = 1,	/* take fields from other managers */
	APPLY_DRY_RUN = 2,	/* dryRun=All; verb "dryrun" */
};
/*
 * Server-side apply (application/apply-patch+yaml, JSON body). body is borrowed;
 * manager <= 128 characters. https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
void kube_apply_init(struct kube_request *r, const struct kube_ref *ref,
		     const char *manager, unsigned flags, const void *body,
		     size_t len);
/* JSON merge patch; body borrowed. */
void kube_merge_patch_init(struct kube_request *r, const struct kube_ref *ref,
			   const char *manager, const void *body, size_t len);
void kube_create_init(struct kube_request *r, const struct kube_ref *ref,
		      const char *manager, const void *body, size_t len);
void kube_replace_init(struct kube_request *r, const struct kube_ref *ref,
		       const char *manager, const void *body, size_t len);
/* propagation: "Foreground", "Background", "Orphan"; uid is required. */
void kube_delete_init(struct kube_request *r, const struct kube_ref *ref,
		      const char *uid, const char *propagation);

/*
 * Reads a Status (or any text) answered with an HTTP status into *err, as
 * kube_request.on_done describes; copies Status.reason to reason[64].
 * Pure: also used for ERROR events inside a watch.
 */
void kube_status_err(int http_status, const json_t *status, char reason[64],
		     struct err *err);

#endif
