/*
 * Each host in a row of one table: the header that tells it, the one that proves it,
 * and where its message has the repository's URLs.
 */
#include "sync/webhook.h"

#include "core/doc.h"
#include "core/fetch.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define SHA256_LEN 32

enum proof {
	PROOF_TOKEN,		/* the header is the secret */
	PROOF_HMAC,		/* hex of the body's HMAC-SHA256 */
	PROOF_HMAC_PREFIXED,	/* the same after "sha256=" */
};

/* In the order in which their headers are looked for: Gogs sends GitHub's as well. */
static const struct host {
	enum webhook_host host;
	const char *event;	/* header */
	const char *pushes;	/* its values that tell of a push, spaced */
	const char *proof_header;
	enum proof proof;
	const char *secret_key;
	const char *paths[4];	/* "repository.clone_url" */
} hosts[] = {
	{ WEBHOOK_GOGS, "X-Gogs-Event", "push create delete", "X-Gogs-Signature",
	  PROOF_HMAC, "webhook.gogs.secret",
	  { "repository.html_url", "repository.clone_url", "repository.ssh_url", NULL } },
	{ WEBHOOK_GITHUB, "X-GitHub-Event", "push create delete", "X-Hub-Signature-256",
	  PROOF_HMAC_PREFIXED, "webhook.github.secret",
	  { "repository.html_url", "repository.clone_url", "repository.ssh_url", NULL } },
	{ WEBHOOK_GITLAB, "X-Gitlab-Event", "Push_Hook Tag_Push_Hook System_Hook",
	  "X-Gitlab-Token", PROOF_TOKEN, "webhook.gitlab.secret",
	  { "project.web_url", "project.git_http_url", "project.git_ssh_url", NULL } },
	{ WEBHOOK_BITBUCKET, "X-Hook-UUID", NULL, "X-Hook-UUID", PROOF_TOKEN,
	  "webhook.bitbucket.uuid", { "repository.links.html.href", NULL, NULL, NULL } },
	{ WEBHOOK_BITBUCKET_SERVER, "X-Event-Key", "repo:refs_changed", "X-Hub-Signature",
	  PROOF_HMAC_PREFIXED, "webhook.bitbucketserver.secret",
	  { "repository.links.clone", NULL, NULL, NULL } },
};

static const struct host *host_of(enum webhook_host h)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (hosts[i].host == h)
			return &hosts[i];
	abort();
}

const char *webhook_secret_key(enum webhook_host h)
{
	return host_of(h)->secret_key;
}

int webhook_host(const struct webhook_request *r)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (r->header(r, hosts[i].event))
			return (int)hosts[i].host;
	return -1;
}

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && !CRYPTO_memcmp(a, b, n);
}

bool webhook_is_proven(enum webhook_host host, const struct webhook_request *r,
		       const char *secret)
{
	const struct host *h = host_of(host);
	const char *proof = r->header(r, h->proof_header);
	unsigned char mac[EVP_MAX_MD_SIZE];
	char want[8 + 2 * SHA256_LEN] = "";
	unsigned len = 0, at = 0;

	if (!proof || !secret || !*secret)
		return false;
	if (h->proof == PROOF_TOKEN)
		return same(proof, secret);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret),
		  (const unsigned char *)r->body, r->len, mac, &len) ||
	    len != SHA256_LEN)
		return false;
	if (h->proof == PROOF_HMAC_PREFIXED)
		at = (unsigned)snprintf(want, sizeof(want), "sha256=");
	for (unsigned i = 0; i < len; i++)
		snprintf(want + at + 2 * i, 3, "%02x", mac[i]);
	return same(proof, want);
}

/* ---- the body ---- */

static void add_url(struct webhook_push *p, const char *url)
{
	if (url && *url && p->urls.len < WEBHOOK_URLS)
		vec_push(&p->urls, xstrdup(url));
}

/* A string, or a list of maps with "href". */
static void add_at(struct webhook_push *p, const json_t *o, const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	char *rest = copy, *step;
	const json_t *item;
	size_t i;

	while ((step = strsep(&rest, ".")))
		o = json_object_get(o, step);
	add_url(p, json_string_value(o));
	json_array_foreach((json_t *)o, i, item)
		add_url(p, doc_get_str(item, "href", NULL));
}

/* "Push Hook" is written Push_Hook in the table. */
static bool is_push(const struct host *h, const struct webhook_request *r)
{
	const char *event = r->header(r, h->event);
	_cleanup_free_ char *list = xstrdup(h->pushes), *mine = xstrdup(event);
	char *rest = NULL;

	for (char *c = mine; c && *c; c++)
		if (*c == ' ')
			*c = '_';
	for (char *one = list ? strtok_r(list, " ", &rest) : NULL; one && mine;
	     one = strtok_r(NULL, " ", &rest))
		if (!strcmp(one, mine))
			return true;
	return !list;
}

int webhook_read(enum webhook_host host, const struct webhook_request *r,
		 struct webhook_push *p, struct err *err)
{
	const struct host *h = host_of(host);
	_cleanup_json_ json_t *o = NULL;

	*p = (struct webhook_push){ 0 };
	if (!is_push(h, r))
		return 0;
	o = doc_parse(r->body, r->len, err);
	if (!o)
		return err_wrap(err, "push webhook");
	for (size_t i = 0; i < ARRAY_LEN(h->paths) && h->paths[i]; i++)
		add_at(p, o, h->paths[i]);
	return 0;
}

void webhook_push_deinit(struct webhook_push *p)
{
	for (size_t i = 0; i < p->urls.len; i++)
		free(p->urls.data[i]);
	vec_deinit(&p->urls);
}

char *webhook_place(const char *url)
{
	_cleanup_free_ char *normal = repo_url_normal(url);
	const char *host = strstr(normal, "://"), *user, *path;
	size_t n;

	if (!host || !strncmp(normal, "file:", 5))
		return xstrdup("");
	host += 3;
	path = host + strcspn(host, "/");
	user = memrchr(host, '@', (size_t)(path - host));
	host = user ? user + 1 : host;
	n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	return xasprintf("%.*s%s", (int)n, host, path);
}

bool webhook_names(const struct webhook_push *p, const char *repo_url)
{
	_cleanup_free_ char *mine = webhook_place(repo_url);

	for (size_t i = 0; *mine && i < p->urls.len; i++) {
		_cleanup_free_ char *named = webhook_place(p->urls.data[i]);

		if (!strcasecmp(mine, named))
			return true;
	}
	return false;
}
