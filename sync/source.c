/*
 * Repositories: one poll and one mirror each, whatever many applications use
 * them. A poll asks the remote's refs, over HTTP from the loop, over SSH and of
 * folders and single files through a worker; only when a ref in use moved is it
 * fetched. What a worker polls in vain is polled less and less often: it holds a
 * worker meanwhile.
 * A failure is told to the applications that use the revision, and asked again: what
 * may pass by itself a moment later and then ever less often, anything else at the
 * next poll, which may be an hour away where pushes are told. What was fetched before
 * stays usable.
 */
#include "source_priv.h"

#include "core/pktline.h"
#include "sync/webhook.h"

#define POLL_DEADLINE_MS 15000
#define LIST_DEADLINE_MS 20000	/* the worker's own is shorter, and says more */
#define MAX_LIST_ANSWER ((size_t)16 << 20)
#define MAX_BACKOFF 5		/* times the poll interval */
#define NUDGE_PAUSE_MS 5000	/* between the polls that messages ask for */
#define POLL_SOON_MS 20
#define AGAIN_MS 12000u		/* after a failure: longer than FETCH_AGAIN_MS, jitter included */
#define AGAIN_DOUBLED 6
#define CREDS_AGAIN_MS 200
#define QUIET_POLLS 10		/* after so many without news all look all the same */

static void poll_start(struct repo *r);

/* ---- polling ---- */

static void free_prefixes(struct repo *r)
{
	for (size_t i = 0; i < r->n_prefixes; i++)
		free(r->prefixes[i]);
	free(r->prefixes);
	r->prefixes = NULL;
	r->n_prefixes = 0;
}

static void add_prefix(const char *prefix, void *arg)
{
	struct repo *r = arg;

	for (size_t i = 0; i < r->n_prefixes; i++)
		if (!strcmp(r->prefixes[i], prefix))
			return;
	r->prefixes = xrealloc(r->prefixes,
			       (r->n_prefixes + 2) * sizeof(*r->prefixes));
	r->prefixes[r->n_prefixes++] = xstrdup(prefix);
	r->prefixes[r->n_prefixes] = NULL;
}

static void schedule(struct repo *r, uint64_t ms)
{
	struct world *w = r->engine->w;

	r->due = world_now(w) + ms;
	world_timer_stop(w, &r->timer);
	world_timer_start(w, &r->timer, ms);
}

/* Sooner than planned, but however often this comes, not much more often. */
static void nudge(struct repo *r)
{
	uint64_t now = world_now(r->engine->w), at = now + POLL_SOON_MS;

	if (r->polling) {
		r->nudged = true;
		return;
	}
	if (r->poll_started && at < r->poll_started + NUDGE_PAUSE_MS)
		at = r->poll_started + NUDGE_PAUSE_MS;
	if (!r->timer.active || at < r->due)
		schedule(r, at - now);
}

static void on_timer(struct world_timer *t)
{
	poll_start(container_of(t, struct repo, timer));
}

static void resolve_all(struct repo *r, const struct ref_list *refs)
{
	for (struct repo_rev *rev = r->revs; rev; rev = rev->next) {
		struct err err = ERR_INIT;
		const struct git_ref *ref;
		char oid[65];

		if (!rev->users || !rev->asked)
			continue;
		if (revision_resolve_ref(refs, rev->name, oid, &ref, &err)) {
			source_rev_fail(rev, &err);
			continue;
		}
		rev->moved = source_rev_want(rev, oid, ref);
		if (rev->err.code && (!rev->readers || !strcmp(oid, rev->commit))) {
			rev->err = ERR_INIT;
			source_poke_users(rev);
		}
	}
}

/* Until what may pass is tried again: longer each time. */
static uint64_t again_ms(struct repo *r)
{
	uint64_t ms = (uint64_t)AGAIN_MS << (r->stumbles < AGAIN_DOUBLED ? r->stumbles :
								     AGAIN_DOUBLED);

	r->stumbles++;
	return world_jitter(r->engine->w, ms, 10);
}

/* To the next poll, after this one, which ended so. */
static uint64_t poll_wait(struct repo *r, const struct err *err)
{
	uint64_t ms = r->engine->cfg.poll_ms, again;

	if (r->by_worker && r->failures > 1)
		ms *= r->failures < MAX_BACKOFF ? r->failures : MAX_BACKOFF;
	ms = world_jitter(r->engine->w, ms, 10);
	if (!err->code || !err->retry)
		return ms;
	again = again_ms(r);
	return again < ms ? again : ms;
}

void source_poll_again(struct repo *r)
{
	uint64_t ms = again_ms(r);

	if (!r->polling && world_now(r->engine->w) + ms < r->due)
		schedule(r, ms);
}

/* A thousand applications need not look because nothing came. */
static void poke_waiting(struct repo_rev *rev)
{
	struct app *a, *next;

	HASH_ITER(hh, rev->repo->engine->apps, a, next)
		if (app_awaits_poll(a) && (sources_use(a, rev) || remotes_use(a, rev)))
			app_poke(a);
}

static void tell_users(struct repo *r, const struct err *err)
{
	bool quiet = !err->code && !r->failures;

	for (struct repo_rev *rev = r->revs; rev; rev = rev->next)
		quiet = quiet && !rev->moved;
	r->quiet = quiet ? r->quiet + 1 : 0;
	for (struct repo_rev *rev = r->revs; rev; rev = rev->next) {
		if (err->code)
			source_rev_fail(rev, err);
		if (quiet && r->quiet % QUIET_POLLS)
			poke_waiting(rev);
		else
			source_poke_users(rev);
		rev->moved = false;
	}
}

static bool is_behind(const struct repo *r)
{
	for (const struct repo_rev *rev = r->revs; rev; rev = rev->next)
		if (rev->readers && source_rev_behind(rev))
			return true;
	return false;
}

static void poll_over(struct repo *r, const struct err *err)
{
	r->polling = false;
	if (!err->code && !is_behind(r))
		r->stumbles = 0;
	free_prefixes(r);
	tell_users(r, err);
	r->failures = err->code ? r->failures + 1 : 0;
	if (err->code)
		r->engine->counts.poll_errors++;
	else
		r->polled_at = r->poll_started;
	schedule(r, r->poll_again ? POLL_SOON_MS : poll_wait(r, err));
	r->poll_again = false;
	if (r->nudged)
		nudge(r);
	r->nudged = false;
	source_fetch_next(r);
}

static void on_polled(struct lsrefs *l, const struct err *err,
		      const struct ref_list *refs)
{
	struct repo *r = container_of(l, struct repo, poll);

	if (!err->code)
		resolve_all(r, refs);
	poll_over(r, err);
}

static void on_listed(struct worker_call *c, const struct err *err,
		      const char *data, size_t len)
{
	struct repo *r = container_of(c, struct repo, list);
	_cleanup_(ref_list_deinit) struct ref_list refs = { 0 };
	struct fetch_answer a = { 0 };
	struct err bad = *err;

	source_drop_request(&r->list_request, r->list.request_len);
	if (!bad.code && !fetch_answer_decode(&a, data, len, &bad) &&
	    !ref_list_read(&refs, a.refs ? a.refs : "", &bad))
		resolve_all(r, &refs);
	fetch_answer_deinit(&a);
	poll_over(r, &bad);
}

static void list_start(struct repo *r)
{
	_cleanup_buf_ struct buf prefixes = BUF_INIT;
	struct fetch_request q = source_request(r);

	for (size_t i = 0; i < r->n_prefixes; i++)
		buf_addf(&prefixes, "%s%s", i ? " " : "", r->prefixes[i]);
	if (!r->n_prefixes)	/* commits only: is it there at all? */
		buf_adds(&prefixes, "HEAD");
	q.list = (char *)(uintptr_t)buf_str(&prefixes);
	r->list = (struct worker_call){
		.deadline_ms = LIST_DEADLINE_MS,
		.max_answer = MAX_LIST_ANSWER, .on_done = on_listed,
	};
	source_ask_worker(r, &q, &r->list, &r->list_request);
}

static void poll_start(struct repo *r)
{
	struct engine *e = r->engine;
	struct err err = ERR_INIT;
	int given;

	if (r->polling) {
		r->poll_again = true;
		return;
	}
	if (!source_in_use(r) || !e->leading)
		return;
	if (!creds_synced(e->creds)) {
		schedule(r, CREDS_AGAIN_MS);
		return;
	}
	given = creds_fill(e->creds, r->url, &r->access, &err);
	if (given > 0) {
		schedule(r, CREDS_AGAIN_MS);
		return;
	}
	e->counts.polls++;
	r->polls++;
	r->poll_started = world_now(e->w);
	if (given < 0) {
		err_wrap(&err, "%s", r->url);
		poll_over(r, &err);
		return;
	}
	for (struct repo_rev *rev = r->revs; rev; rev = rev->next) {
		rev->asked = rev->users > 0;
		if (rev->asked)
			revision_prefixes(rev->name, add_prefix, r);
	}
	r->polling = true;
	if (r->by_worker) {
		list_start(r);
		return;
	}
	r->poll = (struct lsrefs){
		.endpoint = &r->access.http,
		.prefixes = (const char *const *)r->prefixes,
		.timeout_ms = POLL_DEADLINE_MS, .on_done = on_polled,
	};
	lsrefs_start(e->w, &r->poll);
}

/* ---- joining ---- */

static char *wire_url(const char *normal, const char *written)
{
	size_t n = strlen(written), have = strlen(normal);

	while (n && written[n - 1] == '/')
		n--;
	/* Short for SSH: its path may start at another folder than ssh://'s. */
	if (repo_url_is_ssh(written))
		return xstrndup(written, n);
	if (n < 4 || strncasecmp(written + n - 4, ".git", 4) ||
	    (have >= 4 && !strcasecmp(normal + have - 4, ".git")))
		return xstrdup(normal);
	return xasprintf("%s%.4s", normal, written + n - 4);
}

static struct repo *repo_get(struct engine *e, const char *url)
{
	_cleanup_free_ char *normal = repo_url_normal(url);
	struct repo *r;

	HASH_FIND_STR(e->repos, normal, r);
	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->url = steal(&normal);
	r->wire = wire_url(r->url, url);
	r->key = repo_key(r->url);
	r->mirror = xstrdup("");
	r->engine = e;
	r->by_worker = !strncmp(r->url, "file://", 7) || repo_url_is_ssh(r->url) ||
		       repo_is_raw(r->url);
	r->timer.fn = on_timer;
	r->access.http.url = xstrdup(r->wire);
	r->access.http.follow_redirects = true;
	/* Hosts answer Git's own agent differently from a browser's. */
	r->access.http.user_agent = "git/2.0 (syncd " SYNCD_VERSION ")";
	HASH_ADD_KEYPTR(hh, e->repos, r->url, strlen(r->url), r);
	return r;
}

struct repo_rev *source_join(struct engine *e, const char *url,
			     const char *revision, bool read)
{
	struct repo *r = repo_get(e, url);
	struct repo_rev *rev;

	for (rev = r->revs; rev; rev = rev->next)
		if (!strcmp(rev->name, revision))
			break;
	if (!rev)
		rev = source_rev_new(r, revision);
	if (!source_in_use(r))
		r->used_at = world_now(e->w);
	/* The polls stop while nobody uses a repository: what it said is old. */
	if (!rev->users++ || (read && !rev->readers))
		source_poll_now(rev);
	rev->readers += read;
	return rev;
}

void source_leave(struct repo_rev *rev, bool read)
{
	rev->readers -= read;
	rev->users--;	/* the entry stays: a folder and a timer at most */
}

const char *source_mirror(const struct repo_rev *rev)
{
	return rev->repo->mirror;
}

const char *source_key(const struct repo_rev *rev)
{
	return rev->repo->key;
}

void source_refetch(struct repo_rev *rev)
{
	if (rev->fetching)
		return;
	rev->rebuild = rev->broken++ > 0;
	*rev->commit = '\0';
	source_fetch_next(rev->repo);
}

void source_poll_now(struct repo_rev *rev)
{
	struct repo *r = rev->repo;

	if (r->polling) {
		r->poll_again = true;
		return;
	}
	rev->fetch_again = 0;
	/* A moment, so that a burst of applications shares one poll. */
	schedule(r, POLL_SOON_MS);
}

uint64_t source_polled_at(const struct repo_rev *rev)
{
	const struct repo *r = rev->repo;

	/* A fetch that the poll asked for is part of its answer. */
	if (rev->readers && (rev->fetching || source_rev_behind(rev)))
		return 0;
	return r->polled_at;
}

unsigned source_nudge(struct engine *e, const struct webhook_push *push)
{
	struct repo *r, *next;
	unsigned n = 0;

	HASH_ITER(hh, e->repos, r, next)
		if (source_in_use(r) && webhook_names(push, r->url)) {
			nudge(r);
			n++;
		}
	return n;
}

void source_retry(struct engine *e)
{
	struct repo *r, *next;

	HASH_ITER(hh, e->repos, r, next)
		if (r->failures && !r->polling && source_in_use(r))
			schedule(r, POLL_SOON_MS);
}

void source_start(struct engine *e)
{
	struct repo *r, *next;

	HASH_ITER(hh, e->repos, r, next)
		schedule(r, POLL_SOON_MS);
}

static void access_deinit(struct repo_access *a)
{
	struct http_endpoint *ep = &a->http;

	if (a->ssh_key)
		explicit_bzero(a->ssh_key, strlen(a->ssh_key));
	free(a->ssh_key);
	free(a->known_hosts);
	free(ep->url);
	free(ep->ca_pem);
	free(ep->cert_pem);
	free(ep->key_pem);
	free(ep->username);
	free(ep->password);
	free(ep->bearer);
}

void source_free(struct engine *e)
{
	struct repo *r, *next;
	struct repo_rev *rev;

	HASH_ITER(hh, e->repos, r, next) {
		HASH_DEL(e->repos, r);
		world_timer_stop(e->w, &r->timer);
		lsrefs_abandon(e->w, &r->poll);
		e->w->ops->worker_abandon(e->w, &r->list);
		e->w->ops->worker_abandon(e->w, &r->fetch);
		free_prefixes(r);
		while ((rev = r->revs)) {
			r->revs = rev->next;
			source_rev_free(rev);
		}
		if (e->w->ops->endpoint_forget)
			e->w->ops->endpoint_forget(e->w, &r->access.http);
		access_deinit(&r->access);
		source_drop_request(&r->list_request, r->list.request_len);
		source_drop_request(&r->fetch_request, r->fetch.request_len);
		free(r->mirror);
		free(r->fetching_tag_ref);
		free(r->key);
		free(r->url);
		free(r->wire);
		free(r);
	}
}
