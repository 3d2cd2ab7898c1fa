/*
 * syncctl validate --all ROOT: what a pull request is checked by. Every kustomization
 * and every Application below ROOT is built as the daemon would, and what they give is
 * looked at. Errors end in exit status 1; so do warnings with --strict.
 */
#include "syncctl.h"

#include "checks.h"
#include "core/mem.h"
#include "files.h"
#include "schema.h"
#include "worktree.h"

#include <sys/stat.h>

static int show(const struct options *o, const struct findings *f, const struct survey *s)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct report_counts n;

	report_count(s, &n);
	if (o->output == OUT_SARIF)
		return output_value(findings_sarif(f, SYNCD_VERSION), OUT_JSON);
	if (output_is_data(o))
		return output_value(json_pack("{so so sI sI sI sI}", "units", units_json(s),
			"findings", findings_json(f), "errors",
			(json_int_t)findings_count(f, LEVEL_ERROR), "warnings",
			(json_int_t)findings_count(f, LEVEL_WARNING), "silenced",
			(json_int_t)f->silenced, "leftOut", (json_int_t)f->left_out),
			o->output);
	if (o->output == OUT_GITHUB)
		findings_github(f, &out);
	else if (o->output == OUT_NAME)
		findings_names(f, s, &out);
	else
		findings_text(f, &n, &env, &out);
	return output_text(&out);
}

/* ---- the schema ---- */

static int add_schema(struct schema *s, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ json_t *doc = NULL;

	if (file_read(path, &text, err))
		return -1;
	doc = doc_parse(buf_str(&text), text.len, err);
	return doc && !schema_add(s, doc, err) ? 0 : err_wrap(err, "%s", path);
}

/* A folder of documents of OpenAPI v3, one for each group version. */
static int add_schemas(struct schema *s, const char *folder, struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };
	struct files *files = files_dir_open(folder, err);
	int rc = !files || files->ops->list(files, "", &list, err) ? -1 : 0;
	size_t n = 0;

	files_close(files);
	for (size_t i = 0; i < list.len && !rc; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", folder, list.data[i].name);
		const char *dot = strrchr(list.data[i].name, '.');

		if (!dot || strcmp(dot, ".json"))
			continue;
		rc = add_schema(s, path, err);
		n++;
	}
	if (!rc && !n)
		return err_set(err, ERR_NOTFOUND, "%s: there is no *.json in it", folder);
	return rc;
}

static int read_schema(struct schema *s, const char *path, struct err *err)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode) ? add_schemas(s, path, err) :
							 add_schema(s, path, err);
}

static int ask_schema(struct schema *s, struct cluster *c, struct err *err)
{
	struct kube_request k = { .verb = "get", .method = "GET" };
	_cleanup_json_ json_t *doc = NULL;

	buf_adds(&k.path, "/openapi/v2");
	doc = cluster_ask(c, &k, err);
	return doc && !schema_add(s, doc, err) ? 0 : err_wrap(err, "/openapi/v2");
}

/* ---- the whole ---- */

static int look(struct findings *f, struct survey *s, struct schema *schema, struct err *err)
{
	if (schema && schema_of_units(schema, s, err))
		return -1;
	if (schema)
		schema_close(schema);
	if (findings_of_objects(f, s, schema, err))
		return -1;
	findings_of_units(f, s);
	findings_of_apps(f, s);
	findings_close(f);
	return 0;
}

static int check(const struct options *o, struct worktree *w, struct schema *schema)
{
	struct findings f = { .strict = o->strict };
	struct survey_options what = worktree_survey(w);
	struct err err = ERR_INIT;
	struct survey s;
	int rc;

	if (survey_run(&s, &what, &err) || worktree_trouble(w, &err) ||
	    survey_any(&s, NULL, o->args[0], &err)) {
		rc = output_error(&err);
	} else if (look(&f, &s, schema, &err)) {
		rc = output_error(&err);
	} else {
		rc = show(o, &f, &s);
		if (!rc && findings_count(&f, LEVEL_ERROR))
			rc = EXIT_DIFFERENCE;
	}
	findings_deinit(&f);
	survey_deinit(&s);
	return rc;
}

/* c: NULL, or where the schema is asked for. */
static int validate(struct cluster *c, const struct options *o)
{
	struct err err = ERR_INIT;
	struct schema schema = { 0 };
	struct worktree w;
	int rc;

	if (o->schema && (c ? ask_schema(&schema, c, &err) :
			      read_schema(&schema, o->schema, &err))) {
		rc = output_error(&err);
	} else if (worktree_open(&w, o->args[0], o->repo, &err)) {
		rc = output_error(&err);
	} else {
		rc = check(o, &w, o->schema ? &schema : NULL);
		worktree_close(&w);
	}
	schema_deinit(&schema);
	return rc;
}

int cmd_validate_all(const struct options *o)
{
	if (o->schema && !strcmp(o->schema, "cluster"))
		return cluster_run(o, validate);
	return validate(NULL, o);
}
