/*
 * What people ask for in the Application: the `operation` field, and a phase
 * Terminating in operationState. A request is ours from the moment it is seen, but
 * stays on the Application until its operation starts: whoever wrote it can follow
 * it, withdraw it or replace it, and a crash does not lose it.
 */
#include "app_priv.h"

void app_request_drop(struct app *a)
{
	free(a->request.revision);
	app_sources_deinit(&a->request.sources);
	free(a->request.propagation);
	free(a->request.bad);
	free(a->request.override);
	free(a->request.by);
	json_decref(a->request.raw);
	a->request = (struct op_request){ 0 };
}

void app_request_done(struct app *a)
{
	app_request_drop(a);
	app_follow_source(a);	/* back from the revision that was asked for */
}

void app_request_taken(struct app *a)
{
	json_decref(a->op_view.asked);
	a->op_view.asked = json_incref(a->request.raw);
	a->operation_mark = MARK_SEEN;
}

void app_request_digest(const struct app *a, char out[65])
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	*out = '\0';
	if (!a->request.present)
		return;
	doc_canonical(a->request.raw, &text);
	sha256_hex(text.data, text.len, out);
}

static void take_sources(struct app *a, const struct app_operation *op)
{
	app_sources_deinit(&a->request.sources);
	app_sources_copy(&a->request.sources, &op->sources);
	a->request.own_sources = op->own_sources;
	a->request.allowed = false;	/* asked when it is followed */
}

static void take(struct app *a, const struct app_operation *op)
{
	bool named = op->initiated_by && *op->initiated_by;

	a->request = (struct op_request){
		.present = true, .prune = op->prune, .dry_run = op->dry_run,
		.retry = op->retry, .no_hooks = op->no_hooks,
		.own_options = op->own_options, .options = op->options,
		.propagation = xstrdup(op->propagation),
		.retry_rejected = op->retry_rejected, .unpin = op->unpin,
		.override = xstrdup(op->override), .gates = op->gates,
		.rollback = op->release, .ttl_ms = op->ttl_ms,
		.revision = xstrdup(op->revision), .bad = xstrdup(op->bad),
		.by = xstrdup(named ? op->initiated_by : "operation"),
		.raw = json_deep_copy(op->raw),
		.seen_at = world_now(a->engine->w),
	};
	take_sources(a, op);
	if (op->resources)
		a->request.resources = doc_get(a->request.raw, "sync", "resources",
					       NULL);
}

bool app_claim_operation(struct app *a)
{
	const struct app_operation *op = &a->spec.operation;

	if (a->aside)
		return false;
	if (!op->present || (a->op_view.asked &&
			     !json_equal(a->op_view.asked, op->raw)))
		a->operation_mark = MARK_NONE;
	/* One that is served is not disturbed; the next one waits on the CR. */
	if (a->op_serves || a->operation_mark != MARK_NONE)
		return false;
	if (a->request.present && op->present &&
	    json_equal(a->request.raw, op->raw)) {
		take_sources(a, op);	/* the spec may have other ones now */
		return false;
	}
	app_request_drop(a);
	if (!op->present)
		return false;
	take(a, op);
	engine_log(a->engine, LOG_INFO, a, "%s asked for a %s%s%s", a->request.by,
		   op->release ? "rollback" : op->unpin ? "pin's end" : "sync",
		   op->revision ? " of " : "", op->revision ? op->revision : "");
	return true;
}

/* startedAt says which operation was meant. */
static bool is_meant(const struct app *a, int64_t started_ms)
{
	int64_t s = started_ms / 1000;

	return s == a->op_view.started_ms / 1000 ||
	       (a->rec.op.id[0] && s == a->rec.op.started_ms / 1000);
}

/*
 * A tool patches operationState.phase to Terminating: the operation that runs ends,
 * with its hooks; one that waits for another try gets none.
 */
void app_look_for_termination(struct app *a, const json_t *status)
{
	const json_t *state = doc_get(status, "operationState", NULL);
	const char *phase = doc_get_str(state, "phase", NULL);
	int64_t started = time_parse_rfc3339(doc_get_str(state, "startedAt", NULL));
	const struct op_record *o = &a->rec.op;
	const char *by = o->initiated_by ? o->initiated_by : "automated";

	if (!phase || strcmp(phase, "Terminating") || !is_meant(a, started))
		return;
	if (a->op) {
		a->op_view.phase = "Terminating";
		op_terminate(a->op, "Operation terminated");
		return;
	}
	if (o->id[0] && (o->kind == OP_SYNC || o->kind == OP_ROLLBACK)) {
		if (!a->op_view.present)	/* another process began it */
			app_view_started(a, record_release(&a->rec, o->release), by,
					 !strcmp(by, "automated"));
		app_give_up(a, "Operation terminated");
	}
	told_forget(&a->told);	/* it is over: say so again */
}

void app_request_over(struct app *a, bool done, const char *words)
{
	app_view_started(a, NULL, a->request.by, false);
	a->op_view.started_ms = a->op_view.finished_ms =
		world_wall(a->engine->w);
	a->op_view.phase = done ? "Succeeded" : "Failed";
	free(a->op_view.message);
	a->op_view.message = xstrdup(words);
	if (!done)	/* the state may be another operation's a moment later */
		engine_event(a->engine, a, "Warning", "RequestRefused",
			     "what %s asked for: %s", a->request.by, words);
	app_request_taken(a);
	app_request_done(a);
}

void app_request_failed(struct app *a, const struct err *why)
{
	app_request_over(a, false, why->msg);
}

void app_request_refused(struct app *a, const char *why)
{
	app_decided(a, LOG_INFO, "refuse", NULL, 0, "what %s asked for is refused: %s",
		    a->request.by, why ? why : "");
	app_request_over(a, false, why ? why : "refused");
}

bool app_request_ready(const struct app *a)
{
	const struct op_request *q = &a->request;
	struct err why;

	if (q->present && q->override && !q->bad && app_override_pending(a))
		return false;
	if (q->present && (q->rollback || q->unpin || q->bad))
		return true;	/* all it takes is stored here */
	if (!q->present || !a->revs.len || !app_is_rendered(a) ||
	    (q->own_sources && !q->allowed))
		return false;
	return sources_error(a, &why) || app_head_is_broken(a) ||
	       sources_polled_at(a) >= q->seen_at;
}

bool app_request_is_served(const struct app *a)
{
	char digest[65];

	if (a->op_serves || !a->rec.op.id[0] || !*a->rec.op.asked)
		return a->op_serves;
	app_request_digest(a, digest);
	return !strcmp(digest, a->rec.op.asked);
}

bool app_request_is_new(const struct app *a)
{
	return app_request_ready(a) && !app_request_is_served(a);
}

bool app_request_lost(const struct app *a)
{
	const struct op_request *q = &a->request;
	struct err why;

	return app_request_ready(a) && !q->rollback && !q->unpin && a->revs.len &&
	       (app_head_is_broken(a) || (sources_error(a, &why) &&
					  (!app_head_is_current(a) || q->revision ||
					   q->own_sources)));
}

/* Nothing is ended for what would not take its place. */
static bool will_be_refused(const struct app *a)
{
	const struct op_request *q = &a->request;

	if (q->bad || a->spec.n_errors || a->project_err.code)
		return true;
	if (q->rollback || q->unpin)
		return app_rollback_unknown(a) || a->gates.rollback;
	return app_request_lost(a) || a->gates.pinned || a->gates.shut_manual ||
	       a->gates.gate_manual || app_draw_waits(a);
}

bool app_request_supersedes(const struct app *a)
{
	const char *by = a->rec.op.initiated_by;

	if (a->op_serves || a->request.dry_run || !app_request_ready(a) ||
	    will_be_refused(a))
		return false;
	return by && (!strcmp(by, "automated") || !strcmp(by, "auto-revert"));
}
