/*
 * What the validating webhook answers. The numbered cases say which words each review
 * gets; the rest is about answers as the API server wants them, and hostile reviews.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "admission_cases.h"
#include "core/doc.h"
#include "core/mem.h"
#include "sync/admission.h"

static const struct app_defaults defaults = { .wave_deadline_ms = 1000 };
static char *const namespaces[] = { (char *)"syncd-system", (char *)"listed", NULL };

static void quotes(char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			*text = '"';
}

/* {"apiVersion", "kind", "metadata", ...}: metadata only where there is none. */
static char *object_of(const struct admission_case *c, const char *inside)
{
	return !inside ? xstrdup("null") :
	       xasprintf("{'apiVersion':'argoproj.io/v1alpha1','kind':'%s',%s%s}", c->kind,
			 strstr(inside, "'metadata'") ? "" : "'metadata':{'name':'x'},", inside);
}

static char *review_of(const struct admission_case *c)
{
	bool dry = !strcmp(c->operation, "DRYRUN");
	_cleanup_free_ char *object = object_of(c, c->object);
	_cleanup_free_ char *old = object_of(c, c->old);
	char *text = xasprintf("{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview',"
		"'request':{'uid':'u-%d','kind':{'group':'argoproj.io','version':'v1alpha1',"
		"'kind':'%s'},'operation':'%s','dryRun':%s,'namespace':'%s','name':'x',"
		"'object':%s,'oldObject':%s}}", c->n, c->kind, dry ? "CREATE" : c->operation,
		dry ? "true" : "false", c->ns ? c->ns : "syncd-system", object, old);

	quotes(text);
	return text;
}

static json_t *project_of(const struct admission_case *c, const char *name)
{
	_cleanup_free_ char *text = xasprintf("{'metadata':{'name':'%s'},%s}", name, c->project);
	struct err err = ERR_INIT;
	json_t *o;

	quotes(text);
	o = doc_parse(text, strlen(text), &err);
	if (!o)
		fail_msg("case %d: %s: %s", c->n, err.msg, text);
	return o;
}

/* The answer, parsed. */
static json_t *ask(const struct admission_case *c)
{
	struct admission_context context = {
		.defaults = &defaults, .own_ns = "syncd-system",
		.app_namespaces = namespaces, .lookup = ADMISSION_ABSENT,
	};
	_cleanup_free_ char *text = review_of(c), *wants = NULL;
	_cleanup_json_ json_t *project = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct admission a;
	json_t *answer;

	if (admission_read(&a, text, strlen(text), &err))
		fail_msg("case %d: %s: %s", c->n, err.msg, text);
	wants = admission_wants(&a);
	if (c->project && !strcmp(c->project, "?"))
		context.lookup = ADMISSION_UNREAD;
	else if (c->project && wants) {
		project = project_of(c, wants);
		context.project = project;
		context.lookup = ADMISSION_FOUND;
	}
	admission_answer(&a, &context, &out);
	admission_deinit(&a);
	answer = doc_parse(buf_str(&out), out.len, &err);
	if (!answer)
		fail_msg("case %d: %s: %s", c->n, err.msg, buf_str(&out));
	return answer;
}

/* "E field message" and "W message", each on a line. */
static void tell(const json_t *answer, struct buf *out)
{
	const json_t *response = json_object_get(answer, "response"), *item;
	_cleanup_free_ char *all = NULL;
	size_t i;

	json_array_foreach(doc_get(response, "status", "details", "causes", NULL), i, item) {
		const char *field = doc_get_str(item, "field", NULL);

		assert_non_null(field);
		assert_true(*field);
		assert_true(*doc_get_str(item, "message", NULL));
	}
	if (doc_get_str(response, "status", "message", NULL)) {
		char *rest, *s;

		all = xstrdup(doc_get_str(response, "status", "message", NULL));
		for (s = all; s; s = rest) {
			rest = strstr(s, "; ");
			/* "; " may be inside of a message: each begins with a path */
			while (rest && strncmp(rest + 2, "spec", 4) &&
			       strncmp(rest + 2, "annotation", 10) &&
			       strncmp(rest + 2, "metadata", 8))
				rest = strstr(rest + 2, "; ");
			if (rest) {
				*rest = '\0';
				rest += 2;
			}
			buf_addf(out, "E %s\n", s);
		}
	}
	json_array_foreach(json_object_get(response, "warnings"), i, item)
		buf_addf(out, "W %s\n", json_string_value(item));
}

/* Line by line, each of want's the beginning of said's. */
static bool fits(const char *said, const char *want)
{
	while (*want) {
		size_t n = strcspn(want, "\n");

		if (strncmp(said, want, n))
			return false;
		said += strcspn(said, "\n");
		said += *said == '\n';
		want += n + (want[n] == '\n');
	}
	return !*said;
}

static void numbered_cases(void **state)
{
	int last = 0, wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct admission_case *c = &cases[i];
		_cleanup_buf_ struct buf said = BUF_INIT;
		_cleanup_json_ json_t *answer = NULL;
		_cleanup_free_ char *uid = xasprintf("u-%d", c->n);
		bool allowed;

		if (c->n <= last)
			fail_msg("the number %d comes after %d", c->n, last);
		last = c->n;
		answer = ask(c);
		tell(answer, &said);
		allowed = doc_get_bool(answer, false, "response", "allowed", NULL);
		if (!fits(buf_str(&said), c->want) || allowed != (*c->want != 'E')) {
			print_error("case %d: want\n%s\ngot\n%s", c->n, c->want, buf_str(&said));
			wrong++;
		}
		assert_string_equal(doc_get_str(answer, "response", "uid", NULL), uid);
	}
	assert_int_equal(wrong, 0);
}

static void a_refusal_is_a_status(void **state)
{
	static const struct admission_case c = {
		1, "CREATE", APP, "'spec':{'project':'default'," SRC ",'destination':{}},"
		NOTED("syncd.dev/soak", "x"), NULL, NULL, NULL, "" };
	_cleanup_json_ json_t *answer = ask(&c);
	const json_t *status = doc_get(answer, "response", "status", NULL);
	const json_t *causes = doc_get(status, "details", "causes", NULL);

	(void)state;
	assert_string_equal(doc_get_str(answer, "apiVersion", NULL), "admission.k8s.io/v1");
	assert_string_equal(doc_get_str(answer, "kind", NULL), "AdmissionReview");
	assert_int_equal(doc_get_int(status, 0, "code", NULL), 422);
	assert_string_equal(doc_get_str(status, "reason", NULL), "Invalid");
	assert_string_equal(doc_get_str(status, "details", "name", NULL), "x");
	assert_int_equal(json_array_size(causes), 2);
	assert_string_equal(doc_get_str(json_array_get(causes, 0), "field", NULL),
			    "spec.destination.server");
	assert_string_equal(doc_get_str(json_array_get(causes, 1), "field", NULL),
			    "metadata.annotations[syncd.dev/soak]");
}

static void which_project_is_asked(void **state)
{
	static const struct {
		struct admission_case c;
		const char *want;
	} asks[] = {
		{ { 1, "CREATE", APP, TEAM_OK, NULL, NULL, NULL, "" }, "team" },
		{ { 2, "CREATE", APP, GOOD, NULL, NULL, NULL, "" }, "default" },
		{ { 3, "CREATE", APP, "'spec':{'project':7}", NULL, NULL, NULL, "" }, "default" },
		{ { 4, "UPDATE", APP, TEAM_OK, TEAM_OK, NULL, NULL, "" }, NULL },
		{ { 5, "UPDATE", APP, TEAM_OK, GOOD, NULL, NULL, "" }, "team" },
		{ { 6, "DELETE", APP, NULL, TEAM_OK, NULL, NULL, "" }, NULL },
		{ { 7, "CREATE", APP, TEAM_OK "," DELETING, NULL, NULL, NULL, "" }, NULL },
		{ { 8, "CREATE", PRJ, PROJ(""), NULL, NULL, NULL, "" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		_cleanup_free_ char *text = review_of(&asks[i].c), *got = NULL;
		struct err err = ERR_INIT;
		struct admission a;

		assert_int_equal(0, admission_read(&a, text, strlen(text), &err));
		got = admission_wants(&a);
		if (!asks[i].want != !got || (got && strcmp(got, asks[i].want)))
			fail_msg("%zu: %s, not %s", i, got, asks[i].want);
		admission_deinit(&a);
	}
}

static void hostile_reviews(void **state)
{
	static const char *const reviews[] = {
		"", "{", "[]", "null", "7", "{}",
		"{\"apiVersion\":\"admission.k8s.io/v1\"}",
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{}}",
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":7}}",
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"\"}}",
		"{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"request\":{\"uid\":\"u\"}}",
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"request\":[\"uid\"]}",
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u\",\"uid\":\"v\"}}",
	};
	_cleanup_free_ char *large = xcalloc(1, ADMISSION_BODY_MAX + 2);
	struct admission a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reviews); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(-1, admission_read(&a, reviews[i], strlen(reviews[i]), &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(a.review);
	}
	memset(large, ' ', ADMISSION_BODY_MAX + 1);
	{
		struct err err = ERR_INIT;

		assert_int_equal(-1, admission_read(&a, large, ADMISSION_BODY_MAX + 1, &err));
		assert_int_equal(err.code, ERR_LIMIT);
	}
}

/* Ten thousand mistakes make an answer of some kilobytes, and the rest is counted. */
static void many_mistakes(void **state)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;
	struct admission_case c = { 1, "CREATE", APP, NULL, NULL, NULL, NULL, "" };
	_cleanup_json_ json_t *answer = NULL;
	const char *message;

	(void)state;
	buf_adds(&spec, "'spec':{'project':'default'," SRC "," DST);
	for (int i = 0; i < 10000; i++)
		buf_addf(&spec, ",'wrong%d':'\xc3\xa4'", i);
	buf_adds(&spec, "}");
	c.object = buf_str(&spec);
	answer = ask(&c);
	message = doc_get_str(answer, "response", "status", "message", NULL);
	assert_non_null(message);
	assert_true(strlen(message) < 70000);
	assert_non_null(strstr(message, "; and 1 more"));
	assert_int_equal(json_array_size(doc_get(answer, "response", "status", "details",
						 "causes", NULL)), 64);
}

/* A warning is cut between characters. */
static void a_long_warning_is_cut(void **state)
{
	_cleanup_buf_ struct buf object = BUF_INIT;
	struct admission_case c = { 1, "CREATE", APP, NULL, NULL, NULL, NULL, "" };
	_cleanup_json_ json_t *answer = NULL;
	const json_t *warnings;

	(void)state;
	buf_adds(&object, "'spec':{'project':'default'," SRC "," DST ",'syncPolicy':{"
		 "'syncOptions':['");
	for (int i = 0; i < 300; i++)
		buf_adds(&object, "\xc3\xa4");
	buf_adds(&object, "']}}");
	c.object = buf_str(&object);
	answer = ask(&c);
	warnings = doc_get(answer, "response", "warnings", NULL);
	assert_int_equal(json_array_size(warnings), 1);
	assert_true(json_string_length(json_array_get(warnings, 0)) <= 250);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbered_cases),
		cmocka_unit_test(a_refusal_is_a_status),
		cmocka_unit_test(which_project_is_asked),
		cmocka_unit_test(hostile_reviews),
		cmocka_unit_test(many_mistakes),
		cmocka_unit_test(a_long_warning_is_cut),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
