/*
 * life.h - a whole life from one seed: a few applications with a history in Git, one
 * or two replicas of syncd, people, other controllers, and every misfortune; and the
 * rules that must hold at each step of it (checks.h).
 *
 *	struct life x;
 *
 *	life_init(&x, seed);
 *	life_live(&x);		(what happens, then peace and the last commit)
 *	if (*x.failure) ...
 *	life_deinit(&x);
 *
 * Equal seeds give equal lives: x.digest is over every event.
 */
#ifndef SIM_LIFE_H
#define SIM_LIFE_H

#include "apisim.h"
#include "core/mem.h"
#include "gitsim.h"
#include "simworld.h"
#include "sync/engine.h"
#include "sync/record.h"

#define LIFE_CANARY "c4n4ry-0f-l1fe"	/* what no log, status or event may hold */
#define LIFE_CANARY_64 "YzRuNHJ5LTBmLWwxZmU="
#define LIFE_HOUR ((uint64_t)3600 * 1000)
#define LIFE_APPS 3
#define LIFE_CRDS "customresourcedefinitions.apiextensions.k8s.io"
#define LIFE_WIDGETS "widgets.example.com"
#define LIFE_NS "syncd-system"

struct life_file {
	char *name, *text;
};

/* One application as the test wants it. */
struct life_app {
	struct life *life;
	char name[16], ns[24], repo[32];
	VEC(struct life_file) files;	/* of its folder in Git's newest commit */
	bool emptied;		/* the folder has no manifest at the moment */
	bool foreign;		/* it asks for an object of somebody else */
	bool cascade;		/* deleted, its objects go with it */
	bool in_team;		/* its project is "team" */
	bool unshared;		/* lifegit_share() took the shared map away from it once */
	uint64_t shared_again;	/* when it, or the application, came back; 0 */
	bool person;		/* somebody asked for a sync: refusals may be repeated */
	unsigned commits;
	/* the stored record, as it was when last looked at */
	struct record rec;
	bool known;
	char version[24];
};

struct replica {
	struct life *life;
	struct sim_host *host;
	struct engine *engine;
	char identity[24];
	unsigned lives;
	bool fatal, stopped;
	uint64_t up_at;		/* when the next life begins */
};

/* What went on: a life in which nothing happens proves nothing. */
struct life_counts {
	uint64_t crashes, takeovers, rejections, reverts, prunes, hooks, heals, steps;
};

struct life_fence {	/* of project "team" */
	bool narrow;
	uint64_t since;
};

/* Who made which hook, to see that none runs twice. */
struct life_hook {
	char *id;		/* "ns/name/operation" */
	uint64_t made;		/* ms: when the API server made it */
};

struct life {
	struct sim *s;
	struct apisim *api;
	struct http_endpoint endpoint;
	struct replica replicas[2];
	unsigned n_replicas;
	bool elects;		/* one alone may do without a lease */
	struct life_app apps[LIFE_APPS];
	unsigned n_apps;
	struct life_fence fence;
	uint64_t closed_until;	/* an admission webhook refuses until then */
	bool shared;		/* ConfigMap common/shared was in Git once */
	VEC(struct life_hook) hooks;
	uint64_t pace_from;	/* begin of the window in which requests are counted */
	unsigned pace;
	bool by_hand;		/* the webhook lets it pass */
	bool wild;		/* no process lives for long */
	bool loud;		/* tells on stderr what happens */
	struct life_counts counts;
	uint64_t digest;
	char failure[1200];	/* the first rule that was broken: "name: words" */
};

void life_init(struct life *x, uint64_t seed);
void life_live(struct life *x);
void life_deinit(struct life *x);

/* Runs for ms, or until pred (asked each second); tends dead replicas. */
bool life_run(struct life *x, bool (*pred)(struct life *x), uint64_t ms);
void life_say(struct life *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void life_fail(struct life *x, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Creates the Application (again). */
void life_put_app(struct life *x, struct life_app *a);
void life_stop(struct replica *r);	/* as SIGTERM does */
void life_kill(struct replica *r, uint64_t down_ms);

/* ---- lifegit.c: the applications' folders ---- */

void lifegit_start(struct life *x);
/* Sets a file of the folder and commits; NULL removes it. */
void lifegit_put(struct life_app *a, const char *file, const char *text);
bool lifegit_has_file(const struct life_app *a, const char *file);
void lifegit_web(struct life_app *a, const char *tag);
void lifegit_map(struct life_app *a, unsigned n, const char *value);
void lifegit_hook(struct life_app *a, const char *phase, const char *tag,
		  const char *policy);
void lifegit_set(struct life_app *a, const char *tag);
/* The CRD of widgets, which serves these versions; the same as JSON, owned by the caller. */
void lifegit_crd(struct life_app *a, bool v1, bool v2);
char *lifegit_crd_versions(bool v1, bool v2);
/* Widget "widget" of this version; NULL: none. */
void lifegit_widget(struct life_app *a, const char *version, unsigned size);
void lifegit_empty(struct life_app *a);		/* and lifegit_restore() */
void lifegit_restore(struct life_app *a);
/* ConfigMap common/shared belongs to app n; LIFE_APPS: to nobody. */
void lifegit_share(struct life *x, unsigned n);
void lifegit_free(struct life_app *a);
/* Does the commit hold that object of the application? */
bool lifegit_commit_has(const struct life_app *a, const char *oid, const char *kind,
			const char *ns, const char *name);
/* Calls fn for each manifest of the newest commit. */
void lifegit_each(const struct life_app *a,
		  void (*fn)(void *arg, const json_t *manifest, const char *ns),
		  void *arg);

/* ---- lifehappens.c, lifepeace.c ---- */

void life_something_happens(struct life *x);
/* All misfortune ends, every folder is put right, and the cluster must follow. */
void life_make_peace(struct life *x);

/* ---- lifechecks.c, liferecords.c: the rules ---- */

void life_watch_rules(struct life *x);
/* Its Application is gone, or about to go. */
bool life_is_going(const struct life_app *a);
struct life_app *life_app_of(struct life *x, const char *name);
/* The stored record, read anew when its Secret has another version. */
struct record *life_record(struct life_app *a);
const json_t *life_state(const struct life_app *a);	/* its Secret; NULL */
/* A record was written: the rules of how it may change. */
void life_check_record(struct life_app *a);
void life_check_release_kept(struct life_app *a);

#endif
