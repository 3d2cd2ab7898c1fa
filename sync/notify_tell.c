/*
 * From a changed record to rows for its receivers. Called where the record is about
 * to be written, so that a change and what is to be told of it are stored together,
 * or both are not.
 */
#include "app_priv.h"
#include "notify.h"

#include "core/utf8.h"

/* One row; beyond NOTICES_MAX the oldest goes. */
static void add_row(struct app *a, const struct notice *like, const char *sink,
		    const char *repo, const char *sha)
{
	struct record *rec = &a->rec;
	struct notice n = *like;

	n.sink = xstrdup(sink);
	n.repo = xstrdup(repo);
	n.sha = xstrdup(sha);
	n.words = xstrdup(like->words);
	vec_push(&rec->notices, n);
	if (rec->notices.len <= NOTICES_MAX)
		return;
	notice_deinit(&rec->notices.data[0]);
	memmove(rec->notices.data, rec->notices.data + 1,
		--rec->notices.len * sizeof(*rec->notices.data));
	notify_dropped(a->engine);
}

/* A commit status for each of its commits in a repository of theirs, once; how many. */
static size_t add_statuses(struct app *a, const struct notice *like,
			 const struct sink_rule *s, const char *commits)
{
	_cleanup_free_ char *copy = xstrdup(commits), *last = NULL;
	char *rest = copy, *sha;
	size_t n = 0;

	for (size_t i = 0; i < a->spec.sources.list.len && (sha = strsep(&rest, " ")); i++) {
		const char *url = a->spec.sources.list.data[i].repo_url;
		_cleanup_free_ char *both = xasprintf("%s %s", url, sha);

		if (!*sha || !sink_has_repo(s, url) || (last && !strcmp(last, both)))
			continue;
		add_row(a, like, s->name, url, sha);
		n++;
		free(last);
		last = steal(&both);
	}
	return n;
}

static void tell(struct app *a, const struct news *news, const char *words,
		 const char *commits)
{
	_cleanup_free_ char *clean = words ? utf8_clean(words, NOTICE_WORDS) : NULL;
	struct notice n = {
		.seq = a->rec.last_notice + 1, .at_ms = world_wall(a->engine->w),
		.release = news->release, .other = news->other, .words = clean,
	};
	const struct sink_rule *s;
	size_t added = 0;

	snprintf(n.event, sizeof(n.event), "%s", news_event(news->kind));
	for (size_t i = 0; (s = notify_rule(a->engine, i)); i++) {
		if (!sink_wants(s, news->kind, a->id))
			continue;
		if (s->type != SINK_WEBHOOK) {
			added += add_statuses(a, &n, s, commits);
			continue;
		}
		add_row(a, &n, s->name, NULL, NULL);
		added++;
	}
	if (added)
		a->rec.last_notice = n.seq;
}

/* Owned. */
static char *words_of(const struct app *a, const struct news *news)
{
	const struct release *r = record_release((struct record *)(uintptr_t)&a->rec,
						 news->release);

	switch (news->kind) {
	case NEWS_REJECTED:
	case NEWS_REVERTED:
		return xstrdup(r ? r->reason : NULL);
	case NEWS_PINNED:
		return xasprintf("%s by %s", a->rec.pin_why, a->rec.pin_by);
	case NEWS_REVERT_BLOCKED:
	case NEWS_REVERT_STALLED:
	case NEWS_SYNC_FAILED:
		return xstrdup(a->sync_err.code ? a->sync_err.msg : NULL);
	case NEWS_STARTED:
	case NEWS_PROMOTED:
	case NEWS_SUPERSEDED:
	case NEWS_N:
		break;
	}
	return NULL;
}

static void tell_news(struct app *a, const struct news *news)
{
	const struct release *r = record_release(&a->rec, news->release);
	_cleanup_free_ char *words = words_of(a, news);

	tell(a, news, words, !r ? "" : r->revisions ? r->revisions : r->revision);
}

void app_tell(struct app *a)
{
	struct news news[NEWS_MAX];
	size_t n = 0;

	/* A dry run changes nothing that anybody should hear of. */
	if (!notify_known(a->engine) || (a->op_serves && a->request.dry_run))
		return;
	if (notify_rule(a->engine, 0))
		n = news_since(&a->news_mark, &a->rec, news);
	for (size_t i = 0; i < n; i++)
		tell_news(a, &news[i]);
	news_mark_take(&a->news_mark, &a->rec);
}

/* ---- what no record shows ---- */

/* Commits that do not render: told once, until there are others. */
static void look_head(struct app *a)
{
	char digest[65];

	if (!a->head_err.code || a->head_err.retry || *a->rendering || !*a->rendered)
		return;
	sha256_hex(a->rendered, strlen(a->rendered), digest);
	if (!strcmp(a->rec.told_commits, digest))
		return;
	memcpy(a->rec.told_commits, digest, sizeof(digest));
	tell(a, &(struct news){ .kind = NEWS_SYNC_FAILED }, a->head_err.msg, a->rendered);
	a->rec_dirty = true;
}

/* So is a rejected release that Git comes back to, once after each good one. */
static void look_back(struct app *a)
{
	const struct release *r = app_comes_back(a);
	_cleanup_free_ char *id = NULL, *words = NULL;
	char digest[65];

	if (!r || !*a->rendered)
		return;
	id = xasprintf("back at #%u from #%u", r->id, a->rec.target);
	sha256_hex(id, strlen(id), digest);
	if (!strcmp(a->rec.told_commits, digest))
		return;
	memcpy(a->rec.told_commits, digest, sizeof(digest));
	words = xasprintf("release #%u again, which was rejected: %s", r->id,
			  r->reason ? r->reason : "");
	tell(a, &(struct news){ .kind = NEWS_SYNC_FAILED }, words, a->rendered);
	a->rec_dirty = true;
}

/* A pin by annotation. */
static void look_pin(struct app *a)
{
	const struct app_hold *p = &a->spec.pin;
	_cleanup_free_ char *words = NULL;
	char digest[65] = "";

	if (app_hold_active(p, world_wall(a->engine->w))) {
		words = xasprintf("by %s%s%s", *p->by ? p->by : "somebody",
				  *p->why ? ": " : "", p->why);
		sha256_hex(words, strlen(words), digest);
	}
	if (!strcmp(a->rec.told_pin, digest))
		return;
	memcpy(a->rec.told_pin, digest, sizeof(digest));
	if (words)
		tell(a, &(struct news){ NEWS_PINNED, a->rec.target, 0 }, words, "");
	a->rec_dirty = true;
}

void app_tell_looks(struct app *a)
{
	if (!notify_known(a->engine) || !notify_rule(a->engine, 0) || a->rec_broken ||
	    a->sweeping)
		return;
	look_head(a);
	look_back(a);
	look_pin(a);
	if (a->rec_dirty && !a->op && !a->store.running)
		app_save(a);
}
