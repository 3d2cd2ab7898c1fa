/*
 * The steps until the engine runs: discovery -> own namespace -> install id ->
 * election -> records -> Applications. Each is retried with a growing pause until it
 * succeeds; a standby stops before the election's end and is ready all the same.
 */
#include "engine_boot.h"

#include "claims.h"
#include "donors.h"
#include "grace.h"
#include "keyring.h"
#include "orphans.h"
#include "scripts.h"
#include "settings.h"

#include <stdio.h>

#define DISCOVERY_FRESH_MS 1000
#define RETRY_MAX_MS 30000

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

static void boot(struct engine *e);

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
		app_watches_start(e);
		sweep_start(e);
		break;
	default:
		break;
	}
}

void engine_boot_init(struct engine *e)
{
	e->retry.fn = on_retry;
	sm_init(&e->sm, states, BOOT_IDLE);
}

void engine_start(struct engine *e)
{
	boot(e);
}
