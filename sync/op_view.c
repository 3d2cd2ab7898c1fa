/* op_view.c - what an operation is at, for its application and for people; its end. */
#include "op_priv.h"

#define TELL_CALM_MS 1500
#define TELL_LATE_MS 4000

enum op_outcome op_outcome(const struct op *op)
{
	return op->outcome;
}

const struct err *op_error(const struct op *op)
{
	return &op->err;
}

bool op_mutated(const struct op *op)
{
	return op->mutated;
}

bool op_unanswered(const struct op *op)
{
	return op->unanswered;
}

bool op_may_pass(const struct op *op)
{
	return op->may_pass;
}

uint32_t op_options(const struct op *op)
{
	const struct op_record *o = &op->app->rec.op;

	return o->own_options ? o->options : op->app->spec.options;
}

const char *op_propagation(const struct op *op)
{
	const struct op_record *o = &op->app->rec.op;
	const struct release *r = record_release(&op->app->rec, op->c.release);
	const char *own = o->own_options ? o->propagation : NULL;

	if (op->c.prune_only && r && r->prune)	/* what was asked for with the sync */
		own = r->propagation;
	if (own && *own)
		return own;
	return op->app->spec.propagation ? op->app->spec.propagation : "Foreground";
}

bool op_is_partial(const struct op *op)
{
	return op->app->rec.op.only.len;
}

uint32_t op_id_release(const char *id)
{
	return *id == 'r' ? (uint32_t)strtoul(id + 1, NULL, 10) : 0;
}

uint64_t op_took_ms(const struct op *op)
{
	return world_now(op->e->w) - op->started_mono;
}

uint64_t op_tell_at(const struct op *op)
{
	uint64_t calm = op->moved + TELL_CALM_MS;
	uint64_t late = op->started_mono + TELL_LATE_MS;

	if (op->c.kind == OP_REVERT)	/* the night's first question */
		return 0;
	return calm < late ? calm : late;
}

const char *op_message(const struct op *op)
{
	return op->message;
}

enum phase op_phase(const struct op *op)
{
	if (op->c.kind == OP_REVERT)
		return PHASE_REVERTING;
	if (op->c.prune_only)
		return PHASE_PRUNING;
	if (op->c.kind == OP_HEAL || op_is_partial(op))
		return op->app->rec.phase;
	switch (op->sm.state) {
	case OP_APPLYING:
	case OP_CLAIMING:
	case OP_LEARNING:
		return PHASE_APPLYING;
	case OP_SETTLING_:
	case OP_CLOSING:
		return PHASE_SETTLING;
	case OP_HOOKING:
		return op->started ? PHASE_SETTLING : PHASE_APPLYING;
	default:
		return PHASE_PREFLIGHT;
	}
}

int op_wave(const struct op *op)
{
	return op->wave;
}

static struct op_result new_row(const struct objkey *k, const char *version,
				const char *status, const char *message)
{
	return (struct op_result){
		.group = xstrdup(k->group), .version = xstrdup(version),
		.kind = xstrdup(k->kind), .ns = xstrdup(k->ns),
		.name = xstrdup(k->name), .status = status,
		.message = xstrdup(message),
	};
}

void op_hook_result(struct op *op, const struct objkey *k, const char *version,
		    const char *type, const char *status, const char *phase,
		    const char *message)
{
	struct op_view *v = &op->app->op_view;
	struct op_result *r = NULL;

	for (size_t i = 0; i < v->results.len && !r; i++) {
		struct op_result *o = &v->results.data[i];
		struct objkey there = { o->group, o->kind, o->ns, o->name };

		if (o->hook && !strcmp(o->hook, type) && !objkey_cmp(&there, k))
			r = o;
	}
	if (!r) {
		r = op_view_add(v, new_row(k, version, status, message), true);
		if (!r)
			return;
	}
	r->hook = type;
	r->status = status;
	r->hook_phase = phase;
	free(r->message);
	r->message = xstrdup(message);
	app_poke(op->app);
}

void op_result(struct op *op, const struct objkey *k, const char *version,
	       const char *status, const char *message)
{
	op_view_add(&op->app->op_view, new_row(k, version, status, message), false);
}

void op_supersede(struct op *op, const char *why)
{
	if (!op->superseded) {
		op->superseded = xstrdup(why);
		op_poke(op);
	}
}

void op_call_off(struct op *op, const char *why)
{
	if (op->called_off)
		return;
	op->called_off = true;
	free(op->superseded);
	op->superseded = xstrdup(why);
	op_poke(op);
}

void op_hold(struct op *op, bool hold)
{
	op->hold = hold;
}

void op_terminate(struct op *op, const char *why)
{
	op->terminated = op->called_off = true;
	free(op->superseded);
	op->superseded = xstrdup(why);
	op_poke(op);
}

bool op_was_terminated(const struct op *op)
{
	return op->terminated;
}

const char *op_destination(const struct op *op)
{
	return op->dest_ns;
}

struct op *op_free(struct op *op)
{
	if (!op)
		return NULL;
	world_undefer(op->e->w, &op->task);
	world_timer_stop(op->e->w, &op->timer);
	discovery_forget(op->e->discovery, op);
	op_batch_free(op);
	op_facts_free(op);
	op_hooks_free(op);
	op->unstick = unstick_free(op->unstick);
	kube_abandon(op->e->kube, &op->ns_req);
	kube_request_deinit(&op->ns_req);
	free(op->ns_body);
	free(op->dest_ns);
	free(op->superseded);
	free(op->scopes);
	free(op->force_scopes);
	plan_deinit(&op->plan);
	free(op);
	return NULL;
}

/* Who may not do what with it, in the authorizer's own words: no value is in them. */
static bool is_of_authorizer(const char *msg)
{
	static const char begin[] = "secrets \"";
	const char *end;

	if (strncmp(msg, begin, strlen(begin)))
		return strstr(msg, "serviceaccounts \"") == msg;
	end = strchr(msg + strlen(begin), '"');
	return end && !strncmp(end, "\" is forbidden: User \"", 22);
}

void op_safe_error(const struct objkey *k, const struct kube_request *r,
		   const struct err *err, struct err *ret)
{
	*ret = *err;
	op_hint(ret);
	/* Its words may quote the value; the reason is enough to go on with. */
	if (!strcmp(k->kind, "Secret") && r->status >= 400 &&
	    !(r->status == 403 && is_of_authorizer(err->msg)))
		err_set(ret, err->code, "the API server refused it (HTTP %d%s%s); "
			"its message is withheld, as it may quote the secret",
			r->status, *r->reason ? " " : "", r->reason);
	ret->retry = err->retry;
}
