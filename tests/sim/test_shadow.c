/* Where auto-revert only reports: what it would have done, and where that is the default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

static void annotate(struct engsim *x, const char *value)
{
	_cleanup_free_ char *patch = xasprintf("{\"metadata\":{\"annotations\":{"
		"\"syncd.dev/auto-revert\":\"%s\"}}}", value);

	scene_edit_app(x, patch);
}

static const json_t *syncd_of(struct engsim *x)
{
	return doc_get(engsim_status(x, "shop"), "syncd", NULL);
}

static void assert_left(struct engsim *x, const char *words, int64_t would)
{
	engsim_until_phase(x, "shop", "Failed", LONG);
	sim_run_for(x->s, 30000);
	assert_true(engsim_in_phase(x, "shop", "Failed"));
	assert_string_equal(scene_tag(x), "crash2");
	scene_assert_condition(x, "shop", "SyncError", words);
	assert_int_equal(doc_get_int(syncd_of(x), 0, "rejected", "wouldRevertTo", NULL), would);
	assert_int_equal(scene_has_event(x, "WouldRevert", "would be reverted to #1"), !!would);
	assert_false(scene_has_event(x, "Reverted", ""));
}

static void the_annotation_decides(void **state)
{
	static const struct { const char *value, *words; int64_t would; } rows[] = {
		{ "report", "auto-revert would go back to release #1", 1 },
		{ "false", "it stays, auto-revert is off: the annotation", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;

		scene_good(&x, 2400 + i);
		annotate(&x, rows[i].value);
		scene_put(&x, "crash2");
		assert_left(&x, rows[i].words, rows[i].would);
		assert_string_equal(doc_get_str(syncd_of(&x), "autoRevert", "mode", NULL),
				    rows[i].value);
		/* Something new goes out as ever. */
		scene_put(&x, "v3");
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

static void the_project_decides_for_its_applications(void **state)
{
	static const char *const own[] = { NULL, "true" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct engsim x;

		scene_good(&x, 2410 + i);
		apisim_edit(x.api, "kubectl", "appprojects.argoproj.io", "argocd", "default",
			    "{\"metadata\":{\"annotations\":{\"syncd.dev/auto-revert\":"
			    "\"report\"}}}");
		if (own[i])
			annotate(&x, own[i]);
		sim_run_for(x.s, 5000);
		scene_put(&x, "crash2");
		if (own[i]) {
			engsim_until_phase(&x, "shop", "Pinned", LONG);
			assert_string_equal(scene_tag(&x), "v1");
		} else {
			assert_left(&x, "its project's annotation", 1);
		}
		scene_end(&x, true);
	}
}

/* Its Deployment runs before syncd comes: for a week nothing is put back by itself. */
static void the_first_week_of_what_was_taken_over(void **state)
{
	static const struct { int64_t days; bool own, back; } rows[] = {
		{ 0, false, false }, { 6, false, false }, { 8, false, true }, { 0, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;

		scene_init(&x, 2420 + i);
		apisim_apply(x.api, "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
			"\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{"
			"\"replicas\":3,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
			"\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{"
			"\"containers\":[{\"name\":\"main\",\"image\":\"registry.example/"
			"web:v0\"}]}}}}");
		if (rows[i].own)
			annotate(&x, "true");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		if (!rows[i].own && rows[i].days < 7)
			assert_string_equal(doc_get_str(syncd_of(&x), "autoRevert", "mode",
							NULL), "report");
		sim_host_wall_jump(x.s, NULL, rows[i].days * DAY_MS);
		scene_put(&x, "crash2");
		if (rows[i].back) {
			engsim_until_phase(&x, "shop", "Pinned", LONG);
			assert_string_equal(scene_tag(&x), "v1");
		} else {
			assert_left(&x, "less than a week ago", 1);
		}
		scene_end(&x, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_annotation_decides),
		cmocka_unit_test(the_project_decides_for_its_applications),
		cmocka_unit_test(the_first_week_of_what_was_taken_over),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
