/* replace.h: which refusals lead to a replacement, of which kinds, and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/replace.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void kinds_have_their_way(void **state)
{
	static const struct {
		const char *group, *kind;
		enum replace_way way;
	} cases[] = {
		{ "apps", "Deployment", REPLACE_ORPHANING },
		{ "apps", "StatefulSet", REPLACE_ORPHANING },
		{ "apps", "DaemonSet", REPLACE_ORPHANING },
		{ "apps", "ReplicaSet", REPLACE_ORPHANING },
		{ "batch", "Job", REPLACE_PLAINLY },
		{ "", "Service", REPLACE_PLAINLY },
		{ "rbac.authorization.k8s.io", "RoleBinding", REPLACE_PLAINLY },
		{ "", "PersistentVolumeClaim", REPLACE_NEVER },
		{ "", "PersistentVolume", REPLACE_NEVER },
		{ "", "Namespace", REPLACE_NEVER },
		{ "apiextensions.k8s.io", "CustomResourceDefinition", REPLACE_NEVER },
		{ "serving.knative.dev", "Service", REPLACE_NEVER },
		{ "example.com", "Database", REPLACE_NEVER },
		{ "", "Deployment", REPLACE_NEVER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (replace_way(cases[i].group, cases[i].kind) != cases[i].way)
			fail_msg("%s/%s", cases[i].group, cases[i].kind);
}

#define STATUS(reason, name, causes)                                           \
	"{\"kind\":\"Status\",\"reason\":\"" reason "\",\"details\":{\"name\":"   \
	"\"" name "\",\"causes\":[" causes "]}}"
#define CAUSE(field, message)                                                  \
	"{\"reason\":\"FieldValueInvalid\",\"field\":\"" field "\",\"message\":"  \
	"\"" message "\"}"

static const struct {
	const char *what;
	int http;
	const char *status;
	const char *field;	/* NULL: no such refusal */
} refusals[] = {
	{ "a selector", 422, STATUS("Invalid", "web", CAUSE("spec.selector",
	  "Invalid value: {}: field is immutable")), "spec.selector" },
	{ "a set's claims", 422, STATUS("Invalid", "web", CAUSE("spec",
	  "Forbidden: updates to statefulset spec for fields other than 'replicas' are "
	  "forbidden")), "spec" },
	{ "an address", 422, STATUS("Invalid", "web", CAUSE("spec.clusterIPs[0]",
	  "Invalid value: []: may not change once set")), "spec.clusterIPs[0]" },
	{ "a role", 422, STATUS("Invalid", "web", CAUSE("roleRef",
	  "Invalid value: {}: cannot change roleRef")), "roleRef" },
	{ "a frozen map", 422, STATUS("Invalid", "web", CAUSE("data",
	  "Forbidden: field is immutable when `immutable` is set")), "data" },
	{ "behind another cause", 422, STATUS("Invalid", "web",
	  CAUSE("spec.x", "Required value") "," CAUSE("spec.selector",
	  "Invalid value: {}: field is immutable")), "spec.selector" },
	{ "another object", 422, STATUS("Invalid", "web-0", CAUSE("spec.selector",
	  "Invalid value: {}: field is immutable")), NULL },
	{ "an invalid value", 422, STATUS("Invalid", "web", CAUSE("spec.replicas",
	  "Invalid value: -1: must be greater than or equal to 0")), NULL },
	{ "a webhook's words", 403, STATUS("Forbidden", "web", CAUSE("spec.selector",
	  "field is immutable")), NULL },
	{ "a webhook's 422", 422, STATUS("Denied", "web", CAUSE("spec.selector",
	  "field is immutable")), NULL },
	{ "without causes", 422, STATUS("Invalid", "web", ""), NULL },
	{ "without details", 422, "{\"kind\":\"Status\",\"reason\":\"Invalid\"}", NULL },
	{ "no Status", 422, "[]", NULL },
	{ "odd types", 422, STATUS("Invalid", "web", "1,null,{\"field\":2,\"message\":3}"),
	  NULL },
};

static void refusals_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		_cleanup_json_ json_t *j = parse(refusals[i].status);
		char field[128] = "";
		bool is = replace_is_refusal(refusals[i].http, j, "web", field);

		if (is != (refusals[i].field != NULL) ||
		    (is && strcmp(field, refusals[i].field)))
			fail_msg("%s: %d %s", refusals[i].what, is, field);
	}
}

static void words_name_the_option(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_INVALID, "the server's words");
	replace_explain(REPLACE_ORPHANING, "StatefulSet", "spec", &err);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "spec cannot be changed in place"));
	assert_non_null(strstr(err.msg, "its pods live on"));
	assert_non_null(strstr(err.msg, "syncd.dev/recreate-on-immutable: \"true\""));
	assert_non_null(strstr(err.msg, "Replace=true"));
	assert_non_null(strstr(err.msg, "the server's words"));
	err_set(&err, ERR_INVALID, "the server's words");
	replace_explain(REPLACE_NEVER, "PersistentVolumeClaim", "spec", &err);
	assert_non_null(strstr(err.msg, "a PersistentVolumeClaim is never deleted"));
	assert_null(strstr(err.msg, "Replace=true"));
}

static void temporary_names_are_valid(void **state)
{
	static const char *const names[] = {
		"web", "a", "with.dots.in-it",
		"a-very-long-name-of-more-than-fifty-characters.with-a-dot-in-it",
		"exactly-forty-characters-then-a-dash-she-goes-on",
		"0123456789012345678901234567890123456.-.x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char a[64], b[64];
		size_t n;

		replace_temp_name(names[i], a);
		n = strlen(a);
		assert_in_range(n, 11, 52);
		assert_string_not_equal(a, names[i]);
		assert_null(strstr(a, ".-"));
		assert_true(strspn(a, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n);
		replace_temp_name(names[(i + 1) % ARRAY_LEN(names)], b);
		assert_string_not_equal(a, b);
	}
}

static void selectors_decide_what_is_adopted(void **state)
{
#define SELECTS(s) "{\"spec\":{\"selector\":" s "}}"
	static const char old[] = "{\"spec\":{\"template\":{\"metadata\":{\"labels\":"
				  "{\"app\":\"web\",\"tier\":\"front\"}}}}}";
	static const struct {
		const char *new;
		bool adopts;
	} cases[] = {
		{ SELECTS("{\"matchLabels\":{\"app\":\"web\"}}"), true },
		{ SELECTS("{\"matchLabels\":{\"app\":\"web\",\"tier\":\"front\"}}"), true },
		{ SELECTS("{\"matchLabels\":{\"app\":\"shop\"}}"), false },
		{ SELECTS("{\"matchLabels\":{\"app\":\"web\",\"new\":\"x\"}}"), false },
		{ SELECTS("{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\","
			  "\"values\":[\"a\",\"web\"]}]}"), true },
		{ SELECTS("{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"NotIn\","
			  "\"values\":[\"web\"]}]}"), false },
		{ SELECTS("{\"matchExpressions\":[{\"key\":\"tier\",\"operator\":"
			  "\"Exists\"}]}"), true },
		{ SELECTS("{\"matchExpressions\":[{\"key\":\"tier\",\"operator\":"
			  "\"DoesNotExist\"}]}"), false },
		{ SELECTS("{\"matchExpressions\":[{\"key\":\"tier\",\"operator\":"
			  "\"Sometimes\"}]}"), false },
		{ SELECTS("{\"matchExpressions\":[7]}"), false },
		{ SELECTS("3"), false },
		{ "{}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *a = parse(cases[i].new), *b = parse(old);

		if (replace_adopts(a, b) != cases[i].adopts)
			fail_msg("%s", cases[i].new);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_their_way),
		cmocka_unit_test(refusals_are_told_apart),
		cmocka_unit_test(words_name_the_option),
		cmocka_unit_test(temporary_names_are_valid),
		cmocka_unit_test(selectors_decide_what_is_adopted),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
