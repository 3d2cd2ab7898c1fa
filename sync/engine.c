/*
 * The engine's life: discovery -> own namespace -> install id -> election ->
 * records -> Applications. Every step is retried with a growing pause until it
 * succeeds; a standby stops before the election's end and is ready all the same.
 * A leader that loses its lease asks the process to end: the next one continues
 * from the records.
 */
#include "engine_priv.h"

#include "claims.h"
#include "donors.h"
#include "grace.h"
#include "keyring.h"
#include "orphans.h"
#include "scripts.h"
#include "settings.h"
#include "turns.h"

#include <stdio.h>

#define DISCOVERY_FRESH_MS 1000

enum {
	BOOT_IDLE,
	BOOT_DISCOVERY,
	BOOT_NAMESPACE,
	BOOT_NAMESPACE_MAKE,
	BOOT_INSTALL,
	BOOT_INSTALL_MAKE,
	BOOT_ELECTION,
	BOOT_RECORDS,
	BOOT_RUNNING,
};

static const struct sm_state states[] = {
	[BOOT_IDLE] = { "Idle", TO(BOOT_DISCOVERY) },
	[BOOT_DISCOVERY] = { "Discovery", TO(BOOT_NAMESPACE) },
	[BOOT_NAMESPACE] = { "Namespace", TO(BOOT_NAMESPACE_MAKE) |
			     TO(BOOT_INSTALL) },
	[BOOT_NAMESPACE_MAKE] = { "CreatingNamespace", TO(BOOT_NAMESPACE) },
	[BOOT_INSTALL] = { "Install", TO(BOOT_INSTALL_MAKE) |
			   TO(BOOT_ELECTION) },
	[BOOT_INSTALL_MAKE] = { "CreatingInstall", TO(BOOT_INSTALL) },
	[BOOT_ELECTION] = { "Standby", TO(BOOT_RECORDS) },
	[BOOT_RECORDS] = { "Records", TO(BOOT_RUNNING) },
	[BOOT_RUNNING] = { "Running", 0 },
};

#define RETRY_MAX_MS 30000

static void boot(struct engine *e);

void engine_log(struct engine *e, enum log_level level, const struct app *a,
		const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	log_at(e->w, level, buf_str(&text), "application", a ? a->id : NULL, NULL);
}

void engine_event(struct engine *e, const struct app *a, const char *type,
		  const char *reason, const char *fmt, ...)
{
	struct event_object about = {
		.api_version = "argoproj.io/v1alpha1", .kind = "Application",
		.ns = a->spec.ns, .name = a->spec.name, .uid = a->spec.uid,
		.resource_version = a->spec.resource_version,
	};
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list ap;

	if (!a->present || !e->events)
		return;
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	events_emit(e->events, &about, type, reason, reason, buf_str(&text));
}

/*
 * What a network held back must not reach the API server when another leads: it is
 * dropped within the time between the last write and the lease's end.
 */
static unsigned unacked_ms(const struct engine_config *c)
{
	unsigned lives = c->lease_ms ? c->lease_ms : 15000;
	unsigned renews = c->renew_deadline_ms ? c->renew_deadline_ms : 10000;

	return c->leader_elect ? lives - renews : 0;
}

bool engine_may_write(void *arg)
{
	struct engine *e = arg;

	if (e->fatal || e->draining)
		return false;
	if (!e->lease || e->sm.state < BOOT_RECORDS)
		return true;	/* no election, or the steps before it */
	/* Also where this process was not let run since its last renewal. */
	return lease_held(e->lease, unacked_ms(&e->cfg));
}

void engine_fatal(struct engine *e, const struct err *why)
{
	e->fatal = true;	/* also while stopping: somebody else writes */
	if (e->stopping)
		return;
	e->stopping = true;
	e->leading = false;
	engine_log(e, LOG_ERROR, NULL, "cannot go on: %s", why->msg);
	if (e->cfg.on_fatal)
		e->cfg.on_fatal(e->cfg.arg, why);
}

/* ---- retrying a step ---- */

static void on_retry(struct world_timer *t)
{
	boot(container_of(t, struct engine, retry));
}

static void step_failed(struct engine *e, const struct err *err)
{
	uint64_t wait = 1000;

	if (e->stopping)
		return;		/* the timer is the drain's */
	for (unsigned i = 0; i < e->retries && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	e->retries++;
	engine_log(e, LOG_WARN, NULL, "%s: %s (trying again)", sm_name(&e->sm),
		   err->msg);
	world_timer_start(e->w, &e->retry,
			  world_jitter(e->w, wait < RETRY_MAX_MS ? wait :
				       RETRY_MAX_MS, 20));
}

static void step(struct engine *e, int next)
{
	e->retries = 0;
	sm_move(&e->sm, next);
	boot(e);
}

/* ---- discovery ---- */

static void on_discovered(void *arg, const struct err *err)
{
	struct engine *e = arg;

	e->discovered_at = world_now(e->w);
	if (err->code)
		step_failed(e, err);
	else
		step(e, BOOT_NAMESPACE);
}

/* ---- own namespace and install id ---- */

static void on_namespace(struct kube_request *r, const struct err *err)
{
	struct engine *e = container_of(r, struct engine, boot);

	if (!err->code)
		step(e, BOOT_INSTALL);
	else if (err->code == ERR_NOTFOUND)
		step(e, BOOT_NAMESPACE_MAKE);
	else
		step_failed(e, err);
}

static void on_made(struct kube_request *r, const struct err *err)
{
	struct engine *e = container_of(r, struct engine, boot);

	free(e->boot_body);
	e->boot_body = NULL;
	if (err->code && err->code != ERR_CONFLICT) {
		step_failed(e, err);
		return;
	}
	step(e, e->sm.state == BOOT_NAMESPACE_MAKE ? BOOT_NAMESPACE :
						     BOOT_INSTALL);
}

static void on_install(struct kube_request *r, const struct err *err)
{
	struct engine *e = container_of(r, struct engine, boot);
	const char *id = doc_get_str(r->json, "data", "id", NULL);

	if (err->code == ERR_NOTFOUND) {
		step(e, BOOT_INSTALL_MAKE);
		return;
	}
	if (err->code) {
		step_failed(e, err);
		return;
	}
	if (!id || !*id || strlen(id) >= sizeof(e->install_id)) {
		struct err bad = ERR_INIT;

		err_set(&bad, ERR_INVALID, "ConfigMap %s/syncd-install has no "
			"data.id of at most %zu characters", e->ns,
			sizeof(e->install_id) - 1);
		step_failed(e, &bad);
		return;
	}
	snprintf(e->install_id, sizeof(e->install_id), "%s", id);
	step(e, BOOT_ELECTION);
}

static void make(struct engine *e, const char *resource, char *body, const char *ns)
{
	struct kube_ref ref = { .version = "v1", .resource = resource, .ns = ns };

	free(e->boot_body);
	e->boot_body = body;
	kube_create_init(&e->boot, &ref, FIELD_MANAGER, body, strlen(body));
	e->boot.on_done = on_made;
	kube_start(e->kube, &e->boot);
}

static void get(struct engine *e, const char *resource, const char *ns,
		const char *name,
		void (*on_done)(struct kube_request *r, const struct err *err))
{
	struct kube_ref ref = { .version = "v1", .resource = resource, .ns = ns,
				.name = name };

	kube_get_init(&e->boot, &ref);
	e->boot.parse = true;
	e->boot.on_done = on_done;
	kube_start(e->kube, &e->boot);
}

/* ---- election ---- */

/* A standby knows the kinds of when it began; better those than none. */
static void on_led(void *arg, const struct err *err)
{
	struct engine *e = arg;

	if (err->code)
		engine_log(e, LOG_WARN, NULL, "asking which kinds there are: %s",
			   err->msg);
	if (!e->fatal && !e->stopping)
		step(e, BOOT_RECORDS);
}

static void on_acquired(void *arg, uint64_t transitions)
{
	struct engine *e = arg;

	/* The lease stands for election again after a loss; we are to end. */
	if (e->fatal || e->stopping)
		return;
	e->epoch = transitions;
	engine_log(e, LOG_INFO, NULL, "leading as %s (epoch %llu)", e->identity,
		   (unsigned long long)transitions);
	if (world_now(e->w) < e->discovered_at + DISCOVERY_FRESH_MS)
		step(e, BOOT_RECORDS);
	else
		discovery_refresh(e->discovery, on_led, e);
}

static void on_lost(void *arg, const struct err *why)
{
	engine_fatal(arg, why);
}

static void elect(struct engine *e)
{
	static const struct lease_handler handler = {
		.on_acquired = on_acquired, .on_lost = on_lost,
	};
	struct lease_config c = { .ns = e->ns, .name = "syncd-leader",
				  .identity = e->identity, .watch = true,
				  .duration_ms = e->cfg.lease_ms,
				  .renew_deadline_ms = e->cfg.renew_deadline_ms,
				  .retry_ms = e->cfg.retry_period_ms };

	if (!e->cfg.leader_elect) {
		step(e, BOOT_RECORDS);
		return;
	}
	if (!e->lease)
		e->lease = lease_new(e->kube, &c, &handler, e);
}

/* ---- Applications ---- */

struct app_watch {
	struct engine *engine;
	char *ns;		/* NULL: all */
	struct watch *watch;
	unsigned list_no;
	bool synced;
};

static bool has_own_ns(const struct app_watch *aw)
{
	return !aw->ns || !strcmp(aw->ns, aw->engine->ns);
}

static void on_app_reset(void *arg)
{
	struct app_watch *aw = arg;

	aw->list_no++;
	if (has_own_ns(aw))
		bootstrap_on_reset(aw->engine->bootstrap);
}

static void on_app(void *arg, enum watch_event ev, const json_t *o)
{
	struct app_watch *aw = arg;
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	if (!ns || !name)
		return;
	bootstrap_on_app(aw->engine->bootstrap, ev, o);
	if (ev == WATCH_DELETED) {
		app_on_gone(aw->engine, ns, name);
		return;
	}
	app_on_object(aw->engine, o);
	app_get(aw->engine, ns, name)->seen = aw->list_no;
}

/* What a new list does not hold was deleted while we were not watching. */
static void on_apps_synced(void *arg)
{
	struct app_watch *aw = arg;
	struct app *a, *next;

	aw->synced = true;
	HASH_ITER(hh, aw->engine->apps, a, next)
		if (a->present && a->seen != aw->list_no &&
		    (!aw->ns || !strcmp(a->spec.ns, aw->ns)))
			app_on_gone(aw->engine, a->spec.ns, a->spec.name);
	if (has_own_ns(aw))
		bootstrap_on_synced(aw->engine->bootstrap);
}

static void on_apps_trouble(void *arg, const struct err *err)
{
	struct engine *e = ((struct app_watch *)arg)->engine;

	if (err->code == ERR_UNSERVED)
		engine_log(e, LOG_ERROR, NULL, "the Application CRD is not "
			   "installed: kubectl apply -f manifests/crds (waiting)");
	else if (err->code)
		engine_log(e, err->retry ? LOG_INFO : LOG_WARN, NULL,
			   "watch of Applications: %s", err->msg);
}

static const struct watch_handler app_handler = {
	.on_reset = on_app_reset, .on_event = on_app,
	.on_synced = on_apps_synced, .on_trouble = on_apps_trouble,
};

static void watch_apps(struct engine *e)
{
	for (char **ns = e->app_namespaces; *ns; ns++) {
		struct kube_ref ref = {
			.group = "argoproj.io", .version = "v1alpha1",
			.resource = "applications",
			.ns = strcmp(*ns, "*") ? *ns : NULL,
		};

		struct app_watch *aw = xcalloc(1, sizeof(*aw));

		aw->engine = e;
		aw->ns = xstrdup(ref.ns);
		aw->watch = watch_new(e->kube, &ref, NULL, NULL, &app_handler, aw);
		vec_push(&e->app_watches, aw);
	}
}

static void on_records(void *arg, const struct err *err)
{
	struct engine *e = arg;

	if (err->code) {
		step_failed(e, err);
		return;
	}
	if (e->stopping)
		return;
	e->loaded = true;
	e->leading = true;
	step(e, BOOT_RUNNING);
}

static void boot(struct engine *e)
{
	char body[512];

	switch (e->sm.state) {
	case BOOT_IDLE:
		step(e, BOOT_DISCOVERY);
		break;
	case BOOT_DISCOVERY:
		discovery_refresh(e->discovery, on_discovered, e);
		break;
	case BOOT_NAMESPACE:
		get(e, "namespaces", NULL, e->ns, on_namespace);
		break;
	case BOOT_NAMESPACE_MAKE:
		snprintf(body, sizeof(body), "{\"apiVersion\":\"v1\",\"kind\":"
			 "\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", e->ns);
		make(e, "namespaces", xstrdup(body), NULL);
		break;
	case BOOT_INSTALL:
		get(e, "configmaps", e->ns, "syncd-install", on_install);
		break;
	case BOOT_INSTALL_MAKE:
		snprintf(body, sizeof(body), "{\"apiVersion\":\"v1\",\"kind\":"
			 "\"ConfigMap\",\"metadata\":{\"name\":\"syncd-install\"},"
			 "\"data\":{\"id\":\"%012llx\"}}", (unsigned long long)
			 (e->w->ops->random(e->w) & 0xffffffffffffULL));
		make(e, "configmaps", xstrdup(body), e->ns);
		break;
	case BOOT_ELECTION:
		if (e->cfg.webhook_name && !e->certkeeper)
			e->certkeeper = certkeeper_new(e);
		if (e->cfg.push_webhooks && !e->nudges)
			e->nudges = nudges_new(e);
		elect(e);
		break;
	case BOOT_RECORDS:
		store_load(e, on_records, e);
		break;
	case BOOT_RUNNING:
		certkeeper_lead(e->certkeeper);
		e->creds = creds_new(e);
		e->projects = projects_new(e);
		e->keyring = keyring_new(e);
		e->pause = pause_new(e);
		e->breaker = breaker_new(e);
		e->scripts = scripts_new(e);
		e->settings = settings_new(e);
		e->donors = donors_new(e);
		e->grace = grace_new(e);
		e->orphans = orphans_new(e);
		e->notify = notify_new(e);
		e->claims = claims_new(e);
		source_start(e);
		watch_apps(e);
		sweep_start(e);
		break;
	default:
		break;
	}
}

/* ---- life ---- */

/* more: one that it must hold, unless it stands for everything; NULL. */
static char **copy_list(const char *const *list, const char *more)
{
	size_t n = 0;
	char **copy;

	for (; list && list[n]; n++)
		if (more && (!strcmp(list[n], more) || !strcmp(list[n], "*")))
			more = NULL;
	copy = xcalloc(n + 2, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	copy[n] = more ? xstrdup(more) : NULL;
	return copy;
}

static void free_list(char **list)
{
	for (char **s = list; *s; s++)
		free(*s);
	free(list);
}

struct engine *engine_new(struct world *w, const struct engine_config *c)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	struct kube_limits limits = { .max_in_flight = c->max_requests,
				      .unacked_ms = unacked_ms(c) };

	e->w = w;
	e->cfg = *c;
	e->cfg.poll_ms = c->poll_ms ? c->poll_ms : 60000;
	e->ns = xstrdup(c->ns);
	e->identity = xstrdup(c->identity);
	e->mirrors = xstrdup(c->mirrors);
	snprintf(e->cluster, sizeof(e->cluster), "%s", c->cluster ? c->cluster : "in-cluster");
	e->app_namespaces = copy_list(c->app_namespaces, c->bootstrap.repo ? c->ns : NULL);
	e->remote_hosts = copy_list(c->remote_hosts, NULL);
	e->retry.fn = on_retry;
	e->live.ignored = app_ignored;
	e->live.judge = grace_judge;
	e->live.arg = e;
	sm_init(&e->sm, states, BOOT_IDLE);
	e->kube = kube_new(w, c->api, limits);
	kube_set_write_guard(e->kube, engine_may_write, e);
	e->discovery = discovery_new(e->kube);
	e->events = events_new(e->kube, "syncd", e->identity);
	e->bootstrap = bootstrap_new(e, &c->bootstrap);
	return e;
}

void engine_start(struct engine *e)
{
	boot(e);
}

struct engine *engine_abandon(struct engine *e)
{
	struct app *a, *next;

	if (!e)
		return NULL;
	world_timer_stop(e->w, &e->retry);
	for (size_t i = 0; i < e->app_watches.len; i++) {
		watch_free(e->app_watches.data[i]->watch);
		free(e->app_watches.data[i]->ns);
		free(e->app_watches.data[i]);
	}
	vec_deinit(&e->app_watches);
	HASH_ITER(hh, e->apps, a, next) {
		a->op = op_free(a->op);
		app_soak_end(a);
	}
	sweep_free(e);
	reviews_free(e);
	certkeeper_free(e->certkeeper);
	bootstrap_free(e->bootstrap);
	nudges_free(e->nudges);
	creds_free(e->creds);
	projects_free(e->projects);
	keyring_free(e->keyring);
	pause_free(e->pause);
	breaker_free(e->breaker);
	scripts_free(e->scripts);
	e->settings = settings_free(e->settings);
	e->donors = donors_free(e->donors);
	grace_free(e->grace);
	e->orphans = orphans_free(e->orphans);
	notify_free(e->notify);
	claims_free(e->claims);
	kinds_free(e);
	source_free(e);
	lease_free(e->lease);
	discovery_free(e->discovery);
	events_free(e->events);
	kube_free(e->kube);
	HASH_ITER(hh, e->apps, a, next) {
		HASH_DEL(e->apps, a);
		app_free(a);
	}
	turns_free(e);
	bodies_deinit(&e->bodies);
	store_free(e);
	kube_request_deinit(&e->boot);
	free(e->boot_body);
	live_deinit(&e->live);
	counts_deinit(&e->counts);
	free_list(e->app_namespaces);
	free_list(e->remote_hosts);
	free(e->ns);
	free(e->identity);
	free(e->mirrors);
	free(e);
	return NULL;
}

bool engine_leading(const struct engine *e)
{
	return e->leading;
}

bool engine_ready(const struct engine *e)
{
	if (e->stopping || !certkeeper_settled(e->certkeeper))
		return false;
	if (e->sm.state == BOOT_ELECTION)
		return true;
	for (size_t i = 0; i < e->app_watches.len; i++)
		if (!e->app_watches.data[i]->synced)
			return false;
	return e->sm.state == BOOT_RUNNING;
}
