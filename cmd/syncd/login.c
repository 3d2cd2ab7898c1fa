/*
 * Happy path: the timer fires -> nothing is due, or the token file is read, or the
 * plugin is run in a thread -> its answer is taken over on the loop. What fails is
 * logged and tried at the next tick; the credential in use stays.
 */
#include "login.h"

#define FILE_EVERY_MS 50000
#define PLUGIN_EVERY_MS 10000

/* In a thread: touches the answer, the error and what never changes. */
static void on_work(uv_work_t *work)
{
	struct login *l = work->data;
	struct kubeconfig_ask how = { .stop = &l->stop };

	l->err = (struct err){ .code = ERR_NONE };
	if (kubeconfig_ask(l->kc, &how, &l->answer, &l->err))
		return;
}

static void wipe_answer(struct login *l)
{
	if (l->answer.data)
		explicit_bzero(l->answer.data, l->answer.cap);
	buf_deinit(&l->answer);
	l->answer = (struct buf)BUF_INIT;
}

static void on_worked(uv_work_t *work, int status)
{
	struct login *l = work->data;
	bool failed = status || l->err.code ||
		      kubeconfig_take(l->kc, &l->answer, &l->err);

	l->asking = false;
	wipe_answer(l);
	if (failed && !atomic_load(&l->stop))
		log_at(l->world, LOG_WARN, "the credential plugin gave nothing new",
		       "error", l->err.msg, NULL);
}

static bool due(struct login *l)
{
	uint64_t refused = l->engine ? engine_unauthorized(l->engine) : 0;
	bool news = refused > l->refused;

	l->refused = refused;
	return news || kubeconfig_expires(l->kc, world_wall(l->world));
}

static void on_timer(uv_timer_t *t)
{
	struct login *l = t->data;
	struct err err = ERR_INIT;

	if (kubeconfig_refresh(l->kc, &err))
		log_at(l->world, LOG_WARN, "reading the token again", "error",
		       err.msg, NULL);
	if (!l->kc->plugin || l->asking || !due(l))
		return;
	l->work.data = l;
	l->asking = !uv_queue_work(t->loop, &l->work, on_work, on_worked);
}

void login_start(struct login *l, uv_loop_t *loop, struct world *w,
		 struct kubeconfig *kc)
{
	unsigned every = kc->plugin ? PLUGIN_EVERY_MS : FILE_EVERY_MS;

	l->kc = kc;
	l->world = w;
	uv_timer_init(loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_timer, every, every);
}

void login_close(struct login *l)
{
	atomic_store(&l->stop, true);
	l->engine = NULL;
	if (!uv_is_closing((uv_handle_t *)&l->timer))
		uv_close((uv_handle_t *)&l->timer, NULL);
}
