/*
 * The Application's status: built from the facts, written when it changed and at
 * most once a second. The same patch removes a refresh annotation that was seen
 * and an operation that was taken over, guarded by the resourceVersion they were
 * read at where something of somebody else's would be lost.
 *
 * An Application CRD that is not ours may drop status.syncd. The answer of our own
 * write shows it; from then on its essentials go into an annotation, in the same
 * patch. status.syncd is still sent, so that the answer also shows when it is kept.
 */
#include "app_priv.h"
#include "orphans.h"
#include "settings.h"

#include <stdio.h>

#define STATUS_EVERY_MS 1000
#define STATUS_FIRST_MS 400
#define STATUS_LEARN_MS 30000	/* at most, after a restart */
#define STATUS_MAX_MS 300000
#define STATUS_BUSY_MS 10000	/* at the latest, however busy */
#define BUSY_REQUESTS 16
#define BUSY_AGAIN_MS 250
#define ASIDE_EVERY_MS 30000
#define CONTESTED_MS 30000	/* between two writes over another's */
#define ASIDE "StandsAsideWarning"
#define TOLD_MS 3600000		/* within this, */
#define TOLD_MAX 6		/* so many Events of errors: others' budget is theirs */

static bool may_tell(struct app *a)
{
	uint64_t now = world_now(a->engine->w);

	if (!a->told_since || now - a->told_since >= TOLD_MS) {
		a->told_since = now;
		a->told_errors = 0;
	}
	return a->told_errors++ < TOLD_MAX;
}

/*
 * An error is an Event, too, for who asks kubectl describe. Of a release that was
 * rejected there is one already; SyncError tells why one is tried again, and of one
 * that Git has come back to.
 */
static void tell_error(struct app *a, const struct status_condition *c)
{
	size_t n = strlen(c->type);

	if (n <= 5 || strcmp(c->type + n - 5, "Error"))
		return;
	if (!strcmp(c->type, "SyncError") &&
	    !(a->sync_err.code && a->rec.op.id[0] && a->rec.op.failed) &&
	    (a->sync_err.code || !app_comes_back(a)))
		return;
	if (may_tell(a))
		engine_event(a->engine, a, "Warning", c->type, "%s", c->message);
}

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
	tell_error(a, c);
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
	return a->waits_for;
}

static json_t *build(struct app *a, const json_t *told)
{
	struct engine *e = a->engine;
	_cleanup_free_ char *head = sources_commits(a);
	_cleanup_json_ json_t *gates = app_control_status(a);
	_cleanup_buf_ struct buf excluding = BUF_INIT;
	struct revert_why why;
	enum auto_revert mode = app_revert_mode(a, &why);
	struct status_view v = {
		.spec = &a->spec, .record = &a->rec, .live = &e->live,
		.found = app_sights_found(a),
		.plan = a->plan_valid ? &a->plan : NULL,
		.release = a->head ? &a->head->a : a->target ? &a->target->a : NULL,
		.head = head,
		.compared = a->plan_valid && a->head && !a->head_err.code && *head,
		.source_type = a->head ? a->head->a.source_type : NULL,
		.op = &a->op_view, .conditions = a->conditions.data,
		.n_conditions = a->conditions.len,
		.now_ms = world_wall(e->w), .reconciled_ms = world_wall(e->w),
		.phase_message = message_of(a), .leader = e->identity,
		.pin = a->gates.pinned ? &a->spec.pin : NULL,
		.suspend = app_hold_active(&a->spec.suspend, world_wall(e->w)) ?
			   &a->spec.suspend : NULL,
		.window = a->gates.shut, .gates = gates,
		.auto_revert = !a->spec.automated || mode == REVERT_ON ? NULL :
			       mode == REVERT_REPORT ? "report" : "false",
		.auto_revert_why = why.words, .auto_revert_until_ms = why.until_ms,
		.asking = app_asks(a) ? app_target_plan(a) : NULL,
		.orphans = orphans_of(a),
	};

	settings_excluding(e, &excluding);
	v.excluding = buf_str(&excluding);
	v.breaker = breaker_words(a, &v.breaker_since_ms);
	if (v.breaker && !a->op && a->gates.held)
		v.held = a->gates.held;
	return status_build(&v, told);
}

/* Between two writes; longer the more often it failed. */
static uint64_t status_pause(const struct app *a)
{
	uint64_t ms = STATUS_EVERY_MS;

	for (unsigned i = 0; i < a->status_fails && ms < STATUS_MAX_MS; i++)
		ms *= 2;
	return ms < STATUS_MAX_MS ? ms : STATUS_MAX_MS;
}

/* ---- who else writes it ---- */

/*
 * Somebody wrote over it, or a write of an earlier leader was late: it is written again.
 * Who does so all the time gets an answer every half minute.
 */
static void compare_with_told(struct app *a, const json_t *status, uint64_t rv)
{
	_cleanup_json_ json_t *told = NULL;
	uint64_t now = world_now(a->engine->w);

	if (rv <= a->status_rv)
		return;		/* as we wrote it, or before */
	a->status_rv = rv;
	told = told_tree(&a->told);
	if (!told || status_same(status, told))
		return;
	engine_log(a->engine, LOG_DEBUG, a, "the status is not what was told: again");
	told_set(&a->told, status);
	a->contested = true;
	if (a->contested_at && now < a->contested_at + CONTESTED_MS)
		a->status_at = a->contested_at + CONTESTED_MS;
}

/* The answer tells at which version it is ours; in a text the quotes have backslashes. */
static uint64_t answered_rv(const struct kube_request *r)
{
	static const char key[] = "\"resourceVersion\":\"";
	const char *at = r->answer_len ?
		memmem(r->answer, r->answer_len, key, strlen(key)) : NULL;
	uint64_t rv = 0;

	for (at += at ? strlen(key) : 0; at && at < r->answer + r->answer_len &&
	     *at >= '0' && *at <= '9'; at++)
		rv = rv * 10 + (uint64_t)(*at - '0');
	return rv;
}

static void compare_seen(struct app *a, const struct kube_request *r)
{
	_cleanup_json_ json_t *seen = steal(&a->status_seen);
	uint64_t rv = answered_rv(r);

	if (rv > a->status_rv)
		a->status_rv = rv;
	if (seen)
		compare_with_told(a, seen, a->status_seen_rv);
}

static void look_for_another(struct app *a, const json_t *application, json_t *status)
{
	const char *s = doc_get_str(application, "metadata", "resourceVersion", NULL);
	uint64_t rv = s ? strtoull(s, NULL, 10) : 0;

	if (!a->status_busy) {
		compare_with_told(a, status, rv);
		return;
	}
	json_decref(a->status_seen);
	a->status_seen = json_incref(status);
	a->status_seen_rv = rv;
}

void app_status_seen(struct app *a, const json_t *application)
{
	const char *mirror = doc_get_str(application, "metadata", "annotations",
					 STATUS_MIRROR, NULL);
	json_t *status = doc_get(application, "status", NULL);

	if (a->aside || (!a->told.packed && status)) {	/* aside: another writes it */
		told_set(&a->told, status);
		free(a->mirror);
		a->mirror = xstrdup(mirror);
		/* Another process' finding: a restart writes nothing anew. */
		if (mirror && !a->aside && !doc_get(status, "syncd", NULL))
			a->engine->drops_syncd = true;
	} else if (a->told.packed && !status && !a->status_busy) {
		/* `kubectl replace` takes it along, where no subresource guards it. */
		told_forget(&a->told);
	} else if (a->told.packed && status) {
		look_for_another(a, application, status);
	}
}

/*
 * Was status.syncd kept? Looked for as bytes: the answer may be large and nothing
 * else of it is needed. Inside of a string the quotes would have backslashes.
 */
static void look_for_mirror(struct app *a, const struct kube_request *r)
{
	static const char kept[] = "\"syncd\":{";
	struct engine *e = a->engine;
	bool dropped = r->answer_len &&
		       !memmem(r->answer, r->answer_len, kept, strlen(kept));

	if (e->drops_syncd != dropped)
		engine_log(e, LOG_INFO, a, "the Application CRD %s status.syncd%s",
			   dropped ? "drops" : "keeps", dropped ?
			   ": it is mirrored in annotation " STATUS_MIRROR : "");
	e->drops_syncd = dropped;
	free(a->mirror);
	a->mirror = steal(&a->mirror_sent);
	if (dropped != (a->mirror != NULL))
		app_poke(a);
}

static void on_written(struct kube_request *r, const struct err *err)
{
	struct app *a = container_of(r, struct app, status_req);

	a->status_busy = false;
	if (!err->code) {
		look_for_mirror(a, r);
		compare_seen(a, r);
	}
	json_decref(a->status_seen);
	a->status_seen = NULL;
	free(a->status_body);
	a->status_body = NULL;
	a->status_fails = err->code ? a->status_fails + 1 : 0;
	/* Not taken off the CR then: with the next write. */
	if (err->code && a->operation_mark == MARK_CLEARED)
		a->operation_mark = MARK_SEEN;
	if (err->code && a->refresh_mark == MARK_CLEARED)
		a->refresh_mark = MARK_SEEN;
	if (err->code && err->code != ERR_NOTFOUND && !a->aside) {
		engine_log(a->engine, err->code == ERR_CONFLICT ? LOG_DEBUG :
			   LOG_WARN, a, "writing the status: %s", err->msg);
		told_forget(&a->told);	/* unknown now: the next look writes */
	}
	if (err->code)
		app_poke_at(a, a->status_at + status_pause(a));
	else if (a->status_missed || a->contested)
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

/* What the API server will have of it: `mirror` says whether status.syncd is lost. */
static json_t *as_kept(json_t *status, const char *mirror)
{
	json_t *kept = json_copy(status);

	if (mirror)
		json_object_del(kept, "syncd");
	return kept;
}

static bool is_told(const struct app *a, const json_t *told, json_t *status,
		    const char *mirror)
{
	_cleanup_json_ json_t *kept = NULL;

	if (!told || !mirror != !a->mirror ||
	    (mirror && strcmp(mirror, a->mirror)))
		return false;
	kept = as_kept(status, mirror);
	return status_same(kept, told);
}

static json_t *annotations(const struct app *a, bool drop_refresh,
			   const char *mirror)
{
	json_t *o = json_object();

	if (drop_refresh)
		json_object_set_new(o, "argocd.argoproj.io/refresh", json_null());
	if (mirror || a->mirror)
		json_object_set_new(o, STATUS_MIRROR, mirror ? json_string(mirror) :
							       json_null());
	return o;
}

static void write_status(struct app *a, const json_t *told, json_t *status,
			 bool drop_refresh, char *mirror)
{
	struct engine *e = a->engine;
	_cleanup_json_ json_t *patch = json_object(), *kept = NULL;
	json_t *body = json_deep_copy(status), *meta = json_object();
	json_t *annotated = annotations(a, drop_refresh, mirror);
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = a->spec.ns, .name = a->spec.name,
	};
	struct buf text = BUF_INIT;

	if (told)
		add_removed(body, told);
	json_object_set_new(patch, "status", body);
	json_object_set_new(patch, "metadata", meta);
	if (json_object_size(annotated))
		json_object_set(meta, "annotations", annotated);
	json_decref(annotated);
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
	a->status_req.first = true;
	a->status_busy = true;
	a->status_at = world_now(e->w);
	a->contested_at = a->contested ? a->status_at : a->contested_at;
	a->contested = false;
	a->untold = 0;
	kept = as_kept(status, mirror);
	told_set(&a->told, kept);
	free(a->mirror_sent);
	a->mirror_sent = mirror;
	app_poke_dependents(a);
	kube_start(e->kube, &a->status_req);
}

/* A refresh is answered when Git was asked after it and rendered. */
static bool refreshed(const struct app *a)
{
	struct err why;

	if (a->refresh_mark != MARK_SEEN)
		return false;
	if (app_is_refused(a) || !a->revs.len)
		return true;
	if (*a->rendering || sources_fetching(a))
		return false;
	return sources_error(a, &why) || sources_polled_at(a) >= a->refresh_at;
}

/* The end of what runs comes soon, and may follow a write only after a second. */
static uint64_t tell_at(const struct app *a)
{
	if (a->operation_mark == MARK_SEEN || a->untold)
		return 0;
	if (a->op)
		return op_tell_at(a->op);
	return *a->rendering ? a->render_began + STATUS_EVERY_MS : 0;
}

/*
 * After a restart what stands there is better than what is known so far: a pinned
 * application would be Missing for a second. What keeps it from being known is told.
 */
static bool is_half_known(const struct app *a)
{
	if (a->status_at || !a->told.packed || (a->plan_valid && a->head) || a->op ||
	    a->spec.deleting || world_now(a->engine->w) >= a->born + STATUS_LEARN_MS)
		return false;
	for (size_t i = 0; i < a->conditions.len; i++)
		if (strcmp(a->conditions.data[i].type, "SyncError") &&
		    strcmp(a->conditions.data[i].type, PINNED_INFO))
			return false;
	return true;
}

/* What is under way is worth more than telling of it. */
static bool is_busy(const struct app *a)
{
	const struct engine *e = a->engine;

	return kube_pending(e->kube) > BUSY_REQUESTS &&
	       world_now(e->w) < (a->status_at ? a->status_at : a->born) + STATUS_BUSY_MS;
}

static void on_calm(struct world_timer *t)
{
	struct app *a = container_of(t, struct app, calm);

	if (is_busy(a))
		world_timer_start(a->engine->w, t, BUSY_AGAIN_MS);
	else
		app_poke(a);
}

/* Without a look each time: a thousand may wait. */
static void wait_for_calm(struct app *a)
{
	if (a->calm.active)
		return;
	a->calm.fn = on_calm;
	world_timer_start(a->engine->w, &a->calm, BUSY_AGAIN_MS);
}

void app_status_tick(struct app *a)
{
	struct engine *e = a->engine;
	_cleanup_json_ json_t *status = NULL, *told = NULL;
	_cleanup_free_ char *mirror = NULL;
	uint64_t now = world_now(e->w);
	bool drop_refresh = refreshed(a);
	bool must = drop_refresh || a->operation_mark == MARK_SEEN || a->untold;
	struct err why;

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
	if (!must && is_busy(a)) {
		wait_for_calm(a);
		return;
	}
	if (!app_compare_between(a, must))
		return;
	told = told_tree(&a->told);
	status = build(a, told);
	app_compared_between(a);
	if (e->drops_syncd)
		mirror = status_mirror(doc_get(status, "syncd", NULL));
	if (!must && is_told(a, told, status, mirror))
		return;
	if (!must && is_half_known(a)) {
		app_poke_at(a, a->born + STATUS_LEARN_MS);
		return;
	}
	/* Before anything is known there is nothing worth a write. */
	if (!must && a->revs.len && !sources_known(a) && !sources_error(a, &why) &&
	    !a->conditions.len)
		return;
	write_status(a, told, status, drop_refresh, steal(&mirror));
}

/* ---- while another controller writes the rest ---- */

static bool says(const json_t *status, const char *words)
{
	const json_t *c;
	size_t i;

	json_array_foreach(doc_get(status, "conditions", NULL), i, c) {
		const char *type = doc_get_str(c, "type", NULL);
		const char *message = doc_get_str(c, "message", NULL);

		if (type && message && !strcmp(type, ASIDE))
			return !strcmp(message, words);
	}
	return false;
}

static json_t *with_ours(struct app *a, const json_t *told, const char *words)
{
	json_t *list = json_array(), *c;
	char now[32];
	size_t i;

	json_array_foreach(doc_get(told, "conditions", NULL), i, c) {
		const char *type = doc_get_str(c, "type", NULL);

		if (!type || strcmp(type, ASIDE))
			json_array_append(list, c);
	}
	time_rfc3339(world_wall(a->engine->w), now);
	json_array_append_new(list, json_pack("{ssssss}", "type", ASIDE, "message",
					      words, "lastTransitionTime", now));
	return list;
}

void app_status_aside(struct app *a, const char *words)
{
	uint64_t now = world_now(a->engine->w);
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = a->spec.ns, .name = a->spec.name,
	};
	_cleanup_json_ json_t *patch = NULL, *told = told_tree(&a->told);
	struct buf text = BUF_INIT;

	if (a->status_busy || says(told, words))
		return;
	if (a->aside_at && now < a->aside_at + ASIDE_EVERY_MS) {
		app_poke_at(a, a->aside_at + ASIDE_EVERY_MS);
		return;
	}
	/* On what was read: the conditions beside ours are the other's. */
	patch = json_pack("{s{ss}s{sos{ss}}}", "metadata", "resourceVersion",
			  a->spec.resource_version, "status", "conditions",
			  with_ours(a, told, words), "syncd", "message", words);
	doc_write(patch, &text);
	a->status_body = buf_steal(&text, NULL);
	free(a->mirror_sent);
	a->mirror_sent = xstrdup(a->mirror);	/* the annotation stays as it is */
	kube_merge_patch_init(&a->status_req, &ref, FIELD_MANAGER, a->status_body,
			      strlen(a->status_body));
	a->status_req.on_done = on_written;
	a->status_req.first = true;
	a->status_busy = true;
	a->status_at = a->aside_at = now;
	kube_start(a->engine->kube, &a->status_req);
}
