/*
 * The soak: after a rollout has completed, some minutes in which it must stay up.
 * Evidence objects of the target must be healthy; one that is degraded for longer
 * than the grace breaks it. The clock starts anew when one is not healthy. After
 * ten minutes without a clean soak the release is unproven: neither good nor bad.
 */
#include "app_priv.h"

#include <stdio.h>

#define UNPROVEN_MS (10 * 60 * 1000)

struct soak_look {
	bool clean;
	bool degraded;
	char why[400];
};

static bool is_evidence(const struct task *t)
{
	return (health_is_evidence(t->key.group, t->key.kind) ||
		t->flags & OBJ_EVIDENCE) &&
	       !(t->flags & (OBJ_IGNORE_HEALTH | OBJ_HOOK | OBJ_SKIP));
}

static void look_at(struct app *a, const struct plan *p, struct soak_look *s)
{
	*s = (struct soak_look){ .clean = true };
	for (size_t i = 0; i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];
		const struct live *l = live_find(&a->engine->live, &t->key);
		_cleanup_buf_ struct buf key = BUF_INIT;

		if (!is_evidence(t))
			continue;
		if (l && (l->health.status <= HEALTH_SUSPENDED))
			continue;
		s->clean = false;
		if (!l || l->health.status != HEALTH_DEGRADED || s->degraded)
			continue;
		s->degraded = true;
		objkey_format(&t->key, &key);
		snprintf(s->why, sizeof(s->why), "%s: %s (while soaking)",
			 buf_str(&key), l->health.message);
	}
}

bool app_soak_over(struct app *a)
{
	uint64_t now = world_now(a->engine->w), grace = a->spec.degraded_grace_ms;
	const struct plan *p = a->target_plan.tasks.len ? &a->target_plan : &a->plan;
	struct soak_look s;

	if (!a->soak_began) {
		a->soak_began = now;
		a->soak_clean = a->soak_degraded = 0;
	}
	look_at(a, p, &s);
	a->soak_bad = false;
	if (!s.degraded) {
		a->soak_degraded = 0;
	} else {
		if (!a->soak_degraded)
			a->soak_degraded = now;
		snprintf(a->soak_why, sizeof(a->soak_why), "%s", s.why);
		a->soak_bad = now >= a->soak_degraded + grace;
		if (!a->soak_bad)
			app_poke_at(a, a->soak_degraded + grace);
	}
	if (!s.clean) {
		a->soak_clean = 0;
		app_poke_at(a, a->soak_began + UNPROVEN_MS);
		if (now >= a->soak_began + UNPROVEN_MS && !s.degraded &&
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
