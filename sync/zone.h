/*
 * zone.h - a time zone of the system's database (/usr/share/zoneinfo).
 *
 * TZif files of any version (RFC 8536): transitions, and the rule of the footer for
 * what comes after the last one. Leap seconds are ignored, as POSIX does.
 */
#ifndef SYNC_ZONE_H
#define SYNC_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/mem.h"

struct zone_rule {		/* when the footer's other time begins, each year */
	char kind;		/* 'M' month.week.day, 'J' 1-365, 'N' 0-365 */
	int month, week, day;
	int time;		/* seconds of that day, local; may be negative */
};

struct zone {
	VEC(int64_t) at;	/* transitions, ascending */
	VEC(int32_t) offset;	/* seconds east of UTC from then on */
	int32_t first;		/* before the first one */
	bool has_footer, has_dst;
	int32_t std, dst;
	struct zone_rule to_dst, to_std;
};

/* name: "", "UTC" and "GMT" need no file. ERR_NOTFOUND, ERR_INVALID. */
int zone_load(struct zone *z, const char *name, struct err *err)
	__attribute__((warn_unused_result));
/* Pure: the bytes of a TZif file. ERR_INVALID. */
int zone_parse(struct zone *z, const void *data, size_t len, struct err *err)
	__attribute__((warn_unused_result));
/* Seconds east of UTC at that time. */
int32_t zone_offset(const struct zone *z, int64_t unix_s);
void zone_deinit(struct zone *z);

#endif
