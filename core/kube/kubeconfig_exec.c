/*
 * Credentials from a program: users[].exec of a kubeconfig.
 *
 * Happy path: the entry is read at load -> the program's answer, an ExecCredential,
 * becomes the endpoint's token or client certificate, and its end of life is noted.
 * Ways to fail: a field that cannot be, another version than the one asked for,
 * no credential in the answer. An answer appears in no message. Running the program
 * is kubeconfig_run.c's. The rules are client-go's:
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
#include <stdio.h>

#include "core/doc.h"
#include "kubeconfig_exec.h"

#define MAX_WORDS 256u
#define RENEW_BEFORE_MS 60000
#define EXTENSION "client.authentication.k8s.io/exec"

/* ---- the entry ---- */

static int wrong(const struct config_entry *e, const char *field, struct err *err,
		 const char *why)
{
	return err_set(err, ERR_INVALID, "%s: user \"%s\": exec: %s%s%s", e->file,
		       e->name, field, *field ? ": " : "", why);
}

static int read_version(struct exec_plugin *p, const struct config_entry *e,
			const json_t *exec, struct err *err)
{
	const char *v = doc_get_str(exec, "apiVersion", NULL);

	if (!v)
		return wrong(e, "apiVersion", err, "is missing");
	if (strcmp(v, "client.authentication.k8s.io/v1") != 0 &&
	    strcmp(v, "client.authentication.k8s.io/v1beta1") != 0)
		return wrong(e, "apiVersion", err, "must be "
			     "client.authentication.k8s.io/v1 or v1beta1; a newer "
			     "version of the plugin writes one of these");
	p->api_version = xstrdup(v);
	return 0;
}

static int read_mode(struct exec_plugin *p, const struct config_entry *e,
		     const json_t *exec, struct err *err)
{
	const char *mode = doc_get_str(exec, "interactiveMode", NULL);
	bool v1 = !strcmp(p->api_version, "client.authentication.k8s.io/v1");

	if (!mode && v1)
		return wrong(e, "interactiveMode", err, "is missing: Never, "
			     "IfAvailable or Always");
	if (!mode)
		mode = "IfAvailable";
	p->must_ask = !strcmp(mode, "Always");
	p->may_ask = p->must_ask || !strcmp(mode, "IfAvailable");
	if (!p->may_ask && strcmp(mode, "Never") != 0)
		return wrong(e, "interactiveMode", err, "must be Never, IfAvailable "
			     "or Always");
	return 0;
}

/* With a slash but not at its begin: from the kubeconfig's folder; else from PATH. */
static char *command_path(const char *command, const char *file)
{
	return strchr(command, '/') ? config_resolve(command, file) :
				      xstrdup(command);
}

static int read_argv(struct exec_plugin *p, const struct config_entry *e,
		     const json_t *exec, struct err *err)
{
	const char *command = doc_get_str(exec, "command", NULL);
	const json_t *args = json_object_get(exec, "args");
	size_t n = json_array_size(args);

	if (!command || !*command)
		return wrong(e, "command", err, "is missing");
	if (n > MAX_WORDS)
		return wrong(e, "args", err, "are more than 256");
	p->argv = xcalloc(n + 2, sizeof(*p->argv));
	p->argv[0] = command_path(command, e->file);
	for (size_t i = 0; i < n; i++) {
		const char *word = json_string_value(json_array_get(args, i));

		if (!word)
			return wrong(e, "args", err, "must be strings");
		p->argv[i + 1] = xstrdup(word);
	}
	p->who = xasprintf("%.80s: user \"%.60s\": exec: %.60s", e->file, e->name,
			   command);
	return 0;
}

static int read_env(struct exec_plugin *p, const struct config_entry *e,
		    const json_t *exec, struct err *err)
{
	const json_t *list = json_object_get(exec, "env");
	size_t n = json_array_size(list);

	if (n > MAX_WORDS)
		return wrong(e, "env", err, "are more than 256");
	p->env = xcalloc(n + 1, sizeof(*p->env));
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(list, i);
		const char *name = doc_get_str(row, "name", NULL);
		const char *value = doc_get_str(row, "value", NULL);

		if (!name || !*name || strchr(name, '=') || !value)
			return wrong(e, "env", err, "each needs name and value");
		p->env[i] = xasprintf("%s=%s", name, value);
	}
	return 0;
}

/* What the cluster's entry says to plugins alone; borrowed. */
static const json_t *extension(const struct config_entry *cluster)
{
	const json_t *list = json_object_get(cluster->value, "extensions");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *row = json_array_get(list, i);
		const char *name = doc_get_str(row, "name", NULL);

		if (name && !strcmp(name, EXTENSION))
			return json_object_get(row, "extension");
	}
	return NULL;
}

static void put(json_t *o, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(o, key, json_string(value));
}

static json_t *cluster_info(const struct config_entry *cluster,
			    const struct http_endpoint *ep)
{
	_cleanup_buf_ struct buf ca = BUF_INIT;
	const json_t *config = extension(cluster);
	json_t *o = json_object();

	put(o, "server", ep->url);
	put(o, "tls-server-name", ep->tls_server_name);
	put(o, "proxy-url", ep->proxy_url);
	if (ep->insecure_skip_verify)
		json_object_set_new(o, "insecure-skip-tls-verify", json_true());
	if (ep->ca_pem) {
		b64_encode(ep->ca_pem, strlen(ep->ca_pem), &ca);
		put(o, "certificate-authority-data", buf_str(&ca));
	}
	json_object_set_new(o, "config", config ? json_deep_copy(config) :
						  json_null());
	return o;
}

struct exec_plugin *exec_plugin_new(const struct config_entry *user,
				    const struct config_entry *cluster,
				    const struct http_endpoint *ep, struct err *err)
{
	const json_t *exec = json_object_get(user->value, "exec");
	struct exec_plugin *p = xcalloc(1, sizeof(*p));
	const char *hint = doc_get_str(exec, "installHint", NULL);

	p->hint = xstrdup(hint ? hint : "");
	if (doc_get_bool(exec, false, "provideClusterInfo", NULL))
		p->cluster = cluster_info(cluster, ep);
	if (!json_is_object(exec)) {
		wrong(user, "", err, "must be an object");
		return exec_plugin_free(p);
	}
	if (read_version(p, user, exec, err) || read_mode(p, user, exec, err) ||
	    read_argv(p, user, exec, err) || read_env(p, user, exec, err))
		return exec_plugin_free(p);
	return p;
}

static void free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		config_wipe(*w);
	free(words);
}

struct exec_plugin *exec_plugin_free(struct exec_plugin *p)
{
	if (!p)
		return NULL;
	free(p->who);
	free(p->api_version);
	free(p->hint);
	free_words(p->argv);
	free_words(p->env);
	json_decref(p->cluster);
	free(p);
	return NULL;
}

/* ---- the answer ---- */

static int bad_answer(const struct exec_plugin *p, struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "%s: its answer %s", p->who, why);
}

static int check_kind(const struct exec_plugin *p, const json_t *answer,
		      struct err *err)
{
	const char *kind = doc_get_str(answer, "kind", NULL);
	const char *version = doc_get_str(answer, "apiVersion", NULL);

	if (!kind || strcmp(kind, "ExecCredential") != 0 || !version)
		return bad_answer(p, err, "is no ExecCredential");
	if (strcmp(version, p->api_version) != 0)
		return err_set(err, ERR_INVALID, "%s: its answer is of apiVersion "
			       "%.60s, the kubeconfig says %s", p->who, version,
			       p->api_version);
	return 0;
}

static bool is_pem(const char *s)
{
	return strstr(s, "-----BEGIN ") != NULL;
}

/* What an answer holds, checked; borrowed. */
struct login {
	const char *token, *cert, *key;
	int64_t expires_ms;
};

static const char *word(const json_t *status, const char *field)
{
	const char *s = doc_get_str(status, field, NULL);

	return s && *s ? s : NULL;
}

static int read_login(const struct exec_plugin *p, const json_t *answer,
		      struct login *l, struct err *err)
{
	const json_t *status = json_object_get(answer, "status");
	const char *until = word(status, "expirationTimestamp");

	l->token = word(status, "token");
	l->cert = word(status, "clientCertificateData");
	l->key = word(status, "clientKeyData");
	l->expires_ms = until ? time_parse_rfc3339(until) : 0;
	if (!json_is_object(status))
		return bad_answer(p, err, "has no status: it gives no credential");
	if (!l->token && !l->cert && !l->key)
		return bad_answer(p, err, "has neither a token nor a client "
				  "certificate with its key");
	if (!l->cert != !l->key)
		return bad_answer(p, err, "has only one of clientCertificateData and "
				  "clientKeyData");
	if (l->cert && (!is_pem(l->cert) || !is_pem(l->key)))
		return bad_answer(p, err, "has a client certificate or key that is "
				  "not PEM");
	if (l->expires_ms < 0)
		return bad_answer(p, err, "has an expirationTimestamp that is no time "
				  "(RFC 3339)");
	return 0;
}

static bool replace(char **field, const char *value)
{
	if (*field ? value && !strcmp(*field, value) : !value)
		return false;
	config_wipe(*field);
	*field = value ? xstrdup(value) : NULL;
	return true;
}

static int use_login(struct kubeconfig *c, const struct login *l, struct err *err)
{
	struct http_endpoint *ep = &c->endpoint;
	char *token = NULL;
	bool changed = false;

	if (l->token && config_set_token(&token, l->token, strlen(l->token),
					 "its answer", err))
		return err_wrap(err, "%s", c->plugin->who);
	changed |= replace(&ep->bearer, token);
	changed |= replace(&ep->cert_pem, l->cert);
	changed |= replace(&ep->key_pem, l->key);
	config_wipe(token);
	ep->generation += changed;
	c->expires_ms = l->expires_ms;
	return 0;
}

int kubeconfig_take(struct kubeconfig *c, const struct buf *answer, struct err *err)
{
	/* The parser's message would quote the answer. */
	_cleanup_json_ json_t *j = doc_parse(buf_str(answer), answer->len, NULL);
	struct login l;

	if (!json_is_object(j))
		return bad_answer(c->plugin, err, "is not a JSON object");
	if (check_kind(c->plugin, j, err) || read_login(c->plugin, j, &l, err))
		return -1;
	return use_login(c, &l, err);
}

bool kubeconfig_expires(const struct kubeconfig *c, int64_t wall_ms)
{
	return c->plugin && c->expires_ms &&
	       wall_ms >= c->expires_ms - RENEW_BEFORE_MS;
}
