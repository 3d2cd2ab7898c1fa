/*
 * netserver.h - an HTTP server for tests that can misbehave.
 *
 * A thread of its own on a free loopback port, one thread per connection. The
 * path says what it does:
 *
 *   /ok         200, "hello", ETag "v1", text/plain
 *   /id, /id-2  200, header Audit-Id as in the request, the path as the body
 *   /id?also    the same with "also" before it; wrong: "wrong" alone
 *   /id-twice   the same answer twice
 *   /echo       200, the request itself (head and body) as the answer's body
 *   /hang       reads the request and says nothing
 *   /drop       closes without an answer
 *   /cut        promises 100 bytes, sends 10, closes
 *   /status?N   status N, with Retry-After: 7
 *   /huge?N     N bytes
 *   /drip       for ever a byte each 20 ms
 *   /stall      head and 5 bytes, then silence
 *   /continue   100 Continue, then 200
 *   /to?URL     302 to URL
 *   /loop       302 to itself
 *   /garbage    bytes that are not HTTP
 */
#ifndef TESTS_NETSERVER_H
#define TESTS_NETSERVER_H

#include <stdbool.h>

struct netserver;

struct netserver_options {
	const char *cert_pem, *key_pem;		/* TLS; NULL: plain */
	const char *client_ca_pem;		/* TLS: a client certificate is required */
};

struct netserver *netserver_start(const struct netserver_options *o);
void netserver_stop(struct netserver *s);
unsigned netserver_port(const struct netserver *s);
/* So far: connections accepted, TLS sessions resumed, heads of requests read. */
unsigned netserver_connections(struct netserver *s);
unsigned netserver_resumed(struct netserver *s);
unsigned netserver_requests(struct netserver *s);

/*
 * A certificate for name ("localhost", "127.0.0.1") as PEM, signed by itself
 * or by the given issuer. The caller frees both.
 */
void netserver_make_cert(const char *name, const char *issuer_cert,
			 const char *issuer_key, char **cert, char **key);

#endif
