/*
 * OpenPGP signatures by librnp, of commits and tags that real gpg and git made
 * (tests/unit/signed/make), and of what somebody who means harm makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/doc.h"
#include "core/pgp.h"
#include "signedfiles.h"

/* The keys, by their files, spaced; each under the name of its ID. */
static void fill_ring(struct signed_policy *p, const char *names)
{
	_cleanup_free_ char *list = xstrdup(names);
	char *rest = NULL, id[SIGNED_ID];

	*p = (struct signed_policy){ 0 };
	for (char *one = strtok_r(list, " ", &rest); one; one = strtok_r(NULL, " ", &rest)) {
		_cleanup_free_ char *file = xasprintf("%s.asc", one);
		size_t len;

		signed_id_of(one, 0, id);
		vec_push(&p->ring, ((struct signed_key){ xstrdup(id),
							 signed_file(file, &len) }));
	}
}

static struct signed_seen see_bytes(const char *object, size_t len, bool is_tag,
				    const char *ring)
{
	struct signed_seen seen = { .form = SIGNED_NOT };
	struct signed_parts parts;
	struct signed_policy p;
	struct err err = ERR_INIT;

	fill_ring(&p, ring);
	if (signed_split(object, len, is_tag, &parts, &err))
		fail_msg("%s", err.msg);
	if (parts.form == SIGNED_PGP && pgp_verify(&p, &parts, &seen, &err))
		fail_msg("%s", err.msg);
	seen.form = parts.form;
	signed_parts_deinit(&parts);
	signed_policy_deinit(&p);
	return seen;
}

static struct signed_seen see(const char *name, const char *ring)
{
	size_t len;
	_cleanup_free_ char *object = signed_file(name, &len);

	return see_bytes(object, len, strstr(name, ".tag") != NULL, ring);
}

#define ALL "ada rsa old gone main stranger"

static void what_gpg_signed(void **state)
{
	static const struct {
		const char *object, *ring;
		enum signed_form form;
		enum signed_verdict verdict;
		const char *by;		/* whose key it is, of `ids`; NULL */
		int nth;
		const char *note;
	} cases[] = {
		{ "ada.commit", "ada", SIGNED_PGP, SEEN_GOOD, "ada", 0, "" },
		{ "ada.commit", ALL, SIGNED_PGP, SEEN_GOOD, "ada", 0, "" },
		{ "rsa.commit", ALL, SIGNED_PGP, SEEN_GOOD, "rsa", 0, "" },
		{ "primary.commit", ALL, SIGNED_PGP, SEEN_GOOD, "main", 0, "" },
		{ "subkey.commit", ALL, SIGNED_PGP, SEEN_GOOD, "main", 1, "" },
		{ "ada.tag", ALL, SIGNED_PGP, SEEN_GOOD, "ada", 0, "" },
		{ "stranger.commit", "ada rsa", SIGNED_PGP, SEEN_NO_KEY, "stranger", 0, "" },
		{ "ada.commit", "", SIGNED_PGP, SEEN_NO_KEY, "ada", 0, "" },
		{ "old.commit", ALL, SIGNED_PGP, SEEN_KEY_EXPIRED, "old", 0,
		  "on 2024-06-01" },
		{ "gone.commit", ALL, SIGNED_PGP, SEEN_KEY_REVOKED, "gone", 0, "" },
		{ "sha1.commit", ALL, SIGNED_PGP, SEEN_UNREADABLE, "rsa", 0, "SHA1" },
		{ "text.commit", ALL, SIGNED_PGP, SEEN_UNREADABLE, NULL, 0, "type 0x01" },
		{ "ssh.commit", ALL, SIGNED_SSH, SEEN_GOOD, NULL, 0, "" },
		{ "unsigned.commit", ALL, SIGNED_NOT, SEEN_GOOD, NULL, 0, "" },
		{ "unsigned.tag", ALL, SIGNED_NOT, SEEN_GOOD, NULL, 0, "" },
	};
	char id[SIGNED_ID];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signed_seen s = see(cases[i].object, cases[i].ring);

		print_message("%s with %s: %d %s %s\n", cases[i].object, cases[i].ring,
			      s.verdict, s.key, s.note);
		assert_int_equal(s.form, cases[i].form);
		if (s.form == SIGNED_PGP)
			assert_int_equal(s.verdict, cases[i].verdict);
		if (cases[i].by) {
			signed_id_of(cases[i].by, cases[i].nth, id);
			assert_string_equal(s.key, id);
		}
		assert_non_null(strstr(s.note, cases[i].note));
	}
	signed_id_of("main", 0, id);
	assert_string_equal(see("subkey.commit", ALL).primary, id);
}

/* The first end of all that it stands on: the key, its primary key, the signature. */
static void the_end_is_told(void **state)
{
	static const struct {
		const char *object;
		uint64_t until;
	} cases[] = {
		{ "ada.commit", 0 },
		{ "subkey.commit", 0 },
		{ "ends.commit", 3786912000 },		/* 2090-01-01 */
		{ "endsub.commit", 3471292800 },	/* 2080-01-01 */
		{ "eve.commit", 3155760000 },		/* 2070-01-01 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signed_seen s = see(cases[i].object, "ada main ends endsub eve");

		print_message("%s: %llu\n", cases[i].object, (unsigned long long)s.until);
		assert_int_equal(s.verdict, SEEN_GOOD);
		assert_int_equal(s.until, cases[i].until);
	}
}

static const char *end_of(const char *fprint)
{
	assert_int_equal(strlen(fprint), 40);
	return fprint + 24;
}

/* Of both keys, where the ring has them; a listed one of 40 digits is met by all of them. */
static void fingerprints_are_whole(void **state)
{
	struct signed_seen s = see("subkey.commit", ALL), ada = see("ada.commit", "ada");
	struct signed_policy p = { .project = xstrdup("team"), .from = xstrdup("there") };
	char id[SIGNED_ID];

	(void)state;
	signed_id_of("main", 0, id);
	assert_string_equal(end_of(s.primary_fprint), id);
	signed_id_of("main", 1, id);
	assert_string_equal(end_of(s.key_fprint), id);
	assert_string_equal(see("ada.commit", "rsa").key_fprint, "");
	assert_string_equal(ada.primary_fprint, "");
	vec_push(&p.listed, xstrdup(ada.key_fprint));
	vec_push(&p.listed, xstrdup(s.primary_fprint));
	assert_int_equal(signed_judge(&p, &ada, "it", NULL), 0);
	assert_int_equal(signed_judge(&p, &s, "it", NULL), 0);
	for (size_t i = 0; i < p.listed.len; i++)
		p.listed.data[i][0] ^= 1;
	assert_int_equal(signed_judge(&p, &ada, "it", NULL), -1);
	assert_int_equal(signed_judge(&p, &s, "it", NULL), -1);
	signed_policy_deinit(&p);
}

/* Every byte of what was signed counts. */
static void a_changed_byte_is_seen(void **state)
{
	size_t len;
	_cleanup_free_ char *object = signed_file("ada.commit", &len);
	const char *begin = strstr(object, "gpgsig "), *end = strstr(object, "\n\n");
	size_t tried = 0;

	(void)state;
	for (size_t i = 5; i < len; i++) {
		bool in_signature = object + i >= begin - 1 && object + i < end + 2;

		if (in_signature || object[i] == '\n' || object[i] == 'g')
			continue;
		object[i] ^= 1;
		assert_int_equal(see_bytes(object, len, false, "ada").verdict, SEEN_BAD);
		object[i] ^= 1;
		tried++;
	}
	assert_true(tried > 100);
	assert_int_equal(see_bytes(object, len, false, "ada").verdict, SEEN_GOOD);
}

/* Any byte of the signature may be another: it is never good, and does no harm. */
static void a_changed_signature_is_never_good(void **state)
{
	size_t len;
	_cleanup_free_ char *object = signed_file("rsa.commit", &len);
	char *begin = strstr(object, "\n \n") + 3, *end = strstr(object, "\n =");

	(void)state;
	for (char *p = begin; p < end; p++) {
		char was = *p;

		if (was == '\n' || was == ' ')
			continue;
		*p = was == 'A' ? 'B' : 'A';
		/* Unhashed subpackets and the issuer's are not signed: another key at most. */
		if (see_bytes(object, len, false, "rsa").verdict == SEEN_GOOD)
			assert_string_equal(see_bytes(object, len, false, "rsa").key,
					    see("rsa.commit", "rsa").key);
		*p = was;
	}
	*begin = '!';
	assert_int_equal(see_bytes(object, len, false, "rsa").verdict, SEEN_UNREADABLE);
}

/* The object `name`, with that armor as its signature. */
static struct signed_seen see_with(const char *name, const char *armor)
{
	size_t len, n;
	_cleanup_free_ char *object = signed_file(name, &len);
	_cleanup_free_ char *text = signed_file(armor, &n);
	const char *body = strstr(object, "\n\n");
	_cleanup_(buf_deinit) struct buf b = BUF_INIT;

	buf_add(&b, object, (size_t)(body - object) + 1);
	buf_adds(&b, "gpgsig ");
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n' && i + 1 < n)
			buf_adds(&b, "\n ");
		else
			buf_addc(&b, text[i]);
	buf_adds(&b, body + 1);
	return see_bytes(b.data, b.len, false, ALL);
}

/* A library would verify what is in the message, and that is good. */
static void a_message_is_no_signature(void **state)
{
	struct signed_seen s = see_with("unsigned.commit", "message.asc");

	(void)state;
	assert_int_equal(s.form, SIGNED_PGP);
	assert_int_equal(s.verdict, SEEN_UNREADABLE);
	assert_non_null(strstr(s.note, "no detached signature"));
	s = see_with("unsigned.commit", "ada.asc");	/* nor is a key */
	assert_int_equal(s.form, SIGNED_OTHER);
}

static void two_signatures_are_refused(void **state)
{
	struct signed_seen s = see_with("unsigned.commit", "two.asc");

	(void)state;
	assert_int_equal(s.verdict, SEEN_UNREADABLE);
	assert_non_null(strstr(s.note, "more than one"));
}

/* ---- the ring ---- */

static struct signed_seen see_ring(const char *object, struct signed_policy *p)
{
	size_t len;
	_cleanup_free_ char *text = signed_file(object, &len);
	struct signed_parts parts;
	struct signed_seen seen;
	struct err err = ERR_INIT;

	assert_int_equal(signed_split(text, len, false, &parts, &err), 0);
	assert_int_equal(pgp_verify(p, &parts, &seen, &err), 0);
	signed_parts_deinit(&parts);
	return seen;
}

/* A text of each key is cut, changed, or of somebody else. */
static void broken_keys_fail_closed(void **state)
{
	struct signed_policy p;
	struct signed_seen s;
	size_t len, n;

	(void)state;
	fill_ring(&p, "rsa");
	len = strlen(p.ring.data[0].text);
	for (size_t cut = 0; cut < len; cut += 37) {
		_cleanup_free_ char *whole = p.ring.data[0].text;

		p.ring.data[0].text = xstrndup(whole, cut);
		s = see_ring("rsa.commit", &p);
		/* Behind the key and the signature of its name nothing is missed. */
		if (s.verdict == SEEN_GOOD)
			assert_true(cut > len * 3 / 4);
		free(p.ring.data[0].text);
		p.ring.data[0].text = steal(&whole);
	}
	free(p.ring.data[0].text);
	p.ring.data[0].text = signed_file("ada.asc", &n);
	s = see_ring("rsa.commit", &p);
	assert_int_equal(s.verdict, SEEN_NO_KEY);
	assert_non_null(strstr(s.note, "does not hold it"));
	signed_policy_deinit(&p);
}

/* Under any name; broken ones beside it do not matter. */
static void keys_are_found_by_what_they_are(void **state)
{
	struct signed_policy p;

	(void)state;
	fill_ring(&p, "old main ada");
	for (size_t i = 0; i < p.ring.len; i++) {
		free(p.ring.data[i].name);
		p.ring.data[i].name = xstrdup("somebody");
	}
	free(p.ring.data[0].text);
	p.ring.data[0].text = xstrdup("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n");
	assert_int_equal(see_ring("ada.commit", &p).verdict, SEEN_GOOD);
	assert_int_equal(see_ring("subkey.commit", &p).verdict, SEEN_GOOD);
	assert_int_equal(see_ring("old.commit", &p).verdict, SEEN_NO_KEY);
	signed_policy_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_gpg_signed),
		cmocka_unit_test(the_end_is_told),
		cmocka_unit_test(fingerprints_are_whole),
		cmocka_unit_test(a_changed_byte_is_seen),
		cmocka_unit_test(a_changed_signature_is_never_good),
		cmocka_unit_test(a_message_is_no_signature),
		cmocka_unit_test(two_signatures_are_refused),
		cmocka_unit_test(broken_keys_fail_closed),
		cmocka_unit_test(keys_are_found_by_what_they_are),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
