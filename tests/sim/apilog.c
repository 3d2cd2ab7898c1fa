/* What containers say: the last lines of a pod's log, as the kubelet answers. */
#include "apictl.h"

static const json_t *status_of(const json_t *pod, const char *container)
{
	const json_t *s;
	size_t i;

	json_array_foreach(doc_get(pod, "status", "containerStatuses", NULL), i, s)
		if (!strcmp(ctl_str(s, "name", NULL), container))
			return s;
	return NULL;
}

/* The last lines. */
static const char *tail(const char *text, size_t lines)
{
	size_t n = strlen(text);

	if (n && text[n - 1] == '\n')
		n--;
	while (n && (text[n - 1] != '\n' || --lines))
		n--;
	return text + n;
}

static int never_ran(const char *name, const char *container, const json_t *status,
		     struct api_status *st)
{
	return api_fail(st, 400, "BadRequest", "container \"%s\" in pod \"%s\" is waiting "
			"to start: %s", container, name,
			ctl_str(doc_get(status, "state", "waiting", NULL), "reason", NULL));
}

int api_pod_log(struct apisim *a, const char *ns, const char *name, const char *query,
		struct api_answer *out, struct api_status *st)
{
	struct api_object *o = api_find(a, api_type_named(a, "pods"), ns, name);
	_cleanup_free_ char *container = api_query_get(query, "container");
	_cleanup_free_ char *lines = api_query_get(query, "tailLines");
	_cleanup_free_ char *limit = api_query_get(query, "limitBytes");
	_cleanup_free_ char *previous = api_query_get(query, "previous");
	_cleanup_free_ char *text = NULL;
	const json_t *status;
	bool before = previous && !strcmp(previous, "true");
	const char *words;
	size_t len, max;

	if (!o)
		return api_not_found(st, api_type_named(a, "pods"), name);
	status = status_of(o->json, container ? container : "");
	if (before && !doc_get(status, "lastState", "terminated", NULL))
		return api_fail(st, 400, "BadRequest", "previous terminated container "
				"\"%s\" in pod \"%s\" not found", container, name);
	if (!before && !doc_get(status, "state", "running", NULL) &&
	    !doc_get(status, "lastState", "terminated", NULL))
		return never_ran(name, container ? container : "", status, st);
	text = a->logs ? a->logs(a->logs_arg, name, container, before) : NULL;
	if (!text)
		text = xasprintf("%s of %s\n", container, name);
	words = lines ? tail(text, strtoul(lines, NULL, 10)) : text;
	len = strlen(words);
	max = limit ? strtoul(limit, NULL, 10) : len;
	out->status = 200;
	out->content_type = "text/plain";
	buf_add(&out->body, words, len < max ? len : max);
	return 0;
}
