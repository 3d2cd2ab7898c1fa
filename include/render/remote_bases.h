/*
 * remote_bases.h - repositories that kustomizations name by URL, looked up among
 * those that a request brings: nothing is fetched here.
 */
#ifndef RENDER_REMOTE_BASES_H
#define RENDER_REMOTE_BASES_H

#include "core/files.h"
#include "core/mem.h"
#include "render/render.h"

struct remote_bases {
	const struct render_request *r;	/* borrowed */
	struct render_answer *a;	/* want_url, want_ref are set in it */
	VEC(struct files *) open;	/* private: one per r->remotes that was used */
};

/*
 * kust_options.remote, with a struct remote_bases as its argument. ERR_INVALID says
 * why a URL is refused; what is only missing is noted in the answer, with
 * ERR_NOTFOUND.
 */
int remote_bases_find(void *remote_bases, const char *url, struct files **files,
		      char **path, struct err *err);
void remote_bases_deinit(struct remote_bases *b);

#endif
