/*
 * One object may be served in two API groups (Ingresses were in extensions and in
 * networking.k8s.io), and argocd-cm may exclude one of them. Git that moves an object to
 * the excluded group leaves an inventory entry of the other one, whose deletion would
 * take the object that Git has. No watch knows the excluded kind: before the DELETE what
 * the release has of the same kind and name there is read. The same UID: it stays, and is
 * noted as what is excluded, so that the next plan forgets the old entry (cases 17, 27).
 * Where the whole Application goes, what its release in force has is asked.
 */
#include "op_priv.h"

/* What Git has of it. An Application that goes is planned against nothing. */
static const struct render_answer *source(const struct op *op)
{
	return op->c.in_force ? op->c.in_force : op->c.answer;
}

static const struct scope *scopes_of(const struct op *op)
{
	return op->c.in_force ? op->force_scopes : op->scopes;
}

static struct objkey key_at(const struct op *op, size_t i)
{
	return rendered_key(&source(op)->objects[i], &scopes_of(op)[i], op->dest_ns);
}

static bool may_be_double(const struct apply *a, size_t i)
{
	const struct objkey *k = &a->task.key;
	struct objkey other = key_at(a->op, i);

	return source(a->op)->objects[i].flags & OBJ_EXCLUDED && scopes_of(a->op)[i].known &&
	       !strcmp(other.kind, k->kind) && strcmp(other.group, k->group) &&
	       !strcmp(other.ns, k->ns) && !strcmp(other.name, k->name);
}

/* Where double_at points; false: its kind is not served any more. */
static bool resolve(const struct apply *a, struct kube_ref *ret)
{
	const struct op *op = a->op;
	struct objkey k = key_at(op, a->double_at);

	return ref_resolve(op->e->discovery, &k, source(op)->objects[a->double_at].version,
			   ret);
}

bool op_double_wanted(struct apply *a)
{
	struct op *op = a->op;
	struct kube_ref ref;

	if (op->c.in_force && !op->force_scopes)
		op->force_scopes = scopes_resolve(op->e->discovery, op->c.in_force);
	for (; scopes_of(op) && a->double_at < source(op)->n_objects; a->double_at++)
		if (may_be_double(a, a->double_at) && resolve(a, &ref))
			return true;
	return false;
}

void op_double_init(struct apply *a)
{
	struct kube_ref ref = { 0 };

	(void)!resolve(a, &ref);	/* without a name it ends in an error, unsent */
	kube_get_init(&a->req, &ref);
}

/* As an entry of the excluded kind: since when we have it is known by the old one. */
static void note(const struct apply *a, const char *uid)
{
	struct record *rec = &a->op->app->rec;
	const struct inv_entry *old = record_inv(rec, &a->task.key);
	_cleanup_free_ char *by = xstrdup(old ? old->op : rec->op.id);
	const struct rendered *r = &source(a->op)->objects[a->double_at];
	struct objkey k = key_at(a->op, a->double_at);
	struct inv_entry *v = record_inv_add(rec, &k, by);

	snprintf(v->uid, sizeof(v->uid), "%s", uid);
	free(v->version);
	v->version = xstrdup(r->version);
	v->wave = r->wave;
	v->flags |= OBJ_SKIP;
}

bool op_double_answer(struct apply *a, const struct err *err)
{
	const char *uid = doc_get_str(a->req.json, "metadata", "uid", NULL);

	if (err->code && err->code != ERR_NOTFOUND) {
		op_apply_fail(a, op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE, err);
		return false;
	}
	if (!err->code && uid && !strcmp(uid, a->task.uid)) {
		note(a, uid);
		op_apply_done(a);
		return false;
	}
	a->double_at++;
	return true;
}
