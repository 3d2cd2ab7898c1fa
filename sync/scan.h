/*
 * scan.h - walking canonical JSON bytes without a tree (private to sync/).
 *
 * For bodies of our own renderer: only what is needed to find one's way is checked,
 * the API server judges the rest. Linear, no allocation, no recursion.
 */
#ifndef SYNC_SCAN_H
#define SYNC_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct scan {
	const char *s;
	size_t n, i;
};

/* The byte at the cursor, -1 at the end. */
int scan_peek(const struct scan *c);
/* Each goes past one string or value: 0, or -1 when there is none. */
int scan_string(struct scan *c);
int scan_value(struct scan *c);
/*
 * The next member of an object whose "{" was eaten: 1 with its key (as it is
 * written, without quotes), the cursor at its value; 0 after the "}"; -1 when
 * neither is there.
 */
int scan_member(struct scan *c, bool first, const char **key, size_t *len);
/* The next item of a list whose "[" was eaten: 1 with the cursor at it; likewise. */
int scan_item(struct scan *c, bool first);

#endif
