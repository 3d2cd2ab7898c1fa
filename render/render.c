/*
 * render.c - which kind of source it is, and the render as a whole.
 *
 * What spec.source names wins; else the folder's files tell: Chart.yaml, then a
 * kustomization file, else plain manifests. What is not supported is refused by
 * name, before anything is rendered.
 */
#include "core/doc.h"
#include "render_priv.h"

enum source_type { SOURCE_DIRECTORY, SOURCE_KUSTOMIZE };

static bool is_set(const json_t *source, const char *field)
{
	const json_t *v = doc_get(source, field, NULL);

	return v && !json_is_null(v);
}

static bool has_items(const json_t *v)
{
	return json_array_size(v) > 0 || json_object_size(v) > 0;
}

static int check_supported(const json_t *source, struct err *err)
{
	const json_t *jsonnet = doc_get(source, "directory", "jsonnet", NULL);

	if (is_set(source, "helm") || is_set(source, "chart"))
		return err_set(err, ERR_INVALID, "source.%s: Helm is not supported; commit the "
			       "output of `helm template` and point source.path to it",
			       is_set(source, "helm") ? "helm" : "chart");
	if (is_set(source, "plugin"))
		return err_set(err, ERR_INVALID, "source.plugin: config management plugins are "
			       "not supported; commit what the plugin prints");
	if (has_items(doc_get(jsonnet, "tlas", NULL)) ||
	    has_items(doc_get(jsonnet, "extVars", NULL)) ||
	    has_items(doc_get(jsonnet, "libs", NULL)))
		return err_set(err, ERR_INVALID, "source.directory.jsonnet: Jsonnet is not "
			       "supported; commit the JSON it gives");
	if (is_set(source, "directory") && is_set(source, "kustomize"))
		return err_set(err, ERR_INVALID, "source.directory and source.kustomize exclude "
			       "each other; remove one");
	return 0;
}

static const struct file_entry *entry(const struct file_list *l, const char *name)
{
	for (size_t i = 0; i < l->len; i++) {
		if (strcmp(l->data[i].name, name) == 0)
			return &l->data[i];
	}
	return NULL;
}

static int check_folder(struct files *files, const char *path, struct err *err)
{
	struct file_entry e = { 0 };
	enum file_kind kind;

	if (!*path)
		return 0;
	if (files->ops->stat(files, path, &e, err)) {
		if (err && err->code == ERR_NOTFOUND)
			return err_set(err, ERR_NOTFOUND, "source.path '%s' does not exist in "
				       "this revision", path);
		return -1;
	}
	kind = e.kind;
	free(e.name);
	if (kind == FILE_REGULAR)
		return err_set(err, ERR_INVALID, "source.path '%s' is a file; give its folder, "
			       "and the file's name as source.directory.include", path);
	if (kind != FILE_FOLDER)
		return err_set(err, ERR_INVALID, "source.path '%s' is a %s, which is not "
			       "followed", path,
			       kind == FILE_SYMLINK ? "symbolic link" : "submodule");
	return 0;
}

static int detect(struct files *files, const json_t *source, const char *path,
		  enum source_type *ret, struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };
	static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
					     "Kustomization" };

	*ret = is_set(source, "kustomize") ? SOURCE_KUSTOMIZE : SOURCE_DIRECTORY;
	if (is_set(source, "kustomize") || is_set(source, "directory"))
		return 0;
	if (files->ops->list(files, path, &list, err))
		return -1;
	if (entry(&list, "Chart.yaml"))
		return err_set(err, ERR_INVALID, "%s%sChart.yaml: Helm charts are not supported; "
			       "commit the output of `helm template`, or set source.directory "
			       "to read the folder's plain manifests", path,
			       *path ? "/" : "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (entry(&list, names[i]))
			*ret = SOURCE_KUSTOMIZE;
	}
	return 0;
}

static int run(struct collect *c, struct files *files, const char *path,
	       struct err *err)
{
	enum source_type type;

	if (check_supported(c->r->source, err) < 0 ||
	    check_folder(files, path, err) < 0 ||
	    detect(files, c->r->source, path, &type, err) < 0)
		return -1;
	c->a->source_type = xstrdup(type == SOURCE_KUSTOMIZE ? "Kustomize" : "Directory");
	if (type == SOURCE_KUSTOMIZE)
		return kustomize_run(c, files, path, err);
	if (directory_run(c, files, path, err) < 0)
		return -1;
	return pack(c, err);
}

int render_run(struct files *files, const struct render_request *r,
	       struct render_answer *a, struct err *err)
{
	_cleanup_(trace_deinit) struct trace trace;
	_cleanup_(collect_deinit) struct collect c;
	_cleanup_free_ char *path = NULL;
	struct err bad = ERR_INIT;

	trace_init(&trace, files);
	collect_init(&c, r, a);
	if (files_join("", r->path ? r->path : "", &path, err) < 0) {
		err_wrap(err, "source.path");
		return -1;
	}
	if (run(&c, &trace.files, path, &bad) < 0) {
		if (a->want_url)	/* not a failure: to be asked again with it */
			return 0;
		render_answer_deinit(a);
		if (err)
			*err = bad;
		return -1;
	}
	input_key(r, buf_str(&trace.seen), trace.seen.len, a->input_key);
	return 0;
}

int render_text(const char *name, const char *text, size_t len,
		const struct render_request *r, struct render_answer *a,
		struct err *err)
{
	_cleanup_(collect_deinit) struct collect c;
	char digest[65];

	collect_init(&c, r, a);
	a->source_type = xstrdup("Kustomize");
	if (collect_text(&c, name, text, len, false, err) < 0 || pack(&c, err) < 0) {
		render_answer_deinit(a);
		return -1;
	}
	sha256_hex(text, len, digest);
	input_key(r, digest, strlen(digest), a->input_key);
	return 0;
}
