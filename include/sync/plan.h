/*
 * plan.h - the difference between a release and the cluster, as ordered tasks.
 *
 * Pure. D = the object is in the release, I = it has an inventory entry, L = the
 * live index knows it. The numbered cases are cited in plan.c and in the golden
 * tests:
 *
 *   #  D  I               L                       task
 *   1  x  -               -                       APPLY (look first: it may exist untracked)
 *   2  x  -               ours, untracked         APPLY, adopting
 *   3  x  -/x             another application's   REFUSE
 *   4  x  same digest     same uid, fingerprint   KEEP
 *   5  x  same digest     other fingerprint       APPLY (drift)
 *   6  x  other digest    same uid                APPLY (change)
 *   7  x  x               -                       APPLY (recreate)
 *   8  x  x               other uid               APPLY, adopting (someone recreated it)
 *   9  x  pending         ours, same operation    APPLY; uid completed from live
 *  10  -  uid             same uid                PRUNE (or HOLD by a policy)
 *  11  -  uid             other uid or app        FORGET
 *  12  -  uid             -                       PRUNE, by looking only: gone, or not ours
 *  13  -  pending         ours, same operation    PRUNE with the live uid
 *  14  -  pending         otherwise               FORGET
 *  15  x  any             being deleted           WAIT: apply again when it is gone
 *  16  xx any             any                     none: two objects of the release are one, and
 *                                                 the last in Git gives it (plan.twins)
 *  17  -  uid             -/x                     FORGET: an object of the release has that uid
 *                                                 (one object, served in two groups)
 *  18  x  any             any                     REFUSE: the project does not allow the object
 *  19  x  any             another's, given up     APPLY, adopting: its release has it no more
 *  20  x  any             another's, leaving it   WAIT: its release has it no more soon
 *  21  -  any             any                     FORGET: another application's release has it
 *  22  -  any             any                     HOLD: its kind is not served (any more)
 *  23  x  any             another's, and shared   APPLY, adopting; KEEP what we applied so
 *  24  -  uid             any                     FORGET: it is the Application that goes
 *  25  x  -               - (read: as wanted)     KEEP (an application that was never synced)
 *  26  -  uid             any                     FORGET: an Application whose own deletion, begun
 *                                                 before ours, waits for us
 *  27  -  uid             any                     FORGET: the entry of an excluded kind has that uid
 *                                                 (one object in two groups: it stays, and is known)
 *
 * Of 10 and 13 some become HOLD (kept for good: by an annotation, an owner, the
 * project, the policy) or ASK (data, Prune=confirm, too many at once): an ASK is
 * a PRUNE as soon as a person has approved it (approval.h).
 *
 * Objects with a hook annotation have no task here (hook.h), but they are in the
 * release: a prune never meets them. Of kinds that argocd-cm excludes (exclude.h)
 * nothing has a task, in the release or not: what is there stays as it is.
 *
 * Order (sync-semantics): wave, step, kind order, namespace and name. Namespaces
 * and CRDs are hoisted before their first user. Step 1 of a wave holds admission
 * webhook configurations: applied when the rest of their wave is healthy.
 */
#ifndef SYNC_PLAN_H
#define SYNC_PLAN_H

#include "render/answer.h"
#include "sync/exclude.h"
#include "sync/live.h"
#include "sync/project.h"
#include "sync/record.h"

enum task_verb {
	TASK_KEEP,
	TASK_APPLY,
	TASK_REFUSE,
	TASK_WAIT,
	TASK_PRUNE,
	TASK_HOLD,	/* would be pruned, but a policy keeps it */
	TASK_ASK,	/* would be pruned, but a person has to approve it first */
	TASK_FORGET,
	TASK_VERB_N
};
const char *task_verb_str(enum task_verb v);

#define PLAN_RING 26	/* of the cases above: somebody is to be told */

struct task {
	enum task_verb verb;
	int casenr;		/* of the table above */
	int wave, step;
	int rank;		/* kind order within the step */
	size_t object;		/* index in the release; SIZE_MAX for prunes */
	struct objkey key;	/* ns as it is in the cluster; borrowed */
	const char *version;	/* to apply at, or of the inventory; borrowed */
	uint32_t flags;		/* enum object_flags */
	char uid[40];		/* recorded or live; "" = unknown */
	bool adopt;		/* put uid into the body */
	bool look;		/* nothing is known: read before the first apply; a prune
				   with it reads and deletes nothing */
	const char *why;	/* static words: "new", "changed", "drifted"... */
};

/* Per object of the release, from discovery. */
struct scope {
	bool known;		/* the kind is served (or by a CRD of this release) */
	bool namespaced;
	bool served;		/* and so is this version of it */
};

/* What the application that tracks an object makes of it. */
enum tenure {
	TENURE_HELD,	/* it wants it, or is none of ours */
	TENURE_LEAVING,	/* what it wants is not known yet, or not in force yet */
	TENURE_FREE,	/* it does not want it, or is gone */
};

/* The rest of the world, asked about single objects. */
struct plan_others {
	/* The other application whose release has it; borrowed, NULL: none. */
	const char *(*wanted_by)(void *arg, const struct objkey *k);
	enum tenure (*tenure)(void *arg, const char *app_id, const struct objkey *k);
	bool (*is_served)(void *arg, const char *group, const char *kind);
	/* Of an Application among its objects: does its deletion wait for ours? */
	bool (*awaits_us)(void *arg, const struct objkey *k, const char *uid);
	void *arg;
};

/* What Application and release say of prunes, beside each object's own options. */
struct prune_policy {
	bool going;		/* the Application goes: Delete= counts, not Prune= */
	bool keep, confirm;	/* Prune=false, =confirm (Delete=) on the Application */
	bool confirmed;		/* deletion-approved is newer than the question */
	bool unlimited;		/* no limit on how many at once */
	bool allow_empty;
	const char *self_uid;	/* of the Application, borrowed; NULL: not known */
};

struct plan_input {
	const struct render_answer *release;
	const struct scope *scopes;	/* one per object */
	const char *destination_ns;
	const char *app_id;
	struct record *record;		/* read only */
	struct live_index *live;	/* read only */
	const struct project *project;	/* NULL: everything is allowed */
	bool prune_allowed;		/* policy or request; else HOLD */
	const struct prune_policy *policy;	/* NULL: nothing set, no limit */
	const struct plan_others *others;	/* NULL: alone, every kind is served */
	bool shared_allowed;		/* FailOnSharedResource=false */
	/* Nothing is known of it, but it was read and is as the release has it; NULL. */
	bool (*in_place)(void *arg, const struct objkey *k);
	void *in_place_arg;
	const struct exclude *exclude;	/* of what the release has not; may be NULL */
	const char *prune_unsure;	/* why nothing may be pruned now; NULL */
	bool crds_untouched;		/* healing to a pin, reverting: CRDs are KEEP */
};

/* Two objects of the release that are one in the cluster: indexes in the release. */
struct plan_twin {
	size_t gone, stays;
};

struct plan {
	struct arena arena;
	VEC(struct task) tasks;		/* KEEP, APPLY, REFUSE, WAIT in order */
	VEC(struct task) prunes;	/* PRUNE, HOLD, ASK, FORGET; highest wave first */
	VEC(struct plan_twin) twins;
	size_t n_apply, n_prune, n_ask, n_refuse;
	bool early;		/* the first wave is for PreSync hooks: before they run */
	int early_wave;
};

/* Strings in *ret point into release, record and the plan's arena. */
void plan_build(const struct plan_input *in, struct plan *ret);
void plan_deinit(struct plan *p);
/* Adds which objects of the release gave way to which, a few of them; in the renderer's words. */
void plan_say_twins(const struct plan *p, const struct render_answer *release,
		    struct buf *text);

/* o's key in the cluster; ns is borrowed from o or is dest, "" where there is none. */
struct objkey rendered_key(const struct rendered *o, const struct scope *s,
			   const char *dest);
/* Position of a kind in Argo CD's order; unknown kinds come last. */
int kind_rank(const char *group, const char *kind);
/* PVC, PV, Namespace, CRD, Application, AppProject: never pruned without approval. */
bool kind_is_data(const char *group, const char *kind);
/*
 * Would these prunes remove too much? More than max(10, 20 %) of the inventory, or
 * whatever it is from a release without tasks, unless allow_empty.
 */
bool plan_prunes_too_many(size_t prunes, size_t tasks, size_t inventory,
			  bool allow_empty);

#endif
