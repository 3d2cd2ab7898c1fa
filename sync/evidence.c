#include "evidence.h"

#include "core/doc.h"
#include "health/health.h"

#include <inttypes.h>

#define MAX_LIST 500	/* pods or events of one answer that are looked at */
#define MESSAGE_BYTES 300

static const char *str(const json_t *o, const char *a, const char *b)
{
	const char *s = doc_get_str(o, a, b, NULL);

	return s ? s : "";
}

static json_t *rows(json_t *doc, const char *key)
{
	json_t *list = json_object_get(doc, key);

	if (!list) {
		list = json_array();
		json_object_set_new(doc, key, list);
	}
	return list;
}

static void put(json_t *o, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(o, key, json_string(value));
}

void evidence_note(json_t *doc, const char *words)
{
	json_array_append_new(rows(doc, "notes"), json_string(words));
}

/* ---- which pods ---- */

static bool add_expression(const json_t *e, struct buf *out)
{
	static const struct { const char *op, *words; } ops[] = {
		{ "In", " in (" }, { "NotIn", " notin (" } };
	const char *key = str(e, "key", NULL), *op = str(e, "operator", NULL);
	const json_t *value;
	size_t i;

	buf_adds(out, out->len ? "," : "");
	if (!strcmp(op, "Exists") || !strcmp(op, "DoesNotExist")) {
		buf_addf(out, "%s%s", *op == 'E' ? "" : "!", key);
		return true;
	}
	for (i = 0; i < ARRAY_LEN(ops) && strcmp(op, ops[i].op);)
		i++;
	if (i == ARRAY_LEN(ops))
		return false;
	buf_addf(out, "%s%s", key, ops[i].words);
	json_array_foreach(json_object_get(e, "values"), i, value)
		buf_addf(out, "%s%s", i ? "," : "", json_string_value(value));
	buf_addc(out, ')');
	return true;
}

char *evidence_selector(const json_t *controller)
{
	const json_t *selector = doc_get(controller, "spec", "selector", NULL);
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(4096);
	const json_t *e;
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(json_object_get(selector, "matchLabels"), key, value)
		buf_addf(&out, "%s%s=%s", out.len ? "," : "", key,
			 json_string_value(value));
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, e)
		if (!add_expression(e, &out))
			return NULL;
	return out.len && !buf_overflowed(&out) ? buf_steal(&out, NULL) : NULL;
}

/* More is worse; 0: it is well. */
static int badness(const json_t *pod, const struct pod_report *r)
{
	const char *phase = str(pod, "status", "phase");

	if (doc_get(pod, "metadata", "deletionTimestamp", NULL))
		return r->restarts ? 1 : 0;
	if (r->trouble != POD_FINE || !strcmp(phase, "Failed"))
		return 4;
	if (r->failed_exits)
		return 3;
	return r->ready || !strcmp(phase, "Succeeded") ? 0 : 2;
}

static bool is_newer(const json_t *a, const json_t *b)
{
	return strcmp(str(a, "metadata", "creationTimestamp"),
		      str(b, "metadata", "creationTimestamp")) > 0;
}

size_t evidence_pods(const json_t *list, const json_t *ret[EVIDENCE_PODS])
{
	int bad[EVIDENCE_PODS];
	const json_t *pod;
	size_t i, k, n = 0;

	json_array_foreach((json_t *)list, i, pod) {
		struct pod_report r = health_pod(pod);
		int b = badness(pod, &r);

		if (!b || i >= MAX_LIST)
			continue;
		for (k = n; k > 0 && (bad[k - 1] < b || (bad[k - 1] == b &&
		     is_newer(pod, ret[k - 1]))); k--) {
			if (k == EVIDENCE_PODS)
				continue;
			ret[k] = ret[k - 1];
			bad[k] = bad[k - 1];
		}
		if (k == EVIDENCE_PODS)
			continue;
		ret[k] = pod;
		bad[k] = b;
		n += n < EVIDENCE_PODS;
	}
	return n;
}

/* ---- a pod ---- */

static json_t *new_row(const json_t *pod)
{
	_cleanup_free_ char *name = xasprintf("%s/%s", str(pod, "metadata", "namespace"),
					      str(pod, "metadata", "name"));

	return json_pack("{s:s}", "pod", name);
}

static bool is_well(const json_t *status)
{
	return doc_get_bool(status, false, "ready", NULL) &&
	       !doc_get(status, "lastState", "terminated", NULL);
}

/* Ended well and is not to start again: an init container, or one of a Job. */
static bool is_done(const json_t *status)
{
	const json_t *end = doc_get(status, "state", "terminated", NULL);

	return end && !doc_get_int(end, 1, "exitCode", NULL);
}

static json_t *container_row(const json_t *pod, const json_t *status)
{
	const json_t *wait = doc_get(status, "state", "waiting", NULL);
	const json_t *end = doc_get(status, "state", "terminated", NULL);
	json_t *row = new_row(pod);
	int64_t restarts = doc_get_int(status, 0, "restartCount", NULL);

	end = end ? end : doc_get(status, "lastState", "terminated", NULL);
	put(row, "container", str(status, "name", NULL));
	put(row, "why", wait ? str(wait, "reason", NULL) : str(end, "reason", NULL));
	put(row, "message", wait ? str(wait, "message", NULL) : str(end, "message", NULL));
	if (restarts)
		json_object_set_new(row, "restarts", json_integer(restarts));
	if (!end)
		return row;
	json_object_set_new(row, "exit", json_integer(doc_get_int(end, 0, "exitCode", NULL)));
	put(row, "end", str(end, "reason", NULL));
	put(row, "ended", str(end, "finishedAt", NULL));
	return row;
}

/*
 * While it waits to start again the last run's log is the previous one; a container
 * that never ran has none.
 */
static size_t logs_of(json_t *row, const json_t *status, struct evidence_log *ret)
{
	const char *container = str(row, "container", NULL);
	bool waits = doc_get(status, "state", "waiting", NULL) != NULL;
	bool before = doc_get(status, "lastState", "terminated", NULL) != NULL;
	bool runs = doc_get(status, "state", "running", NULL) ||
		    doc_get(status, "state", "terminated", NULL);
	size_t n = 0;

	if (before)
		ret[n++] = (struct evidence_log){ row, container, true };
	if (runs && !waits)
		ret[n++] = (struct evidence_log){ row, container, false };
	return n;
}

/* It has no containers yet: why not. */
static void add_bare(json_t *doc, const json_t *pod)
{
	struct pod_report r = health_pod(pod);
	json_t *row = new_row(pod);

	put(row, "why", *r.reason ? r.reason : *str(pod, "status", "reason") ?
	    str(pod, "status", "reason") : str(pod, "status", "phase"));
	put(row, "message", *r.message ? r.message : str(pod, "status", "message"));
	json_array_append_new(rows(doc, "pods"), row);
}

size_t evidence_add_pod(json_t *doc, const json_t *pod,
			struct evidence_log ret[2 * EVIDENCE_CONTAINERS])
{
	static const char *const lists[] = { "initContainerStatuses",
					     "containerStatuses" };
	size_t n = 0, found = 0, i;
	const json_t *status;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		json_array_foreach(doc_get(pod, "status", lists[k], NULL), i, status) {
			json_t *row;

			if (is_well(status) || is_done(status) ||
			    found == EVIDENCE_CONTAINERS)
				continue;
			found++;
			row = container_row(pod, status);
			json_array_append_new(rows(doc, "pods"), row);
			n += logs_of(row, status, ret + n);
		}
	if (!found)
		add_bare(doc, pod);
	return n;
}

void evidence_add_log(const struct evidence_log *log, const char *text, size_t len)
{
	_cleanup_free_ char *copy = NULL;

	/* Cut by the server: half a line may be half a secret. */
	if (len >= EVIDENCE_LOG_BYTES) {
		len = EVIDENCE_LOG_BYTES;
		while (len && text[len - 1] != '\n')
			len--;
	}
	copy = xmalloc(len + 1);
	for (size_t i = 0; i < len; i++)
		copy[i] = text[i] ? text[i] : '?';
	copy[len] = '\0';
	/* Bytes that are no text are made '?' when secrets are hidden. */
	json_object_set_new(log->row, log->previous ? "previous" : "log",
			    json_stringn_nocheck(copy, len));
}

static void add_name(json_t *names, const char *name)
{
	json_t *there;
	size_t i;

	json_array_foreach(names, i, there)
		if (!strcmp(json_string_value(there), name))
			return;
	if (*name)
		json_array_append_new(names, json_string(name));
}

static void secrets_of_containers(const json_t *list, json_t *names)
{
	const json_t *c, *e;
	size_t i, k;

	json_array_foreach((json_t *)list, i, c) {
		json_array_foreach(json_object_get(c, "env"), k, e)
			add_name(names, str(doc_get(e, "valueFrom", NULL), "secretKeyRef",
					    "name"));
		json_array_foreach(json_object_get(c, "envFrom"), k, e)
			add_name(names, str(e, "secretRef", "name"));
	}
}

void evidence_secrets(const json_t *pod, json_t *names)
{
	const json_t *spec = json_object_get(pod, "spec"), *v, *s;
	size_t i, k;

	secrets_of_containers(json_object_get(spec, "initContainers"), names);
	secrets_of_containers(json_object_get(spec, "containers"), names);
	json_array_foreach(json_object_get(spec, "volumes"), i, v) {
		add_name(names, str(v, "secret", "secretName"));
		json_array_foreach(doc_get(v, "projected", "sources", NULL), k, s)
			add_name(names, str(s, "secret", "name"));
	}
}

/* ---- Events ---- */

static const char *time_of(const json_t *e)
{
	const char *t = str(e, "series", "lastObservedTime");

	t = *t ? t : str(e, "lastTimestamp", NULL);
	t = *t ? t : str(e, "eventTime", NULL);
	return *t ? t : str(e, "metadata", "creationTimestamp");
}

static bool is_pod_of(const json_t *doc, const char *ns, const char *name)
{
	_cleanup_free_ char *id = xasprintf("%s/%s", ns, name);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(doc, "pods"), i, row)
		if (!strcmp(str(row, "pod", NULL), id))
			return true;
	return false;
}

/* The workload itself, its ReplicaSets ("web-7d9f"), the pods that were asked. */
static bool is_about(const json_t *doc, const json_t *e, const struct objkey *subject)
{
	const json_t *o = json_object_get(e, "involvedObject");
	const char *kind = str(o, "kind", NULL), *name = str(o, "name", NULL);
	size_t n = strlen(subject->name);

	if (strcmp(str(o, "namespace", NULL), subject->ns))
		return false;
	if (!strcmp(kind, subject->kind) && !strcmp(name, subject->name))
		return true;
	if (!strcmp(kind, "Pod"))
		return is_pod_of(doc, subject->ns, name);
	return !strcmp(kind, "ReplicaSet") && !strncmp(name, subject->name, n) &&
	       name[n] == '-' && !strchr(name + n + 1, '-');
}

static json_t *event_row(const json_t *e)
{
	const json_t *o = json_object_get(e, "involvedObject");
	_cleanup_free_ char *object = xasprintf("%s/%s/%s", str(o, "kind", NULL),
		str(o, "namespace", NULL), str(o, "name", NULL));
	const char *message = str(e, "message", NULL);
	int64_t count = doc_get_int(e, doc_get_int(e, 1, "count", NULL), "series",
				    "count", NULL);
	json_t *row = json_pack("{s:s}", "object", object);

	put(row, "reason", str(e, "reason", NULL));
	json_object_set_new(row, "message", json_string(message));
	json_object_set_new(row, "count", json_integer(count));
	put(row, "at", time_of(e));
	return row;
}

/* Sorted by time, the newest last; beyond the limit the oldest goes. */
static void insert(json_t *list, json_t *row)
{
	size_t i = json_array_size(list);

	while (i && strcmp(str(json_array_get(list, i - 1), "at", NULL),
			   str(row, "at", NULL)) > 0)
		i--;
	json_array_insert_new(list, i, row);
	if (json_array_size(list) > EVIDENCE_EVENTS)
		json_array_remove(list, 0);
}

void evidence_add_events(json_t *doc, const json_t *list, const struct objkey *subject)
{
	const json_t *e;
	size_t i;

	json_array_foreach((json_t *)list, i, e)
		if (i < MAX_LIST && !strcmp(str(e, "type", NULL), "Warning") &&
		    is_about(doc, e, subject))
			insert(rows(doc, "events"), event_row(e));
}

/* ---- before it is kept ---- */

static void clean_words(json_t *o, const char *key, const struct secrets *s, size_t max)
{
	const char *text = doc_get_str(o, key, NULL);
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t n;

	if (!text)
		return;
	secrets_hide(s, text, &out);
	n = out.len;
	if (n > max)
		for (n = max; n && ((unsigned char)out.data[n] & 0xc0) == 0x80;)
			n--;	/* not inside a character */
	json_object_set_new(o, key, json_stringn(buf_str(&out), n));
}

void evidence_clean(json_t *doc, const struct secrets *s, bool blind)
{
	static const char *const logs[] = { "log", "previous" };
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(doc, "pods"), i, row) {
		clean_words(row, "message", s, MESSAGE_BYTES);
		for (size_t k = 0; k < ARRAY_LEN(logs); k++) {
			if (blind || s->full)
				json_object_del(row, logs[k]);
			else
				clean_words(row, logs[k], s, 2 * EVIDENCE_LOG_BYTES);
		}
	}
	json_array_foreach(json_object_get(doc, "events"), i, row)
		clean_words(row, "message", s, MESSAGE_BYTES);
	if (blind || s->full)
		evidence_note(doc, "what the pods said is not kept: not every Secret could "
			      "be read whose values would have to be hidden in it");
}
