/*
 * What a decision sets in motion: operations; app_verdict.c has promotion and rejection.
 *
 * Every change of the record that matters is written before the next thing is
 * done (app_save); an operation writes it itself before its first mutation.
 */
#include "app_priv.h"
#include "others.h"
#include "select.h"
#include "turns.h"

#include <stdio.h>

#define SAVE_AGAIN_MS 5000

void app_set_phase(struct app *a, enum phase p)
{
	if (a->rec.phase == p)
		return;
	if (a->rec.phase == PHASE_SOAKING)
		app_soak_end(a);
	a->rec.phase = p;
	a->rec.phase_since_ms = world_wall(a->engine->w);
}

/* ---- the record ---- */

static void on_saved(struct store_call *c, const struct err *err)
{
	struct app *a = c->app;

	if (err->code == ERR_CONFLICT) {
		/* Another wrote it: we are not the leader we think we are. */
		engine_fatal(a->engine, err);
		return;
	}
	if (err->code) {
		a->rec_dirty = true;
		a->retry_at = world_now(a->engine->w) + SAVE_AGAIN_MS;
		app_poke_at(a, a->retry_at);
		return;
	}
	app_poke(a);
}

void app_save(struct app *a)
{
	if (a->store.running) {	/* one write at a time: again after this one */
		a->rec_dirty = true;
		return;
	}
	a->rec_dirty = false;
	a->store.app = a;
	/* A record made anew (somebody deleted it) holds what runs, at least. */
	a->store.answer = !a->rec_version && a->target ? &a->target->a : NULL;
	a->store.release = a->target_id;
	a->store.on_done = on_saved;
	store_put_record(&a->store);
}

/* ---- starting ---- */

/* The commit that people know it by: the last one that asked for it. */
static void name_release(const struct app *a, struct release *r)
{
	const struct repo_rev *rev = sources_first(a);

	snprintf(r->revision, sizeof(r->revision), "%.*s",
		 (int)strcspn(a->rendered, " "), a->rendered);
	free(r->revisions);
	r->revisions = sources_wanted(a)->many ? xstrdup(a->rendered) : NULL;
	free(r->sources);
	r->sources = app_sources_text(sources_wanted(a));
	free(r->project);
	r->project = xstrdup(a->spec.project);
	free(r->author);
	free(r->subject);
	r->author = xstrdup(rev && rev->author ? rev->author : "");
	r->subject = xstrdup(rev && rev->subject ? rev->subject : "");
}

static struct release *note_candidate(struct app *a)
{
	const struct render_answer *h = &a->head->a;
	struct release *r = record_by_digest(&a->rec, h->digest);

	/* The same objects under the same options are the same release. */
	if (r && !strcmp(r->options_digest, a->spec.options_digest))
		return r;
	r = record_add_release(&a->rec);
	memcpy(r->digest, h->digest, sizeof(r->digest));
	memcpy(r->input_key, h->input_key, sizeof(r->input_key));
	memcpy(r->options_digest, a->spec.options_digest,
	       sizeof(r->options_digest));
	name_release(a, r);
	r->n_objects = (uint32_t)h->n_objects;
	r->created_ms = world_wall(a->engine->w);
	return r;
}

void app_view_started(struct app *a, const struct release *r, const char *by,
			 bool automated)
{
	op_view_reset(&a->op_view);
	a->op_view = (struct op_view){
		.present = true, .phase = "Running", .automated = automated,
		.started_ms = a->rec.op.started_ms,
		.retries = a->rec.op.failed,
		.initiated_by = xstrdup(by),
	};
	if (!r)
		return;
	memcpy(a->op_view.revision, r->revision, sizeof(a->op_view.revision));
	a->op_view.revisions = xstrdup(r->revisions);
	a->op_view.sources = xstrdup(r->sources);
}

void app_begin_op(struct app *a, enum op_kind kind, uint32_t release,
		  const char *by)
{
	struct world *w = a->engine->w;
	struct op_record *o = &a->rec.op;
	char *who = xstrdup(by);

	for (size_t i = 0; i < a->rec.inventory.len; i++)
		a->rec.inventory.data[i].changed = false;
	a->op_serves = false;
	op_record_begin(o);
	o->kind = kind;
	o->release = release;
	o->started_ms = world_wall(w);
	o->initiated_by = who;
	snprintf(o->id, sizeof(o->id), "r%u-%08x", release,
		 (unsigned)(w->ops->random(w) & 0xffffffffu));
}

void app_take_wishes(struct app *a)
{
	const struct op_request *q = &a->request;
	struct op_record *o = &a->rec.op;

	o->no_hooks = q->no_hooks;
	o->own_options = q->own_options;
	o->options = q->options;
	o->propagation = xstrdup(q->propagation);
	select_decode(o, q->resources);
	o->prune = q->prune && (o->only.len || q->dry_run ||
				o->kind == OP_ROLLBACK);
	app_request_digest(a, o->asked);
}

/* c holds what is to be done; who does it and how it ends is filled in. */
static void start(struct app *a, struct op_config *c, struct rel *rel,
		  const char *by)
{
	struct op_record *o = &a->rec.op;
	enum op_kind kind = c->kind;
	uint32_t release = c->release;
	bool resumed = o->id[0] && o->release == release && o->kind == kind;
	bool asked = kind == OP_SYNC && !c->prune_only && !resumed &&
		     app_request_is_new(a);

	free(a->shared);
	a->shared = NULL;
	c->calm = !resumed && (a->rec.phase == PHASE_NONE ||
		  a->rec.phase == PHASE_GOOD || a->rec.phase == PHASE_PINNED);
	if (c->calm && kind == OP_SYNC && !c->prune_only)
		record_blame_nobody(&a->rec);	/* a new line of candidates */
	app_fault_nobody(a);
	c->app = a;
	c->answer = &rel->a;
	if (kind == OP_REVERT && a->failed && a->failed_id == a->rec.pin_rejected) {
		a->op_failed = rel_ref(a->failed);
		c->failed = &a->op_failed->a;
	}
	if (c->deletion == DELETION_OBJECTS && a->target) {
		a->op_in_force = rel_ref(a->target);
		c->in_force = &a->op_in_force->a;
	}
	c->crds_untouched = kind == OP_REVERT || kind == OP_ROLLBACK ||
			    (kind == OP_HEAL && !app_heals_crds(a));
	c->settle = kind == OP_SYNC || kind == OP_ROLLBACK;
	c->on_done = app_op_ended;
	c->dry_run = asked && a->request.dry_run;

	if (resumed) {
		o->tries++;
	} else {
		app_begin_op(a, kind, release, by);
		if (asked)
			app_take_wishes(a);
		by = o->initiated_by;
	}
	app_view_started(a, record_release(&a->rec, release), by,
		     !strcmp(by, "automated"));
	a->op_rel = rel_ref(rel);
	a->op_prunes = c->prune_only;
	a->op = op_start(c);
	a->plan_valid = false;	/* it borrows from the inventory, which changes now */
}

void app_start_op(struct app *a, enum op_kind kind, uint32_t release,
		  struct rel *rel, bool prune_only, const char *by)
{
	struct op_config c = { .kind = kind, .release = release,
			       .prune_only = prune_only };

	start(a, &c, rel, by);
}

void app_start_deletion(struct app *a, enum op_deletion what,
			enum hook_phase phase, struct rel *rel)
{
	struct op_config c = { .kind = OP_SYNC, .release = a->rec.target,
			       .prune_only = true, .deletion = what,
			       .delete_phase = phase };

	start(a, &c, rel, APP_BY_DELETION);
	if (what == DELETION_HOOKS)
		record_hooks_carry(&a->rec, phase, a->rec.op.id);
}

void app_serve_request(struct app *a)
{
	a->op_serves = true;
	app_request_taken(a);
}

/* A request that cannot go yet has no part in what goes by itself meanwhile. */
static void start_sync(struct app *a)
{
	struct release *r = note_candidate(a);
	bool asked = app_request_is_new(a);
	const char *by = asked ? a->request.by : "automated";
	bool rejected = r->state == RELEASE_REJECTED;

	a->sync_err = ERR_INIT;
	if (asked && (a->request.dry_run || a->request.resources)) {
		if (!a->request.dry_run)
			app_note_gates(a, r);
		app_start_op(a, OP_SYNC, r->id, a->head, false, by);
		app_serve_request(a);
		return;
	}
	if (asked && a->request.retry_rejected) {
		app_unpin(a);
		rejected = false;
	}
	name_release(a, r);
	app_note_gates(a, r);
	fights_clear(&a->fights);
	r->prune = asked && a->request.prune;
	free(r->propagation);
	r->propagation = xstrdup(r->prune ? a->request.propagation : NULL);
	if (rejected)
		r->retried = r->retried || !asked;
	if (r->state != RELEASE_GOOD)
		r->state = RELEASE_CANDIDATE;
	free(r->initiated_by);
	r->initiated_by = xstrdup(by);
	if (a->rec.phase == PHASE_SOAKING && a->rec.target != r->id) {
		struct release *old = record_release(&a->rec, a->rec.target);

		if (old && old->state == RELEASE_CANDIDATE)
			old->state = RELEASE_SUPERSEDED;
	}
	a->prior_target = a->rec.target;
	a->rec.target = r->id;
	rel_unref(a->target);
	a->target = rel_ref(a->head);
	a->target_id = r->id;
	a->soak_began = 0;
	app_decided(a, LOG_INFO, "sync", r, 0, "release #%u (%.7s, %s): %zu of %u "
		    "objects change, %zu go later", r->id, r->revision, by,
		    a->plan.n_apply, r->n_objects, a->plan.n_prune);
	app_start_op(a, OP_SYNC, r->id, a->head, false, by);
	if (asked)
		app_serve_request(a);
}

const struct plan *app_target_plan(const struct app *a)
{
	bool apart = a->head && a->target &&
		     strcmp(a->head->a.digest, a->target->a.digest);

	return apart ? &a->target_plan : &a->plan;
}

bool app_asks(const struct app *a)
{
	return a->plan_valid && a->target && !a->op && app_target_plan(a)->n_ask;
}

static void start_revert(struct app *a)
{
	app_start_op(a, OP_REVERT, a->rec.last_good, a->target, false,
		     "auto-revert");
}

static void start_prune(struct app *a)
{
	const struct plan *p = app_target_plan(a);

	if (!a->plan_valid || !p->n_prune) {
		app_set_phase(a, PHASE_GOOD);
		app_save(a);
		return;
	}
	if (app_waits_for_others(a))
		return;
	app_start_op(a, OP_SYNC, a->rec.target, a->target, true, "automated");
}

static void adopt_head(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.target);

	name_release(a, r);
	free(a->rec.pin_why);
	free(a->rec.pin_by);
	a->rec.pin_why = a->rec.pin_by = NULL;
	a->rec.pin_rejected = 0;
	a->rec.reverts_in_row = 0;
	a->sync_err = ERR_INIT;
	app_set_phase(a, PHASE_GOOD);
	app_decided(a, LOG_INFO, "adopt", r, 0, "Git says again what is running (#%u): "
		    "no longer pinned", r->id);
	engine_event(a->engine, a, "Normal", "Unpinned", "Git's head %.7s equals "
		     "release #%u", a->rendered, r->id);
	app_save(a);
}

/* Going on with what a request asked for: it is known by its digest. */
static void serve_again(struct app *a)
{
	char digest[65];

	app_request_digest(a, digest);
	if (!a->op_serves && *digest && !strcmp(digest, a->rec.op.asked))
		app_serve_request(a);
	else if (a->op_serves)
		a->op_view.asked = json_incref(a->request.raw);
}

static void resume_op(struct app *a)
{
	const struct op_record *o = &a->rec.op;
	bool revert = o->kind == OP_REVERT;

	if (o->only.len) {	/* of what Git says; decided so */
		app_start_op(a, o->kind, o->release, a->head, false,
			     o->initiated_by ? o->initiated_by : "automated");
		serve_again(a);
		return;
	}
	if (o->release != a->target_id) {
		/* Its target moved on: nothing of it is left to do. */
		a->rec.op.id[0] = '\0';
		app_save(a);
		return;
	}
	if (!revert && a->rec.phase == PHASE_PRUNING) {
		/* Policy and guard are asked again: either may have changed. */
		a->rec.op.id[0] = '\0';
		start_prune(a);
		return;
	}
	app_decided(a, LOG_INFO, "resume", record_release(&a->rec, o->release),
		    app_op_age_ms(a), "going on with operation %s (%s of #%u)", o->id,
		    op_kind_str(o->kind), o->release);
	app_start_op(a, o->kind, o->release, a->target, false,
		     o->initiated_by ? o->initiated_by : "automated");
	serve_again(a);
}

static void reject_soaked(struct app *a)
{
	const char *words = app_kept_words(a, a->rec.target);
	_cleanup_free_ char *why = xasprintf("%s%s%s", a->soak_why ? a->soak_why : "",
					     words ? "; " : "", words ? words : "");

	app_reject(a, record_release(&a->rec, a->rec.target), why, false, true);
}

void app_act(struct app *a, const struct decision *d)
{
	if (d->next != NEXT_SYNC || a->request.present)
		turns_leave(a);
	else if (!turns_take(a))
		return;
	switch (d->next) {
	case NEXT_ROLLBACK:
		app_rollback(a);
		break;
	case NEXT_UNPIN:
		app_end_pin(a);
		break;
	case NEXT_REFUSE:
		app_request_refused(a, d->why);
		break;
	case NEXT_SYNC:
		/* Also when the retry is a release of its own (other bytes). */
		if (d->rejected && !app_request_is_new(a))
			record_release(&a->rec, d->rejected->id)->retried = true;
		start_sync(a);
		break;
	case NEXT_HEAL:
		app_start_op(a, OP_HEAL, a->target_id, a->target, false,
			     "automated");
		break;
	case NEXT_RESUME:
		resume_op(a);
		break;
	case NEXT_GIVE_UP:
		app_give_up(a, d->why);
		break;
	case NEXT_PROMOTE:
		app_promote(a);
		break;
	case NEXT_REVERT:
		if (a->rec.phase == PHASE_SOAKING && a->gather)
			break;	/* its end pokes */
		if (a->rec.phase == PHASE_SOAKING)
			reject_soaked(a);
		else
			start_revert(a);
		break;
	case NEXT_PRUNE:
		start_prune(a);
		break;
	case NEXT_ADOPT:
		adopt_head(a);
		break;
	case NEXT_WAIT:
	case NEXT_SOAK:
	case NEXT_N:
		if (a->rec_dirty)
			app_save(a);
		break;
	}
}
