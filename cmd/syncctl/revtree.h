/* revtree.h - the tree of a revision as files, read by the user's own Git. */
#ifndef SYNCCTL_REVTREE_H
#define SYNCCTL_REVTREE_H

#include <stdbool.h>

#include "core/files.h"

/* The commit that REV names in the work tree, owned; NULL: ERR_NOTFOUND. */
char *revtree_resolve(const char *worktree, const char *rev, struct err *err);
/*
 * Where the history of both parts: the commit that a pull request is compared with.
 * Owned; NULL where Git knows none (a shallow clone).
 */
char *revtree_merge_base(const char *worktree, const char *a, const char *b);
/*
 * May the file hold an Application? Git looks for its group in all files at once, since
 * asking for each of many thousands takes long.
 */
bool revtree_may_hold(struct files *f, const char *path);
/*
 * The tree of a commit; entries have object ids. It runs `git cat-file` until it is
 * closed. ERR_LIMIT: more than 64 MiB of names.
 */
struct files *revtree_open(const char *worktree, const char *commit, struct err *err);

#endif
