/*
 * syncctl render PATH: what the daemon would render from a working copy, with the
 * same code, without cluster, network or Git. A folder with a kustomization is
 * built by the kustomize program, if one is on the PATH.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "files.h"
#include "render/render.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KUSTOMIZE_DEADLINE_MS 120000

static void answer_deinit(struct render_answer *a)
{
	render_answer_deinit(a);
}

/* The nearest folder above that is a Git work tree: bases may lie beside PATH. */
static char *find_root(const char *path)
{
	char *root = xstrdup(path);

	for (char *slash; (slash = strrchr(root, '/')) && slash != root;
	     *slash = '\0') {
		_cleanup_free_ char *git = xasprintf("%s/.git", root);

		if (!access(git, F_OK))
			return root;
	}
	free(root);
	return xstrdup(path);
}

static int render_file(const char *path, const struct render_request *r,
		       struct render_answer *a, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read(path, &text, err))
		return -1;
	return render_text(path, buf_str(&text), text.len, r, a, err);
}

static int render_kustomization(const char *path, const struct render_request *r,
				struct render_answer *a, struct err *err)
{
	const char *const argv[] = { "kustomize", "build", path, NULL };
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (program_read(argv, KUSTOMIZE_DEADLINE_MS, &text, err)) {
		if (err->code == ERR_NOTFOUND)
			err_set(err, ERR_NOTFOUND, "%s is a kustomization: put the kustomize "
				"program on the PATH", path);
		return -1;
	}
	render_answer_deinit(a);
	*a = (struct render_answer){ 0 };
	return render_text(path, buf_str(&text), text.len, r, a, err);
}

static int render_folder(const char *path, struct render_request *r,
			 struct render_answer *a, struct err *err)
{
	_cleanup_free_ char *root = find_root(path);
	const char *below = path + strlen(root);
	struct files *files = files_dir_open(root, err);
	int rc;

	if (!files)
		return -1;
	r->path = (char *)(*below == '/' ? below + 1 : below);
	rc = render_run(files, r, a, err);
	files_close(files);
	if (!rc && a->needs_exec)
		rc = render_kustomization(path, r, a, err);
	return rc;
}

static int render(const char *path, struct render_answer *a, struct err *err)
{
	struct render_request r = { .path = "", .destination_ns = "" };
	_cleanup_free_ char *full = realpath(path, NULL);
	struct stat st;

	if (!full || stat(full, &st))
		return err_set(err, ERR_NOTFOUND, "%s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? render_folder(full, &r, a, err) :
				     render_file(full, &r, a, err);
}

static void add_row(struct view_table *t, const struct rendered *o)
{
	_cleanup_free_ char *wave = xasprintf("%d", o->wave);

	view_table_add(t, VIEW_PLAIN, wave);
	view_table_add(t, VIEW_PLAIN, o->group);
	view_table_add(t, VIEW_PLAIN, o->kind);
	view_table_add(t, VIEW_PLAIN, o->ns);
	view_table_add(t, VIEW_PLAIN, o->name);
	view_table_add(t, VIEW_PLAIN, o->source);
}

static void show_table(const struct render_answer *a, const struct view_env *env,
		       struct buf *out)
{
	struct view_table t;

	view_table_init(&t, "WAVE", "GROUP", "KIND", "NAMESPACE", "NAME", "SOURCE",
			NULL);
	for (size_t i = 0; i < a->n_objects; i++)
		add_row(&t, &a->objects[i]);
	view_table_print(&t, env, out);
	view_table_deinit(&t);
}

static void show_name(const struct rendered *o, struct buf *out)
{
	for (const char *s = o->kind; *s; s++)
		buf_addc(out, *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
	buf_addf(out, "%s%s/%s\n", o->group[0] ? "." : "", o->group, o->name);
}

/* The bodies as they are: no number passes through a parser. */
static int show_bodies(const struct render_answer *a, enum output output,
		       struct buf *out, struct err *err)
{
	bool json = output == OUT_JSON;

	if (json)
		buf_adds(out, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
	for (size_t i = 0; i < a->n_objects; i++) {
		_cleanup_free_ char *body = NULL;
		size_t len;

		if (render_answer_body(a, i, &body, &len, err))
			return -1;
		if (json) {
			buf_adds(out, i ? ",\n" : "\n");
			buf_add(out, body, len);
		} else {
			buf_adds(out, i ? "---\n" : "");
			view_yaml(body, len, out);
		}
	}
	if (json)
		buf_adds(out, "]}\n");
	return 0;
}

int cmd_render(const struct options *o)
{
	_cleanup_(answer_deinit) struct render_answer a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT_MAX((size_t)512 << 20);
	struct view_env env = output_env(o);
	struct err err = ERR_INIT;

	if (render(o->args[0], &a, &err))
		return output_error(&err);
	for (size_t i = 0; i < a.n_warnings; i++)
		fprintf(stderr, "syncctl: warning: %s\n", a.warnings[i]);
	if (o->output == OUT_TABLE || o->output == OUT_WIDE) {
		show_table(&a, &env, &out);
	} else if (o->output == OUT_NAME) {
		for (size_t i = 0; i < a.n_objects; i++)
			show_name(&a.objects[i], &out);
	} else if (show_bodies(&a, o->output, &out, &err)) {
		return output_error(&err);
	}
	return output_text(&out);
}
