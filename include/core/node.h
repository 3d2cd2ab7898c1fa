/*
 * node.h - YAML as people write it, JSON as the API server reads it.
 *
 * `<yaml.h>` is used here only. Numbers stay text until the final JSON, by the
 * rules of sigs.k8s.io/yaml (go.yaml.in/yaml/v2 resolve.go).
 */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include "core/buf.h"
#include "core/err.h"

/*
 * The first document of a YAML (or JSON) text as compact JSON, appended to out.
 * An empty text gives "null". ERR_INVALID names the line; ERR_LIMIT a cap.
 */
int node_text_to_json(const char *text, size_t len, struct buf *out,
		      struct err *err) __attribute__((warn_unused_result));

#endif
