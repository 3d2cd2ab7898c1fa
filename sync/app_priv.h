/*
 * app_priv.h - what the files of one application share: app.c (registry, news),
 * app_look.c (the look), app_run.c (operations), app_soak.c, app_status.c.
 */
#ifndef SYNC_APP_PRIV_H
#define SYNC_APP_PRIV_H

#include "engine_priv.h"

#define CONTROL_NAMESPACE "argocd"

/* app.c */
void op_view_reset(struct op_view *v);
/* Joins the revision that the request, or else the spec, names. */
void app_follow_source(struct app *a);
void app_plans_reset(struct app *a);
bool app_compare(struct app *a);

/* app_look.c */
void app_look(struct app *a);
void app_render_start(struct app *a);

/* app_run.c */
void app_start_op(struct app *a, enum op_kind kind, uint32_t release,
		  struct rel *rel, bool prune_only, const char *by);
/* The Application goes: rel is what its hooks are read from, or empty. */
void app_start_deletion(struct app *a, enum op_deletion what,
			enum hook_phase phase, struct rel *rel);
void app_act(struct app *a, const struct decision *d);
void app_reject(struct app *a, struct release *rel, const char *reason,
		bool may_pass, bool mutated);
void app_promote(struct app *a);
/* operationState at an operation's start; r may be NULL. */
void app_view_started(struct app *a, const struct release *r, const char *by,
		      bool automated);

/* What a person asked for cannot be found or rendered: says so, forgets it. */
void app_request_failed(struct app *a, const struct err *why);

/* app_end.c */
void app_op_ended(struct app *a, struct op *op);
void app_request_done(struct app *a);
/* The sync under way, or waiting for its next try, is superseded. */
void app_give_up(struct app *a, const char *why);
/* By the policy, or for the release in force by a person's request. */
bool app_may_prune(struct app *a);
/* Its operation is shown now: off the Application with the next status. */
void app_request_taken(struct app *a);

/* app_delete.c */
#define RESOURCES_FINALIZER "resources-finalizer.argocd.argoproj.io"
/* Remembers the finalizers that are not ours to remove. */
void app_keep_finalizers(struct app *a, const json_t *application);
/* The Application is going, and asked for its objects to go with it. */
void app_delete(struct app *a);

/* app_soak.c */
bool app_soak_over(struct app *a);	/* also looks for breakage: soak_bad */

#endif
