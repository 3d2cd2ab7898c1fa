/*
 * One label-selected watch per kind in use, for all applications together: cost
 * follows what is managed, not what is in the cluster. Events go into the live
 * index and poke the application that the object's tracking id names.
 */
#include "engine_priv.h"
#include "ignore.h"

#define LOOK_MS 1000
#define LOOK_MAX_MS 60000

static void tell_app(struct kindwatch *k, const struct live *l,
		     const struct live_before *before)
{
	struct app *a = app_find_by_app_id(k->engine, l->app_id);

	if (a)
		app_on_live(a, l, before);
}

static void forget(struct kindwatch *k, struct live *l)
{
	struct live_before before = { .health = l->health.status };
	struct app *a = app_find_by_app_id(k->engine, l->app_id);

	memcpy(before.uid, l->uid, sizeof(before.uid));
	live_remove(&k->engine->live, l);
	if (a)
		app_on_live(a, NULL, &before);
}

static void on_reset(void *arg)
{
	struct kindwatch *k = arg;

	k->list_no++;
}

static struct objkey key_of(const struct kindwatch *k, const json_t *object)
{
	const char *ns = doc_get_str(object, "metadata", "namespace", NULL);
	const char *name = doc_get_str(object, "metadata", "name", NULL);

	return (struct objkey){ k->group, k->kind, ns ? ns : "", name ? name : "" };
}

static void on_event(void *arg, enum watch_event ev, const json_t *object)
{
	struct kindwatch *k = arg;
	struct live_before before;
	struct objkey key = key_of(k, object);
	const char *uid = doc_get_str(object, "metadata", "uid", NULL);
	struct live *l;

	if (ev == WATCH_DELETED) {
		l = live_find(&k->engine->live, &key);
		if (l && uid && !strcmp(l->uid, uid))
			forget(k, l);
		return;
	}
	l = live_upsert(&k->engine->live, object, &before);
	if (l) {
		l->seen = k->list_no;
		tell_app(k, l, &before);
		return;
	}
	l = live_find(&k->engine->live, &key);
	if (l)
		l->seen = k->list_no;	/* known in a newer version */
}

static uint64_t number(const char *version)
{
	return strtoull(version, NULL, 10);
}

/*
 * What the list did not hold is gone, but for what an apply's answer told of since:
 * that is newer than the list, and the watch will tell if it goes.
 */
static bool is_gone(const struct kindwatch *k, const struct live *l)
{
	uint64_t listed = number(watch_version(k->watch));

	return l->seen != k->list_no && !strcmp(l->kind, k->kind) &&
	       !strcmp(l->group, k->group) && (!listed || l->version <= listed);
}

static void on_synced(void *arg)
{
	struct kindwatch *k = arg;
	struct app *a, *a_next;
	struct live *l, *next;

	HASH_ITER(hh, k->engine->live.by_key, l, next)
		if (is_gone(k, l))
			forget(k, l);
	k->synced = true;
	app_poke_all(k->engine);
	HASH_ITER(hh, k->engine->apps, a, a_next)
		if (a->op)
			op_on_live(a->op);	/* it may wait for this list */
}

static const struct watch_handler handler;

static void watch_kind(struct kindwatch *k, const struct api_resource *r)
{
	struct engine *e = k->engine;
	_cleanup_free_ char *selector = xasprintf("%s=%s", LABEL_INSTALL,
						  e->install_id);
	struct kube_ref ref = { .group = r->group, .version = r->version,
				.resource = r->plural };

	k->synced = k->lost = false;
	world_timer_stop(e->w, &k->look);
	k->watch = watch_new(e->kube, &ref, selector, NULL, &handler, k);
}

/*
 * In the version that it was asked for first, as long as that is served: any other one
 * tells of the same objects. Not served at all: nothing will be listed.
 */
static bool reread(struct kindwatch *k)
{
	const struct discovery *d = k->engine->discovery;
	const struct api_resource *r = discovery_find(d, k->group, k->version, k->kind);

	if (!r)
		r = discovery_find(d, k->group, NULL, k->kind);
	if (!r)
		return false;
	if (strcmp(k->version, r->version))
		engine_log(k->engine, LOG_INFO, NULL, "watch of %s: %s is not served any "
			   "more: on with %s", k->key, k->version, r->version);
	watch_free(k->watch);
	free(k->version);
	k->version = xstrdup(r->version);
	free(k->trouble);
	k->trouble = NULL;
	watch_kind(k, r);
	return true;
}

/* ---- a version that is served no more ---- */

static bool is_served(const struct kindwatch *k)
{
	return discovery_find(k->engine->discovery, k->group, k->version, k->kind);
}

static uint64_t look_pause(struct kindwatch *k)
{
	return world_jitter(k->engine->w, k->looks > 5 ? LOOK_MAX_MS :
			    LOOK_MS << k->looks, 25);
}

/* Discovery tells of what changed a moment later, or never of this kind again. */
static void on_looked(void *arg, const struct err *err)
{
	struct engine *e = arg;
	struct kindwatch *k, *next;

	(void)err;		/* then what is known stays as it was */
	HASH_ITER(hh, e->kinds, k, next) {
		if (!k->lost || k->look.active)
			continue;
		k->looks++;
		if (is_served(k) || !reread(k))
			world_timer_start(e->w, &k->look, look_pause(k));
	}
}

static void on_look(struct world_timer *t)
{
	struct engine *e = container_of(t, struct kindwatch, look)->engine;

	discovery_refresh(e->discovery, on_looked, e);
}

static void set_lost(struct kindwatch *k, bool lost)
{
	struct world *w = k->engine->w;

	world_timer_stop(w, &k->look);
	k->lost = lost;
	/* API servers may not agree: what one tells of, another does not serve. */
	if (k->synced)
		k->looks = 0;
	k->look.fn = on_look;
	if (lost)
		world_timer_start(w, &k->look, k->looks ? look_pause(k) : 0);
}

/* Whoever waits for the list can say why. */
static void on_trouble(void *arg, const struct err *err)
{
	struct kindwatch *k = arg;

	set_lost(k, err->code == ERR_UNSERVED);
	free(k->trouble);
	k->trouble = err->code ? xstrdup(err->msg) : NULL;
	if (err->code)
		engine_log(k->engine, LOG_WARN, NULL, "watch of %s: %s",
			   k->key, err->msg);
	else
		engine_log(k->engine, LOG_INFO, NULL, "watch of %s works again",
			   k->key);
	if (!k->synced)
		app_poke_all(k->engine);
}

static const struct watch_handler handler = {
	.on_reset = on_reset,
	.on_event = on_event,
	.on_synced = on_synced,
	.on_trouble = on_trouble,
};

static void kind_free(struct kindwatch *k)
{
	HASH_DEL(k->engine->kinds, k);
	world_timer_stop(k->engine->w, &k->look);
	watch_free(k->watch);
	free(k->key);
	free(k->group);
	free(k->kind);
	free(k->version);
	free(k->trouble);
	free(k);
}

bool kinds_need(struct engine *e, const char *group, const char *kind,
		const char *version)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", group, kind);
	const struct api_resource *r;
	struct kindwatch *k;

	HASH_FIND_STR(e->kinds, key, k);
	if (k)
		return k->synced;
	r = discovery_find(e->discovery, group, version, kind);
	if (!r)
		r = discovery_find(e->discovery, group, NULL, kind);
	if (!r || !r->watchable)
		return !r ? false : true;
	k = xcalloc(1, sizeof(*k));
	k->key = steal(&key);
	k->group = xstrdup(group);
	k->kind = xstrdup(kind);
	k->engine = e;
	k->version = xstrdup(r->version);
	watch_kind(k, r);
	HASH_ADD_KEYPTR(hh, e->kinds, k->key, strlen(k->key), k);
	return false;
}

const char *kinds_trouble(struct engine *e, const char *group, const char *kind)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", group, kind);
	struct kindwatch *k;

	HASH_FIND_STR(e->kinds, key, k);
	return k && !k->synced ? k->trouble : NULL;
}

void kinds_answer(struct engine *e, const struct objkey *key, const json_t *object)
{
	_cleanup_free_ char *name = xasprintf("%s/%s", key->group, key->kind);
	const char *version = doc_get_str(object, "metadata", "resourceVersion", NULL);
	struct kindwatch *k;

	HASH_FIND_STR(e->kinds, name, k);
	if (k && k->synced && version && !live_find(&e->live, key) &&
	    number(version) <= number(watch_version(k->watch)))
		return;
	live_upsert(&e->live, object, NULL);
}

bool kinds_refresh(struct engine *e, const char *group, const char *kind)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", group, kind);
	struct kindwatch *k;

	HASH_FIND_STR(e->kinds, key, k);
	if (!k || !k->synced)
		return k;
	reread(k);
	return !k->synced;
}

bool kinds_listing(struct engine *e, const char *group, const char *kind)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", group, kind);
	struct kindwatch *k;

	HASH_FIND_STR(e->kinds, key, k);
	return k && !k->synced;
}

void kinds_reread(struct engine *e, const json_t *rules, const json_t *other)
{
	struct kindwatch *k, *next;

	HASH_ITER(hh, e->kinds, k, next)
		if (ignore_speaks_of_kind(rules, k->group, k->kind) ||
		    ignore_speaks_of_kind(other, k->group, k->kind))
			reread(k);
}

void kinds_reread_if(struct engine *e, kinds_pick_fn *fn, void *arg)
{
	struct kindwatch *k, *next;

	HASH_ITER(hh, e->kinds, k, next)
		if (fn(arg, k->group, k->kind))
			reread(k);
}

void kinds_drop_if(struct engine *e, kinds_pick_fn *fn, void *arg)
{
	struct kindwatch *k, *k_next;
	struct live *l, *next;

	HASH_ITER(hh, e->kinds, k, k_next) {
		if (!fn(arg, k->group, k->kind))
			continue;
		HASH_ITER(hh, e->live.by_key, l, next)
			if (!strcmp(l->kind, k->kind) && !strcmp(l->group, k->group))
				live_remove(&e->live, l);
		kind_free(k);
	}
}

unsigned kinds_count(const struct engine *e)
{
	return HASH_COUNT(e->kinds);
}

void kinds_free(struct engine *e)
{
	struct kindwatch *k, *next;

	HASH_ITER(hh, e->kinds, k, next)
		kind_free(k);
}
