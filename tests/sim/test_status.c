/*
 * What the Application tells: addresses, and what only syncd knows where the
 * cluster's CRD has no place for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "scenes.h"
#include "sync/statusdoc.h"

#define APPLICATIONS "/namespaces/argocd/applications/"

static void assert_links(struct engsim *x, const char *want)
{
	const json_t *got = doc_get(engsim_status(x, "shop"), "summary",
				    "externalURLs", NULL);
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (got)
		doc_write(got, &text);
	assert_string_equal(buf_str(&text), want);
}

/* As the ingress controller would. */
static void set_address(struct engsim *x, const char *ip)
{
	api_patch_as(x->api, "controller", api_type_named(x->api,
		     "ingresses.networking.k8s.io"), "shop", "gate", "status",
		     json_pack("{s:{s:{s:[{s:s}]}}}", "status", "loadBalancer",
			       "ingress", "ip", ip));
}

/* Adds what is told of sync and was not told last: "Synced OutOfSync ...". */
static void note_sync(struct engsim *x, struct buf *seen)
{
	const char *now = doc_get_str(engsim_status(x, "shop"), "sync", "status", NULL);
	size_t len = now ? strlen(now) : 0;

	if (now && (seen->len < len || strcmp(buf_str(seen) + seen->len - len, now)))
		buf_addf(seen, "%s%s", seen->len ? " " : "", now);
}

static void until_noting(struct engsim *x, const char *phase, struct buf *seen)
{
	for (int i = 0; i < 20000; i++) {
		sim_run_for(x->s, 50);
		note_sync(x, seen);
		if (engsim_in_phase(x, "shop", phase))
			return;
	}
	fail_msg("not %s in time: %s", phase, buf_str(seen));
}

/* Unknown is for what cannot be known: not for what an operation is busy with. */
static void sync_is_known_while_it_works(void **state)
{
	_cleanup_buf_ struct buf seen = BUF_INIT;
	struct engsim x;

	(void)state;
	scene_good(&x, 911);
	sim_run_for(x.s, 5000);
	note_sync(&x, &seen);
	scene_put(&x, "noready2");
	until_noting(&x, "Pinned", &seen);
	sim_run_for(x.s, 5000);
	note_sync(&x, &seen);
	assert_string_equal(buf_str(&seen), "Synced OutOfSync");
	scene_assert_condition(&x, "shop", "SyncError", "until something new is in Git");
	scene_put(&x, "v3");
	until_noting(&x, "Soaking", &seen);
	scene_assert_condition(&x, "shop", "SyncError", "; release #3 is on its way");
	until_noting(&x, "Good", &seen);
	sim_run_for(x.s, 5000);
	note_sync(&x, &seen);
	assert_null(strstr(buf_str(&seen), "Unknown"));
	assert_string_equal(strrchr(buf_str(&seen), ' '), " Synced");
	scene_end(&x, true);
}

static void addresses_are_told_and_followed(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 900);
	engsim_commit(&x, "gate.yaml", "{\"apiVersion\":\"networking.k8s.io/v1\","
		"\"kind\":\"Ingress\",\"metadata\":{\"name\":\"gate\"},\"spec\":{"
		"\"rules\":[{\"http\":{\"paths\":[{\"path\":\"/\"}]}},{\"host\":"
		"\"shop.example\",\"http\":{\"paths\":[{\"path\":\"/a/*\"}]}}]}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Settling", LONG);
	set_address(&x, "192.0.2.7");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_links(&x, "[\"http://192.0.2.7/\",\"http://shop.example/a/\"]");
	set_address(&x, "192.0.2.8");
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{"
		       "\"link.argocd.argoproj.io/wiki\":\"Wiki|https://wiki.example\","
		       "\"link.argocd.argoproj.io/bad\":\"javascript:alert(1)\"}}}");
	sim_run_for(x.s, 5000);
	assert_links(&x, "[\"Wiki|https://wiki.example\",\"http://192.0.2.8/\","
		     "\"http://shop.example/a/\"]");
	scene_end(&x, true);
}

static void a_restart_keeps_what_was_told(void **state)
{
	_cleanup_json_ json_t *before = NULL;
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 905);
	sim_run_for(x.s, 20000);
	before = json_deep_copy(engsim_status(&x, "shop"));
	engsim_crash(&x);
	from = sim_request_count(x.s);
	/* The claim of its namespace is its own, also before it could renew it. */
	sim_aim_faults(x.s, "PUT", "/leases/syncd-claim");
	sim_set_faults(x.s, &(struct sim_faults){ .refuse = 1000 },
		       sim_now(x.s) + 26000);
	engsim_start(&x);
	for (int i = 0; i < 300 && sim_count(x.s, from, "PUT", "/leases/syncd-claim") < 2;
	     i++)
		sim_run_for(x.s, 100);
	scene_edit_app(&x, "{\"metadata\":{\"labels\":{\"seen\":\"again\"}}}");
	sim_run_for(x.s, 57000);
	assert_int_not_equal(sim_count(x.s, from, "PUT", "/leases/syncd-claim"), 0);
	assert_non_null(doc_get(before, "operationState", NULL));
	assert_true(doc_equal(doc_get(before, "operationState", NULL),
			      doc_get(engsim_status(&x, "shop"), "operationState",
				      NULL)));
	assert_int_equal(sim_count(x.s, from, "PATCH", APPLICATIONS), 0);
	scene_end(&x, true);
}

/* One that hangs costs nothing: others go in time. */
static void a_claim_outlives_hung_renewals(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 908);
	sim_run_for(x.s, 20000);
	sim_aim_faults(x.s, "PUT", "/leases/syncd-claim");
	sim_set_faults(x.s, &(struct sim_faults){ .hang = 1000 },
		       sim_now(x.s) + 40000);
	sim_run_for(x.s, 41000);
	scene_put(&x, "v2");	/* while the next renewal is awaited */
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 100000);
	assert_int_not_equal(sim_faults_happened(x.s).hang, 0);
	assert_false(sim_log_contains(x.s, "is lost"));
	scene_end(&x, true);
}

static const char stale[] = "{\"status\":{\"conditions\":[{\"type\":\"ComparisonError\","
	"\"message\":\"no answer in time\"}],\"sync\":{\"status\":\"Unknown\"}}}";

static bool is_stale(struct engsim *x)
{
	const char *sync = doc_get_str(engsim_status(x, "shop"), "sync", "status", NULL);

	return scene_condition(x, "shop", "ComparisonError") || !sync ||
	       strcmp(sync, "Synced") != 0;
}

/* A write of an earlier leader that was late, or a person's: it does not stay. */
static void what_another_wrote_does_not_stay(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct engsim x;
		size_t from;

		scene_good(&x, 9100 + seed);
		sim_run_for(x.s, 20000);
		from = sim_request_count(x.s);
		if (seed % 2) {		/* while one of ours is on its way */
			scene_edit_app(&x, "{\"metadata\":{\"annotations\":{"
				       "\"argocd.argoproj.io/refresh\":\"normal\"}}}");
			while (!sim_count(x.s, from, "PATCH", APPLICATIONS))
				assert_true(sim_step(x.s));
		}
		scene_edit_app(&x, stale);
		assert_true(is_stale(&x));
		sim_run_for(x.s, 5000);
		assert_false(is_stale(&x));
		assert_int_equal(sim_count(x.s, from, "PATCH", APPLICATIONS),
				 1 + seed % 2);
		scene_end(&x, true);
	}
}

/* Who does so all the time is answered now and then, and at the end. */
static void a_fight_over_the_status_is_slow(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 9120);
	sim_run_for(x.s, 20000);
	from = sim_request_count(x.s);
	for (int i = 0; i < 60; i++) {
		scene_edit_app(&x, stale);
		sim_run_for(x.s, 2000);
	}
	assert_in_range(sim_count(x.s, from, "PATCH", APPLICATIONS), 3, 6);
	sim_run_for(x.s, 40000);
	assert_false(is_stale(&x));
	from = sim_request_count(x.s);
	scene_edit_app(&x, "{\"metadata\":{\"labels\":{\"seen\":\"again\"}}}");
	sim_run_for(x.s, 60000);
	assert_int_equal(sim_count(x.s, from, "PATCH", APPLICATIONS), 0);
	scene_end(&x, true);
}

/* Its condition is known at once, all else is not: it was Missing for a second. */
static void a_restart_keeps_what_was_told_of_a_pin(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 906);
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	sim_run_for(x.s, 20000);
	engsim_crash(&x);
	from = sim_request_count(x.s);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_true(engine_leading(x.engine));
	assert_int_equal(sim_count(x.s, from, "PATCH", APPLICATIONS), 0);
	/* What keeps it from being known is told, such as a Git server that is down. */
	engsim_crash(&x);
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	from = sim_request_count(x.s);
	engsim_start(&x);
	sim_run_for(x.s, 120000);
	assert_int_not_equal(sim_count(x.s, from, "PATCH", APPLICATIONS), 0);
	assert_non_null(scene_condition(&x, "shop", "ComparisonError"));
	scene_end(&x, true);
}

/* ---- a CRD that drops what it does not know ---- */

#define VERSION(schema) "{\"spec\":{\"versions\":[{\"name\":\"v1alpha1\",\"served\":" \
	"true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":" \
	"\"object\"," schema "}}}]}}"
#define OPEN "\"x-kubernetes-preserve-unknown-fields\":true"
#define FREE "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}"

static const char closed[] = VERSION("\"properties\":{\"spec\":" FREE ",\"operation\":"
	FREE ",\"status\":{\"type\":\"object\",\"properties\":{\"sync\":" FREE ","
	"\"health\":" FREE ",\"operationState\":" FREE ",\"summary\":" FREE ","
	"\"sourceType\":{\"type\":\"string\"},\"reconciledAt\":{\"type\":\"string\"},"
	"\"conditions\":{\"type\":\"array\",\"items\":" FREE "},"
	"\"resources\":{\"type\":\"array\",\"items\":" FREE "},"
	"\"history\":{\"type\":\"array\",\"items\":" FREE "}}}}");

static void set_crd(struct engsim *x, const char *patch)
{
	apisim_edit(x->api, "kubectl", "customresourcedefinitions.apiextensions.k8s.io",
		    NULL, "applications.argoproj.io", patch);
}

static const char *annotation(struct engsim *x)
{
	return doc_get_str(apisim_get(x->api, "applications.argoproj.io", "argocd",
				      "shop"), "metadata", "annotations",
			   STATUS_MIRROR, NULL);
}

static bool mirror_says(void *arg)
{
	struct engsim *x = arg;
	const char *text = annotation(x), *phase;
	_cleanup_json_ json_t *j = text ? doc_parse(text, strlen(text), NULL) : NULL;

	phase = doc_get_str(j, "phase", NULL);
	return phase && !strcmp(phase, x->want_phase);
}

static void until_mirrored(struct engsim *x, const char *phase)
{
	x->want_phase = phase;
	scene_until(x, mirror_says, LONG, phase);
	assert_null(doc_get(engsim_status(x, "shop"), "syncd", NULL));
	assert_in_range(strlen(annotation(x)), 100, STATUS_MIRROR_MAX);
}

static size_t writes_since(struct engsim *x, size_t from)
{
	return sim_count(x->s, from, "PATCH", APPLICATIONS);
}

/* One write more than where status.syncd is kept, and none at rest. */
static void what_the_crd_drops_is_mirrored(void **state)
{
	struct engsim x;
	size_t usual, from;

	(void)state;
	scene_good(&x, 901);
	sim_run_for(x.s, 5000);
	usual = writes_since(&x, 0);
	assert_null(annotation(&x));
	scene_end(&x, true);

	scene_init(&x, 901);
	set_crd(&x, closed);
	engsim_start(&x);
	until_mirrored(&x, "Good");
	sim_run_for(x.s, 5000);
	assert_in_range(writes_since(&x, 0), 1, usual + 1);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 600000);
	assert_int_equal(writes_since(&x, from), 0);
	scene_put(&x, "crash2");
	until_mirrored(&x, "Pinned");
	assert_non_null(strstr(annotation(&x), "\"rejected\":{"));
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* The next process knows it from the annotation: no write but for its own name. */
static void a_restart_goes_on_mirroring(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 902);
	set_crd(&x, closed);
	engsim_start(&x);
	until_mirrored(&x, "Good");
	sim_run_for(x.s, 20000);
	engsim_crash(&x);
	from = sim_request_count(x.s);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_int_equal(writes_since(&x, from), 1);
	assert_non_null(strstr(annotation(&x), "life-2"));
	scene_end(&x, true);
}

static void another_crd_is_noticed(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 903);
	set_crd(&x, closed);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	until_mirrored(&x, "Good");
	set_crd(&x, VERSION(OPEN));
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 5000);
	assert_null(annotation(&x));
	scene_end(&x, true);
}

/* ---- a kind that may not be listed ---- */

static bool deny_lists(void *arg, const char *user, const char *verb,
		       const char *resource, const char *ns)
{
	(void)user;
	(void)ns;
	return !strcmp(resource, arg) &&
	       (!strcmp(verb, "list") || !strcmp(verb, "watch"));
}

static bool is_named(void *arg)
{
	return scene_condition(arg, "other", "ComparisonError");
}

static void a_kind_that_cannot_be_listed_is_named(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 904);
	apisim_set_authz(x.api, deny_lists, (char[]){ "services" });
	sim_git_commit(x.s, REPO, "main", "other/svc.yaml", "{\"apiVersion\":\"v1\","
		       "\"kind\":\"Service\",\"metadata\":{\"name\":\"s\"},\"spec\":{"
		       "\"ports\":[{\"port\":80}]}}");
	engsim_application(&x, "other", "");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "other",
		    "{\"spec\":{\"source\":{\"path\":\"other\"}}}");
	engsim_start(&x);
	scene_until(&x, is_named, LONG, "the condition");
	scene_assert_condition(&x, "other", "ComparisonError", "Service");
	scene_assert_condition(&x, "other", "ComparisonError", "services is forbidden");
	assert_string_equal(doc_get_str(engsim_status(&x, "other"), "sync", "status",
					NULL), "Unknown");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_null(scene_condition(&x, "shop", "ComparisonError"));
	assert_null(apisim_get(x.api, "services", "shop", "s"));
	apisim_set_authz(x.api, NULL, NULL);
	engsim_until_phase(&x, "other", "Good", LONG);
	assert_null(scene_condition(&x, "other", "ComparisonError"));
	scene_end(&x, true);
}

#define PUMP_CRD "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":" \
	"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"pumps.example.com\"}," \
	"\"spec\":{\"group\":\"example.com\",\"names\":{\"kind\":\"Pump\",\"plural\":" \
	"\"pumps\",\"singular\":\"pump\",\"listKind\":\"PumpList\"},\"scope\":" \
	"\"Namespaced\",\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true," \
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"," \
	"\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"

static bool waits_for_pumps(void *arg)
{
	const char *message = doc_get_str(engsim_status(arg, "shop"), "syncd",
					  "message", NULL);

	return message && strstr(message, "example.com/Pump") &&
	       strstr(message, "forbidden");
}

/* The same of a kind that comes with the release itself. */
static void an_operation_says_which_list_it_waits_for(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 906);
	apisim_set_authz(x.api, deny_lists, (char[]){ "pumps.example.com" });
	engsim_commit(&x, "crd.yaml", PUMP_CRD);
	engsim_commit(&x, "pump.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		      "\"Pump\",\"metadata\":{\"name\":\"p\"}}");
	engsim_start(&x);
	scene_until(&x, waits_for_pumps, 30000, "the operation's words");
	apisim_set_authz(x.api, NULL, NULL);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_non_null(apisim_get(x.api, "pumps.example.com", "shop", "p"));
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sync_is_known_while_it_works),
		cmocka_unit_test(addresses_are_told_and_followed),
		cmocka_unit_test(a_restart_keeps_what_was_told),
		cmocka_unit_test(a_claim_outlives_hung_renewals),
		cmocka_unit_test(what_another_wrote_does_not_stay),
		cmocka_unit_test(a_fight_over_the_status_is_slow),
		cmocka_unit_test(a_restart_keeps_what_was_told_of_a_pin),
		cmocka_unit_test(what_the_crd_drops_is_mirrored),
		cmocka_unit_test(a_restart_goes_on_mirroring),
		cmocka_unit_test(another_crd_is_noticed),
		cmocka_unit_test(a_kind_that_cannot_be_listed_is_named),
		cmocka_unit_test(an_operation_says_which_list_it_waits_for),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
