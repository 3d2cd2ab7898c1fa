/*
 * window.h - the sync windows of an AppProject, for one application.
 *
 * Argo CD's rules (SyncWindows of its AppProject type; schedules are those of its
 * cron library): a window is active at t when the first start after t - duration
 * lies before t, in the window's time zone. None matching: everything may go. An
 * active deny stops all; what a person asks for passes when every active deny says
 * manualSync. Where allow windows match, one must be active; otherwise a person
 * passes when every one of them says manualSync. Pure but for the time zones.
 */
#ifndef SYNC_WINDOW_H
#define SYNC_WINDOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

struct window_app {
	const char *name, *dest_ns;	/* the destination is always our own cluster */
};

struct cron {			/* a bit per value */
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	bool any_day;		/* day of month or of week is *: both must match */
};
/* Five fields as robfig/cron reads them. ERR_INVALID names the field. */
int cron_parse(struct cron *c, const char *text, struct err *err)
	__attribute__((warn_unused_result));
/* The first start after civil second t ("local time as if it were UTC"); -1: none in 5 years. */
int64_t cron_next(const struct cron *c, int64_t t);

struct window_state {		/* one window, for people */
	bool matches, active;
	int64_t opens_ms, closes_ms;	/* the next start; the end of what is active */
};
/* ERR_INVALID: its schedule, duration, kind or zone cannot be read. */
int window_look(const json_t *window, const struct window_app *a, int64_t now_ms,
		struct window_state *ret, struct err *err)
	__attribute__((warn_unused_result));

struct window_verdict {
	bool automatic, manual;	/* may sync now */
	int64_t change_ms;	/* when `automatic` changes next; 0 = not foreseen */
	int64_t check_ms;	/* look again then; 0 = no need */
	char why[300];		/* what stops it; "" when nothing does */
};
/* list: spec.syncWindows or NULL. What cannot be read stops both. */
void windows_judge(const json_t *list, const struct window_app *a, int64_t now_ms,
		   struct window_verdict *ret);

#endif
