/*
 * Releases and records as Secrets in syncd's own namespace.
 *
 * A record is written with the resourceVersion it was read at: two writers can
 * not both succeed. When an answer was lost, the Secret is read back: our own
 * bytes mean that the write happened. A release is written once, under a name
 * that holds its digest: "already exists" means that it is there.
 * The folder of caches only saves requests: what is not there is read back.
 */
#include "engine_priv.h"
#include "store_codec.h"

#include <stdio.h>

#define MAX_RECORD ((size_t)16 << 20)
#define MAX_UNSURE 4

static void finish(struct store_call *c, const struct err *err)
{
	free(c->body);
	c->body = NULL;
	c->running = false;
	c->on_done(c, err);
}

static void deferred(struct world_task *t)
{
	struct store_call *c = container_of(t, struct store_call, task);

	finish(c, &c->err);
}

static void finish_soon(struct store_call *c)
{
	c->task.fn = deferred;
	world_defer(c->app->engine->w, &c->task);
}

static void send_record(struct store_call *c);

struct kube_ref store_secret(const struct engine *e, const char *name)
{
	return (struct kube_ref){ .group = "", .version = "v1",
				  .resource = "secrets", .ns = e->ns, .name = name };
}

/* ---- records ---- */

/*
 * A write without an answer may lie there, or come yet: should the next one meet
 * another version, it is known again by its bytes.
 */
static void note_unsure(struct store_call *c)
{
	struct app *a = c->app;

	if (a->rec_unsure.len == MAX_UNSURE) {
		free(a->rec_unsure.data[0]);
		a->rec_unsure.len--;
		memmove(a->rec_unsure.data, a->rec_unsure.data + 1,
			a->rec_unsure.len * sizeof(*a->rec_unsure.data));
	}
	vec_push(&a->rec_unsure, steal(&c->body));
}

static bool is_unsure(const struct app *a, const char *state)
{
	for (size_t i = 0; i < a->rec_unsure.len; i++)
		if (strstr(a->rec_unsure.data[i], state))
			return true;
	return false;
}

void store_forget_unsure(struct app *a)
{
	for (size_t i = 0; i < a->rec_unsure.len; i++)
		free(a->rec_unsure.data[i]);
	vec_deinit(&a->rec_unsure);
	a->rec_unsure.len = 0;
}

static void take_version(struct store_call *c)
{
	const char *v = doc_get_str(c->req.json, "metadata", "resourceVersion",
				    NULL);

	free(c->app->rec_version);
	c->app->rec_version = xstrdup(v ? v : "");
	c->app->notices_stored = c->notices;
	if (c->app->rec.notices.len)
		notify_pump(c->app->engine);
	if (c->evidence && c->app->evidence.due) {
		free(c->app->evidence.text);
		free(c->app->evidence.words);
		c->app->evidence = (struct kept_words){ 0 };
	}
	/* Those are gone now; what was dropped meanwhile goes next time. */
	if (!c->n_dropped)
		return;
	c->app->dropped.len -= c->n_dropped;
	memmove(c->app->dropped.data, c->app->dropped.data + c->n_dropped,
		c->app->dropped.len * sizeof(*c->app->dropped.data));
}

/* The write may have happened although its answer was lost: ours or not? */
static void on_read_back(struct kube_request *r, const struct err *err)
{
	struct store_call *c = container_of(r, struct store_call, req);
	struct err lost = ERR_INIT;
	const char *theirs;

	if (err->code) {
		finish(c, err);
		return;
	}
	theirs = doc_get_str(r->json, "data", "state", NULL);
	if (theirs && *theirs && strstr(c->body, theirs)) {
		take_version(c);
		store_forget_unsure(c->app);
		finish(c, &lost);
		return;
	}
	if (theirs && *theirs && is_unsure(c->app, theirs)) {
		/* An earlier one of ours: now this one, on top of it. */
		c->n_dropped = 0;
		take_version(c);
		store_forget_unsure(c->app);
		free(c->body);
		send_record(c);
		return;
	}
	err_set(&lost, ERR_CONFLICT,
		"the state record of %s was changed by another syncd", c->app->id);
	finish(c, &lost);
}

static void on_record_put(struct kube_request *r, const struct err *err)
{
	struct store_call *c = container_of(r, struct store_call, req);
	struct engine *e = c->app->engine;
	char name[STORE_NAME];
	struct kube_ref ref;

	if (!err->code) {
		take_version(c);
		store_forget_unsure(c->app);
		finish(c, err);
		return;
	}
	if (err->code == ERR_NOTFOUND && c->app->rec_version) {
		/*
		 * Somebody deleted it: what we know is all there is, and what runs
		 * lay in it.
		 */
		if (!c->answer && c->app->target) {
			c->answer = &c->app->target->a;
			c->release = c->app->target_id;
		}
		free(c->app->rec_version);
		c->app->rec_version = NULL;
		free(c->body);
		store_put_record(c);
		return;
	}
	if (err->code != ERR_CONFLICT) {
		note_unsure(c);
		finish(c, err);
		return;
	}
	store_record_name(c->app->id, name);
	ref = store_secret(e, name);
	kube_get_init(&c->req, &ref);
	c->req.parse = true;
	c->req.on_done = on_read_back;
	kube_start(e->kube, &c->req);
}

static void send_record(struct store_call *c)
{
	struct app *a = c->app;
	struct engine *e = a->engine;
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct record_write w = {
		.record = &a->rec, .id = a->id, .install_id = e->install_id,
		.version = a->rec_version, .dropped = a->dropped.data,
		.n_dropped = a->dropped.len,
	};
	char name[STORE_NAME];
	struct kube_ref ref;

	if (c->answer && store_embeds(c->answer, a->spec.history_limit)) {
		w.release = c->answer;
		w.release_id = c->release;
	}
	app_tell(a);
	c->notices = a->rec.last_notice;
	c->evidence = a->evidence.due;
	if (c->evidence) {
		w.evidence = a->evidence.text;
		w.evidence_id = a->evidence.release;
	}
	a->rec.epoch = e->epoch;
	store_record_name(a->id, name);
	store_record_body(&w, &body);
	c->body = buf_steal(&body, NULL);
	c->n_dropped = a->dropped.len;
	ref = store_secret(e, name);
	if (a->rec_version) {
		kube_merge_patch_init(&c->req, &ref, FIELD_MANAGER, c->body,
				      strlen(c->body));
	} else {
		ref.name = NULL;
		kube_create_init(&c->req, &ref, FIELD_MANAGER, c->body,
				 strlen(c->body));
	}
	c->req.parse = true;
	c->req.on_done = on_record_put;
	kube_start(e->kube, &c->req);
}

static bool has_name(const json_t *object, const char *name)
{
	const char *its = doc_get_str(object, "metadata", "name", NULL);

	return its && !strcmp(its, name);
}

/* Never guess: without its record an application is left alone. */
static void refuse_one(struct engine *e, const char *ns, const char *name,
		       const struct err *why)
{
	struct app *a = app_get(e, ns, name);

	free(a->rec_broken);
	a->rec_broken = xstrdup(why->msg);
	engine_log(e, LOG_ERROR, a, "the state record cannot be read, the "
		   "application is left alone: %s", why->msg);
}

static void adopt_one(struct engine *e, const json_t *item)
{
	struct err err = ERR_INIT;
	struct record rec = { 0 };
	const char *id = doc_get_str(item, "metadata", "annotations",
				     "syncd.dev/application", NULL);
	const char *version = doc_get_str(item, "metadata", "resourceVersion",
					  NULL);
	const char *slash = id ? strchr(id, '/') : NULL;
	char name[STORE_NAME];
	_cleanup_free_ char *ns = slash ? xstrndup(id, (size_t)(slash - id)) : NULL;

	if (!ns || !version)
		return;
	store_record_name(id, name);
	if (!has_name(item, name))
		return;	/* a copy under another name is nobody's record */
	if (store_record_parse(item, MAX_RECORD, &rec, &err)) {
		refuse_one(e, ns, slash + 1, &err);
		record_deinit(&rec);
		return;
	}
	app_adopt_record(e, ns, slash + 1, &rec, version);
}

static void list_page(struct engine *e, const char *next);

static void on_listed(struct kube_request *r, const struct err *err)
{
	struct engine *e = container_of(r, struct engine, store_list);
	const char *next = doc_get_str(r->json, "metadata", "continue", NULL);
	_cleanup_free_ char *copy = xstrdup(next);
	size_t i;
	json_t *item;

	e->store_busy = false;
	if (err->code) {
		e->store_loaded(e->store_arg, err);
		return;
	}
	json_array_foreach(json_object_get(r->json, "items"), i, item)
		adopt_one(e, item);
	if (copy && *copy)
		list_page(e, copy);
	else
		e->store_loaded(e->store_arg, err);
}

static void list_page(struct engine *e, const char *next)
{
	struct kube_ref ref = store_secret(e, NULL);

	kube_list_init(&e->store_list, &ref, "syncd.dev/record=state", 50, next);
	e->store_list.parse = true;
	e->store_list.on_done = on_listed;
	e->store_busy = true;
	kube_start(e->kube, &e->store_list);
}

void store_load(struct engine *e, void (*on_done)(void *arg, const struct err *err),
		void *arg)
{
	e->store_loaded = on_done;
	e->store_arg = arg;
	list_page(e, NULL);
}

/* ---- releases ---- */

static void to_cache(struct app *a, const struct render_answer *answer);
static void put_next(struct store_call *c);

static void on_release_put(struct kube_request *r, const struct err *err)
{
	struct store_call *c = container_of(r, struct store_call, req);

	free(c->body);
	c->body = NULL;
	if (err->code && err->code != ERR_CONFLICT) {
		finish(c, err);
		return;
	}
	if (c->next_chunk > c->answer->n_chunks)
		send_record(c);
	else
		put_next(c);
}

/* Large releases: each chunk is a Secret of its own; the index comes last. */
static void put_next(struct store_call *c)
{
	struct app *a = c->app;
	struct engine *e = a->engine;
	bool inlined = store_fits(c->answer);
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct kube_ref ref = store_secret(e, NULL);

	if (inlined)
		c->next_chunk = c->answer->n_chunks;
	if (c->next_chunk < c->answer->n_chunks)
		store_chunk_body(&c->answer->chunks[c->next_chunk], a->id, &body);
	else
		store_release_body(c->answer, a->id, c->release, inlined, &body);
	c->next_chunk++;
	c->body = buf_steal(&body, NULL);
	kube_create_init(&c->req, &ref, FIELD_MANAGER, c->body, strlen(c->body));
	c->req.on_done = on_release_put;
	kube_start(e->kube, &c->req);
}

static void cache_key(const struct app *a, const char *digest, struct buf *key)
{
	char name[STORE_NAME];

	store_record_name(a->id, name);
	buf_addf(key, "release/%s/%s", name, digest);
}

static void to_cache(struct app *a, const struct render_answer *answer)
{
	_cleanup_buf_ struct buf key = BUF_INIT, bytes = BUF_INIT;

	cache_key(a, answer->digest, &key);
	render_answer_encode(answer, &bytes);
	a->engine->w->ops->cache_put(a->engine->w, buf_str(&key), bytes.data,
				     bytes.len);
}

/* Which Secrets the release needs, before the first of them is made. */
static void note_chunks(struct store_call *c)
{
	struct release *rel = record_release(&c->app->rec, c->release);
	struct buf digests = BUF_INIT;

	if (!rel || store_fits(c->answer))
		return;
	for (size_t i = 0; i < c->answer->n_chunks; i++)
		buf_addf(&digests, "%s%.24s", i ? " " : "",
			 c->answer->chunks[i].digest);
	free(rel->chunks);
	rel->chunks = buf_steal(&digests, NULL);
}

void store_put_record(struct store_call *c)
{
	struct release *rel = record_release(&c->app->rec, c->release);

	c->running = true;
	c->next_chunk = 0;
	if (c->answer)
		to_cache(c->app, c->answer);
	if (c->answer && rel)
		rel->bytes = (int64_t)store_bytes(c->answer);
	if (c->answer && !store_embeds(c->answer, c->app->spec.history_limit)) {
		note_chunks(c);
		put_next(c);
	} else {
		send_record(c);
	}
}

static bool from_cache(struct store_call *c, const struct release *rel)
{
	struct world *w = c->app->engine->w;
	_cleanup_buf_ struct buf key = BUF_INIT, bytes = BUF_INIT;
	struct err err = ERR_INIT;

	cache_key(c->app, rel->digest, &key);
	if (w->ops->cache_get(w, buf_str(&key), &bytes))
		return false;
	if (render_answer_decode(c->answer, bytes.data, bytes.len, &err) ||
	    strcmp(c->answer->digest, rel->digest)) {
		render_answer_deinit(c->answer);
		*c->answer = (struct render_answer){ 0 };
		return false;
	}
	return true;
}

static void get_chunk(struct store_call *c);

static void on_chunk_got(struct kube_request *r, const struct err *err)
{
	struct store_call *c = container_of(r, struct store_call, req);
	struct err bad = ERR_INIT;

	if (err->code) {
		finish(c, err);
		return;
	}
	if (store_chunk_parse(r->json, &c->answer->chunks[c->next_chunk], &bad)) {
		finish(c, &bad);
		return;
	}
	c->next_chunk++;
	get_chunk(c);
}

static void get_chunk(struct store_call *c)
{
	struct engine *e = c->app->engine;
	struct err fine = ERR_INIT;
	char name[STORE_NAME];
	struct kube_ref ref;

	while (c->next_chunk < c->answer->n_chunks &&
	       c->answer->chunks[c->next_chunk].deflated)
		c->next_chunk++;
	if (c->next_chunk == c->answer->n_chunks) {
		to_cache(c->app, c->answer);
		finish(c, &fine);
		return;
	}
	store_chunk_name(c->app->id, c->answer->chunks[c->next_chunk].digest, name);
	ref = store_secret(e, name);
	kube_get_init(&c->req, &ref);
	c->req.parse = true;
	c->req.on_done = on_chunk_got;
	kube_start(e->kube, &c->req);
}

static void get_apart(struct store_call *c);

/* In the record's own Secret, or, a large one, apart. */
static void on_record_got(struct kube_request *r, const struct err *err)
{
	struct store_call *c = container_of(r, struct store_call, req);
	struct err bad = *err;

	if (!bad.code)
		(void)!store_embedded_parse(r->json, c->release, c->answer, &bad);
	if (bad.code == ERR_NOTFOUND) {
		get_apart(c);
		return;
	}
	if (bad.code)
		err_wrap(&bad, "release #%u of %s", c->release, c->app->id);
	else
		to_cache(c->app, c->answer);
	finish(c, &bad);
}

static void on_release_got(struct kube_request *r, const struct err *err)
{
	struct store_call *c = container_of(r, struct store_call, req);
	struct err bad = ERR_INIT;

	if (err->code) {
		bad = *err;
		err_wrap(&bad, "release #%u of %s", c->release, c->app->id);
		finish(c, &bad);
		return;
	}
	if (store_release_parse(r->json, c->answer, &bad)) {
		finish(c, &bad);
		return;
	}
	c->next_chunk = 0;
	get_chunk(c);
}

void store_get_release(struct store_call *c)
{
	struct engine *e = c->app->engine;
	const struct release *rel = record_release(&c->app->rec, c->release);
	char name[STORE_NAME];
	struct kube_ref ref;

	c->running = true;
	c->err = ERR_INIT;
	if (!rel) {
		err_set(&c->err, ERR_NOTFOUND, "%s has no release #%u",
			c->app->id, c->release);
		finish_soon(c);
		return;
	}
	if (from_cache(c, rel)) {
		finish_soon(c);
		return;
	}
	store_record_name(c->app->id, name);
	ref = store_secret(e, name);
	kube_get_init(&c->req, &ref);
	c->req.parse = true;
	c->req.on_done = on_record_got;
	kube_start(e->kube, &c->req);
}

static void get_apart(struct store_call *c)
{
	struct engine *e = c->app->engine;
	const struct release *rel = record_release(&c->app->rec, c->release);
	struct err gone = ERR_INIT;
	char name[STORE_NAME];
	struct kube_ref ref;

	if (!rel) {
		err_set(&gone, ERR_NOTFOUND, "%s has no release #%u any more",
			c->app->id, c->release);
		finish(c, &gone);
		return;
	}
	store_release_name(c->app->id, rel->id, rel->digest, name);
	ref = store_secret(e, name);
	kube_get_init(&c->req, &ref);
	c->req.parse = true;
	c->req.on_done = on_release_got;
	kube_start(e->kube, &c->req);
}

void store_cancel(struct store_call *c)
{
	if (!c->running)
		return;
	world_undefer(c->app->engine->w, &c->task);
	kube_cancel(c->app->engine->kube, &c->req);
}
