/*
 * approve.h - a person's approval of what Git says now. Pure.
 *
 * It is written in annotations of the Application:
 *
 *   syncd.dev/approved          the release's digest, as status.syncd.gates shows it
 *   syncd.dev/approved-by       the writer, as the API server knows him
 *   syncd.dev/approved-revision the commits that he looked at, of all sources and remote
 *                               bases, spaced: Git's, when it is first judged, so that
 *                               a forged status misleads nobody
 *   syncd.dev/approved-at       when; -until: it is over then; -reason: why
 *
 * It is bound to that digest: other objects, and other options of the Application (to
 * where, and how), are not approved by it, whatever commit they come from. Who may write it, and in whose name, is for the API server to say:
 * the ValidatingAdmissionPolicy syncd-approval lets only those write it who may
 * `approve` the Application, and only in their own name. Before an approval counts, the
 * API server is asked dry to take one in a name that is nobody's: where it would take
 * it, anybody could have written this one, and it never counts. Nor does one in a name
 * that syncd writes in: what Git says would approve itself.
 *
 *   #  the annotations                               verdict
 *   1  none                                          NONE
 *   2  of another digest                             OTHER
 *      ... and yet of Git's commits, when it is      AMISS, and never counts
 *      first seen: of what they do not give
 *   3  its time is over                              OVER
 *   4  no writer, a time that is none, or a commit   BAD
 *      that Git had not then
 *   5  found unguarded or amiss once                  DISTRUSTED
 *   6  not known whether they are guarded            ASK
 *   7  guarded, but in a name that syncd writes in    OWN
 *   8  guarded                                       YES
 */
#ifndef SYNC_APPROVE_H
#define SYNC_APPROVE_H

#include <jansson.h>

#include "core/buf.h"
#include "core/err.h"
#include "sync/app_spec.h"

#define APPROVE_POLICY "syncd-approval"
#define APPROVE_NOBODY "syncd.dev:nobody"	/* no authenticator gives such a name */

enum approve_verdict {
	APPROVE_NONE, APPROVE_OTHER, APPROVE_AMISS, APPROVE_OVER, APPROVE_BAD, APPROVE_DISTRUSTED,
	APPROVE_ASK, APPROVE_OWN, APPROVE_YES, APPROVE_N
};
const char *approve_verdict_str(enum approve_verdict v);

enum approve_guard { GUARD_UNKNOWN, GUARD_PRESENT, GUARD_ABSENT };

struct approve_in {
	const struct app_approval *approval;
	const char *digest;	/* approve_digest() of what Git says; "" = not known */
	const char *commits;	/* Git's, spaced */
	const char *proven;	/* key of one that was right; "" */
	const char *distrusted;	/* key of one that was found unguarded or amiss; "" */
	enum approve_guard guard;	/* of this very approval */
	bool own;		/* its writer is us, or an account that we write as */
	int64_t now_ms;
};
enum approve_verdict approve_judge(const struct approve_in *in);

void approve_decode(struct app_approval *a, const json_t *annotations);
void approve_deinit(struct app_approval *a);
/* What is approved: these objects with these options (app_spec.options_digest). */
void approve_digest(const char *objects, const char *options, char out[65]);
/* Spaced commits as people name them: each once, between commas. */
void approve_revision(const char *commits, struct buf *out);
/* Is that all of them, whole? A few digits are quickly found for another commit. */
bool approve_names(const char *named, const char *commits);
/* What the API server is asked dry: a merge patch, owned. */
char *approve_probe(void);
/*
 * Its answer: ERR_NONE = it would take it. UNKNOWN: to be asked again. user: who asked,
 * as the policy names him where it is PRESENT; else "".
 */
#define APPROVE_USER_MAX 400
enum approve_guard approve_probed(const struct err *err, char user[APPROVE_USER_MAX]);

#endif
