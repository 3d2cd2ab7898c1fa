/*
 * ReplicaSets of a Deployment that was replaced by one whose selector does not fit them:
 * nobody adopts them, their pods serve until the new ones are healthy, then they go.
 *
 * Happy path: list those of the old Deployment -> note them in the record, ahead -> the
 * Deployment is replaced (op_replace.c) -> when its step has settled and it is healthy,
 * read each, and delete by uid what nobody else has adopted. A process that dies in
 * between finds them in the record, and so does the next operation where this one ends
 * before that: another sync, a heal, a prune after their Deployment has gone. One that
 * cannot be deleted is told and left.
 */
#include "op_priv.h"

#include "app_priv.h"

#define PAGE_SETS 250
#define MAX_SETS 2000		/* without pods, of one Deployment: rows of the record */
#define MAX_PAGES 40		/* of all tries of one list */
#define NOTE_STEP_MS 20

/* The old Deployment's ReplicaSets bear the labels of its selector: a page of them. */
void op_leftovers_list(struct apply *a)
{
	struct kube_ref ref = { .group = "apps", .version = "v1",
				.resource = "replicasets", .ns = a->task.key.ns };
	_cleanup_buf_ struct buf labels = BUF_INIT;
	const char *key;
	json_t *v;

	json_object_foreach(doc_get(a->live, "spec", "selector", "matchLabels", NULL),
			    key, v)
		if (json_is_string(v))
			buf_addf(&labels, "%s%s=%s", labels.len ? "," : "", key,
				 json_string_value(v));
	kube_list_init(&a->req, &ref, labels.len ? buf_str(&labels) : NULL,
		       PAGE_SETS, a->page);
	a->pages++;
}

static bool is_owned_by(const json_t *o, const char *uid)
{
	const json_t *ref;
	size_t i;

	json_array_foreach(doc_get(o, "metadata", "ownerReferences", NULL), i, ref) {
		const char *who = doc_get_str(ref, "uid", NULL);

		if (who && !strcmp(who, uid))
			return true;
	}
	return false;
}

static bool is_noted(const struct op_record *o, const char *uid)
{
	for (size_t i = 0; i < o->leftovers.len; i++)
		if (!strcmp(o->leftovers.data[i].uid, uid))
			return true;
	return false;
}

static size_t count_of(const struct apply *a)
{
	const struct op_record *o = &a->op->app->rec.op;
	size_t n = 0;

	for (size_t i = 0; i < o->leftovers.len; i++)
		n += !strcmp(o->leftovers.data[i].owner, a->old_uid);
	return n;
}

/* There is a row for it; always, where it has pods. */
static bool has_room(struct apply *a, const json_t *set)
{
	if (doc_get_int(set, 0, "spec", "replicas", NULL) ||
	    doc_get_int(set, 0, "status", "replicas", NULL) || count_of(a) < MAX_SETS)
		return true;
	a->beyond = true;
	return false;
}

/* True: it is new to the record. */
static bool note(struct apply *a, const json_t *set)
{
	struct op_record *o = &a->op->app->rec.op;
	const char *name = doc_get_str(set, "metadata", "name", NULL);
	const char *uid = doc_get_str(set, "metadata", "uid", NULL);
	struct op_leftover l = { .wave = a->task.wave };

	if (!name || !uid || strlen(uid) >= sizeof(l.uid) ||
	    !is_owned_by(set, a->old_uid) || is_noted(o, uid) || !has_room(a, set))
		return false;
	l.ns = xstrdup(a->task.key.ns);
	l.name = xstrdup(name);
	l.of = xstrdup(a->task.key.name);
	strcpy(l.uid, uid);
	strcpy(l.owner, a->old_uid);
	vec_push(&o->leftovers, l);
	return true;
}

/* One record write at a time: another object's may be under way. */
static void on_note(struct world_timer *t)
{
	struct apply *a = container_of(t, struct apply, again);
	struct op *op = a->op;

	if (op->outcome != OP_RUNNING && op->err.code && op->recorded) {
		op_apply_done(a);	/* the object stays as it is */
		return;
	}
	if (!op->recorded || op->app->store.running) {
		world_timer_start(op->e->w, &a->again, NOTE_STEP_MS);
	} else if (!a->noted) {
		a->noted = true;
		op_record_write(op, false);
		world_timer_start(op->e->w, &a->again, NOTE_STEP_MS);
	} else {
		a->replacing = REPLACE_DELETE;
		op_apply_send(a);
	}
}

/* Nobody has so many on purpose: what is beyond stays, and somebody is told. */
static void say_beyond(const struct apply *a)
{
	engine_log(a->op->e, LOG_WARN, a->op->app, "the old Deployment %s has more than %d "
		   "ReplicaSets; those beyond are left: delete them by hand",
		   a->task.key.name, MAX_SETS);
	engine_event(a->op->e, a->op->app, "Warning", "ReplicaSetsLeft", "the old Deployment "
		     "%s has more than %d ReplicaSets; those beyond are left: delete them "
		     "by hand", a->task.key.name, MAX_SETS);
}

/* A token that is too old: from the first page again, none is noted twice. */
static bool begins_again(struct apply *a, const struct err *err)
{
	if (err->code != ERR_GONE || !a->page || a->pages >= MAX_PAGES)
		return false;
	free(steal(&a->page));
	op_apply_send(a);
	return true;
}

/* True: it is asked for. */
static bool next_page(struct apply *a)
{
	const char *token = doc_get_str(a->req.json, "metadata", "continue", NULL);

	free(a->page);
	a->page = token && *token ? xstrdup(token) : NULL;
	if (a->page && a->pages < MAX_PAGES) {
		op_apply_send(a);
		return true;
	}
	if (a->page || a->beyond)
		say_beyond(a);
	return false;
}

void op_leftovers_listed(struct apply *a, const struct err *err)
{
	const json_t *item;
	size_t i;

	if (err->code) {
		if (!begins_again(a, err))
			op_replace_fail(a, err, "listing its ReplicaSets");
		return;
	}
	a->noted = a->noted || a->pages == 1;	/* nothing new so far */
	json_array_foreach(json_object_get(a->req.json, "items"), i, item)
		a->noted = !note(a, item) && a->noted;
	if (next_page(a))
		return;
	a->replacing = REPLACE_NOTE;
	a->again.fn = on_note;
	world_timer_start(a->op->e->w, &a->again, 0);
}

/* ---- when the new one is healthy ---- */

static struct objkey deployment_of(const struct op_leftover *l)
{
	return (struct objkey){ "apps", "Deployment", l->ns, l->of };
}

static bool is_whole(const struct op_leftover *l)
{
	return l->ns && l->name && l->of;
}

/* It was not replaced after all, and needs it still; or what was asked for is over. */
static bool is_over(const struct op *op, const struct op_leftover *l)
{
	struct objkey k = deployment_of(l);
	const struct live *now = is_whole(l) ? live_find(&op->e->live, &k) : NULL;

	return l->asked || !is_whole(l) || (now && !strcmp(now->uid, l->owner));
}

static void drop_over(struct op *op)
{
	struct op_record *o = &op->app->rec.op;
	size_t n = 0;

	for (size_t i = 0; i < o->leftovers.len; i++) {
		struct op_leftover *l = &o->leftovers.data[i];

		if (!is_over(op, l)) {
			o->leftovers.data[n++] = *l;
			continue;
		}
		free(l->ns);
		free(l->name);
		free(l->of);
	}
	o->leftovers.len = n;
}

static const struct task *task_of(const struct op *op, const struct objkey *k)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++)
		if (!objkey_cmp(&op->plan.tasks.data[i].key, k))
			return &op->plan.tasks.data[i];
	return NULL;
}

static bool is_behind(const struct op *op, const struct task *t)
{
	return t->wave < op->wave || (t->wave == op->wave && t->step <= op->step);
}

static bool is_last_step(const struct op *op)
{
	const struct task *first = op->plan.tasks.data;	/* NULL: a plan of none */

	for (size_t i = 0; first && i < op->plan.tasks.len; i++)
		if (!is_behind(op, first + i))
			return false;
	return true;
}

/* The new one stands. */
static bool is_replaced(const struct app *a, const struct op_leftover *l)
{
	struct objkey k = deployment_of(l);
	const struct live *now = is_whole(l) ? live_find(&a->engine->live, &k) : NULL;

	return now && strcmp(now->uid, l->owner) && now->health.status == HEALTH_HEALTHY;
}

static bool is_due(const struct op *op, const struct op_leftover *l)
{
	struct objkey k = deployment_of(l);
	const struct task *t = task_of(op, &k);
	bool reached = t ? is_behind(op, t) : is_last_step(op);

	if (!live_find(&op->e->live, &k))	/* gone for good, or to be made yet */
		return !t && (op->c.prune_only || reached);
	return (reached || op->settled_all) && is_replaced(op->app, l);
}

/* Whoever may not touch the Deployment has nothing to do with what it left. */
static bool is_allowed(struct app *a, const struct op_leftover *l)
{
	struct objkey k = deployment_of(l), set = { "apps", "ReplicaSet", l->ns, l->name };
	struct err err = ERR_INIT;

	/* Of an excluded kind nothing is known, not even that it is gone. */
	return app_may_delete(a, &k) && app_may_delete(a, &set) &&
	       !app_check_delete(a, &k, &err);
}

static void begin(struct apply *a, struct op *op, struct op_leftover *l)
{
	l->asked = true;
	a->op = op;
	a->deleting = a->leftover = true;
	a->task = (struct task){
		.object = SIZE_MAX, .version = "v1",
		.key = { "apps", "ReplicaSet", l->ns, l->name },
	};
	strcpy(a->task.uid, l->uid);
	a->ref = (struct kube_ref){ .group = "apps", .version = "v1",
				    .resource = "replicasets", .ns = l->ns,
				    .name = l->name };
}

bool op_leftovers_start(struct op *op)
{
	struct op_record *o = &op->app->rec.op;
	struct apply *batch;
	size_t n = 0;

	op_batch_free(op);	/* it borrows the names of the last ones */
	drop_over(op);
	if (!o->leftovers.len || op->outcome != OP_RUNNING ||
	    (op->c.kind == OP_REVERT && !op->settled_all))
		return false;	/* a revert awaits health at its end only */
	batch = op_batch_make(op, o->leftovers.len);
	for (size_t i = 0; i < o->leftovers.len; i++)
		if (is_due(op, &o->leftovers.data[i]) &&
		    is_allowed(op->app, &o->leftovers.data[i]))
			begin(&batch[n++], op, &o->leftovers.data[i]);
	if (n)
		op_batch_start(op, n);
	else
		op_batch_free(op);
	return n;
}

void op_leftover_left(struct apply *a)
{
	struct op_record *o = &a->op->app->rec.op;

	for (size_t i = 0; i < o->leftovers.len; i++)
		if (!strcmp(o->leftovers.data[i].uid, a->task.uid))
			o->leftovers.data[i].asked = false;
}

/*
 * Another Deployment of a selector that fits may have adopted it. And who still has its
 * old owner was not set free: that one stands, or is the garbage collector's affair.
 */
bool op_leftover_is_free(const struct apply *a, const json_t *object)
{
	const char *uid = doc_get_str(object, "metadata", "uid", NULL);

	if (json_array_size(doc_get(object, "metadata", "ownerReferences", NULL)))
		return false;
	return uid && !strcmp(uid, a->task.uid);
}

bool op_leftovers_wait(struct app *a)
{
	const struct op_record *o = &a->rec.op;

	for (size_t i = 0; i < o->leftovers.len; i++)
		if (is_replaced(a, &o->leftovers.data[i]) &&
		    is_allowed(a, &o->leftovers.data[i]))
			return true;
	return false;
}
