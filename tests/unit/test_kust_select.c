/*
 * labelselector.c, select.c: label selectors (the rows are the answers of Kubernetes'
 * own parser), and which resources a target means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kustcases.h"

static const char *const maps[] = {
	"{}", "{app: web}", "{app: db, tier: back}", "{app: '', n: '5'}",
	"{example.com/app: web, in: x, n: '10'}",
};

/* A mark per map: "1" where it fits. NULL: not a selector. */
static const struct {
	const char *selector, *want;
} rows[] = {
	{ "", "11111" },
	{ "  ", "11111" },
	{ "app=web", ".1..." },
	{ "app==web", ".1..." },
	{ "app = web", ".1..." },
	{ "app!=web", "1.111" },
	{ "app in (web, db)", ".11.." },
	{ "app notin (web,db)", "1..11" },
	{ "app", ".111." },
	{ "!app", "1...1" },
	{ "! app", "1...1" },
	{ "app,tier", "..1.." },
	{ "app=web,tier=back", "....." },
	{ "app=db,tier", "..1.." },
	{ "app in ()", "...1." },
	{ "app notin ()", "111.1" },
	{ "app in (,)", "...1." },
	{ "app in (a,,b)", "...1." },
	{ "app in (,web)", ".1.1." },
	{ "app in (web,)", ".1.1." },
	{ "app=", "...1." },
	{ "app==", "...1." },
	{ "app!=", "111.1" },
	{ "app=,tier", "....." },
	{ "n>4", "...11" },
	{ "n > 4", "...11" },
	{ "n<10", "...1." },
	{ "n<11", "...11" },
	{ "n>4,n<6", "...1." },
	{ "n>x", NULL },
	{ "n>", NULL },
	{ "n>-1", NULL },
	{ "n>+1", NULL },
	{ "in=x", "....1" },
	{ "in", "....1" },
	{ "!in", "1111." },
	{ "in in (in, x)", "....1" },
	{ "app=in", "....." },
	{ "notin", "....." },
	{ "example.com/app=web", "....1" },
	{ "example.com/app", "....1" },
	{ "/app", NULL },
	{ "example.com/", NULL },
	{ "Example.com/app", NULL },
	{ "a/b/c", NULL },
	{ "-app", NULL },
	{ "app-", NULL },
	{ "app=-x", NULL },
	{ "app=x-", NULL },
	{ "app=a b", NULL },
	{ "app=a=b", NULL },
	{ "app web", NULL },
	{ "app,", NULL },
	{ "app,,tier", NULL },
	{ ",app", NULL },
	{ ",", NULL },
	{ "=web", NULL },
	{ "!=web", NULL },
	{ "in (a)", NULL },
	{ "app in web", NULL },
	{ "app in (web", NULL },
	{ "app in (web db)", NULL },
	{ "app in web)", NULL },
	{ "app in", NULL },
	{ "app in (web))", NULL },
	{ "app notin", NULL },
	{ "app (web)", NULL },
	{ "(app)", NULL },
	{ "app=web)", NULL },
	{ "app!", NULL },
	{ "!!app", NULL },
	{ "!app=web", NULL },
	{ "!app in (web)", NULL },
	{ "app===web", NULL },
	{ "app=!web", NULL },
	{ "app=>web", NULL },
	{ "app><web", NULL },
	{ "app=web tier=back", NULL },
	{ "app\t=\nweb\r", ".1..." },
	{ "app=web,!tier", ".1..." },
	{ "app in (web),tier notin (x)", ".1..." },
	{ "a_b.c-d", "....." },
	{ "a..b/c", NULL },
	{ "a.b/c", "....." },
	{ "a-.b/c", NULL },
	{ "app=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "....." },
	{ "app=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "....." },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	{ "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a/x", "....." },
	{ "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a/"
	  "x", NULL },
	{ "app=\303\274", NULL },
	{ "\303\274=x", NULL },
	{ "app in (web,web,db)", ".11.." },
	{ "n>99999999999999999999", NULL },
	{ "app in (in, notin)", "....." },
	{ "x notin (a),app", ".111." },
};

static void begin(struct kust *k)
{
	static const struct kust_options none;

	kust_init(k, NULL, &none);
}

static void check_labels(struct kust *k, const char *selector, const char *want)
{
	char got[ARRAY_LEN(maps) + 1] = "";
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		int r = klabels_match(k, selector, kustcases_tree(k, selector, maps[i]), &err);

		if (!want && r < 0 && err.code == ERR_INVALID && *err.msg)
			return;
		if (r < 0)
			fail_msg("%s: %s", selector, err.msg);
		got[i] = r ? '1' : '.';
	}
	if (!want)
		fail_msg("%s: should have been refused", selector);
	if (strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", selector, got, want);
}

static void labels_as_kubernetes_does(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_labels(&k, rows[i].selector, rows[i].want);
	kust_deinit(&k);
}

static void odd_maps_and_long_selectors(void **state)
{
	char *text = xmalloc(70000);
	struct err err = ERR_INIT;
	struct kust k;

	(void)state;
	begin(&k);
	assert_int_equal(klabels_match(&k, "!app", NULL, &err), 1);
	assert_int_equal(klabels_match(&k, "app", NULL, &err), 0);
	assert_int_equal(klabels_match(&k, "app", kustcases_tree(&k, "", "[app, x]"), &err),
			 0);
	assert_int_equal(klabels_match(&k, "n=5", kustcases_tree(&k, "", "{n: 5}"), &err), 1);
	memset(text, 'a', 69999);
	text[69999] = '\0';
	assert_int_equal(klabels_match(&k, text, NULL, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	free(text);
	kust_deinit(&k);
}

/* --- targets ------------------------------------------------------------------------ */

static const char *const objects[] = {
	"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {a: b}}}",
	"{apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: x,"
	" annotations: {c: d}}}",
	"{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}}",
	"{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {a: b}}}",
	"{apiVersion: example.com/v1beta1, kind: Web, metadata: {name: web-2}}",
};

/* A mark per object. NULL: an error. */
static const struct {
	struct kselector s;
	const char *want;
} targets[] = {
	{ { .kind = NULL }, "11111" },
	{ { .kind = "Deployment" }, "11..." },
	{ { .kind = "deployment" }, "....." },
	{ { .kind = "Deployment|Service" }, "111.." },
	{ { .kind = "Deploy.*", .name = "web" }, "1...." },
	{ { .name = "web" }, "1.1.." },
	{ { .name = "web.*" }, "1.1.1" },
	{ { .name = "^web$" }, "1.1.." },
	{ { .name = "eb" }, "....." },
	{ { .group = "apps" }, "11..." },
	{ { .group = "" }, "11111" },
	{ { .group = "example.com", .version = "v1.*" }, "....1" },
	{ { .version = "v1" }, "1111." },
	{ { .ns = "default" }, "1.1.1" },
	{ { .ns = "x" }, ".1..." },
	{ { .ns = "_non_.*" }, "...1." },
	{ { .labels = "a=b" }, "1..1." },
	{ { .labels = "a" , .annotations = "!c" }, "1..1." },
	{ { .annotations = "c in (d)" }, ".1..." },
	{ { .name = "(" }, NULL },
	{ { .kind = "Deployment", .ns = "[z-a]" }, NULL },
	{ { .labels = "a b" }, NULL },
	{ { .kind = "None", .labels = "a b" }, "....." },
	{ { .kind = "None", .name = "(" }, NULL },
};

static struct kmap *load(struct kust *k)
{
	struct kmap *m = kmap_new(k);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		struct node *root = kustcases_tree(k, objects[i], objects[i]);

		if (kmap_append(m, kres_new(k, root, "f.yaml"), &err) < 0)
			fail_msg("%s", err.msg);
	}
	return m;
}

static void check_target(struct kust *k, const struct kmap *m, const struct kselector *s,
			 const char *want)
{
	_cleanup_kres_list_ struct kres_list found = { 0 };
	char got[] = ".....";
	struct err err = ERR_INIT;
	int r = kmap_select(k, m, s, &found, &err);

	for (size_t i = 0, at = 0; i < kmap_len(m); i++) {
		if (at < found.len && found.data[at] == kmap_at(m, i)) {
			got[i] = '1';
			at++;
		}
	}
	if (!want)
		assert_true(r < 0 && err.code == ERR_INVALID && strstr(err.msg, "target"));
	else if (r < 0)
		fail_msg("%s", err.msg);
	else
		assert_string_equal(got, want);
}

static void targets_are_found(void **state)
{
	struct kust k;
	struct kmap *m;

	(void)state;
	begin(&k);
	m = load(&k);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		check_target(&k, m, &targets[i].s, targets[i].want);
	kust_deinit(&k);
}

static void first_and_present_names_count_those_between_do_not(void **state)
{
	struct kust k;
	struct kmap *m;

	(void)state;
	begin(&k);
	m = load(&k);
	for (int i = 0; i < 2; i++) {
		struct kres *r = kmap_at(m, 0);

		kres_store_previous(&k, r);
		kres_set_name(&k, r, i ? "last" : "middle");
		kres_set_ns(&k, r, i ? "end" : "half");
		kmap_reindex(m, r);
	}
	check_target(&k, m, &(struct kselector){ .name = "web" }, "1.1..");
	check_target(&k, m, &(struct kselector){ .name = "middle" }, ".....");
	check_target(&k, m, &(struct kselector){ .name = "last" }, "1....");
	check_target(&k, m, &(struct kselector){ .ns = "default", .name = "last" }, "1....");
	check_target(&k, m, &(struct kselector){ .ns = "half" }, ".....");
	check_target(&k, m, &(struct kselector){ .ns = "end", .name = "web" }, "1....");
	kust_deinit(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_as_kubernetes_does),
		cmocka_unit_test(odd_maps_and_long_selectors),
		cmocka_unit_test(targets_are_found),
		cmocka_unit_test(first_and_present_names_count_those_between_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
