/*
 * The Application's status: built from the facts, written when it changed and at
 * most once a second. The same patch removes a refresh annotation that was seen
 * and an operation that was taken over, guarded by the resourceVersion they were
 * read at where something of somebody else's would be lost.
 */
#include "app_priv.h"

#include <stdio.h>

#define STATUS_EVERY_MS 1000
#define STATUS_FIRST_MS 400
#define STATUS_MAX_MS 300000
#define STATUS_BUSY_MS 10000	/* at the latest, however busy */
#define BUSY_REQUESTS 16

void app_set_condition(struct app *a, const char *type, const char *fmt, ...)
{
	struct status_condition *c = NULL;
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < a->conditions.len && !c; i++)
		if (!strcmp(a->conditions.data[i].type, type))
			c = &a->conditions.data[i];
	if (!c) {
		vec_push(&a->conditions, ((struct status_condition){
			.type = type, .since_ms = world_wall(a->engine->w) }));
		c = &a->conditions.data[a->conditions.len - 1];
	} else if (!strcmp(c->message, buf_str(&text))) {
		buf_deinit(&text);
		return;
	} else {
		c->since_ms = world_wall(a->engine->w);
	}
	free(c->message);
	c->message = buf_steal(&text, NULL);
}

void app_clear_condition(struct app *a, const char *type)
{
	for (size_t i = 0; i < a->conditions.len; i++) {
		struct status_condition *c = &a->conditions.data[i];

		if (strcmp(c->type, type))
			continue;
		free(c->message);
		memmove(c, c + 1, (a->conditions.len - i - 1) * sizeof(*c));
		a->conditions.len--;
		return;
	}
}

static const char *message_of(const struct app *a)
{
	if (a->op && *op_message(a->op))
		return op_message(a->op);
	if (a->decision.next == NEXT_WAIT || a->decision.next == NEXT_SOAK)
		return a->decision.why;
	return NULL;
}

static json_t *build(struct app *a)
{
	struct engine *e = a->engine;
	struct status_view v = {
		.spec = &a->spec, .record = &a->rec, .live = &e->live,
		.plan = a->plan_valid ? &a->plan : NULL,
		.release = a->head ? &a->head->a : a->target ? &a->target->a : NULL,
		.head = a->rev ? a->rev->commit : "",
		.compared = a->plan_valid && a->head && !a->head_err.code &&
			    a->rev && *a->rev->commit,
		.source_type = a->head ? a->head->a.source_type : NULL,
		.op = &a->op_view, .conditions = a->conditions.data,
		.n_conditions = a->conditions.len,
		.now_ms = world_wall(e->w), .reconciled_ms = world_wall(e->w),
		.phase_message = message_of(a), .leader = e->identity,
		.pin = *a->gates.pinned ? &a->spec.pin : NULL,
		.suspend = app_hold_active(&a->spec.suspend, world_wall(e->w)) ?
			   &a->spec.suspend : NULL,
		.window = *a->gates.shut ? a->gates.shut : NULL,
	};

	if (!a->plan_valid && !a->op)
		v.compared = false;
	return status_build(&v, a->status);
}

/* Between two writes; longer the more often it failed. */
static uint64_t status_pause(const struct app *a)
{
	uint64_t ms = STATUS_EVERY_MS;

	for (unsigned i = 0; i < a->status_fails && ms < STATUS_MAX_MS; i++)
		ms *= 2;
	return ms < STATUS_MAX_MS ? ms : STATUS_MAX_MS;
}

static void on_written(struct kube_request *r, const struct err *err)
{
	struct app *a = container_of(r, struct app, status_req);

	a->status_busy = false;
	free(a->status_body);
	a->status_body = NULL;
	a->status_fails = err->code ? a->status_fails + 1 : 0;
	/* Not taken off the CR then: with the next write. */
	if (err->code && a->operation_mark == MARK_CLEARED)
		a->operation_mark = MARK_SEEN;
	if (err->code && a->refresh_mark == MARK_CLEARED)
		a->refresh_mark = MARK_SEEN;
	if (err->code && err->code != ERR_NOTFOUND) {
		engine_log(a->engine, err->code == ERR_CONFLICT ? LOG_DEBUG :
			   LOG_WARN, a, "writing the status: %s", err->msg);
		json_decref(a->status);	/* unknown now: the next look writes */
		a->status = NULL;
	}
	if (err->code)
		app_poke_at(a, a->status_at + status_pause(a));
	else if (a->status_missed)
		app_poke(a);
	a->status_missed = false;
}

/* null where the old status had a key that the new one has not: merge patch. */
static void add_removed(json_t *patch, const json_t *old)
{
	const char *key;
	json_t *value, *mine;

	json_object_foreach((json_t *)old, key, value) {
		mine = json_object_get(patch, key);
		if (!mine)
			json_object_set_new(patch, key, json_null());
		else if (json_is_object(mine) && json_is_object(value))
			add_removed(mine, value);
	}
}

static void write_status(struct app *a, json_t *status, bool drop_refresh)
{
	struct engine *e = a->engine;
	_cleanup_json_ json_t *patch = json_object();
	json_t *body = json_deep_copy(status), *meta = json_object();
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = a->spec.ns, .name = a->spec.name,
	};
	struct buf text = BUF_INIT;

	if (a->status)
		add_removed(body, a->status);
	json_object_set_new(patch, "status", body);
	json_object_set_new(patch, "metadata", meta);
	if (drop_refresh)
		json_object_set_new(meta, "annotations", json_pack("{s:n}",
			"argocd.argoproj.io/refresh"));
	if (a->operation_mark == MARK_SEEN) {
		json_object_set_new(patch, "operation", json_null());
		/* Only the one that was read: it may have been replaced. */
		json_object_set_new(meta, "resourceVersion",
				    json_string(a->spec.resource_version));
		a->operation_mark = MARK_CLEARED;
	}
	if (drop_refresh)
		a->refresh_mark = MARK_CLEARED;
	doc_write(patch, &text);
	a->status_body = buf_steal(&text, NULL);
	kube_merge_patch_init(&a->status_req, &ref, FIELD_MANAGER, a->status_body,
			      strlen(a->status_body));
	a->status_req.on_done = on_written;
	a->status_busy = true;
	a->status_at = world_now(e->w);
	json_decref(a->status);
	a->status = json_incref(status);
	app_poke_dependents(a);
	kube_start(e->kube, &a->status_req);
}

/* A refresh is answered when Git was asked after it and rendered. */
static bool refreshed(const struct app *a)
{
	if (a->refresh_mark != MARK_SEEN)
		return false;
	if (app_is_refused(a) || !a->rev)
		return true;
	if (*a->rendering || a->rev->fetching)
		return false;
	return a->rev->err.code || source_polled_at(a->rev) >= a->refresh_at;
}

/* The end of what runs comes soon, and may follow a write only after a second. */
static uint64_t tell_at(const struct app *a)
{
	if (a->operation_mark == MARK_SEEN)
		return 0;
	if (a->op)
		return op_tell_at(a->op);
	return *a->rendering ? a->render_began + STATUS_EVERY_MS : 0;
}

void app_status_tick(struct app *a)
{
	struct engine *e = a->engine;
	_cleanup_json_ json_t *status = NULL;
	uint64_t now = world_now(e->w);
	bool drop_refresh = refreshed(a);
	bool must = drop_refresh || a->operation_mark == MARK_SEEN;

	if (!a->present)
		return;
	if (a->status_busy) {
		a->status_missed = true;
		return;
	}
	/* First of all: building it costs as much as the application is large. */
	if ((!must || a->status_fails) && a->status_at &&
	    now < a->status_at + status_pause(a)) {
		app_poke_at(a, a->status_at + status_pause(a));
		return;
	}
	/* A new application soon has more to tell: one write instead of two. */
	if (!must && !a->status_at && now < a->born + STATUS_FIRST_MS) {
		app_poke_at(a, a->born + STATUS_FIRST_MS);
		return;
	}
	if (now < tell_at(a)) {
		app_poke_at(a, tell_at(a));
		return;
	}
	/* What is under way is worth more than telling of it. */
	if (!must && kube_pending(e->kube) > BUSY_REQUESTS &&
	    now < (a->status_at ? a->status_at : a->born) + STATUS_BUSY_MS) {
		app_poke_at(a, now + STATUS_EVERY_MS / 4);
		return;
	}
	status = build(a);
	if (!must && a->status && status_same(status, a->status))
		return;
	/* Before anything is known there is nothing worth a write. */
	if (!must && a->rev && !*a->rev->commit && !a->rev->err.code &&
	    !a->conditions.len)
		return;
	write_status(a, status, drop_refresh);
}
