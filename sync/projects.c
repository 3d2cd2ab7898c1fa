/*
 * The AppProjects of the cluster as they are now, and what they say of an
 * application and of each object before it is written or deleted.
 *
 * They are read from our own namespace and from argocd only: whoever may write
 * Applications in a namespace of their own shall not write their own fence. An
 * application in one of the two uses the projects beside it; any other the first
 * that is found, argocd's before ours. A project that cannot be read refuses. The
 * project `default` allows everything while there is none, and is made then, as
 * Argo CD's server does. A cluster without the AppProject CRD has no projects.
 */
#include "app_priv.h"

#define ARGOCD_NS "argocd"

struct entry {
	char *ns;
	struct project project;
	char *broken;		/* why it cannot be read; NULL */
	unsigned seen;
};

struct project_watch {
	struct projects *projects;
	char *ns;
	struct watch *watch;
	unsigned list_no;
	bool synced, absent;	/* absent: the CRD is not installed */
};

struct projects {
	struct engine *engine;
	struct project_watch watches[2];
	size_t n_watches;
	VEC(struct entry) list;
	struct project everything;
	struct kube_request make;
	char *make_body;
	bool made;
};

/* ---- the list ---- */

static void entry_deinit(struct entry *x)
{
	project_deinit(&x->project);
	free(x->broken);
	free(x->ns);
}

static struct entry *find(struct projects *p, const char *ns, const char *name)
{
	for (size_t i = 0; i < p->list.len; i++) {
		struct entry *x = &p->list.data[i];

		if (!strcmp(x->ns, ns) && !strcmp(x->project.name, name))
			return x;
	}
	return NULL;
}

static void drop(struct projects *p, struct entry *x)
{
	size_t i = (size_t)(x - p->list.data);

	entry_deinit(x);
	memmove(x, x + 1, (p->list.len - i - 1) * sizeof(*x));
	p->list.len--;
}

static void on_reset(void *arg)
{
	((struct project_watch *)arg)->list_no++;
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct project_watch *w = arg;
	struct projects *p = w->projects;
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	struct entry fresh = { .ns = xstrdup(w->ns), .seen = w->list_no };
	struct entry *old = name ? find(p, w->ns, name) : NULL;
	struct err err = ERR_INIT;

	if (old)
		drop(p, old);
	if (!name || ev == WATCH_DELETED) {
		entry_deinit(&fresh);
	} else {
		if (project_decode(&fresh.project, o, &err)) {
			fresh.broken = xstrdup(err.msg);
			fresh.project.name = xstrdup(name);
		}
		vec_push(&p->list, fresh);
	}
	if (w->synced)
		app_poke_all(p->engine);
}

static void on_synced(void *arg)
{
	struct project_watch *w = arg;
	struct projects *p = w->projects;

	for (size_t i = p->list.len; i-- > 0;) {
		struct entry *x = &p->list.data[i];

		if (!strcmp(x->ns, w->ns) && x->seen != w->list_no)
			drop(p, x);
	}
	w->synced = true;
	w->absent = false;
	app_poke_all(p->engine);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct project_watch *w = arg;

	if (err->code == ERR_UNSERVED && !w->synced) {
		w->absent = true;
		app_poke_all(w->projects->engine);
	} else if (err->code) {
		engine_log(w->projects->engine, err->retry ? LOG_INFO : LOG_WARN,
			   NULL, "watch of AppProjects in %s: %s", w->ns, err->msg);
	}
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static void watch_in(struct projects *p, const char *ns)
{
	struct project_watch *w = &p->watches[p->n_watches++];
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "appprojects", .ns = ns,
	};

	w->projects = p;
	w->ns = xstrdup(ns);
	w->watch = watch_new(p->engine->kube, &ref, NULL, NULL, &handler, w);
}

struct projects *projects_new(struct engine *e)
{
	struct projects *p = xcalloc(1, sizeof(*p));

	p->engine = e;
	project_permissive(&p->everything);
	if (strcmp(e->ns, ARGOCD_NS))
		watch_in(p, ARGOCD_NS);
	watch_in(p, e->ns);
	return p;
}

struct projects *projects_free(struct projects *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_watches; i++) {
		watch_free(p->watches[i].watch);
		free(p->watches[i].ns);
	}
	for (size_t i = 0; i < p->list.len; i++)
		entry_deinit(&p->list.data[i]);
	vec_deinit(&p->list);
	project_deinit(&p->everything);
	kube_abandon(p->engine->kube, &p->make);
	kube_request_deinit(&p->make);
	free(p->make_body);
	free(p);
	return NULL;
}

/* ---- the project of an application ---- */

static bool is_control(const struct projects *p, const char *ns)
{
	for (size_t i = 0; i < p->n_watches; i++)
		if (!strcmp(p->watches[i].ns, ns))
			return true;
	return false;
}

static struct entry *look_up(struct projects *p, const struct app *a)
{
	const char *homes[PROJECT_HOMES];
	size_t n = project_homes(p->engine->ns, a->spec.ns, homes);
	struct entry *x = NULL;

	for (size_t i = 0; i < n && !x; i++)
		x = find(p, homes[i], a->spec.project);
	return x;
}

/* Every list that could hold it is in. */
static bool known(const struct projects *p)
{
	for (size_t i = 0; i < p->n_watches; i++)
		if (!p->watches[i].synced && !p->watches[i].absent)
			return false;
	return true;
}

static void on_made(struct kube_request *r, const struct err *err)
{
	struct projects *p = container_of(r, struct projects, make);

	free(p->make_body);
	p->make_body = NULL;
	if (err->code && err->code != ERR_CONFLICT)
		engine_log(p->engine, LOG_INFO, NULL, "making AppProject default, "
			   "which is missing: %s", err->msg);
}

/* Once: who deletes it later means it, and everything stays allowed. */
static void make_default(struct projects *p, const char *ns)
{
	struct kube_ref ref = { .group = "argoproj.io", .version = "v1alpha1",
				.resource = "appprojects", .ns = ns };
	_cleanup_json_ json_t *o = json_pack("{s:s,s:s,s:{s:s,s:s},s:O}",
		"apiVersion", "argoproj.io/v1alpha1", "kind", "AppProject",
		"metadata", "name", "default", "namespace", ns,
		"spec", p->everything.spec);
	struct buf body = BUF_INIT;

	p->made = true;
	doc_write(o, &body);
	p->make_body = buf_steal(&body, NULL);
	kube_create_init(&p->make, &ref, FIELD_MANAGER, p->make_body,
			 strlen(p->make_body));
	p->make.on_done = on_made;
	kube_start(p->engine->kube, &p->make);
}

static const struct project *fallback(struct projects *p, const struct app *a,
				      struct err *err)
{
	bool served = false;

	for (size_t i = 0; i < p->n_watches; i++)
		served |= p->watches[i].synced;
	if (strcmp(a->spec.project, "default")) {
		err_set(err, ERR_NOTFOUND, "spec.project: there is no AppProject %s in "
			"%s: create it, or write \"default\"%s", a->spec.project,
			is_control(p, a->spec.ns) ? a->spec.ns : p->watches[0].ns,
			served ? "" : " (the AppProject CRD is not installed)");
		return NULL;
	}
	if (served && !p->made && is_control(p, a->spec.ns))
		make_default(p, a->spec.ns);
	return &p->everything;
}

const struct project *projects_of(struct app *a, struct err *err)
{
	struct projects *p = a->engine->projects;
	struct entry *x;

	if (!p || !known(p)) {
		err_set(err, ERR_NET, "the AppProjects are not read yet");
		return NULL;
	}
	x = look_up(p, a);
	if (!x)
		return fallback(p, a, err);
	if (x->broken) {
		err_set(err, ERR_INVALID, "%s: nothing is allowed until it is repaired",
			x->broken);
		return NULL;
	}
	return &x->project;
}

char *projects_key(const struct app *a)
{
	const struct entry *x = look_up(a->engine->projects, a);

	return xasprintf("%s/%s", x ? x->ns : "", a->spec.project);
}

const struct project *projects_named(const struct engine *e, const char *key)
{
	const char *slash = strchr(key, '/');
	_cleanup_free_ char *ns = xstrndup(key, (size_t)(slash - key));
	const struct entry *x = find(e->projects, ns, slash + 1);

	return x && !x->broken ? &x->project : NULL;
}

/* Anywhere while there is no such project. */
static bool is_trusted(const struct app *a, const struct project *project)
{
	const struct engine *e = a->engine;

	return project == &e->projects->everything ||
	       project_trusts(e->ns, e->app_namespaces, a->spec.ns, a->spec.project);
}

int projects_check_sources(struct app *a, const struct app_sources *sources,
			   struct err *err)
{
	const struct project *project = projects_of(a, err);
	struct project_app asks = {
		.dest_ns = a->spec.dest_ns, .ns = a->spec.ns,
		.control_ns = project && is_trusted(a, project) ? a->spec.ns : "",
	};

	for (size_t i = 0; project && i < sources->list.len; i++) {
		asks.repo_url = sources->list.data[i].repo_url;
		if (!project_check_app(project, &asks, err))
			continue;
		return sources->many ? err_wrap(err, "spec.sources[%zu]", i) : -1;
	}
	return project ? 0 : -1;
}

/* Of a release's app_sources_text(): -1, the project takes one of them not. */
static int check_said(struct app *a, const struct project *project, const char *text,
		      struct err *err)
{
	_cleanup_json_ json_t *o = doc_parse(text, strlen(text), NULL);
	const json_t *many = doc_get(o, "sources", NULL);
	struct project_app asks = {
		.dest_ns = a->spec.dest_ns, .ns = a->spec.ns,
		.control_ns = is_trusted(a, project) ? a->spec.ns : "",
	};
	size_t n = many ? json_array_size(many) : 1;

	for (size_t i = 0; i < n; i++) {
		const json_t *one = many ? json_array_get(many, i) :
					   doc_get(o, "source", NULL);

		asks.repo_url = doc_get_str(one, "repoURL", NULL);
		if (!asks.repo_url)
			return err_set(err, ERR_INVALID, "its sources are not known");
		if (project_check_app(project, &asks, err))
			return -1;
	}
	return 0;
}

/* Of another project's time: nobody asked who signed it, if Git does not say it now. */
static int check_signed(const struct app *a, const struct project *project,
			const struct release *r, struct err *err)
{
	if (!project_asks_signatures(project) ||
	    (a->head && !a->head_err.code && app_head_is_wish(a) &&
	     !strcmp(a->head->a.digest, r->digest)))
		return 0;
	return err_set(err, ERR_INVALID, "AppProject %s asks for signatures, and its were not "
		       "looked at", project->name);
}

int projects_check_release(struct app *a, const struct release *r, struct err *err)
{
	const struct project *project;

	if (!r->project || !strcmp(r->project, a->spec.project))
		return 0;
	project = projects_of(a, err);
	if (project && !check_said(a, project, r->sources ? r->sources : "{}", err) &&
	    !check_signed(a, project, r, err))
		return 0;
	return err_wrap(err, "release #%u is of project %s", r->id, r->project);
}

int projects_check(struct app *a, struct err *err)
{
	_cleanup_free_ char *user = NULL;

	if (projects_check_sources(a, &a->spec.sources, err))
		return -1;
	return app_acts_as(a, a->spec.dest_ns, &user, err);
}

int app_acts_as(struct app *a, const char *dest_ns, char **ret, struct err *err)
{
	const struct project *project = projects_of(a, err);

	*ret = NULL;
	/* As app_check_delete(): there is nobody to be any more. */
	if (!project && a->spec.deleting && err->code == ERR_NOTFOUND)
		return 0;
	return project ? project_acts_as(project, dest_ns, a->spec.ns, ret, err) : -1;
}

bool projects_write_as(const struct engine *e, const char *user)
{
	for (size_t i = 0; i < e->projects->list.len; i++)
		if (project_may_act_as(&e->projects->list.data[i].project, user))
			return true;
	return false;
}

bool app_is_refused(const struct app *a)
{
	return a->spec.n_errors || a->project_err.code;
}

static int check_object(struct app *a, const struct objkey *k, struct err *err)
{
	const struct project *project = projects_of(a, err);

	return project ? project_check_object(project, k->group, k->kind, k->ns,
					      k->name, err) : -1;
}

int app_check_write(struct app *a, const struct objkey *k, struct err *err)
{
	/* An end goes on in a project that does not take it; each look asks of the others. */
	if (a->spec.deleting && projects_check(a, err))
		return -1;
	if (a->spec.deleting && a->gates.foreign && !app_head_is_current(a))
		return err_set(err, ERR_INVALID, "%s", a->gates.foreign);
	return check_object(a, k, err);
}

int app_check_delete(struct app *a, const struct objkey *k, struct err *err)
{
	/* What it made goes with it, whatever became of its project. */
	if (!projects_of(a, err) && a->spec.deleting && err->code == ERR_NOTFOUND)
		return 0;
	return check_object(a, k, err);
}
