/*
 * status.resources, status.history and status.operationState: rows of objects.
 */
#include "status_parts.h"

bool status_prune_is_late(const struct status_view *v)
{
	return v->record->op.id[0] && v->record->op.applied;
}

static int compare_keys(const void *a, const void *b)
{
	return objkey_cmp(a, b);
}

/* What the next prune removes, sorted; while pinned nothing of the target is. */
static struct objkey *doomed_keys(const struct status_view *v, size_t *ret_n)
{
	const struct plan *p = v->record->pin_why ? NULL : v->plan;
	size_t n = p ? p->prunes.len : 0;
	struct objkey *keys = xcalloc(n, sizeof(*keys));

	for (size_t i = 0; i < n; i++)
		keys[i] = p->prunes.data[i].key;
	if (n)
		qsort(keys, n, sizeof(*keys), compare_keys);
	*ret_n = n;
	return keys;
}

static void add_row(struct target_rows *rows, const struct objkey *k, int wave,
		    uint32_t flags, const struct live *l, bool in_place)
{
	struct target_row r = {
		.key = *k, .wave = wave, .flags = flags, .live = l,
		.in_place = in_place,
		.health = l ? l->health.status : HEALTH_MISSING,
	};

	if (!(flags & (OBJ_HOOK | OBJ_SKIP)))
		vec_push(rows, r);
}

/* Of a task: the watches know it, or it was read once. */
static const struct live *live_of(const struct status_view *v, const struct objkey *k)
{
	const struct live *l = live_find(v->live, k);

	return l || !v->found ? l : live_find(v->found, k);
}

static void rows_of_plan(const struct status_view *v, struct target_rows *ret)
{
	for (size_t i = 0; v->plan && i < v->plan->tasks.len; i++) {
		const struct task *t = &v->plan->tasks.data[i];

		add_row(ret, &t->key, t->wave, t->flags,
			live_of(v, &t->key), t->verb == TASK_KEEP);
	}
}

static bool is_in_place(const struct inv_entry *e, const struct live *l)
{
	return l && e->digest[0] && !strcmp(e->uid, l->uid) &&
	       !strcmp(e->fingerprint, l->fingerprint);
}

void target_rows(const struct status_view *v, struct target_rows *ret)
{
	struct record *r = (struct record *)v->record;
	struct objkey *doomed;
	size_t n;

	*ret = (struct target_rows){ 0 };
	if (!r)
		return;
	/* Nothing was put out (yet), whatever an end or a person's choice left: what Git asks for. */
	if ((!r->target || !r->inventory.len) && (v->plan || !r->inventory.len)) {
		rows_of_plan(v, ret);
		return;
	}
	doomed = doomed_keys(v, &n);
	for (size_t i = 0; i < r->inventory.len; i++) {
		const struct inv_entry *e = &r->inventory.data[i];
		struct objkey k = inv_key(e);
		const struct live *l = live_find(v->live, &k);

		if (!bsearch(&k, doomed, n, sizeof(k), compare_keys))
			add_row(ret, &k, e->wave, e->flags, l, is_in_place(e, l));
	}
	free(doomed);
}

static json_t *object_json(const char *group, const char *version,
			   const char *kind, const char *ns, const char *name)
{
	json_t *o = json_object();

	put_str(o, "group", group);
	put_str(o, "kind", kind);
	put_str(o, "name", name);
	put_str(o, "namespace", ns);
	put_str(o, "version", version);
	return o;
}

static void put_health(json_t *row, const struct live *l)
{
	json_t *h;

	if (l && l->health.status == HEALTH_NONE)
		return;
	h = json_object();
	put_str(h, "status", health_str(l ? l->health.status : HEALTH_MISSING));
	put_str(h, "message", l ? l->health.message : NULL);
	json_object_set_new(row, "health", h);
}

struct resource_list {
	json_t *rows;
	size_t total;
	bool only_bad;
};

static void add_resource(struct resource_list *list, const struct task *t,
			 const struct live *l, bool synced, bool prune)
{
	bool well = l && (l->health.status == HEALTH_NONE ||
			  l->health.status == HEALTH_HEALTHY);
	json_t *row;

	list->total++;
	if (json_array_size(list->rows) >= STATUS_MAX_RESOURCES ||
	    (list->only_bad && synced && well && !prune))
		return;
	row = object_json(t->key.group, t->version, t->key.kind, t->key.ns,
			  t->key.name);
	put_health(row, l);
	put_int(row, "syncWave", t->wave);
	put_str(row, "status", sync_status_str(synced ? SYNC_SYNCED :
					       SYNC_OUT_OF_SYNC));
	if (t->flags & OBJ_HOOK)
		json_object_set_new(row, "hook", json_true());
	if (prune)
		json_object_set_new(row, "requiresPruning", json_true());
	json_array_append_new(list->rows, row);
}

static void planned_resources(const struct status_view *v,
			      struct resource_list *list)
{
	const struct plan *p = v->plan;

	list->only_bad = p->tasks.len + p->prunes.len > STATUS_MAX_RESOURCES;
	for (size_t i = 0; i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];

		add_resource(list, t, live_of(v, &t->key),
			     t->verb == TASK_KEEP, false);
	}
	for (size_t i = 0; i < p->prunes.len; i++) {
		const struct task *t = &p->prunes.data[i];
		const struct live *l = live_find(v->live, &t->key);

		if (l && t->verb != TASK_FORGET)
			add_resource(list, t, l, t->verb == TASK_PRUNE &&
				     status_prune_is_late(v), true);
	}
}

/* Git's head is not known or cannot be rendered: what we put there, no verdict. */
static void recorded_resources(const struct status_view *v,
			       struct resource_list *list)
{
	const struct record *r = v->record;

	list->only_bad = r->inventory.len > STATUS_MAX_RESOURCES;
	for (size_t i = 0; i < r->inventory.len; i++) {
		const struct inv_entry *e = &r->inventory.data[i];
		struct task t = { .key = inv_key(e), .version = e->version,
				  .wave = e->wave, .flags = e->flags };
		size_t n = json_array_size(list->rows);

		if (e->flags & OBJ_SKIP)
			continue;	/* of a kind that is excluded */
		add_resource(list, &t, live_find(v->live, &t.key), true, false);
		if (json_array_size(list->rows) > n)
			put_str(json_array_get(list->rows, n), "status",
				sync_status_str(SYNC_UNKNOWN));
	}
}

/* Objects that hooks left in the cluster: shown, and no part of health or sync. */
static void hook_resources(const struct status_view *v,
			   struct resource_list *list)
{
	for (size_t i = 0; i < v->record->hooks.len; i++) {
		const struct hook_run *h = &v->record->hooks.data[i];
		struct objkey k = hook_run_key(h);
		const struct live *l = live_find(v->live, &k);
		json_t *row;

		if (!l || !*h->uid || strcmp(l->uid, h->uid) ||
		    json_array_size(list->rows) >= STATUS_MAX_RESOURCES)
			continue;
		row = object_json(h->group, h->version, h->kind, h->ns, h->name);
		put_health(row, l);
		json_object_set_new(row, "hook", json_true());
		json_array_append_new(list->rows, row);
		list->total++;
	}
}

json_t *status_resources(const struct status_view *v, size_t *ret_total)
{
	struct resource_list list = { .rows = json_array() };

	if (v->plan && v->record)
		planned_resources(v, &list);
	else if (v->record)
		recorded_resources(v, &list);
	if (v->record)
		hook_resources(v, &list);
	*ret_total = list.total;
	return list.rows;
}

static json_t *initiator_json(const char *by)
{
	json_t *o = json_object();

	if (!by || !by[0] || !strcmp(by, "automated"))
		json_object_set_new(o, "automated", json_true());
	else
		put_str(o, "username", by);
	return o;
}

static json_t *history_row(const struct status_view *v, const struct release *r)
{
	json_t *o = json_object();

	put_time(o, "deployStartedAt", r->created_ms);
	put_time(o, "deployedAt", r->deployed_ms);
	json_object_set_new(o, "id", json_integer(r->id));
	json_object_set_new(o, "initiatedBy", initiator_json(r->initiated_by));
	put_revisions(o, r->revision, r->revisions);
	if (r->sources || v->spec->sources.list.len)
		put_sources_text(o, r->sources, &v->spec->sources);
	return o;
}

json_t *status_history(const struct status_view *v)
{
	json_t *list = json_array();
	size_t skip = 0;

	for (size_t i = 0; v->record && i < v->record->releases.len; i++)
		skip += v->record->releases.data[i].deployed_ms > 0;
	skip -= skip < v->spec->history_limit ? skip : v->spec->history_limit;
	for (size_t i = 0; v->record && i < v->record->releases.len; i++) {
		const struct release *r = &v->record->releases.data[i];

		if (!r->deployed_ms)
			continue;
		if (skip)
			skip--;
		else
			json_array_append_new(list, history_row(v, r));
	}
	return list;
}

static json_t *result_row(const struct op_result *r, bool running)
{
	json_t *o = object_json(r->group, r->version, r->kind, r->ns, r->name);
	bool failed = !strcmp(r->status, "SyncFailed");

	put_str(o, "hookPhase", r->hook ? r->hook_phase : failed ? "Failed" :
		running ? "Running" : "Succeeded");
	put_str(o, "hookType", r->hook);
	put_str(o, "message", r->message);
	put_str(o, "status", r->status);
	put_str(o, "syncPhase", r->hook ? r->hook : "Sync");
	return o;
}

static bool must_stay(const struct op_result *r)
{
	return r->hook || !strcmp(r->status, "SyncFailed");
}

struct op_result *op_view_add(struct op_view *v, struct op_result row, bool hook)
{
	size_t i = v->results.len;

	if (i < OP_RESULTS_MAX) {
		vec_push(&v->results, row);
		return &v->results.data[i];
	}
	while (i && (hook || must_stay(&row)) && must_stay(&v->results.data[i - 1]))
		i--;
	if (!i || !(hook || must_stay(&row))) {
		op_result_deinit(&row);
		return NULL;
	}
	op_result_deinit(&v->results.data[i - 1]);
	v->results.data[i - 1] = row;
	return &v->results.data[i - 1];
}

static json_t *results_json(const struct op_view *op)
{
	bool running = !op->finished_ms;
	json_t *list = json_array();

	for (size_t i = 0; i < op->results.len; i++)
		json_array_append_new(list, result_row(&op->results.data[i], running));
	return list;
}

/*
 * What was asked: as it was written, where someone wrote it. What goes by itself was
 * asked by nobody, be it in the second in which a person's operation began.
 */
static json_t *asked_json(const struct status_view *v, const json_t *before)
{
	const struct op_view *op = v->op;
	int64_t started = time_parse_rfc3339(doc_get_str(before, "startedAt", NULL));
	json_t *asked = doc_get(before, "operation", NULL), *sync, *o;

	if (op->asked)
		return json_incref(op->asked);
	if (asked && !op->automated && started / 1000 == op->started_ms / 1000)
		return json_incref(asked);	/* we were another process then */
	o = json_object();
	sync = json_object();
	json_object_set_new(o, "initiatedBy", initiator_json(op->automated ?
			    "automated" : op->initiated_by));
	put_revisions(sync, op->revision, op->revisions);
	json_object_set_new(o, "sync", sync);
	return o;
}

/*
 * Another process showed it and ended before it could show its end: the record says
 * whether its release was deployed.
 */
static json_t *end_of(const struct status_view *v, const json_t *before)
{
	int64_t started = time_parse_rfc3339(doc_get_str(before, "startedAt", NULL));
	struct record *r = (struct record *)v->record;
	const struct release *t = record_release(r, r->target);
	bool deployed = t && t->deployed_ms >= started;
	json_t *o = json_copy((json_t *)before);

	put_str(o, "phase", deployed ? "Succeeded" : "Error");
	put_str(o, "message", deployed ? "successfully synced (all tasks run)" :
		"syncd ended before it: status.syncd says what became of it");
	put_time(o, "finishedAt", v->now_ms);
	return o;
}

/* What the last process showed, until there is an operation to show. */
static json_t *operation_before(const struct status_view *v,
				const json_t *previous)
{
	json_t *before = doc_get(previous, "operationState", NULL);

	if (!before || !v->record || v->record->op.id[0] ||
	    doc_get_str(before, "finishedAt", NULL))
		return json_incref(before);
	return end_of(v, before);
}

json_t *status_operation(const struct status_view *v, const json_t *previous)
{
	const struct op_view *op = v->op;
	json_t *o, *result;

	if (!op || !op->present)
		return operation_before(v, previous);
	o = json_object();
	result = json_object();

	json_object_set_new(o, "operation", asked_json(v,
		doc_get(previous, "operationState", NULL)));
	put_str(o, "phase", op->phase);
	put_str(o, "message", op->message || op->finished_ms ? op->message :
		v->phase_message ? v->phase_message : "waiting");
	put_time(o, "startedAt", op->started_ms);
	put_time(o, "finishedAt", op->finished_ms);
	put_int(o, "retryCount", op->retries);
	put_revisions(result, op->revision, op->revisions);
	if (op->revisions)	/* Argo CD's CRD wants it, be it empty */
		json_object_set_new(result, "revision", json_string(""));
	put_sources_text(result, op->sources, &v->spec->sources);
	json_object_set_new(result, "resources", results_json(op));
	json_object_set_new(o, "syncResult", result);
	return o;
}
