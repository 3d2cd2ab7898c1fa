/*
 * gitsim.h - simulated Git remotes: smart HTTP v2 ls-refs, and commits as maps
 * from path to text that the fetch and render handlers answer from.
 *
 * A repository appears with its first commit. HEAD is refs/heads/main, unless
 * gitsim_set_head() says otherwise. oids are 40 hex digits made from the content.
 */
#ifndef SIM_GITSIM_H
#define SIM_GITSIM_H

#include "core/world.h"
#include "simworld.h"

enum git_mood {
	GIT_FINE,
	GIT_REFUSE,	/* no connection */
	GIT_HANG,	/* never an answer */
	GIT_401,
	GIT_404,
	GIT_500,
	GIT_GARBAGE,	/* 200 with bytes that are no pkt-line */
	GIT_V0,		/* an old server: version 0 advertisement */
	GIT_ASTRAY,	/* redirects GET only: a POST ends at the old place, 404 */
};

struct gitsim *gitsim_new(void);
struct gitsim *gitsim_free(struct gitsim *g);

void gitsim_set_mood(struct gitsim *g, const char *url, enum git_mood m);
enum git_mood gitsim_mood(const struct gitsim *g, const char *url);
/*
 * Only who logs in as "user:password" (or "bearer:token") is answered, others get
 * 401; NULL: everybody. And only who trusts this CA bundle gets a connection.
 */
void gitsim_set_login(struct gitsim *g, const char *url, const char *login);
void gitsim_set_ca(struct gitsim *g, const char *url, const char *pem);
/* For the fetch worker, which does not go through the transport. */
bool gitsim_admits(const struct gitsim *g, const char *url, const char *login,
		   const char *ca);
void gitsim_set_head(struct gitsim *g, const char *url, const char *branch);
/* Points refs/heads/branch (or a full "refs/..." name) at oid; NULL deletes it. */
void gitsim_set_ref(struct gitsim *g, const char *url, const char *ref,
		    const char *oid);
/* The oid of a branch or full ref name; NULL if there is none. */
const char *gitsim_ref(const struct gitsim *g, const char *url, const char *ref);

/*
 * A commit on a branch: the files of its parent with `path` set to text (NULL
 * removes it). Returns the oid, which lives as long as the repository.
 */
const char *gitsim_commit(struct gitsim *g, const char *url, const char *branch,
			  const char *path, const char *text);
static inline const char *sim_git_commit(struct sim *s, const char *url,
		const char *branch, const char *path, const char *text)
{
	return gitsim_commit(sim_git(s), url, branch, path, text);
}

/* Files of a commit, sorted by path; NULL when i is past the last. */
const char *gitsim_file(const struct gitsim *g, const char *oid, size_t i,
			const char **text);
bool gitsim_has_commit(const struct gitsim *g, const char *oid);

/* What the fetch worker lists: lines "oid name" of the refs with these prefixes. */
void gitsim_list(struct gitsim *g, const char *url, const char *prefixes,
		 struct buf *out);
/* How often the remote was asked (info/refs and ls-refs together). */
uint64_t gitsim_polls(const struct gitsim *g, const char *url);

/* The transport's side: what a request is answered with. */
struct git_request {
	const char *method, *url;	/* url: whole, without query */
	const char *login, *ca;		/* "" if none */
	const char *protocol;		/* Git-Protocol header or "" */
	const char *body;
	size_t body_len;
};
struct git_answer {
	enum git_mood mood;
	int status;
	const char *content_type;
	struct buf body;
};
void gitsim_serve(struct gitsim *g, const struct git_request *q,
		  struct git_answer *a);

#endif
