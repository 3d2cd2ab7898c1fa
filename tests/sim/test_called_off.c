/*
 * An operation that is called off while its requests wait for a free connection: what
 * was not sent stays unsent, what was is awaited and written down, and nothing that was
 * begun is left in half.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define MANY 30
#define CONNECTIONS 2
#define SUSPEND "{\"metadata\":{\"annotations\":{\"syncd.dev/suspend\":\"a demo\"}}}"
#define RESUME "{\"metadata\":{\"annotations\":{\"syncd.dev/suspend\":null}}}"
#define TERMINATE "{\"status\":{\"operationState\":{\"phase\":\"Terminating\"}}}"

static void put_many(struct engsim *x, const char *value)
{
	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = xasprintf("map%02d", i);
		_cleanup_free_ char *file = xasprintf("%s.yaml", name);
		_cleanup_free_ char *text = engsim_configmap(name, value, 0);

		engsim_commit(x, file, value ? text : "");
	}
}

/* How many of them have this value. */
static int with(struct engsim *x, const char *value)
{
	int n = 0;

	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = xasprintf("map%02d", i);
		const char *s = doc_get_str(apisim_get(x->api, "configmaps", "shop", name),
					    "data", "key", NULL);

		n += s && !strcmp(s, value);
	}
	return n;
}

static bool some_are_there(void *x)
{
	return with(x, "one") >= 2;
}

static bool some_are_new(void *x)
{
	return with(x, "two") >= 2;
}

/* A wave of maps, two at a time, seconds each; two are there. */
static void in_a_wave(struct engsim *x, uint64_t seed)
{
	struct sim_faults slow = { .slow = 1000 };

	scene_init(x, seed);
	x->max_requests = CONNECTIONS;
	put_many(x, "one");
	sim_set_faults(x->s, &slow, 0);
	sim_aim_faults(x->s, "PATCH", "/configmaps/map");
	engsim_start(x);
	scene_until(x, some_are_there, 20 * MINUTES, "the first of them");
	assert_string_equal(ask_op(x, "phase"), "Running");
}

static bool is_terminated(void *arg)
{
	return strstr(ask_op(arg, "message"), "Operation terminated") &&
	       !strcmp(ask_op(arg, "phase"), "Failed");
}

static void assert_few(struct engsim *x, const char *value)
{
	if (with(x, value) > 2 + 2 * CONNECTIONS) {
		sim_dump(x->s);
		fail_msg("%d of %d were applied after it was called off", with(x, value), MANY);
	}
}

static void calm_down(struct engsim *x)
{
	struct sim_faults calm = { 0 };

	sim_set_faults(x->s, &calm, 0);
}

/* By a tool; and those that were on their way are known, to go with the Application. */
static void terminated(void **state)
{
	struct engsim x;

	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		in_a_wave(&x, 4100 + (uint64_t)crash);
		scene_edit_app(&x, TERMINATE);
		scene_until(&x, is_terminated, 60000, "the end");
		assert_few(&x, "one");
		if (crash) {
			engsim_crash(&x);
			engsim_start(&x);
		}
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
		calm_down(&x);
		sim_run_for(x.s, 2 * MINUTES);
		assert_few(&x, "one");
		scene_edit_app(&x, "{\"metadata\":{\"finalizers\":["
			       "\"resources-finalizer.argocd.argoproj.io\"]}}");
		sim_run_for(x.s, 2000);
		apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
		scene_until(&x, scene_gone, LONG, "gone");
		assert_int_equal(apisim_count(x.api, "configmaps", "shop"), 0);
		scene_end(&x, false);
	}
}

/* Its dry runs were waiting: nothing is applied at all. */
static void terminated_while_it_asks(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct engsim x;

	(void)state;
	scene_good(&x, 4105);
	engsim_crash(&x);
	x.max_requests = CONNECTIONS;
	put_many(&x, "one");
	sim_set_faults(x.s, &slow, 0);
	sim_aim_faults(x.s, "PATCH", "/configmaps/map");
	engsim_start(&x);
	sim_run_for(x.s, MINUTES);
	assert_string_equal(ask_op(&x, "phase"), "Running");
	scene_edit_app(&x, TERMINATE);
	scene_until(&x, is_terminated, 60000, "the end");
	assert_int_equal(with(&x, "one"), 0);
	scene_end(&x, true);
}

/* Some of it failed by then: it is not tried again. */
static void terminated_in_trouble(void **state)
{
	struct sim_faults broken = { .slow = 1000, .http_500 = 1000 };
	struct engsim x;
	size_t from;

	(void)state;
	in_a_wave(&x, 4107);
	from = sim_request_count(x.s);
	sim_set_faults(x.s, &broken, 0);
	for (int i = 0; i < 1200 && !scene_answers(&x, from, "PATCH", "/map", 500); i++)
		sim_run_for(x.s, 100);
	scene_edit_app(&x, TERMINATE);
	scene_until(&x, is_terminated, 2 * MINUTES, "the end");
	calm_down(&x);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 30 * MINUTES);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/configmaps/map"), 0);
	assert_true(is_terminated(&x));
	assert_few(&x, "one");
	ask_sync(&x, "");
	ask_until_ended(&x, "Succeeded");
	assert_int_equal(with(&x, "one"), MANY);
	scene_end(&x, true);
}

/* It goes on where it stopped when it may. */
static void suspended(void **state)
{
	struct engsim x;

	(void)state;
	in_a_wave(&x, 4110);
	scene_edit_app(&x, SUSPEND);
	sim_run_for(x.s, 5 * MINUTES);
	assert_few(&x, "one");
	assert_non_null(strstr(ask_syncd(&x, "message"), "suspended: a demo"));
	calm_down(&x);
	scene_edit_app(&x, RESUME);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(with(&x, "one"), MANY);
	scene_end(&x, true);
}

/* What is newer is sent instead. */
static void superseded(void **state)
{
	struct engsim x;

	(void)state;
	in_a_wave(&x, 4120);
	calm_down(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_many(&x, "two");
	sim_set_faults(x.s, &(struct sim_faults){ .slow = 1000 }, 0);
	scene_until(&x, some_are_new, 20 * MINUTES, "the first of #2");
	put_many(&x, "three");
	calm_down(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 2 * MINUTES);
	assert_int_equal(with(&x, "three"), MANY);
	assert_in_range(sim_count(x.s, 0, "PATCH", "/configmaps/map"), 4 * MANY,
			5 * MANY + 8);
	scene_end(&x, true);
}

/* ---- what was begun ---- */

/* Suspended as soon as the server has answered this. */
struct trap {
	struct engsim *x;
	const char *method, *path;
	bool sprung;
};

static void on_served(void *arg, const struct sim_request *r)
{
	struct trap *t = arg;

	if (t->sprung || r->dry_run || strcmp(r->method, t->method) ||
	    !strstr(r->path, t->path))
		return;
	t->sprung = true;
	scene_edit_app(t->x, SUSPEND);
}

static void put_web(struct engsim *x, const char *app)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\",\"annotations\":{"
		"\"syncd.dev/recreate-on-immutable\":\"true\"}},\"spec\":{\"selector\":{"
		"\"matchLabels\":{\"app\":\"%s\"}},\"template\":{\"metadata\":{\"labels\":{"
		"\"app\":\"%s\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
		"\"registry.example/web:v1\"}]}}}}", app, app);

	engsim_commit(x, "web.yaml", text);
}

/* The Deployment's selector; "" when it is not there. */
static const char *selector(struct engsim *x)
{
	const char *s = doc_get_str(apisim_get(x->api, "deployments.apps", "shop", "web"),
				    "spec", "selector", "matchLabels", "app", NULL);

	return s ? s : "";
}

static bool is_second_good(void *arg)
{
	return doc_get_int(engsim_status(arg, "shop"), 0, "syncd", "lastGood", "id",
			   NULL) == 2;
}

/*
 * A Deployment that is replaced by one whose selector does not fit: once the old one is
 * deleted the new one is made; what the old one left goes when the operation goes on.
 */
static void while_it_replaces(void **state)
{
	static const struct { const char *method, *path, *then; } rows[] = {
		{ "GET", "/replicasets", "one" },	/* listed: nothing was deleted */
		{ "DELETE", "/deployments/web", "two" },
		{ "GET", "/replicasets/web-", "two" },	/* its leftover is read, to go */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		struct trap t = { &x, rows[i].method, rows[i].path, false };

		scene_init(&x, 4130 + i);
		put_web(&x, "one");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_set_spy(x.s, &(struct sim_spy){ .served = on_served, .arg = &t });
		put_web(&x, "two");
		sim_run_for(x.s, 5 * MINUTES);
		assert_true(t.sprung);
		assert_string_equal(selector(&x), rows[i].then);
		assert_int_equal(apisim_count(x.api, "replicasets.apps", "shop"), 1 + (i > 0));
		assert_non_null(strstr(ask_syncd(&x, "message"), "suspended: a demo"));
		scene_edit_app(&x, RESUME);
		scene_until(&x, is_second_good, 5 * MINUTES, "good");
		assert_string_equal(selector(&x), "two");
		sim_run_for(x.s, MINUTES);
		assert_int_equal(apisim_count(x.api, "replicasets.apps", "shop"), 1);
		sim_set_spy(x.s, &(struct sim_spy){ 0 });
		scene_end(&x, false);
	}
}

static void on_logged(void *arg, const char *line)
{
	struct trap *t = arg;

	if (t->sprung || !strstr(line, "Unblocking"))
		return;
	t->sprung = true;
	scene_edit_app(t->x, SUSPEND);
}

static size_t quotas(struct engsim *x)
{
	return apisim_count(x->api, "resourcequotas", "shop");
}

/* A revert takes the failed release's quotas away, one at a time; one is on its way. */
static void while_it_unblocks(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct engsim x;
	struct trap t = { &x, "", "", false };

	(void)state;
	scene_init(&x, 4150);
	x.max_requests = 1;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_set_spy(x.s, &(struct sim_spy){ .logged = on_logged, .arg = &t });
	sim_set_faults(x.s, &slow, 0);
	sim_aim_faults(x.s, "DELETE", "/resourcequotas/");
	for (int i = 0; i < 4; i++) {
		_cleanup_free_ char *file = xasprintf("quota%d.yaml", i);
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
			"\"ResourceQuota\",\"metadata\":{\"name\":\"quota%d\"},\"spec\":{"
			"\"hard\":{\"pods\":\"100\"}}}", i);

		engsim_commit(&x, file, text);
	}
	scene_put(&x, "crash");
	sim_run_for(x.s, 10 * MINUTES);
	assert_true(t.sprung);
	assert_in_range(quotas(&x), 1, 3);
	assert_string_equal(scene_tag(&x), "crash");
	scene_edit_app(&x, RESUME);
	engsim_until_phase(&x, "shop", "Pinned", 10 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	assert_int_equal(quotas(&x), 0);
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	scene_end(&x, false);
}

/* Ten hooks, one connection: one runs when it is terminated, and no other is made. */
static void before_its_hooks_are_made(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 4140);
	x.max_requests = 1;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	for (int i = 0; i < 10; i++) {
		_cleanup_free_ char *name = xasprintf("migrate%d", i);

		hooks_put(&x, name, "PreSync", "noready", "");
	}
	scene_put(&x, "v2");
	sim_run_for(x.s, 2000);
	sim_set_faults(x.s, &slow, 0);
	sim_aim_faults(x.s, "PATCH", "/jobs/");
	from = sim_request_count(x.s);
	for (int i = 0; i < 1200 && !scene_made(&x, from, "/jobs/migrate"); i++)
		sim_run_for(x.s, 250);
	assert_int_equal(scene_made(&x, from, "/jobs/migrate"), 1);
	scene_edit_app(&x, TERMINATE);
	scene_until(&x, is_terminated, MINUTES, "the end");
	sim_run_for(x.s, MINUTES);
	assert_in_range(scene_made(&x, from, "/jobs/migrate"), 1, 3);
	assert_string_equal(scene_tag(&x), "v1");
	hooks_end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminated),
		cmocka_unit_test(terminated_while_it_asks),
		cmocka_unit_test(terminated_in_trouble),
		cmocka_unit_test(suspended),
		cmocka_unit_test(superseded),
		cmocka_unit_test(while_it_replaces),
		cmocka_unit_test(while_it_unblocks),
		cmocka_unit_test(before_its_hooks_are_made),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
