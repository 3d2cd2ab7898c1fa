/*
 * remote.h - paths that Kustomize would fetch from elsewhere: how they look
 * (internal/git/repospec.go, loader.IsRemoteFile). Pure.
 */
#ifndef KUST_REMOTE_H
#define KUST_REMOTE_H

#include <stdbool.h>

#include "core/mem.h"

/* A Git repository's URL, taken apart; in the arena. */
struct kremote {
	const char *repo;	/* to fetch from: host and path */
	const char *path;	/* of the folder in it; "" = its root */
	const char *ref;	/* "" = its default branch */
};

/* A URL by http or https: tried as a file first. */
bool kremote_is_file(const char *written);
/* NewRepoSpecFromURL: false when it is none. ret may be NULL. */
bool kremote_parse(struct arena *a, const char *written, struct kremote *ret);
bool kremote_is_repo(const char *written);
/* What may be shown of it: without user, password and query. Owned by the caller. */
char *kremote_shown(const char *written);

#endif
