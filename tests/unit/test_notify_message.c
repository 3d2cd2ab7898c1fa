/* sync/notify.h: the bytes that are sent, and what answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "sink_secret.h"
#include "sync/notify.h"
#include "sync/webhook.h"

/* ---- messages ---- */

#define G RELEASE_GOOD
#define R RELEASE_REJECTED
#define NO -1
#define SHA "0123456789012345678901234567890123456789"

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

static void fill(struct record *rec)
{
	struct release *r;

	add_release(rec, G, 1, "aaaaaaaaaa");
	add_release(rec, R, 2, SHA);
	r = &rec->releases.data[1];
	r->author = xstrdup("Ada");
	r->subject = xstrdup("A \"bold\" step\xff");
	r->initiated_by = xstrdup("automated");
	snprintf(r->digest, sizeof(r->digest), "d2");
}

static const struct {
	const char *sink, *event, *repo, *words;
	uint32_t release, other;
	const char *path, *body;
} said[] = {
	{ "type=github\nurl=https://github.com/acme", "release.started",
	  "git@github.com:acme/shop.git", NULL, 2, 0,
	  "/repos/acme/shop/statuses/" SHA,
	  "{\"state\":\"pending\",\"context\":\"syncd/prod/shop\",\"description\":"
	  "\"release #2 is going out\"}" },
	{ "type=github\nurl=https://ghe.example", "release.promoted",
	  "https://ghe.example/acme/shop", NULL, 2, 0,
	  "/api/v3/repos/acme/shop/statuses/" SHA,
	  "{\"state\":\"success\",\"context\":\"syncd/prod/shop\",\"description\":"
	  "\"release #2 is good\"}" },
	{ "type=gitea\nurl=https://git.example/sub", "release.rejected",
	  "https://git.example/sub/acme/shop", "ImagePullBackOff: web", 2, 1,
	  "/api/v1/repos/acme/shop/statuses/" SHA,
	  "{\"state\":\"failure\",\"context\":\"syncd/prod/shop\",\"description\":"
	  "\"release #2 was rejected, going back to #1 (aaaaaaa): ImagePullBackOff: "
	  "web\"}" },
	{ "type=gitlab\nurl=https://gitlab.com", "release.reverted",
	  "https://gitlab.com/acme/sub/shop.git", "no", 2, 1,
	  "/api/v4/projects/acme%2Fsub%2Fshop/statuses/" SHA,
	  "{\"state\":\"failed\",\"name\":\"syncd/prod/shop\",\"description\":"
	  "\"release #2 was rejected, back at #1 (aaaaaaa): no\"}" },
	{ "type=gitlab\nurl=https://gitlab.com", "release.superseded",
	  "https://gitlab.com/acme/shop", NULL, 2, 0,
	  "/api/v4/projects/acme%2Fshop/statuses/" SHA,
	  "{\"state\":\"canceled\",\"name\":\"syncd/prod/shop\",\"description\":"
	  "\"release #2 gave way to a newer one before it was proven\"}" },
	{ "type=github\nurl=https://github.com/acme", "sync.failed",
	  "https://github.com/acme/shop", "app/x.yaml: bad", 0, 0,
	  "/repos/acme/shop/statuses/" SHA,
	  "{\"state\":\"error\",\"context\":\"syncd/prod/shop\",\"description\":"
	  "\"cannot be put out: app/x.yaml: bad\"}" },
	/* What is not theirs, or was cut short. */
	{ "type=github\nurl=https://github.com/acme", "release.started",
	  "https://github.com/acme", NULL, 2, 0, NULL, NULL },
	{ "type=github\nurl=https://github.com/acme", "application.pinned",
	  "https://github.com/acme/shop", NULL, 2, 0, NULL, NULL },
	{ "type=github\nurl=https://github.com/acme", "release.forgotten",
	  "https://github.com/acme/shop", NULL, 2, 0, NULL, NULL },
	{ "type=webhook\nurl=https://h.example/in", "release.rejected", NULL, "bad", 2, 1,
	  "/in",
	  "{\"specversion\":\"1.0\",\"id\":\"i1-argocd-shop-7-64\",\"source\":"
	  "\"/syncd/prod\",\"type\":\"dev.syncd.release.rejected\",\"subject\":"
	  "\"argocd/shop\",\"time\":\"1970-01-01T00:00:00Z\",\"datacontenttype\":"
	  "\"application/json\",\"data\":{\"cluster\":\"prod\",\"namespace\":\"argocd\","
	  "\"application\":\"shop\",\"project\":\"default\",\"message\":\"release #2 was "
	  "rejected, going back to #1 (aaaaaaa): bad\",\"reason\":\"bad\",\"release\":{"
	  "\"id\":2,\"state\":\"rejected\",\"revision\":\"" SHA "\",\"digest\":\"d2\","
	  "\"author\":\"Ada\",\"subject\":\"A \\\"bold\\\" step\xef\xbf\xbd\","
	  "\"initiatedBy\":\"automated\"},\"runs\":{\"id\":1,\"state\":\"good\","
	  "\"revision\":\"aaaaaaaaaa\"},\"look\":\"syncctl status shop -n argocd\"}}" },
	{ "type=webhook\nurl=https://h.example/in", "application.pinned", NULL,
	  "by ada", 9, 0, "/in",
	  "{\"specversion\":\"1.0\",\"id\":\"i1-argocd-shop-7-64\",\"source\":"
	  "\"/syncd/prod\",\"type\":\"dev.syncd.application.pinned\",\"subject\":"
	  "\"argocd/shop\",\"time\":\"1970-01-01T00:00:00Z\",\"datacontenttype\":"
	  "\"application/json\",\"data\":{\"cluster\":\"prod\",\"namespace\":\"argocd\","
	  "\"application\":\"shop\",\"project\":\"default\",\"message\":\"release #9 is "
	  "pinned: by ada\",\"reason\":\"by ada\",\"look\":\"syncctl status shop -n "
	  "argocd\"}}" },
};

static void messages_are_what_the_host_takes(void **state)
{
	struct record rec = { 0 };
	const struct message_from from = {
		.cluster = "prod", .install = "i1", .ns = "argocd", .name = "shop",
		.project = "default", .app_id = "shop", .record = &rec };

	(void)state;
	fill(&rec);
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		_cleanup_free_ char *text = xasprintf("%s\ntoken=t", said[i].sink);
		_cleanup_json_ json_t *secret = secret_of(text), *parsed = NULL;
		struct notice n = { .seq = 7, .at_ms = 100, .release = said[i].release,
				    .other = said[i].other, .repo = xstrdup(said[i].repo),
				    .sha = xstrdup(said[i].repo ? SHA : NULL),
				    .words = xstrdup(said[i].words) };
		struct sink_rule s;
		struct message m;
		int r;

		snprintf(n.event, sizeof(n.event), "%s", said[i].event);
		assert_int_equal(sink_read(&s, secret, false, NULL), 0);
		r = message_build(&s, &n, &from, &m);
		assert_int_equal(r, said[i].path ? 0 : -1);
		if (!r) {
			assert_string_equal(m.path, said[i].path);
			assert_string_equal(m.body, said[i].body);
			assert_int_equal(m.len, strlen(m.body));
			parsed = doc_parse(m.body, m.len, NULL);
			assert_non_null(parsed);
			message_deinit(&m);
		}
		notice_deinit(&n);
		sink_deinit(&s);
	}
	record_deinit(&rec);
}

static void a_commit_is_hex_or_nothing_is_asked(void **state)
{
	static const struct { const char *sha; int want; } rows[] = {
		{ SHA, 0 }, { SHA "012345678901234567890123", 0 }, { "abc", -1 },
		{ SHA "0", -1 }, { "../../../../../../../../../../../../../a", -1 },
		{ "g123456789012345678901234567890123456789", -1 }, { "", -1 },
	};
	struct record rec = { 0 };
	const struct message_from from = { .cluster = "c", .install = "i", .ns = "n",
		.name = "a", .project = "p", .app_id = "a", .record = &rec };
	_cleanup_json_ json_t *secret =
		secret_of("type=gitea\nurl=https://git.example\ntoken=tok");
	struct sink_rule s;

	(void)state;
	assert_int_equal(sink_read(&s, secret, false, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notice n = { .event = "release.promoted", .release = 1,
				    .repo = xstrdup("https://git.example/a/b"),
				    .sha = xstrdup(rows[i].sha) };
		struct message m;

		assert_int_equal(message_build(&s, &n, &from, &m), rows[i].want);
		if (!rows[i].want)
			assert_string_equal(m.headers[0], "Authorization: token tok");
		message_deinit(&m);
		notice_deinit(&n);
	}
	sink_deinit(&s);
}

/* The limit of GitHub's; never inside a character. */
static void descriptions_are_short(void **state)
{
	struct record rec = { 0 };
	const struct message_from from = { .cluster = "c", .install = "i", .ns = "n",
		.name = "a", .project = "p", .app_id = "a", .record = &rec };
	_cleanup_json_ json_t *secret = secret_of("type=github\nurl=https://h.example\ntoken=t");
	struct notice n = { .event = "release.rejected", .release = 1,
			    .repo = xstrdup("https://h.example/a/b"), .sha = xstrdup(SHA) };
	_cleanup_json_ json_t *o = NULL;
	struct buf words = BUF_INIT;
	struct sink_rule s;
	struct message m;
	const char *text;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_adds(&words, "\xc3\xa4\xe2\x82\xac");
	n.words = buf_steal(&words, NULL);
	assert_int_equal(sink_read(&s, secret, false, NULL), 0);
	assert_int_equal(message_build(&s, &n, &from, &m), 0);
	o = doc_parse(m.body, m.len, NULL);
	text = doc_get_str(o, "description", NULL);
	assert_in_range(strlen(text), 130, 140);
	message_deinit(&m);
	notice_deinit(&n);
	sink_deinit(&s);
}

static const char *signed_header(const struct webhook_request *r, const char *name)
{
	const struct message *m = r->arg;

	return strcmp(name, "X-Hub-Signature-256") ? NULL :
	       m->headers[0] + strlen("X-Signature: ");
}

/* By the one that checks what Git hosts sign in the same way. */
static void signatures_prove_the_body(void **state)
{
	struct record rec = { 0 };
	const struct message_from from = { .cluster = "c", .install = "i", .ns = "n",
		.name = "a", .project = "p", .app_id = "a", .record = &rec };
	_cleanup_json_ json_t *secret =
		secret_of("type=webhook\nurl=https://h.example\nsecret=Jefe");
	_cleanup_json_ json_t *bare = secret_of("type=webhook\nurl=https://h.example");
	struct notice n = { .event = "release.promoted", .release = 1 };
	struct webhook_request r;
	struct sink_rule s;
	struct message m;

	(void)state;
	assert_int_equal(sink_read(&s, secret, false, NULL), 0);
	assert_int_equal(message_build(&s, &n, &from, &m), 0);
	assert_null(m.headers[1]);
	r = (struct webhook_request){ .header = signed_header, .arg = &m, .body = m.body,
				      .len = m.len };
	assert_true(webhook_is_proven(WEBHOOK_GITHUB, &r, "Jefe"));
	assert_false(webhook_is_proven(WEBHOOK_GITHUB, &r, "Jeff"));
	m.body[20] ^= 1;
	assert_false(webhook_is_proven(WEBHOOK_GITHUB, &r, "Jefe"));
	message_deinit(&m);
	sink_deinit(&s);
	assert_int_equal(sink_read(&s, bare, false, NULL), 0);
	assert_int_equal(message_build(&s, &n, &from, &m), 0);
	assert_null(m.headers[0]);
	message_deinit(&m);
	sink_deinit(&s);
}

static void answers_are_judged(void **state)
{
	static const struct {
		const char *type, *event;
		int status;
		unsigned after;
		enum err_code code;
		enum delivery want;
	} rows[] = {
		{ "webhook", "release.promoted", 200, 0, ERR_NONE, DELIVERED },
		{ "webhook", "release.promoted", 202, 0, ERR_NONE, DELIVERED },
		{ "webhook", "release.promoted", 204, 0, ERR_LIMIT, DELIVERED },
		{ "webhook", "release.promoted", 301, 0, ERR_NONE, DELIVERY_REFUSED },
		{ "webhook", "release.promoted", 400, 0, ERR_NONE, DELIVERY_REFUSED },
		{ "webhook", "release.promoted", 404, 0, ERR_NONE, DELIVERY_REFUSED },
		{ "webhook", "release.promoted", 408, 0, ERR_NONE, DELIVERY_AGAIN },
		{ "webhook", "release.promoted", 429, 0, ERR_NONE, DELIVERY_AGAIN },
		{ "webhook", "release.promoted", 500, 0, ERR_NONE, DELIVERY_AGAIN },
		{ "webhook", "release.promoted", 503, 9, ERR_NONE, DELIVERY_AGAIN },
		{ "webhook", "release.promoted", 0, 0, ERR_NET, DELIVERY_AGAIN },
		{ "webhook", "release.promoted", 0, 0, ERR_TIMEOUT, DELIVERY_AGAIN },
		{ "webhook", "release.promoted", 0, 0, ERR_INVALID, DELIVERY_REFUSED },
		{ "github", "release.promoted", 201, 0, ERR_NONE, DELIVERED },
		{ "github", "release.promoted", 401, 0, ERR_NONE, DELIVERY_REFUSED },
		{ "github", "release.promoted", 403, 0, ERR_NONE, DELIVERY_REFUSED },
		{ "github", "release.promoted", 403, 60000, ERR_NONE, DELIVERY_AGAIN },
		{ "github", "release.promoted", 422, 0, ERR_NONE, DELIVERY_REFUSED },
		{ "gitlab", "release.started", 400, 0, ERR_NONE, DELIVERED },
		{ "gitlab", "release.promoted", 400, 0, ERR_NONE, DELIVERY_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf(
			"type=%s\nurl=https://h.example/a\ntoken=t", rows[i].type);
		_cleanup_json_ json_t *secret = secret_of(text);
		struct err err = { .code = rows[i].code };
		struct notice n = { 0 };
		struct sink_rule s;

		snprintf(n.event, sizeof(n.event), "%s", rows[i].event);
		assert_int_equal(sink_read(&s, secret, false, NULL), 0);
		if (delivery_judge(&s, &n, &err, rows[i].status, rows[i].after) !=
		    rows[i].want)
			fail_msg("[%zu] %s %d", i, rows[i].type, rows[i].status);
		sink_deinit(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_what_the_host_takes),
		cmocka_unit_test(a_commit_is_hex_or_nothing_is_asked),
		cmocka_unit_test(descriptions_are_short),
		cmocka_unit_test(signatures_prove_the_body),
		cmocka_unit_test(answers_are_judged),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
