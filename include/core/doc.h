/*
 * doc.h - reading and writing JSON documents of the Kubernetes API.
 *
 * A thin layer over jansson. Parsed trees are frozen. A `json_t *` parameter is
 * borrowed; a returned one is owned, unless the function is named doc_get_*.
 * Rendered objects never become a jansson tree (their numbers would change):
 * see render/.
 */
#ifndef CORE_DOC_H
#define CORE_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

#define _cleanup_json_ __attribute__((cleanup(json_decrefp_)))
static inline void json_decrefp_(json_t **j)
{
	json_decref(*j);
}

/* Makes jansson allocate with xmalloc and seeds its hash; once, at start. */
void doc_init(void);

/*
 * Parses one JSON value. Duplicate keys, depth over 2,048 and trailing bytes are
 * ERR_INVALID. Integers beyond int64 are read as reals rather than refused.
 */
json_t *doc_parse(const char *text, size_t len, struct err *err);

/* doc_get(o, "metadata", "labels", NULL): borrowed, NULL where a step is absent. */
json_t *doc_get(const json_t *o, ...) __attribute__((sentinel));
/* The string there, or NULL when absent or of another type. Borrowed. */
const char *doc_get_str(const json_t *o, ...) __attribute__((sentinel));
/* The integer there (reals are cut), or fallback. */
int64_t doc_get_int(const json_t *o, int64_t fallback, ...)
	__attribute__((sentinel));
bool doc_get_bool(const json_t *o, int fallback, ...) __attribute__((sentinel));

/* Equal as Kubernetes sees it: 1 and 1.0 are equal, key order does not count. */
bool doc_equal(const json_t *a, const json_t *b);
/* Compact, keys sorted, shortest number spelling: the same bytes for equal trees. */
void doc_canonical(const json_t *j, struct buf *out);
/* Compact, keys in insertion order. */
void doc_write(const json_t *j, struct buf *out);

/* A JSON string literal with quotes, from valid or invalid UTF-8 (replaced). */
void doc_write_str(struct buf *out, const char *s);

/* RFC 3339 in UTC, seconds ("2026-01-02T03:04:05Z"), and back (-1: not one). */
void time_rfc3339(int64_t wall_ms, char out[32]);
int64_t time_parse_rfc3339(const char *s);
/* The same with microseconds: Lease, Event. */
void time_rfc3339_micro(int64_t wall_ms, char out[40]);

/* Go's time.ParseDuration ("1h30m", "250ms"); -1 and *err when it is not one. */
int duration_parse(const char *s, uint64_t *ret_ms, struct err *err);
/* "2m5s": the short form that people read. */
void duration_format(uint64_t ms, char out[32]);

/* Lower-case hex of the SHA-256 of data; out has 65 bytes. */
void sha256_hex(const void *data, size_t len, char out[65]);
/* Standard base64. b64_decode: -1 when it is not base64. */
void b64_encode(const void *data, size_t len, struct buf *out);
int b64_decode(const char *s, size_t len, struct buf *out);

#endif
