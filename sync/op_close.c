/*
 * The end of an operation that had hooks, good or bad: those that run are let end
 * (or ended, when a person or a deletion asks for it), SyncFail hooks run after a
 * failure, then every hook of the operation loses our finalizer and goes where its
 * policy says so. What cannot be cleaned up is told and left: the end must come.
 */
#include "op_hook_priv.h"

static bool has_failed(const struct op *op)
{
	return op->outcome == OP_REFUSED || op->outcome == OP_BAD;
}

static bool is_its_own(const struct op *op, const struct hook_run *h)
{
	return !strcmp(h->op, op->app->rec.op.id);
}

/* With the application's objects go those of its hooks, but for the last ones. */
static bool is_left_over(const struct op *op, const struct hook_run *h)
{
	return op->c.deletion == DELETION_OBJECTS && h->phase != HOOK_POST_DELETE;
}

/* Its object still has our finalizer: nobody else takes that off. */
static bool is_held(const struct op *op, const struct hook_run *h)
{
	struct objkey k = hook_run_key(h);
	const struct live *l = live_find(&op->e->live, &k);

	return l && l->held && !strcmp(l->uid, h->uid);
}

/* Of an operation that was given up while it could not go on, or not reach its end. */
static bool is_stale(const struct op *op, const struct hook_run *h)
{
	return !is_its_own(op, h) && (h->state == HOOK_RUNNING || is_held(op, h));
}

static bool is_cleaned(const struct op *op, const struct hook_run *h)
{
	return *h->uid &&
	       (is_its_own(op, h) || is_left_over(op, h) || is_stale(op, h));
}

bool op_needs_close(const struct op *op)
{
	const struct record *rec = &op->app->rec;

	if (op->outcome == OP_TROUBLE)	/* it goes on with its hooks later */
		return false;
	if (has_failed(op) && op->began && op_hooks_any(op, HOOK_SYNC_FAIL))
		return true;
	for (size_t i = 0; i < rec->hooks.len; i++)
		if (is_its_own(op, &rec->hooks.data[i]) ||
		    is_cleaned(op, &rec->hooks.data[i]))
			return true;
	return false;
}

/* ---- cleaning up ---- */

static bool has_row(const struct record *rec, const char *uid)
{
	for (size_t i = 0; i < rec->hooks.len; i++)
		if (!strcmp(rec->hooks.data[i].uid, uid))
			return true;
	return false;
}

/*
 * Written ahead and made, but the process died before it knew so, and the phase did not
 * come again: a SyncFail hook of an operation that failed no more when it went on.
 */
static void recall_made(struct op *op, struct hook_run *h)
{
	struct objkey k = hook_run_key(h);
	const struct live *l = live_find(&op->e->live, &k);

	if (h->state != HOOK_PLANNED || *h->uid || !l || strcmp(l->op, h->op) ||
	    strcmp(l->app_id, op->app->app_id) || has_row(&op->app->rec, l->uid))
		return;
	h->state = HOOK_RUNNING;
	memcpy(h->uid, l->uid, sizeof(h->uid));
}

void op_hooks_recall(struct op *op)
{
	struct record *rec = &op->app->rec;

	for (size_t i = 0; i < rec->hooks.len; i++)
		if (!is_its_own(op, &rec->hooks.data[i]))
			recall_made(op, &rec->hooks.data[i]);
}

static void make_calls(struct op *op, struct op_hooks *h)
{
	struct record *rec = &op->app->rec;

	op_hooks_forget(h);
	h->calls = xcalloc(rec->hooks.len, sizeof(*h->calls));
	for (size_t i = 0; i < rec->hooks.len; i++) {
		struct hook_run *r = &rec->hooks.data[i];
		struct hook_call *c = &h->calls[h->n_calls];

		recall_made(op, r);
		if (!is_cleaned(op, r))
			continue;
		c->op = op;
		c->version = arena_strdup(&h->arena, r->version);
		c->task = (struct hook_task){
			.object = SIZE_MAX, .phase = r->phase, .base = "",
			.key = { arena_strdup(&h->arena, r->group),
				 arena_strdup(&h->arena, r->kind),
				 arena_strdup(&h->arena, r->ns),
				 arena_strdup(&h->arena, r->name) },
		};
		h->n_calls++;
	}
}

static enum hook_end end_of(const struct op *op)
{
	if (op->terminated)
		return HOOK_END_CANCELLED;
	return op->outcome == OP_RUNNING || op->outcome == OP_SUCCEEDED ?
	       HOOK_END_GOOD : HOOK_END_BAD;
}

/* A release has made it an object like others meanwhile: what was of the hook is over. */
static bool is_object_now(const struct op *op, const struct hook_run *row)
{
	struct objkey k = hook_run_key(row);
	const struct inv_entry *e = record_inv(&op->app->rec, &k);

	return e && !strcmp(e->uid, row->uid);
}

static bool goes(const struct op *op, const struct hook_run *row)
{
	return is_left_over(op, row) || hook_goes(row, end_of(op));
}

static void told_and_left(struct hook_call *c)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	objkey_format(&c->task.key, &key);
	engine_log(c->op->e, LOG_WARN, c->op->app, "cleaning up hook %s: %s",
		   buf_str(&key), c->err.msg);
}

/* True: done with it. */
static bool clean(struct hook_call *c)
{
	struct op *op = c->op;
	struct hook_run *row = hook_call_row(c);
	const struct live *l = live_find(&op->e->live, &c->task.key);

	if (c->busy)
		return false;
	if (c->err.code && !hook_call_retries(c)) {
		told_and_left(c);
		c->deleted = true;
		row->uid[0] = '\0';
		return true;
	}
	if (c->again_at > world_now(op->e->w)) {
		hook_look_at(op, c->again_at);
		return false;
	}
	if (!l || strcmp(l->uid, row->uid) || c->deleted) {
		row->uid[0] = '\0';
		return true;
	}
	if (l->held) {
		hook_call_start(c, HOOK_DO_RELEASE);
		return false;
	}
	if (!is_left_over(op, row) && is_object_now(op, row)) {
		row->uid[0] = '\0';
		return true;
	}
	if (!goes(op, row))
		return true;
	if (!l->deleting) {
		hook_call_start(c, HOOK_DO_DELETE);
		return false;
	}
	row->uid[0] = '\0';	/* it goes */
	return true;
}

static bool clean_all(struct op *op)
{
	struct op_hooks *h = op->hooks;
	bool over = true;

	op->hooks_look_at = 0;
	for (size_t i = 0; i < h->n_calls; i++)
		over &= clean(&h->calls[i]);
	return over;
}

/* ---- the steps ---- */

static bool some_run(const struct op *op)
{
	const struct record *rec = &op->app->rec;

	for (size_t i = 0; i < rec->hooks.len; i++)
		if (is_its_own(op, &rec->hooks.data[i]) &&
		    rec->hooks.data[i].state == HOOK_RUNNING)
			return true;
	return false;
}

static void begin_await(struct op *op, struct op_hooks *h)
{
	h->closing = CLOSE_AWAIT;
	h->failed = h->await = true;	/* none is made any more */
	if (h->step == HOOKS_OVER || h->step == HOOKS_NONE)
		h->step = HOOKS_DRIVING;
	if (op->terminated || !some_run(op))
		h->step = HOOKS_OVER;
}

static void begin_fail(struct op *op, struct op_hooks *h)
{
	h->closing = CLOSE_FAIL;
	h->step = HOOKS_OVER;
	if (has_failed(op) && op->began && !op->terminated &&
	    op_hooks_any(op, HOOK_SYNC_FAIL))
		op_hooks_begin(op, HOOK_SYNC_FAIL, 0);
}

static void begin_clean(struct op *op, struct op_hooks *h)
{
	for (size_t i = h->from; i < h->to; i++)
		hook_call_settle(&h->calls[i]);
	h->closing = CLOSE_CLEAN;
	make_calls(op, h);
}

bool op_close_tick(struct op *op)
{
	struct op_hooks *h = op_hooks_of(op);

	for (;;) {
		if (op->terminated && h->closing < CLOSE_CLEAN &&
		    !op_hooks_busy(op) && !op->app->store.running)
			begin_clean(op, h);
		switch (h->closing) {
		case CLOSE_NONE:
			begin_await(op, h);
			break;
		case CLOSE_AWAIT:
			if (!op_hooks_tick(op))
				return false;
			begin_fail(op, h);
			break;
		case CLOSE_FAIL:
			if (!op_hooks_tick(op))
				return false;
			begin_clean(op, h);
			break;
		case CLOSE_CLEAN:
			return clean_all(op);
		}
	}
}
