/*
 * buf.h - a growable byte string with a cap.
 *
 * Always NUL-terminated when data is not NULL (the NUL is not counted), so text
 * can be handed to C functions; may hold NULs. A buf that would grow past its
 * cap stops growing and remembers it: check buf_overflowed() once at the end,
 * where a truncated value would be wrong. Paths and keys are built here, never
 * with a fixed array and snprintf.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;		/* allocated; private */
	size_t max;		/* cap in bytes; 0 = 64 MiB */
	bool overflow;		/* private: see buf_overflowed() */
};

#define BUF_INIT { 0 }
#define BUF_INIT_MAX(n) { .max = (n) }

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* One URL path segment or query value, percent-escaped (RFC 3986 unreserved). */
void buf_add_escaped(struct buf *b, const char *s);

/* Removes the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
void buf_clear(struct buf *b);			/* keeps the storage */
bool buf_overflowed(const struct buf *b);
/* "" when empty: never NULL. Borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* The bytes, owned by the caller, NUL-terminated; *len may be NULL. b is empty after. */
char *buf_steal(struct buf *b, size_t *len);
void buf_deinit(struct buf *b);

#define _cleanup_buf_ __attribute__((cleanup(buf_deinit)))

#endif
