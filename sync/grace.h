/*
 * grace.h - syncd.dev/health-after: an object that may be unwell for a while after its
 * last change counts as Progressing for that long (private to sync/).
 */
#ifndef SYNC_GRACE_H
#define SYNC_GRACE_H

#include "engine_priv.h"

struct grace;
struct grace *grace_new(struct engine *e);
struct grace *grace_free(struct grace *g);	/* NULL-safe */
/* The live index's judge: scripts.h's word, then the grace. Its arg is the engine. */
void grace_judge(void *engine, struct live *l, const json_t *object,
		 const struct health *was);
/* The health of l was set anew: holds it back where its time is not over. */
void grace_hold(struct engine *e, struct live *l);

/* Mono ms until which it may be unwell; 0 = no longer, or never. */
uint64_t grace_until(const struct engine *e, const struct live *l);

#endif
