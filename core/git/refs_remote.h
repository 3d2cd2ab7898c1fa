/*
 * refs_remote.h - what a remote's refs point to, asked by the worker: over SSH and
 * of folders. (HTTP is asked from the daemon's loop: core/lsrefs.h.)
 */
#ifndef CORE_GIT_REFS_REMOTE_H
#define CORE_GIT_REFS_REMOTE_H

#include "core/lsrefs.h"
#include "transport.h"

/*
 * Adds the refs of a connected remote that begin with one of the prefixes, peeled.
 * What libgit2 answers (< 0: failed), or -1 and *err.
 */
int refs_of_remote(git_remote *remote, const char *const *prefixes,
		   struct ref_list *refs, struct err *err);
/* The same over an SSH connection of its own. -1 and t->err. */
int refs_over_ssh(struct transfer *t, const char *const *prefixes,
		  struct ref_list *refs);

#endif
