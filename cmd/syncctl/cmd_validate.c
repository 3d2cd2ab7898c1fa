/*
 * syncctl validate PATH: builds every kustomization at and below PATH, as the daemon
 * would, and says of each whether that works. Components are built by whoever
 * names them, and only named here.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "local.h"

#include <stdio.h>

#define DEPTH_MAX 64
#define FOLDERS_MAX 20000

struct validation {
	struct local tree;
	struct view_table table;
	json_t *list;		/* the same, as data */
	size_t n_folders, n_built;
	bool failed;
};

static void report(struct validation *v, const char *folder, const char *state,
		   const char *message)
{
	_cleanup_free_ char *shown = local_shown(&v->tree, folder);
	bool bad = strcmp(state, "failed") == 0;

	v->failed = v->failed || bad;
	view_table_add(&v->table, bad ? VIEW_RED : VIEW_PLAIN, state);
	view_table_add(&v->table, VIEW_PLAIN, shown);
	view_table_add(&v->table, VIEW_PLAIN, message);
	json_array_append_new(v->list, json_pack("{s:s, s:s, s:s}", "path", shown, "state",
						 state, "message", message));
}

/* Does its kustomization say `kind: Component`? */
static bool is_component(struct validation *v, const char *folder)
{
	static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
					     "Kustomization" };
	_cleanup_(arena_deinit) struct arena a = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s%s", folder, *folder ? "/" : "",
						      names[i]);
		_cleanup_free_ char *text = NULL;
		struct node_reader *r;
		struct node *n = NULL;
		const char *kind;
		size_t len;

		if (v->tree.files->ops->read(v->tree.files, path, (size_t)1 << 20, &text,
					     &len, NULL))
			continue;
		r = node_reader_new_lenient(text, len);
		kind = node_read(r, &a, &n, NULL) == 1 ? node_get_str(n, "kind") : NULL;
		node_reader_free(r);
		return kind && strcmp(kind, "Component") == 0;
	}
	return false;
}

static void build(struct validation *v, const char *folder)
{
	_cleanup_free_ char *count = NULL, *why = NULL;
	struct err err = ERR_INIT;
	struct kust_result r;

	if (is_component(v, folder)) {
		report(v, folder, "component", "");
		return;
	}
	v->n_built++;
	if (local_build(&v->tree, folder, &r, &err) < 0) {
		report(v, folder, "failed", err.msg);
		return;
	}
	count = xasprintf("%zu objects", r.n_objects);
	why = r.needs_exec ? local_words(&v->tree, r.why) : NULL;
	if (kust_result_each(&r, NULL, NULL, &err) < 0)
		report(v, folder, "failed", (local_fail(&v->tree, &err), err.msg));
	else if (r.needs_exec)
		report(v, folder, "program", why);
	else
		report(v, folder, "ok", count);
	kust_result_deinit(&r);
}

static int walk(struct validation *v, const char *folder, int depth, struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: folders nested deeper than %d", folder,
			       DEPTH_MAX);
	if (++v->n_folders > FOLDERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d folders", FOLDERS_MAX);
	if (local_is_kustomization(&v->tree, folder))
		build(v, folder);
	if (v->tree.files->ops->list(v->tree.files, folder, &list, err))
		return -1;
	for (size_t i = 0; i < list.len; i++) {
		_cleanup_free_ char *below = xasprintf("%s%s%s", folder, *folder ? "/" : "",
						       list.data[i].name);

		if (list.data[i].kind == FILE_FOLDER && walk(v, below, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static void show_failed(const struct validation *v, struct buf *out)
{
	const json_t *row;
	size_t i;

	json_array_foreach(v->list, i, row)
		if (!strcmp(doc_get_str(row, "state", NULL), "failed"))
			buf_addf(out, "%s\n", doc_get_str(row, "path", NULL));
}

static int show(struct validation *v, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	int rc;

	if (output_is_data(o)) {
		rc = output_value(json_incref(v->list), o->output);
	} else if (o->output == OUT_NAME) {
		show_failed(v, &out);
		rc = output_text(&out);
	} else {
		view_table_print(&v->table, &env, &out);
		rc = output_text(&out);
	}
	return rc ? rc : v->failed ? EXIT_DIFFERENCE : EXIT_DONE;
}

int cmd_validate(const struct options *o)
{
	struct validation v = { .list = json_array() };
	struct err err = ERR_INIT;
	int rc;

	if (o->everything)
		return json_decref(v.list), cmd_validate_all(o);
	if (o->strict || o->repo || o->schema || o->output == OUT_SARIF || o->output == OUT_GITHUB)
		return json_decref(v.list), output_usage("--strict, --repo, --schema, -o sarif and "
							 "-o github need --all");
	view_table_init(&v.table, "STATE", "FOLDER", "MESSAGE", NULL);
	if (local_open(&v.tree, o->args[0], &err) < 0)
		rc = output_error(&err);
	else if (walk(&v, v.tree.path, 0, &err) < 0)
		rc = output_error(&err);
	else if (!v.n_built)
		rc = output_error((err_set(&err, ERR_NOTFOUND, "%s: there is no kustomization "
					   "at or below it", o->args[0]), &err));
	else
		rc = show(&v, o);
	local_close(&v.tree);
	view_table_deinit(&v.table);
	json_decref(v.list);
	return rc;
}
