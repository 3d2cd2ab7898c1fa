/*
 * Watches and streaming lists. A watch is a position in the history; every change
 * is offered to all, as ADDED, MODIFIED or DELETED by what its selector sees: an
 * object whose label goes away is DELETED to a watch that selects on it.
 */
#include <stdio.h>

#include "apiint.h"

static void send(struct api_watch *w, const char *type, const json_t *object)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_addf(&b, "{\"type\":\"%s\",\"object\":", type);
	doc_write(object, &b);
	buf_adds(&b, "}\n");
	w->line(w->arg, buf_str(&b), b.len);
}

static void send_object(struct api_watch *w, const char *type, json_t *object)
{
	_cleanup_json_ json_t *j = api_in_version(w->type, object);

	send(w, type, j);
}

/* The previous state with the version of the change that took it away. */
static json_t *at_version(const json_t *object, uint64_t rv)
{
	json_t *j = json_copy((json_t *)object);
	json_t *meta = json_copy(json_object_get(j, "metadata"));
	char s[24];

	snprintf(s, sizeof(s), "%llu", (unsigned long long)rv);
	json_object_set_new(meta, "resourceVersion", json_string(s));
	json_object_set_new(j, "metadata", meta);
	return j;
}

static bool covers(const struct api_watch *w, const json_t *o)
{
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	return o && (!w->ns || (ns && !strcmp(ns, w->ns))) &&
	       (!w->name || !strcmp(name, w->name)) &&
	       api_selected(o, w->selector);
}

static void offer(struct api_watch *w, const struct api_change *c)
{
	bool had, has;

	if (c->type != w->type->storage || c->rv <= w->next)
		return;
	w->next = c->rv;
	had = covers(w, c->prev);
	has = covers(w, c->cur);
	if (has) {
		send_object(w, had ? "MODIFIED" : "ADDED", c->cur);
	} else if (had) {
		_cleanup_json_ json_t *last = at_version(c->prev, c->rv);

		send_object(w, "DELETED", last);
	}
}

void api_watch_change(struct apisim *a, const struct api_change *c)
{
	for (size_t i = 0; i < a->watches.len; i++)
		if (a->watches.data[i]->attached && !a->watches.data[i]->over)
			offer(a->watches.data[i], c);
}

static void bookmark_line(struct api_watch *w, uint64_t rv, bool initial)
{
	_cleanup_free_ char *version = api_version_of(w->type);
	_cleanup_free_ char *s = xasprintf("%llu", (unsigned long long)rv);
	_cleanup_json_ json_t *j = json_pack("{s:s, s:s, s:{s:s}}", "kind",
		w->type->kind, "apiVersion", version, "metadata",
		"resourceVersion", s);

	if (initial)
		json_object_set_new(json_object_get(j, "metadata"), "annotations",
			json_pack("{s:s}", "k8s.io/initial-events-end", "true"));
	send(w, "BOOKMARK", j);
}

static void bookmark(void *arg)
{
	struct api_watch *w = arg;

	w->bookmark = sim_at(w->api->sim, NULL, 60000, "bookmark", bookmark, w);
	if (w->api->rv > w->next)
		w->next = w->api->rv;
	bookmark_line(w, w->next, false);
}

static void over(void *arg)
{
	struct api_watch *w = arg;

	w->timeout = NULL;
	w->over = true;
	w->end(w->arg);
}

void api_watches_end(struct apisim *a, const struct api_type *t)
{
	for (size_t i = 0; i < a->watches.len; i++) {
		struct api_watch *w = a->watches.data[i];

		if (w->type != t || w->over)
			continue;
		sim_unschedule(a->sim, w->timeout);
		w->timeout = sim_at(a->sim, NULL, 1, "watch-unserved", over, w);
	}
}

static void send_gone(struct api_watch *w, uint64_t from)
{
	_cleanup_status_ struct api_status st = { 0 };
	_cleanup_json_ json_t *j = NULL;

	api_fail(&st, 410, "Expired", "too old resource version: %llu (%llu)",
		 (unsigned long long)from, (unsigned long long)w->api->compacted);
	j = api_status_json(&st);
	send(w, "ERROR", j);
	w->over = true;
	w->end(w->arg);
}

static void send_initial(struct api_watch *w)
{
	for (size_t i = 0; i < json_array_size(w->initial_items); i++)
		send(w, "ADDED", json_array_get(w->initial_items, i));
	if (w->initial)
		bookmark_line(w, w->initial_rv, true);
	json_decref(w->initial_items);
	w->initial_items = NULL;
}

void api_watch_attach(struct api_watch *w,
		      void (*line)(void *arg, const char *data, size_t len),
		      void (*end)(void *arg), void *arg)
{
	struct apisim *a = w->api;

	w->line = line;
	w->end = end;
	w->arg = arg;
	w->attached = true;
	if (w->initial_items) {
		send_initial(w);
	} else if (w->next < a->compacted) {
		send_gone(w, w->next);
		return;
	}
	for (size_t i = 0; i < a->history.len; i++)
		offer(w, &a->history.data[i]);
	if (w->bookmarks)
		w->bookmark = sim_at(a->sim, NULL, 60000, "bookmark", bookmark, w);
}

void api_watch_free(struct api_watch *w)
{
	sim_unschedule(w->api->sim, w->timeout);
	sim_unschedule(w->api->sim, w->bookmark);
	json_decref(w->initial_items);
	free(w->ns);
	free(w->name);
	free(w->selector);
	free(w);
}

void api_watch_close(struct api_watch *w)
{
	struct apisim *a = w->api;

	for (size_t i = 0; i < a->watches.len; i++) {
		if (a->watches.data[i] != w)
			continue;
		a->watches.data[i] = a->watches.data[--a->watches.len];
		break;
	}
	api_watch_free(w);
}

/* ---- opening ---- */

static int forbidden(struct api_status *st, const char *field, const char *why)
{
	_cleanup_free_ char *msg = xasprintf("Forbidden: %s", why);

	api_fail(st, 422, "Invalid", "ListOptions.meta.k8s.io \"\" is invalid: "
		 "%s: %s", field, msg);
	st->details = json_pack("{s:s, s:s, s:[{s:s, s:s, s:s}]}", "group",
		"meta.k8s.io", "kind", "ListOptions", "causes", "reason",
		"FieldValueForbidden", "message", msg, "field", field);
	return -1;
}

static int check_options(struct apisim *a, const char *query, bool initial,
			 struct api_status *st)
{
	_cleanup_free_ char *match = api_query_get(query, "resourceVersionMatch");

	if (match && !initial)
		return forbidden(st, "resourceVersionMatch", "resourceVersionMatch "
			"is forbidden for watch unless sendInitialEvents is provided");
	if (initial && a->options.no_streaming_lists)
		return forbidden(st, "sendInitialEvents", "sendInitialEvents is "
			"forbidden for watch unless the WatchList feature gate is "
			"enabled");
	if (initial && !match)
		return forbidden(st, "resourceVersionMatch", "sendInitialEvents "
			"requires setting resourceVersionMatch to NotOlderThan");
	return 0;
}

static void set_timeout(struct api_watch *w, const char *query)
{
	_cleanup_free_ char *s = api_query_get(query, "timeoutSeconds");
	uint64_t ms = s ? strtoull(s, NULL, 10) * 1000 : 0;

	if (!ms)
		ms = sim_between(w->api->sim, 1800, 3600) * 1000;
	w->timeout = sim_at(w->api->sim, NULL, ms, "watch-timeout", over, w);
}

static bool is_true(const char *s)
{
	return s && (!strcmp(s, "true") || !strcmp(s, "1"));
}

void api_watch_open(struct apisim *a, const struct api_type *t, const char *ns,
		    const char *query, struct api_answer *r)
{
	_cleanup_free_ char *rv = api_query_get(query, "resourceVersion");
	_cleanup_free_ char *field = api_query_get(query, "fieldSelector");
	_cleanup_free_ char *bookmarks = api_query_get(query, "allowWatchBookmarks");
	_cleanup_free_ char *initial = api_query_get(query, "sendInitialEvents");
	_cleanup_status_ struct api_status st = { 0 };
	struct api_watch *w;

	if (check_options(a, query, is_true(initial), &st)) {
		api_answer_status(r, &st);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->api = a;
	w->type = (struct api_type *)t;
	w->ns = xstrdup(ns);
	w->selector = api_query_get(query, "labelSelector");
	if (field && !strncmp(field, "metadata.name=", 14))
		w->name = xstrdup(field + 14);
	w->bookmarks = is_true(bookmarks);
	w->initial = is_true(initial);
	w->next = rv ? strtoull(rv, NULL, 10) : 0;
	if (w->initial || !w->next) {
		w->initial_items = api_list_items(a, t, ns, w->name, w->selector);
		w->initial_rv = w->next = a->rv;
	}
	set_timeout(w, query);
	vec_push(&a->watches, w);
	r->status = 200;
	r->content_type = "application/json";
	r->watch = w;
}
