/*
 * asks.h - people who ask for things in scenes: the operation of Application
 * "shop", annotations on it, and what it says.
 */
#ifndef SIM_ASKS_H
#define SIM_ASKS_H

#include "scenes.h"

#define MINUTES 60000

/* As ada: operation.sync with these fields ("\"prune\":true"). */
void ask_sync(struct engsim *x, const char *fields);
void ask_sync_by(struct engsim *x, const char *who, const char *fields);
/* Of status.operationState, of status.syncd; "" when it is not there. */
const char *ask_op(struct engsim *x, const char *field);
const char *ask_syncd(struct engsim *x, const char *field);
/* Until the operation is over, in that phase ("Succeeded", "Failed"). */
void ask_until_ended(struct engsim *x, const char *phase);
/* value is JSON: "\"words\"" or "null". */
void ask_annotate(struct engsim *x, const char *key, const char *value);
/* An admission that refuses a Deployment of an image with a tag v2. */
bool ask_refuse_v2(void *arg, const char *op, const json_t *object,
		   char message[256]);
bool ask_is_settling(void *x);

#endif
