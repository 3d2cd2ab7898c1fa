/* Known hosts: which lines speak of a host, and what they say of its key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/known_hosts.h"
#include "core/mem.h"

#define A "AAAAC3NzaC1lZDI1NTE5AAAAIN5Fsd+kNhRxeLdKsQbI4r23X3Hnh6rGGtnlAlT/++VA"
#define B "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBConpi4s6TAex+ts6NfpojdjTSNg" \
	  "JAlGRX+HWaEA4J3Uqb+9P/ZANczXhmWi/WITuLMzEl7fepe3vlekUf/g900="
#define ED " ssh-ed25519 "
#define EC " ecdsa-sha2-nistp256 "
/* ssh-keygen -H of git.example.com with A, and of [git.example.com]:2222 with B */
#define HASHED "|1|i3pSjZgCsPxCnIi15lTiMxnOIwU=|jCu5ERG5UIm3g4zIoox2Vnv5yw8=" ED A "\n"
#define HASHED_2222 "|1|W+c45nnFcErgrpoBW5v44I4JRek=|RR8qYzviaPLijr3swhPI1zTMMEA=" EC B "\n"

static enum known_host check(const char *text, const char *host, unsigned port,
			     const char *key)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;

	assert_int_equal(b64_decode(key, strlen(key), &blob), 0);
	return known_hosts_check(text, host, port, blob.data, blob.len);
}

static const struct host_case {
	const char *text, *host;
	unsigned port;
	const char *key;
	enum known_host want;
} host_cases[] = {
	{ NULL, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "", "h", 22, A, KNOWN_HOST_ABSENT },
	{ "h" ED A, "h", 22, A, KNOWN_HOST_SAME },
	{ "h" ED A " a comment\n", "h", 22, A, KNOWN_HOST_SAME },
	{ "h" ED A "\r\n", "h", 22, A, KNOWN_HOST_SAME },
	{ "  h\t" ED A, "h", 22, A, KNOWN_HOST_SAME },
	{ "H" ED A, "h", 22, A, KNOWN_HOST_SAME },
	{ "h" ED A, "H", 22, A, KNOWN_HOST_SAME },
	{ "h" ED A, "hh", 22, A, KNOWN_HOST_ABSENT },
	{ "h" ED A, "h", 22, B, KNOWN_HOST_OTHER },
	{ "h" EC B "\nh" ED A, "h", 22, A, KNOWN_HOST_SAME },
	{ "h" ED A "\nh" EC B, "h", 22, A, KNOWN_HOST_SAME },
	{ "x" ED A "\nh" EC B, "h", 22, A, KNOWN_HOST_OTHER },
	/* ports */
	{ "h" ED A, "h", 2222, A, KNOWN_HOST_ABSENT },
	{ "[h]:2222" ED A, "h", 2222, A, KNOWN_HOST_SAME },
	{ "[h]:2222" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "[::1]:2222" ED A, "::1", 2222, A, KNOWN_HOST_SAME },
	{ "::1" ED A, "::1", 22, A, KNOWN_HOST_SAME },
	/* patterns */
	{ "a,h,b" ED A, "h", 22, A, KNOWN_HOST_SAME },
	{ "*.example.com" ED A, "git.example.com", 22, A, KNOWN_HOST_SAME },
	{ "*.example.com" ED A, "example.com", 22, A, KNOWN_HOST_ABSENT },
	{ "g?t*" ED A, "git.example.com", 22, A, KNOWN_HOST_SAME },
	{ "*" ED A, "h", 22, B, KNOWN_HOST_OTHER },
	{ "*a*b*c*" ED A, "xxaxxbxxcxx", 22, A, KNOWN_HOST_SAME },
	{ "*a*b*c*" ED A, "xxaxxcxxbxx", 22, A, KNOWN_HOST_ABSENT },
	{ "*,!h" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "!h,*" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "!h,*" ED A, "g", 22, A, KNOWN_HOST_SAME },
	{ "[*]:22??" ED A, "h", 2222, A, KNOWN_HOST_SAME },
	/* hashed names */
	{ HASHED HASHED_2222, "git.example.com", 22, A, KNOWN_HOST_SAME },
	{ HASHED HASHED_2222, "git.example.com", 22, B, KNOWN_HOST_OTHER },
	{ HASHED HASHED_2222, "git.example.com", 2222, B, KNOWN_HOST_SAME },
	{ HASHED HASHED_2222, "git.example.com", 2222, A, KNOWN_HOST_OTHER },
	{ HASHED, "git.example.org", 22, A, KNOWN_HOST_ABSENT },
	{ "|1|" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "|1|AAAA" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "|1|AAAA|AAAA" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "|1|?|?" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	/* markers, wherever they stand */
	{ "h" ED A "\n@revoked h" ED A, "h", 22, A, KNOWN_HOST_REVOKED },
	{ "@revoked *" ED A "\nh" ED A, "h", 22, A, KNOWN_HOST_REVOKED },
	{ "@revoked *" ED A "\nh" EC B, "h", 22, B, KNOWN_HOST_SAME },
	{ "@revoked h" ED A, "h", 22, B, KNOWN_HOST_ABSENT },
	{ "@cert-authority h" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "@other h" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	/* no lines at all */
	{ "# h" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "#h" ED A, "h", 22, A, KNOWN_HOST_ABSENT },
	{ "\n\n \nh\nh ssh-ed25519\n", "h", 22, A, KNOWN_HOST_ABSENT },
	{ "h ssh-ed25519 %%%", "h", 22, A, KNOWN_HOST_OTHER },
	{ "@revoked", "h", 22, A, KNOWN_HOST_ABSENT },
	{ ",,!,h" ED A, "h", 22, A, KNOWN_HOST_SAME },
};

static void what_lines_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(host_cases); i++) {
		enum known_host got = check(host_cases[i].text, host_cases[i].host,
					    host_cases[i].port, host_cases[i].key);

		if (got != host_cases[i].want)
			fail_msg("%s port %u in \"%s\": %d", host_cases[i].host,
				 host_cases[i].port, host_cases[i].text, (int)got);
	}
	assert_int_equal(known_hosts_check("h ssh-x AA==", "h", 22, "", 0),
			 KNOWN_HOST_ABSENT);
}

static void types_in_order_once(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	known_hosts_types("h" EC B "\nx ssh-rsa AAAA\nh" ED A "\nh" EC B
			  "\n@revoked h ssh-dss AAAA\n", "h", 22, &out);
	assert_string_equal(buf_str(&out), "ecdsa-sha2-nistp256 ssh-ed25519");
	buf_clear(&out);
	known_hosts_types(NULL, "h", 22, &out);
	assert_string_equal(buf_str(&out), "");
}

static void fingerprints_as_ssh_keygen_prints_them(void **state)
{
	static const char *const cases[][2] = {
		{ A, "SHA256:tD0eeTsRrNWe35H8Yx2V8tywg7YqdMVrluerg4rOZ0I" },
		{ B, "SHA256:pQWYXmxlGtHxIKbPrL/vOKAnHKxFEo95tB8inrwgqs0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf blob = BUF_INIT;
		_cleanup_free_ char *got = NULL;

		assert_int_equal(b64_decode(cases[i][0], strlen(cases[i][0]), &blob), 0);
		got = known_hosts_fingerprint(blob.data, blob.len);
		assert_string_equal(got, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lines_say),
		cmocka_unit_test(types_in_order_once),
		cmocka_unit_test(fingerprints_as_ssh_keygen_prints_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
