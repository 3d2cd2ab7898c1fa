/*
 * Push webhooks: whose they are, what proves them, which repositories they name. The
 * bodies have the shapes that the hosts document.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "sync/webhook.h"

struct message {
	const char *headers[3][2];
	const char *body;
};

static const char *header(const struct webhook_request *r, const char *name)
{
	const struct message *m = r->arg;

	for (size_t i = 0; i < 3 && m->headers[i][0]; i++)
		if (!strcasecmp(m->headers[i][0], name))
			return m->headers[i][1];
	return NULL;
}

static struct webhook_request request(const struct message *m)
{
	return (struct webhook_request){ header, m, m->body, strlen(m->body) };
}

#define GITHUB "{\"ref\":\"refs/heads/main\",\"before\":\"9f31\",\"after\":\"e07a\"," \
	"\"repository\":{\"id\":1,\"full_name\":\"Org/Shop\",\"private\":true," \
	"\"html_url\":\"https://github.com/Org/Shop\",\"git_url\":\"git://github.com/Org/Shop.git\"," \
	"\"ssh_url\":\"git@github.com:Org/Shop.git\",\"clone_url\":\"https://github.com/Org/Shop.git\"," \
	"\"default_branch\":\"main\"},\"pusher\":{\"name\":\"ada\"},\"commits\":[]}"
#define GITLAB "{\"object_kind\":\"push\",\"event_name\":\"push\",\"ref\":\"refs/heads/main\"," \
	"\"project_id\":15,\"project\":{\"id\":15,\"name\":\"Shop\"," \
	"\"web_url\":\"https://gitlab.example.com/org/sub/shop\"," \
	"\"git_ssh_url\":\"git@gitlab.example.com:org/sub/shop.git\"," \
	"\"git_http_url\":\"https://gitlab.example.com/org/sub/shop.git\"},\"commits\":[]}"
#define GITEA "{\"ref\":\"refs/heads/main\",\"repository\":{\"full_name\":\"org/shop\"," \
	"\"html_url\":\"http://git.example.com:3000/org/shop\"," \
	"\"ssh_url\":\"ssh://git@git.example.com:2222/org/shop.git\"," \
	"\"clone_url\":\"http://git.example.com:3000/org/shop.git\"}}"
#define BITBUCKET "{\"actor\":{\"type\":\"user\"},\"repository\":{\"full_name\":\"org/shop\"," \
	"\"links\":{\"self\":{\"href\":\"https://api.bitbucket.org/2.0/repositories/org/shop\"}," \
	"\"html\":{\"href\":\"https://bitbucket.org/org/shop\"}}},\"push\":{\"changes\":[]}}"
#define BITBUCKET_SERVER "{\"eventKey\":\"repo:refs_changed\",\"repository\":{\"slug\":\"shop\"," \
	"\"links\":{\"clone\":[{\"href\":\"ssh://git@bb.example.com:7999/org/shop.git\",\"name\":\"ssh\"}," \
	"{\"href\":\"https://bb.example.com/scm/org/shop.git\",\"name\":\"http\"}]," \
	"\"self\":[{\"href\":\"https://bb.example.com/projects/ORG/repos/shop/browse\"}]}},\"changes\":[]}"

/* printf %s BODY | openssl dgst -sha256 -hmac S3CRET */
#define MAC_GITHUB "75ffd5f68afbcd84259c94f7e8b7a0ac8154303f1012a1391ea53094f1b84667"
#define MAC_GITEA "1a8e21e2828c64978afda2e4afc05b3cc7e00f1c60304932c0b0d31fc778c74f"
#define MAC_BITBUCKET_SERVER "22eb5f4297f0468d16edb131816f6761f4b2482cccb120413bfff93a13c115a3"

static const struct shape {
	struct message m;
	enum webhook_host host;
	const char *names[3], *not_names;
} shapes[] = {
	{ { { { "X-GitHub-Event", "push" }, { "X-Hub-Signature-256", "sha256=" MAC_GITHUB },
	      { NULL, NULL } }, GITHUB }, WEBHOOK_GITHUB,
	  { "https://github.com/org/shop", "git@github.com:Org/Shop.git",
	    "ssh://git@github.com:22/Org/Shop" }, "https://github.com/org/shop2" },
	{ { { { "X-Gitlab-Event", "Push Hook" }, { "X-Gitlab-Token", "S3CRET" },
	      { NULL, NULL } }, GITLAB }, WEBHOOK_GITLAB,
	  { "https://gitlab.example.com/org/sub/shop.git", "git@gitlab.example.com:org/sub/shop",
	    NULL }, "https://gitlab.example.com/org/sub" },
	/* Gitea sends the headers of all three. */
	{ { { { "X-GitHub-Event", "push" }, { "X-Gogs-Event", "push" },
	      { "X-Gogs-Signature", MAC_GITEA } }, GITEA }, WEBHOOK_GOGS,
	  { "http://git.example.com:3000/org/shop", "git@git.example.com:org/shop.git",
	    "ssh://git@git.example.com:2222/org/shop" }, "http://example.com/org/shop" },
	{ { { { "X-Event-Key", "repo:push" }, { "X-Hook-UUID", "S3CRET" },
	      { NULL, NULL } }, BITBUCKET }, WEBHOOK_BITBUCKET,
	  { "https://bitbucket.org/org/shop.git", "git@bitbucket.org:org/shop.git", NULL },
	  "https://api.bitbucket.org/2.0/repositories/org/shop" },
	{ { { { "X-Event-Key", "repo:refs_changed" },
	      { "X-Hub-Signature", "sha256=" MAC_BITBUCKET_SERVER }, { NULL, NULL } },
	    BITBUCKET_SERVER }, WEBHOOK_BITBUCKET_SERVER,
	  { "https://bb.example.com/scm/org/shop.git", "ssh://git@bb.example.com:7999/org/shop.git",
	    NULL }, "https://bb.example.com/projects/ORG/repos/shop/browse" },
};

static void each_host_in_its_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		const struct shape *s = &shapes[i];
		struct webhook_request r = request(&s->m);
		struct webhook_push p;
		struct err err = ERR_INIT;

		assert_int_equal(webhook_host(&r), s->host);
		if (!webhook_is_proven(s->host, &r, "S3CRET"))
			fail_msg("%zu is not proven", i);
		assert_int_equal(webhook_read(s->host, &r, &p, &err), 0);
		for (size_t k = 0; k < 3 && s->names[k]; k++)
			if (!webhook_names(&p, s->names[k]))
				fail_msg("%s", s->names[k]);
		assert_false(webhook_names(&p, s->not_names));
		assert_false(webhook_names(&p, "file:///org/shop"));
		assert_false(webhook_names(&p, ""));
		webhook_push_deinit(&p);
	}
}

/* One byte of the body, the signature or the secret is another: nothing. */
static void what_proves_nothing(void **state)
{
	static const char *const secrets[] = { "", "S3CRE", "S3CRETS", "s3cret", NULL };
	static const char *const signatures[] = {
		NULL, "", "sha256=", MAC_GITHUB, "sha1=" MAC_GITHUB, "SHA256=" MAC_GITHUB,
		"sha256=" MAC_GITEA, "sha256=" MAC_GITHUB "0", "sha256=S3CRET",
	};
	struct message m = shapes[0].m;
	struct webhook_request r = request(&m);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		for (size_t k = 0; k < ARRAY_LEN(secrets); k++) {
			struct webhook_request one = request(&shapes[i].m);

			assert_false(webhook_is_proven(shapes[i].host, &one, secrets[k]));
		}
	for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
		m.headers[1][1] = signatures[i];
		assert_false(webhook_is_proven(WEBHOOK_GITHUB, &r, "S3CRET"));
	}
	m = shapes[0].m;
	m.body = GITHUB " ";
	r = request(&m);
	assert_false(webhook_is_proven(WEBHOOK_GITHUB, &r, "S3CRET"));
}

static void what_names_nothing(void **state)
{
	static const struct { const char *event, *body; bool reads; } cases[] = {
		{ "ping", "{\"zen\":\"x\"}", true },
		{ "ping", "not even JSON", true },	/* not read at all */
		{ "push", "{}", true }, { "push", "[]", true }, { "push", "7", true },
		{ "push", "{\"repository\":7}", true },
		{ "push", "{\"repository\":{\"html_url\":{\"href\":\"x\"}}}", true },
		{ "push", "{\"repository\":{\"html_url\":\"\"}}", true },
		{ "push", "payload=%7B%7D", false }, { "push", "", false },
		{ "push", "{\"a\":1,\"a\":2}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct message m = { { { "X-GitHub-Event", cases[i].event },
				       { NULL, NULL }, { NULL, NULL } }, cases[i].body };
		struct webhook_request r = request(&m);
		struct webhook_push p;
		struct err err = ERR_INIT;

		assert_int_equal(webhook_read(WEBHOOK_GITHUB, &r, &p, &err),
				 cases[i].reads ? 0 : -1);
		assert_int_equal(p.urls.len, 0);
		webhook_push_deinit(&p);
	}
}

static void unknown_hosts_and_many_urls(void **state)
{
	struct message m = { { { "X-Something", "push" }, { NULL, NULL }, { NULL, NULL } }, "{}" };
	struct webhook_request r = request(&m);
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct webhook_push p;

	(void)state;
	assert_int_equal(webhook_host(&r), -1);
	buf_adds(&body, "{\"repository\":{\"links\":{\"clone\":[");
	for (int i = 0; i < 1000; i++)
		buf_addf(&body, "%s{\"href\":\"https://h/%d\"}", i ? "," : "", i);
	buf_adds(&body, "]}}}");
	m = (struct message){ { { "X-Event-Key", "repo:refs_changed" }, { NULL, NULL },
				{ NULL, NULL } }, buf_str(&body) };
	r = request(&m);
	assert_int_equal(webhook_read(WEBHOOK_BITBUCKET_SERVER, &r, &p, NULL), 0);
	assert_int_equal(p.urls.len, WEBHOOK_URLS);
	assert_true(webhook_names(&p, "https://h/15"));
	assert_false(webhook_names(&p, "https://h/16"));
	webhook_push_deinit(&p);
}

static void keys_are_those_of_argo_cd(void **state)
{
	(void)state;
	assert_string_equal(webhook_secret_key(WEBHOOK_GITHUB), "webhook.github.secret");
	assert_string_equal(webhook_secret_key(WEBHOOK_GITLAB), "webhook.gitlab.secret");
	assert_string_equal(webhook_secret_key(WEBHOOK_GOGS), "webhook.gogs.secret");
	assert_string_equal(webhook_secret_key(WEBHOOK_BITBUCKET), "webhook.bitbucket.uuid");
	assert_string_equal(webhook_secret_key(WEBHOOK_BITBUCKET_SERVER),
			    "webhook.bitbucketserver.secret");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_host_in_its_way),
		cmocka_unit_test(what_proves_nothing),
		cmocka_unit_test(what_names_nothing),
		cmocka_unit_test(unknown_hosts_and_many_urls),
		cmocka_unit_test(keys_are_those_of_argo_cd),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
