/*
 * login.h - keeps the daemon's credentials for the API server fresh.
 *
 * A token file is read again every 50 s. A credential plugin is run in a thread of
 * libuv's, one at a time: a minute before its answer ends, and after the API server
 * has refused a request with 401; not more often than every 10 s.
 */
#ifndef LOGIN_H
#define LOGIN_H

#include <stdatomic.h>
#include <uv.h>

#include "core/kubeconfig.h"
#include "sync/engine.h"

struct login {
	struct kubeconfig *kc;
	struct world *world;
	const struct engine *engine;	/* NULL before its start and after its end */
	uv_timer_t timer;
	uv_work_t work;
	struct buf answer;	/* the thread's while asking */
	struct err err;
	uint64_t refused;	/* 401s that have been answered by a login */
	atomic_bool stop;
	bool asking;
};

/* All borrowed; kc has a credential already. l stays where it is. */
void login_start(struct login *l, uv_loop_t *loop, struct world *w,
		 struct kubeconfig *kc);
/* Ends a plugin that runs; what is left ends on the loop. */
void login_close(struct login *l);

#endif
