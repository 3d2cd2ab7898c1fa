/*
 * Versions and ranges. What is in a range was answered by github.com/Masterminds/semver
 * v3.4.0, which Argo CD uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/mem.h"
#include "core/semver.h"

static const char *const versions[] = {
	"0.0.0", "0.0.3", "0.2.3", "0.3.0", "1.0.0", "1.2.0", "1.2.3", "v1.2.4", "1.2.3-rc.1",
	"1.2.3-beta", "1.3.0", "1.4.9", "1.5", "2", "2.0.0-0", "3.1.0", "3.9.9-rc.1",
	"18446744073709551615.0.0"
};

/* For each version 1 or 0; NULL: it is no range. */
static const struct range_case {
	const char *range, *has;
} range_cases[] = {
	{ "1.2.*", "000001110000000000" },
	{ "1.2.x", "000001110000000000" },
	{ "1.x", "000011110011100000" },
	{ "1.X.X", "000011110011100000" },
	{ "*", "111111110011110101" },
	{ "x", "111111110011110101" },
	{ "1", "000011110011100000" },
	{ "=1.2.3", "000000100000000000" },
	{ "!=1.2.3", "111111010011110101" },
	{ "!=1.2", "111110000011110101" },
	{ "!=1.x", "111100000000010101" },
	{ "!=*", "011111110011110101" },
	{ ">1", "000000000000010101" },
	{ ">1.2", "000000000011110101" },
	{ ">1.2.3", "000000010011110101" },
	{ ">*", "011111110011110101" },
	{ "<1.2", "111110000000000000" },
	{ ">=1.2", "000001110011110101" },
	{ ">=1.2 <2", "000001110011100000" },
	{ ">=1.2, <2", "000001110011100000" },
	{ ">=1.2,<2 || 3.*", "000001110011100100" },
	{ "<=1", "111111110011100000" },
	{ "<=1.2", "111111110000000000" },
	{ "<=1.2.3", "111111100000000000" },
	{ "<=*", "110000000000000000" },
	{ "=>1.2", "000001110011110101" },
	{ "=<1.2", "111111110000000000" },
	{ "~1", "000011110011100000" },
	{ "~1.2", "000001110000000000" },
	{ "~1.2.3", "000000110000000000" },
	{ "~>1.2", "000001110000000000" },
	{ "~0", "111100000000000000" },
	{ "~*", "111111110011110101" },
	{ "^1", "000011110011100000" },
	{ "^1.2", "000001110011100000" },
	{ "^1.2.3", "000000110011100000" },
	{ "^0", "111100000000000000" },
	{ "^0.2", "001000000000000000" },
	{ "^0.2.3", "001000000000000000" },
	{ "^0.0", "110000000000000000" },
	{ "^0.0.3", "010000000000000000" },
	{ "^*", "100000000000000000" },
	{ "1.2 - 1.4", "000001110011000000" },
	{ "1.2 - 1.4, !=1.3.0", "000001110001000000" },
	{ " ^1.2 ", "000001110011100000" },
	{ "v1.2.*", "000001110000000000" },
	{ "^v1.2", "000001110011100000" },
	{ "^1.2.3-0", "000000111111100000" },
	{ ">=1.2.3-beta <2", "000000111111101000" },
	{ ">=1.2 <2-0", "000001111111100000" },
	{ "~1.2.3-rc.1", "000000111000000000" },
	{ "=1.2.3-rc.1", "000000001000000000" },
	{ "^1.2-0", "000001111111100000" },
	{ "!=1.2.3-rc.1", "111111110111111111" },
	{ "", NULL },
	{ "main", NULL },
	{ ">", NULL },
	{ "1.2.", NULL },
	{ "1.2.3.4", NULL },
	{ ">=1.2<2", NULL },
	{ "1,", NULL },
	{ "^1 ||", NULL },
	{ "|| 1", NULL },
	{ "1x", NULL },
	{ "a1", NULL },
	{ ">>1", NULL },
	{ "1.2.3-01", NULL },
	{ "^18446744073709551616", NULL },
	{ "1 2 - 3", NULL },
	{ "^1 - 2", NULL },
	{ "1.2 -1.4", NULL },
};

static void what_is_in_a_range(void **state)
{
	struct semver_range r;
	struct semver v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(range_cases); i++) {
		const struct range_case *c = &range_cases[i];

		if (semver_range_parse(&r, c->range) != (c->has ? 0 : -1))
			fail_msg("\"%s\" is%s a range", c->range, c->has ? "" : " not");
		for (size_t k = 0; c->has && k < ARRAY_LEN(versions); k++) {
			assert_int_equal(semver_parse(&v, versions[k]), 0);
			if (semver_range_has(&r, &v) != (c->has[k] == '1'))
				fail_msg("%s in \"%s\"", versions[k], c->range);
		}
	}
}

static void what_is_a_version(void **state)
{
	static const struct { const char *text; bool valid; } cases[] = {
		{ "1", true }, { "v1", true }, { "1.2", true }, { "1.2.3", true },
		{ "01.02.03", true }, { "1.2.3-a.b-c.0", true }, { "1.2.3+01", true },
		{ "1-rc", true }, { "1.2+b", true }, { "18446744073709551615", true },
		{ "", false }, { "v", false }, { "vv1", false }, { "V1", false },
		{ "1.", false }, { "1.2.3.4", false }, { "1.2.3-", false },
		{ "1.2.3-a..b", false }, { "1.2.3-01", false }, { "1.2.3+", false },
		{ "1.2.3-a.", false }, { "1.2.3 ", false }, { "a", false },
		{ "18446744073709551616", false }, { "release-1.2", false },
		{ "1.x", false },
	};
	struct semver v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if ((semver_parse(&v, cases[i].text) == 0) != cases[i].valid)
			fail_msg("%s", cases[i].text);
}

/* As https://semver.org orders them. */
static void precedence(void **state)
{
	static const char *const order[] = {
		"1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1",
		"1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-rc", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1", "1.10", "2",
	};
	struct semver a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k < ARRAY_LEN(order); k++) {
			int c;

			assert_int_equal(semver_parse(&a, order[i]), 0);
			assert_int_equal(semver_parse(&b, order[k]), 0);
			c = semver_cmp(&a, &b);
			if ((c > 0) - (c < 0) != (i > k) - (i < k))
				fail_msg("%s and %s", order[i], order[k]);
		}
	assert_int_equal(semver_parse(&a, "v1.0+x"), 0);
	assert_int_equal(semver_parse(&b, "1.0.0"), 0);
	assert_int_equal(semver_cmp(&a, &b), 0);
}

static void too_many_clauses(void **state)
{
	char text[2 * SEMVER_CLAUSES + 4] = "";
	struct semver_range r;

	(void)state;
	for (int i = 0; i < SEMVER_CLAUSES; i++)
		strcat(text, i ? ",1" : "1");
	assert_int_equal(semver_range_parse(&r, text), 0);
	strcat(text, ",1");
	assert_int_equal(semver_range_parse(&r, text), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_a_range),
		cmocka_unit_test(what_is_a_version),
		cmocka_unit_test(precedence),
		cmocka_unit_test(too_many_clauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
