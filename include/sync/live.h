/*
 * live.h - the live index: what we know of each managed object in the cluster.
 *
 * Fed by watches and by the answers of our own applies. Per object: identity,
 * uid, version, health, progress, links and the fingerprint of the fields we own.
 * It keeps no objects.
 */
#ifndef SYNC_LIVE_H
#define SYNC_LIVE_H

#include <uthash.h>

#include "core/doc.h"
#include "health/health.h"
#include "sync/record.h"

#define FIELD_MANAGER "syncd"	/* of every server-side apply of ours */

struct live {
	char *key;		/* objkey_format: the hash key */
	char *group, *kind, *ns, *name;
	char uid[40];
	char op[24];		/* syncd.dev/operation, "" if none */
	char *app_id;		/* from the tracking id; "" if it names another object */
	uint64_t version;	/* resourceVersion */
	char *links;		/* a list (links.h); NULL: none */
	char fingerprint[65];	/* "" = we own nothing of it */
	char shape[65];		/* of all but metadata and state, where the version that is
				   watched is not the one that we wrote; "": it is that */
	bool converted;		/* it was seen so last */
	struct health health;
	unsigned script;	/* which judges its health; 0: the built-in rule */
	int64_t generation;	/* while a script does */
	int64_t lenient_until;	/* wall ms: till then Degraded is Progressing; 0 */
	bool held_back;		/* ... and it is */
	uint64_t judged;	/* the version that it was judged at by the script */
	uint64_t progress;
	uint64_t own_deadline_ms;	/* its own time for a rollout, set by us; 0 */
	bool deleting;		/* has a deletionTimestamp */
	bool held;		/* has the hook finalizer */
	bool calls_out;		/* the API server asks somebody for it (sync/probe.h) */
	bool owned;		/* has an ownerReference: never pruned */
	bool scaled;		/* spec.replicas is ours */
	/* Its own annotations say so now, whoever wrote them there. */
	bool keep_prune;	/* Prune=false, helm.sh/resource-policy: keep */
	bool keep_delete;	/* Delete=false, helm.sh/resource-policy: keep */
	unsigned seen;		/* list generation, for sweeps */
	UT_hash_handle hh;
};

/*
 * What of an object of this application is somebody else's to decide (ignore.h):
 * owned by the caller, NULL for nothing. It does not count in fingerprints.
 */
typedef json_t *live_ignored_fn(void *arg, const char *app_id,
				const struct objkey *k, const json_t *object);

/*
 * May put another health than the built-in rule's into l, now or later; `was` is
 * what it had before (NONE: it was not known).
 */
typedef void live_judge_fn(void *arg, struct live *l, const json_t *object,
			   const struct health *was);

struct live_index {
	struct live *by_key;
	live_ignored_fn *ignored;	/* NULL: nothing is */
	live_judge_fn *judge;	/* NULL: the built-in rules only */
	void *arg;
};

struct live *live_find(struct live_index *ix, const struct objkey *k);

/* What a live object was before an upsert; uid "" = it was not known. */
struct live_before {
	char uid[40];
	char fingerprint[65];
	enum health_status health;
	uint64_t progress;
};
/*
 * Takes in an object as the API server gives it. A version older than the known
 * one is ignored (NULL), also when the uid differs: it is a late event of a
 * predecessor. So is what has no kind, name or uid.
 */
struct live *live_upsert(struct live_index *ix, const json_t *object,
			 struct live_before *ret_before);
/* The fingerprint that an upsert of this object would note; "" = unreadable. */
void live_fingerprint(const struct live_index *ix, const json_t *object,
		      char out[65]);
void live_remove(struct live_index *ix, struct live *l);
void live_deinit(struct live_index *ix);

/*
 * The application whose tracking id a live object bears, if that id names this very
 * object (a copy's does not). Owned by the caller; NULL = untracked.
 */
char *tracking_owner(const json_t *object);
/* The same of an object of that key of which only the metadata is there. */
char *tracking_app(const struct objkey *k, const json_t *metadata);

/*
 * Does a live object bear the option (Prune=false) among its sync-options, or Helm's
 * keep policy?
 */
bool tracking_keeps(const json_t *object, const char *option);

/*
 * The parts of `<app>:<group>/<kind>:<ns>/<name>`, each owned by the caller.
 * -1 when it is not a tracking id.
 */
int tracking_parse(const char *id, char **ret_app, char **ret_group,
		   char **ret_kind, char **ret_ns, char **ret_name);

#endif
