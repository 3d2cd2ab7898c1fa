/*
 * What an operation deletes: one wave of prunes at a time, highest first, each
 * object read once more before its DELETE, which bears its UID. What the read shows
 * to be another's, or kept, stays; so does what is read when the operation has been
 * called off. Also here: what stands in the way of a revert.
 */
#include "op_priv.h"
#include "others.h"

#define AGAIN_MS 2000

/* ---- one object ---- */

/* A foreground deletion leaves a blocker in force until its garbage is gone. */
static const char *propagation(const struct apply *a)
{
	const struct app_spec *s = &a->op->app->spec;

	if (a->unblocking || a->leftover)
		return "Background";
	if (a->op->c.deletion)	/* the finalizer says how, as in Argo CD */
		return s->cascade == CASCADE_BACKGROUND ? "Background" : "Foreground";
	return op_propagation(a->op);
}

/* Read, or not this application's object as such. */
static bool is_certain(const struct apply *a)
{
	return a->checked || a->unblocking;
}

void op_delete_init(struct apply *a)
{
	if (a->doubled)
		op_double_init(a);
	else if (is_certain(a))
		kube_delete_init(&a->req, &a->ref, a->task.uid, propagation(a));
	else
		kube_get_init(&a->req, &a->ref);
}

enum check { CHECK_DELETE, CHECK_KEEP, CHECK_NOT_OURS };

/* As it is now: the index may be a moment old, or not know it without our label. */
static enum check check_live(const struct apply *a, const json_t *object)
{
	const struct app *app = a->op->app;
	const char *uid = doc_get_str(object, "metadata", "uid", NULL);
	_cleanup_free_ char *owner = tracking_owner(object);

	if (a->leftover)	/* the annotations are its Deployment's */
		return op_leftover_is_free(a, object) ? CHECK_DELETE : CHECK_NOT_OURS;
	if (!uid || strcmp(uid, a->task.uid))
		return CHECK_NOT_OURS;
	if (owner && strcmp(owner, app->app_id))
		return CHECK_NOT_OURS;
	if (json_array_size(doc_get(object, "metadata", "ownerReferences", NULL)) ||
	    tracking_keeps(object, app->spec.deleting ? "Delete=false" :
							"Prune=false"))
		return CHECK_KEEP;
	return CHECK_DELETE;
}

static void say_left(const struct apply *a)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	objkey_format(&a->task.key, &key);
	engine_log(a->op->e, LOG_INFO, a->op->app, "%s is not deleted: it is not this "
		   "application's any more", buf_str(&key));
}

/* It is there after all: with our label the index takes it, and a plan decides. */
static bool is_ours(const struct apply *a, const json_t *object)
{
	const char *install = doc_get_str(object, "metadata", "labels", LABEL_INSTALL,
					  NULL);

	return install && !strcmp(install, a->op->e->install_id) &&
	       check_live(a, object) != CHECK_NOT_OURS;
}

static void on_looked(struct apply *a)
{
	a->gone = !is_ours(a, a->req.json);
	if (a->gone)
		say_left(a);
	else
		live_upsert(&a->op->e->live, a->req.json, NULL);
	op_apply_done(a);
}

static void go_on(struct apply *a)
{
	a->doubled = !a->leftover && op_double_wanted(a);
	a->checked = !a->doubled;
	op_apply_send(a);
}

static void on_checked(struct apply *a)
{
	struct live_index *live = &a->op->e->live;
	enum check check = check_live(a, a->req.json);
	bool known = live_find(live, &a->task.key);

	if (check == CHECK_DELETE) {	/* unless that was called off: it stays, and is known */
		go_on(a);
		return;
	}
	if (check == CHECK_NOT_OURS)
		say_left(a);
	/* The index has it now, and the next plan keeps it; else it is forgotten. */
	if (known)
		live_upsert(live, a->req.json, NULL);
	a->gone = check == CHECK_NOT_OURS || !known;
	op_apply_done(a);
}

static void on_deleted(struct apply *a)
{
	struct op *op = a->op;
	const char *kind = doc_get_str(a->req.json, "kind", NULL);
	const struct live *l = live_find(&op->e->live, &a->task.key);

	op->mutated = true;
	/* A Status: gone. The object itself: finalizers are pending. */
	a->gone = !kind || !strcmp(kind, "Status");
	if (a->unblocking)
		op->unblocked_at = world_now(op->e->w);
	/* Known as being deleted from now on; not when it went already. */
	if (!a->gone && l && !strcmp(l->uid, a->task.uid))
		live_upsert(&op->e->live, a->req.json, NULL);
	op_result(op, &a->task.key, a->task.version, "Pruned", "pruned");
	op_apply_done(a);
}

void op_on_delete(struct apply *a, const struct err *err)
{
	if (a->doubled) {
		if (op_double_answer(a, err))
			go_on(a);
		return;
	}
	if (!err->code && is_certain(a)) {
		on_deleted(a);
		return;
	}
	if (!err->code && a->task.look) {
		on_looked(a);
		return;
	}
	if (!err->code) {
		on_checked(a);
		return;
	}
	if (err->code != ERR_NOTFOUND && err->code != ERR_CONFLICT) {
		op_apply_fail(a, op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE, err);
		return;
	}
	a->gone = true;	/* 409: another object bears the name; not ours */
	op_apply_done(a);
}

/* ---- a wave ---- */

static bool is_argo(const struct task *t, const char *kind)
{
	return !strcmp(t->key.group, "argoproj.io") && !strcmp(t->key.kind, kind);
}

/* Applications that go with it may have an end of their own, inside of its fence. */
static bool is_fence_in_use(const struct op *op, const struct task *t)
{
	if (!is_argo(t, "AppProject"))
		return false;
	for (size_t i = 0; i < op->plan.prunes.len; i++)
		if (op->plan.prunes.data[i].verb == TASK_PRUNE &&
		    is_argo(&op->plan.prunes.data[i], "Application"))
			return true;
	return false;
}

static void start_wave(struct op *op)
{
	struct apply *batch = op_batch_make(op, op->plan.prunes.len);
	bool any = false;
	size_t n = 0;
	int wave = 0;

	for (size_t i = 0; i < op->plan.prunes.len; i++) {
		const struct task *t = &op->plan.prunes.data[i];
		const struct live *l;

		if (t->verb != TASK_PRUNE || is_fence_in_use(op, t))
			continue;
		if (any && t->wave != wave)
			break;	/* the next wave when this one is gone */
		any = true;
		wave = t->wave;
		l = live_find(&op->e->live, &t->key);
		if (l && l->deleting)
			continue;	/* asked for already: its end is news */
		if (!*t->uid || !apply_resolve(op, t, &batch[n]))
			continue;
		batch[n++].deleting = true;
	}
	if (n)
		op_batch_start(op, n);
	else
		op_batch_free(op);
}

/* What a finished batch deleted leaves the inventory. False: no news of the rest. */
static bool drop_pruned(struct op *op)
{
	bool news = true;

	for (size_t i = 0; i < op->n_batch; i++) {
		const struct apply *a = &op->batch[i];

		if (a->gone)
			record_inv_drop(&op->app->rec, &a->task.key);
		else if (a->left || (a->checked && !live_find(&op->e->live, &a->task.key)))
			news = false;	/* no watch tells of its end */
	}
	op_batch_free(op);
	return news;
}

static void forget_foreign(struct op *op)
{
	size_t n = 0;

	/* Each key is borrowed from the very entry that goes, and from no other. */
	for (size_t i = 0; i < op->plan.prunes.len; i++) {
		const struct task *t = &op->plan.prunes.data[i];

		if (t->verb != TASK_FORGET)
			continue;
		if (t->casenr == PLAN_RING)
			app_tell_ring(op->app, t);
		record_inv_drop(&op->app->rec, &t->key);
		n++;
	}
	if (n)
		op_plan(op);
}

/*
 * A revert, and a rollback that was not asked to prune, deletes only what the
 * releases after the last good one created and that never were good themselves:
 * operation ids begin with their release's number.
 */
static bool is_of_failed(struct op *op, const struct inv_entry *v)
{
	uint32_t id = v ? op_id_release(v->op) : 0;
	const struct release *by = record_release(&op->app->rec, id);

	return v && !v->adopted && id > op->c.release && by &&
	       by->state != RELEASE_GOOD;
}

/* What the object says for itself beats what its Application says. */
static bool goes_early(const struct op *op, const struct task *t)
{
	return t->flags & OBJ_PRUNE_BEFORE ||
	       (op_options(op) & OPT_PRUNE_BEFORE && !(t->flags & OBJ_PRUNE_LAST));
}

static void restrict_prunes(struct op *op)
{
	struct record *rec = &op->app->rec;

	if (!op->pruning_early && op->c.kind != OP_REVERT &&
	    (op->c.kind != OP_ROLLBACK || rec->op.prune))
		return;
	for (size_t i = 0; i < op->plan.prunes.len; i++) {
		struct task *t = &op->plan.prunes.data[i];

		if (t->verb != TASK_PRUNE)
			continue;
		if (op->pruning_early ? goes_early(op, t) :
					is_of_failed(op, record_inv(rec, &t->key)))
			continue;
		t->verb = TASK_HOLD;
		op->plan.n_prune--;
	}
}

static const struct task *first_prune(const struct op *op)
{
	for (size_t i = 0; i < op->plan.prunes.len; i++)
		if (op->plan.prunes.data[i].verb == TASK_PRUNE)
			return &op->plan.prunes.data[i];
	return NULL;
}

static void fail_late(struct op *op)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct err late = ERR_INIT;

	objkey_format(&first_prune(op)->key, &key);
	if (op->c.deletion && op->app->going.failed)
		late = op->app->delete_err;	/* nothing was asked to go */
	else
		err_set(&late, ERR_TIMEOUT, "%s is being deleted, but its finalizers "
			"are not done", buf_str(&key));
	op_fail(op, OP_TROUBLE, &late);
}

bool op_prune_tick(struct op *op)
{
	uint64_t now = world_now(op->e->w);

	if (op->n_left)
		return false;
	if (!drop_pruned(op))
		op->prune_again = now + AGAIN_MS;
	if (op->outcome != OP_RUNNING)
		return true;
	op_plan(op);
	forget_foreign(op);
	restrict_prunes(op);
	if (!op->plan.n_prune)
		return true;
	if (!op->deadline)
		op->deadline = now + op->app->spec.wave_deadline_ms;
	if (now >= op->deadline) {
		fail_late(op);
		return true;
	}
	if (op->c.deletion && !app_is_going(op->app)) {
		world_timer_start(op->e->w, &op->timer, AGAIN_MS);
		return false;
	}
	if (now >= op->prune_again)
		start_wave(op);
	if (!op->n_left)	/* all are being deleted: their news will poke us */
		world_timer_start(op->e->w, &op->timer, AGAIN_MS);
	return false;
}

/* ---- before the first apply: PruneLast=false, syncd.dev/prune: before ---- */

bool op_may_prune(const struct op *op)
{
	return op->c.prune_only || op->c.kind == OP_REVERT ||
	       op->c.kind == OP_ROLLBACK || op->app->rec.op.prune ||
	       op->pruning_early;
}

bool op_prunes_early(const struct op *op)
{
	if (op->c.kind != OP_SYNC || op->c.prune_only || op_is_partial(op) ||
	    !app_may_prune(op->app))
		return false;
	for (size_t i = 0; i < op->plan.prunes.len; i++)
		if (op->plan.prunes.data[i].verb != TASK_FORGET &&
		    goes_early(op, &op->plan.prunes.data[i]))
			return true;
	return false;
}

bool op_prune_early(struct op *op)
{
	if (!op_prunes_early(op))
		return false;
	op->pruning_early = true;
	op_plan(op);
	restrict_prunes(op);
	op->pruning_early = op->plan.n_prune > 0;
	op_plan(op);
	return op->pruning_early;
}

/* ---- what stands in the way of a revert ---- */

/* What asks a webhook that may not be there to convert each object. */
static size_t add_conversions(struct op *op, struct apply *batch, size_t n)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (!op_crd_wants_look(op, t) || !apply_resolve(op, t, &batch[n]))
			continue;
		batch[n].crd = CRD_READ;
		batch[n++].unblocking = true;
	}
	return n;
}

static bool start_unblocking(struct op *op, enum blocker stage)
{
	struct apply *batch = op_batch_make(op, op->plan.tasks.len +
					    op->plan.prunes.len);
	const struct task *t;
	size_t n = 0, pos = 0;

	while ((t = unblock_next(&op->plan, stage, &pos))) {
		bool remove = t->verb == TASK_PRUNE;

		if ((remove && !*t->uid) || !apply_resolve(op, t, &batch[n]))
			continue;
		batch[n].deleting = remove;
		batch[n++].unblocking = true;
	}
	if (stage == BLOCKS_REQUESTS)
		n = add_conversions(op, batch, n);
	if (n)
		op_batch_start(op, n);
	else
		op_batch_free(op);
	return n;
}

bool op_unblock_tick(struct op *op)
{
	if (op->n_left)
		return false;
	drop_pruned(op);
	while (++op->unblock_stage < BLOCKER_N) {
		op_plan(op);
		restrict_prunes(op);
		if (start_unblocking(op, op->unblock_stage))
			return false;
	}
	op_plan(op);
	return true;
}
