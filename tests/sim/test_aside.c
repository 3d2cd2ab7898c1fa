/* Argo CD's controller comes and goes while we work: we stand aside, and go on after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define CRDS "customresourcedefinitions.apiextensions.k8s.io"
#define PUMPS "pumps.example.com"

static void argocd_comes(struct engsim *x)
{
	apisim_namespace(x->api, "argocd");
	apisim_apply(x->api, "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\","
		     "\"metadata\":{\"name\":\"argocd-application-controller\","
		     "\"namespace\":\"argocd\"},\"spec\":{\"replicas\":1,\"serviceName\":\"c\","
		     "\"selector\":{\"matchLabels\":{\"app\":\"c\"}},\"template\":{\"metadata\":"
		     "{\"labels\":{\"app\":\"c\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
		     "\"image\":\"c\"}]}}}}");
}

static void argocd_goes(struct engsim *x)
{
	apisim_delete(x->api, "statefulsets.apps", "argocd",
		      "argocd-application-controller");
}

static bool is_aside(void *arg)
{
	return scene_condition(arg, "shop", "StandsAsideWarning");
}

static bool has_v2(void *arg)
{
	struct engsim *x = arg;
	const json_t *versions = doc_get(apisim_get(x->api, CRDS, NULL, PUMPS), "spec",
					 "versions", NULL);

	return json_array_size(versions) == 2;
}

static bool is_size_2(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(scene_pump_size(x), "2") && engsim_in_phase(x, "shop", "Good");
}

/* What the API server is asked for then may be answered long after. */
static void it_may_come_while_kinds_are_learned(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 700);
	scene_put_pumps(&x, "v1", "None");
	scene_put_pump(&x, "v1", "1");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put_pumps(&x, "v1 v2", "None");
	scene_put_pump(&x, "v2", "2");
	scene_until(&x, has_v2, LONG, "the CRD");
	sim_aim_faults(x.s, "GET", "/api");
	sim_set_faults(x.s, &(struct sim_faults){ .hang = 1000 }, sim_now(x.s) + 20000);
	sim_run_for(x.s, 4000);
	assert_int_not_equal(sim_faults_happened(x.s).hang, 0);
	argocd_comes(&x);
	scene_until(&x, is_aside, 10000, "standing aside");
	sim_run_for(x.s, 120000);
	assert_false(is_size_2(&x));
	argocd_goes(&x);
	scene_until(&x, is_size_2, LONG, "going on");
	assert_null(scene_condition(&x, "shop", "StandsAsideWarning"));
	scene_end(&x, true);
}

/* At any moment of a rollout. */
static void it_may_come_at_any_moment(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		struct engsim x;

		scene_good(&x, 710 + i);
		scene_put(&x, "v2");
		sim_run_for(x.s, 60 * i);
		argocd_comes(&x);
		scene_until(&x, is_aside, LONG, "standing aside");
		sim_run_for(x.s, 60000);
		argocd_goes(&x);
		scene_until_tag(&x, "v2", LONG);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_may_come_while_kinds_are_learned),
		cmocka_unit_test(it_may_come_at_any_moment),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
