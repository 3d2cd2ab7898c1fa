/*
 * simworld.h - a whole world in one process: virtual time, a Kubernetes API
 * server, Git remotes, workers, and every misfortune, all from one seed.
 *
 * A test makes a `struct sim`, builds what it tests on sim_world(), and turns the
 * crank: sim_run_until() pops events in order of (virtual time, sequence), so the
 * same seed gives the same run to the last byte (sim_trace_hash()).
 *
 *	struct sim *s = sim_new(seed);
 *	struct apisim *api = sim_api(s);
 *
 *	apisim_namespace(api, "shop");
 *	apisim_install_crds(api);
 *	sim_git_commit(s, "http://git.sim/repo", "main", "app/cm.yaml", text);
 *	engine = engine_new(sim_world(s), ...);
 *	assert_true(sim_run_until(s, is_synced, s, 60 * 1000));
 *	engine_abandon(engine);		(frees without callbacks)
 *	sim_abandon(s);			(whatever it had started is gone)
 *
 * Endpoints: "sim://api" is the API server, "http://git.sim/..." Git (gitsim.h).
 * Several processes: sim_host_new() gives another one with a world of its own.
 * Times are virtual milliseconds; the clock starts at SIM_EPOCH.
 */
#ifndef SIM_SIMWORLD_H
#define SIM_SIMWORLD_H

#include "core/world.h"

struct sim;
struct sim_host;
struct apisim;
struct gitsim;

#define SIM_API_URL "sim://api"
#define SIM_EPOCH INT64_C(1767225600000)	/* 2026-01-01T00:00:00Z */

struct sim *sim_new(uint64_t seed);
struct sim *sim_free(struct sim *s);		/* NULL-safe */
struct apisim *sim_api(struct sim *s);
struct gitsim *sim_git(struct sim *s);
uint64_t sim_seed(const struct sim *s);

/* ---- processes ---- */

/* The first process' world; sim_host_* below take NULL for that process. */
struct world *sim_world(struct sim *s);
/* Another process in the same world; freed with s. name is copied. */
struct sim_host *sim_host_new(struct sim *s, const char *name);
struct world *sim_host_world(struct sim_host *h);
struct sim_host *sim_host_first(struct sim *s);
const char *sim_host_name(const struct sim_host *h);
/*
 * The process dies: its timers, tasks and calls vanish without callbacks. A
 * request that was on its way may still reach the server (chance one half).
 * Afterwards the same world serves the next life of the process.
 */
void sim_host_abandon(struct sim *s, struct sim_host *h);
static inline void sim_abandon(struct sim *s)
{
	sim_host_abandon(s, NULL);
}
/* SIGSTOP and SIGCONT: callbacks wait; requests already sent go on. */
void sim_host_pause(struct sim *s, struct sim_host *h, bool paused);
/* Shifts the process' wall clock; the monotonic clocks do not notice. */
void sim_host_wall_jump(struct sim *s, struct sim_host *h, int64_t ms);
/* Timers, tasks and calls that the process still waits for. */
size_t sim_host_pending(struct sim *s, struct sim_host *h);

/*
 * Crash at a step: a step is a request or worker call being started, or one
 * ending. From the n-th on (1 = the next) the process is dead: that step does not
 * happen for it, world functions do nothing, the run functions return false and
 * sim_crashed() is true until it is abandoned. 0 switches it off.
 */
void sim_host_crash_at(struct sim *s, struct sim_host *h, uint64_t n);
static inline void sim_crash_at(struct sim *s, uint64_t n)
{
	sim_host_crash_at(s, NULL, n);
}
bool sim_host_crashed(struct sim *s, struct sim_host *h);
bool sim_crashed(const struct sim *s);		/* any of them */
uint64_t sim_steps(const struct sim *s);	/* so far, of the first process */

/* ---- the crank ---- */

uint64_t sim_now(const struct sim *s);		/* ms since the start */
/* Runs one event; false when nothing is left or the process crashed. */
bool sim_step(struct sim *s);
/* Until pred is true (checked after each event): false after within_ms. */
bool sim_run_until(struct sim *s, bool (*pred)(void *arg), void *arg,
		   uint64_t within_ms);
/* Lets ms pass. */
void sim_run_for(struct sim *s, uint64_t ms);
/* Over every event so far: equal seeds and equal tests give equal hashes. */
uint64_t sim_trace_hash(const struct sim *s);
uint64_t sim_events(const struct sim *s);
/* For a test's own choices, so that they come from the seed as well. */
uint64_t sim_random(struct sim *s);

/* ---- misfortune ---- */

/* Chances in 1/1000. All zero at first. */
struct sim_faults {
	/* per request */
	unsigned refuse;	/* no connection */
	unsigned reset;		/* the answer breaks off somewhere */
	unsigned lost;		/* the server acted, the answer never comes back */
	unsigned hang;		/* nothing ever comes: timeout_ms must act */
	unsigned slow;		/* 1 to 20 s more */
	unsigned http_429;	/* with Retry-After: 1 to 3 */
	unsigned http_500, http_503;
	unsigned stray_404;	/* the page of a proxy that has lost its way */
	unsigned late;		/* 0.5 to 60 s on its way: it lands all the same */
	unsigned twice;		/* a write arrives twice; one of its answers is given */
	/* per watch event */
	unsigned watch_cut;	/* the stream ends, cleanly or not */
	unsigned watch_410;	/* an ERROR 410 inside the stream, then its end */
	unsigned watch_dup;	/* the event comes twice */
	unsigned watch_delay;	/* it and what follows come 0.1 to 5 s later */
	unsigned watch_stale;	/* half open: nothing comes any more, not even an end */
	/* per worker call */
	unsigned worker_fail;	/* dies: ERR_IO */
	unsigned worker_hang;	/* killed at its deadline: ERR_TIMEOUT */
	/* per cache_get */
	unsigned cache_loss;
};
/* until: from this time on (ms since the start) all is well; 0 = never. */
void sim_set_faults(struct sim *s, const struct sim_faults *f, uint64_t until);
/*
 * The faults of requests strike those of this method ("" = any) whose path holds
 * this text only ("" = any).
 */
void sim_aim_faults(struct sim *s, const char *method, const char *path);
/* A mix of everything, mild (1) to wild (3). */
struct sim_faults sim_faults_mixed(unsigned level);
/* Counts of what happened, in the order of struct sim_faults. */
struct sim_faults sim_faults_happened(const struct sim *s);
/* The API server (or everything, "") cannot be reached. */
void sim_set_partition(struct sim *s, struct sim_host *h, bool cut);

/* ---- workers ---- */

/*
 * Answers a worker call: 0 with *answer filled, or -1 with *err, given to the
 * caller after a virtual delay of 1 to 50 ms.
 */
typedef int sim_worker_fn(struct sim *s, void *arg, const void *request,
			  size_t len, struct buf *answer, struct err *err);
void sim_set_worker(struct sim *s, enum worker_kind kind, sim_worker_fn *fn,
		    void *arg);
uint64_t sim_worker_calls(const struct sim *s, enum worker_kind kind);

/* ---- others: receivers of notifications, at URLs that hold "hooks.sim" ---- */

/* What came; borrowed for the call. */
struct sim_post {
	uint64_t at;
	const char *url, *path, *type, *login;	/* login: "bearer:TOKEN"; "" */
	const char *headers;	/* "Name: value" lines */
	const char *body;
	size_t len;
};
/* The HTTP status; 0: nobody answers. Without one it is 200. */
typedef int sim_receiver_fn(void *arg, const struct sim_post *p);
void sim_set_receiver(struct sim *s, sim_receiver_fn *fn, void *arg);

/* ---- what was seen ---- */

/* One request as the API server saw it; strings live as long as the sim. */
struct sim_request {
	uint64_t at, sent;	/* here; when it left its process */
	const char *host;	/* the process */
	const char *user;	/* Impersonate-User, "" if none */
	const char *method, *path, *query;	/* path without query */
	const char *body;	/* of writes; "" otherwise */
	int status;		/* as the server answered, lost or not */
	bool write, dry_run, watch;
};
/*
 * Whoever wants to see each step when it is made: a request when its bytes leave
 * (status 0), the same one when the server has acted (its strings are the spy's for
 * the call only), each line of the log. NULL members are not asked.
 */
struct sim_spy {
	void (*sent)(void *arg, const struct sim_request *r);
	void (*served)(void *arg, const struct sim_request *r);
	void (*logged)(void *arg, const char *line);
	void *arg;
	bool forget;	/* requests are not kept: sim_request() has none */
};
void sim_set_spy(struct sim *s, const struct sim_spy *spy);
const struct sim_spy *sim_spy_of(const struct sim *s);
size_t sim_request_count(const struct sim *s);
const struct sim_request *sim_request(const struct sim *s, size_t i);
/* How many of the requests since number `from` match; NULL matches all. */
size_t sim_count(const struct sim *s, size_t from, const char *method,
		 const char *path_contains);
/* Requests that changed something (2xx, not dry-run), since number `from`. */
size_t sim_writes(const struct sim *s, size_t from);
/* Was a DELETE sent for exactly this path, or the collection it lies in? */
bool sim_delete_sent(const struct sim *s, const char *path);

/* The last log lines and requests with the seed, to stderr: on failure. */
void sim_dump(const struct sim *s);
/* Did a log line hold this text? For "a secret never reaches a log". */
bool sim_log_contains(const struct sim *s, const char *text);

#endif
