/* transport_http.h - what all HTTP of this room has in common. */
#ifndef CORE_GIT_TRANSPORT_HTTP_H
#define CORE_GIT_TRANSPORT_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "core/fetch.h"

void transport_setup(void);	/* curl, once per process */
/* The CA, client certificate and lowest version of a request. */
void transport_set_tls(CURL *easy, const struct fetch_request *r);
/* The same scheme, host and port. */
bool transport_same_server(const char *a, const char *b);

#endif
