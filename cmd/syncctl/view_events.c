/*
 * `syncctl events`: of all Events those about an application, its objects and what these
 * made. What is gone (a bad release's pods, after the revert) is nobody's child any more;
 * it is known by how its maker named it.
 */
#include "views.h"

#include "core/mem.h"

#define RANDOM 5		/* characters that the API server adds to a generateName */
#define GENERATED 63		/* the longest name that it makes: the rest is cut before them */

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

/* ---- which ---- */

/* As k8s.io/apimachinery/pkg/util/rand makes them; what hashes consist of, too. */
static size_t random_run(const char *s)
{
	return strspn(s, "bcdfghjklmnpqrstvwxz2456789");
}

/*
 * What follows the maker's name: 'H' is the hash of a pod template, 'R' what the API server
 * adds, 'N' a number, '-' itself.
 */
static bool fits(const char *rest, const char *form)
{
	for (; *form; form++) {
		size_t n = *form == '-' ? *rest == '-' : *form == 'N' ?
			   strspn(rest, "0123456789") : random_run(rest);

		if (!n || (*form == 'H' && n > 10) || (*form == 'R' && n != RANDOM))
			return false;
		rest += n;
	}
	return !*rest;
}

static bool is_cut(const char *name, const char *maker)
{
	size_t len = strlen(maker), room = GENERATED - RANDOM;

	return strlen(name) == GENERATED && len + 2 + 10 > room &&
	       random_run(name + room) == RANDOM &&
	       !strncmp(name, maker, len < room ? len : room);
}

/* Would a `by` called maker give that name to a `kind`? */
static bool names_so(const char *by, const char *maker, const char *kind, const char *name)
{
	static const struct {
		const char *by, *kind, *form;
	} ways[] = {
		{ "Deployment", "ReplicaSet", "-H" }, { "Deployment", "Pod", "-H-R" },
		{ "Rollout", "ReplicaSet", "-H" }, { "Rollout", "Pod", "-H-R" },
		{ "ReplicaSet", "Pod", "-R" }, { "ReplicationController", "Pod", "-R" },
		{ "DaemonSet", "Pod", "-R" }, { "StatefulSet", "Pod", "-N" },
		{ "Job", "Pod", "-R" }, { "Job", "Pod", "-N-R" },
		{ "CronJob", "Job", "-N" }, { "CronJob", "Pod", "-N-R" },
		{ "CronJob", "Pod", "-N-N-R" },
	};
	size_t len = strlen(maker);

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (strcmp(ways[i].by, by) || strcmp(ways[i].kind, kind))
			continue;
		if ((!strncmp(name, maker, len) && fits(name + len, ways[i].form)) ||
		    (strchr(ways[i].form, 'R') && is_cut(name, maker)))
			return true;
	}
	return false;
}

static bool is_of(const json_t *rows, const char *kind, const char *ns, const char *name)
{
	const json_t *r;
	size_t i;

	json_array_foreach((json_t *)rows, i, r) {
		if (*text(r, "namespace") && strcmp(text(r, "namespace"), ns))
			continue;
		if ((!strcmp(text(r, "kind"), kind) && !strcmp(text(r, "name"), name)) ||
		    names_so(text(r, "kind"), text(r, "name"), kind, name))
			return true;
	}
	return false;
}

/*
 * Is it about the Application, one of its objects, or what those made? The last operation
 * may have deleted some of them.
 */
static bool is_about(const json_t *event, const json_t *app, const json_t *children)
{
	const json_t *about = doc_get(event, "involvedObject", NULL), *r;
	const json_t *meta = doc_get(app, "metadata", NULL);
	const char *kind = text(about, "kind"), *name = text(about, "name");
	const char *ns = text(about, "namespace");
	size_t i;

	if (!strcmp(kind, "Application"))
		return !strcmp(name, text(meta, "name")) && !strcmp(ns, text(meta, "namespace"));
	json_array_foreach((json_t *)children, i, r)
		if (!strcmp(text(r, "kind"), kind) &&
		    !strcmp(text(doc_get(r, "metadata", NULL), "name"), name) &&
		    !strcmp(text(doc_get(r, "metadata", NULL), "namespace"), ns))
			return true;
	return is_of(doc_get(app, "status", "resources", NULL), kind, ns, name) ||
	       is_of(doc_get(app, "status", "operationState", "syncResult", "resources", NULL),
		     kind, ns, name);
}

/* ---- when ---- */

static const char *event_time(const json_t *e)
{
	const char *series = doc_get_str(e, "series", "lastObservedTime", NULL);

	if (series)
		return series;
	if (*text(e, "lastTimestamp"))
		return text(e, "lastTimestamp");
	return *text(e, "eventTime") ? text(e, "eventTime") :
	       doc_get_str(e, "metadata", "creationTimestamp", NULL);
}

static int by_time(const void *a, const void *b)
{
	const char *x = event_time(*(json_t *const *)a);
	const char *y = event_time(*(json_t *const *)b);
	int64_t s = time_parse_rfc3339(x), t = time_parse_rfc3339(y);

	return (s > t) - (s < t);
}

json_t *view_events_of(const json_t *events, const json_t *app, const json_t *children)
{
	VEC(json_t *) found = { 0 };
	json_t *list = json_array(), *e;
	size_t i;

	json_array_foreach((json_t *)events, i, e)
		if (is_about(e, app, children))
			vec_push(&found, e);
	if (found.len)
		qsort(found.data, found.len, sizeof(*found.data), by_time);
	for (i = 0; i < found.len; i++)
		json_array_append(list, found.data[i]);
	vec_deinit(&found);
	return list;
}

void view_event_names(const json_t *events, struct buf *out)
{
	json_t *e;
	size_t i;

	json_array_foreach((json_t *)events, i, e) {
		buf_adds(out, "event/");
		view_clean(out, text(doc_get(e, "metadata", NULL), "name"));
		buf_addc(out, '\n');
	}
}

void view_events(const json_t *events, const struct view_env *env, struct buf *out)
{
	struct view_table t;
	json_t *e;
	size_t i;

	if (!json_array_size(events)) {
		buf_adds(out, "no events\n");
		return;
	}
	view_table_init(&t, "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE", NULL);
	json_array_foreach((json_t *)events, i, e) {
		const json_t *about = doc_get(e, "involvedObject", NULL);
		_cleanup_free_ char *object = xasprintf("%s/%s", text(about, "kind"),
							text(about, "name"));
		_cleanup_buf_ struct buf age = BUF_INIT;

		view_age(&age, env, event_time(e));
		view_table_add(&t, VIEW_PLAIN, buf_str(&age));
		view_table_add(&t, !strcmp(text(e, "type"), "Warning") ? VIEW_RED :
			       VIEW_PLAIN, text(e, "type"));
		view_table_add(&t, VIEW_PLAIN, text(e, "reason"));
		view_table_add(&t, VIEW_PLAIN, object);
		view_table_add(&t, VIEW_PLAIN, text(e, *text(e, "message") ? "message" :
						   "note"));
	}
	view_table_print(&t, env, out);
	view_table_deinit(&t);
}
