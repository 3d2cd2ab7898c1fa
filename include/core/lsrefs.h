/*
 * lsrefs.h - what a Git remote's refs point to, asked cheaply from the loop.
 *
 * Smart HTTP: GET info/refs with Git-Protocol: version=2, then POST
 * git-upload-pack ls-refs for just the prefixes in use; a version 0
 * advertisement is accepted as an answer. https://git-scm.com/docs/protocol-v2
 * The pkt-line parser is pure, capped and fuzzed (core/pktline.c).
 */
#ifndef CORE_LSREFS_H
#define CORE_LSREFS_H

#include "core/world.h"

struct git_ref {
	char *name;		/* "refs/heads/main", "HEAD" */
	char oid[65];		/* hex; for an annotated tag the peeled commit */
	char *symref;		/* HEAD's target or NULL */
	char tag[65];		/* the annotated tag's own id; "" of anything else */
};

struct ref_list {
	struct git_ref *data;
	size_t len, cap;
};
void ref_list_deinit(struct ref_list *l);

struct lsrefs {
	/* set by the caller */
	const struct http_endpoint *endpoint;	/* url = the repository's URL */
	const char *const *prefixes;	/* NULL-terminated: "refs/heads/main", "HEAD" */
	unsigned timeout_ms;		/* 0 = 15 s */
	/*
	 * refs is borrowed for the call. Errors: NET, TIMEOUT, AUTH (401, 403; with
	 * "next step" text), NOTFOUND (404), INVALID (not a Git server), LIMIT.
	 */
	void (*on_done)(struct lsrefs *l, const struct err *err,
			const struct ref_list *refs);
	struct lsrefs_state *priv;
};
void lsrefs_start(struct world *w, struct lsrefs *l);
void lsrefs_cancel(struct world *w, struct lsrefs *l);
/* Forgets it at once, without a callback; for owners that are freed. */
void lsrefs_abandon(struct world *w, struct lsrefs *l);

enum revision_kind { REV_HEAD, REV_NAME, REV_SHA, REV_RANGE };
/*
 * "" and "HEAD" = HEAD; 40 hex digits = SHA; "1.2.*", "^1", ">=1 <2" = a range of
 * versions (core/semver.h); else a branch or tag name.
 */
enum revision_kind revision_kind(const char *revision);
/* The ref prefixes to ask for: "refs/heads/x", "refs/tags/x", "HEAD", "refs/tags/". */
void revision_prefixes(const char *revision,
		       void (*add)(const char *prefix, void *arg), void *arg);
/* Where errors tell people to look; who asked otherwise replaces it by where he did. */
#define REVISION_FIELD "spec.source.targetRevision"
/*
 * The commit a targetRevision names now. Branch before tag, as Argo CD; of a range
 * the highest tag in it, else a branch called so. A full SHA answers itself. "refs/..." is taken literally. NOTFOUND names what was looked for.
 */
int revision_resolve(const struct ref_list *refs, const char *revision,
		     char oid[65], struct err *err)
	__attribute__((warn_unused_result));
/* The same, and which ref led there: *ret is borrowed from refs; NULL of a SHA. */
int revision_resolve_ref(const struct ref_list *refs, const char *revision, char oid[65],
			 const struct git_ref **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
