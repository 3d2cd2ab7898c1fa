/*
 * utf8.h - text from outside, made safe to show and to put into JSON.
 */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the sequence that s starts with (n > 0 are readable); 0: not UTF-8. */
size_t utf8_len(const char *s, size_t n);
bool utf8_valid(const char *s, size_t n);
/*
 * A copy that is valid UTF-8 without control characters (they become spaces,
 * bad bytes U+FFFD), at most max bytes, never cut inside a character. Owned by
 * the caller; NULL in, "" out.
 */
char *utf8_clean(const char *s, size_t max);

#endif
