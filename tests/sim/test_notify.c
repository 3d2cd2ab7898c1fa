/* Who is told what, in which order, and how often; and what a dead receiver costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"
#include "sync/store_codec.h"

#define HOOK "http://hooks.sim"
#define OPS_KEY "0n1y-0ps-kn0w"

/* What the receivers got, and what they answer next. */
struct inbox {
	struct engsim *x;
	struct buf got;		/* "EVENT#RELEASE " or "STATE@SHA7 " */
	unsigned posts, fails;	/* answers still to be 500 */
	bool dead;		/* nobody answers */
	int status;		/* 0: 200 */
	uint64_t last_at;
};

static void note(struct inbox *in, const struct sim_post *p)
{
	_cleanup_json_ json_t *o = doc_parse(p->body, p->len, NULL);
	const char *type = doc_get_str(o, "type", NULL);

	assert_non_null(o);
	if (type)
		buf_addf(&in->got, "%s#%lld ", type + strlen("dev.syncd."),
			 (long long)doc_get_int(o, 0, "data", "release", "id", NULL));
	else
		buf_addf(&in->got, "%s@%.7s ", doc_get_str(o, "state", NULL),
			 strrchr(p->path, '/') + 1);
}

static int receive(void *arg, const struct sim_post *p)
{
	struct inbox *in = arg;

	in->posts++;
	in->last_at = p->at;
	assert_null(strstr(p->body, OPS_KEY));
	assert_null(strstr(p->body, CANARY));
	if (in->dead)
		return 0;
	if (in->fails) {
		in->fails--;
		return 500;
	}
	if (in->status)
		return in->status;
	note(in, p);
	return 200;
}

static void add_secret(struct engsim *x, const char *name, const char *lines)
{
	_cleanup_free_ char *copy = xstrdup(lines), *text = NULL;
	struct buf data = BUF_INIT;
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *eq = strchr(line, '=');
		_cleanup_buf_ struct buf b = BUF_INIT;

		*eq = '\0';
		b64_encode(eq + 1, strlen(eq + 1), &b);
		buf_addf(&data, "%s\"%s\":\"%s\"", data.len ? "," : "", line, buf_str(&b));
	}
	text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":"
			 "\"%s\",\"namespace\":\"syncd-system\",\"labels\":{"
			 "\"syncd.dev/secret-type\":\"notification\"}},\"data\":{%s}}", name,
			 buf_str(&data));
	apisim_apply(x->api, text);
	buf_deinit(&data);
}

static void begin(struct engsim *x, struct inbox *in, uint64_t seed, const char *secret)
{
	*in = (struct inbox){ .x = x };
	scene_init(x, seed);
	x->insecure = true;
	apisim_namespace(x->api, "syncd-system");
	sim_set_receiver(x->s, receive, in);
	add_secret(x, "ops", secret);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static void end(struct engsim *x, struct inbox *in)
{
	assert_false(sim_log_contains(x->s, OPS_KEY));
	buf_deinit(&in->got);
	scene_end(x, false);
}

static void assert_got(struct inbox *in, const char *want)
{
	sim_run_for(in->x->s, 15000);
	if (strcmp(buf_str(&in->got), want)) {
		sim_dump(in->x->s);
		fail_msg("want \"%s\", got \"%s\"", want, buf_str(&in->got));
	}
}

/* No row is left in the stored record. */
static bool nothing_owed(struct engsim *x)
{
	const json_t *o = apisim_nth(x->api, "secrets", "syncd-system", "syncd-state-", 0);
	struct record rec = { 0 };
	bool nothing;

	assert_int_equal(store_record_parse(o, (size_t)16 << 20, &rec, NULL), 0);
	nothing = !rec.notices.len;
	record_deinit(&rec);
	return nothing;
}

#define WEBHOOK "type=webhook\nurl=" HOOK "/in\nsecret=" OPS_KEY

static void a_webhook_hears_of_a_revert_in_order(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7100, WEBHOOK);
	assert_got(&in, "release.promoted#1 ");
	scene_put(&x, "crash2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_got(&in, "release.promoted#1 release.rejected#2 release.reverted#2 ");
	scene_put(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_got(&in, "release.promoted#1 release.rejected#2 release.reverted#2 "
		   "release.promoted#3 ");
	assert_int_equal(in.posts, 4);
	assert_true(nothing_owed(&x));
	end(&x, &in);
}

static void nothing_is_told_twice_by_a_restart(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7110, WEBHOOK);
	scene_put(&x, "crash2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	sim_run_for(x.s, 15000);
	for (int i = 0; i < 5; i++) {
		engsim_crash(&x);
		engsim_start(&x);
		sim_run_for(x.s, 30000);
	}
	assert_got(&in, "release.promoted#1 release.rejected#2 release.reverted#2 ");
	end(&x, &in);
}

/* Crashed in the middle, it is told again under its old number, or not at all. */
static void what_was_not_told_is_told_by_the_next_life(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7120, WEBHOOK);
	assert_got(&in, "release.promoted#1 ");
	in.dead = true;
	scene_put(&x, "crash2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	sim_run_for(x.s, 5000);
	engsim_crash(&x);
	in.dead = false;
	engsim_start(&x);
	sim_run_for(x.s, 30000);
	assert_got(&in, "release.promoted#1 release.rejected#2 release.reverted#2 ");
	assert_true(nothing_owed(&x));
	end(&x, &in);
}

static void it_is_tried_again_after_growing_pauses(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7130, WEBHOOK);
	assert_got(&in, "release.promoted#1 ");
	in.fails = 4;		/* pauses of 1, 2, 4 and 8 s, more or less */
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 30000);
	assert_got(&in, "release.promoted#1 release.promoted#2 ");
	assert_int_equal(in.posts, 6);
	assert_true(sim_log_contains(x.s, "does not take them, trying on"));
	assert_true(sim_log_contains(x.s, "takes them again"));
	end(&x, &in);
}

/* The engine does its work; requests to the dead one get rare; rows are bounded. */
static void a_dead_receiver_holds_nothing_up(void **state)
{
	struct engsim x;
	struct inbox in;
	_cleanup_buf_ struct buf metrics = BUF_INIT;

	(void)state;
	begin(&x, &in, 7140, WEBHOOK);
	in.dead = true;
	for (int i = 2; i < 19; i++) {
		_cleanup_free_ char *tag = xasprintf("v%d", i);
		uint64_t from = sim_now(x.s);

		scene_put(&x, tag);
		scene_until_tag(&x, tag, LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_in_range(sim_now(x.s) - from, 0, 60000);
	}
	engine_metrics(x.engine, &metrics);
	assert_non_null(strstr(buf_str(&metrics), "syncd_notifications_waiting 16\n"));
	in.posts = 0;
	sim_run_for(x.s, 1200000);
	assert_in_range(in.posts, 3, 10);
	in.dead = false;
	sim_run_for(x.s, 400000);
	assert_int_equal(in.posts > 16, true);
	assert_true(nothing_owed(&x));
	end(&x, &in);
}

static void a_day_later_it_is_no_news(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7150, WEBHOOK);
	assert_got(&in, "release.promoted#1 ");
	in.dead = true;
	scene_put(&x, "v2");
	sim_run_for(x.s, 60000);
	assert_false(nothing_owed(&x));
	sim_host_wall_jump(x.s, NULL, (int64_t)25 * 3600 * 1000);
	sim_run_for(x.s, 400000);
	assert_true(nothing_owed(&x));
	in.dead = false;
	sim_run_for(x.s, 400000);
	assert_got(&in, "release.promoted#1 ");
	end(&x, &in);
}

static void what_is_refused_is_dropped(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7160, WEBHOOK);
	assert_got(&in, "release.promoted#1 ");
	in.status = 302;
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 15000);
	assert_true(sim_log_contains(x.s, "redirects are not followed"));
	in.status = 0;
	scene_put(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_got(&in, "release.promoted#1 release.promoted#3 ");
	end(&x, &in);
}

static void without_its_secret_nothing_is_owed(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7170, WEBHOOK);
	in.dead = true;
	scene_put(&x, "v2");
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "secrets", "syncd-system", "ops");
	sim_run_for(x.s, 15000);
	assert_true(nothing_owed(&x));
	scene_put(&x, "v3");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(nothing_owed(&x));
	end(&x, &in);
}

/* Only what it asked for; a commit that does not render; a pin by annotation. */
static void failures_and_pins(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7180, WEBHOOK "\nevents=failed,pinned");
	engsim_commit(&x, "bad.yaml", "{\"apiVersion\":\"v1\"");
	sim_run_for(x.s, 60000);
	assert_got(&in, "sync.failed#0 ");
	engsim_commit(&x, "bad.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		      "\"metadata\":{\"name\":\"fine\"}}");
	sim_run_for(x.s, 60000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"syncd.dev/pin\":"
		       "\"{\\\"by\\\":\\\"ada\\\",\\\"reason\\\":\\\"fair\\\"}\"}}}");
	sim_run_for(x.s, 60000);
	assert_got(&in, "sync.failed#0 application.pinned#2 ");
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_got(&in, "sync.failed#0 application.pinned#2 ");
	end(&x, &in);
}

/* What was rejected comes back while something newer runs: nothing else tells of it. */
static void rejected_release_that_comes_back_is_told_once(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7185, WEBHOOK "\nevents=failed");
	for (int i = 0; i < 2; i++) {
		scene_put(&x, "crash2");
		sim_run_for(x.s, 300000);
		assert_got(&in, i ? "sync.failed#0 " : "");
		scene_put(&x, i ? "v4" : "v3");
		scene_until_tag(&x, i ? "v4" : "v3", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
	}
	scene_put(&x, "crash2");
	sim_run_for(x.s, 200000);
	assert_got(&in, "sync.failed#0 sync.failed#0 ");
	end(&x, &in);
}

/* A commit status per state of each commit; the token goes nowhere else. */
static void commits_have_their_status(void **state)
{
	static const char repo[] = "http://git.sim/acme/shop";
	_cleanup_free_ char *good = engsim_deployment("web", "v1", 3);
	_cleanup_free_ char *bad = engsim_deployment("web", "crash2", 3);
	_cleanup_free_ char *two = NULL, *want = NULL;
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7190, "type=github\nurl=http://git.sim/acme\napi=" HOOK "/api\ntoken="
	      OPS_KEY "\ninsecure=true");
	sim_git_commit(x.s, repo, "main", "app/web.yaml", good);
	scene_edit_app(&x, "{\"spec\":{\"source\":{\"repoURL\":\"http://git.sim/acme/shop\"}}}");
	sim_run_for(x.s, 60000);
	two = xstrdup(sim_git_commit(x.s, repo, "main", "app/web.yaml", bad));
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	want = xasprintf("pending@%.7s failure@%.7s failure@%.7s ", two, two, two);
	assert_got(&in, want);
	assert_true(nothing_owed(&x));
	end(&x, &in);
}

static void a_bad_secret_is_named(void **state)
{
	struct engsim x;
	struct inbox in;

	(void)state;
	begin(&x, &in, 7200, "type=github\nurl=https://hooks.sim/acme");
	assert_got(&in, "");
	assert_true(sim_log_contains(x.s, "Secret ops: token: is not there"));
	assert_true(nothing_owed(&x));
	end(&x, &in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_webhook_hears_of_a_revert_in_order),
		cmocka_unit_test(nothing_is_told_twice_by_a_restart),
		cmocka_unit_test(what_was_not_told_is_told_by_the_next_life),
		cmocka_unit_test(it_is_tried_again_after_growing_pauses),
		cmocka_unit_test(a_dead_receiver_holds_nothing_up),
		cmocka_unit_test(a_day_later_it_is_no_news),
		cmocka_unit_test(what_is_refused_is_dropped),
		cmocka_unit_test(without_its_secret_nothing_is_owed),
		cmocka_unit_test(failures_and_pins),
		cmocka_unit_test(rejected_release_that_comes_back_is_told_once),
		cmocka_unit_test(commits_have_their_status),
		cmocka_unit_test(a_bad_secret_is_named),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
