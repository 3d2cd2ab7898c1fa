/*
 * turns.h - in which order applications begin syncs of their own; see turns.c.
 */
#ifndef SYNC_TURNS_H
#define SYNC_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct app;
struct engine;

struct turns_view {
	unsigned requests;	/* queued or sent, of everybody */
	unsigned max_requests;	/* that may be out at once */
	unsigned begun;		/* a moment ago: their requests are still to come */
	uint64_t waited_ms;	/* the first in line */
	uint64_t calm_ms;	/* since the last one began */
};

/* May the next one begin? Pure. */
bool turns_due(const struct turns_view *v);

/* Now; or later: it is in line then and poked when it is its turn. */
bool turns_take(struct app *a);
/* It has nothing to begin any more. */
void turns_leave(struct app *a);
void turns_free(struct engine *e);

#endif
