/*
 * kustomize.c - a Kustomize source, for now built by the pinned kustomize program.
 *
 * Here it is judged only: overrides that we cannot do, remote bases, links, files
 * that are missing are refused in the render worker, before any program is started.
 * What passes sets needs_exec; the exec worker then materialises the same closure.
 */
#include "core/doc.h"
#include "render/kustomize.h"
#include "render_priv.h"

int kustomize_run(struct collect *c, struct files *files, const char *path,
		  struct err *err)
{
	struct closure k = { .r = c->r, .files = files };

	if (kust_overrides_check(doc_get(c->r->source, "kustomize", NULL), err) < 0 ||
	    closure_walk(&k, path, err) < 0)
		return -1;
	c->a->needs_exec = true;
	return 0;
}
