/*
 * The baseline: what was bad before the first candidate since the last good release
 * says nothing about it, nor about those on top of it; what came with it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "scenes.h"

#define CRD "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":" \
	"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"pumps.example.com\"}," \
	"\"spec\":{\"group\":\"example.com\",\"names\":{\"kind\":\"Pump\",\"plural\":" \
	"\"pumps\",\"singular\":\"pump\",\"listKind\":\"PumpList\"},\"scope\":" \
	"\"Namespaced\",\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true," \
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"," \
	"\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"

/* Deployment and Pump change together: the Pump's health is evidence. */
static void put(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *pump = xasprintf("{\"apiVersion\":\"example.com/v1\","
		"\"kind\":\"Pump\",\"metadata\":{\"name\":\"pump\",\"annotations\":{"
		"\"syncd.dev/revert-on\":\"health\"}},\"spec\":{\"tag\":\"%s\"}}", tag);

	engsim_commit(x, "pump.yaml", pump);
	scene_put(x, tag);
}

/* As its operator would. */
static void set_pump(struct engsim *x, const char *stalled)
{
	_cleanup_free_ char *patch = xasprintf("{\"status\":{\"conditions\":[{\"type\":"
		"\"Stalled\",\"status\":\"%s\",\"message\":\"no water\"}]}}", stalled);

	apisim_edit(x->api, "operator", "pumps.example.com", "shop", "pump", patch);
}

static void start(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	apisim_apply(x->api, CRD);
	scene_edit_app(x, "{\"metadata\":{\"annotations\":{\"syncd.dev/auto-revert\":"
		       "\"false\"}}}");
	put(x, "v1");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static void a_second_candidate_has_the_firsts_baseline(void **state)
{
	struct engsim x;

	(void)state;
	start(&x, 960);
	set_pump(&x, "True");
	put(&x, "crash2");
	engsim_until_phase(&x, "shop", "Failed", LONG);
	assert_null(strstr(scene_condition(&x, "shop", "SyncError"), "pump"));
	put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG * 2);
	scene_end(&x, true);
}

static void another_life_has_the_same_baseline(void **state)
{
	struct engsim x;

	(void)state;
	start(&x, 961);
	set_pump(&x, "True");
	put(&x, "v2");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	engsim_crash(&x);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Soaking", LONG * 2);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void what_broke_with_the_first_counts_against_the_second(void **state)
{
	struct engsim x;

	(void)state;
	start(&x, 962);
	put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	set_pump(&x, "True");
	engsim_until_phase(&x, "shop", "Failed", LONG);
	put(&x, "v3");
	sim_run_for(x.s, 60000);
	scene_assert_condition(&x, "shop", "SyncError", "release #3");
	scene_assert_condition(&x, "shop", "SyncError", "no water");
	assert_true(engsim_in_phase(&x, "shop", "Failed"));
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_candidate_has_the_firsts_baseline),
		cmocka_unit_test(another_life_has_the_same_baseline),
		cmocka_unit_test(what_broke_with_the_first_counts_against_the_second),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
