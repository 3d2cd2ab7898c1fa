/*
 * Looks for orphaned objects: a namespace is due -> which kinds count there -> list the
 * metadata of one after the other -> judge each object for each project that asks
 * (orphan.h) -> what was found takes the place of what was known, and the applications
 * are poked. A kind that may not be listed is left out and counted; any other trouble
 * drops the look, keeps what was known and tries again. Nothing is written or deleted.
 */
#include "app_priv.h"
#include "orphans.h"
#include "others.h"
#include "settings.h"

#define FIRST_MS 1000
#define SOON_MS 5000
#define EACH_MS ((uint64_t)5 * 60 * 1000)
#define TROUBLE_MS 60000
#define GAP_MS 60000		/* between two looks that operations bring about ... */
#define ASKED_GAP_MS 10000	/* ... and two that people ask for */
#define PACE_MS 100		/* between two requests */
#define PAGE 500
#define MAX_PAGES 20		/* of one kind in one namespace */
#define MAX_KINDS 1000
#define MAX_SETS 1000

/* What one project sees in a namespace. */
struct lens {
	char *project;		/* "ns/name" */
	struct orphans_found found, next;	/* next: while it is looked for */
	bool looking;		/* the look under way began with it */
};

struct place {
	char *ns;
	VEC(struct lens) lenses;
	uint64_t due, looked;	/* mono; of the last look's beginning, 0 = none */
	UT_hash_handle hh;
};

struct listed {
	char *group, *version, *plural, *kind;
};

struct orphans {
	struct engine *e;
	struct place *places;
	struct world_timer timer;
	struct place *now;	/* is being looked at; NULL */
	VEC(struct listed) kinds;	/* there, of which ... */
	size_t at;			/* ... this one is next, from ... */
	char *token;			/* ... here on; NULL: its beginning */
	unsigned pages;
	VEC(char *) sets;	/* StatefulSets there */
	struct kube_request req;
};

/* ---- small parts ---- */

static void found_deinit(struct orphans_found *f)
{
	for (size_t i = 0; i < f->names.len; i++)
		free(f->names.data[i]);
	vec_deinit(&f->names);
	*f = (struct orphans_found){ 0 };
}

static void lens_deinit(struct lens *l)
{
	found_deinit(&l->found);
	found_deinit(&l->next);
	free(l->project);
}

static void place_free(struct orphans *o, struct place *p)
{
	HASH_DELETE(hh, o->places, p);
	for (size_t i = 0; i < p->lenses.len; i++)
		lens_deinit(&p->lenses.data[i]);
	vec_deinit(&p->lenses);
	free(p->ns);
	free(p);
}

static void forget_kinds(struct orphans *o)
{
	for (size_t i = 0; i < o->kinds.len; i++) {
		free(o->kinds.data[i].group);
		free(o->kinds.data[i].version);
		free(o->kinds.data[i].plural);
		free(o->kinds.data[i].kind);
	}
	vec_deinit(&o->kinds);
	for (size_t i = 0; i < o->sets.len; i++)
		free(o->sets.data[i]);
	vec_deinit(&o->sets);
	free(o->token);
	o->token = NULL;
	o->at = 0;
	o->pages = 0;
}

/* The project of an application that takes part; NULL: it does not. */
static const struct project *asks(struct app *a)
{
	const struct project *p = a->present && *a->spec.dest_ns && !app_is_refused(a) ?
				  projects_of(a, NULL) : NULL;

	return p && orphan_wanted(p) ? p : NULL;
}

static struct place *place_of(const struct app *a)
{
	struct orphans *o = a->engine->orphans;
	struct place *p = NULL;

	if (o)
		HASH_FIND_STR(o->places, a->spec.dest_ns, p);
	return p;
}

static struct lens *lens_of(const struct place *p, const char *project)
{
	for (size_t i = 0; i < p->lenses.len; i++)
		if (!strcmp(p->lenses.data[i].project, project))
			return &p->lenses.data[i];
	return NULL;
}

/* ---- when ---- */

static void arm(struct orphans *o)
{
	uint64_t now = world_now(o->e->w), due = UINT64_MAX;
	struct place *p, *next;

	if (o->now)
		return;		/* its next step arms */
	HASH_ITER(hh, o->places, p, next)
		if (p->due < due)
			due = p->due;
	if (due == UINT64_MAX)
		world_timer_stop(o->e->w, &o->timer);
	else
		world_timer_start(o->e->w, &o->timer, due > now ? due - now : 0);
}

static void due_at(struct orphans *o, struct place *p, uint64_t when)
{
	if (when < p->due)
		p->due = when;
	arm(o);
}

static void over(struct orphans *o, uint64_t again_ms)
{
	struct place *p = o->now;

	o->now = NULL;
	forget_kinds(o);
	due_at(o, p, world_now(o->e->w) + again_ms);
}

static void pause_then_list(struct orphans *o)
{
	world_timer_start(o->e->w, &o->timer, PACE_MS);
}

/* ---- the end of a look ---- */

static bool same(const struct orphans_found *a, const struct orphans_found *b)
{
	if (a->known != b->known || a->n != b->n || a->unread != b->unread ||
	    a->names.len != b->names.len)
		return false;
	for (size_t i = 0; i < a->names.len; i++)
		if (strcmp(a->names.data[i], b->names.data[i]))
			return false;
	return true;
}

static void finish(struct orphans *o)
{
	struct place *p = o->now;
	struct app *a, *next;
	bool news = false;

	for (size_t i = 0; i < p->lenses.len; i++) {
		struct lens *l = &p->lenses.data[i];

		if (!l->looking)
			continue;	/* it came meanwhile: the next look is its first */
		l->looking = false;
		l->next.known = true;
		if (same(&l->found, &l->next)) {
			found_deinit(&l->next);
			continue;
		}
		engine_log(o->e, LOG_INFO, NULL, "namespace %s has %zu orphaned objects for "
			   "AppProject %s", p->ns, l->next.n, l->project);
		found_deinit(&l->found);
		l->found = l->next;
		l->next = (struct orphans_found){ 0 };
		news = true;
	}
	HASH_ITER(hh, o->e->apps, a, next)
		if (news && a->present && !strcmp(a->spec.dest_ns, p->ns))
			app_poke(a);
	over(o, EACH_MS);
}

/* ---- one object ---- */

static bool is_managed(struct engine *e, const struct objkey *k, const json_t *metadata)
{
	const struct live *l = live_find(&e->live, k);
	_cleanup_free_ char *owner = tracking_app(k, metadata);
	const struct app *a = l ? app_find_by_app_id(e, l->app_id) : NULL;

	return (a && a->present) || (owner && !app_id_is_gone(e, owner)) ||
	       app_wanted_there(e, k);
}

static void judge(struct orphans *o, const struct project *project, struct lens *l,
		  const struct orphan_object *object)
{
	_cleanup_buf_ struct buf name = BUF_INIT;

	if (!orphan_kind_counts(project, object->key.group, object->key.kind, o->now->ns) ||
	    orphan_judge(project, object) != ORPHAN_IS)
		return;
	l->next.n++;
	if (l->next.names.len == ORPHANS_NAMED)
		return;
	objkey_format(&object->key, &name);
	vec_push(&l->next.names, buf_steal(&name, NULL));
}

static void take_object(struct orphans *o, const struct listed *k, const json_t *item)
{
	const json_t *metadata = doc_get(item, "metadata", NULL);
	const char *name = doc_get_str(metadata, "name", NULL);
	struct orphan_object object = {
		.key = { k->group, k->kind, o->now->ns, name }, .metadata = metadata,
		.sets = o->sets.data, .n_sets = o->sets.len,
		.at_home = !strcmp(o->now->ns, o->e->ns),
	};

	if (!name || !*name)
		return;
	if (!strcmp(k->kind, "StatefulSet") && o->sets.len < MAX_SETS)
		vec_push(&o->sets, xstrdup(name));
	if (json_array_size(doc_get(metadata, "ownerReferences", NULL)))
		return;		/* most are pods: spared the questions that follow */
	object.managed = is_managed(o->e, &object.key, metadata);
	for (size_t i = 0; i < o->now->lenses.len; i++) {
		struct lens *l = &o->now->lenses.data[i];
		const struct project *project = l->looking ?
			projects_named(o->e, l->project) : NULL;

		if (project && orphan_wanted(project))
			judge(o, project, l, &object);
	}
}

/* ---- the lists ---- */

static void next_kind(struct orphans *o)
{
	free(o->token);
	o->token = NULL;
	o->pages = 0;
	o->at++;
	if (o->at == o->kinds.len)
		finish(o);
	else
		pause_then_list(o);
}

/* Such a kind has no part in the count; once half of it is counted, the look is void. */
static bool is_left_out(const struct orphans *o, const struct kube_request *r,
			const struct err *err)
{
	return r->status == 403 || r->status == 404 ||
	       (!o->token && (err->code == ERR_GONE || err->code == ERR_INVALID));
}

static void on_listed(struct kube_request *r, const struct err *err)
{
	struct orphans *o = container_of(r, struct orphans, req);
	const struct listed *k = &o->kinds.data[o->at];
	const char *token = doc_get_str(r->json, "metadata", "continue", NULL);
	const json_t *item;
	size_t i;

	if (r->status == 403)
		for (i = 0; i < o->now->lenses.len; i++)
			o->now->lenses.data[i].next.unread++;
	if (err->code && !is_left_out(o, r, err)) {
		engine_log(o->e, LOG_INFO, NULL, "looking for orphaned objects in namespace "
			   "%s: %s; it is tried again in a minute", o->now->ns, err->msg);
		over(o, TROUBLE_MS);
		return;
	}
	json_array_foreach(json_object_get(r->json, "items"), i, item)
		take_object(o, k, item);
	if (err->code || !token || !*token || ++o->pages == MAX_PAGES) {
		next_kind(o);
		return;
	}
	free(o->token);
	o->token = xstrdup(token);
	pause_then_list(o);
}

static void list_page(struct orphans *o)
{
	const struct listed *k = &o->kinds.data[o->at];
	struct kube_ref ref = { .group = k->group, .version = k->version,
				.resource = k->plural, .ns = o->now->ns };

	kube_list_init(&o->req, &ref, NULL, PAGE, o->token);
	o->req.accept = KUBE_METADATA_LIST;
	o->req.parse = true;
	o->req.on_done = on_listed;
	kube_start(o->e->kube, &o->req);
}

/* ---- the beginning ---- */

static void note_kind(const struct api_resource *r, void *arg)
{
	struct orphans *o = arg;
	bool counts = false;
	struct listed k;

	if (!r->namespaced || !r->listable || !r->preferred ||
	    o->kinds.len == MAX_KINDS || exclude_kind(settings_exclude(o->e), r->group, r->kind))
		return;
	for (size_t i = 0; i < o->now->lenses.len && !counts; i++) {
		const struct project *p =
			projects_named(o->e, o->now->lenses.data[i].project);

		counts = p && orphan_wanted(p) &&
			 orphan_kind_counts(p, r->group, r->kind, o->now->ns);
	}
	if (!counts)
		return;
	k = (struct listed){ xstrdup(r->group), xstrdup(r->version), xstrdup(r->plural),
			     xstrdup(r->kind) };
	vec_push(&o->kinds, k);
	/* Before the claims that they made. */
	if (!strcmp(k.kind, "StatefulSet")) {
		o->kinds.data[o->kinds.len - 1] = o->kinds.data[0];
		o->kinds.data[0] = k;
	}
}

/* Those that no application looks through any more go. */
static void sort_out(struct orphans *o, struct place *p)
{
	struct app *a, *next;
	size_t n = 0;

	for (size_t i = 0; i < p->lenses.len; i++)
		p->lenses.data[i].looking = false;	/* a look may have broken off */
	HASH_ITER(hh, o->e->apps, a, next) {
		_cleanup_free_ char *key = NULL;
		struct lens *l;

		if (!asks(a) || strcmp(a->spec.dest_ns, p->ns))
			continue;
		key = projects_key(a);
		l = lens_of(p, key);
		if (l)
			l->looking = true;
	}
	for (size_t i = 0; i < p->lenses.len; i++) {
		struct lens l = p->lenses.data[i];

		if (l.looking) {
			found_deinit(&l.next);
			p->lenses.data[n++] = l;
		} else {
			lens_deinit(&l);
		}
	}
	p->lenses.len = n;
}

static void begin(struct orphans *o, struct place *p)
{
	sort_out(o, p);
	if (!p->lenses.len) {
		place_free(o, p);
		arm(o);
		return;
	}
	o->now = p;
	p->looked = world_now(o->e->w);
	p->due = UINT64_MAX;
	discovery_each(o->e->discovery, note_kind, o);
	if (o->kinds.len)
		list_page(o);
	else
		finish(o);
}

static struct place *first_due(const struct orphans *o)
{
	struct place *p, *next, *first = NULL;

	HASH_ITER(hh, o->places, p, next)
		if (!first || p->due < first->due)
			first = p;
	return first && first->due <= world_now(o->e->w) ? first : NULL;
}

static void on_timer(struct world_timer *t)
{
	struct orphans *o = container_of(t, struct orphans, timer);
	struct place *p;

	if (o->e->stopping || !o->e->leading)
		return;
	if (o->now) {
		list_page(o);
		return;
	}
	p = first_due(o);
	if (p)
		begin(o, p);
	else
		arm(o);
}

/* ---- what applications ask ---- */

/* After a restart: what its status says stands until it is looked for again. */
static void recall(const struct app *a, struct orphans_found *f)
{
	_cleanup_json_ json_t *told = told_tree(&a->told);
	_cleanup_json_ json_t *mirror = a->mirror ?
		doc_parse(a->mirror, strlen(a->mirror), NULL) : NULL;
	const json_t *said = mirror ? mirror : doc_get(told, "syncd", NULL);
	const json_t *row;
	size_t i;

	if (!doc_get(said, "orphaned", NULL))
		return;
	f->known = true;
	f->n = (size_t)doc_get_int(said, 0, "orphaned", "count", NULL);
	f->unread = (size_t)doc_get_int(said, 0, "orphaned", "unread", NULL);
	json_array_foreach(doc_get(said, "orphanedObjects", NULL), i, row) {
		const char *group = doc_get_str(row, "group", NULL);
		struct objkey k = { group ? group : "", doc_get_str(row, "kind", NULL),
				    doc_get_str(row, "namespace", NULL),
				    doc_get_str(row, "name", NULL) };
		struct buf name = BUF_INIT;

		if (!k.kind || !k.ns || !k.name || f->names.len == ORPHANS_NAMED)
			continue;
		objkey_format(&k, &name);
		vec_push(&f->names, buf_steal(&name, NULL));
	}
}

static void join(struct app *a, const char *key)
{
	struct orphans *o = a->engine->orphans;
	struct place *p = place_of(a);
	struct lens l = { .project = xstrdup(key) };

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		p->ns = xstrdup(a->spec.dest_ns);
		p->due = UINT64_MAX;
		HASH_ADD_KEYPTR(hh, o->places, p->ns, strlen(p->ns), p);
	}
	recall(a, &l.found);
	vec_push(&p->lenses, l);
	due_at(o, p, world_now(a->engine->w) + FIRST_MS);
}

const struct orphans_found *orphans_of(struct app *a)
{
	const struct place *p = place_of(a);
	_cleanup_free_ char *key = NULL;
	const struct lens *l;

	if (!p || !asks(a))
		return NULL;
	key = projects_key(a);
	l = lens_of(p, key);
	return l && l->found.known ? &l->found : NULL;
}

void orphans_follow(struct app *a)
{
	const struct project *project = asks(a);
	const struct orphans_found *f;
	_cleanup_free_ char *key = NULL;
	const struct place *p;

	if (!project) {
		app_clear_condition(a, "OrphanedResourceWarning");
		return;
	}
	key = projects_key(a);
	p = place_of(a);
	if (!p || !lens_of(p, key))
		join(a, key);
	f = orphans_of(a);
	if (f && f->n && orphan_warns(project))
		app_set_condition(a, "OrphanedResourceWarning", "Application has %zu orphaned "
				  "resources", f->n);
	else
		app_clear_condition(a, "OrphanedResourceWarning");
}

void orphans_again(struct app *a, bool now)
{
	struct place *p = place_of(a);
	uint64_t soon = world_now(a->engine->w) + (now ? 0 : SOON_MS);
	uint64_t next = p && p->looked ? p->looked + (now ? ASKED_GAP_MS : GAP_MS) : 0;

	if (p)
		due_at(a->engine->orphans, p, soon > next ? soon : next);
}

/* ---- life ---- */

struct orphans *orphans_new(struct engine *e)
{
	struct orphans *o = xcalloc(1, sizeof(*o));

	o->e = e;
	o->timer.fn = on_timer;
	return o;
}

struct orphans *orphans_free(struct orphans *o)
{
	struct place *p, *next;

	if (!o)
		return NULL;
	world_timer_stop(o->e->w, &o->timer);
	kube_abandon(o->e->kube, &o->req);
	kube_request_deinit(&o->req);
	HASH_ITER(hh, o->places, p, next)
		place_free(o, p);
	forget_kinds(o);
	free(o);
	return NULL;
}
