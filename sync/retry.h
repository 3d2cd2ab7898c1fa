/*
 * retry.h - is a failed sync tried again, and when? Pure.
 *
 * syncPolicy.retry as Argo CD has it: `limit` more tries, a pause of `duration`
 * times `factor` each, at most `maxDuration`. Evidence of failure is no subject of
 * it: a release that turned bad is reverted at once.
 */
#ifndef SYNC_RETRY_H
#define SYNC_RETRY_H

#include "sync/app_spec.h"

enum failure {
	FAILURE_REFUSED,	/* for good, unless by itself with nothing to go back to */
	FAILURE_ANSWERED,	/* may pass, says the API server: counts */
	FAILURE_OUTSIDE,	/* no answer at all: counts only where the policy is set */
};

struct retry_in {
	const struct app_retry *policy;
	enum failure failure;
	unsigned failed;	/* tries that failed, this one too: 1, 2, ... */
	bool first;		/* no release was good before: nothing to go back to */
	bool asked;		/* a person waits for the answer */
};
/*
 * True: again after *ret_wait_ms. False: the limit is spent. Without a policy what
 * may pass has no limit as long as there is nothing to go back to, and what is refused
 * five tries then: what it lacks may be another application's that comes up beside it.
 */
bool retry_again(const struct retry_in *in, uint64_t *ret_wait_ms);

/* base times factor per failed try after the first, at most max. */
uint64_t retry_wait(uint64_t base_ms, unsigned factor, unsigned failed,
		    uint64_t max_ms);

#endif
