/*
 * Releases that history has no room for go as soon as they are forgotten; nobody
 * waits for it. What a crash leaves behind, and chunks, are the sweep's (sweep.c).
 */
#include "engine_priv.h"
#include "store_codec.h"

#include <stdio.h>

struct loose {
	struct kube_request req;
	struct engine *engine;
	char name[STORE_NAME], uid[40];
};

static struct loose *loose_free(struct loose *l)
{
	kube_request_deinit(&l->req);
	free(l);
	return NULL;
}

static void loose_end(struct loose *l)
{
	struct engine *e = l->engine;

	for (size_t i = 0; i < e->loose.len; i++)
		if (e->loose.data[i] == l)
			e->loose.data[i] = e->loose.data[--e->loose.len];
	loose_free(l);
}

/* Left behind at worst; nothing depends on it. */
static void on_dropped(struct kube_request *r, const struct err *err)
{
	(void)err;
	loose_end(container_of(r, struct loose, req));
}

static void on_found(struct kube_request *r, const struct err *err)
{
	struct loose *l = container_of(r, struct loose, req);
	const char *uid = doc_get_str(r->json, "metadata", "uid", NULL);
	struct kube_ref ref = store_secret(l->engine, l->name);

	if (err->code || !uid) {
		loose_end(l);
		return;
	}
	snprintf(l->uid, sizeof(l->uid), "%s", uid);
	kube_delete_init(&l->req, &ref, l->uid, "Background");
	l->req.on_done = on_dropped;
	kube_start(l->engine->kube, &l->req);
}

void store_drop_release(struct engine *e, struct app *app, uint32_t id)
{
	const struct release *rel = record_release(&app->rec, id);
	struct loose *l;
	struct kube_ref ref;

	if (!rel)
		return;
	vec_push(&app->dropped, id);
	l = xcalloc(1, sizeof(*l));
	l->engine = e;
	store_release_name(app->id, id, rel->digest, l->name);
	ref = store_secret(e, l->name);
	kube_get_init(&l->req, &ref);
	l->req.parse = true;
	l->req.on_done = on_found;
	vec_push(&e->loose, l);
	kube_start(e->kube, &l->req);
}

void store_free(struct engine *e)
{
	for (size_t i = 0; i < e->loose.len; i++)
		loose_free(e->loose.data[i]);
	vec_deinit(&e->loose);
	kube_request_deinit(&e->store_list);
}
