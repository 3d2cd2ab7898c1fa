/* A call that may not go any more when its connection stands: no byte of it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "core/mem.h"
#include "loopworld.h"
#include "netserver.h"

static bool may_not(struct http_call *c)
{
	(void)c;
	return false;
}

static bool may(struct http_call *c)
{
	(void)c;
	return true;
}

/* Over a new connection and over one that is there; what comes next is served. */
static void what_may_not_go_does_not(void **state)
{
	struct netserver *server = netserver_start(NULL);
	struct http_endpoint e = {
		.url = xasprintf("http://127.0.0.1:%u", netserver_port(server)),
	};
	struct loopworld l;
	struct heard h;

	(void)state;
	loopworld_init(&l, NULL);
	for (unsigned i = 0; i < 2; i++) {
		heard_init(&h, &l, &e, "/ok");
		h.call.may_send = may_not;
		heard_run(&h);
		assert_int_equal(h.err.code, ERR_CANCELLED);
		assert_non_null(strstr(h.err.msg, "not sent"));
		assert_int_equal(h.heads, 0);
		heard_deinit(&h);
		assert_int_equal(netserver_requests(server), i);
		heard_init(&h, &l, &e, "/ok");
		h.call.may_send = may;
		heard_run(&h);
		assert_int_equal(h.err.code, ERR_NONE);
		assert_int_equal(h.status, 200);
		heard_deinit(&h);
	}
	assert_int_equal(netserver_requests(server), 2);
	loopworld_deinit(&l);
	netserver_stop(server);
	free(e.url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_not_go_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
