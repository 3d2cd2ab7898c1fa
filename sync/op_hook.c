/*
 * The hooks of an operation, group by group: one phase and wave at a time.
 *
 * Happy path of a group: write its rows ahead -> per hook, as hook_decide() says:
 * look, remove an earlier run, create, wait -> write how they ended -> take our
 * finalizer off. Kinds come one after another, as in a wave of objects. A group
 * ends when none of its hooks runs any more; one that failed then fails the
 * operation. A process that died in between finds its rows and goes on.
 */
#include "op_hook_priv.h"

#include <limits.h>

#define WRITES 4	/* each of which takes its own tries */
#define WRITE_PAUSE_MS 1000

struct op_hooks *op_hooks_of(struct op *op)
{
	if (!op->hooks)
		op->hooks = xcalloc(1, sizeof(*op->hooks));
	return op->hooks;
}

void op_hooks_forget(struct op_hooks *h)
{
	for (size_t i = 0; i < h->n_calls; i++)
		hook_call_deinit(&h->calls[i]);
	free(h->calls);
	h->calls = NULL;
	h->n_calls = h->from = h->to = 0;
	hook_list_deinit(&h->list);
}

void op_hooks_free(struct op *op)
{
	if (!op->hooks)
		return;
	op_hooks_forget(op->hooks);
	arena_deinit(&op->hooks->arena);
	free(op->hooks);
	op->hooks = NULL;
}

bool op_hooks_busy(const struct op *op)
{
	for (size_t i = 0; op->hooks && i < op->hooks->n_calls; i++)
		if (op->hooks->calls[i].busy)
			return true;
	return false;
}

/* What is being written down or cleaned up is no rest. */
bool op_hooks_rest(const struct op *op)
{
	const struct op_hooks *h = op->hooks;

	if (h->step > HOOKS_DRIVING || h->failed)
		return false;
	for (size_t i = h->from; i < h->to; i++) {
		const struct hook_call *c = &h->calls[i];
		const struct hook_run *row = hook_call_row(c);

		if (c->made || (row && row->state != HOOK_PLANNED &&
				row->state != HOOK_SUCCEEDED))
			return false;
	}
	return true;
}

void op_hooks_withdraw(struct op *op)
{
	for (size_t i = 0; op->hooks && i < op->hooks->n_calls; i++)
		hook_call_withdraw(&op->hooks->calls[i]);
}

/* Those before a revert are the failed release's. */
const struct render_answer *op_hooks_source(const struct op *op, enum hook_phase phase)
{
	return phase == HOOK_PRE_REVERT ? op->c.failed : op->c.answer;
}

/* Self-heals run no hooks, and reverts none of a sync's. */
bool op_hooks_asked(const struct op *op)
{
	if (op->app->rec.op.no_hooks)
		return false;
	if (op->c.prune_only)
		return op->c.deletion == DELETION_HOOKS;
	return op->c.kind == OP_SYNC || op->c.kind == OP_ROLLBACK;
}

static bool runs_hooks(const struct op *op)
{
	return !op->c.dry_run && op_hooks_asked(op);
}

bool hook_of_revert(enum hook_phase phase)
{
	return phase == HOOK_PRE_REVERT || phase == HOOK_POST_REVERT;
}

bool op_hooks_any(const struct op *op, enum hook_phase phase)
{
	const struct render_answer *a = op_hooks_source(op, phase);
	bool runs = hook_of_revert(phase) ? op->c.kind == OP_REVERT : runs_hooks(op);

	for (size_t i = 0; runs && a && i < a->n_objects; i++)
		if (hook_phases(&a->objects[i]) & 1u << phase)
			return true;
	return false;
}

bool op_hooks_refuse(struct op *op)
{
	const struct render_answer *a = op->c.answer;
	struct err err = ERR_INIT;

	if (!runs_hooks(op))
		return false;
	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];
		struct objkey k = rendered_key(o, &op->scopes[i], op->dest_ns);

		if (!hook_phases(o) || !app_check_write(op->app, &k, &err))
			continue;
		err_wrap(&err, "%s", o->source);
		op_fail(op, OP_REFUSED, &err);
		return true;
	}
	return false;
}

bool op_hooks_next_wave(const struct op *op, int *wave)
{
	const struct render_answer *a = op->c.answer;
	bool found = false;
	int best = 0;

	if (!runs_hooks(op))
		return false;
	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];

		if (!(hook_phases(o) & 1u << HOOK_SYNC) ||
		    (op->started && o->wave <= op->wave) ||
		    (found && o->wave >= best))
			continue;
		best = o->wave;
		found = true;
	}
	*wave = best;
	return found;
}

/* ---- a group begins ---- */

void op_hooks_build(struct op *op, enum hook_phase phase)
{
	struct op_hooks *h = op_hooks_of(op);
	struct record *rec = &op->app->rec;
	const struct release *r = record_release(rec, phase == HOOK_PRE_REVERT ?
						 rec->pin_rejected : op->c.release);
	const struct render_answer *a = op_hooks_source(op, phase);
	struct scope *scopes = scopes_resolve(op->e->discovery, a);
	struct hook_list_input in = {
		.release = a, .scopes = scopes,
		.destination_ns = op->dest_ns, .revision = r ? r->revision : "",
		/* An end tries under the names that it has made. */
		.started_ms = op->c.deletion ? op->app->spec.deleting_ms :
					       rec->op.started_ms,
	};

	op_hooks_forget(h);
	hook_list_build(&in, &h->list);
	free(scopes);
	h->n_calls = h->list.tasks.len;
	h->calls = xcalloc(h->n_calls, sizeof(*h->calls));
	for (size_t i = 0; i < h->n_calls; i++) {
		struct hook_call *c = &h->calls[i];

		c->op = op;
		c->task = h->list.tasks.data[i];
		c->version = a->objects[c->task.object].version;
	}
}

/* From `from` on: the next group of the phase, of `wave` alone where given. */
static bool seek(struct op_hooks *h, size_t from, const int *wave)
{
	for (; from < h->n_calls; from++) {
		const struct hook_task *t = &h->calls[from].task;

		if (t->phase == h->phase && (!wave || t->wave == *wave))
			break;
	}
	h->from = h->to = from;
	while (h->to < h->n_calls && h->calls[h->to].task.phase == h->phase &&
	       h->calls[h->to].task.wave == h->calls[from].task.wave)
		h->to++;
	return h->from < h->to;
}

/* The rows of a group, or of a whole phase; true when one is new. */
static bool plan_rows(struct op *op, const int *wave)
{
	struct record *rec = &op->app->rec;
	struct op_hooks *h = op->hooks;
	bool fresh = false;

	for (size_t i = 0; i < h->n_calls; i++) {
		struct hook_call *c = &h->calls[i];
		const struct hook_task *t = &c->task;
		struct hook_run *row = record_hook(rec, &t->key, t->phase);

		if (t->phase != h->phase || (wave && t->wave != *wave))
			continue;
		fresh = fresh || !row || strcmp(row->op, rec->op.id);
		row = record_hook_plan(rec, &t->key, t->phase, t->base, rec->op.id);
		row->flags = op_hooks_source(op, t->phase)->objects[t->object].flags;
		if (strcmp(row->version, c->version)) {
			free(row->version);
			row->version = xstrdup(c->version);
		}
		hook_call_recall(c, row);
	}
	return fresh;
}

static void begin(struct op *op, enum hook_phase phase, const int *wave)
{
	struct op_hooks *h = op_hooks_of(op);

	op_hooks_build(op, phase);
	h->phase = phase;
	h->all_waves = !wave;
	h->await = true;
	h->failed = h->dirty = false;
	h->max_rank = INT_MAX;
	seek(h, 0, wave);
	h->step = HOOKS_DRIVING;
	if (plan_rows(op, wave)) {
		h->step = HOOKS_WRITING;
		op_record_write(op, false);
	}
}

void op_hooks_begin(struct op *op, enum hook_phase phase, int after)
{
	begin(op, phase, NULL);
	op->hooks->after = after;
}

static bool has_sync_hooks(const struct op *op)
{
	const struct render_answer *a = op->c.answer;

	for (size_t i = 0; runs_hooks(op) && i < a->n_objects; i++)
		if (a->objects[i].wave == op->wave &&
		    hook_phases(&a->objects[i]) & 1u << HOOK_SYNC)
			return true;
	return false;
}

/* One of the group is not made yet, and is of a kind before that rank. */
static bool some_due(const struct op_hooks *h, int rank)
{
	for (size_t i = h->from; i < h->to; i++)
		if (h->calls[i].task.rank < rank &&
		    hook_call_row(&h->calls[i])->state == HOOK_PLANNED)
			return true;
	return false;
}

/*
 * Hooks of a wave of objects are made among them, in the order of kinds: before each
 * kind of objects those of the kinds before it, at last the others. All end before
 * the next wave.
 */
bool op_hooks_in_wave(struct op *op, enum hooks_when when, int after)
{
	int rank = when == HOOKS_EARLY ? op_next_rank(op) : INT_MAX;
	bool begins;
	struct op_hooks *h;

	if (!has_sync_hooks(op))
		return false;
	h = op_hooks_of(op);
	begins = !h->sync_done || h->sync_wave != op->wave || h->phase != HOOK_SYNC;
	if (begins) {
		h->sync_wave = op->wave;
		begin(op, HOOK_SYNC, &op->wave);
	} else if ((int)h->sync_done > (int)when + (when == HOOKS_EARLY) ||
		   (when == HOOKS_EARLY && !some_due(h, rank))) {
		return false;
	}
	h->sync_done = when == HOOKS_EARLY ? SYNC_EARLY :
		       when == HOOKS_MADE ? SYNC_MADE : SYNC_ENDED;
	h->max_rank = rank;
	h->await = when == HOOKS_ENDED;
	h->after = after;
	if (h->step != HOOKS_WRITING)
		h->step = HOOKS_DRIVING;
	return true;
}

int op_hooks_after(struct op *op)
{
	bool pre = op->hooks->phase == HOOK_PRE_SYNC;

	/* They may take long. What is cancelled goes nowhere: any state ends it. */
	if (pre && op_holds_after(op, op->plan.early ? op->plan.early_wave : INT_MIN))
		return OP_SETTLING_;
	return op->hooks->after;
}

/* ---- the group ---- */

static bool drive(struct op *op)
{
	struct op_hooks *h = op->hooks;
	bool over = true;
	int gate = INT_MAX;

	*op->message = '\0';
	op->hooks_look_at = 0;
	for (size_t i = h->from; i < h->to; i++) {
		struct hook_call *c = &h->calls[i];

		over &= hook_call_step(c, gate);
		if (hook_call_row(c)->state == HOOK_PLANNED && c->task.rank < gate)
			gate = c->task.rank;
	}
	return over;
}

static void write_results(struct op *op)
{
	struct op_hooks *h = op->hooks;

	h->step = h->dirty ? HOOKS_NOTING : HOOKS_RELEASING;
	if (h->dirty)
		op_record_write(op, false);
	h->dirty = false;
}

/* Nothing that a release brings may keep the good one away. */
static void say_left_out(struct op *op, const struct op_hooks *h)
{
	engine_log(op->e, LOG_WARN, op->app, "%s; the revert goes on without it",
		   h->err.msg);
	engine_event(op->e, op->app, "Warning", "RevertHookFailed", "%s; the revert goes on "
		     "without it", h->err.msg);
}

/* The group is over: the next one of the phase, if it is to come; else false. */
static bool next_group(struct op *op)
{
	struct op_hooks *h = op->hooks;
	bool closing = h->phase == HOOK_SYNC_FAIL;

	h->step = HOOKS_OVER;
	if (h->failed && hook_of_revert(h->phase)) {
		say_left_out(op, h);
		return false;
	}
	if (h->failed && !closing) {
		op_fail(op, h->outcome, &h->err);
		return false;
	}
	if (!h->all_waves || (op->outcome != OP_RUNNING && !closing))
		return false;
	if (op_cancel_if_superseded(op) || !seek(h, h->to, NULL))
		return false;
	h->failed = false;
	h->step = HOOKS_DRIVING;
	return true;
}

/*
 * Is what was to be written in the record, or will it never be? Of an operation that
 * has failed already nobody else takes notice: it is written again. *ret_lost: not in
 * the record.
 */
static bool is_written(struct op *op, bool *ret_lost)
{
	struct op_hooks *h = op->hooks;
	uint64_t now = world_now(op->e->w);

	*ret_lost = op->unwritten;
	if (!op->recorded)
		return false;
	if (!op->unwritten || h->writes + 1 >= WRITES) {
		h->writes = 0;
		return true;
	}
	if (!h->write_at) {
		h->write_at = now + WRITE_PAUSE_MS * ++h->writes;
	} else if (now >= h->write_at) {
		h->write_at = 0;
		op_record_write(op, false);
		return false;
	}
	hook_look_at(op, h->write_at);
	return false;
}

/* What is not written ahead is not made. */
static void leave_out(struct op *op)
{
	op->hooks->step = HOOKS_OVER;
	engine_log(op->e, LOG_WARN, op->app, "%s hooks are left out: the record cannot be "
		   "written", hook_phase_str(op->hooks->phase));
}

bool op_hooks_tick(struct op *op)
{
	struct op_hooks *h = op->hooks;
	bool lost;

	for (;;) {
		switch (h->step) {
		case HOOKS_WRITING:
			if (!is_written(op, &lost))
				return false;
			h->step = HOOKS_DRIVING;
			if (lost)
				leave_out(op);
			break;
		case HOOKS_DRIVING:
			if (!drive(op))
				return false;
			if (!h->await) {
				if (h->failed)
					op_fail(op, h->outcome, &h->err);
				return true;
			}
			write_results(op);
			break;
		case HOOKS_NOTING:
			if (!is_written(op, &lost))
				return false;
			h->step = HOOKS_RELEASING;
			break;
		case HOOKS_RELEASING:
			if (!drive(op))
				return false;
			if (next_group(op))
				break;
			if (h->phase == HOOK_PRE_REVERT && op->outcome == OP_RUNNING)
				op->app->rec.pin_prepared = true;
			return true;
		case HOOKS_NONE:
		case HOOKS_OVER:
			return true;
		}
	}
}
