/*
 * sm.h - state machines as tables.
 *
 * An asynchronous activity is a caller-owned struct with a `struct sm`, a table
 * of states with their allowed successors, and one tick() that loops until it
 * must wait. A callback stores its result and ticks: nothing else. A move that
 * the table does not allow is a bug and aborts, in release builds too.
 */
#ifndef CORE_SM_H
#define CORE_SM_H

#include <stdbool.h>
#include <stdint.h>

#define TO(state) (UINT64_C(1) << (state))

struct sm_state {
	const char *name;	/* shown to people */
	uint64_t next;		/* TO(a) | TO(b): allowed successors */
};

struct sm {
	const struct sm_state *states;
	int state;
};

void sm_init(struct sm *sm, const struct sm_state *states, int first);
void sm_move(struct sm *sm, int next);
bool sm_may_move(const struct sm *sm, int next);
const char *sm_name(const struct sm *sm);
/* Defined by tests only, that want to see every move that is made. */
void sm_observe(const struct sm_state *states, int from, int to)
	__attribute__((weak));

#endif
