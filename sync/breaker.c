/* The breaker's verdict: the first row of the table that holds, from 2 on. */
#include "breaker.h"

#include <stdio.h>

#include "core/mem.h"

#define MANY_FAILED 20
#define MANY_BAD 10
#define SOME_BAD 3

static int64_t time_of(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);
	int64_t ms = s ? time_parse_rfc3339(s) : 0;

	return ms > 0 ? ms : 0;
}

struct breaker_node breaker_read_node(const json_t *node)
{
	struct breaker_node n = {
		.made_ms = time_of(doc_get(node, "metadata", NULL), "creationTimestamp"),
	};
	const json_t *list = doc_get(node, "status", "conditions", NULL), *c;
	size_t i;

	json_array_foreach((json_t *)list, i, c) {
		const char *type = doc_get_str(c, "type", NULL);
		const char *is = doc_get_str(c, "status", NULL);

		if (type && is && !strcmp(type, "Ready") && strcmp(is, "True"))
			n.lost_ms = time_of(c, "lastTransitionTime");
	}
	return n;
}

static bool is_recent(const struct breaker_in *in, int64_t ms)
{
	return ms > in->passed_ms && ms > in->now_ms - BREAKER_RECENT_MS;
}

static bool nodes_are_lost(const struct breaker_in *in, struct breaker_verdict *ret)
{
	size_t lost = 0, all = 0;

	for (size_t i = 0; i < in->n_nodes; i++) {
		const struct breaker_node *n = &in->nodes[i];

		if (n->made_ms > in->now_ms - BREAKER_YOUNG_MS)
			continue;
		all++;
		lost += n->lost_ms && is_recent(in, n->lost_ms);
	}
	if (!lost || lost * 4 < all)
		return false;
	snprintf(ret->why, sizeof(ret->why), "%zu of %zu node%s not ready", lost, all,
		 all == 1 ? " is" : "s are");
	return true;
}

static bool requests_fail(const struct breaker_in *in, struct breaker_verdict *ret)
{
	if (in->failed < MANY_FAILED || in->failed * 5 < in->requests)
		return false;
	snprintf(ret->why, sizeof(ret->why), "%llu of the last %llu requests to the API "
		 "server had no answer", (unsigned long long)in->failed,
		 (unsigned long long)in->requests);
	return true;
}

static bool is_bad(const struct breaker_in *in, const struct breaker_app *a)
{
	switch (a->health) {
	case HEALTH_DEGRADED:
	case HEALTH_MISSING:
		return true;
	case HEALTH_PROGRESSING:
		return in->now_ms >= a->since_ms + BREAKER_MOVING_MS;
	case HEALTH_NONE:
	case HEALTH_HEALTHY:
	case HEALTH_SUSPENDED:
	case HEALTH_UNKNOWN:
	case HEALTH_N:
		break;
	}
	return false;
}

static int compare_commits(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t count_once(const char **commits, size_t n)
{
	size_t found = n > 0;

	if (n)
		qsort(commits, n, sizeof(*commits), compare_commits);
	for (size_t i = 1; i < n; i++)
		found += !*commits[i] || strcmp(commits[i], commits[i - 1]);
	return found;
}

static bool quiet_ones_turn_bad(const struct breaker_in *in,
				struct breaker_verdict *ret)
{
	const char **commits = xcalloc(in->n_apps, sizeof(*commits));
	size_t quiet = 0, n = 0, bad;

	for (size_t i = 0; i < in->n_apps; i++) {
		const struct breaker_app *a = &in->apps[i];

		if (in->now_ms < a->operated_ms + BREAKER_QUIET_MS)
			continue;
		quiet++;
		if (is_bad(in, a) && is_recent(in, a->since_ms) &&
		    a->since_ms >= a->operated_ms + BREAKER_QUIET_MS)
			commits[n++] = a->commit;
	}
	bad = count_once(commits, n);
	free(commits);
	if (bad < SOME_BAD || (bad < MANY_BAD && bad * 10 < quiet))
		return false;
	snprintf(ret->why, sizeof(ret->why), "%zu of %zu applications that nobody has "
		 "touched for half an hour turned unhealthy", n, quiet);
	return true;
}

void breaker_judge(const struct breaker_in *in, struct breaker_verdict *ret)
{
	*ret = (struct breaker_verdict){ .casenr = 1 };
	if (nodes_are_lost(in, ret))
		ret->casenr = 2;
	else if (requests_fail(in, ret))
		ret->casenr = 3;
	else if (quiet_ones_turn_bad(in, ret))
		ret->casenr = 4;
	ret->open = ret->casenr > 1;
}
