/*
 * The hours in which an environment takes something new. The clock of the zone is looked
 * at minute by minute, which needs no rule for days of 23 or 25 hours.
 */
#include "gates.h"

#include "core/doc.h"

#define DAY_S 86400
#define AHEAD_S (15 * DAY_S)	/* a weekly window, and once it may not exist */
#define FIRST_DAY 4		/* 1 January 1970 was a Thursday */

static bool has_day(const struct control_window *w, int64_t day)
{
	int weekday = (int)(((day + FIRST_DAY) % 7 + 7) % 7);

	return w->days & 1 << weekday;
}

static bool is_open(const struct control_window *w, const struct zone *z, int64_t t)
{
	int64_t local = t + zone_offset(z, t);
	int64_t day = local / DAY_S - (local % DAY_S < 0);
	int64_t minute = (local - day * DAY_S) / 60;

	for (size_t i = 0; i < w->n_hours; i++) {
		const struct control_hours *h = &w->hours[i];

		if (h->from < h->to ?
		    has_day(w, day) && minute >= h->from && minute < h->to :
		    (has_day(w, day) && minute >= h->from) ||
		    (has_day(w, day - 1) && minute < h->to))
			return true;
	}
	return false;
}

struct span_verdict control_window_judge(const struct control_window *w,
					 const struct zone *z, int64_t now_ms)
{
	int64_t now = now_ms / 1000, t = now - now % 60;
	struct span_verdict v = { .open = is_open(w, z, now) };

	for (t += 60; t < now + AHEAD_S; t += 60) {
		if (is_open(w, z, t) == v.open)
			continue;
		v.change_ms = t * 1000;
		break;
	}
	return v;
}

static void say_days(uint8_t days, struct buf *out)
{
	static const char names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	const char *between = "";

	if (days == 127)
		return;
	for (int i = 1; i <= 7; i++) {	/* the week begins on Monday */
		int last = i;

		if (!(days & 1 << i % 7))
			continue;
		while (last < 7 && days & 1 << (last + 1) % 7)
			last++;
		buf_addf(out, "%s%s", between, names[i % 7]);
		if (last > i)
			buf_addf(out, "%s%s", last > i + 1 ? "-" : ", ", names[last % 7]);
		between = ", ";
		i = last;
	}
	buf_addc(out, ' ');
}

void control_window_words(const struct control_window *w, struct buf *out)
{
	say_days(w->days, out);
	for (size_t i = 0; i < w->n_hours; i++) {
		const struct control_hours *h = &w->hours[i];

		buf_addf(out, "%s%02u:%02u-%02u:%02u", i ? ", " : "", h->from / 60,
			 h->from % 60, h->to / 60, h->to % 60);
	}
	buf_addf(out, " %s", w->zone);
}
