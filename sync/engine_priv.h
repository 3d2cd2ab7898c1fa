/*
 * engine_priv.h - what the files of sync/ that do things share.
 *
 * One thread, one loop. An application is ticked from the loop, never from inside
 * another's callback: app_poke() only marks it.
 */
#ifndef SYNC_ENGINE_PRIV_H
#define SYNC_ENGINE_PRIV_H

#include <uthash.h>

#include "core/discovery.h"
#include "core/events.h"
#include "core/kube.h"
#include "core/lease.h"
#include "core/lsrefs.h"
#include "core/sm.h"
#include "core/watch.h"
#include "core/world.h"
#include "decide.h"
#include "bodies.h"
#include "fight.h"
#include "kinds.h"
#include "metrics.h"
#include "health/health.h"
#include "notify.h"
#include "op.h"
#include "pods.h"
#include "render/answer.h"
#include "sync/app_spec.h"
#include "sync/engine.h"
#include "sync/live.h"
#include "sync/plan.h"
#include "sync/project.h"
#include "sync/record.h"
#include "sync/statusdoc.h"
#include "source.h"
#include "told.h"

#define FIELD_MANAGER "syncd"
#define LABEL_INSTALL "syncd.dev/install"
#define ANN_OPERATION "syncd.dev/operation"

struct app;
struct app_watch;
struct gather;
struct loose;
struct orphans;
struct op;
struct repo;
struct scripts;
struct settings;
struct donors;
struct grace;

/* ---- the admission webhook ---- */

/* review.c: ends all that are under way without a callback. */
void reviews_free(struct engine *e);

/* certkeeper.c: the webhook's own certificate. From _lead() on it may be written. */
struct certkeeper *certkeeper_new(struct engine *e);
void certkeeper_lead(struct certkeeper *k);	/* NULL-safe */
/* It was looked for: what there is is served. NULL: there is none to look for. */
bool certkeeper_settled(const struct certkeeper *k);
struct certkeeper *certkeeper_free(struct certkeeper *k);	/* NULL-safe */

/* ---- bootstrap.c: the Application that --bootstrap-repo asks for ---- */

#define BOOTSTRAP_NAME "syncd-bootstrap"

struct bootstrap;
/* NULL where none is asked for; it writes once the Applications are listed. */
struct bootstrap *bootstrap_new(struct engine *e, const struct engine_bootstrap *c);
/* All NULL-safe: what the watch that covers our own namespace tells. */
void bootstrap_on_reset(struct bootstrap *b);
void bootstrap_on_app(struct bootstrap *b, enum watch_event ev, const json_t *app);
void bootstrap_on_synced(struct bootstrap *b);
struct bootstrap *bootstrap_free(struct bootstrap *b);

/* ---- projects.c: the fences around applications ---- */

struct projects;
struct projects *projects_new(struct engine *e);
struct projects *projects_free(struct projects *p);	/* NULL-safe */
/*
 * The application's project as it is now, borrowed until the loop runs on. NULL:
 * ERR_NET while the lists are not in, ERR_NOTFOUND when there is none of that name,
 * ERR_INVALID when it cannot be read.
 */
const struct project *projects_of(struct app *a, struct err *err);
/* "ns/name" of what projects_of() answers: owned, also where there is none. */
char *projects_key(const struct app *a);
/* By that key, borrowed until the loop runs on; NULL: none that can be read. */
const struct project *projects_named(const struct engine *e, const char *key);
/* May the application be at all (its repositories, destination, namespace)? 0 or -1. */
int projects_check(struct app *a, struct err *err)
	__attribute__((warn_unused_result));
/*
 * May what a release says go out? It went out by the rules of the project of that time:
 * where that is another now, its own sources are asked for; and where that one asks for
 * signatures, only what is found signed in Git now goes out. 0 or -1.
 */
int projects_check_release(struct app *a, const struct release *r, struct err *err)
	__attribute__((warn_unused_result));
/* Asked before every request that writes one of its objects. 0 or -1. */
int app_check_write(struct app *a, const struct objkey *k, struct err *err)
	__attribute__((warn_unused_result));
/*
 * Asked before every request that deletes one, or lets a hook go. The same, but that an
 * Application whose project is gone takes along what it made. 0 or -1.
 */
int app_check_delete(struct app *a, const struct objkey *k, struct err *err)
	__attribute__((warn_unused_result));
/*
 * app_draw.c: *body of object i becomes what is sent to that destination; on -1 it is
 * freed. As draw_fill().
 */
int app_draw_body(const struct app *a, const struct render_answer *of,
		  const char *dest_ns, size_t i, char **body, size_t *len, struct err *err);
/* app_draw.c: the Secret "ns/name" is another one now: it looks again if it takes of it. */
void app_draw_heard(struct app *a, const char *key);
/* project_acts_as() of it at that destination; *ret owned by the caller. */
int app_acts_as(struct app *a, const char *dest_ns, char **ret, struct err *err)
	__attribute__((warn_unused_result));
/* Could an application of any project be written as that user? */
bool projects_write_as(const struct engine *e, const char *user);
/* Its spec is invalid, or its project does not allow it: nothing is done. */
bool app_is_refused(const struct app *a);

/* ---- pause.c: the ConfigMap that stops all writes of this install ---- */

struct pause;
struct pause *pause_new(struct engine *e);
struct pause *pause_free(struct pause *p);	/* NULL-safe */
bool pause_known(const struct engine *e);	/* it was looked for */
/* "everything is paused by ada: ..." or NULL. Borrowed until the loop runs on. */
const char *pause_words(const struct engine *e);

/* ---- app_breaker.c: when the cluster is in trouble, reverts go one at a time ---- */

struct breaker;
struct breaker *breaker_new(struct engine *e);
struct breaker *breaker_free(struct breaker *b);	/* NULL-safe */
/*
 * Why its revert may not begin yet: another one shall show whether reverting helps, or
 * the nodes are being asked for (the application is poked). NULL: it may. Borrowed.
 */
const char *breaker_holds(struct app *a);
/* Its revert ended: a success closes the breaker, and others may begin. */
void breaker_reverted(struct app *a, bool succeeded);
/* What opened it, when it is open and this application reverts or waits; NULL. */
const char *breaker_words(const struct app *a, int64_t *ret_since_ms);
/* For the metrics; *ret_held: reverts that wait. */
bool breaker_is_open(const struct engine *e, unsigned *ret_held);

/* ---- store.c: releases and records as Secrets ---- */

struct store_call {
	/* err: CONFLICT = someone else wrote the record (we lost the lead) */
	void (*on_done)(struct store_call *c, const struct err *err);
	struct app *app;
	struct kube_request req;
	char *body;
	uint32_t release;
	struct render_answer *answer;	/* put: borrowed; get: filled, owned by caller */
	size_t next_chunk, n_dropped;
	bool evidence;		/* put: the application's goes with it */
	uint32_t notices;	/* put: events numbered when it was sent */
	bool running;
	struct world_task task;
	struct err err;
};
/* Every record of this install, once, at start: app_adopt_record() for each. */
void store_load(struct engine *e, void (*on_done)(void *arg, const struct err *err),
		void *arg);
/* With c->answer: the release as well, before the record or in the same write. */
void store_put_record(struct store_call *c);
void store_get_release(struct store_call *c);
void store_drop_release(struct engine *e, struct app *app, uint32_t id);
struct kube_ref store_secret(const struct engine *e, const char *name);
void store_cancel(struct store_call *c);
void store_forget_unsure(struct app *app);	/* also at its end */
void store_free(struct engine *e);

/* ---- sweep.c: Secrets and mirrors that nobody needs any more ---- */

struct sweep;
void sweep_start(struct engine *e);
void sweep_free(struct engine *e);	/* NULL-safe, before the client goes */

/*
 * others.c: of *ns, one of e->app_namespaces: is it named before, or are all of them read?
 * Its Applications are watched there then.
 */
bool engine_reads_elsewhere(const struct engine *e, char *const *ns);

/* ---- scope.c: which objects of a release live where ---- */

/* One scope per object, owned by the caller. Kinds of the release's own CRDs count. */
struct scope *scopes_resolve(const struct discovery *d,
			     const struct render_answer *a);
/*
 * The REST address of an object; false: the kind is not served (yet). Its strings are
 * the discovery's, good until that is refreshed, and the key's: ref_keep what waits.
 */
bool ref_resolve(const struct discovery *d, const struct objkey *k,
		 const char *version, struct kube_ref *ret);
/* Group, version and resource of *ref become strings of the block returned (owned). */
char *ref_keep(struct kube_ref *ref);

/* By the policy, or for the release in force by a person's request (app.c). */
bool app_may_prune(struct app *a);

/* ---- app.c: one application ---- */

/* A rendered release in memory, shared by head, target and operation. */
struct rel {
	unsigned refs;
	enum { REL_MAY_DRAW, REL_DRAWS_NOT, REL_DRAWS } draws;	/* app_draw.c */
	unsigned exclude_no;	/* its objects bear the marks of (app_exclude.c); 0: none */
	unsigned said_no;	/* of which the words are what they are; 0: of none */
	char *said;		/* what of it is excluded, "": nothing; NULL: not asked */
	struct render_answer a;
};
struct rel *rel_new(void);
struct rel *rel_ref(struct rel *r);
struct rel *rel_unref(struct rel *r);	/* NULL-safe, returns NULL */

struct app_rev {
	struct repo_rev *rev;
	bool read, ref_only;	/* it is fetched; no objects come from it */
};

struct soak_pods {
	char *key;		/* objkey_format */
	struct podwatch *watch;
};

/* What is kept of a failure, until it is stored. */
struct kept_words {
	uint32_t release;
	char *text;		/* evidence.h's document; NULL */
	char *words;		/* of that: what a reason should say as well; NULL */
	bool spoken;		/* the reason has a pod's words already */
	bool due;		/* the release was rejected: with the next write */
};

/* Of what failed in the release that is being judged (app_fault.c). */
struct fault {
	bool reverts;		/* something whose failure takes the release back */
	char *words;		/* something whose failure does not, and why; NULL */
};

struct app {
	char *id;		/* "ns/name": the registry's key */
	char *app_id;		/* tracking id's first part: "<app>" or "<ns>_<app>" */
	struct engine *engine;
	bool present;		/* the Application exists */
	unsigned seen;		/* list number of its watch */
	struct app_spec spec;
	struct err project_err;	/* why the project refuses it; code NONE = fine */
	struct told told;	/* as last read or written, without syncd if mirrored */
	char *mirror;		/* STATUS_MIRROR as last read or written; NULL: none */
	char *mirror_sent;	/* of the write under way */

	struct record rec;
	char *rec_version;	/* resourceVersion of its Secret; NULL = not stored */
	VEC(char *) rec_unsure;	/* writes of ours whose answer never came */
	bool rec_dirty;
	struct news_mark news_mark;	/* the record as others were last told of it */
	uint32_t notices_stored;	/* events up to this one are in the stored record */
	bool aside;		/* another controller serves its namespace: hands off */
	bool sweeping;		/* a Secret of its is being deleted: begin nothing */
	char *rec_broken;	/* why the stored record cannot be read: hands off */
	VEC(uint32_t) dropped;	/* embedded releases to take out with the next write */
	struct store_call store;	/* record writes, one at a time */

	VEC(struct app_rev) revs;	/* its sources, in order; none while refused */
	VEC(struct remote_use) remotes;
	char *remotes_for, remotes_source[65];	/* the commits that named them */
	char rendering_remotes[65], rendered_remotes[65];	/* remotes_key() */
	char *rendered;		/* sources_commits() that `head` was rendered from */
	char *rendered_named, *rendering_named;	/* ... with those of remote bases */
	bool rendered_asked, rendering_asked;	/* a request named them */
	char rendered_source[65];	/* the sources' digest at that time */
	struct rel *head;	/* Git's wish */
	struct err head_err;	/* why there is none for the wanted commit */
	struct worker_call render;
	char *render_request;
	char *rendering, rendering_source[65];	/* "" while nothing is */
	uint64_t render_began;	/* mono */
	char *render_affinity;
	char *exec_why;		/* of the render that the exec worker was asked */
	size_t render_len;
	uint64_t render_again_at, load_again_at;	/* mono; 0 = any time */

	struct rel *target;	/* what rec.target is; NULL: not read yet */
	uint32_t target_id;
	struct store_call load;	/* of the target from its Secret */
	struct rel *loading;

	struct rel *failed;	/* while it reverts: what it puts away; NULL: not to be had */
	uint32_t failed_id;	/* 0: not looked for */

	enum turn { TURN_NONE, TURN_WAITS, TURN_HAS } turn;
	uint64_t turn_asked;	/* mono: while it waits */
	struct op *op;
	struct rel *op_rel, *op_in_force, *op_failed;
	bool op_prunes;
	bool op_serves;		/* it is what a->request asked for */
	bool stopped_op;	/* it ends for a pause or a gate, or its Application went */
	uint64_t untold;	/* mono: what a person asked for ended, and no status says so; 0 */
	unsigned revert_tries;
	uint32_t prior_target;
	unsigned walked;	/* engine.walks when others.c came by last */
	uint64_t others_since;	/* mono: a prune waits for the others' wishes; 0 */
	struct op_view op_view;
	struct op_request {	/* a person's wish, claimed from the CR */
		bool present;
		bool prune, dry_run, no_hooks;
		bool own_options, retry_rejected, unpin;
		char *override;		/* why it passes shut gates; NULL */
		uint32_t gates;		/* GATE_BITs that it names */
		uint32_t options;	/* enum app_options */
		char *propagation;
		struct app_retry retry;
		char *revision, *by;
		struct app_sources sources;	/* with its revisions; none: the spec's */
		bool own_sources;	/* not the spec's ... */
		bool allowed;		/* ... and the project has nothing against them */
		char *bad;		/* why it cannot be done; NULL */
		json_t *raw;		/* as it was written */
		const json_t *resources;	/* of raw; NULL: all */
		uint32_t rollback;	/* to this release; 0 = what Git says */
		uint64_t ttl_ms;	/* of the rollback's pin; 0 = without end */
		uint64_t seen_at;	/* mono: Git is asked after it */
	} request;
	struct err delete_err;	/* shown as DeletionError */
	uint64_t deleting_since;	/* mono: the deletion waits for its hooks; 0 */
	bool cascaded;		/* its objects went with it */
	uint64_t soak_began, soak_clean;	/* mono; 0 = not soaking, not clean */
	uint64_t soak_degraded;	/* since when evidence is degraded; 0 */
	VEC(struct soak_pods) soak_pods;	/* of workloads that changed */
	unsigned soak_exits;	/* failed ends seen so far */
	char *waits_for;	/* in words: the last decision was to wait, or soak; NULL */
	uint32_t held_back;	/* it waited as Git's head is this rejected release; 0 */
	struct app_gates {	/* as of this look: words, owned; NULL = none */
		char *stopped, *pinned, *waits, *shut, *shut_manual;
		uint64_t shut_until;	/* mono; 0 = not known */
		char *held;		/* breaker_holds() */
		bool held_back;		/* ... and that was told */
		/* Of deploy-control: by itself, by hand, for what is under way. */
		char *gate, *gate_manual, *gate_stop;
		char *rollback;	/* why what is asked for cannot be */
		char *foreign;	/* why what should be running is not put out */
		uint64_t gate_until;	/* mono; 0 = not known */
	} gates;
	struct sights *sights;	/* app_sight.c; NULL: nothing was looked at */
	struct rel *raw;	/* as rendered ... */
	struct rel *git;	/* ... with what it draws; head is what of it may go out */
	struct app_draws *draws;	/* app_draw.c; NULL: nothing is drawn */
	struct app_control *control;	/* app_control.c; NULL: no file is named */
	struct app_guard {	/* app_approve.c: is what was written guarded? */
		struct app *app;
		char key[65], asked[65];	/* of what is known, of what is asked */
		int is;			/* enum approve_guard, of key */
		char user[400];		/* who we are, as the policy says; "" */
		struct kube_request req;
		char *body;
		bool busy;
		uint64_t again_at;	/* mono: not before */
	} approval_guard, override_guard;
	int approved;		/* enum approve_verdict, of this look */
	uint32_t passed;	/* GATE_BITs that the request passes, of this look */
	char rendered_control[65], rendering_control[65];	/* app_control_key() */
	char rendered_signed[65], rendering_signed[65];	/* app_signed_key() */
	uint64_t signed_until;	/* of what is rendered: render/answer.h */
	char signed_by[RENDER_SIGNED_BY];
	bool soak_bad;
	char *soak_why;		/* why it is bad */
	bool soak_asked;	/* what its failing pods say was asked for */
	struct gather *gather;	/* it is being asked for; NULL */
	struct kept_words evidence;
	struct fault fault;
	uint64_t retry_at;	/* mono: not before */
	struct fights fights;	/* objects that are changed back */
	unsigned heal_tries;
	uint64_t heal_at;
	unsigned lacks_tries;	/* heals in a row that lacked a kind or version */
	uint64_t lacks_at;	/* mono: the next one for that alone */
	struct err sync_err;	/* shown as SyncError */
	char *shared;		/* an object that the last operation found to be another's */
	struct scope *scopes;
	struct plan plan;	/* of head against live, for the status */
	bool plan_valid;
	struct scope *target_scopes;
	struct plan target_plan;	/* of the target, when it is not the head */
	bool drifted;
	char *unlisted;		/* of kinds_trouble(): nothing can be compared; NULL */

	VEC(struct status_condition) conditions;
	uint64_t told_since;	/* since when Events of errors are counted */
	unsigned told_errors;	/* how many since then */
	json_t *finalizers;	/* those of others */
	struct {
		struct kube_request req;	/* reads the Application */
		bool asked, failed, doubted;
		uint64_t seen, again_at;	/* mono; 0 = never */
	} going;		/* app_is_going() */
	struct kube_request delete_req;	/* takes ours off */
	char *delete_body;
	struct kube_request status_req;
	char *status_body;
	bool status_busy;
	bool status_missed;	/* something changed while it was written */
	uint64_t status_rv;	/* the newest resourceVersion that it was compared at */
	json_t *status_seen;	/* while it was written, at ...; NULL */
	uint64_t status_seen_rv;
	bool contested;		/* another wrote over it: it is to be written again */
	uint64_t contested_at;	/* mono: of the last write for that reason; 0 = never */
	uint64_t born, status_at;	/* mono; of the last write, 0 = none */
	uint64_t uncompared_since;	/* mono: a status waits for lists; 0 */
	uint64_t aside_at;	/* mono: of the last condition written while aside; 0 */
	unsigned status_fails;	/* in a row */
	int64_t reconciled_ms;
	/* What we take off the CR: seen, then cleared, until an event shows it gone. */
	enum mark { MARK_NONE, MARK_SEEN, MARK_CLEARED } refresh_mark,
		operation_mark;
	uint64_t refresh_at;
	uint64_t due;

	struct world_task task;
	uint64_t poked_at;	/* mono: of the news that task waits to look at */
	struct world_timer timer;	/* next due look */
	struct world_timer calm;	/* its status waits for few requests */
	struct app_counts counts;
	UT_hash_handle hh;
};

struct app *app_get(struct engine *e, const char *ns, const char *name);
struct app *app_find_by_app_id(struct engine *e, const char *app_id);
void app_poke(struct app *a);
void app_poke_at(struct app *a, uint64_t mono_ms);
void app_poke_all(struct engine *e);
void app_set_phase(struct app *a, enum phase p);
void app_soak_end(struct app *a);	/* its pods are watched no more */
void app_on_object(struct engine *e, const json_t *application);
void app_on_gone(struct engine *e, const char *ns, const char *name);
void app_adopt_record(struct engine *e, const char *ns, const char *name,
		      struct record *rec, const char *version);
void app_on_live(struct app *a, const struct live *l,
		 const struct live_before *before);
/* For the live index: what the application of this id ignores of an object. */
json_t *app_ignored(void *engine, const char *app_id, const struct objkey *k,
		    const json_t *object);
void app_free(struct app *a);
/* Writes the record; the application is poked when it is there. */
void app_save(struct app *a);
/* Its stored record was deleted, and its Application is gone. */
void app_forget_record(struct app *a);
void app_set_condition(struct app *a, const char *type, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void app_clear_condition(struct app *a, const char *type);
/*
 * The API server said a moment ago that this very Application, by its UID, is being
 * deleted. False: it is asked, or to be asked again soon; the application and its
 * operation are poked at the answer. An operation of an end that is none is terminated.
 */
bool app_is_going(struct app *a);

/* app_status.c: writes the status when it changed, at most once a second. */
void app_status_tick(struct app *a);

/* ---- engine.c ---- */

struct engine {
	struct world *w;
	struct engine_config cfg;
	char *ns, *identity, *mirrors;
	char **app_namespaces;
	char install_id[24];
	struct sm sm;
	struct err err;
	struct world_timer retry;
	unsigned retries;
	struct kube_request boot;
	char *boot_body;
	struct kube *kube;
	struct discovery *discovery;
	struct lease *lease;
	struct events *events;
	struct turns {			/* turns.c */
		VEC(struct app *) line;
		struct world_timer timer;
		uint64_t last;		/* mono: one began */
		unsigned begun;		/* around then */
	} turns;
	struct bodies bodies;
	uint64_t epoch;
	uint64_t discovered_at;	/* mono: at boot */
	bool leading, stopping, loaded;
	bool any_depends;	/* an application has syncd.dev/depends-on */
	bool fatal;		/* nothing may be written any more */
	bool draining;		/* nor now, while the lease is handed over */
	uint64_t drain_until;	/* mono */
	bool drops_syncd;	/* the API server keeps no status.syncd */
	struct live_index live;
	struct kindwatch *kinds;
	unsigned n_podwatches;
	unsigned sighting;	/* applications that app_sight.c reads for now */
	struct app *apps;
	unsigned walks;		/* over applications, so far */
	VEC(struct app_watch *) app_watches;
	struct creds *creds;
	struct scripts *scripts;
	struct settings *settings;
	struct donors *donors;
	struct grace *grace;
	struct orphans *orphans;
	struct nudges *nudges;	/* NULL: push webhooks are off */
	struct notify *notify;
	char cluster[128];	/* what it is called where others are told of it */
	char **remote_hosts;	/* NULL-terminated patterns */
	struct projects *projects;
	struct keyring *keyring;
	struct pause *pause;
	struct breaker *breaker;
	struct claims *claims;
	struct certkeeper *certkeeper;	/* NULL: no certificate of our own */
	struct bootstrap *bootstrap;	/* NULL: none is asked for */
	struct review *reviews;	/* under way; utlist */
	struct repo *repos;
	struct kube_request store_list;
	void (*store_loaded)(void *arg, const struct err *err);
	void *store_arg;
	bool store_busy;
	struct sweep *sweep;
	VEC(struct loose *) loose;	/* fire-and-forget deletes of old releases */
	void (*on_stopped)(void *arg);
	void *stop_arg;
	struct engine_counts counts;
};

bool engine_may_write(void *arg);
/* The engine cannot go on: asks the process to end. */
void engine_fatal(struct engine *e, const struct err *why);
void engine_log(struct engine *e, enum log_level level, const struct app *a,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void engine_event(struct engine *e, const struct app *a, const char *type,
		  const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
