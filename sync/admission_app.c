/*
 * An Application, judged: the engine's own decoder says what it cannot act on, the
 * renderer what it would not take, the project what it does not allow. Only what all
 * of them let pass in silence is looked at here: fields nobody knows, options that
 * contradict each other, annotations of ours that nobody reads.
 */
#include <ctype.h>
#include <string.h>

#include "admission_priv.h"
#include "core/doc.h"
#include "render/render.h"

#define OPTIONS "spec.syncPolicy.syncOptions"
#define MAX_OPTIONS 100

static void take_messages(const struct app_spec *s, struct admission_findings *f)
{
	for (size_t i = 0; i < s->n_errors; i++)
		admission_say(&f->errors, "%s", s->errors[i]);
	for (size_t i = 0; i < s->n_warnings; i++)
		admission_say(&f->warnings, "%s", s->warnings[i]);
}

/* "source.kustomize.version ..." of the renderer, with the path it has here. */
static void check_render(const struct app_spec *s, struct admission_findings *f)
{
	for (size_t i = 0; i < s->sources.list.len; i++) {
		struct err err = ERR_INIT;
		_cleanup_free_ char *at = s->sources.many ?
			xasprintf("spec.sources[%zu]", i) : xstrdup("spec.source");

		if (!render_check_source(s->sources.list.data[i].raw, &err))
			continue;
		if (!strncmp(err.msg, "source.", 7))
			admission_say(&f->errors, "%s.%s", at, err.msg + 7);
		else
			admission_say(&f->errors, "%s: %s", at, err.msg);
	}
}

/* The part before "=", when both are there and the parts behind differ. */
static size_t contradict(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return a[n] && !strncmp(a, b, n + 1) && strcmp(a + n, b + n) ? n : 0;
}

static void check_options(const json_t *list, struct admission_findings *f)
{
	size_t n = json_array_size(list);

	for (size_t i = 1; i < n && i < MAX_OPTIONS; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = json_string_value(json_array_get(list, i));
			const char *b = json_string_value(json_array_get(list, k));

			if (a && b && contradict(a, b))
				admission_say(&f->errors, OPTIONS "[%zu]: \"%.80s\" "
					      "contradicts \"%.80s\": keep one of them",
					      i, a, b);
		}
}

static void check_policy(const struct app_spec *s, const json_t *policy,
			 struct admission_findings *f)
{
	const json_t *a = json_object_get(policy, "automated");

	check_options(json_object_get(policy, "syncOptions"), f);
	if (s->retry.base_ms > s->retry.max_ms)
		admission_say(&f->warnings, "spec.syncPolicy.retry.backoff.duration is longer "
			      "than maxDuration (3m where it is not written), which each pause "
			      "will be: make one of them fit");
	if (json_is_object(a) && !s->automated &&
	    (s->prune || s->self_heal || s->allow_empty))
		admission_say(&f->warnings, "spec.syncPolicy.automated.enabled is false: "
			      "prune, selfHeal and allowEmpty beside it have no effect");
}

static void check_ignored(const json_t *list, struct admission_findings *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
		if (json_is_object(item) &&
		    !json_array_size(json_object_get(item, "jsonPointers")) &&
		    !json_array_size(json_object_get(item, "jqPathExpressions")) &&
		    !json_array_size(json_object_get(item, "managedFieldsManagers")))
			admission_say(&f->warnings, "spec.ignoreDifferences[%zu] has no "
				      "effect: name jsonPointers, jqPathExpressions or "
				      "managedFieldsManagers", i);
}

static bool is_label(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 63 && s[0] != '-' && s[n - 1] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static void check_destination(const struct app_spec *s, struct admission_findings *f)
{
	if (*s->dest_ns && !is_label(s->dest_ns))
		admission_say(&f->errors, "spec.destination.namespace \"%.80s\" is no name of "
			      "a namespace: lower-case letters, digits and \"-\", at most 63",
			      s->dest_ns);
}

void admission_app(const json_t *app, const struct app_defaults *defaults,
		   struct admission_findings *f)
{
	const json_t *spec = doc_get(app, "spec", NULL);
	struct app_spec s;

	app_spec_decode(&s, app, defaults);
	take_messages(&s, f);
	admission_app_fields(spec, f);
	if (!s.n_errors)
		check_render(&s, f);
	check_policy(&s, doc_get(spec, "syncPolicy", NULL), f);
	check_ignored(doc_get(spec, "ignoreDifferences", NULL), f);
	check_destination(&s, f);
	if (s.sources.many && json_object_size(doc_get(spec, "source", NULL)))
		admission_say(&f->warnings, "spec.source has no effect: spec.sources is "
			      "there, too");
	app_spec_deinit(&s);
}

/* ---- the project ---- */

/* 6: does the change touch nothing that a project judges? */
static bool keeps_place(const struct admission *a)
{
	static const char *const judged[] = { "project", "destination", "source",
					      "sources" };

	for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
		const json_t *was = doc_get(a->old, "spec", judged[i], NULL);
		const json_t *is = doc_get(a->object, "spec", judged[i], NULL);

		if (was != is && !(was && is && doc_equal(was, is)))
			return false;
	}
	return a->updates && a->old;
}

static void judge_sources(const struct project *p, const struct app_spec *s,
			  struct project_app *asks, struct admission_list *to)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < s->sources.list.len; i++) {
		asks->repo_url = s->sources.list.data[i].repo_url;
		if (!project_check_part(p, asks, PROJECT_SOURCE, &err))
			continue;
		if (s->sources.many)
			admission_say(to, "spec.sources[%zu].repoURL: %s", i, err.msg);
		else
			admission_say(to, "spec.source.repoURL: %s", err.msg);
	}
}

static void judge(const struct project *p, const struct app_spec *s, const char *app_ns,
		  const struct admission_context *c, struct admission_list *to)
{
	struct project_app asks = {
		.dest_ns = s->dest_ns, .ns = app_ns, .repo_url = "",
		.control_ns = project_trusts(c->own_ns, c->app_namespaces, app_ns, p->name) ?
			      app_ns : "",
	};
	_cleanup_free_ char *user = NULL;
	struct err err = ERR_INIT;

	if (project_check_part(p, &asks, PROJECT_PLACE, &err))
		admission_say(to, "metadata.namespace: %s", err.msg);
	judge_sources(p, s, &asks, to);
	if (project_check_part(p, &asks, PROJECT_DESTINATION, &err))
		admission_say(to, "spec.destination.namespace: %s", err.msg);
	else if (project_acts_as(p, s->dest_ns, app_ns, &user, &err))
		admission_say(to, "spec.destination.namespace: %s", err.msg);
}

static void missing(const struct app_spec *s, const struct admission_context *c,
		    struct admission_findings *f)
{
	if (c->lookup == ADMISSION_UNREAD)
		admission_say(&f->warnings, "spec.project: AppProject \"%.63s\" could not be "
			      "read now; it is asked before anything is written", s->project);
	else if (strcmp(s->project, "default"))
		admission_say(&f->warnings, "spec.project: there is no AppProject \"%.63s\" "
			      "yet: nothing is synced until it is created", s->project);
}

void admission_app_fence(const struct admission *a, const struct admission_context *c,
			 struct admission_findings *f)
{
	struct admission_list *to = a->dry_run || keeps_place(a) ? &f->warnings : &f->errors;
	struct err err = ERR_INIT;
	struct app_spec s;
	struct project p;

	app_spec_decode(&s, a->object, c->defaults);
	if (c->lookup != ADMISSION_FOUND)
		missing(&s, c, f);
	else if (project_decode(&p, c->project, &err))
		admission_say(&f->warnings, "spec.project: %s: nothing is allowed until it is "
			      "repaired", err.msg);
	else if (!s.n_errors)
		judge(&p, &s, a->ns, c, to);
	if (c->lookup == ADMISSION_FOUND && !err.code)
		project_deinit(&p);
	app_spec_deinit(&s);
}
