/*
 * AppProjects with signatureKeys: what is signed by a listed key goes out, everything else
 * stays in Git and says why; what runs stays, is healed, and can be gone back to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"
#include "signscene.h"
#include "simworkers.h"
#include "sync/engine_priv.h"

#define VALUES "http://git.sim/values"

/* One that asks for no signatures, and takes no objects of that group. */
static void put_loose(struct engsim *x, const char *group)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
		"\"kind\":\"AppProject\",\"metadata\":{\"name\":\"loose\",\"namespace\":"
		"\"argocd\"},\"spec\":{\"sourceRepos\":[\"*\"],\"destinations\":[{"
		"\"server\":\"*\",\"namespace\":\"*\"}],\"namespaceResourceBlacklist\":[{"
		"\"group\":\"%s\",\"kind\":\"*\"}]}}", group);

	apisim_apply(x->api, text);
}

/* What must be before a first release goes out, and what lets it. */
static void who_signed_decides(void **state)
{
	static const struct {
		const char *signature, *listed, *ring;	/* ring NULL: no ConfigMap */
		const char *words;	/* NULL: it goes out */
	} cases[] = {
		{ ADA, LISTED(ADA), ADA, NULL },
		{ ADA, LISTED("783cbcb573cae457"), ADA " " BOB, NULL },
		{ ADA, LISTED("0123456789abcdef01234567783cbcb573cae457"), ADA, NULL },
		{ ADA, LISTED("0000000000000000000000" "00" ADA), ADA, "is signed by key "
		  SIM_FPRINT ADA ", which AppProject team does not list" },
		{ NULL, LISTED(ADA), ADA, " is not signed, and AppProject team asks" },
		{ NULL, "[]", ADA, NULL },
		{ BOB, LISTED(ADA), ADA " " BOB, "is signed by key " BOB ", which AppProject "
		  "team does not list" },
		{ ADA, LISTED(ADA), BOB, "is not in ConfigMap argocd-gpg-keys-cm of "
		  "namespace argocd" },
		{ ADA, LISTED(ADA), NULL, "is not in ConfigMap argocd-gpg-keys-cm (there is "
		  "none in namespace argocd)" },
		{ ADA " bad", LISTED(ADA), ADA, "has a bad signature in the name of key " ADA },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		signs_init(&x, 2300 + i, cases[i].listed, cases[i].ring);
		signs_as(&x, cases[i].signature);
		engsim_start(&x);
		if (cases[i].words) {
			signs_until_held(&x, cases[i].words);
			assert_int_equal(signs_writes(&x, 0), 0);
			signs_list_keys(&x, LISTED(ADA));
			signs_put_ring(&x, "argocd", ADA);
			signs_as(&x, ADA);
		}
		scene_until(&x, signs_free, LONG, "the release");
		assert_string_equal(scene_tag(&x), "v1");
		scene_end(&x, true);
	}
}

/* An unsigned commit changes nothing, and the next signed one goes out. */
static void what_runs_stays_and_heals(void **state)
{
	struct engsim x;

	(void)state;
	signs_good(&x, 2320);
	signs_as(&x, NULL);
	scene_put(&x, "v2");
	signs_until_held(&x, "is not signed");
	assert_string_equal(scene_tag(&x), "v1");
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", LONG);
	engsim_crash(&x);
	engsim_start(&x);
	signs_until_held(&x, "is not signed");
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v1", LONG);
	signs_as(&x, ADA);
	scene_until_tag(&x, "v2", LONG);
	scene_until(&x, signs_free, LONG, "the release");
	scene_end(&x, true);
}

/* The keys may change at any time, in the project and in both ConfigMaps. */
static void keys_come_and_go(void **state)
{
	struct engsim x;

	(void)state;
	signs_good(&x, 2321);
	signs_as(&x, BOB);
	scene_put(&x, "v2");
	signs_until_held(&x, "does not list");
	signs_list_keys(&x, "[{\"keyID\":\"" ADA "\"},{\"keyID\":\"" BOB "\"}]");
	sim_run_for(x.s, 10000);
	scene_assert_condition(&x, "shop", "ComparisonError", "is not in ConfigMap");
	signs_put_ring(&x, "syncd-system", BOB);
	scene_until_tag(&x, "v2", LONG);
	scene_until(&x, signs_free, LONG, "the release");
	signs_put_ring(&x, "syncd-system", "");
	signs_until_held(&x, "of namespace argocd and syncd-system: add it there");
	assert_string_equal(scene_tag(&x), "v2");
	apisim_delete(x.api, "configmaps", "argocd", "argocd-gpg-keys-cm");
	signs_as(&x, ADA);
	scene_put(&x, "v3");
	signs_until_held(&x, "is not in ConfigMap");
	signs_put_ring(&x, "argocd", ADA);
	scene_until_tag(&x, "v3", LONG);
	scene_end(&x, true);
}

/* Requests so far that read the keys. */
static size_t key_reads(struct engsim *x)
{
	size_t n = 0;

	for (size_t i = 0; i < sim_request_count(x->s); i++)
		n += strstr(sim_request(x->s, i)->query, "argocd-gpg-keys-cm") != NULL;
	return n;
}

/* While nobody asks for signatures no key is read. */
static void nothing_is_read_for_nobody(void **state)
{
	struct engsim x;

	(void)state;
	signs_init(&x, 2322, "[]", ADA);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(key_reads(&x), 0);
	signs_as(&x, NULL);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	signs_list_keys(&x, LISTED(ADA));
	signs_until_held(&x, "is not signed");
	assert_int_equal(key_reads(&x), 2);
	scene_drift(&x, "v9");
	scene_until_tag(&x, "v2", LONG);
	signs_list_keys(&x, "[]");
	scene_until(&x, signs_free, LONG, "peace");
	scene_end(&x, true);
}

/* What was found good by a key that is struck out at that moment is asked for: no. */
static void an_old_verdict_lets_nothing_out(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct engsim x;

		signs_good(&x, 2330 + seed);
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
		sim_run_for(x.s, 5000);
		scene_put(&x, "v2");
		sim_run_for(x.s, 30000);
		assert_string_equal(scene_tag(&x), "v1");
		signs_list_keys(&x, LISTED(BOB));
		if (seed % 2)
			sim_run_for(x.s, seed);
		ask_sync(&x, "\"prune\":true");
		sim_run_for(x.s, 30000);
		/* In time, or not any more: but never after the strike was seen. */
		if (!strcmp(scene_tag(&x), "v1"))
			assert_string_equal(ask_op(&x, "phase"), "Failed");
		scene_assert_condition(&x, "shop", "ComparisonError", "does not list");
		signs_list_keys(&x, LISTED(ADA));
		sim_run_for(x.s, 10000);
		ask_sync(&x, "\"prune\":true");
		scene_until_tag(&x, "v2", LONG);
		scene_end(&x, true);
	}
}

/*
 * The same, with nobody to ask: what was held goes by itself at the moment that its key is
 * struck out. Whichever is seen first, the head that was found good before is none.
 */
static void a_struck_key_holds_what_was_held(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct engsim x;

		signs_good(&x, 2400 + seed);
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
		sim_run_for(x.s, 5000);
		scene_put(&x, "v2");
		sim_run_for(x.s, 30000);
		signs_list_keys(&x, LISTED(BOB));
		sim_run_for(x.s, 10 + seed);
		scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":{}}}}");
		sim_run_for(x.s, 30000);
		assert_string_equal(scene_tag(&x), "v1");
		scene_assert_condition(&x, "shop", "ComparisonError", "does not list");
		scene_end(&x, true);
	}
}

/*
 * What went out unsigned by another project's rules is not put out by those of one that
 * asks: it is not tried again, healed or gone back to, until Git says it signed.
 */
static void what_another_project_took_stays_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct engsim x;
		size_t from;

		signs_init(&x, 2350 + i, LISTED(ADA), ADA);
		put_loose(&x, i ? "none.example.com" : "apps");
		signs_as(&x, NULL);
		scene_edit_app(&x, "{\"spec\":{\"project\":\"loose\"}}");
		engsim_start(&x);
		if (i)
			engsim_until_phase(&x, "shop", "Good", LONG);
		else
			sim_run_for(x.s, 20000);
		from = sim_request_count(x.s);
		scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
		sim_run_for(x.s, 2000);
		if (i)
			scene_drift(&x, "v9");
		if (i == 2)
			ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=1\"]");
		sim_run_for(x.s, 120000);
		assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/"), 0);
		scene_assert_condition(&x, "shop", "ComparisonError", "is not signed");
		assert_non_null(strstr(doc_get_str(engsim_status(&x, "shop"), "syncd",
						   "message", NULL), "of project loose"));
		signs_as(&x, ADA);
		scene_put(&x, "v1");	/* the same objects */
		scene_until_tag(&x, "v1", 2 * LONG);
		scene_until(&x, signs_free, LONG, "peace");
		scene_drift(&x, "v9");
		scene_until_tag(&x, "v1", LONG);
		scene_end(&x, true);
	}
}

static bool is_applying(void *arg)
{
	return engsim_in_phase(arg, "shop", "Applying");
}

/*
 * The same while it goes out: what was sent is awaited, over looks at which the words that
 * called it off are found anew, and those are what the operation ends with.
 */
static void what_another_project_took_is_called_off(void **state)
{
	static const struct sim_faults slow = { .slow = 1000 };
	struct engsim x;

	(void)state;
	signs_init(&x, 2356, LISTED(ADA), ADA);
	put_loose(&x, "none.example.com");
	signs_as(&x, NULL);
	scene_edit_app(&x, "{\"spec\":{\"project\":\"loose\"}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put(&x, "v2");
	sim_aim_faults(x.s, "PATCH", "/deployments/web");
	sim_set_faults(x.s, &slow, 0);
	scene_until(&x, is_applying, LONG, "the wave");
	scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
	for (int i = 0; i < 8; i++) {
		sim_run_for(x.s, 50);
		scene_edit_app(&x, i % 2 ? "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}" :
					   "{\"metadata\":{\"labels\":{\"a\":\"c\"}}}");
	}
	sim_set_faults(x.s, &(struct sim_faults){ 0 }, 0);
	sim_run_for(x.s, MINUTES);
	assert_non_null(strstr(ask_op(&x, "message"), "of project loose"));
	scene_end(&x, true);
}

/* Nothing comes from a source that is only a ref, and its commit is signed all the same. */
static void a_ref_is_signed_too(void **state)
{
	struct engsim x;

	(void)state;
	signs_init(&x, 2390, "[]", ADA);
	sim_git_commit(x.s, VALUES, "main", "values.yaml", "a: b");
	scene_edit_app(&x, "{\"spec\":{\"sources\":[{\"repoURL\":\"" REPO "\",\"path\":\"app\","
		       "\"targetRevision\":\"main\"},{\"repoURL\":\"" VALUES "\","
		       "\"ref\":\"values\"}]}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	signs_list_keys(&x, LISTED(ADA));	/* it is fetched from now on */
	signs_until_held(&x, "spec.sources[1]: commit ");
	scene_assert_condition(&x, "shop", "ComparisonError", " is not signed, and AppProject");
	scene_put(&x, "v2");
	signs_until_held(&x, "spec.sources[1]: commit ");
	assert_string_equal(scene_tag(&x), "v1");
	sim_git_commit(x.s, VALUES, "main", SIM_SIGNATURE, ADA);
	scene_until_tag(&x, "v2", LONG);
	scene_until(&x, signs_free, LONG, "the release");
	signs_as(&x, NULL);
	scene_put(&x, "v3");
	signs_until_held(&x, "spec.sources[0]: commit ");
	signs_list_keys(&x, "[]");
	scene_until_tag(&x, "v3", LONG);
	sim_git_commit(x.s, VALUES, "main", SIM_SIGNATURE, NULL);
	scene_until(&x, signs_free, LONG, "peace");
	scene_end(&x, true);
}

static bool goes_back(void *arg)
{
	struct engsim *x = arg;
	struct app *a, *next;

	HASH_ITER(hh, x->engine->apps, a, next)
		if (a->rec.phase == PHASE_REVERTING)
			return true;
	return false;
}

/* Nor do hooks of it run where what is put back is this project's own. */
static void what_failed_elsewhere_brings_no_hooks(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 2; seed++) {
		struct engsim x;
		size_t from;

		signs_good(&x, 2356 + seed);
		put_loose(&x, "none.example.com");
		scene_edit_app(&x, "{\"spec\":{\"project\":\"loose\"}}");
		signs_as(&x, NULL);
		hooks_put(&x, "undo", "PreRevert", "1", "");
		scene_put(&x, "crash2");
		scene_until_tag(&x, "crash2", LONG);
		scene_until(&x, goes_back, LONG, "the revert");
		sim_run_for(x.s, 10);	/* it is recorded */
		engsim_crash(&x);
		from = sim_request_count(x.s);
		if (seed)	/* alone it does run */
			scene_edit_app(&x, "{\"spec\":{\"project\":\"team\"}}");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Pinned", LONG);
		assert_string_equal(scene_tag(&x), "v1");
		assert_int_equal(sim_count(x.s, from, "PATCH", "/jobs/undo") > 0, !seed);
		scene_end(&x, false);
	}
}

/* The way back was verified when it went out. */
static void the_way_back_is_open(void **state)
{
	struct engsim x;

	(void)state;
	signs_good(&x, 2360);
	scene_put(&x, "crash2");
	scene_until_tag(&x, "crash2", LONG);
	signs_list_keys(&x, LISTED(BOB));
	apisim_delete(x.api, "configmaps", "argocd", "argocd-gpg-keys-cm");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	scene_assert_condition(&x, "shop", "ComparisonError", "does not list");
	signs_list_keys(&x, LISTED(ADA));
	signs_put_ring(&x, "argocd", ADA);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	signs_list_keys(&x, LISTED(BOB));
	signs_until_held(&x, "does not list");
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=1\"]");
	scene_until_tag(&x, "v1", LONG);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_end(&x, true);
}

static bool deny_maps(void *arg, const char *user, const char *verb, const char *resource,
		      const char *ns)
{
	(void)arg;
	(void)user;
	(void)verb;
	return !strcmp(resource, "configmaps") && ns && !strcmp(ns, "argocd");
}

/* Keys that may not be read are no keys. */
static void what_may_not_be_read_is_said(void **state)
{
	struct engsim x;

	(void)state;
	signs_init(&x, 2370, LISTED(ADA), ADA);
	apisim_set_authz(x.api, deny_maps, NULL);
	engsim_start(&x);
	signs_until_held(&x, "(that of argocd cannot be read: ");
	assert_int_equal(signs_writes(&x, 0), 0);
	apisim_set_authz(x.api, NULL, NULL);
	scene_until(&x, signs_free, LONG, "the release");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_signed_decides),
		cmocka_unit_test(what_runs_stays_and_heals),
		cmocka_unit_test(keys_come_and_go),
		cmocka_unit_test(nothing_is_read_for_nobody),
		cmocka_unit_test(an_old_verdict_lets_nothing_out),
		cmocka_unit_test(a_struck_key_holds_what_was_held),
		cmocka_unit_test(what_another_project_took_stays_there),
		cmocka_unit_test(what_another_project_took_is_called_off),
		cmocka_unit_test(a_ref_is_signed_too),
		cmocka_unit_test(what_failed_elsewhere_brings_no_hooks),
		cmocka_unit_test(the_way_back_is_open),
		cmocka_unit_test(what_may_not_be_read_is_said),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
