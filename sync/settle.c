#include "settle.h"

#include <stdio.h>

#define CONFIG_GRACE_MS 30000

static uint64_t pod_grace(enum pod_trouble t, const struct settle_limits *l)
{
	switch (t) {
	case POD_IMAGE_NAME:
		return 0;
	case POD_PULL:
		return l->pull_grace_ms;
	case POD_CONFIG:
		return CONFIG_GRACE_MS;
	case POD_CRASH:
		return l->crash_grace_ms;
	case POD_FINE:
	case POD_UNSCHEDULABLE:	/* holds; the deadline decides */
	case POD_TROUBLE_N:
		break;
	}
	return UINT64_MAX;
}

static void describe(const struct settle_item *it, bool pod, const char *more,
		     char *out, size_t size)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	const char *words = pod && it->pod_message ? it->pod_message :
			    *it->health.message ? it->health.message :
			    health_str(it->health.status);

	objkey_format(&it->key, &key);
	snprintf(out, size, "%s: %s%s", buf_str(&key), words, more);
}

/* What is missing, and what a pod says of it meanwhile. */
static void describe_waiting(const struct settle_item *it, char *out, size_t size)
{
	bool pod = it->pod_message && *it->pod_message;
	_cleanup_free_ char *more = pod && *it->health.message ?
				    xasprintf("; %s", it->pod_message) : NULL;

	describe(it, pod && !more, more ? more : "", out, size);
}

static void sooner(struct settle_result *ret, uint64_t at)
{
	if (!ret->again_at || at < ret->again_at)
		ret->again_at = at;
}

/* Is this item confirmed bad now? If it may become so, says when to look. */
static bool is_bad(const struct settle_item *it, const struct settle_limits *l,
		   uint64_t now, bool *pod, struct settle_result *ret)
{
	uint64_t grace = pod_grace(it->pod, l);

	*pod = false;
	if (!it->counts)
		return false;
	if (now < it->lenient_until) {
		sooner(ret, it->lenient_until);
		return false;
	}
	if (it->pod == POD_CRASH && it->pod_ready)
		grace = UINT64_MAX;
	if (grace != UINT64_MAX) {
		*pod = true;
		if (now >= it->pod_since + grace)
			return true;
		sooner(ret, it->pod_since + grace);
	}
	/* While a pod's own grace runs, it decides, not the parent's health. */
	if (!*pod && it->health.status == HEALTH_DEGRADED && it->degraded_since) {
		if (now >= it->degraded_since + l->degraded_grace_ms)
			return true;
		sooner(ret, it->degraded_since + l->degraded_grace_ms);
	}
	return false;
}

static bool is_settled(const struct settle_item *it)
{
	if (!it->waits)
		return true;
	switch (it->health.status) {
	case HEALTH_HEALTHY:
	case HEALTH_SUSPENDED:
		return true;
	case HEALTH_NONE:
		return !it->crd;
	case HEALTH_PROGRESSING:
	case HEALTH_MISSING:
	case HEALTH_DEGRADED:
	case HEALTH_UNKNOWN:
	case HEALTH_N:
		break;
	}
	return false;
}

uint64_t settle_deadline(const struct settle_item *items, size_t n,
			 uint64_t progress_at, uint64_t base_ms)
{
	uint64_t ms = base_ms, from = progress_at;

	for (size_t i = 0; i < n; i++) {
		if (is_settled(&items[i]))
			continue;
		if (items[i].own_deadline_ms > ms)
			ms = items[i].own_deadline_ms;
		if (items[i].lenient_until > from)
			from = items[i].lenient_until;
	}
	return from + ms;
}

static void be_late(const struct settle_item *items, size_t i,
		    struct settle_result *ret)
{
	ret->verdict = SETTLE_LATE;
	ret->culprit = i;
	ret->may_pass = true;
	describe(&items[i], items[i].pod != POD_FINE,
		 " (no progress within the deadline)", ret->message,
		 sizeof(ret->message));
}

void settle_judge(const struct settle_item *items, size_t n,
		  const struct settle_limits *limits, uint64_t now,
		  uint64_t deadline, struct settle_result *ret)
{
	size_t first = SIZE_MAX, late = SIZE_MAX;
	bool pod, heard = false;

	*ret = (struct settle_result){ .culprit = SIZE_MAX };
	for (size_t i = 0; i < n; i++) {
		if (is_bad(&items[i], limits, now, &pod, ret)) {
			ret->verdict = SETTLE_BAD;
			ret->culprit = i;
			ret->may_pass = pod && items[i].pod == POD_PULL;
			describe(&items[i], pod, "", ret->message,
				 sizeof(ret->message));
			return;
		}
		if (is_settled(&items[i]))
			continue;
		ret->waiting++;
		pod = items[i].pod_message && *items[i].pod_message;
		if (first == SIZE_MAX || (pod && !heard))
			first = i;	/* rather one whose pods say why */
		heard |= pod;
		/* Not knowing is never a failure. */
		if (late == SIZE_MAX && items[i].counts &&
		    items[i].health.status != HEALTH_UNKNOWN)
			late = i;
	}
	if (!ret->waiting) {
		ret->verdict = SETTLE_DONE;
		return;
	}
	ret->culprit = first;
	describe_waiting(&items[first], ret->message, sizeof(ret->message));
	if (!deadline)
		return;
	if (now < deadline) {
		sooner(ret, deadline);
		return;
	}
	if (late != SIZE_MAX)
		be_late(items, late, ret);
	else
		ret->verdict = SETTLE_DONE;	/* warned about; never evidence */
}
