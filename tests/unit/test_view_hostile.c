/*
 * An Application all of whose texts steer a terminal: whoever may edit it wrote its status.
 * Nothing that is shown of it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "views.h"

#define EVIL "\\u001b[31m\\u009b2J\\u202e\\u0007x\\nnew: line"

/* Phases, and what they are seen with, each of which has words of its own. */
static const char *const phases[] = { EVIL, "Pinned", "Good", "Settling", "Soaking", "Failed", "" };
static const char *const more[] = { "", "\"pin\":{\"by\":\"auto-revert\",\"why\":\"" EVIL "\",\"rejected\":2},",
	"\"pin\":{\"byHand\":true,\"by\":\"" EVIL "\",\"why\":\"" EVIL "\",\"until\":\"" EVIL "\"},",
	"\"suspended\":{\"by\":\"" EVIL "\",\"why\":\"" EVIL "\"},", "\"window\":\"" EVIL "\"," };

static json_t *application(const char *phase, const char *what, const char *sync)
{
	struct err err = ERR_INIT;
	_cleanup_free_ char *s = xasprintf("{\"metadata\":{\"name\":\"shop\",\"namespace\":\"argocd\","
		"\"annotations\":{\"syncd.dev/pin\":\"" EVIL "\"}},\"spec\":{\"project\":\"" EVIL "\","
		"\"sources\":[{\"repoURL\":\"" EVIL "\",\"path\":\"" EVIL "\",\"name\":\"" EVIL "\"},"
		"{\"repoURL\":\"" EVIL "\",\"ref\":\"" EVIL "\"}],\"destination\":{\"namespace\":\"prod\"}},"
		"\"status\":{\"sync\":{\"status\":\"%s\",\"revision\":\"" EVIL "\"},"
		"\"health\":{\"status\":\"" EVIL "\",\"message\":\"" EVIL "\"},"
		"\"conditions\":[{\"type\":\"" EVIL "\",\"message\":\"" EVIL "\"}],"
		"\"resources\":[{\"group\":\"" EVIL "\",\"kind\":\"" EVIL "\",\"name\":\"" EVIL "\","
		"\"status\":\"" EVIL "\",\"health\":{\"status\":\"" EVIL "\",\"message\":\"" EVIL "\"}},{}],"
		"\"operationState\":{\"phase\":\"" EVIL "\",\"message\":\"" EVIL "\"},"
		"\"syncd\":{%s\"phase\":\"%s\",\"message\":\"" EVIL "\",\"deadline\":\"" EVIL "\","
		"\"target\":{\"id\":2,\"revision\":\"" EVIL "\",\"author\":\"" EVIL "\",\"subject\":\"" EVIL "\"},"
		"\"gates\":{\"commit\":\"" EVIL "\",\"shut\":[{\"gate\":\"approval\"},{\"gate\":\"" EVIL "\",\"why\":\"" EVIL "\","
		"\"until\":\"" EVIL "\",\"service\":\"" EVIL "\",\"stops\":\"" EVIL "\"}]},"
		"\"releases\":[{\"id\":2,\"state\":\"Rejected\",\"reason\":\"" EVIL "\",\"revision\":\"" EVIL "\","
		"\"author\":\"" EVIL "\",\"subject\":\"" EVIL "\"}]}}}", sync, what, phase);
	json_t *app = doc_parse(s, strlen(s), &err);

	if (!app)
		fail_msg("%s", err.msg);
	return app;
}

static void check(const struct buf *out, const char *what)
{
	const char *s = buf_str(out);
	size_t n;

	for (; *s; s += n ? n : 1) {
		if (((unsigned char)*s < 0x20 && *s != '\n') || view_unsafe_char(s, &n) ||
		    !strncmp(s, "\nnew:", 5))
			fail_msg("%s: ...%.60s", what, s);
	}
}

static void nothing_shown_steers(void **state)
{
	static const char *const syncs[] = { EVIL, "Synced", "OutOfSync" };
	const struct view_env env = { .now_ms = 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phases) * ARRAY_LEN(more) * ARRAY_LEN(syncs); i++) {
		_cleanup_json_ json_t *app = application(phases[i % ARRAY_LEN(phases)],
			more[i / ARRAY_LEN(phases) % ARRAY_LEN(more)],
			syncs[i / ARRAY_LEN(phases) / ARRAY_LEN(more)]);
		_cleanup_json_ json_t *list = json_pack("[O]", app), *none = json_array();
		_cleanup_buf_ struct buf out = BUF_INIT;

		view_story(app, &(struct view_kept){ 0 }, &env, &out);
		check(&out, "status APP");
		/* Nor is it part of what a person is to paste. */
		assert_null(strstr(buf_str(&out), "syncctl approve shop "));
		view_fleet(list, &env, &out);
		view_list(list, &env, &out);
		view_get(app, &env, &out);
		check(&out, "status, list, get");
		view_resources(app, &env, &out);
		view_history(app, &env, &out);
		view_tree(app, none, &env, &out);
		view_report(list, &env, &out);
		check(&out, "resources, history, tree, report");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_shown_steers) };

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
