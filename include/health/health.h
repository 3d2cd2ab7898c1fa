/*
 * health.h - how well is an object? Pure: an object in, a status and words out.
 *
 * The rules and words are Argo CD's for the kinds it knows, kstatus' for the
 * rest. To add a kind: one function, one row in health/table.c, one table of
 * cases in tests/golden/health.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* From best to worst, as Argo CD aggregates; NONE: the kind has no rule. */
enum health_status {
	HEALTH_NONE,
	HEALTH_HEALTHY,
	HEALTH_SUSPENDED,
	HEALTH_PROGRESSING,
	HEALTH_MISSING,
	HEALTH_DEGRADED,
	HEALTH_UNKNOWN,
	HEALTH_N
};

struct health {
	enum health_status status;
	char message[256];	/* for people; "" when there is nothing to say */
};

/* "Healthy"...; NONE is "". from_str: NONE for what it does not know. */
const char *health_str(enum health_status s);
enum health_status health_from_str(const char *s);
/* The worse of two; NONE yields to the other. */
enum health_status health_worse(enum health_status a, enum health_status b);

/* Assesses a live object (apiVersion, kind and status as the API gives them). */
struct health health_assess(const json_t *object);

/* Has it the finalizer that holds a hook until its result was read? */
#define HEALTH_HOOK_FINALIZER "argocd.argoproj.io/hook-finalizer"
bool health_is_held(const json_t *object);

/* Is a failure of this kind evidence for a revert (auto-revert rule 2)? */
bool health_is_evidence(const char *group, const char *kind);

/*
 * A number that rises with a rollout's progress (updated + ready + available of
 * the new revision, or succeeded, counts); the wave deadline restarts when it
 * passes the highest seen for this generation. 0 if none, or if the controller
 * has not seen the newest spec.
 */
uint64_t health_progress(const json_t *object);

/* Why a pod of the new revision cannot start: reasons with graces of their own. */
enum pod_trouble {
	POD_FINE,		/* ready, or nothing to complain of yet */
	POD_IMAGE_NAME,		/* InvalidImageName: at once */
	POD_PULL,		/* ErrImagePull, ImagePullBackOff: pull grace */
	POD_CONFIG,		/* CreateContainerConfigError: 30 s */
	POD_CRASH,		/* crash loop: >= 3 restarts and crash grace */
	POD_UNSCHEDULABLE,	/* Unschedulable: holds, does not degrade by itself */
	POD_TROUBLE_N
};

struct pod_report {
	enum pod_trouble trouble;
	bool ready;
	unsigned restarts;	/* of all containers */
	unsigned failed_exits;	/* so far: ended with exit code != 0, or OOMKilled */
	char reason[64];	/* "ImagePullBackOff" */
	char message[256];	/* the kubelet's words, with the container's name */
};

/*
 * POD_CRASH is said from the third restart on and stays said while the container
 * goes round its loop; before that it is POD_FINE, with the reason and the words. A
 * pod being deleted, evicted or preempted is POD_FINE, not ready, without words and
 * failed exits: that is not its release's fault.
 */
struct pod_report health_pod(const json_t *pod);

#endif
