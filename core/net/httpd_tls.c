/*
 * The certificate of the HTTPS server. GnuTLS asks for it in each handshake, so that a
 * new one needs no restart and closes no connection: what a handshake was given stays
 * until its connection ends. Fails only for PEM that does not fit together.
 */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "core/mem.h"
#include "httpd_priv.h"

#define MAX_CHAIN 8
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct cert {
	unsigned refs;
	gnutls_pcert_st chain[MAX_CHAIN];
	unsigned n;
	gnutls_privkey_t key;
};

struct httpd_tls {
	struct cert *now;	/* NULL: none yet */
};

/* What the library keeps for each connection. */
struct conn {
	struct httpd_tls *tls;
	struct cert *cert;	/* that its handshake was given; NULL */
};

static void cert_unref(struct cert *c)
{
	if (!c || --c->refs)
		return;
	for (unsigned i = 0; i < c->n; i++)
		gnutls_pcert_deinit(&c->chain[i]);
	gnutls_privkey_deinit(c->key);
	free(c);
}

static gnutls_datum_t datum(const char *text)
{
	return (gnutls_datum_t){ (unsigned char *)text, (unsigned)strlen(text) };
}

static bool same_key(gnutls_pubkey_t a, gnutls_privkey_t key)
{
	unsigned char mine[64], theirs[64];
	size_t n = sizeof(mine), m = sizeof(theirs);
	gnutls_pubkey_t b;
	bool same;

	if (gnutls_pubkey_init(&b))
		return false;
	same = !gnutls_pubkey_import_privkey(b, key, 0, 0) &&
	       !gnutls_pubkey_get_key_id(a, 0, mine, &n) &&
	       !gnutls_pubkey_get_key_id(b, 0, theirs, &m) && n == m &&
	       !memcmp(mine, theirs, n);
	gnutls_pubkey_deinit(b);
	return same;
}

static struct cert *cert_new(const char *cert_pem, const char *key_pem, struct err *err)
{
	gnutls_datum_t chain = datum(cert_pem), key = datum(key_pem);
	struct cert *c = xcalloc(1, sizeof(*c));
	const char *what = NULL;

	c->refs = 1;
	c->n = MAX_CHAIN;
	gnutls_privkey_init(&c->key);
	if (gnutls_pcert_list_import_x509_raw(c->chain, &c->n, &chain, GNUTLS_X509_FMT_PEM,
					      0)) {
		c->n = 0;
		what = "the certificate cannot be read";
	} else if (gnutls_privkey_import_x509_raw(c->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0)) {
		what = "the private key cannot be read";
	} else if (!same_key(c->chain[0].pubkey, c->key)) {
		what = "the private key is not the certificate's";
	}
	if (!what)
		return c;
	cert_unref(c);
	err_set(err, ERR_INVALID, "%s", what);
	return NULL;
}

int httpd_tls_set(struct httpd_tls *t, const char *cert_pem, const char *key_pem,
		  struct err *err)
{
	struct cert *c = cert_new(cert_pem, key_pem, err);

	if (!c)
		return -1;
	cert_unref(t->now);
	t->now = c;
	return 0;
}

struct httpd_tls *httpd_tls_new(void)
{
	return xcalloc(1, sizeof(struct httpd_tls));
}

void httpd_tls_free(struct httpd_tls *t)
{
	if (!t)
		return;
	cert_unref(t->now);
	free(t);
}

/* ---- what the libraries call ---- */

static void on_connection(void *arg, struct MHD_Connection *c, void **ctx,
			  enum MHD_ConnectionNotificationCode what)
{
	struct conn *conn = *ctx;

	(void)c;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		conn = xcalloc(1, sizeof(*conn));
		conn->tls = arg;
		*ctx = conn;
	} else if (conn) {
		cert_unref(conn->cert);
		free(conn);
		*ctx = NULL;
	}
}

static int on_certificate(gnutls_session_t session, const gnutls_datum_t *cas, int n_cas,
			  const gnutls_pk_algorithm_t *algos, int n_algos,
			  gnutls_pcert_st **ret_chain, unsigned *ret_n,
			  gnutls_privkey_t *ret_key)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(gnutls_session_get_ptr(session),
					MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *conn = info ? info->socket_context : NULL;

	(void)cas;
	(void)n_cas;
	(void)algos;
	(void)n_algos;
	if (!conn || !conn->tls->now)
		return -1;
	if (!conn->cert) {	/* of a second handshake the same */
		conn->cert = conn->tls->now;
		conn->cert->refs++;
	}
	*ret_chain = conn->cert->chain;
	*ret_n = conn->cert->n;
	*ret_key = conn->cert->key;
	return 0;
}

void httpd_tls_options(struct httpd_tls *t, struct MHD_OptionItem o[HTTPD_TLS_OPTIONS])
{
	o[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
					(void *)on_certificate };
	o[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
					(void *)PRIORITIES };
	o[2] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_CONNECTION,
					(intptr_t)on_connection, t };
	o[3] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}
