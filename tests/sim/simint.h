/* simint.h - what the files of the simulated world share. */
#ifndef SIM_SIMINT_H
#define SIM_SIMINT_H

#include "core/mem.h"
#include "simworld.h"

struct sim_event {
	uint64_t at, seq;
	struct sim_host *host;	/* NULL: the servers' */
	size_t index;		/* in the heap */
	const char *what;	/* static: for the trace */
	void (*fn)(void *arg);
	void (*drop)(void *arg);	/* when the process dies; may be NULL */
	void *arg;
};

struct sim_host {
	struct world world;	/* first */
	struct sim *sim;
	char *name;
	bool paused, partitioned, crashed;
	uint64_t crash_at;
	int64_t wall_shift;
	VEC(struct sim_event *) held;	/* due while paused */
	VEC(struct sim_http *) calls;	/* that this process waits for */
};

struct worker_handler {
	sim_worker_fn *fn;
	void *arg;
	uint64_t calls;
};

struct cache_entry {
	char *key, *data;
	size_t len;
};

struct sim {
	uint64_t seed, now, seq, events, trace;
	uint64_t rng[4];
	VEC(struct sim_event *) heap;
	VEC(struct sim_host *) hosts;	/* [0]: the first process */
	struct sim_faults faults, happened;
	uint64_t faults_until;
	char fault_method[16], fault_path[80];	/* "" = any */
	uint64_t steps;
	unsigned n_crashed;
	struct sim_spy spy;
	struct worker_handler workers[WORKER_KIND_N];
	sim_receiver_fn *receiver;
	void *receiver_arg;
	VEC(struct cache_entry) cache;
	VEC(struct sim_request *) requests;
	VEC(char *) log;
	struct apisim *api;
	struct gitsim *git;
};

/* Schedules fn(arg) in ms; the event is freed after it ran. */
struct sim_event *sim_at(struct sim *s, struct sim_host *h, uint64_t ms,
			 const char *what, void (*fn)(void *arg), void *arg);
void sim_unschedule(struct sim *s, struct sim_event *e);	/* NULL-safe */
void sim_seed_dice(struct sim *s, uint64_t seed);
uint64_t sim_between(struct sim *s, uint64_t min, uint64_t max);
/* Rolls a fault: true with the chance, counted; never after faults_until. */
bool sim_roll(struct sim *s, const unsigned *chance);
void sim_trace(struct sim *s, const char *what, uint64_t value);
/* A step of process h: true when it is dead (now). */
bool sim_dead_at_step(struct sim_host *h);
bool sim_is_dead(const struct sim_host *h);

void sim_http_start(struct world *w, struct http_call *c);
void sim_http_cancel(struct world *w, struct http_call *c);
void sim_http_drop(struct world *w, struct http_call *c);
void sim_http_abandon(struct sim_host *h);
void sim_worker_start(struct world *w, struct worker_call *c);
void sim_worker_cancel(struct world *w, struct worker_call *c);
void sim_worker_abandon(struct world *w, struct worker_call *c);
void sim_worker_dropped(void *arg);

#endif
