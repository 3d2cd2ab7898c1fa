/*
 * What is sent: for each kind of receiver the request, and for people one sentence.
 *
 *	GitHub	POST /repos/OWNER/REPO/statuses/SHA	{state, context, description}
 *	GitLab	POST /projects/OWNER%2FREPO/statuses/SHA	{state, name, description}
 *	Gitea	POST /repos/OWNER/REPO/statuses/SHA	{state, context, description},
 *		its token in "Authorization: token", the others' as Bearer
 *	webhook	a CloudEvent 1.0, JSON, structured mode; signed in X-Signature over
 *		the body's bytes: "sha256=" and the hex of its HMAC-SHA256
 *
 * A notice that is sent again has the same bytes, but for what a commit's author or
 * subject is found to be later.
 */
#include "notify.h"

#include "core/doc.h"
#include "core/fetch.h"
#include "core/utf8.h"
#include "status_parts.h"
#include "sync/webhook.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define DESCRIPTION 140		/* GitHub's limit, in characters; GitLab's is 255 */

static const struct release *release_of(const struct record *rec, uint32_t id)
{
	return record_release((struct record *)(uintptr_t)rec, id);
}

static void add_other(const struct notice *n, const struct record *rec, const char *before,
		      struct buf *out)
{
	const struct release *r = release_of(rec, n->other);

	if (n->other)
		buf_addf(out, "%s#%u", before, n->other);
	if (r)
		buf_addf(out, " (%.7s)", r->revision);
}

void message_text(const struct notice *n, const struct record *rec, struct buf *out)
{
	int kind = news_parse(n->event);
	const struct release *r = release_of(rec, n->release);

	if (n->release)
		buf_addf(out, "release #%u ", n->release);
	switch (kind) {
	case NEWS_STARTED:
		buf_adds(out, "is going out");
		return;
	case NEWS_PROMOTED:
		buf_adds(out, "is good");
		return;
	case NEWS_SUPERSEDED:
		buf_adds(out, "gave way to a newer one before it was proven");
		return;
	case NEWS_REJECTED:
		buf_adds(out, "was rejected");
		add_other(n, rec, r && r->reported ? ", auto-revert would go back to " :
			  ", going back to ", out);
		break;
	case NEWS_REVERTED:
		buf_adds(out, "was rejected, back at ");
		add_other(n, rec, "", out);
		break;
	case NEWS_REVERT_BLOCKED:
		buf_adds(out, "was rejected, and going back is refused");
		break;
	case NEWS_REVERT_STALLED:
		buf_adds(out, "was rejected, and going back does not get on");
		break;
	case NEWS_PINNED:
		buf_adds(out, "is pinned");
		break;
	default:
		buf_adds(out, n->release ? "could not be put out" : "cannot be put out");
		break;
	}
	if (n->words && *n->words)
		buf_addf(out, ": %s", n->words);
}

/* ---- commit statuses ---- */

static const char *state_of(enum sink_type type, int kind)
{
	static const struct {
		const char *usual, *gitlab;
	} states[] = {
		[NEWS_STARTED] = { "pending", "running" },
		[NEWS_PROMOTED] = { "success", "success" },
		[NEWS_REJECTED] = { "failure", "failed" },
		[NEWS_SUPERSEDED] = { "error", "canceled" },
		[NEWS_REVERTED] = { "failure", "failed" },
		[NEWS_REVERT_BLOCKED] = { "error", "failed" },
		[NEWS_REVERT_STALLED] = { "error", "failed" },
		[NEWS_PINNED] = { NULL, NULL },
		[NEWS_SYNC_FAILED] = { "error", "failed" },
	};

	return type == SINK_GITLAB ? states[kind].gitlab : states[kind].usual;
}

/* The repository's path on its host; GitHub and Gitea: its last two parts. */
static char *repo_path(enum sink_type type, const char *url)
{
	_cleanup_free_ char *place = webhook_place(url);
	const char *path = strchr(place, '/'), *cut;

	if (repo_url_check_plain(url, NULL))
		return NULL;	/* it becomes a path of the receiver's API */
	if (!path || !strchr(path + 1, '/'))
		return NULL;
	path++;
	if (type == SINK_GITLAB)
		return xstrdup(path);
	for (cut = strchr(path, '/'); cut && strchr(cut + 1, '/'); cut = strchr(path, '/'))
		path = cut + 1;
	return xstrdup(path);
}

static bool is_commit(const char *sha)
{
	size_t n = strlen(sha);

	return (n == 40 || n == 64) && strspn(sha, "0123456789abcdef") == n;
}

static void add_path(const struct sink_rule *s, const char *repo, const char *sha,
		     struct buf *out)
{
	buf_adds(out, s->path);
	if (s->type == SINK_GITLAB) {
		buf_adds(out, "/projects/");
		buf_add_escaped(out, repo);
	} else {
		_cleanup_free_ char *owner = xstrndup(repo, strcspn(repo, "/"));

		buf_adds(out, "/repos/");
		buf_add_escaped(out, owner);
		buf_addc(out, '/');
		buf_add_escaped(out, repo + strlen(owner) + 1);
	}
	buf_addf(out, "/statuses/%s", sha);
}

static int build_status(const struct sink_rule *s, const struct notice *n,
			const struct message_from *from, struct message *m)
{
	_cleanup_free_ char *repo = n->repo ? repo_path(s->type, n->repo) : NULL;
	_cleanup_free_ char *context = NULL, *words = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT, path = BUF_INIT, body = BUF_INIT;
	_cleanup_json_ json_t *o = json_object();
	const char *state = state_of(s->type, news_parse(n->event));

	if (!repo || !n->sha || !is_commit(n->sha) || !state)
		return -1;
	context = xasprintf("syncd/%s/%s", from->cluster, from->app_id);
	message_text(n, from->record, &text);
	words = utf8_clean(buf_str(&text), DESCRIPTION);
	put_str(o, "state", state);
	put_str(o, s->type == SINK_GITLAB ? "name" : "context", context);
	put_str(o, "description", words);
	doc_write(o, &body);
	add_path(s, repo, n->sha, &path);
	m->path = buf_steal(&path, NULL);
	m->body = buf_steal(&body, &m->len);
	m->content_type = "application/json";
	if (s->type == SINK_GITHUB) {
		m->accept = "application/vnd.github+json";
		m->headers[0] = xstrdup("X-GitHub-Api-Version: 2022-11-28");
	} else if (s->type == SINK_GITEA) {
		m->headers[0] = xasprintf("Authorization: token %s", s->token);
	}
	return 0;
}

/* ---- webhooks ---- */

static json_t *release_doc(const struct release *r)
{
	json_t *o = json_object();

	put_int(o, "id", r->id);
	put_str(o, "state", release_state_str(r->state));
	put_revisions(o, r->revision, r->revisions);
	put_str(o, "digest", r->digest);
	put_str(o, "author", r->author);
	put_str(o, "subject", r->subject);
	put_str(o, "initiatedBy", r->initiated_by);
	return o;
}

static void put_release(json_t *data, const char *key, const struct record *rec,
			uint32_t id)
{
	const struct release *r = release_of(rec, id);

	if (r)
		json_object_set_new(data, key, release_doc(r));
}

static json_t *event_data(const struct notice *n, const struct message_from *from)
{
	const struct release *r = release_of(from->record, n->release);
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *look = xasprintf("syncctl status %s -n %s", from->name, from->ns);
	bool only_reported = r && r->reported && news_parse(n->event) == NEWS_REJECTED;
	json_t *o = json_object();

	message_text(n, from->record, &text);
	put_str(o, "cluster", from->cluster);
	put_str(o, "namespace", from->ns);
	put_str(o, "application", from->name);
	put_str(o, "project", from->project);
	put_str(o, "message", buf_str(&text));
	put_str(o, "reason", n->words);
	put_release(o, "release", from->record, n->release);
	put_release(o, only_reported ? "wouldRevertTo" : "runs", from->record, n->other);
	put_str(o, "look", look);
	return o;
}

static char *signature(const char *secret, const void *data, size_t len)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	struct buf b = BUF_INIT;
	unsigned n = 0;

	HMAC(EVP_sha256(), secret, (int)strlen(secret), data, len, mac, &n);
	buf_adds(&b, "X-Signature: sha256=");
	for (unsigned i = 0; i < n; i++)
		buf_addf(&b, "%02x", mac[i]);
	return buf_steal(&b, NULL);
}

static int build_event(const struct sink_rule *s, const struct notice *n,
		       const struct message_from *from, struct message *m)
{
	_cleanup_buf_ struct buf source = BUF_INIT, body = BUF_INIT;
	_cleanup_free_ char *type = xasprintf("dev.syncd.%s", n->event);
	_cleanup_free_ char *subject = xasprintf("%s/%s", from->ns, from->name);
	_cleanup_free_ char *id = xasprintf("%s-%s-%s-%u-%llx", from->install, from->ns,
					    from->name, n->seq, (unsigned long long)n->at_ms);
	_cleanup_json_ json_t *o = json_object();

	buf_adds(&source, "/syncd/");
	buf_add_escaped(&source, from->cluster);
	put_str(o, "specversion", "1.0");
	put_str(o, "id", id);
	put_str(o, "source", buf_str(&source));
	put_str(o, "type", type);
	put_str(o, "subject", subject);
	put_time(o, "time", n->at_ms);
	put_str(o, "datacontenttype", "application/json");
	json_object_set_new(o, "data", event_data(n, from));
	doc_write(o, &body);
	m->path = xstrdup(s->path);
	m->body = buf_steal(&body, &m->len);
	m->content_type = "application/cloudevents+json; charset=UTF-8";
	if (s->secret)
		m->headers[0] = signature(s->secret, m->body, m->len);
	return 0;
}

int message_build(const struct sink_rule *s, const struct notice *n,
		  const struct message_from *from, struct message *m)
{
	*m = (struct message){ 0 };
	if (news_parse(n->event) < 0)
		return -1;
	return s->type == SINK_WEBHOOK ? build_event(s, n, from, m) :
					 build_status(s, n, from, m);
}

void message_deinit(struct message *m)
{
	free(m->path);
	free(m->body);
	for (size_t i = 0; i < ARRAY_LEN(m->headers); i++) {
		if (m->headers[i])
			explicit_bzero(m->headers[i], strlen(m->headers[i]));
		free(m->headers[i]);
	}
	*m = (struct message){ 0 };
}

/*
 * GitLab refuses a state that the commit has already with 400; GitHub limits a caller
 * with 403 and Retry-After.
 */
enum delivery delivery_judge(const struct sink_rule *s, const struct notice *n,
			     const struct err *err, int status, unsigned retry_after_ms)
{
	if (status >= 200 && status < 300)
		return DELIVERED;
	if (status == 400 && s->type == SINK_GITLAB &&
	    news_parse(n->event) == NEWS_STARTED)
		return DELIVERED;
	if (status == 403 && retry_after_ms)
		return DELIVERY_AGAIN;
	if (status)
		return status == 408 || status == 425 || status == 429 || status >= 500 ?
		       DELIVERY_AGAIN : DELIVERY_REFUSED;
	return err->code == ERR_INVALID ? DELIVERY_REFUSED : DELIVERY_AGAIN;
}
