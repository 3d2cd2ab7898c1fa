/*
 * orphans.h - looks for what is nobody's where projects ask for it (private to sync/).
 *
 * One look per destination namespace, for all applications there together: the metadata
 * of every kind that one of their projects allows, one page after the other with a pause
 * between, every five minutes, soon after an operation that changed something, and on
 * refresh. Where no project asks there is neither a timer nor a request.
 */
#ifndef SYNC_ORPHANS_H
#define SYNC_ORPHANS_H

#include "engine_priv.h"
#include "orphan.h"

struct orphans *orphans_new(struct engine *e);
struct orphans *orphans_free(struct orphans *o);	/* NULL-safe */
/* At each look of the application: joins or leaves, and sets its condition. */
void orphans_follow(struct app *a);
/*
 * Its namespace is looked at again: once a minute at most, however much goes on there;
 * now: at once, but for what was looked at in the last ten seconds. Nothing happens
 * where no project asks.
 */
void orphans_again(struct app *a, bool now);
/* What is known for its project; NULL: nothing is asked for. Until the loop runs on. */
const struct orphans_found *orphans_of(struct app *a);

#endif
