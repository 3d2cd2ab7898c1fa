/*
 * relay.h - push messages that reach a replica which does not lead; see relay.c.
 */
#ifndef SYNC_RELAY_H
#define SYNC_RELAY_H

struct engine;
struct relay;
struct webhook_push;

struct relay *relay_new(struct engine *e);
struct relay *relay_free(struct relay *r);	/* NULL-safe */
/* For whoever leads: soon, and at most once a second. */
void relay_push(struct relay *r, const struct webhook_push *push);

#endif
