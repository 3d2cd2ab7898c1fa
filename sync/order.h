/*
 * order.h - in which order tasks are done: wave, step, kind, name. Pure.
 */
#ifndef SYNC_ORDER_H
#define SYNC_ORDER_H

#include "sync/plan.h"

/* 1 for admission webhook configurations: last in their wave; else 0. */
int order_step(const char *group, const char *kind);

/*
 * Gives each Namespace and CRD among the tasks the wave of its first user, where
 * that is earlier than its own. A task's object is a user of the namespace that
 * it lies in, and of the CRD whose group it has and whose plural fits its kind
 * (of every CRD of the group where none fits: an irregular plural).
 */
void order_hoist(struct task *tasks, size_t n);

/* For qsort over struct task: wave, step, rank, namespace, name. */
int order_cmp(const void *a, const void *b);

#endif
