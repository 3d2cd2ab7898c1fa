/*
 * The preflight: everything that an operation would apply is asked dry, side by side,
 * before anything is changed; so is each hook of the release that may run in it. A
 * terminal refusal ends the operation there. What an earlier task or hook may mend is
 * let pass and asked in earnest when its turn comes, and so is what needs a kind or a
 * namespace that this very release brings.
 */
#include "op_hook_priv.h"

#include "sync/stamp.h"

/* ---- what an earlier hook, or task, may change ---- */

/* Applied before that hook runs? */
static bool comes_before(const struct op *op, const struct task *t,
			 const struct hook_task *h)
{
	if (h->phase == HOOK_PRE_SYNC)
		return op->plan.early && t->wave == op->plan.early_wave;
	return h->phase != HOOK_SYNC || t->wave <= h->wave;
}

static bool may_help_hook(const struct op *op, const struct hook_task *h)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->verb == TASK_APPLY && op_shapes_admission(&t->key) &&
		    comes_before(op, t, h))
			return true;
	}
	for (const struct hook_call *c = op->hooks->calls; &c->task != h; c++)
		if (op_shapes_admission(&c->task.key))
			return true;
	return false;
}

static bool may_help(const struct apply *a)
{
	return a->hook ? may_help_hook(a->op, a->hook) :
			 op_earlier_may_help(a->op, &a->task.key);
}

/* ---- answers ---- */

/* The namespace is not there and nothing of ours will make it. */
static bool lacks_namespace(const struct apply *a, const struct err *err)
{
	const struct op *op = a->op;
	bool made = op_options(op) & OPT_CREATE_NAMESPACE &&
		    !strcmp(a->task.key.ns, op->dest_ns);

	return err->code == ERR_NOTFOUND && *a->task.key.ns && !made &&
	       op->c.kind != OP_REVERT && strstr(err->msg, "namespaces \"") &&
	       !may_help(a);
}

static void fail_namespace(struct apply *a)
{
	struct err err = ERR_INIT;
	bool ours = !strcmp(a->task.key.ns, a->op->dest_ns);

	err_set(&err, ERR_NOTFOUND, "there is no namespace \"%s\": create it, %s",
		a->task.key.ns, ours ?
		"or set syncOption CreateNamespace=true" :
		"or add it to the application");
	op_apply_fail(a, op_lacking(a->op), &err);
}

static bool is_refusal(const struct apply *a, const struct err *err)
{
	return op_is_terminal(err) && !strstr(err->msg, "does not support dry run") &&
	       !op_prunes_early(a->op) && !may_help(a);
}

/* told: what people shall read of a refusal. */
static void failed(struct apply *a, const struct err *err, const struct err *told)
{
	if (!may_help(a) && op_apply_when_allowed(a, err))
		return;
	if (is_refusal(a, err))
		op_apply_fail(a, OP_REFUSED, told);
	else if (lacks_namespace(a, err))
		fail_namespace(a);
	else if (err->retry && a->req.status != 404)
		op_apply_fail(a, OP_TROUBLE, err);
	else
		op_apply_done(a);
}

static void passed(struct apply *a)
{
	struct fact *f = op_fact(a->op, &a->task.key, true);
	/* The dry run of a create answers without a resourceVersion. */
	const char *version = doc_get_str(a->req.json, "metadata", "resourceVersion", NULL);

	f->absent = !version || !*version;
	if (a->verifying)
		op_keep_verified(a);
	if (a->task.look && !f->absent && !*f->adopt_uid) {
		a->looking = a->last_look = true;
		op_apply_send(a);
	} else {
		op_apply_done(a);
	}
}

/* One that is there; it may be gone when the answer comes. */
static bool has_earlier_run(const struct apply *a)
{
	const struct live *l = live_find(&a->op->e->live, &a->task.key);

	return l && !strcmp(l->app_id, a->op->app->app_id);
}

/* Its earlier run is deleted before it is made, by its policy. */
static bool is_made_anew(const struct apply *a)
{
	return a->task.flags & OBJ_HOOK_BEFORE && a->had_run;
}

/*
 * What stands in the way of a change may be the earlier run's: then it is asked under a
 * name that is free, and what that says counts. People read the refusal of the name
 * that they know, unless it is of the earlier run alone.
 */
static void on_hook_refused(struct apply *a, const struct err *err)
{
	char field[128];

	if (!a->anew && op_is_terminal(err) && is_made_anew(a)) {
		a->anew = true;
		if (!replace_is_refusal(a->req.status, a->req.json, a->task.key.name, field))
			a->refused = *err;
		op_apply_send(a);
		return;
	}
	failed(a, err, a->refused.code ? &a->refused : err);
}

void op_on_dry_run(struct apply *a, const struct err *err)
{
	struct err told = *err;

	if (!err->code && a->hook)
		op_apply_done(a);
	else if (!err->code)
		passed(a);
	else if (op_apply_after_unblock(a, err))
		return;
	else if (a->hook)
		on_hook_refused(a, err);
	else if (!op_replace_begin(a, err, &told))
		failed(a, err, &told);
}

/* ---- asking ---- */

int op_preflight_hook(struct apply *a)
{
	struct op *op = a->op;
	struct kube_ref ref = a->ref;
	_cleanup_free_ char *body = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	char name[64];
	size_t len;

	a->had_run = a->had_run || has_earlier_run(a);
	if (a->anew) {
		replace_temp_name(a->task.key.name, name);
		ref.name = name;
	}
	if (bodies_get(&op->e->bodies, op->c.answer, a->task.object, &body, &len,
		       &a->broken) ||
	    body_stamp_hook(body, len, a->anew || *a->hook->base ? ref.name : NULL,
			    op->app->rec.op.id, &out, &a->broken))
		return -1;
	free(a->body);
	a->body = buf_steal(&out, NULL);
	kube_apply_init(&a->req, &ref, FIELD_MANAGER, APPLY_FORCE | APPLY_DRY_RUN,
			a->body, strlen(a->body));
	return 0;
}

static bool is_of_sync(enum hook_phase phase)
{
	return phase == HOOK_PRE_SYNC || phase == HOOK_SYNC || phase == HOOK_POST_SYNC ||
	       phase == HOOK_SYNC_FAIL;
}

/* Made already, by an earlier life or try of this operation. */
static bool has_run(const struct hook_call *c)
{
	const struct hook_run *row = hook_call_row(c);

	return row && row->state != HOOK_PLANNED && !strcmp(row->op, c->op->app->rec.op.id);
}

/* An object that is a hook of several phases is asked once, as it is made first. */
static bool is_asked_before(const struct op_hooks *h, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (h->calls[j].task.object == h->calls[i].task.object)
			return true;
	return false;
}

static size_t ask_hooks(struct op *op, struct apply *batch)
{
	const struct op_hooks *h = op->hooks;
	size_t n = 0;

	for (size_t i = 0; i < h->n_calls; i++) {
		const struct hook_call *c = &h->calls[i];
		const struct hook_task *t = &c->task;
		struct task as = {
			.verb = TASK_APPLY, .object = t->object, .key = t->key,
			.version = c->version, .wave = t->wave, .rank = t->rank,
			.flags = op->c.answer->objects[t->object].flags,
		};

		if (!is_of_sync(t->phase) || has_run(c) || is_asked_before(h, i) ||
		    !apply_resolve(op, &as, &batch[n]))
			continue;
		batch[n].hook = t;
		batch[n++].dry_run = true;
	}
	return n;
}

static size_t ask_tasks(struct op *op, struct apply *batch)
{
	size_t n = 0;

	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		/* A kind of this release's own CRD is asked in its wave. */
		if (t->verb != TASK_APPLY || !apply_resolve(op, t, &batch[n]))
			continue;
		batch[n++].dry_run = true;
	}
	return n;
}

void op_preflight_start(struct op *op)
{
	bool hooks = op_hooks_asked(op);
	struct apply *batch;
	size_t n;

	if (hooks)
		op_hooks_build(op, HOOK_PRE_SYNC);
	batch = op_batch_make(op, op->plan.n_apply + (hooks ? op->hooks->n_calls : 0));
	n = ask_tasks(op, batch);
	if (hooks)
		n += ask_hooks(op, batch + n);
	if (n)
		op_batch_start(op, n);
	else
		op_batch_free(op);
}

const struct task *op_hooks_unserved(struct op *op)
{
	const struct render_answer *a = op->c.answer;

	for (size_t i = 0; op_hooks_asked(op) && i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];
		unsigned phases = hook_phases(o);

		if (op->scopes[i].served || o->flags & OBJ_SKIP_DRY_RUN ||
		    !(phases & (1u << HOOK_PRE_SYNC | 1u << HOOK_SYNC |
				1u << HOOK_POST_SYNC | 1u << HOOK_SYNC_FAIL)))
			continue;
		op->lost_hook = (struct task){
			.object = i, .version = o->version,
			.key = rendered_key(o, &op->scopes[i], op->dest_ns),
		};
		return &op->lost_hook;
	}
	return NULL;
}
