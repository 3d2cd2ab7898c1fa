/*
 * syncctl resources, tree, events and logs APP: its objects, what they made, what
 * is said of them, and what their pods say.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "desired.h"
#include "sync/store_codec.h"

#include <stdio.h>

#define MAX_PODS 20
#define TAIL "50"

static int show_resources(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *app = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	json_t *rows;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	rows = o->orphaned ? doc_get(app, "status", "syncd", "orphanedObjects", NULL) :
			     doc_get(app, "status", "resources", NULL);
	if (output_is_data(o))
		return output_value(rows ? json_incref(rows) : json_array(), o->output);
	if (o->output == OUT_NAME)
		view_object_names(rows, &out);
	else if (o->orphaned)
		view_orphans(app, &env, &out);
	else
		view_resources(app, &env, &out);
	return output_text(&out);
}

static void add_once(json_t *list, const char *s)
{
	json_t *there;
	size_t i;

	json_array_foreach(list, i, there)
		if (!s || !*s || !strcmp(json_string_value(there), s))
			return;
	if (s && *s)
		json_array_append_new(list, json_string(s));
}

/* The namespaces of its objects and its destination; also may be NULL. Owned. */
static json_t *namespaces_of(const json_t *app, const char *also)
{
	json_t *list = json_array(), *r;
	size_t i;

	add_once(list, doc_get_str(app, "spec", "destination", "namespace", NULL));
	add_once(list, also);
	json_array_foreach(doc_get(app, "status", "resources", NULL), i, r)
		add_once(list, doc_get_str(r, "namespace", NULL));
	return list;
}

/* A list's items do not say their kind. */
static void add_kind(json_t *items, const char *api, const char *kind)
{
	json_t *o;
	size_t i;

	json_array_foreach(items, i, o) {
		json_object_set_new(o, "apiVersion", json_string(api));
		json_object_set_new(o, "kind", json_string(kind));
	}
}

json_t *objects_made(struct cluster *c, const json_t *app, struct err *err)
{
	static const struct { const char *group, *version, *resource, *api, *kind; } kinds[] = {
		{ "apps", "v1", "replicasets", "apps/v1", "ReplicaSet" },
		{ "batch", "v1", "jobs", "batch/v1", "Job" },
		{ "", "v1", "pods", "v1", "Pod" },
	};
	_cleanup_json_ json_t *spaces = namespaces_of(app, NULL);
	json_t *all = json_array(), *ns;
	size_t i;

	json_array_foreach(spaces, i, ns)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			struct kube_ref ref = { .group = kinds[k].group,
				.version = kinds[k].version,
				.resource = kinds[k].resource,
				.ns = json_string_value(ns) };
			_cleanup_json_ json_t *items = cluster_objects(c, &ref, NULL,
								       NULL, err);

			if (!items) {
				json_decref(all);
				return NULL;
			}
			add_kind(items, kinds[k].api, kinds[k].kind);
			json_array_extend(all, items);
		}
	return all;
}

static int show_tree(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *app = NULL, *children = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	app = cluster_get(c, o->args[0], &err);
	children = app ? objects_made(c, app, &err) : NULL;
	if (!children)
		return output_error(&err);
	view_tree(app, children, &env, &out);
	return output_text(&out);
}

static int show_events(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *app = NULL, *children = NULL, *spaces = NULL, *own = NULL;
	_cleanup_json_ json_t *all = json_array(), *events = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	json_t *ns;
	size_t i;

	app = cluster_get(c, o->args[0], &err);
	children = app ? objects_made(c, app, &err) : NULL;
	if (!children)
		return output_error(&err);
	spaces = namespaces_of(app, c->ns);
	json_array_foreach(spaces, i, ns) {
		struct kube_ref ref = { .version = "v1", .resource = "events",
					.ns = json_string_value(ns) };
		_cleanup_json_ json_t *items = NULL;

		items = cluster_objects(c, &ref, NULL, NULL, &err);
		if (!items)
			return output_error(&err);
		json_array_extend(all, items);
	}
	own = view_owned(children, app);
	events = view_events_of(all, app, own);
	if (output_is_data(o))
		return output_value(json_incref(events), o->output);
	if (o->output == OUT_NAME)
		view_event_names(events, &out);
	else
		view_events(events, &env, &out);
	return output_text(&out);
}

/* ---- logs ---- */

static void tell_rejection(const json_t *r, const json_t *record, struct buf *out)
{
	const char *reason = doc_get_str(r, "reason", NULL);
	const char *since = doc_get_str(r, "since", NULL);
	_cleanup_json_ json_t *kept = NULL;
	struct err err = ERR_INIT;

	buf_adds(out, "release ");
	view_release(out, r);
	buf_addf(out, " was rejected%s%s\n  ", since ? " at " : "", since ? since : "");
	view_clean(out, reason ? reason : "no reason is kept");
	buf_addc(out, '\n');
	if (record)
		kept = store_evidence_parse(record, (uint32_t)doc_get_int(r, 0, "id", NULL),
					    &err);
	if (kept)
		view_evidence(kept, out);
}

/* What is kept of rejections, the newest first. */
static int show_rejected(struct cluster *c, const json_t *app, const struct options *o)
{
	_cleanup_json_ json_t *state = view_state(app), *record = NULL;
	const json_t *list = doc_get(state, "releases", NULL), *r;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i;

	json_array_foreach((json_t *)list, i, r) {
		const char *word = doc_get_str(r, "state", NULL);

		if (!word || strcmp(word, "rejected"))
			continue;
		if (!record && !err.code) {
			record = desired_record(c, o, app, &err);
			if (!record)
				output_note("%s", err.msg);
		}
		tell_rejection(r, record, &out);
	}
	if (!out.len) {
		fprintf(stderr, "syncctl: no release of %s was rejected\n", o->args[0]);
		return EXIT_DIFFERENCE;
	}
	return output_text(&out);
}

/* Each line with its pod's and container's name in front. */
static void tell_lines(const char *pod, const char *container, const char *text,
		       struct buf *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		_cleanup_free_ char *line = xstrndup(text, n);

		buf_addf(out, "%s/%s: ", pod, container);
		view_clean(out, line);
		buf_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

/* How many of its containers' logs could be read; the others' say why not. */
static size_t tell_pod(struct cluster *c, const struct options *o, const json_t *pod,
		       struct buf *out)
{
	const char *name = doc_get_str(pod, "metadata", "name", NULL);
	struct kube_ref ref = { .version = "v1", .resource = "pods", .name = name,
				.ns = doc_get_str(pod, "metadata", "namespace", NULL),
				.subresource = "log" };
	size_t i, n = 0;
	json_t *k;

	json_array_foreach(doc_get(pod, "spec", "containers", NULL), i, k) {
		const char *container = doc_get_str(k, "name", NULL);
		_cleanup_free_ char *query = xasprintf("?container=%s&tailLines=%s",
			container, o->tail ? o->tail : TAIL);
		_cleanup_free_ char *text = NULL;
		struct err err = ERR_INIT;

		if (o->container && strcmp(o->container, container))
			continue;
		text = cluster_text(c, &ref, query, &err);
		tell_lines(name, container, text ? text : err.msg, out);
		n += text != NULL;
	}
	return n;
}

static int show_pods(struct cluster *c, const struct options *o, const json_t *app)
{
	_cleanup_json_ json_t *children = NULL, *own = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i, n = 0, told = 0;
	json_t *p;
	int rc;

	children = objects_made(c, app, &err);
	if (!children)
		return output_error(&err);
	own = view_owned(children, app);
	json_array_foreach(own, i, p)
		if (!strcmp(doc_get_str(p, "kind", NULL), "Pod") && n++ < MAX_PODS)
			told += tell_pod(c, o, p, &out);
	if (!n)
		fprintf(stderr, "syncctl: %s has no pods\n", o->args[0]);
	else if (n > MAX_PODS)
		fprintf(stderr, "syncctl: %d of %zu pods are shown\n", MAX_PODS, n);
	if (n && !out.len && o->container)
		fprintf(stderr, "syncctl: no pod of %s has a container %s\n", o->args[0],
			o->container);
	rc = output_text(&out);
	return rc || !n || told ? rc : EXIT_DIFFERENCE;
}

static int show_logs(struct cluster *c, const struct options *o)
{
	_cleanup_json_ json_t *app = NULL;
	struct err err = ERR_INIT;

	if (o->tail && (strspn(o->tail, "0123456789") != strlen(o->tail) || !*o->tail))
		return output_usage("--tail %s: want a number of lines", o->tail);
	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	return o->rejected ? show_rejected(c, app, o) : show_pods(c, o, app);
}

int cmd_resources(const struct options *o)
{
	return cluster_run(o, show_resources);
}

int cmd_tree(const struct options *o)
{
	return cluster_run(o, show_tree);
}

int cmd_events(const struct options *o)
{
	return cluster_run(o, show_events);
}

int cmd_logs(const struct options *o)
{
	return cluster_run(o, show_logs);
}
