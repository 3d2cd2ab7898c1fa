/* The cluster itself is in trouble: reverts go one at a time until one succeeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "core/doc.h"
#include "scenes.h"
#include "sync/engine_priv.h"

#define APPS 10
#define QUIET_MS (31 * 60 * 1000)

/* Ten applications, each of its own folder, in its own namespace. */
struct fleet {
	struct engsim x;	/* first: predicates get it */
	unsigned most;		/* reverts that ran at the same time */
	bool metric, told;	/* while one was held */
	const char *phase;
	int from, to;		/* which have to be in that phase */
};

static void put(struct fleet *f, int i, const char *tag)
{
	_cleanup_free_ char *path = xasprintf("app-%d/web.yaml", i);
	_cleanup_free_ char *plain = engsim_deployment("web", tag, 2);
	const char *spec = strstr(plain, "\"spec\":{") + strlen("\"spec\":{");
	/* Its good pods go first: the way back takes a while. */
	_cleanup_free_ char *text = xasprintf("%.*s\"strategy\":{\"type\":\"Recreate\"},%s",
					      (int)(spec - plain), plain, spec);

	sim_git_commit(f->x.s, REPO, "main", path, text);
}

/* Something that can turn bad without any pod. */
static void put_scaler(struct fleet *f, int i)
{
	_cleanup_free_ char *path = xasprintf("app-%d/scaler.yaml", i);

	sim_git_commit(f->x.s, REPO, "main", path, "{\"apiVersion\":\"autoscaling/v2\","
		"\"kind\":\"HorizontalPodAutoscaler\",\"metadata\":{\"name\":\"web\"},"
		"\"spec\":{\"maxReplicas\":9,\"scaleTargetRef\":{\"kind\":\"Deployment\","
		"\"name\":\"web\",\"apiVersion\":\"apps/v1\"}}}");
}

static void set_scaler(struct fleet *f, int i, const char *active)
{
	_cleanup_free_ char *ns = xasprintf("ns-%d", i);

	api_patch_as(f->x.api, "controller", api_type_named(f->x.api,
		     "horizontalpodautoscalers.autoscaling"), ns, "web", "status",
		     json_pack("{s{s[{ssssss}]}}", "status", "conditions", "type",
			       "ScalingActive", "status", active, "reason",
			       strcmp(active, "True") ? "FailedGetResourceMetric" : "Valid"));
}

static void set_node(struct fleet *f, const char *name, const char *ready)
{
	char since[32];

	time_rfc3339(SIM_EPOCH + (int64_t)sim_now(f->x.s), since);
	api_patch_as(f->x.api, "kubelet", api_type_named(f->x.api, "nodes"), NULL, name,
		     "status", json_pack("{s{s[{ssssss}]}}", "status", "conditions",
					 "type", "Ready", "status", ready,
					 "lastTransitionTime", since));
}

static void watch_reverts(struct fleet *f)
{
	unsigned running = 0, held = 0;
	struct app *a, *next;

	if (!f->x.engine)
		return;
	HASH_ITER(hh, f->x.engine->apps, a, next) {
		_cleanup_json_ json_t *status = told_tree(&a->told);

		running += a->op && a->rec.op.kind == OP_REVERT;
		held += doc_get_bool(status, false, "syncd", "breaker", "held", NULL);
	}
	f->most = running > f->most ? running : f->most;
	f->told = f->told || held;
	if (held && !f->metric) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		engine_metrics(f->x.engine, &text);
		f->metric = strstr(buf_str(&text), "syncd_breaker_open 1\n") &&
			    strstr(buf_str(&text), "syncd_reverts_held 1\n");
	}
}

static bool are_in_phase(void *arg)
{
	struct fleet *f = arg;

	watch_reverts(f);
	for (int i = f->from; i < f->to; i++) {
		_cleanup_free_ char *name = xasprintf("app-%d", i);

		if (!engsim_in_phase(&f->x, name, f->phase))
			return false;
	}
	return true;
}

static void until(struct fleet *f, int from, int to, const char *phase)
{
	f->from = from;
	f->to = to;
	f->phase = phase;
	scene_until(&f->x, are_in_phase, 600000, phase);
}

static void start(struct fleet *f, uint64_t seed, int scalers)
{
	*f = (struct fleet){ 0 };
	engsim_init(&f->x, seed);
	f->x.poll_ms = 30000;
	for (int i = 0; i < APPS; i++) {
		_cleanup_free_ char *ns = xasprintf("ns-%d", i);
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
			"\"kind\":\"Application\",\"metadata\":{\"name\":\"app-%d\",\"namespace\":"
			"\"argocd\"},\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":"
			"\"" REPO "\",\"path\":\"app-%d\",\"targetRevision\":\"main\"},"
			"\"destination\":{\"server\":\"https://kubernetes.default.svc\","
			"\"namespace\":\"%s\"},\"syncPolicy\":{\"automated\":{}}}}", i, i, ns);

		apisim_namespace(f->x.api, ns);
		put(f, i, "v1");
		if (i < scalers)
			put_scaler(f, i);
		apisim_apply(f->x.api, text);
	}
	engsim_start(&f->x);
	sim_run_for(f->x.s, 20000);
	for (int i = 0; i < scalers; i++)
		set_scaler(f, i, "True");
	until(f, 0, APPS, "Good");
}

/* Two commits, neither to blame for the four that nobody had touched. */
static void four_of_ten_fail(void **state)
{
	struct apisim_options o = { .pod_start_ms = 6000 };
	struct fleet f;

	(void)state;
	start(&f, 2400, 4);
	sim_run_for(f.x.s, QUIET_MS);
	apisim_set_options(f.x.api, &o);
	for (int i = 0; i < 4; i++)
		set_scaler(&f, i, "False");
	sim_run_for(f.x.s, 5000);
	put(&f, 8, "bad2");
	put(&f, 9, "bad2");
	until(&f, 8, 10, "Pinned");
	assert_int_equal(f.most, 1);
	assert_true(f.told);
	assert_true(f.metric);
	assert_true(sim_log_contains(f.x.s, "the breaker is open: 4 of 8 applications that "
		"nobody has touched for half an hour turned unhealthy"));
	assert_true(sim_log_contains(f.x.s, "its revert succeeded: the breaker is closed"));
	assert_true(scene_has_event(&f.x, "RevertHeld", "the revert waits for that of"));
	assert_true(scene_has_event(&f.x, "BreakerClosed", "the others follow"));
	until(&f, 0, 8, "Good");
	/* The same four are no evidence against the next. */
	f.most = 0;
	put(&f, 6, "bad3");
	put(&f, 7, "bad3");
	until(&f, 6, 8, "Pinned");
	assert_int_equal(f.most, 2);
	/* Its cause may have been the cluster's: it gets another try. */
	sim_run_for(f.x.s, 11 * 60 * 1000);
	assert_true(sim_log_contains(f.x.s, "release #2"));
	for (int i = 8; i < 10; i++) {
		_cleanup_free_ char *id = xasprintf("argocd/app-%d", i);
		struct app *a;

		HASH_FIND_STR(f.x.engine->apps, id, a);
		assert_non_null(a);
		assert_true(record_release(&a->rec, 2)->retried);
	}
	engsim_deinit(&f.x);
}

/* Candidates that fail are no evidence, however many: a base that all share. */
static void a_base_that_all_share(void **state)
{
	struct fleet f;

	(void)state;
	start(&f, 2401, 0);
	sim_run_for(f.x.s, QUIET_MS);
	for (int i = 0; i < APPS; i++)
		put(&f, i, "bad2");
	until(&f, 0, APPS, "Pinned");
	assert_true(f.most > 1);
	assert_false(f.told);
	assert_false(sim_log_contains(f.x.s, "the breaker is open"));
	engsim_deinit(&f.x);
}

static void a_node_is_lost(void **state)
{
	struct fleet f;

	(void)state;
	start(&f, 2402, 0);
	apisim_apply(f.x.api, "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":"
		     "\"one\"}}");
	apisim_apply(f.x.api, "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":"
		     "\"two\"}}");
	set_node(&f, "one", "True");
	set_node(&f, "two", "True");
	sim_run_for(f.x.s, 6 * 60 * 1000);
	put(&f, 0, "bad2");
	put(&f, 1, "bad2");
	sim_run_for(f.x.s, 3000);
	set_node(&f, "two", "Unknown");
	until(&f, 0, 2, "Pinned");
	assert_int_equal(f.most, 1);
	assert_true(sim_log_contains(f.x.s, "the breaker is open: 1 of 2 nodes are not "
				     "ready"));
	engsim_deinit(&f.x);
}

static bool no_nodes(void *arg, const char *user, const char *verb, const char *resource,
		     const char *ns)
{
	(void)arg;
	(void)user;
	(void)verb;
	(void)ns;
	return !strncmp(resource, "nodes", 5);
}

/* They cannot be listed: a revert does without, at once. */
static void nodes_may_be_hidden(void **state)
{
	struct fleet f;

	(void)state;
	start(&f, 2403, 0);
	apisim_set_authz(f.x.api, no_nodes, NULL);
	put(&f, 0, "bad2");
	until(&f, 0, 1, "Pinned");
	assert_true(sim_log_contains(f.x.s, "the nodes cannot be listed"));
	engsim_deinit(&f.x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_of_ten_fail),
		cmocka_unit_test(a_base_that_all_share),
		cmocka_unit_test(a_node_is_lost),
		cmocka_unit_test(nodes_may_be_hidden),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
