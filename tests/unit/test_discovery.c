/* Discovery: the table, ETags, stale groups, changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/kube/discovery_priv.h"
#include "kubejob.h"

#define RES(kind, plural, scope, verbs)                                       \
	"{\"resource\":\"" plural "\",\"responseKind\":{\"kind\":\"" kind "\"}," \
	"\"scope\":\"" scope "\",\"verbs\":[" verbs "]}"
#define ALL "\"create\",\"delete\",\"get\",\"list\",\"patch\",\"watch\""
#define VERSION(v, fresh, resources)                                          \
	"{\"version\":\"" v "\",\"freshness\":\"" fresh "\",\"resources\":["   \
	resources "]}"
#define GROUP(name, versions)                                                 \
	"{\"metadata\":{\"name\":\"" name "\"},\"versions\":[" versions "]}"
#define LIST(groups) "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[" groups "]}"

#define CORE_LIST LIST("{\"metadata\":{},\"versions\":[" VERSION("v1", "Current", \
	RES("ConfigMap", "configmaps", "Namespaced", ALL) ","                 \
	RES("Namespace", "namespaces", "Cluster", ALL) ","                    \
	RES("Binding", "bindings", "Namespaced", "\"create\"")) "]}")
#define HPA RES("HorizontalPodAutoscaler", "horizontalpodautoscalers",        \
		"Namespaced", ALL)
#define APPS GROUP("apps", VERSION("v1", "Current",                           \
	RES("Deployment", "deployments", "Namespaced", ALL)))
#define AUTOSCALING GROUP("autoscaling", VERSION("v2", "Current", HPA) ","    \
	VERSION("v1", "Current", HPA ","                                      \
	RES("Old", "olds", "Namespaced", ALL)))
#define METRICS(fresh, resources) GROUP("metrics.k8s.io",                     \
	VERSION("v1beta1", fresh, resources))
#define POD_METRICS RES("PodMetrics", "pods", "Namespaced", "\"get\",\"list\"")

struct dlab {
	struct lab lab;
	struct discovery *d;
	unsigned done;
	struct err err;
	bool free_it;
};

static void on_done(void *arg, const struct err *err)
{
	struct dlab *l = arg;

	l->done++;
	l->err = *err;
	if (l->free_it)
		l->d = discovery_free(l->d);
}

static struct dlab dlab_new(void)
{
	struct dlab l = { .lab = lab_new((struct kube_limits){ 0 }) };

	l.d = discovery_new(l.lab.k);
	return l;
}

static void dlab_free(struct dlab *l)
{
	discovery_free(l->d);
	lab_free(&l->lab);
}

static void answer(struct dlab *l, const char *path, int status,
		   const char *etag, const char *body)
{
	struct fake_call *c = fake_take(l->lab.f, "GET", path);

	fake_head(c, status, 0, etag);
	fake_data(c, body);
	fake_end(c);
}

static void refresh(struct dlab *l, const char *groups, const char *etag)
{
	discovery_refresh(l->d, on_done, l);
	answer(l, "/api", 200, NULL, CORE_LIST);
	answer(l, "/apis", 200, etag, groups);
	assert_int_equal(l->err.code, ERR_NONE);
}

static void test_table(void **state)
{
	struct dlab l = dlab_new();
	const struct api_resource *r;
	struct fake_call *c;

	(void)state;
	discovery_refresh(l.d, on_done, &l);
	assert_false(discovery_ready(l.d));
	c = fake_take(l.lab.f, "GET", "/api");
	assert_non_null(strstr(c->accept, "g=apidiscovery.k8s.io;v=v2;"
			       "as=APIGroupDiscoveryList"));
	assert_string_equal(c->path, "/api");
	fake_answer(c, 200, CORE_LIST);
	assert_int_equal(l.done, 0);
	answer(&l, "/apis", 200, NULL, LIST(APPS "," AUTOSCALING));
	assert_int_equal(l.done, 1);
	assert_true(discovery_ready(l.d));
	assert_int_equal(discovery_generation(l.d), 1);

	r = discovery_find(l.d, "", "v1", "ConfigMap");
	assert_string_equal(r->plural, "configmaps");
	assert_true(r->namespaced && r->patchable && r->listable &&
		    r->watchable && r->deletable && r->preferred);
	r = discovery_find(l.d, NULL, NULL, "Namespace");
	assert_false(r->namespaced);
	r = discovery_find(l.d, "", "v1", "Binding");
	assert_false(r->patchable || r->listable || r->watchable || r->deletable);
	r = discovery_find(l.d, "autoscaling", NULL, "HorizontalPodAutoscaler");
	assert_string_equal(r->version, "v2");
	assert_true(r->preferred);
	r = discovery_find(l.d, "autoscaling", "v1", "HorizontalPodAutoscaler");
	assert_string_equal(r->version, "v1");
	assert_false(r->preferred);
	/* Only the older version has it: that one is preferred. */
	r = discovery_find(l.d, "autoscaling", NULL, "Old");
	assert_string_equal(r->version, "v1");
	assert_true(r->preferred);
	assert_null(discovery_find(l.d, "apps", "v2", "Deployment"));
	assert_null(discovery_find(l.d, "apps", NULL, "deployment"));
	assert_null(discovery_find(l.d, "", NULL, "Deployment"));
	assert_null(discovery_find(l.d, "zzz", NULL, "Zzz"));
	dlab_free(&l);
}

static void count(const struct api_resource *r, void *arg)
{
	assert_non_null(r->plural);
	++*(unsigned *)arg;
}

static void test_etags(void **state)
{
	struct dlab l = dlab_new();
	struct fake_call *c;
	unsigned n = 0;

	(void)state;
	refresh(&l, LIST(APPS), "\"e1\"");
	discovery_refresh(l.d, on_done, &l);
	c = fake_take(l.lab.f, "GET", "/api");
	assert_string_equal(c->headers, "");	/* it had no ETag */
	fake_answer(c, 200, CORE_LIST);
	c = fake_take(l.lab.f, "GET", "/apis");
	assert_string_equal(c->headers, "If-None-Match: \"e1\"\n");
	fake_answer(c, 304, "");
	assert_int_equal(l.done, 2);
	assert_int_equal(l.err.code, ERR_NONE);
	assert_int_equal(discovery_generation(l.d), 1);
	discovery_each(l.d, count, &n);
	assert_int_equal(n, 4);
	dlab_free(&l);
}

static void test_generation(void **state)
{
	struct dlab l = dlab_new();

	(void)state;
	refresh(&l, LIST(APPS), NULL);
	refresh(&l, LIST(APPS), NULL);
	assert_int_equal(discovery_generation(l.d), 1);
	refresh(&l, LIST(APPS "," AUTOSCALING), NULL);
	assert_int_equal(discovery_generation(l.d), 2);
	/* Only a verb is gone. */
	refresh(&l, LIST(APPS "," GROUP("autoscaling",
		VERSION("v2", "Current", HPA) ","
		VERSION("v1", "Current", HPA ","
			RES("Old", "olds", "Namespaced", "\"get\"")))), NULL);
	assert_int_equal(discovery_generation(l.d), 3);
	refresh(&l, LIST(APPS), NULL);
	assert_int_equal(discovery_generation(l.d), 4);
	assert_null(discovery_find(l.d, "autoscaling", NULL, "Old"));
	dlab_free(&l);
}

static void test_stale_keeps(void **state)
{
	struct dlab l = dlab_new();
	const struct api_resource *r;
	struct fake_call *c;

	(void)state;
	refresh(&l, LIST(APPS "," METRICS("Current", POD_METRICS)), "\"e1\"");
	refresh(&l, LIST(APPS "," METRICS("Stale", "")), "\"e2\"");
	assert_int_equal(discovery_generation(l.d), 1);
	r = discovery_find(l.d, "metrics.k8s.io", NULL, "PodMetrics");
	assert_non_null(r);
	assert_string_equal(r->plural, "pods");
	/* The part is missing, so the ETag of that answer is worth nothing. */
	discovery_refresh(l.d, on_done, &l);
	answer(&l, "/api", 200, NULL, CORE_LIST);
	c = fake_take(l.lab.f, "GET", "/apis");
	assert_string_equal(c->headers, "");
	/* Stale twice in a row, with part of its kinds: still known once each. */
	fake_answer(c, 200, LIST(METRICS("Stale", POD_METRICS)));
	assert_non_null(discovery_find(l.d, "metrics.k8s.io", NULL, "PodMetrics"));
	assert_null(discovery_find(l.d, "apps", NULL, "Deployment"));
	/* Current and without it: gone. */
	refresh(&l, LIST(METRICS("Current", "")), NULL);
	assert_null(discovery_find(l.d, "metrics.k8s.io", NULL, "PodMetrics"));
	dlab_free(&l);
}

static void test_failure_keeps(void **state)
{
	struct dlab l = dlab_new();

	(void)state;
	refresh(&l, LIST(APPS), "\"e1\"");
	/* The first document is new, the second fails: neither is taken. */
	discovery_refresh(l.d, on_done, &l);
	answer(&l, "/api", 200, "\"c2\"", LIST(""));
	answer(&l, "/apis", 403, NULL, "{\"message\":\"no\",\"reason\":\"Forbidden\"}");
	assert_int_equal(l.err.code, ERR_AUTH);
	assert_string_equal(l.err.msg, "discovery: no");
	assert_non_null(discovery_find(l.d, "", NULL, "ConfigMap"));
	assert_int_equal(discovery_generation(l.d), 1);
	refresh(&l, LIST(APPS), NULL);
	dlab_free(&l);
}

static void test_old_server(void **state)
{
	struct dlab l = dlab_new();

	(void)state;
	discovery_refresh(l.d, on_done, &l);
	answer(&l, "/api", 200, NULL, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}");
	assert_int_equal(l.err.code, ERR_INVALID);
	assert_non_null(strstr(l.err.msg, "APIVersions"));
	assert_non_null(strstr(l.err.msg, "1.27"));
	assert_false(discovery_ready(l.d));
	dlab_free(&l);
}

/* Asked for while one runs: that one may be too old, so another follows. */
static void test_one_after_another(void **state)
{
	struct dlab l = dlab_new();

	(void)state;
	discovery_refresh(l.d, on_done, &l);
	discovery_refresh(l.d, on_done, &l);
	discovery_refresh(l.d, on_done, &l);
	answer(&l, "/api", 200, NULL, CORE_LIST);
	answer(&l, "/apis", 200, NULL, LIST(APPS));
	assert_int_equal(l.done, 1);
	answer(&l, "/api", 200, NULL, CORE_LIST);
	answer(&l, "/apis", 200, NULL, LIST(APPS "," AUTOSCALING));
	assert_int_equal(l.done, 3);
	assert_int_equal(fake_untaken(l.lab.f), 0);
	dlab_free(&l);
}

static void test_free_in_callback(void **state)
{
	struct dlab l = dlab_new();

	(void)state;
	l.free_it = true;
	discovery_refresh(l.d, on_done, &l);
	discovery_refresh(l.d, on_done, &l);
	answer(&l, "/api", 500, NULL, "");
	assert_int_equal(l.done, 1);
	assert_null(l.d);
	dlab_free(&l);
}

static void test_free_while_running(void **state)
{
	struct dlab l = dlab_new();

	(void)state;
	discovery_refresh(l.d, on_done, &l);
	answer(&l, "/api", 200, "\"x\"", CORE_LIST);
	l.d = discovery_free(l.d);
	fake_run(l.lab.f, 1000);
	assert_int_equal(l.done, 0);
	dlab_free(&l);
}

static int parse(const char *text, struct err *err)
{
	_cleanup_json_ json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	struct discovery_table t = { 0 };
	int rc;

	assert_non_null(j);
	rc = discovery_parse(&t, j, err);
	discovery_table_deinit(&t);
	return rc;
}

static void test_odd_documents(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse("null", &err), -1);
	assert_int_equal(parse("[]", &err), -1);
	assert_int_equal(parse("{\"kind\":7}", &err), -1);
	assert_int_equal(parse(LIST(GROUP("g", "{}")), &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(parse(LIST(GROUP("g", "3")), &err), -1);
	/* Missing parts are nothing, not errors. */
	assert_int_equal(parse("{\"kind\":\"APIGroupDiscoveryList\"}", &err), 0);
	assert_int_equal(parse(LIST("null,{},[]"), &err), 0);
	assert_int_equal(parse(LIST(GROUP("g", VERSION("v", "Current",
			"{},null,{\"resource\":\"x\"}"))), &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_etags),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_stale_keeps),
		cmocka_unit_test(test_failure_keeps),
		cmocka_unit_test(test_old_server),
		cmocka_unit_test(test_one_after_another),
		cmocka_unit_test(test_free_in_callback),
		cmocka_unit_test(test_free_while_running),
		cmocka_unit_test(test_odd_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
