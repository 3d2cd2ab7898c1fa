/* claims.h - one controller per namespace of Applications. */
#ifndef SYNC_CLAIMS_H
#define SYNC_CLAIMS_H

#include "engine_priv.h"

struct claims;
struct claims *claims_new(struct engine *e);
struct claims *claims_free(struct claims *c);	/* NULL-safe */
/*
 * May anything be done for the application? 0, or -1: ERR_NET while that is not known
 * yet (the application is poked), ERR_CONFLICT with words for people when another
 * controller serves its namespace.
 */
int claims_check(struct app *a, struct err *err)
	__attribute__((warn_unused_result));

#endif
