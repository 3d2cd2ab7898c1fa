/*
 * The write-ahead: what an operation is about to do is in the record before it is
 * done. When the record cannot be written the operation is troubled; when another
 * wrote it, this process is not the leader any more.
 */
#include "op_priv.h"

static void on_recorded(struct store_call *c, const struct err *err)
{
	struct op *op = c->app->op;

	op->unwritten = err->code;
	if (err->code == ERR_CONFLICT)
		engine_fatal(op->e, err);
	if (err->code) {
		struct err bad = *err;

		err_wrap(&bad, "writing the state record");
		if (op->outcome != OP_RUNNING)	/* its own failure is told, not this one */
			engine_log(op->e, LOG_WARN, op->app, "%s", bad.msg);
		op->unanswered = true;
		op_fail(op, OP_TROUBLE, &bad);
	}
	op->recorded = true;
	op_poke(op);
}

void op_record_write(struct op *op, bool with_release)
{
	struct store_call *c = &op->app->store;

	op->recorded = false;
	c->app = op->app;
	c->release = op->c.release;
	c->answer = with_release ? op->c.answer : NULL;
	c->on_done = on_recorded;
	store_put_record(c);
}

/* Pending entries for all that will be applied: the write-ahead. */
void op_record_inventory(struct op *op)
{
	struct record *rec = &op->app->rec;

	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];
		const struct fact *f = op_fact(op, &t->key, false);
		struct inv_entry *v;

		if (t->verb != TASK_APPLY && t->verb != TASK_WAIT)
			continue;
		v = record_inv_add(rec, &t->key, rec->op.id);
		if (f)
			v->sick = f->sick;
		if (!v->version)
			v->version = xstrdup(t->version);
		if (!*v->digest) {
			v->wave = t->wave;
			v->flags = t->flags;
		}
	}
}

void op_record_start(struct op *op)
{
	struct app *a = op->app;
	const struct release *rel = record_release(&a->rec, op->c.release);

	op_record_inventory(op);
	op_plan(op);	/* the inventory moved: its strings are borrowed */
	a->rec.phase = op_phase(op);
	/* Release and inventory, before the first mutation. */
	op_record_write(op, op->c.kind == OP_SYNC && rel && !op->c.prune_only &&
			 rel->state == RELEASE_CANDIDATE && !op_is_partial(op));
}
