/* The engine's start, its lead and how it loses it, its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

struct denial {
	const char *verb, *resource;
};

static bool deny(void *arg, const char *user, const char *verb,
		 const char *resource, const char *ns)
{
	const struct denial *d = arg;

	(void)user;
	return !strcmp(verb, d->verb) && !strcmp(resource, d->resource) &&
	       (!ns || !*ns || !strcmp(ns, "syncd-system") ||
		!strcmp(resource, "namespaces"));
}

/* What a start needs may be refused for a while: it is asked for until it works. */
static void start_waits_for_its_rights(void **state)
{
	static struct denial cases[] = {
		{ "get", "namespaces" }, { "create", "namespaces" },
		{ "get", "configmaps" }, { "create", "configmaps" },
		{ "list", "secrets" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		scene_init(&x, 300 + i);
		apisim_set_authz(x.api, deny, &cases[i]);
		engsim_start(&x);
		sim_run_for(x.s, 90000);
		assert_false(engine_ready(x.engine));
		assert_false(engine_leading(x.engine));
		assert_string_equal(scene_tag(&x), "");
		assert_true(sim_log_contains(x.s, "(trying again)"));
		/* With growing pauses, not in a loop. */
		assert_true(scene_answers(&x, 0, "GET", "", 403) +
			    scene_answers(&x, 0, "POST", "", 403) < 20);
		apisim_set_authz(x.api, NULL, NULL);
		engsim_until_phase(&x, "shop", "Good", LONG);
		assert_true(engine_ready(x.engine));
		scene_end(&x, true);
	}
}

static void start_without_a_server(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 310);
	sim_set_partition(x.s, NULL, true);
	engsim_start(&x);
	sim_run_for(x.s, 100000);
	assert_false(engine_ready(x.engine));
	assert_true(sim_log_contains(x.s, "Discovery: "));
	sim_set_partition(x.s, NULL, false);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void broken_install_is_said(void **state)
{
	static const char *const broken[] = {
		"{}", "{\"id\":\"\"}", "{\"id\":\"123456789012345678901234567890\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
			"\"ConfigMap\",\"metadata\":{\"name\":\"syncd-install\","
			"\"namespace\":\"syncd-system\"},\"data\":%s}", broken[i]);
		struct engsim x;

		scene_init(&x, 320 + i);
		apisim_namespace(x.api, "syncd-system");
		apisim_apply(x.api, text);
		engsim_start(&x);
		sim_run_for(x.s, 60000);
		assert_true(sim_log_contains(x.s, "syncd-install has no data.id"));
		assert_string_equal(scene_tag(&x), "");
		apisim_edit(x.api, "kubectl", "configmaps", "syncd-system",
			    "syncd-install", "{\"data\":{\"id\":\"abc\"}}");
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

static void missing_crd_is_said_and_waited_for(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 330);
	scene_put(&x, "v1");
	apisim_delete(x.api, "customresourcedefinitions.apiextensions.k8s.io", NULL,
		      "applications.argoproj.io");
	sim_run_for(x.s, 5000);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_true(sim_log_contains(x.s, "the Application CRD is not installed"));
	apisim_install_crds(x.api);
	engsim_application(&x, "shop", "");
	engsim_until_phase(&x, "shop", "Good", 400000);
	scene_end(&x, true);
}

/* Whoever lost the lead asks to be ended and writes nothing more. */
static void assert_beaten(struct engsim *x, uint64_t within_ms)
{
	size_t from;

	for (uint64_t ms = 0; ms < within_ms && !x->fatal; ms += 100)
		sim_run_for(x->s, 100);
	assert_true(x->fatal);
	assert_false(engine_leading(x->engine));
	assert_false(engine_ready(x->engine));
	from = sim_request_count(x->s);
	scene_put(x, "v2");
	scene_drift(x, "v9");
	sim_run_for(x->s, 30000);
	assert_int_equal(sim_count(x->s, from, "PATCH", ""), 0);
	assert_string_equal(scene_tag(x), "v9");
	scene_until_tag(x, "v2", LONG);	/* the next life */
	assert_int_equal(x->lives, 2);
}

static void lease_taken_by_another_is_fatal(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 340);
	apisim_edit(x.api, "other", "leases.coordination.k8s.io", "syncd-system",
		    "syncd-leader", "{\"spec\":{\"holderIdentity\":\"other\","
		    "\"leaseTransitions\":7}}");
	assert_beaten(&x, 60000);
	scene_end(&x, true);
}

static void lease_that_cannot_be_renewed_is_fatal(void **state)
{
	struct sim_faults refuse = { .refuse = 1000 };
	struct engsim x;

	(void)state;
	scene_good(&x, 341);
	sim_aim_faults(x.s, "", "/leases/");
	sim_set_faults(x.s, &refuse, sim_now(x.s) + 60000);
	assert_beaten(&x, 60000);
	scene_end(&x, true);
}

static void note_stopped(void *arg)
{
	++*(unsigned *)arg;
}

static struct engine *start_second(struct engsim *x, struct sim_host *host)
{
	struct engine *e = engsim_engine(x, sim_host_world(host), "second", true);

	engine_start(e);
	return e;
}

static void stopping_hands_the_lead_over(void **state)
{
	struct engsim x;
	struct sim_host *host;
	struct engine *second;
	unsigned stopped = 0;
	uint64_t at;

	(void)state;
	scene_good(&x, 350);
	host = sim_host_new(x.s, "second");
	second = start_second(&x, host);
	sim_run_for(x.s, 30000);
	assert_true(engine_ready(second));
	assert_false(engine_leading(second));
	at = sim_now(x.s);
	engine_stop(x.engine, note_stopped, &stopped);
	assert_int_equal(stopped, 0);
	assert_false(engine_ready(x.engine));
	while (!engine_leading(second) && sim_now(x.s) < at + 2000)
		sim_run_for(x.s, 10);
	assert_true(engine_leading(second));
	assert_int_equal(stopped, 1);
	engsim_crash(&x);
	scene_put(&x, "v2");
	sim_run_for(x.s, 40000);
	assert_string_equal(scene_tag(&x), "v2");
	assert_int_equal(stopped, 1);
	engine_abandon(second);
	sim_host_abandon(x.s, host);
	scene_end(&x, true);
}

/* The number of the first request since `from` that writes the lease; -1. */
static ssize_t lease_write(struct engsim *x, size_t from)
{
	for (size_t i = from; i < sim_request_count(x->s); i++)
		if (!strcmp(sim_request(x->s, i)->method, "PUT") &&
		    strstr(sim_request(x->s, i)->path, "/leases/syncd-leader") &&
		    strstr(sim_request(x->s, i)->body, "\"holderIdentity\":\"\""))
			return (ssize_t)i;
	return -1;
}

/* A write under way is answered first; nothing is written after. */
static void stopping_awaits_what_is_being_written(void **state)
{
	struct sim_faults slow = { .slow = 1000 };
	struct engsim x;
	unsigned stopped = 0;
	ssize_t released;
	size_t from;

	(void)state;
	for (uint64_t seed = 360; seed < 366; seed++) {
		scene_good(&x, seed);
		sim_aim_faults(x.s, "PATCH", "/deployments/");
		sim_set_faults(x.s, &slow, sim_now(x.s) + 60000);
		from = sim_request_count(x.s);
		scene_drift(&x, "v9");
		while (!sim_count(x.s, from, "PATCH", "/deployments/"))
			sim_run_for(x.s, 10);
		stopped = 0;
		engine_stop(x.engine, note_stopped, &stopped);
		sim_run_for(x.s, 1400);
		assert_int_equal(stopped, 0);
		assert_int_equal(lease_write(&x, from), -1);
		sim_run_for(x.s, 3700);
		assert_int_equal(stopped, 1);
		released = lease_write(&x, from);
		for (size_t i = from; i < sim_request_count(x.s); i++)
			if (sim_request(x.s, i)->write && released >= 0)
				assert_true((ssize_t)i <= released);
		assert_true(released >= 0 || sim_log_contains(x.s, "is not answered"));
		scene_end(&x, true);
	}
}

/* Its answer never comes: the lease is left to expire, and renewed no more. */
static void stopping_keeps_the_lease_of_a_lost_write(void **state)
{
	struct sim_faults hang = { .hang = 1000 };
	struct sim_host *host;
	struct engine *second;
	unsigned stopped = 0;
	struct engsim x;
	uint64_t at;

	(void)state;
	scene_good(&x, 370);
	host = sim_host_new(x.s, "second");
	second = start_second(&x, host);
	sim_run_for(x.s, 20000);
	sim_aim_faults(x.s, "PATCH", "/deployments/");
	sim_set_faults(x.s, &hang, sim_now(x.s) + 8000);
	scene_drift(&x, "v9");
	sim_run_for(x.s, 3000);
	at = sim_now(x.s);
	engine_stop(x.engine, note_stopped, &stopped);
	sim_run_for(x.s, 1700);
	assert_int_equal(stopped, 1);
	assert_true(sim_log_contains(x.s, "is not answered"));
	while (!engine_leading(second) && sim_now(x.s) < at + 20000)
		sim_run_for(x.s, 100);
	assert_in_range(sim_now(x.s) - at, 10000, 17500);
	engsim_crash(&x);
	sim_run_for(x.s, 40000);
	assert_string_equal(scene_tag(&x), "v1");
	engine_abandon(second);
	sim_host_abandon(x.s, host);
	scene_end(&x, true);
}

/* It is stopped while it tries to read its records, in vain. */
static void stopping_does_not_wait_for_records(void **state)
{
	struct sim_faults fails = { .http_500 = 1000 };
	struct engsim x;
	unsigned stopped = 0;

	(void)state;
	scene_good(&x, 380);
	engsim_crash(&x);
	sim_aim_faults(x.s, "GET", "/secrets");
	sim_set_faults(x.s, &fails, 0);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_false(engine_leading(x.engine));
	engine_stop(x.engine, note_stopped, &stopped);
	sim_run_for(x.s, 3000);
	assert_int_equal(stopped, 1);
	engsim_crash(&x);
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

/* It cannot be read whose the lease is: it is left as it stands. */
static void stopping_leaves_a_lease_that_is_not_shown(void **state)
{
	struct sim_faults refuse = { .refuse = 1000 };
	struct engsim x;
	unsigned stopped = 0;
	size_t from;

	(void)state;
	scene_good(&x, 352);
	sim_aim_faults(x.s, "GET", "/leases/");
	sim_set_faults(x.s, &refuse, sim_now(x.s) + 60000);
	from = sim_request_count(x.s);
	engine_stop(x.engine, note_stopped, &stopped);
	sim_run_for(x.s, 5100);
	assert_int_equal(stopped, 1);
	assert_int_equal(lease_write(&x, from), -1);
	scene_end(&x, true);
}

/* Nobody answers the release of the lease: the end comes all the same. */
static void stopping_takes_five_seconds_at_most(void **state)
{
	struct engsim x;
	unsigned stopped = 0;

	(void)state;
	scene_good(&x, 351);
	sim_set_partition(x.s, NULL, true);
	engine_stop(x.engine, note_stopped, &stopped);
	sim_run_for(x.s, 5100);
	assert_int_equal(stopped, 1);
	scene_end(&x, true);
}

static void without_election_nobody_is_asked(void **state)
{
	struct engsim x;
	unsigned stopped = 0;

	(void)state;
	scene_init(&x, 352);
	x.engine = engsim_engine(&x, sim_world(x.s), "alone", false);
	engine_start(x.engine);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(sim_count(x.s, 0, NULL, "/leases/syncd-leader"), 0);
	/* The claim on the Applications' namespace is none of the election's. */
	assert_int_equal(apisim_count(x.api, "leases.coordination.k8s.io", NULL), 1);
	engine_stop(x.engine, note_stopped, &stopped);
	sim_run_for(x.s, 10);
	assert_int_equal(stopped, 1);
	scene_end(&x, true);
}

/* Deleted while the watch was cut: its objects stay and nobody heals them. */
static void application_that_went_unseen_is_left(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 353);
	engsim_application(&x, "other", "");
	sim_run_for(x.s, 20000);
	sim_set_partition(x.s, NULL, true);
	sim_run_for(x.s, 3000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	apisim_compact(x.api);
	sim_run_for(x.s, 1000);
	sim_set_partition(x.s, NULL, false);
	for (int i = 0; i < 400 && !sim_log_contains(x.s, "was deleted; its objects stay"); i++)
		sim_run_for(x.s, 1000);
	assert_true(sim_log_contains(x.s, "was deleted; its objects stay"));
	from = sim_request_count(x.s);
	scene_drift(&x, "v9");
	sim_run_for(x.s, 30000);
	assert_string_equal(scene_tag(&x), "v9");
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	scene_end(&x, true);
}

/* Its own namespace may be argocd as well, and all of them hold each. */
static void a_namespace_named_twice_is_watched_once(void **state)
{
	static const char *const lists[][3] = {
		{ "argocd", "argocd" }, { "argocd", "*" }, { "*", "argocd" },
	};

	size_t alone = 0;

	(void)state;
	for (size_t i = 0; i <= ARRAY_LEN(lists); i++) {
		struct engsim x;

		scene_init(&x, 990);
		x.namespaces = i ? lists[i - 1] : NULL;
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		alone = i ? alone : sim_count(x.s, 0, "GET", "/applications");
		assert_true(alone);
		assert_int_equal(sim_count(x.s, 0, "GET", "/applications"), alone);
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_waits_for_its_rights),
		cmocka_unit_test(start_without_a_server),
		cmocka_unit_test(broken_install_is_said),
		cmocka_unit_test(missing_crd_is_said_and_waited_for),
		cmocka_unit_test(lease_taken_by_another_is_fatal),
		cmocka_unit_test(lease_that_cannot_be_renewed_is_fatal),
		cmocka_unit_test(stopping_hands_the_lead_over),
		cmocka_unit_test(stopping_awaits_what_is_being_written),
		cmocka_unit_test(stopping_keeps_the_lease_of_a_lost_write),
		cmocka_unit_test(stopping_does_not_wait_for_records),
		cmocka_unit_test(stopping_leaves_a_lease_that_is_not_shown),
		cmocka_unit_test(stopping_takes_five_seconds_at_most),
		cmocka_unit_test(without_election_nobody_is_asked),
		cmocka_unit_test(application_that_went_unseen_is_left),
		cmocka_unit_test(a_namespace_named_twice_is_watched_once),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
