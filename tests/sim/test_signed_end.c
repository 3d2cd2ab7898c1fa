/*
 * Keys and signatures that end, or are struck out, while syncd runs: from that second on
 * they let nothing out, which is said two weeks ahead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "signscene.h"
#include "sync/engine_priv.h"

/* The keys of that ring end, and what to do is said by itself, without an event of any kind. */
static void until_ended(struct engsim *x, unsigned at_s)
{
	uint64_t at = (uint64_t)at_s * 1000;

	assert_true(sim_now(x->s) < at);
	sim_run_for(x->s, at - sim_now(x->s));
	assert_true(signs_free(x));
	sim_run_for(x->s, 3000);
	scene_assert_condition(x, "shop", "ComparisonError", "is signed by key " ADA
			       ", which has expired");
}

/* What it let out stays and is healed; nothing new goes out, and nobody has to restart. */
static void a_key_that_ends_is_struck_out(void **state)
{
	struct engsim x;

	(void)state;
	signs_init(&x, 2380, LISTED(ADA), ADA "@600 " BOB);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	until_ended(&x, 600);
	assert_string_equal(scene_tag(&x), "v1");
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", LONG);
	scene_put(&x, "v2");
	signs_until_held(&x, "has expired");
	ask_sync(&x, "\"prune\":true");
	sim_run_for(x.s, 30000);
	assert_string_equal(ask_op(&x, "phase"), "Failed");
	engsim_crash(&x);
	engsim_start(&x);
	signs_until_held(&x, "has expired");
	assert_string_equal(scene_tag(&x), "v1");
	signs_put_ring(&x, "argocd", ADA "@4000");	/* the same key, with a later end */
	scene_until_tag(&x, "v2", LONG);
	scene_until(&x, signs_free, LONG, "the release");
	until_ended(&x, 4000);
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=1\"]");	/* the way back */
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	signs_list_keys(&x, "[{\"keyID\":\"" ADA "\"},{\"keyID\":\"" BOB "\"}]");
	signs_put_ring(&x, "argocd", ADA "@4000 " BOB);
	signs_as(&x, BOB);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	scene_until(&x, signs_free, LONG, "the release");
	scene_end(&x, true);
}

/* Two weeks ahead, once, and no longer than it is so. */
static void what_ends_soon_is_said_ahead(void **state)
{
	struct engsim x;

	(void)state;
	signs_init(&x, 2399, LISTED(ADA), ADA "@1211400");	/* two weeks and half an hour */
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_false(scene_condition(&x, "shop", "SignatureExpiryWarning"));
	sim_run_for(x.s, 7200000);
	scene_assert_condition(&x, "shop", "SignatureExpiryWarning", "signed by key " ADA ", and");
	size_t from = sim_request_count(x.s);
	sim_run_for(x.s, 7200000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/applications/shop"), 0);
	signs_put_ring(&x, "argocd", ADA "@1300000");
	sim_run_for(x.s, 30000);
	assert_false(scene_condition(&x, "shop", "SignatureExpiryWarning"));
	scene_end(&x, true);
}

/* What was found good while its key was is asked for, or goes by itself, when it is not. */
static void an_ended_key_holds_what_was_held(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct engsim x;

		signs_init(&x, 2440 + seed, LISTED(ADA), ADA "@600");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
		sim_run_for(x.s, 5000);
		scene_put(&x, "v2");
		sim_run_for(x.s, 601001 + seed - sim_now(x.s));
		if (seed % 2)
			ask_sync(&x, "\"prune\":true");
		else
			scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":{}}}}");
		sim_run_for(x.s, 30000);
		assert_string_equal(scene_tag(&x), "v1");
		if (seed % 2)
			assert_string_equal(ask_op(&x, "phase"), "Failed");
		scene_assert_condition(&x, "shop", "ComparisonError", "has expired");
		scene_end(&x, true);
	}
}

static bool waits_to_try_again(void *arg)
{
	return strstr(ask_op(arg, "message"), "Retrying attempt");
}

/* A sync in trouble is not tried again once its key has ended or was struck out. */
static void what_fails_is_not_tried_again(void **state)
{
	static const struct sim_faults busy = { .http_503 = 1000 };

	(void)state;
	for (int struck = 0; struck < 2; struck++) {
		struct engsim x;
		size_t from;

		signs_init(&x, 2470 + (uint64_t)struck, LISTED(ADA), ADA "@600 " BOB);
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"retry\":{\"limit\":-1,"
			       "\"backoff\":{\"duration\":\"20s\",\"factor\":1}}}}}");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		sim_aim_faults(x.s, "PATCH", "/deployments/web");
		sim_set_faults(x.s, &busy, 0);
		scene_put(&x, "v2");
		scene_until(&x, waits_to_try_again, LONG, "the first failure");
		if (struck)
			signs_list_keys(&x, LISTED(BOB));
		else
			sim_run_for(x.s, 601000 - sim_now(x.s));
		sim_run_for(x.s, 2 * MINUTES);
		sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
		from = sim_request_count(x.s);
		sim_run_for(x.s, 20 * MINUTES);
		assert_int_equal(signs_writes(&x, from), 0);
		assert_string_equal(scene_tag(&x), "v1");
		assert_non_null(strstr(ask_syncd(&x, "message"), "another try"));
		/* The keys of now let it out, or what is newer. */
		signs_list_keys(&x, LISTED(BOB));
		signs_as(&x, BOB);
		if (struck)
			scene_put(&x, "v3");
		scene_until_tag(&x, struck ? "v3" : "v2", LONG);
		scene_until(&x, signs_free, LONG, "the release");
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_ends_is_struck_out),
		cmocka_unit_test(what_ends_soon_is_said_ahead),
		cmocka_unit_test(an_ended_key_holds_what_was_held),
		cmocka_unit_test(what_fails_is_not_tried_again),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
