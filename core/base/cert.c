/*
 * The happy path of cert_make: a key for the CA, a CA certificate signed with it, a key
 * for the server, its certificate signed with the CA's key, which is then forgotten. A
 * CA signs one certificate only: to rotate is to make both anew, so that nothing that
 * could sign another one lies anywhere.
 */
#include "core/cert.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/buf.h"
#include "core/mem.h"

#define MAX_CERTS 64		/* of a bundle that are looked at */

static int failed(struct err *err, const char *what)
{
	ERR_clear_error();
	return err_set(err, ERR_INTERNAL, "libcrypto cannot %s", what);
}

/* ---- PEM ---- */

static BIO *reader(const char *pem)
{
	return BIO_new_mem_buf(pem, -1);
}

static X509 *read_cert(const char *pem)
{
	BIO *b = reader(pem);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	ERR_clear_error();
	return x;
}

/* No passphrase, and none is asked for on a terminal. */
static EVP_PKEY *read_key(const char *pem)
{
	BIO *b = reader(pem);
	EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, (void *)"") : NULL;

	BIO_free(b);
	ERR_clear_error();
	return k;
}

/* What was written, owned; wiped in the BIO. */
static char *steal_text(BIO *b)
{
	char *data, *text;
	long n = BIO_get_mem_data(b, &data);

	text = xstrndup(n > 0 ? data : "", n > 0 ? (size_t)n : 0);
	if (n > 0)
		explicit_bzero(data, (size_t)n);
	BIO_free(b);
	return text;
}

static char *cert_text(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(b, x);
	return steal_text(b);
}

static char *key_text(EVP_PKEY *k)
{
	BIO *b = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
	return steal_text(b);
}

/* ---- making ---- */

static int extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	int rc;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	rc = e ? X509_add_ext(x, e, -1) : 0;
	X509_EXTENSION_free(e);
	return rc == 1 ? 0 : -1;
}

static int set_serial(X509 *x)
{
	unsigned char bytes[16];
	BIGNUM *n;
	int rc;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -1;
	bytes[0] = (bytes[0] & 0x7f) | 0x40;	/* positive, and never short */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	rc = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) ? 0 : -1;
	BN_free(n);
	return rc;
}

static int set_times(X509 *x, int64_t from_s, int64_t until_s)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from_s) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)until_s) ? 0 : -1;
}

static int set_name(X509 *x, const char *cn)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
					  (const unsigned char *)cn, -1, -1, 0) == 1 ? 0 : -1;
}

static X509 *blank(EVP_PKEY *key, const char *cn, int64_t from_s, int64_t until_s)
{
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) == 1 && !set_serial(x) &&
	    !set_times(x, from_s, until_s) && !set_name(x, cn) &&
	    X509_set_pubkey(x, key) == 1)
		return x;
	X509_free(x);
	return NULL;
}

/* A name of its own: verifiers look for an issuer by name first. */
static X509 *make_ca(EVP_PKEY *key, int64_t from_s, int64_t until_s)
{
	_cleanup_free_ char *cn = xasprintf("syncd webhooks %lld", (long long)from_s);
	X509 *x = blank(key, cn, from_s, until_s);

	if (x && X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
	    !extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    !extend(x, x, NID_key_usage, "critical,keyCertSign") &&
	    !extend(x, x, NID_subject_key_identifier, "hash") &&
	    X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

static bool is_address(const char *name)
{
	return strspn(name, "0123456789.") == strlen(name) || strchr(name, ':');
}

static char *alternatives(const char *const *names)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; names[i]; i++)
		buf_addf(&b, "%s%s:%s", i ? "," : "", is_address(names[i]) ? "IP" : "DNS",
			 names[i]);
	return buf_steal(&b, NULL);
}

/* The common name has room for 64 bytes; nobody reads it. */
static X509 *make_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *const *names,
		       int64_t from_s, int64_t until_s)
{
	X509 *x = blank(key, "syncd webhooks", from_s, until_s);
	_cleanup_free_ char *alt = alternatives(names);

	if (x && X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
	    !extend(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	    !extend(x, ca, NID_key_usage, "critical,digitalSignature") &&
	    !extend(x, ca, NID_ext_key_usage, "serverAuth") &&
	    !extend(x, ca, NID_subject_alt_name, alt) &&
	    !extend(x, ca, NID_authority_key_identifier, "keyid:always") &&
	    X509_sign(x, ca_key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

int cert_make(struct cert_pair *ret, const char *const *names, int64_t from_s,
	      int64_t until_s, struct err *err)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = ca_key && key ? make_ca(ca_key, from_s, until_s) : NULL;
	X509 *leaf = ca ? make_leaf(key, ca, ca_key, names, from_s, until_s) : NULL;

	*ret = (struct cert_pair){ 0 };
	if (leaf) {
		ret->ca_pem = cert_text(ca);
		ret->cert_pem = cert_text(leaf);
		ret->key_pem = key_text(key);
	}
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return ret->cert_pem ? 0 : failed(err, "make a certificate");
}

void cert_pair_deinit(struct cert_pair *p)
{
	if (p->key_pem)
		explicit_bzero(p->key_pem, strlen(p->key_pem));
	free(p->key_pem);
	free(p->cert_pem);
	free(p->ca_pem);
	*p = (struct cert_pair){ 0 };
}

/* ---- looking ---- */

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static bool is_of(X509 *x, const char *key_pem)
{
	EVP_PKEY *k = read_key(key_pem);
	bool ok = k && X509_check_private_key(x, k) == 1;

	EVP_PKEY_free(k);
	ERR_clear_error();
	return ok;
}

int cert_look(const char *cert_pem, const char *key_pem, struct cert_facts *ret,
	      struct err *err)
{
	X509 *x = read_cert(cert_pem);
	bool found = x, ok = x && (!key_pem || is_of(x, key_pem));

	if (ok)
		*ret = (struct cert_facts){ time_of(X509_get0_notBefore(x)),
					    time_of(X509_get0_notAfter(x)) };
	X509_free(x);
	if (ok)
		return 0;
	return err_set(err, ERR_INVALID, found ? "the private key is not the certificate's" :
		       "there is no certificate in PEM");
}

bool cert_covers(const char *cert_pem, const char *name)
{
	X509 *x = read_cert(cert_pem);
	bool ok = x && (is_address(name) ? X509_check_ip_asc(x, name, 0) :
					   X509_check_host(x, name, 0, 0, NULL)) == 1;

	X509_free(x);
	ERR_clear_error();
	return ok;
}

static bool signed_by(X509 *x, X509 *ca)
{
	bool ok = X509_check_issued(ca, x) == X509_V_OK &&
		  X509_verify(x, X509_get0_pubkey(ca)) == 1;

	ERR_clear_error();
	return ok;
}

char *cert_issuers(const char *bundle_pem, const char *cert_pem)
{
	X509 *x = read_cert(cert_pem), *ca;
	BIO *b = reader(bundle_pem);
	struct buf out = BUF_INIT;

	for (int i = 0; x && b && i < MAX_CERTS &&
	     (ca = PEM_read_bio_X509(b, NULL, NULL, NULL)); i++) {
		_cleanup_free_ char *text = cert_text(ca);

		if (signed_by(x, ca))
			buf_adds(&out, text);
		X509_free(ca);
	}
	X509_free(x);
	BIO_free(b);
	ERR_clear_error();
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}
