/*
 * plan_priv.h - what plan.c (the objects of the release) and plan_prune.c (what is
 * no longer in it) share.
 */
#ifndef SYNC_PLAN_PRIV_H
#define SYNC_PLAN_PRIV_H

#include "sync/plan.h"

/* An object of the release under its cluster key; hooks too. */
struct wanted {
	struct objkey key;
	size_t object;
};

struct builder {
	const struct plan_input *in;
	struct plan *p;
	struct wanted *wanted;	/* sorted by key; in the arena */
	size_t n_wanted;
	const char **uids;	/* of the objects above, sorted; in the arena */
	size_t n_uids;
	const char **left;	/* of the inventory's that are excluded, likewise */
	size_t n_left;
};

void task_set(struct task *t, int casenr, enum task_verb verb, const char *why);
void task_set_uid(struct task *t, const char *uid);
bool plan_same_op(const struct inv_entry *e, const struct live *l,
		  const char *app_id);
bool plan_is_anothers(const struct live *l, const char *app_id);
bool plan_is_permitted(const struct plan_input *in, const struct objkey *k);
int plan_compare_wanted(const void *a, const void *b);
int plan_compare_strings(const void *a, const void *b);

/* plan_prune.c: fills and sorts b->p->prunes. */
void plan_add_prunes(struct builder *b);

#endif
