/*
 * Keeps the one Application that --bootstrap-repo asks for: the leader makes it where it
 * is missing and puts its spec back where somebody changed it. All else about it is the
 * ordinary path: what it applies are Applications like any others.
 *
 * Its spec is ours alone, to the last field; its metadata is the people's: a pin, a
 * suspension, a soak of its own stay. It is deleted by nobody but them, and comes back
 * while the flags are there; without them it stays as an Application of theirs. Ways to
 * fail: a write is refused, or somebody writes against us: it is written again with a
 * growing pause. A replacement bears the version that was read, so that no status is lost.
 */
#include "engine_priv.h"

#define QUIET_MS 1000		/* after a write; doubled while it does not help */
#define QUIET_MAX_MS 60000

struct bootstrap {
	struct engine *engine;
	json_t *spec;		/* as it has to be */
	json_t *now;		/* as last seen; NULL: there is none */
	bool seen, listed;	/* it is in the list under way; one has come to its end */
	struct kube_request write;
	char *body;
	uint64_t wrote_at, quiet_ms;	/* mono; 0 = never */
	struct world_timer timer;
};

static void tick(struct bootstrap *b);

static void on_timer(struct world_timer *t)
{
	tick(container_of(t, struct bootstrap, timer));
}

static bool is_it(const struct engine *e, const json_t *app)
{
	const char *ns = doc_get_str(app, "metadata", "namespace", NULL);
	const char *name = doc_get_str(app, "metadata", "name", NULL);

	return ns && name && !strcmp(ns, e->ns) && !strcmp(name, BOOTSTRAP_NAME);
}

static void set_now(struct bootstrap *b, const json_t *app)
{
	json_decref(b->now);
	b->now = app ? json_deep_copy(app) : NULL;
}

/* ---- writing ---- */

static void on_written(struct kube_request *r, const struct err *err)
{
	struct bootstrap *b = container_of(r, struct bootstrap, write);

	free(b->body);
	b->body = NULL;
	if (err->code == ERR_CONFLICT) {	/* the watch brings what is there */
		world_timer_start(b->engine->w, &b->timer, b->quiet_ms);
		return;
	}
	if (err->code) {
		engine_log(b->engine, LOG_WARN, NULL, "writing the Application %s/%s that "
			   "--bootstrap-repo asks for: %s (trying again)", b->engine->ns,
			   BOOTSTRAP_NAME, err->msg);
	} else {
		engine_log(b->engine, LOG_INFO, NULL, "the Application %s/%s is %s",
			   b->engine->ns, BOOTSTRAP_NAME, b->now ? "put back" : "made");
		set_now(b, r->json);
	}
	tick(b);
}

static json_t *wanted(const struct bootstrap *b)
{
	json_t *o;

	if (!b->now)
		return json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s}},s:O}",
			"apiVersion", "argoproj.io/v1alpha1", "kind", "Application",
			"metadata", "name", BOOTSTRAP_NAME, "namespace", b->engine->ns,
			"labels", "app.kubernetes.io/part-of", "syncd", "spec", b->spec);
	o = json_deep_copy(b->now);
	json_object_del(doc_get(o, "metadata", NULL), "managedFields");
	json_object_set(o, "spec", b->spec);
	return o;
}

static void write_it(struct bootstrap *b)
{
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1", .resource = "applications",
		.ns = b->engine->ns, .name = b->now ? BOOTSTRAP_NAME : NULL,
	};
	_cleanup_json_ json_t *o = wanted(b);
	struct buf body = BUF_INIT;
	size_t len;

	doc_write(o, &body);
	b->body = buf_steal(&body, &len);
	if (b->now)
		kube_replace_init(&b->write, &ref, FIELD_MANAGER, b->body, len);
	else
		kube_create_init(&b->write, &ref, FIELD_MANAGER, b->body, len);
	b->write.parse = true;
	b->write.on_done = on_written;
	kube_start(b->engine->kube, &b->write);
}

/* ---- what is to be done ---- */

static bool is_right(const struct bootstrap *b)
{
	if (!b->now)
		return false;
	/* One that goes cannot be kept: it is made anew afterwards. */
	return doc_get_str(b->now, "metadata", "deletionTimestamp", NULL) ||
	       doc_equal(doc_get(b->now, "spec", NULL), b->spec);
}

/* True: it may be written now. A change an hour later is put back at once again. */
static bool take_turn(struct bootstrap *b)
{
	uint64_t now = world_now(b->engine->w);

	if (b->wrote_at && now < b->wrote_at + b->quiet_ms) {
		world_timer_start(b->engine->w, &b->timer, b->wrote_at + b->quiet_ms - now);
		return false;
	}
	if (!b->wrote_at || now > b->wrote_at + 2 * QUIET_MAX_MS)
		b->quiet_ms = QUIET_MS;
	else if (b->quiet_ms < QUIET_MAX_MS)
		b->quiet_ms *= 2;
	b->wrote_at = now;
	return true;
}

static void tick(struct bootstrap *b)
{
	if (b->listed && !is_right(b) && !kube_running(&b->write) &&
	    !b->engine->stopping && take_turn(b))
		write_it(b);
}

/* ---- as the watch of Applications tells ---- */

void bootstrap_on_reset(struct bootstrap *b)
{
	if (b)
		b->seen = false;
}

void bootstrap_on_app(struct bootstrap *b, enum watch_event ev, const json_t *app)
{
	if (!b || !is_it(b->engine, app))
		return;
	b->seen = ev != WATCH_DELETED;
	set_now(b, b->seen ? app : NULL);
	tick(b);
}

void bootstrap_on_synced(struct bootstrap *b)
{
	if (!b)
		return;
	b->listed = true;
	if (!b->seen)
		set_now(b, NULL);
	tick(b);
}

/* ---- life ---- */

struct bootstrap *bootstrap_new(struct engine *e, const struct engine_bootstrap *c)
{
	struct bootstrap *b;

	if (!c->repo)
		return NULL;
	b = xcalloc(1, sizeof(*b));
	b->engine = e;
	b->timer.fn = on_timer;
	b->spec = json_pack("{s:s,s:{s:s,s:s,s:s},s:{s:s,s:s},s:{s:{s:b,s:b}}}",
		"project", "default",
		"source", "repoURL", c->repo, "path", c->path,
		"targetRevision", c->revision && *c->revision ? c->revision : "HEAD",
		"destination", "server", "https://kubernetes.default.svc",
		"namespace", e->ns,
		"syncPolicy", "automated", "prune", 1, "selfHeal", 1);
	return b;
}

struct bootstrap *bootstrap_free(struct bootstrap *b)
{
	if (!b)
		return NULL;
	kube_abandon(b->engine->kube, &b->write);
	kube_request_deinit(&b->write);
	world_timer_stop(b->engine->w, &b->timer);
	json_decref(b->spec);
	json_decref(b->now);
	free(b->body);
	free(b);
	return NULL;
}
