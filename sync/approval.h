/*
 * approval.h - what a person has to agree to before it is deleted. Pure.
 *
 * The question is a list of objects, each with its uid, and is known by its digest.
 * The answer is that digest in the Application's annotation syncd.dev/prune-approved:
 * it approves exactly this list, and none that has one object more. What is approved
 * is noted in the inventory, so that it stays so while the list gets shorter.
 */
#ifndef SYNC_APPROVAL_H
#define SYNC_APPROVAL_H

#include "sync/plan.h"

/* How many tasks of the plan ask; digest "" when none does. */
size_t approval_digest(const struct plan *p, char digest[65]);
/*
 * Notes in rec what `approved` allows of the plan, and forgets it of what the
 * release has again. True when rec changed: then the plan is to be built anew.
 */
bool approval_take(struct record *rec, const struct plan *p, const char *approved);
/*
 * Adds "3 objects ... wait for approval (why): A, B, ...; what to do", nothing when
 * none asks. going: because the Application is being deleted.
 */
void approval_words(const struct plan *p, const char *app, bool going,
		    struct buf *out);

#endif
