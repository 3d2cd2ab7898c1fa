/*
 * script.h - health by somebody's Lua script, as Argo CD's argocd-cm has them.
 *
 * The script finds the object in the global `obj` and returns a table with status
 * and message. It runs in syncd-worker, never in the daemon: script_run() is linked
 * there (and into syncctl and the tests) only; the codec is everybody's.
 */
#ifndef HEALTH_SCRIPT_H
#define HEALTH_SCRIPT_H

#include "core/doc.h"
#include "health/health.h"

#define SCRIPT_MAX ((size_t)256 << 10)	/* bytes of a script */

/* What one run may use up. */
struct script_limits {
	uint64_t steps;		/* instructions of Lua's machine */
	size_t memory;		/* bytes */
	unsigned ms;		/* of wall time, looked at between instructions */
};
#define SCRIPT_LIMITS { .steps = 10000000, .memory = (size_t)32 << 20, .ms = 1000 }

/*
 * Unknown with the script's error when it fails, oversteps a limit or answers with
 * what is no status; NONE when it returns nothing or an empty table. Libraries: base
 * without what loads, prints or collects, string, table, math, and of os the time.
 */
struct health script_run(const char *script, const json_t *object,
			 const struct script_limits *limits);

/* To the worker and back: JSON. */
void script_request_encode(const char *script, const json_t *object,
			   struct buf *out);
/* Both are owned by the caller. ERR_INVALID. */
int script_request_decode(const char *data, size_t len, char **ret_script,
			  json_t **ret_object, struct err *err)
	__attribute__((warn_unused_result));
void script_answer_encode(const struct health *h, struct buf *out);
int script_answer_decode(const char *data, size_t len, struct health *ret,
			 struct err *err) __attribute__((warn_unused_result));

#endif
