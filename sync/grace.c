/*
 * An object's time counts from our last apply that changed it, which the API server
 * notes in managedFields, so that a restart begins no new one. When it is over one
 * timer puts back what was held back.
 */
#include "grace.h"

#include "scripts.h"
#include "sync/fingerprint.h"

#define ANNOTATION "syncd.dev/health-after"
#define LONGEST_MS (24 * 3600 * 1000ULL)

struct grace {
	struct engine *engine;
	struct world_timer timer;
	int64_t at;		/* wall: when it is to fire; 0 = it does not run */
};

static void wake_at(struct grace *g, int64_t at)
{
	int64_t now = world_wall(g->engine->w);

	if (g->at && g->at <= at)
		return;
	g->at = at;
	world_timer_stop(g->engine->w, &g->timer);
	world_timer_start(g->engine->w, &g->timer,
			  at > now ? (uint64_t)(at - now) + 1 : 1);
}

static void give_back(struct engine *e, struct live *l)
{
	struct live_before before = { .health = l->health.status,
				      .progress = l->progress };
	struct app *a = app_find_by_app_id(e, l->app_id);

	memcpy(before.uid, l->uid, sizeof(before.uid));
	memcpy(before.fingerprint, l->fingerprint, sizeof(before.fingerprint));
	l->held_back = false;
	l->health.status = HEALTH_DEGRADED;
	if (a)
		app_on_live(a, l, &before);
}

static void on_timer(struct world_timer *t)
{
	struct grace *g = container_of(t, struct grace, timer);
	struct engine *e = g->engine;
	int64_t now = world_wall(e->w);
	struct live *l, *next;

	g->at = 0;
	HASH_ITER(hh, e->live.by_key, l, next) {
		if (!l->held_back)
			continue;
		if (now >= l->lenient_until)
			give_back(e, l);
		else
			wake_at(g, l->lenient_until);
	}
}

/* Wall ms until which the object may be unwell; 0 = it asks for no such time. */
static int64_t lenient_until(const json_t *object)
{
	const char *text = doc_get_str(object, "metadata", "annotations", ANNOTATION,
				       NULL);
	int64_t changed = fingerprint_applied_ms(object, FIELD_MANAGER);
	const char *made = doc_get_str(object, "metadata", "creationTimestamp", NULL);
	struct err err = ERR_INIT;
	uint64_t ms;

	if (!text || duration_parse(text, &ms, &err))
		return 0;
	if (changed < 0 && made)
		changed = time_parse_rfc3339(made);
	return changed < 0 ? 0 :
	       changed + (int64_t)(ms < LONGEST_MS ? ms : LONGEST_MS);
}

void grace_hold(struct engine *e, struct live *l)
{
	l->held_back = false;
	if (!e->grace || l->health.status != HEALTH_DEGRADED || !l->lenient_until ||
	    world_wall(e->w) >= l->lenient_until)
		return;
	l->held_back = true;
	l->health.status = HEALTH_PROGRESSING;
	wake_at(e->grace, l->lenient_until);
}

uint64_t grace_until(const struct engine *e, const struct live *l)
{
	int64_t left = l->lenient_until - world_wall(e->w);

	return e->grace && l->lenient_until && left > 0 ?
	       world_now(e->w) + (uint64_t)left : 0;
}

void grace_judge(void *engine, struct live *l, const json_t *object,
		 const struct health *was)
{
	struct health before = *was;

	if (l->held_back)
		before.status = HEALTH_DEGRADED;
	l->lenient_until = lenient_until(object);
	scripts_judge(engine, l, object, &before);
	grace_hold(engine, l);
}

struct grace *grace_new(struct engine *e)
{
	struct grace *g = xcalloc(1, sizeof(*g));

	g->engine = e;
	g->timer.fn = on_timer;
	return g;
}

struct grace *grace_free(struct grace *g)
{
	if (g)
		world_timer_stop(g->engine->w, &g->timer);
	free(g);
	return NULL;
}
