/* local.h - folders on this machine as trees of files, for render and validate. */
#ifndef SYNCCTL_LOCAL_H
#define SYNCCTL_LOCAL_H

#include "core/buf.h"
#include "core/files.h"
#include "render/kustomize.h"

struct local {
	struct files *files;	/* the Git work tree that the folder lies in */
	char *root;		/* where that is */
	bool is_git;		/* it is a Git work tree */
	const char *path;	/* of the folder in it; borrowed from root's storage */
	char *full;
};

/*
 * path names a folder. Outside of a Git work tree a kustomization's bases may lie
 * anywhere: the tree is the whole file system then; another folder is its own tree.
 */
int local_open(struct local *l, const char *path, struct err *err)
	__attribute__((warn_unused_result));
/* The same, but outside of a Git work tree the folder itself is all there is. */
int local_open_repository(struct local *l, const char *path, struct err *err)
	__attribute__((warn_unused_result));
void local_close(struct local *l);
/* Has the folder below l->files one of the three files of a kustomization? */
bool local_is_kustomization(struct local *l, const char *folder);
/* What lies there in the sense of l->path, as a path for people. Owned. */
char *local_shown(const struct local *l, const char *folder);
/*
 * A message that names files of the tree, with their names as the user would write
 * them: where the tree is the whole file system, from the current folder on, or from
 * "/" on. Owned.
 */
char *local_words(const struct local *l, const char *text);
/* The same in place; -1, for `return local_fail(...)`. */
int local_fail(const struct local *l, struct err *err);
/* kustomize_build() of a folder; warnings go to stderr. */
int local_build(struct local *l, const char *folder, struct kust_result *ret,
		struct err *err) __attribute__((warn_unused_result));
/*
 * The kustomize program's output for a folder, which is what the daemon leaves to it.
 * ERR_NOTFOUND: it is not there; why (or NULL) says then what it is needed for.
 */
int local_program(const char *full, const char *why, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
