/*
 * render.c - which kind of source it is, and the render as a whole.
 *
 * What spec.source names wins; else the folder's files tell: Chart.yaml, then a
 * kustomization file, else plain manifests. What is not supported is refused by
 * name, before anything is rendered.
 */
#include <assert.h>

#include "core/doc.h"
#include "render/control.h"
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

static void add_type(struct collect *c, const char *type)
{
	char *before = c->a->source_type;

	c->a->source_type = before ? xasprintf("%s,%s", before, type) : xstrdup(type);
	free(before);
}

static int render_files(struct collect *c, struct files *files, const char *path,
			struct err *err)
{
	enum source_type type;

	if (check_supported(c->r->source, err) < 0 ||
	    check_folder(files, path, err) < 0 ||
	    detect(files, c->r->source, path, &type, err) < 0)
		return -1;
	add_type(c, type == SOURCE_KUSTOMIZE ? "Kustomize" : "Directory");
	return type == SOURCE_KUSTOMIZE ? kustomize_run(c, files, path, err) :
					  directory_run(c, files, path, err);
}

static int run_files(struct collect *c, struct files *files, char key[65],
		     struct err *err)
{
	_cleanup_(trace_deinit) struct trace trace;
	_cleanup_free_ char *path = NULL;

	trace_init(&trace, files);
	if (files_join("", c->r->path ? c->r->path : "", &path, err) < 0)
		return err_wrap(err, "source.path");
	if (render_files(c, &trace.files, path, err) < 0)
		return -1;
	input_key(c->r, buf_str(&trace.seen), trace.seen.len, key);
	return 0;
}

static int run_text(struct collect *c, const char *name, const char *text, size_t len,
		    char key[65], struct err *err)
{
	char digest[65];

	add_type(c, "Kustomize");
	if (collect_text(c, name, text, len, false, err) < 0)
		return -1;
	sha256_hex(text, len, digest);
	input_key(c->r, digest, strlen(digest), key);
	return 0;
}

/* The next source into what was collected of those before it. */
static int run_part(struct collect *c, const struct render_part *p, char key[65],
		    struct err *err)
{
	int rc;

	c->r = p->request;
	rc = p->text ? run_text(c, p->name, p->text, p->len, key, err) :
		       run_files(c, p->files, key, err);
	return rc && *c->from && !c->a->want_url ?
	       err_wrap(err, "spec.%s", c->from) : rc;
}

/* One source's key is its own, so that a second one is all that changes it. */
static void join_keys(const struct buf *keys, size_t n, char out[65])
{
	if (n == 1)
		memcpy(out, buf_str(keys), 65);
	else
		sha256_hex(buf_str(keys), keys->len, out);
}

static int run_all(struct collect *c, const struct render_part *parts, size_t n,
		   struct err *err)
{
	_cleanup_buf_ struct buf keys = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		char key[65];

		c->part = i;
		c->from = parts[i].request->where ? parts[i].request->where : "";
		if (run_part(c, &parts[i], key, err))
			return -1;
		if (c->a->exec_why)
			return 0;
		buf_adds(&keys, key);
	}
	join_keys(&keys, n, c->a->input_key);
	pack(c);
	return 0;
}

/*
 * The deploy-control file, beside the sources: that it cannot be read is no failure of
 * the render, and what it says changes no release's input key. -1: the tree is damaged.
 */
static int read_control(const struct render_part *parts, size_t n,
			struct render_answer *a, struct err *err)
{
	_cleanup_free_ struct control *c = xcalloc(1, sizeof(*c));
	_cleanup_buf_ struct buf frame = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct render_request *r = parts[i].request;
		struct err bad = ERR_INIT;

		if (!r->control || !r->environment || !parts[i].files)
			continue;
		if (!control_open(c, parts[i].files, r->control, r->environment, &bad)) {
			control_format(c, &frame);
			a->control = buf_steal(&frame, NULL);
		} else if (bad.retry) {
			*err = bad;
			return -1;
		} else {
			a->control_why = xstrdup(bad.msg);
		}
		return 0;
	}
	return 0;
}

int render_all(const struct render_part *parts, size_t n, struct render_answer *a,
	       struct err *err)
{
	_cleanup_(collect_deinit) struct collect c;
	struct err bad = ERR_INIT;

	assert(n);
	collect_init(&c, parts[0].request, a);
	if (!run_all(&c, parts, n, &bad) || a->want_url) {
		if (a->want_url || a->exec_why ||
		    !read_control(parts, n, a, &bad))
			return 0;	/* a repository that lacks is no failure */
	}
	render_answer_deinit(a);
	if (err)
		*err = bad;
	return -1;
}

int render_run(struct files *files, const struct render_request *r,
	       struct render_answer *a, struct err *err)
{
	const struct render_part part = { .request = r, .files = files };

	return render_all(&part, 1, a, err);
}

int render_text(const char *name, const char *text, size_t len,
		const struct render_request *r, struct render_answer *a,
		struct err *err)
{
	const struct render_part part = { .request = r, .text = text, .len = len,
					  .name = name };

	return render_all(&part, 1, a, err);
}
