/* Certificates: what is made holds, and what is read of others is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/cert.h"
#include "core/mem.h"

static const char *const names[] = { "a.b.svc", "a.b.svc.cluster.local", "127.0.0.1", NULL };

static void make(struct cert_pair *p, int64_t from, int64_t until)
{
	struct err err = ERR_INIT;

	if (cert_make(p, names, from, until, &err))
		fail_msg("%s", err.msg);
}

static void a_pair_holds(void **state)
{
	struct cert_facts facts;
	struct err err = ERR_INIT;
	struct cert_pair p;
	_cleanup_free_ char *issuers = NULL;

	(void)state;
	make(&p, 1795000000, 1802776000);
	assert_int_equal(0, cert_look(p.cert_pem, p.key_pem, &facts, &err));
	assert_int_equal(facts.from_s, 1795000000);
	assert_int_equal(facts.until_s, 1802776000);
	assert_true(cert_covers(p.cert_pem, "a.b.svc"));
	assert_true(cert_covers(p.cert_pem, "a.b.svc.cluster.local"));
	assert_true(cert_covers(p.cert_pem, "127.0.0.1"));
	assert_false(cert_covers(p.cert_pem, "b.svc"));
	assert_false(cert_covers(p.cert_pem, "127.0.0.2"));
	issuers = cert_issuers(p.ca_pem, p.cert_pem);
	assert_string_equal(issuers, p.ca_pem);
	cert_pair_deinit(&p);
	assert_null(p.key_pem);
}

static void what_does_not_belong_together(void **state)
{
	struct cert_facts facts;
	struct err err = ERR_INIT;
	struct cert_pair a, b;
	_cleanup_free_ char *both = NULL, *of_a = NULL, *none = NULL;

	(void)state;
	make(&a, 1795000000, 1802776000);
	make(&b, 1795000000, 1802776000);	/* the same names and times */
	assert_string_not_equal(a.cert_pem, b.cert_pem);
	assert_int_equal(-1, cert_look(a.cert_pem, b.key_pem, &facts, &err));
	assert_string_equal(err.msg, "the private key is not the certificate's");
	both = xasprintf("%s%s", b.ca_pem, a.ca_pem);
	of_a = cert_issuers(both, a.cert_pem);
	assert_string_equal(of_a, a.ca_pem);
	none = cert_issuers(b.ca_pem, a.cert_pem);
	assert_string_equal(none, "");
	cert_pair_deinit(&a);
	cert_pair_deinit(&b);
}

static void what_is_none(void **state)
{
	static const char *const texts[] = {
		"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	};
	struct cert_pair p;

	(void)state;
	make(&p, 1795000000, 1802776000);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		_cleanup_free_ char *left = cert_issuers(texts[i], p.cert_pem);
		_cleanup_free_ char *right = cert_issuers(p.ca_pem, texts[i]);
		struct cert_facts facts;
		struct err err = ERR_INIT;

		assert_int_equal(-1, cert_look(texts[i], NULL, &facts, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(-1, cert_look(p.cert_pem, texts[i], &facts, &err));
		assert_false(cert_covers(texts[i], "a.b.svc"));
		assert_string_equal(left, "");
		assert_string_equal(right, "");
	}
	cert_pair_deinit(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_holds),
		cmocka_unit_test(what_does_not_belong_together),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
