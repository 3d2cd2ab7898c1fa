/*
 * kustomize.h - the native Kustomize: a folder of a tree in, finished objects out.
 *
 * Gives what `kustomize build` 5.8.1 gives, or fails where it fails. Pure: reads
 * files through `struct files` only, runs nothing, fetches nothing.
 */
#ifndef RENDER_KUSTOMIZE_H
#define RENDER_KUSTOMIZE_H

#include <jansson.h>

#include "core/files.h"
#include "core/mem.h"
#include "core/node.h"

enum korder { KORDER_DEFAULT /* what sortOptions says, else legacy */, KORDER_NONE };

struct kust_options {
	const json_t *overrides;	/* spec.source.kustomize, or NULL */
	enum korder order;
	size_t source_bytes, file_bytes, objects;	/* caps; 0: of render.h */
	/*
	 * Remote bases: where a URL written in `resources` or `components` lies, as a
	 * tree of its own, and where in it; of a file by its URL "raw+" is before it.
	 * NULL: none are allowed. files is owned by
	 * remote_arg, path by the caller.
	 * NOTFOUND with retry: not fetched yet, and noted; the caller fetches and asks
	 * again.
	 */
	int (*remote)(void *remote_arg, const char *url, struct files **files,
		      char **path, struct err *err);
	void *remote_arg;
	void (*warn)(void *warn_arg, const char *text);	/* NULL: nobody listens */
	void *warn_arg;
};

/* An object of the outcome. */
struct kust_object {
	struct node *root;	/* as it was built: see kust_result_each() */
	const char *kind, *name;
	const char *file;	/* where it came from, or its generator; "": a plugin */
	uint32_t line;
};

struct kust_result {
	struct arena arena;	/* holds all of it */
	struct kust_object *objects;	/* in output order */
	size_t n_objects;
	bool needs_exec;	/* not ours: why says which field of which file */
	char *why;		/* owned; NULL unless needs_exec */
};

/*
 * Builds the kustomization in folder path of files. ERR_INVALID names file, line,
 * field and reason; ERR_NOTFOUND, ERR_LIMIT likewise. What cannot be printed is found
 * by kust_result_each() only.
 */
int kustomize_build(struct files *files, const char *path,
		    const struct kust_options *o, struct kust_result *ret,
		    struct err *err) __attribute__((warn_unused_result));
void kust_result_deinit(struct kust_result *r);

/*
 * Each object in its turn as it is printed (see node_canonical(): plain scalars are
 * what they look like in JSON, too): one at a time, since all of them would take as
 * much memory again. n and a live for the call, and fn may change both; fn NULL: only
 * whether all can be printed. ERR_INVALID names the object, or fn's error.
 */
int kust_result_each(const struct kust_result *r,
		     int (*fn)(void *arg, const struct kust_object *o, struct node *n,
			       struct arena *a, struct err *err),
		     void *arg, struct err *err) __attribute__((warn_unused_result));

/* Refuses what source.kustomize asks and we cannot do. */
int kust_overrides_check(const json_t *kustomize, struct err *err)
	__attribute__((warn_unused_result));
/*
 * Works source.kustomize into the text of the kustomization in `folder`, and writes
 * the outcome as JSON to out; out stays empty when there is nothing to change.
 */
int kust_overrides_text(const json_t *kustomize, struct files *files,
			const char *folder, const char *text, size_t len,
			struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/* The same bytes as the reference prints. */
int kust_result_yaml(const struct kust_result *r, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
