/*
 * unstick.h - which pods keep a StatefulSet from going back. Pure.
 *
 * With podManagementPolicy OrderedReady the controller waits for every pod to be
 * ready before it replaces the next one: a pod of a bad revision that never gets
 * ready is waited for even when the template was put back (kubernetes #67250). A
 * revert deletes just those pods; the controller makes them anew.
 */
#ifndef SYNC_UNSTICK_H
#define SYNC_UNSTICK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct stuck_set {	/* strings are borrowed from the StatefulSet */
	const char *name, *uid;
	const char *revision;	/* controller-revision-hash of the restored template */
	int64_t first;		/* lowest ordinal that the controller rolls */
};
/*
 * Reads a StatefulSet whose template was put back. False when nothing of it may be
 * deleted: the controller has not seen the template yet, it needs no help
 * (Parallel), or a person rolls the pods (OnDelete).
 */
bool unstick_set(const json_t *set, struct stuck_set *ret);
/*
 * May this pod be deleted? It is controlled by that very StatefulSet, bears another
 * revision than the restored one, is not ready, and is not going already.
 */
bool unstick_pod(const struct stuck_set *s, const json_t *pod);

#endif
