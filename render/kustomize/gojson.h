/* gojson.h - JSON as Go's encoding/json writes it. */
#ifndef KUST_GOJSON_H
#define KUST_GOJSON_H

#include "core/buf.h"
#include "core/node.h"

enum kgojson_how {
	KGOJSON_PLAIN = 0,
	KGOJSON_FLOATS = 1,	/* numbers have been through a float64 */
	KGOJSON_INDENT = 2,	/* json.MarshalIndent with two spaces */
};
/*
 * Appends a tree as it is once it was read from YAML. ERR_INVALID, with a part of it
 * appended: what node_canonical() refuses in a scalar.
 */
int kgojson_put(struct arena *a, struct buf *out, const struct node *n, unsigned how,
	      struct err *err) __attribute__((warn_unused_result));
void kgojson_put_text(struct buf *out, const char *s, size_t n);

#endif
