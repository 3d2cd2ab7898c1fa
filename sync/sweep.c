/*
 * The sweep, ten minutes after the start and then once a day: what nobody needs any
 * more goes. List the metadata of our Secrets -> judge each against the records in
 * memory -> delete one by one, by UID, asking again right before -> let the fetch
 * worker remove the mirrors of repositories that no application uses.
 *
 * Nothing goes while anything is not known: not before all records and Applications
 * are in, not of an application whose record cannot be read, that is busy, or whose
 * namespace is not ours to see; and a record only after its Application has been
 * gone for a week and a GET says so again. Whatever fails is left for the next one.
 */
#include "engine_priv.h"

#include "core/fetch.h"
#include "garbage.h"

#define FIRST_MS ((uint64_t)10 * 60 * 1000)
#define EACH_MS ((uint64_t)24 * 3600 * 1000)
#define KEEP_MS ((uint64_t)7 * 24 * 3600 * 1000)
#define SOON_MS 60000
#define YOUNG_MS ((int64_t)10 * 60 * 1000)
#define MAX_VICTIMS 10000
#define WORKER_MS 120000

struct victim {
	char *name, *uid, *id;
	bool state, chunk;
};

struct sweep {
	struct engine *e;
	struct world_timer timer;
	struct kube_request req;
	struct worker_call worker;
	char *request;
	VEC(struct victim) victims;	/* the last one is under way */
	struct app *busy;		/* held back while its Secret is deleted */
	unsigned deleted;
};

static void next_victim(struct sweep *s);
static void list_page(struct sweep *s, const char *next);

static void victim_deinit(struct victim *v)
{
	free(v->name);
	free(v->uid);
	free(v->id);
}

static void again_in(struct sweep *s, uint64_t ms)
{
	world_timer_start(s->e->w, &s->timer, ms);
}

static struct app *app_of(struct engine *e, const char *id)
{
	struct app *a;

	HASH_FIND_STR(e->apps, id, a);
	return a;
}

/* ---- what may go ---- */

static bool is_watched(const struct engine *e, const char *id)
{
	size_t n = strcspn(id, "/");

	for (char **ns = e->app_namespaces; *ns; ns++)
		if (!strcmp(*ns, "*") || (strlen(*ns) == n && !strncmp(*ns, id, n)))
			return true;
	return false;
}

static bool is_idle(const struct app *a)
{
	return !a->op && !a->store.running && !a->load.running && !a->sweeping;
}

/* Its Application is gone, long enough, and we would know if it were not. */
static bool may_forget(const struct sweep *s, const struct app *a)
{
	uint64_t keep = s->e->cfg.keep_ms ? s->e->cfg.keep_ms : KEEP_MS;

	return !a->present && a->rec_version && !a->rec_broken && is_idle(a) &&
	       is_watched(s->e, a->id) &&
	       record_is_garbage(&a->rec, world_now(s->e->w), keep);
}

static bool may_go(const struct sweep *s, const struct kept *k)
{
	const struct app *a = app_of(s->e, k->id);
	static const struct record none;

	if (world_wall(s->e->w) - k->created_ms < YOUNG_MS)
		return false;
	if (k->state)
		return a && may_forget(s, a);
	if (a && (a->rec_broken || !is_idle(a)))
		return false;
	return !kept_needed(k, a ? &a->rec : &none);
}

/* ---- Applications that are gone ---- */

static void note_vanished(struct engine *e)
{
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next) {
		if (a->present || !a->rec_version || a->rec.vanished_ms ||
		    a->rec_broken || !is_idle(a) || !is_watched(e, a->id))
			continue;
		a->rec.vanished_ms = world_wall(e->w);
		a->rec.vanished_mono = (int64_t)world_now(e->w);
		app_save(a);
	}
}

/* ---- deleting ---- */

static void release_app(struct sweep *s)
{
	if (!s->busy)
		return;
	s->busy->sweeping = false;
	app_poke(s->busy);
	s->busy = NULL;
}

static void victim_done(struct sweep *s)
{
	release_app(s);
	victim_deinit(&s->victims.data[--s->victims.len]);
	next_victim(s);
}

static void on_deleted(struct kube_request *r, const struct err *err)
{
	struct sweep *s = container_of(r, struct sweep, req);
	struct victim *v = &s->victims.data[s->victims.len - 1];

	if (!err->code) {
		s->deleted++;
		engine_log(s->e, LOG_INFO, s->busy, "Secret %s is needed no more: "
			   "deleted", v->name);
	}
	if (!err->code && v->state && s->busy && !s->busy->present)
		app_forget_record(s->busy);
	victim_done(s);
}

static void delete_victim(struct sweep *s)
{
	const struct victim *v = &s->victims.data[s->victims.len - 1];
	struct kube_ref ref = store_secret(s->e, v->name);

	kube_delete_init(&s->req, &ref, v->uid, "Background");
	s->req.on_done = on_deleted;
	kube_start(s->e->kube, &s->req);
}

/* Only the API server's word for this very object, not for a missing kind. */
static void on_asked(struct kube_request *r, const struct err *err)
{
	struct sweep *s = container_of(r, struct sweep, req);
	const struct victim *v = &s->victims.data[s->victims.len - 1];
	const char *name = doc_get_str(r->json, "details", "name", NULL);

	if (err->code == ERR_NOTFOUND && name && s->busy && !s->busy->present &&
	    !strcmp(name, strchr(v->id, '/') + 1))
		delete_victim(s);
	else
		victim_done(s);
}

static void ask_for_application(struct sweep *s)
{
	const struct victim *v = &s->victims.data[s->victims.len - 1];
	const char *slash = strchr(v->id, '/');
	_cleanup_free_ char *ns = xstrndup(v->id, (size_t)(slash - v->id));
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = ns, .name = slash + 1,
	};

	kube_get_init(&s->req, &ref);
	s->req.parse = true;
	s->req.on_done = on_asked;
	kube_start(s->e->kube, &s->req);
}

/* Since the list was read an operation may have begun to need it. */
static bool still_garbage(const struct sweep *s, const struct victim *v)
{
	struct kept k = {
		.name = v->name, .uid = v->uid, .id = v->id, .state = v->state,
		.chunk = v->chunk, .created_ms = 1,
	};

	return may_go(s, &k);
}

static void sweep_mirrors(struct sweep *s);

static void next_victim(struct sweep *s)
{
	struct victim *v;

	while (s->victims.len) {
		v = &s->victims.data[s->victims.len - 1];
		if (engine_may_write(s->e) && still_garbage(s, v)) {
			s->busy = app_of(s->e, v->id);
			if (s->busy)
				s->busy->sweeping = true;
			if (v->state)
				ask_for_application(s);
			else
				delete_victim(s);
			return;
		}
		victim_deinit(v);
		s->victims.len--;
	}
	sweep_mirrors(s);
}

/* ---- the list ---- */

static void take_page(struct sweep *s, const json_t *items)
{
	const json_t *item;
	struct kept k;
	size_t i;

	json_array_foreach(items, i, item) {
		if (!kept_read(item, &k) || !may_go(s, &k) ||
		    s->victims.len == MAX_VICTIMS)
			continue;
		vec_push(&s->victims, ((struct victim){
			xstrdup(k.name), xstrdup(k.uid), xstrdup(k.id), k.state,
			k.chunk }));
	}
}

static void on_listed(struct kube_request *r, const struct err *err)
{
	struct sweep *s = container_of(r, struct sweep, req);
	const char *next = doc_get_str(r->json, "metadata", "continue", NULL);
	_cleanup_free_ char *copy = xstrdup(next);

	if (err->code) {
		again_in(s, SOON_MS);
		return;
	}
	take_page(s, json_object_get(r->json, "items"));
	if (copy && *copy)
		list_page(s, copy);
	else
		next_victim(s);
}

static void list_page(struct sweep *s, const char *next)
{
	struct kube_ref ref = store_secret(s->e, NULL);

	kube_list_init(&s->req, &ref, "app.kubernetes.io/managed-by=syncd,"
		       "syncd.dev/record", 200, next);
	/* Names are enough; their bytes stay where they are. */
	s->req.accept = KUBE_METADATA_LIST;
	s->req.parse = true;
	s->req.on_done = on_listed;
	kube_start(s->e->kube, &s->req);
}

/* ---- mirrors ---- */

static void finished(struct sweep *s)
{
	uint64_t each = s->e->cfg.sweep_ms ? s->e->cfg.sweep_ms : EACH_MS;

	/* What a record that went needed is garbage now. */
	again_in(s, s->deleted ? SOON_MS : world_jitter(s->e->w, each, 10));
	s->deleted = 0;
}

static void on_mirrors(struct worker_call *c, const struct err *err,
		       const char *data, size_t len)
{
	struct sweep *s = container_of(c, struct sweep, worker);

	(void)data;
	(void)len;
	if (err->code)
		engine_log(s->e, LOG_INFO, NULL, "removing unused mirrors: %s",
			   err->msg);
	free(s->request);
	s->request = NULL;
	finished(s);
}

static void sweep_mirrors(struct sweep *s)
{
	_cleanup_buf_ struct buf keep = BUF_INIT;
	struct fetch_request q = { .mirrors = s->e->mirrors };
	struct buf out = BUF_INIT;
	size_t len;

	source_keys(s->e, &keep);
	q.keep = (char *)(uintptr_t)buf_str(&keep);
	fetch_request_encode(&q, &out);
	s->request = buf_steal(&out, &len);
	s->worker = (struct worker_call){
		.kind = WORKER_FETCH, .affinity = "sweep",
		.request = s->request, .request_len = len,
		.deadline_ms = WORKER_MS, .max_answer = 65536,
		.on_done = on_mirrors,
	};
	s->e->w->ops->worker_start(s->e->w, &s->worker);
}

/* ---- life ---- */

static bool is_known(const struct engine *e)
{
	return e->leading && !e->stopping && e->loaded && engine_ready(e) &&
	       discovery_find(e->discovery, "argoproj.io", NULL, "Application");
}

static void on_timer(struct world_timer *t)
{
	struct sweep *s = container_of(t, struct sweep, timer);

	if (!is_known(s->e)) {
		again_in(s, SOON_MS);
		return;
	}
	note_vanished(s->e);
	list_page(s, NULL);
}

void sweep_start(struct engine *e)
{
	struct sweep *s = e->sweep = xcalloc(1, sizeof(*s));

	s->e = e;
	s->timer.fn = on_timer;
	again_in(s, e->cfg.sweep_ms ? e->cfg.sweep_ms : FIRST_MS);
}

void sweep_free(struct engine *e)
{
	struct sweep *s = e->sweep;

	e->sweep = NULL;
	if (!s)
		return;
	world_timer_stop(e->w, &s->timer);
	kube_abandon(e->kube, &s->req);
	kube_request_deinit(&s->req);
	e->w->ops->worker_abandon(e->w, &s->worker);
	for (size_t i = 0; i < s->victims.len; i++)
		victim_deinit(&s->victims.data[i]);
	vec_deinit(&s->victims);
	free(s->request);
	free(s);
}
