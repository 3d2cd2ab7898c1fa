/*
 * ReplicaSets of a Deployment that was replaced by one whose selector does not fit them:
 * nobody adopts them, their pods serve until the new ones are healthy, then they go.
 *
 * Happy path: list those of the old Deployment -> note them in the record, ahead -> the
 * Deployment is replaced (op_replace.c) -> when its wave has settled, delete them by uid.
 * A process that dies in between finds them in the record. One that cannot be deleted is
 * told and left.
 */
#include "op_priv.h"

#define MAX_REPLICASETS 500
#define NOTE_STEP_MS 20

/* The old Deployment's ReplicaSets bear the labels of its selector. */
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
		       MAX_REPLICASETS, NULL);
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

/* True: it is new to the record. */
static bool note(struct apply *a, const json_t *set)
{
	struct op_record *o = &a->op->app->rec.op;
	const char *name = doc_get_str(set, "metadata", "name", NULL);
	const char *uid = doc_get_str(set, "metadata", "uid", NULL);
	struct op_leftover l = { .wave = a->task.wave };

	if (!name || !uid || strlen(uid) >= sizeof(l.uid) ||
	    !is_owned_by(set, a->old_uid) || is_noted(o, uid))
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

void op_leftovers_listed(struct apply *a, const struct err *err)
{
	const json_t *item;
	bool fresh = false;
	size_t i;

	if (err->code) {
		op_replace_fail(a, err, "listing its ReplicaSets");
		return;
	}
	json_array_foreach(json_object_get(a->req.json, "items"), i, item)
		fresh |= note(a, item);
	a->noted = !fresh;
	a->replacing = REPLACE_NOTE;
	a->again.fn = on_note;
	world_timer_start(a->op->e->w, &a->again, 0);
}

/* ---- when the new one is healthy ---- */

static void drop_asked(struct op_record *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->leftovers.len; i++) {
		struct op_leftover *l = &o->leftovers.data[i];

		if (!l->asked) {
			o->leftovers.data[n++] = *l;
			continue;
		}
		free(l->ns);
		free(l->name);
		free(l->of);
	}
	o->leftovers.len = n;
}

/* What was noted may not have been done: then its Deployment still needs it. */
static bool is_due(const struct op *op, const struct op_leftover *l)
{
	struct objkey k = { "apps", "Deployment", l->ns, l->of };
	const struct live *now = l->ns && l->name && l->of ? live_find(&op->e->live, &k) : NULL;

	return (l->wave <= op->wave || op->settled_all) && now && strcmp(now->uid, l->owner);
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
	drop_asked(o);
	if (!o->leftovers.len || (op->c.kind == OP_REVERT && !op->settled_all))
		return false;	/* a revert awaits health at its end only */
	batch = op_batch_make(op, o->leftovers.len);
	for (size_t i = 0; i < o->leftovers.len; i++)
		if (is_due(op, &o->leftovers.data[i]))
			begin(&batch[n++], op, &o->leftovers.data[i]);
	if (n)
		op_batch_start(op, n);
	else
		op_batch_free(op);
	return n;
}
