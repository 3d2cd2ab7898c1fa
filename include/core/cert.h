/*
 * cert.h - TLS certificates of our own making, and what any certificate says.
 *
 * PEM in, PEM out; libcrypto (X.509, P-256). Pure but for the randomness of keys. A
 * private key is wiped where it is freed and stands in no message.
 */
#ifndef CORE_CERT_H
#define CORE_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/* A serving certificate and the CA that signed it, whose key exists nowhere. Owned. */
struct cert_pair {
	char *ca_pem, *cert_pem, *key_pem;
};

/*
 * For the DNS names (NULL-terminated, at least one; "127.0.0.1" is an address), good
 * from from_s to until_s (unix seconds). ERR_INTERNAL: libcrypto would not.
 */
int cert_make(struct cert_pair *ret, const char *const *names, int64_t from_s,
	      int64_t until_s, struct err *err) __attribute__((warn_unused_result));
void cert_pair_deinit(struct cert_pair *p);

struct cert_facts {
	int64_t from_s, until_s;	/* unix seconds */
};
/*
 * Of the first certificate in cert_pem, which must belong to key_pem (NULL: whoever's).
 * ERR_INVALID: it cannot be read, or the key is another's.
 */
int cert_look(const char *cert_pem, const char *key_pem, struct cert_facts *ret,
	      struct err *err) __attribute__((warn_unused_result));
/* Is it good for that name? */
bool cert_covers(const char *cert_pem, const char *name);

/*
 * Of the CAs in bundle_pem those that signed cert_pem, as PEM; "" when none did. Owned
 * by the caller. What cannot be read is left out.
 */
char *cert_issuers(const char *bundle_pem, const char *cert_pem);

#endif
