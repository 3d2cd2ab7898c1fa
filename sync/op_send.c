/*
 * How the requests of an operation leave: each one that changes something, or asks what
 * a change would do, goes out as the service account that the project names for the
 * application's destination. The project is asked at that moment. Reading is done as
 * syncd, and so is all that it writes about itself (releases, status, events).
 *
 * And how they do not leave: of an operation that was called off, what still waits for a
 * free connection is taken back, and what was sent is awaited. An object that is being
 * replaced, and is gone already, still gets its successor.
 */
#include "op_priv.h"

void op_send(struct op *op, struct kube_request *r)
{
	_cleanup_free_ char *user = NULL;
	struct err err = ERR_INIT;

	if (strcmp(r->method, "GET") && app_acts_as(op->app, op->dest_ns, &user, &err))
		r->refused = &err;
	r->as_user = user;
	kube_start(op->e->kube, r);
	r->as_user = NULL;	/* both were copied */
	r->refused = NULL;
}

/* Deleted, or about to be, and its successor is not there. */
static bool is_half_replaced(const struct apply *a)
{
	return a->replacing == REPLACE_WAIT || a->replacing == REPLACE_OVER;
}

/* It was applied: what an earlier manager had of it is being put in order. */
static bool is_taken_over(const struct apply *a)
{
	return a->fields == FIELDS_READING || a->fields == FIELDS_WRITING;
}

bool op_leaves(const struct apply *a)
{
	const struct op *op = a->op;
	bool off = a->deleting ? op->superseded != NULL : op->called_off;

	return off && !is_half_replaced(a) && !is_taken_over(a);
}

void op_recall(struct op *op)
{
	for (size_t i = 0; i < op->n_batch && op->n_left; i++) {
		struct apply *a = &op->batch[i];

		if (!op_leaves(a) || !kube_withdraw(op->e->kube, &a->req))
			continue;
		kube_request_deinit(&a->req);
		op_apply_leave(a);
	}
	if (op->terminated)
		op_hooks_withdraw(op);
}

void op_hint(struct err *err)
{
	size_t n = strlen(err->msg);

	if (err->code == ERR_AUTH && strstr(err->msg, "cannot impersonate resource"))
		snprintf(err->msg + n, sizeof(err->msg) - n, ": let syncd act as it "
			 "(manifests/impersonation)");
}

bool op_lacks_rights(const struct kube_request *r, const struct err *err)
{
	return r->status == 403 && strstr(err->msg, "is forbidden: User \"");
}
