/*
 * Deleting an Application with a resources finalizer: what it put into the cluster
 * goes, highest wave first, by UID; then the finalizer. What a policy keeps stays
 * (Delete=false, Prune=false, helm.sh/resource-policy: keep), and so do CRDs,
 * namespaces and volumes. It needs neither Git nor the project nor a render, so
 * that it cannot hang on one of them. Without a finalizer deleting the Application
 * deletes nothing.
 */
#include "app_priv.h"

#define AGAIN_MS 5000

void app_keep_finalizers(struct app *a, const json_t *application)
{
	const json_t *list = doc_get(application, "metadata", "finalizers", NULL);
	size_t i;
	json_t *f;

	json_decref(a->finalizers);
	a->finalizers = json_array();
	json_array_foreach(list, i, f) {
		const char *s = json_string_value(f);

		if (s && strncmp(s, RESOURCES_FINALIZER,
				 strlen(RESOURCES_FINALIZER)))
			json_array_append(a->finalizers, f);
	}
}

static void on_let_go(struct kube_request *r, const struct err *err)
{
	struct app *a = container_of(r, struct app, delete_req);

	free(a->delete_body);
	a->delete_body = NULL;
	if (!err->code || err->code == ERR_NOTFOUND)
		return;
	engine_log(a->engine, LOG_WARN, a, "removing the finalizer: %s", err->msg);
	app_poke_at(a, world_now(a->engine->w) + AGAIN_MS);
}

static void let_go(struct app *a)
{
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = a->spec.ns, .name = a->spec.name,
	};
	_cleanup_json_ json_t *patch = json_pack("{s:{s:O,s:s}}", "metadata",
		"finalizers", a->finalizers,
		"resourceVersion", a->spec.resource_version);
	struct buf body = BUF_INIT;

	doc_write(patch, &body);
	a->delete_body = buf_steal(&body, NULL);
	kube_merge_patch_init(&a->delete_req, &ref, FIELD_MANAGER, a->delete_body,
			      strlen(a->delete_body));
	a->delete_req.on_done = on_let_go;
	kube_start(a->engine->kube, &a->delete_req);
}

/* How many objects are still to be deleted: a plan against nothing. */
static size_t left_over(struct app *a, const struct rel *nothing)
{
	struct plan plan = { 0 };
	struct plan_input in = {
		.release = &nothing->a, .destination_ns = a->spec.dest_ns,
		.app_id = a->app_id, .record = &a->rec,
		.live = &a->engine->live, .prune_allowed = true,
	};
	size_t n;

	in.project = projects_of(a, NULL);
	plan_build(&in, &plan);
	n = plan.n_prune;
	plan_deinit(&plan);
	return n;
}

void app_delete(struct app *a)
{
	struct rel *nothing;

	if (a->spec.cascade == CASCADE_NONE || a->delete_body)
		return;
	if (a->retry_at > world_now(a->engine->w)) {
		app_poke_at(a, a->retry_at);
		return;
	}
	nothing = rel_new();
	if (left_over(a, nothing)) {
		engine_log(a->engine, LOG_INFO, a, "the Application is being "
			   "deleted: its objects go first");
		app_start_op(a, OP_SYNC, a->rec.target, nothing, true, "deletion");
	} else {
		let_go(a);
	}
	rel_unref(nothing);
}
