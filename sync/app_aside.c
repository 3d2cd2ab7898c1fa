/*
 * Standing aside: where another controller serves the namespace of an Application,
 * nothing of it is done, not even asked: what runs is let go of as if the process had
 * ended, and its record keeps the place. One condition says so. When the other is
 * gone it goes on from the record and the cluster, as after a restart.
 */
#include "app_priv.h"
#include "claims.h"

#define STORE_STEP_MS 200

static void begin(struct app *a)
{
	a->aside = true;
	a->others_since = 0;
	a->op_serves = false;
	app_request_done(a);	/* what is asked for is the other's to do */
	app_soak_end(a);
	a->soak_began = 0;
}

static void let_go(struct app *a)
{
	if (!a->op)
		return;
	if (a->store.running) {	/* its answer is the operation's */
		app_poke_at(a, world_now(a->engine->w) + STORE_STEP_MS);
		return;
	}
	a->op = op_free(a->op);
	app_op_rels_drop(a);
	a->plan_valid = false;
}

bool app_stands_aside(struct app *a)
{
	struct err why = ERR_INIT;

	if (!claims_check(a, &why)) {
		if (a->aside)
			app_goes_on(a);
		return false;
	}
	if (why.code != ERR_CONFLICT)
		return true;	/* not known yet */
	if (!a->aside)
		begin(a);
	let_go(a);
	app_status_aside(a, why.msg);
	return true;
}
