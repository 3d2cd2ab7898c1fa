/*
 * Why an application is not written to, or not by itself: everything is paused, it
 * is suspended, pinned by hand, waits for another application, or a sync window is
 * shut. Looked at anew with each look; what ends by time pokes the application then.
 */
#include "app_priv.h"
#include "settings.h"

#include <stdarg.h>
#include <stdio.h>

#include "sync/window.h"

#define MAX_STEPS 1000		/* applications that a search for a cycle visits */
#define MAX_DEPTH 32

/* Look again at that wall-clock time; 0 = no need. The mono time of it, 0. */
static uint64_t again_at(struct app *a, int64_t wall_ms)
{
	int64_t left = wall_ms - world_wall(a->engine->w);
	uint64_t at;

	if (!wall_ms)
		return 0;
	at = world_now(a->engine->w) + (uint64_t)(left > 0 ? left : 0) + 1;
	app_poke_at(a, at);
	return at;
}

void app_gate_say(char **at, const char *fmt, ...)
{
	char words[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	free(*at);
	*at = *words ? xstrdup(words) : NULL;
}

static void clear(char **at)
{
	free(*at);
	*at = NULL;
}

void app_gates_clear(struct app *a)
{
	struct app_gates *g = &a->gates;

	clear(&g->stopped);
	clear(&g->pinned);
	clear(&g->waits);
	clear(&g->shut);
	clear(&g->shut_manual);
	clear(&g->held);
	clear(&g->gate);
	clear(&g->gate_manual);
	clear(&g->gate_stop);
	clear(&g->rollback);
	clear(&g->foreign);
}

/* What is to run may have gone out by the rules of another project. */
static void look_foreign(struct app *a)
{
	const struct release *t = record_release(&a->rec, a->rec.target);
	struct err err = ERR_INIT;

	clear(&a->gates.foreign);
	if (t && projects_check_release(a, t, &err))
		app_gate_say(&a->gates.foreign, "%s", err.msg);
}

/* Why a rollback cannot be: it is to what never was good, and a gate is shut. */
static void look_rollback(struct app *a)
{
	struct app_gates *g = &a->gates;
	const struct release *to = app_rollback_asks(a);
	const struct release *any = a->request.present ?
		record_release(&a->rec, a->request.rollback) : NULL;
	const char *why = g->shut_manual ? g->shut_manual : g->gate_manual;
	struct err err = ERR_INIT;

	clear(&g->rollback);
	if (any && projects_check_release(a, any, &err)) {
		app_gate_say(&g->rollback, "%s", err.msg);
		return;
	}
	if (to && why)
		app_gate_say(&g->rollback, "release #%u was never good, and asks as something "
			     "new does: %s", to->id, why);
}

/* "pinned by ada until 2026-...: why"; none when it does not hold. */
static void look_hold(struct app *a, const struct app_hold *h, const char *what,
		      const char *undo, char **at)
{
	char until[32] = "";

	clear(at);
	if (!app_hold_active(h, world_wall(a->engine->w)))
		return;
	if (h->until_ms)
		time_rfc3339(h->until_ms, until);
	again_at(a, h->until_ms);
	app_gate_say(at, "%s%s%.100s%s%s%s%.200s (syncctl %s %.100s)", what,
		     *h->by ? " by " : "", h->by, *until ? " until " : "", until,
		     *h->why ? ": " : "", h->why, undo, a->spec.name);
}

/* ---- what it depends on ---- */

static struct app *find(const struct engine *e, const char *id)
{
	struct app *a;

	HASH_FIND_STR(e->apps, id, a);
	return a && a->present ? a : NULL;
}

struct search {
	const struct app *start;
	const struct app *path[MAX_DEPTH];
	size_t depth, steps;
};

/* Is there a way back to where it began? Its path is left in s. */
static bool leads_back(struct search *s, const struct app *from)
{
	if (s->depth == MAX_DEPTH || ++s->steps > MAX_STEPS)
		return false;
	s->path[s->depth++] = from;
	for (size_t i = 0; i < from->spec.n_depends; i++) {
		const struct app *next = find(from->engine, from->spec.depends[i]);

		if (next == s->start || (next && leads_back(s, next)))
			return true;
	}
	s->depth--;
	return false;
}

static bool say_cycle(struct app *a)
{
	struct search s = { .start = a };
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!leads_back(&s, a))
		return false;
	for (size_t i = 0; i < s.depth; i++)
		buf_addf(&b, "%s -> ", s.path[i]->id);
	app_gate_say(&a->gates.waits, "syncd.dev/depends-on goes in a circle, nothing is "
		     "done by itself: %s%s", buf_str(&b), a->id);
	return true;
}

static void look_depends(struct app *a)
{
	clear(&a->gates.waits);
	if (!a->spec.n_depends)
		return;
	a->engine->any_depends = true;
	if (say_cycle(a))
		return;
	for (size_t i = 0; i < a->spec.n_depends; i++) {
		const struct app *d = find(a->engine, a->spec.depends[i]);
		const char *sync = d ? app_sync_word(d) : "not there";
		const char *health = d ? app_health_word(d) : "Unknown";

		if (!strcmp(sync, "Synced") && !strcmp(health, "Healthy"))
			continue;
		app_gate_say(&a->gates.waits, "waits for application %.200s: it is %s, %s",
			     a->spec.depends[i], sync, health);
		return;
	}
}

void app_poke_dependents(const struct app *a)
{
	struct app *other, *next;

	if (!a->engine->any_depends)
		return;
	HASH_ITER(hh, a->engine->apps, other, next)
		for (size_t i = 0; i < other->spec.n_depends; i++)
			if (!strcmp(other->spec.depends[i], a->id))
				app_poke(other);
}

/* ---- sync windows ---- */

static void look_windows(struct app *a)
{
	struct app_gates *g = &a->gates;
	const struct project *p = projects_of(a, NULL);
	struct window_app asks = { a->spec.name, a->spec.dest_ns };
	struct window_verdict v;

	clear(&g->shut);
	clear(&g->shut_manual);
	g->shut_until = 0;
	if (!p)
		return;
	windows_judge(doc_get(p->spec, "syncWindows", NULL), &asks,
		      world_wall(a->engine->w), &v);
	if (!v.automatic)
		app_gate_say(&g->shut, "%s", v.why);
	if (!v.manual)
		app_gate_say(&g->shut_manual, "%s", v.why);
	g->shut_until = again_at(a, v.check_ms);
}

bool app_look_gates(struct app *a)
{
	struct app_gates *g = &a->gates;
	const char *paused = pause_words(a->engine);

	if (!pause_known(a->engine) || !settings_known(a->engine))
		return false;
	look_hold(a, &a->spec.suspend, "suspended", "resume", &g->stopped);
	if (paused)
		app_gate_say(&g->stopped, "%s", paused);
	look_hold(a, &a->spec.pin, "pinned", "unpin", &g->pinned);
	if (a->rec.pin_why)
		again_at(a, a->rec.pin_until_ms);
	look_foreign(a);
	look_depends(a);
	look_windows(a);
	app_exclude_gates(a);
	app_look_control(a);
	look_rollback(a);
	return true;
}
