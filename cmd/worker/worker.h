/*
 * worker.h - syncd-worker's own files to each other.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "core/buf.h"
#include "core/err.h"
#include "core/signed.h"
#include "render/render.h"

/*
 * One request of each kind: decodes, does it, appends the answer's payload to
 * out. -1 and *err when it failed: the caller sends that instead.
 */
int serve_fetch(const char *data, size_t len, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
int serve_render(const char *data, size_t len, struct buf *out,
		 struct err *err) __attribute__((warn_unused_result));
int serve_health(const char *data, size_t len, struct buf *out,
		 struct err *err) __attribute__((warn_unused_result));
int serve_exec(const char *data, size_t len, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The sources of a request, opened, and their signatures found to be as the request asks
 * for: one part each, its files and request borrowed
 * from *all; sources_close() frees both. -1: nothing is left open.
 */
struct sources {
	struct render_requests all;
	struct render_part parts[RENDER_SOURCES_MAX];
	struct signed_end signed_end;	/* render/answer.h */
};
int sources_open(struct sources *s, const char *data, size_t len, struct err *err)
	__attribute__((warn_unused_result));
void sources_close(struct sources *s);
/* Until when what was looked at counts, into the answer. */
void sources_say_end(const struct sources *s, struct render_answer *a);
/* Says in *err which of them it was about, where there are several. -1. */
int sources_blame(const struct sources *s, size_t i, struct err *err);

/*
 * Is a commit of an opened repository signed as the policy asks for? Then until when is
 * brought into *end. ERR_INVALID: no, with what to do about it; anything else: it is not
 * known.
 */
struct signed_commit {
	const char *commit, *tag, *tag_ref;	/* as in a render request */
	const char *of;		/* " of the remote base URL", for messages; "" */
};
int signatures_check(struct files *files, const struct signed_commit *c,
		     const struct signed_policy *p, struct signed_end *end, struct err *err)
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
