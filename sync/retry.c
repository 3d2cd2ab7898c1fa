#include "retry.h"

#include <limits.h>

#define LEAST_MS 1000

uint64_t retry_wait(uint64_t base_ms, unsigned factor, unsigned failed,
		    uint64_t max_ms)
{
	uint64_t ms = base_ms;

	if (factor < 2)
		failed = 1;	/* it does not grow */
	for (unsigned i = 1; i < failed && ms < max_ms; i++)
		if (__builtin_mul_overflow(ms, factor, &ms))
			ms = UINT64_MAX;
	return ms < max_ms ? ms : max_ms;
}

static bool has_limit(const struct retry_in *in)
{
	if (in->policy->set)
		return in->policy->limit != UINT_MAX;
	return in->failure == FAILURE_REFUSED ||
	       (in->failure == FAILURE_ANSWERED && !in->first);
}

bool retry_again(const struct retry_in *in, uint64_t *ret_wait_ms)
{
	const struct app_retry *p = in->policy;

	*ret_wait_ms = retry_wait(p->base_ms, p->factor, in->failed, p->max_ms);
	if (*ret_wait_ms < LEAST_MS)	/* "0s" must not become a busy loop */
		*ret_wait_ms = LEAST_MS;
	if (in->failure == FAILURE_REFUSED && !p->set && (!in->first || in->asked))
		return false;
	return !has_limit(in) || in->failed <= p->limit;
}
