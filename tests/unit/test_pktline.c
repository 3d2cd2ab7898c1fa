/* pkt-lines, and what ref advertisements say in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/pktline.h"
#include "core/mem.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"

static void reads_packets(void **state)
{
	struct pkt p;
	size_t used;

	(void)state;
	assert_int_equal(pkt_read("0006a\nrest", 10, &p, &used, NULL), 1);
	assert_int_equal(p.kind, PKT_DATA);
	assert_int_equal(p.len, 2);
	assert_int_equal(used, 6);
	assert_int_equal(pkt_read("0004", 4, &p, &used, NULL), 1);
	assert_int_equal(p.len, 0);
	assert_int_equal(pkt_read("0000", 4, &p, &used, NULL), 1);
	assert_int_equal(p.kind, PKT_FLUSH);
	assert_int_equal(pkt_read("0001", 4, &p, &used, NULL), 1);
	assert_int_equal(p.kind, PKT_DELIM);
	assert_int_equal(pkt_read("0002", 4, &p, &used, NULL), 1);
	assert_int_equal(p.kind, PKT_END);
	for (size_t n = 0; n < 6; n++)
		assert_int_equal(pkt_read("0006ab", n, &p, &used, NULL), 0);
}

static void refuses_bad_lengths(void **state)
{
	static const char *const bad[] = {
		"0003", "fff1", "ffff", "<htm", "-001", "00 4", "+004", "\xff\xff\xff\xff",
	};
	struct err err = ERR_INIT;
	struct pkt p;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(pkt_read(bad[i], 4, &p, &used, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, "not a Git answer"));
	}
	assert_int_equal(pkt_read("<", 1, &p, &used, &err), -1);
	assert_int_equal(pkt_read("fff0", 4, &p, &used, &err), 0);
}

static void add_data(struct buf *b, const void *data, size_t len)
{
	buf_addf(b, "%04zx", len + 4);
	buf_add(b, data, len);
}

/* Reads all of b in pieces of `step` bytes; gives what was found as text. */
static char *read_all(const struct buf *b, enum ref_stage stage, size_t step,
		      const char *const *prefixes, struct err *err)
{
	struct ref_reader r = { .stage = stage, .prefixes = prefixes };
	struct buf out = BUF_INIT;
	int failed = 0;

	for (size_t i = 0; i < b->len && !failed; i += step)
		failed = ref_reader_feed(&r, b->data + i,
					 b->len - i < step ? b->len - i : step, err);
	if (!failed)
		failed = ref_reader_end(&r, err);
	if (r.v2)
		buf_addf(&out, "v2%s ", r.object_format ? "+format" : "");
	for (size_t i = 0; i < r.refs.len; i++)
		buf_addf(&out, "%s=%.2s%s%.2s%s%s ", r.refs.data[i].name,
			 r.refs.data[i].oid, *r.refs.data[i].tag ? " by " : "",
			 r.refs.data[i].tag, r.refs.data[i].symref ? "->" : "",
			 r.refs.data[i].symref ? r.refs.data[i].symref : "");
	ref_reader_deinit(&r);
	if (failed)
		buf_deinit(&out);
	return failed ? NULL : buf_steal(&out, NULL);
}

static const char *const all[] = { "", NULL };

static void expect(const struct buf *b, enum ref_stage stage,
		   const char *const *prefixes, const char *want)
{
	for (size_t step = 1; step <= b->len; step = step * 3 + 1) {
		struct err err = ERR_INIT;
		_cleanup_free_ char *got = read_all(b, stage, step, prefixes, &err);

		if (!got)
			fail_msg("step %zu: %s", step, err.msg);
		assert_string_equal(got, want);
	}
}

static void version_0(void **state)
{
	static const char first[] = A " HEAD\0multi_ack symref=HEAD:refs/heads/main object-format=sha1\n";
	static const char *const some[] = { "refs/heads/main", "HEAD", NULL };
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	pkt_write(&b, "# service=git-upload-pack\n");
	buf_adds(&b, "0000");
	add_data(&b, first, sizeof(first) - 1);
	pkt_write(&b, A " refs/heads/main\n");
	pkt_write(&b, "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB refs/tags/v1\n");
	pkt_write(&b, C " refs/tags/v1^{}\n");
	pkt_write(&b, B " refs/tags/v2");
	pkt_write(&b, B " refs/heads/a b\n");
	pkt_write(&b, B " refs/heads/\x01\n");
	pkt_write(&b, "shallow " B "\n");
	buf_adds(&b, "0000");
	expect(&b, REFS_SERVICE, all,
	       "HEAD=aa->refs/heads/main refs/heads/main=aa refs/tags/v1=cc by bb refs/tags/v2=bb ");
	expect(&b, REFS_SERVICE, some,
	       "HEAD=aa->refs/heads/main refs/heads/main=aa ");
}

static void peeled_of_a_ref_not_asked_for_is_not_the_last_ones(void **state)
{
	static const char first[] = A " refs/heads/main\0 x\n";
	static const char *const some[] = { "refs/heads/", NULL };
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_data(&b, first, sizeof(first) - 1);
	pkt_write(&b, B " refs/tags/v1\n");
	pkt_write(&b, C " refs/tags/v1^{}\n");
	buf_adds(&b, "0000");
	expect(&b, REFS_SERVICE, some, "refs/heads/main=aa ");
}

static void version_1_and_empty(void **state)
{
	static const char none[] = "0000000000000000000000000000000000000000 capabilities^{}\0agent=x\n";
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	pkt_write(&b, "version 1\n");
	add_data(&b, none, sizeof(none) - 1);
	buf_adds(&b, "0000");
	expect(&b, REFS_SERVICE, all, "");
}

static void version_2(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	pkt_write(&b, "# service=git-upload-pack\n");
	buf_adds(&b, "0000");
	pkt_write(&b, "version 2\n");
	pkt_write(&b, "agent=git/2.39\n");
	pkt_write(&b, "ls-refs=unborn\n");
	pkt_write(&b, "object-format=sha1\n");
	buf_adds(&b, "0000");
	expect(&b, REFS_SERVICE, all, "v2+format ");
}

static void listed(void **state)
{
	static const char *const some[] = { "HEAD", "refs/tags/", NULL };
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	pkt_write(&b, A " HEAD symref-target:refs/heads/main\n");
	pkt_write(&b, A " refs/heads/main\n");
	pkt_write(&b, B " refs/tags/v1 peeled:" C "\n");
	pkt_write(&b, B " refs/tags/v2 peeled:zz unknown\n");
	pkt_write(&b, "unborn HEAD symref-target:refs/heads/x\n");
	buf_adds(&b, "0000");
	expect(&b, REFS_LIST, some,
	       "HEAD=aa->refs/heads/main refs/tags/v1=cc by bb refs/tags/v2=bb ");
}

/* As the fetch worker tells the daemon. */
static void lists_travel(void **state)
{
	static const char text[] = A " HEAD\n" C " refs/tags/v1 " B "\n";
	static const char *const broken[] = {
		A "HEAD\n", A " \n", A " refs/tags/v1 x\n", A " refs/tags/v1 \n",
		A " v1 " B " \n", A " v1 " B "0\n", "zz HEAD\n", A " a\x01\n",
	};
	_cleanup_(ref_list_deinit) struct ref_list l = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(ref_list_read(&l, text, NULL), 0);
	assert_int_equal(l.len, 2);
	assert_string_equal(l.data[0].tag, "");
	assert_string_equal(l.data[1].name, "refs/tags/v1");
	assert_string_equal(l.data[1].oid, C);
	assert_string_equal(l.data[1].tag, B);
	ref_list_write(&l, &out);
	assert_string_equal(buf_str(&out), text);
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct ref_list bad = { 0 };

		assert_int_equal(ref_list_read(&bad, broken[i], NULL), -1);
		ref_list_deinit(&bad);
	}
}

static void refused(const char *data, size_t len, enum ref_stage stage,
		    enum err_code code, const char *says)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	char *got;

	buf_add(&b, data, len);
	got = read_all(&b, stage, 7, all, &err);
	assert_null(got);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, says))
		fail_msg("%s instead of %s", err.msg, says);
}

static void broken_answers(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
#define CASE(text, stage, code, says) refused(text, sizeof(text) - 1, stage, code, says)
	CASE("<html>", REFS_SERVICE, ERR_INVALID, "not a Git answer");
	CASE("0008abcd", REFS_SERVICE, ERR_INVALID, "no capabilities");
	CASE("", REFS_SERVICE, ERR_NET, "broke off");
	CASE("000eversion 2\n", REFS_SERVICE, ERR_NET, "broke off");
	CASE("00000000", REFS_LIST, ERR_INVALID, "after its end");
	CASE("0000000", REFS_LIST, ERR_NET, "broke off");
	CASE("0001", REFS_LIST, ERR_INVALID, "delimiter");
	CASE("0006a\n", REFS_LIST, ERR_INVALID, "without ref");
	CASE("00000006a\n", REFS_LIST, ERR_INVALID, "after its end");
	CASE("001aERR access denied\x1b[0m\xff", REFS_LIST, ERR_NOTFOUND,
	     "the Git server says: access denied [0m\xef\xbf\xbd");
	pkt_write(&b, "version 2\n");
	pkt_write(&b, "object-format=sha256\n");
	refused(b.data, b.len, REFS_SERVICE, ERR_INVALID, "SHA-256");
	buf_clear(&b);
	pkt_write(&b, "zaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa refs/heads/x\n");
	refused(b.data, b.len, REFS_LIST, ERR_INVALID, "without object id");
}

static void too_many_refs(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i <= 65536; i++)
		pkt_write(&b, A " refs/heads/%d\n", i);
	refused(b.data, b.len, REFS_LIST, ERR_LIMIT, "65536");
}

static void request_names_the_prefixes(void **state)
{
	static const char *const some[] = { "HEAD", "refs/tags/v1", NULL };
	struct ref_reader r = { .prefixes = some, .object_format = true };
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	ref_reader_request(&r, &b);
	assert_non_null(strstr(buf_str(&b), "0014command=ls-refs\n"));
	assert_non_null(strstr(buf_str(&b), "object-format=sha1\n00010009peel\n"));
	assert_non_null(strstr(buf_str(&b), "0014ref-prefix HEAD\n"));
	assert_non_null(strstr(buf_str(&b), "ref-prefix refs/tags/v1\n0000"));
}

static void lists_travel_as_lines(void **state)
{
	static const char good[] = A " HEAD\n" B " refs/heads/x\n";
	static const char *const bad[] = {
		"x\n", A "\n", A " \n", A "  x\n", "\n" A " x\n",
		A " a\x01\n", "gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x\n",
	};
	_cleanup_(ref_list_deinit) struct ref_list l = { 0 };
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ref_list_read(&l, good, &err), 0);
	assert_int_equal(l.len, 2);
	assert_string_equal(l.data[1].name, "refs/heads/x");
	assert_string_equal(l.data[1].oid, B);
	ref_list_write(&l, &b);
	assert_string_equal(buf_str(&b), good);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!ref_list_read(&l, bad[i], &err))
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_packets),
		cmocka_unit_test(refuses_bad_lengths),
		cmocka_unit_test(version_0),
		cmocka_unit_test(peeled_of_a_ref_not_asked_for_is_not_the_last_ones),
		cmocka_unit_test(version_1_and_empty),
		cmocka_unit_test(version_2),
		cmocka_unit_test(listed),
		cmocka_unit_test(lists_travel),
		cmocka_unit_test(broken_answers),
		cmocka_unit_test(too_many_refs),
		cmocka_unit_test(request_names_the_prefixes),
		cmocka_unit_test(lists_travel_as_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
