/*
 * Credentials of Git repositories, from Secrets labelled as Argo CD's:
 * argocd.argoproj.io/secret-type "repository" (this URL) or "repo-creds" (URLs that
 * begin with it; the longest wins), and CA bundles by host from the ConfigMap
 * argocd-tls-certs-cm. Read in syncd's own and the Applications' namespaces.
 */
#include "engine_priv.h"

#include "core/fetch.h"

#define SECRET_LABEL "argocd.argoproj.io/secret-type"

struct cred {
	char *origin;		/* "ns/name" */
	bool prefix;		/* repo-creds */
	char *url;		/* normal spelling */
	char *username, *password, *bearer, *cert, *key;
	bool insecure;
	unsigned seen;
};

struct ca {
	char *host, *pem;
};

struct creds_ns {
	struct creds *owner;
	char *ns;
	struct watch *secrets, *cas;
	VEC(struct ca) bundles;
	unsigned list_no;
	bool synced;
	bool cas_seen;		/* the list under way holds the ConfigMap */
};

struct creds {
	struct engine *engine;
	struct creds_ns **namespaces;
	size_t n_namespaces;
	VEC(struct cred) creds;
};

static void cred_deinit(struct cred *c)
{
	free(c->origin);
	free(c->url);
	free(c->username);
	if (c->password)
		explicit_bzero(c->password, strlen(c->password));
	free(c->password);
	free(c->bearer);
	free(c->cert);
	free(c->key);
}

static char *decoded(const json_t *secret, const char *key)
{
	const char *text = doc_get_str(secret, "data", key, NULL);
	struct buf out = BUF_INIT;

	if (!text || b64_decode(text, strlen(text), &out) || !out.len) {
		buf_deinit(&out);
		return NULL;
	}
	return buf_steal(&out, NULL);
}

static char *origin_of(const json_t *o)
{
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	return xasprintf("%s/%s", ns ? ns : "", name ? name : "");
}

static void drop(struct creds *c, const char *origin)
{
	for (size_t i = 0; i < c->creds.len; i++)
		if (!strcmp(c->creds.data[i].origin, origin)) {
			cred_deinit(&c->creds.data[i]);
			c->creds.data[i] = c->creds.data[--c->creds.len];
			return;
		}
}

static void on_reset(void *arg)
{
	struct creds_ns *n = arg;

	n->list_no++;
}

static void on_secret(void *arg, enum watch_event ev, const json_t *o)
{
	struct creds_ns *n = arg;
	const char *type = doc_get_str(o, "metadata", "labels", SECRET_LABEL, NULL);
	_cleanup_free_ char *origin = origin_of(o), *url = NULL, *insecure = NULL;
	struct cred c = { 0 };

	drop(n->owner, origin);
	if (ev == WATCH_DELETED || !type || (strcmp(type, "repository") &&
					     strcmp(type, "repo-creds")))
		return;
	url = decoded(o, "url");
	if (!url)
		return;
	insecure = decoded(o, "insecure");
	c = (struct cred){
		.origin = steal(&origin), .prefix = *type && type[4] == '-',
		.url = repo_url_normal(url), .username = decoded(o, "username"),
		.password = decoded(o, "password"),
		.bearer = decoded(o, "bearerToken"),
		.cert = decoded(o, "tlsClientCertData"),
		.key = decoded(o, "tlsClientCertKey"),
		.insecure = insecure && !strcmp(insecure, "true"),
		.seen = n->list_no,
	};
	vec_push(&n->owner->creds, c);
}

static void on_secrets_synced(void *arg)
{
	struct creds_ns *n = arg;
	struct creds *c = n->owner;
	size_t len = strlen(n->ns);

	for (size_t i = 0; i < c->creds.len;) {
		struct cred *k = &c->creds.data[i];

		if (k->seen == n->list_no || strncmp(k->origin, n->ns, len) ||
		    k->origin[len] != '/') {
			i++;
			continue;
		}
		cred_deinit(k);
		c->creds.data[i] = c->creds.data[--c->creds.len];
	}
	n->synced = true;
}

static void forget_bundles(struct creds_ns *n)
{
	for (size_t i = 0; i < n->bundles.len; i++) {
		free(n->bundles.data[i].host);
		free(n->bundles.data[i].pem);
	}
	n->bundles.len = 0;
}

static void on_ca(void *arg, enum watch_event ev, const json_t *o)
{
	struct creds_ns *n = arg;
	const char *host;
	json_t *pem;

	forget_bundles(n);
	if (ev == WATCH_DELETED)
		return;
	n->cas_seen = true;
	json_object_foreach(json_object_get(o, "data"), host, pem)
		if (json_is_string(pem))
			vec_push(&n->bundles, ((struct ca){ xstrdup(host),
				xstrdup(json_string_value(pem)) }));
}

static void on_ca_reset(void *arg)
{
	((struct creds_ns *)arg)->cas_seen = false;
}

/* Deleted while nobody watched. */
static void on_ca_synced(void *arg)
{
	struct creds_ns *n = arg;

	if (!n->cas_seen)
		forget_bundles(n);
}

/* Not allowed to read them: repositories are asked without, not never. */
static void on_secrets_trouble(void *arg, const struct err *err)
{
	struct creds_ns *n = arg;

	if (!err->code)
		return;
	engine_log(n->owner->engine, LOG_WARN, NULL, "reading repository Secrets "
		   "of namespace %s: %s", n->ns, err->msg);
	if (err->code == ERR_AUTH)
		n->synced = true;
}

static const struct watch_handler secret_handler = {
	.on_reset = on_reset, .on_event = on_secret,
	.on_synced = on_secrets_synced, .on_trouble = on_secrets_trouble,
};
static const struct watch_handler ca_handler = {
	.on_reset = on_ca_reset, .on_event = on_ca, .on_synced = on_ca_synced,
};

static void watch_ns(struct creds *c, const char *ns)
{
	struct kube_ref secrets = { .version = "v1", .resource = "secrets",
				    .ns = ns };
	struct kube_ref maps = { .version = "v1", .resource = "configmaps",
				 .ns = ns };
	struct creds_ns *n;

	for (size_t i = 0; i < c->n_namespaces; i++)
		if (!strcmp(c->namespaces[i]->ns, ns))
			return;
	n = xcalloc(1, sizeof(*n));
	n->owner = c;
	n->ns = xstrdup(ns);
	c->namespaces = xrealloc(c->namespaces,
				 (c->n_namespaces + 1) * sizeof(*c->namespaces));
	c->namespaces[c->n_namespaces++] = n;
	n->secrets = watch_new(c->engine->kube, &secrets, SECRET_LABEL, NULL,
			       &secret_handler, n);
	n->cas = watch_new(c->engine->kube, &maps, NULL,
			   "metadata.name=argocd-tls-certs-cm", &ca_handler, n);
}

struct creds *creds_new(struct engine *e)
{
	struct creds *c = xcalloc(1, sizeof(*c));

	c->engine = e;
	watch_ns(c, e->ns);
	for (char **ns = e->app_namespaces; *ns; ns++)
		if (strcmp(*ns, "*"))
			watch_ns(c, *ns);
	return c;
}

struct creds *creds_free(struct creds *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n_namespaces; i++) {
		struct creds_ns *n = c->namespaces[i];

		watch_free(n->secrets);
		watch_free(n->cas);
		forget_bundles(n);
		vec_deinit(&n->bundles);
		free(n->ns);
		free(n);
	}
	free(c->namespaces);
	for (size_t i = 0; i < c->creds.len; i++)
		cred_deinit(&c->creds.data[i]);
	vec_deinit(&c->creds);
	free(c);
	return NULL;
}

bool creds_synced(const struct creds *c)
{
	for (size_t i = 0; i < c->n_namespaces; i++)
		if (!c->namespaces[i]->synced)
			return false;
	return true;
}

static const struct cred *best(const struct creds *c, const char *url)
{
	const struct cred *found = NULL;

	for (size_t i = 0; i < c->creds.len; i++) {
		const struct cred *k = &c->creds.data[i];
		size_t n = strlen(k->url);

		if (!k->prefix && !strcmp(k->url, url))
			return k;
		/* A whole path segment: a prefix must not match "org-evil". */
		if (k->prefix && !strncmp(url, k->url, n) &&
		    (url[n] == '/' || !url[n] || (n && k->url[n - 1] == '/')) &&
		    (!found || n > strlen(found->url)))
			found = k;
	}
	return found;
}

static const char *bundle_of(const struct creds_ns *ns, const char *host, size_t n)
{
	for (size_t i = 0; i < ns->bundles.len; i++)
		if (strlen(ns->bundles.data[i].host) == n &&
		    !strncmp(ns->bundles.data[i].host, host, n))
			return ns->bundles.data[i].pem;
	return NULL;
}

/* syncd's own namespace is asked first. */
static const char *ca_for(const struct creds *c, const char *url)
{
	const char *host = strstr(url, "://"), *pem = NULL;

	if (!host)
		return NULL;
	host += 3;
	for (size_t i = 0; !pem && i < c->n_namespaces; i++)
		pem = bundle_of(c->namespaces[i], host, strcspn(host, ":/"));
	return pem;
}

static bool put(char **to, const char *value)
{
	if (*to == value || (*to && value && !strcmp(*to, value)))
		return false;
	free(*to);
	*to = xstrdup(value);
	return true;
}

void creds_fill(struct creds *c, const char *url, struct http_endpoint *ep)
{
	const struct cred *k = best(c, url);
	bool changed = false;

	changed |= put(&ep->username, k ? k->username : NULL);
	changed |= put(&ep->password, k ? k->password : NULL);
	changed |= put(&ep->bearer, k ? k->bearer : NULL);
	changed |= put(&ep->cert_pem, k ? k->cert : NULL);
	changed |= put(&ep->key_pem, k ? k->key : NULL);
	changed |= put(&ep->ca_pem, ca_for(c, url));
	changed |= ep->insecure_skip_verify != (k && k->insecure);
	ep->insecure_skip_verify = k && k->insecure;
	if (changed)
		ep->generation++;
}
