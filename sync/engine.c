/*
 * The engine's life, from the first step (engine_boot.c) to its end. A leader that
 * loses its lease asks the process to end: the next one continues from the records.
 */
#include "engine_boot.h"

#include "claims.h"
#include "donors.h"
#include "grace.h"
#include "keyring.h"
#include "orphans.h"
#include "scripts.h"
#include "settings.h"
#include "turns.h"

#include <stdio.h>

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
	e->live.ignored = app_ignored;
	e->live.judge = grace_judge;
	e->live.arg = e;
	engine_boot_init(e);
	e->kube = kube_new(w, c->api, limits);
	kube_set_write_guard(e->kube, engine_may_write, e);
	e->discovery = discovery_new(e->kube);
	e->events = events_new(e->kube, "syncd", e->identity);
	e->bootstrap = bootstrap_new(e, &c->bootstrap);
	return e;
}

struct engine *engine_abandon(struct engine *e)
{
	struct app *a, *next;

	if (!e)
		return NULL;
	world_timer_stop(e->w, &e->retry);
	app_watches_free(e);
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
	/* Before the lease: a request that is given up lets the next one ask it. */
	discovery_free(e->discovery);
	events_free(e->events);
	lease_free(e->lease);
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
	return app_watches_synced(e) && e->sm.state == BOOT_RUNNING;
}
