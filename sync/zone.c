/*
 * The happy path: the second block of the file (64-bit times) is read, then its
 * footer, a POSIX TZ string. Whatever does not add up is ERR_INVALID.
 */
#include "zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOLDER "/usr/share/zoneinfo/"
#define MAX_FILE 65536
#define HEADER 44

/* ---- the footer: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

/* A name: letters, or anything between < and >. NULL: there is none. */
static const char *skip_name(const char *s)
{
	const char *start = s;

	if (*s == '<') {
		s = strchr(s, '>');
		return s ? s + 1 : NULL;
	}
	while (isalpha((unsigned char)*s))
		s++;
	return s - start >= 3 ? s : NULL;
}

/* [+-]h[h[h]][:mm[:ss]] as seconds. NULL: it is none. */
static const char *read_time(const char *s, int *ret)
{
	int part[3] = { 0 }, sign = 1, n = 0;

	if (*s == '+' || *s == '-')
		sign = *s++ == '-' ? -1 : 1;
	for (; n < 3; n++) {
		char *end;

		if (!isdigit((unsigned char)*s))
			return NULL;
		part[n] = (int)strtol(s, &end, 10);
		if (end - s > 3)
			return NULL;
		s = end;
		if (*s != ':')
			break;
		s++;
	}
	*ret = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return s;
}

static bool in_range(const struct zone_rule *r)
{
	if (r->kind == 'M')
		return r->month >= 1 && r->month <= 12 && r->week >= 1 &&
		       r->week <= 5 && r->day >= 0 && r->day <= 6;
	return r->kind == 'J' ? r->day >= 1 && r->day <= 365 :
				r->day >= 0 && r->day <= 365;
}

static const char *read_rule(const char *s, struct zone_rule *r)
{
	int n = 0;

	*r = (struct zone_rule){ .kind = 'N', .time = 7200 };
	if (*s++ != ',')
		return NULL;
	if (*s == 'M') {
		r->kind = 'M';
		if (sscanf(s, "M%2d.%1d.%1d%n", &r->month, &r->week, &r->day, &n) != 3)
			return NULL;
	} else {
		r->kind = *s == 'J' ? 'J' : 'N';
		s += r->kind == 'J';
		if (sscanf(s, "%3d%n", &r->day, &n) != 1)
			return NULL;
	}
	s += n;
	if (!in_range(r))
		return NULL;
	return *s == '/' ? read_time(s + 1, &r->time) : s;
}

static int read_footer(struct zone *z, const char *s)
{
	int west, dst_west;

	if (!*s)
		return 0;
	s = skip_name(s);
	s = s ? read_time(s, &west) : NULL;
	if (!s)
		return -1;
	z->has_footer = true;
	z->std = z->dst = -west;
	if (!*s)
		return 0;
	s = skip_name(s);
	if (!s)
		return -1;
	z->dst = z->std + 3600;
	if (*s != ',') {
		s = read_time(s, &dst_west);
		if (!s)
			return -1;
		z->dst = -dst_west;
	}
	s = read_rule(s, &z->to_dst);
	s = s ? read_rule(s, &z->to_std) : NULL;
	z->has_dst = true;
	return s && !*s ? 0 : -1;
}

/* ---- the file ---- */

struct reader {
	const unsigned char *p;
	size_t left;
	uint32_t isut, isstd, leap, times, types, chars;
};

static int64_t be(const unsigned char *p, size_t n)
{
	uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

	while (n--)
		v = v << 8 | *p++;
	return (int64_t)v;
}

static int read_header(struct reader *r, unsigned *ret_version)
{
	uint32_t *const counts[] = { &r->isut, &r->isstd, &r->leap, &r->times,
				     &r->types, &r->chars };

	if (r->left < HEADER || memcmp(r->p, "TZif", 4))
		return -1;
	*ret_version = r->p[4];
	for (size_t i = 0; i < 6; i++) {
		*counts[i] = (uint32_t)be(r->p + 20 + 4 * i, 4);
		if (*counts[i] > MAX_FILE)
			return -1;
	}
	r->p += HEADER;
	r->left -= HEADER;
	return 0;
}

static size_t body_size(const struct reader *r, size_t width)
{
	return r->times * (width + 1) + r->types * 6 + r->chars +
	       r->leap * (width + 4) + r->isstd + r->isut;
}

static int read_body(struct zone *z, struct reader *r, size_t width)
{
	size_t size = body_size(r, width);
	const unsigned char *index = r->p + r->times * width;
	const unsigned char *types = index + r->times;

	if (size > r->left || !r->types)
		return -1;
	z->first = (int32_t)be(types, 4);
	for (size_t i = 0; i < r->times; i++) {
		if (index[i] >= r->types)
			return -1;
		vec_push(&z->at, be(r->p + i * width, width));
		vec_push(&z->offset, (int32_t)be(types + index[i] * 6, 4));
		if (i && z->at.data[i - 1] >= z->at.data[i])
			return -1;
	}
	r->p += size;
	r->left -= size;
	return 0;
}

static int read_file(struct zone *z, struct reader *r)
{
	_cleanup_free_ char *footer = NULL;
	unsigned version;
	size_t old, n;

	if (read_header(r, &version))
		return -1;
	if (version < '2')
		return read_body(z, r, 4);
	old = body_size(r, 4);
	if (old > r->left)
		return -1;
	r->p += old;
	r->left -= old;
	if (read_header(r, &version) || read_body(z, r, 8))
		return -1;
	if (r->left < 2 || r->p[0] != '\n')
		return -1;
	n = strnlen((const char *)r->p + 1, r->left - 1);
	footer = xstrndup((const char *)r->p + 1, n);
	footer[strcspn(footer, "\n")] = '\0';
	return read_footer(z, footer);
}

int zone_parse(struct zone *z, const void *data, size_t len, struct err *err)
{
	struct reader r = { .p = data, .left = len };

	*z = (struct zone){ 0 };
	if (!read_file(z, &r))
		return 0;
	zone_deinit(z);
	return err_set(err, ERR_INVALID, "it is no file of the time zone database");
}

/* No way out of the folder. */
static bool is_name(const char *s)
{
	return *s != '/' && !strstr(s, "..") && strlen(s) < 64 &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789_+-/") == strlen(s);
}

int zone_load(struct zone *z, const char *name, struct err *err)
{
	_cleanup_free_ char *path = xasprintf(FOLDER "%s", name);
	_cleanup_free_ char *data = NULL;
	size_t n;
	FILE *f;

	*z = (struct zone){ 0 };
	if (!*name || !strcmp(name, "UTC") || !strcmp(name, "GMT"))
		return 0;
	f = is_name(name) ? fopen(path, "re") : NULL;
	if (!f)
		return err_set(err, ERR_NOTFOUND, "there is no time zone \"%.64s\" on this "
			       "system (is tzdata installed?)", name);
	data = xcalloc(1, MAX_FILE);
	n = fread(data, 1, MAX_FILE, f);
	fclose(f);
	if (zone_parse(z, data, n, err))
		return err_wrap(err, "time zone \"%s\"", name);
	return 0;
}

void zone_deinit(struct zone *z)
{
	vec_deinit(&z->at);
	vec_deinit(&z->offset);
	*z = (struct zone){ 0 };
}

/* ---- asking ---- */

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100) || year % 400 == 0;
}

static int64_t day_start(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1,
			 .tm_mday = day };

	return (int64_t)timegm(&tm);
}

/* The n-th such weekday of a month; 5 is its last. */
static int64_t weekday_start(int year, const struct zone_rule *r)
{
	int64_t first = day_start(year, r->month, 1);
	int64_t end = day_start(year, r->month + 1, 1);
	int wday = (int)((first / 86400 + 4) % 7 + 7) % 7;
	int64_t at = first + ((r->day - wday + 7) % 7 + (r->week - 1) * 7) * 86400;

	return at < end ? at : at - 7 * 86400;
}

/* Local seconds since 1970 at which the rule is met in that year. */
static int64_t rule_at(int year, const struct zone_rule *r)
{
	int64_t start = day_start(year, 1, 1);

	if (r->kind == 'M')
		return weekday_start(year, r) + r->time;
	if (r->kind == 'J')	/* 29 February is never counted */
		return start + (r->day - 1 + (is_leap(year) && r->day > 59)) * 86400 +
		       r->time;
	return start + r->day * 86400 + r->time;
}

static int32_t by_footer(const struct zone *z, int64_t unix_s)
{
	time_t local = (time_t)(unix_s + z->std);
	int64_t dst, std;
	struct tm tm;

	if (!z->has_dst || !gmtime_r(&local, &tm))
		return z->std;
	dst = rule_at(tm.tm_year + 1900, &z->to_dst) - z->std;
	std = rule_at(tm.tm_year + 1900, &z->to_std) - z->dst;
	if (dst < std)
		return unix_s >= dst && unix_s < std ? z->dst : z->std;
	return unix_s >= dst || unix_s < std ? z->dst : z->std;
}

int32_t zone_offset(const struct zone *z, int64_t unix_s)
{
	size_t low = 0, high = z->at.len;

	while (low < high) {	/* how many transitions lie at or before it */
		size_t mid = low + (high - low) / 2;

		if (z->at.data[mid] <= unix_s)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == z->at.len && z->has_footer)
		return by_footer(z, unix_s);
	return low ? z->offset.data[low - 1] : z->first;
}
