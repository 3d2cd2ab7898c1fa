/* TLS: who is trusted, who we are, and that identities do not mix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/mem.h"
#include "loopworld.h"
#include "netserver.h"

/* One CA, a server certificate of it, two client certificates of it. */
static struct {
	char *ca, *ca_key;
	char *cert, *key;
	char *a_cert, *a_key, *b_cert, *b_key;
} pki;

struct fixture {
	struct loopworld l;
	struct netserver *server;
	struct http_endpoint e;
};

static void setup(struct fixture *f, bool client_certs)
{
	const struct netserver_options o = {
		.cert_pem = pki.cert,
		.key_pem = pki.key,
		.client_ca_pem = client_certs ? pki.ca : NULL,
	};

	memset(f, 0, sizeof(*f));
	f->server = netserver_start(&o);
	f->e.url = xasprintf("https://127.0.0.1:%u",
			     netserver_port(f->server));
	f->e.ca_pem = pki.ca;
	f->e.tls_server_name = (char *)"api.test";
	loopworld_init(&f->l, NULL);
}

static void teardown(struct fixture *f)
{
	loopworld_deinit(&f->l);
	netserver_stop(f->server);
	free(f->e.url);
}

static struct err get(struct fixture *f, const char *path, struct buf *body)
{
	struct heard h;
	struct err err;

	heard_init(&h, &f->l, &f->e, path);
	heard_run(&h);
	err = h.err;
	if (body) {
		*body = h.body;
		h.body = (struct buf)BUF_INIT;
	}
	heard_deinit(&h);
	return err;
}

static void server_name_is_sent_and_checked(void **state)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_free_ char *host = NULL;
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f, false);
	err = get(&f, "/echo", &body);
	assert_string_equal(err.msg, "");
	host = xasprintf("\r\nHost: 127.0.0.1:%u\r\n",
			 netserver_port(f.server));
	assert_non_null(strstr(buf_str(&body), host));
	teardown(&f);
}

static void redirect_under_another_name_works(void **state)
{
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f, false);
	f.e.follow_redirects = true;
	err = get(&f, "/to?/ok", NULL);
	assert_string_equal(err.msg, "");
	teardown(&f);
}

static void wrong_server_is_refused(void **state)
{
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f, false);
	f.e.tls_server_name = NULL;	/* the certificate is not for 127.0.0.1 */
	err = get(&f, "/ok", NULL);
	assert_int_equal(err.code, ERR_NET);
	assert_false(err.retry);
	assert_non_null(strstr(err.msg, "check the CA bundle"));
	f.e.tls_server_name = (char *)"other.test";
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NET);
	f.e.tls_server_name = (char *)"api.test";
	f.e.ca_pem = pki.a_cert;	/* not who signed it */
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NET);
	f.e.ca_pem = NULL;		/* the system's roots */
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NET);
	f.e.ca_pem = (char *)"not a PEM";
	err = get(&f, "/ok", NULL);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(netserver_requests(f.server), 0);
	f.e.insecure_skip_verify = true;
	f.e.ca_pem = NULL;
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NONE);
	/* and that connection serves nobody who asks for the check */
	f.e.insecure_skip_verify = false;
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NET);
	teardown(&f);
}

static void client_certificate_opens_the_door(void **state)
{
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f, true);
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NET);
	f.e.cert_pem = pki.a_cert;
	f.e.key_pem = pki.a_key;
	err = get(&f, "/ok", NULL);
	assert_string_equal(err.msg, "");
	f.e.key_pem = pki.b_key;	/* does not fit */
	err = get(&f, "/ok", NULL);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "client certificate and its key"));
	f.e.cert_pem = NULL;
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_INVALID);
	teardown(&f);
}

static void identities_share_neither_connection_nor_session(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.e.cert_pem = pki.a_cert;
	f.e.key_pem = pki.a_key;
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NONE);
	assert_int_equal(get(&f, "/drop", NULL).code, ERR_NET);
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NONE);
	/* curl asks once more where a connection that had served breaks */
	assert_int_equal(netserver_connections(f.server), 3);
	assert_int_equal(netserver_resumed(f.server), 2);
	f.e.cert_pem = pki.b_cert;
	f.e.key_pem = pki.b_key;
	assert_int_equal(get(&f, "/ok", NULL).code, ERR_NONE);
	assert_int_equal(netserver_connections(f.server), 4);
	assert_int_equal(netserver_resumed(f.server), 2);
	teardown(&f);
}

static void plain_server_is_named(void **state)
{
	struct netserver *plain = netserver_start(NULL);
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f, false);
	free(f.e.url);
	f.e.url = xasprintf("https://127.0.0.1:%u", netserver_port(plain));
	err = get(&f, "/ok", NULL);
	assert_int_equal(err.code, ERR_NET);
	assert_non_null(strstr(err.msg, "is it a TLS port?"));
	netserver_stop(plain);
	teardown(&f);
}

static int make_pki(void **state)
{
	(void)state;
	netserver_make_cert("ca", NULL, NULL, &pki.ca, &pki.ca_key);
	netserver_make_cert("api.test", pki.ca, pki.ca_key, &pki.cert,
			    &pki.key);
	netserver_make_cert("a", pki.ca, pki.ca_key, &pki.a_cert, &pki.a_key);
	netserver_make_cert("b", pki.ca, pki.ca_key, &pki.b_cert, &pki.b_key);
	return 0;
}

static int drop_pki(void **state)
{
	(void)state;
	free(pki.ca);
	free(pki.ca_key);
	free(pki.cert);
	free(pki.key);
	free(pki.a_cert);
	free(pki.a_key);
	free(pki.b_cert);
	free(pki.b_key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_name_is_sent_and_checked),
		cmocka_unit_test(redirect_under_another_name_works),
		cmocka_unit_test(wrong_server_is_refused),
		cmocka_unit_test(client_certificate_opens_the_door),
		cmocka_unit_test(identities_share_neither_connection_nor_session),
		cmocka_unit_test(plain_server_is_named),
	};

	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
