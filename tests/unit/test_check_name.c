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
	{ "data.packaging.carvel.dev/v1alpha1", "Package", "a.example.com.1.1.0+vmware.1", NULL },
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
	{ "rbac.authorization.k8s.io/v1", "Role", "A_b", NULL },
	{ "coordination.k8s.io/v1", "Lease", "A", "it holds 'A'" },
	{ "k8s.io/v1", "Thing", "A", NULL }, { "notk8s.io/v1", "Thing", "A", "it holds 'A'" },
};

/* "FIELD: MESSAGE", each in a line. */
static void note(struct check *c, enum rule rule, const struct field *at,
		 const char *message)
{
	assert_int_equal(rule, RULE_NAME);
	field_text(at, c->arg);
	buf_addf(c->arg, ": %s\n", message);
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
		if (rows[i].words ? !strstr(buf_str(&got), rows[i].words) ||
				    strncmp(buf_str(&got), "metadata.name: ", 15) : got.len > 0)
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

/* Of what has none, the API server drops it. */
static void a_namespace_is_a_label(void **state)
{
	static const struct {
		const char *api, *kind, *ns, *words;
	} cases[] = {
		{ "v1", "ConfigMap", "shop-1", NULL }, { "v1", "ConfigMap", "1", NULL },
		{ "v1", "ConfigMap", "", NULL }, { "v1", "ConfigMap", L50 L10 "abc", NULL },
		{ "v1", "ConfigMap", "Shop", "metadata.namespace: there can be no namespace of "
		  "that name: it holds 'S', and only lower-case letters, digits and '-' are "
		  "taken\n" },
		{ "v1", "ConfigMap", "a.b", "it holds '.'" },
		{ "v1", "ConfigMap", "a-", "it must begin and end with a letter or digit\n" },
		{ "v1", "ConfigMap", L50 L10 "abcd", "it is 64 characters long" },
		{ "rbac.authorization.k8s.io/v1", "Role", "A_b", "it holds 'A'" },
		{ "policy/v1", "PodDisruptionBudget", "A_b", "it holds 'A'" },
		{ "argoproj.io/v1alpha1", "Application", "Argo", "it holds 'A'" },
		{ "rbac.authorization.k8s.io/v1", "ClusterRole", "A_b", NULL },
		{ "v1", "Namespace", "A_b", NULL },
		{ "storage.k8s.io/v1", "StorageClass", "A_b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *o = json_pack("{ssss s{ssss}}", "apiVersion", cases[i].api,
			"kind", cases[i].kind, "metadata", "name", "x", "namespace",
			cases[i].ns);
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct check c = { .object = o, .found = note, .arg = &got };

		check_name(&c);
		if (cases[i].words ? !strstr(buf_str(&got), cases[i].words) : got.len > 0)
			fail_msg("%s in %s: \"%s\"", cases[i].kind, cases[i].ns, buf_str(&got));
	}
}

/* CRDs by plural and group, APIServices by version and group; a part that lacks is the schema's. */
static void what_serves_is_called_so(void **state)
{
	static const struct {
		const char *object, *got;
	} cases[] = {
		{ "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
		  "\"metadata\":{\"name\":\"thing.example.com\"},\"spec\":{\"group\":\"example.com\","
		  "\"names\":{\"plural\":\"things\"}}}",
		  "metadata.name: the API server takes no CustomResourceDefinition of that name: it "
		  "must be things.example.com, of what its spec says\n" },
		{ "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
		  "\"metadata\":{\"name\":\"things.example.com\"},\"spec\":{\"group\":\"example.com\","
		  "\"names\":{\"plural\":\"things\"}}}", "" },
		{ "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
		  "\"metadata\":{\"name\":\"things.example.com\"},\"spec\":{\"names\":{}}}", "" },
		{ "{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":\"APIService\","
		  "\"metadata\":{\"name\":\"v1beta1.metrics.k8s.io\"},\"spec\":{\"version\":\"v1\","
		  "\"group\":\"metrics.k8s.io\"}}",
		  "metadata.name: the API server takes no APIService of that name: it must be "
		  "v1.metrics.k8s.io, of what its spec says\n" },
		{ "{\"apiVersion\":\"example.com/v1\",\"kind\":\"APIService\","
		  "\"metadata\":{\"name\":\"x\"},\"spec\":{\"version\":\"v1\",\"group\":\"a\"}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *o = doc_parse(cases[i].object, strlen(cases[i].object),
						     &err);
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct check c = { .object = o, .found = note, .arg = &got };

		assert_non_null(o);
		check_name(&c);
		assert_string_equal(buf_str(&got), cases[i].got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_server_takes_is_said),
		cmocka_unit_test(what_has_no_name_is_let_be),
		cmocka_unit_test(a_namespace_is_a_label),
		cmocka_unit_test(what_serves_is_called_so),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
