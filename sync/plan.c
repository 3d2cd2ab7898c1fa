/*
 * The happy path: every object of the release becomes one task, decided from its
 * inventory entry and live state by the numbered cases of plan.h; then the
 * inventory is walked for what the release no longer has. Nothing fails here: an
 * object that must not be touched becomes REFUSE, HOLD or WAIT.
 */
#include "sync/plan.h"

#include <assert.h>

#include "order.h"

static const char *const verbs[] = {
	[TASK_KEEP] = "KEEP",
	[TASK_APPLY] = "APPLY",
	[TASK_REFUSE] = "REFUSE",
	[TASK_WAIT] = "WAIT",
	[TASK_PRUNE] = "PRUNE",
	[TASK_HOLD] = "HOLD",
	[TASK_FORGET] = "FORGET",
};
static_assert(ARRAY_LEN(verbs) == TASK_VERB_N, "a name per verb");

const char *task_verb_str(enum task_verb v)
{
	return (unsigned)v < TASK_VERB_N ? verbs[v] : "unknown";
}

/* An object of the release under its cluster key; hooks too. */
struct wanted {
	struct objkey key;
	size_t object;
};

struct builder {
	const struct plan_input *in;
	struct plan *p;
	struct wanted *wanted;	/* sorted by key; in the arena */
	size_t n_wanted;
	const char **uids;	/* of the objects above, sorted; in the arena */
	size_t n_uids;
};

static void set_task(struct task *t, int casenr, enum task_verb verb,
		     const char *why)
{
	t->casenr = casenr;
	t->verb = verb;
	t->why = why;
}

static void set_uid(struct task *t, const char *uid)
{
	assert(strlen(uid) < sizeof(t->uid));
	strcpy(t->uid, uid);
}

static void adopt(struct task *t, int casenr, const struct live *l,
		  const char *why)
{
	set_task(t, casenr, TASK_APPLY, why);
	set_uid(t, l->uid);
	t->adopt = true;
}

/* Same object, same uid: has anything changed, in Git or in the cluster? */
static void decide_known(struct task *t, const struct rendered *o,
			 const struct inv_entry *e, const struct live *l)
{
	set_uid(t, l->uid);
	if (strcmp(e->digest, o->digest))
		set_task(t, 6, TASK_APPLY, "changed");
	else if (e->fingerprint[0] && !strcmp(e->fingerprint, l->fingerprint))
		set_task(t, 4, TASK_KEEP, "unchanged");
	else
		set_task(t, 5, TASK_APPLY, "drifted");
}

static void decide_absent(struct task *t, const struct inv_entry *e)
{
	/* Not in the index may mean "without our label": look before applying. */
	t->look = true;
	if (!e)
		set_task(t, 1, TASK_APPLY, "new");
	else
		set_task(t, 7, TASK_APPLY, e->uid[0] ? "missing" : "new");
}

static bool same_operation(const struct inv_entry *e, const struct live *l,
			   const char *app_id)
{
	return e->op[0] && !strcmp(e->op, l->op) && !strcmp(l->app_id, app_id);
}

static bool is_anothers(const struct live *l, const char *app_id)
{
	return l->app_id[0] && strcmp(l->app_id, app_id);
}

static void decide(const struct plan_input *in, struct task *t,
		   const struct rendered *o)
{
	const struct inv_entry *e = record_inv(in->record, &t->key);
	const struct live *l = live_find(in->live, &t->key);

	if (l && l->deleting) {
		set_uid(t, l->uid);
		set_task(t, 15, TASK_WAIT, "being deleted");
	} else if (!l) {
		decide_absent(t, e);
	} else if (is_anothers(l, in->app_id)) {
		set_uid(t, l->uid);
		set_task(t, 3, TASK_REFUSE, "tracked by another application");
	} else if (!e) {
		adopt(t, 2, l, "adopted");
	} else if (!e->uid[0] && same_operation(e, l, in->app_id)) {
		set_uid(t, l->uid);
		set_task(t, 9, TASK_APPLY, "interrupted");
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

static bool is_hook(const struct rendered *o)
{
	return o->flags & (OBJ_HOOK | OBJ_SKIP);
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

static int compare_wanted(const void *a, const void *b)
{
	return objkey_cmp(&((const struct wanted *)a)->key,
			  &((const struct wanted *)b)->key);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_uid(struct builder *b, const char *uid)
{
	if (uid[0])
		b->uids[b->n_uids++] = uid;
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
	qsort(b->wanted, n, sizeof(*b->wanted), compare_wanted);
	qsort(b->uids, b->n_uids, sizeof(*b->uids), compare_strings);
}

static bool is_twin(const struct builder *b, size_t i)
{
	return (i && !compare_wanted(&b->wanted[i - 1], &b->wanted[i])) ||
	       (i + 1 < b->n_wanted &&
		!compare_wanted(&b->wanted[i], &b->wanted[i + 1]));
}

static bool is_permitted(const struct plan_input *in, const struct objkey *k)
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

	if (is_hook(o))
		return;
	decide(b->in, &t, o);
	if (!is_permitted(b->in, &t.key)) {
		t.adopt = t.look = false;
		set_task(&t, 18, TASK_REFUSE, "not allowed by the project");
	} else if (is_twin(b, i)) {
		t.adopt = t.look = false;
		set_task(&t, 16, TASK_REFUSE, "declared twice");
	} else if (b->in->crds_untouched && is_crd(&t.key) &&
		   live_find(b->in->live, &t.key)) {
		t.adopt = false;
		set_task(&t, t.casenr, TASK_KEEP, "CRDs are left alone");
	}
	vec_push(&b->p->tasks, t);
}

/* Why a policy forbids to prune it, or NULL. */
static const char *held_by(const struct plan_input *in,
			   const struct inv_entry *e, const struct live *l)
{
	if (l && l->owned)
		return "has an owner";
	if (e->flags & OBJ_KEEP)
		return "kept by its annotation";
	if (e->flags & OBJ_PRUNE_CONFIRM)
		return "needs confirmation";
	if (kind_is_data(e->group, e->kind))
		return "its kind is never pruned by itself";
	if (!is_permitted(in, &(struct objkey){ e->group, e->kind, e->ns, e->name }))
		return "the project does not allow it";
	return in->prune_allowed ? NULL : "pruning is off";
}

static void prune(const struct plan_input *in, struct task *t, int casenr,
		  const struct inv_entry *e, const struct live *l)
{
	const char *held = held_by(in, e, l);

	set_uid(t, e->uid[0] ? e->uid : l->uid);
	set_task(t, casenr, held ? TASK_HOLD : TASK_PRUNE,
		 held ? held : "not in the release");
}

static bool is_wanted(const struct builder *b, const struct inv_entry *e)
{
	struct wanted w = { inv_key(e), 0 };

	return bsearch(&w, b->wanted, b->n_wanted, sizeof(w), compare_wanted);
}

static bool uid_is_wanted(const struct builder *b, const char *uid)
{
	return bsearch(&uid, b->uids, b->n_uids, sizeof(uid), compare_strings);
}

static void decide_prune(const struct builder *b, struct task *t,
			 const struct inv_entry *e)
{
	const struct live *l = live_find(b->in->live, &t->key);

	if (!e->uid[0] && l && same_operation(e, l, b->in->app_id)) {
		if (uid_is_wanted(b, l->uid))
			set_task(t, 17, TASK_FORGET, "the release has it in another group");
		else
			prune(b->in, t, 13, e, l);
	} else if (!e->uid[0]) {
		set_task(t, 14, TASK_FORGET, "never created by us");
	} else if (uid_is_wanted(b, e->uid)) {
		set_task(t, 17, TASK_FORGET, "the release has it in another group");
	} else if (!l) {
		prune(b->in, t, 12, e, l);
	} else if (strcmp(l->uid, e->uid) || is_anothers(l, b->in->app_id)) {
		set_task(t, 11, TASK_FORGET, "another's by now");
	} else {
		prune(b->in, t, 10, e, l);
	}
}

static void add_prune(struct builder *b, const struct inv_entry *e)
{
	struct task t = {
		.object = SIZE_MAX, .key = inv_key(e), .wave = e->wave,
		.step = order_step(e->group, e->kind),
		.rank = kind_rank(e->group, e->kind),
		.version = e->version, .flags = e->flags,
	};

	if (is_wanted(b, e))
		return;
	decide_prune(b, &t, e);
	vec_push(&b->p->prunes, t);
}

/* The mirror of the order of applying: users go before what they use. */
static int compare_prunes(const void *a, const void *b)
{
	return order_cmp(b, a);
}

static void count(struct plan *p)
{
	for (size_t i = 0; i < p->tasks.len; i++) {
		p->n_apply += p->tasks.data[i].verb == TASK_APPLY;
		p->n_refuse += p->tasks.data[i].verb == TASK_REFUSE;
	}
	for (size_t i = 0; i < p->prunes.len; i++)
		p->n_prune += p->prunes.data[i].verb == TASK_PRUNE;
}

void plan_build(const struct plan_input *in, struct plan *ret)
{
	struct builder b = { .in = in, .p = ret };

	memset(ret, 0, sizeof(*ret));
	collect_wanted(&b);
	for (size_t i = 0; i < b.n_wanted; i++)
		add_task(&b, i);
	for (size_t i = 0; i < in->record->inventory.len; i++)
		add_prune(&b, &in->record->inventory.data[i]);
	if (ret->tasks.len) {
		order_hoist(ret->tasks.data, ret->tasks.len);
		qsort(ret->tasks.data, ret->tasks.len, sizeof(struct task),
		      order_cmp);
	}
	if (ret->prunes.len)
		qsort(ret->prunes.data, ret->prunes.len, sizeof(struct task),
		      compare_prunes);
	count(ret);
}

void plan_deinit(struct plan *p)
{
	vec_deinit(&p->tasks);
	vec_deinit(&p->prunes);
	arena_deinit(&p->arena);
	memset(p, 0, sizeof(*p));
}

int plan_prune_guard(const struct plan *p, size_t inventory, bool allow_empty,
		     struct err *err)
{
	size_t fifth = inventory / 5, limit = fifth > 10 ? fifth : 10;

	if (!p->n_prune || (!p->tasks.len && allow_empty))
		return 0;
	if (!p->tasks.len)
		return err_set(err, ERR_LIMIT, "the release has no objects: it would prune "
			       "all %zu of %zu; check the source, or set "
			       "syncPolicy.automated.allowEmpty", p->n_prune, inventory);
	if (p->n_prune <= limit)
		return 0;
	return err_set(err, ERR_LIMIT, "the release would prune %zu of %zu objects, more "
		       "than %zu at once: check the source, then approve the list",
		       p->n_prune, inventory, limit);
}
