/*
 * Approvals and overrides: what people let out past a shut gate, and what does not
 * count because anybody could have written it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"

#define FILE_PATH "infra/deploy-control.yaml"
#define ENV(prod) "environments: {prod: {" prod "}}\n"
#define MANUAL ENV("require_manual_approval: true")
#define SYNCD "system:serviceaccount:syncd-system:syncd"
#define OVERRIDE(more) "\"syncOptions\":[\"syncd.dev/override=fire\"" more "]"
#define OTHER "http://git.sim/other"
#define NIGHT "deployment_windows: {allowed_hours: \"00:20-00:30\"}"

static void control(struct engsim *x, const char *text)
{
	sim_git_commit(x->s, REPO, "main", FILE_PATH, text);
}

/* What manifests/approval makes the API server do, as far as syncd sees it. */
static bool policy(void *arg, const char *op, const json_t *object, char message[256])
{
	const char *by = doc_get_str(object, "metadata", "annotations",
				     "syncd.dev/approved-by", NULL);

	(void)arg;
	(void)op;
	if (!by || strcmp(by, "syncd.dev:nobody"))
		return false;
	snprintf(message, 256, "ValidatingAdmissionPolicy 'syncd-approval' with binding "
		 "'syncd-approval' denied request: syncd.dev/approved-by must be " SYNCD
		 ", who writes the approval");
	return true;
}

static const char *gates(struct engsim *x, const char *key)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "syncd", "gates", key, NULL);

	return s ? s : "";
}

/* Git's newest is rendered and shown. */
static bool has_digest(void *arg)
{
	struct engsim *x = arg;
	const char *head = gitsim_ref(sim_git(x->s), REPO, "main");

	return *gates(x, "digest") && !strncmp(gates(x, "commit"), head, strlen(head));
}

/* Release #1 is good, and v2 waits behind a gate. */
static void waiting_scene(struct engsim *x, uint64_t seed, const char *text)
{
	scene_init(x, seed);
	control(x, ENV(""));
	apisim_set_admission(x->api, policy, NULL);
	ask_annotate(x, "syncd.dev/deploy-control", "\"" FILE_PATH "\"");
	ask_annotate(x, "syncd.dev/environment", "\"prod\"");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	control(x, text);
	scene_put(x, "v2");
	scene_until(x, has_digest, LONG, "what waits");
	assert_string_equal(scene_tag(x), "v1");
}

static const char *approval_state(struct engsim *x)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "syncd", "gates", "approval",
				    "state", NULL);

	return s ? s : "";
}

/* until is JSON. */
static void approve_as(struct engsim *x, const char *by, const char *digest,
		       const char *commits, const char *until)
{
	_cleanup_free_ char *patch = xasprintf("{\"metadata\":{\"annotations\":{"
		"\"syncd.dev/approved\":\"%s\",\"syncd.dev/approved-revision\":\"%s\","
		"\"syncd.dev/approved-by\":\"%s\",\"syncd.dev/approved-until\":%s,"
		"\"syncd.dev/approved-reason\":\"seen in dev\"}}}", digest, commits, by, until);

	scene_edit_app(x, patch);
}

static void approve(struct engsim *x, const char *until)
{
	approve_as(x, "ada", gates(x, "digest"), gates(x, "commit"), until);
}

static const char *newest(struct engsim *x, const char *key)
{
	const json_t *r = json_array_get(doc_get(engsim_status(x, "shop"), "syncd",
						 "releases", NULL), 0);
	const char *s = doc_get_str(r, key, NULL);

	return s ? s : "";
}

static void an_approval_lets_out_one_release(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 950, MANUAL);
	approve(&x, "null");
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, MINUTES);
	assert_string_equal(newest(&x, "approvedBy"), "ada");
	assert_string_equal(newest(&x, "approvedReason"), "seen in dev");
	assert_true(scene_has_event(&x, "Approved", "approved by ada: seen in dev"));
	scene_put(&x, "v3");		/* it is void for the next */
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

static void an_approval_is_over_at_its_time(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 951, ENV("require_manual_approval: true, " NIGHT));
	approve(&x, "\"2026-01-01T00:10:00Z\"");
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "syncd", "gates",
					"approval", "state", NULL), "approved");
	sim_run_for(x.s, 10 * MINUTES);
	scene_assert_condition(&x, "shop", "ApprovalWarning", "was over at 2026-01-01T00:10");
	sim_run_for(x.s, 12 * MINUTES);	/* the window came and went */
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

static void what_anybody_could_write_is_void(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 952, MANUAL);
	apisim_set_admission(x.api, NULL, NULL);	/* no policy */
	approve(&x, "null");
	sim_run_for(x.s, 3 * MINUTES);
	scene_assert_condition(&x, "shop", "ApprovalWarning", "manifests/approval");
	apisim_set_admission(x.api, policy, NULL);	/* too late for that one */
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	scene_assert_condition(&x, "shop", "ApprovalWarning", "approve again");
	ask_annotate(&x, "syncd.dev/approved-reason", "\"again\"");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

/* Of what Git says syncd is the writer: it would approve itself. */
static void nobody_approves_as_syncd(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 954, MANUAL);
	approve_as(&x, SYNCD, gates(&x, "digest"), gates(&x, "commit"), "null");
	sim_run_for(x.s, 3 * MINUTES);
	scene_assert_condition(&x, "shop", "ApprovalWarning", SYNCD " is who syncd writes as");
	assert_string_equal(scene_tag(&x), "v1");
	ask_sync_by(&x, SYNCD, OVERRIDE(""));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "does not count in the name of " SYNCD));
	assert_string_equal(scene_tag(&x), "v1");
	approve(&x, "null");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

static void approval_and_window_must_both_be_open(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 953, ENV("require_manual_approval: true, " NIGHT));
	approve(&x, "null");
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(scene_tag(&x), "v1");
	assert_non_null(strstr(ask_syncd(&x, "message"), "deployment window"));
	assert_null(strstr(ask_syncd(&x, "message"), "waits for approval"));
	scene_until_tag(&x, "v2", 20 * MINUTES);
	assert_true(sim_now(x.s) >= 20 * MINUTES);
	scene_end(&x, true);
}

/* Where and how is approved with it: another namespace, or looser options, are not. */
static void other_options_are_not_approved(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 955, ENV("require_manual_approval: true, " NIGHT));
	approve(&x, "null");
	sim_run_for(x.s, MINUTES);
	assert_string_equal(approval_state(&x), "approved");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"syncOptions\":[\"Validate=false\"]}}}");
	sim_run_for(x.s, 25 * MINUTES);	/* the window came and went */
	assert_string_equal(approval_state(&x), "other");
	assert_string_equal(scene_tag(&x), "v1");
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"syncOptions\":null}}}");
	sim_run_for(x.s, MINUTES);
	assert_string_equal(approval_state(&x), "approved");
	scene_end(&x, true);
}

/* A forged status showed the digest of other options beside the commit of now. */
/* Nor those that whoever asks for the sync brings along. */
static void options_of_the_sync_are_not_approved(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 965, MANUAL);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null,\"syncOptions\":"
		       "[\"PruneLast=true\"]}}}");
	sim_run_for(x.s, 30000);
	approve(&x, "null");
	sim_run_for(x.s, 30000);
	assert_string_equal(approval_state(&x), "approved");
	ask_sync(&x, "\"dryRun\":true,\"syncOptions\":[\"Replace=true\"]");
	ask_until_ended(&x, "Succeeded");
	ask_sync_by(&x, "bob", "\"syncOptions\":[\"Replace=true\"]");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "sync options"));
	assert_string_equal(scene_tag(&x), "v1");
	ask_sync_by(&x, "bob", "\"syncStrategy\":{\"apply\":{\"force\":true}}");
	ask_until_ended(&x, "Failed");
	assert_string_equal(scene_tag(&x), "v1");
	ask_sync_by(&x, "bob", "\"syncOptions\":[\"PruneLast=true\"]");
	ask_until_ended(&x, "Succeeded");	/* tools repeat the Application's */
	assert_string_equal(scene_tag(&x), "v2");
	scene_put(&x, "v3");
	scene_until(&x, has_digest, LONG, "what waits");
	sim_run_for(x.s, MINUTES);
	approve(&x, "null");
	sim_run_for(x.s, 30000);
	ask_sync(&x, OVERRIDE(",\"Replace=true\""));
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(scene_tag(&x), "v3");
	assert_true(scene_has_event(&x, "GateOverridden", "approval: fire"));
	scene_end(&x, true);
}

static void a_wrong_digest_never_counts(void **state)
{
	static const char loose[] = "{\"spec\":{\"syncPolicy\":{\"syncOptions\":"
				    "[\"Validate=false\"]}}}";
	_cleanup_free_ char *forged = NULL;
	struct engsim x;

	(void)state;
	waiting_scene(&x, 956, MANUAL);
	scene_edit_app(&x, loose);
	sim_run_for(x.s, MINUTES);
	forged = xstrdup(gates(&x, "digest"));
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"syncOptions\":null}}}");
	sim_run_for(x.s, MINUTES);
	assert_string_not_equal(gates(&x, "digest"), forged);
	approve_as(&x, "ada", forged, gates(&x, "commit"), "null");
	sim_run_for(x.s, MINUTES);
	scene_assert_condition(&x, "shop", "ApprovalWarning", "another release than Git's");
	scene_edit_app(&x, loose);
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(gates(&x, "digest"), forged);
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(approval_state(&x), "distrusted");
	approve(&x, "\"2026-01-01T01:00:00Z\"");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

/* Each source's commit is named, and none of them may be another one. */
static void of_several_sources_all_are_approved(void **state)
{
	struct engsim x;
	char *commits;

	(void)state;
	scene_init(&x, 957);
	sim_git_commit(x.s, OTHER, "main", "conf/c.yaml", "apiVersion: v1\nkind: ConfigMap\n"
		       "metadata: {name: conf}\n");
	control(&x, MANUAL);
	apisim_set_admission(x.api, policy, NULL);
	ask_annotate(&x, "syncd.dev/deploy-control", "\"" FILE_PATH "\"");
	ask_annotate(&x, "syncd.dev/environment", "\"prod\"");
	scene_edit_app(&x, "{\"spec\":{\"sources\":[{\"repoURL\":\"" REPO "\",\"path\":\"app\"},"
		       "{\"repoURL\":\"" OTHER "\",\"path\":\"conf\"}]}}");
	engsim_start(&x);
	scene_until(&x, has_digest, LONG, "what waits");
	commits = xasprintf("%s %s", gitsim_ref(sim_git(x.s), REPO, "main"),
			    gitsim_ref(sim_git(x.s), OTHER, "main"));
	assert_string_equal(gates(&x, "commit"), commits);
	approve_as(&x, "ada", gates(&x, "digest"), gitsim_ref(sim_git(x.s), REPO, "main"),
		   "null");
	sim_run_for(x.s, 3 * MINUTES);
	assert_string_equal(approval_state(&x), "bad");
	assert_string_equal(scene_tag(&x), "");
	approve_as(&x, "ada", gates(&x, "digest"), commits, "null");
	scene_until_tag(&x, "v1", LONG);
	free(commits);
	scene_end(&x, true);
}

/* ---- overrides ---- */

static void an_override_passes_one_gate_once(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 960, ENV(NIGHT));
	ask_sync(&x, OVERRIDE(""));
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, MINUTES);
	assert_string_equal(newest(&x, "overridden"), "window: fire");
	assert_true(scene_has_event(&x, "GateOverridden", "window: fire"));
	scene_put(&x, "v3");
	sim_run_for(x.s, 5 * MINUTES);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

/* Chosen objects pass the gate as well: who let them is kept and told. */
static void an_override_of_chosen_objects_is_told(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 964, ENV(NIGHT));
	ask_sync(&x, OVERRIDE("") ",\"resources\":[{\"group\":\"apps\",\"kind\":"
		 "\"Deployment\",\"name\":\"web\"}]");
	scene_until_tag(&x, "v2", LONG);
	ask_until_ended(&x, "Succeeded");
	assert_true(scene_has_event(&x, "GateOverridden", "ada passes a shut gate"));
	assert_true(scene_has_event(&x, "GateOverridden", "window: fire"));
	scene_end(&x, true);
}

static const char *state_of(struct engsim *x, uint32_t id)
{
	const json_t *list = doc_get(engsim_status(x, "shop"), "syncd", "releases", NULL), *r;
	size_t i;

	json_array_foreach(list, i, r)
		if (doc_get_int(r, 0, "id", NULL) == id)
			return doc_get_str(r, "state", NULL);
	return "";
}

static bool second_is_rejected(void *x)
{
	return !strcmp(state_of(x, 2), "rejected");
}

#define LATE "deployment_windows: {allowed_hours: \"23:00-23:30\"}"
#define BACK(id) "\"syncOptions\":[\"syncd.dev/release=" id "\"]"

/* What a gate let out once is not let out again as a rollback; what was good is. */
static void a_rollback_to_what_never_was_good_asks_the_gates(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 963, ENV(LATE));
	scene_put(&x, "crash-2");
	scene_until(&x, has_digest, LONG, "what waits");
	ask_sync(&x, OVERRIDE(""));
	scene_until(&x, second_is_rejected, 15 * MINUTES, "the rejection");
	engsim_until_phase(&x, "shop", "Pinned", 10 * MINUTES);
	sim_run_for(x.s, MINUTES);
	ask_sync(&x, BACK("2"));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "release #2 was never good"));
	assert_non_null(strstr(ask_op(&x, "message"), "deployment window"));
	assert_string_equal(scene_tag(&x), "v1");
	ask_sync(&x, BACK("1"));
	ask_until_ended(&x, "Succeeded");
	control(&x, ENV(""));
	sim_run_for(x.s, 2 * MINUTES);
	ask_sync(&x, BACK("2"));
	scene_until_tag(&x, "crash-2", LONG);
	scene_end(&x, false);
}

/* That Git's newest is approved says nothing of the one to go back to. */
static void a_rollback_needs_an_approval_of_its_own(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 966, MANUAL);
	scene_put(&x, "crash-2");
	scene_until(&x, has_digest, LONG, "what waits");
	approve(&x, "null");
	scene_until(&x, second_is_rejected, 15 * MINUTES, "the rejection");
	engsim_until_phase(&x, "shop", "Pinned", 10 * MINUTES);
	scene_put(&x, "v3");
	scene_until(&x, has_digest, LONG, "what waits");
	sim_run_for(x.s, MINUTES);
	approve(&x, "null");
	scene_until_tag(&x, "v3", LONG);
	sim_run_for(x.s, MINUTES);
	assert_string_equal(approval_state(&x), "approved");
	ask_sync(&x, BACK("2"));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "release #2 was never good"));
	assert_string_equal(scene_tag(&x), "v3");
	ask_sync(&x, OVERRIDE(",\"syncd.dev/release=2\""));
	scene_until_tag(&x, "crash-2", LONG);
	assert_true(scene_has_event(&x, "GateOverridden", "approval: fire"));
	scene_end(&x, true);
}

static void of_several_gates_it_is_said_which(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 961, ENV("require_manual_approval: true, " NIGHT));
	ask_sync(&x, OVERRIDE(""));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "--gate window,approval"));
	ask_sync(&x, OVERRIDE(",\"syncd.dev/gates=window\""));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "waits for approval"));
	assert_string_equal(scene_tag(&x), "v1");
	ask_sync(&x, OVERRIDE(",\"syncd.dev/gates=window,approval\""));
	scene_until_tag(&x, "v2", LONG);
	ask_sync(&x, OVERRIDE(",\"syncd.dev/gates=door\""));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "\"door\" is no gate"));
	scene_end(&x, true);
}

static void an_override_needs_the_policy(void **state)
{
	struct engsim x;

	(void)state;
	waiting_scene(&x, 962, ENV(NIGHT));
	apisim_set_admission(x.api, NULL, NULL);
	ask_sync(&x, OVERRIDE(""));
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "manifests/approval"));
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_approval_lets_out_one_release),
		cmocka_unit_test(an_approval_is_over_at_its_time),
		cmocka_unit_test(what_anybody_could_write_is_void),
		cmocka_unit_test(nobody_approves_as_syncd),
		cmocka_unit_test(approval_and_window_must_both_be_open),
		cmocka_unit_test(other_options_are_not_approved),
		cmocka_unit_test(options_of_the_sync_are_not_approved),
		cmocka_unit_test(a_wrong_digest_never_counts),
		cmocka_unit_test(of_several_sources_all_are_approved),
		cmocka_unit_test(an_override_passes_one_gate_once),
		cmocka_unit_test(an_override_of_chosen_objects_is_told),
		cmocka_unit_test(a_rollback_to_what_never_was_good_asks_the_gates),
		cmocka_unit_test(a_rollback_needs_an_approval_of_its_own),
		cmocka_unit_test(of_several_gates_it_is_said_which),
		cmocka_unit_test(an_override_needs_the_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
