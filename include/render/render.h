/*
 * render.h - source tree -> objects. Pure: no network, no clock, no cluster.
 */
#ifndef RENDER_RENDER_H
#define RENDER_RENDER_H

#include <jansson.h>

#include "core/files.h"
#include "render/answer.h"

struct render_caps {
	size_t source_bytes;	/* 0 = 32 MiB */
	size_t file_bytes;	/* 0 = 16 MiB */
	size_t object_bytes;	/* 0 = 3 MiB, the API server's own limit */
	size_t objects;		/* 0 = 20,000 */
};

/* A repository that a kustomization names by URL, fetched beforehand. */
struct render_remote {
	char *url, *ref;	/* as the answer's want_url and want_ref said */
	char *mirror, *commit;
	char *tag, *tag_ref;	/* as the request's own */
};

/*
 * What to render: one source of an application. `source` is the Application's
 * spec.source as written (directory, kustomize, path); tracking is what goes into
 * every object.
 */
struct render_request {
	char *mirror;		/* bare repository; NULL when rendering a folder */
	char *commit;
	char *path;		/* in the tree, "" = root */
	char *where;		/* "sources[1]": of several, for messages; NULL */
	json_t *source;		/* spec.source; NULL = {} */
	char *install_id;	/* label syncd.dev/install; NULL = no label */
	char *app_id;		/* "<app>" or "<ns>_<app>": tracking id; NULL = none */
	char *destination_ns;	/* for tracking ids of objects without namespace */
	struct render_caps caps;
	struct render_remote *remotes;
	size_t n_remotes;
	/* A deploy-control file of the same commit, and what to take of it; NULL. */
	char *control, *environment;
	/*
	 * By whom the commits of all sources have to be signed (core/signed.h), in the
	 * first of several requests; NULL: nobody asks. It is looked at before rendering.
	 */
	json_t *signatures;
	char *tag, *tag_ref;	/* annotated, that led to the commit: its id, and the ref
				   at which it stands ("refs/tags/v1"); NULL */
	/*
	 * Other sources, of which nothing is rendered, and that have to be signed as well;
	 * url is their place ("sources[1]"), ref "". In the first of several requests.
	 */
	struct render_remote *vouched;
	size_t n_vouched;
	/*
	 * Not encoded: opens a commit of a mirror (files_git_open). NULL: remote bases
	 * are refused by name.
	 */
	struct files *(*open_tree)(const char *mirror, const char *commit,
				   struct err *err);
};

#define RENDER_SOURCES_MAX 16

/*
 * All sources of one application, in order, as the JSON that the daemon sends to the
 * worker. Decoding gives 1 to RENDER_SOURCES_MAX of them, or ERR_INTERNAL.
 */
struct render_requests {
	struct render_request data[RENDER_SOURCES_MAX];
	size_t len;
};
void render_requests_encode(const struct render_requests *all, struct buf *out);
int render_requests_decode(struct render_requests *all, const char *data, size_t len,
			   struct err *err) __attribute__((warn_unused_result));
void render_requests_deinit(struct render_requests *all);

/*
 * Renders from files. Errors are ERR_INVALID (naming file, line, object, field),
 * ERR_NOTFOUND (path), ERR_LIMIT (a cap). A Kustomize source without native code
 * for it sets a->exec_why; one that needs a repository which is not among the
 * request's remotes sets a->want_url: fetch it, and ask again.
 */
int render_run(struct files *files, const struct render_request *r,
	       struct render_answer *a, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Several sources into one answer, each from its files, or from the text that a
 * program printed for it. The last to hold an object gives it, also within one source,
 * and a->repeats tells of the others. Errors begin with the request's `where`. When one of them sets
 * a->exec_why or a->want_url, nothing else is in the answer.
 */
struct render_part {
	const struct render_request *request;
	struct files *files;
	const char *text;	/* instead of files; NULL */
	size_t len;
	const char *name;	/* what messages call the text */
};
int render_all(const struct render_part *parts, size_t n, struct render_answer *a,
	       struct err *err) __attribute__((warn_unused_result));

/*
 * What of `spec.source`, as it was written, no render would take: ERR_INVALID, the
 * message begins with "source.".
 */
int render_check_source(const json_t *source, struct err *err)
	__attribute__((warn_unused_result));

/* YAML documents -> the same answer: what the exec worker does with its output. */
int render_text(const char *name, const char *text, size_t len,
		const struct render_request *r, struct render_answer *a,
		struct err *err) __attribute__((warn_unused_result));

/*
 * Copies what a kustomization at r->path needs into the folder `to`, regular files
 * only; used by the exec worker before it runs the pinned kustomize.
 */
int render_materialise(struct files *files, const struct render_request *r,
		       const char *to, struct err *err)
	__attribute__((warn_unused_result));

#endif
