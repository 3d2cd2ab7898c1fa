/* kjson.h - JSON as encoding/json reads and writes it, for JSON patches. */
#ifndef KUST_KJSON_H
#define KUST_KJSON_H

#include "kust.h"

/*
 * One JSON value and nothing behind it, as a tree whose scalars are what
 * node_canonical() makes of them; a scalar's tag holds its spelling ("a\u0062"), since
 * patches are compared by it. Of a key given twice the last counts. INVALID names the
 * line; LIMIT: depth, number of values.
 */
struct node *kjson_read(struct kust *k, const char *text, size_t len, struct err *err);
/* A scalar as encoding/json spells it, or as it was spelled where it was read. */
const char *kjson_spelling(struct kust *k, const struct node *scalar);

static inline bool kjson_is_string(const struct node *n)
{
	return n->kind == NODE_SCALAR && !n->implicit;
}

static inline bool kjson_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->implicit && strcmp(n->text, "null") == 0;
}

#endif
