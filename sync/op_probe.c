/*
 * Whether what the API server calls out to answers, for the webhook configurations
 * and CRDs that an operation changed, once all else of the release is applied.
 *
 * Read the object -> per question: its Service has an endpoint that is ready -> a dry
 * run that the webhook sees (of an object of the application's own that matches its
 * rules, unchanged; else of a new one in the application's namespace that is never
 * stored), or a read at a version that has to be converted. All answered: never asked
 * again. Else all of it again some seconds later, until the step's deadline.
 */
#include "op_priv.h"

#include "probe.h"

#include <stdio.h>

#define AGAIN_MS 5000
#define TIMEOUT_MS 35000	/* a webhook may take 30 s */

struct probe {
	struct op *op;
	struct arena arena;
	struct objkey key;
	struct kube_request req;
	char *body;
	json_t *object;		/* as it was read; the questions borrow from it */
	struct probe_question questions[PROBE_MAX];
	size_t n, at;
	bool busy, answered;
	uint64_t again_at;
	char words[256];	/* why it is not answered yet; "" */
};

static void next(struct probe *p);

static void fail(struct probe *p, const char *words)
{
	p->busy = false;
	p->again_at = world_now(p->op->e->w) + AGAIN_MS;
	snprintf(p->words, sizeof(p->words), "%s", words);
	op_poke(p->op);
}

static void send(struct probe *p,
		 void (*on_done)(struct kube_request *r, const struct err *err))
{
	p->req.parse = true;
	p->req.max_tries = 1;
	p->req.timeout_ms = TIMEOUT_MS;
	p->req.on_done = on_done;
	op_send(p->op, &p->req);
}

/* ---- a request that has to be answered ---- */

/* Whatever else it says (forbidden, invalid, refused): the webhook was not missing. */
static void on_asked(struct kube_request *r, const struct err *err)
{
	struct probe *p = container_of(r, struct probe, req);

	free(p->body);
	p->body = NULL;
	if (probe_is_silent(&p->questions[p->at], err)) {
		fail(p, err->msg);
		return;
	}
	p->at++;
	next(p);
}

static void send_dry(struct probe *p)
{
	buf_adds(&p->req.path, "&dryRun=All");
	send(p, on_asked);
}

/* An object of ours that is there already: a patch of nothing shows it to the webhook. */
static bool ask_update(struct probe *p)
{
	struct op *op = p->op;

	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];
		struct err err = ERR_INIT;
		struct kube_ref ref;

		if (!live_find(&op->e->live, &t->key) ||
		    !ref_resolve(op->e->discovery, &t->key, t->version, &ref) ||
		    !probe_sees(&p->questions[p->at], ref.group, ref.resource, "UPDATE") ||
		    app_check_write(op->app, &t->key, &err))
			continue;
		kube_merge_patch_init(&p->req, &ref, FIELD_MANAGER, "{}", 2);
		send_dry(p);
		return true;
	}
	return false;
}

struct wanted {
	const struct discovery *d;
	const char *group, *resource;
	const struct api_resource *found;
};

static void pick(const struct api_resource *r, void *arg)
{
	struct wanted *w = arg;

	if (!strcmp(r->group, w->group) && !strcmp(r->plural, w->resource) &&
	    (!w->found || r->preferred))
		w->found = r;
}

static const struct api_resource *resource(const struct op *op, const char *group,
					   const char *name)
{
	struct wanted w = { op->e->discovery, group, name, NULL };

	discovery_each(w.d, pick, &w);
	return w.found;
}

static bool is_known(void *arg, const char *group, const char *name)
{
	return resource(arg, group, name);
}

/* A new one that nobody has: it need not be valid for webhooks to be asked. */
static bool ask_create(struct probe *p)
{
	struct op *op = p->op;
	const char *group, *name;
	const struct api_resource *r;
	struct objkey k = { .name = "syncd-probe" };
	struct err err = ERR_INIT;
	struct kube_ref ref;

	if (!probe_resource(&p->questions[p->at], is_known, op, &group, &name))
		return false;
	r = resource(op, group, name);
	k.group = r->group;
	k.kind = r->kind;
	k.ns = r->namespaced ? op->dest_ns : "";
	if ((r->namespaced && !*op->dest_ns) || app_check_write(op->app, &k, &err))
		return false;
	ref = (struct kube_ref){ .group = r->group, .version = r->version,
				 .resource = r->plural, .ns = *k.ns ? k.ns : NULL };
	p->body = xasprintf("{\"apiVersion\":\"%s%s%s\",\"kind\":\"%s\",\"metadata\":{"
			    "\"name\":\"%s\"}}", r->group, *r->group ? "/" : "", r->version,
			    r->kind, k.name);
	kube_create_init(&p->req, &ref, FIELD_MANAGER, p->body, strlen(p->body));
	send_dry(p);
	return true;
}

static bool ask_conversion(struct probe *p)
{
	const json_t *spec = json_object_get(p->object, "spec");
	const char *group = doc_get_str(spec, "group", NULL);
	const char *plural = doc_get_str(spec, "names", "plural", NULL);
	struct kube_ref ref = { .group = group, .resource = plural,
				.version = p->questions[p->at].version };

	if (!group || !plural || !*ref.version)
		return false;
	kube_list_init(&p->req, &ref, NULL, 1, NULL);
	send(p, on_asked);
	return true;
}

static void ask(struct probe *p)
{
	bool asked = p->questions[p->at].rules ? ask_update(p) || ask_create(p) :
						 ask_conversion(p);

	if (asked)
		return;
	p->at++;		/* nothing of ours is shown to it */
	next(p);
}

/* ---- who is to answer ---- */

static void on_slices(struct kube_request *r, const struct err *err)
{
	struct probe *p = container_of(r, struct probe, req);
	const struct probe_question *q = &p->questions[p->at];
	_cleanup_free_ char *words = xasprintf("%s: Service %s/%s has no endpoint that is "
		"ready", q->name, q->service_ns, q->service);

	if (!err->code && !probe_has_endpoint(json_object_get(r->json, "items")))
		fail(p, words);
	else	/* what cannot be read is no failure: the request says it */
		ask(p);
}

static void next(struct probe *p)
{
	const struct probe_question *q = &p->questions[p->at];
	struct kube_ref ref = { .group = "discovery.k8s.io", .version = "v1",
				.resource = "endpointslices" };
	_cleanup_free_ char *text = NULL;

	if (p->at == p->n) {
		p->busy = false;
		p->answered = true;
		op_poke(p->op);
	} else if (q->bare) {
		text = xasprintf("%s: its clientConfig has no caBundle yet", q->name);
		fail(p, text);
	} else if (q->service) {
		text = xasprintf("kubernetes.io/service-name=%s", q->service);
		ref.ns = q->service_ns;
		kube_list_init(&p->req, &ref, text, 100, NULL);
		send(p, on_slices);
	} else {
		ask(p);
	}
}

static void on_read(struct kube_request *r, const struct err *err)
{
	struct probe *p = container_of(r, struct probe, req);

	json_decref(p->object);
	p->object = json_incref(r->json);
	p->at = p->n = 0;
	if (err->code) {
		fail(p, err->msg);
		return;
	}
	p->n = probe_questions(p->object, p->questions);
	next(p);
}

static void begin(struct probe *p)
{
	struct kube_ref ref;

	if (!ref_resolve(p->op->e->discovery, &p->key, NULL, &ref)) {
		p->answered = true;	/* not served any more: nobody is called */
		return;
	}
	p->busy = true;
	kube_get_init(&p->req, &ref);
	send(p, on_read);
}

/* ---- for op_settle.c ---- */

/* Nothing that is applied later can be what is to answer. */
static bool is_last_step(const struct op *op)
{
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (t->verb == TASK_APPLY && (t->wave > op->wave ||
		    (t->wave == op->wave && t->step > op->step)))
			return false;
	}
	return true;
}

bool op_probe_due(struct op *op, const struct task *t)
{
	const struct live *l = live_find(&op->e->live, &t->key);
	const struct fact *f = op_fact(op, &t->key, false);

	return op->c.kind == OP_SYNC && l && l->calls_out && f && f->changed &&
	       !(t->flags & OBJ_IGNORE_HEALTH) && t->object != SIZE_MAX && is_last_step(op);
}

const char *op_probe(struct op *op, const struct task *t, uint64_t *ret_again_at)
{
	struct fact *f = op_fact(op, &t->key, true);
	struct probe *p = f->probe;

	*ret_again_at = 0;
	if (!p) {
		p = f->probe = xcalloc(1, sizeof(*p));
		p->op = op;
		p->key = (struct objkey){
			arena_strdup(&p->arena, t->key.group),
			arena_strdup(&p->arena, t->key.kind),
			arena_strdup(&p->arena, t->key.ns),
			arena_strdup(&p->arena, t->key.name) };
	}
	if (p->answered)
		return NULL;
	if (!p->busy && p->again_at <= world_now(op->e->w))
		begin(p);
	if (!p->busy)
		*ret_again_at = p->again_at;
	return *p->words ? p->words : "it is asked whether it answers";
}

struct probe *op_probe_free(struct probe *p)
{
	if (!p)
		return NULL;
	kube_abandon(p->op->e->kube, &p->req);
	kube_request_deinit(&p->req);
	free(p->body);
	json_decref(p->object);
	arena_deinit(&p->arena);
	free(p);
	return NULL;
}
