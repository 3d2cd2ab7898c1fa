/*
 * remote.h - paths that Kustomize would fetch from elsewhere: how they look
 * (internal/git/repospec.go, loader.IsRemoteFile). Pure.
 */
#ifndef RENDER_REMOTE_H
#define RENDER_REMOTE_H

#include <stdbool.h>

#include "core/mem.h"

/* A Git repository's URL, taken apart; in the arena. */
struct kremote {
	const char *repo;	/* to fetch from: host and path */
	const char *path;	/* of the folder in it; "" = its root */
	const char *ref;	/* "" = its default branch */
};

/*
 * What is asked of kust_options.remote for the file of a URL: KREMOTE_RAW before it;
 * the file is then in the tree's root, under this name.
 */
#define KREMOTE_RAW "raw+"
#define KREMOTE_RAW_FILE "file"

/* A repository's URL, as kremote_parse() gives it: by ssh, or "user@host:path". */
bool kremote_is_ssh(const char *repo);
/* A URL by http or https. */
bool kremote_is_file(const char *written);
/*
 * One that is a file by its looks: named *.yaml, *.yml or *.json with no mark of a
 * repository ("//", ".git", "_git/"), or no repository at all. The reference fetches
 * it and sees; what a build asks for is to be known before.
 */
bool kremote_is_raw(const char *written);
/* NewRepoSpecFromURL: false when it is none. ret may be NULL. */
bool kremote_parse(struct arena *a, const char *written, struct kremote *ret);
bool kremote_is_repo(const char *written);
/* Either, or with any other scheme: no path of a tree. */
bool kremote_is_remote(const char *written);
/* What may be shown of it: without user, password and query. Owned by the caller. */
char *kremote_shown(const char *written);

#endif
