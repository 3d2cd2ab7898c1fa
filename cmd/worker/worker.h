/*
 * worker.h - syncd-worker's own files to each other.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "core/buf.h"
#include "core/err.h"

/*
 * One request of each kind: decodes, does it, appends the answer's payload to
 * out. -1 and *err when it failed: the caller sends that instead.
 */
int serve_fetch(const char *data, size_t len, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
int serve_render(const char *data, size_t len, struct buf *out,
		 struct err *err) __attribute__((warn_unused_result));
int serve_exec(const char *data, size_t len, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/* A fetch request's share of the sandbox comes with the request. */
extern bool sandboxed;

/* Folders of the temporary folder that dead exec workers left behind go. */
void exec_sweep(const char *tmp);

/*
 * Runs program with argv and env in folder dir until it ends: its stdout, at
 * most max bytes. *ERR_INVALID with the end of stderr when it fails, ERR_TIMEOUT,
 * ERR_LIMIT. It is dead when this returns.
 */
int run_program(const char *program, char *const argv[], char *const env[],
		const char *dir, unsigned deadline_ms, size_t max,
		struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
