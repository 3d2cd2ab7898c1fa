/*
 * order.h - in which order tasks are done: wave, step, kind, name. Pure.
 */
#ifndef SYNC_ORDER_H
#define SYNC_ORDER_H

#include "sync/plan.h"

/* 1 for admission webhook configurations: last in their wave; else 0. */
int order_step(const char *group, const char *kind);

/* A hook that runs among the waves, or before them. It is no task. */
struct order_hook {
	struct objkey key;
	int wave;
	bool pre_sync;		/* before all of them */
};

/*
 * Gives each Namespace and CRD among the tasks the wave of its first user, where
 * that is earlier than its own. A task's object is a user of the namespace that
 * it lies in, and of the CRD whose group it has and whose plural fits its kind
 * (of every CRD of the group where none fits: an irregular plural); so is a hook.
 * What a PreSync hook uses gets a wave before all others, *ret_early; true: some do.
 */
bool order_hoist(struct task *tasks, size_t n, const struct order_hook *hooks,
		 size_t n_hooks, int *ret_early);

/* For qsort over struct task: wave, step, rank, namespace, name. */
int order_cmp(const void *a, const void *b);

#endif
