/*
 * What an apply leaves alone: fields that spec.ignoreDifferences names where
 * RespectIgnoreDifferences is on, the rules gathered into an aggregated ClusterRole,
 * and spec.replicas that left Git while an autoscaler sets it.
 *
 * Happy path: read the live object -> ask for autoscalers, where replicas left Git ->
 * apply by "syncd-handover" what is ours of those fields, at the values they have ->
 * apply the body without them. Server-side apply would otherwise drop them: a field
 * that its only owner applies no more is removed.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
 *
 * And what only looks like drift, since it was noted under other rules: asked by a
 * dry run before anything is written.
 */
#include "op_priv.h"

#include "ignore.h"
#include "sync/fingerprint.h"

#define HANDOVER "syncd-handover"
#define MAX_SCALERS 500		/* looked at in a namespace */

static const json_t *rules_of(const struct apply *a)
{
	return a->op->app->spec.ignore_differences;
}

static bool respects(const struct apply *a)
{
	return op_options(a->op) & OPT_RESPECT_IGNORE &&
	       ignore_speaks(rules_of(a), &a->task.key);
}

static bool has_field(const struct apply *a, const char *first, const char *second)
{
	_cleanup_free_ char *body = NULL;
	size_t len, n;

	return !op_body(a, &body, &len, &(struct err){ .code = ERR_NONE }) &&
	       body_field(body, len, &n, first, second, NULL);
}

static bool is_aggregated(const struct apply *a)
{
	return !strcmp(a->task.key.kind, "ClusterRole") &&
	       has_field(a, "aggregationRule", NULL);
}

/* We apply spec.replicas until now, and do not any more. */
static bool drops_replicas(const struct apply *a)
{
	const struct live *l = live_find(&a->op->e->live, &a->task.key);

	return a->task.casenr == 6 && !a->dry_run && l && l->scaled &&
	       !has_field(a, "spec", "replicas");
}

/* Drift under rules that may have changed since it was noted. */
static bool may_be_no_drift(const struct apply *a)
{
	return a->task.casenr == 5 && (a->dry_run || a->op->c.kind == OP_HEAL) &&
	       ignore_speaks(rules_of(a), &a->task.key);
}

bool op_keep_wants_look(struct apply *a)
{
	if (a->keeping != KEEP_READING || a->task.object == SIZE_MAX)
		return false;
	if (respects(a) || may_be_no_drift(a) || is_aggregated(a) ||
	    drops_replicas(a) || a->handing)
		return true;
	a->keeping = KEEP_DONE;
	return false;
}

void op_keep_free(struct apply *a)
{
	json_decref(a->live);
	json_decref(a->keep);
	a->live = a->keep = NULL;
}

static void keep_replicas(struct apply *a)
{
	if (!a->keep)
		a->keep = json_object();
	ignore_add_pointer(a->keep, "/spec/replicas");
	a->keeping = KEEP_HANDING;
}

void op_keep_take(struct apply *a, const json_t *live)
{
	if (a->keeping != KEEP_READING)
		return;
	op_keep_free(a);
	a->keeping = KEEP_DONE;
	if (!live)
		return;
	a->live = json_incref((json_t *)live);
	a->keep = ignore_tree(respects(a) ? rules_of(a) : NULL, &a->task.key, live);
	a->verifying = may_be_no_drift(a);
	if (a->handing)		/* it changed under the first try */
		keep_replicas(a);
	else
		a->keeping = drops_replicas(a) ? KEEP_AUTOSCALERS : KEEP_HANDING;
}

/* ---- autoscalers ---- */

static bool is_scaler(const char *group, const char *kind)
{
	return (!strcmp(group, "autoscaling") &&
		!strcmp(kind, "HorizontalPodAutoscaler")) ||
	       (!strcmp(group, "keda.sh") && !strcmp(kind, "ScaledObject"));
}

static bool is_this(const char *ref, void *arg)
{
	const struct objkey *k = arg;
	size_t n = strlen(k->kind);

	return !strncmp(ref, k->kind, n) && ref[n] == '/' &&
	       !strcmp(ref + n + 1, k->name);
}

static bool any_word(const char *words, bool (*fn)(const char *word, void *arg),
		     void *arg)
{
	_cleanup_free_ char *copy = xstrdup(words ? words : "");
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (fn(word, arg))
			return true;
	return false;
}

/* One that the release brings may not be in the cluster yet. */
static bool release_scales(const struct apply *a)
{
	const struct render_answer *r = a->op->c.answer;
	struct objkey k = a->task.key;

	for (size_t i = 0; i < r->n_objects; i++) {
		const struct rendered *o = &r->objects[i];
		const char *ns = *o->ns ? o->ns : a->op->dest_ns;

		if (!(o->flags & OBJ_EXCLUDED) && is_scaler(o->group, o->kind) &&
		    !strcmp(ns, k.ns) && any_word(o->refs, is_this, &k))
			return true;
	}
	return false;
}

static bool targets(const json_t *scaler, const struct objkey *k)
{
	const json_t *ref = doc_get(scaler, "spec", "scaleTargetRef", NULL);
	const char *kind = doc_get_str(ref, "kind", NULL);
	const char *name = doc_get_str(ref, "name", NULL);

	/* A ScaledObject that names no kind means a Deployment. */
	return name && !strcmp(name, k->name) &&
	       !strcmp(kind ? kind : "Deployment", k->kind);
}

static bool list_scales(const struct apply *a)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(a->req.json, "items"), i, item)
		if (targets(item, &a->task.key))
			return true;
	return false;
}

static const struct api_resource *find_scaler(const struct apply *a, const char *group,
					      const char *kind)
{
	return discovery_find(a->op->e->discovery, group, NULL, kind);
}

static void list_scalers(struct apply *a, const struct api_resource *r)
{
	struct kube_ref ref = { .group = r->group, .version = r->version,
				.resource = r->plural, .ns = a->task.key.ns };

	kube_list_init(&a->req, &ref, NULL, MAX_SCALERS, NULL);
}

/* KEDA may have been installed since the kinds were read: then it is asked itself. */
static void list_scaled_objects(struct apply *a)
{
	static const struct api_resource unknown = {
		.group = "keda.sh", .version = "v1alpha1", .plural = "scaledobjects",
	};
	const struct api_resource *r = find_scaler(a, "keda.sh", "ScaledObject");

	list_scalers(a, r ? r : &unknown);
}

static bool has_no_keda(const struct apply *a, const struct err *err)
{
	return err->code == ERR_UNSERVED && a->keeping == KEEP_SCALED_OBJECTS;
}

/* ---- handing over ---- */

static void set_text(json_t *o, const char *key, const char *s)
{
	json_object_set_new(o, key, json_string(s));
}

/*
 * Nobody may have changed the value since it was read: the resourceVersion makes
 * the server refuse it then.
 */
static char *handover_body(const struct apply *a)
{
	_cleanup_json_ json_t *o = fingerprint_extract(a->live, FIELD_MANAGER, a->keep);
	const json_t *was = json_object_get(a->live, "metadata");
	struct buf text = BUF_INIT;
	json_t *meta;

	if (!o)
		return NULL;
	if (!json_object_get(o, "metadata"))
		json_object_set_new(o, "metadata", json_object());
	meta = json_object_get(o, "metadata");
	set_text(o, "apiVersion", doc_get_str(a->live, "apiVersion", NULL));
	set_text(o, "kind", doc_get_str(a->live, "kind", NULL));
	set_text(meta, "name", a->task.key.name);
	set_text(meta, "resourceVersion", doc_get_str(was, "resourceVersion", NULL));
	doc_canonical(o, &text);
	return buf_steal(&text, NULL);
}

static bool send_handover(struct apply *a)
{
	a->keeping = KEEP_DONE;
	if (a->dry_run || a->verifying || !a->keep || !a->live)
		return false;
	free(a->body);
	a->body = handover_body(a);
	if (!a->body)
		return false;
	a->keeping = KEEP_HANDING;
	kube_apply_init(&a->req, &a->ref, HANDOVER, APPLY_FORCE, a->body,
			strlen(a->body));
	return true;
}

bool op_keep_send(struct apply *a)
{
	const struct api_resource *hpa;

	if (a->keeping == KEEP_AUTOSCALERS) {
		hpa = find_scaler(a, "autoscaling", "HorizontalPodAutoscaler");
		if (release_scales(a)) {
			keep_replicas(a);
		} else if (hpa) {
			list_scalers(a, hpa);
			return true;
		} else {
			a->keeping = KEEP_SCALED_OBJECTS;
		}
	}
	if (a->keeping == KEEP_SCALED_OBJECTS) {
		list_scaled_objects(a);
		return true;
	}
	return a->keeping == KEEP_HANDING && send_handover(a);
}

bool op_keep_answer(struct apply *a, const struct err *err)
{
	bool lists = a->keeping != KEEP_HANDING;

	if (!err->code && lists && list_scales(a)) {
		keep_replicas(a);
	} else if ((!err->code && lists) || has_no_keda(a, err)) {
		a->keeping++;
	} else if (!err->code) {
		a->op->mutated = true;
		a->keeping = KEEP_DONE;
		a->handing = false;
	} else if (err->code == ERR_CONFLICT && !lists &&
		   world_now(a->op->e->w) < a->first_try +
					    a->op->app->spec.wave_deadline_ms) {
		a->keeping = KEEP_READING;	/* it changed meanwhile */
	} else {
		op_apply_fail(a, op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE, err);
		return false;
	}
	return true;
}

/* ---- drift that is none ---- */

/*
 * Both without what is ignored of the live one: a field that a trusted manager took
 * over would come back to us by the apply, and is his all the same.
 */
bool op_keep_verified(struct apply *a)
{
	struct engine *e = a->op->e;
	struct inv_entry *inv = record_inv(&a->op->app->rec, &a->task.key);
	_cleanup_json_ json_t *tree = ignore_tree(rules_of(a), &a->task.key, a->live);
	char would[65], is[65];

	if (!inv || fingerprint_without(a->req.json, FIELD_MANAGER, tree, would, NULL,
					NULL) ||
	    fingerprint_without(a->live, FIELD_MANAGER, tree, is, NULL, NULL) ||
	    !*is || strcmp(is, would))
		return false;
	memcpy(inv->fingerprint, is, sizeof(inv->fingerprint));
	inv->shape[0] = '\0';
	kinds_answer(e, &a->task.key, a->live);
	return true;
}
