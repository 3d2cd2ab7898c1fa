/*
 * approve.h - a person's approval of what Git says now. Pure.
 *
 * It is written in annotations of the Application:
 *
 *   syncd.dev/approved          the release's digest, as status.syncd.gates shows it
 *   syncd.dev/approved-by       the writer, as the API server knows him
 *   syncd.dev/approved-revision the commit that he looked at: Git's, when it is first
 *                               judged, so that a forged status misleads nobody
 *   syncd.dev/approved-at       when; -until: it is over then; -reason: why
 *
 * It is bound to that digest: other objects are not approved by it, whatever commit
 * they come from. Who may write it, and in whose name, is for the API server to say:
 * the ValidatingAdmissionPolicy syncd-approval lets only those write it who may
 * `approve` the Application, and only in their own name. Before an approval counts, the
 * API server is asked dry to take one in a name that is nobody's: where it would take
 * it, anybody could have written this one, and it never counts. Nor does one in a name
 * that syncd writes in: what Git says would approve itself.
 *
 *   #  the annotations                               verdict
 *   1  none                                          NONE
 *   2  of another digest                             OTHER
 *   3  its time is over                              OVER
 *   4  no writer, a time that is none, or a commit   BAD
 *      that Git had not then
 *   5  found unguarded once                          DISTRUSTED
 *   6  not known whether they are guarded            ASK
 *   7  guarded, but in a name that syncd writes in    OWN
 *   8  guarded                                       YES
 */
#ifndef SYNC_APPROVE_H
#define SYNC_APPROVE_H

#include <jansson.h>

#include "core/err.h"
#include "sync/app_spec.h"

#define APPROVE_POLICY "syncd-approval"
#define APPROVE_NOBODY "syncd.dev:nobody"	/* no authenticator gives such a name */

enum approve_verdict {
	APPROVE_NONE, APPROVE_OTHER, APPROVE_OVER, APPROVE_BAD, APPROVE_DISTRUSTED,
	APPROVE_ASK, APPROVE_OWN, APPROVE_YES, APPROVE_N
};
const char *approve_verdict_str(enum approve_verdict v);

enum approve_guard { GUARD_UNKNOWN, GUARD_PRESENT, GUARD_ABSENT };

struct approve_in {
	const struct app_approval *approval;
	const char *digest;	/* of what Git says; "" = not known */
	const char *commit;	/* Git's */
	const char *proven;	/* key of one whose commit was right; "" */
	const char *distrusted;	/* key of one that was found unguarded; "" */
	enum approve_guard guard;	/* of this very approval */
	bool own;		/* its writer is us, or an account that we write as */
	int64_t now_ms;
};
enum approve_verdict approve_judge(const struct approve_in *in);

void approve_decode(struct app_approval *a, const json_t *annotations);
void approve_deinit(struct app_approval *a);
/* What the API server is asked dry: a merge patch, owned. */
char *approve_probe(void);
/*
 * Its answer: ERR_NONE = it would take it. UNKNOWN: to be asked again. user: who asked,
 * as the policy names him where it is PRESENT; else "".
 */
#define APPROVE_USER_MAX 400
enum approve_guard approve_probed(const struct err *err, char user[APPROVE_USER_MAX]);

#endif
