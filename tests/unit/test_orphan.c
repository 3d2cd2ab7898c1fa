/* What counts as orphaned: the cases of sync/orphan.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "sync/orphan.h"

static void project(struct project *p, const char *spec)
{
	_cleanup_free_ char *text = xasprintf("{'metadata':{'name':'team'},'spec':{"
		"'destinations':[{'server':'*','namespace':'prod'}]%s}}", spec);
	_cleanup_json_ json_t *o = NULL;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	o = doc_parse(text, strlen(text), NULL);
	assert_non_null(o);
	assert_int_equal(project_decode(p, o, NULL), 0);
}

static void who_asks(void **state)
{
	static const struct { const char *spec; bool wanted, warns; } cases[] = {
		{ "", false, false },
		{ ",'orphanedResources':null", false, false },
		{ ",'orphanedResources':'yes'", false, false },
		{ ",'orphanedResources':{}", true, false },
		{ ",'orphanedResources':{'warn':null}", true, false },
		{ ",'orphanedResources':{'warn':false}", true, false },
		{ ",'orphanedResources':{'warn':true}", true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct project p;

		project(&p, cases[i].spec);
		if (orphan_wanted(&p) != cases[i].wanted ||
		    orphan_warns(&p) != cases[i].warns)
			fail_msg("%s", cases[i].spec);
		project_deinit(&p);
	}
}

static void kinds_that_count(void **state)
{
	static const struct { const char *spec, *group, *kind, *ns; bool counts; } cases[] = {
		{ "", "", "ConfigMap", "prod", true },
		{ "", "apps", "Deployment", "prod", true },
		{ "", "apps", "Deployment", "elsewhere", false },	/* 2 */
		{ ",'namespaceResourceBlacklist':[{'group':'','kind':'Secret'}]", "", "Secret",
		  "prod", false },
		{ ",'namespaceResourceWhitelist':[{'group':'','kind':'Secret'}]", "", "ConfigMap",
		  "prod", false },
		{ ",'namespaceResourceWhitelist':[{'group':'','kind':'Secret'}]", "", "Secret",
		  "prod", true },
		{ "", "", "Event", "prod", false },	/* 1 */
		{ "", "events.k8s.io", "Event", "prod", false },
		{ "", "metrics.k8s.io", "PodMetrics", "prod", false },
		{ "", "coordination.k8s.io", "Lease", "prod", false },
		{ "", "", "Endpoints", "prod", false },
		{ "", "discovery.k8s.io", "EndpointSlice", "prod", false },
		{ "", "cert-manager.io", "CertificateRequest", "prod", false },
		{ "", "cert-manager.io", "Certificate", "prod", true },
		{ "", "wgpolicyk8s.io", "PolicyReport", "prod", false },
		{ "", "kyverno.io", "Policy", "prod", true },
		{ "", "example.com", "Event", "prod", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct project p;

		project(&p, cases[i].spec);
		if (orphan_kind_counts(&p, cases[i].group, cases[i].kind, cases[i].ns) !=
		    cases[i].counts)
			fail_msg("%s: %s/%s in %s", cases[i].spec, cases[i].group,
				 cases[i].kind, cases[i].ns);
		project_deinit(&p);
	}
}

#define IGNORE(rule) ",'orphanedResources':{'ignore':[{'group':'x','kind':'Y'}," rule "]}"

static const struct {
	const char *spec, *group, *kind, *ns, *name, *metadata;
	bool managed, at_home;
	enum orphan_case want;
} cases[] = {
	{ "", "", "ConfigMap", "prod", "a", "{}", false, false, ORPHAN_IS },
	{ "", "", "ConfigMap", "prod", "a", "{\"ownerReferences\":[]}", false, false, ORPHAN_IS },
	{ "", "", "ConfigMap", "prod", "a", "{\"ownerReferences\":[{\"kind\":\"X\"}]}", false,
	  false, ORPHAN_OWNED },
	{ "", "", "ConfigMap", "prod", "a", "{\"ownerReferences\":[{\"kind\":\"X\"}]}", true,
	  false, ORPHAN_OWNED },
	{ "", "", "Secret", "prod", "t", "{\"annotations\":{\"kubernetes.io/service-account.name\":"
	  "\"default\"}}", false, false, ORPHAN_OWNED },
	{ "", "x", "Secret", "prod", "t", "{\"annotations\":{\"kubernetes.io/service-account.name\":"
	  "\"default\"}}", false, false, ORPHAN_IS },
	{ "", "", "ServiceAccount", "prod", "default", "{}", false, false, ORPHAN_SYSTEM },
	{ "", "", "ServiceAccount", "prod", "builder", "{}", false, false, ORPHAN_IS },
	{ "", "", "ConfigMap", "prod", "kube-root-ca.crt", "{}", false, false, ORPHAN_SYSTEM },
	{ "", "x", "ConfigMap", "prod", "kube-root-ca.crt", "{}", false, false, ORPHAN_IS },
	{ "", "", "Service", "default", "kubernetes", "{}", false, false, ORPHAN_SYSTEM },
	{ "", "", "Service", "prod", "kubernetes", "{}", false, false, ORPHAN_IS },
	{ "", "", "ConfigMap", "prod", "a", "{}", true, false, ORPHAN_MANAGED },
	{ "", "", "Secret", "prod", "s", "{\"labels\":{\"app.kubernetes.io/managed-by\":\"syncd\"}}",
	  false, true, ORPHAN_OURS },
	{ "", "", "Secret", "prod", "s", "{\"labels\":{\"app.kubernetes.io/managed-by\":\"syncd\"}}",
	  false, false, ORPHAN_IS },
	{ "", "", "ConfigMap", "prod", "syncd-install", "{}", false, true, ORPHAN_OURS },
	{ "", "", "ConfigMap", "prod", "syncd-install", "{}", false, false, ORPHAN_IS },
	{ IGNORE("{'kind':'ConfigMap','name':'a'}"), "", "ConfigMap", "prod", "a", "{}", false,
	  false, ORPHAN_IGNORED },
	{ IGNORE("{'kind':'ConfigMap','name':'a'}"), "", "ConfigMap", "prod", "b", "{}", false,
	  false, ORPHAN_IS },
	{ IGNORE("{'kind':'ConfigMap'}"), "", "ConfigMap", "prod", "b", "{}", false, false,
	  ORPHAN_IGNORED },
	{ IGNORE("{'kind':'Deployment'}"), "apps", "Deployment", "prod", "b", "{}", false, false,
	  ORPHAN_IS },	/* no group: the core group */
	{ IGNORE("{'group':'apps','kind':'Deployment'}"), "apps", "Deployment", "prod", "b", "{}",
	  false, false, ORPHAN_IGNORED },
	{ IGNORE("{'group':'*'}"), "apps", "Deployment", "prod", "b", "{}", false, false,
	  ORPHAN_IGNORED },
	{ IGNORE("{'kind':'Secret','name':'*.example.com'}"), "", "Secret", "prod",
	  "x.y.example.com", "{}", false, false, ORPHAN_IGNORED },
	{ IGNORE("{'kind':'{Secret','name':'*'}"), "", "Secret", "prod", "s", "{}", false, false,
	  ORPHAN_IS },	/* a pattern that cannot be read fits nothing */
	{ ",'orphanedResources':{'ignore':{}}", "", "Secret", "prod", "s", "{}", false, false,
	  ORPHAN_IS },
};

static void objects_that_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *metadata = doc_parse(cases[i].metadata,
			strlen(cases[i].metadata), NULL);
		struct orphan_object o = {
			.key = { cases[i].group, cases[i].kind, cases[i].ns, cases[i].name },
			.metadata = metadata, .managed = cases[i].managed,
			.at_home = cases[i].at_home,
		};
		struct project p;
		enum orphan_case got;

		project(&p, cases[i].spec);
		got = orphan_judge(&p, &o);
		if (got != cases[i].want)
			fail_msg("case %zu: %d, not %d", i, got, cases[i].want);
		project_deinit(&p);
	}
}

/* Of a StatefulSet that is there; its claims bear no owner. */
static void claims_of_sets(void **state)
{
	static char *const sets[] = { (char *)(uintptr_t)"db", (char *)(uintptr_t)"web" };
	static const struct { const char *kind, *name; bool owned; } claims[] = {
		{ "PersistentVolumeClaim", "data-web-0", true },
		{ "PersistentVolumeClaim", "data-web-12", true },
		{ "PersistentVolumeClaim", "d-db-3", true },
		{ "PersistentVolumeClaim", "data-web-", false },
		{ "PersistentVolumeClaim", "data-web", false },
		{ "PersistentVolumeClaim", "-web-0", false },
		{ "PersistentVolumeClaim", "web-0", false },
		{ "PersistentVolumeClaim", "data-xweb-0", false },
		{ "PersistentVolumeClaim", "data-other-0", false },
		{ "PersistentVolumeClaim", "0", false },
		{ "ConfigMap", "data-web-0", false },
	};
	struct project p;

	(void)state;
	project(&p, "");
	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		struct orphan_object o = {
			.key = { "", claims[i].kind, "prod", claims[i].name },
			.sets = sets, .n_sets = ARRAY_LEN(sets),
		};

		if ((orphan_judge(&p, &o) == ORPHAN_OWNED) != claims[i].owned)
			fail_msg("%s %s", claims[i].kind, claims[i].name);
	}
	project_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks),
		cmocka_unit_test(kinds_that_count),
		cmocka_unit_test(objects_that_count),
		cmocka_unit_test(claims_of_sets),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
