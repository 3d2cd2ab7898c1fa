/* fetch_priv.h - one request of the fetch worker, for fetch_git.c (mirrors) and fetch_list.c. */
#ifndef CORE_GIT_FETCH_PRIV_H
#define CORE_GIT_FETCH_PRIV_H

#include "core/lsrefs.h"
#include "mirror.h"
#include "raw.h"
#include "repo.h"
#include "transport.h"

struct fetch_job {
	const struct fetch_request *r;
	const struct fetch_limits *limits;
	struct transfer transfer;
	struct mirror mirror;
	char *shown;			/* the URL for messages */
	char oid[65];			/* the commit; "": not known yet */
	bool fetched;			/* there is no more to be had */
	struct raw_commit raw;		/* of a file by HTTP */
};

/*
 * fetch_list.c; each answers 0 or -1. remote_failed: libgit2's error, unless a callback
 * of ours knows better: -1.
 */
int fetch_remote_failed(struct fetch_job *j, int rc, const char *doing, struct err *err);
/* What libgit2 shall call while it speaks to the remote: our transports, our limits. */
void fetch_callbacks(struct fetch_job *j, git_remote_callbacks *cb);
int fetch_connect(struct fetch_job *j, git_remote *remote, struct err *err)
	__attribute__((warn_unused_result));
/* The refs of a connected remote that the revision may name, into *refs (its owner's). */
int fetch_list_refs(struct fetch_job *j, git_remote *remote, const char *revision,
		    struct ref_list *refs, struct err *err)
	__attribute__((warn_unused_result));
/* What the daemon's poll asks: a->refs; no mirror is touched. */
int fetch_list(struct fetch_job *j, struct fetch_answer *a, struct err *err)
	__attribute__((warn_unused_result));
/* j->oid: the commit that the revision names. */
int fetch_resolve(struct fetch_job *j, struct err *err)
	__attribute__((warn_unused_result));

#endif
