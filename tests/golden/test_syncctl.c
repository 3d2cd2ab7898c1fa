/*
 * What syncctl shows: tests/golden/syncctl/NAME.json in, NAME.txt out. A case:
 *   view        fleet, fleet-json, report, report-json, story, list, get, history, health, progress, yaml
 *   rows        as many of a terminal of that width (80) it may take
 *   now         RFC 3339; width, colour, wide, namespaces as in struct view_env
 *   items       Applications; "statusFile": "good" takes the status from
 *               tests/golden/statusdoc/good.json, so that what the daemon writes
 *               is what is shown; "mirrored": true drops status.syncd from it and
 *               writes the daemon's annotation, as where the CRD does not keep it.
 *               A story's "evidence" and "changes" are what struct view_kept has.
 *               Views of one application take the first; progress takes them as
 *               one application's successive states.
 * UPDATE_GOLDEN=1 writes what we answer now.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "core/mem.h"
#include "sync/statusdoc.h"
#include "views.h"

#define GOLDEN SOURCE_DIR "/tests/golden/"

static json_t *load(const char *path)
{
	json_error_t why;
	json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (!j)
		fail_msg("%s:%d: %s", path, why.line, why.text);
	return j;
}

static void mirror(json_t *app)
{
	json_t *status = doc_get(app, "status", NULL);
	_cleanup_free_ char *text = status_mirror(doc_get(status, "syncd", NULL));

	json_object_del(status, "syncd");
	json_object_set_new(doc_get(app, "metadata", NULL), "annotations",
			    json_pack("{ss}", STATUS_MIRROR, text));
}

static void fill_statuses(json_t *items)
{
	json_t *app;
	size_t i;

	json_array_foreach(items, i, app) {
		const char *name = doc_get_str(app, "statusFile", NULL);
		_cleanup_free_ char *path = NULL;

		if (!name)
			continue;
		path = xasprintf(GOLDEN "statusdoc/%s.json", name);
		json_object_set_new(app, "status", load(path));
		if (doc_get_bool(app, false, "mirrored", NULL))
			mirror(app);
	}
}

static void show_progress(const json_t *items, struct view_env *env, struct buf *out)
{
	struct view_progress p = { 0 };
	const json_t *app;
	size_t i;

	json_array_foreach((json_t *)items, i, app) {
		view_progress(&p, app, env, out);
		env->now_ms += 1000;
	}
	view_progress_deinit(&p);
}

static void show_json(json_t *j, struct buf *out)
{
	char *text = json_dumps(j, JSON_INDENT(1) | JSON_SORT_KEYS);

	buf_adds(out, text);
	buf_addc(out, '\n');
	free(text);
	json_decref(j);
}

static void show_yaml(const json_t *value, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	doc_write(value, &text);
	view_yaml(buf_str(&text), text.len, out);
}

static void show_health(const json_t *items, const struct view_env *env,
			struct buf *out)
{
	_cleanup_json_ json_t *judged = view_health_judge(items);

	view_health(judged, env, out);
}

static void show_story(const json_t *app, const struct view_env *env, struct buf *out)
{
	struct view_kept kept = { json_object_get(app, "evidence"),
				  json_object_get(app, "changes") };

	view_story(app, &kept, env, out);
}

static void show(const char *name, const json_t *c, struct buf *out)
{
	static const struct {
		const char *name;
		void (*fn)(const json_t *j, const struct view_env *env, struct buf *out);
		bool many;
	} views[] = {
		{ "fleet", view_fleet, true }, { "report", view_report, true }, { "list", view_list, true },
		{ "health", show_health, true }, { "story", show_story, false },
		{ "get", view_get, false }, { "history", view_history, false },
	};
	const json_t *items = doc_get(c, "items", NULL);
	const char *view = doc_get_str(c, "view", NULL);
	struct view_env env = {
		.now_ms = time_parse_rfc3339(doc_get_str(c, "now", NULL)),
		.width = (unsigned)doc_get_int(c, 0, "width", NULL),
		.colour = doc_get_bool(c, false, "colour", NULL),
		.wide = doc_get_bool(c, false, "wide", NULL),
		.namespaces = doc_get_bool(c, false, "namespaces", NULL),
	};

	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if (!strcmp(views[i].name, view)) {
			views[i].fn(views[i].many ? items : json_array_get(items, 0),
				    &env, out);
			return;
		}
	if (!strcmp(view, "leaves"))
		view_leaves(json_array_get(items, 0), doc_get(c, "children", NULL),
			    &env, out);
	else if (!strcmp(view, "fleet-json"))
		show_json(view_fleet_json(items, &env), out);
	else if (!strcmp(view, "report-json"))
		show_json(view_report_json(items), out);
	else if (!strcmp(view, "progress"))
		show_progress(items, &env, out);
	else if (!strcmp(view, "yaml"))
		show_yaml(doc_get(c, "value", NULL), out);
	else
		fail_msg("%s: no view %s", name, view);
}

static void compare(const char *path, const struct buf *got)
{
	_cleanup_buf_ struct buf want = BUF_INIT;
	FILE *f = fopen(path, getenv("UPDATE_GOLDEN") ? "w+" : "r");
	int c;

	if (!f)
		fail_msg("%s is not there: run with UPDATE_GOLDEN=1, read it", path);
	if (getenv("UPDATE_GOLDEN"))
		fwrite(buf_str(got), 1, got->len, f);
	rewind(f);
	while ((c = getc(f)) != EOF)
		buf_addc(&want, (char)c);
	fclose(f);
	if (strcmp(buf_str(&want), buf_str(got)))
		fail_msg("%s\nwant:\n%s\ngot:\n%s", path, buf_str(&want), buf_str(got));
}

/* Lines of a terminal, which wraps what is too wide. */
static size_t rows_of(const char *text, size_t width)
{
	size_t rows = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");
		_cleanup_free_ char *line = xstrndup(text, n);
		size_t columns = view_width(line);

		rows += columns ? (columns + width - 1) / width : 1;
		text += n + (text[n] == '\n');
	}
	return rows;
}

static void check_rows(const char *name, const json_t *c, const char *text)
{
	size_t most = (size_t)doc_get_int(c, 0, "rows", NULL);
	size_t rows = rows_of(text, (size_t)doc_get_int(c, 80, "width", NULL));

	if (most && rows > most)
		fail_msg("%s takes %zu rows, not %zu:\n%s", name, rows, most, text);
}

static void run_case(const char *name)
{
	_cleanup_free_ char *in = xasprintf(GOLDEN "syncctl/%s", name);
	_cleanup_free_ char *out = xasprintf(GOLDEN "syncctl/%.*s.txt",
					     (int)strlen(name) - 5, name);
	_cleanup_json_ json_t *c = load(in);
	_cleanup_buf_ struct buf got = BUF_INIT;

	fill_statuses(doc_get(c, "items", NULL));
	show(name, c, &got);
	check_rows(name, c, buf_str(&got));
	compare(out, &got);
}

static void cases_hold(void **state)
{
	DIR *d = opendir(GOLDEN "syncctl");
	struct dirent *e;
	int n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len > 5 && !strcmp(e->d_name + len - 5, ".json")) {
			run_case(e->d_name);
			n++;
		}
	}
	closedir(d);
	assert_true(n >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cases_hold) };

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
