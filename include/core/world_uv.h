/*
 * world_uv.h - the real world: libuv, libcurl, child processes, files.
 */
#ifndef CORE_WORLD_UV_H
#define CORE_WORLD_UV_H

#include "core/world.h"

struct uv_loop_s;

struct world_uv_config {
	const char *worker_path;	/* syncd-worker; NULL: no workers */
	const char *kustomize_path;	/* the pinned program for WORKER_EXEC, or NULL */
	const char *data_dir;		/* cache/ and mirrors/ below it; NULL: no cache */
	unsigned max_workers;		/* at once; 0 = 2 */
	bool log_json;
	enum log_level log_level;
	int log_fd;			/* where lines go: 2 */
};

/* loop is borrowed. NULL and *err when a library will not start. */
struct world *world_uv_new(struct uv_loop_s *loop,
			   const struct world_uv_config *c, struct err *err);
/*
 * Cancels everything without callbacks, kills workers, starts closing every
 * handle. Run the loop until it is empty, then world_uv_free.
 */
void world_uv_close(struct world *w);
struct world *world_uv_free(struct world *w);

/* Loop lag: the longest one callback round kept the loop busy, ms, since asked last. */
uint64_t world_uv_take_lag(struct world *w);

/*
 * Rounds of the loop by how long callbacks kept it busy: rounds[i] took at most
 * world_uv_round_ms[i] and longer than the one before, the last one whatever more.
 */
#define WORLD_UV_ROUNDS 9
extern const uint64_t world_uv_round_ms[WORLD_UV_ROUNDS - 1];

struct world_uv_stats {
	uint64_t rounds[WORLD_UV_ROUNDS];
	double rounds_s;	/* of all of them */
	unsigned http_in_flight, workers_running;
	uint64_t workers_started, workers_killed, workers_failed;
};
void world_uv_stats(struct world *w, struct world_uv_stats *out);

#endif
