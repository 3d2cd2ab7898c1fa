/*
 * simworkers.h - fetch and render workers of the simulated world that answer
 * from gitsim's commits: the real render code, over files that live in memory.
 */
#ifndef SIM_SIMWORKERS_H
#define SIM_SIMWORKERS_H

#include "core/files.h"
#include "simworld.h"

/*
 * Answers WORKER_FETCH and WORKER_RENDER. A fetch finds the commit of the
 * request's oid, or of its revision; mirrors are called "/sim/<key>". A render
 * gives render_run() the files of its commit.
 */
void sim_use_workers(struct sim *s);

/* The files of a commit of any repository; NULL and NOTFOUND if there is none. */
struct files *sim_files_open(struct sim *s, const char *oid, struct err *err);

#endif
