/* regex_priv.h - Go's regular expressions: translated (regex_go.c), compiled (regex.c). */
#ifndef KUST_REGEX_PRIV_H
#define KUST_REGEX_PRIV_H

#include "kust.h"

#define REGEX_LEN_MAX ((size_t)64 << 10)

/*
 * What a regular expression of Go's syntax is in PCRE2's, appended to out: the same
 * texts match. INVALID: Go refuses it, too (look-around, back references, possessive
 * and stacked repetition...), and says why; LIMIT: too long or too deep.
 */
int regex_translate(const char *go, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/* Compiled once per build and text; owned by k. search: go is taken as it is, else
 * as an expression for the whole text. NULL and *err as for kregex_match(). */
struct kregex *kregex_get(struct kust *k, const char *go, bool search, struct err *err);
/* 1, 0, -1. */
int kregex_run(struct kregex *r, const char *text, struct err *err);

#endif
