/* What is kept of a failure: which pods are asked, which logs, and what is hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sync/evidence.h"
#include "core/doc.h"

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

static const char *word(const json_t *row, const char *key)
{
	const char *s = doc_get_str(row, key, NULL);

	return s ? s : "";
}

static void selectors(void **state)
{
	static const struct { const char *spec, *want; } rows[] = {
		{ "{'matchLabels':{'app':'web'}}", "app=web" },
		{ "{'matchLabels':{'a':'1','b':'2'}}", "a=1,b=2" },
		{ "{'matchExpressions':[{'key':'a','operator':'In','values':['x','y']},"
		  "{'key':'b','operator':'Exists'}]}", "a in (x,y),b" },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['x']},"
		  "{'key':'b','operator':'DoesNotExist'}]}", "a notin (x),!b" },
		{ "{'matchExpressions':[{'key':'a','operator':'Odd'}]}", NULL },
		{ "{}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("{'spec':{'selector':%s}}",
						      rows[i].spec);
		_cleanup_json_ json_t *o = parse(text);
		_cleanup_free_ char *got = evidence_selector(o);

		if (!rows[i].want)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].want);
	}
}

#define POD(name, at, status) "{'metadata':{'name':'" name "','namespace':'shop'," \
	"'creationTimestamp':'2026-01-01T00:00:0" at "Z'},'status':" status "}"
#define READY "{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]," \
	"'containerStatuses':[{'name':'main','ready':true,'restartCount':0," \
	"'state':{'running':{}}}]}"
#define NOT_READY "{'phase':'Running','containerStatuses':[{'name':'main','ready':false," \
	"'restartCount':0,'state':{'running':{}}}]}"
#define PULL "{'phase':'Pending','containerStatuses':[{'name':'main','ready':false," \
	"'restartCount':0,'state':{'waiting':{'reason':'ErrImagePull','message':'m'}}}]}"
#define DONE "{'phase':'Succeeded'}"

static void pods_that_are_not_well_are_asked(void **state)
{
	static const struct { const char *list, *want; } rows[] = {
		{ "[" POD("a", "1", READY) "," POD("b", "2", DONE) "]", "" },
		{ "[" POD("a", "1", READY) "," POD("b", "2", NOT_READY) "]", "b" },
		{ "[" POD("a", "1", NOT_READY) "," POD("b", "2", NOT_READY) "]", "ba" },
		{ "[" POD("a", "9", NOT_READY) "," POD("b", "1", PULL) "]", "ba" },
		{ "[" POD("a", "1", PULL) "," POD("b", "4", PULL) "," POD("c", "3", PULL)
		  "," POD("d", "2", PULL) "," POD("e", "9", NOT_READY) "]", "bcd" },
		{ "[" POD("e", "9", NOT_READY) "," POD("a", "1", PULL) "," POD("b", "4", PULL)
		  "," POD("c", "3", PULL) "," POD("d", "2", PULL) "]", "bcd" },
		{ "[]", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *list = parse(rows[i].list);
		const json_t *pods[EVIDENCE_PODS];
		char got[EVIDENCE_PODS + 1] = "";
		size_t n = evidence_pods(list, pods);

		for (size_t k = 0; k < n; k++)
			got[k] = *doc_get_str(pods[k], "metadata", "name", NULL);
		assert_string_equal(got, rows[i].want);
	}
}

/* c: the log of what runs, p: of the run before. */
static void logs_that_there_are(void **state)
{
	static const struct { const char *container, *want; } rows[] = {
		{ "'ready':false,'state':{'running':{}}", "c" },
		{ "'ready':false,'state':{'waiting':{'reason':'ErrImagePull'}}", "" },
		{ "'ready':false,'restartCount':3,'state':{'waiting':{'reason':"
		  "'CrashLoopBackOff'}},'lastState':{'terminated':{'exitCode':1}}", "p" },
		{ "'ready':true,'restartCount':1,'state':{'running':{}},'lastState':{"
		  "'terminated':{'exitCode':137,'reason':'OOMKilled'}}", "pc" },
		{ "'ready':false,'state':{'terminated':{'exitCode':2}}", "c" },
		{ "'ready':false,'state':{'terminated':{'exitCode':0}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("{'metadata':{'name':'w','namespace':"
			"'shop'},'status':{'containerStatuses':[{'name':'main',%s}]}}",
			rows[i].container);
		_cleanup_json_ json_t *pod = parse(text), *doc = json_object();
		struct evidence_log logs[2 * EVIDENCE_CONTAINERS];
		char got[2 * EVIDENCE_CONTAINERS + 1] = "";
		size_t n = evidence_add_pod(doc, pod, logs);

		for (size_t k = 0; k < n; k++)
			got[k] = logs[k].previous ? 'p' : 'c';
		assert_string_equal(got, rows[i].want);
		assert_int_equal(json_array_size(json_object_get(doc, "pods")), 1);
	}
}

/* Of the run that it ended last, also while it waits to start again. */
static void how_a_container_ended_is_kept(void **state)
{
#define END "{'terminated':{'exitCode':137,'reason':'OOMKilled','finishedAt':'2026-01-01T00:00:09Z'}}"
#define WAITS "{'waiting':{'reason':'CrashLoopBackOff'}}"
	static const struct { const char *container, *why, *end, *ended; } rows[] = {
		{ "'state':" WAITS ",'lastState':" END, "CrashLoopBackOff", "OOMKilled",
		  "2026-01-01T00:00:09Z" },
		{ "'state':{'running':{}},'lastState':" END, "OOMKilled", "OOMKilled",
		  "2026-01-01T00:00:09Z" },
		{ "'state':{'terminated':{'exitCode':1,'reason':'Error'}},'lastState':" END,
		  "Error", "Error", "" },
		{ "'state':" WAITS, "CrashLoopBackOff", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("{'metadata':{'name':'w','namespace':"
			"'shop'},'status':{'containerStatuses':[{'name':'main',%s}]}}",
			rows[i].container);
		_cleanup_json_ json_t *pod = parse(text), *doc = json_object();
		struct evidence_log logs[2 * EVIDENCE_CONTAINERS];
		const json_t *row;

		evidence_add_pod(doc, pod, logs);
		row = json_array_get(json_object_get(doc, "pods"), 0);
		assert_string_equal(word(row, "why"), rows[i].why);
		assert_string_equal(word(row, "end"), rows[i].end);
		assert_string_equal(word(row, "ended"), rows[i].ended);
	}
}

static void no_more_than_three_containers(void **state)
{
	struct buf b = BUF_INIT;
	struct evidence_log logs[2 * EVIDENCE_CONTAINERS];
	_cleanup_json_ json_t *pod = NULL, *doc = json_object();

	(void)state;
	buf_adds(&b, "{'metadata':{'name':'w','namespace':'s'},'status':{'containerStatuses':[");
	for (int i = 0; i < 9; i++)
		buf_addf(&b, "%s{'name':'c%d','ready':false,'state':{'running':{}},'lastState':{"
			 "'terminated':{'exitCode':1}}}", i ? "," : "", i);
	buf_adds(&b, "]}}");
	pod = parse(buf_str(&b));
	buf_deinit(&b);
	assert_int_equal(evidence_add_pod(doc, pod, logs), 2 * EVIDENCE_CONTAINERS);
	assert_int_equal(json_array_size(json_object_get(doc, "pods")), EVIDENCE_CONTAINERS);
}

static void secrets_that_a_pod_reads(void **state)
{
	_cleanup_json_ json_t *names = json_array(), *want = parse("['a','b','c','d','e']");
	_cleanup_json_ json_t *pod = parse("{'spec':{'initContainers':[{'env':[{'name':'X',"
		"'valueFrom':{'secretKeyRef':{'name':'a','key':'k'}}},{'name':'Y','value':'1'}]}],"
		"'containers':[{'envFrom':[{'secretRef':{'name':'b'}},{'configMapRef':{'name':"
		"'no'}}]},{'env':[{'name':'Z','valueFrom':{'secretKeyRef':{'name':'a'}}}],"
		"'envFrom':[{'secretRef':{'name':'c'}}]}],'volumes':[{'secret':{'secretName':"
		"'d'}},{'configMap':{'name':'no'}},{'projected':{'sources':[{'secret':{'name':"
		"'e'}}]}}]}}");

	(void)state;
	evidence_secrets(pod, names);
	assert_true(json_equal(names, want));
}

static void values_are_hidden(void **state)
{
	/* of: base64 of the value */
	static const struct { const char *of, *text, *want; } rows[] = {
		{ "c2VjcmV0", "my secret is secret", "my (hidden) is (hidden)" },
		{ "c2VjcmV0", "in base64 c2VjcmV0 too", "in base64 (hidden)0 too" },
		{ "c2VjcmV0Cg==", "with its newline: secret", "with its newline: (hidden)" },
		{ "YWJj", "abc is too short", "abc is too short" },
		{ "YWJjZA==", "abcd is not", "(hidden) is not" },
		{ "c2F5ICJoaSI=", "{\"v\":\"say \\\"hi\\\"\"}", "{\"v\":\"(hidden)\"}" },
		{ "bGluZW9uZTEKbGluZXR3bzIKeAo=", "linetwo2 and x", "(hidden) and x" },
		{ "", "http://ada:pw@host/x http://host/a@b", "http://(hidden)@host/x http://host/a@b" },
		{ "", "a\x01" "b\x1b[31m\tc\n", "a?b?[31m\tc\n" },
		{ "", "bad \xff\xfe utf", "bad ?? utf" },
		{ "", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *secret = json_pack("{s:{s:s}}", "data", "k", rows[i].of);
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct secrets s = { 0 };

		secrets_take(&s, secret);
		secrets_sort(&s);
		secrets_hide(&s, rows[i].text, &out);
		assert_string_equal(buf_str(&out), rows[i].want);
		secrets_deinit(&s);
	}
}

/* "password" and "password1": the longer one is not left with its end. */
static void the_longest_goes_first(void **state)
{
	_cleanup_json_ json_t *secret = json_pack("{s:{s:s, s:s}}", "data", "a",
		"cGFzc3dvcmQ=", "b", "cGFzc3dvcmQx");
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct secrets s = { 0 };

	(void)state;
	secrets_take(&s, secret);
	secrets_sort(&s);
	secrets_hide(&s, "password1 password", &out);
	assert_string_equal(buf_str(&out), "(hidden) (hidden)");
	secrets_deinit(&s);
}

/* More values than can be looked for: then nothing is kept of what pods said. */
static void too_many_values_hide_everything(void **state)
{
	_cleanup_json_ json_t *secret = json_object(), *data = json_object();
	_cleanup_json_ json_t *doc = parse("{'pods':[{'pod':'s/w','log':'words','message':'m'}]}");
	struct secrets s = { 0 };

	(void)state;
	for (int i = 0; i < SECRETS_WORDS + 1; i++) {
		_cleanup_free_ char *key = xasprintf("k%d", i);

		json_object_set_new(data, key, json_string("c2VjcmV0"));
	}
	json_object_set(secret, "data", data);
	secrets_take(&s, secret);
	assert_true(s.full);
	assert_true(s.words.len <= SECRETS_WORDS);
	evidence_clean(doc, &s, false);
	assert_null(doc_get(json_array_get(json_object_get(doc, "pods"), 0), "log", NULL));
	assert_non_null(strstr(json_string_value(json_array_get(json_object_get(doc, "notes"),
							       0)), "not kept"));
	secrets_deinit(&s);
}

/* Half a line at the end of what the server cut may be half a secret. */
static void a_cut_line_is_left_out(void **state)
{
	_cleanup_json_ json_t *row = json_pack("{s:s}", "pod", "s/w");
	struct evidence_log log = { row, "main", false };
	struct buf b = BUF_INIT;

	(void)state;
	buf_adds(&b, "first\n");
	while (b.len < EVIDENCE_LOG_BYTES)
		buf_addc(&b, 'x');
	evidence_add_log(&log, buf_str(&b), b.len);
	assert_string_equal(doc_get_str(row, "log", NULL), "first\n");
	evidence_add_log(&log, "a\0b", 3);
	assert_string_equal(doc_get_str(row, "log", NULL), "a?b");
	buf_deinit(&b);
}

static json_t *an_event(int i, const char *kind, const char *name)
{
	_cleanup_free_ char *at = xasprintf("2026-01-01T00:00:%02dZ", i);

	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "type", "Warning",
		"reason", "R", "message", "m", "lastTimestamp", at, "involvedObject", "kind",
		kind, "namespace", "shop", "name", name);
}

static void the_newest_events_of_whom_it_is_about(void **state)
{
	static const struct { const char *kind, *name; bool about; } rows[] = {
		{ "Deployment", "web", true }, { "Deployment", "web-x", false },
		{ "ReplicaSet", "web-7d9f", true }, { "ReplicaSet", "web-x-7d9f", false },
		{ "Pod", "web-7d9f-abc", true }, { "Pod", "web-7d9f-zzz", false },
		{ "StatefulSet", "web", false },
	};
	const struct objkey web = { "apps", "Deployment", "shop", "web" };
	_cleanup_json_ json_t *many = json_array(), *doc = json_object();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *d = parse("{'pods':[{'pod':'shop/web-7d9f-abc'}]}");
		_cleanup_json_ json_t *list = json_array();

		json_array_append_new(list, an_event(1, rows[i].kind, rows[i].name));
		evidence_add_events(d, list, &web);
		if (!!json_object_get(d, "events") != rows[i].about)
			fail_msg("%s %s", rows[i].kind, rows[i].name);
	}
	for (int i = 0; i < 40; i++)
		json_array_append_new(many, an_event((i * 7) % 40, "Deployment", "web"));
	evidence_add_events(doc, many, &web);
	assert_int_equal(json_array_size(json_object_get(doc, "events")), EVIDENCE_EVENTS);
	assert_string_equal(doc_get_str(json_array_get(json_object_get(doc, "events"), 0),
					"at", NULL), "2026-01-01T00:00:28Z");
}

/* Which warning a reason ends in; events in the order of their time. */
#define EVENT(object, reason, message) "{'object':'" object "','reason':'" reason \
	"','message':'" message "'}"
#define RUNS "{'pod':'shop/web-7d9f-abc','container':'main'}"
#define STARTS "{'pod':'shop/web-7d9f-abc','container':'main','why':'ContainerCreating'}"
#define PROBE EVENT("Pod/shop/web-7d9f-abc", "Unhealthy", "Readiness probe failed: 503")
#define KILLED EVENT("Pod/shop/web-7d9f-abc", "Unhealthy", "Liveness probe failed: 500")
#define ENDED(how) "{'pod':'shop/web-7d9f-abc','container':'main'," how "}"
#define OOM ENDED("'why':'CrashLoopBackOff','exit':137,'end':'OOMKilled'," \
	  "'ended':'2026-01-01T00:59:00Z'")
#define MEMORY "pod web-7d9f-abc: container \"main\": last exit code 137 (OOMKilled)"
#define UNREADY "pod web-7d9f-abc: Readiness probe failed: 503"
#define MOUNT EVENT("Pod/shop/web-7d9f-abc", "FailedMount", "configmap x not found")
static const struct {
	const char *kind, *pods, *events;
	bool spoken;
	const char *want;
} warnings[] = {
	{ "Deployment", RUNS, "", false, NULL },
	{ "Deployment", RUNS, PROBE, false,
	  "pod web-7d9f-abc: Readiness probe failed: 503" },
	{ "Deployment", RUNS, PROBE, true, NULL },	/* of a crash it says nothing */
	{ "Deployment", RUNS, KILLED "," PROBE, true,
	  "pod web-7d9f-abc: Liveness probe failed: 500" },
	{ "Deployment", RUNS, MOUNT, false, NULL },	/* that is over */
	{ "Deployment", STARTS, MOUNT, false, "pod web-7d9f-abc: configmap x not found" },
	{ "Deployment", STARTS, PROBE "," MOUNT, false,
	  "pod web-7d9f-abc: configmap x not found" },
	{ "Deployment", "", MOUNT, false, NULL },
	{ "Deployment", STARTS, EVENT("Pod/shop/web-7d9f-abc", "FailedAttachVolume",
	  "Multi-Attach error"), false, "pod web-7d9f-abc: Multi-Attach error" },
	{ "Deployment", RUNS, EVENT("Pod/shop/web-7d9f-abc", "BackOff", "x"), false,
	  NULL },
	{ "Deployment", RUNS, EVENT("Pod/shop/web-7d9f-abc", "Unhealthy", ""), false,
	  NULL },
	{ "Deployment", RUNS, EVENT("Pod/shop/web-admin-7d9f-abc", "Unhealthy", "x"),
	  false, NULL },
	{ "Deployment", RUNS, EVENT("Pod/shop/web-0", "Unhealthy", "x"), false, NULL },
	{ "Deployment", RUNS, EVENT("Pod/shop/webs-7d9f-abc", "Unhealthy", "x"), false,
	  NULL },
	{ "Deployment", RUNS, EVENT("Pod/other/web-7d9f-abc", "Unhealthy", "x"), false,
	  NULL },
	{ "StatefulSet", RUNS, EVENT("Pod/shop/web-0", "Unhealthy", "a\\nb"), false,
	  "pod web-0: a b" },
	{ "StatefulSet", "", EVENT("StatefulSet/shop/web", "FailedCreate",
	  "exceeded quota"), false, "exceeded quota" },
	{ "StatefulSet", "", EVENT("StatefulSet/shop/web", "FailedCreate",
	  "exceeded quota"), true, NULL },
	/* Its own condition says that. */
	{ "Deployment", "", EVENT("ReplicaSet/shop/web-7d9f", "FailedCreate",
	  "exceeded quota"), false, NULL },
	{ "Pod", RUNS, EVENT("Pod/shop/web", "Unhealthy", "x"), false, "pod web: x" },
	{ "Pod", RUNS, PROBE, false, NULL },
	/* What killed the container comes before the probe that fails since. */
	{ "Deployment", OOM, PROBE, false, MEMORY },
	{ "Deployment", OOM, PROBE "," KILLED, false, MEMORY },
	{ "Deployment", OOM, KILLED "," PROBE, false, MEMORY },
	{ "Deployment", OOM, KILLED "," PROBE, true,	/* it is said already */
	  "pod web-7d9f-abc: Liveness probe failed: 500" },
	{ "Deployment", OOM, PROBE, true, NULL },
	{ "Deployment", ENDED("'exit':1,'end':'Error'"), PROBE, false,
	  "pod web-7d9f-abc: container \"main\": last exit code 1 (Error)" },
	{ "Deployment", ENDED("'exit':1"), PROBE, false,
	  "pod web-7d9f-abc: container \"main\": last exit code 1" },
	{ "Deployment", ENDED("'exit':0,'end':'OOMKilled'"), PROBE, false,
	  "pod web-7d9f-abc: container \"main\": last exit code 0 (OOMKilled)" },
	{ "Deployment", ENDED("'exit':2") "," OOM, PROBE, false, MEMORY },
	/* ... but a probe may be what killed it, be it said before or after. */
	{ "Deployment", ENDED("'exit':137,'end':'Error'"), KILLED "," PROBE, false,
	  "pod web-7d9f-abc: Liveness probe failed: 500" },
	{ "Deployment", ENDED("'exit':137,'end':'Error'"), PROBE "," KILLED, false,
	  "pod web-7d9f-abc: Liveness probe failed: 500" },
	/* It ended well, was another's, or did so long ago. */
	{ "Deployment", ENDED("'exit':0,'end':'Completed'"), PROBE, false, UNREADY },
	{ "Deployment", "{'pod':'shop/web-7d9f-xyz','exit':1}", PROBE, false, UNREADY },
	{ "Deployment", "{'pod':'shop/web-7d9f','exit':1}", PROBE, false, UNREADY },
	{ "Deployment", ENDED("'exit':1,'ended':'2026-01-01T00:49:59Z'"), PROBE, false,
	  UNREADY },
	{ "Deployment", ENDED("'exit':1,'ended':'2026-01-01T00:50:00Z'"), PROBE, false,
	  "pod web-7d9f-abc: container \"main\": last exit code 1" },
	/* Other warnings stay what they are; without one nothing is said. */
	{ "Deployment", OOM, EVENT("Pod/shop/web-7d9f-abc", "FailedPostStartHook", "x"),
	  false, "pod web-7d9f-abc: x" },
	{ "StatefulSet", ENDED("'exit':1"), EVENT("StatefulSet/shop/web", "FailedCreate",
	  "exceeded quota"), false, "exceeded quota" },
	{ "Deployment", OOM, "", false, NULL },
};

static void words_for_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(warnings); i++) {
		const struct objkey k = { "", warnings[i].kind, "shop", "web" };
		_cleanup_free_ char *text = xasprintf("{'at':'2026-01-01T01:00:00Z','pods':[%s],"
			"'events':[%s]}", warnings[i].pods, warnings[i].events);
		_cleanup_json_ json_t *doc = parse(text);
		_cleanup_free_ char *got = evidence_words(doc, &k, warnings[i].spoken);

		if (!got != !warnings[i].want || (got && strcmp(got, warnings[i].want)))
			fail_msg("row %zu: %s", i, got ? got : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors),
		cmocka_unit_test(pods_that_are_not_well_are_asked),
		cmocka_unit_test(logs_that_there_are),
		cmocka_unit_test(how_a_container_ended_is_kept),
		cmocka_unit_test(no_more_than_three_containers),
		cmocka_unit_test(secrets_that_a_pod_reads),
		cmocka_unit_test(values_are_hidden),
		cmocka_unit_test(the_longest_goes_first),
		cmocka_unit_test(too_many_values_hide_everything),
		cmocka_unit_test(a_cut_line_is_left_out),
		cmocka_unit_test(the_newest_events_of_whom_it_is_about),
		cmocka_unit_test(words_for_a_reason),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
