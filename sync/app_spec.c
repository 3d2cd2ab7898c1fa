/*
 * Decodes an Application: identity, project, destination, policy. The source,
 * the options and the operation have files of their own.
 *
 * Nothing fails early: every field is looked at, and each one that is wrong adds
 * a message of its own, so that a person can mend a spec in one go.
 */
#include "sync/app_spec.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app_spec_priv.h"
#include "sync/approve.h"

#define IN_CLUSTER "https://kubernetes.default.svc"
#define FINALIZER "resources-finalizer.argocd.argoproj.io"
#define MAX_MESSAGES 64

__attribute__((format(printf, 3, 0)))
static void add_message(char ***list, size_t *n, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (*n >= MAX_MESSAGES)
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	if (*n == MAX_MESSAGES - 1) {
		free(text);
		text = xstrdup("there is more; mend these first");
	}
	*list = xrealloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = text;
}

void spec_error(struct app_spec *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_message(&s->errors, &s->n_errors, fmt, ap);
	va_end(ap);
}

void spec_warn(struct app_spec *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_message(&s->warnings, &s->n_warnings, fmt, ap);
	va_end(ap);
}

static const char *type_name(json_type t)
{
	switch (t) {
	case JSON_OBJECT: return "a map";
	case JSON_ARRAY: return "a list";
	case JSON_STRING: return "a string";
	case JSON_INTEGER: return "a whole number";
	case JSON_TRUE: return "true or false";
	case JSON_REAL:
	case JSON_FALSE:
	case JSON_NULL:
	default: return "something else";
	}
}

bool absent(const json_t *parent, const char *key)
{
	const json_t *v = json_object_get(parent, key);

	return !v || json_is_null(v);
}

const json_t *take(struct app_spec *s, const json_t *parent, const char *where,
		   const char *key, json_type want)
{
	const json_t *v = json_object_get(parent, key);

	if (absent(parent, key))
		return NULL;
	if (want == JSON_TRUE ? json_is_boolean(v) : json_typeof(v) == want)
		return v;
	spec_error(s, "%s%s%s must be %s", where, *where ? "." : "", key,
		   type_name(want));
	return NULL;
}

const char *take_str(struct app_spec *s, const json_t *parent, const char *where,
		     const char *key)
{
	const json_t *v = take(s, parent, where, key, JSON_STRING);

	return v ? json_string_value(v) : "";
}

bool take_bool(struct app_spec *s, const json_t *parent, const char *where,
	       const char *key, bool fallback)
{
	const json_t *v = take(s, parent, where, key, JSON_TRUE);

	return v ? json_is_true(v) : fallback;
}

int64_t take_int(struct app_spec *s, const json_t *parent, const char *where,
		 const char *key, int64_t fallback)
{
	const json_t *v = take(s, parent, where, key, JSON_INTEGER);

	return v ? json_integer_value(v) : fallback;
}

static char *dup_str(const json_t *o, const char *key)
{
	const char *v = doc_get_str(o, key, NULL);

	return xstrdup(v ? v : "");
}

/* What Argo CD's controller adds by itself where there are such hooks. */
bool app_is_hook_finalizer(const char *f)
{
	static const char *const ours[] = {
		"pre-delete-finalizer.argocd.argoproj.io",
		"post-delete-finalizer.argocd.argoproj.io",
	};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		size_t n = strlen(ours[i]);

		if (!strncmp(f, ours[i], n) && (!f[n] || !strcmp(f + n, "/cleanup")))
			return true;
	}
	return false;
}

static void decode_finalizers(struct app_spec *s, const json_t *meta)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(meta, "finalizers"), i, item) {
		const char *f = json_string_value(item);

		if (f && app_is_hook_finalizer(f))
			s->delete_hooks = true;
		if (!f || strncmp(f, FINALIZER, strlen(FINALIZER)))
			continue;
		f += strlen(FINALIZER);
		if (!strcmp(f, "/background"))
			s->cascade = CASCADE_BACKGROUND;
		else if (!*f || !strcmp(f, "/foreground"))
			s->cascade = CASCADE_FOREGROUND;
	}
}

static void decode_identity(struct app_spec *s, const json_t *app)
{
	const json_t *meta = doc_get(app, "metadata", NULL);

	s->ns = dup_str(meta, "namespace");
	s->name = dup_str(meta, "name");
	s->uid = dup_str(meta, "uid");
	s->resource_version = dup_str(meta, "resourceVersion");
	s->generation = doc_get_int(meta, 0, "generation", NULL);
	s->deleting = doc_get_str(meta, "deletionTimestamp", NULL) != NULL;
	if (s->deleting)
		s->deleting_ms = time_parse_rfc3339(doc_get_str(meta,
						    "deletionTimestamp", NULL));
	decode_finalizers(s, meta);
}

static void decode_project(struct app_spec *s, const json_t *spec,
			   const struct app_defaults *defaults)
{
	const char *name = take_str(s, spec, "spec", "project");

	s->project = xstrdup(*name ? name : "default");
	if (!defaults->projects)
		return;
	for (const char *const *p = defaults->projects; *p; p++) {
		if (!strcmp(*p, s->project))
			return;
	}
	spec_error(s, "spec.project: there is no AppProject \"%.63s\": create it, "
		   "or write \"default\"", s->project);
}

static void decode_destination(struct app_spec *s, const json_t *spec)
{
	const json_t *d = take(s, spec, "spec", "destination", JSON_OBJECT);
	const char *server = take_str(s, d, "spec.destination", "server");
	const char *name = take_str(s, d, "spec.destination", "name");

	s->dest_ns = xstrdup(take_str(s, d, "spec.destination", "namespace"));
	if (absent(spec, "destination"))
		spec_error(s, "spec.destination is missing: write server \""
			   IN_CLUSTER "\" and a namespace");
	else if (!d)
		return;
	else if (*server && *name)
		spec_error(s, "spec.destination has both server and name: "
			   "keep one of them");
	else if (absent(d, "server") && absent(d, "name"))
		spec_error(s, "spec.destination.server is missing: write \""
			   IN_CLUSTER "\"");
	else if (*server && strcmp(server, IN_CLUSTER))
		spec_error(s, "spec.destination.server: other clusters are not "
			   "supported: run a syncd in that cluster and write \""
			   IN_CLUSTER "\" here");
	else if (*name && strcmp(name, "in-cluster"))
		spec_error(s, "spec.destination.name: other clusters are not "
			   "supported: run a syncd in that cluster and write "
			   "\"in-cluster\" here");
}

static void decode_automated(struct app_spec *s, const json_t *policy)
{
	static const char where[] = "spec.syncPolicy.automated";
	const json_t *a = take(s, policy, "spec.syncPolicy", "automated",
			       JSON_OBJECT);

	if (!a)
		return;
	s->automated = take_bool(s, a, where, "enabled", true);
	s->prune = take_bool(s, a, where, "prune", false);
	s->self_heal = take_bool(s, a, where, "selfHeal", false);
	s->allow_empty = take_bool(s, a, where, "allowEmpty", false);
}

int argo_duration(const char *text, uint64_t *ret_ms)
{
	size_t digits = strspn(text, "0123456789");
	struct err err = ERR_INIT;

	if (!digits || text[digits] || digits > 9)
		return duration_parse(text, ret_ms, &err);
	*ret_ms = strtoull(text, NULL, 10) * 1000;
	return 0;
}

static void take_backoff(struct app_spec *s, const json_t *backoff,
			 const char *key, uint64_t *ret_ms)
{
	static const char where[] = "spec.syncPolicy.retry.backoff";
	const char *text = take_str(s, backoff, where, key);

	if (*text && argo_duration(text, ret_ms))
		spec_error(s, "%s.%s: \"%.40s\" is not a duration (write it like "
			   "\"5s\" or \"3m\")", where, key, text);
}

unsigned retry_limit(int64_t n)
{
	return n < 0 || n > UINT_MAX ? UINT_MAX : (unsigned)n;
}

/* Without the whole field 5 more tries; with one that has no limit none. */
static void decode_retry(struct app_spec *s, const json_t *policy)
{
	static const char where[] = "spec.syncPolicy.retry";
	const json_t *r = take(s, policy, "spec.syncPolicy", "retry", JSON_OBJECT);
	const json_t *backoff = take(s, r, where, "backoff", JSON_OBJECT);
	int64_t limit = take_int(s, r, where, "limit", 0);
	int64_t factor = take_int(s, backoff, "spec.syncPolicy.retry.backoff",
				  "factor", 2);

	s->retry = RETRY_DEFAULTS;
	take_backoff(s, backoff, "duration", &s->retry.base_ms);
	take_backoff(s, backoff, "maxDuration", &s->retry.max_ms);
	if (!s->retry.max_ms)
		s->retry.max_ms = RETRY_NO_MAX_MS;
	if (r) {
		s->retry.set = true;
		s->retry.limit = retry_limit(limit);
	}
	if (factor < 1 || factor > 1000)
		spec_error(s, "spec.syncPolicy.retry.backoff.factor must be 1 to "
			   "1000");
	else
		s->retry.factor = (unsigned)factor;
}

static void decode_history_limit(struct app_spec *s, const json_t *spec)
{
	int64_t n = take_int(s, spec, "spec", "revisionHistoryLimit", 10);

	s->history_limit = 10;
	if (n < 0 || n > 1000)
		spec_error(s, "spec.revisionHistoryLimit must be 0 to 1000");
	else
		s->history_limit = (unsigned)n;
}

void app_spec_decode(struct app_spec *s, const json_t *app,
		     const struct app_defaults *defaults)
{
	const json_t *spec, *meta, *policy, *annotations;

	*s = (struct app_spec){ 0 };
	spec = take(s, app, "", "spec", JSON_OBJECT);
	if (!spec && !s->n_errors)
		spec_error(s, "spec is missing");
	meta = doc_get(app, "metadata", NULL);
	annotations = doc_get(meta, "annotations", NULL);
	policy = take(s, spec, "spec", "syncPolicy", JSON_OBJECT);
	decode_identity(s, app);
	decode_project(s, spec, defaults);
	decode_destination(s, spec);
	app_source_decode(s, spec);
	decode_automated(s, policy);
	decode_retry(s, policy);
	decode_history_limit(s, spec);
	app_options_decode(s, spec, annotations);
	app_annotations_decode(s, annotations, defaults);
	app_holds_decode(s, annotations);
	app_operation_decode(s, app);
	app_digests(s, spec);
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void app_spec_deinit(struct app_spec *s)
{
	char *strings[] = {
		s->ns, s->name, s->uid, s->resource_version, s->project,
		s->dest_ns, s->propagation,
		s->operation.revision, s->operation.initiated_by,
		s->operation.propagation, s->operation.bad, s->pin.by, s->pin.why,
		s->suspend.by, s->suspend.why, s->links, s->control, s->environment,
	};

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	free(s->operation.override);
	approve_deinit(&s->approval);
	app_sources_deinit(&s->sources);
	app_sources_deinit(&s->operation.sources);
	json_decref(s->ignore_differences);
	json_decref(s->namespace_meta);
	json_decref(s->operation.raw);
	free_list(s->errors, s->n_errors);
	free_list(s->warnings, s->n_warnings);
	free_list(s->depends, s->n_depends);
	*s = (struct app_spec){ 0 };
}
