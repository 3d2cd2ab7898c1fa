/* sync/refs.h: what a workload refers to, and whether it changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/refs.h"

static bool is_it(const struct objkey *k, void *arg)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	objkey_format(k, &key);
	return !strcmp(buf_str(&key), arg);
}

static void references(void **state)
{
	static const struct { const char *refs, *changed; bool want; } rows[] = {
		{ NULL, "ConfigMap/shop/a", false },
		{ "", "ConfigMap/shop/a", false },
		{ "ConfigMap/a", "ConfigMap/shop/a", true },
		{ "Secret/b ConfigMap/a", "ConfigMap/shop/a", true },
		{ "Secret/a", "ConfigMap/shop/a", false },
		{ "ConfigMap/ab", "ConfigMap/shop/a", false },
		{ "ConfigMap/a", "ConfigMap/other/a", false },
		{ "  ConfigMap/a", "ConfigMap/shop/a", true },
		{ "ConfigMap", "ConfigMap/shop/a", false },
		{ "Secret/b NetworkPolicy/a", "networking.k8s.io/NetworkPolicy/shop/a", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (refs_changed(rows[i].refs, "shop", is_it,
				 (void *)(uintptr_t)rows[i].changed) != rows[i].want)
			fail_msg("%s", rows[i].refs ? rows[i].refs : "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
