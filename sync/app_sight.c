/*
 * What is there already of an application that nobody has synced yet. Its objects bear
 * no label of ours, so no watch tells of them: each is read once, and of what is there
 * it is asked dry what an apply would change. Nothing is written.
 *
 * Happy path: the plan's unknown objects are listed -> a few at a time: GET, then a dry
 * apply -> when all are answered the application is looked at anew, and its plan and
 * status know them. That is kept for the release as rendered: it is read anew when Git
 * says something else, or on refresh, and forgotten with the first sync. What cannot be
 * read counts as not seen; if it may pass, all is read again a while later. What was
 * known stays told until that is over.
 */
#include "app_priv.h"

#include "sync/fingerprint.h"
#include "sync/stamp.h"

#define SIGHTS_MAX 1000		/* as many as a status shows */
#define AT_ONCE 4
#define APPS_AT_ONCE 2
#define TURN_MS 1000
#define AGAIN_MS 60000

struct sight {
	size_t object;		/* of the release */
	struct objkey key;	/* in the arena: it outlives the release */
	bool same;		/* an apply would change nothing */
};

struct sight_ask {
	struct sights *s;
	size_t i;		/* of s->all */
	struct kube_request req;
	struct kube_ref ref;
	char *ref_names, *body;
	json_t *live;
	bool busy;
};

struct sights {
	struct app *app;
	char of[65];		/* over the release and where it goes */
	char digest[65];	/* of the release */
	struct rel *rel;
	struct arena arena;
	VEC(struct sight) all;	/* by key */
	struct live_index found;	/* what is there of them */
	size_t next, n_busy;
	struct sights *before;	/* that are over; told until these are; NULL */
	bool over, lacks;	/* lacks: something could not be read, which may pass */
	uint64_t again_at;	/* mono: then it is read anew; 0 */
	struct sight_ask asks[AT_ONCE];
};

/* ---- what was found ---- */

static int compare(const void *a, const void *b)
{
	return objkey_cmp(&((const struct sight *)a)->key, &((const struct sight *)b)->key);
}

static struct sights *told(const struct app *a)
{
	return a->sights && !a->sights->over ? a->sights->before : a->sights;
}

void *app_sights_arg(const struct app *a, const struct rel *of)
{
	struct sights *s = told(a);

	return s && !strcmp(s->digest, of->a.digest) ? s : NULL;
}

bool app_sight_same(void *arg, const struct objkey *k)
{
	const struct sights *s = arg;
	struct sight key = { .key = *k }, *found;

	if (!s || !s->all.len)
		return false;
	found = bsearch(&key, s->all.data, s->all.len, sizeof(key), compare);
	return found && found->same;
}

struct live_index *app_sights_found(const struct app *a)
{
	struct sights *s = told(a);

	return s ? &s->found : NULL;
}

/* ---- asking ---- */

static void ask_next(struct sights *s);
static struct sights *sights_free(struct sights *s);

static void on_over(struct sights *s)
{
	struct app *a = s->app;

	s->over = true;
	s->before = sights_free(s->before);
	s->rel = rel_unref(s->rel);
	a->engine->sighting--;
	if (s->lacks) {
		s->again_at = world_now(a->engine->w) + AGAIN_MS;
		app_poke_at(a, s->again_at);
	}
	a->plan_valid = false;
	app_poke(a);
}

static void done(struct sight_ask *q)
{
	struct sights *s = q->s;

	kube_request_deinit(&q->req);
	free(q->ref_names);
	free(q->body);
	json_decref(q->live);
	*q = (struct sight_ask){ .s = s };
	s->n_busy--;
	ask_next(s);
}

static void set_member(json_t *o, const char *map, const char *key, const json_t *from)
{
	json_t *value = doc_get(from, "metadata", map, key, NULL);
	json_t *meta = json_object_get(o, "metadata");

	if (!value)
		return;
	if (!json_object_get(meta, map))
		json_object_set_new(meta, map, json_object());
	json_object_set(json_object_get(meta, map), key, value);
}

/* Is what we would own as it is? What only tells that it is ours does not count. */
static bool is_same(const json_t *live, const json_t *would)
{
	_cleanup_json_ json_t *as = json_deep_copy(live);
	json_t *meta = json_object_get(as, "metadata");
	char now[65], then[65];

	set_member(as, "labels", LABEL_INSTALL, would);
	set_member(as, "annotations", "argocd.argoproj.io/tracking-id", would);
	json_object_set(meta, "managedFields", doc_get(would, "metadata", "managedFields",
						       NULL));
	return !fingerprint_owned(as, FIELD_MANAGER, now, NULL, NULL) &&
	       !fingerprint_owned(would, FIELD_MANAGER, then, NULL, NULL) && *now &&
	       !strcmp(now, then);
}

static void on_asked(struct kube_request *r, const struct err *err)
{
	struct sight_ask *q = container_of(r, struct sight_ask, req);

	q->s->lacks = q->s->lacks || (err->code && err->retry);
	q->s->all.data[q->i].same = !err->code && is_same(q->live, r->json);
	done(q);
}

static int make_body(struct sight_ask *q, struct err *err)
{
	struct sights *s = q->s;
	size_t object = s->all.data[q->i].object;
	const char *uid = doc_get_str(q->live, "metadata", "uid", NULL);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *body = NULL;
	size_t len;

	if (bodies_get(&s->app->engine->bodies, &s->rel->a, object, &body, &len, err) ||
	    app_draw_body(s->app, &s->rel->a, s->app->spec.dest_ns, object, &body, &len, err) ||
	    body_stamp(body, len, uid, NULL, &out, err))
		return -1;
	q->body = buf_steal(&out, NULL);
	return 0;
}

static void ask_dry(struct sight_ask *q)
{
	struct app *a = q->s->app;
	_cleanup_free_ char *user = NULL;
	struct err err = ERR_INIT;

	kube_apply_init(&q->req, &q->ref, FIELD_MANAGER, APPLY_FORCE | APPLY_DRY_RUN,
			q->body, strlen(q->body));
	q->req.parse = true;
	q->req.on_done = on_asked;
	if (app_acts_as(a, a->spec.dest_ns, &user, &err))
		q->req.refused = &err;
	q->req.as_user = user;
	kube_start(a->engine->kube, &q->req);
	q->req.as_user = NULL;	/* both were copied */
	q->req.refused = NULL;
}

/* Another application's, or none that we may apply: seen, and not as Git says. */
static bool is_ours_to_ask(const struct sight_ask *q)
{
	struct app *a = q->s->app;
	_cleanup_free_ char *owner = tracking_owner(q->live);
	struct err err = ERR_INIT;

	return (!owner || !strcmp(owner, a->app_id)) &&
	       !app_check_write(a, &q->s->all.data[q->i].key, &err);
}

static void on_read(struct kube_request *r, const struct err *err)
{
	struct sight_ask *q = container_of(r, struct sight_ask, req);
	struct err broken = ERR_INIT;

	q->s->lacks = q->s->lacks || (err->code && err->retry);
	if (err->code) {
		done(q);
		return;
	}
	live_upsert(&q->s->found, r->json, NULL);
	q->live = json_incref(r->json);
	if (is_ours_to_ask(q) && !make_body(q, &broken))
		ask_dry(q);
	else
		done(q);
}

/* What the cluster does not serve is not there. */
static void ask(struct sight_ask *q, size_t i)
{
	struct sights *s = q->s;
	struct engine *e = s->app->engine;
	const struct objkey *k = &s->all.data[i].key;

	if (!ref_resolve(e->discovery, k, s->rel->a.objects[s->all.data[i].object].version,
			 &q->ref))
		return;
	q->ref_names = ref_keep(&q->ref);
	q->i = i;
	q->busy = true;
	s->n_busy++;
	kube_get_init(&q->req, &q->ref);
	q->req.parse = true;
	q->req.on_done = on_read;
	kube_start(e->kube, &q->req);
}

static void ask_next(struct sights *s)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		while (!s->asks[i].busy && s->next < s->all.len)
			ask(&s->asks[i], s->next++);
	if (!s->n_busy)
		on_over(s);
}

/* ---- when ---- */

static struct sights *sights_free(struct sights *s)
{
	if (!s)
		return NULL;
	sights_free(s->before);
	if (!s->over)
		s->app->engine->sighting--;
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct sight_ask *q = &s->asks[i];

		kube_abandon(s->app->engine->kube, &q->req);
		kube_request_deinit(&q->req);
		free(q->ref_names);
		free(q->body);
		json_decref(q->live);
	}
	live_deinit(&s->found);
	vec_deinit(&s->all);
	arena_deinit(&s->arena);
	rel_unref(s->rel);
	free(s);
	return NULL;
}

void app_sights_drop(struct app *a)
{
	a->sights = sights_free(a->sights);
}

void app_sights_again(struct app *a)
{
	if (a->sights)
		a->sights->again_at = world_now(a->engine->w);
}

/* What is not over has no say any more, and makes room. */
static void stop(struct app *a)
{
	struct sights *s = a->sights;

	if (!s || s->over)
		return;
	a->sights = s->before;
	s->before = NULL;
	sights_free(s);
}

static bool is_new(const struct app *a)
{
	return !a->rec.target && !a->rec.inventory.len;
}

static bool is_wanted(const struct app *a)
{
	return is_new(a) && app_head_is_wish(a) && a->plan_valid && !a->spec.automated &&
	       !a->op && !a->rec.op.id[0] && !app_draw_waits(a);
}

static void list_unknown(struct sights *s)
{
	const struct plan *p = &s->app->plan;

	for (size_t i = 0; i < p->tasks.len && s->all.len < SIGHTS_MAX; i++) {
		const struct task *t = &p->tasks.data[i];
		const struct rendered *o = &s->rel->a.objects[t->object];

		/* 25: as it was seen before */
		if ((t->casenr == 1 && t->look) || t->casenr == 25)
			vec_push(&s->all, ((struct sight){ .object = t->object, .key = {
				arena_strdup(&s->arena, o->group),
				arena_strdup(&s->arena, o->kind),
				arena_strdup(&s->arena, t->key.ns),
				arena_strdup(&s->arena, o->name) } }));
	}
	if (s->all.len)
		qsort(s->all.data, s->all.len, sizeof(*s->all.data), compare);
}

static void begin(struct app *a, const char *of)
{
	struct sights *s = xcalloc(1, sizeof(*s));

	s->app = a;
	s->before = a->sights;
	a->sights = s;
	memcpy(s->of, of, sizeof(s->of));
	memcpy(s->digest, a->head->a.digest, sizeof(s->digest));
	s->rel = rel_ref(a->head);
	for (size_t i = 0; i < AT_ONCE; i++)
		s->asks[i].s = s;
	a->engine->sighting++;
	list_unknown(s);
	ask_next(s);
}

void app_look_sights(struct app *a)
{
	struct engine *e = a->engine;
	_cleanup_free_ char *text = NULL;
	char of[65];

	if (!is_new(a))
		app_sights_drop(a);
	if (!is_wanted(a))
		return;
	text = xasprintf("%s %s %s", a->head->a.digest, a->spec.options_digest,
			 a->spec.dest_ns);
	sha256_hex(text, strlen(text), of);
	if (a->sights && !strcmp(a->sights->of, of) &&
	    (!a->sights->again_at || world_now(e->w) < a->sights->again_at))
		return;
	stop(a);
	if (e->sighting < APPS_AT_ONCE)
		begin(a, of);
	else
		app_poke_at(a, world_now(e->w) + TURN_MS);
}
