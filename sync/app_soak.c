/*
 * The soak: after a rollout has completed, some minutes in which it must stay up.
 * Evidence objects that the release changed must be healthy; one that is degraded for longer
 * than the grace breaks it. So do two containers of its pods that end in failure
 * (a workload may be healthy in between). The clock starts anew when one is not
 * healthy, or ended so. After ten minutes without a clean soak the release is
 * unproven: neither good nor bad.
 */
#include "app_priv.h"

#include <stdio.h>

#include "grace.h"
#include "refs.h"

#define UNPROVEN_MS (10 * 60 * 1000)
#define FAILED_EXITS 2
#define PODS_AGAIN_MS 5000

struct soak_look {
	bool clean;
	bool degraded;
	bool broken;		/* at once, without a grace */
	unsigned exits;
	struct objkey culprit;	/* borrowed from the plan */
	char why[400];
	uint64_t lenient_until;	/* mono: one of them may be unwell till then; 0 */
};

static bool is_changed(const struct objkey *k, void *arg)
{
	const struct inv_entry *v = record_inv(&((struct app *)arg)->rec, k);

	return v && v->blamed;
}

/*
 * What was bad before the release came says nothing about it, and what neither it nor
 * something that it reads was changed by it does not, either.
 */
static bool is_evidence(struct app *a, const struct task *t)
{
	const struct inv_entry *v = record_inv(&a->rec, &t->key);
	const struct render_answer *r = a->target ? &a->target->a : NULL;

	if ((v && v->sick) || t->flags & (OBJ_IGNORE_HEALTH | OBJ_HOOK | OBJ_SKIP) ||
	    (!health_is_evidence(t->key.group, t->key.kind) &&
	     !(t->flags & OBJ_EVIDENCE)))
		return false;
	return is_changed(&t->key, a) || (r && t->object < r->n_objects &&
		refs_changed(r->objects[t->object].refs, t->key.ns, is_changed, a));
}

/* All that fail now: which of them is told decides nothing. */
static void blame(struct app *a, const struct plan *p, const struct objkey *k)
{
	if (a->target)
		app_fault_of(a, p, &a->target->a, k);
}

static void look_at(struct app *a, const struct plan *p, struct soak_look *s)
{
	*s = (struct soak_look){ .clean = true };
	for (size_t i = 0; i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];
		const struct live *l = live_find(&a->engine->live, &t->key);
		_cleanup_buf_ struct buf key = BUF_INIT;

		if (!is_evidence(a, t))
			continue;
		if (l && (l->health.status <= HEALTH_SUSPENDED))
			continue;
		s->clean = false;
		if (l && grace_until(a->engine, l) > s->lenient_until)
			s->lenient_until = grace_until(a->engine, l);
		if (!l || l->health.status != HEALTH_DEGRADED)
			continue;
		blame(a, p, &t->key);
		if (s->degraded)
			continue;
		s->degraded = true;
		s->culprit = t->key;
		objkey_format(&t->key, &key);
		snprintf(s->why, sizeof(s->why), "%s: %s (while soaking)",
			 buf_str(&key), l->health.message);
	}
}

/* ---- the containers' ends ---- */

static void on_pods(void *arg)
{
	app_poke(arg);
}

/* Its pods are this operation's doing, and there are some. */
static bool has_new_pods(struct app *a, const struct task *t)
{
	const struct live *l = live_find(&a->engine->live, &t->key);

	return podwatch_fits(&t->key) && is_evidence(a, t) && l && l->progress;
}

/* NULL: there is none to be had now. */
static struct podwatch *pods_of(struct app *a, const struct task *t, const char *key)
{
	struct soak_pods fresh = { 0 };

	for (size_t i = 0; i < a->soak_pods.len; i++)
		if (!strcmp(a->soak_pods.data[i].key, key))
			return a->soak_pods.data[i].watch;
	fresh.watch = podwatch_new(a->engine, &t->key, on_pods, a);
	if (!fresh.watch)
		return NULL;
	fresh.key = xstrdup(key);
	vec_push(&a->soak_pods, fresh);
	return fresh.watch;
}

static bool is_lenient(const struct app *a, const struct task *t)
{
	const struct live *l = live_find(&a->engine->live, &t->key);

	return l && grace_until(a->engine, l);
}

static void look_at_exits(struct app *a, const struct plan *p,
			  struct soak_look *s)
{
	for (size_t i = 0; a->target && i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];
		_cleanup_buf_ struct buf key = BUF_INIT;
		struct podwatch *pods;
		const char *pod;
		unsigned n;

		if (!has_new_pods(a, t))
			continue;
		objkey_format(&t->key, &key);
		pods = pods_of(a, t, buf_str(&key));
		if (!pods) {
			app_poke_at(a, world_now(a->engine->w) + PODS_AGAIN_MS);
			continue;
		}
		n = podwatch_exits(pods, &pod);
		s->exits += n;
		if (n < FAILED_EXITS || is_lenient(a, t))
			continue;
		blame(a, p, &t->key);
		if (s->broken)
			continue;
		s->broken = true;
		s->culprit = t->key;
		snprintf(s->why, sizeof(s->why), "%s: %s%s%s%u containers ended in "
			 "failure (while soaking)", buf_str(&key),
			 *pod ? "pod " : "", pod, *pod ? ": " : "", n);
	}
}

void app_soak_end(struct app *a)
{
	for (size_t i = 0; i < a->soak_pods.len; i++) {
		podwatch_free(a->soak_pods.data[i].watch);
		free(a->soak_pods.data[i].key);
	}
	vec_deinit(&a->soak_pods);
	a->soak_exits = 0;
	a->soak_asked = false;
}

/* Before the revert takes them away. */
static void ask_pods(struct app *a, const struct soak_look *s)
{
	if (!a->soak_bad || a->soak_asked || !a->target)
		return;
	a->soak_asked = true;
	app_gather(a, a->rec.target, &s->culprit, 1, s->broken);
}

bool app_soak_over(struct app *a)
{
	uint64_t now = world_now(a->engine->w), grace = a->spec.degraded_grace_ms;
	uint64_t unproven_at;
	const struct plan *p = a->target_plan.tasks.len ? &a->target_plan : &a->plan;
	struct soak_look s;

	if (!a->soak_began) {
		a->soak_began = now;
		a->soak_clean = a->soak_degraded = 0;
	}
	app_fault_nobody(a);
	look_at(a, p, &s);
	look_at_exits(a, p, &s);
	a->soak_bad = s.broken;
	if (s.broken) {
		app_gate_say(&a->soak_why, "%s", s.why);
		ask_pods(a, &s);
		return false;
	}
	if (s.exits > a->soak_exits)
		a->soak_clean = 0;
	a->soak_exits = s.exits;
	if (!s.degraded) {
		a->soak_degraded = 0;
	} else {
		if (!a->soak_degraded)
			a->soak_degraded = now;
		app_gate_say(&a->soak_why, "%s", s.why);
		a->soak_bad = now >= a->soak_degraded + grace;
		ask_pods(a, &s);
		if (!a->soak_bad)
			app_poke_at(a, a->soak_degraded + grace);
	}
	if (!s.clean) {
		a->soak_clean = 0;
		unproven_at = s.lenient_until > a->soak_began ? s.lenient_until :
			      a->soak_began;
		unproven_at += UNPROVEN_MS;
		app_poke_at(a, unproven_at);
		if (now >= unproven_at && !s.degraded &&
		    a->rec.phase == PHASE_SOAKING) {
			app_set_phase(a, PHASE_UNPROVEN);
			a->rec_dirty = true;	/* written with what is decided now */
		}
		return false;
	}
	if (!a->soak_clean)
		a->soak_clean = now;
	if (now < a->soak_clean + a->spec.soak_ms) {
		app_poke_at(a, a->soak_clean + a->spec.soak_ms);
		return false;
	}
	return true;
}
