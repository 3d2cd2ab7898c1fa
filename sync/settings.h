/*
 * settings.h - Argo CD's ConfigMap argocd-cm (private to sync/): it is read in syncd's
 * own namespace and where Argo CD would be, and both count. What of it counts are the
 * health scripts (scripts.h) and the kinds that applications are kept out of (exclude.h).
 *
 * Its text is the work of a person. Where the kinds cannot be read from it, those that
 * were read before stay in force, and settings_trouble() says so: what is not known to
 * be wanted must not be applied, and nothing may be pruned.
 */
#ifndef SYNC_SETTINGS_H
#define SYNC_SETTINGS_H

#include "engine_priv.h"
#include "sync/exclude.h"

struct settings *settings_new(struct engine *e);
struct settings *settings_free(struct settings *s);	/* NULL-safe */
/* The ConfigMaps were looked for. One that syncd may not read says nothing. */
bool settings_known(const struct engine *e);
/* The data of each ConfigMap there is, in the order that counts. Borrowed. */
void settings_each(const struct engine *e, void (*fn)(void *arg, const json_t *data),
		   void *arg);

/* What is in force. Borrowed until the loop runs on; NULL: no ConfigMap says anything. */
const struct exclude *settings_exclude(const struct engine *e);
/* Appends the namespaces of the ConfigMaps that say something of it, with blanks between. */
void settings_excluding(const struct engine *e, struct buf *out);
/* Another number when that changed; never 0. */
unsigned settings_exclude_no(const struct engine *e);
/* Why that is not what is written there, with the ConfigMap's name; borrowed; NULL. */
const char *settings_trouble(const struct engine *e);
/* Nothing good was read before that: it is not known what is excluded. */
bool settings_lost(const struct engine *e);
/*
 * Ends the watches of kinds that came to be excluded, as soon as no operation runs: one
 * that began before is not disturbed.
 */
void settings_tidy(struct engine *e);

#endif
