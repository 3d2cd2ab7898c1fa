#include "core/err.h"

#undef err_set
#undef err_wrap

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[ERR_NONE] = "none",
	[ERR_CANCELLED] = "cancelled",
	[ERR_TIMEOUT] = "timeout",
	[ERR_NET] = "network",
	[ERR_AUTH] = "auth",
	[ERR_CONFLICT] = "conflict",
	[ERR_NOTFOUND] = "notfound",
	[ERR_GONE] = "gone",
	[ERR_INVALID] = "invalid",
	[ERR_LIMIT] = "limit",
	[ERR_IO] = "io",
	[ERR_INTERNAL] = "internal",
	[ERR_UNSERVED] = "unserved",
};
static_assert(sizeof(names) / sizeof(names[0]) == ERR_CODE_N, "a name per code");

const char *err_code_str(enum err_code code)
{
	if ((unsigned)code >= ERR_CODE_N)
		return "unknown";
	return names[code];
}

static void mark_cut(char *msg, size_t size, int n)
{
	if (n >= 0 && (size_t)n >= size)
		memcpy(msg + size - 4, "...", 4);
}

int err_vset(struct err *err, enum err_code code, const char *fmt, va_list ap)
{
	if (!err)
		return -1;
	err->code = code;
	err->retry = code == ERR_TIMEOUT || code == ERR_NET || code == ERR_IO ||
		     code == ERR_UNSERVED;
	mark_cut(err->msg, sizeof(err->msg),
		 vsnprintf(err->msg, sizeof(err->msg), fmt, ap));
	return -1;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	va_list ap;
	int n;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->msg))
		n += snprintf(err->msg + n, sizeof(err->msg) - (size_t)n,
			      ": %s", old);
	mark_cut(err->msg, sizeof(err->msg), n);
	return -1;
}
