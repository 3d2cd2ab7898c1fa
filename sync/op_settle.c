/*
 * Waiting for a step to become healthy, on the live index's news and timers. What
 * the facts mean is decided by settle_judge(); here they are gathered: health,
 * how long it has been bad, the pods of the new revision, progress.
 */
#include "op_priv.h"

#include "app_priv.h"
#include "grace.h"
#include "refs.h"

#define PODS_AFTER_MS 3000
#define DOUBT_MS 180000		/* then what is known has to do */

static void on_pods(void *arg)
{
	op_poke(arg);
}

/* By this operation, or by a candidate before it that nothing good came after. */
static bool is_changed(const struct objkey *k, void *arg)
{
	struct op *op = arg;
	const struct fact *f = op_fact(op, k, false);
	const struct inv_entry *v = record_inv(&op->app->rec, k);

	return (f && f->changed) || (op->c.kind == OP_SYNC && v && v->blamed);
}

static bool is_evidence(struct op *op, const struct task *t,
			const struct fact *f)
{
	const struct rendered *r = &op->c.answer->objects[t->object];

	if (!health_is_evidence(t->key.group, t->key.kind) &&
	    !(t->flags & OBJ_EVIDENCE))
		return false;
	if (f->sick)
		return false;	/* it was bad before us */
	return is_changed(&t->key, op) ||
	       refs_changed(r->refs, t->key.ns, is_changed, op);
}

static void look_at_pods(struct op *op, const struct task *t, struct fact *f,
			 struct settle_item *it, uint64_t now)
{
	struct pod_verdict v;
	bool rolling = it->health.status == HEALTH_PROGRESSING ||
		       it->health.status == HEALTH_DEGRADED;

	if (!rolling || !it->counts || !podwatch_fits(&t->key)) {
		f->pods = podwatch_free(f->pods);
		f->progressing_since = 0;
		return;
	}
	if (!f->progressing_since)
		f->progressing_since = now;
	if (!f->pods && now >= f->progressing_since + PODS_AFTER_MS)
		f->pods = podwatch_new(op->e, &t->key, on_pods, op);
	if (!f->pods || !podwatch_verdict(f->pods, &v))
		return;
	it->pod = v.trouble;
	it->pod_since = v.since;
	it->pod_ready = v.ready > 0;
	snprintf(f->pod_message, sizeof(f->pod_message), "%s", v.message);
	it->pod_message = f->pod_message;
}

/* Past its time means that all pod watches are taken: one may end. */
static void look_again(struct op *op, uint64_t at, uint64_t now)
{
	if (at <= now)
		at = now + PODS_AFTER_MS;
	if (!op->look_at || at < op->look_at)
		op->look_at = at;
}

static bool belongs(struct op *op, const struct task *t, bool all)
{
	const struct fact *f = op_fact(op, &t->key, false);

	if (t->object == SIZE_MAX || (f && f->without))
		return false;
	if (all)
		return true;
	return t->wave == op->wave && t->step == op->step;
}

/*
 * Is its health one that applying it leads to? An Application's is its children's, a
 * CronJob's tells of its last run, which was one of the release before.
 */
static bool is_awaited(const struct task *t)
{
	if (t->flags & (OBJ_IGNORE_HEALTH | OBJ_HOOK | OBJ_SKIP))
		return false;
	return strcmp(t->key.kind, "Application") &&
	       (strcmp(t->key.kind, "CronJob") || t->flags & OBJ_EVIDENCE);
}

static void gather(struct op *op, const struct task *t, uint64_t now,
		   struct settle_item *it)
{
	const struct live *l = live_find(&op->e->live, &t->key);
	struct fact *f = op_fact(op, &t->key, true);

	*it = (struct settle_item){ .key = t->key, .pod = POD_FINE };
	if (l)
		it->health = l->health;
	else
		it->health.status = HEALTH_MISSING;
	it->own_deadline_ms = l ? l->own_deadline_ms : 0;
	it->lenient_until = l ? grace_until(op->e, l) : 0;
	it->crd = !strcmp(t->key.kind, "CustomResourceDefinition");
	it->waits = is_awaited(t);
	it->counts = it->waits && is_evidence(op, t, f);
	if (it->health.status != HEALTH_DEGRADED)
		f->degraded_since = 0;
	else if (!f->degraded_since)
		f->degraded_since = now;
	it->degraded_since = f->degraded_since;
	look_at_pods(op, t, f, it, now);
	if (f->progressing_since && !f->pods)
		look_again(op, f->progressing_since + PODS_AFTER_MS, now);
	if (l)
		op->progress_now += l->progress;
}

/*
 * Its failure counts whatever its kind: it stops what others write, and nobody else
 * would say so.
 */
static void look_at_probe(struct op *op, const struct task *t, struct settle_item *it,
			  uint64_t now)
{
	uint64_t at;
	const char *words;

	if (!op_probe_due(op, t))
		return;
	words = op_probe(op, t, &at);
	if (!words)
		return;
	it->waits = it->counts = true;
	if (it->health.status <= HEALTH_PROGRESSING) {
		it->health.status = HEALTH_PROGRESSING;
		snprintf(it->health.message, sizeof(it->health.message), "%s", words);
	}
	if (at)
		look_again(op, at, now);
}

static void doubt(struct op *op, char *kind)
{
	free(op->doubted);
	op->doubted = kind;
	op->doubt_until = world_now(op->e->w) + DOUBT_MS;
}

/*
 * A watch may have been silent for minutes, and what it did not tell looks like no
 * progress: before a release is condemned, the culprit's kind is listed once more.
 */
static bool is_sure(struct op *op, const struct objkey *culprit)
{
	_cleanup_free_ char *kind = xasprintf("%s/%s", culprit->group, culprit->kind);
	bool listing;

	if (op->doubted && !strcmp(op->doubted, kind)) {
		listing = kinds_listing(op->e, culprit->group, culprit->kind);
	} else {
		doubt(op, steal(&kind));
		listing = kinds_refresh(op->e, culprit->group, culprit->kind);
	}
	if (!listing || world_now(op->e->w) >= op->doubt_until)
		return true;
	look_again(op, op->doubt_until, world_now(op->e->w));
	return false;
}

void op_settle_begin(struct op *op)
{
	doubt(op, NULL);
	op->progress = 0;
	op->progress_at = world_now(op->e->w);
}

static void warn_unsettled(struct op *op, const struct settle_item *items,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf key = BUF_INIT;

		if (!items[i].waits || items[i].health.status <= HEALTH_SUSPENDED)
			continue;
		objkey_format(&items[i].key, &key);
		engine_log(op->e, LOG_WARN, op->app, "%s is %s after the deadline; "
			   "it is no evidence against the release: going on",
			   buf_str(&key), health_str(items[i].health.status));
	}
}

/* What decided, and what would have if that had not: for a deadline, all that is late. */
static void note_faults(struct op *op, const struct settle_item *items, size_t n,
			const struct settle_result *r)
{
	for (size_t i = 0; i < n; i++) {
		const struct settle_item *it = &items[i];
		bool bad = it->degraded_since || it->pod != POD_FINE;
		bool late = r->verdict == SETTLE_LATE && it->waits &&
			    it->health.status > HEALTH_SUSPENDED;

		if (i == r->culprit || (it->counts && (bad || late)))
			app_fault_of(op->app, &op->plan, op->c.answer, &it->key);
	}
}

/* What it waits for is news for people, too. */
static void say(struct op *op, const char *words)
{
	if (!strcmp(op->message, words))
		return;
	snprintf(op->message, sizeof(op->message), "%s", words);
	app_poke(op->app);
}

enum settle_verdict op_settle(struct op *op, bool all)
{
	struct settle_limits limits = {
		op->app->spec.degraded_grace_ms, op->app->spec.pull_grace_ms,
		op->app->spec.crash_grace_ms,
	};
	struct settle_item *items = xcalloc(op->plan.tasks.len, sizeof(*items));
	struct settle_result r;
	uint64_t now = world_now(op->e->w), at;
	size_t n = 0;

	op->progress_now = 0;
	op->look_at = 0;
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (!belongs(op, t, all) && !op_probe_due(op, t))
			continue;
		gather(op, t, now, &items[n]);
		look_at_probe(op, t, &items[n++], now);
	}
	if (op->progress_now > op->progress) {
		op->progress = op->progress_now;
		op->progress_at = now;
	}
	settle_judge(items, n, &limits, now,
		     settle_deadline(items, n, op->progress_at,
				     op->app->spec.wave_deadline_ms), &r);
	if (r.verdict == SETTLE_DONE && r.waiting)
		warn_unsettled(op, items, n);
	if (r.verdict != SETTLE_BAD && r.verdict != SETTLE_LATE)
		doubt(op, NULL);
	else if (!is_sure(op, &items[r.culprit].key))
		r.verdict = SETTLE_WAIT;	/* the list's end pokes */
	say(op, r.message);
	at = op->look_at && (!r.again_at || op->look_at < r.again_at) ?
	     op->look_at : r.again_at;
	if (r.verdict == SETTLE_WAIT && at)
		world_timer_start(op->e->w, &op->timer, at > now ? at - now : 1);
	if (r.verdict == SETTLE_BAD || r.verdict == SETTLE_LATE) {
		struct err bad = ERR_INIT;

		op->may_pass = op->may_pass || r.may_pass;
		note_faults(op, items, n, &r);
		op_gather(op, items, n, r.culprit);
		err_set(&bad, ERR_INVALID, "%s", r.message);
		op_fail(op, OP_BAD, &bad);
	}
	free(items);
	return r.verdict;
}

struct fact *op_fact(struct op *op, const struct objkey *k, bool make)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct fact *f;

	objkey_format(k, &key);
	HASH_FIND_STR(op->facts, buf_str(&key), f);
	if (f || !make)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->key = buf_steal(&key, NULL);
	HASH_ADD_KEYPTR(hh, op->facts, f->key, strlen(f->key), f);
	return f;
}

void op_facts_free(struct op *op)
{
	struct fact *f, *next;

	doubt(op, NULL);
	HASH_ITER(hh, op->facts, f, next) {
		HASH_DEL(op->facts, f);
		podwatch_free(f->pods);
		op_probe_free(f->probe);
		free(f->key);
		free(f);
	}
}

/*
 * A gate shut meanwhile: nothing of a wave after that one is begun. A wave that stands
 * is judged first, so that a bad one is still put back; what has nothing left to apply
 * goes on to its end.
 */
bool op_holds_after(struct op *op, int wave)
{
	bool more = false;

	for (size_t i = 0; op->hold && i < op->plan.tasks.len; i++)
		more |= op->plan.tasks.data[i].wave > wave &&
			op->plan.tasks.data[i].verb == TASK_APPLY;
	if (!more)
		return false;
	op->app->stopped_op = true;
	op_supersede(op, "a gate was shut");
	return op_cancel_if_superseded(op);
}
