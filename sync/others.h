/* others.h - what a plan asks beyond its own application. */
#ifndef SYNC_OTHERS_H
#define SYNC_OTHERS_H

#include "engine_priv.h"

struct plan_rules {
	struct prune_policy policy;
	struct plan_others others;
};
/* Fills r and lets `in` point to it: r lives as long as the plan is being built. */
void app_plan_rules(struct app *a, struct plan_rules *r, struct plan_input *in);
/* How the application that tracks an object stands to it. */
enum tenure app_tenure(struct app *a, const char *app_id, const struct objkey *k);
/* No Application bears that id, and we would know if one did. */
bool app_id_is_gone(struct engine *e, const char *app_id);
/*
 * An application of that destination, or one that never was synced and so left no mark
 * on anything, has it in its release.
 */
bool app_wanted_there(struct engine *e, const struct objkey *k);
/* Task of case 26: the log and an Event say why the deletion goes on. */
void app_tell_ring(struct app *a, const struct task *t);
/*
 * Before something is deleted: it may have moved to an application whose wish is on
 * its way. False when all of them are known, or after a while; true: a look follows.
 */
bool app_waits_for_others(struct app *a);

#endif
