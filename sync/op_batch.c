/*
 * The requests of an operation: a batch is a set of objects asked side by side
 * (one kind of one step, the whole preflight: op_preflight.c, one wave of prunes:
 * op_prune.c). When the last answer of a batch is in, the operation is poked.
 */
#include "op_priv.h"

#include "app_priv.h"

#include <limits.h>

struct apply *op_batch_make(struct op *op, size_t n)
{
	op_batch_free(op);
	op->batch = xcalloc(n, sizeof(*op->batch));
	return op->batch;
}

void op_batch_free(struct op *op)
{
	for (size_t i = 0; i < op->n_batch; i++) {
		struct apply *a = &op->batch[i];

		world_timer_stop(op->e->w, &a->again);
		kube_abandon(op->e->kube, &a->req);
		kube_request_deinit(&a->req);
		free(a->body);
		free(a->page);
		free(a->ref_names);
		op_keep_free(a);
	}
	free(op->batch);
	op->batch = NULL;
	op->n_batch = op->n_left = 0;
}

void op_batch_start(struct op *op, size_t n)
{
	op->n_batch = op->n_left = n;
	for (size_t i = 0; i < n; i++)
		op_apply_send(&op->batch[i]);
}

/*
 * What is applied goes to its own version only; a revert to one that is served no more
 * is refused with more words (op_lost_version()).
 */
bool apply_resolve(struct op *op, const struct task *t, struct apply *a)
{
	*a = (struct apply){ .op = op, .task = *t };
	if ((op->c.kind != OP_REVERT && op_is_untold(op, t)) ||
	    !ref_resolve(op->e->discovery, &t->key, t->version, &a->ref))
		return false;
	a->ref_names = ref_keep(&a->ref);
	return true;
}

/* ---- what comes next ---- */

static bool is_crd(const struct task *t)
{
	return !strcmp(t->key.kind, "CustomResourceDefinition") &&
	       !strcmp(t->key.group, "apiextensions.k8s.io");
}

/*
 * A heal's that somebody changes back each time; and a CRD that this operation applied,
 * whoever changed it since: after each the step begins anew, and would for ever.
 */
static bool is_given_up(struct op *op, const struct task *t)
{
	const struct fact *f;

	if (op->c.kind == OP_HEAL && fights_lost(&op->app->fights, &t->key))
		return true;
	f = is_crd(t) && live_find(&op->e->live, &t->key) ? op_fact(op, &t->key, false) : NULL;
	return f && f->applied;
}

int op_next_rank(struct op *op)
{
	for (size_t i = op->next_task; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->wave != op->wave || t->step != op->step)
			break;
		if (t->verb == TASK_APPLY && !is_given_up(op, t))
			return t->rank;
	}
	return INT_MAX;
}

bool op_step_is_recorded(const struct op *op)
{
	for (size_t i = op->next_task; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->wave != op->wave || t->step != op->step)
			break;
		if (t->verb == TASK_APPLY && !record_inv(&op->app->rec, &t->key))
			return false;
	}
	return true;
}

bool op_apply_next(struct op *op)
{
	struct apply *batch = NULL;
	size_t n = 0;
	int rank = -1;

	while (op->next_task < op->plan.tasks.len) {
		const struct task *t = &op->plan.tasks.data[op->next_task];

		if (t->wave != op->wave || t->step != op->step)
			break;
		if (t->verb == TASK_APPLY && !is_given_up(op, t)) {
			if (n && t->rank != rank)
				break;
			if (!batch)
				batch = op_batch_make(op, op->plan.tasks.len -
						   op->next_task);
			if (!apply_resolve(op, t, &batch[n])) {
				if (op->relearned && op_goes_without(op, t)) {
					op->next_task++;
					continue;
				}
				op->n_batch = n;
				op_batch_free(op);
				if (!op->relearned) {
					/* What we know of kinds may be old. */
					op->relearned = op->crds_applied = true;
					return false;
				}
				op_fail_unserved(op, t);
				return true;
			}
			rank = t->rank;
			n++;
			if (is_crd(t))
				op_crds_change(op);
		}
		op->next_task++;
	}
	if (!n) {
		op_batch_free(op);
		return false;
	}
	op_batch_start(op, n);
	return true;
}
