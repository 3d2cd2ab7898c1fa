/*
 * One controller per namespace of Applications: syncd holds a Lease (syncd-claim) in
 * each that it serves, which keeps a second install out, and stands aside where Argo
 * CD's application controller runs. Happy path: the workloads of that name are
 * watched (one small watch each), none is there, the claim is taken, and nothing is
 * ever asked again but the claim's renewal. Where it cannot be known whether Argo CD
 * runs (no permission to look), that is logged and taken as no.
 */
#include "app_priv.h"
#include "claims.h"
#include "rival.h"

#include <assert.h>

#define CLAIM "syncd-claim"
#define CLAIM_MS 120000
#define CLAIM_DEADLINE_MS 80000
#define CLAIM_RENEW_MS 40000
#define SAY_AFTER_MS 15000	/* a claim that is not held for so long is told */
#define PARAMS "argocd-cmd-params-cm"

struct rival {
	char *key;		/* "StatefulSet argocd/argocd-application-controller" */
	char *ns, *name;
	const char *kind, *resource;
	struct rival_pods pods;
	uint64_t unready_since;
	unsigned seen;
	UT_hash_handle hh;
};

struct params {			/* of Argo CD in that namespace */
	char *ns, *list;
	UT_hash_handle hh;
};

struct rival_watch {
	struct claims *c;
	const char *kind, *resource;	/* kind NULL: the ConfigMaps */
	struct watch *watch;
	unsigned list_no;
	bool known;
};

struct claim {
	struct claims *c;
	char *ns, *identity;	/* its holder: every replica of this install */
	struct lease *lease;
	bool held;
	uint64_t since;		/* mono: asked for, or lost */
	char *aside;		/* what stands in the way, as it was logged last; NULL */
	UT_hash_handle hh;
};

struct claims {
	struct engine *e;
	struct rival *rivals;
	struct params *params;
	struct claim *claims;
	struct rival_watch watches[5];
	size_t n_watches;
	struct world_timer timer;
};

/* ---- rivals ---- */

static void poke_all(struct claims *c)
{
	app_poke_all(c->e);
}

static void on_timer(struct world_timer *t)
{
	poke_all(container_of(t, struct claims, timer));
}

static void rival_drop(struct claims *c, struct rival *r)
{
	HASH_DEL(c->rivals, r);
	free(r->key);
	free(r->ns);
	free(r->name);
	free(r);
}

static struct rival *rival_get(struct rival_watch *w, const char *ns, const char *name)
{
	_cleanup_free_ char *key = xasprintf("%s %s/%s", w->kind, ns, name);
	struct rival *r;

	HASH_FIND_STR(w->c->rivals, key, r);
	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->key = steal(&key);
	r->ns = xstrdup(ns);
	r->name = xstrdup(name);
	r->kind = w->kind;
	r->resource = w->resource;
	r->unready_since = world_now(w->c->e->w);
	HASH_ADD_KEYPTR(hh, w->c->rivals, r->key, strlen(r->key), r);
	return r;
}

static void take_rival(struct rival_watch *w, const json_t *o, const char *ns,
		       const char *name)
{
	struct rival *r = rival_get(w, ns, name);
	bool was_ready = r->pods.ready > 0;

	r->pods = rival_read(o);
	r->seen = w->list_no;
	if (was_ready && r->pods.ready <= 0)
		r->unready_since = world_now(w->c->e->w);
}

static void take_params(struct claims *c, const json_t *o, const char *ns, bool gone)
{
	const char *list = doc_get_str(o, "data", "application.namespaces", NULL);
	struct params *p;

	HASH_FIND_STR(c->params, ns, p);
	if (!p) {
		p = xcalloc(1, sizeof(*p));
		p->ns = xstrdup(ns);
		HASH_ADD_KEYPTR(hh, c->params, p->ns, strlen(p->ns), p);
	}
	free(p->list);
	p->list = xstrdup(gone || !list ? "" : list);
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct rival_watch *w = arg;
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	if (!ns || !name)
		return;
	if (!w->kind)
		take_params(w->c, o, ns, ev == WATCH_DELETED);
	else if (ev == WATCH_DELETED)
		rival_drop(w->c, rival_get(w, ns, name));
	else
		take_rival(w, o, ns, name);
	if (w->known)
		poke_all(w->c);
}

static void on_reset(void *arg)
{
	((struct rival_watch *)arg)->list_no++;
}

/* Two watches may see the same workload: what either has is there. */
static bool is_listed(const struct claims *c, const struct rival *r)
{
	for (size_t i = 0; i < c->n_watches; i++)
		if (c->watches[i].kind && !strcmp(c->watches[i].kind, r->kind) &&
		    (r->seen == c->watches[i].list_no || !c->watches[i].known))
			return true;
	return false;
}

static void on_synced(void *arg)
{
	struct rival_watch *w = arg;
	struct rival *r, *next;

	w->known = true;
	HASH_ITER(hh, w->c->rivals, r, next)
		if (!is_listed(w->c, r))
			rival_drop(w->c, r);
	poke_all(w->c);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct rival_watch *w = arg;

	if (!err->code || w->known || err->retry)
		return;
	w->known = true;
	engine_log(w->c->e, LOG_WARN, NULL, "it cannot be seen whether Argo CD runs (%s): "
		   "taken as no", err->msg);
	poke_all(w->c);
}

static void watch_rivals(struct claims *c)
{
	static const struct watch_handler handler = { on_reset, on_event, on_synced,
						      on_trouble };
	static const struct {
		const char *group, *resource, *kind, *label, *field;
	} table[] = {
		{ "apps", "statefulsets", "StatefulSet", NULL,
		  "metadata.name=" RIVAL_NAME },
		{ "apps", "statefulsets", "StatefulSet",
		  "app.kubernetes.io/name=" RIVAL_NAME, NULL },
		{ "apps", "deployments", "Deployment", NULL,
		  "metadata.name=" RIVAL_NAME },
		{ "apps", "deployments", "Deployment",
		  "app.kubernetes.io/name=" RIVAL_NAME, NULL },
		{ "", "configmaps", NULL, NULL, "metadata.name=" PARAMS },
	};

	static_assert(ARRAY_LEN(table) == ARRAY_LEN(((struct claims *)0)->watches),
		      "a watch per row");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct rival_watch *w = &c->watches[c->n_watches++];
		struct kube_ref ref = { .group = table[i].group, .version = "v1",
					.resource = table[i].resource };

		w->c = c;
		w->kind = table[i].kind;
		w->resource = table[i].resource;
		w->watch = watch_new(c->e->kube, &ref, table[i].label, table[i].field,
				     &handler, w);
	}
}

static bool rivals_known(const struct claims *c)
{
	for (size_t i = 0; i < c->n_watches; i++)
		if (!c->watches[i].known)
			return false;
	return true;
}

/* One that runs and serves ns; NULL. */
static const struct rival *rival_of(struct claims *c, const char *ns)
{
	uint64_t now = world_now(c->e->w), again;
	struct rival *r, *next;

	HASH_ITER(hh, c->rivals, r, next) {
		struct params *p;

		HASH_FIND_STR(c->params, r->ns, p);
		if (!rival_serves(r->ns, p ? p->list : NULL, ns) ||
		    !rival_runs(&r->pods, r->unready_since, now, &again))
			continue;
		if (again && !c->timer.active)
			world_timer_start(c->e->w, &c->timer, again - now);
		return r;
	}
	return NULL;
}

/* ---- our own claim ---- */

static void on_acquired(void *arg, uint64_t transitions)
{
	struct claim *cl = arg;

	(void)transitions;
	cl->held = true;
	poke_all(cl->c);
}

static void on_lost(void *arg, const struct err *why)
{
	struct claim *cl = arg;

	cl->held = false;
	cl->since = world_now(cl->c->e->w);
	engine_log(cl->c->e, LOG_WARN, NULL, "the claim on the Applications of namespace "
		   "%s is lost: %s", cl->ns, why->msg);
	poke_all(cl->c);
}

static struct claim *claim_get(struct claims *c, const char *ns)
{
	static const struct lease_handler handler = { on_acquired, on_lost };
	_cleanup_free_ char *identity = xasprintf("syncd-%s", c->e->install_id);
	struct lease_config config = {
		.ns = ns, .name = CLAIM, .identity = identity,
		.duration_ms = CLAIM_MS, .renew_deadline_ms = CLAIM_DEADLINE_MS,
		.retry_ms = CLAIM_RENEW_MS,
	};
	struct claim *cl;

	HASH_FIND_STR(c->claims, ns, cl);
	if (cl)
		return cl;
	cl = xcalloc(1, sizeof(*cl));
	cl->c = c;
	cl->ns = xstrdup(ns);
	cl->identity = xstrdup(identity);
	cl->since = world_now(c->e->w);
	cl->lease = lease_new(c->e->kube, &config, &handler, cl);
	HASH_ADD_KEYPTR(hh, c->claims, cl->ns, strlen(cl->ns), cl);
	return cl;
}

/* ---- the question ---- */

static int say_rival(const struct rival *r, struct err *err)
{
	return err_set(err, ERR_CONFLICT, "Argo CD's application controller (%s) serves "
		       "this namespace: syncd stands aside and changes nothing here until "
		       "it is gone (kubectl scale %s -n %s %s --replicas=0)", r->key,
		       r->resource, r->ns, r->name);
}

static int say_claim(struct claim *cl, struct err *err)
{
	const char *holder = lease_holder(cl->lease);
	uint64_t now = world_now(cl->c->e->w);

	/* Ours: a process before this one, or another replica, held it. */
	if (holder[0] && strcmp(holder, cl->identity))
		return err_set(err, ERR_CONFLICT, "Lease %s/%s is held by %s: another "
			       "syncd serves this namespace, and this one (%s) stands aside",
			       cl->ns, CLAIM, holder, cl->identity);
	if (now < cl->since + SAY_AFTER_MS) {
		err_set(err, ERR_NET, "claiming the namespace");
		return -1;
	}
	return err_set(err, ERR_CONFLICT, "Lease %s/%s cannot be written: may syncd create "
		       "and update Leases in that namespace? It changes nothing there until "
		       "it holds it", cl->ns, CLAIM);
}

static int check(struct app *a, struct claim *cl, struct err *err)
{
	struct claims *c = cl->c;
	const struct rival *r;

	if (!rivals_known(c)) {
		err_set(err, ERR_NET, "it is not known yet whether Argo CD runs");
		return -1;
	}
	r = rival_of(c, a->spec.ns);
	if (r)
		return say_rival(r, err);
	return cl->held ? 0 : say_claim(cl, err);
}

/* Once per change, for all Applications of the namespace. */
static void log_change(struct claim *cl, const struct err *err)
{
	const char *now = err->code == ERR_CONFLICT ? err->msg : NULL;

	if (err->code == ERR_NET || (!now && !cl->aside) ||
	    (now && cl->aside && !strcmp(now, cl->aside)))
		return;
	if (now)
		engine_log(cl->c->e, LOG_WARN, NULL, "namespace %s: %s", cl->ns, now);
	else
		engine_log(cl->c->e, LOG_INFO, NULL, "namespace %s: nobody else serves its "
			   "Applications any more: syncd goes on with them", cl->ns);
	free(cl->aside);
	cl->aside = xstrdup(now);
}

int claims_check(struct app *a, struct err *err)
{
	struct claim *cl = claim_get(a->engine->claims, a->spec.ns);
	struct err why = ERR_INIT;
	int r = check(a, cl, &why);

	log_change(cl, &why);
	if (r && why.code == ERR_NET)
		app_poke_at(a, world_now(a->engine->w) + SAY_AFTER_MS);
	*err = why;
	return r;
}

/* ---- life ---- */

struct claims *claims_new(struct engine *e)
{
	struct claims *c = xcalloc(1, sizeof(*c));

	c->e = e;
	c->timer.fn = on_timer;
	watch_rivals(c);
	return c;
}

static void claims_drop(struct claims *c)
{
	struct claim *cl, *next;
	struct rival *r, *next_rival;
	struct params *p, *next_params;

	HASH_ITER(hh, c->claims, cl, next) {
		HASH_DEL(c->claims, cl);
		lease_free(cl->lease);
		free(cl->aside);
		free(cl->ns);
		free(cl->identity);
		free(cl);
	}
	HASH_ITER(hh, c->rivals, r, next_rival)
		rival_drop(c, r);
	HASH_ITER(hh, c->params, p, next_params) {
		HASH_DEL(c->params, p);
		free(p->ns);
		free(p->list);
		free(p);
	}
}

struct claims *claims_free(struct claims *c)
{
	if (!c)
		return NULL;
	world_timer_stop(c->e->w, &c->timer);
	for (size_t i = 0; i < c->n_watches; i++)
		watch_free(c->watches[i].watch);
	claims_drop(c);
	free(c);
	return NULL;
}
