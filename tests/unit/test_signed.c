/* Signatures of commits: key IDs, what of an object is signed, and who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/doc.h"
#include "core/signed.h"

#define ADA "783CBCB573CAE457"
#define BOB "00000000000000B0"
#define SUB "5B5B5B5B5B5B5B5B"
#define EVE "00000000000000E0"
#define FP "0123456789ABCDEF01234567"
#define LIKE_FP "0123456789ABCDEF01234568"

static void key_ids(void **state)
{
	static const struct {
		const char *text, *id;	/* NULL: none */
	} cases[] = {
		{ ADA, ADA },
		{ "783cbcb573cae457", ADA },
		{ "0123456789ABCDEF01234567783cbcb573cae457", ADA },
		{ "783CBCB573CAE45", NULL }, { ADA "7", NULL }, { "", NULL },
		{ NULL, NULL }, { "73CAE457", NULL },
		{ "0x783CBCB573CAE4", NULL }, { "783CBCB573CAE45G", NULL },
		{ "783CBCB5 73CAE457", NULL },
	};
	char id[SIGNED_ID], name[SIGNED_FPRINT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(signed_key_id(cases[i].text, id), cases[i].id != NULL);
		assert_int_equal(signed_key_name(cases[i].text, name), cases[i].id != NULL);
		if (!cases[i].id)
			continue;
		assert_string_equal(id, cases[i].id);
		assert_int_equal(strcasecmp(name, cases[i].text), 0);
		assert_int_equal(strcspn(name, "abcdef"), strlen(name));
	}
}

/* ---- objects ---- */

#define BEGIN "-----BEGIN PGP SIGNATURE-----\n"
#define END "-----END PGP SIGNATURE-----\n"
#define HEAD "tree 1\nauthor a\n"
#define SIGNED "gpgsig " BEGIN " \n abc\n " END

static void objects(void **state)
{
	static const struct {
		const char *object;
		bool is_tag;
		const char *payload;	/* NULL: refused with... */
		const char *words;	/* ... else the signature */
		enum signed_form form;
	} cases[] = {
		{ HEAD "\nsubject\n", false, HEAD "\nsubject\n", "", SIGNED_NOT },
		{ HEAD SIGNED "\nsubject\n", false, HEAD "\nsubject\n",
		  BEGIN "\nabc\n" END, SIGNED_PGP },
		/* Headers behind it are signed, too. */
		{ HEAD SIGNED "encoding x\n\ns", false, HEAD "encoding x\n\ns",
		  BEGIN "\nabc\n" END, SIGNED_PGP },
		/* In the message it is words. */
		{ HEAD "\n" SIGNED, false, HEAD "\n" SIGNED, "", SIGNED_NOT },
		{ HEAD "gpgsig -----BEGIN SSH SIGNATURE-----\n\ns", false, HEAD "\ns",
		  "-----BEGIN SSH SIGNATURE-----\n", SIGNED_SSH },
		{ HEAD "gpgsig -----BEGIN SIGNED MESSAGE-----\n\ns", false, HEAD "\ns",
		  "-----BEGIN SIGNED MESSAGE-----\n", SIGNED_X509 },
		{ HEAD "gpgsig hello\n\ns", false, HEAD "\ns", "hello\n", SIGNED_OTHER },
		{ HEAD "gpgsig " BEGIN, false, HEAD, BEGIN, SIGNED_PGP },
		{ HEAD SIGNED SIGNED "\ns", false, NULL, "two signatures", SIGNED_NOT },
		{ HEAD "gpgsig-sha256 x\n\ns", false, NULL, "SHA-256", SIGNED_NOT },
		{ SIGNED HEAD "\ns", false, NULL, "it is no commit", SIGNED_NOT },
		{ "", false, NULL, "it is no commit", SIGNED_NOT },
		{ "object 1\ntype commit\n\nm\n" BEGIN "\nabc\n" END, true,
		  "object 1\ntype commit\n\nm\n", BEGIN "\nabc\n" END, SIGNED_PGP },
		/* Of several the last, as in git: the first is what was signed. */
		{ "object 1\n\n" BEGIN "m\n" BEGIN "n\n", true, "object 1\n\n" BEGIN "m\n",
		  BEGIN "n\n", SIGNED_PGP },
		{ "object 1\n\nm -----BEGIN PGP SIGNATURE-----\n", true,
		  "object 1\n\nm -----BEGIN PGP SIGNATURE-----\n", "", SIGNED_NOT },
		{ HEAD "\ns", true, NULL, "it is no tag", SIGNED_NOT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signed_parts parts;
		struct err err = ERR_INIT;
		int rc = signed_split(cases[i].object, strlen(cases[i].object),
				      cases[i].is_tag, &parts, &err);

		print_message("case %zu\n", i);
		assert_int_equal(rc, cases[i].payload ? 0 : -1);
		if (cases[i].payload) {
			assert_string_equal(buf_str(&parts.payload), cases[i].payload);
			assert_string_equal(buf_str(&parts.signature), cases[i].words);
			assert_int_equal(parts.form, cases[i].form);
		} else {
			assert_int_equal(err.code, ERR_INVALID);
			assert_non_null(strstr(err.msg, cases[i].words));
		}
		signed_parts_deinit(&parts);
	}
}

static void sizes_are_capped(void **state)
{
	struct signed_parts parts;
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;

	(void)state;
	buf_adds(&b, HEAD "gpgsig " BEGIN);
	while (b.len < SIGNED_SIGNATURE_MAX + 4096)
		buf_adds(&b, " abcdefghijklmnop\n");
	assert_int_equal(signed_split(b.data, b.len, false, &parts, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	signed_parts_deinit(&parts);
	while (b.len <= SIGNED_OBJECT_MAX)
		buf_adds(&b, "author nobody\n");
	assert_int_equal(signed_split(b.data, b.len, false, &parts, &err), -1);
	assert_non_null(strstr(err.msg, "no more than 1048576"));
	signed_parts_deinit(&parts);
	buf_deinit(&b);
}

/* A tag is of one commit, and of one name. */
static void tags_stand_where_they_were_made_for(void **state)
{
	static const struct {
		const char *object, *ref;
		const char *words;	/* NULL: it fits */
	} cases[] = {
		{ "object c\ntype commit\ntag v1\ntagger a\n\nm", "refs/tags/v1", NULL },
		{ "object c\ntype commit\ntag a/b/v1\n\nm", "refs/tags/a/b/v1", NULL },
		{ "object c\ntype commit\ntag v1", "refs/tags/v1", NULL },
		{ "object c\ntype commit\ntag v1\n\nm", "refs/tags/v2",
		  "it is called v1, and stands at refs/tags/v2" },
		{ "object c\ntype commit\ntag v1\n\nm", "refs/tags/v11", "is called v1, " },
		{ "object c\ntype commit\ntag v11\n\nm", "refs/tags/v1", "is called v11, " },
		{ "object c\ntype commit\ntag v1\n\nm", "refs/tags/a/v1", "at refs/tags/a/v1" },
		{ "object c\ntype commit\ntag a/v1\n\nm", "refs/tags/v1", "is called a/v1, " },
		/* Not a tag's place, whatever it is called. */
		{ "object c\ntype commit\ntag v1\n\nm", "refs/heads/v1", "at refs/heads/v1" },
		{ "object c\ntype commit\ntag refs/tags/v1\n\nm", "refs/tags/v1", "called refs" },
		{ "object c\ntype commit\ntag v1\n\nm", "", "and stands at " },
		{ "object c\ntype commit\ntagger v1\n\ntag v1\n", "refs/tags/v1", "is called ," },
		{ "object c\ntype commit\n\ntag v1\n", "refs/tags/v1", "is called ," },
		{ "object d\ntype commit\ntag v1\n", "refs/tags/v1", "it is of something else" },
		{ "object c\ntype tag\ntag v1\n", "refs/tags/v1", "it is of something else" },
		{ "object c\ntag v1\ntype commit\n", "refs/tags/v1", "it is of something else" },
		{ "", "refs/tags/v1", "it is of something else" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		int rc = signed_tag_fits(cases[i].object, "c", cases[i].ref, "it", &err);

		print_message("case %zu: %s\n", i, err.msg);
		assert_int_equal(rc, cases[i].words ? -1 : 0);
		if (!cases[i].words)
			continue;
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, cases[i].words));
	}
}

/* ---- the verdict: one row for each that there is ---- */

static const struct {
	struct signed_seen seen;
	const char *words;	/* NULL: it may go out */
} verdicts[] = {
	{ { SIGNED_PGP, SEEN_GOOD, ADA, "", "", "", "", 0 }, NULL },
	{ { SIGNED_PGP, SEEN_GOOD, SUB, ADA, "", "", "", 0 }, NULL },
	{ { SIGNED_PGP, SEEN_GOOD, ADA, SUB, "", "", "", 0 }, NULL },
	/* Eve is listed by all her digits. */
	{ { SIGNED_PGP, SEEN_GOOD, EVE, "", "", FP EVE, "", 0 }, NULL },
	{ { SIGNED_PGP, SEEN_GOOD, SUB, EVE, "", FP SUB, FP EVE, 0 }, NULL },
	{ { SIGNED_PGP, SEEN_GOOD, EVE, SUB, "", FP EVE, FP SUB, 0 }, NULL },
	{ { SIGNED_PGP, SEEN_GOOD, EVE, "", "", LIKE_FP EVE, "", 0 },
	  "is signed by key " LIKE_FP EVE ", which AppProject team does not list" },
	{ { SIGNED_PGP, SEEN_GOOD, SUB, EVE, "", FP SUB, LIKE_FP EVE, 0 },
	  "is signed by key " SUB " of " LIKE_FP EVE ", which AppProject team does not list" },
	{ { SIGNED_PGP, SEEN_GOOD, EVE, "", "", "", "", 0 },
	  "is signed by key " EVE ", which AppProject team does not list" },
	{ { SIGNED_PGP, SEEN_NO_KEY, EVE, "", "", "", "", 0 },
	  "which AppProject team lists, but which is not in the ConfigMap: add it there" },
	{ { SIGNED_PGP, SEEN_KEY_EXPIRED, EVE, "", "", FP EVE, "", 0 },
	  "is signed by key " EVE ", which has expired:" },
	{ { SIGNED_PGP, SEEN_KEY_EXPIRED, EVE, "", "", LIKE_FP EVE, "", 0 }, "does not list" },
	{ { SIGNED_NOT, SEEN_GOOD, ADA, "", "", "", "", 0 },
	  "commit 1234567 is not signed, and AppProject team asks for a signature" },
	{ { SIGNED_SSH, SEEN_GOOD, ADA, "", "", "", "", 0 }, "has a signature of SSH" },
	{ { SIGNED_X509, SEEN_GOOD, ADA, "", "", "", "", 0 }, "has a signature of X.509" },
	{ { SIGNED_OTHER, SEEN_GOOD, ADA, "", "", "", "", 0 }, "has a signature of no known kind" },
	{ { SIGNED_PGP, SEEN_GOOD, BOB, "", "", "", "", 0 },
	  "is signed by key " BOB ", which AppProject team does not list" },
	{ { SIGNED_PGP, SEEN_GOOD, SUB, BOB, "", "", "", 0 },
	  "is signed by key " SUB " of " BOB ", which AppProject team does not list" },
	{ { SIGNED_PGP, SEEN_GOOD, "", "", "", "", "", 0 }, "does not list" },
	{ { SIGNED_PGP, SEEN_BAD, ADA, "", "", "", "", 0 },
	  "has a bad signature in the name of key " ADA },
	{ { SIGNED_PGP, SEEN_BAD, BOB, "", "which is not for signing", "", "", 0 },
	  "bad signature in the name of key " BOB ", which is not for signing" },
	{ { SIGNED_PGP, SEEN_UNREADABLE, ADA, "", "two of them", "", "", 0 },
	  "has a signature that does not count (two of them)" },
	{ { SIGNED_PGP, SEEN_EXPIRED, ADA, "", "", "", "", 0 },
	  "has a signature by key " ADA " that has expired" },
	{ { SIGNED_PGP, SEEN_NO_KEY, ADA, "", "", "", "", 0 },
	  "which AppProject team lists, but which is not in the ConfigMap: add it there "
	  "(gpg --armor --export " ADA ")" },
	{ { SIGNED_PGP, SEEN_NO_KEY, ADA, "", "it is broken", "", "", 0 },
	  "is not in the ConfigMap: it is broken: add it there" },
	{ { SIGNED_PGP, SEEN_NO_KEY, BOB, "", "", "", "", 0 }, "does not list" },
	{ { SIGNED_PGP, SEEN_KEY_EXPIRED, ADA, "", "on 2024-06-01", "", "", 0 },
	  "is signed by key " ADA ", which has expired on 2024-06-01: sign it with" },
	{ { SIGNED_PGP, SEEN_KEY_EXPIRED, SUB, ADA, "", "", "", 0 },
	  "is signed by key " ADA ", which has expired:" },
	{ { SIGNED_PGP, SEEN_KEY_EXPIRED, BOB, "", "", "", "", 0 }, "does not list" },
	{ { SIGNED_PGP, SEEN_KEY_REVOKED, ADA, "", "", "", "", 0 },
	  "is signed by key " ADA ", which is revoked" },
	{ { SIGNED_PGP, SEEN_KEY_REVOKED, BOB, "", "", "", "", 0 }, "does not list" },
};

static void the_verdict(void **state)
{
	struct signed_policy p = { .project = xstrdup("team"),
				   .from = xstrdup("the ConfigMap") };

	(void)state;
	vec_push(&p.listed, xstrdup("0000000000000001"));
	vec_push(&p.listed, xstrdup(ADA));
	vec_push(&p.listed, xstrdup(FP EVE));
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		struct err err = ERR_INIT;
		int rc = signed_judge(&p, &verdicts[i].seen, "commit 1234567", &err);

		print_message("case %zu: %s\n", i, err.msg);
		assert_int_equal(rc, verdicts[i].words ? -1 : 0);
		if (!verdicts[i].words)
			continue;
		assert_int_equal(err.code, ERR_INVALID);
		assert_false(err.retry);
		assert_non_null(strstr(err.msg, verdicts[i].words));
		assert_int_equal(strncmp(err.msg, "commit 1234567 ", 15), 0);
	}
	signed_policy_deinit(&p);
}

/* ---- the request ---- */

static void it_travels(void **state)
{
	struct signed_policy p = { .project = xstrdup("team"), .from = xstrdup("there") };
	struct signed_policy q = { 0 };
	struct err err = ERR_INIT;
	json_t *o;

	(void)state;
	vec_push(&p.listed, xstrdup(ADA));
	vec_push(&p.listed, xstrdup(FP EVE));
	vec_push(&p.ring, ((struct signed_key){ xstrdup(BOB), xstrdup("text\n") }));
	o = signed_policy_encode(&p);
	assert_int_equal(signed_policy_decode(&q, o, &err), 0);
	assert_string_equal(q.project, "team");
	assert_string_equal(q.from, "there");
	assert_int_equal(q.listed.len, 2);
	assert_string_equal(q.listed.data[0], ADA);
	assert_string_equal(q.listed.data[1], FP EVE);
	assert_int_equal(q.ring.len, 1);
	assert_string_equal(q.ring.data[0].name, BOB);
	assert_string_equal(q.ring.data[0].text, "text\n");
	json_decref(o);
	signed_policy_deinit(&q);
	signed_policy_deinit(&p);
}

/* What cannot be read asks for something all the same. */
static void broken_requests_refuse(void **state)
{
	static const char *const all[] = {
		"{}", "null", "[]", "{\"listed\":[]}", "{\"listed\":[\"x\"]}",
		"{\"listed\":[\"" ADA "\"],\"ring\":[[\"a\"]]}",
		"{\"listed\":[\"" ADA "\"],\"ring\":[1]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		json_t *o = json_loads(all[i], JSON_DECODE_ANY, NULL);
		struct signed_policy p;
		struct err err = ERR_INIT;

		assert_int_equal(signed_policy_decode(&p, o, &err), -1);
		assert_int_equal(err.code, ERR_INTERNAL);
		json_decref(o);
	}
}

static void what_ends_first_is_named(void **state)
{
	static const struct signed_seen seen[] = {
		{ .key = "0123456789ABCDEF" },	/* for ever */
		{ .key = "00000000000000AA", .until = 50 },
		{ .key = "00000000000000BB", .primary = "00000000000000CC", .until = 40 },
		{ .key = "00000000000000DD", .until = 40 },
		{ .key = "00000000000000EE", .until = 60 },
	};
	struct signed_end e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		signed_end_bring(&e, &seen[i]);
		if (!i)
			assert_int_equal(e.until, 0);
	}
	assert_int_equal(e.until, 40);
	assert_string_equal(e.by, "00000000000000BB of 00000000000000CC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_first_is_named),
		cmocka_unit_test(key_ids),
		cmocka_unit_test(objects),
		cmocka_unit_test(sizes_are_capped),
		cmocka_unit_test(tags_stand_where_they_were_made_for),
		cmocka_unit_test(the_verdict),
		cmocka_unit_test(it_travels),
		cmocka_unit_test(broken_requests_refuse),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
