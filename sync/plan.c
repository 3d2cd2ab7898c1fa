/*
 * The happy path: every object of the release becomes one task, decided from its
 * inventory entry and live state by the numbered cases of plan.h; then the
 * inventory is walked for what the release no longer has. Nothing fails here: an
 * object that must not be touched becomes REFUSE, HOLD or WAIT.
 */
#include "sync/plan.h"

#include <assert.h>

#include "hook.h"
#include "order.h"
#include "plan_priv.h"

#define TWINS_SAID 5

static const char *const verbs[] = {
	[TASK_KEEP] = "KEEP",
	[TASK_APPLY] = "APPLY",
	[TASK_REFUSE] = "REFUSE",
	[TASK_WAIT] = "WAIT",
	[TASK_PRUNE] = "PRUNE",
	[TASK_HOLD] = "HOLD",
	[TASK_ASK] = "ASK",
	[TASK_FORGET] = "FORGET",
};
static_assert(ARRAY_LEN(verbs) == TASK_VERB_N, "a name per verb");

const char *task_verb_str(enum task_verb v)
{
	return (unsigned)v < TASK_VERB_N ? verbs[v] : "unknown";
}

void task_set(struct task *t, int casenr, enum task_verb verb, const char *why)
{
	t->casenr = casenr;
	t->verb = verb;
	t->why = why;
}

void task_set_uid(struct task *t, const char *uid)
{
	assert(strlen(uid) < sizeof(t->uid));
	strcpy(t->uid, uid);
}

static void adopt(struct task *t, int casenr, const struct live *l,
		  const char *why)
{
	task_set(t, casenr, TASK_APPLY, why);
	task_set_uid(t, l->uid);
	t->adopt = true;
}

/* What is watched in a version that it is not written in is compared as a whole. */
static bool is_as_left(const struct inv_entry *e, const struct live *l)
{
	return e->fingerprint[0] && (!strcmp(e->fingerprint, l->fingerprint) ||
				     (l->converted && !strcmp(e->shape, l->shape)));
}

/* Same object, same uid: has anything changed, in Git or in the cluster? */
static void decide_known(struct task *t, const struct rendered *o,
			 const struct inv_entry *e, const struct live *l)
{
	task_set_uid(t, l->uid);
	if (strcmp(e->digest, o->digest))
		task_set(t, 6, TASK_APPLY, "changed");
	else if (is_as_left(e, l))
		task_set(t, 4, TASK_KEEP, "unchanged");
	else
		task_set(t, 5, TASK_APPLY, "drifted");
}

static void decide_absent(const struct plan_input *in, struct task *t,
			  const struct inv_entry *e)
{
	if (!e && in->in_place && in->in_place(in->in_place_arg, &t->key)) {
		task_set(t, 25, TASK_KEEP, "there, as it should be");
		return;
	}
	/* Not in the index may mean "without our label": look before applying. */
	t->look = true;
	if (!e)
		task_set(t, 1, TASK_APPLY, "new");
	else
		task_set(t, 7, TASK_APPLY, e->uid[0] ? "missing" : "new");
}

bool plan_same_op(const struct inv_entry *e, const struct live *l,
		  const char *app_id)
{
	return e->op[0] && !strcmp(e->op, l->op) && !strcmp(l->app_id, app_id);
}

bool plan_is_anothers(const struct live *l, const char *app_id)
{
	return l->app_id[0] && strcmp(l->app_id, app_id);
}

/* Asked for: who applies it last is who tracks it. No tug of war over that. */
static void decide_shared(struct task *t, const struct rendered *o,
			  const struct inv_entry *e, const struct live *l)
{
	if (e && !strcmp(e->uid, l->uid) && !strcmp(e->digest, o->digest)) {
		task_set_uid(t, l->uid);
		task_set(t, 23, TASK_KEEP, "shared with another application");
	} else {
		adopt(t, 23, l, "shared with another application");
	}
}

/* Its tracking id stays until somebody applies it anew: is it still meant? */
static void decide_anothers(const struct plan_input *in, struct task *t,
			    const struct live *l)
{
	enum tenure tenure = in->others ?
		in->others->tenure(in->others->arg, l->app_id, &t->key) :
		TENURE_HELD;

	task_set_uid(t, l->uid);
	if (tenure == TENURE_FREE)
		adopt(t, 19, l, "given up by another application");
	else if (tenure == TENURE_LEAVING)
		task_set(t, 20, TASK_WAIT, "another application is giving it up");
	else
		task_set(t, 3, TASK_REFUSE, "tracked by another application");
}

static void decide(const struct plan_input *in, struct task *t,
		   const struct rendered *o)
{
	const struct inv_entry *e = record_inv(in->record, &t->key);
	const struct live *l = live_find(in->live, &t->key);

	if (l && l->deleting) {
		task_set_uid(t, l->uid);
		task_set(t, 15, TASK_WAIT, "being deleted");
	} else if (!l) {
		decide_absent(in, t, e);
	} else if (plan_is_anothers(l, in->app_id) && in->shared_allowed) {
		decide_shared(t, o, e, l);
	} else if (plan_is_anothers(l, in->app_id)) {
		decide_anothers(in, t, l);
	} else if (!e) {
		adopt(t, 2, l, "adopted");
	} else if (!e->uid[0] && plan_same_op(e, l, in->app_id)) {
		task_set_uid(t, l->uid);
		task_set(t, 9, TASK_APPLY, "interrupted");
	} else if (strcmp(e->uid, l->uid)) {
		adopt(t, 8, l, e->uid[0] ? "recreated by someone" : "adopted");
	} else {
		decide_known(t, o, e, l);
	}
}

static bool is_crd(const struct objkey *k)
{
	return !strcmp(k->group, "apiextensions.k8s.io") &&
	       !strcmp(k->kind, "CustomResourceDefinition");
}

static bool is_none_of_ours(const struct rendered *o)
{
	return o->flags & (OBJ_HOOK | OBJ_SKIP | OBJ_EXCLUDED);
}

struct objkey rendered_key(const struct rendered *o, const struct scope *s,
			   const char *dest)
{
	const char *ns = o->ns;

	if (s->known && !s->namespaced)
		ns = "";
	else if (s->known && !ns[0])
		ns = dest;
	return (struct objkey){ o->group, o->kind, ns, o->name };
}

int plan_compare_wanted(const void *a, const void *b)
{
	return objkey_cmp(&((const struct wanted *)a)->key,
			  &((const struct wanted *)b)->key);
}

int plan_compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_uid(struct builder *b, const char *uid)
{
	if (uid[0])
		b->uids[b->n_uids++] = uid;
}

/*
 * Of two that are one in the cluster, which only the scope tells, the last in Git is
 * the one to be, as in Argo CD. Where they stand is in what is said of them.
 */
static int compare_places(const char *a, const char *b)
{
	size_t na, nb;

	while (*a && *a == *b)
		a++, b++;
	na = strspn(a, "0123456789");
	nb = strspn(b, "0123456789");
	if (na != nb && !a[na] && !b[nb])
		return na < nb ? -1 : 1;	/* lines of one file */
	if (*a == '/' || *b == '/')	/* a folder, before what begins like its name */
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

static int compare_in_git(const void *pa, const void *pb, void *release)
{
	const struct rendered *all = ((const struct render_answer *)release)->objects;
	const struct wanted *a = pa, *b = pb;
	int c = objkey_cmp(&a->key, &b->key);

	c = c ? c : compare_places(all[a->object].source, all[b->object].source);
	return c ? c : a->object < b->object ? -1 : a->object > b->object;
}

/* Every object of the release by key, and every uid known of them. */
static void collect_wanted(struct builder *b)
{
	size_t n = b->in->release->n_objects;
	const char *dest = arena_strdup(&b->p->arena, b->in->destination_ns);

	b->wanted = arena_alloc(&b->p->arena, (n + 1) * sizeof(*b->wanted));
	b->uids = arena_alloc(&b->p->arena, (2 * n + 1) * sizeof(*b->uids));
	b->n_wanted = n;
	for (size_t i = 0; i < n; i++) {
		struct wanted *w = &b->wanted[i];
		const struct inv_entry *e;
		const struct live *l;

		*w = (struct wanted){ rendered_key(&b->in->release->objects[i],
						   &b->in->scopes[i], dest), i };
		e = record_inv(b->in->record, &w->key);
		l = live_find(b->in->live, &w->key);
		add_uid(b, e ? e->uid : "");
		add_uid(b, l ? l->uid : "");
	}
	qsort_r(b->wanted, n, sizeof(*b->wanted), compare_in_git, (void *)b->in->release);
	qsort(b->uids, b->n_uids, sizeof(*b->uids), plan_compare_strings);
}

/* True: another object of the release stays instead. */
static bool gives_way(struct builder *b, size_t i)
{
	if (i + 1 >= b->n_wanted || plan_compare_wanted(&b->wanted[i], &b->wanted[i + 1]))
		return false;
	vec_push(&b->p->twins, ((struct plan_twin){ b->wanted[i].object,
						    b->wanted[i + 1].object }));
	return true;
}

bool plan_is_permitted(const struct plan_input *in, const struct objkey *k)
{
	return !in->project || !project_check_object(in->project, k->group, k->kind,
						     k->ns, k->name, NULL);
}

static void add_task(struct builder *b, size_t i)
{
	const struct wanted *w = &b->wanted[i];
	const struct rendered *o = &b->in->release->objects[w->object];
	struct task t = {
		.object = w->object, .key = w->key, .wave = o->wave,
		.step = order_step(o->group, o->kind),
		.rank = kind_rank(o->group, o->kind),
		.version = o->version, .flags = o->flags,
	};

	if (is_none_of_ours(o) || gives_way(b, i))
		return;
	decide(b->in, &t, o);
	if (!plan_is_permitted(b->in, &t.key)) {
		t.adopt = t.look = false;
		task_set(&t, 18, TASK_REFUSE, "not allowed by the project");
	} else if (b->in->crds_untouched && is_crd(&t.key) &&
		   live_find(b->in->live, &t.key)) {
		t.adopt = false;
		task_set(&t, t.casenr, TASK_KEEP, "CRDs are left alone");
	}
	vec_push(&b->p->tasks, t);
}

static void count(struct plan *p)
{
	for (size_t i = 0; i < p->tasks.len; i++) {
		p->n_apply += p->tasks.data[i].verb == TASK_APPLY;
		p->n_refuse += p->tasks.data[i].verb == TASK_REFUSE;
	}
	for (size_t i = 0; i < p->prunes.len; i++) {
		p->n_prune += p->prunes.data[i].verb == TASK_PRUNE;
		p->n_ask += p->prunes.data[i].verb == TASK_ASK;
	}
}

/* In waves and steps; what hooks use comes before they run. */
static void sort(struct builder *b)
{
	struct plan *p = b->p;
	VEC(struct order_hook) hooks = { 0 };

	for (size_t i = 0; i < b->n_wanted; i++) {
		const struct rendered *o = &b->in->release->objects[b->wanted[i].object];
		unsigned phases = o->flags & OBJ_HOOK ? hook_phases(o) : 0;

		if (phases & (1u << HOOK_PRE_SYNC | 1u << HOOK_SYNC))
			vec_push(&hooks, ((struct order_hook){
				.key = b->wanted[i].key, .wave = o->wave,
				.pre_sync = phases & 1u << HOOK_PRE_SYNC }));
	}
	p->early = order_hoist(p->tasks.data, p->tasks.len, hooks.data, hooks.len,
			       &p->early_wave);
	qsort(p->tasks.data, p->tasks.len, sizeof(struct task), order_cmp);
	vec_deinit(&hooks);
}

void plan_build(const struct plan_input *in, struct plan *ret)
{
	struct builder b = { .in = in, .p = ret };

	memset(ret, 0, sizeof(*ret));
	collect_wanted(&b);
	for (size_t i = 0; i < b.n_wanted; i++)
		add_task(&b, i);
	plan_add_prunes(&b);
	if (ret->tasks.len)
		sort(&b);
	count(ret);
}

void plan_say_twins(const struct plan *p, const struct render_answer *release,
		    struct buf *text)
{
	const struct rendered *o = release->objects;

	for (size_t i = 0; i < p->twins.len && i < TWINS_SAID; i++) {
		const struct plan_twin *t = &p->twins.data[i];

		buf_addf(text, "%s%s/%s of %s is not used: %s has it too",
			 text->len ? "; " : "", o[t->gone].kind, o[t->gone].name,
			 o[t->gone].source, o[t->stays].source);
	}
	if (p->twins.len > TWINS_SAID)
		buf_addf(text, " and %zu more", p->twins.len - TWINS_SAID);
}

void plan_deinit(struct plan *p)
{
	vec_deinit(&p->tasks);
	vec_deinit(&p->prunes);
	vec_deinit(&p->twins);
	arena_deinit(&p->arena);
	memset(p, 0, sizeof(*p));
}
