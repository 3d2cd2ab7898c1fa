/*
 * When a failed try is made again, and when; and whose turn it is at paged lists.
 *
 * 429 says that the server did nothing: any verb may come again. 503 with
 * Retry-After says the same. A broken connection says nothing at all, so only
 * verbs that may act twice are repeated: reads, deletes (they carry a uid) and
 * patches. A PUT is not: it carries a resourceVersion, and its own first success
 * would look like somebody else's write.
 */
#include "kube_priv.h"

#include <string.h>
#include <utlist.h>

#include "core/mem.h"

#define BACKOFF_MS 250u
#define BACKOFF_MAX_MS 8000u

static bool idempotent(const struct kube_request *r)
{
	return !strcmp(r->method, "GET") || !strcmp(r->method, "DELETE") ||
	       !strcmp(r->method, "PATCH");
}

static bool may_retry(const struct kube_op *op)
{
	unsigned max = op->r->max_tries ? op->r->max_tries : 6;

	if (op->tries >= max || op->retry_after_ms > KUBE_RETRY_AFTER_MAX)
		return false;
	if (op->err.code)
		return op->err.code == ERR_NET && idempotent(op->r) &&
		       (!op->r->max_unanswered || op->tries < op->r->max_unanswered);
	if (op->status == 503)
		return op->retry_after_ms || idempotent(op->r);
	return op->status == 429;
}

int64_t kube_retry_delay(struct world *w, const struct kube_op *op)
{
	uint64_t ms = BACKOFF_MS << (op->tries - 1);

	if (!may_retry(op))
		return -1;
	if (op->retry_after_ms && !op->err.code)
		return op->retry_after_ms +
		       (int64_t)(w->ops->random(w) % (op->retry_after_ms / 4 + 1));
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return (int64_t)world_jitter(w, ms, 50);
}

/* ---- turns ---- */

static void on_turn(struct world_task *task)
{
	struct kube_turn *t = container_of(task, struct kube_turn, task);

	t->fn(t);
}

static void next_turn(struct kube *k)
{
	struct kube_turn *t = *kube_turns(k);

	if (!t || t->running)
		return;
	t->running = true;
	t->task.fn = on_turn;
	world_defer(kube_world(k), &t->task);
}

void kube_turn_take(struct kube *k, struct kube_turn *t)
{
	if (t->waiting)
		return;
	t->k = k;
	t->waiting = true;
	DL_APPEND(*kube_turns(k), t);
	next_turn(k);
}

void kube_turn_drop(struct kube_turn *t)
{
	if (!t->waiting)
		return;
	world_undefer(kube_world(t->k), &t->task);
	DL_DELETE(*kube_turns(t->k), t);
	t->waiting = t->running = false;
	next_turn(t->k);
}
