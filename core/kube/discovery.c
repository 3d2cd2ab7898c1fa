/*
 * Discovery: GET /api, then /apis, each only if its ETag changed; then the new
 * tables take the place of the old ones. Ways to fail: either request, or an answer
 * that is not an aggregated discovery document: what was known stays as it was.
 */
#include <string.h>

#include "core/doc.h"
#include "discovery_priv.h"

#define ACCEPT_AS(v) "application/json;g=apidiscovery.k8s.io;v=" v \
	";as=APIGroupDiscoveryList"
/* v2beta1 is all that 1.27 to 1.29 have. */
static const char accept_list[] = ACCEPT_AS("v2") "," ACCEPT_AS("v2beta1")
	",application/json";

enum { CORE, GROUPS, DOCS };	/* /api and /apis */
static const char *const paths[DOCS] = { "/api", "/apis" };

struct waiter {
	void (*on_done)(void *arg, const struct err *err);
	void *arg;
};
struct waiters {
	VEC(struct waiter) list;
};

struct doc {
	struct discovery_table table, fresh;
	char *etag, *fresh_etag;
	bool replaced;		/* fresh is to take the place of table */
};

struct discovery {
	struct kube *k;
	struct doc docs[DOCS];
	int asking;		/* the document under way */
	bool ready, running;
	unsigned generation;
	struct kube_request r;
	struct waiters served;	/* by the refresh under way */
	struct waiters next;	/* came while it was under way */
	struct waiters *told;	/* of which some are being told; NULL */
	bool *gone;
};

static void ask(struct discovery *d);

static void drop_fresh(struct doc *doc)
{
	discovery_table_deinit(&doc->fresh);
	free(steal(&doc->fresh_etag));
	doc->replaced = false;
}

/* ---- the end of a refresh ---- */

/* Any of them may free d. */
static void tell(struct discovery *d, const struct err *err)
{
	struct waiters told = d->served;
	bool gone = false;

	d->served = d->next;
	d->next = (struct waiters){ 0 };
	d->running = d->served.list.len > 0;
	if (d->running)
		ask(d);
	d->gone = &gone;
	d->told = &told;
	for (size_t i = 0; i < told.list.len && !gone; i++)
		if (told.list.data[i].on_done)
			told.list.data[i].on_done(told.list.data[i].arg, err);
	if (!gone) {
		d->gone = NULL;
		d->told = NULL;
	}
	vec_deinit(&told.list);
}

static void take_over(struct discovery *d)
{
	bool changed = !d->ready;

	for (int i = 0; i < DOCS; i++) {
		struct doc *doc = &d->docs[i];

		if (!doc->replaced)
			continue;
		discovery_table_keep(&doc->fresh, &doc->table);
		changed |= !discovery_table_equal(&doc->fresh, &doc->table);
		discovery_table_deinit(&doc->table);
		doc->table = doc->fresh;
		doc->fresh = (struct discovery_table){ 0 };
		free(doc->etag);
		doc->etag = steal(&doc->fresh_etag);
		doc->replaced = false;
	}
	d->ready = true;
	d->generation += changed;
}

static void finish(struct discovery *d, const struct err *err)
{
	if (!err->code)
		take_over(d);
	for (int i = 0; i < DOCS; i++)
		drop_fresh(&d->docs[i]);
	tell(d, err);
}

/* ---- one document ---- */

static int read_doc(struct doc *doc, const struct kube_request *r, struct err *err)
{
	if (r->status == 304)
		return 0;
	if (discovery_parse(&doc->fresh, r->json, err))
		return -1;
	doc->replaced = true;
	/* A document with stale parts is asked for in full next time. */
	if (r->etag[0] && !doc->fresh.stale.len)
		doc->fresh_etag = xstrdup(r->etag);
	return 0;
}

static void on_answer(struct kube_request *r, const struct err *err)
{
	struct discovery *d = container_of(r, struct discovery, r);
	struct err why = *err;

	if (!why.code)
		read_doc(&d->docs[d->asking], r, &why);
	if (why.code) {
		if (err->code)
			err_wrap(&why, "discovery");
		d->asking = CORE;
		finish(d, &why);
		return;
	}
	if (++d->asking < DOCS) {
		ask(d);
		return;
	}
	d->asking = CORE;
	finish(d, &ERR_INIT);
}

static void ask(struct discovery *d)
{
	kube_request_deinit(&d->r);
	d->r = (struct kube_request){
		.verb = "discovery",
		.method = "GET",
		.accept = accept_list,
		.if_none_match = d->docs[d->asking].etag,
		.parse = true,
		.on_done = on_answer,
	};
	buf_adds(&d->r.path, paths[d->asking]);
	kube_start(d->k, &d->r);
}

/* ---- the caller's side ---- */

struct discovery *discovery_new(struct kube *k)
{
	struct discovery *d = xcalloc(1, sizeof(*d));

	d->k = k;
	return d;
}

struct discovery *discovery_free(struct discovery *d)
{
	if (!d)
		return NULL;
	if (d->gone)
		*d->gone = true;
	kube_abandon(d->k, &d->r);
	kube_request_deinit(&d->r);
	for (int i = 0; i < DOCS; i++) {
		drop_fresh(&d->docs[i]);
		discovery_table_deinit(&d->docs[i].table);
		free(d->docs[i].etag);
	}
	vec_deinit(&d->served.list);
	vec_deinit(&d->next.list);
	free(d);
	return NULL;
}

void discovery_refresh(struct discovery *d,
		       void (*on_done)(void *arg, const struct err *err),
		       void *arg)
{
	struct waiter w = { on_done, arg };

	if (d->running) {
		vec_push(&d->next.list, w);
		return;
	}
	vec_push(&d->served.list, w);
	d->running = true;
	ask(d);
}

static void forget(struct waiters *w, const void *arg)
{
	for (size_t i = 0; w && i < w->list.len; i++)
		if (w->list.data[i].arg == arg)
			w->list.data[i].on_done = NULL;
}

void discovery_forget(struct discovery *d, const void *arg)
{
	forget(&d->served, arg);
	forget(&d->next, arg);
	forget(d->told, arg);
}

bool discovery_ready(const struct discovery *d)
{
	return d->ready;
}

unsigned discovery_generation(const struct discovery *d)
{
	return d->generation;
}

const struct api_resource *discovery_find(const struct discovery *d,
		const char *group, const char *version, const char *kind)
{
	bool core = !group || !group[0];

	return discovery_table_find(&d->docs[core ? CORE : GROUPS].table,
				    core ? "" : group, version, kind);
}

void discovery_each(const struct discovery *d,
		    void (*fn)(const struct api_resource *r, void *arg), void *arg)
{
	for (int i = 0; i < DOCS; i++)
		for (size_t n = 0; n < d->docs[i].table.rows.len; n++)
			fn(&d->docs[i].table.rows.data[n].r, arg);
}
