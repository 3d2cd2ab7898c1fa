/*
 * admission.h - may this Application or AppProject be stored? What the validating
 * webhook answers, for each AdmissionReview (admission.k8s.io/v1). Pure.
 *
 * What is refused is what the engine's own decoders would refuse later (app_spec.h,
 * project.h, window.h, the renderer's options), and fields that nobody knows. What is
 * accepted and does nothing is told as a warning. The rules, in this order; the first
 * that fits decides (the numbers stand in admission.c):
 *
 *  1  neither kind is ours: allowed
 *  2  DELETE, CONNECT: allowed
 *  3  the object is being deleted: allowed, whatever is wrong with it
 *  4  UPDATE with the same spec (status, metadata, operation): allowed; what is wrong
 *     with annotations that it changes becomes a warning
 *  5  UPDATE: refused for what it makes wrong. What was wrong in the old object just
 *     so is a warning: a person may mend step by step, or change something else
 *  6  a project's refusal: of an UPDATE that changes neither project nor place,
 *     sources and destination a warning; of a dry run too, since the AppProject may
 *     be part of the same change; else refused
 *  7  anything else wrong: refused
 *  8  allowed
 *
 * An AppProject that does not exist, or cannot be read, is a warning: Applications and
 * their projects come in one go, in any order, and the engine writes nothing before.
 */
#ifndef SYNC_ADMISSION_H
#define SYNC_ADMISSION_H

#include <jansson.h>

#include "core/buf.h"
#include "sync/app_spec.h"
#include "sync/project.h"

#define ADMISSION_BODY_MAX ((size_t)8 << 20)	/* bytes of a review */

enum admission_kind { ADMISSION_OTHER, ADMISSION_APP, ADMISSION_PROJECT };

/* A review, read. What is not named owned is borrowed from it. */
struct admission {
	json_t *review;		/* owned */
	const char *uid;
	enum admission_kind kind;
	bool creates, updates, dry_run;
	const json_t *object, *old;	/* NULL where there is none */
	const char *ns, *name;	/* "" if none */
};

/* ERR_INVALID: it is no review that could be answered. */
int admission_read(struct admission *a, const char *text, size_t len, struct err *err)
	__attribute__((warn_unused_result));
void admission_deinit(struct admission *a);

/* The project that must be known to answer, or NULL. Owned by the caller. */
char *admission_wants(const struct admission *a);

enum admission_lookup {
	ADMISSION_UNREAD,	/* could not be asked for: it stays a warning */
	ADMISSION_ABSENT,
	ADMISSION_FOUND,
};

/* What an answer depends on besides the review. Borrowed. */
struct admission_context {
	const struct app_defaults *defaults;
	const char *own_ns;	/* syncd's */
	char *const *app_namespaces;	/* NULL-terminated; {"*"} = all */
	enum admission_lookup lookup;
	const json_t *project;	/* FOUND: the AppProject */
};

/*
 * What is to be said of a->object as it stands (rules 6 and 7), for who asks before it is
 * sent: each message begins with its field's path. a is filled in by hand: kind, object,
 * ns and name. The project judges only where it is FOUND.
 */
void admission_judge(const struct admission *a, const struct admission_context *c,
		     void (*tell)(void *arg, bool refuses, const char *message),
		     void *arg);

/* The answering AdmissionReview goes to out; true: allowed. */
bool admission_answer(const struct admission *a, const struct admission_context *c,
		      struct buf *out);

#endif
