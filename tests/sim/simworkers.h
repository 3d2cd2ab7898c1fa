/*
 * simworkers.h - fetch and render workers of the simulated world that answer
 * from gitsim's commits: the real render code, over files that live in memory.
 */
#ifndef SIM_SIMWORKERS_H
#define SIM_SIMWORKERS_H

#include "core/files.h"
#include "core/signed.h"
#include "render/render.h"
#include "simworld.h"

/*
 * Answers WORKER_FETCH and WORKER_RENDER. A fetch finds the commit of the
 * request's oid, or of its revision; mirrors are called "/sim/<key>". A render
 * gives render_run() the files of its commit.
 */
void sim_use_workers(struct sim *s);

/*
 * What the request asks of its commits' signatures. A commit is signed by whom its file
 * SIM_SIGNATURE says: a key ID, and "bad" behind it where it does not fit. *end as
 * signed_until and signed_by of the answer.
 */
#define SIM_SIGNATURE "signature"
#define SIM_FPRINT "0123456789ABCDEF01234567"	/* before the ID of each key */
#define SIM_KEY "-----BEGIN PGP PUBLIC KEY, until "	/* and seconds since 1970; 0: for ever */
int sim_check_signatures(struct sim *s, const struct render_requests *q, struct signed_end *end,
			 struct err *err);

/* The files of a commit of any repository; NULL and NOTFOUND if there is none. */
struct files *sim_files_open(struct sim *s, const char *oid, struct err *err);

#endif
