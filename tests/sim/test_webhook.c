/*
 * The admission webhook in the simulated world: how its certificate is kept, and how
 * reviews find the project they need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/cert.h"
#include "core/doc.h"
#include "scenes.h"

#define NAME "syncd-webhook"
#define MINUTE 60000

static void setup(struct engsim *x, uint64_t seed)
{
	engsim_init(x, seed);
	x->webhook_name = NAME;
	x->cert_lifetime_ms = 20 * MINUTE;
	apisim_apply(x->api, "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":"
		"\"ValidatingWebhookConfiguration\",\"metadata\":{\"name\":\"" NAME "\"},"
		"\"webhooks\":[{\"name\":\"validate.syncd.dev\",\"clientConfig\":{\"service\":{"
		"\"name\":\"" NAME "\",\"namespace\":\"syncd-system\"}},\"sideEffects\":\"None\","
		"\"failurePolicy\":\"Fail\",\"admissionReviewVersions\":[\"v1\"]}]}");
	engsim_start(x);
}

static bool is_ready(void *x)
{
	return engine_ready(((struct engsim *)x)->engine);
}

static char *text_of(const json_t *o, const char *key)
{
	const char *b64 = doc_get_str(o, key, NULL);
	struct buf out = BUF_INIT;

	if (b64 && !b64_decode(b64, strlen(b64), &out) && out.len)
		return buf_steal(&out, NULL);
	buf_deinit(&out);
	return xstrdup("");
}

static char *announced(const struct engsim *x)
{
	const json_t *o = apisim_get(x->api, "validatingwebhookconfigurations."
				     "admissionregistration.k8s.io", NULL, NAME);

	return text_of(doc_get(json_array_get(json_object_get(o, "webhooks"), 0),
			       "clientConfig", NULL), "caBundle");
}

/* What is served can be verified by what is announced. */
static bool is_verified(void *arg)
{
	struct engsim *x = arg;
	_cleanup_free_ char *bundle = announced(x);
	_cleanup_free_ char *ca = x->cert ? cert_issuers(bundle, x->cert) : xstrdup("");

	return *ca;
}

static const json_t *secret(const struct engsim *x)
{
	return apisim_get(x->api, "secrets", "syncd-system", NAME "-cert");
}

static void a_certificate_is_kept(void **state)
{
	struct engsim x;

	(void)state;
	setup(&x, 1);
	assert_true(engsim_run(&x, is_ready, MINUTE));
	assert_true(engsim_run(&x, is_verified, MINUTE));
	for (int i = 0; i < 130; i++) {	/* over an hour */
		_cleanup_free_ char *was = announced(&x);

		sim_run_for(x.s, MINUTE / 2);
		assert_true(is_verified(&x));
		{	/* who still has the bundle of before can verify, too */
			_cleanup_free_ char *ca = cert_issuers(was, x.cert);

			assert_true(*ca);
		}
	}
	assert_in_range(x.certs, 4, 7);
	engsim_deinit(&x);
}

static bool secret_is_there(void *x)
{
	return secret(x) != NULL;
}

static void what_is_taken_away_comes_back(void **state)
{
	_cleanup_free_ char *cert = NULL;
	struct engsim x;
	unsigned n;

	(void)state;
	setup(&x, 2);
	assert_true(engsim_run(&x, is_verified, MINUTE));
	cert = xstrdup(x.cert);
	n = x.certs;
	apisim_delete(x.api, "secrets", "syncd-system", NAME "-cert");
	assert_true(engsim_run(&x, secret_is_there, MINUTE));
	sim_run_for(x.s, 10000);
	assert_string_equal(x.cert, cert);	/* as it was */
	assert_int_equal(x.certs, n);
	apisim_edit(x.api, "kubectl", "validatingwebhookconfigurations."
				     "admissionregistration.k8s.io", NULL, NAME,
		    "{\"webhooks\":[{\"name\":\"validate.syncd.dev\",\"clientConfig\":{"
		    "\"caBundle\":\"eA==\"}}]}");
	assert_true(engsim_run(&x, is_verified, MINUTE));
	engsim_deinit(&x);
}

static void a_restart_serves_what_there_is(void **state)
{
	_cleanup_free_ char *cert = NULL;
	struct engsim x;

	(void)state;
	setup(&x, 3);
	assert_true(engsim_run(&x, is_verified, MINUTE));
	cert = xstrdup(x.cert);
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, MINUTE);
	assert_string_equal(x.cert, cert);
	engsim_deinit(&x);
}

/* With faults on every request it comes in the end. */
static void trouble_is_outlasted(void **state)
{
	struct sim_faults f = sim_faults_mixed(3);
	struct engsim x;

	(void)state;
	for (uint64_t seed = 10; seed < 14; seed++) {
		setup(&x, seed);
		sim_set_faults(x.s, &f, sim_now(x.s) + 2 * MINUTE);
		assert_true(engsim_run(&x, is_verified, 10 * MINUTE));
		engsim_deinit(&x);
	}
}

/* ---- reviews ---- */

struct asked {
	struct engine_review parent;	/* must be first */
	int status;
	bool allowed;
	char *text;
};

static void on_reviewed(struct engine_review *r, int status, struct buf *answer)
{
	struct asked *a = (struct asked *)r;
	_cleanup_json_ json_t *o = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(a->status, 0);	/* once */
	a->status = status;
	a->text = xstrdup(buf_str(answer));
	o = doc_parse(a->text, strlen(a->text), &err);
	a->allowed = doc_get_bool(o, false, "response", "allowed", NULL);
}

static bool was_answered(void *a)
{
	return ((struct asked *)a)->status;
}

static void ask(struct engsim *x, struct asked *a, const char *body)
{
	*a = (struct asked){ .parent = { body, strlen(body), on_reviewed } };
	engine_review(x->engine, &a->parent);
	assert_int_equal(a->status, 0);	/* never before it returned */
	assert_true(sim_run_until(x->s, was_answered, a, 10000));
}

static char *review(const char *ns, const char *dest)
{
	return xasprintf("{\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u\","
		"\"kind\":{\"group\":\"argoproj.io\",\"kind\":\"Application\"},\"operation\":"
		"\"CREATE\",\"namespace\":\"%s\",\"name\":\"a\",\"object\":{\"metadata\":{\"name\":"
		"\"a\"},\"spec\":{\"project\":\"team\",\"source\":{\"repoURL\":\"https://h/r\","
		"\"path\":\"a\"},\"destination\":{\"name\":\"in-cluster\",\"namespace\":\"%s\"}}}}}",
		ns, dest);
}

static void put_project(struct engsim *x, const char *ns, const char *allowed)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		"\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":\"%s\"},\"spec\":{"
		"\"sourceRepos\":[\"*\"],\"sourceNamespaces\":[\"*\"],\"destinations\":[{\"server\":"
		"\"*\",\"namespace\":\"%s\"}]}}", ns, allowed);

	apisim_apply(x->api, text);
}

static bool deny_projects(void *arg, const char *user, const char *verb,
			  const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	(void)ns;
	return !strcmp(verb, "get") && !strncmp(resource, "appprojects", 11);
}

static void expect(struct engsim *x, const char *ns, const char *dest, bool allowed,
		   const char *words)
{
	_cleanup_free_ char *body = review(ns, dest);
	struct asked a;

	ask(x, &a, body);
	assert_int_equal(a.status, 200);
	if (a.allowed != allowed || (words && !strstr(a.text, words)))
		fail_msg("%s to %s: %s", ns, dest, a.text);
	free(a.text);
}

static void reviews_ask_for_the_project(void **state)
{
	struct engsim x;

	(void)state;
	setup(&x, 20);
	assert_true(engsim_run(&x, is_ready, MINUTE));
	expect(&x, "argocd", "one", true, "there is no AppProject");
	put_project(&x, "argocd", "one");
	expect(&x, "argocd", "one", true, NULL);
	expect(&x, "argocd", "two", false, "does not allow namespace");
	put_project(&x, "argocd", "two");	/* at once, whatever a watch knows */
	expect(&x, "argocd", "two", true, NULL);
	expect(&x, "elsewhere", "two", true, NULL);	/* argocd's, before ours */
	apisim_delete(x.api, "appprojects.argoproj.io", "argocd", "team");
	put_project(&x, "syncd-system", "three");
	expect(&x, "elsewhere", "three", true, NULL);
	expect(&x, "elsewhere", "two", false, "does not allow namespace");
	expect(&x, "argocd", "two", true, "there is no AppProject");
	apisim_set_authz(x.api, deny_projects, NULL);
	expect(&x, "elsewhere", "two", true, "could not be read now");
	engsim_deinit(&x);
}

static void what_is_no_review(void **state)
{
	struct engsim x;
	struct asked a;

	(void)state;
	setup(&x, 21);
	ask(&x, &a, "hello");	/* also before anything is known */
	assert_int_equal(a.status, 400);
	assert_non_null(strstr(a.text, "AdmissionReview"));
	free(a.text);
	engsim_deinit(&x);
}

/* No callback comes any more, and nothing is left. */
static void an_end_while_one_waits(void **state)
{
	_cleanup_free_ char *body = review("argocd", "one");
	struct asked a = { .parent = { body, strlen(body), on_reviewed } };
	struct asked b = { .parent = { "x", 1, on_reviewed } };
	struct engsim x;

	(void)state;
	setup(&x, 22);
	assert_true(engsim_run(&x, is_ready, MINUTE));
	engine_review(x.engine, &a.parent);
	engine_review(x.engine, &b.parent);
	engsim_deinit(&x);
	assert_int_equal(a.status, 0);
	assert_int_equal(b.status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_kept),
		cmocka_unit_test(what_is_taken_away_comes_back),
		cmocka_unit_test(a_restart_serves_what_there_is),
		cmocka_unit_test(trouble_is_outlasted),
		cmocka_unit_test(reviews_ask_for_the_project),
		cmocka_unit_test(what_is_no_review),
		cmocka_unit_test(an_end_while_one_waits),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
