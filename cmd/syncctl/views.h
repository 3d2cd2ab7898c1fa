/*
 * views.h - what syncctl shows: Applications in, text out. Pure.
 *
 * A view reads what the API server gave (status and view_state(); the fields are
 * listed in sync/status_syncd.c) and forgives whatever is missing: the status may
 * be another controller's. Text from the cluster passes view_clean(), so that a
 * commit's subject cannot steer the terminal.
 */
#ifndef SYNCCTL_VIEWS_H
#define SYNCCTL_VIEWS_H

#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"

struct view_env {
	int64_t now_ms;
	unsigned width;		/* of the terminal; 0 = no limit */
	bool colour;
	bool wide;		/* -o wide */
	bool namespaces;	/* -A: a NAMESPACE column */
};

/* --- text (view_text.c) --------------------------------------------------- */

enum view_colour { VIEW_PLAIN, VIEW_GREEN, VIEW_YELLOW, VIEW_RED, VIEW_FAINT,
		   VIEW_BOLD };

/* s without control characters, on one line; NULL gives nothing. */
void view_clean(struct buf *out, const char *s);
/* Columns that s takes on a terminal. */
size_t view_width(const char *s);
/* At most width columns of s, the last one "…" where it was cut. */
void view_cut(struct buf *out, const char *s, size_t width);
void view_coloured(struct buf *out, const struct view_env *env,
		   enum view_colour colour, const char *s);
/* "40s", "12m", "5h", "3d" from an RFC 3339 time until now; "" if it is none. */
void view_age(struct buf *out, const struct view_env *env, const char *since);
/* A commit cut to 7 characters; any other revision as it is; "-" if none. */
void view_revision(struct buf *out, const char *revision);
/*
 * What is under revision, or the first of revisions and how many more there are, of an
 * application with several sources. The first alone: borrowed, or NULL.
 */
void view_revisions(struct buf *out, const json_t *of);
const char *view_first_revision(const json_t *of);
/* Does one of them begin so? */
bool view_has_revision(const json_t *of, const char *prefix);
/* spec.source, or the first of spec.sources; borrowed. */
const json_t *view_source(const json_t *app);
/* `#41 (9f31c02, Ada, "cache: raise ttl")` from a release of status.syncd. */
void view_release(struct buf *out, const json_t *release);

/* --- tables (view_table.c) ------------------------------------------------ */

struct view_cell {
	char *text;
	enum view_colour colour;
};

struct view_table {
	size_t columns;
	VEC(struct view_cell) cells;	/* row by row */
};

/* The heading: column names up to NULL. */
void view_table_init(struct view_table *t, ...) __attribute__((sentinel));
/* The next cell; text is cleaned. NULL or "" shows as "-". */
void view_table_add(struct view_table *t, enum view_colour colour,
		    const char *text);
/*
 * Columns are as wide as their widest cell, three spaces apart; where a line is
 * wider than the terminal, its last column is cut.
 */
void view_table_print(const struct view_table *t, const struct view_env *env,
		      struct buf *out);
void view_table_deinit(struct view_table *t);

/* --- what an Application says (view_app.c) -------------------------------- */

enum view_rank { RANK_BROKEN, RANK_MOVING, RANK_WAITING, RANK_FINE };

/*
 * status.syncd, or where the cluster's CRD drops it the annotation in which the
 * daemon then keeps its essentials (texts and lists may be shortened). Owned; NULL.
 */
json_t *view_state(const json_t *app);
/* Puts that into status.syncd of an Application that the cluster gave; NULL-safe. */
void view_take_state(json_t *app);

struct view_app {
	const json_t *app, *status;
	json_t *syncd;			/* view_state(); owned */
	const char *name, *ns, *project, *phase, *sync, *health;	/* "" if none */
	const json_t *target, *rejected, *pin, *operation;	/* NULL if none */
	bool pinned, running;		/* running: an operation is under way */
	bool moving;			/* so it is, or its release soaks or prunes */
	enum view_rank rank;
	struct buf sync_words;		/* "✗ Pinned", "↻ Wave 2/4" */
	enum view_colour sync_colour, health_colour;
	const char *health_sign;
	struct buf note;
	const char *since;		/* RFC 3339, NULL if unknown */
};
void view_app_init(struct view_app *a, const json_t *app);
/* Does Git say again what was rejected, while something newer runs well? */
bool view_comes_back(const struct view_app *a);
void view_app_deinit(struct view_app *a);
/* "●" for Healthy and so on, and its colour. */
const char *view_health_sign(const char *status, enum view_colour *ret_colour);
/* Which wave of how many: 1-based; 0 when it is not known. */
size_t view_wave(const struct view_app *a, size_t *ret_of);

/* --- the views ------------------------------------------------------------ */

/* items: the Applications of a list. */
void view_fleet(const json_t *items, const struct view_env *env, struct buf *out);
json_t *view_fleet_json(const json_t *items, const struct view_env *env);
/* What is stored of a rejection, where it could be read: NULL where not. */
struct view_kept {
	const json_t *evidence;	/* sync/evidence.h's document */
	const json_t *changes;	/* view_change_json() of each, from the good release */
};
/* kept: NULL where nothing was rejected. */
void view_story(const json_t *app, const struct view_kept *kept,
		const struct view_env *env, struct buf *out);
/* Its part about what was rejected: why, the pods' words, what it changed. */
void view_rejected(const struct view_app *a, const struct view_kept *kept,
		   const struct view_env *env, struct buf *out);
/* The gates of deploy-control, from view_state(); false: no file is named. */
bool view_gates(const json_t *syncd, const struct view_env *env, struct buf *out);
void view_list(const json_t *items, const struct view_env *env, struct buf *out);
void view_names(const json_t *items, struct buf *out);	/* -o name */
void view_get(const json_t *app, const struct view_env *env, struct buf *out);
/* items: what auto-revert would have done, where it only reports. */
void view_report(const json_t *items, const struct view_env *env, struct buf *out);
json_t *view_report_json(const json_t *items);	/* owned array */
/* -o name: what `syncctl rollback APP ID` takes, newest first. */
void view_history_names(const json_t *app, struct buf *out);
void view_history(const json_t *app, const struct view_env *env, struct buf *out);

/* --- what is kept of a rejection: sync/evidence.h's document (view_evidence.c) --- */

void view_evidence(const json_t *doc, struct buf *out);
/* Of the first container that said something its last `n` lines; false: none did. */
bool view_last_words(const json_t *doc, size_t n, struct buf *out);

/* --- objects (view_objects.c) --- */

/* -o name: "deployment.apps/web", a line for each {group, kind, name}. */
void view_object_names(const json_t *rows, struct buf *out);
void view_resources(const json_t *app, const struct view_env *env, struct buf *out);
/* Of its namespace, what no application has: status.syncd.orphanedObjects, or why not. */
void view_orphans(const json_t *app, const struct view_env *env, struct buf *out);
/* children: ReplicaSets, Jobs, Pods... found by their ownerReferences. */
/* Is an object of it not well? */
bool view_is_unwell(const json_t *app);
/* Which of what its unwell objects made is to blame; nothing when none is known. */
void view_leaves(const json_t *app, const json_t *children, const struct view_env *env,
		 struct buf *out);
void view_tree(const json_t *app, const json_t *children, const struct view_env *env,
	       struct buf *out);
/* Of children, what is there, that which its objects made, directly or not. Owned (view_owned.c). */
json_t *view_owned(const json_t *children, const json_t *app);

/* --- events (view_events.c) --- */

/*
 * Of core/v1 Events those about the application, its objects and what these made, be it
 * gone, oldest first. children: what is there of it. Owned.
 */
json_t *view_events_of(const json_t *events, const json_t *app, const json_t *children);
void view_event_names(const json_t *events, struct buf *out);	/* "event/web.17a" */
void view_events(const json_t *events, const struct view_env *env, struct buf *out);

/* --- differences (view_diff.c) --- */

struct view_change {
	const char *group, *kind, *ns, *name;
	const json_t *before, *after;	/* NULL: it is not there then */
};
/* Is there any difference that counts? What servers fill in does not. */
bool view_change_any(const struct view_change *c);
/* By field path: "spec.replicas  2 -> 3". Secrets' values are masked. */
void view_change_paths(const struct view_change *c, const struct view_env *env,
		       struct buf *out);
/* As a unified difference of the objects' YAML, with three lines around. */
void view_change_unified(const struct view_change *c, const struct view_env *env,
			 struct buf *out);
/* {kind, name, ..., change, fields: [{path, before, after}]}. Owned. */
json_t *view_change_json(const struct view_change *c);

/* objects: [{kind, namespace, name, status, message}] of `syncctl health`. */
json_t *view_health_judge(const json_t *objects);
/* The same by another rule. */
typedef struct health view_judge_fn(void *arg, const json_t *object);
json_t *view_health_judge_by(const json_t *objects, view_judge_fn *fn, void *arg);
/* Is one of them Degraded, Missing or Unknown? */
bool view_health_is_bad(const json_t *judged);
void view_health_names(const json_t *judged, struct buf *out);	/* KIND/NAME, a line each */
void view_health(const json_t *judged, const struct view_env *env,
		 struct buf *out);

/* Compact JSON text -> YAML; numbers keep their spelling. */
void view_yaml(const char *json, size_t len, struct buf *out);
/* JSON with escapes for what steers a terminal, or reorders what a reader sees: the same value. */
void view_json(const char *json, size_t len, struct buf *out);
/* Such a character beyond ASCII that s begins with, of *ret_len bytes; 0: none. */
uint32_t view_unsafe_char(const char *s, size_t *ret_len);

/* --- which of several sources (view_sources.c) -------------------------------- */

/* What a flag was given, in order; borrowed from the command line. */
#define VIEW_WORDS_MAX 64
struct view_words {
	const char *data[VIEW_WORDS_MAX];
	size_t n;
};

/* The i-th of revisions, or of locals, is of the i-th of positions, or of names. */
struct view_named {
	const char *revision;	/* of the only source; NULL */
	struct view_words revisions, locals, positions, names;
};
/* ERR_INVALID or ERR_LIMIT: wrong whatever the application is. */
int view_named_check(const struct view_named *n, struct err *err)
	__attribute__((warn_unused_result));

/* What is wanted of a source instead of what Git says; both NULL: just that. */
struct view_pick {
	const char *revision, *local;
};
/* In the order of the application's sources. */
struct view_picks {
	struct view_pick of[RENDER_SOURCES_MAX];
	size_t n;
	bool many;		/* spec.sources, be it one */
};
/* The same errors, naming the sources that there are. Strings stay borrowed from n. */
int view_pick(const json_t *app, const struct view_named *n, struct view_picks *ret,
	      struct err *err) __attribute__((warn_unused_result));
/* Does it sync without being asked: syncPolicy.automated, and not switched off? */
bool view_goes_by_itself(const json_t *app);
/*
 * Would a sync to these revisions stay? ERR_INVALID with the next step where the
 * application syncs by itself to others, as Argo CD refuses it.
 */
int view_lasts(const json_t *app, const struct view_picks *p, struct err *err)
	__attribute__((warn_unused_result));
/* "source 2 (https://git.example.com/conf.git)", for messages; owned. */
char *view_source_words(const json_t *app, size_t i);
/*
 * The revision that is picked for source i, else the commit that Git was last seen at;
 * borrowed. NULL: that is not known, or was of another repository or targetRevision.
 */
const char *view_wanted_revision(const json_t *app, const struct view_picks *p, size_t i);
/*
 * Does `then` (a row of status.history, or status.sync.comparedTo) name the sources that
 * the spec names now, all that it says of them?
 */
bool view_is_of_spec(const json_t *app, const json_t *then);
/*
 * The newest stored release of exactly those (or their beginnings, of 7 digits at least)
 * that was rendered as the spec says now; 0: there is none.
 */
uint32_t view_release_of(const json_t *app, const struct view_picks *p);

/* --- asking for a sync (view_request.c) ------------------------------------- */

struct view_request {
	const char *id;		/* goes into operation.info: we know it again by it */
	const char *user;
	const struct view_picks *picks;	/* revisions; NULL: what the spec says */
	bool prune, dry_run;
	const char *const *resources;	/* "GROUP:KIND:[NS/]NAME" */
	size_t n_resources;
	const char *const *options;	/* sync.syncOptions, ended by NULL; or NULL */
};

/* The `operation` field, owned; NULL and ERR_INVALID naming a bad resource. */
json_t *view_request_json(const struct view_request *r, struct err *err);
/* A merge patch that leaves exactly `wanted` where `there` is now. Owned. */
json_t *view_replace_patch(const json_t *there, const json_t *wanted);
/* Is one waiting or running? *ret_words (may be NULL) says whose, owned. */
bool view_is_busy(const json_t *app, char **ret_words);
/* The same, but what goes on by itself gives way to a person: it does not count. */
bool view_is_taken(const json_t *app, char **ret_words);

enum view_outcome {
	OUTCOME_WAITING,	/* written, nobody took it yet */
	OUTCOME_RUNNING,
	OUTCOME_DONE,
	OUTCOME_FAILED,
	OUTCOME_LOST,		/* taken away or replaced: it will never end */
};
enum view_outcome view_outcome(const json_t *app, const char *id);

/* --- what holds an application back (view_hold.c) ------------------------------ */

/* The newest good release before the one in force; 0: there is none. */
uint32_t view_previous_release(const json_t *app);
/* Was something rejected, did it fail, or does it wait for its next try? */
bool view_may_retry(const json_t *app);
struct view_hold {
	const char *by, *reason;	/* NULL: not said */
	int64_t until_ms;		/* 0: until it is taken off */
};
/* The value of the annotations syncd.dev/pin and syncd.dev/suspend. Owned. */
char *view_hold_text(const struct view_hold *h);
/* A merge patch that sets one annotation, or takes it off (value NULL). Owned. */
json_t *view_annotation_patch(const char *key, const char *value);
bool view_has_annotation(const json_t *app, const char *key);
/* By a rollback or auto-revert, not by the annotation. */
bool view_is_pinned_by_itself(const json_t *app);

/* --- approving deletions (view_confirm.c) ------------------------------------ */

/* What waits for approval, one object a line; false: nothing does. */
bool view_asked(const json_t *app, const struct view_env *env, struct buf *out);
/*
 * The merge patch that approves exactly what view_asked() shows: the list's digest,
 * or for an Application that is being deleted the time. Owned; NULL: nothing waits.
 */
json_t *view_approval(const json_t *app, int64_t now_ms);

/* --- waiting (view_wait.c) --------------------------------------------------- */

struct view_wait {
	bool sync, health, operation, good;
	const char *revision;	/* NULL, or how Git's commit must begin */
};
/*
 * Is everything asked for so? Otherwise *missing (cleared first) says what is not:
 * "not Synced (OutOfSync), not Healthy (Progressing)".
 */
bool view_wait_is_met(const struct view_wait *w, const json_t *app,
		      struct buf *missing);

struct view_waited {
	int64_t began_ms, now_ms, ends_ms;	/* wall */
};
#define VIEW_PATIENCE_MS 120000
/*
 * Why it cannot come before the end, or NULL: it may. Owned. Synced does not come while a
 * person holds the application, nor good what was rejected. Where something new in Git
 * would end it, that may be pushed and not seen yet: it is in vain when `revision` was
 * seen, else after VIEW_PATIENCE_MS. Only of one that view_wait_is_met() says no of.
 */
char *view_wait_in_vain(const struct view_wait *w, const json_t *app,
			const struct view_waited *t);

/* --- progress ---------------------------------------------------------------- */

/*
 * Lines of progress: what changed in an Application since it was last shown. Zero
 * initialise; all of it is told the first time.
 */
struct view_progress {
	json_t *told;		/* what each subject was last said to be */
};
void view_progress(struct view_progress *p, const json_t *app,
		   const struct view_env *env, struct buf *out);
void view_progress_deinit(struct view_progress *p);

#endif
