/*
 * The verdict on a release: it is good, or it is rejected and, where there is a good
 * one and nothing holds, what runs goes back to that.
 */
#include "app_priv.h"

static void on_trimmed(uint32_t id, void *arg)
{
	struct app *a = arg;

	store_drop_release(a->engine, a, id);
}

void app_promote(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.target);
	bool prunes = a->plan_valid && app_target_plan(a)->n_prune && app_may_prune(a);

	if (r->state != RELEASE_GOOD) {
		a->engine->counts.promotions++;
		r->decided_ms = world_wall(a->engine->w);
		app_decided(a, LOG_INFO, "promote", r, app_op_age_ms(a),
			    "release #%u (%.7s) is good", r->id, r->revision);
		engine_event(a->engine, a, "Normal", "Promoted",
			     "release #%u (%.7s) is good", r->id, r->revision);
	}
	r->state = RELEASE_GOOD;
	r->proven = true;
	record_blame_nobody(&a->rec);
	record_hooks_proven(&a->rec);
	r->prune = r->prune && prunes;
	a->rec.last_good = r->id;
	a->rec.reverts_in_row = 0;
	free(a->rec.pin_why);
	free(a->rec.pin_by);
	a->rec.pin_why = a->rec.pin_by = NULL;
	a->rec.pin_rejected = 0;
	a->soak_began = 0;
	a->sync_err = ERR_INIT;
	record_trim(&a->rec, a->spec.history_limit, on_trimmed, a);
	app_set_phase(a, prunes ? PHASE_PRUNING : PHASE_GOOD);
	app_save(a);
}

/*
 * A migration is not undone by putting the objects back: what it did may not fit
 * the last good release. Says so behind the reason; false: nothing holds.
 */
static bool is_held(const struct app *a, struct buf *reason)
{
	const struct hook_run *h = record_hook_holds(&a->rec);
	struct objkey k;

	if (!h)
		return false;
	k = hook_run_key(h);
	buf_adds(reason, "; held, not reverted: hook ");
	objkey_format(&k, reason);
	buf_adds(reason, " has run and what it did may not fit the last good release: "
		 "mend it with a new commit, or annotate the hook syncd.dev/"
		 "reversible: \"true\"");
	return true;
}

/* In words, behind the reason: what auto-revert would do, or why it does nothing. */
static void say_stays(struct app *a, struct release *rel, enum auto_revert mode,
		      const struct revert_why *why, struct buf *out)
{
	const struct release *good = record_release(&a->rec, a->rec.last_good);

	if (!good || good == rel) {
		buf_adds(out, "; nothing to revert to");
		return;
	}
	if (mode != REVERT_REPORT) {
		buf_addf(out, "; it stays, auto-revert is off: %s", a->spec.automated ?
			 why->words : "automated sync is off");
		return;
	}
	rel->reported = good->id;
	buf_addf(out, "; auto-revert would go back to release #%u (%.7s), but only "
		 "reports: %s", good->id, good->revision, why->words);
	engine_event(a->engine, a, "Warning", "WouldRevert", "release #%u (%.7s) would be "
		     "reverted to #%u (%.7s): %s", rel->id, rel->revision, good->id,
		     good->revision, rel->reason);
}

static void pin_to_good(struct app *a, const struct release *failed, int64_t wall)
{
	struct record *rec = &a->rec;

	free(rec->pin_why);
	free(rec->pin_by);
	rec->pin_why = xasprintf("release #%u (%.7s) was rejected: %s", failed->id,
				 failed->revision, failed->reason);
	rec->pin_by = xstrdup("auto-revert");
	rec->pin_since_ms = wall;
	rec->pin_rejected = failed->id;
	rec->pin_prepared = false;
	rec->target = rec->last_good;
	if (!a->target || a->target_id != failed->id)
		return;
	rel_unref(a->failed);	/* in memory still: the revert may have hooks of it */
	a->failed = rel_ref(a->target);
	a->failed_id = failed->id;
}

/*
 * A candidate turned bad. With a last good release the target goes back to it,
 * now; without one everything stays for people to look at.
 */
void app_reject(struct app *a, struct release *rel, const char *reason,
		bool may_pass, bool mutated)
{
	int64_t wall = world_wall(a->engine->w);
	int64_t mono = (int64_t)world_now(a->engine->w);
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct revert_why why;
	enum auto_revert mode = app_revert_mode(a, &why);
	const char *spared = app_fault_spares(a);
	_cleanup_buf_ struct buf stays = BUF_INIT;
	bool back, held;

	if (spared && mode == REVERT_ON) {
		mode = REVERT_REPORT;
		why.words = spared;
	}
	back = rel->id != a->rec.last_good && a->rec.last_good && mode == REVERT_ON;
	/* It changed nothing itself, but one before it did that was never put back. */
	mutated = mutated || (back && record_blames(&a->rec));
	buf_adds(&words, reason);
	held = back && mutated && is_held(a, &words);
	back = back && !held;
	reason = buf_str(&words);
	free(rel->reason);
	rel->reason = xstrdup(reason);
	app_keep_evidence(a, rel);
	rel->state = RELEASE_REJECTED;
	rel->may_pass = may_pass;
	rel->decided_ms = wall;
	rel->rejected_mono = mono;
	rel->reported = 0;
	if (!back && !held && mutated)
		say_stays(a, rel, mode, &why, &stays);
	a->engine->counts.rejections++;
	err_set(&a->sync_err, ERR_INVALID, "release #%u (%.7s) was rejected: %s%s",
		rel->id, rel->revision, reason, buf_str(&stays));
	app_decided(a, LOG_WARN, "reject", rel, app_op_age_ms(a),
		    "release #%u (%.7s) rejected: %s%s", rel->id, rel->revision, reason,
		    back && mutated ? "; reverting" : buf_str(&stays));
	engine_event(a->engine, a, "Warning", "Rejected",
		     "release #%u (%.7s): %s", rel->id, rel->revision, reason);
	a->soak_began = 0;
	a->rec.op.id[0] = '\0';
	if (!back) {
		if (!mutated && (a->prior_target || a->rec.last_good))
			a->rec.target = a->prior_target ? a->prior_target :
					a->rec.last_good;
		app_set_phase(a, PHASE_FAILED);
		app_save(a);
		return;
	}
	pin_to_good(a, rel, wall);
	if (mutated) {	/* a refusal before anything was changed reverts nothing */
		a->rec.reverts_in_row++;
		a->rec.last_revert_ms = wall;
		a->rec.last_revert_mono = mono;
	} else {
		a->sync_err = ERR_INIT;	/* the pin says it */
	}
	app_set_phase(a, mutated ? PHASE_REVERTING : PHASE_PINNED);
	app_save(a);
}
