/* httpd_priv.h - between the HTTP server and its TLS. */
#ifndef CORE_NET_HTTPD_PRIV_H
#define CORE_NET_HTTPD_PRIV_H

#include <microhttpd.h>

#include "core/err.h"

struct httpd_tls;

#define HTTPD_TLS_OPTIONS 4

struct httpd_tls *httpd_tls_new(void);
/* After the library is done with every connection. NULL-safe. */
void httpd_tls_free(struct httpd_tls *t);
/* What MHD_start_daemon() is to be told; t may be NULL. */
void httpd_tls_options(struct httpd_tls *t, struct MHD_OptionItem o[HTTPD_TLS_OPTIONS]);
int httpd_tls_set(struct httpd_tls *t, const char *cert_pem, const char *key_pem,
		  struct err *err);

#endif
