/*
 * Five cron fields as robfig/cron v3 reads them (parser.go, spec.go): lists, ranges,
 * steps, names of months and weekdays; "?" is "*"; day of month and day of week are
 * joined by "or" unless one of them is a star without a step above one.
 */
#include "sync/window.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/mem.h"

#define DAY 86400
#define MAX_DAYS (366 * 5 + 2)

struct field {
	const char *what;
	unsigned min, max;
	const char *const *names;	/* NULL-terminated, the first is min's; or NULL */
};

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
				      "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri",
					"sat", NULL };

static const struct field fields[] = {
	{ "minute", 0, 59, NULL },
	{ "hour", 0, 23, NULL },
	{ "day of month", 1, 31, NULL },
	{ "month", 1, 12, months },
	{ "day of week", 0, 6, weekdays },
};

/* A number or a name; false: it is neither. */
static bool read_value(const struct field *f, const char *s, size_t len,
		       unsigned *ret)
{
	unsigned n = 0;

	for (size_t i = 0; f->names && f->names[i]; i++)
		if (strlen(f->names[i]) == len && !strncasecmp(f->names[i], s, len)) {
			*ret = f->min + (unsigned)i;
			return true;
		}
	if (!len || len > 4)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	*ret = n;
	return true;
}

struct range {
	unsigned from, to, step;
	bool star;
};

/* "*", "5", "1-5", with "/N": one part of a list. */
static bool read_range(const struct field *f, const char *s, size_t len,
		       struct range *r)
{
	const char *slash = memchr(s, '/', len);
	size_t n = slash ? (size_t)(slash - s) : len;
	const char *dash = memchr(s, '-', n);
	size_t first = dash ? (size_t)(dash - s) : n;

	*r = (struct range){ f->min, f->max, 1, false };
	r->star = first == 1 && (*s == '*' || *s == '?');
	if (!r->star) {
		if (!read_value(f, s, first, &r->from))
			return false;
		r->to = r->from;
		if (dash && !read_value(f, dash + 1, n - first - 1, &r->to))
			return false;
		if (slash && !dash)	/* "5/15": from 5 to the end */
			r->to = f->max;
	}
	if (slash && !read_value(&(struct field){ .max = 9999 }, slash + 1,
				 len - n - 1, &r->step))
		return false;
	r->star = r->star && r->step == 1;
	return r->step && r->from >= f->min && r->to <= f->max && r->from <= r->to;
}

static int read_field(const struct field *f, const char *s, size_t len,
		      uint64_t *bits, bool *star, struct err *err)
{
	const char *end = s + len;

	*bits = 0;
	while (s < end) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		size_t n = comma ? (size_t)(comma - s) : (size_t)(end - s);
		struct range r;

		if (n && !read_range(f, s, n, &r))
			return err_set(err, ERR_INVALID, "%s: \"%.*s\" is not a value or "
				       "range of %u to %u", f->what, (int)(n < 40 ? n : 40),
				       s, f->min, f->max);
		for (unsigned i = r.from; n && i <= r.to; i += r.step)
			*bits |= UINT64_C(1) << i;
		*star |= n && r.star;
		s += n + (comma != NULL);
	}
	return 0;
}

int cron_parse(struct cron *c, const char *text, struct err *err)
{
	uint64_t bits[ARRAY_LEN(fields)] = { 0 };
	bool stars[ARRAY_LEN(fields)] = { 0 };
	size_t n = 0;

	for (const char *s = text + strspn(text, " \t"); *s; n++) {
		size_t len = strcspn(s, " \t");

		if (n < ARRAY_LEN(fields) &&
		    read_field(&fields[n], s, len, &bits[n], &stars[n], err))
			return -1;
		s += len;
		s += strspn(s, " \t");
	}
	if (n != ARRAY_LEN(fields))
		return err_set(err, ERR_INVALID, "want 5 fields (minute hour day month "
			       "weekday), found %zu", n);
	*c = (struct cron){
		.minutes = bits[0], .hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2], .months = (uint32_t)bits[3],
		.weekdays = (uint32_t)bits[4], .any_day = stars[2] || stars[4],
	};
	return 0;
}

static bool day_fits(const struct cron *c, int64_t day)
{
	time_t t = (time_t)(day * DAY);
	bool dom, dow;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !(c->months >> (tm.tm_mon + 1) & 1))
		return false;
	dom = c->days >> tm.tm_mday & 1;
	dow = c->weekdays >> tm.tm_wday & 1;
	return c->any_day ? dom && dow : dom || dow;
}

/* The first start of that day at or after its minute `from`; -1: none. */
static int in_day(const struct cron *c, int from)
{
	for (int m = from; m < 24 * 60; m++) {
		if (!(c->hours >> m / 60 & 1))
			m += 59 - m % 60;
		else if (c->minutes >> m % 60 & 1)
			return m;
	}
	return -1;
}

int64_t cron_next(const struct cron *c, int64_t t)
{
	int64_t minute = (t >= 0 ? t / 60 : -((-t + 59) / 60)) + 1;
	int64_t day = minute >= 0 ? minute / 1440 : -((-minute + 1439) / 1440);
	int from = (int)(minute - day * 1440);

	for (int i = 0; i < MAX_DAYS; i++, from = 0) {
		int m = day_fits(c, day + i) ? in_day(c, from) : -1;

		if (m >= 0)
			return (day + i) * DAY + m * 60;
	}
	return -1;
}
