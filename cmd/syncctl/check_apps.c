/*
 * Would the cluster take it? Each Application and AppProject is judged by the rules of
 * the admission webhook, as if it were created now. An Application's project judges it,
 * too, where the tree holds exactly one of its name.
 */
#include "checks.h"

#include "sync/admission.h"

struct judging {
	struct findings *findings;
	struct places *places;
	const struct unit *unit;
	const char *object, *label;
};

/* Of "spec.source.path: what", or of "annotation KEY: what", the field's path. Owned. */
static char *path_of(const char *message)
{
	static const char annotation[] = "annotation ";
	size_t n = sizeof(annotation) - 1;

	if (strncmp(message, annotation, n))
		return xstrdup(message);
	return xasprintf("metadata.annotations[%.*s]", (int)strcspn(message + n, ": "),
			 message + n);
}

static void said(void *arg, bool refuses, const char *message)
{
	struct judging *j = arg;
	const struct unit *u = j->unit;
	bool is_app = u->kind == UNIT_APP;
	_cleanup_free_ char *path = path_of(message);
	struct field steps[FIELD_STEPS_MAX];
	struct found what = { .file = u->file, .line = u->line, .object = j->object,
			      .message = message, .unit = j->label,
		.rule = is_app ? refuses ? RULE_APPLICATION : RULE_APPLICATION_WARNING :
			refuses ? RULE_PROJECT : RULE_PROJECT_WARNING };

	if (!places_find(j->places, u->file, u->line, field_parse(u->app, path, steps),
			 &what.line) && u->via) {
		what.file = u->via;	/* an overlay says so */
		what.line = 1;
	}
	findings_add(j->findings, &what);
}

/* The only one of that name, or NULL: several clusters may each have another. */
static const json_t *project_of(const struct survey *s, const struct unit *app)
{
	const char *name = doc_get_str(app->app, "spec", "project", NULL);
	const json_t *found = NULL;

	name = name && *name ? name : "default";
	for (size_t i = s->n_kustomizations; i < s->units.len; i++) {
		const struct unit *u = &s->units.data[i];

		if (u->kind != UNIT_PROJECT || strcmp(u->name, name))
			continue;
		if (found)
			return NULL;
		found = u->app;
	}
	return found;
}

static void judge(struct findings *f, struct places *places, const struct survey *s,
		  const struct unit *u)
{
	static const struct app_defaults defaults = { .auto_revert = true };
	static char all[] = "*", *const everywhere[] = { all, NULL };
	bool is_app = u->kind == UNIT_APP;
	const json_t *project = is_app ? project_of(s, u) : NULL;
	const struct admission a = { .kind = is_app ? ADMISSION_APP : ADMISSION_PROJECT,
				     .creates = true, .object = u->app, .ns = u->ns,
				     .name = u->name };
	/* where syncd lives is not known: its namespace is the Application's */
	const struct admission_context c = { .defaults = &defaults, .own_ns = u->ns,
		.app_namespaces = everywhere, .project = project,
		.lookup = project ? ADMISSION_FOUND : ADMISSION_UNREAD };
	_cleanup_free_ char *label = unit_label(u);
	_cleanup_free_ char *object = xasprintf("%s/%s", is_app ? "Application" : "AppProject",
						u->name);
	struct judging j = { f, places, u, object, label };

	admission_judge(&a, &c, said, &j);
}

void findings_of_apps(struct findings *f, const struct survey *s)
{
	struct places places;

	places_init(&places, s->o.files);
	for (size_t i = s->n_kustomizations; i < s->units.len; i++)
		if (s->units.data[i].app)
			judge(f, &places, s, &s->units.data[i]);
	places_deinit(&places);
}
