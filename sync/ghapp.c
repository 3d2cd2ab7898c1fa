#include "ghapp.h"

#include <stdio.h>

#include "core/doc.h"
#include "core/jwt.h"
#include "core/mem.h"
#include "core/utf8.h"

#define JWT_S 540		/* the host takes ten minutes at most */
#define CLOCKS_S 60		/* that its clock may be behind ours */
#define RENEW_MS (10 * 60 * 1000)
#define LEAST_MS (60 * 1000)
#define AGAIN_MS (30 * 1000)
#define AGAIN_MOST_MS (10 * 60 * 1000)
#define TIMEOUT_MS 20000
#define MAX_ANSWER ((size_t)64 << 10)
#define TOKEN_MAX 1000

struct ghapp {
	struct world *w;
	struct ghapp_config c;
	struct http_endpoint to;
	char *path;
	char *proof;		/* "Authorization: Bearer {JWT}" */
	const char *headers[3];
	struct http_call call;
	bool running;
	int status;
	struct buf answer;
	char *token;
	int64_t until_ms;	/* wall */
	uint64_t again_at;	/* mono */
	unsigned failures;
	struct err why;		/* of the last failure */
};

static void wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

static void config_deinit(struct ghapp_config *c)
{
	free(c->id);
	free(c->installation);
	wipe(&c->key);
	free(c->api);
}

static bool is_number(const char *s)
{
	return s && *s && strlen(s) <= 20 && strspn(s, "0123456789") == strlen(s);
}

/* ---- the answer ---- */

static void on_head(struct http_call *c, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	(void)retry_after_ms;
	(void)content_type;
	(void)etag;
	container_of(c, struct ghapp, call)->status = status;
}

static void on_data(struct http_call *c, const char *data, size_t len)
{
	buf_add(&container_of(c, struct ghapp, call)->answer, data, len);
}

static bool is_token(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return n && n <= TOKEN_MAX;
}

/* The answer is the host's: of a failure only its message is told. */
static int read_answer(struct ghapp *g, struct err *err)
{
	_cleanup_json_ json_t *doc = doc_parse(buf_str(&g->answer), g->answer.len, NULL);
	const char *token = doc_get_str(doc, "token", NULL);
	const char *until = doc_get_str(doc, "expires_at", NULL);
	const char *says = doc_get_str(doc, "message", NULL);
	_cleanup_free_ char *words = utf8_clean(says ? says : "", 200);

	if (g->status != 201)
		return err_set(err, g->status == 401 || g->status == 403 ||
			       g->status == 404 ? ERR_AUTH : ERR_NET, "%s answers %d%s%s",
			       g->c.api, g->status, *words ? ": " : "", words);
	if (!is_token(token) || !until || time_parse_rfc3339(until) < 0)
		return err_set(err, ERR_NET, "%s gives no token with an end", g->c.api);
	if (time_parse_rfc3339(until) < world_wall(g->w) + LEAST_MS)
		return err_set(err, ERR_NET, "%s gives a token that ends at %.40s: compare its "
			       "clock with this one", g->c.api, until);
	wipe(&g->token);
	g->token = xstrdup(token);
	g->until_ms = time_parse_rfc3339(until);
	return 0;
}

static void failed(struct ghapp *g, const struct err *err)
{
	uint64_t wait = AGAIN_MS;

	for (unsigned i = 0; i < g->failures && wait < AGAIN_MOST_MS; i++)
		wait *= 2;
	g->failures++;
	g->again_at = world_now(g->w) + (wait < AGAIN_MOST_MS ? wait : AGAIN_MOST_MS);
	g->why = *err;
	g->why.retry = true;
	err_wrap(&g->why, "GitHub App %s", g->c.id);
}

static void on_done(struct http_call *c, const struct err *err)
{
	struct ghapp *g = container_of(c, struct ghapp, call);
	struct err bad = *err;

	g->running = false;
	wipe(&g->proof);
	if (!bad.code)
		(void)!read_answer(g, &bad);
	if (g->answer.data)
		explicit_bzero(g->answer.data, g->answer.len);
	buf_deinit(&g->answer);
	if (bad.code) {
		failed(g, &bad);
	} else {
		g->failures = 0;
		g->again_at = world_now(g->w) + AGAIN_MS;	/* however short it lives */
		g->why = ERR_INIT;
	}
	g->c.on_change(g->c.arg);
}

/* ---- asking ---- */

static int make_jwt(struct ghapp *g, struct err *err)
{
	long long now = (long long)(world_wall(g->w) / 1000);
	_cleanup_free_ char *claims = xasprintf("{\"iat\":%lld,\"exp\":%lld,\"iss\":\"%s\"}",
						now - CLOCKS_S, now + JWT_S, g->c.id);
	struct buf out = BUF_INIT;

	if (jwt_sign(claims, g->c.key, &out, err)) {
		buf_deinit(&out);
		return err_wrap(err, "githubAppPrivateKey");
	}
	wipe(&g->proof);
	g->proof = xasprintf("Authorization: Bearer %s", buf_str(&out));
	explicit_bzero(out.data, out.len);
	buf_deinit(&out);
	return 0;
}

static void ask(struct ghapp *g, const char *ca)
{
	struct err err = ERR_INIT;

	if (make_jwt(g, &err)) {
		failed(g, &err);
		return;
	}
	if (!g->to.ca_pem != !ca || (ca && strcmp(g->to.ca_pem, ca))) {
		free(g->to.ca_pem);
		g->to.ca_pem = xstrdup(ca);
		g->to.generation++;
	}
	g->headers[0] = g->proof;
	g->headers[1] = "X-GitHub-Api-Version: 2022-11-28";
	g->running = true;
	g->status = 0;
	g->call = (struct http_call){
		.endpoint = &g->to, .lane = HTTP_REQUEST, .method = "POST", .path = g->path,
		.accept = "application/vnd.github+json", .headers = g->headers,
		.body = "",
		.timeout_ms = TIMEOUT_MS, .max_body = MAX_ANSWER, .on_head = on_head,
		.on_data = on_data, .on_done = on_done,
	};
	g->w->ops->http_start(g->w, &g->call);
}

const char *ghapp_api(const struct ghapp *g)
{
	return g->c.api;
}

int ghapp_token(struct ghapp *g, const char *ca, const char **token, struct err *err)
{
	int64_t left = g->token ? g->until_ms - world_wall(g->w) : 0;

	if (left < RENEW_MS && !g->running && world_now(g->w) >= g->again_at)
		ask(g, ca);
	*token = left >= LEAST_MS ? g->token : NULL;
	if (*token)
		return 0;
	if (g->running && !g->why.code)
		return 1;
	*err = g->why;
	return -1;
}

/* ---- made and ended ---- */

static int check(const struct ghapp_config *c, struct err *err)
{
	if (!is_number(c->id))
		return err_set(err, ERR_INVALID, "githubAppID: must be a number");
	if (!is_number(c->installation))
		return err_set(err, ERR_INVALID, "githubAppInstallationID: must be a number");
	if (!c->key)
		return err_set(err, ERR_INVALID, "githubAppPrivateKey is not there");
	if (strncmp(c->api, "https://", 8) || strpbrk(c->api + 8, "?#@ ") || !c->api[8])
		return err_set(err, ERR_INVALID, "githubAppEnterpriseBaseUrl: must begin with "
			       "https://, without user and query");
	return 0;
}

struct ghapp *ghapp_new(struct world *w, struct ghapp_config *c, struct err *err)
{
	struct ghapp *g;

	if (check(c, err)) {
		config_deinit(c);
		return NULL;
	}
	g = xcalloc(1, sizeof(*g));
	g->w = w;
	g->c = *c;
	g->to.url = g->c.api;
	g->to.insecure_skip_verify = g->c.insecure;
	g->to.user_agent = (char *)(uintptr_t)"syncd";	/* the host wants one */
	g->path = xasprintf("/app/installations/%s/access_tokens", g->c.installation);
	return g;
}

struct ghapp *ghapp_free(struct ghapp *g)
{
	if (!g)
		return NULL;
	if (g->running)
		g->w->ops->http_abandon(g->w, &g->call);
	g->w->ops->endpoint_forget(g->w, &g->to);
	free(g->to.ca_pem);
	wipe(&g->proof);
	wipe(&g->token);
	buf_deinit(&g->answer);
	free(g->path);
	config_deinit(&g->c);
	free(g);
	return NULL;
}
