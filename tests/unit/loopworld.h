/*
 * loopworld.h - a real world on a loop of its own, for tests, with a watchdog.
 */
#ifndef TESTS_LOOPWORLD_H
#define TESTS_LOOPWORLD_H

#include <uv.h>

#include "core/world_uv.h"

struct loopworld {
	uv_loop_t loop;
	struct world *w;
	uv_timer_t watchdog;	/* no test waits longer than 30 s */
};

void loopworld_init(struct loopworld *l, const struct world_uv_config *c);
/* Closes, runs the loop until it is empty, frees; fails if a handle is left. */
void loopworld_deinit(struct loopworld *l);
/* Runs the loop until *flag is not 0; aborts the test after 30 s. */
void loopworld_run(struct loopworld *l, const int *flag);
/* Runs the loop for so long, ms. */
void loopworld_sleep(struct loopworld *l, unsigned ms);
/* Open descriptors of this process. */
unsigned open_fds(void);

/* A call that keeps what it was told. */
struct heard {
	struct http_call call;
	struct loopworld *l;
	int done;		/* how often on_done came */
	int heads, datas;
	int status;
	unsigned retry_after_ms;
	char content_type[64], etag[64];
	struct buf body;
	struct err err;
	int late;		/* callbacks after cancel returned, or after done */
	bool cancelled;
	int cancel_in_head, cancel_in_data;	/* the how-manieth cancels */
	struct http_call *victim;	/* who is cancelled; NULL: itself */
};
void heard_init(struct heard *h, struct loopworld *l,
		const struct http_endpoint *e, const char *path);
void heard_cancel(struct heard *h);
/* Starts, waits for the end, checks that it came once. */
void heard_run(struct heard *h);
void heard_deinit(struct heard *h);

#endif
