/*
 * Credentials of Git repositories, from Secrets labelled as Argo CD's:
 * argocd.argoproj.io/secret-type "repository" (this URL) or "repo-creds" (URLs that
 * begin with it; the longest wins), CA bundles by host from the ConfigMap
 * argocd-tls-certs-cm, and SSH host keys from argocd-ssh-known-hosts-cm. Read in
 * syncd's own and the Applications' namespaces; whatever changes is tried at once by
 * the repositories that could not be reached. As in Argo CD, a "repository" without
 * credentials of its own takes those of the "repo-creds" above it. What a Secret asks
 * for and we cannot do is refused by name.
 */
#include "engine_priv.h"

#include "core/fetch.h"
#include "core/known_hosts.h"
#include "ghapp.h"

#define SECRET_LABEL "argocd.argoproj.io/secret-type"

struct cred {
	char *origin;		/* "ns/name" */
	bool prefix;		/* repo-creds */
	char *url;		/* normal spelling */
	char *username, *password, *bearer, *cert, *key;
	char *ssh_key, *known_hosts;
	struct ghapp *app;	/* what gives the password; NULL */
	char *broken;		/* why it cannot be used; NULL */
	bool insecure;
	unsigned seen;
};

struct creds_entry {
	char *key, *value;
};

/* One ConfigMap by its name. */
struct creds_map {
	struct creds_ns *ns;
	struct watch *watch;
	VEC(struct creds_entry) data;
	bool seen;		/* the list under way holds it */
	bool synced;
};

struct creds_ns {
	struct creds *owner;
	char *ns;
	struct watch *secrets;
	struct creds_map cas, hosts;
	unsigned list_no;
	bool synced;
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
	if (c->ssh_key)
		explicit_bzero(c->ssh_key, strlen(c->ssh_key));
	free(c->ssh_key);
	free(c->known_hosts);
	free(c->bearer);
	free(c->cert);
	free(c->key);
	ghapp_free(c->app);
	free(c->broken);
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

/* Keys of Argo CD's that would be ignored silently: what to say of them, or NULL. */
static char *unsupported_key(const json_t *secret)
{
	static const char *const keys[] = {
		"gcpServiceAccountKey", "useAzureWorkloadIdentity", "proxy",
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		_cleanup_free_ char *value = decoded(secret, keys[i]);

		if (value && strcmp(value, "false"))
			return xasprintf("%s is not supported: use username and password, "
					 "bearerToken, sshPrivateKey, a GitHub App or a TLS "
					 "client certificate", keys[i]);
	}
	return NULL;
}

static void on_token(void *engine)
{
	source_retry(engine);
}

/* Where the Secret is a GitHub App's. */
static void read_app(struct cred *c, struct engine *e, const json_t *secret)
{
	char *id = decoded(secret, "githubAppID");
	char *key = decoded(secret, "githubAppPrivateKey");
	char *api = decoded(secret, "githubAppEnterpriseBaseUrl");
	struct ghapp_config to = {
		.id = id, .key = key, .api = api ? api : xstrdup(GHAPP_API),
		.installation = decoded(secret, "githubAppInstallationID"),
		.insecure = c->insecure && e->cfg.insecure_repositories,
		.on_change = on_token, .arg = e,
	};
	size_t n = strlen(to.api);
	struct err err = ERR_INIT;

	while (n && to.api[n - 1] == '/')
		to.api[--n] = '\0';
	if (!id && !key) {
		free(to.api);
		free(to.installation);
		return;
	}
	c->app = ghapp_new(e->w, &to, &err);
	if (!c->app && !c->broken)
		c->broken = xstrdup(err.msg);
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
	source_retry(n->owner->engine);
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
		.ssh_key = decoded(o, "sshPrivateKey"),
		.known_hosts = decoded(o, "sshKnownHosts"),
		.broken = unsupported_key(o),
		.insecure = insecure && !strcmp(insecure, "true"),
		.seen = n->list_no,
	};
	read_app(&c, n->owner->engine, o);
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

static void map_clear(struct creds_map *m)
{
	for (size_t i = 0; i < m->data.len; i++) {
		free(m->data.data[i].key);
		free(m->data.data[i].value);
	}
	m->data.len = 0;
}

static void on_map(void *arg, enum watch_event ev, const json_t *o)
{
	struct creds_map *m = arg;
	const char *key;
	json_t *value;

	map_clear(m);
	source_retry(m->ns->owner->engine);
	if (ev == WATCH_DELETED)
		return;
	m->seen = true;
	json_object_foreach(json_object_get(o, "data"), key, value)
		if (json_is_string(value))
			vec_push(&m->data, ((struct creds_entry){ xstrdup(key),
				xstrdup(json_string_value(value)) }));
}

static void on_map_reset(void *arg)
{
	((struct creds_map *)arg)->seen = false;
}

static void on_map_synced(void *arg)
{
	struct creds_map *m = arg;

	m->synced = true;
	if (!m->seen)		/* deleted while nobody watched */
		map_clear(m);
}

static void on_map_trouble(void *arg, const struct err *err)
{
	struct creds_map *m = arg;

	if (err->code == ERR_AUTH)
		m->synced = true;
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
static const struct watch_handler map_handler = {
	.on_reset = on_map_reset, .on_event = on_map, .on_synced = on_map_synced,
	.on_trouble = on_map_trouble,
};

static void watch_map(struct creds_ns *n, struct creds_map *m, const char *field)
{
	struct kube_ref maps = { .version = "v1", .resource = "configmaps",
				 .ns = n->ns };

	m->ns = n;
	m->watch = watch_new(n->owner->engine->kube, &maps, NULL, field,
			     &map_handler, m);
}

static void watch_ns(struct creds *c, const char *ns)
{
	struct kube_ref secrets = { .version = "v1", .resource = "secrets",
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
	watch_map(n, &n->cas, "metadata.name=argocd-tls-certs-cm");
	watch_map(n, &n->hosts, "metadata.name=argocd-ssh-known-hosts-cm");
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

static void map_deinit(struct creds_map *m)
{
	watch_free(m->watch);
	map_clear(m);
	vec_deinit(&m->data);
}

struct creds *creds_free(struct creds *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n_namespaces; i++) {
		struct creds_ns *n = c->namespaces[i];

		watch_free(n->secrets);
		map_deinit(&n->cas);
		map_deinit(&n->hosts);
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
	for (size_t i = 0; i < c->n_namespaces; i++) {
		const struct creds_ns *n = c->namespaces[i];

		if (!n->synced || !n->cas.synced || !n->hosts.synced)
			return false;
	}
	return true;
}

/* A whole path segment: a prefix must not match "org-evil". */
static bool is_below(const char *url, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(url, prefix, n) &&
	       (url[n] == '/' || !url[n] || (n && prefix[n - 1] == '/'));
}

/* The "repository" of that URL; NULL. */
static const struct cred *find_repository(const struct creds *c, const char *url)
{
	for (size_t i = 0; i < c->creds.len; i++)
		if (!c->creds.data[i].prefix && !strcmp(c->creds.data[i].url, url))
			return &c->creds.data[i];
	return NULL;
}

/* The "repo-creds" with the longest URL above that one; NULL. */
static const struct cred *find_template(const struct creds *c, const char *url)
{
	const struct cred *found = NULL;

	for (size_t i = 0; i < c->creds.len; i++) {
		const struct cred *k = &c->creds.data[i];

		if (k->prefix && is_below(url, k->url) &&
		    (!found || strlen(k->url) > strlen(found->url)))
			found = k;
	}
	return found;
}

static bool has_credentials(const struct cred *k)
{
	return k->username || k->password || k->bearer || k->ssh_key || k->cert ||
	       k->app || k->broken;
}

/* The value of a key of n bytes; NULL: none. */
static const char *map_get(const struct creds_map *m, const char *key, size_t n)
{
	for (size_t i = 0; i < m->data.len; i++)
		if (strlen(m->data.data[i].key) == n &&
		    !strncmp(m->data.data[i].key, key, n))
			return m->data.data[i].value;
	return NULL;
}

/* syncd's own namespace is asked first. */
const char *creds_ca(const struct creds *c, const char *url)
{
	const char *host = strstr(url, "://"), *pem = NULL;

	if (!host)
		return NULL;
	host += 3;
	for (size_t i = 0; !pem && i < c->n_namespaces; i++)
		pem = map_get(&c->namespaces[i]->cas, host, strcspn(host, ":/"));
	return pem;
}

static bool names_host(const char *text, const struct ssh_place *place)
{
	_cleanup_buf_ struct buf types = BUF_INIT;

	known_hosts_types(text, place->host, place->port, &types);
	return types.len > 0;
}

/* The Secret's own list, else the first namespace's that names the host. */
static const char *hosts_for(const struct creds *c, const struct cred *k,
			     const char *url)
{
	static const char key[] = "ssh_known_hosts";
	const char *found = k ? k->known_hosts : NULL;
	struct ssh_place place;

	if (found || ssh_place_parse(&place, url, NULL))
		return found;
	for (size_t i = 0; !found && i < c->n_namespaces; i++) {
		const char *text = map_get(&c->namespaces[i]->hosts, key,
					   sizeof(key) - 1);

		if (text && names_host(text, &place))
			found = text;
	}
	ssh_place_deinit(&place);
	return found;
}

static bool put(char **to, const char *value)
{
	if (*to == value || (*to && value && !strcmp(*to, value)))
		return false;
	free(*to);
	*to = xstrdup(value);
	return true;
}

/* SSH's parts are no business of the HTTP connections that are kept. */
static void fill_ssh(struct creds *c, const struct cred *hosts, const struct cred *k,
		     const char *url, struct repo_access *a)
{
	bool is_ssh = repo_url_is_ssh(url);

	if (a->ssh_key)
		explicit_bzero(a->ssh_key, strlen(a->ssh_key));
	put(&a->ssh_key, is_ssh && k ? k->ssh_key : NULL);
	put(&a->known_hosts, is_ssh ? hosts_for(c, hosts, url) : NULL);
}

static int check(const struct creds *c, const struct cred *k, const char *url,
		 struct err *err)
{
	if (k && k->broken)
		return err_set(err, ERR_INVALID, "Secret %s: %s", k->origin, k->broken);
	if (k && k->insecure && !repo_url_is_ssh(url) &&
	    !c->engine->cfg.insecure_repositories)
		return err_set(err, ERR_INVALID, "Secret %s: insecure would let anybody "
			       "pose as the Git server: give its CA in the ConfigMap "
			       "argocd-tls-certs-cm, or run syncd with "
			       "--allow-insecure-repositories", k->origin);
	return 0;
}

/* A GitHub App's password of now; 0, 1 or -1 as creds_fill(). */
static int app_password(const struct creds *c, const struct cred *k,
			struct http_endpoint *ep, bool *changed, struct err *err)
{
	const char *token;
	int rc;

	rc = ghapp_token(k->app, creds_ca(c, ghapp_api(k->app)), &token, err);
	if (rc < 0)
		return err_wrap(err, "Secret %s", k->origin);
	*changed |= put(&ep->username, GHAPP_USER);
	*changed |= put(&ep->password, token);
	return rc;
}

int creds_fill(struct creds *c, const char *url, struct repo_access *a,
	       struct err *err)
{
	const struct cred *self = find_repository(c, url);
	const struct cred *k = self && has_credentials(self) ? self :
			       find_template(c, url);
	struct http_endpoint *ep = &a->http;
	bool insecure = (self && self->insecure) || (k && k->insecure);
	bool changed = false;
	int rc = 0;

	fill_ssh(c, self && self->known_hosts ? self : k, k, url, a);
	if (check(c, self, url, err) || check(c, k, url, err))
		rc = -1;
	else if (k && k->app)
		rc = app_password(c, k, ep, &changed, err);
	if (!k || !k->app) {
		changed |= put(&ep->username, k ? k->username : NULL);
		changed |= put(&ep->password, k ? k->password : NULL);
	}
	changed |= put(&ep->bearer, k ? k->bearer : NULL);
	changed |= put(&ep->cert_pem, k ? k->cert : NULL);
	changed |= put(&ep->key_pem, k ? k->key : NULL);
	changed |= put(&ep->ca_pem, creds_ca(c, url));
	changed |= ep->insecure_skip_verify != insecure;
	ep->insecure_skip_verify = insecure;
	if (changed)
		ep->generation++;
	return rc;
}
