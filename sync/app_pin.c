/*
 * Rollbacks and pins. A rollback is a person's revert: the target goes back to a
 * stored release, what it leaves is rejected, and the application stays there until
 * something new is in Git, the pin's time is over, or somebody unpins. It needs no
 * Git: the release is read from its Secret. Nothing reverts a rollback.
 *
 * Back to what was good goes at any time. What never was may have been let past a gate
 * once, and is new once more: it asks gates and sync windows as any sync does.
 */
#include "app_priv.h"

static struct release *newest_good(struct record *rec, const struct release *but)
{
	for (size_t i = rec->releases.len; i-- > 0;) {
		struct release *r = &rec->releases.data[i];

		if (r != but && r->state == RELEASE_GOOD)
			return r;
	}
	return NULL;
}

/* It is not put out again by itself. */
static void leave(struct app *a, struct release *from, const struct release *to)
{
	struct record *rec = &a->rec;
	const struct release *good;

	if (!from || from == to || from->state == RELEASE_REJECTED)
		return;
	from->proven |= from->state == RELEASE_GOOD;	/* in a record of before */
	from->state = RELEASE_REJECTED;
	free(from->reason);
	from->reason = xasprintf("rolled back to release #%u by %s", to->id,
				 a->request.by);
	from->may_pass = false;
	from->decided_ms = world_wall(a->engine->w);
	from->rejected_mono = (int64_t)world_now(a->engine->w);
	if (rec->last_good == from->id) {
		good = newest_good(rec, from);
		rec->last_good = good ? good->id : 0;
	}
}

static void clear_pin(struct record *rec)
{
	free(rec->pin_why);
	free(rec->pin_by);
	rec->pin_why = rec->pin_by = NULL;
	rec->pin_rejected = 0;
	rec->pin_until_ms = 0;
}

static void pin(struct app *a, const struct release *from, const struct release *to)
{
	struct record *rec = &a->rec;
	int64_t now = world_wall(a->engine->w);

	clear_pin(rec);
	rec->pin_why = xasprintf("rolled back to release #%u (%.7s)", to->id,
				 to->revision);
	rec->pin_by = xstrdup(a->request.by);
	rec->pin_since_ms = now;
	if (a->request.ttl_ms)
		rec->pin_until_ms = now + (int64_t)a->request.ttl_ms;
	if (from && from != to)
		rec->pin_rejected = from->id;
}

bool app_rollback_unknown(const struct app *a)
{
	return a->request.present && a->request.rollback &&
	       !record_release((struct record *)&a->rec, a->request.rollback);
}

static bool is_free(const struct release *to)
{
	return to->proven || to->state == RELEASE_GOOD;
}

const struct release *app_rollback_asks(const struct app *a)
{
	const struct release *to = record_release((struct record *)&a->rec,
						  a->request.rollback);

	return a->request.present && a->request.rollback && to && !is_free(to) ? to : NULL;
}

static void say_unknown(struct app *a)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_addf(&b, "there is no release #%u any more; stored are", a->request.rollback);
	for (size_t i = 0; i < a->rec.releases.len; i++)
		buf_addf(&b, "%s #%u", i ? "," : "", a->rec.releases.data[i].id);
	if (!a->rec.releases.len)
		buf_adds(&b, " none");
	app_request_refused(a, buf_str(&b));
}

void app_rollback(struct app *a)
{
	struct record *rec = &a->rec;
	struct release *to = record_release(rec, a->request.rollback);
	struct release *from = record_release(rec, rec->target);

	if (!to) {
		say_unknown(a);
		return;
	}
	if (!is_free(to))
		app_note_override(a, to);
	leave(a, from, to);
	if (a->head)	/* and what would be next */
		leave(a, record_by_digest(rec, a->head->a.digest), to);
	if (to->state == RELEASE_GOOD)
		rec->last_good = to->id;
	else
		to->state = RELEASE_CANDIDATE;
	pin(a, from, to);
	rec->target = to->id;
	rec->reverts_in_row = 0;
	app_plans_reset(a);	/* they borrow from it */
	a->target = rel_unref(a->target);
	a->target_id = 0;
	a->load_again_at = 0;
	a->soak_began = 0;
	a->sync_err = ERR_INIT;
	app_decided(a, LOG_WARN, "rollback", to, 0, "%s rolls back to release #%u "
		    "(%.7s)", a->request.by, to->id, to->revision);
	engine_event(a->engine, a, "Normal", "RollingBack", "%s rolls back to release "
		     "#%u (%.7s)", a->request.by, to->id, to->revision);
	app_set_phase(a, PHASE_PREFLIGHT);
	app_begin_op(a, OP_ROLLBACK, to->id, a->request.by);
	app_take_wishes(a);
	app_view_started(a, to, a->request.by, false);
	app_serve_request(a);
	app_save(a);
}

static void arrived(struct app *a)
{
	struct release *to = record_release(&a->rec, a->rec.op.release);
	int64_t now = world_wall(a->engine->w);

	if (to->state != RELEASE_GOOD)
		to->decided_ms = now;
	to->state = RELEASE_GOOD;
	to->proven = true;
	to->deployed_ms = now;
	a->rec.last_good = to->id;
	a->sync_err = ERR_INIT;
	record_hooks_proven(&a->rec);
	app_set_phase(a, a->rec.pin_why ? PHASE_PINNED : PHASE_GOOD);
	app_decided(a, LOG_INFO, "rolled-back", to, app_op_age_ms(a),
		    "rolled back to release #%u (%.7s)", to->id, to->revision);
	engine_event(a->engine, a, "Normal", "RolledBack", "back at release #%u (%.7s)",
		     to->id, to->revision);
}

bool app_rollback_ended(struct app *a, const struct op *op)
{
	enum op_outcome o = op_outcome(op);

	if ((o == OP_TROUBLE || o == OP_REFUSED) && app_sync_again(a, op))
		return true;
	if (o == OP_SUCCEEDED) {
		arrived(a);
	} else if (o == OP_CANCELLED) {
		app_set_phase(a, PHASE_PINNED);
	} else {
		a->sync_err = *op_error(op);
		err_wrap(&a->sync_err, "the rollback to release #%u failed",
			 a->rec.op.release);
		engine_log(a->engine, LOG_ERROR, a, "%s", a->sync_err.msg);
		engine_event(a->engine, a, "Warning", "RollbackFailed", "%s",
			     a->sync_err.msg);
		app_set_phase(a, PHASE_FAILED);
	}
	a->rec.op.id[0] = '\0';
	app_save(a);
	return false;
}

/* ---- the end of a pin ---- */

static void lift(struct release *r)
{
	if (r && r->state == RELEASE_REJECTED)
		r->state = RELEASE_SUPERSEDED;
}

void app_unpin(struct app *a)
{
	struct record *rec = &a->rec;
	const struct release *held;

	lift(record_release(rec, rec->pin_rejected));
	while (a->head && (held = record_rejects(rec, a->head->a.digest,
						 a->head->a.input_key,
						 a->spec.options_digest)))
		lift(record_release(rec, held->id));
	clear_pin(rec);
	rec->reverts_in_row = 0;
	a->sync_err = ERR_INIT;
	if (rec->phase == PHASE_PINNED)
		app_set_phase(a, PHASE_GOOD);
}

void app_end_pin(struct app *a)
{
	bool asked = a->request.present && a->request.unpin;
	bool was = a->rec.pin_why;

	app_unpin(a);
	if (was) {
		app_decided(a, LOG_INFO, "unpin", record_release(&a->rec, a->rec.target),
			    0, "unpinned by %s", asked ?
			    a->request.by : "its time to live");
		engine_event(a->engine, a, "Normal", "Unpinned", "unpinned by %s", asked ?
			     a->request.by : "its time to live");
	}
	if (asked)
		app_request_over(a, true, was ? "unpinned" : "it was not pinned");
	app_save(a);
	app_poke(a);
}
