/*
 * trace.c - what was asked of the files, and what was answered, as one text.
 *
 * Its digest names a render's input: two commits that answer the same questions
 * alike give the same render, wherever else they differ.
 */
#include "core/doc.h"
#include "render_priv.h"

static struct trace *self(struct files *f)
{
	return container_of(f, struct trace, files);
}

static void note_failure(struct trace *t, const char *what, const char *path,
			 const struct err *err)
{
	buf_addf(&t->seen, "%s %s: %s\n", what, path,
		 err ? err_code_str(err->code) : "error");
}

static int trace_stat(struct files *f, const char *path, struct file_entry *ret,
		      struct err *err)
{
	struct trace *t = self(f);

	if (t->inner->ops->stat(t->inner, path, ret, err)) {
		note_failure(t, "stat", path, err);
		return -1;
	}
	buf_addf(&t->seen, "stat %s: %d\n", path, (int)ret->kind);
	return 0;
}

static int trace_list(struct files *f, const char *path, struct file_list *ret,
		      struct err *err)
{
	struct trace *t = self(f);

	if (t->inner->ops->list(t->inner, path, ret, err)) {
		note_failure(t, "list", path, err);
		return -1;
	}
	buf_addf(&t->seen, "list %s:\n", path);
	for (size_t i = 0; i < ret->len; i++)
		buf_addf(&t->seen, "\t%d %s\n", (int)ret->data[i].kind,
			 ret->data[i].name);
	return 0;
}

static int trace_read(struct files *f, const char *path, size_t max, char **ret,
		      size_t *ret_len, struct err *err)
{
	struct trace *t = self(f);
	char digest[65];

	if (t->inner->ops->read(t->inner, path, max, ret, ret_len, err)) {
		note_failure(t, "read", path, err);
		return -1;
	}
	sha256_hex(*ret, *ret_len, digest);
	buf_addf(&t->seen, "read %s: %s\n", path, digest);
	return 0;
}

static int trace_link(struct files *f, const char *path, char **ret, struct err *err)
{
	struct trace *t = self(f);

	if (!t->inner->ops->link) {
		err_set(err, ERR_INVALID, "%s: a symbolic link is not followed", path);
		return -1;
	}
	if (t->inner->ops->link(t->inner, path, ret, err)) {
		note_failure(t, "link", path, err);
		return -1;
	}
	buf_addf(&t->seen, "link %s: %s\n", path, *ret);
	return 0;
}

static void trace_close(struct files *f)
{
	(void)f;	/* the inner one is borrowed */
}

void trace_init(struct trace *t, struct files *inner)
{
	static const struct files_ops ops = { trace_stat, trace_list, trace_read,
					      trace_close, trace_link };

	*t = (struct trace){ .files = { &ops }, .inner = inner };
}

void trace_deinit(struct trace *t)
{
	buf_deinit(&t->seen);
}

/* The parts of spec.source that decide what is rendered, in canonical JSON. */
static void add_options(const struct render_request *r, struct buf *out)
{
	static const char *const fields[] = { "directory", "kustomize" };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const json_t *v = doc_get(r->source, fields[i], NULL);

		buf_addf(out, "%s ", fields[i]);
		if (v)
			doc_canonical(v, out);
		buf_addc(out, '\n');
	}
}

static const char *text(const char *s)
{
	return s ? s : "";
}

void input_key(const struct render_request *r, const void *seen, size_t len,
	       char out[65])
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	buf_addf(&all, "version %d\npath %s\ninstall %s\napp %s\nnamespace %s\n",
		 RENDER_VERSION, text(r->path), text(r->install_id), text(r->app_id),
		 text(r->destination_ns));
	add_options(r, &all);
	for (size_t i = 0; i < r->n_remotes; i++)
		buf_addf(&all, "remote %s %s %s\n", r->remotes[i].url,
			 r->remotes[i].ref, r->remotes[i].commit);
	buf_add(&all, seen, len);
	sha256_hex(buf_str(&all), all.len, out);
}
