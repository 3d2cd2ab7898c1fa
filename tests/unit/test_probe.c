/* Which objects make the API server call out, what is asked, and what its answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sync/probe.h"
#include "core/doc.h"
#include "core/mem.h"

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	struct err err = ERR_INIT;
	json_t *j;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	j = doc_parse(copy, strlen(copy), &err);
	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

#define HOOKS(kind, list) "{'apiVersion':'admissionregistration.k8s.io/v1','kind':'" kind \
	"','webhooks':[" list "]}"
#define VALIDATING(list) HOOKS("ValidatingWebhookConfiguration", list)
#define URL "'clientConfig':{'url':'https://x'}"
#define SERVICE "'clientConfig':{'service':{'name':'s','namespace':'n'}}"
#define CA "'clientConfig':{'service':{'name':'s','namespace':'n'},'caBundle':'Q0E='}"
#define HOOK(name, client, policy, effects) "{'name':'" name "'," client ",'failurePolicy':'" \
	policy "','sideEffects':'" effects "'}"
#define CRD(conversion) "{'apiVersion':'apiextensions.k8s.io/v1','kind':" \
	"'CustomResourceDefinition','spec':{'group':'g','conversion':" conversion "," \
	"'versions':[{'name':'v1','served':true,'storage':true},{'name':'v2','served':true}," \
	"{'name':'v3','served':false}]}}"
#define ONE HOOK("a", URL, "Fail", "None")

static void what_is_asked(void **state)
{
	static const struct {
		const char *object;
		bool wants;
		size_t n;
		const char *name, *service, *version;
		bool bare;
	} rows[] = {
		{ VALIDATING(ONE), true, 1, "a", NULL, "", false },
		{ HOOKS("MutatingWebhookConfiguration", ONE), true, 1, "a", NULL, "", false },
		{ VALIDATING(HOOK("a", SERVICE, "Fail", "NoneOnDryRun")), true, 1, "a", "s", "",
		  true },
		{ VALIDATING(HOOK("a", CA, "Fail", "None")), true, 1, "a", "s", "", false },
		/* Nobody waits for it; a dry run does not reach it. */
		{ VALIDATING(HOOK("a", URL, "Ignore", "None")), false, 0, NULL, NULL, NULL,
		  false },
		{ VALIDATING(HOOK("a", URL, "Fail", "Unknown")), false, 0, NULL, NULL, NULL,
		  false },
		{ VALIDATING(HOOK("a", URL, "Fail", "Some")), false, 0, NULL, NULL, NULL, false },
		{ VALIDATING(HOOK("a", URL, "Ignore", "None") "," HOOK("b", URL, "Fail", "None")),
		  true, 1, "b", NULL, "", false },
		{ VALIDATING("{'name':'a','sideEffects':'None'}"), true, 1, "a", NULL, "",
		  false },
		{ VALIDATING(ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE),
		  true, PROBE_MAX, "a", NULL, "", false },
		{ VALIDATING(""), false, 0, NULL, NULL, NULL, false },
		{ HOOKS("ValidatingAdmissionPolicy", ONE), false, 0, NULL, NULL, NULL, false },
		{ "{'apiVersion':'v1','kind':'ConfigMap','webhooks':[" ONE "]}", false, 0, NULL,
		  NULL, NULL, false },
		{ CRD("{'strategy':'Webhook','webhook':{" URL "}}"), true, 1,
		  "the conversion webhook", NULL, "v2", false },
		{ CRD("{'strategy':'Webhook','webhook':{" SERVICE "}}"), true, 1,
		  "the conversion webhook", "s", "v2", true },
		{ CRD("{'strategy':'None'}"), false, 0, NULL, NULL, NULL, false },
		{ CRD("7"), false, 0, NULL, NULL, NULL, false },
		{ "{'apiVersion':'admissionregistration.k8s.io/v1','kind':"
		  "'ValidatingWebhookConfiguration','webhooks':{'a':1}}", false, 0, NULL, NULL,
		  NULL, false },
		{ VALIDATING("7,[],null,{'sideEffects':'None'}"), true, 1, "", NULL, "", false },
		{ "[]", false, 0, NULL, NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *o = parse(rows[i].object);
		struct probe_question q[PROBE_MAX];
		size_t n = probe_questions(o, q);

		if (n != rows[i].n || probe_wants(o) != rows[i].wants)
			fail_msg("row %zu: %zu questions", i, n);
		if (!n)
			continue;
		assert_string_equal(q[0].name, rows[i].name);
		assert_string_equal(q[0].version, rows[i].version);
		assert_int_equal(q[0].bare, rows[i].bare);
		if (!rows[i].service != !q[0].service ||
		    (q[0].service && strcmp(q[0].service, rows[i].service)))
			fail_msg("row %zu: Service %s", i, q[0].service);
	}
}

static bool knows(void *arg, const char *group, const char *resource)
{
	return !strcmp(arg, group) && (!strcmp(resource, "pumps") ||
				       !strcmp(resource, "configmaps"));
}

#define RULE(ops, groups, resources) "[{'operations':[" ops "],'apiGroups':[" groups \
	"],'apiVersions':['v1'],'resources':[" resources "]}]"

static void what_it_would_see(void **state)
{
	static const struct {
		const char *rules, *known;
		bool update;		/* of g/pumps */
		const char *group, *resource;	/* of a new object; NULL: none */
	} rows[] = {
		{ RULE("'CREATE','UPDATE'", "'g'", "'pumps'"), "g", true, "g", "pumps" },
		{ RULE("'CREATE'", "'g'", "'pumps'"), "g", false, "g", "pumps" },
		{ RULE("'UPDATE'", "'g'", "'pumps'"), "g", true, NULL, NULL },
		{ RULE("'*'", "'*'", "'*'"), "", true, "", "configmaps" },
		{ RULE("'*'", "'*'", "'*/*'"), "", true, "", "configmaps" },
		{ RULE("'DELETE'", "'g'", "'pumps'"), "g", false, NULL, NULL },
		{ RULE("'CREATE'", "'g'", "'pumps/status','pumps'"), "g", false, "g", "pumps" },
		{ RULE("'CREATE'", "'g'", "'pumps/status'"), "g", false, NULL, NULL },
		{ RULE("'CREATE'", "'h','g'", "'valves','pumps'"), "g", false, "g", "pumps" },
		{ RULE("'CREATE'", "'g'", "'pumps'"), "elsewhere", false, NULL, NULL },
		{ RULE("7", "null", "{}"), "g", false, NULL, NULL },
		{ "[]", "g", false, NULL, NULL },
		{ "[7]", "g", false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *rules = parse(rows[i].rules);
		_cleanup_free_ char *known = xstrdup(rows[i].known);
		struct probe_question q = { .name = "a", .rules = rules, .version = "" };
		const char *group = NULL, *resource = NULL;
		bool found = probe_resource(&q, knows, known, &group, &resource);

		if (probe_sees(&q, "g", "pumps", "UPDATE") != rows[i].update ||
		    found != (rows[i].group != NULL))
			fail_msg("row %zu", i);
		if (!found)
			continue;
		assert_string_equal(group, rows[i].group);
		assert_string_equal(resource, rows[i].resource);
	}
}

static void what_the_answer_means(void **state)
{
	static const struct { bool conversion; enum err_code code; const char *words; bool silent; }
	rows[] = {
		{ false, ERR_NONE, "", false },
		{ false, ERR_NET, "Internal error occurred: failed calling webhook \"a\": failed "
		  "to call webhook: Post \"https://x\": connection refused", true },
		{ false, ERR_NET, "Internal error occurred: failed calling webhook \"b\": no", false },
		{ false, ERR_AUTH, "admission webhook \"a\" denied the request: no", false },
		{ false, ERR_INVALID, "ConfigMap \"x\" is invalid", false },
		{ false, ERR_NOTFOUND, "namespaces \"x\" not found", false },
		{ true, ERR_NET, "conversion webhook for g/v1, Kind=Pump failed: Post", true },
		{ true, ERR_NET, "failed calling webhook \"a\"", false },
		{ true, ERR_NONE, "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *rules = json_array();
		struct probe_question q = { .name = "a", .version = "",
					    .rules = rows[i].conversion ? NULL : rules };
		struct err err = ERR_INIT;

		if (rows[i].code)
			err_set(&err, rows[i].code, "%s", rows[i].words);
		if (probe_is_silent(&q, &err) != rows[i].silent)
			fail_msg("row %zu", i);
	}
}

static void endpoints_that_are_ready(void **state)
{
	static const struct { const char *slices; bool ready; } rows[] = {
		{ "[]", false },
		{ "[{'endpoints':[]}]", false },
		{ "[{'endpoints':null}]", false },
		{ "[{'endpoints':[{'addresses':['10.0.0.1']}]}]", true },
		{ "[{'endpoints':[{'addresses':[],'conditions':{'ready':true}}]}]", false },
		{ "[{'endpoints':[{'addresses':['a'],'conditions':{'ready':false}}]}]", false },
		{ "[{'endpoints':[{'addresses':['a'],'conditions':{'ready':false}}]},"
		  "{'endpoints':[{'addresses':['a'],'conditions':{'ready':true}}]}]", true },
		{ "{'a':1}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *slices = parse(rows[i].slices);

		if (probe_has_endpoint(slices) != rows[i].ready)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(what_it_would_see),
		cmocka_unit_test(what_the_answer_means),
		cmocka_unit_test(endpoints_that_are_ready),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
