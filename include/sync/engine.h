/*
 * engine.h - the engine: one per cluster, everything above the seam.
 *
 * It owns the registry of applications, the live index, the schedule and the
 * operations. It reaches the outside only through its `struct world`, so that
 * engine_abandon(), which frees everything without a callback, is the crash.
 */
#ifndef SYNC_ENGINE_H
#define SYNC_ENGINE_H

#include "core/buf.h"
#include "core/err.h"
#include "core/world.h"
#include "sync/app_spec.h"

struct engine;

/* The Application that keeps all others: repo NULL = none is kept. */
struct engine_bootstrap {
	const char *repo, *path;
	const char *revision;		/* NULL or "" = HEAD */
};

struct engine_config {		/* all strings are copied */
	const struct http_endpoint *api;	/* borrowed, outlives the engine */
	const char *ns;			/* own namespace, made if absent */
	const char *const *app_namespaces;	/* NULL-terminated; {"*"} = all */
	const char *const *remote_hosts;	/* of remote bases; NULL: none allowed */
	const char *identity;		/* leader election */
	const char *mirrors;		/* folder for Git mirrors */
	const char *cluster;		/* its name in notifications; NULL: "in-cluster" */
	uint64_t poll_ms;		/* 0 = 60 s */
	unsigned max_requests;		/* 0 = 32 */
	bool leader_elect;
	struct engine_bootstrap bootstrap;	/* its namespace is read, too */
	/* of the election's Lease: 0 = 15000, 10000, 2000 */
	unsigned lease_ms, renew_deadline_ms, retry_period_ms;
	bool push_webhooks;		/* engine_webhook() is called */
	bool argocd_metrics;		/* metrics under Argo CD's names as well */
	bool insecure_repositories;	/* a Secret's "insecure" is honoured */
	uint64_t sweep_ms;		/* between two sweeps of garbage; 0 = a day */
	uint64_t keep_ms;		/* a vanished Application's record; 0 = 7 days */
	/*
	 * The Service and the ValidatingWebhookConfiguration that get a certificate of our
	 * own; NULL: none. on_certificate: serve this from now on.
	 */
	const char *webhook_name;
	uint64_t cert_lifetime_ms;
	void (*on_certificate)(void *arg, const char *cert_pem, const char *key_pem);
	struct app_defaults defaults;
	/*
	 * The engine cannot go on (the lease was lost): the process should end so
	 * that another takes over. Called once.
	 */
	void (*on_fatal)(void *arg, const struct err *err);
	void *arg;
};

struct engine *engine_new(struct world *w, const struct engine_config *c);
void engine_start(struct engine *e);
/*
 * Writes nothing more, awaits the answers to what is under way, hands the lease over;
 * on_stopped once, within 5 s. Where an answer does not come the lease is kept until it
 * expires: the write may still land.
 */
void engine_stop(struct engine *e, void (*on_stopped)(void *arg), void *arg);
/* Frees everything without a callback; also after engine_stop. NULL-safe. */
struct engine *engine_abandon(struct engine *e);

/*
 * A message of a Git host, whole: status and text of the answer. 404 while no secret
 * is configured (engine_takes_webhooks() tells before there is a body), 400, 401; 200
 * when it was proven, also when nobody uses its repository.
 */
struct webhook_request;
int engine_webhook(struct engine *e, const struct webhook_request *r,
		   struct buf *body);
bool engine_takes_webhooks(const struct engine *e);

/*
 * An AdmissionReview; any replica answers. on_done once, unless the engine is abandoned
 * before: 200 with the answering review, or 400 with why it is none.
 */
struct engine_review {
	const char *body;	/* borrowed until then */
	size_t len;
	void (*on_done)(struct engine_review *r, int status, struct buf *answer);
};
void engine_review(struct engine *e, struct engine_review *r);

bool engine_ready(const struct engine *e);	/* leader: lists are in; else: standby */
bool engine_leading(const struct engine *e);
/* Requests so far that the API server refused with 401: the credentials are over. */
uint64_t engine_unauthorized(const struct engine *e);
/* Prometheus text: docs/metrics.md. */
void engine_metrics(struct engine *e, struct buf *out);

#endif
