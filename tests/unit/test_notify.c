/* sync/notify.h: what is news, and who wants it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "sink_secret.h"
#include "sync/notify.h"

/* ---- news ---- */

#define C RELEASE_CANDIDATE
#define G RELEASE_GOOD
#define R RELEASE_REJECTED
#define S RELEASE_SUPERSEDED
#define NO -1

/* A record in short: two releases, the operation and the pin. */
struct moment {
	enum phase phase;
	int one, two;		/* states of #1 and #2; NO: not there */
	int64_t decided;	/* of #2 */
	uint32_t good, target;
	const char *op;
	enum op_kind kind;
	uint32_t of;
	const char *pin_by;
	int64_t pin_since;
	uint32_t pin_rejected;
	const char *revision;	/* of #1 */
};

static void add_release(struct record *rec, int state, int64_t decided, const char *revision)
{
	struct release *r;

	if (state == NO)
		return;
	r = record_add_release(rec);
	r->state = (enum release_state)state;
	r->decided_ms = decided;
	snprintf(r->revision, sizeof(r->revision), "%s", revision ? revision : "");
}

static void make(struct record *rec, const struct moment *m)
{
	*rec = (struct record){ .phase = m->phase, .last_good = m->good,
				.target = m->target, .pin_since_ms = m->pin_since,
				.pin_rejected = m->pin_rejected };
	add_release(rec, m->one, 1, m->revision);
	add_release(rec, m->two, m->decided, "bbb");
	rec->pin_why = m->pin_by ? xstrdup("because") : NULL;
	rec->pin_by = xstrdup(m->pin_by);
	snprintf(rec->op.id, sizeof(rec->op.id), "%s", m->op ? m->op : "");
	rec->op.kind = m->kind;
	rec->op.release = m->of;
}

#define NONE { PHASE_NONE, NO, NO, 0, 0, 0, NULL, OP_NONE, 0, NULL, 0, 0, NULL }
#define GOOD1 { PHASE_GOOD, G, NO, 0, 1, 1, NULL, OP_NONE, 0, NULL, 0, 0, "aaa" }
#define OUT2 { PHASE_APPLYING, G, C, 0, 1, 2, "r2-a", OP_SYNC, 2, NULL, 0, 0, "aaa" }
#define BACK { PHASE_REVERTING, G, R, 9, 1, 1, NULL, OP_NONE, 0, "auto-revert", 9, 2, "aaa" }
#define PINNED { PHASE_PINNED, G, R, 9, 1, 1, NULL, OP_NONE, 0, "auto-revert", 9, 2, "aaa" }

static const struct {
	const char *what;
	struct moment before, now;
	const char *want;	/* "rejected#2>1 started#1" */
} cases[] = {
	{ "1: the first goes out", NONE,
	  { PHASE_APPLYING, C, NO, 0, 0, 1, "r1-a", OP_SYNC, 1, NULL, 0, 0, "aaa" },
	  "started#1" },
	{ "1: the same operation, another write", OUT2, OUT2, "" },
	{ "1: a heal is none", GOOD1,
	  { PHASE_GOOD, G, NO, 0, 1, 1, "r1-b", OP_HEAL, 1, NULL, 0, 0, "aaa" }, "" },
	{ "1: the late prune of a good one is none", GOOD1,
	  { PHASE_PRUNING, G, NO, 0, 1, 1, "r1-b", OP_SYNC, 1, NULL, 0, 0, "aaa" }, "" },
	{ "1: another try of it", OUT2,
	  { PHASE_APPLYING, G, C, 0, 1, 2, "r2-b", OP_SYNC, 2, NULL, 0, 0, "aaa" },
	  "started#2" },
	{ "2: rejected, going back", OUT2, BACK, "rejected#2>1" },
	{ "2: said once", BACK, BACK, "" },
	{ "2: rejected before anything was changed", OUT2, PINNED, "rejected#2>1" },
	{ "2: the first has nothing to go back to",
	  { PHASE_SETTLING, C, NO, 0, 0, 1, "r1-a", OP_SYNC, 1, NULL, 0, 0, "aaa" },
	  { PHASE_FAILED, R, NO, 0, 0, 1, NULL, OP_SYNC, 1, NULL, 0, 0, "aaa" },
	  "rejected#1" },
	{ "2: again, after its one retry", BACK,
	  { PHASE_REVERTING, G, R, 12, 1, 1, NULL, OP_NONE, 0, "auto-revert", 12, 2, "aaa" },
	  "rejected#2>1" },
	{ "2: what a rollback leaves is not rejected for its faults, 7", GOOD1,
	  { PHASE_PREFLIGHT, R, G, 0, 2, 2, "r2-a", OP_ROLLBACK, 2, "ada", 5, 1, "aaa" },
	  "pinned#2" },
	{ "3: superseded, and the next", OUT2,
	  { PHASE_APPLYING, G, S, 0, 1, 1, NULL, OP_NONE, 0, NULL, 0, 0, "aaa" },
	  "superseded#2" },
	{ "3: a rejection that is lifted is not news", PINNED,
	  { PHASE_PINNED, G, S, 9, 1, 1, NULL, OP_NONE, 0, "auto-revert", 9, 2, "aaa" }, "" },
	{ "4: promoted",
	  { PHASE_SOAKING, G, C, 0, 1, 2, NULL, OP_SYNC, 2, NULL, 0, 0, "aaa" },
	  { PHASE_GOOD, G, G, 9, 2, 2, NULL, OP_SYNC, 2, NULL, 0, 0, "aaa" }, "promoted#2" },
	{ "4: Git says the pinned one again", PINNED,
	  { PHASE_GOOD, G, R, 9, 1, 1, NULL, OP_NONE, 0, NULL, 0, 0, "ccc" }, "promoted#1" },
	{ "4: unpinned by hand is no promotion", PINNED,
	  { PHASE_GOOD, G, S, 9, 1, 1, NULL, OP_NONE, 0, NULL, 0, 0, "aaa" }, "" },
	{ "4: an unrelated commit of what is good", GOOD1,
	  { PHASE_GOOD, G, NO, 0, 1, 1, NULL, OP_NONE, 0, NULL, 0, 0, "ccc" }, "" },
	{ "4: not while a rollback is on its way",
	  { PHASE_PREFLIGHT, R, G, 0, 2, 2, "r2-a", OP_ROLLBACK, 2, "ada", 5, 1, "aaa" },
	  { PHASE_APPLYING, R, G, 0, 2, 2, "r2-a", OP_ROLLBACK, 2, "ada", 5, 1, "aaa" }, "" },
	{ "5: the revert has arrived", BACK, PINNED, "reverted#2>1" },
	{ "5: after it had been stalled",
	  { PHASE_REVERT_STALLED, G, R, 9, 1, 1, NULL, OP_NONE, 0, "auto-revert", 9, 2, "aaa" },
	  PINNED, "reverted#2>1" },
	{ "6: blocked", BACK,
	  { PHASE_REVERT_BLOCKED, G, R, 9, 1, 1, NULL, OP_NONE, 0, "auto-revert", 9, 2, "aaa" },
	  "blocked#2>1" },
	{ "6: stalled", BACK,
	  { PHASE_REVERT_STALLED, G, R, 9, 1, 1, NULL, OP_NONE, 0, "auto-revert", 9, 2, "aaa" },
	  "stalled#2>1" },
	{ "7: another pin by the same person",
	  { PHASE_PINNED, R, G, 0, 2, 2, NULL, OP_NONE, 0, "ada", 5, 1, "aaa" },
	  { PHASE_PREFLIGHT, G, G, 0, 1, 1, "r1-a", OP_ROLLBACK, 1, "ada", 8, 2, "aaa" },
	  "pinned#1" },
	{ "7: a rollback arrives: said already",
	  { PHASE_APPLYING, R, G, 0, 2, 2, "r2-a", OP_ROLLBACK, 2, "ada", 5, 1, "aaa" },
	  { PHASE_PINNED, R, G, 0, 2, 2, NULL, OP_ROLLBACK, 2, "ada", 5, 1, "aaa" }, "" },
	{ "8: a rollback fails",
	  { PHASE_APPLYING, R, G, 0, 2, 2, "r2-a", OP_ROLLBACK, 2, "ada", 5, 1, "aaa" },
	  { PHASE_FAILED, R, G, 0, 2, 2, NULL, OP_ROLLBACK, 2, "ada", 5, 1, "aaa" },
	  "failed#2" },
	{ "8: given up for a newer one is no failure",
	  { PHASE_APPLYING, C, NO, 0, 0, 1, "r1-a", OP_SYNC, 1, NULL, 0, 0, "aaa" },
	  { PHASE_FAILED, S, NO, 0, 0, 1, NULL, OP_SYNC, 1, NULL, 0, 0, "aaa" },
	  "superseded#1" },
	{ "nothing", GOOD1, GOOD1, "" },
};

static void news_follow_from_the_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct record before, now;
		struct news_mark told = { 0 };
		struct news news[NEWS_MAX];
		_cleanup_buf_ struct buf got = BUF_INIT;
		size_t n;

		make(&before, &cases[i].before);
		make(&now, &cases[i].now);
		news_mark_take(&told, &before);
		n = news_since(&told, &now, news);
		for (size_t k = 0; k < n; k++) {
			const char *word = strchr(news_event(news[k].kind), '.') + 1;

			buf_addf(&got, "%s%s#%u", k ? " " : "", word, news[k].release);
			if (news[k].other)
				buf_addf(&got, ">%u", news[k].other);
		}
		if (strcmp(buf_str(&got), cases[i].want))
			fail_msg("%s: want \"%s\", got \"%s\"", cases[i].what, cases[i].want,
				 buf_str(&got));
		/* What was told is not told again. */
		news_mark_take(&told, &now);
		assert_int_equal(news_since(&told, &now, news), 0);
		news_mark_deinit(&told);
		record_deinit(&before);
		record_deinit(&now);
	}
}

static void many_changes_are_bounded(void **state)
{
	struct record before = { 0 }, now = { 0 };
	struct news_mark told = { 0 };
	struct news news[NEWS_MAX];

	(void)state;
	for (int i = 0; i < 40; i++) {
		add_release(&before, C, 0, "");
		add_release(&now, R, 5, "");
	}
	news_mark_take(&told, &before);
	assert_int_equal(news_since(&told, &now, news), NEWS_MAX);
	news_mark_deinit(&told);
	record_deinit(&before);
	record_deinit(&now);
}

static void events_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < NEWS_N; i++)
		assert_int_equal(news_parse(news_event((enum news_kind)i)), i);
	assert_int_equal(news_parse("release.forgotten"), -1);
}

/* ---- receivers ---- */

static const struct {
	const char *secret;
	bool insecure;
	const char *want;	/* "URL path", or what the error says */
} secrets[] = {
	{ "type=github\nurl=https://github.com/acme\ntoken=t", false,
	  "https://api.github.com " },
	{ "type=github\nurl=https://GitHub.com/acme\ntoken=t", false,
	  "https://api.github.com " },
	{ "type=github\nurl=https://ghe.example.com/acme\ntoken=t", false,
	  "https://ghe.example.com /api/v3" },
	{ "type=github\nurl=https://ghe.example.com\napi=https://api.ghe.example.com/\ntoken=t",
	  false, "https://api.ghe.example.com " },
	{ "type=gitlab\nurl=https://gitlab.com/acme\ntoken=t", false,
	  "https://gitlab.com /api/v4" },
	{ "type=gitea\nurl=https://git.example.com:3000/\ntoken=t", false,
	  "https://git.example.com:3000 /api/v1" },
	{ "type=forgejo\nurl=https://git.example.com\ntoken=t", false,
	  "https://git.example.com /api/v1" },
	{ "type=gitea\nurl=https://x.example\napi=https://x.example/git/api/v1/\ntoken=t",
	  false, "https://x.example /git/api/v1" },
	{ "type=webhook\nurl=https://hooks.example/a?b=c", false,
	  "https://hooks.example /a?b=c" },
	{ "type=webhook\nurl=http://bus.ns.svc:8080", false, "http://bus.ns.svc:8080 /" },
	{ "type=webhook\nurl=https://hooks.example?x", false, "https://hooks.example /?x" },
	{ "type=github\nurl=http://git.example/a\ntoken=t\ninsecure=true", true,
	  "http://git.example /api/v3" },
	{ "", false, "type: must be github, gitlab, gitea (forgejo) or webhook, and is not" },
	{ "type=slack\nurl=https://x", false, "type: must be" },
	{ "type=webhook", false, "url: is not there" },
	{ "type=github\ntoken=t", false, "url: is not there" },
	{ "type=github\nurl=https://github.com/acme", false, "token: is not there" },
	{ "type=github\nurl=http://github.com/acme\ntoken=t", false, "https:// only" },
	{ "type=github\nurl=http://github.com/acme\ntoken=t\ninsecure=true", false,
	  "insecure: would let" },
	{ "type=webhook\nurl=http://x\ntoken=t", false, "https:// only" },
	{ "type=webhook\nurl=ftp://x/", false, "must begin with https://" },
	{ "type=webhook\nurl=x.example/", false, "must begin with https://" },
	{ "type=webhook\nurl=https:///x", false, "needs a host" },
	{ "type=webhook\nurl=https://u:p@x.example/", false, "no user" },
	{ "type=webhook\nurl=https://x.example/a b", false, "0x20 is not allowed" },
	{ "type=webhook\nurl=https://x.example/#a", false, "0x23 is not allowed" },
	{ "type=gitlab\nurl=https://x.example/?a\ntoken=t", false, "no query" },
	{ "type=webhook\nurl=https://x.example/\nevents=rejected,all", false,
	  "events: \"all\" is none of" },
	{ "type=webhook\nurl=https://x.example/\nevents=started", false,
	  "events: \"started\" is none of" },
};

static void secrets_are_read_or_refused_by_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		_cleanup_json_ json_t *secret = secret_of(secrets[i].secret);
		_cleanup_free_ char *got = NULL;
		struct err err = ERR_INIT;
		struct sink_rule s;

		if (sink_read(&s, secret, secrets[i].insecure, &err)) {
			assert_int_equal(err.code, ERR_INVALID);
			assert_non_null(strstr(err.msg, "Secret n: "));
			if (!strstr(err.msg, secrets[i].want))
				fail_msg("[%zu] \"%s\"", i, err.msg);
			continue;
		}
		got = xasprintf("%s %s", s.to.url, s.path);
		if (strcmp(got, secrets[i].want))
			fail_msg("[%zu] \"%s\" is not \"%s\"", i, got, secrets[i].want);
		sink_deinit(&s);
	}
}

static void a_newline_at_the_end_is_not_of_the_token(void **state)
{
	_cleanup_json_ json_t *o = json_pack("{s{ss}s{ssssss}}", "metadata", "name", "n",
		"data", "type", "Z2l0aHViCg==", "url",
		"aHR0cHM6Ly9naXRodWIuY29tL2FjbWUK", "token", "dG9rZW4K");
	struct sink_rule s;

	(void)state;
	assert_int_equal(sink_read(&s, o, false, NULL), 0);
	assert_string_equal(s.to.bearer, "token");
	sink_deinit(&s);
}

static void who_wants_what(void **state)
{
	static const struct {
		const char *more;
		enum news_kind kind;
		const char *app;
		bool want;
	} rows[] = {
		{ "type=webhook", NEWS_REJECTED, "argocd/shop", true },
		{ "type=webhook", NEWS_PINNED, "argocd/shop", true },
		{ "type=webhook", NEWS_STARTED, "argocd/shop", false },
		{ "type=webhook", NEWS_SUPERSEDED, "argocd/shop", false },
		{ "type=webhook\nevents=rejected, blocked", NEWS_REJECTED, "a/b", true },
		{ "type=webhook\nevents=rejected, blocked", NEWS_REVERT_BLOCKED, "a/b", true },
		{ "type=webhook\nevents=rejected, blocked", NEWS_PROMOTED, "a/b", false },
		{ "type=github", NEWS_STARTED, "a/b", true },
		{ "type=github", NEWS_PINNED, "a/b", false },
		{ "type=github\nevents=rejected", NEWS_PROMOTED, "a/b", true },
		{ "type=github\napplications=argocd/shop-*", NEWS_PROMOTED, "argocd/shop-1", true },
		{ "type=github\napplications=argocd/shop-*", NEWS_PROMOTED, "argocd/web", false },
		{ "type=github\napplications=x/y, a/*", NEWS_PROMOTED, "a/b", true },
		{ "type=github\napplications=*", NEWS_PROMOTED, "a/b", false },
		{ "type=github\napplications=[", NEWS_PROMOTED, "a/b", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("%s\nurl=https://x.example/\ntoken=t",
						      rows[i].more);
		_cleanup_json_ json_t *secret = secret_of(text);
		struct sink_rule s;

		assert_int_equal(sink_read(&s, secret, false, NULL), 0);
		if (sink_wants(&s, rows[i].kind, rows[i].app) != rows[i].want)
			fail_msg("[%zu] %s", i, rows[i].more);
		sink_deinit(&s);
	}
}

static void repositories_below_its_url_are_its(void **state)
{
	static const struct { const char *sink, *repo; bool want; } rows[] = {
		{ "https://github.com/acme", "https://github.com/acme/shop", true },
		{ "https://github.com/acme/", "https://github.com/acme/shop.git", true },
		{ "https://github.com/acme", "git@github.com:acme/shop.git", true },
		{ "https://github.com/acme", "ssh://git@github.com:22/acme/shop", true },
		{ "https://github.com/acme", "https://github.com/ACME/shop", true },
		{ "https://github.com/acme", "https://github.com/acme-evil/shop", false },
		{ "https://github.com/acme/shop", "https://github.com/acme/shop", true },
		{ "https://github.com/acme/shop", "https://github.com/acme/shop2", false },
		{ "https://github.com", "https://github.com/any/thing", true },
		{ "https://github.com", "https://github.com.evil.example/any/thing", false },
		{ "https://github.com/acme", "https://gitlab.com/acme/shop", false },
		{ "https://github.com/acme", "file:///srv/github.com/acme/shop", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("type=github\nurl=%s\ntoken=t",
						      rows[i].sink);
		_cleanup_json_ json_t *secret = secret_of(text);
		struct sink_rule s;

		assert_int_equal(sink_read(&s, secret, false, NULL), 0);
		if (sink_has_repo(&s, rows[i].repo) != rows[i].want)
			fail_msg("%s and %s", rows[i].sink, rows[i].repo);
		sink_deinit(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news_follow_from_the_change),
		cmocka_unit_test(many_changes_are_bounded),
		cmocka_unit_test(events_have_names),
		cmocka_unit_test(secrets_are_read_or_refused_by_key),
		cmocka_unit_test(a_newline_at_the_end_is_not_of_the_token),
		cmocka_unit_test(who_wants_what),
		cmocka_unit_test(repositories_below_its_url_are_its),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
