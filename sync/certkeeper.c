/*
 * Keeps the webhook's own certificate: certs.h decides, this reads and writes.
 *
 * Every replica watches the Secret and hands what is in use to the server. The leader
 * writes it, with the version it read, so that two cannot both, and announces the bundle
 * in the ValidatingWebhookConfiguration of our name, with a field manager of its own:
 * whoever applies that configuration keeps the rest of it. A refused write is tried
 * again with a growing pause; a Secret that somebody deletes comes back as it was.
 */
#include "engine_priv.h"

#include "certs.h"

#define MANAGER "syncd-webhook"
#define RETRY_MAX_MS 30000
#define QUIET_MS 2000		/* between two announcements */

struct certkeeper {
	struct engine *engine;
	char *name, *secret;
	char *names[5];		/* that the certificate covers, NULL-terminated */
	struct certs_plan plan;
	struct watch *watch, *config_watch;
	struct certs_kept kept;	/* as last seen */
	char *version;		/* of the Secret; "": there is none */
	bool settled, seen;	/* the Secret was looked for; the list under way has it */
	char *served;		/* what the server has */
	json_t *config;		/* as last seen; NULL: there is none */
	bool config_seen;
	bool leading;
	struct certs_kept next;	/* being written */
	struct kube_request write, announce;
	char *body, *announcement;
	uint64_t announced_at;	/* mono; 0 = never */
	unsigned fails;
	struct world_timer timer;
};

static void tick(struct certkeeper *k);

static int64_t now_s(const struct certkeeper *k)
{
	return world_wall(k->engine->w) / 1000;
}

static void on_timer(struct world_timer *t)
{
	tick(container_of(t, struct certkeeper, timer));
}

static void again_in(struct certkeeper *k, uint64_t ms)
{
	world_timer_start(k->engine->w, &k->timer, ms);
}

/* ---- writing ---- */

static void failed(struct certkeeper *k, const char *what, const struct err *err)
{
	uint64_t wait = 1000;

	for (unsigned i = 0; i < k->fails && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	k->fails++;
	engine_log(k->engine, LOG_WARN, NULL, "%s: %s (trying again)", what, err->msg);
	again_in(k, world_jitter(k->engine->w, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS, 20));
}

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void on_written(struct kube_request *r, const struct err *err)
{
	struct certkeeper *k = container_of(r, struct certkeeper, write);
	const char *version = doc_get_str(r->json, "metadata", "resourceVersion", NULL);

	wipe(&k->body);
	if (err->code) {	/* CONFLICT: the watch brings what somebody else wrote */
		certs_kept_deinit(&k->next);
		failed(k, "writing the webhook's certificate", err);
		return;
	}
	k->fails = 0;
	certs_kept_deinit(&k->kept);
	k->kept = k->next;
	k->next = (struct certs_kept){ 0 };
	free(k->version);
	k->version = xstrdup(version ? version : "");
	tick(k);
}

static struct certs_kept copy(const struct certs_kept *k)
{
	return (struct certs_kept){
		.bundle = xstrdup(k->bundle), .cert = xstrdup(k->cert), .key = xstrdup(k->key),
		.next_cert = xstrdup(k->next_cert), .next_key = xstrdup(k->next_key),
		.since_s = k->since_s,
	};
}

static void write_secret(struct certkeeper *k)
{
	struct kube_ref ref = { .version = "v1", .resource = "secrets", .ns = k->engine->ns,
				.name = *k->version ? k->secret : NULL };
	_cleanup_json_ json_t *o = certs_secret(&k->next, k->engine->ns, k->secret, k->version);
	struct buf body = BUF_INIT;
	size_t len;

	doc_write(o, &body);
	k->body = buf_steal(&body, &len);
	if (*k->version)
		kube_replace_init(&k->write, &ref, MANAGER, k->body, len);
	else
		kube_create_init(&k->write, &ref, MANAGER, k->body, len);
	k->write.parse = true;
	k->write.on_done = on_written;
	kube_start(k->engine->kube, &k->write);
}

static void on_announced(struct kube_request *r, const struct err *err)
{
	struct certkeeper *k = container_of(r, struct certkeeper, announce);

	free(k->announcement);
	k->announcement = NULL;
	if (err->code) {
		failed(k, "writing caBundle into the ValidatingWebhookConfiguration", err);
		return;
	}
	k->fails = 0;
	json_decref(k->config);
	k->config = json_incref(r->json);
	tick(k);
}

/* True: there is nothing to announce, or it is said. */
static bool announce(struct certkeeper *k)
{
	struct kube_ref ref = {
		.group = "admissionregistration.k8s.io", .version = "v1",
		.resource = "validatingwebhookconfigurations", .name = k->name,
	};

	if (!*k->kept.bundle || !k->config)
		return true;
	k->announcement = certs_announcement(k->config, k->kept.bundle);
	if (!k->announcement)
		return true;
	if (world_now(k->engine->w) < k->announced_at + QUIET_MS) {
		free(k->announcement);	/* somebody else writes it, too */
		k->announcement = NULL;
		return false;
	}
	k->announced_at = world_now(k->engine->w);
	kube_apply_init(&k->announce, &ref, MANAGER, APPLY_FORCE, k->announcement,
			strlen(k->announcement));
	k->announce.parse = true;
	k->announce.on_done = on_announced;
	kube_start(k->engine->kube, &k->announce);
	return false;
}

/* ---- what is to be done ---- */

static void serve(struct certkeeper *k)
{
	struct engine *e = k->engine;

	if (!*k->kept.cert || (k->served && !strcmp(k->served, k->kept.cert)))
		return;
	free(k->served);
	k->served = xstrdup(k->kept.cert);
	if (e->cfg.on_certificate)
		e->cfg.on_certificate(e->cfg.arg, k->kept.cert, k->kept.key);
}

static const char *word(enum certs_step step)
{
	static const char *const words[] = {
		[CERTS_WAIT] = "written again", [CERTS_MAKE] = "made",
		[CERTS_PREPARE] = "prepared", [CERTS_SWITCH] = "taken into use",
		[CERTS_FORGET] = "alone again",
	};

	return words[step];
}

static void lead(struct certkeeper *k)
{
	bool announced = announce(k) && watch_synced(k->config_watch);
	struct err err = ERR_INIT;
	enum certs_step step;
	int64_t again;

	step = certs_next(&k->kept, &k->plan, announced, now_s(k), &again);
	if (step == CERTS_WAIT && *k->version) {
		if (!announced || again <= now_s(k))
			again = now_s(k) + QUIET_MS / 1000;
		again_in(k, (uint64_t)(again - now_s(k)) * 1000);
		return;
	}
	k->next = copy(&k->kept);
	if (certs_do(&k->next, &k->plan, step, now_s(k), &err)) {
		certs_kept_deinit(&k->next);
		failed(k, "the webhook's certificate", &err);
		return;
	}
	engine_log(k->engine, LOG_INFO, NULL, "the webhook's certificate is %s", word(step));
	write_secret(k);
}

static void tick(struct certkeeper *k)
{
	serve(k);
	if (k->leading && k->settled && !kube_running(&k->write) &&
	    !kube_running(&k->announce) && !k->engine->stopping)
		lead(k);
}

/* ---- watching ---- */

static void on_reset(void *arg)
{
	((struct certkeeper *)arg)->seen = false;
}

static void is_gone(struct certkeeper *k)
{
	free(k->version);
	k->version = xstrdup("");
}

static void on_secret(void *arg, enum watch_event ev, const json_t *o)
{
	struct certkeeper *k = arg;
	const char *version = doc_get_str(o, "metadata", "resourceVersion", NULL);

	if (ev == WATCH_DELETED) {	/* what it held is still known */
		is_gone(k);
	} else {
		k->seen = true;
		certs_kept_deinit(&k->kept);
		certs_read(&k->kept, o);
		free(k->version);
		k->version = xstrdup(version ? version : "");
	}
	if (k->settled)
		tick(k);
}

static void on_synced(void *arg)
{
	struct certkeeper *k = arg;

	if (!k->seen)
		is_gone(k);
	k->settled = true;
	tick(k);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct certkeeper *k = arg;

	if (err->code)
		engine_log(k->engine, LOG_WARN, NULL, "reading Secret %s/%s: %s",
			   k->engine->ns, k->secret, err->msg);
}

static void on_config_reset(void *arg)
{
	((struct certkeeper *)arg)->config_seen = false;
}

static void on_config(void *arg, enum watch_event ev, const json_t *o)
{
	struct certkeeper *k = arg;

	json_decref(k->config);
	k->config = ev == WATCH_DELETED ? NULL : json_deep_copy(o);
	k->config_seen = k->config;
	if (k->config)
		tick(k);
}

static void on_config_synced(void *arg)
{
	struct certkeeper *k = arg;

	if (k->config_seen)
		return;
	json_decref(k->config);
	k->config = NULL;
}

static void on_config_trouble(void *arg, const struct err *err)
{
	struct certkeeper *k = arg;

	if (err->code)
		engine_log(k->engine, LOG_WARN, NULL, "reading ValidatingWebhookConfiguration "
			   "%s: %s", k->name, err->msg);
}

static const struct watch_handler secret_handler = {
	.on_reset = on_reset, .on_event = on_secret, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static const struct watch_handler config_handler = {
	.on_reset = on_config_reset, .on_event = on_config, .on_synced = on_config_synced,
	.on_trouble = on_config_trouble,
};

/* ---- life ---- */

struct certkeeper *certkeeper_new(struct engine *e)
{
	struct kube_ref ref = { .version = "v1", .resource = "secrets", .ns = e->ns };
	struct certkeeper *k = xcalloc(1, sizeof(*k));
	_cleanup_free_ char *select = NULL;

	k->engine = e;
	k->name = xstrdup(e->cfg.webhook_name);
	k->secret = xasprintf("%s-cert", k->name);
	k->version = xstrdup("");
	k->names[0] = xasprintf("%s.%s.svc", k->name, e->ns);
	k->names[1] = xasprintf("%s.%s.svc.cluster.local", k->name, e->ns);
	k->names[2] = xasprintf("%s.%s", k->name, e->ns);
	k->plan = (struct certs_plan){
		.lifetime_s = (int64_t)(e->cfg.cert_lifetime_ms / 1000),
		.names = (const char *const *)k->names,
	};
	k->timer.fn = on_timer;
	certs_read(&k->kept, NULL);
	select = xasprintf("metadata.name=%s", k->secret);
	k->watch = watch_new(e->kube, &ref, NULL, select, &secret_handler, k);
	return k;
}

void certkeeper_lead(struct certkeeper *k)
{
	struct kube_ref ref = {
		.group = "admissionregistration.k8s.io", .version = "v1",
		.resource = "validatingwebhookconfigurations",
	};
	_cleanup_free_ char *select = NULL;

	if (!k)
		return;
	k->leading = true;
	select = xasprintf("metadata.name=%s", k->name);
	k->config_watch = watch_new(k->engine->kube, &ref, NULL, select, &config_handler, k);
	tick(k);
}

bool certkeeper_settled(const struct certkeeper *k)
{
	return !k || k->settled;
}

struct certkeeper *certkeeper_free(struct certkeeper *k)
{
	if (!k)
		return NULL;
	world_timer_stop(k->engine->w, &k->timer);
	watch_free(k->watch);
	watch_free(k->config_watch);
	kube_abandon(k->engine->kube, &k->write);
	kube_abandon(k->engine->kube, &k->announce);
	kube_request_deinit(&k->write);
	kube_request_deinit(&k->announce);
	wipe(&k->body);
	free(k->announcement);
	certs_kept_deinit(&k->kept);
	certs_kept_deinit(&k->next);
	json_decref(k->config);
	for (size_t i = 0; k->names[i]; i++)
		free(k->names[i]);
	free(k->served);
	free(k->version);
	free(k->secret);
	free(k->name);
	free(k);
	return NULL;
}
