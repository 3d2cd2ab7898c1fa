/*
 * Which kinds an operation needs, and in which versions they are served: the lists
 * that come before a plan counts, what CRDs bring, and what is refused for want of it.
 */
#include "op_priv.h"

#include "core/doc.h"

#include <stdio.h>

/* ---- the lists ---- */

static bool is_listed(struct op *op, const char *group, const char *kind,
		      const char *version)
{
	const char *trouble;

	if (!discovery_find(op->e->discovery, group, NULL, kind) ||
	    kinds_need(op->e, group, kind, version))
		return true;
	trouble = kinds_trouble(op->e, group, kind);
	if (trouble)
		snprintf(op->lacks, sizeof(op->lacks), "the objects of %s%s%s to be "
			 "listed: %s", group, *group ? "/" : "", kind, trouble);
	return false;
}

/* A release that heals a pin never brings a CRD back: only what drifted counts. */
bool op_kinds_ready(struct op *op)
{
	const struct render_answer *answer = op->c.answer;
	struct record *rec = &op->app->rec;
	bool ready = true;

	strcpy(op->lacks, "the first lists of the kinds in use");
	for (size_t i = 0; i < answer->n_objects; i++) {
		const struct rendered *r = &answer->objects[i];

		if (!(r->flags & OBJ_EXCLUDED))
			ready &= is_listed(op, r->group, r->kind, r->version);
	}
	for (size_t i = 0; i < rec->inventory.len; i++) {
		const struct inv_entry *v = &rec->inventory.data[i];

		if (!(v->flags & OBJ_SKIP))
			ready &= is_listed(op, v->group, v->kind, v->version);
	}
	for (size_t i = 0; i < rec->hooks.len; i++) {
		const struct hook_run *h = &rec->hooks.data[i];

		if (*h->uid || h->state == HOOK_PLANNED)
			ready &= is_listed(op, h->group, h->kind, h->version);
	}
	return ready;
}

/* ---- what CRDs bring ---- */

const struct task *op_crd_pending(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];
		const struct live *l;

		if (t->wave != op->wave || t->step != op->step ||
		    strcmp(t->key.kind, "CustomResourceDefinition"))
			continue;
		l = live_find(&op->e->live, &t->key);
		if (!l || l->health.status != HEALTH_HEALTHY)
			return t;
	}
	return NULL;
}

bool op_is_untold(const struct op *op, const struct task *t)
{
	return t->verb == TASK_APPLY && !discovery_find(op->e->discovery, t->key.group,
							t->version, t->key.kind);
}

bool op_step_is_untold(const struct op *op)
{
	for (size_t i = op->next_task; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->wave != op->wave || t->step != op->step)
			return false;
		if (op_is_untold(op, t))
			return true;
	}
	return false;
}

/* ---- what is not served ---- */

bool op_lost_version(const struct op *op, const struct task *t)
{
	const struct discovery *d = op->e->discovery;

	return op->c.kind == OP_REVERT && t->verb == TASK_APPLY &&
	       !discovery_find(d, t->key.group, t->version, t->key.kind) &&
	       discovery_find(d, t->key.group, NULL, t->key.kind);
}

static const struct task *lost_version(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++)
		if (op_lost_version(op, &op->plan.tasks.data[i]))
			return &op->plan.tasks.data[i];
	return NULL;
}

const struct task *op_unserved(struct op *op)
{
	if (op->c.kind == OP_REVERT)
		return lost_version(op);
	/* A revert puts back what it can; this option leaves it to the wave. */
	if (op->c.kind == OP_HEAL || op->c.prune_only || op_options(op) & OPT_SKIP_DRY_RUN)
		return NULL;
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->verb == TASK_APPLY && !op->scopes[t->object].served &&
		    !(t->flags & OBJ_SKIP_DRY_RUN))
			return t;
	}
	return op_hooks_unserved(op);
}

/* What a CRD of the release says of this version of this kind. */
static bool serves(const json_t *crd, const struct task *t)
{
	const json_t *versions = doc_get(crd, "spec", "versions", NULL);

	const char *group = doc_get_str(crd, "spec", "group", NULL);
	const char *kind = doc_get_str(crd, "spec", "names", "kind", NULL);

	if (!group || !kind || strcmp(group, t->key.group) || strcmp(kind, t->key.kind))
		return false;
	for (size_t i = 0; i < json_array_size(versions); i++) {
		const json_t *v = json_array_get(versions, i);
		const char *name = doc_get_str(v, "name", NULL);

		if (name && !strcmp(name, t->version))
			return doc_get_bool(v, false, "served", NULL);
	}
	return false;
}

/* Then it is the API server that is late. */
static bool release_serves(const struct op *op, const struct task *t)
{
	struct render_answer *a = op->c.answer;

	for (size_t i = 0; i < a->n_objects; i++) {
		_cleanup_json_ json_t *crd = NULL;
		_cleanup_free_ char *body = NULL;
		struct err err = ERR_INIT;
		size_t len;

		if (strcmp(a->objects[i].kind, "CustomResourceDefinition") != 0 ||
		    bodies_get(&op->e->bodies, a, i, &body, &len, &err))
			continue;
		crd = doc_parse(body, len, NULL);
		if (crd && serves(crd, t))
			return true;
	}
	return false;
}

static void say_unserved(const struct op *op, const struct task *t, struct err *err)
{
	const struct rendered *r = &op->c.answer->objects[t->object];
	const struct api_resource *other = discovery_find(op->e->discovery, t->key.group,
							  NULL, t->key.kind);
	const char *slash = *t->key.group ? "/" : "";
	bool is_set = !strcmp(t->key.kind, "ApplicationSet") &&
		      !strcmp(t->key.group, "argoproj.io");
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_free_ char *way = is_set && !other ?
		xstrdup(": syncd makes no Applications of it: run Argo CD's controller for them, "
			"or commit the Applications") : !other ?
		xstrdup(": install its CRD, in this application with a lower sync-wave or "
			"before it") :
		xasprintf(", but of %s%s%s: write it in that version, or have the other one "
			  "served", t->key.group, slash, other->version);

	objkey_format(&t->key, &key);
	err_set(err, ERR_NOTFOUND, "%s (%s): the cluster does not serve kind %s of "
		"%s%s%s%s", buf_str(&key), r->source, t->key.kind, t->key.group, slash,
		t->version, way);
}

/* A revert to a version that is served no more is refused as a whole; a kind is left. */
static bool may_lack(const struct op *op, const struct task *t)
{
	if (op->c.kind == OP_HEAL)
		return op_is_untold(op, t) && !release_serves(op, t);
	return op->c.kind == OP_REVERT &&
	       !discovery_find(op->e->discovery, t->key.group, NULL, t->key.kind);
}

bool op_goes_without(struct op *op, const struct task *t)
{
	struct err err = ERR_INIT;

	if (!may_lack(op, t))
		return false;
	say_unserved(op, t, &err);
	engine_log(op->e, LOG_WARN, op->app, "left as it is: %s", err.msg);
	op_result(op, &t->key, t->version, "SyncFailed", err.msg);
	op_fact(op, &t->key, true)->without = true;
	if (!op->without.code)
		op->without = err;
	return true;
}

bool op_went_without(const struct op *op)
{
	return op->c.kind == OP_HEAL && op->without.code &&
	       !strcmp(op->err.msg, op->without.msg);
}

void op_fail_unserved(struct op *op, const struct task *t)
{
	struct err err = ERR_INIT;

	say_unserved(op, t, &err);
	if (!(op->c.answer->objects[t->object].flags & OBJ_HOOK))
		op_result(op, &t->key, t->version, "SyncFailed", err.msg);
	op->may_pass = true;
	op_fail(op, release_serves(op, t) ? OP_TROUBLE : op_lacking(op), &err);
}
