/*
 * Replacements and paths. What is expected of tests/unit/data/kustomize/replacements.txt
 * is what the reference program gave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kust_fixture.h"
#include "render/kustomize/kpath.h"
#include "render/kustomize/transform.h"

static const struct tree_file files[] = {
	{ "app/list.yaml", "- {sourceValue: v, targets: [{select: {kind: X}, "
	  "fieldPaths: [a]}], unknown: 1}\n"
	  "- {sourceValue: w, targets: [{select: {kind: X}, fieldPaths: [b]}]}\n" },
	{ "app/one.yaml", "sourceValue: v\nTargets: [{select: {kind: X}, "
	  "fieldPaths: [a]}]\n" },
	{ "app/empty.yaml", "" }, { "app/text.yaml", "x\n" }, { "app/none.yaml", "[]\n" },
	{ "app/bad.yaml", "a: [\n" }, { NULL, NULL }
};

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->msg);
}

static int replace(struct kfix *f, struct kmap *m, const char *yaml, struct err *err)
{
	const struct node *list = kfix_node(f, yaml);
	struct kreplacement r[8];
	struct err e = ERR_INIT;

	assert_true(list && list->kind == NODE_LIST && list->len <= ARRAY_LEN(r));
	for (uint32_t i = 0; i < list->len; i++)
		must(kdecode(&f->k, &kreplacement_type, "t.yaml", list->kids[i], true,
			     r + i, &e), &e);
	return kust_replacements(&f->k, &f->folder, m, r, list->len, err);
}

static void test_replacements(void **state)
{
	struct kfix_cases cases = { 0 };

	(void)state;
	kfix_cases_read(SOURCE_DIR "/tests/unit/data/kustomize/replacements.txt", &cases);
	for (size_t i = 0; i < cases.len; i++) {
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;
		int rc;

		kfix_init(&f, NULL);
		m = kfix_map(&f, cases.data[i].objects);
		rc = replace(&f, m, cases.data[i].todo, &err);
		kfix_judge(&f, cases.data + i, m, rc, &err);
		kfix_deinit(&f);
	}
	kfix_cases_free(&cases);
}

#define X "{apiVersion: v1, kind: X, metadata: {name: x}, a: 0a, b: 0b}\n"

static void test_files(void **state)
{
	static const struct { const char *yaml, *a, *b, *why; } cases[] = {
		{ "[{path: list.yaml}]", "v", "w", NULL },
		{ "[{path: one.yaml}]", "v", "0b", NULL },
		{ "[{path: none.yaml}]", "0a", "0b", NULL },
		{ "[{path: empty.yaml}]", NULL, NULL, "app/empty.yaml: a replacement or" },
		{ "[{path: text.yaml}]", NULL, NULL, "app/text.yaml: a replacement or" },
		{ "[{path: bad.yaml}]", NULL, NULL, "app/bad.yaml" },
		{ "[{path: gone.yaml}]", NULL, NULL, "gone.yaml" },
		{ "[{path: one.yaml, source: {kind: X}}]", NULL, NULL, "take source" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;
		int rc;

		kfix_init(&f, files);
		m = kfix_map(&f, X);
		rc = replace(&f, m, cases[i].yaml, &err);
		assert_int_equal(rc, cases[i].why ? -1 : 0);
		if (cases[i].why && !strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].yaml, err.msg);
		if (!cases[i].why) {
			const struct node *root = kmap_at(m, 0)->root;

			assert_string_equal(ktext(kget(root, "a")), cases[i].a);
			assert_string_equal(ktext(kget(root, "b")), cases[i].b);
		}
		kfix_deinit(&f);
	}
}

/* An object is known by its new name at once, and by its old one. */
static void test_names(void **state)
{
	_cleanup_kres_list_ struct kres_list l = { 0 };
	struct err err = ERR_INIT;
	struct kmap *m;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	m = kfix_map(&f, X);
	must(replace(&f, m, "[{sourceValue: new, targets: [{select: {name: x}}]}]", &err),
	     &err);
	kmap_by_any_name(m, "new", &l);
	assert_int_equal(l.len, 1);
	kres_store_previous(&f.k, l.data[0]);
	kres_set_name(&f.k, l.data[0], "newer");
	kmap_reindex(m, l.data[0]);
	must(replace(&f, m, "[{source: {name: new, fieldPath: kind}, targets: [{select: "
		     "{name: new}, fieldPaths: [a]}]}]", &err), &err);
	assert_string_equal(ktext(kget(l.data[0]->root, "a")), "X");
	kfix_deinit(&f);
}

/* A text that is YAML, but not as it would be written, or with what needs quotes. */
static void test_yaml_in_a_text(void **state)
{
	static const struct { const char *text, *path, *value; } cases[] = {
		{ "a: 1\n\nb: 2", "b", "3" }, { "a:  1", "a", "2" },
		{ "a: 1   # c", "a", "2" }, { "a:\n    b: 1", "a.b", "2" },
		{ "a:\n  - 1", "a.0", "2" }, { "---\na: 1", "a", "2" },
		{ "a: b", "a", "x: y" }, { "a: b", "a", "- x" }, { "a: b", "a", "" },
		{ "a: |\n  b\nc: d", "c", "e" }, { "a: \"\\x41\"\nb: c", "b", "d" },
		{ "a: [1,2]\nb: c", "b", "d" }, { "a: 1 \nb: c", "b", "d" },
		{ "  # c\na: b", "a", "d" }, { "a: &x b\nc: *x", "a", "d" },
		{ "a: !!str b", "a", "d" }, { "a: b\n# end", "a", "d" },
		{ "a: b\n...\n", "a", "d" }, { "? a\n: b", "a", "d" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *yaml = xasprintf("[{sourceValue: '%s', targets: [{select: "
			"{}, fieldPaths: [a.%s]}]}]", cases[i].value, cases[i].path);
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;

		kfix_init(&f, NULL);
		m = kfix_map(&f, X);
		kset(&f.k, kmap_at(m, 0)->root, "a", kstring(&f.k, cases[i].text));
		if (replace(&f, m, yaml, &err) == 0)
			fail_msg("%s: %s", cases[i].text, kfix_dump(&f, m));
		assert_non_null(strstr(err.msg, "plain block style"));
		kfix_deinit(&f);
	}
}

static void test_steps(void **state)
{
	static const struct { const char *path, *steps; } cases[] = {
		{ "a.b", "a|b|" }, { ".a", "a|" }, { "a..b", "a||b|" }, { "", "|" },
		{ "a\\.b.c", "a.b|c|" }, { "a.[b.c].d", "a|b.c|d|" },
		{ "a.[b=c.d].e", "a|[b=c.d]|e|" }, { "a.[b", "a|b|" },
		{ "a.[b.c", "a|b.c|" }, { "a.[b=c.d", "a|[b=c.d|" }, { "a.[b]", "a|[b]|" },
		{ "[[a.b]]", "a.b|" },
	};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char **steps = kpath_steps(&f.k, cases[i].path, &err);

		buf_clear(&b);
		for (; *steps; steps++)
			buf_addf(&b, "%s|", *steps);
		assert_string_equal(buf_str(&b), cases[i].steps);
	}
	buf_clear(&b);
	for (unsigned i = 0; i < KPATH_STEPS_MAX; i++)
		buf_adds(&b, "a.");
	assert_null(kpath_steps(&f.k, buf_str(&b), &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_consume(&b, 2);
	assert_non_null(kpath_steps(&f.k, buf_str(&b), &err));
	kfix_deinit(&f);
}

/* What the reference answers with a crash or never, and white space. */
static void test_lookups(void **state)
{
	static const struct { const char *yaml, *path, *want; } cases[] = {
		{ "{a: {b: 1}}", " a .b", "1" }, { "{a: {b: 1}}", "a..b", "1" },
		{ "{a: []}", "a.-", NULL }, { "{a: null}", "a.b", "" },
		{ "{a: [x, z]}", "a.[=z]", "\"z\"" }, { "{a: null}", "a.0", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct node *n = NULL;
		struct kfix f;
		int rc;

		kfix_init(&f, NULL);
		rc = kpath_lookup(&f.k, kfix_node(&f, cases[i].yaml),
				  kpath_steps(&f.k, cases[i].path, &err), &n, &err);
		assert_int_equal(rc, cases[i].want ? 0 : -1);
		if (rc == 0)
			assert_string_equal(n ? kfix_json(&f, n) : "", cases[i].want);
		kfix_deinit(&f);
	}
}

static void test_endless_expression(void **state)
{
	_cleanup_kpath_nodes_ struct kpath_nodes l = { 0 };
	struct err err = ERR_INIT;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	assert_int_equal(kpath_match(&f.k, kfix_node(&f, "{a: []}"),
				     kpath_steps(&f.k, "a.[n=^[0-9]$].b", &err),
				     NODE_SCALAR, &l, &err), -1);
	assert_non_null(strstr(err.msg, "does not match what is made of it"));
	kfix_deinit(&f);
}

/* A few lines that would become gigabytes, or a tower. */
static void test_bombs(void **state)
{
	static char text[100000];
	static const struct { const char *yaml; int times; const char *why; } cases[] = {
		{ "[{source: {kind: X, fieldPath: a}, targets: [{select: {}, fieldPaths: [a], "
		  "options: {delimiter: '-', index: 99}}]}]", 30, "MiB or" },
		{ "[{source: {kind: X, fieldPath: l}, targets: [{select: {}, fieldPaths: "
		  "[l.0, l.1, l.2]}]}]", 30, "" },
		{ "[{source: {kind: X, fieldPath: m}, targets: [{select: {}, fieldPaths: "
		  "[m.k], options: {create: true}}]}]", 200, "" },
	};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;
		int rc = 0;

		kfix_init(&f, NULL);
		m = kfix_map(&f, "{apiVersion: v1, kind: X, metadata: {name: x}, a: b, "
			     "l: [{}, {}, {}], m: {k: {}}}\n");
		kset(&f.k, kmap_at(m, 0)->root, "a", kstring(&f.k, text));
		for (int j = 0; j < cases[i].times && rc == 0; j++)
			rc = replace(&f, m, cases[i].yaml, &err);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_LIMIT);
		assert_non_null(strstr(err.msg, cases[i].why));
		kfix_deinit(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replacements),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_yaml_in_a_text),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_endless_expression),
		cmocka_unit_test(test_bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
