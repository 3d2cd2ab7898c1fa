/* One call as somebody else than the endpoint says: as that user, and in no group. */
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

static void a_call_as_somebody_else(void **state)
{
	char *groups[] = { (char *)"dev", NULL };
	struct netserver *server = netserver_start(NULL);
	struct http_endpoint e = {
		.url = xasprintf("http://127.0.0.1:%u", netserver_port(server)),
		.as_user = (char *)"jane", .as_groups = groups,
	};
	struct loopworld l;
	struct heard h;
	const char *b;

	(void)state;
	loopworld_init(&l, NULL);
	heard_init(&h, &l, &e, "/echo");
	h.call.as_user = "system:serviceaccount:a:b";
	heard_run(&h);
	b = buf_str(&h.body);
	assert_non_null(strstr(b, "\r\nImpersonate-User: system:serviceaccount:a:b\r\n"));
	assert_null(strstr(b, "jane"));
	assert_null(strstr(b, "Impersonate-Group"));
	heard_deinit(&h);
	loopworld_deinit(&l);
	netserver_stop(server);
	free(e.url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_as_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
