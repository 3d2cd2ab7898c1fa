/*
 * statusdoc.h - the Application's status, from plain facts. Pure.
 *
 * The fields are Argo CD's (sync, health, resources, history, operationState,
 * conditions, reconciledAt, sourceType, summary); what only syncd has lies under
 * status.syncd.
 */
#ifndef SYNC_STATUSDOC_H
#define SYNC_STATUSDOC_H

#include "sync/app_spec.h"
#include "sync/plan.h"
#include "sync/record.h"

/* A person's rollback keeps it where it is: a state, and no error. */
#define PINNED_INFO "PinnedInfo"

struct status_condition {
	const char *type;	/* "SyncError", "ComparisonError"... */
	char *message;		/* owned */
	int64_t since_ms;
};

struct op_result {		/* one row of operationState.syncResult.resources */
	char *group, *version, *kind, *ns, *name;
	const char *status;	/* Synced, SyncFailed, Pruned, PruneSkipped; static */
	const char *hook;	/* PreSync...; NULL: no hook; static */
	const char *hook_phase;	/* Running, Succeeded, Failed; of hooks; static */
	char *message;
};

/* The last or running operation as status.operationState shows it. */
struct op_view {
	bool present;
	const char *phase;	/* Running, Terminating, Failed, Error, Succeeded */
	char *message;
	int64_t started_ms, finished_ms;	/* 0 = not yet */
	char revision[65];
	char *revisions;	/* of spec.sources, spaced; NULL */
	char *sources;		/* its release's: app_sources_text(); NULL: the spec's */
	char *initiated_by;
	json_t *asked;		/* the request as it was written; NULL */
	bool automated;
	unsigned retries;
	VEC(struct op_result) results;	/* by op_view_add() */
};

#define OP_RESULTS_MAX 1000u
/*
 * Takes row over and answers where it is kept until the next call; NULL: it was
 * dropped. Beyond OP_RESULTS_MAX a failure or a hook takes the place of the last row
 * that is neither.
 */
struct op_result *op_view_add(struct op_view *v, struct op_result row, bool hook);
void op_result_deinit(struct op_result *r);

struct orphans_found;

struct status_view {
	const struct app_spec *spec;
	const struct record *record;	/* NULL: not loaded yet */
	struct live_index *live;
	struct live_index *found;	/* what no watch tells of, as it was read once; NULL */
	const struct plan *plan;	/* against Git's head; NULL: none yet */
	const struct render_answer *release;	/* what plan's tasks index into */
	const char *head;	/* commits that Git wants, spaced; "" unknown */
	bool compared;		/* head's release was compared */
	const char *source_type;
	const struct op_view *op;
	const struct status_condition *conditions;
	size_t n_conditions;
	int64_t now_ms, reconciled_ms;
	/* what status.syncd adds */
	const char *phase_message;	/* "wave 2: deployment/api 1 of 3 ..." or NULL */
	const char *leader;
	const struct app_hold *pin;	/* by hand, in force; NULL */
	const struct app_hold *suspend;	/* likewise */
	const char *window;		/* why syncs wait for a window; NULL */
	json_t *gates;			/* of deploy-control, as it is shown; NULL */
	const char *auto_revert, *auto_revert_why;	/* "report", "false"; NULL: on */
	int64_t auto_revert_until_ms;	/* wall; 0 = without end */
	const char *breaker;	/* open, and it reverts or waits: why; NULL */
	int64_t breaker_since_ms;
	const char *held;	/* its revert waits for another's: the words; NULL */
	const struct plan *asking;	/* whose prunes wait for approval; NULL */
	const struct orphans_found *orphans;	/* its project asks for them; NULL */
	const char *excluding;	/* namespaces whose argocd-cm excludes kinds, spaced; NULL */
};

enum sync_status { SYNC_UNKNOWN, SYNC_SYNCED, SYNC_OUT_OF_SYNC };
const char *sync_status_str(enum sync_status s);

/* The worst of the target's objects, with the culprit in the message. */
struct health status_health(const struct status_view *v);
enum sync_status status_sync(const struct status_view *v);
/*
 * The whole status, owned. Beyond 1,000 objects resources[] holds the unhealthy
 * and out-of-sync ones and status.syncd.resourceCount says how many there are.
 * previous (borrowed, may be NULL) gives lastTransitionTime where nothing changed.
 */
json_t *status_build(const struct status_view *v, const json_t *previous);

#define STATUS_MIRROR "syncd.dev/state"	/* annotation of an Application */
#define STATUS_MIRROR_MAX 4096		/* bytes of its value */
/*
 * status.syncd as that annotation's value, for where the API server does not keep
 * it: the same JSON, with texts and lists shortened until it fits. Owned.
 */
char *status_mirror(const json_t *syncd);
/* Equal but for reconciledAt and syncd.leader: no write needed. */
bool status_same(const json_t *a, const json_t *b);

#endif
