/*
 * Fetching: the commit that a poll named, into the repository's mirror, by a worker. One
 * fetch per repository at a time: the mirror has one writer. A failure is told to the
 * applications that use the revision, and tried again by the next poll: soon, where that
 * may help.
 */
#include "source_priv.h"

#define FETCH_DEADLINE_MS 180000
#define MAX_FETCH_ANSWER 65536
#define FETCH_AGAIN_MS 10000

void source_poke_users(struct repo_rev *rev)
{
	struct app *a, *next;

	HASH_ITER(hh, rev->repo->engine->apps, a, next)
		if (sources_use(a, rev) || remotes_use(a, rev))
			app_poke(a);
}

void source_rev_fail(struct repo_rev *rev, const struct err *err)
{
	_cleanup_free_ char *shown = NULL;

	if (rev->err.code == err->code && !strcmp(rev->err.msg, err->msg))
		return;
	shown = repo_url_shown(rev->repo->url);
	rev->err = *err;
	engine_log(rev->repo->engine, LOG_WARN, NULL, "%s at %s: %s",
		   shown, *rev->name ? rev->name : "HEAD", err->msg);
	source_poke_users(rev);
}

void source_drop_request(char **request, size_t len)
{
	if (*request)
		explicit_bzero(*request, len);
	free(*request);
	*request = NULL;
}

static void on_fetched(struct worker_call *c, const struct err *err,
		       const char *data, size_t len)
{
	struct repo *r = container_of(c, struct repo, fetch);
	struct repo_rev *rev = r->fetching;
	struct fetch_answer a = { 0 };
	struct err bad = *err;
	bool moved;

	r->fetching = NULL;
	source_drop_request(&r->fetch_request, r->fetch.request_len);
	if (!bad.code)
		(void)!fetch_answer_decode(&a, data, len, &bad);
	rev->fetching = false;
	if (bad.code) {
		r->engine->counts.fetch_errors++;
		rev->fetch_again = world_now(r->engine->w) + FETCH_AGAIN_MS;
		source_rev_fail(rev, &bad);
		if (bad.retry)
			source_poll_again(r);
	} else {
		r->stumbles = 0;
		moved = strcmp(rev->commit, a.oid) || rev->err.code;
		source_rev_fetched(rev, &a);
		if (moved)
			source_poke_users(rev);
	}
	fetch_answer_deinit(&a);
	source_poke_users(rev);
	source_fetch_next(r);
}

static bool wants_fetch(const struct repo_rev *rev)
{
	struct repo *r = rev->repo;

	return rev->readers && rev->fetch_again <= world_now(r->engine->w) &&
	       source_rev_behind(rev);
}

struct fetch_request source_request(struct repo *r)
{
	struct http_endpoint *http = &r->access.http;

	return (struct fetch_request){
		.mirrors = r->engine->mirrors, .key = r->key, .url = r->wire,
		.username = http->username, .password = http->password,
		.bearer = http->bearer, .ca_pem = http->ca_pem,
		.cert_pem = http->cert_pem, .key_pem = http->key_pem,
		.insecure_skip_verify = http->insecure_skip_verify,
		.ssh_key = r->access.ssh_key,
		.known_hosts = r->access.known_hosts,
	};
}

void source_ask_worker(struct repo *r, const struct fetch_request *q,
		       struct worker_call *c, char **request)
{
	struct buf out = BUF_INIT;

	fetch_request_encode(q, &out);
	*request = buf_steal(&out, &c->request_len);
	c->kind = WORKER_FETCH;
	c->affinity = r->key;
	c->request = *request;
	r->engine->w->ops->worker_start(r->engine->w, c);
}

static void fetch_start(struct repo *r, struct repo_rev *rev)
{
	struct fetch_request q = source_request(r);

	q.revision = rev->name;
	q.oid = rev->wanted;
	q.tag = *rev->wanted_tag ? rev->wanted_tag : NULL;
	q.rebuild = rev->rebuild;
	r->fetching = rev;
	source_rev_fetching(rev);
	rev->fetching = true;
	r->fetch = (struct worker_call){
		.deadline_ms = FETCH_DEADLINE_MS,
		.max_answer = MAX_FETCH_ANSWER, .on_done = on_fetched,
	};
	r->engine->counts.fetches++;
	r->fetches++;
	source_ask_worker(r, &q, &r->fetch, &r->fetch_request);
}

void source_fetch_next(struct repo *r)
{
	if (r->fetching)
		return;
	for (struct repo_rev *rev = r->revs; rev; rev = rev->next)
		if (wants_fetch(rev)) {
			fetch_start(r, rev);
			return;
		}
}
