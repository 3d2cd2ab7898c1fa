/* What people are told of their mistakes: the condition, the Event, the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)

/* How many Events of this reason there are. */
static size_t events_of(struct engsim *x, const char *reason)
{
	const json_t *o;
	size_t n = 0;

	for (size_t i = 0; (o = apisim_nth(x->api, "events.events.k8s.io", "argocd", "", i)); i++)
		n += !strcmp(doc_get_str(o, "reason", NULL), reason);
	return n;
}

static void an_object_without_a_namespace_is_named(void **state)
{
	static const char words[] = "Deployment/web (app.yaml:2): it names no namespace and "
		"neither does the Application: write spec.destination.namespace";
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 1);
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":null}}}");
	engsim_start(&x);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 20000);
	scene_assert_condition(&x, "shop", "SyncError", words);
	assert_true(scene_has_event(&x, "SyncError", words));
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":\"shop\"}}}");
	engsim_until_phase(&x, "shop", "Good", 10 * MINUTE);
	scene_end(&x, true);
}

/* kubectl describe tells what the condition tells, once while it stays the same. */
static void errors_are_events_too(void **state)
{
	static const struct { const char *patch, *type, *words; } cases[] = {
		{ "{\"spec\":{\"source\":{\"path\":\"nowhere\"}}}", "ComparisonError",
		  "source.path 'nowhere'" },
		{ "{\"spec\":{\"source\":{\"targetRevision\":\"none\"}}}", "ComparisonError",
		  "no branch or tag \"none\"" },
		{ "{\"spec\":{\"project\":\"nobody\"}}", "InvalidSpecError",
		  "there is no AppProject nobody" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		scene_good(&x, 10 + i);
		scene_edit_app(&x, cases[i].patch);
		sim_run_for(x.s, 10 * MINUTE);
		scene_assert_condition(&x, "shop", cases[i].type, cases[i].words);
		assert_true(scene_has_event(&x, cases[i].type, cases[i].words));
		assert_int_equal(events_of(&x, cases[i].type), 1);
		scene_end(&x, true);
	}
}

/* What goes wrong in ever new ways leaves room for what matters more. */
static void errors_are_not_told_for_ever(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 20);
	for (int i = 0; i < 20; i++) {
		_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"source\":{\"path\":"
						       "\"nowhere%d\"}}}", i);

		scene_edit_app(&x, patch);
		sim_run_for(x.s, 5000);
	}
	assert_int_equal(events_of(&x, "ComparisonError"), 6);
	sim_run_for(x.s, HOUR);
	scene_edit_app(&x, "{\"spec\":{\"source\":{\"path\":\"later\"}}}");
	sim_run_for(x.s, 5000);
	assert_true(scene_has_event(&x, "ComparisonError", "'later'"));
	scene_end(&x, true);
}

/* Of a rejection there is its own Event: not the same words twice. */
static void a_rejection_is_told_once(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 30);
	scene_put(&x, "bad-2");
	engsim_until_phase(&x, "shop", "Pinned", 30 * MINUTE);
	assert_int_equal(events_of(&x, "Rejected"), 1);
	assert_int_equal(events_of(&x, "Reverted"), 1);
	assert_int_equal(events_of(&x, "SyncError"), 0);
	scene_end(&x, true);
}

/* Who asks for a sync of what cannot be is told what is wrong, not that something is. */
static void a_request_is_answered_with_the_reason(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 40);
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"server\":\"https://other\"}}}");
	ask_sync(&x, "\"prune\":true");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "spec.destination.server: other clusters "
			       "are not supported"));
	scene_end(&x, true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_without_a_namespace_is_named),
		cmocka_unit_test(errors_are_events_too),
		cmocka_unit_test(errors_are_not_told_for_ever),
		cmocka_unit_test(a_rejection_is_told_once),
		cmocka_unit_test(a_request_is_answered_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
