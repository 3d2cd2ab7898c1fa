/*
 * evidence.h - what is kept of a failure before a revert destroys it. Pure.
 *
 * One document beside the rejection, for people:
 *
 *   {"at": RFC 3339,
 *    "pods": [{"pod": "ns/name", "why": "ImagePullBackOff", "message", "container",
 *              "restarts", "exit", "end": "OOMKilled", "ended": RFC 3339,
 *              "log": "lines\n", "previous": "lines\n"}],
 *    "events": [{"object": "Pod/ns/name", "reason", "message", "count", "at"}],
 *    "notes": ["what is missing, and why"]}
 *
 * A row per container that is not well (or one for a pod that has none yet); exit, end
 * and ended are of the run that it ended last. What
 * pods say is kept without the values of Secrets (secrets.h), and is bounded.
 */
#ifndef SYNC_EVIDENCE_H
#define SYNC_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>

#include "secrets.h"
#include "sync/record.h"

#define EVIDENCE_SUBJECTS 3	/* workloads, Jobs and pods that are asked about */
#define EVIDENCE_PODS 3		/* of one of them */
#define EVIDENCE_CONTAINERS 3	/* of one pod */
#define EVIDENCE_LOGS 6		/* of all */
#define EVIDENCE_LINES 20	/* of one log... */
#define EVIDENCE_LOG_BYTES 4096	/* ... and bytes */
#define EVIDENCE_EVENTS 12
#define EVIDENCE_KEPT 5		/* rejections of an application that keep theirs */

/*
 * The label selector of what controls pods ("app=web,tier in (a,b)"); owned, NULL
 * when it has none that can be told.
 */
char *evidence_selector(const json_t *controller);
/*
 * Which pods of a list to ask: those that are not well, the newest first, pods that
 * are going last. How many were put into ret (borrowed).
 */
size_t evidence_pods(const json_t *list, const json_t *ret[EVIDENCE_PODS]);

/* A log that a container can be asked for. */
struct evidence_log {
	json_t *row;		/* of doc's pods: borrowed */
	const char *container;	/* borrowed from the row */
	bool previous;
};
/*
 * Adds the pod's rows to doc. Fills ret with the logs worth asking for; returns
 * how many.
 */
size_t evidence_add_pod(json_t *doc, const json_t *pod,
			struct evidence_log ret[2 * EVIDENCE_CONTAINERS]);
/* A log's answer; `whole` false: it was cut at its end, which is left out. */
void evidence_add_log(const struct evidence_log *log, const char *text, size_t len);
/* The names of the Secrets that the pod reads, into an array, each once. */
void evidence_secrets(const json_t *pod, json_t *names);
/*
 * Adds the warnings of a list of Events that are about the subject, what it made
 * (by name), or the pods in doc: the newest.
 */
void evidence_add_events(json_t *doc, const json_t *list, const struct objkey *subject);
void evidence_note(json_t *doc, const char *words);
/*
 * evidence_words.c: what holds the subject's pods up, in the words of the newest
 * warning in doc: a probe that fails, a volume that cannot be mounted, a quota. What
 * killed a container comes before the probe that fails because of it. spoken:
 * a pod's own words are known already, and only a probe that ended it tells more.
 * Owned by the caller; NULL: none says so.
 */
char *evidence_words(const json_t *doc, const struct objkey *subject, bool spoken);
/*
 * Hides the secrets in all words. blind: some are not known, so that what pods
 * said is left out.
 */
void evidence_clean(json_t *doc, const struct secrets *s, bool blind);

#endif
