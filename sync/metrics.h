/*
 * metrics.h - what the engine counts, and its pages of metrics (private to sync/).
 *
 * metrics.c says what is the daemon's and each application's, metrics_argocd.c the
 * same under Argo CD's names. docs/metrics.md is their table.
 */
#ifndef SYNC_METRICS_H
#define SYNC_METRICS_H

#include "core/mem.h"
#include "core/metric.h"

struct app;
struct engine;

/* Operations that are over, by what they were for. */
enum count_kind {
	COUNT_SYNC,
	COUNT_HEAL,
	COUNT_REVERT,
	COUNT_ROLLBACK,
	COUNT_PRUNE,
	COUNT_DRY_RUN,
	COUNT_KIND_N
};
enum count_phase { COUNT_SUCCEEDED, COUNT_FAILED, COUNT_ERROR, COUNT_PHASE_N };

struct ns_looks {	/* of one namespace of Applications */
	char *ns;
	struct hist looks;
};

struct engine_counts {
	uint64_t syncs, heals, reverts, rejections, promotions, reconciles;
	uint64_t webhooks, webhooks_refused;
	uint64_t reviews_allowed, reviews_refused, reviews_broken;
	uint64_t polls, poll_errors, fetches, fetch_errors;
	uint64_t applies;
	uint64_t ops[COUNT_KIND_N][COUNT_PHASE_N];
	struct hist op_took, apply_took, renders, looks;
	VEC(struct ns_looks) by_ns;
};
void counts_deinit(struct engine_counts *c);

struct app_counts {	/* since this process leads */
	uint64_t ends[2][COUNT_PHASE_N];	/* [it was a dry run] */
	uint64_t took_ms;	/* of those that succeeded */
};

/* phase: as operationState says it. took_ms: how long it ran. */
void count_operation(struct app *a, enum count_kind kind, const char *phase,
		     uint64_t took_ms);
/* The look at an application is over; the news came so long before. */
void count_look(struct app *a, uint64_t waited_ms);

extern const char *const count_phases[];
/* "Synced", "Degraded": as the status says; "Unknown" where it does not. */
const char *app_sync_word(const struct app *a);
const char *app_health_word(const struct app *a);
void metrics_argocd(struct engine *e, struct buf *out);

#endif
