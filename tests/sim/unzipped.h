/*
 * unzipped.h - all that a Secret of syncd's holds, for a search: its values, and what is
 * deflated in them at any depth.
 */
#ifndef SIM_UNZIPPED_H
#define SIM_UNZIPPED_H

#include "core/buf.h"

/* Of a Secret, or a List of them, as JSON: to out, a value after the other. */
void unzipped(const char *json, size_t len, struct buf *out);

#endif
