/*
 * render/kustomize/order.c: the order of the outcome. The orders wanted are those that
 * the reference gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "render/kustomize/transform.h"

static const struct {
	const char *sort;	/* sortOptions, or NULL */
	enum korder order;
	const char *objects;	/* "apiVersion/kind/namespace/name" each */
	const char *want;	/* names, or the error */
} cases[] = {
	{ NULL, KORDER_NONE, "v1/Service/-/a v1/Namespace/-/b", "a b" },
	{ "order: fifo", KORDER_DEFAULT, "v1/Service/-/a v1/Namespace/-/b", "a b" },
	{ "order: legacy", KORDER_NONE, "v1/Service/-/a v1/Namespace/-/b", "b a" },
	{ NULL, KORDER_DEFAULT, "apps/v1/Deployment/-/a v1/Secret/-/b v1/ConfigMap/-/c "
	  "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration/-/d "
	  "example.com/v1/Thing/-/e v1/Namespace/-/f batch/v1/CronJob/-/g v1/Pod/-/h "
	  "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration/-/i",
	  "f c b a g e h i d" },
	/* Of one kind by namespace, then name; without namespace last ("~X"). */
	{ NULL, KORDER_DEFAULT, "v1/ConfigMap/z/a v1/ConfigMap/-/b v1/ConfigMap/y/d "
	  "v1/ConfigMap/y/c", "c d a b" },
	/* No group sorts behind groups ("~G"). */
	{ NULL, KORDER_DEFAULT, "v1/Pod/-/a zz.io/v1/Thing/-/b aa.io/v1/Thing/-/c", "c b a" },
	/* Two Namespaces: the core one first. */
	{ NULL, KORDER_DEFAULT, "x.io/v1/Namespace/-/a v1/Namespace/-/b", "b a" },
	{ "order: legacy\nlegacySortOptions: {orderFirst: [Pod], orderLast: [Namespace]}",
	  KORDER_DEFAULT, "v1/Namespace/-/a v1/Secret/-/b v1/Pod/-/c", "c b a" },
	{ "order: legacy\nlegacySortOptions: {}", KORDER_DEFAULT,
	  "v1/Service/-/a v1/Namespace/-/b", "b a" },
	{ "order: legacy\nlegacySortOptions: {orderFirst: [Pod, Secret, Pod]}",
	  KORDER_DEFAULT, "v1/Pod/-/a v1/Secret/-/b", "b a" },
	{ "order: random", KORDER_DEFAULT, "v1/Pod/-/a", "neither legacy nor fifo" },
	{ "legacySortOptions: {}", KORDER_DEFAULT, "v1/Pod/-/a", "neither legacy nor fifo" },
	{ "order: fifo\nlegacySortOptions: {}", KORDER_DEFAULT, "v1/Pod/-/a",
	  "has no options" },
};

static struct ksort *read_sort(struct kust *k, const char *text)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;
	struct err err = ERR_INIT;
	struct kspec s;

	if (!text)
		return NULL;
	buf_adds(&spec, "sortOptions:\n  ");
	for (; *text; text++) {
		buf_addc(&spec, *text);
		if (*text == '\n')
			buf_adds(&spec, "  ");
	}
	if (kspec_decode(k, "k", buf_str(&spec), spec.len, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s.sort;
}

/* The last three words of a path are kind, namespace and name. */
static void add(struct kust *k, struct kmap *m, char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	char *part[3];

	for (int i = 3; i-- > 0;) {
		char *slash = strrchr(path, '/');

		*slash = '\0';
		part[i] = slash + 1;
	}
	buf_addf(&text, "apiVersion: %s\nkind: %s\nmetadata: {name: %s", path, part[0],
		 part[2]);
	if (strcmp(part[1], "-") != 0)
		buf_addf(&text, ", namespace: %s", part[1]);
	buf_adds(&text, "}\n");
	if (kload_resources(k, "f", buf_str(&text), text.len, m, &err) < 0)
		fail_msg("%s", err.msg);
}

static void names(const struct kmap *m, struct buf *out)
{
	for (size_t i = 0; i < kmap_len(m); i++)
		buf_addf(out, "%s%s", i ? " " : "", kmap_at(m, i)->id.name);
}

static void test_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct kust_options o = { .order = cases[i].order };
		_cleanup_free_ char *objects = xstrdup(cases[i].objects);
		_cleanup_buf_ struct buf got = BUF_INIT;
		char *rest = objects, *path;
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kust k;

		kust_init(&k, NULL, &o);
		m = kmap_new(&k);
		while ((path = strsep(&rest, " ")))
			add(&k, m, path);
		if (kust_order(&k, m, read_sort(&k, cases[i].sort), &err) < 0) {
			if (!strstr(err.msg, cases[i].want))
				fail_msg("%zu: %s", i, err.msg);
		} else {
			names(m, &got);
			if (strcmp(buf_str(&got), cases[i].want) != 0)
				fail_msg("%zu: want %s, got %s", i, cases[i].want,
					 buf_str(&got));
		}
		kust_deinit(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_orders) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
