/* What stands in the way of a revert, and is put out of it first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define WEBHOOKS "validatingwebhookconfigurations.admissionregistration.k8s.io"
#define LAG_MS 3000	/* until the API server heeds what was changed */

struct gate {
	struct engsim *x;
	uint64_t shut;		/* when it was last seen to stand in the way */
	bool keeps;		/* and lets nobody remove it */
};

static bool stands(const struct engsim *x)
{
	const json_t *quota = apisim_get(x->api, "resourcequotas", "shop", "quota");
	const char *pods = doc_get_str(quota, "spec", "hard", "pods", NULL);

	return apisim_get(x->api, WEBHOOKS, NULL, "gate") ||
	       (pods && !strcmp(pods, "0"));
}

/* Refuses what belongs to the good release, for as long as the bad one's gate stands. */
static bool refuse_v1(void *arg, const char *op, const json_t *object,
		      char message[256])
{
	struct gate *g = arg;
	const char *kind = doc_get_str(object, "kind", NULL);
	const json_t *c = doc_get(object, "spec", "template", "spec", "containers",
				  NULL);
	const char *image = doc_get_str(json_array_get(c, 0), "image", NULL);

	if (g->keeps && !strcmp(op, "DELETE") &&
	    !strcmp(kind, "ValidatingWebhookConfiguration")) {
		strcpy(message, "the gate stays");
		return true;
	}
	if (stands(g->x))
		g->shut = sim_now(g->x->s);
	if (!g->shut || sim_now(g->x->s) > g->shut + LAG_MS)
		return false;
	strcpy(message, "admission webhook \"gate\" denied the request: no v1");
	return image && strstr(image, ":v1") && strcmp(kind, "Pod");
}

static void put_gate(struct engsim *x, const char *file, const char *name)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":"
		"\"admissionregistration.k8s.io/v1\",\"kind\":"
		"\"ValidatingWebhookConfiguration\",\"metadata\":{\"name\":\"%s\","
		"\"annotations\":{\"argocd.argoproj.io/sync-wave\":\"-1\"}},"
		"\"webhooks\":[]}", name);

	engsim_commit(x, file, text);
}

static void put_quota(struct engsim *x, const char *pods, int wave)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ResourceQuota\",\"metadata\":{\"name\":\"quota\",\"annotations\":{"
		"\"argocd.argoproj.io/sync-wave\":\"%d\"}},\"spec\":{\"hard\":{"
		"\"pods\":\"%s\"}}}", wave, pods);

	engsim_commit(x, "quota.yaml", text);
}

static void assert_back(struct engsim *x)
{
	engsim_until_phase(x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(x), "v1");
}

static void webhook_of_the_bad_release_goes_first(void **state)
{
	struct engsim x;
	struct gate g = { .x = &x };

	(void)state;
	scene_init(&x, 800);
	put_gate(&x, "older.yaml", "older");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_set_admission(x.api, refuse_v1, &g);
	put_gate(&x, "gate.yaml", "gate");
	scene_put(&x, "bad2");
	assert_back(&x);
	assert_true(g.shut > 0);
	assert_null(apisim_get(x.api, WEBHOOKS, NULL, "gate"));
	/* That of the good release was in nobody's way. */
	assert_non_null(apisim_get(x.api, WEBHOOKS, NULL, "older"));
	assert_int_equal(sim_count(x.s, 0, "DELETE", "/older"), 0);
	assert_int_equal(sim_count(x.s, 0, "DELETE", "/gate"), 1);
	scene_end(&x, true);
}

/* In order it would be restored last: wave 9. */
static void quota_that_was_changed_is_restored_first(void **state)
{
	struct engsim x;
	struct gate g = { .x = &x };

	(void)state;
	scene_init(&x, 801);
	put_quota(&x, "10", 9);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_set_admission(x.api, refuse_v1, &g);
	put_quota(&x, "0", 0);
	scene_put(&x, "bad2");
	assert_back(&x);
	assert_true(g.shut > 0);
	assert_string_equal(doc_get_str(apisim_get(x.api, "resourcequotas", "shop",
		"quota"), "spec", "hard", "pods", NULL), "10");
	scene_end(&x, true);
}

/* What cannot be removed is tried without: it blocks for good only if it does. */
static void blocker_that_stays_is_said(void **state)
{
	struct engsim x;
	struct gate g = { .x = &x, .keeps = true };

	(void)state;
	scene_good(&x, 802);
	apisim_set_admission(x.api, refuse_v1, &g);
	put_gate(&x, "gate.yaml", "gate");
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "RevertBlocked", LONG);
	assert_true(sim_log_contains(x.s, "may stand in the way of the revert and "
				     "cannot be removed: "));
	scene_assert_condition(&x, "shop", "SyncError", "no v1");
	g.keeps = false;
	engsim_until_phase(&x, "shop", "Pinned", 1000000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_null(apisim_get(x.api, WEBHOOKS, NULL, "gate"));
	scene_end(&x, true);
}

static void put_set(struct engsim *x, const char *tag, const char *more)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"StatefulSet\",\"metadata\":{\"name\":\"db\"},\"spec\":{\"replicas\":"
		"3,\"serviceName\":\"db\",%s\"selector\":{\"matchLabels\":{\"app\":"
		"\"db\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"db\"}},"
		"\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
		"\"registry.example/db:%s\"}]}}}}", more, tag);

	engsim_commit(x, "db.yaml", text);
}

static const char *pod_uid(struct engsim *x, const char *name)
{
	return doc_get_str(apisim_get(x->api, "pods", "shop", name), "metadata",
			   "uid", NULL);
}

static bool whole(void *arg)
{
	const json_t *set = apisim_get(((struct engsim *)arg)->api,
				       "statefulsets.apps", "shop", "db");

	return doc_get_int(set, 0, "status", "readyReplicas", NULL) == 3 &&
	       doc_get_int(set, 0, "status", "updatedReplicas", NULL) == 3;
}

static void pods_that_a_stateful_set_waits_for_go(void **state)
{
	static const struct { const char *tag, *more; bool deletes; } rows[] = {
		{ "bad2", "", true }, { "noready2", "", true }, { "crash2", "", true },
		{ "bad2", "\"podManagementPolicy\":\"Parallel\",", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *first = NULL;
		struct engsim x;
		size_t n;

		scene_init(&x, 810 + i);
		put_set(&x, "v1", rows[i].more);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		first = xstrdup(pod_uid(&x, "db-0"));
		put_set(&x, rows[i].tag, rows[i].more);
		engsim_until_phase(&x, "shop", "Pinned", 200000);
		scene_until(&x, whole, 10000, "whole again");
		n = sim_count(x.s, 0, "DELETE", "/namespaces/shop");
		assert_int_equal(n, sim_count(x.s, 0, "DELETE", "/pods/db-2"));
		assert_int_equal(n > 0, rows[i].deletes);
		if (rows[i].deletes)
			assert_string_equal(pod_uid(&x, "db-0"), first);
		scene_end(&x, !rows[i].deletes);
	}
}

static bool back_and_whole(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") && whole(arg) &&
	       !strcmp(scene_tag(x), "v1") &&
	       !apisim_get(x->api, WEBHOOKS, NULL, "gate");
}

/* The process dies at every third step of such a revert; the next one ends it. */
static void the_way_back_survives_crashes(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 400; n += 3) {
		struct engsim x;
		struct gate g = { .x = &x };
		unsigned lives;

		scene_init(&x, 8000 + n);
		put_set(&x, "v1", "");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		apisim_set_admission(x.api, refuse_v1, &g);
		put_gate(&x, "gate.yaml", "gate");
		put_set(&x, "bad2", "");
		lives = x.lives;
		sim_crash_at(x.s, n);
		if (!engsim_run(&x, back_and_whole, 300000)) {
			sim_dump(x.s);
			fail_msg("crash at step %llu: not back",
				 (unsigned long long)n);
		}
		assert_int_equal(sim_count(x.s, 0, "DELETE", "/namespaces/shop"),
				 sim_count(x.s, 0, "DELETE", "/pods/db-2"));
		engsim_deinit(&x);
		if (x.lives == lives)
			break;
	}
}

#define PUMP_CRD "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":" \
	"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"pumps.example.com\"%s}," \
	"\"spec\":{\"group\":\"example.com\",\"names\":{\"kind\":\"Pump\",\"plural\":" \
	"\"pumps\",\"singular\":\"pump\",\"listKind\":\"PumpList\"},\"scope\":" \
	"\"Namespaced\",\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true," \
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{" \
	"\"type\":\"object\",\"properties\":{\"old\":{\"type\":\"string\"}%s}}}}}}]}}"

/* What was stored under the new schema stays readable: a CRD is never put back. */
static void a_crd_is_never_downgraded(void **state)
{
	_cleanup_free_ char *one = xasprintf(PUMP_CRD, "", "");
	_cleanup_free_ char *two = xasprintf(PUMP_CRD, ",\"labels\":{\"two\":\"2\"}",
					     ",\"fresh\":{\"type\":\"string\"}");
	const json_t *crd;
	struct engsim x;

	(void)state;
	scene_init(&x, 820);
	engsim_commit(&x, "crd.yaml", one);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	engsim_commit(&x, "crd.yaml", two);
	scene_put(&x, "bad2");
	assert_back(&x);
	sim_run_for(x.s, 60000);	/* nor healed to the pin */
	crd = apisim_get(x.api, "customresourcedefinitions.apiextensions.k8s.io", NULL,
			 "pumps.example.com");
	assert_non_null(doc_get(crd, "metadata", "labels", "two", NULL));
	assert_non_null(doc_get(json_array_get(doc_get(crd, "spec", "versions", NULL), 0),
		"schema", "openAPIV3Schema", "properties", "spec", "properties", "fresh", NULL));
	scene_end(&x, true);
}

static const json_t *pumps(struct engsim *x)
{
	return apisim_get(x->api, "customresourcedefinitions.apiextensions.k8s.io", NULL,
			  "pumps.example.com");
}

/* A webhook that does not answer would make every pump unreadable: that goes back. */
static void a_conversion_alone_is_restored(void **state)
{
	static const struct {
		const char *first, *then, *strategy;
		bool back;
	} rows[] = {
		{ "v1 v2", "v1 v2", "Webhook", true },
		{ "v1 v2", "v1 v2 v3", "Webhook", false },
		{ "v1 v2", "v1- v2", "None", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *strategy;
		struct engsim x;

		scene_init(&x, 830 + i);
		scene_put_pumps(&x, rows[i].first, "None");
		scene_put_pump(&x, "v2", "1");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_put_pumps(&x, rows[i].then, rows[i].strategy);
		scene_put(&x, "bad2");
		assert_back(&x);
		strategy = doc_get_str(pumps(&x), "spec", "conversion", "strategy", NULL);
		assert_string_equal(strategy, rows[i].back ? "None" : rows[i].strategy);
		assert_int_equal(sim_log_contains(x.s, "how its versions are converted"),
				 rows[i].back);
		assert_int_equal(json_array_size(doc_get(pumps(&x), "spec", "versions", NULL)),
				 i == 1 ? 3 : 2);
		scene_end(&x, true);
	}
}

/* The pump of the good release cannot be written any more: a person has to look. */
static void a_version_that_is_gone_blocks(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 840);
	scene_put_pumps(&x, "v1", "None");
	scene_put_pump(&x, "v1", "1");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put_pumps(&x, "v1- v2", "None");
	scene_put_pump(&x, "v2", "2");
	scene_put(&x, "crash2");	/* a pull would be tried once more */
	engsim_until_phase(&x, "shop", "RevertBlocked", LONG);
	scene_assert_condition(&x, "shop", "SyncError", "example.com/v1 of kind Pump is no "
			       "longer served, and a revert puts no CRD back");
	assert_true(scene_has_event(&x, "RevertFailed", "is no longer served"));
	/* Somebody serves it again: it goes on by itself. */
	apisim_edit(x.api, "kubectl-edit", "customresourcedefinitions.apiextensions.k8s.io",
		    NULL, "pumps.example.com", "{\"spec\":{\"versions\":[{\"name\":\"v1\","
		    "\"served\":true,\"storage\":false,\"schema\":{\"openAPIV3Schema\":{"
		    "\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}},{"
		    "\"name\":\"v2\",\"served\":true,\"storage\":true,\"schema\":{"
		    "\"openAPIV3Schema\":{\"type\":\"object\","
		    "\"x-kubernetes-preserve-unknown-fields\":true}}}]}}");
	engsim_until_phase(&x, "shop", "Pinned", 1000000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(doc_get_str(apisim_get(x.api, "pumps.example.com", "shop", "one"),
					"spec", "size", NULL), "1");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(webhook_of_the_bad_release_goes_first),
		cmocka_unit_test(quota_that_was_changed_is_restored_first),
		cmocka_unit_test(blocker_that_stays_is_said),
		cmocka_unit_test(pods_that_a_stateful_set_waits_for_go),
		cmocka_unit_test(a_crd_is_never_downgraded),
		cmocka_unit_test(a_conversion_alone_is_restored),
		cmocka_unit_test(a_version_that_is_gone_blocks),
		cmocka_unit_test(the_way_back_survives_crashes),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
