/*
 * err.h - the one error type.
 *
 * An error is a value: allocated by the caller, copied freely, safe to hand
 * between threads and across callbacks. Functions that can fail take
 * `struct err *err` last and return 0 or -1 (constructors: a pointer or NULL);
 * on success *err is untouched. Callers branch only on codes that a header
 * documents; everything else is passed on with err_wrap().
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_code {
	ERR_NONE = 0,
	ERR_CANCELLED,	/* the caller asked for it */
	ERR_TIMEOUT,	/* a deadline of ours passed */
	ERR_NET,	/* connection, TLS, DNS, truncated answer; 5xx, 429 */
	ERR_AUTH,	/* 401, 403, credentials refused */
	ERR_CONFLICT,	/* 409: version, uid, field manager, already exists */
	ERR_NOTFOUND,	/* 404 of an object, unknown branch, missing path */
	ERR_GONE,	/* 410: a resourceVersion or token too old */
	ERR_INVALID,	/* input that will never be accepted as it is */
	ERR_LIMIT,	/* a cap of ours */
	ERR_IO,		/* files, processes */
	ERR_INTERNAL,	/* a broken promise between our own processes */
	ERR_UNSERVED,	/* 404 of the path itself: says nothing of any object */
	ERR_CODE_N
};

/* msg names the object, the field and the next step; never a secret. */
struct err {
	enum err_code code;
	bool retry;	/* the same request may succeed later */
	char msg[480];
};

#define ERR_INIT ((struct err){ .code = ERR_NONE })

/* The name of a code as logs and JSON show it ("timeout"); never NULL. */
const char *err_code_str(enum err_code code);

/*
 * Sets *err and returns -1, so that `return err_set(err, ...)` reads well.
 * Codes TIMEOUT, NET and IO are marked retry; change err->retry afterwards
 * where that is wrong. A message too long ends in "...". err may be NULL.
 */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, enum err_code code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* Puts "<fmt>: " before the message; code and retry stay. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__	/* it sees one file at a time, and would not know */
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_wrap(...) ((void)err_wrap(__VA_ARGS__), -1)
#endif

#endif
