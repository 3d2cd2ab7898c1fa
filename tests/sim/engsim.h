/*
 * engsim.h - the engine in the simulated world: a repository, an Application, the
 * fetch and render workers (the real renderer over simulated commits), crashes and
 * restarts, and the questions that scenarios ask.
 */
#ifndef SIM_ENGSIM_H
#define SIM_ENGSIM_H

#include "apisim.h"
#include "core/mem.h"
#include "gitsim.h"
#include "simworld.h"
#include "sync/engine.h"

#define REPO "http://git.sim/repo"

struct engsim {
	struct sim *s;
	struct apisim *api;
	struct engine *engine;
	struct http_endpoint endpoint;
	uint64_t soak_ms, poll_ms;	/* set before the start */
	uint64_t sweep_ms, keep_ms;	/* likewise; 0: as in life */
	char *swept;		/* the mirrors that the last sweep was to keep */
	bool insecure;		/* --allow-insecure-repositories; before the start */
	bool push_webhooks;	/* likewise */
	struct engine_bootstrap bootstrap;	/* likewise */
	const char *webhook_name;	/* likewise; NULL: no certificate is made */
	uint64_t cert_lifetime_ms;	/* likewise */
	char *cert;		/* that was handed out last */
	unsigned certs;		/* so far */
	unsigned max_requests;	/* likewise; 0: as in life */
	bool argocd_metrics;	/* likewise */
	const char *const *namespaces;	/* of Applications; likewise; NULL: argocd alone */
	bool fatal;
	const char *want_phase, *want_name;	/* for predicates */
	uint32_t want_release;	/* likewise */
	unsigned lives;
};

void engsim_init(struct engsim *x, uint64_t seed);
void engsim_deinit(struct engsim *x);
/* An engine of this world's settings, not started; freed by the caller. */
struct engine *engsim_engine(struct engsim *x, struct world *w,
			     const char *identity, bool elect);
/* Starts the engine's process (again, after a crash). */
void engsim_start(struct engsim *x);
/* kill -9: everything in memory is gone. */
void engsim_crash(struct engsim *x);
/* Commits app/<file> = text on main. */
void engsim_commit(struct engsim *x, const char *file, const char *text);
/* An automated Application argocd/<name> of REPO's app/ into namespace "shop". */
void engsim_application(struct engsim *x, const char *name, const char *more);
/* Its status document; NULL. */
const json_t *engsim_status(struct engsim *x, const char *name);
/* Runs until status.syncd.phase is that; fails the test (with a dump) otherwise. */
void engsim_until_phase(struct engsim *x, const char *name, const char *phase,
			uint64_t within_ms);
bool engsim_in_phase(struct engsim *x, const char *name, const char *phase);
/* Runs until pred, restarting after a crash set with sim_crash_at. */
bool engsim_run(struct engsim *x, bool (*pred)(void *arg), uint64_t within_ms);
/* "shop" objects as text. */
char *engsim_deployment(const char *name, const char *tag, int replicas);
char *engsim_configmap(const char *name, const char *value, int wave);

#endif
