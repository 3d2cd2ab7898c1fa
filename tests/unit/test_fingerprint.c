/*
 * What the fingerprint sees. tests/unit/data/fingerprint holds objects as a real
 * API server gave them after an apply by manager "syncd", and the same objects
 * after other people touched them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/fingerprint.h"

#define DATA SOURCE_DIR "/tests/unit/data/fingerprint/"

static json_t *load(const char *name)
{
	_cleanup_free_ char *path = xasprintf(DATA "%s.json", name);
	json_t *o = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

	if (!o)
		fail_msg("cannot read %s", path);
	return o;
}

static void print_of(const json_t *o, char out[65])
{
	struct err err = ERR_INIT;

	if (fingerprint_owned(o, "syncd", out, NULL, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(strlen(out), 64);
}

/* The value at a slash-separated path; numbers index lists. */
static json_t *at(json_t *o, const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	char *rest = copy, *step;

	while ((step = strsep(&rest, "/"))) {
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(step)) :
				       json_object_get(o, step);
		if (!o)
			fail_msg("%s: nothing at \"%s\"", path, step);
	}
	return o;
}

/* Sets parent/key to a JSON text, or removes it (NULL); says if it changed. */
static bool changes(const char *name, const char *parent, const char *key,
		    const char *value)
{
	_cleanup_json_ json_t *o = load(name);
	struct err err = ERR_INIT;
	char before[65], after[65];
	json_t *p;

	print_of(o, before);
	p = *parent ? at(o, parent) : o;
	if (value)
		assert_int_equal(0, json_object_set_new(p, key,
			doc_parse(value, strlen(value), &err)));
	else
		assert_int_equal(0, json_object_del(p, key));
	print_of(o, after);
	return strcmp(before, after) != 0;
}

#define POD "spec/template/spec/"
#define WEB POD "containers/0"

static void owned_changes_are_seen(void **state)
{
	static const char *const edits[][4] = {
		{ "deployment", "spec", "replicas", "5" },
		{ "deployment", "spec", "replicas", NULL },
		{ "deployment", "spec", "replicas", "\"2\"" },
		{ "deployment", "spec/selector/matchLabels", "more", "\"x\"" },
		{ "deployment", "metadata/labels", "app", "\"other\"" },
		{ "deployment", "metadata/labels", "syncd.dev/install", NULL },
		{ "deployment", "metadata", "labels", NULL },
		{ "deployment", "metadata/annotations",
		  "argocd.argoproj.io/tracking-id", "\"else\"" },
		{ "deployment", WEB, "image", "\"example.com/web:v2\"" },
		{ "deployment", WEB, "env", "[]" },
		{ "deployment", WEB "/env/0", "value", "\"2\"" },
		{ "deployment", WEB "/env/1/valueFrom/fieldRef", "fieldPath",
		  "\"metadata.uid\"" },
		{ "deployment", WEB "/ports/0", "name", "\"https\"" },
		{ "deployment", WEB "/ports/1", "containerPort", "9" },
		{ "deployment", WEB "/ports/1", "protocol", "\"TCP\"" },
		{ "deployment", WEB "/resources/requests", "cpu", "\"1\"" },
		{ "deployment", WEB, "resources", NULL },
		{ "deployment", POD "containers/1", "args", "[\"--b\",\"--a\"]" },
		{ "deployment", POD "containers/1", "name", "\"renamed\"" },
		{ "deployment", POD "nodeSelector", "zone", "\"a\"" },
		{ "deployment", POD "securityContext", "runAsNonRoot", "false" },
		{ "deployment", POD "volumes/0", "emptyDir", NULL },
		{ "deployment", "", "spec", NULL },
		{ "deployment", "", "spec", "7" },
		{ "configmap", "data", "one", "\"2\"" },
		{ "configmap", "data", "one", NULL },
		{ "configmap", "", "data", NULL },
		{ "configmap", "binaryData", "bin", "\"AAEB\"" },
		{ "configmap", "metadata/labels", "a.b/c", "\"e\"" },
		{ "service", "spec/ports/0", "targetPort", "9090" },
		{ "service", "spec/ports/1", "targetPort", "\"dns2\"" },
		{ "service", "spec/ports/0", "port", "81" },
		{ "service", "spec/ports/1", "protocol", "\"SCTP\"" },
		{ "service", "spec/selector", "app", "\"other\"" },
		{ "service", "metadata", "finalizers", "[\"example.com/hold\"]" },
		{ "service", "metadata", "finalizers", NULL },
		{ "crd", "spec/names", "shortNames", "[]" },
		{ "crd", "spec/versions/0", "served", "false" },
		{ "crd", "metadata/annotations", "helm.sh/resource-policy", NULL },
		{ "custom", "spec", "size", "4" },
		{ "custom", "spec", "tags", "[\"a\"]" },
		{ "custom", "spec/users/0", "quota", "6" },
		{ "custom", "spec/users/0", "role", "\"admin\"" },
		{ "custom", "spec/users/1", "name", "\"rob\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		if (!changes(edits[i][0], edits[i][1], edits[i][2], edits[i][3]))
			fail_msg("%s: %s/%s = %s was not seen", edits[i][0],
				 edits[i][1], edits[i][2],
				 edits[i][3] ? edits[i][3] : "(removed)");
	}
}

static void unowned_changes_are_not(void **state)
{
	static const char *const edits[][4] = {
		{ "deployment", "", "status", NULL },
		{ "deployment", "status", "replicas", "9" },
		{ "deployment", "metadata", "resourceVersion", "\"999999\"" },
		{ "deployment", "metadata", "generation", "77" },
		{ "deployment", "metadata/labels", "theirs", "\"x\"" },
		{ "deployment", "metadata/annotations", "note", "\"x\"" },
		{ "deployment", "metadata", "finalizers", "[\"a/b\"]" },
		{ "deployment", "spec", "paused", "true" },
		{ "deployment", "spec/strategy", "type", "\"Recreate\"" },
		{ "deployment", WEB, "imagePullPolicy", "\"Always\"" },
		{ "deployment", WEB, "lifecycle", "{}" },
		{ "deployment", WEB "/resources/requests", "more", "\"1\"" },
		{ "deployment", WEB "/resources", "limits", "{}" },
		{ "deployment", POD "securityContext", "fsGroup", "5" },
		{ "configmap", "data", "theirs", "\"x\"" },
		{ "configmap", "", "immutable", "true" },
		{ "service", "spec", "clusterIP", "\"10.0.0.9\"" },
		{ "service", "spec/ports/0", "nodePort", "30000" },
		{ "service", "", "status", "{}" },
		{ "crd", "", "status", NULL },
		{ "custom", "spec/users/0", "theirs", "1" },
		{ "custom", "", "status", "{\"phase\":\"x\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		if (changes(edits[i][0], edits[i][1], edits[i][2], edits[i][3]))
			fail_msg("%s: %s/%s is not ours", edits[i][0],
				 edits[i][1], edits[i][2]);
	}
}

/* What the server made of other people's commands. */
static void real_edits(void **state)
{
	static const struct {
		const char *before, *after;
		bool same;
	} cases[] = {
		{ "deployment", "deployment-unowned", true },
		{ "deployment", "deployment-scaled", false },
		{ "deployment", "deployment-healed", true },
		{ "deployment-healed", "deployment-removed", false },
		{ "service", "service-unfinalized", false },
		{ "custom", "custom-unowned", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *a = load(cases[i].before);
		_cleanup_json_ json_t *b = load(cases[i].after);
		char pa[65], pb[65];

		print_of(a, pa);
		print_of(b, pb);
		if (!strcmp(pa, pb) != cases[i].same)
			fail_msg("%s -> %s", cases[i].before, cases[i].after);
	}
}

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* A deep copy with every object's keys in another order. */
static json_t *shuffled(const json_t *j, unsigned *seed, bool lists)
{
	size_t n = json_is_array(j) ? json_array_size(j) : json_object_size(j);
	json_t *copy = json_is_array(j) ? json_array() : json_object();
	_cleanup_free_ size_t *order = xcalloc(n + 1, sizeof(*order));
	_cleanup_free_ const char **keys = xcalloc(n + 1, sizeof(*keys));
	size_t i = 0;
	const char *key;
	json_t *value;

	if (!json_is_array(j) && !json_is_object(j)) {
		json_decref(copy);
		return json_deep_copy(j);
	}
	json_object_foreach((json_t *)j, key, value)
		keys[i++] = key;
	for (i = 0; i < n; i++) {
		size_t k = next(seed) % (i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (i = 0; i < n; i++) {
		size_t k = json_is_array(j) && !lists ? i : order[i];

		if (json_is_array(j))
			json_array_append_new(copy,
				shuffled(json_array_get(j, k), seed, lists));
		else
			json_object_set_new(copy, keys[k], shuffled(
				json_object_get(j, keys[k]), seed, lists));
	}
	return copy;
}

static void key_order_does_not_count(void **state)
{
	static const char *const names[] = { "deployment", "configmap",
					     "service", "crd", "custom" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_json_ json_t *o = load(names[i]);
		char want[65], got[65];

		print_of(o, want);
		for (unsigned seed = 1; seed <= 40; seed++) {
			unsigned r = seed;
			_cleanup_json_ json_t *s = shuffled(o, &r, false);

			print_of(s, got);
			if (strcmp(want, got))
				fail_msg("%s, seed %u", names[i], seed);
		}
	}
}

/* Items named by keys or by value are found wherever they stand. */
static void order_of_keyed_lists_does_not_count(void **state)
{
	static const char *const names[] = { "service", "custom" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_json_ json_t *o = load(names[i]);
		char want[65], got[65];

		print_of(o, want);
		for (unsigned seed = 1; seed <= 40; seed++) {
			unsigned r = seed;
			_cleanup_json_ json_t *s = shuffled(o, &r, true);

			print_of(s, got);
			if (strcmp(want, got))
				fail_msg("%s, seed %u", names[i], seed);
		}
	}
}

/* A pod's variables, all of them ours, from the last to the first where `back`. */
static json_t *many_variables(size_t n, bool back)
{
	json_t *env = json_array(), *fields = json_object();

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = xasprintf("V%zu", back ? n - 1 - i : i);
		_cleanup_free_ char *key = xasprintf("k:{\"name\":\"%s\"}", name);

		json_array_append_new(env, json_pack("{ssss}", "name", name, "value", "x"));
		json_object_set_new(fields, key, json_pack("{s{}s{}}", "f:name", "f:value"));
	}
	return json_pack("{s{s[{ssssss s{so}}]}so}", "metadata", "managedFields",
			 "manager", "syncd", "operation", "Apply", "fieldsType", "FieldsV1",
			 "fieldsV1", "f:env", fields, "env", env);
}

static void lists_of_thousands_are_as_short_ones(void **state)
{
	static const size_t sizes[] = { 3, 16, 17, 20000 };
	static const char *const edits[] = { "", "y" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t n = sizes[i], last = n - 1;
		_cleanup_json_ json_t *o = many_variables(n, false);
		_cleanup_json_ json_t *back = many_variables(n, true);
		json_t *env = json_object_get(o, "env");
		char want[65], got[65];

		print_of(o, want);
		print_of(back, got);
		assert_string_equal(got, want);
		for (size_t k = 0; k < ARRAY_LEN(edits); k++) {
			json_object_set_new(json_array_get(env, last), "value",
					    json_string(edits[k]));
			print_of(o, got);
			assert_string_not_equal(got, want);
		}
		json_array_remove(env, last);
		print_of(o, got);
		assert_string_not_equal(got, want);
	}
}

/* Every leaf that our entry names: changing it changes the fingerprint. */
static size_t poke(json_t *whole, const json_t *node, json_t *value,
		   const char want[65], size_t *missed)
{
	const char *key;
	json_t *below;
	size_t n = 0;

	json_object_foreach((json_t *)node, key, below) {
		json_t *child = strncmp(key, "f:", 2) ? NULL :
				json_object_get(value, key + 2);
		char got[65];

		if (!child)
			continue;
		if (json_object_size(below)) {
			n += poke(whole, below, child, want, missed);
			continue;
		}
		json_incref(child);
		json_object_set_new(value, key + 2, json_string("poked"));
		print_of(whole, got);
		*missed += !strcmp(want, got);
		json_object_set_new(value, key + 2, child);
		n++;
	}
	return n;
}

static void every_owned_leaf_counts(void **state)
{
	static const struct { const char *name; size_t leaves; } cases[] = {
		{ "deployment", 8 }, { "configmap", 5 }, { "service", 1 },
		{ "crd", 7 }, { "custom", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *o = load(cases[i].name);
		const json_t *list = doc_get(o, "metadata", "managedFields",
					     NULL);
		_cleanup_json_ json_t *fields = json_deep_copy(doc_get(
			json_array_get(list, 0), "fieldsV1", NULL));
		size_t missed = 0, n;
		char want[65];

		print_of(o, want);
		n = poke(o, fields, o, want, &missed);
		assert_int_equal(missed, 0);
		if (n < cases[i].leaves)
			fail_msg("%s: only %zu leaves", cases[i].name, n);
	}
}

static int of_text(const char *fields, const char *rest, char out[65],
		   struct err *err)
{
	_cleanup_free_ char *text = xasprintf("{\"metadata\":{\"managedFields\":["
		"{\"manager\":\"other\",\"operation\":\"Apply\",\"fieldsType\":"
		"\"FieldsV1\",\"fieldsV1\":{\"f:x\":{}}},"
		"{\"manager\":\"syncd\",\"operation\":\"Update\"},"
		"{\"manager\":\"syncd\",\"operation\":\"Apply\","
		"\"subresource\":\"status\"},"
		"{\"manager\":\"syncd\",\"operation\":\"Apply\",\"apiVersion\":"
		"\"a/v2\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":%s}]}%s}",
		fields, rest);
	_cleanup_json_ json_t *o = doc_parse(text, strlen(text), err);

	if (!o)
		fail_msg("%s in %s", err->msg, text);
	return fingerprint_owned(o, "syncd", out, NULL, err);
}

static void nobody_owns_nothing(void **state)
{
	static const char *const objects[] = {
		"{}", "[]", "{\"metadata\":{\"managedFields\":[]}}",
		"{\"metadata\":{\"managedFields\":\"x\"}}",
		("{\"metadata\":{\"managedFields\":[1,null,[],"
		 "{\"manager\":\"syncd\",\"operation\":\"Update\"}]}}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		struct err err = ERR_INIT;
		const char *version = "x";
		char out[65] = "x";
		_cleanup_json_ json_t *o = doc_parse(objects[i],
						     strlen(objects[i]), &err);

		assert_int_equal(0, fingerprint_owned(o, "syncd", out, &version,
						      &err));
		assert_string_equal(out, "");
		assert_null(version);
	}
}

static void the_entry_names_its_version(void **state)
{
	_cleanup_json_ json_t *o = load("deployment");
	struct err err = ERR_INIT;
	const char *version;
	char out[65];

	(void)state;
	assert_int_equal(0, fingerprint_owned(o, "syncd", out, &version, &err));
	assert_string_equal(version, "apps/v1");
	assert_int_equal(0, fingerprint_owned(o, "kube-controller-manager", out,
					      &version, &err));
	assert_string_equal(out, "");	/* it updates, it does not apply */
}

static void missing_is_not_null_or_empty(void **state)
{
	static const char *const rests[] = { "", ",\"a\":null", ",\"a\":\"\"",
					     ",\"a\":{}", ",\"a\":[]",
					     ",\"a\":0", ",\"a\":false" };
	char prints[ARRAY_LEN(rests)][65];
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
		assert_int_equal(0, of_text("{\"f:a\":{}}", rests[i], prints[i],
					    &err));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(prints[i], prints[k]);
	}
}

/* Text that looks like structure must not be taken for it. */
static void names_cannot_forge_structure(void **state)
{
	struct err err = ERR_INIT;
	char a[65], b[65];

	(void)state;
	of_text("{\"f:a\":{},\"f:b\":{}}", ",\"a\":1,\"b\":2", a, &err);
	of_text("{\"f:a\\\"=1 f:\\\"b\":{}}", ",\"a\\\"=1 f:\\\"b\":2", b, &err);
	assert_string_not_equal(a, b);
	of_text("{\"f:a\":{\".\":{},\"f:b\":{}}}", ",\"a\":{}", a, &err);
	of_text("{\"f:a\":{\".\":{},\"f:b\":{}}}", "", b, &err);
	assert_string_not_equal(a, b);
	of_text("{\"f:a\":{\"f:b\":{}}}", ",\"a\":{\"b\":1}", a, &err);
	of_text("{\"f:a\":{\".\":{},\"f:b\":{}}}", ",\"a\":{\"b\":1}", b, &err);
	assert_string_not_equal(a, b);
}

static void indexes_and_numbers(void **state)
{
	struct err err = ERR_INIT;
	char a[65], b[65];

	(void)state;
	of_text("{\"f:l\":{\"i:1\":{}}}", ",\"l\":[1,2]", a, &err);
	of_text("{\"f:l\":{\"i:1\":{}}}", ",\"l\":[7,2.0]", b, &err);
	assert_string_equal(a, b);
	of_text("{\"f:l\":{\"i:1\":{}}}", ",\"l\":[1]", b, &err);
	assert_string_not_equal(a, b);
	of_text("{\"f:l\":{\"v:1\":{}}}", ",\"l\":[3,1]", a, &err);
	of_text("{\"f:l\":{\"v:1\":{}}}", ",\"l\":[1.0,4]", b, &err);
	assert_string_equal(a, b);
	assert_int_equal(0, of_text("{\"f:l\":{\"i:-1\":{}}}", "", b, &err));
}

static void what_we_do_not_know_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"x:a\":{}}", "{\"\":{}}", "{\"f\":{}}", "{\"k:[]\":{}}",
		"{\"k:{\":{}}", "{\"v:\":{}}", "{\"i:{}\":{}}", "{\"f:a\":1}", "{\"f:a\":[]}",
		"7", "[]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		char out[65] = "x";

		if (!of_text(bad[i], "", out, &err))
			fail_msg("%s was accepted", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(out, "");
	}
}

static void depth_is_capped(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	char out[65];

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_adds(&b, "{\"f:a\":");
	buf_adds(&b, "{}");
	for (int i = 0; i < 300; i++)
		buf_addc(&b, '}');
	assert_int_equal(-1, of_text(buf_str(&b), "", out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

static void the_time_of_our_last_change(void **state)
{
	static const struct { const char *fields; int64_t want; } rows[] = {
		{ "", -1 },
		{ "{\"manager\":\"other\",\"operation\":\"Apply\",\"time\":\"2026-01-01T00:00:00Z\"}", -1 },
		{ "{\"manager\":\"syncd\",\"operation\":\"Update\",\"time\":\"2026-01-01T00:00:00Z\"}", -1 },
		{ "{\"manager\":\"syncd\",\"operation\":\"Apply\",\"subresource\":\"scale\",\"time\":"
		  "\"2026-01-01T00:00:00Z\"}", -1 },
		{ "{\"manager\":\"syncd\",\"operation\":\"Apply\"}", -1 },
		{ "{\"manager\":\"syncd\",\"operation\":\"Apply\",\"time\":7}", -1 },
		{ "{\"manager\":\"syncd\",\"operation\":\"Apply\",\"time\":\"soon\"}", -1 },
		{ "{\"manager\":\"syncd\",\"operation\":\"Apply\",\"time\":\"1970-01-01T00:01:00Z\"}",
		  60000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("{\"metadata\":{\"managedFields\":[%s]}}",
						      rows[i].fields);
		_cleanup_json_ json_t *o = doc_parse(text, strlen(text), NULL);

		assert_int_equal(fingerprint_applied_ms(o, "syncd"), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owned_changes_are_seen),
		cmocka_unit_test(unowned_changes_are_not),
		cmocka_unit_test(real_edits),
		cmocka_unit_test(key_order_does_not_count),
		cmocka_unit_test(order_of_keyed_lists_does_not_count),
		cmocka_unit_test(lists_of_thousands_are_as_short_ones),
		cmocka_unit_test(every_owned_leaf_counts),
		cmocka_unit_test(nobody_owns_nothing),
		cmocka_unit_test(the_entry_names_its_version),
		cmocka_unit_test(missing_is_not_null_or_empty),
		cmocka_unit_test(names_cannot_forge_structure),
		cmocka_unit_test(indexes_and_numbers),
		cmocka_unit_test(what_we_do_not_know_is_refused),
		cmocka_unit_test(depth_is_capped),
		cmocka_unit_test(the_time_of_our_last_change),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
