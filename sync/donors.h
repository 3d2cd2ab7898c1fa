/* donors.h - Secrets that values are taken from (draw.h), watched (private to sync/). */
#ifndef SYNC_DONORS_H
#define SYNC_DONORS_H

#include "draw.h"
#include "engine_priv.h"

#define DONORS_MAX 200		/* watched at once, by all applications */
#define DONORS_OF_ONE 20	/* that one release may take from */

struct donors *donors_new(struct engine *e);
struct donors *donors_free(struct donors *d);	/* NULL-safe */
/*
 * Each name that is followed is watched until it was dropped as often; beyond DONORS_MAX
 * as soon as another one is free. When one changed in what counts its donors_version() is
 * greater than all there were, and who follows it is told (app_draw_heard).
 */
void donors_follow(struct engine *e, const char *ns, const char *name);
void donors_drop(struct engine *e, const char *ns, const char *name);
uint64_t donors_version(const struct engine *e, const char *ns, const char *name);
/* What is known of one that is followed; borrowed until the loop goes on. */
struct donor_view donors_look(const struct engine *e, const char *ns, const char *name);

#endif
