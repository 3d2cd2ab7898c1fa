/*
 * schema.h: objects against a schema that has every construct that Kubernetes' OpenAPI
 * documents and CRDs use. A finding is written "rule field".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "schema.h"

/* Single quotes stand for double ones. */
static const char v2[] = "{'definitions': {"
"'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': {'type': 'object', 'properties': {"
	"'name': {'type': 'string'}, 'labels': {'type': 'object', 'additionalProperties': "
	"{'type': 'string'}}, 'creationTimestamp': {'type': 'string'}}},"
"'io.k8s.apimachinery.pkg.api.resource.Quantity': {'type': 'string'},"
"'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {'type': 'string', 'format': 'int-or-string'},"
"'io.k8s.apimachinery.pkg.runtime.RawExtension': {'type': 'object'},"
"'any': {'description': 'of no type'},"
"'tree': {'type': 'object', 'properties': {'kids': {'type': 'array', 'items': "
	"{'$ref': '#/definitions/tree'}}, 'v': {'type': 'integer'}}},"
"'loop': {'$ref': '#/definitions/loop'},"
"'spec': {'type': 'object', 'required': ['must'], 'properties': {"
	"'must': {'type': 'boolean'}, 'text': {'type': 'string'}, 'n': {'type': 'integer', "
	"'format': 'int32'}, 'x': {'type': 'number'},"
	"'size': {'$ref': '#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity'},"
	"'port': {'$ref': '#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString'},"
	"'raw': {'$ref': '#/definitions/io.k8s.apimachinery.pkg.runtime.RawExtension'},"
	"'any': {'$ref': '#/definitions/any'}, 'tree': {'$ref': '#/definitions/tree'},"
	"'loop': {'$ref': '#/definitions/loop'}, 'nowhere': {'$ref': '#/definitions/none'},"
	"'policy': {'type': 'string', 'enum': ['Always', 'Never']},"
	"'list': {'type': 'array', 'items': {'$ref': '#/definitions/item'}},"
	"'sizes': {'type': 'object', 'additionalProperties': {'$ref': "
	"'#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity'}}}},"
"'item': {'type': 'object', 'required': ['name'], 'properties': {'name': {'type': 'string'}, "
	"'portName': {'type': 'string'}}},"
"'thing': {'type': 'object', 'x-kubernetes-group-version-kind': [{'group': 'g', 'version': 'v1', "
	"'kind': 'Thing'}, {'group': '', 'version': 'v1', 'kind': 'Thing'}], 'properties': {"
	"'apiVersion': {'type': 'string'}, 'kind': {'type': 'string'}, 'metadata': {'$ref': "
	"'#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'}, 'spec': "
	"{'$ref': '#/definitions/spec'}}}}}";

static const char crd[] = "{'spec': {'group': 'c', 'names': {'kind': 'Custom'}, 'versions': ["
"{'name': 'v1', 'schema': {'openAPIV3Schema': {'type': 'object', 'required': ['spec'], "
	"'properties': {'spec': {'type': 'object', 'required': ['a', 'b'], 'properties': {"
	"'a': {'type': 'string'}, 'b': {'type': 'integer', 'default': 3}, 'empty': {'type': 'object'}, "
	"'open': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': true}, "
	"'ios': {'x-kubernetes-int-or-string': true}, 'embedded': {'type': 'object', "
	"'x-kubernetes-embedded-resource': true, 'properties': {'spec': {'type': 'string'}}}, "
	"'mode': {'type': 'integer', 'enum': [1, 2]}}}}}}},"
"{'name': 'v0', 'schema': {'openAPIV3Schema': {'type': 'object', "
	"'x-kubernetes-preserve-unknown-fields': true}}}, {'name': 'v9'}, 5]}}";

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	struct err err = ERR_INIT;
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = doc_parse(copy, strlen(copy), &err);
	if (!j)
		fail_msg("%s in %s", err.msg, copy);
	return j;
}

static void fill(struct schema *s)
{
	_cleanup_json_ json_t *one = parse(v2), *two = parse(crd);
	struct err err = ERR_INIT;

	*s = (struct schema){ 0 };
	if (schema_add(s, one, &err) || schema_add_crd(s, two, &err))
		fail_msg("%s", err.msg);
	schema_close(s);
}

static void note(struct check *c, enum rule rule, const struct field *at,
		 const char *message)
{
	struct buf *out = c->arg;
	_cleanup_buf_ struct buf field = BUF_INIT;

	field_text(at, &field);
	assert_true(strlen(message) > 0);
	buf_addf(out, "%s%s %s", out->len ? ", " : "", rules[rule].id + strlen("schema-"),
		 buf_str(&field));
}

#define THING "'apiVersion': 'g/v1', 'kind': 'Thing'"
#define SPEC(s) "{" THING ", 'spec': {'must': true, " s "}}"
#define CUSTOM(s) "{'apiVersion': 'c/v1', 'kind': 'Custom', 'spec': {'a': '', " s "}}"

static const struct { const char *object, *want; } objects[] = {
	{ SPEC("'text': 'x', 'n': 3, 'x': 1.5"), "" },
	{ "{" THING "}", "" },
	{ "{'apiVersion': 'v1', 'kind': 'Thing', 'spec': {}}", "required spec.must" },
	{ "{" THING ", 'spec': {'must': null}}", "required spec.must" },
	{ "{" THING ", 'spec': []}", "type spec" },
	{ "{" THING ", 'spec': null, 'status': {}}", "unknown-field status" },
	{ "{" THING ", 'metadata': {'name': 'x', 'labels': {'a': '1', 'b': 2}, "
	  "'creationTimestamp': null, 'odd': 1}}",
	  "type metadata.labels.b, unknown-field metadata.odd" },
	{ "{'apiVersion': 'g/v2', 'kind': 'Thing'}", "kind " },
	{ "{'apiVersion': 'g/v1', 'kind': 'Thin'}", "kind " },
	{ "{'kind': 5}", "kind " },
	{ SPEC("'text': 5"), "type spec.text" },
	{ SPEC("'text': true"), "type spec.text" },
	{ SPEC("'n': '3'"), "type spec.n" },
	{ SPEC("'n': 3.5"), "type spec.n" },
	{ SPEC("'n': 99999999999999999999"), "" },
	{ SPEC("'x': 3"), "" }, { SPEC("'x': '3'"), "type spec.x" },
	{ SPEC("'size': 3"), "" }, { SPEC("'size': '3Gi'"), "" },
	{ SPEC("'size': 0.5"), "" }, { SPEC("'size': {}"), "type spec.size" },
	{ SPEC("'sizes': {'cpu': 1, 'memory': true}"), "type spec.sizes.memory" },
	{ SPEC("'port': 80"), "" }, { SPEC("'port': 'http'"), "" },
	{ SPEC("'port': 1.5"), "type spec.port" },
	{ SPEC("'raw': {'a': [1]}"), "" }, { SPEC("'raw': 1"), "type spec.raw" },
	{ SPEC("'any': [1, {}]"), "" }, { SPEC("'nowhere': 1, 'loop': 2"), "" },
	{ SPEC("'policy': 'Never'"), "" }, { SPEC("'policy': 'never'"), "enum spec.policy" },
	{ SPEC("'list': [{'name': 'w', 'portname': 'x'}, {}, 7, null]"),
	  "unknown-field spec.list[w].portname, required spec.list[1].name, "
	  "type spec.list[2]" },
	{ SPEC("'list': {}"), "type spec.list" },
	{ SPEC("'tree': {'v': 1, 'kids': [{'kids': [{'v': 'x'}]}]}"),
	  "type spec.tree.kids[0].kids[0].v" },
	{ SPEC("'a.b': 1"), "unknown-field spec[a.b]" },
	{ CUSTOM("'b': 1"), "" }, { CUSTOM("'z': 1"), "unknown-field spec.z" },
	{ "{'apiVersion': 'c/v1', 'kind': 'Custom', 'metadata': {'odd': 1}}",
	  "unknown-field metadata.odd, required spec" },
	{ "{'apiVersion': 'c/v1', 'kind': 'Custom', 'spec': {}}", "required spec.a" },
	{ CUSTOM("'empty': {'a': 1}"), "unknown-field spec.empty.a" },
	{ CUSTOM("'open': {'a': 1}"), "" },
	{ CUSTOM("'ios': 1"), "" }, { CUSTOM("'ios': []"), "type spec.ios" },
	{ CUSTOM("'embedded': {'kind': 'X', 'apiVersion': 'v1', 'metadata': {}, 'spec': 'x', "
		 "'more': 1}"), "unknown-field spec.embedded.more" },
	{ CUSTOM("'mode': 2"), "" }, { CUSTOM("'mode': 3"), "enum spec.mode" },
	{ "{'apiVersion': 'c/v0', 'kind': 'Custom', 'anything': 1}", "" },
	{ "{'apiVersion': 'c/v9', 'kind': 'Custom'}", "kind " },
};

static void objects_are_checked(void **state)
{
	struct schema s;

	(void)state;
	fill(&s);
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		_cleanup_json_ json_t *o = parse(objects[i].object);
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct check c = { .object = o, .found = note, .arg = &out };

		schema_check(&s, &c);
		if (strcmp(buf_str(&out), objects[i].want))
			fail_msg("%s: \"%s\", not \"%s\"", objects[i].object, buf_str(&out),
				 objects[i].want);
	}
	schema_deinit(&s);
}

static void v3_is_read_too(void **state)
{
	_cleanup_json_ json_t *doc = parse("{'components': {'schemas': {'k': {'type': 'object', "
		"'x-kubernetes-group-version-kind': [{'group': 'g', 'version': 'v1', 'kind': 'K'}], "
		"'properties': {'apiVersion': {}, 'kind': {}, 'spec': {'allOf': [{'$ref': "
		"'#/components/schemas/s'}], 'default': {}}}}, 's': {'type': 'object', "
		"'properties': {'a': {'type': 'string'}}}}}}");
	_cleanup_json_ json_t *o = parse("{'apiVersion': 'g/v1', 'kind': 'K', 'spec': {'a': 1, "
					 "'b': 2}}");
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct check c = { .object = o, .found = note, .arg = &out };
	struct err err = ERR_INIT;
	struct schema s = { 0 };

	(void)state;
	assert_int_equal(schema_add(&s, doc, &err), 0);
	schema_close(&s);
	schema_check(&s, &c);
	assert_string_equal(buf_str(&out), "type spec.a, unknown-field spec.b");
	schema_deinit(&s);
}

static void a_crd_of_the_tree_is_newer(void **state)
{
	_cleanup_json_ json_t *old = parse("{'definitions': {'c': {'type': 'object', "
		"'x-kubernetes-group-version-kind': [{'group': 'c', 'version': 'v1', 'kind': "
		"'Custom'}], 'properties': {'old': {'type': 'string'}}}}}");
	_cleanup_json_ json_t *new = parse(crd), *o = parse(CUSTOM("'mode': 1"));
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct check c = { .object = o, .found = note, .arg = &out };
	struct err err = ERR_INIT;
	struct schema s = { 0 };

	(void)state;
	assert_int_equal(schema_add_crd(&s, new, &err), 0);
	assert_int_equal(schema_add(&s, old, &err), 0);
	schema_close(&s);
	schema_check(&s, &c);
	assert_string_equal(buf_str(&out), "");
	schema_deinit(&s);
}

static void odd_documents_are_refused(void **state)
{
	static const char *const cases[] = { "{}", "[]", "{'definitions': []}",
					     "{'components': {}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *doc = parse(cases[i]);
		struct err err = ERR_INIT;
		struct schema s = { 0 };

		assert_int_equal(schema_add(&s, doc, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, "kubectl get --raw /openapi/v2"));
		schema_deinit(&s);
	}
}

/* Deeper than any schema is, and than any object may be. */
static void depth_is_bounded(void **state)
{
	_cleanup_buf_ struct buf deep = BUF_INIT, object = BUF_INIT;
	_cleanup_json_ json_t *doc = NULL, *o = NULL;
	struct err err = ERR_INIT;
	struct schema s = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct check c = { .found = note, .arg = &out };

	(void)state;
	buf_adds(&deep, "{'definitions': {'a': ");
	for (int i = 0; i < 300; i++)
		buf_adds(&deep, "{'type': 'array', 'items': ");
	buf_adds(&deep, "{}");
	for (int i = 0; i < 300; i++)
		buf_addc(&deep, '}');
	buf_adds(&deep, "}}");
	doc = parse(buf_str(&deep));
	assert_int_equal(schema_add(&s, doc, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	schema_deinit(&s);
	fill(&s);
	buf_adds(&object, "{" THING ", 'spec': {'must': true, 'tree': ");
	for (int i = 0; i < 900; i++)
		buf_adds(&object, "{'kids': [");
	buf_adds(&object, "{'odd': 1}");
	for (int i = 0; i < 900; i++)
		buf_adds(&object, "]}");
	buf_adds(&object, "}}");
	c.object = o = parse(buf_str(&object));
	schema_check(&s, &c);
	assert_string_equal(buf_str(&out), "");	/* it is not looked at that far down */
	schema_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_checked),
		cmocka_unit_test(v3_is_read_too),
		cmocka_unit_test(a_crd_of_the_tree_is_newer),
		cmocka_unit_test(odd_documents_are_refused),
		cmocka_unit_test(depth_is_bounded),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
