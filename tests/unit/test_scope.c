/* sync/scope.c: where objects live and at which address, from discovery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakeworld.h"
#include "sync/engine_priv.h"

#define RES(kind, plural, scope) "{\"resource\":\"" plural "\",\"responseKind\":{" \
	"\"kind\":\"" kind "\"},\"scope\":\"" scope "\",\"verbs\":[\"get\",\"list\"," \
	"\"patch\",\"watch\",\"delete\"]}"
#define VERSION(v, r) "{\"version\":\"" v "\",\"freshness\":\"Current\"," \
	"\"resources\":[" r "]}"
#define LIST(groups) "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[" groups "]}"

static const char core[] = LIST("{\"metadata\":{},\"versions\":["
	VERSION("v1", RES("ConfigMap", "configmaps", "Namespaced") ","
		RES("Namespace", "namespaces", "Cluster")) "]}");
static const char groups[] = LIST("{\"metadata\":{\"name\":\"apps\"},"
	"\"versions\":[" VERSION("v1", RES("Deployment", "deployments",
					   "Namespaced")) "]}");

static void on_done(void *arg, const struct err *err)
{
	*(enum err_code *)arg = err->code;
}

struct scope_row {
	const char *group, *version, *kind, *ns, *name;
	bool known, namespaced, served;
	const char *path;	/* NULL: no address */
};

static const struct scope_row rows[] = {
	{ "", "v1", "ConfigMap", "", "a", true, true, true,
	  "/api/v1/namespaces/x/configmaps/a" },
	{ "", "v1", "Namespace", "wrong", "a", true, false, true, "/api/v1/namespaces/a" },
	{ "apps", "v1", "Deployment", "x", "a", true, true, true,
	  "/apis/apps/v1/namespaces/x/deployments/a" },
	/* A version that is gone: it cannot be applied, but it lives where it lived. */
	{ "apps", "v1beta1", "Deployment", "x", "a", true, true, false,
	  "/apis/apps/v1/namespaces/x/deployments/a" },
	{ "apps", "v1beta1", "Deployment", "", "a", true, true, false,
	  "/apis/apps/v1/namespaces/x/deployments/a" },
	{ "", "v1beta1", "Namespace", "wrong", "a", true, false, false,
	  "/api/v1/namespaces/a" },
	{ "", "v1", "Widget", "x", "a", false, false, false, NULL },
	/* Kinds of the release's own CRD: what the manifest says, until served. */
	{ "acme.io", "v1", "Widget", "x", "a", true, true, true, NULL },
	{ "acme.io", "v1", "Widget", "", "a", true, false, true, NULL },
	/* Neither a subgroup nor a longer group is meant by it. */
	{ "io", "v1", "Widget", "x", "a", false, false, false, NULL },
	{ "more.acme.io", "v1", "Widget", "x", "a", false, false, false, NULL },
	{ "cme.io", "v1", "Widget", "x", "a", false, false, false, NULL },
	{ "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "",
	  "widgets.acme.io", false, false, false, NULL },
};

static void check(const struct discovery *d, const struct scope *s,
		  const struct scope_row *w)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct objkey k = { w->group, w->kind, "x", w->name };
	struct kube_ref ref;

	if (s->known != w->known || s->namespaced != w->namespaced ||
	    s->served != w->served)
		fail_msg("%s/%s: known %d namespaced %d served %d", w->group, w->kind,
			 s->known, s->namespaced, s->served);
	assert_int_equal(ref_resolve(d, &k, w->version, &ref), w->path != NULL);
	if (!w->path)
		return;
	kube_path(&ref, &path);
	assert_string_equal(buf_str(&path), w->path);
}

static void scopes(void **state)
{
	struct http_endpoint ep = { .url = (char *)(uintptr_t)"http://api" };
	struct rendered objects[ARRAY_LEN(rows)] = { 0 };
	struct render_answer a = { .objects = objects,
				   .n_objects = ARRAY_LEN(rows) };
	struct fake *f = fake_new();
	struct kube *k = kube_new(fake_world(f), &ep, (struct kube_limits){ 0 });
	struct discovery *d = discovery_new(k);
	enum err_code code = ERR_NET;
	struct scope *s;

	(void)state;
	discovery_refresh(d, on_done, &code);
	fake_answer(fake_take(f, "GET", "/api"), 200, core);
	fake_answer(fake_take(f, "GET", "/apis"), 200, groups);
	fake_run(f, 0);
	assert_int_equal(code, ERR_NONE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		objects[i] = (struct rendered){
			.group = (char *)(uintptr_t)rows[i].group,
			.version = (char *)(uintptr_t)rows[i].version,
			.kind = (char *)(uintptr_t)rows[i].kind,
			.ns = (char *)(uintptr_t)rows[i].ns,
			.name = (char *)(uintptr_t)rows[i].name };
	s = scopes_resolve(d, &a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(d, &s[i], &rows[i]);
	free(s);
	discovery_free(d);
	kube_free(k);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
