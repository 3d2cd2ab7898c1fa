/*
 * fakeworld.h - a world in which the test plays everybody else.
 *
 * Time stands still until fake_run() turns it. A request that is started waits
 * in a list until the test answers it, whole or byte by byte:
 *
 *	struct fake *f = fake_new();
 *	struct kube *k = kube_new(fake_world(f), &endpoint, limits);
 *	kube_start(k, &r);
 *	c = fake_take(f, "GET", "/api/v1/nodes");
 *	fake_answer(c, 200, "{}");		(calls back from here)
 *	kube_free(k);
 *	fake_free(f);				(fails if anything still waits)
 */
#ifndef UNIT_FAKEWORLD_H
#define UNIT_FAKEWORLD_H

#include "core/world.h"

struct fake;

/* One request as it was started; the strings are copies. */
struct fake_call {
	struct fake *fake;
	struct http_call *call;		/* NULL once it ended or was abandoned */
	char *method, *path, *body;	/* body "" if none */
	char *accept, *content_type, *headers;	/* "" if none; headers joined by \n */
	char *as_user;			/* "" if none */
	enum http_lane lane;
	bool taken, cancelled, head;
	uint64_t started, last_byte;
};

struct fake *fake_new(void);
/* Fails the test if a call, timer or task is still there. */
void fake_free(struct fake *f);
struct world *fake_world(struct fake *f);

/* ---- time ---- */

uint64_t fake_now(struct fake *f);
/* Runs what is due now, then lets ms pass, running timers and deadlines. */
void fake_run(struct fake *f, uint64_t ms);
/* The machine was suspended: boot and wall clock jump, timers do not notice. */
void fake_suspend(struct fake *f, uint64_t ms);
/* ms until the next timer; UINT64_MAX when there is none. */
uint64_t fake_next_timer(struct fake *f);
/* What random() answers from now on; it is the same each time. */
void fake_set_random(struct fake *f, uint64_t value);

/* ---- requests ---- */

/* The oldest call not yet taken: it must exist, match the method and contain path. */
struct fake_call *fake_take(struct fake *f, const char *method, const char *path);
/* Whether calls that start from now on get a connection (as at first): may_send is asked. */
void fake_set_reachable(struct fake *f, bool reachable);
/* How many calls were started and not taken yet. */
size_t fake_untaken(struct fake *f);
/* Started and not ended. */
size_t fake_open(struct fake *f);
size_t fake_started(struct fake *f);	/* ever */

void fake_head(struct fake_call *c, int status, unsigned retry_after_ms,
	       const char *etag);
/* In one piece; in pieces of n bytes. Stops when the call is abandoned. */
void fake_data(struct fake_call *c, const char *text);
void fake_bytes(struct fake_call *c, const char *data, size_t len, size_t n);
/* Ends it: cleanly, or with an error of the transport. */
void fake_end(struct fake_call *c);
void fake_break(struct fake_call *c, enum err_code code, const char *msg);
/* Head, body and end. */
void fake_answer(struct fake_call *c, int status, const char *body);

#endif
