/*
 * hook.h - which hooks a release has, and what to do next with one. Pure.
 *
 * The phases, names and delete policies are Argo CD's. The numbered cases are
 * cited in hook.c and in its tests. "ours" = the live object bears this
 * application's tracking id; "this run" = it bears this operation's id too, and
 * no other phase of it made it.
 *
 *   #  row        object in the cluster                verb
 *   1  planned    not looked at                        LOOK
 *   2  planned    none                                 CREATE
 *   3  planned    another application's                REFUSE
 *   4  planned    this run                             TAKE (an answer was lost)
 *   5  planned    going, held by our finalizer         RELEASE
 *   6  planned    going                                WAIT
 *   7  planned    ours, BeforeHookCreation, held       RELEASE
 *   8  planned    ours, BeforeHookCreation             DELETE
 *   9  planned    otherwise                            CREATE (applied over it)
 *  10  running    not looked at                        LOOK
 *  11  running    none, or another one by now          GONE
 *  12  running    no health rule, or healthy           PASS
 *  13  running    degraded                             FAIL
 *  14  running    past its deadline                    LATE
 *  15  running    otherwise                            WAIT
 *  16  over       the one that ran, held               RELEASE
 *  17  over       otherwise                            REST
 */
#ifndef SYNC_HOOK_H
#define SYNC_HOOK_H

#include "core/mem.h"
#include "health/health.h"
#include "render/answer.h"
#include "sync/plan.h"
#include "sync/record.h"

/* One hook in one of its phases. */
struct hook_task {
	size_t object;		/* index in the release */
	enum hook_phase phase;
	int wave, rank;
	struct objkey key;	/* with its final name; in the arena, or borrowed */
	const char *base;	/* generateName, "" if the manifest names it */
};
struct hook_list {
	struct arena arena;
	VEC(struct hook_task) tasks;	/* by phase, wave, kind, namespace, name */
};

struct hook_list_input {
	const struct render_answer *release;	/* borrowed as long as the list */
	const struct scope *scopes;	/* one per object */
	const char *destination_ns;
	const char *revision;
	int64_t started_ms;	/* of the operation, wall clock */
};
/* 1 << enum hook_phase of each phase that o names; 0 = never applied. */
unsigned hook_phases(const struct rendered *o);
/* Every hook in every phase that it names. */
void hook_list_build(const struct hook_list_input *in, struct hook_list *ret);
void hook_list_deinit(struct hook_list *l);

enum hook_verb {
	HOOK_DO_LOOK,	/* read the object */
	HOOK_DO_CREATE,
	HOOK_DO_TAKE,	/* note that it runs */
	HOOK_DO_RELEASE,	/* take our finalizer off */
	HOOK_DO_DELETE,
	HOOK_DO_WAIT,
	HOOK_DO_PASS,
	HOOK_DO_FAIL,
	HOOK_DO_LATE,
	HOOK_DO_GONE,
	HOOK_DO_REFUSE,
	HOOK_DO_REST,	/* nothing is left to do */
	HOOK_VERB_N
};
const char *hook_verb_str(enum hook_verb v);	/* "CREATE"... */

/* What is known of a hook's object. */
struct hook_seen {
	bool looked;		/* the rest is known */
	bool there;
	bool ours, anothers;	/* by its tracking id; neither: untracked */
	bool deleting, held;	/* held: our finalizer is on it */
	bool of_other_phase;	/* this operation made it in another phase */
	char uid[40], op[24];
	struct health health;
};
struct hook_facts {
	const struct hook_run *run;
	const struct hook_seen *seen;
	bool shared_allowed;	/* FailOnSharedResource=false */
	bool late;
};
/* ret_case may be NULL. */
enum hook_verb hook_decide(const struct hook_facts *f, int *ret_case);

enum hook_end { HOOK_END_GOOD, HOOK_END_BAD, HOOK_END_CANCELLED };
/*
 * The operation is over: does the hook's object go? By its policy; and whatever
 * may still run does, so that it does not work on beside what comes next.
 */
bool hook_goes(const struct hook_run *h, enum hook_end end);

#endif
