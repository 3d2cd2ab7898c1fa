/*
 * The fence around a group of applications. Each list is walked in order; a deny
 * pattern that matches refuses at once; nothing matching refuses too.
 */
#include "sync/project.h"

#include <ctype.h>
#include <string.h>

#include "core/buf.h"
#include "core/doc.h"
#include "core/fetch.h"
#include "core/mem.h"
#include "glob.h"

#define IN_CLUSTER "https://kubernetes.default.svc"
#define IN_CLUSTER_NAME "in-cluster"
#define ARGOCD_NS "argocd"

enum verdict { NO, YES, DENIED };

/* One pattern: what does it say of text? A deny pattern lets the others pass. */
static enum verdict judge(const char *pattern, const char *text, char sep)
{
	if (*pattern == '!')
		return glob_match(pattern + 1, text, sep) ? DENIED : YES;
	if (!strcmp(pattern, "*"))
		return YES;
	return glob_match(pattern, text, sep) == 1 ? YES : NO;
}

/* Lower-case, without "/" and ".git" at the end: one spelling per repository. */
static char *repo_fold(const char *url)
{
	char *s = xstrdup(url);
	size_t n = strlen(s);

	for (char *p = s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	while (n > 1 && s[n - 1] == '/')
		s[--n] = '\0';
	if (n > 4 && !strcmp(s + n - 4, ".git"))
		s[n - 4] = '\0';
	return s;
}

/*
 * The other spellings of a pattern's place, as repo_url_normal() does it to a URL: no user
 * but SSH's, no default port, ssh:// for user@host:path.
 */
static char *pattern_normal(const char *pattern)
{
	static const char *const ports[][2] = { { "https://", ":443" }, { "http://", ":80" },
						{ "ssh://", ":22" } };
	_cleanup_free_ char *folded = repo_fold(pattern + (*pattern == '!'));
	const char *sep = strstr(folded, "://"), *host = sep ? sep + 3 : folded, *at;
	size_t n = strcspn(host, "/"), port = 0;
	bool scp = !sep && memchr(host, '@', n) && memchr(host, ':', n);
	bool ssh = scp || !strncmp(folded, "ssh://", 6);
	struct buf out = BUF_INIT;

	buf_addf(&out, "%s%.*s", *pattern == '!' ? "!" : "", (int)(host - folded), folded);
	if (scp) {
		buf_adds(&out, "ssh://");
		n = (size_t)((char *)memchr(host, ':', n) - host);
	}
	at = memrchr(host, '@', n);
	if (at && sep && !ssh) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	} else if (!at && ssh && strcspn(host, "*?[{") >= n) {
		buf_adds(&out, "git@");
	}
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		size_t len = strlen(ports[i][1]);

		if (!strncmp(folded, ports[i][0], strlen(ports[i][0])) && n > len &&
		    !memcmp(host + n - len, ports[i][1], len))
			port = len;
	}
	buf_add(&out, host, n - port);
	host += n;
	if (scp)
		buf_addf(&out, "/%s", host + 1 + (host[1] == '/'));
	else
		buf_adds(&out, host);
	return buf_steal(&out, NULL);
}

/* As it is written, and by what it means: a fence has no gap where spellings differ. */
static enum verdict judge_repo(const char *pattern, const char *url)
{
	_cleanup_free_ char *written = repo_fold(pattern), *text = repo_fold(url);
	_cleanup_free_ char *normal = repo_url_normal(url), *meant = pattern_normal(pattern);
	_cleanup_free_ char *place = repo_fold(normal);
	enum verdict a = judge(written, text, '/'), b = judge(meant, place, '/');

	return a == DENIED || b == DENIED ? DENIED : a == YES || b == YES ? YES : NO;
}

static bool source_allowed(const struct project *p, const char *url)
{
	const json_t *item;
	bool allowed = false;
	size_t i;

	json_array_foreach(doc_get(p->spec, "sourceRepos", NULL), i, item) {
		enum verdict v = judge_repo(json_string_value(item), url);

		if (v == DENIED)
			return false;
		allowed |= v == YES;
	}
	return allowed;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

/*
 * Our own cluster has a URL and a name: a pattern may be for either. A denied namespace
 * is one of the cluster beside it; a denied URL counts where the namespace fits, a denied
 * name for all. Argo CD passes over some denials in an entry with a part that fits (a
 * namespace's beside a name, a name's beside a URL); here they count.
 */
static bool destination_allowed(const struct project *p, const char *ns)
{
	const json_t *item;
	bool allowed = false;
	size_t i;

	json_array_foreach(doc_get(p->spec, "destinations", NULL), i, item) {
		enum verdict server = judge(text_of(item, "server"), IN_CLUSTER, 0);
		enum verdict name = judge(text_of(item, "name"),
					  IN_CLUSTER_NAME, 0);
		enum verdict space = judge(text_of(item, "namespace"), ns, 0);

		bool fits = server == YES || name == YES;

		if (name == DENIED || (server == DENIED && space == YES) ||
		    (space == DENIED && fits))
			return false;
		allowed |= fits && space == YES;
	}
	return allowed;
}

static bool app_ns_allowed(const struct project *p, const struct project_app *a)
{
	const json_t *item;
	size_t i;

	if (!strcmp(a->ns, a->control_ns))
		return true;
	json_array_foreach(doc_get(p->spec, "sourceNamespaces", NULL), i, item) {
		/* No denials here: "!x" is the name of nothing. */
		if (glob_match(json_string_value(item), a->ns, 0) == 1)
			return true;
	}
	return false;
}

int project_check_part(const struct project *p, const struct project_app *a,
		       enum project_part part, struct err *err)
{
	if (part == PROJECT_PLACE && !app_ns_allowed(p, a))
		return err_set(err, ERR_INVALID, "AppProject %s does not allow "
			       "applications in namespace %s: add it to "
			       "spec.sourceNamespaces", p->name, a->ns);
	if (part == PROJECT_SOURCE && !source_allowed(p, a->repo_url))
		return err_set(err, ERR_INVALID, "AppProject %s does not allow the "
			       "repository of spec.source.repoURL: add it to "
			       "spec.sourceRepos", p->name);
	if (part == PROJECT_DESTINATION && !destination_allowed(p, a->dest_ns))
		return err_set(err, ERR_INVALID, "AppProject %s does not allow "
			       "namespace \"%s\" of this cluster: add it to "
			       "spec.destinations", p->name, a->dest_ns);
	return 0;
}

int project_check_app(const struct project *p, const struct project_app *a,
		      struct err *err)
{
	for (int part = PROJECT_PLACE; part <= PROJECT_DESTINATION; part++)
		if (project_check_part(p, a, (enum project_part)part, err))
			return -1;
	return 0;
}

static bool is_home(const char *own_ns, const char *ns)
{
	return !strcmp(ns, ARGOCD_NS) || !strcmp(ns, own_ns);
}

size_t project_homes(const char *own_ns, const char *app_ns,
		     const char *ret[PROJECT_HOMES])
{
	size_t n = 0;

	if (is_home(own_ns, app_ns)) {
		ret[n++] = app_ns;
		return n;
	}
	if (strcmp(own_ns, ARGOCD_NS))
		ret[n++] = ARGOCD_NS;
	ret[n++] = own_ns;
	return n;
}

bool project_trusts(const char *own_ns, char *const *app_namespaces, const char *app_ns,
		    const char *project)
{
	if (is_home(own_ns, app_ns))
		return true;
	for (; *app_namespaces; app_namespaces++)
		if (!strcmp(*app_namespaces, app_ns))
			return !strcmp(project, "default");
	return false;
}

/* on_doubt: also what cannot be read, and what braces and "!" mean elsewhere. */
static bool kind_fits(const char *pattern, const char *text, bool on_doubt)
{
	int r = glob_kind(pattern, text);

	return r == 1 || (on_doubt && (r || glob_match(pattern, text, '/')));
}

/* Is the kind in that list of {group, kind, name}? */
static bool listed(const struct project *p, const char *list, const char *group,
		   const char *kind, const char *name, bool on_doubt)
{
	const json_t *item;
	size_t i;

	json_array_foreach(doc_get(p->spec, list, NULL), i, item) {
		const char *only = text_of(item, "name");

		if (kind_fits(text_of(item, "group"), group, on_doubt) &&
		    kind_fits(text_of(item, "kind"), kind, on_doubt) &&
		    (!*only || kind_fits(only, name, on_doubt)))
			return true;
	}
	return false;
}

static int refuse_kind(const struct project *p, const char *list, bool add,
		       const char *group, const char *kind, const char *name,
		       struct err *err)
{
	return err_set(err, ERR_INVALID, "%s%s%s/%s: AppProject %s does not allow "
		       "this kind: %s spec.%s", group, *group ? "/" : "", kind,
		       name, p->name, add ? "add it to" : "it is in", list);
}

int project_check_object(const struct project *p, const char *group,
			 const char *kind, const char *ns, const char *name,
			 struct err *err)
{
	const char *white = *ns ? "namespaceResourceWhitelist" :
				  "clusterResourceWhitelist";
	const char *black = *ns ? "namespaceResourceBlacklist" :
				  "clusterResourceBlacklist";
	/* Argo CD's defaults: any namespaced kind, no cluster-scoped one. */
	bool all = *ns && !doc_get(p->spec, white, NULL);

	if (!all && !listed(p, white, group, kind, name, false))
		return refuse_kind(p, white, true, group, kind, name, err);
	if (listed(p, black, group, kind, name, true))
		return refuse_kind(p, black, false, group, kind, name, err);
	if (*ns && !destination_allowed(p, ns))
		return err_set(err, ERR_INVALID, "%s%s%s %s/%s: AppProject %s does "
			       "not allow namespace %s: add it to "
			       "spec.destinations", group, *group ? "/" : "", kind,
			       ns, name, p->name, ns);
	return 0;
}

static bool is_name(const char *s, size_t len, size_t max)
{
	if (!len || len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    s[i] != '-' && s[i] != '.')
			return false;
	return true;
}

/* "name" in the application's namespace, or "namespace:name". It becomes a header. */
static int account_user(const struct project *p, const char *account, const char *ns,
			char **ret, struct err *err)
{
	const char *colon = strchr(account, ':');
	const char *name = colon ? colon + 1 : account;
	size_t len = colon ? (size_t)(colon - account) : strlen(ns);

	if (!is_name(name, strlen(name), 253) || !is_name(colon ? account : ns, len, 63))
		return err_set(err, ERR_INVALID, "AppProject %s: spec."
			       "destinationServiceAccounts: \"%.80s\" is no service account: "
			       "write its name, or namespace:name", p->name, account);
	*ret = xasprintf("system:serviceaccount:%.*s:%s", (int)len,
			 colon ? account : ns, name);
	return 0;
}

bool project_is_account(const char *text)
{
	const char *colon = strchr(text, ':');
	const char *name = colon ? colon + 1 : text;

	return is_name(name, strlen(name), 253) &&
	       (!colon || is_name(text, (size_t)(colon - text), 63));
}

int project_acts_as(const struct project *p, const char *dest_ns, const char *app_ns,
		    char **ret, struct err *err)
{
	const json_t *list = doc_get(p->spec, "destinationServiceAccounts", NULL);
	const json_t *item;
	size_t i;

	*ret = NULL;
	if (!json_array_size(list))
		return 0;
	json_array_foreach((json_t *)list, i, item) {
		int server = glob_match(text_of(item, "server"), IN_CLUSTER, 0);
		int space = glob_match(text_of(item, "namespace"), dest_ns, 0);

		/* Going on to the next would write as somebody else than was meant. */
		if (server < 0 || space < 0)
			return err_set(err, ERR_INVALID, "AppProject %s: spec."
				       "destinationServiceAccounts[%zu]: its pattern cannot "
				       "be read", p->name, i);
		if (server && space)
			return account_user(p, text_of(item, "defaultServiceAccount"),
					    *dest_ns ? dest_ns : app_ns, ret, err);
	}
	return err_set(err, ERR_INVALID, "AppProject %s does not say as which service "
		       "account namespace \"%s\" of " IN_CLUSTER " is written: add it to "
		       "spec.destinationServiceAccounts", p->name, dest_ns);
}

bool project_may_act_as(const struct project *p, const char *user)
{
	static const char prefix[] = "system:serviceaccount:";
	const char *who, *name;
	const json_t *item;
	size_t i;

	who = !strncmp(user, prefix, strlen(prefix)) ? user + strlen(prefix) : "";
	name = strchr(who, ':');
	if (!name)
		return false;
	json_array_foreach(doc_get(p->spec, "destinationServiceAccounts", NULL), i, item) {
		const char *account = text_of(item, "defaultServiceAccount");

		if (!strcmp(account, strchr(account, ':') ? who : name + 1))
			return true;
	}
	return false;
}

/* What there means "all but" would be a name that nothing has. */
static int check_accounts(const json_t *spec, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(spec, "destinationServiceAccounts"), i, item)
		if (*text_of(item, "server") == '!' || *text_of(item, "namespace") == '!')
			return err_set(err, ERR_INVALID, "spec.destinationServiceAccounts"
				       "[%zu]: a leading \"!\" is not taken here: the first "
				       "entry that matches counts", i);
	return 0;
}

/* want NULL: strings; else maps of strings under those keys. */
static int check_list(const json_t *spec, const char *list,
		      const char *const *want, struct err *err)
{
	const json_t *l = json_object_get(spec, list), *item;
	size_t i;

	if (l && !json_is_null(l) && !json_is_array(l))
		return err_set(err, ERR_INVALID, "spec.%s must be a list", list);
	json_array_foreach(l, i, item) {
		const char *text = json_string_value(item);

		if (!want && (!text || strlen(text) > GLOB_MAX))
			return err_set(err, ERR_INVALID, "spec.%s[%zu] must be a "
				       "string of at most %d bytes", list, i,
				       GLOB_MAX);
		if (want && !json_is_object(item))
			return err_set(err, ERR_INVALID,
				       "spec.%s[%zu] must be a map", list, i);
		for (size_t k = 0; want && want[k]; k++) {
			const json_t *v = json_object_get(item, want[k]);

			if (v && !json_is_null(v) && (!json_is_string(v) ||
			    json_string_length(v) > GLOB_MAX))
				return err_set(err, ERR_INVALID, "spec.%s[%zu].%s "
					"must be a string of at most %d bytes",
					list, i, want[k], GLOB_MAX);
		}
	}
	return 0;
}

/* Admission says so, too; but it may be off, or the project older than it. */
static int check_signatures(const json_t *spec, struct err *err)
{
	const json_t *list = json_object_get(spec, "signatureKeys"), *item;
	char id[SIGNED_ID];
	size_t i;

	if (json_object_size(json_object_get(spec, "sourceIntegrity")))
		return err_set(err, ERR_INVALID, "spec.sourceIntegrity is not supported, so "
			       "nothing is deployed: list the keys that sign commits in "
			       "spec.signatureKeys, and take it out");
	if (list && !json_is_null(list) && !json_is_array(list))
		return err_set(err, ERR_INVALID, "spec.signatureKeys must be a list");
	json_array_foreach(list, i, item)
		if (!signed_key_id(text_of(item, "keyID"), id))
			return err_set(err, ERR_INVALID, "spec.signatureKeys[%zu].keyID: "
				       "\"%.60s\" is neither a key ID of 16 hex digits nor a "
				       "fingerprint of 40", i, text_of(item, "keyID"));
	return 0;
}

bool project_asks_signatures(const struct project *p)
{
	return json_array_size(json_object_get(p->spec, "signatureKeys")) > 0;
}

void project_signers(const struct project *p, struct signed_policy *to)
{
	const json_t *item;
	char name[SIGNED_FPRINT];
	size_t i;

	json_array_foreach(json_object_get(p->spec, "signatureKeys"), i, item)
		if (signed_key_name(text_of(item, "keyID"), name))
			vec_push(&to->listed, xstrdup(name));
}

static int check_spec(const json_t *spec, struct err *err)
{
	static const char *const dest[] = { "server", "name", "namespace", NULL };
	static const char *const kinds[] = { "group", "kind", "name", NULL };
	static const char *const accounts[] = { "server", "namespace",
						"defaultServiceAccount", NULL };
	static const struct {
		const char *list;
		const char *const *want;
	} lists[] = {
		{ "sourceRepos", NULL },
		{ "sourceNamespaces", NULL },
		{ "destinations", dest },
		{ "clusterResourceWhitelist", kinds },
		{ "clusterResourceBlacklist", kinds },
		{ "namespaceResourceWhitelist", kinds },
		{ "namespaceResourceBlacklist", kinds },
		{ "destinationServiceAccounts", accounts },
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (check_list(spec, lists[i].list, lists[i].want, err))
			return -1;
	}
	return check_signatures(spec, err) ? -1 : check_accounts(spec, err);
}

static void on_bad_wait(void *arg, const char *words)
{
	struct project *p = arg;

	if (!p->warning)
		p->warning = xasprintf("AppProject %s: %s", p->name, words);
}

int project_decode(struct project *p, const json_t *object, struct err *err)
{
	const char *name = doc_get_str(object, "metadata", "name", NULL);
	const json_t *spec = doc_get(object, "spec", NULL);

	*p = (struct project){ 0 };
	if (!name || !json_is_object(spec))
		return err_set(err, ERR_INVALID, "AppProject %s: spec must be a map",
			       name ? name : "(unnamed)");
	if (check_spec(spec, err))
		return err_wrap(err, "AppProject %s", name);
	p->name = xstrdup(name);
	p->spec = json_deep_copy(spec);
	p->auto_revert = xstrdup(doc_get_str(object, "metadata", "annotations",
					     "syncd.dev/auto-revert", NULL));
	p->control = xstrdup(doc_get_str(object, "metadata", "annotations",
					 "syncd.dev/deploy-control", NULL));
	p->environment = xstrdup(doc_get_str(object, "metadata", "annotations",
					     "syncd.dev/environment", NULL));
	waits_decode(&p->waits, doc_get(object, "metadata", "annotations", NULL),
		     on_bad_wait, p);
	/* null is what absent is; a null whitelist must not become an empty one. */
	if (json_is_null(doc_get(spec, "namespaceResourceWhitelist", NULL)))
		json_object_del(p->spec, "namespaceResourceWhitelist");
	return 0;
}

void project_permissive(struct project *p)
{
	p->name = xstrdup("default");
	p->spec = json_pack("{s:[s],s:[{s:s,s:s}],s:[{s:s,s:s}]}",
			    "sourceRepos", "*", "destinations", "server", "*",
			    "namespace", "*", "clusterResourceWhitelist",
			    "group", "*", "kind", "*");
}

void project_deinit(struct project *p)
{
	free(p->auto_revert);
	free(p->control);
	free(p->environment);
	free(p->warning);
	free(p->name);
	json_decref(p->spec);
	*p = (struct project){ 0 };
}
