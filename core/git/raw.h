/*
 * raw.h - one file by HTTP, as a commit that holds it and nothing else.
 *
 * What a kustomization names by the URL of a file is mirrored like a repository, so
 * that a render reads it from a commit and is the same until the file changes. The
 * commit is a function of URL and content: who has it need not fetch it again.
 */
#ifndef CORE_GIT_RAW_H
#define CORE_GIT_RAW_H

#include "repo.h"
#include "transport.h"

/* The objects of such a commit, not written yet. */
struct raw_commit {
	struct buf blob, tree, commit;
	char oid[GIT_OID_HEXSZ + 1];	/* the commit's */
};

/*
 * raw_http.c: gets the file of t->request->url (a repo_is_raw() one) into out, within
 * t's caps. AUTH, NOTFOUND, INVALID, LIMIT, NET, TIMEOUT, all naming the URL.
 */
int raw_get(struct transfer *t, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/* raw.c: takes the bytes of blob; url goes into the commit's message. */
int raw_commit_init(struct raw_commit *c, const char *url, struct buf *blob,
		    struct err *err) __attribute__((warn_unused_result));
/* Writes the three objects into the bare repository at path. */
int raw_commit_write(const struct raw_commit *c, git_repository *repo, struct err *err)
	__attribute__((warn_unused_result));
void raw_commit_deinit(struct raw_commit *c);

#endif
