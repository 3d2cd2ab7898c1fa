/* targetRevision: its kind, the refs to ask for, the commit it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/lsrefs.h"
#include "core/mem.h"

#define SHA "0123456789abcdef0123456789ABCDEF01234567"

static void kinds(void **state)
{
	(void)state;
	assert_int_equal(revision_kind(NULL), REV_HEAD);
	assert_int_equal(revision_kind(""), REV_HEAD);
	assert_int_equal(revision_kind("HEAD"), REV_HEAD);
	assert_int_equal(revision_kind("head"), REV_NAME);
	assert_int_equal(revision_kind(SHA), REV_SHA);
	assert_int_equal(revision_kind("0123456"), REV_NAME);
	assert_int_equal(revision_kind(SHA "0"), REV_NAME);
	assert_int_equal(revision_kind("main"), REV_NAME);
	assert_int_equal(revision_kind("1.2"), REV_NAME);
	assert_int_equal(revision_kind("v1.2.3-rc.1"), REV_NAME);
	assert_int_equal(revision_kind("1.2.*"), REV_RANGE);
	assert_int_equal(revision_kind("v1.x"), REV_RANGE);
	assert_int_equal(revision_kind("*"), REV_RANGE);
	assert_int_equal(revision_kind(">=1.2 <2"), REV_RANGE);
}

static void collect(const char *prefix, void *arg)
{
	buf_addf(arg, "%s;", prefix);
}

static void prefixes(void **state)
{
	static const char *const cases[][2] = {
		{ "", "HEAD;" },
		{ "HEAD", "HEAD;" },
		{ "main", "refs/heads/main;refs/tags/main;" },
		{ "a/b", "refs/heads/a/b;refs/tags/a/b;" },
		{ "refs/pull/1/head", "refs/pull/1/head;" },
		{ SHA, "" },
		{ "a\nb", "" },
		{ "^1.2", "refs/tags/;" },
		{ "1.x", "refs/tags/;refs/heads/1.x;" },
		{ "a..b", "" },
		{ "-x", "" },
		{ "x*", "" },
		{ "x/", "" },
		{ "x@{1}", "" },
		{ "\xff", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		revision_prefixes(cases[i][0], collect, &b);
		assert_string_equal(buf_str(&b), cases[i][1]);
	}
}

static struct git_ref refs_data[] = {
	{ .name = (char *)"HEAD", .oid = "aaaa" },
	{ .name = (char *)"refs/heads/main2", .oid = "bbbb" },
	{ .name = (char *)"refs/tags/main", .oid = "cccc" },
	{ .name = (char *)"refs/heads/main", .oid = "dddd" },
	{ .name = (char *)"refs/tags/v1", .oid = "eeee" },
	{ .name = (char *)"refs/heads/HEAD", .oid = "ffff" },
};
static const struct ref_list refs = { refs_data, ARRAY_LEN(refs_data), 0 };

static void resolves(void **state)
{
	static const char *const cases[][2] = {
		{ "", "aaaa" }, { "HEAD", "aaaa" },
		{ "main", "dddd" },	/* branch before tag, and not main2 */
		{ "main2", "bbbb" }, { "v1", "eeee" },
		{ "refs/tags/main", "cccc" },
		{ SHA, "0123456789abcdef0123456789abcdef01234567" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char oid[65] = "";

		assert_int_equal(revision_resolve(&refs, cases[i][0], oid, NULL), 0);
		assert_string_equal(oid, cases[i][1]);
	}
}

static void does_not_resolve(void **state)
{
	static const struct {
		const char *revision;
		enum err_code code;
		const char *says;
	} cases[] = {
		{ "mai", ERR_NOTFOUND, "no branch or tag \"mai\": check spec.source.targetRevision" },
		{ "refs/tags/v2", ERR_NOTFOUND, "refs/tags/v2" },
		{ "abcdef12", ERR_NOTFOUND, "all its 40 digits" },
		{ "a b", ERR_INVALID, "no valid name" },
		{ "../x", ERR_INVALID, "no valid name" },
		{ "x\n", ERR_INVALID, "no valid name" },
	};
	static const struct ref_list none = { 0 };
	struct err err = ERR_INIT;
	char oid[65];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(revision_resolve(&refs, cases[i].revision, oid,
						  &err), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].says));
	}
	assert_int_equal(revision_resolve(&none, "HEAD", oid, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "HEAD names no commit"));
}

static void ranges_take_the_highest_tag(void **state)
{
	static struct git_ref tags[] = {
		{ (char *)"refs/heads/1.x", "br1x", NULL, "" },
		{ (char *)"refs/heads/9.x", "br9x", NULL, "" },
		{ (char *)"refs/tags/1.10.0", "110", NULL, "" },
		{ (char *)"refs/tags/1.2.0", "120", NULL, "" },
		{ (char *)"refs/tags/1.9.0", "190", NULL, "" },
		{ (char *)"refs/tags/1.99.0-rc.1", "199rc", NULL, "" },
		{ (char *)"refs/tags/light/3.0.0", "no", NULL, "" },
		{ (char *)"refs/tags/v2.0.0", "200", NULL, "tag" },
	};
	static const struct ref_list list = { tags, ARRAY_LEN(tags), 0 };
	static const char *const cases[][2] = {
		{ "1.*", "110" }, { "~1.2", "120" }, { ">=1.2 <1.10", "190" },
		{ "*", "200" }, { "1.x", "110" }, { ">=1.99.0-0 <2", "199rc" },
		{ "9.x", "br9x" },	/* no such version, but a branch */
	};
	struct err err = ERR_INIT;
	const struct git_ref *ref;
	char oid[65];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(revision_resolve(&list, cases[i][0], oid, &err), 0);
		assert_string_equal(oid, cases[i][1]);
	}
	assert_int_equal(revision_resolve_ref(&list, "^2", oid, &ref, &err), 0);
	assert_string_equal(ref->tag, "tag");
	assert_string_equal(ref->name, "refs/tags/v2.0.0");
	assert_int_equal(revision_resolve_ref(&list, "1.9.*", oid, &ref, &err), 0);
	assert_string_equal(ref->tag, "");
	assert_string_equal(ref->name, "refs/tags/1.9.0");
	assert_int_equal(revision_resolve_ref(&list, "0123456789012345678901234567890123456789",
					      oid, &ref, &err), 0);
	assert_null(ref);
	assert_int_equal(revision_resolve(&list, "^3", oid, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "\"^3\" (the newest is v2.0.0)"));
	assert_int_equal(revision_resolve(&(struct ref_list){ 0 }, "^3", oid, &err), -1);
	assert_non_null(strstr(err.msg, "(none is a version)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(resolves),
		cmocka_unit_test(does_not_resolve),
		cmocka_unit_test(ranges_take_the_highest_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
