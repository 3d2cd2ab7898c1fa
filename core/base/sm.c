#include "core/sm.h"

#include <stdio.h>
#include <stdlib.h>

void sm_init(struct sm *sm, const struct sm_state *states, int first)
{
	sm->states = states;
	sm->state = first;
}

bool sm_may_move(const struct sm *sm, int next)
{
	return sm->states[sm->state].next & TO(next);
}

void sm_move(struct sm *sm, int next)
{
	if (!sm_may_move(sm, next)) {
		fprintf(stderr, "bug: state %s may not become %s\n",
			sm->states[sm->state].name, sm->states[next].name);
		abort();
	}
	if (sm_observe)
		sm_observe(sm->states, sm->state, next);
	sm->state = next;
}

const char *sm_name(const struct sm *sm)
{
	return sm->states[sm->state].name;
}
