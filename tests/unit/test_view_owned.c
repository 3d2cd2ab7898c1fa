/* What an application's objects made: found by any way of owners, and in bounded time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "views.h"

static json_t *made(const char *kind, const char *name)
{
	return json_pack("{sss{sssss[]}s{si}}", "kind", kind, "metadata", "name", name,
			 "namespace", "prod", "ownerReferences", "spec", "replicas", 1);
}

static void own(json_t *o, const char *kind, const char *name)
{
	json_array_append_new(doc_get(o, "metadata", "ownerReferences", NULL),
			      json_pack("{ssss}", "kind", kind, "name", name));
}

/* It has a Deployment web, which is not well. */
static json_t *application(void)
{
	return json_pack("{s{ssss}s{s[{sssssss{ss}}]}}", "metadata", "name", "shop", "namespace",
			 "argocd", "status", "resources", "kind", "Deployment", "name", "web",
			 "namespace", "prod", "health", "status", "Degraded");
}

static void all_that_it_made_is_found(void **state)
{
	_cleanup_json_ json_t *app = application(), *children = json_array(), *got = NULL;
	json_t *pod = made("Pod", "web-1-a"), *set = made("ReplicaSet", "web-1");
	json_t *other = made("Pod", "other"), *odd = made("Pod", "odd");

	(void)state;
	own(pod, "ReplicaSet", "web-1");
	own(set, "Deployment", "web");
	own(other, "ReplicaSet", "nobody");
	json_array_append_new(doc_get(odd, "metadata", "ownerReferences", NULL), json_object());
	json_array_append_new(doc_get(app, "status", "resources", NULL), json_object());
	json_array_append_new(children, pod);	/* before what made it */
	json_array_append_new(children, set);
	json_array_append_new(children, other);
	json_array_append_new(children, odd);
	got = view_owned(children, app);
	assert_int_equal(json_array_size(got), 2);
	assert_ptr_equal(json_array_get(got, 0), pod);
	assert_ptr_equal(json_array_get(got, 1), set);
}

/* ReplicaSets that each own all others, and the Deployment all of them. */
static json_t *knot(size_t n)
{
	json_t *children = json_array();

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = xasprintf("web-%zu", i);
		json_t *o = made("ReplicaSet", name);

		own(o, "Deployment", "web");
		for (size_t k = 0; k < n; k++) {
			_cleanup_free_ char *by = xasprintf("web-%zu", k);

			own(o, "ReplicaSet", by);
		}
		json_array_append_new(children, o);
	}
	return children;
}

static size_t lines(const struct buf *b)
{
	size_t n = 0;

	for (const char *s = buf_str(b); *s; s++)
		n += *s == '\n';
	return n;
}

static void owners_in_a_knot_are_shown_once(void **state)
{
	enum { N = 5 };
	_cleanup_json_ json_t *app = application(), *children = knot(N), *got = NULL;
	_cleanup_buf_ struct buf tree = BUF_INIT, leaves = BUF_INIT;
	struct view_env env = { .now_ms = 0 };

	(void)state;
	view_tree(app, children, &env, &tree);
	assert_in_range(lines(&tree), 2 + N, 2 + N + N * N);
	view_leaves(app, children, &env, &leaves);
	assert_in_range(lines(&leaves), 0, N + 4);
	got = view_owned(children, app);
	assert_int_equal(json_array_size(got), N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_it_made_is_found),
		cmocka_unit_test(owners_in_a_knot_are_shown_once),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
