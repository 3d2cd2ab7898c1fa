/*
 * kustomize.c - a Kustomize source: built here, from the files of the commit.
 *
 * What is not ours (Helm charts, plugins that are programs) is found before the build
 * and named in exec_why. The closure is judged then: overrides that we cannot do,
 * remote bases, links, files that are missing are refused in the render worker,
 * before any program is started; the exec worker materialises the same closure.
 */
#include "core/doc.h"
#include "render/kustomize.h"
#include "render/remote_bases.h"
#include "render_priv.h"

static void on_warning(void *arg, const char *text)
{
	collect_warn(arg, "%s", text);
}

struct adding {
	struct collect *c;
	const char *path;	/* of the kustomization */
};

/* Of what a plugin generated we know the folder only. */
static int add(void *arg, const struct kust_object *o, struct node *n, struct arena *a,
	       struct err *err)
{
	const struct adding *to = arg;
	const char *from = *o->file ? o->file : *to->path ? to->path : ".";

	n->line = o->line;
	return object_add(to->c, a, n, from, err);
}

static int leave_to_program(struct collect *c, struct files *files, const char *path,
			    const char *why, struct err *err)
{
	struct closure k = { .r = c->r, .files = files };

	if (closure_walk(&k, path, err) < 0)
		return -1;
	c->a->exec_why = xstrdup(why);
	return 0;
}

/* Of what is to be fetched: which field of which file names it. */
static void tell_who_wants(struct render_answer *a, const struct err *err)
{
	const char *end = strstr(err->msg, ": it is not fetched yet");

	a->want_by = end ? xstrndup(err->msg, (size_t)(end - err->msg)) :
			   xstrdup(err->msg);
}

int kustomize_run(struct collect *c, struct files *files, const char *path,
		  struct err *err)
{
	_cleanup_(remote_bases_deinit) struct remote_bases remotes = { .r = c->r,
								       .a = c->a };
	const struct kust_options o = {
		.overrides = doc_get(c->r->source, "kustomize", NULL),
		.source_bytes = c->caps.source_bytes, .file_bytes = c->caps.file_bytes,
		.objects = c->caps.objects, .warn = on_warning, .warn_arg = c,
		.remote = remote_bases_find, .remote_arg = &remotes,
	};
	struct adding to = { c, path };
	struct kust_result built;
	int rc;

	if (kustomize_build(files, path, &o, &built, err) < 0) {
		if (c->a->want_url)
			tell_who_wants(c->a, err);
		return -1;
	}
	rc = built.needs_exec ? leave_to_program(c, files, path, built.why, err) :
				kust_result_each(&built, add, &to, err);
	kust_result_deinit(&built);
	return rc;
}
