/*
 * One hook: what hook_decide() says is done, and what came of it noted in its row
 * of the record, in the operation's results and, when it failed, in the group. A
 * request that fails is made again a few times; what is not in the live index is
 * read again every few seconds.
 */
#include "op_hook_priv.h"

#include "app_priv.h"

#include <stdio.h>

#define TRIES 5
#define PAUSE_MS 2000
#define LOOK_EVERY_MS 5000
#define LONGEST_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct hook_run *hook_call_row(const struct hook_call *c)
{
	return record_hook(&c->op->app->rec, &c->task.key, c->task.phase);
}

static const struct rendered *hook_call_object(const struct hook_call *c)
{
	return &op_hooks_source(c->op, c->task.phase)->objects[c->task.object];
}

static bool is_over(const struct hook_run *row)
{
	return row->state != HOOK_PLANNED && row->state != HOOK_RUNNING;
}

/* What people see of it: its row of operationState.syncResult. */
static void show(struct hook_call *c, const char *status, const char *phase,
		 const char *message)
{
	op_hook_result(c->op, &c->task.key, c->version,
		       hook_phase_str(c->task.phase), status, phase, message);
}

static void note_failed(struct hook_call *c, enum op_outcome outcome, bool may_pass,
			const char *words)
{
	struct op *op = c->op;
	struct op_hooks *h = op->hooks;
	_cleanup_buf_ struct buf key = BUF_INIT;

	show(c, outcome == OP_REFUSED ? "SyncFailed" : "Synced", "Failed", words);
	app_fault(op->app, hook_call_object(c));
	if (h->failed)
		return;
	objkey_format(&c->task.key, &key);
	h->failed = true;
	h->outcome = outcome;
	op->may_pass = op->may_pass || may_pass;
	h->err = ERR_INIT;
	err_set(&h->err, ERR_INVALID, "%s hook %s: %s",
		hook_phase_str(c->task.phase), buf_str(&key), words);
}

void hook_call_recall(struct hook_call *c, const struct hook_run *row)
{
	if (row->state == HOOK_SUCCEEDED)
		show(c, "Synced", "Succeeded", "succeeded");
	else if (is_over(row))
		note_failed(c, OP_BAD, row->state == HOOK_LATE,
			    row->message ? row->message : "failed");
}

void hook_look_at(struct op *op, uint64_t at)
{
	uint64_t now = world_now(op->e->w);

	if (op->timer.active && op->hooks_look_at && op->hooks_look_at <= at)
		return;
	op->hooks_look_at = at;
	world_timer_start(op->e->w, &op->timer, at > now ? at - now : 1);
}

bool hook_call_retries(struct hook_call *c)
{
	if (c->terminal || ++c->tries >= TRIES)
		return false;
	c->err = ERR_INIT;
	c->again_at = world_now(c->op->e->w) + PAUSE_MS * c->tries;
	return true;
}

/* A revert waits no longer for them than for what it applies. */
static uint64_t patience(const struct hook_call *c)
{
	const struct app_spec *s = &c->op->app->spec;
	uint64_t ms = hook_of_revert(c->task.phase) ? s->wave_deadline_ms :
						      s->hook_deadline_ms;

	return c->active_ms + PAUSE_MS > ms ? c->active_ms + PAUSE_MS : ms;
}

static void set_deadline(struct hook_call *c, struct hook_run *row)
{
	struct world *w = c->op->e->w;
	int64_t left = row->deadline_ms - world_wall(w);
	uint64_t ms = patience(c);

	if (!row->deadline_ms)
		row->deadline_ms = world_wall(w) + (int64_t)ms;
	else	/* of an earlier life */
		ms = left <= 0 ? 0 : left < LONGEST_MS ? (uint64_t)left : LONGEST_MS;
	c->deadline = world_now(w) + ms;
}

static void took(struct hook_call *c, struct hook_run *row,
		 const struct hook_seen *s)
{
	row->state = HOOK_RUNNING;
	memcpy(row->uid, s->uid, sizeof(row->uid));
	set_deadline(c, row);
	record_inv_drop(&c->op->app->rec, &c->task.key);	/* a hook from now on */
	show(c, "Synced", "Running", s->health.message);
}

static void ended(struct hook_call *c, struct hook_run *row, enum hook_state state,
		  const char *words)
{
	const struct rendered *o = hook_call_object(c);

	row->state = state;
	c->op->hooks->dirty = true;
	if (state == HOOK_SUCCEEDED) {
		memcpy(row->digest, o->digest, sizeof(row->digest));
		show(c, "Synced", "Succeeded", *words ? words : "succeeded");
		return;
	}
	free(row->message);
	row->message = xstrdup(words);
}

static void fail_late(struct hook_call *c, struct hook_run *row,
		      const struct hook_seen *s)
{
	_cleanup_free_ char *words = xasprintf("it did not end within %llu s (%s): "
		"syncd.dev/%s-deadline allows more",
		(unsigned long long)(patience(c) / 1000),
		*s->health.message ? s->health.message : health_str(s->health.status),
		hook_of_revert(c->task.phase) ? "wave" : "hook");

	ended(c, row, HOOK_LATE, words);
	note_failed(c, OP_BAD, true, words);
}

static void fail_bad(struct hook_call *c, struct hook_run *row, const char *words)
{
	ended(c, row, HOOK_FAILED, words);
	note_failed(c, OP_BAD, false, words);
}

static void fail_refused(struct hook_call *c, struct hook_run *row,
			 const char *words)
{
	ended(c, row, HOOK_FAILED, words);
	note_failed(c, OP_REFUSED, false, words);
}

/* A request failed for good, or too often. */
static void give_up(struct hook_call *c, struct hook_run *row)
{
	struct op *op = c->op;
	struct err err = c->err;
	_cleanup_buf_ struct buf key = BUF_INIT;

	if (is_over(row)) {
		objkey_format(&c->task.key, &key);
		engine_log(op->e, LOG_WARN, op->app, "hook %s keeps its finalizer: %s",
			   buf_str(&key), err.msg);
		c->left = true;
		c->err = ERR_INIT;
		return;
	}
	/* What people want done around a revert never keeps the good release away. */
	if (c->terminal || op->outcome != OP_RUNNING || hook_of_revert(c->task.phase)) {
		fail_refused(c, row, err.msg);
		c->err = ERR_INIT;
		return;
	}
	op->unanswered = !c->req.status;
	objkey_format(&c->task.key, &key);
	err_wrap(&err, "%s hook %s", hook_phase_str(c->task.phase), buf_str(&key));
	op_fail(op, OP_TROUBLE, &err);
}

static void say_waiting(struct hook_call *c, const struct hook_seen *s,
			const char *what)
{
	struct op *op = c->op;
	_cleanup_buf_ struct buf key = BUF_INIT;

	if (*op->message)
		return;	/* the first one is told */
	objkey_format(&c->task.key, &key);
	snprintf(op->message, sizeof(op->message), "%s hook %s: %s",
		 hook_phase_str(c->task.phase), buf_str(&key),
		 *s->health.message && *what == 'r' ? s->health.message : what);
}

/* What is not in the live index has no news: it is read again. */
static void wait_on(struct hook_call *c, struct hook_run *row,
		    const struct hook_seen *s)
{
	struct op *op = c->op;
	uint64_t now = world_now(op->e->w);

	if (!live_find(&op->e->live, &c->task.key)) {
		c->got.looked = false;
		c->again_at = now + LOOK_EVERY_MS;
		hook_look_at(op, c->again_at);
	}
	if (row->state == HOOK_RUNNING) {
		say_waiting(c, s, "running");
		hook_look_at(op, c->deadline);
		return;
	}
	say_waiting(c, s, "an earlier run is being deleted: if it stays, look at "
		    "its finalizers");
	if (!c->deadline)
		c->deadline = now + op->app->spec.wave_deadline_ms;
	hook_look_at(op, c->deadline);
	if (now < c->deadline)
		return;
	err_set(&c->err, ERR_TIMEOUT, "an earlier run is being deleted, but its "
		"finalizers are not done");
	give_up(c, row);
	op_poke(op);
}

/* Does what the decision says; true: decide again at once. */
static bool act(struct hook_call *c, struct hook_run *row, enum hook_verb verb,
		const struct hook_seen *s)
{
	switch (verb) {
	case HOOK_DO_LOOK:
	case HOOK_DO_CREATE:
	case HOOK_DO_RELEASE:
	case HOOK_DO_DELETE:
		hook_call_start(c, verb);
		return false;
	case HOOK_DO_TAKE:
		took(c, row, s);
		return true;
	case HOOK_DO_WAIT:
		wait_on(c, row, s);
		return false;
	case HOOK_DO_PASS:
		ended(c, row, HOOK_SUCCEEDED, s->health.message);
		return true;
	case HOOK_DO_FAIL:
		fail_bad(c, row, *s->health.message ? s->health.message : "failed");
		return true;
	case HOOK_DO_LATE:
		fail_late(c, row, s);
		return true;
	case HOOK_DO_GONE:
		fail_bad(c, row, "its object was deleted while it ran");
		return true;
	case HOOK_DO_REFUSE:
		fail_refused(c, row, "its object is managed by another application: "
			     "rename one of the two, or set syncOption "
			     "FailOnSharedResource=false");
		return true;
	case HOOK_DO_REST:
	case HOOK_VERB_N:
		break;
	}
	return false;
}

/* The operation ends before it is made; what failed of it is still to be told. */
static bool is_called_off(const struct hook_call *c)
{
	return c->op->terminated ||
	       (c->op->called_off && c->task.phase != HOOK_SYNC_FAIL);
}

/* Is nothing left to do for it at this step of the group? */
static bool rests(const struct op_hooks *h, const struct hook_call *c,
		  const struct hook_run *row, enum hook_verb verb)
{
	if (row->state == HOOK_PLANNED)
		return verb != HOOK_DO_TAKE &&
		       (h->failed || is_called_off(c) || c->task.rank >= h->max_rank);
	if (row->state == HOOK_RUNNING)
		return !h->await;
	return verb == HOOK_DO_REST || c->left || h->step != HOOKS_RELEASING;
}

static enum hook_verb decide(const struct hook_call *c, const struct hook_run *row,
			     const struct hook_seen *s, uint64_t now)
{
	struct hook_facts f = {
		.run = row, .seen = s, .late = c->deadline && now >= c->deadline,
		.shared_allowed = op_options(c->op) & OPT_SHARED_ALLOWED,
	};

	return c->made && row->state == HOOK_PLANNED ? HOOK_DO_TAKE :
						       hook_decide(&f, NULL);
}

void hook_call_settle(struct hook_call *c)
{
	struct hook_run *row = hook_call_row(c);
	struct hook_seen s = hook_call_seen(c);

	if (row->state == HOOK_PLANNED && decide(c, row, &s, 0) == HOOK_DO_TAKE)
		took(c, row, &s);
}

bool hook_call_step(struct hook_call *c, int gate)
{
	struct op *op = c->op;
	struct op_hooks *h = op->hooks;
	uint64_t now = world_now(op->e->w);

	if (c->busy)
		return false;
	if (c->err.code && !hook_call_retries(c)) {
		give_up(c, hook_call_row(c));
		return true;
	}
	if (c->again_at > now) {
		hook_look_at(op, c->again_at);
		return false;
	}
	for (;;) {
		struct hook_run *row = hook_call_row(c);
		struct hook_seen s = hook_call_seen(c);
		enum hook_verb verb;

		if (row->state == HOOK_RUNNING && !c->deadline)
			set_deadline(c, row);
		verb = decide(c, row, &s, now);
		if (rests(h, c, row, verb))
			return true;
		if (verb == HOOK_DO_CREATE && c->task.rank > gate)
			return false;
		if (!act(c, row, verb, &s))
			return false;
	}
}
