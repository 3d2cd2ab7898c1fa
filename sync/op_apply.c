/*
 * One object of a batch (op_batch.c): what is sent for it, and what its answer says. A
 * failure is remembered and told when the batch is over: a write in flight cannot be
 * called back.
 */
#include "op_priv.h"

#include "ignore.h"
#include "app_priv.h"
#include "others.h"
#include "sync/stamp.h"

#define AFTER_UNBLOCK_MS 10000
#define AFTER_UNBLOCK_STEP_MS 500
#define FORBIDDEN_MS 15000
#define FORBIDDEN_STEP_MS 2000

void op_apply_done(struct apply *a)
{
	struct op *op = a->op;

	free(a->body);
	a->body = NULL;
	op_keep_free(a);
	if (--op->n_left == 0)
		op_poke(op);
}

void op_apply_leave(struct apply *a)
{
	a->op->cut = true;
	if (a->leftover)
		op_leftover_left(a);
	op_apply_done(a);
}

/* Remembers the first failure; refusals beat troubles. */
static void note_failure(struct apply *a, enum op_outcome outcome,
			 const struct err *err)
{
	struct op *op = a->op;
	_cleanup_buf_ struct buf key = BUF_INIT;
	const struct rendered *r = a->task.object == SIZE_MAX ? NULL :
				   &op->c.answer->objects[a->task.object];
	const char *phase = a->hook ? hook_phase_str(a->hook->phase) : "";
	struct err told;

	op_safe_error(&a->task.key, &a->req, err, &told);
	err = &told;
	if (a->hook)
		op_hook_result(op, &a->task.key, a->task.version, phase, "SyncFailed",
			       "Failed", err->msg);
	else if (!a->leftover)
		op_result(op, &a->task.key, a->task.version, "SyncFailed", err->msg);
	objkey_format(&a->task.key, &key);
	if (a->unblocking || a->leftover) {	/* in nobody's way after all */
		engine_log(op->e, LOG_WARN, op->app, "%s %s and cannot be %s: %s",
			   buf_str(&key), a->leftover ? "should go" :
			   "may stand in the way of the revert",
			   a->deleting ? "removed" : "restored", err->msg);
		return;
	}
	app_fault(op->app, r);
	if (op->err.code && !(op->outcome == OP_TROUBLE && outcome == OP_REFUSED))
		return;
	op->outcome = outcome;
	op->err = *err;
	op->unanswered = !a->req.status;
	if (r && *r->source)
		err_wrap(&op->err, "%s%s%s (%s)", phase, *phase ? " hook " : "",
			 buf_str(&key), r->source);
	else
		err_wrap(&op->err, "%s", buf_str(&key));
	op->may_pass = op->may_pass || strstr(err->msg, "exceeded quota") ||
		       op_lacks_rights(&a->req, err);
}

bool op_is_terminal(const struct err *err)
{
	if (err->retry)
		return false;
	return err->code == ERR_INVALID || err->code == ERR_AUTH ||
	       err->code == ERR_LIMIT || err->code == ERR_INTERNAL;
}

enum op_outcome op_lacking(struct op *op)
{
	op->may_pass = true;
	return op->app->rec.last_good && op->app->rec.last_good != op->c.release ?
	       OP_REFUSED : OP_TROUBLE;
}

/* ---- answers ---- */

/* A heal of what is watched in another version than it is written in may change nothing. */
static bool changed_nothing(const struct apply *a)
{
	const char *version = doc_get_str(a->req.json, "metadata", "resourceVersion", NULL);

	return a->op->c.kind == OP_HEAL && a->over && version &&
	       a->over == strtoull(version, NULL, 10);
}

static void take_answer(struct apply *a)
{
	struct op *op = a->op;
	struct inv_entry *inv = record_inv(&op->app->rec, &a->task.key);
	const struct rendered *r = &op->c.answer->objects[a->task.object];
	struct fact *f = op_fact(op, &a->task.key, true);
	const char *uid = doc_get_str(a->req.json, "metadata", "uid", NULL);
	bool idle = changed_nothing(a);

	op->mutated = true;
	f->changed = f->applied = true;
	if (a->unblocking)
		op->unblocked_at = world_now(op->e->w);
	op->e->counts.applies++;
	hist_add(&op->e->counts.apply_took, world_now(op->e->w) - a->first_try);
	kinds_answer(op->e, &a->task.key, a->req.json);
	if (inv && uid && strlen(uid) < sizeof(inv->uid)) {
		strcpy(inv->uid, uid);
		/* As we left it: the index may know what somebody did since. */
		live_fingerprint(&op->e->live, a->req.json, inv->fingerprint);
		inv->shape[0] = '\0';
		memcpy(inv->digest, r->digest, sizeof(inv->digest));
		inv->changed = inv->changed || !idle;
		inv->blamed = inv->blamed || op->c.kind == OP_SYNC;
		inv->adopted = inv->adopted || *f->adopt_uid || a->task.adopt;
		inv->wave = a->task.wave;
		inv->flags = a->task.flags;
		free(inv->version);
		inv->version = xstrdup(a->task.version);
	}
	op_result(op, &a->task.key, a->task.version, "Synced", op_replace_words(a));
}

static bool retry_after_crd(struct apply *a)
{
	struct world *w = a->op->e->w;

	if (!a->op->crds_ever || world_now(w) > a->first_try + AFTER_CRD_MS)
		return false;
	world_timer_start(w, &a->again, AFTER_CRD_STEP_MS);
	return true;
}

bool op_apply_after_unblock(struct apply *a, const struct err *err)
{
	struct op *op = a->op;
	struct world *w = op->e->w;

	if (!op->unblocked_at || a->unblocking || err->code == ERR_CANCELLED ||
	    a->req.status == 404 ||
	    world_now(w) > op->unblocked_at + AFTER_UNBLOCK_MS)
		return false;
	world_timer_start(w, &a->again, AFTER_UNBLOCK_STEP_MS);
	return true;
}

bool op_apply_when_allowed(struct apply *a, const struct err *err)
{
	struct op *op = a->op;
	struct world *w = op->e->w;

	if (a->unblocking || !op_lacks_rights(&a->req, err) ||
	    op_cancel_if_superseded(op) || world_now(w) > a->first_try + FORBIDDEN_MS)
		return false;
	world_timer_start(w, &a->again, FORBIDDEN_STEP_MS);
	return true;
}

void op_apply_fail(struct apply *a, enum op_outcome outcome, const struct err *err)
{
	note_failure(a, outcome, err);
	op_apply_done(a);
}

/* Asked dry whether it drifted in what counts: if so, in earnest. */
static void on_verified(struct apply *a)
{
	if (op_keep_verified(a)) {
		op_apply_done(a);
		return;
	}
	a->verifying = false;
	op_apply_send(a);
}

static void on_apply(struct apply *a, const struct err *err)
{
	struct err told = *err;
	struct fact *f;

	if (!err->code && a->verifying) {
		on_verified(a);
		return;
	}
	if (!err->code && op_replace_hands_over(a))
		return;
	if (!err->code) {
		bool takes = op_takeover_wanted(a);

		take_answer(a);
		if (takes && op_takeover(a, a->req.json))
			return;
	} else if ((a->req.status == 404 && retry_after_crd(a)) ||
		   op_apply_after_unblock(a, err) || op_apply_when_allowed(a, err) ||
		   op_replace_begin(a, err, &told)) {
		return;
	} else if (err->code == ERR_CONFLICT && a->task.adopt && !a->looking) {
		/* It went or was replaced between the look and the apply. */
		f = op_fact(a->op, &a->task.key, true);
		*f->adopt_uid = '\0';
		f->absent = false;
		note_failure(a, OP_TROUBLE, err);
	} else {
		note_failure(a, op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE, &told);
	}
	op_apply_done(a);
}

/* Without our label it is another controller's, whose Application may be elsewhere. */
static bool is_held(const struct apply *a, const char *owner)
{
	struct app *app = a->op->app;
	const char *install = doc_get_str(a->req.json, "metadata", "labels",
					  LABEL_INSTALL, NULL);

	if (!strcmp(owner, app->app_id) || op_options(a->op) & OPT_SHARED_ALLOWED)
		return false;
	return !install || strcmp(install, a->op->e->install_id) ||
	       app_tenure(app, owner, &a->task.key) == TENURE_HELD;
}

static void note_shared(const struct apply *a, const char *owner)
{
	struct app *app = a->op->app;
	_cleanup_buf_ struct buf key = BUF_INIT;

	objkey_format(&a->task.key, &key);
	free(app->shared);
	app->shared = xasprintf("%s is part of applications %s and %s",
				buf_str(&key), app->app_id, owner);
}

static void on_look(struct apply *a, const struct err *err)
{
	struct op *op = a->op;
	struct fact *f = op_fact(op, &a->task.key, true);
	struct err shared = ERR_INIT;
	_cleanup_free_ char *owner = NULL;

	if (err->code == ERR_UNSERVED && retry_after_crd(a))
		return;
	a->looking = false;
	if (err->code == ERR_NOTFOUND) {
		f->absent = true;
		op_keep_take(a, NULL);
	} else if (err->code) {
		note_failure(a, op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE, err);
		op_apply_done(a);
		return;
	} else {
		const char *uid = doc_get_str(a->req.json, "metadata", "uid", NULL);

		owner = tracking_owner(a->req.json);
		if (owner && is_held(a, owner)) {
			op_say_shared(op, "", owner, &shared);
			note_shared(a, owner);
			op_apply_fail(a, OP_REFUSED, &shared);
			return;
		}
		if (a->task.look)
			snprintf(f->adopt_uid, sizeof(f->adopt_uid), "%s",
				 uid ? uid : "");
		op_keep_take(a, a->req.json);
	}
	if (a->last_look)
		op_apply_done(a);
	else
		op_apply_send(a);
}

void op_on_answer(struct kube_request *r, const struct err *err)
{
	struct apply *a = container_of(r, struct apply, req);

	if (a->fields == FIELDS_READING || a->fields == FIELDS_WRITING)
		op_on_takeover(a, err);
	else if (a->deleting)
		op_on_delete(a, err);
	else if (op_replace_runs(a))
		op_replace_answer(a, err);
	else if (a->crd == CRD_READ || a->crd == CRD_ASK)
		op_crd_answer(a, err);
	else if (a->looking)
		on_look(a, err);
	else if (a->keeping > KEEP_READING && a->keeping < KEEP_DONE) {
		if (op_keep_answer(a, err))
			op_apply_send(a);
	}
	else if (a->dry_run)
		op_on_dry_run(a, err);
	else
		on_apply(a, err);
}

static void on_again(struct world_timer *t)
{
	op_apply_send(container_of(t, struct apply, again));
}

/* ---- sending ---- */

int op_body(const struct apply *a, char **ret, size_t *ret_len, struct err *err)
{
	const struct app *app = a->op->app;

	if (bodies_get(&app->engine->bodies, a->op->c.answer, a->task.object, ret,
		       ret_len, err))
		return -1;
	return app_draw_body(app, a->op->c.answer, a->op->dest_ns, a->task.object, ret,
			     ret_len, err);
}

/* Without what stays as it is in the cluster. */
static int cut_body(const struct apply *a, struct buf *out, struct err *err)
{
	_cleanup_free_ char *body = NULL;
	size_t len;

	if (op_body(a, &body, &len, err))
		return -1;
	if (a->keep)
		return ignore_cut_body(body, len, a->keep, out, err);
	buf_add(out, body, len);
	return 0;
}

static int make_body(struct apply *a, struct err *err)
{
	struct op *op = a->op;
	const struct inv_entry *inv = record_inv(&op->app->rec, &a->task.key);
	const struct fact *f = op_fact(op, &a->task.key, false);
	_cleanup_buf_ struct buf body = BUF_INIT, out = BUF_INIT;
	const char *uid = a->task.adopt ? a->task.uid : NULL;

	if (f && *f->adopt_uid)
		uid = f->adopt_uid;
	if (cut_body(a, &body, err))
		return -1;
	op_replace_carry(a, &body);
	if (body_stamp(body.data, body.len, uid, inv ? inv->op : op->app->rec.op.id,
		       &out, err))
		return -1;
	free(a->body);
	a->body = buf_steal(&out, NULL);
	return 0;
}

/* What it takes from a Secret of the cluster is not there now. */
static bool lacks_value(const struct apply *a)
{
	size_t i = a->task.object;
	const char *draws = i == SIZE_MAX ? NULL : a->op->c.answer->objects[i].draws;

	return a->broken.retry && draws && *draws;
}

static void fail_soon(struct world_timer *t)
{
	struct apply *a = container_of(t, struct apply, again);

	op_apply_fail(a, lacks_value(a) ? OP_TROUBLE : OP_REFUSED, &a->broken);
}

/* A revert does not wait for a value: the object stays as it is. */
static void leave_soon(struct world_timer *t)
{
	struct apply *a = container_of(t, struct apply, again);
	struct op *op = a->op;

	engine_log(op->e, LOG_WARN, op->app, "left as it is: %s", a->broken.msg);
	op_result(op, &a->task.key, a->task.version, "SyncFailed", a->broken.msg);
	op_apply_done(a);
}

static bool wants_look(struct apply *a)
{
	const struct fact *f = op_fact(a->op, &a->task.key, false);

	if (!a->dry_run && a->task.look && !(f && (f->absent || *f->adopt_uid)))
		return true;
	return op_keep_wants_look(a);
}

/* Fills the request that its state asks for; -1: what is to be sent is broken. */
static int fill(struct apply *a)
{
	bool asks = a->crd == CRD_ASK, dry = a->dry_run || a->verifying || asks;

	if (a->deleting) {
		op_delete_init(a);
	} else if (a->hook) {
		return op_preflight_hook(a);
	} else if (op_replace_runs(a)) {
		return op_replace_send(a, &a->broken);
	} else if (a->crd == CRD_READ) {
		kube_get_init(&a->req, &a->ref);
	} else if (!asks && (a->looking || wants_look(a))) {
		a->looking = true;
		kube_get_init(&a->req, &a->ref);
	} else if (!asks && op_keep_send(a)) {
		return 0;
	} else if (make_body(a, &a->broken)) {
		return -1;
	} else {
		const struct live *l = live_find(&a->op->e->live, &a->task.key);

		a->over = l ? l->version : 0;
		kube_apply_init(&a->req, &a->ref, FIELD_MANAGER,
				APPLY_FORCE | (dry ? APPLY_DRY_RUN : 0), a->body,
				strlen(a->body));
	}
	return 0;
}

/* Its body would be refused, at whatever version it is sent to. */
static bool lacks_version(struct apply *a)
{
	const struct task *t = &a->task;

	if (a->deleting || !op_lost_version(a->op, t))
		return false;
	err_set(&a->broken, ERR_INVALID, "%s/%s of kind %s is no longer served, and a revert "
		"puts no CRD back: serve that version again, or push a commit that uses one "
		"that is", t->key.group, t->version, t->key.kind);
	return true;
}

static int check(const struct apply *a, struct err *err)
{
	struct app *app = a->op->app;

	if (a->leftover)
		return 0;	/* asked of its Deployment */
	return a->deleting ? app_check_delete(app, &a->task.key, err) :
			     app_check_write(app, &a->task.key, err);
}

/* It came to be excluded since the plan: the next one passes over it. */
static void leave_be(struct world_timer *t)
{
	struct apply *a = container_of(t, struct apply, again);

	a->left = true;
	op_apply_done(a);
}

static void leave_unsent(struct world_timer *t)
{
	op_apply_leave(container_of(t, struct apply, again));
}

static bool is_excluded(const struct apply *a)
{
	return a->deleting && !a->leftover && !a->unblocking && !a->task.look &&
	       !app_may_delete(a->op->app, &a->task.key);
}

void op_apply_send(struct apply *a)
{
	struct op *op = a->op;

	if (!a->first_try)
		a->first_try = world_now(op->e->w);
	a->again.fn = on_again;
	if (op_leaves(a) || is_excluded(a)) {
		a->again.fn = op_leaves(a) ? leave_unsent : leave_be;
		world_timer_start(op->e->w, &a->again, 0);
		return;
	}
	if (check(a, &a->broken) || lacks_version(a) || fill(a)) {
		a->again.fn = op->c.kind == OP_REVERT && lacks_value(a) ? leave_soon :
									  fail_soon;
		world_timer_start(op->e->w, &a->again, 0);
		return;
	}
	a->req.parse = true;
	a->req.on_done = op_on_answer;
	op_send(op, &a->req);
}
