/*
 * Signatures that are right by the letter, and must not count all the same: of a key
 * whose maker chose its ID, of a hash that was good enough on the day they name, of a
 * key that another entry of the ring revokes (tests/unit/signed/make-late).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/sha.h>

#include "core/doc.h"
#include "core/pgp.h"
#include "signedfiles.h"

#define MADE 1483228800		/* 2017-01-01, of keys */
#define SIGNED_AT 1714564800	/* 2024-05-01 */

static void add_key(struct signed_policy *p, const char *name, char *text)
{
	vec_push(&p->ring, ((struct signed_key){ xstrdup(name), text }));
}

/* "NAME=FILE NAME=FILE": entries of the ring, in their order. A file "a+b" is both. */
static void fill_ring(struct signed_policy *p, const char *entries)
{
	_cleanup_free_ char *list = xstrdup(entries);
	char *rest = NULL;

	*p = (struct signed_policy){ 0 };
	for (char *one = strtok_r(list, " ", &rest); one; one = strtok_r(NULL, " ", &rest)) {
		char *files = strchr(one, '='), *more = NULL;
		struct buf text = BUF_INIT;
		char id[SIGNED_ID] = "";

		*files++ = '\0';
		if (!strcmp(one, "lost") || !strcmp(one, "main"))
			signed_id_of(one, 0, id);
		for (char *f = strtok_r(files, "+", &more); f; f = strtok_r(NULL, "+", &more)) {
			_cleanup_free_ char *file = xasprintf("%s.asc", f);
			size_t len;
			_cleanup_free_ char *block = signed_file(file, &len);

			buf_add(&text, block, len);
		}
		add_key(p, *id ? id : one, buf_steal(&text, NULL));
	}
}

static struct signed_seen see(const char *object, size_t len, const struct signed_policy *p)
{
	struct signed_parts parts;
	struct signed_seen seen;
	struct err err = ERR_INIT;

	assert_int_equal(signed_split(object, len, false, &parts, &err), 0);
	assert_int_equal(parts.form, SIGNED_PGP);
	assert_int_equal(pgp_verify(p, &parts, &seen, &err), 0);
	signed_parts_deinit(&parts);
	return seen;
}

static void days_and_revocations(void **state)
{
	static const struct {
		const char *object, *ring;
		enum signed_verdict verdict;
		const char *note;
	} cases[] = {
		{ "veteran.commit", "a=veteran", SEEN_GOOD, "" },
		/* librnp takes them of those days; anybody can name one. */
		{ "veteran-sha1.commit", "a=veteran", SEEN_UNREADABLE, "SHA1" },
		{ "veteran-ripemd.commit", "a=veteran", SEEN_UNREADABLE, "RIPEMD160" },
		{ "lost.commit", "lost=lost", SEEN_GOOD, "" },
		{ "lost.commit", "lost=lost-revoked", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "lost=lost lost=lost-revoked", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "lost=lost z=lost-revoked", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "a=lost z=lost-revoked", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "lost=lost+lost-revoked", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "lost=lost+lost-revocation", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "a=lost-revocation lost=lost", SEEN_KEY_REVOKED, "" },
		{ "lost.commit", "lost=lost z=gone+veteran", SEEN_GOOD, "" },
		{ "lost.commit", "lost=ada+lost", SEEN_GOOD, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signed_policy p;
		struct signed_seen s;
		size_t len;
		_cleanup_free_ char *object = signed_file(cases[i].object, &len);

		fill_ring(&p, cases[i].ring);
		s = see(object, len, &p);
		print_message("%s with %s: %d %s\n", cases[i].object, cases[i].ring,
			      s.verdict, s.note);
		assert_int_equal(s.verdict, cases[i].verdict);
		assert_non_null(strstr(s.note, cases[i].note));
		signed_policy_deinit(&p);
	}
}

/* ---- an RSA key of version 3: its ID is the end of its modulus ---- */

struct forger {
	BN_CTX *ctx;
	BIGNUM *n, *d, *e;
	unsigned char id[8];
	struct buf packet;	/* the key's body */
};

static void put32(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_addc(b, (char)(v >> shift));
}

static void put16(struct buf *b, size_t v)
{
	buf_addc(b, (char)(v >> 8));
	buf_addc(b, (char)v);
}

static void put_number(struct buf *b, const BIGNUM *n)
{
	unsigned char bytes[512];

	put16(b, (size_t)BN_num_bits(n));
	buf_add(b, (char *)bytes, (size_t)BN_bn2bin(n, bytes));
}

static void put_packet(struct buf *b, int tag, const struct buf *body)
{
	buf_addc(b, (char)(0x80 | tag << 2 | 1));
	put16(b, body->len);
	buf_add(b, body->data, body->len);
}

/* p of any kind, q such that p * q ends in that ID. */
static void forger_init(struct forger *f, const char *id)
{
	BIGNUM *p = BN_new(), *q = BN_new(), *end = NULL, *all = BN_new(), *m = BN_new();

	*f = (struct forger){ BN_CTX_new(), BN_new(), BN_new(), BN_new(), { 0 }, BUF_INIT };
	BN_hex2bn(&end, id);
	BN_bn2binpad(end, f->id, 8);
	BN_set_word(f->e, 65537);
	BN_lshift(all, BN_value_one(), 64);
	assert_int_equal(BN_generate_prime_ex(p, 512, 0, NULL, NULL, NULL), 1);
	assert_non_null(BN_mod_inverse(q, p, all, f->ctx));
	assert_int_equal(BN_mod_mul(m, q, end, all, f->ctx), 1);
	assert_int_equal(BN_generate_prime_ex(q, 512, 0, all, m, NULL), 1);
	BN_mul(f->n, p, q, f->ctx);
	BN_sub_word(p, 1);
	BN_sub_word(q, 1);
	BN_mul(m, p, q, f->ctx);
	assert_non_null(BN_mod_inverse(f->d, f->e, m, f->ctx));
	buf_addc(&f->packet, 3);
	put32(&f->packet, MADE);
	put16(&f->packet, 0);	/* for ever */
	buf_addc(&f->packet, 1);
	put_number(&f->packet, f->n);
	put_number(&f->packet, f->e);
	BN_free(p);
	BN_free(q);
	BN_free(end);
	BN_free(all);
	BN_free(m);
}

static void forger_deinit(struct forger *f)
{
	BN_free(f->n);
	BN_free(f->d);
	BN_free(f->e);
	BN_CTX_free(f->ctx);
	buf_deinit(&f->packet);
}

/* PKCS #1 of a SHA-256, in 128 bytes. */
static void put_rsa(const struct forger *f, const unsigned char *hash, struct buf *out)
{
	static const unsigned char what[] = {
		0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
	};
	unsigned char padded[128];
	BIGNUM *m;

	memset(padded, 0xff, sizeof(padded));
	padded[0] = 0;
	padded[1] = 1;
	padded[sizeof(padded) - 32 - sizeof(what) - 1] = 0;
	memcpy(padded + sizeof(padded) - 32 - sizeof(what), what, sizeof(what));
	memcpy(padded + sizeof(padded) - 32, hash, 32);
	m = BN_bin2bn(padded, sizeof(padded), NULL);
	BN_mod_exp(m, m, f->d, f->n, f->ctx);
	put_number(out, m);
	BN_free(m);
}

/* A signature packet of version 4 (RFC 4880, 5.2.4) over those bytes. */
static void put_signature(const struct forger *f, int type, const struct buf *over,
			  uint32_t at, struct buf *out)
{
	_cleanup_buf_ struct buf body = BUF_INIT, all = BUF_INIT;
	unsigned char hash[SHA256_DIGEST_LENGTH];

	buf_addc(&body, 4);
	buf_addc(&body, (char)type);
	buf_add(&body, "\1\10", 2);	/* RSA, SHA-256 */
	put16(&body, 9);
	buf_add(&body, "\5\2", 2);	/* made at */
	put32(&body, at);
	buf_add(&body, "\2\33\3", 3);	/* may certify and sign */
	buf_add(&all, over->data, over->len);
	buf_add(&all, body.data, body.len);
	buf_add(&all, "\4\377", 2);
	put32(&all, (uint32_t)body.len);
	SHA256((unsigned char *)all.data, all.len, hash);
	put16(&body, 10);
	buf_add(&body, "\11\20", 2);	/* whose key it is */
	buf_add(&body, (char *)f->id, 8);
	buf_add(&body, (char *)hash, 2);
	put_rsa(f, hash, &body);
	put_packet(out, 2, &body);
}

static char *armor(const struct buf *packets, const char *what)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct buf b = BUF_INIT;

	b64_encode(packets->data, packets->len, &text);
	buf_addf(&b, "-----BEGIN PGP %s-----\n\n", what);
	for (size_t i = 0; i < text.len; i += 64)
		buf_addf(&b, "%.64s\n", buf_str(&text) + i);
	buf_addf(&b, "-----END PGP %s-----\n", what);
	return buf_steal(&b, NULL);
}

static char *forged_key(const struct forger *f)
{
	_cleanup_buf_ struct buf all = BUF_INIT, name = BUF_INIT, over = BUF_INIT;

	buf_adds(&name, "main <main@example.com>");
	put_packet(&all, 6, &f->packet);
	put_packet(&all, 13, &name);
	buf_addc(&over, (char)0x99);
	put16(&over, f->packet.len);
	buf_add(&over, f->packet.data, f->packet.len);
	buf_addc(&over, (char)0xb4);
	put32(&over, (uint32_t)name.len);
	buf_add(&over, name.data, name.len);
	put_signature(f, 0x13, &over, MADE + 10, &all);
	return armor(&all, "PUBLIC KEY BLOCK");
}

/* unsigned.commit, signed. */
static char *forged_commit(const struct forger *f, size_t *len)
{
	_cleanup_buf_ struct buf packet = BUF_INIT, over = BUF_INIT;
	_cleanup_free_ char *plain = signed_file("unsigned.commit", len), *text = NULL;
	const char *body = strstr(plain, "\n\n") + 1;
	struct buf out = BUF_INIT;

	buf_add(&over, plain, *len);
	put_signature(f, 0x00, &over, SIGNED_AT, &packet);
	text = armor(&packet, "SIGNATURE");
	buf_add(&out, plain, (size_t)(body - plain));
	buf_adds(&out, "gpgsig ");
	for (const char *c = text; *c; c++) {
		buf_addc(&out, *c);
		if (*c == '\n' && c[1])
			buf_addc(&out, ' ');
	}
	buf_adds(&out, body);
	return buf_steal(&out, len);
}

/* Anybody can make a key of version 3 that bears a listed ID. */
static void a_chosen_id_is_nobodys(void **state)
{
	static const char *const rings[] = { "", "a=main", "z=main", "main=main" };
	char id[SIGNED_ID];
	struct forger f;
	size_t len;
	_cleanup_free_ char *commit = NULL;

	(void)state;
	signed_id_of("main", 0, id);
	forger_init(&f, id);
	commit = forged_commit(&f, &len);
	for (size_t i = 0; i < ARRAY_LEN(rings); i++) {
		struct signed_policy p, q;
		struct signed_seen s;
		size_t n;
		_cleanup_free_ char *own = signed_file("primary.commit", &n);

		fill_ring(&p, rings[i]);
		add_key(&p, "m", forged_key(&f));
		s = see(commit, len, &p);
		print_message("%s: %d %s %s\n", rings[i], s.verdict, s.key, s.note);
		assert_string_equal(s.key, id);
		assert_int_equal(s.verdict, *rings[i] ? SEEN_BAD : SEEN_NO_KEY);
		/* And is in nobody's way, under whatever name. */
		if (*rings[i])
			assert_int_equal(see(own, n, &p).verdict, SEEN_GOOD);
		signed_policy_deinit(&p);
		q = (struct signed_policy){ 0 };
		add_key(&q, id, forged_key(&f));
		s = see(commit, len, &q);
		assert_int_equal(s.verdict, SEEN_NO_KEY);
		assert_non_null(strstr(s.note, "does not hold it"));
		signed_policy_deinit(&q);
	}
	forger_deinit(&f);
}

/* What the armor of that file holds. */
static void read_packets(const char *name, struct buf *out)
{
	size_t len;
	_cleanup_free_ char *text = signed_file(name, &len);
	const char *begin = strstr(text, "\n\n") + 2, *end = strstr(begin, "\n=");

	assert_int_equal(b64_decode(begin, (size_t)(end - begin), out), 0);
}

/* Whoever puts somebody's subkey below a key of their own takes nothing away. */
static void a_borrowed_subkey_is_its_owners(void **state)
{
	static const char *const names[] = { "a", "z" };
	_cleanup_buf_ struct buf own = BUF_INIT, all = BUF_INIT;
	size_t len, at = 0;
	_cleanup_free_ char *commit = signed_file("subkey.commit", &len);

	(void)state;
	read_packets("stranger.asc", &all);
	read_packets("main.asc", &own);
	while (own.data[at] != (char)0xb8)	/* a public subkey, of one octet's length */
		at += 2 + (unsigned char)own.data[at + 1];
	buf_add(&all, own.data + at, 2 + (size_t)(unsigned char)own.data[at + 1]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct signed_policy p = { 0 };
		char id[SIGNED_ID];
		size_t n;

		signed_id_of("main", 0, id);
		vec_push(&p.listed, xstrdup(id));
		add_key(&p, names[i], armor(&all, "PUBLIC KEY BLOCK"));
		add_key(&p, id, signed_file("main.asc", &n));
		assert_int_equal(see(commit, len, &p).verdict, SEEN_GOOD);
		assert_string_equal(see(commit, len, &p).primary, id);
		/* Alone it is nobody's. */
		free(p.ring.data[1].text);
		p.ring.data[1].text = xstrdup("");
		assert_int_equal(see(commit, len, &p).verdict, SEEN_BAD);
		signed_policy_deinit(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_revocations),
		cmocka_unit_test(a_chosen_id_is_nobodys),
		cmocka_unit_test(a_borrowed_subkey_is_its_owners),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
