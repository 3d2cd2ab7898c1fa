/*
 * Vars. What is expected of tests/unit/data/kustomize/vars.txt is what the reference
 * program gave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kust_fixture.h"
#include "render/kustomize/vars.h"

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->msg);
}

/* The vars of a list, merged and resolved as one folder does. */
static int resolve(struct kfix *f, struct kmap *m, const char *yaml, struct err *err)
{
	const struct node *list = kfix_node(f, yaml);
	struct kconfig config;
	struct kvars vars = { 0 };
	struct kvar v[8];
	struct err e = ERR_INIT;
	int rc;

	assert_true(list && list->kind == NODE_LIST && list->len <= ARRAY_LEN(v));
	for (uint32_t i = 0; i < list->len; i++)
		must(kdecode(&f->k, &kvar_type, "t.yaml", list->kids[i], true, v + i, &e),
		     &e);
	kconfig_default(&config);
	rc = kust_vars_merge(&f->k, m, &vars, v, list->len, err);
	if (rc == 0)
		rc = kust_vars_resolve(&f->k, m, &vars, &config.var_reference, err);
	return rc;
}

static void test_vars(void **state)
{
	struct kfix_cases cases = { 0 };

	(void)state;
	kfix_cases_read(SOURCE_DIR "/tests/unit/data/kustomize/vars.txt", &cases);
	for (size_t i = 0; i < cases.len; i++) {
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;
		int rc;

		kfix_init(&f, NULL);
		m = kfix_map(&f, cases.data[i].objects);
		rc = resolve(&f, m, cases.data[i].todo, &err);
		kfix_judge(&f, cases.data + i, m, rc, &err);
		kfix_deinit(&f);
	}
	kfix_cases_free(&cases);
}

#define SERVICE "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {m: {}}}\n"

static void test_warnings(void **state)
{
	static const struct { const char *vars, *warning; } cases[] = {
		{ "[{name: A, objref: {kind: Service, version: v1, name: s}}]",
		  "well-defined vars that were never replaced: A" },
		{ "[{name: B, objref: {kind: Service, version: v1, name: s}},"
		  " {name: A, objref: {kind: Service, version: v1, name: s}}]",
		  "well-defined vars that were never replaced: A,B" },
		{ "[]", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct kfix f;

		kfix_init(&f, NULL);
		must(resolve(&f, kfix_map(&f, SERVICE), cases[i].vars, &err), &err);
		assert_string_equal(f.warning, cases[i].warning);
		kfix_deinit(&f);
	}
}

/* A child's vars go into its parent, whose own names must differ. */
static void test_sets(void **state)
{
	struct kvar a = { .name = "A" }, b = { .name = "B", .field_path = "x" };
	struct kvars into = { 0 }, child = { &b, 1, 0 };
	struct err err = ERR_INIT;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	a.object = b.object = (struct kid){ { "", "v1", "Service" }, "none", "", false };
	must(kust_vars_merge(&f.k, kfix_map(&f, SERVICE), &into, &a, 1, &err), &err);
	must(kust_vars_absorb(&f.k, &into, &child, &err), &err);
	assert_int_equal(into.len, 2);
	assert_string_equal(into.data[0].field_path, "metadata.name");
	assert_string_equal(into.data[1].field_path, "x");
	assert_int_equal(kust_vars_absorb(&f.k, &into, &child, &err), -1);
	assert_non_null(strstr(err.msg, "var 'B' is there already"));
	kfix_deinit(&f);
}

/* An object is found by its earlier name, and read by its last one. */
static void test_renamed(void **state)
{
	struct err err = ERR_INIT;
	struct kmap *m;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	m = kfix_map(&f, SERVICE "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, "
		     "annotations: {a: $(A)}}}\n");
	kres_store_previous(&f.k, kmap_at(m, 0));
	kres_set_name(&f.k, kmap_at(m, 0), "x-s");
	kmap_reindex(m, kmap_at(m, 0));
	must(resolve(&f, m, "[{name: A, objref: {kind: Service, version: v1, name: s}}]",
		     &err), &err);
	assert_string_equal(ktext(kfind(kmap_at(m, 1)->root, "metadata", "annotations", "a",
					NULL)), "x-s");
	kfix_deinit(&f);
}

/* A few bytes that would become gigabytes. */
static void test_bomb(void **state)
{
	_cleanup_buf_ struct buf yaml = BUF_INIT;
	struct err err = ERR_INIT;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	buf_adds(&yaml, "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {x: '");
	for (int i = 0; i < 100000; i++)
		buf_addc(&yaml, 'x');
	buf_adds(&yaml, "'}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: p, "
		 "annotations: {a: '");
	for (int i = 0; i < 1000; i++)
		buf_adds(&yaml, "$(A)");
	buf_adds(&yaml, "'}}}\n");
	assert_int_equal(resolve(&f, kfix_map(&f, buf_str(&yaml)),
				 "[{name: A, objref: {kind: Service, version: v1, name: s}, "
				 "fieldref: {fieldPath: spec.x}}]", &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.msg, "the text is too long"));
	kfix_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vars),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_renamed),
		cmocka_unit_test(test_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
