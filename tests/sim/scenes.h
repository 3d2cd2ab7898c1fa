/*
 * scenes.h - what the scenarios of troubled days share: an application "shop" of
 * one Deployment "web", edits of its Application, and a secret whose value must
 * not turn up anywhere.
 */
#ifndef SIM_SCENES_H
#define SIM_SCENES_H

#include "engsim.h"

#define LONG 120000
#define CANARY "c4n4ry-0f-th3-c0ffer"

/* Commits app/web.yaml: the Deployment with 3 replicas of this image tag. */
void scene_put(struct engsim *x, const char *tag);
/* A new world with web:v1 committed and Application "shop"; not started. */
void scene_init(struct engsim *x, uint64_t seed);
/* The same, started and run until release #1 is good. */
void scene_good(struct engsim *x, uint64_t seed);
/* Commits app/coffer.yaml: a Secret that holds CANARY and this word. */
void scene_put_secret(struct engsim *x, const char *word);
/*
 * Commits app/crd.yaml: the CRD of kind Pump. Versions as "v1" or "v1-": the latter is
 * not served; the last one is stored. strategy: "None", "Webhook" (nobody answers).
 */
void scene_put_pumps(struct engsim *x, const char *versions, const char *strategy);
/* Commits app/pump.yaml: Pump "one" of this version and spec.size, in wave 1. */
void scene_put_pump(struct engsim *x, const char *version, const char *size);
const char *scene_pump_size(struct engsim *x);	/* "" if there is none */
/* The tag that the Deployment asks for; "" when it is not there. */
const char *scene_tag(struct engsim *x);
/* A merge patch of Application "shop", as a person's kubectl. */
void scene_edit_app(struct engsim *x, const char *merge_patch);
/* A merge patch of the Deployment's spec that syncd has to put back. */
void scene_drift(struct engsim *x, const char *tag);
/* The message of a condition; NULL. */
const char *scene_condition(struct engsim *x, const char *app, const char *type);
/* Its lastTransitionTime, owned; NULL. */
char *scene_condition_since(struct engsim *x, const char *app, const char *type);
void scene_assert_condition(struct engsim *x, const char *app, const char *type,
			    const char *words);
/* In virtual time: until pred, or fails with a dump that begins with `what`. */
void scene_until(struct engsim *x, bool (*pred)(void *arg), uint64_t within_ms,
		 const char *what);
void scene_until_tag(struct engsim *x, const char *tag, uint64_t within_ms);
/* Predicates: Application "shop" is not there; its spec or its sync is at fault. */
bool scene_gone(void *x);
bool scene_in_trouble(void *x);
/* AppProject "team", which is there, allows Deployments no more, or again. */
void scene_narrow(struct engsim *x);
void scene_widen(struct engsim *x);
/* How often, since request number `from`, an object whose path holds this was made. */
size_t scene_made(struct engsim *x, size_t from, const char *path);
/* Secrets of syncd's namespace whose name begins so. */
size_t scene_secrets(struct engsim *x, const char *prefix);
/* Name of the n-th of them (borrowed), NULL. */
const char *scene_secret(struct engsim *x, const char *prefix, size_t n);
/* Requests since number `from` that got this answer. */
size_t scene_answers(struct engsim *x, size_t from, const char *method,
		     const char *path, int status);
/* How often applications were looked at, as the metrics tell. */
uint64_t scene_looks(struct engsim *x);
/* Was an event of this reason written, with these words in it? */
bool scene_has_event(struct engsim *x, const char *reason, const char *words);
/*
 * The rules that hold on every day: nothing in "shop" was asked to be deleted
 * (when `no_deletes`), and CANARY is in no log line, status or event.
 */
void scene_check(struct engsim *x, bool no_deletes);
/* scene_check() and the end of the world. */
void scene_end(struct engsim *x, bool no_deletes);

#endif
