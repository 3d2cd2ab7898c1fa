/* What syncctl shows of the gates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "views.h"

static void shown(const char *syncd, const char *const *words)
{
	_cleanup_json_ json_t *j = doc_parse(syncd, strlen(syncd), NULL);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct view_env env = { 0 };

	assert_int_equal(view_gates(j, &env, &out), words[0] != NULL);
	for (; *words; words++)
		if (!strstr(buf_str(&out), *words))
			fail_msg("%s is not in: %s", *words, buf_str(&out));
}

static void gates_are_listed(void **state)
{
	(void)state;
	shown("{}", (const char *const[]){ NULL });
	shown("{\"gates\":{\"environment\":\"prod\",\"shut\":[]}}", (const char *const[]){
		"No gate is shut of environment prod", NULL });
	shown("{\"gates\":{\"environment\":\"prod\",\"shut\":[{\"gate\":\"window\",\"stops\":"
	      "\"all\",\"until\":\"2026-11-23T09:00:00Z\",\"why\":\"outside\"},{\"gate\":"
	      "\"auto\",\"service\":\"db\",\"stops\":\"automatic\",\"why\":\"ask\"}]}}",
	      (const char *const[]){ "Shut gates of environment prod", "window", "(all)",
	      "everything new", "2026-11-23T09:00:00Z", "outside", "db",
	      "what goes by itself", NULL });
}

static void seen(const char *app, void (*view)(const json_t *app,
		 const struct view_env *env, struct buf *out), const char *words, bool is)
{
	_cleanup_json_ json_t *j = doc_parse(app, strlen(app), NULL);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct view_env env = { 0 };

	assert_non_null(j);
	view(j, &env, &out);
	if (!strstr(buf_str(&out), words) == is)
		fail_msg("%s: %s", words, buf_str(&out));
}

static void story(const json_t *app, const struct view_env *env, struct buf *out)
{
	view_story(app, NULL, env, out);
}

#define APP(syncd) "{\"metadata\":{\"name\":\"shop\"},\"spec\":{},\"status\":{\"syncd\":{" syncd "}}}"

static void the_story_names_gates_and_the_next_step(void **state)
{
	static const char shut[] = APP("\"gates\":{\"environment\":\"prod\",\"commit\":"
		"\"e07a1d4c0ffee f00d\",\"shut\":[{\"gate\":\"approval\",\"why\":\"w\"}]}");
	static const char open[] = APP("\"gates\":{\"environment\":\"prod\",\"commit\":"
		"\"e07a1d4c0ffee\",\"shut\":[]}");

	(void)state;
	seen(shut, story, "Shut gates of environment prod", true);
	seen(shut, story, "syncctl approve shop e07a1d4c0ffee,f00d ", true);
	seen(open, story, "gate", false);
	seen(open, story, "approve", false);
}

static void the_history_names_who_let_it_out(void **state)
{
	static const char app[] = APP("\"releases\":[{\"id\":2,\"state\":\"good\","
		"\"subject\":\"fix\",\"approvedBy\":\"ada\",\"approvedReason\":\"seen\","
		"\"overridden\":\"window: fire\"},{\"id\":1,\"approvedBy\":\"bob\"}]");

	(void)state;
	seen(app, view_history, "fix; approved by ada: seen; passed the gate window: fire",
	     true);
	seen(app, view_history, "approved by bob\n", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_are_listed),
		cmocka_unit_test(the_story_names_gates_and_the_next_step),
		cmocka_unit_test(the_history_names_who_let_it_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
