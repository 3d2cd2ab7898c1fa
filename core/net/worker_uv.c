/* Workers: not started yet by this build; every call ends with ERR_INTERNAL. */
#include "world_priv.h"

struct refusal {
	struct world_task task;
	struct worker_call *call;
};

static void on_refuse(struct world_task *t)
{
	struct refusal *f = container_of(t, struct refusal, task);
	struct worker_call *c = f->call;
	struct err err = ERR_INIT;

	free(f);
	err_set(&err, ERR_INTERNAL, "this build starts no workers");
	c->on_done(c, &err, NULL, 0);
}

void world_worker_init(struct world_uv *w)
{
	(void)w;
}

void world_worker_close(struct world_uv *w)
{
	(void)w;
}

void world_worker_free(struct world_uv *w)
{
	(void)w;
}

void world_worker_stats(const struct world_uv *w, struct world_uv_stats *out)
{
	(void)w;
	(void)out;
}

void worker_uv_start(struct world *w, struct worker_call *c)
{
	struct refusal *f = xcalloc(1, sizeof(*f));

	f->task.fn = on_refuse;
	f->call = c;
	world_defer(w, &f->task);
}

void worker_uv_cancel(struct world *w, struct worker_call *c)
{
	(void)w;
	(void)c;
}
