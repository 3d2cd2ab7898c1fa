/*
 * worker_priv.h - what the two files of the worker half share.
 *
 *   worker_uv.c    calls: start, cancel, the queue, who is served next
 *   worker_proc.c  one process: spawn, pipes, deadline, end
 */
#ifndef NET_WORKER_PRIV_H
#define NET_WORKER_PRIV_H

#include "world_priv.h"

/* The world's half of a struct worker_call. */
struct worker_req {
	struct link link;	/* queue of its kind, or state.ending, or alone */
	struct world_uv *w;
	struct worker_call *call;
	struct worker_proc *proc;	/* NULL: waits, or ends */
	uint64_t seq;
	struct err end;		/* when in state.ending */
};

/* One process. Freed when all its handles are closed. */
struct worker_proc {
	struct link link;	/* in state.procs until it has exited */
	struct world_uv *w;
	enum worker_kind kind;
	char *affinity;		/* of those that serve many: what they serve */
	uv_process_t process;
	uv_pipe_t in, out, err;
	uv_timer_t timer;	/* deadline, then grace; idle between requests */
	unsigned handles;	/* not closed yet */
	bool closing;

	struct worker_req *req;	/* being served; NULL: idle or dying */
	bool dying;		/* gets no more requests */
	bool exited, eof;
	int64_t status;
	int signal;
	unsigned served;
	uint64_t idle_since;	/* a count, not a time: no two are equal */

	struct buf sent;	/* the request's frame, until written */
	struct buf got;		/* stdout so far */
	struct buf said;	/* the end of stderr */
	uv_write_t write;
	uv_shutdown_t shutdown;
};

struct worker_state {
	struct world_uv *w;
	struct link queue[WORKER_KIND_N], ending, procs;
	unsigned n_procs;	/* not exited */
	uint64_t seq, idles, started, killed, failed;
	struct world_task pump;
};

/* worker_uv.c */
void worker_pump_soon(struct world_uv *w);
/*
 * Ends r with an answer or an error and frees it; calls on_done. data is
 * borrowed for that time.
 */
void worker_req_done(struct worker_req *r, const struct err *err,
		     const char *data, size_t len);

/* worker_proc.c */
/* Does a process of this kind wait for the next request after an answer? */
bool worker_serves_many(enum worker_kind kind);
/* NULL and *err when the process cannot be started. */
struct worker_proc *worker_proc_new(struct world_uv *w, enum worker_kind kind,
				    const char *affinity, struct err *err);
/* Sends r to an idle process; its end comes through worker_req_done. */
void worker_proc_serve(struct worker_proc *p, struct worker_req *r);
/* No more requests: end of input, then SIGKILL if it stays. */
void worker_proc_retire(struct worker_proc *p);
/* SIGKILL to the group, now. Forgets p->req. */
void worker_proc_kill(struct worker_proc *p);
/* Kills; its exit is still awaited, so that no zombie stays: the world ends. */
void worker_proc_abandon(struct worker_proc *p);

#endif
