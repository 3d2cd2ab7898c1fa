/* view_events.c: which Events are told of an application, also of what is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "views.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

#define LONG_NAME "a-workload-whose-name-is-so-long-that-the-server-cuts-it-off"
#define ROW(kind, name) "{\"kind\":\"" kind "\",\"namespace\":\"prod\",\"name\":\"" name "\"}"
static const char app_text[] = "{\"metadata\":{\"name\":\"shop\",\"namespace\":\"argocd\"},"
	"\"status\":{\"resources\":[" ROW("Deployment", "web") "," ROW("StatefulSet", "db") ","
	ROW("DaemonSet", "log") "," ROW("Job", "once") "," ROW("CronJob", "often") ","
	ROW("Deployment", LONG_NAME) ",{\"kind\":\"Namespace\",\"name\":\"prod\"}],"
	"\"operationState\":{\"syncResult\":{\"resources\":["
	ROW("Deployment", "bad") "," ROW("ConfigMap", "pruned") "]}}}}";
static const char children_text[] = "[{\"kind\":\"Pod\",\"metadata\":{\"name\":\"made\","
	"\"namespace\":\"prod\"}}]";

static const struct {
	const char *kind, *ns, *name;
	bool told;
} rows[] = {
	{ "Application", "argocd", "shop", true }, { "Application", "prod", "shop", false },
	{ "Deployment", "prod", "web", true }, { "Deployment", "test", "web", false },
	{ "Deployment", "prod", "api", false },
	{ "Namespace", "", "prod", true },
	{ "Pod", "prod", "made", true }, { "Pod", "test", "made", false },
	/* Gone: known by how it was named. */
	{ "ReplicaSet", "prod", "web-6b8f9c7d5f", true },
	{ "Pod", "prod", "web-6b8f9c7d5f-x2v4z", true },
	{ "Pod", "test", "web-6b8f9c7d5f-x2v4z", false },
	{ "Pod", "prod", "web-6b8f9c7d5f", false },
	{ "Pod", "prod", "web-api-6b8f9c7d5f-x2v4z", false },
	{ "Pod", "prod", "website-6b8f9c7d5f-x2v4z", false },
	{ "Pod", "prod", "web-6b8f9c7d5f-x2v4za", false },
	{ "ConfigMap", "prod", "web-6b8f9c7d5f", false },
	{ "Pod", "prod", "db-0", true }, { "Pod", "prod", "db-12", true },
	{ "Pod", "prod", "db-", false }, { "Pod", "prod", "db-0-x2v4z", false },
	{ "Pod", "prod", "log-x2v4z", true }, { "Pod", "prod", "log-cache", false },
	{ "Pod", "prod", "once-x2v4z", true }, { "Pod", "prod", "once-3-x2v4z", true },
	{ "Job", "prod", "often-29384756", true },
	{ "Pod", "prod", "often-29384756-x2v4z", true },
	{ "Pod", "prod", "often-29384756-0-x2v4z", true },
	{ "Pod", "prod", "a-workload-whose-name-is-so-long-that-the-server-cuts-it-ox2v4z", true },
	{ "Pod", "prod", "a-workload-whose-name-is-so-long-that-the-server-cuts-it-oelsex", false },
	/* Deleted by the last operation. */
	{ "ConfigMap", "prod", "pruned", true },
	{ "Pod", "prod", "bad-6b8f9c7d5f-x2v4z", true },
	{ "Deployment", "prod", "bad", true },
};

static void what_is_gone_is_told_too(void **state)
{
	_cleanup_json_ json_t *app = parse(app_text), *children = parse(children_text);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *events = json_pack("[{s{ss} s{ssssss}}]", "metadata",
			"name", "e", "involvedObject", "kind", rows[i].kind, "namespace",
			rows[i].ns, "name", rows[i].name);
		_cleanup_json_ json_t *own = view_events_of(events, app, children);

		if (json_array_size(own) != rows[i].told)
			fail_msg("%s %s/%s is%s told", rows[i].kind, rows[i].ns, rows[i].name,
				 rows[i].told ? " not" : "");
	}
}

static void names_are_lines(void **state)
{
	_cleanup_json_ json_t *events = parse("[{\"metadata\":{\"name\":\"web.17a\"}},"
					      "{\"metadata\":{\"name\":\"x\\ny\"}}]");
	_cleanup_json_ json_t *objects = parse("[{\"group\":\"apps\",\"kind\":\"StatefulSet\","
		"\"name\":\"db\"},{\"kind\":\"Secret\",\"name\":\"a\"}]");
	_cleanup_json_ json_t *app = parse("{\"status\":{\"syncd\":{\"releases\":[{\"id\":12},"
					   "{\"id\":3}]}}}");
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT, c = BUF_INIT;

	(void)state;
	view_event_names(events, &a);
	assert_string_equal(buf_str(&a), "event/web.17a\nevent/x y\n");
	view_object_names(objects, &b);
	assert_string_equal(buf_str(&b), "statefulset.apps/db\nsecret/a\n");
	view_history_names(app, &c);
	assert_string_equal(buf_str(&c), "12\n3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_gone_is_told_too),
		cmocka_unit_test(names_are_lines),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
