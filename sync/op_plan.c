/*
 * What an operation has to do next: the plan, its steps, its prunes. The plan is
 * built from the record and the live index at each step; nothing here waits.
 */
#include "op_priv.h"
#include "others.h"
#include "select.h"

#include <stdio.h>

void op_plan(struct op *op)
{
	struct app *a = op->app;
	struct plan_input in = {
		.release = op->c.answer, .destination_ns = op->dest_ns,
		.app_id = a->app_id, .record = &a->rec, .live = &op->e->live,
		.prune_allowed = op_may_prune(op),
		.crds_untouched = op->c.crds_untouched,
	};
	struct plan_rules rules;

	app_plan_rules(a, &rules, &in);
	rules.policy.unlimited |= op->c.kind == OP_REVERT ||
				 (op->c.kind == OP_ROLLBACK && !a->rec.op.prune);
	in.shared_allowed = op_options(op) & OPT_SHARED_ALLOWED;
	in.project = projects_of(a, NULL);
	free(op->scopes);
	plan_deinit(&op->plan);
	op->scopes = scopes_resolve(op->e->discovery, op->c.answer);
	in.scopes = op->scopes;
	plan_build(&in, &op->plan);
	select_plan(&a->rec.op, &op->plan);
	op->next_task = 0;
}

/*
 * What was degraded before the first mutation. Kept in the record: a candidate on
 * top of one that failed, or of another life, is judged by the same baseline as the
 * first after the last good release.
 */
void op_take_baseline(struct op *op)
{
	struct record *rec = &op->app->rec;

	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];
		const struct live *l = live_find(&op->e->live, &t->key);
		struct fact *f = op_fact(op, &t->key, true);
		struct inv_entry *v = record_inv(rec, &t->key);

		/* What an earlier try of this operation did counts as its own. */
		f->changed = v && v->changed;
		op->mutated = op->mutated || f->changed;
		if (op->c.calm)
			f->sick = l && l->health.status == HEALTH_DEGRADED;
		else if (v)
			f->sick = v->sick;
		if (v)
			v->sick = f->sick;
	}
}

static bool step_changes(const struct op *op, size_t from)
{
	const struct task *first = &op->plan.tasks.data[from];

	for (size_t i = from; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->wave != first->wave || t->step != first->step)
			break;
		if (t->verb == TASK_APPLY)
			return true;
	}
	return false;
}

/* A wave that has Sync hooks before the plan's next one, or none but hooks. */
static bool next_is_hooks(struct op *op, const struct task *t)
{
	int wave;

	if (!op_hooks_next_wave(op, &wave) || (t && t->wave <= wave))
		return false;
	op->cas_needed = false;
	op->wave = wave;
	op->step = 0;
	op->started = true;
	return true;
}

/* First step of the plan that lies after the one that is finished. */
bool op_next_step(struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (op->started && (t->wave < op->wave ||
		    (t->wave == op->wave && t->step <= op->step)))
			continue;
		op->next_task = i;
		if (next_is_hooks(op, t))
			return true;
		op->cas_needed = op->started && t->wave != op->wave &&
				 step_changes(op, i);
		op->wave = t->wave;
		op->step = t->step;
		op->started = true;
		return true;
	}
	op->next_task = op->plan.tasks.len;
	return next_is_hooks(op, NULL);
}

void op_seek_step(struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		op->next_task = i;
		if (t->wave > op->wave ||
		    (t->wave == op->wave && t->step >= op->step))
			return;
	}
	op->next_task = op->plan.tasks.len;
}

/* ---- what an earlier task may change so that a refusal passes ---- */

bool op_shapes_admission(const struct objkey *k)
{
	static const char *const kinds[] = {
		"CustomResourceDefinition", "Namespace", "ValidatingWebhookConfiguration",
		"MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
		"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy",
		"MutatingAdmissionPolicyBinding", "Role", "ClusterRole",
		"RoleBinding", "ClusterRoleBinding", "ServiceAccount",
		"ResourceQuota", "LimitRange", "PriorityClass",
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(k->kind, kinds[i]))
			return true;
	return false;
}

bool op_earlier_may_help(const struct op *op, const struct objkey *k)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (!objkey_cmp(&t->key, k))
			return false;
		if (t->verb == TASK_APPLY && op_shapes_admission(&t->key))
			return true;
	}
	return false;
}

/* ---- what cannot be done ---- */

static const struct task *refused_task(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->verb == TASK_REFUSE)
			return t;
	}
	return NULL;
}

static void say_fenced(const struct op *op, const struct task *t, struct err *err)
{
	if (!app_check_write(op->app, &t->key, err))
		err_set(err, ERR_INVALID, "%s/%s was not allowed by the project a moment "
			"ago", t->key.kind, t->key.name);
	err_wrap(err, "%s", op->c.answer->objects[t->object].source);
}

/* The other one may give it up: then the release passes. */
void op_say_shared(struct op *op, const char *key, const char *owner,
		   struct err *err)
{
	op->may_pass = true;
	err_set(err, ERR_INVALID, "%s%sis managed by application %s: remove it from "
		"one of the two, or set syncOption FailOnSharedResource=false", key,
		*key ? " " : "", owner);
}

/* Neither the object nor the Application says in which namespace it is to live. */
static const struct task *homeless_task(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];
		const struct scope *s = &op->scopes[t->object];

		if (t->verb == TASK_APPLY && s->known && s->namespaced && !*t->key.ns)
			return t;
	}
	return NULL;
}

/* A revert and a heal put back what they can. */
static bool refuse_homeless(struct op *op)
{
	bool back = op->c.kind == OP_REVERT || op->c.kind == OP_HEAL || op->c.prune_only;
	const struct task *t = back ? NULL : homeless_task(op);
	struct err err = ERR_INIT;

	if (!t)
		return false;
	err_set(&err, ERR_INVALID, "%s/%s (%s): it names no namespace and neither does the "
		"Application: write spec.destination.namespace, or metadata.namespace there",
		t->key.kind, t->key.name, op->c.answer->objects[t->object].source);
	op_result(op, &t->key, t->version, "SyncFailed", err.msg);
	op_fail(op, OP_REFUSED, &err);
	return true;
}

bool op_refuse(struct op *op)
{
	const struct task *t = refused_task(op);
	_cleanup_buf_ struct buf key = BUF_INIT;
	const struct live *l;
	struct err err = ERR_INIT;

	if (!t)
		return refuse_homeless(op);
	l = live_find(&op->e->live, &t->key);
	objkey_format(&t->key, &key);
	if (t->casenr == 18)
		say_fenced(op, t, &err);
	else
		op_say_shared(op, buf_str(&key), l ? l->app_id : "(another)", &err);
	op_fail(op, t->casenr == 18 ? op_lacking(op) : OP_REFUSED, &err);
	return true;
}

bool op_lacks_choice(struct op *op)
{
	const struct op_choice *c = select_missing(&op->app->rec.op, &op->plan);
	struct err err = ERR_INIT;

	if (!c)
		return false;
	err_set(&err, ERR_INVALID, "operation.sync.resources: the application has no "
		"%s%s%s %s%s%s (hooks cannot be chosen)", c->group,
		*c->group ? "/" : "", c->kind, c->ns, *c->ns ? "/" : "", c->name);
	op_fail(op, OP_REFUSED, &err);
	return true;
}

void op_report_dry_run(struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];
		const struct fact *f = op_fact(op, &t->key, false);

		if (t->verb == TASK_APPLY)
			op_result(op, &t->key, t->version, "Synced", f && f->absent ?
				  "created (dry run)" : "configured (dry run)");
	}
	for (size_t i = 0; i < op->plan.prunes.len; i++) {
		const struct task *t = &op->plan.prunes.data[i];
		bool goes = t->verb == TASK_PRUNE;

		if (goes || t->verb == TASK_HOLD || t->verb == TASK_ASK)
			op_result(op, &t->key, t->version, goes ? "Pruned" :
				  "PruneSkipped", goes ? "pruned (dry run)" :
				  "ignored (requires pruning)");
	}
}

bool op_owner_decides(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++)
		if (op->plan.tasks.data[i].casenr == 20)
			return true;
	return false;
}

const struct task *op_step_waits(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->verb == TASK_WAIT && t->wave == op->wave &&
		    t->step == op->step)
			return t;
	}
	return NULL;
}
