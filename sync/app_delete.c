/*
 * Deleting an Application with a resources finalizer: what it put into the cluster
 * goes, highest wave first, by UID; then the finalizer. What a policy keeps stays
 * (Delete=false, helm.sh/resource-policy: keep), and so do CRDs, namespaces and
 * volumes, and what another application's release has: an Event names them. Child
 * Applications go; one that waits for this one itself is not waited for (others.c).
 * Delete=confirm waits for a person. PreDelete hooks of the release in force run before that
 * and must succeed, PostDelete hooks after it. It needs neither Git nor the project
 * nor a render, so that it cannot hang on one of them: without Git the hooks are the
 * stored release's. What hooks make is fenced as ever: without a project none is made,
 * and what waits for them waits. Without a finalizer deleting
 * the Application deletes nothing and runs nothing. What is known of the Application
 * may be minutes old, when its watch is silent: before anything begins, and before each
 * wave of objects, it is read once more.
 */
#include "app_priv.h"
#include "approval.h"
#include "hook.h"
#include "others.h"

#define AGAIN_MS 5000
#define HOOKS_KNOWN_MS 120000
#define KEPT_NAMED 5
#define GOING_MS 5000	/* for so long a look at it is new enough */

void app_keep_finalizers(struct app *a, const json_t *application)
{
	const json_t *list = doc_get(application, "metadata", "finalizers", NULL);
	size_t i;
	json_t *f;

	json_decref(a->finalizers);
	a->finalizers = json_array();
	json_array_foreach(list, i, f) {
		const char *s = json_string_value(f);

		if (s && !app_is_hook_finalizer(s) &&
		    strncmp(s, RESOURCES_FINALIZER, strlen(RESOURCES_FINALIZER)))
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

/* ---- whether it is going still ---- */

static void doubt(struct app *a, const char *words)
{
	a->going.again_at = world_now(a->engine->w) + AGAIN_MS;
	if (!a->going.doubted)
		engine_log(a->engine, LOG_WARN, a, "nothing of it is deleted: %s; its "
			   "watch has not told yet", words);
	a->going.doubted = true;
	if (a->op && app_op_is_of_an_end(a))
		op_terminate(a->op, words);
}

static void on_read(struct kube_request *r, const struct err *err)
{
	struct app *a = container_of(r, struct app, going.req);
	const json_t *meta = doc_get(r->json, "metadata", NULL);
	const char *uid = doc_get_str(meta, "uid", NULL);

	a->going.asked = false;
	if (a->going.failed)
		a->delete_err = ERR_INIT;
	a->going.failed = err->code && err->code != ERR_NOTFOUND;
	if (a->going.failed) {
		a->going.again_at = world_now(a->engine->w) + AGAIN_MS;
		a->delete_err = *err;
		err_wrap(&a->delete_err, "whether the Application is being deleted still "
			 "cannot be read");
		engine_log(a->engine, LOG_WARN, a, "%s", a->delete_err.msg);
	} else if (err->code) {
		doubt(a, "the Application is gone");
	} else if (!uid || !a->spec.uid || strcmp(uid, a->spec.uid)) {
		doubt(a, "the Application was made anew");
	} else if (doc_get_str(meta, "deletionTimestamp", NULL)) {
		a->going.seen = world_now(a->engine->w);
		a->going.doubted = false;
	} else {
		doubt(a, "the Application is not being deleted");
	}
	app_poke(a);
	if (a->op)
		op_on_live(a->op);
}

bool app_is_going(struct app *a)
{
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = a->spec.ns, .name = a->spec.name,
	};
	uint64_t now = world_now(a->engine->w);

	if (a->going.seen && now < a->going.seen + GOING_MS)
		return true;
	if (a->going.asked)
		return false;
	if (now < a->going.again_at) {
		app_poke_at(a, a->going.again_at);
		return false;
	}
	a->going.seen = 0;
	a->going.asked = true;
	kube_get_init(&a->going.req, &ref);
	a->going.req.parse = true;
	a->going.req.on_done = on_read;
	kube_start(a->engine->kube, &a->going.req);
	return false;
}

/* ---- hooks and objects ---- */

/* What is still to be deleted: a plan against nothing. */
static void plan_rest(struct app *a, const struct rel *nothing, struct plan *ret)
{
	struct plan_input in = {
		.release = &nothing->a, .destination_ns = a->spec.dest_ns,
		.app_id = a->app_id, .record = &a->rec,
		.live = &a->engine->live, .prune_allowed = true,
	};
	struct plan_rules rules;

	app_plan_rules(a, &rules, &in);
	in.project = projects_of(a, NULL);
	plan_build(&in, ret);
}

/* Hooks leave objects beside the inventory. */
static bool hooks_left(const struct app *a)
{
	for (size_t i = 0; i < a->rec.hooks.len; i++)
		if (*a->rec.hooks.data[i].uid &&
		    a->rec.hooks.data[i].phase != HOOK_POST_DELETE)
			return true;
	return false;
}

/* As Git has them, where it can be read: a failing one can be mended. */
static struct rel *hooks_rel(const struct app *a)
{
	return a->head && !a->head_err.code && app_head_is_current(a) ? a->head : a->target;
}

/* How many hooks of the phase have not succeeded yet. */
static size_t hooks_due(const struct app *a, enum hook_phase phase)
{
	const struct render_answer *r = hooks_rel(a) ? &hooks_rel(a)->a : NULL;
	size_t due = 0, done = 0;

	for (size_t i = 0; r && i < r->n_objects; i++)
		due += (hook_phases(&r->objects[i]) & 1u << phase) != 0;
	for (size_t i = 0; i < a->rec.hooks.len; i++)
		done += a->rec.hooks.data[i].phase == phase &&
			a->rec.hooks.data[i].state == HOOK_SUCCEEDED;
	return due > done ? due - done : 0;
}

/* They ended, and the process died before it had cleaned up after them. */
static bool hooks_open(const struct app *a, enum hook_phase phase)
{
	for (size_t i = 0; *a->rec.op.id && i < a->rec.hooks.len; i++)
		if (a->rec.hooks.data[i].phase == phase &&
		    !strcmp(a->rec.hooks.data[i].op, a->rec.op.id))
			return true;
	return false;
}

static bool run_hooks(struct app *a, enum hook_phase phase)
{
	if (!hooks_rel(a) || (!hooks_due(a, phase) && !hooks_open(a, phase)))
		return false;
	engine_log(a->engine, LOG_INFO, a, "the Application is being deleted: its "
		   "%s hooks run", hook_phase_str(phase));
	app_start_deletion(a, DELETION_HOOKS, phase, hooks_rel(a));
	return true;
}

/* A while for the release that says which hooks there are; then without. */
static bool waits_for_target(struct app *a)
{
	uint64_t now = world_now(a->engine->w);

	if (!a->rec.target || hooks_rel(a))
		return false;
	if (!a->deleting_since)
		a->deleting_since = now;
	if (now >= a->deleting_since + HOOKS_KNOWN_MS)
		return false;
	app_poke_at(a, now + AGAIN_MS);
	return true;
}

/* Delete=confirm: the rest has gone, and these wait for a person. */
static void ask(struct app *a, const struct plan *rest)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct err why = ERR_INIT;

	approval_words(rest, a->spec.name, true, &words);
	err_set(&why, ERR_LIMIT, "%s", buf_str(&words));
	if (strcmp(why.msg, a->delete_err.msg))
		engine_log(a->engine, LOG_INFO, a, "%s", why.msg);
	a->delete_err = why;
}

/* True: there was something to do, or there is something to wait for. */
static bool delete_objects(struct app *a)
{
	struct rel *nothing = rel_new();
	struct plan rest = { 0 };
	bool more;

	plan_rest(a, nothing, &rest);
	more = rest.n_prune || hooks_left(a);
	if (more && !app_waits_for_others(a)) {
		engine_log(a->engine, LOG_INFO, a, "the Application is being "
			   "deleted: its objects go first");
		a->rec.cascading = true;	/* written ahead by the operation */
		app_start_deletion(a, DELETION_OBJECTS, HOOK_PHASE_N, nothing);
	} else if (!more && rest.n_ask) {
		ask(a, &rest);
	}
	more = more || rest.n_ask;
	plan_deinit(&rest);
	rel_unref(nothing);
	return more;
}

/*
 * What it does not take along, by a policy or for its kind, is a person's now. And what
 * it did not wait for, where no operation told.
 */
static void tell_kept(struct app *a)
{
	struct rel *nothing = rel_new();
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct plan rest = { 0 };
	size_t n = 0;

	plan_rest(a, nothing, &rest);
	for (size_t i = 0; i < rest.prunes.len; i++) {
		const struct task *t = &rest.prunes.data[i];

		if (t->casenr == PLAN_RING)
			app_tell_ring(a, t);
		if (t->verb != TASK_HOLD || n++ >= KEPT_NAMED)
			continue;
		buf_adds(&words, n > 1 ? ", " : "");
		objkey_format(&t->key, &words);
		buf_addf(&words, " (%s)", t->why);
	}
	if (n > KEPT_NAMED)
		buf_addf(&words, " and %zu more", n - KEPT_NAMED);
	if (n) {
		engine_log(a->engine, LOG_WARN, a, "the Application is deleted; what stays "
			   "is to be deleted by hand: %s", buf_str(&words));
		engine_event(a->engine, a, "Warning", "ObjectsKept", "what stays is to be "
			     "deleted by hand: %s", buf_str(&words));
	}
	plan_deinit(&rest);
	rel_unref(nothing);
}

/*
 * Nothing of it runs any more, or not all: an Application of the same name that comes
 * back is put out as a release, not healed. What it is pinned to stays, and what was good.
 */
static void forget_running(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.target);

	a->rec.op.id[0] = '\0';
	if (a->rec.pin_why) {
		if (a->rec.phase == PHASE_PRUNING)
			app_set_phase(a, PHASE_PINNED);
	} else {
		if (r && r->state == RELEASE_CANDIDATE)
			r->state = RELEASE_SUPERSEDED;
		a->rec.target = a->prior_target = 0;
		app_set_phase(a, PHASE_NONE);
	}
	a->rec.cascading = false;
	a->rec_dirty = true;
}

/* True: that is to be stored before the finalizer goes. */
static bool is_forgotten_later(struct app *a)
{
	if (a->rec.cascading || a->rec.op.id[0] || (a->rec.target && !a->rec.pin_why))
		forget_running(a);
	if (a->rec_dirty)
		app_save(a);
	return a->store.running;
}

bool app_op_is_of_an_end(const struct app *a)
{
	const struct op_record *o = &a->rec.op;

	return o->id[0] && !o->asked[0] && o->initiated_by &&
	       !strcmp(o->initiated_by, APP_BY_DELETION);
}

void app_lives(struct app *a)
{
	a->rec_dirty |= record_hooks_alive(&a->rec);
	if (a->rec.cascading)
		forget_running(a);
	if (app_op_is_of_an_end(a)) {
		a->rec.op.id[0] = '\0';
		a->rec_dirty = true;
	}
}

void app_delete(struct app *a)
{
	bool cascades = a->spec.cascade != CASCADE_NONE;

	if ((!cascades && !a->spec.delete_hooks) || a->delete_body)
		return;
	if (a->retry_at > world_now(a->engine->w)) {
		app_poke_at(a, a->retry_at);
		return;
	}
	if (waits_for_target(a) || !app_is_going(a) || run_hooks(a, HOOK_PRE_DELETE))
		return;
	if (cascades && delete_objects(a))
		return;
	if (run_hooks(a, HOOK_POST_DELETE))
		return;
	if (cascades && is_forgotten_later(a))
		return;
	if (cascades)
		tell_kept(a);
	a->cascaded = cascades;
	let_go(a);
}
