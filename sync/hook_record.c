/*
 * The rows of hooks in the state record. Lookups are linear: an application has a
 * handful of hooks, and the rows of the past are capped.
 */
#include "sync/hook_record.h"

#include <assert.h>

#include "render/answer.h"
#include "sync/record.h"

static const char *const phases[] = {
	[HOOK_PRE_SYNC] = "PreSync",
	[HOOK_SYNC] = "Sync",
	[HOOK_POST_SYNC] = "PostSync",
	[HOOK_SYNC_FAIL] = "SyncFail",
	[HOOK_PRE_REVERT] = "PreRevert",
	[HOOK_POST_REVERT] = "PostRevert",
	[HOOK_PRE_DELETE] = "PreDelete",
	[HOOK_POST_DELETE] = "PostDelete",
};
static_assert(ARRAY_LEN(phases) == HOOK_PHASE_N, "a name per phase");

static const char *const states[] = {
	[HOOK_PLANNED] = "planned",
	[HOOK_RUNNING] = "running",
	[HOOK_SUCCEEDED] = "succeeded",
	[HOOK_FAILED] = "failed",
	[HOOK_LATE] = "late",
};
static_assert(ARRAY_LEN(states) == HOOK_STATE_N, "a name per state");

const char *hook_phase_str(enum hook_phase p)
{
	return (unsigned)p < HOOK_PHASE_N ? phases[p] : "unknown";
}

const char *hook_state_str(enum hook_state s)
{
	return (unsigned)s < HOOK_STATE_N ? states[s] : "unknown";
}

struct objkey hook_run_key(const struct hook_run *h)
{
	return (struct objkey){ h->group, h->kind, h->ns, h->name };
}

void hook_run_deinit(struct hook_run *h)
{
	free(h->group);
	free(h->kind);
	free(h->ns);
	free(h->name);
	free(h->version);
	free(h->base);
	free(h->message);
}

static void drop(struct record *r, size_t i)
{
	struct hook_run *h = &r->hooks.data[i];

	hook_run_deinit(h);
	memmove(h, h + 1, (r->hooks.len - i - 1) * sizeof(*h));
	r->hooks.len--;
}

struct hook_run *record_hook(struct record *r, const struct objkey *k,
			     enum hook_phase phase)
{
	for (size_t i = 0; i < r->hooks.len; i++) {
		struct hook_run *h = &r->hooks.data[i];
		struct objkey there = hook_run_key(h);

		if (h->phase == phase && !objkey_cmp(&there, k))
			return h;
	}
	return NULL;
}

static bool same_base(const struct hook_run *h, const struct objkey *k,
		      enum hook_phase phase, const char *base)
{
	return *base && h->phase == phase && !strcmp(h->base, base) &&
	       !strcmp(h->group, k->group) && !strcmp(h->kind, k->kind) &&
	       !strcmp(h->ns, k->ns);
}

/* The body of the good release under an earlier name; rows without object go. */
static void inherit(struct record *r, const struct objkey *k,
		    enum hook_phase phase, const char *base, char good[65])
{
	for (size_t i = r->hooks.len; i-- > 0;) {
		struct hook_run *h = &r->hooks.data[i];

		if (!same_base(h, k, phase, base))
			continue;
		if (!*good)
			memcpy(good, h->good_digest, sizeof(h->good_digest));
		if (!*h->uid && h->state != HOOK_RUNNING)
			drop(r, i);
	}
}

static void make_room(struct record *r, const char *op)
{
	size_t past = 0;

	for (size_t i = 0; i < r->hooks.len; i++)
		past += strcmp(r->hooks.data[i].op, op) != 0;
	for (size_t i = 0; i < r->hooks.len && past >= RECORD_HOOKS_MAX;) {
		if (strcmp(r->hooks.data[i].op, op)) {
			drop(r, i);
			past--;
		} else {
			i++;
		}
	}
}

static struct hook_run *add(struct record *r, const struct objkey *k,
			    enum hook_phase phase, const char *base,
			    const char *op)
{
	struct hook_run h = {
		.group = xstrdup(k->group), .kind = xstrdup(k->kind),
		.ns = xstrdup(k->ns), .name = xstrdup(k->name),
		.version = xstrdup(""), .base = xstrdup(base), .phase = phase,
	};

	inherit(r, k, phase, base, h.good_digest);
	make_room(r, op);
	vec_push(&r->hooks, h);
	return &r->hooks.data[r->hooks.len - 1];
}

struct hook_run *record_hook_plan(struct record *r, const struct objkey *k,
				  enum hook_phase phase, const char *base,
				  const char *op)
{
	struct hook_run *h = record_hook(r, k, phase);

	if (h && !strcmp(h->op, op))
		return h;
	if (!h)
		h = add(r, k, phase, base, op);
	h->state = HOOK_PLANNED;
	h->uid[0] = h->digest[0] = '\0';
	h->deadline_ms = 0;
	free(h->message);
	h->message = NULL;
	assert(strlen(op) < sizeof(h->op));
	strcpy(h->op, op);
	return h;
}

void record_hooks_again(struct record *r, const char *op)
{
	for (size_t i = 0; i < r->hooks.len; i++) {
		struct hook_run *h = &r->hooks.data[i];

		if (strcmp(h->op, op) || h->state != HOOK_FAILED)
			continue;
		h->state = HOOK_PLANNED;
		h->uid[0] = '\0';
		free(h->message);
		h->message = NULL;
	}
}

void record_hooks_carry(struct record *r, enum hook_phase phase, const char *op)
{
	assert(strlen(op) < sizeof(r->hooks.data->op));
	for (size_t i = 0; i < r->hooks.len; i++)
		if (r->hooks.data[i].phase == phase &&
		    r->hooks.data[i].state == HOOK_SUCCEEDED)
			strcpy(r->hooks.data[i].op, op);
}

/* What lies in the cluster still is known by its row. */
bool record_hooks_alive(struct record *r)
{
	bool any = false;

	for (size_t i = r->hooks.len; i-- > 0;) {
		struct hook_run *h = &r->hooks.data[i];

		if (h->state != HOOK_SUCCEEDED || (h->phase != HOOK_PRE_DELETE &&
						   h->phase != HOOK_POST_DELETE))
			continue;
		any = true;
		if (*h->uid)
			h->state = HOOK_PLANNED;
		else
			drop(r, i);
	}
	return any;
}

void record_hooks_proven(struct record *r)
{
	for (size_t i = 0; i < r->hooks.len; i++) {
		struct hook_run *h = &r->hooks.data[i];

		if (h->state == HOOK_SUCCEEDED)
			memcpy(h->good_digest, h->digest, sizeof(h->digest));
	}
}

/* Kinds that do something; a ConfigMap made by a hook holds nothing back. */
static bool runs_code(const struct hook_run *h)
{
	return (!strcmp(h->group, "batch") && !strcmp(h->kind, "Job")) ||
	       (!*h->group && !strcmp(h->kind, "Pod")) ||
	       (!strcmp(h->group, "argoproj.io") && !strcmp(h->kind, "Workflow"));
}

const struct hook_run *record_hook_holds(const struct record *r)
{
	for (size_t i = 0; i < r->hooks.len; i++) {
		const struct hook_run *h = &r->hooks.data[i];

		if (h->state == HOOK_SUCCEEDED && h->phase <= HOOK_POST_SYNC &&
		    runs_code(h) && strcmp(h->digest, h->good_digest) &&
		    !(h->flags & OBJ_REVERSIBLE))
			return h;
	}
	return NULL;
}
