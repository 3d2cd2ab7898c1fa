/*
 * The status of an Application: what the engine knows, in Argo CD's words. The
 * parts that need more than a few lines lie in status_resources.c, status_summary.c
 * and status_syncd.c. Nothing here fails.
 */
#include "status_parts.h"

#include <assert.h>
#include <stdio.h>

#define IN_CLUSTER "https://kubernetes.default.svc"

static const char *const sync_names[] = {
	[SYNC_UNKNOWN] = "Unknown",
	[SYNC_SYNCED] = "Synced",
	[SYNC_OUT_OF_SYNC] = "OutOfSync",
};
static_assert(ARRAY_LEN(sync_names) == SYNC_OUT_OF_SYNC + 1, "a name per status");

const char *sync_status_str(enum sync_status s)
{
	return (unsigned)s < ARRAY_LEN(sync_names) ? sync_names[s] : "Unknown";
}

/* A message cut in the middle of a character is no JSON string: mend it. */
json_t *any_string(const char *s)
{
	_cleanup_buf_ struct buf literal = BUF_INIT;
	json_t *j = json_string(s);

	if (j)
		return j;
	doc_write_str(&literal, s);
	return doc_parse(buf_str(&literal), literal.len, NULL);
}

void put_str(json_t *o, const char *key, const char *s)
{
	if (s && s[0])
		json_object_set_new(o, key, any_string(s));
}

void put_time(json_t *o, const char *key, int64_t ms)
{
	char text[32];

	if (!ms)
		return;
	time_rfc3339(ms, text);
	json_object_set_new(o, key, json_string(text));
}

void put_int(json_t *o, const char *key, int64_t n)
{
	if (n)
		json_object_set_new(o, key, json_integer(n));
}

void put_revisions(json_t *o, const char *revision, const char *all)
{
	_cleanup_free_ char *copy = xstrdup(all);
	char *rest = copy, *one;
	json_t *list;

	if (!all) {
		put_str(o, "revision", revision);
		return;
	}
	list = json_array();
	while ((one = strsep(&rest, " ")))
		if (*one)
			json_array_append_new(list, any_string(one));
	json_object_set_new(o, "revisions", list);
}

void put_sources(json_t *o, const struct app_sources *s)
{
	json_t *list;

	if (!s->many) {
		json_object_set_new(o, "source", s->list.len ?
				    json_incref(s->list.data[0].raw) : json_object());
		return;
	}
	list = json_array();
	for (size_t i = 0; i < s->list.len; i++)
		json_array_append(list, s->list.data[i].raw);
	json_object_set_new(o, "sources", list);
}

/* Bytes that others could edit: what is no source at all is not shown. */
void put_sources_text(json_t *o, const char *text, const struct app_sources *spec)
{
	_cleanup_json_ json_t *all = text ? doc_parse(text, strlen(text), NULL) : NULL;
	json_t *one = json_object_get(all, "source");
	json_t *list = json_object_get(all, "sources");

	if (json_is_array(list))
		json_object_set(o, "sources", list);
	else if (json_is_object(one))
		json_object_set(o, "source", one);
	else
		put_sources(o, spec);
}

static void describe(struct health *h, const struct target_row *r)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	const char *words = r->live ? r->live->health.message : "";

	objkey_format(&r->key, &all);
	buf_addf(&all, ": %s", words[0] ? words : health_str(r->health));
	snprintf(h->message, sizeof(h->message), "%s", buf_str(&all));
}

/* Nothing was put out, and what Git asks for is not known: there is nothing to be well. */
static bool is_known(const struct status_view *v)
{
	const struct record *r = v->record;

	return r && (r->target || r->inventory.len || v->plan);
}

/* As in Argo CD: what is missing is out of sync; Missing is where nothing is there. */
static struct health worst_of(const struct status_view *v,
			      const struct target_rows *rows)
{
	struct health worst = { .status = is_known(v) ? HEALTH_HEALTHY :
							HEALTH_UNKNOWN };
	bool any_live = false;

	for (size_t i = 0; i < rows->len; i++) {
		const struct target_row *r = &rows->data[i];

		any_live |= r->live != NULL;
		if ((r->flags & OBJ_IGNORE_HEALTH) || !r->live ||
		    health_worse(worst.status, r->health) == worst.status)
			continue;
		worst.status = r->health;
		describe(&worst, r);
	}
	if (rows->len && !any_live) {
		worst.status = HEALTH_MISSING;
		describe(&worst, &rows->data[0]);
	}
	return worst;
}

struct health status_health(const struct status_view *v)
{
	struct target_rows rows = { 0 };
	struct health worst;

	target_rows(v, &rows);
	worst = worst_of(v, &rows);
	vec_deinit(&rows);
	return worst;
}

/* Kept by a policy and still there: as in Argo CD, that is out of sync. */
static bool prune_is_due(const struct status_view *v, const struct task *t)
{
	const struct live *l = live_find(v->live, &t->key);

	if (!l || l->owned || t->verb == TASK_FORGET ||
	    t->flags & OBJ_IGNORE_EXTRANEOUS)
		return false;
	return t->verb != TASK_PRUNE || !status_prune_is_late(v);
}

enum sync_status status_sync(const struct status_view *v)
{
	if (!v->record || !v->plan || !v->compared)
		return SYNC_UNKNOWN;
	if (json_array_size(doc_get(v->gates, "held", NULL)))
		return SYNC_OUT_OF_SYNC;	/* Git says more than may go out */
	for (size_t i = 0; i < v->plan->tasks.len; i++)
		if (v->plan->tasks.data[i].verb != TASK_KEEP)
			return SYNC_OUT_OF_SYNC;
	for (size_t i = 0; i < v->plan->prunes.len; i++)
		if (prune_is_due(v, &v->plan->prunes.data[i]))
			return SYNC_OUT_OF_SYNC;
	return SYNC_SYNCED;
}

static json_t *sync_json(const struct status_view *v)
{
	json_t *o = json_object(), *to = json_object(), *dest = json_object();

	put_str(dest, "namespace", v->spec->dest_ns);
	put_str(dest, "server", IN_CLUSTER);
	json_object_set_new(to, "destination", dest);
	put_sources(to, &v->spec->sources);
	json_object_set_new(o, "comparedTo", to);
	put_revisions(o, v->head, v->spec->sources.many ? v->head : NULL);
	put_str(o, "status", sync_status_str(status_sync(v)));
	return o;
}

static json_t *health_json(const struct status_view *v,
			   const struct target_rows *rows, const json_t *previous)
{
	const char *before = doc_get_str(previous, "health", "status", NULL);
	const char *since = doc_get_str(previous, "health", "lastTransitionTime",
					NULL);
	struct health h = worst_of(v, rows);
	json_t *o = json_object();

	put_str(o, "status", health_str(h.status));
	put_str(o, "message", h.message);
	if (before && since && !strcmp(before, health_str(h.status)))
		put_str(o, "lastTransitionTime", since);
	else
		put_time(o, "lastTransitionTime", v->now_ms);
	return o;
}

/* When the previous status had the same condition, since then: also over a restart. */
static const char *condition_since(const json_t *previous,
				   const struct status_condition *c)
{
	const json_t *list = doc_get(previous, "conditions", NULL);
	const json_t *old;
	size_t i;

	json_array_foreach((json_t *)list, i, old) {
		const char *type = doc_get_str(old, "type", NULL);
		const char *message = doc_get_str(old, "message", NULL);

		if (type && message && !strcmp(type, c->type) &&
		    c->message && !strcmp(message, c->message))
			return doc_get_str(old, "lastTransitionTime", NULL);
	}
	return NULL;
}

static json_t *conditions_json(const struct status_view *v,
			       const json_t *previous)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n_conditions; i++) {
		const struct status_condition *c = &v->conditions[i];
		const char *since = condition_since(previous, c);
		json_t *o = json_object();

		put_str(o, "type", c->type);
		json_object_set_new(o, "message",
				    any_string(c->message ? c->message : ""));
		if (since)
			put_str(o, "lastTransitionTime", since);
		else
			put_time(o, "lastTransitionTime",
				 c->since_ms ? c->since_ms : v->now_ms);
		json_array_append_new(list, o);
	}
	return list;
}

static void put_list(json_t *o, const char *key, json_t *list)
{
	if (json_array_size(list))
		json_object_set_new(o, key, list);
	else
		json_decref(list);
}

/* Those that are read, in order; a ref has none. */
static void put_source_types(json_t *o, const struct status_view *v)
{
	const struct app_sources *s = &v->spec->sources;
	_cleanup_free_ char *copy = xstrdup(v->source_type);
	char *rest = copy;
	json_t *list;

	if (!s->many || !v->source_type) {
		put_str(o, "sourceType", v->source_type);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < s->list.len; i++) {
		const char *one = s->list.data[i].ref_only ? NULL : strsep(&rest, ",");

		json_array_append_new(list, json_string(one ? one : ""));
	}
	json_object_set_new(o, "sourceTypes", list);
}

json_t *status_build(const struct status_view *v, const json_t *previous)
{
	struct target_rows rows = { 0 };
	json_t *o = json_object(), *operation;
	size_t total = 0;

	target_rows(v, &rows);
	put_list(o, "conditions", conditions_json(v, previous));
	json_object_set_new(o, "health", health_json(v, &rows, previous));
	put_list(o, "history", status_history(v));
	operation = status_operation(v, previous);
	if (operation)
		json_object_set_new(o, "operationState", operation);
	put_time(o, "reconciledAt", v->reconciled_ms);
	put_list(o, "resources", status_resources(v, &total));
	put_source_types(o, v);
	json_object_set_new(o, "summary", status_summary(v, &rows));
	json_object_set_new(o, "sync", sync_json(v));
	json_object_set_new(o, "syncd", status_syncd(v, &rows, total));
	vec_deinit(&rows);
	return o;
}

/* Equal but for one key: what says only when or by whom it was written. */
static bool same_but(const json_t *a, const json_t *b, const char *but,
		     bool (*same)(const char *key, const json_t *a, const json_t *b))
{
	size_t n = json_object_size(a) - !!json_object_get(a, but);
	const char *key;
	json_t *value;

	if (!json_is_object(a) || !json_is_object(b) ||
	    n != json_object_size(b) - !!json_object_get(b, but))
		return false;
	json_object_foreach((json_t *)a, key, value) {
		const json_t *other = json_object_get(b, key);

		if (strcmp(key, but) && (!other || !same(key, value, other)))
			return false;
	}
	return true;
}

static bool same_value(const char *key, const json_t *a, const json_t *b)
{
	(void)key;
	return doc_equal(a, b);
}

/* A new leader is no news of an application: 1,000 of them would be written. */
static bool same_part(const char *key, const json_t *a, const json_t *b)
{
	return strcmp(key, "syncd") ? doc_equal(a, b) :
	       same_but(a, b, "leader", same_value);
}

bool status_same(const json_t *a, const json_t *b)
{
	return same_but(a, b, "reconciledAt", same_part);
}
