/*
 * The watches of Applications, one for each namespace that is served (or one of
 * all): what they say goes to app.c, and to the one of --bootstrap-repo.
 */
#include "engine_boot.h"

struct app_watch {
	struct engine *engine;
	char *ns;		/* NULL: all */
	struct watch *watch;
	unsigned list_no;
	bool synced;
};

static bool has_own_ns(const struct app_watch *aw)
{
	return !aw->ns || !strcmp(aw->ns, aw->engine->ns);
}

static void on_app_reset(void *arg)
{
	struct app_watch *aw = arg;

	aw->list_no++;
	if (has_own_ns(aw))
		bootstrap_on_reset(aw->engine->bootstrap);
}

static void on_app(void *arg, enum watch_event ev, const json_t *o)
{
	struct app_watch *aw = arg;
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	if (!ns || !name)
		return;
	bootstrap_on_app(aw->engine->bootstrap, ev, o);
	if (ev == WATCH_DELETED) {
		app_on_gone(aw->engine, ns, name);
		return;
	}
	app_on_object(aw->engine, o);
	app_get(aw->engine, ns, name)->seen = aw->list_no;
}

/* What a new list does not hold was deleted while we were not watching. */
static void on_apps_synced(void *arg)
{
	struct app_watch *aw = arg;
	struct app *a, *next;

	aw->synced = true;
	HASH_ITER(hh, aw->engine->apps, a, next)
		if (a->present && a->seen != aw->list_no &&
		    (!aw->ns || !strcmp(a->spec.ns, aw->ns)))
			app_on_gone(aw->engine, a->spec.ns, a->spec.name);
	if (has_own_ns(aw))
		bootstrap_on_synced(aw->engine->bootstrap);
}

static void on_apps_trouble(void *arg, const struct err *err)
{
	struct engine *e = ((struct app_watch *)arg)->engine;

	if (err->code == ERR_UNSERVED)
		engine_log(e, LOG_ERROR, NULL, "the Application CRD is not "
			   "installed: kubectl apply -f manifests/crds (waiting)");
	else if (err->code)
		engine_log(e, err->retry ? LOG_INFO : LOG_WARN, NULL,
			   "watch of Applications: %s", err->msg);
}

static const struct watch_handler app_handler = {
	.on_reset = on_app_reset, .on_event = on_app,
	.on_synced = on_apps_synced, .on_trouble = on_apps_trouble,
};

void app_watches_start(struct engine *e)
{
	for (char **ns = e->app_namespaces; *ns; ns++) {
		struct kube_ref ref = {
			.group = "argoproj.io", .version = "v1alpha1",
			.resource = "applications",
			.ns = strcmp(*ns, "*") ? *ns : NULL,
		};
		struct app_watch *aw;

		if (engine_reads_elsewhere(e, ns))
			continue;
		aw = xcalloc(1, sizeof(*aw));
		aw->engine = e;
		aw->ns = xstrdup(ref.ns);
		aw->watch = watch_new(e->kube, &ref, NULL, NULL, &app_handler, aw);
		vec_push(&e->app_watches, aw);
	}
}

bool app_watches_synced(const struct engine *e)
{
	for (size_t i = 0; i < e->app_watches.len; i++)
		if (!e->app_watches.data[i]->synced)
			return false;
	return true;
}

void app_watches_free(struct engine *e)
{
	for (size_t i = 0; i < e->app_watches.len; i++) {
		watch_free(e->app_watches.data[i]->watch);
		free(e->app_watches.data[i]->ns);
		free(e->app_watches.data[i]);
	}
	vec_deinit(&e->app_watches);
}
