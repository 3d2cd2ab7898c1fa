/*
 * hookscene.h - what the scenarios of hooks share: Jobs as hooks beside the
 * Deployment "web" of application "shop", and questions about them.
 */
#ifndef SIM_HOOKSCENE_H
#define SIM_HOOKSCENE_H

#include "scenes.h"

/*
 * Commits app/<name>.yaml: a Job of that hook phase whose image has this tag (noready
 * runs for ever, crash fails). A name that ends in '-' is its generateName. more:
 * further annotations, each with a leading comma.
 */
void hooks_put(struct engsim *x, const char *name, const char *phase,
	       const char *tag, const char *more);
/* AppProject team: all is allowed but these {"group", "kind"}, a JSON list's items. */
void hooks_put_project(struct engsim *x, const char *denied);
/* A Job of "shop"; NULL. */
const json_t *hooks_job(struct engsim *x, const char *name);
const char *hooks_uid(struct engsim *x, const char *name);	/* "" if none */
/* Has it our finalizer? */
bool hooks_held(const json_t *o);
/* No Job is left behind with our finalizer. */
void hooks_check(struct engsim *x);
/* The first (or last) apply of one path end came before the first of another's. */
void hooks_assert_before(struct engsim *x, const char *first, bool first_last,
			 const char *second);
/* The hook's row in status.operationState: type "PreSync", "Synced", "Succeeded". */
void hooks_assert_result(struct engsim *x, const char *name, const char *type,
			 const char *status, const char *phase);
/* Starts the engine and runs until release #1 is good. */
void hooks_start(struct engsim *x);
/* hooks_check() and the end of the world. */
void hooks_end(struct engsim *x);

#endif
