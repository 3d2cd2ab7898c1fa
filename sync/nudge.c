/*
 * Push webhooks: whose message it is, whether it is proven, and which repositories
 * it makes us ask sooner. The secrets are those of Argo CD's Secret argocd-secret in
 * syncd's own and the Applications' namespaces; of it nothing else is kept.
 */
#include "engine_priv.h"

#include "relay.h"
#include "sync/webhook.h"

struct nudge_ns {
	struct nudges *owner;
	char *ns;
	struct watch *watch;
	char *secrets[WEBHOOK_HOST_N];
	bool seen;		/* the list under way holds it */
};

struct nudges {
	struct engine *engine;
	struct relay *relay;
	VEC(struct nudge_ns *) namespaces;
};

static void forget(struct nudge_ns *n)
{
	for (size_t i = 0; i < WEBHOOK_HOST_N; i++) {
		if (n->secrets[i])
			explicit_bzero(n->secrets[i], strlen(n->secrets[i]));
		free(n->secrets[i]);
		n->secrets[i] = NULL;
	}
}

static void on_secret(void *arg, enum watch_event ev, const json_t *o)
{
	struct nudge_ns *n = arg;

	forget(n);
	if (ev == WATCH_DELETED)
		return;
	n->seen = true;
	for (size_t i = 0; i < WEBHOOK_HOST_N; i++) {
		const char *key = webhook_secret_key((enum webhook_host)i);
		const char *text = doc_get_str(o, "data", key, NULL);
		struct buf out = BUF_INIT;

		if (text && !b64_decode(text, strlen(text), &out) && out.len)
			n->secrets[i] = buf_steal(&out, NULL);
		buf_deinit(&out);
	}
}

static void on_reset(void *arg)
{
	((struct nudge_ns *)arg)->seen = false;
}

/* Deleted while nobody watched. */
static void on_synced(void *arg)
{
	struct nudge_ns *n = arg;

	if (!n->seen)
		forget(n);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct nudge_ns *n = arg;

	if (err->code)
		engine_log(n->owner->engine, LOG_WARN, NULL, "reading the Secret %s/"
			   "argocd-secret for push webhooks: %s", n->ns, err->msg);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_secret, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static void watch_ns(struct nudges *all, const char *ns)
{
	struct kube_ref ref = { .version = "v1", .resource = "secrets", .ns = ns };
	struct nudge_ns *n;

	for (size_t i = 0; i < all->namespaces.len; i++)
		if (!strcmp(all->namespaces.data[i]->ns, ns))
			return;
	n = xcalloc(1, sizeof(*n));
	n->owner = all;
	n->ns = xstrdup(ns);
	n->watch = watch_new(all->engine->kube, &ref, NULL,
			     "metadata.name=argocd-secret", &handler, n);
	vec_push(&all->namespaces, n);
}

struct nudges *nudges_new(struct engine *e)
{
	struct nudges *all = xcalloc(1, sizeof(*all));

	all->engine = e;
	all->relay = relay_new(e);
	watch_ns(all, e->ns);
	for (char **ns = e->app_namespaces; *ns; ns++)
		if (strcmp(*ns, "*"))
			watch_ns(all, *ns);
	return all;
}

struct nudges *nudges_free(struct nudges *all)
{
	if (!all)
		return NULL;
	for (size_t i = 0; i < all->namespaces.len; i++) {
		struct nudge_ns *n = all->namespaces.data[i];

		watch_free(n->watch);
		forget(n);
		free(n->ns);
		free(n);
	}
	vec_deinit(&all->namespaces);
	relay_free(all->relay);
	free(all);
	return NULL;
}

bool engine_takes_webhooks(const struct engine *e)
{
	const struct nudges *all = e->nudges;

	for (size_t i = 0; all && i < all->namespaces.len; i++)
		for (size_t k = 0; k < WEBHOOK_HOST_N; k++)
			if (all->namespaces.data[i]->secrets[k])
				return true;
	return false;
}

/* Every namespace's secret counts: each has its own people. */
static bool is_proven(const struct nudges *all, enum webhook_host host,
		      const struct webhook_request *r)
{
	bool proven = false;

	for (size_t i = 0; i < all->namespaces.len; i++)
		proven |= webhook_is_proven(host, r,
					    all->namespaces.data[i]->secrets[host]);
	return proven;
}

static int answer(struct engine *e, int status, const char *what, struct buf *body)
{
	buf_adds(body, what);
	e->counts.webhooks_refused += status >= 400;
	return status;
}

int engine_webhook(struct engine *e, const struct webhook_request *r,
		   struct buf *body)
{
	struct err err = ERR_INIT;
	struct webhook_push push;
	unsigned n = 0;
	int host;

	if (!engine_takes_webhooks(e))
		return answer(e, 404, "no webhook secret is configured\n", body);
	host = webhook_host(r);
	if (host < 0)
		return answer(e, 400, "no header of a Git host that is known\n", body);
	if (!is_proven(e->nudges, (enum webhook_host)host, r))
		return answer(e, 401, "the message is not signed with our secret\n",
			      body);
	if (webhook_read((enum webhook_host)host, r, &push, &err))
		return answer(e, 400, "the body is no JSON: let the host send "
			      "application/json\n", body);
	e->counts.webhooks++;
	if (!e->leading) {
		relay_push(e->nudges->relay, &push);
		webhook_push_deinit(&push);
		return answer(e, 202, "handed on to the replica that leads\n", body);
	}
	n = source_nudge(e, &push);
	engine_log(e, LOG_DEBUG, NULL, "a push webhook names %zu urls: %u repositories "
		   "are asked", push.urls.len, n);
	webhook_push_deinit(&push);
	buf_addf(body, "%u repositories\n", n);
	return 200;
}
