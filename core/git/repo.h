/*
 * repo.h - libgit2 as this room uses it: set up once, errors copied at once.
 */
#ifndef CORE_GIT_REPO_H
#define CORE_GIT_REPO_H

#include <git2.h>
#include <stdbool.h>

#include "core/err.h"
#include "core/mem.h"

/*
 * Starts libgit2 once per process with our limits and without any configuration
 * from the system or the user.
 */
int repo_setup(struct err *err);

/*
 * Sets *err from libgit2's last error of this thread ("<fmt>: <its text>") and
 * returns -1. Damaged or missing objects are ERR_IO with retry. Call it before
 * any other libgit2 function.
 */
int repo_fail(int rc, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* libgit2's objects, freed at the end of a scope. */
#define REPO_CLEANUP(type)                                                    \
	static inline void type##_freep(type **p)                             \
	{                                                                     \
		type##_free(*p);                                              \
	}
REPO_CLEANUP(git_repository)
REPO_CLEANUP(git_odb)
REPO_CLEANUP(git_odb_object)
REPO_CLEANUP(git_commit)
REPO_CLEANUP(git_tree)
REPO_CLEANUP(git_object)
REPO_CLEANUP(git_remote)
REPO_CLEANUP(git_reference)
#define _cleanup_git_(type) _cleanup_(type##_freep) type

#endif
