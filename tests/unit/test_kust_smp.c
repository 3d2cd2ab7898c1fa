/* smp.c: strategic merges, held against the reference's outcomes; caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kustcases.h"
#include "render/kustomize/transform.h"

static void begin(struct kust *k)
{
	static const struct kust_options none;

	kust_init(k, NULL, &none);
}

static void as_the_reference(void **state)
{
	size_t n, bad = 0;
	struct kustcase *cases = kustcases_read("smp", &n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct err err = ERR_INIT;
		struct node *dest, *patch;
		struct kust k;
		int r;

		begin(&k);
		dest = kustcases_tree(&k, cases[i].title, cases[i].base);
		patch = kustcases_tree(&k, cases[i].title, cases[i].patch);
		r = kust_smp(&k, &dest, patch, &err);
		bad += !kustcases_check(&cases[i], &k, r, dest, &err);
		kust_deinit(&k);
	}
	kustcases_free(cases, n);
	assert_int_equal(bad, 0);
}

/* A patch that holds itself deeper than any document is read. */
static void depth_is_capped(void **state)
{
	struct node *dest, *patch, *at;
	struct err err = ERR_INIT;
	struct kust k;

	(void)state;
	begin(&k);
	dest = node_new_map(&k.arena);
	patch = at = node_new_map(&k.arena);
	for (int i = 0; i < 300; i++) {
		struct node *deeper = node_new_map(&k.arena);

		kset(&k, at, "a", deeper);
		at = deeper;
	}
	assert_int_equal(kust_smp(&k, &dest, patch, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	kust_deinit(&k);
}

/* field is a list of a container's, of n different elements. */
static struct node *pod(struct kust *k, const char *field, const char *key, int n)
{
	struct node *root = kustcases_tree(k, "pod", "{apiVersion: v1, kind: Pod, spec: "
					   "{containers: [{name: a}]}}");
	struct node *list = node_new_list(&k->arena);

	for (int i = 0; i < n; i++) {
		struct node *item = node_new_map(&k->arena);

		kset(k, item, key, kplain(k, arena_printf(&k->arena, "%d", i)));
		node_append(&k->arena, list, item);
	}
	kset(k, kfind(root, "spec", "containers", NULL)->kids[0], field, list);
	return root;
}

static void long_lists_are_capped(void **state)
{
	static const struct {
		const char *field, *key;
		int n, want;
	} rows[] = {
		{ "env", "name", 500, 0 }, { "env", "name", 6000, -1 },
		{ "ports", "containerPort", 500, 0 }, { "ports", "containerPort", 20000, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct node *dest, *patch;
		struct kust k;

		begin(&k);
		dest = pod(&k, rows[i].field, rows[i].key, rows[i].n);
		patch = kustcases_tree(&k, "patch", "{metadata: {labels: {a: b}}}");
		assert_int_equal(kust_smp(&k, &dest, patch, &err), rows[i].want);
		assert_int_equal(err.code, rows[i].want ? ERR_LIMIT : 0);
		kust_deinit(&k);
	}
}

static void an_error_says_where(void **state)
{
	struct err err = ERR_INIT;
	struct node *dest, *patch;
	struct kust k;

	(void)state;
	begin(&k);
	dest = kustcases_tree(&k, "", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n"
			      "  - name: web\n    env: [{name: E, valueFrom: {a: 1}}]\n");
	patch = kustcases_tree(&k, "", "spec:\n  containers:\n  - name: web\n    env:\n"
			       "    - name: E\n      valueFrom: x\n");
	assert_int_equal(kust_smp(&k, &dest, patch, &err), -1);
	assert_string_equal(err.msg, "spec: containers: [web]: env: [E]: valueFrom: line 6: "
			    "here is a scalar where the other side has a map");
	kust_deinit(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depth_is_capped),
		cmocka_unit_test(long_lists_are_capped),
		cmocka_unit_test(an_error_says_where),
		cmocka_unit_test(as_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
