/*
 * jwt.h - a token that we sign to prove who we are (RFC 7519; RS256 of RFC 7518).
 */
#ifndef CORE_JWT_H
#define CORE_JWT_H

#include "core/buf.h"
#include "core/err.h"

/*
 * claims: the payload, as JSON. key_pem: an RSA key, PKCS #1 or #8, without a
 * passphrase. Added to out, which holds a secret. ERR_INVALID: it is no such key.
 */
int jwt_sign(const char *claims, const char *key_pem, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
