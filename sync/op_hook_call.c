/*
 * The requests for one hook's object: read it, apply it, take our finalizer off
 * (read, then patch the list that was read, guarded by its version), delete it.
 * Each ends with op_poke(); what it means is decided in op_hook.c.
 */
#include "op_hook_priv.h"

#include "sync/stamp.h"

static const struct err fine = { .code = ERR_NONE };

static void ended(struct hook_call *c, const struct err *err)
{
	free(c->body);
	c->body = NULL;
	c->busy = c->patching = false;
	if (err->code)
		c->err = *err;
	else
		c->tries = 0;
	op_poke(c->op);
}

static void fail(struct hook_call *c, const struct err *err)
{
	struct err told;

	op_safe_error(&c->task.key, &c->req, err, &told);
	c->terminal = op_is_terminal(err);
	ended(c, &told);
}

static void fill_seen(const struct op *op, const struct live *l,
		      struct hook_seen *ret)
{
	*ret = (struct hook_seen){
		.looked = true, .there = true, .deleting = l->deleting,
		.held = l->held, .health = l->health,
		.ours = !strcmp(l->app_id, op->app->app_id),
		.anothers = *l->app_id && strcmp(l->app_id, op->app->app_id),
	};
	memcpy(ret->uid, l->uid, sizeof(ret->uid));
	memcpy(ret->op, l->op, sizeof(ret->op));
}

/*
 * An answer: what it says is newer than the index, but for an object that went
 * meanwhile: its watch has said so already and would say it no second time.
 */
static void take_in(struct hook_call *c, const json_t *object)
{
	struct engine *e = c->op->e;
	struct live_index one = { 0 };
	const struct live *known = live_find(&e->live, &c->task.key);
	struct live *l = live_upsert(&one, object, NULL);

	if (l)
		fill_seen(c->op, l, &c->got);
	if (l && c->got.ours && (c->doing == HOOK_DO_CREATE ||
				 (known && !strcmp(known->uid, l->uid))))
		kinds_answer(e, &c->task.key, object);
	live_deinit(&one);
}

struct hook_seen hook_call_seen(const struct hook_call *c)
{
	struct record *rec = &c->op->app->rec;
	const struct live *l = live_find(&c->op->e->live, &c->task.key);
	struct hook_seen s = c->got;

	if (l)
		fill_seen(c->op, l, &s);
	for (size_t i = 0; s.there && i < rec->hooks.len; i++) {
		const struct hook_run *h = &rec->hooks.data[i];
		struct objkey k = hook_run_key(h);

		s.of_other_phase = s.of_other_phase ||
			(h->phase != c->task.phase && !strcmp(h->op, rec->op.id) &&
			 *h->uid && !strcmp(h->uid, s.uid) &&
			 !objkey_cmp(&k, &c->task.key));
	}
	return s;
}

/* ---- answers ---- */

static void send(struct hook_call *c);

static void patch_finalizers(struct hook_call *c)
{
	const json_t *list = doc_get(c->req.json, "metadata", "finalizers", NULL);
	_cleanup_json_ json_t *patch = NULL;
	json_t *others = json_array();
	struct buf body = BUF_INIT;
	size_t i;
	json_t *f;

	json_array_foreach(list, i, f) {
		const char *s = json_string_value(f);

		if (s && strcmp(s, HEALTH_HOOK_FINALIZER))
			json_array_append(others, f);
	}
	patch = json_pack("{s:{s:o,s:O*,s:O*}}", "metadata", "finalizers", others,
			  "uid", doc_get(c->req.json, "metadata", "uid", NULL),
			  "resourceVersion", doc_get(c->req.json, "metadata",
						     "resourceVersion", NULL));
	doc_write(patch, &body);
	c->body = buf_steal(&body, NULL);
	c->patching = true;
	send(c);
}

static void on_read_to_release(struct hook_call *c, const struct err *err)
{
	if (err->code == ERR_NOTFOUND) {
		c->got = (struct hook_seen){ .looked = true };
		ended(c, &fine);
	} else if (err->code) {
		fail(c, err);
	} else if (!health_is_held(c->req.json)) {
		take_in(c, c->req.json);
		ended(c, err);
	} else {
		patch_finalizers(c);
	}
}

static void on_released(struct hook_call *c, const struct err *err)
{
	if (!err->code)
		take_in(c, c->req.json);
	if (err->code == ERR_NOTFOUND)
		c->got = (struct hook_seen){ .looked = true };
	if (err->code && err->code != ERR_NOTFOUND)
		fail(c, err);
	else
		ended(c, &fine);
}

static void on_looked(struct hook_call *c, const struct err *err)
{
	c->got = (struct hook_seen){ .looked = !err->code ||
					       err->code == ERR_NOTFOUND };
	if (!err->code)
		take_in(c, c->req.json);
	if (c->got.looked)
		ended(c, &fine);
	else
		fail(c, err);
}

static void on_created(struct hook_call *c, const struct err *err)
{
	int64_t active = doc_get_int(c->req.json, 0, "spec",
				     "activeDeadlineSeconds", NULL);

	if (err->code) {
		fail(c, err);
		return;
	}
	c->op->e->counts.applies++;
	take_in(c, c->req.json);
	c->made = true;
	if (active > 0 && active < INT32_MAX)
		c->active_ms = (uint64_t)active * 1000;
	ended(c, err);
}

static void on_deleted(struct hook_call *c, const struct err *err)
{
	const char *kind = err->code ? NULL : doc_get_str(c->req.json, "kind", NULL);

	if (err->code && err->code != ERR_NOTFOUND && err->code != ERR_CONFLICT) {
		fail(c, err);
		return;
	}
	c->got = (struct hook_seen){ 0 };	/* looked at anew when it is gone */
	c->deleted = true;
	if (kind && strcmp(kind, "Status"))
		take_in(c, c->req.json);	/* it goes when its finalizers are done */
	ended(c, &fine);
}

static void on_done(struct kube_request *r, const struct err *err)
{
	struct hook_call *c = container_of(r, struct hook_call, req);

	if (c->patching)
		on_released(c, err);
	else if (c->doing == HOOK_DO_RELEASE)
		on_read_to_release(c, err);
	else if (c->doing == HOOK_DO_CREATE)
		on_created(c, err);
	else if (c->doing == HOOK_DO_DELETE)
		on_deleted(c, err);
	else
		on_looked(c, err);
}

/* ---- sending ---- */

static int make_body(struct hook_call *c, struct err *err)
{
	struct op *op = c->op;
	_cleanup_free_ char *body = NULL;
	struct buf out = BUF_INIT;
	size_t len;
	int r;

	if (bodies_get(&op->app->engine->bodies, op_hooks_source(op, c->task.phase),
		       c->task.object, &body, &len, err))
		return -1;
	r = body_stamp_hook(body, len, *c->task.base ? c->task.key.name : NULL,
			    op->app->rec.op.id, &out, err);
	c->body = buf_steal(&out, NULL);
	return r;
}

static void send(struct hook_call *c)
{
	struct op *op = c->op;

	if (c->patching)
		kube_merge_patch_init(&c->req, &c->ref, FIELD_MANAGER, c->body,
				      strlen(c->body));
	else if (c->doing == HOOK_DO_CREATE)
		kube_apply_init(&c->req, &c->ref, FIELD_MANAGER, APPLY_FORCE,
				c->body, strlen(c->body));
	else if (c->doing == HOOK_DO_DELETE)
		kube_delete_init(&c->req, &c->ref, hook_call_seen(c).uid,
				 op_propagation(op));
	else
		kube_get_init(&c->req, &c->ref);
	c->req.parse = true;
	c->req.on_done = on_done;
	op_send(op, &c->req);
}

static int check(const struct hook_call *c, const struct objkey *k, struct err *err)
{
	if (c->doing == HOOK_DO_LOOK)
		return 0;
	return c->doing == HOOK_DO_CREATE ? app_check_write(c->op->app, k, err) :
					    app_check_delete(c->op->app, k, err);
}

void hook_call_start(struct hook_call *c, enum hook_verb what)
{
	const struct objkey *k = &c->task.key;
	struct err err = ERR_INIT;

	c->doing = what;
	c->busy = true;
	if (!ref_resolve(c->op->e->discovery, k, c->version, &c->ref)) {
		err_set(&err, ERR_NOTFOUND, "the cluster does not serve kind %s of "
			"%s%s%s: install its CRD, or put it into a phase before the "
			"hook", k->kind, k->group, *k->group ? "/" : "", c->version);
		c->terminal = true;
		ended(c, &err);
		return;
	}
	free(c->ref_names);
	c->ref_names = ref_keep(&c->ref);
	if (check(c, k, &err) || (what == HOOK_DO_CREATE && make_body(c, &err))) {
		c->terminal = true;
		ended(c, &err);
	} else {
		send(c);
	}
}

void hook_call_withdraw(struct hook_call *c)
{
	if (!c->busy || c->doing != HOOK_DO_CREATE ||
	    !kube_withdraw(c->op->e->kube, &c->req))
		return;
	kube_request_deinit(&c->req);
	ended(c, &fine);
}

void hook_call_deinit(struct hook_call *c)
{
	kube_abandon(c->op->e->kube, &c->req);
	kube_request_deinit(&c->req);
	free(c->body);
	free(c->ref_names);
	c->body = c->ref_names = NULL;
}
