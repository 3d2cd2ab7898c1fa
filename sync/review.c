/*
 * Answers an AdmissionReview. The happy path: it is read; the AppProject that its
 * Application names is asked for, where it may lie; admission.h answers.
 *
 * Every replica does this, the leader and those that stand by alike, so the project is
 * read when it is needed and from the API server itself: a watch may be behind, and an
 * Application that comes right after its project would be refused for a rule that no
 * longer is. The request goes before all others and has a second and a half for each
 * place; when there is no answer the Application passes with a warning, since the
 * project is asked again before anything is written. What is no review is answered 400.
 */
#include "engine_priv.h"

#include "sync/admission.h"

#include <utlist.h>

#define ASK_MS 1500

struct review {
	struct engine *engine;
	struct engine_review *caller;
	struct admission admission;
	struct err broken;	/* it could not be read */
	char *project_name;
	const char *homes[PROJECT_HOMES];
	size_t n_homes, home;
	enum admission_lookup lookup;
	json_t *project;
	struct kube_request get;
	struct world_task task;
	struct review *prev, *next;
};

static void review_free(struct review *r)
{
	DL_DELETE(r->engine->reviews, r);
	world_undefer(r->engine->w, &r->task);
	kube_abandon(r->engine->kube, &r->get);
	kube_request_deinit(&r->get);
	admission_deinit(&r->admission);
	json_decref(r->project);
	free(r->project_name);
	free(r);
}

static void tell(const struct review *r, bool allowed, const struct buf *answer)
{
	const struct admission *a = &r->admission;
	struct engine *e = r->engine;
	_cleanup_json_ json_t *o = NULL;
	struct err err = ERR_INIT;
	const char *why;

	if (allowed) {
		e->counts.reviews_allowed++;
		return;
	}
	e->counts.reviews_refused++;
	o = doc_parse(buf_str(answer), answer->len, &err);
	why = doc_get_str(o, "response", "status", "message", NULL);
	engine_log(e, LOG_INFO, NULL, "admission refuses %s %s/%s: %.1500s",
		   a->kind == ADMISSION_APP ? "Application" : "AppProject", a->ns, a->name,
		   why ? why : "");
}

static void finish(struct review *r)
{
	const struct engine *e = r->engine;
	struct admission_context c = {
		.defaults = &e->cfg.defaults, .own_ns = e->ns,
		.app_namespaces = e->app_namespaces, .lookup = r->lookup,
		.project = r->project,
	};
	struct engine_review *caller = r->caller;
	struct buf answer = BUF_INIT;
	int status = 200;

	if (r->broken.code) {
		status = 400;
		r->engine->counts.reviews_broken++;
		buf_addf(&answer, "%s\n", r->broken.msg);
	} else {
		tell(r, admission_answer(&r->admission, &c, &answer), &answer);
	}
	review_free(r);
	caller->on_done(caller, status, &answer);
	buf_deinit(&answer);
}

static void on_task(struct world_task *t)
{
	finish(container_of(t, struct review, task));
}

static void ask(struct review *r);

static void on_got(struct kube_request *get, const struct err *err)
{
	struct review *r = container_of(get, struct review, get);

	if (err->code == ERR_NOTFOUND && ++r->home < r->n_homes) {
		ask(r);
		return;
	}
	if (!err->code && get->json) {
		r->lookup = ADMISSION_FOUND;
		r->project = json_incref(get->json);
	} else if (err->code == ERR_NOTFOUND) {
		r->lookup = ADMISSION_ABSENT;
	} else {
		engine_log(r->engine, LOG_WARN, NULL, "admission cannot read AppProject %s/%s: "
			   "%s", r->homes[r->home], r->project_name, err->msg);
	}
	finish(r);
}

static void ask(struct review *r)
{
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1", .resource = "appprojects",
		.ns = r->homes[r->home], .name = r->project_name,
	};

	kube_get_init(&r->get, &ref);
	r->get.parse = true;
	r->get.urgent = true;
	r->get.max_tries = 1;
	r->get.timeout_ms = ASK_MS;
	r->get.on_done = on_got;
	kube_start(r->engine->kube, &r->get);
}

void engine_review(struct engine *e, struct engine_review *caller)
{
	struct review *r = xcalloc(1, sizeof(*r));

	r->engine = e;
	r->caller = caller;
	r->task.fn = on_task;
	DL_APPEND(e->reviews, r);
	if (!admission_read(&r->admission, caller->body, caller->len, &r->broken))
		r->project_name = admission_wants(&r->admission);
	if (!r->project_name) {
		world_defer(e->w, &r->task);
		return;
	}
	r->n_homes = project_homes(e->ns, r->admission.ns, r->homes);
	ask(r);
}

void reviews_free(struct engine *e)
{
	struct review *r, *next;

	DL_FOREACH_SAFE(e->reviews, r, next)
		review_free(r);
}
