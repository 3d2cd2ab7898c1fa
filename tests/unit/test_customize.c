/* Health scripts of argocd-cm: which kind has which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "health/script.h"
#include "sync/customize.h"

static json_t *data_of(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s in %s", err.msg, text);
	return j;
}

static void each_kind_finds_its_script(void **state)
{
	static const char text[] = "{"
		"\"resource.customizations.health.apps_Deployment\":\"own\","
		"\"resource.customizations.health.Pod\":\"pod\","
		"\"resource.customizations.health.batch_Job\":\"\","
		"\"resource.customizations.ignoreDifferences.all\":\"x\","
		"\"resource.customizations.actions.apps_Deployment\":\"x\","
		"\"url\":\"https://x\",\"resource.customizations\":"
		"\"apps/Deployment:\\n  health.lua: map\\n"
		"apps/StatefulSet:\\n  health.lua: |\\n    return {}\\n"
		"'*.example.com/*':\\n  health.lua: any\\n"
		"db.example.com/Database:\\n  health.lua: exact\\n"
		"batch/Job:\\n  health.lua: job\\n"
		"apps/DaemonSet:\\n  ignoreDifferences: x\\n\"}";
	static const struct {
		const char *group, *kind, *script;
	} cases[] = {
		{ "apps", "Deployment", "own" },	/* before the map */
		{ "apps", "StatefulSet", "return {}\n" },
		{ "apps", "DaemonSet", NULL },
		{ "apps", "ReplicaSet", NULL },
		{ "", "Pod", "pod" },
		{ "x", "Pod", NULL },
		{ "batch", "Job", "job" },		/* an empty one is none */
		{ "db.example.com", "Database", "exact" },	/* before a glob */
		{ "db.example.com", "User", "any" },
		{ "example.com", "User", NULL },
		{ "a.b.example.com", "User", "any" },
	};
	_cleanup_json_ json_t *data = data_of(text);
	struct customize c = { 0 };

	(void)state;
	customize_read(&c, data);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct custom *s = customize_find(&c, cases[i].group,
							cases[i].kind);

		if (!cases[i].script != !s ||
		    (s && strcmp(s->script, cases[i].script)))
			fail_msg("%s/%s: %s", cases[i].group, cases[i].kind,
				 s ? s->script : "none");
	}
	assert_int_equal(c.warnings.len, 0);
	customize_deinit(&c);
}

static void what_is_read_first_counts(void **state)
{
	_cleanup_json_ json_t *one = data_of(
		"{\"resource.customizations.health.apps_Deployment\":\"one\"}");
	_cleanup_json_ json_t *two = data_of(
		"{\"resource.customizations.health.apps_Deployment\":\"two\"}");
	struct customize c = { 0 };

	(void)state;
	customize_read(&c, NULL);
	assert_null(customize_find(&c, "apps", "Deployment"));
	customize_read(&c, one);
	customize_read(&c, two);
	assert_string_equal(customize_find(&c, "apps", "Deployment")->script, "one");
	customize_deinit(&c);
}

static void what_cannot_be_read_is_told(void **state)
{
	static const struct {
		const char *data, *warning;
	} cases[] = {
		{ "{\"resource.customizations.health.\":\"x\"}",
		  "resource.customizations.health.: not "
		  "resource.customizations.health.<group>_<kind> or "
		  "resource.customizations.health.<kind>" },
		{ "{\"resource.customizations.health.a_b_c\":\"x\"}",
		  "resource.customizations.health.a_b_c: not "
		  "resource.customizations.health.<group>_<kind> or "
		  "resource.customizations.health.<kind>" },
		{ "{\"resource.customizations\":\"a: [\"}", "resource.customizations: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *data = data_of(cases[i].data);
		struct customize c = { 0 };

		customize_read(&c, data);
		assert_int_equal(c.scripts.len, 0);
		assert_int_equal(c.warnings.len, 1);
		assert_memory_equal(c.warnings.data[0], cases[i].warning,
				    strlen(cases[i].warning));
		customize_deinit(&c);
	}
}

/* Values of other types are as if they were not there. */
static void odd_values_are_nothing(void **state)
{
	static const char *const odd[] = {
		"{\"resource.customizations.health.apps_Deployment\":7}",
		"{\"resource.customizations\":{}}",
		"{\"resource.customizations\":\"[]\"}",
		"{\"resource.customizations\":\"\"}",
		"{\"resource.customizations\":\"apps/Deployment: x\"}",
		"{\"resource.customizations\":\"apps/Deployment: {health.lua: 7}\"}",
		"[]", "7",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		_cleanup_json_ json_t *data = json_loads(odd[i], JSON_DECODE_ANY,
							 NULL);
		struct customize c = { 0 };

		customize_read(&c, data);
		assert_int_equal(c.scripts.len, 0);
		customize_deinit(&c);
	}
}

static void caps_hold(void **state)
{
	_cleanup_free_ char *large = xcalloc(1, SCRIPT_MAX + 2);
	_cleanup_json_ json_t *many = json_object();
	struct customize c = { 0 };

	(void)state;
	memset(large, 'x', SCRIPT_MAX + 1);
	json_object_set_new(many, "resource.customizations.health.apps_Deployment",
			    json_string(large));
	customize_read(&c, many);
	assert_int_equal(c.scripts.len, 0);
	assert_string_equal(c.warnings.data[0], "the health script of "
			    "apps/Deployment is larger than 256 KiB");
	for (int i = 0; i < CUSTOMIZE_MAX + 50; i++) {
		_cleanup_free_ char *key = xasprintf(
			"resource.customizations.health.apps_K%d", i);

		json_object_set_new(many, key, json_string("x"));
	}
	customize_read(&c, many);
	assert_int_equal(c.scripts.len, CUSTOMIZE_MAX);
	assert_int_equal(c.warnings.len, 20);
	customize_deinit(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_finds_its_script),
		cmocka_unit_test(what_is_read_first_counts),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(odd_values_are_nothing),
		cmocka_unit_test(caps_hold),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
