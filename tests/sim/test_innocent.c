/* What looks like a failure and is none: no release is put back for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "hookscene.h"

#define DEGRADED "{\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"status\":" \
	"\"False\",\"reason\":\"ProgressDeadlineExceeded\"}]}}"

static void put(struct engsim *x, const char *file, const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	engsim_commit(x, file, copy);
}

static bool is_good_at(void *arg)
{
	struct engsim *x = arg;
	const json_t *syncd = doc_get(engsim_status(x, "shop"), "syncd", NULL);

	return engsim_in_phase(x, "shop", "Good") &&
	       doc_get_int(syncd, 0, "target", "id", NULL) == x->want_release;
}

/* The release turns good; nothing was ever put back or rejected on the way. */
static void assert_good(struct engsim *x, uint32_t release, uint64_t within_ms)
{
	x->want_release = release;
	scene_until(x, is_good_at, within_ms, "a good release");
	assert_false(scene_has_event(x, "Rejected", ""));
	assert_false(scene_has_event(x, "Reverted", ""));
}

static void as_kubelet(struct engsim *x, const char *pod, const char *status)
{
	_cleanup_free_ char *copy = xstrdup(status);

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	api_patch_as(x->api, "kubelet", api_type_named(x->api, "pods"), "shop", pod,
		     "status", doc_parse(copy, strlen(copy), NULL));
}

static const char *pod_of(struct engsim *x, const char *prefix, size_t i)
{
	return doc_get_str(apisim_nth(x->api, "pods", "shop", prefix, i), "metadata",
			   "name", NULL);
}

static void put_fifty(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":50,"
		"\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":10,"
		"\"maxUnavailable\":0}},\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"main\",\"image\":\"registry.example/web:%s\"}]}}}}",
		tag);

	engsim_commit(x, "web.yaml", text);
}

/* A deadline is about the lack of progress: this takes longer. */
static void a_slow_rollout_of_fifty_pods(void **state)
{
	struct apisim_options o = { .pod_start_ms = 40000 };
	struct engsim x;
	uint64_t from;

	(void)state;
	scene_init(&x, 2300);
	put_fifty(&x, "v1");
	engsim_start(&x);
	assert_good(&x, 1, LONG);
	apisim_set_options(x.api, &o);
	put_fifty(&x, "v2");
	from = sim_now(x.s);
	assert_good(&x, 2, 1200000);
	assert_true(sim_now(x.s) - from > 70000);	/* the deadline is 60 s */
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

/* A Job may take as long as Git gives it. */
static void a_job_that_takes_its_time(void **state)
{
	struct apisim_options o = { .no_controllers = true };
	struct engsim x;

	(void)state;
	scene_good(&x, 2301);
	put(&x, "move.yaml", "{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':"
	    "'move'},'spec':{'activeDeadlineSeconds':1800,'template':{'spec':{"
	    "'restartPolicy':'Never','containers':[{'name':'x','image':'t:noready'}]}}}}");
	sim_run_for(x.s, 900000);
	assert_true(engsim_in_phase(&x, "shop", "Settling"));
	apisim_set_options(x.api, &o);
	api_patch_as(x.api, "controller", api_type_named(x.api, "jobs.batch"), "shop", "move",
		     "status", json_pack("{s:{s:i, s:[{s:s, s:s}]}}", "status", "succeeded",
					 1, "conditions", "type", "Complete", "status",
					 "True"));
	assert_good(&x, 2, LONG);
	scene_end(&x, true);
}

#define CRONJOB(when) \
	"{'apiVersion':'batch/v1','kind':'CronJob','metadata':{'name':'nightly'},'spec':{" \
	"'schedule':'" when "','jobTemplate':{'spec':{'template':{'spec':{'restartPolicy':" \
	"'Never','containers':[{'name':'x','image':'t:v1'}]}}}}}}"

/* They hold their wave until its deadline, with a warning, and no longer. */
static void what_waits_for_others_is_no_evidence(void **state)
{
	static const struct { const char *text, *resource, *name, *status; } rows[] = {
		{ "{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','metadata':"
		  "{'name':'web'},'spec':{'maxReplicas':9,'scaleTargetRef':{'kind':"
		  "'Deployment','name':'web','apiVersion':'apps/v1'}}}",
		  "horizontalpodautoscalers.autoscaling", "web",
		  "{\"status\":{\"currentReplicas\":0,\"desiredReplicas\":0,\"conditions\":[{"
		  "\"type\":\"ScalingActive\",\"status\":\"False\",\"reason\":"
		  "\"FailedGetResourceMetric\",\"message\":\"no metrics\"}]}}" },
		{ "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'},'spec':{"
		  "'type':'LoadBalancer','loadBalancerClass':'none','ports':[{'port':80}]}}",
		  NULL, NULL, NULL },
		{ "{'apiVersion':'v1','kind':'PersistentVolumeClaim','metadata':{'name':'d'},"
		  "'spec':{'storageClassName':'first-consumer','accessModes':["
		  "'ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}",
		  NULL, NULL, NULL },
		{ "{'apiVersion':'networking.k8s.io/v1','kind':'Ingress','metadata':{'name':"
		  "'web'},'spec':{'defaultBackend':{'service':{'name':'web','port':{"
		  "'number':80}}}}}", NULL, NULL, NULL },
		/* A child that cannot even be read. */
		{ "{'apiVersion':'argoproj.io/v1alpha1','kind':'Application','metadata':{"
		  "'name':'child','namespace':'argocd'},'spec':{'project':'default',"
		  "'source':{'repoURL':'http://git.sim/none','path':'x'},'destination':{"
		  "'server':'https://kubernetes.default.svc','namespace':'shop'}}}",
		  NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;

		scene_good(&x, 2310 + i);
		put(&x, "other.yaml", rows[i].text);
		scene_put(&x, "v2");
		if (rows[i].status) {
			scene_until_tag(&x, "v2", LONG);
			api_patch_as(x.api, "controller",
				     api_type_named(x.api, rows[i].resource), "shop",
				     rows[i].name, "status",
				     doc_parse(rows[i].status, strlen(rows[i].status),
					       NULL));
		}
		assert_good(&x, 2, 400000);
		assert_string_equal(scene_tag(&x), "v2");
		scene_end(&x, true);
	}
}

/* Whether its last run was good is told, and holds nothing up. */
static void a_cronjob_that_failed_last_night(void **state)
{
	struct engsim x;
	uint64_t from;

	(void)state;
	scene_good(&x, 2316);
	put(&x, "nightly.yaml", CRONJOB("0 2 * * *"));
	assert_good(&x, 2, LONG);
	api_patch_as(x.api, "controller", api_type_named(x.api, "cronjobs.batch"), "shop",
		     "nightly", "status", json_pack("{s:{s:s, s:s}}", "status",
						    "lastScheduleTime", "2026-01-02T02:00:00Z",
						    "lastSuccessfulTime", "2026-01-01T02:01:00Z"));
	sim_run_for(x.s, 5000);
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "health", "status", NULL),
			    "Degraded");
	put(&x, "nightly.yaml", CRONJOB("0 3 * * *"));
	from = sim_now(x.s);
	assert_good(&x, 3, LONG);
	assert_true(sim_now(x.s) - from < 45000);	/* a wave's deadline is 60 s */
	scene_end(&x, true);
}

static void start_soaking(struct engsim *x, uint64_t seed)
{
	_cleanup_free_ char *old = engsim_deployment("old", "v1", 2);

	scene_init(x, seed);
	x->soak_ms = 60000;
	engsim_commit(x, "old.yaml", old);
	engsim_start(x);
	assert_good(x, 1, LONG * 2);
	scene_put(x, "v2");
	engsim_until_phase(x, "shop", "Soaking", LONG);
	sim_run_for(x->s, 5000);
}

static void take_pods(struct engsim *x)
{
	char *names[3];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = xstrdup(pod_of(x, "web-", i));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		apisim_delete(x->api, "pods", "shop", names[i]);
		free(names[i]);
	}
}

/* Its pods are evicted and start elsewhere, slowly. */
static void a_node_that_is_drained(void **state)
{
	struct apisim_options o = { .pod_start_ms = 45000 };
	struct engsim x;

	(void)state;
	start_soaking(&x, 2320);
	apisim_set_options(x.api, &o);
	take_pods(&x);
	sim_run_for(x.s, 10000);
	assert_true(engsim_in_phase(&x, "shop", "Soaking"));
	assert_good(&x, 2, 400000);
	assert_string_equal(scene_tag(&x), "v2");
	scene_end(&x, true);
}

/* Ends that somebody else is to blame for. */
static void pods_that_are_taken_away(void **state)
{
	static const char *const ends[] = {
		"'reason':'Evicted','phase':'Failed'",
		"'reason':'Preempting','phase':'Failed'",
		"'reason':'NodeLost','phase':'Unknown'",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		_cleanup_free_ char *status = xasprintf("{'status':{%s,'containerStatuses':[{"
			"'name':'main','ready':false,'restartCount':2,'state':{'terminated':{"
			"'exitCode':137,'reason':'Error'}}}]}}", ends[i]);
		struct engsim x;

		start_soaking(&x, 2330 + i);
		for (size_t k = 0; k < 3; k++)
			as_kubelet(&x, pod_of(&x, "web-", k), status);
		sim_run_for(x.s, 5000);
		assert_true(engsim_in_phase(&x, "shop", "Soaking"));
		take_pods(&x);
		assert_good(&x, 2, 400000);
		scene_end(&x, true);
	}
}

static void set_degraded(struct engsim *x, const char *name)
{
	struct apisim_options o = { .no_controllers = true };

	apisim_set_options(x->api, &o);
	api_patch_as(x->api, "controller", api_type_named(x->api, "deployments.apps"), "shop",
		     name, "status", doc_parse(DEGRADED, strlen(DEGRADED), NULL));
}

/* It is of the application, but the release did not touch it. */
static void what_was_not_changed_breaks_no_soak(void **state)
{
	struct engsim x;

	(void)state;
	start_soaking(&x, 2340);
	set_degraded(&x, "old");
	assert_good(&x, 2, 200000);
	scene_end(&x, true);
}

/* ... and what it did touch does, also when something was healed meanwhile. */
static void a_heal_does_not_wash_it_clean(void **state)
{
	struct engsim x;

	(void)state;
	start_soaking(&x, 2341);
	apisim_edit(x.api, "kubectl-edit", "deployments.apps", "shop", "old",
		    "{\"spec\":{\"replicas\":5}}");
	sim_run_for(x.s, 10000);
	assert_true(sim_log_contains(x.s, "healed: the cluster had drifted"));
	set_degraded(&x, "web");
	sim_run_for(x.s, 15000);
	apisim_set_options(x.api, &(struct apisim_options){ .history = 0 });
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* CI commits first and pushes the image a minute later. */
static void an_image_that_comes_a_minute_later(void **state)
{
	struct apisim_options o = { .pushed = "bad2" };
	struct engsim x;

	(void)state;
	scene_init(&x, 2350);
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"syncd.dev/pull-grace\":"
		       "\"120s\",\"syncd.dev/wave-deadline\":\"300s\"}}}");
	engsim_start(&x);
	assert_good(&x, 1, LONG);
	scene_put(&x, "bad2");
	scene_until_tag(&x, "bad2", LONG);
	sim_run_for(x.s, 60000);
	assert_true(engsim_in_phase(&x, "shop", "Settling"));
	apisim_set_options(x.api, &o);
	for (size_t i = 0; pod_of(&x, "web-", i); i++)
		apisim_edit(x.api, "kubelet", "pods", "shop", pod_of(&x, "web-", i),
			    "{\"metadata\":{\"annotations\":{\"tried\":\"again\"}}}");
	assert_good(&x, 2, LONG);
	scene_end(&x, true);
}

/* Waits for a node that an autoscaler is about to bring. */
static void room_that_comes_a_moment_later(void **state)
{
	struct apisim_options o = { .pod_start_ms = 45000 };
	struct engsim x;

	(void)state;
	scene_good(&x, 2351);
	apisim_set_options(x.api, &o);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 2000);
	for (size_t i = 0; pod_of(&x, "web-", i); i++)
		if (!doc_get(apisim_nth(x.api, "pods", "shop", "web-", i), "status",
			     "containerStatuses", NULL))
			as_kubelet(&x, pod_of(&x, "web-", i), "{'status':{'conditions':[{"
				   "'type':'PodScheduled','status':'False','reason':"
				   "'Unschedulable','message':'0/3 nodes are available'}]}}");
	sim_run_for(x.s, 20000);
	assert_true(engsim_in_phase(&x, "shop", "Settling"));
	assert_non_null(strstr(doc_get_str(engsim_status(&x, "shop"), "syncd", "message", NULL),
			       "0/3 nodes are available"));
	assert_good(&x, 2, 400000);
	scene_end(&x, true);
}

static void set_metrics(struct engsim *x, const char *status)
{
	api_patch_as(x->api, "kube-aggregator", api_type_named(x->api,
		     "apiservices.apiregistration.k8s.io"), NULL, "v1beta1.metrics.k8s.io",
		     "status", json_pack("{s{s[{ssssss}]}}", "status", "conditions", "type",
					 "Available", "status", status, "reason",
					 "MissingEndpoints"));
	api_patch_as(x->api, "controller", api_type_named(x->api,
		     "horizontalpodautoscalers.autoscaling"), "shop", "web", "status",
		     json_pack("{s{s[{ssssss}]}}", "status", "conditions", "type",
			       *status == 'T' ? "AbleToScale" : "ScalingActive", "status",
			       status, "reason", "FailedGetResourceMetric"));
}

/* Before a release goes out, or while it soaks: nothing can be measured, and no more. */
static void a_metrics_outage(void **state)
{
	(void)state;
	for (int soaking = 0; soaking < 2; soaking++) {
		struct engsim x;

		scene_init(&x, 2352 + (uint64_t)soaking);
		x.soak_ms = 60000;
		put(&x, "metrics.yaml", "{'apiVersion':'apiregistration.k8s.io/v1','kind':"
		    "'APIService','metadata':{'name':'v1beta1.metrics.k8s.io'},'spec':{'group':"
		    "'metrics.k8s.io','version':'v1beta1','groupPriorityMinimum':100,"
		    "'versionPriority':100,'service':{'name':'metrics','namespace':'shop'}}}");
		put(&x, "scaler.yaml", "{'apiVersion':'autoscaling/v2','kind':"
		    "'HorizontalPodAutoscaler','metadata':{'name':'web'},'spec':{"
		    "'maxReplicas':9,'scaleTargetRef':{'kind':'Deployment','name':'web',"
		    "'apiVersion':'apps/v1'}}}");
		engsim_start(&x);
		sim_run_for(x.s, 20000);
		set_metrics(&x, "True");
		assert_good(&x, 1, LONG * 2);
		if (!soaking)
			set_metrics(&x, "False");
		scene_put(&x, "v2");
		if (soaking) {
			engsim_until_phase(&x, "shop", "Soaking", LONG);
			set_metrics(&x, "False");
		}
		assert_good(&x, 2, 400000);
		assert_string_equal(scene_tag(&x), "v2");
		scene_end(&x, true);
	}
}

/* ---- the right ones only ---- */

static bool back_to_one(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") && !strcmp(scene_tag(x), "v1");
}

/* Whatever becomes of the repository: the good release is stored. */
static void git_is_not_needed_on_the_way_back(void **state)
{
	enum { REFUSES, HANGS, GONE, DELETED, FORCED, N };

	(void)state;
	for (int i = 0; i < N; i++) {
		struct engsim x;
		struct gitsim *g;
		_cleanup_free_ char *first = NULL;

		scene_good(&x, 2360 + (uint64_t)i);
		g = sim_git(x.s);
		first = xstrdup(gitsim_ref(g, REPO, "main"));
		scene_put(&x, "crash2");
		scene_until_tag(&x, "crash2", LONG);
		if (i == DELETED)
			gitsim_set_ref(g, REPO, "main", NULL);
		else if (i == FORCED)
			gitsim_set_ref(g, REPO, "main", first);
		else
			gitsim_set_mood(g, REPO, i == REFUSES ? GIT_REFUSE :
					i == HANGS ? GIT_HANG : GIT_404);
		if (i == FORCED) {	/* Git says the good release again: it supersedes */
			scene_until_tag(&x, "v1", 300000);
			engsim_until_phase(&x, "shop", "Good", 300000);
		} else {
			scene_until(&x, back_to_one, 400000, "the way back");
		}
		scene_end(&x, true);
	}
}

/* The one that is refused changed nothing; the one before it, half out, did. */
static void what_a_superseded_one_changed_is_put_back(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 2366);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":{\"selfHeal\":false}}}}");
	scene_put(&x, "noready2");
	scene_until_tag(&x, "noready2", LONG);
	engsim_until_phase(&x, "shop", "Settling", LONG);
	put(&x, "odd.yaml", "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'Odd_Name'}}");
	scene_until(&x, back_to_one, 300000, "the way back");
	scene_assert_condition(&x, "shop", "SyncError", "Odd_Name");
	scene_end(&x, true);
}

/* A commit each twenty seconds, and a soak of a minute: some turn good all the same. */
static void a_storm_of_commits_lets_one_soak_end(void **state)
{
	struct engsim x;
	int64_t good;

	(void)state;
	start_soaking(&x, 2367);
	for (int i = 3; i < 30; i++) {
		_cleanup_free_ char *tag = xasprintf("v%d", i);

		scene_put(&x, tag);
		sim_run_for(x.s, 20000);
	}
	good = doc_get_int(doc_get(engsim_status(&x, "shop"), "syncd", NULL), 0, "lastGood",
			   "id", NULL);
	assert_true(good > 5);
	scene_until_tag(&x, "v29", 300000);
	sim_run_for(x.s, 5000);		/* the status may be of the one before */
	engsim_until_phase(&x, "shop", "Good", 300000);
	assert_string_equal(scene_tag(&x), "v29");
	assert_false(scene_has_event(&x, "Reverted", ""));
	scene_end(&x, true);
}

#define APPS 10

static const char *tag_in(struct engsim *x, int i)
{
	_cleanup_free_ char *ns = xasprintf("ns-%d", i);
	const json_t *d = apisim_get(x->api, "deployments.apps", ns, "web");
	const char *s = doc_get_str(json_array_get(doc_get(d, "spec", "template", "spec",
		"containers", NULL), 0), "image", NULL);

	return s ? strrchr(s, ':') + 1 : "";
}

static bool all_in(void *arg)
{
	struct engsim *x = arg;

	for (int i = 0; i < APPS; i++) {
		_cleanup_free_ char *name = xasprintf("app-%d", i);

		if (!engsim_in_phase(x, name, x->want_phase) || strcmp(tag_in(x, i), "v1"))
			return false;
	}
	return true;
}

/* One commit breaks them all: each goes back to its own good release. */
static void a_base_that_ten_share(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 2370);
	for (int i = 0; i < APPS; i++) {
		_cleanup_free_ char *ns = xasprintf("ns-%d", i);
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
			"\"kind\":\"Application\",\"metadata\":{\"name\":\"app-%d\",\"namespace\":"
			"\"argocd\"},\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":"
			"\"" REPO "\",\"path\":\"app\",\"targetRevision\":\"main\"},"
			"\"destination\":{\"server\":\"https://kubernetes.default.svc\","
			"\"namespace\":\"%s\"},\"syncPolicy\":{\"automated\":{}}}}", i, ns);

		apisim_namespace(x.api, ns);
		apisim_apply(x.api, text);
	}
	engsim_start(&x);
	x.want_phase = "Good";
	scene_until(&x, all_in, 300000, "ten good ones");
	scene_put(&x, "crash2");
	sim_run_for(x.s, 20000);
	x.want_phase = "Pinned";
	scene_until(&x, all_in, 600000, "ten put back");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_rollout_of_fifty_pods),
		cmocka_unit_test(a_job_that_takes_its_time),
		cmocka_unit_test(what_waits_for_others_is_no_evidence),
		cmocka_unit_test(a_cronjob_that_failed_last_night),
		cmocka_unit_test(a_node_that_is_drained),
		cmocka_unit_test(pods_that_are_taken_away),
		cmocka_unit_test(what_was_not_changed_breaks_no_soak),
		cmocka_unit_test(a_heal_does_not_wash_it_clean),
		cmocka_unit_test(an_image_that_comes_a_minute_later),
		cmocka_unit_test(room_that_comes_a_moment_later),
		cmocka_unit_test(a_metrics_outage),
		cmocka_unit_test(git_is_not_needed_on_the_way_back),
		cmocka_unit_test(what_a_superseded_one_changed_is_put_back),
		cmocka_unit_test(a_storm_of_commits_lets_one_soak_end),
		cmocka_unit_test(a_base_that_ten_share),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
