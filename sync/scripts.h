/* scripts.h - health by the scripts of the ConfigMap argocd-cm (private to sync/). */
#ifndef SYNC_SCRIPTS_H
#define SYNC_SCRIPTS_H

#include "engine_priv.h"

struct scripts *scripts_new(struct engine *e);
struct scripts *scripts_free(struct scripts *s);	/* NULL-safe */
/* They are read anew from settings.h. */
void scripts_rules_changed(struct scripts *s);
/* Part of the live index's judge; its arg is the engine. */
void scripts_judge(void *engine, struct live *l, const json_t *object,
		   const struct health *was);

#endif
