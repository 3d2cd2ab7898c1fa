/* Push webhooks: who is believed, what is asked sooner, and how often at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/doc.h"
#include "scenes.h"
#include "sync/webhook.h"

#define TOKEN CANARY "-token"

/* A message of GitLab's: its proof is a word. */
static const char *gitlab(const struct webhook_request *r, const char *name)
{
	if (!strcasecmp(name, "X-Gitlab-Event"))
		return "Push Hook";
	return strcasecmp(name, "X-Gitlab-Token") ? NULL : r->arg;
}

static int push(struct engsim *x, const char *token, const char *url)
{
	_cleanup_free_ char *body = xasprintf("{\"project\":{\"web_url\":\"%s\"}}", url);
	_cleanup_buf_ struct buf answer = BUF_INIT;
	struct webhook_request r = { gitlab, token, body, strlen(body) };
	int status = engine_webhook(x->engine, &r, &answer);

	assert_null(strstr(buf_str(&answer), CANARY));
	return status;
}

static void put_argocd_secret(struct engsim *x, const char *ns, const char *data)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"Secret\",\"metadata\":{\"name\":\"argocd-secret\",\"namespace\":\"%s\"},"
		"\"stringData\":{%s}}", ns, data);

	apisim_apply(x->api, text);
}

/* A poll an hour, "shop" good at v1, v2 in Git. */
static void init(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	x->poll_ms = 3600000;
	x->push_webhooks = true;
	put_argocd_secret(x, "argocd", "\"admin.password\":\"" CANARY "\","
			  "\"webhook.gitlab.secret\":\"" TOKEN "\"");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	sim_run_for(x->s, 60000);
	scene_put(x, "v2");
	sim_run_for(x->s, 60000);
	assert_string_equal(scene_tag(x), "v1");
}

static void a_push_is_out_in_a_moment(void **state)
{
	struct engsim x;

	(void)state;
	init(&x, 300);
	assert_int_equal(push(&x, TOKEN, REPO), 200);
	scene_until_tag(&x, "v2", 10000);
	scene_end(&x, true);
}

/* What the push told of does not wait an hour because the host was away for a moment. */
static void a_push_while_the_host_stumbles(void **state)
{
	struct gitsim *g;
	struct engsim x;
	uint64_t polls;

	(void)state;
	init(&x, 307);
	g = sim_git(x.s);
	gitsim_set_mood(g, REPO, GIT_500);
	assert_int_equal(push(&x, TOKEN, REPO), 200);
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v1");
	gitsim_set_mood(g, REPO, GIT_FINE);
	scene_until_tag(&x, "v2", 60000);
	sim_run_for(x.s, 60000);
	polls = gitsim_polls(g, REPO);
	sim_run_for(x.s, 1800000);
	assert_int_equal(gitsim_polls(g, REPO), polls);	/* an hour apart again */
	scene_end(&x, true);
}

/* A commit that was pushed over before it could be fetched. */
static void a_push_that_is_pushed_over(void **state)
{
	_cleanup_free_ char *two = NULL;
	struct gitsim *g;
	struct engsim x;

	(void)state;
	init(&x, 308);
	g = sim_git(x.s);
	two = xstrdup(gitsim_ref(g, REPO, "main"));
	gitsim_set_ref(g, REPO, "main", "dead000000000000000000000000000000000000");
	assert_int_equal(push(&x, TOKEN, REPO), 200);
	sim_run_for(x.s, 1000);
	gitsim_set_ref(g, REPO, "main", two);
	scene_until_tag(&x, "v2", 60000);
	scene_end(&x, true);
}

/* A login that is refused is not tried more often than was asked for. */
static void a_push_that_we_may_not_read(void **state)
{
	struct engsim x;
	uint64_t polls;

	(void)state;
	init(&x, 309);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_401);
	assert_int_equal(push(&x, TOKEN, REPO), 200);
	sim_run_for(x.s, 10000);
	polls = gitsim_polls(sim_git(x.s), REPO);
	sim_run_for(x.s, 1800000);
	assert_int_equal(gitsim_polls(sim_git(x.s), REPO), polls);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_FINE);
	scene_until_tag(&x, "v2", 3600000);
	scene_end(&x, true);
}

static void whom_we_do_not_believe(void **state)
{
	struct engsim x;
	uint64_t polls;

	(void)state;
	init(&x, 301);
	polls = gitsim_polls(sim_git(x.s), REPO);
	assert_int_equal(push(&x, "wrong", REPO), 401);
	assert_int_equal(push(&x, NULL, REPO), 401);
	assert_int_equal(push(&x, CANARY, REPO), 401);	/* another key's value */
	assert_int_equal(push(&x, TOKEN, "http://git.sim/other"), 200);
	assert_int_equal(push(&x, TOKEN, "http://git.sim/repo/below"), 200);
	sim_run_for(x.s, 60000);
	assert_int_equal(gitsim_polls(sim_git(x.s), REPO), polls);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

static void ten_thousand_at_once_are_one_poll(void **state)
{
	struct engsim x;
	uint64_t polls;

	(void)state;
	init(&x, 302);
	polls = gitsim_polls(sim_git(x.s), REPO);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(push(&x, TOKEN, REPO), 200);
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v2");
	/* info/refs and ls-refs count as two. */
	assert_int_equal(gitsim_polls(sim_git(x.s), REPO) - polls, 2);
	scene_end(&x, true);
}

/* However long it lasts: a poll each 5 s, and one after the last push. */
static void a_flood_is_a_poll_each_five_seconds(void **state)
{
	struct engsim x;
	uint64_t polls;

	(void)state;
	init(&x, 303);
	polls = gitsim_polls(sim_git(x.s), REPO);
	for (int i = 0; i < 1200; i++) {
		push(&x, TOKEN, REPO);
		sim_run_for(x.s, 50);
	}
	assert_in_range((gitsim_polls(sim_git(x.s), REPO) - polls) / 2, 11, 14);
	scene_put(&x, "v3");
	push(&x, TOKEN, REPO);
	scene_until_tag(&x, "v3", 20000);
	scene_end(&x, true);
}

static void secrets_come_change_and_go(void **state)
{
	struct engsim x;

	(void)state;
	init(&x, 304);
	apisim_delete(x.api, "secrets", "argocd", "argocd-secret");
	sim_run_for(x.s, 5000);
	assert_false(engine_takes_webhooks(x.engine));
	assert_int_equal(push(&x, TOKEN, REPO), 404);
	put_argocd_secret(&x, "argocd", "\"webhook.github.secret\":\"" TOKEN "\"");
	sim_run_for(x.s, 5000);
	assert_true(engine_takes_webhooks(x.engine));
	assert_int_equal(push(&x, TOKEN, REPO), 401);	/* not GitLab's */
	put_argocd_secret(&x, "argocd", "\"webhook.gitlab.secret\":\"" TOKEN "2\"");
	sim_run_for(x.s, 5000);
	assert_int_equal(push(&x, TOKEN, REPO), 401);
	assert_int_equal(push(&x, TOKEN "2", REPO), 200);
	scene_until_tag(&x, "v2", 10000);
	scene_end(&x, true);
}

/* Without the flag nothing is even watched. */
static void off_is_off(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 305);
	put_argocd_secret(&x, "argocd", "\"webhook.gitlab.secret\":\"" TOKEN "\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(push(&x, TOKEN, REPO), 404);
	scene_end(&x, true);
}

/* A Service knows no leader: any replica is told, and the leader polls. */
static void a_standby_hands_it_on(void **state)
{
	struct engsim x, to_standby;
	struct sim_host *host;
	size_t from;

	(void)state;
	init(&x, 307);
	host = sim_host_new(x.s, "second");
	to_standby = x;
	to_standby.engine = engsim_engine(&x, sim_host_world(host), "second", true);
	engine_start(to_standby.engine);
	sim_run_for(x.s, 30000);
	from = sim_request_count(x.s);
	assert_int_equal(push(&to_standby, "wrong", REPO), 401);
	sim_run_for(x.s, 5000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/leases/syncd-push"), 0);
	assert_int_equal(push(&to_standby, TOKEN, REPO), 202);
	scene_until_tag(&x, "v2", 10000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	/* Another name of what is known, and a flood: a write a second. */
	from = sim_request_count(x.s);
	scene_put(&x, "v3");
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(push(&to_standby, TOKEN, i % 2 ? REPO ".git" :
				      "http://git.sim/else"), 202);
		sim_run_for(x.s, 10);
	}
	scene_until_tag(&x, "v3", 10000);
	assert_in_range(sim_count(x.s, from, "PATCH", "/leases/syncd-push"), 8, 12);
	engine_abandon(to_standby.engine);
	sim_host_abandon(x.s, host);
	scene_end(&x, true);
}

/* What stands on the Lease is no message: the next leader does not poll for it. */
static void garbage_on_the_lease_does_no_harm(void **state)
{
	static const char *const texts[] = { "[", "{}", "[1, null, {}]", "", "[\"\"]" };
	struct engsim x;

	(void)state;
	init(&x, 308);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		_cleanup_json_ json_t *o = json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}}",
			"apiVersion", "coordination.k8s.io/v1", "kind", "Lease",
			"metadata", "name", "syncd-push", "namespace", "syncd-system",
			"annotations", "syncd.dev/push", texts[i]);
		_cleanup_buf_ struct buf text = BUF_INIT;

		doc_write(o, &text);
		apisim_apply(x.api, buf_str(&text));
		sim_run_for(x.s, 2000);
	}
	assert_string_equal(scene_tag(&x), "v1");
	assert_int_equal(push(&x, TOKEN, REPO), 200);
	scene_until_tag(&x, "v2", 10000);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_push_is_out_in_a_moment),
		cmocka_unit_test(a_push_while_the_host_stumbles),
		cmocka_unit_test(a_push_that_is_pushed_over),
		cmocka_unit_test(a_push_that_we_may_not_read),
		cmocka_unit_test(whom_we_do_not_believe),
		cmocka_unit_test(ten_thousand_at_once_are_one_poll),
		cmocka_unit_test(a_flood_is_a_poll_each_five_seconds),
		cmocka_unit_test(secrets_come_change_and_go),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(a_standby_hands_it_on),
		cmocka_unit_test(garbage_on_the_lease_does_no_harm),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
