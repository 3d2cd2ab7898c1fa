/*
 * Name references, over layers that rename. What is expected is what the reference
 * program gave for the same folders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "kust_fixture.h"
#include "render/kustomize/transform.h"

#define RBAC "rbac.authorization.k8s.io"
#define OBJECT(version, kind, meta) \
	"{apiVersion: " version ", kind: " kind ", metadata: {" meta "}"
#define CM(meta) OBJECT("v1", "ConfigMap", meta) "}\n"
#define SECRET(meta) OBJECT("v1", "Secret", meta) "}\n"
#define SA(meta) OBJECT("v1", "ServiceAccount", meta) "}\n"
#define POD(meta, config) OBJECT("v1", "Pod", meta) \
	", spec: {volumes: [{configMap: {name: " config "}}]}}\n"
#define ROLE(kind, meta, rules) OBJECT(RBAC "/v1", kind, meta) ", rules: [" rules "]}\n"
#define BIND(kind, meta, role_kind, subjects) OBJECT(RBAC "/v1", kind "Binding", meta) \
	", roleRef: {apiGroup: " RBAC ", kind: " role_kind ", name: r}, subjects: [" \
	subjects "]}\n"
#define DOC "---\n"

#define AS_IS { NULL, NULL, NULL }

/* A kustomization: what it does to the objects in it. */
struct renames {
	const char *prefix, *suffix, *ns;
};
struct ref_case {
	const char *name;
	struct renames root;
	struct { struct renames by; const char *yaml; } layers[3];
	const char *json;	/* without apiVersions and kinds; NULL: refused */
	const char *why;
};

static const struct ref_case ref_cases[] = {
	{ "a prefix", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") DOC
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"x-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"x-a\"}}]}}\n", NULL },
	{ "two layers", { "y-", "-t", "ns" }, {
		{ { "x-", "-s", NULL },
		  CM("name: a") DOC
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"y-x-a-s-t\",\"namespace\":\"ns\"}}\n"
	     "{\"metadata\":{\"name\":\"y-x-p-s-t\",\"namespace\":\"ns\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"y-x-a-s-t\"}}]}}\n", NULL },
	{ "not of that kind", AS_IS, {
		{ { "x-", NULL, NULL },
		  SECRET("name: a") DOC
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"x-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"a\"}}]}}\n", NULL },
	{ "siblings with one name", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") DOC
		  POD("name: p", "a") },
		{ { "y-", NULL, NULL },
		  CM("name: a") DOC
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"x-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"x-a\"}}]}}\n"
	     "{\"metadata\":{\"name\":\"y-a\"}}\n"
	     "{\"metadata\":{\"name\":\"y-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"y-a\"}}]}}\n", NULL },
	{ "two have the name, elsewhere", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") },
		{ { "y-", NULL, NULL },
		  CM("name: a") },
		{ { NULL, NULL, NULL },
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"y-a\"}}\n"
	     "{\"metadata\":{\"name\":\"p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"a\"}}]}}\n", NULL },
	{ "one has the name, elsewhere", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") },
		{ { NULL, NULL, NULL },
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"x-a\"}}]}}\n", NULL },
	{ "other prefixes", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") },
		{ { "y-", NULL, NULL },
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"y-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"x-a\"}}]}}\n", NULL },
	{ "other namespaces", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a, namespace: n1") DOC
		  POD("name: p, namespace: n2", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"x-p\",\"namespace\":\"n2\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"a\"}}]}}\n", NULL },
	{ "namespaces of their own", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a, namespace: n1") },
		{ { "y-", NULL, NULL },
		  CM("name: a, namespace: n2") DOC
		  POD("name: p, namespace: n1", "a") DOC
		  POD("name: p, namespace: n2", "a") },
	  }, "{\"metadata\":{\"name\":\"x-a\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"y-a\",\"namespace\":\"n2\"}}\n"
	     "{\"metadata\":{\"name\":\"y-p\",\"namespace\":\"n1\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"x-a\"}}]}}\n"
	     "{\"metadata\":{\"name\":\"y-p\",\"namespace\":\"n2\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"y-a\"}}]}}\n", NULL },
	{ "a name in between", { "y-", NULL, NULL }, {
		{ { "x-", NULL, NULL },
		  CM("name: a") },
		{ { NULL, NULL, NULL },
		  POD("name: p", "x-a") },
	  }, "{\"metadata\":{\"name\":\"y-x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"y-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"y-x-a\"}}]}}\n", NULL },
	{ "nothing was renamed", AS_IS, {
		{ { NULL, NULL, NULL },
		  CM("name: a") DOC
		  POD("name: p", "a") },
	  }, "{\"metadata\":{\"name\":\"a\"}}\n"
	     "{\"metadata\":{\"name\":\"p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"a\"}}]}}\n", NULL },
	{ "role and cluster role", AS_IS, {
		{ { "x-", NULL, NULL },
		  ROLE("Role", "name: r", "") DOC
		  BIND("Role", "name: b1", "Role", "") DOC
		  BIND("Role", "name: b2", "ClusterRole", "") },
		{ { "y-", NULL, NULL },
		  ROLE("ClusterRole", "name: r", "") },
	  }, "{\"metadata\":{\"name\":\"x-r\"},\"rules\":[]}\n"
	     "{\"metadata\":{\"name\":\"x-b1\"},\"roleRef\":{\"kind\":\"Role\","
	     "\"name\":\"x-r\"},\"subjects\":[]}\n"
	     "{\"metadata\":{\"name\":\"x-b2\"},"
	     "\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"y-r\"},"
	     "\"subjects\":[]}\n"
	     "{\"metadata\":{\"name\":\"y-r\"},\"rules\":[]}\n", NULL },
	{ "subjects", AS_IS, {
		{ { "x-", NULL, NULL },
		  SA("name: s, namespace: n1") DOC
		  BIND("Role", "name: b, namespace: n2", "Role", "{kind: ServiceAccount, name: s, namespace: n1}, {kind: User, name: s}, {kind: ServiceAccount, name: s, namespace: n3}") },
	  }, "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"x-b\",\"namespace\":\"n2\"},"
	     "\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"n1\"},{\"kind\":\"User\",\"name\":\"x-s\","
	     "\"namespace\":\"n1\"},{\"kind\":\"ServiceAccount\",\"name\":\"s\","
	     "\"namespace\":\"n3\"}]}\n", NULL },
	{ "a subject gets a namespace", AS_IS, {
		{ { "x-", NULL, "ns" },
		  SA("name: s") DOC
		  BIND("ClusterRole", "name: b", "ClusterRole", "{kind: ServiceAccount, name: s}") },
	  }, "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"ns\"}}\n"
	     "{\"metadata\":{\"name\":\"x-b\"},"
	     "\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"ns\"}]}\n", NULL },
	{ "a subject gets a number for a namespace", AS_IS, {
		{ { "x-", NULL, NULL },
		  SA("name: s, namespace: \"12\"") DOC
		  BIND("ClusterRole", "name: b", "ClusterRole", "{kind: ServiceAccount, name: s}") },
	  }, "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"12\"}}\n"
	     "{\"metadata\":{\"name\":\"x-b\"},"
	     "\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"12\"}]}\n", NULL },
	{ "subjects of two namespaces", AS_IS, {
		{ { "x-", NULL, NULL },
		  SA("name: s, namespace: n1") DOC
		  SA("name: s, namespace: n2") DOC
		  BIND("Role", "name: b, namespace: n3", "Role", "{kind: ServiceAccount, name: s, namespace: n1}, {kind: ServiceAccount, name: s, namespace: n2}") },
	  }, "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"n2\"}}\n"
	     "{\"metadata\":{\"name\":\"x-b\",\"namespace\":\"n3\"},"
	     "\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"n1\"},{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"n2\"}]}\n", NULL },
	{ "where they were, where they are", AS_IS, {
		{ { "x-", NULL, "new" },
		  SA("name: s, namespace: old") },
		{ { NULL, NULL, NULL },
		  BIND("ClusterRole", "name: b", "ClusterRole", "{kind: ServiceAccount, name: s, namespace: new}, {kind: ServiceAccount, name: s, namespace: old}") },
	  }, "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"new\"}}\n"
	     "{\"metadata\":{\"name\":\"b\"},"
	     "\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"new\"},{\"kind\":\"ServiceAccount\","
	     "\"name\":\"x-s\",\"namespace\":\"new\"}]}\n", NULL },
	{ "somebody else was there", { NULL, NULL, "q" }, {
		{ { "x-", NULL, NULL },
		  CM("name: c, namespace: new") DOC
		  SA("name: s, namespace: old") },
		{ { NULL, NULL, NULL },
		  BIND("ClusterRole", "name: b", "ClusterRole", "{kind: ServiceAccount, name: s, namespace: new}, {kind: ServiceAccount, name: s, namespace: old}") },
	  }, "{\"metadata\":{\"name\":\"x-c\",\"namespace\":\"q\"}}\n"
	     "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"q\"}}\n"
	     "{\"metadata\":{\"name\":\"b\"},"
	     "\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"s\","
	     "\"namespace\":\"new\"},{\"kind\":\"ServiceAccount\","
	     "\"name\":\"x-s\",\"namespace\":\"q\"}]}\n", NULL },
	{ "a namespaced referrer does not see who was there", AS_IS, {
		{ { "x-", NULL, "other" },
		  CM("name: c, namespace: new") },
		{ { "x-", NULL, "new" },
		  SA("name: s, namespace: old") },
		{ { NULL, NULL, "new" },
		  BIND("Role", "name: b", "Role", "{kind: ServiceAccount, name: s, namespace: new}") },
	  }, "{\"metadata\":{\"name\":\"x-c\",\"namespace\":\"other\"}}\n"
	     "{\"metadata\":{\"name\":\"x-s\",\"namespace\":\"new\"}}\n"
	     "{\"metadata\":{\"name\":\"b\",\"namespace\":\"new\"},"
	     "\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},"
	     "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x-s\","
	     "\"namespace\":\"new\"}]}\n", NULL },
	{ "two accounts, two namespaces", AS_IS, {
		{ { "x-", NULL, NULL },
		  SA("name: s, namespace: n1") },
		{ { "x-", NULL, NULL },
		  SA("name: s, namespace: n2") },
		{ { "x-", NULL, NULL },
		  BIND("ClusterRole", "name: b", "ClusterRole", "{kind: ServiceAccount, name: s}") },
	  }, NULL, "give them different names" },
	{ "two of one new name", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a, namespace: n1") },
		{ { "x-", NULL, NULL },
		  CM("name: a, namespace: n2") },
		{ { "x-", NULL, NULL },
		  ROLE("ClusterRole", "name: r", "{resourceNames: [a]}") },
	  }, "{\"metadata\":{\"name\":\"x-a\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"x-a\",\"namespace\":\"n2\"}}\n"
	     "{\"metadata\":{\"name\":\"x-r\"},"
	     "\"rules\":[{\"resourceNames\":[\"x-a\"]}]}\n", NULL },
	{ "two of different new names", AS_IS, {
		{ { "x-", "-1", NULL },
		  CM("name: a, namespace: n1") },
		{ { "x-", "-2", NULL },
		  CM("name: a, namespace: n2") },
		{ { "x-", NULL, NULL },
		  ROLE("ClusterRole", "name: r", "{resourceNames: [a]}") },
	  }, "{\"metadata\":{\"name\":\"x-a-1\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"x-a-2\",\"namespace\":\"n2\"}}\n"
	     "{\"metadata\":{\"name\":\"x-r\"},"
	     "\"rules\":[{\"resourceNames\":[\"a\"]}]}\n", NULL },
	{ "an outer prefix", { "z-", NULL, NULL }, {
		{ { "x-", NULL, NULL },
		  CM("name: a, namespace: n1") },
		{ { NULL, NULL, NULL },
		  CM("name: b, namespace: n2") },
		{ { "x-", NULL, NULL },
		  ROLE("ClusterRole", "name: r", "{resourceNames: [a]}") },
	  }, "{\"metadata\":{\"name\":\"z-x-a\",\"namespace\":\"n1\"}}\n"
	     "{\"metadata\":{\"name\":\"z-b\",\"namespace\":\"n2\"}}\n"
	     "{\"metadata\":{\"name\":\"z-x-r\"},"
	     "\"rules\":[{\"resourceNames\":[\"z-x-a\"]}]}\n", NULL },
	{ "names in a list", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") DOC
		  SECRET("name: b") DOC
		  ROLE("Role", "name: r", "{resourceNames: [a, b, c]}") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"x-b\"}}\n"
	     "{\"metadata\":{\"name\":\"x-r\"},"
	     "\"rules\":[{\"resourceNames\":[\"x-a\",\"x-b\",\"c\"]}]}\n", NULL },
	{ "a subject without a name", AS_IS, {
		{ { "x-", NULL, NULL },
		  SA("name: s") DOC
		  BIND("Role", "name: b", "Role", "{kind: User}") },
	  }, NULL, "field 'subjects': line 3: no 'name' is there" },
	{ "a namespace that is no text", AS_IS, {
		{ { "x-", NULL, NULL },
		  SA("name: s") DOC
		  BIND("Role", "name: b", "Role", "{kind: ServiceAccount, name: s, namespace: 1}") },
	  }, NULL, "a subject's namespace is no text" },
	{ "a list in a list", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") DOC
		  ROLE("Role", "name: r", "{resourceNames: [[a]]}") },
	  }, NULL, "a text or a map is expected" },
	{ "nulls", AS_IS, {
		{ { "x-", NULL, NULL },
		  CM("name: a") DOC
		  POD("name: p", "null") DOC
		  ROLE("Role", "name: r", "{resourceNames: [null, a]}") },
	  }, "{\"metadata\":{\"name\":\"x-a\"}}\n"
	     "{\"metadata\":{\"name\":\"x-p\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":null}}]}}\n"
	     "{\"metadata\":{\"name\":\"x-r\"},"
	     "\"rules\":[{\"resourceNames\":[null,\"x-a\"]}]}\n", NULL },
	{ "quotes", AS_IS, {
		{ { NULL, "0", NULL },
		  CM("name: \"1\"") DOC
		  POD("name: p", "\"1\"") DOC
		  POD("name: q", "1") },
	  }, "{\"metadata\":{\"name\":\"10\"}}\n"
	     "{\"metadata\":{\"name\":\"p0\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":\"10\"}}]}}\n"
	     "{\"metadata\":{\"name\":\"q0\"},"
	     "\"spec\":{\"volumes\":[{\"configMap\":{\"name\":10}}]}}\n", NULL },
};

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->msg);
}

static void rename_all(struct kfix *f, struct kmap *m, const struct renames *by,
		       const struct kconfig *c)
{
	struct knamespace_args ns = { .ns = by->ns, .specs = &c->namespace };
	struct err err = ERR_INIT;

	if (by->ns)
		must(kust_namespace(&f->k, m, &ns, &err), &err);
	if (by->prefix)
		must(kust_prefix(&f->k, m, by->prefix, &c->name_prefix, &err), &err);
	if (by->suffix)
		must(kust_suffix(&f->k, m, by->suffix, &c->name_suffix, &err), &err);
}

static struct kmap *lay(struct kfix *f, const struct ref_case *rc,
			const struct kconfig *c)
{
	struct kmap *m = kmap_new(&f->k);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rc->layers) && rc->layers[i].yaml; i++) {
		struct kmap *layer = kfix_map(f, rc->layers[i].yaml);

		rename_all(f, layer, &rc->layers[i].by, c);
		must(kmap_append_all(m, layer, &err), &err);
	}
	rename_all(f, m, &rc->root, c);
	return m;
}

static void strip(struct kmap *m)
{
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct node *root = kmap_at(m, i)->root;

		kremove(root, "apiVersion");
		kremove(root, "kind");
		kremove(kget(root, "roleRef"), "apiGroup");
	}
}

static void test_references(void **state)
{
	struct kconfig config;

	(void)state;
	kconfig_default(&config);
	for (size_t i = 0; i < ARRAY_LEN(ref_cases); i++) {
		const struct ref_case *c = ref_cases + i;
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;
		int rc;

		kfix_init(&f, NULL);
		m = lay(&f, c, &config);
		rc = kust_name_references(&f.k, m, &config.name_reference, &err);
		strip(m);
		if ((rc < 0) != !c->json)
			fail_msg("%s: %s", c->name, rc < 0 ? err.msg : "accepted");
		if (rc < 0 && !strstr(err.msg, c->why))
			fail_msg("%s: %s", c->name, err.msg);
		if (rc == 0 && strcmp(kfix_dump(&f, m), c->json) != 0)
			fail_msg("%s: %s", c->name, kfix_dump(&f, m));
		kfix_deinit(&f);
	}
}

/* Who names whom is remembered, and a name that a table lists may be the object's. */
static void test_what_is_kept(void **state)
{
	struct kfieldspec own = { .gvk = { "", "", "Pod" }, .path = "metadata/name" };
	struct knameref row = { { "", "", "ConfigMap" }, { &own, 1, 0 } };
	struct knamerefs table = { &row, 1, 0 };
	struct err err = ERR_INIT;
	struct kmap *m;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	m = kfix_map(&f, CM("name: a") DOC POD("name: a", "none"));
	kres_store_previous(&f.k, kmap_at(m, 0));
	kres_set_name(&f.k, kmap_at(m, 0), "b");
	kmap_reindex(m, kmap_at(m, 0));
	must(kust_name_references(&f.k, m, &table, &err), &err);
	assert_string_equal(kmap_at(m, 1)->id.name, "b");
	assert_int_equal(kmap_at(m, 0)->ref_by.len, 1);
	assert_string_equal(kmap_at(m, 0)->ref_by.data[0].gvk.kind, "Pod");
	kfix_deinit(&f);
}

#define MANY 10000

/* Ten thousand pods and their ConfigMaps: not a scan of all for each name. */
static void test_many(void **state)
{
	_cleanup_buf_ struct buf yaml = BUF_INIT;
	struct ref_case c = { .layers = { { { "x-", NULL, NULL }, NULL } } };
	struct err err = ERR_INIT;
	struct kconfig config;
	struct kmap *m;
	struct kfix f;
	clock_t began;

	(void)state;
	kconfig_default(&config);
	kfix_init(&f, NULL);
	for (int i = 0; i < MANY; i++)
		buf_addf(&yaml, CM("name: c%d") DOC POD("name: p%d", "c%d") DOC, i, i, i);
	c.layers[0].yaml = buf_str(&yaml);
	m = lay(&f, &c, &config);
	began = clock();
	must(kust_name_references(&f.k, m, &config.name_reference, &err), &err);
	assert_true(clock() - began < 20 * CLOCKS_PER_SEC);
	for (size_t i = 1; i < kmap_len(m); i += 2) {
		const struct node *volumes = kfind(kmap_at(m, i)->root, "spec", "volumes",
						   NULL);

		assert_string_equal(ktext(kfind(volumes->kids[0], "configMap", "name", NULL)),
				    kmap_at(m, i - 1)->id.name);
	}
	kfix_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
