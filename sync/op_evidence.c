/*
 * A sync failed over objects or hooks: what their pods say is asked for before
 * anything is put back or cleaned up.
 */
#include "op_priv.h"

#include "app_priv.h"
#include "evidence.h"

/* A release of its own, which may be rejected for it. */
static bool is_judged(const struct op *op)
{
	return op->c.kind == OP_SYNC && !op->c.dry_run && !op->c.prune_only &&
	       !op_is_partial(op);
}

static bool is_unwell(const struct settle_item *it)
{
	return it->counts && it->health.status > HEALTH_SUSPENDED;
}

void op_gather(struct op *op, const struct settle_item *items, size_t n, size_t culprit)
{
	struct objkey subjects[EVIDENCE_SUBJECTS] = { items[culprit].key };
	size_t found = 1;

	if (!is_judged(op) || op->gathered)
		return;
	for (size_t i = 0; i < n && found < EVIDENCE_SUBJECTS; i++)
		if (i != culprit && is_unwell(&items[i]))
			subjects[found++] = items[i].key;
	op->gathered = true;
	app_gather(op->app, op->c.release, subjects, found,
		   items[culprit].pod != POD_FINE);
}

static void gather_hooks(struct op *op)
{
	const struct record *rec = &op->app->rec;
	struct objkey subjects[EVIDENCE_SUBJECTS];
	size_t found = 0;

	op->gathered = true;
	for (size_t i = 0; i < rec->hooks.len && found < EVIDENCE_SUBJECTS; i++) {
		const struct hook_run *h = &rec->hooks.data[i];

		if (!strcmp(h->op, rec->op.id) &&
		    (h->state == HOOK_FAILED || h->state == HOOK_LATE))
			subjects[found++] = hook_run_key(h);
	}
	if (found)
		app_gather(op->app, op->c.release, subjects, found, false);
}

static void say_words(struct op *op)
{
	const char *words = app_kept_words(op->app, op->c.release);
	const struct err why = op->err;

	if (!words)
		return;
	err_set(&op->err, why.code, "%s; %s", why.msg, words);
	op->err.retry = why.retry;
}

bool op_gathers(struct op *op)
{
	if (op->outcome != OP_BAD || !is_judged(op))
		return false;
	if (!op->gathered)
		gather_hooks(op);
	if (op->app->gather)
		return true;
	say_words(op);
	return false;
}
