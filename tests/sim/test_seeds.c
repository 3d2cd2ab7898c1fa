/*
 * Random lives: each seed is a story of commits (good, bad, broken), hand edits,
 * deletions, crashes, Git outages and a stormy network. However it went, a last good
 * commit must end Good and healthy, and some things must never have happened.
 * SIM_SEEDS=N runs N of them (100); SIM_SEED=S just that one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "core/doc.h"
#include "engsim.h"

#define CANARY "c2VjcmV0LWNhbmFyeQ"	/* what no log or status may hold */

static void commit_web(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *web = engsim_deployment("web", tag, 3);

	engsim_commit(x, "web.yaml", web);
}

static const char *image(struct engsim *x)
{
	const json_t *d = apisim_get(x->api, "deployments.apps", "shop", "web");
	const json_t *c = doc_get(d, "spec", "template", "spec", "containers", NULL);
	const char *s = doc_get_str(json_array_get(c, 0), "image", NULL);

	return s ? strrchr(s, ':') + 1 : "";
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void commit_something(struct engsim *x)
{
	_cleanup_free_ char *tag = NULL;
	unsigned n = (unsigned)(sim_random(x->s) % 1000);

	switch (sim_random(x->s) % 7) {
	case 0:
		engsim_commit(x, "web.yaml", "{ this is not: valid");
		return;
	case 1: {
		_cleanup_free_ char *cm = engsim_configmap("settings", "new", 1);

		engsim_commit(x, "settings.yaml", sim_random(x->s) % 2 ? cm : NULL);
		return;
	}
	default:
		break;
	}
	switch (sim_random(x->s) % 5) {
	case 0: case 3:
		tag = xasprintf("v%u", n);
		break;
	case 1:
		tag = xasprintf("bad%u", n);
		break;
	case 2:
		tag = xasprintf("crash%u", n);
		break;
	default:
		tag = xasprintf("noready%u", n);
		break;
	}
	commit_web(x, tag);
}

static void something_happens(struct engsim *x)
{
	struct sim_faults calm = { 0 }, storm = sim_faults_mixed(1 + sim_random(x->s) % 3);

	switch (sim_random(x->s) % 8) {
	case 0:
		if (*image(x))
			apisim_edit(x->api, "kubectl-edit", "deployments.apps", "shop",
				    "web", "{\"spec\":{\"replicas\":1}}");
		break;
	case 1:
		if (apisim_get(x->api, "configmaps", "shop", "settings"))
			apisim_delete(x->api, "configmaps", "shop", "settings");
		break;
	case 2:
		sim_crash_at(x->s, 1 + sim_random(x->s) % 40);
		break;
	case 3:
		gitsim_set_mood(sim_git(x->s), REPO, (enum git_mood)
				(sim_random(x->s) % (GIT_GARBAGE + 1)));
		break;
	case 4:
		sim_set_faults(x->s, sim_random(x->s) % 2 ? &storm : &calm, 0);
		break;
	case 5:
		apisim_compact(x->api);
		break;
	default:
		commit_something(x);
		break;
	}
	engsim_run(x, never, sim_random(x->s) % 40000);
}

static bool ended_well(void *arg)
{
	struct engsim *x = arg;
	const json_t *s = engsim_status(x, "shop");
	const char *health = doc_get_str(s, "health", "status", NULL);
	const char *sync = doc_get_str(s, "sync", "status", NULL);

	return engsim_in_phase(x, "shop", "Good") && !strcmp(image(x), "final") &&
	       health && !strcmp(health, "Healthy") && sync && !strcmp(sync, "Synced");
}

/* Only what left Git goes: the ConfigMap may, the rest never. */
static void check_never(struct engsim *x)
{
	assert_false(sim_delete_sent(x->s, "/apis/apps/v1/namespaces/shop/deployments/web"));
	assert_false(sim_delete_sent(x->s, "/api/v1/namespaces/shop/secrets/token"));
	assert_false(sim_delete_sent(x->s, "/api/v1/namespaces/shop"));
	assert_false(sim_log_contains(x->s, CANARY));
}

/* Over all seeds: a test in which nothing happens proves nothing. */
static unsigned crashes, rejections;

static void live(uint64_t seed)
{
	_cleanup_buf_ struct buf status = BUF_INIT;
	struct engsim x;
	unsigned steps;

	engsim_init(&x, seed);
	engsim_commit(&x, "token.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
		      "\"metadata\":{\"name\":\"token\"},\"data\":{\"t\":\"" CANARY "==\"}}");
	commit_web(&x, sim_random(x.s) % 4 ? "v0" : "bad0");
	engsim_application(&x, "shop", "");
	engsim_start(&x);
	steps = 3 + (unsigned)(sim_random(x.s) % 8);
	for (unsigned i = 0; i < steps; i++)
		something_happens(&x);
	sim_crash_at(x.s, 0);
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_FINE);
	commit_web(&x, "final");
	/* Backoffs of what went before may take their time: an hour at most. */
	if (!engsim_run(&x, ended_well, 3600000)) {
		sim_dump(x.s);
		if (engsim_status(&x, "shop"))
			doc_write(engsim_status(&x, "shop"), &status);
		fail_msg("SIM_SEED=%llu: image %s, %s", (unsigned long long)seed,
			 image(&x), buf_str(&status));
	}
	check_never(&x);
	doc_write(engsim_status(&x, "shop"), &status);
	assert_null(strstr(buf_str(&status), CANARY));
	crashes += x.lives - 1;
	rejections += strstr(buf_str(&status), "\"state\":\"rejected\"") != NULL;
	engsim_deinit(&x);
}

static void every_life_ends_well(void **state)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t n = many ? strtoull(many, NULL, 10) : 100;

	(void)state;
	if (one) {
		live(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= n; seed++)
		live(700000 + seed);
	print_message("%u crashes, %u lives with a rejection\n", crashes, rejections);
	assert_true(n < 50 || (crashes > n / 4 && rejections > n / 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_life_ends_well),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
