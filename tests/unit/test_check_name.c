/* check_name.c: names that no API server takes, and only those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checks.h"

#define L10 "abcdefghij"
#define L50 L10 L10 L10 L10 L10
#define L250 L50 L50 L50 L50 L50

static const struct {
	const char *api, *kind, *name, *words;	/* NULL: it is taken */
} rows[] = {
	{ "v1", "ConfigMap", "my-app.example.com", NULL },
	{ "v1", "ConfigMap", "1", NULL }, { "v1", "ConfigMap", L250 "abc", NULL },
	{ "v1", "ConfigMap", L250 "abcd", "it is 254 characters long, and at most 253 are taken" },
	{ "v1", "ConfigMap", "My-app", "it holds 'M', and only lower-case letters, digits, '-' and "
	  "'.' are taken" },
	{ "v1", "ConfigMap", "my_app", "it holds '_'" },
	{ "v1", "ConfigMap", "my app", "only lower-case letters" },
	{ "v1", "ConfigMap", "m\xc3\xbcller", "only lower-case letters" },
	{ "v1", "ConfigMap", "-a", "it must begin and end with a letter or digit, and so must its "
	  "parts between dots" },
	{ "v1", "ConfigMap", "a-", "must begin and end" },
	{ "v1", "ConfigMap", ".a", "parts" }, { "v1", "ConfigMap", "a.", "parts" },
	{ "v1", "ConfigMap", "a..b", "parts" }, { "v1", "ConfigMap", "a-.b", "parts" },
	{ "v1", "Service", "a.b", "it holds '.', and only lower-case letters, digits and '-'" },
	{ "v1", "Service", "1a", NULL },	/* taken since 1.36 */
	{ "v1", "Service", L50 L10 "abc", NULL },
	{ "v1", "Service", L50 L10 "abcd", "it is 64 characters long, and at most 63 are taken" },
	{ "v1", "Namespace", "a.b", "it holds '.'" },
	{ "batch/v1", "CronJob", L50 "ab", NULL },
	{ "batch/v1", "CronJob", L50 "abc", "at most 52 are taken" },
	{ "apps/v1", "Deployment", "Web", "it holds 'W'" },
	{ "apps/v1", "StatefulSet", "a.b", NULL },
	{ "argoproj.io/v1alpha1", "Application", "Shop", "the API server takes no Application of "
	  "that name: it holds 'S'" },
	{ "example.com/v1", "Thing", "a_b", "it holds '_'" },
	/* Any segment of a path, or by rules of their own. */
	{ "rbac.authorization.k8s.io/v1", "ClusterRole", "system:My_Role", NULL },
	{ "policy/v1", "PodDisruptionBudget", "My_Budget", NULL },
	{ "certificates.k8s.io/v1", "CertificateSigningRequest", "A:b", NULL },
	{ "user.openshift.io/v1", "Identity", "ldap:Ada", NULL },
	{ "k8s.io/v1", "Thing", "A", NULL }, { "notk8s.io/v1", "Thing", "A", "it holds 'A'" },
};

static void note(struct check *c, enum rule rule, const struct field *at,
		 const char *message)
{
	_cleanup_buf_ struct buf field = BUF_INIT;

	assert_int_equal(rule, RULE_NAME);
	field_text(at, &field);
	assert_string_equal(buf_str(&field), "metadata.name");
	buf_adds(c->arg, message);
}

static void what_no_server_takes_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *o = json_pack("{ssss s{ss}}", "apiVersion", rows[i].api,
			"kind", rows[i].kind, "metadata", "name", rows[i].name);
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct check c = { .object = o, .found = note, .arg = &got };

		assert_non_null(o);
		check_name(&c);
		if (rows[i].words ? !strstr(buf_str(&got), rows[i].words) : got.len > 0)
			fail_msg("%s %s: \"%s\", not \"%s\"", rows[i].kind, rows[i].name,
				 buf_str(&got), rows[i].words ? rows[i].words : "");
	}
}

/* A hook's generateName is a beginning. */
static void what_has_no_name_is_let_be(void **state)
{
	_cleanup_json_ json_t *o = json_pack("{ssss s{ss}}", "apiVersion", "batch/v1", "kind",
					     "Job", "metadata", "generateName", "Gen-");
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct check c = { .object = o, .found = note, .arg = &got };

	(void)state;
	check_name(&c);
	assert_int_equal(got.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_server_takes_is_said),
		cmocka_unit_test(what_has_no_name_is_let_be),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
