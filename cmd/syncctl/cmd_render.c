/*
 * syncctl render PATH: what the daemon would render from a working copy, with the
 * same code, without cluster, network or Git. As YAML a kustomization is what
 * `kustomize build` prints, byte for byte; what we cannot build (Helm charts, plugins)
 * is left to that program, if it is on the PATH.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "core/node.h"
#include "files.h"
#include "local.h"
#include "render/render.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void answer_deinit(struct render_answer *a)
{
	render_answer_deinit(a);
}

static int render_file(const char *path, const struct render_request *r,
		       struct render_answer *a, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read(path, &text, err))
		return -1;
	return render_text(path, buf_str(&text), text.len, r, a, err);
}

static int render_program(const char *full, const struct render_request *r,
			  struct render_answer *a, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (local_program(full, a->exec_why, &text, err))
		return -1;
	render_answer_deinit(a);
	*a = (struct render_answer){ 0 };
	return render_text(full, buf_str(&text), text.len, r, a, err);
}

static void reword(const struct local *l, char **text)
{
	char *words = local_words(l, *text);

	free(*text);
	*text = words;
}

/* What names files does it as the user would. */
static void reword_all(const struct local *l, struct render_answer *a)
{
	for (size_t i = 0; i < a->n_objects; i++)
		reword(l, &a->objects[i].source);
	for (size_t i = 0; i < a->n_warnings; i++)
		reword(l, &a->warnings[i]);
	for (size_t i = 0; i < a->n_repeats; i++)
		reword(l, &a->repeats[i]);
	if (a->exec_why)
		reword(l, &a->exec_why);
}

/* The daemon's renderer on a folder, or the program where it cannot; sets r->path. */
static int render_local(const char *path, struct render_request *r,
			struct render_answer *a, struct err *err)
{
	_cleanup_(local_close) struct local l;
	int rc;

	if (local_open(&l, path, err) < 0)
		return -1;
	r->path = (char *)l.path;
	rc = render_run(l.files, r, a, err);
	if (rc)
		return local_fail(&l, err);
	reword_all(&l, a);
	return a->exec_why ? render_program(l.full, r, a, err) : 0;
}

static int render(const char *path, struct render_answer *a, struct err *err)
{
	struct render_request r = { .path = "", .destination_ns = "" };
	struct stat st;

	if (stat(path, &st))
		return err_set(err, ERR_NOTFOUND, "%s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? render_local(path, &r, a, err) :
				     render_file(path, &r, a, err);
}

/* --- a kustomization as the reference prints it ------------------------------------- */

static int build_text(struct local *l, struct buf *out, struct err *err)
{
	_cleanup_free_ char *why = NULL;
	struct kust_result built;
	int rc;

	if (local_build(l, l->path, &built, err) < 0)
		return -1;
	why = built.why ? local_words(l, built.why) : NULL;
	rc = built.needs_exec ? local_program(l->full, why, out, err) :
				kust_result_yaml(&built, out, err);
	kust_result_deinit(&built);
	return rc ? local_fail(l, err) : 0;
}

/* The line that differs first, as each side has it. */
static int show_difference(const char *ours, const char *theirs)
{
	unsigned line = 1;
	size_t start = 0, i = 0;

	for (; ours[i] == theirs[i] && ours[i]; i++) {
		if (ours[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	if (!ours[i] && !theirs[i]) {
		printf("the same, %u lines\n", line - 1);
		return EXIT_DONE;
	}
	printf("line %u differs first\n- %.*s\n+ %.*s\n", line,
	       (int)strcspn(theirs + start, "\n"), theirs + start,
	       (int)strcspn(ours + start, "\n"), ours + start);
	return EXIT_DIFFERENCE;
}

static int show_kustomization(struct local *l, const struct options *o)
{
	_cleanup_buf_ struct buf out = BUF_INIT_MAX((size_t)512 << 20);
	_cleanup_buf_ struct buf theirs = BUF_INIT_MAX((size_t)512 << 20);
	struct err err = ERR_INIT;

	if (build_text(l, &out, &err))
		return output_error(&err);
	if (!o->diff_reference)
		return output_text(&out);
	if (local_program(l->full, NULL, &theirs, &err))
		return output_error(&err);
	return show_difference(buf_str(&out), buf_str(&theirs));
}

/* 1: path is a kustomization that is wanted as YAML, and *rc the exit status. */
static int try_kustomization(const struct options *o, int *rc)
{
	_cleanup_(local_close) struct local l = { 0 };
	struct stat st;

	if ((o->output != OUT_DEFAULT && o->output != OUT_YAML && !o->diff_reference) ||
	    stat(o->args[0], &st) || !S_ISDIR(st.st_mode) ||
	    local_open(&l, o->args[0], NULL) < 0 || !local_is_kustomization(&l, l.path))
		return 0;
	*rc = show_kustomization(&l, o);
	return 1;
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

/* As Kustomize prints it: keys in its order, its quoting. */
static int show_yaml(const char *body, size_t len, struct buf *out, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node_reader *r = node_reader_new3(body, len);
	struct node *n = NULL;
	int rc = -1;

	if (node_read(r, &a, &n, err) == 1 && node_canonical(&a, n, &n, err) == 0)
		rc = node_to_yaml(n, out, err);
	node_reader_free(r);
	return rc;
}

/* The objects' indices in the order of the source: for Kustomize that of its output. */
static size_t *source_order(const struct render_answer *a)
{
	size_t *order = xcalloc(a->n_objects, sizeof(*order));

	for (size_t i = 0; i < a->n_objects; i++)
		order[a->objects[i].order] = i;
	return order;
}

static int show_all_yaml(const struct render_answer *a, const size_t *order,
			 struct buf *out, struct err *err)
{
	_cleanup_(render_bodies_deinit) struct render_bodies bodies = { .answer = a };

	for (size_t i = 0; i < a->n_objects; i++) {
		const char *body;
		size_t len;

		if (i)
			buf_adds(out, "---\n");
		if (render_bodies_get(&bodies, order[i], &body, &len, err) < 0 ||
		    show_yaml(body, len, out, err) < 0)
			return -1;
	}
	return 0;
}

/* The bodies as they are: no number passes through a parser of doubles. */
static int show_all_json(const struct render_answer *a, const size_t *order,
			 struct buf *out, struct err *err)
{
	_cleanup_(render_bodies_deinit) struct render_bodies bodies = { .answer = a };

	buf_adds(out, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
	for (size_t i = 0; i < a->n_objects; i++) {
		const char *body;
		size_t len;

		if (render_bodies_get(&bodies, order[i], &body, &len, err) < 0)
			return -1;
		buf_adds(out, i ? ",\n" : "\n");
		view_json(body, len, out);
	}
	buf_adds(out, "]}\n");
	return 0;
}

static int show_bodies(const struct render_answer *a, enum output output,
		       struct buf *out, struct err *err)
{
	_cleanup_free_ size_t *order = source_order(a);

	return output == OUT_JSON ? show_all_json(a, order, out, err) :
				    show_all_yaml(a, order, out, err);
}

int cmd_render(const struct options *o)
{
	_cleanup_(answer_deinit) struct render_answer a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT_MAX((size_t)512 << 20);
	struct view_env env = output_env(o);
	struct err err = ERR_INIT;
	int rc;

	if (try_kustomization(o, &rc))
		return rc;
	if (o->diff_reference)
		return output_usage("--diff-reference: %s is no kustomization", o->args[0]);
	if (render(o->args[0], &a, &err))
		return output_error(&err);
	for (size_t i = 0; i < a.n_warnings; i++)
		output_note("warning: %s", a.warnings[i]);
	for (size_t i = 0; i < a.n_repeats; i++)
		output_note("warning: %s", a.repeats[i]);
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
