/*
 * One sentence out of what was gathered: the newest warning that says why the pods of
 * a workload do not get on. What is over is no reason any more: a volume that could
 * not be mounted at first says nothing of a pod that runs. And a container that was killed
 * fails its probes afterwards, again and again: what killed it is the reason then.
 */
#include "evidence.h"

#include "core/doc.h"

#include <inttypes.h>

#define RECENTLY_MS (10 * 60 * 1000)	/* the longest pause of a crash loop, twice */

static const char *str(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

/* When a warning tells why. */
enum telling {
	TELLS_ALWAYS,
	TELLS_BEFORE_START,	/* while its pod has no container that ran */
	TELLS_OF_MAKER,		/* it is about what makes the pods: there is none */
	TELLS_NOTHING,
};

static enum telling telling_of(const char *reason)
{
	static const struct { const char *reason; enum telling when; } table[] = {
		{ "Unhealthy", TELLS_ALWAYS },
		{ "FailedPostStartHook", TELLS_ALWAYS },
		{ "FailedMount", TELLS_BEFORE_START },
		{ "FailedAttachVolume", TELLS_BEFORE_START },
		{ "FailedMapVolume", TELLS_BEFORE_START },
		{ "FailedScheduling", TELLS_BEFORE_START },
		{ "FailedCreatePodSandBox", TELLS_BEFORE_START },
		{ "NetworkNotReady", TELLS_BEFORE_START },
		{ "FailedCreate", TELLS_OF_MAKER },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i].reason, reason))
			return table[i].when;
	return TELLS_NOTHING;
}

/* Of a pod whose own words are known: why the kubelet ended its containers. */
static bool tells_of_end(const json_t *event)
{
	static const char *const probes[] = { "Liveness probe", "Startup probe" };

	for (size_t i = 0; i < ARRAY_LEN(probes); i++)
		if (!strncmp(str(event, "message"), probes[i], strlen(probes[i])))
			return true;
	return false;
}

/* "web-7d9f-x2k8p" of a Deployment, "web-0" or "web-x2k8p" of the others. */
static bool is_named_after(const char *pod, const struct objkey *k)
{
	size_t n = strlen(k->name), dashes = 0;

	if (!strcmp(k->kind, "Pod"))
		return !strcmp(pod, k->name);
	if (strncmp(pod, k->name, n))
		return false;
	for (const char *s = pod + n; *s; s++)
		dashes += *s == '-';
	return pod[n] == '-' && dashes == (strcmp(k->kind, "Deployment") ? 1 : 2);
}

/* "Pod/shop/web-0": its name, if it is a pod of that namespace; else NULL. */
static const char *pod_of(const char *object, const char *ns)
{
	size_t n = strlen(ns);

	if (strncmp(object, "Pod/", 4) || strncmp(object + 4, ns, n) || object[4 + n] != '/')
		return NULL;
	return object + 4 + n + 1;
}

/* None of its containers has run yet. */
static bool is_starting(const json_t *doc, const char *id)
{
	static const char *const whys[] = {
		"ContainerCreating", "PodInitializing", "Pending", "Unschedulable",
	};
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(doc, "pods"), i, row)
		for (size_t k = 0; k < ARRAY_LEN(whys); k++)
			if (!strcmp(str(row, "pod"), id) && !strcmp(str(row, "why"), whys[k]))
				return true;
	return false;
}

/* What makes the pods, but a Deployment: its own condition says it already. */
static bool is_maker(const char *object, const struct objkey *k)
{
	_cleanup_free_ char *want = xasprintf("%s/%s/%s", k->kind, k->ns, k->name);

	return !strcmp(object, want);
}

static bool tells(const json_t *doc, const json_t *event, const struct objkey *k,
		  bool spoken)
{
	const char *object = str(event, "object"), *pod = pod_of(object, k->ns);
	enum telling when = telling_of(str(event, "reason"));

	if (when == TELLS_NOTHING || !*str(event, "message") ||
	    (spoken && !tells_of_end(event)))
		return false;
	if (when == TELLS_OF_MAKER)
		return is_maker(object, k);
	return pod && is_named_after(pod, k) &&
	       (when == TELLS_ALWAYS || is_starting(doc, object + strlen("Pod/")));
}

/* One line: what a probe printed may have more. */
static void add_line(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_addc(out, (unsigned char)*text < ' ' ? ' ' : *text);
}

/* ---- what killed a container ---- */

/* Not weeks ago: its probe fails for another reason today. */
static bool is_recent(const json_t *doc, const json_t *row)
{
	int64_t now = time_parse_rfc3339(str(doc, "at"));
	int64_t then = time_parse_rfc3339(str(row, "ended"));

	return now <= 0 || then <= 0 || now - then <= RECENTLY_MS;
}

static bool is_oom(const json_t *row)
{
	return !strcmp(str(row, "end"), "OOMKilled");
}

/* The pod's container that ended badly, by memory before others; NULL: none did. */
static const json_t *killed(const json_t *doc, const char *id)
{
	const json_t *row, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(doc, "pods"), i, row) {
		bool failed = is_oom(row) || doc_get_int(row, 0, "exit", NULL);

		if (failed && !strcmp(str(row, "pod"), id) && is_recent(doc, row) &&
		    (!found || (is_oom(row) && !is_oom(found))))
			found = row;
	}
	return found;
}

/* Did the kubelet say why it ended that pod's containers? */
static bool end_is_said(const json_t *events, const char *object)
{
	const json_t *event;
	size_t i;

	json_array_foreach((json_t *)events, i, event)
		if (!strcmp(str(event, "object"), object) && tells_of_end(event))
			return true;
	return false;
}

/*
 * The container that was killed, where that says more than the event about its pod:
 * a liveness probe is why a container was ended, unless it was by memory.
 */
static const json_t *says_more(const json_t *doc, const json_t *event)
{
	const json_t *events = json_object_get(doc, "events"), *row;
	const char *object = str(event, "object");

	if (strcmp(str(event, "reason"), "Unhealthy"))
		return NULL;
	row = killed(doc, object + strlen("Pod/"));
	return row && (is_oom(row) || !end_is_said(events, object)) ? row : NULL;
}

static void add_end(struct buf *out, const json_t *row)
{
	buf_addf(out, "container \"%s\": last exit code %" PRId64, str(row, "container"),
		 doc_get_int(row, 0, "exit", NULL));
	if (*str(row, "end"))
		buf_addf(out, " (%s)", str(row, "end"));
}

/* A readiness probe fails since a restart for which another probe is the reason. */
static bool gives_way(const json_t *doc, const json_t *event)
{
	const char *object = str(event, "object");

	return !strcmp(str(event, "reason"), "Unhealthy") && !tells_of_end(event) &&
	       killed(doc, object + strlen("Pod/")) &&
	       end_is_said(json_object_get(doc, "events"), object);
}

char *evidence_words(const json_t *doc, const struct objkey *subject, bool spoken)
{
	const json_t *events = json_object_get(doc, "events");
	struct buf out = BUF_INIT;

	for (size_t i = json_array_size(events); i-- > 0;) {
		const json_t *event = json_array_get(events, i);
		const char *pod = pod_of(str(event, "object"), subject->ns);
		const json_t *end;

		if (!tells(doc, event, subject, spoken))
			continue;
		end = pod && !spoken ? says_more(doc, event) : NULL;
		if (!end && pod && gives_way(doc, event))
			continue;
		if (pod)
			buf_addf(&out, "pod %s: ", pod);
		if (end)
			add_end(&out, end);
		else
			add_line(&out, str(event, "message"));
		return buf_steal(&out, NULL);
	}
	return NULL;
}
