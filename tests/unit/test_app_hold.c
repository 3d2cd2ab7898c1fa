/*
 * The operation field and the annotations that hold an application back. Single
 * quotes stand for double ones in the JSON below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/app_spec.h"
#include "app_specs.h"

static const struct app_defaults defaults = {
	.soak_ms = 120000, .wave_deadline_ms = 300000, .hook_deadline_ms = 3600000,
	.degraded_grace_ms = 10000, .pull_grace_ms = 120000,
	.crash_grace_ms = 60000, .auto_revert = true,
};

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

static void decode_text(struct app_spec *s, const char *fields)
{
	_cleanup_free_ char *text = xasprintf("{'apiVersion':"
		"'argoproj.io/v1alpha1','kind':'Application',%s}", fields);
	_cleanup_json_ json_t *app = parse(text);

	app_spec_decode(s, app, &defaults);
}

/* What an operation asks for, and what of it is refused. */
static void wishes_of_operations(void **state)
{
	static const struct {
		const char *sync;
		bool own, no_hooks, chosen;
		uint32_t options;
		const char *propagation, *bad;
	} rows[] = {
		{ "", false, false, false, 0, NULL, NULL },
		{ "'syncOptions':['Prune=false','Validate=false']", true, false, false,
		  OPT_PRUNE_FALSE | OPT_VALIDATE_FALSE, NULL, NULL },
		{ "'syncOptions':['PrunePropagationPolicy=orphan']", true, false, false, 0,
		  "Orphan", NULL },
		{ "'syncOptions':['Nonsense=1']", true, false, false, 0, NULL, NULL },
		{ "'syncOptions':['syncd.dev/ttl=2h']", false, false, false, 0, NULL, NULL },
		{ "'syncOptions':['syncd.dev/ttl=2x']", false, false, false, 0, NULL, "ttl=2x" },
		{ "'syncOptions':['syncd.dev/release=-1']", false, false, false, 0, NULL,
		  "release=-1" },
		{ "'syncOptions':['syncd.dev/what=1']", false, false, false, 0, NULL,
		  "syncd.dev/what=1" },
		{ "'syncStrategy':{'apply':{}}", false, true, false, 0, NULL, NULL },
		{ "'syncStrategy':{'apply':{'force':true}}", true, true, false,
		  OPT_CREATE_NAMESPACE | OPT_RECREATE, NULL, NULL },
		{ "'syncStrategy':{'hook':{'force':true}}", true, false, false,
		  OPT_CREATE_NAMESPACE | OPT_RECREATE, NULL, NULL },
		{ "'resources':[]", false, false, false, 0, NULL, NULL },
		{ "'resources':[{'group':'apps','kind':'Deployment','name':'web'}]", false,
		  true, true, 0, NULL, NULL },
		{ "'resources':[{'kind':'Deployment'}]", false, true, true, 0, NULL,
		  "resources[0]: kind and name" },
		{ "'resources':{'kind':'Deployment'}", false, true, true, 0, NULL,
		  "must be a list" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf("'operation':{'sync':{%s}},'spec':{"
			SRC "," DST ",'syncPolicy':{'syncOptions':['CreateNamespace="
			"true']}}", rows[i].sync);
		struct app_spec s;
		const struct app_operation *op = &s.operation;

		decode_text(&s, text);
		if (op->own_options != rows[i].own || op->no_hooks != rows[i].no_hooks ||
		    !!op->resources != rows[i].chosen || op->options != rows[i].options ||
		    !op->bad != !rows[i].bad || !op->propagation != !rows[i].propagation)
			fail_msg("%s: options %u, %s", rows[i].sync, op->options, op->bad ?
				 op->bad : "not refused");
		if (rows[i].bad)
			assert_non_null(strstr(op->bad, rows[i].bad));
		if (rows[i].propagation)
			assert_string_equal(op->propagation, rows[i].propagation);
		assert_int_equal(s.n_errors, 0);
		app_spec_deinit(&s);
	}
}

#define NOW_MS 1700000000000
#define ANN(x) "'metadata':{'name':'shop','namespace':'argocd','annotations':{" x "}}," \
	"'spec':{" SRC "," DST "}"

static void holds(void **state)
{
	static const struct {
		const char *value, *by, *why;
		bool active;
		size_t warnings;
	} rows[] = {
		{ "until Monday", "", "until Monday", true, 0 },
		{ "{\\\"by\\\":\\\"ada\\\",\\\"reason\\\":\\\"fire\\\"}", "ada", "fire", true,
		  0 },
		{ "{\\\"until\\\":\\\"2023-11-14T22:13:21Z\\\"}", "", "", true, 0 },
		{ "{\\\"until\\\":\\\"2023-11-14T22:13:20Z\\\"}", "", "", false, 0 },
		{ "{\\\"until\\\":\\\"soon\\\"}", "", "", true, 1 },
		{ "{not json", "", "{not json", true, 0 },
		{ "", "", "", true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf(ANN("'syncd.dev/pin':'%s',"
			"'syncd.dev/suspend':'%s'"), rows[i].value, rows[i].value);
		struct app_spec s;

		decode_text(&s, text);
		assert_int_equal(s.n_errors, 0);
		assert_int_equal(s.n_warnings, 2 * rows[i].warnings);
		assert_string_equal(s.pin.by, rows[i].by);
		assert_string_equal(s.suspend.why, rows[i].why);
		assert_int_equal(app_hold_active(&s.pin, NOW_MS), rows[i].active);
		assert_int_equal(app_hold_active(&s.suspend, NOW_MS), rows[i].active);
		app_spec_deinit(&s);
	}
}

static void dependencies(void **state)
{
	struct app_spec s;
	_cleanup_buf_ struct buf many = BUF_INIT;

	(void)state;
	decode_text(&s, ANN("'syncd.dev/depends-on':' db, team/cache ,,web'"));
	assert_int_equal(s.n_depends, 3);
	assert_string_equal(s.depends[0], "argocd/db");
	assert_string_equal(s.depends[1], "team/cache");
	assert_string_equal(s.depends[2], "argocd/web");
	app_spec_deinit(&s);
	buf_adds(&many, "'metadata':{'annotations':{'syncd.dev/depends-on':'");
	for (int i = 0; i < 40; i++)
		buf_addf(&many, "a%d,", i);
	buf_adds(&many, "'}},'spec':{" SRC "," DST "}");
	decode_text(&s, buf_str(&many));
	assert_int_equal(s.n_depends, 32);
	assert_int_equal(s.n_errors, 1);
	app_spec_deinit(&s);
}

/* Not the words of others, nor what an Application bears as somebody's object. */
static void misspelt_ones_are_named(void **state)
{
	struct app_spec s;

	(void)state;
	decode_text(&s, ANN("'syncd.dev/autorevert':'false','syncd.dev/soak':'1m',"
			    "'syncd.dev/health-after':'1m','example.com/autorevert':'x'"));
	assert_int_equal(s.n_errors, 0);
	assert_int_equal(s.n_warnings, 1);
	assert_string_equal(s.warnings[0], "annotation syncd.dev/autorevert is not known and "
			    "has no effect");
	app_spec_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_of_operations),
		cmocka_unit_test(holds),
		cmocka_unit_test(dependencies),
		cmocka_unit_test(misspelt_ones_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
