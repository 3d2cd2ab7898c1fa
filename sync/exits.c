#include "exits.h"

static unsigned rise(unsigned from, unsigned to)
{
	return to > from ? to - from : 0;
}

void exits_note(struct exits *x, const struct pod_report *r, bool newborn)
{
	unsigned restarts = rise(x->restarts, r->restarts);
	unsigned failed = rise(x->failed, r->failed_exits);

	if (!x->seen && !newborn)
		restarts = failed = 0;
	else if (x->seen && r->restarts == x->restarts)
		return;		/* an end that is not yet followed by a run */
	x->total += restarts < failed ? restarts : failed;
	x->restarts = r->restarts;
	x->failed = r->failed_exits;
	x->seen = true;
}
