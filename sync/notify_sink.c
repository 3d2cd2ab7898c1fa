/*
 * A receiver, read from its Secret. Where its requests go is decided here and by
 * whoever may write Secrets of syncd's own namespace: nothing that an Application or
 * a repository says changes the host that a token is sent to.
 */
#include "notify.h"

#include "core/doc.h"
#include "core/fetch.h"
#include "glob.h"
#include "sync/webhook.h"

#include <ctype.h>
#include <strings.h>

static const struct {
	const char *name, *also;
	const char *api;	/* after scheme and host */
} types[] = {
	[SINK_GITHUB] = { "github", NULL, "/api/v3" },
	[SINK_GITLAB] = { "gitlab", NULL, "/api/v4" },
	[SINK_GITEA] = { "gitea", "forgejo", "/api/v1" },
	[SINK_WEBHOOK] = { "webhook", NULL, NULL },
};

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void sink_deinit(struct sink_rule *s)
{
	wipe(s->to.bearer);
	wipe(s->token);
	wipe(s->secret);
	free(s->to.url);
	free(s->to.ca_pem);
	free(s->name);
	free(s->place);
	free(s->path);
	free(s->applications);
	*s = (struct sink_rule){ 0 };
}

/* Without the newline that `kubectl create secret --from-file` leaves at its end. */
static char *decoded(const json_t *secret, const char *key)
{
	const char *text = doc_get_str(secret, "data", key, NULL);
	struct buf out = BUF_INIT;
	char *s;

	if (!text || b64_decode(text, strlen(text), &out) || !out.len) {
		buf_deinit(&out);
		return NULL;
	}
	s = buf_steal(&out, NULL);
	for (size_t n = strlen(s); n && isspace((unsigned char)s[n - 1]); n--)
		s[n - 1] = '\0';
	if (!*s)
		free(steal(&s));
	return s;
}

static int read_type(struct sink_rule *s, const json_t *secret, struct err *err)
{
	_cleanup_free_ char *type = decoded(secret, "type");

	for (unsigned i = 0; type && i < SINK_TYPE_N; i++) {
		if (strcmp(type, types[i].name) &&
		    (!types[i].also || strcmp(type, types[i].also)))
			continue;
		s->type = (enum sink_type)i;
		return 0;
	}
	return err_set(err, ERR_INVALID, "type: must be github, gitlab, gitea (forgejo) or "
		       "webhook%s", type ? "" : ", and is not there");
}

/* Splits "scheme://host:port/path" into endpoint and path; nothing else goes. */
static int read_url(struct sink_rule *s, const char *key, const char *url, struct err *err)
{
	const char *host = strstr(url, "://"), *path;
	bool tls = !strncasecmp(url, "https://", 8);

	if (!tls && strncasecmp(url, "http://", 7))
		return err_set(err, ERR_INVALID, "%s: must begin with https:// or http://", key);
	for (const char *c = url; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == '#')
			return err_set(err, ERR_INVALID, "%s: character 0x%02x is not allowed; "
				       "escape it", key, (unsigned char)*c);
	host += 3;
	path = host + strcspn(host, "/?");
	if (path == host || memchr(host, '@', (size_t)(path - host)))
		return err_set(err, ERR_INVALID, "%s: needs a host, and no user in it", key);
	free(s->to.url);
	free(s->path);
	s->to.url = xstrndup(url, (size_t)(path - url));
	s->path = xasprintf("%s%s", *path == '/' ? "" : "/", path);
	return 0;
}

/* Their API: as told, else where each of them has it. */
static int read_api(struct sink_rule *s, const json_t *secret, const char *url,
		    struct err *err)
{
	_cleanup_free_ char *api = decoded(secret, "api");
	size_t n;

	if (read_url(s, api ? "api" : "url", api ? api : url, err))
		return -1;
	if (strchr(s->path, '?'))
		return err_set(err, ERR_INVALID, "%s: no query is allowed in it", api ? "api" :
			       "url");
	if (!api) {
		free(s->path);
		s->path = xstrdup(types[s->type].api);
		if (s->type == SINK_GITHUB && !strcasecmp(s->to.url, "https://github.com")) {
			free(s->to.url);
			free(s->path);
			s->to.url = xstrdup("https://api.github.com");
			s->path = xstrdup("");
		}
	}
	for (n = strlen(s->path); n && s->path[n - 1] == '/'; n--)
		s->path[n - 1] = '\0';
	return 0;
}

static int read_place(struct sink_rule *s, const json_t *secret, struct err *err)
{
	_cleanup_free_ char *url = decoded(secret, "url");

	if (!url)
		return err_set(err, ERR_INVALID, "url: is not there: of a webhook, where it "
			       "goes; else that of the repositories (https://github.com/ORG)");
	if (s->type == SINK_WEBHOOK)
		return read_url(s, "url", url, err);
	s->place = webhook_place(url);
	return read_api(s, secret, url, err);
}

/* What is sent with the requests to prove who we are. */
static int read_proof(struct sink_rule *s, const json_t *secret, bool insecure,
		      struct err *err)
{
	_cleanup_free_ char *asks = decoded(secret, "insecure");
	bool wants = asks && !strcmp(asks, "true");

	if (wants && !insecure)
		return err_set(err, ERR_INVALID, "insecure: would let anybody pose as the "
			       "receiver: give its CA in the ConfigMap argocd-tls-certs-cm, or "
			       "run syncd with --allow-insecure-repositories");
	s->to.insecure_skip_verify = wants;
	s->secret = s->type == SINK_WEBHOOK ? decoded(secret, "secret") : NULL;
	s->token = decoded(secret, "token");
	if (!s->token && s->type != SINK_WEBHOOK)
		return err_set(err, ERR_INVALID, "token: is not there: one that may write "
			       "commit statuses");
	s->to.bearer = s->type == SINK_GITEA ? NULL : xstrdup(s->token);
	if (s->token && strncasecmp(s->to.url, "https://", 8) && !wants)
		return err_set(err, ERR_INVALID, "url: a token goes over https:// only");
	return 0;
}

static int read_events(struct sink_rule *s, const json_t *secret, struct err *err)
{
	_cleanup_free_ char *list = decoded(secret, "events");
	char *rest = NULL;

	for (unsigned i = 0; i < NEWS_N; i++)
		if (s->type != SINK_WEBHOOK ? i != NEWS_PINNED : news_word(i) != NULL)
			s->events |= 1u << i;
	if (!list || s->type != SINK_WEBHOOK)
		return 0;
	s->events = 0;
	for (char *w = strtok_r(list, ", \n", &rest); w; w = strtok_r(NULL, ", \n", &rest)) {
		unsigned i = 0;

		while (i < NEWS_N && (!news_word(i) || strcmp(news_word(i), w)))
			i++;
		if (i == NEWS_N)
			return err_set(err, ERR_INVALID, "events: \"%.40s\" is none of promoted, "
				       "rejected, reverted, blocked, stalled, pinned, failed", w);
		s->events |= 1u << i;
	}
	return 0;
}

int sink_read(struct sink_rule *s, const json_t *secret, bool insecure, struct err *err)
{
	const char *name = doc_get_str(secret, "metadata", "name", NULL);

	*s = (struct sink_rule){ .name = xstrdup(name ? name : "") };
	if (read_type(s, secret, err) || read_place(s, secret, err) ||
	    read_proof(s, secret, insecure, err) || read_events(s, secret, err)) {
		err_wrap(err, "Secret %s", s->name);
		sink_deinit(s);
		return -1;
	}
	s->applications = decoded(secret, "applications");
	return 0;
}

bool sink_wants(const struct sink_rule *s, enum news_kind kind, const char *app)
{
	_cleanup_free_ char *list = xstrdup(s->applications);
	char *rest = NULL;

	if (!(s->events & 1u << kind))
		return false;
	if (!list)
		return true;
	for (char *g = strtok_r(list, ", \n", &rest); g; g = strtok_r(NULL, ", \n", &rest))
		if (glob_match(g, app, '/') == 1)
			return true;
	return false;
}

bool sink_has_repo(const struct sink_rule *s, const char *repo_url)
{
	_cleanup_free_ char *place = webhook_place(repo_url);
	size_t n = s->place ? strlen(s->place) : 0;

	return n && !strncasecmp(place, s->place, n) && (place[n] == '/' || !place[n]);
}
