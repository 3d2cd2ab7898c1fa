/* What is left of a scalar's tag and quotes when it gets another text or value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kust_fixture.h"

/* One step: t = text under the tag, i, s, g = set as a number, a text, untagged; q. */
static bool step(struct kfix *f, struct node *n, const char *what)
{
	struct err err = ERR_INIT;
	const char *text = what + 1;

	switch (*what) {
	case 't':
		return kretext(n, text);
	case 'i':
		return kset_scalar(n, text, KSET_INT, &err) == 0;
	case 's':
		return kset_scalar(n, text, KSET_STR, &err) == 0;
	case 'g':
		return kset_scalar(n, text, KSET_GUESSED, &err) == 0;
	case 'm':
		kassign(n, kfix_node(f, text));
		return true;
	default:
		kquote11(n);
		return true;
	}
}

static void steps_leave(void **state)
{
	static const struct { const char *yaml, *steps[3], *want; } cases[] = {
		{ "5", { "t6" }, "6" },
		{ "5", { "tx" }, NULL },		/* !!int x */
		{ "5", { "tx", "t7" }, "7" },
		{ "1.5", { "t3", "t2.5" }, "2.5" },
		{ "1.5", { "t3" }, "3" },
		{ "true", { "t1" }, NULL },
		{ "null", { "tx" }, NULL },
		{ "x", { "t5" }, "\"5\"" },
		{ "\"x\"", { "t5" }, "\"5\"" },
		{ "!!int 5", { "t6" }, "6" },
		{ "!!str 5", { "t6" }, "\"6\"" },
		{ "x", { "g5" }, "5" },			/* bare: what it looks like */
		{ "x", { "g5", "tx" }, "\"x\"" },
		{ "\"x\"", { "g5" }, "\"5\"" },
		{ "\"x\"", { "g5", "tnull" }, "\"null\"" },
		{ "x", { "s5" }, "\"5\"" },
		{ "x", { "i5", "tx" }, NULL },
		{ "\"x\"", { "i5" }, "\"5\"" },
		{ "\"x\"", { "i5", "tx" }, NULL },	/* the number's tag is still there */
		{ "\"x\"", { "i5", "t6" }, "\"6\"" },
		{ "[1]", { "g5" }, NULL },
		{ "x", { "m5" }, "5" },
		{ "\"x\"", { "m5" }, "\"5\"" },
		{ "x", { "m\"5\"" }, "\"5\"" },
		{ "x", { "m\"5\"", "m6" }, "6" },	/* x had no quotes, so it has none */
		{ "\"x\"", { "m1.5", "t3" }, "3" },	/* !!float "3" */
		{ "!!int 5", { "m6" }, "6" },
		{ "!!int 5", { "mx" }, "\"x\"" },
		{ "yes", { "q", "m5" }, "\"5\"" },	/* YAML 1.1 needs the quotes */
		{ "x", { "q", "m5" }, "5" },
		{ "x", { "ga: b", "q", "m5" }, "\"5\"" },
		{ "x", { "g'it'", "q", "m5" }, "5" },
		{ "x", { "g[a", "q", "m5" }, "5" },	/* not YAML at all */
		{ "5", { "q", "m6" }, "6" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct node *n, *canonical;
		struct kfix f;
		bool fits = true;

		kfix_init(&f, NULL);
		n = kfix_node(&f, cases[i].yaml);
		for (size_t j = 0; j < 3 && cases[i].steps[j]; j++)
			fits = step(&f, n, cases[i].steps[j]);
		if (node_canonical(&f.k.arena, n, &canonical, &err) < 0)
			fits = false;
		if (fits != !!cases[i].want)
			fail_msg("%s %s...: %s", cases[i].yaml, cases[i].steps[0],
				 fits ? "fits" : "does not fit");
		if (fits)
			assert_string_equal(kfix_json(&f, canonical), cases[i].want);
		kfix_deinit(&f);
	}
}

static void nulls(void **state)
{
	struct kfix f;
	struct node *n;

	(void)state;
	kfix_init(&f, NULL);
	assert_true(knull(NULL));
	assert_true(knull(kfix_node(&f, "a: b")) == false);
	n = kfix_node(&f, "~");
	assert_true(knull(n));
	kretext(n, "x");
	assert_true(knull(n));	/* by its tag */
	n = kplain(&f.k, "null");
	assert_false(knull(n));	/* it has none */
	n = kfix_node(&f, "\"null\"");
	assert_false(knull(n));
	kfix_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_leave),
		cmocka_unit_test(nulls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
