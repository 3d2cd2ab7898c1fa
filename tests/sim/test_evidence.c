/* What failing pods say is kept before a revert takes them away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiint.h"
#include "core/doc.h"
#include "hookscene.h"
#include "sync/store_codec.h"

#define SAID "panic: the purse is empty"

/* The secret, as an application that logs its settings would print it. */
static char *say(void *arg, const char *pod, const char *container, bool previous)
{
	struct buf b = BUF_INIT;

	(void)arg;
	buf_addf(&b, "of %s/%s%s\n", pod, container, previous ? ", before" : "");
	for (int i = 0; i < 30; i++)
		buf_addf(&b, "line %d\n", i);
	buf_adds(&b, "code=" CANARY "-one\nhttp://ada:" CANARY "@shop/\n" SAID "\n");
	return buf_steal(&b, NULL);
}

static json_t *stored(struct engsim *x, uint32_t release)
{
	const char *name = scene_secret(x, "syncd-state-", 0);
	struct err err = ERR_INIT;

	assert_non_null(name);
	return store_evidence_parse(apisim_get(x->api, "secrets", "syncd-system", name),
				    release, &err);
}

static json_t *kept(struct engsim *x, uint32_t release)
{
	json_t *doc = stored(x, release);

	assert_non_null(doc);
	return doc;
}

static void assert_says(const json_t *doc, const char *words, bool there)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	doc_write(doc, &text);
	if (!!strstr(buf_str(&text), words) != there)
		fail_msg("%s is %s in %s", words, there ? "not" : "still", buf_str(&text));
}

static void put_event(struct engsim *x, const char *kind, const char *name,
		      const char *type, const char *reason, const char *message)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Event\","
		"\"metadata\":{\"name\":\"e-%s-%s\",\"namespace\":\"shop\"},\"involvedObject\":{"
		"\"kind\":\"%s\",\"namespace\":\"shop\",\"name\":\"%s\"},\"type\":\"%s\","
		"\"reason\":\"%s\",\"count\":7,\"message\":\"%s\"}", type[0] == 'W' ? "w" :
		"n", name, kind, name, type, reason, message);

	apisim_apply(x->api, text);
}

/* A good release with a Secret; its pods have much to say. */
static void begin(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	scene_put_secret(x, "one");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	apisim_set_logs(x->api, say, NULL);
}

static void a_crash_is_kept_with_its_last_words(void **state)
{
	_cleanup_json_ json_t *doc = NULL;
	const json_t *row;
	struct engsim x;

	(void)state;
	begin(&x, 2100);
	scene_put(&x, "crash2");
	scene_until_tag(&x, "crash2", LONG);
	put_event(&x, "Deployment", "web", "Warning", "Told", "told of web " CANARY "-one");
	put_event(&x, "Deployment", "web-admin", "Warning", "Told", "told of another");
	put_event(&x, "Deployment", "web", "Normal", "Told", "told of nothing bad");
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	doc = kept(&x, 2);
	row = json_array_get(json_object_get(doc, "pods"), 0);
	assert_string_equal(doc_get_str(row, "container", NULL), "main");
	assert_string_equal(doc_get_str(row, "why", NULL), "CrashLoopBackOff");
	assert_true(doc_get_int(row, 0, "restarts", NULL) >= 3);
	assert_int_equal(doc_get_int(row, 0, "exit", NULL), 1);
	assert_non_null(strstr(doc_get_str(row, "previous", NULL), SAID));
	assert_null(json_object_get(row, "log"));
	assert_says(doc, CANARY, false);
	assert_says(doc, "code=(hidden)", true);
	assert_says(doc, "http://(hidden)@shop/", true);
	assert_says(doc, "told of web (hidden)", true);
	assert_says(doc, "told of another", false);
	assert_says(doc, "told of nothing", false);
	assert_says(doc, "line 13", true);	/* the last twenty lines */
	assert_says(doc, "line 12", false);
	scene_end(&x, true);
}

/* What never ran has no log, and none is asked for. */
static void an_image_that_is_not_there_is_told(void **state)
{
	_cleanup_json_ json_t *doc = NULL;
	struct engsim x;

	(void)state;
	begin(&x, 2101);
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	doc = kept(&x, 2);
	assert_says(doc, "ImagePullBackOff", true);
	assert_says(doc, "Back-off pulling image", true);
	assert_int_equal(sim_count(x.s, 0, "GET", "/log"), 0);
	scene_end(&x, true);
}

static const char *reason_of(struct engsim *x)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "syncd", "rejected", "reason",
				    NULL);

	return s ? s : "";
}

/* "1 of 3 replicas" is no help: the kubelet knows why, and the reason says it. */
static void a_probe_that_fails_is_the_reason(void **state)
{
	const char *pod, *want = "; pod web-";
	_cleanup_free_ char *words = NULL;
	struct engsim x;

	(void)state;
	begin(&x, 2150);
	scene_put(&x, "noready2");
	scene_until_tag(&x, "noready2", LONG);
	sim_run_for(x.s, 5000);
	for (size_t i = 0; (pod = doc_get_str(apisim_nth(x.api, "pods", "shop", "web-", i),
					      "metadata", "name", NULL)); i++)
		put_event(&x, "Pod", pod, "Warning", "Unhealthy", "Readiness probe failed: "
			  "HTTP probe failed with statuscode: 503 " CANARY "-one");
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	assert_non_null(strstr(reason_of(&x), "(no progress within the deadline)"));
	assert_non_null(strstr(reason_of(&x), want));
	words = xstrdup(strstr(reason_of(&x), want));
	assert_non_null(strstr(words, ": Readiness probe failed: HTTP probe failed with "
			       "statuscode: 503 (hidden)"));
	scene_end(&x, true);
}

/* No node has room for it until the deadline: the scheduler's words. */
static void no_room_until_the_deadline(void **state)
{
	struct apisim_options o = { .pod_start_ms = 4000000 };
	struct engsim x;
	const json_t *pod;

	(void)state;
	begin(&x, 2152);
	apisim_set_options(x.api, &o);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 5000);
	for (size_t i = 0; (pod = apisim_nth(x.api, "pods", "shop", "web-", i)); i++)
		if (!doc_get(pod, "status", "containerStatuses", NULL))
			api_patch_as(x.api, "scheduler", api_type_named(x.api, "pods"), "shop",
				     doc_get_str(pod, "metadata", "name", NULL), "status",
				     json_pack("{s{s[{ssssssss}]}}", "status", "conditions",
					       "type", "PodScheduled", "status", "False",
					       "reason", "Unschedulable", "message",
					       "0/3 nodes are available: 3 Insufficient cpu."));
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	assert_non_null(strstr(reason_of(&x), ": Unschedulable: 0/3 nodes are available: 3 "
			       "Insufficient cpu. (no progress within the deadline)"));
	scene_end(&x, true);
}

/* Degraded while it soaks: the same. */
static void so_it_is_when_a_soak_breaks(void **state)
{
	struct engsim x;
	const char *pod;

	(void)state;
	scene_init(&x, 2151);
	x.soak_ms = 60000;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Soaking", LONG);
	pod = doc_get_str(apisim_nth(x.api, "pods", "shop", "web-", 0), "metadata", "name",
			  NULL);
	apisim_set_options(x.api, &(struct apisim_options){ .no_controllers = true });
	put_event(&x, "Pod", pod, "Warning", "Unhealthy", "Readiness probe failed: refused");
	api_patch_as(x.api, "kubelet", api_type_named(x.api, "pods"), "shop", pod, "status",
		     json_pack("{s:{s:[{s:s, s:s}]}}", "status", "conditions", "type",
			       "Ready", "status", "False"));
	api_patch_as(x.api, "controller", api_type_named(x.api, "deployments.apps"), "shop",
		     "web", "status", json_pack("{s:{s:[{s:s, s:s, s:s}]}}", "status",
		     "conditions", "type", "Progressing", "status", "False", "reason",
		     "ProgressDeadlineExceeded"));
	sim_run_for(x.s, 10000);
	apisim_set_options(x.api, &(struct apisim_options){ .history = 0 });
	engsim_until_phase(&x, "shop", "Pinned", 300000);
	assert_non_null(strstr(reason_of(&x), "(while soaking); pod web-"));
	assert_non_null(strstr(reason_of(&x), ": Readiness probe failed: refused"));
	scene_end(&x, true);
}

static uint64_t first_at(struct engsim *x, const char *method, const char *path,
			 size_t from)
{
	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);

		if (!strcmp(r->method, method) && strstr(r->path, path) && !r->dry_run)
			return r->at;
	}
	fail_msg("no %s %s", method, path);
	return 0;
}

/* A node that does not answer holds a revert for three seconds at most. */
static void silence_holds_no_revert(void **state)
{
	static const char *const silent[] = { "/log", "/secrets/coffer", "/events", "/pods" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		_cleanup_json_ json_t *doc = NULL;
		struct sim_faults f = { .hang = 1000 };
		struct engsim x;
		uint64_t asked;
		size_t from;

		begin(&x, 2110 + i);
		scene_put(&x, "noready2");
		scene_until_tag(&x, "noready2", LONG);
		sim_run_for(x.s, 5000);
		from = sim_request_count(x.s);
		sim_set_faults(x.s, &f, 0);
		sim_aim_faults(x.s, "GET", silent[i]);
		engsim_until_phase(&x, "shop", "Pinned", 300000);
		asked = first_at(&x, "GET", "/secrets/coffer", from);
		assert_in_range(first_at(&x, "PATCH", "/deployments/web", from), asked + 2900,
				asked + 3500);
		doc = kept(&x, 2);
		assert_says(doc, "not all of it was answered within 3 s", true);
		assert_says(doc, CANARY, false);
		scene_end(&x, true);
	}
}

static bool deny(void *arg, const char *user, const char *verb, const char *resource,
		 const char *ns)
{
	(void)user;
	return !strcmp(resource, arg) && !strcmp(verb, "get") && !strcmp(ns, "shop");
}

/* Without the values that have to be hidden nothing that pods said is kept. */
static void secrets_that_cannot_be_read_keep_the_logs_away(void **state)
{
	static char secrets[] = "secrets", logs[] = "pods/log";
	static const struct { char *what; const char *words; } rows[] = {
		{ secrets, "not every Secret could be read" },
		{ logs, "cannot get resource" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *doc = NULL;
		struct engsim x;

		begin(&x, 2120 + i);
		apisim_set_authz(x.api, deny, rows[i].what);
		scene_put(&x, "crash2");
		engsim_until_phase(&x, "shop", "Pinned", 300000);
		doc = kept(&x, 2);
		assert_says(doc, "CrashLoopBackOff", true);
		assert_says(doc, rows[i].words, true);
		assert_says(doc, SAID, false);
		assert_says(doc, CANARY, false);
		scene_end(&x, true);
	}
}

/* The Job goes with its policy; its pod is asked before. */
static void a_failed_hooks_pod_is_asked_before_it_goes(void **state)
{
	_cleanup_json_ json_t *doc = NULL;
	struct engsim x;

	(void)state;
	scene_init(&x, 2130);
	hooks_start(&x);
	apisim_set_logs(x.api, say, NULL);
	scene_put(&x, "v2");
	hooks_put(&x, "smoke", "PostSync", "crash",
		  ",\"argocd.argoproj.io/hook-delete-policy\":\"HookFailed\"");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	sim_run_for(x.s, 5000);
	assert_null(hooks_job(&x, "smoke"));
	doc = kept(&x, 2);
	assert_says(doc, "shop/smoke-", true);
	assert_says(doc, SAID, true);
	hooks_end(&x);
}

static bool is_kept(void *arg)
{
	struct engsim *x = arg;
	_cleanup_json_ json_t *doc = stored(x, x->want_release);

	return doc && engsim_in_phase(x, "shop", "Pinned");
}

/* Those of the newest five rejections stay. */
static void a_few_are_kept(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 2140);
	for (uint32_t i = 2; i < 9; i++) {
		_cleanup_free_ char *tag = xasprintf("bad%u", i);

		scene_put(&x, tag);
		scene_until_tag(&x, tag, 4000000);
		x.want_release = i;
		scene_until(&x, is_kept, 300000, "the rejection");
		scene_edit_app(&x, "{\"operation\":{\"sync\":{}}}");
	}
	for (uint32_t i = 2; i < 9; i++) {
		_cleanup_json_ json_t *doc = stored(&x, i);

		if ((doc != NULL) != (i > 3))
			fail_msg("of release %u: %s", i, doc ? "kept" : "gone");
	}
	scene_end(&x, true);
}

static bool put_back(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, "shop", "Pinned") && !strcmp(scene_tag(x), "v1");
}

/* The process dies at any step on the way: the next one asks and keeps as well. */
static void crashes_on_the_way_lose_nothing(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 200; n++) {
		_cleanup_json_ json_t *doc = NULL;
		struct engsim x;
		unsigned lives;

		begin(&x, 2200 + n);
		scene_put(&x, "crash2");
		scene_until_tag(&x, "crash2", LONG);
		lives = x.lives;
		sim_crash_at(x.s, n);
		if (!engsim_run(&x, put_back, 600000)) {
			sim_dump(x.s);
			fail_msg("crash at step %llu: not back", (unsigned long long)n);
		}
		doc = kept(&x, 2);
		assert_says(doc, SAID, true);
		assert_says(doc, CANARY, false);
		scene_check(&x, true);
		engsim_deinit(&x);
		if (x.lives == lives)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_is_kept_with_its_last_words),
		cmocka_unit_test(an_image_that_is_not_there_is_told),
		cmocka_unit_test(a_probe_that_fails_is_the_reason),
		cmocka_unit_test(so_it_is_when_a_soak_breaks),
		cmocka_unit_test(no_room_until_the_deadline),
		cmocka_unit_test(silence_holds_no_revert),
		cmocka_unit_test(secrets_that_cannot_be_read_keep_the_logs_away),
		cmocka_unit_test(a_failed_hooks_pod_is_asked_before_it_goes),
		cmocka_unit_test(a_few_are_kept),
		cmocka_unit_test(crashes_on_the_way_lose_nothing),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
