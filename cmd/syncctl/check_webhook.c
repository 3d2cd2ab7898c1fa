/*
 * An admission webhook that is asked before anybody answers: its configuration is applied
 * in an earlier wave than the workload behind its Service, with failurePolicy Fail, so
 * that the API server refuses what comes between. In one wave configurations wait for
 * the workloads by themselves; across waves the order is the author's. Nothing here
 * fails: what cannot be read is not judged.
 */
#include "checks.h"

struct siblings {
	struct check *c;
	struct render_bodies *bodies;
	int wave;		/* of the configuration */
};

static json_t *object_of(struct siblings *s, size_t i)
{
	struct err err = ERR_INIT;
	const char *body;
	size_t len;

	if (render_bodies_get(s->bodies, i, &body, &len, &err))
		return NULL;
	return doc_parse(body, len, &err);
}

static bool is_workload(const struct rendered *o)
{
	static const char *const kinds[] = { "Deployment", "StatefulSet", "DaemonSet",
					     "ReplicaSet" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(o->kind, kinds[i]) && !strcmp(o->group, "apps"))
			return true;
	return false;
}

static bool selects(const json_t *selector, const json_t *labels)
{
	const char *key;
	json_t *want;

	json_object_foreach((json_t *)selector, key, want) {
		const json_t *has = json_object_get(labels, key);

		if (!has || !json_equal(has, want))
			return false;
	}
	return json_object_size(selector) > 0;
}

/* The first workload whose pods the Service selects; SIZE_MAX. */
static size_t behind(struct siblings *s, const struct rendered *service,
		     const json_t *selector)
{
	const struct render_answer *a = s->bodies->answer;
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];
		_cleanup_json_ json_t *j = NULL;

		if (!is_workload(o) || strcmp(o->ns, service->ns) ||
		    (first != SIZE_MAX && a->objects[first].wave <= o->wave))
			continue;
		j = object_of(s, i);
		if (selects(selector, doc_get(j, "spec", "template", "metadata", "labels", NULL)))
			first = i;
	}
	return first;
}

static size_t service_of(const struct siblings *s, const json_t *client)
{
	const char *ns = doc_get_str(client, "service", "namespace", NULL);
	const char *name = doc_get_str(client, "service", "name", NULL);
	const struct render_answer *a = s->bodies->answer;

	for (size_t i = 0; name && i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];

		if (!strcmp(o->kind, "Service") && !*o->group && !strcmp(o->name, name) &&
		    (!*o->ns || (ns && !strcmp(o->ns, ns))))
			return i;
	}
	return SIZE_MAX;
}

static void judge(struct siblings *s, const struct field *webhook)
{
	const struct render_answer *a = s->bodies->answer;
	const char *policy = doc_get_str(webhook->value, "failurePolicy", NULL);
	size_t service = service_of(s, doc_get(webhook->value, "clientConfig", NULL)), w;
	_cleanup_json_ json_t *j = NULL;

	if (service == SIZE_MAX || (policy && !strcmp(policy, "Ignore")))
		return;
	j = object_of(s, service);
	w = behind(s, &a->objects[service], doc_get(j, "spec", "selector", NULL));
	if (w == SIZE_MAX || a->objects[w].wave <= s->wave)
		return;
	check_tell(s->c, RULE_WEBHOOK, webhook, "it is asked from wave %d on, and %s/%s, which "
		   "answers for it, comes in wave %d: what it guards between the two is refused; "
		   "put it into that wave or a later one", s->wave, a->objects[w].kind,
		   a->objects[w].name, a->objects[w].wave);
}

void check_webhook_wave(struct check *c, struct render_bodies *bodies, int wave)
{
	struct siblings s = { .c = c, .bodies = bodies, .wave = wave };
	const struct field top = { .value = c->object };
	const struct field list = { .up = &top, .key = "webhooks",
				    .value = json_object_get(c->object, "webhooks") };
	const char *kind = doc_get_str(c->object, "kind", NULL);
	json_t *one;
	size_t i;

	if (!kind || (strcmp(kind, "ValidatingWebhookConfiguration") &&
		      strcmp(kind, "MutatingWebhookConfiguration")))
		return;
	json_array_foreach((json_t *)list.value, i, one) {
		const struct field at = { .up = &list, .index = i, .value = one,
					  .name = doc_get_str(one, "name", NULL) };

		judge(&s, &at);
	}
}
