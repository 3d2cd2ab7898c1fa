/*
 * Sync windows. The happy path: the windows that match the application are read
 * once, then asked whether they are active now, and at each of their next starts
 * and ends until the answer changes.
 */
#include "sync/window.h"

#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "glob.h"
#include "zone.h"

#define IN_CLUSTER "https://kubernetes.default.svc"
#define IN_CLUSTER_NAME "in-cluster"
#define MAX_WINDOWS 100
#define MAX_STEPS 500		/* starts and ends that are looked at ahead */
#define MAX_DURATION_S (INT64_C(366) * 24 * 3600)

struct window {
	struct cron cron;
	struct zone zone;
	int64_t seconds;
	bool deny, manual;
	const char *schedule, *duration, *what;	/* borrowed; what may be NULL */
};

static bool any_matches(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *pattern = json_string_value(item);

		if (pattern && glob_match(pattern, text, 0) == 1)
			return true;
	}
	return false;
}

static bool matches(const json_t *w, const struct window_app *a)
{
	const json_t *apps = json_object_get(w, "applications");
	const json_t *spaces = json_object_get(w, "namespaces");
	const json_t *clusters = json_object_get(w, "clusters");
	bool app = any_matches(apps, a->name), space = any_matches(spaces, a->dest_ns);
	bool cluster = any_matches(clusters, IN_CLUSTER) ||
		       any_matches(clusters, IN_CLUSTER_NAME);

	if (!doc_get_bool(w, false, "andOperator", NULL))
		return app || space || cluster;
	return (app || !json_array_size(apps)) && (space || !json_array_size(spaces)) &&
	       (cluster || !json_array_size(clusters)) &&
	       (app || space || cluster);
}

static const char *text_of(const json_t *w, const char *key)
{
	const char *s = doc_get_str(w, key, NULL);

	return s ? s : "";
}

static void window_deinit(struct window *w)
{
	zone_deinit(&w->zone);
}

static int window_read(struct window *w, const json_t *j, struct err *err)
{
	const char *kind = text_of(j, "kind");
	uint64_t ms;

	*w = (struct window){
		.deny = !strcmp(kind, "deny"), .schedule = text_of(j, "schedule"),
		.duration = text_of(j, "duration"),
		.what = doc_get_str(j, "description", NULL),
		.manual = doc_get_bool(j, false, "manualSync", NULL),
	};
	if (!w->deny && strcmp(kind, "allow"))
		return err_set(err, ERR_INVALID, "kind \"%.20s\" must be allow or deny",
			       kind);
	if (cron_parse(&w->cron, w->schedule, err))
		return err_wrap(err, "schedule \"%.60s\"", w->schedule);
	if (duration_parse(w->duration, &ms, err))
		return err_wrap(err, "duration");
	w->seconds = (int64_t)(ms / 1000);
	if (w->seconds < 1 || w->seconds > MAX_DURATION_S)
		return err_set(err, ERR_INVALID, "duration \"%.40s\" must be at least 1s "
			       "and at most 8784h", w->duration);
	return zone_load(&w->zone, text_of(j, "timeZone"), err);
}

/* The first start after t - back, in real time; -1: none. */
static int64_t start_after(const struct window *w, int64_t t, int64_t back)
{
	int32_t offset = zone_offset(&w->zone, t);
	int64_t next = cron_next(&w->cron, t + offset - back);

	return next < 0 ? -1 : next - offset;
}

static bool is_active(const struct window *w, int64_t t)
{
	int64_t start = start_after(w, t, w->seconds);

	return start >= 0 && start < t;
}

/* ---- all of them ---- */

struct windows {
	struct window list[MAX_WINDOWS];
	size_t n;
};

struct answer {
	bool automatic, manual;
	const struct window *by;	/* what stops it; NULL when nothing does */
};

static struct answer ask(const struct windows *ws, int64_t t)
{
	const struct window *deny = NULL, *allow = NULL;
	bool open = false, deny_manual = true, allow_manual = true;

	for (size_t i = 0; i < ws->n; i++) {
		const struct window *w = &ws->list[i];
		bool active = is_active(w, t);

		if (w->deny && active) {
			deny = deny ? deny : w;
			deny_manual &= w->manual;
		} else if (!w->deny) {
			open |= active;
			allow = allow ? allow : w;
			allow_manual &= active || w->manual;
		}
	}
	if (deny)
		return (struct answer){ false, deny_manual, deny };
	if (allow && !open)
		return (struct answer){ false, allow_manual, allow };
	return (struct answer){ true, true, NULL };
}

static int64_t soonest(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* The first second after t at which any window may have begun or ended; -1: none. */
static int64_t next_edge(const struct windows *ws, int64_t t)
{
	int64_t edge = -1;

	for (size_t i = 0; i < ws->n; i++) {
		const struct window *w = &ws->list[i];
		int64_t start = start_after(w, t, 0);
		int64_t ends = start_after(w, t, w->seconds);

		/* Active from the second after its start until its end. */
		edge = soonest(edge, start < 0 ? -1 : start + 1);
		edge = soonest(edge, ends < 0 ? -1 : ends + w->seconds);
	}
	return edge <= t && edge >= 0 ? t + 1 : edge;
}

static void foresee(const struct windows *ws, int64_t now, bool automatic,
		    struct window_verdict *ret)
{
	int64_t t = now;

	for (int i = 0; i < MAX_STEPS; i++) {
		t = next_edge(ws, t);
		if (t < 0)
			return;
		ret->check_ms = t * 1000;
		if (ask(ws, t).automatic != automatic) {
			ret->change_ms = t * 1000;
			return;
		}
	}
}

static void say_closed(const struct window *by, struct window_verdict *ret)
{
	char when[32] = "";

	if (ret->change_ms)
		time_rfc3339(ret->change_ms, when);
	snprintf(ret->why, sizeof(ret->why), "a sync window %s it (%s \"%.60s\" for "
		 "%.20s%s%.80s)%s%s", by->deny ? "denies" : "does not yet allow",
		 by->deny ? "deny" : "allow", by->schedule, by->duration,
		 by->what ? ": " : "", by->what ? by->what : "",
		 *when ? "; it opens at " : "", when);
}

/* 0, or -1 with *err naming the window. */
static int read_all(struct windows *ws, const json_t *list,
		    const struct window_app *a, struct err *err)
{
	const json_t *j;
	size_t i;

	json_array_foreach(list, i, j) {
		if (!matches(j, a))
			continue;
		if (ws->n == MAX_WINDOWS)
			return err_set(err, ERR_LIMIT, "more than %d match", MAX_WINDOWS);
		if (window_read(&ws->list[ws->n], j, err))
			return err_wrap(err, "syncWindows[%zu]", i);
		ws->n++;
	}
	return 0;
}

void windows_judge(const json_t *list, const struct window_app *a, int64_t now_ms,
		   struct window_verdict *ret)
{
	_cleanup_free_ struct windows *ws = NULL;
	struct err err = ERR_INIT;
	struct answer now;

	*ret = (struct window_verdict){ .automatic = true, .manual = true };
	if (!json_array_size(list))
		return;
	ws = xcalloc(1, sizeof(*ws));
	if (read_all(ws, list, a, &err)) {
		ret->automatic = ret->manual = false;
		snprintf(ret->why, sizeof(ret->why), "the project's sync windows cannot be "
			 "read: %.220s", err.msg);
	} else if (ws->n) {
		now = ask(ws, now_ms / 1000);
		ret->automatic = now.automatic;
		ret->manual = now.manual;
		foresee(ws, now_ms / 1000, now.automatic, ret);
		if (now.by)
			say_closed(now.by, ret);
	}
	for (size_t i = 0; i < ws->n; i++)
		window_deinit(&ws->list[i]);
}

int window_look(const json_t *window, const struct window_app *a, int64_t now_ms,
		struct window_state *ret, struct err *err)
{
	int64_t now = now_ms / 1000, start, ends;
	struct window w;

	*ret = (struct window_state){ .matches = matches(window, a) };
	if (window_read(&w, window, err))
		return -1;
	ret->active = is_active(&w, now);
	start = start_after(&w, now, 0);
	ends = start_after(&w, now, w.seconds);
	ret->opens_ms = start < 0 ? 0 : start * 1000;
	ret->closes_ms = ret->active ? (ends + w.seconds) * 1000 : 0;
	window_deinit(&w);
	return 0;
}
