/* What metrics, and the sweep of the mirrors, are told of repositories. */
#include "source_priv.h"

#include "core/fetch.h"

bool source_in_use(const struct repo *r)
{
	for (const struct repo_rev *rev = r->revs; rev; rev = rev->next)
		if (rev->users)
			return true;
	return false;
}

void source_stats(struct engine *e,
		  void (*fn)(const struct source_stat *s, void *arg), void *arg)
{
	uint64_t now = world_now(e->w);
	struct repo *r, *next;

	HASH_ITER(hh, e->repos, r, next) {
		_cleanup_free_ char *shown = repo_url_shown(r->url);
		uint64_t since = r->polled_at > r->used_at ? r->polled_at : r->used_at;
		struct source_stat s = {
			.url = shown, .polls = r->polls, .fetches = r->fetches,
			.failures = r->failures, .age_ms = now - since,
		};

		if (source_in_use(r))
			fn(&s, arg);
	}
}

void source_keys(struct engine *e, struct buf *out)
{
	struct repo *r, *next;

	HASH_ITER(hh, e->repos, r, next)
		if (source_in_use(r) || r->fetching)
			buf_addf(out, "%s%s", out->len ? " " : "", r->key);
}
