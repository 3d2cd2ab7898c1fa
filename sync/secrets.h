/*
 * secrets.h - values of Secrets that must not be kept with what pods say. Pure.
 *
 * A value is known as it is, in base64, as JSON would quote it, and line by line.
 * Values shorter than four bytes are no secrets: hiding "1" or "on" would leave
 * nothing to read.
 */
#ifndef SYNC_SECRETS_H
#define SYNC_SECRETS_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/mem.h"

#define SECRETS_WORDS 1000
#define SECRETS_BYTES ((size_t)1 << 20)

struct secrets {
	VEC(char *) words;
	size_t bytes;
	bool full;		/* more than can be looked for: hide everything */
};
void secrets_deinit(struct secrets *s);
/* The values of a Secret as the API server answers it. */
void secrets_take(struct secrets *s, const json_t *secret);
/* The longest go first: to be called when all were taken. */
void secrets_sort(struct secrets *s);
/*
 * Adds the text with "(hidden)" instead of each of them and of the user part of
 * URLs; what is neither text nor a line's end becomes '?'.
 */
void secrets_hide(const struct secrets *s, const char *text, struct buf *out);

#endif
