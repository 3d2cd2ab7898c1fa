/* render_priv.h - what the files of render/ share. */
#ifndef RENDER_PRIV_H
#define RENDER_PRIV_H

#include "core/files.h"
#include "core/mem.h"
#include "core/node.h"
#include "render/render.h"

#define KUSTOMIZE_GROUP "kustomize.config.k8s.io"
#define SOURCE_FILES_MAX 20000

/* An object on its way into the answer. */
struct built {
	struct rendered o;	/* chunk, offset and length are set by pack() */
	char *body;
	size_t len;
	char clean[65];		/* digest without our label and tracking */
	bool generated;		/* o.name is a generateName: no identity yet */
	size_t part;		/* which source it is of */
	bool repeated;		/* a later source has it too */
	char *labels;		/* netpol.c: of its pods; NULL: it has none */
	char *selector;		/* netpol.c: of a NetworkPolicy; NULL */
	unsigned n_policies;	/* that select it */
};

/* One render under way. */
struct collect {
	const struct render_request *r;
	struct render_caps caps;	/* with the defaults filled in */
	struct render_answer *a;
	size_t source_bytes, source_files;
	size_t part;		/* the source under way */
	const char *from;	/* how messages call it; "" where it is the only one */
	VEC(struct built) objects;
};

void collect_init(struct collect *c, const struct render_request *r,
		  struct render_answer *a);
void collect_deinit(struct collect *c);
/* An object's memory, body and all. */
void built_deinit(struct built *b);
/* Shown with the answer; at most 20 are kept. */
void collect_warn(struct collect *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * All documents of one file. guess: a file that does not look like a manifest is
 * left out with a warning, as Argo CD does for directories; else it is an error.
 */
int collect_text(struct collect *c, const char *path, const char *text, size_t len,
		 bool guess, struct err *err);

/* object.c: adds what one document holds (a List: several) to c->objects. */
int object_add(struct collect *c, struct arena *a, struct node *n,
	       const char *path, struct err *err);

/* annotations.c: wave, hook and flags from metadata.annotations. */
int annotations_read(struct rendered *o, const struct node *object,
		     struct err *err);
/* doubts.c: warns of annotations that look meant and have no effect. */
void annotations_doubt(struct collect *c, const struct rendered *o,
		       const struct node *object, const char *path);
/*
 * draw.c: what is taken from Secrets of the cluster; ERR_INVALID where that is said
 * wrongly.
 */
int draw_read(struct arena *a, struct rendered *o, const struct node *object,
	      struct err *err);
/* A hook with a phase that exists; others are never applied. */
bool hook_ever_runs(const struct rendered *o);
/* normalise.c: what server-side apply would refuse or misread. */
void normalise(struct collect *c, struct rendered *o, struct node *n);
/* pods.c: images and refs of the object's pod template. */
void pods_read(struct rendered *o, const struct node *object);
/* The pod spec of an object, however deep it lies, or NULL. */
struct node *pods_spec(const struct node *object);
/* The labels of its pods; NULL: it makes none, or they have none. */
const struct node *pods_labels(const struct node *object);

/* netpol.c: what is needed of one object; then, of all, who selects whom. */
void netpol_read(struct built *b, const struct node *object);
void netpol_join(struct collect *c);

/*
 * pack.c: sorts, drops of one identity all but the last in Git, which it tells, makes
 * chunks and digests.
 */
void pack(struct collect *c);

/* path_glob.c: gobwas' globs as Argo CD uses them: '*' also matches '/'. */
struct path_glob;
struct path_glob *path_glob_new(const char *pattern, struct err *err);
struct path_glob *path_glob_free(struct path_glob *g);
/* 1, 0, or -1 when matching took too long. */
int path_glob_match(const struct path_glob *g, const char *path);

/* directory.c: source.directory. */
int directory_run(struct collect *c, struct files *files, const char *path,
		  struct err *err);

/*
 * kustomize.c: builds a Kustomize source; or, where it needs what is not ours, judges
 * it and asks for the exec worker.
 */
int kustomize_run(struct collect *c, struct files *files, const char *path,
		  struct err *err);

/*
 * closure.c: the kustomization in a folder and every file that it needs, each
 * once, in an order that depends on their contents only.
 */
struct closure {
	const struct render_request *r;
	struct files *files;
	/* What to do with each; NULL: nothing. path is relative to the tree's root. */
	int (*file)(void *arg, const char *path, const char *text, size_t len,
		    struct err *err);
	void *arg;
};
/* ERR_INVALID names file and field: remote, outside the tree, link, missing. */
int closure_walk(const struct closure *k, const char *folder, struct err *err)
	__attribute__((warn_unused_result));

/*
 * trace.c: files seen through a digest of all that was asked and answered: what a
 * render depends on, whatever the files come from.
 */
struct trace {
	struct files files;	/* hand out &t->files */
	struct files *inner;	/* borrowed */
	struct buf seen;
};
void trace_init(struct trace *t, struct files *inner);
void trace_deinit(struct trace *t);
/* Over RENDER_VERSION, the request's options and `seen` of one source. */
void input_key(const struct render_request *r, const void *seen, size_t len,
	       char out[65]);

#endif
