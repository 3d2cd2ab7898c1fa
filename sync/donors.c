/*
 * Secrets that values are taken from: one watch each, by name. Of a Secret only its
 * annotations and data are kept, in memory, while somebody follows it. What the API
 * server does not let us read is said; what was read stays known over a watch's trouble.
 */
#include "donors.h"

#include "core/watch.h"

struct donor {
	char *key, *ns, *name;	/* "ns/name" */
	struct donors *all;
	struct watch *watch;	/* NULL: it waits until there are not too many */
	json_t *secret;		/* NULL: there is none */
	bool known;
	char *trouble;		/* why it is not known; NULL */
	unsigned followers, list_no, seen;
	uint64_t version;
	UT_hash_handle hh;
};

struct donors {
	struct engine *engine;
	struct donor *by_key;
	size_t n_watched;
	uint64_t version;	/* the last one given */
};

/* Only who takes from it looks again: anybody may change a Secret of his, often. */
static void changed(struct donor *d)
{
	struct app *a, *next;

	d->version = ++d->all->version;
	HASH_ITER(hh, d->all->engine->apps, a, next)
		app_draw_heard(a, d->key);
}

/* What counts of it. */
static json_t *part_of(const json_t *o)
{
	json_t *notes = doc_get(o, "metadata", "annotations", NULL);
	json_t *data = doc_get(o, "data", NULL);

	return json_pack("{s{sO*}sO*}", "metadata", "annotations", notes, "data", data);
}

static void set(struct donor *d, json_t *secret)
{
	bool same = d->known && !d->trouble &&
		    (d->secret == secret || (d->secret && secret &&
					     json_equal(d->secret, secret)));

	json_decref(d->secret);
	d->secret = json_incref(secret);
	d->known = true;
	free(d->trouble);
	d->trouble = NULL;
	if (!same)
		changed(d);
}

static void on_reset(void *arg)
{
	((struct donor *)arg)->list_no++;
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct donor *d = arg;
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	_cleanup_json_ json_t *part = NULL;

	if (!name || strcmp(name, d->name))
		return;
	d->seen = d->list_no;
	part = ev == WATCH_UPSERT ? part_of(o) : NULL;
	set(d, part);
}

static void on_synced(void *arg)
{
	struct donor *d = arg;

	if (d->seen != d->list_no)
		set(d, NULL);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct donor *d = arg;

	if (!err->code)
		return;
	engine_log(d->all->engine, LOG_WARN, NULL, "watch of Secret %s: %s", d->key,
		   err->msg);
	if (d->known && !d->trouble && err->code != ERR_AUTH)
		return;
	json_decref(d->secret);
	d->secret = NULL;
	free(d->trouble);
	d->trouble = xasprintf("it cannot be read: %s", err->msg);
	d->known = true;
	changed(d);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static struct donor *find(const struct engine *e, const char *ns, const char *name)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", ns, name);
	struct donor *d = NULL;

	if (e->donors)
		HASH_FIND_STR(e->donors->by_key, key, d);
	return d;
}

static void watch(struct donor *d)
{
	_cleanup_free_ char *field = xasprintf("metadata.name=%s", d->name);
	struct kube_ref ref = { .version = "v1", .resource = "secrets", .ns = d->ns };

	free(d->trouble);
	d->trouble = NULL;
	d->known = d->all->n_watched >= DONORS_MAX;
	if (d->known) {
		d->trouble = xasprintf("syncd watches %d sources already, and this one when "
				       "another is free: let several take from one",
				       DONORS_MAX);
		return;
	}
	d->all->n_watched++;
	d->watch = watch_new(d->all->engine->kube, &ref, NULL, field, &handler, d);
}

/* Whoever has waited longest for a place has it. */
static void watch_next(struct donors *all)
{
	struct donor *d, *next;

	HASH_ITER(hh, all->by_key, d, next) {
		if (d->watch)
			continue;
		watch(d);
		return;
	}
}

void donors_follow(struct engine *e, const char *ns, const char *name)
{
	struct donor *d = find(e, ns, name);

	if (d) {
		d->followers++;
		return;
	}
	d = xcalloc(1, sizeof(*d));
	d->all = e->donors;
	d->key = xasprintf("%s/%s", ns, name);
	d->ns = xstrdup(ns);
	d->name = xstrdup(name);
	d->followers = 1;
	HASH_ADD_KEYPTR(hh, e->donors->by_key, d->key, strlen(d->key), d);
	watch(d);
}

static void donor_free(struct donor *d)
{
	watch_free(d->watch);
	json_decref(d->secret);
	free(d->trouble);
	free(d->key);
	free(d->ns);
	free(d->name);
	free(d);
}

void donors_drop(struct engine *e, const char *ns, const char *name)
{
	struct donor *d = find(e, ns, name);

	if (!d || --d->followers)
		return;
	HASH_DEL(e->donors->by_key, d);
	if (d->watch) {
		e->donors->n_watched--;
		watch_next(e->donors);
	}
	donor_free(d);
}

uint64_t donors_version(const struct engine *e, const char *ns, const char *name)
{
	const struct donor *d = find(e, ns, name);

	return d ? d->version : 0;
}

struct donor_view donors_look(const struct engine *e, const char *ns, const char *name)
{
	const struct donor *d = find(e, ns, name);

	if (!d || !d->known)
		return (struct donor_view){ .state = DONOR_ASKED };
	if (d->trouble)
		return (struct donor_view){ .state = DONOR_TROUBLE, .why = d->trouble };
	return (struct donor_view){ d->secret ? DONOR_THERE : DONOR_ABSENT, d->secret,
				    NULL };
}

struct donors *donors_new(struct engine *e)
{
	struct donors *all = xcalloc(1, sizeof(*all));

	all->engine = e;
	return all;
}

struct donors *donors_free(struct donors *all)
{
	struct donor *d, *next;

	if (!all)
		return NULL;
	HASH_ITER(hh, all->by_key, d, next) {
		HASH_DEL(all->by_key, d);
		donor_free(d);
	}
	free(all);
	return NULL;
}
