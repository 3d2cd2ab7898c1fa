#include "core/jwt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"

static void add_base64url(const void *data, size_t len, struct buf *out)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;

	b64_encode(data, len, &plain);
	for (const char *c = buf_str(&plain); *c && *c != '='; c++)
		buf_addc(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
}

static EVP_PKEY *read_rsa(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, (void *)"") : NULL;

	BIO_free(b);
	if (k && EVP_PKEY_base_id(k) == EVP_PKEY_RSA)
		return k;
	EVP_PKEY_free(k);
	return NULL;
}

static bool sign(EVP_PKEY *k, const struct buf *text, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = (size_t)EVP_PKEY_size(k);
	_cleanup_free_ unsigned char *signature = xmalloc(len);
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k) == 1 &&
		  EVP_DigestSign(ctx, signature, &len, (unsigned char *)text->data,
				 text->len) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok)
		add_base64url(signature, len, out);
	return ok;
}

int jwt_sign(const char *claims, const char *key_pem, struct buf *out, struct err *err)
{
	EVP_PKEY *k = read_rsa(key_pem);
	_cleanup_buf_ struct buf text = BUF_INIT, signature = BUF_INIT;
	bool ok;

	add_base64url(HEADER, strlen(HEADER), &text);
	buf_addc(&text, '.');
	add_base64url(claims, strlen(claims), &text);
	ok = k && sign(k, &text, &signature);
	EVP_PKEY_free(k);
	ERR_clear_error();
	if (!ok)
		return err_set(err, ERR_INVALID, "it is no RSA key in PEM without a passphrase");
	buf_addf(out, "%s.%s", buf_str(&text), buf_str(&signature));
	return 0;
}
