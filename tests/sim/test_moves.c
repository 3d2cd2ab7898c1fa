/*
 * Moves of the state machines that only special days bring: an operation that ends in
 * the middle of a step, a request that is cancelled before it was sent. What they
 * lead to is asserted here; test_transitions asserts that they were made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/kube.h"
#include "core/lsrefs.h"
#include "hookscene.h"

/* ---- requests ---- */

struct asked {
	struct kube_request r;
	unsigned done;
	enum err_code code;
};

static void on_done(struct kube_request *r, const struct err *err)
{
	struct asked *a = container_of(r, struct asked, r);

	a->done++;
	a->code = err->code;
}

static void ask(struct kube *k, struct asked *a)
{
	static const struct kube_ref ref = { .version = "v1", .resource = "namespaces",
					     .name = "default" };

	*a = (struct asked){ .done = 0 };
	kube_get_init(&a->r, &ref);
	a->r.on_done = on_done;
	kube_start(k, &a->r);
}

static void a_request_is_cancelled_before_it_left(void **state)
{
	const struct http_endpoint api = { .url = (char *)(uintptr_t)SIM_API_URL };
	struct sim *s = sim_new(1);
	struct kube *k = kube_new(sim_world(s), &api,
				  (struct kube_limits){ .max_in_flight = 1 });
	struct sim_faults busy = { .http_503 = 1000 };
	struct asked first, second, third;

	(void)state;
	ask(k, &first);
	ask(k, &second);
	kube_cancel(k, &second.r);
	assert_int_equal(second.done, 0);	/* never before the call returns */
	sim_run_for(s, 1000);
	assert_int_equal(first.done, 1);
	assert_int_equal(first.code, ERR_NONE);
	assert_int_equal(second.done, 1);
	assert_int_equal(second.code, ERR_CANCELLED);
	assert_int_equal(sim_request_count(s), 1);
	/* And between two tries. */
	sim_set_faults(s, &busy, 0);
	ask(k, &third);
	sim_run_for(s, 60);
	assert_int_equal(third.done, 0);
	kube_cancel(k, &third.r);
	sim_run_for(s, 60000);
	assert_int_equal(third.done, 1);
	assert_int_equal(third.code, ERR_CANCELLED);
	assert_int_equal(sim_request_count(s), 1);	/* no other try */
	kube_free(k);
	sim_free(s);
}

/* ---- refs ---- */

struct poll {
	struct lsrefs l;
	unsigned done;
	size_t refs;
	enum err_code code;
};

static void on_refs(struct lsrefs *l, const struct err *err, const struct ref_list *refs)
{
	struct poll *p = container_of(l, struct poll, l);

	p->done++;
	p->code = err->code;
	p->refs = refs ? refs->len : 0;
}

static void refs_of_a_server_that_redirects_only_gets(void **state)
{
	static const struct http_endpoint e = { .url = (char *)(uintptr_t)REPO };
	static const char *const prefixes[] = { "refs/heads/", NULL };
	struct sim *s = sim_new(2);
	struct poll p = { .l = { .endpoint = &e, .prefixes = prefixes,
				 .on_done = on_refs } };

	(void)state;
	sim_git_commit(s, REPO, "main", "a", "a");
	gitsim_set_mood(sim_git(s), REPO, GIT_ASTRAY);
	lsrefs_start(sim_world(s), &p.l);
	sim_run_for(s, 5000);
	assert_int_equal(p.done, 1);
	assert_int_equal(p.code, ERR_NONE);
	assert_int_equal(p.refs, 1);
	assert_int_equal(gitsim_polls(sim_git(s), REPO), 3);
	/* Cancelled before it began: nobody is asked. */
	lsrefs_start(sim_world(s), &p.l);
	lsrefs_cancel(sim_world(s), &p.l);
	assert_int_equal(p.done, 1);
	sim_run_for(s, 5000);
	assert_int_equal(p.done, 2);
	assert_int_equal(p.code, ERR_CANCELLED);
	assert_int_equal(gitsim_polls(sim_git(s), REPO), 3);
	sim_free(s);
}

/* ---- operations ---- */

static const char crd[] =
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
	"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"widgets.example.com\"},"
	"\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\",\"names\":{"
	"\"plural\":\"widgets\",\"singular\":\"widget\",\"kind\":\"Widget\",\"listKind\":"
	"\"WidgetList\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,"
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}";

static void put_widget(struct engsim *x)
{
	engsim_commit(x, "crd.yaml", crd);
	engsim_commit(x, "widget.yaml", "{\"apiVersion\":\"example.com/v1\",\"kind\":"
		      "\"Widget\",\"metadata\":{\"name\":\"widget\"}}");
}

static void fail_all(struct engsim *x, const char *method, const char *path,
		     struct sim_faults f)
{
	sim_aim_faults(x->s, method, path);
	sim_set_faults(x->s, &f, 0);
}

static void fail_nothing(struct engsim *x)
{
	fail_all(x, "", "", (struct sim_faults){ 0 });
}

static bool said(void *arg)
{
	struct engsim *x = arg;

	return sim_log_contains(x->s, x->want_phase);
}

static void until_said(struct engsim *x, const char *words)
{
	x->want_phase = words;
	scene_until(x, said, LONG, words);
}

static bool deny_namespaces(void *arg, const char *user, const char *verb,
			    const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	(void)ns;
	return !strcmp(verb, "create") && !strcmp(resource, "namespaces");
}

static bool is_elsewhere(void *arg)
{
	struct engsim *x = arg;

	return apisim_get(x->api, "deployments.apps", "elsewhere", "web");
}

static void a_namespace_that_cannot_be_made_ends_it(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 10);
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":\"elsewhere\"},"
		       "\"syncPolicy\":{\"syncOptions\":[\"CreateNamespace=true\"]}}}");
	apisim_set_authz(x.api, deny_namespaces, NULL);
	until_said(&x, "Namespace/elsewhere (CreateNamespace=true)");
	assert_null(apisim_get(x.api, "deployments.apps", "elsewhere", "web"));
	assert_string_equal(scene_tag(&x), "v1");
	apisim_set_authz(x.api, NULL, NULL);
	scene_put(&x, "v2");
	scene_until(&x, is_elsewhere, LONG, "the new place");
	scene_end(&x, false);
}

static void discovery_that_fails_meanwhile_is_trouble(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 11);
	put_widget(&x);
	until_said(&x, ": Learning");
	fail_all(&x, "GET", "/api", (struct sim_faults){ .http_500 = 1000 });
	until_said(&x, "again in");
	fail_nothing(&x);
	engsim_until_phase(&x, "shop", "Good", 600000);
	sim_run_for(x.s, 60000);
	assert_non_null(apisim_get(x.api, "widgets.example.com", "shop", "widget"));
	scene_end(&x, true);
}

/* While it waits for the first list of a new kind, a newer commit comes. */
static void superseded_while_it_learns_a_kind(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 12);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "2", "");
	put_widget(&x);
	fail_all(&x, "GET", "/widgets", (struct sim_faults){ .refuse = 1000 });
	until_said(&x, "sync of #2: Learning");
	sim_run_for(x.s, 5000);
	scene_put(&x, "v3");
	until_said(&x, "release #2: ");
	fail_nothing(&x);
	scene_until_tag(&x, "v3", 600000);
	engsim_until_phase(&x, "shop", "Good", 600000);
	hooks_end(&x);
}

/* The same while its claim of a wave is on its way. */
static void superseded_while_it_claims_a_wave(void **state)
{
	_cleanup_free_ char *cm = engsim_configmap("settings", "one", 1);
	struct engsim x;

	(void)state;
	scene_init(&x, 13);
	engsim_commit(&x, "settings.yaml", cm);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_start(&x);
	hooks_put(&x, "migrate", "PreSync", "2", "");
	free(cm);
	cm = engsim_configmap("settings", "two", 1);
	engsim_commit(&x, "settings.yaml", cm);
	scene_put(&x, "v2");
	until_said(&x, "sync of #2: Applying");
	fail_all(&x, "PATCH", "/secrets/", (struct sim_faults){ .hang = 1000 });
	until_said(&x, "sync of #2: Claiming");
	scene_put(&x, "v3");
	sim_run_for(x.s, 20000);
	fail_nothing(&x);
	scene_until_tag(&x, "v3", 600000);
	engsim_until_phase(&x, "shop", "Good", 600000);
	hooks_end(&x);
}

static bool refuse_deployment(void *arg, const char *op, const json_t *object,
			      char message[256])
{
	struct engsim *x = arg;

	(void)op;
	strcpy(message, "admission webhook \"gate\" denied the request: closed");
	return hooks_job(x, "migrate") &&
	       !strcmp(doc_get_str(object, "kind", NULL), "Deployment");
}

/* Its dry run was fine; then a webhook came. Its hooks are cleaned up. */
static void refused_when_it_is_applied(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 14);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_put(&x, "alarm", "SyncFail", "1", "");
	apisim_set_admission(x.api, refuse_deployment, &x);
	scene_put(&x, "v2");
	until_said(&x, "release #2");
	until_said(&x, "rejected");
	assert_non_null(hooks_job(&x, "alarm"));
	assert_string_equal(scene_tag(&x), "v1");
	apisim_set_admission(x.api, NULL, NULL);
	hooks_put(&x, "migrate", "PreSync", "3", "");
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", 600000);
	engsim_until_phase(&x, "shop", "Good", 600000);
	hooks_end(&x);
}

/* The namespace is asked for again: it may be what the bad release broke. */
static void a_revert_makes_its_namespace_too(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 15);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"syncOptions\":["
		       "\"CreateNamespace=true\"]}}}");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put(&x, "bad2");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	assert_true(sim_log_contains(x.s, "revert of #1: CreatingNamespace"));
	scene_end(&x, true);
}

static void note_stopped(void *arg)
{
	++*(unsigned *)arg;
}

/* A standby has nothing to hand over: it ends at once, and the leader goes on. */
static void a_standby_that_is_stopped_ends_at_once(void **state)
{
	struct engsim x;
	struct sim_host *host;
	struct engine *second;
	unsigned stopped = 0;

	(void)state;
	scene_good(&x, 16);
	host = sim_host_new(x.s, "second");
	second = engsim_engine(&x, sim_host_world(host), "second", true);
	engine_start(second);
	sim_run_for(x.s, 30000);
	assert_true(engine_ready(second));
	engine_stop(second, note_stopped, &stopped);
	assert_int_equal(stopped, 0);
	sim_run_for(x.s, 5);
	assert_int_equal(stopped, 1);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	assert_int_equal(x.lives, 1);
	engine_abandon(second);
	sim_host_abandon(x.s, host);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_cancelled_before_it_left),
		cmocka_unit_test(refs_of_a_server_that_redirects_only_gets),
		cmocka_unit_test(a_namespace_that_cannot_be_made_ends_it),
		cmocka_unit_test(discovery_that_fails_meanwhile_is_trouble),
		cmocka_unit_test(superseded_while_it_learns_a_kind),
		cmocka_unit_test(superseded_while_it_claims_a_wave),
		cmocka_unit_test(refused_when_it_is_applied),
		cmocka_unit_test(a_revert_makes_its_namespace_too),
		cmocka_unit_test(a_standby_that_is_stopped_ends_at_once),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
