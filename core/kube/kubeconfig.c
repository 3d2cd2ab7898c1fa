/*
 * From a kubeconfig, or a pod's service account, to an endpoint.
 *
 * Happy path: files -> context -> cluster and user -> the endpoint's fields; PEM
 * comes from ...-data (base64) or else from a file. Ways to fail: nothing to read,
 * a name that nothing has, a field that cannot be (named with file and entry), a
 * way to log in that is not supported. Credentials reach no message; the copies
 * made here are wiped before they are freed.
 */
#include <ctype.h>
#include <stdio.h>

#include "core/doc.h"
#include "kubeconfig_exec.h"

#define ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* ---- strings that must not linger ---- */

void config_wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void config_wipe_buf(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_deinit(b);
}
#define _cleanup_wipe_ __attribute__((cleanup(config_wipe_buf)))

static bool given(const char *s)
{
	return s && s[0];
}

static void set(char **field, const char *value)
{
	config_wipe(*field);
	*field = given(value) ? xstrdup(value) : NULL;
}

/* ---- fields of an entry ---- */

static int bad(const struct config_entry *e, const char *field, struct err *err,
	       const char *why)
{
	return err_set(err, ERR_INVALID, "%s: %s \"%s\": %s: %s", e->file, e->kind,
		       e->name, field, why);
}

/* *ret is NULL when the field is absent or empty. */
static int get_str(const struct config_entry *e, const char *field,
		   const char **ret, struct err *err)
{
	const json_t *j = json_object_get(e->value, field);

	*ret = NULL;
	if (!j || json_is_null(j))
		return 0;
	if (!json_is_string(j))
		return bad(e, field, err, "must be a string");
	if (json_string_length(j))
		*ret = json_string_value(j);
	return 0;
}

static int copy_str(const struct config_entry *e, const char *field, char **ret,
		    struct err *err)
{
	const char *s;

	if (get_str(e, field, &s, err))
		return -1;
	set(ret, s);
	return 0;
}

static int set_pem(const struct config_entry *e, const char *field,
		   const struct buf *pem, char **ret, struct err *err)
{
	if (strlen(buf_str(pem)) != pem->len || !strstr(buf_str(pem), "-----BEGIN "))
		return bad(e, field, err, "is not PEM");
	set(ret, buf_str(pem));
	return 0;
}

/* FIELD-data, else the file that FIELD names. */
static int get_pem(const struct config_entry *e, const char *field, char **ret,
		   struct err *err)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT;
	const char *data, *path;
	char data_field[48];

	snprintf(data_field, sizeof(data_field), "%s-data", field);
	if (get_str(e, data_field, &data, err) || get_str(e, field, &path, err))
		return -1;
	if (data) {
		if (b64_decode(data, strlen(data), &pem))
			return bad(e, data_field, err, "is not base64");
		return set_pem(e, data_field, &pem, ret, err);
	}
	if (!path)
		return 0;
	if (config_read(path, e->file, &pem, err))
		return err_wrap(err, "%s: %s \"%s\": %s", e->file, e->kind,
				e->name, field);
	return set_pem(e, field, &pem, ret, err);
}

/* ---- the cluster ---- */

static int get_server(struct http_endpoint *ep, const struct config_entry *e,
		      struct err *err)
{
	const char *server;
	size_t n;

	if (get_str(e, "server", &server, err))
		return -1;
	if (!server)
		return bad(e, "server", err, "is missing");
	if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
		return bad(e, "server", err,
			   "must begin with https:// (or http://)");
	n = strlen(server);
	while (n && server[n - 1] == '/')
		n--;
	free(ep->url);
	ep->url = xstrndup(server, n);
	return 0;
}

static int get_cluster(struct http_endpoint *ep, const struct config_entry *e,
		       struct err *err)
{
	ep->insecure_skip_verify =
		doc_get_bool(e->value, false, "insecure-skip-tls-verify", NULL);
	if (get_server(ep, e, err) ||
	    get_pem(e, "certificate-authority", &ep->ca_pem, err) ||
	    copy_str(e, "tls-server-name", &ep->tls_server_name, err) ||
	    copy_str(e, "proxy-url", &ep->proxy_url, err))
		return -1;
	if (ep->insecure_skip_verify && ep->ca_pem)
		return bad(e, "insecure-skip-tls-verify", err,
			   "contradicts certificate-authority");
	return 0;
}

/* ---- the user ---- */

/* Whitespace around a token is a file's; inside, it could add a header. */
int config_set_token(char **bearer, const char *text, size_t len,
		     const char *where, struct err *err)
{
	while (len && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	if (!len)
		return err_set(err, ERR_INVALID, "%s: the token is empty", where);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return err_set(err, ERR_INVALID,
				       "%s: the token holds blanks or control "
				       "bytes", where);
	config_wipe(*bearer);
	*bearer = xstrndup(text, len);
	return 0;
}

static int read_token(const char *path, char **bearer, struct err *err)
{
	_cleanup_wipe_ struct buf text = BUF_INIT;

	if (config_read(path, NULL, &text, err))
		return -1;
	return config_set_token(bearer, buf_str(&text), text.len, path, err);
}

static int get_token(struct kubeconfig *c, const struct config_entry *e,
		     struct err *err)
{
	const char *token, *file;

	if (get_str(e, "token", &token, err) || get_str(e, "tokenFile", &file, err))
		return -1;
	if (file) {
		c->token_file = config_resolve(file, e->file);
		if (read_token(c->token_file, &c->endpoint.bearer, err))
			return err_wrap(err, "%s: user \"%s\": tokenFile", e->file,
					e->name);
		return 0;
	}
	if (!token)
		return 0;
	if (config_set_token(&c->endpoint.bearer, token, strlen(token), "token", err))
		return err_wrap(err, "%s: user \"%s\"", e->file, e->name);
	return 0;
}

static int refuse_unsupported(const struct config_entry *e, struct err *err)
{
	if (json_object_get(e->value, "auth-provider"))
		return bad(e, "auth-provider", err, "is not supported; use a client "
			   "certificate, token or tokenFile");
	if (json_object_get(e->value, "as-uid"))
		return bad(e, "as-uid", err, "is not supported; use as and as-groups");
	if (json_object_get(e->value, "as-user-extra"))
		return bad(e, "as-user-extra", err,
			   "is not supported; use as and as-groups");
	return 0;
}

static int get_groups(struct http_endpoint *ep, const struct config_entry *e,
		      struct err *err)
{
	const json_t *list = json_object_get(e->value, "as-groups");
	size_t n = json_array_size(list);

	if (!n)
		return 0;
	if (!ep->as_user)
		return bad(e, "as-groups", err, "needs as");
	ep->as_groups = xcalloc(n + 1, sizeof(*ep->as_groups));
	for (size_t i = 0; i < n; i++) {
		const char *g = json_string_value(json_array_get(list, i));

		if (!g)
			return bad(e, "as-groups", err, "must be strings");
		ep->as_groups[i] = xstrdup(g);
	}
	return 0;
}

/* A token of the entry itself counts before a program's. */
static int get_plugin(struct kubeconfig *c, const struct config_entry *e,
		      const struct config_entry *cluster, struct err *err)
{
	const json_t *exec = json_object_get(e->value, "exec");

	if (!exec || json_is_null(exec) || c->endpoint.bearer)
		return 0;
	if (c->endpoint.cert_pem)
		return bad(e, "exec", err, "contradicts client-certificate");
	c->plugin = exec_plugin_new(e, cluster, &c->endpoint, err);
	return c->plugin ? 0 : -1;
}

static int get_user(struct kubeconfig *c, const struct config_entry *e,
		    const struct config_entry *cluster, struct err *err)
{
	struct http_endpoint *ep = &c->endpoint;

	if (refuse_unsupported(e, err) ||
	    get_pem(e, "client-certificate", &ep->cert_pem, err) ||
	    get_pem(e, "client-key", &ep->key_pem, err) ||
	    copy_str(e, "username", &ep->username, err) ||
	    copy_str(e, "password", &ep->password, err) ||
	    copy_str(e, "as", &ep->as_user, err) ||
	    get_groups(ep, e, err) || get_token(c, e, err) ||
	    get_plugin(c, e, cluster, err))
		return -1;
	if (ep->cert_pem && !ep->key_pem)
		return bad(e, "client-certificate", err, "needs client-key");
	if (ep->key_pem && !ep->cert_pem)
		return bad(e, "client-key", err, "needs client-certificate");
	return 0;
}

/* ---- the context ---- */

static int no_such(const struct config_files *fs, const char *kind,
		   const char *name, enum err_code code, struct err *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	config_names(fs, kind, &names);
	return err_set(err, code, "%s: there is no %s \"%s\"; there is: %s",
		       fs->list.data[0].path, kind, name,
		       names.len ? buf_str(&names) : "none");
}

static int use_context(struct kubeconfig *c, const struct config_files *fs,
		       const char *name, struct err *err)
{
	const char *cluster, *user, *ns;
	struct config_entry ctx, place, e;

	if (config_find(fs, "context", name, &ctx))
		return no_such(fs, "context", name, ERR_NOTFOUND, err);
	if (get_str(&ctx, "cluster", &cluster, err) ||
	    get_str(&ctx, "user", &user, err) ||
	    get_str(&ctx, "namespace", &ns, err))
		return -1;
	if (!cluster)
		return bad(&ctx, "cluster", err, "is missing");
	if (config_find(fs, "cluster", cluster, &place))
		return no_such(fs, "cluster", cluster, ERR_INVALID, err);
	if (get_cluster(&c->endpoint, &place, err))
		return -1;
	c->context = xstrdup(name);
	c->ns = xstrdup(ns ? ns : "default");
	if (!user)
		return 0;
	if (config_find(fs, "user", user, &e))
		return no_such(fs, "user", user, ERR_INVALID, err);
	return get_user(c, &e, &place, err);
}

static int load_files(struct kubeconfig *c, const struct config_files *fs,
		      const char *context, struct err *err)
{
	if (!given(context))
		context = config_current_context(fs);
	if (!context)
		return err_set(err, ERR_NOTFOUND, "%s: current-context: is not set; "
			       "name one with --context",
			       fs->list.data[0].path);
	return use_context(c, fs, context, err);
}

/* ---- in a cluster ---- */

static bool in_cluster(const char *dir)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	_cleanup_buf_ struct buf token = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/token", dir);
	struct err err = ERR_INIT;

	return given(host) && given(port) &&
	       (!config_read(path, NULL, &token, &err) ||
		err.code != ERR_NOTFOUND);
}

static int load_account(struct kubeconfig *c, const char *dir, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	bool v6 = strchr(host, ':') != NULL;
	_cleanup_free_ char *ca = xasprintf("%s/ca.crt", dir);
	_cleanup_free_ char *ns = xasprintf("%s/namespace", dir);
	_cleanup_buf_ struct buf text = BUF_INIT;

	c->endpoint.url = xasprintf("https://%s%s%s:%s", v6 ? "[" : "", host,
				    v6 ? "]" : "",
				    getenv("KUBERNETES_SERVICE_PORT"));
	c->context = xstrdup("");
	c->token_file = xasprintf("%s/token", dir);
	if (read_token(c->token_file, &c->endpoint.bearer, err) ||
	    config_read(ca, NULL, &text, err))
		return err_wrap(err, "service account");
	c->endpoint.ca_pem = xstrdup(buf_str(&text));
	buf_clear(&text);
	if (config_read(ns, NULL, &text, NULL) || !text.len)
		c->ns = xstrdup("default");
	else
		c->ns = xstrndup(text.data, strcspn(text.data, " \t\r\n"));
	return 0;
}

/* ---- the caller's side ---- */

static int load(struct kubeconfig *c, const struct kubeconfig_options *o,
		struct err *err)
{
	const char *dir = o->account_dir ? o->account_dir : ACCOUNT_DIR;
	struct config_files fs = { 0 };
	int rc;

	if (!given(o->file) && !given(o->context) && !o->no_in_cluster &&
	    in_cluster(dir))
		return load_account(c, dir, err);
	rc = config_files_load(&fs, o->file, err);
	if (!rc)
		rc = load_files(c, &fs, o->context, err);
	config_files_deinit(&fs);
	return rc;
}

int kubeconfig_load(struct kubeconfig *c, const struct kubeconfig_options *o,
		    struct err *err)
{
	*c = (struct kubeconfig){ 0 };
	doc_init();
	if (load(c, o, err)) {
		kubeconfig_deinit(c);
		return -1;
	}
	c->endpoint.user_agent = xstrdup("syncd/" SYNCD_VERSION);
	return 0;
}

int kubeconfig_refresh(struct kubeconfig *c, struct err *err)
{
	char *token = NULL;

	if (!c->token_file)
		return 0;
	if (read_token(c->token_file, &token, err))
		return -1;
	if (c->endpoint.bearer && !strcmp(token, c->endpoint.bearer)) {
		config_wipe(token);
		return 0;
	}
	config_wipe(c->endpoint.bearer);
	c->endpoint.bearer = token;
	c->endpoint.generation++;
	return 0;
}

void kubeconfig_deinit(struct kubeconfig *c)
{
	struct http_endpoint *e = &c->endpoint;

	free(e->url);
	free(e->ca_pem);
	free(e->cert_pem);
	config_wipe(e->key_pem);
	free(e->tls_server_name);
	config_wipe(e->proxy_url);
	config_wipe(e->bearer);
	free(e->username);
	config_wipe(e->password);
	free(e->user_agent);
	free(e->as_user);
	for (char **g = e->as_groups; g && *g; g++)
		free(*g);
	free(e->as_groups);
	free(c->context);
	free(c->ns);
	free(c->token_file);
	exec_plugin_free(c->plugin);
	*c = (struct kubeconfig){ 0 };
}
