/*
 * The breaker in life: what breaker.h judges is gathered here when a revert is to
 * begin, and again every half minute while one waits or it is open. Nodes are watched
 * only then. Nothing of it is stored: another process gathers anew.
 *
 * Happy path: the nodes are listed (some ms), it is closed, the revert begins.
 */
#include "app_priv.h"
#include "breaker.h"

#include <stdio.h>

#define NODES_WITHIN_MS 3000	/* then it is judged without them */
#define AGAIN_MS 30000
#define JUDGED_MS 1000		/* a verdict is good for so long */

struct node {
	char *name;
	unsigned seen;
	struct breaker_node facts;
};

struct breaker {
	struct engine *engine;
	struct watch *watch;	/* of nodes; NULL while no revert is near */
	uint64_t asked_at;
	unsigned list_no;
	bool refused;		/* they cannot be listed */
	VEC(struct node) nodes;
	struct world_timer timer;
	uint64_t judged_at;	/* mono; 0 = not yet */
	bool open;
	char why[200];
	int64_t since_ms, passed_ms;
	uint64_t passed_at;	/* mono; of passed_ms */
};

/* ---- nodes ---- */

static void node_drop(struct breaker *b, size_t i)
{
	free(b->nodes.data[i].name);
	b->nodes.data[i] = b->nodes.data[--b->nodes.len];
}

static void on_reset(void *arg)
{
	((struct breaker *)arg)->list_no++;
}

static void on_node(void *arg, enum watch_event ev, const json_t *o)
{
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	struct breaker *b = arg;
	size_t i = 0;

	if (!name)
		return;
	while (i < b->nodes.len && strcmp(b->nodes.data[i].name, name))
		i++;
	if (ev == WATCH_DELETED) {
		if (i < b->nodes.len)
			node_drop(b, i);
		return;
	}
	if (i == b->nodes.len)
		vec_push(&b->nodes, ((struct node){ .name = xstrdup(name) }));
	b->nodes.data[i].facts = breaker_read_node(o);
	b->nodes.data[i].seen = b->list_no;
}

static bool is_waiting(const struct app *a)
{
	return a->present && !a->op && !a->rec.op.id[0] &&
	       (a->rec.phase == PHASE_REVERTING ||
		a->rec.phase == PHASE_REVERT_BLOCKED ||
		a->rec.phase == PHASE_REVERT_STALLED);
}

static void poke_waiting(struct engine *e)
{
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next)
		if (is_waiting(a))
			app_poke(a);
}

static void on_synced(void *arg)
{
	struct breaker *b = arg;

	for (size_t i = b->nodes.len; i-- > 0;)
		if (b->nodes.data[i].seen != b->list_no)
			node_drop(b, i);
	b->judged_at = 0;
	poke_waiting(b->engine);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct breaker *b = arg;

	if (!err->code)
		return;
	engine_log(b->engine, LOG_INFO, NULL, "the nodes cannot be listed: %s; whether "
		   "a failure is theirs is judged without them", err->msg);
	b->refused = true;
	poke_waiting(b->engine);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_node, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static void forget_nodes(struct breaker *b)
{
	b->watch = watch_free(b->watch);
	b->refused = false;
	while (b->nodes.len)
		node_drop(b, b->nodes.len - 1);
}

/* False: they are being asked for. */
static bool know_nodes(struct breaker *b)
{
	struct kube_ref ref = { .version = "v1", .resource = "nodes" };
	struct world *w = b->engine->w;

	if (!b->watch) {
		b->asked_at = world_now(w);
		b->watch = watch_new(b->engine->kube, &ref, NULL, NULL, &handler, b);
		world_timer_stop(w, &b->timer);
		world_timer_start(w, &b->timer, NODES_WITHIN_MS);
	}
	return watch_synced(b->watch) || b->refused ||
	       world_now(w) >= b->asked_at + NODES_WITHIN_MS;
}

/* ---- applications ---- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When did we last do anything for it? */
static int64_t operated_at(const struct app *a)
{
	int64_t ms = later(a->op_view.finished_ms, a->told.finished_ms);

	if (a->op || a->rec.op.id[0] || a->rec.phase == PHASE_SOAKING)
		return world_wall(a->engine->w);
	for (size_t i = 0; i < a->rec.releases.len; i++) {
		const struct release *r = &a->rec.releases.data[i];

		ms = later(ms, later(r->created_ms, r->deployed_ms));
	}
	return later(ms, a->rec.last_revert_ms);
}

/* A first release changed nothing: what fails half an hour later is not its commit. */
static const char *commit_of(struct app *a)
{
	const struct release *r = record_release(&a->rec, a->rec.target);

	return r && r->id > 1 ? r->revision : "";
}

static struct breaker_app *read_apps(struct engine *e, size_t *ret_n)
{
	struct breaker_app *all = xcalloc(HASH_COUNT(e->apps), sizeof(*all));
	struct app *a, *next;

	*ret_n = 0;
	HASH_ITER(hh, e->apps, a, next) {
		if (!a->present || a->aside || !a->rec.target)
			continue;
		all[(*ret_n)++] = (struct breaker_app){
			.health = health_from_str(a->told.health),
			.since_ms = a->told.health_since_ms,
			.operated_ms = operated_at(a), .commit = commit_of(a) };
	}
	return all;
}

/* ---- the verdict ---- */

static struct breaker_node *read_nodes(const struct breaker *b)
{
	struct breaker_node *all = xcalloc(b->nodes.len, sizeof(*all));

	for (size_t i = 0; i < b->nodes.len; i++)
		all[i] = b->nodes.data[i].facts;
	return all;
}

static void tell(struct breaker *b, const struct breaker_verdict *v)
{
	struct engine *e = b->engine;

	if (v->open && !b->open) {
		b->since_ms = world_wall(e->w);
		engine_log(e, LOG_ERROR, NULL, "the breaker is open: %s; reverts go one at "
			   "a time until one succeeds", v->why);
	} else if (!v->open && b->open) {
		engine_log(e, LOG_WARN, NULL, "the breaker is closed again: what opened it "
			   "is over");
	}
	b->open = v->open;
	snprintf(b->why, sizeof(b->why), "%s", v->why);
}

static void judge(struct breaker *b)
{
	struct engine *e = b->engine;
	struct breaker_in in = {
		.n_nodes = b->nodes.len, .now_ms = world_wall(e->w),
		.passed_ms = b->passed_ms,
	};
	struct breaker_node *nodes = read_nodes(b);
	struct breaker_app *apps = read_apps(e, &in.n_apps);
	struct breaker_verdict v;

	in.nodes = nodes;
	in.apps = apps;
	kube_recent(e->kube, b->passed_at, &in.requests, &in.failed);
	breaker_judge(&in, &v);
	free(nodes);
	free(apps);
	b->judged_at = world_now(e->w);
	tell(b, &v);
}

static bool is_near(struct engine *e)
{
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next)
		if (is_waiting(a))
			return true;
	return false;
}

static void on_timer(struct world_timer *t)
{
	struct breaker *b = container_of(t, struct breaker, timer);

	judge(b);
	if (!b->open && !is_near(b->engine)) {
		forget_nodes(b);
		return;
	}
	poke_waiting(b->engine);
	world_timer_start(b->engine->w, &b->timer, AGAIN_MS);
}

/* ---- for app_look.c and app_end.c ---- */

static const struct app *reverting(struct app *but)
{
	struct app *a, *next;

	HASH_ITER(hh, but->engine->apps, a, next)
		if (a != but && a->op && a->rec.op.kind == OP_REVERT)
			return a;
	return NULL;
}

/* Its failure may well be the cluster's: it gets another try. */
static void forgive(struct app *a)
{
	struct release *r = record_release(&a->rec, a->rec.pin_rejected);

	if (!r || r->may_pass)
		return;
	r->may_pass = true;
	a->rec_dirty = true;
}

static void hold(struct app *a, const struct app *first)
{
	const struct breaker *b = a->engine->breaker;
	bool new = !a->gates.held_back;

	a->gates.held_back = true;
	app_gate_say(&a->gates.held, "the revert waits for that of %.100s: %s, so reverts go "
		     "one at a time until one succeeds", first->id, b->why);
	if (!new)
		return;
	engine_log(a->engine, LOG_WARN, a, "%s", a->gates.held);
	engine_event(a->engine, a, "Warning", "RevertHeld", "%s", a->gates.held);
}

const char *breaker_holds(struct app *a)
{
	struct breaker *b = a->engine->breaker;
	const struct app *first;

	app_gate_say(&a->gates.held, "%s", "");
	if (!know_nodes(b)) {
		app_gate_say(&a->gates.held, "looking whether the nodes are well");
		return a->gates.held;
	}
	if (!b->judged_at || world_now(a->engine->w) >= b->judged_at + JUDGED_MS)
		judge(b);
	first = b->open ? reverting(a) : NULL;
	if (b->open)
		forgive(a);
	if (first)
		hold(a, first);
	else
		a->gates.held_back = false;
	return first ? a->gates.held : NULL;
}

void breaker_reverted(struct app *a, bool succeeded)
{
	struct breaker *b = a->engine->breaker;

	if (!b->open)
		return;
	if (succeeded) {
		engine_log(a->engine, LOG_WARN, a, "its revert succeeded: the breaker is "
			   "closed (%s)", b->why);
		engine_event(a->engine, a, "Normal", "BreakerClosed", "its revert succeeded, "
			     "the others follow: %s", b->why);
		b->open = false;
		b->passed_ms = world_wall(a->engine->w);
		b->passed_at = b->judged_at = world_now(a->engine->w);
	}
	poke_waiting(a->engine);
}

const char *breaker_words(const struct app *a, int64_t *ret_since_ms)
{
	const struct breaker *b = a->engine->breaker;
	bool runs = a->op && a->rec.op.kind == OP_REVERT;

	if (!b || !b->open || !(runs || is_waiting(a)))
		return NULL;
	*ret_since_ms = b->since_ms;
	return b->why;
}

bool breaker_is_open(const struct engine *e, unsigned *ret_held)
{
	struct app *a, *next;

	*ret_held = 0;
	HASH_ITER(hh, e->apps, a, next)
		*ret_held += a->gates.held_back && is_waiting(a);
	return e->breaker && e->breaker->open;
}

struct breaker *breaker_new(struct engine *e)
{
	struct breaker *b = xcalloc(1, sizeof(*b));

	b->engine = e;
	b->timer.fn = on_timer;
	return b;
}

struct breaker *breaker_free(struct breaker *b)
{
	if (!b)
		return NULL;
	world_timer_stop(b->engine->w, &b->timer);
	forget_nodes(b);
	vec_deinit(&b->nodes);
	free(b);
	return NULL;
}
