/*
 * What the inventory has and the release has not: by the numbered cases of plan.h
 * an object goes, stays for good, waits for a person, or is none of ours any more.
 * Whatever is in doubt stays.
 */
#include "order.h"
#include "plan_priv.h"

#define MANY 10			/* at once, without being asked... */
#define PART 5			/* ...or this part of the inventory: a fifth */

static const struct prune_policy *policy_of(const struct plan_input *in)
{
	static const struct prune_policy none = { .unlimited = true };

	return in->policy ? in->policy : &none;
}

/* An object's own option beats the Application's. */
static bool is_kept(const struct prune_policy *p, uint32_t flags,
		    const struct live *l)
{
	if (p->going)
		return flags & OBJ_DELETE_KEEP || (l && l->keep_delete) ||
		       (p->keep && !(flags & (OBJ_DELETE_TRUE | OBJ_DELETE_CONFIRM)));
	return flags & OBJ_KEEP || (l && l->keep_prune) ||
	       (p->keep && !(flags & (OBJ_PRUNE_TRUE | OBJ_PRUNE_CONFIRM)));
}

static bool wants_confirmation(const struct prune_policy *p, uint32_t flags)
{
	if (p->going)
		return flags & OBJ_DELETE_CONFIRM ||
		       (p->confirm && !(flags & OBJ_DELETE_TRUE));
	return flags & OBJ_PRUNE_CONFIRM || (p->confirm && !(flags & OBJ_PRUNE_TRUE));
}

/* Why it stays whatever a person approves, or NULL. */
static const char *held_by(const struct plan_input *in,
			   const struct inv_entry *e, const struct live *l)
{
	if (in->prune_unsure)
		return in->prune_unsure;
	if (l && l->owned)
		return "has an owner";
	if (is_kept(policy_of(in), e->flags, l))
		return "kept by its annotation";
	if (!plan_is_permitted(in, &(struct objkey){ e->group, e->kind, e->ns,
						     e->name }))
		return "the project does not allow it";
	return in->prune_allowed ? NULL : "pruning is off";
}

/*
 * What a parent of applications goes with: as in Argo CD, whether their objects go too
 * is their own finalizer's to say.
 */
static bool is_child(const struct inv_entry *e)
{
	return !strcmp(e->group, "argoproj.io");
}

static bool is_application(const struct inv_entry *e)
{
	return is_child(e) && !strcmp(e->kind, "Application");
}

/* PRUNE, or what it waits for. */
static enum task_verb verdict(const struct plan_input *in,
			      const struct inv_entry *e, const char **why)
{
	const struct prune_policy *p = policy_of(in);

	*why = "not in the release";
	if (e->approved)
		return TASK_PRUNE;
	if (wants_confirmation(p, e->flags)) {
		*why = p->confirmed ? "confirmed" : "needs confirmation";
		return p->confirmed ? TASK_PRUNE : TASK_ASK;
	}
	if (!kind_is_data(e->group, e->kind) || (p->going && is_child(e)))
		return TASK_PRUNE;
	*why = "its kind is never pruned by itself";
	return p->going ? TASK_HOLD : TASK_ASK;
}

/*
 * Gone, or without our label: one look tells, and drops it from the inventory or
 * brings it back into the index. Nothing is deleted by this, so nothing forbids it.
 */
static void look_for(const struct plan_input *in, struct task *t,
		     const struct inv_entry *e)
{
	task_set_uid(t, e->uid);
	if (in->prune_allowed && plan_is_permitted(in, &t->key)) {
		task_set(t, 12, TASK_PRUNE, "not in the release, nor in the cluster");
		t->look = true;
	} else {
		task_set(t, 12, TASK_HOLD, "pruning is off");
	}
}

static void prune(const struct plan_input *in, struct task *t, int casenr,
		  const struct inv_entry *e, const struct live *l)
{
	const char *why = held_by(in, e, l);
	enum task_verb verb = why ? TASK_HOLD : verdict(in, e, &why);

	task_set_uid(t, e->uid[0] ? e->uid : l->uid);
	task_set(t, casenr, verb, why);
}

static bool is_wanted(const struct builder *b, const struct inv_entry *e)
{
	struct wanted w = { inv_key(e), 0 };

	return bsearch(&w, b->wanted, b->n_wanted, sizeof(w), plan_compare_wanted);
}

static bool uid_is_wanted(const struct builder *b, const char *uid)
{
	return bsearch(&uid, b->uids, b->n_uids, sizeof(uid), plan_compare_strings);
}

/* What is excluded stays, under whatever other name it goes. */
static bool uid_is_left(const struct builder *b, const char *uid)
{
	return bsearch(&uid, b->left, b->n_left, sizeof(uid), plan_compare_strings);
}

static void collect_left(struct builder *b)
{
	const struct record *rec = b->in->record;

	b->left = arena_alloc(&b->p->arena, (rec->inventory.len + 1) * sizeof(*b->left));
	for (size_t i = 0; i < rec->inventory.len; i++) {
		const struct inv_entry *e = &rec->inventory.data[i];

		if (*e->uid && exclude_kind(b->in->exclude, e->group, e->kind))
			b->left[b->n_left++] = e->uid;
	}
	qsort(b->left, b->n_left, sizeof(*b->left), plan_compare_strings);
}

/* Who else has it in a release; or the kind is gone, and with it all it held. */
static bool decide_by_others(const struct plan_input *in, struct task *t,
			     const struct inv_entry *e, const struct live *l)
{
	const struct plan_others *o = in->others;

	if (!o)
		return false;
	if (o->wanted_by(o->arg, &t->key))
		task_set(t, 21, TASK_FORGET, "another application's release has it");
	else if ((e->uid[0] || l) && !o->is_served(o->arg, e->group, e->kind))
		task_set(t, 22, TASK_HOLD, "its kind is not served");
	else
		return false;
	task_set_uid(t, e->uid);
	return true;
}

/* It may lie in the folder that it deploys; it goes when all else has gone. */
static bool is_itself(const struct plan_input *in, const struct inv_entry *e)
{
	const struct prune_policy *p = policy_of(in);

	return p->going && p->self_uid && is_child(e) && !strcmp(e->uid, p->self_uid);
}

/*
 * Applications that have each other among their objects: somebody has to go first. The
 * one whose deletion began last does, as it is below the others.
 */
static bool awaits_us(const struct plan_input *in, const struct task *t,
		      const struct inv_entry *e)
{
	const struct plan_others *o = in->others;

	return policy_of(in)->going && o && is_application(e) && e->uid[0] &&
	       o->awaits_us(o->arg, &t->key, e->uid);
}

static void decide_prune(const struct builder *b, struct task *t,
			 const struct inv_entry *e)
{
	const struct live *l = live_find(b->in->live, &t->key);

	if (is_itself(b->in, e)) {
		task_set(t, 24, TASK_FORGET, "it is the application itself");
		return;
	}
	if (awaits_us(b->in, t, e)) {
		task_set(t, PLAN_RING, TASK_FORGET, "it is being deleted and waits for this one");
		return;
	}
	if (decide_by_others(b->in, t, e, l))
		return;
	if (!e->uid[0] && l && plan_same_op(e, l, b->in->app_id)) {
		if (uid_is_wanted(b, l->uid))
			task_set(t, 17, TASK_FORGET, "the release has it in another group");
		else if (uid_is_left(b, l->uid))
			task_set(t, 27, TASK_FORGET, "it is of an excluded kind in another group");
		else
			prune(b->in, t, 13, e, l);
	} else if (!e->uid[0]) {
		task_set(t, 14, TASK_FORGET, "never created by us");
	} else if (uid_is_wanted(b, e->uid)) {
		task_set(t, 17, TASK_FORGET, "the release has it in another group");
	} else if (uid_is_left(b, e->uid)) {
		task_set(t, 27, TASK_FORGET, "it is of an excluded kind in another group");
	} else if (!l) {
		look_for(b->in, t, e);
	} else if (strcmp(l->uid, e->uid) || plan_is_anothers(l, b->in->app_id)) {
		task_set(t, 11, TASK_FORGET, "another's by now");
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

	if (is_wanted(b, e) || exclude_kind(b->in->exclude, e->group, e->kind))
		return;
	decide_prune(b, &t, e);
	vec_push(&b->p->prunes, t);
}

bool plan_prunes_too_many(size_t prunes, size_t tasks, size_t inventory,
			  bool allow_empty)
{
	size_t part = inventory / PART;

	if (!tasks)
		return prunes && !allow_empty;
	return prunes > (part > MANY ? part : MANY);
}

static bool is_unapproved(const struct builder *b, const struct task *t)
{
	return t->verb == TASK_PRUNE && !t->look &&
	       !record_inv(b->in->record, &t->key)->approved;
}

/* All of them, or none: which part of a mistake would be the right one? */
static void hold_too_many(struct builder *b)
{
	const struct prune_policy *policy = policy_of(b->in);
	struct plan *p = b->p;
	size_t n = 0;

	for (size_t i = 0; i < p->prunes.len; i++)
		n += is_unapproved(b, &p->prunes.data[i]);
	if (policy->unlimited ||
	    !plan_prunes_too_many(n, p->tasks.len, b->in->record->inventory.len,
				  policy->allow_empty))
		return;
	for (size_t i = 0; i < p->prunes.len; i++) {
		struct task *t = &p->prunes.data[i];

		if (is_unapproved(b, t))
			task_set(t, t->casenr, TASK_ASK, p->tasks.len ?
				 "too many at once" : "nothing would be left");
	}
}

/* The mirror of the order of applying: users go before what they use. */
static int compare_prunes(const void *a, const void *b)
{
	return order_cmp(b, a);
}

void plan_add_prunes(struct builder *b)
{
	struct plan *p = b->p;

	collect_left(b);
	for (size_t i = 0; i < b->in->record->inventory.len; i++)
		add_prune(b, &b->in->record->inventory.data[i]);
	hold_too_many(b);
	if (p->prunes.len)
		qsort(p->prunes.data, p->prunes.len, sizeof(struct task),
		      compare_prunes);
}
