/* Rules of auto-revert that no other story tells: attribution, flapping, its settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "apiint.h"
#include "asks.h"
#include "core/doc.h"

#define DEGRADED "{\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"status\":" \
	"\"False\",\"reason\":\"ProgressDeadlineExceeded\"}]}}"

/* ---- rule 6: a NetworkPolicy is to blame for the workloads that it selects ---- */

static void put_policy(struct engsim *x, const char *app, unsigned port)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"networking.k8s.io/v1\","
		"\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"fence\"},\"spec\":{"
		"\"podSelector\":{\"matchLabels\":{\"app\":\"%s\"}},\"ingress\":[{\"ports\":[{"
		"\"port\":%u}]}]}}", app, port);

	engsim_commit(x, "fence.yaml", text);
}

static bool is_soaking_at_2(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Soaking") && doc_get_int(engsim_status(x, "shop"),
		0, "syncd", "target", "id", NULL) == 2;
}

static void a_policy_is_to_blame(void **state)
{
	static const struct { const char *app, *phase; } rows[] = {
		{ "web", "Pinned" }, { "other", "Good" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct apisim_options o = { .no_controllers = true };
		struct engsim x;

		scene_init(&x, 2500 + i);
		x.soak_ms = 30000;
		put_policy(&x, rows[i].app, 80);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		put_policy(&x, rows[i].app, 81);
		scene_until(&x, is_soaking_at_2, LONG, "the soak");
		apisim_set_options(x.api, &o);
		api_patch_as(x.api, "controller", api_type_named(x.api, "deployments.apps"),
			     "shop", "web", "status", doc_parse(DEGRADED, strlen(DEGRADED),
								NULL));
		engsim_until_phase(&x, "shop", rows[i].phase, LONG * 2);
		assert_int_equal(doc_get_int(json_array_get(doc_get(json_array_get(doc_get(
			apisim_get(x.api, "networkpolicies.networking.k8s.io", "shop", "fence"),
			"spec", "ingress", NULL), 0), "ports", NULL), 0), 0, "port", NULL),
			i ? 81 : 80);
		scene_end(&x, true);
	}
}

/* ---- rule 15: flapping ---- */

static uint64_t put_and_revert(struct engsim *x, int n, const char *good)
{
	_cleanup_free_ char *tag = xasprintf("crash%d", n);
	uint64_t from = sim_now(x->s);

	scene_put(x, tag);
	scene_until_tag(x, tag, 30 * MINUTES);
	from = sim_now(x->s) - from;
	scene_until_tag(x, good, LONG);
	engsim_until_phase(x, "shop", "Pinned", LONG);
	return from;
}

/* 0, 1 and 5 minutes of pause; the fourth within an hour needs a hand. */
static void pauses_grow_until_somebody_looks(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 2510);
	assert_true(put_and_revert(&x, 2, "v1") < 30000);
	assert_true(put_and_revert(&x, 3, "v1") < 30000);
	assert_in_range(put_and_revert(&x, 4, "v1"), 50000, 80000);
	assert_in_range(put_and_revert(&x, 5, "v1"), 280000, 320000);
	scene_put(&x, "v6");	/* a good one; nobody knows */
	sim_run_for(x.s, 120 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	assert_non_null(strstr(ask_syncd(&x, "message"), "more than three reverts within an "
			       "hour: look into it, then run syncctl sync"));
	ask_sync(&x, "");
	scene_until_tag(&x, "v6", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	/* It begins anew. */
	assert_true(put_and_revert(&x, 7, "v6") < 30000);
	scene_end(&x, true);
}

/* ---- settings of the project ---- */

static void annotate_project(struct engsim *x, const char *key, const char *value)
{
	_cleanup_free_ char *patch = xasprintf("{\"metadata\":{\"annotations\":{\"syncd.dev/%s\":"
					       "\"%s\"}}}", key, value);

	apisim_edit(x->api, "kubectl", "appprojects.argoproj.io", "argocd", "default", patch);
}

/* An image that is not there: rejected after the grace that is in force. */
static void the_projects_graces_are_defaults(void **state)
{
	static const struct { const char *of_project, *own; uint64_t from, to; } rows[] = {
		{ "60s", NULL, 55000, 90000 },
		{ "60s", "\"1s\"", 0, 30000 },
		{ "soon", NULL, 5000, 40000 },	/* the daemon's 5 s */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		uint64_t from;

		scene_good(&x, 2520 + i);
		annotate_project(&x, "pull-grace", rows[i].of_project);
		if (rows[i].own)
			ask_annotate(&x, "syncd.dev/pull-grace", rows[i].own);
		sim_run_for(x.s, 2000);
		scene_put(&x, "bad2");
		scene_until_tag(&x, "bad2", LONG);
		from = sim_now(x.s);
		engsim_until_phase(&x, "shop", "Pinned", 2 * LONG);
		assert_in_range(sim_now(x.s) - from, rows[i].from, rows[i].to);
		if (i == 2)
			scene_assert_condition(&x, "shop", "InvalidSpecWarning", "AppProject "
				"default: annotation syncd.dev/pull-grace: ");
		scene_end(&x, true);
	}
}

/* ---- what a person asked for is told before its revert takes its place ---- */

static bool tells_the_failure(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(ask_op(x, "phase"), "Failed") && !strcmp(doc_get_str(engsim_status(x,
		"shop"), "operationState", "operation", "initiatedBy", "username", NULL) ?: "",
		"ada");
}

static void a_failed_sync_is_told_before_its_revert(void **state)
{
	(void)state;
	for (uint64_t seed = 2530; seed < 2535; seed++) {
		struct engsim x;

		scene_good(&x, seed);
		scene_put(&x, "bad2");
		ask_sync(&x, "");
		scene_until(&x, tells_the_failure, LONG, "the end of ada's sync");
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v1");
		scene_end(&x, true);
	}
}

/* ---- rights that come a moment later ---- */

struct gate {
	struct engsim *x;
	uint64_t opens;		/* mono */
};

static bool deny_until(void *arg, const char *user, const char *verb, const char *resource,
		       const char *ns)
{
	const struct gate *g = arg;

	(void)user;
	(void)ns;
	return !strcmp(verb, "patch") && !strcmp(resource, "deployments.apps") &&
	       sim_now(g->x->s) < g->opens;
}

static void rights_may_come_later(void **state)
{
	static const struct { uint64_t after; bool good; } rows[] = {
		{ 10000, true }, { 60000, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		struct gate g = { .x = &x };

		scene_good(&x, 2540 + i);
		apisim_set_authz(x.api, deny_until, &g);
		scene_put(&x, "v2");
		g.opens = sim_now(x.s) + 10000 + rows[i].after;	/* a poll first */
		if (rows[i].good) {
			scene_until_tag(&x, "v2", LONG);
			assert_false(scene_has_event(&x, "Rejected", ""));
		} else {
			engsim_until_phase(&x, "shop", "Pinned", LONG);
			scene_assert_condition(&x, "shop", "SyncError", " cannot ");
			/* Somebody grants them: its one retry finds that. */
			scene_until_tag(&x, "v2", 15 * MINUTES);
		}
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_is_to_blame),
		cmocka_unit_test(pauses_grow_until_somebody_looks),
		cmocka_unit_test(the_projects_graces_are_defaults),
		cmocka_unit_test(a_failed_sync_is_told_before_its_revert),
		cmocka_unit_test(rights_may_come_later),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
