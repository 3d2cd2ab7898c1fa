/*
 * A revert restores how a CRD converts its versions, where the failed release changed
 * nothing of them: read it -> ask dry what putting it back would make of it -> put it
 * back. Part of what a revert does first: it fails for none of these, it warns.
 */
#include "op_priv.h"

#include "crd.h"

bool op_crd_wants_look(struct op *op, const struct task *t)
{
	const struct inv_entry *v = record_inv(&op->app->rec, &t->key);

	return t->verb == TASK_KEEP && t->casenr != 4 && v && v->blamed &&
	       !strcmp(t->key.group, "apiextensions.k8s.io") &&
	       !strcmp(t->key.kind, "CustomResourceDefinition");
}

void op_crd_answer(struct apply *a, const struct err *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	if (err->code) {
		op_apply_fail(a, OP_TROUBLE, err);
		return;
	}
	if (a->crd == CRD_READ) {
		a->live = json_incref(a->req.json);
		a->crd = CRD_ASK;
		op_apply_send(a);
		return;
	}
	a->crd = CRD_OVER;
	if (crd_way_back(a->live, a->req.json, NULL) == CRD_LEAVE) {
		op_apply_done(a);
		return;
	}
	objkey_format(&a->task.key, &key);
	engine_log(a->op->e, LOG_WARN, a->op->app, "%s: the failed release changed how its "
		   "versions are converted, and nothing else of them: that is put back",
		   buf_str(&key));
	op_apply_send(a);
}
