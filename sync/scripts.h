/* scripts.h - health by the scripts of the ConfigMap argocd-cm (private to sync/). */
#ifndef SYNC_SCRIPTS_H
#define SYNC_SCRIPTS_H

#include "engine_priv.h"

struct scripts *scripts_new(struct engine *e);
struct scripts *scripts_free(struct scripts *s);	/* NULL-safe */
bool scripts_known(const struct engine *e);	/* the ConfigMaps were looked for */
/* Part of the live index's judge; its arg is the engine. */
void scripts_judge(void *engine, struct live *l, const json_t *object,
		   const struct health *was);

#endif
