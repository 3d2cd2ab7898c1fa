/*
 * What of a record's change is told, by rules:
 *
 *	1  an operation begins for a candidate			started
 *	2  a release is rejected (again), not by a rollback	rejected
 *	3  a candidate gives way to another			superseded
 *	4  another release is the last good one, not by a
 *	   rollback; or a pin ends as Git says it again		promoted
 *	5  a revert has arrived					reverted
 *	6  it cannot be done, or does not get on		blocked, stalled
 *	7  a person pins					pinned
 *	8  it failed, and none of the above says it		failed
 */
#include "notify.h"

#include <assert.h>

static const struct {
	const char *event, *word;
} kinds[] = {
	[NEWS_STARTED] = { "release.started", NULL },
	[NEWS_PROMOTED] = { "release.promoted", "promoted" },
	[NEWS_REJECTED] = { "release.rejected", "rejected" },
	[NEWS_SUPERSEDED] = { "release.superseded", NULL },
	[NEWS_REVERTED] = { "release.reverted", "reverted" },
	[NEWS_REVERT_BLOCKED] = { "revert.blocked", "blocked" },
	[NEWS_REVERT_STALLED] = { "revert.stalled", "stalled" },
	[NEWS_PINNED] = { "application.pinned", "pinned" },
	[NEWS_SYNC_FAILED] = { "sync.failed", "failed" },
};
static_assert(ARRAY_LEN(kinds) == NEWS_N, "a row per kind");

const char *news_event(enum news_kind k)
{
	return kinds[k].event;
}

const char *news_word(enum news_kind k)
{
	return kinds[k].word;
}

int news_parse(const char *event)
{
	for (int i = 0; i < NEWS_N; i++)
		if (!strcmp(kinds[i].event, event))
			return i;
	return -1;
}

void notice_deinit(struct notice *n)
{
	free(n->sink);
	free(n->repo);
	free(n->sha);
	free(n->words);
}

void news_mark_deinit(struct news_mark *t)
{
	vec_deinit(&t->releases);
}

static const struct release *release_of(const struct record *rec, uint32_t id)
{
	return record_release((struct record *)(uintptr_t)rec, id);
}

void news_mark_take(struct news_mark *t, const struct record *rec)
{
	const struct release *good = release_of(rec, rec->last_good);

	t->phase = rec->phase;
	t->last_good = rec->last_good;
	t->pin_since_ms = rec->pin_why ? rec->pin_since_ms : 0;
	memcpy(t->op, rec->op.id, sizeof(t->op));
	memset(t->good_revision, 0, sizeof(t->good_revision));
	if (good)
		memcpy(t->good_revision, good->revision, sizeof(t->good_revision));
	t->releases.len = 0;
	for (size_t i = 0; i < rec->releases.len; i++) {
		const struct release *r = &rec->releases.data[i];

		vec_push(&t->releases, ((struct news_mark_release){ r->id, r->state,
							       r->decided_ms }));
	}
}

static const struct news_mark_release *was(const struct news_mark *t, uint32_t id)
{
	for (size_t i = 0; i < t->releases.len; i++)
		if (t->releases.data[i].id == id)
			return &t->releases.data[i];
	return NULL;
}

struct list {
	struct news *at;
	size_t n;
};

static void add(struct list *l, enum news_kind kind, uint32_t release, uint32_t other)
{
	if (l->n < NEWS_MAX)
		l->at[l->n++] = (struct news){ kind, release, other };
}

static bool rolls_back(const struct news_mark *t, const struct record *now)
{
	return record_pin_is_by_person(now) && now->pin_since_ms != t->pin_since_ms;
}

/* Rules 2 and 3. */
static void look_releases(const struct news_mark *t, const struct record *now,
			  struct list *l)
{
	for (size_t i = 0; i < now->releases.len; i++) {
		const struct release *r = &now->releases.data[i];
		const struct news_mark_release *before = was(t, r->id);
		enum release_state state = before ? before->state : RELEASE_CANDIDATE;

		if (r->state == RELEASE_SUPERSEDED && before &&
		    state == RELEASE_CANDIDATE)
			add(l, NEWS_SUPERSEDED, r->id, 0);
		if (r->state == RELEASE_REJECTED && !rolls_back(t, now) &&
		    (state != RELEASE_REJECTED || before->decided_ms != r->decided_ms))
			add(l, NEWS_REJECTED, r->id,
			    now->pin_rejected == r->id ? now->target : r->reported);
	}
}

/* Rule 4. */
static bool is_promoted(const struct news_mark *t, const struct record *now)
{
	const struct release *good = release_of(now, now->last_good);

	if (!good || rolls_back(t, now) ||
	    (now->op.id[0] && now->op.kind == OP_ROLLBACK))
		return false;
	return now->last_good != t->last_good ||
	       (t->pin_since_ms && !now->pin_why && t->phase == PHASE_PINNED &&
		strcmp(good->revision, t->good_revision));
}

/* Rule 1. */
static bool is_started(const struct news_mark *t, const struct record *now)
{
	const struct release *r = release_of(now, now->op.release);

	return now->op.id[0] && strcmp(now->op.id, t->op) && r &&
	       now->op.kind == OP_SYNC && !now->op.only.len &&
	       r->state == RELEASE_CANDIDATE;
}

static bool was_reverting(const struct news_mark *t)
{
	return t->phase == PHASE_REVERTING || t->phase == PHASE_REVERT_BLOCKED ||
	       t->phase == PHASE_REVERT_STALLED;
}

/* Rules 5, 6 and 8. */
static void look_phase(const struct news_mark *t, const struct record *now, struct list *l)
{
	if (now->phase == t->phase)
		return;
	if (now->phase == PHASE_PINNED && was_reverting(t) && !record_pin_is_by_person(now))
		add(l, NEWS_REVERTED, now->pin_rejected, now->target);
	else if (now->phase == PHASE_REVERT_BLOCKED)
		add(l, NEWS_REVERT_BLOCKED, now->pin_rejected, now->target);
	else if (now->phase == PHASE_REVERT_STALLED)
		add(l, NEWS_REVERT_STALLED, now->pin_rejected, now->target);
	else if (now->phase == PHASE_FAILED && !l->n)
		add(l, NEWS_SYNC_FAILED, now->op.release, 0);
}

size_t news_since(const struct news_mark *t, const struct record *now,
		 struct news ret[NEWS_MAX])
{
	struct list l = { .at = ret };

	look_releases(t, now, &l);
	if (is_promoted(t, now))
		add(&l, NEWS_PROMOTED, now->last_good, 0);
	if (rolls_back(t, now))
		add(&l, NEWS_PINNED, now->target, 0);
	look_phase(t, now, &l);
	if (is_started(t, now))
		add(&l, NEWS_STARTED, now->op.release, 0);
	return l.n;
}
