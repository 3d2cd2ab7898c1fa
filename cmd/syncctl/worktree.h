/*
 * worktree.h - what the user's own Git says of a work tree: which repository it is, what
 * a revision holds. The program is asked, so that partial clones, alternates, hash
 * formats and the user's configuration are as everywhere else.
 */
#ifndef SYNCCTL_WORKTREE_H
#define SYNCCTL_WORKTREE_H

#include "core/files.h"
#include "local.h"
#include "survey.h"

struct worktree {
	struct local local;
	const char *repo;	/* --repo; borrowed, or NULL */
	VEC(char *) urls;	/* of its remotes */
	struct err trouble;	/* of the first question that Git did not answer */
	/* private: the last revision that was asked about */
	char *asked;
	bool fixed;
};

/*
 * path names a folder of it. A folder outside of Git is a tree without remotes; one that
 * Git does not read is an error in Git's words, ERR_NOTFOUND without a Git.
 */
int worktree_open(struct worktree *w, const char *path, const char *repo, struct err *err)
	__attribute__((warn_unused_result));
void worktree_close(struct worktree *w);
/* For survey_run(): its folder as it is on disk. */
struct survey_options worktree_survey(struct worktree *w);
/* What the survey could not ask of Git, to be seen after it: -1 and the error. */
int worktree_trouble(const struct worktree *w, struct err *err)
	__attribute__((warn_unused_result));

#endif
