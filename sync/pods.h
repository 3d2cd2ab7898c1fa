/*
 * pods.h - the pods of a workload's new revision: why they cannot start.
 */
#ifndef SYNC_PODS_H
#define SYNC_PODS_H

#include "health/health.h"
#include "sync/record.h"

struct engine;
struct podwatch;
struct pod_verdict {
	enum pod_trouble trouble;	/* the worst among pods of the new revision */
	uint64_t since;		/* mono ms of its first sight */
	unsigned restarts, failed_exits, ready;
	char reason[64];
	char message[640];	/* names the pod; "" when none has anything to say */
};
/*
 * Watches the pods of one workload (Deployment, StatefulSet, DaemonSet,
 * ReplicaSet, Job) of which `object` is the live state; on_change on every news.
 */
struct podwatch *podwatch_new(struct engine *e, const struct objkey *workload,
			      void (*on_change)(void *arg), void *arg);
struct podwatch *podwatch_free(struct podwatch *p);
/* Is it a kind whose pods can be watched (Deployment, StatefulSet, DaemonSet)? */
bool podwatch_fits(const struct objkey *workload);
bool podwatch_verdict(const struct podwatch *p, struct pod_verdict *ret);
/*
 * Ends in failure of containers since the watch began, of pods that are gone too;
 * the pod with the most of them, "" when it is gone. Borrowed.
 */
unsigned podwatch_exits(const struct podwatch *p, const char **ret_pod);

#endif
