/*
 * Leader election on a Lease, by client-go's rules.
 *
 * Happy path: read the lease; nobody holds it (or its holder let it expire by our
 * clock): write our name with the resourceVersion read; as leader, write again
 * every retry_ms without reading. Ways to fail: a write conflicts or is lost (read
 * again and see); another one's name stands there (wait); no renewal within the
 * deadline, or another holder (lost: the leader is told, and becomes a candidate
 * again). Each try has a timeout of half the deadline, 10 s at most, and is never
 * repeated below.
 * A candidate that watches is told of each renewal and of a release, and tries when it
 * is free; without news it reads when what it saw last expires.
 *
 * All ages are taken from boot time, which goes on while the machine sleeps; a
 * renewal counts from when it was sent.
 */
#include "core/lease.h"

#include <assert.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "core/sm.h"
#include "core/watch.h"

#define SOON_MS 2000
#define TRY_MS 10000	/* at most: several fit before a long deadline */

enum { WAITING, READING, WRITING, RELEASE_READING, RELEASING, RELEASED };

static const struct sm_state states[] = {
	[WAITING] = { "Waiting", TO(READING) | TO(WRITING) | TO(RELEASE_READING) |
		      TO(RELEASED) },
	[READING] = { "Reading", TO(WAITING) | TO(WRITING) },
	[WRITING] = { "Writing", TO(WAITING) | TO(READING) },
	[RELEASE_READING] = { "ReleaseReading", TO(RELEASING) | TO(RELEASED) },
	[RELEASING] = { "Releasing", TO(RELEASED) },
	[RELEASED] = { "Released", 0 },
};

struct lease {
	struct kube *k;
	struct world *w;
	char *ns, *name, *identity;
	unsigned duration_ms, deadline_ms, retry_ms;
	struct lease_handler h;
	void *arg;

	struct sm sm;
	struct world_timer timer;	/* the next try */
	struct world_timer deadline;	/* as leader: lost then */
	struct world_task released;
	struct watch *watch;		/* while another holds it; NULL: none */
	bool watches;
	struct kube_request r;
	struct buf body;

	json_t *seen;			/* the Lease as read or written last */
	struct buf record;		/* its spec, to notice a change */
	uint64_t changed_at;		/* boot time when the record last changed */
	uint64_t sent_at;		/* boot time when the write was sent */
	uint64_t renewed_at;		/* sent_at of the last write that succeeded */
	int64_t epoch;			/* the most leaseTransitions seen; -1 at first */
	bool leading;
	bool missed;			/* news came while it read or wrote */
	bool reread;			/* this try has read again after a conflict */
	struct err why;			/* of the last failed try */
	void (*on_released)(void *arg);
	void *released_arg;
};

static void on_read(struct kube_request *r, const struct err *err);
static void on_written(struct kube_request *r, const struct err *err);

static uint64_t boot(const struct lease *l)
{
	return l->w->ops->now_boot(l->w);
}

static struct kube_ref ref_of(const struct lease *l)
{
	return (struct kube_ref){
		.group = "coordination.k8s.io",
		.version = "v1",
		.resource = "leases",
		.ns = l->ns,
		.name = l->name,
	};
}

/* ---- what the record says ---- */

const char *lease_holder(const struct lease *l)
{
	const char *holder = doc_get_str(l->seen, "spec", "holderIdentity", NULL);

	return holder ? holder : "";
}

static bool is_ours(const struct lease *l)
{
	return !strcmp(lease_holder(l), l->identity);
}

/* As its holder says. */
static uint64_t lives_ms(const struct lease *l)
{
	int64_t s = doc_get_int(l->seen, 0, "spec", "leaseDurationSeconds", NULL);

	return s > 0 ? (uint64_t)s * 1000 : l->duration_ms;
}

static bool is_free(const struct lease *l)
{
	return !lease_holder(l)[0] || is_ours(l) ||
	       boot(l) - l->changed_at >= lives_ms(l);
}

static int64_t transitions(const struct lease *l)
{
	return doc_get_int(l->seen, 0, "spec", "leaseTransitions", NULL);
}

/* Takes note of the record; its age starts anew when it differs. */
static void observe(struct lease *l, const json_t *lease)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;

	const json_t *now = doc_get(lease, "spec", NULL);

	if (now)		/* somebody may have emptied it */
		doc_canonical(now, &spec);
	if (!l->seen || strcmp(buf_str(&spec), buf_str(&l->record)) != 0)
		l->changed_at = boot(l);
	buf_clear(&l->record);
	buf_adds(&l->record, buf_str(&spec));
	json_decref(l->seen);
	l->seen = json_incref((json_t *)lease);
	if (transitions(l) > l->epoch)
		l->epoch = transitions(l);
}

static void forget(struct lease *l)
{
	json_decref(l->seen);
	l->seen = NULL;
	buf_clear(&l->record);
}

/* ---- writing it ---- */

static void set_str(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(value));
}

/* Our claim, or with holder "" its release, upon what was seen: labels stay. */
static void build(struct lease *l, const char *holder, unsigned seconds)
{
	_cleanup_json_ json_t *o = l->seen ? json_deep_copy(l->seen) :
		json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion",
			  "coordination.k8s.io/v1", "kind", "Lease", "metadata",
			  "name", l->name, "namespace", l->ns);
	json_t *spec = doc_get(o, "spec", NULL);
	char now[40];

	time_rfc3339_micro(world_wall(l->w), now);
	json_object_del(doc_get(o, "metadata", NULL), "managedFields");
	if (!json_is_object(spec)) {
		spec = json_object();
		json_object_set_new(o, "spec", spec);
	}
	set_str(spec, "holderIdentity", holder);
	json_object_set_new(spec, "leaseDurationSeconds", json_integer(seconds));
	set_str(spec, "renewTime", now);
	if (holder[0] && !l->leading)
		set_str(spec, "acquireTime", now);
	if (holder[0])
		json_object_set_new(spec, "leaseTransitions",
				    json_integer(l->epoch + !l->leading));
	buf_clear(&l->body);
	doc_write(o, &l->body);
}

/* The guard asks whether we hold the lease: it cannot guard the lease itself. */
static void send(struct lease *l, void (*on_done)(struct kube_request *r,
						  const struct err *err))
{
	l->r.is_write = false;
	l->r.parse = true;
	l->r.max_tries = 1;
	l->r.urgent = true;
	l->r.timeout_ms = l->deadline_ms / 2 < TRY_MS ? l->deadline_ms / 2 : TRY_MS;
	l->r.on_done = on_done;
	kube_start(l->k, &l->r);
}

static void write_lease(struct lease *l, const char *holder, unsigned seconds)
{
	struct kube_ref ref = ref_of(l);

	build(l, holder, seconds);
	kube_request_deinit(&l->r);
	if (l->seen)
		kube_replace_init(&l->r, &ref, "syncd", l->body.data, l->body.len);
	else
		kube_create_init(&l->r, &ref, "syncd", l->body.data, l->body.len);
	send(l, on_written);
}

static void claim(struct lease *l)
{
	sm_move(&l->sm, WRITING);
	l->sent_at = boot(l);
	write_lease(l, l->identity, (l->duration_ms + 999) / 1000);
}

static void read_lease(struct lease *l, int state)
{
	struct kube_ref ref = ref_of(l);

	sm_move(&l->sm, state);
	kube_request_deinit(&l->r);
	kube_get_init(&l->r, &ref);
	send(l, on_read);
}

/* ---- trying ---- */

/* Several candidates wait for the same moment: the one that meets it first writes. */
static uint64_t spread(const struct lease *l, unsigned ms)
{
	return l->w->ops->random(l->w) % (ms + 1);
}

static void watch_end(struct lease *l)
{
	l->watch = watch_free(l->watch);
}

/* Until what is watched expires; an event may come before. */
static uint64_t until_free(const struct lease *l)
{
	uint64_t age = boot(l) - l->changed_at, lives = lives_ms(l);

	return age < lives ? lives - age : 0;
}

/*
 * A leader keeps time. Candidates spread over 1 to 2.2 times retry_ms; those that
 * watch need only look when it expires. What got no answer is tried again soon, also
 * where a lease is renewed seldom.
 */
static void set_timer(struct lease *l)
{
	uint64_t ms = l->why.retry && l->retry_ms > SOON_MS ? SOON_MS : l->retry_ms;

	if (l->watch && watch_synced(l->watch) && l->seen && !is_free(l))
		ms = until_free(l) + spread(l, l->retry_ms / 4);
	else if (!l->leading)
		ms += spread(l, (unsigned)(ms * 6 / 5));
	world_timer_start(l->w, &l->timer, ms);
}

static void wait_for_next(struct lease *l)
{
	sm_move(&l->sm, WAITING);
	l->reread = false;
	if (l->missed && !l->leading)
		world_timer_start(l->w, &l->timer, spread(l, l->retry_ms / 10));
	else
		set_timer(l);
	l->missed = false;
}

/*
 * News while we wait: its holder renewed it, or let it go. What comes while we read
 * or write may be newer than the answer: it is read once more.
 */
static void on_watched(void *arg, enum watch_event ev, const json_t *lease)
{
	struct lease *l = arg;

	if (l->leading || ev == WATCH_DELETED)
		return;
	if (l->sm.state != WAITING) {
		l->missed = true;
		return;
	}
	observe(l, lease);
	if (is_free(l))
		world_timer_start(l->w, &l->timer, spread(l, l->retry_ms / 10));
	else
		set_timer(l);
}

static void on_list(void *arg)
{
	(void)arg;	/* it is of one object, whose event comes next */
}

/* From now on news come by themselves. */
static void on_synced(void *arg)
{
	struct lease *l = arg;

	if (!l->leading && l->sm.state == WAITING)
		set_timer(l);
}

static void watch_begin(struct lease *l)
{
	static const struct watch_handler handler = {
		.on_reset = on_list, .on_event = on_watched, .on_synced = on_synced,
	};
	_cleanup_free_ char *field = NULL;
	struct kube_ref ref = ref_of(l);

	if (!l->watches || l->watch)
		return;
	field = xasprintf("metadata.name=%s", l->name);
	ref.name = NULL;
	l->watch = watch_new(l->k, &ref, NULL, field, &handler, l);
}

/* Last touch: the handler may free the lease. */
static void lose(struct lease *l, const struct err *why)
{
	struct err copy = *why;

	l->leading = false;
	world_timer_stop(l->w, &l->deadline);
	l->h.on_lost(l->arg, &copy);
}

static bool overdue(const struct lease *l)
{
	return l->leading && boot(l) - l->renewed_at >= l->deadline_ms;
}

static void lose_overdue(struct lease *l)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_TIMEOUT, "lease %s/%s: not renewed for %u s%s%s", l->ns,
		l->name, l->deadline_ms / 1000, l->why.code ? ": " : "",
		l->why.code ? l->why.msg : "");
	lose(l, &why);
}

/* A try under way is given up: were it to succeed now, it would come too late. */
static void on_deadline(struct world_timer *t)
{
	struct lease *l = container_of(t, struct lease, deadline);

	kube_abandon(l->k, &l->r);
	if (l->sm.state != WAITING)
		wait_for_next(l);
	lose_overdue(l);
}

static void on_timer(struct world_timer *t)
{
	struct lease *l = container_of(t, struct lease, timer);

	/* The machine slept: the deadline passed, its timer did not notice. */
	if (overdue(l)) {
		read_lease(l, READING);
		lose_overdue(l);
		return;
	}
	if (l->leading)
		claim(l);
	else
		read_lease(l, READING);
}

static void lose_to_another(struct lease *l)
{
	const char *holder = lease_holder(l);
	struct err why = ERR_INIT;

	wait_for_next(l);
	err_set(&why, ERR_CONFLICT, "lease %s/%s: taken by %s", l->ns, l->name,
		holder[0] ? holder : "somebody who emptied it");
	lose(l, &why);
}

static void release_read(struct lease *l, const struct err *err);

static void on_read(struct kube_request *r, const struct err *err)
{
	struct lease *l = container_of(r, struct lease, r);

	if (!err->code)
		observe(l, r->json);
	else if (err->code == ERR_NOTFOUND)
		forget(l);
	if (l->sm.state == RELEASE_READING) {
		release_read(l, err);
		return;
	}
	if (err->code && err->code != ERR_NOTFOUND) {
		l->why = *err;
		wait_for_next(l);
		return;
	}
	l->why = ERR_INIT;
	if (l->leading && l->seen && !is_ours(l)) {
		lose_to_another(l);
	} else if (is_free(l)) {
		claim(l);
	} else {
		watch_begin(l);
		wait_for_next(l);
	}
}

static void on_renewed(struct lease *l)
{
	bool was_leading = l->leading;
	uint64_t spent;

	l->why = ERR_INIT;
	l->renewed_at = l->sent_at;
	l->leading = true;
	watch_end(l);
	spent = boot(l) - l->sent_at;
	world_timer_start(l->w, &l->deadline, spent < l->deadline_ms ?
			  l->deadline_ms - spent : 0);
	wait_for_next(l);
	if (!was_leading)
		l->h.on_acquired(l->arg, (uint64_t)transitions(l));
}

static void finish_release(struct lease *l);

static void on_written(struct kube_request *r, const struct err *err)
{
	struct lease *l = container_of(r, struct lease, r);

	if (l->sm.state == RELEASING) {
		finish_release(l);
		return;
	}
	if (!err->code) {
		observe(l, r->json);
		on_renewed(l);
		return;
	}
	l->why = *err;
	/* Somebody wrote, or our own lost write arrived: read to know. */
	if (!l->reread &&
	    (err->code == ERR_CONFLICT || err->code == ERR_NOTFOUND)) {
		l->reread = true;
		read_lease(l, READING);
	} else {
		wait_for_next(l);
	}
}

/* ---- release ---- */

static void on_released(struct world_task *t)
{
	struct lease *l = container_of(t, struct lease, released);

	l->on_released(l->released_arg);
}

static void finish_release(struct lease *l)
{
	sm_move(&l->sm, RELEASED);
	l->released.fn = on_released;
	world_defer(l->w, &l->released);
}

static void release_read(struct lease *l, const struct err *err)
{
	if (err->code || !is_ours(l)) {
		finish_release(l);
		return;
	}
	sm_move(&l->sm, RELEASING);
	write_lease(l, "", 1);
}

/* A write under way may or may not land: what stands there is read first. */
void lease_release(struct lease *l, void (*on_done)(void *arg), void *arg)
{
	bool may_hold = l->leading || l->sm.state == WRITING;

	assert(!l->on_released);
	l->on_released = on_done;
	l->released_arg = arg;
	l->leading = false;
	watch_end(l);
	kube_abandon(l->k, &l->r);
	world_timer_stop(l->w, &l->timer);
	world_timer_stop(l->w, &l->deadline);
	if (l->sm.state != WAITING)
		sm_move(&l->sm, WAITING);
	if (may_hold)
		read_lease(l, RELEASE_READING);
	else
		finish_release(l);
}

/* ---- the caller's side ---- */

struct lease *lease_new(struct kube *k, const struct lease_config *c,
			const struct lease_handler *h, void *arg)
{
	struct lease *l = xcalloc(1, sizeof(*l));

	l->k = k;
	l->w = kube_world(k);
	l->ns = xstrdup(c->ns);
	l->name = xstrdup(c->name);
	l->identity = xstrdup(c->identity);
	l->duration_ms = c->duration_ms ? c->duration_ms : 15000;
	l->deadline_ms = c->renew_deadline_ms ? c->renew_deadline_ms : 10000;
	l->retry_ms = c->retry_ms ? c->retry_ms : 2000;
	l->watches = c->watch;
	l->h = *h;
	l->arg = arg;
	l->epoch = -1;
	l->timer.fn = on_timer;
	l->deadline.fn = on_deadline;
	sm_init(&l->sm, states, WAITING);
	read_lease(l, READING);
	return l;
}

bool lease_held(const struct lease *l, unsigned margin_ms)
{
	return l->leading &&
	       boot(l) + margin_ms < l->renewed_at + l->duration_ms;
}

struct lease *lease_free(struct lease *l)
{
	if (!l)
		return NULL;
	watch_end(l);
	kube_abandon(l->k, &l->r);
	kube_request_deinit(&l->r);
	world_timer_stop(l->w, &l->timer);
	world_timer_stop(l->w, &l->deadline);
	world_undefer(l->w, &l->released);
	buf_deinit(&l->body);
	buf_deinit(&l->record);
	json_decref(l->seen);
	free(l->ns);
	free(l->name);
	free(l->identity);
	free(l);
	return NULL;
}
