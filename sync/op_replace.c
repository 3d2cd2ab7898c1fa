/*
 * Replaces an object that the API server refused to change in place.
 *
 * Happy path: read the live object -> prove by a dry run under another name that the
 * new one would be accepted -> delete the old one, by its uid, orphaning what it made
 * where that can be adopted again -> wait until it is gone -> apply. A preflight ends
 * with the proof. Whatever fails before the deletion leaves the object as it was; a
 * crash behind it leaves an object that is missing, which the next operation applies.
 */
#include "op_priv.h"

#include "ignore.h"
#include "sync/stamp.h"

#include <stdio.h>

#define GONE_MS 60000
#define GONE_STEP_MS 200
#define MAX_PORTS 200

/* ---- may it be? ---- */

static bool is_permitted(const struct apply *a)
{
	const struct op *op = a->op;
	const struct inv_entry *inv = record_inv(&op->app->rec, &a->task.key);
	uint32_t flags = a->task.flags;

	/* What the bad release was allowed to replace, its revert is, too. */
	if (op->c.kind == OP_REVERT && inv)
		flags |= inv->flags;
	/* Replace=false undoes the Application's, not a Force=true beside it. */
	return flags & OBJ_RECREATE ||
	       (op_options(op) & OPT_RECREATE && !(flags & OBJ_NO_REPLACE));
}

bool op_replace_begin(struct apply *a, const struct err *err, struct err *told)
{
	const struct objkey *k = &a->task.key;
	char field[128];

	*told = *err;
	if (a->replacing == REPLACE_OVER || a->task.object == SIZE_MAX ||
	    !replace_is_refusal(a->req.status, a->req.json, k->name, field))
		return false;
	a->way = replace_way(k->group, k->kind);
	if (a->way == REPLACE_NEVER || !is_permitted(a)) {
		op_safe_error(k, &a->req, err, told);
		replace_explain(a->way, k->kind, field, told);
		return false;
	}
	op_safe_error(k, &a->req, err, &a->refused);
	a->replacing = REPLACE_READ;
	op_apply_send(a);
	return true;
}

/* ---- sending ---- */

/* A Service's own addresses are taken, by the very one that is to go. */
static json_t *unprovable(const struct apply *a, const char *body, size_t len)
{
	json_t *tree;
	const char *ip;
	size_t n;

	if (strcmp(a->task.key.kind, "Service") || *a->task.key.group)
		return NULL;
	tree = json_object();
	ip = body_field(body, len, &n, "spec", "clusterIP", NULL);
	if (!ip || n != 6 || memcmp(ip, "\"None\"", 6)) {
		ignore_add_pointer(tree, "/spec/clusterIP");
		ignore_add_pointer(tree, "/spec/clusterIPs");
	}
	for (unsigned i = 0; i < MAX_PORTS; i++) {
		_cleanup_free_ char *p = xasprintf("/spec/ports/%u/nodePort", i);

		ignore_add_pointer(tree, p);
	}
	ignore_add_pointer(tree, "/spec/healthCheckNodePort");
	return tree;
}

static int proof_body(struct apply *a, const char *name, struct err *err)
{
	_cleanup_free_ char *body = NULL;
	_cleanup_buf_ struct buf cut = BUF_INIT, out = BUF_INIT;
	_cleanup_json_ json_t *tree = NULL;
	size_t len;

	if (op_body(a, &body, &len, err))
		return -1;
	tree = unprovable(a, body, len);
	if (tree ? ignore_cut_body(body, len, tree, &cut, err) : 0)
		return -1;
	if (!tree)
		buf_add(&cut, body, len);
	if (body_stamp_hook(cut.data, cut.len, name, NULL, &out, err))
		return -1;
	free(a->body);
	a->body = buf_steal(&out, NULL);
	return 0;
}

static int send_proof(struct apply *a, struct err *err)
{
	struct kube_ref ref = a->ref;
	char name[64];

	replace_temp_name(a->task.key.name, name);
	if (proof_body(a, name, err))
		return -1;
	ref.name = name;
	kube_apply_init(&a->req, &ref, FIELD_MANAGER, APPLY_FORCE | APPLY_DRY_RUN,
			a->body, strlen(a->body));
	return 0;
}

int op_replace_send(struct apply *a, struct err *err)
{
	switch (a->replacing) {
	case REPLACE_READ:
	case REPLACE_WAIT:
		kube_get_init(&a->req, &a->ref);
		return 0;
	case REPLACE_PROVE:
		return send_proof(a, err);
	case REPLACE_LIST:
		op_leftovers_list(a);
		return 0;
	case REPLACE_DELETE:
		kube_delete_init(&a->req, &a->ref, a->old_uid,
				 a->way == REPLACE_ORPHANING ? "Orphan" : "Background");
		return 0;
	case REPLACE_NOT:
	case REPLACE_NOTE:
	case REPLACE_OVER:
		break;
	}
	return err_set(err, ERR_INTERNAL, "no replacement is under way");
}

/* ---- answers ---- */

void op_replace_fail(struct apply *a, const struct err *err, const char *doing)
{
	struct err told = *err;

	err_wrap(&told, "%s, to replace what cannot be changed (%.160s)", doing,
		 a->refused.msg);
	op_apply_fail(a, op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE, &told);
}

/* It is gone: an ordinary apply makes it anew. */
static void apply_anew(struct apply *a)
{
	struct fact *f = op_fact(a->op, &a->task.key, true);

	f->absent = true;
	*f->adopt_uid = '\0';
	a->task.adopt = a->verifying = false;
	a->keeping = KEEP_DONE;
	op_keep_free(a);
	if (a->replicas) {	/* not ours: without them, and handed over at once */
		a->keep = json_object();
		ignore_add_pointer(a->keep, "/spec/replicas");
	}
	a->replacing = REPLACE_OVER;
	op_apply_send(a);
}

bool op_replace_hands_over(struct apply *a)
{
	if (a->replacing != REPLACE_OVER || !a->replicas)
		return false;
	a->replicas = 0;
	a->handing = true;
	a->live = json_incref(a->req.json);
	a->keeping = KEEP_HANDING;
	op_apply_send(a);
	return true;
}

/*
 * How many it has is somebody else's to say: the new one begins with as many, or
 * those that it adopts would be too many for it.
 */
static void note_replicas(struct apply *a, const json_t *live)
{
	_cleanup_json_ json_t *spec = ignore_field(a->keep, "spec");
	_cleanup_json_ json_t *keep = ignore_field(spec, "replicas");
	_cleanup_free_ char *body = NULL;
	size_t len, n;

	a->replicas = 0;
	if (a->way != REPLACE_ORPHANING ||
	    op_body(a, &body, &len, &(struct err){ .code = ERR_NONE }))
		return;
	if (ignore_is_all(keep) ||
	    !body_field(body, len, &n, "spec", "replicas", NULL))
		a->replicas = doc_get_int(live, 0, "spec", "replicas", NULL);
	if (a->replicas == 1)
		a->replicas = 0;	/* as many as it gets anyway */
}

static void on_read(struct apply *a, const struct err *err)
{
	const char *uid = doc_get_str(a->req.json, "metadata", "uid", NULL);
	_cleanup_free_ char *owner = NULL;
	struct err foreign = ERR_INIT;

	if (err->code == ERR_NOTFOUND && !a->dry_run) {
		apply_anew(a);
		return;
	}
	if (err->code || !uid || strlen(uid) >= sizeof(a->old_uid)) {
		op_replace_fail(a, err, "reading it");
		return;
	}
	owner = tracking_owner(a->req.json);
	if (owner && strcmp(owner, a->op->app->app_id)) {
		err_set(&foreign, ERR_INVALID, "application %s manages it", owner);
		op_replace_fail(a, &foreign, "not allowed");
		return;
	}
	strcpy(a->old_uid, uid);
	note_replicas(a, a->req.json);
	op_keep_free(a);
	a->live = json_incref(a->req.json);
	a->replacing = REPLACE_PROVE;
	op_apply_send(a);
}

/*
 * What the new selector does not fit nobody would adopt. Of a Deployment it goes
 * when the new one is healthy; pods of a set stand in their successors' way.
 */
static enum replacing choose_way(struct apply *a)
{
	if (a->way != REPLACE_ORPHANING || replace_adopts(a->req.json, a->live))
		return REPLACE_DELETE;
	if (!strcmp(a->task.key.kind, "Deployment"))
		return REPLACE_LIST;
	a->way = REPLACE_PLAINLY;
	return REPLACE_DELETE;
}

/* Their old pods would have lived on, but for a selector that does not fit them. */
static bool loses_pods(const struct apply *a)
{
	return a->way == REPLACE_PLAINLY &&
	       replace_way(a->task.key.group, a->task.key.kind) == REPLACE_ORPHANING;
}

/* Said before it happens, and where people look: whose pods go is never a surprise. */
static void announce(const struct apply *a)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	const char *what = "";

	objkey_format(&a->task.key, &key);
	if (loses_pods(a))
		what = "; its pods go with it and are made anew, as the new selector does not "
		       "fit them";
	else if (a->replacing == REPLACE_LIST)
		what = "; its old pods, which the new selector does not fit, go when the new "
		       "ones are healthy";
	else if (a->way == REPLACE_ORPHANING)
		what = "; its pods live on";
	engine_log(a->op->e, loses_pods(a) ? LOG_WARN : LOG_INFO, a->op->app,
		   "replacing %s%s: %.200s", buf_str(&key), what, a->refused.msg);
	engine_event(a->op->e, a->op->app, loses_pods(a) ? "Warning" : "Normal", "Replacing",
		     "replacing %s%s: %.200s", buf_str(&key), what, a->refused.msg);
}

const char *op_replace_words(const struct apply *a)
{
	if (a->replacing != REPLACE_OVER)
		return "applied";
	return loses_pods(a) ? "replaced, with its pods" : "replaced";
}

static void on_proof(struct apply *a, const struct err *err)
{
	struct err told;

	if (err->code) {
		op_safe_error(&a->task.key, &a->req, err, &told);
		op_replace_fail(a, &told, "the new object would not be accepted, the old one stays");
		return;
	}
	if (a->dry_run) {
		op_apply_done(a);
		return;
	}
	a->replacing = choose_way(a);
	announce(a);
	a->replace_by = world_now(a->op->e->w) + GONE_MS;
	op_apply_send(a);
}

static void on_deleted(struct apply *a, const struct err *err)
{
	if (err->code && err->code != ERR_NOTFOUND) {
		op_replace_fail(a, err, "deleting it");
		return;
	}
	a->op->mutated = true;
	a->replacing = REPLACE_WAIT;
	op_apply_send(a);
}

static void on_waited(struct apply *a, const struct err *err)
{
	struct world *w = a->op->e->w;
	const char *uid = doc_get_str(a->req.json, "metadata", "uid", NULL);
	struct err late = ERR_INIT;

	if (err->code == ERR_NOTFOUND || (!err->code && uid && strcmp(uid, a->old_uid))) {
		apply_anew(a);
	} else if (err->code) {
		op_replace_fail(a, err, "waiting for its deletion");
	} else if (world_now(w) < a->replace_by) {
		world_timer_start(w, &a->again, GONE_STEP_MS);
	} else {
		err_set(&late, ERR_TIMEOUT, "it is still being deleted: look at its "
			"finalizers");
		op_replace_fail(a, &late, "waiting for its deletion");
	}
}

void op_replace_answer(struct apply *a, const struct err *err)
{
	if (a->replacing == REPLACE_READ)
		on_read(a, err);
	else if (a->replacing == REPLACE_PROVE)
		on_proof(a, err);
	else if (a->replacing == REPLACE_LIST)
		op_leftovers_listed(a, err);
	else if (a->replacing == REPLACE_DELETE)
		on_deleted(a, err);
	else
		on_waited(a, err);
}

void op_replace_carry(const struct apply *a, struct buf *body)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *spec;
	size_t n, at;

	if (a->replacing != REPLACE_OVER || !a->replicas)
		return;
	spec = body_field(body->data, body->len, &n, "spec", NULL);
	if (!spec || n < 3)
		return;
	at = (size_t)(spec - body->data) + 1;
	buf_add(&out, body->data, at);
	buf_addf(&out, "\"replicas\":%lld,", (long long)a->replicas);
	buf_add(&out, body->data + at, body->len - at);
	buf_clear(body);
	buf_add(body, out.data, out.len);
}
