/*
 * Hooks as decisions. Happy path of one: LOOK, (RELEASE, DELETE, WAIT) for what an
 * earlier operation left, CREATE, WAIT, PASS, RELEASE, REST. The doing is in
 * op_hook.c.
 */
#include "hook.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#define NAME_MAX_LEN 63	/* a Job's name becomes a label of its pods */

static const char *const verbs[] = {
	[HOOK_DO_LOOK] = "LOOK",
	[HOOK_DO_CREATE] = "CREATE",
	[HOOK_DO_TAKE] = "TAKE",
	[HOOK_DO_RELEASE] = "RELEASE",
	[HOOK_DO_DELETE] = "DELETE",
	[HOOK_DO_WAIT] = "WAIT",
	[HOOK_DO_PASS] = "PASS",
	[HOOK_DO_FAIL] = "FAIL",
	[HOOK_DO_LATE] = "LATE",
	[HOOK_DO_GONE] = "GONE",
	[HOOK_DO_REFUSE] = "REFUSE",
	[HOOK_DO_REST] = "REST",
};
static_assert(ARRAY_LEN(verbs) == HOOK_VERB_N, "a name per verb");

const char *hook_verb_str(enum hook_verb v)
{
	return (unsigned)v < HOOK_VERB_N ? verbs[v] : "unknown";
}

/* ---- the list ---- */

static unsigned phase_bit(const char *name, size_t len)
{
	for (unsigned p = 0; p < HOOK_PHASE_N; p++) {
		const char *s = hook_phase_str((enum hook_phase)p);

		if (strlen(s) == len && !memcmp(s, name, len))
			return 1u << p;
	}
	return 0;
}

unsigned hook_phases(const struct rendered *o)
{
	unsigned set = 0;

	if (!(o->flags & OBJ_HOOK))
		return 0;
	for (const char *s = o->hook; *s;) {
		size_t n = strcspn(s, ",");

		set |= phase_bit(s, n);
		s += n + (s[n] == ',');
	}
	return set;
}

static bool is_generated(const struct rendered *o)
{
	size_t n = strlen(o->name);

	return n && o->name[n - 1] == '-';
}

/* <generateName><revision>-<phase>-<unix time>, as Argo CD makes it, in lower case. */
static const char *made_name(struct arena *a, const char *prefix,
			     const struct hook_list_input *in,
			     enum hook_phase phase)
{
	char tail[64];
	size_t room;

	snprintf(tail, sizeof(tail), "%.7s-%s-%lld", in->revision,
		 hook_phase_str(phase), (long long)(in->started_ms / 1000));
	for (char *s = tail; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	room = NAME_MAX_LEN - strlen(tail);
	return arena_printf(a, "%.*s%s", (int)room, prefix, tail);
}

static void add(const struct hook_list_input *in, struct hook_list *l, size_t i,
		enum hook_phase phase)
{
	const struct rendered *o = &in->release->objects[i];
	bool generated = is_generated(o);
	struct hook_task t = {
		.object = i, .phase = phase, .wave = o->wave,
		.rank = kind_rank(o->group, o->kind),
		.key = rendered_key(o, &in->scopes[i], in->destination_ns),
		.base = generated ? o->name : "",
	};

	t.key.ns = arena_strdup(&l->arena, t.key.ns);
	if (generated)
		t.key.name = made_name(&l->arena, o->name, in, phase);
	vec_push(&l->tasks, t);
}

static int compare(const void *pa, const void *pb)
{
	const struct hook_task *a = pa, *b = pb;
	int c;

	if (a->phase != b->phase)
		return a->phase < b->phase ? -1 : 1;
	if (a->wave != b->wave)
		return a->wave < b->wave ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	c = strcmp(a->key.ns, b->key.ns);
	if (!c)
		c = strcmp(a->key.name, b->key.name);
	if (!c)
		c = objkey_cmp(&a->key, &b->key);
	return c ? c : a->object < b->object ? -1 : a->object > b->object;
}

static int compare_names(const void *pa, const void *pb)
{
	const struct hook_task *a = *(struct hook_task *const *)pa;
	const struct hook_task *b = *(struct hook_task *const *)pb;
	int c;

	if (a->phase != b->phase)
		return a->phase < b->phase ? -1 : 1;
	c = objkey_cmp(&a->key, &b->key);
	return c ? c : compare(a, b);
}

/* Two hooks with one generateName would have one name: the later get a number. */
static void part_twins(struct hook_list *l)
{
	struct hook_task **all = xcalloc(l->tasks.len, sizeof(struct hook_task *));
	const char *name = "";
	unsigned n = 1;

	for (size_t i = 0; i < l->tasks.len; i++)
		all[i] = &l->tasks.data[i];
	qsort(all, l->tasks.len, sizeof(*all), compare_names);
	for (size_t i = 1; i < l->tasks.len; i++) {
		struct objkey k = all[i]->key, before = all[i - 1]->key;

		if (n > 1)
			before.name = name;	/* it had that name, too */
		if (!*all[i]->base || all[i]->phase != all[i - 1]->phase ||
		    objkey_cmp(&k, &before)) {
			n = 1;
			continue;
		}
		name = k.name;
		all[i]->key.name = arena_printf(&l->arena, "%.*s-%u",
						NAME_MAX_LEN - 6, name, ++n);
	}
	free(all);
}

void hook_list_build(const struct hook_list_input *in, struct hook_list *ret)
{
	*ret = (struct hook_list){ 0 };
	for (size_t i = 0; i < in->release->n_objects; i++) {
		unsigned set = hook_phases(&in->release->objects[i]);

		for (unsigned p = 0; p < HOOK_PHASE_N; p++)
			if (set & 1u << p)
				add(in, ret, i, (enum hook_phase)p);
	}
	if (!ret->tasks.len)
		return;
	qsort(ret->tasks.data, ret->tasks.len, sizeof(struct hook_task), compare);
	part_twins(ret);
}

void hook_list_deinit(struct hook_list *l)
{
	vec_deinit(&l->tasks);
	arena_deinit(&l->arena);
}

/* ---- one hook ---- */

static enum hook_verb is_case(int nr, int *ret_case, enum hook_verb verb)
{
	if (ret_case)
		*ret_case = nr;
	return verb;
}

static bool is_this_run(const struct hook_run *h, const struct hook_seen *s)
{
	return s->ours && !s->of_other_phase && !strcmp(h->op, s->op);
}

static enum hook_verb decide_planned(const struct hook_facts *f, int *nr)
{
	const struct hook_seen *s = f->seen;
	bool before = s->ours && f->run->flags & OBJ_HOOK_BEFORE;

	if (!s->looked)
		return is_case(1, nr, HOOK_DO_LOOK);
	if (!s->there)
		return is_case(2, nr, HOOK_DO_CREATE);
	if (s->anothers && !f->shared_allowed)
		return is_case(3, nr, HOOK_DO_REFUSE);
	if (is_this_run(f->run, s))
		return is_case(4, nr, HOOK_DO_TAKE);
	if (s->deleting && s->ours && s->held)
		return is_case(5, nr, HOOK_DO_RELEASE);
	if (s->deleting)
		return is_case(6, nr, HOOK_DO_WAIT);
	if (before && s->held)
		return is_case(7, nr, HOOK_DO_RELEASE);
	if (before)
		return is_case(8, nr, HOOK_DO_DELETE);
	return is_case(9, nr, HOOK_DO_CREATE);
}

static enum hook_verb decide_running(const struct hook_facts *f, int *nr)
{
	const struct hook_seen *s = f->seen;

	if (!s->looked)
		return is_case(10, nr, HOOK_DO_LOOK);
	if (!s->there || strcmp(s->uid, f->run->uid))
		return is_case(11, nr, HOOK_DO_GONE);
	if (s->health.status == HEALTH_NONE || s->health.status == HEALTH_HEALTHY)
		return is_case(12, nr, HOOK_DO_PASS);
	if (s->health.status == HEALTH_DEGRADED)
		return is_case(13, nr, HOOK_DO_FAIL);
	if (f->late)
		return is_case(14, nr, HOOK_DO_LATE);
	return is_case(15, nr, HOOK_DO_WAIT);
}

enum hook_verb hook_decide(const struct hook_facts *f, int *ret_case)
{
	const struct hook_seen *s = f->seen;

	switch (f->run->state) {
	case HOOK_PLANNED:
		return decide_planned(f, ret_case);
	case HOOK_RUNNING:
		return decide_running(f, ret_case);
	case HOOK_SUCCEEDED:
	case HOOK_FAILED:
	case HOOK_LATE:
	case HOOK_STATE_N:
		break;
	}
	if (s->there && s->held && !strcmp(s->uid, f->run->uid))
		return is_case(16, ret_case, HOOK_DO_RELEASE);
	return is_case(17, ret_case, HOOK_DO_REST);
}

bool hook_goes(const struct hook_run *h, enum hook_end end)
{
	switch (h->state) {
	case HOOK_PLANNED:
		return false;
	case HOOK_RUNNING:
	case HOOK_LATE:
		return true;
	case HOOK_SUCCEEDED:
	case HOOK_FAILED:
	case HOOK_STATE_N:
		break;
	}
	return h->flags & (end == HOOK_END_GOOD ? OBJ_HOOK_SUCCEEDED :
						  OBJ_HOOK_FAILED);
}
