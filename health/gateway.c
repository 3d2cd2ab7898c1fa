/*
 * Gateway API: Gateway, ListenerSet, GatewayClass and the routes.
 * Conditions as in https://gateway-api.sigs.k8s.io/reference/spec/.
 *
 * A Gateway has conditions of its own and of each listener, a route those of each
 * parent. What was written for an older generation does not count. A reference that
 * cannot be resolved or an object that is not accepted is Degraded, what is not
 * programmed yet is Progressing.
 */
#include <string.h>

#include "core/mem.h"
#include "rules.h"

static bool is_current(const json_t *object, const json_t *cond)
{
	int64_t generation = doc_get_int(object, 0, "metadata", "generation", NULL);

	return doc_get_int(cond, generation, "observedGeneration", NULL) >=
	       generation;
}

/* The current condition of that type in a list, or NULL. */
static const json_t *find(const json_t *object, const json_t *conds,
			  const char *type)
{
	const json_t *cond;
	size_t i;

	json_array_foreach(conds, i, cond) {
		if (!strcmp(cond_str(cond, "type"), type) &&
		    is_current(object, cond))
			return cond;
	}
	return NULL;
}

static size_t count_current(const json_t *object, const json_t *conds)
{
	const json_t *cond;
	size_t i, n = 0;

	json_array_foreach(conds, i, cond)
		n += is_current(object, cond);
	return n;
}

static struct health say(enum health_status status, const char *of,
			 const char *name, const json_t *cond,
			 const char *otherwise)
{
	const char *message = cond_str(cond, "message");

	return health_say(status, "%s%s%s%s%s", of, *of && *name ? " " : "", name,
			  *of ? ": " : "", *message ? message : otherwise);
}

/* Is something wrong or unfinished in one list of conditions? Then it is in *ret. */
static bool complains(const json_t *object, const json_t *conds, const char *of,
		      const char *name, struct health *ret)
{
	static const char *const needed[] = { "ResolvedRefs", "Accepted" };
	const json_t *cond;

	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		_cleanup_free_ char *words =
			xasprintf("Failed condition: %s", needed[i]);

		cond = find(object, conds, needed[i]);
		if (!cond_is(cond, "False"))
			continue;
		*ret = say(HEALTH_DEGRADED, of, name, cond, words);
		return true;
	}
	cond = find(object, conds, "Conflicted");
	if (cond_is(cond, "True")) {
		*ret = say(HEALTH_DEGRADED, of, name, cond,
			   "Listener is conflicted");
		return true;
	}
	cond = find(object, conds, "Programmed");
	if (cond && !cond_is(cond, "True")) {
		*ret = say(HEALTH_PROGRESSING, of, name, cond,
			   "Still being programmed");
		return true;
	}
	return false;
}

struct health health_gateway(const json_t *o)
{
	const json_t *conds = doc_get(o, "status", "conditions", NULL);
	const json_t *listeners = doc_get(o, "status", "listeners", NULL);
	size_t i, current = count_current(o, conds);
	const json_t *item;
	struct health h;

	if (complains(o, conds, "", "", &h))
		return h;
	json_array_foreach(listeners, i, item) {
		const json_t *own = doc_get(item, "conditions", NULL);

		if (complains(o, own, "Listener", cond_str(item, "name"), &h))
			return h;
		current += count_current(o, own);
	}
	if (current)
		return health_say(HEALTH_HEALTHY, "%s is healthy", object_kind(o));
	return health_say(HEALTH_PROGRESSING, "Waiting for %s status",
			  object_kind(o));
}

struct health health_gateway_class(const json_t *o)
{
	static const struct cond_rule rules[] = {
		{ "Accepted", "True", HEALTH_HEALTHY, NULL },
		{ "Accepted", "False", HEALTH_DEGRADED, NULL },
		{ "Accepted", "Unknown", HEALTH_PROGRESSING, NULL },
	};

	return health_by(o, rules, ARRAY_LEN(rules),
			 "Waiting for GatewayClass status");
}

/* HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute. */
struct health health_route(const json_t *o)
{
	const json_t *parents = doc_get(o, "status", "parents", NULL);
	const json_t *item;
	size_t i, current = 0;
	struct health h;

	json_array_foreach(parents, i, item) {
		const char *name = doc_get_str(item, "parentRef", "name", NULL);
		const json_t *conds = doc_get(item, "conditions", NULL);

		if (complains(o, conds, "Parent", name ? name : "", &h))
			return h;
		current += count_current(o, conds);
	}
	if (current)
		return health_say(HEALTH_HEALTHY, "%s is healthy", object_kind(o));
	return health_say(HEALTH_PROGRESSING, "Waiting for %s status",
			  object_kind(o));
}
