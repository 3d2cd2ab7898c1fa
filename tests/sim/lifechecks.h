/* lifechecks.h - a request, as the rules of a life look at it. */
#ifndef SIM_LIFECHECKS_H
#define SIM_LIFECHECKS_H

#include <jansson.h>

#include "life.h"

struct aim {
	const struct sim_request *r;
	char group[64], resource[64], typed[140], ns[64], name[128], sub[16];
	bool own;		/* in syncd's own namespace */
	const json_t *live;	/* the object as the server has it; NULL */
	json_t *body;		/* NULL */
	struct life_app *owner;	/* whose tracking id the live object bears */
	struct life_app *asker;	/* whose tracking id the body bears */
};

#endif
